//! `menshen judge distill`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

/// Ask a teacher model for seeds and labels, then train.
#[derive(Args)]
pub struct Distill {}

/// Runs the command.
///
/// # Errors
/// When a step cannot go on.
pub fn run(_distill: Distill) -> Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
