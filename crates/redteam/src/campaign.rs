//! Running a plan: cases in order, some at once, each attempt on disk before it counts.
//!
//! A case has a key that follows from the plan. What is recorded is not tried again, so a run that was killed goes on
//! where it was. Genetic search is replayed from what is recorded, because it depends on nothing but scores and a seed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use menshen_store::{AttemptRow, CampaignRow, Campaigns};
use menshen_verdict::Attack;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::Error;
use crate::attempt::{Attempt, Lineage, Outcome};
use crate::dialogue::{self, Dialogue, Heard, Step};
use crate::genetic::{Candidate, Found, Options, Search};
use crate::instruction::{Bank, Instruction};
use crate::mutator::{self, Apply};
use crate::plan::{Item, Plan};
use crate::score::{Goal, Score, Scorer};
use crate::target::{Failure, Spent, Target};
use crate::technique::Technique;
use crate::turn::{Reply, Turn, Usage};

/// The most steps of a dialogue, whatever it asks for.
const MOST_STEPS: usize = 400;
/// So many exchanges in a row that could not reach the target end a run: a server that is down is not asked ten
/// thousand times.
const DOWN_AFTER: usize = 8;

/// Something to try.
#[derive(Debug, Clone)]
pub struct Case {
    /// The same for the same case of the same plan.
    pub key: String,
    /// What is tried to get.
    pub instruction: Arc<Instruction>,
    /// How.
    pub technique: Technique,
    /// What is random in it follows from this.
    pub seed: u64,
    /// The words, when a search wrote them, and where they came from.
    pub written: Option<(String, Lineage)>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", content = "why", rename_all = "snake_case")]
pub enum End {
    /// Everything was tried.
    Complete,
    /// A budget is spent.
    Spent,
    /// Somebody stopped it.
    Interrupted,
    /// The target cannot be reached.
    Down(String),
}

impl End {
    /// The state of the campaign in the store.
    pub const fn state(&self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::Spent => "spent",
            End::Interrupted => "interrupted",
            End::Down(_) => "target_down",
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Attempts that are recorded.
    pub done: usize,
    /// Cases of the plan; genetic search counts what it may try at most.
    pub of: usize,
    /// Of the recorded: successes.
    pub successes: usize,
    /// Of the recorded: without a score.
    pub unscored: usize,
    /// Of the recorded: without an answer.
    pub failed: usize,
    /// Spent on the target, in all runs of the campaign.
    pub target: Spent,
    /// Spent on the attacker's model, in this run.
    pub attacker: Spent,
}

/// The cases of a plan that are known before it runs. Genetic items are searched while it runs.
///
/// # Errors
/// When the plan names what is not there, or an item has no instruction.
pub fn cases(plan: &Plan, bank: &Bank) -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    for (at, item) in plan.items.iter().enumerate() {
        let drawn = draw(plan, at, item, bank)?;
        for technique in item.techniques() {
            let technique: Technique = technique.parse()?;
            if technique == Technique::Genetic {
                continue;
            }
            for instruction in &drawn {
                for repeat in 0..item.repeats.max(1) {
                    let seed = derive(
                        plan.seed,
                        &[&at.to_string(), &instruction.id, &technique.to_string(), &repeat.to_string()],
                    );
                    cases.push(Case {
                        key: format!("{:016x}", seed),
                        instruction: Arc::clone(instruction),
                        technique: technique.clone(),
                        seed,
                        written: None,
                    });
                }
            }
        }
    }
    Ok(cases)
}

/// How many cases a plan has at most, genetic search included.
///
/// # Errors
/// As [`cases`].
pub fn size(plan: &Plan, bank: &Bank) -> Result<usize, Error> {
    let mut most = cases(plan, bank)?.len();
    for item in plan.items.iter().filter(|i| i.techniques().contains(&"genetic")) {
        let _ = item;
        most += plan.genetic.population * plan.genetic.generations as usize;
    }
    Ok(most)
}

/// The instructions of an item: drawn from the bank by the plan's seed, then those it names and writes itself.
fn draw(plan: &Plan, at: usize, item: &Item, bank: &Bank) -> Result<Vec<Arc<Instruction>>, Error> {
    let mut drawn: Vec<Arc<Instruction>> = Vec::new();
    if item.risk.is_some() || item.owasp.is_some() {
        let mut pool = bank.select(item.risk, item.owasp.as_deref(), item.lang.as_deref());
        if pool.is_empty() {
            return Err(Error::Plan {
                origin: plan.name.clone(),
                problem: format!("item {}: no instruction has this risk, OWASP id and language", at + 1),
            });
        }
        fastrand::Rng::with_seed(derive(plan.seed, &["draw", &at.to_string()])).shuffle(&mut pool);
        drawn.extend(pool.into_iter().take(item.samples));
    }
    for id in &item.instructions {
        drawn.push(bank.by_id(id).ok_or_else(|| Error::Unknown {
            what: "instruction",
            name: id.clone(),
            remedy: "`menshen redteam instructions` lists them".to_owned(),
        })?);
    }
    drawn.extend(item.texts.iter().map(|text| Arc::new(Instruction::written(text, item.risk, item.owasp.as_deref()))));
    Ok(drawn)
}

fn derive(seed: u64, parts: &[&str]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A campaign under way.
pub struct Campaign {
    id: String,
    plan: Plan,
    bank: Arc<Bank>,
    store: Campaigns,
    parts: Arc<Parts>,
    /// What is recorded.
    recorded: HashMap<String, Attempt>,
    stop: Arc<AtomicBool>,
}

/// What attempts are made with.
struct Parts {
    target: Target,
    attacker: Option<Target>,
    scorer: Scorer,
    max_turns: u32,
}

impl std::fmt::Debug for Campaign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Campaign").field("id", &self.id).field("plan", &self.plan.name).finish_non_exhaustive()
    }
}

impl Campaign {
    /// Begins one: the plan is in the store, nothing was sent.
    ///
    /// # Errors
    /// When the plan, the target or the store cannot be used.
    pub async fn begin(plan: Plan, bank: Arc<Bank>, scorer: Scorer, store: Campaigns) -> Result<Campaign, Error> {
        plan.check()?;
        cases(&plan, &bank)?;
        let parts = parts(&plan, scorer)?;
        let now_us = now_us();
        let id = format!("{:012x}{}", now_us, plan.hash().chars().take(8).collect::<String>());
        let row = CampaignRow {
            id: id.clone(),
            created_us: now_us,
            name: plan.name.clone(),
            state: "running".to_owned(),
            plan: serde_json::to_value(&plan).unwrap_or_default(),
            summary: serde_json::json!({
                "target": parts.target.name(),
                "bank": bank.hash(),
                "judges": parts.scorer.standing(),
            }),
        };
        store.create(&row).await?;
        Ok(Campaign { id, plan, bank, store, parts: Arc::new(parts), recorded: HashMap::new(), stop: Arc::default() })
    }

    /// Goes on with one.
    ///
    /// # Errors
    /// When there is none, its plan cannot be read, or the instructions have changed since.
    pub async fn resume(id: &str, bank: Arc<Bank>, scorer: Scorer, store: Campaigns) -> Result<Campaign, Error> {
        let row = store.campaign(id).await?;
        let plan: Plan = serde_json::from_value(row.plan.clone())
            .map_err(|e| Error::Plan { origin: format!("campaign {}", row.id), problem: e.to_string() })?;
        let before = row.summary.get("bank").and_then(serde_json::Value::as_str).unwrap_or_default();
        if before != bank.hash() {
            return Err(Error::Mismatch(format!(
                "the instructions have changed since campaign {} began; begin a new one with its plan \
                 (`menshen redteam plan --of {0}`)",
                row.id
            )));
        }
        let parts = parts(&plan, scorer)?;
        let recorded = attempts(&store, &row.id).await?;
        let mut spent = Spent::default();
        for attempt in &recorded {
            spent.requests += u64::from(attempt.requests);
            spent.usage += attempt.usage;
        }
        spent.cost = plan.target.limits.cost(spent.usage);
        parts.target.budget().carry(spent);
        let recorded = recorded.into_iter().map(|a| (a.key.clone(), a)).collect();
        Ok(Campaign { id: row.id, plan, bank, store, parts: Arc::new(parts), recorded, stop: Arc::default() })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its plan.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Set it, and the run ends after what is under way.
    pub fn stopper(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// How far it is.
    ///
    /// # Errors
    /// As [`cases`].
    pub fn progress(&self) -> Result<Progress, Error> {
        let count = |outcome| self.recorded.values().filter(|a| a.outcome == outcome).count();
        Ok(Progress {
            done: self.recorded.len(),
            of: size(&self.plan, &self.bank)?,
            successes: count(Outcome::Success),
            unscored: count(Outcome::Unscored),
            failed: count(Outcome::Failed),
            target: self.parts.target.budget().spent(),
            attacker: self.parts.attacker.as_ref().map(|a| a.budget().spent()).unwrap_or_default(),
        })
    }

    /// Tries what is not recorded. `tell` is called after each attempt.
    ///
    /// # Errors
    /// When the store fails: what was recorded stands.
    pub async fn run(&mut self, mut tell: impl FnMut(&Attempt, &Self)) -> Result<End, Error> {
        let known = cases(&self.plan, &self.bank)?;
        let (_, mut end) = self.attempt_all(known, &mut tell).await?;
        if end == End::Complete {
            end = self.search_all(&mut tell).await?;
        }
        let progress = self.progress()?;
        let mut summary = self.store.campaign(&self.id).await?.summary;
        if let Some(members) = summary.as_object_mut() {
            members.insert("progress".to_owned(), serde_json::to_value(&progress).unwrap_or_default());
            members.insert("end".to_owned(), serde_json::to_value(&end).unwrap_or_default());
            members.insert("judges".to_owned(), serde_json::to_value(self.parts.scorer.standing()).unwrap_or_default());
        }
        self.store.update(&self.id, end.state(), &summary).await?;
        Ok(end)
    }

    /// Genetic search, item by item.
    async fn search_all(&mut self, tell: &mut impl FnMut(&Attempt, &Self)) -> Result<End, Error> {
        for (at, item) in self.plan.items.clone().iter().enumerate() {
            if !item.techniques().contains(&"genetic") {
                continue;
            }
            let goals = draw(&self.plan, at, item, &self.bank)?;
            if goals.is_empty() {
                continue;
            }
            let seed = derive(self.plan.seed, &[&at.to_string(), "genetic"]);
            let options = Options {
                langs: goals.iter().map(|g| g.lang.clone()).collect(),
                rewrites: self.parts.attacker.is_some(),
                ..Options::default()
            };
            let mut search = Search::with(&self.plan.genetic, goals.len(), seed, options)?;
            while !search.is_over() {
                let mut batch = Vec::new();
                let mut keys = Vec::new();
                for candidate in search.ask() {
                    let Some(goal) = goals.get(candidate.goal) else { continue };
                    let seed = derive(seed, &[&candidate.id]);
                    let key = format!("{seed:016x}");
                    let Ok(candidate) = self.rewrite(&mut search, candidate, &key).await else {
                        return Ok(End::Spent);
                    };
                    keys.push((candidate.id.clone(), key.clone()));
                    batch.push(Case {
                        key,
                        instruction: Arc::clone(goal),
                        technique: Technique::Genetic,
                        seed,
                        written: Some((candidate.write(&goal.text), candidate.lineage.clone())),
                    });
                }
                let (attempts, end) = self.attempt_all(batch, tell).await?;
                if end != End::Complete {
                    return Ok(end);
                }
                let found: Vec<Found> = keys
                    .into_iter()
                    .filter_map(|(id, key)| {
                        let attempt = attempts.get(&key)?;
                        let value = attempt.scores.iter().map(|s| s.value).fold(0.0, f32::max);
                        Some(Found { id, value, success: attempt.outcome == Outcome::Success })
                    })
                    .collect();
                search.tell(&found);
            }
        }
        Ok(End::Complete)
    }

    /// A candidate as the attacker's model rewrites it; as it is where there is none or its answer is of no use.
    ///
    /// # Errors
    /// [`Failure::Spent`] when the attacker's budget is.
    async fn rewrite(&self, search: &mut Search, candidate: Candidate, key: &str) -> Result<Candidate, Failure> {
        let (Some(rewrite), Some(attacker)) = (&candidate.rewrite, &self.parts.attacker) else { return Ok(candidate) };
        // A run that is resumed goes on with what the model answered then.
        let before = self.recorded.get(key).and_then(|a| a.lineage.as_ref()).and_then(|l| l.template.clone());
        let answer = match before {
            Some(template) => template,
            None => match attacker.ask(&[Turn::user(rewrite.prompt.clone())]).await {
                Ok(reply) => reply.text,
                Err(Failure::Spent) => return Err(Failure::Spent),
                Err(_) => return Ok(candidate),
            },
        };
        Ok(search.rewritten(&candidate.id, &answer).unwrap_or(candidate))
    }

    /// Tries cases, some at once, and gives those of them that are recorded now.
    async fn attempt_all(
        &mut self,
        cases: Vec<Case>,
        tell: &mut impl FnMut(&Attempt, &Self),
    ) -> Result<(HashMap<String, Attempt>, End), Error> {
        let at_once = usize::from(self.plan.target.limits.concurrency.max(1));
        let mut attempts = HashMap::new();
        let mut open = Vec::new();
        for case in cases {
            match self.recorded.get(&case.key) {
                Some(attempt) => {
                    attempts.insert(case.key, attempt.clone());
                }
                None => open.push(case),
            }
        }
        open.reverse();
        let mut under_way: JoinSet<Result<Tried, Error>> = JoinSet::new();
        let mut end = None;
        let mut unreachable = 0;
        loop {
            while end.is_none() && under_way.len() < at_once {
                if self.stop.load(Ordering::Relaxed) {
                    end = Some(End::Interrupted);
                    break;
                }
                let Some(case) = open.pop() else { break };
                let (parts, store, id) = (Arc::clone(&self.parts), self.store.clone(), self.id.clone());
                under_way.spawn(async move {
                    let tried = attempt(&parts, &case).await;
                    if let Tried::Attempt(attempt) = &tried {
                        store.record(&id, row(attempt)).await?;
                    }
                    Ok(tried)
                });
            }
            let Some(done) = under_way.join_next().await else { break };
            match done.map_err(|e| Error::Mismatch(format!("an attempt ended early: {e}")))?? {
                Tried::Attempt(attempt) => {
                    unreachable = 0;
                    self.recorded.insert(attempt.key.clone(), (*attempt).clone());
                    tell(&attempt, self);
                    attempts.insert(attempt.key.clone(), *attempt);
                }
                Tried::Spent => end = Some(End::Spent),
                Tried::Unreachable(why) => {
                    unreachable += 1;
                    if unreachable >= DOWN_AFTER.min(attempts.len() + 1).max(3) {
                        end = Some(End::Down(why));
                    }
                }
            }
        }
        let left = if unreachable > 0 {
            End::Down("some exchanges did not reach the target".to_owned())
        } else {
            End::Complete
        };
        Ok((attempts, end.unwrap_or(left)))
    }
}

fn parts(plan: &Plan, scorer: Scorer) -> Result<Parts, Error> {
    Ok(Parts {
        target: Target::open(plan.target.clone())?,
        attacker: plan.attacker.clone().map(Target::open).transpose()?,
        scorer,
        max_turns: plan.max_turns,
    })
}

/// The attempts of a campaign, in the order in which they ended.
///
/// # Errors
/// When they cannot be read.
pub async fn attempts(store: &Campaigns, id: &str) -> Result<Vec<Attempt>, Error> {
    let rows = store.attempts(id).await?;
    rows.into_iter()
        .map(|row| {
            serde_json::from_value(row.document)
                .map_err(|e| Error::Mismatch(format!("attempt {} cannot be read: {e}", row.key)))
        })
        .collect()
}

fn row(attempt: &Attempt) -> AttemptRow {
    let outcome = serde_json::to_value(attempt.outcome).ok();
    AttemptRow {
        key: attempt.key.clone(),
        ended_us: attempt.at_us,
        outcome: outcome.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        instruction: attempt.instruction.clone(),
        technique: attempt.technique.clone(),
        document: serde_json::to_value(attempt).unwrap_or_default(),
    }
}

fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

enum Tried {
    Attempt(Box<Attempt>),
    /// The budget has no room; the case stays open.
    Spent,
    /// Nothing reached the target; the case stays open.
    Unreachable(String),
}

/// What an attempt has gathered so far.
struct Talk<'a> {
    parts: &'a Parts,
    goal: Goal<'a>,
    requests: u32,
    usage: Usage,
    stopped: Option<String>,
}

impl Talk<'_> {
    async fn target(&mut self, turns: &[Turn]) -> Result<Reply, Failure> {
        let answered = self.parts.target.ask(turns).await;
        self.requests += 1;
        if let Ok(reply) = &answered {
            self.usage += reply.usage;
            self.stopped.clone_from(&reply.stopped);
        }
        answered
    }

    async fn attacker(&self, turns: &[Turn]) -> Result<String, Failure> {
        match &self.parts.attacker {
            Some(attacker) => attacker.ask(turns).await.map(|r| r.text),
            None => Err(Failure::Unsendable("there is no model in the attacker's place".to_owned())),
        }
    }
}

async fn attempt(parts: &Parts, case: &Case) -> Tried {
    let began = Instant::now();
    let instruction = &case.instruction;
    let goal = Goal {
        text: &instruction.text,
        lang: &instruction.lang,
        risk: instruction.risk,
        check: instruction.check.as_ref().filter(|_| instruction.is_checkable(parts.target.spec().system.as_deref())),
    };
    let mut talk = Talk { parts, goal, requests: 0, usage: Usage::default(), stopped: None };
    let said = match &case.technique {
        Technique::Dialogue(id) => converse(&mut talk, case, id).await,
        _ => single(&mut talk, case).await,
    };
    let (transcript, mut scores, problem) = match said {
        Ok((transcript, scores)) => (transcript, scores, None),
        Err(Ended::Failure(Failure::Spent, _)) => return Tried::Spent,
        Err(Ended::Failure(Failure::Unreachable(why), transcript)) if transcript.len() < 2 => {
            return Tried::Unreachable(why);
        }
        Err(Ended::Failure(failure, transcript)) => (transcript, Vec::new(), Some(failure.to_string())),
        Err(Ended::Nothing(why)) => (Vec::new(), Vec::new(), Some(why)),
    };
    let outcome = if problem.is_some() {
        Outcome::Failed
    } else {
        if scores.is_empty() {
            scores = talk.parts.scorer.score(&talk.goal, &transcript, talk.stopped.as_deref()).await;
        }
        crate::score::decide(&scores)
    };
    let lineage = case.written.as_ref().map(|(_, lineage)| lineage.clone());
    let mut attacks: Vec<Attack> = case.technique.attacks();
    attacks.dedup();
    Tried::Attempt(Box::new(Attempt {
        key: case.key.clone(),
        at_us: now_us(),
        instruction: instruction.id.clone(),
        goal: instruction.text.clone(),
        lang: instruction.lang.clone(),
        risk: instruction.risk,
        owasp: instruction.owasp.clone(),
        harm: instruction.harm,
        technique: case.technique.to_string(),
        attacks,
        transcript,
        stopped: talk.stopped,
        outcome,
        scores,
        requests: talk.requests,
        usage: talk.usage,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        problem,
        lineage,
    }))
}

/// Why an attempt ended without an answer, and what was said until then.
enum Ended {
    Failure(Failure, Vec<Turn>),
    /// The technique has nothing to do with this text.
    Nothing(String),
}

type Said = Result<(Vec<Turn>, Vec<Score>), Ended>;

/// One prompt, one answer.
async fn single(talk: &mut Talk<'_>, case: &Case) -> Said {
    let turn = match &case.written {
        Some((text, _)) => Turn::user(text.clone()),
        None => write(talk, case).await?,
    };
    let mut transcript = vec![turn];
    match talk.target(&transcript).await {
        Ok(reply) => {
            transcript.push(Turn::assistant(reply.text));
            Ok((transcript, Vec::new()))
        }
        Err(failure) => Err(Ended::Failure(failure, transcript)),
    }
}

/// The prompt of a case: its instruction through its mutators.
async fn write(talk: &Talk<'_>, case: &Case) -> Result<Turn, Ended> {
    let mut rng = fastrand::Rng::with_seed(case.seed);
    let mut text = case.instruction.text.clone();
    for mutator in case.technique.mutators() {
        text = match mutator.apply {
            Apply::Carrier(make) => {
                return make(&text, &mut rng).map(|c| Turn::carried(&c)).map_err(|e| Ended::Nothing(e.to_string()));
            }
            Apply::Model(prompt) => {
                let asked = mutator::rewriting(prompt, &text)
                    .ok_or_else(|| Ended::Nothing(format!("there is no prompt {prompt:?} for {}", mutator.id)))?;
                let answer = talk.attacker(&[Turn::user(asked)]).await.map_err(|f| match f {
                    Failure::Spent => Ended::Failure(Failure::Spent, Vec::new()),
                    other => Ended::Nothing(format!("the attacker's model: {other}")),
                })?;
                mutator::rewritten(&answer)
                    .map(str::to_owned)
                    .ok_or_else(|| Ended::Nothing("the attacker's model gave no rewriting".to_owned()))?
            }
            _ => mutator
                .rewrite(&text, &mut rng)
                .ok_or_else(|| Ended::Nothing(format!("{} has nothing to rewrite in this text", mutator.id)))?,
        };
    }
    Ok(Turn::user(text))
}

/// The prompt of a case that needs neither a model nor the target: what exports and dry runs show.
pub fn written(case: &Case) -> Option<Vec<Turn>> {
    if let Some((text, _)) = &case.written {
        return Some(vec![Turn::user(text.clone())]);
    }
    if matches!(case.technique, Technique::Dialogue(_) | Technique::Genetic) {
        return None;
    }
    let mut rng = fastrand::Rng::with_seed(case.seed);
    let mut text = case.instruction.text.clone();
    for mutator in case.technique.mutators() {
        text = match mutator.apply {
            Apply::Carrier(make) => return make(&text, &mut rng).ok().map(|c| vec![Turn::carried(&c)]),
            Apply::Model(_) => return None,
            _ => mutator.rewrite(&text, &mut rng)?,
        };
    }
    Some(vec![Turn::user(text)])
}

/// A dialogue, to its end.
async fn converse(talk: &mut Talk<'_>, case: &Case, id: &str) -> Said {
    let means = dialogue::Means { attacker: talk.parts.attacker.is_some() };
    let mut machine: Box<dyn Dialogue> =
        dialogue::open_with(id, &case.instruction, talk.parts.max_turns, case.seed, means)
            .map_err(|e| Ended::Nothing(e.to_string()))?;
    let mut heard = None;
    let mut longest: Vec<Turn> = Vec::new();
    let mut scored: Vec<(Vec<Turn>, Vec<Score>)> = Vec::new();
    for _ in 0..MOST_STEPS {
        heard = Some(match machine.next(heard.take()) {
            Step::Target(turns) => {
                let answered = talk.target(&turns).await;
                match &answered {
                    Err(failure @ (Failure::Spent | Failure::Unreachable(_))) => {
                        return Err(Ended::Failure(failure.clone(), longest));
                    }
                    Err(_) => {}
                    Ok(reply) => {
                        longest.clone_from(&turns);
                        longest.push(Turn::assistant(reply.text.clone()));
                    }
                }
                Heard::Target(answered)
            }
            Step::Attacker(turns) => match talk.attacker(&turns).await {
                Err(Failure::Spent) => return Err(Ended::Failure(Failure::Spent, longest)),
                answered => Heard::Attacker(answered),
            },
            Step::Score(turns) => {
                let scores = talk.parts.scorer.score(&talk.goal, &turns, talk.stopped.as_deref()).await;
                let best = crate::score::leading(&scores).or(scores.first()).cloned();
                scored.push((turns, scores));
                Heard::Score(best.unwrap_or_else(|| Score::none("nobody", "there is no judge")))
            }
            Step::Done(turns) => {
                if !turns.iter().any(|t| t.speaker == crate::turn::Speaker::Assistant) {
                    return Err(Ended::Nothing("the dialogue ended without an answer of the target".to_owned()));
                }
                let scores = scored.into_iter().rev().find(|(t, _)| *t == turns).map(|(_, s)| s).unwrap_or_default();
                return Ok((turns, scores));
            }
        });
    }
    if longest.is_empty() {
        return Err(Ended::Nothing(format!("the dialogue did not end within {MOST_STEPS} steps")));
    }
    Ok((longest, Vec::new()))
}
