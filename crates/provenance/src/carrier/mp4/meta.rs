//! The box `meta` of metadata: `keys` and `ilst` under the handler `mdta`, and iTunes' `ilst` under `mdir`.
//!
//! Sources: ISO/IEC 14496-12 §8.11; Apple, *QuickTime File Format: Metadata* (metadata item keys atom, item list atom).

use super::super::media::{KEY, array, be32, is_label, text};

/// The most keys or items of a list.
const MOST: usize = 1 << 14;

/// A box in memory: its type, and its range with the header.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    kind: [u8; 4],
    whole: &'a [u8],
    data: &'a [u8],
    at: usize,
}

fn parts(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    // A list that ends with zeros or less than a header is QuickTime's.
    while let Some(size) = be32(bytes, at).filter(|size| *size != 0 && bytes.len() - at >= 8) {
        let (header, size) = match size {
            1 => (16, usize::try_from(u64::from_be_bytes(array(bytes, at + 8)?)).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        let whole = bytes.get(at..at.checked_add(size)?)?;
        found.push(Part { kind: array(bytes, at + 4)?, whole, data: whole.get(header..)?, at });
        at += size;
        if found.len() > MOST {
            return None;
        }
    }
    Some(found)
}

/// A box of this type.
pub(super) fn boxed(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len().saturating_add(8)).unwrap_or(u32::MAX);
    [size.to_be_bytes().as_slice(), kind, data].concat()
}

/// A whole box of metadata with nothing but the label.
pub(super) fn fresh(value: &str) -> Vec<u8> {
    let mut handler = [0; 25];
    handler[8..12].copy_from_slice(b"mdta");
    let keys = [[0, 0, 0, 0, 0, 0, 0, 1].as_slice(), &key()].concat();
    let data = [boxed(b"hdlr", &handler), boxed(b"keys", &keys), boxed(b"ilst", &item(1, value))].concat();
    boxed(b"meta", &[[0; 4].as_slice(), &data].concat())
}

fn key() -> Vec<u8> {
    boxed(b"mdta", KEY.as_bytes())
}

/// An item of a list: type 1 is UTF-8, and no locale.
fn item(index: u32, value: &str) -> Vec<u8> {
    let data = boxed(b"data", &[[0, 0, 0, 1, 0, 0, 0, 0].as_slice(), value.as_bytes()].concat());
    boxed(&index.to_be_bytes(), &data)
}

/// A label in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    /// Such as `keys AIGC`, `ilst ---- AIGC`.
    pub place: String,
    /// Whether it stands under a key of `mdta`.
    pub keyed: bool,
    pub value: String,
    /// Where its item begins, from the beginning of the box's data.
    pub at: usize,
    /// Its number in the list.
    number: usize,
}

/// A box of metadata taken apart.
pub(super) struct Meta<'a> {
    bytes: &'a [u8],
    /// Version and flags come first, but for QuickTime's own.
    prefix: usize,
    parts: Vec<Part<'a>>,
    handler: [u8; 4],
    keys: Vec<Part<'a>>,
    items: Vec<Part<'a>>,
    list: usize,
}

impl<'a> Meta<'a> {
    /// From the data of the box.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let prefix = if bytes.get(4..8) == Some(b"hdlr") { 0 } else { 4 };
        let parts = parts(bytes.get(prefix..)?)?;
        let part = |kind: &[u8; 4]| parts.iter().find(|part| part.kind == *kind);
        let handler = part(b"hdlr").and_then(|part| array(part.data, 8)).unwrap_or_default();
        let keys = match part(b"keys") {
            Some(part) => self::parts(part.data.get(8..)?)?,
            None => Vec::new(),
        };
        let (items, list) = match part(b"ilst") {
            Some(part) => (self::parts(part.data)?, prefix + part.at + part.whole.len() - part.data.len()),
            None => (Vec::new(), 0),
        };
        Some(Self { bytes, prefix, parts, handler, keys, items, list })
    }

    /// Whether items have keys: then the label of the guides can stand here.
    pub(super) fn keyed(&self) -> bool {
        self.handler == *b"mdta"
    }

    /// The key of an item, by its number from one.
    fn key(&self, item: &Part<'_>) -> Option<&Part<'a>> {
        let index = usize::try_from(u32::from_be_bytes(item.kind)).ok()?;
        self.keys.get(index.checked_sub(1)?)
    }

    pub(super) fn labels(&self) -> Vec<Label> {
        let mut found = Vec::new();
        for (number, item) in self.items.iter().enumerate() {
            let inner = parts(item.data).unwrap_or_default();
            let part = |kind: &[u8; 4]| inner.iter().find(|part| part.kind == *kind).map(|part| part.data);
            let Some(data) = part(b"data").filter(|data| data.len() < 1 << 20) else { continue };
            let value = decoded(data);
            let (place, name, keyed) = match self.key(item).filter(|_| self.keyed()) {
                Some(key) => ("keys".to_owned(), text(key.data), key.kind == *b"mdta"),
                None if item.kind == *b"----" => (
                    "ilst ----".to_owned(),
                    text(part(b"name").and_then(|name| name.get(4..)).unwrap_or_default()),
                    false,
                ),
                None => ("ilst".to_owned(), item.kind.iter().map(|byte| char::from(*byte)).collect(), false),
            };
            if is_label(&name, &value) {
                let keyed = keyed && name == KEY;
                found.push(Label { place: format!("{place} {name}"), keyed, value, at: self.list + item.at, number });
            }
        }
        found
    }

    /// The data of the box with this label alone, or with none. Free space in it takes the change up.
    pub(super) fn rewritten(&self, value: Option<&str>) -> Option<Vec<u8>> {
        let gone: Vec<usize> = self.labels().into_iter().map(|label| label.number).collect();
        let is_gone = |number: usize| gone.binary_search(&number).is_ok();
        // A key goes when its name is the label's, or when nothing but labels stood under it.
        let mut used = vec![(false, false); self.keys.len()];
        for (number, item) in self.items.iter().enumerate() {
            let index = usize::try_from(u32::from_be_bytes(item.kind)).ok()?;
            if let Some((lost, kept)) = index.checked_sub(1).and_then(|index| used.get_mut(index)) {
                *lost |= is_gone(number);
                *kept |= !is_gone(number);
            }
        }
        let mut numbers = Vec::new();
        let mut keys = Vec::new();
        let mut count: u32 = 0;
        for (key, (lost, kept)) in self.keys.iter().zip(&used) {
            if *kept || !(*lost || text(key.data).eq_ignore_ascii_case(KEY)) {
                count += 1;
                keys.extend_from_slice(key.whole);
            }
            numbers.push(count);
        }
        let mut items = Vec::new();
        for (_, item) in self.items.iter().enumerate().filter(|(number, _)| !is_gone(*number)) {
            let mut whole = item.whole.to_vec();
            let index = usize::try_from(u32::from_be_bytes(item.kind)).ok()?;
            if self.keyed() {
                // An item whose key is not there stays without one: the label's key may come to have its number.
                let new = index.checked_sub(1).and_then(|index| numbers.get(index)).copied().unwrap_or(0);
                whole.splice(4..8, new.to_be_bytes());
            }
            items.extend(whole);
        }
        if let Some(value) = value {
            count += 1;
            keys.extend(key());
            items.extend(item(count, value));
        }
        Some(self.assembled(&keys, count, &items, value.is_some()))
    }

    /// All parts in their order, with new keys and items.
    fn assembled(&self, keys: &[u8], count: u32, items: &[u8], labelled: bool) -> Vec<u8> {
        let has = |kind: &[u8; 4]| self.parts.iter().any(|part| part.kind == *kind);
        let version = self.parts.iter().find(|part| part.kind == *b"keys").and_then(|part| array::<4>(part.data, 0));
        let keys = [version.unwrap_or_default().as_slice(), &count.to_be_bytes(), keys].concat();
        let mut fresh: Vec<Vec<u8>> = vec![self.bytes.get(..self.prefix).unwrap_or_default().to_vec()];
        let mut free = None;
        let mut end = self.prefix;
        for part in &self.parts {
            end = self.prefix + part.at + part.whole.len();
            match &part.kind {
                b"keys" => fresh.push(boxed(b"keys", &keys)),
                b"ilst" => {
                    if !has(b"keys") && labelled {
                        fresh.push(boxed(b"keys", &keys));
                    }
                    fresh.push(boxed(b"ilst", items));
                }
                b"free" | b"skip" => {
                    free = free.or(Some(fresh.len()));
                    fresh.push(part.whole.to_vec());
                }
                _ => fresh.push(part.whole.to_vec()),
            }
        }
        if labelled && !has(b"ilst") {
            if !has(b"keys") {
                fresh.push(boxed(b"keys", &keys));
            }
            fresh.push(boxed(b"ilst", items));
        }
        let tail = self.bytes.get(end..).unwrap_or_default();
        let size = fresh.iter().map(Vec::len).sum::<usize>() + tail.len();
        let old = free.and_then(|at| fresh.get(at)).map_or(0, Vec::len);
        // The free space there is, or a new one, keeps the size of the box.
        let room = (self.bytes.len() + old).checked_sub(size);
        match (room, free.and_then(|at| fresh.get_mut(at))) {
            (Some(room), Some(free)) if room == 0 || room >= 8 => {
                *free = if room == 0 { Vec::new() } else { boxed(b"free", &vec![0; room - 8]) };
            }
            (Some(room), None) if room >= 8 => fresh.push(boxed(b"free", &vec![0; room - 8])),
            _ => {}
        }
        fresh.push(tail.to_vec());
        fresh.concat()
    }
}

/// The text of a `data` box: UTF-8, or UTF-16 where its type says so.
fn decoded(data: &[u8]) -> String {
    let kind = be32(data, 0).unwrap_or(0) & 0x00FF_FFFF;
    let bytes = data.get(8..).unwrap_or_default();
    if kind == 2 {
        let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|unit| array(unit, 0).map(u16::from_be_bytes)).collect();
        return String::from_utf16_lossy(&units);
    }
    text(bytes)
}
