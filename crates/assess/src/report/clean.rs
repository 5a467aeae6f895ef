//! Text that others wrote, made safe to stand in a document; numbers as people read them.

use std::fmt::Write as _;

use crate::result::Share;

/// The text without control characters. What cannot be seen, or turns the writing direction, is spelt out. A run of
/// such characters is spelt once, with its length. Line feeds stay, tabs become spaces.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Option<(char, usize)> = None;
    for c in text.chars() {
        if is_hidden(c) {
            run = Some(run.map_or((c, 1), |(first, n)| (first, n + 1)));
            continue;
        }
        spell(&mut out, run.take());
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    spell(&mut out, run);
    out
}

/// The same in one line.
pub(super) fn line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, with an ellipsis where something is left out.
pub(super) fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn spell(out: &mut String, run: Option<(char, usize)>) {
    match run {
        Some((c, 1)) => {
            let _ = write!(out, "‹U+{:04X}›", u32::from(c));
        }
        Some((c, n)) => {
            let _ = write!(out, "‹U+{:04X}… ×{n}›", u32::from(c));
        }
        None => {}
    }
}

/// Characters that nobody sees, or that order others: format characters, fillers, tags, variation selectors and what
/// XML does not allow. Control characters are not among them; they are left out.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xFFFE == 0xFFFE
        || matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// Escaped for XML 1.0, in text and in quoted attributes. Control characters, which XML does not allow, are left out.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(u32::from(c), 0xFFFE | 0xFFFF) => {}
            c => out.push(c),
        }
    }
    out
}

/// A share of one between 0 and 1 as per cent.
pub(super) fn percent(rate: f64, digits: usize) -> String {
    if rate.is_finite() { format!("{:.digits$}%", rate.clamp(0.0, 1.0) * 100.0) } else { "–".to_owned() }
}

/// The rate of a share, with two decimals; a dash where there is nothing.
pub(super) fn rate(share: &Share) -> String {
    if share.of == 0 { "–".to_owned() } else { percent(share.rate, 2) }
}

/// The interval of a share.
pub(super) fn interval(share: &Share) -> String {
    if share.of == 0 {
        return "–".to_owned();
    }
    format!("[{}, {}]", percent(share.low, 1), percent(share.high, 1))
}

/// Hits of how many.
pub(super) fn ratio(share: &Share) -> String {
    format!("{}/{}", share.hits, share.of)
}

/// Parts of a thousand as per cent, without needless zeros.
pub(super) fn permille(value: u64) -> String {
    if value.is_multiple_of(10) { format!("{}%", value / 10) } else { format!("{}.{}%", value / 10, value % 10) }
}

/// A whole number with separators of thousands.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (n, c) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_spelt_and_control_characters_left_out() {
        assert_eq!(clean("a\u{202e}b\u{200b}\u{200b}\u{0}c\r\n\td"), "a‹U+202E›b‹U+200B… ×2›c\n d");
        assert_eq!(clean(&clean("x\u{e0041}y")), clean("x\u{e0041}y"));
        assert_eq!(line("  a\n b\t c "), "a b c");
    }

    #[test]
    fn xml_holds_no_markup_of_others() {
        assert_eq!(xml("</w:t>&\"'\u{1}"), "&lt;/w:t&gt;&amp;&quot;&#39;");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(permille(900), "90%");
        assert_eq!(permille(985), "98.5%");
        assert_eq!(percent(f64::NAN, 1), "–");
        assert_eq!(percent(0.8996, 2), "89.96%");
    }

    #[test]
    fn a_clipped_text_says_so() {
        assert_eq!(clip("一二三", 3), "一二三");
        assert_eq!(clip("一二三四", 3), "一二三…");
    }
}
