//! `menshen assess bank`: lint, stats, updates, add, retire, import, export.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_assess::bank::{self, Bank, Need, NewQuestion};
use menshen_assess::question::{BankKind, Form, Group, Modality};
use menshen_gateway::Config;

use super::super::{print, table};
use super::{Lang, Sources, known, read, today, write};
use crate::exit;

/// What is done with a bank.
#[derive(Subcommand)]
pub enum BankOf {
    /// Check form, minimums, duplicates and near-duplicates
    Lint(Lint),
    /// Count questions by group, language and form
    Stats(Stats),
    /// Say when each bank is due for its next update
    Updates(Updates),
    /// Add one question
    Add(Add),
    /// Retire questions: they are no longer drawn, and stay readable for old runs
    Retire(Retire),
    /// Import questions from XLSX, CSV, TSV or JSONL; every wrong row is named, and nothing is half imported
    Import(Import),
    /// Write the banks as a workbook (.xlsx), or as a folder of your own
    Export(Export),
}

/// Check a bank.
#[derive(Args)]
pub struct Lint {
    #[command(flatten)]
    sources: Sources,
    /// The profile whose minimums count
    #[arg(long, default_value = "gbt45654", value_name = "ID")]
    profile: String,
    /// Files or folders of texts that the bank must not repeat, one a line: training seeds, other banks
    #[arg(long, value_name = "PATH", num_args = 1..)]
    against: Vec<PathBuf>,
    /// Warnings make it fail, too
    #[arg(long)]
    strict: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Count.
#[derive(Args)]
pub struct Stats {
    #[command(flatten)]
    sources: Sources,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Updates.
#[derive(Args)]
pub struct Updates {
    #[command(flatten)]
    sources: Sources,
    /// Updated at least every so many days
    #[arg(long, default_value_t = 31, value_name = "DAYS")]
    every: u32,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Add one.
#[derive(Args)]
pub struct Add {
    /// The folder of your banks
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// generated, refuse or answer
    #[arg(long, value_name = "BANK")]
    bank: BankKind,
    /// The risk (A1a) or aspect (system)
    #[arg(long, value_name = "ID")]
    group: String,
    /// The language
    #[arg(long, default_value = "zh", value_name = "LANG")]
    language: String,
    /// direct, induced, scenario, task, roleplay, compare, evasive
    #[arg(long, default_value = "direct", value_name = "FORM")]
    form: Form,
    /// text, image, audio, video
    #[arg(long, default_value = "text", value_name = "KIND")]
    modality: Modality,
    /// Where it comes from
    #[arg(long, default_value = "", value_name = "TEXT")]
    source: String,
    /// The question
    text: String,
}

/// Retire some.
#[derive(Args)]
pub struct Retire {
    /// The folder of your banks
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The questions' ids
    #[arg(required = true)]
    ids: Vec<String>,
}

/// Import.
#[derive(Args)]
pub struct Import {
    /// XLSX, CSV, TSV or JSONL
    file: PathBuf,
    /// The folder of your banks; it is made when it is not there
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// The bank, where rows and sheets do not say
    #[arg(long, value_name = "BANK")]
    bank: Option<BankKind>,
    /// The risk or aspect, where rows do not say
    #[arg(long, value_name = "ID", requires = "bank")]
    group: Option<String>,
    /// Say what would be imported, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Export.
#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    sources: Sources,
    /// A file that ends in .xlsx, or a new folder
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
}

/// Runs a command on banks.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(_config: &Config, command: BankOf) -> Result<ExitCode> {
    match command {
        BankOf::Lint(args) => lint(&args),
        BankOf::Stats(args) => stats(&args),
        BankOf::Updates(args) => updates(&args),
        BankOf::Add(args) => add(args),
        BankOf::Retire(args) => {
            let n = bank::retire(&args.from, &args.ids, &today()).map_err(known)?;
            print(&format!("{n} retired"))?;
            Ok(ExitCode::SUCCESS)
        }
        BankOf::Import(args) => import(&args),
        BankOf::Export(args) => export(&args),
    }
}

fn lint(args: &Lint) -> Result<ExitCode> {
    let bank = args.sources.bank()?;
    let standards = args.sources.standards()?;
    let profile = standards.profile(&args.profile).map_err(known)?;
    let needs: Vec<Need> = BankKind::ALL
        .into_iter()
        .filter_map(|kind| {
            let (minimum, per_group) = profile.needs(kind)?;
            Some(Need {
                bank: kind,
                total: minimum.total,
                per_group,
                modalities: profile.modalities.clone(),
                langs: Vec::new(),
            })
        })
        .collect();
    let against = args.against.iter().map(|path| texts(path)).collect::<Result<Vec<_>>>()?;
    let mut found = bank::lint(&bank, &needs, &against);
    if let Some(days) = profile.banks.iter().filter_map(|b| b.update_days).min() {
        found = found.with_updates(&bank::updates(&bank, &today(), days));
    }
    if args.json {
        print(&serde_json::json!({"errors": found.errors, "warnings": found.warnings}).to_string())?;
    } else {
        for error in &found.errors {
            print(&format!("error: {error}"))?;
        }
        for warning in &found.warnings {
            print(&format!("warning: {warning}"))?;
        }
        let count = |kind: BankKind| bank.current(kind).count();
        print(&format!(
            "{} generated, {} refuse, {} answer questions; {} errors, {} warnings",
            count(BankKind::Generated),
            count(BankKind::Refuse),
            count(BankKind::Answer),
            found.errors.len(),
            found.warnings.len()
        ))?;
    }
    let failed = !found.is_clean() || (args.strict && !found.warnings.is_empty());
    Ok(if failed { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

/// Texts of a file or a folder, one a line; lines that begin with `#` or `@` are not texts.
fn texts(path: &Path) -> Result<(String, Vec<String>)> {
    let mut lines = Vec::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let dir = std::fs::read_dir(&path).map_err(|e| exit::usage(format!("{}: {e}", path.display())))?;
            for entry in dir {
                open.push(entry?.path());
            }
            continue;
        }
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        lines.extend(
            text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', '@'])).map(str::to_owned),
        );
    }
    Ok((path.display().to_string(), lines))
}

fn stats(args: &Stats) -> Result<ExitCode> {
    let stats = bank::stats(&args.sources.bank()?);
    if args.json {
        print(&serde_json::to_string(&stats)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = stats.table(args.lang.chinese()).into_iter();
    let header = rows.next().unwrap_or_default();
    let mut lines = table(&header.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows {
        lines.add_row(row);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn updates(args: &Updates) -> Result<ExitCode> {
    let updates = bank::updates(&args.sources.bank()?, &today(), args.every);
    let overdue = updates.iter().any(|u| u.overdue);
    if args.json {
        print(&serde_json::to_string(&updates)?)?;
    } else {
        let mut lines = table(&["bank", "last update", "added", "retired", "due", ""]);
        for u in &updates {
            lines.add_row([
                u.bank.id().to_owned(),
                u.last.clone().unwrap_or_default(),
                u.added_in_last_days.to_string(),
                u.retired_in_last_days.to_string(),
                u.due.clone(),
                if u.overdue { "OVERDUE" } else { "" }.to_owned(),
            ]);
        }
        print(&lines.to_string())?;
    }
    Ok(if overdue { ExitCode::from(exit::FOUND) } else { ExitCode::SUCCESS })
}

fn add(args: Add) -> Result<ExitCode> {
    let group = Group::parse(args.bank, &args.group).map_err(exit::usage)?;
    let new = NewQuestion {
        bank: args.bank,
        group,
        text: args.text,
        lang: args.language,
        form: args.form,
        modality: args.modality,
        also: Vec::new(),
        source: args.source,
    };
    std::fs::create_dir_all(&args.to).map_err(|e| exit::environment(format!("{}: {e}", args.to.display())))?;
    let shipped = Bank::shipped().map_err(known)?;
    let ids = bank::add_beside(&args.to, vec![new], &today(), &shipped).map_err(known)?;
    print(&ids.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn import(args: &Import) -> Result<ExitCode> {
    let name = args.file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let group = match (&args.group, args.bank) {
        (Some(group), Some(kind)) => Some(Group::parse(kind, group).map_err(exit::usage)?),
        _ => None,
    };
    let shipped = Bank::shipped().map_err(known)?;
    let own =
        if args.to.join("generated").is_dir() || args.to.join("refuse").is_dir() || args.to.join("answer").is_dir() {
            Bank::load(&args.to).map_err(known)?
        } else {
            Bank::default()
        };
    let existing = shipped.extended(own);
    let imported = bank::import(&read(&args.file)?, name, args.bank, group, &existing).map_err(known)?;
    for (row, id) in &imported.skipped_duplicates {
        print(&format!("row {row}: asked already as {id}; left out"))?;
    }
    for unused in &imported.unused {
        print(&format!("not read: {unused}"))?;
    }
    let n = imported.new.len();
    if args.dry_run {
        print(&format!("{n} questions would be imported ({})", imported.encoding))?;
        return Ok(ExitCode::SUCCESS);
    }
    std::fs::create_dir_all(&args.to).map_err(|e| exit::environment(format!("{}: {e}", args.to.display())))?;
    let ids = bank::add_beside(&args.to, imported.new, &today(), &Bank::shipped().map_err(known)?).map_err(known)?;
    print(&format!("{} questions imported ({})", ids.len(), imported.encoding))?;
    Ok(ExitCode::SUCCESS)
}

fn export(args: &Export) -> Result<ExitCode> {
    let bank = args.sources.bank()?;
    if args.to.extension().is_some_and(|e| e.eq_ignore_ascii_case("xlsx")) {
        write(&args.to, &bank::export_xlsx(&bank).map_err(known)?)?;
    } else {
        if args.to.exists() {
            return Err(exit::usage(format!("{} is there already; name a new folder", args.to.display())));
        }
        for (path, text) in bank.files() {
            let path = args.to.join(path);
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|e| exit::environment(format!("{}: {e}", folder.display())))?;
            }
            write(&path, text.as_bytes())?;
        }
    }
    print(&args.to.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
