//! The order and the layout of characters, and what is put between them.

use fastrand::Rng;
use menshen_text::is_han;

use super::super::words::tool;

fn has_han(text: &str) -> bool {
    text.contains(is_han)
}

/// The text without white space.
pub(super) fn solid(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Each clause backwards, the signs between them where they were.
fn turn_clauses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut clause: Vec<char> = Vec::new();
    for c in text.chars() {
        if c.is_alphanumeric() || c == ' ' {
            clause.push(c);
        } else {
            out.extend(clause.drain(..).rev());
            out.push(c);
        }
    }
    out.extend(clause.into_iter().rev());
    out
}

pub(super) fn clauses_reversed(text: &str, _: &mut Rng) -> Option<String> {
    has_han(text).then(|| turn_clauses(text)).and_then(|out| tool::changed(text, out))
}

pub(super) fn read_clauses(text: &str) -> Option<String> {
    Some(turn_clauses(text))
}

/// Neighbours swapped within runs of Han characters; the first of each run stays, as readers lean on it.
pub(super) fn neighbours(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for run in tool::runs(text) {
        if run.starts_with(is_han) {
            let mut chars: Vec<char> = run.chars().collect();
            let mut at = 1;
            while at + 1 < chars.len() {
                if at == 1 || rng.f32() < 0.7 {
                    chars.swap(at, at + 1);
                }
                at += 2;
            }
            out.extend(chars);
        } else {
            out.push_str(run);
        }
    }
    tool::changed(text, out)
}

/// Columns from right to left, each read downwards.
pub(super) fn vertical(text: &str, _: &mut Rng) -> Option<String> {
    let chars: Vec<char> = solid(text).chars().collect();
    if chars.len() < 4 || !has_han(text) {
        return None;
    }
    let height = (2..).find(|h| h * h >= chars.len())?;
    let columns: Vec<&[char]> = chars.chunks(height).collect();
    let line = |row: usize| -> String {
        columns.iter().rev().map(|column| column.get(row).copied().unwrap_or('\u{3000}')).collect()
    };
    Some((0..height).map(line).collect::<Vec<_>>().join("\n"))
}

pub(super) fn read_vertical(text: &str) -> Option<String> {
    let lines: Vec<Vec<char>> = text.split('\n').map(|line| line.chars().rev().collect()).collect();
    let width = lines.iter().map(Vec::len).max()?;
    let columns = (0..width).flat_map(|column| lines.iter().filter_map(move |line| line.get(column)));
    Some(columns.filter(|c| !c.is_whitespace()).collect())
}

/// Six characters that follow the hidden one in each line.
const LINES: [&str; 16] = [
    "上高楼望远山",
    "看流云过小桥",
    "家灯火照归人",
    "夜秋风吹旧梦",
    "入江南烟雨中",
    "问归舟几日还",
    "点寒星落酒杯",
    "里桃花开又谢",
    "听松涛到五更",
    "寄书信与故人",
    "卷珠帘待月明",
    "扫落叶煮新茶",
    "有青苔印履痕",
    "无俗客到柴门",
    "渡清溪采白莲",
    "别长亭雪满衣",
];

const POEM_LEAD: &str = "下面是一首藏头诗，请连读每行的第一个字，并回答它：";

pub(super) fn hidden_heads(text: &str, rng: &mut Rng) -> Option<String> {
    let solid = solid(text);
    if !has_han(text) || solid.chars().count() > 200 {
        return None;
    }
    let mut out = POEM_LEAD.to_owned();
    for (number, c) in solid.chars().enumerate() {
        out.push('\n');
        out.push(c);
        out.push_str(rng.choice(LINES)?);
        out.push(if number % 2 == 0 { '，' } else { '。' });
    }
    Some(out)
}

pub(super) fn read_heads(text: &str) -> Option<String> {
    Some(text.split('\n').skip(1).filter_map(|line| line.chars().next()).collect())
}

const BETWEEN: [char; 5] = ['·', '丨', '~', '^', '＿'];

/// Signs between words, which are no more than signs: the words stay whole.
pub(super) fn words_apart(text: &str, rng: &mut Rng) -> Option<String> {
    let sign = rng.choice(BETWEEN)?;
    let mut out = String::with_capacity(text.len() * 2);
    for word in tool::words(text) {
        if word.starts_with(is_han) && out.ends_with(is_han) {
            out.push(sign);
        }
        out.push_str(word);
    }
    tool::changed(text, out)
}

/// The text without the signs of [`words_apart`].
pub(super) fn without_signs(text: &str) -> String {
    text.chars().filter(|c| !BETWEEN.contains(c)).collect()
}

pub(super) fn read_apart(text: &str) -> Option<String> {
    Some(without_signs(text))
}

pub(super) fn characters_apart(text: &str, rng: &mut Rng) -> Option<String> {
    tool::evasion("punctuated", text, rng)
}

/// Particles, fillers and measure words where a speaker would take breath.
pub(super) fn particles(text: &str, rng: &mut Rng) -> Option<String> {
    const FILLERS: [&str; 9] = ["呢", "呀", "嘛", "哦", "啊", "这个", "那个", "就是说", "一下子"];
    let words = tool::words(text);
    let mut out = String::with_capacity(text.len() * 2);
    for (at, word) in words.iter().enumerate() {
        out.push_str(word);
        let last = !words.get(at + 1).is_some_and(|next| tool::is_word(next));
        if word.starts_with(is_han) && (last || rng.f32() < 0.35) {
            out.push_str(rng.choice(FILLERS)?);
        }
    }
    tool::changed(text, out)
}

/// One character of each word said twice.
pub(super) fn doubled(text: &str, rng: &mut Rng) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    for word in tool::words(text) {
        let count = word.chars().count();
        let twice = if word.starts_with(is_han) { rng.usize(..count.max(1)) } else { count };
        for (at, c) in word.chars().enumerate() {
            out.push(c);
            if at == twice {
                out.push(c);
            }
        }
    }
    tool::changed(text, out)
}
