//! 拆字: characters written as their parts, put together again.

use std::collections::HashMap;

use crate::folder::Folder;
use crate::view::View;

/// Parts ⇥ character.
const CHAIZI: &str = include_str!("../data/chaizi.tsv");

/// The table of parts, by the first part.
pub(crate) struct Parts {
    /// One bit per BMP code point: whether a part sequence begins with it.
    firsts: Vec<u64>,
    /// By first part: the remaining parts and the whole, longest first.
    rest: HashMap<char, Vec<(Vec<char>, char)>>,
}

impl Parts {
    pub(crate) fn load(fold: impl Fn(&str) -> String) -> Self {
        let mut parts = Parts { firsts: vec![0; 0x1_0000 / 64], rest: HashMap::new() };
        for line in CHAIZI.lines().filter(|line| !line.starts_with('#')) {
            let Some((split, whole)) = line.split_once('\t') else { continue };
            let (split, whole) = (fold(split), fold(whole));
            let mut pieces = split.chars();
            let (Some(first), Some(whole)) = (pieces.next(), whole.chars().next()) else { continue };
            let remaining: Vec<char> = pieces.collect();
            if remaining.is_empty() {
                continue;
            }
            if let Some(word) = parts.firsts.get_mut(first as usize / 64) {
                *word |= 1 << (first as usize % 64);
            }
            parts.rest.entry(first).or_default().push((remaining, whole));
        }
        for candidates in parts.rest.values_mut() {
            candidates.sort_by_key(|(remaining, _)| std::cmp::Reverse(remaining.len()));
        }
        parts
    }

    fn may_begin(&self, c: char) -> bool {
        self.firsts.get(c as usize / 64).is_some_and(|word| word & (1 << (c as usize % 64)) != 0)
    }

    /// The whole whose parts begin with `first` and continue in `after`, and the bytes of `after` that it takes.
    fn whole(&self, first: char, after: &str) -> Option<(char, usize)> {
        if !self.may_begin(first) {
            return None;
        }
        self.rest.get(&first)?.iter().find_map(|(remaining, whole)| {
            let mut chars = after.chars();
            let mut taken = 0;
            for part in remaining {
                let c = chars.next().filter(|c| c == part)?;
                taken += c.len_utf8();
            }
            Some((*whole, taken))
        })
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.rest.values().map(Vec::len).sum()
    }
}

impl Folder {
    /// The view with split characters put together, leftmost and longest first. `None` when no parts stand side by
    /// side. Give it the tight view to find parts with separators between them (`女_干`); gaps are carried over.
    ///
    /// ```
    /// use menshen_text::Folder;
    /// let folder = Folder::shared();
    /// let text = "谈谈氵去车仑工力";
    /// let composed = folder.composed(&folder.fold(text)).unwrap();
    /// assert_eq!(composed.text, "谈谈法轮功");
    /// assert_eq!(composed.origin(6..15).of(text), "氵去车仑工力");
    /// ```
    pub fn composed(&self, folded: &View) -> Option<View> {
        let text = folded.text.as_str();
        let mut derive = folded.derive();
        let mut found = false;
        let mut kept = 0;
        let mut skip_to = 0;
        for (at, c) in text.char_indices() {
            if at < skip_to {
                continue;
            }
            let after = at + c.len_utf8();
            if let Some((whole, taken)) = self.parts.whole(c, text.get(after..).unwrap_or_default()) {
                derive.copy_with_gaps(kept..at);
                derive.carry_gap(at);
                derive.put(whole, at..after + taken);
                found = true;
                skip_to = after + taken;
                kept = skip_to;
            }
        }
        if !found {
            return None;
        }
        derive.copy_with_gaps(kept..text.len());
        Some(derive.view)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_is_large_and_well_formed() {
        assert!(Folder::shared().parts.count() > 800);
        let mut seen = HashSet::new();
        for line in CHAIZI.lines().filter(|line| !line.starts_with('#')) {
            let (split, whole) = line.split_once('\t').unwrap();
            assert!((2..=4).contains(&split.chars().count()) && whole.chars().count() == 1, "{line}");
            assert!(!split.contains(whole), "{line}");
            assert!(seen.insert(split), "{line} is there twice");
            assert_eq!(Folder::shared().fold_word(line).replace(' ', "\t"), line.replace(' ', "\t"), "not simplified");
        }
    }
}
