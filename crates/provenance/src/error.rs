//! Why a label could not be read or written.

/// What went wrong. The file was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is cut off, or says something impossible of itself.
    #[error("the {format} file is damaged at byte {at}: {problem}")]
    Damaged {
        /// The format.
        format: &'static str,
        /// Where.
        at: u64,
        /// What.
        problem: String,
    },
    /// The file is sound, and of a variant that cannot be rewritten safely.
    #[error("this {format} file cannot be labelled: {problem}")]
    Unsupported {
        /// The format.
        format: &'static str,
        /// Why, and what to do instead.
        problem: String,
    },
    /// The format is not known.
    #[error("the format of the file is not known; say which with its ending, or label a format of the table")]
    UnknownFormat,
    /// What was written cannot be read back.
    #[error(
        "the label was written into this {format} file and could not be read back ({found} were found); the file is left as it was"
    )]
    Lost {
        /// The format.
        format: &'static str,
        /// How many labels were found.
        found: usize,
    },
    /// The label itself is wrong.
    #[error("the label is wrong: {0}")]
    Label(String),
    /// The C2PA manifest store of the file cannot be read.
    #[error("the Content Credentials (C2PA) of the file cannot be read: {0}")]
    Credentials(String),
    /// Content Credentials could not be made, or what was made does not verify.
    #[error("the file was not signed: {0}")]
    Signing(String),
    /// A limit on hostile input was met.
    #[error("the {format} file asks for too much: {problem}")]
    TooMuch {
        /// The format.
        format: &'static str,
        /// Which limit.
        problem: String,
    },
    /// A list of marks of generators is wrong.
    #[error("the list of generators' marks is wrong: {0}")]
    Markers(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
