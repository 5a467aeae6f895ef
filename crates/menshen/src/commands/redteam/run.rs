//! `menshen redteam run` and `resume`: a campaign from its confirmation to its exit code.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_redteam::campaign::{Campaign, End};
use menshen_redteam::instruction::Bank;
use menshen_redteam::plan::Plan;
use menshen_redteam::planner;
use menshen_store::Campaigns;

use super::super::print;
use super::plan::{Helper, plan_for};
use super::report::{form_of, report_of, write_as};
use super::scorer::scorer;
use super::{Lang, TargetFlags, known, read, store, stored, write};
use crate::exit;

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

/// Go on.
#[derive(Args)]
pub struct Resume {
    /// The campaign, by the beginning of its id
    id: String,
    #[command(flatten)]
    tell: Tell,
}

/// Begins a campaign, once its plan is confirmed.
///
/// # Errors
/// When there is no plan, or the campaign does not come to its end.
pub async fn begin(config: &Config, args: Run) -> Result<ExitCode> {
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

/// Goes on with a campaign.
///
/// # Errors
/// When there is no such campaign, and as [`begin`].
pub async fn resume(config: &Config, args: &Resume) -> Result<ExitCode> {
    let bank = Arc::new(Bank::shipped()?);
    let store = store(config).await?;
    let plan: Plan = serde_json::from_value(store.campaign(&args.id).await.map_err(stored)?.plan)?;
    let scorer = scorer(config, &plan)?;
    let campaign = Campaign::resume(&args.id, bank, scorer, store.clone()).await.map_err(known)?;
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
    let failures = report.failures(&campaign.plan().fail_on, tell.lang.chinese());
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
