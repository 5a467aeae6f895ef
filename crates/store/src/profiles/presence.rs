//! How long minors use the service on a day.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::rows::{self, ProfileChange};
use super::{MOST_BYTES, Who};
use crate::changes::Change;
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// So many are held in memory; beyond it those of other days are let go of, else all: they are read again.
const MOST_HELD: usize = 50_000;

/// The minutes of the latest day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) day: i64,
    pub(crate) minutes: u32,
    /// The last minute of use, since 1970.
    pub(crate) minute: i64,
    /// The day before this one in the order of counting, and its minutes: a clock that is set forth and back comes to it
    /// again. In memory only.
    pub(crate) other: Option<(i64, u32)>,
}

impl Presence {
    /// The same with this minute; unchanged when the minute was counted.
    fn with(self, day: i64, minute: i64, pause_min: u32) -> Self {
        if day != self.day {
            let known = self.other.filter(|other| other.0 == day).map_or(0, |other| other.1);
            return Presence { day, minutes: known.saturating_add(1), minute, other: Some((self.day, self.minutes)) };
        }
        if minute <= self.minute {
            // Requests may come in another order than they began. Further back only the clock goes: what was counted
            // stays, and it goes on from there, or nothing would count until the clock is there again.
            let set_back = self.minute - minute > i64::from(pause_min);
            return if set_back { Presence { minute, ..self } } else { self };
        }
        let gap = minute - self.minute;
        let used = if gap <= i64::from(pause_min) { u32::try_from(gap).unwrap_or(1) } else { 1 };
        Presence { minutes: self.minutes.saturating_add(used), minute, ..self }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Presences(Mutex<HashMap<Who, Presence>>);

impl Presences {
    pub(super) fn keep(&self, wanted: impl Fn(&Who) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|who, _| wanted(who));
    }

    pub(super) fn forget(&self, who: &Who) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}

pub(super) async fn attend(store: &Store, who: Who, pause_min: u32, now_us: i64) -> Result<u32, Error> {
    if who.2.len() > MOST_BYTES {
        return Err(Error::Invalid { what: "user", problem: format!("1 to {MOST_BYTES} bytes are allowed") });
    }
    let (day, minute) = (store.day(now_us), time::minute(now_us));
    let held = &store.inner.profiles.present.0;
    let known = held.lock().unwrap_or_else(PoisonError::into_inner).get(&who).copied();
    let read = match known {
        Some(presence) => presence,
        None => {
            let failed = |e| store.archive().failed("reading a minor's minutes", e);
            rows::presence(store.archive().pool(), &who).await.map_err(failed)?.unwrap_or_default()
        }
    };
    let (before, after) = {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST_HELD && !held.contains_key(&who) {
            held.retain(|_, p| p.day == day);
            if held.len() >= MOST_HELD {
                held.clear();
            }
        }
        let slot = held.entry(who.clone()).or_insert(read);
        let before = *slot;
        *slot = before.with(day, minute, pause_min);
        (before, *slot)
    };
    if before != after {
        // Written behind: the count in memory stands, and a crash loses the last minute at most.
        let change = Change::Profiles(Box::new(ProfileChange::Present { who, presence: after }));
        drop(store.enqueue_change(vec![change], Vec::new())?);
    }
    Ok(after.minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_of_use_are_counted_once_and_short_pauses_with_them() {
        let first = Presence::default().with(5, 100, 5);
        assert_eq!((first.day, first.minutes, first.minute), (5, 1, 100));
        assert_eq!(first.with(5, 100, 5), first);
        assert_eq!(first.with(5, 98, 5), first, "two requests in another order");
        assert_eq!(first.with(5, 103, 5).minutes, 4);
        assert_eq!(first.with(5, 120, 5).minutes, 2, "a long pause is no use");
        assert_eq!(first.with(6, 101, 5).minutes, 1, "a day begins at nothing");
    }

    #[test]
    fn a_clock_that_is_set_goes_on_counting_and_forgets_no_day() {
        let used = (100..150).fold(Presence::default(), |p, minute| p.with(5, minute, 5));
        assert_eq!(used.minutes, 50);
        let back = used.with(5, 90, 5);
        assert_eq!((back.minutes, back.with(5, 93, 5).minutes), (50, 53), "an hour back stops the count");
        let ahead = used.with(6, 1_590, 5).with(6, 1_592, 5);
        assert_eq!((ahead.minutes, ahead.with(5, 152, 5).minutes), (3, 51), "a day ahead and back begins anew");
        assert_eq!(ahead.with(5, 152, 5).with(6, 1_600, 5).minutes, 4);
    }
}
