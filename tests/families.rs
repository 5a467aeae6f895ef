//! One guard behind every API: what one endpoint checks, its siblings check; and others call us without new code.

use menshen_testkit::{Api, Call, Reply, Saying, Upstream};
use serde_json::{Value, json};

use crate::support::{ADMIN, BANNED, House, LEAK, assert_error, fresh, house, probe, touches};

fn chat_only(more: &str) -> House {
    let model = Upstream::start();
    let gateway = probe().upstream_with(&model.url(), more).start();
    House { gateway, model }
}

/// A model that speaks chat completions and answers every other path with 404.
fn says_in_chat(model: &Upstream, name: &str, saying: Saying) {
    model.on(name, move |asked| {
        if asked.path.ends_with("/chat/completions") {
            saying.reply(asked)
        } else {
            Reply::json(404, &json!({"detail": "Not Found"}))
        }
    });
}

#[test]
fn messages_and_responses_work_in_front_of_a_model_that_only_speaks_chat() {
    for more in ["speaks = [\"chat\"]", ""] {
        let house = chat_only(more);
        for api in [Api::Responses, Api::Messages] {
            for stream in [false, true] {
                let name = fresh("translated");
                says_in_chat(&house.model, &name, Saying::text("从前有座山。").calling("look", "{\"at\":\"山\"}"));
                let mut body = api.talk(&name, &[("user", "你好"), ("assistant", "你好。"), ("user", "讲故事")]);
                body["stream"] = json!(stream);
                let (system, tools) = match api {
                    Api::Responses => (
                        "instructions",
                        json!([{"type": "function", "name": "look", "description": "看", "parameters": {"type": "object"}}]),
                    ),
                    _ => ("system", json!([{"name": "look", "description": "看", "input_schema": {"type": "object"}}])),
                };
                body[system] = json!("你是说书人。");
                body["tools"] = tools;
                let answer = house.gateway.post(api.path()).json(&body).send();
                assert_eq!(answer.status, 200, "{api:?}: {}", answer.text());
                let said = answer.said(api);
                assert!(
                    said.contains("从前有座山。") && said.contains("{\"at\":\"山\"}"),
                    "{api:?} stream={stream}: {}",
                    answer.text()
                );
                assert!(!stream || api.ended(&answer.frames), "{}", answer.text());
                let sent = house.model.received(&name).pop().unwrap();
                assert!(sent.path.ends_with("/chat/completions"));
                let roles: Vec<Value> =
                    sent.json()["messages"].as_array().unwrap().iter().map(|m| m["role"].clone()).collect();
                assert_eq!(roles, ["system", "user", "assistant", "user"]);
                assert_eq!(sent.json()["tools"][0]["function"]["name"], "look");
                assert_eq!(house.record(&answer)["attempts"]["translated"], true);
            }
        }
    }
}

#[test]
fn a_translated_answer_is_held_back_all_the_same() {
    let house = chat_only("speaks = [\"chat\"]");
    for api in [Api::Responses, Api::Messages] {
        for stream in [false, true] {
            for saying in [
                Saying::text("庙里有鸩羽琮和别的。"),
                Saying::text("好").reasoning("想到鸩羽琮了"),
                Saying::text("好").calling("f", "{\"a\":\"鸩羽琮\"}"),
            ] {
                let name = fresh("translated");
                says_in_chat(&house.model, &name, saying);
                let mut body = api.ask(&name, "讲故事");
                body["stream"] = json!(stream);
                let answer = house.gateway.post(api.path()).json(&body).send();
                assert!(!touches(&answer.text(), LEAK), "{api:?}: {}", answer.text());
                assert_eq!(api.finish(&answer.body, &answer.frames), api.filtered(), "{}", answer.text());
            }
        }
    }
}

#[test]
fn embeddings_are_guarded_like_chat() {
    let house = house();
    let embed = |input: Value| {
        house.gateway.post("/v1/embeddings").json(&json!({"model": fresh("embed"), "input": input})).send()
    };
    let fine = embed(json!(["你好", "再见"]));
    assert_eq!((fine.status, &fine.json()["data"][0]["embedding"]), (200, &json!([0.5, -0.25])));
    for input in [json!("说说龙渊会"), json!(["你好", "说说龙渊会"]), json!("赤焰秘方怎么配")] {
        assert_error(Api::Chat, &embed(input), 400, "content_policy_violation");
    }
    // Token ids are text that nobody here can read.
    assert_error(Api::Chat, &embed(json!([1, 2, 3])), 400, "invalid_request");
    // A question that has a standard answer still has an embedding.
    assert_eq!(embed(json!("墨渠工程的总设计师是谁")).json()["data"].as_array().unwrap().len(), 1);
    let name = fresh("embed");
    house.gateway.post("/v1/embeddings").json(&json!({"model": name, "input": "我的电话是13800138000"})).send();
    assert!(!house.model.received(&name)[0].text().contains("13800138000"));
}

#[test]
fn the_models_of_all_upstreams_are_listed() {
    let (one, two) = (Upstream::start(), Upstream::start());
    two.otherwise(|_| Reply::json(200, &json!({"object": "list", "data": [{"id": "second", "object": "model"}]})));
    let gateway = probe().upstream(&one.url()).upstream(&two.url()).upstream(&Upstream::nobody()).start();
    let list = gateway.get("/v1/models").send().json();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["scripted", "second"]);
}

#[test]
fn moderations_answer_in_the_13_categories() {
    let house = house();
    let ask = |input: Value| house.gateway.post("/v1/moderations").json(&json!({"input": input})).send();
    let answer = ask(json!(["今天天气不错", "你好"]));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["results"].as_array().unwrap().len(), 2);
    for result in json["results"].as_array().unwrap() {
        assert_eq!(result["flagged"], false);
        for member in ["categories", "category_scores", "category_applied_input_types"] {
            let names = result[member].as_object().unwrap();
            assert_eq!(names.len(), 13, "{member}");
            for name in
                ["hate", "hate/threatening", "illicit/violent", "self-harm/intent", "sexual/minors", "violence/graphic"]
            {
                assert!(names.contains_key(name), "{name}");
            }
        }
    }
    assert_eq!(ask(json!([{"type": "text", "text": "你好"}])).status, 200);
    assert_eq!(ask(json!(7)).status, 400);
}

#[test]
fn the_full_verdict_has_the_shape_of_the_command() {
    let house = house();
    let text = "我的手机号是13800138000，说说龙渊会";
    let rest = house.gateway.post("/v1/guard").json(&json!({"text": text, "id": 7, "side": "input"})).send().json();
    let command = house.gateway.run(&["check", "--json", text]);
    assert_eq!(command.code, 1, "{command:?}");
    let command = command.json();
    assert_eq!(
        (&rest["id"], &rest["disposition"], &rest["rule"]),
        (&json!("7"), &json!("block"), &json!("probe/banned@2"))
    );
    for member in ["disposition", "rule", "outcome", "side", "findings", "risk", "attack"] {
        assert_eq!(rest[member], command[member], "{member}");
    }
    let mobile = rest["findings"].as_array().unwrap().iter().find(|f| f["label"] == "mobile").unwrap();
    assert_eq!((&mobile["start"], &mobile["end"]), (&json!(18), &json!(29)));
    assert_eq!((&mobile["char_start"], &mobile["char_end"]), (&json!(6), &json!(17)));
    assert!(!rest["findings"].to_string().contains(BANNED), "evidence left");
    let items = json!({"items": [{"text": "你好"}, {"messages": [{"role": "user", "content": "龙渊会"}]}]});
    let several = house.gateway.post("/v1/guard").json(&items).send().json();
    assert_eq!(
        (&several["items"][0]["disposition"], &several["items"][1]["disposition"]),
        (&json!("pass"), &json!("block"))
    );
}

#[test]
fn an_fms_orchestrator_can_call_us_as_a_detector() {
    let house = house();
    let post = |path: &str, body: Value| house.gateway.post(path).header("detector-id", "menshen").json(&body).send();
    let contents = post(
        "/api/v1/text/contents",
        json!({"contents": ["我的手机13800138000请记住", "你好"], "detector_params": {}}),
    )
    .json();
    let hit = &contents[0][0];
    assert_eq!(
        (&hit["start"], &hit["end"], &hit["text"]),
        (&json!(4), &json!(15), &json!("13800138000")),
        "{contents}"
    );
    for member in ["detection", "detection_type", "score"] {
        assert!(!hit[member].is_null(), "{hit}");
    }
    assert_eq!(contents[1], json!([]));
    for (path, body) in [
        (
            "/api/v1/text/generation",
            json!({"prompt": "讲故事", "generated_text": "龙渊会的故事", "detector_params": {"threshold": 0.5}}),
        ),
        (
            "/api/v1/text/chat",
            json!({"messages": [{"role": "user", "content": "龙渊会"}], "tools": [], "detector_params": {}}),
        ),
        (
            "/api/v1/text/context/doc",
            json!({"content": "龙渊会", "context_type": "docs", "context": ["文档"], "detector_params": {}}),
        ),
        (
            "/api/v1/text/context/doc",
            json!({"content": "你好", "context_type": "chunks", "context": ["龙渊会"], "detector_params": {}}),
        ),
    ] {
        let found = post(path, body).json();
        let hit = found.as_array().unwrap().iter().find(|d| d["detection"] == "probe-banned").expect("nothing found");
        assert!(hit["score"].as_f64().unwrap() > 0.5 && hit["detection_type"].is_string(), "{path}: {found}");
    }
    assert_eq!(house.gateway.get("/health").send().status, 200);
}

#[test]
fn litellm_can_call_us_as_its_generic_guardrail() {
    let house = house();
    let ask = |body: Value| {
        house.gateway.post("/beta/litellm_basic_guardrail_api").header("x-api-key", "sk-any").json(&body).send().json()
    };
    assert_eq!(ask(json!({"input_type": "request", "texts": ["你好"]}))["action"], "NONE");
    let blocked = ask(json!({"input_type": "request", "texts": ["你好", "说说龙渊会"]}));
    assert_eq!(blocked["action"], "BLOCKED");
    assert!(!blocked["blocked_reason"].as_str().unwrap().contains(BANNED), "{blocked}");
    assert_eq!(ask(json!({"input_type": "response", "texts": ["鸩羽琮"]}))["action"], "BLOCKED");
    let masked = ask(json!({"input_type": "request", "texts": ["我的手机13800138000"]}));
    assert_eq!(masked["action"], "GUARDRAIL_INTERVENED");
    assert!(!masked["texts"][0].as_str().unwrap().contains("13800138000"));
    let call = json!({"input_type": "response", "texts": [], "tool_calls": [{"function": {"name": "f", "arguments": "{\"a\":\"鸩羽琮\"}"}}]});
    assert_eq!(ask(call)["action"], "BLOCKED");
    assert_eq!(
        ask(json!({"input_type": "request", "texts": ["看"], "images": ["data:image/png;base64,AAAA"]}))["action"],
        "BLOCKED"
    );
}

#[test]
fn openguardrails_clients_change_only_their_base_url() {
    let house = house();
    let body = |text: &str| json!({"model": "OpenGuardrails-Text", "messages": [{"role": "user", "content": text}]});
    let ask = |text: &str| house.gateway.post("/v1/guardrails").json(&body(text)).send().json();
    let fine = ask("你好");
    assert_eq!((&fine["suggest_action"], &fine["overall_risk_level"]), (&json!("pass"), &json!("no_risk")), "{fine}");
    assert_eq!(ask("说说龙渊会")["suggest_action"], "reject");
    let known = ask("墨渠工程的总设计师是谁");
    assert_eq!(known["suggest_action"], "replace");
    assert!(
        known["suggest_answer"].as_str().unwrap().contains("沈青梧") && known["matched_knowledge_base"].is_object()
    );
    for part in ["compliance", "security", "data"] {
        assert!(
            fine["result"][part]["risk_level"].is_string() && fine["result"][part]["categories"].is_array(),
            "{fine}"
        );
    }
    let output = json!({"input": "讲故事", "output": "鸩羽琮的故事"});
    assert_eq!(house.gateway.post("/v1/guardrails/output").json(&output).send().json()["suggest_action"], "reject");
}

#[test]
fn agentgateway_can_call_us_as_its_webhook() {
    let house = house();
    let request = |text: &str| {
        house
            .gateway
            .post("/request")
            .json(&json!({"body": {"messages": [{"role": "user", "content": text}]}}))
            .send()
            .json()
    };
    assert!(request("你好")["action"].get("body").is_none());
    assert_eq!(request("说说龙渊会")["action"]["status_code"], 403);
    let masked = request("我的手机13800138000");
    assert!(masked["action"]["body"]["messages"].is_array() && !masked.to_string().contains("13800138000"), "{masked}");
    let body = json!({"body": {"choices": [{"message": {"role": "assistant", "content": "鸩羽琮"}}]}});
    assert_eq!(house.gateway.post("/response").json(&body).send().json()["action"]["status_code"], 403);
}

#[test]
fn every_documented_route_answers_and_the_command_prints_the_same_document() {
    let house = house();
    let served = house.gateway.get("/openapi.json").send().json();
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    let printed = house.gateway.run(&["openapi"]).json();
    assert_eq!(served, printed);
    let mut count = 0;
    for (path, methods) in served["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            count += 1;
            let good = ["200", "303"].iter().any(|status| operation["responses"][status].is_object());
            assert!(operation["summary"].is_string() && good, "{method} {path}");
            let real = path.replace("{id}", "1").replace("{tenant}", "default").replace("{user}", "u");
            let call = Call::method(house.gateway.address(), &method.to_uppercase(), &real).key(ADMIN);
            if path.ends_with("/live") {
                // It has no end; that it begins is enough.
                assert_eq!(call.open().status, 200, "{path}");
                continue;
            }
            let answer = if method == "get" { call.send() } else { call.json(&json!({})).send() };
            // Complaints of strangers and sign-on are there where an operator set them up.
            let opened = ["/v1/complaints/public", "/console/api/oidc"].iter().any(|door| path.starts_with(door));
            let unknown_thing = (path.contains('{') || opened) && answer.status == 404;
            assert!(
                answer.status != 405 && (answer.status != 404 || unknown_thing),
                "{method} {path}: {}",
                answer.text()
            );
            assert!(answer.status < 500, "{method} {path}: {}", answer.text());
        }
    }
    assert!(count >= 30, "{count} routes");
    for path in [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/v1/models",
        "/v1/moderations",
        "/v1/guard",
        "/v1/guardrails",
        "/beta/litellm_basic_guardrail_api",
        "/api/v1/text/contents",
        "/api/v1/text/generation",
        "/api/v1/text/chat",
        "/api/v1/text/context/doc",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    ] {
        assert!(served["paths"][path].is_object(), "{path} is not documented");
    }
}

#[test]
fn traces_go_out_in_otlp_and_continue_the_callers() {
    let collector = Upstream::start();
    let url = format!("http://{}/v1/traces", collector.address());
    let mut house = House::start(probe().settings(&format!("[traces]\notlp_url = \"{url}\"")));
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let name = fresh("traced");
    let call = house
        .gateway
        .post(Api::Chat.path())
        .header("traceparent", parent)
        .json(&Api::Chat.ask(&name, "一句只有我知道的话"));
    assert_eq!(call.send().status, 200);
    house.gateway.terminate();
    assert_eq!(house.gateway.wait(), 0);
    let sent: String = collector.received("").iter().map(|r| r.text()).collect();
    assert!(sent.contains("4bf92f3577b34da6a3ce929d0e0e4736") && sent.contains("/v1/chat/completions"), "{sent}");
    assert!(!sent.contains("只有我知道"));
}
