//! Incidents: what is handled, by whom, what is due when, and what happened.
//!
//! The store keeps what it is told: which class and grade an incident has, what is due and what is to be done follows from
//! rules that the caller has as data. What the store sees to itself: every step is in the timeline, which nobody changes,
//! and in the audited list of administrative changes, in one transaction with the change; a stage of a timer is told once
//! whatever the clock does; and where two people are needed to close, the one who asked is never the one who agrees.
//!
//! Timers are moments of the wall clock, kept on disk. A clock that jumps back makes nothing due again that was told, and
//! loses nothing: what was not told yet is told when its moment comes.

mod read;
pub(crate) mod rows;
mod work;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use work::{Grading, IncidentChange, NewFile, NewIncident, NewTask, NewTimer, ProposalDecision, TaskTick};

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// A signal proposed it; a person has to say whether it is one.
    Proposed,
    /// It is being handled.
    Open,
    /// What happened has stopped; reports and lessons are due.
    Contained,
    /// It is over.
    Closed,
    /// A person said that it is none.
    Dismissed,
}

impl IncidentState {
    /// All of them.
    pub const ALL: &'static [IncidentState] = &[
        IncidentState::Proposed,
        IncidentState::Open,
        IncidentState::Contained,
        IncidentState::Closed,
        IncidentState::Dismissed,
    ];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            IncidentState::Proposed => "proposed",
            IncidentState::Open => "open",
            IncidentState::Contained => "contained",
            IncidentState::Closed => "closed",
            IncidentState::Dismissed => "dismissed",
        }
    }

    /// The state of an id.
    pub fn of_id(id: &str) -> Option<Self> {
        IncidentState::ALL.iter().copied().find(|s| s.id() == id)
    }

    /// Whether somebody works on it.
    pub const fn under_way(self) -> bool {
        matches!(self, IncidentState::Open | IncidentState::Contained)
    }
}

/// An incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Its number, which people call it by.
    pub number: i64,
    /// Its id: `inc_` and a UUID.
    pub id: String,
    /// The tenant it concerns; none for the whole house.
    pub tenant: Option<String>,
    /// Whether it is a drill.
    pub drill: bool,
    /// Whether people outside are told of it.
    pub announce: bool,
    /// Where it stands.
    pub state: IncidentState,
    /// What it is called.
    pub title: String,
    /// Its class, an id of the rules.
    pub class: String,
    /// Its grade, an id of the rules.
    pub grade: String,
    /// The answers of the questionnaire, by question.
    pub answers: Map<String, Value>,
    /// Why it has its grade, as the rules said it then.
    pub reasons: Value,
    /// What reports need, by the rules' ids.
    pub facts: Map<String, Value>,
    /// Who is responsible, by role: names of accounts.
    pub roles: Map<String, Value>,
    /// What was learnt.
    pub lessons: Value,
    /// The signal that proposed it; none where a person opened it.
    pub signal: Option<String>,
    /// When it happened, in microseconds since 1970 UTC, where that is known.
    pub occurred_us: Option<i64>,
    /// When somebody became aware of it: what the law counts from.
    pub aware_us: i64,
    /// When it was contained.
    pub contained_us: Option<i64>,
    /// When it was closed.
    pub closed_us: Option<i64>,
    /// Who asked to close it, where a second person has to agree.
    pub close_by: Option<String>,
    /// When they asked.
    pub close_us: Option<i64>,
    /// When it was opened or proposed.
    pub created_us: i64,
    /// Who opened it.
    pub by: String,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentTask {
    /// Its id within the rules.
    pub id: String,
    /// What is to be done, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Where that stands.
    pub clause: String,
    /// Whose it is.
    pub role: String,
    /// By when, in microseconds since 1970 UTC.
    pub due_us: Option<i64>,
    /// When it was done.
    pub done_us: Option<i64>,
    /// By whom.
    pub done_by: Option<String>,
    /// What they noted.
    pub note: String,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentTimer {
    /// The incident.
    pub incident: String,
    /// Its id within the rules.
    pub id: String,
    /// What is due, in Chinese.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// Where that stands.
    pub clause: String,
    /// When it is due, in microseconds since 1970 UTC.
    pub due_us: i64,
    /// From when on it is due soon.
    pub soon_us: i64,
    /// The stages that were told: see [`TimerStage::bit`].
    pub told: i64,
    /// When it was met.
    pub met_us: Option<i64>,
    /// By whom.
    pub met_by: Option<String>,
}

/// What people are told of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerStage {
    /// It is due soon.
    Soon,
    /// It was due and is not met.
    Overdue,
}

impl TimerStage {
    /// Its bit in [`IncidentTimer::told`].
    pub const fn bit(self) -> i64 {
        match self {
            TimerStage::Soon => 1,
            TimerStage::Overdue => 2,
        }
    }

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            TimerStage::Soon => "soon",
            TimerStage::Overdue => "overdue",
        }
    }
}

impl IncidentTimer {
    /// The stage it is in at a moment; none while there is time, or when it was met.
    pub fn stage(&self, now_us: i64) -> Option<TimerStage> {
        match self.met_us {
            Some(_) => None,
            None if now_us >= self.due_us => Some(TimerStage::Overdue),
            None if now_us >= self.soon_us => Some(TimerStage::Soon),
            None => None,
        }
    }

    /// The stage that is to be told now: none that was told, and none before one that was told.
    pub fn untold(&self, now_us: i64) -> Option<TimerStage> {
        self.stage(now_us).filter(|stage| self.told < stage.bit())
    }
}

/// A step of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentEvent {
    /// Its place among all.
    pub seq: i64,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who.
    pub by: String,
    /// What kind of step.
    pub kind: String,
    /// What is told of it.
    pub detail: Value,
}

/// An evidence snapshot, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentFile {
    /// Its id: `evd_` and a UUID.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes.
    pub size: i64,
    /// How many audit records it holds.
    pub records: i64,
    /// When it was made, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// By whom.
    pub by: String,
}

/// An incident with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentFolder {
    /// The incident.
    pub incident: Incident,
    /// What is to be done.
    pub tasks: Vec<IncidentTask>,
    /// What is due.
    pub timers: Vec<IncidentTimer>,
    /// What happened, oldest first.
    pub events: Vec<IncidentEvent>,
    /// The evidence.
    pub files: Vec<IncidentFile>,
}

/// How many there were within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct IncidentMonth {
    /// That were opened, or proposed and confirmed.
    pub opened: i64,
    /// That were closed.
    pub closed: i64,
    /// Drills that were begun.
    pub drills: i64,
}

/// How many there are. Drills are counted apart and in nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct IncidentFigures {
    /// That wait for somebody to say whether they are incidents.
    pub proposed: i64,
    /// Open.
    pub open: i64,
    /// Contained and not closed.
    pub contained: i64,
    /// Closed.
    pub closed: i64,
    /// Incidents under way with something overdue.
    pub overdue: i64,
    /// Drills, in whatever state.
    pub drills: i64,
}
