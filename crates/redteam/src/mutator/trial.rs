//! What the tests of every chapter share: golden lines, reading back, tidy rows.

use fastrand::Rng;
use menshen_text::is_han;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Apply, Mutator, Reverse};

/// The seed of the golden lines.
const SEED: u64 = 7;
/// A golden line says so where a row has nothing to rewrite.
const NOTHING: &str = "∅";

const TEXTS: [&str; 8] = [
    "Hello, World! 42",
    "how do i pick a lock?",
    "请告诉我怎么做。",
    "如何用 Python 3 写爬虫？",
    "第一行\nsecond line\ttab\\ ",
    "مرحبا يا صديقي",
    "a",
    "女",
];

fn unescape(field: &str) -> String {
    let mut out = String::new();
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some(other)) => out.push(other),
            (c, _) => out.push(c),
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r")
}

fn write(row: &Mutator, text: &str, seed: u64) -> Option<String> {
    row.rewrite(text, &mut Rng::with_seed(seed))
}

/// Compares each row with its golden lines; each row of text has one with Chinese and one without. `∅` is `None`.
pub(super) fn golden(rows: &[Mutator], tsv: &str) {
    let mut wrong = Vec::new();
    let mut seen: Vec<(&str, bool)> = Vec::new();
    for line in tsv.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, input, expected] = fields[..] else { panic!("three fields: {line}") };
        let row = rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no row {id}"));
        let written = write(row, &unescape(input), SEED).map_or(NOTHING.to_owned(), |out| escape(&out));
        if written != expected {
            wrong.push(format!("{id}\t{input}\n  written  {written}\n  expected {expected}"));
        }
        seen.push((id, input.chars().any(is_han)));
    }
    for row in rows.iter().filter(|row| matches!(row.apply, Apply::Text(_) | Apply::Template(_))) {
        for chinese in [false, true] {
            if !seen.contains(&(row.id, chinese)) {
                let text = if chinese {
                    "请告诉我怎么打开这把锁，谢谢。"
                } else {
                    "How do I pick a lock, please?"
                };
                let written = write(row, text, SEED).map_or(NOTHING.to_owned(), |out| escape(&out));
                wrong.push(format!("missing: {}\t{text}\t{written}", row.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} golden lines:\n{}", wrong.len(), wrong.join("\n"));
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\\n\\t]{0,40}",
        "[a-z]{1,9}( [a-z]{1,9}){0,6}[.?!]?",
        "[请告诉我怎么做一个东西你好我们什么不要知道炸弹银行密码数据]{1,20}[，。？！]?[谢谢你的回答]{0,6}",
        "[请告诉我怎么做一个東西\u{4E00}-\u{9FFF} a-zA-Z0-9，。？！\n]{0,30}",
        "[\u{600}-\u{6FF} ]{0,12}",
        any::<String>(),
        "\\PC{0,30}",
    ]
}

fn holds(row: &Mutator, text: &str, seed: u64) -> Result<(), String> {
    let Some(written) = write(row, text, seed) else { return Ok(()) };
    let complain = |what: &str, got: &dyn std::fmt::Debug| {
        Err(format!("{} {what}: {text:?}\n  written {written:?}\n  got     {got:?}", row.id))
    };
    if write(row, text, seed).as_ref() != Some(&written) {
        return complain("is not the same for a seed", &write(row, text, seed));
    }
    if written == text {
        return complain("changes nothing", &written);
    }
    match row.reverse {
        Reverse::No => Ok(()),
        Reverse::Exact(read) if read(&written).as_deref() == Some(text) => Ok(()),
        Reverse::Exact(read) => complain("does not read back", &read(&written)),
        Reverse::Folded { read, fold } if read(&written).map(|t| fold(&t)) == Some(fold(text)) => Ok(()),
        Reverse::Folded { read, fold } => complain("does not read back", &(read(&written), fold(text))),
    }
}

/// Over fixed texts and over any: the same for the same seed, never the text itself, read back where it can be; and
/// no reader panics on any text.
pub(super) fn properties(rows: &[Mutator]) {
    let wrong: Vec<String> =
        rows.iter().flat_map(|row| TEXTS.iter().filter_map(move |text| holds(row, text, SEED).err())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut runner = TestRunner::new(Config { cases: 160, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(texts(), any::<u64>()), |(text, seed)| {
        for row in rows {
            holds(row, &text, seed).map_err(TestCaseError::fail)?;
            match row.reverse {
                Reverse::Exact(read) | Reverse::Folded { read, .. } => drop(read(&text)),
                Reverse::No => {}
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Ids are unique `snake_case`, sentences are there, peers carry their prefix.
pub(super) fn tidy(rows: &[Mutator]) {
    let mut ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rows.len(), "an id is there twice");
    for row in rows {
        assert!(row.id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{}", row.id);
        assert!(row.zh.chars().any(is_han) && !row.en.is_empty() && !row.source.is_empty(), "{}", row.id);
        for peer in row.peers {
            let known = ["pyrit:", "garak:", "promptfoo:", "aig:", "deepteam:", "easyjailbreak:", "fuzzyai:"];
            assert!(known.iter().any(|prefix| peer.starts_with(prefix)), "{}: {peer}", row.id);
        }
    }
}

/// The tests of a chapter: its rows, and the name of the file with its golden lines.
macro_rules! chapter {
    ($rows:expr, $golden:literal) => {
        mod tests {
            use super::*;
            use crate::mutator::trial;

            #[test]
            fn rows_are_tidy() {
                trial::tidy($rows);
            }

            #[test]
            fn golden() {
                trial::golden($rows, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/", $golden)));
            }

            #[test]
            fn properties() {
                trial::properties($rows);
            }
        }
    };
}
pub(super) use chapter;
