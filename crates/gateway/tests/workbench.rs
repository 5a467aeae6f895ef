//! The policy workbench through HTTP: what is written, tried, approved, published and taken back, and who may not.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use menshen_gateway::auth::{COOKIE, CSRF};
use menshen_gateway::{Config, Gateway, in_force};
use menshen_store::{NewPerson, Options, Role, Store, csrf_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const ADMIN: &str = "the-admin-key-of-this-test-0123456789";
const BASE: &str = "/admin/workbench";
const LIST: &str = "acme/keywords/bad.txt";
const WORDS: &str = "# id: kw.acme.bad\n# colour: black\n# label: bad\n\nfrobnicate\n";

/// A small pack: what is tried here is the way, not the packs.
fn write_pack(folder: &Path) {
    let file = |name: &str, text: &str| {
        let path = folder.join("acme").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    file("pack.toml", "id = \"acme\"\nversion = \"1\"\n");
    file("keywords/bad.txt", WORDS);
    file("rules/r.toml", "[[rule]]\nid = \"bad\"\nwhen = { finding = [\"kw.acme.*\"] }\nthen = \"block\"\n");
    file("replies/r.toml", "[[reply]]\nid = \"decline.default\"\nzh = \"不行\"\nen = \"No.\"\n");
}

struct House {
    dir: TempDir,
    config: Config,
    gateway: Arc<Gateway>,
    router: Router,
}

#[derive(Clone)]
struct Who(String);

impl House {
    async fn new(packs: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_pack(&dir.path().join("packs"));
        let mut config = Config { data_dir: dir.path().join("data"), ..Config::default() };
        config.packs = packs.iter().map(|p| (*p).to_owned()).collect();
        config.pack_folders = vec![dir.path().join("packs")];
        config.guard.judge.enabled = false;
        let (gateway, router) = House::open(&config).await;
        House { dir, config, gateway, router }
    }

    async fn open(config: &Config) -> (Arc<Gateway>, Router) {
        let store = Store::open(&config.data_dir, Options::default()).await.unwrap();
        let snapshot = in_force(config, &store, false).await.unwrap();
        assert_eq!(snapshot.errors, 0, "{:?}", snapshot.diagnostics);
        let gateway = Gateway::new(config.clone(), snapshot, store, Some(ADMIN)).unwrap();
        let router = gateway.router();
        (gateway, router)
    }

    async fn restart(&mut self) {
        self.gateway.store.close().await.unwrap();
        (self.gateway, self.router) = House::open(&self.config).await;
    }

    async fn person(&self, name: &str, roles: &[Role], tenant: Option<&str>) -> Who {
        let now = jiff::Timestamp::now().as_microsecond();
        let new = NewPerson {
            name: name.to_owned(),
            display: format!("{name} the person"),
            roles: roles.to_vec(),
            tenant: tenant.map(str::to_owned),
            password: "tall trees at dusk".to_owned().into(),
        };
        let person = self.gateway.store.add_person(new, "test", now).await.unwrap();
        Who(self.gateway.store.begin_session_of(&person.id, "test", None, now).await.unwrap().token.to_string())
    }

    async fn three(&self) -> (Who, Who, Who) {
        let owner = self.person("olga", &[Role::Owner], None).await;
        let alice = self.person("alice", &[Role::PolicyEditor], None).await;
        let bob = self.person("bob", &[Role::PolicyEditor], None).await;
        (owner, alice, bob)
    }

    async fn send(&self, request: http::request::Builder, body: Option<Value>) -> (StatusCode, Value) {
        let request = request.header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 16 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn call(&self, who: &Who, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("cookie", format!("{COOKIE}={}", who.0))
            .header(CSRF, csrf_of(&who.0));
        self.send(request, body).await
    }

    async fn good(&self, who: &Who, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, said) = self.call(who, method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {said}");
        said
    }

    /// Begins a change; gives its id.
    async fn begin(&self, who: &Who, title: &str) -> String {
        let begun = self.good(who, "POST", "/changes", Some(json!({"title": title}))).await;
        begun["id"].as_str().unwrap().to_owned()
    }

    async fn save(&self, who: &Who, id: &str, version: i64, path: &str, text: &str) -> Value {
        let body = json!({"version": version, "path": path, "text": text});
        self.good(who, "PUT", &format!("/changes/{id}/file"), Some(body)).await
    }

    async fn step(&self, who: &Who, id: &str, version: i64, step: &str) -> (StatusCode, Value) {
        let body = json!({"version": version, "step": step});
        self.call(who, "POST", &format!("/changes/{id}/step"), Some(body)).await
    }

    async fn steps(&self, id: &str, version: i64, steps: &[(&Who, &str)]) {
        for (who, step) in steps {
            let (status, said) = self.step(who, id, version, step).await;
            assert_eq!(status, StatusCode::OK, "{step}: {said}");
        }
    }

    /// What the guard does with a text now.
    async fn verdict(&self, text: &str) -> Value {
        let request = Request::builder().method("POST").uri("/v1/guard");
        let (status, said) = self.send(request, Some(json!({"text": text}))).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        said
    }

    async fn action(&self, text: &str) -> String {
        self.verdict(text).await["disposition"].as_str().unwrap_or_default().to_owned()
    }
}

fn message(said: &Value) -> &str {
    said["error"]["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_change_is_written_reviewed_by_somebody_else_published_kept_and_taken_back() {
    let mut house = House::new(&["acme"]).await;
    let (_, alice, bob) = house.three().await;
    assert_eq!((house.action("frobnicate it").await, house.action("quux it").await), ("block".into(), "pass".into()));
    let state = house.good(&alice, "GET", "", None).await;
    assert_eq!((&state["revision"], &state["packs"][0]["id"]), (&json!(0), &json!("acme")));

    // A broken edit is kept, named with its place, and goes no further.
    let id = house.begin(&alice, "One more word").await;
    let broken = WORDS.replace("black", "crimson");
    let saved = house.save(&alice, &id, 1, LIST, &broken).await;
    let first = &saved["diagnostics"][0];
    assert_eq!((&first["file"], &first["line"], &first["severity"]), (&json!(LIST), &json!(2), &json!("error")));
    assert!(!first["remedy"].as_str().unwrap().is_empty());
    let (status, said) = house.step(&alice, &id, 2, "submit").await;
    assert!(status == StatusCode::BAD_REQUEST && message(&said).contains(&format!("{LIST}:2:")), "{said}");

    // What somebody else saved meanwhile is not overwritten.
    let stale = json!({"version": 1, "path": LIST, "text": WORDS});
    let (status, said) = house.call(&alice, "PUT", &format!("/changes/{id}/file"), Some(stale)).await;
    assert!(status == StatusCode::BAD_REQUEST && message(&said).contains("meanwhile"), "{said}");

    let saved = house.save(&alice, &id, 2, LIST, &format!("{WORDS}quux\n")).await;
    assert_eq!((&saved["version"], &saved["errors"]), (&json!(3), &json!(0)), "{saved}");
    let diff = house.good(&bob, "GET", &format!("/changes/{id}/diff"), None).await;
    let file = &diff["files"][0];
    assert_eq!((&file["path"], &file["kind"], &file["added"]), (&json!(LIST), &json!("changed"), &json!(1)));
    assert_eq!(house.action("quux it").await, "pass", "nothing is in force before it is published");

    // Publication needs approval, and approval needs other eyes.
    let (status, _) = house.step(&alice, &id, 3, "publish").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    house.steps(&id, 3, &[(&alice, "submit")]).await;
    let (status, said) = house.step(&alice, &id, 3, "approve").await;
    assert!(status == StatusCode::FORBIDDEN && message(&said).contains("somebody else"), "{said}");
    let key = Request::builder()
        .method("POST")
        .uri(format!("{BASE}/changes/{id}/step"))
        .header("authorization", format!("Bearer {ADMIN}"));
    let (status, said) = house.send(key, Some(json!({"version": 3, "step": "approve"}))).await;
    assert!(status == StatusCode::FORBIDDEN && message(&said).contains("key"), "{said}");
    let (status, _) = house.step(&bob, &id, 2, "approve").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "another version was looked at");
    let seen = house.good(&bob, "GET", &format!("/changes/{id}"), None).await;
    assert_eq!((&seen["may_approve"], &seen["authors"]), (&json!(true), &json!(["person:alice"])));
    house.steps(&id, 3, &[(&bob, "approve"), (&alice, "publish")]).await;
    assert_eq!(house.action("quux it").await, "block");
    let (status, _) = house.step(&alice, &id, 3, "publish").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "once");

    // It is in force after a restart, and after the folders are read again.
    house.restart().await;
    assert_eq!(house.action("quux it").await, "block");
    house.gateway.reload("test").await.unwrap();
    assert_eq!(house.action("quux it").await, "block");

    // Back, and forth again: each is a revision of its own.
    let diff = house.good(&bob, "GET", "/revisions/0/diff?with=current", None).await;
    assert_eq!((&diff["files"][0]["path"], &diff["files"][0]["removed"]), (&json!(LIST), &json!(1)));
    house.good(&bob, "POST", "/rollback", Some(json!({"revision": 0}))).await;
    assert_eq!(house.action("quux it").await, "pass");
    house.restart().await;
    assert_eq!(house.action("quux it").await, "pass");
    house.good(&bob, "POST", "/rollback", Some(json!({"revision": 1}))).await;
    assert_eq!(house.action("quux it").await, "block");
    let history = house.good(&bob, "GET", "/revisions", None).await;
    let numbers: Vec<(i64, Value)> = history["revisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["number"].as_i64().unwrap(), r["restores"].clone()))
        .collect();
    assert_eq!(numbers, [(3, json!(1)), (2, json!(0)), (1, Value::Null)]);
    for wrong in [3, 99, -1] {
        let (status, _) = house.call(&bob, "POST", "/rollback", Some(json!({"revision": wrong}))).await;
        assert!(status.is_client_error(), "{wrong}: {status}");
    }
    assert!(house.gateway.store.verify().await.unwrap().is_whole());
}

#[tokio::test]
async fn what_changed_beneath_a_change_is_not_overwritten_and_a_moment_puts_in_force() {
    let house = House::new(&["acme"]).await;
    let (_, alice, bob) = house.three().await;
    let (first, second) = (house.begin(&alice, "first").await, house.begin(&alice, "second").await);
    house.save(&alice, &first, 1, LIST, &format!("{WORDS}quux\n")).await;
    house.save(&alice, &second, 1, LIST, &format!("{WORDS}xyzzy\n")).await;
    house.steps(&second, 2, &[(&alice, "submit"), (&bob, "approve")]).await;
    house.steps(&first, 2, &[(&alice, "submit"), (&bob, "approve")]).await;

    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(300);
    let body = json!({"version": 2, "step": "schedule", "at": at.to_string()});
    let said = house.good(&alice, "POST", &format!("/changes/{first}/step"), Some(body)).await;
    assert_eq!(said["state"], "scheduled");
    house.gateway.publish_due().await;
    assert_eq!(house.action("quux").await, "pass", "not before its moment");
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    house.gateway.publish_due().await;
    assert_eq!(house.action("quux").await, "block");

    let (status, said) = house.step(&alice, &second, 2, "publish").await;
    assert!(status == StatusCode::BAD_REQUEST && message(&said).contains(LIST), "{said}");
    let seen = house.good(&alice, "GET", &format!("/changes/{second}"), None).await;
    assert_eq!(seen["files"][0]["conflict"], true);
    // Scheduled all the same, it fails at its moment, and somebody has to look.
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(50);
    let body = json!({"version": 2, "step": "schedule", "at": at.to_string()});
    house.good(&alice, "POST", &format!("/changes/{second}/step"), Some(body)).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    house.gateway.publish_due().await;
    let seen = house.good(&alice, "GET", &format!("/changes/{second}"), None).await;
    let last = seen["events"].as_array().unwrap().last().unwrap();
    assert_eq!((&seen["state"], &last["what"]), (&json!("approved"), &json!("unschedule")));
    assert_eq!((house.action("quux").await, house.action("xyzzy").await), ("block".into(), "pass".into()));

    // Taken over, the edit is one of what is in force now, and needs other eyes again.
    house.steps(&second, 2, &[(&alice, "reopen")]).await;
    let body = json!({"version": 2, "path": LIST, "text": format!("{WORDS}quux\nxyzzy\n"), "take_over": true});
    house.good(&alice, "PUT", &format!("/changes/{second}/file"), Some(body)).await;
    house.steps(&second, 3, &[(&alice, "submit"), (&bob, "approve"), (&bob, "publish")]).await;
    assert_eq!((house.action("quux").await, house.action("xyzzy").await), ("block".into(), "block".into()));
}

#[tokio::test]
async fn cases_and_recent_requests_show_what_a_change_does() {
    let house = House::new(&["acme"]).await;
    let (_, alice, bob) = house.three().await;
    for (name, text, action) in [("harmless", "a quux a day", "pass"), ("bad", "frobnicate", "block")] {
        let case = json!({"name": name, "text": text, "action": action});
        house.good(&alice, "POST", "/cases", Some(case)).await;
    }
    let wrong = json!({"name": "x", "text": "y"});
    let (status, _) = house.call(&alice, "POST", "/cases", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a case expects something");
    let run = house.good(&alice, "POST", "/cases/run", None).await;
    assert_eq!((&run["cases"], &run["failed"]), (&json!(2), &json!(0)), "{run}");
    for text in ["quux one", "quux two", "nothing", "frobnicate"] {
        house.action(text).await;
    }

    let id = house.begin(&alice, "quux is bad").await;
    house.save(&alice, &id, 1, LIST, &format!("{WORDS}quux\n")).await;
    let run = house.good(&alice, "POST", &format!("/changes/{id}/cases"), None).await;
    let harmless = run["rows"].as_array().unwrap().iter().find(|r| r["name"] == "harmless").unwrap();
    assert_eq!((&run["failed"], &run["changed"]), (&json!(1), &json!(1)));
    assert_eq!((&harmless["now"]["action"], &harmless["then"]["action"]), (&json!("pass"), &json!("block")));
    assert_eq!(harmless["then"]["rule"], "acme/bad@1");

    let shadow = house.good(&alice, "POST", &format!("/changes/{id}/shadow"), None).await;
    assert_eq!((&shadow["decided"], &shadow["same"]), (&json!(4), &json!(2)), "{shadow}");
    let changed = &shadow["changed"][0];
    assert_eq!((&changed["from"], &changed["to"], &changed["count"]), (&json!("pass"), &json!("block"), &json!(2)));
    let example = changed["examples"][0].as_str().unwrap().parse().unwrap();
    assert_eq!(house.gateway.store.request(example, None, false).await.unwrap().len(), 1);
    assert!(!shadow.to_string().contains("quux"), "texts stay where they are");
    let seen = house.good(&bob, "GET", &format!("/changes/{id}"), None).await;
    assert_eq!((&seen["shadow"]["decided"], &seen["cases"]["failed"]), (&json!(4), &json!(1)), "both are kept");

    // What is not as expected is approved with a reason, or not at all.
    house.steps(&id, 2, &[(&alice, "submit")]).await;
    let (status, said) = house.step(&bob, &id, 2, "approve").await;
    assert!(status == StatusCode::BAD_REQUEST && message(&said).starts_with("1 of 2 cases"), "{said}");
    let body = json!({"version": 2, "step": "approve", "accept_failures": true, "note": "the case is out of date"});
    house.good(&bob, "POST", &format!("/changes/{id}/step"), Some(body)).await;

    let cases = house.good(&alice, "GET", "/cases", None).await;
    let case = cases["cases"].as_array().unwrap().iter().find(|c| c["name"] == "harmless").unwrap();
    let path = format!("/cases/{}", case["id"].as_str().unwrap());
    let new = json!({"name": "harmless", "text": "a quux a day", "action": "block", "label": "bad"});
    house.good(&alice, "PUT", &path, Some(new)).await;
    house.good(&alice, "DELETE", &path, None).await;
    let (status, _) = house.call(&alice, "DELETE", &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn when_the_packs_beneath_no_longer_fit_the_last_good_set_stands() {
    let mut house = House::new(&["acme"]).await;
    let (_, alice, bob) = house.three().await;
    let id = house.begin(&alice, "a rule").await;
    let rule = "[[rule]]\nid = \"own\"\nwhen = { finding = [\"kw.acme.*\"] }\nthen = \"decline\"\nreply = \"own\"\npriority = 9\n";
    house.save(&alice, &id, 1, "acme/rules/own.toml", rule).await;
    house.save(&alice, &id, 2, "acme/replies/own.toml", "[[reply]]\nid = \"own\"\nzh = \"否\"\nen = \"no\"\n").await;
    house.steps(&id, 3, &[(&alice, "submit"), (&bob, "approve"), (&bob, "publish")]).await;
    assert_eq!(house.action("frobnicate").await, "decline");

    // The folder brings a reply of the same id: with the edits it is there twice.
    let folder = house.dir.path().join("packs/acme/replies");
    std::fs::write(folder.join("a.toml"), "[[reply]]\nid = \"own\"\nzh = \"非\"\nen = \"nay\"\n").unwrap();
    assert!(house.gateway.reload("test").await.is_err());
    assert_eq!(house.action("frobnicate").await, "decline");
    house.restart().await;
    assert_eq!(house.action("frobnicate").await, "decline");
    let state = house.good(&alice, "GET", "", None).await;
    assert_eq!((&state["alone"], &state["errors"]), (&json!(true), &json!(0)));
    assert!(state["diagnostics"].to_string().contains("duplicate reply"), "{state}");

    std::fs::remove_file(folder.join("a.toml")).unwrap();
    house.gateway.reload("test").await.unwrap();
    let state = house.good(&alice, "GET", "", None).await;
    assert_eq!((&state["alone"], &state["revision"]), (&json!(false), &json!(1)));
    assert_eq!(house.action("frobnicate").await, "decline");
}

#[tokio::test]
async fn packs_are_of_the_house_and_only_editors_change_them() {
    let house = House::new(&["acme"]).await;
    let (owner, ..) = house.three().await;
    let bound = house.person("bea", &[Role::Owner, Role::PolicyEditor], Some("acme")).await;
    let auditor = house.person("aud", &[Role::Auditor], None).await;
    for path in ["", "/changes", "/cases", "/revisions", "/file?path=acme/pack.toml"] {
        assert_eq!(house.call(&bound, "GET", path, None).await.0, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(house.call(&auditor, "GET", path, None).await.0, StatusCode::OK, "{path}");
    }
    let begin = Some(json!({"title": "x"}));
    assert_eq!(house.call(&bound, "POST", "/changes", begin.clone()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(house.call(&auditor, "POST", "/changes", begin.clone()).await.0, StatusCode::FORBIDDEN);
    let id = house.begin(&owner, "x").await;
    for path in ["../x.toml", "acme/../x.toml", "/etc/passwd.txt", "acme/x.sh", "other/x.toml", "acme"] {
        let body = json!({"version": 1, "path": path, "text": "x"});
        let (status, said) = house.call(&owner, "PUT", &format!("/changes/{id}/file"), Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {said}");
    }
    let (status, said) = house.step(&owner, &id, 1, "submit").await;
    assert!(status == StatusCode::BAD_REQUEST && message(&said).contains("no edits"), "{said}");
}

#[tokio::test]
async fn an_answer_written_in_a_form_is_signed_by_who_approves_it_over_built_in_packs() {
    let mut house = House::new(&[]).await;
    house.config.pack_folders.clear();
    house.restart().await;
    let (_, alice, bob) = house.three().await;
    let path = "cn/answers/service.toml";
    let id = house.begin(&alice, "opening hours").await;
    let members = json!({
        "id": "service.hours", "questions": ["你们门店几点开门", "门店的营业时间", "门店几点关门"],
        "answer": "每天 9:00–18:00。", "status": "approved", "approved_by": "alice", "approved_at": "2020-01-01",
    });
    let entry = json!({"version": 1, "path": path, "members": members});
    let saved = house.good(&alice, "POST", &format!("/changes/{id}/entry"), Some(entry)).await;
    assert_eq!(saved["errors"], 0, "{saved}");
    let seen = house.good(&bob, "GET", &format!("/changes/{id}"), None).await;
    assert_eq!(seen["answers"], json!([{"pack": "cn", "id": "service.hours", "status": "approved"}]));
    house.steps(&id, 2, &[(&alice, "submit"), (&bob, "approve"), (&bob, "publish")]).await;
    let entries = house.good(&bob, "GET", &format!("/entries?path={path}"), None).await;
    let signed = &entries["entries"][0]["members"];
    assert_eq!(signed["approved_by"], "bob the person");
    assert_ne!(signed["approved_at"], "2020-01-01");
    let verdict = house.verdict("你们门店几点开门").await;
    assert_eq!(verdict["disposition"], "answer", "{verdict}");
}
