//! What the console looks at: counts, records, their proof, records as they come, opinions.

use menshen_testkit::Api;
use serde_json::{Value, json};

use crate::support::{ADMIN, BANNED, House, fresh, house, menshen, packs};

fn ask(house: &House, path: &str) -> Value {
    let answer = house.gateway.get(path).key(ADMIN).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// A gateway that nobody else uses, so that its counts are known.
fn own() -> House {
    House::start(menshen().folder(packs()).packs(&["probe"]).env("MENSHEN_ADMIN_KEY", ADMIN))
}

fn talk(house: &House, app: &str, text: &str) -> String {
    let name = fresh("observed");
    house.model.says(&name, menshen_testkit::Saying::text("好"));
    let mut body = Api::Chat.ask(&name, text);
    body["user"] = json!(format!("u-{app}"));
    house.gateway.post(Api::Chat.path()).header("x-menshen-app", app).json(&body).send().id().to_owned()
}

#[test]
fn an_overview_counts_what_happened() {
    let house = own();
    for _ in 0..3 {
        talk(&house, "one", "你好");
    }
    for _ in 0..2 {
        talk(&house, "two", &format!("说说{BANNED}"));
    }
    let all = ask(&house, "/admin/overview?bucket=minute");
    assert_eq!((&all["requests"], &all["uncounted"]), (&json!(5), &json!(0)), "{all}");
    assert_eq!((&all["outcomes"]["allowed"], &all["outcomes"]["intervened"]), (&json!(3), &json!(2)), "{all}");
    assert_eq!((&all["actions"]["block"], &all["apis"]["chat"]), (&json!(2), &json!(5)), "{all}");
    assert_eq!(all["rules"][0], json!({"rule": "probe/banned", "count": 2}));
    assert_eq!(all["saved"]["declined_before_model"], 2);
    assert!(all["latency"]["total"]["p50_ms"].as_f64().unwrap() > 0.0, "{all}");
    let blocked: u64 = all["series"].as_array().unwrap().iter().filter_map(|p| p["actions"]["block"].as_u64()).sum();
    assert_eq!(blocked, 2, "{all}");
    assert_eq!(ask(&house, "/admin/overview?app=one&from=&to=&tenant=")["requests"], 3);
    assert_eq!(ask(&house, "/admin/overview?app=one&tenant=default&bucket=day")["requests"], 3);
    assert_eq!(ask(&house, "/admin/overview?tenant=nobody")["requests"], 0);
}

#[test]
fn counts_outlive_kill_9() {
    let house = own();
    for _ in 0..4 {
        talk(&house, "one", "你好");
    }
    let House { gateway, model } = house;
    let house = House { gateway: gateway.kill_and_restart(), model };
    talk(&house, "one", "你好");
    assert_eq!(ask(&house, "/admin/overview")["requests"], 5);
    assert_eq!(ask(&house, "/admin/records")["records"].as_array().unwrap().len(), 5);
}

#[test]
fn records_are_found_by_each_of_their_filters() {
    let house = own();
    let plain = talk(&house, "one", "你好");
    let banned = talk(&house, "two", &format!("说说{BANNED}"));
    let ids = |query: &str| -> Vec<String> {
        let page = ask(&house, &format!("/admin/records?{query}"));
        assert_eq!(page["next"], Value::Null, "{page}");
        page["records"].as_array().unwrap().iter().map(|r| r["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("outcome=&app="), [banned.clone(), plain.clone()]);
    for query in ["outcome=allowed", "action=pass", "app=one", "user=u-one", "app=one&outcome=allowed&limit=1"] {
        assert_eq!(ids(query), std::slice::from_ref(&plain), "{query}");
    }
    for query in ["outcome=intervened", "action=block", "rule=probe/banned", "rule=probe%2Fbanned@2&app=two"] {
        assert_eq!(ids(query), std::slice::from_ref(&banned), "{query}");
    }
    for query in ["app=three", "rule=probe/banned@1", "risk=A1a", "to=2020-01-01T00:00:00Z", "tenant=nobody"] {
        assert!(ids(query).is_empty(), "{query}");
    }
    let first = ask(&house, "/admin/records?limit=1");
    let second = ask(&house, &format!("/admin/records?limit=1&before={}", first["next"]));
    assert_eq!(second["records"][0]["request_id"], plain);
}

#[test]
fn questions_that_make_no_sense_are_refused_with_a_reason() {
    let house = house();
    for (query, says) in [
        ("overview?bucket=week", "minute, hour or day"),
        ("overview?from=yesterday", "'from'"),
        ("overview?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "before 'to'"),
        ("overview?from=1980-01-01T00:00:00Z", "points"),
        ("overview?nonsense=1", "query parameter"),
        ("records?limit=many", "'limit'"),
        ("records?before=-1", "'before'"),
    ] {
        let answer = house.gateway.get(&format!("/admin/{query}")).key(ADMIN).send();
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert!(answer.text().contains(says), "{query}: {}", answer.text());
    }
    for path in [
        "/admin/overview",
        "/admin/records",
        "/admin/records/live",
        "/admin/records/x",
        "/admin/feedback",
        "/admin/taxonomy",
    ] {
        assert_eq!(house.gateway.get(path).send().status, 401, "{path}");
    }
    for id in ["x", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(house.gateway.get(&format!("/admin/records/{id}")).key(ADMIN).send().status, 404);
    }
}

#[test]
fn one_record_shows_its_text_its_verdict_and_its_proof_and_that_it_was_read() {
    let house = own();
    let id = talk(&house, "one", &format!("说说{BANNED}"));
    let detail = ask(&house, &format!("/admin/records/{id}"));
    let record = &detail["records"][0];
    assert!(record["text"]["input"].as_str().unwrap().contains(BANNED), "{detail}");
    assert_eq!(record["verdict"]["input"]["findings"][0]["detector"], "kw.probe.banned");
    assert_eq!((&detail["proof"]["seq"], &detail["proof"]["hash"]), (&record["seq"], &record["hash"]));
    assert_eq!((&detail["proof"]["sealed"], &detail["proof"]["whole"]), (&json!(true), &Value::Null), "{detail}");
    ask(&house, "/admin/audit/verify");
    assert_eq!(ask(&house, &format!("/admin/records/{id}"))["proof"]["whole"], true);
    let read = |r: &&Value| r["event"] == "record.read" && r["verdict"]["request_id"] == *id;
    assert_eq!(house.gateway.audit().iter().filter(read).count(), 2);
}

#[test]
fn an_opinion_is_kept_changed_and_recorded() {
    let house = own();
    let id = talk(&house, "one", &format!("说说{BANNED}"));
    let path = format!("/admin/records/{id}/feedback");
    let say = |body: Value| house.gateway.post(&path).key(ADMIN).json(&body).send();
    assert_eq!(say(json!({"verdict": "right"})).status, 200);
    let said = say(json!({"verdict": "false_positive", "note": "一部小说的名字"}));
    assert_eq!((said.status, &said.json()["rule"]), (200, &json!("probe/banned@2")), "{}", said.text());
    assert_eq!(say(json!({"verdict": "perhaps"})).status, 400);
    let list = ask(&house, "/admin/feedback");
    assert_eq!(list["feedback"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!(list["feedback"][0]["note"], "一部小说的名字");
    assert_eq!(ask(&house, "/admin/overview")["feedback"]["false_positive"], 1);
    let told = house.gateway.audit().iter().filter(|r| r["event"] == "feedback.record").count();
    assert_eq!(told, 2);
    let nobody = house.gateway.post("/admin/records/00000000-0000-7000-8000-000000000000/feedback");
    assert_eq!(nobody.key(ADMIN).json(&json!({"verdict": "right"})).send().status, 404);
}

#[test]
fn records_are_shown_as_they_come() {
    let house = own();
    let mut live = house.gateway.get("/admin/records/live").key(ADMIN).open();
    assert_eq!(live.header("content-type"), Some("text/event-stream"));
    let id = talk(&house, "one", &format!("说说{BANNED}"));
    let row = live.frame().unwrap().json();
    assert_eq!(
        (&row["request_id"], &row["action"], &row["app"]),
        (&json!(id), &json!("block"), &json!("one")),
        "{row}"
    );
    assert!(row["total_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn every_label_has_its_names() {
    let names = ask(house(), "/admin/taxonomy");
    for (list, count) in [("risks", 31), ("attacks", 19), ("levels", 3), ("intents", 5), ("topics", 132)] {
        let list = names[list].as_array().unwrap();
        assert_eq!(list.len(), count);
        assert!(list.iter().all(|l| ["id", "zh", "en"].iter().all(|k| l[*k].as_str().is_some_and(|v| !v.is_empty()))));
    }
    assert!(names["risks"].as_array().unwrap().iter().any(|r| r["id"] == "A1d"));
}
