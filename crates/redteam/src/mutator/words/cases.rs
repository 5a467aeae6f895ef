//! Upper and lower case, and the ways of programs to join words. Chinese has no case: a text without letters that have
//! one is left (`None`); joining cuts it into words.

use fastrand::Rng;

use super::tool;

/// What all of these lose: case, of ASCII letters, as no other is changed.
pub(super) fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// What joining loses: case, and all but words.
pub(super) fn letters(text: &str) -> String {
    tool::runs(&lower(text)).into_iter().filter(|run| tool::is_word(run)).collect()
}

pub(super) fn read_lower(text: &str) -> Option<String> {
    Some(lower(text))
}

pub(super) fn read_letters(text: &str) -> Option<String> {
    Some(letters(text))
}

/// Only letters whose other case leads back to them: ß → SS would change the text.
fn turn(c: char, upper: bool) -> char {
    if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

pub(super) fn random(text: &str, rng: &mut Rng) -> Option<String> {
    tool::changed(text, text.chars().map(|c| turn(c, rng.bool())).collect())
}

pub(super) fn alternating(text: &str, _: &mut Rng) -> Option<String> {
    let mut upper = false;
    let turn_next = |c: char| {
        if c.is_ascii_alphabetic() {
            upper = !upper;
            turn(c, !upper)
        } else {
            c
        }
    };
    tool::changed(text, text.chars().map(turn_next).collect())
}

pub(super) fn upper(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, text.to_ascii_uppercase())
}

pub(super) fn title(text: &str, _: &mut Rng) -> Option<String> {
    let mut begin = true;
    let cased = |c: char| {
        let first = begin && c.is_alphabetic();
        begin = !(c.is_alphanumeric() || c == '\'' || c == '’');
        turn(c, first)
    };
    tool::changed(text, text.chars().map(cased).collect())
}

pub(super) fn sentence(text: &str, _: &mut Rng) -> Option<String> {
    let mut begin = true;
    let cased = |c: char| {
        let first = begin && c.is_alphabetic();
        begin = (begin && !c.is_alphanumeric()) || matches!(c, '.' | '!' | '?' | '。' | '！' | '？');
        turn(c, first)
    };
    tool::changed(text, text.chars().map(cased).collect())
}

fn parts(text: &str) -> Vec<String> {
    tool::words(text).into_iter().filter(|word| tool::is_word(word)).map(|word| word.to_ascii_lowercase()).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

pub(super) fn camel(text: &str, _: &mut Rng) -> Option<String> {
    let parts = parts(text);
    let (first, rest) = parts.split_first()?;
    let rest: String = rest.iter().map(|word| capital(word)).collect();
    tool::changed(text, format!("{first}{rest}"))
}

pub(super) fn pascal(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, parts(text).iter().map(|word| capital(word)).collect()).filter(|out| !out.is_empty())
}

pub(super) fn snake(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, parts(text).join("_")).filter(|out| !out.is_empty())
}

pub(super) fn kebab(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, parts(text).join("-")).filter(|out| !out.is_empty())
}

pub(super) fn joined(text: &str, _: &mut Rng) -> Option<String> {
    tool::changed(text, parts(text).concat()).filter(|out| !out.is_empty())
}
