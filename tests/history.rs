//! What a conversation brings along: earlier turns, tool returns, references to text kept elsewhere, attachments.

use menshen_testkit::{Api, Gate, Reply, Saying, Upstream};
use serde_json::{Value, json};

use crate::support::{BANNED, House, assert_error, fresh, house, probe};

#[test]
fn an_earlier_bad_turn_is_withheld_and_the_conversation_goes_on() {
    let house = house();
    for api in Api::ALL {
        let turns = [
            ("user", "龙渊会在哪"),
            ("assistant", "这个不便说。"),
            ("user", "那说说天气"),
            ("assistant", "晴。"),
            ("user", "明天呢"),
        ];
        let (answer, seen) = house.exchange(api, &api.talk("", &turns), "多云。");
        assert_eq!(answer.said(api), "多云。", "{api:?}: {}", answer.text());
        let sent: Value = serde_json::from_str(&seen[0]).unwrap();
        let list = if api == Api::Responses { &sent["input"] } else { &sent["messages"] };
        assert_eq!(list[0]["content"], "[测试：这条较早的消息已隐去]", "{api:?}");
        for (i, (role, text)) in turns.iter().enumerate().skip(1) {
            assert_eq!((&list[i]["role"], &list[i]["content"]), (&json!(role), &json!(text)), "{api:?}");
        }
        assert_eq!(house.record(&answer)["verdict"]["input"]["withheld"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_tool_return_is_inspected_in_every_api() {
    let house = house();
    let returns = "查到：龙渊会今晚集会";
    let chat = json!({"messages": [{"role": "user", "content": "查一下"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": returns}]});
    let responses = json!({"input": [{"role": "user", "content": "查一下"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": returns}]});
    let messages = json!({"max_tokens": 9, "messages": [{"role": "user", "content": "查一下"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": returns}]}]}]});
    for (api, body) in [(Api::Chat, chat), (Api::Responses, responses), (Api::Messages, messages)] {
        let (answer, seen) = house.exchange(api, &body, "不应出现");
        assert_eq!((answer.status, seen.len()), (400, 0), "{api:?}: {}", answer.text());
    }
}

#[test]
fn every_place_where_a_request_can_carry_text_is_inspected() {
    let house = house();
    let word = "这里提到龙渊会";
    let user = json!({"role": "user", "content": "你好"});
    let chat = [
        json!({"messages": [{"role": "system", "content": word}, user]}),
        json!({"messages": [{"role": "developer", "content": [{"type": "text", "text": word}]}, user]}),
        json!({"messages": [{"role": "user", "name": word, "content": "你好"}]}),
        json!({"messages": [{"role": "wizard", "content": word}]}),
        json!({"messages": [user, {"role": "assistant", "content": word}]}),
        json!({"messages": [user], "tools": [{"type": "function", "function": {"name": "f", "description": word}}]}),
        json!({"messages": [user], "functions": [{"name": "f", "description": word}]}),
        json!({"messages": [user], "prediction": {"type": "content", "content": word}}),
        json!({"messages": [user], "a_field_of_tomorrow": {"deep": [{"down": word}]}}),
        json!({"messages": [user], "tools": [{"type": "function", "function": {"name": "f",
            "parameters": {"type": "object", "properties": {word: {"type": "string"}}}}}]}),
        json!({"messages": [user], "response_format": {"type": "json_schema", "json_schema": {"name": "x", "description": word}}}),
    ];
    let responses = [
        json!({"input": word}),
        json!({"input": "你好", "instructions": word}),
        json!({"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": word}]}]}),
        json!({"input": "你好", "tools": [{"type": "function", "name": "f", "description": word}]}),
        json!({"input": [{"type": "item_of_tomorrow", "body": word}]}),
        json!({"input": "你好", "prompt": {"variables": {"a": word}}}),
    ];
    let messages = [
        json!({"system": word, "messages": [user]}),
        json!({"system": [{"type": "text", "text": word}], "messages": [user]}),
        json!({"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": word}}]}]}),
        json!({"messages": [user], "tools": [{"name": "f", "description": word, "input_schema": {}}]}),
        json!({"messages": [user], "stop_sequences": [word]}),
    ];
    let all = [(Api::Chat, &chat[..]), (Api::Responses, &responses[..]), (Api::Messages, &messages[..])];
    for (api, bodies) in all {
        for body in bodies {
            let (answer, seen) = house.exchange(api, body, "不应出现");
            assert!(!seen.iter().any(|s| s.contains(BANNED)), "{api:?} let it through in {body}");
            assert_eq!(answer.status, 400, "{api:?} {body}: {}", answer.text());
        }
    }
}

#[test]
fn text_that_never_passed_here_cannot_be_referred_to() {
    let house = house();
    for (param, value) in [
        ("previous_response_id", json!("resp_never_seen")),
        ("conversation", json!("conv_never_seen")),
        ("conversation", json!({"id": "conv_never_seen"})),
        ("prompt", json!({"id": "pmpt_never_seen"})),
    ] {
        let mut body = Api::Responses.ask("", "接着说");
        body[param] = value;
        let (answer, seen) = house.exchange(Api::Responses, &body, "不应出现");
        assert_error(Api::Responses, &answer, 400, "history_not_inspected");
        assert_eq!(answer.json()["error"]["param"], param);
        assert!(seen.is_empty());
        assert_eq!(house.record(&answer)["outcome"], "invalid");
    }
}

#[test]
fn an_answer_that_passed_here_can_be_referred_to_by_the_same_application() {
    let house = house();
    for stream in [false, true] {
        let (name, id) = (fresh("referred"), fresh("resp"));
        let own = id.clone();
        house.model.on(&name, move |asked| {
            if asked.json()["stream"] == true {
                let body = |status: &str| json!({"id": own, "object": "response", "status": status, "output": []});
                let events = ["created", "completed"].map(|s| {
                    let status = if s == "created" { "in_progress" } else { s };
                    let event = json!({"type": format!("response.{s}"), "response": body(status)});
                    format!("event: response.{s}\ndata: {event}\n\n")
                });
                Reply::events(events.concat())
            } else {
                Reply::json(200, &json!({"id": own, "object": "response", "status": "completed", "output": []}))
            }
        });
        let mut body = Api::Responses.ask(&name, "你好");
        body["stream"] = json!(stream);
        assert_eq!(house.gateway.post("/v1/responses").json(&body).send().status, 200);
        body["previous_response_id"] = json!(id);
        let again = house.gateway.post("/v1/responses").json(&body).send();
        assert_eq!(again.status, 200, "{}", again.text());
        let other = house.gateway.post("/v1/responses").header("x-menshen-app", "other").json(&body).send();
        assert_eq!(other.code(), "history_not_inspected");
    }
}

fn with_picture(api: Api) -> Value {
    let url = "https://example.com/cat.png";
    match api {
        Api::Chat => json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "看图"},
            {"type": "image_url", "image_url": {"url": url}}]}]}),
        Api::Responses => json!({"input": [{"role": "user", "content": [{"type": "input_text", "text": "看图"},
            {"type": "input_image", "image_url": url}]}]}),
        Api::Messages => {
            json!({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": "看图"},
            {"type": "image", "source": {"type": "url", "url": url}}]}]})
        }
    }
}

#[test]
fn an_attachment_is_refused_unless_the_operator_lets_it_pass() {
    let strict = house();
    let open = House::start(probe().settings("[guard]\nattachments = \"pass\""));
    for api in Api::ALL {
        let body = with_picture(api);
        let (answer, seen) = strict.exchange(api, &body, "不应出现");
        assert_error(api, &answer, 400, "attachment_not_allowed");
        assert!(seen.is_empty());
        assert_eq!(strict.record(&answer)["outcome"], "intervened");
        let (answer, seen) = open.exchange(api, &body, "一只猫。");
        assert_eq!(answer.said(api), "一只猫。", "{}", answer.text());
        let mut sent: Value = serde_json::from_str(&seen[0]).unwrap();
        sent.as_object_mut().unwrap().remove("model");
        assert_eq!(sent, body, "it was changed on its way");
    }
    // A part of an unknown kind may carry anything.
    let body = json!({"messages": [{"role": "user", "content": [{"type": "hologram", "data": "AAAA"}]}]});
    assert_error(Api::Chat, &strict.exchange(Api::Chat, &body, "").0, 400, "attachment_not_allowed");
}

#[test]
fn a_picture_in_an_answer_is_withheld_where_the_operator_says_so_streamed_or_not() {
    let house = House::start(probe().settings("[guard]\nanswer_attachments = \"block\""));
    let picture = "iVBORw0KGgoAAAA";
    let name = fresh("painter");
    house.model.on(&name, move |asked| {
        let stream = asked.json()["stream"] == true;
        let item = json!({"type": "image_generation_call", "id": "i", "status": "completed", "result": picture});
        let response = |status: &str, output: Value| json!({"id": "r", "object": "response", "status": status, "output": output});
        let block = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}});
        match (asked.path.rsplit('/').next(), stream) {
            (Some("responses"), false) => Reply::json(200, &response("completed", json!([item]))),
            (Some("responses"), true) => Reply::events([
                json!({"type": "response.created", "response": response("in_progress", json!([]))}),
                json!({"type": "response.image_generation_call.partial_image", "output_index": 0, "partial_image_b64": picture}),
                json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
                json!({"type": "response.completed", "response": response("completed", json!([item]))}),
            ].map(|e| format!("data: {e}\n\n")).concat()),
            (Some("messages"), false) => Reply::json(200, &json!({"id": "m", "type": "message", "role": "assistant",
                "content": [block], "stop_reason": "end_turn"})),
            (Some("messages"), true) => Reply::events([
                json!({"type": "message_start", "message": {"id": "m", "content": []}}),
                json!({"type": "content_block_start", "index": 0, "content_block": block}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
                json!({"type": "message_stop"}),
            ].map(|e| format!("data: {e}\n\n")).concat()),
            (_, false) => Reply::json(200, &json!({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message":
                {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{picture}")}}]}}]})),
            (_, true) => Reply::events(format!(
                "data: {}\n\ndata: [DONE]\n\n",
                json!({"choices": [{"index": 0, "finish_reason": "stop", "delta":
                    {"content": [{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{picture}")}}]}}]})
            )),
        }
    });
    for api in Api::ALL {
        for stream in [false, true] {
            let mut body = api.ask(&name, "画一只猫");
            body["stream"] = json!(stream);
            let answer = house.gateway.post(api.path()).json(&body).send();
            assert!(!answer.text().contains(picture), "{api:?} stream={stream}: {}", answer.text());
            assert!(answer.text().contains("attachment_not_allowed"), "{api:?} stream={stream}: {}", answer.text());
            assert_eq!(house.record(&answer)["outcome"], "intervened");
        }
    }
}

#[test]
fn an_external_detector_decides_on_attachments_and_its_failure_lets_nothing_pass() {
    let detector = Upstream::start();
    let url = format!("http://{}/detect", detector.address());
    let house = House::start(
        probe().settings(&format!("[guard]\nattachments = \"external\"\nattachment_detector_url = \"{url}\"")),
    );
    let body = with_picture(Api::Chat);
    detector.on("", |_| Reply::json(200, &json!({"findings": []})));
    assert_eq!(house.exchange(Api::Chat, &body, "一只猫。").0.said(Api::Chat), "一只猫。");
    assert!(detector.received("")[0].text().contains("https://example.com/cat.png"));
    detector.on("", |_| Reply::json(200, &json!({"findings": [{"label": "gore", "score": 0.9}]})));
    assert_eq!(house.exchange(Api::Chat, &body, "").0.code(), "content_policy_violation");
    detector.on("", |_| Reply::json(500, &json!({})));
    let (answer, seen) = house.exchange(Api::Chat, &body, "");
    assert_error(Api::Chat, &answer, 503, "guard_unavailable");
    assert!(seen.is_empty());
    assert_eq!(house.record(&answer)["outcome"], "unavailable");
}

#[test]
fn a_client_that_leaves_is_recorded_and_the_model_is_let_go() {
    let house = house();
    let (here, never) = (Gate::new(), Gate::new());
    let name = fresh("left");
    let text = "春眠不觉晓，处处闻啼鸟。".repeat(60);
    house.model.says(&name, Saying::text(text).pausing(700, &here, &never));
    let incoming = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask_stream(&name, "背诗")).open();
    let id = incoming.header("x-menshen-request-id").unwrap().to_owned();
    here.wait();
    drop(incoming);
    let begun = std::time::Instant::now();
    let record = loop {
        if let Some(record) = house.gateway.audit().into_iter().find(|r| r["request_id"] == id.as_str()) {
            break record;
        }
        assert!(begun.elapsed() < menshen_testkit::PATIENCE, "no record of a client that left");
    };
    assert_eq!(record["error"], "client_closed", "{record}");
    never.open();
}

#[test]
fn a_client_that_hangs_up_before_the_answer_is_recorded_too() {
    let house = house();
    let (here, never) = (Gate::new(), Gate::new());
    let name = fresh("hung-up");
    house.model.on(&name, {
        let (here, never) = (here.clone(), never.clone());
        move |_| Reply::json(200, &serde_json::json!({})).waiting(&here, &never)
    });
    let body = Api::Chat.ask(&name, "背诗").to_string();
    let mut socket = std::net::TcpStream::connect(house.gateway.address()).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        Api::Chat.path(),
        body.len()
    );
    std::io::Write::write_all(&mut socket, head.as_bytes()).unwrap();
    here.wait();
    drop(socket);
    let begun = std::time::Instant::now();
    let record = loop {
        if let Some(record) = house.gateway.audit().into_iter().find(|r| r["model"] == name.as_str()) {
            break record;
        }
        assert!(begun.elapsed() < menshen_testkit::PATIENCE, "no record of a client that hung up");
    };
    assert_eq!(record["error"], "client_closed", "{record}");
    never.open();
}
