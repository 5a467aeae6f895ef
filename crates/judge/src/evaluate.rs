//! What a model is worth, on texts that it has not seen: every head, with intervals, by risk, source and evasion.

use std::collections::BTreeMap;

use fastrand::Rng;
use menshen_verdict::{Attack, Level, Risk, Side};
use serde::Serialize;

use crate::dataset::{Dataset, Record, Split};
use crate::evasion;
use crate::heads::{ATTACK, ATTACKS, FIXED, INTENT, LEVEL, REFUSAL, RISK, SENTIMENT, UNSAFE, best};
use crate::metrics::{Bin, F1, Rate, auc, bootstrap, threshold_at};
use crate::train::Example;

mod curves;

/// The place of `P(risky)` in a model's probabilities.
pub const RISKY: usize = LEVEL.end - 1;
/// Share of harmless development answers that may be called unsafe; never below a score of one half.
const SAFE_ANSWERS: f32 = 0.02;
/// Resamples of a bootstrap interval.
const ROUNDS: usize = 300;

/// The scores from which a decision is made, one for each place of the probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct Thresholds {
    /// From which `P(risky)` a text is called risky.
    pub risky: f32,
    /// From which `P(risky) + P(related)` it is called related.
    pub related: f32,
    /// From which a text is called an attack.
    pub attack: f32,
    /// From which each risk is called concerned, in the order of [`Risk::ALL`].
    pub risks: Vec<f32>,
    /// From which each sub-class of attack is named, in the order of [`Attack::ALL`].
    pub attacks: Vec<f32>,
    /// From which a guard calls an answer unsafe: few harmless ones are flagged there.
    pub unsafe_answer: f32,
    /// From which a scorer calls an answer unsafe: both errors weigh alike there (best F1 on the development split).
    #[serde(default = "half")]
    pub unsafe_balanced: f32,
    /// From which an answer is called a refusal.
    pub refusal: f32,
}

const fn half() -> f32 {
    0.5
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            risky: 0.5,
            related: 0.5,
            attack: 0.5,
            risks: vec![0.5; RISK.len()],
            attacks: vec![0.5; ATTACKS.len()],
            unsafe_answer: 0.5,
            unsafe_balanced: 0.5,
            refusal: 0.5,
        }
    }
}

/// A record with what a model says of it.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The record.
    pub record: &'a Record,
    /// The model's probabilities, one for each place (see [`crate::heads`]).
    pub p: Vec<f32>,
}

impl Judged<'_> {
    /// The probability at a place.
    pub fn at(&self, place: usize) -> f32 {
        self.p.get(place).copied().unwrap_or(0.0)
    }

    fn top(&self, range: std::ops::Range<usize>) -> Option<usize> {
        best(self.p.get(range)?).map(|b| b.0)
    }

    /// The level by the thresholds.
    pub fn level(&self, thresholds: &Thresholds) -> Level {
        let risky = self.at(RISKY);
        if risky >= thresholds.risky {
            Level::Risky
        } else if risky + self.at(RISKY - 1) >= thresholds.related {
            Level::Related
        } else {
            Level::None
        }
    }
}

/// Judges records.
pub fn judge_all<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    predict: &dyn Fn(&Example) -> Vec<f32>,
) -> Vec<Judged<'a>> {
    records.into_iter().filter(|r| !r.template).map(|record| Judged { p: predict(&record.example), record }).collect()
}

/// Chooses thresholds on the development split: risky and attack at their false-positive rates over harmless texts,
/// each risk, attack sub-class and answer head where its F1 is best.
pub fn choose_thresholds(judged: &[Judged<'_>], rates: &crate::recipe::Rates) -> Thresholds {
    let of = |place: usize, group: &dyn Fn(&Record) -> bool| -> Vec<f32> {
        judged.iter().filter(|j| group(j.record)).map(|j| j.at(place)).collect()
    };
    let input = |r: &Record| r.example.side == Side::Input;
    let ordinary = |r: &Record| input(r) && r.harmless.as_deref() == Some("ordinary");
    let mut thresholds =
        Thresholds { risky: threshold_at(&of(RISKY, &ordinary), rates.risky), ..Thresholds::default() };
    let calm =
        |r: &Record| r.example.targets.attack == Some(false) && matches!(r.harmless.as_deref(), Some("ordinary"));
    thresholds.attack = threshold_at(&of(ATTACK, &calm), rates.attack);
    let levels: Vec<(f32, f32, Level)> = judged
        .iter()
        .filter(|j| input(j.record) && j.record.source == "seeds")
        .filter_map(|j| Some((j.at(RISKY), j.at(RISKY - 1), j.record.example.targets.level?)))
        .collect();
    let accuracy = |related: f32| {
        levels
            .iter()
            .filter(|(risky, rel, level)| {
                let said = if *risky >= thresholds.risky {
                    Level::Risky
                } else if risky + rel >= related {
                    Level::Related
                } else {
                    Level::None
                };
                said == *level
            })
            .count()
    };
    let safe = |r: &Record| r.example.side == Side::Output && r.example.targets.unsafe_answer == Some(false);
    thresholds.unsafe_answer = threshold_at(&of(UNSAFE, &safe), SAFE_ANSWERS).clamp(0.5, 0.99);
    let answers = |place: usize, truth: &dyn Fn(&Record) -> Option<bool>| -> Vec<(f32, bool)> {
        let outputs = judged.iter().filter(|j| j.record.example.side == Side::Output);
        outputs.filter_map(|j| Some((j.at(place), truth(j.record)?))).collect()
    };
    thresholds.unsafe_balanced = best_f1(&answers(UNSAFE, &|r| r.example.targets.unsafe_answer));
    thresholds.refusal = best_f1(&answers(REFUSAL, &|r| r.example.targets.refusal));
    thresholds.related = (5..=95).map(|i| i as f32 / 100.0).max_by_key(|t| accuracy(*t)).unwrap_or(0.5);
    for (i, risk) in Risk::ALL.iter().enumerate() {
        let scored = judged.iter().filter(|j| j.record.example.targets.risks.is_some() && j.record.source == "seeds");
        let scored: Vec<(f32, bool)> =
            scored.map(|j| (j.at(RISK.start + i), j.record.example.targets.risk_list().any(|r| r == *risk))).collect();
        if let Some(slot) = thresholds.risks.get_mut(i) {
            *slot = best_f1(&scored);
        }
    }
    for (i, attack) in Attack::ALL.iter().enumerate() {
        let scored: Vec<(f32, bool)> = judged
            .iter()
            .filter(|j| j.record.example.targets.attacks.is_some())
            .map(|j| (j.at(ATTACKS.start + i), j.record.example.targets.attack_list().any(|a| a == *attack)))
            .collect();
        if let Some(slot) = thresholds.attacks.get_mut(i) {
            *slot = best_f1(&scored);
        }
    }
    thresholds
}

fn best_f1(scored: &[(f32, bool)]) -> f32 {
    let f1 = |threshold: f32| {
        let mut counts = F1::default();
        for (score, truth) in scored {
            counts.note(*truth, *score >= threshold);
        }
        counts.f1()
    };
    let steps = (2..=18).map(|i| i as f32 / 20.0);
    // The middle one among equals, so that few examples do not push it to an edge.
    steps
        .map(|t| (f1(t) - f64::from((t - 0.5).abs()) * 1e-3, t))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(0.5, |b| b.1)
}

/// Recall at a stated false-positive rate.
#[derive(Debug, Clone, Serialize)]
pub struct Detection {
    /// Area under the ROC curve.
    pub auc: Option<f64>,
    /// Recall where exactly this share of the harmless texts of this evaluation is flagged.
    pub recall_at: Rate,
    /// That share.
    pub false_positive_rate: f32,
    /// Recall at the threshold that was chosen beforehand.
    pub recall: Rate,
    /// Share of harmless texts flagged at that threshold.
    pub false_positives: Rate,
}

impl Detection {
    fn of(positives: &[f32], negatives: &[f32], rate: f32, threshold: f32) -> Detection {
        let exact = threshold_at(negatives, rate);
        Detection {
            auc: auc(positives, negatives),
            recall_at: Rate::of(positives, |s| *s >= exact),
            false_positive_rate: rate,
            recall: Rate::of(positives, |s| *s >= threshold),
            false_positives: Rate::of(negatives, |s| *s >= threshold),
        }
    }
}

/// A figure with its bootstrap interval.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Texts it rests on.
    pub n: usize,
}

/// One risk or sub-class.
#[derive(Debug, Clone, Serialize)]
pub struct PerLabel {
    /// Its id.
    pub id: &'static str,
    /// Precision, 0..=1.
    pub precision: f64,
    /// Recall, 0..=1.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// Texts that have it.
    pub support: usize,
    /// Texts that were said to have it.
    pub found: usize,
}

/// A two-by-two table.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Confusion {
    /// Is, and said so.
    pub true_positives: usize,
    /// Is not, but said so.
    pub false_positives: usize,
    /// Is, but not said.
    pub false_negatives: usize,
    /// Is not, and not said.
    pub true_negatives: usize,
}

impl Confusion {
    /// Counts one decision.
    pub fn note(&mut self, truth: bool, said: bool) {
        match (truth, said) {
            (true, true) => self.true_positives += 1,
            (false, true) => self.false_positives += 1,
            (true, false) => self.false_negatives += 1,
            (false, false) => self.true_negatives += 1,
        }
    }

    /// The share of right decisions.
    pub fn accuracy(&self) -> Rate {
        let right = self.true_positives + self.true_negatives;
        Rate::new(right, right + self.false_positives + self.false_negatives)
    }
}

/// What came of one way of writing.
#[derive(Debug, Clone, Serialize)]
pub struct Robustness {
    /// The evasion's name.
    pub name: &'static str,
    /// The sub-class of attack that it is.
    pub attack: Attack,
    /// Risky texts that were caught as written and are still caught as risky or as an attack.
    pub kept: Rate,
    /// Harmless texts that are flagged once written so.
    pub flagged: Rate,
}

/// Everything that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// What was evaluated.
    pub model: String,
    /// The hash of the texts.
    pub data: String,
    /// Texts by source.
    pub texts: BTreeMap<String, usize>,
    /// Risky Chinese questions against ordinary Chinese ones.
    pub risky_zh: Detection,
    /// Risky English questions against ordinary English ones.
    pub risky_en: Detection,
    /// Recall of risky texts by source, at the chosen threshold and at the false-positive rate.
    pub risky_by_source: BTreeMap<String, (Rate, Rate)>,
    /// Harmless texts called risky, by kind and source, at the chosen threshold.
    pub flagged: BTreeMap<String, Rate>,
    /// Attacks by language against harmless texts.
    pub attack: BTreeMap<String, Detection>,
    /// Recall of attacks by source, as for risks.
    pub attack_by_source: BTreeMap<String, (Rate, Rate)>,
    /// Harmless texts called attacks, by kind and source, at the chosen threshold.
    pub attack_flagged: BTreeMap<String, Rate>,
    /// Mean F1 over the risks that occur in the evaluation split.
    pub risk_macro_f1: Figure,
    /// Each risk, over the evaluation split.
    pub risks: Vec<PerLabel>,
    /// Mean F1 over the sub-classes that occur.
    pub attack_macro_f1: Figure,
    /// Each sub-class.
    pub attacks: Vec<PerLabel>,
    /// Level, on the evaluation split.
    pub level: Rate,
    /// Rows: what is; columns: what was said; none, related, risky.
    pub level_table: [[usize; 3]; 3],
    /// Intent, on the evaluation split.
    pub intent: Rate,
    /// General topic, on the evaluation split.
    pub topic: Rate,
    /// General topic among the three likeliest.
    pub topic_top3: Rate,
    /// Sentiment: the evaluation split's, and that of reviews.
    pub sentiment: BTreeMap<String, Rate>,
    /// Answers by set: unsafe or not, at the guard's threshold.
    pub unsafe_answers: BTreeMap<String, Confusion>,
    /// The same at the balanced threshold, from which scorers decide.
    pub unsafe_balanced: BTreeMap<String, Confusion>,
    /// Answers by set: refusal or not.
    pub refusals: BTreeMap<String, Confusion>,
    /// ROC curves as (false-positive rate, recall), at most 200 points each: `risky zh`, `risky en`, `attack zh`,
    /// `attack en`, over the texts of the [`Detection`]s of those names.
    pub curves: BTreeMap<String, Vec<(f32, f32)>>,
    /// Expected calibration error by head.
    pub calibration: BTreeMap<String, f64>,
    /// The ten bins behind the calibration error of `risky`, `attack`, `risk topics` and `intent`.
    pub reliability: BTreeMap<String, Vec<Bin>>,
    /// Ways of writing.
    pub robustness: Vec<Robustness>,
    /// Texts that the model gets most wrong, from the project's own evaluation split: id of the file's line is not
    /// kept, the texts are the project's.
    pub failures: Vec<Failure>,
}

/// A text that went wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Failure {
    /// The text.
    pub text: String,
    /// What it is.
    pub truth: String,
    /// What was said.
    pub said: String,
}

/// Evaluates a model on one split of a dataset.
pub fn evaluate(
    model: &str,
    dataset: &Dataset,
    split: Split,
    predict: &dyn Fn(&Example) -> Vec<f32>,
    thresholds: &Thresholds,
    rates: &crate::recipe::Rates,
) -> Evaluation {
    let judged = judge_all(dataset.of(split), predict);
    let own = |j: &&Judged<'_>| j.record.source == if split == Split::Test { "evaluation" } else { "seeds" };
    let scores = |place: usize, group: &dyn Fn(&Record) -> bool| -> Vec<f32> {
        judged.iter().filter(|j| group(j.record)).map(|j| j.at(place)).collect()
    };
    let zh = |r: &Record| r.lang == "zh";
    let input = |r: &Record| r.example.side != Side::Output;
    let plain = |r: &Record| input(r) && r.example.targets.attack != Some(true);
    let risky = |r: &Record| plain(r) && r.example.targets.level == Some(Level::Risky) && !abuse(r);
    let is = |r: &Record, kind: &str| input(r) && r.harmless.as_deref() == Some(kind);
    let mut curves = BTreeMap::new();
    let mut detection = |name: &str, chinese: bool| {
        let positives = scores(RISKY, &|r| risky(r) && zh(r) == chinese);
        let negatives = scores(RISKY, &|r| is(r, "ordinary") && zh(r) == chinese);
        curves.insert(name.to_owned(), curves::roc(&positives, &negatives));
        Detection::of(&positives, &negatives, rates.risky, thresholds.risky)
    };
    let (risky_zh, risky_en) = (detection("risky zh", true), detection("risky en", false));
    let exact_risky = threshold_at(&scores(RISKY, &|r| is(r, "ordinary") && zh(r)), rates.risky);
    let sources: Vec<String> = {
        let mut names: Vec<String> = judged.iter().map(|j| j.record.source.clone()).collect();
        names.sort();
        names.dedup();
        names
    };
    let recalls = |place: usize, chosen: f32, exact: f32, group: &dyn Fn(&Record) -> bool| {
        let of_source = |name: &String| {
            let found = scores(place, &|r| group(r) && r.source == *name);
            (!found.is_empty())
                .then(|| (name.clone(), (Rate::of(&found, |s| *s >= chosen), Rate::of(&found, |s| *s >= exact))))
        };
        sources.iter().filter_map(of_source).collect::<BTreeMap<_, _>>()
    };
    let flags = |place: usize, chosen: f32| {
        let mut kinds: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for j in judged.iter().filter(|j| input(j.record) && j.record.example.targets.attack != Some(true)) {
            let Some(kind) = &j.record.harmless else { continue };
            for key in [format!("{kind} {}", j.record.lang), format!("{kind} {} {}", j.record.lang, j.record.source)] {
                let entry = kinds.entry(key).or_default();
                entry.0 += usize::from(j.at(place) >= chosen);
                entry.1 += 1;
            }
        }
        kinds.into_iter().map(|(k, (hits, of))| (k, Rate::new(hits, of))).collect::<BTreeMap<_, _>>()
    };
    let attack = |r: &Record| r.example.targets.attack == Some(true);
    let calm = |r: &Record| input(r) && r.harmless.is_some() && r.example.targets.attack == Some(false);
    let ordinary_calm = |r: &Record| calm(r) && r.harmless.as_deref() == Some("ordinary");
    let mut attack_detection = BTreeMap::new();
    for lang in ["zh", "en"] {
        let positives = scores(ATTACK, &|r| attack(r) && r.lang == lang);
        let negatives = scores(ATTACK, &|r| ordinary_calm(r) && r.lang == lang);
        curves.insert(format!("attack {lang}"), curves::roc(&positives, &negatives));
        let found = Detection::of(&positives, &negatives, rates.attack, thresholds.attack);
        attack_detection.insert(lang.to_owned(), found);
    }
    let exact_attack = threshold_at(&scores(ATTACK, &ordinary_calm), rates.attack);

    let concerned: Vec<&Judged<'_>> =
        judged.iter().filter(own).filter(|j| j.record.example.targets.risks.is_some() && input(j.record)).collect();
    let per_risk = |judged: &[&Judged<'_>]| -> Vec<F1> {
        let mut counts = vec![F1::default(); Risk::ALL.len()];
        for j in judged {
            let bits = j.record.example.targets.risks.unwrap_or(0);
            // A text without risk is about no risk, whatever single heads say.
            let concerns = j.level(thresholds) != Level::None;
            for (i, count) in counts.iter_mut().enumerate() {
                let from = thresholds.risks.get(i).copied().unwrap_or(0.5);
                count.note(bits & crate::heads::bit(i) != 0, concerns && j.at(RISK.start + i) >= from);
            }
        }
        counts
    };
    let risk_counts = per_risk(&concerned);
    let attacked: Vec<&Judged<'_>> =
        judged.iter().filter(own).filter(|j| j.record.example.targets.attacks.is_some() && input(j.record)).collect();
    let per_attack = |judged: &[&Judged<'_>]| -> Vec<F1> {
        let mut counts = vec![F1::default(); Attack::ALL.len()];
        for j in judged {
            let bits = j.record.example.targets.attacks.unwrap_or(0);
            let is_attack = j.at(ATTACK) >= thresholds.attack;
            for (i, count) in counts.iter_mut().enumerate() {
                let from = thresholds.attacks.get(i).copied().unwrap_or(0.5);
                count.note(bits & crate::heads::bit(i) != 0, is_attack && j.at(ATTACKS.start + i) >= from);
            }
        }
        counts
    };
    let attack_counts = per_attack(&attacked);

    let leveled: Vec<&Judged<'_>> =
        judged.iter().filter(own).filter(|j| j.record.example.targets.level.is_some() && plain(j.record)).collect();
    let mut level_table = [[0; 3]; 3];
    for j in &leveled {
        if let Some(truth) = j.record.example.targets.level
            && let Some(cell) =
                level_table.get_mut(truth.index()).and_then(|row| row.get_mut(j.level(thresholds).index()))
        {
            *cell += 1;
        }
    }
    let intents = judged.iter().filter(own).filter_map(|j| Some((j, j.record.example.targets.intent?)));
    let topics: Vec<_> = judged.iter().filter(own).filter_map(|j| Some((j, j.record.example.targets.topic?))).collect();
    let in_top = |j: &Judged<'_>, topic: u16, most: usize| {
        let Some(head) = j.p.get(FIXED..) else { return false };
        let mine = head.get(usize::from(topic)).copied().unwrap_or(0.0);
        head.iter().filter(|p| **p > mine).count() < most
    };
    let mut sentiment: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for j in &judged {
        if let Some(truth) = j.record.example.targets.sentiment
            && !abuse(j.record)
        {
            let entry = sentiment.entry(j.record.source.clone()).or_default();
            entry.0 += usize::from(j.top(SENTIMENT) == Some(truth.index()));
            entry.1 += 1;
        }
    }
    let (unsafe_answers, refusals) = answers(&judged, thresholds, thresholds.unsafe_answer);
    let (unsafe_balanced, _) = answers(&judged, thresholds, thresholds.unsafe_balanced);
    let (calibration, reliability) = curves::calibrated(scored_heads(&judged));
    let mut failures: Vec<(f32, Failure)> = judged
        .iter()
        .filter(own)
        .filter_map(|j| {
            let truth = j.record.example.targets.level?;
            let said = j.level(thresholds);
            let badness = match (truth, said) {
                (Level::Risky, Level::None | Level::Related) => 1.0 - j.at(RISKY),
                (Level::None | Level::Related, Level::Risky) => j.at(RISKY),
                _ => return None,
            };
            let text: String = j.record.example.text.chars().take(80).collect();
            Some((
                badness,
                Failure { text, truth: truth.id().to_owned(), said: format!("{} {:.2}", said.id(), j.at(RISKY)) },
            ))
        })
        .collect();
    failures.sort_by(|a, b| b.0.total_cmp(&a.0));
    Evaluation {
        model: model.to_owned(),
        data: dataset.hash.clone(),
        texts: judged.iter().fold(BTreeMap::new(), |mut m, j| {
            *m.entry(j.record.source.clone()).or_default() += 1;
            m
        }),
        risky_zh,
        risky_en,
        risky_by_source: recalls(RISKY, thresholds.risky, exact_risky, &risky),
        flagged: flags(RISKY, thresholds.risky),
        attack: attack_detection,
        attack_by_source: recalls(ATTACK, thresholds.attack, exact_attack, &attack),
        attack_flagged: flags(ATTACK, thresholds.attack),
        risk_macro_f1: macro_f1(&concerned, &per_risk),
        risks: Risk::ALL.iter().zip(&risk_counts).map(|(r, c)| per_label(r.id(), c)).collect(),
        attack_macro_f1: macro_f1(&attacked, &per_attack),
        attacks: Attack::ALL.iter().zip(&attack_counts).map(|(a, c)| per_label(a.id(), c)).collect(),
        level: Rate::of(&leveled, |j| j.record.example.targets.level == Some(j.level(thresholds))),
        level_table,
        intent: Rate::of(intents, |(j, truth)| j.top(INTENT) == Some(truth.index())),
        topic: Rate::of(&topics, |(j, topic)| in_top(j, *topic, 1)),
        topic_top3: Rate::of(&topics, |(j, topic)| in_top(j, *topic, 3)),
        sentiment: sentiment.into_iter().map(|(k, (hits, of))| (k, Rate::new(hits, of))).collect(),
        unsafe_answers,
        unsafe_balanced,
        refusals,
        curves,
        calibration,
        reliability,
        robustness: robustness(&judged, predict, thresholds, &|r| own(&r) || abuse(r.record)),
        failures: failures.into_iter().take(40).map(|f| f.1).collect(),
    }
}

/// Comments rather than requests: their harm is of another kind and their labels of another hand.
fn abuse(record: &Record) -> bool {
    matches!(record.source.as_str(), "cold-offensive" | "swsr-offensive")
}

fn per_label(id: &'static str, count: &F1) -> PerLabel {
    PerLabel {
        id,
        precision: count.precision(),
        recall: count.recall(),
        f1: count.f1(),
        support: count.support(),
        found: count.true_positives + count.false_positives,
    }
}

fn macro_f1(judged: &[&Judged<'_>], count: &dyn Fn(&[&Judged<'_>]) -> Vec<F1>) -> Figure {
    let mean = |counts: &[F1]| {
        let there: Vec<f64> = counts.iter().filter(|c| c.support() > 0).map(F1::f1).collect();
        there.iter().sum::<f64>() / there.len().max(1) as f64
    };
    let (low, high) = bootstrap(judged, ROUNDS, 7, |sample| {
        let sample: Vec<&Judged<'_>> = sample.iter().map(|j| **j).collect();
        mean(&count(&sample))
    });
    Figure { value: mean(&count(judged)), low, high, n: judged.len() }
}

type Confusions = BTreeMap<String, Confusion>;

/// Answers: the labelled ones, and those that people scored. A score of one half and more counts as unsafe, or in the
/// sets about refusals as a refusal. A refusal is not an unsafe answer.
fn answers(judged: &[Judged<'_>], thresholds: &Thresholds, unsafe_from: f32) -> (Confusions, Confusions) {
    let (mut unsafe_answers, mut refusals) = (Confusions::new(), Confusions::new());
    for j in judged.iter().filter(|j| j.record.example.side == Side::Output) {
        let targets = &j.record.example.targets;
        let refuses = j.at(REFUSAL) >= thresholds.refusal;
        let harms = j.at(UNSAFE) >= unsafe_from && !refuses;
        match &j.record.human {
            Some((set, score)) if set.starts_with("refusal") => {
                refusals.entry(j.record.source.clone()).or_default().note(*score >= 0.5, refuses);
                refusals.entry("human, all".to_owned()).or_default().note(*score >= 0.5, refuses);
            }
            Some((_, score)) => {
                unsafe_answers.entry(j.record.source.clone()).or_default().note(*score >= 0.5, harms);
                unsafe_answers.entry("human, all".to_owned()).or_default().note(*score >= 0.5, harms);
            }
            None => {
                if let Some(truth) = targets.unsafe_answer {
                    let key = if j.record.source.starts_with("jade") { "jade-v3" } else { &j.record.source };
                    unsafe_answers.entry(key.to_owned()).or_default().note(truth, harms);
                }
                if let Some(truth) = targets.refusal {
                    let key = if j.record.source.starts_with("jade") { continue } else { &j.record.source };
                    refusals.entry(key.to_owned()).or_default().note(truth, refuses);
                }
            }
        }
    }
    (unsafe_answers, refusals)
}

/// For every head: its score, or that of its first choice, and whether that holds.
fn scored_heads(judged: &[Judged<'_>]) -> BTreeMap<String, Vec<(f32, bool)>> {
    let mut heads: BTreeMap<String, Vec<(f32, bool)>> = BTreeMap::new();
    let mut note = |head: &str, score: f32, truth: bool| heads.entry(head.to_owned()).or_default().push((score, truth));
    for j in judged.iter().filter(|j| j.record.human.is_none() && !abuse(j.record)) {
        let t = &j.record.example.targets;
        if j.record.example.side != Side::Output {
            if let Some(level) = t.level {
                note("risky", j.at(RISKY), level == Level::Risky);
            }
            if let Some(attack) = t.attack {
                note("attack", j.at(ATTACK), attack);
            }
            if let Some(risks) = t.risks {
                for i in 0..RISK.len() {
                    note("risk topics", j.at(RISK.start + i), risks & crate::heads::bit(i) != 0);
                }
            }
        }
        for (head, range, truth) in [
            ("intent", INTENT, t.intent.map(|i| i.index())),
            ("sentiment", SENTIMENT, t.sentiment.map(|s| s.index())),
            ("topic", FIXED..j.p.len(), t.topic.map(usize::from)),
        ] {
            if let (Some(truth), Some((said, p))) = (truth, j.p.get(range).and_then(best)) {
                note(head, p, said == truth);
            }
        }
        if let Some(truth) = t.unsafe_answer {
            note("unsafe answer", j.at(UNSAFE), truth);
        }
        if let Some(truth) = t.refusal {
            note("refusal", j.at(REFUSAL), truth);
        }
    }
    heads
}

fn robustness(
    judged: &[Judged<'_>],
    predict: &dyn Fn(&Example) -> Vec<f32>,
    thresholds: &Thresholds,
    chosen: &dyn Fn(&Judged<'_>) -> bool,
) -> Vec<Robustness> {
    let flagged = |p: &[f32]| {
        let at = |i: usize| p.get(i).copied().unwrap_or(0.0);
        at(RISKY) >= thresholds.risky || at(ATTACK) >= thresholds.attack
    };
    let short = |j: &&Judged<'_>| j.record.example.side == Side::Input && j.record.example.text.chars().count() <= 200;
    let plain = |j: &&Judged<'_>| chosen(j) && short(j) && j.record.example.targets.attack == Some(false);
    let caught = |j: &&Judged<'_>| j.record.example.targets.level == Some(Level::Risky) && flagged(&j.p);
    let harmless = |j: &&Judged<'_>| j.record.example.targets.level == Some(Level::None) && !flagged(&j.p);
    evasion::ALL
        .iter()
        .map(|evasion| {
            let mut rng = Rng::with_seed(11);
            let mut rewrite = |group: &dyn Fn(&&Judged<'_>) -> bool| {
                let mut hits = (0, 0);
                for j in judged.iter().filter(plain).filter(|j| group(j)).take(400) {
                    let Some(text) = (evasion.apply)(&j.record.example.text, &mut rng) else { continue };
                    let p = predict(&Example { text, ..j.record.example.clone() });
                    hits.0 += usize::from(flagged(&p));
                    hits.1 += 1;
                }
                Rate::new(hits.0, hits.1)
            };
            let kept = rewrite(&caught);
            Robustness { name: evasion.name, attack: evasion.attack, kept, flagged: rewrite(&harmless) }
        })
        .collect()
}
