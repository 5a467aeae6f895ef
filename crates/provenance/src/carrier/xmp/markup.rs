//! As much of XML with namespaces as finding one property takes: tags and attributes with their places in the packet.
//!
//! An own reader, because edits need the place of every attribute, and because packets in the wild are cut or damaged and
//! what stands before the damage must still be read. No entity but those of XML itself is known, no declaration is
//! followed.

use std::collections::HashMap;
use std::ops::Range;

use super::{Label, RDF, URI};

/// Deepest nesting of elements.
const DEEPEST: usize = 4_096;
/// Most properties named `AIGC`.
const MOST_PROPERTIES: usize = 20_000;

/// A property named `AIGC`.
#[derive(Debug)]
pub(super) struct Property {
    /// Whether it is the property of the guides at its proper place.
    pub(super) by_the_book: bool,
    /// Whether it is an attribute.
    pub(super) attribute: bool,
    /// The attribute with the space before it, or the element from tag to tag.
    pub(super) range: Range<usize>,
    /// Its text's place, when it is a plain text.
    pub(super) text: Option<Range<usize>>,
    value: String,
}

impl Property {
    pub(super) fn label(&self) -> Label {
        Label { by_the_book: self.by_the_book, value: self.value.clone(), range: self.range.clone() }
    }
}

/// The element `rdf:RDF`.
#[derive(Debug)]
pub(super) struct Rdf {
    /// Its prefix with the colon.
    pub(super) prefix: String,
    /// Where its end tag begins, or where `<rdf:RDF/>` ends.
    pub(super) end: usize,
    /// Where the slash of `<rdf:RDF/>` stands.
    pub(super) empty: Option<usize>,
}

/// What a packet holds.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) properties: Vec<Property>,
    pub(super) rdf: Option<Rdf>,
    /// The value of `rdf:about` in the first description, with its quotes.
    pub(super) about: Option<Range<usize>>,
    /// Where and why reading stopped.
    pub(super) damage: Option<(usize, &'static str)>,
}

/// An element that is open.
struct Open {
    name: Range<usize>,
    begin: usize,
    content: usize,
    what: What,
    bound: Vec<String>,
    simple: bool,
    children: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Rdf,
    /// A description directly in `rdf:RDF`.
    Description,
    /// The property; whether by the book.
    Property(bool),
    Other,
}

struct Attribute {
    /// With the space before it.
    range: Range<usize>,
    name: Range<usize>,
    /// Between the quotes.
    value: Range<usize>,
}

/// A start tag.
struct Tag {
    name: Range<usize>,
    attributes: Vec<Attribute>,
    /// Where the slash of an empty element stands.
    slash: Option<usize>,
    end: usize,
}

/// Reads a packet as far as it is sound.
pub(super) fn read(packet: &[u8]) -> Document {
    let mut reader =
        Reader { packet, open: Vec::new(), bound: HashMap::new(), inside: false, document: Document::default() };
    if let Err(damage) = reader.run() {
        reader.document.damage = Some(damage);
    }
    reader.document.properties.sort_by_key(|property| property.range.start);
    reader.document
}

/// The text without XML's escapes and without the marks of CDATA sections.
pub fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<']) {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        if let Some(section) = rest.strip_prefix("<![CDATA[") {
            let end = section.find("]]>").unwrap_or(section.len());
            plain.push_str(section.get(..end).unwrap_or_default());
            rest = section.get(end + 3..).unwrap_or_default();
            continue;
        }
        // The longest reference in use is `&#x10FFFF;`.
        let end = rest.bytes().take(12).position(|byte| byte == b';').filter(|_| rest.starts_with('&'));
        let c = end.and_then(|end| reference(rest.get(1..end)?));
        match (c, end) {
            (Some(c), Some(end)) => {
                plain.push(c);
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            _ => {
                plain.push_str(rest.get(..1).unwrap_or_default());
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn reference(name: &str) -> Option<char> {
    match name {
        "quot" => Some('"'),
        "apos" => Some('\''),
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

type Step<T> = Result<T, (usize, &'static str)>;

struct Reader<'a> {
    packet: &'a [u8],
    open: Vec<Open>,
    /// The namespaces bound to a prefix, the innermost last.
    bound: HashMap<String, Vec<String>>,
    /// Whether a property named `AIGC` is open.
    inside: bool,
    document: Document,
}

impl Reader<'_> {
    fn run(&mut self) -> Step<()> {
        let mut at = 0;
        while let Some(skip) = memchr::memchr(b'<', self.packet.get(at..).unwrap_or_default()) {
            let begin = at + skip;
            let rest = self.packet.get(begin..).unwrap_or_default();
            at = if rest.starts_with(b"<!--") {
                self.past(begin, b"-->")?
            } else if rest.starts_with(b"<![CDATA[") {
                self.past(begin, b"]]>")?
            } else if rest.starts_with(b"<?") {
                self.past(begin, b"?>")?
            } else if rest.starts_with(b"<!") {
                return Err((begin, "it holds a document type, which packets must not"));
            } else if rest.starts_with(b"</") {
                self.close(begin)?
            } else {
                self.tag(begin)?
            };
        }
        if self.open.is_empty() { Ok(()) } else { Err((self.packet.len(), "the packet ends inside an element")) }
    }

    fn past(&self, from: usize, mark: &[u8]) -> Step<usize> {
        let found = memchr::memmem::find(self.packet.get(from..).unwrap_or_default(), mark);
        found.map(|skip| from + skip + mark.len()).ok_or((from, "the packet ends inside markup"))
    }

    fn text(&self, range: Range<usize>) -> String {
        String::from_utf8_lossy(self.packet.get(range).unwrap_or_default()).into_owned()
    }

    /// The namespace and the local name of a name. Neither is copied: a name may be long, and resolved for every element.
    fn resolve<'n>(&'n self, name: &'n str, attribute: bool) -> (&'n str, &'n str) {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        if prefix.is_empty() && attribute {
            return ("", local);
        }
        (self.bound.get(prefix).and_then(|bound| bound.last()).map_or("", String::as_str), local)
    }

    fn close(&mut self, begin: usize) -> Step<usize> {
        let end = self.past(begin, b">")?;
        let name = self.packet.get(begin + 2..end - 1).unwrap_or_default().trim_ascii();
        let Some(open) = self.open.pop() else { return Err((begin, "an element ends that has not begun")) };
        if self.packet.get(open.name.clone()) != Some(name) {
            return Err((begin, "an element ends inside another"));
        }
        self.leave(open, begin, end);
        Ok(end)
    }

    fn leave(&mut self, open: Open, inner_end: usize, end: usize) {
        match open.what {
            What::Property(by_the_book) => {
                self.inside = false;
                let inner = open.content..inner_end.max(open.content);
                let text = self.text(inner.clone());
                let plain = if open.children { texts(&text) } else { unescape(&text) };
                self.document.properties.push(Property {
                    by_the_book,
                    attribute: false,
                    range: open.begin..end,
                    text: (open.simple && !open.children && inner_end >= open.content).then_some(inner),
                    value: plain.trim().to_owned(),
                });
            }
            What::Rdf if self.document.rdf.is_none() => {
                let prefix = self.text(open.name).split_once(':').map(|(prefix, _)| format!("{prefix}:"));
                let empty = (inner_end < open.content).then_some(inner_end);
                let end = if empty.is_some() { end } else { inner_end };
                self.document.rdf = Some(Rdf { prefix: prefix.unwrap_or_default(), end, empty });
            }
            _ => {}
        }
        for prefix in open.bound {
            if let Some(bound) = self.bound.get_mut(&prefix) {
                bound.pop();
            }
        }
    }

    /// Reads a start tag.
    fn tag(&mut self, begin: usize) -> Step<usize> {
        if self.open.len() >= DEEPEST {
            return Err((begin, "its elements are nested thousands deep"));
        }
        let Tag { name, attributes, slash, end } = self.parts(begin)?;
        let mut bound = Vec::new();
        for attribute in &attributes {
            let key = self.text(attribute.name.clone());
            let prefix = if key == "xmlns" { Some("") } else { key.strip_prefix("xmlns:") };
            if let Some(prefix) = prefix {
                let uri = unescape(&self.text(attribute.value.clone()));
                self.bound.entry(prefix.to_owned()).or_default().push(uri);
                bound.push(prefix.to_owned());
            }
        }
        let full = self.text(name.clone());
        let (uri, local) = self.resolve(&full, false);
        let parent = self.open.last().map(|open| open.what);
        let what = match local {
            "RDF" if uri == RDF => What::Rdf,
            "Description" if uri == RDF && parent == Some(What::Rdf) => What::Description,
            // A label inside a label goes with it; its text would be read again for each around it.
            "AIGC" if self.inside => What::Other,
            "AIGC" => What::Property(uri == URI && parent == Some(What::Description)),
            _ => What::Other,
        };
        if what == What::Description && self.document.about.is_none() {
            let about = attributes.iter().find(|attribute| {
                let key = self.text(attribute.name.clone());
                self.resolve(&key, true) == (RDF, "about")
            });
            // Early writers put the attribute without its namespace; its text counts all the same.
            self.document.about = about.map(|about| about.value.start - 1..about.value.end + 1);
        }
        for attribute in &attributes {
            let key = self.text(attribute.name.clone());
            let (uri, local) = self.resolve(&key, true);
            if local == "AIGC" && !key.starts_with("xmlns") && !self.inside {
                if self.document.properties.len() >= MOST_PROPERTIES {
                    return Err((begin, "it holds thousands of labels"));
                }
                let by_the_book = uri == URI && what == What::Description;
                self.document.properties.push(Property {
                    by_the_book,
                    attribute: true,
                    range: attribute.range.clone(),
                    text: Some(attribute.value.clone()),
                    value: unescape(&self.text(attribute.value.clone())).trim().to_owned(),
                });
            }
        }
        if let Some(parent) = self.open.last_mut() {
            parent.children = true;
        }
        let simple = attributes.len() == bound.len();
        if matches!(what, What::Property(_)) {
            if self.document.properties.len() >= MOST_PROPERTIES {
                return Err((begin, "it holds thousands of labels"));
            }
            self.inside = true;
        }
        let open = Open { name, begin, content: end, what, bound, simple, children: false };
        match slash {
            Some(slash) => self.leave(open, slash, end),
            None => self.open.push(open),
        }
        Ok(end)
    }

    /// Reads the start tag that begins at `begin`.
    fn parts(&self, begin: usize) -> Step<Tag> {
        const CUT: &str = "the packet ends inside a tag";
        let get = |at: usize| self.packet.get(at).copied().ok_or((begin, CUT));
        let word = |mut at: usize| -> Step<usize> {
            while !matches!(get(at)?, b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>' | b'=' | b'<' | b'"' | b'\'') {
                at += 1;
            }
            Ok(at)
        };
        let space = |mut at: usize| -> Step<usize> {
            while get(at)?.is_ascii_whitespace() {
                at += 1;
            }
            Ok(at)
        };
        let end = word(begin + 1)?;
        let name = begin + 1..end;
        if name.is_empty() {
            return Err((begin, "a tag has no name"));
        }
        let mut attributes = Vec::new();
        let mut at = end;
        loop {
            let from = at;
            at = space(at)?;
            match get(at)? {
                b'>' => return Ok(Tag { name, attributes, slash: None, end: at + 1 }),
                b'/' if get(at + 1)? == b'>' => return Ok(Tag { name, attributes, slash: Some(at), end: at + 2 }),
                _ => {}
            }
            let key = at..word(at)?;
            at = space(key.end)?;
            if key.is_empty() || get(at)? != b'=' {
                return Err((at, "an attribute has no value"));
            }
            at = space(at + 1)?;
            let quote = get(at)?;
            if quote != b'"' && quote != b'\'' {
                return Err((at, "an attribute's value has no quotes"));
            }
            let value = at + 1;
            let skip = memchr::memchr(quote, self.packet.get(value..).unwrap_or_default()).ok_or((begin, CUT))?;
            at = value + skip + 1;
            attributes.push(Attribute { range: from..at, name: key, value: value..value + skip });
        }
    }
}

/// The text between tags, escapes undone.
fn texts(inner: &str) -> String {
    let mut plain = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find('<') {
        let section = rest.get(at..).filter(|tag| tag.starts_with("<![CDATA["));
        let end = match section {
            Some(section) => at + section.find("]]>").map_or(section.len(), |end| end + 3),
            None => rest.get(at..).and_then(|tag| tag.find('>')).map_or(rest.len(), |end| at + end + 1),
        };
        let head = if section.is_some() { rest.get(..end) } else { rest.get(..at) };
        plain.push_str(&unescape(head.unwrap_or_default()));
        rest = rest.get(end..).unwrap_or_default();
    }
    plain.push_str(&unescape(rest));
    plain
}
