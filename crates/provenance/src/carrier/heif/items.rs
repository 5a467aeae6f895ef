//! Items of a HEIF file: what they are (`iinf`) and where they stand (`iloc`) (ISO/IEC 14496-12 §8.11).

use super::super::edit::{Edits, encode, number};

/// A reader of numbers that ends with its bytes.
pub(super) struct Numbers<'a>(pub(super) &'a [u8]);

impl<'a> Numbers<'a> {
    pub(super) fn next(&mut self, width: usize) -> Option<u64> {
        let (head, rest) = self.0.split_at_checked(width)?;
        self.0 = rest;
        Some(number(head, false))
    }

    /// A text that ends with a zero, or with the bytes.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let (head, rest) = self.0.split_at_checked(end).unwrap_or((self.0, &[]));
        self.0 = rest.get(1..).unwrap_or_default();
        head
    }
}

/// What an item is.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) id: u32,
    pub(super) kind: [u8; 4],
    /// The content type of a `mime` item.
    pub(super) content: Vec<u8>,
}

impl Kind {
    pub(super) fn is_xmp(&self) -> bool {
        &self.kind == b"mime" && self.content == b"application/rdf+xml"
    }
}

/// Reads an `infe` box's data; nothing for versions that are not known.
pub(super) fn kind(data: &[u8]) -> Option<Kind> {
    let mut n = Numbers(data);
    let version = n.next(4)? >> 24;
    let id = u32::try_from(n.next(if version == 3 { 4 } else { 2 })?).ok()?;
    n.next(2)?;
    let mut kind = *b"mime";
    if version >= 2 {
        kind = *n.0.first_chunk()?;
        n.next(4)?;
    }
    n.text();
    let content = if &kind == b"mime" { n.text().to_vec() } else { Vec::new() };
    Some(Kind { id, kind, content })
}

/// The `infe` box of an XMP packet.
pub(super) fn xmp_entry(id: u16) -> Vec<u8> {
    let mut data = vec![2, 0, 0, 1];
    // Hidden (flag 1): the item is no picture to show.
    data.extend(id.to_be_bytes());
    data.extend([0, 0]);
    data.extend(b"mimeXMP\0application/rdf+xml\0");
    boxed(b"infe", &data)
}

/// A box of 32-bit size.
pub(super) fn boxed(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len() + 8).unwrap_or(u32::MAX);
    [&size.to_be_bytes(), kind.as_slice(), data].concat()
}

/// Where an item stands.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) id: u32,
    /// How offsets count: 0 from the beginning of the file, 1 from that of `idat`, 2 from another item's. Upper bits are
    /// kept.
    pub(super) method: u64,
    /// The file: 0 for this one.
    pub(super) reference: u64,
    pub(super) base: u64,
    /// Index, offset, length.
    pub(super) extents: Vec<[u64; 3]>,
}

impl Location {
    /// Whether its offsets count from the beginning of this file.
    pub(super) fn in_file(&self) -> bool {
        self.method & 0xF == 0 && self.reference == 0
    }
}

/// The table of places.
#[derive(Debug, Clone)]
pub(super) struct Table {
    head: u64,
    version: u64,
    offset: usize,
    length: usize,
    base: usize,
    index: usize,
    pub(super) items: Vec<Location>,
}

impl Table {
    /// Reads an `iloc` box's data.
    pub(super) fn read(data: &[u8]) -> Option<Self> {
        let mut n = Numbers(data);
        let head = n.next(4)?;
        let version = head >> 24;
        let sizes = n.next(2)?;
        let width = |shift: u32| usize::try_from(sizes >> shift & 0xF).ok().filter(|width| matches!(width, 0 | 4 | 8));
        let (offset, length, base) = (width(12)?, width(8)?, width(4)?);
        let index = if version == 0 { 0 } else { width(0)? };
        if version > 2 {
            return None;
        }
        let wide = if version == 2 { 4 } else { 2 };
        let count = n.next(wide)?;
        let mut items = Vec::new();
        for _ in 0..count {
            let id = u32::try_from(n.next(wide)?).ok()?;
            let method = if version == 0 { 0 } else { n.next(2)? };
            let reference = n.next(2)?;
            let start = n.next(base)?;
            let extent_count = n.next(2)?;
            if extent_count > 0 && offset + length + index == 0 && extent_count > 1 {
                return None;
            }
            let mut extents = Vec::new();
            for _ in 0..extent_count {
                let number = n.next(index)?;
                extents.push([number, n.next(offset)?, n.next(length)?]);
            }
            items.push(Location { id, method, reference, base: start, extents });
        }
        Some(Self { head, version, offset, length, base, index, items })
    }

    /// Makes offsets wide enough for a file of `len` bytes, lengths for any item of 4 GiB.
    pub(super) fn widen(&mut self, len: u64) {
        self.offset = self.offset.max(if len > u64::from(u32::MAX) { 8 } else { 4 });
        self.length = self.length.max(4);
    }

    /// The `iloc` box; nothing when a number does not fit.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let wide = if self.version == 2 { 4 } else { 2 };
        let sizes = self.offset << 12 | self.length << 8 | self.base << 4 | self.index;
        let mut data = Vec::new();
        let mut put = |value: u64, width: usize| {
            data.extend(encode(value, width, false)?);
            Some(())
        };
        put(self.head, 4)?;
        put(sizes as u64, 2)?;
        put(self.items.len() as u64, wide)?;
        for item in &self.items {
            put(item.id.into(), wide)?;
            if self.version != 0 {
                put(item.method, 2)?;
            }
            put(item.reference, 2)?;
            put(item.base, self.base)?;
            put(item.extents.len() as u64, 2)?;
            for [index, offset, length] in &item.extents {
                put(*index, self.index)?;
                put(*offset, self.offset)?;
                put(*length, self.length)?;
            }
        }
        Some(boxed(b"iloc", &data))
    }

    /// Corrects what counts from the beginning of the file for the edits, but for the item `new`, which knows its place.
    pub(super) fn correct(&mut self, edits: &Edits, new: Option<u32>) -> Option<()> {
        for item in self.items.iter_mut().filter(|item| item.in_file() && Some(item.id) != new) {
            let moves: Vec<i64> =
                item.extents.iter().map(|[_, offset, _]| edits.moved(item.base.saturating_add(*offset))).collect();
            match moves.first() {
                Some(all) if item.base > 0 && self.base > 0 && moves.iter().all(|one| one == all) => {
                    item.base = item.base.checked_add_signed(*all)?;
                }
                _ => {
                    for ([_, offset, _], one) in item.extents.iter_mut().zip(moves) {
                        *offset = offset.checked_add_signed(one)?;
                    }
                }
            }
        }
        Some(())
    }
}
