//! What the tests of every chapter of pure writings share.

use fastrand::Rng;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::mutator::{Apply, Mutator, Reverse};

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

/// The golden file's escapes, undone.
fn plain(cell: &str) -> String {
    let mut out = String::new();
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => out.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                other => other.expect("something after a backslash"),
            }),
            _ => out.push(c),
        }
    }
    out
}

/// Writes with a row that rewrites text.
pub(in crate::mutator) fn write(row: &Mutator, text: &str, seed: u64) -> Option<String> {
    match row.apply {
        Apply::Text(apply) => apply(text, &mut Rng::with_seed(seed)),
        _ => None,
    }
}

/// Every row writes what the golden file says, and the file has at least two lines for each.
pub(in crate::mutator) fn golden(rows: &[Mutator], file: &str) {
    let mut wrong = Vec::new();
    for row in rows {
        let lines = file.lines().filter(|line| line.split('\t').next() == Some(row.id)).count();
        if lines < 2 {
            wrong.push(format!("{}: {lines} lines", row.id));
        }
    }
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, input, output] = cells.as_slice() else { panic!("three cells: {line}") };
        let row = rows.iter().find(|row| row.id == *id).unwrap_or_else(|| panic!("no row {id}"));
        let (input, output) = (plain(input), plain(output));
        let written = write(row, &input, 7);
        if written.as_deref() != Some(output.as_str()) {
            wrong.push(format!("{id}: {input:?}\n  golden {output:?}\n  ours   {written:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn reads_back(row: &Mutator, text: &str, seed: u64) -> Result<(), String> {
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

/// Every row with a reverse reads back what it wrote, over fixed texts and over any; and no reader panics on any text.
pub(in crate::mutator) fn round_trips(rows: &[Mutator]) {
    let wrong: Vec<String> =
        rows.iter().flat_map(|row| TEXTS.iter().filter_map(move |text| reads_back(row, text, 7).err())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let texts = prop_oneof![
        3 => "[ -~\\n\\t]{0,40}",
        3 => "[\u{4E00}-\u{9FA5}，。？！a-z0-9 ]{0,30}",
        1 => any::<String>(),
        1 => "[\u{600}-\u{6FF} ]{0,12}",
    ];
    let mut runner = TestRunner::new(Config { failure_persistence: None, cases: 128, ..Config::default() });
    let outcome = runner.run(&(texts, any::<u64>()), |(text, seed)| {
        for row in rows {
            reads_back(row, &text, seed).map_err(TestCaseError::fail)?;
            match row.reverse {
                Reverse::Exact(read) | Reverse::Folded { read, .. } => drop(read(&text)),
                Reverse::No => {}
            }
        }
        Ok(())
    });
    assert!(outcome.is_ok(), "{outcome:?}");
}
