//! When a word whose characters do not stand side by side is still that word.
//!
//! `法*轮*功` is; a word that a comma or the end of a sentence runs through is chance. English words fall apart into
//! other words so easily that they count only when all their letters are spaced out or nothing but punctuation stands
//! between them.

use std::ops::Range;

use menshen_text::{Gap, View, is_han};

use crate::keywords::Tail;

/// The most bytes that may stand between two characters of a word.
const MAX_GAP_BYTES: usize = 24;
/// Words of fewer characters may not run over the end of a sentence or clause.
const MIN_LONG_CHARS: u16 = 4;
/// Shorter ASCII words, spaced out, are initials.
const MIN_SPACED_ASCII: u16 = 3;

/// Pinyin without spaces is looked back over this far.
const MAX_SYLLABLES_CHARS: usize = 64;

/// What the rules need to know of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    chars: u16,
    ascii: bool,
    /// Its first (last) character would continue a word of letters before (after) it.
    wordy_start: bool,
    wordy_end: bool,
}

/// The most bytes of original text that a word of so many characters can span in a tight reading. A character is at
/// most four bytes, a split one two characters.
pub(crate) const fn widest_bytes(chars: usize) -> usize {
    chars * (8 + MAX_GAP_BYTES)
}

/// Letters and digits of scripts that put spaces between words.
fn is_wordy(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{52f}') && c.is_alphabetic()
}

impl Shape {
    pub(crate) fn of(word: &str) -> Self {
        Shape {
            chars: u16::try_from(word.chars().count()).unwrap_or(u16::MAX),
            ascii: word.is_ascii(),
            wordy_start: word.chars().next().is_some_and(is_wordy),
            wordy_end: word.chars().next_back().is_some_and(is_wordy),
        }
    }

    /// Whether the word at `range` is not a piece of a longer word.
    pub(crate) fn stands_alone(&self, text: &str, range: &Range<usize>) -> bool {
        let before = || text[..range.start].chars().next_back().is_some_and(is_wordy);
        let after = || text[range.end..].chars().next().is_some_and(is_wordy);
        !(self.wordy_start && before() || self.wordy_end && after())
    }
}

/// Whether the word at `range` of a view without separators counts. With `apart`, only if something was removed from
/// between its characters (else it has been found already).
pub(crate) fn allow(shape: &Shape, view: &View, range: &Range<usize>, original: &str, apart: bool) -> bool {
    if shape.chars < 2 {
        return false;
    }
    let word = &view.text[range.clone()];
    let mut everywhere = true;
    let mut gaps = 0;
    let mut punctuated = true;
    let mut before = range.start;
    for (at, _) in word.char_indices().skip(1) {
        let at = range.start + at;
        match view.gap_before(at) {
            Gap::None => everywhere = false,
            Gap::Sentence if shape.chars < MIN_LONG_CHARS => return false,
            gap => {
                gaps += 1;
                punctuated &= gap == Gap::Soft;
                let between = view.origin(before..at).end..view.origin(at..at + 1).start;
                let between = original.get(between).unwrap_or_default();
                if between.len() > MAX_GAP_BYTES || shape.chars < MIN_LONG_CHARS && between.contains(ends_clause) {
                    return false;
                }
            }
        }
        before = at;
    }
    if gaps == 0 {
        return !apart && shape.stands_alone(&view.text, range);
    }
    let edge = |at: usize, c: Option<char>| view.gap_before(at) != Gap::None || !c.is_some_and(is_wordy);
    let starts = !shape.wordy_start || edge(range.start, view.text[..range.start].chars().next_back());
    let ends = !shape.wordy_end || edge(range.end, view.text[range.end..].chars().next());
    let spaced = !shape.ascii || shape.chars >= MIN_SPACED_ASCII && (everywhere || punctuated);
    starts && ends && spaced
}

fn ends_clause(c: char) -> bool {
    matches!(c, ',' | '，' | '、' | ':' | '：' | '(' | ')' | '（' | '）' | '"' | '“' | '”' | '《' | '》' | '\n')
}

/// Where in the original an unfinished word at the end of a view begins; the original's length when there is none.
pub(crate) fn unfinished(view: &View, tail: Tail, original: &str) -> usize {
    if tail.depth == 0 {
        return original.len();
    }
    let text = &view.text[..tail.at];
    let start = text.char_indices().rev().take(tail.depth).last().map_or(0, |(at, _)| at);
    let span = view.origin(start..tail.at);
    if original.len().saturating_sub(span.end) > MAX_GAP_BYTES { original.len() } else { span.start }
}

/// Where the last syllable in Latin letters, the last Han character and the last but one begin, if the text ends in
/// them: the places from which what follows may change how it reads.
pub(crate) fn open_ends(original: &str) -> [Option<usize>; 3] {
    let latin = |c: char| c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{24f}' | '\u{300}'..='\u{36f}');
    let back = || original.char_indices().rev();
    let syllable = back().take(MAX_SYLLABLES_CHARS).take_while(|(_, c)| latin(*c)).last().map(|(at, _)| at);
    // Only separators may stand between the halves of a split character.
    let end = original.len();
    let mut halves = back()
        .take_while(|(at, c)| is_han(*c) || !c.is_alphanumeric() && end - at - c.len_utf8() <= 2 * MAX_GAP_BYTES)
        .filter(|(_, c)| is_han(*c));
    [syllable, halves.next().map(|(at, _)| at), halves.next().map(|(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_text::Folder;

    fn allowed(word: &str, text: &str) -> bool {
        let folder = Folder::shared();
        let view = folder.tight(&folder.fold(text)).unwrap();
        let at = view.text.find(word).unwrap();
        allow(&Shape::of(word), &view, &(at..at + word.len()), text, true)
    }

    #[test]
    fn chinese_words_survive_separators_but_not_sentences() {
        assert!(allowed("坏词", "这是坏*词啊"));
        assert!(allowed("坏词", "这是坏 词啊"));
        assert!(!allowed("坏词", "东西坏。词典"));
        assert!(!allowed("坏词", "东西坏，词典"));
        assert!(allowed("很坏的词", "很坏。的词"));
        assert!(!allowed("坏词", "坏........................................词"));
    }

    #[test]
    fn english_words_must_be_spaced_out_or_punctuated_throughout() {
        assert!(allowed("kill", "k i l l him"));
        assert!(allowed("kill", "k.i.l.l!"));
        assert!(allowed("kill", "ki-ll"));
        assert!(!allowed("kill", "ski lly"));
        assert!(!allowed("kill", "ki ll"));
        assert!(!allowed("kill", "s.k.i.l.l.s".replace("s.", "s").as_str()));
    }
}
