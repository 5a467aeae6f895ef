//! The `menshen` binary: command tables, configuration, wiring, exit codes.
//!
//! Exit codes: 0 fine, 1 findings or failure of what was checked, 2 usage or bad input, 3 environment (unreachable
//! target, full disk).

mod commands;
mod exit;
mod settings;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Menshen 门神: a guardrail gateway in front of any OpenAI-compatible model.
#[derive(Parser)]
#[command(name = "menshen", version, about, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: settings::Flags,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match commands::run(cli.command, &cli.settings) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
