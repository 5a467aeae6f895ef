//! WebP (RFC 9649; XMP specification part 3): the label in the XMP packet of the RIFF chunk `XMP `.
//!
//! A picture of one chunk (VP8 or VP8L alone) has no place for metadata: it gets the header `VP8X`, which names the size
//! of the canvas and what else the file holds.

use std::io::Write;

use super::edit::{MOST_METADATA, Source, Trace};
use super::{Carrier, Found, Input, exif, loose, xmp};
use crate::Error;

/// WebP.
pub const NAME: Carrier = Carrier { id: "webp", kind: "image", endings: &["webp"], sniff, read, write };

/// Flags of `VP8X`.
const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;
const HAS_ALPHA: u8 = 0x10;
const HAS_PROFILE: u8 = 0x20;

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "WebP")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source);
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "WebP")?;
    let mut picture = Picture::default();
    picture.scan(&mut source)?;
    picture.label(&mut source, value)?;
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    /// Where the flags of `VP8X` stand, and which they are.
    header: Option<(u64, u8)>,
    /// The canvas of a picture without `VP8X`, and the flags it would have.
    canvas: Option<(u32, u32)>,
    flags: u8,
    /// Where a new packet goes: behind pictures and EXIF, before chunks that are not known.
    place: u64,
    /// The chunk of the packet, its end with the byte that makes it even.
    packet: Option<(u64, u64, Vec<u8>)>,
    size: u64,
    end: u64,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let head: [u8; 12] = source.bytes(0)?;
        if !sniff(&head) {
            return Err(source.damaged(0, "it does not begin with RIFF and WEBP"));
        }
        self.size = u64::from(u32::from_le_bytes(source.bytes(4)?));
        self.end = self.size + 8;
        if self.size < 4 || self.end > source.len() {
            return Err(source.damaged(4, format!("it says to have {} bytes and has {}", self.end, source.len())));
        }
        let mut at = 12;
        let mut image = false;
        while at + 8 <= self.end {
            let name: [u8; 4] = source.bytes(at)?;
            let length = u64::from(u32::from_le_bytes(source.bytes(at + 4)?));
            let data = at + 8;
            // The byte that makes a chunk even is left out at the end by some writers.
            let end = (data + length + length % 2).min(self.end.max(data + length));
            if data + length > self.end {
                return Err(source.damaged(at, "a chunk goes beyond the end of the file"));
            }
            match &name {
                b"VP8X" if self.header.is_none() && !image => {
                    if length < 10 {
                        return Err(source.damaged(at, "the header VP8X is too short"));
                    }
                    let [flags] = source.bytes(data)?;
                    self.header = Some((data, flags));
                }
                b"VP8 " | b"VP8L" => {
                    if !image {
                        self.picture(source, name == *b"VP8L", data, length)?;
                    }
                    image = true;
                    self.place = end;
                }
                b"ALPH" => self.flags |= HAS_ALPHA,
                b"ANMF" => {
                    image = true;
                    self.place = end;
                }
                b"ICCP" => self.flags |= HAS_PROFILE,
                b"EXIF" => {
                    self.flags |= HAS_EXIF;
                    self.place = end;
                    let skip = if source.at(data, 6)?.starts_with(b"Exif\0\0") { 6.min(length) } else { 0 };
                    exif::block(source, data + skip, data + length, "webp:EXIF", false, &mut self.trace)?;
                }
                b"XMP " => self.xmp(source, at, data, length, end)?,
                _ => self.other(source, name, data, data + length)?,
            }
            at = end;
        }
        if !image {
            return Err(source.damaged(at.min(self.end), "it holds no picture"));
        }
        let trace = &mut self.trace;
        loose::scan(source, self.end, source.len(), |source, at, one| blank(source, trace, "webp:after RIFF", at, &one))
    }

    /// Looks at a chunk that is not known, or at one named as the label.
    fn other(&mut self, source: &mut Source<'_>, name: [u8; 4], from: u64, to: u64) -> Result<(), Error> {
        let place = format!("webp:chunk {}", String::from_utf8_lossy(&name).trim());
        let trace = &mut self.trace;
        if name == *b"AIGC" {
            let data = source.part(from, to - from, "the chunk AIGC")?;
            let value = String::from_utf8_lossy(&data).trim_matches(['\0', ' ']).to_owned();
            if value.is_empty() {
                return Ok(());
            }
            trace.note(source, place, false, value, from)?;
            return trace.edits.put(source, from, to, loose::spaces(data.len(), None));
        }
        loose::scan(source, from, to, |source, at, one| blank(source, trace, &place, at, &one))
    }

    /// The size and the alpha of the first picture (RFC 6386 §9.1; RFC 9649 §3.4).
    fn picture(&mut self, source: &mut Source<'_>, lossless: bool, data: u64, length: u64) -> Result<(), Error> {
        let head: [u8; 10] = if length >= 10 { source.bytes(data)? } else { [0; 10] };
        let wrong = |source: &Source<'_>| source.damaged(data, "the picture's own header is wrong");
        if lossless {
            let [0x2F, a, b, c, d, ..] = head else { return Err(wrong(source)) };
            let bits = u32::from_le_bytes([a, b, c, d]);
            self.canvas = Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1));
            if bits >> 28 & 1 == 1 {
                self.flags |= HAS_ALPHA;
            }
        } else {
            let [_, _, _, 0x9D, 0x01, 0x2A, a, b, c, d] = head else { return Err(wrong(source)) };
            let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            self.canvas = Some((side(a, b), side(c, d))).filter(|(width, height)| *width > 0 && *height > 0);
        }
        Ok(())
    }

    fn xmp(&mut self, source: &mut Source<'_>, at: u64, data: u64, length: u64, end: u64) -> Result<(), Error> {
        let packet = source.part(data, length, "its XMP packet")?;
        let found = xmp::labels(&packet);
        let first = self.packet.is_none();
        for label in &found {
            let at = data + label.range.start as u64;
            self.trace.note(source, "webp:XMP TC260:AIGC", first && label.by_the_book, label.value.clone(), at)?;
        }
        if first {
            self.packet = Some((at, end, packet));
        } else if !found.is_empty() {
            self.trace.edits.put(source, data, data + length, xmp::without(&packet)?)?;
        }
        Ok(())
    }

    fn label(&mut self, source: &mut Source<'_>, value: &str) -> Result<(), Error> {
        let old = self.packet.as_ref().map(|(_, _, packet)| packet.as_slice());
        let new = xmp::with(old, value)?;
        if new.len() as u64 > MOST_METADATA {
            return Err(source.too_much("its XMP packet is longer than metadata should be"));
        }
        if old != Some(new.as_slice()) {
            let (from, to) = self.packet.as_ref().map_or((self.place, self.place), |(from, to, _)| (*from, *to));
            let mut bytes = Vec::new();
            if from == self.end && from % 2 == 1 {
                // The last chunk lacks the byte that makes it even.
                bytes.push(0);
            }
            bytes.extend(chunk(b"XMP ", &new));
            self.trace.edits.put(source, from, to, bytes)?;
        }
        match (self.header, self.canvas) {
            (Some((at, flags)), _) if flags & HAS_XMP == 0 => {
                self.trace.edits.put(source, at, at + 1, vec![flags | HAS_XMP])?;
            }
            (Some(_), _) => {}
            (None, Some((width, height))) => {
                let mut data = vec![self.flags | HAS_XMP, 0, 0, 0];
                for side in [width - 1, height - 1] {
                    data.extend(side.to_le_bytes().get(..3).unwrap_or_default());
                }
                self.trace.edits.put(source, 12, 12, chunk(b"VP8X", &data))?;
            }
            (None, None) => return Err(source.damaged(12, "its picture has no size")),
        }
        let growth = self.trace.edits.moved(self.end);
        if growth != 0 {
            let size = self.size.checked_add_signed(growth).and_then(|size| u32::try_from(size).ok());
            let Some(size) = size.filter(|size| *size <= u32::MAX - 9) else {
                return Err(source.unsupported("with the label it would be longer than RIFF allows"));
            };
            self.trace.edits.put(source, 4, 8, size.to_le_bytes().to_vec())?;
        }
        Ok(())
    }
}

fn blank(source: &Source<'_>, trace: &mut Trace, place: &str, at: u64, one: &loose::Loose) -> Result<(), Error> {
    let length = one.range.len();
    trace.note(source, place, false, one.value.clone(), at)?;
    trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))
}

/// A chunk, made even.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut bytes = [name.as_slice(), &length.to_le_bytes(), data].concat();
    if data.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests;
