//! A watermark of 64 bits in a picture, found again without the original.
//!
//! A tile of 128 × 128 pixels is repeated over the luminance. The tile is made in the frequency domain: of its low and
//! middle frequencies a quarter is a template that the key alone decides, by which a reader finds where the tile begins; the
//! others carry the payload and its CRC-16, eight to a bit. Repetition makes it survive crops, low frequencies make it
//! survive scaling and JPEG. Pages of text (sharp black on white) drown it. It is no defence against one who means to remove it, rotations and mirroring lose it, and so
//! does what leaves less than about 256 × 256 of the original pixels. Figures are in the tests.

mod find;
mod fourier;
mod tile;

pub use find::{Mark, Search, read};

use crate::Error;
use crate::watermark::Secret;

/// The side of the tile, in pixels of the picture as it was marked.
const TILE: usize = 128;
/// The least width and height of a picture that is marked.
pub const SMALLEST: usize = 256;
/// The most pixels: 2^26.
const MOST: usize = 1 << 26;
/// The radius of the window in which a picture's activity is measured.
const RADIUS: usize = 16;
/// How many rows are worked on at once, so that large pictures do not take their manifold in memory.
const BAND: usize = 256;
/// What is added to the deviation within a window, so that noise in flat areas does not count for content.
const FLOOR: f32 = 4.0;

/// How strong the mark is, in grey levels of a flat area; in busy ones it is up to twice as strong. This gives 40 dB in flat
/// pictures, 35 to 38 in photographs.
pub const USUAL_STRENGTH: f32 = 2.5;

/// Puts a mark into a picture of 3 bytes a pixel (red, green, blue), row by row. Gives the PSNR of the marked picture in dB.
///
/// # Errors
/// When the picture is smaller than 256 × 256, its size does not fit its bytes, or the strength is not 0.5 to 10.
pub fn embed(
    rgb: &mut [u8],
    width: usize,
    height: usize,
    payload: u64,
    secret: &Secret,
    strength: f32,
) -> Result<f64, Error> {
    size(rgb, width, height)?;
    if width < SMALLEST || height < SMALLEST {
        return Err(Error::Label(format!(
            "a picture of {width} × {height} is too small for a watermark: {SMALLEST} are wanted"
        )));
    }
    if !(0.5..=10.0).contains(&strength) {
        return Err(Error::Label(format!("a watermark's strength is 0.5 to 10, not {strength}")));
    }
    let tile = tile::Plan::new(secret).pattern(payload);
    let grey = luminance(rgb);
    let mut squares = 0.0_f64;
    for (band, rows) in rgb.chunks_mut(width * 3 * BAND).enumerate() {
        let top = band * BAND;
        let (from, to) = (top.saturating_sub(RADIUS), (top + BAND + RADIUS).min(height));
        let local = Local::of(&grey[from * width..to * width], width, to - from);
        for (i, pixel) in rows.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = (i % width, top + i / width);
            let wave = tile.get(y % TILE * TILE + x % TILE).copied().unwrap_or(0.0);
            // As loud as the area lets it be: in proportion to its activity, as the reader divides by that.
            let mask = ((local.deviation(x, y - from) + FLOOR) / 14.0).clamp(1.0, 2.0);
            let change = strength * mask * wave;
            for value in pixel {
                let new = (f32::from(*value) + change).round().clamp(0.0, 255.0);
                squares += f64::from(new - f32::from(*value)).powi(2);
                *value = new as u8;
            }
        }
    }
    let mean = squares / rgb.len() as f64;
    Ok(if mean > 0.0 { 10.0 * (255.0 * 255.0 / mean).log10() } else { f64::INFINITY })
}

fn size(rgb: &[u8], width: usize, height: usize) -> Result<(), Error> {
    let pixels = width.checked_mul(height).filter(|pixels| (1..=MOST).contains(pixels));
    match pixels {
        Some(pixels) if rgb.len() == pixels * 3 => Ok(()),
        _ => Err(Error::Label(format!("a picture of {width} × {height} pixels does not have {} bytes", rgb.len()))),
    }
}

/// Luma (ITU-R BT.601, as in JPEG).
fn luminance(rgb: &[u8]) -> Vec<f32> {
    let luma = |[r, g, b]: &[u8; 3]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b);
    rgb.as_chunks().0.iter().map(luma).collect()
}

/// Mean and deviation around each pixel, from sums over all rectangles (integral images).
struct Local {
    width: usize,
    height: usize,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Local {
    fn of(grey: &[f32], width: usize, height: usize) -> Local {
        let stride = width + 1;
        let mut sums = vec![0.0; stride * (height + 1)];
        let mut squares = sums.clone();
        for (y, row) in grey.chunks(width).enumerate() {
            let (mut sum, mut square) = (0.0, 0.0);
            for (x, value) in row.iter().enumerate() {
                let value = f64::from(*value);
                sum += value;
                square += value * value;
                let at = (y + 1) * stride + x + 1;
                sums[at] = sums[at - stride] + sum;
                squares[at] = squares[at - stride] + square;
            }
        }
        Local { width, height, sums, squares }
    }

    fn mean_and_deviation(&self, x: usize, y: usize) -> (f32, f32) {
        let (left, top) = (x.saturating_sub(RADIUS), y.saturating_sub(RADIUS));
        let (right, bottom) = ((x + RADIUS + 1).min(self.width), (y + RADIUS + 1).min(self.height));
        let stride = self.width + 1;
        let over = |table: &[f64]| {
            table[bottom * stride + right] - table[top * stride + right] - table[bottom * stride + left]
                + table[top * stride + left]
        };
        let count = ((right - left) * (bottom - top)) as f64;
        let mean = over(&self.sums) / count;
        let variance = (over(&self.squares) / count - mean * mean).max(0.0);
        (mean as f32, variance.sqrt() as f32)
    }

    fn deviation(&self, x: usize, y: usize) -> f32 {
        self.mean_and_deviation(x, y).1
    }
}

#[cfg(test)]
mod tests;
