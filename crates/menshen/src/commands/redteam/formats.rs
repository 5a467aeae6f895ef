//! `menshen redteam import` and `export`: the files of PyRIT, garak and promptfoo.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_redteam::campaign;
use menshen_redteam::formats::{self, Format};
use menshen_redteam::instruction::Bank;
use menshen_redteam::plan::Plan;
use menshen_redteam::turn::Turn;

use super::super::print;
use super::{TargetFlags, known, read, write};
use crate::exit;

/// Read other formats.
#[derive(Args)]
pub struct Import {
    /// pyrit, garak or promptfoo
    format: String,
    /// The file
    file: PathBuf,
    /// Write the plan that tries what was read here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: TargetFlags,
}

/// Write other formats.
#[derive(Args)]
pub struct Export {
    /// pyrit, garak or promptfoo
    format: String,
    /// The plan
    plan: PathBuf,
    /// The folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

fn format_of(name: &str) -> Result<Format> {
    name.parse().map_err(|_| exit::usage(format!("{name:?} is no format; pyrit, garak or promptfoo")))
}

/// Reads a file of another program.
///
/// # Errors
/// When the format is not known or the file is none of it.
pub fn import(args: &Import) -> Result<ExitCode> {
    let imported = formats::import(format_of(&args.format)?, &args.file.display().to_string(), &read(&args.file)?)
        .map_err(known)?;
    print(&format!(
        "{} instructions, {} templates, {} attempts",
        imported.instructions.len(),
        imported.templates.len(),
        imported.attempts.len()
    ))?;
    for note in &imported.notes {
        print(&format!("- {note}"))?;
    }
    let Some(out) = &args.out else { return Ok(ExitCode::SUCCESS) };
    let plan = imported.plan(args.target.needed()?).map_err(known)?;
    write(out, &plan.to_yaml().map_err(known)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the prompts of a plan for another program.
///
/// # Errors
/// When the format is not known, the plan cannot be read or the folder cannot be written.
pub fn export(args: &Export) -> Result<ExitCode> {
    let plan = Plan::read(&args.plan, &read(&args.plan)?).map_err(known)?;
    let bank = Bank::shipped()?;
    let mut prompts = Vec::new();
    for case in campaign::cases(&plan, &bank).map_err(known)? {
        let turns = campaign::written(&case).unwrap_or_else(|| vec![Turn::user(case.instruction.text.clone())]);
        prompts.push(((*case.instruction).clone(), case.technique.to_string(), turns));
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|e| exit::environment(format!("{} cannot be made: {e}", args.out.display())))?;
    for (name, text) in formats::export(format_of(&args.format)?, &plan, &prompts).map_err(known)? {
        let file = args.out.join(name);
        write(&file, &text)?;
        print(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
