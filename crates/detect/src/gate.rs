//! One pass of an aho-corasick automaton that says which regexes can match at all.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};

use crate::pattern::Pattern;

/// Above this many literals a full table of transitions no longer fits the caches.
const MAX_TABLE_LITERALS: usize = 3_000;

/// The literals of the regexes that read one view.
pub(crate) struct Gate {
    automaton: Option<AhoCorasick>,
    /// Part ids by literal: those of literal `i` are `owners[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    owners: Vec<u32>,
    /// Part ids without literals.
    ungated: Vec<u32>,
    /// The longest literal.
    pub(crate) longest: usize,
}

/// Where each part last had a literal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Armed {
    /// One past the start of the last literal seen, by part id; 0 for none.
    last: Vec<usize>,
}

impl Armed {
    pub(crate) fn new(parts: usize) -> Self {
        Armed { last: vec![0; parts] }
    }

    /// Whether a literal of the part begins at or after `from`.
    pub(crate) fn since(&self, part: usize, from: usize) -> bool {
        self.last.get(part).is_some_and(|last| *last > from)
    }
}

impl Gate {
    /// The gate of the patterns that read the raw text, or of those that read the folded view. Part ids count the
    /// parts of all patterns in order.
    pub(crate) fn new(patterns: &[Pattern], raw: bool) -> Self {
        let mut pairs: Vec<(&str, u32)> = Vec::new();
        let mut ungated = Vec::new();
        let mut id = 0u32;
        for pattern in patterns {
            for part in &pattern.parts {
                match &part.required {
                    Some(literals) if pattern.raw == raw => pairs.extend(literals.iter().map(|l| (l.as_str(), id))),
                    None if pattern.raw == raw => ungated.push(id),
                    _ => {}
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
        if automaton.is_none() {
            ungated = (0..id).collect();
        }
        let longest = literals.iter().map(|l| l.len()).max().unwrap_or(0);
        Gate { automaton: automaton.filter(|_| !literals.is_empty()), starts, owners, ungated, longest }
    }

    /// Notes the literals that begin in `text[from..]`.
    pub(crate) fn arm(&self, text: &str, from: usize, armed: &mut Armed) {
        for part in &self.ungated {
            if let Some(last) = armed.last.get_mut(*part as usize) {
                *last = usize::MAX;
            }
        }
        let Some(automaton) = &self.automaton else { return };
        let Some(tail) = text.get(from..) else { return };
        for found in automaton.find_overlapping_iter(tail) {
            let literal = found.pattern().as_usize();
            let range = self.starts.get(literal).zip(self.starts.get(literal + 1));
            let owners = range.and_then(|(a, b)| self.owners.get(*a as usize..*b as usize)).unwrap_or_default();
            for part in owners {
                if let Some(last) = armed.last.get_mut(*part as usize) {
                    *last = (*last).max(from + found.start() + 1);
                }
            }
        }
    }
}
