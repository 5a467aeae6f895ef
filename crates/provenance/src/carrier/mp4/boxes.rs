//! Boxes of ISO/IEC 14496-12 §4.2, and the movie box taken apart so far that a label can be put in and offsets moved.

use std::io::Write;

use super::super::media::{Source, array, be32, text};
use super::meta;
use crate::Error;

/// How many zeros may end a list of boxes.
const LONGEST_END: u64 = 1 << 16;
/// The most boxes of one level.
const MOST_BOXES: usize = 1 << 18;
/// The longest movie box: an hour of video has about a megabyte.
const LONGEST_MOVIE: u64 = 1 << 30;
/// The longest box of metadata that is read: covers are in them.
pub(super) const LONGEST: u64 = 16 << 20;
/// XMP in a `uuid` box (*XMP Specification Part 3*, MPEG-4).
pub(super) const XMP: [u8; 16] = *b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";

/// Where a box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: [u8; 4],
    pub at: u64,
    /// 8 bytes, or 16 with a size of 64 bits.
    pub header: u64,
    /// Header included.
    pub len: u64,
}

impl Head {
    pub(super) fn data(&self) -> u64 {
        self.at + self.header
    }

    pub(super) fn end(&self) -> u64 {
        self.at + self.len
    }

    pub(super) fn is(&self, kind: &[u8; 4]) -> bool {
        self.kind == *kind
    }

    /// Free space (§8.1.2).
    pub(super) fn free(&self) -> bool {
        matches!(&self.kind, b"free" | b"skip")
    }
}

/// The box that begins here. `None`: what stands here is no box that fits.
pub(super) fn head(source: &mut Source<'_>, at: u64, end: u64) -> Result<Option<Head>, Error> {
    let left = end.saturating_sub(at);
    if left < 8 {
        return Ok(None);
    }
    let start: [u8; 8] = source.array(at)?;
    let kind = array(&start, 4).unwrap_or_default();
    let (header, len) = match be32(&start, 0).unwrap_or(0) {
        0 => (8, left),
        1 if left >= 16 => (16, u64::from_be_bytes(source.array(at + 8)?)),
        size => (8, u64::from(size)),
    };
    Ok((len >= header && len <= left).then_some(Head { kind, at, header, len }))
}

/// The boxes within another. What stands behind the last (a zero ends QuickTime's lists) is left out.
pub(super) fn children(source: &mut Source<'_>, at: u64, end: u64) -> Result<Vec<Head>, Error> {
    let mut found = Vec::new();
    let mut next = at;
    while end.saturating_sub(next) >= 8 && source.array::<4>(next)? != [0; 4] {
        let one = head(source, next, end)?;
        let one = one
            .ok_or_else(|| source.damaged(next, "a box says it is longer than the box that holds it, or too short"))?;
        if found.len() == MOST_BOXES {
            return Err(source.too_much(format!("more than {MOST_BOXES} boxes")));
        }
        next = one.end();
        found.push(one);
    }
    // Zeros, or less than a header: anything else would be boxes that nobody reads.
    let rest = end.saturating_sub(next);
    if rest >= 8 && (rest > LONGEST_END || source.vec(next, rest, LONGEST_END)?.iter().any(|byte| *byte != 0)) {
        return Err(source.damaged(next, "a box of no size stands within another"));
    }
    Ok(found)
}

/// A part of the new movie box.
pub(super) enum Node {
    /// As it was: where, and how long.
    Keep(u64, u64),
    /// New bytes.
    Bytes(Vec<u8>),
    /// A box of parts.
    Tree(Head, Vec<Node>),
    /// Places in the file: `stco`, `co64`, `saio`.
    Table(Table),
}

/// A table of places (§8.7.5, §8.7.9).
pub(super) struct Table {
    head: Head,
    /// Bytes of the box before the first entry, header included.
    before: u64,
    count: u64,
    wide: bool,
    widen: bool,
    /// The largest entry of a narrow table, where the file is long enough that it matters.
    most: u64,
}

impl Table {
    fn size(&self) -> u64 {
        let entries = self.count * if self.wide || self.widen { 8 } else { 4 };
        let old = self.count * if self.wide { 8 } else { 4 };
        self.head.len - old + entries
    }
}

/// By how much places behind the old movie box move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    pub from: u64,
    pub by: i64,
}

impl Shift {
    /// Where something is now. Places that would leave the numbers' range were wrong before, and stay.
    pub(super) fn of(self, place: u64) -> u64 {
        if place < self.from { place } else { place.checked_add_signed(self.by).unwrap_or(place) }
    }

    pub(super) fn of32(self, place: u32) -> u32 {
        u32::try_from(self.of(u64::from(place))).unwrap_or(place)
    }
}

impl Node {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Keep(_, len) => *len,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Tree(head, parts) => head.header + parts.iter().map(Self::size).sum::<u64>(),
            Self::Table(table) => table.size(),
        }
    }

    /// Makes room for places that no longer fit in 32 bits. Says whether something changed.
    pub(super) fn widen(&mut self, by: i64) -> bool {
        match self {
            Self::Tree(_, parts) => parts.iter_mut().fold(false, |any, part| part.widen(by) | any),
            Self::Table(table) if !table.wide && !table.widen => {
                table.widen = table.most.checked_add_signed(by).is_some_and(|most| most > u64::from(u32::MAX));
                table.widen
            }
            _ => false,
        }
    }

    pub(super) fn emit(&self, source: &mut Source<'_>, out: &mut dyn Write, shift: Shift) -> Result<(), Error> {
        match self {
            Self::Keep(at, len) => source.copy(*at, *len, out),
            Self::Bytes(bytes) => Ok(out.write_all(bytes)?),
            Self::Tree(head, parts) => {
                out.write_all(&header(head, self.size()))?;
                parts.iter().try_for_each(|part| part.emit(source, out, shift))
            }
            Self::Table(table) => table.emit(source, out, shift),
        }
    }
}

impl Table {
    fn read(source: &mut Source<'_>, head: Head) -> Result<Self, Error> {
        let cut = source.damaged(head.at, "a table of places is cut off");
        if head.len < head.header + 8 {
            return Err(cut);
        }
        let start: [u8; 4] = source.array(head.data())?;
        let typed = head.is(b"saio") && start[3] & 1 == 1;
        let wide = head.is(b"co64") || (head.is(b"saio") && start[0] == 1);
        let before = head.header + 4 + if typed { 8 } else { 0 } + 4;
        if head.len < before {
            return Err(cut);
        }
        let count = u64::from(u32::from_be_bytes(source.array(head.at + before - 4)?));
        if before + count * if wide { 8 } else { 4 } > head.len {
            return Err(source.damaged(head.at, format!("a table says it has {count} places, and has not")));
        }
        let mut most = 0;
        if !wide && source.len() > u64::from(u32::MAX) - LONGEST_MOVIE {
            let mut at = head.at + before;
            let end = at + count * 4;
            while at < end {
                let part = source.vec(at, (end - at).min(1 << 16), 1 << 16)?;
                most = part
                    .chunks_exact(4)
                    .filter_map(|entry| be32(entry, 0))
                    .fold(most, |most, entry| most.max(entry.into()));
                at += part.len() as u64;
            }
        }
        Ok(Self { head, before, count, wide, widen: false, most })
    }

    fn emit(&self, source: &mut Source<'_>, out: &mut dyn Write, shift: Shift) -> Result<(), Error> {
        if shift.by == 0 {
            return source.copy(self.head.at, self.head.len, out);
        }
        let mut start = header(&self.head, self.size());
        start.extend(source.vec(self.head.data(), self.before - self.head.header, 64)?);
        if self.widen && self.head.is(b"stco") {
            start.splice(4..8, *b"co64");
        } else if self.widen {
            let version = usize::try_from(self.head.header).unwrap_or(8);
            start.splice(version..=version, [1]);
        }
        out.write_all(&start)?;
        let width = if self.wide { 8 } else { 4 };
        let mut at = self.head.at + self.before;
        let end = at + self.count * width;
        let mut new = Vec::new();
        while at < end {
            let part = source.vec(at, (end - at).min(1 << 16), 1 << 16)?;
            new.clear();
            for entry in part.chunks_exact(usize::try_from(width).unwrap_or(4)) {
                if self.wide {
                    new.extend(shift.of(array(entry, 0).map_or(0, u64::from_be_bytes)).to_be_bytes());
                } else if self.widen {
                    new.extend(shift.of(be32(entry, 0).unwrap_or(0).into()).to_be_bytes());
                } else {
                    new.extend(shift.of32(be32(entry, 0).unwrap_or(0)).to_be_bytes());
                }
            }
            out.write_all(&new)?;
            at += part.len() as u64;
        }
        source.copy(end, self.head.end() - end, out)
    }
}

/// The header of a box with a new size.
fn header(head: &Head, size: u64) -> Vec<u8> {
    if head.header == 16 {
        return [1_u32.to_be_bytes().as_slice(), &head.kind, &size.to_be_bytes()].concat();
    }
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    [size.to_be_bytes().as_slice(), &head.kind].concat()
}

/// The movie box taken apart, with `value` as its only label.
pub(super) fn movie(source: &mut Source<'_>, moov: Head, value: &str) -> Result<Node, Error> {
    if moov.len > LONGEST_MOVIE {
        return Err(source.too_much(format!("a movie box of {} bytes", moov.len)));
    }
    let mut tree = tree(source, moov, 0)?;
    let Node::Tree(_, parts) = &mut tree else { return Err(source.damaged(moov.at, "the movie box is empty")) };
    let boxes = children(source, moov.data(), moov.end())?;
    if !boxes.iter().any(|one| one.is(b"mvhd")) {
        return Err(source.damaged(moov.at, "the movie box has no header (mvhd)"));
    }
    let ended = boxes.last().is_some_and(|last| last.end() < moov.end());
    match boxes.into_iter().find(|one| one.is(b"udta")) {
        Some(udta) => {
            let fresh = user_data(source, udta, Some(value))?;
            for part in parts.iter_mut() {
                if matches!(part, Node::Tree(head, _) if head.at == udta.at) {
                    *part = fresh;
                    break;
                }
            }
        }
        None => {
            let place = parts.len() - usize::from(ended && !parts.is_empty());
            parts.insert(place, Node::Bytes(meta::boxed(b"udta", &meta::fresh(value))));
        }
    }
    Ok(tree)
}

/// Boxes on the way to tables of places and to metadata are taken apart; all others stay.
fn tree(source: &mut Source<'_>, parent: Head, depth: usize) -> Result<Node, Error> {
    let mut parts: Vec<Node> = Vec::new();
    let mut end = parent.data();
    for one in children(source, parent.data(), parent.end())? {
        end = one.end();
        let part = match (depth, &one.kind) {
            (0, b"cmov") => return Err(source.unsupported("its movie box is compressed; store it again uncompressed")),
            (0, b"trak") | (1, b"mdia") | (2, b"minf") | (3, b"stbl") => tree(source, one, depth + 1)?,
            (4, b"stco" | b"co64" | b"saio") => Node::Table(Table::read(source, one)?),
            (0 | 1, b"udta") => user_data(source, one, None)?,
            (0 | 1, b"meta") => metadata(source, one, None)?,
            (0 | 1, b"uuid") => xmp(source, one, one.data() + 16)?,
            _ => Node::Keep(one.at, one.len),
        };
        match (parts.last_mut(), &part) {
            (Some(Node::Keep(at, len)), Node::Keep(next, more)) if *at + *len == *next => *len += more,
            _ => parts.push(part),
        }
    }
    if end < parent.end() {
        parts.push(Node::Keep(end, parent.end() - end));
    }
    Ok(Node::Tree(parent, parts))
}

/// A box of metadata with this label alone, or none.
pub(super) fn metadata(source: &mut Source<'_>, one: Head, value: Option<&str>) -> Result<Node, Error> {
    let bytes = source.vec(one.data(), one.len - one.header, LONGEST)?;
    let cut = || source.damaged(one.at, "the box of metadata is cut off");
    let meta = meta::Meta::read(&bytes).ok_or_else(cut)?;
    if value.is_none() && meta.labels().is_empty() {
        return Ok(Node::Keep(one.at, one.len));
    }
    let data = meta.rewritten(value).ok_or_else(cut)?;
    Ok(Node::Tree(one, vec![Node::Bytes(data)]))
}

/// User data (§8.10.1): the label in its box of metadata with the handler `mdta`; other labels are taken out.
fn user_data(source: &mut Source<'_>, udta: Head, value: Option<&str>) -> Result<Node, Error> {
    let mut parts = Vec::new();
    let mut end = udta.data();
    let mut value = value;
    let mut behind = None;
    for one in children(source, udta.data(), udta.end())? {
        end = one.end();
        if one.is(b"meta") {
            let bytes = source.vec(one.data(), one.len - one.header, LONGEST)?;
            let keyed = meta::Meta::read(&bytes).is_some_and(|meta| meta.keyed());
            parts.push(metadata(source, one, if keyed { value.take() } else { None })?);
            behind = Some(parts.len());
        } else if one.is(b"XMP_") || one.is(b"uuid") {
            parts.push(xmp(source, one, if one.is(b"uuid") { one.data() + 16 } else { one.data() })?);
        } else if stray(source, one)?.is_none() {
            parts.push(Node::Keep(one.at, one.len));
        }
    }
    if let Some(value) = value {
        // Behind other metadata: readers take the first for theirs.
        let place = behind.unwrap_or(parts.len());
        parts.insert(place, Node::Bytes(meta::fresh(value)));
    }
    if end < udta.end() {
        parts.push(Node::Keep(end, udta.end() - end));
    }
    Ok(Node::Tree(udta, parts))
}

/// A label that stands in a box of its own, or in QuickTime's international text.
pub(super) fn stray(source: &mut Source<'_>, one: Head) -> Result<Option<String>, Error> {
    let size = one.len - one.header;
    if size > 1 << 16 {
        return Ok(None);
    }
    let bytes = source.vec(one.data(), size, 1 << 16)?;
    if matches!(&one.kind, b"AIGC" | b"aigc") {
        let at = bytes.iter().position(|byte| *byte == b'{').filter(|at| *at <= 16).unwrap_or(0);
        return Ok(Some(text(bytes.get(at..).unwrap_or_default())));
    }
    let Some(at) = bytes.iter().take(16).position(|byte| *byte == b'{') else { return Ok(None) };
    let value = text(bytes.get(at..).unwrap_or_default());
    Ok(super::super::media::has_members(&value).then_some(value))
}

/// Whether a box is XMP, and where its packet begins.
pub(super) fn packet(source: &mut Source<'_>, one: Head) -> Result<Option<u64>, Error> {
    let uuid = one.is(b"uuid") && one.len >= one.header + 16 && source.array::<16>(one.data())? == XMP;
    Ok(uuid.then(|| one.data() + 16))
}

/// XMP with its label blanked: the box keeps its size.
pub(super) fn xmp(source: &mut Source<'_>, one: Head, start: u64) -> Result<Node, Error> {
    if one.is(b"uuid") && packet(source, one)?.is_none() {
        return Ok(Node::Keep(one.at, one.len));
    }
    let mut bytes = source.vec(start, one.end() - start, LONGEST)?;
    if !super::super::media_xmp::blank(&mut bytes) {
        return Ok(Node::Keep(one.at, one.len));
    }
    Ok(Node::Tree(one, vec![Node::Keep(one.data(), start - one.data()), Node::Bytes(bytes)]))
}
