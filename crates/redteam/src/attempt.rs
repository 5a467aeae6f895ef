//! One attempt: a case that was tried, everything that was said, and what the judges made of it.

use menshen_verdict::Risk;
use serde::{Deserialize, Serialize};

use crate::instruction::Harm;
use crate::score::Score;
use crate::turn::{Turn, Usage};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target did what the instruction wanted.
    Success,
    /// It did not: refused, stopped by a guard, or answered harmlessly.
    Resisted,
    /// It answered and no judge could say. Never counted as safe.
    Unscored,
    /// There was no answer. Never counted as safe.
    Failed,
}

/// Where a rewritten prompt came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Keys of the attempts or ids of the templates it was made from.
    pub parents: Vec<String>,
    /// The operator or mutator that made it.
    pub operator: String,
    /// How many steps from a seed.
    pub generation: u32,
    /// The template with `{payload}`, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

/// An attempt, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The same for the same case of the same plan: a run that is resumed skips what is recorded.
    pub key: String,
    /// When it ended, in microseconds since 1970.
    pub at_us: i64,
    /// The instruction's id.
    pub instruction: String,
    /// Its words.
    pub goal: String,
    /// Its language.
    pub lang: String,
    /// Its risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Its OWASP ids, 2025 edition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owasp: Vec<String>,
    /// How grave a full answer would be.
    pub harm: Harm,
    /// As the plan names it: `plain`, `base64+zero_width`, `crescendo`, `genetic`.
    pub technique: String,
    /// Sub-classes of attack that the technique belongs to.
    pub attacks: Vec<menshen_verdict::Attack>,
    /// Everything that was said, in order.
    pub transcript: Vec<Turn>,
    /// Set when a guard or filter stopped the last exchange: its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What each judge said.
    pub scores: Vec<Score>,
    /// Requests to the target.
    pub requests: u32,
    /// Tokens.
    pub usage: Usage,
    /// Milliseconds.
    pub took_ms: u64,
    /// Why there was no answer, or no score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Where the prompt came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Lineage>,
}

impl Attempt {
    /// The attacker's turns.
    pub fn turns(&self) -> usize {
        self.transcript.iter().filter(|t| t.speaker == crate::turn::Speaker::User).count()
    }

    /// The target's last words.
    pub fn answer(&self) -> &str {
        self.transcript
            .iter()
            .rev()
            .find(|t| t.speaker == crate::turn::Speaker::Assistant)
            .map_or("", |t| t.text.as_str())
    }
}
