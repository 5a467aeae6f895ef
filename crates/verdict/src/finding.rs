//! What a detector found, and where.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Attack, Intent, Level, Risk, Topic};

/// A half-open range of bytes in the caller's original text, on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// Whether two ranges share a byte.
    pub const fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The text of the range, or `""` when it does not lie on character boundaries of `text`.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// The range in characters of `text`. Offsets past the end count as the end.
    pub fn chars(self, text: &str) -> (usize, usize) {
        let count = |end: usize| text.char_indices().take_while(|(at, _)| *at < end).count();
        (count(self.start), count(self.end))
    }
}

/// What kind of thing a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A word of a black list.
    Keyword,
    /// A word of a grey list: it asks for a closer look and decides nothing alone.
    Grey,
    /// Personal data.
    Pii,
    /// A credential.
    Secret,
    /// The structure of a prompt attack.
    Attack,
    /// Output that would do harm where it is rendered or run.
    UnsafeOutput,
    /// The system prompt or a canary leaking out.
    Leak,
    /// A cue for topic, intent or level: a label, not an offence.
    Cue,
    /// A model's finding.
    Model,
    /// An external detector's finding.
    External,
}

impl Family {
    /// The stable id used in packs, metrics and the audit.
    pub const fn id(self) -> &'static str {
        match self {
            Family::Keyword => "keyword",
            Family::Grey => "grey",
            Family::Pii => "pii",
            Family::Secret => "secret",
            Family::Attack => "attack",
            Family::UnsafeOutput => "unsafe_output",
            Family::Leak => "leak",
            Family::Cue => "cue",
            Family::Model => "model",
            Family::External => "external",
        }
    }
}

/// How the text had to be read for the match to appear.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// As written, after folding (NFKC, case, width, 繁→简, look-alikes, invisibles).
    Folded,
    /// With separators between characters removed.
    Tight,
    /// By sound (pinyin, homophones).
    Sound,
    /// With split characters (拆字) put together.
    Composed,
    /// After decoding, innermost last: `["base64", "url"]`.
    Decoded(Vec<Cow<'static, str>>),
}

/// What matched: for operators and the audit, never for the client. `Debug` and `Display` redact.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Evidence(String);

impl Evidence {
    /// Wraps matched text.
    pub fn new(text: impl Into<String>) -> Self {
        Evidence(text.into())
    }

    /// The matched text itself. Whoever calls this answers for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes redacted]", self.0.len())
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One thing found in one segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Dotted id of the rule or list that found it, such as `pii.cn.mobile` or `kw.cn.a1d`.
    pub detector: Cow<'static, str>,
    /// What it is, such as `mobile`, in one word; for keyword lists the risk id.
    pub label: Cow<'static, str>,
    /// The kind of thing it is.
    pub family: Family,
    /// Index into [`crate::Conversation::segments`]; 0 for bare text.
    pub segment: usize,
    /// Where, in bytes of that segment's original text. For decoded layers: the encoded run.
    pub span: Span,
    /// Confidence in 0..=1.
    pub score: f32,
    /// The risk it speaks for, if any.
    pub risk: Option<Risk>,
    /// The prompt attack it speaks for, if any.
    pub attack: Option<Attack>,
    /// The level it speaks for, if any.
    pub level: Option<Level>,
    /// The intent it speaks for, if any.
    pub intent: Option<Intent>,
    /// The general topic it speaks for, if any.
    pub topic: Option<Topic>,
    /// How the text had to be read.
    pub via: Transform,
    /// The matched text, for operators only.
    pub evidence: Evidence,
}

impl Finding {
    /// A finding with no labels, `Folded`, in segment 0 and without evidence.
    pub fn new(
        detector: impl Into<Cow<'static, str>>,
        label: impl Into<Cow<'static, str>>,
        family: Family,
        span: Span,
        score: f32,
    ) -> Self {
        Finding {
            detector: detector.into(),
            label: label.into(),
            family,
            segment: 0,
            span,
            score,
            risk: None,
            attack: None,
            level: None,
            intent: None,
            topic: None,
            via: Transform::Folded,
            evidence: Evidence::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_never_prints_itself() {
        let evidence = Evidence::new("secret words");
        assert_eq!(format!("{evidence:?} {evidence}"), "[12 bytes redacted] [12 bytes redacted]");
    }

    #[test]
    fn a_span_off_the_text_is_empty_not_a_panic() {
        assert_eq!(Span::new(1, 9).of("中"), "");
        assert_eq!(Span::new(0, 99).chars("中文"), (0, 2));
    }
}
