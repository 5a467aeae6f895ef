//! Dense arithmetic on slices: matrix products (by [`ndarray`], which blocks them for the machine's vectors), layer
//! normalisation, GELU.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

/// A matrix that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a>(Option<ArrayView2<'a, f32>>);

impl<'a> Matrix<'a> {
    /// `rows` × `columns` numbers, one row after the other.
    pub(crate) fn of(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Matrix(ArrayView2::from_shape((rows, columns), data.get(..rows * columns).unwrap_or_default()).ok())
    }

    /// A block of a wider matrix: `rows` × `columns` numbers, rows `stride` apart, from column `offset`.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize, offset: usize) -> Self {
        let data = data.get(offset..).unwrap_or_default();
        Matrix(ArrayView2::from_shape((rows, columns).strides((stride, 1)), data).ok())
    }

    /// Rows for columns.
    pub(crate) fn transposed(self) -> Self {
        Matrix(self.0.map(|m| m.reversed_axes()))
    }
}

/// `out = a · b + beta · out`. A matrix that is not of its size leaves `out` alone; sizes come from shapes that are
/// checked when a model is loaded.
pub(crate) fn matmul(a: Matrix<'_>, b: Matrix<'_>, out: &mut [f32], beta: f32) {
    let (Some(a), Some(b)) = (a.0, b.0) else { return };
    let (rows, columns) = (a.nrows(), b.ncols());
    let Some(out) = out.get_mut(..rows * columns) else { return };
    if let Ok(mut out) = ArrayViewMut2::from_shape((rows, columns), out)
        && a.ncols() == b.nrows()
    {
        general_mat_mul(1.0, &a, &b, beta, &mut out);
    }
}

/// Adds a bias to each row.
pub(crate) fn add_bias(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len().max(1)) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x += b;
        }
    }
}

/// Sums are kept in this many lanes, which the compiler makes a vector: one running sum would wait for itself.
const LANES: usize = 8;

/// The sum of `term(a, b)` over two slices of one length.
fn fold(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += term(*a, *b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| term(*a, *b)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The sum of a slice.
pub(crate) fn sum(a: &[f32]) -> f32 {
    fold(a, a, |a, _| a)
}

/// The scalar product of two slices of one length.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, |a, b| a * b)
}

/// The largest number of a slice; minus infinity where there is none.
pub(crate) fn largest(a: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = a.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, a) in lanes.iter_mut().zip(chunk) {
            *lane = if *a > *lane { *a } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

const EPSILON: f32 = 1e-5;

/// Layer normalisation (Ba et al. 2016, arXiv 1607.06450) of each row. `out` takes the result, `scales` for each row
/// what it was divided by, inverted.
pub(crate) fn normalise(x: &[f32], gain: &[f32], bias: &[f32], out: &mut Vec<f32>, scales: &mut Vec<f32>) {
    let d = gain.len().max(1);
    out.clear();
    out.reserve(x.len());
    scales.clear();
    for row in x.chunks_exact(d) {
        let mean = sum(row) / d as f32;
        let spread = fold(row, row, |v, _| (v - mean) * (v - mean)) / d as f32;
        let scale = 1.0 / (spread + EPSILON).sqrt();
        scales.push(scale);
        out.extend(row.iter().zip(gain).zip(bias).map(|((v, g), b)| (v - mean) * scale * g + b));
    }
}

/// Back through [`normalise`]: adds to `d_x`, `d_gain` and `d_bias`.
pub(crate) fn normalise_back(
    x: &[f32],
    gain: &[f32],
    scales: &[f32],
    d_out: &[f32],
    d_x: &mut [f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
) {
    let d = gain.len().max(1);
    let mut slopes = Vec::with_capacity(d);
    for (((row, scale), d_out), d_x) in
        x.chunks_exact(d).zip(scales).zip(d_out.chunks_exact(d)).zip(d_x.chunks_exact_mut(d))
    {
        let mean = sum(row) / d as f32;
        slopes.clear();
        slopes.extend(d_out.iter().zip(gain).map(|(o, g)| o * g));
        let along = fold(row, &slopes, |v, slope| (v - mean) * scale * slope) / d as f32;
        let level = sum(&slopes) / d as f32;
        for (((((v, g), o), dx), dg), db) in
            row.iter().zip(gain).zip(d_out).zip(d_x).zip(d_gain.iter_mut()).zip(d_bias.iter_mut())
        {
            let normal = (v - mean) * scale;
            *dx += scale * (o * g - level - normal * along);
            *dg += o * normal;
            *db += o;
        }
    }
}

const ROOT: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// The exponential function by range reduction and a polynomial (Cody and Waite; the coefficients of Cephes' `expf`),
/// exact to 3e-7 of its value. It has no branch and calls nothing, so loops over it become vector code, and it gives the
/// same bits on every machine, which the library's does not.
pub(crate) fn exp(x: f32) -> f32 {
    /// Added and taken away again, it rounds to a whole number, which its last bits then are.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_65;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    p * f32::from_bits(exponent)
}

/// Hyperbolic tangent by one exponential; exact to 1e-6.
fn tanh(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    ((1.0 - e) / (1.0 + e)).copysign(x)
}

/// The Gaussian error linear unit, in its tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415).
pub(crate) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + tanh(ROOT * (x + CUBIC * x * x * x)))
}

/// The slope of [`gelu`].
pub(crate) fn gelu_slope(x: f32) -> f32 {
    let t = tanh(ROOT * (x + CUBIC * x * x * x));
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * CUBIC * x * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_plain_strided_and_transposed() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [0.0; 4];
        // [1 2; 4 5] · [2 5; 3 6]ᵀ… the right one is columns 1..3 of `a`, transposed.
        matmul(Matrix::strided(&a, 2, 2, 3, 0), Matrix::strided(&a, 2, 2, 3, 1).transposed(), &mut out, 0.0);
        assert_eq!(out, [8.0, 17.0, 23.0, 50.0]);
        matmul(Matrix::of(&a, 2, 3), Matrix::of(&a, 3, 2), &mut out, 1.0);
        assert_eq!(out, [8.0 + 22.0, 17.0 + 28.0, 23.0 + 49.0, 50.0 + 64.0]);
    }

    #[test]
    fn sums_in_lanes_are_sums() {
        for n in 0..40_u16 {
            let a: Vec<f32> = (0..n).map(|i| f32::from(i * 7 % 13) - 5.0).collect();
            let b: Vec<f32> = (0..n).map(|i| f32::from(i * 5 % 11) - 4.0).collect();
            assert_eq!(sum(&a), a.iter().sum::<f32>());
            assert_eq!(dot(&a, &b), a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>());
            assert_eq!(largest(&a), a.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }

    #[test]
    fn the_exponential_is_the_library_s() {
        for step in -8_700..=8_800_i16 {
            let x = f32::from(step) / 100.0;
            let (ours, theirs) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((ours / theirs - 1.0).abs() < 3e-7, "{x}: {ours} {theirs}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 2e-38 && exp(f32::INFINITY).is_finite() && exp(f32::NAN).is_nan());
    }

    #[test]
    fn slopes_are_slopes() {
        for x in [-3.0_f32, -0.7, 0.0, 0.4, 2.5] {
            let slope = (gelu(x + 1e-2) - gelu(x - 1e-2)) / 2e-2;
            assert!((slope - gelu_slope(x)).abs() < 1e-3, "{x}");
        }
    }
}
