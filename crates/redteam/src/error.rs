//! What can go wrong, named by what went wrong.

use std::path::PathBuf;

/// A failure of the red team. `Display` is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A plan cannot be read.
    #[error("{origin}: {problem}")]
    Plan {
        /// The file, with line where it is known.
        origin: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A plan names something that is not there.
    #[error("there is no {what} {name:?}; {remedy}")]
    Unknown {
        /// mutator, technique, judge, risk …
        what: &'static str,
        /// The name.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// A target cannot be set up.
    #[error("the target cannot be used: {0}")]
    Target(String),
    /// A data file of the pack cannot be read.
    #[error("{file}: {problem}")]
    Data {
        /// The file.
        file: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] menshen_store::Error),
    /// A file cannot be read or written.
    #[error("{} cannot be {doing}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// read, written
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Something of the run does not fit what is asked of it now.
    #[error("{0}")]
    Mismatch(String),
}
