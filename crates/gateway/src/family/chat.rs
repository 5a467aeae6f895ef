//! OpenAI Chat Completions: `POST /v1/chat/completions`.

use menshen_verdict::{Conversation, Kind, Media, Role};
use serde_json::{Map, Value, json};

use super::{
    Channel, Collector, Family, Finish, Frame, Piece, Request, Step, Wire, escape, first_string, flag, frame_json,
    object, openai_error, required_string, structured, unix_s,
};
use crate::error::{Failure, GatewayError, invalid};
use crate::sse::Event;

/// The family.
#[derive(Debug)]
pub struct Chat;

/// Parameters that never reach the model as text. Whatever is not here and not a message is inspected as text.
const SETTINGS: &[&str] = &[
    "model",
    "messages",
    "tools",
    "functions",
    "stream",
    "stream_options",
    "n",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "max_completion_tokens",
    "seed",
    "user",
    "metadata",
    "store",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "parallel_tool_calls",
    "tool_choice",
    "function_call",
    "reasoning_effort",
    "service_tier",
    "modalities",
    "safety_identifier",
    "prompt_cache_key",
    "verbosity",
    "moderation",
    "audio",
    "cache_salt",
];

/// Members of a message that are not text.
const MESSAGE_MARKS: &[&str] = &["role", "tool_call_id", "id", "type", "cache_control"];

pub(crate) fn role_of(name: &str) -> Role {
    match name {
        "system" | "developer" => Role::System,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        // A role this version does not know gets the least trust.
        _ => Role::User,
    }
}

/// Reads the content of a message: a string, or parts.
pub(crate) fn read_content(
    c: &mut Collector,
    path: &str,
    content: &Value,
    role: Role,
    kind: Kind,
) -> Result<(), GatewayError> {
    match content {
        Value::Null => Ok(()),
        Value::String(text) => {
            c.text(path.to_owned(), role, kind, text);
            Ok(())
        }
        Value::Array(parts) => {
            for (i, part) in parts.iter().enumerate() {
                let at = format!("{path}/{i}");
                match part {
                    Value::String(text) => c.text(at, role, kind, text),
                    Value::Object(part) => read_part(c, &at, part, role, kind),
                    _ => return Err(invalid(at, "a content part must be an object")),
                }
            }
            Ok(())
        }
        _ => Err(invalid(path, "'content' must be a string or an array of parts")),
    }
}

fn read_part(c: &mut Collector, at: &str, part: &Map<String, Value>, role: Role, kind: Kind) {
    let whole = Value::Object(part.clone());
    let media = match part.get("type").and_then(Value::as_str).unwrap_or_default() {
        "image_url" | "input_image" | "image" => Some(Media::Image),
        "input_audio" | "audio" | "audio_url" => Some(Media::Audio),
        "video_url" | "video" | "input_video" => Some(Media::Video),
        "file" | "input_file" | "document" => Some(Media::File),
        "text" | "input_text" | "output_text" | "refusal" | "thinking" | "reasoning_text" | "summary_text" => None,
        // An unknown part may carry anything: it counts as a file, and its strings are read too.
        _ => Some(Media::File),
    };
    if let Some(media) = media {
        let source = first_string(
            &whole,
            &[
                "image_url/url",
                "image_url",
                "audio_url/url",
                "video_url/url",
                "file/file_data",
                "file/file_id",
                "file_data",
                "file_url",
                "file_id",
                "source/url",
                "source/data",
                "input_audio/data",
            ],
        );
        c.attachment(at.to_owned(), role, media, source.as_deref());
    }
    for (key, value) in part {
        let text = match key.as_str() {
            "type" | "cache_control" | "detail" | "format" | "file_id" | "file_data" | "data" | "input_audio" => None,
            "image_url" | "audio_url" | "video_url" | "file_url" | "source" => None,
            "file" => value.get("filename"),
            _ => Some(value),
        };
        if let Some(text) = text {
            let pointer = if key == "file" { format!("{at}/file/filename") } else { format!("{at}/{}", escape(key)) };
            c.leaves(&pointer, text, role, kind);
        }
    }
}

fn read_message(
    c: &mut Collector,
    path: &str,
    message: &Map<String, Value>,
    default: Role,
) -> Result<(), GatewayError> {
    let role = match message.get("role") {
        None | Some(Value::Null) => default,
        Some(Value::String(name)) => role_of(name),
        Some(_) => return Err(invalid(format!("{path}/role"), "'role' must be a string")),
    };
    let kind = if role == Role::Tool { Kind::ToolResult } else { Kind::Text };
    for (key, value) in message {
        let at = format!("{path}/{}", escape(key));
        match key.as_str() {
            "content" => read_content(c, &at, value, role, kind)?,
            "tool_calls" | "function_call" => read_calls(c, &at, value, role),
            "refusal" => c.leaves(&at, value, role, Kind::Refusal),
            "audio" => {
                c.leaves(&format!("{at}/transcript"), value.get("transcript").unwrap_or(&Value::Null), role, kind)
            }
            k if k.starts_with("reasoning") || k.starts_with("thinking") => c.leaves(&at, value, role, Kind::Reasoning),
            k if MESSAGE_MARKS.contains(&k) => {}
            _ => c.leaves(&at, value, role, Kind::Other),
        }
    }
    Ok(())
}

/// Tool calls: names and arguments, but not ids.
fn read_calls(c: &mut Collector, path: &str, calls: &Value, role: Role) {
    match calls {
        Value::Array(calls) => {
            for (i, call) in calls.iter().enumerate() {
                read_calls(c, &format!("{path}/{i}"), call, role);
            }
        }
        Value::Object(call) => {
            for (key, value) in call {
                if !matches!(key.as_str(), "id" | "type" | "index") {
                    c.leaves(&format!("{path}/{}", escape(key)), value, role, Kind::ToolCall);
                }
            }
        }
        _ => {}
    }
}

/// What the last usage object says.
pub(crate) fn usage_total(body: &Value) -> Option<u64> {
    let usage = body.get("usage")?;
    usage.get("total_tokens").and_then(Value::as_u64).or_else(|| {
        let part = |name: &str| usage.get(name).and_then(Value::as_u64);
        Some(part("input_tokens")? + part("output_tokens").unwrap_or(0))
    })
}

impl Family for Chat {
    fn api(&self) -> &'static str {
        "chat"
    }

    fn upstream_path(&self) -> &'static str {
        "chat/completions"
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let model = required_string(members, "model")?;
        let messages = match members.get("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => messages,
            _ => return Err(invalid("messages", "'messages' is required and must be a non-empty array")),
        };
        let mut c = Collector::new();
        for (i, message) in messages.iter().enumerate() {
            let path = format!("/messages/{i}");
            let message = message.as_object().ok_or_else(|| invalid(path.clone(), "a message must be an object"))?;
            if !message.contains_key("role") {
                return Err(invalid(format!("{path}/role"), "a message needs a 'role'"));
            }
            read_message(&mut c, &path, message, Role::User)?;
            c.next_message();
        }
        for name in ["tools", "functions"] {
            c.leaves(
                &format!("/{name}"),
                members.get(name).unwrap_or(&Value::Null),
                Role::System,
                Kind::ToolDeclaration,
            );
        }
        c.unknown_members(members, SETTINGS, Role::System);
        let choices = match members.get("n") {
            None | Some(Value::Null) => 1,
            Some(n) => match n.as_u64() {
                Some(n @ 1..=128) => usize::try_from(n).unwrap_or(1),
                _ => return Err(invalid("n", "'n' must be a whole number from 1 to 128")),
            },
        };
        Ok(Request {
            conversation: c.done(),
            stream: flag(members, "stream")?,
            model,
            user: first_string(body, &["safety_identifier", "user", "metadata/user_id"]),
            hidden: Vec::new(),
            choices,
            structured: structured(body, "/response_format/type"),
        })
    }

    fn guide(&self, body: &mut Value, guidance: &str) {
        if let Some(messages) = body.get_mut("messages").and_then(Value::as_array_mut) {
            let is_system = |m: &Value| matches!(m.get("role").and_then(Value::as_str), Some("system" | "developer"));
            // Several chat templates take one system message only, so the operator's last one is extended.
            match messages.iter_mut().take_while(|m| is_system(m)).last().and_then(|m| m.get_mut("content")) {
                Some(Value::String(text)) => {
                    text.push_str("\n\n");
                    text.push_str(guidance);
                }
                Some(Value::Array(parts)) => parts.push(json!({"type": "text", "text": guidance})),
                _ => messages.insert(0, json!({"role": "system", "content": guidance})),
            }
        }
    }

    fn read_answer(&self, body: &Value) -> Result<Conversation, GatewayError> {
        let choices = body
            .get("choices")
            .and_then(Value::as_array)
            .ok_or_else(|| GatewayError::new(Failure::UpstreamInvalid, "the model's answer has no 'choices'"))?;
        let mut c = Collector::new();
        for (i, choice) in choices.iter().enumerate() {
            let path = format!("/choices/{i}/message");
            match choice.get("message") {
                Some(Value::Object(message)) => read_message(&mut c, &path, message, Role::Assistant).map_err(|e| {
                    GatewayError::new(Failure::UpstreamInvalid, "the model's answer has the wrong shape").detail(e)
                })?,
                _ => {
                    return Err(GatewayError::new(
                        Failure::UpstreamInvalid,
                        "the model's answer has a choice without a message",
                    ));
                }
            }
            if let Some(text) = choice.get("text") {
                c.leaves(&format!("/choices/{i}/text"), text, Role::Assistant, Kind::Text);
            }
            c.next_message();
        }
        Ok(c.done())
    }

    fn drop_echoes(&self, body: &mut Value) {
        for choice in body.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(logprobs) = choice.get_mut("logprobs") {
                *logprobs = Value::Null;
            }
        }
    }

    fn answer(&self, request: &Request, id: &str, text: &str, finish: Finish) -> Value {
        let choices: Vec<Value> = (0..request.choices)
            .map(|i| {
                json!({
                    "index": i,
                    "message": {"role": "assistant", "content": text, "refusal": null},
                    "logprobs": null,
                    "finish_reason": finish_reason(finish),
                })
            })
            .collect();
        json!({
            "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": unix_s(), "model": request.model,
            "choices": choices, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        })
    }

    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        Box::new(ChatWire {
            id: format!("chatcmpl-{id}"),
            created: Value::from(unix_s()),
            model: request.model.clone(),
            choices: request.choices,
            open: Vec::new(),
        })
    }

    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        openai_error(error, request_id)
    }

    fn tokens(&self, body: &Value) -> Option<u64> {
        usage_total(body)
    }
}

const fn finish_reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::ContentFilter => "content_filter",
    }
}

struct ChatWire {
    id: String,
    created: Value,
    model: String,
    choices: usize,
    /// Choices of which the client has seen something but not the end.
    open: Vec<u64>,
}

impl ChatWire {
    fn chunk(&self, index: u64, delta: Value, finish: Option<&str>) -> Event {
        Event::data(
            json!({
                "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
                "choices": [{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}],
            })
            .to_string(),
        )
    }
}

impl Wire for ChatWire {
    fn read(&mut self, event: Event) -> Result<Frame, GatewayError> {
        if event.data.trim() == "[DONE]" {
            return Ok(Frame { event, json: None, pieces: Vec::new(), step: Step::End, tokens: None });
        }
        let json = frame_json(&event)?;
        if json.get("error").is_some_and(|e| !e.is_null()) {
            return Ok(Frame { event, json: Some(json), pieces: Vec::new(), step: Step::Failed, tokens: None });
        }
        let mut pieces = Vec::new();
        let mut step = Step::More;
        for (i, choice) in json.get("choices").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            for body in ["delta", "message"] {
                if let Some(delta) = choice.get(body) {
                    deltas(&mut pieces, &format!("{index}"), &format!("/choices/{i}/{body}"), delta, Kind::Text);
                }
            }
            if choice.get("text").is_some_and(Value::is_string) {
                let channel = Channel { key: format!("{index}/text"), kind: Kind::Text };
                pieces.push(Piece { channel, pointer: format!("/choices/{i}/text"), whole: false });
            }
            if choice.get("finish_reason").is_some_and(|r| !r.is_null()) {
                step = Step::Ending;
            }
        }
        let tokens = usage_total(&json);
        Ok(Frame { event, json: Some(json), pieces, step, tokens })
    }

    fn released(&mut self, frame: &Frame) {
        let Some(json) = &frame.json else { return };
        for field in ["id", "model"] {
            if let Some(value) = json.get(field).and_then(Value::as_str) {
                let slot = if field == "id" { &mut self.id } else { &mut self.model };
                value.clone_into(slot);
            }
        }
        for choice in json.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            self.open.retain(|open| *open != index);
            if choice.get("finish_reason").is_none_or(Value::is_null) {
                self.open.push(index);
            }
        }
    }

    fn drop_echoes(&self, json: &mut Value) {
        Chat.drop_echoes(json);
    }

    fn stop(&mut self, replacement: Option<&str>) -> Vec<Event> {
        let mut open = std::mem::take(&mut self.open);
        if open.is_empty() {
            open = (0..self.choices as u64).collect();
        }
        let mut events = Vec::new();
        for index in open {
            if let Some(text) = replacement {
                events.push(self.chunk(index, json!({"role": "assistant", "content": text}), None));
            }
            events.push(self.chunk(index, json!({}), Some("content_filter")));
        }
        events.push(Event::data("[DONE]"));
        events
    }

    fn fail(&mut self, error: &GatewayError) -> Vec<Event> {
        vec![Event::data(openai_error(error, "").to_string()), Event::data("[DONE]")]
    }

    fn end_mark(&mut self) -> Vec<Event> {
        vec![Event::data("[DONE]")]
    }

    fn answer(&mut self, text: &str, finish: Finish) -> Vec<Event> {
        let mut events = Vec::new();
        for index in 0..self.choices as u64 {
            events.push(self.chunk(index, json!({"role": "assistant", "content": text}), None));
            events.push(self.chunk(index, json!({}), Some(finish_reason(finish))));
        }
        events.push(Event::data("[DONE]"));
        events
    }
}

/// Every string of a delta, each on its channel: what this version does not know is still inspected.
fn deltas(pieces: &mut Vec<Piece>, key: &str, pointer: &str, delta: &Value, kind: Kind) {
    match delta {
        Value::String(_) => {
            let channel = Channel { key: key.to_owned(), kind };
            pieces.push(Piece { channel, pointer: pointer.to_owned(), whole: false });
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                // Tool calls carry their own index; the array's is that of the frame.
                let index = item.get("index").and_then(Value::as_u64).unwrap_or(i as u64);
                deltas(pieces, &format!("{key}/{index}"), &format!("{pointer}/{i}"), item, kind);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let kind = match name.as_str() {
                    "role" | "id" | "type" | "index" | "tool_call_id" => continue,
                    "tool_calls" | "function_call" => Kind::ToolCall,
                    "refusal" => Kind::Refusal,
                    n if n.starts_with("reasoning") || n.starts_with("thinking") => Kind::Reasoning,
                    "data" if key.ends_with("/audio") => continue,
                    _ => kind,
                };
                deltas(pieces, &format!("{key}/{name}"), &format!("{pointer}/{}", escape(name)), member, kind);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(body: Value) -> Vec<(String, Kind)> {
        let request = Chat.read_request(&body).unwrap();
        request.conversation.segments.into_iter().map(|s| (s.path, s.kind)).collect()
    }

    #[test]
    fn every_text_of_a_request_is_collected() {
        let got = paths(json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "a"},
                {"role": "user", "name": "n", "content": [{"type": "text", "text": "b"}, {"type": "weird", "x": {"y": "c"}}]},
                {"role": "assistant", "content": null, "reasoning_content": "d",
                 "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "1", "content": "e"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "g"}}],
            "documents": [{"text": "h"}],
            "temperature": 1,
        }));
        let want = [
            ("/messages/0/content", Kind::Text),
            ("/messages/1/name", Kind::Other),
            ("/messages/1/content/0/text", Kind::Text),
            ("/messages/1/content/1/x/y", Kind::Text),
            ("/messages/2/reasoning_content", Kind::Reasoning),
            ("/messages/2/tool_calls/0/function/name", Kind::ToolCall),
            ("/messages/2/tool_calls/0/function/arguments", Kind::ToolCall),
            ("/messages/3/content", Kind::ToolResult),
            ("/tools/0/type", Kind::ToolDeclaration),
            ("/tools/0/function/name", Kind::ToolDeclaration),
            ("/tools/0/function/description", Kind::ToolDeclaration),
            ("/documents/0/text", Kind::Other),
        ];
        assert_eq!(got, want.map(|(p, k)| (p.to_owned(), k)));
    }

    #[test]
    fn wrong_shapes_name_the_parameter() {
        for (body, param) in [
            (json!([]), ""),
            (json!({"messages": []}), "model"),
            (json!({"model": "m", "messages": "hi"}), "messages"),
            (json!({"model": "m", "messages": [7]}), "/messages/0"),
            (json!({"model": "m", "messages": [{"role": "user", "content": 7}]}), "/messages/0/content"),
            (json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": "yes"}), "stream"),
            (json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 0}), "n"),
        ] {
            let error = Chat.read_request(&body).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }

    #[test]
    fn an_image_is_an_attachment_and_its_url_is_not_text() {
        let request = Chat
            .read_request(&json!({"model": "m", "messages": [{"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}]}))
            .unwrap();
        assert!(request.conversation.segments.is_empty());
        assert_eq!(request.conversation.attachments[0].source.as_deref(), Some("http://x/y.png"));
    }

    #[test]
    fn guidance_follows_the_operators_own_instructions() {
        let mut body = json!({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]});
        Chat.guide(&mut body, "g");
        assert_eq!(body["messages"][0], json!({"role": "system", "content": "a\n\ng"}));
        let mut body = json!({"messages": [{"role": "user", "content": "b"}]});
        Chat.guide(&mut body, "g");
        assert_eq!(body["messages"][0], json!({"role": "system", "content": "g"}));
    }

    #[test]
    fn a_stopped_stream_closes_every_open_choice() {
        let request = Request { model: "m".into(), choices: 2, ..Request::default() };
        let mut wire = Chat.wire(&request, "x");
        for data in [
            r#"{"id":"up","model":"um","choices":[{"index":0,"delta":{"content":"a"}}]}"#,
            r#"{"id":"up","model":"um","choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}"#,
        ] {
            let frame = wire.read(Event::data(data)).unwrap();
            wire.released(&frame);
        }
        let events = wire.stop(Some("sorry"));
        assert_eq!(events.len(), 3);
        let last: Value = serde_json::from_str(&events[1].data).unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(last["choices"][0]["index"], 0);
        assert_eq!(last["id"], "up");
        assert_eq!(events[2].data, "[DONE]");
    }

    #[test]
    fn every_string_of_a_delta_has_a_channel() {
        let request = Request { model: "m".into(), choices: 1, ..Request::default() };
        let mut wire = Chat.wire(&request, "x");
        let frame = wire
            .read(Event::data(
                r#"{"choices":[{"index":3,"delta":{"role":"assistant","reasoning_content":"r","tool_calls":[
                {"index":1,"id":"c","function":{"name":"f","arguments":"{"}}]}}]}"#,
            ))
            .unwrap();
        let keys: Vec<_> = frame.pieces.iter().map(|p| (p.channel.key.as_str(), p.channel.kind)).collect();
        assert_eq!(
            keys,
            [
                ("3/reasoning_content", Kind::Reasoning),
                ("3/tool_calls/1/function/name", Kind::ToolCall),
                ("3/tool_calls/1/function/arguments", Kind::ToolCall)
            ]
        );
    }
}
