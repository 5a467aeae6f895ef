//! What must hold for every route, those included that nobody has written yet: the table of routes is walked with real
//! objects of another tenant, with planted secrets, and with an eye on the audit.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use menshen_gateway::api::{Access, ROUTES, openapi};
use menshen_gateway::auth::{COOKIE, CSRF};
use menshen_gateway::config::AuthMode;
use menshen_gateway::{Config, Gateway, Snapshot};
use menshen_store::{
    AlarmDecision, Behaving, Credentials, DampingRule, Filter, Level, NewAgreement, NewAlarm, NewKey, NewMeasure,
    NewPerson, NewProfile, NewReview, Options, PersonChange, Role, Store, SubjectKind, Suspension, csrf_of,
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const ADMIN: &str = "the-admin-key-of-this-test-0123456789";
const UPSTREAM_KEY: &str = "the-key-of-the-model-behind-0123456789";
const CLIENT_SECRET: &str = "the-secret-of-the-provider-client-0123456789";
const PASSWORD: &str = "tall trees at dusk";
const SESSION: &str = "/console/api/session";

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Who calls: a session's token, or a key.
#[derive(Clone, Default)]
struct Who {
    token: Option<String>,
    key: Option<String>,
}

struct Said {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn token(&self) -> Option<String> {
        let cookie = self.headers.get("set-cookie")?.to_str().ok()?;
        Some(cookie.split(';').next()?.strip_prefix("menshen_session=")?.to_owned())
    }
}

struct House {
    dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("secret"), CLIENT_SECRET).unwrap();
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.auth.mode = AuthMode::Keys;
        config.guard.judge.enabled = false;
        config.console.public_url = Some("https://console.example".to_owned());
        let oidc = format!(
            "issuer = 'https://127.0.0.1:1'\nclient_id = 'menshen'\nclient_secret_file = '{}'",
            dir.path().join("secret").display()
        );
        config.console.oidc = Some(toml::from_str(&oidc).unwrap());
        let upstream = format!("url = 'http://127.0.0.1:1/v1'\nkey = '{UPSTREAM_KEY}'");
        config.upstream = vec![toml::from_str(&upstream).unwrap()];
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let snapshot = Snapshot::load(&config);
        let gateway = Gateway::new(config, snapshot, store, Some(ADMIN)).unwrap();
        let router = gateway.router();
        House { dir, gateway, router }
    }

    async fn person(&self, name: &str, roles: &[Role], tenant: Option<&str>) -> Who {
        let new = NewPerson {
            name: name.to_owned(),
            display: format!("display-of-{name}"),
            roles: roles.to_vec(),
            tenant: tenant.map(str::to_owned),
            password: PASSWORD.to_owned().into(),
        };
        let person = self.gateway.store.add_person(new, "test", now()).await.unwrap();
        let session = self.gateway.store.begin_session_of(&person.id, "test", None, now()).await.unwrap();
        Who { token: Some(session.token.to_string()), key: None }
    }

    async fn send(&self, who: &Who, method: &str, path: &str, body: Option<&Value>) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &who.token {
            request = request.header("cookie", format!("{COOKIE}={token}")).header(CSRF, csrf_of(token));
        }
        if let Some(key) = &who.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let endless = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let bytes = match endless {
            true => bytes::Bytes::new(),
            false => axum::body::to_bytes(answer.into_body(), 32 << 20).await.unwrap(),
        };
        Said { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// One of everything that a tenant can have; gives what stands in paths for it.
    async fn furnished(&self, tenant: &str) -> Vec<Vec<String>> {
        let store = &self.gateway.store;
        let name = format!("person-of-{tenant}");
        self.person(&name, &[Role::Reviewer], Some(tenant)).await;
        let person = store.person_named(&name).unwrap().id.clone();
        let sessions = store.sessions(now());
        let session = sessions.iter().find(|s| s.person.as_ref().is_some_and(|p| p.name == name)).unwrap();
        let new = NewKey {
            name: format!("key-of-{tenant}"),
            tenant: tenant.to_owned(),
            app: "shop".to_owned(),
            scopes: vec!["infer".to_owned()],
            ..NewKey::default()
        };
        let key = store.create_key(new, "test", now()).await.unwrap();
        let app = format!("app-of-{tenant}");
        let new = NewAgreement { tenant: tenant.into(), app, user: None, terms: "v1".into(), until_us: None };
        let agreement = store.agree(new, "test", now()).await.unwrap().id;
        let review = NewReview {
            request_id: uuid::Uuid::now_v7(),
            tenant: Some(tenant.into()),
            app: None,
            user: None,
            reason: format!("reason-of-{tenant}"),
            rule: None,
            input: format!("text-of-{tenant}"),
            output: String::new(),
            at_us: now(),
        };
        let review = store.add_review(review).await.unwrap();
        let user = format!("user-of-{tenant}");
        let suspension = Suspension {
            tenant: tenant.into(),
            user: user.clone(),
            since_us: now(),
            until_us: None,
            reason: "test".into(),
            rule: None,
            by: "test".into(),
        };
        store.suspend(suspension).await.unwrap();
        let caller = Who { token: None, key: Some(key.presented.to_string()) };
        let body = json!({"text": format!("what {tenant} said")});
        let said = self.send(&caller, "POST", "/v1/guard", Some(&body)).await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.text);
        let filter = Filter { tenant: Some(tenant.to_owned()), kind: Some("request".to_owned()), ..Filter::default() };
        let record = store.records(&filter, None, 1).await.unwrap()[0].request_id.clone();
        let who = Behaving {
            tenant: tenant.to_owned(),
            app: "default".to_owned(),
            kind: SubjectKind::User,
            subject: user.clone(),
        };
        let raise = || {
            let reasons = json!([{"signal": format!("signal-of-{tenant}")}]);
            let (who, grade) = (who.clone(), "warn".to_owned());
            store.raise(NewAlarm { who, grade, score: 30, reasons, request_id: None, human: false }, None, now())
        };
        let judged = raise().await.unwrap().id;
        let learning = DampingRule { whole_app: false, step_percent: 50, least_percent: 25, lasts_s: 86_400 };
        let decided = AlarmDecision::FalseAlarm;
        let (_, dampings) = store.decide_alarm(&judged, None, decided, None, learning, "test", now()).await.unwrap();
        let alarm = raise().await.unwrap().id;
        // The walk may take minutes.
        let (until_us, reason) = (now() + 86_400_000_000, format!("reason-of-{tenant}"));
        let measure = NewMeasure { level: Level::Warn, percent: 100, until_us, reason };
        let measure = store.impose(&who, measure, "test", now()).await.unwrap().id;
        let profile =
            NewProfile { tenant: tenant.into(), app: "default".into(), user: user.clone(), ..NewProfile::default() };
        store.put_profile(profile, "test", now()).await.unwrap();
        let one = |id: String| vec![id];
        vec![
            one(alarm),
            one(measure),
            one(dampings[0].id.clone()),
            one(person),
            one(session.session.id.clone()),
            one(key.key.id.clone()),
            one(agreement),
            one(review.to_string()),
            one(record),
            vec![tenant.to_owned(), user],
        ]
    }

    async fn told(&self) -> usize {
        let filter = Filter { kind: Some("admin".to_owned()), ..Filter::default() };
        self.gateway.store.records(&filter, None, 10_000).await.unwrap().len()
    }

    /// Everything of a tenant that somebody could have changed.
    fn state_of(&self, tenant: &str) -> String {
        let store = &self.gateway.store;
        let people: Vec<_> = store
            .people()
            .iter()
            .filter(|p| p.tenant.as_deref() == Some(tenant))
            .map(|p| (p.id.clone(), p.display.clone(), p.roles.clone(), p.disabled, p.totp, p.security_keys))
            .collect();
        let sessions: Vec<_> = store
            .sessions(now())
            .iter()
            .filter(|s| s.person.as_ref().is_some_and(|p| p.tenant.as_deref() == Some(tenant)))
            .map(|s| s.session.id.clone())
            .collect();
        let keys: Vec<_> =
            store.keys().iter().filter(|k| k.tenant == tenant).map(|k| (k.id.clone(), k.revoked_us)).collect();
        let user = format!("user-of-{tenant}");
        let suspended = store.suspension(tenant, &user, now()).is_some();
        let measures: Vec<_> = store.standing_measures(now()).into_iter().filter(|m| m.who.tenant == tenant).collect();
        let dampings: Vec<_> = store.dampings(now()).into_iter().filter(|d| d.tenant == tenant).collect();
        format!("{people:?} {sessions:?} {keys:?} {suspended} {measures:?} {dampings:?}")
    }
}

/// A body that a schema allows, from the document itself.
fn example(schema: &Value, document: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return example(&document["components"]["schemas"][name], document);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|list| list.first()) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap_or_default().to_owned(),
        kind => kind.as_str().unwrap_or_default().to_owned(),
    };
    match kind.as_str() {
        "object" => {
            let none = Map::new();
            let properties = schema["properties"].as_object().unwrap_or(&none);
            let needed = schema["required"].as_array().cloned().unwrap_or_default();
            let wanted = properties.iter().filter(|(name, _)| needed.iter().any(|n| n == *name));
            let body: Map<String, Value> = wanted
                .map(|(name, one)| {
                    // What only we know to be long enough, and the one that a person knows.
                    let value = match name.as_str() {
                        "password" => json!("a quite different one"),
                        _ => example(one, document),
                    };
                    (name.clone(), value)
                })
                .collect();
            Value::Object(body)
        }
        "array" => json!([example(&schema["items"], document)]),
        "string" => json!("example"),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

/// The ways to call a route with these objects: each whose parts are as many as the path has.
fn paths(declared: &str, objects: &[Vec<String>]) -> Vec<String> {
    let holes = declared.matches('{').count();
    let fill = |parts: &[String]| {
        let mut parts = parts.iter();
        let segments: Vec<String> = declared
            .split('/')
            .map(|s| if s.starts_with('{') { parts.next().cloned().unwrap_or_default() } else { s.to_owned() })
            .collect();
        segments.join("/")
    };
    let mut paths: Vec<String> = objects.iter().filter(|o| o.len() == holes).map(|o| fill(o)).collect();
    paths.sort();
    paths
}

struct Try {
    method: &'static str,
    declared: &'static str,
    path: String,
    bodies: Vec<Option<Value>>,
}

/// Every route of administrators with these objects in its path.
fn tries(objects: &[Vec<String>]) -> Vec<Try> {
    let document = openapi::openapi();
    let mut tries = Vec::new();
    for route in ROUTES.iter().filter(|r| matches!(r.access, Access::May(_)) && r.path.contains('{')) {
        let mut bodies = Vec::new();
        match route.request {
            None => bodies.push(None),
            Some(name) => {
                let schema = &document["components"]["schemas"][name];
                bodies.push(Some(example(schema, document)));
                // One of each member alone: changes say only what shall change.
                let members = schema["properties"].as_object().cloned().unwrap_or_default();
                for (member, one) in &members {
                    bodies.push(Some(json!({ member.as_str(): example(one, document) })));
                }
            }
        }
        for path in paths(route.path, objects) {
            tries.push(Try { method: route.method, declared: route.path, path, bodies: bodies.clone() });
        }
    }
    // People go last: without them there is nothing more to change.
    tries.sort_by_key(|t| (t.method, t.declared) == ("DELETE", "/admin/people/{id}"));
    tries
}

#[tokio::test]
async fn no_id_of_another_tenant_opens_anything_whatever_the_route_and_the_role() {
    let house = House::new().await;
    house.person("first", &[Role::Owner], None).await;
    let rivals = house.furnished("rival").await;
    let own = house.furnished("acme").await;
    let mut callers = vec![("all-acme".to_owned(), house.person("all-acme", &Role::ALL, Some("acme")).await)];
    for role in Role::ALL {
        let name = format!("{}-acme", role.id());
        callers.push((name.clone(), house.person(&name, &[role], Some("acme")).await));
    }
    let before = house.state_of("rival");
    let mut refused = 0;
    for attempt in tries(&rivals) {
        for (name, who) in &callers {
            for body in &attempt.bodies {
                let said = house.send(who, attempt.method, &attempt.path, body.as_ref()).await;
                let at = format!(
                    "{} {} as {name} with {body:?}: {} {}",
                    attempt.method, attempt.path, said.status, said.text
                );
                assert!(said.status.is_client_error(), "{at}");
                assert!(!said.text.contains("-of-rival") && !said.text.contains("what rival said"), "{at}");
                refused += 1;
            }
        }
    }
    assert_eq!(house.state_of("rival"), before, "something of another tenant was changed");
    assert!(refused > 300, "{refused}");
    // The very same routes do what they are for with what is the tenant's own: the test could not pass by refusing all.
    let (_, all) = &callers[0];
    let mut opened = BTreeMap::new();
    for attempt in tries(&own) {
        for body in &attempt.bodies {
            let said = house.send(all, attempt.method, &attempt.path, body.as_ref()).await;
            if said.status.is_success() {
                *opened.entry(format!("{} {}", attempt.method, attempt.declared)).or_insert(0) += 1;
            }
        }
    }
    for route in [
        "DELETE /admin/keys/{id}",
        "POST /admin/reviews/{id}",
        "DELETE /admin/agreements/{id}",
        "GET /admin/records/{request_id}",
        "POST /admin/records/{request_id}/feedback",
        "DELETE /admin/suspensions/{tenant}/{user}",
        "PATCH /admin/people/{id}",
        "POST /admin/people/{id}/password",
        "DELETE /admin/people/{id}/sessions",
        "DELETE /admin/people/{id}",
        "GET /admin/behaviour/alarms/{id}",
        "POST /admin/behaviour/alarms/{id}/decision",
        "DELETE /admin/behaviour/measures/{id}",
        "GET /admin/users/{tenant}/{user}",
        "DELETE /admin/users/{tenant}/{user}",
    ] {
        assert!(opened.contains_key(route), "{route} did nothing with one's own: {opened:?}");
    }
}

/// What is computed or tried, and changes nothing.
const CHANGES_NOTHING: &[&str] = &[
    "/console/api/upstreams/test",
    "/admin/register/grade",
    "/admin/incidents/grade",
    "/admin/cases/{id}/preview",
    "/admin/workbench/cases/run",
];

#[tokio::test]
async fn every_change_by_an_administrator_is_in_the_audit() {
    let house = House::new().await;
    let owner = house.person("first", &[Role::Owner], None).await;
    let admin = Who { token: None, key: Some(ADMIN.to_owned()) };
    let objects = house.furnished("acme").await;
    let document = openapi::openapi();
    let (mut changed, mut silent) = (BTreeMap::new(), Vec::new());
    let plain =
        ROUTES.iter().filter(|r| matches!(r.access, Access::May(_)) && r.method != "GET" && !r.path.contains('{'));
    let plain = plain.map(|route| {
        let body = route.request.map(|name| example(&document["components"]["schemas"][name], document));
        Try { method: route.method, declared: route.path, path: route.path.to_owned(), bodies: vec![body] }
    });
    let mut all: Vec<Try> = plain.collect();
    all.extend(tries(&objects).into_iter().filter(|t| t.method != "GET"));
    // What removes comes last, so that there is something to change before.
    all.sort_by_key(|t| (t.method == "DELETE", t.declared == "/admin/people/{id}"));
    for attempt in all {
        for body in &attempt.bodies {
            for who in [&owner, &admin] {
                let before = house.told().await;
                let said = house.send(who, attempt.method, &attempt.path, body.as_ref()).await;
                // What is brought in a second time changes nothing either.
                let nothing = CHANGES_NOTHING.contains(&attempt.declared) || said.text.contains(r#""new":[]"#);
                if said.status.is_success() && !nothing {
                    let at = format!("{} {} with {body:?}: {}", attempt.method, attempt.path, said.text);
                    if house.told().await <= before {
                        silent.push(at);
                    }
                    *changed.entry(format!("{} {}", attempt.method, attempt.declared)).or_insert(0) += 1;
                }
            }
        }
    }
    assert!(silent.is_empty(), "no record of {silent:#?}");
    for route in [
        "POST /admin/keys",
        "POST /admin/agreements",
        "POST /admin/people",
        "POST /admin/people/me/totp",
        "PATCH /admin/people/{id}",
        "POST /admin/reviews/{id}",
        "DELETE /admin/people/{id}/sessions",
        "DELETE /admin/keys/{id}",
        "POST /admin/behaviour/measures",
        "POST /admin/behaviour/alarms/{id}/decision",
        "DELETE /admin/behaviour/measures/{id}",
        "PUT /admin/users",
        "DELETE /admin/users/{tenant}/{user}",
    ] {
        assert!(changed.contains_key(route), "{route} changed nothing: {changed:?}");
    }
    assert!(house.gateway.store.verify().await.unwrap().broken.is_none(), "the chain");
}

#[tokio::test]
async fn no_answer_holds_a_secret() {
    let house = House::new().await;
    let owner = house.person("first", &[Role::Owner], None).await;
    let admin = Who { token: None, key: Some(ADMIN.to_owned()) };
    let objects = house.furnished("acme").await;
    let made = house.send(&owner, "POST", "/admin/keys", Some(&json!({"name": "k"}))).await.json();
    let key = made["key"].as_str().or(made["secret"].as_str()).unwrap().to_owned();
    let totp = house.send(&owner, "POST", "/admin/people/me/totp", None).await.json();
    let cipher = std::fs::read_to_string(house.dir.path().join("audit.key")).unwrap().trim().to_owned();
    let setup = house.gateway.store.setup_token().unwrap();
    assert!(setup.is_none());
    let mut secrets: Vec<(&str, String)> = vec![
        ("a password's hash", "$argon2".to_owned()),
        ("a password", PASSWORD.to_owned()),
        ("the authenticator's secret", totp["secret"].as_str().unwrap().to_owned()),
        ("a key", key),
        ("the admin key", ADMIN.to_owned()),
        ("the model's key", UPSTREAM_KEY.to_owned()),
        ("the provider client's secret", CLIENT_SECRET.to_owned()),
        ("the cipher's key", cipher),
        ("a session's token", owner.token.clone().unwrap()),
    ];
    for (what, secret) in &secrets {
        assert!(secret.len() >= 7, "{what} is no secret: {secret:?}");
    }
    secrets.push(("the data folder", house.dir.path().display().to_string()));
    let mut read = 0;
    for route in ROUTES.iter().filter(|r| r.method == "GET") {
        let mut all = vec![route.path.to_owned()];
        if route.path.contains('{') {
            all = paths(route.path, &objects);
        }
        for path in all {
            for who in [&owner, &admin, &Who::default()] {
                let said = house.send(who, "GET", &path, None).await;
                assert!(
                    !said.status.is_server_error() || path == "/readyz" || path == "/v1/models",
                    "{path}: {} {}",
                    said.status,
                    said.text
                );
                for (what, secret) in &secrets {
                    assert!(!said.text.contains(secret.as_str()), "{path} holds {what}: {}", said.text);
                }
                if path != SESSION {
                    let headers = format!("{:?}", said.headers);
                    assert!(secrets.iter().all(|(_, secret)| !headers.contains(secret.as_str())), "{path}: {headers}");
                }
                read += usize::from(said.status.is_success());
            }
        }
    }
    assert!(read > 20, "{read}");
}

#[tokio::test]
async fn a_session_is_never_the_one_that_was_there_before() {
    let house = House::new().await;
    let owner = house.person("first", &[Role::Owner], None).await;
    house.person("wei", &[Role::Auditor], None).await;
    let given = json!({"name": "wei", "password": PASSWORD});
    let sign_in = async |token: Option<&str>| {
        let mut request = Request::post(SESSION).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("cookie", format!("{COOKIE}={token}"));
        }
        let answer = house.router.clone().oneshot(request.body(Body::from(given.to_string())).unwrap()).await.unwrap();
        let said = Said { status: answer.status(), headers: answer.headers().clone(), text: String::new() };
        assert_eq!(said.status, StatusCode::OK);
        said.token().unwrap()
    };
    let first = sign_in(None).await;
    // An attacker who knows a session of their own, and plants it, finds it ended and not raised.
    let second = sign_in(Some(&first)).await;
    assert_ne!(first, second);
    let who = |token: &str| Who { token: Some(token.to_owned()), key: None };
    assert_eq!(house.send(&who(&first), "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);
    // Other rights, other sessions: roles, tenant, password, second factor, disabling; each ends all that stood.
    let id = house.gateway.store.person_named("wei").unwrap().id.clone();
    let path = format!("/admin/people/{id}");
    for change in [json!({"roles": ["reviewer"]}), json!({"tenant": "acme"}), json!({"disabled": true})] {
        let here = sign_in(None).await;
        let there = sign_in(None).await;
        assert_eq!(house.send(&owner, "PATCH", &path, Some(&change)).await.status, StatusCode::OK);
        for token in [here, there] {
            assert_eq!(
                house.send(&who(&token), "GET", SESSION, None).await.status,
                StatusCode::UNAUTHORIZED,
                "{change}"
            );
        }
        let back = PersonChange { disabled: Some(false), ..PersonChange::default() };
        house.gateway.store.change_person(&id, back, "test", now()).await.unwrap();
    }
    // All sessions of one person at once; one's own others, but not this one.
    let (here, there) = (sign_in(None).await, sign_in(None).await);
    let said = house.send(&who(&here), "DELETE", "/admin/people/me/sessions", None).await;
    assert_eq!((said.status, said.json()["ended"].as_u64()), (StatusCode::OK, Some(1)), "{}", said.text);
    assert_eq!(house.send(&who(&there), "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.send(&who(&here), "GET", SESSION, None).await.status, StatusCode::OK);
    let said = house.send(&owner, "DELETE", &format!("{path}/sessions"), None).await;
    assert_eq!(said.json()["ended"].as_u64(), Some(1), "{}", said.text);
    assert_eq!(house.send(&who(&here), "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);
    // A privilege that one gives oneself, by a new password, is a new session, too.
    let here = sign_in(None).await;
    let body = json!({"current": PASSWORD, "password": "a quite different one"});
    let said = house.send(&who(&here), "POST", "/admin/people/me/password", Some(&body)).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.text);
    assert_ne!(said.token().unwrap(), here);
    assert_eq!(house.send(&who(&here), "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn guessing_waits_and_tells_nothing_by_words_or_by_time_and_goes_on_waiting_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let new = |name: &str| NewPerson {
        name: name.into(),
        display: String::new(),
        roles: vec![Role::Owner],
        tenant: None,
        password: PASSWORD.to_owned().into(),
    };
    store.add_person(new("wei"), "test", 1).await.unwrap();
    store.add_person(new("off"), "test", 1).await.unwrap();
    let id = store.person_named("off").unwrap().id.clone();
    store
        .change_person(&id, PersonChange { disabled: Some(true), ..PersonChange::default() }, "test", 1)
        .await
        .unwrap();
    let given = |name, password| Credentials {
        name,
        password,
        second: None,
        site: None,
        address: None,
        agent: "",
        replaced: None,
    };
    // A name that is known, one that is not, and one that is disabled, with its right password: the same words, and no
    // difference in time that could be told from outside. A hash takes tens of milliseconds; nothing else takes one.
    let mut least: BTreeMap<&str, Duration> = BTreeMap::new();
    for round in 0..10 {
        for (name, password) in [("wei", "wrong password"), ("nobody", "wrong password"), ("off", PASSWORD)] {
            let begun = Instant::now();
            let error = store.sign_in(given(name, password), round * 3_600_000_000 + 10).await.unwrap_err();
            let took = begun.elapsed();
            assert_eq!(error.to_string(), "name, password or code are not right");
            let known = least.entry(name).or_insert(took);
            *known = took.min(*known);
        }
    }
    let (known, others) = (least["wei"], [least["nobody"], least["off"]]);
    for other in others {
        // Without a hash it would be hundreds of times faster; the rest is what else the machine does.
        assert!(other * 5 > known && known * 5 > other, "{least:?}");
    }
    // After some failures the right password waits as well, and a restart forgives nothing.
    let at = 1_000_000_000_000;
    for _ in 0..12 {
        let _ = store.sign_in(given("wei", "wrong password"), at).await;
    }
    let wait = store.sign_in(given("wei", PASSWORD), at).await.unwrap_err().to_string();
    assert!(wait.starts_with("too many attempts failed; wait "), "{wait}");
    store.close().await.unwrap();
    drop(store);
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let again = store.sign_in(given("wei", PASSWORD), at).await.unwrap_err().to_string();
    assert!(again.starts_with("too many attempts failed; wait "), "{again}");
    store.sign_in(given("wei", PASSWORD), at + 16 * 60_000_000).await.unwrap();
}
