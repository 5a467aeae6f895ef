//! Judges: models that read a text and say how likely each label holds.
//!
//! A judge never decides what to do about a text: that is policy's work. Two kinds sit here. A *native* judge
//! implements [`Judge`] and runs inside the process, synchronously: [`cascade::Cascade`] runs a [`pack::ModelPack`], a
//! bag of n-grams first and a small encoder for what that leaves open. This crate trains them too ([`train`]), from
//! [`seeds`] and other labelled texts by a [`recipe`], measures them ([`evaluate()`](evaluate::evaluate)) and is the
//! only one that knows how they compute. A *remote* judge is a guard model behind an OpenAI-compatible API: [`remote`]
//! writes the request body and reads the answer, as pure functions. The caller owns the connection, the time budget and
//! what happens when it is down.
//!
//! An answer that cannot be read is an error, never "safe".
//!
//! ```
//! use menshen_judge::remote::{Format, parse};
//! use menshen_verdict::Risk;
//! let labels = parse(Format::LlamaGuard, "unsafe\nS9").unwrap();
//! assert_eq!(labels.risks[0].id, Risk::A1d);
//! assert!(parse(Format::LlamaGuard, "I think this is fine").is_err());
//! ```

use menshen_verdict::{Labels, Role, Segment, Side};

pub mod calibrate;
pub mod card;
pub mod cascade;
pub mod dataset;
pub mod distill;
pub mod encoder;
pub mod evaluate;
pub mod evasion;
pub mod fast;
pub mod heads;
pub mod metrics;
pub mod near_duplicates;
mod ops;
pub mod pack;
mod reading;
pub mod recipe;
pub mod remote;
pub mod report;
pub mod seeds;
pub mod shipped;
pub mod train;

pub use reading::Reading;

/// What a judge is asked about.
#[derive(Debug, Clone, Copy)]
pub struct JudgeInput<'a> {
    /// The text to judge, exactly as the client or the model wrote it.
    pub text: &'a str,
    /// Which way it travels.
    pub side: Side,
    /// Who wrote it.
    pub role: Role,
    /// What was said before it, in reading order; empty for bare text.
    pub history: &'a [Segment],
}

impl<'a> JudgeInput<'a> {
    /// A bare text without history.
    pub const fn of_text(text: &'a str, side: Side, role: Role) -> Self {
        JudgeInput { text, side, role, history: &[] }
    }
}

/// A model that runs in the process.
///
/// Implementations must be deterministic for one build and one model file, and must return an error rather than
/// guess when they cannot judge: the caller reports the judge as unavailable and policy says open or closed.
pub trait Judge: Send + Sync {
    /// A short stable name such as `fast`; it appears in the stages as `judge.fast`.
    fn name(&self) -> &str;

    /// From which [`Labels::unsafe_answer`] a scorer, for whom both errors weigh alike, calls an answer unsafe. A guard asks
    /// for more. Absent: nobody chose one.
    fn unsafe_from(&self) -> Option<f32> {
        None
    }

    /// Fills the heads this judge has and leaves the others absent.
    ///
    /// # Errors
    /// Any [`JudgeError`]; none of them may be read as "safe".
    fn judge(&self, input: &JudgeInput<'_>) -> Result<Labels, JudgeError>;

    /// A cheap first opinion on text that is still growing, or `None` where the judge has no cheap one. What it says is
    /// superseded by [`Judge::judge`] on the whole.
    fn glance(&self, _text: &str, _side: Side) -> Option<Labels> {
        None
    }

    /// From which scores on the judge calls a text risky, and an attack: with these a reader of labels alone knows what
    /// the judge decided. Scores of 1 are never reached.
    fn called_from(&self) -> (f32, f32) {
        (1.0, 1.0)
    }
}

/// Why a judge gave no labels. No variant carries text of the conversation or of the model's answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// The remote model's answer is not in its format.
    #[error("the answer is not {format}: {why}")]
    Garbled {
        /// The format that was expected.
        format: remote::Format,
        /// What was wrong with it.
        why: &'static str,
    },
    /// The text is longer than the model reads.
    #[error("the text has {bytes} bytes, the model reads {limit_bytes}")]
    TooLong {
        /// Bytes of the text.
        bytes: usize,
        /// Bytes the model reads.
        limit_bytes: usize,
    },
    /// The model itself failed.
    #[error("the model failed")]
    Model(#[source] Box<dyn std::error::Error + Send + Sync>),
}
