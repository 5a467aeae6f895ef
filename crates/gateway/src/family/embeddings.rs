//! OpenAI Embeddings: `POST /v1/embeddings`. Text goes in, numbers come out: only the request is inspected.

use menshen_verdict::{Conversation, Kind, Role};
use serde_json::{Value, json};

use super::chat::usage_total;
use super::{Collector, Family, Finish, Request, Wire, Yields, first_string, object, openai_error, required_string};
use crate::error::{GatewayError, invalid};

/// The family.
#[derive(Debug)]
pub struct Embeddings;

impl Family for Embeddings {
    fn api(&self) -> &'static str {
        "embeddings"
    }

    fn upstream_path(&self) -> &'static str {
        "embeddings"
    }

    fn yields(&self) -> Yields {
        Yields::Numbers
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let model = required_string(members, "model")?;
        let mut c = Collector::new();
        match members.get("input") {
            Some(Value::String(text)) => c.text("/input".to_owned(), Role::User, Kind::Text, text),
            Some(Value::Array(items)) => {
                for (i, item) in items.iter().enumerate() {
                    match item {
                        Value::String(text) => c.text(format!("/input/{i}"), Role::User, Kind::Text, text),
                        // Token ids are text that only the upstream's tokenizer can read.
                        Value::Number(_) | Value::Array(_) => {
                            return Err(invalid(
                                "input",
                                "'input' of token ids cannot be inspected; send the text itself",
                            ));
                        }
                        _ => return Err(invalid(format!("/input/{i}"), "an input must be a string")),
                    }
                    c.next_message();
                }
            }
            _ => return Err(invalid("input", "'input' is required and must be a string or an array of strings")),
        }
        let settings = ["model", "input", "encoding_format", "dimensions", "user"];
        c.unknown_members(members, &settings, Role::User);
        Ok(Request {
            conversation: c.done(),
            stream: false,
            model,
            user: first_string(body, &["user"]),
            hidden: Vec::new(),
            choices: 1,
            structured: false,
        })
    }

    fn guide(&self, _body: &mut Value, _guidance: &str) {}

    fn read_answer(&self, _body: &Value) -> Result<Conversation, GatewayError> {
        Ok(Conversation::default())
    }

    fn drop_echoes(&self, _body: &mut Value) {}

    /// There is no text to answer with: whatever is not forwarded is an error, so this is never sent.
    fn answer(&self, request: &Request, _id: &str, _text: &str, _finish: Finish) -> Value {
        json!({"object": "list", "data": [], "model": request.model})
    }

    fn wire(&self, request: &Request, id: &str) -> Box<dyn Wire> {
        super::chat::Chat.wire(request, id)
    }

    fn error(&self, error: &GatewayError, request_id: &str) -> Value {
        openai_error(error, request_id)
    }

    fn tokens(&self, body: &Value) -> Option<u64> {
        usage_total(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_ids_are_refused_since_they_cannot_be_read() {
        for input in [json!([1, 2]), json!([[1, 2], [3]])] {
            let error = Embeddings.read_request(&json!({"model": "m", "input": input})).unwrap_err();
            assert!(error.message.contains("token ids"));
        }
        let request = Embeddings.read_request(&json!({"model": "m", "input": ["a", "b"]})).unwrap();
        assert_eq!(request.conversation.segments.len(), 2);
    }
}
