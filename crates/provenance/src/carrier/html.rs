//! HTML and XHTML. The label is `<meta name="AIGC" content="…">` in the head.
//!
//! Not verified: this is what implementers do, and no guide that could be read says it (standards facts §2.6), so labels
//! here are found as not by the book.
//!
//! The file is read once, tag by tag, through a window, and copied with the few edits that are needed: pages of any size
//! take the same memory. Tags are found as the HTML standard's tokenizer finds them (§13.2.5), as far as metadata need it:
//! comments, scripts, styles and other raw text hold no tags. All encodings that keep ASCII as it is work alike; UTF-16
//! is read unit by unit.

mod scanner;

use std::io::Write;
use std::ops::Range;

use super::edit::{Edits, Source, Trace};
use super::{Carrier, Found, Input, loose};
use crate::Error;
use scanner::{Scanner, Tag};

/// HTML, also as XHTML; the place is not verified.
pub const HTML: Carrier =
    Carrier { id: "html", kind: "text", endings: &["html", "htm", "xhtml", "xht", "shtml"], sniff, read, write };

const FORMAT: &str = "HTML";
/// No guide that could be read names the place.
const BY_THE_BOOK: bool = false;

/// The beginnings that browsers take for HTML (WHATWG MIME Sniffing §7.1), as far as they are not plain text too.
fn sniff(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let begins = |word: &[u8]| head.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let ends = |at: usize| head.get(at).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'>');
    begins(b"<!doctype html") && ends(14)
        || begins(b"<html") && ends(5)
        || begins(b"<head") && ends(5)
        || begins(b"<?xml") && memchr::memmem::find(head, b"<html").is_some()
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut trace = Trace::default();
    let end = Page::read(&mut source, |source, label| {
        trace.note(source, "html:meta AIGC", BY_THE_BOOK, label.value, label.range.start)
    });
    trace.answer(end.map(|_| ()))
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut edits = Edits::default();
    let page =
        Page::read(&mut source, |source, label| edits.put(source, label.range.start, label.range.end, Vec::new()))?;
    let place = page.place();
    let slash = if page.xml { "/" } else { "" };
    let meta = format!("<meta name=\"AIGC\" content=\"{}\"{slash}>", escape(value));
    edits.put(&source, place, place, page.encoded(&meta))?;
    edits.apply(&mut source, out)
}

/// The metadata of a page: names in lower case, contents, and where their tags stand. At most a thousand.
pub(crate) fn metas(source: &mut Source<'_>) -> Result<Vec<(String, String, u64)>, Error> {
    let mut metas = Vec::new();
    Page::each(source, |source, page, tag| {
        if tag.name == "meta" && metas.len() < 1000 {
            let text = |name: &str| {
                let value = tag.attribute(name).unwrap_or_default();
                let wide = page.little.is_some();
                unescape(&if wide { String::from_utf8_lossy(&value).into_owned() } else { decoded(&value) })
            };
            metas.push((text("name").to_lowercase(), text("content"), tag.range.start));
        }
        page.note(source, tag)
    })?;
    Ok(metas)
}

/// A label of a page.
struct Label {
    value: String,
    range: Range<u64>,
}

/// What is known of a page.
#[derive(Debug, Default)]
struct Page {
    /// The order of bytes, where it is written in UTF-16.
    little: Option<bool>,
    xml: bool,
    /// Where its text begins: behind a byte order mark.
    begin: u64,
    declaration: Option<u64>,
    doctype: Option<u64>,
    html: Option<u64>,
    head: Option<u64>,
    charset: Option<u64>,
}

impl Page {
    /// Reads a page, and calls `each` with every label.
    fn read(
        source: &mut Source<'_>,
        mut each: impl FnMut(&Source<'_>, Label) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        Self::each(source, |source, page, tag| {
            let charset = page.charset;
            page.note(source, tag)?;
            if tag.name == "meta" && tag.is_label() {
                // A label goes, so nothing can be put behind it.
                page.charset = charset;
                let value = tag.attribute("content").unwrap_or_default();
                let value =
                    if page.little.is_none() { decoded(&value) } else { String::from_utf8_lossy(&value).into_owned() };
                let value = unescape(&value);
                each(source, Label { value, range: tag.range.clone() })?;
            }
            Ok(())
        })
    }

    /// Calls `each` with every tag.
    fn each(
        source: &mut Source<'_>,
        mut each: impl FnMut(&Source<'_>, &mut Self, &Tag) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let (little, begin) = match source.at(0, 4)? {
            [0xFF, 0xFE, ..] => (Some(true), 2),
            [0xFE, 0xFF, ..] => (Some(false), 2),
            [0xEF, 0xBB, 0xBF, ..] => (None, 3),
            [b'<', 0, ..] => (Some(true), 0),
            [0, b'<', ..] => (Some(false), 0),
            _ => (None, 0),
        };
        let mut page = Self { little, begin, ..Self::default() };
        let mut scanner = Scanner::new(begin, little);
        while let Some(tag) = scanner.next(source)? {
            each(source, &mut page, &tag)?;
        }
        Ok(page)
    }

    fn note(&mut self, source: &Source<'_>, tag: &Tag) -> Result<(), Error> {
        let end = tag.range.end;
        match tag.name.as_str() {
            "?xml" => {
                self.xml = true;
                self.declaration.get_or_insert(end);
            }
            "!doctype" => {
                self.xml |= memchr::memmem::find(&tag.raw, b"XHTML").is_some();
                self.doctype.get_or_insert(end);
            }
            "html" => {
                self.html.get_or_insert(end);
            }
            "head" => {
                self.head.get_or_insert(end);
            }
            "meta" => {
                let charset = tag.attribute("charset");
                let kind = tag.attribute("content").filter(|_| tag.attribute("http-equiv").is_some());
                let kind = kind.map(|kind| kind.to_ascii_lowercase());
                let kind = kind.filter(|kind| memchr::memmem::find(kind, b"charset=").is_some());
                if let Some(name) = charset.or(kind) {
                    let name = name.to_ascii_lowercase();
                    // It counts where it stands in the first 1024 bytes (HTML §4.2.5.4).
                    if end <= 1024 {
                        self.charset.get_or_insert(end);
                    }
                    if ["iso-2022", "hz-gb", "utf-7"]
                        .iter()
                        .any(|bad| memchr::memmem::find(&name, bad.as_bytes()).is_some())
                    {
                        return Err(source.unsupported("its encoding hides letters of ASCII; save it as UTF-8 first"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the label goes: behind the charset, which must stand early, else at the beginning of the head. Where the tags
    /// of the head are left out, what follows the document type is the head.
    fn place(&self) -> u64 {
        let found = self.charset.or(self.head).or(self.html).or(self.doctype).or(self.declaration);
        found.unwrap_or(self.begin)
    }

    fn encoded(&self, text: &str) -> Vec<u8> {
        match self.little {
            None => text.as_bytes().to_vec(),
            Some(true) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Some(false) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        }
    }
}

impl Tag {
    /// Whether it is a `meta` with a label: by its name, or by the members in its content.
    fn is_label(&self) -> bool {
        let named = ["name", "property", "itemprop"].into_iter().filter_map(|key| self.attribute(key)).any(|name| {
            let name = name.trim_ascii().rsplit(|byte| *byte == b':').next().unwrap_or_default().to_vec();
            name.eq_ignore_ascii_case(b"AIGC")
        });
        named || {
            let content = self.attribute("content").unwrap_or_default();
            memchr::memmem::find(&content, b"Produce").is_some()
                && !loose::find_in_field(unescape(&String::from_utf8_lossy(&content)).as_bytes()).is_empty()
        }
    }
}

/// A value whose encoding is not said here: UTF-8 where it is sound UTF-8, else GB 18030, as Chinese pages are.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::GB18030.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

/// Text between double quotes, in ASCII: it means the same in every encoding.
fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 64);
    for c in value.chars() {
        match c {
            '"' => text.push_str("&quot;"),
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            ' '..='~' => text.push(c),
            other => text.push_str(&format!("&#{};", u32::from(other))),
        }
    }
    text
}

/// Without references to characters; named ones as far as labels need them.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        // The longest reference in use is `&#x10FFFF;`; to look further for each sign would take forever.
        let end = rest.bytes().take(13).position(|byte| byte == b';');
        let reference = end.and_then(|end| rest.get(1..end));
        let found = reference.and_then(|name| match name {
            "quot" => Some('"'),
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{A0}'),
            _ => {
                let digits = name.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (found, reference) {
            (Some(c), Some(name)) => {
                plain.push(c);
                rest = rest.get(name.len() + 2..).unwrap_or_default();
            }
            _ => {
                plain.push('&');
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
