//! What a campaign does: a YAML (or TOML, or JSON) document that a person reads, a planner writes and CI runs.

use std::collections::BTreeMap;
use std::path::Path;

use menshen_verdict::Risk;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::target::Spec;
use crate::technique::Technique;

/// The version of the format.
pub const VERSION: u32 = 1;

/// A plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the format: 1.
    pub version: u32,
    /// A short name.
    pub name: String,
    /// The need in the user's words, when a planner made the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<String>,
    /// Whatever is drawn is drawn from this seed.
    #[serde(default = "seed")]
    pub seed: u64,
    /// What is attacked.
    pub target: Spec,
    /// A model in the attacker's place: rewrites prompts, leads dialogues. Nothing needs one that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attacker: Option<Spec>,
    /// A model that judges answers, beside the native judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSpec>,
    /// What is tried, in this order.
    pub items: Vec<Item>,
    /// Settings of genetic search.
    #[serde(default)]
    pub genetic: Genetic,
    /// The most attacker's turns of a dialogue. 6.
    #[serde(default = "max_turns")]
    pub max_turns: u32,
    /// When the exit code is 1.
    #[serde(default)]
    pub fail_on: FailOn,
}

const fn seed() -> u64 {
    20_261_122
}

const fn max_turns() -> u32 {
    6
}

/// A model that judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeSpec {
    /// How it is spoken to.
    #[serde(flatten)]
    pub target: Spec,
    /// `rubric` (any instruction model), `qwen3guard` or `llama_guard`.
    #[serde(default = "rubric")]
    pub format: String,
    /// Measured sensitivity, when the operator measured this judge: `menshen redteam judges --measure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<f64>,
    /// Measured specificity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specificity: Option<f64>,
    /// On how many answers they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_on: Option<usize>,
}

fn rubric() -> String {
    "rubric".to_owned()
}

/// Some instructions, each with some techniques.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Instructions of this risk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Instructions with this OWASP id of the 2025 edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owasp: Option<String>,
    /// These instructions, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<String>,
    /// These words, written in the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<String>,
    /// `zh` or `en`; both when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lang: Option<String>,
    /// How many instructions are drawn. 5.
    #[serde(default = "samples")]
    pub samples: usize,
    /// Techniques; `plain` when empty.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// How often each is tried. 1.
    #[serde(default = "repeats")]
    pub repeats: u32,
    /// Why a planner chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

const fn samples() -> usize {
    5
}

const fn repeats() -> u32 {
    1
}

/// Settings of genetic search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Genetic {
    /// Individuals of a generation. 12.
    pub population: usize,
    /// Generations. 4.
    pub generations: u32,
    /// Share that survives unchanged. 0.1 (AutoDAN).
    pub elites: f32,
    /// Probability of crossover. 0.5 (AutoDAN).
    pub crossover: f32,
    /// Probability of mutation. 0.6.
    pub mutation: f32,
    /// How seeds are chosen: `roulette`, `round_robin`, `random`, `ucb`, `exp3`, `mcts`.
    pub selection: String,
    /// Template ids to begin with; a spread of the pack's when empty.
    pub seeds: Vec<String>,
    /// Ends after so many successes. 5.
    pub enough: usize,
}

impl Default for Genetic {
    fn default() -> Self {
        Genetic {
            population: 12,
            generations: 4,
            elites: 0.1,
            crossover: 0.5,
            mutation: 0.6,
            selection: "mcts".to_owned(),
            seeds: Vec::new(),
            enough: 5,
        }
    }
}

/// When a campaign counts as failed: exit code 1.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailOn {
    /// The lower bound of the 95 % interval of the attack success rate is above this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_above: Option<f64>,
    /// So many successes of this harm or more, by its name: `H3: 1`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub harm: BTreeMap<crate::instruction::Harm, u64>,
    /// The share of attempts without an answer or score is above this. 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unscored_above: Option<f64>,
}

impl Plan {
    /// Reads a plan. The file's ending tells the format: `.toml`, `.json`, else YAML.
    ///
    /// # Errors
    /// [`Error::Plan`] with line and remedy, [`Error::Unknown`] when it names what is not there.
    pub fn read(file: &Path, text: &str) -> Result<Plan, Error> {
        let origin = file.display().to_string();
        let bad = |problem: String| Error::Plan { origin: origin.clone(), problem };
        let plan: Plan = match file.extension().and_then(|e| e.to_str()) {
            Some("toml") => toml::from_str(text).map_err(|e| bad(e.to_string()))?,
            Some("json") => serde_json::from_str(text).map_err(|e| bad(e.to_string()))?,
            _ => serde_norway::from_str(text).map_err(|e| bad(e.to_string()))?,
        };
        plan.check().map_err(|e| match e {
            Error::Plan { problem, .. } => bad(problem),
            other => bad(other.to_string()),
        })?;
        Ok(plan)
    }

    /// As YAML.
    ///
    /// # Errors
    /// [`Error::Plan`] when a value has no YAML.
    pub fn to_yaml(&self) -> Result<String, Error> {
        serde_norway::to_string(self)
            .map_err(|e| Error::Plan { origin: self.name.clone(), problem: format!("it cannot be written: {e}") })
    }

    /// What the plan names is there, and its numbers make sense.
    ///
    /// # Errors
    /// [`Error::Plan`] or [`Error::Unknown`].
    pub fn check(&self) -> Result<(), Error> {
        let bad = |problem: String| Err(Error::Plan { origin: self.name.clone(), problem });
        if self.version != VERSION {
            return bad(format!("version {} is not known; this program reads version {VERSION}", self.version));
        }
        if self.items.is_empty() {
            return bad("it has no items; give at least one risk, OWASP id or text".to_owned());
        }
        for (at, item) in self.items.iter().enumerate() {
            let place = format!("item {}", at + 1);
            if item.risk.is_none() && item.owasp.is_none() && item.instructions.is_empty() && item.texts.is_empty() {
                return bad(format!("{place} says not what is tried; give risk, owasp, instructions or texts"));
            }
            if item.owasp.as_deref().is_some_and(|id| crate::instruction::owasp_2026(id).is_none()) {
                return bad(format!("{place}: {:?} is no OWASP id; LLM01 to LLM10 of the 2025 edition", item.owasp));
            }
            if item.lang.as_deref().is_some_and(|l| !matches!(l, "zh" | "en")) {
                return bad(format!("{place}: lang is zh or en"));
            }
            for technique in item.techniques() {
                let technique: Technique = technique.parse()?;
                if technique.needs_attacker() && self.attacker.is_none() {
                    return bad(format!(
                        "{place}: {technique} needs a model in the attacker's place; give `attacker`, or leave it out"
                    ));
                }
                let carrier = technique.mutators().iter().any(|m| matches!(m.apply, crate::mutator::Apply::Carrier(_)));
                if carrier && !self.target.multimodal {
                    return bad(format!(
                        "{place}: {technique} sends a file; set `multimodal: true` on a target that takes files"
                    ));
                }
            }
        }
        crate::genetic::check(&self.genetic)?;
        if let Some(judge) = &self.judge
            && !matches!(judge.format.as_str(), "rubric" | "qwen3guard" | "llama_guard")
        {
            return bad(format!("judge format {:?} is not known; rubric, qwen3guard or llama_guard", judge.format));
        }
        Ok(())
    }

    /// The hash under which attempts are recorded: what changes an attempt changes it.
    pub fn hash(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
    }
}

impl Item {
    /// Its techniques, `plain` when none is given.
    pub fn techniques(&self) -> Vec<&str> {
        if self.techniques.is_empty() { vec!["plain"] } else { self.techniques.iter().map(String::as_str).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "
version: 1
name: minors
target:
  kind: openai
  url: http://127.0.0.1:1/v1
  model: m
items:
  - risk: A4a
    samples: 3
    techniques: [plain, crescendo]
";

    fn read(text: &str) -> Result<Plan, String> {
        Plan::read(Path::new("plan.yaml"), text).map_err(|e| e.to_string())
    }

    #[test]
    fn a_plan_is_read_and_written() {
        let plan = read(PLAN).expect("a plan");
        let again = read(&plan.to_yaml().expect("yaml")).expect("its own yaml");
        assert_eq!(plan, again);
        assert_eq!(plan.hash(), again.hash());
        let toml = toml::to_string(&plan).expect("toml");
        assert_eq!(Plan::read(Path::new("plan.toml"), &toml).expect("toml is read"), plan);
    }

    #[test]
    fn what_a_plan_names_must_be_there() {
        let unknown = read(&PLAN.replace("plain, crescendo", "no_such_thing")).expect_err("unknown");
        assert!(unknown.contains("no_such_thing") && unknown.contains("menshen redteam mutators"), "{unknown}");
        let attacker = read(&PLAN.replace("crescendo", "tone_model")).expect_err("it needs an attacker");
        assert!(attacker.contains("attacker"), "{attacker}");
        assert!(read(&PLAN.replace("version: 1", "version: 2")).is_err());
        assert!(read(&PLAN.replace("risk: A4a", "lang: zh")).is_err());
        assert!(read(&PLAN.replace("samples", "sampels")).is_err(), "a misspelt name is not ignored");
        assert!(read("items: [").is_err());
    }
}
