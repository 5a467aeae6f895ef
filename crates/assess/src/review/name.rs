//! Names and notes as they are recorded.

use unicode_normalization::UnicodeNormalization as _;

use super::LONGEST_NOTE;
use crate::error::Error;

const LONGEST_NAME: usize = 64;

/// A reviewer's name as it is recorded: trimmed, in Unicode's composed form. Names differ by case.
///
/// # Errors
/// When it is empty, longer than 64 characters, or has characters that are not seen: two names that look alike must not
/// be two people.
pub fn reviewer_name(name: &str) -> Result<String, Error> {
    let name: String = name.trim().nfc().collect();
    if name.is_empty() {
        return Err(Error::Unusable("a reviewer needs a name".to_owned()));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Error::Unusable(format!("a reviewer's name has at most {LONGEST_NAME} characters")));
    }
    match name.chars().find(|c| c.is_control() || is_unseen(*c)) {
        Some(c) => Err(Error::Unusable(format!("a reviewer's name cannot have the character U+{:04X}", u32::from(c)))),
        None => Ok(name),
    }
}

/// A note as it is recorded: trimmed, lines end with a line feed.
pub(super) fn note(note: &str) -> Result<String, Error> {
    let note = note.replace("\r\n", "\n").replace('\r', "\n");
    let note = note.trim();
    if note.chars().count() > LONGEST_NOTE {
        return Err(Error::Unusable(format!("a note has at most {LONGEST_NOTE} characters")));
    }
    match note.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(c) => Err(Error::Unusable(format!("a note cannot have the character U+{:04X}", u32::from(c)))),
        None => Ok(note.to_owned()),
    }
}

/// Whether a character is not seen, or turns the direction of others. Joiners inside words and emoji are no such.
const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A text of a target as it can be shown in a cell: what is not seen is named, so that nothing hides or turns round.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(c),
            // Pictures of the control characters.
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            c if c.is_control() || is_unseen(c) => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            // Workbooks write characters as `_x0041_`: a text that has such words would be shown as something else.
            '_' if rest.peek() == Some(&'x') => out.push('\u{ff3f}'),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a text that a cell can hold, with a note of what is missing.
pub(super) fn cut(text: String, chinese: bool) -> String {
    /// A cell holds 32,767 UTF-16 units; the note needs some.
    const ROOM: usize = 32_600;
    let mut units = 0;
    let fits = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > ROOM
    });
    match fits {
        None => text,
        Some((end, _)) => {
            let (kept, all) = (text.get(..end).unwrap_or_default(), text.chars().count());
            if chinese {
                format!("{kept}\n……（单元格放不下，此处截断；全文 {all} 字，请在网页上阅读）")
            } else {
                format!("{kept}\n… (cut: a cell cannot hold more; all {all} characters are on the page)")
            }
        }
    }
}

/// What is left of a text to compare by: programs that save a workbook again change its spaces and line ends.
pub(super) fn loose(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one_person() {
        assert_eq!(reviewer_name("  王芳\u{3000}").unwrap(), "王芳");
        assert_eq!(reviewer_name("e\u{301}").unwrap(), "é");
        assert_ne!(reviewer_name("Li").unwrap(), reviewer_name("li").unwrap());
        assert!(reviewer_name(&"名".repeat(64)).is_ok());
        for bad in ["", " \t", "a\nb", "a\u{200b}", "\u{202e}a", "a\u{0}", "a\u{e0041}", &"名".repeat(65)] {
            assert!(reviewer_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn nothing_hides_in_a_cell() {
        assert_eq!(visible("a\r\nb\rc\u{1b}[31m\u{202e}x\u{7f}\u{85}"), "a\nb␍c␛[31m[U+202E]x␡[U+0085]");
        assert_eq!(visible("_x0041_ 👩\u{200d}👧"), "＿x0041_ 👩\u{200d}👧");
    }

    #[test]
    fn a_cell_holds_what_it_can() {
        let cut_text = cut("😀".repeat(40_000), true);
        assert!(cut_text.encode_utf16().count() <= 32_767);
        assert!(cut_text.contains("40000"));
        assert_eq!(cut("短".to_owned(), false), "短");
    }

    #[test]
    fn notes_are_plain() {
        assert_eq!(note(" a\r\nb \r").unwrap(), "a\nb");
        assert!(note("a\u{7}").is_err());
        assert!(note(&"长".repeat(LONGEST_NOTE + 1)).is_err());
    }
}
