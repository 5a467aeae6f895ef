//! Elements of EBML (RFC 8794 §4–§6): in a file, and in memory.

use super::super::media::{Source, crc32};
use crate::Error;

pub(super) const VOID: u32 = 0xEC;
pub(super) const CRC: u32 = 0xBF;
/// The most elements of one level in memory.
const MOST: usize = 1 << 16;

/// Where an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub id: u32,
    pub at: u64,
    /// Bytes of identifier and size.
    pub header: u64,
    /// Bytes of the size alone.
    pub width: u64,
    /// Bytes of data; `None` where the writer did not know them.
    pub size: Option<u64>,
}

impl Element {
    pub(super) fn data(&self) -> u64 {
        self.at + self.header
    }
}

/// The number at the beginning: its value without the marker, its width, and whether all bits are one.
fn number(bytes: &[u8]) -> Option<(u64, usize, bool)> {
    let first = *bytes.first()?;
    let width = first.leading_zeros() as usize + 1;
    if width > 8 {
        return None;
    }
    let rest = bytes.get(1..width)?;
    let first = u64::from(first) & (0xFF >> width);
    let value = rest.iter().fold(first, |value, byte| value << 8 | u64::from(*byte));
    Some((value, width, value == (1 << (7 * width)) - 1))
}

/// The identifier with its marker, and its width.
fn identifier(bytes: &[u8]) -> Option<(u32, usize)> {
    let width = bytes.first()?.leading_zeros() as usize + 1;
    let id = bytes.get(..width).filter(|_| width <= 4)?;
    Some((id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte)), width))
}

/// The element that begins here.
pub(super) fn element(source: &mut Source<'_>, at: u64, end: u64) -> Result<Element, Error> {
    let length = usize::try_from(end.saturating_sub(at)).unwrap_or(12).min(12);
    let bytes = source.bytes(at, length)?;
    let parsed = identifier(bytes).and_then(|(id, before)| {
        let (size, width, unknown) = number(bytes.get(before..)?)?;
        let header = (before + width) as u64;
        Some(Element { id, at, header, width: width as u64, size: (!unknown).then_some(size) })
    });
    let parsed = parsed.ok_or_else(|| source.damaged(at, "no element of EBML begins here"))?;
    match parsed.size {
        Some(size) if size > end.saturating_sub(parsed.data()) => {
            let problem = format!("the element {:X} says it has {size} bytes, and they are not there", parsed.id);
            Err(source.damaged(at, problem))
        }
        _ => Ok(parsed),
    }
}

/// An element in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub id: u32,
    pub whole: &'a [u8],
    pub data: &'a [u8],
    width: usize,
}

/// All elements of a level.
pub(super) fn parts(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (id, before) = identifier(bytes.get(at..)?)?;
        let (size, width, unknown) = number(bytes.get(at + before..)?)?;
        let start = at + before + width;
        let end = start.checked_add(usize::try_from(size).ok().filter(|_| !unknown)?)?;
        found.push(Part { id, whole: bytes.get(at..end)?, data: bytes.get(start..end)?, width });
        if found.len() > MOST {
            return None;
        }
        at = end;
    }
    Some(found)
}

/// A size of this width, if it fits: all bits one mean an unknown size and are left out.
pub(super) fn size(value: u64, width: usize) -> Option<Vec<u8>> {
    if !(1..=8).contains(&width) || value >= (1 << (7 * width)) - 1 {
        return None;
    }
    Some((value | 1 << (7 * width)).to_be_bytes().get(8 - width..)?.to_vec())
}

fn id(id: u32) -> Vec<u8> {
    let bytes = id.to_be_bytes();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
    bytes.get(start..).unwrap_or_default().to_vec()
}

/// An element with a size of the least width, or of at least this one.
pub(super) fn build(kind: u32, data: &[u8], least: usize) -> Vec<u8> {
    let length = data.len() as u64;
    let size = (least.max(1)..=8).find_map(|width| size(length, width)).unwrap_or_default();
    [id(kind), size, data.to_vec()].concat()
}

/// An element with other data, its size as wide as it was where that is wide enough.
pub(super) fn rebuilt(part: &Part<'_>, data: &[u8]) -> Vec<u8> {
    build(part.id, data, part.width)
}

/// Nothing, of exactly this many bytes; less than two cannot be.
pub(super) fn void(length: usize) -> Option<Vec<u8>> {
    match length {
        0 => Some(Vec::new()),
        1 => None,
        2..9 => Some([vec![VOID as u8], size(length as u64 - 2, 1)?, vec![0; length - 2]].concat()),
        _ => Some([vec![VOID as u8], size(length as u64 - 9, 8)?, vec![0; length - 9]].concat()),
    }
}

/// The checksum at the beginning of a level made right again (§11.3.1: over everything behind it).
pub(super) fn summed(mut data: Vec<u8>) -> Vec<u8> {
    if data.starts_with(&[CRC as u8, 0x84]) && data.len() >= 6 {
        let sum = crc32(0, data.get(6..).unwrap_or_default()).to_le_bytes();
        data.splice(2..6, sum);
    }
    data
}

/// An unsigned number.
pub(super) fn unsigned(data: &[u8]) -> Option<u64> {
    (data.len() <= 8).then(|| data.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
