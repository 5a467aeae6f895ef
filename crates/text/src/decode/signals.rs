//! Letters as signals: morse, braille, and letters turned upside down.

use std::ops::Range;

use super::language::Language;
use super::{Codec, Found};

const MORSE: &[(&str, char)] = &[
    (".-", 'a'),
    ("-...", 'b'),
    ("-.-.", 'c'),
    ("-..", 'd'),
    (".", 'e'),
    ("..-.", 'f'),
    ("--.", 'g'),
    ("....", 'h'),
    ("..", 'i'),
    (".---", 'j'),
    ("-.-", 'k'),
    (".-..", 'l'),
    ("--", 'm'),
    ("-.", 'n'),
    ("---", 'o'),
    (".--.", 'p'),
    ("--.-", 'q'),
    (".-.", 'r'),
    ("...", 's'),
    ("-", 't'),
    ("..-", 'u'),
    ("...-", 'v'),
    (".--", 'w'),
    ("-..-", 'x'),
    ("-.--", 'y'),
    ("--..", 'z'),
    ("-----", '0'),
    (".----", '1'),
    ("..---", '2'),
    ("...--", '3'),
    ("....-", '4'),
    (".....", '5'),
    ("-....", '6'),
    ("--...", '7'),
    ("---..", '8'),
    ("----.", '9'),
    (".-.-.-", '.'),
    ("--..--", ','),
    ("..--..", '?'),
    ("-.-.--", '!'),
    ("-..-.", '/'),
    (".--.-.", '@'),
    ("-....-", '-'),
    ("---...", ':'),
    (".----.", '\''),
];

fn mark(c: char) -> Option<char> {
    match c {
        '.' | '·' | '•' | '∙' | '⋅' | '․' | '●' | '・' => Some('.'),
        '-' | '−' | '–' | '—' | '‐' | '‑' | '_' | '－' | '▬' | '━' | '─' => Some('-'),
        _ => None,
    }
}

fn is_morse(c: char) -> bool {
    mark(c).is_some() || c.is_whitespace() || matches!(c, '/' | '|')
}

/// Morse code: letters apart by white space, words by `/`, `|`, a line break or more white space.
pub(super) fn morse(text: &str, found: &mut Vec<Found>) {
    for range in runs(text, is_morse) {
        let run = text.get(range.clone()).unwrap_or_default();
        let trimmed = run.trim_matches(|c: char| c.is_whitespace() || matches!(c, '/' | '|'));
        let start = range.start
            + (run.len() - run.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '/' | '|')).len());
        if let Some(decoded) = morse_text(trimmed) {
            found.push(Found { codec: Codec::Morse, range: start..start + trimmed.len(), text: decoded });
        }
    }
}

fn morse_text(run: &str) -> Option<String> {
    let mut decoded = String::new();
    let mut letters = 0;
    for word in run.split(['/', '|', '\n']).flat_map(|line| line.split("  ")) {
        for signal in word.split_whitespace() {
            let marks: String = signal.chars().filter_map(mark).collect();
            decoded.push(MORSE.iter().find(|(code, _)| *code == marks)?.1);
            letters += 1;
        }
        if !decoded.ends_with(' ') && !decoded.is_empty() {
            decoded.push(' ');
        }
    }
    let decoded = decoded.trim_end();
    // Rules, bullets and dots of leaders are one or two letters over and over.
    let mut distinct: Vec<char> = decoded.chars().filter(|c| *c != ' ').collect();
    distinct.sort_unstable();
    distinct.dedup();
    (letters >= 4 && distinct.len() >= 3).then(|| decoded.to_owned())
}

/// The dots of a to z, as bits of the braille block.
const BRAILLE: [u8; 26] = [
    0x01, 0x03, 0x09, 0x19, 0x11, 0x0B, 0x1B, 0x13, 0x0A, 0x1A, 0x05, 0x07, 0x0D, 0x1D, 0x15, 0x0F, 0x1F, 0x17, 0x0E,
    0x1E, 0x25, 0x27, 0x3A, 0x2D, 0x3D, 0x35,
];

/// Braille letters and digits; cells that are neither are left out.
pub(super) fn braille(text: &str, found: &mut Vec<Found>) {
    let is_cell = |c: char| ('\u{2800}'..='\u{28FF}').contains(&c);
    for range in runs(text, |c| is_cell(c) || c == ' ') {
        let run = text.get(range.clone()).unwrap_or_default();
        let body = run.trim_matches(' ');
        let start = range.start + (run.len() - run.trim_start_matches(' ').len());
        let mut decoded = String::new();
        let mut digits = false;
        for c in body.chars() {
            let dots = if c == ' ' { 0 } else { (u32::from(c) - 0x2800) as u8 };
            match (dots, BRAILLE.iter().position(|letter| *letter == dots)) {
                (0, _) => {
                    digits = false;
                    decoded.push(' ');
                }
                (0x3C, _) => digits = true,
                (_, Some(at)) if digits && at < 10 => decoded.push(char::from(b'0' + ((at + 1) % 10) as u8)),
                (_, Some(at)) => {
                    digits = false;
                    decoded.push(char::from(b'a' + at as u8));
                }
                _ => {}
            }
        }
        if decoded.chars().filter(|c| c.is_ascii_alphanumeric()).count() >= 3 {
            found.push(Found { codec: Codec::Braille, range: start..start + body.len(), text: decoded });
        }
    }
}

/// Letters that stand on their head, and what they are.
const FLIPPED: &[(char, char)] = &[
    ('ɐ', 'a'),
    ('q', 'b'),
    ('ɔ', 'c'),
    ('p', 'd'),
    ('ǝ', 'e'),
    ('ɟ', 'f'),
    ('ƃ', 'g'),
    ('ɓ', 'g'),
    ('ɥ', 'h'),
    ('ᴉ', 'i'),
    ('ı', 'i'),
    ('ɾ', 'j'),
    ('ʞ', 'k'),
    ('ן', 'l'),
    ('ʃ', 'l'),
    ('ɯ', 'm'),
    ('u', 'n'),
    ('d', 'p'),
    ('b', 'q'),
    ('ɹ', 'r'),
    ('ʇ', 't'),
    ('n', 'u'),
    ('ʌ', 'v'),
    ('ʍ', 'w'),
    ('ʎ', 'y'),
    ('˙', '.'),
    ('\'', ','),
    ('¿', '?'),
    ('¡', '!'),
];

/// Text turned upside down: read from the end, each letter turned back.
pub(super) fn flipped(text: &str, found: &mut Vec<Found>) {
    let turned = |c: char| !c.is_ascii() && FLIPPED.iter().any(|(from, _)| *from == c);
    for range in runs(text, |c| turned(c) || matches!(c, ' '..='~')) {
        let run = text.get(range.clone()).unwrap_or_default();
        if run.chars().filter(|c| turned(*c)).count() < 4 {
            continue;
        }
        let Some(first) = run.find(turned) else { continue };
        // The word that the first turned letter is in; what stands before it stands upright.
        let start = run.get(..first).and_then(|head| head.rfind([' ', ':'])).map_or(0, |at| at + 1);
        let body = run.get(start..).unwrap_or_default().trim_end();
        let back = |c: char| FLIPPED.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to);
        let decoded: String = body.chars().rev().map(back).collect();
        if Language::shared().known_letters(&decoded) >= 3 {
            let start = range.start + start;
            found.push(Found { codec: Codec::Flipped, range: start..start + body.len(), text: decoded });
        }
    }
}

fn runs(text: &str, is_member: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(&is_member)).map(|offset| at + offset) {
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.find(|c| !is_member(c)).unwrap_or(rest.len());
        runs.push(start..start + len);
        at = start + len;
    }
    runs
}
