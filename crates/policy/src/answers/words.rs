//! The vocabulary: words that matching treats specially, built in and from packs.

use std::collections::{HashMap, HashSet};

use super::fold::fold;
use super::parts::classes;
use crate::document::{Fields, File};
use crate::settings::is_han;

/// Words with a special part in matching; data, merged from `data/lexicon.toml` and the packs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lexicon {
    pub(super) fillers: HashSet<String>,
    pub(super) negations: HashSet<String>,
    pub(super) tasks: HashSet<String>,
    /// Word → kind of question.
    pub(super) asks: HashMap<String, usize>,
    kinds: usize,
    /// Folded word → the word that stands for its group.
    pub(super) same: HashMap<String, String>,
    /// Han synonyms, longest first, replaced before segmentation.
    pub(super) phrases: Vec<Phrase>,
    pub(super) opposites: Vec<(HashSet<String>, HashSet<String>)>,
}

/// A synonym that is replaced before segmentation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Phrase {
    pub(super) from: String,
    pub(super) to: String,
    /// The classes of its characters: a text that lacks one of them does not hold it.
    pub(super) classes: u128,
}

impl Lexicon {
    pub(crate) fn built_in() -> Self {
        let file = File::new("data/lexicon.toml", include_str!("../../data/lexicon.toml"));
        let parsed = file.parse();
        let mut lexicon = Lexicon::default();
        lexicon.read(&mut Fields::new(&file, parsed.get_ref(), 0));
        lexicon
    }

    /// Reads the lists of a table; keys that are absent stay empty.
    pub(crate) fn read(&mut self, fields: &mut Fields<'_, '_>) {
        let folded = |list: Vec<crate::document::At<String>>| list.into_iter().map(|w| fold(&w.value));
        self.fillers.extend(folded(fields.strings("fillers")));
        self.negations.extend(folded(fields.strings("negations")));
        self.tasks.extend(folded(fields.strings("tasks")));
        for mut group in fields.tables("asks") {
            let words: Vec<String> = folded(group.strings("words")).collect();
            self.asks.extend(words.into_iter().map(|w| (w, self.kinds)));
            self.kinds += 1;
            group.finish();
        }
        for mut group in fields.tables("same") {
            let words: Vec<String> = folded(group.strings("words")).collect();
            self.same_words(&words);
            group.finish();
        }
        for mut pair in fields.tables("opposite") {
            self.opposites.push((folded(pair.strings("a")).collect(), folded(pair.strings("b")).collect()));
            pair.finish();
        }
        self.order_phrases();
    }

    fn same_words(&mut self, words: &[String]) {
        let Some((first, others)) = words.split_first() else { return };
        for word in others {
            self.same.insert(word.clone(), first.clone());
            if word.chars().all(is_han) && word.chars().count() >= 2 {
                let classes = classes(word);
                self.phrases.push(Phrase { from: word.clone(), to: first.clone(), classes });
            }
        }
    }

    fn order_phrases(&mut self) {
        self.phrases.sort_by(|a, b| b.from.len().cmp(&a.from.len()).then_with(|| a.cmp(b)));
        self.phrases.dedup();
    }

    /// Takes in a pack's lists.
    pub(crate) fn absorb(&mut self, other: &Lexicon) {
        self.fillers.extend(other.fillers.iter().cloned());
        self.negations.extend(other.negations.iter().cloned());
        self.tasks.extend(other.tasks.iter().cloned());
        let kinds = self.kinds;
        self.asks.extend(other.asks.iter().map(|(w, k)| (w.clone(), k + kinds)));
        self.kinds += other.kinds;
        self.same.extend(other.same.clone());
        self.phrases.extend(other.phrases.iter().cloned());
        self.opposites.extend(other.opposites.iter().cloned());
        self.order_phrases();
    }
}
