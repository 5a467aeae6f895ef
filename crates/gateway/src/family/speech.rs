//! OpenAI Speech: `POST /v1/audio/speech`. What is to be spoken is inspected like an answer that a model gives; the sound is
//! labelled as generated.

use menshen_verdict::{Conversation, Kind, Role};
use serde_json::{Value, json};

use super::{Collector, Family, Finish, Request, Wire, Yields, first_string, object, openai_error, required_string};
use crate::error::{GatewayError, invalid};

/// The family.
#[derive(Debug)]
pub struct Speech;

impl Speech {
    /// The ending of the sound that is asked for.
    pub(crate) fn format(body: &Value) -> &str {
        body.get("response_format").and_then(Value::as_str).unwrap_or("mp3")
    }
}

impl Family for Speech {
    fn api(&self) -> &'static str {
        "speech"
    }

    fn upstream_path(&self) -> &'static str {
        "audio/speech"
    }

    fn yields(&self) -> Yields {
        Yields::Sound
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let model = required_string(members, "model")?;
        let input = required_string(members, "input")?;
        if members.get("stream_format").and_then(Value::as_str).is_some_and(|f| f != "audio") {
            return Err(invalid("stream_format", "sound is given whole here: it is labelled when it is whole"));
        }
        let mut c = Collector::new();
        c.text("/input".to_owned(), Role::User, Kind::Text, &input);
        c.unknown_members(
            members,
            &["model", "input", "voice", "response_format", "speed", "stream_format"],
            Role::User,
        );
        Ok(Request {
            conversation: c.done(),
            model,
            user: first_string(body, &["user"]),
            choices: 1,
            ..Request::default()
        })
    }

    /// What is spoken is the text itself.
    fn guide(&self, _body: &mut Value, _guidance: &str) {}

    fn read_answer(&self, _body: &Value) -> Result<Conversation, GatewayError> {
        Ok(Conversation::default())
    }

    fn drop_echoes(&self, _body: &mut Value) {}

    /// There is no sound to answer with: whatever is not forwarded is an error, so this is never sent.
    fn answer(&self, _request: &Request, _id: &str, _text: &str, _finish: Finish) -> Value {
        json!({})
    }

    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        super::chat::Chat.wire(request, id)
    }

    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        openai_error(error, request_id)
    }

    fn tokens(&self, _body: &Value) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_spoken_and_how_is_read() {
        let body = json!({"model": "m", "input": "hello", "voice": "alloy", "instructions": "whisper"});
        let request = Speech.read_request(&body).unwrap();
        let texts: Vec<_> = request.conversation.segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["hello", "whisper"]);
        assert_eq!(Speech::format(&body), "mp3");
        let streamed = json!({"model": "m", "input": "x", "stream_format": "sse"});
        assert_eq!(Speech.read_request(&streamed).unwrap_err().param.as_deref(), Some("stream_format"));
    }
}
