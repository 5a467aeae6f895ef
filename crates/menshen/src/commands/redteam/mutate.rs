//! `menshen redteam mutators` and `mutate`: ways to rewrite a text, listed and tried.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_redteam::mutator::{self, Apply};

use super::super::{print, table};
use crate::exit;

/// List mutators.
#[derive(Args)]
pub struct Mutators {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The page of the documentation, with the coverage of peers
    #[arg(long)]
    markdown: bool,
}

/// Rewrite a text.
#[derive(Args)]
pub struct Mutate {
    /// Mutators, first to last: base64 or template+base64
    chain: String,
    /// The text; without it standard input
    #[arg(long)]
    text: Option<String>,
    /// What is random follows from it
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Read back what the mutator wrote
    #[arg(long)]
    reverse: bool,
    /// Write the file that a carrier makes here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Lists mutators.
///
/// # Errors
/// When standard output is closed.
pub fn mutators(args: &Mutators) -> Result<ExitCode> {
    if args.markdown {
        print(mutator::table::markdown().trim_end())?;
    } else if args.json {
        print(&serde_json::to_string(&mutator::table::rows())?)?;
    } else {
        let mut lines = table(&["id", "group", "attack", "zh", "en"]);
        for m in mutator::all() {
            lines.add_row([
                m.id.to_owned(),
                format!("{:?}", m.group),
                m.attack.id().to_owned(),
                m.zh.to_owned(),
                m.en.to_owned(),
            ]);
        }
        print(&lines.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Rewrites a text, or reads it back.
///
/// # Errors
/// When a mutator is not known, has nothing to rewrite or cannot read the text back.
pub fn mutate(args: &Mutate) -> Result<ExitCode> {
    let mut text = match &args.text {
        Some(text) => text.clone(),
        None => std::io::read_to_string(std::io::stdin()).map_err(|e| exit::usage(format!("standard input: {e}")))?,
    };
    let mut rng = fastrand::Rng::with_seed(args.seed);
    for id in args.chain.split('+') {
        let m = mutator::by_id(id.trim())
            .ok_or_else(|| exit::usage(format!("there is no mutator {id:?}; `menshen redteam mutators` lists them")))?;
        if args.reverse {
            text = m.read_back(&text).ok_or_else(|| exit::usage(format!("{id} cannot read this text back")))?;
            continue;
        }
        match m.apply {
            Apply::Carrier(make) => {
                let carrier = make(&text, &mut rng).map_err(|e| exit::environment(e.to_string()))?;
                let file = args.out.clone().unwrap_or_else(|| PathBuf::from(&carrier.name));
                std::fs::write(&file, &carrier.bytes)
                    .map_err(|e| exit::environment(format!("{} cannot be written: {e}", file.display())))?;
                print(&format!(
                    "{} ({}, {} bytes)\n{}",
                    file.display(),
                    carrier.media_type,
                    carrier.bytes.len(),
                    carrier.message
                ))?;
                return Ok(ExitCode::SUCCESS);
            }
            Apply::Model(_) => {
                return Err(exit::usage(format!("{id} needs a model; use it in a plan with an attacker")));
            }
            _ => {
                text = m
                    .rewrite(&text, &mut rng)
                    .ok_or_else(|| exit::usage(format!("{id} has nothing to rewrite in this text")))?;
            }
        }
    }
    // Byte for byte, so that what is read back is what was written.
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if args.text.is_some() && std::io::stdout().is_terminal() {
        print("")?;
    }
    Ok(ExitCode::SUCCESS)
}
