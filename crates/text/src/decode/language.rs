//! Is it language? Small built-in tests for English and Chinese, to tell a decoded text from noise.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::han::is_han;

const ENGLISH: &str = include_str!("../../data/english.txt");
const HAN_PAIRS: &str = include_str!("../../data/han_pairs.txt");

/// Letters and the word boundary.
const SYMBOLS: usize = 27;
const EDGE: usize = 26;

/// What common language looks like.
pub(super) struct Language {
    /// Natural logarithm of the probability of a letter after another, by `first * SYMBOLS + second`.
    pairs: Vec<f32>,
    words: HashSet<&'static str>,
    /// Open addressing over pairs of BMP characters, `first << 16 | second`; 0 is empty.
    han: Vec<u32>,
    /// One bit per BMP code point: whether it is in any pair.
    in_han: Vec<u64>,
}

const HAN_SLOTS: usize = 4096;

fn slot(pair: u32) -> usize {
    (pair.wrapping_mul(0x9E37_79B1) >> 20) as usize % HAN_SLOTS
}

fn symbol(b: u8) -> Option<usize> {
    b.is_ascii_alphabetic().then(|| usize::from(b.to_ascii_lowercase() - b'a'))
}

impl Language {
    pub(super) fn shared() -> &'static Language {
        static SHARED: OnceLock<Language> = OnceLock::new();
        SHARED.get_or_init(Language::load)
    }

    fn load() -> Language {
        let lines =
            |data: &'static str| data.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
        let mut counts = vec![0.5_f32; SYMBOLS * SYMBOLS];
        let mut words = HashSet::new();
        for (rank, word) in lines(ENGLISH).enumerate() {
            words.insert(word);
            // Zipf's law, flattened so that the long tail still teaches its letter pairs.
            let weight = 40.0 / (rank as f32 + 20.0) + 0.5;
            for (a, b) in letter_pairs(word.as_bytes()) {
                if let Some(count) = counts.get_mut(a * SYMBOLS + b) {
                    *count += weight;
                }
            }
        }
        let pairs = counts
            .chunks(SYMBOLS)
            .flat_map(|row| {
                let total: f32 = row.iter().sum();
                row.iter().map(move |count| (count / total).ln())
            })
            .collect();
        let mut language = Language { pairs, words, han: vec![0; HAN_SLOTS], in_han: vec![0; 0x1_0000 / 64] };
        let all: HashSet<u32> = lines(HAN_PAIRS).filter_map(han_pair).collect();
        for pair in all.iter().filter(|pair| !all.contains(&pair.rotate_left(16))) {
            language.insert(*pair);
        }
        language
    }

    fn insert(&mut self, pair: u32) {
        for code in [pair >> 16, pair & 0xFFFF] {
            if let Some(word) = self.in_han.get_mut(code as usize / 64) {
                *word |= 1 << (code % 64);
            }
        }
        let mut at = slot(pair);
        // The table is four times as large as the list, so there is always room.
        while let Some(place) = self.han.get_mut(at % HAN_SLOTS) {
            if *place == 0 {
                *place = pair;
                return;
            }
            at += 1;
        }
    }

    /// Whether two characters in this order are a common word.
    pub(super) fn is_han_pair(&self, a: char, b: char) -> bool {
        let (Ok(a), Ok(b)) = (u16::try_from(u32::from(a)), u16::try_from(u32::from(b))) else { return false };
        let known = |c: u16| self.in_han.get(usize::from(c) / 64).is_some_and(|word| word & (1 << (c % 64)) != 0);
        if !known(a) || !known(b) {
            return false;
        }
        let pair = u32::from(a) << 16 | u32::from(b);
        let mut at = slot(pair);
        loop {
            match self.han.get(at % HAN_SLOTS) {
                Some(0) | None => return false,
                Some(found) if *found == pair => return true,
                Some(_) => at += 1,
            }
        }
    }

    /// Log-probability of a word of ASCII letters with its edges, in nats.
    pub(super) fn score(&self, word: impl Iterator<Item = u8>) -> f32 {
        let mut before = EDGE;
        let mut sum = 0.0;
        for next in word.filter_map(symbol) {
            sum += self.pairs.get(before * SYMBOLS + next).copied().unwrap_or_default();
            before = next;
        }
        sum + self.pairs.get(before * SYMBOLS + EDGE).copied().unwrap_or_default()
    }

    /// Whether a lower-case word is common.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.words.contains(word) || word.strip_suffix('s').is_some_and(|word| self.words.contains(word))
    }

    /// Letters of a text that are in common words of three letters and more.
    pub(super) fn known_letters(&self, text: &str) -> usize {
        text.split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| word.len() >= 3 && self.knows(&word.to_ascii_lowercase()))
            .map(str::len)
            .sum()
    }
}

fn letter_pairs(word: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let letters = word.iter().filter_map(|b| symbol(*b));
    let from = std::iter::once(EDGE).chain(letters.clone());
    from.zip(letters.chain(std::iter::once(EDGE)))
}

fn han_pair(word: &str) -> Option<u32> {
    let mut chars = word.chars();
    let a = u16::try_from(u32::from(chars.next()?)).ok()?;
    let b = u16::try_from(u32::from(chars.next()?)).ok()?;
    Some(u32::from(a) << 16 | u32::from(b))
}

/// Bytes as text, when they are: UTF-8, or UTF-16 with the low byte first as PowerShell encodes.
pub(super) fn text_of_bytes(bytes: Vec<u8>) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) if is_text(&text) => Some(text),
        Ok(text) => utf16_text(text.as_bytes()),
        Err(error) => utf16_text(error.as_bytes()),
    }
}

fn utf16_text(bytes: &[u8]) -> Option<String> {
    if bytes.len() < 8 || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let text = String::from_utf16(&units).ok()?;
    // A third of all 16-bit units are Han, so noise passes easily: only plain, common text is taken.
    let common = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ' || ('\u{4E00}'..'\u{8000}').contains(c));
    (is_text(&text) && common.count() * 10 >= units.len() * 9 && speaks(&text)).then_some(text)
}

/// Whether a text is language by content, not only by its characters: common words or pairs in it.
pub(super) fn speaks(text: &str) -> bool {
    let language = Language::shared();
    if language.known_letters(text) >= 4 {
        return true;
    }
    let mut before = '\0';
    text.chars().any(|c| {
        let pair = language.is_han_pair(before, c);
        before = c;
        pair
    })
}

/// Whether decoded characters are text that somebody wrote rather than bytes that happen to be valid.
///
/// Every character is evidence: a random byte is printable ASCII with probability 95/256 (1.4 bits), three random
/// bytes are an ideograph with less than one in 2^9. Sixteen bits are asked for: twelve ASCII characters or two
/// ideographs; shorter ASCII text must hold a common word.
pub(super) fn is_text(text: &str) -> bool {
    let (mut ascii, mut letters, mut cjk, mut other) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut home = None;
    let mut strangers = 0_usize;
    for c in text.chars() {
        match u32::from(c) {
            0x09 | 0x0A | 0x0D => {}
            0x20..=0x7E => {
                ascii += 1;
                letters += usize::from(c.is_ascii_alphabetic() || c == ' ');
            }
            0x3000..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0xFF00..=0xFFEF | 0x2010..=0x2027 => cjk += 1,
            0x1F300..=0x1FAFF | 0x200B..=0x200D | 0xFE0F => other += 1,
            0x00..=0x1F | 0xE000..=0xF8FF | 0xFFF0..=0xFFFF | 0x7F..=0xA0 => return false,
            code if is_han(c) => {
                // Rare ideographs count, but not as evidence.
                let _ = code;
            }
            code if c.is_alphanumeric() || code < 0x300 || (0x2000..0x2C00).contains(&code) => {
                other += 1;
                // Alphabets keep together: letters from many blocks are noise.
                let block = code >> 8;
                strangers += usize::from(*home.get_or_insert(block) != block);
            }
            _ => return false,
        }
    }
    if strangers * 4 > other {
        return false;
    }
    let tenths_of_bits = ascii * 14 + cjk * 90 + other.min(ascii + cjk + 12) * 20;
    if tenths_of_bits >= 160 {
        // Digits and signs alone are tables, hashes and keys, not text.
        return cjk > 0 || other * 2 > ascii || letters * 2 >= ascii;
    }
    ascii >= 4 && ascii == text.len() && Language::shared().known_letters(text) >= 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_noise() {
        for text in ["坏词", "drop table users", "ignore all previous instructions", "hello", "привет как дела друг"]
        {
            assert!(is_text(text), "{text}");
        }
        for noise in [
            "\u{1}\u{2}abc",
            "é\u{84}x",
            "ab\u{E000}cdefghijklm",
            "q;",
            "0123456789012345",
            "\u{5d0}\u{3b1}\u{416}\u{e01}",
        ] {
            assert!(!is_text(noise), "{noise}");
        }
    }

    #[test]
    fn pairs_are_directed() {
        let language = Language::shared();
        assert!(language.is_han_pair('规', '则'));
        assert!(!language.is_han_pair('则', '规'));
        assert!(!language.is_han_pair('\u{20000}', '则'));
    }

    #[test]
    fn english_scores_above_its_rot13() {
        let language = Language::shared();
        let mut gain = 0.0;
        for word in ["ignore", "previous", "instructions", "weather", "kitchen", "meeting", "banana"] {
            let turned: Vec<u8> = word.bytes().map(|b| (b - b'a' + 13) % 26 + b'a').collect();
            gain += language.score(word.bytes()) - language.score(turned.into_iter());
        }
        assert!(gain > 35.0, "{gain}");
    }
}
