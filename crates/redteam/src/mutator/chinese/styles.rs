//! Other words for the same: classical, dialects, English, digits, slang. Rules and tables only.

use std::sync::LazyLock;

use fastrand::Rng;
use menshen_text::is_han;

use super::super::words::tool::{self, Table};

macro_rules! by_table {
    ($name:ident, $file:literal, $chance:literal) => {
        pub(super) fn $name(text: &str, rng: &mut Rng) -> Option<String> {
            static TABLE: LazyLock<Table> =
                LazyLock::new(|| Table::parse(include_str!(concat!("../../../data/chinese/", $file, ".tsv"))));
            TABLE.rewrite(text, $chance, rng)
        }
    };
}

by_table!(classical_words, "classical", 1.0);
by_table!(cantonese, "cantonese", 1.0);
by_table!(sichuan, "sichuan", 1.0);
by_table!(northeast, "northeast", 1.0);
by_table!(digits, "digits", 1.0);
by_table!(slang, "slang", 1.0);

/// Classical words, and a particle at the end of each sentence.
pub(super) fn classical(text: &str, rng: &mut Rng) -> Option<String> {
    if !text.contains(is_han) {
        return None;
    }
    let words = classical_words(text, rng).unwrap_or_else(|| text.to_owned());
    let mut out = String::with_capacity(words.len() + 8);
    for c in words.chars().filter(|c| *c != ' ') {
        if out.ends_with(is_han) && !out.ends_with(['也', '乎', '哉', '耶', '矣', '何']) {
            match c {
                '。' | '.' => out.push('也'),
                '？' | '?' => out.push('乎'),
                '！' | '!' => out.push('哉'),
                _ => {}
            }
        }
        out.push(c);
    }
    if out.ends_with(is_han) && !out.ends_with(['也', '乎', '哉', '耶', '矣', '何']) {
        out.push_str("也。");
    }
    tool::changed(text, out)
}

/// Where an English word begins or ends; a private character that texts do not have.
const MARK: char = '\u{F8FE}';

/// English words among the Chinese ones, apart from them as bilingual writers do.
pub(super) fn english(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/chinese/english.tsv")));
    let written = TABLE.rewrite_marked(text, MARK, rng)?;
    let mut out = String::with_capacity(written.len());
    let mut marked = false;
    for c in written.chars() {
        if c == MARK {
            marked = true;
            continue;
        }
        if marked && c.is_alphanumeric() && out.ends_with(char::is_alphanumeric) {
            out.push(' ');
        }
        marked = false;
        out.push(c);
    }
    tool::changed(text, out)
}
