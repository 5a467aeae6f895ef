//! Which bytes a text has at all, and which bytes a regex cannot do without.
//!
//! Many regexes have no telling literal (a run of digits, a Braille line, tag characters) and yet cannot match a text
//! that lacks the bytes they are made of. One pass over the text answers that for all of them.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More sets than this do not pay for themselves.
const MAX_SETS: usize = 3;
/// A set with more bytes than this is in nearly every text.
const MAX_BYTES: u32 = 96;

/// A set of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bytes([u64; 4]);

impl Bytes {
    /// Adds the bytes of a text.
    pub(crate) fn note(&mut self, text: &str) {
        for byte in text.bytes() {
            self.add(byte);
        }
    }

    fn add(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    fn union(&mut self, other: Bytes) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    /// Whether the sets share a byte.
    pub(crate) fn meets(&self, other: &Bytes) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|w| w.count_ones()).sum()
    }
}

/// Sets of bytes: every match contains a byte of *each*. Empty when there is no telling one.
pub(crate) fn required(hir: &Hir) -> Vec<Bytes> {
    let mut sets = Vec::new();
    collect(hir, &mut sets);
    sets.sort_by_key(Bytes::count);
    sets.dedup();
    sets.retain(|s| s.count() <= MAX_BYTES);
    sets.truncate(MAX_SETS);
    sets
}

fn collect(hir: &Hir, out: &mut Vec<Bytes>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            for byte in &literal.0 {
                let mut one = Bytes::default();
                one.add(*byte);
                out.push(one);
            }
        }
        HirKind::Class(class) => out.push(leading(class)),
        HirKind::Capture(capture) => collect(&capture.sub, out),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, out)),
        HirKind::Alternation(branches) => {
            let mut all = Bytes::default();
            for branch in branches {
                let mut own = Vec::new();
                collect(branch, &mut own);
                match own.into_iter().min_by_key(Bytes::count) {
                    Some(set) => all.union(set),
                    None => return,
                }
            }
            out.push(all);
        }
        _ => {}
    }
}

/// The first bytes that a character of the class can have.
fn leading(class: &Class) -> Bytes {
    let mut set = Bytes::default();
    match class {
        Class::Bytes(bytes) => {
            for range in bytes.ranges() {
                (range.start()..=range.end()).for_each(|b| set.add(b));
            }
        }
        Class::Unicode(chars) => {
            let first = |c: char| {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).as_bytes().first().copied().unwrap_or(0)
            };
            for range in chars.ranges() {
                // The first byte never decreases from one code point to the next.
                (first(range.start())..=first(range.end())).for_each(|b| set.add(b));
            }
        }
    }
    set
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn can_match(pattern: &str, text: &str) -> bool {
        let mut seen = Bytes::default();
        seen.note(text);
        required(&crate::dialect::read(pattern).ok().unwrap().hir).iter().all(|s| s.meets(&seen))
    }

    #[test]
    fn a_text_without_the_bytes_is_passed_over() {
        assert!(!can_match(r"\d{6,}", "今天天气很好"));
        assert!(can_match(r"\d{6,}", "今天是1号"));
        assert!(!can_match(r"[\u{E0020}-\u{E007F}]{3,}", "今天 abc 123"));
        assert!(!can_match(r"[⠁-⣿]{4,}", "今天，很好"));
        assert!(!can_match(r"(京|沪)[A-Z]\d{5}", "京城"));
    }

    proptest! {
        #[test]
        fn nothing_that_matches_is_passed_over(text in "[a-c0-2今天⠁ ]{0,12}") {
            for pattern in [r"\d{2}", "(今|a)[0-2]+", "[⠁-⣿]+", "a|今天", "(b?c)+天", "[^a]0"] {
                let regex = regex::Regex::new(&crate::dialect::read(pattern).ok().unwrap().pattern).unwrap();
                prop_assert!(!regex.is_match(&text) || can_match(pattern, &text), "{} {}", pattern, text);
            }
        }
    }
}
