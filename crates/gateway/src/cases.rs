//! Appeals, complaints and reports: what kinds there are, how long they may take, and the words of notices. All of it is
//! data (`packs/governance/cases.toml`, or a file of the operator's in its place); what happens to a case stands in the
//! store.

mod book;
mod clock;
mod strangers;
mod words;

pub use book::{Act, Book, Decided, Effect, Kind, Named, Need, Reason, Template, Use};
pub use clock::{Calendar, Span};
pub(crate) use strangers::Strangers;
pub(crate) use words::{Filling, one_line};
