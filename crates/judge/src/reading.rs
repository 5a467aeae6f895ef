//! How the models read: a folded text as a row of tokens.
//!
//! One Han character is one token, and so is any other letter outside ASCII, a run of ASCII letters and digits, and a
//! sign. The text is folded first (NFKC, simplified characters, look-alikes, invisibles: see [`menshen_text`]), so what
//! is written to deceive a reader of code points reads as it looks; that it was so written is kept as [`Traits`].

use menshen_text::{Folder, is_han};
use menshen_verdict::Side;

/// The longest text that is read at all; what lies beyond is read by the windows of the caller.
const MAX_WORD_CHARS: usize = 24;

/// One token of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// A hash of the token's text.
    pub hash: u32,
    /// Where the token lies in [`Reading::text`].
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// What it is.
    pub kind: Kind,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One Han character.
    Han,
    /// A run of ASCII letters and digits, at most 24 of them.
    Word,
    /// A longer run: encoded or machine-made.
    Blob,
    /// Any other letter.
    Letter,
    /// A sign; a run of the same sign is one token.
    Sign,
    /// A line break; a run of them is one token.
    Break,
}

/// What the way of writing tells, whatever is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits(pub u16);

impl Traits {
    /// The text holds characters that no reader sees.
    pub const INVISIBLE: u16 = 1;
    /// It holds letters that pass for others.
    pub const LOOK_ALIKE: u16 = 1 << 1;
    /// It holds styled letters (mathematical, enclosed …).
    pub const STYLED: u16 = 1 << 2;
    /// It holds direction marks.
    pub const BIDI: u16 = 1 << 3;
    /// It holds a run that looks encoded.
    pub const BLOB: u16 = 1 << 4;
    /// Han characters stand apart, with a sign or space after nearly each.
    pub const SPACED: u16 = 1 << 5;
    /// It was mostly full-width or otherwise compatibility forms.
    pub const WIDE: u16 = 1 << 6;
    /// Han characters and pinyin syllables are mixed inside words.
    pub const MIXED: u16 = 1 << 7;
    /// It has more than one line.
    pub const LINES: u16 = 1 << 8;
    /// Mostly Latin.
    pub const LATIN: u16 = 1 << 9;

    /// The bits that are set.
    pub fn bits(self) -> impl Iterator<Item = u32> {
        (0..16_u32).filter(move |i| self.0 >> i & 1 == 1)
    }
}

/// A text as the models read it.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The folded text.
    pub text: String,
    /// Its tokens, in order.
    pub tokens: Vec<Token>,
    /// What the way of writing tells.
    pub traits: Traits,
    /// Which way the text travels.
    pub output: bool,
}

/// FNV-1a over bytes, finished so that its low bits are usable.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u32 {
    let mut hash = 0x811C_9DC5_u32;
    for byte in bytes {
        hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    }
    mix(hash)
}

/// A finisher with good avalanche (lowbias32).
pub(crate) const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// The hash of a pair, order included.
pub(crate) const fn pair(a: u32, b: u32) -> u32 {
    mix(a.rotate_left(13) ^ b.wrapping_mul(0x9E37_79B9))
}

impl Reading {
    /// Reads a text that travels this way.
    pub fn of(text: &str, side: Side) -> Reading {
        let folder = Folder::shared();
        let folded = folder.fold(text).text;
        let mut reading = Reading {
            tokens: Vec::with_capacity(folded.len() / 2),
            output: side == Side::Output,
            ..Reading::default()
        };
        let mut chars = folded.char_indices().peekable();
        let (mut han, mut apart, mut words, mut blobs) = (0_usize, 0_usize, 0_usize, 0_usize);
        while let Some((start, c)) = chars.next() {
            let mut end = start + c.len_utf8();
            let mut run = 1;
            let kind = if c == '\n' || c == '\r' {
                while let Some((at, next)) = chars.peek().copied()
                    && next.is_whitespace()
                {
                    end = at + next.len_utf8();
                    chars.next();
                }
                Kind::Break
            } else if c.is_whitespace() {
                continue;
            } else if is_han(c) {
                han += 1;
                if chars.peek().is_some_and(|(_, n)| !is_han(*n)) {
                    apart += 1;
                }
                Kind::Han
            } else if c.is_ascii_alphanumeric() {
                while let Some((at, next)) = chars.peek().copied()
                    && (next.is_ascii_alphanumeric()
                        || next == '\''
                        || (run >= MAX_WORD_CHARS && "+/=%\\-_".contains(next)))
                {
                    end = at + 1;
                    run += 1;
                    chars.next();
                }
                words += 1;
                if run > MAX_WORD_CHARS {
                    blobs += 1;
                    Kind::Blob
                } else {
                    Kind::Word
                }
            } else if c.is_alphabetic() {
                Kind::Letter
            } else {
                while let Some((at, next)) = chars.peek().copied()
                    && next == c
                {
                    end = at + next.len_utf8();
                    chars.next();
                }
                Kind::Sign
            };
            let piece = folded.get(start..end).unwrap_or_default();
            let hash = match kind {
                Kind::Han | Kind::Letter | Kind::Sign => mix(u32::from(c)),
                Kind::Break => 0x0A0A_0A0A,
                // What an encoded run says is not its spelling: its length tells enough.
                Kind::Blob => pair(0xB10B, run.ilog2()),
                Kind::Word => {
                    if piece.bytes().any(|b| b.is_ascii_uppercase()) {
                        hash_bytes(piece.to_ascii_lowercase().as_bytes())
                    } else {
                        hash_bytes(piece.as_bytes())
                    }
                }
            };
            let at = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
            reading.tokens.push(Token { hash, start: at(start), end: at(end), kind });
        }
        let mut traits = 0;
        let seen = folder.obfuscation(text);
        let mut set = |yes: bool, bit: u16| traits |= if yes { bit } else { 0 };
        set(!seen.invisible.is_empty() || !seen.tags.is_empty(), Traits::INVISIBLE);
        set(!seen.homoglyphs.is_empty(), Traits::LOOK_ALIKE);
        set(!seen.styled.is_empty() || !seen.zalgo.is_empty(), Traits::STYLED);
        set(!seen.bidi.is_empty(), Traits::BIDI);
        set(blobs > 0, Traits::BLOB);
        set(han >= 6 && apart * 10 >= han * 6, Traits::SPACED);
        let wide = text
            .chars()
            .filter(|c| matches!(u32::from(*c), 0xFF10..=0xFF19 | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A))
            .count();
        set(wide >= 6, Traits::WIDE);
        let mixed = reading
            .tokens
            .windows(3)
            .filter(|w| matches!(w, [a, b, c] if a.kind == Kind::Han && b.kind == Kind::Word && c.kind == Kind::Han))
            .count();
        set(mixed >= 2, Traits::MIXED);
        set(reading.tokens.iter().any(|t| t.kind == Kind::Break), Traits::LINES);
        set(words > han, Traits::LATIN);
        reading.traits = Traits(traits);
        reading.text = folded;
        reading
    }

    /// The bytes of a token.
    pub fn bytes(&self, token: &Token) -> &[u8] {
        self.text.as_bytes().get(token.start as usize..token.end as usize).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        Reading::of(text, Side::Input).tokens.iter().map(|t| t.kind).collect()
    }

    #[test]
    fn han_words_signs_and_breaks() {
        use Kind::{Break, Han, Sign, Word};
        assert_eq!(kinds("怎么kill 进程？？\n\n好"), [Han, Han, Word, Han, Han, Sign, Break, Han]);
        assert_eq!(kinds(""), []);
    }

    #[test]
    fn an_encoded_run_is_one_token_whatever_it_spells() {
        let a = Reading::of(&"QUJD".repeat(10), Side::Input);
        assert_eq!(a.tokens.len(), 1);
        assert_eq!(a.tokens[0].kind, Kind::Blob);
        assert_ne!(a.traits.0 & Traits::BLOB, 0);
    }

    #[test]
    fn disguises_read_as_they_look() {
        let plain = Reading::of("怎么制造武器", Side::Input);
        let hidden = Reading::of("怎麼製\u{200b}造武器", Side::Input);
        let hashes = |r: &Reading| r.tokens.iter().map(|t| t.hash).collect::<Vec<_>>();
        assert_eq!(hashes(&plain), hashes(&hidden));
        assert_ne!(hidden.traits.0 & Traits::INVISIBLE, 0);
    }
}
