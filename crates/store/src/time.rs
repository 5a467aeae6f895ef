//! Microseconds since 1970 UTC, the days they fall on, and how people read them.

use jiff::Timestamp;

const DAY_US: i64 = 86_400_000_000;
const MINUTE_US: i64 = 60_000_000;

/// The present, in microseconds since 1970 UTC.
pub(crate) fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

/// RFC 3339 in UTC with six decimals; a time beyond the year 9999 is given as its number of microseconds.
pub(crate) fn rfc3339(at_us: i64) -> String {
    match Timestamp::from_microsecond(at_us) {
        Ok(at) => format!("{at:.6}"),
        Err(_) => format!("{at_us}us"),
    }
}

/// The day number since 1970 in a zone `offset_min` minutes east of UTC.
pub(crate) fn day(at_us: i64, offset_min: i32) -> i64 {
    at_us.saturating_add(i64::from(offset_min) * MINUTE_US).div_euclid(DAY_US)
}

/// When a day begins and ends.
pub(crate) fn bounds(day: i64, offset_min: i32) -> (i64, i64) {
    let begins = day.saturating_mul(DAY_US).saturating_sub(i64::from(offset_min) * MINUTE_US);
    (begins, begins.saturating_add(DAY_US))
}

pub(crate) fn days_before(at_us: i64, days: u32) -> i64 {
    at_us.saturating_sub(i64::from(days) * DAY_US)
}

/// The minute number since 1970.
pub(crate) fn minute(at_us: i64) -> i64 {
    at_us.div_euclid(MINUTE_US)
}

/// How far into its minute a time is, in 0..1.
pub(crate) fn minute_share(at_us: i64) -> f64 {
    // A remainder below 60 million is exact in an f64.
    at_us.rem_euclid(MINUTE_US) as f64 / MINUTE_US as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_the_operator_says() {
        // 1970-01-01T16:00:00Z is midnight of the second day in Beijing.
        let at = 16 * 3_600_000_000;
        assert_eq!((day(at, 480), day(at - 1, 480), day(at, 0)), (1, 0, 0));
        assert_eq!(day(-1, 0), -1);
        assert_eq!(bounds(1, 480), (at, at + DAY_US));
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(rfc3339(1_700_000_000_000_042), "2023-11-14T22:13:20.000042Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(i64::MAX), "9223372036854775807us");
    }
}
