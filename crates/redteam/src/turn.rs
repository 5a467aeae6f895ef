//! What is said to a target and what comes back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mutator::Carrier;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The operator's instructions to the target.
    System,
    /// The attacker, in the user's place.
    User,
    /// The target.
    Assistant,
}

/// One turn of a conversation with a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// Files beside the words. Their bytes are kept as base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

/// A file beside the words of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its media type.
    pub media_type: String,
    /// Its name.
    pub name: String,
    /// Its bytes in base64.
    pub base64: String,
}

impl Turn {
    /// The attacker's words.
    pub fn user(text: impl Into<String>) -> Self {
        Turn { speaker: Speaker::User, text: text.into(), files: Vec::new() }
    }

    /// The target's words.
    pub fn assistant(text: impl Into<String>) -> Self {
        Turn { speaker: Speaker::Assistant, text: text.into(), files: Vec::new() }
    }

    /// The operator's words.
    pub fn system(text: impl Into<String>) -> Self {
        Turn { speaker: Speaker::System, text: text.into(), files: Vec::new() }
    }

    /// The attacker's words with a file that carries the text.
    pub fn carried(carrier: &Carrier) -> Self {
        let file = File {
            media_type: carrier.media_type.to_owned(),
            name: carrier.name.clone(),
            base64: data_encoding::BASE64.encode(&carrier.bytes),
        };
        Turn { speaker: Speaker::User, text: carrier.message.clone(), files: vec![file] }
    }
}

/// Tokens that an exchange took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of what was sent.
    pub prompt: u64,
    /// Of what came back.
    pub completion: u64,
    /// Whether the target did not say and they were estimated from the texts.
    #[serde(default)]
    pub estimated: bool,
}

impl Usage {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.completion = self.completion.saturating_add(other.completion);
        self.estimated = self.estimated || other.estimated;
    }
}

/// What a target answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// Set when a guard in front of the model, or the provider's filter, stopped the exchange: what it called that.
    /// The target was protected; nothing failed.
    pub stopped: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// From the first byte sent to the last received.
    pub took: Duration,
}
