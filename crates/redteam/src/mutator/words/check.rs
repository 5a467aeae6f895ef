//! The checks that every file of mutators runs over its rows.

use fastrand::Rng;
use menshen_text::is_han;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::mutator::{Apply, Mutator, Reverse};

/// The seed of the golden vectors.
const SEED: u64 = 7;

fn unescape(field: &str) -> String {
    let mut out = String::new();
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(other)) => out.push(other),
            (c, _) => out.push(c),
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t")
}

pub(in crate::mutator) fn write(row: &Mutator, text: &str, seed: u64) -> Option<String> {
    match row.apply {
        Apply::Text(apply) => apply(text, &mut Rng::with_seed(seed)),
        Apply::Template(template) => template.fill(text),
        Apply::Carrier(_) | Apply::Model(_) => None,
    }
}

/// Compares each row with its golden lines; each row of text has one in ASCII and one with Chinese. `∅` is `None`.
pub(in crate::mutator) fn golden(rows: &[Mutator], tsv: &str) {
    let mut wrong = Vec::new();
    let mut seen: Vec<(&str, bool)> = Vec::new();
    for line in tsv.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [id, input, expected] = fields[..] else { panic!("three fields: {line}") };
        let row = rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no row {id}"));
        let written = write(row, &unescape(input), SEED).map_or("∅".to_owned(), |out| escape(&out));
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
                let written = write(row, text, SEED).map_or("∅".to_owned(), |out| escape(&out));
                wrong.push(format!("missing: {}\t{text}\t{written}", row.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{} golden lines:\n{}", wrong.len(), wrong.join("\n"));
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,40}",
        "[a-z]{1,9}( [a-z]{1,9}){0,6}[.?!]?",
        "[请告诉我怎么做一个东西你好我们什么不要知道炸弹银行密码数据]{1,20}[，。？！]?[谢谢你的回答]{0,6}",
        "[请告诉我怎么做一个東西\u{4E00}-\u{9FFF} a-zA-Z0-9，。\n]{0,24}",
        ".{0,30}",
        "\\PC{0,30}",
    ]
}

/// Any text: no panic, the same for the same seed, never the text itself, and read back where it can be.
pub(in crate::mutator) fn properties(rows: &[Mutator]) {
    let mut runner = TestRunner::new(Config { cases: 160, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(texts(), any::<u64>()), |(text, seed)| {
        for row in rows {
            let written = write(row, &text, seed);
            prop_assert_eq!(&written, &write(row, &text, seed), "{} is not deterministic", row.id);
            let Some(written) = written else { continue };
            prop_assert_ne!(&written, &text, "{} changed nothing", row.id);
            match row.reverse {
                Reverse::No => {}
                Reverse::Exact(read) => prop_assert_eq!(read(&written), Some(text.clone()), "{}: {}", row.id, written),
                Reverse::Folded { read, fold } => {
                    let read = read(&written).map(|back| fold(&back));
                    prop_assert_eq!(read, Some(fold(&text)), "{}: {}", row.id, written);
                }
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Ids are unique `snake_case`, sentences are there, peers carry their prefix.
pub(in crate::mutator) fn tidy(rows: &[Mutator]) {
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
