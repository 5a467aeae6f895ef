//! Who may call, how often, and what never travels on.

use menshen_testkit::{Answer, Api, Call, Gate, Gateway, Saying};
use serde_json::{Value, json};

use crate::support::{ADMIN, House, assert_error, fresh, probe};

fn guarded() -> House {
    House::start(probe().env("MENSHEN_ADMIN_KEY", ADMIN))
}

fn make_key(gateway: &Gateway, body: &Value) -> (String, String) {
    let made = gateway.post("/admin/keys").key(ADMIN).json(body).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let json = made.json();
    (json["id"].as_str().unwrap().to_owned(), json["key"].as_str().unwrap().to_owned())
}

fn ask(house: &House, api: Api, key: Option<(&str, &str)>) -> Answer {
    let mut call = house.gateway.post(api.path()).json(&api.ask(&fresh("door"), "你好"));
    if let Some((name, value)) = key {
        call = call.header(name, value);
    }
    call.send()
}

#[test]
fn a_key_is_required_once_one_exists_and_a_revoked_one_opens_nothing() {
    let house = guarded();
    assert_eq!(ask(&house, Api::Chat, None).status, 200, "closed before a key exists");
    let (id, key) = make_key(&house.gateway, &json!({"name": "one"}));
    let (_, second) = make_key(&house.gateway, &json!({"name": "two"}));
    let bearer = format!("Bearer {key}");
    for api in Api::ALL {
        assert_error(api, &ask(&house, api, None), 401, "invalid_api_key");
        assert_error(api, &ask(&house, api, Some(("authorization", "Bearer msk_no_such"))), 401, "invalid_api_key");
        assert_error(api, &ask(&house, api, Some(("authorization", "Bearer sk-anything"))), 401, "invalid_api_key");
        for (name, value) in [("authorization", bearer.as_str()), ("x-api-key", &key), ("api-key", &key)] {
            assert_eq!(ask(&house, api, Some((name, value))).status, 200, "{api:?} {name}");
        }
    }
    for path in ["/v1/guard", "/v1/moderations", "/v1/embeddings", "/api/v1/text/contents", "/v1/models"] {
        let method = if path == "/v1/models" { "GET" } else { "POST" };
        let answer = Call::method(house.gateway.address(), method, path).json(&json!({})).send();
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    }
    let revoke = format!("/admin/keys/{id}");
    assert_eq!(Call::method(house.gateway.address(), "DELETE", &revoke).key(ADMIN).send().status, 200);
    assert_error(Api::Chat, &ask(&house, Api::Chat, Some(("authorization", &bearer))), 401, "invalid_api_key");
    assert_eq!(ask(&house, Api::Chat, Some(("x-api-key", &second))).status, 200);
    let audit = house.gateway.audit();
    let events: Vec<&str> = audit.iter().filter(|r| r["kind"] == "admin").filter_map(|r| r["event"].as_str()).collect();
    assert!(
        events.iter().filter(|e| e.contains("creat")).count() >= 2 && events.iter().any(|e| e.contains("revo")),
        "{events:?}"
    );
    assert!(!audit.iter().any(|r| r.to_string().contains(key.rsplit('_').next().unwrap())), "a secret is in the audit");
}

#[test]
fn revoking_the_last_key_does_not_open_the_door() {
    let house = guarded();
    let (id, _) = make_key(&house.gateway, &json!({"name": "only"}));
    let revoke = format!("/admin/keys/{id}");
    assert_eq!(Call::method(house.gateway.address(), "DELETE", &revoke).key(ADMIN).send().status, 200);
    assert_error(Api::Chat, &ask(&house, Api::Chat, None), 401, "invalid_api_key");
}

#[test]
fn keys_of_ours_never_travel_to_the_model() {
    let house = guarded();
    // Started without keys, so a client's own credentials are the model's and travel on …
    let name = fresh("door");
    let body = Api::Chat.ask(&name, "你好");
    house.gateway.post(Api::Chat.path()).key("sk-of-the-model").json(&body).send();
    assert_eq!(house.model.received(&name)[0].header("authorization"), Some("Bearer sk-of-the-model"));
    // … but ours never do.
    let (_, key) = make_key(&house.gateway, &json!({"name": "one"}));
    for secret in [key.as_str(), ADMIN] {
        for header in ["authorization", "x-api-key", "api-key"] {
            let name = fresh("door");
            let value = if header == "authorization" { format!("Bearer {secret}") } else { secret.to_owned() };
            let call = house.gateway.post(Api::Chat.path()).header(header, &value).json(&Api::Chat.ask(&name, "你好"));
            assert_eq!(call.send().status, 200);
            let seen = format!("{:?}", house.model.received(&name)[0]);
            assert!(!seen.contains(secret), "{header} travelled on: {seen}");
        }
    }
    house.gateway.get("/v1/models").key(&key).send();
    let seen = format!("{:?}", house.model.received(""));
    assert!(seen.contains("/v1/models") && !seen.contains(&key), "{seen}");
}

#[test]
fn the_models_key_is_the_operators_and_not_the_callers() {
    let model = menshen_testkit::Upstream::start();
    let gateway = probe()
        .upstream_with(&model.url(), "key_env = \"KEY_OF_THE_MODEL\"")
        .env("KEY_OF_THE_MODEL", "sk-operators-own")
        .start();
    let name = fresh("door");
    gateway.post(Api::Chat.path()).key("sk-callers").json(&Api::Chat.ask(&name, "你好")).send();
    assert_eq!(model.received(&name)[0].header("authorization"), Some("Bearer sk-operators-own"));
}

#[test]
fn administration_needs_an_admin_key_even_where_everybody_may_converse() {
    let house = guarded();
    let (_, key) = make_key(&house.gateway, &json!({"name": "one", "app": "shop"}));
    for (method, path) in [
        ("GET", "/admin/keys"),
        ("POST", "/admin/keys"),
        ("DELETE", "/admin/keys/x"),
        ("POST", "/admin/reload"),
        ("GET", "/admin/packs"),
        ("GET", "/admin/audit/verify"),
        ("GET", "/admin/reviews"),
        ("POST", "/admin/reviews/1"),
        ("DELETE", "/admin/suspensions/default/u"),
    ] {
        let call = || Call::method(house.gateway.address(), method, path).json(&json!({}));
        assert_eq!(call().send().status, 401, "{method} {path}");
        assert_eq!(call().key("guess").send().status, 401, "{method} {path}");
        assert_eq!(call().key(&key).send().status, 403, "{method} {path}");
    }
    let listed = house.gateway.get("/admin/keys").key(ADMIN).send();
    assert!(listed.text().contains("\"shop\"") && !listed.text().contains(key.rsplit('_').next().unwrap()));
}

#[test]
fn a_generated_admin_key_is_printed_once_and_works() {
    let house = House::start(probe());
    let printed = house.gateway.printed();
    let line = printed.lines().find(|l| l.trim_start().starts_with("admin key")).expect("no admin key").to_owned();
    let key = line.split_whitespace().last().unwrap().to_owned();
    assert_eq!(house.gateway.get("/admin/packs").key(&key).send().status, 200);
    // It does not close the door for callers, and is not printed again.
    assert_eq!(ask(&house, Api::Chat, None).status, 200);
    let gateway = house.gateway.kill_and_restart();
    assert!(!gateway.printed().contains("admin key"), "{}", gateway.printed());
    assert_eq!(gateway.get("/admin/packs").key(&key).send().status, 200);
}

#[test]
fn a_key_binds_its_application_and_tenant_whatever_the_headers_say() {
    let house = guarded();
    let (id, key) = make_key(&house.gateway, &json!({"name": "one", "app": "shop", "tenant": "acme"}));
    let name = fresh("door");
    let call = house.gateway.post(Api::Chat.path()).key(&key).header("x-menshen-app", "other");
    let answer = call.json(&Api::Chat.ask(&name, "你好")).send();
    let record = house.record(&answer);
    assert_eq!((&record["app"], &record["tenant"], &record["key_id"]), (&json!("shop"), &json!("acme"), &json!(id)));
}

#[test]
fn a_rate_limit_answers_429_with_the_time_to_wait() {
    let house = guarded();
    let (_, slow) = make_key(&house.gateway, &json!({"name": "slow", "requests_per_minute": 2}));
    let (_, free) = make_key(&house.gateway, &json!({"name": "free"}));
    for api in [Api::Chat, Api::Responses] {
        assert_eq!(ask(&house, api, Some(("x-api-key", &slow))).status, 200);
    }
    for api in Api::ALL {
        let refused = ask(&house, api, Some(("x-api-key", &slow)));
        assert_error(api, &refused, 429, "rate_limit_exceeded");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    let guard = house.gateway.post("/v1/guard").key(&slow).json(&json!({"text": "你好"})).send();
    assert_eq!(guard.status, 429, "the checking API is a way around the limit");
    assert_eq!(ask(&house, Api::Chat, Some(("x-api-key", &free))).status, 200);
}

#[test]
fn a_token_limit_counts_what_answers_used() {
    let house = guarded();
    let (_, key) = make_key(&house.gateway, &json!({"name": "small", "tokens_per_minute": 8}));
    let call = || ask(&house, Api::Chat, Some(("x-api-key", &key)));
    // The model says 7 tokens an answer: the second passes 8, the third is refused.
    assert_eq!((call().status, call().status), (200, 200));
    let refused = call();
    assert_error(Api::Chat, &refused, 429, "rate_limit_exceeded");
    assert!(refused.header("retry-after").is_some());
}

#[test]
fn too_much_at_once_is_said_at_once() {
    let house = House::start(probe().settings("[limits]\nmax_concurrent = 1"));
    let (here, on) = (Gate::new(), Gate::new());
    let name = fresh("busy");
    house.model.says(&name, Saying::text("好的").pausing(0, &here, &on));
    let incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "你好")).open();
    here.wait();
    for api in Api::ALL {
        let refused = ask(&house, api, None);
        assert_error(api, &refused, 503, "overloaded");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(house.gateway.get("/healthz").send().status, 200);
    on.open();
    assert!(Api::Chat.ended(&incoming.rest().frames));
    // The place is free again once the stream has ended.
    let begun = std::time::Instant::now();
    while ask(&house, Api::Chat, None).status != 200 {
        assert!(begun.elapsed() < menshen_testkit::PATIENCE);
    }
}
