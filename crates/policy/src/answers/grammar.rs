//! The grammar of questions, built in: what is asked, of whom, and which words only dress it. Data: `grammar.toml`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::fold::fold;
use super::words::Lexicon;
use crate::document::{At, Fields, File};
use crate::settings::is_han;

/// The share of its weight that a light word has.
pub(super) const LIGHT: f32 = 0.2;
/// A frame is taken off a question only if this many characters remain: "帮我" of "你可以帮我做什么" stays.
const REST_CHARS: usize = 4;

/// What a question asks, as bits, and which of them admit no other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) bits: u32,
    pub(super) strict: u32,
}

/// Who is spoken of.
pub(super) const FIRST: u8 = 1;
pub(super) const SECOND: u8 = 2;
pub(super) const THIRD: u8 = 4;
pub(super) const MACHINE: u8 = 8;

pub(super) static GRAMMAR: LazyLock<Grammar> = LazyLock::new(Grammar::built_in);

#[derive(Default)]
pub(super) struct Grammar {
    /// Longest first.
    frames: Vec<String>,
    pub(super) particles: HashSet<String>,
    pub(super) light: HashSet<String>,
    persons: HashMap<String, u8>,
    /// By first character, longest first.
    markers: HashMap<char, Vec<(String, u32)>>,
    words_of_kind: HashMap<String, u32>,
    strict: u32,
    whether: u32,
    how: u32,
}

impl Grammar {
    fn built_in() -> Self {
        let file = File::new("grammar.toml", include_str!("grammar.toml"));
        let parsed = file.parse();
        let mut fields = Fields::new(&file, parsed.get_ref(), 0);
        let folded = |list: Vec<At<String>>| list.into_iter().map(|w| fold(&w.value));
        let mut grammar = Grammar {
            frames: folded(fields.strings("frames")).collect(),
            particles: folded(fields.strings("particles")).collect(),
            light: folded(fields.strings("light")).collect(),
            ..Grammar::default()
        };
        grammar.frames.sort_by_key(|f| std::cmp::Reverse(f.len()));
        for (key, bit) in [("first", FIRST), ("second", SECOND), ("third", THIRD), ("machine", MACHINE)] {
            grammar.persons.extend(folded(fields.strings(key)).map(|w| (w, bit)));
        }
        for (at, mut kind) in fields.tables("kind").into_iter().enumerate() {
            let bit = 1_u32 << at;
            if kind.boolean("strict").unwrap_or(false) {
                grammar.strict |= bit;
            }
            match kind.string("id").map(|id| id.value).as_deref() {
                Some("whether") => grammar.whether = bit,
                Some("how") => grammar.how = bit,
                _ => {}
            }
            for word in folded(kind.strings("words")) {
                if let Some(first) = word.chars().next() {
                    grammar.markers.entry(first).or_default().push((word.clone(), bit));
                }
                grammar.words_of_kind.insert(word, bit);
            }
        }
        for markers in grammar.markers.values_mut() {
            markers.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        }
        grammar
    }

    /// Takes the dress off the start of a folded question.
    pub(super) fn undressed<'t>(&self, text: &'t str) -> &'t str {
        let mut rest = text;
        // Each round takes off at least one character; a question wears no more than a few.
        for _ in 0..6 {
            let shorter = self.frames.iter().find_map(|frame| {
                let after = rest.strip_prefix(frame.as_str())?;
                let cut = frame.chars().next_back().is_some_and(is_han) || after.starts_with(' ');
                (cut && enough(after)).then(|| after.trim_start())
            });
            match shorter {
                Some(shorter) => rest = shorter,
                None => break,
            }
        }
        rest
    }

    /// What a question asks. `text` is folded and undressed, `alternative` whether it held an `A不A`, `mark` whether
    /// it ends with a question mark; a pack's kinds are the lexicon's.
    pub(super) fn kinds(&self, text: &str, alternative: bool, mark: bool, lexicon: &Lexicon) -> Kinds {
        let mut bits = if alternative { self.whether } else { 0 };
        let mut before = ' ';
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let found = self.markers.get(&c).into_iter().flatten().find(|(word, bit)| {
                rest.strip_prefix(word.as_str()).is_some_and(|after| {
                    // An English question is of the kind "whether" only if its verb comes first.
                    let first = rest.len() == text.len() || !word.is_ascii() || *bit != self.whether;
                    first && (!word.is_ascii() || (before == ' ' && after.chars().next().is_none_or(|c| c == ' ')))
                })
            });
            let step = found.map_or(c.len_utf8(), |(word, bit)| {
                bits |= bit;
                word.len()
            });
            before = rest[..step].chars().next_back().unwrap_or(' ');
            rest = &rest[step..];
        }
        let mut strict = self.strict;
        for (word, kind) in &lexicon.asks {
            if !self.words_of_kind.contains_key(word) && text.contains(word.as_str()) {
                // Kinds of packs stand behind the built-in ones; more than fit share the last bit.
                let bit = 1_u32 << (16 + (*kind).min(15));
                (bits, strict) = (bits | bit, strict | bit);
            }
        }
        if bits == 0 && mark {
            bits = self.whether;
        }
        Kinds { bits, strict: bits & strict }
    }

    /// Whether what is asked of one's own case ("what do I do with my…", "may my…") is answered in general.
    pub(super) fn may_be_mine(&self, kinds: Kinds) -> bool {
        kinds.strict == 0 && (kinds.bits == 0 || kinds.bits & (self.whether | self.how) != 0)
    }

    /// Whether a word asks rather than means.
    pub(super) fn asks(&self, word: &str) -> bool {
        self.words_of_kind.contains_key(word)
    }

    pub(super) fn person(&self, word: &str) -> u8 {
        self.persons.get(word).copied().unwrap_or(0)
    }
}

fn enough(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphanumeric()).nth(REST_CHARS - 1).is_some()
}
