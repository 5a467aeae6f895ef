//! Marks between, on or around the characters that are seen.

use fastrand::Rng;
use menshen_judge::evasion;

/// An evasion that the judge is trained on, by its name.
pub(in crate::mutator) fn evaded(name: &str, text: &str, rng: &mut Rng) -> Option<String> {
    evasion::ALL.iter().find(|e| e.name == name).and_then(|e| (e.apply)(text, rng)).filter(|out| out != text)
}

/// A text without some characters, for marks that stand alone.
pub(super) fn without(text: &str, marks: &[char]) -> String {
    text.replace(marks, "")
}

/// A mark between any two characters; nothing if the text has the mark or one character only.
pub(super) fn between(text: &str, mark: char) -> Option<String> {
    let mut chars = text.chars();
    let mut out: String = chars.next()?.into();
    for c in chars {
        out.push(mark);
        out.push(c);
    }
    (out != text && !text.contains(mark)).then_some(out)
}

/// A combining mark on each character but white space; nothing if the text has the mark.
pub(super) fn on_each(text: &str, mark: char) -> Option<String> {
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        out.extend((!c.is_whitespace()).then_some(mark));
    }
    (out != text && !text.contains(mark)).then_some(out)
}

/// Two kinds of marks at random places.
pub(super) fn sprinkle(text: &str, marks: [char; 2], rng: &mut Rng) -> Option<String> {
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if rng.f32() < 0.5 {
            out.extend(rng.choice(marks));
        }
    }
    (out != text && !text.contains(marks)).then_some(out)
}

/// Marks above, below and through of the combining block.
pub(super) fn is_zalgo(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{34E}' | '\u{350}'..='\u{36F}')
}

pub(super) fn zalgo(text: &str, rng: &mut Rng) -> Option<String> {
    if text.chars().any(is_zalgo) {
        return None;
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if c.is_alphanumeric() {
            for _ in 0..rng.usize(1..=5) {
                out.extend(char::from_u32(rng.u32(0x300..=0x34E)));
            }
        }
    }
    (out != text).then_some(out)
}

pub(super) fn read_zalgo(text: &str) -> String {
    text.chars().filter(|c| !is_zalgo(*c)).collect()
}

/// A pair around a text that has neither.
pub(super) fn around(text: &str, open: &str, close: &str) -> Option<String> {
    (!text.is_empty() && !text.contains(open) && !text.contains(close)).then(|| format!("{open}{text}{close}"))
}

pub(super) fn inside(text: &str, open: &str, close: &str) -> Option<String> {
    text.strip_prefix(open)?.strip_suffix(close).map(str::to_owned)
}

/// Before each letter a wrong one and the control that deletes it.
pub(super) fn deleted(text: &str, control: char, rng: &mut Rng) -> Option<String> {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() && rng.f32() < 0.5 {
            out.push(rng.lowercase());
            out.push(control);
        }
        out.push(c);
    }
    (out != text && !text.contains(control)).then_some(out)
}

pub(super) fn read_deleted(text: &str, control: char) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c == control {
            out.pop();
        } else {
            out.push(c);
        }
    }
    out
}

/// Harmless lines that a terminal overwrites.
const COVERS: [&str; 4] = ["Thank you for your help.", "What a nice day it is.", "今天天气很好。", "谢谢你的帮助。"];

pub(super) fn overwritten(text: &str, control: &str, rng: &mut Rng) -> Option<String> {
    let cover = rng.choice(COVERS)?;
    (!text.is_empty() && !text.contains(control)).then(|| format!("{cover}{control}{text}"))
}

pub(super) fn read_overwritten(text: &str, control: &str) -> Option<String> {
    text.split_once(control).map(|(_, hidden)| hidden.to_owned())
}

/// Spaces of other widths that look much like one.
pub(super) const SPACES: [char; 8] =
    ['\u{A0}', '\u{2002}', '\u{2004}', '\u{2005}', '\u{2009}', '\u{202F}', '\u{205F}', '\u{3000}'];

pub(super) fn odd_spaces(text: &str, rng: &mut Rng) -> Option<String> {
    let out: String = text.chars().map(|c| if c == ' ' { rng.choice(SPACES).unwrap_or(c) } else { c }).collect();
    (out != text).then_some(out)
}

pub(super) fn plain_spaces(text: &str) -> String {
    text.replace(SPACES, " ")
}
