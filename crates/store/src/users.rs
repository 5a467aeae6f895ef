//! End users: risky inputs in a row or within a day, and suspensions.
//!
//! TC260-003 §7 g) asks to suspend a user who enters illegal or inducing input three times in a row or five times in
//! one day. The tallies live in memory (so that a harmless request of a user without strikes costs nothing) and are
//! written behind the audit; a user without a risky input for a day is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// A streak older than this is over, in microseconds: one day.
const STREAK_US: i64 = 86_400_000_000;
/// The most users whose strikes are remembered; beyond it the stalest tenth is forgotten.
const MAX_TALLIES: usize = 500_000;
/// Longer ids are refused: they are stored, and come from outside.
const MAX_USER_BYTES: usize = 512;

/// A user's strikes after the input that was just counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Strikes {
    /// Risky inputs in a row.
    pub consecutive: u32,
    /// Risky inputs of this day.
    pub today: u32,
    /// The suspension that this input brought about, or that stood already.
    pub suspension: Option<Suspension>,
}

/// A user who may not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// The tenant.
    pub tenant: String,
    /// The user, as the application names them.
    pub user: String,
    /// Since when, in microseconds since 1970 UTC.
    pub since_us: i64,
    /// Until when; none means until it is lifted.
    pub until_us: Option<i64>,
    /// Why: `consecutive`, `per_day`, or an operator's words.
    pub reason: String,
    /// The rule that decided, as `pack/rule@version`.
    pub rule: Option<String>,
    /// Who: `limits`, `policy`, or an operator.
    pub by: String,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    consecutive: u32,
    day: i64,
    today: u32,
    updated_us: i64,
}

type Who = (String, String);

#[derive(Debug, Default)]
pub(crate) struct Users {
    tallies: Mutex<HashMap<Who, Tally>>,
    suspensions: Mutex<HashMap<Who, Suspension>>,
}

impl Users {
    pub(crate) async fn load(conn: &mut SqliteConnection, now_us: i64) -> Result<Self, sqlx::Error> {
        const TALLIES: &str = "SELECT tenant, user, consecutive, day, today, updated_us FROM tallies
            WHERE updated_us > ?1 ORDER BY updated_us DESC LIMIT ?2";
        const SUSPENSIONS: &str = "SELECT tenant, user, since_us, until_us, reason, rule, by FROM suspensions
            WHERE until_us IS NULL OR until_us > ?1";
        let mut tallies = HashMap::new();
        let since = now_us.saturating_sub(STREAK_US);
        for row in sqlx::query(TALLIES).bind(since).bind(MAX_TALLIES as i64).fetch_all(&mut *conn).await? {
            let tally = Tally {
                consecutive: row.try_get(2)?,
                day: row.try_get(3)?,
                today: row.try_get(4)?,
                updated_us: row.try_get(5)?,
            };
            tallies.insert((row.try_get(0)?, row.try_get(1)?), tally);
        }
        let mut suspensions = HashMap::new();
        for row in sqlx::query(SUSPENSIONS).bind(now_us).fetch_all(conn).await? {
            let suspension = read(&row)?;
            suspensions.insert((suspension.tenant.clone(), suspension.user.clone()), suspension);
        }
        Ok(Users { tallies: Mutex::new(tallies), suspensions: Mutex::new(suspensions) })
    }

    fn standing(&self, tenant: &str, user: &str, now_us: i64) -> Option<Suspension> {
        let mut suspensions = self.suspensions.lock().unwrap_or_else(PoisonError::into_inner);
        // Most gateways have nobody suspended: then not even the key is built.
        if suspensions.is_empty() {
            return None;
        }
        let who = (tenant.to_owned(), user.to_owned());
        let suspension = suspensions.get(&who)?;
        if suspension.until_us.is_some_and(|until| until <= now_us) {
            suspensions.remove(&who);
            return None;
        }
        Some(suspension.clone())
    }
}

fn read(row: &sqlx::sqlite::SqliteRow) -> Result<Suspension, sqlx::Error> {
    Ok(Suspension {
        tenant: row.try_get(0)?,
        user: row.try_get(1)?,
        since_us: row.try_get(2)?,
        until_us: row.try_get(3)?,
        reason: row.try_get(4)?,
        rule: row.try_get(5)?,
        by: row.try_get(6)?,
    })
}

fn check_user(user: &str) -> Result<(), Error> {
    if user.is_empty() || user.len() > MAX_USER_BYTES {
        let problem = format!("1 to {MAX_USER_BYTES} bytes are allowed");
        return Err(Error::Invalid { what: "user", problem });
    }
    Ok(())
}

fn forget_stalest(tallies: &mut HashMap<Who, Tally>, now_us: i64) {
    tallies.retain(|_, t| now_us.saturating_sub(t.updated_us) < STREAK_US);
    if tallies.len() < MAX_TALLIES {
        return;
    }
    let mut times: Vec<i64> = tallies.values().map(|t| t.updated_us).collect();
    let tenth = times.len() / 10;
    let (_, &mut limit, _) = times.select_nth_unstable(tenth);
    tallies.retain(|_, t| t.updated_us > limit);
}

impl Store {
    /// Counts one input of a user. A harmless one ends the streak; a risky one that reaches a limit of
    /// [`crate::StrikeLimits`] suspends the user, with a record in the audit. Nothing is counted while a suspension
    /// stands. `rule` is the rule that found the input risky.
    ///
    /// Resolves at once when there is nothing to write; else once it is written.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or overlong user id; [`Error::QueueFull`] and the database's failures. The
    /// count in memory stands even then.
    pub async fn strike(
        &self,
        tenant: &str,
        user: &str,
        risky: bool,
        rule: Option<&str>,
        now_us: i64,
    ) -> Result<Strikes, Error> {
        check_user(user)?;
        if let Some(suspension) = self.suspension(tenant, user, now_us) {
            return Ok(Strikes { consecutive: 0, today: 0, suspension: Some(suspension) });
        }
        let limits = self.inner.options.strikes;
        let day = time::day(now_us, self.inner.options.day_offset_min);
        let who = (tenant.to_owned(), user.to_owned());
        // Counting and queueing happen under one lock, so that the rows arrive in the order of the counts.
        let (strikes, pending) = {
            let mut tallies = self.inner.users.tallies.lock().unwrap_or_else(PoisonError::into_inner);
            let known = tallies.get(&who).copied();
            if !risky && known.is_none_or(|t| t.consecutive == 0) {
                let today = known.filter(|t| t.day == day).map_or(0, |t| t.today);
                return Ok(Strikes { consecutive: 0, today, suspension: None });
            }
            let mut tally = known.unwrap_or_default();
            if tally.day != day {
                (tally.day, tally.today) = (day, 0);
            }
            if now_us.saturating_sub(tally.updated_us) >= STREAK_US {
                tally.consecutive = 0;
            }
            if risky {
                tally.consecutive = tally.consecutive.saturating_add(1);
                tally.today = tally.today.saturating_add(1);
                tally.updated_us = now_us;
            } else {
                tally.consecutive = 0;
            }
            let reached = |limit: u32, count: u32| limit > 0 && count >= limit;
            let reason = if !risky {
                None
            } else if reached(limits.consecutive, tally.consecutive) {
                Some("consecutive")
            } else if reached(limits.per_day, tally.today) {
                Some("per_day")
            } else {
                None
            };
            let counted = (tally.consecutive, tally.today);
            if reason.is_some() {
                tally.consecutive = 0;
            }
            let mut changes = vec![Change::Tally {
                tenant: tenant.to_owned(),
                user: user.to_owned(),
                consecutive: tally.consecutive,
                day,
                today: tally.today,
                at_us: tally.updated_us,
            }];
            if tallies.len() >= MAX_TALLIES && !tallies.contains_key(&who) {
                forget_stalest(&mut tallies, now_us);
            }
            tallies.insert(who, tally);
            let suspension = reason.map(|reason| Suspension {
                tenant: tenant.to_owned(),
                user: user.to_owned(),
                since_us: now_us,
                until_us: Some(now_us.saturating_add_unsigned(limits.suspend_s.saturating_mul(1_000_000))),
                reason: reason.to_owned(),
                rule: rule.map(str::to_owned),
                by: "limits".to_owned(),
            });
            let mut entries = Vec::new();
            if let Some(suspension) = &suspension {
                changes.push(Change::Suspend(Box::new(suspension.clone())));
                entries.push(suspension_entry(EntryKind::System, "user.suspend", suspension, now_us));
                self.hold(suspension.clone());
            }
            let strikes = Strikes { consecutive: counted.0, today: counted.1, suspension };
            (strikes, self.enqueue_change(changes, entries)?)
        };
        pending.await?;
        Ok(strikes)
    }

    /// Suspends a user, by an operator's or a rule's decision. A standing suspension is replaced.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or overlong user id; [`Error::QueueFull`] and the database's failures. The user
    /// is suspended in this process even then.
    pub async fn suspend(&self, suspension: Suspension) -> Result<(), Error> {
        check_user(&suspension.user)?;
        let kind = if suspension.by == "policy" { EntryKind::System } else { EntryKind::Admin };
        let entry = suspension_entry(kind, "user.suspend", &suspension, suspension.since_us);
        self.hold(suspension.clone());
        self.change(vec![Change::Suspend(Box::new(suspension))], vec![entry]).await.map(drop)
    }

    /// Lifts a suspension; the user's strikes are forgotten with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the user is not suspended; the database's failures, and then the
    /// suspension stands.
    pub async fn lift(&self, tenant: &str, user: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let mut entry = Entry::event(EntryKind::Admin, "user.lift", now_us, serde_json::Value::Null);
        entry.key_id = Some(by.to_owned());
        entry.tenant = Some(tenant.to_owned());
        entry.user = Some(user.to_owned());
        let who = (tenant.to_owned(), user.to_owned());
        let standing = self.inner.users.suspensions.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
        let Some(standing) = standing.filter(|s| s.until_us.is_none_or(|until| until > now_us)) else {
            return Err(Error::NotFound { what: "suspension of user", id: user.to_owned() });
        };
        self.inner.users.tallies.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
        let change = Change::Lift { tenant: tenant.to_owned(), user: user.to_owned() };
        let lifted = self.change(vec![change], vec![entry]).await;
        if lifted.is_err() {
            self.hold(standing);
        }
        lifted.map(drop)
    }

    /// The suspension that stands for a user now. Waits on nothing.
    pub fn suspension(&self, tenant: &str, user: &str, now_us: i64) -> Option<Suspension> {
        self.inner.users.standing(tenant, user, now_us)
    }

    /// All suspensions that stand now, newest first.
    pub fn suspensions(&self, now_us: i64) -> Vec<Suspension> {
        let held = self.inner.users.suspensions.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |s: &&Suspension| s.until_us.is_none_or(|until| until > now_us);
        let mut list: Vec<Suspension> = held.values().filter(stands).cloned().collect();
        list.sort_by(|a, b| (b.since_us, &a.user).cmp(&(a.since_us, &b.user)));
        list
    }

    fn hold(&self, suspension: Suspension) {
        let who = (suspension.tenant.clone(), suspension.user.clone());
        self.inner.users.suspensions.lock().unwrap_or_else(PoisonError::into_inner).insert(who, suspension);
    }
}

fn suspension_entry(kind: EntryKind, event: &str, suspension: &Suspension, at_us: i64) -> Entry {
    let detail = json!({ "reason": suspension.reason, "until": suspension.until_us.map(time::rfc3339) });
    let mut entry = Entry::event(kind, event, at_us, detail);
    entry.key_id = Some(suspension.by.clone());
    entry.tenant = Some(suspension.tenant.clone());
    entry.user = Some(suspension.user.clone());
    entry.rule.clone_from(&suspension.rule);
    entry
}
