//! `menshen assess`: banks, runs, human review, reports and evidence of a safety assessment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{Args, Subcommand};
use menshen_assess::Error;
use menshen_assess::bank::Bank;
use menshen_assess::judge::Judges;
use menshen_assess::profile::Standards;
use menshen_assess::run::KeywordCensus;
use menshen_detect::lexicon::{self, Census};
use menshen_detect::{Engine, Options};
use menshen_gateway::Config;
use menshen_store::Assessments;

use super::Lang;
use super::{lexicon as lists, redteam};
use crate::exit;

mod bank;
mod compare;
mod declare;
mod evidence;
mod report;
mod review;
mod run;

/// What the assessment does.
#[derive(Subcommand)]
pub enum Assess {
    /// List profiles, or show the clauses of one
    Profiles(run::Profiles),
    /// Lint, count, change, import and export question banks
    #[command(subcommand)]
    Bank(bank::BankOf),
    /// Draw a sample, ask the service, judge and record every answer
    Run(Box<run::Run>),
    /// Go on with a run that was interrupted
    Resume(run::Resume),
    /// List runs
    List(run::List),
    /// Show the result of a run
    Show(run::Show),
    /// Hand in what the operator declares, with evidence; or write the form to fill in
    Declare(declare::Declare),
    /// Human review: serve the page, export and import sheets
    #[command(subcommand)]
    Review(review::ReviewOf),
    /// Write the report: DOCX, PDF, HTML or JSON
    Report(report::ReportOf),
    /// Write the attachments of a filing into a folder
    Attachments(report::Attachments),
    /// Write the sealed evidence bundle of a run
    Bundle(evidence::BundleOf),
    /// Verify an evidence bundle: seal, sample, decisions, figures
    Verify(evidence::Verify),
    /// Print the public key that bundles are signed with
    Key(evidence::KeyOf),
    /// Put runs of several models side by side
    Compare(compare::Compare),
    /// Score plain against guided answers of two runs
    Guided(compare::Guided),
    /// Say what must be assessed again after a change of model, policy, judge, words or banks
    Changed(compare::Changed),
}

/// Which banks and standards are used.
#[derive(Args, Clone, Default)]
pub struct Sources {
    /// A folder with banks of your own: generated/, refuse/, answer/; they extend the shipped ones
    #[arg(long, value_name = "DIR")]
    bank: Option<PathBuf>,
    /// Use only the banks of --bank
    #[arg(long, requires = "bank")]
    bank_only: bool,
    /// A folder with profiles/, clauses.toml, crosswalk.toml, advice.toml or reliability/ of your own
    #[arg(long, value_name = "DIR")]
    standards: Option<PathBuf>,
}

impl Sources {
    fn bank(&self) -> Result<Bank> {
        match (&self.bank, self.bank_only) {
            (None, _) => Bank::shipped().map_err(known),
            (Some(folder), true) => Bank::load(folder).map_err(known),
            (Some(folder), false) => {
                let own = Bank::load(folder).map_err(known)?;
                Ok(Bank::shipped().map_err(known)?.extended(own))
            }
        }
    }

    fn standards(&self) -> Result<Standards> {
        Standards::load(self.standards.as_deref()).map_err(known)
    }
}

/// Runs a command of the assessment.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub async fn run(config: Config, command: Assess) -> Result<ExitCode> {
    menshen_gateway::install_crypto();
    match command {
        Assess::Profiles(args) => run::profiles(&args),
        Assess::Bank(command) => bank::run(&config, command),
        Assess::Run(args) => run::begin(&config, *args).await,
        Assess::Resume(args) => run::resume(&config, &args).await,
        Assess::List(args) => run::list(&config, &args).await,
        Assess::Show(args) => run::show(&config, &args).await,
        Assess::Declare(args) => declare::run(&config, &args).await,
        Assess::Review(command) => review::run(&config, command).await,
        Assess::Report(args) => report::report(&config, &args).await,
        Assess::Attachments(args) => report::attachments(&config, &args).await,
        Assess::Bundle(args) => evidence::bundle(&config, &args).await,
        Assess::Verify(args) => evidence::verify(&args),
        Assess::Key(args) => evidence::key(&config, &args),
        Assess::Compare(args) => compare::compare(&config, &args).await,
        Assess::Guided(args) => compare::guided(&config, &args).await,
        Assess::Changed(args) => compare::changed(&config, &args).await,
    }
}

/// The assessments' REST API, to be attached to the gateway.
///
/// # Errors
/// When its data or its store cannot be used.
pub async fn annex(config: &Config) -> Result<Arc<menshen_console::assess::Assess>> {
    let of = config.clone();
    let prepare: menshen_console::assess::Prepare = Arc::new(move || {
        let told = |e: anyhow::Error| Error::Unusable(format!("{e:#}"));
        Ok(menshen_console::assess::Prepared {
            judges: judges(&of).map_err(told)?,
            keywords: census(&of).map_err(told)?,
            versions: versions(&of).map_err(told)?,
        })
    });
    menshen_console::assess::Assess::new(store(config).await?, config.data_dir.clone(), prepare).map_err(known)
}

async fn store(config: &Config) -> Result<Assessments> {
    Assessments::open(&config.data_dir).await.map_err(stored)
}

fn stored(error: menshen_store::Error) -> anyhow::Error {
    match error {
        menshen_store::Error::NotFound { .. } | menshen_store::Error::Invalid { .. } => exit::usage(error.to_string()),
        other => anyhow::Error::new(other),
    }
}

/// Bad input is the caller's, the rest the environment's.
fn known(error: Error) -> anyhow::Error {
    match error {
        Error::Store(error) => stored(error),
        Error::Redteam(error) => redteam::known(error),
        Error::File { .. } => exit::environment(format!("{:#}", anyhow::Error::new(error))),
        other => exit::usage(other.to_string()),
    }
}

/// The judges of a run, and what they are made of: keywords as the enabled packs have them, and the classifier.
fn judges(config: &Config) -> Result<Judges> {
    let (engine, diagnostics) = Engine::compile(&lists::enabled(config)?, &Options::default());
    if let Some(first) = diagnostics.iter().find(|d| d.severity == menshen_detect::Severity::Error) {
        return Err(exit::usage(format!("the keyword lists have errors, the first: {first}")));
    }
    Judges::new(Arc::new(engine), redteam::native(config)?).map_err(known)
}

/// The keyword library of the enabled packs.
fn census(config: &Config) -> Result<KeywordCensus> {
    let (entries, _) = lexicon::entries(&lists::enabled(config)?);
    let census = Census::of(&entries);
    Ok(KeywordCensus {
        total: census.a1_a2 as u64,
        by_risk: census.risks.iter().map(|r| (r.risk.id().to_owned(), r.distinct as u64)).collect(),
        updated: None,
    })
}

/// The words of the keyword library by risk.
fn words(config: &Config) -> Result<Vec<(String, String)>> {
    let (entries, _) = lexicon::entries(&lists::enabled(config)?);
    let mut words: Vec<(String, String)> = entries
        .into_iter()
        .filter(|e| e.colour != menshen_detect::lexicon::Colour::White)
        .filter_map(|e| Some((e.risk?.id().to_owned(), e.word)))
        .collect();
    words.sort();
    words.dedup();
    Ok(words)
}

/// What a result depends on beside the banks and judges: this program and the policy packs.
fn versions(config: &Config) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::from([
        ("menshen".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("classifier risks".to_owned(), redteam::risks_called(config)?.to_string()),
    ]);
    for (pack, version) in super::packs::versions(config)? {
        all.insert(format!("pack {pack}"), version);
    }
    Ok(all)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|e| exit::usage(format!("{} cannot be read: {e}", file.display())))
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).map_err(|e| exit::environment(format!("{} cannot be written: {e}", file.display())))
}

/// Today in the place where the program runs, `YYYY-MM-DD`.
fn today() -> String {
    jiff::Zoned::now().date().to_string()
}
