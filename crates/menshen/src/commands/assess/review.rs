//! `menshen assess review`: the page, sheets to fill in offline, and how far people are.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_assess::conclude::Record;
use menshen_assess::review::{self, Review};
use menshen_gateway::Config;

use super::super::{print, table};
use super::{Lang, known, read, store, stored, write};
use crate::exit;

/// What is done for review.
#[derive(Subcommand)]
pub enum ReviewOf {
    /// Serve the review page on this machine; each reviewer gets an address of their own
    Serve(Serve),
    /// Write a workbook with the answers that a reviewer has still to decide
    Export(Export),
    /// Take in a workbook that a reviewer filled in; every wrong row is named, and nothing is half taken in
    Import(Import),
    /// Say how far the review is
    Status(Status),
}

/// Serve.
#[derive(Args)]
pub struct Serve {
    /// The run, by the beginning of its id
    id: String,
    /// Who reviews; once for each person
    #[arg(long = "reviewer", required = true, value_name = "NAME")]
    reviewers: Vec<String>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8790", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Another name that the page may be called by, such as that of a TLS proxy in front of it
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
}

/// Export.
#[derive(Args)]
pub struct Export {
    /// The run, by the beginning of its id
    id: String,
    /// Who reviews
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// Where to write the workbook (.xlsx)
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    lang: Lang,
}

/// Import.
#[derive(Args)]
pub struct Import {
    /// The run, by the beginning of its id
    id: String,
    /// Who reviewed
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// The workbook
    file: PathBuf,
}

/// Status.
#[derive(Args)]
pub struct Status {
    /// The run, by the beginning of its id
    id: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Runs a command of the review.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub async fn run(config: &Config, command: ReviewOf) -> Result<ExitCode> {
    match command {
        ReviewOf::Serve(args) => serve(config, &args).await,
        ReviewOf::Export(args) => {
            let (_, review) = of(config, &args.id).await?;
            write(&args.out, &review::export(&review, &args.reviewer, args.lang.chinese()).map_err(known)?)?;
            print(&args.out.display().to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        ReviewOf::Import(args) => import(config, &args).await,
        ReviewOf::Status(args) => status(config, &args).await,
    }
}

async fn of(config: &Config, id: &str) -> Result<(Record, Review)> {
    let record = Record::read(&store(config).await?, id).await.map_err(known)?;
    let review = record.review().map_err(known)?;
    Ok((record, review))
}

async fn import(config: &Config, args: &Import) -> Result<ExitCode> {
    let (record, review) = of(config, &args.id).await?;
    let imported = review::import(&read(&args.file)?, &review, &args.reviewer).map_err(known)?;
    let n = imported.decisions.len();
    if n > 0 {
        store(config).await?.decide(&record.info.id, imported.decisions).await.map_err(stored)?;
    }
    print(&format!(
        "{n} decisions taken in, {} were there already, {} rows are still open",
        imported.unchanged, imported.open
    ))?;
    for key in &imported.overtaken {
        print(&format!("{key}: decided otherwise on the page since; the page stands"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(config: &Config, args: &Status) -> Result<ExitCode> {
    let (_, review) = of(config, &args.id).await?;
    let note = review.note();
    if args.json {
        print(&serde_json::to_string(&note)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["answers", "decided", "disagreed", "settled", "κ"]);
    lines.add_row([
        note.queued.to_string(),
        note.decided.to_string(),
        note.disagreed.to_string(),
        note.resolved.to_string(),
        note.kappa.map_or_else(|| "–".to_owned(), |k| format!("{k:.3}")),
    ]);
    print(&lines.to_string())?;
    let mut people = table(&["reviewer", "decisions"]);
    for (name, n) in &note.reviewers {
        people.add_row([name.clone(), n.to_string()]);
    }
    print(&people.to_string())?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(config: &Config, args: &Serve) -> Result<ExitCode> {
    let (record, _) = of(config, &args.id).await?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .map_err(|e| exit::environment(format!("{} cannot be listened on: {e}", args.listen)))?;
    let address = listener.local_addr()?;
    let desk =
        menshen_console::assess::desk(store(config).await?, &record, &args.reviewers, address, args.hosts.clone())
            .map_err(known)?;
    for reviewer in &desk.reviewers {
        print(&format!("{}\thttp://{address}/#token={}", reviewer.name, reviewer.token))?;
    }
    menshen_console::assess::serve(listener, desk).await.map_err(known)?;
    Ok(ExitCode::SUCCESS)
}
