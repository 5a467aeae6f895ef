//! Written by shape: parts, look-alikes, variants, widths.

use std::collections::HashMap;
use std::sync::LazyLock;

use fastrand::Rng;
use menshen_text::{Folder, is_han};

use super::super::words::tool::{self, Table};

/// The table that the text room reads split characters with, here read from right to left.
const CHAIZI: &str = include_str!("../../../../text/data/chaizi.tsv");

/// Radicals that go to the left of a character without changing what it sounds like much.
const ADDED: [char; 6] = ['口', '氵', '亻', '扌', '忄', '讠'];

/// Characters and their parts.
pub(super) struct Parts {
    order: Vec<char>,
    parts: HashMap<char, Vec<char>>,
    /// By the part that stays: what it becomes with one of [`ADDED`] before it.
    added: HashMap<char, Vec<char>>,
}

/// The table of parts.
pub(super) static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let mut table = Parts { order: Vec::new(), parts: HashMap::new(), added: HashMap::new() };
    for line in CHAIZI.lines().filter(|line| !line.starts_with('#')) {
        let Some((split, whole)) = line.split_once('\t') else { continue };
        let Some(whole) = whole.chars().next() else { continue };
        let parts: Vec<char> = split.chars().collect();
        if let [first, second] = parts.as_slice()
            && ADDED.contains(first)
        {
            table.added.entry(*second).or_default().push(whole);
        }
        if !table.parts.contains_key(&whole) {
            table.order.push(whole);
            table.parts.insert(whole, parts);
        }
    }
    table
});

impl Parts {
    /// The characters that have parts, in the table's order.
    pub(super) fn whole(&self) -> impl Iterator<Item = char> {
        self.order.iter().copied()
    }
}

pub(super) fn split(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| PARTS.parts.get(&c).map(|parts| out.extend(parts)).is_some())
}

pub(super) fn radical_added(text: &str, rng: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        let whole = PARTS.added.get(&c).and_then(|list| rng.choice(list));
        whole.map(|whole| out.push(*whole)).is_some()
    })
}

pub(super) fn radical_dropped(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| match PARTS.parts.get(&c).map(Vec::as_slice) {
        Some([_, rest]) => {
            out.push(*rest);
            true
        }
        _ => false,
    })
}

pub(super) fn look_alike(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> =
        LazyLock::new(|| Table::parse(include_str!("../../../data/chinese/look_alikes.tsv")));
    TABLE.rewrite(text, 1.0, rng)
}

pub(super) fn martian(text: &str, rng: &mut Rng) -> Option<String> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/chinese/martian.tsv")));
    TABLE.rewrite(text, 1.0, rng)
}

/// The Big5 code of a character, if it has one.
fn big5(c: char) -> Option<u16> {
    let mut buffer = [0; 4];
    let (bytes, _, unknown) = encoding_rs::BIG5.encode(c.encode_utf8(&mut buffer));
    match (unknown, bytes.as_ref()) {
        (false, [high, low]) => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// The text room's fold the other way round. It folds variants and Japanese forms as well, and several characters into
/// one: only what Big5 has is written, its common part first, and what is common there itself (后, 里, 面) stays.
pub(super) fn traditional(text: &str, _: &mut Rng) -> Option<String> {
    static MAP: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
        let common = |code: u16| code < 0xC940;
        let mut map: HashMap<char, (bool, char)> = HashMap::new();
        for c in (0x4E00..=0x9FFF_u32).filter_map(char::from_u32) {
            let Some(code) = big5(c) else { continue };
            let folded = Folder::shared().fold_word(&c.to_string());
            let mut folded = folded.chars();
            if let (Some(simple), None) = (folded.next(), folded.next())
                && simple != c
                && !big5(simple).is_some_and(common)
            {
                let entry = map.entry(simple).or_insert((common(code), c));
                if common(code) && !entry.0 {
                    *entry = (true, c);
                }
            }
        }
        // Common in both scripts, but a word of its own in one of them only.
        map.insert('么', (true, '麼'));
        map.into_iter().map(|(simple, (_, c))| (simple, c)).collect()
    });
    tool::each(text, |c, out| MAP.get(&c).map(|c| out.push(*c)).is_some())
}

pub(super) fn mixed(text: &str, rng: &mut Rng) -> Option<String> {
    let other = traditional(text, rng)?;
    let half = |rng: &mut Rng| text.chars().zip(other.chars()).map(|(s, t)| if rng.bool() { t } else { s }).collect();
    let out: String = half(rng);
    // With few characters the coin may have kept them all.
    Some(if out == text { other } else { out })
}

/// Printable ASCII made full-width by the toss of a coin.
pub(super) fn mixed_widths(text: &str, rng: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        let wide = char::from_u32(u32::from(c) + 0xFEE0).filter(|_| c.is_ascii_graphic() && rng.bool());
        wide.map(|wide| out.push(wide)).is_some()
    })
}

fn narrow_char(c: char) -> char {
    match u32::from(c) {
        code @ 0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

/// Full-width ASCII made narrow.
pub(super) fn narrow(text: &str) -> String {
    text.chars().map(narrow_char).collect()
}

pub(super) fn read_narrow(text: &str) -> Option<String> {
    Some(narrow(text))
}

const FINANCIAL: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

pub(super) fn financial(text: &str, _: &mut Rng) -> Option<String> {
    tool::each(text, |c, out| {
        let digit = c.to_digit(10).and_then(|digit| FINANCIAL.get(digit as usize));
        digit.map(|digit| out.push(*digit)).is_some()
    })
}

/// Digits of contracts and cheques made plain ones.
pub(super) fn plain_digits(text: &str) -> String {
    let plain = |c| FINANCIAL.iter().zip('0'..='9').find(|(sign, _)| **sign == c).map_or(c, |(_, digit)| digit);
    text.chars().map(plain).collect()
}

pub(super) fn read_financial(text: &str) -> Option<String> {
    Some(plain_digits(text))
}

/// One of the marks that a character can be wrapped in, for readers who look at the shape.
pub(super) fn boxed(text: &str, rng: &mut Rng) -> Option<String> {
    let (open, close) = rng.choice([('【', '】'), ('「', '」'), ('〖', '〗'), ('《', '》')])?;
    tool::each(text, |c, out| {
        if is_han(c) {
            out.extend([open, c, close]);
        }
        is_han(c)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_room_puts_split_characters_together() {
        let mut rng = Rng::with_seed(1);
        for text in ["法轮", "枪炸弹", "请问", "明好"] {
            let written = split(text, &mut rng).unwrap();
            let folder = Folder::shared();
            assert_eq!(folder.composed(&folder.fold(&written)).unwrap().text, text, "{written}");
        }
    }
}
