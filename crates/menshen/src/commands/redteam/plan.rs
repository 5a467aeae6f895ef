//! `menshen redteam plan`: from a need in plain words to a plan.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_redteam::instruction::Bank;
use menshen_redteam::plan::Plan;
use menshen_redteam::planner;
use menshen_redteam::target::{Spec, Target};

use super::super::print;
use super::target::{Family, spec_of};
use super::{Lang, TargetFlags, known, store, stored, write};
use crate::exit;

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
    /// The model that attacks.
    pub(super) fn attacker(&self) -> Option<Spec> {
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

/// Makes a plan, or shows that of a campaign.
///
/// # Errors
/// When there is neither a need nor a campaign, or no plan can be made.
pub async fn run(config: &Config, args: PlanOf) -> Result<ExitCode> {
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

/// The plan for a need: by a model where one is stated, else by rules.
pub(super) async fn plan_for(need: &str, target: Spec, helper: &Helper, bank: &Bank) -> Result<Plan> {
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
