//! `menshen assess report` and `attachments`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use menshen_assess::conclude::{Record, conclude};
use menshen_assess::report::{self, AttachmentInputs, Format, Look, QuestionRow};
use menshen_assess::result::Assessment;
use menshen_gateway::Config;

use super::super::print;
use super::{Lang, known, read, store, words, write};
use crate::exit;

/// The font of PDFs.
#[derive(Args, Default)]
pub struct Font {
    /// A TTF, OTF or TTC font for the PDF; else one of the system, else the built-in bitmaps
    #[arg(long, value_name = "FILE")]
    font: Option<PathBuf>,
    /// Use no font of the system: the same bytes on every machine
    #[arg(long)]
    no_system_font: bool,
}

impl Font {
    fn bytes(&self) -> Result<Option<Vec<u8>>> {
        match &self.font {
            Some(file) => Ok(Some(read(file)?)),
            None if self.no_system_font => Ok(None),
            None => Ok(report::find_font().and_then(|file| std::fs::read(file).ok())),
        }
    }
}

/// Write a report.
#[derive(Args)]
pub struct ReportOf {
    /// The run, by the beginning of its id
    id: String,
    /// How; else by the ending of --out
    #[arg(long, value_enum)]
    format: Option<Form>,
    /// Where
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    font: Font,
    #[command(flatten)]
    lang: Lang,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Office Open XML, to be edited and signed
    Docx,
    /// PDF
    Pdf,
    /// A page that needs nothing beside it
    Html,
    /// Everything
    Json,
}

/// Write the attachments.
#[derive(Args)]
pub struct Attachments {
    /// The run, by the beginning of its id
    id: String,
    /// A folder; it is made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    lang: Lang,
}

fn written(error: report::Error) -> anyhow::Error {
    exit::usage(format!("{:#}", anyhow::Error::new(error)))
}

/// Writes the report of a run.
///
/// # Errors
/// When there is no such run, the font cannot be used, or the file cannot be written.
pub async fn report(config: &Config, args: &ReportOf) -> Result<ExitCode> {
    let ending = args.out.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    let form = args.format.map_or_else(
        || Form::from_str(&ending, true).map_err(|_| exit::usage("say --format docx, pdf, html or json")),
        Ok,
    )?;
    let result = super::run::result(&store(config).await?, &args.id).await?;
    let font = args.font.bytes()?;
    let look = Look { chinese: args.lang.chinese(), font: font.as_deref() };
    let bytes = match form {
        Form::Json => serde_json::to_vec_pretty(&result)?,
        Form::Docx => report::write(&result, Format::Docx, &look).map_err(written)?,
        Form::Pdf => report::write(&result, Format::Pdf, &look).map_err(written)?,
        Form::Html => report::write(&result, Format::Html, &look).map_err(written)?,
    };
    write(&args.out, &bytes)?;
    print(&args.out.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the attachments of a filing.
///
/// # Errors
/// As [`report`].
pub async fn attachments(config: &Config, args: &Attachments) -> Result<ExitCode> {
    let record = Record::read(&store(config).await?, &args.id).await.map_err(known)?;
    let result = conclude(&record).map_err(known)?;
    let look = Look { chinese: args.lang.chinese(), font: None };
    let all = report::attachments(&result, &inputs(config, &record)?, &look).map_err(written)?;
    std::fs::create_dir_all(&args.out).map_err(|e| exit::environment(format!("{}: {e}", args.out.display())))?;
    for attachment in all {
        let path = args.out.join(&attachment.name);
        write(&path, &attachment.bytes)?;
        print(&path.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn inputs(config: &Config, record: &Record) -> Result<AttachmentInputs> {
    let questions = record.bank.questions().iter().filter(|q| q.is_current());
    Ok(AttachmentInputs {
        keywords: words(config)?,
        questions: questions
            .map(|q| QuestionRow {
                bank: q.bank.id().to_owned(),
                id: q.id.clone(),
                group: q.group.id().to_owned(),
                lang: q.lang.clone(),
                modality: q.modality.id().to_owned(),
                text: q.text.clone(),
            })
            .collect(),
        ..AttachmentInputs::default()
    })
}

/// Every report and attachment, for the evidence bundle.
pub(super) fn reports(
    config: &Config,
    record: &Record,
    result: &Assessment,
    font: &Font,
) -> Result<Vec<(String, Vec<u8>)>> {
    let font = font.bytes()?;
    let mut files = Vec::new();
    for (lang, chinese) in [("zh", true), ("en", false)] {
        let look = Look { chinese, font: font.as_deref() };
        for (ending, format) in [("docx", Format::Docx), ("pdf", Format::Pdf), ("html", Format::Html)] {
            let bytes = report::write(result, format, &look).map_err(written)?;
            files.push((format!("report/report-{lang}.{ending}"), bytes));
        }
    }
    let look = Look { chinese: true, font: None };
    for attachment in report::attachments(result, &inputs(config, record)?, &look).map_err(written)? {
        files.push((format!("attachments/{}", attachment.name), attachment.bytes));
    }
    Ok(files)
}
