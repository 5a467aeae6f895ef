//! Whole texts in characters that are not seen.

use super::super::encodings::latin::romanise;

const TAGS: u32 = 0xE0000;
/// What carries the hidden text.
const FACE: char = '😊';

fn moved(c: char, by: u32) -> Option<char> {
    char::from_u32(u32::from(c) + by)
}

/// The visible ASCII of a romanised text.
pub(super) fn printable(text: &str) -> String {
    romanise(text).chars().filter(|c| matches!(c, ' '..='~')).collect()
}

pub(super) fn tags(text: &str) -> Option<String> {
    let out: String = printable(text).chars().filter_map(|c| moved(c, TAGS)).collect();
    (!out.is_empty()).then_some(out)
}

pub(super) fn read_tags(text: &str) -> Option<String> {
    text.chars().map(|c| u32::from(c).checked_sub(TAGS).and_then(char::from_u32)).collect()
}

/// Between the language tag and the tag that cancels it.
pub(super) fn tags_marked(text: &str) -> Option<String> {
    Some(format!("\u{E0001}{}\u{E007F}", tags(text)?))
}

pub(super) fn read_tags_marked(text: &str) -> Option<String> {
    read_tags(text.strip_prefix('\u{E0001}')?.strip_suffix('\u{E007F}')?)
}

/// Percent-encoded, then as tags: what tags lack is carried too.
pub(super) fn tags_utf8(text: &str) -> Option<String> {
    let out: String = text.bytes().flat_map(|b| format!("%{b:02X}").into_bytes()).map(char::from).collect();
    (!out.is_empty()).then(|| out.chars().filter_map(|c| moved(c, TAGS)).collect())
}

pub(super) fn read_tags_utf8(text: &str) -> Option<String> {
    let bytes = read_tags(text)?.split('%').skip(1).map(|b| u8::from_str_radix(b, 16).ok()).collect::<Option<_>>()?;
    String::from_utf8(bytes).ok()
}

/// Every code point moved into the plane of the tags and above; nothing if one would leave Unicode.
pub(super) fn offset(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.chars().map(|c| moved(c, TAGS)).collect()).flatten()
}

/// A byte as one of the 256 variation selectors.
fn selector(byte: u8) -> Option<char> {
    let byte = u32::from(byte);
    char::from_u32(if byte < 16 { 0xFE00 + byte } else { 0xE0100 + byte - 16 })
}

pub(super) fn variation_selectors(text: &str) -> Option<String> {
    let hidden: String = text.bytes().filter_map(selector).collect();
    (!hidden.is_empty()).then(|| format!("{FACE}{hidden}"))
}

pub(super) fn read_variation_selectors(text: &str) -> Option<String> {
    let byte = |c: char| match u32::from(c) {
        n @ 0xFE00..=0xFE0F => u8::try_from(n - 0xFE00).ok(),
        n @ 0xE0100..=0xE01EF => u8::try_from(n - 0xE0100 + 16).ok(),
        _ => None,
    };
    String::from_utf8(text.strip_prefix(FACE)?.chars().map(byte).collect::<Option<_>>()?).ok()
}

/// The bits of the bytes as two characters, with something after each byte.
pub(super) fn bits(text: &str, signs: [char; 2], after: &str) -> Option<String> {
    let mut out = String::new();
    for byte in text.bytes() {
        out.extend((0..8).rev().map(|bit| if byte >> bit & 1 == 0 { signs[0] } else { signs[1] }));
        out.push_str(after);
    }
    (!out.is_empty()).then_some(out)
}

pub(super) fn read_bits(text: &str, signs: [char; 2]) -> Option<String> {
    let bits: Vec<u8> = text
        .chars()
        .filter_map(|c| signs.iter().position(|s| *s == c))
        .filter_map(|bit| u8::try_from(bit).ok())
        .collect();
    if !bits.len().is_multiple_of(8) {
        return None;
    }
    String::from_utf8(bits.chunks(8).map(|byte| byte.iter().fold(0, |n, bit| n << 1 | bit)).collect()).ok()
}

/// From right to left, and shown from left to right by an override.
pub(super) fn bidi_reversed(text: &str) -> Option<String> {
    let back: String = text.chars().rev().collect();
    (!text.is_empty() && !text.contains(['\u{202C}', '\u{202E}'])).then(|| format!("\u{202E}{back}\u{202C}"))
}

pub(super) fn read_bidi_reversed(text: &str) -> Option<String> {
    Some(text.strip_prefix('\u{202E}')?.strip_suffix('\u{202C}')?.chars().rev().collect())
}

/// A colour of the terminal before each character.
pub(super) fn ansi_letters(text: &str, rng: &mut fastrand::Rng) -> Option<String> {
    let mut out = String::new();
    for c in text.chars() {
        out.push_str(&format!("\u{1b}[3{}m{c}", rng.u8(1..=7)));
    }
    (!text.is_empty() && !text.contains('\u{1b}')).then(|| format!("{out}\u{1b}[0m"))
}

pub(super) fn read_ansi(text: &str) -> Option<String> {
    let mut parts = text.split('\u{1b}');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        out.push_str(part.strip_prefix('[')?.split_once('m')?.1);
    }
    Some(out)
}
