//! Ciphers that move each letter along an alphabet.

use fastrand::Rng;

use super::super::encodings::latin::{letter, place, romanise};
use super::{opened, sealed};

/// Words that serve as keys.
pub(super) const KEYS: [&str; 8] = ["lemon", "orange", "cipher", "tiger", "planet", "silver", "garden", "window"];
/// The Han of the first block of Unicode, as GB 13000.1 counts them.
const HAN: u32 = 0x4E00;
const HANS: u32 = 20902;

/// Each letter of the romanised text through a function of its count and place; nothing if none changes.
pub(super) fn letters(text: &str, turn: impl FnMut(usize, u8) -> u8) -> Option<String> {
    turned(&romanise(text), turn).filter(|out| out != text)
}

/// Each Latin letter through a function of its count and place; nothing without letters.
pub(super) fn turned(text: &str, mut turn: impl FnMut(usize, u8) -> u8) -> Option<String> {
    let mut count = 0;
    let out = text.chars().map(|c| match place(c) {
        Some(at) => {
            count += 1;
            letter(turn(count - 1, at), c)
        }
        None => c,
    });
    let out = out.collect();
    (count > 0).then_some(out)
}

/// Reads letters back; what has none is read as it is.
pub(super) fn back(text: &str, turn: impl FnMut(usize, u8) -> u8) -> Option<String> {
    turned(text, turn).or_else(|| Some(text.to_owned()))
}

pub(super) fn rot18(text: &str) -> Option<String> {
    let text = romanise(text);
    let out: String = text
        .chars()
        .map(|c| match (place(c), c.to_digit(10)) {
            (Some(at), _) => letter(at + 13, c),
            (None, Some(d)) => char::from_digit((d + 5) % 10, 10).unwrap_or(c),
            _ => c,
        })
        .collect();
    (out != text).then_some(out)
}

/// Letters and Han each moved along their own ring; nothing without Han.
pub(super) fn han(text: &str, latin: impl Fn(u8) -> u8, han: impl Fn(u32) -> u32) -> Option<String> {
    let of = |c: char| u32::from(c).checked_sub(HAN).filter(|at| *at < HANS);
    text.chars().any(|c| of(c).is_some()).then(|| turned_han(text, latin, han))
}

fn turned_han(text: &str, latin: impl Fn(u8) -> u8, han: impl Fn(u32) -> u32) -> String {
    let turn = |c: char| match (place(c), u32::from(c).checked_sub(HAN).filter(|at| *at < HANS)) {
        (Some(at), _) => letter(latin(at), c),
        (None, Some(at)) => char::from_u32(HAN + han(at) % HANS).unwrap_or(c),
        _ => c,
    };
    text.chars().map(turn).collect()
}

pub(super) fn rot_han(text: &str) -> Option<String> {
    han(text, |at| at + 13, |at| at + HANS / 2)
}

pub(super) fn atbash_han(text: &str) -> Option<String> {
    han(text, |at| 25 - at, |at| HANS - 1 - at)
}

pub(super) fn caesar_han(text: &str, rng: &mut Rng) -> Option<String> {
    let key = rng.u8(1..=25);
    Some(sealed("code points", &format!("+{key}"), &han(text, |at| at + key, |at| at + u32::from(key))?))
}

pub(super) fn read_caesar_han(text: &str) -> Option<String> {
    let (key, body) = opened(text, "code points")?;
    let key: u8 = key.strip_prefix('+')?.parse().ok().filter(|k| *k < 26)?;
    Some(turned_han(body, |at| at + 26 - key, |at| at + HANS - u32::from(key)))
}

pub(super) fn caesar_keyed(text: &str, rng: &mut Rng) -> Option<String> {
    let key = rng.u8(1..=25);
    Some(sealed("caesar", &format!("+{key}"), &letters(text, |_, at| at + key)?))
}

pub(super) fn read_caesar_keyed(text: &str) -> Option<String> {
    let (key, body) = opened(text, "caesar")?;
    let key: u8 = key.strip_prefix('+')?.parse().ok().filter(|k| *k < 26)?;
    back(body, |_, at| at + 26 - key)
}

/// A key word's letter for the letter of a count.
fn key_at(key: &str, count: usize) -> u8 {
    let letters = key.len().max(1);
    key.chars().nth(count % letters).and_then(place).unwrap_or(0)
}

fn key(rng: &mut Rng) -> &'static str {
    rng.choice(KEYS).unwrap_or("lemon")
}

fn good(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| place(c).is_some())
}

pub(super) fn vigenere(text: &str, rng: &mut Rng) -> Option<String> {
    let key = key(rng);
    Some(sealed("vigenere", key, &letters(text, |i, at| at + key_at(key, i))?))
}

pub(super) fn read_vigenere(text: &str) -> Option<String> {
    let (key, body) = opened(text, "vigenere").filter(|(key, _)| good(key))?;
    back(body, |i, at| at + 26 - key_at(key, i))
}

pub(super) fn beaufort(text: &str, rng: &mut Rng) -> Option<String> {
    let key = key(rng);
    Some(sealed("beaufort", key, &letters(text, |i, at| key_at(key, i) + 26 - at)?))
}

pub(super) fn read_beaufort(text: &str) -> Option<String> {
    let (key, body) = opened(text, "beaufort").filter(|(key, _)| good(key))?;
    back(body, |i, at| key_at(key, i) + 26 - at)
}

/// The key word, then the text itself, as the key.
pub(super) fn autokey(text: &str, rng: &mut Rng) -> Option<String> {
    let key = key(rng);
    let mut stream: Vec<u8> = key.chars().filter_map(place).collect();
    let body = letters(text, |i, at| {
        stream.push(at);
        at + stream.get(i).copied().unwrap_or(0)
    })?;
    Some(sealed("autokey", key, &body))
}

pub(super) fn read_autokey(text: &str) -> Option<String> {
    let (key, body) = opened(text, "autokey").filter(|(key, _)| good(key))?;
    let mut stream: Vec<u8> = key.chars().filter_map(place).collect();
    back(body, |i, at| {
        let plain = (at + 26 - stream.get(i).copied().unwrap_or(0)) % 26;
        stream.push(plain);
        plain
    })
}

/// Affine: the place times five, and eight more; 21 is five's inverse modulo 26.
pub(super) fn affine(at: u8) -> u8 {
    (at * 5 + 8) % 26
}

pub(super) fn unaffine(at: u8) -> u8 {
    u8::try_from(u16::from(at + 18) * 21 % 26).unwrap_or(0)
}

/// A shift that grows by one with each letter.
pub(super) fn trithemius(count: usize) -> u8 {
    u8::try_from(count % 26).unwrap_or(0)
}
