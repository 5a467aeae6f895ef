//! `menshen redteam`: campaigns, mutators, judges, formats and the range.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use menshen_gateway::Config;
use menshen_judge::Judge;
use menshen_judge::cascade::{Cascade, Options};
use menshen_redteam::campaign::{self, Campaign, End};
use menshen_redteam::formats::{self, Format};
use menshen_redteam::instruction::Bank;
use menshen_redteam::mutator::{self, Apply};
use menshen_redteam::plan::Plan;
use menshen_redteam::planner;
use menshen_redteam::propose;
use menshen_redteam::report::{self, Report};
use menshen_redteam::score::{Scorer, Sinks, Standing};
use menshen_redteam::sink::Settings as SinkSettings;
use menshen_redteam::sink::collector::Collector;
use menshen_redteam::target::{Kind, Limits, Spec, Target};
use menshen_redteam::turn::Turn;
use menshen_store::Campaigns;

use super::{print, table};
use crate::exit;

mod judges;
mod range;

/// What the red team does.
#[derive(Subcommand)]
pub enum Redteam {
    /// Make a plan from a need in plain words, and show it; nothing is sent to the target
    Plan(PlanOf),
    /// Run a need or a plan against a target
    Run(Run),
    /// Go on with a campaign that was interrupted
    Resume(Resume),
    /// List campaigns
    List(List),
    /// Write the report of a campaign
    Report(ReportOf),
    /// Put two campaigns side by side: before and after a change
    Compare(Compare),
    /// List mutators, or print their table for the documentation
    Mutators(Mutators),
    /// Rewrite a text
    Mutate(Mutate),
    /// List instructions
    Instructions(Instructions),
    /// What judges are worth, and measure them
    Judges(judges::Judges),
    /// Read instructions, templates or results of PyRIT, garak or promptfoo
    Import(Import),
    /// Write a plan's prompts for PyRIT, garak or promptfoo
    Export(Export),
    /// Propose a rule, seeds and a standard answer from attacks that succeeded
    Propose(Propose),
    /// The range: practise, submit, replay, grade
    #[command(subcommand)]
    Range(range::Range),
}

/// Which model is attacked.
#[derive(Args)]
pub struct TargetFlags {
    /// Base URL of the target: an OpenAI-compatible API such as http://127.0.0.1:8787/v1
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// The model's name at the target
    #[arg(long, default_value = "default", value_name = "NAME")]
    target_model: String,
    /// How the target is spoken to
    #[arg(long, value_enum, default_value_t = Family::Openai)]
    target_kind: Family,
    /// Environment variable with the target's API key; the key itself is never written anywhere
    #[arg(long, value_name = "VAR")]
    target_key_env: Option<String>,
    /// A YAML, TOML or JSON file that describes the target (HTTP template, program, limits)
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    target_file: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, value_name = "N")]
    concurrency: Option<u16>,
    /// Requests a minute
    #[arg(long, value_name = "N")]
    rpm: Option<u32>,
    /// The most requests
    #[arg(long, value_name = "N")]
    max_requests: Option<u64>,
    /// The most tokens
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// The most money, in the currency of the prices
    #[arg(long, value_name = "AMOUNT")]
    max_cost: Option<f64>,
}

/// How a target is spoken to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Family {
    /// Chat completions
    Openai,
    /// Messages
    Anthropic,
}

impl TargetFlags {
    fn spec(&self) -> Result<Option<Spec>> {
        let mut spec = match (&self.target, &self.target_file) {
            (Some(url), _) => spec_of(self.target_kind, url, &self.target_model, self.target_key_env.clone()),
            (None, Some(file)) => {
                let text = read(file)?;
                parse(file, &text)?
            }
            (None, None) => return Ok(None),
        };
        self.limit(&mut spec.limits);
        Ok(Some(spec))
    }

    /// What the command line says of limits wins over what is written.
    fn limit(&self, limits: &mut Limits) {
        limits.concurrency = self.concurrency.unwrap_or(limits.concurrency);
        limits.requests_per_minute = self.rpm.or(limits.requests_per_minute);
        limits.max_requests = self.max_requests.or(limits.max_requests);
        limits.max_tokens = self.max_tokens.or(limits.max_tokens);
        limits.max_cost = self.max_cost.or(limits.max_cost);
    }

    fn needed(&self) -> Result<Spec> {
        self.spec()?.ok_or_else(|| {
            exit::usage("say what is attacked: --target URL --target-model NAME, or --target-file FILE".to_owned())
        })
    }
}

fn spec_of(family: Family, url: &str, model: &str, key_env: Option<String>) -> Spec {
    let (url, model) = (url.to_owned(), model.to_owned());
    let kind = match family {
        Family::Openai => Kind::Openai { url, model, stream: false, extra: Default::default() },
        Family::Anthropic => Kind::Anthropic { url, model, stream: false },
    };
    Spec { key_env, ..Spec::new(kind) }
}

/// A model that helps: plans, attacks or judges.
#[derive(Args)]
pub struct Helper {
    /// Base URL of a model that plans (OpenAI-compatible); without it rules make the plan
    #[arg(long, value_name = "URL")]
    planner: Option<String>,
    /// Its name
    #[arg(long, value_name = "NAME", default_value = "default")]
    planner_model: String,
    /// Environment variable with its API key
    #[arg(long, value_name = "VAR")]
    planner_key_env: Option<String>,
    /// Base URL of a model that attacks: rewrites prompts and leads dialogues
    #[arg(long, value_name = "URL")]
    attacker: Option<String>,
    /// Its name
    #[arg(long, value_name = "NAME", default_value = "default")]
    attacker_model: String,
    /// Environment variable with its API key
    #[arg(long, value_name = "VAR")]
    attacker_key_env: Option<String>,
}

impl Helper {
    fn attacker(&self) -> Option<Spec> {
        let url = self.attacker.as_ref()?;
        Some(spec_of(Family::Openai, url, &self.attacker_model, self.attacker_key_env.clone()))
    }
}

/// Make a plan.
#[derive(Args)]
pub struct PlanOf {
    /// The need, in plain words: what is launched, for whom, what worries you
    need: Option<String>,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    helper: Helper,
    /// The plan of this campaign
    #[arg(long, value_name = "ID", conflicts_with = "need")]
    of: Option<String>,
    /// Write the plan here; without it it goes to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lang: Lang,
}

/// Run.
#[derive(Args)]
pub struct Run {
    /// The need, in plain words
    need: Option<String>,
    /// A plan
    #[arg(long, value_name = "FILE", conflicts_with = "need")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    helper: Helper,
    /// Do not ask before it begins
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    tell: Tell,
}

/// How a run tells of itself.
#[derive(Args)]
pub struct Tell {
    /// One JSON document at the end
    #[arg(long)]
    json: bool,
    /// Write the report here; its ending says how: .html, .json, .sarif, .xml (JUnit), .md
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    #[command(flatten)]
    lang: Lang,
}

/// The language of what is written.
#[derive(Args, Clone, Copy)]
pub struct Lang {
    /// Language: zh or en
    #[arg(long, value_enum, default_value_t = LangId::Zh)]
    lang: LangId,
}

/// zh or en.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LangId {
    /// Chinese
    Zh,
    /// English
    En,
}

impl Lang {
    const fn chinese(self) -> bool {
        matches!(self.lang, LangId::Zh)
    }
}

/// Go on.
#[derive(Args)]
pub struct Resume {
    /// The campaign, by the beginning of its id
    id: String,
    #[command(flatten)]
    tell: Tell,
}

/// List campaigns.
#[derive(Args)]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Write a report.
#[derive(Args)]
pub struct ReportOf {
    /// The campaign, by the beginning of its id
    id: String,
    /// How
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Where; without it standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    lang: Lang,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// A summary for a terminal
    Text,
    /// A page that needs nothing beside it
    Html,
    /// Everything
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// Markdown
    Md,
}

/// Put two side by side.
#[derive(Args)]
pub struct Compare {
    /// The campaign before, by the beginning of its id
    before: String,
    /// The campaign after
    after: String,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// List mutators.
#[derive(Args)]
pub struct Mutators {
    /// One JSON document
    #[arg(long)]
    json: bool,
    /// The page of the documentation, with the coverage of peers
    #[arg(long)]
    markdown: bool,
}

/// Rewrite a text.
#[derive(Args)]
pub struct Mutate {
    /// Mutators, first to last: base64 or template+base64
    chain: String,
    /// The text; without it standard input
    #[arg(long)]
    text: Option<String>,
    /// What is random follows from it
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Read back what the mutator wrote
    #[arg(long)]
    reverse: bool,
    /// Write the file that a carrier makes here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

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

/// Read other formats.
#[derive(Args)]
pub struct Import {
    /// pyrit, garak or promptfoo
    format: String,
    /// The file
    file: PathBuf,
    /// Write the plan that tries what was read here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    target: TargetFlags,
}

/// Write other formats.
#[derive(Args)]
pub struct Export {
    /// pyrit, garak or promptfoo
    format: String,
    /// The plan
    plan: PathBuf,
    /// The folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Propose.
#[derive(Args)]
pub struct Propose {
    /// A campaign (its successes) or a submission to the range
    id: String,
    /// The folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Runs a command of the red team.
///
/// # Errors
/// With the sentence and exit code of what went wrong.
pub async fn run(config: Config, command: Redteam) -> Result<ExitCode> {
    menshen_gateway::install_crypto();
    match command {
        Redteam::Plan(args) => make_plan(&config, args).await,
        Redteam::Run(args) => begin(&config, args).await,
        Redteam::Resume(args) => {
            let bank = Arc::new(Bank::shipped()?);
            let store = store(&config).await?;
            let plan: Plan = serde_json::from_value(store.campaign(&args.id).await.map_err(stored)?.plan)?;
            let scorer = scorer(&config, &plan)?;
            let campaign = Campaign::resume(&args.id, bank, scorer, store.clone()).await.map_err(known)?;
            execute(campaign, &store, &args.tell).await
        }
        Redteam::List(args) => list(&config, &args).await,
        Redteam::Report(args) => {
            let store = store(&config).await?;
            let report = report_of(&store, &args.id).await?;
            let text = write_as(&report, args.format, args.lang.chinese());
            match &args.out {
                Some(file) => write(file, &text)?,
                None => print(&text)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Redteam::Compare(args) => {
            let store = store(&config).await?;
            let comparison =
                report::compare(&report_of(&store, &args.before).await?, &report_of(&store, &args.after).await?);
            print(&if args.json { comparison.json() } else { comparison.markdown(args.lang.chinese()) })?;
            Ok(ExitCode::SUCCESS)
        }
        Redteam::Mutators(args) => mutators(&args),
        Redteam::Mutate(args) => mutate(&args),
        Redteam::Instructions(args) => instructions(&args),
        Redteam::Judges(args) => judges::run(&config, &args).await,
        Redteam::Import(args) => import(&args),
        Redteam::Export(args) => export(&args),
        Redteam::Propose(args) => propose_from(&config, &args).await,
        Redteam::Range(command) => range::run(&config, command).await,
    }
}

/// The red team's REST API, to be attached to the gateway.
///
/// # Errors
/// When its data or its store cannot be used.
pub async fn annex(config: &Config) -> Result<menshen_gateway::Annex> {
    let store = store(config).await?;
    let range = range::open(config, store.clone()).await?;
    let judge = native(config)?;
    let judges: menshen_console::Judges = Arc::new(move |plan: &Plan| {
        let remote = match &plan.judge {
            Some(judge) => Some((Target::open(judge.target.clone())?, judge.format.clone())),
            None => None,
        };
        Scorer::new(Some(judge.clone()), remote, standings(plan))
    });
    let console = menshen_console::Console::new(store, Arc::new(Bank::shipped().map_err(known)?), range, judges);
    Ok(menshen_gateway::Annex { router: console.router(), paths: menshen_console::paths() })
}

/// The model that the gateway would use judges answers, too.
fn native(config: &Config) -> Result<Arc<dyn Judge>> {
    let pack = match &config.guard.judge.model {
        Some(folder) => {
            menshen_judge::pack::ModelPack::load(Path::new(folder)).map_err(|e| exit::environment(e.to_string()))?
        }
        None => menshen_judge::shipped::model().map_err(|e| exit::environment(e.to_string()))?,
    };
    // Offline, an answer may take its time.
    let options = Options { budget: Duration::from_secs(2), encoder: true };
    Ok(Arc::new(Cascade::new(pack, options)))
}

fn scorer(config: &Config, plan: &Plan) -> Result<Scorer> {
    let remote = match &plan.judge {
        Some(judge) => Some((Target::open(judge.target.clone()).map_err(known)?, judge.format.clone())),
        None => None,
    };
    Ok(Scorer::new(Some(native(config)?), remote, standings(plan)).map_err(known)?.with_sinks(sinks()?))
}

/// What the operator measured of the plan's own judge.
fn standings(plan: &Plan) -> Vec<Standing> {
    let Some(judge) = &plan.judge else { return Vec::new() };
    let (Some(sensitivity), Some(specificity), Some(n)) = (judge.sensitivity, judge.specificity, judge.measured_on)
    else {
        return Vec::new();
    };
    vec![Standing {
        sensitivity,
        specificity,
        n,
        positives: n / 2,
        measured_on: "the plan".to_owned(),
        source: "the plan".to_owned(),
        ..Standing::unknown(&format!("remote:{}", judge.format), "")
    }]
}

/// Where answers are executed; what it needs and is not there is reported as not executed.
fn sinks() -> Result<Sinks> {
    let collector = Collector::start().map_err(|e| exit::environment(format!("no loopback listener: {e}")))?;
    Ok(Sinks::new(collector, SinkSettings::default()))
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
fn known(error: menshen_redteam::Error) -> anyhow::Error {
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

fn parse(file: &Path, text: &str) -> Result<Spec> {
    Spec::read(file, text).map_err(known)
}

async fn make_plan(config: &Config, args: PlanOf) -> Result<ExitCode> {
    let bank = Bank::shipped()?;
    let plan = match (&args.need, &args.of) {
        (Some(need), _) => plan_for(need, args.target.needed()?, &args.helper, &bank).await?,
        (None, Some(id)) => {
            let row = store(config).await?.campaign(id).await.map_err(stored)?;
            serde_json::from_value(row.plan)?
        }
        (None, None) => return Err(exit::usage("say the need in plain words, or --of CAMPAIGN".to_owned())),
    };
    let yaml = plan.to_yaml().map_err(known)?;
    match &args.out {
        Some(file) => {
            write(file, &yaml)?;
            print(&planner::show(&plan, &bank, args.lang.chinese()))?;
        }
        None => print(yaml.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn plan_for(need: &str, target: Spec, helper: &Helper, bank: &Bank) -> Result<Plan> {
    let attacker = helper.attacker();
    let Some(url) = &helper.planner else {
        let mut plan = planner::by_rules(need, target, bank).map_err(known)?;
        plan.attacker = attacker;
        return Ok(plan);
    };
    let spec = spec_of(Family::Openai, url, &helper.planner_model, helper.planner_key_env.clone());
    let model = Target::open(spec).map_err(known)?;
    let (plan, notes) = planner::by_model(need, &model, target, attacker, bank).await.map_err(known)?;
    for note in notes {
        tracing::info!("{note}");
    }
    Ok(plan)
}

async fn begin(config: &Config, args: Run) -> Result<ExitCode> {
    let bank = Arc::new(Bank::shipped()?);
    let plan = match (&args.need, &args.plan) {
        (Some(need), _) => plan_for(need, args.target.needed()?, &args.helper, &bank).await?,
        (None, Some(file)) => {
            let mut plan = Plan::read(file, &read(file)?).map_err(known)?;
            if let Some(target) = args.target.spec()? {
                plan.target = target;
            } else {
                args.target.limit(&mut plan.target.limits);
            }
            if let Some(attacker) = args.helper.attacker() {
                plan.attacker = Some(attacker);
            }
            plan
        }
        (None, None) => return Err(exit::usage("say the need in plain words, or --plan FILE".to_owned())),
    };
    if !args.tell.json {
        print(&planner::show(&plan, &bank, args.tell.lang.chinese()))?;
    }
    if !args.yes && args.need.is_some() {
        if !std::io::stdin().is_terminal() {
            return Err(exit::usage("nobody can confirm the plan here; read it above and add --yes".to_owned()));
        }
        let mut out = std::io::stdout().lock();
        write!(out, "{} [y/N] ", if args.tell.lang.chinese() { "执行这个计划？" } else { "Run this plan?" })?;
        out.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        if !matches!(line.trim(), "y" | "Y" | "yes" | "是") {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let scorer = scorer(config, &plan)?;
    let store = store(config).await?;
    let campaign = Campaign::begin(plan, bank, scorer, store.clone()).await.map_err(known)?;
    execute(campaign, &store, &args.tell).await
}

async fn execute(mut campaign: Campaign, store: &Campaigns, tell: &Tell) -> Result<ExitCode> {
    let stop = campaign.stopper();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let id = campaign.id().to_owned();
    let began = Instant::now();
    let mut told = Instant::now();
    let show = std::io::stderr().is_terminal() && !tell.json;
    let end = campaign
        .run(|_, campaign| {
            if show && told.elapsed() > Duration::from_millis(500) {
                told = Instant::now();
                if let Ok(p) = campaign.progress() {
                    let _ = write!(
                        std::io::stderr(),
                        "\r{}/{} · {} successes · {} unscored · {} failed · {} requests ",
                        p.done,
                        p.of,
                        p.successes,
                        p.unscored,
                        p.failed,
                        p.target.requests
                    );
                }
            }
        })
        .await
        .map_err(known)?;
    if show {
        let _ = writeln!(std::io::stderr());
    }
    let took = began.elapsed();
    let progress = campaign.progress().map_err(known)?;
    let report = report_of(store, &id).await?;
    for file in &tell.report {
        write(file, &write_as(&report, form_of(file)?, tell.lang.chinese()))?;
    }
    let failures = report.failures(&campaign.plan().fail_on);
    if tell.json {
        let document = serde_json::json!({
            "campaign": id, "end": end, "progress": progress, "failures": failures,
            "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "report": report,
        });
        print(&document.to_string())?;
    } else {
        print(&report.summary(tell.lang.chinese()))?;
        for failure in &failures {
            print(&format!("✗ {failure}"))?;
        }
    }
    match end {
        End::Complete if failures.is_empty() => Ok(ExitCode::SUCCESS),
        End::Complete => Ok(ExitCode::from(exit::FOUND)),
        End::Spent => Err(exit::environment(format!(
            "the budget is spent after {} of {} attempts; raise it in a new plan, or read what there is: menshen redteam report {id}",
            progress.done, progress.of
        ))),
        End::Interrupted => Err(exit::environment(format!("interrupted; go on with: menshen redteam resume {id}"))),
        End::Down(why) => Err(exit::environment(format!(
            "the target cannot be reached ({why}); go on later with: menshen redteam resume {id}"
        ))),
    }
}

fn form_of(file: &Path) -> Result<Form> {
    Ok(match file.extension().and_then(|e| e.to_str()).unwrap_or_default() {
        "html" | "htm" => Form::Html,
        "json" => Form::Json,
        "sarif" => Form::Sarif,
        "xml" => Form::Junit,
        "md" => Form::Md,
        "txt" => Form::Text,
        _ => {
            return Err(exit::usage(format!(
                "{} ends in none of .html, .json, .sarif, .xml, .md, .txt",
                file.display()
            )));
        }
    })
}

fn write_as(report: &Report, form: Form, chinese: bool) -> String {
    match form {
        Form::Text => report.summary(chinese),
        Form::Html => report.html(chinese),
        Form::Json => report.json(),
        Form::Sarif => report.sarif(),
        Form::Junit => report.junit(),
        Form::Md => report.markdown(chinese),
    }
}

async fn report_of(store: &Campaigns, id: &str) -> Result<Report> {
    let row = store.campaign(id).await.map_err(stored)?;
    let attempts = campaign::attempts(store, &row.id).await.map_err(known)?;
    Ok(Report::of(&row, &attempts))
}

async fn list(config: &Config, args: &List) -> Result<ExitCode> {
    let rows = store(config).await?.campaigns().await.map_err(stored)?;
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| serde_json::json!({"id": r.id, "name": r.name, "state": r.state, "created_us": r.created_us, "summary": r.summary}))
            .collect();
        print(&serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["id", "name", "target", "state", "attempts", "successes"]);
    for row in rows {
        let at = |path: &str| {
            row.summary
                .pointer(path)
                .map_or_else(|| "–".to_owned(), |v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        };
        lines.add_row([
            row.id.clone(),
            row.name.clone(),
            at("/target"),
            row.state.clone(),
            at("/progress/done"),
            at("/progress/successes"),
        ]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn mutators(args: &Mutators) -> Result<ExitCode> {
    if args.markdown {
        print(mutator::table::markdown().trim_end())?;
    } else if args.json {
        print(&serde_json::to_string(&mutator::table::rows())?)?;
    } else {
        let mut lines = table(&["id", "group", "attack", "zh", "en"]);
        for m in mutator::all() {
            lines.add_row([
                m.id.to_owned(),
                format!("{:?}", m.group),
                m.attack.id().to_owned(),
                m.zh.to_owned(),
                m.en.to_owned(),
            ]);
        }
        print(&lines.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn mutate(args: &Mutate) -> Result<ExitCode> {
    let mut text = match &args.text {
        Some(text) => text.clone(),
        None => std::io::read_to_string(std::io::stdin()).map_err(|e| exit::usage(format!("standard input: {e}")))?,
    };
    let mut rng = fastrand::Rng::with_seed(args.seed);
    for id in args.chain.split('+') {
        let m = mutator::by_id(id.trim())
            .ok_or_else(|| exit::usage(format!("there is no mutator {id:?}; `menshen redteam mutators` lists them")))?;
        if args.reverse {
            text = m.read_back(&text).ok_or_else(|| exit::usage(format!("{id} cannot read this text back")))?;
            continue;
        }
        match m.apply {
            Apply::Carrier(make) => {
                let carrier = make(&text, &mut rng).map_err(|e| exit::environment(e.to_string()))?;
                let file = args.out.clone().unwrap_or_else(|| PathBuf::from(&carrier.name));
                std::fs::write(&file, &carrier.bytes)
                    .map_err(|e| exit::environment(format!("{} cannot be written: {e}", file.display())))?;
                print(&format!(
                    "{} ({}, {} bytes)\n{}",
                    file.display(),
                    carrier.media_type,
                    carrier.bytes.len(),
                    carrier.message
                ))?;
                return Ok(ExitCode::SUCCESS);
            }
            Apply::Model(_) => {
                return Err(exit::usage(format!("{id} needs a model; use it in a plan with an attacker")));
            }
            _ => {
                text = m
                    .rewrite(&text, &mut rng)
                    .ok_or_else(|| exit::usage(format!("{id} has nothing to rewrite in this text")))?;
            }
        }
    }
    // Byte for byte, so that what is read back is what was written.
    std::io::stdout().lock().write_all(text.as_bytes())?;
    if args.text.is_some() && std::io::stdout().is_terminal() {
        print("")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn instructions(args: &Instructions) -> Result<ExitCode> {
    let bank = Bank::shipped()?;
    let risk = match &args.risk {
        Some(id) => Some(id.parse().map_err(|_| exit::usage(format!("{id:?} is no risk; A1a to A5b")))?),
        None => None,
    };
    let found = bank.select(risk, None, None);
    if args.json {
        let rows: Vec<&menshen_redteam::instruction::Instruction> = found.iter().map(AsRef::as_ref).collect();
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

fn format_of(name: &str) -> Result<Format> {
    name.parse().map_err(|_| exit::usage(format!("{name:?} is no format; pyrit, garak or promptfoo")))
}

fn import(args: &Import) -> Result<ExitCode> {
    let imported = formats::import(format_of(&args.format)?, &args.file.display().to_string(), &read(&args.file)?)
        .map_err(known)?;
    print(&format!(
        "{} instructions, {} templates, {} attempts",
        imported.instructions.len(),
        imported.templates.len(),
        imported.attempts.len()
    ))?;
    for note in &imported.notes {
        print(&format!("- {note}"))?;
    }
    let Some(out) = &args.out else { return Ok(ExitCode::SUCCESS) };
    let plan = imported.plan(args.target.needed()?).map_err(known)?;
    write(out, &plan.to_yaml().map_err(known)?)?;
    Ok(ExitCode::SUCCESS)
}

fn export(args: &Export) -> Result<ExitCode> {
    let plan = Plan::read(&args.plan, &read(&args.plan)?).map_err(known)?;
    let bank = Bank::shipped()?;
    let mut prompts = Vec::new();
    for case in campaign::cases(&plan, &bank).map_err(known)? {
        let turns = campaign::written(&case).unwrap_or_else(|| vec![Turn::user(case.instruction.text.clone())]);
        prompts.push(((*case.instruction).clone(), case.technique.to_string(), turns));
    }
    std::fs::create_dir_all(&args.out)
        .map_err(|e| exit::environment(format!("{} cannot be made: {e}", args.out.display())))?;
    for (name, text) in formats::export(format_of(&args.format)?, &plan, &prompts).map_err(known)? {
        let file = args.out.join(name);
        write(&file, &text)?;
        print(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn propose_from(config: &Config, args: &Propose) -> Result<ExitCode> {
    let store = store(config).await?;
    let proposals = match store.campaign(&args.id).await {
        Ok(row) => campaign::attempts(&store, &row.id)
            .await
            .map_err(known)?
            .iter()
            .filter(|a| a.outcome == menshen_redteam::attempt::Outcome::Success)
            .map(propose::from_attempt)
            .collect::<Vec<_>>(),
        Err(menshen_store::Error::NotFound { .. }) => {
            let range = range::open(config, store).await?;
            vec![propose::from_submission(&range.submission(&args.id).await.map_err(known)?)]
        }
        Err(error) => return Err(stored(error)),
    };
    if proposals.is_empty() {
        print("nothing succeeded, so there is nothing to propose")?;
        return Ok(ExitCode::SUCCESS);
    }
    for file in propose::write_all(&proposals, &args.out).map_err(known)? {
        print(&file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
