//! The second stage: a small Transformer encoder over characters and words.
//!
//! Each token of a [`Reading`] is the sum of a few rows of a table: its own character or word, the pair that it makes
//! with the token before it, and for words their letter groups (fastText's subwords). Layers of self-attention and
//! feed-forward (Vaswani et al. 2017, arXiv 1706.03762; layer normalisation before each, as in Xiong et al. 2020,
//! arXiv 2002.04745) mix them; mean and maximum over the tokens go through one hidden layer into the heads' logits.
//!
//! A model may have several *members* of one shape, trained from different beginnings, whose logits are averaged: each
//! errs elsewhere (Lakshminarayanan et al. 2017, arXiv 1612.01474).
//!
//! Everything is `f32` on one core; the table is stored in 8 bits with one scale a row.

use crate::fast::multiply_add;
use crate::ops::{Matrix, add_bias, gelu, matmul, normalise};
use crate::reading::{Kind, Reading, hash_bytes, mix, pair};

/// The shape of an encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Rows for pairs and words, beside those for single characters; a power of two.
    pub rows: usize,
    /// Numbers in a row and in every layer.
    pub width: usize,
    /// Attention heads; they divide the width.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Units between the two halves of a feed-forward.
    pub inner: usize,
    /// Units of the hidden layer before the outputs.
    pub hidden: usize,
    /// Outputs: the heads and the topics.
    pub outputs: usize,
    /// Encoders of this shape whose logits are averaged.
    #[serde(default = "one")]
    pub members: usize,
}

const fn one() -> usize {
    1
}

/// The most members: each costs the time of an encoder and its bytes.
pub const MAX_MEMBERS: usize = 8;

/// The most tokens that are read at once.
pub const MAX_TOKENS: usize = 128;

/// Rows for single characters: the CJK unified ideographs each have their own, others share.
const HAN: u32 = 0x9FFF - 0x4E00 + 1;
const OTHER: u32 = 2_048;
/// Rows in front of the hashed ones.
pub const SINGLES: usize = (HAN + OTHER) as usize;
/// The row that stands for a masked token.
pub const MASK: u32 = HAN;

/// A token of the encoder: the number of rows that it adds up, and the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    rows: [u32; 8],
    len: u8,
}

impl Piece {
    /// The rows of the table that add up to this token; the first is the token's own.
    pub fn rows(&self) -> &[u32] {
        self.rows.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn push(&mut self, row: u32) {
        if let Some(slot) = self.rows.get_mut(usize::from(self.len)) {
            *slot = row;
            self.len += 1;
        }
    }
}

/// The row that is a token's own.
fn single(reading: &Reading, at: usize, hashed: u32) -> u32 {
    let Some(token) = reading.tokens.get(at) else { return MASK };
    match token.kind {
        Kind::Han => {
            let c = reading.bytes(token);
            let c = std::str::from_utf8(c).ok().and_then(|s| s.chars().next()).map_or(0, u32::from);
            // Ideographs beyond the basic block are rare; they share rows with signs.
            if (0x4E00..=0x9FFF).contains(&c) { c - 0x4E00 } else { HAN + 1 + mix(c) % (OTHER - 1) }
        }
        Kind::Word => SINGLES as u32 + (pair(21, token.hash) & hashed),
        Kind::Blob | Kind::Letter | Kind::Sign | Kind::Break => HAN + 1 + token.hash % (OTHER - 1),
    }
}

/// The tokens `from..to` of a reading as the encoder takes them, behind one token that says which way the text travels
/// and how it is written. `masked` tokens are hidden, also from their neighbours' pairs.
pub fn pieces(
    reading: &Reading,
    from: usize,
    to: usize,
    rows: usize,
    masked: &dyn Fn(usize) -> bool,
    out: &mut Vec<Piece>,
) {
    out.clear();
    let hashed = rows as u32 - 1;
    let hash = |h: u32| SINGLES as u32 + (h & hashed);
    let mut first = Piece::default();
    first.push(hash(pair(20, u32::from(reading.output))));
    for bit in reading.traits.bits().take(6) {
        first.push(hash(pair(22, bit)));
    }
    out.push(first);
    let mut before = 0xED6E;
    for at in from..to.min(reading.tokens.len()) {
        let Some(token) = reading.tokens.get(at) else { break };
        let mut piece = Piece::default();
        if masked(at) {
            piece.push(MASK);
            before = 0x4D53;
        } else {
            piece.push(single(reading, at, hashed));
            piece.push(hash(pair(23, pair(before, token.hash))));
            if token.kind == Kind::Word {
                let word = reading.bytes(token);
                if word.len() >= 4 {
                    piece.push(hash(pair(24, hash_bytes(word.get(..3).unwrap_or_default()))));
                    piece.push(hash(pair(25, hash_bytes(word.get(word.len() - 3..).unwrap_or_default()))));
                    for gram in word.windows(4).skip(1).step_by(2).take(3) {
                        piece.push(hash(pair(26, hash_bytes(gram))));
                    }
                }
            }
            before = token.hash;
        }
        out.push(piece);
    }
}

/// The windows of a text of `n` tokens: its beginning, and where it is longer its end and its middle.
pub fn windows(n: usize) -> Vec<(usize, usize)> {
    let size = MAX_TOKENS;
    match n {
        0..=MAX_TOKENS => vec![(0, n)],
        _ if n <= 2 * size => vec![(0, size), (n - size, n)],
        _ => vec![(0, size), (n - size, n), ((n - size) / 2, (n + size) / 2)],
    }
}

/// The dense parameters, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) positions: usize,
    pub(crate) layers: usize,
    pub(crate) layer: usize,
    pub(crate) last_gain: usize,
    pub(crate) last_bias: usize,
    pub(crate) pool: usize,
    pub(crate) pool_bias: usize,
    pub(crate) out: usize,
    pub(crate) out_bias: usize,
    pub(crate) end: usize,
}

/// Where the parts of one layer begin, from the layer's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerPlaces {
    pub(crate) gain1: usize,
    pub(crate) bias1: usize,
    pub(crate) qkv: usize,
    pub(crate) qkv_bias: usize,
    pub(crate) mixed: usize,
    pub(crate) mixed_bias: usize,
    pub(crate) gain2: usize,
    pub(crate) bias2: usize,
    pub(crate) up: usize,
    pub(crate) up_bias: usize,
    pub(crate) down: usize,
    pub(crate) down_bias: usize,
    pub(crate) end: usize,
}

impl Shape {
    pub(crate) fn layer_places(&self) -> LayerPlaces {
        let (d, f) = (self.width, self.inner);
        let gain1 = 0;
        let bias1 = gain1 + d;
        let qkv = bias1 + d;
        let qkv_bias = qkv + d * 3 * d;
        let mixed = qkv_bias + 3 * d;
        let mixed_bias = mixed + d * d;
        let gain2 = mixed_bias + d;
        let bias2 = gain2 + d;
        let up = bias2 + d;
        let up_bias = up + d * f;
        let down = up_bias + f;
        let down_bias = down + f * d;
        let end = down_bias + d;
        LayerPlaces { gain1, bias1, qkv, qkv_bias, mixed, mixed_bias, gain2, bias2, up, up_bias, down, down_bias, end }
    }

    pub(crate) fn places(&self) -> Places {
        let d = self.width;
        let positions = 0;
        let layers = positions + (MAX_TOKENS + 1) * d;
        let layer = self.layer_places().end;
        let last_gain = layers + layer * self.layers;
        let last_bias = last_gain + d;
        let pool = last_bias + d;
        let pool_bias = pool + 2 * d * self.hidden;
        let out = pool_bias + self.hidden;
        let out_bias = out + self.hidden * self.outputs;
        let end = out_bias + self.outputs;
        Places { positions, layers, layer, last_gain, last_bias, pool, pool_bias, out, out_bias, end }
    }

    /// The number of dense parameters, beside the table's rows.
    pub fn dense(&self) -> usize {
        self.places().end
    }

    /// Why a shape cannot be used, if it cannot.
    pub fn problem(&self) -> Option<&'static str> {
        if self.width == 0 || self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return Some("the heads must divide the width");
        }
        if !self.rows.is_power_of_two() || self.rows > 1 << 22 {
            return Some("rows must be a power of two up to 4,194,304");
        }
        let sizes = [self.width, self.inner, self.hidden];
        if sizes.iter().any(|s| *s == 0 || *s > 4_096) || self.layers > 48 || self.outputs > 65_536 {
            return Some("width, inner and hidden are 1 to 4,096, layers at most 48, outputs at most 65,536");
        }
        if !(1..=MAX_MEMBERS).contains(&self.members) {
            return Some("there are 1 to 8 members");
        }
        None
    }
}

/// What the layers leave behind: training goes back through it, inference reuses its memory.
#[derive(Debug, Default, Clone)]
pub(crate) struct LayerTrace {
    pub(crate) input: Vec<f32>,
    pub(crate) norm1: Vec<f32>,
    pub(crate) scale1: Vec<f32>,
    pub(crate) qkv: Vec<f32>,
    /// The attention's weights, for each text and head one square.
    pub(crate) weights: Vec<f32>,
    pub(crate) mixed: Vec<f32>,
    pub(crate) middle: Vec<f32>,
    pub(crate) norm2: Vec<f32>,
    pub(crate) scale2: Vec<f32>,
    pub(crate) up: Vec<f32>,
    pub(crate) active: Vec<f32>,
}

/// One pass through the layers.
#[derive(Debug, Default, Clone)]
pub(crate) struct Trace {
    pub(crate) layers: Vec<LayerTrace>,
    /// What leaves the last layer.
    pub(crate) last: Vec<f32>,
    /// That, normalised: one row a token.
    pub(crate) output: Vec<f32>,
    pub(crate) last_scale: Vec<f32>,
}

/// Runs the layers over `x`: the tokens of one or more texts, which begin at `starts` (with the end as the last).
pub(crate) fn layers(shape: &Shape, dense: &[f32], x: &mut Vec<f32>, starts: &[usize], trace: &mut Trace) {
    let (d, f) = (shape.width, shape.inner);
    let n = x.len() / d.max(1);
    let places = shape.places();
    let at = shape.layer_places();
    trace.layers.resize_with(shape.layers, LayerTrace::default);
    for (l, t) in trace.layers.iter_mut().enumerate() {
        let p = dense.get(places.layers + l * places.layer..).unwrap_or_default();
        let part = |from: usize, len: usize| p.get(from..from + len).unwrap_or_default();
        t.input.clone_from(x);
        normalise(x, part(at.gain1, d), part(at.bias1, d), &mut t.norm1, &mut t.scale1);
        t.qkv.clear();
        t.qkv.resize(n * 3 * d, 0.0);
        add_bias(&mut t.qkv, part(at.qkv_bias, 3 * d));
        matmul(Matrix::of(&t.norm1, n, d), Matrix::of(part(at.qkv, d * 3 * d), d, 3 * d), &mut t.qkv, 1.0);
        attend(shape, &t.qkv, starts, &mut t.weights, &mut t.mixed);
        add_bias(x, part(at.mixed_bias, d));
        matmul(Matrix::of(&t.mixed, n, d), Matrix::of(part(at.mixed, d * d), d, d), x, 1.0);
        t.middle.clone_from(x);
        normalise(x, part(at.gain2, d), part(at.bias2, d), &mut t.norm2, &mut t.scale2);
        t.up.clear();
        t.up.resize(n * f, 0.0);
        add_bias(&mut t.up, part(at.up_bias, f));
        matmul(Matrix::of(&t.norm2, n, d), Matrix::of(part(at.up, d * f), d, f), &mut t.up, 1.0);
        t.active.clear();
        t.active.extend(t.up.iter().map(|v| gelu(*v)));
        add_bias(x, part(at.down_bias, d));
        matmul(Matrix::of(&t.active, n, f), Matrix::of(part(at.down, f * d), f, d), x, 1.0);
    }
    trace.last.clone_from(x);
    let part = |from: usize, len: usize| dense.get(from..from + len).unwrap_or_default();
    normalise(x, part(places.last_gain, d), part(places.last_bias, d), &mut trace.output, &mut trace.last_scale);
}

/// Attention within each text: `mixed` is the values, weighed by how well queries and keys agree.
fn attend(shape: &Shape, qkv: &[f32], starts: &[usize], weights: &mut Vec<f32>, mixed: &mut Vec<f32>) {
    let (d, h) = (shape.width, shape.heads);
    let w = d / h;
    let scale = 1.0 / (w as f32).sqrt();
    mixed.clear();
    mixed.resize(qkv.len() / 3, 0.0);
    weights.clear();
    let mut head = vec![0.0; (MAX_TOKENS + 1) * w];
    for bounds in starts.windows(2) {
        let [from, to] = bounds else { continue };
        let n = to - from;
        let rows = qkv.get(from * 3 * d..to * 3 * d).unwrap_or_default();
        for i in 0..h {
            let begin = weights.len();
            weights.resize(begin + n * n, 0.0);
            let Some(square) = weights.get_mut(begin..) else { continue };
            let (q, k) = (Matrix::strided(rows, n, w, 3 * d, i * w), Matrix::strided(rows, n, w, 3 * d, d + i * w));
            matmul(q, k.transposed(), square, 0.0);
            for row in square.chunks_exact_mut(n) {
                row.iter_mut().for_each(|v| *v *= scale);
                crate::heads::softmax(row);
            }
            let Some(out) = head.get_mut(..n * w) else { continue };
            matmul(Matrix::of(square, n, n), Matrix::strided(rows, n, w, 3 * d, 2 * d + i * w), out, 0.0);
            for (row, out) in
                mixed.get_mut(from * d..to * d).unwrap_or_default().chunks_exact_mut(d).zip(out.chunks_exact(w))
            {
                row.get_mut(i * w..(i + 1) * w).unwrap_or_default().copy_from_slice(out);
            }
        }
    }
}

/// Mean and maximum over the tokens of one text; also which token each maximum comes from.
pub(crate) fn pool(output: &[f32], d: usize, pooled: &mut Vec<f32>, from: &mut Vec<u32>) {
    pooled.clear();
    pooled.resize(2 * d, 0.0);
    from.clear();
    from.resize(d, 0);
    let n = (output.len() / d).max(1);
    let (mean, top) = pooled.split_at_mut(d);
    top.fill(f32::NEG_INFINITY);
    for (at, row) in output.chunks_exact(d).enumerate() {
        for (((mean, top), from), v) in mean.iter_mut().zip(top.iter_mut()).zip(from.iter_mut()).zip(row) {
            *mean += v / n as f32;
            if *v > *top {
                *top = *v;
                *from = at as u32;
            }
        }
    }
}

/// A trained second stage, ready to run.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The shape of its members.
    pub shape: Shape,
    /// The encoders whose logits are averaged, `shape.members` of them.
    pub members: Vec<Member>,
}

/// The numbers of one encoder.
#[derive(Debug, Clone)]
pub struct Member {
    /// ([`SINGLES`] + `rows`) × `width` numbers in 8 bits.
    pub table: Vec<i8>,
    /// What a row's numbers are multiplied with.
    pub scales: Vec<f32>,
    /// Every other parameter, in the order of the layers.
    pub dense: Vec<f32>,
}

impl Encoder {
    /// The logits of the tokens `from..to` of a reading: the mean of the members'.
    pub fn logits(&self, reading: &Reading, from: usize, to: usize) -> Vec<f32> {
        let mut tokens = Vec::new();
        pieces(reading, from, to.min(from + MAX_TOKENS), self.shape.rows, &|_| false, &mut tokens);
        let mut trace = Trace::default();
        let mut mean = vec![0.0; self.shape.outputs];
        let share = 1.0 / self.members.len().max(1) as f32;
        for member in &self.members {
            let logits = member.logits(&self.shape, &tokens, &mut trace);
            mean.iter_mut().zip(&logits).for_each(|(mean, logit)| *mean += logit * share);
        }
        mean
    }
}

impl Member {
    fn logits(&self, shape: &Shape, tokens: &[Piece], trace: &mut Trace) -> Vec<f32> {
        let d = shape.width;
        let places = shape.places();
        let mut x = vec![0.0; tokens.len() * d];
        for ((piece, x), position) in tokens.iter().zip(x.chunks_exact_mut(d)).zip(self.dense.chunks_exact(d)) {
            let share = 1.0 / (piece.rows().len() as f32).sqrt();
            for row in piece.rows() {
                let at = *row as usize;
                let (Some(numbers), Some(scale)) = (self.table.get(at * d..(at + 1) * d), self.scales.get(at)) else {
                    continue;
                };
                for (x, v) in x.iter_mut().zip(numbers) {
                    *x += f32::from(*v) * scale * share;
                }
            }
            for (x, p) in x.iter_mut().zip(position) {
                *x += p;
            }
        }
        layers(shape, &self.dense, &mut x, &[0, tokens.len()], trace);
        let (mut pooled, mut which) = (Vec::new(), Vec::new());
        pool(&trace.output, d, &mut pooled, &mut which);
        let part = |from: usize, len: usize| self.dense.get(from..from + len).unwrap_or_default();
        let mut hidden = part(places.pool_bias, shape.hidden).to_vec();
        multiply_add(&pooled, part(places.pool, 2 * d * shape.hidden), &mut hidden);
        hidden.iter_mut().for_each(|v| *v = gelu(*v));
        let mut logits = part(places.out_bias, shape.outputs).to_vec();
        multiply_add(&hidden, part(places.out, shape.hidden * shape.outputs), &mut logits);
        logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::Side;

    #[test]
    fn a_masked_token_is_hidden_from_its_neighbour_s_pair() {
        let rows = |text: &str| {
            let reading = Reading::of(text, Side::Input);
            let mut out = Vec::new();
            pieces(&reading, 0, reading.tokens.len(), 1 << 10, &|i| i == 1, &mut out);
            out
        };
        assert_eq!(rows("你好吗"), rows("你坏吗"));
        assert_ne!(rows("你好吗"), rows("他好吗"));
    }

    #[test]
    fn rows_lie_within_the_table() {
        let reading = Reading::of("𠮷野家 wants 60% off ——\n日本の, encyclopaedia", Side::Output);
        let mut out = Vec::new();
        pieces(&reading, 0, reading.tokens.len(), 1 << 4, &|_| false, &mut out);
        assert_eq!(out.len(), reading.tokens.len() + 1);
        assert!(out.iter().flat_map(|p| p.rows()).all(|r| (*r as usize) < SINGLES + 16));
    }
}
