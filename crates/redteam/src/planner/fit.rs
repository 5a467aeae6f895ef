//! Which techniques can be used here: they exist, the target takes what they send, and nobody is missing.

use super::book::Book;
use crate::mutator::Apply;
use crate::plan::{Item, Plan};
use crate::target::Spec;
use crate::technique::Technique;

/// What a plan has to work with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// The target takes files.
    pub multimodal: bool,
    /// There is a model in the attacker's place.
    pub attacker: bool,
}

impl Fit {
    /// Of a target and whether there is an attacker.
    pub const fn of(target: &Spec, attacker: bool) -> Fit {
        Fit { multimodal: target.multimodal, attacker }
    }

    /// Why a technique cannot be used here; `Ok` when it can.
    pub fn check(self, technique: &str) -> Result<Technique, String> {
        let technique: Technique = technique.parse().map_err(|e: crate::Error| e.to_string())?;
        if technique.needs_attacker() && !self.attacker {
            return Err(format!("{technique} needs a model in the attacker's place"));
        }
        let file = technique.mutators().iter().any(|m| matches!(m.apply, Apply::Carrier(_)));
        if file && !self.multimodal {
            return Err(format!("{technique} sends a file, and this target takes none"));
        }
        Ok(technique)
    }

    /// `plain`, then at most so many of these sets, taken in turns so that each set is heard.
    pub fn choose(self, book: &Book, sets: &[&str], most: usize, genetic: bool) -> Vec<String> {
        let mut lists: Vec<_> = sets.iter().map(|s| book.techniques(s).iter()).collect();
        let mut chosen = vec!["plain".to_owned()];
        let mut open = true;
        while open && chosen.len() <= most {
            open = false;
            for list in &mut lists {
                let next =
                    list.find(|t| !chosen.contains(t) && (genetic || t.as_str() != "genetic") && self.check(t).is_ok());
                if let Some(next) = next
                    && chosen.len() <= most
                {
                    chosen.push(next.clone());
                    open = true;
                }
            }
        }
        chosen
    }
}

/// Requests to the target that a technique takes for one instruction: at least and at most.
pub(super) fn requests(technique: &str, plan: &Plan, book: &Book) -> (u64, u64) {
    let turns = u64::from(plan.max_turns.max(1));
    match technique.parse::<Technique>() {
        Ok(Technique::Dialogue(id)) if id == "tap" => (1, turns * book.estimate.tap_requests_per_turn),
        Ok(Technique::Dialogue(_)) => (1, turns),
        _ => (1, 1),
    }
}

/// Cases and requests of an item: cases, requests at least, requests at most, requests to the attacker at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub cases: u64,
    pub least: u64,
    pub most: u64,
    pub attacker: u64,
}

impl std::ops::AddAssign for Load {
    fn add_assign(&mut self, other: Load) {
        self.cases += other.cases;
        self.least += other.least;
        self.most += other.most;
        self.attacker += other.attacker;
    }
}

/// What an item with so many instructions takes.
pub(super) fn load(plan: &Plan, item: &Item, instructions: usize, book: &Book) -> Load {
    let each = instructions as u64 * u64::from(item.repeats.max(1));
    let mut all = Load::default();
    for technique in item.techniques() {
        if technique == "genetic" {
            let generation = plan.genetic.population as u64;
            let most = generation * u64::from(plan.genetic.generations);
            all += Load { cases: most, least: generation.min(most), most, attacker: 0 };
            continue;
        }
        let (least, most) = requests(technique, plan, book);
        let attacker = technique.parse::<Technique>().is_ok_and(|t| t.needs_attacker());
        all += Load {
            cases: each,
            least: each * least,
            most: each * most,
            attacker: if attacker { each * most } else { 0 },
        };
    }
    all
}
