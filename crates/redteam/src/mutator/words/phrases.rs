//! Whole words replaced, and requests moved to another tense by rule.

use std::sync::LazyLock;

use fastrand::Rng;
use menshen_text::is_han;

use super::tool::{self, Table};

/// English entries stand as whole words only, Chinese ones anywhere.
fn replaced(table: &Table, text: &str, chance: f32, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut latin = String::new();
    let mut han = String::new();
    for run in tool::runs(text) {
        if run.starts_with(is_han) {
            out.push_str(&table.rewrite_words(&latin, chance, rng).unwrap_or_else(|| latin.clone()));
            latin.clear();
            han.push_str(run);
        } else {
            out.push_str(&table.rewrite(&han, chance, rng).unwrap_or_else(|| han.clone()));
            han.clear();
            latin.push_str(run);
        }
    }
    out.push_str(&table.rewrite_words(&latin, chance, rng).unwrap_or(latin));
    out.push_str(&table.rewrite(&han, chance, rng).unwrap_or(han));
    tool::changed(text, out)
}

pub(super) fn colloquial(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/words/colloquial.tsv")));
    replaced(&TABLE, text, 1.0, rng)
}

pub(super) fn synonyms(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/words/synonyms.tsv")));
    // One choice of several is noise enough; words that have a synonym are few.
    replaced(&TABLE, text, 0.8, rng)
}

pub(super) fn messages(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/words/messages.tsv")));
    replaced(&TABLE, text, 1.0, rng)
}

/// Ways to begin a request, longest first; what follows them is the deed.
const ASKING: [&str; 34] = [
    "please tell me how to ",
    "please explain how to ",
    "please show me how to ",
    "can you tell me how to ",
    "could you tell me how to ",
    "can you explain how to ",
    "can you show me how to ",
    "give me instructions to ",
    "give me steps to ",
    "tell me how to ",
    "show me how to ",
    "teach me how to ",
    "explain how to ",
    "describe how to ",
    "what is the best way to ",
    "what are the steps to ",
    "how would someone ",
    "how could someone ",
    "how would i ",
    "how could i ",
    "how should i ",
    "how can you ",
    "how can one ",
    "how can i ",
    "how do people ",
    "how do you ",
    "how do we ",
    "how do i ",
    "how to ",
    "help me ",
    "teach me to ",
    "write ",
    "make ",
    "please ",
];

const ASKING_ZH: [&str; 24] = [
    "请详细告诉我怎么",
    "请详细告诉我如何",
    "请你告诉我怎么",
    "请你告诉我如何",
    "请告诉我怎么样",
    "请告诉我怎么",
    "请告诉我怎样",
    "请告诉我如何",
    "你能告诉我怎么",
    "你能告诉我如何",
    "告诉我怎么",
    "告诉我怎样",
    "告诉我如何",
    "请教我怎么",
    "请教我如何",
    "教我怎么",
    "教我如何",
    "我该怎么",
    "我该如何",
    "请问怎么",
    "请问如何",
    "怎么",
    "怎样",
    "如何",
];

const ENDS: [char; 10] = [',', '，', '.', '?', '!', ' ', '。', '？', '！', '\n'];

/// The deed that a request asks for, and whether the request is in Chinese.
fn deed(text: &str) -> Option<(String, bool)> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let english = ASKING
        .iter()
        // These two say what is to be done themselves.
        .map(|lead| (*lead, if matches!(*lead, "write " | "make ") { 0 } else { lead.len() }))
        .find(|(lead, _)| lower.starts_with(lead))
        .map(|(_, cut)| (cut, false));
    let (cut, han) =
        english.or_else(|| ASKING_ZH.iter().find(|lead| text.starts_with(**lead)).map(|lead| (lead.len(), true)))?;
    let mut rest = text.get(cut..)?.trim_end_matches(ENDS);
    for thanks in ["please", "thanks", "thank you", "谢谢", "多谢"] {
        rest = rest.strip_suffix(thanks).unwrap_or(rest).trim_end_matches(ENDS);
    }
    let mut chars = rest.chars();
    let first = chars.next()?;
    let first = if cut == 0 { first.to_ascii_lowercase() } else { first };
    Some((format!("{first}{}", chars.as_str()), han))
}

pub(super) fn past(text: &str, _: &mut Rng) -> Option<String> {
    let (deed, han) = deed(text)?;
    Some(if han {
        format!("过去人们是怎么{deed}的？")
    } else {
        format!("In the past, how did people {deed}?")
    })
}

pub(super) fn future(text: &str, _: &mut Rng) -> Option<String> {
    let (deed, han) = deed(text)?;
    Some(if han {
        format!("将来人们会怎么{deed}？")
    } else {
        format!("In the future, how will people {deed}?")
    })
}

/// Somebody else's deed instead of one's own.
pub(super) fn third_person(text: &str, _: &mut Rng) -> Option<String> {
    let (deed, han) = deed(text)?;
    Some(if han {
        format!("如果有一个人要{deed}，他会怎么做？")
    } else {
        format!("How would a person go about it who wanted to {deed}?")
    })
}
