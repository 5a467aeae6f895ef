//! Keyword lists as things to be made, counted and thinned out.
//!
//! Public lists come in as many layouts as there are owners, hold ordinary words beside telling ones, and are written
//! once and never measured. This module reads them ([`import`]) into the format that packs use ([`write`]), says what a set of lists
//! holds and whether it is what TC260-003 asks for ([`Census`]), and counts in how many ordinary texts each word is
//! found by the very readings that the engine uses ([`Trial`]), so that words which hit too often can be thinned out
//! ([`rewrite`]).
//!
//! It does no I/O: files come as bytes and go as text.
//!
//! ```
//! use menshen_detect::lexicon::{Colour, Head, Options, import, write};
//!
//! let list = "\u{feff}甲词,3\r\n乙词,7\r\n123,9\r\n".as_bytes();
//! let imported = import(&[("list.txt", list)], &Options::default())?;
//! let words: Vec<&str> = imported.words.iter().map(|w| w.text.as_str()).collect();
//! assert_eq!(words, ["甲词", "乙词"]);
//!
//! let head = Head { id: "kw.mine".into(), colour: Colour::Grey, ..Head::default() };
//! assert_eq!(write(&head, &words), "# id: kw.mine\n# colour: grey\n# level: related\n甲词\n乙词\n");
//! # Ok::<(), menshen_detect::lexicon::Error>(())
//! ```

mod base64;
mod census;
mod clean;
mod encoding;
mod entry;
mod import;
mod layout;
mod rewrite;
mod trial;
mod write;

pub use crate::keyword_file::Colour;
pub use census::{Census, ListCount, Minimum, RiskCount, TOTAL_MINIMUM};
pub use clean::Reason;
pub use encoding::Encoding;
pub use entry::{Entry, entries};
pub use import::{FileReport, Imported, Options, Word, import};
pub use layout::{Column, Format};
pub use rewrite::{Rewritten, grey_list, rewrite};
pub use trial::{Action, Limits, Proposal, READINGS, Tally, Trial, wilson_lower};
pub use write::{Head, write};

/// Why a list cannot be read. `Display` says what to do about it; the caller names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not text in the encoding.
    #[error("{file} is not {encoding} text; say which it is with --encoding, or convert it")]
    Encoding {
        /// The file's name.
        file: String,
        /// What was tried.
        encoding: &'static str,
    },
    /// The JSON is broken.
    #[error("{file} is not JSON")]
    Json {
        /// The file's name.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The CSV is broken.
    #[error("{file} is not CSV")]
    Csv {
        /// The file's name.
        file: String,
        /// Where and why.
        source: csv::Error,
    },
    /// The column that was asked for is not there.
    #[error("{file} has no column {column}")]
    Column {
        /// The file's name.
        file: String,
        /// As it was asked for.
        column: String,
    },
    /// The words do not compile.
    #[error("the words do not compile: {0}")]
    Compile(String),
}
