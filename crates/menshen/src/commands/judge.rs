//! `menshen judge`: train, evaluate and ship the models that label every request.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::config::Config;

mod distill;

/// What can be done with judges.
#[derive(Subcommand)]
pub enum Judge {
    /// Ask a teacher model for seeds and labels, then train
    Distill(distill::Distill),
}

/// Runs the command.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(_config: &Config, judge: Judge) -> Result<ExitCode> {
    match judge {
        Judge::Distill(distill) => distill::run(distill),
    }
}
