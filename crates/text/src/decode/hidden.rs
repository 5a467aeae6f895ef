//! Text in characters that nobody sees: tags, variation selectors, zero-width bits.

use super::language::{is_text, speaks, text_of_bytes};
use super::{Codec, Found};

/// All hidden texts.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    if !may_hide(text) {
        return;
    }
    runs(
        text,
        |c| tag(c).is_some(),
        |range, run, before| {
            let decoded: String = run.chars().filter_map(tag).collect();
            // 🏴 followed by tags is the flag of a region: two letters and up to three more.
            let flag =
                before == Some('\u{1F3F4}') && decoded.len() <= 5 && decoded.bytes().all(|b| b.is_ascii_alphanumeric());
            if decoded.len() >= 2 && !flag {
                found.push(Found { codec: Codec::Tags, range, text: decoded });
            }
        },
    );
    runs(
        text,
        |c| selector(c).is_some(),
        |range, run, _| {
            let bytes: Vec<u8> = run.chars().filter_map(selector).collect();
            if bytes.len() >= 3
                && let Ok(decoded) = String::from_utf8(bytes)
                && decoded.chars().all(|c| !c.is_control() || c.is_whitespace())
            {
                found.push(Found { codec: Codec::Selectors, range, text: decoded });
            }
        },
    );
    runs(text, is_zero_width, |range, run, _| {
        if let Some(decoded) = bits(run) {
            found.push(Found { codec: Codec::ZeroWidth, range, text: decoded });
        }
    });
}

/// Whether the first bytes of any of these characters occur: most texts have none.
fn may_hide(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.contains(&0xF3)
        || bytes.windows(2).any(|pair| matches!(pair, [0xEF, 0xB8 | 0xBB] | [0xE2, 0x80 | 0x81] | [0xE1, 0xA0]))
}

fn tag(c: char) -> Option<char> {
    let code = u32::from(c).checked_sub(0xE_0000)?;
    (0x20..0x7F).contains(&code).then(|| char::from_u32(code)).flatten()
}

/// The byte that a variation selector stands for, in order of the selectors.
fn selector(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0xFE00..=0xFE0F => Some((code - 0xFE00) as u8),
        code @ 0xE0100..=0xE01EF => Some((code - 0xE0100 + 16) as u8),
        _ => None,
    }
}

fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' | '\u{180E}')
}

/// Bits in two zero-width characters, either of which may be the one; a third separates.
fn bits(run: &str) -> Option<String> {
    let mut kinds: Vec<char> = Vec::new();
    for c in run.chars() {
        if !kinds.contains(&c) {
            kinds.push(c);
        }
    }
    if run.chars().count() < 16 || !(2..=3).contains(&kinds.len()) {
        return None;
    }
    let pairs =
        kinds.iter().flat_map(|zero| kinds.iter().map(move |one| (*zero, *one))).filter(|(zero, one)| zero != one);
    for (zero, one) in pairs {
        for width in [8, 7, 16] {
            let digits: Vec<u32> =
                run.chars().filter(|c| *c == zero || *c == one).map(|c| u32::from(c == one)).collect();
            if digits.len() < 16 || !digits.len().is_multiple_of(width) {
                continue;
            }
            let values: Vec<u32> =
                digits.chunks(width).map(|bits| bits.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
            let decoded = match width {
                16 => String::from_utf16(&values.iter().map(|v| *v as u16).collect::<Vec<_>>())
                    .ok()
                    .filter(|t| is_text(t) && speaks(t)),
                _ => text_of_bytes(values.iter().map(|v| *v as u8).collect()),
            };
            if decoded.is_some() {
                return decoded;
            }
        }
    }
    None
}

fn runs(
    text: &str,
    is_member: impl Fn(char) -> bool,
    mut each: impl FnMut(std::ops::Range<usize>, &str, Option<char>),
) {
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(&is_member)).map(|offset| at + offset) {
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.find(|c| !is_member(c)).unwrap_or(rest.len());
        let before = text.get(..start).and_then(|head| head.chars().next_back());
        each(start..start + len, rest.get(..len).unwrap_or_default(), before);
        at = start + len;
    }
}
