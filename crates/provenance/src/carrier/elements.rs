//! The small XML documents of packages (OOXML properties, EPUB packages, OFD.xml) as a flat list of elements, each with
//! the place where it stands, so that one of them can be changed and every other character stays (XML 1.0; Namespaces in
//! XML 1.0).

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use super::edit::Source;
use crate::Error;

/// Most elements of one document. Parts that hold metadata have some dozens; content types of very large packages some
/// thousands.
const MOST_ELEMENTS: usize = 50_000;
/// Deepest nesting.
const DEEPEST: usize = 128;
/// Most attributes of one element that are looked at.
const MOST_ATTRIBUTES: usize = 256;
/// Longest name of a namespace: each element holds a copy of its own.
const LONGEST_NAMESPACE: usize = 1_024;

/// One element.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// The element around it, as an index of the list.
    pub parent: Option<usize>,
    /// The prefix as written, with its colon; empty where there is none.
    pub prefix: String,
    /// The name without prefix.
    pub local: String,
    /// The namespace.
    pub uri: String,
    /// Names as written, and values with escapes undone.
    pub attributes: Vec<(String, String)>,
    /// From `<` to the last `>`.
    pub range: Range<usize>,
    /// Between the tags; nothing for `<x/>`.
    pub inner: Option<Range<usize>>,
    /// The text directly in it, escapes undone.
    pub text: String,
}

impl Element {
    /// An attribute without a prefix.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// How a document's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { little: bool },
}

/// A document: its text, its elements, and how to write it again.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    encoding: Encoding,
    mark: bool,
    /// The text, without a byte order mark.
    pub text: String,
    /// The elements, in the order of their start tags.
    pub elements: Vec<Element>,
}

impl Document {
    /// Reads a document of the file `source`; `part` names it in errors, `at` is where it is stored.
    pub(crate) fn read(source: &Source<'_>, part: &str, at: u64, bytes: &[u8]) -> Result<Self, Error> {
        let Some((encoding, mark, text)) = decode(bytes) else {
            return Err(source.unsupported(format!("its part {part} is neither UTF-8 nor UTF-16")));
        };
        match elements(&text) {
            Ok(elements) => Ok(Self { encoding, mark, text, elements }),
            Err(problem) => Err(source.damaged(at, format!("its part {part} is no sound XML: {problem}"))),
        }
    }

    /// The first element.
    pub(crate) fn root(&self) -> Option<&Element> {
        self.elements.first()
    }

    /// The elements directly in that of this index, with their indices.
    pub(crate) fn children(&self, parent: usize) -> impl Iterator<Item = (usize, &Element)> {
        self.inside(parent).filter(move |(_, element)| element.parent == Some(parent))
    }

    /// All elements in that of this index, with their indices.
    pub(crate) fn inside(&self, outer: usize) -> impl Iterator<Item = (usize, &Element)> {
        let end = self.elements.get(outer).map_or(0, |element| element.range.end);
        let behind = self.elements.iter().enumerate().skip(outer.saturating_add(1));
        behind.take_while(move |(_, element)| element.range.start < end)
    }

    /// The text of an element and of all in it.
    pub(crate) fn whole_text(&self, index: usize) -> String {
        let outer = self.elements.get(index).map(|outer| outer.text.clone()).unwrap_or_default();
        self.inside(index).fold(outer, |text, (_, element)| text + &element.text)
    }

    /// The document with edits made, in its encoding. Edits that lie in a range already edited are left out.
    pub(crate) fn with(&self, mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::with_capacity(self.text.len() + 1024);
        let mut done = 0;
        for (range, new) in edits {
            if range.start >= done {
                text.push_str(self.text.get(done..range.start).unwrap_or_default());
                text.push_str(&new);
                done = range.end;
            }
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        encode(self.encoding, self.mark, &text)
    }

    /// The edit that puts `text` at the end of an element's content.
    pub(crate) fn append(&self, index: usize, text: &str) -> Option<(Range<usize>, String)> {
        let element = self.elements.get(index)?;
        match &element.inner {
            Some(inner) => Some((inner.end..inner.end, text.to_owned())),
            // `<x/>` becomes an element with content.
            None => {
                let slash = element.range.start + self.text.get(element.range.clone())?.rfind('/')?;
                let name = format!("{}{}", element.prefix, element.local);
                Some((slash..element.range.end, format!(">{text}</{name}>")))
            }
        }
    }
}

/// Text as the content of an element or of an attribute between quotes. What XML 1.0 cannot hold becomes U+FFFD.
pub(crate) fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\t' | '\n' | '\r' => text.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => text.push('\u{FFFD}'),
            other => text.push(other),
        }
    }
    text
}

fn decode(bytes: &[u8]) -> Option<(Encoding, bool, String)> {
    let (little, skip) = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => {
            return Some((Encoding::Utf8, true, String::from_utf8(rest.to_vec()).ok()?));
        }
        [0xFF, 0xFE, ..] => (true, 2),
        [0xFE, 0xFF, ..] => (false, 2),
        [b'<', 0, ..] => (true, 0),
        [0, b'<', ..] => (false, 0),
        _ => return Some((Encoding::Utf8, false, String::from_utf8(bytes.to_vec()).ok()?)),
    };
    let (units, rest) = bytes.get(skip..)?.as_chunks::<2>();
    let units = units.iter().map(|unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let text = text.ok().filter(|_| rest.is_empty())?;
    Some((Encoding::Utf16 { little }, skip > 0, text))
}

fn encode(encoding: Encoding, mark: bool, text: &str) -> Vec<u8> {
    let marked = mark.then_some('\u{FEFF}').into_iter().chain(text.chars());
    match encoding {
        Encoding::Utf8 => marked.collect::<String>().into_bytes(),
        Encoding::Utf16 { little } => marked
            .collect::<String>()
            .encode_utf16()
            .flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() })
            .collect(),
    }
}

/// All elements of a text.
fn elements(text: &str) -> Result<Vec<Element>, String> {
    let mut reader = NsReader::from_str(text);
    let mut list: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        let from = place(reader.buffer_position());
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let to = place(reader.buffer_position());
        match event {
            Event::Start(start) => {
                let element = element(&reader, &start, open.last().copied(), from..to, Some(to..to))?;
                if open.len() >= DEEPEST {
                    return Err(format!("its elements are nested more than {DEEPEST} deep"));
                }
                open.push(list.len());
                list.push(element);
            }
            Event::Empty(start) => list.push(element(&reader, &start, open.last().copied(), from..to, None)?),
            Event::End(_) => {
                let closed = open.pop().and_then(|index| list.get_mut(index));
                let Some(closed) = closed else { return Err("an end tag has no start tag".to_owned()) };
                closed.range.end = to;
                closed.inner = closed.inner.take().map(|inner| inner.start..from);
            }
            Event::Text(run) => push(&mut list, &open, &run.xml10_content()),
            Event::CData(run) => push(&mut list, &open, &run.xml10_content()),
            Event::GeneralRef(name) => {
                let known = match name.resolve_char_ref() {
                    Ok(Some(c)) => Some(c),
                    Ok(None) => match &*name.xml10_content() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                    Err(error) => return Err(error.to_string()),
                };
                // Entities of a document type are not followed: they are how small files become large ones.
                push(&mut list, &open, known.unwrap_or('\u{FFFD}').encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if list.len() > MOST_ELEMENTS {
            return Err(format!("it has more than {MOST_ELEMENTS} elements"));
        }
    }
    if !open.is_empty() || list.is_empty() {
        return Err("it ends before its root element does".to_owned());
    }
    Ok(list)
}

fn place(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

fn push(list: &mut [Element], open: &[usize], run: &str) {
    if let Some(element) = open.last().and_then(|index| list.get_mut(*index)) {
        element.text.push_str(run);
    }
}

fn element(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    parent: Option<usize>,
    range: Range<usize>,
    inner: Option<Range<usize>>,
) -> Result<Element, String> {
    let (resolved, local) = reader.resolver().resolve_element(start.name());
    let uri = match resolved {
        ResolveResult::Bound(namespace) if namespace.as_ref().len() > LONGEST_NAMESPACE => {
            return Err(format!("the name of a namespace has more than {LONGEST_NAMESPACE} bytes"));
        }
        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(prefix) => return Err(format!("the prefix {prefix:?} is bound to nothing")),
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attributes.len() >= MOST_ATTRIBUTES {
            return Err(format!("an element has more than {MOST_ATTRIBUTES} attributes"));
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    let prefix = start.name().prefix().map(|prefix| format!("{}:", prefix.as_ref())).unwrap_or_default();
    let local = local.as_ref().to_owned();
    Ok(Element { parent, prefix, local, uri, attributes, range, inner, text: String::new() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Document, Error> {
        let mut file = std::io::Cursor::new(Vec::new());
        let source = Source::new(&mut file, "test").unwrap();
        Document::read(&source, "a.xml", 0, bytes)
    }

    #[test]
    fn elements_stand_where_they_say() {
        let text = "<?xml version=\"1.0\"?><a xmlns='u' xmlns:p=\"v\"><!-- <b/> --><p:b k=\"&quot;1\"/>x&amp;<![CDATA[<y>]]></a>";
        let document = read(text.as_bytes()).unwrap();
        let [a, b] = document.elements.as_slice() else { panic!("{document:?}") };
        assert_eq!((a.local.as_str(), a.uri.as_str(), a.text.as_str()), ("a", "u", "x&<y>"));
        assert_eq!((b.prefix.as_str(), b.local.as_str(), b.uri.as_str()), ("p:", "b", "v"));
        assert_eq!(b.attribute("k"), Some("\"1"));
        assert_eq!(&text[b.range.clone()], "<p:b k=\"&quot;1\"/>");
        assert_eq!(document.whole_text(0), "x&<y>");
        let edit = document.append(1, "z").unwrap();
        let new = String::from_utf8(document.with(vec![edit])).unwrap();
        assert!(new.contains("<p:b k=\"&quot;1\">z</p:b>"), "{new}");
    }

    #[test]
    fn an_encoding_is_kept() {
        let text = "<a>\u{4E2D}</a>";
        for little in [true, false] {
            for mark in [true, false] {
                let bytes = encode(Encoding::Utf16 { little }, mark, text);
                let document = read(&bytes).unwrap();
                assert_eq!(document.text, text);
                assert_eq!(document.with(Vec::new()), bytes);
            }
        }
        let marked = format!("\u{FEFF}{text}");
        assert_eq!(read(marked.as_bytes()).unwrap().with(Vec::new()), marked.as_bytes());
        assert!(matches!(read(b"<a>\xD6\xD0</a>"), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = "<a>".repeat(5000);
        let wide = format!("<a>{}</a>", "<b/>".repeat(60_000));
        let many = format!("<a {}/>", "k='1' ".repeat(1000));
        for text in ["", "<a>", "</a>", "<a></b>", "<a><b></a>", "<p:a/>", "x", &deep, &wide, &many] {
            assert!(read(text.as_bytes()).is_err(), "{:.40}", text);
        }
        // A namespace is not copied into fifty thousand elements.
        let long = format!("<a xmlns='{}'>{}</a>", "u".repeat(100_000), "<b/>".repeat(40_000));
        assert!(read(long.as_bytes()).is_err());
        // Entities are not expanded.
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert_eq!(read(bomb.as_bytes()).unwrap().whole_text(0), "\u{FFFD}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(<|>|/|a|b|p:|=|\"|'|&|;| |!|--|\\[CDATA\\[|\\]\\]>|\\?|xmlns){0,60}") {
            if let Ok(document) = read(text.as_bytes()) {
                prop_assert_eq!(document.with(Vec::new()), text.as_bytes());
                for (index, element) in document.elements.iter().enumerate() {
                    prop_assert!(text.get(element.range.clone()).is_some());
                    document.append(index, "x");
                }
            }
        }
    }
}
