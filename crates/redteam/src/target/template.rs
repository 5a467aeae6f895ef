//! Requests with places for what is said.

use serde_json::{Value, json};

use crate::turn::{Speaker, Turn};

/// What fills the places.
pub(super) struct Filling {
    /// The last words of the attacker.
    pub(super) prompt: String,
    /// The whole conversation, as a JSON array of `role` and `content`.
    pub(super) messages: String,
    /// The operator's instructions.
    pub(super) system: String,
}

impl Filling {
    pub(super) fn of(system: Option<&str>, turns: &[Turn]) -> Self {
        let prompt =
            turns.iter().rev().find(|t| t.speaker == Speaker::User).map(|t| t.text.clone()).unwrap_or_default();
        let messages: Vec<Value> = turns
            .iter()
            .map(|t| {
                let role = match t.speaker {
                    Speaker::System => "system",
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                };
                json!({ "role": role, "content": t.text })
            })
            .collect();
        Filling { prompt, messages: Value::Array(messages).to_string(), system: system.unwrap_or_default().to_owned() }
    }

    /// Fills `template`. `escape` writes a text as the surroundings need it; `{{messages}}` is JSON and stays as it is.
    ///
    /// The texts are never looked through for places themselves: what a target or mutator says cannot fill the request.
    pub(super) fn fill(&self, template: &str, escape: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(template.len() + self.prompt.len());
        let mut rest = template;
        while let Some(at) = rest.find("{{") {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let filled = [("{{prompt}}", &self.prompt), ("{{system}}", &self.system), ("{{messages}}", &self.messages)]
                .into_iter()
                .find_map(|(place, text)| from.strip_prefix(place).map(|after| (place, text, after)));
            match filled {
                Some(("{{messages}}", text, after)) => {
                    out.push_str(text);
                    rest = after;
                }
                Some((_, text, after)) => {
                    out.push_str(&escape(text));
                    rest = after;
                }
                None => {
                    out.push_str("{{");
                    rest = from.get(2..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        out
    }
}

/// A text as it stands inside a JSON string.
pub(super) fn json_escaped(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// A text as it stands in a URL: everything but unreserved characters is escaped (RFC 3986, 2.3).
pub(super) fn percent_escaped(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fills_its_place_and_no_other() {
        let filling = Filling::of(Some("be good"), &[Turn::user("say \"{{system}}\"\n")]);
        let body =
            filling.fill(r#"{"q":"{{prompt}}","s":"{{system}}","m":{{messages}},"x":"{{other}}"}"#, json_escaped);
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        assert_eq!(body["q"], "say \"{{system}}\"\n");
        assert_eq!(body["s"], "be good");
        assert_eq!(body["m"][0]["role"], "user");
        assert_eq!(body["x"], "{{other}}");
    }

    #[test]
    fn urls_are_escaped() {
        assert_eq!(percent_escaped("a b&c=你"), "a%20b%26c%3D%E4%BD%A0");
    }
}
