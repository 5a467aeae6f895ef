//! What policy makes of a verdict.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Span;

/// What is done with a conversation, mildest first: the order is the order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Forward untouched.
    Pass,
    /// Forward, with the constitution's principles as guidance.
    Guide,
    /// Forward with parts replaced.
    Redact,
    /// Answer verbatim from the library of standard answers.
    Answer,
    /// Do not forward; answer with a fitting safe reply.
    Decline,
    /// Hold for a human; answer with a notice.
    Review,
    /// Do not forward; an error in the API's own format.
    Block,
    /// Block, and suspend the end user.
    Suspend,
}

impl Action {
    /// All actions, mildest first.
    pub const ALL: &'static [Action] = &[
        Action::Pass,
        Action::Guide,
        Action::Redact,
        Action::Answer,
        Action::Decline,
        Action::Review,
        Action::Block,
        Action::Suspend,
    ];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Action::Pass => "pass",
            Action::Guide => "guide",
            Action::Redact => "redact",
            Action::Answer => "answer",
            Action::Decline => "decline",
            Action::Review => "review",
            Action::Block => "block",
            Action::Suspend => "suspend",
        }
    }

    /// Whether the model still sees the request (or the client still sees the answer).
    pub const fn forwards(self) -> bool {
        matches!(self, Action::Pass | Action::Guide | Action::Redact)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Which rule of which pack, and its version: `cn-base/medical-advice@3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleRef {
    /// The pack's id.
    pub pack: Cow<'static, str>,
    /// The rule's id within the pack.
    pub rule: Cow<'static, str>,
    /// The rule's version.
    pub version: u32,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.pack, self.rule, self.version)
    }
}

/// A rule that matched, acted on or only watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleHit {
    /// The rule.
    pub rule: RuleRef,
    /// What it asks for.
    pub action: Action,
    /// True when the rule, its pack or the application is in monitor mode: recorded, not acted on.
    pub monitor: bool,
}

/// Which standard answer, and its version.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRef {
    /// `pack/id`.
    pub id: String,
    /// The answer's version.
    pub version: u32,
    /// The text to answer, verbatim.
    pub text: String,
    /// Similarity in 0..=1; 1.0 for an exact match.
    pub similarity: f32,
}

/// A part of a segment to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// Index into the conversation's segments.
    pub segment: usize,
    /// Where, in bytes of the original text.
    pub span: Span,
    /// What kind of thing is replaced, such as `mobile`.
    pub label: Cow<'static, str>,
    /// What stands there instead.
    pub replacement: String,
    /// Whether the placeholder is turned back into the original in the answer to the same client.
    pub restore: bool,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Disposition {
    /// What to do.
    pub action: Action,
    /// The rule that decided; `None` when nothing matched and the default stands.
    pub rule: Option<RuleRef>,
    /// Every rule that matched, in the order of the decision.
    pub hits: Vec<RuleHit>,
    /// Guidance to inject when the action is [`Action::Guide`]: ids of principles.
    pub principles: Vec<String>,
    /// The guidance text composed from the principles.
    pub guidance: Option<String>,
    /// The text to answer with when the request is not forwarded.
    pub reply: Option<String>,
    /// The standard answer when the action is [`Action::Answer`].
    pub answer: Option<AnswerRef>,
    /// Replacements to make; also honoured beside [`Action::Guide`].
    pub redactions: Vec<Redaction>,
    /// True when the decision was made because a detector was unavailable and policy says closed.
    pub unavailable: bool,
}

impl Disposition {
    /// Forward untouched: nothing matched.
    pub const fn pass() -> Self {
        Disposition {
            action: Action::Pass,
            rule: None,
            hits: Vec::new(),
            principles: Vec::new(),
            guidance: None,
            reply: None,
            answer: None,
            redactions: Vec::new(),
            unavailable: false,
        }
    }

    /// The outcome this decision stands for.
    pub const fn outcome(&self) -> Outcome {
        match (self.unavailable, self.action) {
            (true, _) => Outcome::Unavailable,
            (_, Action::Pass) => Outcome::Allowed,
            _ => Outcome::Intervened,
        }
    }
}

/// How a request ended. The four are never confused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing intervened.
    Allowed,
    /// A rule intervened.
    Intervened,
    /// A detector or upstream failed; policy said open or closed.
    Unavailable,
    /// The caller's error.
    Invalid,
}

impl Outcome {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Intervened => "intervened",
            Outcome::Unavailable => "unavailable",
            Outcome::Invalid => "invalid",
        }
    }
}
