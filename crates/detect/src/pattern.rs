//! One compiled pattern, and how it walks over a text that may still be arriving.
//!
//! The same walk serves a whole text and a stream: a [`Cursor`] remembers how far the pattern has come, and a walk
//! over an incomplete text takes only matches that more text cannot change. That is what makes a stream find what a
//! whole scan finds, however the text is cut.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::OnceLock;

use menshen_verdict::Family;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;

use crate::marks::{Marks, Sides};
use crate::partial::Partial;
use crate::presence::{self, Bytes};
use crate::validate::{Candidate, Validator};

/// Words that make a match more (or at all) believable when they stand near it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    pub(crate) words: Vec<String>,
    /// How many characters before and after the match are looked at.
    pub(crate) chars: usize,
    pub(crate) required: bool,
    pub(crate) boost: f32,
}

/// A compiled regex larger than this is refused; the largest honest pattern is a tenth of it.
const MAX_REGEX_BYTES: usize = 4 << 20;

/// Builds a regex that is written in our dialect.
pub(crate) fn build(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).size_limit(MAX_REGEX_BYTES).build()
}

/// One regex of a pattern.
pub(crate) struct Part {
    source: Box<str>,
    /// Built when a text first gets past the gate: the hundreds of patterns that a deployment never meets then cost
    /// it no memory. That it can be built was proven when the pack was compiled.
    regex: OnceLock<Option<Regex>>,
    /// The group named `value`, which narrows the finding's span and is what a validator sees.
    value: Option<usize>,
    /// Sets of literals; every match contains one literal of each. Empty when there is no telling set.
    pub(crate) required: Vec<Vec<String>>,
    /// Sets of bytes; every match contains one byte of each.
    bytes: Vec<Bytes>,
    hir: Hir,
    partial: OnceLock<Option<Partial>>,
}

/// A compiled `[[pattern]]`.
pub(crate) struct Pattern {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) family: Family,
    pub(crate) marks: Marks,
    pub(crate) score: f32,
    pub(crate) sides: Sides,
    /// Reads the text as given instead of the folded view.
    pub(crate) raw: bool,
    pub(crate) decoded: bool,
    pub(crate) multi: bool,
    pub(crate) validator: Option<&'static Validator>,
    pub(crate) context: Context,
    /// Literals of which a match must contain one, lower case.
    pub(crate) literals: Vec<String>,
    pub(crate) within_chars: usize,
    pub(crate) parts: Vec<Part>,
}

/// A text, or as much of it as has arrived.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'t> {
    pub(crate) text: &'t str,
    /// Nothing will follow.
    pub(crate) complete: bool,
    /// A match that has not ended after this many bytes is taken as it stands.
    pub(crate) max_hold_bytes: usize,
    /// The most findings of one pattern.
    pub(crate) max_findings: usize,
}

/// How far a pattern has come in a text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    done: bool,
    found: usize,
    /// For the only part, where to go on.
    next: usize,
    /// For patterns of several parts.
    parts: Vec<PartCursor>,
}

#[derive(Debug, Clone, Default)]
struct PartCursor {
    next: usize,
    queue: VecDeque<Range<usize>>,
    last: Option<Range<usize>>,
}

/// A match that counts: bytes of the reading, and its score.
pub(crate) struct Hit {
    pub(crate) range: Range<usize>,
    pub(crate) score: f32,
}

enum Ruling {
    Accept(Hit),
    Reject,
    /// What follows the match has a say and has not arrived.
    Wait,
}

enum Flow {
    Next,
    Stop,
    Wait,
}

impl Part {
    pub(crate) fn new(source: &str, value: Option<usize>, required: Vec<Vec<String>>, hir: Hir) -> Self {
        let bytes = presence::required(&hir);
        Part { source: source.into(), regex: OnceLock::new(), value, required, bytes, hir, partial: OnceLock::new() }
    }

    pub(crate) fn hir(&self) -> &Hir {
        &self.hir
    }

    /// Whether a text of these bytes can hold a match.
    pub(crate) fn fits(&self, seen: &Bytes) -> bool {
        self.bytes.iter().all(|set| set.meets(seen))
    }

    fn partial(&self) -> Option<&Partial> {
        self.partial.get_or_init(|| Partial::of(&self.hir)).as_ref()
    }

    /// The most bytes a match can have in its view, if there is a bound.
    fn max_len(&self) -> Option<usize> {
        self.hir.properties().maximum_len()
    }

    /// The earliest byte at which a match may yet begin or change.
    fn frontier(&self, reading: Reading<'_>, from: usize) -> usize {
        let text = reading.text;
        if reading.complete {
            return text.len();
        }
        let floor = reading.floor();
        match self.partial() {
            Some(partial) => partial.earliest(text, from.max(floor)),
            None => from.max(text.floor_char_boundary(text.len().saturating_sub(self.max_len().unwrap_or(usize::MAX)))),
        }
        .max(floor)
    }

    /// The next match at or after `from`: the whole match and the group `value` (or the match again).
    fn find(&self, text: &str, from: usize) -> Option<(Range<usize>, Range<usize>)> {
        let regex = self.regex.get_or_init(|| build(&self.source).ok()).as_ref()?;
        let Some(group) = self.value else {
            let found = regex.find_at(text, from)?.range();
            return Some((found.clone(), found));
        };
        let captures = regex.captures_at(text, from)?;
        let whole = captures.get(0)?.range();
        let value = captures.get(group).map_or_else(|| whole.clone(), |v| v.range());
        Some((whole, value))
    }

    /// Hands every settled match from `next` on to `take`, and returns where a later match may begin at the earliest.
    /// `armed` is false when no required literal stands at or after `next`.
    fn walk(
        &self,
        reading: Reading<'_>,
        next: &mut usize,
        armed: bool,
        mut take: impl FnMut(&Range<usize>, Range<usize>) -> Flow,
    ) -> usize {
        let frontier = self.frontier(reading, *next);
        if armed {
            while let Some((whole, value)) = self.find(reading.text, *next) {
                if whole.start >= frontier && !reading.complete {
                    break;
                }
                match take(&whole, value) {
                    Flow::Wait if whole.start >= reading.floor() => {
                        *next = whole.start;
                        return whole.start;
                    }
                    Flow::Stop => {
                        *next = reading.text.len();
                        return reading.text.len();
                    }
                    Flow::Wait | Flow::Next => *next = whole.end,
                }
            }
        }
        *next = (*next).max(frontier);
        *next
    }
}

impl Reading<'_> {
    /// Matches that begin before this byte are no longer waited for.
    fn floor(self) -> usize {
        self.text.floor_char_boundary(self.text.len().saturating_sub(self.max_hold_bytes))
    }
}

/// The index of the byte `chars` characters before `at`.
fn chars_back(text: &str, at: usize, chars: usize) -> usize {
    text[..at].char_indices().rev().take(chars).last().map_or(at, |(i, _)| i)
}

/// The index of the byte `chars` characters after `at`, or `None` when the text ends before.
fn chars_on(text: &str, at: usize, chars: usize) -> Option<usize> {
    text[at..].char_indices().map(|(i, _)| at + i).nth(chars)
}

impl Pattern {
    /// The most bytes of the view that a finding can depend on, if there is a bound.
    pub(crate) fn reach(&self) -> Option<usize> {
        let longest = self.parts.iter().map(Part::max_len).try_fold(0, |m, l| l.map(|l| m.max(l)))?;
        let apart = if self.parts.len() > 1 { self.within_chars * 4 } else { 0 };
        let context = if self.context.words.is_empty() { 0 } else { self.context.chars * 4 };
        Some(longest.max(apart) + context)
    }

    /// Builds its regexes now rather than when a text first gets past the gate.
    pub(crate) fn prepare(&self) {
        for part in &self.parts {
            let _ = part.find("", 0);
        }
    }

    /// Moves a cursor with nothing open past text in which no match begins.
    pub(crate) fn pass(&self, cursor: &mut Cursor, end: usize) {
        cursor.next = end;
        cursor.parts.resize(self.parts.len(), PartCursor::default());
        cursor.parts.iter_mut().for_each(|part| part.next = part.next.max(end));
    }

    /// Takes every settled finding that the cursor has not passed, and returns the earliest byte that a later finding
    /// of this pattern may touch. `armed(part)` is false when the gate saw none of the part's literals where the
    /// cursor stands or later.
    pub(crate) fn walk(
        &self,
        reading: Reading<'_>,
        cursor: &mut Cursor,
        armed: impl Fn(usize, usize) -> bool,
        mut emit: impl FnMut(Hit),
    ) -> usize {
        if cursor.done {
            return reading.text.len();
        }
        let Cursor { done, found, next, parts } = cursor;
        let mut admit = |whole: &Range<usize>, value: Range<usize>| match self.rule(reading, whole, value) {
            Ruling::Accept(hit) => {
                emit(hit);
                *found += 1;
                *done = !self.multi || *found >= reading.max_findings;
                if *done { Flow::Stop } else { Flow::Next }
            }
            Ruling::Reject => Flow::Next,
            Ruling::Wait => Flow::Wait,
        };
        if let [part] = self.parts.as_slice() {
            let at = *next;
            return part.walk(reading, next, armed(0, at), admit);
        }
        parts.resize(self.parts.len(), PartCursor::default());
        let mut frontier = reading.text.len();
        for (index, (part, state)) in self.parts.iter().zip(parts.iter_mut()).enumerate() {
            let queue = &mut state.queue;
            let at = state.next;
            let reached = part.walk(reading, &mut state.next, armed(index, at), |whole, _| {
                queue.push_back(whole.clone());
                Flow::Next
            });
            frontier = frontier.min(reached);
        }
        self.combine(reading, parts, frontier, &mut admit)
    }

    /// Puts the parts' matches together, in the order of the text, up to `frontier`.
    fn combine(
        &self,
        reading: Reading<'_>,
        parts: &mut [PartCursor],
        frontier: usize,
        admit: &mut impl FnMut(&Range<usize>, Range<usize>) -> Flow,
    ) -> usize {
        loop {
            let earliest = parts
                .iter()
                .enumerate()
                .filter_map(|(i, p)| p.queue.front().map(|r| (r.start, i)))
                .filter(|(start, _)| reading.complete || *start < frontier)
                .min();
            let Some((_, index)) = earliest else { break };
            let Some(part) = parts.get_mut(index) else { break };
            part.last = part.queue.front().cloned();
            let seen: Option<Vec<&Range<usize>>> = parts.iter().map(|p| p.last.as_ref()).collect();
            let whole = seen.and_then(|all| Some(all.iter().map(|r| r.start).min()?..all.iter().map(|r| r.end).max()?));
            if let Some(whole) = whole
                && self.is_near(reading.text, &whole)
            {
                match admit(&whole, whole.clone()) {
                    Flow::Wait if whole.start >= reading.floor() => return whole.start,
                    Flow::Stop => return reading.text.len(),
                    Flow::Wait | Flow::Next => parts.iter_mut().for_each(|p| p.last = None),
                }
            }
            if let Some(part) = parts.get_mut(index) {
                part.queue.pop_front();
            }
        }
        // A part that has been seen waits for the others as long as they can still come near enough.
        let waiting = parts.iter_mut().filter_map(|p| {
            let start = p.last.as_ref().map(|l| l.start)?;
            if start < reading.floor() || chars_on(reading.text, start, self.within_chars).is_some() {
                p.last = None;
            }
            p.last.as_ref().map(|l| l.start)
        });
        waiting.chain([frontier]).min().unwrap_or(frontier)
    }

    fn is_near(&self, text: &str, whole: &Range<usize>) -> bool {
        chars_on(text, whole.start, self.within_chars).is_none_or(|limit| whole.end <= limit)
    }

    /// Whether a match counts, and for how much.
    fn rule(&self, reading: Reading<'_>, whole: &Range<usize>, value: Range<usize>) -> Ruling {
        let text = reading.text;
        if !self.literals.is_empty() {
            let matched = text[whole.clone()].to_ascii_lowercase();
            if !self.literals.iter().any(|l| matched.contains(l.as_str())) {
                return Ruling::Reject;
            }
        }
        if let Some(validator) = self.validator {
            let candidate = Candidate {
                text: &text[value.clone()],
                before: text[..value.start].chars().next_back(),
                after: text[value.end..].chars().next(),
            };
            if !(validator.accepts)(&candidate) {
                return Ruling::Reject;
            }
        }
        let mut score = self.score;
        if !self.context.words.is_empty() {
            let from = chars_back(text, whole.start, self.context.chars);
            let to = chars_on(text, whole.end, self.context.chars);
            let around = &text[from..to.unwrap_or(text.len())];
            // The folded view is lower case already.
            let around = if self.raw { Cow::Owned(around.to_ascii_lowercase()) } else { Cow::Borrowed(around) };
            if self.context.words.iter().any(|w| around.contains(w.as_str())) {
                score = (score + self.context.boost).min(1.0);
            } else if to.is_none() && !reading.complete {
                return Ruling::Wait;
            } else if self.context.required {
                return Ruling::Reject;
            }
        }
        Ruling::Accept(Hit { range: value, score })
    }
}
