//! `menshen redteam`: campaigns, mutators, judges, formats and the range.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;
use menshen_gateway::Config;
use menshen_redteam::instruction::Bank;
use menshen_redteam::score::Scorer;
use menshen_redteam::target::Target;
use menshen_store::Campaigns;

use super::Lang;
use crate::exit;

mod formats;
mod instructions;
mod judges;
mod mutate;
mod plan;
mod propose;
mod range;
mod report;
mod run;
mod scorer;
mod target;

pub(crate) use scorer::{native, risks_called};
pub(crate) use target::TargetFlags;

/// What the red team does.
#[derive(Subcommand)]
pub enum Redteam {
    /// Make a plan from a need in plain words, and show it; nothing is sent to the target
    Plan(plan::PlanOf),
    /// Run a need or a plan against a target
    Run(run::Run),
    /// Go on with a campaign that was interrupted
    Resume(run::Resume),
    /// List campaigns
    List(report::List),
    /// Write the report of a campaign
    Report(report::ReportOf),
    /// Put two campaigns side by side: before and after a change
    Compare(report::Compare),
    /// List mutators, or print their table for the documentation
    Mutators(mutate::Mutators),
    /// Rewrite a text
    Mutate(mutate::Mutate),
    /// List instructions
    Instructions(instructions::Instructions),
    /// What judges are worth, and measure them
    Judges(judges::Judges),
    /// Read instructions, templates or results of PyRIT, garak or promptfoo
    Import(formats::Import),
    /// Write a plan's prompts for PyRIT, garak or promptfoo
    Export(formats::Export),
    /// Propose a rule, seeds and a standard answer from attacks that succeeded
    Propose(propose::Propose),
    /// The range: practise, submit, replay, grade
    #[command(subcommand)]
    Range(range::Range),
}

/// Runs a command of the red team.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub async fn run(config: Config, command: Redteam) -> Result<ExitCode> {
    menshen_gateway::install_crypto();
    match command {
        Redteam::Plan(args) => plan::run(&config, args).await,
        Redteam::Run(args) => run::begin(&config, args).await,
        Redteam::Resume(args) => run::resume(&config, &args).await,
        Redteam::List(args) => report::list(&config, &args).await,
        Redteam::Report(args) => report::report(&config, &args).await,
        Redteam::Compare(args) => report::compare(&config, &args).await,
        Redteam::Mutators(args) => mutate::mutators(&args),
        Redteam::Mutate(args) => mutate::mutate(&args),
        Redteam::Instructions(args) => instructions::run(&args),
        Redteam::Judges(args) => judges::run(&config, &args).await,
        Redteam::Import(args) => formats::import(&args),
        Redteam::Export(args) => formats::export(&args),
        Redteam::Propose(args) => propose::run(&config, &args).await,
        Redteam::Range(command) => range::run(&config, command).await,
    }
}

/// The administrators' REST API beside the gateway: the red team, the range, assessments.
///
/// # Errors
/// When its data or its store cannot be used.
pub async fn annex(config: &Config, audit: &menshen_store::Store) -> Result<menshen_gateway::Annex> {
    let store = store(config).await?;
    let reports = menshen_console::monthly::Reports::new(audit.clone(), store.clone());
    let range = range::open(config, store.clone()).await?;
    let judge = scorer::native(config)?;
    let judges: menshen_console::Judges = Arc::new(move |plan: &menshen_redteam::plan::Plan| {
        let remote = match &plan.judge {
            Some(judge) => Some((Target::open(judge.target.clone())?, judge.format.clone())),
            None => None,
        };
        Scorer::new(Some(judge.clone()), remote, scorer::standings(plan))
    });
    let console = menshen_console::Console::new(store, Arc::new(Bank::shipped().map_err(known)?), range, judges);
    let assess = super::assess::annex(config).await?;
    let router = console.router().merge(assess.router()).merge(reports.router());
    Ok(menshen_gateway::Annex { router, pages: menshen_console::pages::router(), paths: menshen_console::paths() })
}

/// How the attempts of a campaign ended, all together.
///
/// # Errors
/// When there is no such campaign.
pub(crate) async fn total(config: &Config, campaign: &str) -> Result<menshen_redteam::report::Tally> {
    Ok(report::report_of(&store(config).await?, campaign).await?.total)
}

async fn store(config: &Config) -> Result<Campaigns> {
    Campaigns::open(&config.data_dir).await.map_err(stored)
}

fn stored(error: menshen_store::Error) -> anyhow::Error {
    match error {
        menshen_store::Error::NotFound { .. } | menshen_store::Error::Invalid { .. } => exit::usage(error.to_string()),
        other => anyhow::Error::new(other),
    }
}

/// Bad input is the caller's, the rest the environment's.
pub(crate) fn known(error: menshen_redteam::Error) -> anyhow::Error {
    use menshen_redteam::Error;
    match error {
        Error::Store(error) => stored(error),
        Error::File { .. } => exit::environment(format!("{:#}", anyhow::Error::new(error))),
        other => exit::usage(other.to_string()),
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|e| exit::usage(format!("{} cannot be read: {e}", file.display())))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).map_err(|e| exit::environment(format!("{} cannot be written: {e}", file.display())))
}
