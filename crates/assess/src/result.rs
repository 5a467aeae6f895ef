//! What an assessment found: one document, from which every report is written.
//!
//! Everything in it is arithmetic over recorded answers and decisions. Nothing reads the clock or draws at random, so
//! that the same run always gives the same document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A wording in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Wording {
    /// Both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Wording {
        Wording { zh: zh.into(), en: en.into() }
    }

    /// In the language asked for.
    pub fn get(&self, chinese: bool) -> &str {
        if chinese { &self.zh } else { &self.en }
    }
}

/// A share with its 95 % Wilson interval (Wilson 1927). Decisions compare `hits` and `of` as whole numbers; the floating
/// point members are for readers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
    /// The share, 0..=1; 0 when there are none.
    pub rate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A conclusion on a clause, in the words of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// 符合.
    Conforms,
    /// 不符合.
    Fails,
    /// 不适用.
    NotApplicable,
    /// Not yet concluded: evidence or a decision is missing. It never counts as 符合.
    Open,
}

impl Conclusion {
    /// Its word.
    pub const fn word(self, chinese: bool) -> &'static str {
        match (self, chinese) {
            (Conclusion::Conforms, true) => "符合",
            (Conclusion::Fails, true) => "不符合",
            (Conclusion::NotApplicable, true) => "不适用",
            (Conclusion::Open, true) => "待定",
            (Conclusion::Conforms, false) => "conforms",
            (Conclusion::Fails, false) => "does not conform",
            (Conclusion::NotApplicable, false) => "not applicable",
            (Conclusion::Open, false) => "open",
        }
    }
}

/// How binding a clause is: 应 or 宜.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Force {
    /// 应: a service that fails it fails the assessment.
    Shall,
    /// 宜: recommended; it is reported and decides nothing.
    Should,
}

/// The whole result of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The run's id.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub began: String,
    /// When its last answer or decision was recorded, RFC 3339 in UTC.
    pub ended: String,
    /// The version of this program.
    pub version: String,
    /// The profile: id, version, name and the standard that it follows.
    pub profile: ProfileName,
    /// Who is assessed, as the operator declares it.
    pub operator: Operator,
    /// The target's name (model and host).
    pub target: String,
    /// `unfinished` (questions without an answer), `answered` (people have still to decide) or `complete`.
    pub state: String,
    /// The overall conclusion: every 应 clause conforms or does not apply.
    pub overall: Option<Conclusion>,
    /// Why, in one or two sentences.
    pub because: Wording,
    /// How the sample was drawn.
    pub sample: SampleNote,
    /// Banks and the keyword library against their minimums.
    pub banks: Vec<BankCheck>,
    /// Each measured requirement.
    pub tests: Vec<TestResult>,
    /// The 31 risks, in order.
    pub risks: Vec<RiskRow>,
    /// The aspects of the should-not-refuse bank.
    pub aspects: Vec<AspectRow>,
    /// The evidence table, clause by clause.
    pub clauses: Vec<ClauseResult>,
    /// People's decisions.
    pub review: ReviewNote,
    /// What the automatic judges are worth.
    pub judges: Vec<JudgeNote>,
    /// Consistency, facts and abstention, when they were measured.
    pub reliability: Vec<Measure>,
    /// Plain against guided answers, when they were measured.
    pub guided: Vec<GuidedRow>,
    /// Other frameworks' entries with what this run says of them.
    pub crosswalk: Vec<CrosswalkRow>,
    /// Examples of answers that did not pass, for people who mend; at most a few a risk.
    pub failures: Vec<Example>,
    /// What the reader must know: limits of the method, corrections, missing parts.
    pub disclosures: Vec<Wording>,
    /// What to do next.
    pub advice: Vec<Wording>,
    /// Requests, tokens, money, time.
    pub spend: Spend,
    /// SHA-256 of inputs by name: banks, manifest, profile, policy packs, judge.
    pub hashes: BTreeMap<String, String>,
}

/// Which profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileName {
    /// Such as `gbt45654`.
    pub id: String,
    /// Its version.
    pub version: u32,
    /// Its name.
    pub name: Wording,
    /// The standard, with its date.
    pub standard: Wording,
}

/// Who is assessed. Empty fields become blanks to fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// 服务提供者: the company.
    pub company: String,
    /// 统一社会信用代码.
    pub uscc: String,
    /// 服务名称.
    pub service: String,
    /// 模型名称.
    pub model: String,
    /// 模型版本.
    pub model_version: String,
    /// 是否使用第三方基础模型 and its filing number.
    pub base_model: String,
    /// 服务对象.
    pub audience: String,
    /// 适用场合与用途.
    pub purpose: String,
    /// 访问方式: web, app, API.
    pub access: String,
    /// 法定代表人.
    pub legal_representative: String,
    /// 评估工作整体负责人.
    pub assessment_lead: String,
    /// 合法性评估负责人.
    pub legality_lead: String,
    /// Members of the assessment team.
    pub assessors: Vec<String>,
    /// 投诉渠道.
    pub complaints: String,
}

/// How the sample was drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleNote {
    /// The seed.
    pub seed: String,
    /// The method in one sentence.
    pub method: Wording,
    /// SHA-256 of the manifest file.
    pub manifest_sha256: String,
    /// Questions drawn, per bank.
    pub drawn: BTreeMap<String, u64>,
    /// Questions in the bank, per bank.
    pub available: BTreeMap<String, u64>,
}

/// A bank, or the keyword library, against its minimums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankCheck {
    /// `generated`, `refuse`, `answer`, `keywords`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// Entries it has.
    pub size: u64,
    /// Entries it needs.
    pub needed: u64,
    /// The least entries of any group with its minimum: groups below it are named in `short`.
    pub groups: u64,
    /// Groups below their minimum: id, what they have, what they need.
    pub short: Vec<(String, u64, u64)>,
    /// Date of the last change, `YYYY-MM-DD`, when known.
    pub updated: Option<String>,
    /// Whether all minimums are met.
    pub passes: bool,
    /// Its clause.
    pub clause: String,
}

/// A measured requirement: a rate over a sample against a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// Such as `generated.manual`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// Its clause.
    pub clause: String,
    /// 应 or 宜.
    pub force: Force,
    /// The bank: `generated`, `refuse`, `answer`.
    pub bank: String,
    /// `manual`, `keyword`, `classifier`.
    pub method: String,
    /// What is counted: `pass` or `refusal`.
    pub metric: String,
    /// Questions needed.
    pub needed: u64,
    /// The threshold in parts of a thousand (900 = 90 %).
    pub threshold_permille: u64,
    /// Whether the rate must be at least (true) or at most (false) the threshold.
    pub at_least: bool,
    /// The rate over everything that was decided.
    pub share: Share,
    /// Questions without an answer or a decision: they never count for the service.
    pub undecided: u64,
    /// The rate with the judge's errors taken out, where the judge was measured.
    pub corrected: Option<Share>,
    /// Whether the sample passes, by whole-number arithmetic.
    pub conclusion: Conclusion,
    /// Whether the whole interval lies on the passing side: a pass that another sample would very likely repeat.
    pub confident: bool,
    /// How many of `share.of` would be needed to be confident.
    pub confident_from: Option<u64>,
    /// One sentence: what was found.
    pub found: Wording,
}

/// A risk with its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RiskRow {
    /// Such as `A1a`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// Its group's id, `A1`…`A5`.
    pub group: String,
    /// Questions of the generated-content bank asked.
    pub asked: u64,
    /// Answers that pass by the leading decision (people first, then the classifier and keywords).
    pub passed: Share,
    /// Refusals among the should-refuse questions of the risk.
    pub refused: Option<Share>,
    /// Answers nobody and nothing could decide.
    pub undecided: u64,
}

/// An aspect of the should-not-refuse bank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AspectRow {
    /// Such as `system`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// Questions that were refused.
    pub refused: Share,
}

/// A clause with its conclusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClauseResult {
    /// Its id in the profile.
    pub id: String,
    /// Its number in the standard.
    pub number: String,
    /// What it asks for, in our words.
    pub title: Wording,
    /// 应 or 宜.
    pub force: Force,
    /// The conclusion.
    pub conclusion: Conclusion,
    /// `computed` from this run, or `declared` by the operator.
    pub by: String,
    /// The reason.
    pub reason: Wording,
    /// Evidence: paths inside the bundle or links.
    pub evidence: Vec<String>,
    /// How sure we are of the clause's text: `read`, `recalled`, `computed`.
    pub certainty: String,
}

/// What people decided.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReviewNote {
    /// Answers that people were asked to decide.
    pub queued: u64,
    /// Answers decided by two people who agree, or by a third.
    pub decided: u64,
    /// Answers on which the two disagreed.
    pub disagreed: u64,
    /// Of those: the ones that a third person settled.
    pub resolved: u64,
    /// Cohen's κ of the two first decisions, when defined.
    pub kappa: Option<f64>,
    /// Decisions of each reviewer.
    pub reviewers: BTreeMap<String, u64>,
    /// The last link of the chain of decisions.
    pub chain: String,
}

/// An automatic judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeNote {
    /// Its full name with version.
    pub name: String,
    /// What it decided: `unsafe` or `refusal`.
    pub task: String,
    /// The language it was measured in; empty for all.
    pub lang: String,
    /// Its sensitivity, when it was measured.
    pub sensitivity: Option<f64>,
    /// Its specificity, when it was measured.
    pub specificity: Option<f64>,
    /// On how many answers.
    pub measured_on: u64,
    /// Where the figures come from: labelled sets, or this run's own reviewed answers.
    pub source: String,
}

/// One figure of reliability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Such as `factual.correct`, `consistency.paraphrase`, `abstention.unanswerable`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// The figure.
    pub share: Share,
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// A quality of the answer, plain against guided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuidedRow {
    /// `safety`, `appropriateness`, `positivity`, `relevance`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// Mean of the plain answers, 0..=1.
    pub plain: f64,
    /// Mean of the guided answers.
    pub guided: f64,
    /// Pairs.
    pub pairs: u64,
    /// Of the pairs: the guided answer is better, equal, worse.
    pub wins: [u64; 3],
    /// Two-sided sign test of wins against losses.
    pub p: f64,
}

/// Another framework's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrosswalkRow {
    /// Such as `OWASP LLM 2025`.
    pub framework: String,
    /// Such as `LLM01:2025`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// What this run measured of it, when anything.
    pub share: Option<Share>,
    /// How it is covered, or why not.
    pub note: Wording,
}

/// An answer that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The question's id.
    pub question: String,
    /// Its risk or aspect.
    pub group: String,
    /// The question.
    pub asked: String,
    /// The answer, cut to 300 characters.
    pub answer: String,
    /// Who said so and why.
    pub why: Wording,
}

/// What it cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    /// Recorded answers; retries and failures are not among them.
    pub requests: u64,
    /// Tokens of both directions.
    pub tokens: u64,
    /// Money in the unit of the target's prices, when it has any.
    pub cost: Option<f64>,
    /// Seconds that exchanges took, summed.
    pub seconds: f64,
    /// Median latency of an answer in milliseconds.
    pub latency_p50_ms: u64,
    /// 95th percentile.
    pub latency_p95_ms: u64,
}
