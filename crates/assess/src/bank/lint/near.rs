//! Questions that are nearly the same: most of the four-character pieces of the shorter stand in the longer.

use std::collections::HashMap;

use menshen_text::Folder;

use super::excerpt;
use crate::bank::Bank;

/// Length of a piece, in characters.
const PIECE: usize = 4;
/// The least share of the shorter text's pieces, in parts of a hundred.
const PERCENT: usize = 80;
/// Texts with fewer pieces are too short to compare.
const FEWEST: usize = 4;
/// How many texts each text is compared with at most: rows made from one template do not make the check quadratic.
const COMPARED: usize = 400;

/// The folded text without punctuation and spaces. Signs that carry meaning (`+`, `%`, what stands between two digits)
/// stay.
pub(super) fn key(text: &str) -> String {
    let folded = Folder::shared().fold_word(text);
    let chars: Vec<char> = folded.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let mut key = String::with_capacity(folded.len());
    for (at, c) in chars.iter().enumerate() {
        let between = !c.is_whitespace() && digit(at.checked_sub(1)) && digit(Some(at + 1));
        if between || !is_dropped(*c) {
            key.push(*c);
        }
    }
    if key.is_empty() { folded.trim().to_owned() } else { key }
}

fn is_dropped(c: char) -> bool {
    const MARKS: &str = "¡¿«»‹›·…‥‐‑‒–—―‘’‚“”„†‡•‰′″※،؛؟۔।॥、。〈〉《》「」『』【】〔〕〖〗〜～・！，：；？（）";
    const KEPT: &str = "+=<>%$^|#@&";
    c.is_whitespace() || c.is_control() || (c.is_ascii_punctuation() && !KEPT.contains(c)) || MARKS.contains(c)
}

/// The distinct pieces of texts, numbered, each text's in ascending order of how many texts have them.
struct Pieces {
    texts: Vec<Vec<u32>>,
    /// The texts that have a piece, ascending.
    holders: Vec<Vec<u32>>,
}

impl Pieces {
    fn of(keys: &[String]) -> Pieces {
        let mut numbers: HashMap<[char; PIECE], u32> = HashMap::new();
        let mut texts: Vec<Vec<u32>> = Vec::with_capacity(keys.len());
        for key in keys {
            let chars: Vec<char> = key.chars().collect();
            let mut pieces: Vec<u32> = chars
                .windows(PIECE)
                .filter_map(|window| {
                    let next = u32::try_from(numbers.len()).ok()?;
                    let window: [char; PIECE] = window.try_into().ok()?;
                    Some(*numbers.entry(window).or_insert(next))
                })
                .collect();
            pieces.sort_unstable();
            pieces.dedup();
            texts.push(pieces);
        }
        let mut holders: Vec<Vec<u32>> = vec![Vec::new(); numbers.len()];
        for (text, pieces) in (0_u32..).zip(&texts) {
            for piece in pieces {
                if let Some(holders) = holders.get_mut(*piece as usize) {
                    holders.push(text);
                }
            }
        }
        Pieces { texts, holders }
    }

    fn pieces(&self, text: usize) -> &[u32] {
        self.texts.get(text).map_or(&[], Vec::as_slice)
    }

    fn holders(&self, piece: u32) -> &[u32] {
        self.holders.get(piece as usize).map_or(&[], Vec::as_slice)
    }

    /// The pairs `(shorter, longer, percent)` with at least [`PERCENT`] of the shorter's pieces in the longer, where the
    /// longer has at most twice as many; `wanted` says which pairs are of interest.
    fn pairs(&self, wanted: impl Fn(usize, usize) -> bool, mut found: impl FnMut(usize, usize, usize)) {
        let mut seen: Vec<u32> = vec![u32::MAX; self.texts.len()];
        for (own, pieces) in self.texts.iter().enumerate().filter(|(_, pieces)| pieces.len() >= FEWEST) {
            // At most a fifth of the pieces may be missing: one of the rarest fifth and one more must be shared.
            let mut rarest = pieces.clone();
            rarest.sort_unstable_by_key(|piece| (self.holders(*piece).len(), *piece));
            let least = (pieces.len() * PERCENT).div_ceil(100);
            rarest.truncate(pieces.len() - least + 1);
            let mark = u32::try_from(own).unwrap_or(u32::MAX - 1);
            let mut compared = 0;
            for other in rarest.iter().flat_map(|piece| self.holders(*piece)).map(|other| *other as usize) {
                let Some(seen) = seen.get_mut(other).filter(|seen| **seen != mark) else { continue };
                *seen = mark;
                let longer = self.pieces(other);
                let smaller = pieces.len() < longer.len() || (pieces.len() == longer.len() && own < other);
                if !smaller || longer.len() > 2 * pieces.len() || !wanted(own, other) {
                    continue;
                }
                compared += 1;
                if compared > COMPARED {
                    break;
                }
                let shared = common(pieces, longer);
                if shared >= least {
                    found(own, other, shared * 100 / pieces.len());
                }
            }
        }
    }
}

/// How many members two ascending lists share.
fn common(a: &[u32], b: &[u32]) -> usize {
    let (mut a, mut b, mut shared) = (a, b, 0);
    while let (Some((x, more_a)), Some((y, more_b))) = (a.split_first(), b.split_first()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => a = more_a,
            std::cmp::Ordering::Greater => b = more_b,
            std::cmp::Ordering::Equal => {
                shared += 1;
                (a, b) = (more_a, more_b);
            }
        }
    }
    shared
}

/// Names current questions that nearly repeat another one, or a text of `against`; each once, with the nearest.
pub(super) fn duplicates(bank: &Bank, against: &[(String, Vec<String>)], warnings: &mut Vec<String>) {
    let questions: Vec<_> = bank.questions().iter().filter(|q| q.is_current()).collect();
    let own = questions.len();
    let foreign: Vec<(&str, &str)> =
        against.iter().flat_map(|(origin, texts)| texts.iter().map(|t| (origin.as_str(), t.as_str()))).collect();
    let keys: Vec<String> = questions.iter().map(|q| key(&q.text)).chain(foreign.iter().map(|(_, t)| key(t))).collect();
    // By the later question, or the question beside a foreign text: the other one and how near it is.
    let mut within: Vec<Option<(usize, usize)>> = vec![None; own];
    let mut leaked: Vec<Option<(usize, usize)>> = vec![None; own];
    let note = |place: Option<&mut Option<(usize, usize)>>, other: usize, percent: usize| {
        if let Some(place) = place.filter(|p| p.is_none_or(|(_, best)| percent > best)) {
            *place = Some((other, percent));
        }
    };
    // Short texts have no pieces to compare, but can be the same all the same.
    let mut exact: HashMap<&str, usize> = HashMap::new();
    for (at, key) in keys.iter().enumerate().skip(own) {
        exact.entry(key).or_insert(at);
    }
    for (at, key) in keys.iter().enumerate().take(own) {
        if let Some(other) = exact.get(key.as_str()) {
            note(leaked.get_mut(at), *other, 100);
        }
    }
    Pieces::of(&keys).pairs(
        |a, b| (a < own || b < own) && keys.get(a) != keys.get(b),
        |a, b, percent| {
            let (first, last) = (a.min(b), a.max(b));
            if last < own {
                note(within.get_mut(last), first, percent)
            } else {
                note(leaked.get_mut(first), last, percent)
            }
        },
    );
    for (question, (within, leaked)) in questions.iter().zip(within.into_iter().zip(leaked)) {
        let (id, text) = (&question.id, excerpt(&question.text));
        if let Some((other, percent)) = within.and_then(|(at, percent)| Some((questions.get(at)?, percent))) {
            warnings.push(format!(
                "{id} nearly repeats {} ({percent} %): {text} and {}",
                other.id,
                excerpt(&other.text)
            ));
        }
        if let Some(((origin, other), percent)) =
            leaked.and_then(|(at, p)| Some((foreign.get(at.checked_sub(own)?)?, p)))
        {
            warnings.push(format!("{id} is nearly a text of {origin} ({percent} %): {text} and {}", excerpt(other)));
        }
    }
}
