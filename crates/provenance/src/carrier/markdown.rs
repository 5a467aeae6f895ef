//! Markdown. The label is a mapping `AIGC:` of the YAML front matter (TC260-PG-20258A §6.5), each of the seven members on a
//! line of its own. The guide wants a visible notice too, at the end: that is an explicit label, see `explicit::text`.
//!
//! Only the front matter is read and held; the text behind it is streamed.

use std::io::Write;
use std::ops::Range;

use serde_json::{Map, Value};

use super::edit::{Edits, Source, Trace};
use super::{Carrier, Found, Input};
use crate::Error;

/// Markdown, chosen by its ending.
pub const MARKDOWN: Carrier =
    Carrier { id: "markdown", kind: "text", endings: &["md", "markdown", "mdown", "mkd", "mdx"], sniff, read, write };

const FORMAT: &str = "Markdown";
/// Longest front matter.
const LONGEST_FRONT: u64 = 256 << 10;
/// Longest value of the key `AIGC`.
const LONGEST_VALUE: usize = 64 << 10;
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Markdown has no signature.
fn sniff(_: &[u8]) -> bool {
    false
}

/// A front matter: YAML between two lines of three hyphens, the first of them the first line of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Front {
    /// With both lines and the end of the second.
    pub whole: Range<usize>,
    /// The YAML between them.
    pub yaml: Range<usize>,
}

/// The front matter of a text without a byte order mark.
pub(crate) fn front_matter(text: &str) -> Option<Front> {
    let mut at = 0;
    let mut begin = None;
    for line in text.split_inclusive('\n') {
        let word = line.trim_end_matches(['\n', '\r', ' ', '\t']);
        match begin {
            None if word == "---" && line.ends_with('\n') => begin = Some(line.len()),
            None => return None,
            Some(begin) if word == "---" || word == "..." => {
                return Some(Front { whole: 0..at + line.len(), yaml: begin..at });
            }
            Some(_) => {}
        }
        at += line.len();
    }
    None
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut trace = Trace::default();
    let head = Head::read(&mut source)?;
    for label in &head.labels {
        let at = head.skip + label.range.start as u64;
        trace.note(&source, "markdown:front matter AIGC", label.by_the_book, label.value.clone(), at)?;
    }
    trace.answer(Ok(()))
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let head = Head::read(&mut source)?;
    let end = if head.text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(value, end)?;
    let mut edits = Edits::default();
    match &head.front {
        None => {
            // A blank line keeps what follows from being read as part of it.
            let front = format!("---{end}{block}---{end}{end}");
            edits.put(&source, head.skip, head.skip, front.into_bytes())?;
        }
        Some(front) => {
            let yaml = head.text.get(front.yaml.clone()).unwrap_or_default();
            if yaml.trim_start().starts_with('{') {
                return Err(source.unsupported("its front matter is one line of YAML in braces; write it as a block"));
            }
            let place = head.labels.first().map_or(front.yaml.end..front.yaml.end, |label| label.range.clone());
            for (index, label) in head.labels.iter().enumerate() {
                let new = if index == 0 { block.clone() } else { String::new() };
                put(&mut edits, &source, head.skip, &label.range, new)?;
            }
            if head.labels.is_empty() {
                put(&mut edits, &source, head.skip, &place, block)?;
            }
        }
    }
    edits.apply(&mut source, out)
}

fn put(edits: &mut Edits, source: &Source<'_>, skip: u64, range: &Range<usize>, text: String) -> Result<(), Error> {
    edits.put(source, skip + range.start as u64, skip + range.end as u64, text.into_bytes())
}

/// The beginning of a file.
struct Head {
    /// Bytes of a byte order mark.
    skip: u64,
    text: String,
    front: Option<Front>,
    labels: Vec<Label>,
}

/// The key `AIGC` and its value, whole lines.
#[derive(Debug)]
struct Label {
    range: Range<usize>,
    by_the_book: bool,
    value: String,
}

impl Head {
    fn read(source: &mut Source<'_>) -> Result<Self, Error> {
        let start = source.at(0, 3)?;
        if start.starts_with(&[0xFF, 0xFE]) || start.starts_with(&[0xFE, 0xFF]) {
            return Err(source.unsupported("it is written in UTF-16; save it as UTF-8 first"));
        }
        let skip = if start.starts_with(MARK) { 3 } else { 0 };
        let length = (source.len() - skip).min(LONGEST_FRONT);
        let bytes = source.part(skip, length, "the beginning of the file")?;
        // What follows the front matter may be cut in a character, or of another encoding: it is not looked at.
        let valid = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        let text = String::from_utf8_lossy(bytes.get(..valid).unwrap_or_default()).into_owned();
        let front = front_matter(&text);
        if front.is_none() && text.starts_with("---") && valid as u64 == LONGEST_FRONT {
            return Err(source.too_much(format!("its front matter is longer than {LONGEST_FRONT} bytes")));
        }
        let labels = front.as_ref().map(|front| labels(&text, &front.yaml)).unwrap_or_default();
        Ok(Self { skip, text, front, labels })
    }
}

/// The entries `AIGC` of a block of YAML. Other entries are not interpreted, and so never changed.
fn labels(text: &str, yaml: &Range<usize>) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    let mut at = yaml.start;
    // Text blocks of other keys are indented, so a line that begins with the key is the key.
    let mut open: Option<usize> = None;
    let mut close = |from: usize, to: usize| {
        let whole = text.get(from..to).unwrap_or_default();
        let (value, by_the_book) = value(whole);
        labels.push(Label { range: from..to, by_the_book, value });
    };
    let mut content_end = at;
    for line in text.get(yaml.clone()).unwrap_or_default().split_inclusive('\n') {
        let indented = line.starts_with([' ', '\t']);
        let blank = line.trim().is_empty();
        if !indented && !blank && !closes(line) {
            if let Some(from) = open.take() {
                close(from, content_end);
            }
            if is_key(line) {
                open = Some(at);
            }
        }
        at += line.len();
        if !blank {
            content_end = at;
        }
    }
    if let Some(from) = open {
        close(from, content_end);
    }
    labels
}

/// A line that ends a value in braces.
fn closes(line: &str) -> bool {
    line.starts_with(['}', ']'])
}

fn is_key(line: &str) -> bool {
    let (key, _) = line.split_once(':').unwrap_or_default();
    key.trim().trim_matches(['"', '\'']).eq_ignore_ascii_case("AIGC")
}

/// The value as JSON where it is a mapping, as text otherwise; and whether it is the mapping of the guide.
fn value(block: &str) -> (String, bool) {
    if block.len() > LONGEST_VALUE {
        return (String::new(), false);
    }
    let raw = block.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
    match serde_norway::from_str::<Map<String, Value>>(block).ok().and_then(|map| map.into_iter().next()) {
        Some((key, Value::Object(members))) => {
            let members: Map<String, Value> = members.into_iter().map(|(name, value)| (name, plain(value))).collect();
            (Value::Object(members).to_string(), key == "AIGC")
        }
        Some((_, Value::String(text))) => (text.trim().to_owned(), false),
        _ => (raw, false),
    }
}

/// Numbers and the like as the text that they are in the label: `Label: 1` means `"1"`.
fn plain(value: Value) -> Value {
    match value {
        Value::Null => Value::String(String::new()),
        Value::Number(number) => Value::String(number.to_string()),
        other => other,
    }
}

/// The mapping as lines.
fn block(value: &str, end: &str) -> Result<String, Error> {
    let members: Map<String, Value> =
        serde_json::from_str(value).map_err(|error| Error::Label(format!("it is no JSON object: {error}")))?;
    let mut block = format!("AIGC:{end}");
    for (name, member) in &members {
        let text = match member {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        block.push_str(&format!("  {}: {}{end}", scalar_key(name), scalar(&text)));
    }
    if members.is_empty() {
        return Err(Error::Label("it has no members".to_owned()));
    }
    Ok(block)
}

fn scalar_key(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && name.starts_with(|c: char| c.is_ascii_alphabetic()) { name.to_owned() } else { scalar(name) }
}

/// A text between single quotes, as in the guide's example; between double quotes where it holds what these cannot.
fn scalar(text: &str) -> String {
    if text.chars().all(|c| !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}') => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    const LABEL: &str = r#"{"Label":"1","ContentProducer":"A","ProduceID":"p'1","ReservedCode1":"{\"a\":1}"}"#;
    const BLOCK: &str =
        "AIGC:\n  Label: '1'\n  ContentProducer: 'A'\n  ProduceID: 'p''1'\n  ReservedCode1: '{\"a\":1}'\n";

    fn labels_of(text: &[u8]) -> Vec<Found> {
        (MARKDOWN.read)(&mut Cursor::new(text)).unwrap()
    }

    fn labelled(text: &[u8], value: &str) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        (MARKDOWN.write)(&mut Cursor::new(text), &mut out, value)?;
        Ok(out)
    }

    #[test]
    fn the_front_matter_is_made_or_kept() {
        let cases = [
            ("# Title\n", format!("---\n{BLOCK}---\n\n# Title\n")),
            ("", format!("---\n{BLOCK}---\n\n")),
            ("---\n\nno front matter: a rule\n", format!("---\n{BLOCK}---\n\n---\n\nno front matter: a rule\n")),
            ("---\ntitle: x # c\ntags: [a]\n---\nbody", format!("---\ntitle: x # c\ntags: [a]\n{BLOCK}---\nbody")),
            ("---\nAIGC:\n  Label: 1\n\ntitle: x\n...\nbody", format!("---\n{BLOCK}\ntitle: x\n...\nbody")),
            (
                "---\na: 1\n\"aigc\": {\"Label\": \"1\",\n  \"x\": 2\n}\nAIGC: old\nb: |\n  AIGC: text\n---\n",
                format!("---\na: 1\n{BLOCK}b: |\n  AIGC: text\n---\n"),
            ),
            ("\u{FEFF}---\na: 1\n---\n", format!("\u{FEFF}---\na: 1\n{BLOCK}---\n")),
            ("---\n---\n", format!("---\n{BLOCK}---\n")),
        ];
        for (old, new) in cases {
            let written = labelled(old.as_bytes(), LABEL).unwrap();
            assert_eq!(String::from_utf8_lossy(&written), new);
            let found = labels_of(&written);
            assert_eq!(found.len(), 1, "{new}");
            assert_eq!((found[0].value.as_str(), found[0].by_the_book), (LABEL, true));
            assert_eq!(labelled(&written, LABEL).unwrap(), written);
            let windows = old.replace('\n', "\r\n");
            let written = labelled(windows.as_bytes(), LABEL).unwrap();
            assert_eq!(labels_of(&written)[0].value, LABEL);
        }
    }

    #[test]
    fn variants_are_read() {
        let cases = [
            ("AIGC: {\"Label\":\"1\",\"ProduceID\":\"x\"}", r#"{"Label":"1","ProduceID":"x"}"#, true),
            ("AIGC: '{\"Label\":\"1\"}'", r#"{"Label":"1"}"#, false),
            ("AIGC: |\n  {\"Label\":\"1\"}", r#"{"Label":"1"}"#, false),
            (
                "AIGC:\n  Label: 1\n  ReservedCode1:\n  ProduceID: \"a\"",
                r#"{"Label":"1","ReservedCode1":"","ProduceID":"a"}"#,
                true,
            ),
            ("AIGC: [", "[", false),
            ("aigc:\n  Label: \"1\"", r#"{"Label":"1"}"#, false),
        ];
        for (yaml, value, by_the_book) in cases {
            let found = labels_of(format!("---\n{yaml}\n---\n").as_bytes());
            assert_eq!(found.len(), 1, "{yaml}");
            assert_eq!((found[0].value.as_str(), found[0].by_the_book), (value, by_the_book));
        }
        for text in
            ["AIGC: x", "---\nx: AIGC\n---\n", "---\nAIGC-x: 1\n---\n", "text\n---\nAIGC: 1\n---\n", "---\nAIGC: 1\n"]
        {
            assert!(labels_of(text.as_bytes()).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_streamed_and_other_encodings_pass() {
        let mut text = b"---\ntitle: x\n---\n\xD6\xD0\xCE\xC4".to_vec();
        text.extend_from_slice(&vec![b'x'; 3 << 20]);
        let new = labelled(&text, LABEL).unwrap();
        assert!(new.ends_with(&text[13..]));
        let endless = [b"---\n".as_slice(), &b"a: 1\n".repeat(100_000)].concat();
        assert!(matches!(labelled(&endless, LABEL), Err(Error::TooMuch { .. })));
        assert!(
            labelled(b"\xFF\xFEa\0", LABEL).is_err() && labelled(b"a", "[]").is_err() && labelled(b"a", "{}").is_err()
        );
        assert!(labelled(b"---\n{a: 1}\n---\n", LABEL).unwrap_err().to_string().contains("braces"));
        // Aliases that grow are the parser's to refuse.
        let bomb = format!(
            "---\nAIGC:\n  a: &a [x,x,x,x,x,x,x,x,x]\n{}---\n",
            (0..9).map(|n| format!("  b{n}: &b{n} [*a,*a,*a,*a,*a,*a,*a,*a]\n")).collect::<String>()
        );
        labels_of(bomb.as_bytes());
    }

    proptest! {
        #[test]
        fn any_members_come_back(producer in any::<String>(), id in "[ -~]{0,40}", code in any::<String>()) {
            let value = serde_json::json!({ "Label": "1", "ContentProducer": producer, "ProduceID": id, "ReservedCode1": code });
            let new = labelled(b"---\na: b\n---\nx", &value.to_string()).unwrap();
            let found = labels_of(&new);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].value, &value.to_string());
        }

        #[test]
        fn any_text_is_read(text in "(---|AIGC|:|\n| |\\{|\\}|'|\"|a|\\.\\.\\.|\\||-|\r){0,40}") {
            labels_of(text.as_bytes());
            if let Ok(new) = labelled(text.as_bytes(), LABEL) {
                prop_assert_eq!(labels_of(&new).len(), 1, "{}", String::from_utf8_lossy(&new));
            }
        }
    }
}
