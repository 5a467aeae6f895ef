//! What somebody wrote, independent of the API it came through.

use serde::{Deserialize, Serialize};

/// Which way a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// From the client to the model.
    Input,
    /// From the model to the client.
    Output,
    /// What a tool, a retrieval or a file returned into the conversation: data, never instructions.
    Tool,
}

impl Side {
    /// The stable id: `input`, `output` or `tool`.
    pub const fn id(self) -> &'static str {
        match self {
            Side::Input => "input",
            Side::Output => "output",
            Side::Tool => "tool",
        }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator's instructions (also `developer` and Responses' `instructions`).
    #[serde(alias = "developer")]
    System,
    /// The end user.
    User,
    /// The model.
    Assistant,
    /// A tool's or retrieval's return.
    #[serde(alias = "function")]
    Tool,
}

impl Role {
    /// The side that text of this role is on when it arrives in a request's history.
    pub const fn side(self) -> Side {
        match self {
            Role::System | Role::User => Side::Input,
            Role::Assistant => Side::Output,
            Role::Tool => Side::Tool,
        }
    }

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }
}

/// What a piece of text is within its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Plain content.
    Text,
    /// Reasoning or thinking text.
    Reasoning,
    /// A tool call's name and arguments, written by the model.
    ToolCall,
    /// What a tool returned.
    ToolResult,
    /// A tool's declaration: name, description, parameter descriptions.
    ToolDeclaration,
    /// A refusal string of the model.
    Refusal,
    /// Anything else that reaches the model as text (a name, a title, a file's text).
    Other,
}

/// One piece of text with its place in the client's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// JSON pointer (RFC 6901) to the string in the body; empty for bare text.
    pub path: String,
    /// Index of the message the segment belongs to; segments of one message share it.
    pub message: usize,
    /// Who speaks.
    pub role: Role,
    /// Which way it travels.
    pub side: Side,
    /// What it is.
    pub kind: Kind,
    /// The text, exactly as the client sent it.
    pub text: String,
}

/// What an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// A moving picture.
    Video,
    /// A document or any other file.
    File,
}

/// A part that is not text. It is never silently unchecked: policy says pass, block, or ask an external detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// JSON pointer to the part in the body.
    pub path: String,
    /// Who sent it.
    pub role: Role,
    /// What it is.
    pub media: Media,
    /// The URL or data URL, when the part carries one.
    pub source: Option<String>,
}

/// A request's or answer's text in reading order, and its attachments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Text, in reading order.
    pub segments: Vec<Segment>,
    /// Everything that is not text.
    pub attachments: Vec<Attachment>,
}

impl Conversation {
    /// A conversation of one bare text.
    ///
    /// ```
    /// use menshen_verdict::{Conversation, Role};
    /// assert_eq!(Conversation::of_text(Role::User, "你好").segments.len(), 1);
    /// ```
    pub fn of_text(role: Role, text: impl Into<String>) -> Self {
        let side = role.side();
        let segment = Segment { path: String::new(), message: 0, role, side, kind: Kind::Text, text: text.into() };
        Conversation { segments: vec![segment], attachments: Vec::new() }
    }

    /// The text of the last user message, its parts joined by a line break; `None` without a user message.
    pub fn last_user_text(&self) -> Option<String> {
        let last = self.segments.iter().rev().find(|s| s.role == Role::User && s.kind == Kind::Text)?.message;
        let parts: Vec<&str> = self
            .segments
            .iter()
            .filter(|s| s.message == last && s.role == Role::User && s.kind == Kind::Text)
            .map(|s| s.text.as_str())
            .collect();
        Some(parts.join("\n"))
    }
}
