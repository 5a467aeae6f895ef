//! Retention, made visible: what each run removed, and how long each kind is kept.

use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::rows::ProtectionChange;
use crate::error::Error;
use crate::options::Options;
use crate::store::Store;
use crate::time;

/// How long each kind is kept, in days; `None` as long as the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RetentionDays {
    /// Conversations that were held for a human, with their texts.
    pub reviews: Option<u32>,
    /// What people said of decisions.
    pub feedback: Option<u32>,
    /// Used requests and tokens by key and day.
    pub usage: Option<u32>,
}

impl RetentionDays {
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (what, days) in [
            ("retention of reviews", self.reviews),
            ("retention of feedback", self.feedback),
            ("retention of usage", self.usage),
        ] {
            if days == Some(0) {
                return Err(Error::Invalid { what, problem: "keep at least one day".to_owned() });
            }
        }
        Ok(())
    }
}

/// A program that starts this much later than the newest record doubts its clock.
const LONG_US: i64 = 31 * 86_400_000_000;

/// The time that retention goes by. What a wrong clock has removed is gone for good, so it never runs ahead of the time that
/// passes, and begins at most a month after the newest record. Where it lags, more is kept, until the next start.
#[derive(Debug, Clone, Copy)]
pub struct RetentionClock {
    from_us: i64,
    since: Instant,
}

impl RetentionClock {
    /// Begins at a time of the clock, in a folder with a newest record.
    pub fn begin(now_us: i64, newest_us: Option<i64>) -> Self {
        let most_us = newest_us.map_or(i64::MAX, |newest| newest.saturating_add(LONG_US));
        if now_us > most_us {
            tracing::warn!(
                "the clock is more than a month after the newest record; retention begins no later than that"
            );
        }
        RetentionClock { from_us: now_us.min(most_us), since: Instant::now() }
    }

    /// The time, where the clock says this.
    pub fn now_us(&self, now_us: i64) -> i64 {
        let passed_us = i64::try_from(self.since.elapsed().as_micros()).unwrap_or(i64::MAX);
        now_us.min(self.from_us.saturating_add(passed_us))
    }
}

/// Before which moment each kind goes, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) audit: i64,
    pub(crate) reviews: i64,
    pub(crate) feedback: i64,
    pub(crate) usage: i64,
}

impl Before {
    pub(crate) fn of(options: &Options, now_us: i64) -> Self {
        // What hangs on a record never outlasts it.
        let before =
            |days: Option<u32>| time::days_before(now_us, days.unwrap_or(u32::MAX).min(options.retention_days));
        let kinds = options.retention_kinds;
        Before {
            audit: before(None),
            reviews: before(kinds.reviews),
            feedback: before(kinds.feedback),
            usage: before(kinds.usage),
        }
    }
}

/// One run of retention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RetentionRun {
    /// When, RFC 3339.
    pub at: String,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// What was removed, by kind.
    pub removed: Value,
    /// Why it did not end; absent when it did.
    pub problem: Option<String>,
}

impl Store {
    /// [`Store::prune`] with a note of what it did, for people to see.
    ///
    /// # Errors
    /// Those of [`Store::prune`].
    pub async fn run_retention(&self, now_us: i64) -> Result<crate::Pruned, Error> {
        let begun = std::time::Instant::now();
        let outcome = self.prune(now_us).await;
        let (removed, problem) = match &outcome {
            Ok(pruned) => (json!(pruned), None),
            Err(e) => (json!({}), Some(e.to_string())),
        };
        let took_us = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let ran = ProtectionChange::Ran { at_us: now_us, took_us, removed: removed.to_string(), problem };
        if let Err(error) = self.change(vec![ran.boxed()], Vec::new()).await {
            tracing::warn!(%error, "the run of retention could not be noted");
        }
        outcome
    }

    /// The last runs, newest first, at most `limit` (at most 400).
    ///
    /// # Errors
    /// The database's failures.
    pub async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>, Error> {
        const LIST: &str = "SELECT at_us, took_us, removed, problem FROM retention_runs ORDER BY at_us DESC LIMIT ?1";
        let failed = |e| self.archive().failed("listing runs of retention", e);
        let rows = sqlx::query(LIST).bind(limit.min(400)).fetch_all(self.archive().pool()).await.map_err(failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let removed: String = row.try_get(2)?;
            Ok(RetentionRun {
                at: time::rfc3339(row.try_get(0)?),
                took_ms: row.try_get::<i64, _>(1)? / 1000,
                removed: serde_json::from_str(&removed).unwrap_or_default(),
                problem: row.try_get(3)?,
            })
        };
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clock_removes_what_is_to_be_kept() {
        const DAY: i64 = 86_400_000_000;
        let now = 20_000 * DAY;
        // A machine that runs these lines takes less than an hour over them.
        let near = |time: i64, expected: i64| (expected..expected + DAY / 24).contains(&time);
        let clock = RetentionClock::begin(now, Some(now - DAY));
        assert!(near(clock.now_us(now + 400 * DAY), now), "set a year forth while it runs");
        assert_eq!(clock.now_us(now - DAY), now - DAY, "set back");
        let clock = RetentionClock::begin(now + 400 * DAY, Some(now));
        assert!(near(clock.now_us(now + 400 * DAY), now + LONG_US), "a year ahead at the start");
        assert_eq!(clock.now_us(now), now, "and corrected");
        assert!(near(RetentionClock::begin(now, None).now_us(now + DAY), now));
    }
}
