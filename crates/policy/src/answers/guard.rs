//! What makes a question another question although it looks alike.

use std::collections::{HashMap, HashSet};

use super::grammar::{FIRST, GRAMMAR, MACHINE, SECOND, THIRD};
use super::parts::{Parts, Word};
use super::words::Lexicon;

/// Why a look-alike is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// One of them is negated.
    Negation,
    /// They speak of different numbers.
    Number,
    /// They speak of different people, places or organizations.
    Name,
    /// They speak of the same, the other way round.
    Order,
    /// They speak of different people.
    Person,
    /// They ask why, how, who, when: different things.
    Kind,
    /// One says the opposite of the other.
    Opposite,
    /// A work is asked for, or a fiction set.
    Task,
}

/// The word that stands for the country of the answers.
const HOME: &str = "中国";

/// Ask of countries at large.
const ABROAD: [&str; 5] = ["什么国家", "哪个国家", "哪国", "各国", "外国"];

/// What an answer's questions hold together: what one of them lacks, another may say.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Heavy and light words of all its questions, and in what share of the questions each stands.
    pub(super) words: HashMap<String, f32>,
    /// The heavy words of at least two fifths of its questions, weighed by how many and by weight.
    pub(super) topic: Vec<(Word, f32)>,
    /// Every word of all its questions.
    all: HashSet<String>,
    numbers: HashSet<String>,
    kinds: u32,
    statement: bool,
    persons: u8,
    /// The answer itself, folded.
    pub(super) text: String,
    /// Whether somebody may be in danger: what is given by mistake hurts, and evidence must be plain.
    pub(super) crisis: bool,
}

impl Pool {
    pub(super) fn new<'p>(questions: impl ExactSizeIterator<Item = &'p Parts>, text: String, crisis: bool) -> Self {
        let mut pool = Pool { text, crisis, ..Pool::default() };
        let share = 1.0 / questions.len().max(1) as f32;
        for parts in questions {
            for word in parts.words.iter() {
                *pool.words.entry(word.text.clone()).or_default() += share;
            }
            pool.all.extend(parts.all.iter().cloned());
            pool.numbers.extend(parts.numbers.iter().cloned());
            pool.kinds |= parts.kinds.bits;
            pool.statement |= parts.kinds.bits == 0;
            pool.persons |= parts.persons;
        }
        pool
    }

    /// Learns what the answer is about, once words are weighed.
    pub(super) fn find_topic(&mut self, weight: impl Fn(&str) -> f32) {
        let often = self.words.iter().filter(|(_, share)| **share >= 0.4);
        let mut topic: Vec<(Word, f32)> = often
            .map(|(text, share)| (Word { text: text.clone(), light: false }, share * weight(text)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        topic.sort_by(|a, b| a.0.text.cmp(&b.0.text));
        self.topic = topic;
    }

    /// How far apart what is asked for lies: 0 the same kind of question, 1 a kind another question of the answer
    /// has, 2 none that the answer is known to meet.
    pub(super) fn distance(&self, asked: &Parts, stored: &Parts) -> f32 {
        let (a, s) = (asked.kinds.bits, stored.kinds.bits);
        if a == s || a & s != 0 {
            0.0
        } else if (a == 0 && self.statement) || a & self.kinds != 0 {
            1.0
        } else {
            2.0
        }
    }
}

/// The first reason why `asked` is not `stored`, if there is one.
pub(super) fn mismatch(asked: &Parts, stored: &Parts, pool: &Pool, lexicon: &Lexicon) -> Option<Mismatch> {
    if asked.negated != stored.negated {
        return Some(Mismatch::Negation);
    }
    if asked.numbers != stored.numbers
        && !(stored.numbers.is_empty() && asked.numbers.iter().all(|n| pool.numbers.contains(n)))
    {
        return Some(Mismatch::Number);
    }
    // The country is what is meant where none is named.
    let abroad = ABROAD.iter().any(|w| asked.form.contains(w));
    let lacks = |name: &String| (name != HOME || abroad) && !asked.all.contains(name);
    let unheard = |name: &String| name != HOME && !stored.all.contains(name) && !pool.all.contains(name);
    if stored.names.iter().any(lacks) || stored.weak_names.iter().any(lacks) || asked.names.iter().any(unheard) {
        return Some(Mismatch::Name);
    }
    if reversed(asked, stored) {
        return Some(Mismatch::Order);
    }
    if person(asked, stored, pool) {
        return Some(Mismatch::Person);
    }
    if kind(asked, stored, pool) {
        return Some(Mismatch::Kind);
    }
    if opposite(asked, stored, lexicon) {
        return Some(Mismatch::Opposite);
    }
    if asked.all.iter().any(|w| lexicon.tasks.contains(w) && !stored.all.contains(w)) {
        return Some(Mismatch::Task);
    }
    None
}

/// Whether two questions say the same with the same heavy words, in whatever order and dress. Of light words, what is
/// asked may have one that the answer's questions lack; where little is said or much is at stake, none.
pub(super) fn same_heavy(asked: &Parts, stored: &Parts, pool: &Pool) -> bool {
    let has = |parts: &Parts, word: &Word| parts.words.iter().any(|w| w.text == word.text);
    let within = |a: &Parts, b: &Parts, light: bool| a.words.iter().all(|w| (w.light && !light) || has(b, w));
    let plain = asked.heavy_chars >= 3 && !pool.crisis;
    let new = asked.words.iter().filter(|w| w.light && !has(stored, w) && !pool.words.contains_key(&w.text)).count();
    let also_me = asked.persons == (stored.persons | FIRST) && stored.kinds.bits != 0;
    asked.heavy_chars > 0
        && asked.kinds == stored.kinds
        && asked.numbers == stored.numbers
        && (asked.persons == stored.persons || also_me)
        && within(asked, stored, !plain)
        && within(stored, asked, !plain)
        && new <= usize::from(plain)
}

/// Whether they speak of different people: what is asked of the machine is not asked of others, nor the reverse.
fn person(asked: &Parts, stored: &Parts, pool: &Pool) -> bool {
    let (a, s) = (asked.persons, stored.persons);
    let known = s | pool.persons;
    (s & SECOND != 0 && a & (SECOND | MACHINE) == 0)
        || (a & SECOND != 0 && known & (SECOND | MACHINE) == 0)
        || (a & THIRD != 0 && known & THIRD == 0)
        || (asked.mine && known & FIRST == 0 && !GRAMMAR.may_be_mine(asked.kinds))
        || (s & FIRST != 0 && a & FIRST == 0 && a != 0 && stored.kinds.bits == 0)
}

/// Whether they ask for different things. A statement is no question, unless the answer is one to statements.
fn kind(asked: &Parts, stored: &Parts, pool: &Pool) -> bool {
    let (a, s) = (asked.kinds, stored.kinds);
    if (a.bits == 0 && s.bits != 0 && !pool.statement) || a.strict & !s.bits & !pool.kinds != 0 {
        return true;
    }
    s.strict & !a.bits != 0 && a.bits & (s.bits | pool.kinds) == 0
}

/// Whether two names that both speak of stand the other way round and are not merely listed ("A和B").
fn reversed(asked: &Parts, stored: &Parts) -> bool {
    let order = |parts: &Parts| {
        let mut names: Vec<String> = Vec::new();
        for name in &parts.names {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    };
    let (a, s) = (order(asked), order(stored));
    a.len() >= 2 && a != s && !(listed(asked, &a) && listed(stored, &s))
}

/// Whether the names stand beside each other with only a conjunction between them.
fn listed(parts: &Parts, names: &[String]) -> bool {
    let at = |name: &String| parts.all.iter().position(|w| w == name);
    names.windows(2).all(|pair| match (at(&pair[0]), at(&pair[1])) {
        (Some(a), Some(b)) => {
            let between = parts.all.get(a.min(b) + 1..a.max(b)).unwrap_or_default();
            between.iter().all(|w| matches!(w.as_str(), "和" | "与" | "跟" | "同" | "及" | "以及" | "and"))
        }
        _ => false,
    })
}

fn opposite(asked: &Parts, stored: &Parts, lexicon: &Lexicon) -> bool {
    let has = |parts: &Parts, set: &HashSet<String>| parts.all.iter().any(|w| set.contains(w));
    lexicon.opposites.iter().any(|(a, b)| {
        // A pack that calls the two the same (lawful or not: one text answers both) lifts the opposition.
        if a.iter().any(|w| lexicon.same.get(w).is_some_and(|s| b.contains(s))) {
            return false;
        }
        let asked = (has(asked, a), has(asked, b));
        let stored = (has(stored, a), has(stored, b));
        matches!((asked, stored), ((true, false), (false, true)) | ((false, true), (true, false)))
    })
}
