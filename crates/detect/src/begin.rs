//! Which patterns a new piece of text can begin a match of.
//!
//! A stream is scanned many times while it grows. Of its hundreds of patterns nearly all have nothing open at the end of
//! what has been scanned, and cannot begin in what is new: no character there is one that their matches begin with. Such
//! a pattern is passed over without running its regex at all.

use std::collections::HashMap;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use crate::pattern::Pattern;

/// A set of first characters larger than this is not listed: the pattern may begin anywhere.
const MAX_CHARS: usize = 600;

/// Patterns by the characters that their matches begin with.
#[derive(Debug, Default)]
pub(crate) struct Begin {
    by_char: HashMap<char, Vec<u32>>,
    anywhere: Vec<u32>,
    patterns: usize,
}

/// A set of patterns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    fn set(&mut self, pattern: u32) {
        if let Some(word) = self.0.get_mut(pattern as usize / 64) {
            *word |= 1 << (pattern % 64);
        }
    }

    /// Whether the pattern is in the set.
    pub(crate) fn has(&self, pattern: usize) -> bool {
        self.0.get(pattern / 64).is_some_and(|word| word >> (pattern % 64) & 1 == 1)
    }
}

impl Begin {
    /// The index of all patterns.
    pub(crate) fn new(patterns: &[Pattern]) -> Self {
        let mut begin = Begin { patterns: patterns.len(), ..Begin::default() };
        for (pattern, id) in patterns.iter().zip(0u32..) {
            let mut all = ClassUnicode::empty();
            let mut listed = true;
            for part in &pattern.parts {
                match first(part.hir()) {
                    Some((chars, false)) => all.union(&chars),
                    _ => listed = false,
                }
            }
            let size: usize = all.ranges().iter().map(|r| r.end() as usize - r.start() as usize + 1).sum();
            if !listed || size > MAX_CHARS {
                begin.anywhere.push(id);
                continue;
            }
            for range in all.ranges() {
                for c in range.start()..=range.end() {
                    begin.by_char.entry(c).or_default().push(id);
                }
            }
        }
        begin
    }

    /// Marks the patterns that a match of can begin in one of these pieces of text.
    pub(crate) fn mark(&self, pieces: [&str; 2]) -> Marks {
        let mut marks = Marks(vec![0; self.patterns.div_ceil(64)]);
        self.anywhere.iter().for_each(|id| marks.set(*id));
        for c in pieces.iter().flat_map(|piece| piece.chars()) {
            if let Some(ids) = self.by_char.get(&c) {
                ids.iter().for_each(|id| marks.set(*id));
            }
        }
        marks
    }
}

/// The characters that a match can begin with, and whether it can be empty; `None` when that cannot be told.
fn first(hir: &Hir) -> Option<(ClassUnicode, bool)> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Some((ClassUnicode::empty(), true)),
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some((ClassUnicode::new([ClassUnicodeRange::new(c, c)]), false))
        }
        HirKind::Class(Class::Unicode(class)) => Some((class.clone(), false)),
        HirKind::Class(Class::Bytes(class)) => class.to_unicode_class().map(|class| (class, false)),
        HirKind::Capture(capture) => first(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (chars, empty) = first(&repetition.sub)?;
            Some((chars, empty || repetition.min == 0))
        }
        HirKind::Concat(parts) => {
            let mut all = ClassUnicode::empty();
            for part in parts {
                let (chars, empty) = first(part)?;
                all.union(&chars);
                if !empty {
                    return Some((all, false));
                }
            }
            Some((all, true))
        }
        HirKind::Alternation(branches) => {
            let mut all = ClassUnicode::empty();
            let mut any_empty = false;
            for branch in branches {
                let (chars, empty) = first(branch)?;
                all.union(&chars);
                any_empty |= empty;
            }
            Some((all, any_empty))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<String> {
        let (chars, empty) = first(&crate::dialect::read(pattern).ok().unwrap().hir)?;
        assert!(!empty);
        Some(chars.ranges().iter().flat_map(|r| r.start()..=r.end()).collect())
    }

    #[test]
    fn optional_parts_are_looked_through() {
        assert_eq!(of("(请|帮)?我?要.{0,3}枪").unwrap(), "帮我要请");
        assert_eq!(of(r"(?-u:\b)1[3-9]\d{9}").unwrap(), "1");
        assert_eq!(of("(?i)ab").unwrap(), "Aa");
    }
}
