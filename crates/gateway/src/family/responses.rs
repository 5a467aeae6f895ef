//! OpenAI Responses: `POST /v1/responses`.

use menshen_verdict::{Conversation, Kind, Media, Role};
use serde_json::{Map, Value, json};

use super::chat::{read_content, role_of, usage_total};
use super::messages::string_leaves;
use super::{
    Channel, Collector, Family, Finish, Frame, Piece, Request, Step, Wire, escape, first_string, flag, frame_json,
    object, openai_error, required_string, structured, unix_s,
};
use crate::error::{Failure, GatewayError, invalid};
use crate::sse::Event;

/// The family.
#[derive(Debug)]
pub struct Responses;

/// Parameters that never reach the model as text.
const SETTINGS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "tools",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "conversation",
    "reasoning",
    "service_tier",
    "store",
    "tool_choice",
    "top_logprobs",
    "truncation",
    "user",
    "include",
    "background",
    "safety_identifier",
    "prompt_cache_key",
    "moderation",
    "prompt_cache_retention",
];

/// Members of an item that are not text.
const ITEM_MARKS: &[&str] = &["type", "id", "call_id", "status", "role", "encrypted_content"];

/// One item of the input or output list.
fn read_item(c: &mut Collector, at: &str, item: &Map<String, Value>, default: Role) -> Result<(), GatewayError> {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
    let role = match item.get("role") {
        Some(Value::String(name)) => role_of(name),
        None | Some(Value::Null) => default,
        Some(_) => return Err(invalid(format!("{at}/role"), "'role' must be a string")),
    };
    let (role, text) = match kind {
        "message" => (role, Kind::Text),
        "reasoning" => (Role::Assistant, Kind::Reasoning),
        k if k.ends_with("_output") || k.ends_with("_result") => (Role::Tool, Kind::ToolResult),
        k if k.ends_with("_call") => (Role::Assistant, Kind::ToolCall),
        _ => (role, Kind::Other),
    };
    for (key, value) in item {
        let path = format!("{at}/{}", escape(key));
        match key.as_str() {
            k if ITEM_MARKS.contains(&k) => {}
            "result" if kind == "image_generation_call" => {
                c.attachment(path, role, Media::Image, value.as_str());
            }
            // A client's list carries what a tool brought back within the item of its call.
            "output" | "outputs" | "results" | "error" if kind.ends_with("_call") && default != Role::Assistant => {
                c.leaves(&path, value, Role::Tool, Kind::ToolResult);
            }
            "content" | "summary" | "output" if value.is_string() || value.is_array() => {
                read_content(c, &path, value, role, text)?;
            }
            _ => c.leaves(&path, value, role, text),
        }
    }
    Ok(())
}

impl Family for Responses {
    fn api(&self) -> &'static str {
        "responses"
    }

    fn upstream_path(&self) -> &'static str {
        "responses"
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let model = required_string(members, "model")?;
        let mut c = Collector::new();
        match members.get("instructions") {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => c.text("/instructions".to_owned(), Role::System, Kind::Text, text),
            Some(list) => c.leaves("/instructions", list, Role::System, Kind::Text),
        }
        c.next_message();
        match members.get("input") {
            Some(Value::String(text)) => c.text("/input".to_owned(), Role::User, Kind::Text, text),
            Some(Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    let at = format!("/input/{i}");
                    match item {
                        Value::Object(item) => read_item(&mut c, &at, item, Role::User)?,
                        Value::String(text) => c.text(at, Role::User, Kind::Text, text),
                        _ => return Err(invalid(at, "an input item must be an object")),
                    }
                    c.next_message();
                }
            }
            // A stored prompt or conversation may bring the input.
            None | Some(Value::Null)
                if ["prompt", "conversation", "previous_response_id"]
                    .iter()
                    .any(|n| members.get(*n).is_some_and(|v| !v.is_null())) => {}
            _ => return Err(invalid("input", "'input' is required and must be a string or an array of items")),
        }
        c.next_message();
        c.leaves("/tools", members.get("tools").unwrap_or(&Value::Null), Role::System, Kind::ToolDeclaration);
        c.unknown_members(members, SETTINGS, Role::System);
        let mut hidden = Vec::new();
        for (name, paths) in [
            ("previous_response_id", &["previous_response_id"][..]),
            ("conversation", &["conversation", "conversation/id"]),
            ("prompt", &["prompt/id"]),
        ] {
            hidden.extend(first_string(body, paths).map(|id| (name, id)));
        }
        Ok(Request {
            conversation: c.done(),
            stream: flag(members, "stream")?,
            model,
            user: first_string(body, &["safety_identifier", "user", "metadata/user_id"]),
            hidden,
            choices: 1,
            structured: structured(body, "/text/format/type"),
        })
    }

    fn guide(&self, body: &mut Value, guidance: &str) {
        let Some(members) = body.as_object_mut() else { return };
        match members.get_mut("instructions") {
            Some(Value::String(text)) if !text.is_empty() => {
                text.push_str("\n\n");
                text.push_str(guidance);
            }
            Some(Value::Array(items)) => items.push(json!({"role": "system", "content": guidance})),
            _ => {
                members.insert("instructions".to_owned(), Value::from(guidance));
            }
        }
    }

    fn read_answer(&self, body: &Value) -> Result<Conversation, GatewayError> {
        let wrong = |e: GatewayError| {
            GatewayError::new(Failure::UpstreamInvalid, "the model's answer has the wrong shape").detail(e)
        };
        let output = body
            .get("output")
            .and_then(Value::as_array)
            .ok_or_else(|| GatewayError::new(Failure::UpstreamInvalid, "the model's answer has no 'output'"))?;
        let mut c = Collector::new();
        for (i, item) in output.iter().enumerate() {
            let item = item.as_object().ok_or_else(|| {
                GatewayError::new(Failure::UpstreamInvalid, "the model's answer has an item that is not an object")
            })?;
            read_item(&mut c, &format!("/output/{i}"), item, Role::Assistant).map_err(wrong)?;
            c.next_message();
        }
        if let Some(text) = body.get("output_text") {
            c.leaves("/output_text", text, Role::Assistant, Kind::Text);
        }
        Ok(c.done())
    }

    fn drop_echoes(&self, body: &mut Value) {
        for item in body.get_mut("output").and_then(Value::as_array_mut).into_iter().flatten() {
            for part in item.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
                drop_part_echoes(part);
            }
        }
    }

    fn answer(&self, request: &Request, id: &str, text: &str, finish: Finish) -> Value {
        response(&format!("resp_{id}"), unix_s(), &request.model, Some((&format!("msg_{id}"), text)), Some(finish))
    }

    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        Box::new(ResponsesWire {
            id: format!("resp_{id}"),
            upstream_id: None,
            created: unix_s(),
            model: request.model.clone(),
            sequence: 0,
            started: false,
            next_output: 0,
        })
    }

    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        openai_error(error, request_id)
    }

    fn tokens(&self, body: &Value) -> Option<u64> {
        usage_total(body)
    }

    fn history_id(&self, body: &Value) -> Option<String> {
        first_string(body, &["id"])
    }
}

fn drop_part_echoes(part: &mut Value) {
    if let Some(logprobs) = part.get_mut("logprobs") {
        *logprobs = json!([]);
    }
}

/// A response object; `message` is its one output message, `finish` is `None` while it is under way.
fn response(id: &str, created: i64, model: &str, message: Option<(&str, &str)>, finish: Option<Finish>) -> Value {
    let (status, details) = match finish {
        None => ("in_progress", Value::Null),
        Some(Finish::Stop) => ("completed", Value::Null),
        Some(Finish::ContentFilter) => ("incomplete", json!({"reason": "content_filter"})),
    };
    let output: Vec<Value> = message
        .map(|(message_id, text)| {
            json!({"type": "message", "id": message_id, "role": "assistant", "status": "completed",
                   "content": [{"type": "output_text", "text": text, "annotations": []}]})
        })
        .into_iter()
        .collect();
    json!({
        "id": id, "object": "response", "created_at": created, "status": status, "model": model, "output": output,
        "error": null, "incomplete_details": details, "instructions": null, "metadata": {},
        "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [], "top_p": null,
        "usage": {"input_tokens": 0, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 0,
                  "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0},
    })
}

struct ResponsesWire {
    id: String,
    upstream_id: Option<String>,
    created: i64,
    model: String,
    sequence: u64,
    started: bool,
    next_output: u64,
}

impl ResponsesWire {
    fn event(&mut self, kind: &str, mut body: Value) -> Event {
        body["type"] = Value::from(kind);
        body["sequence_number"] = Value::from(self.sequence);
        self.sequence += 1;
        Event::named(kind, body.to_string())
    }

    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let started = response(&self.id, self.created, &self.model, None, None);
            events.push(self.event("response.created", json!({"response": started})));
            events.push(self.event("response.in_progress", json!({"response": started})));
        }
    }

    fn message(&mut self, events: &mut Vec<Event>, text: &str) -> String {
        let index = self.next_output;
        self.next_output += 1;
        let id = format!("msg_{}_{index}", self.id.trim_start_matches("resp_"));
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        let item = |status: &str, content: Value| json!({"type": "message", "id": id, "role": "assistant", "status": status, "content": content});
        let at = |extra: Value| {
            let mut body = json!({"item_id": id, "output_index": index, "content_index": 0});
            if let (Some(body), Some(extra)) = (body.as_object_mut(), extra.as_object()) {
                body.extend(extra.clone());
            }
            body
        };
        let begun = item("in_progress", json!([]));
        let done = item("completed", json!([part]));
        events.push(self.event("response.output_item.added", json!({"output_index": index, "item": begun})));
        let empty = json!({"type": "output_text", "text": "", "annotations": []});
        events.push(self.event("response.content_part.added", at(json!({"part": empty}))));
        events.push(self.event("response.output_text.delta", at(json!({"delta": text, "logprobs": []}))));
        events.push(self.event("response.output_text.done", at(json!({"text": text, "logprobs": []}))));
        events.push(self.event("response.content_part.done", at(json!({"part": part}))));
        events.push(self.event("response.output_item.done", json!({"output_index": index, "item": done})));
        id
    }

    fn end(&mut self, events: &mut Vec<Event>, message: Option<(&str, &str)>, finish: Finish) {
        let kind = if finish == Finish::Stop { "response.completed" } else { "response.incomplete" };
        let ended = response(&self.id, self.created, &self.model, message, Some(finish));
        let event = self.event(kind, json!({"response": ended}));
        events.push(event);
    }
}

/// The event kinds whose string continues a channel: (suffix, channel name, what it is).
const DELTAS: &[(&str, &str, Kind)] = &[
    ("output_text.delta", "text", Kind::Text),
    ("refusal.delta", "refusal", Kind::Refusal),
    ("reasoning_text.delta", "reasoning", Kind::Reasoning),
    ("reasoning_summary_text.delta", "summary", Kind::Reasoning),
    ("function_call_arguments.delta", "arguments", Kind::ToolCall),
    ("mcp_call_arguments.delta", "arguments", Kind::ToolCall),
    ("custom_tool_call_input.delta", "arguments", Kind::ToolCall),
    ("code_interpreter_call_code.delta", "code", Kind::ToolCall),
];

/// The event kinds whose string repeats a channel's whole text: (suffix, member, channel name, what it is).
const WHOLES: &[(&str, &str, &str, Kind)] = &[
    ("output_text.done", "text", "text", Kind::Text),
    ("refusal.done", "refusal", "refusal", Kind::Refusal),
    ("reasoning_text.done", "text", "reasoning", Kind::Reasoning),
    ("reasoning_summary_text.done", "text", "summary", Kind::Reasoning),
    ("function_call_arguments.done", "arguments", "arguments", Kind::ToolCall),
    ("mcp_call_arguments.done", "arguments", "arguments", Kind::ToolCall),
    ("custom_tool_call_input.done", "input", "arguments", Kind::ToolCall),
    ("code_interpreter_call_code.done", "code", "code", Kind::ToolCall),
];

/// The channel key: output item, part within it, name.
fn key(json: &Value, name: &str) -> String {
    let number = |member: &str| json.get(member).and_then(Value::as_u64).unwrap_or(0);
    format!("{}/{}/{name}", number("output_index"), number("content_index") + number("summary_index"))
}

/// The strings of an item that repeat channels of the stream.
fn item_pieces(pieces: &mut Vec<Piece>, output: u64, pointer: &str, item: &Value) {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (name, value) in item.as_object().into_iter().flatten() {
        if ITEM_MARKS.contains(&name.as_str()) {
            continue;
        }
        let at = format!("{pointer}/{}", escape(name));
        match (name.as_str(), value) {
            ("content" | "summary", Value::Array(parts)) => {
                for (i, part) in parts.iter().enumerate() {
                    part_pieces(pieces, output, i as u64, &format!("{at}/{i}"), part, name == "summary");
                }
            }
            ("arguments" | "input" | "code", Value::String(_)) => {
                let name = if name == "code" { "code" } else { "arguments" };
                whole(pieces, format!("{output}/0/{name}"), Kind::ToolCall, at);
            }
            ("result", _) if kind == "image_generation_call" => {}
            _ => string_leaves(value, &at, &format!("{output}/item/{name}"), &mut |key, pointer| {
                whole(pieces, key, Kind::Other, pointer);
            }),
        }
    }
}

fn part_pieces(pieces: &mut Vec<Piece>, output: u64, index: u64, pointer: &str, part: &Value, summary: bool) {
    for (name, value) in part.as_object().into_iter().flatten() {
        let at = format!("{pointer}/{}", escape(name));
        match name.as_str() {
            "type" | "logprobs" => {}
            "text" => {
                let (channel, kind) = match part.get("type").and_then(Value::as_str) {
                    _ if summary => ("summary", Kind::Reasoning),
                    Some("reasoning_text") => ("reasoning", Kind::Reasoning),
                    _ => ("text", Kind::Text),
                };
                whole(pieces, format!("{output}/{index}/{channel}"), kind, at);
            }
            "refusal" => whole(pieces, format!("{output}/{index}/refusal"), Kind::Refusal, at),
            _ => string_leaves(value, &at, &format!("{output}/{index}/{name}"), &mut |key, pointer| {
                whole(pieces, key, Kind::Other, pointer);
            }),
        }
    }
}

fn whole(pieces: &mut Vec<Piece>, key: String, kind: Kind, pointer: String) {
    pieces.push(Piece { channel: Channel { key, kind }, pointer, whole: true });
}

impl Wire for ResponsesWire {
    fn read(&mut self, event: Event) -> Result<Frame, GatewayError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Frame { event, json: None, pieces: Vec::new(), step: Step::End, tokens: None });
        }
        let json = frame_json(&event)?;
        let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
        let suffix = kind.strip_prefix("response.").unwrap_or(kind);
        let mut pieces = Vec::new();
        let mut step = Step::More;
        let mut tokens = None;
        let output = json.get("output_index").and_then(Value::as_u64).unwrap_or(0);
        if let Some((_, name, of)) = DELTAS.iter().find(|(s, ..)| *s == suffix) {
            let channel = Channel { key: key(&json, name), kind: *of };
            if json.get("delta").is_some_and(Value::is_string) {
                pieces.push(Piece { channel, pointer: "/delta".to_owned(), whole: false });
            }
        } else if let Some((_, member, name, of)) = WHOLES.iter().find(|(s, ..)| *s == suffix) {
            if json.get(*member).is_some_and(Value::is_string) {
                whole(&mut pieces, key(&json, name), *of, format!("/{member}"));
            }
        } else {
            match suffix {
                "content_part.added"
                | "content_part.done"
                | "reasoning_summary_part.added"
                | "reasoning_summary_part.done" => {
                    let index = ["content_index", "summary_index"]
                        .iter()
                        .find_map(|m| json.get(*m).and_then(Value::as_u64))
                        .unwrap_or(0);
                    let part = json.get("part").unwrap_or(&Value::Null);
                    part_pieces(&mut pieces, output, index, "/part", part, suffix.starts_with("reasoning_summary"));
                }
                "output_item.added" | "output_item.done" => {
                    item_pieces(&mut pieces, output, "/item", json.get("item").unwrap_or(&Value::Null));
                }
                "completed" | "incomplete" | "failed" | "created" | "in_progress" | "queued" => {
                    step = match suffix {
                        "completed" | "incomplete" => Step::End,
                        "failed" => Step::Failed,
                        _ => Step::More,
                    };
                    for (i, item) in
                        json.pointer("/response/output").and_then(Value::as_array).into_iter().flatten().enumerate()
                    {
                        item_pieces(&mut pieces, i as u64, &format!("/response/output/{i}"), item);
                    }
                    if json.pointer("/response/output_text").is_some_and(Value::is_string) {
                        whole(&mut pieces, "output_text".to_owned(), Kind::Text, "/response/output_text".to_owned());
                    }
                    tokens = json.get("response").and_then(usage_total);
                    self.upstream_id = first_string(&json, &["response/id"]).or(self.upstream_id.take());
                }
                "error" => step = Step::Failed,
                // A partial image is a picture, not text; everything else that this version does not know is read.
                s if s.ends_with("partial_image") || s.starts_with("audio.") => {}
                _ => {
                    for (name, value) in json.as_object().into_iter().flatten() {
                        if !matches!(name.as_str(), "type" | "item_id" | "sequence_number" | "obfuscation" | "id") {
                            let at = format!("/{}", escape(name));
                            let channel = format!("{output}/{suffix}/{name}");
                            string_leaves(value, &at, &channel, &mut |key, pointer| {
                                pieces.push(Piece {
                                    channel: Channel { key, kind: Kind::Other },
                                    pointer,
                                    whole: false,
                                });
                            });
                        }
                    }
                }
            }
        }
        Ok(Frame { event, json: Some(json), pieces, step, tokens })
    }

    fn released(&mut self, frame: &Frame) {
        let Some(json) = &frame.json else { return };
        self.started = true;
        if let Some(number) = json.get("sequence_number").and_then(Value::as_u64) {
            self.sequence = self.sequence.max(number + 1);
        }
        if let Some(index) = json.get("output_index").and_then(Value::as_u64) {
            self.next_output = self.next_output.max(index + 1);
        }
        if let Some(id) = json.pointer("/response/id").and_then(Value::as_str) {
            id.clone_into(&mut self.id);
        }
    }

    fn drop_echoes(&self, json: &mut Value) {
        for path in ["/logprobs", "/part/logprobs"] {
            if let Some(logprobs) = json.pointer_mut(path) {
                *logprobs = json!([]);
            }
        }
        for path in ["/item", "/response"] {
            if let Some(holder) = json.pointer_mut(path) {
                let mut list = json!({"output": [holder.take()]});
                if path == "/response" {
                    list = list["output"][0].take();
                    Responses.drop_echoes(&mut list);
                    *holder = list;
                } else {
                    Responses.drop_echoes(&mut list);
                    *holder = list["output"][0].take();
                }
            }
        }
    }

    fn stop(&mut self, replacement: Option<&str>) -> Vec<Event> {
        let mut events = Vec::new();
        self.begin(&mut events);
        match replacement {
            Some(text) => {
                let id = self.message(&mut events, text);
                self.end(&mut events, Some((&id, text)), Finish::ContentFilter);
            }
            None => self.end(&mut events, None, Finish::ContentFilter),
        }
        events
    }

    fn fail(&mut self, error: &GatewayError) -> Vec<Event> {
        let body = json!({"code": error.failure.code(), "message": error.message, "param": error.param});
        vec![self.event("error", body)]
    }

    fn end_mark(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn answer(&mut self, text: &str, finish: Finish) -> Vec<Event> {
        let mut events = Vec::new();
        self.begin(&mut events);
        let id = self.message(&mut events, text);
        self.end(&mut events, Some((&id, text)), finish);
        events
    }

    fn history_id(&self) -> Option<String> {
        self.upstream_id.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_every_kind_are_collected() {
        let request = Responses
            .read_request(&json!({
                "model": "m", "instructions": "i", "previous_response_id": "resp_1",
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "a"},
                                                 {"type": "input_image", "image_url": "http://x"}]},
                    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "c", "output": "o"},
                    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "s"}]},
                ],
            }))
            .unwrap();
        let got: Vec<_> = request.conversation.segments.iter().map(|s| (s.text.as_str(), s.kind)).collect();
        assert_eq!(
            got,
            [
                ("i", Kind::Text),
                ("a", Kind::Text),
                ("f", Kind::ToolCall),
                ("{}", Kind::ToolCall),
                ("o", Kind::ToolResult),
                ("s", Kind::Reasoning)
            ]
        );
        assert_eq!(request.hidden, [("previous_response_id", "resp_1".to_owned())]);
        assert_eq!(request.conversation.attachments.len(), 1);
    }

    #[test]
    fn deltas_and_their_repetitions_share_a_channel() {
        let mut wire = Responses.wire(&Request::default(), "x");
        let mut keys = Vec::new();
        for data in [
            json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 2, "delta": "a"}),
            json!({"type": "response.output_text.done", "output_index": 1, "content_index": 2, "text": "a"}),
            json!({"type": "response.content_part.done", "output_index": 1, "content_index": 2,
                   "part": {"type": "output_text", "text": "a"}}),
        ] {
            let frame = wire.read(Event::data(data.to_string())).unwrap();
            keys.extend(frame.pieces.into_iter().map(|p| (p.channel.key, p.whole)));
        }
        let key = "1/2/text".to_owned();
        assert_eq!(keys, [(key.clone(), false), (key.clone(), true), (key, true)]);
    }

    #[test]
    fn a_stop_ends_incomplete_for_the_filter() {
        let mut wire = Responses.wire(&Request::default(), "x");
        let events = wire.stop(Some("sorry"));
        let last: Value = serde_json::from_str(&events.last().unwrap().data).unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], "content_filter");
        let numbers: Vec<u64> = events
            .iter()
            .map(|e| serde_json::from_str::<Value>(&e.data).unwrap()["sequence_number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    }
}
