//! Text that others wrote, made safe to stand in HTML, in SVG and in a Markdown table, and how wide it is.

use std::fmt::Write as _;

/// Escaped for HTML and SVG, in text and in quoted attributes. Characters that a reader cannot see, or that turn the
/// writing direction, are spelt out: texts in a report were written to deceive.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            // The line breaks of some systems.
            '\r' if chars.peek() == Some(&'\n') => {}
            c if is_hidden(c) => spell_out(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

/// Escaped for a cell of a Markdown table: one line, no markup of its own.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '<' | '`' | '*' | '[' => out.extend(['\\', c]),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c if is_hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// A character by its number, where it cannot be seen.
pub fn spell_out(out: &mut String, c: char) {
    let _ = write!(out, "‹U+{:04X}›", u32::from(c));
}

/// Whether a reader cannot see a character, or it turns the writing direction.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Columns that a text takes in a terminal: two for each wide character (the wide blocks of Unicode's UAX 11).
pub fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD)
    };
    text.chars().map(|c| if wide(c) { 2 } else { usize::from(!is_hidden(c)) }).sum()
}

/// The beginning of a text that takes at most so many columns, with an ellipsis where something is left out.
pub(super) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            html("<script>alert('1')</script> & \"x\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_spelt_out() {
        assert_eq!(html("a\u{200b}b\u{202e}c\0"), "a‹U+200B›b‹U+202E›c‹U+0000›");
        assert_eq!(html("两行\n都在\r\n三行\r"), "两行\n都在\n三行‹U+000D›");
        assert_eq!(html("\u{2028}a\u{fe0f}\u{3164}"), "‹U+2028›a‹U+FE0F›‹U+3164›");
    }

    #[test]
    fn a_cell_stays_one_cell_on_one_line() {
        assert_eq!(markdown("a|b\nc\\|<i>`x`"), "a\\|b c\\\\\\|\\<i>\\`x\\`");
        assert_eq!(markdown("near_miss zh"), "near_miss zh");
    }

    #[test]
    fn chinese_is_two_columns_wide() {
        assert_eq!(width("A1a 煽动"), 8);
        assert_eq!(clip("煽动颠覆", 8), "煽动颠覆");
        assert_eq!(clip("煽动颠覆", 7), "煽动颠…");
        assert_eq!(clip("煽动颠覆", 6), "煽动…");
    }
}
