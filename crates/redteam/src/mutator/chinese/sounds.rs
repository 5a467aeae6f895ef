//! Written by sound: pinyin, zhuyin, same and like sounds.

use std::collections::HashMap;
use std::sync::LazyLock;

use fastrand::Rng;
use menshen_text::is_han;
use pinyin::{Pinyin, ToPinyin};

use super::super::words::tool::{self, Table};
use super::shapes::PARTS;

/// Writes each character that has a sound with `spell`, apart from what stands before and after.
fn spelled(text: &str, spell: impl Fn(Pinyin) -> String) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut after_sound = false;
    for c in text.chars() {
        match c.to_pinyin() {
            Some(sound) => {
                if out.ends_with(char::is_alphanumeric) || after_sound {
                    out.push(' ');
                }
                out.push_str(&spell(sound));
                after_sound = true;
            }
            None => {
                if after_sound && c.is_alphanumeric() {
                    out.push(' ');
                }
                out.push(c);
                after_sound = false;
            }
        }
    }
    tool::changed(text, out)
}

pub(super) fn plain(text: &str, _: &mut Rng) -> Option<String> {
    spelled(text, |sound| sound.plain().to_owned())
}

pub(super) fn tones(text: &str, _: &mut Rng) -> Option<String> {
    spelled(text, |sound| sound.with_tone().to_owned())
}

pub(super) fn numbers(text: &str, _: &mut Rng) -> Option<String> {
    spelled(text, |sound| sound.with_tone_num_end().to_owned())
}

pub(super) fn partly(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("pinyin", text, rng)
}

pub(super) fn homophone(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("homophone", text, rng)
}

pub(super) fn initials(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| c.to_pinyin().map(|sound| out.push_str(sound.first_letter())).is_some())
}

pub(super) fn zhuyin(text: &str, _: &mut Rng) -> Option<String> {
    spelled(text, |sound| bopomofo(sound.with_tone_num_end()).unwrap_or_else(|| sound.with_tone().to_owned()))
}

/// Initials of pinyin and their signs; those of two letters first.
const INITIALS: [(&str, &str); 21] = [
    ("zh", "ㄓ"),
    ("ch", "ㄔ"),
    ("sh", "ㄕ"),
    ("b", "ㄅ"),
    ("p", "ㄆ"),
    ("m", "ㄇ"),
    ("f", "ㄈ"),
    ("d", "ㄉ"),
    ("t", "ㄊ"),
    ("n", "ㄋ"),
    ("l", "ㄌ"),
    ("g", "ㄍ"),
    ("k", "ㄎ"),
    ("h", "ㄏ"),
    ("j", "ㄐ"),
    ("q", "ㄑ"),
    ("x", "ㄒ"),
    ("r", "ㄖ"),
    ("z", "ㄗ"),
    ("c", "ㄘ"),
    ("s", "ㄙ"),
];

/// Finals as they are spelled once `y` and `w` are undone.
const FINALS: &str = "a ㄚ o ㄛ e ㄜ ê ㄝ ai ㄞ ei ㄟ ao ㄠ ou ㄡ an ㄢ en ㄣ ang ㄤ eng ㄥ er ㄦ i ㄧ ia ㄧㄚ io ㄧㄛ ie ㄧㄝ \
     iai ㄧㄞ iao ㄧㄠ iou ㄧㄡ iu ㄧㄡ ian ㄧㄢ in ㄧㄣ iang ㄧㄤ ing ㄧㄥ ong ㄨㄥ iong ㄩㄥ u ㄨ ua ㄨㄚ uo ㄨㄛ uai ㄨㄞ \
     uei ㄨㄟ ui ㄨㄟ uan ㄨㄢ uen ㄨㄣ un ㄨㄣ uang ㄨㄤ ueng ㄨㄥ ü ㄩ üe ㄩㄝ üan ㄩㄢ ün ㄩㄣ";

/// A syllable with its tone number last, in zhuyin. The neutral tone is marked before, the first not at all.
fn bopomofo(numbered: &str) -> Option<String> {
    static SIGNS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let words: Vec<&str> = FINALS.split_whitespace().collect();
        words.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect()
    });
    let bare = numbered.trim_end_matches(|c: char| c.is_ascii_digit());
    let tone = match numbered.get(bare.len()..) {
        Some("1") => "",
        Some("2") => "ˊ",
        Some("3") => "ˇ",
        Some("4") => "ˋ",
        _ => "˙",
    };
    let (initial, rest) = INITIALS
        .iter()
        .find_map(|(letters, sign)| bare.strip_prefix(letters).map(|rest| (*sign, rest)))
        .unwrap_or(("", bare));
    let last = match (initial, rest) {
        // The vowel of zhi, chi, shi, ri, zi, ci, si is not written.
        ("ㄓ" | "ㄔ" | "ㄕ" | "ㄖ" | "ㄗ" | "ㄘ" | "ㄙ", "i") => String::new(),
        ("ㄐ" | "ㄑ" | "ㄒ", rest) => rest.strip_prefix('u').map_or(rest.to_owned(), |after| format!("ü{after}")),
        ("", rest) => undone(rest),
        (_, rest) => rest.to_owned(),
    };
    let last = if last.is_empty() { "" } else { SIGNS.get(last.as_str())? };
    Some(if tone == "˙" { format!("˙{initial}{last}") } else { format!("{initial}{last}{tone}") })
}

/// A syllable without an initial, with `y` and `w` undone.
fn undone(syllable: &str) -> String {
    if let Some(after) = syllable.strip_prefix("yu") {
        return format!("ü{after}");
    }
    match (syllable.strip_prefix('y'), syllable.strip_prefix('w')) {
        (Some(after), _) if after.starts_with('i') => after.to_owned(),
        (Some(after), _) => format!("i{after}"),
        (_, Some(after)) if after.starts_with('u') => after.to_owned(),
        (_, Some(after)) => format!("u{after}"),
        _ => syllable.to_owned(),
    }
}

/// Initial + `ai`, `k` + final: how pupils of Peking talked so that others would not follow.
pub(super) fn may_ka(text: &str, _: &mut Rng) -> Option<String> {
    spelled(text, |sound| {
        let syllable = sound.plain();
        let at = INITIALS
            .iter()
            .map(|(letters, _)| *letters)
            .chain(["y", "w"])
            .find(|letters| syllable.starts_with(letters))
            .map_or(0, str::len);
        let (initial, last) = syllable.split_at_checked(at).unwrap_or(("", syllable));
        format!("{initial}ai-k{last}")
    })
}

/// A syllable as those hear it who do not tell zh from z, n from l, -ng from -n.
fn fuzzy(syllable: &str) -> String {
    let front = match syllable.get(..2) {
        Some("zh" | "ch" | "sh") => {
            let mut front = syllable.to_owned();
            front.remove(1);
            front
        }
        _ => syllable.strip_prefix('n').map_or(syllable.to_owned(), |after| format!("l{after}")),
    };
    front.strip_suffix('g').map_or(front.clone(), str::to_owned)
}

pub(super) fn accent(text: &str, rng: &mut Rng) -> Option<String> {
    static SOUNDS: LazyLock<HashMap<String, Vec<char>>> = LazyLock::new(|| {
        let mut sounds: HashMap<String, Vec<char>> = HashMap::new();
        // The table of parts lists common characters only.
        for c in PARTS.whole() {
            if let Some(sound) = c.to_pinyin() {
                sounds.entry(fuzzy(sound.plain())).or_default().push(c);
            }
        }
        sounds
    });
    tool::each(text, |c, out| {
        let Some(sound) = c.to_pinyin() else { return false };
        let others: Vec<char> = SOUNDS
            .get(&fuzzy(sound.plain()))
            .map(|list| {
                list.iter().copied().filter(|o| o.to_pinyin().is_some_and(|s| s.plain() != sound.plain())).collect()
            })
            .unwrap_or_default();
        let Some(other) = rng.choice(&others) else { return false };
        out.push(*other);
        true
    })
}

pub(super) fn emoji(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| Table::parse(include_str!("../../../data/chinese/sound_emoji.tsv")));
    tool::each(text, |c, out| {
        let sign = c.to_pinyin().filter(|_| is_han(c)).and_then(|sound| rng.choice(TABLE.get(sound.plain())));
        sign.map(|sign| out.push_str(sign)).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zhuyin_is_the_standard_one() {
        for (pinyin, signs) in [
            ("zhong1", "ㄓㄨㄥ"),
            ("shi4", "ㄕˋ"),
            ("xue2", "ㄒㄩㄝˊ"),
            ("yu3", "ㄩˇ"),
            ("wei4", "ㄨㄟˋ"),
            ("lü4", "ㄌㄩˋ"),
            ("yong3", "ㄩㄥˇ"),
            ("you3", "ㄧㄡˇ"),
            ("jiu3", "ㄐㄧㄡˇ"),
            ("er2", "ㄦˊ"),
            ("ma", "˙ㄇㄚ"),
            ("wu3", "ㄨˇ"),
            ("yi1", "ㄧ"),
            ("gui4", "ㄍㄨㄟˋ"),
            ("lun2", "ㄌㄨㄣˊ"),
        ] {
            assert_eq!(bopomofo(pinyin).as_deref(), Some(signs), "{pinyin}");
        }
        let unwritten: Vec<String> = (0x4E00..=0x9FA5_u32)
            .filter_map(char::from_u32)
            .filter_map(|c| c.to_pinyin())
            .map(|sound| sound.with_tone_num_end().to_owned())
            .filter(|syllable| bopomofo(syllable).is_none())
            .collect();
        assert!(unwritten.len() < 60, "{unwritten:?}");
    }
}
