//! The three conversing APIs as a client writes and reads them, and what a model says in each.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::upstream::{Received, Reply, Step};
use crate::{Frame, Gate};

/// A conversing API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
}

impl Api {
    /// All three.
    pub const ALL: [Api; 3] = [Api::Chat, Api::Responses, Api::Messages];

    /// Its path, as clients and upstreams know it.
    pub const fn path(self) -> &'static str {
        match self {
            Api::Chat => "/v1/chat/completions",
            Api::Responses => "/v1/responses",
            Api::Messages => "/v1/messages",
        }
    }

    /// Its name in the audit.
    pub const fn name(self) -> &'static str {
        match self {
            Api::Chat => "chat",
            Api::Responses => "responses",
            Api::Messages => "messages",
        }
    }

    /// A question by one user.
    pub fn ask(self, model: &str, text: &str) -> Value {
        self.talk(model, &[("user", text)])
    }

    /// The same, to be streamed.
    pub fn ask_stream(self, model: &str, text: &str) -> Value {
        let mut body = self.ask(model, text);
        body["stream"] = Value::from(true);
        body
    }

    /// A conversation of (role, text).
    pub fn talk(self, model: &str, turns: &[(&str, &str)]) -> Value {
        let turns: Vec<Value> = turns.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
        match self {
            Api::Chat => json!({"model": model, "messages": turns}),
            Api::Responses => json!({"model": model, "input": turns}),
            Api::Messages => json!({"model": model, "max_tokens": 64, "messages": turns}),
        }
    }

    /// The texts of an answer that came whole.
    pub fn texts(self, body: &Value) -> Vec<String> {
        let mut out = Vec::new();
        let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
        let mut push = |v: &Value| {
            if let Some(text) = v.as_str() {
                out.push(text.to_owned());
            }
        };
        match self {
            Api::Chat => {
                for choice in list(&body["choices"]) {
                    let message = &choice["message"];
                    push(&message["reasoning_content"]);
                    push(&message["content"]);
                    for call in list(&message["tool_calls"]) {
                        push(&call["function"]["arguments"]);
                    }
                }
            }
            Api::Responses => {
                for item in list(&body["output"]) {
                    for part in list(&item["summary"]).iter().chain(&list(&item["content"])) {
                        push(&part["text"]);
                    }
                    push(&item["arguments"]);
                }
            }
            Api::Messages => {
                for block in list(&body["content"]) {
                    push(&block["thinking"]);
                    push(&block["text"]);
                    if block["input"].is_object() {
                        push(&Value::from(block["input"].to_string()));
                    }
                }
            }
        }
        out
    }

    /// The texts of a stream, each channel put together as a client does it.
    pub fn streamed(self, frames: &[Frame]) -> String {
        let mut channels: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |key: String, value: &Value| {
            if let Some(text) = value.as_str() {
                channels.entry(key).or_default().push_str(text);
            }
        };
        for json in frames.iter().map(Frame::json) {
            match self {
                Api::Chat => {
                    for choice in json["choices"].as_array().into_iter().flatten() {
                        let (index, delta) = (&choice["index"], &choice["delta"]);
                        add(format!("{index}/content"), &delta["content"]);
                        add(format!("{index}/reasoning"), &delta["reasoning_content"]);
                        for call in delta["tool_calls"].as_array().into_iter().flatten() {
                            add(format!("{index}/tool{}", call["index"]), &call["function"]["arguments"]);
                        }
                    }
                }
                Api::Responses => {
                    let kind = json["type"].as_str().unwrap_or_default();
                    if kind.ends_with(".delta") {
                        let part = if json["content_index"].is_null() {
                            &json["summary_index"]
                        } else {
                            &json["content_index"]
                        };
                        add(format!("{}/{part}/{kind}", json["output_index"]), &json["delta"]);
                    }
                }
                Api::Messages => {
                    for (name, value) in json["delta"].as_object().into_iter().flatten() {
                        if matches!(name.as_str(), "text" | "thinking" | "partial_json") {
                            add(format!("{}/{name}", json["index"]), value);
                        }
                    }
                }
            }
        }
        channels.into_values().collect()
    }

    /// Why the answer ended, from its body or its frames.
    pub fn finish(self, body: &[u8], frames: &[Frame]) -> String {
        let whole: Value = serde_json::from_slice(body).unwrap_or_default();
        let all = frames.iter().map(Frame::json).chain([whole]);
        let mut last = String::new();
        for json in all {
            let reason = match self {
                Api::Chat => json["choices"][0]["finish_reason"].clone(),
                Api::Responses => {
                    let response = if json["response"].is_object() { &json["response"] } else { &json };
                    match response["status"].as_str() {
                        Some("incomplete") => response["incomplete_details"]["reason"].clone(),
                        Some("completed") => Value::from("completed"),
                        _ => Value::Null,
                    }
                }
                Api::Messages => {
                    if json["delta"]["stop_reason"].is_string() {
                        json["delta"]["stop_reason"].clone()
                    } else {
                        json["stop_reason"].clone()
                    }
                }
            };
            if let Some(reason) = reason.as_str() {
                reason.clone_into(&mut last);
            }
        }
        last
    }

    /// What `finish` says when the content policy ended the answer.
    pub const fn filtered(self) -> &'static str {
        match self {
            Api::Chat | Api::Responses => "content_filter",
            Api::Messages => "refusal",
        }
    }

    /// Whether the stream came to the end mark of its API.
    pub fn ended(self, frames: &[Frame]) -> bool {
        let last = frames.last().map(|f| (f.data.clone(), f.json()));
        last.is_some_and(|(data, json)| match self {
            Api::Chat => data == "[DONE]",
            Api::Responses => {
                matches!(json["type"].as_str(), Some("response.completed" | "response.incomplete" | "response.failed"))
            }
            Api::Messages => json["type"] == "message_stop",
        })
    }

    fn of(path: &str) -> Api {
        match path.rsplit('/').next() {
            Some("responses") => Api::Responses,
            Some("messages") => Api::Messages,
            _ => Api::Chat,
        }
    }
}

/// What a scripted model says, in whichever API it is asked.
#[derive(Debug, Clone, Default)]
pub struct Saying {
    /// One a choice (only chat has several).
    texts: Vec<String>,
    reasoning: Option<String>,
    call: Option<(String, String)>,
    pieces: Option<Vec<String>>,
    gates: Vec<(usize, Gate, Gate)>,
}

impl Saying {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Saying { texts: vec![text.into()], ..Saying::default() }
    }

    /// Several choices.
    pub fn choices(texts: &[&str]) -> Self {
        Saying { texts: texts.iter().map(|t| (*t).to_owned()).collect(), ..Saying::default() }
    }

    /// Thinks aloud first.
    #[must_use]
    pub fn reasoning(mut self, text: &str) -> Self {
        self.reasoning = Some(text.to_owned());
        self
    }

    /// Calls a tool at the end; `arguments` is JSON.
    #[must_use]
    pub fn calling(mut self, name: &str, arguments: &str) -> Self {
        self.call = Some((name.to_owned(), arguments.to_owned()));
        self
    }

    /// Streams the first text in these pieces instead of a character at a time.
    #[must_use]
    pub fn in_pieces(mut self, pieces: &[&str]) -> Self {
        self.pieces = Some(pieces.iter().map(|p| (*p).to_owned()).collect());
        self
    }

    /// Before piece `at` of the first text goes out, opens `here` and waits for `on`.
    #[must_use]
    pub fn pausing(mut self, at: usize, here: &Gate, on: &Gate) -> Self {
        self.gates.push((at, here.clone(), on.clone()));
        self
    }

    fn split(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    /// The reply to a request, streamed when it asks for that.
    pub fn reply(&self, asked: &Received) -> Reply {
        let stream = asked.json()["stream"] == true;
        match (Api::of(&asked.path), stream) {
            (Api::Chat, false) => Reply::json(200, &self.chat(asked)),
            (Api::Responses, false) => Reply::json(200, &self.response("completed")),
            (Api::Messages, false) => Reply::json(200, &self.message()),
            (api, true) => {
                let mut steps = Vec::new();
                match api {
                    Api::Chat => self.chat_frames(&mut steps),
                    Api::Responses => self.response_frames(&mut steps),
                    Api::Messages => self.message_frames(&mut steps),
                }
                Reply::stream(steps)
            }
        }
    }

    fn first(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }

    fn chat(&self, asked: &Received) -> Value {
        let choices: Vec<Value> = self
            .texts
            .iter()
            .enumerate()
            .map(|(i, text)| {
                let mut message = json!({"role": "assistant", "content": text});
                if let Some(reasoning) = &self.reasoning {
                    message["reasoning_content"] = Value::from(reasoning.as_str());
                }
                if let Some((name, arguments)) = &self.call {
                    message["tool_calls"] = json!([{"id": "call_1", "type": "function",
                        "function": {"name": name, "arguments": arguments}}]);
                }
                json!({"index": i, "message": message, "finish_reason": if self.call.is_some() { "tool_calls" } else { "stop" }})
            })
            .collect();
        json!({"id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": asked.model(), "choices": choices,
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, "system_fingerprint": "fp_scripted"})
    }

    fn pieces(&self) -> Vec<String> {
        self.pieces.clone().unwrap_or_else(|| Saying::split(self.first()))
    }

    /// Puts the first text's frames out, with its pauses.
    fn paced(&self, steps: &mut Vec<Step>, frame: &dyn Fn(&str) -> Vec<u8>) {
        for (i, piece) in self.pieces().iter().enumerate() {
            for (_, here, on) in self.gates.iter().filter(|(at, ..)| *at == i) {
                steps.push(Step::Open(here.clone()));
                steps.push(Step::Wait(on.clone()));
            }
            steps.push(Step::Send(frame(piece)));
        }
    }

    fn chat_frames(&self, steps: &mut Vec<Step>) {
        let chunk = |index: usize, delta: Value, finish: Option<&str>| {
            data(&json!({"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "up",
                "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}))
        };
        for i in 0..self.texts.len().max(1) {
            steps.push(Step::Send(chunk(i, json!({"role": "assistant", "content": ""}), None)));
        }
        for piece in self.reasoning.iter().flat_map(|r| Saying::split(r)) {
            steps.push(Step::Send(chunk(0, json!({"reasoning_content": piece}), None)));
        }
        self.paced(steps, &|piece| chunk(0, json!({"content": piece}), None));
        for (i, text) in self.texts.iter().enumerate().skip(1) {
            for piece in Saying::split(text) {
                steps.push(Step::Send(chunk(i, json!({"content": piece}), None)));
            }
        }
        if let Some((name, arguments)) = &self.call {
            let begun = json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                "function": {"name": name, "arguments": ""}}]});
            steps.push(Step::Send(chunk(0, begun, None)));
            for piece in Saying::split(arguments) {
                let delta = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
                steps.push(Step::Send(chunk(0, delta, None)));
            }
        }
        let reason = if self.call.is_some() { "tool_calls" } else { "stop" };
        for i in 0..self.texts.len().max(1) {
            steps.push(Step::Send(chunk(i, json!({}), Some(reason))));
        }
        steps.push(Step::Send(b"data: [DONE]\n\n".to_vec()));
    }

    fn items(&self) -> Vec<Value> {
        let mut items = Vec::new();
        if let Some(reasoning) = &self.reasoning {
            items.push(
                json!({"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": reasoning}]}),
            );
        }
        items.push(json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": self.first(), "annotations": []}]}));
        if let Some((name, arguments)) = &self.call {
            items.push(json!({"id": "fc_1", "type": "function_call", "call_id": "call_1", "status": "completed",
                "name": name, "arguments": arguments}));
        }
        items
    }

    fn response(&self, status: &str) -> Value {
        let output = if status == "completed" { self.items() } else { Vec::new() };
        json!({"id": "resp_up", "object": "response", "created_at": 1, "status": status, "model": "up", "error": null,
            "incomplete_details": null, "output": output,
            "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}})
    }

    fn response_frames(&self, steps: &mut Vec<Step>) {
        let number = std::cell::Cell::new(0);
        let event = |kind: &str, mut body: Value| {
            body["type"] = Value::from(kind);
            body["sequence_number"] = Value::from(number.replace(number.get() + 1));
            named(kind, &body)
        };
        for kind in ["response.created", "response.in_progress"] {
            steps.push(Step::Send(event(kind, json!({"response": self.response("in_progress")}))));
        }
        for (index, item) in self.items().iter().enumerate() {
            let at = |mut body: Value| {
                body["output_index"] = Value::from(index);
                body["item_id"] = item["id"].clone();
                body
            };
            let mut begun = item.clone();
            for name in ["content", "summary"] {
                if begun[name].is_array() {
                    begun[name] = json!([]);
                }
            }
            if begun["arguments"].is_string() {
                begun["arguments"] = Value::from("");
            }
            if let Some(members) = begun.as_object_mut() {
                members.retain(|_, v| !v.is_null());
            }
            steps.push(Step::Send(event("response.output_item.added", json!({"output_index": index, "item": begun}))));
            match item["type"].as_str() {
                Some("reasoning") => {
                    let text = self.reasoning.clone().unwrap_or_default();
                    for piece in Saying::split(&text) {
                        let body = at(json!({"summary_index": 0, "delta": piece}));
                        steps.push(Step::Send(event("response.reasoning_summary_text.delta", body)));
                    }
                    let body = at(json!({"summary_index": 0, "text": text}));
                    steps.push(Step::Send(event("response.reasoning_summary_text.done", body)));
                }
                Some("function_call") => {
                    let arguments = item["arguments"].as_str().unwrap_or_default();
                    for piece in Saying::split(arguments) {
                        steps.push(Step::Send(event(
                            "response.function_call_arguments.delta",
                            at(json!({"delta": piece})),
                        )));
                    }
                    let body = at(json!({"arguments": arguments}));
                    steps.push(Step::Send(event("response.function_call_arguments.done", body)));
                }
                _ => {
                    let part = json!({"type": "output_text", "text": "", "annotations": []});
                    steps.push(Step::Send(event(
                        "response.content_part.added",
                        at(json!({"content_index": 0, "part": part})),
                    )));
                    self.paced(steps, &|piece| {
                        event("response.output_text.delta", at(json!({"content_index": 0, "delta": piece})))
                    });
                    let body = at(json!({"content_index": 0, "text": self.first()}));
                    steps.push(Step::Send(event("response.output_text.done", body)));
                    let body = at(json!({"content_index": 0, "part": item["content"][0]}));
                    steps.push(Step::Send(event("response.content_part.done", body)));
                }
            }
            steps.push(Step::Send(event("response.output_item.done", json!({"output_index": index, "item": item}))));
        }
        steps.push(Step::Send(event("response.completed", json!({"response": self.response("completed")}))));
    }

    fn blocks(&self) -> Vec<Value> {
        let mut blocks = Vec::new();
        if let Some(reasoning) = &self.reasoning {
            blocks.push(json!({"type": "thinking", "thinking": reasoning, "signature": "c2ln"}));
        }
        blocks.push(json!({"type": "text", "text": self.first()}));
        if let Some((name, arguments)) = &self.call {
            let input: Value = serde_json::from_str(arguments).unwrap_or_default();
            blocks.push(json!({"type": "tool_use", "id": "toolu_1", "name": name, "input": input}));
        }
        blocks
    }

    fn message(&self) -> Value {
        json!({"id": "msg_up", "type": "message", "role": "assistant", "model": "up", "content": self.blocks(),
            "stop_reason": if self.call.is_some() { "tool_use" } else { "end_turn" }, "stop_sequence": null,
            "usage": {"input_tokens": 3, "output_tokens": 4}})
    }

    fn message_frames(&self, steps: &mut Vec<Step>) {
        let event = |kind: &str, mut body: Value| {
            body["type"] = Value::from(kind);
            named(kind, &body)
        };
        let mut begun = self.message();
        begun["content"] = json!([]);
        begun["stop_reason"] = Value::Null;
        steps.push(Step::Send(event("message_start", json!({"message": begun}))));
        for (index, block) in self.blocks().iter().enumerate() {
            let delta = |delta: Value| event("content_block_delta", json!({"index": index, "delta": delta}));
            let empty = match block["type"].as_str() {
                Some("thinking") => json!({"type": "thinking", "thinking": "", "signature": ""}),
                Some("tool_use") => json!({"type": "tool_use", "id": "toolu_1", "name": block["name"], "input": {}}),
                _ => json!({"type": "text", "text": ""}),
            };
            steps.push(Step::Send(event("content_block_start", json!({"index": index, "content_block": empty}))));
            match block["type"].as_str() {
                Some("thinking") => {
                    for piece in self.reasoning.iter().flat_map(|r| Saying::split(r)) {
                        steps.push(Step::Send(delta(json!({"type": "thinking_delta", "thinking": piece}))));
                    }
                }
                Some("tool_use") => {
                    for piece in self.call.iter().flat_map(|(_, a)| Saying::split(a)) {
                        steps.push(Step::Send(delta(json!({"type": "input_json_delta", "partial_json": piece}))));
                    }
                }
                _ => self.paced(steps, &|piece| delta(json!({"type": "text_delta", "text": piece}))),
            }
            steps.push(Step::Send(event("content_block_stop", json!({"index": index}))));
        }
        let reason = if self.call.is_some() { "tool_use" } else { "end_turn" };
        let end = json!({"delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 4}});
        steps.push(Step::Send(event("message_delta", end)));
        steps.push(Step::Send(event("message_stop", json!({}))));
    }
}

fn data(body: &Value) -> Vec<u8> {
    format!("data: {body}\n\n").into_bytes()
}

fn named(kind: &str, body: &Value) -> Vec<u8> {
    format!("event: {kind}\ndata: {body}\n\n").into_bytes()
}
