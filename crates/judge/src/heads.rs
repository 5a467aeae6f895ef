//! The heads of a model: which output means what.
//!
//! Every model has one output vector of logits. The first [`FIXED`] places are the same for all models; the general
//! topics follow, as many as the pack lists. Single-label heads (level, intent, sentiment, topic) are read through a
//! softmax over their places, the others through a sigmoid each.

use std::ops::Range;

use menshen_verdict::{Attack, Intent, Level, Risk, Sentiment};

use crate::ops::{exp, largest, sum};

/// Level: none, related, risky; softmax.
pub const LEVEL: Range<usize> = 0..3;
/// Intent, in the order of [`Intent::ALL`]; softmax.
pub const INTENT: Range<usize> = 3..8;
/// Sentiment: negative, neutral, positive; softmax.
pub const SENTIMENT: Range<usize> = 8..11;
/// Which of the 31 risks the text concerns, in the order of [`Risk::ALL`]; sigmoid each.
pub const RISK: Range<usize> = 11..42;
/// Whether the text is a prompt attack at all; sigmoid.
pub const ATTACK: usize = 42;
/// The 19 sub-classes of prompt attack, in the order of [`Attack::ALL`]; sigmoid each.
pub const ATTACKS: Range<usize> = 43..62;
/// Answer side: unsafe answer; sigmoid.
pub const UNSAFE: usize = 62;
/// Answer side: refusal; sigmoid.
pub const REFUSAL: usize = 63;
/// Places before the topics.
pub const FIXED: usize = 64;

/// What is known of one text. An absent head is not known: it is neither trained on nor evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Targets {
    /// How it stands to the risk.
    pub level: Option<Level>,
    /// Why somebody asks.
    pub intent: Option<Intent>,
    /// The writer's mood.
    pub sentiment: Option<Sentiment>,
    /// Place in the pack's list of topics.
    pub topic: Option<u16>,
    /// The risks that it concerns, one bit each in the order of [`Risk::ALL`].
    pub risks: Option<u32>,
    /// Whether it is a prompt attack.
    pub attack: Option<bool>,
    /// The sub-classes of the attack, one bit each in the order of [`Attack::ALL`].
    pub attacks: Option<u32>,
    /// Answer side: whether the answer is unsafe.
    pub unsafe_answer: Option<bool>,
    /// Answer side: whether the answer is a refusal.
    pub refusal: Option<bool>,
}

impl Targets {
    /// Whether the text is risky, where that is known.
    pub fn risky(&self) -> Option<bool> {
        self.level.map(|level| level == Level::Risky)
    }

    /// The risks as a list.
    pub fn risk_list(&self) -> impl Iterator<Item = Risk> {
        let bits = self.risks.unwrap_or(0);
        Risk::ALL.iter().copied().filter(move |risk| bits & bit(risk.index()) != 0)
    }

    /// The attack's sub-classes as a list.
    pub fn attack_list(&self) -> impl Iterator<Item = Attack> {
        let bits = self.attacks.unwrap_or(0);
        Attack::ALL.iter().copied().filter(move |attack| bits & bit(attack.index()) != 0)
    }
}

/// The bit of a label's place.
pub const fn bit(index: usize) -> u32 {
    1 << (index as u32)
}

/// A softmax in place.
pub fn softmax(values: &mut [f32]) {
    let top = largest(values);
    for value in values.iter_mut() {
        *value = exp(*value - top);
    }
    let sum = sum(values);
    for value in values.iter_mut() {
        *value /= sum;
    }
}

/// The logistic function.
pub fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Turns logits into probabilities, head by head, in place.
pub fn activate(logits: &mut [f32]) {
    for range in [LEVEL, INTENT, SENTIMENT, FIXED..logits.len()] {
        if let Some(head) = logits.get_mut(range) {
            softmax(head);
        }
    }
    for range in [RISK, ATTACK..ATTACKS.end, UNSAFE..FIXED] {
        for value in logits.get_mut(range).into_iter().flatten() {
            *value = sigmoid(*value);
        }
    }
}

/// The place and value of the largest entry.
pub fn best(values: &[f32]) -> Option<(usize, f32)> {
    values.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_lie_side_by_side_and_have_the_taxonomy_s_sizes() {
        assert_eq!(LEVEL.len(), Level::ALL.len());
        assert_eq!(INTENT.len(), Intent::ALL.len());
        assert_eq!(SENTIMENT.len(), Sentiment::ALL.len());
        assert_eq!(RISK.len(), Risk::ALL.len());
        assert_eq!(ATTACKS.len(), Attack::ALL.len());
        let edges = [LEVEL.start, LEVEL.end, INTENT.end, SENTIMENT.end, RISK.end, ATTACKS.start - 1, ATTACKS.end];
        assert_eq!(edges, [0, INTENT.start, SENTIMENT.start, RISK.start, ATTACK, ATTACK, UNSAFE]);
        assert_eq!(REFUSAL + 1, FIXED);
    }

    #[test]
    fn activation_yields_probabilities() {
        let mut logits: Vec<f32> = (0..70_u8).map(|i| f32::from(i % 7) - 3.0).collect();
        activate(&mut logits);
        assert!(logits.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!((logits[LEVEL].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((logits[FIXED..].iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}
