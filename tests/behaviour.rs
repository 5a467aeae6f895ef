//! Unusual behaviour and tiers, end to end: warned, slowed, suspended, decided; profiles that applications vouch for.

use menshen_testkit::{Answer, Api, Call, Saying};
use serde_json::{Value, json};

use crate::support::{ADMIN, BANNED, DECLINED, House, assert_error, fresh, menshen, packs};

/// A gateway that needs keys. Strikes are far off, so that what happens is behaviour's doing.
fn house(settings: &str) -> House {
    let settings = format!(
        "[auth]\nmode = \"keys\"\n[limits]\nstrikes_in_a_row = 0\nstrikes_per_day = 0\n\
         [behaviour]\nappeal_url = \"https://example.com/appeal\"\n{settings}"
    );
    House::start(
        menshen().folder(packs()).packs(&["base", "probe"]).env("MENSHEN_ADMIN_KEY", ADMIN).settings(&settings),
    )
}

fn call(house: &House, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
    let call = Call::method(house.gateway.address(), method, path).key(key);
    match body {
        Some(body) => call.json(&body).send(),
        None => call.send(),
    }
}

fn key(house: &House, app: &str, scopes: &[&str]) -> String {
    let body = json!({"name": "k", "app": app, "scopes": scopes});
    let made = call(house, "POST", "/admin/keys", ADMIN, Some(body));
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

fn say(house: &House, key: &str, user: &str, text: &str) -> Answer {
    let model = fresh("talk");
    house.model.says(&model, Saying::text("好"));
    let mut body = Api::Chat.ask(&model, text);
    body["user"] = json!(user);
    house.gateway.post(Api::Chat.path()).key(key).json(&body).send()
}

#[test]
fn a_user_is_warned_slowed_and_suspended_and_a_person_decides() {
    let house = house("usual_per_minute = 4\n");
    let key = key(&house, "shop", &["infer"]);
    let first = say(&house, &key, "ann", DECLINED);
    assert_eq!(first.header("x-menshen-notice"), None, "{}", first.text());
    let second = say(&house, &key, "ann", DECLINED);
    assert_eq!(second.header("x-menshen-notice"), Some("warn"));
    assert!(second.text().contains("温馨提示"), "{}", second.text());
    assert_eq!(say(&house, &key, "ann", "天气如何").header("x-menshen-notice"), Some("warn"), "it stands");

    // The fourth risky input within ten minutes slows: of four requests a minute one is left.
    assert_eq!(say(&house, &key, "ann", BANNED).status, 400);
    assert_eq!(say(&house, &key, "ann", BANNED).header("x-menshen-notice"), Some("throttle"));
    assert_eq!(say(&house, &key, "ann", "天气如何").status, 200);
    let slowed = say(&house, &key, "ann", "天气如何");
    assert_error(Api::Chat, &slowed, 429, "rate_limit_exceeded");
    assert!(slowed.header("retry-after").is_some());
    assert_eq!(say(&house, &key, "bob", "天气如何").header("x-menshen-notice"), None, "somebody else");

    let alarms = call(&house, "GET", "/admin/behaviour/alarms?open=true", ADMIN, None).json();
    let last = &alarms["alarms"][0];
    assert_eq!((&last["subject"], &last["app"]), (&json!("ann"), &json!("shop")), "{alarms}");
    let points: i64 = last["reasons"].as_array().unwrap().iter().map(|r| r["points"].as_i64().unwrap()).sum();
    assert_eq!(last["score"], points, "the score is the sum of its reasons");
    let subject = "/admin/behaviour/subject?app=shop&kind=user&subject=ann";
    let page = call(&house, "GET", subject, ADMIN, None).json();
    assert_eq!(page["measure"]["level"], "throttle", "{page}");
    assert!(page["standing"]["hours"].as_array().unwrap().len() == 24);

    // A person suspends, for a second; the refusal says where to appeal; it ends by itself.
    let suspend =
        json!({"app": "shop", "kind": "user", "subject": "ann", "level": "suspend", "lasts_s": 2, "reason": "r"});
    assert_eq!(call(&house, "POST", "/admin/behaviour/measures", ADMIN, Some(suspend)).status, 200);
    let refused = say(&house, &key, "ann", "天气如何");
    assert_error(Api::Chat, &refused, 403, "user_suspended");
    assert!(refused.text().contains("https://example.com/appeal"), "{}", refused.text());
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(say(&house, &key, "ann", "天气如何").status, 200);

    // A false alarm is learned from, and that can be taken back.
    let path = format!("/admin/behaviour/alarms/{}/decision", last["id"].as_str().unwrap());
    let body = json!({"decision": "false_alarm", "note": "研究人员"});
    let decided = call(&house, "POST", &path, ADMIN, Some(body.clone())).json();
    assert!(decided["dampings"][0]["percent"].as_i64().unwrap() < 100, "{decided}");
    assert_eq!(call(&house, "POST", &path, ADMIN, Some(body)).status, 404, "decided twice");
    let page = call(&house, "GET", subject, ADMIN, None).json();
    assert_eq!(page["standing"]["score"], 0, "{page}");
    let damping = format!("/admin/behaviour/dampings/{}", decided["dampings"][0]["id"].as_str().unwrap());
    assert_eq!(call(&house, "DELETE", &damping, ADMIN, None).status, 200);
    assert_eq!(call(&house, "DELETE", &damping, ADMIN, None).status, 404);
    assert!(!house.gateway.audit().is_empty());
    house.gateway.assert_calm();
}

#[test]
fn a_suspended_key_is_refused_and_its_neighbours_are_not() {
    let house = house("");
    let (one, other) = (key(&house, "shop", &["infer"]), key(&house, "desk", &["infer"]));
    let keys = call(&house, "GET", "/admin/keys", ADMIN, None).json();
    let id = keys["keys"].as_array().unwrap().iter().find(|k| k["app"] == "shop").unwrap()["id"].clone();
    let suspend =
        json!({"app": "shop", "kind": "key", "subject": id, "level": "suspend", "lasts_s": 60, "reason": "r"});
    let made = call(&house, "POST", "/admin/behaviour/measures", ADMIN, Some(suspend)).json();
    assert_error(Api::Chat, &say(&house, &one, "ann", "天气如何"), 403, "key_suspended");
    assert_eq!(say(&house, &other, "ann", "天气如何").status, 200);
    let ended =
        call(&house, "DELETE", &format!("/admin/behaviour/measures/{}", made["id"].as_str().unwrap()), ADMIN, None);
    assert_eq!(ended.status, 200);
    assert_eq!(say(&house, &one, "ann", "天气如何").status, 200);
}

#[test]
fn an_application_vouches_for_its_users_and_tiers_hold_them() {
    let house = house("[tiers]\nunknown = \"guest\"\n");
    let (infer, profiles) = (key(&house, "shop", &["infer"]), key(&house, "shop", &["profiles"]));
    let path = "/v1/users/ann/profile";
    let put = |body: Value| call(&house, "PUT", path, &profiles, Some(body));
    assert_eq!(call(&house, "PUT", path, &infer, Some(json!({}))).status, 403, "a key without the scope");
    assert_eq!(say(&house, &profiles, "ann", "天气如何").status, 403, "a key that may only vouch");
    assert_eq!(put(json!({"tier": "nobility"})).status, 400);
    assert_eq!(put(json!({"tier": "identified", "real_name": "phone"})).status, 400, "not known well enough");
    assert_eq!(put(json!({"tier": "professional", "real_name": "id"})).status, 403, "staff give it");
    assert_eq!(put(json!({"real_name": "phone", "name": "安"})).status, 400, "no names");
    let made = put(json!({"tier": "identified", "real_name": "id", "region": "CN-31"}));
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(say(&house, &infer, "ann", "天气如何").status, 200);

    // Guests speak, and do not embed.
    let embed = |user: &str| {
        let body = json!({"model": "m", "input": "天气如何", "user": user});
        house.gateway.post("/v1/embeddings").key(&infer).json(&body).send()
    };
    assert_error(Api::Chat, &embed("stranger"), 403, "tier_not_allowed");
    assert_ne!(embed("ann").code(), "tier_not_allowed");

    // A tier that needs a review lets nobody through without one.
    let staff = json!({"app": "shop", "user": "ann", "tier": "professional", "real_name": "id", "purpose": "research"});
    assert_eq!(call(&house, "PUT", "/admin/users", ADMIN, Some(staff)).status, 200);
    assert_error(Api::Chat, &say(&house, &infer, "ann", "天气如何"), 403, "tier_not_allowed");
    let review = |body: Value| call(&house, "POST", "/admin/users/default/ann/reviews?app=shop", ADMIN, Some(body));
    assert_eq!(
        review(json!({"passed": true, "checks": ["identity"], "days": 30})).status,
        400,
        "not all was looked at"
    );
    let checks = json!(["identity", "purpose", "region", "history"]);
    assert_eq!(review(json!({"passed": true, "checks": checks, "days": 30, "note": "看过"})).status, 200);
    assert_eq!(say(&house, &infer, "ann", "天气如何").status, 200);
    // The application may go on with what staff gave, and cannot give itself more.
    assert_eq!(put(json!({"tier": "professional", "real_name": "id", "purpose": "research"})).status, 200);
    assert_eq!(put(json!({"tier": "enterprise", "real_name": "enterprise"})).status, 403);
    let one = call(&house, "GET", "/admin/users/default/ann?app=shop", ADMIN, None).json();
    assert_eq!(one["reviews"][0]["note"], "看过", "{one}");
    assert_eq!(call(&house, "DELETE", "/admin/users/default/ann?app=shop", ADMIN, None).status, 200);
    assert_eq!(call(&house, "GET", path, &profiles, None).status, 404);
}
