//! Calibration: a model's scores made into probabilities, on texts that it has not learnt from.
//!
//! Each head is rescaled by two numbers (Platt 1999): `p' = σ(a · logit(p) + b)`. Heads with one answer out of many are
//! rescaled by one, a temperature (Guo et al. 2017, arXiv 1706.04599).

use menshen_verdict::{Intent, Level};
use serde::{Deserialize, Serialize};

use crate::evaluate::{Judged, RISKY};
use crate::heads::{ATTACK, ATTACKS, FIXED, INTENT, LEVEL, REFUSAL, RISK, SENTIMENT, UNSAFE, sigmoid};

/// `p' = σ(a · logit(p) + b)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    /// The slope.
    pub a: f32,
    /// The offset.
    pub b: f32,
}

impl Default for Platt {
    fn default() -> Self {
        Platt { a: 1.0, b: 0.0 }
    }
}

fn logit(p: f32) -> f32 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    (p / (1.0 - p)).ln()
}

/// What speaks for a risk beside `P(risky)` itself, in logits. A text that is called risky should also sound malicious,
/// and not as if nothing were the matter: heads that err apart correct each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// How much `logit P(malicious)` counts.
    pub malicious: f32,
    /// How much `logit P(no risk at all)` counts against it.
    pub harmless: f32,
}

impl Evidence {
    /// The sum, from probabilities that are not calibrated yet.
    fn of(&self, p: &[f32]) -> f32 {
        let at = |place: usize| logit(p.get(place).copied().unwrap_or(0.5));
        at(RISKY) + self.malicious * at(INTENT.start + Intent::Malicious.index()) - self.harmless * at(LEVEL.start)
    }
}

impl Platt {
    /// The calibrated probability.
    pub fn apply(&self, p: f32) -> f32 {
        self.apply_logit(logit(p))
    }

    fn apply_logit(&self, logit: f32) -> f32 {
        sigmoid(self.a * logit + self.b)
    }

    /// Fits slope and offset to scored truths by Newton's method, with targets drawn in as Platt's paper does so that
    /// a head that errs nowhere is not made certain. With too little of either kind nothing is changed.
    pub fn fit(scored: &[(f32, bool)]) -> Platt {
        let logits: Vec<(f32, bool)> = scored.iter().map(|(p, truth)| (logit(*p), *truth)).collect();
        Platt::fit_logits(&logits)
    }

    fn fit_logits(scored: &[(f32, bool)]) -> Platt {
        let positives = scored.iter().filter(|s| s.1).count() as f64;
        let negatives = scored.len() as f64 - positives;
        if positives < 10.0 || negatives < 10.0 {
            return Platt::default();
        }
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let points: Vec<(f64, f64)> =
            scored.iter().map(|(x, t)| (f64::from(*x), if *t { high } else { low })).collect();
        let loss = |a: f64, b: f64| {
            let each = points.iter().map(|(x, t)| {
                let z = a * x + b;
                // ln(1 + e^z) − t·z, without overflow.
                z.max(0.0) + (-z.abs()).exp().ln_1p() - t * z
            });
            each.sum::<f64>() + 1e-3 * (a - 1.0).powi(2)
        };
        let (mut a, mut b) = (1.0, 0.0);
        let mut best = loss(a, b);
        for _ in 0..60 {
            let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (2e-3 * (a - 1.0), 0.0, 2e-3, 0.0, 1e-9);
            for (x, t) in &points {
                let p = 1.0 / (1.0 + (-(a * x + b)).exp());
                let (g, h) = (p - t, p * (1.0 - p));
                ga += g * x;
                gb += g;
                haa += h * x * x;
                hab += h * x;
                hbb += h;
            }
            let determinant = haa * hbb - hab * hab;
            if determinant.abs() < 1e-12 {
                break;
            }
            let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
            let mut step = 1.0;
            while step > 1e-4 && loss(a - step * da, b - step * db) > best {
                step /= 2.0;
            }
            let (next_a, next_b) = (a - step * da, b - step * db);
            let next = loss(next_a, next_b);
            if next >= best - 1e-9 {
                break;
            }
            (a, b, best) = (next_a, next_b, next);
        }
        // A slope that turns the order around would be worse than none.
        if a <= 0.05 { Platt::default() } else { Platt { a: a as f32, b: b as f32 } }
    }
}

/// How each head of a stage is rescaled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What counts beside `P(risky)`.
    #[serde(default)]
    pub evidence: Evidence,
    /// `P(risky)`, from the evidence; what is left is shared by the other levels as before.
    pub risky: Platt,
    /// All risks alike.
    pub risks: Platt,
    /// Attack or not.
    pub attack: Platt,
    /// All sub-classes alike.
    pub attacks: Platt,
    /// Unsafe answer.
    pub unsafe_answer: Platt,
    /// Refusal.
    pub refusal: Platt,
    /// What the logits of the intents are multiplied with.
    pub intent: f32,
    /// The same for the sentiment.
    pub sentiment: f32,
    /// The same for the topics.
    pub topic: f32,
}

impl Calibration {
    /// Fits every head on judged records whose probabilities are not calibrated yet.
    pub fn fit(judged: &[Judged<'_>], evidence: Evidence) -> Calibration {
        let mut risky = Vec::new();
        let (mut risks, mut attack, mut attacks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unsafe_answer, mut refusal) = (Vec::new(), Vec::new());
        for j in judged {
            let t = &j.record.example.targets;
            let asked = j.record.example.side != menshen_verdict::Side::Output;
            if asked {
                risky.extend(t.level.map(|l| (evidence.of(&j.p), l == Level::Risky)));
                attack.extend(t.attack.map(|a| (j.at(ATTACK), a)));
                if let Some(bits) = t.risks {
                    risks.extend((0..RISK.len()).map(|i| (j.at(RISK.start + i), bits & crate::heads::bit(i) != 0)));
                }
                if let Some(bits) = t.attacks {
                    attacks.extend(
                        (0..ATTACKS.len()).map(|i| (j.at(ATTACKS.start + i), bits & crate::heads::bit(i) != 0)),
                    );
                }
            }
            unsafe_answer.extend(t.unsafe_answer.map(|u| (j.at(UNSAFE), u)));
            refusal.extend(t.refusal.map(|r| (j.at(REFUSAL), r)));
        }
        let single = |range: std::ops::Range<usize>, truth: &dyn Fn(&Judged<'_>) -> Option<usize>| {
            let heads: Vec<(&[f32], usize)> =
                judged.iter().filter_map(|j| Some((j.p.get(range.clone())?, truth(j)?))).collect();
            temperature(&heads)
        };
        let outputs = judged.first().map_or(FIXED, |j| j.p.len());
        Calibration {
            evidence,
            risky: Platt::fit_logits(&risky),
            risks: Platt::fit(&risks),
            attack: Platt::fit(&attack),
            attacks: Platt::fit(&attacks),
            unsafe_answer: Platt::fit(&unsafe_answer),
            refusal: Platt::fit(&refusal),
            intent: single(INTENT, &|j| j.record.example.targets.intent.map(|i| i.index())),
            sentiment: single(SENTIMENT, &|j| j.record.example.targets.sentiment.map(|s| s.index())),
            topic: single(FIXED..outputs, &|j| j.record.example.targets.topic.map(usize::from)),
        }
    }

    /// Calibrates a model's probabilities in place.
    pub fn apply(&self, p: &mut [f32]) {
        let evidence = self.evidence.of(p);
        if let Some([none, related, risky]) = p.get_mut(LEVEL) {
            let others = (*none + *related).max(1e-9);
            *risky = self.risky.apply_logit(evidence);
            let share = (1.0 - *risky) / others;
            *none *= share;
            *related *= share;
        }
        for (range, platt) in [
            (RISK, &self.risks),
            (ATTACK..ATTACK + 1, &self.attack),
            (ATTACKS, &self.attacks),
            (UNSAFE..UNSAFE + 1, &self.unsafe_answer),
            (REFUSAL..REFUSAL + 1, &self.refusal),
        ] {
            for value in p.get_mut(range).into_iter().flatten() {
                *value = platt.apply(*value);
            }
        }
        for (range, factor) in [(INTENT, self.intent), (SENTIMENT, self.sentiment), (FIXED..p.len(), self.topic)] {
            // A factor of 0 stands for a head that was never fitted.
            if factor > 0.0
                && let Some(head) = p.get_mut(range)
            {
                sharpen(head, factor);
            }
        }
    }
}

/// Multiplies the logits of a distribution.
fn sharpen(head: &mut [f32], factor: f32) {
    let mut sum = 0.0;
    for value in head.iter_mut() {
        *value = value.max(1e-9).powf(factor);
        sum += *value;
    }
    if sum > 0.0 {
        head.iter_mut().for_each(|v| *v /= sum);
    }
}

/// The factor under which the truths are likeliest, by golden section over 0.1..=3.
fn temperature(heads: &[(&[f32], usize)]) -> f32 {
    if heads.len() < 30 {
        return 1.0;
    }
    let loss = |factor: f32| -> f64 {
        let each = heads.iter().map(|(p, truth)| {
            let powers: Vec<f64> = p.iter().map(|v| f64::from(v.max(1e-9)).powf(f64::from(factor))).collect();
            let sum: f64 = powers.iter().sum();
            -(powers.get(*truth).copied().unwrap_or(1e-9) / sum).max(1e-12).ln()
        });
        each.sum()
    };
    let ratio = 0.618_034;
    let (mut low, mut high) = (0.1_f32, 3.0_f32);
    for _ in 0..24 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if loss(left) < loss(right) {
            high = right;
        } else {
            low = left;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boastful_score_is_brought_down_and_order_is_kept() {
        // Says 0.9 and is right half of the time; says 0.2 and is right a tenth of the time.
        let mut scored: Vec<(f32, bool)> = (0..200).map(|i| (0.9, i % 2 == 0)).collect();
        scored.extend((0..200).map(|i| (0.2, i % 10 == 0)));
        let platt = Platt::fit(&scored);
        assert!((platt.apply(0.9) - 0.5).abs() < 0.03, "{platt:?}");
        assert!((platt.apply(0.2) - 0.1).abs() < 0.03);
        assert!(platt.apply(0.3) < platt.apply(0.4));
    }

    #[test]
    fn what_sounds_malicious_and_not_harmless_is_likelier_risky() {
        let evidence = Evidence { malicious: 0.5, harmless: 0.5 };
        let calibration = Calibration { evidence, ..Calibration::default() };
        let risky = |none: f32, malicious: f32| {
            let mut p = vec![0.1; FIXED + 1];
            (p[0], p[1], p[2]) = (none, 0.6 - none, 0.4);
            p[INTENT.start + Intent::Malicious.index()] = malicious;
            calibration.apply(&mut p);
            assert!((p[LEVEL].iter().sum::<f32>() - 1.0).abs() < 1e-5);
            p[RISKY]
        };
        assert!(risky(0.1, 0.5) > risky(0.5, 0.5));
        assert!(risky(0.3, 0.9) > risky(0.3, 0.1));
        // Without evidence the other heads do not matter.
        let mut p = vec![0.1; FIXED + 1];
        (p[0], p[1], p[2]) = (0.3, 0.3, 0.4);
        Calibration::default().apply(&mut p);
        assert!((p[RISKY] - 0.4).abs() < 1e-5);
    }

    #[test]
    fn too_little_data_changes_nothing() {
        assert_eq!(Platt::fit(&[(0.9, true), (0.1, false)]), Platt::default());
    }

    #[test]
    fn calibrated_levels_still_sum_to_one() {
        let calibration = Calibration { risky: Platt { a: 0.5, b: -1.0 }, intent: 0.5, ..Calibration::default() };
        let mut p = vec![0.2; FIXED + 3];
        p[0] = 0.1;
        p[1] = 0.3;
        p[2] = 0.6;
        calibration.apply(&mut p);
        assert!((p[LEVEL].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!((p[INTENT].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(p[1] > p[0]);
    }
}
