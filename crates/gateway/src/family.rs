//! API families: one file each, changed together.
//!
//! A family knows the wire format of one API and nothing of policy. It turns a body into a [`Conversation`] (and back,
//! by JSON pointers, so that untouched fields stay untouched), writes answers and errors in the API's own shape, and
//! reads and ends the API's event stream. What one family inspects, all inspect: a sibling endpoint is never a way
//! around the guard.

use menshen_verdict::{Attachment, Conversation, Kind, Media, Role, Segment, Side};
use serde_json::{Map, Value};

use crate::error::{GatewayError, invalid};
use crate::sse::Event;

pub mod chat;
pub mod embeddings;
pub mod images;
pub mod messages;
pub mod responses;
pub mod speech;
pub mod translate;

/// What a family reads from a request body.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Every text and attachment in it.
    pub conversation: Conversation,
    /// Whether the client asked for an event stream.
    pub stream: bool,
    /// The model asked for.
    pub model: String,
    /// The end user's id, as the client states it.
    pub user: Option<String>,
    /// References to text that is kept elsewhere and cannot be inspected here, as (parameter, id).
    pub hidden: Vec<(&'static str, String)>,
    /// How many choices the client asked for.
    pub choices: usize,
    /// Whether the answer is to be of a shape that a program reads, such as JSON.
    pub structured: bool,
}

/// How an answer that we wrote ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// A complete answer, such as a standard answer.
    Stop,
    /// The answer stands in for one that policy withheld.
    ContentFilter,
}

/// What a model answers with in an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yields {
    /// Text, mostly: an answer of ours can stand in its place.
    Text,
    /// Numbers, which say nothing to people.
    Numbers,
    /// Pictures, as members of its JSON.
    Pictures,
    /// A sound, which is the whole body.
    Sound,
}

/// One API's wire format.
pub trait Family: Send + Sync {
    /// The stable name, used in metrics and the audit.
    fn api(&self) -> &'static str;

    /// The path below the upstream's base URL.
    fn upstream_path(&self) -> &'static str;

    /// What its models answer with.
    fn yields(&self) -> Yields {
        Yields::Text
    }

    /// Reads a request.
    ///
    /// # Errors
    /// When the body has the wrong shape; the error names the parameter.
    fn read_request(&self, body: &Value) -> Result<Request, GatewayError>;

    /// Adds guidance to the model, after the operator's own instructions. An API that takes no instructions has no place
    /// for it: what is drawn, spoken or embedded is the text itself.
    fn guide(&self, _body: &mut Value, _guidance: &str) {}

    /// Reads every text of an answer.
    ///
    /// # Errors
    /// When the answer has the wrong shape.
    fn read_answer(&self, _body: &Value) -> Result<Conversation, GatewayError> {
        Ok(Conversation::default())
    }

    /// Removes what repeats the answer's text in another form (log probabilities), after the text was edited.
    fn drop_echoes(&self, _body: &mut Value) {}

    /// An answer of ours in the API's shape. Where a model does not answer with text, what is not forwarded is an error, so
    /// this is never sent.
    fn answer(&self, _request: &Request, _id: &str, _text: &str, _finish: Finish) -> Value {
        Value::Object(Map::new())
    }

    /// A reader and writer of the API's event stream; `id` is used where the stream starts with us.
    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        chat::Chat.wire(request, id)
    }

    /// An error body in the API's shape.
    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        openai_error(error, request_id)
    }

    /// Tokens that the answer says it used, prompt and completion together.
    fn tokens(&self, body: &Value) -> Option<u64> {
        chat::usage_total(body)
    }

    /// The id by which later requests can refer to the answer's text, where the API has such a thing.
    fn history_id(&self, _body: &Value) -> Option<String> {
        None
    }
}

/// A text channel of a stream: the pieces that a client joins into one text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel {
    /// A key that is unique within the stream, such as `0/content`.
    pub key: String,
    /// What the text is.
    pub kind: Kind,
}

/// A text within a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The channel it belongs to.
    pub channel: Channel,
    /// JSON pointer to the string in the frame.
    pub pointer: String,
    /// True when the string repeats the channel's whole text instead of continuing it.
    pub whole: bool,
}

/// What a frame does to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Text or bookkeeping.
    More,
    /// A choice or the whole answer is complete; nothing from here on leaves before the last check.
    Ending,
    /// The API's end mark.
    End,
    /// An error that the upstream reports within the stream.
    Failed,
}

/// A frame as a family understands it.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The event as received.
    pub event: Event,
    /// Its data, when it is JSON.
    pub json: Option<Value>,
    /// The texts in it.
    pub pieces: Vec<Piece>,
    /// What it does.
    pub step: Step,
    /// Tokens used, when the frame says so.
    pub tokens: Option<u64>,
}

/// Reads and writes one event stream. It sees every frame twice: as it arrives and as it is released, so that it can
/// close what the client has open.
pub trait Wire: Send {
    /// Reads an event of the upstream.
    ///
    /// # Errors
    /// When the event is not of this API.
    fn read(&mut self, event: Event) -> Result<Frame, GatewayError>;

    /// Notes that a frame has gone to the client.
    fn released(&mut self, frame: &Frame);

    /// Removes what repeats the frame's text in another form, after the text was edited.
    fn drop_echoes(&self, json: &mut Value);

    /// Ends the stream on policy's word, with a replacement text when there is one.
    fn stop(&mut self, replacement: Option<&str>) -> Vec<Event>;

    /// Ends the stream on a failure.
    fn fail(&mut self, error: &GatewayError) -> Vec<Event>;

    /// The end mark that is still due when the upstream closed without one after a complete answer.
    fn end_mark(&mut self) -> Vec<Event>;

    /// A whole stream of ours.
    fn answer(&mut self, text: &str, finish: Finish) -> Vec<Event>;

    /// The id by which later requests can refer to the answer's text.
    fn history_id(&self) -> Option<String> {
        None
    }
}

/// Collects segments and attachments with their pointers.
pub(crate) struct Collector {
    conversation: Conversation,
    message: usize,
}

impl Collector {
    pub(crate) fn new() -> Self {
        Collector { conversation: Conversation::default(), message: 0 }
    }

    pub(crate) fn next_message(&mut self) {
        self.message += 1;
    }

    pub(crate) fn text(&mut self, path: String, role: Role, kind: Kind, text: &str) {
        if text.is_empty() {
            return;
        }
        let side = match kind {
            Kind::ToolResult => Side::Tool,
            // What the model wrote stays on its side, whichever message carries it.
            Kind::ToolCall | Kind::Reasoning | Kind::Refusal => Side::Output,
            _ => role.side(),
        };
        let message = self.message;
        self.conversation.segments.push(Segment { path, message, role, side, kind, text: text.to_owned() });
    }

    pub(crate) fn attachment(&mut self, path: String, role: Role, media: Media, source: Option<&str>) {
        let source = source.map(str::to_owned);
        self.conversation.attachments.push(Attachment { path, role, media, source });
    }

    /// Every string below `value`, and every member name that says more than an identifier does: names reach the model too.
    pub(crate) fn leaves(&mut self, path: &str, value: &Value, role: Role, kind: Kind) {
        match value {
            Value::String(text) => self.text(path.to_owned(), role, kind, text),
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.leaves(&format!("{path}/{i}"), item, role, kind);
                }
            }
            Value::Object(members) => {
                for (key, member) in members {
                    if !plain_name(key) {
                        // The path leads nowhere on purpose: a name can be refused, not rewritten.
                        self.text(format!("{path}/{}#name", escape(key)), role, kind, key);
                    }
                    self.leaves(&format!("{path}/{}", escape(key)), member, role, kind);
                }
            }
            _ => {}
        }
    }

    /// Every string below the members of `object` that are not in `known`: a parameter that this version does not
    /// know may still reach the model as text.
    pub(crate) fn unknown_members(&mut self, object: &Map<String, Value>, known: &[&str], role: Role) {
        for (key, value) in object {
            if !known.contains(&key.as_str()) {
                self.leaves(&format!("/{}", escape(key)), value, role, Kind::Other);
            }
        }
    }

    pub(crate) fn done(self) -> Conversation {
        self.conversation
    }
}

/// Whether a member name is an identifier, such as a schema is full of.
fn plain_name(name: &str) -> bool {
    name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$'))
}

/// Escapes a member name for a JSON pointer (RFC 6901 §3).
pub(crate) fn escape(key: &str) -> String {
    if key.contains(['~', '/']) { key.replace('~', "~0").replace('/', "~1") } else { key.to_owned() }
}

/// The body as an object, or an error that says so.
pub(crate) fn object(body: &Value) -> Result<&Map<String, Value>, GatewayError> {
    body.as_object().ok_or_else(|| invalid("", "the body must be a JSON object"))
}

/// An optional boolean member.
pub(crate) fn flag(body: &Map<String, Value>, name: &'static str) -> Result<bool, GatewayError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(b)) => Ok(*b),
        Some(_) => Err(invalid(name, format!("'{name}' must be true or false"))),
    }
}

/// Whether a format asks for something else than text (`response_format`, `text.format`).
pub(crate) fn structured(body: &Value, pointer: &str) -> bool {
    body.pointer(pointer).and_then(Value::as_str).is_some_and(|kind| kind != "text")
}

/// A required string member.
pub(crate) fn required_string(body: &Map<String, Value>, name: &'static str) -> Result<String, GatewayError> {
    match body.get(name) {
        Some(Value::String(s)) if !s.is_empty() => Ok(s.clone()),
        Some(Value::String(_)) | None | Some(Value::Null) => {
            Err(invalid(name, format!("'{name}' is required and must be a non-empty string")))
        }
        Some(_) => Err(invalid(name, format!("'{name}' must be a string"))),
    }
}

/// The first of `names` that is a non-empty string; `a/b` looks into an object.
pub(crate) fn first_string(body: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        body.pointer(&format!("/{name}")).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned)
    })
}

/// Seconds since 1970.
pub(crate) fn unix_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// OpenAI's error object, shared by every family but Anthropic's.
pub(crate) fn openai_error(error: &GatewayError, request_id: &str) -> Value {
    let kind = match error.http_status().as_u16() {
        400 | 404 | 405 | 413 | 415 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        408 => "timeout_error",
        429 => "rate_limit_error",
        503 => "service_unavailable_error",
        _ => "server_error",
    };
    serde_json::json!({
        "error": {
            "message": error.message,
            "type": kind,
            "param": error.param,
            "code": error.failure.code(),
            "request_id": request_id,
        }
    })
}

/// Whether a frame of a stream carries a picture, sound or file, in whichever of the three APIs.
pub(crate) fn carries_attachment(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(carries_attachment),
        Value::Object(members) => {
            let member = |name: &str| members.get(name).unwrap_or(&Value::Null);
            let itself = match member("type").as_str().unwrap_or_default() {
                "image_url" | "input_image" | "output_image" | "image" | "input_audio" | "output_audio" | "audio"
                | "audio_url" | "video" | "video_url" | "file" | "input_file" | "document" => true,
                "image_generation_call" => member("result").is_string(),
                _ => false,
            };
            itself
                || member("partial_image_b64").is_string()
                || member("audio").get("data").is_some()
                || members.values().any(carries_attachment)
        }
        _ => false,
    }
}

/// Parses an event's data as JSON; anything else is not of this API.
pub(crate) fn frame_json(event: &Event) -> Result<Value, GatewayError> {
    let json: Value = serde_json::from_str(&event.data).map_err(|e| {
        GatewayError::new(crate::error::Failure::UpstreamInvalid, "the model sent an event that is not JSON").detail(e)
    })?;
    if json.is_object() {
        Ok(json)
    } else {
        Err(GatewayError::new(crate::error::Failure::UpstreamInvalid, "the model sent an event that is not an object"))
    }
}
