//! JPEG (ITU-T T.81; XMP specification part 3, JPEG; MPF: CIPA DC-007): the label in the XMP packet of an APP1 segment.
//!
//! Segments, scans and what follows the end of the picture stay as they are. The table of the multi-picture format counts
//! from its own segment to the pictures behind, so it is corrected where they move.

mod extended;
mod mpf;

use std::io::Write;

use super::edit::{Source, Trace};
use super::loose;
use super::{Carrier, Found, Input, exif, xmp};
use crate::Error;
use extended::Extended;

/// JPEG.
pub const NAME: Carrier =
    Carrier { id: "jpeg", kind: "image", endings: &["jpg", "jpeg", "jpe", "jfif"], sniff, read, write };

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const EXTENSION: &[u8] = b"http://ns.adobe.com/xmp/extension/\0";
const EXIF: &[u8] = b"Exif\0";
/// A segment's length counts its own two bytes.
const LONGEST_SEGMENT: usize = 65_533;
/// Most segments: more than any picture has.
const MOST_SEGMENTS: usize = 2_000_000;

fn sniff(head: &[u8]) -> bool {
    head.starts_with(&[0xFF, 0xD8, 0xFF])
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "JPEG")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source);
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "JPEG")?;
    let mut picture = Picture::default();
    picture.scan(&mut source)?;
    picture.label(&mut source, value)?;
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// A marker and its segment.
#[derive(Debug, Clone, Copy)]
struct Segment {
    marker: u8,
    /// Where its first `FF` stands.
    at: u64,
    /// Where its payload begins and ends.
    data: u64,
    end: u64,
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    /// Where a new packet goes: behind JFIF's and EXIF's segments, which must come first.
    front: u64,
    packet: Option<(Segment, Vec<u8>)>,
    extended: Extended,
    mpf: Option<Segment>,
    /// Where the first picture ends.
    end: u64,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        if source.bytes::<2>(0)? != [0xFF, 0xD8] {
            return Err(source.damaged(0, "it does not begin with the marker SOI"));
        }
        self.front = 2;
        let mut at = 2;
        let mut leading = true;
        for _ in 0..MOST_SEGMENTS {
            let Some(segment) = segment(source, at)? else {
                // EOI.
                self.end = end_of_marker(source, at)?;
                self.extended.note(source, &mut self.trace)?;
                return self.tail(source);
            };
            at = segment.end;
            match segment.marker {
                0xDA => at = entropy(source, segment.end)?,
                0xE0..=0xEF | 0xFE => {
                    let is_exif = segment.marker == 0xE1 && source.at(segment.data, EXIF.len())?.starts_with(EXIF);
                    leading &= segment.marker == 0xE0 || is_exif;
                    if leading {
                        self.front = segment.end;
                    }
                    self.metadata(source, segment)?;
                }
                _ => leading = false,
            }
        }
        Err(source.too_much("it has millions of segments"))
    }

    /// Looks at an APP segment or a comment.
    fn metadata(&mut self, source: &mut Source<'_>, segment: Segment) -> Result<(), Error> {
        let data = source.part(segment.data, segment.end - segment.data, "a segment")?;
        match segment.marker {
            0xE1 if data.starts_with(XMP) => self.xmp(source, segment, data),
            0xE1 if data.starts_with(EXTENSION) => self.extended.collect(source, segment, &data),
            0xE1 if data.starts_with(EXIF) => {
                exif::block(source, segment.data + 6, segment.end, "jpeg:exif", true, &mut self.trace)
            }
            0xE2 if data.starts_with(b"MPF\0") => {
                self.mpf.get_or_insert(segment);
                Ok(())
            }
            _ => {
                let place = match segment.marker {
                    0xFE => "jpeg:comment".to_owned(),
                    marker => format!("jpeg:segment APP{}", marker & 0x0F),
                };
                let found = if segment.marker == 0xFE { loose::find_in_field(&data) } else { loose::find(&data) };
                let rest: usize = data.len() - found.iter().map(|one| one.range.len()).sum::<usize>();
                let alone = found.len() == 1 && rest == 0;
                for one in found {
                    let at = segment.data + one.range.start as u64;
                    self.trace.note(source, &place, false, one.value, at)?;
                    let (from, to) = if alone { (segment.at, segment.end) } else { (at, at + one.range.len() as u64) };
                    // A segment of structure keeps its lengths: spaces stand where the label was.
                    let bytes = if alone { Vec::new() } else { loose::spaces(one.range.len(), None) };
                    self.trace.edits.put(source, from, to, bytes)?;
                }
                Ok(())
            }
        }
    }

    fn xmp(&mut self, source: &mut Source<'_>, segment: Segment, data: Vec<u8>) -> Result<(), Error> {
        let packet = data.get(XMP.len()..).unwrap_or_default().to_vec();
        let found = xmp::labels(&packet);
        let from = segment.data + XMP.len() as u64;
        let first = self.packet.is_none();
        for label in &found {
            let at = from + label.range.start as u64;
            let by_the_book = first && label.by_the_book;
            self.trace.note(source, "jpeg:xmp TC260:AIGC", by_the_book, label.value.clone(), at)?;
        }
        if first {
            self.packet = Some((segment, packet));
        } else if !found.is_empty() {
            self.trace.edits.put(source, from, segment.end, xmp::without(&packet)?)?;
        }
        Ok(())
    }

    /// Looks at what follows the picture: further pictures, films, and labels glued on. Others point into it, so labels
    /// become spaces.
    fn tail(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let trace = &mut self.trace;
        loose::scan(source, self.end, source.len(), |source, at, one| {
            trace.note(source, "jpeg:after EOI", false, one.value, at)?;
            let length = one.range.len();
            trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))
        })
    }

    /// Puts the label in.
    fn label(&mut self, source: &mut Source<'_>, value: &str) -> Result<(), Error> {
        let old = self.packet.as_ref().map(|(_, packet)| packet.as_slice());
        let mut new = xmp::with(old, value)?;
        self.extended.rewrite(source, &mut self.trace.edits, &mut new)?;
        if new.len() + XMP.len() > LONGEST_SEGMENT {
            new = xmp::without_padding(&new);
        }
        if new.len() + XMP.len() > LONGEST_SEGMENT {
            let problem =
                "its XMP packet fills its segment of 64 KiB and has no room for the label; shorten the packet";
            return Err(source.unsupported(problem));
        }
        if old != Some(new.as_slice()) {
            let (from, to) = self.packet.as_ref().map_or((self.front, self.front), |(old, _)| (old.at, old.end));
            let length = u16::try_from(new.len() + XMP.len() + 2).unwrap_or(u16::MAX);
            let mut segment = vec![0xFF, 0xE1];
            segment.extend_from_slice(&length.to_be_bytes());
            segment.extend_from_slice(XMP);
            segment.append(&mut new);
            self.trace.edits.put(source, from, to, segment)?;
        }
        match self.mpf {
            Some(table) if self.trace.edits.growth() != 0 => {
                mpf::correct(source, &mut self.trace.edits, table.data + 4, table.end, self.end)
            }
            _ => Ok(()),
        }
    }
}

/// The marker at `at` and its segment; nothing at EOI. `FF` may stand before a marker any number of times.
fn segment(source: &mut Source<'_>, at: u64) -> Result<Option<Segment>, Error> {
    let marker_end = end_of_marker(source, at)?;
    let [marker] = source.bytes(marker_end - 1)?;
    match marker {
        0xD9 => Ok(None),
        0x01 | 0xD0..=0xD7 => Ok(Some(Segment { marker, at, data: marker_end, end: marker_end })),
        0x00 | 0xD8 => Err(source.damaged(at, format!("the marker FF{marker:02X} stands where none may"))),
        _ => {
            let length = u64::from(u16::from_be_bytes(source.bytes(marker_end)?));
            let end = marker_end + length;
            if length < 2 || end > source.len() {
                return Err(source.damaged(marker_end, "a segment's length is wrong"));
            }
            Ok(Some(Segment { marker, at, data: marker_end + 2, end }))
        }
    }
}

/// Where the marker that begins at `at` ends.
fn end_of_marker(source: &mut Source<'_>, at: u64) -> Result<u64, Error> {
    let mut end = at;
    if source.bytes::<1>(end)? != [0xFF] {
        return Err(source.damaged(end, "no marker stands where one must"));
    }
    while source.bytes::<1>(end)? == [0xFF] {
        end += 1;
    }
    Ok(end + 1)
}

/// Where the coded data that begins at `at` ends: at the next marker that is no restart. Values below 80 after `FF` are
/// data, in JPEG-LS too.
fn entropy(source: &mut Source<'_>, mut at: u64) -> Result<u64, Error> {
    loop {
        let window = source.at(at, 2)?;
        if window.len() < 2 {
            return Err(source.damaged(at, "it ends inside the coded picture"));
        }
        // The last byte is looked at with the next window.
        let sure = window.len() - 1;
        let mut done = 0;
        while done < sure {
            let Some(skip) = memchr::memchr(0xFF, window.get(done..sure).unwrap_or_default()) else {
                done = sure;
                break;
            };
            match window.get(done + skip + 1) {
                Some(0xFF) => done += skip + 1,
                Some(0x00..=0x7F | 0xD0..=0xD7) => done += skip + 2,
                _ => return Ok(at + (done + skip) as u64),
            }
        }
        at += done as u64;
    }
}

#[cfg(test)]
mod tests;
