//! Text that others wrote, made safe to stand in HTML, XML, Markdown and SARIF messages.

use std::fmt::Write as _;

pub(super) use menshen_judge::report::escape::{html, width};
use menshen_judge::report::escape::{is_hidden, spell_out};

/// Escaped for XML 1.0, in text and in quoted attributes: what the standard does not allow is spelt out.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => {}
            c if is_hidden(c) || matches!(u32::from(c), 0xFFFE | 0xFFFF) => spell_out(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// Escaped for a line or a table cell of Markdown: one line, no markup and no HTML of its own.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '~' | '!' | '$' => out.extend(['\\', c]),
            '\u{2028}' | '\u{2029}' => spell_out(&mut out, c),
            // What follows a colon makes links of bare addresses in some renderers.
            ':' => out.push_str("&#58;"),
            c if c.is_whitespace() => out.push(' '),
            c if is_hidden(c) => spell_out(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// A text for a SARIF message: braces and square brackets mean something there (sections 3.11.5 and 3.11.6).
pub(super) fn sarif(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '{' => out.push_str("{{"),
            '}' => out.push_str("}}"),
            '[' | ']' | '\\' => out.extend(['\\', c]),
            '\n' | '\t' => out.push(c),
            c if is_hidden(c) => spell_out(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// For a terminal: one line, and no control sequence of its own.
pub(super) fn terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => out.push(' '),
            c if is_hidden(c) => spell_out(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a text, with how much is left out.
pub(super) fn clip(text: &str, most: usize) -> String {
    let long = text.chars().count();
    if long <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most).collect();
    let _ = write!(out, "… (+{})", long - most);
    out
}

/// A text with spaces after it up to so many columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOSTILE: &str =
        "</script><script>alert(1)</script>]]>&\"'\u{2028}\u{202e}\u{0}\u{200b}|`[x](javascript:1){0}";

    #[test]
    fn nothing_hostile_stays_what_it_was() {
        let html = html(HOSTILE);
        assert!(!html.contains('<') && !html.contains('\u{2028}') && !html.contains('\u{202e}'), "{html}");
        let xml = xml(HOSTILE);
        assert!(!xml.contains("]]>") && !xml.contains('<') && !xml.contains('\0'), "{xml}");
        let md = markdown(HOSTILE);
        assert!(!md.contains("<script") && !md.contains("](") && !md.contains("javascript:"), "{md}");
        let sarif = sarif(HOSTILE);
        assert!(sarif.contains("{{0}}") && sarif.contains("\\[x\\]"), "{sarif}");
        assert!(!terminal("\u{1b}[31mred\n").contains('\u{1b}'));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        assert_eq!(clip("一二三四", 2), "一二… (+2)");
        assert_eq!(padded("风险", 6), "风险  ");
    }

    proptest! {
        #[test]
        fn no_text_opens_a_tag_or_closes_an_attribute(text in "\\PC*") {
            for escaped in [html(&text), xml(&text)] {
                prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            }
            let one_line = markdown(&text);
            prop_assert!(!one_line.contains(['<', '\n']));
        }
    }
}
