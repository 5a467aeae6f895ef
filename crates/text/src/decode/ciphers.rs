//! Letters for other letters: rot13, Caesar, Atbash, leet, and text written backwards. Nothing marks these, so a
//! reading is kept only when it is clearly more language than what was written.

use std::ops::Range;

use super::language::Language;
use super::{Codec, Found};

/// Nats by which the reading must be the likelier English.
const CLEARLY: f32 = 8.0;

/// Letters of the reading that must be in common words of three letters and more, and the share of all letters.
const FEWEST_KNOWN: usize = 6;

/// A word of ASCII letters.
struct Word<'t> {
    at: usize,
    letters: &'t str,
    /// Whether only ASCII stands between it and the word before.
    joined: bool,
    score: f32,
}

fn words<'t>(text: &'t str, language: &Language) -> Vec<Word<'t>> {
    let mut words: Vec<Word<'t>> = Vec::new();
    let mut joined = false;
    let mut start = None;
    for (at, b) in text.bytes().chain([0]).enumerate() {
        match (b.is_ascii_alphabetic(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let letters = text.get(from..at).unwrap_or_default();
                words.push(Word { at: from, letters, joined, score: language.score(letters.bytes()) });
                start = None;
                joined = true;
            }
            _ => {}
        }
        joined &= b.is_ascii() && b != 0;
    }
    words
}

/// The stretch of neighboring words with the highest sum (Kadane), and the sum.
fn best(words: &[Word<'_>], gain: impl Fn(&Word<'_>) -> f32) -> Option<(Range<usize>, f32)> {
    let mut top: Option<(Range<usize>, f32)> = None;
    let (mut from, mut sum) = (0, 0.0_f32);
    for (at, word) in words.iter().enumerate() {
        if sum <= 0.0 || !word.joined {
            from = at;
            sum = 0.0;
        }
        sum += gain(word);
        if top.as_ref().is_none_or(|(_, known)| sum > *known) {
            top = Some((from..at + 1, sum));
        }
    }
    top
}

fn shift(b: u8, by: u8) -> u8 {
    match b {
        b'a'..=b'z' => (b - b'a' + by) % 26 + b'a',
        b'A'..=b'Z' => (b - b'A' + by) % 26 + b'A',
        _ => b,
    }
}

fn mirror(b: u8) -> u8 {
    match b {
        b'a'..=b'z' => b'z' - (b - b'a'),
        b'A'..=b'Z' => b'Z' - (b - b'A'),
        _ => b,
    }
}

/// Rot13, other shifts, Atbash and backwards English.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let language = Language::shared();
    let words = words(text, language);
    if words.iter().map(|word| word.letters.len()).sum::<usize>() < FEWEST_KNOWN {
        return;
    }
    let mut keep = |codec: Codec, stretch: Range<usize>, sum: f32, read: &dyn Fn(&str) -> String| {
        let (Some(first), Some(last)) = (words.get(stretch.start), words.get(stretch.end - 1)) else { return };
        let range = first.at..last.at + last.letters.len();
        let decoded = read(text.get(range.clone()).unwrap_or_default());
        let letters = decoded.bytes().filter(u8::is_ascii_alphabetic).count();
        let known = language.known_letters(&decoded);
        if sum >= CLEARLY && known >= FEWEST_KNOWN && known * 3 >= letters {
            found.push(Found { codec, range, text: decoded });
        }
    };
    let mapped = |map: &dyn Fn(u8) -> u8, text: &str| -> String {
        text.chars().map(|c| if c.is_ascii() { char::from(map(c as u8)) } else { c }).collect()
    };

    let by_map =
        |map: &dyn Fn(u8) -> u8| best(&words, |word| language.score(word.letters.bytes().map(map)) - word.score);
    let backwards = best(&words, |word| language.score(word.letters.bytes().rev()) - word.score);
    if let Some((stretch, sum)) = backwards.filter(|(_, sum)| *sum >= CLEARLY) {
        keep(Codec::Reversed, stretch, sum, &|run| run.chars().rev().collect());
    }
    // Keys are tried only where some words are no English: 3 nats a letter lie between English and noise.
    let strange = best(&words, |word| -3.0 * (word.letters.len() as f32 + 1.0) - word.score);
    if strange.is_none_or(|(_, sum)| sum < 3.0) {
        return;
    }
    if let Some((stretch, sum)) = by_map(&|b| shift(b, 13)).filter(|(_, sum)| *sum >= CLEARLY) {
        keep(Codec::Rot13, stretch, sum, &|run| mapped(&|b| shift(b, 13), run));
    }
    let mut keys: Vec<(Range<usize>, f32, u8)> = Vec::new();
    for key in (1..26).filter(|key| *key != 13).chain([0]) {
        let map = |b: u8| if key == 0 { mirror(b) } else { shift(b, key) };
        keys.extend(by_map(&map).filter(|(_, sum)| *sum >= CLEARLY).map(|(stretch, sum)| (stretch, sum, key)));
    }
    keys.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (stretch, sum, key) in keys.into_iter().take(2) {
        if key == 0 {
            keep(Codec::Atbash, stretch, sum, &|run| mapped(&mirror, run));
        } else {
            keep(Codec::Caesar, stretch, sum, &|run| mapped(&|b| shift(b, key), run));
        }
    }
}

/// Letters that digits and signs pass for; `1` and `|` may be an i or an l.
fn leet_letter(c: char, one: char) -> Option<char> {
    let letter = match c {
        '0' => 'o',
        '1' | '|' => one,
        '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        'a'..='z' | 'A'..='Z' => c.to_ascii_lowercase(),
        _ => return None,
    };
    Some(letter)
}

/// Words with digits and signs for letters, when they turn into common words: two of them, or one of four letters
/// and more.
pub(super) fn leet(text: &str, found: &mut Vec<Found>) {
    let language = Language::shared();
    let is_member = |c: char| leet_letter(c, 'i').is_some();
    let read = |word: &str| -> Option<String> {
        let written = word.trim_end_matches(['!', '+', '|']);
        if !written.contains(|c: char| !c.is_ascii_alphabetic()) || !written.contains(|c: char| c.is_ascii_alphabetic())
        {
            return None;
        }
        ['i', 'l']
            .into_iter()
            .map(|one| written.chars().filter_map(|c| leet_letter(c, one)).collect::<String>())
            .find(|letters| letters.len() >= 3 && language.knows(letters))
            .map(|letters| letters + word.get(written.len()..).unwrap_or_default())
    };
    let mut hits: Vec<(Range<usize>, String)> = Vec::new();
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(is_member)).map(|offset| at + offset) {
        let rest = text.get(start..).unwrap_or_default();
        let len = rest.find(|c| !is_member(c)).unwrap_or(rest.len());
        if let Some(word) = read(rest.get(..len).unwrap_or_default()) {
            hits.push((start..start + len, word));
        }
        at = start + len;
    }
    let letters = hits.iter().map(|(_, word)| word.len()).max().unwrap_or_default();
    let (Some((first, _)), Some((last, _))) = (hits.first(), hits.last()) else { return };
    if hits.len() < 2 && letters < 4 {
        return;
    }
    // One layer from the line of the first such word to the line of the last, every word in it read anew.
    let start = text.get(..first.start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
    let end = text.get(last.end..).and_then(|tail| tail.find('\n')).map_or(text.len(), |at| last.end + at);
    let mut decoded = String::with_capacity(end - start);
    let mut at = start;
    for (range, word) in &hits {
        decoded.push_str(text.get(at..range.start).unwrap_or_default());
        decoded.push_str(word);
        at = range.end;
    }
    decoded.push_str(text.get(at..end).unwrap_or_default());
    found.push(Found { codec: Codec::Leet, range: start..end, text: decoded });
}

/// Chinese written from the end: where common words of two characters stand backwards far more than forwards.
pub(super) fn backwards_han(text: &str, found: &mut Vec<Found>) {
    let language = Language::shared();
    let is_edge = |c: char| matches!(c, '\n' | '\r' | ':' | '：' | '“' | '”' | '"' | '「' | '」');
    let mut start = 0;
    for (at, edge) in text.char_indices().filter(|(_, c)| is_edge(*c)).chain([(text.len(), '\n')]) {
        let line = text.get(start..at).unwrap_or_default();
        let (mut forwards, mut back) = (0_u32, 0_u32);
        let mut before = '\0';
        for c in line.chars() {
            if language.is_han_pair(before, c) {
                forwards += 1;
            } else if language.is_han_pair(c, before) {
                back += 1;
            }
            // Ordinary text settles it within a sentence.
            if forwards > back + 3 {
                break;
            }
            before = c;
        }
        if back >= 2 && back >= forwards * 3 + 2 {
            found.push(Found { codec: Codec::Reversed, range: start..at, text: line.chars().rev().collect() });
        }
        start = at + edge.len_utf8();
    }
}
