//! OpenAI Images: `POST /v1/images/generations`. The prompt is inspected like any question, what the model made of it
//! (`revised_prompt`) like any answer; the pictures are labelled as generated.

use menshen_verdict::{Conversation, Kind, Media, Role};
use serde_json::Value;

use super::{Collector, Family, Request, Yields, first_string, flag, object, required_string};
use crate::error::{GatewayError, invalid};

/// The family.
#[derive(Debug)]
pub struct Images;

impl Family for Images {
    fn api(&self) -> &'static str {
        "images"
    }

    fn upstream_path(&self) -> &'static str {
        "images/generations"
    }

    fn yields(&self) -> Yields {
        Yields::Pictures
    }

    fn read_request(&self, body: &Value) -> Result<Request, GatewayError> {
        let members = object(body)?;
        let prompt = required_string(members, "prompt")?;
        if flag(members, "stream")? {
            return Err(invalid("stream", "pictures are not streamed here: a picture is labelled when it is whole"));
        }
        let mut c = Collector::new();
        c.text("/prompt".to_owned(), Role::User, Kind::Text, &prompt);
        let settings = [
            "model",
            "prompt",
            "n",
            "size",
            "quality",
            "style",
            "background",
            "moderation",
            "output_format",
            "output_compression",
            "response_format",
            "stream",
            "partial_images",
            "user",
        ];
        c.unknown_members(members, &settings, Role::User);
        Ok(Request {
            conversation: c.done(),
            model: first_string(body, &["model"]).unwrap_or_default(),
            user: first_string(body, &["user"]),
            choices: 1,
            ..Request::default()
        })
    }

    fn read_answer(&self, body: &Value) -> Result<Conversation, GatewayError> {
        let mut c = Collector::new();
        for (i, item) in body.get("data").and_then(Value::as_array).into_iter().flatten().enumerate() {
            for (name, member) in item.as_object().into_iter().flatten() {
                let at = format!("/data/{i}/{name}");
                match name.as_str() {
                    "b64_json" => c.attachment(at, Role::Assistant, Media::Image, None),
                    "url" => c.attachment(at, Role::Assistant, Media::Image, member.as_str()),
                    _ => c.leaves(&at, member, Role::Assistant, Kind::Other),
                }
            }
            c.next_message();
        }
        Ok(c.done())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_prompt_and_what_was_made_of_it_are_read_and_pictures_are_attachments() {
        let request = Images.read_request(&json!({"model": "m", "prompt": "a cat", "style_notes": "dark"})).unwrap();
        let texts: Vec<_> = request.conversation.segments.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["a cat", "dark"]);
        for (body, param) in [(json!({"model": "m"}), "prompt"), (json!({"prompt": "a", "stream": true}), "stream")] {
            assert_eq!(Images.read_request(&body).unwrap_err().param.as_deref(), Some(param));
        }
        let answer = json!({"data": [{"b64_json": "AAAA", "revised_prompt": "a black cat"}, {"url": "http://x/y"}]});
        let answer = Images.read_answer(&answer).unwrap();
        assert_eq!(answer.segments.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["a black cat"]);
        assert_eq!(answer.attachments.len(), 2);
    }
}
