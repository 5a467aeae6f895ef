//! OpenAI Speech: `POST /v1/audio/speech`. What is to be spoken is inspected like any question; the sound is labelled as
//! generated.

use menshen_verdict::{Kind, Role};
use serde_json::Value;

use super::{Collector, Family, Request, Yields, first_string, object, required_string};
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
