//! Training, on the CPU and without a framework: what is trained is small, and the same seed must give the same model.

use menshen_verdict::Side;

use crate::heads::Targets;

pub mod encoder;
pub mod fast;
pub mod loss;
pub mod model;

/// One text to learn from.
#[derive(Debug, Clone)]
pub struct Example {
    /// The text.
    pub text: String,
    /// Which way it travels.
    pub side: Side,
    /// What is known of it.
    pub targets: Targets,
    /// How much it counts.
    pub weight: f32,
}

/// How far training has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being trained.
    pub stage: &'static str,
    /// Passes done.
    pub epoch: usize,
    /// Passes in all.
    pub epochs: usize,
    /// Mean loss of the last pass.
    pub loss: f64,
}

/// One step of Adam (Kingma and Ba 2014, arXiv 1412.6980) with decoupled decay; clears the gradient.
#[expect(clippy::too_many_arguments, reason = "the formula has that many terms")]
pub(crate) fn adam(
    part: &mut [f32],
    grad: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    steps: i32,
    rate: f32,
    scale: f32,
    decay: f32,
) {
    const B1: f32 = 0.9;
    const B2: f32 = 0.999;
    let (c1, c2) = (1.0 - B1.powi(steps), 1.0 - B2.powi(steps));
    for (((value, grad), m), v) in part.iter_mut().zip(grad.iter_mut()).zip(first.iter_mut()).zip(second.iter_mut()) {
        let g = *grad * scale;
        *grad = 0.0;
        *m = B1 * *m + (1.0 - B1) * g;
        *v = B2 * *v + (1.0 - B2) * g * g;
        *value -= rate * (*m / c1 / ((*v / c2).sqrt() + 1e-8) + decay * *value);
    }
}
