//! `menshen lexicon stats`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_detect::lexicon::{self, Census, Entry, TOTAL_MINIMUM};
use menshen_gateway::Config;
use menshen_verdict::Risk;
use serde_json::{Value, json};

use crate::commands::{print, table};
use crate::exit;

use super::{enabled, gathered, settle, share};

/// Arguments of `menshen lexicon stats`.
#[derive(Args)]
pub struct Stats {
    /// Count these keyword files or folders in place of the enabled packs
    #[arg(long, value_name = "DIR", num_args = 1..)]
    lists: Vec<PathBuf>,
    /// Exit with 1 when a minimum of TC260-003 is not met
    #[arg(long)]
    require: bool,
    /// How many duplicates and redundant words to show
    #[arg(long, value_name = "N", default_value_t = 10)]
    most: usize,
    /// One JSON document, with every duplicate and redundant word
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a list cannot be read.
pub fn run(config: &Config, args: &Stats) -> Result<ExitCode> {
    let sources = if args.lists.is_empty() { enabled(config)? } else { gathered(&args.lists)? };
    let (entries, diagnostics) = lexicon::entries(&sources);
    settle(&diagnostics)?;
    let census = Census::of(&entries);
    if args.json {
        print(&serde_json::to_string_pretty(&document(&census, &entries))?)?;
    } else {
        print(&shown(&census, &entries, args.most))?;
    }
    let failed = args.require && !census.missing().is_empty();
    Ok(if failed { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

fn place(entry: &Entry) -> String {
    format!("{}:{}", entry.path, entry.line)
}

fn shown(census: &Census, entries: &[Entry], most: usize) -> String {
    let mut lists = table(&["list", "file", "colour", "risk", "words", "distinct"]);
    for list in &census.lists {
        lists.add_row([
            list.list.clone(),
            list.path.clone(),
            list.colour.id().to_owned(),
            list.risk.map_or("", Risk::id).to_owned(),
            list.words.to_string(),
            list.distinct.to_string(),
        ]);
    }
    let mut risks = table(&["risk", "", "black", "grey", "distinct", "minimum", ""]);
    for risk in census.risks.iter().filter(|r| r.distinct > 0 || r.minimum.is_some()) {
        risks.add_row([
            risk.risk.id().to_owned(),
            risk.risk.zh().to_owned(),
            risk.black.to_string(),
            risk.grey.to_string(),
            risk.distinct.to_string(),
            risk.minimum.map(|m| m.to_string()).unwrap_or_default(),
            risk.minimum.map_or("", |_| if risk.is_met() { "met" } else { "MISSING" }).to_owned(),
        ]);
    }
    let mut lengths = table(&["characters", "words", "share"]);
    for (length, count) in &census.lengths {
        let last = census.lengths.len() > 1 && census.lengths.keys().next_back() == Some(length) && *length >= 16;
        lengths.add_row([
            if last { format!("{length} or more") } else { length.to_string() },
            count.to_string(),
            share(*count, census.distinct),
        ]);
    }
    let mut out = format!("{lists}\n{risks}\n{lengths}\n");
    out.push_str(&format!(
        "{} words in {} lists; distinct after folding: {} black and grey, {} white\n",
        census.words,
        census.lists.len(),
        census.distinct,
        census.white
    ));
    out.push_str(&format!(
        "longer than the standard's guide (10 Chinese characters, 5 foreign words): {} ({})\n",
        census.long,
        share(census.long, census.distinct)
    ));
    out.push_str(&format!("in several places of one colour: {}\n", census.duplicates.len()));
    for places in census.duplicates.iter().take(most) {
        let word = places.first().and_then(|i| entries.get(*i)).map(|e| e.word.as_str()).unwrap_or_default();
        let places: Vec<String> = places.iter().filter_map(|i| entries.get(*i)).map(place).collect();
        out.push_str(&format!("  {word}: {}\n", places.join(", ")));
    }
    out.push_str(&format!(
        "hold a shorter word of their colour, which finds them already: {} ({})\n",
        census.redundant.len(),
        share(census.redundant.len(), census.distinct)
    ));
    for (long, short) in census.redundant.iter().take(most) {
        if let (Some(long), Some(short)) = (entries.get(*long), entries.get(*short)) {
            out.push_str(&format!("  {} ({}) holds {} ({})\n", long.word, place(long), short.word, place(short)));
        }
    }
    let missing = census.missing();
    out.push_str(&format!("over the 17 risks of A.1 and A.2: {} of {TOTAL_MINIMUM}\n", census.a1_a2));
    if missing.is_empty() {
        out.push_str("TC260-003 8.1: every minimum is met");
    } else {
        let missing: Vec<String> = missing
            .iter()
            .map(|m| format!("{} has {} of {}", m.risk.map_or("the whole", Risk::id), m.have, m.need))
            .collect();
        out.push_str(&format!("TC260-003 8.1: NOT MET: {}", missing.join(", ")));
    }
    out
}

fn document(census: &Census, entries: &[Entry]) -> Value {
    let lists: Vec<Value> = census
        .lists
        .iter()
        .map(|l| {
            json!({"list": l.list, "path": l.path, "colour": l.colour.id(), "risk": l.risk, "words": l.words,
                "distinct": l.distinct})
        })
        .collect();
    let risks: Vec<Value> = census
        .risks
        .iter()
        .map(|r| {
            json!({"risk": r.risk, "black": r.black, "grey": r.grey, "distinct": r.distinct, "minimum": r.minimum,
                "met": r.is_met()})
        })
        .collect();
    let lengths: serde_json::Map<String, Value> =
        census.lengths.iter().map(|(n, count)| (n.to_string(), Value::from(*count))).collect();
    let at = |index: &usize| entries.get(*index).map(|e| json!({"word": e.word, "list": e.list, "place": place(e)}));
    let duplicates: Vec<Value> =
        census.duplicates.iter().map(|p| p.iter().filter_map(at).collect::<Vec<_>>().into()).collect();
    let redundant: Vec<Value> =
        census.redundant.iter().map(|(long, short)| json!({"word": at(long), "holds": at(short)})).collect();
    let missing: Vec<Value> =
        census.missing().iter().map(|m| json!({"risk": m.risk, "have": m.have, "need": m.need})).collect();
    json!({
        "words": census.words, "distinct": census.distinct, "white": census.white,
        "a1_a2": census.a1_a2, "a1_a2_minimum": TOTAL_MINIMUM, "met": missing.is_empty(), "missing": missing,
        "risks": risks, "lists": lists, "lengths": lengths, "long": census.long,
        "long_share": census.long as f64 / census.distinct.max(1) as f64,
        "duplicates": duplicates, "redundant": redundant,
    })
}
