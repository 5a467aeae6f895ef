//! Unusual behaviour of end users and keys.
//!
//! [`Watch::observe`] takes an event and says whether it makes an alarm: synchronous, without I/O, in bounded memory. It
//! keeps small statistics for each subject (counts in sliding windows, sketches of distinct values, what is usual), adds up
//! the points of the signals that speak, and names the grade of the sum. What follows is the [`guard`]'s: it keeps alarms
//! and measures in the store and holds requests to them.
//!
//! **The bound.** At most `behaviour.most_subjects` subjects are held, each of a fixed size ([`Watch::bytes_each`]); the rest
//! is in `subjects.rs`. Client addresses, programs and regions are held as hashes under a key of this process, in sketches
//! that cannot be read back.
//!
//! **After a restart** the figures are counted again from the audit's newest requests ([`rebuild`]): risky inputs, attacks
//! and tokens of up to a day. Networks, programs and places are not in the audit, so they begin anew.
//!
//! **Who can do what to whom.** A subject is a key, or a user *of an application of a tenant*. A name that nobody vouches
//! for (a header where callers need no key, beyond this machine) never gets more than a warning: else anybody could have
//! anybody suspended. Where a key was shown, the key's application vouches for the names it sends, and can harm only its own
//! users. And users cannot harm their application: what a request that names a user asks and uses counts against that user,
//! never against the key.

mod guard;
mod origin;
mod rebuild;
pub mod rules;
mod score;
mod subjects;
mod window;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use menshen_store::{Behaving, Damping, SubjectKind};
use serde::Serialize;

pub use guard::Conduct;
pub(crate) use guard::{Event, Refused};
pub use rebuild::rebuild;
use rules::Signal;
pub use rules::{Grade, Rules};
pub use score::Reason;
use score::State;
use subjects::{Name, Subjects};

/// Somebody who did something.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The application.
    pub app: &'a str,
    /// What they are.
    pub kind: SubjectKind,
    /// The key's id or the user's name.
    pub subject: &'a str,
    /// Whether somebody who showed a key stands for the name.
    pub vouched: bool,
}

impl Who<'_> {
    /// As the store names them.
    pub fn behaving(&self) -> Behaving {
        Behaving {
            tenant: self.tenant.to_owned(),
            app: self.app.to_owned(),
            kind: self.kind,
            subject: self.subject.to_owned(),
        }
    }
}

/// A request that was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Whether a key named an end user: then what was asked and used is the user's doing, and only how the key itself is used
    /// (networks, programs, regions, places) counts against the key. Else one user could have a whole application suspended.
    pub on_behalf: bool,
    /// Whether policy stopped it.
    pub risky: bool,
    /// The classes of attack that were found, a bit for each.
    pub attacks: u64,
    /// The network it came from, hashed.
    pub network: Option<u64>,
    /// The program that sent it, hashed.
    pub agent: Option<u64>,
    /// The region a proxy named, hashed.
    pub region: Option<u64>,
    /// The place a proxy named: degrees north and east.
    pub place: Option<(f32, f32)>,
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// A request that was looked at.
    Asked(Asked),
    /// An answer's tokens.
    Spent {
        /// How many.
        tokens: u64,
    },
}

/// A grade that is news.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// The grade.
    pub grade: Grade,
    /// The sum of the points.
    pub score: u32,
    /// Its parts, heaviest first.
    pub reasons: Vec<Reason>,
}

/// How somebody stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The sum of the points.
    pub score: u32,
    /// Its parts, heaviest first.
    pub reasons: Vec<Reason>,
    /// The highest score of each of the last 24 hours: when it begins, in microseconds since 1970 UTC, and the score, up to
    /// 255.
    pub hours: Vec<(i64, u8)>,
}

type Damped = HashMap<(Name, String), (u8, i64)>;

/// Watches behaviour.
pub struct Watch {
    rules: Rules,
    subjects: Subjects,
    damped: RwLock<Damped>,
    again_us: i64,
}

impl Watch {
    /// Watches by these rules, at most so many subjects. The same grade is news again after `again_s`.
    pub fn new(rules: Rules, most_subjects: usize, again_s: u32) -> Self {
        Watch {
            rules,
            subjects: Subjects::new(most_subjects),
            damped: RwLock::default(),
            again_us: i64::from(again_s) * 1_000_000,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// How many subjects are held.
    pub fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Bytes of one subject's figures, beside 40 or so for its place in the table.
    pub fn bytes_each(&self) -> usize {
        let most = SubjectKind::ALL.iter().map(|kind| self.rules.of(*kind).count()).max().unwrap_or(0);
        State::bytes(most)
    }

    /// Hashes something that tells clients apart.
    pub fn hash(&self, value: impl std::hash::Hash) -> u64 {
        self.subjects.hash(value)
    }

    fn name(&self, who: &Who<'_>) -> Name {
        self.subjects.name(who.tenant, who.app, who.kind, who.subject)
    }

    /// Counts what somebody did, and gives the alarm that it makes.
    pub fn observe(&self, who: &Who<'_>, what: &What, at_us: i64) -> Option<Alarm> {
        self.count(who, what, at_us, true)
    }

    /// Counts what somebody did some time ago: it makes no alarm.
    pub fn recall(&self, who: &Who<'_>, what: &What, at_us: i64) {
        self.count(who, what, at_us, false);
    }

    fn count(&self, who: &Who<'_>, what: &What, at_us: i64, alarms: bool) -> Option<Alarm> {
        let name = self.name(who);
        let signals = || self.rules.of(who.kind);
        let (mut shard, most) = self.subjects.shard(name);
        let state = shard.of(name, most, || State::new(signals()));
        state.take(signals(), what, at_us);
        let percent = |signal: &Signal| self.percent(who, name, signal, at_us);
        let score = state.score(signals(), who.app, percent, at_us);
        if score == 0 {
            return None;
        }
        state.note(score, at_us);
        let (place, grade) = self.rules.grade(score)?;
        // Nobody vouches for the name: nothing more than a warning may come of it.
        let mildest = self.rules.grades.iter().position(|g| g.level.measure() > Some(menshen_store::Level::Warn));
        let (place, grade) = match mildest {
            Some(strict) if !who.vouched && place >= strict => (strict.checked_sub(1)?, &self.rules.grades[strict - 1]),
            _ => (place, grade),
        };
        if !alarms || !state.news(place, self.again_us, at_us) {
            return None;
        }
        let reasons = state.reasons(signals(), who.app, percent, at_us);
        Some(Alarm { grade: grade.clone(), score, reasons })
    }

    /// How many percent of its points a signal keeps for a subject: its own marks, and those of the application.
    fn percent(&self, who: &Who<'_>, name: Name, signal: &Signal, now_us: i64) -> u8 {
        let damped = self.damped.read().unwrap_or_else(PoisonError::into_inner);
        if damped.is_empty() {
            return 100;
        }
        let whole = self.subjects.name(who.tenant, who.app, who.kind, "");
        let of = |name: Name| damped.get(&(name, signal.id.clone())).filter(|d| d.1 > now_us).map_or(100, |d| d.0);
        of(name).min(of(whole))
    }

    /// Takes over which signals count less: all of them, in place of those before.
    pub fn damp(&self, dampings: &[Damping]) {
        let mut damped = Damped::new();
        for d in dampings {
            let name = self.subjects.name(&d.tenant, &d.app, d.kind, &d.subject);
            damped.insert((name, d.signal.clone()), (d.percent, d.until_us));
        }
        *self.damped.write().unwrap_or_else(PoisonError::into_inner) = damped;
    }

    /// How somebody stands now; none where nothing is held of them.
    pub fn standing(&self, who: &Who<'_>, now_us: i64) -> Option<Standing> {
        let name = self.name(who);
        let (shard, _) = self.subjects.shard(name);
        let state = shard.get(name)?;
        let percent = |signal: &Signal| self.percent(who, name, signal, now_us);
        let reasons = state.reasons(self.rules.of(who.kind), who.app, percent, now_us);
        let score = reasons.iter().map(|r| r.points).sum();
        Some(Standing { score, reasons, hours: state.hours(now_us) })
    }

    /// Begins anew with what raised somebody's score; what is usual for them stays known.
    pub fn forgive(&self, who: &Who<'_>) {
        let name = self.name(who);
        let (mut shard, most) = self.subjects.shard(name);
        if shard.get(name).is_some() {
            shard.of(name, most, || State::new(self.rules.of(who.kind))).forgive(self.rules.of(who.kind));
        }
    }
}

#[cfg(test)]
mod tests;
