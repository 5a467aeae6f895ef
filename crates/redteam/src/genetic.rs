//! Genetic search over jailbreak templates: which framing of a request gets through, found by changing what did.
//!
//! A [`Search`] is asked for a generation of [`Candidate`]s and told what became of them; it sends nothing itself. The
//! same settings, seed and scores give the same candidates, in whatever order the scores are told.
//!
//! It joins two lines of work. From GPTFuzz (arXiv 2309.10253): the five operators, the choice of seeds as a bandit or a
//! tree, and a pool that only grows by what is worth it. From AutoDAN (arXiv 2310.04451): elites, softmax roulette,
//! multi-point crossover of sentences and paragraphs, the momentum word dictionary. AutoDAN's fitness needs the target's
//! logits; here it is the judge's score, which any target has. All operators work by rule; a runner with an attacker's
//! model may let it do them instead ([`Options::rewrites`]).
//!
//! **Who enters the pool**: a mutant that succeeded, or whose score is above the mean of the template that it was made
//! from (its first parent). Others are forgotten but for what they taught the selector and the words.

use std::collections::{BTreeMap, HashSet};

use fastrand::Rng;

use crate::Error;
use crate::attempt::Lineage;
use crate::plan::Genetic;

mod breed;
mod data;
mod operators;
mod prose;
mod rewrite;
mod seeds;
mod selection;
#[cfg(test)]
mod tests;
mod words;

pub use rewrite::ModelRewrite;
pub use seeds::{Seed, seeds};

use breed::{Breeder, Draft, Individual};
use data::Data;
use prose::PAYLOAD;
use selection::{Arm, Draw, Selector};
use words::Momentum;

/// The longest template, in characters: beyond it answers are about the template.
const MOST_CHARS: usize = 4000;
/// How often a place in a generation is tried to be filled with something new.
const TRIES: usize = 24;
/// The most individuals of a generation and generations.
const MOST: u32 = 1000;

/// A template to be tried on a goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Unique within the search: `2-07` is the seventh of the second generation.
    pub id: String,
    /// Which goal, from 0.
    pub goal: usize,
    /// The text with `{payload}`.
    pub template: String,
    /// What it was made from and how. Parents are ids of candidates, or of seeds such as `persona_twin.zh`.
    pub lineage: Lineage,
    /// What an attacker's model may be asked for instead; only with [`Options::rewrites`].
    pub rewrite: Option<ModelRewrite>,
}

impl Candidate {
    /// The prompt: the request in its place.
    pub fn write(&self, payload: &str) -> String {
        self.template.replace(PAYLOAD, payload)
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The candidate.
    pub id: String,
    /// The judge's score, 0 to 1.
    pub value: f32,
    /// Whether the target did what was asked. A success is worth 1 whatever its score.
    pub success: bool,
}

impl Found {
    fn fitness(&self) -> f64 {
        match self.success {
            true => 1.0,
            false if self.value.is_nan() => 0.0,
            false => f64::from(self.value.clamp(0.0, 1.0)),
        }
    }
}

/// What a plan does not say about a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The languages of the goals, by goal. With them, templates are tried on goals of their language when there are
    /// any, and seeds are taken of these languages only.
    pub langs: Vec<String>,
    /// Ends after so many candidates; population × generations when absent.
    pub max_queries: Option<u64>,
    /// Ends after so many candidates that did not succeed; never when absent.
    pub max_rejects: Option<u64>,
    /// Whether mutants come with a prompt for an attacker's model.
    pub rewrites: bool,
}

/// A candidate that is out.
#[derive(Debug)]
struct Pending {
    candidate: Candidate,
    lang: String,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A template of the pool, as it is.
    Known(usize),
    /// Something new, and the choice that led to it.
    Mutant(Draw),
}

/// What is known of a goal.
#[derive(Debug, Default)]
struct Goal {
    lang: Option<String>,
    tries: u32,
    successes: u32,
}

/// A genetic search.
#[derive(Debug)]
pub struct Search {
    settings: Genetic,
    options: Options,
    data: &'static Data,
    rng: Rng,
    selector: Selector,
    momentum: Momentum,
    pool: Vec<Individual>,
    goals: Vec<Goal>,
    /// Every text that was ever a candidate.
    seen: HashSet<String>,
    pending: Vec<Pending>,
    generation: u32,
    queries: u64,
    successes: usize,
    rejects: u64,
    exhausted: bool,
}

/// What a plan says about genetic search makes sense.
///
/// # Errors
/// [`Error::Plan`] or [`Error::Unknown`], with what to write instead.
pub fn check(settings: &Genetic) -> Result<(), Error> {
    let most = MOST as usize;
    if !(2..=most).contains(&settings.population) {
        return Err(bad(format!("population is {}; write 2 to {most}, 12 is usual", settings.population)));
    }
    if !(1..=MOST).contains(&settings.generations) {
        return Err(bad(format!("generations is {}; write 1 to {MOST}, 4 is usual", settings.generations)));
    }
    if !(0.0..1.0).contains(&settings.elites) {
        return Err(bad(format!("elites is {}; write a share from 0 to below 1, such as 0.1", settings.elites)));
    }
    for (name, value) in [("crossover", settings.crossover), ("mutation", settings.mutation)] {
        if !(0.0..=1.0).contains(&value) {
            return Err(bad(format!("{name} is {value}; write a probability from 0 to 1")));
        }
    }
    if settings.enough == 0 {
        return Err(bad("enough is 0, so nothing would be tried; write how many successes end the search, such as 5"));
    }
    if Selector::named(&settings.selection).is_none() {
        let names = selection::NAMES.join(", ");
        return Err(bad(format!("selection {:?} is not known; write one of {names}", settings.selection)));
    }
    seeds(settings).map(|_| ())
}

/// A fault of the settings.
fn bad(problem: impl Into<String>) -> Error {
    Error::Plan { origin: "plan".to_owned(), problem: format!("genetic: {}", problem.into()) }
}

impl Search {
    /// A search for so many goals.
    ///
    /// # Errors
    /// Those of [`check`]; [`Error::Plan`] when there is no goal, [`Error::Data`] when the pack's data cannot be read.
    pub fn new(settings: &Genetic, goals: usize, seed: u64) -> Result<Search, Error> {
        Search::with(settings, goals, seed, Options::default())
    }

    /// The same, with what a plan does not say.
    ///
    /// # Errors
    /// Those of [`Search::new`].
    pub fn with(settings: &Genetic, goals: usize, seed: u64, options: Options) -> Result<Search, Error> {
        check(settings)?;
        if goals == 0 {
            return Err(bad("there is no goal to search for; give the item instructions or texts"));
        }
        let selector = Selector::named(&settings.selection)
            .ok_or_else(|| bad(format!("selection {:?} is not known", settings.selection)))?;
        let langs: Vec<&str> = match options.langs.iter().any(|l| matches!(l.as_str(), "zh" | "en")) {
            true => options.langs.iter().map(String::as_str).collect(),
            false => vec!["zh", "en"],
        };
        let pool = seeds::among(settings, &langs)?.into_iter().map(Individual::from).collect::<Vec<_>>();
        Ok(Search {
            settings: settings.clone(),
            data: Data::shipped()?,
            rng: Rng::with_seed(seed),
            selector,
            momentum: Momentum::default(),
            seen: pool.iter().map(|i| i.text.clone()).collect(),
            pool,
            goals: (0..goals).map(|at| Goal { lang: options.langs.get(at).cloned(), ..Goal::default() }).collect(),
            options,
            pending: Vec::new(),
            generation: 0,
            queries: 0,
            successes: 0,
            rejects: 0,
            exhausted: false,
        })
    }

    /// Whether the search has ended: its generations are done, there were successes enough, the queries or rejects are
    /// used up, or nothing new can be made of its templates.
    pub fn is_over(&self) -> bool {
        self.exhausted
            || self.generation >= self.settings.generations
            || self.successes >= self.settings.enough
            || self.queries >= self.max_queries()
            || self.options.max_rejects.is_some_and(|most| self.rejects >= most)
    }

    fn max_queries(&self) -> u64 {
        let usual = self.settings.population as u64 * u64::from(self.settings.generations);
        self.options.max_queries.map_or(usual, |most| most.min(usual))
    }

    /// The next generation: first the seeds as they are; later the elites, each on a goal that it was not tried on, and
    /// mutants. Empty when the search is over. What is not told of until the next call counts as never tried.
    pub fn ask(&mut self) -> Vec<Candidate> {
        self.drop_pending();
        if self.is_over() {
            return Vec::new();
        }
        self.generation += 1;
        let left = usize::try_from(self.max_queries().saturating_sub(self.queries)).unwrap_or(usize::MAX);
        let size = self.settings.population.min(left);
        let known = if self.generation == 1 { (0..self.pool.len()).collect() } else { self.elites() };
        for arm in known {
            if self.pending.len() < size {
                self.push_known(arm);
            }
        }
        while self.pending.len() < size {
            if !self.push_mutant() {
                break;
            }
        }
        self.queries += self.pending.len() as u64;
        self.exhausted = self.pending.is_empty();
        self.pending.iter().map(|p| p.candidate.clone()).collect()
    }

    /// Puts what an attacker's model answered in the place of a candidate's template. `None` when there is no such
    /// candidate or the answer is no template (no `{payload}`, or more than one): the candidate stays as it was.
    pub fn rewritten(&mut self, id: &str, answer: &str) -> Option<Candidate> {
        let pending = self.pending.iter_mut().find(|p| p.candidate.id == id)?;
        let operator = pending.candidate.rewrite.as_ref()?.operator;
        let text = rewrite::read(answer, MOST_CHARS)?;
        if !self.seen.insert(text.clone()) {
            return None;
        }
        let candidate = &mut pending.candidate;
        candidate.lineage.operator.push_str("+model:");
        candidate.lineage.operator.push_str(operator);
        candidate.lineage.template = Some(text.clone());
        candidate.template = text;
        candidate.rewrite = None;
        Some(candidate.clone())
    }

    /// Learns what became of the candidates of the last [`Search::ask`]. Those that are missing were not tried: they
    /// teach nothing. Names of no candidate are ignored.
    pub fn tell(&mut self, found: &[Found]) {
        let mut by_id: BTreeMap<&str, &Found> = BTreeMap::new();
        for one in found {
            by_id.entry(&one.id).or_insert(one);
        }
        let (told, open): (Vec<Pending>, Vec<Pending>) =
            std::mem::take(&mut self.pending).into_iter().partition(|p| by_id.contains_key(p.candidate.id.as_str()));
        self.pending = open;
        let mut words = Vec::new();
        for pending in told {
            let Some(found) = by_id.get(pending.candidate.id.as_str()) else { continue };
            let fitness = found.fitness();
            let synonyms = &self.data.of(&pending.lang).synonyms;
            words.extend(synonyms.words_in(&pending.candidate.template).into_iter().map(|w| (w, fitness)));
            self.successes += usize::from(found.success);
            self.rejects += u64::from(!found.success);
            if let Some(goal) = self.goals.get_mut(pending.candidate.goal) {
                goal.successes += u32::from(found.success);
            }
            self.learn(pending, fitness, found.success);
        }
        self.momentum.learn(words);
    }

    fn learn(&mut self, pending: Pending, fitness: f64, success: bool) {
        let candidate = pending.candidate;
        match pending.what {
            What::Known(arm) => {
                let Some(individual) = self.pool.get_mut(arm) else { return };
                if individual.trials == 0 {
                    self.selector.tried(arm, fitness);
                }
                individual.tried_on(candidate.goal, fitness);
            }
            What::Mutant(draw) => {
                self.selector.learn(&draw, fitness);
                let parent = self.pool.get(draw.arm()).map_or(0.0, Individual::fitness);
                if success || fitness > parent {
                    let born = (candidate.id, candidate.template, pending.lang);
                    let mut individual = Individual::child(born, draw.arm(), candidate.lineage.generation);
                    individual.tried_on(candidate.goal, fitness);
                    self.pool.push(individual);
                }
            }
        }
    }

    /// Undoes what is out and was not told of.
    fn drop_pending(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            if let What::Mutant(draw) = &pending.what {
                self.selector.forget(draw);
            }
        }
    }

    /// The best share of the pool, best first, that has a goal left.
    fn elites(&self) -> Vec<usize> {
        if self.settings.elites <= 0.0 {
            return Vec::new();
        }
        let share = (self.settings.population as f64 * f64::from(self.settings.elites)).round().max(1.0) as usize;
        let mut ranked: Vec<(usize, &Individual)> =
            self.pool.iter().enumerate().filter(|(_, i)| i.trials > 0).collect();
        ranked.sort_by(|(a, x), (b, y)| y.fitness().total_cmp(&x.fitness()).then(a.cmp(b)));
        ranked.truncate(share);
        let open = ranked.into_iter().filter(|(_, i)| i.fitness() > 0.0 && i.goals.len() < self.goals.len());
        open.map(|(at, _)| at).collect()
    }

    fn push_known(&mut self, arm: usize) {
        let Some(individual) = self.pool.get(arm) else { return };
        let Some(goal) = self.goal_for(&individual.lang, &individual.goals) else { return };
        let draft = individual.unchanged();
        self.push(goal, draft, What::Known(arm), None);
    }

    /// Makes something new; `false` when nothing new can be made.
    fn push_mutant(&mut self) -> bool {
        for _ in 0..TRIES {
            let arms: Vec<Arm> = self.pool.iter().map(Individual::arm).collect();
            let Some(draw) = self.selector.choose(&arms, &mut self.rng) else { return false };
            let breeder =
                Breeder { pool: &self.pool, settings: &self.settings, momentum: &self.momentum, data: self.data };
            let partner = breeder.partner(draw.arm(), &arms, &mut self.rng);
            let Some(draft) =
                breeder.child(draw.arm(), partner, &mut self.rng).filter(|d| !self.seen.contains(&d.text))
            else {
                self.selector.forget(&draw);
                continue;
            };
            let rewrite = match self.options.rewrites {
                true => {
                    let other = partner.and_then(|at| self.pool.get(at)).map(|p| p.text.as_str());
                    ModelRewrite::draw(self.data.of(&draft.lang), &draft.text, other, &mut self.rng)
                }
                false => None,
            };
            let Some(goal) = self.goal_for(&draft.lang, &HashSet::new()) else { return false };
            self.push(goal, draft, What::Mutant(draw), rewrite);
            return true;
        }
        false
    }

    /// The goal with the fewest successes, then the fewest tries, of the language when one is; `None` when `but` has all.
    fn goal_for(&self, lang: &str, but: &HashSet<usize>) -> Option<usize> {
        let open = self.goals.iter().enumerate().filter(|(at, _)| !but.contains(at));
        let other_lang = |goal: &Goal| goal.lang.as_deref().is_some_and(|l| l != lang);
        open.min_by_key(|(at, goal)| (other_lang(goal), goal.successes, goal.tries, *at)).map(|(at, _)| at)
    }

    fn push(&mut self, goal: usize, draft: Draft, what: What, rewrite: Option<ModelRewrite>) {
        if let Some(goal) = self.goals.get_mut(goal) {
            goal.tries += 1;
        }
        self.seen.insert(draft.text.clone());
        let lineage = Lineage {
            parents: draft.parents,
            operator: draft.operator,
            generation: draft.generation,
            template: Some(draft.text.clone()),
        };
        let id = format!("{}-{:02}", self.generation, self.pending.len() + 1);
        let candidate = Candidate { id, goal, template: draft.text, lineage, rewrite };
        self.pending.push(Pending { candidate, lang: draft.lang, what });
    }
}
