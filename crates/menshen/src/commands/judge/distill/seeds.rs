//! `menshen judge distill seeds`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_judge::distill::candidates::{course, harvest};
use menshen_judge::distill::manifest::Step;
use menshen_judge::distill::plan::{Narrowed, Plan};
use menshen_judge::distill::{hash, to_jsonl};
use menshen_judge::seeds::Seeds;
use menshen_verdict::{Level, Risk};
use serde_json::json;

use super::asking::{End, ask, conclude};
use super::teacher::{Asked, Source};
use super::work::{Work, bad};
use super::{Place, read_seeds, topics};
use crate::exit;

/// Arguments of `menshen judge distill seeds`.
#[derive(Args)]
pub struct Seeding {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    asked: Asked,
    /// Only these risks, such as A1a,A2e; default all
    #[arg(long, value_delimiter = ',', value_name = "RISK")]
    risk: Vec<Risk>,
    /// Only these levels: risky, related, none
    #[arg(long, value_delimiter = ',', value_name = "LEVEL")]
    level: Vec<Level>,
    /// Only these languages: zh, en
    #[arg(long, value_delimiter = ',', value_parser = ["zh", "en"], value_name = "LANG")]
    lang: Vec<String>,
    /// Texts for each cell [default: the configuration's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    per_cell: Option<u16>,
    /// Combinations of attributes for each risk, level, intent and language; 0 means all [default: the configuration's]
    #[arg(long, value_name = "N")]
    combinations: Option<usize>,
    /// Seeds that examples are drawn from [default: the configuration's]
    #[arg(long, value_name = "DIR")]
    seeds: Option<PathBuf>,
    /// Seeds of the evaluation split, never shown to the teacher [default: the configuration's]
    #[arg(long, value_name = "DIR")]
    evaluation: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// When the teacher fails or something cannot be read or written.
pub fn run(seeding: &Seeding) -> Result<ExitCode> {
    let (mut config, config_hash) = seeding.place.config()?;
    config.plan.per_cell = seeding.per_cell.map_or(config.plan.per_cell, usize::from);
    config.plan.combinations = seeding.combinations.unwrap_or(config.plan.combinations);
    config.seeds = seeding.seeds.clone().unwrap_or(config.seeds);
    config.evaluation = seeding.evaluation.clone().unwrap_or(config.evaluation);
    let model = seeding.asked.model()?;
    let source = seeding.asked.source(&config)?;
    let topics = topics(&config)?;
    let evaluation = read_seeds(&config.evaluation, None, &topics)?;
    let seeds = read_seeds(&config.seeds, Some(&config.evaluation), &topics)?;
    let narrowed = Narrowed { risks: seeding.risk.clone(), langs: seeding.lang.clone(), levels: seeding.level.clone() };
    let plan = Plan::new(&config, model, &narrowed, &seeds).map_err(bad)?;
    let work = Work::open(&seeding.place.work)?;
    let endpoint = match &source {
        Source::Live(endpoint) => Some(endpoint.host()),
        Source::Recorded(_) => Some("recorded".to_owned()),
        Source::Listed(_) => None,
    };

    let allowance = seeding.asked.allowance(&config);
    let (ledger, end) =
        ask(&work, "answers-seeds.jsonl", &course(&config, &plan), source, allowance, seeding.asked.concurrency)?;
    if matches!(end, End::Listed(_)) {
        return conclude(&end, "");
    }
    let harvest = harvest(&config, &plan, &ledger, &seeds, &evaluation);
    let kept = harvest.kept().count();
    let rejections = harvest.rejections();
    let given_up: usize = harvest.given_up.values().sum();
    let summary = format!(
        "{kept} candidates of {} texts from {} of {} cells; {given_up} cells given up, {} still to be asked",
        harvest.candidates.len(),
        harvest.answered,
        plan.cells.len(),
        harvest.open,
    );
    let written = work.write("candidates.jsonl", &to_jsonl(&harvest.candidates).map_err(bad)?)?;
    let mut counts = BTreeMap::from([
        ("cells", plan.cells.len()),
        ("cells_answered", harvest.answered),
        ("cells_given_up", given_up),
        ("cells_open", harvest.open),
        ("texts", harvest.candidates.len()),
        ("kept", kept),
    ])
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v as u64))
    .collect::<BTreeMap<String, u64>>();
    counts.extend(rejections.iter().map(|(k, v)| (format!("rejected_{k}"), *v as u64)));
    let settings = BTreeMap::from([
        ("asking".to_owned(), json!(config.asking)),
        ("filter".to_owned(), json!(config.filter)),
        ("plan".to_owned(), json!(config.plan)),
        ("narrowed".to_owned(), json!(narrowed)),
    ]);
    let inputs = BTreeMap::from([
        ("config".to_owned(), config_hash),
        ("prompts".to_owned(), config.prompts_hash().map_err(bad)?),
        ("seeds".to_owned(), texts_hash(&seeds)),
        ("evaluation".to_owned(), texts_hash(&evaluation)),
    ]);
    let outputs = BTreeMap::from([
        ("answers-seeds.jsonl".to_owned(), hash(&work.bytes("answers-seeds.jsonl")?)),
        ("candidates.jsonl".to_owned(), written),
    ]);
    let totals = ledger.totals();
    work.note(
        "seeds",
        Step {
            model: Some(model.to_owned()),
            endpoint,
            complete: harvest.open == 0,
            seed: config.seed,
            at: String::new(),
            settings,
            inputs,
            outputs,
            counts,
            totals: Some(totals),
        },
    )?;
    let outcome = json!({
        "complete": harvest.open == 0, "cells": plan.cells.len(), "answered": harvest.answered, "open": harvest.open,
        "given_up": harvest.given_up, "texts": harvest.candidates.len(), "kept": kept, "rejected": rejections,
        "totals": totals,
    });
    let refused: Vec<String> = rejections.iter().map(|(why, n)| format!("{why} {n}")).collect();
    let more = if refused.is_empty() { String::new() } else { format!("\nrefused: {}", refused.join(", ")) };
    seeding.place.print(&format!("{summary}{more}"), &outcome)?;
    let code = conclude(&end, &summary)?;
    // All was asked, and nothing of it can be used: look at the prompts, or at the teacher.
    Ok(if end == End::Complete && kept == 0 { ExitCode::from(exit::FOUND) } else { code })
}

/// A hash of seeds as they are read: texts and where they stand.
fn texts_hash(seeds: &Seeds) -> String {
    let mut all = String::new();
    for seed in &seeds.seeds {
        let file = seeds.section(seed).map(|s| s.file.as_str()).unwrap_or_default();
        all.push_str(&format!("{file}:{}\0{}\0", seed.line, seed.text));
    }
    hash(all.as_bytes())
}
