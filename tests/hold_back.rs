//! No byte leaves before the verdict that covers it.

use menshen_testkit::{Api, Gate, Reply, Saying, Step};
use serde_json::json;

use crate::support::{House, LEAK, fresh, house, probe, touches};

/// Streams a saying a character at a time; nothing of the forbidden word may arrive, in any channel, in any frame.
fn never_leaks(house: &House, api: Api, saying: Saying, before: &str) {
    let name = fresh("leak");
    house.model.says(&name, saying);
    let answer = house.gateway.stream(api, &name, "讲个故事");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!touches(&answer.text(), LEAK), "{api:?}: {}", answer.text());
    let said = answer.said(api);
    // How much of the clean part had left by then is a matter of packets; that nothing else left is not.
    let left = said.replacen("（测试：余下的内容未展示）", "", 1);
    assert!(left.len() < said.len(), "{api:?}: no replacement in {said}");
    assert!(before.starts_with(&left), "{api:?}: {said}");
    assert_eq!(api.finish(&[], &answer.frames), api.filtered(), "{api:?}: {}", answer.text());
    assert!(api.ended(&answer.frames), "{api:?}: {}", answer.text());
    let record = house.record(&answer);
    assert_eq!((&record["outcome"], &record["side"]), (&json!("intervened"), &json!("output")), "{record}");
    assert_eq!(record["rule"], "probe/leak@1");
}

#[test]
fn no_character_of_a_forbidden_answer_is_released() {
    for api in Api::ALL {
        never_leaks(house(), api, Saying::text("从前有座山。鸩羽琮在庙里，老和尚在讲故事。"), "从前有座山。");
    }
}

#[test]
fn no_character_of_forbidden_reasoning_is_released() {
    for api in Api::ALL {
        let saying = Saying::text("答案是四。").reasoning("先想一想，鸩羽琮在哪里，再作答。");
        never_leaks(house(), api, saying, "先想一想，");
    }
}

#[test]
fn no_character_of_forbidden_tool_arguments_is_released() {
    for api in Api::ALL {
        let saying = Saying::text("我来查一下。").calling("lookup", r#"{"what":"鸩羽琮和别的"}"#);
        never_leaks(house(), api, saying, "我来查一下。{\"what\":\"");
    }
}

#[test]
fn no_choice_is_released_when_another_one_is_stopped() {
    let house = house();
    let name = fresh("choices");
    house.model.says(&name, Saying::choices(&["第一个回答没有问题。", "第二个回答说到鸩羽琮。", "第三个也没有。"]));
    let mut body = Api::Chat.ask_stream(&name, "讲个故事");
    body["n"] = json!(3);
    let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
    assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
    assert!(Api::Chat.ended(&answer.frames));
    for index in 0..3 {
        let last = answer.frames.iter().map(|f| f.json()["choices"][0].clone()).rfind(|c| c["index"] == index).unwrap();
        assert!(last["finish_reason"].is_string(), "choice {index} has no end: {}", answer.text());
    }
    assert_eq!(house.record(&answer)["outcome"], "intervened");
}

#[test]
fn a_forbidden_word_that_is_disguised_and_cut_into_bytes_is_held() {
    // Cut within characters too: the upstream's packets know nothing of UTF-8.
    let house = house();
    let name = fresh("bytes");
    house.model.on(&name, |_| {
        let frame =
            |text: &str| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
        let mut bytes = frame("从前有座山。鸩\u{200b}羽").into_bytes();
        bytes.extend(frame(" 琮在这").into_bytes());
        bytes
            .extend(b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        Reply::stream(bytes.chunks(5).map(|c| Step::Send(c.to_vec())).collect())
    });
    let answer = house.gateway.stream(Api::Chat, &name, "讲个故事");
    assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
    assert_eq!(Api::Chat.finish(&[], &answer.frames), "content_filter");
}

#[test]
fn a_word_that_only_the_end_of_the_stream_completes_is_held() {
    for api in Api::ALL {
        never_leaks(house(), api, Saying::text("从前有座山。鸩羽琮"), "从前有座山。");
    }
}

#[test]
fn a_whole_repeat_of_a_streamed_text_is_no_way_around() {
    // The deltas are clean; the text that the closing events repeat is not.
    let house = house();
    let name = fresh("repeat");
    house.model.on(&name, |_| {
        let events = |text: &str| {
            let item = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}]});
            let part = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "msg_1", "delta": "一切都好。"});
            let done = json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "item_id": "msg_1", "text": text});
            let end = json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [item]}});
            [part, done, end].map(|e| format!("event: {}\ndata: {e}\n\n", e["type"].as_str().unwrap())).concat()
        };
        Reply::events(events("一切都好，鸩羽琮除外。"))
    });
    let answer = house.gateway.stream(Api::Responses, &name, "讲个故事");
    assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
    assert_eq!(house.record(&answer)["outcome"], "intervened");
}

#[test]
fn what_is_cleared_leaves_while_the_model_still_speaks() {
    let house = house();
    for api in Api::ALL {
        let (here, on) = (Gate::new(), Gate::new());
        let name = fresh("flow");
        let text = "春眠不觉晓，处处闻啼鸟。".repeat(60);
        let at = text.chars().count() - 5;
        house.model.says(&name, Saying::text(text.clone()).pausing(at, &here, &on));
        let mut incoming = house.gateway.post(api.path()).json(&api.ask_stream(&name, "背首诗")).open();
        here.wait();
        // The model waits for us: a frame that arrives now was not held to the end.
        let mut frames = vec![incoming.frame().expect("nothing left")];
        while api.streamed(&frames).is_empty() {
            frames.push(incoming.frame().expect("no text left"));
        }
        on.open();
        while let Some(frame) = incoming.frame() {
            frames.push(frame);
        }
        assert_eq!(api.streamed(&frames), text, "{api:?}");
        assert!(api.ended(&frames));
    }
}

#[test]
fn a_forbidden_answer_that_comes_whole_is_replaced_in_its_api() {
    let house = house();
    for api in Api::ALL {
        for saying in [
            Saying::text("说到鸩羽琮了"),
            Saying::text("好").reasoning("想到鸩羽琮了"),
            Saying::text("好").calling("lookup", r#"{"what":"鸩羽琮"}"#),
        ] {
            let name = fresh("whole");
            house.model.says(&name, saying);
            let answer = house.gateway.ask(api, &name, "讲个故事");
            assert_eq!(answer.status, 200);
            assert!(!touches(&answer.text(), LEAK), "{api:?}: {}", answer.text());
            assert_eq!(answer.said(api), "（测试：余下的内容未展示）");
            assert_eq!(api.finish(&answer.body, &[]), api.filtered(), "{}", answer.text());
            assert_eq!(house.record(&answer)["rule"], "probe/leak@1");
        }
    }
}

#[test]
fn a_forbidden_word_among_the_names_of_tool_arguments_is_withheld() {
    let house = house();
    for api in Api::ALL {
        for stream in [false, true] {
            let name = fresh("names");
            house.model.says(&name, Saying::text("好").calling("lookup", r#"{"鸩羽琮":"在这"}"#));
            let mut body = api.ask(&name, "查一下");
            body["stream"] = json!(stream);
            let answer = house.gateway.post(api.path()).json(&body).send();
            assert!(!touches(&answer.text(), LEAK), "{api:?} stream={stream}: {}", answer.text());
        }
    }
}

#[test]
fn every_choice_of_a_whole_answer_is_checked() {
    let house = house();
    let name = fresh("choices");
    house.model.says(&name, Saying::choices(&["第一个没有问题。", "第二个也没有。", "第三个说到鸩羽琮。"]));
    let mut body = Api::Chat.ask(&name, "讲个故事");
    body["n"] = json!(3);
    let answer = house.gateway.post(Api::Chat.path()).json(&body).send();
    assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
    assert_eq!(house.record(&answer)["outcome"], "intervened");
}

#[test]
fn whole_release_judges_the_last_byte_before_the_first_leaves() {
    let house = House::start(probe().settings("[stream]\nrelease = \"whole\""));
    for api in Api::ALL {
        let name = fresh("hold-all");
        house.model.says(&name, Saying::text(format!("{}鸩羽琮", "开头都是好的。".repeat(50))));
        let answer = house.gateway.stream(api, &name, "讲个故事");
        assert!(!answer.text().contains("开头都是好的"), "{api:?}: {}", answer.text());
        assert!(api.ended(&answer.frames));
        let name = fresh("fine");
        house.model.says(&name, Saying::text("全部都好。"));
        assert_eq!(house.gateway.stream(api, &name, "讲个故事").said(api), "全部都好。");
    }
}
