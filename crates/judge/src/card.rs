//! The model card: what a pack is for, what it was made from and under which licences, what it is worth and where it
//! fails (after Mitchell et al. 2019, arXiv 1810.03993).

use std::fmt::Write as _;

use crate::evaluate::Evaluation;
use crate::pack::ModelPack;
use crate::report;

/// Failures that a card shows.
const FAILURES: usize = 20;

/// Writes the card of a pack from what it says of itself and from evaluations of it.
pub fn card(pack: &ModelPack, evaluations: &[Evaluation]) -> String {
    let m = &pack.manifest;
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!("# {} {}", m.name, m.version));
    line(String::new());
    line("Labels what people ask of a language model and what it answers: the 31 risks of TC260-003 / GB/T 45654-2025, \
          level, intent, general topic, mood, 19 sub-classes of prompt attack, and for answers harm and refusal. Chinese \
          first, English beside it. Apache-2.0, like the program that it is part of."
        .to_owned());
    line(String::new());
    line("## What it is".to_owned());
    line(String::new());
    let f = m.fast;
    line(format!(
        "- First stage: {} n-grams × {} in 8 bits, one hidden layer of {}, {} outputs.",
        f.rows, f.width, f.hidden, f.outputs
    ));
    match m.encoder {
        Some(e) => line(format!(
            "- Second stage, asked when the first is not certain: {} over characters and words, {} layers of \
             width {}, {} heads, each with {} dense parameters beside a table of {} rows in 8 bits.",
            match e.members {
                1 => "Transformer encoder".to_owned(),
                n => format!("the mean of {n} Transformer encoders"),
            },
            e.layers,
            e.width,
            e.heads,
            e.dense(),
            crate::encoder::SINGLES + e.rows
        )),
        None => line("- There is no second stage.".to_owned()),
    }
    let evidence = m.calibration_both.evidence;
    if evidence != crate::calibrate::Evidence::default() {
        line(format!(
            "- The risk score of a request: logit P(risky) + {} · logit P(malicious) − {} · logit P(no risk), calibrated.",
            evidence.malicious, evidence.harmless
        ));
    }
    line(format!(
        "- Called risky from {:.4}, an attack from {:.4}: the scores at which the stated share of ordinary development texts is flagged.",
        m.thresholds.risky, m.thresholds.attack
    ));
    line(String::new());
    line("## What it is for, and what not".to_owned());
    line(String::new());
    for text in [
        "- For labelling requests and answers beside other detectors, so that a policy can decide. It decides nothing.",
        "- Not for judging people, not as the only ground for a sanction, not for languages other than Chinese and English.",
        "- It knows no facts: whether a claim is true (A5a, rumours) it can only guess from the way it is put.",
        "- It reads one text at a time; harm that only a whole conversation shows (S6) it sees where the words do.",
        "- Most training texts were written for the project by few hands. Real users write in more ways than those.",
    ] {
        line(text.to_owned());
    }
    line(String::new());
    line("## What it was made from".to_owned());
    line(String::new());
    line(format!(
        "Seed {}, recipe `{}`, data `{}`, program {}; {} training texts after growing. Near-duplicates, sections and \
         templates are kept together when texts are divided.",
        m.made.seed,
        short(&m.made.recipe),
        short(&m.made.data),
        m.made.program,
        m.made.grown
    ));
    line(String::new());
    line("| source | licence | train | dev | test |".to_owned());
    line("|---|---|---:|---:|---:|".to_owned());
    let mut sources: Vec<&str> = m.made.texts.keys().filter_map(|k| k.rsplit_once(' ').map(|k| k.0)).collect();
    sources.dedup();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let n = |split: &str| m.made.texts.get(&format!("{source} {split}")).copied().unwrap_or(0);
        let licence = m.made.licences.get(source).map_or("written for this project, Apache-2.0", String::as_str);
        line(format!("| {source} | {licence} | {} | {} | {} |", n("train"), n("dev"), n("test")));
    }
    line(String::new());
    if !m.made.absent.is_empty() {
        line(format!("Not there when it was trained: {}.", m.made.absent.join(", ")));
        line(String::new());
    }
    line("## What it is worth".to_owned());
    line(String::new());
    line("On texts that it has not learnt from; intervals are 95 %. `menshen judge eval` prints them anew.".to_owned());
    line(String::new());
    line(report::table(evaluations));
    if let Some(evaluation) = evaluations.last() {
        line("## Where it fails".to_owned());
        line(String::new());
        line("From the project's own evaluation split, the most certain errors first.".to_owned());
        line(String::new());
        line("| text | is | was called |".to_owned());
        line("|---|---|---|".to_owned());
        for failure in evaluation.failures.iter().take(FAILURES) {
            let text = failure.text.replace(['\n', '\r'], " ").replace('|', "\\|");
            line(format!("| {text} | {} | {} |", failure.truth, failure.said));
        }
    }
    let _ = writeln!(out);
    out
}

fn short(hash: &str) -> String {
    hash.chars().take(16).collect()
}
