//! Letters changed, swapped, doubled, left out.

use fastrand::Rng;
use menshen_text::is_han;
use pinyin::ToPinyin;

use super::tool;

pub(super) fn leet(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("leet", text, rng)
}

pub(super) fn leet_full(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        let to = match c.to_ascii_lowercase() {
            'a' => "4",
            'b' => "8",
            'c' => "(",
            'd' => "|)",
            'e' => "3",
            'g' => "6",
            'h' => "|-|",
            'i' => "1",
            'k' => "|<",
            'l' => "|_",
            'm' => "|\\/|",
            'n' => "|\\|",
            'o' => "0",
            's' => "5",
            't' => "7",
            'u' => "|_|",
            'v' => "\\/",
            'w' => "\\/\\/",
            'x' => "><",
            'z' => "2",
            _ => return false,
        };
        out.push_str(to);
        true
    })
}

pub(super) fn typo(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("typo", text, rng)
}

pub(super) fn emoji(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("emoji", text, rng)
}

/// The rows of a QWERTY keyboard.
const ROWS: [&str; 4] = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// Keys beside, above and below a letter's key.
fn neighbours(c: char) -> Vec<char> {
    let lower = c.to_ascii_lowercase();
    let Some((row, column)) = ROWS.iter().enumerate().skip(1).find_map(|(row, keys)| Some((row, keys.find(lower)?)))
    else {
        return Vec::new();
    };
    let at = |row: usize, column: usize| ROWS.get(row).and_then(|keys| keys.chars().nth(column));
    [
        column.checked_sub(1).and_then(|left| at(row, left)),
        at(row, column + 1),
        // A row is shifted to the right of the one above it.
        (row > 1).then(|| at(row - 1, column)).flatten(),
        (row > 1).then(|| at(row - 1, column + 1)).flatten(),
        at(row + 1, column),
    ]
    .into_iter()
    .flatten()
    .map(|key| if c.is_ascii_uppercase() { key.to_ascii_uppercase() } else { key })
    .collect()
}

pub(super) fn keyboard(text: &str, rng: &mut Rng) -> Option<String> {
    let places: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(at, _)| at).collect();
    let sure = *rng.choice(&places)?;
    let mut at = 0;
    tool::each(text, |c, out| {
        let here = at;
        at += c.len_utf8();
        if here != sure && rng.f32() > 0.12 {
            return false;
        }
        rng.choice(neighbours(c)).map(|key| out.push(key)).is_some()
    })
}

/// Two letters in the middle of a word of four or more; in Chinese, two neighbours of a word of three or more.
pub(super) fn swap(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for run in tool::runs(text) {
        let mut chars: Vec<char> = run.chars().collect();
        if tool::is_word(run) && chars.len() >= 4 {
            let at = rng.usize(1..chars.len() - 2);
            chars.swap(at, at + 1);
        }
        out.extend(chars);
    }
    tool::changed(text, out)
}

/// The letters between the first and the last of each word in another order.
pub(super) fn shuffle_inside(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for run in tool::runs(text) {
        let chars: Vec<char> = run.chars().collect();
        // A run of Chinese is many words: four characters are about as much as a long word of letters.
        let size = if run.starts_with(is_han) { 4 } else { chars.len() };
        for word in chars.chunks(size.max(1)) {
            match word {
                [first, inside @ .., last] if tool::is_word(run) && inside.len() > 1 => {
                    out.push(*first);
                    out.extend(tool::shuffled(inside, rng));
                    out.push(*last);
                }
                _ => out.extend(word),
            }
        }
    }
    tool::changed(text, out)
}

/// One code point up or down, within printable ASCII or within the Han block.
fn nudged(c: char, rng: &mut Rng) -> char {
    let code = u32::from(c);
    let to = if rng.bool() { code + 1 } else { code.saturating_sub(1) };
    let ascii = (0x21..=0x7E).contains(&code) && (0x21..=0x7E).contains(&to);
    let han = (0x4E00..=0x9FA5).contains(&code) && (0x4E00..=0x9FA5).contains(&to);
    if ascii || han { char::from_u32(to).unwrap_or(c) } else { c }
}

fn noise_at(text: &str, chance: f32, rng: &mut Rng) -> String {
    text.chars().map(|c| if rng.f32() < chance { nudged(c, rng) } else { c }).collect()
}

pub(super) fn noise(text: &str, rng: &mut Rng) -> Option<String> {
    let out = noise_at(text, 0.06, rng);
    // Short texts may be spared by chance.
    if out == text { tool::changed(text, noise_at(text, 1.0, rng)) } else { Some(out) }
}

/// The three noises of best-of-n sampling with the paper's chances: 60 % of words, 60 % of letters, 6 % of characters.
pub(super) fn best_of_n(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for run in tool::runs(text) {
        let written = if rng.f32() < 0.6 { shuffle_inside(run, rng) } else { None };
        out.push_str(&written.unwrap_or_else(|| run.to_owned()));
    }
    let cased: String = out.chars().map(|c| if rng.f32() < 0.6 { turned(c) } else { c }).collect();
    tool::changed(text, noise_at(&cased, 0.06, rng)).or_else(|| noise(text, rng))
}

/// The other case of an ASCII letter.
fn turned(c: char) -> char {
    if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
}

pub(super) fn disemvowel(text: &str, _: &mut Rng) -> Option<String> {
    let out: String = text.chars().filter(|c| !vowel(*c)).collect();
    if out.chars().any(char::is_alphanumeric) { tool::changed(text, out) } else { None }
}

/// A vowel letter.
pub(super) fn vowel(c: char) -> bool {
    matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u')
}

/// Letters and Han characters drawn out, as in shouting.
pub(super) fn repeated(text: &str, rng: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        let long = (vowel(c) || is_han(c)) && rng.f32() < 0.4;
        if long {
            out.extend(std::iter::repeat_n(c, rng.usize(2..5)));
        }
        long
    })
}

/// The first letter of a word said again and again.
pub(super) fn stutter(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    for word in tool::words(text) {
        let first = word.chars().next().filter(|c| c.is_alphabetic() && (rng.f32() < 0.5 || out.is_empty()));
        if let Some(first) = first {
            let mark = if is_han(first) { '…' } else { '-' };
            for _ in 0..rng.usize(1..3) {
                out.extend([first, mark]);
            }
        }
        out.push_str(word);
    }
    tool::changed(text, out)
}

/// The first letter or digit of each word; of Chinese, the first letter of each character's pinyin.
pub(super) fn first_letters(text: &str, _: &mut Rng) -> Option<String> {
    let mut firsts = Vec::new();
    for run in tool::runs(text).into_iter().filter(|run| tool::is_word(run)) {
        if run.starts_with(is_han) {
            firsts.extend(run.chars().map(|c| c.to_pinyin().map_or(c.to_string(), |s| s.first_letter().to_owned())));
        } else {
            firsts.extend(run.chars().find(|c| c.is_alphanumeric()).map(String::from));
        }
    }
    tool::changed(text, firsts.join(" "))
}

/// Letter by letter; Chinese by the letters of its pinyin.
pub(super) fn spelled_out(text: &str, _: &mut Rng) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    for run in tool::runs(text) {
        if run.starts_with(is_han) {
            let sounds = run.chars().map(|c| match c.to_pinyin() {
                Some(sound) => hyphened(sound.plain()),
                None => c.to_string(),
            });
            out.push(sounds.collect::<Vec<_>>().join(" "));
        } else if tool::is_word(run) {
            out.push(hyphened(run));
        } else {
            out.push(run.to_owned());
        }
    }
    tool::changed(text, out.concat())
}

fn hyphened(word: &str) -> String {
    word.chars().map(String::from).collect::<Vec<_>>().join("-")
}
