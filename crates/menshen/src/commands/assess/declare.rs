//! `menshen assess declare`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_assess::{declare, run as runs};
use menshen_gateway::Config;

use super::super::print;
use super::{Lang, Sources, known, store};
use crate::exit;

/// Declare.
#[derive(Args)]
pub struct Declare {
    /// The run, by the beginning of its id
    run: Option<String>,
    /// The declaration; evidence is named relative to it
    #[arg(long, value_name = "FILE", requires = "run")]
    file: Option<PathBuf>,
    /// Write the form to fill in for this profile
    #[arg(long, value_name = "PROFILE", conflicts_with = "file")]
    template: Option<String>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    lang: Lang,
}

/// Hands in a declaration, or writes its form.
///
/// # Errors
/// When something in it is wrong: then nothing was taken in.
pub async fn run(config: &Config, args: &Declare) -> Result<ExitCode> {
    if let Some(profile) = &args.template {
        let standards = args.sources.standards()?;
        print(&declare::template(standards.profile(profile).map_err(known)?, args.lang.chinese()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(id), Some(file)) = (&args.run, &args.file) else {
        return Err(exit::usage("say RUN --file FILE, or --template PROFILE"));
    };
    let store = store(config).await?;
    let info = runs::info(&store, id).await.map_err(known)?;
    let prepared = declare::prepare(file, &info.profile).map_err(known)?;
    let n = prepared.len();
    let all = prepared.keep(&store, &info.id).await.map_err(known)?;
    print(&format!("{n} clauses taken in; {} are declared now", all.clause.len()))?;
    Ok(ExitCode::SUCCESS)
}
