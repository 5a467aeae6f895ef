//! Trains the bag of n-grams: one pass after the other, one text at a time, on one core. The same data, settings and
//! seed give the same model, bit for bit.

use std::collections::HashMap;

use fastrand::Rng;

use super::loss::{Weights, loss};
use super::{Example, Progress};
use crate::fast::{Fast, MAX_TOKENS, Shape, Vocabulary, features, multiply_add, norm, quantise};
use crate::ops::dot;
use crate::reading::Reading;

/// How the fast model is trained.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// At most this many n-grams, those that carry most.
    pub rows: usize,
    /// Only n-grams that this many training texts have: what one text alone has teaches only that text.
    pub least: u32,
    /// Numbers in a row.
    pub width: usize,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Passes over the data.
    pub epochs: usize,
    /// Step size of the table (AdaGrad).
    pub rate: f32,
    /// Step size of the network on top (Adam).
    pub network_rate: f32,
    /// Share of n-grams left out of each text, anew in each pass.
    pub dropout: f32,
    /// How much each head counts.
    pub weights: Weights,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rows: 120_000,
            least: 3,
            width: 64,
            hidden: 128,
            epochs: 12,
            rate: 0.1,
            network_rate: 0.001,
            dropout: 0.3,
            weights: Weights::default(),
        }
    }
}

/// Trains a model with this many outputs.
pub fn train(
    examples: &[Example],
    outputs: usize,
    settings: &Settings,
    seed: u64,
    progress: &mut dyn FnMut(Progress),
) -> Fast {
    let mut grams: Vec<Vec<u32>> = examples.iter().map(bag).collect();
    let vocabulary = vocabulary(&grams, settings);
    grams.iter_mut().for_each(|g| vocabulary.rows(g));
    let shape = Shape { rows: vocabulary.keys().len(), width: settings.width, hidden: settings.hidden, outputs };
    let mut rng = Rng::with_seed(seed);
    let mut init = |n: usize, scale: f32| -> Vec<f32> { (0..n).map(|_| (rng.f32() * 2.0 - 1.0) * scale).collect() };
    let (w, h, o) = (shape.width, shape.hidden, shape.outputs);
    let mut table = init(shape.rows * w, 0.5 / (w as f32).sqrt());
    let mut dense = Dense::new(vec![
        init(w * h, (3.0 / w as f32).sqrt()),
        vec![0.0; h],
        init(h * o, (1.0 / h as f32).sqrt()),
        vec![0.0; o],
    ]);
    let mut squares = vec![0.0_f32; shape.rows];

    let mut order: Vec<usize> = (0..examples.len()).collect();
    let steps = settings.epochs * examples.len();
    let mut step = 0_usize;
    let mut kept: Vec<u32> = Vec::new();
    let (mut sum, mut hidden, mut logits) = (vec![0.0; w], vec![0.0; h], vec![0.0; o]);
    let (mut d_logits, mut d_hidden, mut d_sum) = (vec![0.0; o], vec![0.0; h], vec![0.0; w]);
    for epoch in 0..settings.epochs {
        rng.shuffle(&mut order);
        let mut total = 0.0_f64;
        for at in &order {
            let (Some(example), Some(all)) = (examples.get(*at), grams.get(*at)) else { continue };
            let left = 1.0 - step as f32 / steps.max(1) as f32;
            step += 1;
            kept.clear();
            kept.extend(all.iter().filter(|_| rng.f32() >= settings.dropout));
            if kept.is_empty() {
                continue;
            }
            let scale = norm(kept.len());
            sum.fill(0.0);
            for row in &kept {
                let row = *row as usize * w;
                for (s, v) in sum.iter_mut().zip(table.get(row..row + w).unwrap_or_default()) {
                    *s += v * scale;
                }
            }
            let [w1, b1, w2, b2] = dense.parts();
            hidden.copy_from_slice(b1);
            multiply_add(&sum, w1, &mut hidden);
            hidden.iter_mut().for_each(|v| *v = v.max(0.0));
            logits.copy_from_slice(b2);
            multiply_add(&hidden, w2, &mut logits);

            total += f64::from(loss(&logits, &example.targets, &settings.weights, &mut d_logits) * example.weight);
            d_logits.iter_mut().for_each(|g| *g *= example.weight);

            // Back through the output layer, the rectifier and the hidden layer.
            for ((d, value), row) in d_hidden.iter_mut().zip(&hidden).zip(w2.chunks_exact(o)) {
                *d = if *value > 0.0 { dot(row, &d_logits) } else { 0.0 };
            }
            for (d, row) in d_sum.iter_mut().zip(w1.chunks_exact(h)) {
                *d = dot(row, &d_hidden) * scale;
            }
            dense.accumulate(&sum, &d_hidden, &hidden, &d_logits);
            if step.is_multiple_of(BATCH) {
                dense.step(settings.network_rate * left.max(0.02));
            }
            let energy = d_sum.iter().map(|g| g * g).sum::<f32>() / w as f32;
            for row in &kept {
                let at = *row as usize;
                let Some(square) = squares.get_mut(at) else { continue };
                *square += energy;
                let rate = settings.rate * left / (square.sqrt() + 1e-6);
                for (v, g) in table.get_mut(at * w..(at + 1) * w).unwrap_or_default().iter_mut().zip(&d_sum) {
                    *v -= rate * g;
                }
            }
        }
        progress(Progress {
            stage: "fast",
            epoch: epoch + 1,
            epochs: settings.epochs,
            loss: total / examples.len().max(1) as f64,
        });
    }
    let (numbers, scales) = quantise(&table, w);
    let [w1, b1, w2, b2] = dense.parts();
    Fast {
        shape,
        vocabulary,
        table: numbers,
        scales,
        hidden: w1.to_vec(),
        hidden_bias: b1.to_vec(),
        output: w2.to_vec(),
        output_bias: b2.to_vec(),
    }
}

/// How many texts one step of the network on top averages.
const BATCH: usize = 16;

fn bag(example: &Example) -> Vec<u32> {
    let reading = Reading::of(&example.text, example.side);
    let mut out = Vec::new();
    features(&reading, 0, reading.tokens.len().min(MAX_TOKENS), &mut out);
    out
}

/// The n-grams that carry most: each text shares one vote among its own, so that long texts do not crowd out short ones.
/// Among equals the one with the lower hash, so that the choice is always the same.
fn vocabulary(grams: &[Vec<u32>], settings: &Settings) -> Vocabulary {
    let mut votes: HashMap<u32, (u32, f32)> = HashMap::new();
    for gram in grams {
        let vote = norm(gram.len());
        for key in gram {
            let entry = votes.entry(*key).or_default();
            entry.0 += 1;
            entry.1 += vote;
        }
    }
    let mut kept: Vec<(f32, u32)> =
        votes.into_iter().filter(|(_, (n, _))| *n >= settings.least).map(|(key, (_, vote))| (vote, key)).collect();
    kept.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    kept.truncate(settings.rows);
    Vocabulary::new(kept.into_iter().map(|(_, key)| key).collect())
}

/// The four parts of the network on top, with Adam's moments.
struct Dense {
    parts: Vec<Vec<f32>>,
    grads: Vec<Vec<f32>>,
    first: Vec<Vec<f32>>,
    second: Vec<Vec<f32>>,
    steps: i32,
}

impl Dense {
    fn new(parts: Vec<Vec<f32>>) -> Self {
        let zeros: Vec<Vec<f32>> = parts.iter().map(|p| vec![0.0; p.len()]).collect();
        Dense { grads: zeros.clone(), first: zeros.clone(), second: zeros, parts, steps: 0 }
    }

    fn parts(&self) -> [&[f32]; 4] {
        let part = |i: usize| self.parts.get(i).map(Vec::as_slice).unwrap_or_default();
        [part(0), part(1), part(2), part(3)]
    }

    fn accumulate(&mut self, sum: &[f32], d_hidden: &[f32], hidden: &[f32], d_logits: &[f32]) {
        let [g1, gb1, g2, gb2] = self.grads.as_mut_slice() else { return };
        outer(sum, d_hidden, g1);
        add(d_hidden, gb1);
        outer(hidden, d_logits, g2);
        add(d_logits, gb2);
    }

    fn step(&mut self, rate: f32) {
        self.steps += 1;
        for (((part, grad), first), second) in
            self.parts.iter_mut().zip(&mut self.grads).zip(&mut self.first).zip(&mut self.second)
        {
            super::adam(part, grad, first, second, self.steps, rate, 1.0 / BATCH as f32, 0.0);
        }
    }
}

fn outer(x: &[f32], d: &[f32], grad: &mut [f32]) {
    for (value, row) in x.iter().zip(grad.chunks_exact_mut(d.len())) {
        if *value != 0.0 {
            for (g, d) in row.iter_mut().zip(d) {
                *g += value * d;
            }
        }
    }
}

fn add(d: &[f32], grad: &mut [f32]) {
    for (g, d) in grad.iter_mut().zip(d) {
        *g += d;
    }
}
