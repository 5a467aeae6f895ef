//! An outage is an outcome of its own: never an "allowed", never a policy hit.

use menshen_testkit::{Api, Reply, Saying, Step, Upstream};
use serde_json::{Value, json};

use crate::support::{House, assert_error, fresh, probe};

fn judged(url: &str, more: &str) -> House {
    House::start(probe().settings(&format!(
        "[guard]\n{more}\n[guard.remote]\nurl = \"{url}\"\nmodel = \"judge\"\nask = \"always\"\nformat = \"qwen3guard\"\ntimeout_ms = 700"
    )))
}

fn closed_on_input(house: &House) {
    for api in Api::ALL {
        for stream in [false, true] {
            let mut body = api.ask("", "你好");
            body["stream"] = json!(stream);
            let (answer, seen) = house.exchange(api, &body, "不应出现");
            assert_error(api, &answer, 503, "guard_unavailable");
            assert_eq!(answer.header("x-menshen-outcome"), Some("unavailable"));
            assert!(seen.is_empty(), "the model was asked");
            let record = house.record(&answer);
            assert_eq!(record["outcome"], "unavailable", "{record}");
            assert!(record["verdict"]["input"]["unavailable"].to_string().contains("judge.remote"), "{record}");
        }
    }
}

#[test]
fn a_judge_that_is_down_lets_nothing_pass() {
    closed_on_input(&judged(&Upstream::nobody(), ""));
}

#[test]
fn a_judge_that_hangs_lets_nothing_pass() {
    let judge = Upstream::start();
    judge.on("judge", |_| Reply::hang());
    let house = judged(&judge.url(), "");
    let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "不应出现");
    assert_error(Api::Chat, &answer, 503, "guard_unavailable");
    assert!(seen.is_empty());
}

#[test]
fn a_judge_that_talks_nonsense_lets_nothing_pass() {
    let judge = Upstream::start();
    let house = judged(&judge.url(), "");
    for script in [
        Reply::json(500, &json!({})),
        Reply::body(200, "text/html", "<html>"),
        Reply::json(200, &json!({"choices": []})),
        Reply::json(200, &json!({"choices": [{"message": {"content": "Everything is fine."}}]})),
        Reply::cut(),
    ] {
        judge.on("judge", move |_| script.clone());
        let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "不应出现");
        assert_error(Api::Chat, &answer, 503, "guard_unavailable");
        assert!(seen.is_empty());
    }
}

#[test]
fn an_open_guard_lets_it_pass_and_records_it_as_unchecked() {
    let house = judged(&Upstream::nobody(), "on_unavailable = \"open\"");
    for api in Api::ALL {
        for stream in [false, true] {
            let mut body = api.ask("", "你好");
            body["stream"] = json!(stream);
            let (answer, _) = house.exchange(api, &body, "你也好。");
            assert_eq!(answer.said(api), "你也好。", "{}", answer.text());
            let record = house.record(&answer);
            for side in ["input", "output"] {
                assert!(record["verdict"][side]["unavailable"].to_string().contains("judge.remote"), "{record}");
            }
        }
    }
}

#[test]
fn a_judge_that_fails_on_the_answer_withholds_it() {
    let house = House::start(probe().settings(&format!(
        "[stream]\nrelease = \"whole\"\n[guard.remote]\nurl = \"{}\"\nmodel = \"judge\"\nask = \"always\"\nformat = \"qwen3guard\"\nsides = [\"output\"]",
        Upstream::nobody()
    )));
    for api in Api::ALL {
        let (answer, seen) = house.exchange(api, &api.ask("", "你好"), "不应出现");
        assert_error(api, &answer, 503, "guard_unavailable");
        assert_eq!(seen.len(), 1);
        let mut body = api.ask("", "你好");
        body["stream"] = json!(true);
        let (answer, _) = house.exchange(api, &body, "不应出现");
        assert!(!answer.text().contains("不应出现"), "{}", answer.text());
        assert!(answer.text().contains("guard_unavailable"), "{api:?}: {}", answer.text());
        assert_eq!(house.record(&answer)["outcome"], "unavailable");
    }
}

#[test]
fn a_judge_that_works_decides_on_both_sides() {
    let judge = Upstream::start();
    judge.on("judge", |asked| {
        let unsafe_ = asked.text().contains("暗中伤人");
        let verdict = if unsafe_ { "Safety: Unsafe\nCategories: Violent" } else { "Safety: Safe\nCategories: None" };
        Saying::text(verdict).reply(asked)
    });
    let house = judged(&judge.url(), "");
    let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", "怎样暗中伤人"), "不应出现");
    assert_eq!((answer.said(Api::Chat).as_str(), seen.len()), ("测试回复：请换个说法。", 0));
    let (answer, _) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "先要暗中伤人。");
    assert!(!answer.text().contains("暗中伤人"), "{}", answer.text());
    let (answer, _) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "你好。");
    assert_eq!(answer.said(Api::Chat), "你好。");
    assert_eq!(house.record(&answer)["outcome"], "allowed");
}

#[test]
fn no_checking_api_calls_a_text_clean_that_could_not_be_checked() {
    let house = judged(&Upstream::nobody(), "");
    let messages = json!([{"role": "user", "content": "你好"}]);
    for (path, body) in [
        ("/v1/moderations", json!({"input": "你好"})),
        ("/api/v1/text/contents", json!({"contents": ["你好"]})),
        ("/api/v1/text/generation", json!({"prompt": "你", "generated_text": "好"})),
        ("/api/v1/text/chat", json!({"messages": messages})),
        ("/api/v1/text/context/doc", json!({"content": "好", "context_type": "docs", "context": ["你"]})),
        ("/request", json!({"body": {"messages": messages}})),
        ("/response", json!({"body": {"choices": [{"message": {"role": "assistant", "content": "好"}}]}})),
    ] {
        let answer = house.gateway.post(path).json(&body).send();
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
    }
    let report = house.gateway.post("/v1/guard").json(&json!({"text": "你好"})).send();
    assert_eq!(report.json()["outcome"], "unavailable", "{}", report.text());
    let body = json!({"input_type": "request", "texts": ["你好"]});
    let lite = house.gateway.post("/beta/litellm_basic_guardrail_api").json(&body).send();
    assert!(lite.status == 503 || lite.json()["action"] == "BLOCKED", "{}", lite.text());
    for (path, body) in [
        ("/v1/guardrails", json!({"model": "m", "messages": messages})),
        ("/v1/guardrails/input", json!({"input": "你好"})),
    ] {
        let answer = house.gateway.post(path).json(&body).send();
        assert!(answer.status == 503 || answer.json()["suggest_action"] != "pass", "{path}: {}", answer.text());
    }
}

#[test]
fn without_a_model_the_checks_work_and_chat_says_what_to_set() {
    let gateway = probe().start();
    for api in Api::ALL {
        let answer = gateway.ask(api, "m", "你好");
        assert_error(api, &answer, 503, "no_upstream");
        assert!(answer.text().contains("MENSHEN_UPSTREAM"), "{}", answer.text());
    }
    assert!(gateway.printed().contains("MENSHEN_UPSTREAM"));
    let report = gateway.post("/v1/guard").json(&json!({"text": "说说龙渊会"})).send().json();
    assert_eq!((&report["disposition"], &report["outcome"]), (&json!("block"), &json!("intervened")));
    let standard = gateway.ask(Api::Chat, "m", "墨渠工程的总设计师是谁");
    assert!(standard.said(Api::Chat).contains("沈青梧"));
}

fn served_by_the_second(first: &str) -> (House, Value) {
    let model = Upstream::start();
    let gateway = probe().settings("[limits]\nfirst_byte_ms = 700").upstream(first).upstream(&model.url()).start();
    let house = House { gateway, model };
    let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "第二个模型。");
    assert_eq!((answer.said(Api::Chat).as_str(), seen.len()), ("第二个模型。", 1), "{}", answer.text());
    let record = house.record(&answer);
    assert_eq!(record["attempts"], json!({"upstream": 1, "tried": 2, "translated": false}), "{record}");
    (house, record)
}

#[test]
fn a_model_that_is_down_gives_way_to_the_next() {
    let (house, _) = served_by_the_second(&Upstream::nobody());
    // The one that failed is left out for a while.
    let (answer, _) = house.exchange(Api::Chat, &Api::Chat.ask("", "再问"), "还是第二个。");
    assert_eq!(house.record(&answer)["attempts"]["tried"], 1);
}

#[test]
fn a_model_that_fails_hangs_or_is_busy_gives_way_to_the_next() {
    for reply in [Reply::json(500, &json!({})), Reply::json(429, &json!({})), Reply::hang(), Reply::cut()] {
        let first = Upstream::start();
        first.otherwise(move |_| reply.clone());
        served_by_the_second(&first.url());
    }
}

#[test]
fn a_model_that_breaks_in_the_middle_is_not_asked_of_the_next() {
    // What a client has seen is never repeated.
    let (first, second) = (Upstream::start(), Upstream::start());
    let name = fresh("middle");
    first.on(&name, |asked| Saying::text("说到一半就").reply(asked).ending_after(4, Step::Cut));
    let gateway = probe().upstream(&first.url()).upstream(&second.url()).start();
    let answer = gateway.stream(Api::Chat, &name, "你好");
    assert!(answer.text().contains("upstream_incomplete_response"), "{}", answer.text());
    assert!(second.received(&name).is_empty());
}

#[test]
fn a_model_is_chosen_by_its_name() {
    let (qwen, rest) = (Upstream::start(), Upstream::start());
    let gateway = probe()
        .upstream_with(&qwen.url(), "models = [\"qwen*\"]\nmodel = \"served-name\"")
        .upstream_with(&rest.url(), "models = [\"llama*\"]")
        .start();
    assert_eq!(gateway.ask(Api::Chat, "qwen3", "你好").status, 200);
    assert_eq!(gateway.ask(Api::Chat, "llama3", "你好").status, 200);
    assert_eq!((qwen.received("served-name").len(), rest.received("llama3").len()), (1, 1));
    assert_error(Api::Chat, &gateway.ask(Api::Chat, "gpt", "你好"), 404, "not_found");
}
