//! `menshen lexicon`: keyword lists in, out and measured.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::config::Config;

/// What can be done with keyword lists.
#[derive(Subcommand)]
pub enum Lexicon {}

/// Runs the command.
///
/// # Errors
/// When lists cannot be read or written.
pub fn run(_config: &Config, lexicon: &Lexicon) -> Result<ExitCode> {
    match *lexicon {}
}
