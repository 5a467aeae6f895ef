//! The cells of a workbook (XLSX) from anywhere.
//!
//! A file that people hand in may be anything. A reader that makes room for what a file claims (its dimensions, its
//! counts) can be brought down by it; this one makes room only for what is there, and only for so much.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

/// All parts together, unpacked.
const MOST_BYTES: u64 = 128 << 20;
/// Cells of a sheet.
const MOST_CELLS: usize = 1_000_000;

/// A sheet: rows by number (1 is the first), cells by column (0 is A).
pub(super) type Sheet = BTreeMap<usize, BTreeMap<usize, String>>;

/// A workbook that was opened.
pub(super) struct Workbook<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
    /// Sheets: name and part.
    sheets: Vec<(String, String)>,
    strings: Vec<String>,
}

impl<'a> Workbook<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Workbook<'a>, String> {
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| "it is no XLSX workbook".to_owned())?;
        let mut book = Workbook { archive, left: MOST_BYTES, sheets: Vec::new(), strings: Vec::new() };
        let root = book.relations("", "_rels/.rels")?;
        let main = root
            .into_iter()
            .find(|(_, kind, _)| kind.ends_with("/officeDocument"))
            .map_or_else(|| "xl/workbook.xml".to_owned(), |(_, _, part)| part);
        let (folder, file) = main.rsplit_once('/').unwrap_or(("", &main));
        let (folder, rels) = (folder.to_owned(), format!("{folder}/_rels/{file}.rels"));
        let parts = book.relations(&folder, rels.trim_start_matches('/'))?;
        let text = book.part(&main)?.ok_or("it is no XLSX workbook")?;
        walk(&text, |node| {
            if let Node::Start(tag) = node
                && tag.local_name().as_ref() == "sheet"
                && let (Some(name), Some(id)) = (attribute(tag, "name"), attribute(tag, "id"))
                && let Some((_, _, part)) = parts.iter().find(|(known, ..)| *known == id)
            {
                book.sheets.push((name, part.clone()));
            }
            Ok(())
        })?;
        if let Some((_, _, part)) = parts.iter().find(|(_, kind, _)| kind.ends_with("/sharedStrings"))
            && let Some(text) = book.part(part)?
        {
            book.strings = shared_strings(&text)?;
        }
        Ok(book)
    }

    /// The sheet with one of these names.
    pub(super) fn sheet(&mut self, names: &[&str]) -> Result<Option<Sheet>, String> {
        let found = self.sheets.iter().find(|(name, _)| names.contains(&name.trim()));
        let Some((name, part)) = found.cloned() else { return Ok(None) };
        let text = self.part(&part)?.ok_or_else(|| format!("the sheet {name:?} is missing in the file"))?;
        cells(&text, &self.strings).map(Some)
    }

    /// A part's text, when it is there.
    fn part(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(index) = (0..self.archive.len())
            .find(|i| matches!(self.archive.name_for_index(*i), Some(Ok(known)) if known.eq_ignore_ascii_case(name)))
        else {
            return Ok(None);
        };
        let broken = |_| format!("the part {name:?} of the workbook cannot be read");
        let file = self.archive.by_index(index).map_err(|_| broken(()))?;
        let mut bytes = Vec::new();
        let read = file.take(self.left.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| broken(()))? as u64;
        self.left = self.left.checked_sub(read).ok_or("the workbook is too large when it is unpacked")?;
        let text = String::from_utf8(bytes).map_err(|_| broken(()))?;
        Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
    }

    /// What a part refers to: id, kind, part.
    fn relations(&mut self, folder: &str, name: &str) -> Result<Vec<(String, String, String)>, String> {
        let mut found = Vec::new();
        let Some(text) = self.part(name)? else { return Ok(found) };
        walk(&text, |node| {
            if let Node::Start(tag) = node
                && let (Some(id), Some(kind), Some(target)) =
                    (attribute(tag, "Id"), attribute(tag, "Type"), attribute(tag, "Target"))
            {
                let part = match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => format!("{folder}/{target}").trim_start_matches('/').to_owned(),
                };
                found.push((id, kind, part));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

enum Node<'a> {
    Start(&'a BytesStart<'a>),
    End(&'a str),
    Text(&'a str),
}

/// Every element and text of a part, in order.
fn walk(xml: &str, mut each: impl FnMut(Node<'_>) -> Result<(), String>) -> Result<(), String> {
    const BROKEN: &str = "the workbook's XML is broken";
    let mut reader = Reader::from_str(xml);
    reader.config_mut().expand_empty_elements = true;
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Start(tag) => each(Node::Start(&tag))?,
            Event::End(tag) => each(Node::End(tag.local_name().as_ref()))?,
            Event::Text(text) => each(Node::Text(&text.xml10_content()))?,
            Event::CData(text) => each(Node::Text(&text.xml10_content()))?,
            Event::GeneralRef(name) => {
                let known = match name.resolve_char_ref().map_err(|_| BROKEN)? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&name).ok_or(BROKEN)?.to_owned(),
                };
                each(Node::Text(&known))?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// An attribute by its name without a prefix.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name)?;
    found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

fn shared_strings(xml: &str) -> Result<Vec<String>, String> {
    let (mut strings, mut current) = (Vec::new(), Words::default());
    walk(xml, |node| {
        if let Node::End("si") = node {
            strings.push(current.take());
        } else {
            current.see(&node);
        }
        Ok(())
    })?;
    Ok(strings)
}

/// The text of a string with its runs, without what tells how it is read aloud.
#[derive(Default)]
struct Words {
    text: String,
    inside: bool,
    phonetic: bool,
}

impl Words {
    fn see(&mut self, node: &Node<'_>) {
        match node {
            Node::Start(tag) if tag.local_name().as_ref() == "t" => self.inside = true,
            Node::End("t") => self.inside = false,
            Node::Start(tag) if tag.local_name().as_ref() == "rPh" => self.phonetic = true,
            Node::End("rPh") => self.phonetic = false,
            Node::Text(text) if self.inside && !self.phonetic => self.text.push_str(text),
            _ => {}
        }
    }

    fn take(&mut self) -> String {
        unescape(&std::mem::take(self).text)
    }
}

fn cells(xml: &str, strings: &[String]) -> Result<Sheet, String> {
    let mut sheet = Sheet::new();
    let (mut row, mut column, mut count) = (0_usize, 0_usize, 0_usize);
    let (mut kind, mut value, mut in_value) = (String::new(), String::new(), false);
    let mut words = Words::default();
    walk(xml, |node| {
        match &node {
            Node::Start(tag) if tag.local_name().as_ref() == "row" => {
                row = attribute(tag, "r").and_then(|r| r.parse().ok()).unwrap_or(row.saturating_add(1));
                column = 0;
            }
            Node::Start(tag) if tag.local_name().as_ref() == "c" => {
                if let Some((at_column, at_row)) = attribute(tag, "r").as_deref().and_then(place) {
                    (column, row) = (at_column, at_row);
                }
                kind = attribute(tag, "t").unwrap_or_default();
                value.clear();
                words = Words::default();
            }
            Node::Start(tag) if tag.local_name().as_ref() == "v" => in_value = true,
            Node::End("v") => in_value = false,
            Node::Text(text) if in_value => value.push_str(text),
            Node::End("c") => {
                let text = match kind.as_str() {
                    "s" => {
                        let known = value.trim().parse::<usize>().ok().and_then(|i| strings.get(i));
                        known.cloned().ok_or("a cell names a text that the workbook does not have")?
                    }
                    "inlineStr" => words.take(),
                    "b" => if value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
                    _ => unescape(&value),
                };
                if !text.is_empty() {
                    count += 1;
                    if count > MOST_CELLS {
                        return Err("the sheet has too many cells".to_owned());
                    }
                    sheet.entry(row).or_default().insert(column, text);
                }
                column = column.saturating_add(1);
            }
            _ => words.see(&node),
        }
        Ok(())
    })?;
    Ok(sheet)
}

/// `C12` as column (0 is A) and row (1 is the first).
fn place(name: &str) -> Option<(usize, usize)> {
    let split = name.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = name.split_at_checked(split)?;
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    let column = letters.bytes().try_fold(0_usize, |sum, b| {
        let digit = b.to_ascii_uppercase().checked_sub(b'A').filter(|d| *d < 26)?;
        Some(sum * 26 + usize::from(digit) + 1)
    })?;
    Some((column - 1, row.parse().ok()?))
}

/// Undoes `_x000D_`: how workbooks write characters that XML cannot.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let code = from.get(2..6).filter(|_| from.as_bytes().get(6) == Some(&b'_'));
        let code =
            code.filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|c| u32::from_str_radix(c, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = from.get(7..).unwrap_or_default();
            }
            None => {
                out.push_str("_x");
                rest = from.get(2..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}
