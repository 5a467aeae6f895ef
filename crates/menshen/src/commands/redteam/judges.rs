//! `menshen redteam judges`: what the word of a judge is worth.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_redteam::score::{self, measure};

use super::super::{print, table};
use super::{known, native};
use crate::exit;

/// What judges are worth.
#[derive(Args)]
pub struct Judges {
    /// Measure the native judge and the refusal rules on the human-scored answers of --data
    #[arg(long, requires = "data")]
    measure: bool,
    /// The folder with answers.jsonl
    #[arg(long)]
    data: Option<PathBuf>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Prints standings, or measures.
pub fn run(config: &Config, args: &Judges) -> Result<ExitCode> {
    if let (true, Some(data)) = (args.measure, &args.data) {
        let file = data.join("answers.jsonl");
        let text = std::fs::read_to_string(&file)
            .map_err(|e| exit::usage(format!("{} cannot be read: {e}", file.display())))?;
        let rows = measure::rows(&text).map_err(known)?;
        let native = native(config)?.ok_or_else(|| exit::environment("the native judge is switched off".to_owned()))?;
        let confusions = measure::all(native, &rows).map_err(known)?;
        print(&if args.json { serde_json::to_string(&confusions)? } else { measure::table(&confusions) })?;
        return Ok(ExitCode::SUCCESS);
    }
    let standings = score::shipped_standings().map_err(known)?;
    if args.json {
        print(&serde_json::to_string(&standings)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["judge", "sensitivity", "specificity", "n", "measured on"]);
    for s in standings {
        let share = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| format!("{:.3}", v));
        lines.add_row([s.judge.clone(), share(s.sensitivity), share(s.specificity), s.n.to_string(), s.measured_on.clone()]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}
