//! `menshen report`: the figures of a month, for people who decide.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_assess::report::Format;
use menshen_console::monthly::{Reports, set};
use menshen_gateway::Config;
use menshen_store::{Campaigns, Store};

use super::{Lang, print};
use crate::exit;

/// The form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One page that needs nothing beside it
    Html,
    /// To be printed or sent
    Pdf,
    /// To be edited
    Docx,
    /// The figures alone
    Json,
}

/// Arguments of `menshen report`.
#[derive(Args)]
pub struct Report {
    /// The month: YYYY-MM
    #[arg(long)]
    month: String,
    #[command(flatten)]
    lang: Lang,
    /// File to write; its ending says the form: .html, .pdf, .docx, .json
    #[arg(short, long)]
    output: PathBuf,
    /// The form, whatever the file is called
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// Only this tenant
    #[arg(long)]
    tenant: Option<String>,
}

/// Runs the command. The whole chain is read through first, so that the report can say how it stands.
///
/// # Errors
/// When the store cannot be opened (a gateway may hold it; then ask its `/admin/reports/monthly`), the month is none, or
/// the file cannot be written.
pub async fn run(config: Config, asked: Report) -> Result<ExitCode> {
    let ending = asked.output.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let form = asked.format.or_else(|| Form::from_str(ending, true).ok()).ok_or_else(|| {
        exit::usage(format!("{}: name it .html, .pdf, .docx or .json, or say --format", asked.output.display()))
    })?;
    let store = Store::open(&config.data_dir, super::serve::store_options(&config)?).await.map_err(|e| {
        let hint = match e {
            menshen_store::Error::InUse { .. } => "; or ask the gateway: GET /admin/reports/monthly",
            _ => "",
        };
        exit::environment(format!("cannot open the store in {}: {e}{hint}", config.data_dir.display()))
    })?;
    let made = made(&config, &store, &asked, form).await;
    let closed = store.close().await;
    let bytes = made?;
    closed.map_err(|e| exit::environment(e.to_string()))?;
    std::fs::write(&asked.output, &bytes)
        .map_err(|e| exit::environment(format!("{} cannot be written: {e}", asked.output.display())))?;
    print(&format!("wrote {} ({} bytes)", asked.output.display(), bytes.len()))?;
    Ok(ExitCode::SUCCESS)
}

async fn made(config: &Config, store: &Store, asked: &Report, form: Form) -> Result<Vec<u8>> {
    let failed = |e: menshen_store::Error| match e {
        menshen_store::Error::Invalid { .. } => exit::usage(e.to_string()),
        other => exit::environment(other.to_string()),
    };
    store.verify().await.map_err(failed)?;
    let campaigns = Campaigns::open(&config.data_dir).await.map_err(failed)?;
    let reports = Reports::new(store.clone(), campaigns);
    let now = jiff::Timestamp::now();
    let month = reports.month(&asked.month, asked.tenant.as_deref(), false, now).await.map_err(failed)?;
    let format = match form {
        Form::Html => Format::Html,
        Form::Pdf => Format::Pdf,
        Form::Docx => Format::Docx,
        Form::Json => return Ok(serde_json::to_vec_pretty(&month)?),
    };
    set(&month, format, asked.lang.chinese()).map_err(exit::environment)
}
