//! A first look at a text: which codecs could have anything to do in it.

use menshen_verdict::Span;

use crate::invisible;
use crate::view::View;

/// What is in a text, in one pass over its bytes.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// Longest run of letters, digits, `+ / - _`.
    pub(super) longest_run: usize,
    /// The same, runs joined over single white space after multiples of four.
    pub(super) spaced_run: usize,
    /// Hexadecimal digits.
    pub(super) hex_digits: usize,
    /// Decimal digits.
    pub(super) digits: usize,
    /// Zeros and ones.
    pub(super) bits: usize,
    /// ASCII letters.
    pub(super) letters: usize,
    /// Dots and dashes of any kind.
    pub(super) marks: usize,
    /// A percent sign, backslash, ampersand, equals sign or `U+`.
    pub(super) escapes: bool,
    /// `<~`.
    pub(super) tilde: bool,
    /// A braille cell.
    pub(super) braille: bool,
    /// A letter of the phonetic or extended Latin blocks.
    pub(super) phonetic: bool,
    /// A character of three bytes in the Han range.
    pub(super) wide: bool,
}

impl Signs {
    pub(super) fn of(text: &str) -> Self {
        let mut signs = Signs::default();
        let bytes = text.as_bytes();
        let (mut run, mut spaced) = (0_usize, 0_usize);
        let mut before = 0_u8;
        for (at, b) in bytes.iter().copied().enumerate() {
            let next = || bytes.get(at + 1).copied().unwrap_or_default();
            if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_') {
                run += 1;
                spaced += 1;
                signs.longest_run = signs.longest_run.max(run);
                signs.spaced_run = signs.spaced_run.max(spaced);
                signs.letters += usize::from(b.is_ascii_alphabetic());
                signs.digits += usize::from(b.is_ascii_digit());
                signs.hex_digits += usize::from(b.is_ascii_hexdigit());
                signs.bits += usize::from(matches!(b, b'0' | b'1'));
                signs.marks += usize::from(matches!(b, b'-' | b'_'));
                signs.escapes |= b == b'+' && matches!(before, b'U' | b'u');
            } else {
                if !(b.is_ascii_whitespace() && run > 0 && run % 4 == 0) {
                    spaced = 0;
                }
                run = 0;
                match b {
                    b'.' => signs.marks += 1,
                    b'%' | b'\\' | b'&' | b'=' => signs.escapes = true,
                    b'~' => signs.tilde |= before == b'<',
                    0xC9 | 0xCA | 0xC7 | 0xC6 | 0xC4 => signs.phonetic = true,
                    0xE2 => {
                        signs.braille |= matches!(next(), 0xA0..=0xA3);
                        signs.marks += usize::from(matches!(next(), 0x80 | 0x88 | 0x8B | 0x94 | 0x96 | 0x97));
                    }
                    0xC2 => signs.marks += usize::from(next() == 0xB7),
                    0xE3 => signs.marks += usize::from(next() == 0x83),
                    0xE4..=0xE9 => signs.wide = true,
                    _ => {}
                }
            }
            before = b;
        }
        signs
    }
}

/// The text without invisible characters and with full-width ASCII made plain, so that neither hides an encoded run.
/// `None` when that changes nothing.
pub(super) fn plain(text: &str) -> Option<View> {
    // Han and printable ASCII, nearly all of every text, need no closer look.
    let ordinary = |c: char| matches!(c, ' '..='~' | '\u{3400}'..='\u{9FFF}');
    let half = |c: char| match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0),
        0x3000 => Some(' '),
        _ => None,
    };
    // Both kinds begin with one of a few bytes; most texts have none of them.
    let rare =
        |b: u8| matches!(b, 0xC2 | 0xCD | 0xD8 | 0xE1 | 0xE2 | 0xE3 | 0xEF | 0xF0 | 0xF3) || b < 0x20 || b == 0x7F;
    if !text.bytes().any(rare)
        || !text.chars().any(|c| !ordinary(c) && (half(c).is_some() || invisible::kind(c).is_some()))
    {
        return None;
    }
    let mut view = View::default();
    for (at, c) in text.char_indices() {
        let span = Span::new(at, at + c.len_utf8());
        match (half(c), invisible::kind(c)) {
            (Some(half), _) => view.push_char(half, span),
            (None, Some(_)) => {}
            (None, None) => view.push_linear(span.of(text), at),
        }
    }
    view.set_source_len(text.len());
    Some(view)
}
