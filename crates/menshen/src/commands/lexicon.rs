//! `menshen lexicon`: keyword lists in, out and measured.

mod import;
mod prune;
mod stats;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_detect::{Diagnostic, Severity, Source, SourceKind};
use menshen_gateway::Config;
use menshen_policy::{Origin, PackSet, embedded};

use crate::exit;

/// How deep `--lists` looks into folders: a folder of packs, a pack, its `keywords`.
const MAX_DEPTH: usize = 4;

/// What can be done with keyword lists.
#[derive(Subcommand)]
pub enum Lexicon {
    /// Read public lists of any common layout, clean them, and write a keyword file
    Import(import::Import),
    /// Count the words, and hold them against the minimums of TC260-003
    Stats(stats::Stats),
    /// Find the words that hit ordinary texts, and thin them out
    Prune(prune::Prune),
}

/// Runs the command.
///
/// # Errors
/// When lists cannot be read or written.
pub fn run(config: &Config, lexicon: &Lexicon) -> Result<ExitCode> {
    match lexicon {
        Lexicon::Import(import) => import::run(config, import),
        Lexicon::Stats(stats) => stats::run(config, stats),
        Lexicon::Prune(prune) => prune::run(config, prune),
    }
}

fn cannot(what: &str, path: &Path, error: impl std::fmt::Display) -> anyhow::Error {
    exit::environment(format!("cannot {what} {}: {error}", path.display()))
}

/// The keyword lists of the enabled packs.
pub(crate) fn enabled(config: &Config) -> Result<Vec<Source>> {
    let mut origins = vec![embedded()];
    origins.extend(config.pack_folders.iter().cloned().map(Origin::Folder));
    let (packs, diagnostics) = PackSet::load(&origins, &config.packs);
    if let Some(first) = diagnostics.iter().find(|d| d.is_error()) {
        return Err(exit::usage(format!("the packs have errors, the first: {first}")));
    }
    let lists = packs.detect_sources().into_iter().filter(|s| s.keywords);
    Ok(lists.map(|s| Source { pack: s.pack, path: s.path, body: s.body, kind: SourceKind::Keywords }).collect())
}

/// The keyword lists in files and folders.
fn gathered(places: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = Vec::new();
    for place in places {
        let mut files = Vec::new();
        walk(place, 0, &mut files)?;
        let before = sources.len();
        for path in files {
            let bytes = fs::read(&path).map_err(|e| cannot("read", &path, e))?;
            let named = path == *place;
            let Ok(body) = String::from_utf8(bytes) else {
                return Err(exit::usage(format!("{} is not UTF-8; `menshen lexicon import` reads it", path.display())));
            };
            // A folder may hold other text files; a list says what it is in its head.
            if !named && list_id(&body).is_none() {
                continue;
            }
            let path = path.display().to_string();
            if !sources.iter().any(|s| s.path == path) {
                sources.push(Source { pack: String::new(), path, body, kind: SourceKind::Keywords });
            }
        }
        if sources.len() == before {
            return Err(exit::usage(format!("{} holds no keyword list", place.display())));
        }
    }
    Ok(sources)
}

fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let meta = fs::metadata(path).map_err(|e| cannot("read", path, e))?;
    if !meta.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| cannot("read", path, e))? {
        inside.push(entry.map_err(|e| cannot("read", path, e))?.path());
    }
    inside.sort();
    for entry in inside {
        let hidden = entry.file_name().is_none_or(|n| n.to_string_lossy().starts_with('.'));
        let wanted = entry.is_dir() && depth < MAX_DEPTH || entry.extension().is_some_and(|e| e == "txt");
        if wanted && !hidden {
            walk(&entry, depth + 1, files)?;
        }
    }
    Ok(())
}

/// The id that a keyword list gives itself.
fn list_id(body: &str) -> Option<&str> {
    let head = body.lines().map(|l| l.trim_start_matches('\u{feff}').trim()).filter(|l| !l.is_empty());
    let value = head.map_while(|l| l.strip_prefix('#')).find_map(|l| l.trim_start().strip_prefix("id:"))?;
    Some(value.split("<-").next().unwrap_or_default().trim())
}

/// Says what is wrong with lists, and refuses to go on when words would be missing.
fn settle(diagnostics: &[Diagnostic]) -> Result<()> {
    match diagnostics.iter().find(|d| d.severity == Severity::Error) {
        Some(first) => Err(exit::usage(format!("the lists have errors, the first: {first}"))),
        None => Ok(()),
    }
}

/// Writes a file whole or not at all: a half-written list would be put in force by a watching gateway.
fn write_whole(path: &Path, body: &str) -> Result<()> {
    // A link stays one: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = target.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // Packs are loaded without what begins with a dot.
    let part = target.with_file_name(format!(".{name}.part"));
    let written = fs::File::create(&part).and_then(|mut file| {
        if let Ok(meta) = fs::metadata(&target) {
            file.set_permissions(meta.permissions())?;
        }
        file.write_all(body.as_bytes())?;
        file.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&part, &target));
    if done.is_err() {
        let _ = fs::remove_file(&part);
    }
    done.map_err(|e| cannot("write", path, e))
}

/// Writes a line to standard error.
fn note(text: &str) -> Result<()> {
    writeln!(std::io::stderr().lock(), "{text}")?;
    Ok(())
}

fn share(part: usize, of: usize) -> String {
    format!("{:.1}%", 100.0 * part as f64 / of.max(1) as f64)
}
