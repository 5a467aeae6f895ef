//! What a plot needs beyond single figures: ROC curves short enough to ship, and the bins of a reliability diagram.

use std::collections::BTreeMap;

use crate::metrics::{Bin, calibration_error};

/// Cells along each side of the grid that thins a curve. A curve only rises, so it meets at most `2 * CELLS - 1` of the
/// cells, and one point a cell leaves fewer than 200.
const CELLS: usize = 99;
/// The heads whose bins are kept.
const DRAWN: [&str; 4] = ["risky", "attack", "risk topics", "intent"];

/// The ROC curve as (false-positive rate, recall), from (0, 0) to (1, 1), at most 200 points; empty where either side
/// has no scores. Thinned evenly in recall and in the logarithm of the false-positive rate: a guard works at rates
/// near 1 %, where even steps would leave two points.
pub(super) fn roc(positives: &[f32], negatives: &[f32]) -> Vec<(f32, f32)> {
    if positives.is_empty() || negatives.is_empty() {
        return Vec::new();
    }
    let mut all: Vec<(f32, bool)> =
        positives.iter().map(|s| (*s, true)).chain(negatives.iter().map(|s| (*s, false))).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut alarms) = (0_usize, 0_usize);
    let mut curve = vec![(0.0, 0.0)];
    let mut last = None;
    // Texts of one score are flagged together or not at all.
    for group in all.chunk_by(|a, b| a.0 == b.0) {
        let risky = group.iter().filter(|g| g.1).count();
        hits += risky;
        alarms += group.len() - risky;
        let point = (alarms as f32 / negatives.len() as f32, hits as f32 / positives.len() as f32);
        let here = Some(cell(point));
        if here == last {
            // The later point of a cell stands for it: the curve's end is never lost.
            curve.pop();
        }
        curve.push(point);
        last = here;
    }
    curve
}

fn cell((alarms, recall): (f32, f32)) -> (usize, usize) {
    let step = |share: f32, cells: usize| ((share * cells as f32) as usize).min(cells);
    // Four decades; no alarm at all has a column of its own.
    let column = if alarms > 0.0 { 1 + step((alarms.log10() / 4.0 + 1.0).max(0.0), CELLS - 2) } else { 0 };
    (column, step(recall, CELLS - 1))
}

/// The calibration error of every head, and the bins of those that are drawn.
pub(super) fn calibrated(
    heads: BTreeMap<String, Vec<(f32, bool)>>,
) -> (BTreeMap<String, f64>, BTreeMap<String, Vec<Bin>>) {
    let (mut errors, mut reliability) = (BTreeMap::new(), BTreeMap::new());
    for (head, scored) in heads {
        let (error, bins) = calibration_error(&scored);
        if DRAWN.contains(&head.as_str()) {
            reliability.insert(head.clone(), bins.to_vec());
        }
        errors.insert(head, error);
    }
    (errors, reliability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_short_rises_and_keeps_its_ends() {
        let mut rng = fastrand::Rng::with_seed(3);
        let positives: Vec<f32> = (0..5000).map(|_| rng.f32().sqrt()).collect();
        let negatives: Vec<f32> = (0..5000).map(|_| rng.f32()).collect();
        let curve = roc(&positives, &negatives);
        assert!(curve.len() > 100 && curve.len() <= 200, "{}", curve.len());
        assert_eq!((curve[0], curve[curve.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
        assert!(curve.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1));
        let low = curve.iter().filter(|p| p.0 > 0.0 && p.0 < 0.01).count();
        assert!(low >= 10, "only {low} points below 1 %");
    }

    #[test]
    fn a_perfect_curve_goes_through_the_corner_and_ties_move_together() {
        assert_eq!(roc(&[0.9, 0.8], &[0.1]), [(0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (1.0, 1.0)]);
        assert_eq!(roc(&[0.5], &[0.5]), [(0.0, 0.0), (1.0, 1.0)]);
        assert!(roc(&[], &[0.5]).is_empty());
    }

    #[test]
    fn every_head_has_an_error_and_the_drawn_ones_their_bins() {
        let scored = vec![(0.95, true), (0.05, false)];
        let heads = [("risky", scored.clone()), ("sentiment", scored)].map(|(h, s)| (h.to_owned(), s));
        let (errors, bins) = calibrated(heads.into_iter().collect());
        assert_eq!(errors.len(), 2);
        assert_eq!(bins.keys().collect::<Vec<_>>(), ["risky"]);
        assert_eq!(bins["risky"].iter().map(|b| b.n).sum::<usize>(), 2);
    }
}
