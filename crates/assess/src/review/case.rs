//! One answer and everything that people said of it.

use super::{Opinion, Standing, Task};
use crate::answer::{Label, Said};

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) reviewer: String,
    pub(super) said: Said,
    /// Its place in the chain.
    pub(super) seq: i64,
}

/// The votes on an answer in their order, and which of them count.
///
/// Two people who decide at the same moment are both right to; a row that came too late (a third opinion, a second
/// settlement) stays in the history and counts for nothing, whoever wrote it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    needed: usize,
    votes: Vec<Vote>,
    /// The latest blind votes of the two people who came first, as places in `votes`.
    firsts: Vec<usize>,
    /// The latest settling votes of each who tried.
    settlers: Vec<usize>,
    /// The two blind votes as they stood when the second came.
    pair: Option<[usize; 2]>,
    contested: bool,
}

impl Case {
    pub(super) const fn new(needed: usize) -> Case {
        Case { needed, votes: Vec::new(), firsts: Vec::new(), settlers: Vec::new(), pair: None, contested: false }
    }

    pub(super) fn add(&mut self, vote: Vote) {
        let place = self.votes.len();
        self.votes.push(vote);
        let Some(vote) = self.votes.get(place) else { return };
        let by =
            |of: &[usize]| of.iter().position(|at| self.votes.get(*at).is_some_and(|v| v.reviewer == vote.reviewer));
        let (first, settler) = (by(&self.firsts), by(&self.settlers));
        if vote.said.settles {
            let counts = match self.settled() {
                Some((settled, _)) => settled.reviewer == vote.reviewer,
                None => self.standing() == Standing::Disagreed && first.is_none(),
            };
            match settler {
                Some(slot) if counts => self.settlers[slot] = place,
                None if counts => self.settlers.push(place),
                _ => {}
            }
        } else if self.settled().is_none() {
            match first {
                Some(slot) => self.firsts[slot] = place,
                None if self.firsts.len() < 2 => self.firsts.push(place),
                None => {}
            }
        }
        if let (None, [a, b]) = (self.pair, self.firsts.as_slice()) {
            self.pair = Some([*a, *b]);
        }
        self.contested |= self.standing() == Standing::Disagreed;
    }

    fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Vote> {
        places.iter().filter_map(|place| self.votes.get(*place))
    }

    pub(super) fn votes(&self) -> impl DoubleEndedIterator<Item = &Vote> {
        self.votes.iter()
    }

    /// The vote that settled it.
    fn settled(&self) -> Option<(&Vote, Label)> {
        let sure = self.at(&self.settlers).find(|vote| vote.said.label != Label::Unsure)?;
        Some((sure, sure.said.label))
    }

    pub(super) fn standing(&self) -> Standing {
        let sure: Vec<Label> = self.at(&self.firsts).map(|v| v.said.label).filter(|l| *l != Label::Unsure).collect();
        match sure.as_slice() {
            [label, others @ ..] if sure.len() >= self.needed && others.iter().all(|l| l == label) => {
                Standing::Decided { label: *label, settled: false }
            }
            _ => match (self.settled(), self.firsts.len()) {
                (Some((_, label)), _) => Standing::Decided { label, settled: true },
                (None, 0) => Standing::Open,
                (None, 1) => Standing::Half,
                (None, _) => Standing::Disagreed,
            },
        }
    }

    /// What this person said last, whether it counts or not.
    pub(super) fn last_of(&self, reviewer: &str) -> Option<&Vote> {
        self.votes.iter().rev().find(|vote| vote.reviewer == reviewer)
    }

    fn is_of(&self, places: &[usize], reviewer: &str) -> bool {
        self.at(places).any(|vote| vote.reviewer == reviewer)
    }

    fn settle(&self) -> Task {
        let mut others: Vec<Opinion> =
            self.at(&self.firsts).map(|v| Opinion { label: v.said.label, note: v.said.note.clone() }).collect();
        others.sort();
        Task::Settle { others }
    }

    /// What this person may do with it, or why nothing.
    pub(super) fn may(&self, reviewer: &str) -> Result<Task, &'static str> {
        if let Some((settled, _)) = self.settled() {
            // Somebody who pressed the wrong key must be able to say so.
            return if settled.reviewer == reviewer { Ok(self.settle()) } else { Err("a third person has settled it") };
        }
        // One of the two who disagree may change their own mind, but never settle.
        if self.is_of(&self.firsts, reviewer) {
            return Ok(Task::First);
        }
        match self.standing() {
            Standing::Open | Standing::Half => Ok(Task::First),
            Standing::Disagreed => Ok(self.settle()),
            Standing::Decided { .. } => Err("others have decided it already"),
        }
    }

    /// What this person is to do with it: nothing where they have done it.
    pub(super) fn next_for(&self, reviewer: &str) -> Option<Task> {
        let done =
            self.settled().is_some() || self.is_of(&self.firsts, reviewer) || self.is_of(&self.settlers, reviewer);
        if done { None } else { self.may(reviewer).ok() }
    }

    /// The two blind labels as they stood when the second came, by the names of those who gave them.
    pub(super) fn pair(&self) -> Option<(Label, Label)> {
        let [a, b] = self.pair?;
        let (a, b) = (self.votes.get(a)?, self.votes.get(b)?);
        let (a, b) = if a.reviewer <= b.reviewer { (a, b) } else { (b, a) };
        Some((a.said.label, b.said.label))
    }

    /// Whether two people ever disagreed on it.
    pub(super) const fn was_contested(&self) -> bool {
        self.contested
    }
}
