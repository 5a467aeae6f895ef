//! What the heads are trained on: the sum of each known head's cross-entropy.

use menshen_verdict::Risk;

use crate::heads::{
    ATTACK, ATTACKS, FIXED, INTENT, LEVEL, REFUSAL, RISK, SENTIMENT, Targets, UNSAFE, bit, sigmoid, softmax,
};

/// How much each head counts.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// Level.
    pub level: f32,
    /// Intent.
    pub intent: f32,
    /// Sentiment.
    pub sentiment: f32,
    /// General topic.
    pub topic: f32,
    /// All 31 risks together.
    pub risk: f32,
    /// Attack or not.
    pub attack: f32,
    /// All 19 sub-classes together.
    pub attacks: f32,
    /// Unsafe answer.
    pub unsafe_answer: f32,
    /// Refusal.
    pub refusal: f32,
    /// How much a risk or attack class that is there counts against one that is not: each is absent in most texts.
    pub present: f32,
    /// What is taken from certain labels: written and inherited labels err.
    pub smoothing: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            level: 1.0,
            intent: 0.5,
            sentiment: 0.3,
            topic: 0.5,
            risk: 1.0,
            attack: 1.0,
            attacks: 0.5,
            unsafe_answer: 1.0,
            refusal: 1.0,
            present: 2.0,
            smoothing: 0.02,
        }
    }
}

/// Writes the gradient of the loss by the logits into `grad` (which is overwritten) and returns the loss.
pub fn loss(logits: &[f32], targets: &Targets, weights: &Weights, grad: &mut [f32]) -> f32 {
    grad.fill(0.0);
    let mut total = 0.0;
    let smoothing = weights.smoothing;
    let mut single = |range: std::ops::Range<usize>, target: Option<usize>, weight: f32, total: &mut f32| {
        let (Some(target), Some(head)) = (target, logits.get(range.clone())) else { return };
        let mut p = head.to_vec();
        softmax(&mut p);
        let off = smoothing / p.len() as f32;
        for (i, (p, g)) in p.iter().zip(grad.iter_mut().skip(range.start)).enumerate() {
            let wanted = if i == target { 1.0 - smoothing + off } else { off };
            *total -= weight * wanted * p.max(1e-9).ln();
            *g += weight * (p - wanted);
        }
    };
    single(LEVEL, targets.level.map(|l| l.index()), weights.level, &mut total);
    single(INTENT, targets.intent.map(|i| i.index()), weights.intent, &mut total);
    single(SENTIMENT, targets.sentiment.map(|s| s.index()), weights.sentiment, &mut total);
    single(FIXED..logits.len(), targets.topic.map(usize::from), weights.topic, &mut total);
    let mut each = |at: usize, wanted: bool, weight: f32, present: f32, total: &mut f32| {
        let (Some(logit), Some(g)) = (logits.get(at), grad.get_mut(at)) else { return };
        let p = sigmoid(*logit);
        let weight = if wanted { weight * present } else { weight };
        let wanted = if wanted { 1.0 - smoothing / 2.0 } else { smoothing / 8.0 };
        *total -= weight * (wanted * p.max(1e-9).ln() + (1.0 - wanted) * (1.0 - p).max(1e-9).ln());
        *g += weight * (p - wanted);
    };
    if let Some(risks) = targets.risks {
        for (i, _) in Risk::ALL.iter().enumerate() {
            each(RISK.start + i, risks & bit(i) != 0, weights.risk, weights.present, &mut total);
        }
    }
    if let Some(attack) = targets.attack {
        each(ATTACK, attack, weights.attack, 1.0, &mut total);
    }
    if let Some(attacks) = targets.attacks {
        for i in 0..ATTACKS.len() {
            each(ATTACKS.start + i, attacks & bit(i) != 0, weights.attacks, weights.present, &mut total);
        }
    }
    if let Some(wanted) = targets.unsafe_answer {
        each(UNSAFE, wanted, weights.unsafe_answer, 1.0, &mut total);
    }
    if let Some(wanted) = targets.refusal {
        each(REFUSAL, wanted, weights.refusal, 1.0, &mut total);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::{Intent, Level};

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let mut logits: Vec<f32> = (0..80_u16).map(|i| f32::from(i * 37 % 11) / 4.0 - 1.2).collect();
        let targets = Targets {
            level: Some(Level::Risky),
            intent: Some(Intent::Malicious),
            topic: Some(3),
            risks: Some(0b1001),
            attack: Some(true),
            attacks: Some(0b10),
            refusal: Some(false),
            ..Targets::default()
        };
        let weights = Weights::default();
        let mut grad = vec![0.0; logits.len()];
        loss(&logits, &targets, &weights, &mut grad);
        let mut unused = vec![0.0; logits.len()];
        for i in 0..logits.len() {
            let was = logits[i];
            logits[i] = was + 1e-2;
            let up = loss(&logits, &targets, &weights, &mut unused);
            logits[i] = was - 1e-2;
            let down = loss(&logits, &targets, &weights, &mut unused);
            logits[i] = was;
            let slope = (up - down) / 2e-2;
            assert!((slope - grad[i]).abs() < 2e-2, "{i}: {slope} {}", grad[i]);
        }
    }

    #[test]
    fn unknown_heads_are_not_trained() {
        let mut grad = vec![1.0; 70];
        assert_eq!(loss(&[0.3; 70], &Targets::default(), &Weights::default(), &mut grad), 0.0);
        assert!(grad.iter().all(|g| *g == 0.0));
    }
}
