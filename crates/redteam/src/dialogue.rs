//! Attacks of several turns, as machines that are asked what to do next and told what came of it.
//!
//! They do no I/O: whoever runs them carries words to the target, the attacker's model and the judges. So they can be
//! replayed and tested.
//!
//! Each attack is written as it is read, one step after the other, in an `async` function that awaits only the answer to
//! its own step; [`Dialogue::next`] drives it by hand, with no runtime. What holds for all of them is kept in one place:
//! an end at the first success or after [`MOST_STEPS`] steps, never the same words to the target in the same
//! conversation twice, and which conversation counts.

use std::sync::Arc;

use crate::Error;
use crate::instruction::Instruction;
use crate::score::Score;
use crate::target::Failure;
use crate::turn::{Reply, Turn};

mod actor;
mod crescendo;
mod data;
mod drive;
mod goat;
mod pair;
mod reply;
mod scripted;
mod stage;
mod tap;
#[cfg(test)]
mod tests;
mod words;

pub use drive::MOST_STEPS;

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Say this conversation to the target; its last turn is the attacker's.
    Target(Vec<Turn>),
    /// Say this to the attacker's model.
    Attacker(Vec<Turn>),
    /// Have this conversation judged; its last turn is the target's.
    Score(Vec<Turn>),
    /// It is over; this conversation counts. Its last turn is the target's; it is empty when the target never answered.
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

/// What a dialogue can count on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Means {
    /// Whether there is a model in the attacker's place. Without one a dialogue never asks for it and speaks from the
    /// pack's own words.
    pub attacker: bool,
}

/// A dialogue that asks the attacker's model, if its kind has use for one, and goes on without it when it cannot be
/// asked. `id` is one of [`crate::technique::DIALOGUES`]; no conversation with the target has more than `max_turns`
/// attacker's turns (at least 1), and no refinement more rounds.
///
/// # Errors
/// [`Error::Unknown`] when there is no such dialogue, [`Error::Data`] when the pack's data cannot be read.
pub fn open(id: &str, instruction: &Arc<Instruction>, max_turns: u32, seed: u64) -> Result<Box<dyn Dialogue>, Error> {
    open_with(id, instruction, max_turns, seed, Means { attacker: true })
}

/// As [`open`], for a caller who knows whether there is an attacker's model.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    id: &str,
    instruction: &Arc<Instruction>,
    max_turns: u32,
    seed: u64,
    means: Means,
) -> Result<Box<dyn Dialogue>, Error> {
    let data = data::Data::shipped()?;
    let (stage, slot) = stage::Stage::new(data, instruction, max_turns, seed, means);
    Ok(match id {
        "scripted" => drive::start(slot, scripted::run(stage)),
        "crescendo" => drive::start(slot, crescendo::run(stage)),
        "pair" => drive::start(slot, pair::run(stage)),
        "tap" => drive::start(slot, tap::run(stage)),
        "goat" => drive::start(slot, goat::run(stage)),
        "actor" => drive::start(slot, actor::run(stage)),
        _ => {
            return Err(Error::Unknown {
                what: "dialogue",
                name: id.to_owned(),
                remedy: "there are scripted, crescendo, pair, tap, goat and actor".to_owned(),
            });
        }
    })
}
