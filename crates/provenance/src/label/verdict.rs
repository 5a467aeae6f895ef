//! What a file's labels amount to.

use serde_json::{Value, json};

use super::{Fault, Member, Reading, read};
use crate::Error;
use crate::carrier::{Carrier, Found};
use crate::security;

/// The exit code of a program that was called wrongly; those of verdicts are [`State::exit_code`].
pub const USAGE_EXIT: u8 = 10;

/// Whether a file is labelled as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// One label, and nothing wrong with it.
    Compliant,
    /// A label, and something wrong with it.
    Noncompliant,
    /// No label.
    NotFound,
    /// The file could not be read to its end.
    Inconclusive,
}

impl State {
    /// The exit code of a program that verifies one file: 0, 1, 2, 3.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            State::Compliant => 0,
            State::Noncompliant => 1,
            State::NotFound => 2,
            State::Inconclusive => 3,
        }
    }

    /// `compliant`, `noncompliant`, `not_found`, `inconclusive`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            State::Compliant => "compliant",
            State::Noncompliant => "noncompliant",
            State::NotFound => "not_found",
            State::Inconclusive => "inconclusive",
        }
    }
}

/// A verdict and its grounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The verdict.
    pub state: State,
    /// The labels, with the place of each. More than one is a breach.
    pub labels: Vec<(String, Reading)>,
    /// All deviations: of the file and of its labels.
    pub faults: Vec<Fault>,
    /// Why it is inconclusive.
    pub problem: Option<String>,
}

impl Verdict {
    /// The verdict on a file that could not be read.
    #[must_use]
    pub fn unreadable(error: &Error) -> Verdict {
        let problem = Some(error.to_string());
        Verdict { state: State::Inconclusive, labels: Vec::new(), faults: Vec::new(), problem }
    }
}

/// What a file carries and how it is judged, as the JSON document that the command line and the REST API give: `format`,
/// `state`, `labels` (with `place`, `by_the_book`, `offset`, `value`), `faults` (with `clause`, `breach`, `zh`, `en`) and
/// `problem`.
#[must_use]
pub fn document(carrier: Option<&Carrier>, found: &[Found], verdict: &Verdict) -> Value {
    let labels: Vec<Value> = found
        .iter()
        .map(|f| json!({"place": f.place, "by_the_book": f.by_the_book, "offset": f.offset, "value": f.value}))
        .collect();
    let faults: Vec<Value> = verdict
        .faults
        .iter()
        .map(|f| json!({"clause": f.clause(), "breach": f.is_breach(), "zh": f.zh(), "en": f.to_string()}))
        .collect();
    json!({"format": carrier.map(|c| c.id), "state": verdict.state.id(), "labels": labels, "faults": faults,
        "problem": verdict.problem})
}

/// Judges what a carrier found in a file.
///
/// What stands at a place of the guides and cannot be read as a label is a breach; elsewhere it is no label. Signatures by
/// TC260-PG-202511A are verified with the key that they bring ([`security::check`]); one that does not hold is a breach,
/// the schemes of others are not.
#[must_use]
pub fn verify(found: &[Found]) -> Verdict {
    let mut labels: Vec<(String, Reading)> = Vec::new();
    let mut faults = Vec::new();
    for found in found {
        match read(&found.value) {
            Some(reading) => {
                if !found.by_the_book {
                    faults.push(Fault::Place(found.place.clone()));
                }
                labels.push((found.place.clone(), reading));
            }
            None if found.by_the_book => {
                let start: String = found.value.chars().take(40).collect();
                faults.push(Fault::Unreadable(format!("{}: {start:?}", found.place)));
            }
            None => {}
        }
    }
    if labels.len() > 1 {
        let places = labels.iter().take(16).map(|(place, _)| place.clone()).collect();
        faults.insert(0, Fault::Several { count: labels.len(), places });
    }
    for (_, reading) in &labels {
        for fault in reading.faults.iter().cloned().chain(signatures(reading)) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    let state = if faults.iter().any(Fault::is_breach) {
        State::Noncompliant
    } else if labels.is_empty() {
        State::NotFound
    } else {
        State::Compliant
    };
    Verdict { state, labels, faults, problem: None }
}

fn signatures(reading: &Reading) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (slot, member) in
        [(security::Slot::Producer, Member::ReservedCode1), (security::Slot::Propagator, Member::ReservedCode2)]
    {
        match security::check(reading, slot, &[]) {
            security::Outcome::Invalid { problem } => faults.push(Fault::Signature(member, problem)),
            security::Outcome::Unknown { .. } => faults.push(Fault::Strange(member)),
            security::Outcome::Valid { .. } | security::Outcome::Absent => {}
        }
    }
    faults
}
