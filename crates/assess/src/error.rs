//! What can go wrong in an assessment.

use std::fmt;

/// Why a command of the assessment failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A bank, profile, declaration or reviewer's file is wrong: every wrong row is named, and nothing was taken in.
    #[error("{origin}: {problems}")]
    Data {
        /// The file.
        origin: String,
        /// What is wrong, row by row.
        problems: Problems,
    },
    /// There is no such run, bank, profile or question.
    #[error("{0}")]
    NotFound(String),
    /// What is asked for does not fit what is there.
    #[error("{0}")]
    Unusable(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store failed.
    #[error("the store of assessments failed")]
    Store(#[from] menshen_store::Error),
    /// The target or a judge cannot be set up.
    #[error(transparent)]
    Redteam(#[from] menshen_redteam::Error),
}

impl Error {
    /// Of one problem in a file.
    pub fn data(origin: impl Into<String>, problem: impl Into<String>) -> Error {
        Error::Data { origin: origin.into(), problems: Problems(vec![problem.into()]) }
    }

    /// Of a file.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Error {
        Error::File { path: path.display().to_string(), source }
    }
}

/// What is wrong with a file, one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Problems {
    /// Notes a problem of a row (1 is the first).
    pub fn row(&mut self, row: usize, problem: impl fmt::Display) {
        self.0.push(format!("row {row}: {problem}"));
    }

    /// `value` when there is no problem, else [`Error::Data`].
    ///
    /// # Errors
    /// When there is any problem.
    pub fn or<T>(self, origin: &str, value: T) -> Result<T, Error> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Data { origin: origin.to_owned(), problems: self }) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 50;
        for (i, problem) in self.0.iter().take(SHOWN).enumerate() {
            if i > 0 {
                f.write_str("\n  ")?;
            }
            f.write_str(problem)?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
