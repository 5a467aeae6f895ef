//! Text that others wrote, made safe to stand in HTML, in SVG and in a Markdown table, and how wide it is.

/// Escaped for HTML and SVG, in text and in quoted attributes. Characters that a reader cannot see, or that turn the
/// writing direction, are spelt out: texts in a report were written to deceive.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if hidden(c) => out.push_str(&format!("‹U+{:04X}›", u32::from(c))),
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
            c if hidden(c) => {}
            c => out.push(c),
        }
    }
    out
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Columns that a text takes in a terminal: two for each wide character (the wide blocks of Unicode's UAX 11).
pub(super) fn width(text: &str) -> usize {
    let wide = |c: char| {
        matches!(u32::from(c), 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD)
    };
    text.chars().map(|c| if wide(c) { 2 } else { usize::from(!hidden(c)) }).sum()
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
        assert_eq!(html("两行\n都在"), "两行\n都在");
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
