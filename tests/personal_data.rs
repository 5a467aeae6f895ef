//! Personal data: the model sees placeholders, the user gets the original back, others' data is masked.

use menshen_testkit::{Api, Saying};
use serde_json::{Value, json};

use crate::support::{BADGE, House, assert_error, fresh, house, probe};

const MOBILE: &str = "13800138000";

/// The placeholder that stands in what the model was sent.
fn placeholder(sent: &str) -> String {
    let from = sent.find("电话是[").map(|i| i + "电话是".len()).unwrap_or_else(|| panic!("no placeholder in {sent}"));
    let length = sent[from..].find(']').unwrap() + 1;
    sent[from..from + length].to_owned()
}

/// A model that repeats what it was told, as a model does that is asked to confirm.
fn parrot(house: &House, pieces: Option<fn(&str) -> Vec<String>>) -> String {
    let name = fresh("parrot");
    house.model.on(&name, move |asked| {
        let mark = placeholder(&asked.text());
        let text = format!("已登记：{mark}。稍后会拨打{mark}，请保持畅通。");
        let mut saying = Saying::text(text.clone());
        if let Some(cut) = pieces {
            let parts = cut(&text);
            saying = saying.in_pieces(&parts.iter().map(String::as_str).collect::<Vec<_>>());
        }
        saying.reply(asked)
    });
    name
}

#[test]
fn the_model_sees_a_placeholder_and_the_user_gets_the_number_back() {
    let house = house();
    for api in Api::ALL {
        let name = parrot(house, None);
        let answer = house.gateway.ask(api, &name, "我的电话是13800138000，请登记");
        let sent = &house.model.received(&name)[0];
        assert!(!sent.text().contains(MOBILE), "{}", sent.text());
        assert_eq!(answer.said(api), format!("已登记：{MOBILE}。稍后会拨打{MOBILE}，请保持畅通。"), "{api:?}");
        let record = house.record(&answer);
        assert_eq!((&record["outcome"], &record["action"]), (&json!("intervened"), &json!("redact")), "{record}");
    }
}

#[test]
fn a_placeholder_that_is_cut_over_chunks_is_restored() {
    let house = house();
    let cuts: [fn(&str) -> Vec<String>; 3] = [
        |t| t.chars().map(String::from).collect(),
        |t| t.chars().collect::<Vec<_>>().chunks(2).map(|c| c.iter().collect()).collect(),
        |t| t.split_inclusive('[').map(str::to_owned).collect(),
    ];
    for api in Api::ALL {
        for cut in cuts {
            let name = parrot(house, Some(cut));
            let answer = house.gateway.stream(api, &name, "我的电话是13800138000，请登记");
            let want = format!("已登记：{MOBILE}。稍后会拨打{MOBILE}，请保持畅通。");
            assert_eq!(answer.said(api), want, "{api:?}: {}", answer.text());
            assert!(api.ended(&answer.frames));
        }
    }
}

#[test]
fn the_same_number_has_the_same_placeholder_in_every_turn() {
    let house = house();
    let body = Api::Chat.talk(
        "",
        &[
            ("user", "我的电话是13800138000"),
            ("assistant", "记下了13800138000"),
            ("user", "再念一遍13800138000和13900139000"),
        ],
    );
    let (_, seen) = house.exchange(Api::Chat, &body, "好");
    let sent: Value = serde_json::from_str(&seen[0]).unwrap();
    let text = |i: usize| sent["messages"][i]["content"].as_str().unwrap().to_owned();
    let mark = placeholder(&text(0));
    assert_eq!(text(1), format!("记下了{mark}"));
    assert!(text(2).starts_with(&format!("再念一遍{mark}和[")), "{}", text(2));
    assert!(!text(2).ends_with(&mark), "two numbers share a placeholder: {}", text(2));
}

#[test]
fn a_tool_call_gets_the_real_number() {
    let house = house();
    for api in Api::ALL {
        for stream in [false, true] {
            let name = fresh("caller");
            house.model.on(&name, |asked| {
                let mark = placeholder(&asked.text());
                Saying::text("这就拨打。").calling("dial", &json!({"number": mark}).to_string()).reply(asked)
            });
            let mut body = api.ask(&name, "我的电话是13800138000，请拨打");
            body["stream"] = json!(stream);
            let answer = house.gateway.post(api.path()).json(&body).send();
            let said = answer.said(api);
            assert!(said.contains(r#"{"number":"13800138000"}"#), "{api:?} stream={stream}: {said}");
        }
    }
}

#[test]
fn a_number_that_the_model_brings_up_itself_is_masked() {
    let house = house();
    for api in Api::ALL {
        for stream in [false, true] {
            let mut body = api.ask("", "谁能帮我");
            body["stream"] = json!(stream);
            let (answer, _) = house.exchange(api, &body, "可以找老王，手机13912345678，晚上在家。");
            let said = answer.said(api);
            assert!(!said.contains("13912345678"), "{api:?}: {said}");
            assert!(said.starts_with("可以找老王，手机") && said.ends_with("，晚上在家。"), "{api:?}: {said}");
        }
    }
}

#[test]
fn log_probabilities_do_not_repeat_what_was_replaced() {
    let house = house();
    let name = fresh("logprobs");
    house.model.on(&name, |_| {
        menshen_testkit::Reply::json(200, &json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [{
            "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "手机13912345678"},
            "logprobs": {"content": [{"token": "手机", "logprob": -0.1}, {"token": "13912345678", "logprob": -0.2}]}}]}))
    });
    let answer = house.gateway.ask(Api::Chat, &name, "谁能帮我");
    assert!(!answer.text().contains("13912345678"), "{}", answer.text());
}

#[test]
fn redaction_leaves_every_other_field_untouched() {
    let house = house();
    let name = fresh("fields");
    let body = json!({
        "model": name, "temperature": 0.25, "seed": 18_446_744_073_709_551_615_u64, "logit_bias": {"50256": -100}, "top_p": 1e-3,
        "messages": [{"role": "user", "content": "我的电话是13800138000"}], "response_format": {"type": "json_object"},
        "metadata": {"k": "v"}, "x_vendor": {"deep": [1, 2.5, null, true]},
    });
    let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut sent = house.model.received(&name)[0].json();
    sent["messages"] = body["messages"].clone();
    assert_eq!(sent, body);
}

#[test]
fn the_record_keeps_no_number_where_texts_are_kept_redacted() {
    let house = House::start(probe().settings("[audit]\ntext = \"redacted\""));
    let answer = house.gateway.ask(Api::Chat, &fresh("m"), &format!("我的工牌{BADGE}请记住"));
    assert_eq!(answer.status, 200);
    let record = house.record(&answer).to_string();
    assert!(!record.contains(BADGE) && !record.contains("204815"), "{record}");
    assert!(record.contains("请记住"), "{record}");
    for entry in std::fs::read_dir(house.gateway.dir().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(6).any(|w| w == b"204815"), "the number lies in a file of the store");
    }
}

#[test]
fn more_numbers_than_are_counted_do_not_pass_unredacted() {
    let house = house();
    let many = "13800138000 ".repeat(3_000);
    let (answer, seen) = house.exchange(Api::Chat, &Api::Chat.ask("", &many), "不应出现");
    assert_error(Api::Chat, &answer, 503, "guard_unavailable");
    assert!(seen.is_empty(), "the model was asked");
}
