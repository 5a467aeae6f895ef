//! `menshen packs`: validation and lists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::{Config, Snapshot};
use menshen_policy::{Origin, PackSet, embedded};

use super::{print, table};
use crate::exit;

/// What can be done with packs.
#[derive(Subcommand)]
pub enum Packs {
    /// Validate the enabled packs: every file, rule, pattern and reference
    Check,
    /// List the enabled packs and what they hold
    List,
    /// What each pattern costs on the texts of a JSON Lines file, dearest first
    Cost {
        /// JSON Lines with `text`
        file: PathBuf,
        /// How many patterns to show
        #[arg(long, default_value_t = 25)]
        most: usize,
    },
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
            let governed = menshen_gateway::Governed::load(config);
            for line in &governed.diagnostics {
                print(line)?;
            }
            let errors = snapshot.errors + governed.errors;
            let (words, patterns) = snapshot.engine.sizes();
            print(&format!(
                "{} errors, {} other notes; {words} words, {patterns} patterns, {} rules, {} principles, {} answers",
                errors,
                snapshot.diagnostics.len() + governed.diagnostics.len() - errors,
                snapshot.packs.rules().count(),
                snapshot.packs.principles().len(),
                snapshot.packs.answers().count(),
            ))?;
            Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) })
        }
        Packs::Cost { file, most } => cost(&snapshot, &file, most),
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

fn cost(snapshot: &Snapshot, file: &Path, most: usize) -> Result<ExitCode> {
    #[derive(serde::Deserialize)]
    struct Line {
        text: String,
    }
    let body =
        std::fs::read_to_string(file).map_err(|e| exit::environment(format!("cannot read {}: {e}", file.display())))?;
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let (mut texts, mut bytes) = (0_u64, 0_u64);
    for (number, line) in body.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(line).map_err(|e| exit::usage(format!("{}:{}: {e}", file.display(), number + 1)))?;
        texts += 1;
        bytes += line.text.len() as u64;
        for (id, ran, ns) in snapshot.engine.pattern_costs(&line.text, menshen_verdict::Side::Input) {
            let sum = sums.entry(id).or_default();
            sum.0 += u64::from(ran);
            sum.1 += ns;
        }
    }
    let total: u64 = sums.values().map(|(_, ns)| ns).sum();
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by_key(|(_, (_, ns))| std::cmp::Reverse(*ns));
    let mut table = table(&["pattern", "let through", "µs per text", "share"]);
    for (id, (ran, ns)) in rows.iter().take(most) {
        table.add_row([
            (*id).to_owned(),
            format!("{:.1}%", 100.0 * *ran as f64 / texts.max(1) as f64),
            format!("{:.2}", *ns as f64 / 1e3 / texts.max(1) as f64),
            format!("{:.1}%", 100.0 * *ns as f64 / total.max(1) as f64),
        ]);
    }
    print(&table.to_string())?;
    print(&format!(
        "{texts} texts, {bytes} bytes, {:.1} µs of patterns a text",
        total as f64 / 1e3 / texts.max(1) as f64
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The versions of the enabled packs: version and content hash.
///
/// # Errors
/// When the packs have errors.
pub(crate) fn versions(config: &Config) -> Result<Vec<(String, String)>> {
    let mut origins = vec![embedded()];
    origins.extend(config.pack_folders.iter().cloned().map(Origin::Folder));
    let (packs, _) = PackSet::load(&origins, &config.packs);
    Ok(packs.versions().into_iter().map(|v| (v.id, format!("{} {}", v.version, v.hash))).collect())
}
