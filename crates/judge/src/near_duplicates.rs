//! Near-duplicate clusters by MinHash (Broder 1997) over character trigrams of the folded text, each candidate pair
//! checked by its exact Jaccard similarity. Evaluation is only honest when no cluster is on both sides.

use std::collections::HashMap;

use menshen_text::Folder;

use crate::reading::mix;

const BANDS: usize = 16;
const ROWS: usize = 2;
/// Longer texts are told apart by their beginning.
const MAX_CHARS: usize = 600;
/// Candidates of one band that are compared; the first stands for the others.
const MAX_BUCKET: usize = 24;

/// The distinct character trigrams of a text as read: letters and digits only, folded, in lower case.
pub fn shingles(text: &str) -> Vec<u32> {
    let folded = Folder::shared().fold(text).text;
    let chars: Vec<char> =
        folded.chars().filter(|c| c.is_alphanumeric()).take(MAX_CHARS).flat_map(char::to_lowercase).collect();
    let hash = |w: &[char]| w.iter().fold(0x1234_5678_u32, |h, c| mix(h.rotate_left(5) ^ u32::from(*c)));
    let mut grams: Vec<u32> = if chars.len() < 3 { vec![hash(&chars)] } else { chars.windows(3).map(hash).collect() };
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Shared shingles over all shingles, 0..=1; both sorted.
pub fn jaccard(a: &[u32], b: &[u32]) -> f32 {
    let (mut i, mut j, mut shared) = (0, 0, 0_usize);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                i += 1;
                j += 1;
            }
        }
    }
    shared as f32 / (a.len() + b.len() - shared).max(1) as f32
}

/// Sets that grow together.
#[derive(Debug, Clone)]
pub struct Clusters(Vec<usize>);

impl Clusters {
    /// Each of `n` things on its own.
    pub fn new(n: usize) -> Self {
        Clusters((0..n).collect())
    }

    /// The thing that stands for the cluster of `i`.
    pub fn root(&mut self, mut i: usize) -> usize {
        while let Some(up) = self.0.get(i).copied()
            && up != i
        {
            let above = self.0.get(up).copied().unwrap_or(up);
            if let Some(slot) = self.0.get_mut(i) {
                *slot = above;
            }
            i = above;
        }
        i
    }

    /// Makes one cluster of two.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.0.get_mut(high) {
            *slot = low;
        }
    }
}

/// Pairs of texts at least `similarity` alike that share a band, found in one pass.
pub fn pairs<'a>(texts: impl Iterator<Item = &'a str>, similarity: f32) -> Vec<(usize, usize)> {
    let mut all: Vec<Vec<u32>> = Vec::new();
    let mut bands: HashMap<(usize, u64), Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (i, text) in texts.enumerate() {
        let grams = shingles(text);
        let mut seen: Vec<usize> = Vec::new();
        for band in 0..BANDS {
            let mut key = 0_u64;
            for row in 0..ROWS {
                let salt = mix((band * ROWS + row) as u32 ^ 0x5A17);
                let least = grams.iter().map(|g| mix(g ^ salt)).min().unwrap_or(0);
                key = key << 32 | u64::from(least);
            }
            let bucket = bands.entry((band, key)).or_default();
            for other in bucket.iter() {
                if !seen.contains(other) {
                    seen.push(*other);
                }
            }
            if bucket.len() < MAX_BUCKET {
                bucket.push(i);
            }
        }
        found.extend(
            seen.iter()
                .filter_map(|other| all.get(*other).filter(|o| jaccard(&grams, o) >= similarity).map(|_| (*other, i))),
        );
        all.push(grams);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewritten_texts_are_found_and_others_are_not() {
        let texts = [
            "请问怎么在北京办理居住证需要什么材料",
            "请问怎么在上海办理居住证需要什么材料",
            "明天天气怎么样",
            "請問，怎麼在北京办理居住证，需要什么材料？",
        ];
        let pairs = pairs(texts.iter().copied(), 0.6);
        assert!(pairs.contains(&(0, 1)) && pairs.contains(&(0, 3)));
        assert!(pairs.iter().all(|(a, b)| *a != 2 && *b != 2));
    }

    #[test]
    fn clusters_join() {
        let mut clusters = Clusters::new(5);
        clusters.join(0, 3);
        clusters.join(3, 4);
        assert_eq!(clusters.root(4), 0);
        assert_eq!(clusters.root(1), 1);
    }
}
