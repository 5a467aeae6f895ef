//! Fields of TIFF (TIFF 6.0; BigTIFF), and the labels that writers put in those of EXIF (CIPA DC-008).
//!
//! EXIF is a small TIFF inside another file. Its places are offsets from its own beginning, so nothing in it is moved: a
//! label is taken out by writing spaces over it, which is how EXIF says that a text is empty.

use std::collections::{HashSet, VecDeque};

use super::edit::{MOST_METADATA, Source, Trace, number};
use super::loose::{self, Loose};
use super::xmp;
use crate::Error;

/// `ImageDescription`.
pub(crate) const DESCRIPTION: u16 = 0x010E;
/// The XMP packet (XMP specification part 3, TIFF).
pub(crate) const XMP: u16 = 0x02BC;
/// `UserComment`.
pub(crate) const USER_COMMENT: u16 = 0x9286;
/// `XPTitle` to `XPSubject`: text of Windows in UTF-16.
const XP: std::ops::RangeInclusive<u16> = 0x9C9B..=0x9C9F;
/// Fields whose values are directories: `SubIFDs`, EXIF, GPS, interoperability.
const DIRECTORIES: [u16; 4] = [0x014A, 0x8769, 0x8825, 0xA005];
/// Most directories (pages, thumbnails) in one file.
const MOST_DIRECTORIES: usize = 65_536;
/// Most fields in all directories.
const MOST_FIELDS: u64 = 4_000_000;
/// Most directories that one field lists.
const MOST_LISTED: u64 = 256;

/// How the numbers of a TIFF are written, and where it stands in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) little: bool,
    pub(crate) big: bool,
    /// Where the header stands; offsets count from here.
    pub(crate) base: u64,
    /// The offset of the first directory.
    pub(crate) first: u64,
}

impl Header {
    /// Bytes of an offset.
    pub(crate) fn width(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Bytes of a field.
    pub(crate) fn field(self) -> u64 {
        if self.big { 20 } else { 12 }
    }

    /// Bytes of the count before a directory's fields.
    pub(crate) fn count(self) -> u64 {
        if self.big { 8 } else { 2 }
    }
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) tag: u16,
    pub(crate) kind: u16,
    pub(crate) count: u64,
    /// Where the field stands in the file.
    pub(crate) at: u64,
    /// Where its value stands in the file, and how long it is.
    pub(crate) value: u64,
    pub(crate) size: u64,
}

/// A directory.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Where it stands in the file.
    pub(crate) at: u64,
    /// Its number among the pages; none for directories inside others.
    pub(crate) page: Option<usize>,
    pub(crate) fields: Vec<Field>,
}

/// Reads a header at `base`.
pub(crate) fn header(source: &mut Source<'_>, base: u64) -> Result<Header, Error> {
    let head: [u8; 8] = source.bytes(base)?;
    let little = match head.first_chunk::<2>() {
        Some(b"II") => true,
        Some(b"MM") => false,
        _ => return Err(source.damaged(base, "it has no byte order")),
    };
    let part = |from: usize, to: usize| number(head.get(from..to).unwrap_or_default(), little);
    match part(2, 4) {
        42 => Ok(Header { little, big: false, base, first: part(4, 8) }),
        43 if part(4, 6) == 8 && part(6, 8) == 0 => {
            let first: [u8; 8] = source.bytes(base + 8)?;
            Ok(Header { little, big: true, base, first: number(&first, little) })
        }
        _ => Err(source.damaged(base, "its version is neither that of TIFF nor that of BigTIFF")),
    }
}

/// Bytes of one value of a type; types that are not known have none.
fn width(kind: u16) -> u64 {
    match kind {
        1 | 2 | 6 | 7 | 129 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 0,
    }
}

/// Reads the directory at the offset `offset`, and the offset of the next.
pub(crate) fn directory(
    source: &mut Source<'_>,
    header: Header,
    offset: u64,
    end: u64,
) -> Result<(Vec<Field>, u64), Error> {
    let Header { little, base, .. } = header;
    let beyond = |source: &Source<'_>, at: u64| source.damaged(at, "a directory goes beyond the end");
    let at = base.checked_add(offset).filter(|at| *at < end).ok_or_else(|| beyond(source, base))?;
    let count =
        if header.big { number(&source.bytes::<8>(at)?, little) } else { number(&source.bytes::<2>(at)?, little) };
    if count > 65_535 {
        return Err(source.too_much(format!("a directory has {count} fields")));
    }
    let fields_at = at + header.count();
    let fields_end = fields_at + count * header.field();
    if fields_end > end {
        return Err(beyond(source, at));
    }
    let mut fields = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    let wide = header.width();
    for index in 0..count {
        let at = fields_at + index * header.field();
        let raw: [u8; 20] = if header.big {
            source.bytes(at)?
        } else {
            let mut raw = [0; 20];
            raw.iter_mut().zip(source.bytes::<12>(at)?).for_each(|(to, from)| *to = from);
            raw
        };
        let part = |from: usize, to: usize| number(raw.get(from..to).unwrap_or_default(), little);
        let (tag, kind, count) = (part(0, 2), part(2, 4), part(4, 4 + wide));
        let kind = u16::try_from(kind).unwrap_or_default();
        let size = count.saturating_mul(width(kind));
        let inline = at + 4 + wide as u64;
        let value = if size <= wide as u64 { inline } else { base.saturating_add(part(4 + wide, 4 + 2 * wide)) };
        fields.push(Field { tag: u16::try_from(tag).unwrap_or_default(), kind, count, at, value, size });
    }
    let next = match source.at(fields_end, wide)?.get(..wide) {
        Some(next) if fields_end + wide as u64 <= end => number(next, little),
        // Some writers of EXIF leave the offset of a next directory out.
        _ => 0,
    };
    Ok((fields, next))
}

/// Calls `each` with every directory: pages, thumbnails, EXIF, and those inside others. Each is met once.
pub(crate) fn walk(
    source: &mut Source<'_>,
    header: Header,
    end: u64,
    mut each: impl FnMut(&mut Source<'_>, &Directory) -> Result<(), Error>,
) -> Result<(), Error> {
    // Seen is what ever waited, so that no directory waits twice.
    let mut seen = HashSet::from([0]);
    let (mut fields, mut read, mut tables) = (0, 0_u64, 0_u64);
    let mut waiting = VecDeque::new();
    if seen.insert(header.first) {
        waiting.push_back((header.first, Some(0_usize)));
    }
    while let Some((offset, page)) = waiting.pop_front() {
        let (found, next) = directory(source, header, offset, end)?;
        let directory = Directory { at: header.base + offset, page, fields: found };
        fields += directory.fields.len() as u64;
        let texts = directory.fields.iter().filter(|field| width(field.kind) == 1);
        read = texts.fold(read, |sum, field| sum.saturating_add(field.size));
        // Directories of a sound file lie beside each other. Those of a hostile one lie over each other, by the thousands.
        tables = tables.saturating_add(directory.fields.len() as u64 * header.field());
        if read / 2 > end - header.base || tables / 2 > end - header.base {
            return Err(source.damaged(directory.at, "its fields hold more than the file"));
        }
        if seen.len() > MOST_DIRECTORIES || fields > MOST_FIELDS {
            return Err(source.too_much("it has tens of thousands of directories"));
        }
        each(source, &directory)?;
        if seen.insert(next) {
            waiting.push_back((next, page.map(|page| page + 1)));
        }
        for field in directory.fields.iter().filter(|field| DIRECTORIES.contains(&field.tag)) {
            let wide = usize::try_from(width(field.kind)).unwrap_or_default();
            if !(wide == 4 || wide == 8) || field.value.saturating_add(field.size) > end {
                continue;
            }
            let count = field.count.min(MOST_LISTED);
            tables = tables.saturating_add(count * wide as u64);
            if tables / 2 > end - header.base {
                return Err(source.damaged(field.at, "its fields list more directories than the file has room for"));
            }
            for index in 0..count {
                let at = field.value + index * wide as u64;
                let found = source.at(at, wide)?.get(..wide).map(|bytes| number(bytes, header.little));
                let offset = found.unwrap_or_default();
                if seen.insert(offset) {
                    waiting.push_back((offset, None));
                }
            }
        }
    }
    Ok(())
}

/// Notes the labels of a field of text, and how to take them out.
pub(crate) fn field(
    source: &mut Source<'_>,
    header: Header,
    field: &Field,
    end: u64,
    prefix: &str,
    book: bool,
    trace: &mut Trace,
) -> Result<(), Error> {
    let text = matches!(field.kind, 1 | 2 | 7 | 129) && field.size >= 16;
    if !text || field.value.checked_add(field.size).is_none_or(|last| last > end) {
        return Ok(());
    }
    if field.size > MOST_METADATA || !(matches!(field.tag, DESCRIPTION | XMP | USER_COMMENT) || XP.contains(&field.tag))
    {
        let place = format!("{prefix} tag {:#06x}", field.tag);
        return loose::scan(source, field.value, field.value + field.size, |source, at, one| {
            note(source, trace, &place, false, at, one, None)
        });
    }
    let bytes = source.part(field.value, field.size, "a field")?;
    let (place, skip, found, utf16) = match field.tag {
        XMP => {
            let found = xmp::labels(&bytes).into_iter().filter(|label| !label.range.is_empty());
            let found = found.map(|label| Loose { range: label.range, value: label.value }).collect();
            (format!("{prefix} XMP TC260:AIGC"), 0, found, None)
        }
        USER_COMMENT => {
            let (code, text) = bytes.split_at_checked(8).unwrap_or((&[], &bytes));
            let place = format!("{prefix} UserComment");
            if code == b"UNICODE\0" {
                let (found, little) = either_order(text, header.little);
                (place, 8, found, Some(little))
            } else if code.contains(&b'{') {
                // The code was left out.
                (place, 0, loose::find_in_field(&bytes), None)
            } else {
                (place, 8, loose::find_in_field(text), None)
            }
        }
        DESCRIPTION => (format!("{prefix} ImageDescription"), 0, loose::find_in_field(&bytes), None),
        tag => (format!("{prefix} tag {tag:#06x}"), 0, loose::find_utf16(&bytes, true), Some(true)),
    };
    for one in found {
        let at = field.value + skip + one.range.start as u64;
        note(source, trace, &place, book && field.tag == USER_COMMENT, at, one, utf16)?;
    }
    Ok(())
}

/// UTF-16 in the order of the file, as EXIF wants it, else in the other, as some write it.
fn either_order(text: &[u8], little: bool) -> (Vec<Loose>, bool) {
    let found = loose::find_utf16(text, little);
    if found.is_empty() { (loose::find_utf16(text, !little), !little) } else { (found, little) }
}

/// Notes one label that stands at `at`, and writes spaces over it.
fn note(
    source: &Source<'_>,
    trace: &mut Trace,
    place: &str,
    book: bool,
    at: u64,
    one: Loose,
    utf16: Option<bool>,
) -> Result<(), Error> {
    let length = one.range.len();
    trace.note(source, place, book, one.value, at)?;
    trace.edits.put(source, at, at + length as u64, loose::spaces(length, utf16))
}

/// Notes the labels of the EXIF block at `base..end`. A damaged block is read as far as it goes: the picture does not
/// depend on it.
pub(crate) fn block(
    source: &mut Source<'_>,
    base: u64,
    end: u64,
    prefix: &str,
    book: bool,
    trace: &mut Trace,
) -> Result<(), Error> {
    let before = trace.found.len();
    let walked = header(source, base).and_then(|header| {
        walk(source, header, end, |source, directory| {
            for one in &directory.fields {
                field(source, header, one, end, prefix, book, trace)?;
            }
            Ok(())
        })
    });
    match walked {
        Ok(()) | Err(Error::Damaged { .. }) => {}
        Err(other) => return Err(other),
    }
    let known: Vec<u64> = trace.found.iter().skip(before).filter_map(|found| found.offset).collect();
    let place = format!("{prefix} EXIF");
    loose::scan(source, base, end, |source, at, one| {
        let last = at + one.range.len() as u64;
        // The same label, seen with or without its key.
        if known.iter().any(|offset| (at..last).contains(offset) || offset.abs_diff(at) < 64) {
            return Ok(());
        }
        note(source, trace, &place, false, at, one, None)
    })
}

#[cfg(test)]
mod tests;
