//! The arithmetic of reports: pooled estimates, differences of two shares, matched pairs.

use menshen_judge::metrics::Rate;
use serde::Serialize;

/// A share with its 95 % interval, however it was come by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The share, 0..=1.
    pub rate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Answers that it rests on.
    pub n: usize,
}

impl Estimate {
    /// A rate as it was counted.
    pub fn of_rate(rate: Rate) -> Estimate {
        Estimate { rate: rate.rate, low: rate.low, high: rate.high, n: rate.of }
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} % ({:.1}–{:.1}, n={})", self.rate * 100.0, self.low * 100.0, self.high * 100.0, self.n)
    }
}

/// One share out of several independent ones, weighted by what each rests on. The interval recovers the variances from
/// the parts' own intervals (MOVER; Zou and Donner 2008, Statistics in Medicine 27:1693).
pub(super) fn pooled(parts: &[Estimate]) -> Estimate {
    let n: usize = parts.iter().map(|p| p.n).sum();
    if n == 0 {
        return Estimate { rate: 0.0, low: 0.0, high: 1.0, n };
    }
    let weight = |p: &Estimate| p.n as f64 / n as f64;
    let rate: f64 = parts.iter().map(|p| weight(p) * p.rate).sum();
    let below: f64 = parts.iter().map(|p| (weight(p) * (p.rate - p.low)).powi(2)).sum();
    let above: f64 = parts.iter().map(|p| (weight(p) * (p.high - p.rate)).powi(2)).sum();
    Estimate { rate, low: (rate - below.sqrt()).max(0.0), high: (rate + above.sqrt()).min(1.0), n }
}

/// How much a share changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// After minus before, −1..=1.
    pub value: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Whether the interval leaves out 0.
    pub significant: bool,
}

/// The difference of two independent shares with the hybrid score interval (Newcombe 1998, Statistics in Medicine
/// 17:873, method 10). `None` when one of them rests on nothing.
pub(super) fn difference(before: Rate, after: Rate) -> Option<Difference> {
    if before.of == 0 || after.of == 0 {
        return None;
    }
    let value = after.rate - before.rate;
    let down = ((after.rate - after.low).powi(2) + (before.high - before.rate).powi(2)).sqrt();
    let up = ((after.high - after.rate).powi(2) + (before.rate - before.low).powi(2)).sqrt();
    let (low, high) = ((value - down).max(-1.0), (value + up).min(1.0));
    Some(Difference { value, low, high, significant: low > 0.0 || high < 0.0 })
}

/// The chance that matched pairs flip at least so unevenly when nothing changed: the exact test of McNemar (1947),
/// two-sided.
pub(super) fn matched(one_way: usize, other_way: usize) -> f64 {
    let n = one_way + other_way;
    if n == 0 {
        return 1.0;
    }
    let few = one_way.min(other_way);
    // Terms of the binomial in logarithms: n may be thousands.
    let mut log = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = log.exp();
    for k in 0..few {
        log += ((n - k) as f64).ln() - ((k + 1) as f64).ln();
        sum += log.exp();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn newcombes_own_examples_come_out() {
        // Table II of the paper, method 10: 56/70 against 48/80 and 10/10 against 0/10.
        let d = difference(Rate::new(48, 80), Rate::new(56, 70)).expect("both rest on something");
        assert!(
            (d.value - 0.2).abs() < 1e-9 && (d.low - 0.0524).abs() < 2e-4 && (d.high - 0.3339).abs() < 2e-4,
            "{d:?}"
        );
        assert!(d.significant);
        let d = difference(Rate::new(0, 10), Rate::new(10, 10)).expect("both");
        assert!((d.low - 0.6075).abs() < 2e-4 && (d.high - 1.0).abs() < 1e-9, "{d:?}");
        assert_eq!(difference(Rate::new(0, 0), Rate::new(1, 2)), None);
    }

    #[test]
    fn mcnemars_exact_test_of_small_numbers() {
        assert!((matched(0, 5) - 0.0625).abs() < 1e-9);
        assert!((matched(1, 7) - 0.0703125).abs() < 1e-9);
        assert_eq!(matched(3, 3), 1.0);
        assert_eq!(matched(0, 0), 1.0);
        assert!(matched(0, 4_000) < 1e-9);
    }

    #[test]
    fn pooling_one_part_changes_nothing() {
        let one = Estimate::of_rate(Rate::new(3, 9));
        let pooled = pooled(&[one]);
        assert!((pooled.low - one.low).abs() < 1e-12 && (pooled.high - one.high).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_difference_lies_in_its_interval_and_turns_round(a in 0_usize..60, am in 1_usize..60, b in 0_usize..60, bm in 1_usize..60) {
            let (x, y) = (Rate::new(a, a + am), Rate::new(b, b + bm));
            let there = difference(x, y).expect("both");
            let back = difference(y, x).expect("both");
            prop_assert!(there.low <= there.value && there.value <= there.high);
            prop_assert!((there.low + back.high).abs() < 1e-9 && there.significant == back.significant);
        }

        #[test]
        fn the_matched_test_is_a_probability_and_symmetric(a in 0_usize..300, b in 0_usize..300) {
            let p = matched(a, b);
            prop_assert!((0.0..=1.0).contains(&p) && (p - matched(b, a)).abs() < 1e-12);
        }
    }
}
