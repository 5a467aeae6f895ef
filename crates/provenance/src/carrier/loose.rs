//! Labels that stand freely in text or between other bytes, as some writers leave them: `AIGC{…}` glued into a segment,
//! `{"AIGC":{…}}` in a comment, an XMP packet behind the end of the picture (standards facts §2.6, variants to accept).
//!
//! A hit is taken for a label only when its object names a member of the standard (GB 45438-2025 Annex E) or of the
//! variant of Tencent Cloud.

use std::ops::Range;

use memchr::memmem;

use super::edit::Source;
use crate::Error;

/// Members of Annex E, then those of the variant in `ImageDescription`.
const MEMBERS: [&str; 10] = [
    "Label",
    "ContentProducer",
    "ProduceID",
    "ReservedCode1",
    "ContentPropagator",
    "PropagateID",
    "ReservedCode2",
    "ServiceProvider",
    "ServiceUser",
    "ContentId",
];
/// Longest object that is taken for a label.
const LONGEST: usize = 64 << 10;
/// How much is read at once where the key was seen.
const BLOCK: u64 = 4 * LONGEST as u64;
/// Most labels of one run of bytes that are looked at: callers refuse files with fewer.
const MOST: usize = 20_000;
/// Deepest nesting of an object that is taken for a label.
const DEEPEST: usize = 48;

/// A label in a run of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loose {
    /// Where it stands, with its key and the braces around both where these hold nothing else.
    pub(crate) range: Range<usize>,
    /// Its text, escapes undone.
    pub(crate) value: String,
}

/// All labels keyed `AIGC` in `bytes`, in their order.
pub(crate) fn find(bytes: &[u8]) -> Vec<Loose> {
    let mut found: Vec<Loose> = Vec::new();
    let mut end = 0;
    for at in memmem::find_iter(bytes, b"AIGC") {
        if at >= end
            && let Some(one) = keyed(bytes, at)
        {
            // The braces around a key may begin before the key, never before the label found last.
            end = one.range.end;
            found.push(one);
            if found.len() == MOST {
                break;
            }
        }
    }
    found
}

/// `bytes` without these labels, which are in their order.
pub(crate) fn without(bytes: &[u8], found: &[Loose]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for one in found {
        rest.extend_from_slice(bytes.get(done..one.range.start).unwrap_or_default());
        done = done.max(one.range.end);
    }
    rest.extend_from_slice(bytes.get(done..).unwrap_or_default());
    rest
}

/// All labels of a run of UTF-16: each unit is looked at as the character that it is in ASCII.
pub(crate) fn find_utf16(bytes: &[u8], little: bool) -> Vec<Loose> {
    let units: Vec<u16> = bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) })
        .collect();
    let plain: Vec<u8> = units.iter().map(|unit| u8::try_from(*unit).unwrap_or(0xFF)).collect();
    let mut found = find(&plain);
    if found.is_empty() && whole(&plain) {
        found.push(Loose { range: object(&plain), value: String::new() });
    }
    for one in &mut found {
        let text = String::from_utf16_lossy(units.get(one.range.clone()).unwrap_or_default());
        one.value = unescape(bare(&text));
        one.range = one.range.start * 2..one.range.end * 2;
    }
    found
}

/// The labels of one field of text: those keyed `AIGC`, else the whole field when it is an object of such members.
pub(crate) fn find_in_field(bytes: &[u8]) -> Vec<Loose> {
    let found = find(bytes);
    if !found.is_empty() || !whole(bytes) {
        return found;
    }
    let range = object(bytes);
    vec![Loose { value: unescape(&String::from_utf8_lossy(bytes.get(range.clone()).unwrap_or_default())), range }]
}

/// Calls `each` with every label in `from..to` of a file, however long that is, and where it stands.
pub(crate) fn scan(
    source: &mut Source<'_>,
    from: u64,
    to: u64,
    mut each: impl FnMut(&Source<'_>, u64, Loose) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = from;
    let mut done = from;
    while at < to {
        let window = source.at(at, usize::MAX)?;
        let most = usize::try_from(to - at).unwrap_or(usize::MAX).min(window.len());
        let window = window.get(..most).unwrap_or_default();
        if window.is_empty() {
            break;
        }
        let Some(hit) = memmem::find(window, b"AIGC") else {
            // A key may lie across two windows.
            at += if most as u64 == to - at { most as u64 } else { (most as u64).saturating_sub(3).max(1) };
            continue;
        };
        let key = at + hit as u64;
        // The opening brace and quote of `{"AIGC"` stand before the key. From here a block is read at once, so that a
        // file full of keys costs no more than one block after the other.
        let begin = key.saturating_sub(16).max(done);
        let length = (to - begin).min(BLOCK);
        let block = source.part(begin, length, "a label")?;
        // A label that begins late in the block is read whole with the next.
        let sure = if length == to - begin { length } else { BLOCK - 2 * LONGEST as u64 };
        at = begin + sure;
        for one in find(&block) {
            let (start, end) = (begin + one.range.start as u64, begin + one.range.end as u64);
            if start < begin + sure {
                done = end;
                at = at.max(end);
                each(source, start, one)?;
            }
        }
    }
    Ok(())
}

/// Spaces as long as `length`, in the encoding's width: they take out a text and move nothing.
pub(crate) fn spaces(length: usize, utf16: Option<bool>) -> Vec<u8> {
    match utf16 {
        None => vec![b' '; length],
        Some(true) => [b' ', 0].into_iter().cycle().take(length).collect(),
        Some(false) => [0, b' '].into_iter().cycle().take(length).collect(),
    }
}

/// From the first brace to the last.
fn object(bytes: &[u8]) -> Range<usize> {
    let from = bytes.iter().position(|byte| *byte == b'{').unwrap_or(0);
    from..bytes.iter().rposition(|byte| *byte == b'}').map_or(from, |last| last + 1)
}

/// Without the key of `AIGC{…}`: the object alone.
fn bare(text: &str) -> &str {
    if text.starts_with("AIGC") { text.get(text.find('{').unwrap_or(0)..).unwrap_or(text) } else { text }
}

/// Whether a field is nothing but an object with at least two of the members, padded with blanks or zeros.
fn whole(bytes: &[u8]) -> bool {
    let range = object(bytes);
    let padding =
        |part: Option<&[u8]>| part.unwrap_or_default().iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
    let text = bytes.get(range.clone()).unwrap_or_default();
    let names = |member: &&&str| memmem::find(text, format!("\"{member}\"").as_bytes()).is_some();
    !text.is_empty()
        && text.len() <= LONGEST
        && padding(bytes.get(..range.start))
        && padding(bytes.get(range.end..))
        && MEMBERS.iter().filter(names).count() >= 2
}

/// The label whose key `AIGC` stands at `at`.
fn keyed(bytes: &[u8], at: usize) -> Option<Loose> {
    let mut open = at + 4;
    // What stands between key and object: quotes, a colon, the end of a tag, their escapes.
    let between = loop {
        let rest = bytes.get(open..)?;
        match rest.first()? {
            b'{' => break bytes.get(at + 4..open)?,
            b'"' | b'\'' | b'\\' | b':' | b'=' | b'>' | b' ' | b'\t' | b'\r' | b'\n' | b'\0' => open += 1,
            b'&' if rest.starts_with(b"&quot;") => open += 6,
            b'&' if rest.starts_with(b"&#34;") => open += 5,
            b'<' if rest.starts_with(b"<![CDATA[") => open += 9,
            _ => return None,
        }
        if open - at > 48 {
            return None;
        }
    };
    let close = object_end(bytes, open)?;
    let object = bytes.get(open..close)?;
    let lower = object.to_ascii_lowercase();
    if !MEMBERS.iter().any(|member| memmem::find(&lower, member.to_ascii_lowercase().as_bytes()).is_some()) {
        return None;
    }
    let mut range = object_range(bytes, at, open, close, between);
    let mut text = bytes.get(range.clone())?;
    if !text.starts_with(b"{") {
        text = object;
    }
    if range.is_empty() {
        range = open..close;
    }
    Some(Loose { range, value: unescape(&String::from_utf8_lossy(text)) })
}

/// What to take out with an object: its key, and the braces around both when they hold nothing else.
fn object_range(bytes: &[u8], at: usize, open: usize, close: usize, between: &[u8]) -> Range<usize> {
    let before = bytes.get(..at).unwrap_or_default();
    let quote: &[u8] = [b"\\\"".as_slice(), b"\"", b"&quot;", b"&#34;", b"'"]
        .into_iter()
        .find(|quote| before.ends_with(quote) && between.starts_with(quote))
        .unwrap_or_default();
    if quote.is_empty() {
        // An element or attribute of XML keeps its name, which belongs to the packet; a bare key goes with its object.
        let xml = between.contains(&b'>') || (between.starts_with(b"=") && before.last().is_some_and(|b| *b == b':'));
        return if xml { open..close } else { at..close };
    }
    let key = at - quote.len();
    // The object may itself be quoted: JSON in JSON.
    let inner = between.get(quote.len()..).unwrap_or_default();
    let colon =
        inner.iter().position(|byte| *byte == b':').map_or(inner, |colon| inner.get(colon + 1..).unwrap_or_default());
    let mut end = close;
    let wrapper = colon.trim_ascii();
    if !wrapper.is_empty() && bytes.get(close..).is_some_and(|rest| rest.starts_with(wrapper)) {
        end += wrapper.len();
    }
    let head = bytes.get(..key).unwrap_or_default().trim_ascii_end();
    let tail = bytes.get(end..).unwrap_or_default();
    let gap = tail.len() - tail.trim_ascii_start().len();
    match (head.last(), tail.trim_ascii_start().first()) {
        (Some(b'{'), Some(b'}')) => head.len() - 1..end + gap + 1,
        (_, Some(b',')) => key..end + gap + 1,
        (Some(b','), _) => head.len() - 1..end,
        _ => key..end,
    }
}

/// Where the object that opens at `open` ends. Strings are stepped over; in text whose quotes are escaped there are none.
fn object_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut string = false;
    let mut at = open;
    while at < open.saturating_add(LONGEST) {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'"' => string = !string,
            b'{' if !string => {
                depth += 1;
                if depth > DEEPEST {
                    return None;
                }
            }
            b'}' if !string => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A label's text without the escapes of XML or of JSON in JSON.
fn unescape(text: &str) -> String {
    let text = if text.contains("&quot;") || text.contains("&#34;") || text.contains("&#x22;") {
        super::xmp::unescape(text)
    } else {
        text.to_owned()
    };
    if !text.trim_start_matches(['{', ' ']).starts_with("\\\"") {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\\' { plain.extend(rest.next()) } else { plain.push(c) }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEVEN: &str = r#"{"Label":"1","ContentProducer":"A","ProduceID":"p"}"#;

    fn values(text: &str) -> Vec<(String, String)> {
        find(text.as_bytes()).into_iter().map(|one| (text[one.range].to_owned(), one.value)).collect()
    }

    #[test]
    fn variants_are_found_with_what_belongs_to_them() {
        let wrapped = format!(r#"{{"AIGC":{SEVEN}}}"#);
        let spaced = format!(r#"{{ "AIGC" : {SEVEN} }}"#);
        let escaped = SEVEN.replace('"', "&quot;");
        let twice = format!(r#"{{"AIGC":"{}"}}"#, SEVEN.replace('"', "\\\""));
        let cases: [(String, &str, &str); 7] = [
            (format!("xAIGC{SEVEN}y"), &format!("AIGC{SEVEN}"), SEVEN),
            (format!("a {wrapped} b"), &wrapped, &wrapped),
            (spaced.clone(), &spaced, &spaced),
            (format!("<TC260:AIGC>{SEVEN}</TC260:AIGC>"), SEVEN, SEVEN),
            (format!("<a TC260:AIGC=\"{escaped}\"/>"), &escaped, SEVEN),
            (format!(r#"{{"a":1,"AIGC":{SEVEN}}}"#), &format!(r#","AIGC":{SEVEN}"#), SEVEN),
            (format!(r#"{{"AIGC":{SEVEN},"b":2}}"#), &format!(r#""AIGC":{SEVEN},"#), SEVEN),
        ];
        for (text, span, value) in &cases {
            assert_eq!(values(text), [((*span).to_owned(), (*value).to_owned())], "{text}");
        }
        let found = values(&twice);
        assert_eq!(found[0].0, twice);
        assert_eq!(found[0].1, twice);
    }

    #[test]
    fn strangers_are_not_labels() {
        for text in ["AIGC", "AIGC{", "AIGC{}", "AIGC{\"a\":1}", "AIGC is {\"Label\":\"1\"}", "AIGC{\"Label\""] {
            assert_eq!(values(text), [], "{text}");
        }
        assert!(find(&b"AIGC{\"".repeat(20_000)).is_empty());
        assert!(find(&b"AIGC{".repeat(20_000)).is_empty());
    }

    #[test]
    fn a_field_without_the_key_needs_two_members() {
        let tencent = br#"{"ServiceProvider":"x","ServiceUser":"y","Time":"z","ContentId":"1"}"#;
        assert_eq!(find_in_field(tencent).len(), 1);
        assert_eq!(find_in_field(br#"{"Label":"1"}"#), []);
        assert_eq!(find_in_field(format!("{SEVEN}\0\0").as_bytes())[0].value, SEVEN);
    }

    #[test]
    fn utf16_is_read_in_both_orders() {
        let text = format!("圖 {{\"AIGC\":{SEVEN}}}");
        for little in [true, false] {
            let bytes: Vec<u8> =
                text.encode_utf16().flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect();
            let found = find_utf16(&bytes, little);
            assert_eq!(found[0].value, format!("{{\"AIGC\":{SEVEN}}}"));
            assert_eq!(found[0].range, 4..bytes.len());
        }
    }

    #[test]
    fn a_long_run_is_read_through_a_window() {
        let mut bytes = vec![b'A'; 200_000];
        let places = [0_usize, 65_533, 131_070, 199_000];
        for at in places {
            let text = format!("AIGC{SEVEN}");
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        let len = bytes.len() as u64;
        let mut file = std::io::Cursor::new(bytes);
        let mut source = Source::new(&mut file, "test").unwrap();
        let mut found = Vec::new();
        scan(&mut source, 0, len, |_, at, _| {
            found.push(at as usize);
            Ok(())
        })
        .unwrap();
        assert_eq!(found, places);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[AIGC{}\"\\\\:, a&;L]{0,80}") {
            for run in [bytes.as_slice(), text.as_bytes()] {
                for one in find(run).into_iter().chain(find_in_field(run)) {
                    prop_assert!(one.range.end <= run.len());
                }
                find_utf16(run, true);
            }
        }
    }
}
