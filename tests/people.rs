//! Who may use the console: the first account, sessions, roles, the pages, and the command line.

use menshen_testkit::{Answer, Call, Gateway};
use serde_json::{Value, json};

use crate::support::{House, probe};

const PASSWORD: &str = "tall trees at dusk";

/// A browser: what it was given it sends back.
#[derive(Default, Clone)]
pub struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    pub fn call(&self, gateway: &Gateway, method: &str, path: &str) -> Call {
        let call = Call::method(gateway.address(), method, path);
        if self.cookie.is_empty() {
            return call;
        }
        call.header("cookie", &self.cookie).header("x-menshen-csrf", &self.csrf)
    }

    fn take(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap_or_default();
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        self.csrf = answer.json()["csrf"].as_str().unwrap_or_default().to_owned();
    }

    pub fn sign_in(gateway: &Gateway, body: &Value) -> (Self, Answer) {
        let answer = gateway.post("/console/api/session").json(body).send();
        let mut browser = Browser::default();
        browser.take(&answer);
        (browser, answer)
    }
}

fn setup_token(gateway: &Gateway) -> Option<String> {
    let printed = gateway.printed();
    let line = printed.lines().find(|l| l.trim_start().starts_with("set up"))?;
    // With pages the line is an address to open; without, the token alone.
    line.split_whitespace().last()?.rsplit("token=").next().map(str::to_owned)
}

pub fn first_owner(gateway: &Gateway) -> Browser {
    let token = setup_token(gateway).unwrap();
    let body = json!({"name": "wei", "password": PASSWORD, "token": token});
    let made = gateway.post("/console/api/setup/owner").json(&body).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let mut browser = Browser::default();
    browser.take(&made);
    browser
}

fn events(audit: &[Value]) -> Vec<&str> {
    audit.iter().filter_map(|r| r["event"].as_str()).collect()
}

#[test]
fn the_printed_token_makes_the_first_account_and_is_good_for_nothing_afterwards() {
    let house = House::start(probe());
    let gateway = &house.gateway;
    assert!(gateway.printed().contains("/console"), "{}", gateway.printed());
    assert_eq!(gateway.get("/console/api/setup").send().json()["needed"], true);
    let token = setup_token(gateway).unwrap();
    let owner = first_owner(gateway);
    let again = json!({"name": "eve", "password": PASSWORD, "token": token});
    assert_eq!(gateway.post("/console/api/setup/owner").json(&again).send().status, 403);
    assert_eq!(gateway.get("/console/api/setup").send().json()["needed"], false);
    assert_eq!(owner.call(gateway, "GET", "/admin/people").send().json()["people"][0]["name"], "wei");
    let audit = gateway.audit();
    assert!(events(&audit).contains(&"person.add") && events(&audit).contains(&"session.begin"));
    let all: String = audit.iter().map(Value::to_string).collect();
    for secret in [PASSWORD, &token, owner.cookie.split('=').nth(1).unwrap()] {
        assert!(!all.contains(secret) && !gateway.log().contains(secret), "a secret is in the audit or the log");
    }
    // The session outlives the program; the token is not printed again.
    let gateway = house.gateway.kill_and_restart();
    assert_eq!(setup_token(&gateway), None);
    assert_eq!(owner.call(&gateway, "GET", "/admin/people").send().status, 200);
}

#[test]
fn a_role_opens_what_it_is_for_and_taking_it_away_closes_the_session() {
    let house = House::start(probe());
    let gateway = &house.gateway;
    let owner = first_owner(gateway);
    let new = json!({"name": "li", "roles": ["auditor"], "password": PASSWORD});
    let made = owner.call(gateway, "POST", "/admin/people").json(&new).send();
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let credentials = json!({"name": "li", "password": PASSWORD});
    let (li, said) = Browser::sign_in(gateway, &credentials);
    assert_eq!(said.json()["roles"], json!(["auditor"]));
    for path in ["/admin/keys", "/admin/packs", "/admin/redteam/campaigns", "/admin/assess/runs", "/admin/people"] {
        assert_eq!(li.call(gateway, "GET", path).send().status, 200, "{path}");
    }
    for (method, path) in [
        ("POST", "/admin/reload"),
        ("POST", "/admin/people"),
        ("POST", "/admin/redteam/plans"),
        ("POST", "/admin/range/submissions"),
        ("DELETE", "/admin/suspensions/default/u"),
    ] {
        let answer = li.call(gateway, method, path).json(&json!({})).send();
        assert_eq!((answer.status, answer.code().as_str()), (403, "permission_denied"), "{method} {path}");
    }
    let forged = Browser { csrf: String::new(), ..owner.clone() };
    let answer = forged.call(gateway, "POST", "/admin/reload").json(&json!({})).send();
    assert_eq!((answer.status, answer.code().as_str()), (403, "csrf_token_missing"));
    let path = format!("/admin/people/{id}");
    let changed = owner.call(gateway, "PATCH", &path).json(&json!({"roles": ["policy_editor"]})).send();
    assert_eq!(changed.json()["roles"], json!(["policy_editor"]), "{}", changed.text());
    assert_eq!(li.call(gateway, "GET", "/admin/packs").send().status, 401, "a session with former roles lives");
    let (li, _) = Browser::sign_in(gateway, &credentials);
    assert_eq!(li.call(gateway, "POST", "/admin/reload").json(&json!({})).send().status, 200);
    assert_eq!(owner.call(gateway, "PATCH", &path).json(&json!({"disabled": true})).send().status, 200);
    assert_eq!(li.call(gateway, "GET", "/admin/packs").send().status, 401);
    assert_eq!(Browser::sign_in(gateway, &credentials).1.status, 401);
    let last = owner.call(gateway, "GET", "/admin/people").send().json();
    let wei = last["people"].as_array().unwrap().iter().find(|p| p["name"] == "wei").unwrap()["id"].clone();
    let path = format!("/admin/people/{}", wei.as_str().unwrap());
    assert_eq!(owner.call(gateway, "DELETE", &path).send().status, 400, "the last owner went");
    let audit = gateway.audit();
    let by_wei = audit.iter().filter(|r| r["event"] == "person.change" && r["key_id"] == "person:wei").count();
    assert_eq!(by_wei, 2, "{:?}", events(&audit));
}

#[test]
fn a_session_cookie_never_travels_to_the_model() {
    let house = House::start(probe());
    let owner = first_owner(&house.gateway);
    let name = crate::support::fresh("cookie");
    let api = menshen_testkit::Api::Chat;
    let answer = owner.call(&house.gateway, "POST", api.path()).json(&api.ask(&name, "你好")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = format!("{:?}", house.model.received(&name)[0]);
    assert!(!seen.contains("menshen_session") && !seen.contains(&owner.csrf), "{seen}");
    assert_eq!(house.record(&answer)["key_id"], "person:wei");
}

#[test]
fn guessing_a_password_has_to_wait_and_says_how_long() {
    let house = House::start(probe());
    let gateway = &house.gateway;
    first_owner(gateway);
    let wrong = json!({"name": "wei", "password": "not the password"});
    let answers: Vec<Answer> = (0..7).map(|_| Browser::sign_in(gateway, &wrong).1).collect();
    assert!(answers[..5].iter().all(|a| a.status == 401 && a.code() == "wrong_credentials"));
    let waiting = answers.iter().find(|a| a.status == 429).expect("nobody waits");
    assert!(waiting.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[test]
fn the_pages_let_nothing_run_that_is_not_theirs_and_lead_nowhere_else() {
    let house = House::start(probe());
    let page = house.gateway.get("/console").send();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    for part in ["default-src 'self'", "script-src 'self';", "'nonce-", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text().contains("__CSP_NONCE__"));
    let again = house.gateway.get("/console").send();
    assert_ne!(again.header("content-security-policy"), Some(policy), "a nonce is used twice");
    for path in ["/console/../Cargo.toml", "/console/%2e%2e/%2e%2e/etc/passwd.txt", "/console/assets/none.js"] {
        assert_eq!(house.gateway.get(path).send().status, 404, "{path}");
    }
    for path in ["/console//evil.example", "/console/?next=//evil.example"] {
        let answer = house.gateway.get(path).send();
        assert!(answer.header("location").is_none() && matches!(answer.status, 200 | 404), "{path}: {}", answer.status);
    }
}

#[test]
fn accounts_are_administered_from_the_command_line_without_a_password_in_an_argument() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str], input: &str| probe().run_in(dir.path(), args, input.as_bytes());
    let refused = run(&["people", "add", "wei"], "short\n");
    assert_eq!(refused.code, 2, "{refused:?}");
    let refused = run(&["people", "add", "li", "--roles", "auditor"], &format!("{PASSWORD}\n"));
    assert_eq!(refused.code, 2, "the first account rules nothing: {refused:?}");
    assert_eq!(run(&["people", "add", "wei"], &format!("{PASSWORD}\n")).code, 0);
    assert_eq!(run(&["people", "add", "li", "--roles", "auditor,developer"], &format!("{PASSWORD}\n")).code, 0);
    assert_eq!(run(&["people", "roles", "li", "reviewer"], "").code, 0);
    assert_eq!(run(&["people", "disable", "wei"], "").code, 2, "the last owner was disabled");
    assert_eq!(run(&["people", "disable", "li"], "").code, 0);
    assert_eq!(run(&["people", "password", "li"], "a quite different one\n").code, 0);
    assert_eq!(run(&["people", "totp-reset", "li"], "").code, 0);
    assert_eq!(run(&["people", "disable", "nobody"], "").code, 2);
    let list = run(&["people", "list", "--json"], "").json();
    let li = list.as_array().unwrap().iter().find(|p| p["name"] == "li").unwrap().clone();
    assert_eq!((&li["roles"], &li["disabled"]), (&json!(["reviewer"]), &json!(true)));
    assert!(!list.to_string().contains("argon2") && !list.to_string().contains(PASSWORD));
}
