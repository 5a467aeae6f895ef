//! `menshen judge distill review`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_judge::distill::candidates::Candidate;
use menshen_judge::distill::config::Config;
use menshen_judge::distill::manifest::Step;
use menshen_judge::distill::review::{
    Decision, Item, accepted, choose, given_out, of_candidates, of_labels, queue, read_back, standing,
};
use menshen_judge::distill::{from_jsonl, hash};
use serde_json::json;

use super::asking::say;
use super::label::{labels, share};
use super::work::{Work, bad, read, replace};
use super::{Place, topics};
use crate::exit;

const DECISIONS: &str = "decisions.jsonl";

/// What is reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// Seeds that the teacher wrote
    Candidates,
    /// Texts that the teacher labelled
    Labels,
}

/// Arguments of `menshen judge distill review`.
#[derive(Args)]
pub struct Reviewing {
    #[command(flatten)]
    place: Place,
    /// What is reviewed
    #[arg(long, value_enum, default_value = "candidates")]
    from: From,
    /// At most this many, drawn evenly; default all
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Only what the teacher's labels put in doubt: they differ from what was asked for, or agree less than the share
    #[arg(long)]
    doubtful: bool,
    /// The share of votes below which a label is in doubt [default: the configuration's]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    agreement: Option<f32>,
    /// Where the queue goes [default: review.seeds in the work folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a queue that is there, with what was edited in it
    #[arg(long)]
    force: bool,
    /// Take an edited queue back and write accepted.seeds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample", "doubtful", "output"])]
    accept: Option<PathBuf>,
    /// Also accept what was never given out for review
    #[arg(long, requires = "accept")]
    with_rest: bool,
}

/// Runs the command.
///
/// # Errors
/// When something cannot be read or written, or an edited queue has mistakes: each is named.
pub fn run(reviewing: &Reviewing) -> Result<ExitCode> {
    let (config, _) = reviewing.place.config()?;
    let work = Work::open(&reviewing.place.work)?;
    // What comes back is known by its queue; the rest is looked up only if it is to be taken in.
    let items = match reviewing.accept.is_some() && !reviewing.with_rest {
        true => Vec::new(),
        false => items(reviewing, &config, &work)?,
    };
    let (decisions, whole) = from_jsonl::<Decision>(DECISIONS, &work.bytes(DECISIONS)?).map_err(bad)?;
    match &reviewing.accept {
        Some(file) => accept(reviewing, &config, &work, file, &items, decisions, whole),
        None => give_out(reviewing, &config, &work, items, &decisions, whole),
    }
}

fn items(reviewing: &Reviewing, config: &Config, work: &Work) -> Result<Vec<Item>> {
    let agreement = reviewing.agreement.unwrap_or(config.label.agreement);
    let labels = labels(work)?;
    let items = match reviewing.from {
        From::Labels => of_labels(&labels, agreement, config.label.score),
        From::Candidates => {
            let bytes = work.bytes("candidates.jsonl")?;
            let candidates = from_jsonl::<Candidate>("candidates.jsonl", &bytes).map_err(bad)?.0;
            of_candidates(&candidates, &labels, agreement)
        }
    };
    if items.is_empty() {
        let step = if reviewing.from == From::Labels { "label" } else { "seeds" };
        return Err(exit::usage(format!(
            "{} holds nothing to review; run `menshen judge distill {step}` first",
            reviewing.place.work.display()
        )));
    }
    Ok(items)
}

fn give_out(
    reviewing: &Reviewing,
    config: &Config,
    work: &Work,
    items: Vec<Item>,
    decisions: &[Decision],
    whole: usize,
) -> Result<ExitCode> {
    let all = items.len();
    let chosen = choose(items, decisions, reviewing.doubtful, reviewing.sample, config.seed);
    let file = reviewing.output.clone().unwrap_or_else(|| work.path("review.seeds"));
    if chosen.is_empty() {
        reviewing.place.print("nothing is left to review", &json!({ "texts": all, "given_out": 0 }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if file.exists() && !reviewing.force {
        return Err(exit::usage(format!(
            "{} is there already; take it back with --accept, or write over it with --force",
            file.display()
        )));
    }
    // Noted before they are handed over, so that a text that is deleted is known to have been there.
    let mut records = work.append(DECISIONS, whole)?;
    for decision in given_out(&chosen) {
        records.add(&decision)?;
    }
    replace(&file, &queue(&chosen, config.section_lines))?;
    let summary = format!(
        "gave out {} of {all} texts in {}; edit it, then: menshen judge distill review --work {} --accept {}",
        chosen.len(),
        file.display(),
        reviewing.place.work.display(),
        file.display()
    );
    reviewing.place.print(&summary, &json!({ "texts": all, "given_out": chosen.len(), "file": file }))?;
    Ok(ExitCode::SUCCESS)
}

fn accept(
    reviewing: &Reviewing,
    config: &Config,
    work: &Work,
    file: &std::path::Path,
    items: &[Item],
    mut decisions: Vec<Decision>,
    whole: usize,
) -> Result<ExitCode> {
    let topics = topics(config)?;
    let body = read(file)?;
    let decided = match read_back(&file.display().to_string(), &body, &topics, &decisions) {
        Ok(decided) => decided,
        Err(problems) => {
            for problem in &problems {
                say(&problem.to_string());
            }
            return Err(exit::usage(format!(
                "{} has {} mistakes (above); nothing was accepted",
                file.display(),
                problems.len()
            )));
        }
    };
    let mut records = work.append(DECISIONS, whole)?;
    for decision in &decided {
        records.add(decision)?;
    }
    decisions.extend(decided);
    let head = if reviewing.with_rest {
        "Written by a teacher model; a part of it was reviewed by people."
    } else {
        "Written by a teacher model and reviewed by people."
    };
    let (seeds, n) = accepted(&decisions, items, head, config.section_lines);
    let written = work.write("accepted.seeds", &seeds)?;
    let mut verbs: BTreeMap<String, u64> = BTreeMap::new();
    for decision in standing(&decisions) {
        *verbs.entry(decision.verb.id().to_owned()).or_default() += 1;
    }
    let mut counts = verbs.clone();
    counts.insert("seeds".to_owned(), n as u64);
    work.note(
        "review",
        Step {
            complete: true,
            seed: config.seed,
            settings: BTreeMap::from([("with_rest".to_owned(), json!(reviewing.with_rest))]),
            inputs: BTreeMap::from([("edited".to_owned(), hash(body.as_bytes()))]),
            outputs: BTreeMap::from([
                ("accepted.seeds".to_owned(), written),
                (DECISIONS.to_owned(), hash(&work.bytes(DECISIONS)?)),
            ]),
            counts,
            ..Step::default()
        },
    )?;
    let listed: Vec<String> = verbs.iter().map(|(verb, n)| format!("{verb} {n}")).collect();
    let summary = format!("{}; wrote {n} seeds to {}", listed.join(", "), work.path("accepted.seeds").display());
    reviewing.place.print(&summary, &json!({ "decisions": verbs, "seeds": n }))?;
    if n == 0 {
        say("nothing was accepted");
        return Ok(ExitCode::from(exit::FOUND));
    }
    Ok(ExitCode::SUCCESS)
}
