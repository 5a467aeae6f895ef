//! OpenAI Embeddings: `POST /v1/embeddings`. Text goes in, numbers come out: only the request is inspected.

use menshen_verdict::{Kind, Role};
use serde_json::Value;

use super::{Collector, Family, Request, Yields, first_string, object, required_string};
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
