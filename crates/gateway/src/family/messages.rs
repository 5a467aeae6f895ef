//! Anthropic Messages: `POST /v1/messages`.

use menshen_verdict::{Conversation, Kind, Media, Role};
use serde_json::{Map, Value, json};

use super::chat::{role_of, usage_total};
use super::{
    Channel, Collector, Family, Finish, Frame, Piece, Request, Step, Wire, escape, first_string, flag, frame_json,
    object, required_string, structured,
};
use crate::error::{Failure, GatewayError, invalid};
use crate::sse::Event;

/// The family.
#[derive(Debug)]
pub struct Messages;

/// Parameters that never reach the model as text.
const SETTINGS: &[&str] = &[
    "model",
    "messages",
    "system",
    "tools",
    "stream",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "metadata",
    "tool_choice",
    "thinking",
    "service_tier",
    "container",
    "context_management",
    "betas",
    "output_config",
];

/// Reads a content block list or string; used by requests and answers.
fn read_content(c: &mut Collector, path: &str, content: &Value, role: Role, kind: Kind) -> Result<(), GatewayError> {
    match content {
        Value::Null => Ok(()),
        Value::String(text) => {
            c.text(path.to_owned(), role, kind, text);
            Ok(())
        }
        Value::Array(blocks) => {
            for (i, block) in blocks.iter().enumerate() {
                let at = format!("{path}/{i}");
                match block {
                    Value::Object(block) => read_block(c, &at, block, role, kind)?,
                    _ => return Err(invalid(at, "a content block must be an object")),
                }
            }
            Ok(())
        }
        _ => Err(invalid(path, "'content' must be a string or an array of blocks")),
    }
}

fn read_block(
    c: &mut Collector,
    at: &str,
    block: &Map<String, Value>,
    role: Role,
    kind: Kind,
) -> Result<(), GatewayError> {
    let member = |name: &str| block.get(name).unwrap_or(&Value::Null);
    match member("type").as_str().unwrap_or_default() {
        "text" => {
            c.leaves(&format!("{at}/text"), member("text"), role, kind);
            c.leaves(&format!("{at}/citations"), member("citations"), role, kind);
        }
        "thinking" => c.leaves(&format!("{at}/thinking"), member("thinking"), role, Kind::Reasoning),
        // Encrypted by the provider: nobody but the provider's model can read it.
        "redacted_thinking" => {}
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            c.leaves(&format!("{at}/name"), member("name"), role, Kind::ToolCall);
            c.leaves(&format!("{at}/input"), member("input"), role, Kind::ToolCall);
        }
        name if name.ends_with("tool_result") => {
            let content = member("content");
            if content.is_object() {
                c.leaves(&format!("{at}/content"), content, Role::Tool, Kind::ToolResult);
            } else {
                read_content(c, &format!("{at}/content"), content, Role::Tool, Kind::ToolResult)?;
            }
        }
        "image" => attachment(c, at, block, role, Media::Image),
        "document" => {
            // A document may be plain text, blocks, or a file.
            let source = member("source");
            match source.get("type").and_then(Value::as_str) {
                Some("text") => c.leaves(
                    &format!("{at}/source/data"),
                    source.get("data").unwrap_or(&Value::Null),
                    Role::Tool,
                    Kind::ToolResult,
                ),
                Some("content") => read_content(
                    c,
                    &format!("{at}/source/content"),
                    source.get("content").unwrap_or(&Value::Null),
                    Role::Tool,
                    Kind::ToolResult,
                )?,
                _ => attachment(c, at, block, role, Media::File),
            }
            for name in ["title", "context"] {
                c.leaves(&format!("{at}/{name}"), member(name), role, Kind::Other);
            }
        }
        _ => {
            attachment(c, at, block, role, Media::File);
            for (key, value) in block {
                if !matches!(key.as_str(), "type" | "source" | "id" | "tool_use_id" | "cache_control") {
                    c.leaves(&format!("{at}/{}", escape(key)), value, role, kind);
                }
            }
        }
    }
    Ok(())
}

fn attachment(c: &mut Collector, at: &str, block: &Map<String, Value>, role: Role, media: Media) {
    let source = block.get("source").and_then(|s| first_string(s, &["url", "data", "file_id"]));
    c.attachment(at.to_owned(), role, media, source.as_deref());
}

impl Family for Messages {
    fn api(&self) -> &'static str {
        "messages"
    }

    fn upstream_path(&self) -> &'static str {
        "messages"
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let model = required_string(members, "model")?;
        let messages = match members.get("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => messages,
            _ => return Err(invalid("messages", "'messages' is required and must be a non-empty array")),
        };
        let mut c = Collector::new();
        read_content(&mut c, "/system", members.get("system").unwrap_or(&Value::Null), Role::System, Kind::Text)?;
        c.next_message();
        for (i, message) in messages.iter().enumerate() {
            let path = format!("/messages/{i}");
            let message = message.as_object().ok_or_else(|| invalid(path.clone(), "a message must be an object"))?;
            let role = match message.get("role") {
                Some(Value::String(name)) => role_of(name),
                _ => return Err(invalid(format!("{path}/role"), "a message needs a 'role'")),
            };
            let content = message.get("content").unwrap_or(&Value::Null);
            read_content(&mut c, &format!("{path}/content"), content, role, Kind::Text)?;
            c.next_message();
        }
        c.leaves("/tools", members.get("tools").unwrap_or(&Value::Null), Role::System, Kind::ToolDeclaration);
        c.unknown_members(members, SETTINGS, Role::System);
        Ok(Request {
            conversation: c.done(),
            stream: flag(members, "stream")?,
            model,
            user: first_string(body, &["metadata/user_id"]),
            hidden: first_string(body, &["container", "container/id"])
                .map(|id| ("container", id))
                .into_iter()
                .collect(),
            choices: 1,
            structured: structured(body, "/output_format/type") || structured(body, "/output_config/format/type"),
        })
    }

    fn guide(&self, body: &mut Value, guidance: &str) {
        let Some(members) = body.as_object_mut() else { return };
        match members.get_mut("system") {
            Some(Value::String(system)) if !system.is_empty() => {
                system.push_str("\n\n");
                system.push_str(guidance);
            }
            Some(Value::Array(blocks)) => blocks.push(json!({"type": "text", "text": guidance})),
            _ => {
                members.insert("system".to_owned(), Value::from(guidance));
            }
        }
    }

    fn read_answer(&self, body: &Value) -> Result<Conversation, GatewayError> {
        let content = body
            .get("content")
            .filter(|c| c.is_array())
            .ok_or_else(|| GatewayError::new(Failure::UpstreamInvalid, "the model's answer has no 'content'"))?;
        let mut c = Collector::new();
        read_content(&mut c, "/content", content, Role::Assistant, Kind::Text).map_err(|e| {
            GatewayError::new(Failure::UpstreamInvalid, "the model's answer has the wrong shape").detail(e)
        })?;
        Ok(c.done())
    }

    fn drop_echoes(&self, _body: &mut Value) {}

    fn answer(&self, request: &Request, id: &str, text: &str, finish: Finish) -> Value {
        json!({
            "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": request.model,
            "content": [{"type": "text", "text": text}], "stop_reason": stop_reason(finish), "stop_sequence": null,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        })
    }

    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        Box::new(MessagesWire {
            id: format!("msg_{id}"),
            model: request.model.clone(),
            started: false,
            open_block: None,
            next_block: 0,
        })
    }

    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        error_body(error, request_id)
    }

    fn tokens(&self, body: &Value) -> Option<u64> {
        usage_total(body)
    }
}

fn error_body(error: &GatewayError, request_id: &str) -> Value {
    let kind = match error.http_status().as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": {"type": kind, "message": error.message, "code": error.failure.code(), "param": error.param},
        "request_id": request_id,
    })
}

const fn stop_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::ContentFilter => "refusal",
    }
}

struct MessagesWire {
    id: String,
    model: String,
    started: bool,
    /// The block that the client has seen begin but not end.
    open_block: Option<u64>,
    next_block: u64,
}

fn named(kind: &str, mut body: Value) -> Event {
    body["type"] = Value::from(kind);
    Event::named(kind, body.to_string())
}

impl MessagesWire {
    fn start(&self) -> Event {
        named(
            "message_start",
            json!({"message": {
                "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 0, "output_tokens": 0},
            }}),
        )
    }

    fn block(index: u64, text: &str) -> [Event; 3] {
        [
            named("content_block_start", json!({"index": index, "content_block": {"type": "text", "text": ""}})),
            named("content_block_delta", json!({"index": index, "delta": {"type": "text_delta", "text": text}})),
            named("content_block_stop", json!({"index": index})),
        ]
    }

    fn end(reason: &str) -> [Event; 2] {
        [
            named(
                "message_delta",
                json!({"delta": {"stop_reason": reason, "stop_sequence": null}, "usage": {"output_tokens": 0}}),
            ),
            named("message_stop", json!({})),
        ]
    }

    /// Brings the client to a place where a new block can begin.
    fn settle(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push(self.start());
        }
        if let Some(index) = self.open_block.take() {
            events.push(named("content_block_stop", json!({"index": index})));
        }
    }
}

impl Wire for MessagesWire {
    fn read(&mut self, event: Event) -> Result<Frame, GatewayError> {
        let json = frame_json(&event)?;
        let kind = json.get("type").and_then(Value::as_str).unwrap_or_default();
        let index = json.get("index").and_then(Value::as_u64).unwrap_or(0);
        let mut pieces = Vec::new();
        let mut step = Step::More;
        let mut note = |key: String, kind: Kind, pointer: String| {
            pieces.push(Piece { channel: Channel { key, kind }, pointer, whole: false });
        };
        match kind {
            "content_block_start" | "content_block_delta" => {
                let member = if kind == "content_block_start" { "content_block" } else { "delta" };
                for (name, value) in json.get(member).and_then(Value::as_object).into_iter().flatten() {
                    let pointer = format!("/{member}/{}", escape(name));
                    let (key, of) = match name.as_str() {
                        "type" | "id" | "tool_use_id" | "signature" | "data" | "source" => continue,
                        "text" => (format!("{index}/text"), Kind::Text),
                        "thinking" => (format!("{index}/thinking"), Kind::Reasoning),
                        "partial_json" => (format!("{index}/input"), Kind::ToolCall),
                        other => (format!("{index}/{other}"), Kind::Other),
                    };
                    string_leaves(value, &pointer, &key, &mut |k, p| note(k, of, p));
                }
            }
            "message_delta" | "message_stop" => {
                step = if kind == "message_stop" { Step::End } else { Step::Ending };
            }
            "error" => step = Step::Failed,
            _ => {}
        }
        let tokens = usage_total(&json).or_else(|| json.get("message").and_then(usage_total));
        Ok(Frame { event, json: Some(json), pieces, step, tokens })
    }

    fn released(&mut self, frame: &Frame) {
        let Some(json) = &frame.json else { return };
        let index = json.get("index").and_then(Value::as_u64).unwrap_or(0);
        match json.get("type").and_then(Value::as_str).unwrap_or_default() {
            "message_start" => self.started = true,
            "content_block_start" => {
                self.open_block = Some(index);
                self.next_block = index + 1;
            }
            "content_block_stop" => self.open_block = None,
            _ => {}
        }
    }

    fn drop_echoes(&self, _json: &mut Value) {}

    fn stop(&mut self, replacement: Option<&str>) -> Vec<Event> {
        let mut events = Vec::new();
        self.settle(&mut events);
        if let Some(text) = replacement {
            events.extend(Self::block(self.next_block, text));
        }
        events.extend(Self::end(stop_reason(Finish::ContentFilter)));
        events
    }

    fn fail(&mut self, error: &GatewayError) -> Vec<Event> {
        vec![Event::named("error", error_body(error, "").to_string())]
    }

    fn end_mark(&mut self) -> Vec<Event> {
        vec![named("message_stop", json!({}))]
    }

    fn answer(&mut self, text: &str, finish: Finish) -> Vec<Event> {
        let mut events = vec![self.start()];
        events.extend(Self::block(0, text));
        events.extend(Self::end(stop_reason(finish)));
        events
    }
}

/// Calls `note(channel key, pointer)` for every string below `value`.
pub(super) fn string_leaves(value: &Value, pointer: &str, key: &str, note: &mut dyn FnMut(String, String)) {
    match value {
        Value::String(_) => note(key.to_owned(), pointer.to_owned()),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                string_leaves(item, &format!("{pointer}/{i}"), &format!("{key}/{i}"), note);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                string_leaves(member, &format!("{pointer}/{}", escape(name)), &format!("{key}/{name}"), note);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_tools_results_and_documents_are_collected() {
        let request = Messages
            .read_request(&json!({
                "model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "s"}],
                "messages": [
                    {"role": "user", "content": [
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "doc"}},
                        {"type": "image", "source": {"type": "url", "url": "http://x"}},
                        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "r"}]}]},
                    {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "zz"},
                        {"type": "tool_use", "id": "1", "name": "f", "input": {"a": {"b": "v"}}}]},
                ],
            }))
            .unwrap();
        let got: Vec<_> = request.conversation.segments.iter().map(|s| (s.text.as_str(), s.kind)).collect();
        assert_eq!(
            got,
            [
                ("s", Kind::Text),
                ("doc", Kind::ToolResult),
                ("r", Kind::ToolResult),
                ("t", Kind::Reasoning),
                ("f", Kind::ToolCall),
                ("v", Kind::ToolCall)
            ]
        );
        assert_eq!(request.conversation.attachments.len(), 1);
    }

    #[test]
    fn a_stop_closes_the_open_block_and_ends_the_message() {
        let mut wire = Messages.wire(&Request::default(), "x");
        for (name, data) in [
            ("message_start", json!({"type": "message_start", "message": {}})),
            (
                "content_block_start",
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ),
        ] {
            let frame = wire.read(Event::named(name, data.to_string())).unwrap();
            wire.released(&frame);
        }
        let names: Vec<_> = wire.stop(Some("sorry")).into_iter().map(|e| e.name.unwrap()).collect();
        assert_eq!(
            names,
            [
                "content_block_stop",
                "content_block_start",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
    }

    #[test]
    fn a_stop_before_the_first_frame_still_is_a_whole_message() {
        let mut wire = Messages.wire(&Request::default(), "x");
        let names: Vec<_> = wire.stop(None).into_iter().map(|e| e.name.unwrap()).collect();
        assert_eq!(names, ["message_start", "message_delta", "message_stop"]);
    }
}
