//! What a set of lists holds, and whether that is what the standard asks for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use menshen_text::is_han;
use menshen_verdict::{Risk, RiskGroup};

use super::{Colour, Entry};
use crate::separators::Shape;

/// TC260-003, 8.1: a keyword library has at least so many words over the 17 risks of A.1 and A.2.
pub const TOTAL_MINIMUM: usize = 10_000;
/// TC260-003, 8.1: for each risk of A.1.
const A1_MINIMUM: usize = 200;
/// TC260-003, 8.1: for each risk of A.2.
const A2_MINIMUM: usize = 100;
/// TC260-003's guide: a keyword has no more than ten Chinese characters or five words of another language.
const GUIDE_HAN: usize = 10;
const GUIDE_WORDS: usize = 5;
/// Longer words are counted together.
const LENGTHS: usize = 16;

/// One list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCount {
    /// Its id.
    pub list: String,
    /// Its file.
    pub path: String,
    /// Its colour and risk as most of its words have them.
    pub colour: Colour,
    /// The risk of most of its words.
    pub risk: Option<Risk>,
    /// How many words it has.
    pub words: usize,
    /// How many after folding.
    pub distinct: usize,
}

/// One risk. Words count once after folding; one that is both black and grey counts as either, and once in `distinct`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskCount {
    /// The risk.
    pub risk: Risk,
    /// Its black words.
    pub black: usize,
    /// Its grey words.
    pub grey: usize,
    /// Both.
    pub distinct: usize,
    /// What the standard asks for, where it does.
    pub minimum: Option<usize>,
}

impl RiskCount {
    /// Whether there are as many words as the standard asks for.
    pub fn is_met(&self) -> bool {
        self.minimum.is_none_or(|m| self.distinct >= m)
    }
}

/// A minimum of the standard that is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimum {
    /// The risk; `None` for the whole.
    pub risk: Option<Risk>,
    /// How many words there are.
    pub have: usize,
    /// How many there should be.
    pub need: usize,
}

/// What a set of words holds. White words are counted in their lists and nowhere else: they protect, and find nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// By list, in the order of loading.
    pub lists: Vec<ListCount>,
    /// All 31 risks, in their order.
    pub risks: Vec<RiskCount>,
    /// All words, white ones too.
    pub words: usize,
    /// Black and grey words, distinct after folding.
    pub distinct: usize,
    /// White words, distinct after folding.
    pub white: usize,
    /// Distinct words over the 17 risks of A.1 and A.2.
    pub a1_a2: usize,
    /// How many distinct words have so many characters; the last entry counts all longer ones, too.
    pub lengths: BTreeMap<usize, usize>,
    /// How many distinct words are longer than the standard's guide: ten Chinese characters, or five words.
    pub long: usize,
    /// The same word in several lists of one colour: indices of the entries.
    pub duplicates: Vec<Vec<usize>>,
    /// Words that hold another word of their colour, which is found wherever they are: the longer and the shorter.
    pub redundant: Vec<(usize, usize)>,
}

impl Census {
    /// Counts words.
    pub fn of(entries: &[Entry]) -> Self {
        let marked = || entries.iter().filter(|e| e.colour != Colour::White);
        let distinct: HashSet<&str> = marked().map(|e| e.folded.as_str()).collect();
        let white: HashSet<&str> =
            entries.iter().filter(|e| e.colour == Colour::White).map(|e| e.folded.as_str()).collect();
        let in_scope = |e: &&Entry| e.risk.and_then(minimum).is_some();
        let mut lengths = BTreeMap::new();
        for word in &distinct {
            *lengths.entry(word.chars().count().min(LENGTHS)).or_default() += 1;
        }
        Census {
            lists: lists(entries),
            risks: Risk::ALL.iter().map(|r| risk(entries, *r)).collect(),
            words: entries.len(),
            a1_a2: marked().filter(in_scope).map(|e| e.folded.as_str()).collect::<HashSet<_>>().len(),
            long: distinct.iter().filter(|w| is_long(w)).count(),
            distinct: distinct.len(),
            white: white.len(),
            lengths,
            duplicates: duplicates(entries),
            redundant: redundant(entries),
        }
    }

    /// The standard's minimums that are not met.
    pub fn missing(&self) -> Vec<Minimum> {
        let whole =
            (self.a1_a2 < TOTAL_MINIMUM).then_some(Minimum { risk: None, have: self.a1_a2, need: TOTAL_MINIMUM });
        let short = |r: &RiskCount| {
            let need = r.minimum.filter(|m| r.distinct < *m)?;
            Some(Minimum { risk: Some(r.risk), have: r.distinct, need })
        };
        whole.into_iter().chain(self.risks.iter().filter_map(short)).collect()
    }
}

fn minimum(risk: Risk) -> Option<usize> {
    match risk.group() {
        RiskGroup::A1 => Some(A1_MINIMUM),
        RiskGroup::A2 => Some(A2_MINIMUM),
        _ => None,
    }
}

fn is_long(word: &str) -> bool {
    let han = word.chars().filter(|c| is_han(*c)).count();
    han > GUIDE_HAN || han == 0 && word.split_whitespace().count() > GUIDE_WORDS
}

fn risk(entries: &[Entry], risk: Risk) -> RiskCount {
    let of = |colour| -> HashSet<&str> {
        entries.iter().filter(|e| e.risk == Some(risk) && e.colour == colour).map(|e| e.folded.as_str()).collect()
    };
    let (black, grey) = (of(Colour::Black), of(Colour::Grey));
    let distinct = black.union(&grey).count();
    RiskCount { risk, black: black.len(), grey: grey.len(), distinct, minimum: minimum(risk) }
}

fn lists(entries: &[Entry]) -> Vec<ListCount> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut members: HashMap<(&str, &str), Vec<&Entry>> = HashMap::new();
    for entry in entries {
        let key = (entry.list.as_str(), entry.path.as_str());
        let list = members.entry(key).or_default();
        if list.is_empty() {
            order.push(key);
        }
        list.push(entry);
    }
    let count = |(list, path)| {
        let words = members.get(&(list, path))?;
        let mut kinds: BTreeMap<(Colour, Option<Risk>), usize> = BTreeMap::new();
        for word in words {
            *kinds.entry((word.colour, word.risk)).or_default() += 1;
        }
        let (colour, risk) = kinds.into_iter().max_by_key(|(_, n)| *n)?.0;
        let distinct = words.iter().map(|w| w.folded.as_str()).collect::<HashSet<_>>().len();
        Some(ListCount { list: list.to_owned(), path: path.to_owned(), colour, risk, words: words.len(), distinct })
    };
    order.into_iter().filter_map(count).collect()
}

fn duplicates(entries: &[Entry]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<(Colour, &str), Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        places.entry((entry.colour, &entry.folded)).or_default().push(index);
    }
    places.into_values().filter(|p| p.len() > 1).collect()
}

/// For each word that holds a shorter one of its colour, the longest such.
fn redundant(entries: &[Entry]) -> Vec<(usize, usize)> {
    let mut by_word: HashMap<(Colour, &str), usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, e)| e.colour != Colour::White) {
        by_word.entry((entry.colour, &entry.folded)).or_insert(index);
    }
    let mut out: BTreeSet<(usize, usize)> = BTreeSet::new();
    for ((colour, word), index) in &by_word {
        let mut ends: Vec<usize> = word.char_indices().map(|(at, _)| at).collect();
        ends.push(word.len());
        let mut inner: Option<(usize, usize)> = None;
        for (n, start) in ends.iter().enumerate() {
            for end in ends.iter().skip(n + 1) {
                let (start, end) = (*start, *end);
                if end - start == word.len() || inner.is_some_and(|(length, _)| length >= end - start) {
                    continue;
                }
                // As in a text, `ass` is no word in `class`.
                let piece = &word[start..end];
                if let Some(found) = by_word.get(&(*colour, piece))
                    && Shape::of(piece).stands_alone(word, &(start..end))
                {
                    inner = Some((end - start, *found));
                }
            }
        }
        out.extend(inner.map(|(_, shorter)| (*index, shorter)));
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::entries;
    use super::*;
    use crate::{Source, SourceKind};

    fn census(bodies: &[&str]) -> (Vec<Entry>, Census) {
        let source = |body: &&str| Source {
            pack: "t".into(),
            path: "t.txt".into(),
            body: (*body).to_owned(),
            kind: SourceKind::Keywords,
        };
        let sources: Vec<Source> = bodies.iter().map(source).collect();
        let (entries, diagnostics) = entries(&sources);
        assert_eq!(diagnostics, []);
        let census = Census::of(&entries);
        (entries, census)
    }

    #[test]
    fn words_are_counted_once_after_folding_and_by_risk_and_colour() {
        let (_, c) = census(&[
            "# id: kw.a\n# risk: A1a\n坏词\n壞詞\n很坏的词\n",
            "# id: kw.b\n# colour: grey\n# risk: A1a\n坏词\n词语\n另词\trisk=A2a\n",
            "# id: kw.w\n# colour: white\n好词\n",
        ]);
        assert_eq!((c.words, c.distinct, c.white, c.a1_a2), (7, 4, 1, 4));
        let a1a = c.risks[Risk::A1a.index()];
        assert_eq!((a1a.black, a1a.grey, a1a.distinct, a1a.is_met()), (2, 2, 3, false));
        assert_eq!((c.lists[0].words, c.lists[0].distinct, c.lists[2].colour), (3, 2, Colour::White));
        assert_eq!(c.lengths, BTreeMap::from([(2, 3), (4, 1)]));
        assert_eq!(c.missing().len(), 18);
        assert_eq!(c.missing()[0], Minimum { risk: None, have: 4, need: 10_000 });
    }

    #[test]
    fn duplicates_and_words_that_hold_others_are_named() {
        let (entries, c) = census(&[
            "# id: kw.a\n# risk: A1a\n坏词\n大坏词典\nclass\nass\nbig ass\n",
            "# id: kw.b\n# risk: A1b\n壞詞\n一二三四五六七八九十一\n",
        ]);
        let word = |i: usize| entries[i].word.as_str();
        let pairs: Vec<_> = c.redundant.iter().map(|(l, s)| (word(*l), word(*s))).collect();
        assert_eq!(pairs, [("大坏词典", "坏词"), ("big ass", "ass")]);
        assert_eq!(c.duplicates, [vec![0, 5]]);
        assert_eq!((entries[5].line, entries[1].line), (3, 4));
        assert_eq!(c.long, 1);
    }

    #[test]
    fn the_minimums_of_the_standard_can_be_met() {
        let list = |risk: &Risk| {
            let words: String = (0..600).map(|n| format!("词{}号{n}\n", risk.id())).collect();
            format!("# id: kw.{}\n# risk: {risk}\n{words}", risk.id().to_ascii_lowercase())
        };
        let bodies: Vec<String> = Risk::ALL.iter().take(17).map(list).collect();
        let (_, c) = census(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(c.missing(), []);
    }
}
