//! What is wrong with a pack, where exactly, and what to do about it.

use std::fmt;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Suspicious, but the item is loaded.
    Warning,
    /// The policy that was loaded is not the policy that was written: an item was left out or names what is not there.
    Error,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn id(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One complaint: `path:line:column: error: message (remedy)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as its origin names it.
    pub path: String,
    /// Line, from 1; 0 when the complaint is about the file or folder as a whole.
    pub line: usize,
    /// Column in characters, from 1; 0 beside line 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

impl Diagnostic {
    /// An error about a file or folder as a whole.
    pub(crate) fn of_file(path: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            path: path.into(),
            line: 0,
            column: 0,
            message: message.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether this is an [`Severity::Error`].
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}: {}", self.severity.id(), self.message)?;
        if !self.remedy.is_empty() {
            write!(f, " ({})", self.remedy)?;
        }
        Ok(())
    }
}

/// Where lines start, so that a place is found without reading the text again.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Lines(std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect())
    }

    /// Line and column, both from 1, of a byte offset in the same text. The column counts characters.
    pub(crate) fn place(&self, text: &str, at: usize) -> (usize, usize) {
        let at = text.floor_char_boundary(at);
        let line = self.0.partition_point(|start| *start <= at).max(1);
        let start = self.0.get(line - 1).copied().unwrap_or(0);
        (line, text.get(start..at).map_or(0, |t| t.chars().count()) + 1)
    }
}

/// The candidate nearest to what was written, when it is near enough to be what was meant.
pub(crate) fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = if given.chars().count() < 4 { 1 } else { 2 };
    candidates.into_iter().map(|c| (distance(given, c), c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_compiler() {
        let mut d = Diagnostic::of_file("packs/cn/rules/a.toml", "unknown key `wehn`", "did you mean `when`?");
        assert_eq!(d.to_string(), "packs/cn/rules/a.toml: error: unknown key `wehn` (did you mean `when`?)");
        (d.line, d.column) = (3, 1);
        assert_eq!(d.to_string(), "packs/cn/rules/a.toml:3:1: error: unknown key `wehn` (did you mean `when`?)");
    }

    #[test]
    fn columns_count_characters() {
        let text = "a\n规则 = 1\n";
        let place = |at| Lines::of(text).place(text, at);
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(2), (2, 1));
        assert_eq!(place(8), (2, 3));
        assert_eq!(place(9_999), (3, 1));
        assert_eq!(place(3), (2, 1), "inside a character counts as its start");
        assert_eq!(Lines::of("").place("", 7), (1, 1));
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(nearest("wehn", ["when", "then"]), Some("when"));
        assert_eq!(nearest("zzz", ["when", "then"]), None);
    }
}
