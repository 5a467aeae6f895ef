//! The data: kinds, categories, reasons, decisions, effects, templates, the calendar.

use std::collections::BTreeSet;

use menshen_store::{CaseDecision, CaseFamily};
use serde::{Deserialize, Serialize};

use super::clock::{Calendar, Span, Written};
use super::words::unknown;
use crate::config::Cases;
use crate::error::{Failure, GatewayError};

const BUILT_IN: &str = include_str!("../../../../packs/governance/cases.toml");
/// A larger file is none of these.
const MOST_BYTES: u64 = 4 << 20;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Named {
    /// In a language; Chinese where it is neither.
    pub fn of(&self, lang: &str) -> &str {
        if lang == "en" { &self.en } else { &self.zh }
    }
}

/// What a kind wants filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// How to reach whoever complains.
    Contact,
    /// Where the content stands.
    Url,
    /// Which request it is about.
    RequestId,
}

/// A kind of case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Its id.
    pub id: String,
    /// Its family.
    pub family: CaseFamily,
    /// What it is called.
    pub name: Named,
    /// What it is for.
    pub about: Named,
    /// Until when it must be acknowledged.
    pub acknowledge: Span,
    /// Until when it must be answered.
    pub answer: Span,
    /// How long before that it is due soon.
    pub soon: Span,
    /// Acknowledged at once.
    #[serde(default)]
    pub auto: bool,
    /// Whether the public form offers it.
    #[serde(default)]
    pub public: bool,
    /// What must be filled in.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// Something with an id and a name: a category, a reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: Named,
}

/// What can be decided.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Which.
    pub id: CaseDecision,
    /// What it is called.
    pub name: Named,
    /// Whether a second person must approve.
    #[serde(default)]
    pub four_eyes: bool,
}

/// What the program does itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Lifts the suspension of the case's user.
    Lift,
    /// Marks the case's record as a false alarm.
    FalsePositive,
    /// Releases the case's review.
    Release,
}

/// What is carried out after a decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: Named,
    /// After which decisions.
    pub decisions: Vec<CaseDecision>,
    /// What the program does itself.
    #[serde(default)]
    pub act: Option<Act>,
}

/// Whom a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Whoever complains, when it came in.
    Acknowledge,
    /// Whoever complains, at the end.
    Answer,
    /// Whoever published the content.
    Publisher,
    /// Everybody.
    Public,
    /// The authority.
    Authority,
}

impl Use {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Use::Acknowledge => "acknowledge",
            Use::Answer => "answer",
            Use::Publisher => "publisher",
            Use::Public => "public",
            Use::Authority => "authority",
        }
    }
}

/// The words of a notice.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its id.
    pub id: String,
    /// Whom it is for.
    #[serde(rename = "use")]
    pub uses: Use,
    /// What it is called.
    pub name: Named,
    /// For which families.
    pub families: Vec<CaseFamily>,
    /// After which decisions; empty for any.
    #[serde(default)]
    pub decisions: Vec<CaseDecision>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Template {
    /// Whether it is for cases of this family that are decided so.
    pub fn fits(&self, family: CaseFamily, decision: Option<CaseDecision>) -> bool {
        let decided = self.decisions.is_empty() || decision.is_some_and(|d| self.decisions.contains(&d));
        self.families.contains(&family) && decided
    }

    /// Its words in a language.
    pub fn words(&self, lang: &str) -> &str {
        if lang == "en" { &self.en } else { &self.zh }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    name: Named,
    contact: Named,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    reopen: Span,
    service: Service,
    calendar: Written,
    kind: Vec<Kind>,
    #[serde(default)]
    category: Vec<Reason>,
    reason: Vec<Reason>,
    decision: Vec<Decided>,
    #[serde(default)]
    effect: Vec<Effect>,
    template: Vec<Template>,
}

/// The data in force.
#[derive(Debug, Clone)]
pub struct Book {
    /// How long after its end a case may be reopened.
    pub reopen: Span,
    /// What notices call the service.
    pub service: Named,
    /// How it is reached.
    pub contact: Named,
    /// When people work.
    pub calendar: Calendar,
    /// Kinds.
    pub kinds: Vec<Kind>,
    /// Categories.
    pub categories: Vec<Reason>,
    /// Why a case is not taken up.
    pub reasons: Vec<Reason>,
    /// What can be decided.
    pub decisions: Vec<Decided>,
    /// What is carried out.
    pub effects: Vec<Effect>,
    /// Words.
    pub templates: Vec<Template>,
}

fn unique<'a>(what: &str, ids: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for id in ids {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
            return Err(format!("[[{what}]] {id:?}: ids are 1 to 64 of the characters a-z A-Z 0-9 . - _"));
        }
        if !seen.insert(id) {
            return Err(format!("[[{what}]] {id:?} is there twice; ids are unique"));
        }
    }
    Ok(())
}

impl Book {
    /// Reads the data that is configured.
    ///
    /// # Errors
    /// When the file cannot be read or has a mistake; the message names it.
    pub fn load(config: &Cases) -> Result<Self, GatewayError> {
        let Some(path) = &config.file else {
            let wrong = |e| GatewayError::new(Failure::Internal, format!("packs/governance/cases.toml: {e}"));
            return Book::read(BUILT_IN).map_err(wrong);
        };
        let wrong =
            |e: String| GatewayError::new(Failure::InvalidRequest, format!("[cases] file {}: {e}", path.display()));
        let size = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?.len();
        if size > MOST_BYTES {
            return Err(wrong(format!("it has {size} bytes; {MOST_BYTES} are allowed")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| wrong(e.to_string()))?;
        Book::read(&text).map_err(wrong)
    }

    /// Reads the data.
    ///
    /// # Errors
    /// What is wrong, as a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        if file.version != 1 {
            return Err(format!("version = {} is not read; this program reads 1", file.version));
        }
        let book = Book {
            reopen: file.reopen,
            service: file.service.name,
            contact: file.service.contact,
            calendar: Calendar::read(&file.calendar)?,
            kinds: file.kind,
            categories: file.category,
            reasons: file.reason,
            decisions: file.decision,
            effects: file.effect,
            templates: file.template,
        };
        book.check()?;
        Ok(book)
    }

    fn check(&self) -> Result<(), String> {
        unique("kind", self.kinds.iter().map(|k| k.id.as_str()))?;
        unique("category", self.categories.iter().map(|k| k.id.as_str()))?;
        unique("reason", self.reasons.iter().map(|k| k.id.as_str()))?;
        unique("decision", self.decisions.iter().map(|k| k.id.id()))?;
        unique("effect", self.effects.iter().map(|k| k.id.as_str()))?;
        unique("template", self.templates.iter().map(|k| k.id.as_str()))?;
        let names = (self.kinds.iter().flat_map(|k| [&k.name, &k.about]))
            .chain(self.categories.iter().chain(&self.reasons).map(|r| &r.name))
            .chain(self.decisions.iter().map(|d| &d.name))
            .chain(self.effects.iter().map(|e| &e.name))
            .chain(self.templates.iter().map(|t| &t.name))
            .chain([&self.service, &self.contact]);
        for name in names {
            if name.zh.trim().is_empty() || name.en.trim().is_empty() {
                return Err(format!("{name:?}: a text is missing; both languages are needed"));
            }
        }
        for template in &self.templates {
            for words in [&template.zh, &template.en] {
                if words.trim().is_empty() || words.len() > 16_384 {
                    return Err(format!("[[template]] {:?}: 1 to 16384 bytes in each language", template.id));
                }
                if let Some(name) = unknown(words) {
                    return Err(format!("[[template]] {:?}: {{{name}}} is nothing that can be filled in", template.id));
                }
            }
        }
        if self.reasons.is_empty() {
            return Err("a [[reason]] is needed to reject a case".to_owned());
        }
        for decision in CaseDecision::ALL {
            if !self.decisions.iter().any(|d| d.id == *decision) {
                return Err(format!("[[decision]] {:?} has no name", decision.id()));
            }
        }
        for family in CaseFamily::ALL {
            if !self.kinds.iter().any(|k| k.family == *family) {
                return Err(format!("there is no [[kind]] of the family {:?}", family.id()));
            }
            if !self.templates.iter().any(|t| t.uses == Use::Acknowledge && t.fits(*family, None)) {
                return Err(format!("there is no [[template]] to acknowledge cases of the family {:?}", family.id()));
            }
        }
        Ok(())
    }

    /// The kind of this id.
    pub fn kind(&self, id: &str) -> Option<&Kind> {
        self.kinds.iter().find(|k| k.id == id)
    }

    /// A decision's name and whether it needs four eyes.
    pub fn decision(&self, id: CaseDecision) -> Option<&Decided> {
        self.decisions.iter().find(|d| d.id == id)
    }

    /// The template of this id.
    pub fn template(&self, id: &str) -> Option<&Template> {
        self.templates.iter().find(|t| t.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_data_is_whole() {
        let book = Book::read(BUILT_IN).unwrap();
        assert!(book.kinds.len() >= 10);
        for decision in &book.decisions {
            // Whatever is decided, there are words to answer with, in both languages.
            let family = decision.id.family();
            assert!(
                book.templates.iter().any(|t| t.uses == Use::Answer && t.fits(family, Some(decision.id))),
                "{decision:?}"
            );
        }
        let four: Vec<&str> = book.decisions.iter().filter(|d| d.four_eyes).map(|d| d.id.id()).collect();
        assert_eq!(four, ["take_down", "refute"]);
    }

    #[test]
    fn a_mistake_is_named() {
        for (find, put, word) in [
            ("version = 1", "version = 2", "version = 2"),
            ("id = \"appeal.suspension\"", "id = \"appeal.refusal\"", "twice"),
            ("answer = \"15 working days\"", "answer = \"soon\"", "working days"),
            ("{number}。", "{nummer}。", "nummer"),
            ("four_eyes = true", "four_eye = true", "four_eye"),
            ("id = \"forward\"\n", "id = \"onward\"\n", "onward"),
            ("act = \"lift\"", "act = \"delete\"", "delete"),
            (
                "name = { zh = \"歧视\", en = \"Discrimination\" }",
                "name = { zh = \"歧视\", en = \"\" }",
                "both languages",
            ),
            ("utc_offset_min = 480", "utc_offset_min = 4800", "14 hours"),
        ] {
            assert!(BUILT_IN.contains(find), "{find}");
            let error = Book::read(&BUILT_IN.replacen(find, put, 1)).unwrap_err();
            assert!(error.contains(word), "{find}: {error}");
        }
    }
}
