//! Pictures, documents and sound that carry a text.
//!
//! Everything is made in this process but for speech, which needs the `espeak-ng` program. Characters are drawn from GNU
//! Unifont, which covers Chinese; its glyphs are under the SIL Open Font License 1.1 (or GPL 2+ with the font exception).

use fastrand::Rng;
use menshen_verdict::Attack;

use super::{Apply, Group, Mutator, Reverse};

mod audio;
mod bundle;
mod canvas;
mod font;
mod hidden;
mod images;
mod office;
mod pdf;
mod plain;
mod qr;
mod rows;
mod svg;
#[cfg(test)]
mod tests;

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
pub(super) const ALL: &[Mutator] = rows::ALL;

type Make = fn(&str, &mut Rng) -> Result<Carrier, CarrierError>;

/// A row of this chapter.
const fn row(
    id: &'static str,
    attack: Attack,
    zh: &'static str,
    en: &'static str,
    source: &'static str,
    peers: &'static [&'static str],
    make: Make,
) -> Mutator {
    Mutator {
        id,
        group: Group::Carrier,
        attack,
        zh,
        en,
        source,
        peers,
        apply: Apply::Carrier(make),
        reverse: Reverse::No,
    }
}

/// The failure of an encoder.
fn failed(error: impl std::fmt::Display) -> CarrierError {
    CarrierError::Failed(error.to_string())
}

/// A text with something in it that is at most so long.
fn fits<'a>(text: &'a str, what: &'static str, max_bytes: usize) -> Result<&'a str, CarrierError> {
    if text.trim().is_empty() {
        return Err(CarrierError::Failed("there is no text to carry".to_owned()));
    }
    if text.len() > max_bytes { Err(CarrierError::TooLong(what, max_bytes)) } else { Ok(text) }
}

/// Is there a Chinese character in it? Then the message is Chinese, too.
fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}'))
}

/// What is said in the language of the text.
fn say(text: &str, zh: &str, en: &str) -> String {
    if is_chinese(text) { zh.to_owned() } else { en.to_owned() }
}

/// The text cut in two in the middle, at a character.
fn halves(text: &str) -> (&str, &str) {
    let middle = text.char_indices().nth(text.chars().count().div_ceil(2)).map_or(text.len(), |(at, _)| at);
    text.split_at_checked(middle).unwrap_or((text, ""))
}

/// A text as XML and HTML want it: escaped, without the characters that XML 1.0 (section 2.2) does not admit.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}
