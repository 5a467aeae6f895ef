//! Latin letters for writings that have no others: Han as pinyin, and spelling letter by letter.

use std::collections::HashMap;

use pinyin::ToPinyin;

/// Chinese punctuation and what stands for it between Latin letters.
const SIGNS: &[(char, char)] = &[
    ('，', ','),
    ('。', '.'),
    ('、', ','),
    ('？', '?'),
    ('！', '!'),
    ('：', ':'),
    ('；', ';'),
    ('（', '('),
    ('）', ')'),
    ('“', '"'),
    ('”', '"'),
    ('‘', '\''),
    ('’', '\''),
    ('《', '<'),
    ('》', '>'),
    ('【', '['),
    ('】', ']'),
    ('　', ' '),
];

/// Han as pinyin without tones, syllables apart, ü as v; text without Han stays as it is.
pub(in crate::mutator) fn romanise(text: &str) -> String {
    if !text.chars().any(|c| c.to_pinyin().is_some()) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut after_syllable = false;
    for c in text.chars() {
        let gap = |out: &str| out.chars().next_back().is_some_and(|b| b.is_ascii_alphanumeric());
        if let Some(sound) = c.to_pinyin() {
            if gap(&out) {
                out.push(' ');
            }
            out.extend(sound.plain().chars().map(|c| if c == 'ü' { 'v' } else { c }));
            after_syllable = true;
            continue;
        }
        if after_syllable && c.is_ascii_alphanumeric() {
            out.push(' ');
        }
        after_syllable = false;
        out.push(SIGNS.iter().find(|(han, _)| *han == c).map_or(c, |(_, latin)| *latin));
    }
    out
}

/// What is left of a text in a writing that has a sign for each of some characters, one case only.
pub(in crate::mutator) fn kept(text: &str, code: fn(char) -> Option<String>) -> String {
    let all = romanise(text).to_ascii_uppercase();
    let left: String = all.chars().filter(|c| c.is_whitespace() || code(*c).is_some()).collect();
    left.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each character by its sign, with `gap` between the signs and `space` between words.
pub(in crate::mutator) fn spell(
    text: &str,
    code: fn(char) -> Option<String>,
    gap: &str,
    space: &str,
) -> Option<String> {
    let kept = kept(text, code);
    let words = kept.split(' ').map(|word| word.chars().filter_map(code).collect::<Vec<_>>().join(gap));
    let out = words.collect::<Vec<_>>().join(space);
    (!out.is_empty() && out != text).then_some(out)
}

/// Reads what [`spell`] wrote.
pub(in crate::mutator) fn unspell(
    text: &str,
    code: fn(char) -> Option<String>,
    gap: &str,
    space: &str,
) -> Option<String> {
    let mut signs: HashMap<String, char> = HashMap::new();
    for c in (' '..='~').filter(|c| !c.is_ascii_lowercase()) {
        if let Some(sign) = code(c) {
            signs.entry(sign).or_insert(c);
        }
    }
    let read = |word: &str| -> Option<String> {
        if gap.is_empty() {
            return word.chars().map(|c| signs.get(c.encode_utf8(&mut [0; 4]) as &str).copied()).collect();
        }
        word.split(gap).map(|sign| signs.get(sign).copied()).collect()
    };
    let words: Option<Vec<String>> = text.split(space).map(read).collect();
    Some(words?.join(" "))
}

/// The place of an ASCII letter in the alphabet, from 0.
pub(in crate::mutator) fn place(c: char) -> Option<u8> {
    u8::try_from(c).ok().filter(u8::is_ascii_alphabetic).map(|b| b.to_ascii_uppercase() - b'A')
}

/// The letter at a place, in the case of another.
pub(in crate::mutator) fn letter(place: u8, like: char) -> char {
    char::from(if like.is_ascii_uppercase() { b'A' } else { b'a' } + place % 26)
}
