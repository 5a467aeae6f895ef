//! Drives an attack that is written as a sequence of steps, and keeps what holds for all of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Dialogue, Heard, Step};
use crate::score::Score;
use crate::target::Failure;
use crate::turn::Turn;

/// The most steps of a dialogue, [`Step::Done`] not counted.
pub const MOST_STEPS: usize = 360;
/// So many exchanges in a row without an answer of the target end a dialogue.
const MOST_FAILURES: u32 = 3;

/// Where an attack and its driver meet.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Exchange>>);

#[derive(Debug, Default)]
enum Exchange {
    #[default]
    Idle,
    Asked(Step),
    Answered(Heard),
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a step and waits for what comes of it. The driver answers each step with its own kind.
    pub(super) async fn exchange(&self, step: Step) -> Heard {
        *self.lock() = Exchange::Asked(step);
        std::future::poll_fn(|_| {
            let mut slot = self.lock();
            match std::mem::take(&mut *slot) {
                Exchange::Answered(heard) => Poll::Ready(heard),
                other => {
                    *slot = other;
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn asked(&self) -> Option<Step> {
        match std::mem::take(&mut *self.lock()) {
            Exchange::Asked(step) => Some(step),
            _ => None,
        }
    }
}

/// A dialogue that runs this attack.
pub(super) fn start(slot: Slot, attack: impl Future<Output = ()> + Send + 'static) -> Box<dyn Dialogue> {
    Box::new(Driver {
        slot,
        attack: Some(Box::pin(attack)),
        asked: None,
        steps: 0,
        failures: 0,
        best: None,
        last: Vec::new(),
    })
}

struct Driver {
    slot: Slot,
    /// `None`: it is over.
    attack: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    asked: Option<Step>,
    steps: usize,
    failures: u32,
    best: Option<(Rank, Vec<Turn>)>,
    /// The last conversation that ends with the target's turn.
    last: Vec<Turn>,
}

/// How much a judged conversation counts. One that no judge could say anything of goes before one that surely did no
/// harm: what is unknown must not be reported as safe.
#[derive(Debug, Clone, Copy)]
struct Rank {
    success: u8,
    value: f32,
}

impl Rank {
    const fn of(score: &Score) -> Rank {
        let success = match score.success {
            Some(true) => 2,
            None => 1,
            Some(false) => 0,
        };
        Rank { success, value: if score.value.is_finite() { score.value } else { 0.0 } }
    }

    /// Of equals the later counts: it is further on its way.
    fn is_at_least(self, other: Rank) -> bool {
        self.success.cmp(&other.success).then(self.value.total_cmp(&other.value)).is_ge()
    }
}

impl Dialogue for Driver {
    fn next(&mut self, heard: Option<Heard>) -> Step {
        if let Some(asked) = self.asked.take() {
            let heard = fitting(&asked, heard);
            if self.is_settled_by(asked, &heard) {
                return self.done();
            }
            *self.slot.lock() = Exchange::Answered(heard);
        }
        if self.steps >= MOST_STEPS {
            return self.done();
        }
        let Some(attack) = &mut self.attack else { return self.done() };
        let polled = attack.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match (polled, self.slot.asked()) {
            (Poll::Pending, Some(step)) => {
                self.steps += 1;
                self.asked = Some(step.clone());
                step
            }
            _ => self.done(),
        }
    }
}

impl Driver {
    fn done(&mut self) -> Step {
        self.attack = None;
        Step::Done(self.best.as_ref().map_or_else(|| self.last.clone(), |(_, turns)| turns.clone()))
    }

    /// Keeps what was heard. Whether nothing more is to be tried.
    fn is_settled_by(&mut self, asked: Step, heard: &Heard) -> bool {
        match (asked, heard) {
            (Step::Target(mut turns), Heard::Target(Ok(reply))) => {
                self.failures = 0;
                turns.push(Turn::assistant(reply.text.clone()));
                self.last = turns;
                false
            }
            (_, Heard::Target(Err(failure))) => {
                self.failures += 1;
                *failure == Failure::Spent || self.failures >= MOST_FAILURES
            }
            (_, Heard::Attacker(Err(Failure::Spent))) => true,
            (Step::Score(turns), Heard::Score(score)) => {
                let rank = Rank::of(score);
                if self.best.as_ref().is_none_or(|(best, _)| rank.is_at_least(*best)) {
                    self.best = Some((rank, turns));
                }
                score.success == Some(true)
            }
            _ => false,
        }
    }
}

/// What was heard, if it is of the step's kind; else that nothing came of it.
fn fitting(asked: &Step, heard: Option<Heard>) -> Heard {
    let nothing = || Failure::Garbled("nothing was heard of this step".to_owned());
    match (asked, heard) {
        (Step::Target(_), Some(heard @ Heard::Target(_)))
        | (Step::Attacker(_), Some(heard @ Heard::Attacker(_)))
        | (Step::Score(_), Some(heard @ Heard::Score(_))) => heard,
        (Step::Target(_) | Step::Done(_), _) => Heard::Target(Err(nothing())),
        (Step::Attacker(_), _) => Heard::Attacker(Err(nothing())),
        (Step::Score(_), _) => Heard::Score(Score {
            judge: "nobody".to_owned(),
            success: None,
            value: 0.0,
            reason: "nothing was heard of this step".to_owned(),
        }),
    }
}
