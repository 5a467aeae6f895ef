//! Trains the encoder: first to fill in masked tokens of plain text (Devlin et al. 2018, arXiv 1810.04805, with the
//! batch's own masked tokens as the candidates), then on the heads. Each batch is divided into a fixed number of
//! shards whose gradients are added in their order, so the result does not depend on how many cores there are.

use std::collections::HashMap;

use fastrand::Rng;

use super::loss::{Weights, loss};
use super::{Example, Progress, adam};
use crate::encoder::{Encoder, MAX_TOKENS, Member, Piece, SINGLES, Shape, Trace, layers, pieces, pool, windows};
use crate::fast::{Fast, multiply_add, quantise};
use crate::heads::softmax;
use crate::ops::{Matrix, dot, gelu, gelu_slope, matmul, normalise_back};
use crate::reading::Reading;

/// How the encoder is trained.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows for pairs and words; a power of two.
    pub rows: usize,
    /// Numbers in a row and in every layer.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Layers.
    pub layers: usize,
    /// Units between the two halves of a feed-forward.
    pub inner: usize,
    /// Units of the hidden layer before the outputs.
    pub hidden: usize,
    /// Passes over plain text, tokens masked.
    pub pretraining: usize,
    /// Share of tokens that are masked there.
    pub masked: f32,
    /// Passes over the labelled texts.
    pub epochs: usize,
    /// Texts in a batch.
    pub batch: usize,
    /// Highest step size of Adam.
    pub rate: f32,
    /// The step size of the table, as a multiple of that: a row is met far less often than a layer.
    pub table_rate: f32,
    /// Decoupled weight decay.
    pub decay: f32,
    /// Share of tokens hidden from the model in each pass over the labelled texts.
    pub dropout: f32,
    /// How much each head counts.
    pub weights: Weights,
    /// The encoders whose logits are averaged; without any there is one, with the recipe's seed and the dropout above.
    #[serde(rename = "member")]
    pub members: Vec<Beginning>,
}

/// Where one member begins, and what it is spared.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// The seed of its first numbers, of the order of texts and of what is hidden from it.
    pub seed: u64,
    /// Its [`Settings::dropout`].
    pub dropout: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            rows: 1 << 15,
            width: 128,
            heads: 4,
            layers: 2,
            inner: 256,
            hidden: 192,
            pretraining: 1,
            masked: 0.15,
            epochs: 10,
            batch: 32,
            rate: 1e-3,
            table_rate: 10.0,
            decay: 0.01,
            dropout: 0.1,
            weights: Weights::default(),
            members: Vec::new(),
        }
    }
}

impl Settings {
    /// The shape of the model with this many outputs.
    pub fn shape(&self, outputs: usize) -> Shape {
        Shape {
            rows: self.rows,
            width: self.width,
            heads: self.heads,
            layers: self.layers,
            inner: self.inner,
            hidden: self.hidden,
            outputs,
            members: self.members.len().max(1),
        }
    }
}

/// How many parts a batch is divided into. Part of what makes a model: another number gives another rounding.
const SHARDS: usize = 4;

/// What is trained.
struct Weighs {
    table: Vec<f32>,
    dense: Vec<f32>,
}

/// The moments of Adam.
struct Moments {
    dense: [Vec<f32>; 2],
    table: [Vec<f32>; 2],
    steps: i32,
}

/// What one shard brings back.
struct Gradient {
    dense: Vec<f32>,
    /// Rows with their gradients, in the order of their first use.
    rows: Vec<u32>,
    row_grads: Vec<f32>,
    loss: f64,
}

impl Gradient {
    fn new(dense: usize) -> Self {
        Gradient { dense: vec![0.0; dense], rows: Vec::new(), row_grads: Vec::new(), loss: 0.0 }
    }

    fn add_row(&mut self, places: &mut HashMap<u32, usize>, row: u32, d: usize, grad: &[f32], share: f32) {
        let at = *places.entry(row).or_insert_with(|| {
            self.rows.push(row);
            self.row_grads.resize(self.rows.len() * d, 0.0);
            self.rows.len() - 1
        });
        for (slot, g) in self.row_grads.get_mut(at * d..(at + 1) * d).unwrap_or_default().iter_mut().zip(grad) {
            *slot += g * share;
        }
    }
}

/// One text of a batch, cut to what the encoder reads.
struct Item {
    tokens: Vec<Piece>,
    /// For pretraining: the masked places (in `tokens`) and the rows that were there.
    hidden: Vec<(usize, u32)>,
    /// For training: which example.
    example: usize,
}

/// Trains every member of a model with this many outputs. `plain` is further text to pretrain on; what `fast` has learnt
/// of single tokens and pairs is where their rows begin.
pub fn train(
    examples: &[Example],
    plain: &[String],
    fast: Option<&Fast>,
    outputs: usize,
    settings: &Settings,
    seed: u64,
    progress: &mut dyn FnMut(Progress),
) -> Encoder {
    let only = [Beginning { seed, dropout: settings.dropout }];
    let beginnings = if settings.members.is_empty() { &only[..] } else { &settings.members };
    let mut member = |from: &Beginning| {
        let settings = Settings { dropout: from.dropout, ..settings.clone() };
        train_member(examples, plain, fast, outputs, &settings, from.seed, progress)
    };
    Encoder { shape: settings.shape(outputs), members: beginnings.iter().map(&mut member).collect() }
}

fn train_member(
    examples: &[Example],
    plain: &[String],
    fast: Option<&Fast>,
    outputs: usize,
    settings: &Settings,
    seed: u64,
    progress: &mut dyn FnMut(Progress),
) -> Member {
    let shape = settings.shape(outputs);
    let mut rng = Rng::with_seed(seed ^ 0xE7C0);
    let mut weighs = start(&shape, &mut rng);
    if let Some(fast) = fast {
        inherit(&shape, &mut weighs.table, fast, examples);
    }
    let zeros = |n: usize| [vec![0.0; n], vec![0.0; n]];
    let mut moments = Moments { dense: zeros(weighs.dense.len()), table: zeros(weighs.table.len()), steps: 0 };

    if settings.pretraining > 0 {
        let texts = examples.iter().map(|e| Reading::of(&e.text, e.side));
        let more = plain.iter().map(|t| Reading::of(t, menshen_verdict::Side::Input));
        let readings: Vec<Reading> = texts.chain(more).filter(|r| r.tokens.len() > 3).collect();
        passes(&readings, settings.pretraining, settings, &mut rng, progress, "pretraining", |items, rate| {
            let gradients = shards(items, |part| pretrain(&shape, &weighs, part));
            apply(&shape, &mut weighs, &mut moments, gradients, items.len(), rate, settings)
        });
        moments = Moments { dense: zeros(weighs.dense.len()), table: zeros(weighs.table.len()), steps: 0 };
    }
    let readings: Vec<Reading> = examples.iter().map(|e| Reading::of(&e.text, e.side)).collect();
    passes(&readings, settings.epochs, settings, &mut rng, progress, "encoder", |items, rate| {
        let gradients = shards(items, |part| tune(&shape, &weighs, part, examples, &settings.weights));
        apply(&shape, &mut weighs, &mut moments, gradients, items.len(), rate, settings)
    });

    let (table, scales) = quantise(&weighs.table, shape.width);
    Member { table, scales, dense: weighs.dense }
}

fn start(shape: &Shape, rng: &mut Rng) -> Weighs {
    let (d, f) = (shape.width, shape.inner);
    let mut table = vec![0.0; (SINGLES + shape.rows) * d];
    table.iter_mut().for_each(|v| *v = (rng.f32() * 2.0 - 1.0) * 0.1);
    let places = shape.places();
    let at = shape.layer_places();
    let mut dense = vec![0.0; shape.dense()];
    let mut fill = |from: usize, len: usize, scale: f32| {
        for v in dense.get_mut(from..from + len).unwrap_or_default() {
            *v = (rng.f32() * 2.0 - 1.0) * scale;
        }
    };
    let uniform = |fan_in: usize| (3.0 / fan_in as f32).sqrt();
    fill(places.positions, places.layers, 0.02);
    // The paths that lead back into the residual stream begin small: deep stacks then begin as almost nothing.
    let small = 1.0 / (2.0 * shape.layers.max(1) as f32).sqrt();
    for l in 0..shape.layers {
        let base = places.layers + l * places.layer;
        fill(base + at.qkv, d * 3 * d, uniform(d));
        fill(base + at.mixed, d * d, uniform(d) * small);
        fill(base + at.up, d * f, uniform(d));
        fill(base + at.down, f * d, uniform(f) * small);
    }
    fill(places.pool, 2 * d * shape.hidden, uniform(2 * d));
    fill(places.out, shape.hidden * shape.outputs, uniform(shape.hidden) * 0.5);
    for l in 0..shape.layers {
        let base = places.layers + l * places.layer;
        for gain in [base + at.gain1, base + at.gain2] {
            dense.get_mut(gain..gain + d).unwrap_or_default().fill(1.0);
        }
    }
    dense.get_mut(places.last_gain..places.last_gain + d).unwrap_or_default().fill(1.0);
    Weighs { table, dense }
}

/// The mean size of an inherited number.
const INHERITED: f32 = 0.15;

/// Copies the fast model's rows for single tokens and pairs into the rows that the encoder has for them.
fn inherit(shape: &Shape, table: &mut [f32], fast: &Fast, examples: &[Example]) {
    let (d, w) = (shape.width, fast.shape.width);
    let mean = fast.table.iter().map(|v| f64::from(v.unsigned_abs())).sum::<f64>() / fast.table.len().max(1) as f64;
    let scales = fast.scales.iter().map(|s| f64::from(*s)).sum::<f64>() / fast.scales.len().max(1) as f64;
    let scale = INHERITED / (mean * scales).max(1e-9) as f32;
    let mut known = std::collections::HashSet::new();
    let mut tokens = Vec::new();
    for example in examples {
        let reading = Reading::of(&example.text, example.side);
        let n = reading.tokens.len().min(MAX_TOKENS);
        pieces(&reading, 0, n, shape.rows, &|_| false, &mut tokens);
        for (at, piece) in tokens.iter().skip(1).enumerate() {
            let grams = crate::fast::single_and_pair(&reading, at);
            for (row, gram) in piece.rows().iter().zip(grams) {
                let Some(from) = fast.vocabulary.row(gram).map(|r| r as usize) else { continue };
                if !known.insert(*row) {
                    continue;
                }
                let (Some(to), Some(numbers), Some(s)) = (
                    table.get_mut(*row as usize * d..(*row as usize + 1) * d),
                    fast.table.get(from * w..(from + 1) * w),
                    fast.scales.get(from),
                ) else {
                    continue;
                };
                for (to, v) in to.iter_mut().zip(numbers) {
                    *to = f32::from(*v) * s * scale;
                }
            }
        }
    }
}

/// Goes over the readings in random order, batch by batch, with a step size that rises and falls.
fn passes(
    readings: &[Reading],
    epochs: usize,
    settings: &Settings,
    rng: &mut Rng,
    progress: &mut dyn FnMut(Progress),
    stage: &'static str,
    mut step: impl FnMut(&[Item], f32) -> f64,
) {
    let pretraining = stage == "pretraining";
    let mut order: Vec<usize> = (0..readings.len()).collect();
    let batches = readings.len().div_ceil(settings.batch.max(1)) * epochs;
    let warm = (batches / 20).max(1);
    let mut done = 0;
    for epoch in 0..epochs {
        rng.shuffle(&mut order);
        let (mut total, mut n) = (0.0, 0);
        for chosen in order.chunks(settings.batch.max(1)) {
            let items: Vec<Item> = chosen
                .iter()
                .filter_map(|at| readings.get(*at).map(|r| item(r, *at, settings, pretraining, rng)))
                .collect();
            let rise = ((done + 1) as f32 / warm as f32).min(1.0);
            let fall = 1.0 - done as f32 / batches.max(1) as f32;
            total += step(&items, settings.rate * rise * fall.max(0.02));
            n += items.len();
            done += 1;
        }
        progress(Progress { stage, epoch: epoch + 1, epochs, loss: total / n.max(1) as f64 });
    }
}

fn item(reading: &Reading, example: usize, settings: &Settings, pretraining: bool, rng: &mut Rng) -> Item {
    let windows = windows(reading.tokens.len());
    let (from, to) = rng.choice(&windows).copied().unwrap_or_default();
    let share = if pretraining { settings.masked } else { settings.dropout };
    let mut masked: Vec<bool> = (from..to).map(|_| rng.f32() < share).collect();
    if pretraining && !masked.contains(&true) && !masked.is_empty() {
        let any = rng.usize(..masked.len());
        masked.iter_mut().skip(any).take(1).for_each(|m| *m = true);
    }
    let hide = |i: usize| masked.get(i - from).copied().unwrap_or(false);
    let mut tokens = Vec::new();
    pieces(reading, from, to, settings.rows, &hide, &mut tokens);
    let mut hidden = Vec::new();
    if pretraining {
        let mut whole = Vec::new();
        pieces(reading, from, to, settings.rows, &|_| false, &mut whole);
        hidden = whole
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(i, _)| masked.get(i - 1).copied().unwrap_or(false))
            .filter_map(|(i, p)| p.rows().first().map(|row| (i, *row)))
            .collect();
    }
    Item { tokens, hidden, example }
}

fn shards<'i>(items: &'i [Item], work: impl Fn(&'i [Item]) -> Gradient + Sync) -> Vec<Gradient> {
    let size = items.len().div_ceil(SHARDS).max(1);
    let parts: Vec<&[Item]> = items.chunks(size).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(SHARDS);
    let work = &work;
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..cores)
            .map(|lane| {
                let mine: Vec<(usize, &[Item])> =
                    parts.iter().copied().enumerate().filter(|(i, _)| i % cores == lane).collect();
                scope.spawn(move || mine.into_iter().map(|(i, part)| (i, work(part))).collect::<Vec<_>>())
            })
            .collect();
        let mut done: Vec<(usize, Gradient)> = lanes.into_iter().flat_map(|l| l.join().unwrap_or_default()).collect();
        done.sort_by_key(|d| d.0);
        done.into_iter().map(|d| d.1).collect()
    })
}

/// The tokens of a shard, one row each, and where its texts begin.
fn embed(shape: &Shape, weighs: &Weighs, items: &[Item]) -> (Vec<f32>, Vec<usize>) {
    let d = shape.width;
    let mut starts = vec![0];
    let mut x = Vec::new();
    for item in items {
        let begin = x.len();
        x.resize(begin + item.tokens.len() * d, 0.0);
        let rows = x.get_mut(begin..).unwrap_or_default();
        for ((piece, x), position) in item.tokens.iter().zip(rows.chunks_exact_mut(d)).zip(weighs.dense.chunks_exact(d))
        {
            let share = 1.0 / (piece.rows().len() as f32).sqrt();
            for row in piece.rows() {
                let at = *row as usize * d;
                for (x, v) in x.iter_mut().zip(weighs.table.get(at..at + d).unwrap_or_default()) {
                    *x += v * share;
                }
            }
            for (x, p) in x.iter_mut().zip(position) {
                *x += p;
            }
        }
        starts.push(x.len() / d);
    }
    (x, starts)
}

/// One shard of pretraining.
fn pretrain(shape: &Shape, weighs: &Weighs, items: &[Item]) -> Gradient {
    let d = shape.width;
    let mut gradient = Gradient::new(weighs.dense.len());
    let mut rows = HashMap::new();
    let (mut x, starts) = embed(shape, weighs, items);
    let mut trace = Trace::default();
    layers(shape, &weighs.dense, &mut x, &starts, &mut trace);

    // The candidates are the shard's own masked tokens.
    let mut candidates: Vec<u32> = items.iter().flat_map(|i| i.hidden.iter().map(|h| h.1)).collect();
    candidates.sort_unstable();
    candidates.dedup();
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (item, start) in items.iter().zip(&starts) {
        for (at, row) in &item.hidden {
            if let Ok(place) = candidates.binary_search(row) {
                places.push((start + at, place));
            }
        }
    }
    let (m, k) = (places.len(), candidates.len());
    let mut d_output = vec![0.0; trace.output.len()];
    if m > 0 && k > 1 {
        let picked: Vec<f32> = places
            .iter()
            .flat_map(|(at, _)| trace.output.get(at * d..(at + 1) * d).unwrap_or_default())
            .copied()
            .collect();
        let known: Vec<f32> = candidates
            .iter()
            .flat_map(|row| weighs.table.get(*row as usize * d..(*row as usize + 1) * d).unwrap_or_default())
            .copied()
            .collect();
        let mut logits = vec![0.0; m * k];
        matmul(Matrix::of(&picked, m, d), Matrix::of(&known, k, d).transposed(), &mut logits, 0.0);
        for ((_, wanted), row) in places.iter().zip(logits.chunks_exact_mut(k)) {
            softmax(row);
            if let Some(p) = row.get_mut(*wanted) {
                gradient.loss -= f64::from(p.max(1e-9).ln()) / m as f64 * items.len() as f64;
                *p -= 1.0;
            }
            // The mean over the masked tokens counts like one text each.
            row.iter_mut().for_each(|p| *p *= items.len() as f32 / m as f32);
        }
        let mut d_picked = vec![0.0; m * d];
        matmul(Matrix::of(&logits, m, k), Matrix::of(&known, k, d), &mut d_picked, 0.0);
        let mut d_known = vec![0.0; k * d];
        matmul(Matrix::of(&logits, m, k).transposed(), Matrix::of(&picked, m, d), &mut d_known, 0.0);
        for ((at, _), g) in places.iter().zip(d_picked.chunks_exact(d)) {
            for (slot, g) in d_output.get_mut(at * d..(at + 1) * d).unwrap_or_default().iter_mut().zip(g) {
                *slot += g;
            }
        }
        for (row, g) in candidates.iter().zip(d_known.chunks_exact(d)) {
            gradient.add_row(&mut rows, *row, d, g, 1.0);
        }
    }
    back(shape, weighs, items, &starts, &trace, d_output, &mut gradient, &mut rows);
    gradient
}

/// One shard of training on the heads.
fn tune(shape: &Shape, weighs: &Weighs, items: &[Item], examples: &[Example], weights: &Weights) -> Gradient {
    let (d, h, o) = (shape.width, shape.hidden, shape.outputs);
    let places = shape.places();
    let mut gradient = Gradient::new(weighs.dense.len());
    let mut rows = HashMap::new();
    let (mut x, starts) = embed(shape, weighs, items);
    let mut trace = Trace::default();
    layers(shape, &weighs.dense, &mut x, &starts, &mut trace);
    let part = |from: usize, len: usize| weighs.dense.get(from..from + len).unwrap_or_default();
    let (pool_weights, out_weights) = (part(places.pool, 2 * d * h), part(places.out, h * o));
    let mut d_output = vec![0.0; trace.output.len()];
    let (mut pooled, mut which) = (Vec::new(), Vec::new());
    let mut d_logits = vec![0.0; o];
    for (item, bounds) in items.iter().zip(starts.windows(2)) {
        let (&[from, to], Some(example)) = (bounds, examples.get(item.example)) else { continue };
        pool(trace.output.get(from * d..to * d).unwrap_or_default(), d, &mut pooled, &mut which);
        let mut before = part(places.pool_bias, h).to_vec();
        multiply_add(&pooled, pool_weights, &mut before);
        let hidden: Vec<f32> = before.iter().map(|v| gelu(*v)).collect();
        let mut logits = part(places.out_bias, o).to_vec();
        multiply_add(&hidden, out_weights, &mut logits);
        gradient.loss += f64::from(loss(&logits, &example.targets, weights, &mut d_logits) * example.weight);
        d_logits.iter_mut().for_each(|g| *g *= example.weight);

        outer(&hidden, &d_logits, gradient.dense.get_mut(places.out..places.out_bias).unwrap_or_default());
        add(&d_logits, gradient.dense.get_mut(places.out_bias..places.end).unwrap_or_default());
        let d_before: Vec<f32> = before
            .iter()
            .zip(out_weights.chunks_exact(o))
            .map(|(b, row)| dot(row, &d_logits) * gelu_slope(*b))
            .collect();
        outer(&pooled, &d_before, gradient.dense.get_mut(places.pool..places.pool_bias).unwrap_or_default());
        add(&d_before, gradient.dense.get_mut(places.pool_bias..places.out).unwrap_or_default());
        let n = (to - from) as f32;
        for (j, row) in pool_weights.chunks_exact(h).enumerate() {
            let g = dot(row, &d_before);
            if j < d {
                for at in from..to {
                    if let Some(slot) = d_output.get_mut(at * d + j) {
                        *slot += g / n;
                    }
                }
            } else if let Some(slot) =
                which.get(j - d).and_then(|top| d_output.get_mut((from + *top as usize) * d + j - d))
            {
                *slot += g;
            }
        }
    }
    back(shape, weighs, items, &starts, &trace, d_output, &mut gradient, &mut rows);
    gradient
}

/// Back through the layers and into the rows of the table.
#[expect(clippy::too_many_arguments, reason = "what the way back needs")]
fn back(
    shape: &Shape,
    weighs: &Weighs,
    items: &[Item],
    starts: &[usize],
    trace: &Trace,
    d_output: Vec<f32>,
    gradient: &mut Gradient,
    rows: &mut HashMap<u32, usize>,
) {
    let (d, f) = (shape.width, shape.inner);
    let n = trace.last.len() / d;
    let places = shape.places();
    let at = shape.layer_places();
    let mut d_x = vec![0.0; n * d];
    {
        let (gains, rest) = gradient.dense.get_mut(places.last_gain..places.pool).unwrap_or_default().split_at_mut(d);
        let gain = weighs.dense.get(places.last_gain..places.last_gain + d).unwrap_or_default();
        normalise_back(&trace.last, gain, &trace.last_scale, &d_output, &mut d_x, gains, rest);
    }
    let mut wide = vec![0.0; n * f.max(3 * d)];
    let mut narrow = vec![0.0; n * d];
    for (l, t) in trace.layers.iter().enumerate().rev() {
        let base = places.layers + l * places.layer;
        let p = weighs.dense.get(base..base + places.layer).unwrap_or_default();
        let g = gradient.dense.get_mut(base..base + places.layer).unwrap_or_default();
        let part = |from: usize, len: usize| p.get(from..from + len).unwrap_or_default();
        // Feed-forward.
        columns(&d_x, d, g.get_mut(at.down_bias..at.down_bias + d).unwrap_or_default());
        matmul(
            Matrix::of(&t.active, n, f).transposed(),
            Matrix::of(&d_x, n, d),
            g.get_mut(at.down..at.down_bias).unwrap_or_default(),
            1.0,
        );
        let d_up = wide.get_mut(..n * f).unwrap_or_default();
        matmul(Matrix::of(&d_x, n, d), Matrix::of(part(at.down, f * d), f, d).transposed(), d_up, 0.0);
        for (g, u) in d_up.iter_mut().zip(&t.up) {
            *g *= gelu_slope(*u);
        }
        columns(d_up, f, g.get_mut(at.up_bias..at.up_bias + f).unwrap_or_default());
        matmul(
            Matrix::of(&t.norm2, n, d).transposed(),
            Matrix::of(d_up, n, f),
            g.get_mut(at.up..at.up_bias).unwrap_or_default(),
            1.0,
        );
        matmul(Matrix::of(d_up, n, f), Matrix::of(part(at.up, d * f), d, f).transposed(), &mut narrow, 0.0);
        {
            let (gains, biases) = g.get_mut(at.gain2..at.up).unwrap_or_default().split_at_mut(d);
            normalise_back(&t.middle, part(at.gain2, d), &t.scale2, &narrow, &mut d_x, gains, biases);
        }
        // Attention.
        columns(&d_x, d, g.get_mut(at.mixed_bias..at.mixed_bias + d).unwrap_or_default());
        matmul(
            Matrix::of(&t.mixed, n, d).transposed(),
            Matrix::of(&d_x, n, d),
            g.get_mut(at.mixed..at.mixed_bias).unwrap_or_default(),
            1.0,
        );
        matmul(Matrix::of(&d_x, n, d), Matrix::of(part(at.mixed, d * d), d, d).transposed(), &mut narrow, 0.0);
        let d_qkv = wide.get_mut(..n * 3 * d).unwrap_or_default();
        attend_back(shape, &t.qkv, &t.weights, starts, &narrow, d_qkv);
        columns(d_qkv, 3 * d, g.get_mut(at.qkv_bias..at.qkv_bias + 3 * d).unwrap_or_default());
        matmul(
            Matrix::of(&t.norm1, n, d).transposed(),
            Matrix::of(d_qkv, n, 3 * d),
            g.get_mut(at.qkv..at.qkv_bias).unwrap_or_default(),
            1.0,
        );
        matmul(
            Matrix::of(d_qkv, n, 3 * d),
            Matrix::of(part(at.qkv, d * 3 * d), d, 3 * d).transposed(),
            &mut narrow,
            0.0,
        );
        {
            let (gains, biases) = g.get_mut(at.gain1..at.qkv).unwrap_or_default().split_at_mut(d);
            normalise_back(&t.input, part(at.gain1, d), &t.scale1, &narrow, &mut d_x, gains, biases);
        }
    }
    for (item, start) in items.iter().zip(starts) {
        for (i, piece) in item.tokens.iter().enumerate() {
            let from = (start + i) * d;
            let Some(g) = d_x.get(from..from + d) else { continue };
            add(
                g,
                gradient.dense.get_mut(places.positions + i * d..places.positions + (i + 1) * d).unwrap_or_default(),
            );
            let share = 1.0 / (piece.rows().len() as f32).sqrt();
            for row in piece.rows() {
                gradient.add_row(rows, *row, d, g, share);
            }
        }
    }
}

/// Back through attention.
fn attend_back(shape: &Shape, qkv: &[f32], weights: &[f32], starts: &[usize], d_mixed: &[f32], d_qkv: &mut [f32]) {
    let (d, h) = (shape.width, shape.heads);
    let w = d / h;
    let scale = 1.0 / (w as f32).sqrt();
    d_qkv.fill(0.0);
    let mut begin = 0;
    let mut squares = vec![0.0; (MAX_TOKENS + 1) * (MAX_TOKENS + 1)];
    let mut part = vec![0.0; (MAX_TOKENS + 1) * w];
    for bounds in starts.windows(2) {
        let [from, to] = bounds else { continue };
        let n = to - from;
        let rows = qkv.get(from * 3 * d..to * 3 * d).unwrap_or_default();
        let d_rows = d_qkv.get_mut(from * 3 * d..to * 3 * d).unwrap_or_default();
        let d_out = d_mixed.get(from * d..to * d).unwrap_or_default();
        for i in 0..h {
            let square = weights.get(begin..begin + n * n).unwrap_or_default();
            begin += n * n;
            let out = Matrix::strided(d_out, n, w, d, i * w);
            let (Some(part), Some(d_square)) = (part.get_mut(..n * w), squares.get_mut(..n * n)) else { continue };
            // Values.
            matmul(Matrix::of(square, n, n).transposed(), out, part, 0.0);
            scatter(d_rows, part, w, 3 * d, 2 * d + i * w);
            // Weights, back through the softmax.
            matmul(out, Matrix::strided(rows, n, w, 3 * d, 2 * d + i * w).transposed(), d_square, 0.0);
            for (g, p) in d_square.chunks_exact_mut(n).zip(square.chunks_exact(n)) {
                let along = dot(g, p);
                for (g, p) in g.iter_mut().zip(p) {
                    *g = p * (*g - along) * scale;
                }
            }
            matmul(Matrix::of(d_square, n, n), Matrix::strided(rows, n, w, 3 * d, d + i * w), part, 0.0);
            scatter(d_rows, part, w, 3 * d, i * w);
            matmul(Matrix::of(d_square, n, n).transposed(), Matrix::strided(rows, n, w, 3 * d, i * w), part, 0.0);
            scatter(d_rows, part, w, 3 * d, d + i * w);
        }
    }
}

fn scatter(rows: &mut [f32], part: &[f32], w: usize, stride: usize, offset: usize) {
    for (row, part) in rows.chunks_exact_mut(stride).zip(part.chunks_exact(w)) {
        row.get_mut(offset..offset + w).unwrap_or_default().copy_from_slice(part);
    }
}

/// Adds the sums of the columns of `x` to `out`.
fn columns(x: &[f32], d: usize, out: &mut [f32]) {
    for row in x.chunks_exact(d) {
        add(row, out);
    }
}

fn add(d: &[f32], grad: &mut [f32]) {
    for (g, d) in grad.iter_mut().zip(d) {
        *g += d;
    }
}

fn outer(x: &[f32], d: &[f32], grad: &mut [f32]) {
    for (value, row) in x.iter().zip(grad.chunks_exact_mut(d.len())) {
        for (g, d) in row.iter_mut().zip(d) {
            *g += value * d;
        }
    }
}

/// Adds the shards up and takes one step; returns the loss summed over the texts.
fn apply(
    shape: &Shape,
    weighs: &mut Weighs,
    moments: &mut Moments,
    gradients: Vec<Gradient>,
    texts: usize,
    rate: f32,
    settings: &Settings,
) -> f64 {
    let d = shape.width;
    let scale = 1.0 / texts.max(1) as f32;
    let mut whole = Gradient::new(weighs.dense.len());
    let mut places = HashMap::new();
    for gradient in gradients {
        whole.loss += gradient.loss;
        add(&gradient.dense, &mut whole.dense);
        for (row, g) in gradient.rows.iter().zip(gradient.row_grads.chunks_exact(d)) {
            whole.add_row(&mut places, *row, d, g, 1.0);
        }
    }
    // Gradients beyond this norm come from odd batches; they are shortened.
    let norm = scale * (dot(&whole.dense, &whole.dense) + dot(&whole.row_grads, &whole.row_grads)).sqrt();
    let scale = if norm > 1.0 { scale / norm } else { scale };
    moments.steps += 1;
    let [first, second] = &mut moments.dense;
    adam(&mut weighs.dense, &mut whole.dense, first, second, moments.steps, rate, scale, settings.decay);
    let [first, second] = &mut moments.table;
    for (row, g) in whole.rows.iter().zip(whole.row_grads.chunks_exact_mut(d)) {
        let at = *row as usize * d;
        if let (Some(value), Some(first), Some(second)) =
            (weighs.table.get_mut(at..at + d), first.get_mut(at..at + d), second.get_mut(at..at + d))
        {
            adam(value, g, first, second, moments.steps, rate * settings.table_rate, scale, 0.0);
        }
    }
    whole.loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::{FIXED, Targets};
    use menshen_verdict::{Level, Side};

    fn tiny() -> Settings {
        Settings { rows: 64, width: 8, heads: 2, layers: 2, inner: 12, hidden: 6, batch: 4, ..Settings::default() }
    }

    fn examples() -> Vec<Example> {
        ["好人好事", "坏人 do bad", "天气不错，出门走走", "x"]
            .iter()
            .enumerate()
            .map(|(i, text)| Example {
                text: (*text).to_owned(),
                side: Side::Input,
                targets: Targets { level: Level::ALL.get(i % 3).copied(), risks: Some(i as u32), ..Targets::default() },
                weight: 1.0,
            })
            .collect()
    }

    /// The gradient of both losses is the slope of the loss, at places all over the parameters.
    #[test]
    fn gradients_are_slopes() {
        let settings = tiny();
        let shape = settings.shape(FIXED + 2);
        let mut rng = Rng::with_seed(3);
        let mut weighs = start(&shape, &mut rng);
        // Far from zero, where normalisation bends little, so that a finite step shows the slope.
        weighs.table.iter_mut().for_each(|v| *v *= 8.0);
        let examples = examples();
        for pretraining in [false, true] {
            let items: Vec<Item> = examples
                .iter()
                .enumerate()
                .map(|(i, e)| {
                    let settings = Settings { dropout: 0.0, masked: 0.4, ..settings.clone() };
                    item(&Reading::of(&e.text, e.side), i, &settings, pretraining, &mut Rng::with_seed(5))
                })
                .collect();
            let run = |weighs: &Weighs| {
                if pretraining {
                    pretrain(&shape, weighs, &items)
                } else {
                    tune(&shape, weighs, &items, &examples, &Weights::default())
                }
            };
            let gradient = run(&weighs);
            let step = 5e-4_f32;
            for at in (0..weighs.dense.len()).step_by(weighs.dense.len() / 60) {
                let was = weighs.dense[at];
                weighs.dense[at] = was + step;
                let up = run(&weighs).loss;
                weighs.dense[at] = was - step;
                let down = run(&weighs).loss;
                weighs.dense[at] = was;
                let slope = ((up - down) / f64::from(2.0 * step)) as f32;
                let given = gradient.dense[at];
                assert!((slope - given).abs() < 0.1 + 0.1 * given.abs(), "{pretraining} dense {at}: {slope} {given}");
            }
            for (i, row) in gradient.rows.iter().enumerate().take(12) {
                let at = *row as usize * shape.width + i % shape.width;
                let was = weighs.table[at];
                weighs.table[at] = was + step;
                let up = run(&weighs).loss;
                weighs.table[at] = was - step;
                let down = run(&weighs).loss;
                weighs.table[at] = was;
                let slope = ((up - down) / f64::from(2.0 * step)) as f32;
                let given = gradient.row_grads[i * shape.width + i % shape.width];
                assert!((slope - given).abs() < 0.1 + 0.1 * given.abs(), "{pretraining} row {row}: {slope} {given}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_model_and_learning_lowers_the_loss() {
        let settings = Settings { pretraining: 1, epochs: 40, rate: 1e-2, dropout: 0.0, ..tiny() };
        let mut losses = Vec::new();
        let mut run = || train(&examples(), &[], None, FIXED + 2, &settings, 9, &mut |p| losses.push(p.loss));
        let (a, b) = (run().members.remove(0), run().members.remove(0));
        assert_eq!(a.dense, b.dense);
        assert_eq!(a.table, b.table);
        assert!(losses[40] < losses[1] * 0.6, "{losses:?}");
    }

    #[test]
    fn members_differ_and_their_logits_are_averaged() {
        let from = |seeds: &[u64]| {
            let members = seeds.iter().map(|seed| Beginning { seed: *seed, dropout: 0.2 }).collect();
            let settings = Settings { pretraining: 0, epochs: 2, members, ..tiny() };
            train(&examples(), &[], None, FIXED + 2, &settings, 9, &mut |_| {})
        };
        let reading = Reading::of("坏人也看天气", Side::Input);
        let logits = |seeds: &[u64]| from(seeds).logits(&reading, 0, reading.tokens.len());
        let (both, first, second) = (logits(&[4, 5]), logits(&[4]), logits(&[5]));
        assert_ne!(first, second);
        for ((both, first), second) in both.iter().zip(first).zip(second) {
            assert!((both - (first + second) / 2.0).abs() < 1e-5);
        }
    }
}
