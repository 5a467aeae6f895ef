//! `menshen packs`: validation and lists.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::{Config, Snapshot};

use super::{print, table};
use crate::exit;

/// What can be done with packs.
#[derive(Subcommand)]
pub enum Packs {
    /// Validate the enabled packs: every file, rule, pattern and reference
    Check,
    /// List the enabled packs and what they hold
    List,
}

/// Runs the command.
///
/// # Errors
/// When standard output is closed.
pub fn run(config: &Config, packs: Packs) -> Result<ExitCode> {
    let snapshot = Snapshot::load(config);
    match packs {
        Packs::Check => {
            for line in &snapshot.diagnostics {
                print(line)?;
            }
            let (words, patterns) = snapshot.engine.sizes();
            print(&format!(
                "{} errors, {} other notes; {words} words, {patterns} patterns, {} rules, {} principles, {} answers",
                snapshot.errors,
                snapshot.diagnostics.len() - snapshot.errors,
                snapshot.packs.rules().count(),
                snapshot.packs.principles().len(),
                snapshot.packs.answers().count(),
            ))?;
            Ok(if snapshot.errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) })
        }
        Packs::List => {
            let mut versions = table(&["pack", "version", "blake3"]);
            for version in snapshot.packs.versions() {
                versions.add_row([version.id, version.version, version.hash.chars().take(16).collect()]);
            }
            print(&versions.to_string())?;
            let mut rules = table(&["rule", "priority", "then", "monitor"]);
            for (pack, rule) in snapshot.packs.rules() {
                rules.add_row([
                    format!("{pack}/{}@{}", rule.id, rule.version),
                    rule.priority.to_string(),
                    rule.then.to_string(),
                    rule.monitor.to_string(),
                ]);
            }
            print(&rules.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
