//! Questions as words: segmentation, and the words that matching treats specially.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use jieba_rs::Jieba;

use super::fold::fold;
use crate::document::{Fields, File};
use crate::settings::is_han;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

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
    same: HashMap<String, String>,
    /// Han synonyms, longest first, replaced before segmentation.
    phrases: Vec<(String, String)>,
    pub(super) opposites: Vec<(HashSet<String>, HashSet<String>)>,
}

/// A question taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parts {
    /// Words with meaning, in order.
    pub(super) words: Vec<String>,
    /// Every word, in order.
    pub(super) all: Vec<String>,
    /// Words that name somebody or something, in order of appearance.
    pub(super) names: Vec<String>,
    /// Names of a weaker kind: the stored question's must be asked for, but others may be asked for, too.
    pub(super) weak_names: Vec<String>,
    /// Numbers, normalized and sorted.
    pub(super) numbers: Vec<String>,
    /// Whether an odd number of negations turns it round.
    pub(super) negated: bool,
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
                self.phrases.push((word.clone(), first.clone()));
            }
        }
    }

    fn order_phrases(&mut self) {
        self.phrases.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
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

    /// Takes a question apart.
    pub(super) fn parts(&self, question: &str) -> Parts {
        let mut text = without_alternatives(&fold(question));
        for twice in ["不得不", "不能不", "不可不"] {
            text = text.replace(twice, "必须");
        }
        for (from, to) in &self.phrases {
            if text.contains(from.as_str()) {
                text = replace_once_each(&text, from, to);
            }
        }
        let mut parts = Parts { numbers: numbers(&text), ..Parts::default() };
        let mut negations = 0_usize;
        for tag in JIEBA.tag(&text, true) {
            let word = tag.word.trim();
            if word.is_empty() {
                continue;
            }
            let word = self.same.get(word).map_or(word, String::as_str);
            parts.all.push(word.to_owned());
            if self.negates(word) {
                negations += 1;
            }
            if self.fillers.contains(word) {
                continue;
            }
            parts.words.push(word.to_owned());
            let is_number = word.chars().any(|c| c.is_ascii_digit());
            match tag.tag {
                _ if is_number || self.asks.contains_key(word) || self.negations.contains(word) => {}
                "ns" | "nr" | "nrt" | "nrfg" | "nt" => parts.names.push(word.to_owned()),
                "nz" => parts.weak_names.push(word.to_owned()),
                _ => {}
            }
        }
        parts.negated = negations % 2 == 1;
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

/// "是不是" asks what "是" asks: `A不A` and `A没A` lose their second half, with what follows kept ("可不可以" → "可以").
fn without_alternatives(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        if at + 2 < chars.len()
            && matches!(chars[at + 1], '不' | '没')
            && chars[at] == chars[at + 2]
            && is_han(chars[at])
        {
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

/// The numbers of a text: digit runs, and Chinese numerals that are surely numbers.
fn numbers(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if chars[at].is_ascii_digit() {
            while at < chars.len() && chars[at].is_ascii_digit() {
                at += 1;
            }
            let digits: String = chars[start..at].iter().collect();
            let trimmed = digits.trim_start_matches('0');
            found.push(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() });
        } else if numeral(chars[at]).is_some() {
            while at < chars.len() && numeral(chars[at]).is_some() {
                at += 1;
            }
            let before = start.checked_sub(1).map(|i| chars[i]);
            let after = chars.get(at).copied();
            if at - start >= 2 || before == Some('第') || (counts(after) && chars[start] != '一') {
                found.extend(value_of(&chars[start..at]));
            }
        } else {
            at += 1;
        }
    }
    found.sort();
    found
}

const fn counts(c: Option<char>) -> bool {
    matches!(
        c,
        Some(
            '年' | '月'
                | '日'
                | '号'
                | '条'
                | '款'
                | '章'
                | '岁'
                | '届'
                | '次'
                | '名'
                | '位'
                | '级'
                | '天'
                | '小'
                | '个'
                | '种'
                | '省'
                | '国'
        )
    )
}

const fn numeral(c: char) -> Option<u64> {
    Some(match c {
        '零' | '〇' => 0,
        '一' => 1,
        '二' | '两' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        '亿' => 100_000_000,
        _ => return None,
    })
}

fn value_of(chars: &[char]) -> Option<String> {
    let values: Vec<u64> = chars.iter().filter_map(|c| numeral(*c)).collect();
    if values.iter().all(|v| *v < 10) {
        // 二〇二六: digit by digit.
        let digits: String = values.iter().map(u64::to_string).collect();
        let trimmed = digits.trim_start_matches('0');
        return Some(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() });
    }
    let (mut total, mut section, mut digit) = (0_u64, 0_u64, None);
    for value in values {
        match value {
            0..=9 => digit = Some(value),
            10 | 100 | 1_000 => section = section.checked_add(digit.take().unwrap_or(1).checked_mul(value)?)?,
            _ => {
                section = section.checked_add(digit.take().unwrap_or(0))?.max(1);
                total = total.checked_add(section.checked_mul(value)?)?;
                section = 0;
            }
        }
    }
    Some(total.checked_add(section)?.checked_add(digit.unwrap_or(0))?.to_string())
}

/// Character bigrams and trigrams of the words with meaning, with counts.
pub(super) fn grams(words: &[String]) -> BTreeMap<String, f32> {
    let text: Vec<char> = words.concat().chars().collect();
    let mut grams = BTreeMap::new();
    for n in [2, 3] {
        for window in text.windows(n) {
            *grams.entry(window.iter().collect()).or_insert(0.0) += 1.0;
        }
    }
    if text.len() == 1 {
        grams.insert(text.iter().collect(), 1.0);
    }
    grams
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_numerals_are_numbers() {
        for (text, expected) in [
            ("2026年", vec!["2026"]),
            ("二〇二六年", vec!["2026"]),
            ("第三条", vec!["3"]),
            ("一千零五十万", vec!["10500000"]),
            ("一部分", vec![]),
            ("三个代表", vec!["3"]),
            ("十四亿人", vec!["1400000000"]),
            ("007", vec!["7"]),
        ] {
            assert_eq!(numbers(text), expected, "{text}");
        }
    }

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
}
