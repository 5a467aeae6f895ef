//! What an edit changes, line by line.

use std::time::Duration;

use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// Lines of context around what changed.
const CONTEXT: usize = 3;
/// The most lines of one file's difference that are shown.
const MOST_LINES: usize = 2_000;
/// A difference that takes longer is given coarser.
const BUDGET: Duration = Duration::from_millis(500);

/// What changed in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FileDiff {
    /// `pack/path`.
    pub(crate) path: String,
    /// `added`, `removed`, `changed` or `same`.
    pub(crate) kind: &'static str,
    /// Lines that are new.
    pub(crate) added: usize,
    /// Lines that are gone.
    pub(crate) removed: usize,
    /// Stretches of lines.
    pub(crate) hunks: Vec<Vec<Line>>,
    /// Whether there are more lines than are shown.
    pub(crate) cut: bool,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// `+`, `-` or ` `.
    pub(crate) sign: char,
    /// Its number before, from 1.
    pub(crate) old: Option<usize>,
    /// Its number after, from 1.
    pub(crate) new: Option<usize>,
    /// The line without its end.
    pub(crate) text: String,
}

/// The difference of two texts of a file; nothing stands for a file that is not there.
pub(crate) fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> FileDiff {
    let kind = match (before, after) {
        (None, Some(_)) => "added",
        (Some(_), None) => "removed",
        (before, after) if before == after => "same",
        _ => "changed",
    };
    let mut out = FileDiff { path: path.to_owned(), kind, added: 0, removed: 0, hunks: Vec::new(), cut: false };
    let diff = TextDiff::configure().timeout(BUDGET).diff_lines(before.unwrap_or_default(), after.unwrap_or_default());
    let mut shown = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let mut hunk = Vec::new();
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Insert => {
                    out.added += 1;
                    '+'
                }
                ChangeTag::Delete => {
                    out.removed += 1;
                    '-'
                }
            };
            shown += 1;
            if shown > MOST_LINES {
                out.cut = true;
                continue;
            }
            let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
            let number = |index: Option<usize>| index.map(|i| i + 1);
            hunk.push(Line { sign, old: number(change.old_index()), new: number(change.new_index()), text });
        }
        if !hunk.is_empty() {
            out.hunks.push(hunk);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_carry_their_numbers_and_signs() {
        let before = "a\nb\nc\n";
        let d = diff("cn/x.toml", Some(before), Some("a\nB\nc\nd"));
        assert_eq!((d.kind, d.added, d.removed, d.cut), ("changed", 2, 1, false));
        let line = |sign, old, new, text: &str| Line { sign, old, new, text: text.to_owned() };
        assert!(
            d.hunks[0].contains(&line('-', Some(2), None, "b")) && d.hunks[0].contains(&line('+', None, Some(4), "d"))
        );
        assert_eq!(diff("x", Some(before), Some(before)).kind, "same");
        assert_eq!((diff("x", None, Some(before)).kind, diff("x", Some(before), None).removed), ("added", 3));
        let large: String = (0..5_000).map(|i| format!("{i}\n")).collect();
        let d = diff("x", None, Some(&large));
        assert!(d.cut && d.added == 5_000 && d.hunks[0].len() == MOST_LINES);
    }
}
