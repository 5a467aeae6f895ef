//! `menshen judge distill`: a teacher model writes and labels what the small judges learn from.
//!
//! Each step keeps what the teacher answered in the work folder and computes everything else from it, so a run that was
//! killed, or whose budget is spent, goes on with the same command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_judge::distill::config::{self, Config};
use menshen_judge::seeds::Seeds;
use menshen_verdict::Topic;

use super::super::print;
use crate::exit;

mod asking;
mod label;
mod review;
mod seeds;
mod teacher;
mod work;

/// Ask a teacher model for seeds and labels; `menshen judge train` learns from them.
#[derive(Args)]
pub struct Distill {
    #[command(subcommand)]
    step: Box<Step>,
}

/// The steps.
#[derive(Subcommand)]
enum Step {
    /// Have the teacher write seeds, cell by cell
    Seeds(seeds::Seeding),
    /// Hand seeds to people as a file to edit, and take it back
    Review(review::Reviewing),
    /// Have the teacher label texts, and export what its votes agree on
    Label(label::Labelling),
    /// Print what was done, for a model card
    Manifest {
        /// The work folder
        #[arg(long, value_name = "DIR")]
        work: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Where a step works and what it goes by.
#[derive(Args)]
struct Place {
    /// Work folder; made if it is not there
    #[arg(long, value_name = "DIR")]
    work: PathBuf,
    /// Prompts, attributes, filters and budgets; `--config` is the program's own
    #[arg(long, value_name = "FILE", default_value = "models/judge/distill.toml")]
    prompts: PathBuf,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

impl Place {
    fn config(&self) -> Result<(Config, String)> {
        let body = std::fs::read_to_string(&self.prompts).map_err(|e| {
            exit::usage(format!(
                "cannot read {}: {e}; name it with --prompts (the project's is models/judge/distill.toml)",
                self.prompts.display()
            ))
        })?;
        let config = Config::read(&self.prompts, &body).map_err(work::bad)?;
        Ok((config, menshen_judge::distill::hash(body.as_bytes())))
    }

    /// Prints the outcome.
    fn print(&self, summary: &str, outcome: &serde_json::Value) -> Result<()> {
        if self.json { print(&serde_json::to_string_pretty(outcome)?) } else { print(summary) }
    }
}

fn topics(config: &Config) -> Result<Vec<Topic>> {
    config::topics(&config.topics, &work::read(&config.topics)?).map_err(work::bad)
}

/// Reads seeds; those of the evaluation split, should it lie inside, are left out.
fn read_seeds(path: &Path, without: Option<&Path>, topics: &[Topic]) -> Result<Seeds> {
    if !path.exists() {
        return Err(exit::usage(format!("there are no seeds at {}; correct the path", path.display())));
    }
    let mut seeds =
        Seeds::load(path, topics).map_err(|e| exit::usage(format!("cannot read the seeds {}: {e}", path.display())))?;
    if let Some(problem) = seeds.problems.first() {
        return Err(exit::usage(format!("the seeds {} have a mistake: {problem}", path.display())));
    }
    // The same folder may be named in several ways.
    let real = |p: &Path| p.canonicalize().unwrap_or_else(|_| p.to_path_buf());
    let inside = without.and_then(|w| real(w).strip_prefix(real(path)).ok().map(Path::to_path_buf));
    if let Some(inside) = inside {
        let held: Vec<bool> = seeds.sections.iter().map(|s| Path::new(&s.file).starts_with(&inside)).collect();
        seeds.seeds.retain(|s| !held.get(s.section).copied().unwrap_or(false));
    }
    Ok(seeds)
}

/// Runs the command.
///
/// # Errors
/// When a step cannot go on.
pub fn run(distill: Distill) -> Result<ExitCode> {
    match *distill.step {
        Step::Seeds(seeding) => seeds::run(&seeding),
        Step::Review(reviewing) => review::run(&reviewing),
        Step::Label(labelling) => label::run(&labelling),
        Step::Manifest { work, json } => manifest(&work, json),
    }
}

fn manifest(dir: &Path, json: bool) -> Result<ExitCode> {
    let path = dir.join("manifest.json");
    if !path.is_file() {
        return Err(exit::usage(format!("there is no {}; run a step first", path.display())));
    }
    let manifest = work::Work::open(dir)?.manifest()?;
    let text = if json { serde_json::to_string_pretty(&manifest)? } else { manifest.cite() };
    print(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
