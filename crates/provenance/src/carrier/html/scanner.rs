//! Tags of a page, one after the other.

use std::ops::Range;

use super::super::edit::Source;
use crate::Error;

/// Longest tag that is held; a longer one is stepped over (pictures are written into attributes).
const LONGEST: usize = 256 << 10;
/// Elements whose content is text, whatever it looks like (HTML §13.2.5.2 to §13.2.5.5).
const RAW: [&str; 9] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"];

/// A start tag, a declaration or a processing instruction.
#[derive(Debug)]
pub(super) struct Tag {
    /// In lower case; with `!` or `?` where it begins so.
    pub name: String,
    /// Between `<` and `>`; of UTF-16 as UTF-8.
    pub raw: Vec<u8>,
    /// From `<` to `>`.
    pub range: Range<u64>,
}

impl Tag {
    /// The value of an attribute, as written. The first of a name counts.
    pub(super) fn attribute(&self, wanted: &str) -> Option<Vec<u8>> {
        let mut rest = self.raw.get(self.name.len()..)?;
        loop {
            rest = rest.trim_ascii_start();
            rest = rest.strip_prefix(b"/").unwrap_or(rest).trim_ascii_start();
            if rest.is_empty() {
                return None;
            }
            // An equals sign at the beginning is part of the name (§13.2.5.32).
            let tail = rest.get(1..).unwrap_or_default();
            let length = 1 + tail
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'/'))
                .unwrap_or(tail.len());
            let (name, behind) = rest.split_at_checked(length)?;
            rest = behind.trim_ascii_start();
            let mut value: &[u8] = &[];
            if let Some(behind) = rest.strip_prefix(b"=") {
                let behind = behind.trim_ascii_start();
                let quote = behind.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
                let (from, to) = match quote {
                    Some(quote) => (1, 1 + memchr::memchr(quote, behind.get(1..)?).unwrap_or(behind.len() - 1)),
                    None => (0, behind.iter().position(u8::is_ascii_whitespace).unwrap_or(behind.len())),
                };
                value = behind.get(from..to)?;
                rest = behind.get(to + usize::from(quote.is_some())..).unwrap_or_default();
            }
            if name.eq_ignore_ascii_case(wanted.as_bytes()) {
                return Some(value.to_vec());
            }
        }
    }
}

/// Goes through a page.
pub(super) struct Scanner {
    at: u64,
    little: Option<bool>,
    /// The element whose raw text is being stepped over.
    raw: Option<String>,
}

impl Scanner {
    /// From `at` on; `little` is the order of bytes of UTF-16.
    pub(super) fn new(at: u64, little: Option<bool>) -> Self {
        Self { at, little, raw: None }
    }

    fn width(&self) -> u64 {
        if self.little.is_some() { 2 } else { 1 }
    }

    /// The next tag.
    pub(super) fn next(&mut self, source: &mut Source<'_>) -> Result<Option<Tag>, Error> {
        loop {
            let Some(begin) = self.find(source, self.at, b"<")? else { return Ok(None) };
            self.at = begin + self.width();
            let head = self.units(source, self.at, 16)?;
            if let Some(raw) = &self.raw {
                // Only the element's own end tag ends it.
                let name = head.strip_prefix(b"/").unwrap_or_default();
                let own = name.get(..raw.len()).is_some_and(|name| name.eq_ignore_ascii_case(raw.as_bytes()));
                let over =
                    name.get(raw.len()).is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
                if own && over {
                    self.raw = None;
                }
                continue;
            }
            match head.as_slice() {
                [b'!', b'-', b'-', rest @ ..] => {
                    // `<!-->` and `<!--->` are comments too.
                    let skip = match rest {
                        [b'>', ..] | [b'-', b'>', ..] => 1,
                        _ => 3,
                    };
                    match self.find(source, self.at + skip * self.width(), b"-->")? {
                        Some(end) => self.at = end + 3 * self.width(),
                        None => return Ok(None),
                    }
                }
                [b'!' | b'?', ..] => {
                    let Some(end) = self.find(source, self.at, b">")? else { return Ok(None) };
                    return self.tag(source, begin, end).map(Some);
                }
                [first, ..] if first.is_ascii_alphabetic() => {
                    let Some(end) = self.end_of_tag(source, self.at)? else { return Ok(None) };
                    let tag = self.tag(source, begin, end)?;
                    if RAW.contains(&tag.name.as_str()) && !tag.raw.ends_with(b"/") {
                        self.raw = Some(tag.name.clone());
                    }
                    return Ok(Some(tag));
                }
                // End tags, and signs that are no tags.
                _ => {}
            }
        }
    }

    fn tag(&mut self, source: &mut Source<'_>, begin: u64, end: u64) -> Result<Tag, Error> {
        let width = self.width();
        let held = usize::try_from((end - begin) / width - 1).unwrap_or(usize::MAX).min(LONGEST);
        let bytes = source.part(begin + width, held as u64 * width, "a tag")?;
        let raw = match self.little {
            None => bytes,
            Some(little) => {
                let units = bytes.as_chunks::<2>().0.iter();
                let units =
                    units.map(|unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
                char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect::<String>()
                    .into_bytes()
            }
        };
        let length = raw.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(raw.len());
        let name = String::from_utf8_lossy(raw.get(..length).unwrap_or_default()).to_ascii_lowercase();
        self.at = end + width;
        // A name that is not ASCII is no name of ours, and its length is not that of the bytes.
        let name = if name.is_ascii() { name } else { String::new() };
        Ok(Tag { name, raw, range: begin..end + width })
    }

    /// Where a start tag ends: at the first `>` that stands in no quotes.
    fn end_of_tag(&self, source: &mut Source<'_>, from: u64) -> Result<Option<u64>, Error> {
        let width = self.width();
        let mut at = from;
        let mut quote = 0_u8;
        // A quote opens a value only behind an equals sign.
        let mut before = 0_u8;
        loop {
            let units = self.units(source, at, 4096)?;
            if units.is_empty() {
                return Ok(None);
            }
            for (skip, unit) in units.iter().enumerate() {
                match (quote, *unit) {
                    (0, b'>') => return Ok(Some(at + skip as u64 * width)),
                    (0, open @ (b'"' | b'\'')) if before == b'=' => quote = open,
                    (open, close) if open != 0 && open == close => quote = 0,
                    _ => {}
                }
                if !unit.is_ascii_whitespace() {
                    before = *unit;
                }
            }
            at += units.len() as u64 * width;
        }
    }

    /// Up to `count` units at a place; those beyond ASCII as 0xFF.
    fn units(&self, source: &mut Source<'_>, at: u64, count: usize) -> Result<Vec<u8>, Error> {
        let bytes = source.at(at, count * usize::from(self.little.is_some()) + count)?;
        Ok(match self.little {
            None => bytes.get(..count.min(bytes.len())).unwrap_or_default().to_vec(),
            Some(little) => ascii(bytes, little).take(count).collect(),
        })
    }

    /// Where a word of ASCII stands next.
    fn find(&self, source: &mut Source<'_>, from: u64, word: &[u8]) -> Result<Option<u64>, Error> {
        let width = self.width();
        let mut at = from;
        // Units of UTF-16 are turned into ASCII before they are looked at: first a few, since tags stand close.
        let mut wanted = 64;
        while at < source.len() {
            let window = source.at(at, 8192)?;
            let (hit, length) = match self.little {
                None => (memchr::memmem::find(window, word), window.len()),
                Some(little) => {
                    let units: Vec<u8> = ascii(window, little).take(wanted).collect();
                    wanted = (wanted * 4).min(4096);
                    (memchr::memmem::find(&units, word), units.len())
                }
            };
            if let Some(hit) = hit {
                return Ok(Some(at + hit as u64 * width));
            }
            if length < word.len() {
                return Ok(None);
            }
            at += (length - (word.len() - 1)) as u64 * width;
        }
        Ok(None)
    }
}

fn ascii(bytes: &[u8], little: bool) -> impl Iterator<Item = u8> {
    let units = bytes.as_chunks::<2>().0.iter();
    let units = units.map(move |unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
    units.map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(0xFF))
}
