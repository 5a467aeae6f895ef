//! A question taken apart: its words and their weights, names, numbers, kind, persons.

use std::sync::LazyLock;

use jieba_rs::Jieba;

use super::fold::fold;
use super::grammar::{FIRST, GRAMMAR, Kinds, LIGHT, SECOND};
use super::numerals::numbers;
use super::words::{Lexicon, Phrase};
use crate::settings::is_han;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Say that something is the asker's own.
const MINE: [&str; 8] = ["我的", "我们的", "我家", "我们家", "我们公司", "我们单位", "我们学校", "我们班"];

/// One word with meaning.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Light words weigh a fifth of what they would.
    pub(super) light: bool,
}

/// A question taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parts {
    /// Words with meaning, in order, each once.
    pub(super) words: Vec<Word>,
    /// Every word, in order.
    pub(super) all: Vec<String>,
    /// All but the particles, joined: equal in two questions that are the same.
    pub(super) form: String,
    /// Words that name somebody or something, in order of appearance.
    pub(super) names: Vec<String>,
    /// Names of a weaker kind: the stored question's must be asked for, but others may be asked for, too.
    pub(super) weak_names: Vec<String>,
    /// Numbers, normalized and sorted.
    pub(super) numbers: Vec<String>,
    /// Whether an odd number of negations turns it round.
    pub(super) negated: bool,
    pub(super) kinds: Kinds,
    /// Bits of the persons spoken of.
    pub(super) persons: u8,
    /// Whether something is said to be the first person's ("我的生日").
    pub(super) mine: bool,
    /// A bit for each character of the form, of 128 classes: what shares none has no character in common.
    pub(super) classes: u128,
    /// How many characters its heavy words have.
    pub(super) heavy_chars: usize,
}

impl Word {
    pub(super) fn share(&self) -> f32 {
        if self.light { LIGHT } else { 1.0 }
    }
}

impl Lexicon {
    /// Takes a question apart.
    pub(super) fn parts(&self, question: &str) -> Parts {
        let grammar = &*GRAMMAR;
        let mark = question.trim_end().ends_with(['?', '？']);
        let folded = fold(question);
        let undressed = grammar.undressed(&folded);
        let mut text = without_alternatives(undressed);
        let alternative = text.len() < undressed.len();
        for twice in ["不得不", "不能不", "不可不"] {
            text = text.replace(twice, "必须");
        }
        let mut held = classes(&text);
        for Phrase { from, to, classes: needed } in &self.phrases {
            if needed & !held == 0 && text.contains(from.as_str()) {
                text = replace_once_each(&text, from, to);
                held = classes(&text);
            }
        }
        let kinds = grammar.kinds(&text, alternative, mark, self);
        let mut parts =
            Parts { numbers: numbers(&text), kinds, mine: MINE.iter().any(|m| text.contains(m)), ..Parts::default() };
        let mut negations = 0_usize;
        for tag in JIEBA.tag(&text, true) {
            let raw = tag.word.trim();
            if raw.is_empty() {
                continue;
            }
            let stem = stemmed(raw);
            let word = self.same.get(raw).or_else(|| self.same.get(stem)).map_or(stem, String::as_str);
            parts.all.push(word.to_owned());
            let person = grammar.person(raw);
            parts.persons |= person;
            if self.negates(raw) {
                negations += 1;
            }
            if grammar.particles.contains(raw) {
                continue;
            }
            parts.form.push_str(word);
            if raw.is_ascii() {
                parts.form.push(' ');
            }
            if person & (FIRST | SECOND) != 0 || grammar.asks(raw) || self.asks.contains_key(raw) {
                continue;
            }
            let is_number = word.chars().any(|c| c.is_ascii_digit());
            let light = self.fillers.contains(raw) || grammar.light.contains(raw) || self.negations.contains(raw);
            if !light {
                parts.heavy_chars += if word.is_ascii() { if is_number { 4 } else { 2 } } else { word.chars().count() };
            }
            if !parts.words.iter().any(|w| w.text == word) {
                parts.words.push(Word { text: word.to_owned(), light });
            }
            match tag.tag {
                _ if is_number || light => {}
                "ns" | "nr" | "nrt" | "nrfg" | "nt" => parts.names.push(word.to_owned()),
                "nz" => parts.weak_names.push(word.to_owned()),
                _ => {}
            }
        }
        parts.negated = negations % 2 == 1;
        parts.classes = classes(&parts.form);
        parts
    }

    /// Whether a word turns the sentence round: listed, or a listed one-character negation and a rest that is
    /// itself a word (不属于), but not a word of its own (不同, 无论).
    fn negates(&self, word: &str) -> bool {
        if self.negations.contains(word) {
            return true;
        }
        const OWN_WORDS: &[&str] = &[
            "不同",
            "不仅",
            "不但",
            "不过",
            "不管",
            "不断",
            "不少",
            "不久",
            "不如",
            "不然",
            "不止",
            "不光",
            "不惜",
            "不错",
            "不时",
            "不禁",
            "不妨",
            "无论",
            "无数",
            "无非",
            "无限",
            "未来",
            "未必",
            "非常",
            "非凡",
            "没准",
            "非洲",
            "非遗",
            "无人机",
            "无线",
            "无产阶级",
            "未成年",
            "不动产",
        ];
        let mut chars = word.chars();
        let first = chars.next();
        let rest = chars.as_str();
        first.is_some_and(|c| matches!(c, '不' | '没' | '未'))
            && rest.chars().count() >= 2
            && JIEBA.has_word(rest)
            && !OWN_WORDS.contains(&word)
    }
}

/// "是不是" asks what "是" asks: `A不A` and `A没A`, with A of one or two characters, lose their second half, with what
/// follows kept ("可不可以" → "可以", "合法不合法" → "合法").
fn without_alternatives(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let twice = |n: usize| {
            matches!(chars.get(at + n), Some('不' | '没'))
                && is_han(chars[at])
                && chars.get(at + n + 1..at + 2 * n + 1) == chars.get(at..at + n)
        };
        if twice(2) {
            at += 3;
        } else if twice(1) {
            at += 2;
        } else {
            result.push(chars[at]);
            at += 1;
        }
    }
    result
}

/// Replaces a phrase unless it is already part of the word that would replace it.
fn replace_once_each(text: &str, from: &str, to: &str) -> String {
    if to.contains(from) { text.to_owned() } else { text.replace(from, to) }
}

/// The classes of a text's characters.
pub(super) fn classes(text: &str) -> u128 {
    text.chars().fold(0, |bits, c| bits | 1 << (u32::from(c) % 128))
}

/// How rare a word is in Chinese at large, 0 for the commonest to 1; what no dictionary knows is rare.
pub(super) fn rarity(word: &str) -> f32 {
    /// Of the dictionary's counts.
    const TOTAL: f32 = 6.0e7;
    if word.is_ascii() {
        return 0.8;
    }
    let freq = JIEBA.suggest_freq(word).max(1) as f32;
    (((TOTAL / freq).ln() - 5.0) / 12.0).clamp(0.1, 1.0)
}

/// English words without the endings that grammar adds.
fn stemmed(word: &str) -> &str {
    if !word.is_ascii() || word.len() < 4 {
        return word;
    }
    for ending in ["ing", "ed", "es", "s"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.len() >= 3
            && !(ending == "s" && stem.ends_with('s'))
        {
            return stem.strip_suffix('e').filter(|s| s.len() >= 3).unwrap_or(stem);
        }
    }
    word.strip_suffix('e').filter(|s| s.len() >= 4).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_both_ways_is_no_negation() {
        let lexicon = Lexicon::built_in();
        for (text, negated) in [
            ("台湾是不是中国的一部分", false),
            ("台湾不是中国的一部分吗", true),
            ("有没有关系", false),
            ("可不可以", false),
            ("不得不说", false),
            ("能不能不去", true),
            ("这两种药有什么不同", false),
            ("is it not legal", true),
            ("don't you know", true),
        ] {
            assert_eq!(lexicon.parts(text).negated, negated, "{text} {:?}", lexicon.parts(text));
        }
    }

    #[test]
    fn dress_and_particles_leave_the_same_form() {
        let lexicon = Lexicon::built_in();
        for (a, b) in
            [("请问你到底是真人吗", "你是真人吗"), ("雷锋是谁呀", "雷锋是谁"), ("香港属不属于中国", "香港属于中国吗")]
        {
            let (a, b) = (lexicon.parts(a), lexicon.parts(b));
            assert_eq!((&a.form, a.kinds), (&b.form, b.kinds));
        }
        assert_ne!(lexicon.parts("我不想知道").form, lexicon.parts("我不想活了").form);
    }

    #[test]
    fn rare_words_weigh_more() {
        assert!(rarity("微信") > rarity("可以") && rarity("钓鱼岛") > rarity("问题"));
    }
}
