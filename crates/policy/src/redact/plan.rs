//! What is replaced, and by what.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use menshen_text::placeholder::{MAX_NAME_CHARS, fold_name};
use menshen_verdict::{Conversation, Family, Finding, Redaction, Span, Verdict};

use super::mask::mask;
use super::restore::existing;
use crate::condition::DEFAULT_MIN;
use crate::glob::{Glob, any};
use crate::settings::{Lang, Style, Text};

/// What one rule wants redacted.
pub(crate) struct Order<'r> {
    pub(crate) detectors: &'r [Glob],
    pub(crate) min: Option<f32>,
    pub(crate) restore: bool,
    pub(crate) style: Style,
}

/// One place to be replaced: findings that overlap are one place, or what is between their ends would show.
struct Spot<'v> {
    segment: usize,
    span: Span,
    /// The longest of the findings: it names the place.
    finding: &'v Finding,
    restore: bool,
    masked: bool,
    secret: bool,
}

/// Plans the redactions that the orders ask for.
///
/// Placeholders are numbered by kind in order of appearance; the same value of the same kind has the same number in
/// the whole conversation, and no number is given that the conversation already uses.
pub(crate) fn plan(
    conversation: &Conversation,
    verdict: &Verdict,
    orders: &[Order<'_>],
    labels: &BTreeMap<String, Text>,
    lang: Lang,
) -> Vec<Redaction> {
    let mut spots = spots(conversation, verdict, orders);
    if spots.is_empty() {
        return Vec::new();
    }
    spots.sort_by_key(|s| (s.segment, s.span));
    let taken: HashSet<(String, u32)> = conversation.segments.iter().flat_map(|s| existing(&s.text)).collect();
    let mut numbers: HashMap<(String, &str), u32> = HashMap::new();
    let mut last: HashMap<String, u32> = HashMap::new();
    let mut redactions = Vec::with_capacity(spots.len());
    for spot in spots {
        let Some(segment) = conversation.segments.get(spot.segment) else { continue };
        let original = spot.span.of(&segment.text);
        let label = spot.finding.label.clone();
        let (replacement, restore) = if spot.masked {
            (mask(&label, original, spot.secret), false)
        } else {
            let name = name_of(&label, labels, lang);
            let folded = fold_name(&name);
            let number = *numbers.entry((folded.clone(), original)).or_insert_with(|| {
                let next = last.entry(folded.clone()).or_insert(0);
                loop {
                    *next += 1;
                    if !taken.contains(&(folded.clone(), *next)) {
                        break *next;
                    }
                }
            });
            (format!("[{name}#{number}]"), spot.restore)
        };
        redactions.push(Redaction { segment: spot.segment, span: spot.span, label, replacement, restore });
    }
    redactions
}

fn spots<'v>(conversation: &Conversation, verdict: &'v Verdict, orders: &[Order<'_>]) -> Vec<Spot<'v>> {
    let mut spots: Vec<Spot<'v>> = Vec::new();
    for finding in &verdict.findings {
        let mut wanted = orders
            .iter()
            .filter(|o| finding.score >= o.min.unwrap_or(DEFAULT_MIN) && any(o.detectors, &finding.detector))
            .peekable();
        if wanted.peek().is_none() {
            continue;
        }
        let Some(segment) = conversation.segments.get(finding.segment) else { continue };
        if finding.span.of(&segment.text).is_empty() {
            continue;
        }
        let (mut restore, mut masked) = (true, false);
        for order in wanted {
            restore &= order.restore;
            masked |= order.style == Style::Mask;
        }
        let secret = finding.family == Family::Secret;
        spots.push(Spot { segment: finding.segment, span: finding.span, finding, restore, masked, secret });
    }
    spots.sort_by(|a, b| (a.segment, a.span.start).cmp(&(b.segment, b.span.start)).then_with(|| stronger(a, b)));
    let mut merged: Vec<Spot<'v>> = Vec::with_capacity(spots.len());
    for spot in spots {
        match merged.last_mut() {
            Some(last) if last.segment == spot.segment && last.span.overlaps(spot.span) => {
                if stronger(last, &spot).is_gt() {
                    last.finding = spot.finding;
                }
                last.span.end = last.span.end.max(spot.span.end);
                last.restore &= spot.restore;
                last.masked |= spot.masked;
                last.secret |= spot.secret;
            }
            _ => merged.push(spot),
        }
    }
    merged
}

/// The longer finding first, then the surer, then by id: independent of the order of findings.
fn stronger(a: &Spot<'_>, b: &Spot<'_>) -> std::cmp::Ordering {
    let length = |s: &Spot<'_>| s.finding.span.end - s.finding.span.start;
    length(b)
        .cmp(&length(a))
        .then(b.finding.score.total_cmp(&a.finding.score))
        .then_with(|| a.finding.detector.cmp(&b.finding.detector))
}

/// What a placeholder calls a label: the packs' word for it, else the label itself.
fn name_of<'l>(label: &'l str, labels: &'l BTreeMap<String, Text>, lang: Lang) -> Cow<'l, str> {
    let known = labels.get(label).map(|t| t.get(lang)).filter(|t| !t.is_empty());
    match known {
        Some(name) => Cow::Borrowed(name),
        None => {
            let name: String = label
                .chars()
                .map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .take(MAX_NAME_CHARS)
                .collect();
            if name.chars().any(char::is_alphanumeric) { Cow::Owned(name) } else { Cow::Borrowed("DATA") }
        }
    }
}
