//! Standard answers: question and answer pairs that somebody has approved, given verbatim.
//!
//! [`Answer`] is one pair, [`index::Index`] finds the pair that a question asks for, [`table`] reads and writes
//! spreadsheets.

mod entry;
pub(crate) mod fold;
mod grammar;
mod guard;
mod index;
mod numerals;
mod parts;
mod score;
pub mod table;
mod words;

pub(crate) use entry::read;
pub use entry::{Answer, Problem, Status};
pub use index::{Index, Match};
pub(crate) use words::Lexicon;
