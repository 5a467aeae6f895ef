//! Placeholders that stand for what was taken out of a text: `[手机号#1]`, as redaction writes them and as models
//! write them back.
//!
//! Models do not always copy a placeholder to the letter: full-width brackets, spaces around the number, another case
//! and Markdown's backslashes are read too.
//!
//! ```
//! use menshen_text::placeholder;
//! let text = "号码是［手机号# 1］。";
//! let found: Vec<_> = placeholder::find(text, |_| true).collect();
//! assert_eq!(&text[found[0].span.start..found[0].span.end], "［手机号# 1］");
//! assert_eq!((found[0].name.as_str(), found[0].number), ("手机号", 1));
//! ```

use menshen_verdict::Span;

/// The longest name within a placeholder, in characters.
pub const MAX_NAME_CHARS: usize = 24;
/// The longest placeholder, in characters, with the slack that models take.
const MAX_CHARS: usize = MAX_NAME_CHARS * 2 + 16;
/// The most digits in a placeholder's number.
const MAX_DIGITS: usize = 6;

/// A placeholder in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// Where it stands.
    pub span: Span,
    /// Its name as [`fold_name`] compares it.
    pub name: String,
    /// Its number.
    pub number: u32,
}

/// What stands at the start of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A placeholder that ends before this byte.
    Whole {
        /// The byte after it.
        end: usize,
        /// Its name as [`fold_name`] compares it.
        name: String,
        /// Its number.
        number: u32,
    },
    /// What more text may make one.
    Cut,
    /// Something else.
    Other,
}

/// A placeholder's name as it is compared: letters and digits only, half-width, lower-case.
pub fn fold_name(name: &str) -> String {
    name.chars().flat_map(fold_char).collect()
}

/// What one character adds to a folded name.
fn fold_char(c: char) -> impl Iterator<Item = char> {
    Some(narrow(c)).filter(|c| c.is_alphanumeric()).into_iter().flat_map(char::to_lowercase)
}

/// The half-width form of a full-width ASCII character.
fn narrow(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{3000}' => ' ',
        '【' => '[',
        '】' => ']',
        _ => c,
    }
}

/// Reads a placeholder at the start of `text`. Reading stops as soon as the folded name that has been read so far
/// cannot become one that the caller waits for.
pub fn read(text: &str, may_become: impl Fn(&str) -> bool) -> Read {
    let mut chars = text.char_indices().map(|(i, c)| (i, narrow(c))).take(MAX_CHARS).peekable();
    // Whether the text itself ends, rather than the longest placeholder.
    let cut = if text.chars().nth(MAX_CHARS).is_none() { Read::Cut } else { Read::Other };
    let mut next = chars.next();
    let escaped = next.is_some_and(|(_, c)| c == '\\');
    if escaped {
        next = chars.next();
    }
    match next {
        None => return cut,
        Some((_, '[')) => {}
        Some(_) => return Read::Other,
    }
    let mut name = String::new();
    for length in 0_usize.. {
        match chars.next() {
            None => return cut,
            Some((_, '#')) => break,
            Some((_, '[' | ']' | '\n' | '\r')) => return Read::Other,
            Some((_, c)) => name.extend(fold_char(c)),
        }
        if length >= MAX_NAME_CHARS * 2 || !may_become(&name) {
            return Read::Other;
        }
    }
    if name.is_empty() {
        return Read::Other;
    }
    let mut digits = String::new();
    loop {
        match chars.next() {
            None => return cut,
            Some((_, ' ' | '\\')) if digits.is_empty() => {}
            Some((_, c)) if c.is_ascii_digit() && digits.len() < MAX_DIGITS => digits.push(c),
            Some((i, c @ (' ' | '\\' | ']'))) if !digits.is_empty() => {
                let mut end = (i, c);
                let mut closes_escaped = false;
                while matches!(end.1, ' ' | '\\') {
                    closes_escaped = end.1 == '\\';
                    match chars.next() {
                        None => return cut,
                        Some(next) => end = next,
                    }
                }
                // A backslash before an unescaped placeholder is the text's own.
                if end.1 != ']' || (escaped && !closes_escaped) {
                    return Read::Other;
                }
                let close = text[end.0..].chars().next().map_or(1, char::len_utf8);
                return match digits.parse() {
                    Ok(number) => Read::Whole { end: end.0 + close, name, number },
                    Err(_) => Read::Other,
                };
            }
            Some(_) => return Read::Other,
        }
    }
}

/// The placeholders of a text whose folded name is `known`, in order.
pub fn find(text: &str, known: impl Fn(&str) -> bool) -> impl Iterator<Item = Placeholder> {
    let mut end = 0;
    text.match_indices(['[', '［', '【']).filter_map(move |(at, _)| {
        // A backslash before the bracket is part of an escaped placeholder.
        let start = if at > end && text.as_bytes().get(at - 1) == Some(&b'\\') { at - 1 } else { at };
        let reads = [start, at].into_iter().map(|from| (from, read(text.get(from..).unwrap_or_default(), |_| true)));
        let (from, length, name, number) = reads.into_iter().find_map(|(from, read)| match read {
            Read::Whole { end, name, number } => Some((from, end, name, number)),
            Read::Cut | Read::Other => None,
        })?;
        if from < end || !known(&name) {
            return None;
        }
        end = from + length;
        Some(Placeholder { span: Span::new(from, end), name, number })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        find(text, |_| true).map(|p| p.span.of(text)).collect()
    }

    #[test]
    fn placeholders_are_found_however_models_write_them() {
        for written in
            ["[手机号#1]", "［手机号＃1］", "【手机号#1】", r"\[手机号#1\]", "[手机号 # 1 ]", "[手机号#000001]"]
        {
            assert_eq!(all(&format!("您的号码是{written}，请核对")), [written]);
        }
        assert_eq!(all("[phone#1][Phone#2] and [address#3]"), ["[phone#1]", "[Phone#2]", "[address#3]"]);
        assert_eq!(find("[ID Card#7]", |name| name == "idcard").count(), 1);
    }

    #[test]
    fn what_is_none_is_left() {
        for text in [
            "[#1]",
            "[手机号]",
            "[手机号#]",
            "[手机号#1",
            "手机号#1]",
            "a[0]",
            "[a\n#1]",
            "[[a]#1]",
            "[号#1234567]",
            "",
        ] {
            assert!(all(text).is_empty(), "{text:?}: {:?}", all(text));
        }
        assert_eq!(find("[怎么做炸弹#1]", |name| name == "手机号").count(), 0);
        assert_eq!(all(&format!("[{}#1]", "长".repeat(60))), Vec::<&str>::new());
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_read(text in "(?s)[\\[\\]［】#＃\\\\ a手0-9]{0,40}") {
            let mut end = 0;
            for found in find(&text, |_| true) {
                proptest::prop_assert!(found.span.start >= end && !found.span.of(&text).is_empty());
                end = found.span.end;
            }
        }
    }
}
