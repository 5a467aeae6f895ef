//! The one JSON shape of a checked text: `menshen check` prints it and `POST /v1/guard` answers it.

use serde::{Deserialize, Serialize};

use crate::labels::{write_rounded, write_rounded_option};

use crate::{
    Attack, Conversation, Disposition, Intent, Level, Outcome, Risk, Scored, Sentiment, Side, Stage, Topic,
    Unavailable, Verdict,
};

/// A single-label head.
pub type ReportLabel<T> = Scored<T>;

/// Risk heads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportRisk {
    /// Probability that the text is risky.
    #[serde(serialize_with = "write_rounded")]
    pub score: f32,
    /// Risk topics, highest first.
    pub topics: Vec<Scored<Risk>>,
    /// How the text stands to the risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Scored<Level>>,
}

/// Attack heads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportAttack {
    /// Probability that the text is a prompt attack.
    #[serde(serialize_with = "write_rounded")]
    pub score: f32,
    /// Sub-classes, highest first.
    pub classes: Vec<Scored<Attack>>,
}

/// One finding without its evidence: what matched never leaves for a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportFinding {
    /// Dotted id of the rule or list.
    pub detector: String,
    /// What it is.
    pub label: String,
    /// JSON pointer of the segment in the caller's body; absent for bare text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// First byte in the segment's text.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// First character.
    pub char_start: usize,
    /// One past the last character.
    pub char_end: usize,
    /// Confidence.
    #[serde(serialize_with = "write_rounded")]
    pub score: f32,
}

/// Verdict and disposition of one text or conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The caller's id, echoed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which way the text travels.
    pub side: Side,
    /// What policy says to do: an [`crate::Action`] id.
    pub disposition: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The rule that decided, as `pack/rule@version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Risk heads.
    pub risk: ReportRisk,
    /// Intent head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<ReportLabel<Intent>>,
    /// General-topic head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<ReportLabel<Topic>>,
    /// Sentiment head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<ReportLabel<Sentiment>>,
    /// Attack heads.
    pub attack: ReportAttack,
    /// Answer side: probability that the answer is unsafe.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "write_rounded_option")]
    pub unsafe_answer: Option<f32>,
    /// Answer side: probability that the answer is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "write_rounded_option")]
    pub refusal: Option<f32>,
    /// Findings without evidence.
    pub findings: Vec<ReportFinding>,
    /// Ids of the principles chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principles: Vec<String>,
    /// The reply or standard answer that would be given instead of the model's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// The standard answer's `pack/id@version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Rules that matched in monitor mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monitored: Vec<String>,
    /// Detectors that could not do their work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<Unavailable>,
    /// Steps and what they took.
    pub stages: Vec<Stage>,
    /// All steps, in microseconds.
    pub took_us: u64,
}

impl Report {
    /// Puts a verdict and its disposition into the shared shape.
    pub fn new(
        id: Option<String>,
        side: Side,
        conversation: &Conversation,
        verdict: &Verdict,
        disposition: &Disposition,
    ) -> Self {
        let findings = verdict
            .findings
            .iter()
            .map(|f| {
                let segment = conversation.segments.get(f.segment);
                let (char_start, char_end) = segment.map_or((0, 0), |s| f.span.chars(&s.text));
                ReportFinding {
                    detector: f.detector.clone().into_owned(),
                    label: f.label.clone().into_owned(),
                    path: segment.map(|s| s.path.clone()).unwrap_or_default(),
                    start: f.span.start,
                    end: f.span.end,
                    char_start,
                    char_end,
                    score: f.score,
                }
            })
            .collect();
        let labels = &verdict.labels;
        Report {
            id,
            side,
            disposition: disposition.action.id().to_owned(),
            outcome: disposition.outcome(),
            rule: disposition.rule.as_ref().map(ToString::to_string),
            risk: ReportRisk { score: labels.risk_score, topics: labels.risks.clone(), level: labels.level.clone() },
            intent: labels.intent.clone(),
            topic: labels.topic.clone(),
            sentiment: labels.sentiment.clone(),
            attack: ReportAttack { score: labels.attack_score, classes: labels.attacks.clone() },
            unsafe_answer: labels.unsafe_answer,
            refusal: labels.refusal,
            findings,
            principles: disposition.principles.clone(),
            reply: disposition.answer.as_ref().map(|a| a.text.clone()).or_else(|| disposition.reply.clone()),
            answer: disposition.answer.as_ref().map(|a| format!("{}@{}", a.id, a.version)),
            monitored: disposition.hits.iter().filter(|h| h.monitor).map(|h| h.rule.to_string()).collect(),
            unavailable: verdict.unavailable.clone(),
            stages: verdict.stages.clone(),
            took_us: verdict.took_us(),
        }
    }
}
