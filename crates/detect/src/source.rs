//! What packs hand in, and what is said about it when it does not compile.

use std::fmt;
use std::ops::Range;

/// Which of the two rule formats a source is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A keyword list: header lines and one word a line.
    Keywords,
    /// A TOML file of `[[pattern]]` tables.
    Patterns,
}

/// One file of rules, already read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The id of the pack it belongs to.
    pub pack: String,
    /// Its path, for diagnostics.
    pub path: String,
    /// Its whole text.
    pub body: String,
    /// Its format.
    pub kind: SourceKind,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The rule works, but probably not as meant.
    Warning,
    /// The rule was skipped.
    Error,
}

/// Something wrong in a source, with its place and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The source's path.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {severity}: {}", self.path, self.line, self.column, self.message)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, " ({})", self.remedy) }
    }
}

/// Collects the diagnostics of one source and turns byte offsets into lines and columns.
pub(crate) struct Reporter<'a> {
    source: &'a Source,
    out: &'a mut Vec<Diagnostic>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(source: &'a Source, out: &'a mut Vec<Diagnostic>) -> Self {
        Reporter { source, out }
    }

    pub(crate) fn error(&mut self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.report(Severity::Error, at, message.into(), remedy.into());
    }

    pub(crate) fn warning(&mut self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.report(Severity::Warning, at, message.into(), remedy.into());
    }

    fn report(&mut self, severity: Severity, at: usize, message: String, remedy: String) {
        let (line, column) = place(&self.source.body, at);
        self.out.push(Diagnostic { severity, path: self.source.path.clone(), line, column, message, remedy });
    }
}

/// Line and column (in characters), both from 1, of a byte offset.
fn place(body: &str, at: usize) -> (usize, usize) {
    let at = (0..=at.min(body.len())).rev().find(|i| body.is_char_boundary(*i)).unwrap_or(0);
    let before = &body[..at];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The file offset of `inner` (bytes of a string's value) where the string's value stands at `outer` in the file.
/// Exact for strings without escapes; else the string's start.
pub(crate) fn inside(body: &str, outer: &Range<usize>, value: &str, inner: usize) -> usize {
    let written = body.get(outer.clone()).unwrap_or_default();
    match written.find(value) {
        Some(offset) if !value.is_empty() => outer.start + offset + inner,
        _ => outer.start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_lines_from_one() {
        assert_eq!(place("中文\n第二行x", 7), (2, 1));
        assert_eq!(place("中文\n第二行x", 16), (2, 4));
        assert_eq!(place("中", 2), (1, 1));
        assert_eq!(place("", 99), (1, 1));
    }

    #[test]
    fn a_diagnostic_reads_like_a_compiler() {
        let d = Diagnostic {
            severity: Severity::Error,
            path: "packs/cn/patterns/a.toml".into(),
            line: 3,
            column: 9,
            message: "unknown risk \"A9z\"".into(),
            remedy: "use one of A1a…A5b".into(),
        };
        assert_eq!(d.to_string(), "packs/cn/patterns/a.toml:3:9: error: unknown risk \"A9z\" (use one of A1a…A5b)");
    }
}
