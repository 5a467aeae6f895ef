//! Attacks of several turns, as machines that are asked what to do next and told what came of it.
//!
//! They do no I/O: whoever runs them carries words to the target, the attacker's model and the judges. So they can be
//! replayed, tested and resumed.

use crate::score::Score;
use crate::turn::{Reply, Turn};
use crate::target::Failure;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Say this conversation to the target; its last turn is the attacker's.
    Target(Vec<Turn>),
    /// Say this to the attacker's model.
    Attacker(Vec<Turn>),
    /// Have this conversation judged; its last turn is the target's.
    Score(Vec<Turn>),
    /// It is over; this conversation counts.
    Done(Vec<Turn>),
}

/// What came of a step.
#[derive(Debug, Clone)]
pub enum Heard {
    /// Of [`Step::Target`].
    Target(Result<Reply, Failure>),
    /// Of [`Step::Attacker`]: the model's words.
    Attacker(Result<String, Failure>),
    /// Of [`Step::Score`].
    Score(Score),
}

/// An attack of several turns.
pub trait Dialogue: Send {
    /// What to do next; `heard` is what came of the last step, absent at the start.
    fn next(&mut self, heard: Option<Heard>) -> Step;
}
