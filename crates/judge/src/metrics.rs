//! The arithmetic of evaluation: rates with their intervals, recall at a stated false-positive rate, calibration error.

use serde::Serialize;

/// A share with its 95 % Wilson interval (Wilson 1927).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// How many.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// The share, 0..=1; 0 when there are none.
    pub rate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// `hits` of `of`.
    pub fn new(hits: usize, of: usize) -> Rate {
        const Z: f64 = 1.959_964;
        if of == 0 {
            return Rate { hits, of, rate: 0.0, low: 0.0, high: 1.0 };
        }
        let n = of as f64;
        let p = hits as f64 / n;
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        Rate { hits, of, rate: p, low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }

    /// The share of `values` for which `yes` holds.
    pub fn of<T>(values: impl IntoIterator<Item = T>, mut yes: impl FnMut(T) -> bool) -> Rate {
        let (mut hits, mut of) = (0, 0);
        for value in values {
            of += 1;
            hits += usize::from(yes(value));
        }
        Rate::new(hits, of)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.of == 0 {
            return f.write_str("–");
        }
        let (r, l, h) = (self.rate * 100.0, self.low * 100.0, self.high * 100.0);
        write!(f, "{r:.1} % ({l:.1}–{h:.1}, n={})", self.of)
    }
}

/// The least threshold at which at most this share of `negatives` lies at or above it. Never below any negative that
/// would break the rate; above all of them when the rate allows none.
pub fn threshold_at(negatives: &[f32], rate: f32) -> f32 {
    let mut sorted: Vec<f32> = negatives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let allowed = (f64::from(rate) * sorted.len() as f64 + 1e-4).floor() as usize;
    match sorted.get(allowed) {
        // Just above the first negative that may not be flagged.
        Some(first) => next_up(*first),
        None => 0.0,
    }
}

fn next_up(value: f32) -> f32 {
    value.next_up().max(f32::MIN_POSITIVE)
}

/// Area under the ROC curve: the chance that a positive outscores a negative.
pub fn auc(positives: &[f32], negatives: &[f32]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let mut all: Vec<(f32, bool)> =
        positives.iter().map(|s| (*s, true)).chain(negatives.iter().map(|s| (*s, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = 0.0;
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let start = ranks_before(&all, group);
        let mean = start + (group.len() as f64 + 1.0) / 2.0;
        ranks += mean * group.iter().filter(|g| g.1).count() as f64;
    }
    let (p, n) = (positives.len() as f64, negatives.len() as f64);
    Some((ranks - p * (p + 1.0) / 2.0) / (p * n))
}

fn ranks_before(all: &[(f32, bool)], group: &[(f32, bool)]) -> f64 {
    let first = group.first().map_or(f32::NEG_INFINITY, |g| g.0);
    all.partition_point(|a| a.0 < first) as f64
}

/// Precision, recall and their harmonic mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct F1 {
    /// Rightly found.
    pub true_positives: usize,
    /// Wrongly found.
    pub false_positives: usize,
    /// Missed.
    pub false_negatives: usize,
}

impl F1 {
    /// Counts one decision.
    pub fn note(&mut self, truth: bool, found: bool) {
        match (truth, found) {
            (true, true) => self.true_positives += 1,
            (false, true) => self.false_positives += 1,
            (true, false) => self.false_negatives += 1,
            (false, false) => {}
        }
    }

    /// How many there are to find.
    pub fn support(&self) -> usize {
        self.true_positives + self.false_negatives
    }

    /// The share of what was found that is right.
    pub fn precision(&self) -> f64 {
        self.true_positives as f64 / (self.true_positives + self.false_positives).max(1) as f64
    }

    /// The share of what there is that was found.
    pub fn recall(&self) -> f64 {
        self.true_positives as f64 / self.support().max(1) as f64
    }

    /// 2·TP / (2·TP + FP + FN).
    pub fn f1(&self) -> f64 {
        let hits = 2 * self.true_positives;
        hits as f64 / (hits + self.false_positives + self.false_negatives).max(1) as f64
    }
}

/// One bin of a reliability diagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Bin {
    /// Texts in the bin.
    pub n: usize,
    /// Mean score.
    pub score: f64,
    /// Share for which the label holds.
    pub truth: f64,
}

/// Expected calibration error over ten bins of equal width (Guo et al. 2017, arXiv 1706.04599), and the bins.
pub fn calibration_error(scored: &[(f32, bool)]) -> (f64, [Bin; 10]) {
    let mut bins = [Bin::default(); 10];
    for (score, truth) in scored {
        let at = ((score * 10.0) as usize).min(9);
        if let Some(bin) = bins.get_mut(at) {
            bin.n += 1;
            bin.score += f64::from(*score);
            bin.truth += f64::from(u8::from(*truth));
        }
    }
    let mut error = 0.0;
    for bin in &mut bins {
        if bin.n > 0 {
            let n = bin.n as f64;
            bin.score /= n;
            bin.truth /= n;
            error += (bin.score - bin.truth).abs() * n / scored.len() as f64;
        }
    }
    (error, bins)
}

/// The middle 95 % of a statistic over `rounds` resamples with replacement (Efron's percentile bootstrap).
pub fn bootstrap<T>(values: &[T], rounds: usize, seed: u64, statistic: impl Fn(&[&T]) -> f64) -> (f64, f64) {
    if values.is_empty() || rounds == 0 {
        return (0.0, 1.0);
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut drawn: Vec<f64> = (0..rounds)
        .map(|_| {
            let sample: Vec<&T> = (0..values.len()).filter_map(|_| values.get(rng.usize(..values.len()))).collect();
            statistic(&sample)
        })
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn.get(((rounds - 1) as f64 * share).round() as usize).copied().unwrap_or(0.0);
    (at(0.025), at(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wilson_interval_of_919_of_1000() {
        let rate = Rate::new(919, 1000);
        assert!((rate.low - 0.9005).abs() < 5e-4, "{rate:?}");
        assert_eq!(Rate::new(0, 0).to_string(), "–");
    }

    #[test]
    fn a_threshold_keeps_its_rate() {
        let negatives: Vec<f32> = (0..200_u8).map(|i| f32::from(i) / 200.0).collect();
        let threshold = threshold_at(&negatives, 0.01);
        assert_eq!(negatives.iter().filter(|n| **n >= threshold).count(), 2);
        assert!(threshold_at(&[0.5; 10], 0.01) > 0.5);
        assert_eq!(threshold_at(&[], 0.01), 0.0);
    }

    #[test]
    fn auc_of_the_separable_the_random_and_the_tied() {
        assert_eq!(auc(&[0.9, 0.8], &[0.1, 0.2]), Some(1.0));
        assert_eq!(auc(&[0.5, 0.5], &[0.5]), Some(0.5));
        assert_eq!(auc(&[], &[0.5]), None);
    }

    #[test]
    fn calibration_error_of_the_honest_and_the_boastful() {
        let honest: Vec<(f32, bool)> = (0..100).map(|i| (0.75, i % 4 != 0)).collect();
        assert!(calibration_error(&honest).0 < 1e-6);
        let boastful = vec![(0.95, false); 10];
        assert!((calibration_error(&boastful).0 - 0.95).abs() < 1e-6);
    }
}
