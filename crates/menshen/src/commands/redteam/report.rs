//! `menshen redteam list`, `report` and `compare`: what campaigns found.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_gateway::Config;
use menshen_redteam::campaign;
use menshen_redteam::report::{self, Report};
use menshen_store::Campaigns;

use super::super::{print, table};
use super::{Lang, known, store, stored, write};
use crate::exit;

/// List campaigns.
#[derive(Args)]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Write a report.
#[derive(Args)]
pub struct ReportOf {
    /// The campaign, by the beginning of its id
    id: String,
    /// How
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Where; without it standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lang: Lang,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A summary for a terminal
    Text,
    /// A page that needs nothing beside it
    Html,
    /// Everything
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// Markdown
    Md,
}

/// Put two side by side.
#[derive(Args)]
pub struct Compare {
    /// The campaign before, by the beginning of its id
    before: String,
    /// The campaign after
    after: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Lists campaigns.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(config: &Config, args: &List) -> Result<ExitCode> {
    let rows = store(config).await?.campaigns().await.map_err(stored)?;
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| serde_json::json!({"id": r.id, "name": r.name, "state": r.state, "created_us": r.created_us, "summary": r.summary}))
            .collect();
        print(&serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["id", "name", "target", "state", "attempts", "successes"]);
    for row in rows {
        let at = |path: &str| {
            row.summary
                .pointer(path)
                .map_or_else(|| "–".to_owned(), |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        };
        lines.add_row([
            row.id.clone(),
            row.name.clone(),
            at("/target"),
            row.state.clone(),
            at("/progress/done"),
            at("/progress/successes"),
        ]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the report of a campaign.
///
/// # Errors
/// When there is no such campaign, or the file cannot be written.
pub async fn report(config: &Config, args: &ReportOf) -> Result<ExitCode> {
    let store = store(config).await?;
    let report = report_of(&store, &args.id).await?;
    let text = write_as(&report, args.format, args.lang.chinese());
    match &args.out {
        Some(file) => write(file, &text)?,
        None => print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts two campaigns side by side.
///
/// # Errors
/// When one of them is not there.
pub async fn compare(config: &Config, args: &Compare) -> Result<ExitCode> {
    let store = store(config).await?;
    let comparison = report::compare(&report_of(&store, &args.before).await?, &report_of(&store, &args.after).await?);
    print(&if args.json { comparison.json() } else { comparison.markdown(args.lang.chinese()) })?;
    Ok(ExitCode::SUCCESS)
}

/// The form that the ending of a file asks for.
pub(super) fn form_of(file: &Path) -> Result<Form> {
    Ok(match file.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" | "htm" => Form::Html,
        "json" => Form::Json,
        "sarif" => Form::Sarif,
        "xml" => Form::Junit,
        "md" => Form::Md,
        "txt" => Form::Text,
        _ => {
            return Err(exit::usage(format!(
                "{} ends in none of .html, .json, .sarif, .xml, .md, .txt",
                file.display()
            )));
        }
    })
}

/// A report in a form.
pub(super) fn write_as(report: &Report, form: Form, chinese: bool) -> String {
    match form {
        Form::Text => report.summary(chinese),
        Form::Html => report.html(chinese),
        Form::Json => report.json(),
        Form::Sarif => report.sarif(),
        Form::Junit => report.junit(),
        Form::Md => report.markdown(chinese),
    }
}

/// The report of what a campaign has recorded.
pub(super) async fn report_of(store: &Campaigns, id: &str) -> Result<Report> {
    let row = store.campaign(id).await.map_err(stored)?;
    let attempts = campaign::attempts(store, &row.id).await.map_err(known)?;
    Ok(Report::of(&row, &attempts))
}
