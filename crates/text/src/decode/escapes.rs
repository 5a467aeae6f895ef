//! Characters written as escapes amid text: percent, quoted-printable, `\x`, octal, Unicode escapes, HTML entities.

use super::{Codec, Found};

/// What one escape stands for.
enum Piece {
    Byte(u8),
    Char(char),
    /// A UTF-16 unit, for escapes that write surrogate pairs.
    Unit(u16),
    /// Nothing: a soft line break.
    Nothing,
}

/// One family of escapes: the byte that each begins with, the fewest that count, and the parser, which answers with
/// the escape's length in bytes.
struct Family {
    codec: Codec,
    leads: &'static [u8],
    fewest: usize,
    parse: fn(&[u8]) -> Option<(usize, Piece)>,
}

const FAMILIES: &[Family] = &[
    Family { codec: Codec::Percent, leads: b"%", fewest: 1, parse: percent },
    Family { codec: Codec::QuotedPrintable, leads: b"=", fewest: 2, parse: quoted_printable },
    Family { codec: Codec::Hex, leads: b"\\", fewest: 2, parse: hex_escape },
    Family { codec: Codec::Octal, leads: b"\\", fewest: 2, parse: octal },
    Family { codec: Codec::UnicodeEscape, leads: b"\\Uu", fewest: 1, parse: unicode },
    Family { codec: Codec::HtmlEntity, leads: b"&", fewest: 1, parse: html },
];

/// Escapes with at most this many plain bytes between two belong to one run.
const NEAR: usize = 12;

/// How far a run reaches into the letters beside it, so that a half-escaped word is whole again.
const REACH: usize = 32;

/// All runs of escapes.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    for family in FAMILIES {
        let mut escapes: Vec<(usize, usize, Piece)> = Vec::new();
        let mut at = 0;
        while let Some(skip) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| family.leads.contains(b))) {
            at += skip;
            match bytes.get(at..).and_then(family.parse) {
                Some((len, piece)) => {
                    if escapes.last().is_some_and(|(_, end, _)| at - end > NEAR) {
                        close(text, family, &mut escapes, found);
                    }
                    escapes.push((at, at + len, piece));
                    at += len;
                }
                None => at += 1,
            }
        }
        close(text, family, &mut escapes, found);
    }
}

fn close(text: &str, family: &Family, escapes: &mut Vec<(usize, usize, Piece)>, found: &mut Vec<Found>) {
    let escapes = std::mem::take(escapes);
    let (Some((first, ..)), Some((_, last, _))) = (escapes.first(), escapes.last()) else { return };
    let (first, last) = (*first, *last);
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let before = text.get(..first).unwrap_or_default();
    let start =
        before.char_indices().rev().take(REACH).take_while(|(_, c)| is_word(*c)).last().map_or(first, |(at, _)| at);
    let after = text.get(last..).unwrap_or_default();
    let end = last + after.bytes().take(REACH).take_while(|b| is_word(char::from(*b))).count();

    let count = escapes.len();
    let glued = start < first || end > last;
    if count < family.fewest || count == 1 && !glued && matches!(family.codec, Codec::Percent) {
        return;
    }
    let mut out: Vec<u8> = Vec::with_capacity(end - start);
    let mut telling = false;
    let mut at = start;
    let mut high: Option<u16> = None;
    for (from, to, piece) in escapes {
        if from > at {
            high = None;
        }
        out.extend(text.as_bytes().get(at..from).unwrap_or_default());
        at = to;
        let unit = if let Piece::Unit(unit) = piece { Some(unit) } else { None };
        let c = match piece {
            Piece::Byte(byte) => {
                telling |= byte >= 0x80 || byte.is_ascii_alphanumeric() || matches!(byte, b'\\' | b'%' | b'<' | b'>');
                out.push(byte);
                continue;
            }
            Piece::Nothing => continue,
            Piece::Char(c) => c,
            Piece::Unit(unit) => match char::decode_utf16(high.take().into_iter().chain([unit])).next() {
                Some(Ok(c)) => c,
                _ => {
                    high = unit_is_high(unit).then_some(unit);
                    continue;
                }
            },
        };
        if unit.is_none() {
            high = None;
        }
        telling |= c.is_alphanumeric() || matches!(c, '<' | '>' | '\\' | '%') || u32::from(c) > 0x2FFF;
        out.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
    out.extend(text.as_bytes().get(at..end).unwrap_or_default());
    let Ok(decoded) = String::from_utf8(out) else { return };
    let clean = !decoded.chars().any(|c| c.is_control() && !c.is_whitespace() || c == '\u{FFFD}');
    if telling && clean {
        found.push(Found { codec: family.codec, range: start..end, text: decoded });
    }
}

fn unit_is_high(unit: u16) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

/// The value of exactly `len` digits.
fn digits(bytes: &[u8], at: usize, len: usize, radix: u32) -> Option<u32> {
    let digits = bytes.get(at..at + len)?;
    digits.iter().try_fold(0_u32, |sum, b| Some(sum * radix + char::from(*b).to_digit(radix)?))
}

/// The value of the longest run of one to `most` digits, and its length.
fn number(bytes: &[u8], at: usize, most: usize, radix: u32) -> Option<(usize, u32)> {
    let rest = bytes.get(at..)?;
    let len = rest.iter().take(most).take_while(|b| char::from(**b).is_digit(radix)).count();
    if len == 0 {
        return None;
    }
    digits(bytes, at, len, radix).map(|value| (len, value))
}

fn percent(bytes: &[u8]) -> Option<(usize, Piece)> {
    if matches!(bytes.get(1), Some(b'u' | b'U')) {
        return digits(bytes, 2, 4, 16).map(|unit| (6, Piece::Unit(unit as u16)));
    }
    // %25E5 is %E5 escaped twice; one pass here, the next when the layer is searched.
    digits(bytes, 1, 2, 16).map(|byte| (3, Piece::Byte(byte as u8)))
}

fn quoted_printable(bytes: &[u8]) -> Option<(usize, Piece)> {
    match bytes.get(1..)? {
        [b'\r', b'\n', ..] => return Some((3, Piece::Nothing)),
        [b'\n', ..] => return Some((2, Piece::Nothing)),
        _ => {}
    }
    let upper = bytes.get(1..3)?.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    digits(bytes, 1, 2, 16).filter(|_| upper).map(|byte| (3, Piece::Byte(byte as u8)))
}

fn hex_escape(bytes: &[u8]) -> Option<(usize, Piece)> {
    matches!(bytes.get(1), Some(b'x' | b'X')).then_some(())?;
    digits(bytes, 2, 2, 16).map(|byte| (4, Piece::Byte(byte as u8)))
}

fn octal(bytes: &[u8]) -> Option<(usize, Piece)> {
    digits(bytes, 1, 3, 8).and_then(|value| u8::try_from(value).ok()).map(|byte| (4, Piece::Byte(byte)))
}

fn unicode(bytes: &[u8]) -> Option<(usize, Piece)> {
    match (bytes.first()?, bytes.get(1)?) {
        (b'\\', b'u' | b'U') if bytes.get(2) == Some(&b'{') => {
            let (len, code) = number(bytes, 3, 6, 16)?;
            let c = char::from_u32(code)?;
            (bytes.get(3 + len) == Some(&b'}')).then_some((4 + len, Piece::Char(c)))
        }
        (b'\\', b'U') if digits(bytes, 2, 8, 16).is_some() => {
            digits(bytes, 2, 8, 16).and_then(char::from_u32).map(|c| (10, Piece::Char(c)))
        }
        (b'\\', b'u' | b'U') => digits(bytes, 2, 4, 16).map(|unit| (6, Piece::Unit(unit as u16))),
        (b'U' | b'u', b'+') => {
            let (len, code) = number(bytes, 2, 6, 16)?;
            (len >= 4).then_some(())?;
            char::from_u32(code).map(|c| (2 + len, Piece::Char(c)))
        }
        // CSS: a backslash and four to six digits; only code points that no octal escape has.
        (b'\\', _) => {
            let (len, code) = number(bytes, 1, 6, 16)?;
            (len >= 4 && code >= 0x2E80).then_some(())?;
            char::from_u32(code).map(|c| (1 + len, Piece::Char(c)))
        }
        _ => None,
    }
}

fn html(bytes: &[u8]) -> Option<(usize, Piece)> {
    if bytes.get(1) == Some(&b'#') {
        let (at, radix, most) = if matches!(bytes.get(2), Some(b'x' | b'X')) { (3, 16, 6) } else { (2, 10, 7) };
        let (len, code) = number(bytes, at, most, radix)?;
        let c = char::from_u32(code)?;
        // Browsers forgive a missing semicolon.
        let semicolon = usize::from(bytes.get(at + len) == Some(&b';'));
        return Some((at + len + semicolon, Piece::Char(c)));
    }
    const NAMED: &[(&[u8], char)] = &[
        (b"amp;", '&'),
        (b"lt;", '<'),
        (b"gt;", '>'),
        (b"quot;", '"'),
        (b"apos;", '\''),
        (b"nbsp;", ' '),
        (b"colon;", ':'),
        (b"sol;", '/'),
        (b"lpar;", '('),
        (b"rpar;", ')'),
        (b"period;", '.'),
        (b"comma;", ','),
        (b"excl;", '!'),
        (b"num;", '#'),
        (b"equals;", '='),
        (b"Tab;", '\t'),
        (b"NewLine;", '\n'),
        (b"ZeroWidthSpace;", ' '),
    ];
    let rest = bytes.get(1..)?;
    NAMED.iter().find(|(name, _)| rest.starts_with(name)).map(|(name, c)| (1 + name.len(), Piece::Char(*c)))
}
