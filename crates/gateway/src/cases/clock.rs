//! When something is due: spans of time in calendar and in working hours.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
/// The longest span: ten years of hours.
const MOST: u32 = 87_600;
/// So many days are looked through for working hours; the shortest working day is an hour, one a week.
const MOST_DAYS: i64 = 800_000;

/// A span of time as it stands in the file: `24 hours`, `3 days`, `8 working hours`, `5 working days`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Hours of the clock.
    Hours(u32),
    /// Hours in which people work.
    WorkingHours(u32),
    /// So many days on which people work, to the end of work on the last; the day it begins on does not count.
    WorkingDays(u32),
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no span of time; write it as \"24 hours\", \"3 days\", \"8 working hours\" or \"5 working days\""
            )
        };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (count, unit) = words.split_first().ok_or_else(wrong)?;
        let count: u32 = count.parse().map_err(|_| wrong())?;
        if count == 0 || count > MOST {
            return Err(format!("{text:?}: 1 to {MOST} are allowed"));
        }
        match unit {
            ["hour" | "hours"] => Ok(Span::Hours(count)),
            ["day" | "days"] if count <= MOST / 24 => Ok(Span::Hours(count * 24)),
            ["working", "hour" | "hours"] => Ok(Span::WorkingHours(count)),
            ["working", "day" | "days"] if count <= MOST / 24 => Ok(Span::WorkingDays(count)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self {
            Span::Hours(h) if h % 24 == 0 => (h / 24, "day"),
            Span::Hours(h) => (*h, "hour"),
            Span::WorkingHours(h) => (*h, "working hour"),
            Span::WorkingDays(d) => (*d, "working day"),
        };
        write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// When people work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    offset_us: i64,
    /// Monday first.
    week: [bool; 7],
    from_us: i64,
    to_us: i64,
    /// Days since 1970 on which nobody works.
    holidays: Vec<i64>,
    /// Days since 1970 on which people do, whatever the week says.
    workdays: Vec<i64>,
}

/// The calendar as it stands in the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    utc_offset_min: i32,
    days: Vec<String>,
    from: String,
    to: String,
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    workdays: Vec<String>,
}

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let within = (0..=24).contains(&hours) && (0..60).contains(&minutes) && hours * 60 + minutes <= 24 * 60;
    within.then_some(hours * 60 + minutes)
}

fn days(of: &str, list: &[String]) -> Result<Vec<i64>, String> {
    let day = |text: &String| {
        let date: jiff::civil::Date =
            text.parse().map_err(|_| format!("calendar.{of}: {text:?} is no day such as \"2027-02-08\""))?;
        let epoch = jiff::civil::date(1970, 1, 1);
        let since = epoch.until(date).map_err(|e| format!("calendar.{of}: {text:?}: {e}"))?;
        Ok(i64::from(since.get_days()))
    };
    list.iter().map(day).collect()
}

impl Calendar {
    pub(super) fn read(written: &Written) -> Result<Self, String> {
        if written.utc_offset_min.abs() > 14 * 60 {
            return Err("calendar.utc_offset_min: within 14 hours of UTC".to_owned());
        }
        let mut week = [false; 7];
        for name in &written.days {
            let at = NAMES.iter().position(|n| n == name);
            let slot = at.and_then(|at| week.get_mut(at));
            *slot.ok_or_else(|| format!("calendar.days: {name:?} is none of {}", NAMES.join(", ")))? = true;
        }
        let time = |of: &str, text: &str| {
            minutes(text).ok_or_else(|| format!("calendar.{of}: {text:?} is no time such as \"09:00\""))
        };
        let (from, to) = (time("from", &written.from)?, time("to", &written.to)?);
        if !week.contains(&true) || to - from < 60 {
            return Err("calendar: people work on one day of the week at least, and for an hour at least".to_owned());
        }
        if written.holidays.len() + written.workdays.len() > 4_000 {
            return Err("calendar: 4000 holidays and workdays are allowed; take the past ones out".to_owned());
        }
        Ok(Calendar {
            offset_us: i64::from(written.utc_offset_min) * MINUTE_US,
            week,
            from_us: from * MINUTE_US,
            to_us: to * MINUTE_US,
            holidays: days("holidays", &written.holidays)?,
            workdays: days("workdays", &written.workdays)?,
        })
    }

    fn works(&self, day: i64) -> bool {
        // 1970-01-01 was a Thursday: the fourth day of its week.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0);
        let usual = self.week.get(weekday).copied().unwrap_or(false);
        self.workdays.contains(&day) || (usual && !self.holidays.contains(&day))
    }

    /// The moment a span after `at_us`, both in microseconds since 1970 UTC.
    #[must_use]
    pub fn after(&self, at_us: i64, span: Span) -> i64 {
        let local = at_us.saturating_add(self.offset_us);
        let first = local.div_euclid(DAY_US);
        let back = |local: i64| local.saturating_sub(self.offset_us);
        match span {
            Span::Hours(hours) => at_us.saturating_add(i64::from(hours) * HOUR_US),
            Span::WorkingDays(mut left) => {
                for day in first + 1..first.saturating_add(MOST_DAYS) {
                    if self.works(day) {
                        left -= 1;
                        if left == 0 {
                            return back(day.saturating_mul(DAY_US).saturating_add(self.to_us));
                        }
                    }
                }
                i64::MAX
            }
            Span::WorkingHours(hours) => {
                let mut left = i64::from(hours) * HOUR_US;
                for day in first..first.saturating_add(MOST_DAYS) {
                    if !self.works(day) {
                        continue;
                    }
                    let begin = day.saturating_mul(DAY_US);
                    let from = local.max(begin.saturating_add(self.from_us));
                    let there = begin.saturating_add(self.to_us).saturating_sub(from);
                    if there <= 0 {
                        continue;
                    }
                    if left <= there {
                        return back(from.saturating_add(left));
                    }
                    left -= there;
                }
                i64::MAX
            }
        }
    }

    /// From when on something is due soon: so long before, and not before it began. Working time is counted as it is on the
    /// clock: a day of it as a day.
    #[must_use]
    pub fn soon(&self, began_us: i64, due_us: i64, span: Span) -> i64 {
        let hours = match span {
            Span::Hours(hours) | Span::WorkingHours(hours) => hours,
            Span::WorkingDays(days) => days * 24,
        };
        due_us.saturating_sub(i64::from(hours) * HOUR_US).max(began_us)
    }

    /// A moment as people here read it: `2026-11-22 18:00`.
    #[must_use]
    pub fn written(&self, at_us: i64) -> String {
        let local = jiff::Timestamp::from_microsecond(at_us.saturating_add(self.offset_us));
        local.map_or_else(|_| "–".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
    }

    /// The day of a moment here.
    #[must_use]
    pub fn day(&self, at_us: i64) -> String {
        self.written(at_us).chars().take(10).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar() -> Calendar {
        let text = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Calendar::read(&Written {
            utc_offset_min: 480,
            days: text(&["mon", "tue", "wed", "thu", "fri"]),
            from: "09:00".into(),
            to: "18:00".into(),
            holidays: text(&["2026-11-23"]),
            workdays: text(&["2026-11-28"]),
        })
        .unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn due_times_by_hand() {
        let calendar = calendar();
        let due = |from: &str, span: &str| calendar.written(calendar.after(at(from), span.parse().unwrap()));
        // Friday 2026-11-20, 17:00 in Beijing. The Monday after is a holiday.
        let friday = "2026-11-20T17:00:00+08:00";
        assert_eq!(due(friday, "2 hours"), "2026-11-20 19:00");
        assert_eq!(due(friday, "1 working hour"), "2026-11-20 18:00");
        assert_eq!(due(friday, "2 working hours"), "2026-11-24 10:00");
        assert_eq!(due(friday, "10 working hours"), "2026-11-24 18:00");
        assert_eq!(due(friday, "1 working day"), "2026-11-24 18:00");
        // The Saturday is worked: Tuesday to Friday, then it.
        assert_eq!(due(friday, "5 working days"), "2026-11-28 18:00");
        assert_eq!(due("2026-11-22T03:00:00+08:00", "1 working hour"), "2026-11-24 10:00");
        assert_eq!(due(friday, "3 days"), "2026-11-23 17:00");
    }

    #[test]
    fn what_is_no_calendar_is_named() {
        let good = || Written {
            utc_offset_min: 0,
            days: vec!["mon".into()],
            from: "09:00".into(),
            to: "18:00".into(),
            holidays: Vec::new(),
            workdays: Vec::new(),
        };
        assert!(Calendar::read(&good()).is_ok());
        for (bad, word) in [
            (Written { days: vec!["lundi".into()], ..good() }, "lundi"),
            (Written { days: Vec::new(), ..good() }, "one day"),
            (Written { from: "9".into(), ..good() }, "\"9\""),
            (Written { to: "09:30".into(), ..good() }, "an hour"),
            (Written { to: "24:01".into(), ..good() }, "24:01"),
            (Written { utc_offset_min: 1_000, ..good() }, "14 hours"),
            (Written { holidays: vec!["2026-02-30".into()], ..good() }, "2026-02-30"),
        ] {
            let error = Calendar::read(&bad).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_span_or_a_sentence(text in "\\PC{0,40}") {
            if let Ok(span) = text.parse::<Span>() {
                prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
            }
        }

        #[test]
        fn spans_are_written_as_they_are_read(count in 1..3_000_u32, unit in prop::sample::select(&["hours", "days", "working hours", "working days"][..])) {
            let span: Span = format!("{count} {unit}").parse().unwrap();
            prop_assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }

        #[test]
        fn working_hours_add_up_and_end_within_work(day in 20_000_i64..21_000, minute in 0..1440_i64, a in 1..200_u32, b in 1..200_u32) {
            let calendar = calendar();
            let from = day * DAY_US + minute * MINUTE_US;
            let once = calendar.after(from, Span::WorkingHours(a + b));
            let twice = calendar.after(calendar.after(from, Span::WorkingHours(a)), Span::WorkingHours(b));
            prop_assert_eq!(once, twice);
            prop_assert!(once > from);
            let local = once + calendar.offset_us;
            prop_assert!(calendar.works(local.div_euclid(DAY_US)));
            let of_day = local.rem_euclid(DAY_US);
            prop_assert!(of_day > calendar.from_us && of_day <= calendar.to_us);
            // Counted minute by minute, as much work lies between.
            let mut worked = 0;
            let mut step = from;
            while step < once {
                let local = step + calendar.offset_us;
                let of_day = local.rem_euclid(DAY_US);
                worked += i64::from(calendar.works(local.div_euclid(DAY_US)) && of_day >= calendar.from_us && of_day < calendar.to_us);
                step += MINUTE_US;
            }
            prop_assert_eq!(worked, i64::from(a + b) * 60);
        }

        #[test]
        fn later_and_longer_is_never_due_earlier(day in 20_000_i64..21_000, minute in 0..1440_i64, more in 0..5_000_i64, n in 1..60_u32) {
            let calendar = calendar();
            let from = day * DAY_US + minute * MINUTE_US;
            for span in [Span::Hours, Span::WorkingHours, Span::WorkingDays] {
                let due = calendar.after(from, span(n));
                prop_assert!(due > from);
                prop_assert!(calendar.after(from + more * MINUTE_US, span(n)) >= due);
                prop_assert!(calendar.after(from, span(n + 1)) > due);
                let soon = calendar.soon(from, due, span(n));
                prop_assert!(soon >= from && soon <= due);
            }
        }

        #[test]
        fn no_moment_is_too_far(at_us in any::<i64>(), n in 1..=3_650_u32) {
            let calendar = calendar();
            for span in [Span::Hours(n), Span::WorkingHours(n), Span::WorkingDays(n)] {
                prop_assert!(calendar.after(at_us, span) >= at_us);
                let _ = calendar.written(at_us);
            }
        }
    }
}
