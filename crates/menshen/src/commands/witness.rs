//! What assessments and the red team can show for the controls of the register.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use menshen_assess::conclude::{Record, conclude};
use menshen_assess::result::Conclusion;
use menshen_gateway::{Config, Testimony, Witness};
use menshen_policy::governance::Words;
use menshen_store::{Assessments, Campaigns};

use crate::exit;

/// So many of the latest runs are looked at.
const RUNS: usize = 5;
/// Concluding a run reads all of its answers: what was found stands for so long.
const FRESH: Duration = Duration::from_secs(60);

/// Somebody who knows the rooms beside the gateway.
struct Rooms {
    assessments: Assessments,
    campaigns: Campaigns,
    found: tokio::sync::Mutex<Option<(Instant, Vec<Testimony>)>>,
}

/// Opens the rooms' stores.
///
/// # Errors
/// When they cannot be opened.
pub async fn open(config: &Config) -> Result<Arc<dyn Witness>> {
    let failed = |e: menshen_store::Error| exit::environment(e.to_string());
    Ok(Arc::new(Rooms {
        assessments: Assessments::open(&config.data_dir).await.map_err(failed)?,
        campaigns: Campaigns::open(&config.data_dir).await.map_err(failed)?,
        found: tokio::sync::Mutex::default(),
    }))
}

fn words(zh: impl Into<String>, en: impl Into<String>) -> Words {
    Words { zh: zh.into(), en: en.into() }
}

fn missing(check: &'static str, met: Option<bool>, zh: &str, en: &str) -> Testimony {
    Testimony { check, met, at_us: None, says: words(zh, en), page: None }
}

impl Rooms {
    async fn assessment(&self) -> Testimony {
        const CHECK: &str = "assessment.passed";
        let unreadable = |what: &dyn std::fmt::Display| {
            tracing::warn!(error = %what, "an assessment cannot be read for the register");
            missing(CHECK, None, "评估记录读不出来，请看日志", "the assessments cannot be read; see the log")
        };
        let mut runs = match self.assessments.runs().await {
            Ok(runs) => runs,
            Err(error) => return unreadable(&error),
        };
        runs.sort_by_key(|run| std::cmp::Reverse(run.created_us));
        // The latest run that is complete decides, whatever came out before.
        for run in runs.iter().take(RUNS) {
            let record = match Record::read(&self.assessments, &run.id).await {
                Ok(record) => record,
                Err(error) => return unreadable(&error),
            };
            let concluded = tokio::task::spawn_blocking(move || conclude(&record)).await;
            let result = match concluded {
                Ok(Ok(result)) => result,
                Ok(Err(error)) => return unreadable(&error),
                Err(error) => return unreadable(&error),
            };
            if result.state != "complete" {
                continue;
            }
            let met = result.overall == Some(Conclusion::Conforms);
            let at_us = result.ended.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond());
            let (zh, en) =
                if met { ("符合", "conforms") } else { ("不符合或未定", "does not conform, or is open") };
            let says = words(
                format!("{}（{}，对象 {}）：{zh}", result.profile.name.zh, result.run, result.target),
                format!("{} ({}, of {}): {en}", result.profile.name.en, result.run, result.target),
            );
            return Testimony { check: CHECK, met: Some(met), at_us, says, page: Some(format!("/assess/{}", run.id)) };
        }
        missing(CHECK, Some(false), "没有已完成的安全评估", "no assessment is complete")
    }

    async fn redteam(&self) -> Testimony {
        const CHECK: &str = "redteam.recent";
        let campaigns = match self.campaigns.campaigns().await {
            Ok(campaigns) => campaigns,
            Err(error) => {
                tracing::warn!(%error, "the campaigns cannot be read for the register");
                return missing(CHECK, None, "红队记录读不出来，请看日志", "the campaigns cannot be read; see the log");
            }
        };
        let last = campaigns.into_iter().filter(|c| c.state == "complete").max_by_key(|c| c.created_us);
        let Some(last) = last else {
            return missing(CHECK, Some(false), "没有完成过红队测试", "no campaign of the red team is complete");
        };
        let says = words(format!("“{}”已完成", last.name), format!("\"{}\" is complete", last.name));
        let page = Some(format!("/redteam/{}", last.id));
        Testimony { check: CHECK, met: Some(true), at_us: Some(last.created_us), says, page }
    }
}

impl Witness for Rooms {
    fn testify(&self) -> Pin<Box<dyn Future<Output = Vec<Testimony>> + Send + '_>> {
        Box::pin(async move {
            // Whoever comes meanwhile waits for the same answer.
            let mut found = self.found.lock().await;
            if let Some((at, said)) = found.as_ref()
                && at.elapsed() < FRESH
            {
                return said.clone();
            }
            let said = vec![self.assessment().await, self.redteam().await];
            *found = Some((Instant::now(), said.clone()));
            said
        })
    }
}
