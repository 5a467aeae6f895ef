//! `menshen judge distill label`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_judge::distill::config::Config;
use menshen_judge::distill::export::{recipe_source, record};
use menshen_judge::distill::labels::{Ballot, Labelled, material};
use menshen_judge::distill::manifest::Step;
use menshen_judge::distill::{from_jsonl, hash, section, to_jsonl};
use serde_json::json;

use super::asking::{End, ask, conclude, say};
use super::teacher::{Asked, Source};
use super::work::{Work, bad, read, replace};
use super::{Place, topics};
use crate::exit;

/// Arguments of `menshen judge distill label`.
#[derive(Args)]
pub struct Labelling {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    asked: Asked,
    /// Texts to label: JSON Lines with "text", and optionally "lang" and "side"
    #[arg(long, value_name = "FILE.jsonl", required_unless_present = "export")]
    input: Option<PathBuf>,
    /// Votes for each text [default: the configuration's]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=15))]
    votes: Option<u32>,
    /// Write what the votes agree on, as .seeds or .jsonl, and ask nobody
    #[arg(long, value_name = "FILE", conflicts_with_all = ["input", "endpoint", "responses", "requests"])]
    export: Option<PathBuf>,
    /// The least share of votes for a label that is exported [default: the configuration's]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    agreement: Option<f32>,
    /// The least mean score of a label that is exported [default: the configuration's]
    #[arg(long, value_name = "SCORE", value_parser = share)]
    score: Option<f32>,
    /// Who owns the exported texts and under which licence, for the recipe
    #[arg(long, value_name = "TEXT", default_value = "unknown: say whose texts these are")]
    licence: String,
}

/// A number in 0..=1.
pub fn share(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|v| (0.0..=1.0).contains(v)).ok_or_else(|| "write a number from 0 to 1".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When the teacher fails or something cannot be read or written.
pub fn run(labelling: &Labelling) -> Result<ExitCode> {
    let (config, config_hash) = labelling.place.config()?;
    let work = Work::open(&labelling.place.work)?;
    if let Some(file) = &labelling.export {
        return export(labelling, &config, &work, file);
    }
    let Some(input) = &labelling.input else {
        return Err(exit::usage("say what to label: --input FILE.jsonl".to_owned()));
    };
    let model = labelling.asked.model()?;
    let source = labelling.asked.source(&config)?;
    let topics = topics(&config)?;
    let body = read(input)?;
    let (material, left_out) = material(&input.display().to_string(), &body).map_err(bad)?;
    if material.is_empty() {
        return Err(exit::usage(format!("{} holds no text to label", input.display())));
    }
    let votes = labelling.votes.unwrap_or(config.label.votes);
    let endpoint = match &source {
        Source::Live(endpoint) => Some(endpoint.host()),
        Source::Recorded(_) => Some("recorded".to_owned()),
        Source::Listed(_) => None,
    };

    let ballot = Ballot::new(&config, model, votes, &topics, &material);
    let allowance = labelling.asked.allowance(&config);
    let course = ballot.course();
    let (ledger, end) = ask(&work, "answers-label.jsonl", &course, source, allowance, labelling.asked.concurrency)?;
    if matches!(end, End::Listed(_)) {
        return conclude(&end, "");
    }
    let outcome = ballot.count(&ledger);
    let summary = format!(
        "{} of {} texts labelled with {votes} votes each; {} votes given up, {} texts still to be asked about, {left_out} \
         lines left out as empty, refused or repeated",
        outcome.labelled.len(),
        material.len(),
        outcome.given_up,
        outcome.open,
    );
    let written = work.write("labels.jsonl", &to_jsonl(&outcome.labelled).map_err(bad)?)?;
    let agreement = mean(outcome.labelled.iter().map(Labelled::agreement));
    let totals = ledger.totals();
    let counts = [
        ("texts", material.len()),
        ("labelled", outcome.labelled.len()),
        ("open", outcome.open),
        ("votes_given_up", outcome.given_up),
        ("lines_left_out", left_out),
    ];
    work.note(
        "label",
        Step {
            model: Some(model.to_owned()),
            endpoint,
            complete: outcome.open == 0,
            seed: config.seed,
            at: String::new(),
            settings: BTreeMap::from([
                ("asking".to_owned(), json!(config.asking)),
                ("label".to_owned(), json!(config.label)),
                ("votes".to_owned(), json!(votes)),
                ("mean_agreement".to_owned(), json!(agreement)),
            ]),
            inputs: BTreeMap::from([
                ("config".to_owned(), config_hash),
                ("input".to_owned(), hash(body.as_bytes())),
                ("prompt".to_owned(), ballot.prompt_hash()),
            ]),
            outputs: BTreeMap::from([
                ("answers-label.jsonl".to_owned(), hash(&work.bytes("answers-label.jsonl")?)),
                ("labels.jsonl".to_owned(), written),
            ]),
            counts: counts.into_iter().map(|(k, v)| (k.to_owned(), v as u64)).collect(),
            totals: Some(totals),
        },
    )?;
    let printed = json!({
        "complete": outcome.open == 0, "texts": material.len(), "labelled": outcome.labelled.len(), "open": outcome.open,
        "votes": votes, "votes_given_up": outcome.given_up, "mean_agreement": agreement, "totals": totals,
    });
    labelling.place.print(&format!("{summary}\nmean agreement {agreement:.2}"), &printed)?;
    conclude(&end, &summary)
}

fn mean(values: impl Iterator<Item = f32>) -> f64 {
    let (n, sum) = values.fold((0_u32, 0.0), |(n, sum), v| (n + 1, sum + f64::from(v)));
    (sum / f64::from(n.max(1)) * 10_000.0).round() / 10_000.0
}

/// The labels of a work folder.
pub fn labels(work: &Work) -> Result<Vec<Labelled>> {
    Ok(from_jsonl("labels.jsonl", &work.bytes("labels.jsonl")?).map_err(bad)?.0)
}

fn export(labelling: &Labelling, config: &Config, work: &Work, file: &Path) -> Result<ExitCode> {
    let labels = labels(work)?;
    if labels.is_empty() {
        return Err(exit::usage(format!("{} holds no labels; label texts first", work.path("labels.jsonl").display())));
    }
    let agreement = labelling.agreement.unwrap_or(config.label.agreement);
    let score = labelling.score.unwrap_or(config.label.score);
    let sure: Vec<_> = labels.iter().filter_map(|l| Some((l, l.words(agreement, score)?))).collect();
    let (body, written, more) = match file.extension().and_then(|e| e.to_str()) {
        Some("seeds") => {
            let line = |(l, words): &(&Labelled, section::Words)| {
                Some((words.to_string(), Vec::new(), section::line(&l.material.text)?))
            };
            let lines: Vec<_> = sure.iter().filter_map(line).collect();
            let head = "Labelled by a teacher model, not by people: see the manifest of the work folder.";
            let more = match sure.len() - lines.len() {
                0 => String::new(),
                n => format!("; {n} texts cannot stand in a seed file, export .jsonl to keep them"),
            };
            (section::body(head, &lines, config.section_lines), lines.len(), more)
        }
        Some("jsonl") => {
            let records: Vec<_> = sure.iter().map(|(l, words)| record(l, words)).collect();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let recipe = file.with_extension("recipe.toml");
            replace(&recipe, &recipe_source(&name, &labelling.licence, &records))?;
            let more = format!("; add {} to the recipe", recipe.display());
            (to_jsonl(&records).map_err(bad)?, records.len(), more)
        }
        _ => return Err(exit::usage(format!("{} ends neither in .seeds nor in .jsonl", file.display()))),
    };
    replace(file, &body)?;
    let mut manifest = work.manifest()?.steps.remove("export").unwrap_or_default();
    manifest.complete = true;
    manifest.settings = BTreeMap::from([
        ("agreement".to_owned(), json!(menshen_verdict::rounded(agreement))),
        ("score".to_owned(), json!(menshen_verdict::rounded(score))),
    ]);
    manifest.inputs = BTreeMap::from([("labels.jsonl".to_owned(), hash(&work.bytes("labels.jsonl")?))]);
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    manifest.outputs.insert(name, hash(body.as_bytes()));
    manifest.counts =
        BTreeMap::from([("labelled".to_owned(), labels.len() as u64), ("exported".to_owned(), written as u64)]);
    work.note("export", manifest)?;
    let summary = format!("wrote {written} of {} labelled texts to {}{more}", labels.len(), file.display());
    labelling.place.print(&summary, &json!({ "labelled": labels.len(), "exported": written }))?;
    if written == 0 {
        say("no text has enough agreement; lower --agreement, or ask for more --votes");
        return Ok(ExitCode::from(exit::FOUND));
    }
    Ok(ExitCode::SUCCESS)
}
