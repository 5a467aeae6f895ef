//! The command table.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::settings::{self, Flags};

pub mod answers;
pub mod assess;
pub mod audit;
pub mod backup;
pub mod check;
pub mod init;
pub mod judge;
pub mod key_command;
pub mod keys;
pub mod label;
pub mod lexicon;
pub mod packs;
pub mod people;
pub mod redteam;
pub mod report;
pub mod serve;
mod witness;

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(serve::Serve),
    /// Judge texts: from arguments, standard input or files
    Check(check::Check),
    /// Write a commented menshen.toml
    Init(init::Init),
    /// Prove or export the audit
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Copy the data folder while the gateway serves
    Backup(backup::Backup),
    /// Prove a backup, or make a data folder of it
    Restore(backup::Restore),
    /// Make, list and revoke API keys (the gateway must not be running)
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Make, list and change accounts of the console (the gateway must not be running)
    #[command(subcommand)]
    People(people::People),
    /// Validate packs and list what is in them
    #[command(subcommand)]
    Packs(packs::Packs),
    /// Import, export and try standard answers
    #[command(subcommand)]
    Answers(answers::Answers),
    /// Train, evaluate and ship the models that label every request
    #[command(subcommand)]
    Judge(judge::Judge),
    /// Import, count and prune keyword lists
    #[command(subcommand)]
    Lexicon(lexicon::Lexicon),
    /// Attack what you configure: campaigns, mutators, judges, the range
    #[command(subcommand)]
    Redteam(redteam::Redteam),
    /// Assess a service: banks, runs, human review, report, evidence
    #[command(subcommand)]
    Assess(assess::Assess),
    /// Label generated content in files, read and judge labels
    #[command(subcommand)]
    Label(label::LabelOf),
    /// Write the figures of a month: what was stopped, answered safely, fixed, and at what cost (the gateway must not be running)
    Report(report::Report),
    /// Print the OpenAPI document
    Openapi,
}

/// Runs a command.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub fn run(command: Command, flags: &Flags) -> Result<ExitCode> {
    match command {
        Command::Init(init) => return init::run(&init),
        Command::Label(label) => return label::run(&label),
        Command::Openapi => {
            let document = menshen_gateway::api::openapi::with(Some(&menshen_console::paths()));
            print(&serde_json::to_string_pretty(&document)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let config = settings::load(flags)?;
    match command {
        Command::Serve(serve) => runtime(true)?.block_on(serve::run(config, serve)),
        Command::Check(check) => runtime(false)?.block_on(check::run(config, check)),
        Command::Audit(audit) => runtime(false)?.block_on(audit::run(config, audit)),
        Command::Backup(asked) => runtime(false)?.block_on(backup::back_up(config, asked)),
        Command::Restore(asked) => runtime(false)?.block_on(backup::put_back(config, asked)),
        Command::Keys(keys) => runtime(false)?.block_on(keys::run(config, keys)),
        Command::People(people) => runtime(false)?.block_on(people::run(config, people)),
        Command::Packs(packs) => packs::run(&config, packs),
        Command::Answers(answers) => answers::run(&config, answers),
        Command::Judge(judge) => judge::run(&config, judge),
        Command::Lexicon(lexicon) => lexicon::run(&config, &lexicon),
        Command::Report(report) => runtime(false)?.block_on(report::run(config, report)),
        Command::Redteam(redteam) => runtime(true)?.block_on(redteam::run(config, redteam)),
        Command::Assess(assess) => runtime(true)?.block_on(assess::run(config, assess)),
        Command::Init(_) | Command::Label(_) | Command::Openapi => Ok(ExitCode::SUCCESS),
    }
}

fn runtime(threads: bool) -> Result<tokio::runtime::Runtime> {
    let mut builder = if threads {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    Ok(builder.enable_all().build()?)
}

/// The language of what is written.
#[derive(clap::Args, Clone, Copy)]
pub struct Lang {
    /// Language: zh or en
    #[arg(long, value_enum, default_value_t = LangId::Zh)]
    lang: LangId,
}

/// zh or en.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LangId {
    /// Chinese
    Zh,
    /// English
    En,
}

impl Lang {
    /// Whether it is Chinese.
    pub const fn chinese(self) -> bool {
        matches!(self.lang, LangId::Zh)
    }
}

/// Writes a line to standard output.
pub fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(())
}

/// A table in plain ASCII-safe Unicode.
pub fn table(header: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header.to_vec());
    table
}
