//! Finds the tile again: its scale by trial, its beginning by correlation with the template.

use std::f64::consts::TAU;

use super::fourier::{Complex, transform};
use super::tile::{BITS, HIGHEST, Plan, Wave};
use super::{FLOOR, Local, TILE, luminance, size};
use crate::Error;
use crate::watermark::Secret;

/// The correlation, in deviations of its noise, from which on the template counts as found. Of the 16384 places of a tile
/// the highest by chance is at about 4.3.
const FOUND: f64 = 6.0;
/// The side of the middle of a picture by which a wide search goes, in pixels of the original.
const MIDDLE: usize = 512;
/// The same for all reading: 256 tiles say enough, and more would take more memory.
const LARGEST: usize = 2048;
/// How many of the least certain bits are tried the other way, and how many of them at once.
const DOUBTFUL: usize = 12;

/// Which scales are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Search {
    /// 1, 1/2, 3/4, 2/3: some tenths of a second for a megapixel.
    Usual,
    /// Those, and then all from 0.4 to 2 in steps of 0.4%: four hundred trials on the middle of the picture, seconds.
    Wide,
    /// One that is known.
    Scale(f64),
}

/// A mark that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// What it says. Its CRC-16 is right.
    pub payload: u64,
    /// The scale of the picture relative to the one that was marked.
    pub scale: f64,
    /// How clearly the template stands out, in deviations of noise.
    pub clarity: f64,
    /// How many of the 80 bits had to be corrected.
    pub corrected: u32,
}

/// Looks for a mark that was made with the secret.
///
/// # Errors
/// When the picture's size does not fit its bytes.
pub fn read(rgb: &[u8], width: usize, height: usize, secret: &Secret, search: Search) -> Result<Option<Mark>, Error> {
    size(rgb, width, height)?;
    let grey = luminance(rgb);
    let plan = Plan::new(secret);
    let usual = [1.0, 0.5, 0.75, 2.0 / 3.0];
    let first = match &search {
        Search::Scale(scale) => std::slice::from_ref(scale),
        _ => &usual,
    };
    for &scale in first {
        if let Some(mark) = soft(&grey, width, height, &plan, scale, None).and_then(|soft| soft.decide(&plan)) {
            return Ok(Some(mark));
        }
    }
    if search != Search::Wide {
        return Ok(None);
    }
    let mut best: Option<(f64, f64)> = None;
    let mut scale = 0.4;
    while scale < 2.0 {
        if let Some(clarity) = soft(&grey, width, height, &plan, scale, Some(MIDDLE)).map(|soft| soft.clarity)
            && best.is_none_or(|(before, _)| clarity > before)
        {
            best = Some((clarity, scale));
        }
        scale *= 1.004;
    }
    // The whole picture wants a finer scale than its middle does.
    let Some((_, near)) = best else { return Ok(None) };
    let fine = (-8..=8).map(|step| near * (1.0 + f64::from(step) * 0.0005));
    let tried = fine.filter_map(|scale| soft(&grey, width, height, &plan, scale, None));
    let clearest = tried.max_by(|a, b| a.clarity.total_cmp(&b.clarity));
    Ok(clearest.and_then(|soft| soft.decide(&plan)))
}

/// Bits before they are decided.
pub(super) struct Soft {
    pub(super) bits: Vec<f64>,
    pub(super) clarity: f64,
    scale: f64,
}

impl Soft {
    pub(super) fn code(&self) -> u128 {
        self.bits.iter().enumerate().fold(0, |code, (i, bit)| code | u128::from(*bit > 0.0) << i)
    }

    /// The payload, with up to two of the least certain bits tried the other way.
    fn decide(&self, plan: &Plan) -> Option<Mark> {
        if self.clarity < FOUND {
            return None;
        }
        let code = self.code();
        let mut doubtful: Vec<usize> = (0..BITS).collect();
        doubtful.sort_by(|a, b| self.bits[*a].abs().total_cmp(&self.bits[*b].abs()));
        doubtful.truncate(DOUBTFUL);
        let singles = doubtful.iter().map(|i| 1_u128 << i);
        let pairs = doubtful.iter().flat_map(|i| doubtful.iter().map(move |j| 1_u128 << i | 1 << j));
        let (scale, clarity) = (self.scale, self.clarity);
        std::iter::once(0).chain(singles).chain(pairs).find_map(|flips| {
            plan.payload(code ^ flips).map(|payload| Mark { payload, scale, clarity, corrected: flips.count_ones() })
        })
    }
}

/// Reads the bits at a scale; none when the picture is too small for it.
pub(super) fn soft(
    grey: &[f32],
    width: usize,
    height: usize,
    plan: &Plan,
    scale: f64,
    middle: Option<usize>,
) -> Option<Soft> {
    if !(0.05..=20.0).contains(&scale) {
        return None;
    }
    let spectrum = folded(grey, width, height, scale, middle)?;
    let loudness = rings(&spectrum);
    // A coefficient in proportion to what is usual at its radius; single strong ones (edges, grids) are cut down.
    let clean = |wave: &Wave| {
        let value = spectrum[wave.at()].scaled(1.0 / loudness[wave.radius().round() as usize].max(1e-9));
        let size = value.size();
        value.times(Complex::turn(-wave.phase)).scaled(if size > 1.5 { 1.5 / size } else { 1.0 })
    };
    let template: Vec<(Wave, Complex)> = plan.template.iter().map(|wave| (*wave, clean(wave))).collect();
    let mut field = vec![Complex::default(); TILE * TILE];
    for (wave, value) in &template {
        field[wave.at()] = *value;
        field[wave.mirrored()] = value.conj();
    }
    transform(&mut field, true);
    let square = field.iter().map(|value| value.re * value.re).sum::<f64>() / field.len() as f64;
    let (at, peak) = field.iter().enumerate().max_by(|(_, a), (_, b)| a.re.total_cmp(&b.re))?;
    let clarity = peak.re / square.sqrt().max(1e-12);
    let (x, y) = finer(&template, (at % TILE) as f64, (at / TILE) as f64);
    let bits = plan.bits.iter().map(|waves| waves.iter().map(|wave| shifted(wave, clean(wave), x, y)).sum()).collect();
    Some(Soft { bits, clarity, scale })
}

/// The place of the template to a quarter of a pixel.
fn finer(template: &[(Wave, Complex)], x: f64, y: f64) -> (f64, f64) {
    let steps = || (-3..=3).map(|step| f64::from(step) * 0.25);
    let places = steps().flat_map(|dy| steps().map(move |dx| (x + dx, y + dy)));
    let sum = |(x, y): (f64, f64)| template.iter().map(|(wave, value)| shifted(wave, *value, x, y)).sum::<f64>();
    places.max_by(|a, b| sum(*a).total_cmp(&sum(*b))).unwrap_or((x, y))
}

/// The real part of a coefficient whose tile began at a place.
fn shifted(wave: &Wave, value: Complex, x: f64, y: f64) -> f64 {
    let angle = (f64::from(wave.u) * x + f64::from(wave.v) * y) * TAU / TILE as f64;
    value.times(Complex::turn(angle)).re
}

/// The spectrum of the mean of all tiles of a picture, brought to the original's scale, flattened: without its local mean,
/// in proportion to its local deviation.
fn folded(grey: &[f32], width: usize, height: usize, scale: f64, middle: Option<usize>) -> Option<Vec<Complex>> {
    let across = |length: usize| ((length as f64 / scale).round() as usize).min(1 << 14);
    let (whole_wide, whole_high) = (across(width), across(height));
    if whole_wide < TILE || whole_high < TILE {
        return None;
    }
    let limit = middle.unwrap_or(LARGEST);
    let (wide, high) = (whole_wide.min(limit), whole_high.min(limit));
    let (left, top) = ((whole_wide - wide) / 2, (whole_high - high) / 2);
    let plain = scale == 1.0 && wide == width && high == height;
    let scaled = if plain { grey.to_vec() } else { resampled(grey, (width, height), scale, (left, top), (wide, high)) };
    let local = Local::of(&scaled, wide, high);
    let mut sums = vec![0.0_f64; TILE * TILE];
    let mut counts = vec![0_u32; TILE * TILE];
    for (i, value) in scaled.iter().enumerate() {
        let (x, y) = (i % wide, i / wide);
        let (mean, deviation) = local.mean_and_deviation(x, y);
        let at = y % TILE * TILE + x % TILE;
        sums[at] += f64::from(((value - mean) / (deviation + FLOOR)).clamp(-2.5, 2.5));
        counts[at] += 1;
    }
    let mut tile: Vec<Complex> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, count)| Complex { re: sum / f64::from((*count).max(1)), im: 0.0 })
        .collect();
    transform(&mut tile, false);
    Some(tile)
}

/// A part of a picture at the original's scale (bilinear, pixel centres aligned).
fn resampled(
    grey: &[f32],
    (width, height): (usize, usize),
    scale: f64,
    (left, top): (usize, usize),
    (wide, high): (usize, usize),
) -> Vec<f32> {
    let along = |from: usize, count: usize, length: usize| -> Vec<(usize, usize, f32)> {
        let last = length - 1;
        (from..from + count)
            .map(|at| {
                let place = ((at as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
                let low = place.floor() as usize;
                (low, (low + 1).min(last), (place - place.floor()) as f32)
            })
            .collect()
    };
    let columns = along(left, wide, width);
    let mut out = Vec::with_capacity(wide * high);
    for (above, below, down) in along(top, high, height) {
        let (upper, lower) = (&grey[above * width..(above + 1) * width], &grey[below * width..(below + 1) * width]);
        out.extend(columns.iter().map(|(before, after, right)| {
            let first = upper[*before] + (upper[*after] - upper[*before]) * right;
            let second = lower[*before] + (lower[*after] - lower[*before]) * right;
            first + (second - first) * down
        }));
    }
    out
}

/// The usual size of coefficients by radius.
fn rings(spectrum: &[Complex]) -> Vec<f64> {
    let most = HIGHEST as usize + 2;
    let (mut sums, mut counts) = (vec![0.0; most], vec![0.0_f64; most]);
    let reach = most as i32 - 1;
    for v in -reach..=reach {
        for u in -reach..=reach {
            let wave = Wave { u, v, phase: 0.0 };
            let radius = wave.radius().round() as usize;
            if radius < most {
                sums[radius] += spectrum[wave.at()].size();
                counts[radius] += 1.0;
            }
        }
    }
    sums.iter().zip(&counts).map(|(sum, count)| sum / count.max(1.0)).collect()
}
