//! Small statistics of fixed size: counts in sliding windows, shares, distinct values, runs, and what is usual.
//!
//! Counts, shares and distinct values do not depend on the order in which events arrive, as long as all fall within one
//! window. Runs and baselines do.

/// Pieces of a sliding window: a count may be too high by up to one piece of eight.
pub(super) const PIECES: usize = 8;

/// Counts within a sliding window, in eight pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Window {
    pieces: [u16; PIECES],
    /// The newest piece's number since 1970.
    head: i64,
}

impl Window {
    /// Moves on to `piece`; false where it is too old to count.
    fn turn(&mut self, piece: i64) -> bool {
        let ahead = piece.saturating_sub(self.head);
        if ahead >= PIECES as i64 {
            self.pieces = [0; PIECES];
            self.head = piece;
        } else if ahead > 0 {
            for n in 1..=ahead {
                self.pieces[slot(self.head + n)] = 0;
            }
            self.head = piece;
        }
        self.head - piece < PIECES as i64
    }

    pub(super) fn add(&mut self, at_us: i64, window_us: i64) {
        let piece = piece_of(at_us, window_us);
        if self.turn(piece) {
            let slot = &mut self.pieces[slot(piece)];
            *slot = slot.saturating_add(1);
        }
    }

    pub(super) fn count(&self, now_us: i64, window_us: i64) -> u32 {
        let now = piece_of(now_us, window_us);
        let live = |n: i64| n <= now && now - n < PIECES as i64;
        let numbers = (0..PIECES as i64).map(|back| self.head - back);
        numbers.filter(|n| live(*n)).map(|n| u32::from(self.pieces[slot(n)])).sum()
    }

    /// Halves everything, so that a share can go on being counted.
    fn halve(&mut self) {
        for piece in &mut self.pieces {
            *piece /= 2;
        }
    }

    fn full(&self) -> bool {
        self.pieces.contains(&u16::MAX)
    }
}

fn piece_of(at_us: i64, window_us: i64) -> i64 {
    at_us.div_euclid((window_us / PIECES as i64).max(1))
}

fn slot(piece: i64) -> usize {
    // Euclid's remainder of 8 lies within 0..8.
    usize::try_from(piece.rem_euclid(PIECES as i64)).unwrap_or(0)
}

/// How large a part is risky.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    part: Window,
    whole: Window,
}

impl Share {
    pub(super) fn add(&mut self, part: bool, at_us: i64, window_us: i64) {
        self.whole.add(at_us, window_us);
        if part {
            self.part.add(at_us, window_us);
        }
        if self.whole.full() {
            self.whole.halve();
            self.part.halve();
        }
    }

    /// Percent, once there are `floor` in all.
    pub(super) fn percent(&self, now_us: i64, window_us: i64, floor: u32) -> f64 {
        let whole = self.whole.count(now_us, window_us);
        if whole < floor.max(1) {
            return 0.0;
        }
        f64::from(self.part.count(now_us, window_us)) * 100.0 / f64::from(whole)
    }
}

/// About how many different values there were, by linear counting in 64 bits (Whang, Vander-Zanden and Taylor 1990): within
/// one of the truth up to ten, within a fifth or so up to forty. Two halves of the window are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Distinct {
    bits: [u64; 2],
    half: i64,
}

impl Distinct {
    pub(super) fn add(&mut self, hash: u64, at_us: i64, window_us: i64) {
        let half = at_us.div_euclid((window_us / 2).max(1));
        let ahead = half.saturating_sub(self.half);
        if ahead > 0 {
            self.bits = [0, if ahead == 1 { self.bits[0] } else { 0 }];
            self.half = half;
        }
        let bit = 1u64 << (hash & 63);
        match self.half - half {
            0 => self.bits[0] |= bit,
            1 => self.bits[1] |= bit,
            _ => {}
        }
    }

    pub(super) fn count(&self, now_us: i64, window_us: i64) -> f64 {
        let bits = match now_us.div_euclid((window_us / 2).max(1)).saturating_sub(self.half) {
            ..=0 => self.bits[0] | self.bits[1],
            1 => self.bits[0],
            _ => 0,
        };
        let zeros = f64::from(bits.count_zeros().max(1));
        (-64.0 * (zeros / 64.0).ln()).round()
    }
}

/// Something again and again without a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Run {
    length: u32,
    last_us: i64,
}

impl Run {
    pub(super) fn add(&mut self, risky: bool, at_us: i64, window_us: i64) {
        if !risky {
            self.length = 0;
            return;
        }
        if at_us.saturating_sub(self.last_us) > window_us {
            self.length = 0;
        }
        self.length = self.length.saturating_add(1);
        self.last_us = self.last_us.max(at_us);
    }

    pub(super) fn length(&self, now_us: i64, window_us: i64) -> u32 {
        if now_us.saturating_sub(self.last_us) > window_us { 0 } else { self.length }
    }
}

/// What is usual: mean and mean deviation of a sum by period, over the periods in which there was anything, older ones
/// counting less and less (a tenth for the newest). One period moves the mean by no more than three times what was usual, so
/// that nobody quickly makes the unusual usual.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Baseline {
    mean: f32,
    deviation: f32,
    now: f32,
    periods: u16,
    period: i64,
}

const NEWEST: f32 = 0.1;

impl Baseline {
    pub(super) fn add(&mut self, amount: f32, at_us: i64, window_us: i64) {
        let period = at_us.div_euclid(window_us.max(1));
        if period > self.period {
            if self.now > 0.0 {
                self.learn();
            }
            (self.period, self.now) = (period, 0.0);
        }
        if period == self.period {
            self.now += amount.max(0.0);
        }
    }

    fn learn(&mut self) {
        if self.periods == 0 {
            (self.mean, self.deviation) = (self.now, self.now / 2.0);
        } else {
            let most = 3.0 * (self.mean + self.deviation);
            let sample = if self.periods < 3 { self.now } else { self.now.min(most) };
            self.deviation += NEWEST * ((sample - self.mean).abs() - self.deviation);
            self.mean += NEWEST * (sample - self.mean);
        }
        self.periods = self.periods.saturating_add(1);
    }

    /// How many times the usual this period has, once it has `floor` and `warm_up` periods came before it.
    pub(super) fn times_usual(&self, now_us: i64, window_us: i64, floor: u32, warm_up: u16) -> f64 {
        let period = now_us.div_euclid(window_us.max(1));
        if period != self.period || self.periods < warm_up || f64::from(self.now) < f64::from(floor) {
            return 0.0;
        }
        f64::from(self.now) / f64::from((self.mean + self.deviation).max(1.0))
    }
}

/// Where the last request came from, and how fast somebody travelled at the fastest.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Journey {
    at: Option<(f32, f32)>,
    at_us: i64,
    fastest: f32,
    fastest_us: i64,
}

/// Places nearer than this are one place: coordinates made from addresses are no more exact.
const SAME_PLACE_KM: f64 = 100.0;
/// Two requests are taken to be this far apart at least, in hours.
const LEAST_HOURS: f64 = 1.0 / 60.0;

impl Journey {
    pub(super) fn add(&mut self, place: (f32, f32), at_us: i64, window_us: i64) {
        if at_us < self.at_us {
            return;
        }
        if let Some(from) = self.at {
            let km = kilometres(from, place);
            let hours = (at_us - self.at_us) as f64 / 3.6e9;
            if km > SAME_PLACE_KM {
                let speed = (km / hours.max(LEAST_HOURS)).min(99_999.0);
                let old = at_us.saturating_sub(self.fastest_us) > window_us;
                if old || speed > f64::from(self.fastest) {
                    (self.fastest, self.fastest_us) = (speed as f32, at_us);
                }
            }
        }
        (self.at, self.at_us) = (Some(place), at_us);
    }

    pub(super) fn speed(&self, now_us: i64, window_us: i64) -> f64 {
        if now_us.saturating_sub(self.fastest_us) > window_us { 0.0 } else { f64::from(self.fastest).round() }
    }
}

/// The great circle's length between two places (the haversine formula; a sphere of 6 371 km).
fn kilometres(a: (f32, f32), b: (f32, f32)) -> f64 {
    let [a_lat, a_lon, b_lat, b_lon] = [a.0, a.1, b.0, b.1].map(|d| f64::from(d).to_radians());
    let half =
        ((b_lat - a_lat) / 2.0).sin().powi(2) + a_lat.cos() * b_lat.cos() * ((b_lon - a_lon) / 2.0).sin().powi(2);
    2.0 * 6371.0 * half.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn a_window_slides() {
        let window = 8 * MINUTE;
        let mut counts = Window::default();
        for minute in 0..8 {
            counts.add(100 * MINUTE + minute * MINUTE, window);
        }
        assert_eq!(counts.count(107 * MINUTE, window), 8);
        assert_eq!(counts.count(110 * MINUTE, window), 5);
        assert_eq!(counts.count(115 * MINUTE, window), 0);
        assert_eq!(counts.count(i64::MAX, window), 0);
        counts.add(0, window);
        assert_eq!(counts.count(107 * MINUTE, window), 8, "what is too old counts nothing");
    }

    #[test]
    fn distinct_values_are_estimated() {
        let mut seen = Distinct::default();
        assert_eq!(seen.count(0, MINUTE), 0.0);
        for n in 0..3u64 {
            seen.add(n * 11, MINUTE, MINUTE);
            seen.add(n * 11, MINUTE, MINUTE);
        }
        assert_eq!(seen.count(MINUTE, MINUTE), 3.0);
        assert_eq!(seen.count(3 * MINUTE, MINUTE), 0.0);
        for n in 0..=63u64 {
            seen.add(n, 2 * MINUTE, MINUTE);
        }
        assert!(seen.count(2 * MINUTE, MINUTE).is_finite());
    }

    #[test]
    fn a_burst_is_measured_against_what_is_usual_and_learned_slowly() {
        let mut usual = Baseline::default();
        for minute in 1..=20 {
            for _ in 0..4 {
                usual.add(1.0, minute * MINUTE, MINUTE);
            }
        }
        assert_eq!(usual.times_usual(20 * MINUTE, MINUTE, 5, 10), 0.0, "less than the floor");
        for _ in 0..100 {
            usual.add(1.0, 21 * MINUTE, MINUTE);
        }
        let first = usual.times_usual(21 * MINUTE, MINUTE, 20, 10);
        assert!(first > 10.0, "{first}");
        for _ in 0..100 {
            usual.add(1.0, 22 * MINUTE, MINUTE);
        }
        assert!(usual.times_usual(22 * MINUTE, MINUTE, 20, 10) > 5.0, "one burst does not make the next usual");
        assert_eq!(usual.times_usual(22 * MINUTE, MINUTE, 20, 100), 0.0, "not warm yet");
    }

    #[test]
    fn nobody_is_in_two_far_places_at_once() {
        let (shanghai, beijing, suzhou) = ((31.23, 121.47), (39.90, 116.40), (31.30, 120.58));
        let km = kilometres(shanghai, beijing);
        assert!((1_040.0..1_090.0).contains(&km), "{km}");
        let mut journey = Journey::default();
        journey.add(shanghai, 60 * MINUTE, 1440 * MINUTE);
        journey.add(suzhou, 61 * MINUTE, 1440 * MINUTE);
        assert_eq!(journey.speed(61 * MINUTE, 1440 * MINUTE), 0.0, "a neighbouring town");
        journey.add(beijing, 360 * MINUTE, 1440 * MINUTE);
        let speed = journey.speed(360 * MINUTE, 1440 * MINUTE);
        assert!((180.0..230.0).contains(&speed), "a fast train: {speed}");
        journey.add(shanghai, 370 * MINUTE, 1440 * MINUTE);
        assert!(journey.speed(370 * MINUTE, 1440 * MINUTE) > 5_000.0);
        assert_eq!(journey.speed(4_000 * MINUTE, 1440 * MINUTE), 0.0);
    }

    #[test]
    fn shares_stay_true_beyond_the_counters() {
        let mut share = Share::default();
        for n in 0..200_000 {
            share.add(n % 4 == 0, MINUTE, 8 * MINUTE);
        }
        assert!((24.0..26.0).contains(&share.percent(MINUTE, 8 * MINUTE, 20)));
    }

    proptest! {
        #[test]
        fn counts_shares_and_distinct_values_do_not_depend_on_the_order(
            events in prop::collection::vec((0i64..59, 0u64..40, any::<bool>()), 0..80), seed in any::<u64>(),
        ) {
            let window = 60 * MINUTE;
            // Times within one half of a window that begins at a whole piece.
            let begin = 1_000 * window;
            let at = |minute: i64| begin + minute * MINUTE / 2;
            let all = |events: &[(i64, u64, bool)]| {
                let (mut counts, mut seen, mut share) = (Window::default(), Distinct::default(), Share::default());
                for (minute, value, part) in events {
                    counts.add(at(*minute), window);
                    seen.add(*value, at(*minute), window);
                    share.add(*part, at(*minute), window);
                }
                let now = at(59);
                (counts.count(now, window), seen.count(now, window), share.percent(now, window, 1))
            };
            let one = all(&events);
            prop_assert_eq!(one.0 as usize, events.len());
            let mut state = seed;
            let mut keyed: Vec<_> = events.into_iter().map(|event| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state, event)
            }).collect();
            keyed.sort_by_key(|(key, _)| *key);
            let shuffled: Vec<_> = keyed.into_iter().map(|(_, event)| event).collect();
            prop_assert_eq!(one, all(&shuffled));
        }
    }
}
