//! Human review: two people decide each answer without seeing each other, a third settles what they disagree on.
//!
//! Nothing here keeps anything: a [`Review`] is built from the answers and the store's chain of decisions, says how each
//! answer stands and what somebody may decide, and makes the rows that the store appends. Whoever builds it again from
//! the same rows gets the same review.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use menshen_store::{DecisionRow, NewDecision};
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, Label, Said};
use crate::error::{Error, Problems};
use crate::question::{BankKind, Group};
use crate::result::{ReviewNote, Wording};

mod case;
mod criterion;
mod hand_in;
mod name;
mod sheet;
#[cfg(test)]
mod tests;
mod workbook;

use case::{Case, Vote};
pub use hand_in::{Imported, LARGEST, import};
pub use name::reviewer_name;
pub use sheet::export;

/// The most characters of a note.
pub const LONGEST_NOTE: usize = 2_000;

/// How a decision came that stood in a sheet.
const SHEET: &str = "xlsx";

/// An answer that people decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// What it answers; unique in its run.
    pub key: String,
    /// The bank (`generated`, `refuse`, `answer`) or the measure.
    pub bank: String,
    /// The risk or aspect; empty where there is none.
    pub group: String,
    /// The name of the risk or aspect.
    pub group_name: Wording,
    /// What to decide by.
    pub criterion: Wording,
    /// The question's language.
    pub lang: String,
    /// What was asked.
    pub asked: String,
    /// What came back.
    pub answer: String,
    /// Set when a guard or the provider's filter stopped the exchange: what it called that.
    pub stopped: Option<String>,
}

impl Item {
    /// What may be said of it, in the order of the keys 1, 2, 3.
    pub fn labels(&self) -> &'static [Label] {
        Label::of_bank(&self.bank)
    }
}

impl From<(&str, &Answer)> for Item {
    fn from((key, answer): (&str, &Answer)) -> Item {
        let bank = answer.bank.parse::<BankKind>().ok();
        let group = bank.and_then(|bank| Group::parse(bank, &answer.group).ok());
        let group_name = match group {
            Some(group) => Wording::new(group.zh(), group.en()),
            None => Wording::new(&answer.group, &answer.group),
        };
        Item {
            key: key.to_owned(),
            bank: answer.bank.clone(),
            group: answer.group.clone(),
            criterion: criterion::of(&answer.bank, &answer.group),
            group_name,
            lang: answer.lang.clone(),
            asked: answer.asked.clone(),
            answer: answer.text.clone(),
            stopped: answer.stopped.clone(),
        }
    }
}

/// How an answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody decided it.
    Open,
    /// Somebody did; another person must.
    Half,
    /// Two people disagree, or are both unsure; a third must settle it.
    Disagreed,
    /// What counts.
    Decided {
        /// The decision, never [`Label::Unsure`].
        label: Label,
        /// Whether a third person settled it.
        settled: bool,
    },
}

/// What somebody is asked to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// To decide it without knowing of anybody else's decision.
    First,
    /// To settle what two others disagree on.
    Settle {
        /// What they said, in the order of the labels; not who said what.
        others: Vec<Opinion>,
    },
}

/// What one of two who disagree said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opinion {
    /// The decision.
    pub label: Label,
    /// Why, when they said.
    pub note: String,
}

/// How far the review is: all of it, or what one person may know of it without learning what others decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Answers in all.
    pub total: usize,
    /// Answers that are not decided; for one person: that they can decide now.
    pub left: usize,
    /// Answers that are decided; for one person: that they have decided.
    pub done: usize,
    /// Answers that wait for a second person; for one person: of those that they have decided.
    pub waiting: usize,
    /// Answers that two people disagree on; for one person: that they can settle.
    pub disagreed: usize,
}

/// A review of the answers of a run.
#[derive(Debug, Clone)]
pub struct Review {
    run: String,
    items: Arc<[Item]>,
    /// The place of each key in `items` and `cases`.
    places: HashMap<String, usize>,
    cases: Vec<Case>,
    /// The last link of the chain; empty when there is none.
    chain: String,
}

impl Review {
    /// The review of these answers after these decisions, where so many people (1 or 2) must say the same.
    ///
    /// # Errors
    /// When a key is there twice, or a decision is not what was written, names an answer that is not there, or cannot
    /// be read: it is named by its place in the chain.
    pub fn new(
        run: &str,
        items: impl Into<Arc<[Item]>>,
        decisions: &[DecisionRow],
        needed: usize,
    ) -> Result<Review, Error> {
        if !(1..=2).contains(&needed) {
            return Err(Error::Unusable(format!("one or two people must decide an answer, not {needed}")));
        }
        let items = items.into();
        let mut places = HashMap::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            if places.insert(item.key.clone(), place).is_some() {
                return Err(Error::Unusable(format!("the answer {:?} is there twice", item.key)));
            }
        }
        let cases = vec![Case::new(needed); items.len()];
        let mut review = Review { run: run.to_owned(), items, places, cases, chain: String::new() };
        let mut problems = Problems::default();
        for (i, row) in decisions.iter().enumerate() {
            if let Err(problem) = review.take(i, row) {
                problems.0.push(format!("decision {}: {problem}", row.seq));
            }
            review.chain.clone_from(&row.hash);
        }
        problems.or(&format!("the decisions of run {run}"), review)
    }

    fn take(&mut self, i: usize, row: &DecisionRow) -> Result<(), String> {
        let expected = i64::try_from(i).map_or(i64::MAX, |i| i.saturating_add(1));
        if row.seq != expected || row.previous != self.chain {
            return Err(format!("the chain is broken: this is not what follows decision {}", expected - 1));
        }
        if row.hash != row.chained(&self.run) {
            return Err("the chain is broken: it is not what was written".to_owned());
        }
        let place = *self.places.get(&row.key).ok_or_else(|| format!("there is no answer {:?}", row.key))?;
        let (Some(item), Some(case)) = (self.items.get(place), self.cases.get_mut(place)) else {
            return Err(format!("there is no answer {:?}", row.key));
        };
        let said: Said = serde_json::from_value(row.document.clone()).map_err(|e| format!("it cannot be read: {e}"))?;
        if !item.labels().contains(&said.label) {
            return Err(format!("{} is no decision on an answer to the bank {:?}", said.label, item.bank));
        }
        case.add(Vote { reviewer: row.reviewer.clone(), said, seq: row.seq });
        Ok(())
    }

    /// The run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The answers.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The answer to this key.
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.places.get(key).and_then(|place| self.items.get(*place))
    }

    fn case(&self, key: &str) -> Option<&Case> {
        self.places.get(key).and_then(|place| self.cases.get(*place))
    }

    fn each(&self) -> impl Iterator<Item = (&Item, &Case)> {
        self.items.iter().zip(&self.cases)
    }

    /// How an answer stands.
    pub fn standing(&self, key: &str) -> Option<Standing> {
        self.case(key).map(Case::standing)
    }

    /// What counts: what two people agree on, or what a third settled. Never [`Label::Unsure`].
    pub fn decided(&self, key: &str) -> Option<Label> {
        match self.standing(key)? {
            Standing::Decided { label, .. } => Some(label),
            _ => None,
        }
    }

    /// What somebody said last of an answer.
    pub fn own(&self, reviewer: &str, key: &str) -> Option<&Said> {
        self.case(key)?.last_of(reviewer).map(|vote| &vote.said)
    }

    /// What somebody said last of an answer, and what they last said of it in a sheet.
    fn recorded(&self, reviewer: &str, key: &str) -> (Option<&Said>, Option<&Said>) {
        let own = |sheet: bool| {
            let mut votes = self.case(key)?.votes().rev().filter(|vote| vote.reviewer == reviewer);
            votes.find(|vote| !sheet || vote.said.via == SHEET).map(|vote| &vote.said)
        };
        (own(false), own(true))
    }

    /// What somebody can decide now, in their own order: what two others disagree on comes first, the rest in an order
    /// that is another one for everybody, so that two people do not walk side by side.
    pub fn queue(&self, reviewer: &str) -> Vec<(&Item, Task)> {
        let mut queue: Vec<_> = self
            .each()
            .filter_map(|(item, case)| {
                let task = case.next_for(reviewer)?;
                // One bank after the other: the keys of the page then mean the same from one answer to the next.
                let bank = BankKind::ALL.iter().position(|kind| kind.id() == item.bank);
                Some(((task == Task::First, bank, self.order(reviewer, &item.key)), item, task))
            })
            .collect();
        queue.sort_by_key(|(order, ..)| *order);
        queue.into_iter().map(|(_, item, task)| (item, task)).collect()
    }

    /// The first of [`Review::queue`].
    pub fn next(&self, reviewer: &str) -> Option<(&Item, Task)> {
        self.queue(reviewer).into_iter().next()
    }

    /// What comes after this answer in [`Review::queue`], and from the beginning after the last: for those who skip one.
    pub fn after(&self, reviewer: &str, key: &str) -> Option<(&Item, Task)> {
        let mut queue = self.queue(reviewer);
        let next = match queue.iter().position(|(item, _)| item.key == key) {
            Some(place) => (place + 1) % queue.len(),
            None => 0,
        };
        (next < queue.len()).then(|| queue.swap_remove(next))
    }

    fn order(&self, reviewer: &str, key: &str) -> [u8; 32] {
        hash_of([self.run.as_str(), reviewer, key])
    }

    /// What somebody decided and may still change, latest first.
    pub fn mine(&self, reviewer: &str) -> Vec<(&Item, Task, &Said)> {
        let mut mine: Vec<_> = self
            .each()
            .filter_map(|(item, case)| {
                let vote = case.last_of(reviewer)?;
                Some((vote.seq, (item, case.may(reviewer).ok()?, &vote.said)))
            })
            .collect();
        mine.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        mine.into_iter().map(|(_, own)| own).collect()
    }

    /// How far the review is: as a whole, or as much as this person may know of it.
    pub fn progress(&self, reviewer: Option<&str>) -> Progress {
        let mut progress = Progress { total: self.items.len(), ..Progress::default() };
        for case in &self.cases {
            let standing = case.standing();
            let (left, done, waiting, disagreed) = match reviewer {
                None => {
                    let done = matches!(standing, Standing::Decided { .. });
                    (!done, done, standing == Standing::Half, standing == Standing::Disagreed)
                }
                Some(reviewer) => {
                    let (next, done) = (case.next_for(reviewer), case.last_of(reviewer).is_some());
                    let settle = matches!(next, Some(Task::Settle { .. }));
                    (next.is_some(), done, done && standing == Standing::Half, settle)
                }
            };
            progress.left += usize::from(left);
            progress.done += usize::from(done);
            progress.waiting += usize::from(waiting);
            progress.disagreed += usize::from(disagreed);
        }
        progress
    }

    /// What somebody may do with an answer: decide it, revise what they decided until a third has settled it, settle it.
    ///
    /// # Errors
    /// When there is no such answer, others have decided it, or it was settled.
    pub fn may_decide(&self, reviewer: &str, key: &str) -> Result<Task, Error> {
        let reviewer = reviewer_name(reviewer)?;
        let case = self.case(key).ok_or_else(|| Error::NotFound(format!("there is no answer {key:?} in this run")))?;
        case.may(&reviewer).map_err(|why| Error::Unusable(why.to_owned()))
    }

    /// The row to append when somebody decides an answer.
    ///
    /// # Errors
    /// What [`Review::may_decide`] refuses, a label that does not fit the bank, a note that is too long.
    pub fn decide(&self, reviewer: &str, key: &str, label: Label, note: &str, via: &str) -> Result<NewDecision, Error> {
        let task = self.may_decide(reviewer, key)?;
        let allowed = self.item(key).map_or(&[] as &[Label], Item::labels);
        if !allowed.contains(&label) {
            let words: Vec<String> = allowed.iter().map(|l| format!("{} ({l})", l.zh())).collect();
            let (given, words) = (format!("{} ({label})", label.zh()), words.join(", "));
            return Err(Error::Unusable(format!("{given} is no decision on this answer; it can be {words}")));
        }
        let note = name::note(note)?;
        let said = Said { label, note, settles: task != Task::First, via: via.to_owned() };
        let document = serde_json::to_value(said).map_err(|e| Error::Unusable(format!("it cannot be written: {e}")))?;
        Ok(NewDecision { reviewer: reviewer_name(reviewer)?, key: key.to_owned(), document })
    }

    /// What the report says of the review. Cohen's κ is that of the two people's decisions as they stood when the
    /// second of them first decided: what somebody revises later does not make them agree. [`Label::Unsure`] is a
    /// label of its own there. The raters of an answer are ordered by their names.
    pub fn note(&self) -> ReviewNote {
        let (mut pairs, mut reviewers) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut note =
            ReviewNote { queued: self.items.len() as u64, chain: self.chain.clone(), ..ReviewNote::default() };
        for case in &self.cases {
            let standing = case.standing();
            note.decided += u64::from(matches!(standing, Standing::Decided { .. }));
            note.disagreed += u64::from(case.was_contested());
            note.resolved += u64::from(matches!(standing, Standing::Decided { settled: true, .. }));
            pairs.extend(case.pair().map(|(a, b)| (a as usize, b as usize)));
            for name in case.votes().map(|vote| &vote.reviewer).collect::<HashSet<_>>() {
                *reviewers.entry(name.clone()).or_default() += 1;
            }
        }
        note.kappa = crate::share::kappa(&pairs, Label::ALL.len());
        note.reviewers = reviewers;
        note
    }
}

/// SHA-256 over texts, each with its length.
fn hash_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}
