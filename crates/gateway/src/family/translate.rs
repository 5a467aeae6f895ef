//! Messages and Responses in front of a model that only speaks chat completions.
//!
//! The translation sits at the upstream's edge: what comes back is turned into the client's API before it is held back
//! and checked, so the rest of the gateway knows one wire format a request. Fields that chat completions lack are left
//! out; fields that would change the meaning of the request and cannot be carried are refused by name.

use serde_json::{Map, Value, json};

use super::{Frame, unix_s};
use crate::error::{Failure, GatewayError, invalid};
use crate::sse::Event;

/// Whether an API can be carried over chat completions.
pub fn possible(api: &str) -> bool {
    matches!(api, "messages" | "responses")
}

/// The chat request that asks the same.
///
/// # Errors
/// When the request uses what chat completions cannot carry; the error names the parameter.
pub fn request(api: &str, body: &Value, stream: bool) -> Result<Value, GatewayError> {
    let mut chat = match api {
        "messages" => from_messages(body)?,
        "responses" => from_responses(body)?,
        _ => return Err(GatewayError::new(Failure::Internal, "this API cannot be translated")),
    };
    if stream {
        chat["stream"] = Value::from(true);
        chat["stream_options"] = json!({"include_usage": true});
    }
    Ok(chat)
}

fn cannot(param: impl Into<String>) -> GatewayError {
    invalid(param, "the model behind this gateway offers chat completions only, which cannot carry this")
}

fn copy(from: &Value, to: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (name, chat_name) in names {
        if let Some(value) = from.get(*name).filter(|v| !v.is_null()) {
            to.insert((*chat_name).to_owned(), value.clone());
        }
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|p| p.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn from_messages(body: &Value) -> Result<Value, GatewayError> {
    let mut chat = Map::new();
    copy(
        body,
        &mut chat,
        &[
            ("model", "model"),
            ("max_tokens", "max_tokens"),
            ("temperature", "temperature"),
            ("top_p", "top_p"),
            ("stop_sequences", "stop"),
        ],
    );
    let mut messages = Vec::new();
    let system = body.get("system").map(text_of).unwrap_or_default();
    if !system.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    for (i, message) in body.get("messages").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let role = message.get("role").and_then(Value::as_str).unwrap_or("user");
        let blocks = match message.get("content") {
            Some(Value::Array(blocks)) => blocks.clone(),
            Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
            _ => Vec::new(),
        };
        let mut parts = Vec::new();
        let mut calls = Vec::new();
        for (j, block) in blocks.iter().enumerate() {
            match block.get("type").and_then(Value::as_str).unwrap_or_default() {
                "text" => parts.push(json!({"type": "text", "text": block["text"]})),
                "thinking" | "redacted_thinking" => {}
                "image" => parts.push(image(block).ok_or_else(|| cannot(format!("/messages/{i}/content/{j}")))?),
                "tool_use" => calls.push(json!({
                    "id": block["id"], "type": "function",
                    "function": {"name": block["name"], "arguments": block["input"].to_string()},
                })),
                "tool_result" => messages.push(json!({
                    "role": "tool", "tool_call_id": block["tool_use_id"], "content": text_of(&block["content"]),
                })),
                _ => return Err(cannot(format!("/messages/{i}/content/{j}"))),
            }
        }
        if !parts.is_empty() || !calls.is_empty() {
            let mut out = json!({"role": role, "content": flat(parts)});
            if !calls.is_empty() {
                out["tool_calls"] = Value::from(calls);
            }
            messages.push(out);
        }
    }
    chat.insert("messages".to_owned(), Value::from(messages));
    if let Some(tools) = body.get("tools").and_then(Value::as_array).filter(|t| !t.is_empty()) {
        let mut functions = Vec::new();
        for (i, tool) in tools.iter().enumerate() {
            if tool.get("input_schema").is_none() {
                return Err(cannot(format!("/tools/{i}")));
            }
            functions.push(json!({"type": "function", "function": {
                "name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]}}));
        }
        chat.insert("tools".to_owned(), Value::from(functions));
    }
    match body.pointer("/tool_choice/type").and_then(Value::as_str) {
        Some("any") => drop(chat.insert("tool_choice".to_owned(), Value::from("required"))),
        Some("tool") => drop(chat.insert(
            "tool_choice".to_owned(),
            json!({"type": "function", "function": {"name": body.pointer("/tool_choice/name")}}),
        )),
        Some(other) => drop(chat.insert("tool_choice".to_owned(), Value::from(other))),
        None => {}
    }
    Ok(Value::Object(chat))
}

/// One text part becomes a plain string, which every server reads.
fn flat(parts: Vec<Value>) -> Value {
    match parts.as_slice() {
        [] => Value::Null,
        [only] if only["type"] == "text" => only["text"].clone(),
        _ => Value::from(parts),
    }
}

fn image(block: &Value) -> Option<Value> {
    let source = block.get("source")?;
    let url = match source.get("type")?.as_str()? {
        "url" => source.get("url")?.as_str()?.to_owned(),
        "base64" => format!("data:{};base64,{}", source.get("media_type")?.as_str()?, source.get("data")?.as_str()?),
        _ => return None,
    };
    Some(json!({"type": "image_url", "image_url": {"url": url}}))
}

fn from_responses(body: &Value) -> Result<Value, GatewayError> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if body.get(name).is_some_and(|v| !v.is_null()) {
            return Err(cannot(name));
        }
    }
    let mut chat = Map::new();
    copy(
        body,
        &mut chat,
        &[
            ("model", "model"),
            ("max_output_tokens", "max_tokens"),
            ("temperature", "temperature"),
            ("top_p", "top_p"),
            ("parallel_tool_calls", "parallel_tool_calls"),
            ("user", "user"),
            ("metadata", "metadata"),
        ],
    );
    let mut messages: Vec<Value> = Vec::new();
    match body.get("instructions") {
        None | Some(Value::Null) => {}
        Some(instructions) => messages.push(json!({"role": "system", "content": text_of(instructions)})),
    }
    match body.get("input") {
        Some(Value::String(text)) => messages.push(json!({"role": "user", "content": text})),
        Some(Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                match item.get("type").and_then(Value::as_str).unwrap_or("message") {
                    "message" => {
                        let mut parts = Vec::new();
                        match &item["content"] {
                            Value::Array(list) => {
                                for (j, part) in list.iter().enumerate() {
                                    parts.push(
                                        response_part(part).ok_or_else(|| cannot(format!("/input/{i}/content/{j}")))?,
                                    );
                                }
                            }
                            other => parts.push(json!({"type": "text", "text": text_of(other)})),
                        }
                        let role = item.get("role").and_then(Value::as_str).unwrap_or("user");
                        let role = if role == "developer" { "system" } else { role };
                        messages.push(json!({"role": role, "content": flat(parts)}));
                    }
                    "function_call" => messages.push(json!({"role": "assistant", "content": null, "tool_calls": [{
                        "id": item["call_id"], "type": "function",
                        "function": {"name": item["name"], "arguments": item["arguments"]}}]})),
                    "function_call_output" => messages.push(json!({
                        "role": "tool", "tool_call_id": item["call_id"], "content": text_of(&item["output"])})),
                    "reasoning" => {}
                    _ => return Err(cannot(format!("/input/{i}"))),
                }
            }
        }
        _ => {}
    }
    chat.insert("messages".to_owned(), Value::from(messages));
    if let Some(tools) = body.get("tools").and_then(Value::as_array).filter(|t| !t.is_empty()) {
        let mut functions = Vec::new();
        for (i, tool) in tools.iter().enumerate() {
            if tool.get("type").and_then(Value::as_str) != Some("function") {
                return Err(cannot(format!("/tools/{i}")));
            }
            let mut function = tool.clone();
            if let Some(members) = function.as_object_mut() {
                members.remove("type");
            }
            functions.push(json!({"type": "function", "function": function}));
        }
        chat.insert("tools".to_owned(), Value::from(functions));
    }
    match body.get("tool_choice") {
        Some(Value::String(choice)) => drop(chat.insert("tool_choice".to_owned(), Value::from(choice.clone()))),
        Some(Value::Object(choice)) => {
            drop(chat.insert(
                "tool_choice".to_owned(),
                json!({"type": "function", "function": {"name": choice.get("name")}}),
            ))
        }
        _ => {}
    }
    if let Some(format) = body.pointer("/text/format") {
        match format.get("type").and_then(Value::as_str) {
            Some("json_schema") => {
                let mut schema = format.clone();
                if let Some(members) = schema.as_object_mut() {
                    members.remove("type");
                }
                chat.insert("response_format".to_owned(), json!({"type": "json_schema", "json_schema": schema}));
            }
            Some("json_object") => drop(chat.insert("response_format".to_owned(), format.clone())),
            _ => {}
        }
    }
    Ok(Value::Object(chat))
}

fn response_part(part: &Value) -> Option<Value> {
    match part.get("type")?.as_str()? {
        "input_text" | "output_text" | "text" => Some(json!({"type": "text", "text": part["text"]})),
        "refusal" => Some(json!({"type": "text", "text": part["refusal"]})),
        "input_image" => Some(json!({"type": "image_url", "image_url": {"url": part.get("image_url")?.as_str()?}})),
        _ => None,
    }
}

/// A whole chat answer in the client's API.
///
/// # Errors
/// When the chat answer has the wrong shape.
pub fn answer(api: &str, chat: &Value) -> Result<Value, GatewayError> {
    let message = chat
        .pointer("/choices/0/message")
        .filter(|m| m.is_object())
        .ok_or_else(|| GatewayError::new(Failure::UpstreamInvalid, "the model's answer has no message"))?;
    let finish = chat.pointer("/choices/0/finish_reason").and_then(Value::as_str).unwrap_or("stop");
    let id = chat.get("id").and_then(Value::as_str).unwrap_or("0");
    let calls = message.get("tool_calls").and_then(Value::as_array).cloned().unwrap_or_default();
    let reasoning = ["reasoning_content", "reasoning"].iter().find_map(|n| message.get(*n).and_then(Value::as_str));
    let text = message.get("content").map(text_of).unwrap_or_default();
    let tokens = |name: &str| chat.pointer(&format!("/usage/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let (prompt, completion) = (tokens("prompt_tokens"), tokens("completion_tokens"));
    if api == "messages" {
        let mut content = Vec::new();
        if let Some(thinking) = reasoning {
            content.push(json!({"type": "thinking", "thinking": thinking, "signature": ""}));
        }
        if !text.is_empty() || calls.is_empty() {
            content.push(json!({"type": "text", "text": text}));
        }
        for call in &calls {
            let arguments = call.pointer("/function/arguments").and_then(Value::as_str).unwrap_or("{}");
            content.push(json!({
                "type": "tool_use", "id": call["id"], "name": call.pointer("/function/name"),
                "input": serde_json::from_str::<Value>(arguments).unwrap_or_else(|_| json!({"arguments": arguments})),
            }));
        }
        return Ok(json!({
            "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": chat["model"],
            "content": content, "stop_reason": stop_reason(finish), "stop_sequence": null,
            "usage": {"input_tokens": prompt, "output_tokens": completion},
        }));
    }
    let mut output = Vec::new();
    if let Some(thinking) = reasoning {
        output.push(json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": [],
                           "content": [{"type": "reasoning_text", "text": thinking}]}));
    }
    if !text.is_empty() || calls.is_empty() {
        output.push(json!({"type": "message", "id": format!("msg_{id}"), "role": "assistant", "status": "completed",
                           "content": [{"type": "output_text", "text": text, "annotations": []}]}));
    }
    for (i, call) in calls.iter().enumerate() {
        output.push(json!({
            "type": "function_call", "id": format!("fc_{id}_{i}"), "call_id": call["id"], "status": "completed",
            "name": call.pointer("/function/name"), "arguments": call.pointer("/function/arguments"),
        }));
    }
    Ok(response_object(&format!("resp_{id}"), &chat["model"], output, Some(finish), (prompt, completion)))
}

fn stop_reason(finish: &str) -> &'static str {
    match finish {
        "length" => "max_tokens",
        "tool_calls" | "function_call" => "tool_use",
        "content_filter" => "refusal",
        _ => "end_turn",
    }
}

fn response_object(id: &str, model: &Value, output: Vec<Value>, finish: Option<&str>, tokens: (u64, u64)) -> Value {
    let (status, details) = match finish {
        None => ("in_progress", Value::Null),
        Some("length") => ("incomplete", json!({"reason": "max_output_tokens"})),
        Some("content_filter") => ("incomplete", json!({"reason": "content_filter"})),
        Some(_) => ("completed", Value::Null),
    };
    json!({
        "id": id, "object": "response", "created_at": unix_s(), "status": status, "model": model, "output": output,
        "error": null, "incomplete_details": details, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": {"input_tokens": tokens.0, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": tokens.1,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": tokens.0 + tokens.1},
    })
}

/// What is open in the client's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Reasoning,
    Call(u64),
}

/// Turns a chat stream into the client's, frame by frame.
pub struct StreamTranslator {
    messages: bool,
    id: String,
    model: Value,
    started: bool,
    open: Open,
    /// Index of the open (or next) block or output item.
    index: u64,
    sequence: u64,
    text: String,
    item: Value,
    items: Vec<Value>,
    finish: Option<String>,
    tokens: (u64, u64),
    ended: bool,
}

impl StreamTranslator {
    /// A translator towards `api`.
    pub fn new(api: &str, id: &str, model: &str) -> Self {
        StreamTranslator {
            messages: api == "messages",
            id: id.to_owned(),
            model: Value::from(model),
            started: false,
            open: Open::Nothing,
            index: 0,
            sequence: 0,
            text: String::new(),
            item: Value::Null,
            items: Vec::new(),
            finish: None,
            tokens: (0, 0),
            ended: false,
        }
    }

    /// The client's events for one frame of the chat stream.
    pub fn push(&mut self, frame: &Frame, events: &mut Vec<Event>) {
        let Some(json) = &frame.json else {
            if frame.step == super::Step::End {
                self.end(events);
            }
            return;
        };
        if let Some(error) = json.get("error").filter(|e| !e.is_null()) {
            let body = json!({"error": error});
            self.emit(events, "error", body);
            self.ended = true;
            return;
        }
        for (slot, name) in [(0, "prompt_tokens"), (1, "completion_tokens")] {
            if let Some(n) = json.pointer(&format!("/usage/{name}")).and_then(Value::as_u64) {
                if slot == 0 { self.tokens.0 = n } else { self.tokens.1 = n }
            }
        }
        let Some(choice) = json.pointer("/choices/0") else { return };
        self.start(events);
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        for name in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()) {
                self.switch(Open::Reasoning, events, Value::Null);
                self.append(text, events);
                break;
            }
        }
        for name in ["content", "refusal"] {
            if let Some(text) = delta.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()) {
                self.switch(Open::Text, events, Value::Null);
                self.append(text, events);
            }
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = call.get("index").and_then(Value::as_u64).unwrap_or(0);
            self.switch(Open::Call(index), events, call.clone());
            if let Some(text) = call.pointer("/function/arguments").and_then(Value::as_str).filter(|t| !t.is_empty()) {
                self.append(text, events);
            }
        }
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish = Some(finish.to_owned());
        }
    }

    /// Ends the stream, for upstreams that close without an end mark after they gave a finish reason.
    pub fn end(&mut self, events: &mut Vec<Event>) {
        if self.ended || self.finish.is_none() {
            return;
        }
        self.ended = true;
        self.start(events);
        self.close(events);
        let finish = self.finish.clone().unwrap_or_default();
        if self.messages {
            let delta = json!({"stop_reason": stop_reason(&finish), "stop_sequence": null});
            let usage = json!({"input_tokens": self.tokens.0, "output_tokens": self.tokens.1});
            self.emit(events, "message_delta", json!({"delta": delta, "usage": usage}));
            self.emit(events, "message_stop", json!({}));
        } else {
            let items = std::mem::take(&mut self.items);
            let response =
                response_object(&format!("resp_{}", self.id), &self.model, items, Some(&finish), self.tokens);
            let kind = if response["status"] == "completed" { "response.completed" } else { "response.incomplete" };
            self.emit(events, kind, json!({"response": response}));
        }
    }

    fn emit(&mut self, events: &mut Vec<Event>, kind: &str, mut body: Value) {
        body["type"] = Value::from(kind);
        if !self.messages {
            body["sequence_number"] = Value::from(self.sequence);
            self.sequence += 1;
        }
        events.push(Event::named(kind, body.to_string()));
    }

    fn start(&mut self, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        if self.messages {
            let message = json!({
                "id": format!("msg_{}", self.id), "type": "message", "role": "assistant", "model": self.model,
                "content": [], "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 0, "output_tokens": 0}});
            self.emit(events, "message_start", json!({"message": message}));
        } else {
            let response = response_object(&format!("resp_{}", self.id), &self.model, Vec::new(), None, (0, 0));
            self.emit(events, "response.created", json!({"response": response}));
            self.emit(events, "response.in_progress", json!({"response": response}));
        }
    }

    fn switch(&mut self, to: Open, events: &mut Vec<Event>, call: Value) {
        if self.open == to {
            return;
        }
        self.close(events);
        let index = self.index;
        let id = format!("{}_{index}", self.id);
        let name = call.pointer("/function/name").cloned().unwrap_or_else(|| Value::from(""));
        if self.messages {
            let block = match &to {
                Open::Text => json!({"type": "text", "text": ""}),
                Open::Reasoning => json!({"type": "thinking", "thinking": "", "signature": ""}),
                _ => json!({"type": "tool_use", "id": call["id"], "name": name, "input": {}}),
            };
            self.emit(events, "content_block_start", json!({"index": index, "content_block": block}));
        } else {
            self.item = match &to {
                Open::Text => json!({"type": "message", "id": format!("msg_{id}"), "role": "assistant",
                                     "status": "in_progress", "content": []}),
                Open::Reasoning => json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": [], "content": []}),
                _ => json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": call["id"], "name": name,
                            "arguments": "", "status": "in_progress"}),
            };
            let item = self.item.clone();
            self.emit(events, "response.output_item.added", json!({"output_index": index, "item": item}));
            if to == Open::Text {
                let part = json!({"type": "output_text", "text": "", "annotations": []});
                let body = self.at(json!({"content_index": 0, "part": part}));
                self.emit(events, "response.content_part.added", body);
            }
        }
        self.open = to;
    }

    fn at(&self, mut body: Value) -> Value {
        body["item_id"] = self.item["id"].clone();
        body["output_index"] = Value::from(self.index);
        body
    }

    fn append(&mut self, text: &str, events: &mut Vec<Event>) {
        self.text.push_str(text);
        if self.messages {
            let delta = match self.open {
                Open::Reasoning => json!({"type": "thinking_delta", "thinking": text}),
                Open::Call(_) => json!({"type": "input_json_delta", "partial_json": text}),
                _ => json!({"type": "text_delta", "text": text}),
            };
            let index = self.index;
            self.emit(events, "content_block_delta", json!({"index": index, "delta": delta}));
        } else {
            let (kind, body) = match self.open {
                Open::Reasoning => ("response.reasoning_text.delta", json!({"content_index": 0, "delta": text})),
                Open::Call(_) => ("response.function_call_arguments.delta", json!({"delta": text})),
                _ => ("response.output_text.delta", json!({"content_index": 0, "delta": text, "logprobs": []})),
            };
            let body = self.at(body);
            self.emit(events, kind, body);
        }
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        let open = std::mem::replace(&mut self.open, Open::Nothing);
        if open == Open::Nothing {
            return;
        }
        let text = std::mem::take(&mut self.text);
        let index = self.index;
        if self.messages {
            self.emit(events, "content_block_stop", json!({"index": index}));
        } else {
            match open {
                Open::Text => {
                    let part = json!({"type": "output_text", "text": text, "annotations": []});
                    let done = self.at(json!({"content_index": 0, "text": text, "logprobs": []}));
                    self.emit(events, "response.output_text.done", done);
                    let done = self.at(json!({"content_index": 0, "part": part}));
                    self.emit(events, "response.content_part.done", done);
                    self.item["content"] = json!([part]);
                }
                Open::Reasoning => {
                    let done = self.at(json!({"content_index": 0, "text": text}));
                    self.emit(events, "response.reasoning_text.done", done);
                    self.item["content"] = json!([{"type": "reasoning_text", "text": text}]);
                }
                _ => {
                    let done = self.at(json!({"arguments": text}));
                    self.emit(events, "response.function_call_arguments.done", done);
                    self.item["arguments"] = Value::from(text);
                }
            }
            self.item["status"] = Value::from("completed");
            let item = self.item.take();
            self.emit(events, "response.output_item.done", json!({"output_index": index, "item": item}));
            self.items.push(item);
        }
        self.index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::chat::Chat;
    use crate::family::{Family, Request};

    #[test]
    fn a_messages_request_with_tools_becomes_a_chat_request() {
        let chat = request(
            "messages",
            &json!({
                "model": "m", "max_tokens": 5, "system": "s", "tool_choice": {"type": "any"},
                "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "r"}]}],
            }),
            true,
        )
        .unwrap();
        assert_eq!(
            chat,
            json!({
                "model": "m", "max_tokens": 5,
                "messages": [
                    {"role": "system", "content": "s"}, {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": null, "tool_calls": [
                        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
                    {"role": "tool", "tool_call_id": "1", "content": "r"}],
                "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
                "tool_choice": "required", "stream": true, "stream_options": {"include_usage": true},
            })
        );
    }

    #[test]
    fn what_cannot_be_carried_is_refused_by_name() {
        let error = request("responses", &json!({"model": "m", "previous_response_id": "r"}), false).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("previous_response_id"));
        let error = request(
            "messages",
            &json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "document"}]}]}),
            false,
        )
        .unwrap_err();
        assert_eq!(error.param.as_deref(), Some("/messages/0/content/0"));
    }

    fn stream(api: &str) -> Vec<String> {
        let mut wire = Chat.wire(&Request { choices: 1, ..Request::default() }, "x");
        let mut translator = StreamTranslator::new(api, "x", "m");
        let mut events = Vec::new();
        for data in [
            r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"He"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"llo"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            "[DONE]",
        ] {
            let frame = wire.read(Event::data(data)).unwrap();
            translator.push(&frame, &mut events);
        }
        events.into_iter().map(|e| e.name.unwrap()).collect()
    }

    #[test]
    fn a_chat_stream_becomes_a_messages_stream() {
        let block = ["content_block_start", "content_block_delta", "content_block_stop"];
        let mut want = vec!["message_start"];
        want.extend(block);
        want.extend(["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"]);
        want.extend(block);
        want.extend(["message_delta", "message_stop"]);
        assert_eq!(stream("messages"), want);
    }

    #[test]
    fn a_chat_stream_becomes_a_responses_stream() {
        let names = stream("responses");
        assert_eq!(names.first().unwrap(), "response.created");
        assert_eq!(names.last().unwrap(), "response.completed");
        assert_eq!(names.iter().filter(|n| *n == "response.output_item.done").count(), 3);
        assert_eq!(names.iter().filter(|n| *n == "response.output_text.delta").count(), 2);
    }
}
