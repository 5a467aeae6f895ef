//! The fast Fourier transform of a tile (Cooley and Tukey, radix 2).

use std::f64::consts::TAU;

use super::TILE;

/// A complex number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) fn turn(angle: f64) -> Complex {
        Complex { re: angle.cos(), im: angle.sin() }
    }

    pub(super) fn conj(self) -> Complex {
        Complex { re: self.re, im: -self.im }
    }

    pub(super) fn times(self, other: Complex) -> Complex {
        Complex { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    pub(super) fn scaled(self, by: f64) -> Complex {
        Complex { re: self.re * by, im: self.im * by }
    }

    pub(super) fn size(self) -> f64 {
        self.re.hypot(self.im)
    }
}

/// Transforms a tile in place, row by row and then column by column; `inverse` without the division by the number of
/// values.
pub(super) fn transform(tile: &mut [Complex], inverse: bool) {
    let turns: Vec<Complex> =
        (0..TILE / 2).map(|i| Complex::turn(i as f64 * TAU / TILE as f64 * if inverse { 1.0 } else { -1.0 })).collect();
    for row in tile.chunks_mut(TILE) {
        line(row, &turns);
    }
    let mut column = vec![Complex::default(); TILE];
    for x in 0..TILE {
        for (slot, value) in column.iter_mut().zip(tile.iter().skip(x).step_by(TILE)) {
            *slot = *value;
        }
        line(&mut column, &turns);
        for (slot, value) in tile.iter_mut().skip(x).step_by(TILE).zip(&column) {
            *slot = *value;
        }
    }
}

fn line(values: &mut [Complex], turns: &[Complex]) {
    let bits = TILE.trailing_zeros();
    for i in 0..values.len() {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let mut half = 1;
    while half < TILE {
        for block in values.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (i, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = b.times(turns[i * (TILE / 2 / half)]);
                *b = Complex { re: a.re - turned.re, im: a.im - turned.im };
                *a = Complex { re: a.re + turned.re, im: a.im + turned.im };
            }
        }
        half *= 2;
    }
}
