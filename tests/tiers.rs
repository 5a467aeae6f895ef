//! Tiers, minors and places of end users, end to end: what holds through a restart, by the clock and behind a proxy.

use menshen_testkit::{Answer, Api, Call, Saying};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::lost_data::until;
use crate::support::{ADMIN, DECLINED, House, assert_error, fresh, menshen, packs, root};

const HOUR: i64 = 3_600;

fn settings(more: &str) -> String {
    format!("[auth]\nmode = \"keys\"\n[limits]\nstrikes_in_a_row = 0\nstrikes_per_day = 0\n{more}")
}

/// The shipped table with changes, as a file of the operator's.
fn table(dir: &std::path::Path, changes: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(root().join("packs/tiers/tiers.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let path = dir.join("tiers.toml");
    std::fs::write(&path, text).unwrap();
    format!("[tiers]\nunknown = \"guest\"\ntable = {:?}\n", path.to_str().unwrap())
}

fn admin(house: &House, method: &str, path: &str, body: Value) -> Answer {
    Call::method(house.gateway.address(), method, path).key(ADMIN).json(&body).send()
}

fn key(house: &House) -> String {
    let made = admin(house, "POST", "/admin/keys", json!({"name": "k", "app": "shop", "scopes": ["infer"]}));
    assert_eq!(made.status, 200, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

struct Asking<'a> {
    house: &'a House,
    key: &'a str,
    user: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl Asking<'_> {
    fn of(&self, model: &str, text: &str) -> Answer {
        let mut body = Api::Chat.ask(model, text);
        body["user"] = json!(self.user);
        let call = self.house.gateway.post(Api::Chat.path()).key(self.key).json(&body);
        self.headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    }

    fn say(&self, text: &str) -> Answer {
        let model = fresh("talk");
        self.house.model.says(&model, Saying::text("好"));
        self.of(&model, text)
    }
}

#[test]
fn a_days_requests_and_the_models_of_a_tier_hold_through_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let models = "requests_per_day = 3\nmodels = [\"qwen*\", \"*-lite\"]";
    let tiers = table(dir.path(), &[("requests_per_day = 200", models)]);
    let mut house = House::start(
        menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN).settings(&settings(&tiers)),
    );
    let key = key(&house);
    let ask =
        |house: &House, user: &str, model: &str| Asking { house, key: &key, user, headers: &[] }.of(model, "你好");
    assert_error(Api::Chat, &ask(&house, "ann", "llama"), 403, "tier_not_allowed");
    for model in ["qwen3", "glm-lite"] {
        let answer = ask(&house, "ann", model);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    house.gateway = house.gateway.kill_and_restart();
    // Two of three are used; what the tier refused was none.
    assert_eq!(ask(&house, "ann", "qwen3").status, 200);
    assert_error(Api::Chat, &ask(&house, "ann", "qwen3"), 429, "rate_limit_exceeded");
    house.gateway = house.gateway.kill_and_restart();
    assert_error(Api::Chat, &ask(&house, "ann", "qwen3"), 429, "rate_limit_exceeded");
    assert_eq!(ask(&house, "bob", "qwen3").status, 200, "somebody else's day");
    house.gateway.assert_calm();
}

#[test]
fn minors_rest_at_night_and_their_minutes_of_a_day_hold_through_a_restart() {
    let Some(clock) = Clock::make() else { return eprintln!("skipped: no clock can be set here") };
    clock.at_hour_of_beijing(22, 30);
    let launcher = menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN);
    let mut house = House::start(clock.leads(launcher.settings(&settings(""))));
    let key = key(&house);
    let minor = json!({"app": "shop", "user": "kim", "minor": true});
    let made = admin(&house, "PUT", "/admin/users", minor);
    assert_eq!(made.status, 200, "{}", made.text());
    let say = |house: &House, user: &str| Asking { house, key: &key, user, headers: &[] }.say("你好");
    let night = say(&house, "kim");
    assert_error(Api::Chat, &night, 403, "minor_mode");
    let wait: i64 = night.header("retry-after").unwrap().parse().unwrap();
    assert!((7 * HOUR..=7 * HOUR + 1_800).contains(&wait), "until six: {wait}");
    assert_eq!(say(&house, "ann").status, 200, "nobody's night but theirs");

    // The next day from noon, every four minutes: pauses up to five count as use.
    clock.set_forward(13 * HOUR + 1_800);
    for minute in (0..=28).step_by(4) {
        assert_eq!(say(&house, "kim").status, 200, "minute {minute}");
        clock.set_forward(240);
    }
    house.gateway = house.gateway.kill_and_restart();
    let mut asked = 0;
    let refused = loop {
        let answer = say(&house, "kim");
        asked += 1;
        if answer.status != 200 {
            break answer;
        }
        assert!(asked < 12, "the minutes before the restart are forgotten");
        clock.set_forward(240);
    };
    assert_error(Api::Chat, &refused, 403, "minor_mode");
    assert!(asked >= 6, "the minutes of before are counted twice: {asked}");
    // A clock that goes a day ahead and back gives no second hour.
    clock.set_forward(24 * HOUR);
    assert_eq!(say(&house, "kim").status, 200, "another day");
    clock.set_forward(-24 * HOUR);
    assert_error(Api::Chat, &say(&house, "kim"), 403, "minor_mode");
    house.gateway.assert_calm();
}

#[test]
fn regions_and_travel_are_believed_of_named_proxies_only() {
    let dir = tempfile::tempdir().unwrap();
    let tiers = table(dir.path(), &[("requests_per_day = 200", "regions = [\"CN\"]")]);
    let headers = "region_header = \"x-region\"\nplace_header = \"x-place\"\n";
    for trusted in ["127.0.0.1", "10.0.0.0/8"] {
        let behaviour = format!("[behaviour]\ntrusted_proxies = [\"{trusted}\"]\n{headers}{tiers}");
        let launcher = menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN);
        let house = House::start(launcher.settings(&settings(&behaviour)));
        let key = key(&house);
        let from = |headers: &[(&str, &str)]| Asking { house: &house, key: &key, user: "ann", headers }.say("你好");
        assert_error(Api::Chat, &from(&[("x-region", "US")]), 403, "tier_not_allowed");
        assert_error(Api::Chat, &from(&[]), 403, "tier_not_allowed");
        let shanghai = from(&[("x-region", "CN-31"), ("x-place", "31.23,121.47")]);
        if trusted != "127.0.0.1" {
            assert_error(Api::Chat, &shanghai, 403, "tier_not_allowed");
            continue;
        }
        assert_eq!((shanghai.status, shanghai.header("x-menshen-notice")), (200, None), "{}", shanghai.text());
        // A moment later on the other side of the country: more than twice as fast as an airliner, so twice the points.
        let urumqi = from(&[("x-region", "CN-65"), ("x-place", "43.83,87.62")]);
        assert_eq!(urumqi.header("x-menshen-notice"), Some("suspend"), "{}", urumqi.text());
        assert_error(Api::Chat, &from(&[("x-region", "CN-65")]), 403, "user_suspended");
        let subject = "/admin/behaviour/subject?app=shop&kind=user&subject=ann";
        let page = house.gateway.get(subject).key(ADMIN).send().json();
        assert_eq!(page["standing"]["reasons"][0]["signal"], "travel", "{page}");
    }
}

#[test]
fn what_raised_a_score_is_counted_again_after_a_restart() {
    let mut house = House::start(
        menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN).settings(&settings("")),
    );
    let key = key(&house);
    let say = |house: &House, text: &str| Asking { house, key: &key, user: "ann", headers: &[] }.say(text);
    assert_eq!(say(&house, DECLINED).header("x-menshen-notice"), None);
    house.gateway = house.gateway.kill_and_restart();
    let subject = "/admin/behaviour/subject?app=shop&kind=user&subject=ann";
    let standing = || house.gateway.get(subject).key(ADMIN).send().json()["standing"].clone();
    until("the figures are counted again", &house.gateway, || standing().is_object());
    assert_eq!(say(&house, DECLINED).header("x-menshen-notice"), Some("warn"), "the first one is forgotten");
}
