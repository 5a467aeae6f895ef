//! Times in logarithmic slots: four an octave, so a percentile is off by less than a tenth.

use serde::Serialize;

/// Slots an octave.
const FINE: f64 = 4.0;

/// The slot of a time in microseconds. Slot `n` holds times around `2^(n/4)` µs; under a microsecond all is slot 0.
pub(crate) fn slot(us: i64) -> u32 {
    // The times of a process fit an f64 well.
    let us = us.max(1) as f64;
    (us.log2() * FINE).round() as u32
}

/// The time that stands for a slot, in milliseconds.
fn ms(slot: u32) -> f64 {
    let ms = (f64::from(slot) / FINE).exp2() / 1000.0;
    (ms * 1000.0).round() / 1000.0
}

/// Percentiles in milliseconds, each off by less than a tenth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the requests took no longer.
    pub p50_ms: f64,
    /// 95 in 100 took no longer.
    pub p95_ms: f64,
    /// 99 in 100 took no longer.
    pub p99_ms: f64,
}

impl Percentiles {
    /// Of counts by slot, in ascending order of slots. Nothing where there are none.
    pub(crate) fn of(slots: &std::collections::BTreeMap<u32, u64>) -> Option<Self> {
        let all: u64 = slots.values().sum();
        if all == 0 {
            return None;
        }
        let at = |percent: u64| {
            let rank = (all * percent).div_ceil(100).max(1);
            let mut reached = 0;
            for (slot, n) in slots {
                reached += n;
                if reached >= rank {
                    return ms(*slot);
                }
            }
            0.0
        };
        Some(Percentiles { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99) })
    }
}

/// How long requests took; a part is absent where nothing was timed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// From the first byte of the request to the last of the answer.
    pub total: Option<Percentiles>,
    /// Judging what was asked.
    pub input: Option<Percentiles>,
    /// Judging what was answered.
    pub output: Option<Percentiles>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slot_stands_for_its_times_within_a_tenth(us in 100i64..10_000_000_000) {
            let said = ms(slot(us)) * 1000.0;
            prop_assert!((said / us as f64 - 1.0).abs() < 0.1, "{us} said {said}");
        }
    }

    #[test]
    fn odd_times_have_slots_too() {
        assert_eq!((slot(i64::MIN), slot(0), slot(1), slot(i64::MAX)), (0, 0, 0, 252));
    }

    #[test]
    fn percentiles_are_of_the_counts() {
        assert_eq!(Percentiles::of(&BTreeMap::new()), None);
        let slots = BTreeMap::from([(slot(1000), 94), (slot(10_000), 5), (slot(1_000_000), 1)]);
        let p = Percentiles::of(&slots).unwrap();
        assert!(
            (p.p50_ms - 1.0).abs() < 0.1 && (p.p95_ms - 10.0).abs() < 1.0 && (p.p99_ms - 10.0).abs() < 1.0,
            "{p:?}"
        );
    }
}
