//! The implicit label itself: seven members, in order (GB 45438-2025 Annex E).
//!
//! Writing is strict: what [`Aigc`] holds is what the standard allows. Reading ([`read`]) is lenient, as files in the wild
//! are, and says what is wrong with what it read ([`Fault`]); [`verify`] turns that into a verdict on a whole file.

mod code;
mod fault;
mod read;
mod verdict;

#[cfg(test)]
mod tests;

pub use code::{ProviderCode, Service};
pub use fault::Fault;
pub use read::{Form, Reading, read};
pub use verdict::{State, USAGE_EXIT, Verdict, document, verify};

use serde_json::Value;

use crate::Error;

/// The longest member that is written, in bytes. The standard has no limit; carriers do (a JPEG segment holds 64 KiB), and
/// signatures take about 700 bytes.
pub const LONGEST: usize = 8 * 1024;

/// A member of the label, in the order of Annex E.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// Whether the content is generated.
    Label,
    /// Name or code of the provider that generated it.
    ContentProducer,
    /// That provider's own number of the content.
    ProduceID,
    /// That provider's own use: signatures (TC260-PG-202511A).
    ReservedCode1,
    /// Name or code of the provider that spreads it.
    ContentPropagator,
    /// That provider's own number of the content.
    PropagateID,
    /// That provider's own use.
    ReservedCode2,
}

impl Member {
    /// All seven, in the order of Annex E.
    pub const ALL: [Member; 7] = [
        Member::Label,
        Member::ContentProducer,
        Member::ProduceID,
        Member::ReservedCode1,
        Member::ContentPropagator,
        Member::PropagateID,
        Member::ReservedCode2,
    ];

    /// The name as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Member::Label => "Label",
            Member::ContentProducer => "ContentProducer",
            Member::ProduceID => "ProduceID",
            Member::ReservedCode1 => "ReservedCode1",
            Member::ContentPropagator => "ContentPropagator",
            Member::PropagateID => "PropagateID",
            Member::ReservedCode2 => "ReservedCode2",
        }
    }

    /// Whether the member is for the provider's own use: it may be empty, and holds JSON whose quotes are escaped.
    #[must_use]
    pub fn is_reserved(self) -> bool {
        matches!(self, Member::ReservedCode1 | Member::ReservedCode2)
    }
}

/// What `Label` says of the content (GB 45438-2025 Annex E; the Measures, article 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `1`, 属于: it is generated.
    Generated,
    /// `2`, 可能: its user says so.
    Possible,
    /// `3`, 疑似: traces say so.
    Suspected,
}

impl Kind {
    /// The value of `Label`.
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Kind::Generated => "1",
            Kind::Possible => "2",
            Kind::Suspected => "3",
        }
    }

    /// Of a value of `Label`.
    #[must_use]
    pub fn of(value: &str) -> Option<Kind> {
        match value {
            "1" => Some(Kind::Generated),
            "2" => Some(Kind::Possible),
            "3" => Some(Kind::Suspected),
            _ => None,
        }
    }
}

/// A label as the standard wants it. It is made by [`Aigc::generated`], [`Aigc::observed`] or [`Reading::aigc`], which
/// check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aigc {
    kind: Kind,
    members: [String; 7],
}

impl Aigc {
    /// The label of content at its birth: the propagation members take the values of the production members (Annex E).
    ///
    /// `producer` is the provider's code ([`ProviderCode`]) or name, `id` its number of the content.
    ///
    /// # Errors
    /// When a value is empty, too long or holds a character that the standard bars (Chinese names: use the code).
    pub fn generated(producer: &str, id: &str, kind: Kind) -> Result<Aigc, Error> {
        own(producer)?;
        Self::of(kind, [kind.value(), producer, id, "", producer, id, ""].map(str::to_owned))
    }

    /// The label that a platform writes for content without metadata, which its user declares or which bears traces (the
    /// Measures, article 6 (2) and (3)): the producer is not known to the platform.
    ///
    /// The production members may not be empty (Annex E), and naming the platform there would say that it generated the
    /// content; they say `unknown`.
    ///
    /// # Errors
    /// As [`Aigc::generated`].
    pub fn observed(platform: &str, id: &str, kind: Kind) -> Result<Aigc, Error> {
        own(platform)?;
        Self::of(kind, [kind.value(), UNKNOWN, UNKNOWN, "", platform, id, ""].map(str::to_owned))
    }

    /// The same label, spread by a platform: the production members stay, the propagation members are the platform's (the
    /// Measures, article 6, last paragraph). What an earlier platform put into its reserved member is dropped, for it
    /// vouches for that platform's members.
    ///
    /// # Errors
    /// As [`Aigc::generated`].
    pub fn propagated(&self, platform: &str, id: &str) -> Result<Aigc, Error> {
        own(platform)?;
        let mut members = self.members.clone();
        let [_, _, _, _, propagator, propagate_id, reserved] = &mut members;
        *propagator = platform.to_owned();
        *propagate_id = id.to_owned();
        reserved.clear();
        Self::of(self.kind, members)
    }

    /// The same label with a reserved member filled ([`crate::security`] writes signatures there).
    ///
    /// # Errors
    /// When `member` is not a reserved one, or the value breaks the character set.
    pub fn with_reserved(&self, member: Member, value: &str) -> Result<Aigc, Error> {
        if !member.is_reserved() {
            return Err(Error::Label(format!("{} is not a reserved member", member.name())));
        }
        let mut members = self.members.clone();
        if let Some(slot) = members.get_mut(member as usize) {
            value.clone_into(slot);
        }
        Self::of(self.kind, members)
    }

    pub(crate) fn of(kind: Kind, members: [String; 7]) -> Result<Aigc, Error> {
        for (member, value) in Member::ALL.into_iter().zip(&members) {
            if value.is_empty() && !member.is_reserved() {
                return Err(Error::Label(format!("{} is empty", member.name())));
            }
            if value.len() > LONGEST {
                return Err(Error::Label(format!("{} is longer than {LONGEST} bytes", member.name())));
            }
            if let Some(bad) = barred(member, value) {
                return Err(Error::Label(format!(
                    "{} holds {bad:?}, which GB 45438-2025 E.j bars; allowed are printable ASCII characters but the space, \
                     the quote and the backslash (use the provider's code instead of a Chinese name)",
                    member.name()
                )));
            }
        }
        Ok(Aigc { kind, members })
    }

    /// What it says of the content.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A member.
    #[must_use]
    pub fn get(&self, member: Member) -> &str {
        self.members.get(member as usize).map_or("", String::as_str)
    }

    /// The seven members as a JSON object without spaces, in order: what [`crate::carrier::Carrier::write`] takes.
    #[must_use]
    pub fn to_value(&self) -> String {
        let members = Member::ALL.into_iter().zip(&self.members);
        let members: Vec<String> =
            members.map(|(member, value)| format!("\"{}\":{}", member.name(), Value::from(value.as_str()))).collect();
        format!("{{{}}}", members.join(","))
    }

    /// The same with the outer object: `{"AIGC":{…}}`, the string form of Annex E.
    #[must_use]
    pub fn to_wrapped(&self) -> String {
        format!("{{\"AIGC\":{}}}", self.to_value())
    }
}

/// The production members where the producer is not known.
pub const UNKNOWN: &str = "unknown";

/// A provider's own code is right before it is written. Those of others are kept as they are.
fn own(provider: &str) -> Result<(), Error> {
    if ProviderCode::looks_like(provider) { ProviderCode::parse(provider).map(|_| ()) } else { Ok(()) }
}

/// The first character that the standard bars (GB 45438-2025 E.j: GB 18030 codes 0x21, 0x23–0x5B, 0x5D–0x7E). The quote
/// is let through in reserved members alone: the JSON that TC260-PG-202511A puts there has quotes, written `\"`.
pub(crate) fn barred(member: Member, value: &str) -> Option<char> {
    value.chars().find(|c| !(matches!(c, '!' | '#'..='[' | ']'..='~') || (*c == '"' && member.is_reserved())))
}
