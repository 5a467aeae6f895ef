//! `menshen check`: judge texts with the same engine and policy as the gateway.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use menshen_gateway::guard::Inquiry;
use menshen_gateway::{Config, Guard, Snapshot};
use menshen_policy::Subject;
use menshen_verdict::{Action, Conversation, Report, Role, Side};
use serde::Deserialize;
use serde_json::Value;

use super::{print, table};
use crate::exit;

/// A line of JSON Lines longer than this is refused.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Arguments of `menshen check`.
#[derive(Args)]
pub struct Check {
    /// Texts to judge; without any, standard input is judged as one text
    texts: Vec<String>,
    /// Text files to judge, each as one text
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// JSON Lines with `text`, and optionally `id`, `role`, `side`; `-` for standard input. One line out for each in
    #[arg(long, value_name = "FILE", conflicts_with_all = ["texts", "file"])]
    jsonl: Option<PathBuf>,
    /// Labelled JSON Lines: print a confusion table by source instead of reports
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["texts", "file", "jsonl"])]
    confusion: Vec<PathBuf>,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
    /// Which way the text travels
    #[arg(long, value_parser = ["input", "output", "tool"])]
    side: Option<String>,
    /// Who wrote it
    #[arg(long, value_parser = ["system", "user", "assistant", "tool"])]
    role: Option<String>,
    /// The application whose settings hold
    #[arg(long, default_value = "default")]
    app: String,
    /// The scene that holds
    #[arg(long)]
    scene: Option<String>,
    /// The end user is a minor
    #[arg(long)]
    minor: bool,
    /// Without the native judge: what the rules find alone
    #[arg(long, conflicts_with = "model")]
    rules_only: bool,
    /// The folder of another model pack than the configured one
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    side: Option<Side>,
}

struct Judge {
    guard: Guard,
    snapshot: Arc<Snapshot>,
    subject: Subject,
    side: Option<Side>,
    role: Option<Role>,
}

impl Judge {
    async fn report(&self, id: Option<String>, text: &str, side: Option<Side>, role: Option<Role>) -> Report {
        let (role, side) = (role.or(self.role), side.or(self.side));
        let side = side.or(role.map(Role::side)).unwrap_or(Side::Input);
        let role = role.unwrap_or(match side {
            Side::Input => Role::User,
            Side::Output => Role::Assistant,
            Side::Tool => Role::Tool,
        });
        let mut conversation = Conversation::of_text(role, text);
        for segment in &mut conversation.segments {
            segment.side = side;
        }
        let answer = match side {
            Side::Input => self.guard.answer(&self.snapshot, &conversation, &self.subject),
            _ => None,
        };
        let conversation = Arc::new(conversation);
        let inquiry = Inquiry {
            side,
            subject: &self.subject,
            extra: &menshen_gateway::guard::nothing_extra(),
            guided: false,
            lang: menshen_policy::Lang::of(text),
        };
        let mut ruling = self.guard.rule(&self.snapshot, &conversation, inquiry).await;
        if let Some(answer) = answer {
            ruling.disposition.action = Action::Answer;
            ruling.disposition.answer = Some(answer);
            ruling.disposition.rule = None;
        }
        Report::new(id, side, &conversation, &ruling.verdict, &ruling.disposition)
    }
}

fn parse<T: serde::de::DeserializeOwned>(name: Option<&str>) -> Result<Option<T>> {
    name.map(|n| serde_json::from_value(Value::from(n))).transpose().map_err(|e| exit::usage(e.to_string()))
}

/// Runs the command. The exit code is 1 when anything but `pass` was decided.
///
/// # Errors
/// When a file cannot be read or a line is not of the right shape; the line is named.
pub async fn run(mut config: Config, check: Check) -> Result<ExitCode> {
    config.guard.judge.enabled &= !check.rules_only;
    config.guard.judge.model = check.model.clone().or(config.guard.judge.model);
    let snapshot = Snapshot::load(&config);
    if snapshot.errors > 0 {
        let first = snapshot.diagnostics.first().cloned().unwrap_or_default();
        return Err(exit::usage(format!("the packs have {} errors, the first: {first}", snapshot.errors)));
    }
    let guard = Guard::offline(&config, snapshot).map_err(|e| exit::usage(e.message.into_owned()))?;
    let judge = Judge {
        snapshot: guard.snapshot(),
        guard,
        subject: Subject {
            app: check.app.clone(),
            tenant: "default".to_owned(),
            scene: check.scene.clone(),
            minor: check.minor,
            ..Subject::default()
        },
        side: parse(check.side.as_deref())?,
        role: parse(check.role.as_deref())?,
    };
    if let Some(path) = &check.jsonl {
        return jsonl(&judge, path).await;
    }
    if !check.confusion.is_empty() {
        return confusion(&judge, &check.confusion, check.json).await;
    }
    let mut reports = Vec::new();
    for text in &check.texts {
        reports.push((shorten(text), judge.report(None, text, None, None).await));
    }
    for path in &check.file {
        let bytes =
            std::fs::read(path).map_err(|e| exit::environment(format!("cannot read {}: {e}", path.display())))?;
        let text = String::from_utf8(bytes).map_err(|_| exit::usage(format!("{} is not UTF-8", path.display())))?;
        let name = path.display().to_string();
        reports.push((name.clone(), judge.report(Some(name), &text, None, None).await));
    }
    if check.texts.is_empty() && check.file.is_empty() {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| exit::usage("standard input is not UTF-8"))?;
        reports.push((shorten(&text), judge.report(None, &text, None, None).await));
    }
    let found = reports.iter().any(|(_, r)| r.disposition != Action::Pass.id());
    if check.json {
        let list: Vec<&Report> = reports.iter().map(|(_, r)| r).collect();
        let json = match list.as_slice() {
            [one] => serde_json::to_string_pretty(one)?,
            many => serde_json::to_string_pretty(many)?,
        };
        print(&json)?;
    } else {
        print(&shown(&reports))?;
    }
    Ok(if found { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(41).collect();
    if line.chars().count() > 40 { format!("{}…", line.chars().take(39).collect::<String>()) } else { line }
}

fn shown(reports: &[(String, Report)]) -> String {
    let mut table = table(&["text", "decision", "rule", "risk", "attack", "level · intent · topic", "findings"]);
    for (text, report) in reports {
        let risk = report.risk.topics.first();
        let attack = report.attack.classes.first();
        let labels: Vec<String> = [
            report.risk.level.as_ref().map(|l| l.id.id().to_owned()),
            report.intent.as_ref().map(|l| l.id.id().to_owned()),
            report.topic.as_ref().map(|l| l.id.id().to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut findings: Vec<String> =
            report.findings.iter().map(|f| format!("{} {}–{}", f.detector, f.char_start, f.char_end)).collect();
        if findings.len() > 6 {
            let more = findings.len() - 6;
            findings.truncate(6);
            findings.push(format!("… {more} more"));
        }
        table.add_row([
            text.clone(),
            report.disposition.clone(),
            report.rule.clone().or_else(|| report.answer.clone()).unwrap_or_default(),
            risk.map(|r| format!("{} {:.2}", r.id, r.score)).unwrap_or_default(),
            attack.map(|a| format!("{} {:.2}", a.id, a.score)).unwrap_or_default(),
            labels.join(" · "),
            findings.join("\n"),
        ]);
    }
    table.to_string()
}

/// Calls `each` with every line and its number.
async fn lines<F, R>(path: &Path, mut each: F) -> Result<()>
where
    F: FnMut(usize, String) -> R,
    R: Future<Output = Result<()>>,
{
    let source: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        let file =
            std::fs::File::open(path).map_err(|e| exit::environment(format!("cannot read {}: {e}", path.display())))?;
        Box::new(BufReader::new(file))
    };
    let mut source = source;
    let mut number = 0;
    loop {
        let mut bytes = Vec::new();
        let read = (&mut source).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        let wrong = |what: &str| exit::usage(format!("{}:{number}: {what}", path.display()));
        if bytes.len() as u64 > MAX_LINE_BYTES {
            return Err(wrong("the line is longer than 64 MiB"));
        }
        let line = String::from_utf8(bytes).map_err(|_| wrong("the line is not UTF-8"))?;
        if !line.trim().is_empty() {
            each(number, line).await?;
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path, number: usize, line: &str) -> Result<T> {
    serde_json::from_str(line).map_err(|e| exit::usage(format!("{}:{number}: {e}", path.display())))
}

async fn jsonl(judge: &Judge, path: &Path) -> Result<ExitCode> {
    let found = std::cell::Cell::new(false);
    let out = std::cell::RefCell::new(std::io::BufWriter::new(std::io::stdout()));
    lines(path, |number, line| {
        let (found, out) = (&found, &out);
        async move {
            let line: Line = read(path, number, &line)?;
            let id = line.id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
            let report = judge.report(id, &line.text, line.side, line.role).await;
            found.set(found.get() || report.disposition != Action::Pass.id());
            let mut out = out.borrow_mut();
            serde_json::to_writer(&mut *out, &report)?;
            out.write_all(b"\n")?;
            Ok(())
        }
    })
    .await?;
    out.into_inner().flush()?;
    Ok(if found.get() { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

/// What a labelled line says is true of it.
#[derive(Deserialize)]
struct Labelled {
    text: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    attack: Option<u8>,
    #[serde(default)]
    indirect: Option<u8>,
    #[serde(default)]
    sensitive: Option<u8>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    offensive: Option<u8>,
}

#[derive(Default)]
struct Counts {
    records: usize,
    risk: usize,
    attack: usize,
    acted: usize,
    stopped: usize,
}

/// How the table calls a set, what is true of it, and which side it is on.
fn set_of(line: &Labelled) -> (&'static str, Side) {
    match (line.attack, line.offensive, &line.kind) {
        (Some(1), ..) => ("attack", if line.indirect == Some(1) { Side::Tool } else { Side::Input }),
        (Some(_), ..) => ("no attack", if line.indirect.is_some() { Side::Tool } else { Side::Input }),
        (None, Some(1), _) => ("offensive", Side::Input),
        (None, Some(_), _) => ("not offensive", Side::Input),
        (None, None, Some(_)) => ("risky", Side::Input),
        (None, None, None) if line.sensitive == Some(1) => ("sensitive, benign", Side::Input),
        _ => ("benign", Side::Input),
    }
}

async fn confusion(judge: &Judge, paths: &[PathBuf], json: bool) -> Result<ExitCode> {
    let counts = std::cell::RefCell::new(BTreeMap::<(String, &'static str, String), Counts>::new());
    for path in paths {
        lines(path, |number, line| {
            let counts = &counts;
            async move {
                let line: Labelled = read(path, number, &line)?;
                let (truth, side) = set_of(&line);
                let role = if side == Side::Tool { Role::Tool } else { Role::User };
                let report = judge.report(None, &line.text, Some(side), Some(role)).await;
                let mut counts = counts.borrow_mut();
                let row = counts.entry((line.source, truth, line.lang)).or_default();
                row.records += 1;
                row.risk += usize::from(report.risk.score >= 0.5);
                row.attack += usize::from(report.attack.score >= 0.5);
                row.acted += usize::from(report.disposition != Action::Pass.id());
                let forwards = matches!(report.disposition.as_str(), "pass" | "guide" | "redact");
                row.stopped += usize::from(!forwards);
                Ok(())
            }
        })
        .await?;
    }
    let counts = counts.into_inner();
    if json {
        let rows: Vec<Value> = counts
            .iter()
            .map(|((source, truth, lang), c)| {
                serde_json::json!({"source": source, "truth": truth, "lang": lang, "records": c.records,
                    "risk": c.risk, "attack": c.attack, "acted": c.acted, "stopped": c.stopped})
            })
            .collect();
        print(&serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        table(&["source", "truth", "lang", "records", "risk ≥ 0.5", "attack ≥ 0.5", "not passed", "stopped"]);
    let share = |n: usize, of: usize| format!("{n} ({:.1}%)", 100.0 * n as f64 / of.max(1) as f64);
    for ((source, truth, lang), c) in &counts {
        table.add_row([
            source.clone(),
            (*truth).to_owned(),
            lang.clone(),
            c.records.to_string(),
            share(c.risk, c.records),
            share(c.attack, c.records),
            share(c.acted, c.records),
            share(c.stopped, c.records),
        ]);
    }
    print(&table.to_string())?;
    Ok(ExitCode::SUCCESS)
}
