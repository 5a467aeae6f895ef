//! What a platform tells its public of content that is uploaded to it (the Measures for Labelling, article 6).
//!
//! (1) The metadata says that the content is generated: it is, and the public is told. (2) It does not, and the user
//! declares it: it possibly is. (3) Neither, and there is an explicit label or another trace: it is suspected to be. In all
//! three cases the platform adds its propagation members to the metadata.

pub mod trace;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::Error;
use crate::carrier::{Carrier, Found, Input};
use crate::explicit::text;
use crate::label::{Aigc, Kind, Member, Reading};

/// A sign of generation other than the metadata label and the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trace {
    /// An explicit label stands in the content: its text ([`Trace::in_text`], or read from a picture).
    ExplicitLabel(String),
    /// A watermark was found: which, and of whom.
    Watermark(String),
    /// A C2PA manifest stands in the file and names a generator.
    C2pa(String),
    /// Other metadata of a generator (prompts, its software's name, a declared source type): where and what
    /// ([`trace::traces`]).
    Metadata(String),
}

impl Trace {
    /// The explicit label of a text, if one stands there ([`text::find`]); `own` are the platform's own wordings.
    #[must_use]
    pub fn in_text(content: &str, own: &[&str]) -> Option<Trace> {
        let mark = text::find(content, own).into_iter().next()?;
        content.get(mark.range).map(|label| Trace::ExplicitLabel(label.trim().to_owned()))
    }
}

impl Trace {
    /// `explicit_label`, `watermark`, `c2pa` or `metadata`, and what was found.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Trace::ExplicitLabel(what) => ("explicit_label", what),
            Trace::Watermark(what) => ("watermark", what),
            Trace::C2pa(what) => ("c2pa", what),
            Trace::Metadata(what) => ("metadata", what),
        }
    }
}

/// What is known of uploaded content.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The labels in its metadata.
    pub labels: Vec<Reading>,
    /// Whether its user declares it generated.
    pub declared: bool,
    /// Other signs.
    pub traces: Vec<Trace>,
}

/// What the content is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// No ground to take it for generated.
    None,
    /// Article 6 (3), 疑似.
    Suspected,
    /// Article 6 (2), 可能.
    Possible,
    /// Article 6 (1).
    Confirmed,
}

impl Decision {
    /// `none`, `suspected`, `possible`, `confirmed`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Decision::None => "none",
            Decision::Suspected => "suspected",
            Decision::Possible => "possible",
            Decision::Confirmed => "confirmed",
        }
    }

    /// The value of `Label` that says it.
    #[must_use]
    pub fn kind(self) -> Option<Kind> {
        match self {
            Decision::None => None,
            Decision::Suspected => Some(Kind::Suspected),
            Decision::Possible => Some(Kind::Possible),
            Decision::Confirmed => Some(Kind::Generated),
        }
    }

    /// The paragraph of the Measures.
    #[must_use]
    pub fn clause(self) -> Option<&'static str> {
        match self {
            Decision::None => None,
            Decision::Suspected => Some("人工智能生成合成内容标识办法 6 (3)"),
            Decision::Possible => Some("人工智能生成合成内容标识办法 6 (2)"),
            Decision::Confirmed => Some("人工智能生成合成内容标识办法 6 (1)"),
        }
    }

    /// The notice to show around the content. Each has both elements of an explicit label (GB 45438-2025 chapter 5); the
    /// Measures have no fixed words.
    #[must_use]
    pub fn notice(self) -> Option<Notice> {
        let (zh, en) = match self {
            Decision::None => return None,
            Decision::Suspected => {
                ("本内容疑似由人工智能生成合成，请注意甄别", "This content is suspected to be AI-generated.")
            }
            Decision::Possible => (
                "本内容可能由人工智能生成合成（发布者声明）",
                "This content may be AI-generated, as its publisher declares.",
            ),
            Decision::Confirmed => ("本内容由人工智能生成合成", "This content is AI-generated."),
        };
        Some(Notice { zh, en })
    }
}

/// Words to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

/// Why a decision was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ground {
    /// The metadata says what the content is.
    Label(Kind),
    /// There is a label, and its `Label` says nothing that the standard knows: a trace.
    Unclear(String),
    /// The user declares it.
    Declared,
    /// Another sign.
    Trace(Trace),
}

impl Ground {
    /// As the JSON that the command line and the REST API give: `ground` is `label`, `unclear_label`, `declared`,
    /// `explicit_label`, `watermark`, `c2pa` or `metadata`, `value` what was found.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Ground::Label(kind) => json!({"ground": "label", "value": kind.value()}),
            Ground::Unclear(value) => json!({"ground": "unclear_label", "value": value}),
            Ground::Declared => json!({"ground": "declared"}),
            Ground::Trace(trace) => {
                let (ground, value) = trace.parts();
                json!({"ground": ground, "value": value})
            }
        }
    }
}

/// What a file itself says of how it came to be.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Everything that may be a label, with its place.
    pub found: Vec<Found>,
    /// The labels among it, and traces.
    pub evidence: Evidence,
    /// Why not all of the file could be read.
    pub problem: Option<Error>,
}

/// Reads a file's labels and traces. `own` are wordings of explicit labels that the platform knows besides those with both
/// elements. What cannot be read is no ground for anything, and is said.
pub fn gather(input: &mut dyn Input, carrier: &Carrier, own: &[&str]) -> Gathered {
    let mut gathered = Gathered::default();
    match (carrier.read)(input) {
        Ok(found) => gathered.found = found,
        Err(error) => gathered.problem = Some(error),
    }
    for found in &gathered.found {
        match crate::label::read(&found.value) {
            Some(reading) => gathered.evidence.labels.push(reading),
            // The explicit prompts of texts come again as traces.
            None if found.place.contains(":explicit ") => {}
            None => {
                let trace = Trace::Metadata(format!("{}: a field AIGC that is no label", found.place));
                gathered.evidence.traces.push(trace);
            }
        }
    }
    match trace::traces_by(input, carrier, trace::Markers::shipped(), own) {
        Ok(traces) => gathered.evidence.traces.extend(traces),
        Err(error) => drop(gathered.problem.get_or_insert(error)),
    }
    gathered
}

/// The outcome of an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What the content is taken for.
    pub decision: Decision,
    /// Why: all grounds, not just the decisive one.
    pub grounds: Vec<Ground>,
    /// What to show.
    pub notice: Option<Notice>,
    /// The label to write in place of those that the file has: with the platform's propagation members.
    pub label: Option<Aigc>,
}

/// Decides, and makes the label to write. `platform` is the platform's code ([`crate::label::ProviderCode`]) or name, `id`
/// its number of the content.
///
/// A label of an earlier platform (`2`, `3`) is not a statement of the producer: it gives possible or suspected again, and
/// not less than the user's declaration or other traces give. Production members are kept, mended where they cannot be
/// written ([`Reading::mended`]); of several labels the one that says most is kept.
///
/// # Errors
/// When `platform` or `id` cannot stand in a label.
pub fn inspect(evidence: &Evidence, platform: &str, id: &str) -> Result<Inspection, Error> {
    let mut decision = Decision::None;
    let mut grounds = Vec::new();
    let mut source: Option<(Decision, &Reading)> = None;
    for reading in &evidence.labels {
        let (weight, ground) = match reading.kind() {
            Some(kind) => (of_kind(kind), Ground::Label(kind)),
            None => {
                let value = reading.get(Member::Label).unwrap_or_default();
                (Decision::Suspected, Ground::Unclear(value.chars().take(40).collect()))
            }
        };
        grounds.push(ground);
        decision = decision.max(weight);
        if source.is_none_or(|(before, _)| weight > before) {
            source = Some((weight, reading));
        }
    }
    if evidence.declared {
        grounds.push(Ground::Declared);
        decision = decision.max(Decision::Possible);
    }
    for trace in &evidence.traces {
        grounds.push(Ground::Trace(trace.clone()));
        decision = decision.max(Decision::Suspected);
    }
    let label = match (decision.kind(), source) {
        (None, _) => None,
        (Some(kind), Some((_, reading))) => Some(reading.mended(kind)?.propagated(platform, id)?),
        (Some(kind), None) => Some(Aigc::observed(platform, id, kind)?),
    };
    Ok(Inspection { decision, grounds, notice: decision.notice(), label })
}

fn of_kind(kind: Kind) -> Decision {
    match kind {
        Kind::Generated => Decision::Confirmed,
        Kind::Possible => Decision::Possible,
        Kind::Suspected => Decision::Suspected,
    }
}
