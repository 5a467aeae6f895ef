//! `menshen label inspect`: what a platform tells its public of files, and the label that it writes (the Measures for
//! Labelling, article 6).
//!
//! Files are taken one by one, however many there are: what is held is the names of one folder for each level, the lines
//! of a run that is gone on with as numbers, and the declarations.

mod declared;
mod lines;
mod ocr;
mod one;
mod walk;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError, mpsc};

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_provenance::label::{self, Aigc, Kind, ProviderCode};

use super::super::{print, table};
use declared::Declarations;
use lines::{Lines, Outcome};
use one::Desk;
use walk::{Item, Walk};

/// Inspect files as a platform does.
#[derive(Args)]
pub struct Inspect {
    /// The platform's 27-character code (TC260-PG-20252A), or a name without spaces and Chinese characters
    #[arg(long, value_name = "CODE")]
    platform: Option<String>,
    /// The user declares that all of these files are generated
    #[arg(long)]
    declared: bool,
    /// What users declare of which file: CSV with the columns path, declared (yes or no) and user, or the same as JSON lines
    #[arg(long, value_name = "FILE", conflicts_with = "declared")]
    declarations: Option<PathBuf>,
    /// Words of an explicit label of your own, besides those that say AI and generated
    #[arg(long, value_name = "TEXT")]
    own_wording: Vec<String>,
    /// Read pictures for explicit labels with Tesseract: auto (where it is installed), never, or the path of the program
    #[arg(long, value_name = "auto|never|PATH", default_value = "auto")]
    ocr: String,
    /// The secret of your watermarks, as `label watermark key` makes it
    #[arg(long, value_name = "FILE")]
    watermark_key: Option<PathBuf>,
    /// Write the label with your propagation members into the files, each in one step
    #[arg(long, requires = "platform")]
    write: bool,
    /// Write labelled copies into this folder; the files stay as they are
    #[arg(short, long, value_name = "DIR", requires = "platform", conflicts_with = "write")]
    out: Option<PathBuf>,
    /// What your numbers of contents begin with; the number of the file follows. It is the time of the run where it is left out
    #[arg(long, value_name = "PREFIX")]
    id_prefix: Option<String>,
    /// Write a line of JSON for each file as it is done; - is standard output
    #[arg(long, value_name = "OUT")]
    jsonl: Option<PathBuf>,
    /// Go on: files with a line in OUT, and as large and old as it says, are left out
    #[arg(long, requires = "jsonl")]
    resume: bool,
    /// The language of what is printed
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// How many files are inspected at a time; all processors where it is left out
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Hidden files and folders too
    #[arg(long)]
    all: bool,
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// Inspects files: 0 when all were inspected (and written, where that was asked), 1 when some could not be, 10 when the
/// command was given wrongly.
pub(super) fn run(args: &Inspect) -> Result<ExitCode> {
    let ready = ready(args).and_then(|desk| Ok((desk, lines(args)?)));
    match ready {
        Ok((desk, lines)) => work(args, &desk, lines),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
            Ok(ExitCode::from(label::USAGE_EXIT))
        }
    }
}

fn lines(args: &Inspect) -> Result<Lines> {
    Lines::open(args.jsonl.as_deref(), args.resume, args.lang)
}

/// Checks all that was given, before the first file is touched.
fn ready(args: &Inspect) -> Result<Desk> {
    let prefix = match &args.id_prefix {
        Some(prefix) => prefix.clone(),
        // Two runs never give the same number to two contents.
        None => format!("{}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ"), std::process::id()),
    };
    if let Some(platform) = &args.platform {
        if ProviderCode::looks_like(platform) {
            ProviderCode::parse(platform)?;
        }
        Aigc::observed(platform, &format!("{prefix}-1"), Kind::Possible)?;
    }
    let declarations = match &args.declarations {
        Some(path) => Declarations::read(path)?,
        None => Declarations::all(args.declared),
    };
    if let Some(short) = args.own_wording.iter().find(|wording| wording.trim().chars().count() < 2) {
        anyhow::bail!("--own-wording {short:?} would be found in almost any text; give at least two characters");
    }
    let secret = args.watermark_key.as_deref().map(super::watermark::secret).transpose()?;
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out).map_err(|error| anyhow::anyhow!("{}: {error}", out.display()))?;
    }
    if let Some(missing) = args.paths.iter().find(|path| std::fs::symlink_metadata(path).is_err()) {
        anyhow::bail!("{} is not there", missing.display());
    }
    Ok(Desk {
        platform: args.platform.clone(),
        prefix,
        declarations,
        own: args.own_wording.clone(),
        ocr: ocr::Reader::find(&args.ocr)?,
        secret,
        write: args.write,
        out: args.out.clone(),
        begun: Mutex::default(),
    })
}

fn work(args: &Inspect, desk: &Desk, mut lines: Lines) -> Result<ExitCode> {
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get).min(256);
    let walk = Mutex::new(Walk::new(&args.paths, args.all, args.out.as_deref()));
    let done = lines.done();
    let ended: Result<()> = std::thread::scope(|scope| {
        // A short queue: what is inspected waits for what is written.
        let (sender, receiver) = mpsc::sync_channel::<Outcome>(jobs * 4);
        for _ in 0..jobs {
            let (sender, walk, done) = (sender.clone(), &walk, &done);
            scope.spawn(move || {
                loop {
                    let next = walk.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(item) = next else { break };
                    let outcome = match &item {
                        Item::File(place) if done.holds(&place.path) => Outcome::Before,
                        Item::File(place) => Outcome::Line(Box::new(desk.inspect(place))),
                        Item::Skipped(path, why) => Outcome::Skipped(path.clone(), why),
                        Item::Failed(path, why) => Outcome::Failed(path.clone(), why.clone()),
                    };
                    // Nobody reads any more: the disk is full, or the pipe closed.
                    if sender.send(outcome).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        receiver.iter().try_for_each(|outcome| lines.put(outcome))
    });
    ended?;
    let hidden = walk.into_inner().unwrap_or_else(PoisonError::into_inner).hidden();
    lines.finish()?;
    if !lines.is_output() {
        let headings = if args.lang == Lang::Zh { ["结论", "文件"] } else { ["decision", "files"] };
        let mut rows = table(&headings);
        for (name, count) in lines.summary(hidden) {
            rows.add_row([name, count.to_string()]);
        }
        print(&rows.to_string())?;
    }
    for stranger in desk.declarations.unused() {
        let _ = writeln!(std::io::stderr(), "menshen: the declaration of {stranger} is for no file of these");
    }
    Ok(if lines.failed() { ExitCode::from(crate::exit::FOUND) } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests;
