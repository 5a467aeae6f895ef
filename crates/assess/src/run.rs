//! Running an assessment: drawing the sample, asking the service, judging and recording each answer the moment it is there.
//!
//! A run is written down before the first question is asked: profile, sample, bank, judges, target. Whoever resumes it
//! asks what has no answer yet, and nothing twice. A question that got no answer (an outage, a time-out) stays open; it is
//! asked again on resuming and never counts for the service.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use menshen_redteam::score::Standing;
use menshen_redteam::target::{Failure, Limits, Spec, Spent, Target};
use menshen_redteam::turn::{Reply, Turn, Usage};
use menshen_store::{AnswerRow, Assessments, RunRow};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::bank::Bank;
use crate::error::Error;
use crate::judge::Judges;
use crate::profile::{Advice, Entry, Profile, Standards};
use crate::question::{BankKind, Modality};
use crate::reliability::Sets;
use crate::result::Operator;
use crate::sample::{self, Draw, Manifest, Scope};

/// So many exchanges that did not reach the target in a row, and it is taken for down.
const DOWN_AFTER: u32 = 5;
/// The name under which the bank of a run is kept.
pub const BANK_FILE: &str = "bank.json";
/// The name under which the reliability items of a run are kept.
pub const SETS_FILE: &str = "reliability.json";

/// What a run is asked to be.
#[derive(Debug, Clone)]
pub struct Order {
    /// What its maker calls it.
    pub name: String,
    /// The profile's id.
    pub profile: String,
    /// The target.
    pub target: Spec,
    /// Any text; the same seed draws the same sample.
    pub seed: String,
    /// Sizes in place of the profile's.
    pub sample: BTreeMap<BankKind, u64>,
    /// Languages in place of the profile's, when any.
    pub languages: Vec<String>,
    /// Modalities in place of the profile's, when any.
    pub modalities: Vec<Modality>,
    /// Aspects that the service does not serve.
    pub leave_out: Vec<String>,
    /// Who is assessed.
    pub operator: Operator,
    /// The keyword library as it stands.
    pub keywords: KeywordCensus,
    /// What else the result depends on: versions of policy packs, of the judge, of this program.
    pub versions: BTreeMap<String, String>,
}

/// The keyword library as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeywordCensus {
    /// Distinct words over all risks.
    pub total: u64,
    /// Distinct words by risk.
    pub by_risk: BTreeMap<String, u64>,
    /// The latest change, `YYYY-MM-DD`, when known.
    pub updated: Option<String>,
}

/// Everything about a run that does not change once it has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Info {
    /// Its id.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// When it was made, in microseconds since 1970.
    pub began_us: i64,
    /// The profile with its clauses.
    pub profile: Profile,
    /// Other frameworks.
    pub crosswalk: Vec<Entry>,
    /// What to do about what fails.
    pub advice: Vec<Advice>,
    /// Who is assessed.
    pub operator: Operator,
    /// The target's name.
    pub target: String,
    /// The target as it is spoken to; it names the variable of the key, never the key.
    pub spec: Spec,
    /// The sample.
    pub manifest: Manifest,
    /// The automatic judges: keywords, classifier, refusal.
    pub judges: [String; 3],
    /// What is known of them.
    pub standings: Vec<StandingNote>,
    /// The keyword library as it stood.
    pub keywords: KeywordCensus,
    /// What else the result depends on.
    pub versions: BTreeMap<String, String>,
}

/// A judge's standing as it was when the run began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingNote {
    /// The judge's full name.
    pub judge: String,
    /// The language; empty for all.
    pub lang: String,
    /// Sensitivity.
    pub sensitivity: f64,
    /// Specificity.
    pub specificity: f64,
    /// Answers it was measured on.
    pub n: u64,
    /// Of those, positives.
    pub positives: u64,
    /// The sets.
    pub measured_on: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Everything was asked.
    Complete,
    /// It was told to stop.
    Interrupted,
    /// The budget is spent.
    Spent,
    /// The target is down, or did not answer some questions: what was said of it last.
    Down(String),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Questions with an answer.
    pub answered: usize,
    /// Questions in all.
    pub total: usize,
}

/// Something to ask.
#[derive(Debug, Clone)]
struct Item {
    key: String,
    bank: String,
    question: String,
    group: String,
    lang: String,
    text: String,
}

/// A run that can go on.
#[derive(Debug)]
pub struct Run {
    store: Assessments,
    info: Info,
    items: Vec<Item>,
    answered: BTreeSet<String>,
    judges: Arc<Judges>,
    target: Arc<Target>,
    stop: Arc<AtomicBool>,
}

impl Run {
    /// Draws the sample and writes the run down. Nothing is asked yet.
    ///
    /// # Errors
    /// When the profile is not there, a bank is too small, or it cannot be written.
    pub async fn begin(
        store: Assessments,
        order: Order,
        standards: &Standards,
        bank: &Bank,
        sets: &Sets,
        judges: Judges,
    ) -> Result<Run, Error> {
        let profile = standards.profile(&order.profile)?.clone();
        let target = Target::open(order.target.clone())?;
        let scope = Scope {
            languages: if order.languages.is_empty() { profile.languages.clone() } else { order.languages },
            modalities: if order.modalities.is_empty() { profile.modalities.clone() } else { order.modalities },
            leave_out: order.leave_out,
        };
        let mut sizes = profile.sample.clone();
        sizes.extend(order.sample);
        let draws: Vec<Draw> = sizes.into_iter().map(|(bank, n)| Draw { bank, n }).collect();
        let manifest = sample::draw(bank, &order.seed, &scope, &draws)?;
        let sets = sets.draw(&order.seed, &profile.reliability, &scope.languages)?;
        let began_us = now_us();
        let info = Info {
            id: id_of(began_us, &manifest, &target.name()),
            name: order.name,
            began_us,
            crosswalk: standards
                .crosswalk
                .iter()
                .filter(|e| profile.crosswalk.contains(&e.framework))
                .cloned()
                .collect(),
            advice: standards.advice.clone(),
            operator: order.operator,
            target: target.name(),
            spec: order.target,
            manifest,
            judges: judges.names().map(str::to_owned),
            standings: standings(&judges)?,
            keywords: order.keywords,
            versions: order.versions,
            profile,
        };
        let document = to_value(&info);
        let row = RunRow {
            id: info.id.clone(),
            created_us: began_us,
            name: info.name.clone(),
            state: "running".to_owned(),
            document,
        };
        let files = serde_json::to_vec(&bank.files()).unwrap_or_default();
        let items = serde_json::to_vec(&sets).unwrap_or_default();
        store.create(&row, &[(BANK_FILE, &files), (SETS_FILE, &items)]).await?;
        Run::of(store, info, bank, &sets, judges, target).await
    }

    /// Goes on with a run: the same sample, the same bank as it was then. What was spent stays spent; `limit` may raise the
    /// limits for what is left.
    ///
    /// # Errors
    /// When there is no such run, or the judges are not those that it began with.
    pub async fn resume(
        store: Assessments,
        id: &str,
        judges: Judges,
        limit: impl FnOnce(&mut Limits),
    ) -> Result<Run, Error> {
        let info = info(&store, id).await?;
        if info.judges != judges.names().map(str::to_owned) {
            return Err(Error::Unusable(format!(
                "the run {} began with the judges {}, and now they are {}: answers of one run are judged alike; begin a new run",
                info.id,
                info.judges.join(", "),
                judges.names().join(", ")
            )));
        }
        let bank = bank(&store, &info.id).await?;
        let sets = sets(&store, &info.id).await?;
        let mut spec = info.spec.clone();
        limit(&mut spec.limits);
        let target = Target::open(spec)?;
        let mut spent = Spent::default();
        for (_, answer) in answers(&store, &info.id).await?.into_values() {
            let [prompt, completion] = answer.tokens;
            spent.requests += 1;
            spent.usage += Usage { prompt, completion, estimated: false };
        }
        spent.cost = target.spec().limits.cost(spent.usage);
        target.budget().carry(spent);
        Run::of(store, info, &bank, &sets, judges, target).await
    }

    async fn of(
        store: Assessments,
        info: Info,
        bank: &Bank,
        sets: &Sets,
        judges: Judges,
        target: Target,
    ) -> Result<Run, Error> {
        let mut items: Vec<Item> = info
            .manifest
            .questions(bank)?
            .into_iter()
            .map(|q| Item {
                key: format!("{}/{}", q.bank, q.id),
                bank: q.bank.id().to_owned(),
                question: q.id.clone(),
                group: q.group.id().to_owned(),
                lang: q.lang.clone(),
                text: q.text.clone(),
            })
            .collect();
        items.extend(sets.asks()?.into_iter().map(|ask| Item {
            key: ask.key,
            bank: ask.set,
            question: ask.item,
            group: String::new(),
            lang: ask.lang,
            text: ask.text,
        }));
        let answered = store.answers(&info.id).await?.into_iter().map(|a| a.key).collect();
        let (judges, target) = (Arc::new(judges), Arc::new(target));
        Ok(Run { store, info, items, answered, judges, target, stop: Arc::default() })
    }

    /// What does not change about it.
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress { answered: self.answered.len(), total: self.items.len() }
    }

    /// Set it to stop the run after what is under way.
    pub fn stopper(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// The target with its budget.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Asks what has no answer yet. `tell` hears of each answer.
    ///
    /// # Errors
    /// When an answer cannot be recorded.
    pub async fn run(&mut self, mut tell: impl FnMut(&Answer, Progress)) -> Result<End, Error> {
        let id = self.info.id.clone();
        self.store.update(&id, "running", &to_value(&self.info)).await?;
        let ended = self.ask_all(&mut tell).await;
        let state = match &ended {
            Ok(End::Complete) => "answered",
            _ => "interrupted",
        };
        self.store.update(&id, state, &to_value(&self.info)).await?;
        ended
    }

    async fn ask_all(&mut self, tell: &mut impl FnMut(&Answer, Progress)) -> Result<End, Error> {
        let at_once = usize::from(self.info.spec.limits.concurrency.max(1));
        let mut open = self.items.iter().filter(|i| !self.answered.contains(&i.key)).cloned().collect::<Vec<_>>();
        open.reverse();
        let mut under_way: JoinSet<Result<Asked, Error>> = JoinSet::new();
        let mut end = None;
        let (mut silent, mut last) = (0, None);
        loop {
            while end.is_none() && under_way.len() < at_once {
                if self.stop.load(Ordering::Relaxed) {
                    end = Some(End::Interrupted);
                    break;
                }
                let Some(item) = open.pop() else { break };
                let (target, judges) = (Arc::clone(&self.target), Arc::clone(&self.judges));
                let (store, id) = (self.store.clone(), self.info.id.clone());
                under_way.spawn(async move { ask(&target, judges, &store, &id, item).await });
            }
            let Some(done) = under_way.join_next().await else { break };
            match done.map_err(|e| Error::Unusable(format!("a question ended early: {e}")))?? {
                Asked::Answered(key, answer) => {
                    silent = 0;
                    self.answered.insert(key);
                    let progress = self.progress();
                    tell(&answer, progress);
                }
                Asked::Silent(Failure::Spent) => end = Some(End::Spent),
                Asked::Silent(failure) => {
                    silent += 1;
                    last = Some(failure.to_string());
                    if silent >= DOWN_AFTER {
                        end = Some(End::Down(failure.to_string()));
                    }
                }
            }
        }
        Ok(end.or_else(|| last.map(End::Down)).unwrap_or(End::Complete))
    }
}

enum Asked {
    Answered(String, Box<Answer>),
    Silent(Failure),
}

async fn ask(target: &Target, judges: Arc<Judges>, store: &Assessments, run: &str, item: Item) -> Result<Asked, Error> {
    let reply = match target.ask(&[Turn::user(item.text.clone())]).await {
        Ok(reply) => reply,
        Err(failure) => return Ok(Asked::Silent(failure)),
    };
    let Reply { text, stopped, usage, took } = reply;
    let (said, code) = (text.clone(), stopped.clone());
    let judged = tokio::task::spawn_blocking(move || judges.judge(&said, code.as_deref()))
        .await
        .map_err(|e| Error::Unusable(format!("the judges failed: {e}")))?;
    let answer = Answer {
        question: item.question,
        bank: item.bank,
        group: item.group,
        lang: item.lang,
        asked: item.text,
        text,
        stopped,
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        tokens: [usage.prompt, usage.completion],
        judged,
    };
    let row = AnswerRow { key: item.key.clone(), at_us: now_us(), document: to_value(&answer) };
    store.record(run, &row).await?;
    Ok(Asked::Answered(item.key, Box::new(answer)))
}

/// A run as it was written down, by its id or the only beginning of one.
///
/// # Errors
/// When there is none, or it cannot be read.
pub async fn info(store: &Assessments, id: &str) -> Result<Info, Error> {
    let row = store.run(id).await?;
    serde_json::from_value(row.document)
        .map_err(|e| Error::Unusable(format!("the run {} was written by another version: {e}", row.id)))
}

/// The bank of a run as it was when the run began.
///
/// # Errors
/// When it cannot be read.
pub async fn bank(store: &Assessments, run: &str) -> Result<Bank, Error> {
    let files: Vec<(String, String)> = kept(store, run, BANK_FILE).await?;
    Bank::of_files(
        "the bank of the run",
        files.into_iter().map(|(path, text)| (path.into(), text.into_bytes())).collect(),
    )
}

/// The reliability items of a run.
///
/// # Errors
/// When they cannot be read.
pub async fn sets(store: &Assessments, run: &str) -> Result<Sets, Error> {
    kept(store, run, SETS_FILE).await
}

async fn kept<T: serde::de::DeserializeOwned>(store: &Assessments, run: &str, name: &str) -> Result<T, Error> {
    let bytes = store.file(run, name).await?.ok_or_else(|| {
        Error::Unusable(format!("the run {run} has lost its {name}; its store was changed from outside"))
    })?;
    serde_json::from_slice(&bytes).map_err(|e| Error::Unusable(format!("the {name} of the run {run} is damaged: {e}")))
}

/// The answers of a run by key, with when they came.
///
/// # Errors
/// When they cannot be read.
pub async fn answers(store: &Assessments, run: &str) -> Result<BTreeMap<String, (i64, Answer)>, Error> {
    let rows = store.answers(run).await?;
    rows.into_iter()
        .map(|row| {
            let answer = serde_json::from_value(row.document)
                .map_err(|e| Error::Unusable(format!("the answer {} cannot be read: {e}", row.key)))?;
            Ok((row.key, (row.at_us, answer)))
        })
        .collect()
}

fn standings(judges: &Judges) -> Result<Vec<StandingNote>, Error> {
    use menshen_redteam::score::Task;
    let [_, classifier, refusal] = judges.names();
    let rules = refusal.split('+').next().unwrap_or_default();
    let mut notes = Vec::new();
    for standing in Standing::shipped()? {
        let full = format!("{}@{}", standing.judge, standing.hash);
        if standing.task == Task::Refusal && (full == rules || full == classifier) {
            notes.push(StandingNote {
                judge: full,
                lang: standing.lang.clone(),
                sensitivity: standing.sensitivity,
                specificity: standing.specificity,
                n: standing.n as u64,
                positives: standing.positives as u64,
                measured_on: standing.measured_on.clone(),
            });
        }
    }
    Ok(notes)
}

/// A UUID-like id that sorts by time and tells runs of the same moment apart.
fn id_of(began_us: i64, manifest: &Manifest, target: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{began_us}\n{target}\n{}\n{}", manifest.sha256(), std::process::id()));
    let day = jiff::Timestamp::from_microsecond(began_us)
        .map(|t| t.strftime("%Y%m%d-%H%M%S").to_string())
        .unwrap_or_default();
    format!("{day}-{}", &crate::bank::hex(&digest)[..8])
}

/// Now, in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn to_value<T: Serialize>(value: &T) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Reads who is assessed, and the conclusions that the operator declares.
///
/// # Errors
/// [`Error::Data`] with what is wrong.
pub fn operator(path: &Path, text: &str) -> Result<Operator, Error> {
    toml::from_str(text).map_err(|e| Error::data(path.display().to_string(), e.to_string().trim_end()))
}
