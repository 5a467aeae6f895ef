//! What is in a text: labels with calibrated scores, findings, and how the reading went.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use crate::{Attack, Finding, Intent, Level, Risk, Sentiment, Topic};

/// A score as it is shown: four decimals, so that `0.9_f32` reads 0.9 and not 0.8999999761581421.
pub fn rounded(score: f32) -> f64 {
    (f64::from(score) * 10_000.0).round() / 10_000.0
}

pub(crate) fn write_rounded<S: Serializer>(score: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*score))
}

pub(crate) fn write_rounded_option<S: Serializer>(score: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match score {
        Some(score) => write_rounded(score, serializer),
        None => serializer.serialize_none(),
    }
}

/// A label with its score in 0..=1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored<T> {
    /// The label.
    pub id: T,
    /// Calibrated probability that the label holds.
    #[serde(serialize_with = "write_rounded")]
    pub score: f32,
}

impl<T> Scored<T> {
    /// Pairs a label with its score.
    pub const fn new(id: T, score: f32) -> Self {
        Scored { id, score }
    }
}

/// Every head a judge can fill. Absent means "not judged", never "safe".
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// Probability that the text is risky, whatever policy does with it.
    pub risk_score: f32,
    /// Risk topics, highest score first.
    pub risks: Vec<Scored<Risk>>,
    /// How the text stands to the risk.
    pub level: Option<Scored<Level>>,
    /// Why somebody asks.
    pub intent: Option<Scored<Intent>>,
    /// The general topic.
    pub topic: Option<Scored<Topic>>,
    /// The mood.
    pub sentiment: Option<Scored<Sentiment>>,
    /// Probability that the text is a prompt attack.
    pub attack_score: f32,
    /// Attack sub-classes, highest score first.
    pub attacks: Vec<Scored<Attack>>,
    /// Answer side: probability that the answer is unsafe.
    pub unsafe_answer: Option<f32>,
    /// Answer side: probability that the answer is a refusal.
    pub refusal: Option<f32>,
}

impl Labels {
    /// Notes a risk, keeping the higher score of the two, and raises [`Labels::risk_score`].
    pub fn note_risk(&mut self, risk: Risk, score: f32) {
        note(&mut self.risks, risk, score);
        self.risk_score = self.risk_score.max(score);
    }

    /// Notes an attack, keeping the higher score of the two, and raises [`Labels::attack_score`].
    pub fn note_attack(&mut self, attack: Attack, score: f32) {
        note(&mut self.attacks, attack, score);
        self.attack_score = self.attack_score.max(score);
    }

    /// Takes in another reading of the same conversation: the higher score of each label stands; single-label heads
    /// keep the more certain one, except that the graver [`Level`] wins.
    pub fn absorb(&mut self, other: &Labels) {
        for scored in &other.risks {
            note(&mut self.risks, scored.id, scored.score);
        }
        for scored in &other.attacks {
            note(&mut self.attacks, scored.id, scored.score);
        }
        self.risk_score = self.risk_score.max(other.risk_score);
        self.attack_score = self.attack_score.max(other.attack_score);
        match (&self.level, &other.level) {
            (Some(mine), Some(theirs)) if (theirs.id, theirs.score) > (mine.id, mine.score) => {
                self.level.clone_from(&other.level);
            }
            (None, Some(_)) => self.level.clone_from(&other.level),
            _ => {}
        }
        surer(&mut self.intent, &other.intent);
        surer(&mut self.topic, &other.topic);
        surer(&mut self.sentiment, &other.sentiment);
        self.unsafe_answer = larger(self.unsafe_answer, other.unsafe_answer);
        self.refusal = larger(self.refusal, other.refusal);
    }
}

fn note<T: PartialEq + Copy>(list: &mut Vec<Scored<T>>, id: T, score: f32) {
    match list.iter_mut().find(|s| s.id == id) {
        Some(known) => known.score = known.score.max(score),
        None => list.push(Scored::new(id, score)),
    }
    list.sort_by(|a, b| b.score.total_cmp(&a.score));
}

fn surer<T: Clone>(mine: &mut Option<Scored<T>>, theirs: &Option<Scored<T>>) {
    if let Some(theirs) = theirs
        && mine.as_ref().is_none_or(|m| theirs.score > m.score)
    {
        *mine = Some(theirs.clone());
    }
}

fn larger(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// One step of the reading and what it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The step's name, such as `normalise` or `keywords`.
    pub name: Cow<'static, str>,
    /// Microseconds.
    pub us: u64,
}

/// A detector that could not do its work. Never an "allow" and never a "policy hit": policy says open or closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// Which detector.
    pub detector: Cow<'static, str>,
    /// Why, for operators.
    pub reason: String,
}

/// What is in a conversation: data, no decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Labels of the whole.
    pub labels: Labels,
    /// Findings, by segment and then start.
    pub findings: Vec<Finding>,
    /// Steps, in the order they ran.
    pub stages: Vec<Stage>,
    /// Detectors that could not do their work.
    pub unavailable: Vec<Unavailable>,
}

impl Verdict {
    /// Takes in another verdict on the same conversation. Findings are kept in order, equal ones once.
    pub fn absorb(&mut self, other: Verdict) {
        self.labels.absorb(&other.labels);
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.findings.sort_by_key(|f| (f.segment, f.span));
        for stage in other.stages {
            match self.stages.iter_mut().find(|s| s.name == stage.name) {
                Some(known) => known.us += stage.us,
                None => self.stages.push(stage),
            }
        }
        self.unavailable.extend(other.unavailable);
    }

    /// The sum of the steps, in microseconds.
    pub fn took_us(&self) -> u64 {
        self.stages.iter().map(|s| s.us).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_shown_with_four_decimals() {
        assert_eq!(serde_json::to_value(Scored::new(Risk::A1d, 0.9)).unwrap()["score"], 0.9);
        assert_eq!(rounded(1.0 / 3.0), 0.3333);
    }

    #[test]
    fn absorbing_keeps_the_higher_score_and_the_graver_level() {
        let mut a = Labels::default();
        a.note_risk(Risk::A1d, 0.4);
        a.level = Some(Scored::new(Level::Related, 0.9));
        let mut b = Labels::default();
        b.note_risk(Risk::A1d, 0.7);
        b.note_risk(Risk::A4a, 0.8);
        b.level = Some(Scored::new(Level::Risky, 0.6));
        a.absorb(&b);
        assert_eq!(a.risks, [Scored::new(Risk::A4a, 0.8), Scored::new(Risk::A1d, 0.7)]);
        assert_eq!(a.risk_score, 0.8);
        assert_eq!(a.level, Some(Scored::new(Level::Risky, 0.6)));
    }
}
