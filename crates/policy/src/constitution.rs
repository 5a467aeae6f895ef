//! The constitution: principles, which of them apply, and the guidance text that they make.

use crate::condition::LabelTests;
use crate::document::Fields;
use crate::facts::Facts;
use crate::glob::Glob;
use crate::rule::{Place, Reference, Rule, item_id, read_labels, two_languages, version};
use crate::settings::{Lang, Text};

/// The reply ids that open and close a guidance text; a pack may write its own under these ids.
pub const GUIDANCE_OPENING: &str = "guidance.opening";
/// See [`GUIDANCE_OPENING`].
pub const GUIDANCE_CLOSING: &str = "guidance.closing";

/// A principle: guidance to the model for texts of some kind.
#[derive(Debug, Clone)]
pub struct Principle {
    /// The id; a later pack's principle of the same id replaces an earlier one's.
    pub id: String,
    /// The pack it comes from.
    pub pack: String,
    /// The version, for the audit.
    pub version: u32,
    /// The guidance.
    pub text: Text,
    /// Whether it is chosen when a rule asks for guidance and nothing else applies.
    pub fallback: bool,
    /// Where it was written.
    pub place: Place,
    pub(crate) applies: LabelTests,
}

impl Principle {
    /// Whether its labels name a risk: what `auto` goes by.
    pub fn names_risk(&self, risk: menshen_verdict::Risk) -> bool {
        self.applies.risk.contains(risk.index())
    }
}

/// Reads a principle; `None` when it has errors, which are reported.
pub(crate) fn read(mut fields: Fields<'_, '_>, pack: &str) -> Option<(Principle, Vec<Reference>)> {
    let file = fields.file();
    let before = file.errors();
    let mut references = Vec::new();
    let id = item_id(&mut fields);
    let version = version(&mut fields);
    let text = two_languages(&mut fields);
    if text == Text::default() {
        file.error(fields.at(), "a principle without text", "write `zh = \"…\"` and `en = \"…\"`");
    } else if text.zh.is_none() || text.en.is_none() {
        file.warning(fields.at(), "a principle in one language only", "write both `zh` and `en`");
    }
    let applies = match fields.table("applies") {
        Some(mut applies) => {
            let labels = read_labels(&mut applies, &mut references);
            applies.finish();
            labels
        }
        None => LabelTests::default(),
    };
    let fallback = fields.boolean("fallback").unwrap_or(false);
    let (line, column) = file.place(fields.at());
    let place = Place { path: file.path().to_owned(), line, column };
    fields.finish();
    let id = id?;
    (file.errors() == before)
        .then(|| (Principle { id, pack: pack.to_owned(), version, text, fallback, place, applies }, references))
}

/// Picks the principles of a rule: those it names, in its order (a glob's matches by id); then, when it says `auto`,
/// those whose own labels match, the strongest first (ties by id); when that is none, the fallback ones.
pub(crate) fn select<'p>(
    principles: &'p [Principle],
    rule: &Rule,
    globs: &[Glob],
    facts: &Facts<'_>,
    most: usize,
) -> Vec<&'p Principle> {
    let mut chosen: Vec<&Principle> = Vec::new();
    for glob in globs {
        for principle in principles.iter().filter(|p| glob.matches(&p.id)) {
            if !chosen.iter().any(|c| c.id == principle.id) {
                chosen.push(principle);
            }
        }
    }
    if rule.auto {
        let labels = &rule.when.labels;
        let mut auto: Vec<(f32, &Principle)> = principles
            .iter()
            .filter(|p| !p.applies.is_empty() && !chosen.iter().any(|c| c.id == p.id))
            .filter(|p| {
                let applies = &p.applies;
                applies.hold_from(facts, applies.risk_min.or(labels.risk_min), applies.attack_min.or(labels.attack_min))
            })
            .map(|p| (p.applies.strength(facts), p))
            .collect();
        auto.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        chosen.extend(auto.into_iter().map(|(_, p)| p));
    }
    if chosen.is_empty() {
        chosen.extend(principles.iter().filter(|p| p.fallback));
    }
    chosen.truncate(most);
    chosen
}

/// Composes the guidance text: the opening, the principles as a numbered list, the closing. Principles that would
/// make it longer than `max_chars` are left out whole, but for the first, which is cut at the end of a sentence.
/// Returns the text and the principles that are in it; `None` without any.
pub(crate) fn compose<'p>(
    chosen: &[&'p Principle],
    opening: &str,
    closing: &str,
    lang: Lang,
    max_chars: usize,
) -> Option<(String, Vec<&'p Principle>)> {
    let frame = opening.chars().count() + closing.chars().count() + 2;
    let mut left = max_chars.saturating_sub(frame);
    let mut lines = Vec::new();
    let mut used = Vec::new();
    for principle in chosen {
        let text = principle.text.get(lang);
        let number = format!("{}. ", lines.len() + 1);
        let length = number.chars().count() + text.chars().count() + 1;
        if length <= left {
            left -= length;
            lines.push(format!("{number}{text}"));
            used.push(*principle);
        } else if lines.is_empty() {
            let short = first_sentences(text, left.max(40));
            left = 0;
            lines.push(format!("{number}{short}"));
            used.push(*principle);
        }
    }
    if lines.is_empty() {
        return None;
    }
    let mut parts = Vec::with_capacity(lines.len() + 2);
    parts.extend((!opening.is_empty()).then(|| opening.to_owned()));
    parts.append(&mut lines);
    parts.extend((!closing.is_empty()).then(|| closing.to_owned()));
    Some((parts.join("\n"), used))
}

/// As many whole sentences as fit into `max` characters; when not even one does, the first `max` characters.
fn first_sentences(text: &str, max: usize) -> &str {
    let end = text.char_indices().nth(max).map_or(text.len(), |(i, _)| i);
    let fitting = &text[..end];
    match fitting.rfind(['。', '！', '？', '；', '.', '!', '?', ';']) {
        Some(at) => &fitting[..at + fitting[at..].chars().next().map_or(1, char::len_utf8)],
        None => fitting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principle(id: &str, zh: &str) -> Principle {
        Principle {
            id: id.to_owned(),
            pack: "p".to_owned(),
            version: 1,
            text: Text { zh: Some(zh.to_owned()), en: Some("Be careful.".to_owned()) },
            fallback: false,
            place: Place::default(),
            applies: LabelTests::default(),
        }
    }

    #[test]
    fn guidance_is_numbered_and_bounded() {
        let (a, b) = (principle("a", "只讲常识。"), principle("b", "劝人就医。"));
        let (text, used) = compose(&[&a, &b], "请注意：", "谢谢。", Lang::Zh, 200).unwrap();
        assert_eq!(text, "请注意：\n1. 只讲常识。\n2. 劝人就医。\n谢谢。");
        assert_eq!(used.len(), 2);
        let (text, used) = compose(&[&a, &b], "请注意：", "谢谢。", Lang::Zh, 20).unwrap();
        assert_eq!(text, "请注意：\n1. 只讲常识。\n谢谢。");
        assert_eq!(used.len(), 1);
        assert!(compose(&[], "x", "y", Lang::Zh, 200).is_none());
    }

    #[test]
    fn an_overlong_first_principle_ends_with_a_sentence() {
        let long = principle("a", &format!("{}。{}。", "甲".repeat(30), "乙".repeat(300)));
        let (text, _) = compose(&[&long], "", "", Lang::Zh, 60).unwrap();
        assert_eq!(text, format!("1. {}。", "甲".repeat(30)));
    }
}
