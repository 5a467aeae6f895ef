//! `menshen lexicon prune`.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_detect::Source;
use menshen_detect::lexicon::{Action, Limits, Proposal, READINGS, Trial, grey_list, rewrite, wilson_lower};
use menshen_gateway::Config;
use menshen_verdict::{Risk, Side};
use serde_json::{Value, json};

use crate::commands::{print, table};
use crate::exit;

use super::{cannot, enabled, gathered, list_id, settle, write_whole};

/// Arguments of `menshen lexicon prune`.
#[derive(Args)]
pub struct Prune {
    /// JSON Lines of ordinary texts, in which no word should be found
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    benign: Vec<PathBuf>,
    /// JSON Lines of risky texts, in which words should be found: a word that finds them may hit ordinary ones, too
    #[arg(long, value_name = "FILE", num_args = 1..)]
    risky: Vec<PathBuf>,
    /// The member that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    field: String,
    /// Which way the texts travel
    #[arg(long, default_value = "input", value_parser = ["input", "output", "tool"])]
    side: String,
    /// The share of ordinary texts in which a black word may be found
    #[arg(long, value_name = "RATE", default_value_t = Limits::default().max_rate)]
    max_rate: f64,
    /// The same of a grey word
    #[arg(long, value_name = "RATE", default_value_t = Limits::default().max_grey_rate)]
    max_grey_rate: f64,
    /// A black word over its rate stays when so much of what it hits is risky (with --risky)
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().keep_precision)]
    keep_precision: f64,
    /// A word over its rate goes when less of what it hits is risky (with --risky)
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().drop_precision)]
    drop_precision: f64,
    /// Judge only the words of these keyword files or folders; they stand in place of enabled lists of the same id
    #[arg(long, value_name = "DIR", num_args = 1..)]
    lists: Vec<PathBuf>,
    /// Rewrite the files of --lists: dropped words go, greyed ones move to NAME-grey.txt beside them
    #[arg(long, requires = "lists")]
    apply: bool,
    /// How many words to show
    #[arg(long, value_name = "N", default_value_t = 50)]
    most: usize,
    /// One JSON document with all words
    #[arg(long)]
    json: bool,
}

/// What was written.
#[derive(Default)]
struct Applied {
    files: Vec<String>,
    dropped: usize,
    greyed: usize,
}

/// Runs the command. The exit code is 1 when words should change and were not changed.
///
/// # Errors
/// When a file cannot be read or written, or a line is wrong: it is named.
pub fn run(config: &Config, args: &Prune) -> Result<ExitCode> {
    let rates = [args.max_rate, args.max_grey_rate, args.keep_precision, args.drop_precision];
    if rates.iter().any(|r| !(0.0..=1.0).contains(r)) {
        return Err(exit::usage("rates and precisions are numbers from 0 to 1"));
    }
    let lists = gathered(&args.lists)?;
    let ids: HashSet<&str> = lists.iter().filter_map(|s| list_id(&s.body)).collect();
    let mut sources = lists.clone();
    // The others still protect with their white words.
    sources.extend(enabled(config)?.into_iter().filter(|s| list_id(&s.body).is_none_or(|id| !ids.contains(id))));
    let (mut trial, diagnostics) = Trial::new(&sources).map_err(|e| exit::usage(e.to_string()))?;
    settle(&diagnostics)?;
    let side: Side = serde_json::from_value(Value::from(args.side.as_str())).map_err(|e| exit::usage(e.to_string()))?;
    for file in &args.benign {
        texts(file, &args.field, |text, place| trial.benign(text, side, place))?;
    }
    for file in &args.risky {
        texts(file, &args.field, |text, _| trial.risky(text, side))?;
    }
    if trial.texts().0 == 0 {
        return Err(exit::usage("the files hold no ordinary text"));
    }
    let limits = Limits {
        max_rate: args.max_rate,
        max_grey_rate: args.max_grey_rate,
        keep_precision: args.keep_precision,
        drop_precision: args.drop_precision,
    };
    let in_lists: HashSet<&str> = lists.iter().map(|s| s.path.as_str()).collect();
    let judged = |p: &Proposal| {
        args.lists.is_empty() || trial.entries().get(p.entry).is_some_and(|e| in_lists.contains(e.path.as_str()))
    };
    let proposals: Vec<Proposal> = trial.proposals(&limits).into_iter().filter(judged).collect();
    let applied = if args.apply { Some(apply(&lists, &trial, &proposals)?) } else { None };
    if args.json {
        print(&serde_json::to_string_pretty(&document(&trial, &proposals, &limits, applied.as_ref()))?)?;
    } else {
        print(&shown(&trial, &proposals, &limits, args, applied.as_ref()))?;
    }
    let open = applied.is_none() && proposals.iter().any(|p| p.action != Action::Keep);
    Ok(if open { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

/// Calls `each` with the text of every line, and its place.
fn texts(path: &Path, field: &str, mut each: impl FnMut(&str, &str)) -> Result<()> {
    let file = fs::File::open(path).map_err(|e| cannot("read", path, e))?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        let line = line.map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => exit::usage(format!("{place}: the line is not UTF-8")),
            _ => cannot("read", path, e),
        })?;
        let line = line.trim_start_matches('\u{feff}');
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(line).map_err(|e| exit::usage(format!("{place}: {e}")))?;
        match value.get(field).and_then(Value::as_str) {
            Some(text) => each(text, &place),
            None => return Err(exit::usage(format!("{place}: no text in {field:?}; name the member with --field"))),
        }
    }
    Ok(())
}

fn apply(lists: &[Source], trial: &Trial, proposals: &[Proposal]) -> Result<Applied> {
    let mut by_file: BTreeMap<&str, BTreeMap<usize, Action>> = BTreeMap::new();
    for proposal in proposals.iter().filter(|p| p.action != Action::Keep) {
        if let Some(entry) = trial.entries().get(proposal.entry) {
            by_file.entry(&entry.path).or_default().insert(entry.line, proposal.action);
        }
    }
    let mut applied = Applied::default();
    for (path, actions) in by_file {
        let Some(source) = lists.iter().find(|s| s.path == path) else { continue };
        let path = Path::new(path);
        let now = fs::read_to_string(path).map_err(|e| cannot("read", path, e))?;
        if now != source.body {
            return Err(exit::environment(format!("{} was changed meanwhile; run it again", path.display())));
        }
        let new = rewrite(&source.body, &actions);
        // The grey list first: a crash in between leaves a word in both, not in neither.
        if !new.greyed.is_empty() {
            let grey = grey_path(path);
            let existing = match fs::read_to_string(&grey) {
                Ok(body) => Some(body),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
                Err(e) => return Err(cannot("read", &grey, e)),
            };
            write_whole(&grey, &grey_list(&source.body, existing.as_deref(), &new.greyed))?;
            applied.files.push(grey.display().to_string());
        }
        write_whole(path, &new.body)?;
        applied.files.push(path.display().to_string());
        applied.greyed += new.greyed.len();
        applied.dropped += actions.len() - new.greyed.len();
    }
    Ok(applied)
}

fn grey_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-grey.txt"))
}

fn count(proposals: &[Proposal], action: Action) -> usize {
    proposals.iter().filter(|p| p.action == action).count()
}

/// With so few texts, how many hits it takes to be over a rate.
fn hits_needed(rate: f64, texts: u64) -> Option<u64> {
    (1..=texts).find(|hits| wilson_lower(*hits, texts) > rate)
}

fn shown(trial: &Trial, proposals: &[Proposal], limits: &Limits, args: &Prune, applied: Option<&Applied>) -> String {
    let (benign, risky) = trial.texts();
    let mut table =
        table(&["word", "place", "colour", "risk", "benign", "at least", "risky", "precision", "proposal", "found by"]);
    for proposal in proposals.iter().take(args.most) {
        let (Some(entry), Some(tally)) = (trial.entries().get(proposal.entry), trial.tally(proposal.entry)) else {
            continue;
        };
        let by: Vec<String> =
            READINGS.iter().zip(tally.readings).filter(|(_, n)| *n > 0).map(|(r, n)| format!("{r} {n}")).collect();
        table.add_row([
            entry.word.clone(),
            format!("{}:{}", entry.path, entry.line),
            entry.colour.id().to_owned(),
            entry.risk.map_or("", Risk::id).to_owned(),
            format!("{} ({:.2}%)", tally.benign, 100.0 * proposal.rate),
            format!("{:.3}%", 100.0 * proposal.rate_low),
            if risky > 0 { tally.risky.to_string() } else { String::new() },
            proposal.precision.map(|p| format!("{p:.2}")).unwrap_or_default(),
            proposal.action.id().to_owned(),
            by.join(", "),
        ]);
    }
    let mut out = format!("{table}\n");
    if proposals.len() > args.most {
        out.push_str(&format!(
            "… and {} more words; --most {} shows them\n",
            proposals.len() - args.most,
            proposals.len()
        ));
    }
    let needed = |rate| hits_needed(rate, benign).map_or_else(|| "no number of".to_owned(), |n| n.to_string());
    out.push_str(&format!(
        "{benign} benign and {risky} risky texts: a black word is over {}% from {} benign texts on, a grey one over {}% from {}\n",
        100.0 * limits.max_rate,
        needed(limits.max_rate),
        100.0 * limits.max_grey_rate,
        needed(limits.max_grey_rate),
    ));
    out.push_str(&format!(
        "{} words, {} found in benign texts: keep {}, make grey {}, drop {}",
        trial.entries().len(),
        proposals.len(),
        count(proposals, Action::Keep),
        count(proposals, Action::Grey),
        count(proposals, Action::Drop),
    ));
    match applied {
        Some(done) => out.push_str(&format!(
            "\ndropped {} and moved {}; wrote {}",
            done.dropped,
            done.greyed,
            if done.files.is_empty() { "nothing".to_owned() } else { done.files.join(", ") }
        )),
        None if args.lists.is_empty() => {
            out.push_str("\nnothing was written; --lists DIR --apply rewrites lists in a folder of yours");
        }
        None => out.push_str("\nnothing was written; --apply rewrites the lists"),
    }
    out
}

fn document(trial: &Trial, proposals: &[Proposal], limits: &Limits, applied: Option<&Applied>) -> Value {
    let (benign, risky) = trial.texts();
    let word = |proposal: &Proposal| {
        let (entry, tally) = (trial.entries().get(proposal.entry)?, trial.tally(proposal.entry)?);
        let by: serde_json::Map<String, Value> =
            READINGS.iter().zip(tally.readings).map(|(r, n)| ((*r).to_owned(), Value::from(n))).collect();
        Some(json!({
            "word": entry.word, "list": entry.list, "place": format!("{}:{}", entry.path, entry.line),
            "colour": entry.colour.id(), "risk": entry.risk, "benign": tally.benign, "risky": tally.risky,
            "rate": proposal.rate, "rate_low": proposal.rate_low, "precision": proposal.precision,
            "found_by": by, "examples": tally.examples, "proposal": proposal.action.id(),
        }))
    };
    json!({
        "benign": benign, "risky": risky, "words": trial.entries().len(),
        "limits": {"max_rate": limits.max_rate, "max_grey_rate": limits.max_grey_rate,
            "keep_precision": limits.keep_precision, "drop_precision": limits.drop_precision},
        "keep": count(proposals, Action::Keep), "grey": count(proposals, Action::Grey),
        "drop": count(proposals, Action::Drop),
        "proposals": proposals.iter().filter_map(word).collect::<Vec<_>>(),
        "applied": applied.map(|a| json!({"files": a.files, "dropped": a.dropped, "greyed": a.greyed})),
    })
}
