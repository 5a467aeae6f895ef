//! Unusual behaviour of keys and end users: alarms, what was done about them, and which signals people said to trust less.
//!
//! What is unusual is found elsewhere, from figures that live in memory; what matters of it is kept here, and outlives the
//! process. A [`Measure`] always has an end, and ends by itself. A mark of a false alarm makes a [`Damping`], which has an
//! end too, a least value, and can be taken back.

mod marks;
pub(crate) mod rows;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnection;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use crate::time;

pub use marks::{Damping, DampingRule};
use rows::BehaviourChange;

/// Longer names are refused: they come from outside and are kept.
const MOST_BYTES: usize = 512;
/// So many measures can stand at once; beyond it those that end first are let go of.
const MOST_MEASURES: usize = 200_000;
/// Longer notes and reasons are refused.
const MOST_NOTE: usize = 4_000;
/// The most rows one listing gives.
const MOST: u32 = 500;

/// Who behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// An end user of an application.
    User,
    /// An API key.
    Key,
}

impl SubjectKind {
    /// Both.
    pub const ALL: &'static [SubjectKind] = &[SubjectKind::User, SubjectKind::Key];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            SubjectKind::User => "user",
            SubjectKind::Key => "key",
        }
    }

    /// The kind of this id.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.id() == id)
    }
}

/// A key, or an end user of an application.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Behaving {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// What it is.
    pub kind: SubjectKind,
    /// The key's public id, or the user as the application names them.
    pub subject: String,
}

impl Behaving {
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (what, value) in [("tenant", &self.tenant), ("app", &self.app), ("subject", &self.subject)] {
            if value.is_empty() || value.len() > MOST_BYTES {
                return Err(Error::Invalid { what, problem: format!("1 to {MOST_BYTES} bytes are allowed") });
            }
        }
        Ok(())
    }
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The subject is told.
    Warn,
    /// Fewer requests a minute.
    Throttle,
    /// No requests.
    Suspend,
}

impl Level {
    /// All of them, from mild to strict.
    pub const ALL: &'static [Level] = &[Level::Warn, Level::Throttle, Level::Suspend];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Level::Warn => "warn",
            Level::Throttle => "throttle",
            Level::Suspend => "suspend",
        }
    }

    /// The level of this id.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|l| l.id() == id)
    }
}

/// What holds for a subject for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Its id: `msr_` and a UUID.
    pub id: String,
    /// Whom it is about.
    #[serde(flatten)]
    pub who: Behaving,
    /// What is done.
    pub level: Level,
    /// For [`Level::Throttle`]: how many percent of the usual rate are left.
    pub percent: u8,
    /// Since when, in microseconds since 1970 UTC.
    pub since_us: i64,
    /// When it ends by itself.
    pub until_us: i64,
    /// Why: the grade of the alarm, or an operator's words.
    pub reason: String,
    /// The alarm that brought it about.
    pub alarm: Option<String>,
    /// Who: `behaviour`, or an operator.
    pub by: String,
    /// When it was ended early.
    pub ended_us: Option<i64>,
    /// By whom.
    pub ended_by: Option<String>,
}

/// What is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMeasure {
    /// What is done.
    pub level: Level,
    /// For [`Level::Throttle`]: how many percent of the usual rate are left, 1 to 100.
    pub percent: u8,
    /// When it ends by itself, in microseconds since 1970 UTC.
    pub until_us: i64,
    /// Why.
    pub reason: String,
}

/// What somebody said of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmDecision {
    /// It was right; what was done stands until its end.
    Confirmed,
    /// It was wrong; what was done ends, and its signals count less.
    FalseAlarm,
    /// It was right, and what was done may end: an appeal that was granted, a talk that helped.
    Settled,
}

impl AlarmDecision {
    /// All of them.
    pub const ALL: &'static [AlarmDecision] =
        &[AlarmDecision::Confirmed, AlarmDecision::FalseAlarm, AlarmDecision::Settled];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            AlarmDecision::Confirmed => "confirmed",
            AlarmDecision::FalseAlarm => "false_alarm",
            AlarmDecision::Settled => "settled",
        }
    }

    /// The decision of this id.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|d| d.id() == id)
    }
}

/// Something unusual.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alarm {
    /// Its id: `alm_` and a UUID.
    pub id: String,
    /// Whom it is about.
    #[serde(flatten)]
    pub who: Behaving,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// The grade that was reached.
    pub grade: String,
    /// The sum of the points.
    pub score: u32,
    /// What it is the sum of, as JSON: signals, values, points.
    pub reasons: Value,
    /// The request that brought it about.
    pub request_id: Option<String>,
    /// Whether somebody has to decide.
    pub human: bool,
    /// What was decided; none while it is open.
    pub decision: Option<AlarmDecision>,
    /// The decider's note.
    pub note: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_us: Option<i64>,
}

/// What is to be kept of something unusual.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlarm {
    /// Whom it is about.
    pub who: Behaving,
    /// The grade that was reached.
    pub grade: String,
    /// The sum of the points.
    pub score: u32,
    /// What it is the sum of; holds nothing that users or models wrote.
    pub reasons: Value,
    /// The request that brought it about.
    pub request_id: Option<String>,
    /// Whether somebody has to decide.
    pub human: bool,
}

/// Which alarms to list.
#[derive(Debug, Clone, Default)]
pub struct AlarmFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Of this application.
    pub app: Option<String>,
    /// Of this kind of subject.
    pub kind: Option<SubjectKind>,
    /// Of this subject.
    pub subject: Option<String>,
    /// Only those that nobody has decided.
    pub open: bool,
    /// Before this moment.
    pub before_us: Option<i64>,
}

/// What stands now.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    measures: Mutex<HashMap<Behaving, Measure>>,
    dampings: Mutex<Vec<Damping>>,
}

impl Behaviour {
    pub(crate) async fn load(conn: &mut SqliteConnection, now_us: i64) -> Result<Self, sqlx::Error> {
        let mut measures = HashMap::new();
        // Oldest first, so that of two that both stand the later one is held.
        for measure in rows::standing(conn, now_us, MOST_MEASURES).await? {
            measures.insert(measure.who.clone(), measure);
        }
        let dampings = rows::dampings(conn, now_us).await?;
        Ok(Behaviour { measures: Mutex::new(measures), dampings: Mutex::new(dampings) })
    }

    fn measures(&self) -> MutexGuard<'_, HashMap<Behaving, Measure>> {
        self.measures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, measure: Measure, now_us: i64) {
        let mut held = self.measures();
        if held.len() >= MOST_MEASURES && !held.contains_key(&measure.who) {
            held.retain(|_, m| m.until_us > now_us);
            if held.len() >= MOST_MEASURES
                && let Some(first) = held.values().min_by_key(|m| (m.level, m.until_us)).map(|m| m.who.clone())
            {
                held.remove(&first);
            }
        }
        held.insert(measure.who.clone(), measure);
    }
}

impl Store {
    /// Keeps an alarm, and puts in force what is done about it, with their record in the audit. A milder measure than the
    /// one that stands changes nothing; a stricter one takes its place. In this process the measure holds even when the
    /// database fails.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong names, an end that has passed or reasons of more than 16 KiB;
    /// [`Error::QueueFull`] and the database's failures.
    pub async fn raise(&self, new: NewAlarm, measure: Option<NewMeasure>, now_us: i64) -> Result<Alarm, Error> {
        new.who.check()?;
        if new.grade.len() > 64 || new.reasons.to_string().len() > 16 << 10 {
            return Err(Error::Invalid { what: "alarm", problem: "its reasons are longer than 16 KiB".to_owned() });
        }
        let alarm = Alarm {
            id: format!("alm_{}", uuid::Uuid::now_v7().simple()),
            who: new.who,
            at_us: now_us,
            grade: new.grade,
            score: new.score,
            reasons: new.reasons,
            request_id: new.request_id,
            human: new.human,
            decision: None,
            note: None,
            decided_by: None,
            decided_us: None,
        };
        let mut changes = vec![Change::Behaviour(Box::new(BehaviourChange::Alarm(alarm.clone())))];
        let mut detail = json!({"id": alarm.id, "grade": alarm.grade, "score": alarm.score, "reasons": alarm.reasons});
        let standing = self.measure(&alarm.who, now_us);
        let stricter = |m: &NewMeasure| {
            standing.as_ref().is_none_or(|s| {
                let as_strict = m.level == s.level && m.percent <= s.percent;
                m.level > s.level || (as_strict && (m.percent < s.percent || m.until_us > s.until_us))
            })
        };
        if let Some(new) = measure.filter(stricter) {
            let measure = self.new_measure(&alarm.who, new, Some(alarm.id.clone()), "behaviour", now_us)?;
            detail["measure"] = json!({"level": measure.level, "until": time::rfc3339(measure.until_us)});
            if let Some(former) = standing {
                changes.push(end(&former, "behaviour", now_us));
            }
            self.inner.behaviour.hold(measure.clone(), now_us);
            changes.push(Change::Behaviour(Box::new(BehaviourChange::Measure(measure))));
        }
        let entry = entry(EntryKind::System, "behaviour.alarm", &alarm.who, "behaviour", now_us, detail);
        self.change(changes, vec![entry]).await?;
        Ok(alarm)
    }

    fn new_measure(
        &self,
        who: &Behaving,
        new: NewMeasure,
        alarm: Option<String>,
        by: &str,
        now_us: i64,
    ) -> Result<Measure, Error> {
        if new.until_us <= now_us {
            return Err(Error::Invalid { what: "until", problem: "it would have ended already".to_owned() });
        }
        if new.reason.trim().is_empty() || new.reason.len() > MOST_NOTE {
            return Err(Error::Invalid { what: "reason", problem: format!("1 to {MOST_NOTE} bytes are allowed") });
        }
        if !(1..=100).contains(&new.percent) {
            return Err(Error::Invalid { what: "percent", problem: "1 to 100 are allowed".to_owned() });
        }
        Ok(Measure {
            id: format!("msr_{}", uuid::Uuid::now_v7().simple()),
            who: who.clone(),
            level: new.level,
            percent: new.percent,
            since_us: now_us,
            until_us: new.until_us,
            reason: new.reason,
            alarm,
            by: by.to_owned(),
            ended_us: None,
            ended_by: None,
        })
    }

    /// Puts something in force by an operator's decision, in place of what stands.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong members or an end that has passed; [`Error::QueueFull`] and the database's
    /// failures. It holds in this process even then.
    pub async fn impose(&self, who: &Behaving, new: NewMeasure, by: &str, now_us: i64) -> Result<Measure, Error> {
        who.check()?;
        let measure = self.new_measure(who, new, None, by, now_us)?;
        let mut changes = Vec::new();
        if let Some(former) = self.measure(who, now_us) {
            changes.push(end(&former, by, now_us));
        }
        changes.push(Change::Behaviour(Box::new(BehaviourChange::Measure(measure.clone()))));
        self.inner.behaviour.hold(measure.clone(), now_us);
        let detail = json!({"id": measure.id, "level": measure.level, "percent": measure.percent,
            "until": time::rfc3339(measure.until_us), "reason": measure.reason});
        self.change(changes, vec![entry(EntryKind::Admin, "behaviour.measure", who, by, now_us, detail)]).await?;
        Ok(measure)
    }

    /// What holds for a subject now. Waits on nothing.
    pub fn measure(&self, who: &Behaving, now_us: i64) -> Option<Measure> {
        let mut held = self.inner.behaviour.measures();
        let measure = held.get(who)?;
        if measure.until_us <= now_us {
            held.remove(who);
            return None;
        }
        Some(measure.clone())
    }

    /// Whether anything holds for anybody: mostly not, and then nobody needs to ask. Waits on nothing.
    pub fn any_measure(&self) -> bool {
        !self.inner.behaviour.measures().is_empty()
    }

    /// All that holds now, newest first.
    pub fn standing_measures(&self, now_us: i64) -> Vec<Measure> {
        let mut list: Vec<Measure> =
            self.inner.behaviour.measures().values().filter(|m| m.until_us > now_us).cloned().collect();
        list.sort_by(|a, b| (b.since_us, &a.id).cmp(&(a.since_us, &b.id)));
        list
    }

    /// Ends early what holds.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing of this id holds; the database's failures, and then it still holds.
    pub async fn end_measure(&self, id: &str, by: &str, now_us: i64) -> Result<Measure, Error> {
        let found = self.inner.behaviour.measures().values().find(|m| m.id == id && m.until_us > now_us).cloned();
        let measure = found.ok_or_else(|| Error::NotFound { what: "measure in force", id: id.to_owned() })?;
        let detail = json!({"id": measure.id, "level": measure.level});
        let entry = entry(EntryKind::Admin, "behaviour.end", &measure.who, by, now_us, detail);
        self.change(vec![end(&measure, by, now_us)], vec![entry]).await?;
        self.let_go(&measure);
        Ok(measure)
    }

    pub(crate) fn let_go(&self, measure: &Measure) {
        let mut held = self.inner.behaviour.measures();
        if held.get(&measure.who).is_some_and(|m| m.id == measure.id) {
            held.remove(&measure.who);
        }
    }

    /// What was done about a subject, newest first, with what has ended.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn measures_of(&self, who: &Behaving, limit: u32) -> Result<Vec<Measure>, Error> {
        let failed = |e| self.archive().failed("listing measures", e);
        rows::measures_of(self.archive().pool(), who, limit.min(MOST)).await.map_err(failed)
    }

    /// Alarms, newest first.
    ///
    /// # Errors
    /// The database's failures; a note that cannot be opened.
    pub async fn alarms(&self, filter: &AlarmFilter, limit: u32) -> Result<Vec<Alarm>, Error> {
        rows::alarms(self, filter, limit.min(MOST)).await
    }

    /// One alarm.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures; a note that cannot be opened.
    pub async fn alarm(&self, id: &str) -> Result<Alarm, Error> {
        rows::alarm(self, id).await
    }
}

pub(crate) fn end(measure: &Measure, by: &str, at_us: i64) -> Change {
    let change = BehaviourChange::End { id: measure.id.clone(), by: by.to_owned(), at_us };
    Change::Behaviour(Box::new(change))
}

pub(crate) fn entry(kind: EntryKind, event: &str, who: &Behaving, by: &str, at_us: i64, mut detail: Value) -> Entry {
    detail["kind"] = json!(who.kind);
    detail["subject"] = json!(who.subject);
    let mut entry = Entry::event(kind, event, at_us, detail);
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(who.tenant.clone());
    entry.app = Some(who.app.clone());
    entry.user = (who.kind == SubjectKind::User).then(|| who.subject.clone());
    entry
}
