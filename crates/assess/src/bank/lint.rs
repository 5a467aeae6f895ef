//! What is wrong with a bank, and what is doubtful: form, duplicates, minimums, leakage, sameness.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use menshen_text::is_han;
use serde::Serialize;

use super::Bank;
use super::stats::Update;
use crate::question::{BankKind, Form, Group, Modality, Question};

mod near;
#[cfg(test)]
mod tests;

/// The longest question, in characters.
pub(super) const MAX_CHARS: usize = 2_000;
/// The longest note of where a question comes from, in characters.
pub(super) const MAX_SOURCE_CHARS: usize = 500;
/// A group with fewer forms than this is said to be monotonous.
const FEW_FORMS: usize = 3;
/// A group's questions that open alike are too many above this share, in parts of a hundred, and above [`ALIKE`].
const ALIKE_PERCENT: usize = 8;
/// See [`ALIKE_PERCENT`].
const ALIKE: usize = 5;

/// What was found in a bank.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// What makes the bank unfit for an assessment.
    pub errors: Vec<String>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
}

impl Lint {
    /// Whether there are no errors.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Adds a warning for each bank that is due for an update (see [`updates`](super::stats::updates)).
    #[must_use]
    pub fn with_updates(mut self, updates: &[Update]) -> Lint {
        for update in updates.iter().filter(|u| u.overdue) {
            let bank = update.bank.zh();
            self.warnings.push(match &update.last {
                Some(last) => {
                    format!("{} ({bank}): last changed on {last}; an update was due on {}", update.bank, update.due)
                }
                None => format!("{} ({bank}): it was never filled", update.bank),
            });
        }
        self
    }
}

/// The minimums of a bank. They hold for each modality and language that is named, each taken for itself; an empty list
/// does not tell them apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The bank.
    pub bank: BankKind,
    /// The least number of current questions.
    pub total: u64,
    /// The least number of each group; groups that are not here have none.
    pub per_group: BTreeMap<Group, u64>,
    /// The modalities that it holds for; empty: all together.
    pub modalities: Vec<Modality>,
    /// The languages that it holds for; empty: all together.
    pub langs: Vec<String>,
}

/// Checks a bank against its minimums, itself, and texts that it must not repeat: `against` holds names of collections
/// (seeds that a judge was trained on) with their texts.
pub fn lint(bank: &Bank, needs: &[Need], against: &[(String, Vec<String>)]) -> Lint {
    let mut lint = Lint::default();
    for question in bank.questions() {
        form(question, &mut lint);
    }
    duplicates(bank, &mut lint);
    for need in needs {
        minimums(bank, need, &mut lint.errors);
    }
    sameness(bank, &mut lint.warnings);
    near::duplicates(bank, against, &mut lint.warnings);
    lint
}

/// A question by itself.
fn form(question: &Question, lint: &mut Lint) {
    let id = &question.id;
    let mut wrong = |problem: String| lint.errors.push(format!("{id}: {problem}"));
    if let Some(problem) = id_problem(question) {
        wrong(problem);
    }
    if let Some(problem) = text_problem(&question.text) {
        wrong(problem);
    }
    if let Some(problem) = source_problem(&question.source) {
        wrong(problem);
    }
    if !is_lang(&question.lang) {
        wrong(format!("{:?} is no language tag such as zh or en", question.lang));
    }
    let added = parse_date(&question.added);
    if added.is_none() {
        wrong(format!("the date it was added, {:?}, is not of the form YYYY-MM-DD", question.added));
    }
    if let Some(retired) = &question.retired {
        match (added, parse_date(retired)) {
            (_, None) => wrong(format!("the date it was retired, {retired:?}, is not of the form YYYY-MM-DD")),
            (Some(added), Some(retired)) if retired < added => {
                wrong(format!("it was retired on {retired}, before it was added on {added}"));
            }
            _ => {}
        }
        return;
    }
    if question.group.risk().is_some_and(|risk| question.also.contains(&risk)) {
        lint.warnings.push(format!("{id}: `also` names its own risk"));
    }
    if question.form != Form::Evasive {
        if !reads_as(&question.lang, &question.text) {
            lint.warnings.push(format!("{id}: it says {} but is written in another language", question.lang));
        }
        if question.text.chars().any(is_hidden) {
            lint.warnings.push(format!("{id}: it has invisible characters"));
        }
    }
}

/// `G-A1a-001`: the bank's letter, the group, a number of at least three digits from 001.
fn id_problem(question: &Question) -> Option<String> {
    let (letter, group) = (question.bank.letter(), question.group.id());
    let mut parts = question.id.splitn(3, '-');
    let (first, second, number) = (parts.next()?, parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if number_of(number).is_none() || first.chars().count() != 1 || second.is_empty() {
        return Some(format!("an id is letter-group-number, such as {letter}-{group}-001"));
    }
    (!first.chars().eq([letter]) || second != group)
        .then(|| format!("its file is {}/{group}.jsonl, whose ids begin with {letter}-{group}-", question.bank))
}

/// The number of an id's third part.
pub(super) fn number_of(digits: &str) -> Option<u64> {
    let number = digits.parse::<u64>().ok().filter(|n| *n > 0)?;
    (format!("{number:03}") == digits).then_some(number)
}

/// What is wrong with a question's text by itself.
pub(super) fn text_problem(text: &str) -> Option<String> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        Some("the question is empty".to_owned())
    } else if length > MAX_CHARS {
        Some(format!("the question has {length} characters; at most {MAX_CHARS} are allowed"))
    } else if let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(format!("the question has the control character U+{:04X}", u32::from(c)))
    } else if text.contains('\u{FFFD}') {
        Some("the question has a replacement character (U+FFFD): its text was damaged by a wrong encoding".to_owned())
    } else {
        None
    }
}

/// What is wrong with the note of where a question comes from.
pub(super) fn source_problem(source: &str) -> Option<String> {
    if source.chars().count() > MAX_SOURCE_CHARS {
        Some(format!("the source has more than {MAX_SOURCE_CHARS} characters"))
    } else if source.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some("the source has control characters".to_owned())
    } else {
        None
    }
}

/// Whether a text is a language tag by its form: `zh`, `en`, `zh-Hant`, `pt-BR`.
pub(super) fn is_lang(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_lowercase())
        && tag.len() <= 35
        && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A date written `YYYY-MM-DD`, and nothing else.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// Han characters, and words of other letters.
fn scripts(text: &str) -> (usize, usize, bool) {
    let (mut han, mut words, mut inside, mut kana) = (0, 0, false, false);
    for c in text.chars() {
        if is_han(c) {
            han += 1;
            inside = false;
        } else if c.is_alphabetic() {
            words += usize::from(!inside);
            inside = true;
            kana |= matches!(c, '\u{3041}'..='\u{30FF}');
        } else if c != '\'' && c != '’' {
            inside = false;
        }
    }
    (han, words, kana)
}

/// Whether a text can be in the language that it says. Names, code and quotations may be in another.
pub(super) fn reads_as(lang: &str, text: &str) -> bool {
    let (han, words, kana) = scripts(text);
    match lang.split('-').next() {
        _ if han + words == 0 => true,
        Some("zh" | "yue" | "wuu" | "nan" | "hak" | "gan" | "hsn" | "cmn" | "lzh") => han >= words,
        Some("ja") => kana || han > 0,
        _ => words >= han,
    }
}

/// The language of a text that does not say so, when its letters tell.
pub(super) fn guess_lang(text: &str) -> Option<&'static str> {
    let (han, words, kana) = scripts(text);
    let letters = || text.chars().filter(|c| c.is_alphabetic());
    let count = |range: std::ops::RangeInclusive<char>| letters().filter(|c| range.contains(c)).count();
    if kana {
        Some("ja")
    } else if count('\u{AC00}'..='\u{D7A3}') > han {
        Some("ko")
    } else if han > 0 && han >= words {
        Some("zh")
    } else if letters().all(|c| c.is_ascii() || is_han(c) || matches!(c, 'é' | 'ï' | 'ö' | 'ñ')) && words > 0 {
        Some("en")
    } else {
        None
    }
}

/// A character that nobody sees and that no script needs.
const fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200B}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// What two questions share that are the same to a reader: the folded text without punctuation and spaces.
pub(super) fn key(text: &str) -> String {
    near::key(text)
}

/// Whether the same text may not stand in both banks: it may be asked in the generated-content bank and another, but
/// a question cannot be one to refuse and one to answer.
pub(super) fn clash(a: BankKind, b: BankKind) -> bool {
    a == b || (a != BankKind::Generated && b != BankKind::Generated)
}

fn duplicates(bank: &Bank, lint: &mut Lint) {
    let mut seen: HashMap<(Modality, String), Vec<&Question>> = HashMap::new();
    for question in bank.questions().iter().filter(|q| q.is_current()) {
        let same = seen.entry((question.modality, key(&question.text))).or_default();
        if let Some(first) = same.iter().find(|q| clash(q.bank, question.bank)) {
            lint.errors.push(format!("{} asks the same as {}: {}", question.id, first.id, excerpt(&question.text)));
        } else if let Some(first) = same.first() {
            lint.warnings.push(format!("{} asks the same as {}: {}", question.id, first.id, excerpt(&question.text)));
        }
        same.push(question);
    }
}

/// The beginning of a text, in quotation marks.
pub(super) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("“{shown}”")
}

fn minimums(bank: &Bank, need: &Need, errors: &mut Vec<String>) {
    let modalities: Vec<Option<Modality>> =
        if need.modalities.is_empty() { vec![None] } else { need.modalities.iter().copied().map(Some).collect() };
    let langs: Vec<Option<&str>> =
        if need.langs.is_empty() { vec![None] } else { need.langs.iter().map(|l| Some(l.as_str())).collect() };
    for modality in modalities {
        for lang in &langs {
            let mut have: BTreeMap<Group, u64> = BTreeMap::new();
            for question in bank.current(need.bank) {
                if modality.is_none_or(|m| m == question.modality) && lang.is_none_or(|l| l == question.lang) {
                    *have.entry(question.group).or_default() += 1;
                }
            }
            let mut of = need.bank.to_string();
            for part in [modality.map(Modality::id), *lang].into_iter().flatten() {
                of.push_str(", ");
                of.push_str(part);
            }
            let total: u64 = have.values().sum();
            if total < need.total {
                errors.push(format!("{of}: {total} questions, {} needed", need.total));
            }
            for (group, needed) in &need.per_group {
                let has = have.get(group).copied().unwrap_or_default();
                if has < *needed {
                    errors.push(format!("{of}: {group} ({}) has {has}, {needed} needed", group.zh()));
                }
            }
        }
    }
}

/// The first three characters of a text of Han characters, the first three words of another.
fn opening(text: &str) -> Option<String> {
    let folded = menshen_text::Folder::shared().fold_word(text);
    let plain = || folded.chars().filter(|c| c.is_alphanumeric());
    if plain().next().is_some_and(is_han) {
        return Some(plain().take(3).collect());
    }
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty()).take(3).collect();
    (words.len() == 3).then(|| words.join(" "))
}

fn sameness(bank: &Bank, warnings: &mut Vec<String>) {
    let mut groups: BTreeMap<(BankKind, Group), Vec<&Question>> = BTreeMap::new();
    for question in bank.questions().iter().filter(|q| q.is_current()) {
        groups.entry((question.bank, question.group)).or_default().push(question);
    }
    for ((kind, group), questions) in groups {
        let of = format!("{kind}/{group} ({})", group.zh());
        let forms: BTreeSet<Form> = questions.iter().map(|q| q.form).collect();
        if forms.len() < FEW_FORMS && questions.len() >= FEW_FORMS {
            let names: Vec<&str> = forms.iter().map(|f| f.id()).collect();
            warnings.push(format!("{of}: its questions are put in few ways only: {}", names.join(", ")));
        }
        let mut openings: BTreeMap<String, usize> = BTreeMap::new();
        for opening in questions.iter().filter_map(|q| opening(&q.text)) {
            *openings.entry(opening).or_default() += 1;
        }
        for (opening, count) in openings {
            if count > ALIKE && count * 100 > questions.len() * ALIKE_PERCENT {
                warnings.push(format!("{of}: {count} of {} questions open with “{opening}”", questions.len()));
            }
        }
    }
}
