//! The register over HTTP: grades with their reason, controls that nobody can tick by hand, votes by people, documents, and
//! nothing of one tenant for another.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use menshen_gateway::auth::{COOKIE, CSRF};
use menshen_gateway::config::AuthMode;
use menshen_gateway::{Config, Gateway, Snapshot, Testimony, Witness};
use menshen_policy::governance::Words;
use menshen_store::{NewKey, NewPerson, Options, Role, Store, csrf_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

struct House {
    _dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

struct Passed;

impl Witness for Passed {
    fn testify(&self) -> std::pin::Pin<Box<dyn Future<Output = Vec<Testimony>> + Send + '_>> {
        let says = Words { zh: "通过".into(), en: "passed".into() };
        let day = 86_400_000_000;
        Box::pin(async move {
            let of = |check, at_us| Testimony { check, met: Some(true), at_us, says: says.clone(), page: None };
            vec![of("assessment.passed", Some(now() - day)), of("redteam.recent", Some(now() - 200 * day))]
        })
    }
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
        gateway.ask(Arc::new(Passed));
        let router = gateway.router();
        let house = House { _dir: dir, gateway, router };
        // The first account is an owner's.
        house.person("first", &[Role::Owner], None).await;
        house
    }

    async fn person(&self, name: &str, roles: &[Role], tenant: Option<&str>) -> String {
        let new = NewPerson {
            name: name.to_owned(),
            display: name.to_owned(),
            roles: roles.to_vec(),
            tenant: tenant.map(str::to_owned),
            password: "tall trees at dusk".to_owned().into(),
        };
        let person = self.gateway.store.add_person(new, "test", now()).await.unwrap();
        self.gateway.store.begin_session_of(&person.id, "test", None, now()).await.unwrap().token.to_string()
    }

    async fn bytes(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path).header("cookie", format!("{COOKIE}={who}"));
        request = request.header(CSRF, csrf_of(who)).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        let said = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = said.status();
        (status, axum::body::to_bytes(said.into_body(), 8 << 20).await.unwrap().to_vec())
    }

    async fn call(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let (status, bytes) = self.bytes(who, method, path, body).await;
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn ok(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, said) = self.call(who, method, path, body).await;
        assert_eq!(status, StatusCode::OK, "{method} {path}: {said}");
        said
    }

    async fn refused(&self, who: &str, method: &str, path: &str, body: Value, words: &str) {
        let (status, said) = self.call(who, method, path, Some(body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{method} {path}: {said}");
        let message = said["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}

fn profile() -> Value {
    json!({"industry": ["medical"], "sensitivity": ["personal"], "technique": ["text"], "audience": ["adults"],
           "reach": ["opinion"]})
}

fn control<'a>(app: &'a Value, id: &str) -> &'a Value {
    app["controls"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn an_application_is_graded_reviewed_and_filed() {
    let house = House::new(|_| ()).await;
    let editor = house.person("editor", &[Role::PolicyEditor], None).await;
    let mut members = Vec::new();
    for name in ["m1", "m2", "m3", "m4", "m5"] {
        members.push(house.person(name, &[Role::Reviewer], None).await);
    }
    house.refused(&editor, "POST", "/admin/register/grade", json!({"profile": {}}), "not answered").await;
    let graded = house.ok(&editor, "POST", "/admin/register/grade", Some(json!({"profile": profile()}))).await;
    assert_eq!(graded["grading"]["level"], "particularly_major");
    assert!(graded["duties"].as_array().unwrap().contains(&json!("algorithm")));

    let new = json!({"name": "Star <b>", "owner": "wei", "launch": "2026-10-01", "facts": {"purpose": "advice"},
                     "profile": profile()});
    let made = house.ok(&editor, "POST", "/admin/register/apps", Some(new)).await;
    let path = format!("/admin/register/apps/{}", made["id"].as_str().unwrap());
    assert_eq!((&made["tenant"], &made["grading"]["path"]), (&json!("default"), &json!("committee")));
    // What the program sees by itself.
    assert_eq!(control(&made, "guard")["state"], "met");
    assert_eq!(control(&made, "judge")["state"], "unmet");
    assert_eq!(control(&made, "labels")["state"], "unmet");
    assert_eq!(control(&made, "audit")["state"], "unknown");
    assert_eq!(control(&made, "assessment")["state"], "met");
    assert_eq!(control(&made, "redteam")["state"], "expired", "200 days are more than 180");
    assert_eq!(control(&made, "review")["state"], "unmet");
    assert_eq!(control(&made, "human_checkpoint"), &Value::Null, "it is no agent");
    house.gateway.store.verify().await.unwrap();
    assert_eq!(control(&house.ok(&editor, "GET", &path, None).await, "audit")["state"], "met");

    // Nobody ticks what the program sees; the rest has evidence and runs out.
    let at = format!("{path}/controls");
    let tick = |control: &str, met: bool, expires: &str| json!({"control": control, "met": met, "evidence": "see", "expires": expires});
    house.refused(&editor, "POST", &at, tick("guard", true, ""), "by itself").await;
    house.refused(&editor, "POST", &at, tick("disclosure", true, "2020-01-01"), "ended").await;
    house.ok(&editor, "POST", &at, Some(tick("disclosure", true, "2099-01-01"))).await;
    let seen = house.ok(&editor, "GET", &path, None).await;
    let ticked = control(&seen, "disclosure");
    assert_eq!((&ticked["state"], &ticked["by"]), (&json!("met"), &json!("person:editor")));
    // The control's own year is shorter than what was asked for.
    assert!(ticked["until"].as_str().unwrap() < "2098");
    house.ok(&editor, "POST", &at, Some(tick("disclosure", false, ""))).await;
    assert_eq!(control(&house.ok(&editor, "GET", &path, None).await, "disclosure")["state"], "unmet");

    // The review: five members, none of them who opens it.
    let at = format!("{path}/reviews");
    house.refused(&editor, "POST", &at, json!({"members": ["m1", "m2"]}), "5 members").await;
    house.refused(&editor, "POST", &at, json!({"members": ["m1"], "path": "expedited"}), "stricter").await;
    house.refused(&editor, "POST", &at, json!({"members": ["m1", "m2", "m3", "m4", "nobody"]}), "nobody").await;
    let all = json!({"members": ["m1", "m2", "m3", "m4", "editor"]});
    house.refused(&editor, "POST", &at, all, "interest").await;
    let review = house.ok(&editor, "POST", &at, Some(json!({"members": ["m1", "m2", "m3", "m4", "m5"]}))).await;
    let votes = format!("/admin/register/reviews/{}/votes", review["id"].as_str().unwrap());
    let yes = || json!({"vote": "approve", "reason": "fine"});
    house.refused(&editor, "POST", &votes, yes(), "only members").await;
    for member in &members[..4] {
        house.ok(member, "POST", &votes, Some(yes())).await;
    }
    house.refused(&members[0], "POST", &votes, yes(), "is cast").await;
    let last = json!({"vote": "conditional", "reason": "fine", "conditions": "watch it"});
    let closed = house.ok(&members[4], "POST", &votes, Some(last)).await;
    assert_eq!(closed["standing"], "conditional");
    assert_eq!(control(&house.ok(&editor, "GET", &path, None).await, "review")["state"], "met");

    // Another classification is not the one that was approved; a change names what was read.
    let seen = house.ok(&editor, "GET", &path, None).await;
    let mut more = profile();
    more["technique"] = json!(["text", "agent"]);
    let change = json!({"name": "Star <b>", "owner": "wei", "profile": more, "launch": "2026-10-01"});
    house.refused(&editor, "PATCH", &path, change.clone(), "updated_us").await;
    let mut change = change;
    change["updated_us"] = json!(1);
    house.refused(&editor, "PATCH", &path, change.clone(), "meanwhile").await;
    change["updated_us"] = seen["updated_us"].clone();
    let changed = house.ok(&editor, "PATCH", &path, Some(change)).await;
    assert_eq!((&control(&changed, "review")["state"], &changed["standing"]["stale"]), (&json!("unmet"), &json!(true)));
    assert_eq!(control(&changed, "human_checkpoint")["state"], "unknown");

    // Filing: ten working days after the launch, unless somebody says otherwise.
    let duty = changed["filing"].as_array().unwrap().iter().find(|d| d["id"] == "algorithm").unwrap();
    assert_eq!(duty["last_day"], "2026-10-15");
    assert_eq!((&duty["items"][0]["state"], &duty["items"][0]["due"]), (&json!("missing"), &json!("2026-10-15")));
    let at = format!("{path}/filing");
    let note = json!({"duty": "algorithm", "item": "subject", "state": "ready", "responsible": "wei"});
    house.ok(&editor, "POST", &at, Some(note)).await;
    house.refused(&editor, "POST", &at, json!({"duty": "algorithm", "item": "subject", "state": "x"}), "state").await;
    let list = house.ok(&editor, "GET", "/admin/register/apps", None).await;
    assert_eq!(list["apps"][0]["filing"]["done"], 0, "ready is not accepted");

    // Documents: filled in, escaped, and an archive with all of them.
    let document = house.ok(&editor, "GET", &format!("{path}/document?template=privacy&lang=en"), None).await;
    assert!(document["text"].as_str().unwrap().contains("183 days"));
    assert!(document["open"].as_array().unwrap().contains(&json!("contact")));
    let (status, html) =
        house.bytes(&editor, "GET", &format!("{path}/document?template=agreement&format=html"), None).await;
    let html = String::from_utf8(html).unwrap();
    assert!(status == StatusCode::OK && html.contains("Star &lt;b&gt;") && !html.contains("Star <b>"));
    let (status, zip) = house.bytes(&editor, "GET", &format!("{path}/export?lang=en"), None).await;
    assert_eq!((status, &zip[..2]), (StatusCode::OK, b"PK".as_slice()));
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    assert_eq!(archive.len(), 6);
    let mut dossier = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("register.en.html").unwrap(), &mut dossier).unwrap();
    for words in ["Particularly major", "watch it", "Algorithm filing", "person:m1", "TC260-003, clause 7a"] {
        assert!(dossier.contains(words), "{words}");
    }
    for path in ["document?template=x", "document?template=privacy&lang=fr", "export?format=pdf", "export?x=1"] {
        let (status, _) = house
            .call(&editor, "GET", &format!("/admin/register/apps/{}/{path}", made["id"].as_str().unwrap()), None)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_and_found() {
    let house = House::new(|config| {
        let upstream = json!({"url": "https://u:secret@models.example:8443/v1?key=abc", "model": "qwen", "key": "k"});
        config.upstream = vec![serde_json::from_value(upstream).unwrap()];
    })
    .await;
    let editor = house.person("editor", &[Role::PolicyEditor], None).await;
    let new = NewKey {
        name: "k".into(),
        tenant: "default".into(),
        app: "shop".into(),
        scopes: vec!["infer".into()],
        ..NewKey::default()
    };
    house.gateway.store.create_key(new, "test", now()).await.unwrap();
    let found = house.ok(&editor, "POST", "/admin/register/assets/import", Some(json!({}))).await;
    let names: Vec<&str> = found["new"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    let packs = ["policy pack base", "policy pack cn"];
    let rest = ["upstream https://models.example:8443", "qwen", "application shop"];
    assert_eq!(names, packs.iter().chain(&rest).copied().collect::<Vec<_>>());
    assert!(!found.to_string().contains("secret") && !found.to_string().contains("abc"));
    let again = house.ok(&editor, "POST", "/admin/register/assets/import", Some(json!({}))).await;
    assert_eq!((&again["found"], &again["new"]), (&json!(5), &json!([])));
    let asset = |kind: &str| json!({"asset": {"kind": kind, "name": "logs", "stage": "development", "owner": "wei"}});
    house.refused(&editor, "POST", "/admin/register/assets", asset("thing"), "data_set").await;
    let made = house.ok(&editor, "POST", "/admin/register/assets", Some(asset("data_set"))).await;
    assert_eq!(made["missing"], json!(["source", "licence"]), "the stage asks for them");
    let path = format!("/admin/register/assets/{}", made["id"].as_str().unwrap());
    let change = json!({"updated_us": made["updated_us"], "asset": {"kind": "data_set", "name": "logs",
        "stage": "operation", "owner": "wei", "source": "own", "licence": "own", "version": "1", "hash": "x",
        "retires": "2020-01-01"}});
    let changed = house.ok(&editor, "PATCH", &path, Some(change)).await;
    assert_eq!((&changed["missing"], &changed["overdue"]), (&json!([]), &json!(true)));
}

#[tokio::test]
async fn nothing_of_the_register_reaches_another_tenant() {
    let house = House::new(|_| ()).await;
    let acme = house.person("acme", &Role::ALL, Some("acme")).await;
    let rival = house.person("rival", &Role::ALL, Some("rival")).await;
    house.person("rival2", &[Role::Reviewer], Some("rival")).await;
    let new = |name: &str| Some(json!({"name": name, "profile": profile()}));
    let secret = house.ok(&rival, "POST", "/admin/register/apps", new("secret-of-rival")).await;
    let asset = json!({"asset": {"kind": "model", "name": "model-of-rival", "stage": "operation"}});
    let model = house.ok(&rival, "POST", "/admin/register/assets", Some(asset.clone())).await;
    let own = house.ok(&acme, "POST", "/admin/register/apps", new("own")).await;
    let (id, own) = (secret["id"].as_str().unwrap(), own["id"].as_str().unwrap());
    for path in ["apps", "reviews", "assets", "governance"] {
        let seen = house.ok(&acme, "GET", &format!("/admin/register/{path}"), None).await.to_string();
        assert!(!seen.contains("rival"), "{path}: {seen}");
    }
    let tick = json!({"control": "disclosure", "met": true, "evidence": "x"});
    let filing = json!({"duty": "algorithm", "item": "subject", "state": "ready"});
    let mut change = json!({"name": "n", "profile": profile(), "updated_us": secret["updated_us"]});
    for (method, path, body) in [
        ("GET", format!("apps/{id}"), None),
        ("PATCH", format!("apps/{id}"), Some(change.clone())),
        ("POST", format!("apps/{id}/controls"), Some(tick)),
        ("POST", format!("apps/{id}/filing"), Some(filing)),
        ("POST", format!("apps/{id}/reviews"), Some(json!({"members": []}))),
        ("GET", format!("apps/{id}/document?template=privacy"), None),
        ("GET", format!("apps/{id}/export"), None),
        (
            "PATCH",
            format!("assets/{}", model["id"].as_str().unwrap()),
            Some(json!({"asset": asset["asset"], "updated_us": 1})),
        ),
        ("GET", "reviews/none".to_owned(), None),
    ] {
        let (status, said) = house.call(&acme, method, &format!("/admin/register/{path}"), body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {said}");
    }
    // Nothing is written for another tenant, nor linked to what is theirs.
    for (path, body) in [
        ("apps", json!({"tenant": "rival", "name": "n", "profile": profile()})),
        ("assets", json!({"tenant": "rival", "asset": asset["asset"]})),
        ("assets/import", json!({"tenant": "rival"})),
    ] {
        let (status, _) = house.call(&acme, "POST", &format!("/admin/register/{path}"), Some(body)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut linked = asset["asset"].clone();
    linked["entries"] = json!([id]);
    house.refused(&acme, "POST", "/admin/register/assets", json!({"asset": linked}), "no application").await;
    let foreign = json!({"members": ["rival2", "a", "b", "c", "d"]});
    house.refused(&acme, "POST", &format!("/admin/register/apps/{own}/reviews"), foreign, "rival2").await;
    change["updated_us"] = secret["updated_us"].clone();
    assert_eq!(house.ok(&rival, "GET", &format!("/admin/register/apps/{id}"), None).await["name"], "secret-of-rival");
}
