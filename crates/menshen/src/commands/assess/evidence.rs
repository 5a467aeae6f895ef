//! `menshen assess bundle`, `verify` and `key`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_assess::conclude::{Record, conclude};
use menshen_assess::evidence::{self, SigningKey};
use menshen_gateway::Config;

use super::super::print;
use super::report::{Font, reports};
use super::{known, read, store, write};
use crate::exit;

/// Seal.
#[derive(Args)]
pub struct BundleOf {
    /// The run, by the beginning of its id
    id: String,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Leave the reports and attachments out: only the evidence
    #[arg(long)]
    bare: bool,
    #[command(flatten)]
    font: Font,
}

/// Verify.
#[derive(Args)]
pub struct Verify {
    /// The bundle
    file: PathBuf,
    /// The public key that the operator published
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Show the key.
#[derive(Args)]
pub struct KeyOf {}

/// Writes the evidence bundle of a run.
///
/// # Errors
/// When there is no such run, or it cannot be written.
pub async fn bundle(config: &Config, args: &BundleOf) -> Result<ExitCode> {
    let store = store(config).await?;
    let record = Record::read(&store, &args.id).await.map_err(known)?;
    let result = conclude(&record).map_err(known)?;
    let key = SigningKey::open(&config.data_dir).map_err(known)?;
    let files = if args.bare { Vec::new() } else { reports(config, &record, &result, &args.font)? };
    let bytes = evidence::bundle(&store, &record, &result, files, &key).await.map_err(known)?;
    write(&args.out, &bytes)?;
    print(&format!("{} ({} bytes), signed with {}", args.out.display(), bytes.len(), key.public()))?;
    Ok(ExitCode::SUCCESS)
}

/// Verifies a bundle.
///
/// # Errors
/// When it cannot be read, or is no bundle.
pub fn verify(args: &Verify) -> Result<ExitCode> {
    let found = evidence::verify(&read(&args.file)?, args.key.as_deref()).map_err(known)?;
    if args.json {
        print(&serde_json::to_string(&found)?)?;
    } else {
        for line in &found.proved {
            print(&format!("✓ {line}"))?;
        }
        for line in &found.broken {
            print(&format!("✗ {line}"))?;
        }
    }
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) })
}

/// Prints the public key.
///
/// # Errors
/// When it cannot be read or made.
pub fn key(config: &Config, _: &KeyOf) -> Result<ExitCode> {
    print(&SigningKey::open(&config.data_dir).map_err(known)?.public())?;
    Ok(ExitCode::SUCCESS)
}
