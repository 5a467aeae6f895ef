//! Guard models behind an OpenAI-compatible API: request bodies out, labels in. No I/O.
//!
//! Guard models answer with words, not probabilities, so each format has fixed scores for its words, documented
//! beside the constants; a deployment that calibrates them does so in policy thresholds.

use std::fmt;

use menshen_verdict::{Labels, Role, Side};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{JudgeError, JudgeInput};

mod llama_guard;
mod ours;
mod qwen3guard;

/// How a remote model is asked and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Qwen3Guard-Gen: `Safety:`, `Categories:` and, for answers, `Refusal:` lines.
    #[serde(rename = "qwen3guard")]
    Qwen3Guard,
    /// Llama Guard 3 and 4: `safe`, or `unsafe` and a line of hazard codes.
    LlamaGuard,
    /// Any instruction model held to a JSON schema of our own labels.
    JsonSchema,
}

impl Format {
    /// The stable id used in configuration.
    pub const fn id(self) -> &'static str {
        match self {
            Format::Qwen3Guard => "qwen3guard",
            Format::LlamaGuard => "llama_guard",
            Format::JsonSchema => "json_schema",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Which model to ask, and how much it may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteModel {
    /// The model's name at its server.
    pub model: String,
    /// The most tokens of the answer; 128 is enough for the two guard formats, 512 for the JSON schema.
    pub max_tokens: u32,
}

/// The body of `POST /v1/chat/completions` that asks `model` about `input`.
pub fn request(format: Format, model: &RemoteModel, input: &JudgeInput<'_>) -> Value {
    let mut body = json!({
        "model": model.model,
        "messages": match format {
            Format::Qwen3Guard | Format::LlamaGuard => turns(input),
            Format::JsonSchema => ours::messages(input),
        },
        "temperature": 0,
        "max_tokens": model.max_tokens,
        "stream": false,
    });
    if format == Format::JsonSchema
        && let Some(members) = body.as_object_mut()
    {
        members.insert("response_format".to_owned(), ours::response_format());
    }
    body
}

/// Reads the content of the model's answer.
///
/// # Errors
/// [`JudgeError::Garbled`] for anything that is not exactly an answer of the format.
pub fn parse(format: Format, answer: &str) -> Result<Labels, JudgeError> {
    let answer = without_thinking(answer).trim();
    match format {
        Format::Qwen3Guard => qwen3guard::parse(answer),
        Format::LlamaGuard => llama_guard::parse(answer),
        Format::JsonSchema => ours::parse(answer),
    }
}

/// Some servers leave the (empty) thinking block of the base model in front of the answer.
fn without_thinking(answer: &str) -> &str {
    let answer = answer.trim_start();
    match answer.strip_prefix("<think>").and_then(|rest| rest.split_once("</think>")) {
        Some((_, rest)) => rest,
        None => answer,
    }
}

/// The conversation as the chat templates of guard models want it: only `user` and `assistant`, taking turns, the
/// judged text last. What a tool returned is shown as the user's, because the templates know no third party.
fn turns(input: &JudgeInput<'_>) -> Value {
    let judged_role = if input.side == Side::Output { "assistant" } else { "user" };
    let history = input.history.iter().map(|s| {
        let role = if s.role == Role::Assistant { "assistant" } else { "user" };
        (role, s.text.as_str())
    });
    let mut turns: Vec<(&str, String)> = Vec::new();
    for (role, text) in history.chain([(judged_role, input.text)]) {
        match turns.last_mut() {
            Some((last, said)) if *last == role => {
                said.push('\n');
                said.push_str(text);
            }
            _ => turns.push((role, text.to_owned())),
        }
    }
    // The templates refuse a conversation that the assistant opens.
    if turns.first().is_some_and(|(role, _)| *role == "assistant") {
        turns.insert(0, ("user", String::new()));
    }
    turns.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::{Conversation, Kind, Segment};

    fn model() -> RemoteModel {
        RemoteModel { model: "guard".into(), max_tokens: 128 }
    }

    fn segment(role: Role, text: &str) -> Segment {
        Segment { path: String::new(), message: 0, role, side: role.side(), kind: Kind::Text, text: text.into() }
    }

    #[test]
    fn turns_alternate_and_end_with_the_judged_text() {
        let history = [
            segment(Role::System, "be kind"),
            segment(Role::User, "你好"),
            segment(Role::Assistant, "您好"),
            segment(Role::Tool, "22 °C"),
        ];
        let input =
            JudgeInput { text: "今天天气不错", side: Side::Output, role: Role::Assistant, history: &history };
        let body = request(Format::Qwen3Guard, &model(), &input);
        let turns: Vec<(&str, &str)> = body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| (m["role"].as_str().unwrap(), m["content"].as_str().unwrap()))
            .collect();
        assert_eq!(
            turns,
            [("user", "be kind\n你好"), ("assistant", "您好"), ("user", "22 °C"), ("assistant", "今天天气不错")]
        );
        assert_eq!(body["temperature"], 0);
        assert_eq!(body["max_tokens"], 128);
    }

    #[test]
    fn an_answer_without_its_question_still_has_a_user_turn() {
        let input = JudgeInput::of_text("好的", Side::Output, Role::Assistant);
        let body = request(Format::LlamaGuard, &model(), &input);
        assert_eq!(body["messages"][0]["role"], "user");
        assert_eq!(body["messages"][1]["content"], "好的");
    }

    #[test]
    fn a_leading_thinking_block_is_skipped() {
        assert!(parse(Format::LlamaGuard, "<think>\n\n</think>\n\nsafe").is_ok());
        assert!(parse(Format::LlamaGuard, "<think> safe").is_err());
    }

    #[test]
    fn garbage_is_an_error_in_every_format() {
        for format in [Format::Qwen3Guard, Format::LlamaGuard, Format::JsonSchema] {
            for answer in ["", "   ", "Sure! Here is the answer.", "null", "{}", "safety", "安全", "safe?", "[]"] {
                assert!(parse(format, answer).is_err(), "{format}: {answer:?}");
            }
        }
    }

    #[test]
    fn a_bare_conversation_needs_no_history() {
        let conversation = Conversation::of_text(Role::User, "怎么做蛋炒饭?");
        let input = JudgeInput::of_text(&conversation.segments[0].text, Side::Input, Role::User);
        let body = request(Format::JsonSchema, &model(), &input);
        assert_eq!(body["response_format"]["type"], "json_schema");
    }
}
