//! Who may do what, over every route × role × tenant: what is not allowed is 401 or 403, never an answer and never an
//! outage, and nothing of one tenant reaches another.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use menshen_gateway::api::{Access, ROUTES};
use menshen_gateway::auth::{COOKIE, CSRF, Door, PLAIN, Permission};
use menshen_gateway::config::{AuthMode, SecureCookie};
use menshen_gateway::{Annex, Config, Gateway, Snapshot};
use menshen_store::{NewAgreement, NewKey, NewPerson, NewReview, Options, Role, Store, Suspension, csrf_of};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const ADMIN: &str = "the-admin-key-of-this-test-0123456789";
const PASSWORD: &str = "tall trees at dusk";
const SESSION: &str = "/console/api/session";

/// The paths that an annex brings, with what they need to read and to change; the first is one that nobody thought of.
const ANNEX: &[(&str, Option<Permission>, Option<Permission>)] = &[
    ("/admin/unthought/of", None, None),
    ("/admin/redteam/campaigns/{id}", Some(Permission::RedTeamRead), Some(Permission::RedTeam)),
    ("/admin/range/sessions", Some(Permission::RangeRead), Some(Permission::Range)),
    ("/admin/range/submissions/{id}/decision", Some(Permission::RangeRead), Some(Permission::RangeJudge)),
    ("/admin/reports/monthly", Some(Permission::Observe), Some(Permission::Observe)),
    ("/admin/assess/runs", Some(Permission::AssessRead), Some(Permission::Assess)),
    ("/admin/assess/runs/{id}/review/decisions", Some(Permission::AssessRead), Some(Permission::AssessReview)),
];

struct House {
    _dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
}

fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Somebody who calls: with a cookie, or a key, or nothing.
#[derive(Clone, Default)]
struct Who {
    name: String,
    roles: Vec<Role>,
    tenant: Option<String>,
    token: Option<String>,
    key: Option<String>,
}

impl Who {
    fn signed_in(said: &Said) -> Self {
        let cookie = said.cookie.clone().unwrap();
        let token = cookie.split(';').next().unwrap().strip_prefix("menshen_session=").unwrap().to_owned();
        Who { token: Some(token), ..Who::default() }
    }

    fn csrf(&self) -> String {
        self.token.as_deref().map(csrf_of).unwrap_or_default()
    }

    fn may(&self, permission: Option<Permission>) -> bool {
        permission.is_some_and(|p| {
            self.roles.iter().any(|r| p.roles().contains(r)) && !(p.of_the_house() && self.tenant.is_some())
        })
    }
}

struct Said {
    status: StatusCode,
    cookie: Option<String>,
    cached: Option<String>,
    body: Value,
}

impl Said {
    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.auth.mode = AuthMode::Keys;
        config.guard.judge.enabled = false;
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let snapshot = Snapshot::load(&config);
        let gateway = Gateway::new(config, snapshot, store, Some(ADMIN)).unwrap();
        let reached = || axum::routing::any(|| async { "reached" });
        let router = ANNEX.iter().fold(Router::new(), |router, (path, ..)| router.route(path, reached()));
        let pages = Router::new().route("/console", axum::routing::get(|| async { "page" }));
        gateway.attach(Annex { router, pages, paths: json!({}) });
        let router = gateway.router();
        House { _dir: dir, gateway, router }
    }

    async fn person(&self, name: &str, roles: &[Role], tenant: Option<&str>) -> Who {
        let store = &self.gateway.store;
        let new = NewPerson {
            name: name.to_owned(),
            display: format!("display-of-{name}"),
            roles: roles.to_vec(),
            tenant: tenant.map(str::to_owned),
            password: PASSWORD.to_owned().into(),
        };
        let person = store.add_person(new, "test", now()).await.unwrap();
        let session = store.begin_session_of(&person.id, "test", None, now()).await.unwrap();
        let (roles, tenant) = (roles.to_vec(), person.tenant.clone());
        Who { name: name.to_owned(), roles, tenant, token: Some(session.token.to_string()), key: None }
    }

    async fn key(&self, tenant: &str, scope: &str) -> (String, Who) {
        let new = NewKey {
            name: format!("key-of-{tenant}"),
            tenant: tenant.to_owned(),
            app: "shop".to_owned(),
            scopes: vec![scope.to_owned()],
            ..NewKey::default()
        };
        let made = self.gateway.store.create_key(new, "test", now()).await.unwrap();
        let who = Who { name: format!("{scope} key"), key: Some(made.presented.to_string()), ..Who::default() };
        (made.key.id.clone(), who)
    }

    async fn send(&self, who: &Who, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &who.token {
            request = request.header("cookie", format!("theme=dark; {COOKIE}={token}"));
        }
        if let Some(key) = &who.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let header = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (status, cookie, cached) = (answer.status(), header("set-cookie"), header("cache-control"));
        // Records as they come have no end: that they may be read is all that is asked here.
        let endless = header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        let bytes = match endless {
            true => bytes::Bytes::new(),
            false => axum::body::to_bytes(answer.into_body(), 8 << 20).await.unwrap(),
        };
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Said { status, cookie, cached, body }
    }

    /// With the token against forged requests.
    async fn call(&self, who: &Who, method: &str, path: &str, body: Option<Value>) -> Said {
        self.send(who, method, path, body, &[(CSRF, &who.csrf())]).await
    }

    async fn sign_in(&self, who: &Who, body: Value) -> Said {
        self.send(who, "POST", SESSION, Some(body), &[]).await
    }
}

/// Every route that is not everybody's: method, path as declared, what it needs, whether callers with keys use it too.
fn routes() -> Vec<(&'static str, &'static str, Option<Permission>, bool)> {
    let mut routes = Vec::new();
    for route in ROUTES {
        match route.access {
            Access::Open => {}
            Access::Caller => routes.push((route.method, route.path, Some(Permission::Try), true)),
            Access::May(permission) => routes.push((route.method, route.path, Some(permission), false)),
            // For keys with a scope: nobody who is signed in, whatever their roles.
            Access::Scope(_) => routes.push((route.method, route.path, None, false)),
        }
    }
    for (path, read, change) in ANNEX {
        routes.push(("GET", path, *read, false));
        routes.extend(["POST", "PUT", "PATCH", "DELETE"].map(|method| (method, *path, *change, false)));
    }
    routes
}

#[tokio::test]
async fn every_route_role_and_tenant() {
    let house = House::new().await;
    let mut people = vec![house.person("first", &[Role::Owner], None).await];
    for role in Role::ALL {
        people.push(house.person(&format!("{}-all", role.id()), &[role], None).await);
        people.push(house.person(&format!("{}-acme", role.id()), &[role], Some("acme")).await);
    }
    people.push(house.person("two-roles", &[Role::Auditor, Role::RedTeamer], None).await);
    let nobody = Who { name: "nobody".to_owned(), ..Who::default() };
    let planted = Who { name: "planted".to_owned(), token: Some("planted-token".to_owned()), ..Who::default() };
    let (_, infer) = house.key("acme", "infer").await;
    let admin = Who { name: "admin".to_owned(), key: Some(ADMIN.to_owned()), ..Who::default() };
    let routes = routes();
    assert!(routes.len() > 50);
    let mut counted = (0, 0);
    for (method, declared, permission, converses) in routes {
        // Ids that are nothing's: what is allowed then finds nothing, or finds the body wrong.
        let path = declared.replace("{id}", "0").replace("{tenant}", "none").replace("{user}", "none");
        let body = (method != "GET" && method != "DELETE").then(|| json!({}));
        let safe = Method::from_bytes(method.as_bytes()).unwrap().is_safe();
        let at = |who: &Who, said: &Said| format!("{method} {path} as {}: {} {}", who.name, said.status, said.body);
        let refused = |said: &Said| matches!(said.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        // Without a model there is nothing to say, but the door was open.
        let outage = |said: &Said| said.status.is_server_error() && said.code() != "no_upstream";
        let kept_out_of_caches = |said: &Said| converses || said.cached.as_deref() == Some("no-store");
        for who in [&nobody, &planted] {
            let said = house.call(who, method, &path, body.clone()).await;
            assert_eq!(said.status, StatusCode::UNAUTHORIZED, "{}", at(who, &said));
            assert!(kept_out_of_caches(&said), "{}", at(who, &said));
        }
        if !converses {
            let said = house.call(&infer, method, &path, body.clone()).await;
            assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", at(&infer, &said));
        }
        for who in &people {
            let said = house.call(who, method, &path, body.clone()).await;
            if who.may(permission) {
                // Everybody sets their own password; that of somebody else needs more than the route says.
                let own = ["/admin/people/{id}/password", "/admin/people/{id}/sessions"].contains(&declared);
                let narrower = own && !who.may(Some(Permission::People));
                assert!((!refused(&said) || narrower) && !outage(&said), "{}", at(who, &said));
                counted.0 += 1;
            } else {
                assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", at(who, &said));
                counted.1 += 1;
            }
            if safe {
                continue;
            }
            for csrf in ["", "guess", &csrf_of("another token")] {
                let said = house.send(who, method, &path, body.clone(), &[(CSRF, csrf)]).await;
                // The fms API's errors carry a number for a code, and words.
                let told = said.code() == "csrf_token_missing"
                    || said.body["message"].as_str().is_some_and(|m| m.contains(CSRF));
                assert!(said.status == StatusCode::FORBIDDEN && told, "{}", at(who, &said));
            }
            let headers = [(CSRF, who.csrf()), ("sec-fetch-site", "cross-site".to_owned())];
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let said = house.send(who, method, &path, body.clone(), &headers).await;
            assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", at(who, &said));
        }
        let said = house.call(&admin, method, &path, body.clone()).await;
        // An admin key has no account of its own.
        let own = declared.starts_with("/admin/people/me/");
        assert!((own || !refused(&said)) && !outage(&said), "{}", at(&admin, &said));
        assert!(kept_out_of_caches(&said), "{}", at(&admin, &said));
    }
    assert!(counted.0 > 200 && counted.1 > 200, "{counted:?}");
}

#[tokio::test]
async fn nothing_of_one_tenant_reaches_another() {
    let house = House::new().await;
    let store = house.gateway.store.clone();
    house.person("first", &[Role::Owner], None).await;
    let acme = house.person("acme-person", &Role::ALL, Some("acme")).await;
    let rival = house.person("rival-person", &Role::ALL, Some("rival")).await;
    let (rival_key, _) = house.key("rival", "infer").await;
    let (acme_key, _) = house.key("acme", "infer").await;
    let (acme_admin, _) = house.key("acme", "admin").await;
    let mut ids = Vec::new();
    for tenant in ["rival", "acme"] {
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
        let suspension = Suspension {
            tenant: tenant.into(),
            user: "user".into(),
            since_us: now(),
            until_us: None,
            reason: "test".into(),
            rule: None,
            by: "test".into(),
        };
        store.suspend(suspension).await.unwrap();
        ids.push((agreement, review));
    }
    let (rival_agreement, rival_review) = ids[0].clone();
    let (acme_agreement, acme_review) = ids[1].clone();
    for path in ["/admin/keys", "/admin/reviews", "/admin/agreements", "/admin/people", "/admin/sessions"] {
        let said = house.call(&acme, "GET", path, None).await;
        let text = said.body.to_string();
        assert_eq!(said.status, StatusCode::OK, "{path}: {text}");
        assert_eq!(said.cached.as_deref(), Some("no-store"));
        assert!(text.contains("acme"), "{path} shows nothing: {text}");
        assert!(!text.contains("rival") && !text.contains("first"), "{path} leaks: {text}");
    }
    let id = |name: &str| store.person_named(name).unwrap().id.clone();
    let (rival_id, first_id, acme_id) = (id("rival-person"), id("first"), id("acme-person"));
    let session = |name: &str| {
        let all = store.sessions(now());
        all.iter().find(|s| s.person.as_ref().is_some_and(|p| p.name == name)).unwrap().session.id.clone()
    };
    let foreign = [
        ("DELETE", format!("/admin/keys/{rival_key}"), None),
        ("POST", format!("/admin/reviews/{rival_review}"), Some(json!({"decision": "released"}))),
        ("DELETE", format!("/admin/agreements/{rival_agreement}"), None),
        ("DELETE", "/admin/suspensions/rival/user".to_owned(), None),
        ("PATCH", format!("/admin/people/{rival_id}"), Some(json!({"disabled": true}))),
        ("PATCH", format!("/admin/people/{first_id}"), Some(json!({"display": "x"}))),
        ("DELETE", format!("/admin/people/{rival_id}"), None),
        ("POST", format!("/admin/people/{rival_id}/password"), Some(json!({"password": "a quite different one"}))),
        ("DELETE", format!("/admin/sessions/{}", session("rival-person")), None),
        ("DELETE", format!("/admin/sessions/{}", session("first")), None),
        ("DELETE", format!("/admin/people/{rival_id}/sessions"), None),
        ("DELETE", format!("/admin/people/{first_id}/sessions"), None),
    ];
    for (method, path, body) in foreign {
        let said = house.call(&acme, method, &path, body).await;
        assert_eq!(said.status, StatusCode::NOT_FOUND, "{method} {path}: {}", said.body);
    }
    let stranger = json!({"name": "n", "roles": ["owner"], "tenant": "rival", "password": PASSWORD});
    let beyond = [
        ("POST", "/admin/keys".to_owned(), json!({"name": "k", "tenant": "rival"})),
        ("POST", "/admin/keys".to_owned(), json!({"name": "k", "scopes": ["admin"]})),
        ("POST", "/admin/agreements".to_owned(), json!({"tenant": "rival", "terms": "v1"})),
        ("POST", "/admin/people".to_owned(), stranger),
        ("PATCH", format!("/admin/people/{acme_id}"), json!({"tenant": null})),
    ];
    for (method, path, body) in beyond {
        let said = house.call(&acme, method, &path, Some(body)).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{method} {path}: {}", said.body);
    }
    let said = house.call(&acme, "DELETE", &format!("/admin/keys/{acme_admin}"), None).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", said.body);
    // Nothing happened to what is not theirs …
    assert!(house.call(&rival, "GET", "/admin/people", None).await.body.to_string().contains("rival-person"));
    assert!(store.suspension("rival", "user", now()).is_some());
    assert!(store.keys().iter().any(|k| k.id == rival_key && k.revoked_us.is_none()));
    // … and what is theirs is theirs to change.
    let own = [
        ("DELETE", format!("/admin/keys/{acme_key}"), None),
        ("POST", format!("/admin/reviews/{acme_review}"), Some(json!({"decision": "released"}))),
        ("DELETE", format!("/admin/agreements/{acme_agreement}"), None),
        ("DELETE", "/admin/suspensions/acme/user".to_owned(), None),
        ("POST", "/admin/keys".to_owned(), Some(json!({"name": "k"}))),
        ("POST", "/admin/people".to_owned(), Some(json!({"name": "n", "roles": ["reviewer"], "password": PASSWORD}))),
    ];
    for (method, path, body) in own {
        let said = house.call(&acme, method, &path, body).await;
        assert_eq!(said.status, StatusCode::OK, "{method} {path}: {}", said.body);
    }
    assert_eq!(store.person_named("n").unwrap().tenant.as_deref(), Some("acme"));
    assert_eq!(store.keys().iter().filter(|k| k.tenant == "acme" && k.name == "k").count(), 1);
}

#[tokio::test]
async fn signing_in_makes_a_fresh_session_and_tells_little() {
    let house = House::new().await;
    house.person("first", &[Role::Owner], None).await;
    let nobody = Who::default();
    let right = || json!({"name": "first", "password": PASSWORD});
    let wrong = || json!({"name": "first", "password": "not the password"});
    let planted = Who { token: Some("0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk".into()), ..Who::default() };
    let said = house.sign_in(&planted, right()).await;
    assert_eq!(said.status, StatusCode::OK, "{}", said.body);
    let cookie = said.cookie.clone().unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let me = Who::signed_in(&said);
    assert_ne!(me.token, planted.token, "a session that the client made was taken over");
    assert_eq!((&said.body["roles"], &said.body["csrf"]), (&json!(["owner"]), &json!(me.csrf())));
    assert!(!said.body.to_string().contains(me.token.as_deref().unwrap()), "scripts can read the token");
    assert_eq!(house.send(&me, "GET", SESSION, None, &[]).await.body["name"], "first");
    assert_eq!(house.call(&planted, "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);

    // Signing in again ends the session before.
    assert_eq!(house.sign_in(&me, right()).await.status, StatusCode::OK);
    assert_eq!(house.call(&me, "GET", SESSION, None).await.status, StatusCode::UNAUTHORIZED);

    // An unknown name and a wrong password look the same.
    let unknown = house.sign_in(&nobody, json!({"name": "nobody", "password": PASSWORD})).await;
    let refused = house.sign_in(&nobody, wrong()).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::UNAUTHORIZED, "wrong_credentials"));
    assert_eq!(unknown.body["error"]["message"], refused.body["error"]["message"]);
    for body in [json!({}), json!({"name": "first"}), json!({"key": "k", "name": "n"}), json!({"key": 1}), json!([])] {
        assert_eq!(house.sign_in(&nobody, body.clone()).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let cross = [("sec-fetch-site", "cross-site")];
    let cross = house.send(&nobody, "POST", SESSION, Some(right()), &cross).await;
    assert_eq!(cross.status, StatusCode::FORBIDDEN, "another origin signs a browser in");

    // An admin key signs in too; its session administers, and is as careful.
    let said = house.sign_in(&nobody, json!({"key": ADMIN})).await;
    assert_eq!((said.status, &said.body["name"]), (StatusCode::OK, &json!("admin")), "{}", said.body);
    assert_eq!(house.sign_in(&nobody, json!({"key": "guess"})).await.status, StatusCode::UNAUTHORIZED);
    let admin = Who::signed_in(&said);
    assert_eq!(house.call(&admin, "GET", "/admin/packs", None).await.status, StatusCode::OK);
    assert_eq!(house.send(&admin, "POST", "/admin/reload", Some(json!({})), &[]).await.status, StatusCode::FORBIDDEN);
    // A forged sign-out does nothing; a real one ends the session and takes the cookie away.
    assert_eq!(house.send(&admin, "DELETE", SESSION, None, &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.call(&admin, "GET", "/admin/packs", None).await.status, StatusCode::OK);
    let out = house.call(&admin, "DELETE", SESSION, None).await;
    assert!(out.cookie.unwrap().contains("Max-Age=0"));
    assert_eq!(house.call(&admin, "GET", "/admin/packs", None).await.status, StatusCode::UNAUTHORIZED);

    // Guessing has to wait.
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(house.sign_in(&nobody, wrong()).await.status);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn the_first_account_is_made_once_and_ones_own_password_needs_the_present_one() {
    let house = House::new().await;
    let nobody = Who::default();
    let setup = house.send(&nobody, "GET", "/console/api/setup", None, &[]).await.body;
    let steps = json!({"owner": false, "upstream": false, "key": false, "answers": false});
    assert_eq!(setup, json!({"needed": true, "steps": steps, "sign_on": null}));
    let token = house.gateway.store.setup_token().unwrap().unwrap();
    let make = |token: &str| Some(json!({"name": "wei", "password": PASSWORD, "token": token}));
    let path = "/console/api/setup/owner";
    assert_eq!(house.send(&nobody, "POST", path, make("guess"), &[]).await.status, StatusCode::FORBIDDEN);
    let made = house.send(&nobody, "POST", path, make(&token), &[]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(house.send(&nobody, "POST", path, make(&token), &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.send(&nobody, "GET", "/console/api/setup", None, &[]).await.body["needed"], false);
    let me = Who::signed_in(&made);
    let change = |current: &str| Some(json!({"password": "a quite different one", "current": current}));
    let path = "/admin/people/me/password";
    assert_eq!(house.call(&me, "POST", path, change("wrong")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.call(&me, "POST", path, Some(json!({"password": "a quite different one"}))).await.status, 403);
    let changed = house.call(&me, "POST", path, change(PASSWORD)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(house.call(&me, "GET", "/admin/people", None).await.status, StatusCode::UNAUTHORIZED, "the old session");
    let me = Who::signed_in(&changed);
    assert_eq!(changed.body["session"]["csrf"], me.csrf());
    assert_eq!(house.call(&me, "GET", "/admin/people", None).await.status, StatusCode::OK);
    // A second factor is enrolled by its owner.
    let begun = house.call(&me, "POST", "/admin/people/me/totp", None).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
    assert!(begun.body["uri"].as_str().unwrap().contains(begun.body["secret"].as_str().unwrap()));
    let wrong = house.call(&me, "POST", "/admin/people/me/totp/confirm", Some(json!({"code": "abcdef"}))).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.body);
    // What changes one's factors wants the password besides the session and the token against forged requests.
    for path in ["security-keys", "security-keys/sky_0/remove", "totp/remove", "recovery-codes"] {
        let path = format!("/admin/people/me/{path}");
        let none = house.call(&me, "POST", &path, Some(json!({}))).await;
        assert_eq!(none.status, StatusCode::BAD_REQUEST, "{path}: {}", none.body);
        let forged = house.send(&me, "POST", &path, Some(json!({"current": "a quite different one"})), &[]).await;
        assert_eq!(forged.code(), "csrf_token_missing", "{path}");
        let guessed = house.call(&me, "POST", &path, Some(json!({"current": "a guess"}))).await;
        assert_eq!(guessed.status, StatusCode::FORBIDDEN, "{path}: {}", guessed.body);
    }
}

#[tokio::test]
async fn beyond_loopback_the_cookie_is_for_tls_unless_the_operator_says_otherwise() {
    let house = House::new().await;
    for (listen, setting, secure) in [
        ("127.0.0.1:1", SecureCookie::Auto, false),
        ("0.0.0.0:1", SecureCookie::Auto, true),
        ("0.0.0.0:1", SecureCookie::Never, false),
        ("127.0.0.1:1", SecureCookie::Always, true),
    ] {
        let mut config = Config { listen: listen.parse().unwrap(), ..Config::default() };
        config.console.secure_cookie = setting;
        let cookie = Door::new(&config, house.gateway.store.clone(), None).cookie("token", 1).unwrap();
        assert_eq!(cookie.to_str().unwrap().contains("; Secure"), secure, "{listen} {setting:?}");
    }
}

/// Whoever only looks is refused whatever would change something.
#[tokio::test]
async fn an_auditor_changes_nothing_by_any_route() {
    let house = House::new().await;
    house.person("first", &[Role::Owner], None).await;
    let auditor = house.person("auditor", &[Role::Auditor], None).await;
    let bodies = [json!({}), json!({"name": "x", "tenant": "acme", "user": "u", "kind": "erasure", "terms": "v1"})];
    let (mut refused, mut own, mut open) = (0, 0, Vec::new());
    for (method, declared, permission, _) in routes() {
        let path = declared.replace("{id}", "1").replace("{tenant}", "acme").replace("{user}", "u");
        if method == "GET" {
            continue;
        }
        // What only computes may be asked, and a report has but the one method.
        let computes = ["/admin/register/grade", "/admin/reports/monthly"].contains(&declared);
        if permission == Some(Permission::Account) || computes {
            own += 1;
            continue;
        }
        for body in &bodies {
            let said = house.call(&auditor, method, &path, Some(body.clone())).await;
            if said.status == StatusCode::FORBIDDEN {
                refused += 1;
            } else {
                open.push(format!("{method} {declared}: {}", said.status));
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    assert!(refused > 100 && own >= 3, "{refused} {own}");
}

#[tokio::test]
async fn requests_of_users_stay_within_their_tenant() {
    let house = House::new().await;
    house.person("first", &[Role::Owner], None).await;
    let acme = house.person("acme-owner", &[Role::Owner], Some("acme")).await;
    let rival = house.person("rival-owner", &[Role::Owner], Some("rival")).await;
    let ask =
        |kind: &str, tenant: Option<&str>| json!({"user": "u", "kind": kind, "tenant": tenant, "note": "by letter"});
    let foreign = house.call(&acme, "POST", "/admin/subjects", Some(ask("export", Some("rival")))).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let wrong = house.call(&acme, "POST", "/admin/subjects", Some(ask("other", None))).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let mut ids = Vec::new();
    for kind in ["export", "erasure", "export"] {
        let said = house.call(&acme, "POST", "/admin/subjects", Some(ask(kind, None))).await;
        assert_eq!((said.status, &said.body["tenant"]), (StatusCode::OK, &json!("acme")), "{}", said.body);
        ids.push(said.body["id"].as_str().unwrap().to_owned());
    }
    let seen = house.call(&rival, "GET", "/admin/subjects", None).await;
    assert_eq!(seen.body["requests"], json!([]));
    for (id, what, body) in [(0, "export", None), (1, "erase", None), (2, "refuse", Some(json!({"reason": "r"})))] {
        let path = format!("/admin/subjects/{}/{what}", ids[id]);
        let said = house.call(&rival, "POST", &path, body.clone()).await;
        assert_eq!(said.status, StatusCode::NOT_FOUND, "{path}: {}", said.body);
        let said = house.call(&acme, "POST", &path, body).await;
        assert_eq!(said.status, StatusCode::OK, "{path}: {}", said.body);
    }
    let seen = house.call(&acme, "GET", "/admin/subjects", None).await;
    let states: Vec<&Value> = seen.body["requests"].as_array().unwrap().iter().map(|r| &r["state"]).collect();
    assert_eq!(states.len(), 3);
    assert!(states.iter().all(|s| **s != "open"), "{}", seen.body);
    // Keys and backups are of the whole house.
    let said = house.call(&acme, "GET", "/admin/protection", None).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_answers_are_for_those_who_may_see_them() {
    let house = House::new().await;
    let (_, key) = house.key("default", "infer").await;
    let new = NewKey {
        name: "sly".into(),
        tenant: "default".into(),
        app: PLAIN.into(),
        scopes: vec!["infer".into()],
        ..NewKey::default()
    };
    let made = house.gateway.store.create_key(new, "test", now()).await.unwrap();
    let sly = Who { name: "sly".into(), key: Some(made.presented.to_string()), ..Who::default() };
    let mut people = vec![(sly, false), (key, true)];
    for role in Role::ALL {
        let may = [Role::Owner, Role::PolicyEditor, Role::RedTeamer].contains(&role);
        people.push((house.person(&format!("p-{role:?}").to_lowercase(), &[role], None).await, may));
    }
    for (who, may) in people {
        let named = [(CSRF, &*who.csrf()), ("x-menshen-app", PLAIN)];
        let said = house.send(&who, "POST", "/v1/guard", Some(json!({"text": "hello"})), &named).await;
        // A key's own application stands, whatever the header says.
        let wanted = if may { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(said.status, wanted, "{}: {}", who.name, said.body);
        if who.token.is_some() {
            let said = house.call(&who, "GET", "/console/api/choices", None).await;
            let offered = said.body["apps"].as_array().is_some_and(|apps| apps.iter().any(|a| a["id"] == PLAIN));
            assert_eq!(offered, may, "{}: {}", who.name, said.body);
        }
    }
    // Where everybody may call, nobody may call it by a header.
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
    config.auth.mode = AuthMode::Open;
    config.guard.judge.enabled = false;
    config.console.plain_answers = false;
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let gateway = Gateway::new(config.clone(), Snapshot::load(&config), store, Some(ADMIN)).unwrap();
    let open = House { _dir: dir, router: gateway.router(), gateway };
    let text = || Some(json!({"text": "hello"}));
    let said = open.send(&Who::default(), "POST", "/v1/guard", text(), &[("x-menshen-app", PLAIN)]).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN, "{}", said.body);
    assert_eq!(open.send(&Who::default(), "POST", "/v1/guard", text(), &[]).await.status, StatusCode::OK);
    // Turned off, nobody is offered them.
    let owner = open.person("owner", &[Role::Owner], None).await;
    let said = open.call(&owner, "GET", "/console/api/choices", None).await;
    assert_eq!((said.status, &said.body["apps"]), (StatusCode::OK, &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_text_is_refused_as_everything_else_is() {
    let house = House::new().await;
    let who = house.person("p", &[Role::Owner], None).await;
    for path in ["/admin/records/%ff", "/admin/people/%c3%28", "/v1/users/%fe/profile", "/nowhere/%80"] {
        let said = house.call(&who, "GET", path, None).await;
        assert_eq!((said.status, said.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{path}: {}", said.body);
    }
}
