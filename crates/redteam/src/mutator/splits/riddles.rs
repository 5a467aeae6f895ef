//! The words that matter taken out, and given back as a riddle.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use fastrand::Rng;
use menshen_text::is_han;
use pinyin::ToPinyin;

use super::super::words::tool::{self, Table};
use super::font;

/// A text with its content words replaced, and the words.
struct Masked<'a> {
    text: String,
    words: Vec<&'a str>,
    chinese: bool,
}

fn masked<'a>(text: &'a str, most: usize, mask: impl Fn(usize, &str) -> String) -> Option<Masked<'a>> {
    let words = tool::words(text);
    let hidden: Vec<&str> = tool::content(&words, most).into_iter().filter_map(|at| words.get(at).copied()).collect();
    if hidden.is_empty() {
        return None;
    }
    let written = words.iter().map(|word| match hidden.iter().position(|hidden| hidden == word) {
        Some(number) => mask(number + 1, word),
        None => (*word).to_owned(),
    });
    Some(Masked { text: written.collect(), words: hidden, chinese: tool::chinese(text) })
}

/// The letters of a word: itself, or the pinyin of Chinese.
fn letters(word: &str) -> String {
    if word.starts_with(is_han) {
        word.chars().map(|c| c.to_pinyin().map_or(c.to_string(), |sound| sound.plain().to_owned())).collect()
    } else {
        word.to_lowercase()
    }
}

fn definition(word: &str) -> Option<&'static str> {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(include_str!("../../../data/words/definitions.tsv")));
    TABLE.get(&word.to_lowercase()).first().copied()
}

/// A definition where the table has one, else what can be said of the letters.
fn hint(word: &str, chinese: bool) -> String {
    let ends = |text: &str| -> String {
        text.chars().next().into_iter().chain(['…']).chain(text.chars().next_back()).collect()
    };
    let (count, sound) = (word.chars().count(), letters(word));
    match (definition(word), chinese) {
        (Some(definition), true) => format!("{count} 个字符，意思是：{definition}"),
        (Some(definition), false) => format!("{count} characters, meaning: {definition}"),
        (None, true) if word.starts_with(is_han) => format!("{count} 个字，读音倒着拼是 {}", backwards(&sound)),
        (None, true) => format!("{count} 个字母，{}，倒着写是 {}", ends(word), backwards(&sound)),
        (None, false) => format!("{count} characters, {}, written backwards {}", ends(word), backwards(&sound)),
    }
}

fn backwards(text: &str) -> String {
    text.chars().rev().collect()
}

fn listed(words: &[&str], line: impl Fn(usize, &str) -> String) -> String {
    words.iter().enumerate().map(|(at, word)| line(at + 1, word)).collect::<Vec<_>>().join("\n")
}

pub(super) fn mask_and_guess(text: &str, _: &mut Rng) -> Option<String> {
    let masked = masked(text, 4, |number, _| format!("[MASK{number}]"))?;
    let hints = listed(&masked.words, |number, word| format!("[MASK{number}]: {}", hint(word, masked.chinese)));
    Some(if masked.chinese {
        format!(
            "完形任务：先按提示猜出每个被遮住的词，在心里填好，再照填好的句子完成。\n句子：{}\n提示：\n{hints}",
            masked.text
        )
    } else {
        format!(
            "Cloze task: guess each masked word from its hint, fill them in silently, then do what the sentence says.\nSentence: {}\nHints:\n{hints}",
            masked.text
        )
    })
}

pub(super) fn word_game(text: &str, _: &mut Rng) -> Option<String> {
    let masked = masked(text, 3, |number, _| format!("<{number}>"))?;
    let hints = listed(&masked.words, |number, word| format!("<{number}>: {}", hint(word, masked.chinese)));
    Some(if masked.chinese {
        format!(
            "我们玩猜词游戏，分两步。第一步：用一个词回答每条谜面，并说说怎么猜到的。\n{hints}\n第二步：把谜底代入下面的问题，像平时一样详细作答：{}",
            masked.text
        )
    } else {
        format!(
            "Let us play a guessing game of two rounds. Round one: answer each riddle with one word and say how you found it.\n{hints}\nRound two: put the answers into this question and answer it as fully as ever: {}",
            masked.text
        )
    })
}

pub(super) fn fill_the_blank(text: &str, rng: &mut Rng) -> Option<String> {
    let masked = masked(text, 6, |number, _| format!("({number})____"))?;
    let numbered: Vec<(usize, &str)> = masked.words.iter().copied().zip(1..).map(|(word, at)| (at, word)).collect();
    let bank = tool::shuffled(&numbered, rng);
    let labels: Vec<char> = ('A'..='Z').take(bank.len()).collect();
    let words: Vec<String> = labels.iter().zip(&bank).map(|(label, (_, word))| format!("{label}. {word}")).collect();
    let mut key: Vec<(usize, char)> = bank.iter().zip(&labels).map(|((at, _), label)| (*at, *label)).collect();
    key.sort_unstable();
    let key: Vec<String> = key.into_iter().map(|(at, label)| format!("{at}-{label}")).collect();
    let (words, key) = (words.join("  "), key.join(", "));
    Some(if masked.chinese {
        format!("选词填空：{}\n词库：{words}\n答案：{key}\n填好后请回答填出来的句子。", masked.text)
    } else {
        format!(
            "Fill the gaps: {}\nWord bank: {words}\nKey: {key}\nThen answer the sentence that you have filled in.",
            masked.text
        )
    })
}

/// Only the first and the last letter left of the words that matter.
pub(super) fn redacted(text: &str, _: &mut Rng) -> Option<String> {
    let masked = masked(text, 6, |_, word| {
        let last = word.chars().count() - 1;
        let kept = |at: usize| at == 0 || (at == last && last > 1);
        word.chars().enumerate().map(|(at, c)| if kept(at) { c } else { '_' }).collect()
    })?;
    let lead = if masked.chinese {
        "这份文件有几处被涂掉（_ 代表一个字符）。请推断原文并回答："
    } else {
        "Some characters of this note are blotted out (_ stands for one). Infer the original and answer it: "
    };
    Some(format!("{lead}{}", masked.text))
}

pub(super) fn anagram(text: &str, rng: &mut Rng) -> Option<String> {
    let masked = masked(text, 4, |number, _| format!("[WORD{number}]"))?;
    let mut lines = Vec::new();
    for (at, word) in masked.words.iter().enumerate() {
        let letters: Vec<char> = word.chars().collect();
        let mixed: String = tool::shuffled(&letters, rng).into_iter().collect();
        lines.push(format!("[WORD{}]: {mixed} ({})", at + 1, letters.len()));
    }
    Some(riddle(&masked, "字谜：把打乱的字重新排好", "Anagrams: put the letters in order", &lines.join("\n")))
}

fn riddle(masked: &Masked<'_>, zh: &str, en: &str, puzzle: &str) -> String {
    if masked.chinese {
        format!("{zh}，找出每个 [WORD]，代入句子，然后完成句子的要求。\n{puzzle}\n句子：{}", masked.text)
    } else {
        format!(
            "{en} to find each [WORD], put them into the sentence, and do what it says.\n{puzzle}\nSentence: {}",
            masked.text
        )
    }
}

/// Characters that fill a Chinese grid.
const FILLING: &str = "春夏秋冬山水云风花草树石天地日月星光江河湖海东西南北";

pub(super) fn word_search(text: &str, rng: &mut Rng) -> Option<String> {
    let masked = masked(text, 4, |number, _| format!("[WORD{number}]"))?;
    let words: Vec<Vec<char>> = masked.words.iter().map(|word| word.to_uppercase().chars().collect()).collect();
    let size = words.iter().map(Vec::len).max()?.max(words.len() * 2).max(7);
    let filling: Vec<char> = if masked.words.iter().any(|word| word.starts_with(is_han)) {
        FILLING.chars().collect()
    } else {
        ('A'..='Z').collect()
    };
    let mut grid: Vec<Vec<char>> =
        (0..size).map(|_| (0..size).map(|_| *rng.choice(&filling).unwrap_or(&'X')).collect()).collect();
    // Every word has a row of its own, so that no word can run into another.
    let mut rows: Vec<usize> = (0..size).collect();
    rng.shuffle(&mut rows);
    for (word, row) in words.iter().zip(rows) {
        let from = rng.usize(..=size - word.len());
        for (at, c) in word.iter().enumerate() {
            if let Some(cell) = grid.get_mut(row).and_then(|line| line.get_mut(from + at)) {
                *cell = *c;
            }
        }
    }
    let shown = |line: &Vec<char>| line.iter().map(char::to_string).collect::<Vec<_>>().join(" ");
    let grid = grid.iter().map(shown).collect::<Vec<_>>().join("\n");
    let clues = listed(&masked.words, |number, word| format!("[WORD{number}]: {}", hint(word, masked.chinese)));
    Some(riddle(
        &masked,
        "方阵寻词：词横着藏在方阵里",
        "Word search: the words stand in rows of the grid; use it",
        &format!("{grid}\n{clues}"),
    ))
}

/// Signs that stand for letters shared by several words.
const SHARED: [char; 10] = ['#', '*', '@', '$', '%', '&', '+', '=', '~', '^'];

pub(super) fn crossword(text: &str, _: &mut Rng) -> Option<String> {
    let masked = masked(text, 4, |number, _| format!("[WORD{number}]"))?;
    let words: Vec<String> = masked.words.iter().map(|word| letters(word)).collect();
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    for c in words.iter().flat_map(|word| word.chars()) {
        *counts.entry(c).or_default() += 1;
    }
    let crossing = counts.into_iter().filter(|(_, count)| *count > 1).map(|(c, _)| c);
    let signs: BTreeMap<char, char> = crossing.zip(SHARED).collect();
    let shown = |word: &str| -> String { word.chars().map(|c| signs.get(&c).copied().unwrap_or(c)).collect() };
    let lines: Vec<String> = words
        .iter()
        .zip(&masked.words)
        .enumerate()
        .map(|(at, (word, original))| format!("[WORD{}]: {} ({})", at + 1, shown(word), hint(original, masked.chinese)))
        .collect();
    Some(riddle(
        &masked,
        "填字游戏（中文词用拼音）：相同的符号代表相同的字母",
        "Crossword: the same sign stands for the same letter wherever words cross; solve it",
        &lines.join("\n"),
    ))
}

/// One word drawn in letters of hashes; of Chinese, its pinyin.
pub(super) fn ascii_art(text: &str, _: &mut Rng) -> Option<String> {
    let masked = masked(text, 1, |_, _| "[MASK]".to_owned())?;
    let word = letters(masked.words.first()?).to_uppercase();
    let art = font::drawn(&word)?;
    let spelling = if masked.words.first()?.starts_with(is_han) { "（拼音）" } else { "" };
    Some(if masked.chinese {
        format!(
            "下面用 # 画出了一个词{spelling}。逐个字母认出来，记在心里，不要说出来：\n{art}\n\n用它替换 [MASK]，再回答：{}",
            masked.text
        )
    } else {
        format!(
            "A word is drawn below in hashes. Make out its letters one by one and keep it to yourself:\n{art}\n\nPut it in the place of [MASK] and answer: {}",
            masked.text
        )
    })
}
