//! Finding the standard answer to a question: exactly, by the same form, or by what two questions have of each other.

use std::collections::{HashMap, HashSet};

use super::entry::{Answer, MAX_QUESTION_CHARS, Status};
use super::fold::{fold, key};
use super::grammar::GRAMMAR;
use super::guard::{Pool, mismatch, same_heavy};
use super::parts::{Parts, Word, rarity};
use super::score::{Features, MOST, Weighed, features, similarity};
use super::words::Lexicon;

/// How many candidates are compared in full.
const CANDIDATES: usize = 24;
/// The share of what is asked, by weight, that a candidate must have.
const LEAST_SHARE: f32 = 0.25;
/// A question of no more heavy characters than this is answered only if it is the stored one: of so little, one word
/// more or less is everything.
const SHORT: usize = 4;
/// How sure the same heavy words are.
const SAME_WORDS: f32 = 0.97;
/// Two answers that are about as likely are neither of them likely.
const MARGIN: f32 = 0.05;

/// A standard answer that was found.
#[derive(Debug, Clone)]
pub struct Match<'i> {
    /// The pack's id.
    pub pack: &'i str,
    /// The pair.
    pub answer: &'i Answer,
    /// 1.0 for an exact match; else a calibrated probability below 1.
    pub similarity: f32,
}

struct Entry {
    pack: String,
    threshold: f32,
    answer: Answer,
    pool: Pool,
}

struct Stored {
    entry: usize,
    parts: Parts,
    weights: Vec<f32>,
}

/// What is known of a word of the library.
#[derive(Default)]
struct Known {
    /// The questions that hold it.
    questions: Vec<usize>,
    /// Its weight.
    weight: f32,
}

/// The approved answers of all packs, ready to be searched. Drafts and retired pairs are not in it.
pub struct Index {
    entries: Vec<Entry>,
    stored: Vec<Stored>,
    exact: HashMap<String, Vec<usize>>,
    forms: HashMap<String, Vec<usize>>,
    words: HashMap<String, Known>,
    /// Pairs of Han characters of heavy words, for words that are cut otherwise.
    pairs: HashMap<(char, char), Vec<usize>>,
    lexicon: Lexicon,
}

impl Index {
    /// Builds the index from pack id, threshold and pair.
    pub(crate) fn new(answers: impl IntoIterator<Item = (String, f32, Answer)>, lexicon: Lexicon) -> Self {
        let mut index = Index {
            entries: Vec::new(),
            stored: Vec::new(),
            exact: HashMap::new(),
            forms: HashMap::new(),
            words: HashMap::new(),
            pairs: HashMap::new(),
            lexicon,
        };
        for (pack, threshold, answer) in answers {
            if answer.status == Status::Approved {
                index.add(pack, threshold, answer);
            }
        }
        index.weigh();
        index
    }

    /// How many approved pairs it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn add(&mut self, pack: String, threshold: f32, answer: Answer) {
        let (at, from) = (self.entries.len(), self.stored.len());
        for question in &answer.questions {
            self.exact.entry(key(question)).or_default().push(at);
            let parts = self.lexicon.parts(question);
            let id = self.stored.len();
            self.forms.entry(parts.form.clone()).or_default().push(id);
            for word in &parts.words {
                self.words.entry(word.text.clone()).or_default().questions.push(id);
                if !word.light {
                    for pair in word.text.chars().zip(word.text.chars().skip(1)).filter(|(c, _)| !c.is_ascii()) {
                        self.pairs.entry(pair).or_default().push(id);
                    }
                }
            }
            self.stored.push(Stored { entry: at, parts, weights: Vec::new() });
        }
        let crisis = answer.topic.as_deref().is_some_and(|t| t.ends_with(".crisis")) || answer.id.contains("crisis.");
        let pool = Pool::new(self.stored[from..].iter().map(|s| &s.parts), fold(&answer.answer), crisis);
        self.entries.push(Entry { pack, threshold, answer, pool });
    }

    /// Weighs the words once all are known: half by how few answers have them (not questions: paraphrases repeat
    /// words), half by how rare they are in the language.
    fn weigh(&mut self) {
        let whole = idf(self.entries.len(), 0);
        for (word, known) in &mut self.words {
            let answers: HashSet<usize> = known.questions.iter().map(|q| self.stored[*q].entry).collect();
            known.weight = f32::midpoint(rarity(word), idf(self.entries.len(), answers.len()) / whole);
        }
        let light = &GRAMMAR.light;
        for entry in &mut self.entries {
            entry
                .pool
                .find_topic(|w| if light.contains(w) { 0.0 } else { self.words.get(w).map_or(0.0, |k| k.weight) });
        }
        for at in 0..self.stored.len() {
            self.stored[at].weights = self.weights(&self.stored[at].parts.words);
        }
    }

    fn weights(&self, words: &[Word]) -> Vec<f32> {
        let weight =
            |w: &Word| self.words.get(&w.text).map_or_else(|| f32::midpoint(rarity(&w.text), 1.0), |k| k.weight);
        words.iter().map(|w| weight(w) * w.share()).collect()
    }

    /// The best usable pair whose similarity reaches its pack's threshold (or `threshold`). Ties go to the earlier pack and file.
    pub fn find(&self, question: &str, threshold: Option<f32>, usable: impl Fn(&Answer) -> bool) -> Option<Match<'_>> {
        let (at, similarity) = self.best(question, usable)?;
        let entry = self.entries.get(at)?;
        (similarity >= threshold.unwrap_or(entry.threshold)).then_some(Match {
            pack: &entry.pack,
            answer: &entry.answer,
            similarity,
        })
    }

    fn best(&self, question: &str, usable: impl Fn(&Answer) -> bool) -> Option<(usize, f32)> {
        if self.entries.is_empty() || question.chars().nth(MAX_QUESTION_CHARS * 2).is_some() {
            return None;
        }
        if let Some(entries) = self.exact.get(&key(question))
            && let Some(at) = entries.iter().find(|e| usable(&self.entries[**e].answer))
        {
            return Some((*at, 1.0));
        }
        let parts = self.lexicon.parts(question);
        if let Some(at) = self.same_form(&parts, &usable) {
            return Some((at, MOST));
        }
        if let Some(at) = self.same_words(&parts, &usable) {
            return Some((at, SAME_WORDS));
        }
        if parts.heavy_chars <= SHORT {
            return None;
        }
        let (mut best, mut next): (Option<(usize, f32)>, f32) = (None, 0.0);
        for (entry, similarity) in self.scored(&parts, &usable).into_iter().map(|(e, f)| (e, similarity(&f))) {
            match best {
                Some((at, s)) if at == entry => best = Some((at, s.max(similarity))),
                Some((at, s)) if similarity > s || (similarity == s && entry < at) => {
                    (best, next) = (Some((entry, similarity)), s);
                }
                Some(_) => next = next.max(similarity),
                None => best = Some((entry, similarity)),
            }
        }
        best.filter(|(_, s)| s - next >= MARGIN)
    }

    /// The answer of a stored question that differs in dress and particles only.
    fn same_form(&self, asked: &Parts, usable: &impl Fn(&Answer) -> bool) -> Option<usize> {
        if asked.form.is_empty() {
            return None;
        }
        let same = |s: &&Stored| {
            let p = &s.parts;
            p.kinds == asked.kinds
                && p.numbers == asked.numbers
                && p.negated == asked.negated
                && p.persons == asked.persons
                && usable(&self.entries[s.entry].answer)
        };
        let mut of_form = self.forms.get(&asked.form)?.iter().filter_map(|id| self.stored.get(*id));
        of_form.find(same).map(|s| s.entry)
    }

    /// The answer of a stored question that has the same heavy words.
    fn same_words(&self, asked: &Parts, usable: &impl Fn(&Answer) -> bool) -> Option<usize> {
        let heavy = asked.words.iter().filter(|w| !w.light).map(|w| self.words.get(&w.text));
        let rarest = heavy.collect::<Option<Vec<_>>>()?.into_iter().min_by_key(|k| k.questions.len())?;
        let mut found = None;
        for stored in rarest.questions.iter().map(|id| &self.stored[*id]) {
            let entry = &self.entries[stored.entry];
            if usable(&entry.answer)
                && same_heavy(asked, &stored.parts, &entry.pool)
                && mismatch(asked, &stored.parts, &entry.pool, &self.lexicon).is_none()
            {
                // Two answers to the same words: it must be the rest that tells them apart.
                if found.is_some_and(|f| f != stored.entry) {
                    return None;
                }
                found = Some(stored.entry);
            }
        }
        found
    }

    /// The candidates that nothing speaks against, with what describes them.
    fn scored(&self, asked: &Parts, usable: &impl Fn(&Answer) -> bool) -> Vec<(usize, Features)> {
        let weights = self.weights(&asked.words);
        let weighed = Weighed { parts: asked, weights: &weights };
        let mut scored = Vec::new();
        for id in self.candidates(&asked.words, &weights) {
            let stored = &self.stored[id];
            let entry = &self.entries[stored.entry];
            if !usable(&entry.answer) || mismatch(asked, &stored.parts, &entry.pool, &self.lexicon).is_some() {
                continue;
            }
            let other = Weighed { parts: &stored.parts, weights: &stored.weights };
            scored.extend(features(&weighed, &other, &entry.pool).map(|f| (stored.entry, f)));
        }
        scored
    }

    /// The questions that share the most weight with what is asked.
    fn candidates(&self, words: &[Word], weights: &[f32]) -> Vec<usize> {
        // One slot for each stored question is cheaper than hashing the many that a common word touches.
        let mut found = vec![0.0_f32; self.stored.len()];
        let mut whole = 0.0;
        for (word, weight) in words.iter().zip(weights).filter(|(w, _)| !w.light) {
            whole += weight;
            if let Some(known) = self.words.get(&word.text) {
                for id in &known.questions {
                    found[*id] += weight;
                }
                continue;
            }
            let pairs: Vec<(char, char)> = word.text.chars().zip(word.text.chars().skip(1)).collect();
            for pair in &pairs {
                for id in self.pairs.get(pair).into_iter().flatten() {
                    found[*id] += weight / pairs.len() as f32;
                }
            }
        }
        let least = (whole * LEAST_SHARE).max(f32::MIN_POSITIVE);
        let mut ranked: Vec<(usize, f32)> = found.into_iter().enumerate().filter(|(_, w)| *w >= least).collect();
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if ranked.len() > CANDIDATES {
            ranked.select_nth_unstable_by(CANDIDATES - 1, order);
            ranked.truncate(CANDIDATES);
        }
        ranked.sort_by(order);
        ranked.into_iter().map(|(id, _)| id).collect()
    }
}

/// How few of `all` answers `with` of them are.
fn idf(all: usize, with: usize) -> f32 {
    ((all as f32 + 1.0) / (with as f32 + 0.5)).ln()
}
