//! Metadata of films: the lists of MP4 and QuickTime (ISO/IEC 14496-12 §8.11; Apple, *QuickTime File Format*), the
//! information and tags of Matroska (RFC 9559).

use super::field::{Finder, LONGEST};
use super::packet;
use crate::Error;
use crate::carrier::Input;
use crate::carrier::media::{Source, be32};

/// XMP in a `uuid` box (XMP specification part 3, MPEG-4).
const XMP: [u8; 16] = *b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";
/// Most boxes or elements that are looked at.
const MOST: usize = 1 << 18;
/// Longest box of metadata that is read.
const LONGEST_META: u64 = 16 << 20;

/// Where a box's data stand.
struct Part {
    kind: [u8; 4],
    from: u64,
    to: u64,
}

/// The boxes of a film.
pub(super) fn mp4(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "MP4")?;
    let end = source.len();
    let mut left = MOST;
    boxes(&mut source, finder, (0, end), b"file", 0, &mut left)
}

fn boxes(
    source: &mut Source<'_>,
    finder: &mut Finder<'_>,
    (from, to): (u64, u64),
    parent: &[u8; 4],
    depth: usize,
    left: &mut usize,
) -> Result<(), Error> {
    let mut at = from;
    while to.saturating_sub(at) >= 8 && *left > 0 && depth < 6 {
        *left -= 1;
        let head: [u8; 8] = source.array(at)?;
        let [_, _, _, _, kind @ ..] = head;
        let (header, size) = match be32(&head, 0).unwrap_or_default() {
            // A zero ends the lists of QuickTime.
            0 if parent != b"file" => return Ok(()),
            0 => (8, to - at),
            1 => (16, u64::from_be_bytes(source.array(at + 8)?)),
            size => (8, u64::from(size)),
        };
        if size < header || size > to - at {
            return Err(source.damaged(at, "a box is longer than what it stands in"));
        }
        let part = Part { kind, from: at + header, to: at + size };
        match (parent, &kind) {
            (_, b"moov" | b"udta" | b"trak" | b"moof" | b"traf") => {
                boxes(source, finder, (part.from, part.to), &kind, depth + 1, left)?;
            }
            (_, b"meta") => list(source, finder, &part)?,
            (_, b"uuid") if size >= header + 16 && source.array::<16>(part.from)? == XMP => {
                let length = (part.to - part.from - 16).min(packet::LONGEST);
                let bytes = source.vec(part.from + 16, length, packet::LONGEST)?;
                packet::xmp(finder, &bytes, Some(part.from));
            }
            (b"udta", b"XMP_") => {
                let bytes = source.vec(part.from, (part.to - part.from).min(packet::LONGEST), packet::LONGEST)?;
                packet::xmp(finder, &bytes, Some(part.from));
            }
            // A text of QuickTime: its length, its language, itself.
            (b"udta", [0xA9, ..]) => {
                let bytes = source.vec(part.from, (part.to - part.from).min(LONGEST as u64), LONGEST as u64)?;
                finder.see_bytes(&format!("mp4:{}", latin(&part.kind)), bytes.get(4..).unwrap_or_default(), Some(at));
            }
            _ => {}
        }
        at += size;
    }
    Ok(())
}

/// A box `meta`: items under keys (`mdta`), or under names of four characters (iTunes).
fn list(source: &mut Source<'_>, finder: &mut Finder<'_>, part: &Part) -> Result<(), Error> {
    if part.to - part.from > LONGEST_META {
        return Ok(());
    }
    let bytes = source.vec(part.from, part.to - part.from, LONGEST_META)?;
    // Version and flags come first, but for QuickTime's own.
    let prefix = if bytes.get(4..8) == Some(b"hdlr") { 0 } else { 4 };
    let parts = inner(bytes.get(prefix..).unwrap_or_default());
    let find = |kind: &[u8; 4]| parts.iter().find(|(found, _)| found == kind).map(|(_, data)| *data);
    let keys = find(b"keys").and_then(|data| data.get(8..)).map(inner).unwrap_or_default();
    for (kind, data) in find(b"ilst").map(inner).unwrap_or_default() {
        let inside = inner(data);
        let of = |kind: &[u8; 4]| inside.iter().find(|(found, _)| found == kind).map(|(_, data)| *data);
        // Type and locale stand before the value.
        let Some(value) = of(b"data").and_then(|data| data.get(8..)) else { continue };
        let key = usize::try_from(u32::from_be_bytes(kind)).ok().and_then(|index| keys.get(index.checked_sub(1)?));
        let name = match key {
            Some((_, key)) => String::from_utf8_lossy(key).into_owned(),
            None if &kind == b"----" => latin(of(b"name").and_then(|name| name.get(4..)).unwrap_or_default()),
            None => latin(&kind),
        };
        finder.see_bytes(&format!("mp4:{name}"), value, Some(part.from));
    }
    Ok(())
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Boxes in memory, as far as they are sound.
fn inner(bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some([a, b, c, d, kind @ ..]) = rest.first_chunk::<8>() {
        let size = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(0);
        let Some(data) = rest.get(8..size) else { break };
        found.push((*kind, data));
        rest = rest.get(size..).unwrap_or_default();
        if found.len() > 1 << 14 {
            break;
        }
    }
    found
}

/// Information and tags of the segments of Matroska and WebM.
pub(super) fn matroska(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    const SEGMENT: u32 = 0x1853_8067;
    const INFO: u32 = 0x1549_A966;
    const TAGS: u32 = 0x1254_C367;
    let mut source = Source::new(input, "Matroska")?;
    let mut at = 0;
    for _ in 0..MOST {
        if at >= source.len() {
            return Ok(());
        }
        let head = source.head(at, 12)?;
        let Some((id, size, header)) = element(head) else {
            return Err(source.damaged(at, "no element of EBML begins here"));
        };
        let data = at + header as u64;
        match (id, size) {
            // Its elements follow.
            (SEGMENT, _) => at = data,
            (_, None) => return Ok(()),
            (_, Some(size)) => {
                if matches!(id, INFO | TAGS) && size <= LONGEST_META {
                    let bytes = source.vec(data, size, LONGEST_META)?;
                    if id == INFO { information(finder, &bytes, at) } else { tags(finder, &bytes, at, 0) }
                }
                at = data.saturating_add(size);
            }
        }
    }
    Ok(())
}

/// Identifier, size (none where it is not known) and the length of both.
fn element(bytes: &[u8]) -> Option<(u32, Option<u64>, usize)> {
    let width = bytes.first()?.leading_zeros() as usize + 1;
    let id = bytes.get(..width).filter(|_| width <= 4)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let rest = bytes.get(width..)?;
    let first = *rest.first()?;
    let long = first.leading_zeros() as usize + 1;
    let digits = rest.get(1..long).filter(|_| long <= 8)?;
    let size = digits.iter().fold(u64::from(first) & (0xFF >> long), |size, byte| size << 8 | u64::from(*byte));
    Some((id, (size != (1 << (7 * long)) - 1).then_some(size), width + long))
}

/// Elements in memory, as far as they are sound.
fn elements(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((id, Some(size), header)) = element(rest) {
        let end = usize::try_from(size).ok().and_then(|size| header.checked_add(size));
        let Some(data) = end.and_then(|end| rest.get(header..end)) else { break };
        found.push((id, data));
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
        if found.len() > 1 << 14 {
            break;
        }
    }
    found
}

fn information(finder: &mut Finder<'_>, bytes: &[u8], at: u64) {
    for (id, data) in elements(bytes) {
        if let Some((_, name)) = [(0x5741, "WritingApp"), (0x4D80, "MuxingApp")].iter().find(|(known, _)| *known == id)
        {
            finder.see_bytes(&format!("matroska:{name}"), data, Some(at));
        }
    }
}

/// `Tag` and `SimpleTag`, which may stand in one another.
fn tags(finder: &mut Finder<'_>, bytes: &[u8], at: u64, depth: usize) {
    let inner = elements(bytes);
    let of = |wanted: u32| inner.iter().find(|(id, _)| *id == wanted).map(|(_, data)| *data);
    if let (Some(name), Some(value)) = (of(0x45A3), of(0x4487)) {
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_ascii_uppercase();
        finder.see_bytes(&format!("matroska:{name}"), value, Some(at));
    }
    for (id, data) in inner.iter().filter(|_| depth < 16) {
        if matches!(id, 0x7373 | 0x67C8) {
            tags(finder, data, at, depth + 1);
        }
    }
}
