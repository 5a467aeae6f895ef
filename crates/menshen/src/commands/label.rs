//! `menshen label`: labels of generated content in files (GB 45438-2025).

mod add;
mod c2pa;
mod explicit;
mod ffmpeg;
mod file;
mod inspect;
mod watermark;

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_provenance::carrier::{self, Carrier};
use menshen_provenance::label::{self, State, Verdict};

use super::{print, table};
use crate::exit;
use file::{named, open, plain};

/// What is done with labels.
#[derive(Subcommand)]
pub enum LabelOf {
    /// Write the implicit label into files, exactly one each, and an explicit one where that is wanted
    Add(Box<add::Add>),
    /// Say what label files carry
    Read(Read),
    /// Judge the labels of files: 0 compliant, 1 noncompliant, 2 not found, 3 inconclusive, 10 usage
    Verify(Read),
    /// Decide what a platform tells its public of files, and write its propagation members (the Measures, article 6)
    Inspect(Box<inspect::Inspect>),
    /// Watermarks in texts and pictures
    #[command(subcommand)]
    Watermark(watermark::WatermarkOf),
    /// Content Credentials (C2PA) beside the label
    #[command(subcommand)]
    C2pa(c2pa::C2paOf),
    /// List the formats
    Formats,
}

/// Read labels.
#[derive(Args)]
pub struct Read {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Runs a command on labels.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(command: &LabelOf) -> Result<ExitCode> {
    match command {
        LabelOf::Add(args) => add::run(args),
        LabelOf::Inspect(args) => inspect::run(args),
        LabelOf::Watermark(of) => watermark::run(of),
        LabelOf::C2pa(of) => c2pa::run(of),
        LabelOf::Read(args) => read(args),
        LabelOf::Verify(args) => verify(args),
        LabelOf::Formats => {
            let mut lines = table(&["format", "kind", "endings"]);
            for carrier in carrier::ALL {
                lines.add_row([carrier.id, carrier.kind, &carrier.endings.join(" ")]);
            }
            print(&lines.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn judged(path: &Path) -> Result<(Option<&'static Carrier>, Vec<carrier::Found>, Verdict)> {
    let (file, carrier) = open(path)?;
    match (carrier.read)(&mut BufReader::new(file)) {
        Ok(found) => {
            let verdict = label::verify(&found);
            Ok((Some(carrier), found, verdict))
        }
        Err(error) => Ok((Some(carrier), Vec::new(), Verdict::unreadable(&error))),
    }
}

fn document(path: &Path, carrier: Option<&Carrier>, found: &[carrier::Found], verdict: &Verdict) -> serde_json::Value {
    let mut document = label::document(carrier, found, verdict);
    document["file"] = path.display().to_string().into();
    document
}

/// Judges every file, those that cannot be opened too: they are said, and the others go on.
fn each(
    args: &Read,
    mut seen: impl FnMut(&Path, Option<&Carrier>, &[carrier::Found], &Verdict) -> Result<()>,
) -> Result<bool> {
    let mut all = true;
    for path in &args.files {
        match judged(path) {
            Ok((carrier, found, verdict)) => seen(path, carrier, &found, &verdict)?,
            Err(error) => {
                all = false;
                let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
                // In a document every file has its place, with what is wrong with it.
                let problem = Some(format!("{error:#}"));
                let state = State::Inconclusive;
                seen(path, None, &[], &Verdict { state, labels: Vec::new(), faults: Vec::new(), problem })?;
            }
        }
    }
    Ok(all)
}

fn read(args: &Read) -> Result<ExitCode> {
    let mut documents = Vec::new();
    let mut lines = table(&["file", "format", "place", "label"]);
    let mut whole = true;
    let all = each(args, |path, carrier, found, verdict| {
        documents.push(document(path, carrier, found, verdict));
        for f in found {
            let file = named(path);
            lines.add_row([file.as_str(), carrier.map_or("", |c| c.id), &plain(&f.place), &plain(&f.value)]);
        }
        if let Some(problem) = verdict.problem.as_ref().filter(|_| carrier.is_some()) {
            whole = false;
            let _ = writeln!(std::io::stderr(), "menshen: {}: {problem}", named(path));
        }
        Ok(())
    })?;
    print(&if args.json { serde_json::to_string(&documents)? } else { lines.to_string() })?;
    Ok(match (all, whole) {
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(State::Inconclusive.exit_code()),
        (false, _) => ExitCode::from(exit::USAGE),
    })
}

fn verify(args: &Read) -> Result<ExitCode> {
    let mut documents = Vec::new();
    let mut worst = State::Compliant;
    let all = each(args, |path, carrier, found, verdict| {
        if verdict.state.exit_code() > worst.exit_code() {
            worst = verdict.state;
        }
        if args.json {
            documents.push(document(path, carrier, found, verdict));
            return Ok(());
        }
        print(&format!("{}: {}", named(path), verdict.state.id()))?;
        for fault in &verdict.faults {
            print(&format!("  {}: {fault}", fault.clause()))?;
        }
        if let Some(problem) = verdict.problem.as_ref().filter(|_| carrier.is_some()) {
            print(&format!("  {problem}"))?;
        }
        Ok(())
    })?;
    if args.json {
        print(&serde_json::to_string(&documents)?)?;
    }
    Ok(ExitCode::from(if all { worst.exit_code() } else { label::USAGE_EXIT }))
}
