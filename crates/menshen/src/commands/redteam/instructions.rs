//! `menshen redteam instructions`: what attacks ask for.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_redteam::instruction::{Bank, Instruction};

use super::super::{print, table};
use crate::exit;

/// List instructions.
#[derive(Args)]
pub struct Instructions {
    /// Of this risk
    #[arg(long)]
    risk: Option<String>,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Lists instructions.
///
/// # Errors
/// When the risk is none.
pub fn run(args: &Instructions) -> Result<ExitCode> {
    let bank = Bank::shipped()?;
    let risk = match &args.risk {
        Some(id) => Some(id.parse().map_err(|_| exit::usage(format!("{id:?} is no risk; A1a to A5b")))?),
        None => None,
    };
    let found = bank.select(risk, None, None);
    if args.json {
        let rows: Vec<&Instruction> = found.iter().map(AsRef::as_ref).collect();
        print(&serde_json::to_string(&rows)?)?;
    } else {
        let mut lines = table(&["id", "lang", "harm", "owasp", "text"]);
        for i in &found {
            lines.add_row([i.id.clone(), i.lang.clone(), format!("{:?}", i.harm), i.owasp.join(" "), i.text.clone()]);
        }
        print(&lines.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
