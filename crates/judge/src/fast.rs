//! The first stage: a bag of hashed n-grams.
//!
//! Each text is the set of its n-grams; each n-gram that training met often enough has a row in a table; the rows are
//! added up and a small network turns the sum into the heads' logits (fastText, Joulin et al. 2016, arXiv 1607.01759,
//! with a vocabulary of hashes in place of a hashed table, shared heads and one hidden layer). The table is stored in
//! 8 bits with one scale a row.

use crate::reading::{Kind, Reading, hash_bytes, mix, pair};

/// The shape of a fast model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Rows of the table: n-grams that are known.
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

/// Writes the hashes of the distinct n-grams of the tokens `from..to` of a reading, sorted.
pub fn features(reading: &Reading, from: usize, to: usize, out: &mut Vec<u32>) {
    out.clear();
    let tokens = reading.tokens.get(from..to).unwrap_or_default();
    let mut add = |h: u32| out.push(mix(h));
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

/// The hashes under which a token is known alone and with the one before it.
pub(crate) fn single_and_pair(reading: &Reading, at: usize) -> [u32; 2] {
    let hash = |i: Option<usize>| i.and_then(|i| reading.tokens.get(i)).map_or(0xED6E, |t| t.hash);
    let own = hash(Some(at));
    [mix(pair(1, own)), mix(pair(2, pair(hash(at.checked_sub(1)), own)))]
}

/// Which row an n-gram has. Built from the rows' hashes; found by open addressing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    keys: Vec<u32>,
    /// Row numbers plus one by slot; 0 is an empty slot.
    slots: Vec<u32>,
}

impl Vocabulary {
    /// Row `i` belongs to the n-gram with the hash `keys[i]`.
    pub fn new(keys: Vec<u32>) -> Self {
        let size = (keys.len() * 2).next_power_of_two().max(2);
        let mut slots = vec![0; size];
        for (row, key) in keys.iter().enumerate() {
            let mut at = *key as usize & (size - 1);
            while slots.get(at).is_some_and(|s| *s != 0) {
                at = (at + 1) & (size - 1);
            }
            if let Some(slot) = slots.get_mut(at) {
                *slot = row as u32 + 1;
            }
        }
        Vocabulary { keys, slots }
    }

    /// The hashes, by row.
    pub fn keys(&self) -> &[u32] {
        &self.keys
    }

    /// The row of an n-gram.
    pub fn row(&self, key: u32) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = key as usize & mask;
        loop {
            match self.slots.get(at) {
                None | Some(0) => return None,
                Some(found) if self.keys.get(*found as usize - 1) == Some(&key) => return Some(found - 1),
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    /// Turns the hashes of n-grams into the rows of those that are known.
    pub fn rows(&self, grams: &mut Vec<u32>) {
        let mut kept = 0;
        for i in 0..grams.len() {
            if let Some(row) = grams.get(i).and_then(|key| self.row(*key))
                && let Some(slot) = grams.get_mut(kept)
            {
                *slot = row;
                kept += 1;
            }
        }
        grams.truncate(kept);
    }
}

/// A trained bag of n-grams, ready to run.
#[derive(Debug, Clone)]
pub struct Fast {
    /// Its shape.
    pub shape: Shape,
    /// Which n-gram has which row.
    pub vocabulary: Vocabulary,
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
        features(reading, from, to, scratch);
        self.vocabulary.rows(scratch);
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
    fn features_are_distinct_and_sorted() {
        let reading = Reading::of("毒品的危害有哪些, what are the dangers of drugs?", Side::Input);
        let mut out = Vec::new();
        features(&reading, 0, reading.tokens.len(), &mut out);
        assert!(out.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn known_n_grams_have_their_rows_and_others_none() {
        let keys: Vec<u32> = (0..1000_u32).map(|i| i * 512).collect();
        let vocabulary = Vocabulary::new(keys);
        assert_eq!(vocabulary.row(512 * 7), Some(7));
        assert_eq!(vocabulary.row(3), None);
        let mut grams = vec![0, 5, 1024];
        vocabulary.rows(&mut grams);
        assert_eq!(grams, [0, 2]);
        assert_eq!(Vocabulary::new(Vec::new()).row(0), None);
    }

    #[test]
    fn the_side_of_a_text_counts() {
        let mut a = Vec::new();
        let mut b = Vec::new();
        features(&Reading::of("好的", Side::Input), 0, 2, &mut a);
        features(&Reading::of("好的", Side::Output), 0, 2, &mut b);
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
