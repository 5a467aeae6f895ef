//! Who judges what a target answers: the gateway's own model, the plan's judge, and sinks that execute.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use menshen_gateway::Config;
use menshen_judge::Judge;
use menshen_judge::cascade::{Cascade, Options};
use menshen_judge::pack::ModelPack;
use menshen_redteam::plan::Plan;
use menshen_redteam::score::{Scorer, Sinks, Standing};
use menshen_redteam::sink::Settings;
use menshen_redteam::sink::collector::Collector;
use menshen_redteam::target::Target;

use super::known;
use crate::exit;

/// The model that the gateway would use.
fn model(config: &Config) -> Result<ModelPack> {
    let read = match &config.guard.judge.model {
        Some(folder) => ModelPack::load(Path::new(folder)),
        None => return menshen_judge::shipped::model().map_err(|e| exit::environment(e.to_string())),
    };
    read.map_err(|e| exit::environment(e.to_string()))
}

/// How many of the 31 risks the model can call: those with a threshold that a score can reach.
pub(crate) fn risks_called(config: &Config) -> Result<usize> {
    Ok(model(config)?.manifest.thresholds.risks.iter().filter(|from| **from < 1.0).count())
}

/// The model that the gateway would use judges answers, too.
pub(crate) fn native(config: &Config) -> Result<Arc<dyn Judge>> {
    let pack = model(config)?;
    // Offline, an answer may take its time.
    let options = Options { budget: Duration::from_secs(2), encoder: true };
    Ok(Arc::new(Cascade::new(pack, options)))
}

/// Everything that judges the answers of a plan.
pub(super) fn scorer(config: &Config, plan: &Plan) -> Result<Scorer> {
    let remote = match &plan.judge {
        Some(judge) => Some((Target::open(judge.target.clone()).map_err(known)?, judge.format.clone())),
        None => None,
    };
    Ok(Scorer::new(Some(native(config)?), remote, standings(plan)).map_err(known)?.with_sinks(sinks()?))
}

/// What the operator measured of the plan's own judge.
pub(super) fn standings(plan: &Plan) -> Vec<Standing> {
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
    Ok(Sinks::new(collector, Settings::default()))
}
