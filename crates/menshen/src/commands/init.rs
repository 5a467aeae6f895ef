//! `menshen init`: a commented configuration.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::print;
use crate::exit;

/// What is written.
pub const TEMPLATE: &str = include_str!("menshen.toml");

/// Arguments of `menshen init`.
#[derive(Args)]
pub struct Init {
    /// Where to write it
    #[arg(default_value = "menshen.toml")]
    path: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// Writes the file.
///
/// # Errors
/// When it is there already or cannot be written.
pub fn run(init: &Init) -> Result<ExitCode> {
    let path = init.path.display();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    if init.force {
        options.truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(&init.path).map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => exit::usage(format!("{path} is there already; --force writes over it")),
        _ => exit::environment(format!("cannot write {path}: {e}")),
    })?;
    std::io::Write::write_all(&mut file, TEMPLATE.as_bytes())
        .map_err(|e| exit::environment(format!("cannot write {path}: {e}")))?;
    print(&format!("wrote {path}; set [[upstream]] in it, then: menshen serve"))?;
    Ok(ExitCode::SUCCESS)
}
