//! Compiled rules, and the inspection of whole texts.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use menshen_judge::{Judge, JudgeInput};
use menshen_text::decode::{self, Codec, Layer, Limits};
use menshen_text::{Folder, View, placeholder};
use menshen_verdict::{
    Attack, Evidence, Family, Finding, Labels, Level, Role, Side, Span, Stage, Transform, Unavailable, Verdict,
};

use crate::begin::Begin;
use crate::disguise;
use crate::gate::{self, Armed, Gate};
use crate::keyword_file;
use crate::keywords::{self, Keywords, Via};
use crate::labels::labels;
use crate::leak::Extra;
use crate::pattern::{Cursor, Pattern, Reading};
use crate::pattern_file;
use crate::presence::Bytes;
use crate::source::{Diagnostic, Reporter, Severity, Source, SourceKind};
use crate::stream::Stream;

/// What a word found by its sound keeps of its score.
const SOUND_SHARE: f32 = 0.8;
/// A layer that had to be decoded to be found out: the score of the encoding itself as an attack.
const ENCODED_SCORE: f32 = 0.8;
/// How much of a decoded layer is kept as evidence.
const MAX_EVIDENCE_BYTES: usize = 2_048;
/// What a judge reads in place of personal data, credentials and placeholders.
const DATA: &str = "123";
/// Decoded layers that a judge reads too, and how long they must be to say something.
const MAX_JUDGED_LAYERS: usize = 4;
const MIN_JUDGED_CHARS: usize = 4;

/// Bounds of an engine's work, each with its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bounds of decoding.
    pub limits: Limits,
    /// A stream waits at most this many bytes for a match to end. 4,096.
    pub max_hold_bytes: usize,
    /// A stream scans when this many bytes have arrived since the last scan. 32, about ten Chinese characters.
    pub stride_bytes: usize,
    /// The most findings of one pattern, and of all keyword lists together, in one text. 2,000.
    pub max_findings: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { limits: Limits::default(), max_hold_bytes: 4_096, stride_bytes: 32, max_findings: 2_000 }
    }
}

/// Compiled rules. Immutable; share it behind an [`Arc`] and swap the `Arc` to reload.
pub struct Engine {
    pub(crate) options: Options,
    pub(crate) keywords: Keywords,
    pub(crate) patterns: Vec<Pattern>,
    /// The first part id of each pattern.
    pub(crate) first_part: Vec<usize>,
    /// Patterns by the characters that they begin with.
    pub(crate) begin: Begin,
    /// The literal sets of each part.
    sets: Vec<Range<usize>>,
    pub(crate) folded_gate: Gate,
    pub(crate) raw_gate: Gate,
    judges: Vec<Arc<dyn Judge>>,
    /// Folded names of the placeholders that judges read as data.
    placeholders: BTreeSet<String>,
    id: String,
}

/// The bytes that a text has, as written and folded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) raw: Bytes,
    pub(crate) folded: Bytes,
}

impl Seen {
    fn of(raw: &str, folded: &str) -> Self {
        let mut seen = Seen::default();
        seen.raw.note(raw);
        seen.folded.note(folded);
        seen
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("id", &self.id).field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Compiles every rule that can be compiled. Those that cannot are skipped, each with a diagnostic.
    pub fn compile(sources: &[Source], options: &Options) -> (Engine, Vec<Diagnostic>) {
        let mut out = Vec::new();
        let lists: Vec<_> = sources
            .iter()
            .filter(|s| s.kind == SourceKind::Keywords)
            .map(|s| keyword_file::read(s, &mut out))
            .collect();
        let keywords = Keywords::compile(&lists).unwrap_or_else(|reason| {
            out.push(Diagnostic {
                severity: Severity::Error,
                path: "keywords".to_owned(),
                line: 1,
                column: 1,
                message: format!("the word lists do not compile: {reason}"),
                remedy: "make them smaller".to_owned(),
            });
            Keywords::default()
        });
        let mut patterns: Vec<Pattern> = Vec::new();
        let mut known: HashMap<String, String> = HashMap::new();
        for source in sources.iter().filter(|s| s.kind == SourceKind::Patterns) {
            for entry in pattern_file::read(source, &mut out) {
                match known.get(&entry.pattern.id) {
                    Some(path) => {
                        let message = format!("{:?} is already the id of a pattern in {path}", entry.pattern.id);
                        Reporter::new(source, &mut out).error(entry.at, message, "ids are unique over all packs");
                    }
                    None => {
                        known.insert(entry.pattern.id.clone(), source.path.clone());
                        patterns.push(entry.pattern);
                    }
                }
            }
        }
        let first_part = patterns
            .iter()
            .scan(0, |next, p| {
                let first = *next;
                *next += p.parts.len();
                Some(first)
            })
            .collect();
        // Redaction calls a label that no pack names by itself, or DATA.
        let data = patterns.iter().filter(|p| matches!(p.family, Family::Pii | Family::Secret));
        let mut own: BTreeSet<String> = data.map(|p| placeholder::fold_name(&p.label)).collect();
        own.insert(placeholder::fold_name("DATA"));
        let engine = Engine {
            begin: Begin::new(&patterns),
            sets: gate::sets(&patterns),
            folded_gate: Gate::new(&patterns, false),
            raw_gate: Gate::new(&patterns, true),
            options: *options,
            keywords,
            patterns,
            first_part,
            judges: Vec::new(),
            placeholders: own,
            id: identify(sources, options),
        };
        (engine, out)
    }

    /// Adds native judges; they run after the rules, in this order.
    #[must_use]
    pub fn with_judges(mut self, judges: Vec<Arc<dyn Judge>>) -> Self {
        for judge in &judges {
            self.id = blake3::hash(format!("{}\0{}", self.id, judge.name()).as_bytes()).to_hex().to_string();
        }
        self.judges.extend(judges);
        self
    }

    /// Names that redaction writes into placeholders, such as `手机号`: judges read a placeholder of such a name, and of
    /// no other, as they read the personal data that it stands for.
    #[must_use]
    pub fn with_placeholders<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.placeholders.extend(names.into_iter().map(placeholder::fold_name).filter(|name| !name.is_empty()));
        let names = self.placeholders.iter().map(String::as_str).collect::<Vec<_>>().join("\0");
        self.id = blake3::hash(format!("{}\0{names}", self.id).as_bytes()).to_hex().to_string();
        self
    }

    /// The hash of the sources, the options, the judges and the placeholders: equal ids give equal verdicts.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The longest stretch, in bytes, that a stream may have to hold back for a rule with a bounded match, capped by
    /// [`Options::max_hold_bytes`]. Streams hold back far less unless a match has actually begun.
    pub fn hold_bytes(&self) -> usize {
        let reach = self.patterns.iter().filter_map(Pattern::reach).max().unwrap_or(0);
        reach.max(self.keywords.widest_bytes).min(self.options.max_hold_bytes)
    }

    /// How many keywords (distinct after folding) and patterns the engine has.
    pub fn sizes(&self) -> (usize, usize) {
        (self.keywords.len(), self.patterns.len())
    }

    /// Inspects one text.
    pub fn inspect(&self, text: &str, side: Side, role: Role) -> Verdict {
        self.inspect_with(text, side, role, &Extra::default())
    }

    /// Inspects one text, and looks for this request's canaries and system prompts too.
    pub fn inspect_with(&self, text: &str, side: Side, role: Role, extra: &Extra) -> Verdict {
        let mut verdict = Verdict::default();
        let mut clock = Clock::start();

        let folded = Folder::shared().fold(text);
        let mut findings = disguise::inspect(text);
        clock.lap("normalise", &mut verdict.stages);

        let hits = self.keywords.inspect(text, &folded, side);
        findings.extend(hits.iter().take(self.options.max_findings).filter_map(|hit| self.keyword_finding(hit, text)));
        clock.lap("keywords", &mut verdict.stages);

        self.run_patterns(text, &folded, side, false, |pattern, span, score| {
            findings.push(pattern_finding(pattern, span, score, span.of(text)));
        });
        clock.lap("patterns", &mut verdict.stages);

        let layers = decode::layers(text, &self.options.limits);
        self.inspect_layers(&layers, side, &mut findings);
        clock.lap("decode", &mut verdict.stages);

        if !extra.is_empty() {
            findings.extend(extra.inspect(text, &folded, 0, true).0);
            clock.lap("leak", &mut verdict.stages);
        }
        arrange(&mut findings);
        if hits.len() > self.options.max_findings || self.overflows(&findings) {
            // What was not counted was not inspected, and would pass unredacted: that is an outage, not an allow.
            verdict.unavailable.push(Unavailable {
                detector: "findings".into(),
                reason: format!("the text holds more than {} findings of one kind", self.options.max_findings),
            });
        }
        verdict.labels = labels(&findings, side);
        verdict.findings = findings;
        // The operator's own instructions are not judged: they talk of rules, roles and refusals by trade.
        if role != Role::System && extra.asks_judges() && !self.judges.is_empty() {
            let prose = self.without_data(text, 0, &verdict.findings);
            for judge in &self.judges {
                self.ask(judge.as_ref(), &prose, &layers, side, role, &mut verdict, text.len());
                clock.lap(stage(judge.as_ref()), &mut verdict.stages);
            }
        }
        verdict
    }

    /// Asks a judge about a text, and about what was encoded in it.
    #[expect(clippy::too_many_arguments, reason = "what a judge is asked about, and where its answer goes")]
    fn ask(
        &self,
        judge: &dyn Judge,
        text: &str,
        layers: &[Layer],
        side: Side,
        role: Role,
        verdict: &mut Verdict,
        bytes: usize,
    ) {
        let labels = match judge.judge(&JudgeInput::of_text(text, side, role)) {
            Ok(labels) => labels,
            Err(error) => {
                let detector = stage(judge).into();
                verdict.unavailable.push(Unavailable { detector, reason: error.to_string() });
                return;
            }
        };
        // Words that are only about a risk make no text risky where a judge has read it: their share goes, what speaks
        // for an offence stays.
        let firm = |f: &&Finding| f.family != Family::Grey && !matches!(f.level, Some(Level::Related | Level::None));
        let evidence: Vec<Finding> = verdict.findings.iter().filter(firm).cloned().collect();
        verdict.labels.risk_score = crate::labels::labels(&evidence, side).risk_score;
        let called = judge.called_from();
        verdict.findings.extend(judged(&labels, called, side, Span::new(0, bytes)));
        verdict.labels.absorb(&labels);
        for layer in layers.iter().filter(|l| l.text.chars().count() >= MIN_JUDGED_CHARS).take(MAX_JUDGED_LAYERS) {
            let Some(labels) = judge.glance(&layer.text, side) else { continue };
            let mut found = judged(&labels, called, side, layer.span);
            if found.is_empty() {
                continue;
            }
            let via = Transform::Decoded(layer.codecs.iter().map(|c| Cow::Borrowed(c.id())).collect());
            let (detector, attack) = encoding(layer);
            if !verdict.findings.iter().any(|f| f.detector == detector && f.span == layer.span) {
                let mut finding = Finding::new(detector, "encoded", Family::Attack, layer.span, ENCODED_SCORE);
                finding.attack = Some(attack);
                found.push(finding);
            }
            found.iter_mut().for_each(|f| f.via = via.clone());
            verdict.labels.absorb(&crate::labels::labels(&found, side));
            verdict.findings.extend(found);
        }
    }

    /// What the judges make of a stretch of a growing text, at first sight. It begins at byte `from` of the whole, where
    /// rules have found `findings`; what is called is reported at `span`.
    pub(crate) fn glance<'f>(
        &self,
        text: &str,
        from: usize,
        findings: impl IntoIterator<Item = &'f Finding>,
        side: Side,
        role: Role,
        span: Span,
    ) -> Vec<Finding> {
        if role == Role::System {
            return Vec::new();
        }
        let text = &self.without_data(text, from, findings);
        let each = self.judges.iter().filter_map(|judge| {
            let labels = judge.glance(text, side)?;
            Some(judged(&labels, judge.called_from(), side, span))
        });
        each.flatten().collect()
    }

    /// The text, which begins at byte `from` of the whole, without the personal data and credentials that rules have
    /// found in it, and without the placeholders that stand for such: a number, key or placeholder is not a sentence, and
    /// a judge would take a long one for something encoded, and a repeated one for a leak.
    fn without_data<'t, 'f>(
        &self,
        text: &'t str,
        from: usize,
        findings: impl IntoIterator<Item = &'f Finding>,
    ) -> Cow<'t, str> {
        let data = findings.into_iter().filter(|f| matches!(f.family, Family::Pii | Family::Secret));
        let data = data.filter(|f| f.span.end > from && f.span.start < from + text.len());
        let mut spans: Vec<Span> = data
            .map(|f| Span::new(f.span.start.saturating_sub(from), (f.span.end - from).min(text.len())))
            .chain(placeholder::find(text, |name| self.placeholders.contains(name)).map(|p| p.span))
            .collect();
        spans.sort_unstable();
        let mut out = String::new();
        let mut end = 0;
        for span in spans {
            if span.start >= end
                && let Some(before) = text.get(end..span.start)
            {
                out.push_str(before);
                out.push_str(DATA);
                end = span.end;
            }
        }
        if end == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(end..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Whether there is any judge.
    pub(crate) fn has_judges(&self) -> bool {
        !self.judges.is_empty()
    }

    /// Whether some pattern was stopped at its limit, so that later matches of it are not known. Cues only label.
    pub(crate) fn overflows(&self, findings: &[Finding]) -> bool {
        if findings.len() < self.options.max_findings {
            return false;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for finding in findings.iter().filter(|f| !matches!(f.family, Family::Cue | Family::Grey)) {
            *counts.entry(finding.detector.as_ref()).or_default() += 1;
        }
        counts.values().any(|count| *count >= self.options.max_findings)
    }

    /// A stream of text in this direction.
    pub fn stream(self: &Arc<Self>, side: Side, role: Role) -> Stream {
        self.stream_with(side, role, &Extra::default())
    }

    /// A stream that also looks for this request's canaries and system prompts.
    pub fn stream_with(self: &Arc<Self>, side: Side, role: Role, extra: &Extra) -> Stream {
        Stream::new(Arc::clone(self), side, role, extra.clone())
    }

    /// The total number of literal sets, the size of an [`Armed`].
    pub(crate) fn literal_sets(&self) -> usize {
        self.sets.last().map_or(0, |sets| sets.end)
    }

    /// Whether every part of a pattern can match somewhere.
    fn can_match(&self, pattern: &Pattern, first: usize, armed: &Armed, seen: &Seen) -> bool {
        let seen = if pattern.raw { &seen.raw } else { &seen.folded };
        let mut parts = pattern.parts.iter().enumerate();
        parts.all(|(i, part)| part.fits(seen) && self.armed(armed, first + i, 0))
    }

    /// Whether a part can match at or after `from`.
    pub(crate) fn armed(&self, armed: &Armed, part: usize, from: usize) -> bool {
        self.sets.get(part).is_none_or(|sets| armed.since(sets, from))
    }

    pub(crate) fn reading<'t>(&self, text: &'t str, complete: bool) -> Reading<'t> {
        Reading { text, complete, max_hold_bytes: self.options.max_hold_bytes, max_findings: self.options.max_findings }
    }

    fn run_patterns(
        &self,
        text: &str,
        folded: &View,
        side: Side,
        decoded: bool,
        mut emit: impl FnMut(&Pattern, Span, f32),
    ) {
        let mut armed = Armed::new(self.literal_sets());
        self.folded_gate.arm(&folded.text, 0, &mut armed);
        self.raw_gate.arm(text, 0, &mut armed);
        let seen = Seen::of(text, &folded.text);
        for (pattern, first) in self.patterns.iter().zip(&self.first_part) {
            let wanted = pattern.sides.has(side) && (pattern.decoded || !decoded);
            if !wanted || !self.can_match(pattern, *first, &armed, &seen) {
                continue;
            }
            let reading = self.reading(if pattern.raw { text } else { &folded.text }, true);
            pattern.walk(
                reading,
                &mut Cursor::default(),
                |_, _| true,
                |hit| {
                    let span =
                        if pattern.raw { Span::new(hit.range.start, hit.range.end) } else { folded.origin(hit.range) };
                    emit(pattern, span, hit.score);
                },
            );
        }
    }

    /// What each pattern costs on a text, for those who write patterns: its id, whether it was let through by the
    /// literal gate, and nanoseconds. A pattern that is let through on most texts deserves a more telling literal.
    pub fn pattern_costs(&self, text: &str, side: Side) -> Vec<(&str, bool, u64)> {
        let folded = Folder::shared().fold(text);
        let mut armed = Armed::new(self.literal_sets());
        self.folded_gate.arm(&folded.text, 0, &mut armed);
        self.raw_gate.arm(text, 0, &mut armed);
        let seen = Seen::of(text, &folded.text);
        let mut costs = Vec::with_capacity(self.patterns.len());
        for (pattern, first) in self.patterns.iter().zip(&self.first_part) {
            let ran = pattern.sides.has(side) && self.can_match(pattern, *first, &armed, &seen);
            if ran {
                pattern.prepare();
            }
            let started = Instant::now();
            if ran {
                let reading = self.reading(if pattern.raw { text } else { &folded.text }, true);
                pattern.walk(reading, &mut Cursor::default(), |_, _| true, |_| {});
            }
            let ns = if ran { u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX) } else { 0 };
            costs.push((pattern.id.as_ref(), ran, ns));
        }
        costs
    }

    /// Inspects decoded layers. What is found in one stands where its encoded run stands, once for each rule.
    pub(crate) fn inspect_layers(&self, layers: &[Layer], side: Side, findings: &mut Vec<Finding>) {
        let folder = Folder::shared();
        let plain = findings.len();
        for layer in layers {
            let before = findings.len();
            let via = Transform::Decoded(layer.codecs.iter().map(|c| Cow::Borrowed(c.id())).collect());
            let mut add = |mut finding: Finding| {
                finding.span = layer.span;
                finding.via = via.clone();
                let known = |f: &Finding| {
                    f.span == finding.span && f.detector == finding.detector && matches!(f.via, Transform::Decoded(_))
                };
                if !findings.iter().skip(plain).any(known) {
                    findings.push(finding);
                }
            };
            let folded = folder.fold(&layer.text);
            for hit in self.keywords.inspect(&layer.text, &folded, side) {
                self.keyword_finding(&hit, &layer.text).into_iter().for_each(&mut add);
            }
            self.run_patterns(&layer.text, &folded, side, true, |pattern, span, score| {
                add(pattern_finding(pattern, span, score, span.of(&layer.text)));
            });
            // An encoded credential or phone number is data; an encoded offence or instruction is an attack.
            let suspicious = findings.iter().skip(before).any(|f| {
                matches!(
                    f.family,
                    Family::Keyword | Family::Grey | Family::Attack | Family::UnsafeOutput | Family::Leak
                )
            });
            if suspicious {
                let (detector, attack) = encoding(layer);
                let mut finding = Finding::new(detector, "encoded", Family::Attack, layer.span, ENCODED_SCORE);
                finding.attack = Some(attack);
                finding.via = via;
                let shown = layer.text.floor_char_boundary(MAX_EVIDENCE_BYTES);
                finding.evidence = Evidence::new(&layer.text[..shown]);
                findings.push(finding);
            }
        }
    }

    pub(crate) fn keyword_finding(&self, hit: &keywords::Hit, text: &str) -> Option<Finding> {
        let profile = self.keywords.profiles.get(hit.profile as usize)?;
        let share = if hit.via == Via::Sound { SOUND_SHARE } else { 1.0 };
        let mut finding = Finding::new(
            profile.detector.clone(),
            profile.label.clone(),
            profile.family(),
            hit.span,
            profile.score * share,
        );
        profile.marks.stamp(&mut finding);
        finding.via = match hit.via {
            Via::Folded => Transform::Folded,
            Via::Tight => Transform::Tight,
            Via::Composed => Transform::Composed,
            Via::Sound => Transform::Sound,
        };
        finding.evidence = Evidence::new(hit.span.of(text));
        Some(finding)
    }
}

/// The stage of a judge: its name without its version.
fn stage(judge: &dyn Judge) -> String {
    format!("judge.{}", judge.name().split('@').next().unwrap_or_default())
}

/// What a judge has called risky or an attack, as findings: rules that look at who wrote something need to know where
/// it stands.
fn judged(labels: &Labels, called: (f32, f32), side: Side, span: Span) -> Vec<Finding> {
    let mut found = Vec::new();
    if labels.level.as_ref().is_some_and(|l| l.id == Level::Risky) {
        let (detector, what) =
            if side == Side::Output { ("judge.unsafe_answer", "unsafe_answer") } else { ("judge.risky", "risky") };
        let mut risky = Finding::new(detector, what, Family::Model, span, labels.risk_score);
        risky.risk = labels.risks.first().map(|r| r.id);
        risky.level = Some(Level::Risky);
        found.push(risky);
    }
    if labels.attack_score >= called.1 {
        let mut attack = Finding::new("judge.attack", "attack", Family::Model, span, labels.attack_score);
        attack.attack = labels.attacks.first().map(|a| a.id);
        found.push(attack);
    }
    found
}

pub(crate) fn pattern_finding(pattern: &Pattern, span: Span, score: f32, matched: &str) -> Finding {
    let mut finding = Finding::new(pattern.id.clone(), pattern.label.clone(), pattern.family, span, score);
    pattern.marks.stamp(&mut finding);
    finding.evidence = Evidence::new(matched);
    finding
}

/// The attack that hiding something in this encoding is.
fn encoding(layer: &Layer) -> (&'static str, Attack) {
    match layer.codecs.first() {
        Some(Codec::Rot13 | Codec::Caesar | Codec::Atbash) => ("attack.e2.cipher", Attack::E2),
        Some(Codec::Tags | Codec::Selectors | Codec::ZeroWidth | Codec::Flipped) => ("attack.e3.hidden", Attack::E3),
        Some(Codec::Leet) => ("attack.e4.leet", Attack::E4),
        Some(Codec::Reversed) => ("attack.e6.reversed", Attack::E6),
        _ => ("attack.e1.encoded", Attack::E1),
    }
}

/// Puts findings into the order of the text and drops repetitions of one detector at one place.
pub(crate) fn arrange(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (a.span, &a.detector, &a.label).cmp(&(b.span, &b.detector, &b.label)).then(b.score.total_cmp(&a.score))
    });
    findings.dedup_by(|b, a| a.span == b.span && a.detector == b.detector && a.label == b.label && a.via == b.via);
}

fn identify(sources: &[Source], options: &Options) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(format!("{options:?}").as_bytes());
    for source in sources {
        for field in [&source.pack, &source.path, &source.body] {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Times the stages.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Clock(Instant::now())
    }

    fn lap(&mut self, name: impl Into<Cow<'static, str>>, stages: &mut Vec<Stage>) {
        let now = Instant::now();
        let us = u64::try_from(now.duration_since(self.0).as_micros()).unwrap_or(u64::MAX);
        stages.push(Stage { name: name.into(), us });
        self.0 = now;
    }
}
