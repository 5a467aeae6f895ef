//! A quiet place around half time, where a label cuts nothing in two.

use super::pcm::Pcm;
use crate::Error;
use crate::carrier::media::Source;

/// How far the place may be from half time: a share of the content, and seconds.
const SHARE: u64 = 10;
const SECONDS: u64 = 10;
/// Blocks a second whose loudness is measured; the label goes between two.
const BLOCKS: u64 = 100;
/// Blocks to each side over which a place is judged.
const AROUND: usize = 5;
/// What counts as quiet: this amplitude, or this share of what is usual around half time.
const SILENT: f64 = 0.003;
const QUIETER: f64 = 0.1;

/// The frame before which the label goes, and how loud it is there.
pub(super) fn place(source: &mut Source<'_>, pcm: Pcm, begin: u64, frames: u64) -> Result<(u64, f64), Error> {
    let half = frames / 2;
    let reach = (frames / SHARE).min(u64::from(pcm.rate) * SECONDS);
    let block = (u64::from(pcm.rate) / BLOCKS).max(1);
    let (from, blocks) = (half - reach, 2 * reach / block);
    let mut energy: Vec<f64> = Vec::new();
    for index in 0..blocks {
        // At most 768 kHz of 64 channels in a hundredth of a second: 2 MB.
        let bytes = block * pcm.frame();
        let part = source.vec(begin + (from + index * block) * pcm.frame(), bytes, 1 << 23)?;
        let squares: f64 = pcm.decode(&part).map(|value| f64::from(value).powi(2)).sum();
        energy.push(squares / (block * u64::from(pcm.channels)) as f64);
    }
    // Between two blocks, with as many of them to both sides as there are.
    let loudness = |index: usize| {
        let around = energy.get(index.saturating_sub(AROUND)..(index + AROUND).min(energy.len())).unwrap_or_default();
        (around.iter().sum::<f64>() / around.len().max(1) as f64).sqrt()
    };
    let candidates: Vec<(u64, f64)> =
        (0..=energy.len()).map(|index| (from + index as u64 * block, loudness(index))).collect();
    let mut sorted: Vec<f64> = candidates.iter().map(|(_, loudness)| *loudness).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let enough = (usual * QUIETER).max(SILENT);
    let quiet = candidates.iter().filter(|(_, loudness)| *loudness <= enough);
    let nearest = quiet.min_by_key(|(frame, _)| frame.abs_diff(half));
    let quietest = || candidates.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
    // Too short to be searched: half time itself.
    Ok(if energy.is_empty() { (half, 0.0) } else { nearest.or_else(quietest).copied().unwrap_or((half, 0.0)) })
}
