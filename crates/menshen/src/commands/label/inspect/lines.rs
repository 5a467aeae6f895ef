//! The lines of a run: as JSON into a file, as text to standard output, and what they sum up to.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use menshen_provenance::inspect::{Decision, Notice};
use serde_json::{Map, Value, json};

use super::Lang;
use super::one::stamp;
use crate::commands::label::file::named;

/// The longest line of an earlier run that is read.
const LONGEST: u64 = 16 << 20;

/// What is said of a file.
#[derive(Debug)]
pub(super) struct Line {
    path: PathBuf,
    members: Map<String, Value>,
    pub decision: Option<Decision>,
    pub notice: Option<Notice>,
    pub written: bool,
    failed: Option<String>,
    unwritten: Option<String>,
}

impl Line {
    /// The beginning of a file's line: its name, its size, its time.
    pub(super) fn of(path: &Path) -> Self {
        let mut line = Self {
            path: path.to_path_buf(),
            members: Map::new(),
            decision: None,
            notice: None,
            written: false,
            failed: None,
            unwritten: None,
        };
        line.set("file", json!(path.display().to_string()));
        line.stamp(path);
        line
    }

    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// The size and the time that the file has now.
    pub(super) fn stamp(&mut self, path: &Path) {
        let (size, modified) = stamp(path).unzip();
        self.set("size", json!(size));
        self.set("modified", json!(modified));
    }

    /// The file could not be inspected to its end.
    pub(super) fn fail(&mut self, why: String) {
        self.set("error", json!(why));
        self.failed = Some(why);
    }

    /// The label could not be written.
    pub(super) fn unwritten(&mut self, why: String) {
        self.set("write_error", json!(why));
        self.unwritten = Some(why);
    }
}

/// When a file was changed: seconds and nanoseconds since 1970.
pub(super) fn modified(about: &Metadata) -> String {
    let since = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}.{:09}", since.as_secs(), since.subsec_nanos())
}

/// What came of an item.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A file was inspected.
    Line(Box<Line>),
    /// It was, in an earlier run.
    Before,
    /// It is no plain file.
    Skipped(PathBuf, &'static str),
    /// It cannot be looked into.
    Failed(PathBuf, String),
}

/// The files of an earlier run, as numbers: a hundred thousand take a megabyte.
#[derive(Debug, Default, Clone)]
pub(super) struct Done(HashSet<u64>);

impl Done {
    /// Whether a file is there as it is now.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let known =
            |(size, modified): (u64, String)| self.0.contains(&number(&path.display().to_string(), size, &modified));
        !self.0.is_empty() && stamp(path).is_some_and(known)
    }
}

fn number(file: &str, size: u64, modified: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (file, size, modified).hash(&mut hasher);
    hasher.finish()
}

#[derive(Debug)]
enum Sink {
    /// Text on standard output.
    Text,
    /// JSON on standard output.
    Output,
    File(BufWriter<File>),
}

/// Where lines go, and what they sum up to.
#[derive(Debug)]
pub(super) struct Lines {
    sink: Sink,
    lang: Lang,
    done: Done,
    decisions: [u64; 4],
    written: u64,
    unwritten: u64,
    failed: u64,
    before: u64,
    skipped: u64,
}

impl Lines {
    /// Opens the file of the lines; to go on, what it holds is read first, and a last line that was cut off is taken away.
    ///
    /// # Errors
    /// When it is there and nobody said to go on, or cannot be read or written.
    pub(super) fn open(path: Option<&Path>, resume: bool, lang: Lang) -> Result<Self> {
        let mut done = Done::default();
        let sink = match path {
            None => Sink::Text,
            Some(path) if path.as_os_str() == "-" && resume => {
                bail!("--resume needs a file of lines, not standard output")
            }
            Some(path) if path.as_os_str() == "-" => Sink::Output,
            Some(path) => {
                if path.exists() && !resume {
                    bail!("{} is there already; add --resume to go on, or name another file", path.display());
                }
                let mut file = File::options()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)
                    .with_context(|| path.display().to_string())?;
                let whole = earlier(&file, &mut done).with_context(|| path.display().to_string())?;
                file.set_len(whole)?;
                file.seek(SeekFrom::End(0))?;
                Sink::File(BufWriter::new(file))
            }
        };
        Ok(Self { sink, lang, done, decisions: [0; 4], written: 0, unwritten: 0, failed: 0, before: 0, skipped: 0 })
    }

    /// The files of the earlier run.
    pub(super) fn done(&self) -> Done {
        self.done.clone()
    }

    /// Whether the lines go to standard output as JSON.
    pub(super) fn is_output(&self) -> bool {
        matches!(self.sink, Sink::Output)
    }

    /// Whether anything could not be inspected, or not be written.
    pub(super) fn failed(&self) -> bool {
        self.failed + self.unwritten > 0
    }

    /// Takes an outcome.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put(&mut self, outcome: Outcome) -> Result<()> {
        let (text, json) = match outcome {
            Outcome::Before => {
                self.before += 1;
                return Ok(());
            }
            Outcome::Skipped(path, why) => {
                self.skipped += 1;
                let file = path.display().to_string();
                (
                    format!("{}: {} {why}", named(&path), self.word("跳过", "skipped,")),
                    json!({"file": file, "skipped": why}),
                )
            }
            Outcome::Failed(path, why) => {
                self.failed += 1;
                complain(&named(&path), &why);
                (String::new(), json!({"file": path.display().to_string(), "error": why}))
            }
            Outcome::Line(line) => (self.count(&line), Value::Object(line.members)),
        };
        match &mut self.sink {
            Sink::Text if text.is_empty() => Ok(()),
            Sink::Text => super::print(&text),
            Sink::Output => super::print(&serde_json::to_string(&json)?),
            Sink::File(file) => {
                serde_json::to_writer(&mut *file, &json)?;
                file.write_all(b"\n")?;
                // A line is there when its file is done, also when the run is ended from outside.
                Ok(file.flush()?)
            }
        }
    }

    fn word(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::Zh { zh } else { en }
    }

    /// Counts a line, and says it as text.
    fn count(&mut self, line: &Line) -> String {
        let file = named(&line.path);
        if let Some(why) = &line.failed {
            self.failed += 1;
            complain(&file, why);
        }
        if let Some(why) = &line.unwritten {
            self.unwritten += 1;
            complain(&file, &format!("{}: {why}", self.word("未写入标识", "the label was not written")));
        }
        self.written += u64::from(line.written);
        let Some(decision) = line.decision else { return String::new() };
        if line.failed.is_none() || decision != Decision::None {
            if let Some(count) = self.decisions.get_mut(decision as usize) {
                *count += 1;
            }
        } else {
            // Nothing was found in what could not be read: that is no finding.
            return String::new();
        }
        let notice = line.notice.map(|notice| self.word(notice.zh, notice.en));
        format!("{file}: {}{}", self.decision(decision), notice.map(|text| format!(" — {text}")).unwrap_or_default())
    }

    fn decision(&self, decision: Decision) -> &'static str {
        match decision {
            Decision::None => self.word("未发现", "none"),
            Decision::Suspected => self.word("疑似", "suspected"),
            Decision::Possible => self.word("可能", "possible"),
            Decision::Confirmed => self.word("确认", "confirmed"),
        }
    }

    /// Brings all lines to the disk.
    ///
    /// # Errors
    /// When that fails.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Sink::File(file) = &mut self.sink {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(())
    }

    /// Files by decision, and what else there was.
    pub(super) fn summary(&self, hidden: u64) -> Vec<(String, u64)> {
        let decisions = [Decision::Confirmed, Decision::Possible, Decision::Suspected, Decision::None];
        let mut rows: Vec<(String, u64)> = decisions
            .into_iter()
            .map(|one| (self.decision(one).to_owned(), self.decisions.get(one as usize).copied().unwrap_or_default()))
            .collect();
        for (zh, en, count) in [
            ("已写入标识", "labelled", self.written),
            ("未能写入标识", "not labelled", self.unwritten),
            ("未能检查", "not inspected", self.failed),
            ("此前已检查", "inspected before", self.before),
            ("非普通文件", "no plain files", self.skipped),
            ("隐藏（未检查）", "hidden, left out", hidden),
        ] {
            if count > 0 {
                rows.push((self.word(zh, en).to_owned(), count));
            }
        }
        rows
    }
}

fn complain(file: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "menshen: {file}: {why}");
}

/// Notes the files of an earlier run, and says where its last whole line ends. Files that could not be inspected or
/// written then are taken again.
fn earlier(file: &File, done: &mut Done) -> Result<u64> {
    let mut reader = BufReader::new(file);
    let mut whole = 0;
    let mut line = Vec::new();
    for number_of_line in 1.. {
        line.clear();
        let read = (&mut reader).take(LONGEST).read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            break;
        }
        let Ok(value) = serde_json::from_slice::<Value>(&line) else {
            bail!("line {number_of_line} is no line of an inspection; name another file");
        };
        whole += read;
        let failed = ["error", "write_error"].iter().any(|name| value.get(name).is_some());
        let member = |name: &str| value.get(name).and_then(Value::as_str);
        let size = value.get("size").and_then(Value::as_u64);
        if let (Some(name), Some(size), Some(modified), false) = (member("file"), size, member("modified"), failed) {
            done.0.insert(number(name, size, modified));
        }
    }
    Ok(whole)
}
