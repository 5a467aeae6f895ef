//! Incidents over HTTP, and messages to receivers that really listen.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use http::{HeaderMap, Request, StatusCode, Uri};
use menshen_gateway::config::{AuthMode, Channel, ChannelKind, SmtpTls};
use menshen_gateway::incidents::{evidence, watch};
use menshen_gateway::{Config, Gateway, Snapshot};
use menshen_store::{MessageState, Options, Store};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

const ADMIN: &str = "the-admin-key-of-this-test-0123456789";
const TOKEN: &str = "t0ken-that-must-not-be-seen";

type Got = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

/// A robot that takes what comes: as the vendors answer, or with a redirect.
async fn robot(got: Got) -> String {
    let take = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let got = Arc::clone(&got);
        async move {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            got.lock().unwrap().push((uri.to_string(), headers, body));
            match uri.path() {
                "/redirect" => (StatusCode::FOUND, [("location", "/ok")], "").into_response(),
                "/refuse" => r#"{"errcode":310000,"errmsg":"sign not match"}"#.into_response(),
                _ => r#"{"errcode":0,"errmsg":"ok","code":0}"#.into_response(),
            }
        }
    };
    use axum::response::IntoResponse as _;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(take)).await });
    format!("http://{address}")
}

/// An e-mail server on loopback: one mail a connection, as RFC 5321 says.
async fn mail_server(mails: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mails = Arc::clone(&mails);
            tokio::spawn(async move {
                let (read, mut write) = socket.split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 here\r\n").await.unwrap();
                let (mut data, mut whole) = (false, String::new());
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer = match line.split(' ').next().unwrap_or_default() {
                        _ if data && line == "." => {
                            data = false;
                            mails.lock().unwrap().push(std::mem::take(&mut whole));
                            "250 taken"
                        }
                        _ if data => {
                            whole.push_str(&line);
                            whole.push('\n');
                            continue;
                        }
                        "DATA" => {
                            data = true;
                            "354 go on"
                        }
                        "QUIT" => "221 bye",
                        _ => "250 ok",
                    };
                    write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
            });
        }
    });
    port
}

struct House {
    _dir: tempfile::TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

async fn house(channels: Vec<Channel>) -> House {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
    config.auth.mode = AuthMode::Keys;
    config.guard.judge.enabled = false;
    config.notifications.channel = channels;
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let snapshot = Snapshot::load(&config);
    let gateway = Gateway::new(config, snapshot, store, Some(ADMIN)).unwrap();
    let router = gateway.router();
    House { _dir: dir, gateway, router }
}

impl House {
    async fn bytes(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Vec<u8>) {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {ADMIN}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        (status, axum::body::to_bytes(answer.into_body(), 8 << 20).await.unwrap().to_vec())
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let (status, bytes) = self.bytes(method, path, body).await;
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn channel(name: &str, kind: ChannelKind, url: &str) -> Channel {
    let url = Some(format!("{url}?access_token={TOKEN}"));
    Channel { name: name.into(), kind, url, ..Channel::default() }
}

#[tokio::test]
async fn an_incident_goes_its_way_and_people_are_told_once() {
    let got = Got::default();
    let base = robot(Arc::clone(&got)).await;
    let house = house(vec![channel("oncall", ChannelKind::Dingtalk, &format!("{base}/ok"))]).await;
    let new = json!({"title": "漏出 <script>", "class": "data", "answers": {"people": 2_000_000}});
    let (status, made) = house.call("POST", "/admin/incidents", Some(new)).await;
    assert_eq!(
        (status, &made["grade"], &made["state"]),
        (StatusCode::OK, &json!("considerable"), &json!("open")),
        "{made}"
    );
    let path = format!("/admin/incidents/{}", made["id"].as_str().unwrap());
    house.gateway.notifier.send_due(&house.gateway.store, now()).await;
    // Three hours and a half later the report is due soon; after the end it is overdue; each is told once.
    for minutes in [211, 212, 250, 10, 251] {
        watch::timers(&house.gateway, now() + minutes * 60_000_000).await;
    }
    house.gateway.notifier.send_due(&house.gateway.store, now() + 300 * 60_000_000).await;
    let told: Vec<String> =
        got.lock().unwrap().iter().map(|(_, _, b)| b["text"]["content"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("立案") && told[1].contains("即将到期") && told[2].contains("已逾期"), "{told:?}");

    let (_, folder) = house.call("GET", &path, None).await;
    assert_eq!(folder["reasons"][0]["question"], "people");
    assert!(folder["tasks"].as_array().unwrap().iter().any(|t| t["id"] == "scope"));
    let facts = json!({"facts": {"impact": "2,000,000 <b>people</b>", "unit": "us"}});
    assert_eq!(house.call("PATCH", &path, Some(facts)).await.0, StatusCode::OK);
    for wrong in [
        json!({"facts": {"unheard": "x"}}),
        json!({"roles": {"commander": "nobody"}}),
        json!({"answers": {"people": -1}}),
    ] {
        assert_eq!(house.call("PATCH", &path, Some(wrong.clone())).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (_, draft) = house.call("GET", &format!("{path}/report?kind=initial&lang=en"), None).await;
    assert_eq!(draft["missing"], 3, "{draft}");
    let (status, html) = house.bytes("GET", &format!("{path}/report?kind=initial&lang=zh&format=html"), None).await;
    let html = String::from_utf8(html).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("&lt;script&gt;") && html.contains("&lt;b&gt;people") && html.contains("【待补充】"));
    assert!(!html.contains("<script") && !html.contains("<b>"));
    assert_eq!(house.call("GET", &format!("{path}/report?kind=drill"), None).await.0, StatusCode::BAD_REQUEST);

    let (status, file) = house.call("POST", &format!("{path}/evidence"), Some(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{file}");
    assert!(file["records"].as_i64().unwrap() > 0);
    let (status, zip) =
        house.bytes("GET", &format!("{path}/evidence?file={}", file["id"].as_str().unwrap()), None).await;
    assert_eq!(status, StatusCode::OK);
    evidence::verify(&zip).unwrap();
    assert_eq!(house.bytes("GET", &format!("{path}/evidence?file=none"), None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_drill_tells_nobody_outside() {
    let got = Got::default();
    let base = robot(Arc::clone(&got)).await;
    let house = house(vec![channel("oncall", ChannelKind::Feishu, &format!("{base}/ok"))]).await;
    let drill = json!({"title": "drill", "class": "outage", "answers": {"people": 200_000_000}, "drill": true});
    assert_eq!(house.call("POST", "/admin/incidents", Some(drill)).await.0, StatusCode::OK);
    watch::timers(&house.gateway, now() + 300 * 60_000_000).await;
    house.gateway.notifier.send_due(&house.gateway.store, now()).await;
    assert!(got.lock().unwrap().is_empty());
    let (_, list) = house.call("GET", "/admin/incidents?drill=false", None).await;
    assert_eq!((&list["figures"]["open"], &list["figures"]["drills"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn every_channel_delivers_and_no_answer_shows_its_address() {
    let (got, mails) = (Got::default(), Arc::new(Mutex::new(Vec::new())));
    let base = robot(Arc::clone(&got)).await;
    let port = mail_server(Arc::clone(&mails)).await;
    let kinds = [
        ("ding", ChannelKind::Dingtalk, "/ok"),
        ("fei", ChannelKind::Feishu, "/ok"),
        ("we", ChannelKind::Wecom, "/ok"),
        ("slack", ChannelKind::Slack, "/ok"),
        ("hook", ChannelKind::Webhook, "/ok"),
        ("moved", ChannelKind::Slack, "/redirect"),
        ("refused", ChannelKind::Dingtalk, "/refuse"),
    ];
    let mut channels: Vec<Channel> =
        kinds.map(|(name, kind, path)| channel(name, kind, &format!("{base}{path}"))).into();
    channels.push(channel("gone", ChannelKind::Slack, "http://127.0.0.1:1/x"));
    channels.push(Channel {
        name: "mail".into(),
        kind: ChannelKind::Email,
        server: Some("127.0.0.1".into()),
        port: Some(port),
        tls: SmtpTls::None,
        from: Some("Menshen <menshen@example.com>".into()),
        to: vec!["oncall@example.com".into()],
        lang: Some("en".into()),
        ..Channel::default()
    });
    let house = house(channels).await;
    let mut shown = String::new();
    for (name, sent) in [
        ("ding", true),
        ("fei", true),
        ("we", true),
        ("slack", true),
        ("hook", true),
        ("mail", true),
        ("moved", false),
        ("refused", false),
        ("gone", false),
    ] {
        let (status, said) = house.call("POST", "/admin/notifications/test", Some(json!({"channel": name}))).await;
        assert_eq!((status, &said["sent"]), (StatusCode::OK, &json!(sent)), "{name}: {said}");
        shown.push_str(&said.to_string());
    }
    assert_eq!(got.lock().unwrap().iter().filter(|(uri, ..)| uri.starts_with("/redirect")).count(), 1);
    assert_eq!(got.lock().unwrap().len(), 7, "a redirect was followed");
    let mail = mails.lock().unwrap().concat();
    for part in
        ["From: ", "menshen@example.com", "To: oncall@example.com", "Subject: Menshen: a test", "Message-ID: <msg_"]
    {
        assert!(mail.contains(part), "{part} is missing in {mail}");
    }
    assert_eq!(
        house.call("POST", "/admin/notifications/test", Some(json!({"channel": "none"}))).await.0,
        StatusCode::NOT_FOUND
    );
    // What fails is given up after its attempts, and shown.
    let message = house.gateway.notifier.messages("incident", "k", None, |_| ("t".into(), "x".into()));
    assert_eq!(message.len(), 9);
    let only: Vec<_> = message.into_iter().filter(|m| m.channel == "gone").collect();
    house.gateway.store.queue_messages(only, "test", now()).await.unwrap();
    for hours in 0..20 {
        house.gateway.notifier.send_due(&house.gateway.store, now() + hours * 3_700_000_000).await;
    }
    let messages = house.gateway.store.messages(9).await.unwrap();
    assert_eq!((messages[0].state, messages[0].attempts), (MessageState::Dead, 10));
    shown.push_str(&house.call("GET", "/admin/notifications", None).await.1.to_string());
    assert!(!shown.contains(TOKEN) && !shown.contains("127.0.0.1"), "{shown}");
}

#[tokio::test]
async fn a_channel_that_cannot_work_is_refused_at_the_start() {
    menshen_gateway::install_crypto();
    for (wrong, word) in [
        (channel("a b", ChannelKind::Slack, "http://x"), "name"),
        (Channel { name: "a".into(), kind: ChannelKind::Slack, ..Channel::default() }, "address"),
        (
            Channel {
                name: "a".into(),
                kind: ChannelKind::Slack,
                url: Some("file:///etc/passwd".into()),
                ..Channel::default()
            },
            "address",
        ),
        (Channel { name: "a".into(), kind: ChannelKind::Email, ..Channel::default() }, "server"),
        (
            Channel {
                name: "a".into(),
                kind: ChannelKind::Email,
                server: Some("smtp.example.com".into()),
                tls: SmtpTls::None,
                ..Channel::default()
            },
            "loopback",
        ),
    ] {
        let settings = menshen_gateway::config::Notifications { channel: vec![wrong], ..Default::default() };
        let refused = menshen_gateway::notify::Notifier::new(&settings).unwrap_err();
        assert!(refused.message.contains(word), "{}", refused.message);
    }
}
