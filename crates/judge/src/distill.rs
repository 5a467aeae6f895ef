//! Distillation: a large teacher model writes and labels what the small judges learn from.
//!
//! Three steps, each a pure function of its plan and of the teacher's answers: [`plan`] asks for seeds cell by cell
//! and [`candidates`] keeps what is usable; [`review`] hands them to people and takes them back; [`labels`] has mass
//! data labelled, several votes a text. Nothing here opens a connection or a file: the caller sends what
//! [`questions::Course::next`] asks for and appends what came back to a [`ledger::Ledger`]. Everything else is computed
//! from the ledger, so a run that was killed goes on where it stopped and ends with the same bytes.
//!
//! The teacher's words are material. They are parsed, measured and filtered, never obeyed, and never trusted to be in
//! the shape that was asked for.
//!
//! Asking a model for instructions from a few examples is self-instruct (Wang et al. 2022, arXiv 2212.10560);
//! varying attributes such as scene, style and length in the prompt is from Yu et al. 2023 (arXiv 2306.15895), who
//! show that it widens what comes back more than temperature does.

use serde::Serialize;

pub mod answer;
pub mod candidates;
pub mod config;
pub mod export;
pub mod labels;
pub mod ledger;
pub mod manifest;
pub mod plan;
pub mod questions;
pub mod review;
pub mod section;

/// Why distillation cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// The configuration says something that cannot be done.
    #[error("{file}: {reason}")]
    Config {
        /// The file.
        file: String,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// A line of a JSONL file is not what it should be.
    #[error("{file}:{line}: {reason}; correct or remove the line")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Nothing is left to ask.
    #[error("the plan asks for nothing: {0}")]
    NothingToAsk(String),
    /// Something could not be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// The blake3 hash of some bytes, in hex.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// A short stable id of a text: 16 hex digits of the hash of what tells it apart.
pub fn short_id(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

/// Writes values as JSON Lines.
///
/// # Errors
/// When a value is not JSON, which its type should have prevented.
pub fn to_jsonl<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<String, DistillError> {
    let mut out = String::new();
    for value in values {
        out.push_str(&serde_json::to_string(&value)?);
        out.push('\n');
    }
    Ok(out)
}

/// Reads JSON Lines that a killed program may have left in the middle of one: what stands behind the last line break
/// is not read. Gives the values and how many bytes of the file are whole.
///
/// # Errors
/// When a whole line is not a value: somebody edited the file.
pub fn from_jsonl<T: serde::de::DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<(Vec<T>, usize), DistillError> {
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let mut values = Vec::new();
    for (i, line) in bytes.get(..whole).unwrap_or_default().split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value = serde_json::from_slice(line).map_err(|e| DistillError::Line {
            file: file.to_owned(),
            line: i + 1,
            reason: format!("not a record of this file: {e}"),
        })?;
        values.push(value);
    }
    Ok((values, whole))
}

/// Whether a text is written in a language, by its share of Han characters among letters: at least half for `zh`
/// (product names and code are often Latin), at most a tenth for `en`.
pub fn is_in(lang: &str, text: &str) -> bool {
    let (mut han, mut letters) = (0_usize, 0_usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        han += usize::from(menshen_text::is_han(c));
    }
    match lang {
        "zh" => letters > 0 && han * 2 >= letters,
        _ => letters > 0 && han * 10 <= letters,
    }
}

/// The language of a text that does not say so itself.
pub fn lang_of(text: &str) -> &'static str {
    if is_in("en", text) { "en" } else { "zh" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_not_read_and_a_wrong_whole_line_is_named() {
        let (values, whole) = from_jsonl::<u32>("f", b"1\n\n2\n3").unwrap();
        assert_eq!((values, whole), (vec![1, 2], 5));
        let error = from_jsonl::<u32>("f", b"1\nx\n").unwrap_err();
        assert!(error.to_string().starts_with("f:2: "), "{error}");
        assert_eq!(from_jsonl::<u32>("f", b"\xff\xfe").unwrap().1, 0);
    }

    #[test]
    fn languages_are_told_by_their_letters() {
        assert!(is_in("zh", "帮我写个Python脚本抓取网页数据"));
        assert!(!is_in("zh", "how do I do this"));
        assert!(is_in("en", "What does 门 mean in this sentence?"));
        assert!(!is_in("en", "这是什么"));
        assert!(!is_in("zh", "12345") && !is_in("en", "12345"));
    }
}
