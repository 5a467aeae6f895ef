//! `menshen redteam judges`: what the word of a judge is worth.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_redteam::score::measure::{self, Measured};
use menshen_redteam::score::{Scorer, Standing};

use super::super::{print, table};
use super::known;
use super::scorer::native;
use crate::exit;

/// What judges are worth.
#[derive(Args)]
pub struct Judges {
    /// Measure the native judge, the refusal rules and both together on the human-scored answers of --data
    #[arg(long, requires = "data")]
    measure: bool,
    /// The folder with answers.jsonl
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print the measured figures as packs/redteam/judges.toml wants them
    #[arg(long, requires = "measure", conflicts_with = "json")]
    standings: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// The command that measures, as standings quote it.
const COMMAND: &str = "menshen redteam judges --measure --data ../shared/data";

/// Those over all held-out sets of a question and language.
fn summed(confusions: &[measure::Confusion]) -> impl Iterator<Item = &measure::Confusion> {
    confusions.iter().filter(|c| c.set.contains(", all "))
}

/// Prints standings, or measures.
///
/// # Errors
/// When the data or the model cannot be read.
pub async fn run(config: &Config, args: &Judges) -> Result<ExitCode> {
    if let (true, Some(data)) = (args.measure, &args.data) {
        let file = data.join("answers.jsonl");
        let text = std::fs::read_to_string(&file)
            .map_err(|e| exit::usage(format!("{} cannot be read: {e}", file.display())))?;
        let rows = measure::rows(&text, &file.display().to_string()).map_err(known)?;
        let native = native(config)?;
        let mut confusions = Vec::new();
        for judge in [Measured::Native(native.clone()), Measured::Rules] {
            confusions.extend(measure::by_set(&judge, &rows).await.map_err(known)?);
        }
        // Who is trusted more follows from what was just measured, not from what an earlier version was worth.
        let entries: String = summed(&confusions).map(|c| c.entry(COMMAND)).collect();
        let standings = Standing::parse(&format!("version = 1\n{entries}")).map_err(known)?;
        let panel = Scorer::new(Some(native), None, standings).map_err(known)?;
        confusions.extend(measure::by_set(&Measured::Panel(&panel), &rows).await.map_err(known)?);
        if args.standings {
            for confusion in summed(&confusions) {
                print(&confusion.entry(COMMAND))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        print(if args.json { serde_json::to_string(&confusions)? } else { measure::table(&confusions) }.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let standings = Standing::shipped().map_err(known)?;
    if args.json {
        print(&serde_json::to_string(&standings)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["judge", "question", "lang", "sensitivity", "specificity", "n", "measured on"]);
    for s in standings {
        lines.add_row([
            s.judge.clone(),
            s.task.id().to_owned(),
            s.lang.clone(),
            format!("{:.3}", s.sensitivity),
            format!("{:.3}", s.specificity),
            s.n.to_string(),
            s.measured_on.clone(),
        ]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}
