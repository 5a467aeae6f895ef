//! What can go wrong outside pack files: reading and writing spreadsheets.

use std::fmt;

/// A spreadsheet that could not be read or written. Nothing of it was taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is larger than [`crate::table::MAX_BYTES`], packed or unpacked.
    #[error("the file is too large: more than {max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        max: u64,
    },
    /// The table has more rows than [`crate::table::MAX_ROWS`].
    #[error("the table has more than {max} rows: split it")]
    TooManyRows {
        /// The limit.
        max: usize,
    },
    /// The CSV file is not UTF-8.
    #[error("line {line} is not UTF-8: save the file as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The first line that is not, from 1.
        line: usize,
    },
    /// The CSV file is broken.
    #[error("the CSV file is broken")]
    Csv(#[source] csv::Error),
    /// The workbook is broken or is no workbook.
    #[error("the workbook cannot be read: {0}")]
    Workbook(String),
    /// The first row does not name the columns.
    #[error("row 1: {message}; the columns are {columns}", columns = crate::answers::table::column_names())]
    Header {
        /// What is wrong.
        message: String,
    },
    /// Rows with errors, all of them.
    #[error("{} row error(s), first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Rows(Vec<RowProblem>),
    /// The table could not be written.
    #[error("the table cannot be written: {0}")]
    Write(String),
}

/// One complaint about one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The row as spreadsheets count: the header is row 1.
    pub row: usize,
    /// The column's name.
    pub column: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, {}: {} ({})", self.row, self.column, self.message, self.remedy)
    }
}
