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

const EPSILON: f32 = 1e-5;

/// Layer normalisation (Ba et al. 2016, arXiv 1607.06450) of each row. `out` takes the result, `scales` for each row
/// what it was divided by, inverted.
pub(crate) fn normalise(x: &[f32], gain: &[f32], bias: &[f32], out: &mut Vec<f32>, scales: &mut Vec<f32>) {
    let d = gain.len().max(1);
    out.clear();
    out.reserve(x.len());
    scales.clear();
    for row in x.chunks_exact(d) {
        let mean = row.iter().sum::<f32>() / d as f32;
        let spread = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / d as f32;
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
    for (((row, scale), d_out), d_x) in
        x.chunks_exact(d).zip(scales).zip(d_out.chunks_exact(d)).zip(d_x.chunks_exact_mut(d))
    {
        let mean = row.iter().sum::<f32>() / d as f32;
        let (mut sum, mut dot) = (0.0, 0.0);
        for ((v, g), o) in row.iter().zip(gain).zip(d_out) {
            let normal = (v - mean) * scale;
            sum += o * g;
            dot += o * g * normal;
        }
        let (sum, dot) = (sum / d as f32, dot / d as f32);
        for (((((v, g), o), dx), dg), db) in
            row.iter().zip(gain).zip(d_out).zip(d_x).zip(d_gain.iter_mut()).zip(d_bias.iter_mut())
        {
            let normal = (v - mean) * scale;
            *dx += scale * (o * g - sum - normal * dot);
            *dg += o * normal;
            *db += o;
        }
    }
}

const ROOT: f32 = 0.797_884_6;
const CUBIC: f32 = 0.044_715;

/// Hyperbolic tangent by one exponential; exact to 1e-6 and faster than the library's.
fn tanh(x: f32) -> f32 {
    let e = (-2.0 * x.abs()).exp();
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
    fn slopes_are_slopes() {
        for x in [-3.0_f32, -0.7, 0.0, 0.4, 2.5] {
            let slope = (gelu(x + 1e-2) - gelu(x - 1e-2)) / 2e-2;
            assert!((slope - gelu_slope(x)).abs() < 1e-3, "{x}");
        }
    }
}
