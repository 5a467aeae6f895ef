//! One pass of an aho-corasick automaton that says which regexes can match at all.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

use crate::pattern::Pattern;

/// Above this many literals a full table of transitions no longer fits the caches.
const MAX_TABLE_LITERALS: usize = 3_000;

/// The literals of the regexes that read one view.
pub(crate) struct Gate {
    automaton: Option<AhoCorasick>,
    /// Set ids by literal: those of literal `i` are `owners[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    owners: Vec<u32>,
    /// The automaton could not be built: everything is let through.
    open: bool,
    /// The longest literal.
    pub(crate) longest: usize,
}

/// Where each set last had a literal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Armed {
    /// One past the start of the last literal seen, by set id; 0 for none.
    last: Vec<usize>,
}

impl Armed {
    pub(crate) fn new(sets: usize) -> Self {
        Armed { last: vec![0; sets] }
    }

    /// Whether a literal of each of the sets begins at or after `from`.
    pub(crate) fn since(&self, sets: &Range<usize>, from: usize) -> bool {
        self.last.get(sets.clone()).is_some_and(|last| last.iter().all(|last| *last > from))
    }
}

/// The set ids of each part, parts of all patterns in order.
pub(crate) fn sets(patterns: &[Pattern]) -> Vec<Range<usize>> {
    let parts = patterns.iter().flat_map(|p| &p.parts);
    parts
        .scan(0, |next, part| {
            let first = *next;
            *next += part.required.len();
            Some(first..*next)
        })
        .collect()
}

impl Gate {
    /// The gate of the patterns that read the raw text, or of those that read the folded view. Set ids count the sets
    /// of all parts of all patterns in order.
    pub(crate) fn new(patterns: &[Pattern], raw: bool) -> Self {
        let mut pairs: Vec<(&str, u32)> = Vec::new();
        let mut id = 0u32;
        for pattern in patterns {
            for set in pattern.parts.iter().flat_map(|p| &p.required) {
                if pattern.raw == raw {
                    pairs.extend(set.iter().map(|l| (l.as_str(), id)));
                }
                id += 1;
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut literals: Vec<&str> = Vec::new();
        let mut starts = Vec::new();
        let mut owners = Vec::new();
        for (literal, owner) in pairs {
            if literals.last() != Some(&literal) {
                literals.push(literal);
                starts.push(u32::try_from(owners.len()).unwrap_or(u32::MAX));
            }
            owners.push(owner);
        }
        starts.push(u32::try_from(owners.len()).unwrap_or(u32::MAX));
        let kind = (literals.len() <= MAX_TABLE_LITERALS).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasickBuilder::new().ascii_case_insensitive(raw).kind(kind).build(&literals).ok();
        let longest = literals.iter().map(|l| l.len()).max().unwrap_or(0);
        let open = automaton.is_none();
        Gate { automaton: automaton.filter(|_| !literals.is_empty()), starts, owners, open, longest }
    }

    /// Notes the literals that begin in `text[from..]`.
    pub(crate) fn arm(&self, text: &str, from: usize, armed: &mut Armed) {
        if self.open {
            armed.last.fill(usize::MAX);
        }
        let Some(automaton) = &self.automaton else { return };
        let Some(tail) = text.get(from..) else { return };
        for found in automaton.find_overlapping_iter(tail) {
            let literal = found.pattern().as_usize();
            let range = self.starts.get(literal).zip(self.starts.get(literal + 1));
            let owners = range.and_then(|(a, b)| self.owners.get(*a as usize..*b as usize)).unwrap_or_default();
            for set in owners {
                if let Some(last) = armed.last.get_mut(*set as usize) {
                    *last = (*last).max(from + found.start() + 1);
                }
            }
        }
    }
}
