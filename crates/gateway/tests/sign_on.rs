//! Signing on at a provider, and what a hostile one, a hostile page or a hostile browser tries meanwhile.
//!
//! The provider is scripted: it speaks over a real socket, checks PKCE as RFC 7636 says, and signs what a test wants signed.
#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect shall stop")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, Request, StatusCode};
use menshen_gateway::config::AuthMode;
use menshen_gateway::{Config, Gateway, Snapshot};
use menshen_store::{NewPerson, Options, Role, Store};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tower::ServiceExt as _;

const SECRET: &str = "the-client-secret-nobody-else-knows";
const HOME: &str = "/console/";

struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Key { id, pair }
    }

    fn public(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": text(x), "y": text(y)})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let text = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}", text(header), text(claims))
}

fn with_secret(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", BASE64URL_NOPAD.encode(ring::hmac::sign(&key, signed.as_bytes()).as_ref()))
}

type Token = dyn Fn(&Provider, Value) -> Option<String> + Send + Sync;

/// What the provider does; a test changes it.
struct Provider {
    issuer: String,
    keys: Vec<Key>,
    /// What is said of the person, beside what every token says.
    said: Value,
    /// Put over the discovery document.
    document: Value,
    token: Arc<Token>,
    /// Codes that can be redeemed: the nonce and the challenge that they are bound to.
    codes: HashMap<String, (String, String)>,
    /// Forms and `Authorization` headers that the token endpoint was sent.
    asked: Vec<(HashMap<String, String>, String)>,
}

impl Provider {
    fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.keys[0].id, "typ": "JWT"})
    }

    fn honest(&self, claims: &Value) -> String {
        self.keys[0].sign(&self.header(), claims)
    }
}

type Shared = Arc<Mutex<Provider>>;
type Json = ([(&'static str, &'static str); 1], String);

fn said(value: Value) -> Json {
    ([("content-type", "application/json")], value.to_string())
}

async fn document(State(provider): State<Shared>) -> Json {
    let provider = provider.lock().unwrap();
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let mut document = json!({
        "issuer": provider.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "end_session_endpoint": at("/end"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    });
    for (name, value) in provider.document.as_object().unwrap() {
        document[name] = value.clone();
    }
    said(document)
}

async fn keys(State(provider): State<Shared>) -> Json {
    let keys: Vec<Value> = provider.lock().unwrap().keys.iter().map(Key::public).collect();
    said(json!({"keys": keys}))
}

async fn token(State(provider): State<Shared>, headers: HeaderMap, body: String) -> (StatusCode, Json) {
    let url = reqwest::Url::parse(&format!("http://x/?{body}")).unwrap();
    let form: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let mut provider = provider.lock().unwrap();
    let authorization = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    provider.asked.push((form.clone(), authorization));
    let refused = |why: &str| (StatusCode::BAD_REQUEST, said(json!({"error": why})));
    let Some((nonce, challenge)) = provider.codes.remove(&form["code"]) else { return refused("invalid_grant") };
    let digest = Sha256::digest(form["code_verifier"].as_bytes());
    if BASE64URL_NOPAD.encode(&digest) != challenge {
        return refused("invalid_grant");
    }
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": provider.issuer, "sub": "subject-1", "aud": "menshen", "exp": now + 300, "iat": now, "nonce": nonce,
    });
    for (name, value) in provider.said.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    let make = Arc::clone(&provider.token);
    let mut told = json!({"access_token": "access", "token_type": "Bearer", "expires_in": 60});
    if let Some(token) = make(&provider, claims) {
        told["id_token"] = Value::from(token);
    }
    (StatusCode::OK, said(told))
}

struct House {
    _dir: TempDir,
    gateway: Arc<Gateway>,
    router: Router,
    provider: Shared,
}

/// What a browser holds.
#[derive(Clone, Default)]
struct Browser {
    cookies: HashMap<String, String>,
}

struct Said {
    status: StatusCode,
    place: String,
    headers: HeaderMap,
    body: Value,
}

impl House {
    async fn new(more: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let provider: Shared = Arc::new(Mutex::new(Provider {
            issuer: issuer.clone(),
            keys: vec![Key::new("first")],
            said: json!({"preferred_username": "wei", "name": "Wei", "groups": ["admins"]}),
            document: json!({}),
            token: Arc::new(|provider, claims| Some(provider.honest(&claims))),
            codes: HashMap::new(),
            asked: Vec::new(),
        }));
        let server = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, server).await });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("client-secret"), format!("{SECRET}\n")).unwrap();
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.auth.mode = AuthMode::Keys;
        config.guard.judge.enabled = false;
        config.console.public_url = Some("https://console.example/".to_owned());
        let settings = format!(
            "issuer = '{issuer}'\nclient_id = 'menshen'\nclient_secret_file = '{}'\ntitle = 'Our login'\n{more}\n\
             [[mapping]]\nvalue = 'admins'\nroles = ['owner']\n\
             [[mapping]]\nvalue = 'watchers'\nroles = ['auditor']\ntenant = 'acme'\n",
            dir.path().join("client-secret").display()
        );
        config.console.oidc = Some(toml::from_str(&settings).unwrap());
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let snapshot = Snapshot::load(&config);
        let gateway = Gateway::new(config, snapshot, store, None).unwrap();
        let router = gateway.router();
        House { _dir: dir, gateway, router, provider }
    }

    fn script<T>(&self, change: impl FnOnce(&mut Provider) -> T) -> T {
        change(&mut self.provider.lock().unwrap())
    }

    async fn send(&self, browser: &mut Browser, method: &str, path: &str, headers: &[(&str, &str)]) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        let cookies: Vec<String> = browser.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => drop(browser.cookies.remove(name)),
                value => drop(browser.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let place = headers.get("location").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        Said { status, place, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    /// Begins; gives what the provider's page is asked with.
    async fn begin(&self, browser: &mut Browser) -> HashMap<String, String> {
        let said = self.send(browser, "POST", "/console/api/oidc", &[]).await;
        assert_eq!(said.status, StatusCode::OK, "{}", said.body);
        let url = reqwest::Url::parse(said.body["url"].as_str().unwrap()).unwrap();
        let issuer = self.script(|p| p.issuer.clone());
        assert_eq!(format!("{}{}", url.origin().ascii_serialization(), url.path()), format!("{issuer}/auth"));
        url.query_pairs().into_owned().collect()
    }

    /// The provider says yes: a code that is bound to what it was asked with.
    fn code(&self, asked: &HashMap<String, String>, name: &str) -> String {
        let bound = (asked["nonce"].clone(), asked["code_challenge"].clone());
        self.script(|p| p.codes.insert(name.to_owned(), bound));
        name.to_owned()
    }

    async fn back(&self, browser: &mut Browser, query: &[(&str, &str)]) -> Said {
        let url = reqwest::Url::parse_with_params("http://x/console/api/oidc/callback", query).unwrap();
        let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        // As it comes from another site's page.
        self.send(browser, "GET", &path, &[("sec-fetch-site", "cross-site")]).await
    }

    async fn whole(&self, browser: &mut Browser) -> Said {
        let asked = self.begin(browser).await;
        let code = self.code(&asked, "code");
        self.back(browser, &[("code", &code), ("state", &asked["state"])]).await
    }

    async fn who(&self, browser: &mut Browser) -> Value {
        self.send(browser, "GET", "/console/api/session", &[]).await.body
    }

    fn told(&self, said: &Said, browser: &Browser, code: &str) {
        assert_eq!((said.status, said.place.as_str()), (StatusCode::SEE_OTHER, &*format!("{HOME}?sign_on={code}")));
        assert!(!browser.cookies.contains_key("menshen_session"), "a session began: {code}");
        assert!(self.gateway.store.sessions(jiff::Timestamp::now().as_microsecond()).is_empty(), "{code}");
    }
}

#[tokio::test]
async fn somebody_signs_on_with_pkce_state_and_nonce_and_has_what_the_mapping_says() {
    let house = House::new("logout = true").await;
    let mut browser = Browser::default();
    let setup = house.send(&mut browser, "GET", "/console/api/setup", &[]).await.body;
    assert_eq!(setup["sign_on"], json!({"title": "Our login"}));
    let asked = house.begin(&mut browser).await;
    assert_eq!((&*asked["response_type"], &*asked["client_id"]), ("code", "menshen"));
    assert_eq!((&*asked["code_challenge_method"], &*asked["scope"]), ("S256", "openid profile email"));
    assert_eq!(asked["redirect_uri"], "https://console.example/console/api/oidc/callback");
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && asked["code_challenge"].len() == 43);
    let code = house.code(&asked, "code");
    let said = house.back(&mut browser, &[("code", &code), ("state", &asked["state"])]).await;
    assert_eq!((said.status, said.place.as_str()), (StatusCode::SEE_OTHER, HOME));
    assert_eq!(said.headers["referrer-policy"], "no-referrer");
    assert_eq!(said.headers["cache-control"], "no-store");
    assert!(!browser.cookies.contains_key("menshen_sign_on"), "the attempt stays");
    let cookies: Vec<&str> = said.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(cookies[0].contains("HttpOnly") && cookies[0].contains("SameSite=Strict"), "{cookies:?}");
    let me = house.who(&mut browser).await;
    assert_eq!((&me["name"], &me["display"], &me["roles"]), (&json!("wei"), &json!("Wei"), &json!(["owner"])));
    let (form, authorization) = house.script(|p| p.asked[0].clone());
    assert_eq!(form["redirect_uri"], "https://console.example/console/api/oidc/callback");
    assert!(authorization.starts_with("Basic ") && !form.contains_key("client_secret"), "{form:?}");

    // Once more it is the same account; other groups mean other roles, and what stood ends.
    let mut other = Browser::default();
    house.whole(&mut other).await;
    assert_eq!(house.gateway.store.people().len(), 1);
    let second = NewPerson {
        name: "second".into(),
        display: String::new(),
        roles: vec![Role::Owner],
        tenant: None,
        password: "tall trees at dusk".to_owned().into(),
    };
    house.gateway.store.add_person(second, "test", 1).await.unwrap();
    house.script(|p| p.said["groups"] = json!(["watchers"]));
    let mut third = Browser::default();
    house.whole(&mut third).await;
    let me = house.who(&mut third).await;
    assert_eq!((&me["roles"], &me["tenant"]), (&json!(["auditor"]), &json!("acme")));
    assert_eq!(house.who(&mut other).await["error"]["code"], "invalid_api_key", "an owner's session stayed");

    // Signing out leads on to the provider's own page for it.
    let csrf = me["csrf"].as_str().unwrap().to_owned();
    let out = house.send(&mut third, "DELETE", "/console/api/session", &[("x-menshen-csrf", &csrf)]).await;
    let end = out.body["provider"].as_str().unwrap();
    assert!(end.starts_with(&format!("{}/end?client_id=menshen&", house.script(|p| p.issuer.clone()))), "{end}");
    assert!(end.ends_with("post_logout_redirect_uri=https%3A%2F%2Fconsole.example%2Fconsole%2F"), "{end}");

    // Without a group that is mapped nobody comes in, and what stood ends.
    house.script(|p| p.said["groups"] = json!(["watchers"]));
    house.whole(&mut third).await;
    house.script(|p| p.said["groups"] = json!(["strangers"]));
    let mut fourth = Browser::default();
    let said = house.whole(&mut fourth).await;
    house.told(&said, &fourth, "no_role");
}

#[tokio::test]
async fn tokens_that_do_not_hold_open_nothing() {
    type Make = fn(&Provider, Value) -> Option<String>;
    fn with(provider: &Provider, mut claims: Value, name: &str, value: Value) -> Option<String> {
        claims[name] = value;
        Some(provider.honest(&claims))
    }
    fn without(provider: &Provider, mut claims: Value, name: &str) -> Option<String> {
        claims.as_object_mut().unwrap().remove(name);
        Some(provider.honest(&claims))
    }
    fn now() -> i64 {
        jiff::Timestamp::now().as_second()
    }
    let tokens: Vec<(&str, Make)> = vec![
        ("none", |_, _| None),
        ("another nonce", |p, c| with(p, c, "nonce", json!("guess"))),
        ("no nonce", |p, c| without(p, c, "nonce")),
        ("another audience", |p, c| with(p, c, "aud", json!("other"))),
        ("a second audience", |p, c| with(p, c, "aud", json!(["menshen", "other"]))),
        ("no audience", |p, c| with(p, c, "aud", json!([]))),
        ("another party", |p, c| with(p, c, "azp", json!("other"))),
        ("another issuer", |p, c| with(p, c, "iss", json!("https://evil.example"))),
        ("an issuer with a slash", |p, c| {
            let issuer = format!("{}/", p.issuer);
            with(p, c, "iss", json!(issuer))
        }),
        ("expired", |p, c| with(p, c, "exp", json!(now() - 1))),
        ("no end", |p, c| without(p, c, "exp")),
        ("from the future", |p, c| with(p, c, "iat", json!(now() + 3_600))),
        ("no subject", |p, c| without(p, c, "sub")),
        ("alg none", |_, c| Some(format!("{}.", unsigned(&json!({"alg": "none"}), &c)))),
        ("alg None", |_, c| Some(format!("{}.", unsigned(&json!({"alg": "None"}), &c)))),
        ("no signature", |p, c| Some(format!("{}.", unsigned(&p.header(), &c)))),
        ("the client's secret as a key", |_, c| Some(with_secret(&json!({"alg": "HS256"}), &c, SECRET.as_bytes()))),
        ("the public key as a secret", |p, c| {
            let key = p.keys[0].pair.public_key().as_ref().to_vec();
            Some(with_secret(&json!({"alg": "HS256", "kid": "first"}), &c, &key))
        }),
        ("the public key's text as a secret", |p, c| {
            let key = p.keys[0].public().to_string();
            Some(with_secret(&json!({"alg": "HS256", "kid": "first"}), &c, key.as_bytes()))
        }),
        ("another key of the same name", |p, c| Some(Key::new("first").sign(&p.header(), &c))),
        ("a key that it brings along", |p, c| {
            let own = Key::new("own");
            let header = json!({"alg": "ES256", "kid": "own", "typ": "JWT", "jwk": own.public(),
                "jku": format!("{}/keys", p.issuer)});
            Some(own.sign(&header, &c))
        }),
        ("a critical extension", |p, c| {
            let header = json!({"alg": "ES256", "kid": "first", "crit": ["exp"]});
            Some(p.keys[0].sign(&header, &c))
        }),
        ("changed after it was signed", |p, c| {
            let honest = p.honest(&c);
            let mut other = c;
            other["sub"] = json!("subject-2");
            let parts: Vec<&str> = honest.split('.').collect();
            Some(format!("{}.{}", unsigned(&p.header(), &other), parts[2]))
        }),
        ("no token at all", |_, _| Some("a.b.c".to_owned())),
        ("an empty one", |_, _| Some(String::new())),
    ];
    let house = House::new("").await;
    for (name, make) in tokens {
        house.script(|p| p.token = Arc::new(make));
        let mut browser = Browser::default();
        let said = house.whole(&mut browser).await;
        assert_eq!(said.place, format!("{HOME}?sign_on=untrue"), "{name}");
        house.told(&said, &browser, "untrue");
    }
    assert!(house.gateway.store.people().is_empty(), "a token that does not hold made an account");
    // The very same way lets an honest token in: what was refused was refused for the token.
    house.script(|p| p.token = Arc::new(|p, c| Some(p.honest(&c))));
    let mut browser = Browser::default();
    assert_eq!(house.whole(&mut browser).await.place, HOME);
}

#[tokio::test]
async fn what_another_browser_began_ends_nowhere() {
    let house = House::new("").await;
    let mut browser = Browser::default();
    let asked = house.begin(&mut browser).await;
    let state = asked["state"].clone();
    // No cookie: somebody was sent a link with the code of the sender (login CSRF).
    let code = house.code(&asked, "sender");
    let mut victim = Browser::default();
    let said = house.back(&mut victim, &[("code", &code), ("state", &state)]).await;
    house.told(&said, &victim, "stale");
    // A cookie of their own, with the sender's state.
    house.begin(&mut victim).await;
    let said = house.back(&mut victim, &[("code", &code), ("state", &state)]).await;
    house.told(&said, &victim, "stale");
    // Their own state, with the sender's code: PKCE does not fit.
    let own = house.begin(&mut victim).await;
    let said = house.back(&mut victim, &[("code", &code), ("state", &own["state"])]).await;
    house.told(&said, &victim, "untrue");
    // Wrong, cut, empty and absent states, and no code.
    let code = house.code(&asked, "again");
    for query in [
        vec![("code", &*code), ("state", "guess")],
        vec![("code", &*code), ("state", &state[..20])],
        vec![("code", &*code), ("state", "")],
        vec![("code", &*code)],
        vec![("state", &*state)],
        vec![("code", ""), ("state", &*state)],
        vec![],
    ] {
        let mut trying = browser.clone();
        let said = house.back(&mut trying, &query).await;
        house.told(&said, &trying, "stale");
    }
    // Once, and not twice: neither in this browser, nor with a copy of its cookie.
    let copy = browser.clone();
    let said = house.back(&mut browser, &[("code", &code), ("state", &state)]).await;
    assert_eq!(said.place, HOME);
    for mut again in [browser.clone(), copy] {
        let said = house.back(&mut again, &[("code", &code), ("state", &state)]).await;
        assert_ne!(said.place, HOME, "a code opened twice");
    }
    // A page of another origin cannot even send a browser off.
    let said = house.send(&mut victim, "POST", "/console/api/oidc", &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(said.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_taken_for_this_ones() {
    let house = House::new("").await;
    for iss in ["https://evil.example", ""] {
        let mut browser = Browser::default();
        let asked = house.begin(&mut browser).await;
        let code = house.code(&asked, "code");
        let said = house.back(&mut browser, &[("code", &code), ("state", &asked["state"]), ("iss", iss)]).await;
        house.told(&said, &browser, "untrue");
        assert!(house.script(|p| p.asked.is_empty()), "the code was sent on");
    }
    // A provider that says it names itself, and does not.
    let house = House::new("").await;
    house.script(|p| p.document = json!({"authorization_response_iss_parameter_supported": true}));
    let mut browser = Browser::default();
    let said = house.whole(&mut browser).await;
    house.told(&said, &browser, "untrue");
    let issuer = house.script(|p| p.issuer.clone());
    let asked = house.begin(&mut browser).await;
    let code = house.code(&asked, "code");
    let query = [("code", &*code), ("state", &*asked["state"]), ("iss", &*issuer)];
    assert_eq!(house.back(&mut browser, &query).await.place, HOME);

    // Discovery that names another issuer, or leads elsewhere without TLS.
    for document in [
        json!({"issuer": "https://evil.example"}),
        json!({"token_endpoint": "http://evil.example/token"}),
        json!({"jwks_uri": "http://evil.example/keys"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"end_session_endpoint": "http://evil.example/end"}),
        json!({"jwks_uri": 7}),
    ] {
        let house = House::new("").await;
        house.script(|p| p.document = document.clone());
        let said = house.send(&mut Browser::default(), "POST", "/console/api/oidc", &[]).await;
        assert_eq!(said.status, StatusCode::BAD_GATEWAY, "{document}");
        assert!(!said.body.to_string().contains("evil"), "{}", said.body);
    }
}

#[tokio::test]
async fn keys_that_were_changed_are_read_again_and_a_refusal_is_told() {
    let house = House::new("").await;
    let mut browser = Browser::default();
    assert_eq!(house.whole(&mut browser).await.place, HOME);
    house.script(|p| p.keys.insert(0, Key::new("second")));
    assert_eq!(house.whole(&mut browser).await.place, HOME, "the new key");
    // The same name for another key.
    house.script(|p| p.keys = vec![Key::new("second")]);
    assert_eq!(house.whole(&mut browser).await.place, HOME, "the new key of an old name");
    for (error, code) in [("access_denied", "denied"), ("login_required", "denied"), ("server_error", "unreachable")] {
        let mut browser = Browser::default();
        let asked = house.begin(&mut browser).await;
        let said = house.back(&mut browser, &[("error", error), ("state", &asked["state"])]).await;
        assert_eq!(said.place, format!("{HOME}?sign_on={code}"));
        assert!(!browser.cookies.contains_key("menshen_session"));
    }
}

#[tokio::test]
async fn nobody_takes_an_account_over_by_being_called_the_same_elsewhere() {
    let house = House::new("allowed_domains = ['example.com']").await;
    let store = &house.gateway.store;
    let local = NewPerson {
        name: "wei".into(),
        display: String::new(),
        roles: vec![Role::Owner],
        tenant: None,
        password: "tall trees at dusk".to_owned().into(),
    };
    let local = store.add_person(local, "test", 1).await.unwrap();
    let mut browser = Browser::default();
    house.script(|p| p.said["email"] = json!("wei@example.com"));
    let said = house.whole(&mut browser).await;
    house.told(&said, &browser, "domain");
    house.script(|p| p.said["email_verified"] = json!(true));
    let said = house.whole(&mut browser).await;
    house.told(&said, &browser, "name_taken");
    assert!(!store.person(&local.id).unwrap().sign_on);
    house.script(|p| p.said["preferred_username"] = json!("魏"));
    let said = house.whole(&mut browser).await;
    house.told(&said, &browser, "no_name");
    // Under a free name there is an account. Disabled it stays out; it has no password that could be guessed.
    house.script(|p| p.said["preferred_username"] = json!("wei2"));
    assert_eq!(house.whole(&mut browser).await.place, HOME);
    let id = store.person_named("wei2").unwrap().id.clone();
    for password in ["", "tall trees at dusk"] {
        let given = menshen_store::Credentials {
            name: "wei2",
            password,
            second: None,
            site: None,
            address: None,
            agent: "",
            replaced: None,
        };
        assert!(store.sign_in(given, 2).await.is_err(), "{password:?} opened an account without password");
    }
    let off = menshen_store::PersonChange { disabled: Some(true), ..Default::default() };
    store.change_person(&id, off, "test", 3).await.unwrap();
    let mut browser = Browser::default();
    let said = house.whole(&mut browser).await;
    house.told(&said, &browser, "disabled");
}

#[tokio::test]
async fn the_way_back_leads_home_whatever_the_address_holds() {
    let house = House::new("").await;
    let elsewhere = [
        "?next=https://evil.example",
        "?redirect_uri=https://evil.example&state=x&code=y",
        "?state=%0d%0aLocation:%20https://evil.example",
        "?error=https://evil.example&state=//evil.example",
        "?state=a&state=b&code=c&code=d",
        "?%ff%fe",
        "?iss=//evil.example",
        "?error=%3Cscript%3Ealert(1)%3C/script%3E&error_description=%3Cscript%3E",
        "",
    ];
    for query in elsewhere {
        let mut browser = Browser::default();
        house.begin(&mut browser).await;
        let path = format!("/console/api/oidc/callback{query}");
        let said = house.send(&mut browser, "GET", &path, &[]).await;
        assert_eq!((said.status, said.place.as_str()), (StatusCode::SEE_OTHER, "/console/?sign_on=stale"), "{query}");
    }
    // Many that lead nowhere have to wait.
    let mut places = Vec::new();
    for _ in 0..40 {
        places.push(house.send(&mut Browser::default(), "GET", "/console/api/oidc/callback", &[]).await.place);
    }
    assert!(places.iter().all(|p| p.starts_with("/console/?sign_on=")), "{places:?}");
}

#[tokio::test]
async fn settings_that_cannot_be_meant_are_refused_at_the_start() {
    let good = "issuer = 'https://login.example'\nclient_id = 'menshen'\n";
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    for (public, more, word) in [
        (None, "", "public_url"),
        (Some("http://console.example"), "", "public_url"),
        (Some("https://console.example"), "client_secret_env = 'MENSHEN_NOT_SET_ANYWHERE'\n", "MENSHEN_NOT_SET"),
        (Some("https://console.example"), "client_secret_file = '/nowhere/at/all'\n", "client_secret_file"),
        (Some("https://console.example"), "algorithms = ['RS256', 'HS256']\n", "HS256"),
        (Some("https://console.example"), "algorithms = ['none']\n", "none"),
        (Some("https://console.example"), "[[mapping]]\nvalue = ''\nroles = ['owner']\n", "mapping"),
        (Some("https://console.example"), "[[mapping]]\nvalue = 'x'\nroles = []\n", "mapping"),
    ] {
        let mut config = Config { data_dir: dir.path().to_owned(), packs: Vec::new(), ..Config::default() };
        config.guard.judge.enabled = false;
        config.console.public_url = public.map(str::to_owned);
        config.console.oidc = Some(toml::from_str(&format!("{good}{more}")).unwrap());
        let snapshot = Snapshot::load(&config);
        let error =
            Gateway::new(config, snapshot, store.clone(), None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(word), "{more}: {error}");
    }
    assert!(
        toml::from_str::<menshen_gateway::config::Oidc>(
            "issuer = 'a'\nclient_id = 'b'\n[[mapping]]\nvalue = 'x'\nroles = ['root']\n"
        )
        .is_err()
    );
}
