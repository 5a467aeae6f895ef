//! How likely a stored question's answer is the answer to what is asked: what each of the two lacks of the other.

use super::guard::Pool;
use super::parts::{Parts, Word, classes};

/// How many numbers describe a pair of questions.
pub(super) const FEATURES: usize = 9;

/// The logistic curve over [`Features`], fitted to the `fit` and `wide-fit` halves of `tests/answers_paraphrases.tsv`
/// and to the packs' own questions, each against the other answers; the test prints what it does on the other halves.
const WEIGHTS: [f32; FEATURES] = [-6.397, 1.417, 2.442, -1.046, -0.181, 3.169, -1.701, 1.922, -0.705];
/// What a similarity that is not exact is at most.
pub(super) const MOST: f32 = 0.99;
/// What a word that the stored question lacks counts if another question of the answer has it, or the answer.
const IN_SIBLING: f32 = 0.75;
const IN_ANSWER: f32 = 0.25;
/// The least share of what is asked that the answer must have.
const FLOOR: f32 = 0.55;
/// The weight of a word that neither a crisis answer nor its questions have that makes it another matter.
const FOREIGN: f32 = 0.5;
/// What a one-character overlap of two-character words counts (烫伤, 烫到).
const HALF: f32 = 0.3;

/// What describes a pair, in order: 1; the share of what is asked, by weight, that the answer has, times the share of
/// the stored question that is asked; the latter; how many heavy words of what is asked the answer lacks; the weight
/// that the stored question has and the asked one lacks; the share of the answer's topic that is spoken of; the
/// largest weight lacked; the weight shared; the distance in kind.
pub(super) type Features = [f32; FEATURES];

/// A question with the weights of its words.
pub(super) struct Weighed<'q> {
    pub(super) parts: &'q Parts,
    pub(super) weights: &'q [f32],
}

/// Describes a pair; `None` where the answer has too little of what is asked, or a crisis answer no plain evidence.
pub(super) fn features(asked: &Weighed<'_>, stored: &Weighed<'_>, pool: &Pool) -> Option<Features> {
    let mut a_pooled = 0.0;
    let (mut a_whole, mut a_most, mut unheard, mut shared) = (0.0, 0.0_f32, 0.0_f32, 0.0_f32);
    for (word, weight) in asked.parts.words.iter().zip(asked.weights) {
        let had = covered(word, stored.parts);
        a_whole += weight;
        shared += weight * had;
        let anywhere = had.max(pooled(word, pool));
        a_pooled += weight * anywhere;
        a_most = a_most.max(weight * (1.0 - anywhere));
        if !word.light && anywhere < HALF {
            unheard += 1.0;
        }
    }
    if a_pooled < a_whole * FLOOR {
        return None;
    }
    let (mut s_whole, mut s_had, mut s_missing, mut s_most) = (0.0, 0.0, 0.0_f32, 0.0_f32);
    let mut heaviest = (0.0, 1.0);
    for (word, weight) in stored.parts.words.iter().zip(stored.weights) {
        let had = covered(word, asked.parts);
        s_whole += weight;
        s_had += weight * had;
        let lacking = weight * (1.0 - had);
        s_missing += lacking;
        s_most = s_most.max(lacking);
        if *weight > heaviest.0 {
            heaviest = (*weight, had);
        }
    }
    if pool.crisis && (heaviest.1 < 0.9 || a_most > FOREIGN) {
        return None;
    }
    let share = |had: f32, whole: f32| if whole > 0.0 { had / whole } else { 0.0 };
    Some([
        1.0,
        share(a_pooled, a_whole) * share(s_had, s_whole),
        share(s_had, s_whole),
        unheard,
        s_missing,
        topic(asked.parts, pool),
        s_most,
        shared.min(3.0),
        pool.distance(asked.parts, stored.parts),
    ])
}

/// The share of the answer's topic that is spoken of: of the words that most of its questions have.
fn topic(asked: &Parts, pool: &Pool) -> f32 {
    let (mut whole, mut had) = (0.0, 0.0);
    for (word, weight) in &pool.topic {
        whole += weight;
        had += weight * covered(word, asked);
    }
    if whole > 0.0 { had / whole } else { 0.5 }
}

/// The probability that the stored question's answer answers what is asked.
pub(super) fn similarity(features: &Features) -> f32 {
    let sum: f32 = features.iter().zip(WEIGHTS).map(|(f, w)| f * w).sum();
    (1.0 / (1.0 + (-sum).exp())).min(MOST)
}

/// How much of a word the other question has.
fn covered(word: &Word, other: &Parts) -> f32 {
    if other.words.iter().any(|w| w.text == word.text) {
        return 1.0;
    }
    if word.text.is_ascii() {
        return 0.0;
    }
    if classes(&word.text) & other.classes == 0 {
        return 0.0;
    }
    let (overlap, chars) = overlap(&word.text, &other.form);
    match (overlap, chars) {
        (_, 0) | (0, _) => 0.0,
        (1, 1) => 0.7,
        (1, 2) => HALF,
        (1, _) => 0.0,
        (overlap, chars) => overlap as f32 / chars as f32,
    }
}

/// How much of a word the answer's other questions have, or else the answer.
fn pooled(word: &Word, pool: &Pool) -> f32 {
    if pool.words.contains_key(&word.text) {
        IN_SIBLING
    } else if word.text.chars().nth(1).is_some() && pool.text.contains(&word.text) {
        IN_ANSWER
    } else {
        0.0
    }
}

/// The longest run of a word's characters that stands in the text, and the word's length.
fn overlap(word: &str, text: &str) -> (usize, usize) {
    let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    let chars = starts.len() - 1;
    for length in (1..=chars).rev() {
        for from in 0..=chars - length {
            if text.contains(&word[starts[from]..starts[from + length]]) {
                return (length, chars);
            }
        }
    }
    (0, chars)
}
