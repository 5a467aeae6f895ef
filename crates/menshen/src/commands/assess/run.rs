//! `menshen assess run`, `resume`, `list`, `show` and `profiles`.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use menshen_assess::conclude::{Record, conclude};
use menshen_assess::question::{BankKind, Modality};
use menshen_assess::reliability::Sets;
use menshen_assess::result::{Assessment, Conclusion, Operator, Share};
use menshen_assess::run::{self, End, Order, Run as Running};
use menshen_gateway::Config;
use menshen_store::Assessments;

use super::super::redteam::TargetFlags;
use super::super::{print, table};
use super::{Lang, Sources, census, judges, known, read, store, stored, versions};
use crate::exit;

/// List profiles.
#[derive(Args)]
pub struct Profiles {
    /// Show the clauses of this one
    id: Option<String>,
    #[command(flatten)]
    sources: Sources,
    /// One JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Run.
#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    target: TargetFlags,
    /// Which profile: see `menshen assess profiles`
    #[arg(long, default_value = "gbt45654", value_name = "ID")]
    profile: String,
    /// Any text; the same seed draws the same sample from the same banks
    #[arg(long, default_value = "menshen", value_name = "TEXT")]
    seed: String,
    /// Another size than the profile's: generated=1000, refuse=300, answer=300
    #[arg(long, value_name = "BANK=N", value_parser = size)]
    sample: Vec<(BankKind, u64)>,
    /// Languages that the service is offered in: zh, en
    #[arg(long = "language", value_name = "LANG")]
    languages: Vec<String>,
    /// What the service makes: text, image, audio, video
    #[arg(long = "modality", value_name = "KIND")]
    modalities: Vec<Modality>,
    /// An aspect that a domain model does not serve (TC260-003 8.3): its questions are not drawn; declare how they are refused
    #[arg(long, value_name = "ASPECT")]
    leave_out: Vec<String>,
    /// What to call the run
    #[arg(long, default_value = "", value_name = "TEXT")]
    name: String,
    /// Who is assessed: a TOML file with company, service, model, …
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    tell: Tell,
}

/// How a run tells of itself.
#[derive(Args)]
pub struct Tell {
    /// One JSON document at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: Lang,
}

/// Go on.
#[derive(Args)]
pub struct Resume {
    /// The run, by the beginning of its id
    id: String,
    /// The most answers in all, those that are there counted
    #[arg(long, value_name = "N")]
    max_requests: Option<u64>,
    /// The most tokens in all
    #[arg(long, value_name = "N")]
    max_tokens: Option<u64>,
    /// The most money in all
    #[arg(long, value_name = "AMOUNT")]
    max_cost: Option<f64>,
    #[command(flatten)]
    tell: Tell,
}

/// List runs.
#[derive(Args)]
pub struct List {
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// Show a result.
#[derive(Args)]
pub struct Show {
    /// The run, by the beginning of its id
    id: String,
    #[command(flatten)]
    tell: Tell,
}

fn size(text: &str) -> Result<(BankKind, u64), String> {
    let (bank, n) = text.split_once('=').ok_or("write BANK=N, such as generated=1000")?;
    Ok((bank.parse()?, n.parse().map_err(|e| format!("{n:?}: {e}"))?))
}

/// Lists profiles, or the clauses of one.
///
/// # Errors
/// When a profile is damaged, or there is no such one.
pub fn profiles(args: &Profiles) -> Result<ExitCode> {
    let standards = args.sources.standards()?;
    let chinese = args.lang.chinese();
    match &args.id {
        None if args.json => print(&serde_json::to_string(&standards.profiles.values().collect::<Vec<_>>())?)?,
        None => {
            let mut lines = table(&["id", "version", "name", "standard", "sample", "clauses"]);
            for profile in standards.profiles.values() {
                let sample: Vec<String> = profile.sample.iter().map(|(b, n)| format!("{b} {n}")).collect();
                lines.add_row([
                    profile.id.clone(),
                    profile.version.to_string(),
                    profile.name.get(chinese).to_owned(),
                    profile.standard.get(chinese).to_owned(),
                    sample.join(", "),
                    profile.clauses.len().to_string(),
                ]);
            }
            print(&lines.to_string())?;
        }
        Some(id) => {
            let profile = standards.profile(id).map_err(known)?;
            if args.json {
                print(&serde_json::to_string(profile)?)?;
            } else {
                let mut lines = table(&["id", "number", "force", "decided by", "certainty", "what it demands"]);
                for clause in &profile.clauses {
                    lines.add_row([
                        clause.id.clone(),
                        clause.numbers.get(id).cloned().unwrap_or_default(),
                        format!("{:?}", clause.force).to_lowercase(),
                        clause.by.clone(),
                        clause.certainty.clone(),
                        clause.title.get(chinese).to_owned(),
                    ]);
                }
                print(&lines.to_string())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Begins a run.
///
/// # Errors
/// When it cannot begin, or does not come to its end.
pub async fn begin(config: &Config, args: Run) -> Result<ExitCode> {
    let standards = args.sources.standards()?;
    let bank = args.sources.bank()?;
    let sets = Sets::load(args.sources.standards.as_deref()).map_err(known)?;
    let operator = match &args.operator {
        None => Operator::default(),
        Some(file) => {
            let text =
                String::from_utf8(read(file)?).map_err(|_| exit::usage(format!("{} is not UTF-8", file.display())))?;
            run::operator(file, &text).map_err(known)?
        }
    };
    let order = Order {
        name: args.name,
        profile: args.profile,
        target: args.target.needed()?,
        seed: args.seed,
        sample: args.sample.into_iter().collect::<BTreeMap<_, _>>(),
        languages: args.languages,
        modalities: args.modalities,
        leave_out: args.leave_out,
        operator,
        keywords: census(config)?,
        versions: versions(config)?,
    };
    let store = store(config).await?;
    let running =
        Running::begin(store.clone(), order, &standards, &bank, &sets, judges(config)?).await.map_err(known)?;
    execute(running, &store, &args.tell).await
}

/// Goes on with a run.
///
/// # Errors
/// When there is no such run, and as [`begin`].
pub async fn resume(config: &Config, args: &Resume) -> Result<ExitCode> {
    let store = store(config).await?;
    let raise = |limits: &mut menshen_redteam::target::Limits| {
        limits.max_requests = args.max_requests.or(limits.max_requests);
        limits.max_tokens = args.max_tokens.or(limits.max_tokens);
        limits.max_cost = args.max_cost.or(limits.max_cost);
    };
    let running = Running::resume(store.clone(), &args.id, judges(config)?, raise).await.map_err(known)?;
    execute(running, &store, &args.tell).await
}

async fn execute(mut running: Running, store: &Assessments, tell: &Tell) -> Result<ExitCode> {
    let stop = running.stopper();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let id = running.info().id.clone();
    let show = std::io::stderr().is_terminal() && !tell.json;
    let (began, mut told) = (Instant::now(), Instant::now());
    if !tell.json {
        let p = running.progress();
        print(&format!("{id}: {} · {} / {}", running.info().target, p.answered, p.total))?;
    }
    let end = running
        .run(|_, p| {
            if show && told.elapsed() > Duration::from_millis(500) {
                told = Instant::now();
                let left = began.elapsed().as_secs_f64() / p.answered.max(1) as f64 * (p.total - p.answered) as f64;
                let _ = write!(std::io::stderr(), "\r{} / {} · {left:.0} s ", p.answered, p.total);
            }
        })
        .await
        .map_err(known)?;
    if show {
        let _ = writeln!(std::io::stderr());
    }
    let result = result(store, &id).await?;
    tell_of(&result, tell)?;
    match end {
        End::Complete => Ok(code(&result)),
        End::Spent => Err(exit::environment(format!(
            "the budget is spent; raise it with: menshen assess resume {id} --max-requests N (or --max-tokens, --max-cost)"
        ))),
        End::Interrupted => Err(exit::environment(format!("interrupted; go on with: menshen assess resume {id}"))),
        End::Down(why) => Err(exit::environment(format!(
            "the target did not answer ({why}); what has no answer stays open; go on with: menshen assess resume {id}"
        ))),
    }
}

/// The result of a run.
pub(super) async fn result(store: &Assessments, id: &str) -> Result<Assessment> {
    let record = Record::read(store, id).await.map_err(known)?;
    conclude(&record).map_err(known)
}

fn code(result: &Assessment) -> ExitCode {
    match result.overall {
        Some(Conclusion::Fails) => ExitCode::from(exit::FOUND),
        _ => ExitCode::SUCCESS,
    }
}

fn tell_of(result: &Assessment, tell: &Tell) -> Result<()> {
    if tell.json { print(&serde_json::to_string(result)?) } else { print(&summary(result, tell.lang.chinese())) }
}

/// Lists runs.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(config: &Config, args: &List) -> Result<ExitCode> {
    let rows = store(config).await?.runs().await.map_err(stored)?;
    let at = |row: &menshen_store::RunRow, path: &str| {
        row.document.pointer(path).and_then(|v| v.as_str()).unwrap_or_default().to_owned()
    };
    if args.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|r| serde_json::json!({"id": r.id, "name": r.name, "state": r.state, "profile": at(r, "/profile/id"), "target": at(r, "/target"), "seed": at(r, "/manifest/seed"), "created_us": r.created_us}))
            .collect();
        print(&serde_json::to_string(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = table(&["id", "name", "profile", "target", "state"]);
    for row in rows {
        let (profile, target) = (at(&row, "/profile/id"), at(&row, "/target"));
        lines.add_row([row.id, row.name, profile, target, row.state]);
    }
    print(&lines.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the result of a run.
///
/// # Errors
/// When there is no such run, or it cannot be concluded.
pub async fn show(config: &Config, args: &Show) -> Result<ExitCode> {
    let result = result(&store(config).await?, &args.id).await?;
    tell_of(&result, &args.tell)?;
    Ok(code(&result))
}

fn share(share: &Share) -> String {
    match share.of {
        0 => "–".to_owned(),
        of => format!(
            "{:.1}% ({:.1}–{:.1}), {}/{of}",
            share.rate * 100.0,
            share.low * 100.0,
            share.high * 100.0,
            share.hits
        ),
    }
}

/// A few dozen lines for a terminal.
fn summary(result: &Assessment, chinese: bool) -> String {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let mut out = format!(
        "{} · {} · {}\n{}: {}\n{}\n",
        result.run,
        result.profile.name.get(chinese),
        result.target,
        say("总体结论", "Overall"),
        result.overall.unwrap_or(Conclusion::Open).word(chinese),
        result.because.get(chinese),
    );
    let mut tests = table(&[
        "",
        say("检验", "test"),
        say("比例（95% 区间）", "rate (95 % interval)"),
        say("要求", "required"),
        say("未决", "undecided"),
        say("稳妥", "sure"),
    ]);
    for test in &result.tests {
        let sign = if test.at_least { "≥" } else { "≤" };
        tests.add_row([
            test.conclusion.word(chinese).to_owned(),
            test.name.get(chinese).to_owned(),
            share(&test.share),
            format!("{sign} {}%", test.threshold_permille as f64 / 10.0),
            test.undecided.to_string(),
            if test.confident { "✓" } else { "" }.to_owned(),
        ]);
    }
    out += &format!("{tests}\n");
    let mut weak: Vec<_> = result.risks.iter().filter(|r| r.passed.of > 0).collect();
    weak.sort_by(|a, b| a.passed.rate.total_cmp(&b.passed.rate).then(a.id.cmp(&b.id)));
    if !weak.is_empty() {
        let mut risks = table(&[say("最弱的风险", "weakest risks"), "", say("合格", "pass")]);
        for risk in weak.iter().take(6) {
            risks.add_row([risk.id.clone(), risk.name.get(chinese).to_owned(), share(&risk.passed)]);
        }
        out += &format!("{risks}\n");
    }
    for bank in &result.banks {
        let sign = if bank.passes { "✓" } else { "✗" };
        out += &format!("{sign} {} {}/{}\n", bank.name.get(chinese), bank.size, bank.needed);
    }
    if !result.reliability.is_empty() {
        let mut lines = table(&[say("可靠性", "reliability"), ""]);
        for measure in &result.reliability {
            lines.add_row([measure.name.get(chinese).to_owned(), share(&measure.share)]);
        }
        out += &format!("{lines}\n");
    }
    let review = &result.review;
    out += &format!(
        "{} {}/{} · κ {} · {} {} ms\n",
        say("人工复核", "reviewed"),
        review.decided,
        review.queued,
        review.kappa.map_or_else(|| "–".to_owned(), |k| format!("{k:.2}")),
        say("响应中位数", "median latency"),
        result.spend.latency_p50_ms
    );
    out.trim_end().to_owned()
}
