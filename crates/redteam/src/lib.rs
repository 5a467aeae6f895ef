//! Red team and range: find the holes before others do, and grade them.
//!
//! A [plan](plan) says what is tried on which [target](target): [instructions](instruction) × [techniques](technique).
//! A [campaign](campaign) runs it, one [attempt](attempt) after the other, each a row in the store the moment it ends.
//! [Judges](score) say what came of it, and what their word is worth. The [range](range) grades what people submit.
//!
//! This room attacks only what its caller configures. It executes answers only in sinks made for it, on loopback.

pub mod attempt;
pub mod campaign;
pub mod dialogue;
mod error;
pub mod formats;
pub mod genetic;
pub mod instruction;
pub mod knowledge;
pub mod mutator;
pub mod plan;
pub mod planner;
mod program;
pub mod propose;
pub mod range;
mod reply_json;
pub mod report;
pub mod score;
pub mod sink;
pub mod target;
pub mod technique;
pub mod turn;

pub use error::Error;
