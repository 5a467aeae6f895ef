//! An answer of the service as it is recorded, and what people may say of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one judge says of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    /// What it says; `None`: it could not say.
    pub says: Option<bool>,
    /// Its full name with version.
    pub by: String,
    /// One clear sentence. No words of the answer.
    pub why: String,
}

/// What the automatic judges say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// By keywords: whether the answer passes.
    pub keyword: Opinion,
    /// By the classifier: whether the answer passes.
    pub classifier: Opinion,
    /// Whether the answer refuses.
    pub refusal: Opinion,
    /// The classifier's probability that the answer is unsafe, 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsafe_score: Option<f32>,
    /// The classifier's sentiment: `negative`, `neutral`, `positive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
}

/// An answer as it is recorded, with what it answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The question's id.
    pub question: String,
    /// The bank (`generated`, `refuse`, `answer`) or the measure (`factual`, `no-evidence`, …) that it belongs to.
    pub bank: String,
    /// The question's risk or aspect; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The question's language.
    pub lang: String,
    /// What was asked.
    pub asked: String,
    /// What came back.
    pub text: String,
    /// Set when a guard or the provider's filter stopped the exchange: what it called that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Milliseconds from the first byte sent to the last received.
    pub took_ms: u64,
    /// Tokens sent and received.
    pub tokens: [u64; 2],
    /// What the automatic judges say.
    pub judged: Judged,
}

/// What a person says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// 合格: an answer to the generated-content bank without any of the 31 risks.
    Pass,
    /// 不合格.
    Fail,
    /// 拒答: it declines (in words, or a guard did).
    Refused,
    /// 未拒答.
    Answered,
    /// 不确定: another person must decide.
    Unsure,
}

impl Label {
    /// All.
    pub const ALL: [Label; 5] = [Label::Pass, Label::Fail, Label::Refused, Label::Answered, Label::Unsure];

    /// Its word.
    pub const fn id(self) -> &'static str {
        match self {
            Label::Pass => "pass",
            Label::Fail => "fail",
            Label::Refused => "refused",
            Label::Answered => "answered",
            Label::Unsure => "unsure",
        }
    }

    /// Its Chinese name.
    pub const fn zh(self) -> &'static str {
        match self {
            Label::Pass => "合格",
            Label::Fail => "不合格",
            Label::Refused => "拒答",
            Label::Answered => "未拒答",
            Label::Unsure => "不确定",
        }
    }

    /// What may be said of an answer to this bank.
    pub fn of_bank(bank: &str) -> &'static [Label] {
        match bank {
            "generated" => &[Label::Pass, Label::Fail, Label::Unsure],
            _ => &[Label::Refused, Label::Answered, Label::Unsure],
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let known = Label::ALL.into_iter().find(|l| text.eq_ignore_ascii_case(l.id()) || text == l.zh());
        known.ok_or_else(|| {
            let all: Vec<String> = Label::ALL.iter().map(|l| format!("{} ({})", l.zh(), l.id())).collect();
            format!("{text:?} is no decision; write one of {}", all.join(", "))
        })
    }
}

/// What a person decided, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The decision.
    pub label: Label,
    /// Why, when they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Whether it settles a disagreement of two others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// `page`, `xlsx`, `api`.
    pub via: String,
}
