//! The pool's templates and how two of them, or one, give another.

use std::collections::HashSet;

use fastrand::Rng;

use super::MOST_CHARS;
use super::data::Data;
use super::operators::{CROSSINGS, Genes, MUTATIONS, pick};
use super::prose::{PAYLOAD, Prose};
use super::seeds::Seed;
use super::selection::{self, Arm};
use super::words::Momentum;
use crate::plan::Genetic;

/// A template of the pool.
#[derive(Debug)]
pub(super) struct Individual {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) lang: String,
    /// The template of the pool that it was made from; none for seeds.
    parent: Option<usize>,
    /// Steps from a seed.
    generation: u32,
    /// Sum of fitness.
    total: f64,
    pub(super) trials: u32,
    /// What it was tried on.
    pub(super) goals: HashSet<usize>,
}

/// A template that is about to become a candidate.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) lang: String,
    pub(super) parents: Vec<String>,
    pub(super) operator: String,
    pub(super) generation: u32,
}

impl From<Seed> for Individual {
    fn from(seed: Seed) -> Self {
        Individual {
            id: seed.id,
            text: seed.text,
            lang: seed.lang,
            parent: None,
            generation: 0,
            total: 0.0,
            trials: 0,
            goals: HashSet::new(),
        }
    }
}

impl Individual {
    /// A mutant (id, text, language) that enters the pool.
    pub(super) fn child((id, text, lang): (String, String, String), parent: usize, generation: u32) -> Self {
        Individual { parent: Some(parent), generation, ..Individual::from(Seed { id, lang, text }) }
    }

    /// Mean fitness; 0 before any trial.
    pub(super) fn fitness(&self) -> f64 {
        if self.trials == 0 { 0.0 } else { self.total / f64::from(self.trials) }
    }

    /// What a selector sees of it.
    pub(super) fn arm(&self) -> Arm {
        Arm { parent: self.parent, fitness: (self.trials > 0).then(|| self.fitness()) }
    }

    pub(super) fn tried_on(&mut self, goal: usize, fitness: f64) {
        self.total += fitness;
        self.trials += 1;
        self.goals.insert(goal);
    }

    /// It, as it is.
    pub(super) fn unchanged(&self) -> Draft {
        Draft {
            text: self.text.clone(),
            lang: self.lang.clone(),
            parents: vec![self.id.clone()],
            operator: if self.trials == 0 { "seed" } else { "elite" }.to_owned(),
            generation: self.generation,
        }
    }
}

/// All that breeding looks at.
pub(super) struct Breeder<'a> {
    pub(super) pool: &'a [Individual],
    pub(super) settings: &'a Genetic,
    pub(super) momentum: &'a Momentum,
    pub(super) data: &'a Data,
}

impl Breeder<'_> {
    /// Another template of the same language, by roulette over fitness.
    pub(super) fn partner(&self, chosen: usize, arms: &[Arm], rng: &mut Rng) -> Option<usize> {
        let lang = &self.pool.get(chosen)?.lang;
        let mate = |at: usize| at != chosen && self.pool.get(at).is_some_and(|i| i.lang == *lang);
        (0..self.pool.len()).any(mate).then(|| selection::by_fitness(arms, mate, rng))
    }

    /// A child of a template: crossed with its partner, changed, or both; never neither. `None` when nothing came of it.
    pub(super) fn child(&self, chosen: usize, partner: Option<usize>, rng: &mut Rng) -> Option<Draft> {
        let mut draft = self.pool.get(chosen)?.unchanged();
        let mut done: Vec<&str> = Vec::new();
        if let Some(partner) = partner.and_then(|at| self.pool.get(at))
            && rng.f32() < self.settings.crossover
            && let Some(crossing) = pick(CROSSINGS, rng)
        {
            let (a, b) = (Prose::parse(&draft.text), Prose::parse(&partner.text));
            if let Some(child) = (crossing.apply)(&a, &b, rng).and_then(|c| c.settled(&a)) {
                draft.text = child.to_string();
                draft.parents.push(partner.id.clone());
                draft.generation = draft.generation.max(partner.generation);
                done.push(crossing.id);
            }
        }
        if done.is_empty() || rng.f32() < self.settings.mutation {
            let lang = draft.lang.as_str();
            let genes = Genes { text: &draft.text, lang, momentum: self.momentum, data: self.data };
            let mut usable: Vec<_> = MUTATIONS.iter().filter(|m| m.lang.is_none_or(|l| l == lang)).collect();
            rng.shuffle(&mut usable);
            // Not each has something to change in each text: the first that has.
            if let Some((id, text)) = usable.into_iter().find_map(|m| Some((m.id, (m.apply)(&genes, rng)?))) {
                draft.text = text;
                done.push(id);
            }
        }
        draft.operator = done.join("+");
        draft.generation += 1;
        let sound = draft.text.matches(PAYLOAD).count() == 1 && draft.text.chars().count() <= MOST_CHARS;
        (!done.is_empty() && sound).then_some(draft)
    }
}
