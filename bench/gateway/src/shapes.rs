//! The three APIs' answers, whole and as events. What a client may check is right; what nobody reads is constant.

use serde_json::{Value, json};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Api {
    Chat,
    Responses,
    Messages,
}

/// What the model says.
pub enum Saying {
    Text(String),
    Call { name: String, arguments: String },
}

const CREATED: u64 = 1_700_000_000;

pub fn whole(api: Api, model: &str, saying: &Saying) -> Value {
    match api {
        Api::Chat => {
            let (message, finish) = match saying {
                Saying::Text(text) => (json!({"role": "assistant", "content": text, "refusal": null}), "stop"),
                Saying::Call { name, arguments } => (
                    json!({"role": "assistant", "content": null, "refusal": null, "tool_calls": [
                        {"id": "call_mock_1", "type": "function", "function": {"name": name, "arguments": arguments}}]}),
                    "tool_calls",
                ),
            };
            json!({"id": "chatcmpl-mock", "object": "chat.completion", "created": CREATED, "model": model,
                "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
                "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
                "system_fingerprint": "fp_mock"})
        }
        Api::Responses => response(model, "completed", &[item(saying, "completed")]),
        Api::Messages => {
            let (content, stop) = match saying {
                Saying::Text(text) => (json!([{"type": "text", "text": text}]), "end_turn"),
                Saying::Call { name, arguments } => {
                    let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({}));
                    (json!([{"type": "tool_use", "id": "toolu_mock_1", "name": name, "input": input}]), "tool_use")
                }
            };
            json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": model, "content": content,
                "stop_reason": stop, "stop_sequence": null, "usage": {"input_tokens": 11, "output_tokens": 7}})
        }
    }
}

fn response(model: &str, status: &str, output: &[Value]) -> Value {
    json!({"id": "resp_mock", "object": "response", "created_at": CREATED, "status": status, "model": model,
        "error": null, "incomplete_details": null, "instructions": null, "metadata": {}, "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": {"input_tokens": 11, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 18}})
}

fn item(saying: &Saying, status: &str) -> Value {
    match saying {
        Saying::Text(text) => json!({"type": "message", "id": "msg_mock", "status": status, "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}),
        Saying::Call { name, arguments } => json!({"type": "function_call", "id": "fc_mock", "call_id": "call_mock_1",
            "name": name, "arguments": arguments, "status": status}),
    }
}

/// The events of a streamed answer, framed. `chunks` as for [`crate::plan::pieces`].
pub fn events(api: Api, model: &str, saying: &Saying, chunks: usize, usage: bool) -> Vec<String> {
    match api {
        Api::Chat => chat_events(model, saying, chunks, usage),
        Api::Responses => response_events(model, saying, chunks),
        Api::Messages => message_events(model, saying, chunks),
    }
}

fn chat_events(model: &str, saying: &Saying, chunks: usize, usage: bool) -> Vec<String> {
    let frame = |choices: Value, usage: Option<Value>| {
        let mut body = json!({"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": CREATED,
            "model": model, "choices": choices});
        if let Some(usage) = usage {
            body["usage"] = usage;
        }
        format!("data: {body}\n\n")
    };
    let delta = |delta: Value, finish: Option<&str>| {
        frame(json!([{"index": 0, "delta": delta, "finish_reason": finish}]), None)
    };
    let mut out = vec![delta(json!({"role": "assistant", "content": ""}), None)];
    match saying {
        Saying::Text(text) => {
            out.extend(crate::plan::pieces(text, chunks).into_iter().map(|p| delta(json!({"content": p}), None)));
            out.push(delta(json!({}), Some("stop")));
        }
        Saying::Call { name, arguments } => {
            out.push(delta(
                json!({"tool_calls": [{"index": 0, "id": "call_mock_1", "type": "function",
                    "function": {"name": name, "arguments": ""}}]}),
                None,
            ));
            out.extend(
                crate::plan::pieces(arguments, chunks)
                    .into_iter()
                    .map(|p| delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": p}}]}), None)),
            );
            out.push(delta(json!({}), Some("tool_calls")));
        }
    }
    if usage {
        out.push(frame(json!([]), Some(json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}))));
    }
    out.push("data: [DONE]\n\n".into());
    out
}

fn named(kind: &str, mut body: Value) -> String {
    body["type"] = json!(kind);
    format!("event: {kind}\ndata: {body}\n\n")
}

fn response_events(model: &str, saying: &Saying, chunks: usize) -> Vec<String> {
    let mut steps: Vec<(&str, Value)> = vec![
        ("response.created", json!({"response": response(model, "in_progress", &[])})),
        ("response.in_progress", json!({"response": response(model, "in_progress", &[])})),
    ];
    match saying {
        Saying::Text(text) => {
            let empty = json!({"type": "message", "id": "msg_mock", "status": "in_progress", "role": "assistant",
                "content": []});
            let at = |mut body: Value| {
                body["item_id"] = json!("msg_mock");
                body["output_index"] = json!(0);
                body["content_index"] = json!(0);
                body
            };
            let part = |text: &str| json!({"part": {"type": "output_text", "text": text, "annotations": []}});
            steps.push(("response.output_item.added", json!({"output_index": 0, "item": empty})));
            steps.push(("response.content_part.added", at(part(""))));
            for piece in crate::plan::pieces(text, chunks) {
                steps.push(("response.output_text.delta", at(json!({"delta": piece, "logprobs": []}))));
            }
            steps.push(("response.output_text.done", at(json!({"text": text, "logprobs": []}))));
            steps.push(("response.content_part.done", at(part(text))));
        }
        Saying::Call { name, arguments } => {
            let at = |mut body: Value| {
                body["item_id"] = json!("fc_mock");
                body["output_index"] = json!(0);
                body
            };
            let start = Saying::Call { name: name.clone(), arguments: String::new() };
            steps.push(("response.output_item.added", json!({"output_index": 0, "item": item(&start, "in_progress")})));
            for piece in crate::plan::pieces(arguments, chunks) {
                steps.push(("response.function_call_arguments.delta", at(json!({"delta": piece}))));
            }
            steps.push(("response.function_call_arguments.done", at(json!({"arguments": arguments, "name": name}))));
        }
    }
    steps.push(("response.output_item.done", json!({"output_index": 0, "item": item(saying, "completed")})));
    let done = response(model, "completed", &[item(saying, "completed")]);
    steps.push(("response.completed", json!({"response": done})));
    steps
        .into_iter()
        .enumerate()
        .map(|(number, (kind, mut body))| {
            body["sequence_number"] = json!(number);
            named(kind, body)
        })
        .collect()
}

fn message_events(model: &str, saying: &Saying, chunks: usize) -> Vec<String> {
    let (block, deltas, stop): (Value, Vec<Value>, &str) = match saying {
        Saying::Text(text) => (
            json!({"type": "text", "text": ""}),
            crate::plan::pieces(text, chunks).into_iter().map(|p| json!({"type": "text_delta", "text": p})).collect(),
            "end_turn",
        ),
        Saying::Call { name, arguments } => (
            json!({"type": "tool_use", "id": "toolu_mock_1", "name": name, "input": {}}),
            crate::plan::pieces(arguments, chunks)
                .into_iter()
                .map(|p| json!({"type": "input_json_delta", "partial_json": p}))
                .collect(),
            "tool_use",
        ),
    };
    let start = json!({"id": "msg_mock", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 11, "output_tokens": 1}});
    let mut out = vec![
        named("message_start", json!({"message": start})),
        named("content_block_start", json!({"index": 0, "content_block": block})),
        named("ping", json!({})),
    ];
    out.extend(deltas.into_iter().map(|d| named("content_block_delta", json!({"index": 0, "delta": d}))));
    out.push(named("content_block_stop", json!({"index": 0})));
    out.push(named(
        "message_delta",
        json!({"delta": {"stop_reason": stop, "stop_sequence": null}, "usage": {"output_tokens": 7}}),
    ));
    out.push(named("message_stop", json!({})));
    out
}

/// One small vector an input; base64 of little-endian floats where the client asks for it, as OpenAI's package does.
pub fn embeddings(model: &str, request: &Value) -> Value {
    let count = match &request["input"] {
        Value::Array(many) if many.first().is_some_and(|v| v.is_string() || v.is_array()) => many.len(),
        _ => 1,
    };
    let vector = [0.25f32, -0.5, 0.75, 1.0];
    let data: Vec<Value> = (0..count)
        .map(|index| {
            let embedding = if request["encoding_format"] == "base64" {
                let bytes: Vec<u8> = vector.iter().flat_map(|f| f.to_le_bytes()).collect();
                json!(base64(&bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    json!({"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": 5, "total_tokens": 5}})
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            if i <= group.len() {
                out.push(char::from(ALPHABET[(word >> (18 - 6 * i) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn events_of_every_api_carry_the_whole_text() {
        for api in [Api::Chat, Api::Responses, Api::Messages] {
            let mut text = String::new();
            for frame in events(api, "m", &Saying::Text("春天的茶山".into()), 0, true) {
                let data = frame.lines().find_map(|l| l.strip_prefix("data: ")).unwrap();
                let Ok(body) = serde_json::from_str::<Value>(data) else { continue };
                for delta in [&body["choices"][0]["delta"]["content"], &body["delta"], &body["delta"]["text"]] {
                    text.push_str(delta.as_str().unwrap_or_default());
                }
            }
            assert_eq!(text, "春天的茶山");
        }
    }
}
