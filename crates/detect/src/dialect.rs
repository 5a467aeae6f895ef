//! The regex dialect of packs: Rust's `regex` syntax in which `\b \w \d \s` mean ASCII.
//!
//! Han characters are word characters to Unicode, so a Unicode `\b` never stands between `手机` and `138…`, and any
//! Unicode word boundary makes the lazy DFA give up on the first Chinese byte. Classes that a pack writes out
//! (`\p{Han}`, `[一-龥]`, `.`) keep their Unicode meaning.

use std::ops::Range;

use regex_syntax::ast::{self, AssertionKind, Ast, ClassPerlKind, ClassSetItem, parse::Parser};
use regex_syntax::hir::Hir;

/// A regex that does not compile: where in the pattern, and why.
pub(crate) struct BadRegex {
    /// Byte offset in the pattern as written.
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// A regex of a pack, read in our dialect.
pub(crate) struct Dialect {
    /// The pattern with its shorthands written out in ASCII.
    pub(crate) pattern: String,
    pub(crate) hir: Hir,
}

/// Reads `pattern`.
pub(crate) fn read(pattern: &str) -> Result<Dialect, BadRegex> {
    let tree = Parser::new()
        .parse(pattern)
        .map_err(|e| BadRegex { at: e.span().start.offset, message: e.kind().to_string() })?;
    let edits = ast::visit(&tree, Shorthands::default()).unwrap_or_default();
    let mut rewritten = String::with_capacity(pattern.len() + 16 * edits.len());
    let mut from = 0;
    for (range, replacement) in edits {
        rewritten.push_str(pattern.get(from..range.start).unwrap_or_default());
        rewritten.push_str(replacement);
        from = range.end;
    }
    rewritten.push_str(pattern.get(from..).unwrap_or_default());
    // The rewriting changes no construct that could fail on its own, so the offset is the original's start.
    let hir = regex_syntax::Parser::new()
        .parse(&rewritten)
        .map_err(|e| BadRegex { at: 0, message: last_line(&e.to_string()).to_owned() })?;
    if hir.properties().minimum_len() == Some(0) {
        return Err(BadRegex { at: 0, message: "the pattern matches the empty text".to_owned() });
    }
    Ok(Dialect { pattern: rewritten, hir })
}

/// regex-syntax draws the pattern above its message; only the message fits a diagnostic.
pub(crate) fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or_default().trim_start_matches("error:").trim()
}

/// Collects what to write instead of each Unicode shorthand, in the order of the pattern.
#[derive(Default)]
struct Shorthands {
    edits: Vec<(Range<usize>, &'static str)>,
}

impl Shorthands {
    fn perl(&mut self, class: &ast::ClassPerl) {
        let ascii = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[\t\n\x0B\x0C\r\x20]",
            (ClassPerlKind::Space, true) => r"[^\t\n\x0B\x0C\r\x20]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.edits.push((class.span.start.offset..class.span.end.offset, ascii));
    }
}

impl ast::Visitor for Shorthands {
    type Output = Vec<(Range<usize>, &'static str)>;
    type Err = std::convert::Infallible;

    fn finish(mut self) -> Result<Self::Output, Self::Err> {
        self.edits.sort_by_key(|(range, _)| range.start);
        Ok(self.edits)
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Self::Err> {
        match tree {
            Ast::ClassPerl(class) => self.perl(class),
            Ast::Assertion(assertion) => {
                let ascii = match assertion.kind {
                    AssertionKind::WordBoundary => r"(?-u:\b)",
                    AssertionKind::WordBoundaryStart | AssertionKind::WordBoundaryStartAngle => r"(?-u:\b{start})",
                    AssertionKind::WordBoundaryEnd | AssertionKind::WordBoundaryEndAngle => r"(?-u:\b{end})",
                    _ => return Ok(()),
                };
                self.edits.push((assertion.span.start.offset..assertion.span.end.offset, ascii));
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        if let ClassSetItem::Perl(class) = item {
            self.perl(class);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthands_are_ascii_wherever_they_stand() {
        let rewritten = read(r"\b\d{3}[\w\-]+[^\s]\S(?-u:\b)").ok().unwrap().pattern;
        assert_eq!(
            rewritten,
            r"(?-u:\b)[0-9]{3}[[0-9A-Za-z_]\-]+[^[\t\n\x0B\x0C\r\x20]][^\t\n\x0B\x0C\r\x20](?-u:(?-u:\b))"
        );
        let regex = regex::Regex::new(&read(r"\b\d{11}\b").ok().unwrap().pattern).unwrap();
        assert!(regex.is_match("手机13800138000请"));
    }

    #[test]
    fn what_is_wrong_is_placed_in_the_pattern_as_written() {
        let bad = read(r"\d\d(?=x)").err().unwrap();
        assert_eq!(bad.at, 4);
        assert_eq!(read("a*").err().unwrap().message, "the pattern matches the empty text");
        assert_eq!(read(r"a\p{Klingon}").err().unwrap().message, "Unicode property not found");
    }
}
