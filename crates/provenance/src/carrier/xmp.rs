//! The label as a property of an XMP packet: `TC260:AIGC`, namespace [`URI`] (TC260-PG-20259A; XMP specification part 1,
//! ISO 16684-1: a packet is RDF/XML in UTF-8 between two processing instructions, the second behind white space that is
//! there to be used up).
//!
//! A packet is changed where the property stands and nowhere else.

mod markup;

use std::ops::Range;

use crate::Error;
pub use markup::unescape;
use markup::{Property, read};

/// The namespace of the property.
pub const URI: &str = "http://www.tc260.org.cn/ns/AIGC/1.0/";
const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// A label in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Whether it is the property of the guides: this namespace, in a description of the whole file.
    pub by_the_book: bool,
    /// Its text.
    pub value: String,
    /// What to take out for it to be gone.
    pub range: Range<usize>,
}

/// All labels of a packet: the property as an element or an attribute, whatever prefix is bound to the namespace, and
/// what else is named or keyed `AIGC`.
pub fn labels(packet: &[u8]) -> Vec<Label> {
    if let Some(text) = utf16(packet) {
        // The text's places are not those of the packet: such a packet is only read.
        return labels(text.as_bytes())
            .into_iter()
            .map(|label| Label { range: 0..0, by_the_book: false, ..label })
            .collect();
    }
    let document = read(packet);
    let mut found: Vec<Label> = document.properties.iter().map(Property::label).collect();
    // Both lists are in order. An element may lie in another, so the farthest end so far counts.
    let mut properties = document.properties.iter().map(|property| &property.range).peekable();
    let mut reached = 0;
    for one in super::loose::find(packet) {
        while let Some(range) = properties.next_if(|range| range.start < one.range.end) {
            reached = reached.max(range.end);
        }
        if reached <= one.range.start {
            found.push(Label { by_the_book: false, value: one.value, range: one.range });
        }
    }
    found.sort_by_key(|label| label.range.start);
    found
}

/// The values of [`labels`].
pub fn values(packet: &[u8]) -> Vec<String> {
    labels(packet).into_iter().map(|label| label.value).collect()
}

/// The packet with `value` as its one label; a new packet where there was none. Every byte that is no label stays. The
/// length stays too where the white space at the end has room for the change.
///
/// # Errors
/// When the packet is not RDF/XML in UTF-8.
pub fn with(packet: Option<&[u8]>, value: &str) -> Result<Vec<u8>, Error> {
    let Some(packet) = packet.filter(|packet| !packet.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0))
    else {
        return Ok(new(value));
    };
    if packet.len() as u64 > super::edit::MOST_METADATA {
        return Err(Error::TooMuch { format: "XMP", problem: format!("the packet has {} bytes", packet.len()) });
    }
    if utf16(packet).is_some() {
        let problem = "its packet is written in UTF-16; write it anew in UTF-8".to_owned();
        return Err(Error::Unsupported { format: "XMP", problem });
    }
    let document = read(packet);
    if let Some((at, problem)) = document.damage {
        return Err(Error::Damaged { format: "XMP", at: at as u64, problem: problem.to_owned() });
    }
    let all = labels(packet);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let kept = document.properties.iter().find(|property| property.text.is_some() && property.by_the_book);
    let kept_range = kept.map(|property| property.range.clone());
    for label in &all {
        if Some(&label.range) != kept_range.as_ref() {
            edits.push((label.range.clone(), String::new()));
        }
    }
    match kept.and_then(|property| property.text.clone()) {
        Some(text) => {
            // An attribute's or element's old text may say the same with other escapes: then nothing changes.
            let old = packet.get(text.clone()).unwrap_or_default();
            if unescape(&String::from_utf8_lossy(old)) != value || old.contains(&b'<') {
                edits.push((text, escape(value, kept.is_some_and(|property| property.attribute))));
            }
        }
        None => {
            let Some(rdf) = document.rdf else {
                let problem = "its packet holds no rdf:RDF element".to_owned();
                return Err(Error::Damaged { format: "XMP", at: 0, problem });
            };
            let prefix = rdf.prefix;
            let about = document.about.map_or_else(|| "\"\"".to_owned(), |about| lossless(packet, about));
            let text = escape(value, false);
            let description = format!(
                "<{prefix}Description {prefix}about={about} xmlns:TC260=\"{URI}\"><TC260:AIGC>{text}</TC260:AIGC></{prefix}Description>"
            );
            match rdf.empty {
                // `<rdf:RDF/>` becomes an element with content.
                Some(slash) => edits.push((slash..rdf.end, format!(">{description}</{prefix}RDF>"))),
                None => edits.push((rdf.end..rdf.end, description)),
            }
        }
    }
    let written = padded(packet, edits);
    // Markup that is damaged where the label stands may leave more than one reading.
    match values(&written).as_slice() {
        [one] if one == value => Ok(written),
        _ => Err(unclear()),
    }
}

fn unclear() -> Error {
    Error::Damaged { format: "XMP", at: 0, problem: "its label is not well-formed markup".to_owned() }
}

/// The packet without any label, as long as it was: labels become white space.
///
/// # Errors
/// When the packet is written in UTF-16, or a label is so damaged that it cannot be taken out.
pub fn without(packet: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = packet.to_vec();
    for label in labels(packet) {
        if label.range.is_empty() && !label.value.is_empty() {
            let problem = "a second packet with a label is written in UTF-16; take it out first".to_owned();
            return Err(Error::Unsupported { format: "XMP", problem });
        }
        bytes.get_mut(label.range).unwrap_or_default().fill(b' ');
    }
    if labels(&bytes).is_empty() { Ok(bytes) } else { Err(unclear()) }
}

/// The packet shorter by its padding: for containers that have little room.
pub(crate) fn without_padding(packet: &[u8]) -> Vec<u8> {
    let mut short = packet.to_vec();
    if let Some(padding) = padding(packet) {
        short.drain(padding);
    }
    short
}

fn lossless(packet: &[u8], range: Range<usize>) -> String {
    String::from_utf8_lossy(packet.get(range).unwrap_or_default()).into_owned()
}

fn new(value: &str) -> Vec<u8> {
    let text = escape(value, false);
    format!(
        "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"{RDF}\">\
         <rdf:Description rdf:about=\"\" xmlns:TC260=\"{URI}\"><TC260:AIGC>{text}</TC260:AIGC></rdf:Description>\
         </rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>"
    )
    .into_bytes()
}

/// Text as the content of an element, or between quotes of either kind. Control characters of XML 1.0 have no escape.
fn escape(value: &str, attribute: bool) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' if attribute => text.push_str("&quot;"),
            '\'' if attribute => text.push_str("&apos;"),
            '\n' => text.push_str("&#10;"),
            '\r' => text.push_str("&#13;"),
            '\t' => text.push_str("&#9;"),
            other => text.push(other),
        }
    }
    text
}

/// Makes the edits, and lets the padding give or take what they change, but for one byte.
fn padded(packet: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
    // A label inside a label goes with it.
    let mut end = 0;
    edits.retain(|(range, _)| {
        let apart = range.start >= end;
        end = end.max(range.end);
        apart
    });
    let removed: usize = edits.iter().map(|(range, _)| range.len()).sum();
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    if let Some(padding) = padding(packet) {
        let room = padding.len() + removed;
        if let Some(left) = room.checked_sub(added).filter(|left| *left > 0) {
            let old = padding.len();
            if left < old {
                edits.push((padding.end - (old - left)..padding.end, String::new()));
            } else {
                edits.push((padding.end..padding.end, " ".repeat(left - old)));
            }
        }
    }
    let mut bytes = Vec::with_capacity(packet.len() + added);
    let mut done = 0;
    for (range, text) in edits {
        bytes.extend_from_slice(packet.get(done..range.start).unwrap_or_default());
        bytes.extend_from_slice(text.as_bytes());
        done = range.end;
    }
    bytes.extend_from_slice(packet.get(done..).unwrap_or_default());
    bytes
}

/// The white space before `<?xpacket end="w"?>` that may be used up: all but the first byte of a run.
fn padding(packet: &[u8]) -> Option<Range<usize>> {
    let end = memchr::memmem::rfind(packet, b"<?xpacket end=")?;
    if !matches!(packet.get(end + 15), Some(b'w')) {
        return None;
    }
    let head = packet.get(..end)?;
    let from = head.len() - head.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    (end - from > 1).then_some(from + 1..end)
}

/// The text of a packet in UTF-16, which standalone packets may be.
fn utf16(packet: &[u8]) -> Option<String> {
    let little = match packet.first_chunk::<4>()? {
        [b'<', 0, _, 0] | [0xFF, 0xFE, ..] => true,
        [0, b'<', 0, _] | [0xFE, 0xFF, ..] => false,
        _ => return None,
    };
    let units = packet.as_chunks::<2>().0.iter();
    let units = units.map(|unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

#[cfg(test)]
mod tests;
