//! What a condition may look at: a verdict seen through a lens, in shapes that are quick to test.

use menshen_verdict::{Attack, Conversation, Finding, Intent, Level, Risk, Role, Sentiment, Side, Verdict};

use crate::decide::Question;

/// A set of members of a closed taxonomy, by their position in its `ALL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Set(u64);

impl Set {
    pub(crate) fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    pub(crate) const fn contains(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Which part of the conversation a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Lens {
    /// Only the last user message and what follows it.
    pub(crate) turn: bool,
    /// Only what tools, retrievals and files returned.
    pub(crate) tool: bool,
    /// Only segments of these roles (by [`role_index`]); empty for all.
    pub(crate) roles: Set,
}

impl Lens {
    const fn is_whole(self) -> bool {
        !self.turn && !self.tool && self.roles.is_empty()
    }
}

pub(crate) const fn role_index(role: Role) -> usize {
    match role {
        Role::System => 0,
        Role::User => 1,
        Role::Assistant => 2,
        Role::Tool => 3,
    }
}

/// A verdict seen through a [`Lens`].
///
/// Through the whole lens the labels are the verdict's. Through a narrower one they are what the findings inside it
/// speak for, because a judge's labels are about the whole conversation.
pub(crate) struct Facts<'a> {
    pub(crate) question: &'a Question<'a>,
    pub(crate) risk_score: f32,
    pub(crate) risks: [f32; Risk::ALL.len()],
    pub(crate) attack_score: f32,
    pub(crate) attacks: [f32; Attack::ALL.len()],
    pub(crate) level: Option<Level>,
    /// With its score, as the topic.
    pub(crate) intent: Option<(Intent, f32)>,
    pub(crate) topic: Option<(&'a str, f32)>,
    pub(crate) sentiment: Option<Sentiment>,
    pub(crate) unsafe_answer: Option<f32>,
    pub(crate) refusal: Option<f32>,
    pub(crate) findings: Vec<&'a Finding>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(question: &'a Question<'a>, lens: Lens) -> Self {
        let mut facts = Facts {
            question,
            risk_score: 0.0,
            risks: [0.0; Risk::ALL.len()],
            attack_score: 0.0,
            attacks: [0.0; Attack::ALL.len()],
            level: None,
            intent: None,
            topic: None,
            sentiment: None,
            unsafe_answer: None,
            refusal: None,
            findings: Vec::new(),
        };
        if lens.is_whole() {
            facts.take_whole(question.verdict)
        } else {
            facts.take_part(question, lens)
        }
        facts
    }

    fn take_whole(&mut self, verdict: &'a Verdict) {
        let labels = &verdict.labels;
        self.risk_score = labels.risk_score;
        for scored in &labels.risks {
            let known = &mut self.risks[scored.id.index()];
            *known = known.max(scored.score);
        }
        self.attack_score = labels.attack_score;
        for scored in &labels.attacks {
            let known = &mut self.attacks[scored.id.index()];
            *known = known.max(scored.score);
        }
        self.level = labels.level.as_ref().map(|s| s.id);
        self.intent = labels.intent.as_ref().map(|s| (s.id, s.score));
        self.topic = labels.topic.as_ref().map(|s| (s.id.id(), s.score));
        self.sentiment = labels.sentiment.as_ref().map(|s| s.id);
        self.unsafe_answer = labels.unsafe_answer;
        self.refusal = labels.refusal;
        self.findings = verdict.findings.iter().collect();
    }

    fn take_part(&mut self, question: &'a Question<'a>, lens: Lens) {
        let conversation = question.conversation;
        let from = if lens.turn { turn_start(conversation) } else { 0 };
        for finding in &question.verdict.findings {
            let Some(segment) = conversation.segments.get(finding.segment) else { continue };
            let inside = (!lens.turn || segment.message >= from)
                && (!lens.tool || segment.side == Side::Tool)
                && (lens.roles.is_empty() || lens.roles.contains(role_index(segment.role)));
            if !inside {
                continue;
            }
            self.findings.push(finding);
            if let Some(risk) = finding.risk {
                let known = &mut self.risks[risk.index()];
                *known = known.max(finding.score);
                self.risk_score = self.risk_score.max(finding.score);
            }
            if let Some(attack) = finding.attack {
                let known = &mut self.attacks[attack.index()];
                *known = known.max(finding.score);
                self.attack_score = self.attack_score.max(finding.score);
            }
            self.level = self.level.max(finding.level);
            if let Some(intent) = finding.intent
                && self.intent.is_none_or(|(_, score)| finding.score > score)
            {
                self.intent = Some((intent, finding.score));
            }
            if let Some(topic) = &finding.topic
                && self.topic.is_none_or(|(_, score)| finding.score > score)
            {
                self.topic = Some((topic.id(), finding.score));
            }
        }
    }
}

/// The message index where the current turn starts: the last user message, else the whole.
fn turn_start(conversation: &Conversation) -> usize {
    conversation.segments.iter().filter(|s| s.role == Role::User).map(|s| s.message).max().unwrap_or(0)
}
