//! The conditions of a rule. All that are written must hold; within a list, any.

use menshen_verdict::{Family, Level, Media, Side};

use crate::Lang;
use crate::expression::{self, Expression};
use crate::facts::{Facts, Lens, Set};
use crate::glob::{Glob, any};

/// The score from which a label or finding counts, unless the rule says otherwise: more likely than not.
pub(crate) const DEFAULT_MIN: f32 = 0.5;

/// The conditions of a rule, compiled.
#[derive(Debug, Default)]
pub(crate) struct When {
    pub(crate) sides: Set,
    pub(crate) lens: Lens,
    pub(crate) labels: LabelTests,
    pub(crate) findings: FindingTests,
    pub(crate) unsafe_min: Option<f32>,
    pub(crate) refusal_min: Option<f32>,
    pub(crate) app: Vec<Glob>,
    pub(crate) tenant: Vec<Glob>,
    pub(crate) user: Vec<Glob>,
    pub(crate) tier: Vec<Glob>,
    pub(crate) scene: Vec<Glob>,
    pub(crate) minor: Option<bool>,
    pub(crate) unavailable: Option<bool>,
    pub(crate) guided: Option<bool>,
    pub(crate) lang: Option<Lang>,
    pub(crate) attachment: Set,
    pub(crate) cel: Option<Expression>,
}

/// The label conditions that rules and principles share.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelTests {
    pub(crate) risk: Set,
    pub(crate) risk_min: Option<f32>,
    pub(crate) attack: Set,
    pub(crate) attack_min: Option<f32>,
    pub(crate) level: Set,
    pub(crate) intent: Set,
    pub(crate) intent_min: Option<f32>,
    pub(crate) sentiment: Set,
    pub(crate) topic: Vec<Glob>,
    pub(crate) topic_min: Option<f32>,
}

/// Conditions that one and the same finding must satisfy.
#[derive(Debug, Default)]
pub(crate) struct FindingTests {
    pub(crate) detector: Vec<Glob>,
    pub(crate) family: Set,
    pub(crate) label: Vec<Glob>,
    pub(crate) min: Option<f32>,
}

pub(crate) const fn side_index(side: Side) -> usize {
    side as usize
}

pub(crate) const fn family_index(family: Family) -> usize {
    family as usize
}

pub(crate) const fn level_index(level: Level) -> usize {
    level as usize
}

pub(crate) const fn media_index(media: Media) -> usize {
    media as usize
}

impl LabelTests {
    pub(crate) fn is_empty(&self) -> bool {
        self.risk.is_empty()
            && self.risk_min.is_none()
            && self.attack.is_empty()
            && self.attack_min.is_none()
            && self.level.is_empty()
            && self.intent.is_empty()
            && self.sentiment.is_empty()
            && self.topic.is_empty()
    }

    /// Whether everything that is written holds.
    pub(crate) fn hold(&self, facts: &Facts<'_>) -> bool {
        self.hold_from(facts, self.risk_min, self.attack_min)
    }

    /// The same with other thresholds: a principle counts a label from where the rule that calls for it does.
    pub(crate) fn hold_from(&self, facts: &Facts<'_>, risk_min: Option<f32>, attack_min: Option<f32>) -> bool {
        scores_hold(self.risk, risk_min, self.risk_min, &facts.risks, facts.risk_score)
            && scores_hold(self.attack, attack_min, self.attack_min, &facts.attacks, facts.attack_score)
            && head_holds(self.level, facts.level.map(level_index))
            && head_holds(self.intent, sure(facts.intent, self.intent_min).map(|i| i.index()))
            && head_holds(self.sentiment, facts.sentiment.map(|s| s.index()))
            && (self.topic.is_empty() || sure(facts.topic, self.topic_min).is_some_and(|t| any(&self.topic, t)))
    }

    /// How well the labels match, for ordering principles: the highest score among the labels that are named.
    pub(crate) fn strength(&self, facts: &Facts<'_>) -> f32 {
        let best = |set: Set, scores: &[f32]| {
            scores.iter().enumerate().filter(|(i, _)| set.contains(*i)).map(|(_, s)| *s).fold(0.0, f32::max)
        };
        best(self.risk, &facts.risks).max(best(self.attack, &facts.attacks))
    }
}

/// Members named: one of them from `min` (default 0.5). No member named but a threshold written: the whole score.
fn scores_hold(set: Set, min: Option<f32>, written: Option<f32>, scores: &[f32], whole: f32) -> bool {
    if set.is_empty() {
        return written.is_none_or(|m| whole >= m);
    }
    let min = min.unwrap_or(DEFAULT_MIN);
    scores.iter().enumerate().any(|(i, s)| set.contains(i) && *s >= min && *s > 0.0)
}

/// The likeliest of many, where it is likely enough (from 0.5 on if nothing is written): a judge has an opinion on
/// every text, also where it hardly knows.
fn sure<T>(label: Option<(T, f32)>, min: Option<f32>) -> Option<T> {
    label.filter(|(_, score)| *score >= min.unwrap_or(DEFAULT_MIN)).map(|(label, _)| label)
}

/// A head that was not judged satisfies no condition: absent means "not judged", never "safe".
fn head_holds(set: Set, value: Option<usize>) -> bool {
    set.is_empty() || value.is_some_and(|v| set.contains(v))
}

impl FindingTests {
    fn is_empty(&self) -> bool {
        self.detector.is_empty() && self.family.is_empty() && self.label.is_empty() && self.min.is_none()
    }

    fn hold(&self, facts: &Facts<'_>) -> bool {
        let min = self.min.unwrap_or(DEFAULT_MIN);
        self.is_empty()
            || facts.findings.iter().any(|f| {
                f.score >= min
                    && (self.detector.is_empty() || any(&self.detector, &f.detector))
                    && (self.family.is_empty() || self.family.contains(family_index(f.family)))
                    && (self.label.is_empty() || any(&self.label, &f.label))
            })
    }
}

fn named(globs: &[Glob], value: Option<&str>) -> bool {
    globs.is_empty() || value.is_some_and(|v| any(globs, v))
}

impl When {
    /// Whether the rule is about this side at all, and through which lens it looks.
    ///
    /// A rule for the tool side also speaks on a request that carries tool returns; it then sees only those.
    pub(crate) fn lens_for(&self, side: Side) -> Option<Lens> {
        if self.sides.is_empty() || self.sides.contains(side_index(side)) {
            return Some(self.lens);
        }
        (side == Side::Input && self.sides.contains(side_index(Side::Tool))).then_some(Lens { tool: true, ..self.lens })
    }

    /// Whether every condition holds. The side has been tested by [`When::lens_for`].
    pub(crate) fn holds(&self, facts: &Facts<'_>, vars: &expression::Lazy) -> Result<bool, expression::Failure> {
        let question = facts.question;
        let subject = question.subject;
        let verdict = question.verdict;
        let plain = self.labels.hold(facts)
            && self.findings.hold(facts)
            && self.unsafe_min.is_none_or(|m| facts.unsafe_answer.is_some_and(|s| s >= m))
            && self.refusal_min.is_none_or(|m| facts.refusal.is_some_and(|s| s >= m))
            && named(&self.app, Some(&subject.app))
            && named(&self.tenant, Some(&subject.tenant))
            && named(&self.user, subject.user.as_deref())
            && named(&self.tier, subject.tier.as_deref())
            && named(&self.scene, question.scene())
            && self.minor.is_none_or(|m| subject.minor == m)
            && self.unavailable.is_none_or(|u| u != verdict.unavailable.is_empty())
            && self.guided.is_none_or(|g| question.guided == g)
            && self.lang.is_none_or(|l| question.language() == l)
            && (self.attachment.is_empty()
                || question.conversation.attachments.iter().any(|a| self.attachment.contains(media_index(a.media))));
        match &self.cel {
            Some(cel) if plain => cel.holds(vars.get(facts)),
            _ => Ok(plain),
        }
    }

    /// Whether the rule says something about unavailable detectors.
    pub(crate) fn is_about_unavailability(&self) -> bool {
        self.unavailable == Some(true)
    }
}
