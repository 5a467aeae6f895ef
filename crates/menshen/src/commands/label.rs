//! `menshen label`: labels of generated content in files (GB 45438-2025).

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_provenance::carrier::{self, Carrier};
use menshen_provenance::label::{self, Aigc, Kind, ProviderCode, State, Verdict};
use serde_json::json;

use super::{print, table};
use crate::exit;

/// What is done with labels.
#[derive(Subcommand)]
pub enum LabelOf {
    /// Write the implicit label into files, exactly one each
    Add(Add),
    /// Say what label files carry
    Read(Read),
    /// Judge the labels of files: 0 compliant, 1 noncompliant, 2 not found, 3 inconclusive, 10 usage
    Verify(Read),
    /// List the formats
    Formats,
}

/// Write labels.
#[derive(Args)]
pub struct Add {
    /// The provider's 27-character code (TC260-PG-20252A), or a name without spaces and Chinese characters
    #[arg(long, value_name = "CODE")]
    producer: String,
    /// The producer's unique number of the content
    #[arg(long, value_name = "ID")]
    produce_id: String,
    /// 1 is generated, 2 possibly, 3 suspected
    #[arg(long, default_value = "1", value_name = "1|2|3")]
    label: String,
    /// Where to write, for one file; without it files are replaced, each in one step
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
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
        LabelOf::Add(args) => add(args),
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

fn cannot(path: &Path, error: impl std::fmt::Display) -> anyhow::Error {
    exit::usage(format!("{}: {error}", path.display()))
}

fn open(path: &Path) -> Result<(File, &'static Carrier)> {
    // Asked before it is opened: a pipe would wait for somebody to write.
    if !std::fs::metadata(path).map_err(|e| cannot(path, e))?.is_file() {
        return Err(cannot(path, "it is no plain file"));
    }
    let mut file = File::open(path).map_err(|e| cannot(path, e))?;
    let mut head = Vec::new();
    (&mut file).take(carrier::HEAD as u64).read_to_end(&mut head).map_err(|e| cannot(path, e))?;
    file.rewind().map_err(|e| cannot(path, e))?;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let carrier = carrier::of(&head, ending).ok_or_else(|| cannot(path, menshen_provenance::Error::UnknownFormat))?;
    Ok((file, carrier))
}

fn add(args: &Add) -> Result<ExitCode> {
    if args.out.is_some() && args.files.len() > 1 {
        return Err(exit::usage("-o names one file; label several in place, or one by one"));
    }
    if ProviderCode::looks_like(&args.producer) {
        ProviderCode::parse(&args.producer).map_err(|e| exit::usage(e.to_string()))?;
    }
    let kind = Kind::of(&args.label).ok_or_else(|| exit::usage(format!("--label {}: write 1, 2 or 3", args.label)))?;
    let mut failed = false;
    for (i, path) in args.files.iter().enumerate() {
        // Every content has a number of its own.
        let id = if args.files.len() > 1 { format!("{}-{}", args.produce_id, i + 1) } else { args.produce_id.clone() };
        let aigc = Aigc::generated(&args.producer, &id, kind).map_err(|e| exit::usage(e.to_string()))?;
        match add_one(path, args.out.as_deref(), &aigc) {
            Ok(carrier) => print(&format!("{}: {} label {id}", path.display(), carrier.id))?,
            Err(error) => {
                failed = true;
                let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
            }
        }
    }
    Ok(if failed { ExitCode::from(exit::USAGE) } else { ExitCode::SUCCESS })
}

/// Writes a labelled copy beside the file, reads it back, and puts it in the file's place in one step: the file is the
/// old one or the new one, whatever happens.
fn add_one(path: &Path, out: Option<&Path>, aigc: &Aigc) -> Result<&'static Carrier> {
    let (file, carrier) = open(path)?;
    // A link stays a link: what it leads to is replaced.
    let place = std::fs::canonicalize(out.filter(|o| o.exists()).unwrap_or(path)).map_err(|e| cannot(path, e))?;
    let place = out.filter(|o| !o.exists()).map_or(place, Path::to_path_buf);
    let folder = place.parent().unwrap_or(Path::new("."));
    let name = place.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let fresh = folder.join(format!(".{name}.{}.label", std::process::id()));
    let written = (|| {
        let made = File::options().write(true).create_new(true).open(&fresh).map_err(|e| cannot(&fresh, e))?;
        let mut copy = BufWriter::with_capacity(1 << 20, made);
        (carrier.write)(&mut BufReader::with_capacity(1 << 20, file), &mut copy, &aigc.to_value())
            .map_err(|e| cannot(path, e))?;
        let made = copy.into_inner().map_err(|e| cannot(&fresh, e.error()))?;
        made.sync_all().map_err(|e| cannot(&fresh, e))?;
        let about = std::fs::metadata(path).map_err(|e| cannot(path, e))?;
        std::fs::set_permissions(&fresh, about.permissions()).map_err(|e| cannot(&fresh, e))?;
        // A label that cannot be read back is none.
        let mut back = BufReader::new(File::open(&fresh).map_err(|e| cannot(&fresh, e))?);
        let found = (carrier.read)(&mut back).map_err(|e| cannot(path, e))?;
        let verdict = label::verify(&found);
        if verdict.labels.len() != 1 || found.first().map(|f| label::read(&f.value).is_some()) != Some(true) {
            return Err(cannot(path, "the label could not be read back; the file was left as it was"));
        }
        std::fs::rename(&fresh, &place).map_err(|e| cannot(&place, e))
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    written.map(|()| carrier)
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
    let labels: Vec<_> = found
        .iter()
        .map(|f| json!({"place": f.place, "by_the_book": f.by_the_book, "offset": f.offset, "value": f.value}))
        .collect();
    let faults: Vec<_> = verdict
        .faults
        .iter()
        .map(|f| json!({"clause": f.clause(), "breach": f.is_breach(), "zh": f.zh(), "en": f.to_string()}))
        .collect();
    json!({"file": path.display().to_string(), "format": carrier.map(|c| c.id), "state": verdict.state.id(),
        "labels": labels, "faults": faults, "problem": verdict.problem})
}

fn read(args: &Read) -> Result<ExitCode> {
    let mut documents = Vec::new();
    let mut lines = table(&["file", "format", "place", "label"]);
    for path in &args.files {
        let (carrier, found, verdict) = judged(path)?;
        documents.push(document(path, carrier, &found, &verdict));
        for f in &found {
            let file = path.display().to_string();
            lines.add_row([file.as_str(), carrier.map_or("", |c| c.id), &f.place, &f.value]);
        }
    }
    print(&if args.json { serde_json::to_string(&documents)? } else { lines.to_string() })?;
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &Read) -> Result<ExitCode> {
    let mut documents = Vec::new();
    let mut worst = State::Compliant;
    for path in &args.files {
        let (carrier, found, verdict) = match judged(path) {
            Ok(judged) => judged,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
                return Ok(ExitCode::from(label::USAGE_EXIT));
            }
        };
        if verdict.state.exit_code() > worst.exit_code() {
            worst = verdict.state;
        }
        if args.json {
            documents.push(document(path, carrier, &found, &verdict));
            continue;
        }
        print(&format!("{}: {}", path.display(), verdict.state.id()))?;
        for fault in &verdict.faults {
            print(&format!("  {}: {fault}", fault.clause()))?;
        }
        if let Some(problem) = &verdict.problem {
            print(&format!("  {problem}"))?;
        }
    }
    if args.json {
        print(&serde_json::to_string(&documents)?)?;
    }
    Ok(ExitCode::from(worst.exit_code()))
}
