//! `menshen audit`: the proof and the export.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::Config;
use menshen_store::{Archive, Filter, Key};

use super::print;
use crate::exit;

/// What can be done with the audit.
#[derive(Subcommand)]
pub enum Audit {
    /// Read the whole audit and prove it whole, or name the first broken record
    Verify {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Put a new key in force (the gateway must not be running): old texts stay readable, no record changes
    Rekey {
        /// Environment variable that holds the new key, where keys are given from outside (64 hexadecimal digits); without
        /// it a new key is made and written into the key's file, and the old one kept beside it
        #[arg(long, value_name = "NAME")]
        new_key_env: Option<String>,
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Write records as JSON Lines
    Export {
        /// File to write; standard output without it
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// From this time on (RFC 3339)
        #[arg(long)]
        from: Option<jiff::Timestamp>,
        /// Before this time (RFC 3339)
        #[arg(long)]
        to: Option<jiff::Timestamp>,
        /// Only this application
        #[arg(long)]
        app: Option<String>,
        /// Only this outcome: allowed, intervened, unavailable, invalid
        #[arg(long)]
        outcome: Option<String>,
        /// Only this action, such as block
        #[arg(long)]
        action: Option<String>,
        /// Decrypt the texts
        #[arg(long)]
        decrypt: bool,
    },
}

/// Runs the command on the data folder; a running gateway is not disturbed.
///
/// # Errors
/// When there is no audit, or it cannot be read.
pub async fn run(config: Config, audit: Audit) -> Result<ExitCode> {
    let dir = &config.data_dir;
    if let Audit::Rekey { new_key_env, json } = audit {
        return rekey(&config, new_key_env.as_deref(), json).await;
    }
    let archive = Archive::open(dir, &super::serve::audit_key(&config)?)
        .await
        .map_err(|e| exit::environment(format!("cannot open the audit in {}: {e}", dir.display())))?;
    let code = match audit {
        Audit::Verify { json } => {
            let report = archive.verify().await.map_err(|e| exit::environment(e.to_string()))?;
            let whole = report.is_whole();
            if json {
                print(&serde_json::to_string_pretty(&report)?)?;
            } else if let Some(broken) = &report.broken {
                print(&format!("BROKEN: {broken}\n{} records were read before it was known.", report.rows))?;
            } else {
                let range = match (report.first, report.last) {
                    (Some(first), Some(last)) => format!("records {first} to {last}"),
                    _ => "no records".to_owned(),
                };
                let seal = if report.sealed { "" } else { "; without the key, seals were not checked" };
                print(&format!("whole: {} rows, {range}{seal}", report.rows))?;
                for seq in &report.accepted_breaks {
                    print(&format!("record {seq} notes a break that an operator accepted (--accept-break)"))?;
                }
            }
            if whole { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) }
        }
        // Done above: it writes.
        Audit::Rekey { .. } => ExitCode::SUCCESS,
        Audit::Export { output, from, to, app, outcome, action, decrypt } => {
            let filter = Filter {
                from_us: from.map(|t| t.as_microsecond()),
                to_us: to.map(|t| t.as_microsecond()),
                app,
                outcome,
                action,
                ..Filter::default()
            };
            let written = match &output {
                Some(path) => {
                    let mut file = tokio::fs::File::create(path)
                        .await
                        .map_err(|e| exit::environment(format!("cannot write {}: {e}", path.display())))?;
                    archive.export(&filter, decrypt, &mut file).await
                }
                None => archive.export(&filter, decrypt, &mut tokio::io::stdout()).await,
            };
            let written = written.map_err(|e| exit::environment(e.to_string()))?;
            if let Some(path) = output {
                print(&format!("wrote {written} records to {}", path.display()))?;
            }
            ExitCode::SUCCESS
        }
    };
    archive.close().await;
    Ok(code)
}

async fn rekey(config: &Config, new_key_env: Option<&str>, json: bool) -> Result<ExitCode> {
    let next = match new_key_env {
        None => None,
        Some(name) => {
            let text = std::env::var(name).map_err(|_| exit::usage(format!("the variable {name} is not set")))?;
            let key = Key::from_hex(&zeroize::Zeroizing::new(text));
            Some(key.map_err(|e| exit::usage(format!("{name} is wrong: {e}")))?)
        }
    };
    let source = super::serve::audit_key(config)?;
    let rotated = menshen_store::rotate(&config.data_dir, &source, next, "command line")
        .await
        .map_err(|e| exit::environment(format!("the key was not changed: {e}")))?;
    if json {
        print(&serde_json::to_string_pretty(&rotated)?)?;
    } else {
        print(&format!(
            "the key {} is in force from record {} on; {} keys of texts and {} sealed columns were wrapped anew",
            rotated.to, rotated.seq, rotated.text_keys, rotated.resealed
        ))?;
        if rotated.under_old_key > 0 {
            print(&format!(
                "{} texts from before there were keys of users stay sealed with the key {}, which is kept locked with the new one",
                rotated.under_old_key, rotated.from
            ))?;
        }
        print("make a backup now: older ones need the older key")?;
    }
    Ok(ExitCode::SUCCESS)
}
