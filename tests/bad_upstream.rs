//! Models that hang, cut, lie about length, send broken streams or answer in another tongue: a clear error in the
//! client's API, a record, nothing unchecked.

use menshen_testkit::{Answer, Api, Reply, Saying, Step};
use serde_json::{Value, json};

use crate::support::{House, LEAK, assert_error, fresh, house, impatient, touches};

fn failed(house: &House, api: Api, answer: &Answer, status: u16, code: &str) {
    assert_error(api, answer, status, code);
    recorded(house, api, answer, code);
}

fn recorded(house: &House, api: Api, answer: &Answer, code: &str) {
    let record = house.record(answer);
    assert_eq!((&record["outcome"], &record["api"]), (&json!("unavailable"), &json!(api.name())), "{record}");
    assert!(record["error"].as_str().unwrap().starts_with(code), "{record}");
    house.gateway.assert_calm();
}

/// An answer that was asked for whole.
fn whole(status: u16, code: &str, reply: impl Fn() -> Reply + Send + Sync + Clone + 'static) {
    let house = impatient();
    for api in Api::ALL {
        let name = fresh("bad");
        let reply = reply.clone();
        house.model.on(&name, move |_| reply());
        failed(house, api, &house.gateway.ask(api, &name, "你好"), status, code);
    }
}

/// A stream that goes wrong after it has begun: the error stands in it, in the API's form.
fn streamed(code: &str, reply: impl Fn(Reply) -> Reply + Send + Sync + Clone + 'static) {
    let house = impatient();
    for api in Api::ALL {
        let name = fresh("bad");
        let reply = reply.clone();
        house.model.on(&name, move |asked| reply(Saying::text("春眠不觉晓，处处闻啼鸟。").reply(asked)));
        let answer = house.gateway.stream(api, &name, "你好");
        assert_eq!((answer.status, answer.whole), (200, true), "{api:?}: the stream was torn: {}", answer.text());
        let error = answer.frames.iter().map(|f| f.json()).find(|j| j.to_string().contains(code));
        let error = error.unwrap_or_else(|| panic!("{api:?}: no {code} in {}", answer.text()));
        match api {
            Api::Chat => {
                assert!(error["error"]["message"].is_string(), "{error}");
                assert_eq!(answer.frames.last().unwrap().data, "[DONE]");
            }
            Api::Responses => {
                assert!(["error", "response.failed"].contains(&error["type"].as_str().unwrap()), "{error}")
            }
            Api::Messages => {
                assert_eq!(
                    (&error["type"], answer.frames.last().unwrap().name.as_deref()),
                    (&json!("error"), Some("error"))
                );
            }
        }
        recorded(house, api, &answer, code);
    }
}

#[test]
fn a_model_that_hangs_is_given_up_in_time() {
    whole(504, "upstream_timeout", Reply::hang);
}

#[test]
fn a_model_that_closes_without_a_word_is_named() {
    whole(502, "upstream_unreachable", Reply::cut);
}

#[test]
fn a_model_that_hangs_in_the_middle_of_a_body_is_given_up_in_time() {
    whole(504, "upstream_timeout", || {
        Reply::json(200, &json!({"choices": []})).stating_length(500).ending_after(1, Step::Hang)
    });
}

#[test]
fn a_body_cut_in_the_middle_is_no_answer() {
    whole(502, "upstream_incomplete_response", || {
        Reply::body(200, "application/json", "{\"choices\": [{\"mess").stating_length(5000).ending_after(1, Step::Cut)
    });
}

#[test]
fn a_body_longer_than_stated_is_read_as_stated() {
    // The rest belongs to no answer: it is not JSON as stated, and the rest is not another answer.
    whole(502, "upstream_invalid_response", || {
        Reply::body(200, "application/json", "{\"choices\": [], \"content\": [], \"output\": []}").stating_length(20)
    });
}

#[test]
fn an_answer_that_is_not_json_is_no_answer() {
    for body in [
        "",
        "nonsense",
        "<html><body>502 Bad Gateway</body></html>",
        "[]",
        "null",
        "{\"choices\": 7, \"output\": 7, \"content\": 7}",
    ] {
        whole(502, "upstream_invalid_response", move || Reply::body(200, "application/json", body));
    }
    whole(502, "upstream_invalid_response", || Reply::body(200, "text/html", "<html>"));
    whole(502, "upstream_invalid_response", || {
        Reply::body(200, "application/json", b"{\"choices\":[\"\xff\"]}".to_vec())
    });
}

#[test]
fn a_redirect_is_not_followed() {
    whole(502, "upstream_invalid_response", || {
        Reply::body(302, "text/plain", "").header("location", "http://169.254.169.254/latest/meta-data")
    });
}

#[test]
fn a_compressed_answer_is_not_read() {
    for encoding in ["gzip", "br", "zstd"] {
        whole(502, "upstream_invalid_response", move || {
            Reply::body(200, "application/json", b"\x1f\x8b\x08\x00bomb".to_vec()).header("content-encoding", encoding)
        });
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    whole(502, "upstream_response_too_large", || {
        let mut steps = vec![Step::Send(b"{\"choices\":[{\"message\":{\"content\":\"".to_vec())];
        steps.extend((0..40).map(|_| Step::Send(vec![b'a'; 10_000])));
        Reply::chunks("application/json", steps)
    });
}

#[test]
fn the_models_own_errors_keep_their_status_in_the_clients_format() {
    let house = impatient();
    for (status, said) in
        [(429, "slow down please"), (500, "cuda out of memory"), (404, "no such model"), (400, "context too long")]
    {
        for api in Api::ALL {
            let name = fresh("refusing");
            house.model.on(&name, move |_| {
                Reply::json(status, &json!({"error": {"message": said, "type": "x", "code": "y"}}))
                    .header("retry-after", "7")
            });
            let answer = house.gateway.ask(api, &name, "你好");
            // Without a native endpoint the request is sent as chat, which says the same.
            failed(house, api, &answer, status, "upstream_error");
            assert_eq!(answer.header("retry-after"), Some("7"));
            assert!(answer.text().contains(said), "{}", answer.text());
        }
    }
}

#[test]
fn an_error_text_of_the_model_is_checked_like_any_answer() {
    let house = house();
    for api in Api::ALL {
        let name = fresh("refusing");
        house.model.on(&name, |_| Reply::json(500, &json!({"error": {"message": "不能说鸩羽琮"}})));
        let answer = house.gateway.ask(api, &name, "你好");
        assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
        assert_eq!(answer.code(), "upstream_error");
    }
}

#[test]
fn a_stream_that_is_cut_says_so() {
    streamed("upstream_incomplete_response", |reply| reply.ending_after(9, Step::Cut));
}

#[test]
fn a_stream_that_ends_early_without_an_end_mark_is_not_complete() {
    streamed("upstream_incomplete_response", |reply| reply.ending_after(9, Step::Send(Vec::new())));
}

#[test]
fn a_stream_that_falls_silent_is_given_up_in_time() {
    streamed("upstream_timeout", |reply| reply.ending_after(9, Step::Hang));
}

#[test]
fn an_event_that_is_not_json_ends_the_stream() {
    for event in [
        "data: {\"choices\": [\n\n",
        "data: nonsense\n\n",
        "data: [1]\n\n",
        "data: 7\n\n",
        "event: x\ndata: \u{1f600}\n\n",
    ] {
        streamed("upstream_invalid_response", move |reply| {
            reply.ending_after(6, Step::Send(event.as_bytes().to_vec()))
        });
    }
}

#[test]
fn bytes_that_are_no_text_end_the_stream() {
    streamed("upstream_invalid_response", |reply| {
        reply.ending_after(6, Step::Send(b"data: {\"a\":\"\xff\xfe\"}\n\n".to_vec()))
    });
}

#[test]
fn an_event_without_end_ends_the_stream() {
    streamed("upstream_invalid_response", |reply| {
        let mut endless = b"data: {\"a\":\"".to_vec();
        endless.extend(vec![b'a'; 60_000]);
        reply.ending_after(6, Step::Send(endless))
    });
}

#[test]
fn an_error_that_the_model_reports_in_its_stream_is_passed_on_in_our_words() {
    streamed("upstream_error", |reply| {
        let event = "event: error\ndata: {\"type\":\"error\",\"error\":{\"message\":\"gpu 3 at 10.0.0.7 died\"}}\n\n";
        reply.ending_after(6, Step::Send(event.as_bytes().to_vec()))
    });
}

#[test]
fn a_stream_of_other_line_ends_comments_and_split_lines_is_read_as_it_is_meant() {
    let house = impatient();
    let name = fresh("odd");
    house.model.on(&name, |_| {
        let frame = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}}]}).to_string();
        let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let text = format!(
            "\u{feff}: hello\r\n\r\nid: 1\r\nretry: 10\r\ndata: {}\r\n\r\ndata:{}\r\rdata: {end}\n\ndata: [DONE]",
            frame("春眠"),
            frame("不觉晓")
        );
        Reply::stream(text.into_bytes().chunks(3).map(|c| Step::Send(c.to_vec())).collect())
    });
    let answer = house.gateway.stream(Api::Chat, &name, "你好");
    assert_eq!(answer.said(Api::Chat), "春眠不觉晓", "{}", answer.text());
    assert!(Api::Chat.ended(&answer.frames));
}

#[test]
fn a_comment_of_the_model_is_no_way_around_the_guard() {
    let house = house();
    let name = fresh("comment");
    house.model.on(&name, |_| {
        Reply::events(
            ": 鸩羽琮\nid: 鸩羽琮\nretry: 鸩羽琮\n鸩羽琮: x\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"好\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        )
    });
    let answer = house.gateway.stream(Api::Chat, &name, "你好");
    assert!(!touches(&answer.text(), LEAK), "{}", answer.text());
    assert_eq!(answer.said(Api::Chat), "好");
}

#[test]
fn whole_and_streamed_answers_are_not_taken_for_each_other() {
    let house = impatient();
    for api in Api::ALL {
        let name = fresh("mixed");
        house.model.on(&name, |_| Reply::json(200, &json!({"choices": []})));
        failed(house, api, &house.gateway.stream(api, &name, "你好"), 502, "upstream_invalid_response");
        let name = fresh("mixed");
        house.model.on(&name, |_| Reply::events("data: [DONE]\n\n"));
        failed(house, api, &house.gateway.ask(api, &name, "你好"), 502, "upstream_invalid_response");
    }
}

#[test]
fn an_answer_that_nothing_changes_passes_byte_for_byte() {
    let house = house();
    let odd = "{ \"id\":\"x\",\"object\":\"chat.completion\", \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\\u597d \\/\"},\"finish_reason\":\"stop\"}],\n \"created\":1e3, \"big\":123456789012345678901234567890 , \"vendor\":{\"a\":[null]}}";
    let name = fresh("odd");
    house.model.on(&name, move |_| Reply::body(200, "application/json", odd));
    assert_eq!(house.gateway.ask(Api::Chat, &name, "你好").text(), odd);
}

#[test]
fn a_finished_stream_passes_with_every_frame_and_field() {
    let house = house();
    for api in Api::ALL {
        let name = fresh("frames");
        let saying = Saying::text("春眠不觉晓。").reasoning("想一想。").calling("f", "{\"a\":1}");
        let theirs = saying.clone();
        house.model.says(&name, saying);
        let answer = house.gateway.stream(api, &name, "你好");
        let direct = fresh("direct");
        house.model.says(&direct, theirs);
        let straight = menshen_testkit::Call::post(house.model.address(), api.path())
            .json(&api.ask_stream(&direct, "你好"))
            .send();
        let data = |a: &Answer| a.frames.iter().map(|f| (f.name.clone(), f.data.clone())).collect::<Vec<_>>();
        assert_eq!(data(&answer), data(&straight), "{api:?}");
        assert!(answer.header("cache-control").unwrap().contains("no-cache"));
    }
    let usage = house.record(&house.gateway.ask(Api::Chat, &fresh("usage"), "你好"))["timings"]["tokens"].clone();
    assert_eq!(usage, Value::from(7));
}
