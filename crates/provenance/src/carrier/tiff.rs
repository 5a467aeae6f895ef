//! TIFF and BigTIFF (TIFF 6.0; BigTIFF of the library libtiff; XMP specification part 3, TIFF): the label in the XMP
//! packet of the first directory's field 700.
//!
//! Offsets tie a TIFF together, so nothing is moved: a packet that has room stays where it is, another is written at the
//! end, and a directory without the field is written anew at the end.

use std::io::Write;

use super::edit::{MOST_METADATA, Source, Trace, encode, number};
use super::exif::{self, Directory, Field, Header};
use super::{Carrier, Found, Input, xmp};
use crate::Error;

/// TIFF, BigTIFF and DNG, which is a TIFF.
pub const NAME: Carrier = Carrier { id: "tiff", kind: "image", endings: &["tif", "tiff", "dng"], sniff, read, write };

/// Type `UNDEFINED`, which the guide wants for the packet.
const UNDEFINED: u16 = 7;
/// Fields that say where pixels stand, and how many bytes: strips, tiles.
const PIXELS: [(u16, u16); 2] = [(273, 279), (324, 325)];
/// Most strips and tiles whose places are checked.
const MOST_STRIPS: u64 = 16_000_000;
/// So many of them are read at once: the two tables lie apart, and each change between them costs a window of the file.
const STRIPS_AT_ONCE: u64 = 4_096;

fn sniff(head: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|start| head.starts_with(start.as_slice()))
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "TIFF")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source).map(|_| ());
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "TIFF")?;
    let mut picture = Picture::default();
    let header = picture.scan(&mut source)?;
    if let Some(at) = picture.beyond {
        return Err(source.damaged(at, "a field's value, or what it points to, lies behind the end of the file"));
    }
    picture.label(&mut source, header, value)?;
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    first: Option<Directory>,
    packet: Option<(Field, Vec<u8>)>,
    /// Where the labels of the packet stand.
    labels: Vec<(u64, u64)>,
    strips: u64,
    /// A field whose value, or whose pixels, lie behind the end of the file: what is appended would become theirs.
    beyond: Option<u64>,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<Header, Error> {
        let header = exif::header(source, 0)?;
        let end = source.len();
        exif::walk(source, header, end, |source, directory| {
            for field in &directory.fields {
                if field.value.checked_add(field.size).is_none_or(|last| last > end) {
                    self.beyond.get_or_insert(field.at);
                }
                let ours = field.tag == exif::XMP && directory.page == Some(0) && self.packet.is_none();
                if ours && matches!(field.kind, 1 | 2 | 7) {
                    self.xmp(source, *field)?;
                } else {
                    exif::field(source, header, field, end, "tiff:IFD", false, &mut self.trace)?;
                }
            }
            if self.first.is_none() {
                self.first = Some(directory.clone());
            }
            self.check(source, header, directory)
        })?;
        if self.first.is_none() {
            return Err(source.damaged(4, "it has no directory"));
        }
        Ok(header)
    }

    fn xmp(&mut self, source: &mut Source<'_>, field: Field) -> Result<(), Error> {
        let packet = source.part(field.value, field.size, "its XMP packet")?;
        for label in xmp::labels(&packet) {
            let at = field.value + label.range.start as u64;
            let by_the_book = label.by_the_book && matches!(field.kind, 1 | UNDEFINED);
            self.trace.note(source, "tiff:XMP TC260:AIGC", by_the_book, label.value, at)?;
            self.labels.push((at, at + label.range.len() as u64));
        }
        self.packet = Some((field, packet));
        Ok(())
    }

    /// Refuses a packet that lies over pixels: changing one would change the other.
    fn check(&mut self, source: &mut Source<'_>, header: Header, directory: &Directory) -> Result<(), Error> {
        let (from, to, wide) = match &self.packet {
            Some((packet, _)) => (packet.value, packet.value + packet.size, packet.size > header.width() as u64),
            None => (0, 0, false),
        };
        let end = source.len();
        let over = |at: u64, length: u64| at < to && from < at.saturating_add(length);
        let table = directory.fields.len() as u64 * header.field() + header.count() + header.width() as u64;
        if over(0, 8) || (wide && over(directory.at, table)) {
            return Err(source.damaged(from, "its XMP packet lies over its structure"));
        }
        for (offsets, counts) in PIXELS {
            let find = |tag: u16| directory.fields.iter().find(|field| field.tag == tag);
            let (Some(offsets), Some(counts)) = (find(offsets), find(counts)) else { continue };
            let count = offsets.count.min(counts.count);
            self.strips = self.strips.saturating_add(count);
            if self.strips > MOST_STRIPS {
                return Err(source.too_much("it has millions of strips or tiles"));
            }
            let mut index = 0;
            while index < count {
                let now = (count - index).min(STRIPS_AT_ONCE);
                let places = items(source, header, offsets, index, now)?;
                let lengths = items(source, header, counts, index, now)?;
                for (at, length) in places.into_iter().zip(lengths) {
                    if over(at, length) {
                        return Err(source.damaged(from, "its XMP packet lies over its pixels"));
                    }
                    if at.saturating_add(length) > end {
                        self.beyond.get_or_insert(offsets.at);
                    }
                }
                index += now;
            }
        }
        Ok(())
    }

    fn label(&mut self, source: &mut Source<'_>, header: Header, value: &str) -> Result<(), Error> {
        let old = self.packet.as_ref().map(|(_, packet)| packet.as_slice());
        let new = xmp::with(old, value)?;
        if new.len() as u64 > MOST_METADATA {
            return Err(source.too_much("its XMP packet is longer than metadata should be"));
        }
        let size = new.len() as u64;
        match self.packet.as_ref().map(|(field, _)| *field) {
            // A packet that stays as it is counts as written: no other edit may lie over it.
            Some(field) if size <= field.size && field.size > header.width() as u64 => {
                let mut bytes = new;
                bytes.resize(usize::try_from(field.size).unwrap_or(bytes.len()), 0);
                self.trace.edits.put(source, field.value, field.value + field.size, bytes)?;
                self.point(source, header, field, size, field.value)
            }
            Some(field) => {
                let at = self.append(source, header, new)?;
                self.labels.clear();
                // The old packet is no longer reached; who looks for packets without following the structure is not to
                // find it.
                if field.size > header.width() as u64 {
                    let blank = vec![0; usize::try_from(field.size).unwrap_or_default()];
                    self.trace.edits.put(source, field.value, field.value + field.size, blank)?;
                }
                self.point(source, header, field, size, at)
            }
            None => self.renew(source, header, new),
        }
    }

    /// Puts bytes at the end of the file, at an even place as TIFF wants it, and answers their place.
    fn append(&mut self, source: &Source<'_>, header: Header, mut bytes: Vec<u8>) -> Result<u64, Error> {
        let grown = source.len().saturating_add_signed(self.trace.edits.growth());
        let at = grown + grown % 2;
        if !header.big && at + bytes.len() as u64 > u64::from(u32::MAX) {
            return Err(source.unsupported("with the label it would be longer than 4 GiB; save it as BigTIFF first"));
        }
        if grown % 2 == 1 {
            bytes.insert(0, 0);
        }
        self.trace.edits.put(source, source.len(), source.len(), bytes)?;
        Ok(at)
    }

    /// Makes `field` say where the packet stands.
    fn point(&mut self, source: &Source<'_>, header: Header, field: Field, size: u64, at: u64) -> Result<(), Error> {
        let bytes = packet_field(header, size, at).ok_or_else(|| source.too_much("its XMP packet is too long"))?;
        self.trace.edits.put(source, field.at, field.at + header.field(), bytes)
    }

    /// Writes the packet and the first directory with a field for it at the end.
    fn renew(&mut self, source: &mut Source<'_>, header: Header, packet: Vec<u8>) -> Result<(), Error> {
        let Some(first) = self.first.take() else { return Ok(()) };
        let size = packet.len() as u64;
        let at = self.append(source, header, packet)?;
        let wide = header.width();
        let count = first.fields.len() as u64 + 1;
        let field = packet_field(header, size, at);
        let count_bytes = encode(count, usize::try_from(header.count()).unwrap_or(8), header.little);
        let (Some(field), Some(mut table)) = (field, count_bytes) else {
            return Err(source.too_much("its first directory has no room for a field"));
        };
        let begin = first.at + header.count();
        let old = source.part(begin, (count - 1) * header.field(), "its first directory")?;
        // No edit touches the fields themselves: a label is longer than what fits in one.
        let before = first.fields.iter().take_while(|field| field.tag < exif::XMP).count() * old.len()
            / first.fields.len().max(1);
        let (low, high) = old.split_at_checked(before).unwrap_or((&old, &[]));
        table.extend([low, &field, high].concat());
        let next = begin + old.len() as u64;
        let next = source.at(next, wide)?.get(..wide).map_or_else(|| vec![0; wide], <[u8]>::to_vec);
        table.extend(next);
        let table_at = self.append(source, header, table)?;
        let place = if header.big { 8 } else { 4 };
        let offset = encode(table_at, wide, header.little).unwrap_or_default();
        self.trace.edits.put(source, place, place + wide as u64, offset)
    }
}

/// The field of a packet of `size` bytes at `at`.
fn packet_field(header: Header, size: u64, at: u64) -> Option<Vec<u8>> {
    let n = |value: u64, width: usize| encode(value, width, header.little);
    let wide = header.width();
    Some([n(exif::XMP.into(), 2)?, n(UNDEFINED.into(), 2)?, n(size, wide)?, n(at, wide)?].concat())
}

/// `count` items of a field of numbers, from `index` on; none where the field holds no numbers.
fn items(source: &mut Source<'_>, header: Header, field: &Field, index: u64, count: u64) -> Result<Vec<u64>, Error> {
    let width = match field.kind {
        3 => 2,
        4 | 13 => 4,
        16 | 18 => 8,
        _ => return Ok(Vec::new()),
    };
    let at = field.value.saturating_add(index.saturating_mul(width));
    let bytes = source.part(at, count.saturating_mul(width), "the places of its pixels")?;
    let width = usize::try_from(width).unwrap_or(8);
    Ok(bytes.chunks_exact(width).map(|bytes| number(bytes, header.little)).collect())
}

#[cfg(test)]
mod tests;
