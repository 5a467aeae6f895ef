//! The first stage: a bag of hashed n-grams.
//!
//! Each text is the set of its n-grams; each n-gram is hashed to one row of a table; the rows are added up and a small
//! network turns the sum into the heads' logits (fastText, Joulin et al. 2016, arXiv 1607.01759, with shared heads and
//! one hidden layer). The table is stored in 8 bits with one scale a row.

use crate::reading::{Kind, Reading, hash_bytes, mix, pair};

/// The shape of a fast model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Rows of the table; a power of two.
    pub rows: usize,
    /// Numbers in a row.
    pub width: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Outputs: the heads and the topics.
    pub outputs: usize,
}

/// The most tokens that one bag takes.
pub const MAX_TOKENS: usize = 512;

/// Writes the distinct n-grams of `tokens` (a range of the reading) as row numbers, sorted.
pub fn features(reading: &Reading, from: usize, to: usize, rows: usize, out: &mut Vec<u32>) {
    out.clear();
    let mask = u32::try_from(rows - 1).unwrap_or(u32::MAX);
    let tokens = reading.tokens.get(from..to).unwrap_or_default();
    let mut add = |h: u32| out.push(mix(h) & mask);
    add(pair(0xB1A5, u32::from(reading.output)));
    for bit in reading.traits.bits() {
        add(pair(0x7A17, bit));
    }
    add(pair(0x1E46, (tokens.len() as u32 + 1).ilog2()));
    let edge = |i: isize| usize::try_from(i).ok().and_then(|i| tokens.get(i)).map_or(0xED6E, |t| t.hash);
    for (i, token) in tokens.iter().enumerate() {
        let at = isize::try_from(i).unwrap_or(isize::MAX);
        let (a, b, c, d) = (token.hash, edge(at + 1), edge(at + 2), edge(at + 3));
        add(pair(1, a));
        let two = pair(a, b);
        add(pair(2, two));
        add(pair(3, pair(two, c)));
        add(pair(4, pair(a, c)));
        if i == 0 {
            add(pair(6, a));
            add(pair(7, two));
        }
        if reading.output && i < 24 {
            // How an answer begins tells whether it refuses.
            add(pair(11, two));
        }
        match token.kind {
            Kind::Han => add(pair(5, pair(pair(two, c), d))),
            Kind::Word => {
                // Beginnings, ends and trigrams of words: forms of a word share them.
                let word = reading.bytes(token);
                if word.len() > 4 {
                    for gram in word.windows(4) {
                        add(pair(8, hash_bytes(gram)));
                    }
                    add(pair(9, hash_bytes(word.get(..4).unwrap_or_default())));
                    add(pair(10, hash_bytes(word.get(word.len() - 4..).unwrap_or_default())));
                }
            }
            Kind::Blob | Kind::Letter | Kind::Sign | Kind::Break => {}
        }
    }
    out.sort_unstable();
    out.dedup();
}

/// A trained bag of n-grams, ready to run.
#[derive(Debug, Clone)]
pub struct Fast {
    /// Its shape.
    pub shape: Shape,
    /// `rows` × `width` numbers in 8 bits.
    pub table: Vec<i8>,
    /// What a row's numbers are multiplied with.
    pub scales: Vec<f32>,
    /// `width` × `hidden`.
    pub hidden: Vec<f32>,
    /// `hidden`.
    pub hidden_bias: Vec<f32>,
    /// `hidden` × `outputs`.
    pub output: Vec<f32>,
    /// `outputs`.
    pub output_bias: Vec<f32>,
}

impl Fast {
    /// The logits of the tokens `from..to` of a reading. `scratch` is reused between calls.
    pub fn logits(&self, reading: &Reading, from: usize, to: usize, scratch: &mut Vec<u32>) -> Vec<f32> {
        features(reading, from, to, self.shape.rows, scratch);
        let width = self.shape.width;
        let mut sum = vec![0.0_f32; width];
        for row in scratch.iter() {
            let at = *row as usize;
            let (Some(numbers), Some(scale)) = (self.table.get(at * width..(at + 1) * width), self.scales.get(at))
            else {
                continue;
            };
            for (s, n) in sum.iter_mut().zip(numbers) {
                *s += f32::from(*n) * scale;
            }
        }
        let norm = norm(scratch.len());
        sum.iter_mut().for_each(|s| *s *= norm);
        let mut hidden = self.hidden_bias.clone();
        multiply_add(&sum, &self.hidden, &mut hidden);
        hidden.iter_mut().for_each(|h| *h = h.max(0.0));
        let mut logits = self.output_bias.clone();
        multiply_add(&hidden, &self.output, &mut logits);
        logits
    }
}

/// How the sum of `n` rows is scaled, so that long texts do not shout.
pub(crate) fn norm(n: usize) -> f32 {
    1.0 / (n.max(1) as f32).sqrt()
}

/// `out += x · matrix`, the matrix with one row for each number of `x`.
pub(crate) fn multiply_add(x: &[f32], matrix: &[f32], out: &mut [f32]) {
    for (value, row) in x.iter().zip(matrix.chunks_exact(out.len())) {
        if *value != 0.0 {
            for (o, m) in out.iter_mut().zip(row) {
                *o += value * m;
            }
        }
    }
}

/// Rounds the rows of a table to 8 bits, one scale a row.
pub fn quantise(table: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let mut numbers = Vec::with_capacity(table.len());
    let mut scales = Vec::with_capacity(table.len() / width.max(1));
    for row in table.chunks_exact(width.max(1)) {
        let top = row.iter().fold(0.0_f32, |top, v| top.max(v.abs()));
        let scale = if top > 0.0 { top / 127.0 } else { 1.0 };
        scales.push(scale);
        numbers.extend(row.iter().map(|v| (v / scale).round().clamp(-127.0, 127.0) as i8));
    }
    (numbers, scales)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::Side;

    #[test]
    fn features_are_distinct_sorted_and_within_the_table() {
        let reading = Reading::of("毒品的危害有哪些, what are the dangers of drugs?", Side::Input);
        let mut out = Vec::new();
        features(&reading, 0, reading.tokens.len(), 1 << 10, &mut out);
        assert!(out.windows(2).all(|w| w[0] < w[1]));
        assert!(out.iter().all(|r| *r < 1 << 10));
    }

    #[test]
    fn the_side_of_a_text_counts() {
        let mut a = Vec::new();
        let mut b = Vec::new();
        features(&Reading::of("好的", Side::Input), 0, 2, 1 << 16, &mut a);
        features(&Reading::of("好的", Side::Output), 0, 2, 1 << 16, &mut b);
        assert_ne!(a, b);
    }

    #[test]
    fn quantising_keeps_numbers_within_half_a_step() {
        let table = [0.5, -1.0, 0.25, 0.0, 0.0, 0.0];
        let (numbers, scales) = quantise(&table, 3);
        for (i, value) in table.iter().enumerate() {
            assert!((f32::from(numbers[i]) * scales[i / 3] - value).abs() <= scales[i / 3] / 2.0 + 1e-6);
        }
    }
}
