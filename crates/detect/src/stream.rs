//! A text that arrives in pieces.
//!
//! Each scan reads the new text once, with the little before it that unfinished matches need, and takes only findings
//! that no further text can change. What is not settled is held: [`Progress::cleared`] never passes the first byte
//! that a later finding may touch. At the end the whole text is inspected once more, so that a stream's verdict is by
//! construction the verdict on its text.

use std::sync::Arc;

use menshen_text::{Folder, View, decode};
use menshen_verdict::{Finding, Role, Side, Span, Verdict};

use crate::disguise;
use crate::engine::{Engine, Seen, arrange, pattern_finding};
use crate::gate::Armed;
use crate::keywords::{Hit, Tail};
use crate::labels::labels;
use crate::leak::Extra;
use crate::pattern::Cursor;

/// ASCII runs shorter than this hide nothing that is worth decoding before the end.
const MIN_ENCODED_BYTES: usize = 16;
/// How many characters before the new text the tight, composed and sound readings look at again.
const OVERLAP_CHARS: usize = 8;
/// A judge looks at a growing text when this much has come since it looked last, or a sentence has ended.
const GLANCE_BYTES: usize = 360;
/// A sentence shorter than this waits for the next.
const MIN_GLANCE_BYTES: usize = 60;
/// How much before the new text it reads again, so that a sentence is not torn from what it answers.
const GLANCE_BEFORE_BYTES: usize = 1_200;
/// Where a run of Latin letters must be cut at last.
const MAX_LATIN_CHARS: usize = 64;

/// What a push has brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// Findings that were not reported before; spans are in the whole text.
    pub new_findings: Vec<Finding>,
    /// Bytes of [`Stream::text`] that no finding of a later push touches: once these findings are decided on, the
    /// text up to here may go out. Never decreases, always on a character boundary.
    ///
    /// The promise is for rules whose matches are at most [`Options::max_hold_bytes`](crate::Options) long, and for
    /// findings of pushes: what only the whole text shows (a text in rot13, a system prompt by its lines) comes with
    /// [`Stream::finish`].
    pub cleared: usize,
    /// Whether this push scanned, or only put the text by until a stride is full.
    pub scanned: bool,
}

/// A text that arrives in pieces, and what has been found in it.
#[derive(Debug)]
pub struct Stream {
    engine: Arc<Engine>,
    side: Side,
    role: Role,
    extra: Extra,
    text: String,
    folded: View,
    /// Bytes of `text` that have been scanned.
    scanned: usize,
    cleared: usize,
    found: Vec<Finding>,
    cursors: Vec<Cursor>,
    /// How far each pattern was settled by the last scan, in its view.
    reached: Vec<usize>,
    armed: Armed,
    seen: Seen,
    folded_gated: usize,
    raw_gated: usize,
    tail: Tail,
    /// Every word that begins before this byte has been found in the tight, composed and sound readings.
    otherwise: usize,
    /// Words that a later one may still overlap, and whether they have been reported.
    hits: Vec<(Hit, bool)>,
    disguised: usize,
    decoded: usize,
    /// In the folded view.
    leaked: usize,
    /// What judges have seen.
    judged: usize,
}

impl Stream {
    pub(crate) fn new(engine: Arc<Engine>, side: Side, role: Role, extra: Extra) -> Self {
        Stream {
            reached: vec![0; engine.patterns.len()],
            cursors: vec![Cursor::default(); engine.patterns.len()],
            armed: Armed::new(engine.literal_sets()),
            seen: Seen::default(),
            engine,
            side,
            role,
            extra,
            text: String::new(),
            folded: View::default(),
            scanned: 0,
            cleared: 0,
            found: Vec::new(),
            folded_gated: 0,
            raw_gated: 0,
            tail: Tail::default(),
            otherwise: 0,
            hits: Vec::new(),
            disguised: 0,
            decoded: 0,
            leaked: 0,
            judged: 0,
        }
    }

    /// Everything that has arrived.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Takes in more text and scans when a stride is full.
    pub fn push(&mut self, chunk: &str) -> Progress {
        self.text.push_str(chunk);
        if self.text.len() - self.scanned < self.engine.options.stride_bytes {
            return Progress { new_findings: Vec::new(), cleared: self.cleared, scanned: false };
        }
        self.scan()
    }

    /// Scans what has arrived, stride or not: for when the text pauses.
    pub fn scan(&mut self) -> Progress {
        if self.text.len() == self.scanned {
            return Progress { new_findings: Vec::new(), cleared: self.cleared, scanned: false };
        }
        let engine = Arc::clone(&self.engine);
        Folder::shared().extend(&mut self.folded, &self.text[self.scanned..]);
        let mut new = Vec::new();
        let held = [
            self.scan_patterns(&engine, &mut new),
            self.scan_keywords(&engine, &mut new),
            self.scan_disguises(&engine, &mut new),
            self.scan_encoded(&engine, &mut new),
            self.scan_leaks(&mut new),
            self.scan_judges(&engine, &mut new),
        ];
        let floor = self.text.floor_char_boundary(self.text.len().saturating_sub(engine.options.max_hold_bytes));
        let reached = held.into_iter().min().unwrap_or(floor).max(floor);
        new.retain(|f| f.span.start >= self.cleared);
        arrange(&mut new);
        self.found.extend(new.iter().cloned());
        self.scanned = self.text.len();
        // Past the limit later matches are not known: nothing more leaves, and the end says why.
        if !engine.overflows(&self.found) {
            self.cleared = self.cleared.max(self.text.floor_char_boundary(reached));
        }
        Progress { new_findings: new, cleared: self.cleared, scanned: true }
    }

    /// What has been found so far, as a verdict without stages.
    pub fn verdict(&self) -> Verdict {
        let mut findings = self.found.clone();
        arrange(&mut findings);
        Verdict { labels: labels(&findings, self.side), findings, ..Verdict::default() }
    }

    /// Ends the text: exactly what [`Engine::inspect_with`] says of the whole.
    pub fn finish(&mut self) -> Verdict {
        self.engine.inspect_with(&self.text, self.side, self.role, &self.extra)
    }

    /// The byte of the original text where a byte of the folded view comes from.
    fn original(&self, at: usize) -> usize {
        if at >= self.folded.text.len() { self.text.len() } else { self.folded.origin(at..at + 1).start }
    }

    fn scan_patterns(&mut self, engine: &Engine, new: &mut Vec<Finding>) -> usize {
        let overlap = |gated: usize, longest: usize, text: &str| {
            text.floor_char_boundary(gated.saturating_sub(longest.saturating_sub(1)))
        };
        let from = overlap(self.folded_gated, engine.folded_gate.longest, &self.folded.text);
        engine.folded_gate.arm(&self.folded.text, from, &mut self.armed);
        let from = overlap(self.raw_gated, engine.raw_gate.longest, &self.text);
        engine.raw_gate.arm(&self.text, from, &mut self.armed);
        self.seen.folded.note(self.folded.text.get(self.folded_gated..).unwrap_or_default());
        self.seen.raw.note(self.text.get(self.raw_gated..).unwrap_or_default());
        let new_folded = self.folded.text.get(self.folded_gated..).unwrap_or_default();
        let marks = engine.begin.mark([new_folded, self.text.get(self.raw_gated..).unwrap_or_default()]);
        let (was_folded, was_raw) = (self.folded_gated, self.raw_gated);
        self.folded_gated = self.folded.text.len();
        self.raw_gated = self.text.len();
        let (mut folded_held, mut raw_held) = (self.folded.text.len(), self.text.len());
        let rows = engine.patterns.iter().zip(&engine.first_part).zip(self.cursors.iter_mut().zip(&mut self.reached));
        for (id, ((pattern, first), (cursor, settled))) in rows.enumerate() {
            if !pattern.sides.has(self.side) {
                continue;
            }
            let (text, held, was) = if pattern.raw {
                (&self.text, &mut raw_held, was_raw)
            } else {
                (&self.folded.text, &mut folded_held, was_folded)
            };
            // Nothing of it is open, and nothing of it begins in what is new.
            if *settled >= was && !marks.has(id) {
                pattern.pass(cursor, text.len());
                *settled = text.len();
                continue;
            }
            let seen = if pattern.raw { &self.seen.raw } else { &self.seen.folded };
            let fits = |part: usize| pattern.parts.get(part).is_some_and(|p| p.fits(seen));
            let armed = |part, from| fits(part) && engine.armed(&self.armed, first + part, from);
            let reached = pattern.walk(engine.reading(text, false), cursor, armed, |hit| {
                let span =
                    if pattern.raw { Span::new(hit.range.start, hit.range.end) } else { self.folded.origin(hit.range) };
                new.push(pattern_finding(pattern, span, hit.score, span.of(&self.text)));
            });
            *settled = reached;
            *held = (*held).min(reached);
        }
        raw_held.min(self.original(folded_held))
    }

    fn scan_keywords(&mut self, engine: &Engine, new: &mut Vec<Finding>) -> usize {
        let mut fresh = Vec::new();
        self.tail = engine.keywords.read_folded(&self.folded, self.tail, false, self.side, &mut fresh);
        let read = &self.folded.text[..self.tail.at];
        let begun = read.char_indices().rev().take(self.tail.depth).last().map_or(read.len(), |(at, _)| at);
        let plain = self.original(begun);

        let from = window_start(&self.text, self.otherwise);
        let window = &self.text[from..];
        let mut others = Vec::new();
        let reached = engine.keywords.read_growing(window, self.side, &mut others);
        for mut hit in others {
            hit.span = Span::new(hit.span.start + from, hit.span.end + from);
            // Those before were found when they were new.
            if hit.span.start >= self.otherwise {
                fresh.push(hit);
            }
        }
        let widest = self.text.len().saturating_sub(engine.keywords.widest_bytes);
        self.otherwise = self.otherwise.max((from + reached).max(self.text.floor_char_boundary(widest)));
        for hit in fresh {
            if !self.hits.iter().any(|(known, _)| *known == hit) {
                self.hits.push((hit, false));
            }
        }
        let frontier = plain.min(self.otherwise);
        if self.hits.is_empty() {
            return frontier;
        }
        for hit in engine.keywords.settle(self.hits.iter().map(|(hit, _)| *hit).collect()) {
            if hit.span.end <= frontier
                && let Some((_, reported)) = self.hits.iter_mut().find(|(known, _)| *known == hit)
                && !*reported
            {
                *reported = true;
                new.extend(engine.keyword_finding(&hit, &self.text));
            }
        }
        // A hit is needed as long as it, or one that it overlaps, is not settled.
        let open = self.hits.iter().filter(|(h, _)| h.span.end > frontier).map(|(h, _)| h.span.start).min();
        self.hits.retain(|(hit, _)| hit.span.end > open.unwrap_or(frontier).min(frontier));
        open.unwrap_or(frontier).min(frontier)
    }

    fn scan_disguises(&mut self, engine: &Engine, new: &mut Vec<Finding>) -> usize {
        let reached = disguise::unfinished(&self.text, engine.options.max_hold_bytes).max(self.disguised);
        let from = window_start(&self.text, self.disguised);
        for mut finding in disguise::inspect(&self.text[from..]) {
            finding.span = Span::new(finding.span.start + from, finding.span.end + from);
            if finding.span.start >= self.disguised && finding.span.end <= reached {
                new.push(finding);
            }
        }
        self.disguised = reached;
        reached
    }

    /// Decodes ASCII runs (base64, hex, percent …) that have ended.
    fn scan_encoded(&mut self, engine: &Engine, new: &mut Vec<Finding>) -> usize {
        let mut start = None;
        let from = self.decoded;
        let tail = self.text.get(from..).unwrap_or_default();
        let mut runs = Vec::new();
        for (at, byte) in tail.bytes().enumerate() {
            if byte.is_ascii_graphic() {
                start.get_or_insert(from + at);
            } else if let Some(start) = start.take() {
                runs.push(start..from + at);
            }
        }
        let end = self.text.len();
        let open = start.unwrap_or(end);
        let waits = end - open < engine.options.max_hold_bytes;
        if !waits {
            runs.push(open..end);
        }
        for run in runs.into_iter().filter(|run| run.len() >= MIN_ENCODED_BYTES) {
            let mut layers = decode::layers(&self.text[run.clone()], &engine.options.limits);
            for layer in &mut layers {
                layer.span = Span::new(layer.span.start + run.start, layer.span.end + run.start);
            }
            engine.inspect_layers(&layers, self.side, new);
        }
        self.decoded = if waits { open } else { end };
        self.decoded
    }

    /// Lets the judges look at sentences as they end; what they have not seen is held.
    fn scan_judges(&mut self, engine: &Engine, new: &mut Vec<Finding>) -> usize {
        let end = self.text.len();
        if !engine.has_judges() || !self.extra.asks_judges() {
            return end;
        }
        let fresh = self.text.get(self.judged..).unwrap_or_default();
        let sentence = fresh.rfind(['。', '！', '？', '\n', '；']).filter(|at| *at >= MIN_GLANCE_BYTES);
        if fresh.len() < GLANCE_BYTES && sentence.is_none() {
            return self.judged;
        }
        let from = self.text.floor_char_boundary(self.judged.saturating_sub(GLANCE_BEFORE_BYTES));
        let window = self.text.get(from..).unwrap_or_default();
        let known = self.found.iter().chain(new.iter());
        let called = engine.glance(window, from, known, self.side, self.role, Span::new(self.judged, end));
        new.extend(called);
        self.judged = end;
        end
    }

    fn scan_leaks(&mut self, new: &mut Vec<Finding>) -> usize {
        let (findings, reached) = self.extra.inspect(&self.text, &self.folded, self.leaked, false);
        for finding in findings {
            if !self.found.iter().rev().any(|f| f.detector == finding.detector && f.span == finding.span) {
                new.push(finding);
            }
        }
        let floor = self.folded.text.len().saturating_sub(self.engine.options.max_hold_bytes);
        self.leaked = self.leaked.max(reached).max(self.folded.text.floor_char_boundary(floor));
        self.original(self.leaked)
    }
}

/// Some characters before `at`, and not inside a run of Latin letters: readings that depend on what stands before
/// (pinyin, split characters, word boundaries) come out of it as from the whole text.
fn window_start(text: &str, at: usize) -> usize {
    let before = &text[..at];
    let near = before.char_indices().rev().take(OVERLAP_CHARS).last().map_or(at, |(i, _)| i);
    let latin =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '\'' | '-') || matches!(c, '\u{c0}'..='\u{24f}');
    let run = text[..near].char_indices().rev().take(MAX_LATIN_CHARS).take_while(|(_, c)| latin(*c)).last();
    run.map_or(near, |(i, _)| i)
}
