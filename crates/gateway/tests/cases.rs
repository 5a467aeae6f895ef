//! Cases over HTTP: an application's complaint, a stranger's, what the staff does with them, and what nobody may.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use menshen_gateway::auth::{COOKIE, CSRF};
use menshen_gateway::config::AuthMode;
use menshen_gateway::{Config, Gateway, Snapshot};
use menshen_store::{
    Behaving, Entry, Level, NewKey, NewMeasure, NewPerson, NewReview, Options, Role, Store, SubjectKind, Suspension,
    csrf_of,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;
use uuid::Uuid;

const PASSWORD: &str = "tall trees at dusk";
const WORDS: &str = "敏感词原文：绝不应回显";

struct House {
    _dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

#[derive(Clone, Default)]
struct Who {
    token: Option<String>,
    key: Option<String>,
}

struct Said {
    status: StatusCode,
    body: Value,
}

impl Said {
    fn text(&self) -> String {
        self.body.to_string()
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

impl House {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.auth.mode = AuthMode::Keys;
        config.guard.judge.enabled = false;
        change(&mut config);
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let snapshot = Snapshot::load(&config);
        let gateway = Gateway::new(config, snapshot, store, None).unwrap();
        let router = gateway.router();
        let house = House { _dir: dir, gateway, router };
        // The first account is always an owner's.
        house.person("first", &[Role::Owner], None).await;
        house
    }

    async fn person(&self, name: &str, roles: &[Role], tenant: Option<&str>) -> Who {
        let new = NewPerson {
            name: name.to_owned(),
            display: String::new(),
            roles: roles.to_vec(),
            tenant: tenant.map(str::to_owned),
            password: PASSWORD.to_owned().into(),
        };
        let person = self.gateway.store.add_person(new, "test", now()).await.unwrap();
        let session = self.gateway.store.begin_session_of(&person.id, "test", None, now()).await.unwrap();
        Who { token: Some(session.token.to_string()), key: None }
    }

    async fn key(&self, tenant: &str, app: &str) -> Who {
        let new = NewKey {
            name: format!("{tenant}-{app}"),
            tenant: tenant.to_owned(),
            app: app.to_owned(),
            scopes: vec!["infer".to_owned()],
            ..NewKey::default()
        };
        let made = self.gateway.store.create_key(new, "test", now()).await.unwrap();
        Who { token: None, key: Some(made.presented.to_string()) }
    }

    async fn send(&self, who: &Who, method: &str, path: &str, body: Option<Value>, once: Option<&str>) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &who.token {
            request = request.header("cookie", format!("{COOKIE}={token}")).header(CSRF, csrf_of(token));
        }
        if let Some(key) = &who.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 8 << 20).await.unwrap();
        Said { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn call(&self, who: &Who, method: &str, path: &str, body: Option<Value>) -> Said {
        self.send(who, method, path, body, None).await
    }

    async fn step(&self, who: &Who, id: &str, body: Value) -> Said {
        self.call(who, "POST", &format!("/admin/cases/{id}/steps"), Some(body)).await
    }

    /// A step that must be taken.
    async fn taken(&self, who: &Who, id: &str, body: Value) -> Value {
        let said = self.step(who, id, body.clone()).await;
        assert_eq!(said.status, StatusCode::OK, "{body}: {}", said.body);
        said.body
    }

    async fn record(&self, tenant: &str, app: &str) -> String {
        let mut entry = Entry::request(Uuid::now_v7(), now());
        (entry.tenant, entry.app) = (Some(tenant.to_owned()), Some(app.to_owned()));
        let id = entry.request_id.to_string();
        self.gateway.store.record(entry).await.unwrap();
        id
    }

    async fn id_of(&self, number: &Value) -> String {
        self.gateway.store.case_of_number(number.as_str().unwrap()).await.unwrap().unwrap().id
    }
}

fn complaint(kind: &str) -> Value {
    json!({"kind": kind, "text": WORDS, "contact": "li@example.cn", "url": "https://x.example/post/1"})
}

#[tokio::test]
async fn an_application_sends_a_complaint_and_reads_its_answer() {
    let house = House::new(|_| {}).await;
    let reviewer = house.person("rev", &[Role::Reviewer], None).await;
    let (app, other) = (house.key("acme", "shop").await, house.key("acme", "mail").await);
    let send = |body: Value, once: &'static str| house.send(&app, "POST", "/v1/complaints", Some(body), Some(once));
    let one = send(complaint("complaint.content"), "o-1").await;
    assert_eq!(one.status, StatusCode::OK, "{}", one.body);
    let again = send(complaint("complaint.content"), "o-1").await;
    assert_eq!(one.body, again.body, "the same receipt");
    assert_eq!(send(complaint("complaint.service"), "o-1").await.status, StatusCode::CONFLICT);
    assert!(!one.text().contains("敏感词"), "{}", one.body);
    assert!(one.body["acknowledge_by"].as_str() < one.body["answer_by"].as_str());
    let path = format!("/v1/complaints/{}", one.body["number"].as_str().unwrap());
    assert_eq!(house.call(&app, "GET", &path, None).await.body["state"], "received");
    assert_eq!(house.call(&other, "GET", &path, None).await.status, StatusCode::NOT_FOUND);

    let id = house.id_of(&one.body["number"]).await;
    house.taken(&reviewer, &id, json!({"step": "acknowledge"})).await;
    house.taken(&reviewer, &id, json!({"step": "start"})).await;
    house.taken(&reviewer, &id, json!({"step": "note", "text": "内部备注"})).await;
    let words = json!({"template": "answer.complaint", "facts": "已整改"});
    let words = house.call(&reviewer, "POST", &format!("/admin/cases/{id}/preview"), Some(words)).await.body;
    let text = words["text"].as_str().unwrap();
    assert!(text.contains("已整改") && text.contains(one.body["number"].as_str().unwrap()), "{text}");
    house.taken(&reviewer, &id, json!({"step": "answer", "text": text})).await;
    let standing = house.call(&app, "GET", &path, None).await;
    assert_eq!((&standing.body["state"], standing.body["answer"].as_str()), (&json!("answered"), Some(text)));
    assert!(!standing.text().contains("内部备注") && !standing.text().contains("敏感词"));

    // Once more, by somebody else.
    let appeal = format!("{path}/appeal");
    assert_eq!(house.call(&other, "POST", &appeal, Some(json!({"text": "no"}))).await.status, StatusCode::NOT_FOUND);
    let reopened = house.call(&app, "POST", &appeal, Some(json!({"text": "不满意"}))).await;
    assert_eq!(reopened.body["state"], "in_progress", "{}", reopened.body);
    let refused = house.step(&reviewer, &id, json!({"step": "answer", "text": "same again"})).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    let second = house.person("second", &[Role::Reviewer], Some("acme")).await;
    house.taken(&second, &id, json!({"step": "answer", "text": "复核完毕"})).await;
    let refused = house.call(&app, "POST", &appeal, Some(json!({"text": "again"}))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    let file = house.call(&reviewer, "GET", &format!("/admin/cases/{id}"), None).await;
    assert_eq!((&file.body["whole"], &file.body["body"]["text"]), (&json!(true), &json!(WORDS)));
    let audit = house.gateway.store.records(&menshen_store::Filter::default(), None, 100).await.unwrap();
    assert!(audit.iter().any(|r| r.event.as_deref() == Some("case.read")), "who reads it is recorded");
}

#[tokio::test]
async fn what_is_wrong_with_a_complaint_is_said_and_nothing_is_kept() {
    let house = House::new(|_| {}).await;
    let app = house.key("acme", "shop").await;
    let foreign = house.record("acme", "mail").await;
    let mut bodies = vec![
        json!({}),
        json!([]),
        json!({"kind": "complaint.content"}),
        json!({"kind": "nonsense", "text": "x"}),
        json!({"kind": "complaint.content", "text": " "}),
        json!({"kind": "complaint.content", "text": "x", "category": "nonsense"}),
        json!({"kind": "complaint.content", "text": "x", "lang": "fr"}),
        json!({"kind": "complaint.content", "text": "x", "surprise": 1}),
        json!({"kind": "report.rumour", "text": "no url"}),
        json!({"kind": "complaint.content", "text": "x".repeat(70_000)}),
        json!({"kind": "complaint.content", "text": "x", "idempotency_key": ""}),
    ];
    for id in ["not-a-uuid".to_owned(), Uuid::now_v7().to_string(), foreign] {
        bodies.push(json!({"kind": "appeal.refusal", "text": "x", "request_id": id}));
    }
    for body in bodies {
        let said = house.call(&app, "POST", "/v1/complaints", Some(body.clone())).await;
        assert_eq!(said.status, StatusCode::BAD_REQUEST, "{body}: {}", said.body);
    }
    let large = json!({"kind": "complaint.content", "text": "x".repeat(600_000)});
    assert_eq!(house.call(&app, "POST", "/v1/complaints", Some(large)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let all = menshen_store::CaseFilter { all: true, ..Default::default() };
    assert!(house.gateway.store.cases(&all, None, 50, now()).await.unwrap().cases.is_empty());
}

#[tokio::test]
async fn an_upheld_appeal_gives_back_what_was_taken() {
    let house = House::new(|_| {}).await;
    let reviewer = house.person("rev", &[Role::Reviewer], Some("acme")).await;
    let app = house.key("acme", "shop").await;
    let store = &house.gateway.store;
    let request = house.record("acme", "shop").await;
    let suspension = Suspension {
        tenant: "acme".into(),
        user: "u1".into(),
        since_us: now(),
        until_us: None,
        reason: "consecutive".into(),
        rule: None,
        by: "limits".into(),
    };
    store.suspend(suspension).await.unwrap();
    let review = NewReview {
        request_id: request.parse().unwrap(),
        tenant: Some("acme".into()),
        app: None,
        user: None,
        reason: "r".into(),
        rule: None,
        input: "i".into(),
        output: "o".into(),
        at_us: now(),
    };
    let review = store.add_review(review).await.unwrap();
    let body =
        json!({"kind": "appeal.suspension", "text": "误伤", "user": "u1", "contact": "c", "request_id": request});
    let sent = house.call(&app, "POST", "/v1/complaints", Some(body)).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    let id = house.id_of(&sent.body["number"]).await;
    let file = house.call(&reviewer, "GET", &format!("/admin/cases/{id}"), None).await.body;
    assert_eq!((&file["suspension"]["reason"], &file["request_id"]), (&json!("consecutive"), &json!(request)));
    for step in [json!({"step": "acknowledge"}), json!({"step": "start"})] {
        house.taken(&reviewer, &id, step).await;
    }
    let effect = |effect: &str| json!({"step": "effect", "effect": effect});
    let lift = effect("suspension_lifted");
    assert_eq!(house.step(&reviewer, &id, lift.clone()).await.status, StatusCode::CONFLICT, "nothing is decided");
    assert!(store.suspension("acme", "u1", now()).is_some());
    // Kept out for unusual behaviour, too: the appeal is about both.
    let (app, subject) = (file["app"].as_str().unwrap().to_owned(), "u1".to_owned());
    let who = Behaving { tenant: "acme".into(), app, kind: SubjectKind::User, subject };
    let (until_us, reason) = (now() + 3_600_000_000, "r".into());
    let measure = NewMeasure { level: Level::Suspend, percent: 100, until_us, reason };
    store.impose(&who, measure, "test", now()).await.unwrap();
    house.taken(&reviewer, &id, json!({"step": "decide", "decision": "upheld", "reason": "误判"})).await;
    house.taken(&reviewer, &id, lift.clone()).await;
    assert!(store.suspension("acme", "u1", now()).is_none() && store.measure(&who, now()).is_none());
    assert_eq!(house.step(&reviewer, &id, lift).await.status, StatusCode::CONFLICT, "it stands no more");
    house.taken(&reviewer, &id, effect("marked_false_positive")).await;
    let said = store.feedback(Some(request.parse().unwrap()), None, None, 10).await.unwrap();
    assert_eq!((said[0].verdict.id(), said[0].by.as_str()), ("false_positive", "person:rev"));
    assert_eq!(house.step(&reviewer, &id, effect("review_released")).await.status, StatusCode::CONFLICT);
    house.taken(&reviewer, &id, json!({"step": "link", "review": review})).await;
    house.taken(&reviewer, &id, effect("review_released")).await;
    assert_eq!(house.step(&reviewer, &id, effect("taken_down")).await.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_report_is_taken_down_by_two_people_and_its_notices_are_kept() {
    let house = House::new(|_| {}).await;
    let one = house.person("one", &[Role::Reviewer], None).await;
    let two = house.person("two", &[Role::Owner], None).await;
    let body =
        json!({"kind": "report.rumour", "text": WORDS, "url": "https://x.example/1\n伪造的一行", "tenant": "acme"});
    let sent = house.call(&one, "POST", "/admin/cases", Some(body)).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    let id = sent.body["id"].as_str().unwrap().to_owned();
    for step in [
        json!({"step": "acknowledge"}),
        json!({"step": "start"}),
        json!({"step": "evidence", "url": "https://x.example/1\n伪造的一行", "content": "谣言全文"}),
        json!({"step": "assess", "risk": "A1g", "confirmed": true, "text": "与权威信息不符"}),
        json!({"step": "decide", "decision": "take_down", "reason": "不实"}),
    ] {
        house.taken(&one, &id, step).await;
    }
    let preview = |who: Who, template: &'static str| {
        let body = json!({"template": template, "facts": "经核查不实"});
        let path = format!("/admin/cases/{id}/preview");
        let house = &house;
        async move { house.call(&who, "POST", &path, Some(body)).await }
    };
    assert_eq!(preview(one.clone(), "notice.take_down").await.status, StatusCode::CONFLICT, "not approved yet");
    let approve = json!({"step": "approve"});
    assert_eq!(house.step(&one, &id, approve.clone()).await.status, StatusCode::CONFLICT, "one's own proposal");
    house.taken(&two, &id, approve).await;
    let words = preview(one.clone(), "notice.take_down").await.body;
    let text = words["text"].as_str().unwrap().to_owned();
    assert!(text.contains("https://x.example/1 伪造的一行\n") && text.contains("经核查不实"), "{text}");
    assert!(!text.contains(WORDS), "what complainants wrote is in no notice");
    assert_eq!(preview(one.clone(), "notice.refutation").await.status, StatusCode::CONFLICT, "that was not decided");
    house
        .taken(
            &one,
            &id,
            json!({"step": "notice", "template": "notice.take_down", "to": "pub@x.example", "text": text}),
        )
        .await;
    let done = json!({"step": "effect", "effect": "taken_down", "done_at": "2026-01-01T00:00:00Z"});
    house.taken(&one, &id, done).await;
    let future = json!({"step": "effect", "effect": "publisher_told", "done_at": "2999-01-01T00:00:00Z"});
    assert_eq!(house.step(&one, &id, future).await.status, StatusCode::BAD_REQUEST);
    let file = house.call(&two, "GET", &format!("/admin/cases/{id}"), None).await.body;
    let steps: Vec<&str> = file["events"].as_array().unwrap().iter().map(|e| e["step"].as_str().unwrap()).collect();
    let expected =
        ["open", "acknowledge", "start", "evidence", "assess", "decide", "approve", "notice", "effect"].to_vec();
    assert_eq!(steps, expected);
    assert_eq!((&file["events"][7]["by"], &file["events"][7]["detail"]["text"]), (&json!("person:one"), &json!(text)));
    let figures = house.call(&two, "GET", "/admin/cases/statistics?tenant=acme", None).await.body;
    assert_eq!((&figures["open"], &figures["kinds"][0]["granted"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn strangers_get_in_only_where_the_operator_opened_and_not_too_often() {
    let closed = House::new(|_| {}).await;
    let nobody = Who::default();
    assert_eq!(closed.call(&nobody, "GET", "/v1/complaints/public/form", None).await.body["open"], false);
    for path in ["", "/standing", "/appeal"] {
        let body = json!({"number": "x", "secret": "y", "kind": "complaint.content", "text": "t"});
        let said = closed.call(&nobody, "POST", &format!("/v1/complaints/public{path}"), Some(body)).await;
        assert_eq!(said.status, StatusCode::NOT_FOUND, "{path}");
    }
    let seen = closed.gateway.store.records(&menshen_store::Filter::default(), None, 100).await.unwrap();
    assert!(seen.iter().all(|r| r.kind != "request"), "strangers cannot fill the disk");

    let house = House::new(|c| {
        c.cases.public = true;
        c.cases.public_per_hour = 3;
    })
    .await;
    let form = house.call(&nobody, "GET", "/v1/complaints/public/form", None).await.body;
    assert!(form["open"] == true && form["kinds"].as_array().unwrap().len() > 5);
    let mut body = complaint("appeal.suspension");
    (body["user"], body["request_id"]) = (json!("somebody-else"), json!("anything"));
    let sent = house.call(&nobody, "POST", "/v1/complaints/public", Some(body)).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    assert!(!sent.text().contains("敏感词") && sent.body["id"].is_null());
    let case = house.gateway.store.case_of_number(sent.body["number"].as_str().unwrap()).await.unwrap().unwrap();
    assert_eq!((case.user.as_deref(), case.request_id.as_deref(), case.tenant.as_str()), (None, None, "default"));
    let shown = |number: &Value, secret: &Value| {
        let body = json!({"number": number, "secret": secret});
        let (house, nobody) = (&house, &nobody);
        async move { house.call(nobody, "POST", "/v1/complaints/public/standing", Some(body)).await }
    };
    let (number, secret) = (&sent.body["number"], &sent.body["secret"]);
    assert_eq!(shown(number, secret).await.body["state"], "received");
    let (wrong, unknown) = (shown(number, &json!("guess")).await, shown(&json!("C20260101-AAAAAAAA"), secret).await);
    assert_eq!((wrong.status, unknown.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(wrong.body["error"]["message"], unknown.body["error"]["message"], "which numbers exist is not told");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(house.call(&nobody, "POST", "/v1/complaints/public", Some(json!({}))).await.status);
    }
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
    let headers =
        Request::builder().method("POST").uri("/v1/complaints/public/standing").header("sec-fetch-site", "cross-site");
    let forged = headers.header("content-type", "application/json").body(Body::from("{}")).unwrap();
    assert_eq!(house.router.clone().oneshot(forged).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nothing_of_one_tenant_reaches_another() {
    let house = House::new(|_| {}).await;
    let acme = house.person("acme-person", &Role::ALL, Some("acme")).await;
    house.person("rival-person", &Role::ALL, Some("rival")).await;
    let (rival_app, acme_app) = (house.key("rival", "shop").await, house.key("acme", "shop").await);
    let sent = house.call(&rival_app, "POST", "/v1/complaints", Some(complaint("report.rumour"))).await;
    let number = sent.body["number"].as_str().unwrap().to_owned();
    let id = house.id_of(&sent.body["number"]).await;
    for path in ["/admin/cases?state=all", "/admin/cases/book", "/admin/cases/statistics"] {
        let said = house.call(&acme, "GET", path, None).await;
        assert_eq!(said.status, StatusCode::OK, "{path}: {}", said.body);
        assert!(!said.text().contains("rival") && !said.text().contains(&number), "{path}: {}", said.body);
    }
    assert_eq!(house.call(&acme, "GET", "/admin/cases/statistics", None).await.body["open"], 0);
    let about = format!("/admin/cases?about={number}");
    assert_eq!(house.call(&acme, "GET", &about, None).await.body["cases"], json!([]));
    let rival_request = house.record("rival", "shop").await;
    let foreign = [
        ("GET", format!("/admin/cases/{id}"), None),
        ("POST", format!("/admin/cases/{id}/steps"), Some(json!({"step": "note", "text": "x"}))),
        ("POST", format!("/admin/cases/{id}/preview"), Some(json!({"template": "acknowledge"}))),
    ];
    for (method, path, body) in foreign {
        assert_eq!(house.call(&acme, method, &path, body).await.status, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let path = format!("/v1/complaints/{number}");
    assert_eq!(house.call(&acme_app, "GET", &path, None).await.status, StatusCode::NOT_FOUND);
    for path in ["/admin/cases?tenant=rival", "/admin/cases/statistics?tenant=rival"] {
        assert_eq!(house.call(&acme, "GET", path, None).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut body = complaint("complaint.content");
    body["tenant"] = json!("rival");
    assert_eq!(house.call(&acme, "POST", "/admin/cases", Some(body)).await.status, StatusCode::FORBIDDEN);
    // Their own case reaches nothing of the other's either.
    let own = house.call(&acme, "POST", "/admin/cases", Some(complaint("appeal.refusal"))).await.body;
    let own = own["id"].as_str().unwrap();
    let link = house.step(&acme, own, json!({"step": "link", "request_id": rival_request})).await;
    assert_eq!(link.status, StatusCode::BAD_REQUEST, "{}", link.body);
    let to = house.step(&acme, own, json!({"step": "assign", "to": "person:rival-person"})).await;
    assert_eq!(to.status, StatusCode::BAD_REQUEST, "{}", to.body);
    let file = house.gateway.store.case_file(&id, None).await.unwrap();
    assert_eq!(file.events.len(), 1, "nothing happened to it");
}

#[tokio::test]
async fn a_file_of_ones_own_is_put_in_force_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.toml");
    let shipped = include_str!("../../../packs/governance/cases.toml");
    let with = |name: &str| shipped.replacen("对拒答或处置不服", name, 1);
    std::fs::write(&path, with("我们的申诉")).unwrap();
    let file = path.clone();
    let house = House::new(|c| c.cases.file = Some(file)).await;
    let owner = house.person("own", &[Role::Owner], None).await;
    let kinds = || async { house.call(&owner, "GET", "/admin/cases/book", None).await.text() };
    assert!(kinds().await.contains("我们的申诉"));
    std::fs::write(&path, with("改过的申诉")).unwrap();
    assert_eq!(house.call(&owner, "POST", "/admin/reload", Some(json!({}))).await.status, StatusCode::OK);
    assert!(kinds().await.contains("改过的申诉"));
    std::fs::write(&path, "version = 9").unwrap();
    let refused = house.call(&owner, "POST", "/admin/reload", Some(json!({}))).await;
    assert!(refused.status == StatusCode::BAD_REQUEST && refused.text().contains("cases.toml"), "{}", refused.body);
    assert!(kinds().await.contains("改过的申诉"), "the one in force stays");
}
