//! One look-up per character: what each code point folds to.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use crate::invisible::{self, is_stackable_mark};
use crate::{han, look_alikes};

/// What a character folds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold<'t> {
    /// Itself.
    Keep,
    /// Nothing.
    Drop,
    /// One other character.
    One(char),
    /// Several characters.
    Many(&'t str),
}

const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;
const KEEP: u16 = 0;
const DROP: u16 = 1;
/// Codes in the surrogate range, which no character uses, index [`Table::strings`].
const STRINGS: std::ops::RangeInclusive<u16> = 0xD800..=0xDFFF;

/// The code points that can fold to something else. All others fold to themselves (checked by a test).
const FOLDING: &[std::ops::Range<u32>] =
    &[0..0xAC00, 0xF900..0x1_2000, 0x1_6A00..0x1_7000, 0x1_B000..0x2_0000, 0x2_F800..0x2_FA20, 0xE_0000..0xE_1000];

/// A two-level table: a page for every 256 code points, pages that hold nothing shared.
pub(crate) struct Table {
    index: Vec<u16>,
    pages: Vec<[u16; PAGE]>,
    strings: Vec<String>,
}

impl Table {
    /// Computes the table from the Unicode data, the traditional characters and the look-alikes.
    pub(crate) fn build() -> Self {
        let rules = Rules::load();
        let mut table = Table { index: vec![0; PAGES], pages: vec![[KEEP; PAGE]], strings: Vec::new() };
        let mut known: HashMap<String, u16> = HashMap::new();
        for c in FOLDING.iter().flat_map(Clone::clone).filter_map(char::from_u32) {
            if let Some(folded) = rules.fold(c) {
                table.set(c, folded, &mut known);
            }
        }
        table
    }

    fn set(&mut self, c: char, folded: String, known: &mut HashMap<String, u16>) {
        let mut chars = folded.chars();
        let code = match (chars.next(), chars.next()) {
            (None, _) => DROP,
            (Some(one), None) if u32::from(one) <= 0xFFFF => u32::from(one) as u16,
            _ => match known.get(&folded) {
                Some(code) => *code,
                None => {
                    let code = usize::from(*STRINGS.start()) + self.strings.len();
                    // 2,048 strings are enough for Unicode 16 (a test counts them); a later one that is not is kept.
                    let Some(code) = u16::try_from(code).ok().filter(|code| STRINGS.contains(code)) else { return };
                    self.strings.push(folded.clone());
                    known.insert(folded, code);
                    code
                }
            },
        };
        let (high, low) = split(c);
        let Some(slot) = self.index.get_mut(high) else { return };
        if *slot == 0 {
            *slot = u16::try_from(self.pages.len()).unwrap_or(0);
            self.pages.push([KEEP; PAGE]);
        }
        if let Some(page) = self.pages.get_mut(usize::from(*slot)) {
            page[low] = code;
        }
    }

    /// What a character folds to.
    #[inline]
    pub(crate) fn get(&self, c: char) -> Fold<'_> {
        match self.code(c) {
            KEEP => Fold::Keep,
            code => self.decode(code),
        }
    }

    #[inline]
    fn code(&self, c: char) -> u16 {
        let (high, low) = split(c);
        let page = self.index.get(high).and_then(|slot| self.pages.get(usize::from(*slot)));
        page.map_or(KEEP, |page| page[low])
    }

    fn decode(&self, code: u16) -> Fold<'_> {
        if code == DROP {
            return Fold::Drop;
        }
        match char::from_u32(u32::from(code)) {
            Some(one) => Fold::One(one),
            None => {
                let at = usize::from(code - *STRINGS.start());
                self.strings.get(at).map_or(Fold::Keep, |text| Fold::Many(text))
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn strings(&self) -> usize {
        self.strings.len()
    }
}

#[inline]
fn split(c: char) -> (usize, usize) {
    let code = u32::from(c) as usize;
    (code / PAGE, code % PAGE)
}

/// The fold as it is defined, slowly.
pub(crate) struct Rules {
    special: HashMap<char, String>,
}

impl Rules {
    pub(crate) fn load() -> Self {
        let mut special = look_alikes::all();
        special.extend(han::variants().map(|(from, to)| (from, to.to_string())));
        Rules { special }
    }

    /// What a character folds to; `None` when that is itself.
    pub(crate) fn fold(&self, c: char) -> Option<String> {
        let mut folded = self.step(c);
        if folded.chars().eq(std::iter::once(c)) {
            return None;
        }
        // Mappings lead into one another (㎏ → kg, Ⅳ → IV → iv, 說 → 説 → 说); four steps reach the end of all.
        for _ in 0..3 {
            let next: String = folded.chars().flat_map(|c| self.step(c).chars().collect::<Vec<_>>()).collect();
            if next == folded {
                break;
            }
            folded = next;
        }
        (folded.chars().ne(std::iter::once(c))).then_some(folded)
    }

    fn step(&self, c: char) -> String {
        if invisible::kind(c).is_some() || is_stackable_mark(c) {
            return String::new();
        }
        match c {
            '\u{85}' | '\u{2028}' | '\u{2029}' => return String::from('\n'),
            '\u{B}' | '\u{C}' => return String::from(' '),
            _ => {}
        }
        if let Some(to) = self.special.get(&c) {
            return to.clone();
        }
        if c.is_ascii() {
            return c.to_ascii_lowercase().to_string();
        }
        if han::is_han(c) && !matches!(u32::from(c), 0xF900..=0xFAFF | 0x2F800..=0x2FA1F) {
            return han::simplified(c).to_string();
        }
        let mut after_letter = false;
        let bare = std::iter::once(c).nfkd().filter(|d| {
            let stacked = after_letter && is_stackable_mark(*d);
            after_letter = after_letter && stacked || d.is_alphabetic();
            !stacked
        });
        let composed: String = bare.nfc().collect();
        composed.chars().flat_map(char::to_lowercase).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_rules_for_every_code_point() {
        let (table, rules) = (Table::build(), Rules::load());
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let by_table = match table.get(c) {
                Fold::Keep => None,
                Fold::Drop => Some(String::new()),
                Fold::One(one) => Some(one.to_string()),
                Fold::Many(many) => Some(many.to_owned()),
            };
            assert_eq!(by_table, rules.fold(c), "{:x}", u32::from(c));
        }
        assert!(table.strings() < STRINGS.len());
    }

    #[test]
    fn folding_what_is_folded_changes_nothing() {
        let rules = Rules::load();
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let Some(folded) = rules.fold(c) else { continue };
            for part in folded.chars() {
                assert_eq!(rules.fold(part), None, "{:x} → {folded:?}", u32::from(c));
            }
        }
    }

    #[test]
    fn han_folds_to_han_only() {
        let rules = Rules::load();
        for c in (0x3400..0xA000_u32).filter_map(char::from_u32).filter(|c| han::is_han(*c)) {
            if let Some(folded) = rules.fold(c) {
                assert!(folded.chars().count() == 1 && folded.chars().all(han::is_han), "{c} → {folded}");
            }
        }
    }
}
