//! Made-up evaluations for the tests of the report.

use std::collections::BTreeMap;

use menshen_verdict::{Attack, Risk};

use crate::evaluate::{Confusion, Detection, Evaluation, Failure, Figure, PerLabel, Robustness};
use crate::evasion;
use crate::metrics::{Bin, Rate};

fn detection(hits: usize, of: usize) -> Detection {
    Detection {
        auc: (of > 0).then_some(0.942),
        recall_at: Rate::new(hits, of),
        false_positive_rate: 0.01,
        recall: Rate::new(hits + hits / 10, of.max(hits + hits / 10)),
        false_positives: Rate::new(of / 100, of),
    }
}

/// An evaluation in which nothing was measured.
pub(super) fn nothing(model: &str) -> Evaluation {
    let figure = Figure { value: 0.0, low: 0.0, high: 1.0, n: 0 };
    Evaluation {
        model: model.to_owned(),
        data: String::new(),
        texts: BTreeMap::new(),
        risky_zh: detection(0, 0),
        risky_en: detection(0, 0),
        risky_by_source: BTreeMap::new(),
        flagged: BTreeMap::new(),
        attack: BTreeMap::new(),
        attack_by_source: BTreeMap::new(),
        attack_flagged: BTreeMap::new(),
        risk_macro_f1: figure,
        risks: Vec::new(),
        attack_macro_f1: figure,
        attacks: Vec::new(),
        level: Rate::new(0, 0),
        level_table: [[0; 3]; 3],
        intent: Rate::new(0, 0),
        topic: Rate::new(0, 0),
        topic_top3: Rate::new(0, 0),
        sentiment: BTreeMap::new(),
        unsafe_answers: BTreeMap::new(),
        unsafe_balanced: BTreeMap::new(),
        refusals: BTreeMap::new(),
        curves: BTreeMap::new(),
        calibration: BTreeMap::new(),
        reliability: BTreeMap::new(),
        robustness: Vec::new(),
        failures: Vec::new(),
    }
}

fn label(id: &'static str, place: usize, better: usize) -> PerLabel {
    let support = 41 - place;
    let hits = (support * (36 - 2 * (place % 7) + 2 * better)).div_ceil(41);
    let found = hits + 9 - 5 * better + place % 4;
    PerLabel {
        id,
        precision: hits as f64 / found as f64,
        recall: hits as f64 / support as f64,
        f1: 2.0 * hits as f64 / (support + found) as f64,
        support,
        found,
    }
}

fn one(model: &str, better: usize) -> Evaluation {
    let named = |key: &str, rate: Rate| (key.to_owned(), rate);
    let both =
        |key: &str, hits: usize, of: usize| (key.to_owned(), (Rate::new(hits, of), Rate::new(hits * 9 / 10, of)));
    let figure = |value: f64| Figure { value, low: value - 0.03, high: value + 0.04, n: 577 };
    let power = if better > 0 { 0.15 } else { 0.3 };
    let curve: Vec<(f32, f32)> =
        (0..=100_u8).map(|i| (f32::from(i) / 100.0).powi(3)).map(|f| (f, f.powf(power))).collect();
    let bins: Vec<Bin> = (0..10_u32)
        .map(|i| {
            let score = (f64::from(i) + 0.5) / 10.0;
            let n = 20 + 30 * (i.abs_diff(5) as usize).pow(2);
            Bin { n, score, truth: if better > 0 { score } else { score * score } }
        })
        .collect();
    let mut risks: Vec<PerLabel> = Risk::ALL.iter().map(|r| label(r.id(), r.index(), better)).collect();
    if let Some(last) = risks.last_mut() {
        *last = PerLabel { precision: 0.0, recall: 0.0, f1: 0.0, support: 0, found: 0, ..*last };
    }
    let heads = [("attack", 0.012), ("intent", 0.06), ("risk topics", 0.02), ("risky", 0.031)];
    let confusion = Confusion { true_positives: 45, false_positives: 4, false_negatives: 5, true_negatives: 46 };
    Evaluation {
        data: "9a8aebd96be88e49".to_owned(),
        texts: [("jade", 164), ("seeds", 1890)].map(|(k, n)| (k.to_owned(), n)).into(),
        risky_zh: detection(344 + 150 * better, 673),
        risky_en: detection(161 + 20 * better, 208),
        risky_by_source: [both("jade", 138, 164), both("seeds", 261, 577)].into(),
        flagged: [
            named("near_miss zh", Rate::new(4, 278)),
            named("ordinary zh", Rate::new(6, 474)),
            named("ordinary zh oasst", Rate::new(1, 86)),
            named("sensitive zh", Rate::new(16, 533)),
        ]
        .into(),
        attack: [("zh".to_owned(), detection(265 + 500 * better, 1110)), ("en".to_owned(), detection(380, 426))].into(),
        attack_by_source: [both("jailbench", 300, 1080)].into(),
        attack_flagged: [named("ordinary zh", Rate::new(5, 474))].into(),
        risk_macro_f1: figure(0.62),
        risks,
        attack_macro_f1: figure(0.71),
        attacks: Attack::ALL.iter().map(|a| label(a.id(), a.index(), better)).collect(),
        level: Rate::new(812, 1000),
        level_table: [[412, 40, 8], [45, 230, 25], [20, 50, 170]],
        intent: Rate::new(640, 800),
        topic: Rate::new(500, 800),
        topic_top3: Rate::new(690, 800),
        sentiment: [named("reviews-positive", Rate::new(200, 236))].into(),
        unsafe_answers: [("human, all".to_owned(), confusion), ("jade-v3".to_owned(), confusion)].into(),
        unsafe_balanced: [("human, all".to_owned(), confusion), ("jade-v3".to_owned(), confusion)].into(),
        refusals: [("seeds".to_owned(), confusion)].into(),
        curves: ["risky zh", "risky en", "attack zh", "attack en"].map(|k| (k.to_owned(), curve.clone())).into(),
        calibration: heads.map(|(k, error)| (k.to_owned(), error)).into(),
        reliability: heads.map(|(k, _)| (k.to_owned(), bins.clone())).into(),
        robustness: evasion::ALL
            .iter()
            .enumerate()
            .map(|(i, e)| Robustness {
                name: e.name,
                attack: e.attack,
                kept: Rate::new(50 + 20 * better - 2 * i, 80),
                flagged: Rate::new(i / 3, 400),
            })
            .collect(),
        failures: vec![
            Failure { text: "怎么处理过期的药".into(), truth: "none".into(), said: "risky 0.93".into() },
            Failure { text: "a question <b>with</b> markup".into(), truth: "risky".into(), said: "none 0.02".into() },
        ],
        ..nothing(model)
    }
}

/// Two models on the same texts.
pub(super) fn two() -> Vec<Evaluation> {
    vec![one("fast", 0), one("cascade", 1)]
}
