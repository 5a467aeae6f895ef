//! Hostile and broken requests: a clear error in the API's own format, a record, no panic, and the program lives on.

use menshen_testkit::{Answer, Api, Call, Gate};
use serde_json::{Value, json};

use crate::support::{House, assert_error, fresh, house, impatient};

fn refused(house: &House, api: Api, answer: &Answer, status: u16, code: &str) {
    assert_error(api, answer, status, code);
    assert_eq!(answer.header("x-menshen-outcome"), Some("invalid"));
    let record = house.record(answer);
    assert_eq!((&record["outcome"], &record["api"]), (&json!("invalid"), &json!(api.name())), "{record}");
    assert_eq!(record["status"], status);
    assert!(record["error"].as_str().unwrap().starts_with(code), "{record}");
    house.gateway.assert_calm();
}

fn each(status: u16, code: &str, call: impl Fn(Call, Api) -> Call) {
    let house = impatient();
    for api in Api::ALL {
        refused(house, api, &call(house.gateway.post(api.path()), api).send(), status, code);
    }
}

#[test]
fn malformed_json_is_refused() {
    for body in ["", "{", "{\"model\":\"m\",}", "nonsense", "{} {}", "{\"model\":tru", "\u{feff}{}"] {
        each(400, "invalid_json", |call, _| call.bytes(body));
    }
}

#[test]
fn wrong_types_are_refused_with_the_parameter_at_fault() {
    let house = impatient();
    let wrong: [(Api, Value, &str); 16] = [
        (Api::Chat, json!([]), ""),
        (Api::Chat, json!("hello"), ""),
        (Api::Chat, json!({"messages": [{"role": "user", "content": "x"}]}), "model"),
        (Api::Chat, json!({"model": 7, "messages": []}), "model"),
        (Api::Chat, json!({"model": "m", "messages": {}}), "messages"),
        (Api::Chat, json!({"model": "m", "messages": []}), "messages"),
        (Api::Chat, json!({"model": "m", "messages": [null]}), "/messages/0"),
        (Api::Chat, json!({"model": "m", "messages": [{"role": "user", "content": {"a": 1}}]}), "/messages/0/content"),
        (Api::Chat, json!({"model": "m", "messages": [{"role": 1, "content": "x"}]}), "/messages/0/role"),
        (Api::Chat, json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": 1}), "stream"),
        (Api::Chat, json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "n": -1}), "n"),
        (Api::Responses, json!({"model": "m", "input": 7}), "input"),
        (Api::Responses, json!({"model": "m", "input": [7]}), "/input/0"),
        (Api::Messages, json!({"model": "m", "messages": "x"}), "messages"),
        (Api::Messages, json!({"model": "m", "messages": [{"content": "x"}]}), "/messages/0/role"),
        (
            Api::Messages,
            json!({"model": "m", "messages": [{"role": "user", "content": ["x"]}]}),
            "/messages/0/content/0",
        ),
    ];
    for (api, body, param) in wrong {
        let answer = house.gateway.post(api.path()).json(&body).send();
        refused(house, api, &answer, 400, "invalid_request");
        assert_eq!(answer.json()["error"]["param"], param, "{body}: {}", answer.text());
    }
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [200, 100_000] {
        let deep = format!("{{\"model\":\"m\",\"messages\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        each(400, "invalid_json", |call, _| call.bytes(deep.clone()));
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        each(400, "invalid_json", |call, _| call.bytes(objects.clone()));
    }
}

#[test]
fn nesting_that_json_allows_is_inspected_to_its_bottom() {
    let house = house();
    let mut deep = json!("龙渊会");
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let mut body = Api::Chat.ask("", "你好");
    body["documents"] = deep;
    let (answer, seen) = house.exchange(Api::Chat, &body, "不应出现");
    assert_eq!((answer.status, seen.len()), (400, 0), "{}", answer.text());
}

#[test]
fn invalid_utf8_is_refused() {
    each(400, "invalid_json", |call, _| {
        call.bytes(b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}")
    });
    each(400, "invalid_json", |call, _| call.bytes(b"\x80"));
}

#[test]
fn lone_surrogates_are_refused() {
    for escape in [r"\ud800", r"\udc00", r"\ud800\ud800", r"\ud83dx"] {
        each(400, "invalid_json", |call, api| call.bytes(api.ask("m", "XX").to_string().replace("XX", escape)));
    }
}

#[test]
fn a_character_in_two_escaped_halves_is_read_as_one() {
    let house = house();
    let name = fresh("halves");
    let body = Api::Chat.ask(&name, "XX").to_string().replace("XX", r"\ud83d\ude00");
    assert_eq!(house.gateway.post(Api::Chat.path()).bytes(body).send().status, 200);
    assert!(house.model.received(&name)[0].text().contains('😀'));
}

#[test]
fn compressed_bodies_and_other_types_are_refused() {
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        each(415, "unsupported_media_type", |call, api| {
            call.header("content-encoding", encoding).json(&api.ask("m", "你好"))
        });
    }
    for kind in ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "text/html; charset=utf-8"] {
        each(415, "unsupported_media_type", |call, api| call.typed(kind, api.ask("m", "你好").to_string()));
    }
}

#[test]
fn a_web_page_cannot_post_without_naming_a_type() {
    each(415, "unsupported_media_type", |call, api| {
        call.header("origin", "https://elsewhere.example").typed("", api.ask("m", "你好").to_string())
    });
}

#[test]
fn a_body_of_100_mb_is_refused_whether_or_not_it_says_so() {
    let house = impatient();
    for chunked in [false, true] {
        for api in Api::ALL {
            let huge = api.ask("m", "大").to_string().replace('大', &"a".repeat(100 << 20));
            let call = house.gateway.post(api.path()).bytes(huge);
            let call = if chunked { call.chunked() } else { call };
            refused(house, api, &call.send(), 413, "request_too_large");
        }
    }
}

#[test]
fn a_body_that_is_shorter_than_stated_is_refused() {
    each(408, "request_timeout", |call, api| {
        let body = api.ask("m", "你好").to_string();
        let length = body.len() + 10;
        call.bytes(body).stating_length(length)
    });
}

#[test]
fn a_slow_client_is_refused_and_holds_nobody_up() {
    let house = impatient();
    let gate = Gate::new();
    let slow = house.gateway.post(Api::Chat.path()).json(&Api::Chat.ask("m", "你好")).holding(10, &gate);
    let waiting = std::thread::spawn(move || slow.send());
    assert_eq!(house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "好").0.status, 200);
    refused(house, Api::Chat, &waiting.join().unwrap(), 408, "request_timeout");
    gate.open();
}

#[test]
fn a_client_that_says_no_http_at_all_harms_nobody() {
    use std::io::{Read, Write};
    let house = impatient();
    for bytes in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n", &[0u8; 70_000]] {
        let mut socket = std::net::TcpStream::connect(house.gateway.address()).unwrap();
        drop(socket.write_all(bytes));
        drop(socket.shutdown(std::net::Shutdown::Write));
        drop(socket.read_to_end(&mut Vec::new()));
    }
    house.gateway.assert_calm();
}

#[test]
fn a_member_that_is_there_twice_means_the_same_to_us_and_to_the_model() {
    let house = house();
    let name = fresh("twice");
    let body = format!(
        r#"{{"model":"{name}","messages":[{{"role":"user","content":"龙渊会","content":"你好"}}],"messages":[{{"role":"user","content":"你好"}}]}}"#
    );
    let answer = house.gateway.post(Api::Chat.path()).bytes(body).send();
    let sent: Vec<String> = house.model.received(&name).iter().map(|r| r.text()).collect();
    assert!(!sent.iter().any(|s| s.contains("龙渊会")), "{} {sent:?}", answer.status);
}

#[test]
fn checking_apis_refuse_bad_input_in_their_own_format() {
    let house = impatient();
    for path in ["/api/v1/text/contents", "/api/v1/text/generation", "/api/v1/text/chat", "/api/v1/text/context/doc"] {
        for (body, status) in [("{", 400), ("[]", 400), ("{\"contents\": 7}", 400)] {
            let answer = house.gateway.post(path).bytes(body).send();
            assert_eq!(answer.status, status, "{path} {body}: {}", answer.text());
            let json = answer.json();
            assert_eq!(json["code"], status, "{path}: {json}");
            assert!(json["message"].is_string(), "{path}: {json}");
        }
        let gzip = house.gateway.post(path).header("content-encoding", "gzip").bytes("x").send();
        assert_eq!((gzip.status, &gzip.json()["code"]), (415, &json!(415)));
    }
    for path in [
        "/v1/guard",
        "/v1/moderations",
        "/v1/guardrails",
        "/v1/guardrails/input",
        "/v1/guardrails/output",
        "/beta/litellm_basic_guardrail_api",
        "/request",
        "/response",
        "/v1/embeddings",
    ] {
        for body in ["{", "[7]", "{\"text\": 7, \"input\": 7, \"messages\": 7, \"texts\": 7, \"body\": 7}"] {
            let answer = house.gateway.post(path).bytes(body).send();
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
            assert!(["invalid_json", "invalid_request"].contains(&answer.code().as_str()), "{path}: {}", answer.text());
        }
    }
    house.gateway.assert_calm();
}

#[test]
fn bad_input_to_a_checking_api_is_recorded() {
    let house = impatient();
    for path in ["/api/v1/text/contents", "/v1/guard", "/v1/moderations", "/beta/litellm_basic_guardrail_api"] {
        let answer = house.gateway.post(path).bytes("{").send();
        let record = house.record(&answer);
        assert_eq!(record["outcome"], "invalid", "{path}: {record}");
    }
}

#[test]
fn unknown_paths_and_methods_are_refused_in_the_format_of_their_neighbours() {
    let house = impatient();
    let address = house.gateway.address();
    let answer = Call::get(address, "/v1/nothing").send();
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    let answer = Call::get(address, "/v1/messages/batches").send();
    assert_eq!((answer.status, &answer.json()["type"]), (404, &json!("error")));
    let answer = Call::get(address, "/v1/chat/completions").send();
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    let answer = Call::get(address, "/api/v1/text/contents").send();
    assert_eq!((answer.status, &answer.json()["code"]), (405, &json!(405)));
}
