//! From findings to labels: a noisy-or, so that independent evidence adds up and repetition does not.

use menshen_verdict::{Attack, Family, Finding, Intent, Labels, Level, Risk, Scored, Side, Topic};

/// Rules alone never make certain.
const CAP: f32 = 0.99;
/// What grey words can reach together: below the usual threshold of 0.5, whatever their number.
const GREY_CAP: f32 = 0.49;
/// What a finding that is only *about* a risk adds to the probability that the text *is* risky.
const RELATED_SHARE: f32 = 0.4;

/// More evidence than this changes no score that the cap leaves open.
const MAX_PIECES: usize = 256;

/// One detector's best score for one label: a word said ten times is not ten pieces of evidence, ten words are.
#[derive(Default)]
struct Evidence<'f, T> {
    pieces: Vec<(T, &'f str, &'f str, f32, bool)>,
}

impl<'f, T: PartialEq + Clone> Evidence<'f, T> {
    fn note(&mut self, id: T, finding: &'f Finding, score: f32) {
        let key = (finding.detector.as_ref(), finding.evidence.reveal());
        let full = self.pieces.len() >= MAX_PIECES;
        match self.pieces.iter_mut().find(|p| p.0 == id && (p.1, p.2) == key) {
            Some(piece) => piece.3 = piece.3.max(score),
            None if !full => {
                self.pieces.push((id, key.0, key.1, score, finding.family == Family::Grey));
            }
            None => {}
        }
    }

    fn sum<'s>(pieces: impl Iterator<Item = &'s (T, &'f str, &'f str, f32, bool)>) -> f32
    where
        T: 's,
        'f: 's,
    {
        let (mut clear, mut grey) = (1.0, 1.0);
        for piece in pieces {
            let chance = if piece.4 { &mut grey } else { &mut clear };
            *chance *= 1.0 - piece.3;
        }
        let grey = (1.0 - grey).min(GREY_CAP);
        (1.0 - clear * (1.0 - grey)).min(CAP)
    }

    /// The score of everything noted, as if it were one label.
    fn total(&self) -> f32 {
        Self::sum(self.pieces.iter())
    }

    /// Labels with their scores, highest first, ties in the order of first mention.
    fn scores(&self) -> Vec<Scored<T>> {
        let mut scores: Vec<Scored<T>> = Vec::new();
        for (id, ..) in &self.pieces {
            if !scores.iter().any(|s| s.id == *id) {
                scores.push(Scored::new(id.clone(), Self::sum(self.pieces.iter().filter(|p| p.0 == *id))));
            }
        }
        scores.sort_by(|a, b| b.score.total_cmp(&a.score));
        scores
    }
}

/// The labels that findings on one text speak for. Absent heads stay absent: rules that find nothing judge nothing.
pub fn labels(findings: &[Finding], side: Side) -> Labels {
    let mut risks = Evidence::<Risk> { pieces: Vec::new() };
    let mut attacks = Evidence::<Attack> { pieces: Vec::new() };
    let mut risky = Evidence::<()> { pieces: Vec::new() };
    let mut related = Evidence::<()> { pieces: Vec::new() };
    let mut none = Evidence::<()> { pieces: Vec::new() };
    let mut danger = Evidence::<()> { pieces: Vec::new() };
    let mut intents = Evidence::<Intent> { pieces: Vec::new() };
    let mut topics = Evidence::<Topic> { pieces: Vec::new() };
    let mut refusals = Evidence::<()> { pieces: Vec::new() };
    for finding in findings {
        let score = finding.score;
        if let Some(risk) = finding.risk {
            risks.note(risk, finding, score);
        }
        if let Some(attack) = finding.attack {
            attacks.note(attack, finding, score);
        }
        if let Some(intent) = finding.intent {
            intents.note(intent, finding, score);
        }
        if let Some(topic) = &finding.topic {
            topics.note(topic.clone(), finding, score);
        }
        if finding.family == Family::Cue && finding.label == "refusal" {
            refusals.note((), finding, score);
        }
        match finding.level {
            // A grey word is about something at most.
            Some(Level::Risky) if finding.family != Family::Grey => {
                risky.note((), finding, score);
                danger.note((), finding, score);
            }
            Some(Level::None) => none.note((), finding, score),
            Some(Level::Risky | Level::Related) => {
                related.note((), finding, score);
                danger.note((), finding, score * RELATED_SHARE);
            }
            None if finding.risk.is_some() && finding.family == Family::Grey => {
                related.note((), finding, score);
                danger.note((), finding, score);
            }
            None if finding.risk.is_some() => danger.note((), finding, score),
            None => {}
        }
    }
    let mut labels = Labels {
        risk_score: danger.total(),
        risks: risks.scores(),
        attack_score: attacks.total(),
        attacks: attacks.scores(),
        intent: intents.scores().into_iter().next(),
        topic: topics.scores().into_iter().next(),
        ..Labels::default()
    };
    labels.level = [(Level::Risky, &risky), (Level::Related, &related), (Level::None, &none)]
        .into_iter()
        .map(|(level, evidence)| Scored::new(level, evidence.total()))
        .find(|scored| scored.score > 0.0);
    if side == Side::Output {
        let unsafe_score = risky.total();
        labels.unsafe_answer = (unsafe_score > 0.0).then_some(unsafe_score);
        let refusal = refusals.total();
        labels.refusal = (refusal > 0.0).then_some(refusal);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::{Evidence as Matched, Span};

    fn finding(detector: &'static str, word: &str, family: Family, score: f32) -> Finding {
        let mut finding = Finding::new(detector, "x", family, Span::new(0, 1), score);
        finding.risk = Some(Risk::A1d);
        finding.evidence = Matched::new(word);
        finding
    }

    fn black(word: &str, score: f32, level: Level) -> Finding {
        Finding { level: Some(level), ..finding("kw.black", word, Family::Keyword, score) }
    }

    #[test]
    fn independent_evidence_adds_up_and_repetition_does_not() {
        let once = labels(&[black("甲", 0.5, Level::Risky)], Side::Input);
        let twice = labels(&[black("甲", 0.5, Level::Risky), black("甲", 0.5, Level::Risky)], Side::Input);
        let two = labels(&[black("甲", 0.5, Level::Risky), black("乙", 0.5, Level::Risky)], Side::Input);
        assert_eq!(once.risks[0].score, 0.5);
        assert_eq!(twice.risks[0].score, 0.5);
        assert_eq!(two.risks[0].score, 0.75);
        assert_eq!(two.risk_score, 0.75);
    }

    #[test]
    fn grey_words_never_decide_alone() {
        let grey: Vec<Finding> = ["甲", "乙", "丙", "丁", "戊"]
            .iter()
            .map(|w| Finding { level: Some(Level::Risky), ..finding("kw.grey", w, Family::Grey, 0.4) })
            .collect();
        let labels = labels(&grey, Side::Input);
        assert!(labels.risk_score < 0.5 && labels.risks[0].score < 0.5);
        assert_eq!(labels.level.unwrap().id, Level::Related);
    }

    #[test]
    fn being_about_a_risk_is_not_being_risky() {
        let labels = labels(&[black("反恐", 0.9, Level::Related)], Side::Output);
        assert_eq!(labels.level.unwrap().id, Level::Related);
        assert!(labels.risk_score < 0.5 && labels.risks[0].score == 0.9);
        assert_eq!(labels.unsafe_answer, None);
    }

    #[test]
    fn nothing_found_is_nothing_judged() {
        assert_eq!(labels(&[], Side::Output), Labels::default());
    }

    #[test]
    fn cues_fill_intent_topic_and_refusal() {
        let mut cue = Finding::new("cue.refusal.zh", "refusal", Family::Cue, Span::new(0, 3), 0.8);
        cue.intent = Some(Intent::Help);
        cue.topic = Some(Topic::new("health.medicine"));
        let labels = labels(&[cue], Side::Output);
        assert_eq!(labels.refusal, Some(0.8));
        assert_eq!(labels.intent.unwrap().id, Intent::Help);
        assert_eq!(labels.topic.unwrap().id.id(), "health.medicine");
        assert_eq!(labels.risk_score, 0.0);
    }
}
