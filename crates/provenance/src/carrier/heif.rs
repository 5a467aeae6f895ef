//! HEIF, HEIC and AVIF (ISO/IEC 23008-12; ISO/IEC 14496-12 §8.11; AV1 Image File Format): the label in an XMP item that
//! describes the primary picture.
//!
//! A new packet is written at the end of the file and entered in the box `meta`, which grows; all that counts from the
//! beginning of the file to what stands behind `meta` is corrected: places of items and of a film's samples.

mod boxes;
mod items;

use std::collections::HashSet;
use std::io::Write;

use super::edit::{MOST_METADATA, Source, Trace};
use super::{Carrier, Found, Input, exif, loose, xmp};
use crate::Error;
use boxes::Part;
use items::{Kind, Location, Numbers, Table};

/// HEIF, HEIC and AVIF.
pub const NAME: Carrier = Carrier {
    id: "heif",
    kind: "image",
    endings: &["heic", "heif", "hif", "heics", "heifs", "avif", "avifs"],
    sniff,
    read,
    write,
};

/// Brands of pictures and series of pictures.
const BRANDS: [&[u8; 4]; 13] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"avif", b"avis", b"miaf", b"j2ki",
];
/// Brands of films, which may name those of pictures beside them.
const FILMS: [&[u8; 4]; 6] = [b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V "];
/// Most items of metadata: a picture has one or two.
const MOST_ITEMS: usize = 1_024;
/// The box `uuid` of an XMP packet (XMP specification part 3, MPEG-4).
const XMP_UUID: [u8; 16] =
    [0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8, 0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC];

fn sniff(head: &[u8]) -> bool {
    let size = head.first_chunk().map_or(0, |size| u32::from_be_bytes(*size)) as usize;
    let brands = head.get(8..size.min(head.len()).max(8)).unwrap_or_default().as_chunks::<4>().0;
    head.get(4..8) == Some(b"ftyp")
        && brands.first().is_some_and(|first| !FILMS.contains(&first))
        && brands.iter().enumerate().any(|(index, brand)| index != 1 && BRANDS.contains(&brand))
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "HEIF")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source);
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "HEIF")?;
    let mut picture = Picture::default();
    picture.scan(&mut source)?;
    picture.label(&mut source, value)?;
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// The packet that describes the primary picture.
#[derive(Debug)]
struct Packet {
    id: u32,
    /// The parts of the file it stands in.
    runs: Vec<(u64, u64)>,
    text: Vec<u8>,
    labelled: bool,
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    meta: Option<Part>,
    last: Option<Part>,
    film: Option<Part>,
    fragments: bool,
    primary: Option<u32>,
    kinds: Vec<Kind>,
    iinf: Option<Part>,
    iloc: Option<(Part, Table)>,
    iref: Option<Part>,
    idat: Option<Part>,
    /// References `cdsc`: from an item to those it describes.
    describes: Vec<(u32, Vec<u32>)>,
    groups: Vec<u32>,
    packet: Option<Packet>,
    /// The parts of the file that were read as items of metadata.
    taken: Vec<(u64, u64)>,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let first = boxes::part(source, 0, source.len(), true)?;
        if first.kind != *b"ftyp" {
            return Err(source.damaged(0, "it does not begin with the box ftyp"));
        }
        let len = source.len();
        boxes::each(source, 0, len, |source, part| {
            self.last = Some(part);
            match &part.kind {
                b"meta" if self.meta.is_none() => {
                    self.meta = Some(part);
                    self.index(source, part)?;
                    self.items(source)
                }
                b"ftyp" | b"mdat" => Ok(()),
                b"moof" | b"mfra" | b"sidx" => {
                    self.fragments = true;
                    Ok(())
                }
                b"uuid" if source.at(part.data, 16)?.starts_with(&XMP_UUID) => self.uuid(source, part),
                b"moov" => {
                    self.film = Some(part);
                    Ok(())
                }
                _ => Ok(()),
            }
        })?;
        if self.last.is_some_and(|last| last.end != len) {
            return Err(source.damaged(len, "it ends in the middle of a box"));
        }
        if self.meta.is_none() {
            return Err(source.damaged(len, "it has no box meta: no picture"));
        }
        self.others(source)
    }

    /// Looks at boxes that hold neither the index nor pictures, but for what was read as an item already.
    fn others(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let (trace, taken) = (&mut self.trace, &self.taken);
        let len = source.len();
        boxes::each(source, 0, len, |source, part| {
            let is_xmp = part.kind == *b"uuid" && source.at(part.data, 16)?.starts_with(&XMP_UUID);
            if is_xmp || matches!(&part.kind, b"ftyp" | b"mdat" | b"meta") {
                return Ok(());
            }
            let place = format!("heif:{}", String::from_utf8_lossy(&part.kind).trim());
            loose::scan(source, part.data, part.end, |source, at, one| {
                let end = at + one.range.len() as u64;
                if taken.iter().any(|(from, to)| *from < end && at < *to) {
                    return Ok(());
                }
                blank(source, trace, &place, at, one)
            })
        })
    }

    /// Reads what `meta` says of items.
    fn index(&mut self, source: &mut Source<'_>, meta: Part) -> Result<(), Error> {
        let wrong = |source: &Source<'_>, part: Part| {
            source.damaged(part.at, format!("the box {} is wrong", String::from_utf8_lossy(&part.kind)))
        };
        boxes::each(source, (meta.data + 4).min(meta.end), meta.end, |source, part| {
            if part.kind == *b"idat" {
                self.idat = Some(part);
                return Ok(());
            }
            if !matches!(&part.kind, b"pitm" | b"iinf" | b"iloc" | b"iref" | b"grpl") {
                return Ok(());
            }
            let data = source.part(part.data, part.end - part.data, "an index")?;
            let mut n = Numbers(&data);
            let sound = match &part.kind {
                b"pitm" => n.next(4).and_then(|head| n.next(if head >> 24 == 0 { 2 } else { 4 })).map(|id| {
                    self.primary = u32::try_from(id).ok();
                }),
                b"iinf" => {
                    let head = n.next(4).and_then(|head| n.next(if head >> 24 == 0 { 2 } else { 4 }));
                    self.iinf = Some(part);
                    let from = part.end - n.0.len() as u64;
                    boxes::each(source, from, part.end, |source, entry| {
                        let data = source.part(entry.data, entry.end - entry.data, "an item")?;
                        self.kinds.extend(items::kind(&data));
                        Ok(())
                    })?;
                    head.map(|_| ())
                }
                b"iloc" => Table::read(&data).map(|table| self.iloc = Some((part, table))),
                b"iref" => {
                    self.iref = Some(part);
                    self.references(&data)
                }
                _ => {
                    boxes::each(source, part.data, part.end, |source, group| {
                        let [_, _, _, _, a, b, c, d] = source.bytes(group.data)?;
                        self.groups.push(u32::from_be_bytes([a, b, c, d]));
                        Ok(())
                    })?;
                    Some(())
                }
            };
            sound.ok_or_else(|| wrong(source, part))
        })
    }

    /// Reads the references of what describes what.
    fn references(&mut self, data: &[u8]) -> Option<()> {
        let mut n = Numbers(data);
        let wide = if n.next(4)? >> 24 == 0 { 2 } else { 4 };
        while n.0.len() >= 8 {
            let size = usize::try_from(n.next(4)?).ok()?;
            let kind = n.next(4)?.to_be_bytes();
            let (body, rest) = n.0.split_at_checked(size.checked_sub(8)?)?;
            n.0 = rest;
            if kind.ends_with(b"cdsc") {
                let mut body = Numbers(body);
                let from = u32::try_from(body.next(wide)?).ok()?;
                let count = body.next(2)?;
                let to = (0..count).map(|_| u32::try_from(body.next(wide)?).ok()).collect::<Option<Vec<u32>>>()?;
                self.describes.push((from, to));
            }
        }
        Some(())
    }

    /// Looks at the items that hold metadata.
    fn items(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let kinds: Vec<Kind> =
            self.kinds.iter().filter(|kind| kind.is_xmp() || &kind.kind == b"Exif").cloned().collect();
        if kinds.len() > MOST_ITEMS {
            return Err(source.too_much(format!("it has more than {MOST_ITEMS} items of metadata")));
        }
        let mut located = Vec::new();
        for kind in kinds {
            let Some((_, table)) = &self.iloc else { continue };
            let Some(location) = table.items.iter().find(|item| item.id == kind.id) else { continue };
            let Some(runs) = self.runs(source, location)? else { continue };
            located.push((kind, runs));
        }
        let main = self.main_packet(located.iter().map(|(kind, _)| kind));
        let mut read = 0_u64;
        for (kind, runs) in located {
            // Items of a sound file stand beside each other; those of a hostile one are all the same megabytes.
            read = runs.iter().fold(read, |sum, (from, to)| sum.saturating_add(to - from));
            if read / 2 > source.len() {
                return Err(source.damaged(0, "its items hold more than the file"));
            }
            self.taken.extend(&runs);
            if kind.is_xmp() {
                self.xmp(source, kind.id, runs, Some(kind.id) == main)?;
            } else if let [(from, to)] = runs.as_slice() {
                let skip = u64::from(u32::from_be_bytes(source.bytes(*from)?));
                let begin = from.saturating_add(4).saturating_add(skip).min(*to);
                exif::block(source, begin, *to, "heif:Exif", false, &mut self.trace)?;
            }
        }
        Ok(())
    }

    /// The packet that describes the primary picture, else one that describes nothing in particular. Items that stand
    /// nowhere are none.
    fn main_packet<'k>(&self, located: impl Iterator<Item = &'k Kind> + Clone) -> Option<u32> {
        let mut packets = located.filter(|kind| kind.is_xmp()).map(|kind| kind.id);
        let primary = self.primary?;
        // What describes anything, and what describes the primary picture: looked up once for all packets.
        let any: HashSet<u32> = self.describes.iter().map(|(from, _)| *from).collect();
        let ours = self.describes.iter().filter(|(_, to)| to.contains(&primary));
        let ours: HashSet<u32> = ours.map(|(from, _)| *from).collect();
        packets.clone().find(|id| ours.contains(id)).or_else(|| packets.find(|id| !any.contains(id)))
    }

    /// The parts of the file an item stands in; nothing where they cannot be told.
    fn runs(&self, source: &Source<'_>, item: &Location) -> Result<Option<Vec<(u64, u64)>>, Error> {
        let (start, limit) = match (item.method & 0xF, self.idat) {
            (0, _) if item.reference == 0 => (0, source.len()),
            (1, Some(idat)) => (idat.data, idat.end),
            _ => return Ok(None),
        };
        let mut runs = Vec::new();
        for [_, offset, length] in &item.extents {
            let from = start.checked_add(item.base).and_then(|at| at.checked_add(*offset));
            let to = if *length == 0 { Some(limit) } else { from.and_then(|from| from.checked_add(*length)) };
            match (from, to) {
                (Some(from), Some(to)) if from <= to && to <= limit => runs.push((from, to)),
                _ => return Err(source.damaged(start, format!("the item {} goes beyond the end", item.id))),
            }
        }
        Ok(Some(runs))
    }

    fn xmp(&mut self, source: &mut Source<'_>, id: u32, runs: Vec<(u64, u64)>, main: bool) -> Result<(), Error> {
        let mut text = Vec::new();
        for (from, to) in &runs {
            text.extend(source.part(*from, to - from, "an XMP packet")?);
            if text.len() as u64 > MOST_METADATA {
                return Err(source.too_much("an XMP packet is longer than metadata should be"));
            }
        }
        let found = xmp::labels(&text);
        let begin = runs.first().map_or(0, |(from, _)| *from);
        for label in &found {
            let at = begin + if runs.len() == 1 { label.range.start as u64 } else { 0 };
            self.trace.note(source, "heif:XMP item TC260:AIGC", main && label.by_the_book, label.value.clone(), at)?;
        }
        let labelled = !found.is_empty();
        if main && self.packet.is_none() {
            self.packet = Some(Packet { id, runs, text, labelled });
        } else if labelled {
            self.put_over(source, &runs, &xmp::without(&text)?)?;
        }
        Ok(())
    }

    /// Writes `text` over the runs of an item, which are as long together.
    fn put_over(&mut self, source: &Source<'_>, runs: &[(u64, u64)], text: &[u8]) -> Result<(), Error> {
        let mut rest = text;
        for (from, to) in runs {
            let length = usize::try_from(to - from).unwrap_or(usize::MAX);
            let (part, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = later;
            self.trace.edits.put(source, *from, *to, part.to_vec())?;
        }
        Ok(())
    }

    fn uuid(&mut self, source: &mut Source<'_>, part: Part) -> Result<(), Error> {
        let from = part.data + 16;
        let packet = source.part(from, part.end.saturating_sub(from), "an XMP packet")?;
        let found = xmp::labels(&packet);
        for label in &found {
            let at = from + label.range.start as u64;
            self.trace.note(source, "heif:uuid XMP TC260:AIGC", false, label.value.clone(), at)?;
        }
        if found.is_empty() {
            return Ok(());
        }
        self.trace.edits.put(source, from, part.end, xmp::without(&packet)?)
    }

    fn label(&mut self, source: &mut Source<'_>, value: &str) -> Result<(), Error> {
        let packet = self.packet.take();
        let mut new = xmp::with(packet.as_ref().map(|packet| packet.text.as_slice()), value)?;
        if let Some(old) = &packet {
            // A packet that stays as it is counts as written: no other edit may lie over it.
            if new.len() <= old.text.len() {
                new.resize(old.text.len(), b' ');
                return self.put_over(source, &old.runs, &new);
            }
            if old.labelled {
                // The old text is no longer reached; its label is not to be found by chance.
                self.put_over(source, &old.runs, &xmp::without(&old.text)?)?;
            }
        }
        self.enter(source, packet.map(|packet| packet.id), new)
    }

    /// Writes `text` at the end of the file, as the item `old` or a new one.
    fn enter(&mut self, source: &mut Source<'_>, old: Option<u32>, text: Vec<u8>) -> Result<(), Error> {
        let (Some(meta), Some((iloc, mut table)), Some(iinf)) = (self.meta, self.iloc.take(), self.iinf) else {
            return Err(source.unsupported("it has no items: no picture that a label could describe"));
        };
        let Some(primary) = self.primary else {
            return Err(source.unsupported("it names no primary picture that a label could describe"));
        };
        if self.fragments {
            return Err(source.unsupported("it is a film in fragments; label it as a film"));
        }
        let last = self.last.unwrap_or(meta);
        if last.open && last.kind != *b"mdat" {
            return Err(source.unsupported("its last box has no size, and nothing can be put behind it"));
        }
        let id = match old {
            Some(id) => id,
            None => u32::from(self.new_item(source, meta, iinf, primary, &table)?),
        };
        let length = text.len() as u64;
        table.widen(source.len() + length + (1 << 20));
        table.items.retain(|item| item.id != id);
        let extents = vec![[0, 0, length]];
        table.items.push(Location { id, method: 0, reference: 0, base: 0, extents });
        // The table's own length is known before its numbers are.
        let wrong =
            |source: &Source<'_>| source.unsupported("the table of its items cannot say where the label stands");
        let draft = table.encode().ok_or_else(|| wrong(source))?;
        let edits = &mut self.trace.edits;
        edits.put(source, iloc.at, iloc.end, draft)?;
        let growth = edits.moved(meta.end) - edits.moved(meta.at);
        boxes::resize(source, edits, meta, growth)?;
        table.correct(edits, Some(id)).ok_or_else(|| wrong(source))?;
        let end = source.len().saturating_add_signed(edits.growth());
        let at = if last.open { end } else { end + 8 };
        if let Some([_, offset, _]) = table.items.last_mut().and_then(|item| item.extents.first_mut()) {
            *offset = at;
        }
        let bytes = table.encode().ok_or_else(|| wrong(source))?;
        if let Some(draft) = edits.bytes_mut(iloc.at, iloc.end) {
            *draft = bytes;
        }
        if let Some(film) = self.film {
            boxes::correct_film(source, edits, film.at, film.end, 0)?;
        }
        let bytes = if last.open { text } else { items::boxed(b"mdat", &text) };
        edits.put(source, source.len(), source.len(), bytes)
    }

    /// Enters a new item in `iinf` and `iref`, and answers its number.
    fn new_item(
        &mut self,
        source: &mut Source<'_>,
        meta: Part,
        iinf: Part,
        primary: u32,
        table: &Table,
    ) -> Result<u16, Error> {
        let used: HashSet<u32> = (self.kinds.iter().map(|kind| kind.id))
            .chain(table.items.iter().map(|item| item.id))
            .chain(self.groups.iter().copied())
            .chain([0, primary])
            .collect();
        let above = used.iter().max().and_then(|last| u16::try_from(last + 1).ok());
        let id = above.or_else(|| (1..=u16::MAX).find(|id| !used.contains(&u32::from(*id))));
        let Some(id) = id else { return Err(source.unsupported("all numbers of items are taken")) };
        let edits = &mut self.trace.edits;
        // The count of entries, then the entry behind all others.
        let [version, ..] = source.bytes::<4>(iinf.data)?;
        let (at, width) = (iinf.data + 4, if version == 0 { 2 } else { 4 });
        let count = source.part(at, width as u64, "a count")?;
        let count = super::edit::number(&count, false) + 1;
        let Some(count) = super::edit::encode(count, width, false) else {
            return Err(source.unsupported("all numbers of items are taken"));
        };
        let entry = items::xmp_entry(id);
        boxes::resize(source, edits, iinf, i64::try_from(entry.len()).unwrap_or_default())?;
        edits.put(source, at, at + width as u64, count)?;
        edits.put(source, iinf.end, iinf.end, entry)?;
        let wide = match self.iref {
            Some(iref) => source.bytes::<4>(iref.data)?.first().copied().unwrap_or_default() != 0,
            None => primary > u32::from(u16::MAX),
        };
        let n = |id: u32| super::edit::encode(id.into(), if wide { 4 } else { 2 }, false).unwrap_or_default();
        let reference = items::boxed(b"cdsc", &[n(id.into()), vec![0, 1], n(primary)].concat());
        match self.iref {
            Some(iref) => {
                boxes::resize(source, edits, iref, i64::try_from(reference.len()).unwrap_or_default())?;
                edits.put(source, iref.end, iref.end, reference)?;
            }
            None => {
                let data = [vec![u8::from(wide), 0, 0, 0], reference].concat();
                edits.put(source, meta.end, meta.end, items::boxed(b"iref", &data))?;
            }
        }
        Ok(id)
    }
}

fn blank(source: &Source<'_>, trace: &mut Trace, place: &str, at: u64, one: loose::Loose) -> Result<(), Error> {
    let length = one.range.len();
    trace.note(source, place, false, one.value, at)?;
    trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))
}

#[cfg(test)]
mod tests;
