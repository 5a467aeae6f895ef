//! PNG and APNG (PNG specification, third edition; XMP specification part 3, PNG): the label in the XMP packet of an
//! `iTXt` chunk.
//!
//! Chunks are copied as they stand, their sums included: what was broken before is not made to look sound.

mod text;

use std::io::Write;

use super::edit::{MOST_METADATA, Source, Trace};
use super::{Carrier, Found, Input, exif, loose, xmp};
use crate::Error;
use text::{KEYWORD_XMP, Text};

/// PNG and APNG.
pub const NAME: Carrier = Carrier { id: "png", kind: "image", endings: &["png", "apng"], sniff, read, write };

/// Most bytes of all compressed texts together.
const MOST_UNPACKED: u64 = 64 << 20;
const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1A\n";

fn sniff(head: &[u8]) -> bool {
    head.starts_with(SIGNATURE)
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "PNG")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source);
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "PNG")?;
    let mut picture = Picture::default();
    picture.scan(&mut source)?;
    let old = picture.packet.as_ref().map(|(_, text)| text.text.as_slice());
    let new = xmp::with(old, value)?;
    let same = picture.packet.as_ref().is_some_and(|(_, text)| text.text == new && !text.packed);
    if !same {
        let mut data = KEYWORD_XMP.to_vec();
        // Not compressed, no language, no translated keyword: as the XMP specification wants it.
        data.extend_from_slice(&[0; 5]);
        data.extend_from_slice(&new);
        let chunk = chunk(b"iTXt", &data).ok_or_else(|| source.too_much("its XMP packet is longer than a chunk"))?;
        let (from, to) = picture.packet.map_or((picture.front, picture.front), |(place, _)| (place.at, place.end));
        picture.trace.edits.put(&source, from, to, chunk)?;
    }
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// A chunk's place.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    data: u64,
    /// Behind the checksum.
    end: u64,
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    /// Behind `IHDR`.
    front: u64,
    packet: Option<(Place, Text)>,
    unpacked: u64,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        if source.bytes::<8>(0)? != *SIGNATURE {
            return Err(source.damaged(0, "it does not begin with the signature"));
        }
        let mut at = 8;
        let mut pixels = false;
        loop {
            let [a, b, c, d, kind @ ..]: [u8; 8] = source.bytes(at)?;
            let length = u64::from(u32::from_be_bytes([a, b, c, d]));
            let place = Place { at, data: at + 8, end: at + 8 + length + 4 };
            if length > 0x7FFF_FFFF || place.end > source.len() {
                return Err(source.damaged(at, "a chunk goes beyond the end of the file"));
            }
            if !kind.iter().all(u8::is_ascii_alphabetic) {
                return Err(source.damaged(at + 4, "a chunk has no name"));
            }
            at = place.end;
            match &kind {
                b"IHDR" if self.front == 0 => self.front = place.end,
                b"IHDR" => return Err(source.damaged(place.at, "it has two headers")),
                b"IDAT" => pixels = true,
                b"IEND" => break,
                b"tEXt" | b"zTXt" | b"iTXt" => self.text(source, place, kind)?,
                b"eXIf" => self.exif(source, place)?,
                _ => {}
            }
        }
        if self.front == 0 || !pixels {
            return Err(source.damaged(at, "it has no header or no pixels"));
        }
        self.tail(source, at)
    }

    fn text(&mut self, source: &mut Source<'_>, place: Place, kind: [u8; 4]) -> Result<(), Error> {
        let data = source.part(place.data, place.end - 4 - place.data, "a chunk of text")?;
        let text = Text::read(kind, &data, &mut self.unpacked);
        // What breaks off in the middle was unpacked up to there, so it counts as well.
        if self.unpacked > MOST_UNPACKED {
            return Err(source.too_much("its compressed texts unpack to more than metadata should be"));
        }
        let Some(text) = text else { return Ok(()) };
        let text: Text =
            text.map_err(|_| source.too_much(format!("a compressed text unpacks to more than {MOST_METADATA} bytes")))?;
        let name = format!("png:{} {}", String::from_utf8_lossy(&kind), text.shown_keyword());
        if text.is_xmp() {
            return self.xmp(source, place, text, &name);
        }
        let inner = text.profile();
        let found = match &inner {
            // ImageMagick keeps EXIF and XMP as hexadecimal text.
            Some(profile) => loose::find(profile),
            None if text.keyword == b"AIGC" => {
                let all = String::from_utf8_lossy(&text.text).trim().to_owned();
                vec![loose::Loose { range: 0..text.text.len(), value: all }]
            }
            None => loose::find_in_field(&text.text),
        };
        if found.is_empty() {
            return Ok(());
        }
        // The form of Annex B of the guide is this keyword in this chunk.
        let by_the_book = text.keyword == b"AIGC" && &kind == b"tEXt";
        let rest = match &inner {
            Some(profile) => {
                let mut rest = profile.clone();
                found.iter().for_each(|one| rest.get_mut(one.range.clone()).unwrap_or_default().fill(b' '));
                rest
            }
            None => loose::without(&text.text, &found),
        };
        for one in found {
            self.trace.note(source, &name, by_the_book, one.value, place.data)?;
        }
        // A chunk that was nothing but the label goes.
        let bytes = if rest.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            Vec::new()
        } else {
            let rest = if inner.is_some() { text.profile_of(&rest) } else { rest };
            chunk(&kind, &text.encode(&rest)).unwrap_or_default()
        };
        self.trace.edits.put(source, place.at, place.end, bytes)
    }

    fn xmp(&mut self, source: &mut Source<'_>, place: Place, text: Text, name: &str) -> Result<(), Error> {
        let found = xmp::labels(&text.text);
        let first = self.packet.is_none() && text.kind == *b"iTXt" && text.keyword == KEYWORD_XMP;
        for label in &found {
            let name = format!("{name} TC260:AIGC");
            let at = if text.packed {
                place.data
            } else {
                place.end - 4 - text.text.len() as u64 + label.range.start as u64
            };
            self.trace.note(source, name, first && label.by_the_book, label.value.clone(), at)?;
        }
        if first {
            self.packet = Some((place, text));
        } else if !found.is_empty() {
            let rest = xmp::without(&text.text)?;
            let bytes = chunk(&text.kind, &text.encode(&rest)).unwrap_or_default();
            self.trace.edits.put(source, place.at, place.end, bytes)?;
        }
        Ok(())
    }

    fn exif(&mut self, source: &mut Source<'_>, place: Place) -> Result<(), Error> {
        let mut data = source.part(place.data, place.end - 4 - place.data, "a block of EXIF")?;
        let mut inner = Trace::default();
        let copy = data.clone();
        let mut file = std::io::Cursor::new(&copy);
        let mut block = Source::new(&mut file, "PNG")?;
        exif::block(&mut block, 0, data.len() as u64, "png:eXIf", false, &mut inner)?;
        for found in inner.found {
            let at = place.data + found.offset.unwrap_or_default();
            self.trace.note(source, found.place, false, found.value, at)?;
        }
        if inner.edits.is_empty() {
            return Ok(());
        }
        data.clear();
        inner.edits.apply(&mut block, &mut data)?;
        self.trace.edits.put(source, place.at, place.end, chunk(b"eXIf", &data).unwrap_or_default())
    }

    /// Looks at what follows the picture; a label there goes.
    fn tail(&mut self, source: &mut Source<'_>, from: u64) -> Result<(), Error> {
        let trace = &mut self.trace;
        loose::scan(source, from, source.len(), |source, at, one| {
            trace.note(source, "png:after IEND", false, one.value, at)?;
            let length = one.range.len();
            trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))
        })
    }
}

/// A chunk with its length and checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(data.len()).ok().filter(|length| *length <= 0x7FFF_FFFF)?;
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(data);
    Some([&length.to_be_bytes(), kind.as_slice(), data, &sum.sum().to_be_bytes()].concat())
}

#[cfg(test)]
mod tests;
