//! Bytes written in digits: base64, base32, ascii85, hexadecimal, binary, decimal.

use std::ops::Range;

use super::language::{speaks, text_of_bytes};
use super::{Codec, Found};

/// Base64 in both alphabets, with or without padding, whole, wrapped in lines or cut by a few strange characters.
pub(super) fn base64(text: &str, min_run: usize, found: &mut Vec<Found>) {
    let tokens = tokens(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'), b'=', 2);
    let mut next = 0;
    while next < tokens.len() {
        let rest = tokens.get(next..).unwrap_or_default();
        let group = rest.get(..joined(text, rest)).unwrap_or_default();
        let taken = wrapped(text, group, found);
        for token in group.get(..taken.start).unwrap_or_default() {
            base64_token(text, token.clone(), min_run, found);
        }
        for token in group.get(taken.end..).unwrap_or_default() {
            base64_token(text, token.clone(), min_run, found);
        }
        next += group.len().max(1);
    }
}

/// How many words may stand before wrapped or spaced-out base64 that look like pieces of it.
const WORDS_BEFORE: usize = 8;

/// Base64 wrapped in lines or spaced out: the tokens of the group that it takes.
fn wrapped(text: &str, group: &[Range<usize>], found: &mut Vec<Found>) -> Range<usize> {
    let Some(last) = group.last() else { return 0..0 };
    for (skip, first) in group.iter().enumerate().take(WORDS_BEFORE) {
        let range = first.start..last.end;
        let pieces: String = text.get(range.clone()).unwrap_or_default().split_whitespace().collect();
        if group.len() - skip < 2 || pieces.len() < 16 {
            break;
        }
        if let Some(decoded) = base64_text(&pieces) {
            found.push(Found { codec: Codec::Base64, range, text: decoded });
            return skip..group.len();
        }
    }
    0..0
}

/// How many tokens from the first on could be pieces of one: every piece but the last has whole groups of four.
fn joined(text: &str, tokens: &[Range<usize>]) -> usize {
    let mut count = 1;
    for pair in tokens.windows(2) {
        let [a, b] = pair else { break };
        let between = text.get(a.end..b.start).unwrap_or_default();
        let whole = a.len() >= 4 && a.len().is_multiple_of(4) && text.as_bytes().get(a.end - 1) != Some(&b'=');
        if !whole || between.len() > 4 || !between.bytes().all(|b| b.is_ascii_whitespace()) {
            break;
        }
        count += 1;
    }
    count
}

fn base64_token(text: &str, range: Range<usize>, min_run: usize, found: &mut Vec<Found>) {
    if range.len() < min_run {
        return;
    }
    let token = text.get(range.clone()).unwrap_or_default();
    if let Some(decoded) = base64_text(token) {
        found.push(Found { codec: Codec::Base64, range, text: decoded });
        return;
    }
    // A letter or two glued to the front move the groups of four.
    if token.len() >= 24 {
        for skip in 1..4 {
            if let Some(decoded) = token.get(skip..).and_then(base64_text) {
                found.push(Found { codec: Codec::Base64, range: range.start + skip..range.end, text: decoded });
                return;
            }
        }
    }
    // A path or a key=value around it.
    for cut in [&['-', '_'][..], &['+', '/']] {
        let mut at = range.start;
        for piece in token.split(cut) {
            if piece.len() >= min_run
                && piece.len() < token.len()
                && let Some(decoded) = base64_text(piece)
            {
                found.push(Found { codec: Codec::Base64, range: at..at + piece.len(), text: decoded });
            }
            at += piece.len() + 1;
        }
    }
}

fn base64_text(token: &str) -> Option<String> {
    let bytes = unpack(token.trim_end_matches('=').bytes(), 6, |b| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    })?;
    text_of_bytes(bytes)
}

/// Base32 (RFC 4648), upper or lower case, with or without padding.
pub(super) fn base32(text: &str, min_run: usize, found: &mut Vec<Found>) {
    for range in tokens(text, |b| b.is_ascii_alphabetic() || matches!(b, b'2'..=b'7'), b'=', 6) {
        let token = text.get(range.clone()).unwrap_or_default().trim_end_matches('=');
        let one_case =
            !(token.bytes().any(|b| b.is_ascii_lowercase()) && token.bytes().any(|b| b.is_ascii_uppercase()));
        if token.len() < min_run.max(10) || !one_case || matches!(token.len() % 8, 1 | 3 | 6) {
            continue;
        }
        let bytes = unpack(token.bytes(), 5, |b| match b {
            b'A'..=b'Z' => Some(b - b'A'),
            b'a'..=b'z' => Some(b - b'a'),
            b'2'..=b'7' => Some(b - b'2' + 26),
            _ => None,
        });
        if let Some(decoded) = bytes.and_then(text_of_bytes) {
            found.push(Found { codec: Codec::Base32, range, text: decoded });
        }
    }
}

/// Ascii85 as Adobe frames it.
pub(super) fn ascii85(text: &str, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find("<~")).map(|offset| at + offset) {
        let inside = start + 2;
        let Some(len) = text.get(inside..).and_then(|rest| rest.find("~>")) else { return };
        if let Some(decoded) = text.get(inside..inside + len).and_then(ascii85_bytes).and_then(text_of_bytes) {
            found.push(Found { codec: Codec::Ascii85, range: start..inside + len + 2, text: decoded });
        }
        at = inside + len + 2;
    }
}

fn ascii85_bytes(body: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut group = Vec::with_capacity(5);
    for b in body.bytes().filter(|b| !b.is_ascii_whitespace()) {
        match b {
            b'z' if group.is_empty() => bytes.extend([0; 4]),
            b'!'..=b'u' => group.push(b - b'!'),
            _ => return None,
        }
        if group.len() == 5 {
            bytes.extend(ascii85_word(&group)?);
            group.clear();
        }
    }
    if group.len() > 1 {
        let given = group.len();
        group.resize(5, 84);
        bytes.extend(ascii85_word(&group)?.into_iter().take(given - 1));
    }
    Some(bytes)
}

fn ascii85_word(group: &[u8]) -> Option<[u8; 4]> {
    let value = group.iter().fold(0_u64, |sum, digit| sum * 85 + u64::from(*digit));
    u32::try_from(value).ok().map(u32::to_be_bytes)
}

/// Pairs of hexadecimal digits: `e59d8f`, `0xe59d8f`, `e5 9d 8f`, `E5:9D:8F`, `0xe5, 0x9d`.
pub(super) fn hex(text: &str, min_run: usize, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let tokens = tokens(text, |b| b.is_ascii_alphanumeric(), 0, 0);
    let digits = |range: &Range<usize>| -> Option<Range<usize>> {
        let token = text.get(range.clone())?;
        let skip = if token.starts_with("0x") || token.starts_with("0X") { 2 } else { 0 };
        let body = token.get(skip..)?;
        (!body.is_empty() && body.len().is_multiple_of(2) && body.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| range.start + skip..range.end)
    };
    let mut next = 0;
    while let Some(first) = tokens.get(next).cloned() {
        next += 1;
        let Some(body) = digits(&first) else { continue };
        let mut end = first.end;
        let mut run: Vec<u8> = bytes.get(body).unwrap_or_default().to_vec();
        // Groups of the same form go together.
        while let Some(more) = tokens.get(next) {
            let between = bytes.get(end..more.start).unwrap_or_default();
            let near =
                between.len() <= 3 && between.iter().all(|b| matches!(b, b' ' | b',' | b':' | b';' | b'-' | b'\n'));
            let Some(body) = digits(more).filter(|body| near && body.len() <= 8 && first.len() <= 10) else { break };
            run.extend(bytes.get(body).unwrap_or_default());
            end = more.end;
            next += 1;
        }
        if run.len() >= min_run
            && let Some(decoded) =
                unpack(run.into_iter(), 4, |b| char::from(b).to_digit(16).map(|d| d as u8)).and_then(text_of_bytes)
        {
            found.push(Found { codec: Codec::Hex, range: first.start..end, text: decoded });
        }
    }
}

/// Octets of zeros and ones, spaced, comma-separated or in one run.
pub(super) fn binary(text: &str, found: &mut Vec<Found>) {
    let is_bits = |range: &Range<usize>| {
        let token = text.get(range.clone()).unwrap_or_default();
        range.len().is_multiple_of(8) && token.bytes().all(|b| matches!(b, b'0' | b'1'))
    };
    let tokens = tokens(text, |b| b.is_ascii_alphanumeric(), 0, 0);
    for group in grouped(text, &tokens, is_bits) {
        let bits = text.get(group.clone()).unwrap_or_default().bytes().filter(|b| matches!(b, b'0' | b'1'));
        if let Some(decoded) = unpack(bits, 1, |b| Some(b - b'0')).and_then(text_of_bytes) {
            found.push(Found { codec: Codec::Binary, range: group, text: decoded });
        }
    }
}

/// Decimal bytes or code points. Lists of numbers are common, so the result must hold common words.
pub(super) fn decimal(text: &str, found: &mut Vec<Found>) {
    let is_number = |range: &Range<usize>| {
        let token = text.get(range.clone()).unwrap_or_default();
        (2..=6).contains(&token.len()) && !token.starts_with('0') && token.bytes().all(|b| b.is_ascii_digit())
    };
    let tokens = tokens(text, |b| b.is_ascii_alphanumeric(), 0, 0);
    for group in grouped(text, &tokens, is_number) {
        let body = text.get(group.clone()).unwrap_or_default();
        let numbers: Vec<u32> =
            body.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let decoded = if numbers.iter().all(|n| *n < 256) {
            text_of_bytes(numbers.iter().filter_map(|n| u8::try_from(*n).ok()).collect())
        } else {
            numbers.iter().map(|n| char::from_u32(*n)).collect::<Option<String>>()
        };
        let Some(decoded) = decoded.filter(|_| numbers.len() >= 2) else { continue };
        let readable = |c: char| matches!(c, ' '..='~' | '\n' | '\u{3000}'..='\u{9FFF}' | '\u{FF00}'..='\u{FFEF}');
        if decoded.chars().all(readable) && speaks(&decoded) {
            found.push(Found { codec: Codec::Decimal, range: group, text: decoded });
        }
    }
}

/// Runs of neighbors that are all of one form, with at most three separators between two.
fn grouped(text: &str, tokens: &[Range<usize>], is_member: impl Fn(&Range<usize>) -> bool) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut open = false;
    for token in tokens {
        if !is_member(token) {
            open = false;
            continue;
        }
        match groups.last_mut() {
            Some(group) if open && separates(text, group.end..token.start) => group.end = token.end,
            _ => groups.push(token.clone()),
        }
        open = true;
    }
    groups
}

fn separates(text: &str, range: Range<usize>) -> bool {
    let between = text.get(range).unwrap_or_default();
    between.len() <= 3
        && between.bytes().all(|b| matches!(b, b' ' | b',' | b';' | b'-' | b'|' | b'/' | b'\n' | b'\r' | b'\\' | b'.'))
}

/// Maximal runs of bytes of an alphabet, with up to `max_pad` padding bytes.
fn tokens(text: &str, is_member: impl Fn(u8) -> bool, pad: u8, max_pad: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while bytes.get(at).is_some_and(|b| is_member(*b)) {
            at += 1;
        }
        if at > start {
            let mut padded = 0;
            while padded < max_pad && bytes.get(at) == Some(&pad) {
                at += 1;
                padded += 1;
            }
            tokens.push(start..at);
        } else {
            at += 1;
        }
    }
    tokens
}

/// Digits of `width` bits, the highest first, as bytes. Bits that do not fill a byte are dropped; `None` when a digit
/// is none.
fn unpack(digits: impl Iterator<Item = u8>, width: u32, value: impl Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.size_hint().0);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        held = held << width | u32::from(value(digit)?);
        bits += width;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}
