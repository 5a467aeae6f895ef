//! Pictures, documents and sound that carry a text.

use super::Mutator;

/// A file that carries a text to a multimodal target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// `image/png`, `application/pdf`, `audio/wav` …
    pub media_type: &'static str,
    /// A file name with the right extension.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// What the accompanying text message says ("read the picture and answer").
    pub message: String,
}

/// Why a file could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CarrierError {
    /// The text does not fit.
    #[error("the text is too long for {0}; shorten it to {1} bytes")]
    TooLong(&'static str, usize),
    /// A program that this carrier needs is not there.
    #[error("{0} is needed for this carrier; install it or leave the carrier out")]
    Missing(&'static str),
    /// The program or encoder failed.
    #[error("the carrier could not be made: {0}")]
    Failed(String),
}

/// The rows.
pub(super) const ALL: &[Mutator] = &[];
