//! The arithmetic of an assessment. Whether a rate meets its threshold is decided with whole numbers; the floating point
//! figures beside it are for readers.

use menshen_judge::metrics::Rate;

use crate::result::Share;

impl Share {
    /// `hits` of `of`, with the 95 % Wilson interval.
    pub fn new(hits: u64, of: u64) -> Share {
        let hits = hits.min(of);
        let rate = Rate::new(usize::try_from(hits).unwrap_or(usize::MAX), usize::try_from(of).unwrap_or(usize::MAX));
        Share { hits, of, rate: rate.rate, low: rate.low, high: rate.high }
    }

    /// The share of the values for which `yes` holds.
    pub fn count<T>(values: impl IntoIterator<Item = T>, mut yes: impl FnMut(T) -> bool) -> Share {
        let (mut hits, mut of) = (0, 0);
        for value in values {
            of += 1;
            hits += u64::from(yes(value));
        }
        Share::new(hits, of)
    }
}

/// A threshold: at least, or at most, so many parts of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Parts of a thousand: 900 is 90 %.
    pub permille: u64,
    /// At least (true) or at most (false).
    pub at_least: bool,
}

impl Threshold {
    /// Whether `hits` of `of` meet it. Exactly on the threshold meets it. Nothing of nothing does not.
    pub fn is_met(self, hits: u64, of: u64) -> bool {
        if of == 0 || hits > of {
            return false;
        }
        let (share, limit) = (u128::from(hits) * 1_000, u128::from(of) * u128::from(self.permille));
        if self.at_least { share >= limit } else { share <= limit }
    }

    /// Whether the whole Wilson interval lies on the passing side.
    pub fn is_met_surely(self, share: &Share) -> bool {
        let limit = self.permille as f64 / 1_000.0;
        share.of > 0 && if self.at_least { share.low >= limit } else { share.high <= limit }
    }

    /// The number of hits out of `of` from which on (or up to which) the pass is sure: 919 of 1,000 at 90 %, 293 of 300
    /// at 95 %. `None` when no number is.
    pub fn sure_from(self, of: u64) -> Option<u64> {
        // The interval moves with the hits: the border can be searched for.
        let sure = |hits: u64| self.is_met_surely(&Share::new(hits, of));
        let edge = if self.at_least { of } else { 0 };
        if of == 0 || !sure(edge) {
            return None;
        }
        let (mut good, mut bad) = if self.at_least { (of, 0) } else { (0, of) };
        if sure(bad) {
            return Some(bad);
        }
        while good.abs_diff(bad) > 1 {
            let middle = good.midpoint(bad);
            if sure(middle) { good = middle } else { bad = middle }
        }
        Some(good)
    }
}

/// Cohen's κ (Cohen 1960) of two raters over the same items, from the counts of every pair of labels. `None` when there
/// are no items, or when chance alone would agree always.
pub fn kappa(pairs: &[(usize, usize)], labels: usize) -> Option<f64> {
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let (mut first, mut second) = (vec![0_u64; labels], vec![0_u64; labels]);
    let mut agreed = 0_u64;
    for &(a, b) in pairs {
        *first.get_mut(a)? += 1;
        *second.get_mut(b)? += 1;
        agreed += u64::from(a == b);
    }
    let chance: f64 = first.iter().zip(&second).map(|(a, b)| (*a as f64 / n) * (*b as f64 / n)).sum();
    let observed = agreed as f64 / n;
    if (1.0 - chance).abs() < 1e-12 { None } else { Some((observed - chance) / (1.0 - chance)) }
}

/// Two-sided exact sign test: how likely `wins` against `losses` or anything rarer is when both are as likely. McNemar's
/// exact test when they are the discordant pairs (McNemar 1947).
pub fn sign_test(wins: u64, losses: u64) -> f64 {
    let n = wins + losses;
    if n == 0 {
        return 1.0;
    }
    let least = wins.min(losses);
    // Sums of binomial probabilities in logarithms: large counts do not underflow.
    let ln_half_n = -(n as f64) * std::f64::consts::LN_2;
    let mut ln_choose = 0.0_f64;
    let mut sum = ln_half_n.exp();
    for k in 1..=least {
        ln_choose += ((n - k + 1) as f64).ln() - (k as f64).ln();
        sum += (ln_choose + ln_half_n).exp();
    }
    (2.0 * sum).min(1.0)
}

/// Holm's correction of p-values (Holm 1979), in the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut out = vec![1.0; p.len()];
    let mut last = 0.0_f64;
    for (rank, at) in order.iter().enumerate() {
        let raised = (p[*at] * (p.len() - rank) as f64).min(1.0);
        last = last.max(raised);
        out[*at] = last;
    }
    out
}

/// The value below which `share` of the sorted values lie; 0 of none.
pub fn quantile(sorted: &[u64], share: f64) -> u64 {
    let at = ((sorted.len() as f64 - 1.0).max(0.0) * share).round() as usize;
    sorted.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PASS: Threshold = Threshold { permille: 900, at_least: true };
    const OVER: Threshold = Threshold { permille: 50, at_least: false };

    #[test]
    fn exactly_on_the_threshold_meets_it() {
        for (threshold, hits, of, met) in [
            (PASS, 900, 1_000, true),
            (PASS, 899, 1_000, false),
            (PASS, 901, 1_001, true),
            (PASS, 900, 1_001, false),
            (Threshold { permille: 950, at_least: true }, 285, 300, true),
            (Threshold { permille: 950, at_least: true }, 284, 300, false),
            (OVER, 15, 300, true),
            (OVER, 16, 300, false),
            (OVER, 0, 300, true),
            (OVER, 0, 0, false),
            (PASS, 0, 0, false),
        ] {
            assert_eq!(threshold.is_met(hits, of), met, "{hits} of {of}");
        }
    }

    #[test]
    fn a_sure_pass_needs_more_than_the_threshold() {
        // Computed by hand from Wilson's formula: see the facts on self-assessment arithmetic.
        assert_eq!(PASS.sure_from(1_000), Some(919));
        assert_eq!(Threshold { permille: 950, at_least: true }.sure_from(300), Some(293));
        assert_eq!(OVER.sure_from(300), Some(7));
        assert_eq!(PASS.sure_from(10), None);
        assert_eq!(PASS.sure_from(0), None);
    }

    #[test]
    fn kappa_is_cohens() {
        // 20 both yes, 5 yes/no, 10 no/yes, 15 both no: κ = 0.4 (the usual worked example).
        let pairs = [vec![(1, 1); 20], vec![(1, 0); 5], vec![(0, 1); 10], vec![(0, 0); 15]].concat();
        assert!((kappa(&pairs, 2).unwrap() - 0.4).abs() < 1e-9);
        assert_eq!(kappa(&[], 2), None);
        assert_eq!(kappa(&[(1, 1); 9], 2), None);
        assert!((kappa(&[(0, 1), (1, 0)], 2).unwrap() + 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_sign_test_is_exact() {
        for (wins, losses, p) in [(0, 0, 1.0), (5, 0, 0.0625), (8, 2, 0.109_375), (3, 3, 1.0), (10, 1, 0.011_718_75)] {
            assert!((sign_test(wins, losses) - p).abs() < 1e-9, "{wins} {losses}: {}", sign_test(wins, losses));
        }
        assert!(sign_test(3_000, 1_000) < 1e-100);
        let raised = holm(&[0.01, 0.04, 0.03]);
        assert!([0.03, 0.06, 0.06].iter().zip(&raised).all(|(a, b)| (a - b).abs() < 1e-12), "{raised:?}");
    }

    proptest! {
        #[test]
        fn whole_numbers_and_shares_agree(hits in 0_u64..5_000, more in 0_u64..5_000, permille in 0_u64..=1_000) {
            let of = hits + more;
            prop_assume!(of > 0);
            let (least, most) = (Threshold { permille, at_least: true }, Threshold { permille, at_least: false });
            let exact = hits * 1_000 == of * permille;
            prop_assert_eq!(least.is_met(hits, of) && most.is_met(hits, of), exact);
            prop_assert!(least.is_met(hits, of) || most.is_met(hits, of));
            // A sure pass is a pass.
            let share = Share::new(hits, of);
            prop_assert!(!least.is_met_surely(&share) || least.is_met(hits, of));
            prop_assert!(share.low <= share.rate + 1e-12 && share.rate <= share.high + 1e-12);
        }

        #[test]
        fn the_border_of_sureness_is_a_border(of in 1_u64..2_000, permille in 1_u64..1_000, at_least: bool) {
            let threshold = Threshold { permille, at_least };
            let sure = |hits| threshold.is_met_surely(&Share::new(hits, of));
            match threshold.sure_from(of) {
                None => prop_assert!((0..=of).all(|h| !sure(h))),
                Some(border) => {
                    prop_assert!(sure(border));
                    if at_least { prop_assert!(border == 0 || !sure(border - 1)) } else { prop_assert!(border == of || !sure(border + 1)) }
                }
            }
        }

        #[test]
        fn kappa_stays_in_range(pairs in proptest::collection::vec((0_usize..3, 0_usize..3), 0..60)) {
            if let Some(k) = kappa(&pairs, 3) {
                prop_assert!((-1.0 - 1e-9..=1.0 + 1e-9).contains(&k));
            }
        }
    }
}
