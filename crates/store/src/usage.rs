//! Tokens and requests by key and day.
//!
//! Counting waits on nothing: counters live in memory and reach the disk with the next group of records, at the
//! latest after a second. A crash loses at most that second.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::error::Error;
use crate::store::Store;
use crate::time;

/// What was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// Requests.
    pub requests: u64,
    /// Tokens that went to the model.
    pub input_tokens: u64,
    /// Tokens that came from the model.
    pub output_tokens: u64,
}

impl Usage {
    /// Both directions together.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    const fn add(&mut self, input: u64, output: u64) {
        self.requests = self.requests.saturating_add(1);
        self.input_tokens = self.input_tokens.saturating_add(input);
        self.output_tokens = self.output_tokens.saturating_add(output);
    }
}

/// What one key used on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayUsage {
    /// The key's id.
    pub key_id: String,
    /// The day: days since 1970 in the operator's zone (see [`Store::day`]).
    pub day: i64,
    /// What was used.
    #[serde(flatten)]
    pub usage: Usage,
}

/// The counters of one day.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    day: i64,
    usage: Usage,
    dirty: bool,
}

#[derive(Debug, Default)]
struct Gauge {
    /// The day that was counted last, and the one before: a clock that is set forth and back comes to it again, and its
    /// limit then holds for what was used already.
    days: [Day; 2],
    minute: i64,
    this_minute: u64,
    last_minute: u64,
}

impl Gauge {
    fn turn_minute(&mut self, minute: i64) {
        if minute > self.minute {
            self.last_minute = if minute == self.minute + 1 { self.this_minute } else { 0 };
            (self.minute, self.this_minute) = (minute, 0);
        } else if minute < self.minute - 1 {
            // Set back, and further than requests that overtake one another: what was used within the last minute still
            // counts, or it would count until the clock is there again.
            self.minute = minute;
        }
    }

    /// Makes this day the one that is counted; gives what has to reach the disk before it is let go of.
    fn turn_day(&mut self, day: i64) -> Option<Day> {
        if self.days[0].day == day {
            return None;
        }
        self.days.swap(0, 1);
        if self.days[0].day == day {
            return None;
        }
        let left = std::mem::replace(&mut self.days[0], Day { day, ..Day::default() });
        Some(left).filter(|left| left.dirty)
    }

    fn of(&self, day: i64) -> Option<&Day> {
        self.days.iter().find(|d| d.day == day)
    }
}

#[derive(Debug, Default)]
struct Gauges {
    by_key: HashMap<String, Gauge>,
    /// Days that ended before their counters reached the disk.
    ended: Vec<DayUsage>,
    dirty: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Gauges>);

impl DayUsage {
    /// Writes the absolute counters, so that writing twice does no harm. They only grow: after the clock was set, a day that
    /// was let go of may be counted from nothing.
    pub(crate) async fn save(&self, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        const SAVE: &str =
            "INSERT INTO usage (key_id, day, requests, input_tokens, output_tokens) VALUES (?1,?2,?3,?4,?5)
            ON CONFLICT (key_id, day) DO UPDATE SET requests = MAX(requests, ?3),
            input_tokens = MAX(input_tokens, ?4), output_tokens = MAX(output_tokens, ?5)";
        let stored = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        sqlx::query(SAVE)
            .bind(&self.key_id)
            .bind(self.day)
            .bind(stored(self.usage.requests))
            .bind(stored(self.usage.input_tokens))
            .bind(stored(self.usage.output_tokens))
            .execute(conn)
            .await
            .map(drop)
    }

    fn read(row: &sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Ok(DayUsage {
            key_id: row.try_get(0)?,
            day: row.try_get(1)?,
            usage: Usage {
                requests: count(row.try_get(2)?),
                input_tokens: count(row.try_get(3)?),
                output_tokens: count(row.try_get(4)?),
            },
        })
    }
}

impl Meter {
    /// The counters of the latest day through `today`: a later one was counted while the clock was wrong.
    pub(crate) async fn load(conn: &mut SqliteConnection, today: i64) -> Result<Self, sqlx::Error> {
        // SQLite gives the other columns of the row that holds the maximum (https://www.sqlite.org/lang_select.html#bareagg).
        const LATEST: &str =
            "SELECT key_id, MAX(day), requests, input_tokens, output_tokens FROM usage WHERE day <= ?1 GROUP BY key_id";
        let mut by_key = HashMap::new();
        for row in sqlx::query(LATEST).bind(today).fetch_all(conn).await? {
            let latest = DayUsage::read(&row)?;
            let day = Day { day: latest.day, usage: latest.usage, dirty: false };
            by_key.insert(latest.key_id, Gauge { days: [day, Day::default()], ..Gauge::default() });
        }
        Ok(Meter(Mutex::new(Gauges { by_key, ended: Vec::new(), dirty: false })))
    }

    fn add(&self, key_id: &str, day: i64, at_us: i64, input: u64, output: u64) -> Usage {
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gauges = &mut *gauges;
        if !gauges.by_key.contains_key(key_id) {
            gauges.by_key.insert(key_id.to_owned(), Gauge::default());
        }
        let Some(gauge) = gauges.by_key.get_mut(key_id) else { return Usage::default() };
        if let Some(left) = gauge.turn_day(day) {
            gauges.ended.push(DayUsage { key_id: key_id.to_owned(), day: left.day, usage: left.usage });
        }
        let [today, _] = &mut gauge.days;
        today.usage.add(input, output);
        today.dirty = true;
        let used = today.usage;
        gauges.dirty = true;
        gauge.turn_minute(time::minute(at_us));
        gauge.this_minute = gauge.this_minute.saturating_add(input.saturating_add(output));
        used
    }

    fn today(&self, key_id: &str, day: i64) -> Usage {
        let gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.by_key.get(key_id).and_then(|g| g.of(day)).map_or(Usage::default(), |d| d.usage)
    }

    fn last_minute(&self, key_id: &str, at_us: i64) -> u64 {
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(gauge) = gauges.by_key.get_mut(key_id) else { return 0 };
        gauge.turn_minute(time::minute(at_us));
        // A sliding window by the usual estimate: the part of the last minute that still counts, evenly spread.
        let carried = gauge.last_minute as f64 * (1.0 - time::minute_share(at_us));
        gauge.this_minute.saturating_add(carried as u64)
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dirty
    }

    /// What must reach the disk. Give it back with [`Meter::restore_dirty`] when it does not.
    pub(crate) fn take_dirty(&self) -> Vec<DayUsage> {
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !gauges.dirty {
            return Vec::new();
        }
        gauges.dirty = false;
        let mut taken = std::mem::take(&mut gauges.ended);
        for (key_id, gauge) in &mut gauges.by_key {
            for day in gauge.days.iter_mut().filter(|d| d.dirty) {
                day.dirty = false;
                taken.push(DayUsage { key_id: key_id.clone(), day: day.day, usage: day.usage });
            }
        }
        taken
    }

    pub(crate) fn restore_dirty(&self, taken: Vec<DayUsage>) {
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gauges = &mut *gauges;
        for counter in taken {
            gauges.dirty = true;
            let held = gauges.by_key.get_mut(&counter.key_id);
            match held.and_then(|g| g.days.iter_mut().find(|d| d.day == counter.day)) {
                // The counter in memory has only grown since.
                Some(day) => day.dirty = true,
                None => gauges.ended.push(counter),
            }
        }
    }
}

impl Store {
    /// Counts one request and its tokens, and gives what the key used on this day. Waits on nothing.
    pub fn add_usage(&self, key_id: &str, input_tokens: u64, output_tokens: u64, at_us: i64) -> Usage {
        self.inner.meter.add(key_id, self.day(at_us), at_us, input_tokens, output_tokens)
    }

    /// What a key used on the day of `at_us`, when that is one of the two days it was used on last; else nothing. Waits on
    /// nothing. Older days: [`Store::usage`].
    pub fn usage_today(&self, key_id: &str, at_us: i64) -> Usage {
        self.inner.meter.today(key_id, self.day(at_us))
    }

    /// About how many tokens a key used within the sixty seconds before `at_us`, for limits by the minute. Waits on
    /// nothing; starts at zero with the process.
    pub fn tokens_last_minute(&self, key_id: &str, at_us: i64) -> u64 {
        self.inner.meter.last_minute(key_id, at_us)
    }

    /// The day a time falls on: days since 1970 in the zone of [`crate::Options::day_offset_min`].
    pub fn day(&self, at_us: i64) -> i64 {
        time::day(at_us, self.inner.options.day_offset_min)
    }

    /// What was used from `first_day` to `last_day` (both included), by day and key; all keys when `key_id` is `None`.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn usage(&self, key_id: Option<&str>, first_day: i64, last_day: i64) -> Result<Vec<DayUsage>, Error> {
        const LIST: &str = "SELECT key_id, day, requests, input_tokens, output_tokens FROM usage
            WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR key_id = ?3) ORDER BY day, key_id";
        // What is still in memory is written first; when the disk refuses, what it has is shown.
        let _ = self.flush().await;
        let failed = |e| self.archive().failed("reading usage", e);
        let rows = sqlx::query(LIST)
            .bind(first_day)
            .bind(last_day)
            .bind(key_id)
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(DayUsage::read).collect::<Result<_, _>>().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn counters_that_failed_to_reach_the_disk_stay_dirty() {
        let meter = Meter::default();
        meter.add("k", 1, 0, 10, 5);
        let taken = meter.take_dirty();
        assert_eq!(taken[0].usage, Usage { requests: 1, input_tokens: 10, output_tokens: 5 });
        assert!(!meter.is_dirty());
        meter.add("k", 2, 0, 1, 1);
        meter.restore_dirty(taken.clone());
        let mut again = meter.take_dirty();
        again.sort_by_key(|c| c.day);
        assert_eq!(again[0], taken[0]);
        assert_eq!(again[1].usage, Usage { requests: 1, input_tokens: 1, output_tokens: 1 });
        assert!(meter.take_dirty().is_empty());
    }

    #[test]
    fn the_last_minute_slides() {
        let meter = Meter::default();
        meter.add("k", 0, MINUTE, 60, 0);
        assert_eq!(meter.last_minute("k", MINUTE + 1), 60);
        assert_eq!(meter.last_minute("k", 2 * MINUTE + MINUTE / 2), 30);
        meter.add("k", 0, 2 * MINUTE + MINUTE / 2, 7, 0);
        assert_eq!(meter.last_minute("k", 2 * MINUTE + MINUTE / 2), 37);
        assert_eq!(meter.last_minute("k", 4 * MINUTE), 0);
        assert_eq!(meter.last_minute("nobody", 0), 0);
    }

    #[test]
    fn a_clock_that_is_set_keeps_the_limits_and_locks_nobody_out() {
        const DAY: i64 = 1_440 * MINUTE;
        let meter = Meter::default();
        meter.add("k", 0, 60 * MINUTE, 500, 0);
        meter.add("k", 1, DAY + 60 * MINUTE, 70, 0);
        // A day back: what was used before the clock went forth counts, and the minute ends after a minute.
        let at = 61 * MINUTE;
        assert_eq!(meter.today("k", 0).tokens(), 500);
        assert_eq!(meter.last_minute("k", at), 70);
        assert_eq!(meter.add("k", 0, at, 30, 0).tokens(), 530);
        assert_eq!(meter.last_minute("k", at + 2 * MINUTE), 0, "the minute's tokens last for a day");
        assert_eq!(meter.today("k", 1).tokens(), 70);
        let mut taken = meter.take_dirty();
        taken.sort_by_key(|c| c.day);
        assert_eq!(taken.iter().map(|c| (c.day, c.usage.tokens())).collect::<Vec<_>>(), [(0, 530), (1, 70)]);
    }
}
