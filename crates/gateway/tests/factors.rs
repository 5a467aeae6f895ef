//! Security keys and recovery codes over REST: what a browser is asked and sends, and what a page of another address gets.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use menshen_gateway::auth::{COOKIE, CSRF};
use menshen_gateway::config::AuthMode;
use menshen_gateway::{Config, Gateway, Snapshot};
use menshen_store::{Assertion, Filter, NewPerson, NewSecurityKey, Options, Role, Site, Store, csrf_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use soft_key::{Handed, SoftKey, base64};

#[path = "../../store/tests/store/soft_key.rs"]
#[expect(dead_code, reason = "the store's tests hand answers over as bytes, these as JSON")]
mod soft_key;

const PASSWORD: &str = "tall trees at dusk";
const SESSION: &str = "/console/api/session";
const KEYS: &str = "/admin/people/me/security-keys";
const CONFIRM: &str = "/admin/people/me/security-keys/confirm";
const CODES: &str = "/admin/people/me/recovery-codes";
const FACTORS: &str = "/admin/people/me/factors";
const HOST: &str = "localhost:8080";
const ORIGIN: &str = "http://localhost:8080";

struct House {
    _dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

/// A browser: where its page is, and whose session it has.
#[derive(Clone)]
struct Browser {
    host: &'static str,
    origin: &'static str,
    token: Option<String>,
}

const HERE: Browser = Browser { host: HOST, origin: ORIGIN, token: None };

struct Said {
    status: StatusCode,
    token: Option<String>,
    body: Value,
}

impl Said {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn bytes(text: &Value) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD.decode(text.as_str().unwrap().as_bytes()).unwrap()
}

fn soft() -> SoftKey {
    SoftKey::es256("localhost", ORIGIN)
}

fn created(handed: &Handed) -> Value {
    let (id, client, said) = (base64(&handed.id), base64(&handed.client_data), base64(&handed.said));
    let response = json!({"clientDataJSON": client, "attestationObject": said, "transports": handed.transports});
    json!({"id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "cross-platform",
        "clientExtensionResults": {}, "response": response})
}

fn got(handed: &Handed) -> Value {
    let (id, client, said) = (base64(&handed.id), base64(&handed.client_data), base64(&handed.said));
    let response = json!({"clientDataJSON": client, "authenticatorData": said, "signature": base64(&handed.signature),
        "userHandle": handed.user.as_deref().map(base64)});
    json!({"id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response})
}

impl House {
    async fn new(public_url: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.auth.mode = AuthMode::Keys;
        config.guard.judge.enabled = false;
        config.console.public_url = public_url.map(str::to_owned);
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let snapshot = Snapshot::load(&config);
        let gateway = Gateway::new(config, snapshot, store, None).unwrap();
        let router = gateway.router();
        House { _dir: dir, gateway, router }
    }

    async fn person(&self, name: &str) -> Browser {
        let new = NewPerson {
            name: name.to_owned(),
            display: String::new(),
            roles: vec![Role::Owner],
            tenant: None,
            password: PASSWORD.to_owned().into(),
        };
        let person = self.gateway.store.add_person(new, "test", now()).await.unwrap();
        let session = self.gateway.store.begin_session_of(&person.id, "test", None, now()).await.unwrap();
        Browser { token: Some(session.token.to_string()), ..HERE }
    }

    async fn send(&self, from: &Browser, method: &str, path: &str, body: Option<Value>) -> Said {
        let mut request = Request::builder().method(method).uri(path).header("host", from.host);
        if method != "GET" {
            request = request.header("origin", from.origin).header("sec-fetch-site", "same-origin");
        }
        if let Some(token) = &from.token {
            request = request.header("cookie", format!("{COOKIE}={token}")).header(CSRF, csrf_of(token));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let cookie = answer.headers().get("set-cookie").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let token = cookie.split(';').next().and_then(|c| c.strip_prefix("menshen_session=")).map(str::to_owned);
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        Said { status, token, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn sign_in(&self, from: &Browser, second: Value) -> Said {
        let mut body = json!({"name": "wei", "password": PASSWORD});
        for (name, value) in second.as_object().unwrap() {
            body[name.as_str()] = value.clone();
        }
        self.send(&Browser { token: None, ..from.clone() }, "POST", SESSION, Some(body)).await
    }

    /// What the browser is asked to have signed.
    async fn question(&self, from: &Browser) -> Value {
        let said = self.sign_in(from, json!({})).await;
        assert_eq!((said.status, said.code()), (StatusCode::UNAUTHORIZED, "second_factor_needed"), "{}", said.body);
        said.body["error"]["second_factor"].clone()
    }

    async fn challenge(&self, from: &Browser) -> Vec<u8> {
        bytes(&self.question(from).await["webauthn"]["challenge"])
    }

    async fn add(&self, me: &Browser, key: &SoftKey, name: &str) -> Said {
        let asked = self.send(me, "POST", KEYS, Some(json!({"current": PASSWORD}))).await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
        let handed = key.create(&bytes(&asked.body["challenge"]));
        self.send(me, "POST", CONFIRM, Some(json!({"name": name, "credential": created(&handed)}))).await
    }
}

#[tokio::test]
async fn a_security_key_is_added_with_the_password_and_asked_for_at_the_sign_in() {
    let house = House::new(None).await;
    let me = house.person("wei").await;
    let mut key = soft();
    // Being signed in is not enough.
    let refused = house.send(&me, "POST", KEYS, Some(json!({"current": "a guess"}))).await;
    assert_eq!((refused.status, &refused.body["error"]["param"]), (StatusCode::FORBIDDEN, &json!("current")));
    let asked = house.send(&me, "POST", KEYS, Some(json!({"current": PASSWORD}))).await;
    assert_eq!(asked.body["rp"]["id"], "localhost");
    assert_eq!((&asked.body["attestation"], &asked.body["user"]["name"]), (&json!("none"), &json!("wei")));
    let algorithms: Vec<i64> =
        asked.body["pubKeyCredParams"].as_array().unwrap().iter().map(|p| p["alg"].as_i64().unwrap()).collect();
    assert_eq!(algorithms, [-7, -8, -257]);
    let added = house.add(&me, &key, "blue key").await;
    assert_eq!((added.status, &added.body["name"]), (StatusCode::OK, &json!("blue key")), "{}", added.body);
    let again = house.add(&me, &key, "the same").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "{}", again.body);
    // The very registration once more.
    let asked = house.send(&me, "POST", KEYS, Some(json!({"current": PASSWORD}))).await;
    let credential = created(&SoftKey::ed25519("localhost", ORIGIN).create(&bytes(&asked.body["challenge"])));
    let body = || Some(json!({"name": "second", "credential": credential}));
    assert_eq!(house.send(&me, "POST", CONFIRM, body()).await.status, StatusCode::OK);
    assert_eq!(house.send(&me, "POST", CONFIRM, body()).await.status, StatusCode::BAD_REQUEST);

    let asked = house.question(&HERE).await;
    assert_eq!((&asked["factors"], &asked["elsewhere"]), (&json!(["webauthn"]), &json!([])));
    assert_eq!(
        (&asked["webauthn"]["rpId"], &asked["webauthn"]["userVerification"]),
        (&json!("localhost"), &json!("preferred"))
    );
    assert_eq!(asked["webauthn"]["allowCredentials"][0]["id"], base64(&key.id));
    let handed = key.get(&bytes(&asked["webauthn"]["challenge"]));
    let said = house.sign_in(&HERE, json!({"assertion": got(&handed)})).await;
    assert_eq!((said.status, &said.body["security_keys"]), (StatusCode::OK, &json!(2)), "{}", said.body);
    let mine = Browser { token: said.token, ..HERE };
    assert_eq!(house.send(&mine, "GET", SESSION, None).await.status, StatusCode::OK);
    // A replay, in the words of a wrong password.
    let replayed = house.sign_in(&HERE, json!({"assertion": got(&handed)})).await;
    assert_eq!((replayed.status, replayed.code()), (StatusCode::UNAUTHORIZED, "wrong_credentials"));
    // Whoever does not know the password learns nothing of factors.
    for name in ["wei", "nobody"] {
        let body = json!({"name": name, "password": "not the password"});
        let said = house.send(&HERE, "POST", SESSION, Some(body)).await;
        assert_eq!((said.code(), &said.body["error"]["second_factor"]), ("wrong_credentials", &Value::Null));
    }
    // The list says no secret, and which keys answer here.
    let list = house.send(&mine, "GET", FACTORS, None).await.body;
    assert_eq!((list["security_keys"].as_array().unwrap().len(), &list["host"]), (2, &json!("localhost")), "{list}");
    assert_eq!((&list["security_keys"][0]["here"], &list["totp"]), (&json!(true), &json!(false)));
    let id = list["security_keys"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{KEYS}/{id}");
    let renamed = house.send(&mine, "PATCH", &path, Some(json!({"name": "red key"}))).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (StatusCode::OK, &json!("red key")));
    // Removing wants the password; other sessions end, this one stays. Nobody removes another's.
    let gone = format!("{path}/remove");
    assert_eq!(
        house.send(&mine, "POST", &gone, Some(json!({"current": "a guess"}))).await.status,
        StatusCode::FORBIDDEN
    );
    let other = house.person("li").await;
    assert_eq!(
        house.send(&other, "POST", &gone, Some(json!({"current": PASSWORD}))).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(house.send(&other, "PATCH", &path, Some(json!({"name": "x"}))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.send(&mine, "POST", &gone, Some(json!({"current": PASSWORD}))).await.status, StatusCode::OK);
    assert_eq!(house.send(&me, "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED, "the other session");
    assert_eq!(house.send(&mine, "GET", SESSION, None).await.status, StatusCode::OK);
    // An owner takes the rest away.
    let id = house.gateway.store.person_named("wei").unwrap().id.clone();
    let path = format!("/admin/people/{id}");
    assert_eq!(house.send(&other, "PATCH", &path, Some(json!({"second_factor": true}))).await.status, 400);
    let reset = house.send(&other, "PATCH", &path, Some(json!({"second_factor": false}))).await;
    assert_eq!((reset.status, &reset.body["security_keys"]), (StatusCode::OK, &json!(0)), "{}", reset.body);
    assert_eq!(house.send(&mine, "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.sign_in(&HERE, json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_of_other_addresses_and_answers_to_other_questions_open_nothing() {
    let house = House::new(None).await;
    let me = house.person("wei").await;
    let mut key = soft();
    house.add(&me, &key, "blue key").await;
    let open = async |key: &mut SoftKey| {
        let handed = key.get(&house.challenge(&HERE).await);
        assert_eq!(house.sign_in(&HERE, json!({"assertion": got(&handed)})).await.status, StatusCode::OK);
    };
    // The browser saw another page than the one that the request claims.
    for origin in ["http://localhost:8081", "https://localhost:8080", "https://evil.example"] {
        let challenge = house.challenge(&HERE).await;
        key.origin = origin.to_owned();
        let said = house.sign_in(&HERE, json!({"assertion": got(&key.get(&challenge))})).await;
        assert_eq!(said.code(), "wrong_credentials", "{origin}");
        key.origin = ORIGIN.to_owned();
        open(&mut key).await;
    }
    // A question of elsewhere, and one of nobody.
    for challenge in [vec![3; 32], vec![3; 5]] {
        let said = house.sign_in(&HERE, json!({"assertion": got(&key.get(&challenge))})).await;
        assert_eq!(said.code(), "wrong_credentials");
    }
    open(&mut key).await;
    // At other addresses: no question of keys, and where they are; an answer there is refused before it is read.
    for (host, origin) in [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("console.example", "http://console.example"),
        ("console.example", "https://console.example"),
        ("localhost:8080", "https://evil.example"),
    ] {
        let there = Browser { host, origin, token: None };
        let asked = house.question(&there).await;
        assert_eq!((&asked["factors"], &asked["webauthn"]), (&json!([]), &Value::Null), "{origin}");
        assert_eq!(asked["elsewhere"], json!(["localhost"]));
        let handed = key.get(&house.challenge(&HERE).await);
        let said = house.sign_in(&there, json!({"assertion": got(&handed)})).await;
        assert!(said.status.is_client_error() && said.token.is_none(), "{origin}: {}", said.body);
        open(&mut key).await;
    }
    // By an address no key is added, and the page is told why.
    let there = Browser { host: "127.0.0.1:8080", origin: "http://127.0.0.1:8080", token: me.token.clone() };
    let refused = house.send(&there, "POST", KEYS, Some(json!({"current": PASSWORD}))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body["error"]["message"].as_str().unwrap().contains("http://localhost:PORT"));
    assert_eq!(house.send(&there, "GET", FACTORS, None).await.body["host"], Value::Null);
    // What is no answer at all, and two factors at once.
    for second in [
        json!({"assertion": {"rawId": "!", "response": {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}}),
        json!({"assertion": {}}),
        json!({"assertion": "x"}),
        json!({"code": "123456", "recovery": "0000-0000-0000-0000"}),
    ] {
        let said = house.sign_in(&HERE, second.clone()).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST, "{second}: {}", said.body);
    }
    // Another origin's page signs nobody in, whatever it holds.
    let handed = key.get(&house.challenge(&HERE).await);
    let body = json!({"name": "wei", "password": PASSWORD, "assertion": got(&handed)});
    let request = Request::post(SESSION)
        .header("host", HOST)
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    assert_eq!(house.router.clone().oneshot(request).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn behind_a_proxy_the_operators_address_counts() {
    let house = House::new(Some("https://console.example/")).await;
    let inside = Browser { host: "10.0.0.7:8080", origin: "https://console.example", token: None };
    let me = Browser { token: house.person("wei").await.token, ..inside.clone() };
    let mut key = SoftKey::es256("console.example", "https://console.example");
    let added = house.add(&me, &key, "blue key").await;
    assert_eq!((added.status, &added.body["host"]), (StatusCode::OK, &json!("console.example")), "{}", added.body);
    let handed = key.get(&house.challenge(&inside).await);
    assert_eq!(house.sign_in(&inside, json!({"assertion": got(&handed)})).await.status, StatusCode::OK);
    let other = Browser { host: "evil.example", origin: "https://evil.example", token: None };
    assert_eq!(house.question(&other).await["webauthn"], Value::Null);
}

#[tokio::test]
async fn recovery_codes_are_made_with_the_password_shown_once_and_good_once() {
    let house = House::new(None).await;
    let me = house.person("wei").await;
    let make = async |current: &str| house.send(&me, "POST", CODES, Some(json!({"current": current}))).await;
    assert_eq!(make(PASSWORD).await.status, StatusCode::BAD_REQUEST, "beside nothing");
    house.add(&me, &soft(), "blue key").await;
    assert_eq!(make("a guess").await.status, StatusCode::FORBIDDEN);
    let former = make(PASSWORD).await.body;
    let made = make(PASSWORD).await.body;
    let codes: Vec<String> = made["codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(house.question(&HERE).await["factors"], json!(["webauthn", "recovery"]));
    let first = house.sign_in(&HERE, json!({"recovery": codes[0]})).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    for void in [&codes[0], former["codes"][0].as_str().unwrap(), "0000-0000-0000-0000"] {
        assert_eq!(house.sign_in(&HERE, json!({"recovery": void})).await.code(), "wrong_credentials", "{void}");
    }
    let list = house.send(&me, "GET", FACTORS, None).await.body;
    assert_eq!(list["recovery_codes"]["left"], 9);
    assert!(codes.iter().all(|code| !list.to_string().contains(code)));
    let records = house.gateway.store.records(&Filter::default(), None, 1000).await.unwrap();
    let used: Vec<_> = records.iter().filter(|r| r.event.as_deref() == Some("person.recovery_used")).collect();
    assert_eq!((used.len(), &used[0].verdict["left"]), (1, &json!(9)));
    assert!(records.iter().all(|r| !format!("{r:?}").contains(&codes[0])), "a code stands in the audit");
    // Guessing waits.
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(house.sign_in(&HERE, json!({"recovery": "0000-0000-0000-0000"})).await.status);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}
