//! Model selection: runs of several models side by side, with significance; and what a change of model or policy asks to
//! be assessed again.

use std::collections::{BTreeMap, BTreeSet};

use menshen_verdict::RiskGroup;
use serde::Serialize;

use crate::conclude::{Record, conclude, passes, refuses};
use crate::error::Error;
use crate::question::BankKind;
use crate::result::{Assessment, Share, Wording};
use crate::run::Info;
use crate::share::{holm, sign_test};

/// A figure of every model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Such as `generated`, `risk:A1a`, `refuse`, `answer`, `factual.correct`, `attack`, `latency`, `cost`.
    pub id: String,
    /// Its name.
    pub name: Wording,
    /// The share of each model, in the order of [`Comparison::models`]; `None`: not measured.
    pub shares: Vec<Option<Share>>,
    /// A plain figure of each model where it is no share: milliseconds, money.
    pub figures: Vec<Option<f64>>,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// p of each model against the first, over the questions that both answered (McNemar's exact test), corrected over
    /// all comparisons of the table (Holm).
    pub p: Vec<Option<f64>>,
}

/// Several models side by side. The first is the one that the others are held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Target and run of each.
    pub models: Vec<Model>,
    /// The figures.
    pub rows: Vec<Row>,
    /// Questions that all were asked.
    pub shared: usize,
    /// What the reader must know.
    pub notes: Vec<Wording>,
}

/// One of the models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The target's name.
    pub target: String,
    /// The run.
    pub run: String,
    /// The run's name.
    pub name: String,
}

/// A campaign of the red team on one of the models: attack robustness.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// The run that it belongs to.
    pub run: String,
    /// Attempts that the target resisted, of those that were scored.
    pub resisted: Share,
}

struct Judged<'r> {
    record: &'r Record,
    result: Assessment,
    /// What is good about each answer, by key.
    good: BTreeMap<String, bool>,
}

/// Puts runs side by side.
///
/// # Errors
/// When there are fewer than two, or one cannot be concluded.
pub fn compare(records: &[Record], campaigns: &[Campaign]) -> Result<Comparison, Error> {
    if records.len() < 2 {
        return Err(Error::Unusable("a comparison needs two runs or more".to_owned()));
    }
    let mut all = Vec::with_capacity(records.len());
    for record in records {
        let review = record.review()?;
        let mut good = BTreeMap::new();
        for (key, (_, answer)) in &record.answers {
            let people = review.decided(key);
            let is_good = match answer.bank.parse() {
                Ok(BankKind::Generated) => passes(people, Some(answer)),
                Ok(BankKind::Refuse) => refuses(people, Some(answer)),
                Ok(BankKind::Answer) => refuses(people, Some(answer)).map(|refused| !refused),
                Err(_) => None,
            };
            good.extend(is_good.map(|is_good| (key.clone(), is_good)));
        }
        all.push(Judged { record, result: conclude(record)?, good });
    }
    let shared = all[1..].iter().fold(keys(&all[0]), |keys, judged| {
        keys.into_iter().filter(|key| judged.record.answers.contains_key(*key)).collect()
    });
    let mut rows =
        vec![of_keys(&all, "generated", "生成内容合格率", "generated content that passes", |key, _| {
            key.starts_with("generated/")
        })];
    for group in RiskGroup::ALL {
        let id = format!("group:{}", group.id());
        rows.push(of_keys(&all, &id, group.zh(), group.en(), |key, g| {
            key.starts_with("generated/") && g.starts_with(group.id())
        }));
    }
    for risk in menshen_verdict::Risk::ALL {
        let id = format!("risk:{}", risk.id());
        rows.push(of_keys(&all, &id, risk.zh(), risk.en(), |key, g| key.starts_with("generated/") && g == risk.id()));
    }
    rows.push(of_keys(&all, "refuse", "应拒答而拒答", "refuses what it should", |key, _| {
        key.starts_with("refuse/")
    }));
    rows.push(of_keys(&all, "answer", "不应拒答而未拒答", "answers what it should", |key, _| {
        key.starts_with("answer/")
    }));
    rows.extend(measures(&all));
    rows.push(attack(&all, campaigns));
    rows.push(figure(&all, "latency.p50", "响应时间中位数（毫秒）", "median latency (ms)", |r| {
        Some(r.spend.latency_p50_ms as f64)
    }));
    rows.push(figure(
        &all,
        "latency.p95",
        "响应时间 95 分位（毫秒）",
        "95th percentile of latency (ms)",
        |r| Some(r.spend.latency_p95_ms as f64),
    ));
    rows.push(figure(&all, "cost", "费用", "cost", |r| r.spend.cost));
    rows.push(figure(&all, "tokens", "词元数", "tokens", |r| Some(r.spend.tokens as f64)));
    rows.retain(|row| row.shares.iter().any(Option::is_some) || row.figures.iter().any(Option::is_some));
    correct_for_many(&mut rows);
    let mut notes = Vec::new();
    let seeds: BTreeSet<(&str, String)> =
        records.iter().map(|r| (r.info.profile.id.as_str(), r.info.manifest.sha256())).collect();
    if seeds.len() > 1 {
        notes.push(Wording::new(
            "各次运行的样本不同；显著性只按共同的题计算。",
            "The runs were drawn differently; significance is over the questions that they share.",
        ));
    }
    let judges: BTreeSet<&[String; 3]> = records.iter().map(|r| &r.info.judges).collect();
    if judges.len() > 1 {
        notes.push(Wording::new(
            "各次运行的自动判定者版本不同，差异可能来自判定者。",
            "The runs were judged by different versions of the judges; a difference may be theirs.",
        ));
    }
    let models = records
        .iter()
        .map(|r| Model { target: r.info.target.clone(), run: r.info.id.clone(), name: r.info.name.clone() })
        .collect();
    Ok(Comparison { models, rows, shared: shared.len(), notes })
}

fn keys<'a>(judged: &Judged<'a>) -> Vec<&'a str> {
    judged.record.answers.keys().map(String::as_str).collect()
}

fn of_keys(all: &[Judged<'_>], id: &str, zh: &str, en: &str, holds: impl Fn(&str, &str) -> bool) -> Row {
    let good_of = |judged: &Judged<'_>| -> BTreeMap<String, bool> {
        let group = |key: &str| judged.record.answers.get(key).map_or("", |(_, a)| a.group.as_str());
        judged.good.iter().filter(|(key, _)| holds(key, group(key))).map(|(k, g)| (k.clone(), *g)).collect()
    };
    let each: Vec<BTreeMap<String, bool>> = all.iter().map(good_of).collect();
    let shares =
        each.iter().map(|good| (!good.is_empty()).then(|| Share::count(good.values(), |good| *good))).collect();
    let p = each.iter().enumerate().map(|(i, good)| (i > 0).then(|| paired(&each[0], good)).flatten()).collect();
    Row {
        id: id.to_owned(),
        name: Wording::new(zh, en),
        figures: vec![None; all.len()],
        shares,
        higher_is_better: true,
        p,
    }
}

/// McNemar's exact test over the questions that both answered; `None` when there are none.
fn paired(first: &BTreeMap<String, bool>, other: &BTreeMap<String, bool>) -> Option<f64> {
    let (mut wins, mut losses, mut both) = (0, 0, 0);
    for (key, a) in first {
        if let Some(b) = other.get(key) {
            both += 1;
            wins += u64::from(*b && !a);
            losses += u64::from(*a && !b);
        }
    }
    (both > 0).then(|| sign_test(wins, losses))
}

fn measures(all: &[Judged<'_>]) -> Vec<Row> {
    let mut ids: Vec<(String, Wording, bool)> = Vec::new();
    for measure in all.iter().flat_map(|j| &j.result.reliability) {
        if !ids.iter().any(|(id, ..)| *id == measure.id) {
            ids.push((measure.id.clone(), measure.name.clone(), measure.higher_is_better));
        }
    }
    let row = |(id, name, higher_is_better): (String, Wording, bool)| Row {
        shares: all.iter().map(|j| j.result.reliability.iter().find(|m| m.id == id).map(|m| m.share)).collect(),
        figures: vec![None; all.len()],
        p: vec![None; all.len()],
        id,
        name,
        higher_is_better,
    };
    ids.into_iter().map(row).collect()
}

fn attack(all: &[Judged<'_>], campaigns: &[Campaign]) -> Row {
    let of = |j: &Judged<'_>| campaigns.iter().find(|c| c.run == j.record.info.id).map(|c| c.resisted);
    Row {
        id: "attack".to_owned(),
        name: Wording::new("抵住攻击（红队活动）", "attacks resisted (red-team campaign)"),
        shares: all.iter().map(of).collect(),
        figures: vec![None; all.len()],
        p: vec![None; all.len()],
        higher_is_better: true,
    }
}

fn figure(all: &[Judged<'_>], id: &str, zh: &str, en: &str, of: impl Fn(&Assessment) -> Option<f64>) -> Row {
    Row {
        id: id.to_owned(),
        name: Wording::new(zh, en),
        shares: vec![None; all.len()],
        figures: all.iter().map(|j| of(&j.result)).collect(),
        p: vec![None; all.len()],
        higher_is_better: false,
    }
}

fn correct_for_many(rows: &mut [Row]) {
    let raw: Vec<f64> = rows.iter().flat_map(|r| r.p.iter().flatten().copied()).collect();
    let mut corrected = holm(&raw).into_iter();
    for p in rows.iter_mut().flat_map(|r| r.p.iter_mut().flatten()) {
        *p = corrected.next().unwrap_or(1.0);
    }
}

/// What has changed since a run, and what must be assessed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// What changed: `model`, `policy`, `judge`, `keywords`, `banks`.
    pub changed: Vec<String>,
    /// What exactly, before and now.
    pub details: Vec<(String, String, String)>,
    /// Clauses that are open again: number (or id) and title.
    pub clauses: Vec<(String, Wording)>,
    /// Tests to run again.
    pub tests: Vec<String>,
}

/// Holds a run against what is there now. `versions`, `judges` and `banks` are as they would be for a run that begins
/// now; `model` is what the operator says of the model today, if anything.
pub fn changes(
    info: &Info,
    versions: &BTreeMap<String, String>,
    judges: &[String; 3],
    banks: &BTreeMap<BankKind, String>,
    keywords: u64,
    model: Option<&str>,
) -> Changes {
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    let mut details = Vec::new();
    let mut note = |what: &'static str, name: String, before: &str, now: &str| {
        if before != now {
            changed.insert(what);
            details.push((name, before.to_owned(), now.to_owned()));
        }
    };
    for name in info.versions.keys().chain(versions.keys()).collect::<BTreeSet<_>>() {
        let before = info.versions.get(name).map_or("", String::as_str);
        let now = versions.get(name).map_or("", String::as_str);
        match name.as_str() {
            "menshen" | "classifier risks" => {}
            _ => note("policy", name.clone(), before, now),
        }
    }
    for (what, (before, now)) in ["keywords", "judge", "judge"].into_iter().zip(info.judges.iter().zip(judges)) {
        note(what, what.to_owned(), before, now);
    }
    note("keywords", "words".to_owned(), &info.keywords.total.to_string(), &keywords.to_string());
    for (kind, before) in &info.manifest.banks {
        note("banks", format!("{kind} bank"), before, banks.get(kind).map_or("", String::as_str));
    }
    if let Some(model) = model {
        let before = format!("{} {}", info.operator.model, info.operator.model_version);
        note("model", "model".to_owned(), before.trim(), model.trim());
    }
    let opens = |depends: &[String]| depends.iter().any(|d| changed.contains(d.as_str()));
    let clauses: Vec<_> = info.profile.clauses.iter().filter(|c| opens(&c.depends)).collect();
    let tests = info.profile.tests.iter().filter(|t| clauses.iter().any(|c| c.id == t.clause));
    Changes {
        tests: tests.map(|t| t.id.clone()).collect(),
        clauses: clauses
            .iter()
            .map(|c| (c.numbers.get(&info.profile.id).unwrap_or(&c.id).clone(), c.title.clone()))
            .collect(),
        changed: changed.into_iter().map(str::to_owned).collect(),
        details,
    }
}
