//! Whether a match may have begun at the end of a text that is still arriving.
//!
//! For a regex R this builds the regex of everything that a match of R can begin with, anchored at the end of the
//! text. Where it matches is where an unfinished (or still growing) match of R begins; where it matches nothing, every
//! byte before the end is decided. Anchored at the end, it runs backwards and stops at the first byte that no match
//! can hold, so that asking costs a few bytes on most texts.

use regex_automata::Input;
use regex_automata::meta;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

/// Finds the earliest start of an unfinished match.
#[derive(Debug, Clone)]
pub(crate) struct Partial(meta::Regex);

impl Partial {
    /// `None` when the regex is too large; the caller then holds a fixed length back.
    pub(crate) fn of(hir: &Hir) -> Option<Partial> {
        let anchored = Hir::concat(vec![beginnings(hir), Hir::look(Look::End)]);
        let config = meta::Config::new().nfa_size_limit(Some(8 << 20)).hybrid_cache_capacity(1 << 20);
        meta::Builder::new().configure(config).build_from_hir(&anchored).ok().map(Partial)
    }

    /// The earliest byte from `from` on at which an unfinished match begins; the text's length when there is none.
    pub(crate) fn earliest(&self, text: &str, from: usize) -> usize {
        let input = Input::new(text).range(from..);
        self.0.find(input).map_or(text.len(), |found| found.start())
    }
}

fn optional(hir: Hir) -> Hir {
    Hir::repetition(Repetition { min: 0, max: Some(1), greedy: true, sub: Box::new(hir) })
}

/// Everything that a match of `hir` can begin with, the empty text and whole matches included.
fn beginnings(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Class(_) => optional(hir.clone()),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => {
                text.chars().rev().fold(Hir::empty(), |rest, c| optional(Hir::concat(vec![character(c), rest])))
            }
            Err(_) => optional(hir.clone()),
        },
        HirKind::Capture(capture) => beginnings(&capture.sub),
        HirKind::Alternation(branches) => Hir::alternation(branches.iter().map(beginnings).collect()),
        HirKind::Concat(parts) => parts.iter().rev().fold(Hir::empty(), |rest, part| {
            let through = Hir::concat(vec![part.clone(), rest]);
            match part.kind() {
                HirKind::Look(_) | HirKind::Class(_) => optional(through),
                _ => Hir::alternation(vec![through, beginnings(part)]),
            }
        }),
        HirKind::Repetition(repetition) => {
            let sub = &repetition.sub;
            let before = match repetition.max {
                Some(0) => return Hir::empty(),
                Some(max) => Some(max - 1),
                None => None,
            };
            let whole = Repetition { min: 0, max: before, greedy: true, sub: sub.clone() };
            Hir::concat(vec![Hir::repetition(whole), beginnings(sub)])
        }
    }
}

fn character(c: char) -> Hir {
    Hir::class(Class::Unicode(ClassUnicode::new([ClassUnicodeRange::new(c, c)])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earliest(pattern: &str, text: &str) -> Option<usize> {
        let partial = Partial::of(&crate::dialect::read(pattern).ok().unwrap().hir).unwrap();
        let at = partial.earliest(text, 0);
        (at < text.len()).then_some(at)
    }

    #[test]
    fn unfinished_matches_are_seen_and_broken_ones_are_not() {
        assert_eq!(earliest(r"sk-[a-z0-9]{20,}", "用 sk"), Some(4));
        assert_eq!(earliest(r"sk-[a-z0-9]{20,}", "用 sk-0a"), Some(4));
        assert_eq!(earliest(r"sk-[a-z0-9]{20,}", "用 sk-0a。"), None);
        assert_eq!(earliest(r"忽略.{0,5}指令", "请忽略上"), Some(3));
        assert_eq!(earliest(r"忽略.{0,5}指令", "请忽略上面所有的指"), Some(3));
        assert_eq!(earliest(r"忽略.{0,5}指令", "请忽略上面所有的规则"), None);
        assert_eq!(earliest(r"\b1[3-9]\d{9}\b", "电话138"), Some(6));
        assert_eq!(earliest(r"\b1[3-9]\d{9}\b", "电话x138"), None);
    }

    #[test]
    fn a_whole_match_at_the_end_may_still_grow_or_be_refused() {
        assert_eq!(earliest(r"\b\d{3}\b", "a 123"), Some(2));
        assert_eq!(earliest(r"(ab|cd){1,3}x?", "zzababx"), Some(2));
        assert_eq!(earliest(r"(ab|cd){1,3}x?", "zzababxx"), None);
    }
}
