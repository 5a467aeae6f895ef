//! Finding the standard answer to a question: exactly, or by BM25 over words and character n-grams.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::entry::{Answer, MAX_QUESTION_CHARS, Status};
use super::fold::key;
use super::guard::mismatch;
use super::words::{Lexicon, Parts, grams};

/// BM25's saturation and length normalization, at their customary values (Robertson and Zaragoza 2009).
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// How many candidates are compared in full.
const CANDIDATES: usize = 24;
/// The share of what is asked, by weight, that a candidate must have. A similarity is about the square root of the
/// shares on both sides, so what has less stays far below any sensible threshold.
const LEAST_SHARE: f32 = 0.15;
/// The logistic curve from raw similarity to the probability that the pair answers the question, fitted to the
/// calibration half of `tests/answers_paraphrases.tsv`; the test prints what it does on the other half.
const SLOPE: f32 = 9.0;
const MIDDLE: f32 = 0.41;
/// What a similarity that is not exact is at most.
const MOST: f32 = 0.99;

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
}

struct Stored {
    entry: usize,
    parts: Parts,
    terms: BTreeMap<String, f32>,
    grams: BTreeMap<String, f32>,
    /// BM25 of the question with itself, and the length of its gram vector.
    own_words: f32,
    own_grams: f32,
}

/// The approved answers of all packs, ready to be searched. Drafts and retired pairs are not in it.
pub struct Index {
    entries: Vec<Entry>,
    stored: Vec<Stored>,
    exact: HashMap<String, Vec<usize>>,
    by_word: HashMap<String, Vec<usize>>,
    by_gram: HashMap<String, Vec<usize>>,
    /// In how many answers (not questions: paraphrases repeat words) a word or gram occurs.
    word_answers: HashMap<String, u32>,
    gram_answers: HashMap<String, u32>,
    average_words: f32,
    lexicon: Lexicon,
}

impl Index {
    /// Builds the index from pack id, threshold and pair.
    pub(crate) fn new(answers: impl IntoIterator<Item = (String, f32, Answer)>, lexicon: Lexicon) -> Self {
        let mut index = Index {
            entries: Vec::new(),
            stored: Vec::new(),
            exact: HashMap::new(),
            by_word: HashMap::new(),
            by_gram: HashMap::new(),
            word_answers: HashMap::new(),
            gram_answers: HashMap::new(),
            average_words: 1.0,
            lexicon,
        };
        for (pack, threshold, answer) in answers {
            if answer.status == Status::Approved {
                index.add(Entry { pack, threshold, answer });
            }
        }
        let words: usize = index.stored.iter().map(|s| s.parts.words.len()).sum();
        index.average_words = (words as f32 / index.stored.len().max(1) as f32).max(1.0);
        for at in 0..index.stored.len() {
            let own_words = index.bm25(&index.stored[at].terms, &index.stored[at].terms);
            let own_grams = index.gram_length(&index.stored[at].grams);
            (index.stored[at].own_words, index.stored[at].own_grams) = (own_words, own_grams);
        }
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

    fn add(&mut self, entry: Entry) {
        let at = self.entries.len();
        let (mut words, mut all_grams) = (HashSet::new(), HashSet::new());
        for question in &entry.answer.questions {
            self.exact.entry(key(question)).or_default().push(at);
            let parts = self.lexicon.parts(question);
            let (terms, grams) = (counts(&parts.words), grams(&parts.words));
            let id = self.stored.len();
            for term in terms.keys() {
                self.by_word.entry(term.clone()).or_default().push(id);
                words.insert(term.clone());
            }
            for gram in grams.keys() {
                self.by_gram.entry(gram.clone()).or_default().push(id);
                all_grams.insert(gram.clone());
            }
            self.stored.push(Stored { entry: at, parts, terms, grams, own_words: 0.0, own_grams: 0.0 });
        }
        for word in words {
            *self.word_answers.entry(word).or_default() += 1;
        }
        for gram in all_grams {
            *self.gram_answers.entry(gram).or_default() += 1;
        }
        self.entries.push(entry);
    }

    /// The best usable pair whose similarity reaches its pack's threshold (or `threshold`). Ties go to the earlier pack and file.
    pub fn find(&self, question: &str, threshold: Option<f32>, usable: impl Fn(&Answer) -> bool) -> Option<Match<'_>> {
        let found = self.best(question, usable)?;
        let entry = self.entries.get(found.0)?;
        (found.1 >= threshold.unwrap_or(entry.threshold)).then_some(Match {
            pack: &entry.pack,
            answer: &entry.answer,
            similarity: found.1,
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
        if parts.words.is_empty() {
            return None;
        }
        let (terms, grams) = (counts(&parts.words), grams(&parts.words));
        let own_words = self.bm25(&terms, &terms);
        let own_grams = self.gram_length(&grams);
        let mut best: Option<(usize, f32)> = None;
        for id in self.candidates(&terms, &grams) {
            let stored = &self.stored[id];
            if !usable(&self.entries[stored.entry].answer) || mismatch(&parts, &stored.parts, &self.lexicon).is_some() {
                continue;
            }
            let words = self.bm25(&terms, &stored.terms) / (own_words * stored.own_words).sqrt().max(f32::MIN_POSITIVE);
            let cosine = self.dot(&grams, &stored.grams) / (own_grams * stored.own_grams).max(f32::MIN_POSITIVE);
            let similarity = calibrated(f32::midpoint(words.min(1.0), cosine.min(1.0)));
            let better = best.is_none_or(|(at, s)| similarity > s || (similarity == s && stored.entry < at));
            if better {
                best = Some((stored.entry, similarity));
            }
        }
        best
    }

    /// The questions that share the most weight with what is asked.
    fn candidates(&self, terms: &BTreeMap<String, f32>, grams: &BTreeMap<String, f32>) -> Vec<usize> {
        let mut weights: HashMap<usize, f32> = HashMap::new();
        let mut whole = 0.0;
        for term in terms.keys() {
            let weight = self.word_weight(term);
            whole += weight;
            for id in self.by_word.get(term).into_iter().flatten() {
                *weights.entry(*id).or_default() += weight;
            }
        }
        for gram in grams.keys() {
            let weight = self.gram_weight(gram) * 0.5;
            whole += weight;
            for id in self.by_gram.get(gram).into_iter().flatten() {
                *weights.entry(*id).or_default() += weight;
            }
        }
        let mut ranked: Vec<(usize, f32)> = weights.into_iter().filter(|(_, w)| *w >= whole * LEAST_SHARE).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ranked.truncate(CANDIDATES);
        ranked.into_iter().map(|(id, _)| id).collect()
    }

    fn weight(&self, answers: u32) -> f32 {
        let (n, df) = (self.entries.len() as f32, answers as f32);
        (1.0 + (n - df + 0.5).max(0.0) / (df + 0.5)).ln()
    }

    fn word_weight(&self, word: &str) -> f32 {
        self.weight(self.word_answers.get(word).copied().unwrap_or(0))
    }

    fn gram_weight(&self, gram: &str) -> f32 {
        self.weight(self.gram_answers.get(gram).copied().unwrap_or(0))
    }

    fn bm25(&self, asked: &BTreeMap<String, f32>, stored: &BTreeMap<String, f32>) -> f32 {
        let length: f32 = stored.values().sum();
        let norm = K1 * (1.0 - B + B * length / self.average_words);
        asked.keys().filter_map(|t| stored.get(t).map(|tf| self.word_weight(t) * tf * (K1 + 1.0) / (tf + norm))).sum()
    }

    fn dot(&self, a: &BTreeMap<String, f32>, b: &BTreeMap<String, f32>) -> f32 {
        a.iter().filter_map(|(g, x)| b.get(g).map(|y| x * y * self.gram_weight(g).powi(2))).sum()
    }

    fn gram_length(&self, grams: &BTreeMap<String, f32>) -> f32 {
        self.dot(grams, grams).sqrt()
    }
}

fn counts(words: &[String]) -> BTreeMap<String, f32> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.clone()).or_insert(0.0) += 1.0;
    }
    counts
}

fn calibrated(raw: f32) -> f32 {
    (1.0 / (1.0 + (-SLOPE * (raw - MIDDLE)).exp())).min(MOST)
}
