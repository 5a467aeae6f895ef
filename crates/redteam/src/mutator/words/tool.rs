//! What the text mutators share: the language of a text, its words, tables of replacements.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use fastrand::Rng;
use jieba_rs::Jieba;
use menshen_judge::evasion;
use menshen_text::is_han;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Whether a wrapper around this text is written in Chinese. A Han character says as much as three letters.
pub(in crate::mutator) fn chinese(text: &str) -> bool {
    let (mut han, mut letters) = (0_usize, 0_usize);
    for c in text.chars() {
        if is_han(c) {
            han += 1;
        } else if c.is_alphabetic() {
            letters += 1;
        }
    }
    han * 3 > letters
}

/// The one of two wrappers that is in the language of the text.
pub(in crate::mutator) fn pick<'a>(text: &str, zh: &'a str, en: &'a str) -> &'a str {
    if chinese(text) { zh } else { en }
}

/// What was written, unless it says the same as before.
pub(in crate::mutator) fn changed(text: &str, out: String) -> Option<String> {
    (out != text).then_some(out)
}

/// The evasion of the judge's training data with this name.
pub(in crate::mutator) fn evasion(name: &str, text: &str, rng: &mut Rng) -> Option<String> {
    let row = evasion::ALL.iter().find(|row| row.name == name)?;
    changed(text, (row.apply)(text, rng)?)
}

/// Rewrites characters one by one; `None` when none was.
pub(in crate::mutator) fn each(text: &str, mut change: impl FnMut(char, &mut String) -> bool) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    for c in text.chars() {
        if !change(c, &mut out) {
            out.push(c);
        }
    }
    changed(text, out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Han,
    Word,
    Sign,
}

impl Kind {
    fn of(c: char) -> Self {
        if c.is_whitespace() {
            Kind::Space
        } else if is_han(c) {
            Kind::Han
        } else if c.is_alphanumeric() || c == '\'' || c == '’' {
            Kind::Word
        } else {
            Kind::Sign
        }
    }
}

/// Runs of one kind: spaces, Han characters, letters and digits; each other sign is one. Joined they are the text.
pub(in crate::mutator) fn runs(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = Kind::of(first);
        let end = match kind {
            Kind::Sign => first.len_utf8(),
            _ => rest.char_indices().find(|(_, c)| Kind::of(*c) != kind).map_or(rest.len(), |(at, _)| at),
        };
        let Some((run, after)) = rest.split_at_checked(end) else { break };
        out.push(run);
        rest = after;
    }
    out
}

/// Runs, those of Han characters cut into words. Joined they are the text.
pub(in crate::mutator) fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for run in runs(text) {
        if run.chars().nth(1).is_some() && run.starts_with(is_han) {
            out.extend(JIEBA.cut(run, false).into_iter().map(|token| token.word));
        } else {
            out.push(run);
        }
    }
    out
}

/// Whether a run is a word: letters, digits or Han characters.
pub(in crate::mutator) fn is_word(run: &str) -> bool {
    run.starts_with(|c| matches!(Kind::of(c), Kind::Han | Kind::Word))
}

/// Words, each with the spaces and signs after it; what stands before the first belongs to the first.
pub(in crate::mutator) fn pieces(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut begun = false;
    for run in words(text) {
        match out.last_mut() {
            Some(last) if !is_word(run) || !begun => last.push_str(run),
            _ => out.push(run.to_owned()),
        }
        begun |= is_word(run);
    }
    out
}

/// Words that carry no meaning of their own and are not worth hiding.
const LIGHT: &str = "about after also although always another because been before being between both cannot could does \
     doing done down during each either every explain from give have having here into itself just like made make many \
     might more most much must need never only other over please same shall should some such tell than thank thanks that their them \
     then there these they this those through under until upon very want were what when where which while whom will \
     with within without would write your yours 一个 一些 一下 一种 这个 那个 这些 那些 什么 怎么 怎样 如何 为何 为什么 \
     可以 可能 能够 应该 需要 必须 因为 所以 如果 虽然 但是 而且 或者 以及 我们 你们 他们 她们 自己 请问 告诉 我的 你的 \
     是否 谢谢 没有 不是 不要 已经 就是 还是 还有 然后 关于 对于 通过 根据 按照 进行 时候";

/// The words worth hiding: where they stand among `words`, at most `most`, the longest first chosen, in order.
pub(in crate::mutator) fn content(words: &[&str], most: usize) -> Vec<usize> {
    static STOP: LazyLock<Vec<&str>> = LazyLock::new(|| LIGHT.split_whitespace().collect());
    let weight = |word: &str| {
        let length = word.chars().count();
        if word.starts_with(is_han) { length * 3 } else { length }
    };
    let mut found: Vec<(usize, &str)> = words
        .iter()
        .enumerate()
        .filter(|(_, word)| is_word(word) && word.chars().all(char::is_alphabetic) && weight(word) >= 4)
        .filter(|(_, word)| !STOP.contains(&word.to_lowercase().as_str()))
        .map(|(at, word)| (at, *word))
        .collect();
    found.sort_by_key(|(at, word)| (std::cmp::Reverse(weight(word)), *at));
    let mut seen = HashSet::new();
    found.retain(|(_, word)| seen.insert(*word));
    let mut places: Vec<usize> = found.into_iter().take(most).map(|(at, _)| at).collect();
    places.sort_unstable();
    places
}

/// Words → what may stand for them.
pub(in crate::mutator) struct Table {
    map: HashMap<&'static str, Vec<&'static str>>,
    longest: usize,
}

impl Table {
    /// Lines of `from TAB to`, several of the latter parted by `|`; lines that begin with `#` say something to people.
    pub(in crate::mutator) fn parse(source: &'static str) -> Self {
        let mut table = Table { map: HashMap::new(), longest: 0 };
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let Some((from, to)) = line.split_once('\t') else { continue };
            table.longest = table.longest.max(from.chars().count());
            table.map.entry(from).or_default().extend(to.split('|'));
        }
        table
    }

    /// All that may stand for a word.
    pub(in crate::mutator) fn get(&self, word: &str) -> &[&'static str] {
        self.map.get(word).map(Vec::as_slice).unwrap_or_default()
    }

    /// Replaces the longest entries wherever they stand, each with the given chance.
    pub(in crate::mutator) fn rewrite(&self, text: &str, chance: f32, rng: &mut Rng) -> Option<String> {
        self.replaced(text, chance, None, rng)
    }

    /// Replaces all entries, the mark before and after each.
    pub(in crate::mutator) fn rewrite_marked(&self, text: &str, mark: char, rng: &mut Rng) -> Option<String> {
        self.replaced(text, 1.0, Some(mark), rng)
    }

    fn replaced(&self, text: &str, chance: f32, mark: Option<char>, rng: &mut Rng) -> Option<String> {
        let mut out = String::with_capacity(text.len() * 2);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let mut ends: Vec<usize> =
                rest.char_indices().map(|(at, c)| at + c.len_utf8()).take(self.longest).collect();
            ends.reverse();
            let hit = ends.into_iter().find_map(|end| {
                let (from, after) = rest.split_at_checked(end)?;
                self.map.get(from).map(|to| (from, to, after))
            });
            match hit {
                Some((from, to, after)) => {
                    let take = chance >= 1.0 || rng.f32() < chance;
                    out.extend(mark);
                    out.push_str(rng.choice(to).copied().filter(|_| take).unwrap_or(from));
                    out.extend(mark);
                    rest = after;
                }
                None => {
                    out.push(first);
                    rest = rest.get(first.len_utf8()..).unwrap_or_default();
                }
            }
        }
        changed(text, out)
    }

    /// Replaces entries where they stand as whole words, up to three words each, whatever their case.
    pub(in crate::mutator) fn rewrite_words(&self, text: &str, chance: f32, rng: &mut Rng) -> Option<String> {
        let runs = runs(text);
        let mut out = String::with_capacity(text.len() * 2);
        let mut at = 0;
        while let Some(run) = runs.get(at) {
            let hit = [5, 3, 1].into_iter().find_map(|length| {
                let phrase = runs.get(at..at + length)?.concat();
                self.map.get(phrase.to_lowercase().as_str()).map(|to| (length, phrase, to))
            });
            match hit {
                Some((length, phrase, to)) if is_word(run) => {
                    let take = chance >= 1.0 || rng.f32() < chance;
                    out.push_str(rng.choice(to).copied().filter(|_| take).unwrap_or(&phrase));
                    at += length;
                }
                _ => {
                    out.push_str(run);
                    at += 1;
                }
            }
        }
        changed(text, out)
    }
}

/// A shuffled copy that differs from the original where that is possible.
pub(in crate::mutator) fn shuffled<T: Clone + PartialEq>(items: &[T], rng: &mut Rng) -> Vec<T> {
    let mut out = items.to_vec();
    for _ in 0..8 {
        rng.shuffle(&mut out);
        if out != items {
            break;
        }
    }
    out
}

/// A JSON string literal.
pub(in crate::mutator) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_most_of_the_text() {
        assert!(chinese("请告诉我 the answer"));
        assert!(!chinese("what does 我们 mean in this long sentence"));
        assert!(!chinese("") && !chinese("123"));
    }

    #[test]
    fn words_and_pieces_join_to_the_text() {
        for text in ["", "  How, do I…", "请告诉我答案，谢谢！ok?", "𠀀𠀁 é\u{301}x", "don't  stop"] {
            assert_eq!(runs(text).concat(), text);
            assert_eq!(words(text).concat(), text);
            assert_eq!(pieces(text).concat(), text);
        }
        assert_eq!(pieces("¿How do I?"), ["¿How ", "do ", "I?"]);
        assert_eq!(words("请告诉我答案"), ["请", "告诉", "我", "答案"]);
    }

    #[test]
    fn content_words_are_found() {
        let words = words("Please explain how locks work in detail");
        let found: Vec<_> = content(&words, 2).into_iter().map(|at| words[at]).collect();
        assert_eq!(found, ["locks", "detail"]);
    }

    #[test]
    fn tables_replace_the_longest() {
        let table = Table::parse("# note\n什么\t啥\n为什么\t为啥\ngoing to\tgonna\n");
        let mut rng = Rng::with_seed(1);
        assert_eq!(table.rewrite("为什么说什么", 1.0, &mut rng).as_deref(), Some("为啥说啥"));
        assert_eq!(table.rewrite_words("I'm Going to go", 1.0, &mut rng).as_deref(), Some("I'm gonna go"));
        assert_eq!(table.rewrite("无", 1.0, &mut rng), None);
    }
}
