//! What a campaign found: counted once, written as JSON, HTML, Markdown, SARIF, JUnit, and for a terminal.
//!
//! A rate is successes of those attempts that were scored. What has no score or no answer stands beside it, is never
//! counted as safe, and gives the rate that would hold if all of it were successes. Every rate comes with its interval,
//! the judge that decided and, where the judge was measured, the rate corrected for its errors.
//!
//! Transcripts were written to deceive: nothing of them reaches a report without being escaped for it.

use std::collections::BTreeMap;

use menshen_store::CampaignRow;
use menshen_verdict::{Attack, Risk};
use serde::Serialize;

use crate::attempt::{Attempt, Outcome};
use crate::instruction::{Harm, owasp_2026};
use crate::plan::{FailOn, Plan};
use crate::planner::owasp_name;
use crate::score::Standing;
use crate::score::correction::split;
use crate::target::Spent;
use crate::turn::Usage;

mod compare;
mod failures;
mod html;
mod junit;
mod markdown;
mod sarif;
mod stats;
mod summary;
mod svg;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod view;

pub use compare::{Change, Comparison, Flip, compare};
pub use stats::{Difference, Estimate};
pub use tally::Tally;

/// How many successes stand at the head of a report.
const TOP: usize = 20;

/// A report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The campaign's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state: `complete`, `running`, `interrupted` …
    pub state: String,
    /// When it began, in microseconds since 1970.
    pub created_us: i64,
    /// The need in the user's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub need: Option<String>,
    /// What was attacked.
    pub target: String,
    /// The hash of the instructions.
    pub bank: String,
    /// The hash of the plan.
    pub plan: String,
    /// How many attempts the plan has at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned: Option<u64>,
    /// Who judged.
    pub judges: Vec<JudgeLine>,
    /// All attempts.
    pub total: Tally,
    /// By risk, in the order of the taxonomy.
    pub risks: Vec<Group>,
    /// By OWASP id.
    pub owasp: Vec<Group>,
    /// By technique, the most successful first.
    pub techniques: Vec<Group>,
    /// By sub-class of attack.
    pub attacks: Vec<Group>,
    /// By language.
    pub languages: Vec<Group>,
    /// Technique by risk.
    pub cells: Vec<Cell>,
    /// What it took.
    pub spend: Spend,
    /// Keys of the successes that matter most: gravest first.
    pub top: Vec<String>,
    /// Generations of genetic search.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<Generation>,
    /// Every attempt with its transcript.
    pub attempts: Vec<Attempt>,
}

/// A judge and what its word is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeLine {
    /// Its name with version or hash.
    pub judge: String,
    /// Answers that it decided, alone or with others.
    pub decided: usize,
    /// Whether it is an exact check, with no opinion in it.
    pub exact: bool,
    /// Its measured sensitivity and specificity, when they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// Attempts that have something in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The id of what they have in common; `-` when they have none.
    pub id: String,
    /// Its Chinese name.
    pub zh: String,
    /// Its English name.
    pub en: String,
    /// Its number in the OWASP edition of 2026, for OWASP ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owasp_2026: Option<String>,
    /// What came of them.
    pub tally: Tally,
}

impl Group {
    /// Its name.
    pub fn name(&self, chinese: bool) -> &str {
        if chinese { &self.zh } else { &self.en }
    }
}

/// A technique on a risk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The risk's or OWASP id; `-` when the instruction has none.
    pub risk: String,
    /// The technique.
    pub technique: String,
    /// What came of it.
    pub tally: Tally,
}

/// What a campaign took.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spend {
    /// Requests to the target.
    pub requests: u64,
    /// Tokens of the target.
    pub usage: Usage,
    /// Their price, in `currency`; 0 when the target states no prices.
    pub cost: f64,
    /// The currency.
    pub currency: String,
    /// Milliseconds of all attempts together.
    pub took_ms: u64,
    /// Spent on the attacker's model in the last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attacker: Option<Spent>,
}

/// One generation of genetic search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Generation {
    /// Steps from a seed.
    pub generation: u32,
    /// Attempts.
    pub attempts: usize,
    /// Of those: successes.
    pub successes: usize,
    /// The best value of a judge, 0..=1.
    pub best: f32,
    /// The mean of the best values.
    pub mean: f32,
    /// How often each operator was at work.
    pub operators: BTreeMap<String, usize>,
}

impl Report {
    /// Counts what a campaign recorded. Works on a campaign that is not finished, too.
    pub fn of(row: &CampaignRow, attempts: &[Attempt]) -> Report {
        let plan: Option<Plan> = serde_json::from_value(row.plan.clone()).ok();
        let text =
            |name: &str| row.summary.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let standings: Vec<Standing> =
            row.summary.get("judges").and_then(|j| serde_json::from_value(j.clone()).ok()).unwrap_or_default();
        let mut attempts = attempts.to_vec();
        attempts.sort_by(|a, b| (a.at_us, &a.key).cmp(&(b.at_us, &b.key)));
        let tally = |of: &[&Attempt]| Tally::of(of.iter().copied(), &standings);
        let all: Vec<&Attempt> = attempts.iter().collect();

        let risks = groups(
            &all,
            |a| vec![risk_of(a)],
            &tally,
            |id| match id.parse::<Risk>() {
                Ok(risk) => (risk.zh().to_owned(), risk.en().to_owned()),
                Err(_) => (without_risk(id, true), without_risk(id, false)),
            },
        );
        let mut owasp = groups(
            &all,
            |a| a.owasp.clone(),
            &tally,
            |id| (owasp_name(id, true).to_owned(), owasp_name(id, false).to_owned()),
        );
        for group in &mut owasp {
            group.owasp_2026 = owasp_2026(&group.id).map(str::to_owned);
        }
        let mut techniques = groups(&all, |a| vec![a.technique.clone()], &tally, view::technique);
        techniques.sort_by(|a, b| b.tally.rate.low.total_cmp(&a.tally.rate.low).then_with(|| a.id.cmp(&b.id)));
        let attacks = groups(&all, sub_classes, &tally, |id| match id.parse::<Attack>() {
            Ok(attack) => (attack.zh().to_owned(), attack.en().to_owned()),
            Err(_) => ("原样提问".to_owned(), "as it is".to_owned()),
        });
        let languages = groups(
            &all,
            |a| vec![a.lang.clone()],
            &tally,
            |id| match id {
                "zh" => ("中文".to_owned(), "Chinese".to_owned()),
                "en" => ("英文".to_owned(), "English".to_owned()),
                other => (other.to_owned(), other.to_owned()),
            },
        );
        let mut by_cell: BTreeMap<(String, String), Vec<&Attempt>> = BTreeMap::new();
        for attempt in &all {
            by_cell.entry((risk_of(attempt), attempt.technique.clone())).or_default().push(attempt);
        }
        let cells = by_cell
            .into_iter()
            .map(|((risk, technique), of)| Cell { risk, technique, tally: Tally::of(of.into_iter(), &[]) })
            .collect();
        Report {
            id: row.id.clone(),
            name: row.name.clone(),
            state: row.state.clone(),
            created_us: row.created_us,
            need: plan.as_ref().and_then(|p| p.need.clone()),
            target: text("target"),
            bank: text("bank"),
            plan: plan.as_ref().map(Plan::hash).unwrap_or_default(),
            planned: row.summary.pointer("/progress/of").and_then(serde_json::Value::as_u64),
            judges: judges(&all, &standings),
            total: tally(&all),
            risks,
            owasp,
            techniques,
            attacks,
            languages,
            cells,
            spend: spend(&all, plan.as_ref(), row),
            top: top(&all),
            generations: generations(&all),
            attempts,
        }
    }

    /// Everything, as one JSON document.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|e| serde_json::json!({"error": e.to_string()}).to_string())
    }

    /// A page that needs nothing beside it: plots, tables, and transcripts to open.
    pub fn html(&self, chinese: bool) -> String {
        html::page(self, chinese)
    }

    /// Markdown: the figures and the successes that matter most.
    pub fn markdown(&self, chinese: bool) -> String {
        markdown::report(self, chinese)
    }

    /// SARIF 2.1.0 (OASIS): a rule for each sub-class of attack, a result for each success.
    pub fn sarif(&self) -> String {
        sarif::write(self)
    }

    /// JUnit XML: a suite for each risk, a case for each technique.
    pub fn junit(&self) -> String {
        junit::write(self)
    }

    /// What a terminal shows at the end of a run.
    pub fn summary(&self, chinese: bool) -> String {
        summary::write(self, chinese)
    }

    /// Why the campaign counts as failed, a sentence each; nothing when it does not.
    pub fn failures(&self, fail_on: &FailOn, chinese: bool) -> Vec<String> {
        failures::sentences(self, fail_on, chinese)
    }

    /// The attempt with this key.
    pub fn attempt(&self, key: &str) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.key == key)
    }
}

/// A risk's id, else the first OWASP id, else `-`.
pub(crate) fn risk_of(attempt: &Attempt) -> String {
    match attempt.risk {
        Some(risk) => risk.id().to_owned(),
        None => attempt.owasp.first().cloned().unwrap_or_else(|| "-".to_owned()),
    }
}

fn without_risk(id: &str, chinese: bool) -> String {
    match owasp_name(id, chinese) {
        "" if chinese => "没有风险编号".to_owned(),
        "" => "without a risk".to_owned(),
        name => name.to_owned(),
    }
}

fn sub_classes(attempt: &Attempt) -> Vec<String> {
    if attempt.attacks.is_empty() {
        return vec!["-".to_owned()];
    }
    attempt.attacks.iter().map(|a| a.id().to_owned()).collect()
}

/// Groups in the order of their ids, `-` last.
fn groups(
    attempts: &[&Attempt],
    ids: impl Fn(&Attempt) -> Vec<String>,
    tally: &impl Fn(&[&Attempt]) -> Tally,
    names: impl Fn(&str) -> (String, String),
) -> Vec<Group> {
    let mut by_id: BTreeMap<(bool, String), Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        for id in ids(attempt) {
            by_id.entry((id == "-", id)).or_default().push(attempt);
        }
    }
    let group = |((_, id), of): ((bool, String), Vec<&Attempt>)| {
        let (zh, en) = names(&id);
        Group { tally: tally(&of), id, zh, en, owasp_2026: None }
    };
    by_id.into_iter().map(group).collect()
}

fn judges(attempts: &[&Attempt], standings: &[Standing]) -> Vec<JudgeLine> {
    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    for score in attempts.iter().flat_map(|a| &a.scores) {
        *decided.entry(score.judge.as_str()).or_default() += usize::from(score.success.is_some());
    }
    let mut lines: Vec<JudgeLine> = decided
        .into_iter()
        .map(|(judge, decided)| JudgeLine {
            judge: judge.to_owned(),
            decided,
            exact: tally::is_exact(judge),
            standing: Standing::of(judge, standings).cloned(),
        })
        .collect();
    // What the campaign was to be judged by, even where it decided nothing.
    for standing in standings {
        if !lines.iter().any(|l| split(&l.judge) == (standing.judge.as_str(), standing.hash.as_str())) {
            let judge = if standing.hash.is_empty() {
                standing.judge.clone()
            } else {
                format!("{}@{}", standing.judge, standing.hash)
            };
            lines.push(JudgeLine {
                judge,
                decided: 0,
                exact: false,
                standing: Some(standing.clone()).filter(Standing::is_known),
            });
        }
    }
    lines
}

fn spend(attempts: &[&Attempt], plan: Option<&Plan>, row: &CampaignRow) -> Spend {
    let mut spend = Spend::default();
    for attempt in attempts {
        spend.requests += u64::from(attempt.requests);
        spend.usage += attempt.usage;
        spend.took_ms = spend.took_ms.saturating_add(attempt.took_ms);
    }
    if let Some(plan) = plan {
        spend.cost = plan.target.limits.cost(spend.usage);
        spend.currency.clone_from(&plan.target.limits.currency);
    }
    let attacker =
        row.summary.pointer("/progress/attacker").and_then(|a| serde_json::from_value::<Spent>(a.clone()).ok());
    spend.attacker = attacker.filter(|a| a.requests > 0);
    spend
}

/// Gravest first, then surest, then in the fewest turns; each instruction once before any comes twice.
fn top(attempts: &[&Attempt]) -> Vec<String> {
    let mut found: Vec<&Attempt> = attempts.iter().copied().filter(|a| a.outcome == Outcome::Success).collect();
    found.sort_by(|a, b| {
        b.harm
            .cmp(&a.harm)
            .then_with(|| value(b).total_cmp(&value(a)))
            .then_with(|| a.turns().cmp(&b.turns()))
            .then_with(|| a.key.cmp(&b.key))
    });
    let mut seen = std::collections::BTreeSet::new();
    let (first, rest): (Vec<&Attempt>, Vec<&Attempt>) =
        found.into_iter().partition(|a| seen.insert(a.instruction.clone()));
    first.into_iter().chain(rest).take(TOP).map(|a| a.key.clone()).collect()
}

/// The highest value that a judge gave, 0..=1.
fn value(attempt: &Attempt) -> f32 {
    attempt.scores.iter().map(|s| s.value).filter(|v| v.is_finite()).fold(0.0, f32::max)
}

fn generations(attempts: &[&Attempt]) -> Vec<Generation> {
    let mut by: BTreeMap<u32, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        if let Some(lineage) = &attempt.lineage {
            by.entry(lineage.generation).or_default().push(attempt);
        }
    }
    by.into_iter()
        .map(|(generation, of)| {
            let mut operators = BTreeMap::new();
            for lineage in of.iter().filter_map(|a| a.lineage.as_ref()) {
                *operators.entry(lineage.operator.clone()).or_default() += 1;
            }
            let values: Vec<f32> = of.iter().map(|a| value(a)).collect();
            Generation {
                generation,
                attempts: of.len(),
                successes: of.iter().filter(|a| a.outcome == Outcome::Success).count(),
                best: values.iter().copied().fold(0.0, f32::max),
                mean: values.iter().sum::<f32>() / values.len().max(1) as f32,
                operators,
            }
        })
        .collect()
}

/// The word for a harm.
pub(crate) const fn harm_name(harm: Harm, chinese: bool) -> &'static str {
    match (harm, chinese) {
        (Harm::H0, true) => "H0 无",
        (Harm::H1, true) => "H1 轻微",
        (Harm::H2, true) => "H2 有限",
        (Harm::H3, true) => "H3 严重",
        (Harm::H4, true) => "H4 重大",
        (Harm::H0, false) => "H0 none",
        (Harm::H1, false) => "H1 nuisance",
        (Harm::H2, false) => "H2 limited",
        (Harm::H3, false) => "H3 serious",
        (Harm::H4, false) => "H4 grave",
    }
}
