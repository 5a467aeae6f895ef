//! What people say of alarms, and what is learned from it: boundedly, visibly, and so that it can be taken back.

use std::sync::PoisonError;

use serde::Serialize;
use serde_json::json;

use super::rows::{self, BehaviourChange};
use super::{Alarm, AlarmDecision, Behaving, MOST_NOTE, SubjectKind, end, entry};
use crate::changes::Change;
use crate::entry::EntryKind;
use crate::error::Error;
use crate::store::Store;

/// So many can hold at once.
const MOST_DAMPINGS: usize = 10_000;

/// A signal that counts less for a subject, or for a whole application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damping {
    /// Its id: `dmp_` and a UUID.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The kind of subject.
    pub kind: SubjectKind,
    /// The subject; empty for all of the application.
    pub subject: String,
    /// The signal.
    pub signal: String,
    /// How many percent of its points are left.
    pub percent: u8,
    /// How many false alarms were marked.
    pub marks: u32,
    /// When the last was.
    pub since_us: i64,
    /// When it ends by itself.
    pub until_us: i64,
    /// Who marked last.
    pub by: String,
}

/// How much is learned from a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DampingRule {
    /// Whether for the whole application.
    pub whole_app: bool,
    /// How many percent of the points each mark leaves.
    pub step_percent: u8,
    /// How many percent are left at least.
    pub least_percent: u8,
    /// How long it holds, in seconds.
    pub lasts_s: u32,
}

impl Store {
    /// Notes what somebody decided about an alarm. A false alarm and a settled one end what was done on account of it; a
    /// false alarm also makes the signals that raised it count less, as `damp` says. Of the tenant only where one is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such open alarm; [`Error::Invalid`] for an overlong note or when too many
    /// dampings hold; [`Error::QueueFull`] and the database's failures, and then nothing was decided.
    #[expect(clippy::too_many_arguments, reason = "who, what, how much and when: each is a plain value")]
    pub async fn decide_alarm(
        &self,
        id: &str,
        tenant: Option<&str>,
        decision: AlarmDecision,
        note: Option<String>,
        damp: DampingRule,
        by: &str,
        now_us: i64,
    ) -> Result<(Alarm, Vec<Damping>), Error> {
        if note.as_ref().is_some_and(|note| note.len() > MOST_NOTE) {
            return Err(Error::Invalid { what: "note", problem: format!("more than {MOST_NOTE} bytes") });
        }
        let missing = || Error::NotFound { what: "open alarm", id: id.to_owned() };
        let mut alarm = self.alarm(id).await?;
        if tenant.is_some_and(|own| own != alarm.who.tenant) || alarm.decision.is_some() {
            return Err(missing());
        }
        let note = note.filter(|n| !n.trim().is_empty());
        let sealed = note.as_ref().map(|n| self.inner.ring().encrypt(&rows::place(id), n.as_bytes())).transpose()?;
        let by = by.to_owned();
        let decide =
            BehaviourChange::Decide { id: id.to_owned(), decision, note: sealed, by: by.clone(), at_us: now_us };
        let mut changes = vec![Change::Behaviour(Box::new(decide))];
        let standing = self.measure(&alarm.who, now_us).filter(|m| m.by == "behaviour");
        let ends = standing.filter(|_| decision != AlarmDecision::Confirmed);
        if let Some(measure) = &ends {
            changes.push(end(measure, &by, now_us));
        }
        let mut learned = Vec::new();
        if decision == AlarmDecision::FalseAlarm {
            learned = self.learned(&alarm, damp, &by, now_us)?;
            changes.extend(learned.iter().map(|d| Change::Behaviour(Box::new(BehaviourChange::Damp(d.clone())))));
        }
        let dampings: Vec<_> =
            learned.iter().map(|d| json!({"signal": d.signal, "percent": d.percent, "subject": d.subject})).collect();
        let detail =
            json!({"id": id, "decision": decision, "ended": ends.as_ref().map(|m| &m.id), "dampings": dampings});
        let entry = entry(EntryKind::Admin, "behaviour.decide", &alarm.who, &by, now_us, detail);
        self.change(changes, vec![entry]).await?;
        if let Some(measure) = &ends {
            self.let_go(measure);
        }
        let mut held = self.inner.behaviour.dampings.lock().unwrap_or_else(PoisonError::into_inner);
        for damping in &learned {
            held.retain(|d| d.id != damping.id);
            held.push(damping.clone());
        }
        drop(held);
        (alarm.decision, alarm.note) = (Some(decision), note);
        (alarm.decided_by, alarm.decided_us) = (Some(by), Some(now_us));
        Ok((alarm, learned))
    }

    fn learned(&self, alarm: &Alarm, rule: DampingRule, by: &str, now_us: i64) -> Result<Vec<Damping>, Error> {
        let held = self.inner.behaviour.dampings.lock().unwrap_or_else(PoisonError::into_inner);
        let Behaving { tenant, app, kind, subject } = &alarm.who;
        let subject = if rule.whole_app { "" } else { subject.as_str() };
        let signals = alarm.reasons.as_array().into_iter().flatten().filter_map(|r| r["signal"].as_str());
        let mut learned = Vec::new();
        for signal in signals {
            let same = |d: &&Damping| {
                (&d.tenant, &d.app, d.kind, d.subject.as_str(), d.signal.as_str())
                    == (tenant, app, *kind, subject, signal)
            };
            let former = held.iter().find(same);
            if former.is_none() && held.len() + learned.len() >= MOST_DAMPINGS {
                let problem = format!("{MOST_DAMPINGS} hold already; take some back first");
                return Err(Error::Invalid { what: "damping", problem });
            }
            // One that has ended is no reason to trust the signal even less.
            let standing = former.filter(|d| d.until_us > now_us);
            let before = standing.map_or(100, |d| u32::from(d.percent));
            let after = (before * u32::from(rule.step_percent) / 100).max(u32::from(rule.least_percent)).min(100);
            learned.push(Damping {
                id: former.map_or_else(|| format!("dmp_{}", uuid::Uuid::now_v7().simple()), |d| d.id.clone()),
                tenant: tenant.clone(),
                app: app.clone(),
                kind: *kind,
                subject: subject.to_owned(),
                signal: signal.to_owned(),
                percent: u8::try_from(after).unwrap_or(100),
                marks: standing.map_or(0, |d| d.marks) + 1,
                since_us: now_us,
                until_us: now_us.saturating_add(i64::from(rule.lasts_s) * 1_000_000),
                by: by.to_owned(),
            });
        }
        Ok(learned)
    }

    /// Everything that counts less at this moment, newest first.
    pub fn dampings(&self, now_us: i64) -> Vec<Damping> {
        let held = self.inner.behaviour.dampings.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<Damping> = held.iter().filter(|d| d.until_us > now_us).cloned().collect();
        list.sort_by(|a, b| (b.since_us, &a.id).cmp(&(a.since_us, &b.id)));
        list
    }

    /// Takes a damping back: the signal counts in full again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none of this id holds; the database's failures, and then it still holds.
    pub async fn undamp(&self, id: &str, by: &str, now_us: i64) -> Result<Damping, Error> {
        let found = self.dampings(now_us).into_iter().find(|d| d.id == id);
        let damping = found.ok_or_else(|| Error::NotFound { what: "damping", id: id.to_owned() })?;
        let who = Behaving {
            tenant: damping.tenant.clone(),
            app: damping.app.clone(),
            kind: damping.kind,
            subject: damping.subject.clone(),
        };
        let detail = json!({"id": id, "signal": damping.signal, "percent": damping.percent});
        let mut entry = entry(EntryKind::Admin, "behaviour.undamp", &who, by, now_us, detail);
        entry.user = entry.user.filter(|user| !user.is_empty());
        let change = Change::Behaviour(Box::new(BehaviourChange::Undamp { id: id.to_owned() }));
        self.change(vec![change], vec![entry]).await?;
        self.inner.behaviour.dampings.lock().unwrap_or_else(PoisonError::into_inner).retain(|d| d.id != id);
        Ok(damping)
    }
}
