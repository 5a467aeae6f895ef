//! A model pack at work: the first stage reads every text, the second only what the first is not certain of.

use std::time::{Duration, Instant};

use menshen_verdict::{Attack, Intent, Labels, Level, Risk, Scored, Sentiment, Side, Topic};

use crate::calibrate::Calibration;
use crate::encoder;
use crate::fast;
use crate::heads::{ATTACK, ATTACKS, FIXED, INTENT, LEVEL, REFUSAL, RISK, SENTIMENT, UNSAFE, activate, best};
use crate::pack::ModelPack;
use crate::reading::Reading;
use crate::{Judge, JudgeError, JudgeInput};

/// Tokens that two windows of the first stage share.
const OVERLAP: usize = 128;
/// Topics and sub-classes below this score are not reported.
const LEAST: f32 = 0.05;

/// How a pack is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The second stage is not begun on a further window once a text has taken this long. 30 ms.
    pub budget: Duration,
    /// Whether the second stage is used at all.
    pub encoder: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { budget: Duration::from_millis(30), encoder: true }
    }
}

/// A model pack as a judge.
#[derive(Debug)]
pub struct Cascade {
    pack: ModelPack,
    options: Options,
    name: String,
}

/// What a cascade said of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// Calibrated probabilities, one for each place of the heads.
    pub p: Vec<f32>,
    /// Whether the second stage took part.
    pub encoder: bool,
}

impl Cascade {
    /// A pack, ready to judge.
    pub fn new(pack: ModelPack, options: Options) -> Self {
        // The version and how scores are read are in the name: verdicts of two models are told apart, and cached apart.
        let m = &pack.manifest;
        let stages = if options.encoder && pack.encoder.is_some() { 2 } else { 1 };
        let name = format!("{}@{}.{}.{stages}", m.name, m.version, m.settings());
        Cascade { pack, options, name }
    }

    /// The pack.
    pub const fn pack(&self) -> &ModelPack {
        &self.pack
    }

    /// The probabilities for one text.
    pub fn opinion(&self, text: &str, side: Side) -> Opinion {
        let started = Instant::now();
        let reading = Reading::of(text, side);
        let mut opinion = self.unweighed(&reading, side, started);
        if side == Side::Output {
            weigh_harm(&mut opinion.p, reading.tokens.len());
        }
        opinion
    }

    fn unweighed(&self, reading: &Reading, side: Side, started: Instant) -> Opinion {
        let first = self.first(reading);
        let p = strongest(first.iter().map(|logits| self.finished(logits.clone(), &self.pack.manifest.calibration)));
        let cascading = &self.pack.manifest.cascade;
        let suspicion = suspicion(&p, side);
        let certain = suspicion < cascading.harmless_below || suspicion >= cascading.certain_from;
        let Some(encoder) = self.pack.encoder.as_ref().filter(|_| self.options.encoder && !certain) else {
            return Opinion { p, encoder: false };
        };
        let (mut read, mut later) = (Vec::new(), Vec::new());
        for (from, to) in encoder::windows(reading.tokens.len()) {
            if !read.is_empty() && started.elapsed() > self.options.budget {
                break;
            }
            later.push(encoder.logits(reading, from, to));
            read.push((from, to));
        }
        let mut both = first.first().cloned().unwrap_or_default();
        // What the first stage saw is the whole text or its first half a thousand tokens; what the second saw is
        // averaged over its windows.
        let n = later.len().max(1) as f32;
        for (place, value) in both.iter_mut().enumerate() {
            let mean = later.iter().filter_map(|l| l.get(place)).sum::<f32>() / n;
            *value = *value * (1.0 - cascading.share) + mean * cascading.share;
        }
        let mut mixed = vec![self.finished(both, &self.pack.manifest.calibration_both)];
        // Further windows of a long text keep the first stage's opinion.
        mixed.extend(first.iter().skip(1).map(|l| self.finished(l.clone(), &self.pack.manifest.calibration)));
        Opinion { p: strongest(mixed), encoder: true }
    }

    /// The first stage's logits, window by window.
    fn first(&self, reading: &Reading) -> Vec<Vec<f32>> {
        let mut scratch = Vec::new();
        let windows = windows(reading.tokens.len());
        windows.iter().map(|(from, to)| self.pack.fast.logits(reading, *from, *to, &mut scratch)).collect()
    }

    fn finished(&self, mut logits: Vec<f32>, calibration: &Calibration) -> Vec<f32> {
        activate(&mut logits);
        calibration.apply(&mut logits);
        logits
    }

    /// Probabilities as labels.
    pub fn labels(&self, p: &[f32], side: Side) -> Labels {
        let thresholds = &self.pack.manifest.thresholds;
        let at = |place: usize| p.get(place).copied().unwrap_or(0.0);
        let mut labels = Labels::default();
        let listed = |range: std::ops::Range<usize>| p.get(range).unwrap_or_default().iter().copied();
        let risks = Risk::ALL.iter().zip(listed(RISK));
        labels.risks = risks.map(|(risk, score)| Scored::new(*risk, score)).collect();
        labels.risks.sort_by(|a, b| b.score.total_cmp(&a.score));
        if side == Side::Output {
            let harm = at(UNSAFE) * (1.0 - at(REFUSAL));
            labels.risk_score = harm;
            labels.unsafe_answer = Some(at(UNSAFE));
            labels.refusal = Some(at(REFUSAL));
            let (id, score) = if harm >= thresholds.unsafe_answer {
                (Level::Risky, harm)
            } else if labels.risks.first().is_some_and(|r| r.score >= 0.5) {
                (Level::Related, 1.0 - harm)
            } else {
                (Level::None, 1.0 - harm)
            };
            labels.level = Some(Scored::new(id, score));
            concern(&mut labels, id == Level::Risky, harm);
        } else {
            let [none, related, risky] = [at(LEVEL.start), at(LEVEL.start + 1), at(LEVEL.start + 2)];
            labels.risk_score = risky;
            let level = if risky >= thresholds.risky {
                (Level::Risky, risky)
            } else if risky + related >= thresholds.related {
                (Level::Related, related)
            } else {
                (Level::None, none)
            };
            labels.level = Some(Scored::new(level.0, level.1));
            concern(&mut labels, level.0 == Level::Risky, risky);
            labels.intent = p
                .get(INTENT)
                .and_then(best)
                .and_then(|(i, score)| Intent::ALL.get(i).map(|intent| Scored::new(*intent, score)));
        }
        if side != Side::Output {
            labels.attack_score = at(ATTACK);
            let attacks = Attack::ALL.iter().zip(listed(ATTACKS));
            labels.attacks = attacks.map(|(attack, score)| Scored::new(*attack, score)).collect();
            labels.attacks.sort_by(|a, b| b.score.total_cmp(&a.score));
            let top = labels.attacks.first().map_or(1.0, |a| a.score.max(1e-6));
            let called = labels.attack_score >= thresholds.attack;
            for attack in &mut labels.attacks {
                // As with risks: what was called an attack is one of some class with the certainty of the whole.
                let share = if called { attack.score / top * labels.attack_score } else { attack.score };
                attack.score = share.min(labels.attack_score);
            }
            labels.attacks.retain(|a| a.score >= LEAST);
        }
        labels.sentiment = p
            .get(SENTIMENT)
            .and_then(best)
            .and_then(|(i, score)| Sentiment::ALL.get(i).map(|mood| Scored::new(*mood, score)));
        labels.topic =
            p.get(FIXED..).and_then(best).and_then(|(i, score)| self.topic(i).map(|t| Scored::new(t, score)));
        labels
    }

    fn topic(&self, place: usize) -> Option<Topic> {
        self.pack.manifest.topics.get(place).cloned()
    }
}

impl Judge for Cascade {
    fn unsafe_from(&self) -> Option<f32> {
        Some(self.pack.manifest.thresholds.unsafe_balanced)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn judge(&self, input: &JudgeInput<'_>) -> Result<Labels, JudgeError> {
        let opinion = self.opinion(input.text, input.side);
        Ok(self.labels(&opinion.p, input.side))
    }

    fn glance(&self, text: &str, side: Side) -> Option<Labels> {
        let reading = Reading::of(text, side);
        let first = self.first(&reading).into_iter();
        let mut p = strongest(first.map(|l| self.finished(l, &self.pack.manifest.calibration)));
        if side == Side::Output {
            weigh_harm(&mut p, reading.tokens.len());
        }
        Some(self.labels(&p, side))
    }

    fn called_from(&self) -> (f32, f32) {
        (self.pack.manifest.thresholds.risky, self.pack.manifest.thresholds.attack)
    }
}

/// An answer of fewer tokens agrees or declines, but says nothing that could be harmful by itself.
const SAYS_SOMETHING: usize = 6;
/// From this score of its likeliest risk on, an answer is about a risk.
const ABOUT: f32 = 0.5;

/// An answer can only do harm as far as it is about some risk: the score for harm is held to what the risk heads see.
fn weigh_harm(p: &mut [f32], tokens: usize) {
    let about = p.get(RISK).and_then(best).map_or(0.0, |b| (b.1 / ABOUT).min(1.0));
    let weight = if tokens < SAYS_SOMETHING { 0.0 } else { about };
    if let Some(harm) = p.get_mut(UNSAFE) {
        *harm *= weight;
    }
}

/// What a text that was called risky is risky for must be said with the certainty that it is: the likeliest risk gets
/// the score of the whole, the others in proportion. Elsewhere a risk's score is that the text concerns it. Those that
/// hardly do are left out.
fn concern(labels: &mut Labels, called: bool, score: f32) {
    if called && let Some(top) = labels.risks.first().map(|r| r.score.max(1e-6)) {
        for risk in &mut labels.risks {
            risk.score = (risk.score / top * score).min(score);
        }
    }
    labels.risks.retain(|r| r.score >= LEAST);
}

/// How far a text is from being plainly harmless.
fn suspicion(p: &[f32], side: Side) -> f32 {
    let at = |place: usize| p.get(place).copied().unwrap_or(0.0);
    if side == Side::Output { at(UNSAFE) } else { at(LEVEL.end - 1).max(at(ATTACK)) }
}

/// The windows of the first stage over `n` tokens.
pub(crate) fn windows(n: usize) -> Vec<(usize, usize)> {
    let size = fast::MAX_TOKENS;
    let mut windows = vec![(0, n.min(size))];
    while let Some((_, to)) = windows.last().copied()
        && to < n
    {
        windows.push((to - OVERLAP, (to - OVERLAP + size).min(n)));
    }
    windows
}

/// The opinion on a whole from those on its parts: the gravest of each that can be there or not, and the heads with one
/// answer from the gravest part.
fn strongest(parts: impl IntoIterator<Item = Vec<f32>>) -> Vec<f32> {
    let grave = |p: &[f32]| p.get(LEVEL.end - 1).copied().unwrap_or(0.0);
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else { return Vec::new() };
    for part in parts {
        let graver = grave(&part) > grave(&whole);
        for (place, (mine, theirs)) in whole.iter_mut().zip(&part).enumerate() {
            let many = RISK.contains(&place) || (ATTACK..FIXED).contains(&place);
            if many && *theirs > *mine || !many && graver {
                *mine = *theirs;
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_and_overlap() {
        assert_eq!(windows(0), [(0, 0)]);
        assert_eq!(windows(512), [(0, 512)]);
        assert_eq!(windows(700), [(0, 512), (384, 700)]);
        for pair in windows(5_000).windows(2) {
            assert_eq!(pair[0].1 - pair[1].0, OVERLAP);
        }
    }

    #[test]
    fn what_is_about_nothing_or_says_nothing_does_no_harm() {
        let mut p = vec![0.0; FIXED + 1];
        (p[UNSAFE], p[RISK.start + 3]) = (0.9, 0.1);
        weigh_harm(&mut p, 40);
        assert!((p[UNSAFE] - 0.18).abs() < 1e-6);
        (p[UNSAFE], p[RISK.start + 3]) = (0.9, 0.7);
        weigh_harm(&mut p, 40);
        assert_eq!(p[UNSAFE], 0.9);
        weigh_harm(&mut p, 3);
        assert_eq!(p[UNSAFE], 0.0);
    }

    #[test]
    fn the_gravest_part_speaks_for_the_whole() {
        let mut a = vec![0.0; FIXED + 1];
        let mut b = a.clone();
        (a[0], a[2], b[0], b[2]) = (0.9, 0.1, 0.2, 0.8);
        (a[ATTACK], b[ATTACK]) = (0.7, 0.1);
        let whole = strongest([a, b]);
        assert_eq!((whole[0], whole[2], whole[ATTACK]), (0.2, 0.8, 0.7));
    }
}
