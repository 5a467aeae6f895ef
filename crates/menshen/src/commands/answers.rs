//! `menshen answers`: the library of standard answers as CSV and XLSX, and a way to try it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::{Config, Snapshot};
use menshen_policy::{Answer, Subject, table};

use super::print;
use crate::exit;

/// What can be done with standard answers.
#[derive(Subcommand)]
pub enum Answers {
    /// Write the answers of the enabled packs as .csv, .xlsx or .toml
    Export {
        /// The file; its ending says the format
        file: PathBuf,
        /// Only this pack's
        #[arg(long)]
        pack: Option<String>,
    },
    /// Read .csv or .xlsx and write a pack file; nothing is written unless every row is right
    Import {
        /// The table
        file: PathBuf,
        /// The .toml to write, such as packs/mine/answers/imported.toml
        #[arg(short, long)]
        output: PathBuf,
        /// Write over a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Ask a question and show which answer it would get
    Ask {
        /// The question
        question: String,
        /// The application that asks
        #[arg(long, default_value = "default")]
        app: String,
    },
}

fn ending(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase()
}

fn cannot(what: &str, path: &Path, error: impl std::fmt::Display) -> anyhow::Error {
    exit::environment(format!("cannot {what} {}: {error}", path.display()))
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or a row is wrong: each row is named.
pub fn run(config: &Config, answers: Answers) -> Result<ExitCode> {
    match answers {
        Answers::Export { file, pack } => {
            let snapshot = Snapshot::load(config);
            let wanted = |p: &str| pack.as_deref().is_none_or(|only| only == p);
            let list: Vec<Answer> =
                snapshot.packs.answers().filter(|(p, _)| wanted(p)).map(|(_, a)| a.clone()).collect();
            let bytes = match ending(&file).as_str() {
                "csv" => table::to_csv(&list),
                "xlsx" => table::to_xlsx(&list),
                "toml" => table::to_toml(&list).map(String::into_bytes),
                other => return Err(exit::usage(format!("{other:?} is not a format; use .csv, .xlsx or .toml"))),
            };
            let bytes = bytes.map_err(|e| exit::usage(e.to_string()))?;
            std::fs::write(&file, bytes).map_err(|e| cannot("write", &file, e))?;
            print(&format!("wrote {} answers to {}", list.len(), file.display()))?;
        }
        Answers::Import { file, output, force } => {
            let bytes = std::fs::read(&file).map_err(|e| cannot("read", &file, e))?;
            let imported = match ending(&file).as_str() {
                "csv" => table::from_csv(&bytes),
                "xlsx" => table::from_xlsx(&bytes),
                other => return Err(exit::usage(format!("{other:?} is not a format; use .csv or .xlsx"))),
            };
            let imported = imported.map_err(|e| exit::usage(format!("{} is wrong: {e}", file.display())))?;
            if output.exists() && !force {
                return Err(exit::usage(format!("{} is there already; --force writes over it", output.display())));
            }
            let body = table::to_toml(&imported.answers).map_err(|e| exit::usage(e.to_string()))?;
            // A half-written pack file would be put in force by a watching gateway.
            let part = output.with_extension("toml.part");
            std::fs::write(&part, body).map_err(|e| cannot("write", &part, e))?;
            std::fs::rename(&part, &output).map_err(|e| cannot("write", &output, e))?;
            print(&format!("wrote {} answers to {}", imported.answers.len(), output.display()))?;
        }
        Answers::Ask { question, app } => {
            let snapshot = Snapshot::load(config);
            let subject = Subject { app: app.clone(), ..Subject::default() };
            let now = jiff::Timestamp::now().as_second();
            match snapshot.policy(&app).answer(&question, &subject, now) {
                Some(answer) => print(&format!(
                    "{}@{} (similarity {:.2})\n{}",
                    answer.id, answer.version, answer.similarity, answer.text
                ))?,
                None => {
                    print("no standard answer")?;
                    return Ok(ExitCode::from(exit::FOUND));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
