//! GIF (89a specification; XMP specification part 3, GIF): the label in the XMP packet of the application extension
//! `XMP Data` `XMP`.
//!
//! The packet stands there as it is, not cut into sub-blocks: its bytes taken as lengths of sub-blocks lead a reader that
//! does not know it into the run of 258 bytes behind it, and so to its end.

use std::io::Write;

use super::edit::{MOST_METADATA, Source, Trace};
use super::{Carrier, Found, Input, loose, xmp};
use crate::Error;

/// GIF.
pub const NAME: Carrier = Carrier { id: "gif", kind: "image", endings: &["gif"], sniff, read, write };

const XMP: &[u8; 11] = b"XMP DataXMP";

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a")
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, "GIF")?;
    let mut picture = Picture::default();
    let end = picture.scan(&mut source);
    picture.trace.answer(end)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, "GIF")?;
    let mut picture = Picture::default();
    picture.scan(&mut source)?;
    let old = picture.packet.as_ref().map(|packet| packet.text.as_slice());
    let new = xmp::with(old, value)?;
    if new.contains(&0) {
        return Err(source.unsupported("its XMP packet holds a zero, which GIF takes for its end"));
    }
    if !picture.packet.as_ref().is_some_and(|packet| packet.whole && packet.text == new) {
        let (from, to) = picture.packet.map_or((picture.front, picture.front), |packet| (packet.at, packet.end));
        let bytes = [&[0x21, 0xFF, 11], XMP.as_slice(), &new, &trailer()].concat();
        picture.trace.edits.put(&source, from, to, bytes)?;
    }
    if source.bytes::<6>(0)? == *b"GIF87a" {
        // Extensions came with 89a; the pictures are the same.
        picture.trace.edits.put(&source, 4, 5, b"9".to_vec())?;
    }
    picture.trace.edits.apply_read(&mut source, out, read)
}

/// What leads a reader out of the packet: 1, then 255 down to 0, then the end of the blocks.
fn trailer() -> Vec<u8> {
    std::iter::once(1).chain((0..=255).rev()).chain([0]).collect()
}

/// The extension of a packet.
#[derive(Debug)]
struct Packet {
    at: u64,
    end: u64,
    text: Vec<u8>,
    /// Whether it stands as it is, as the specification wants it, and not in sub-blocks.
    whole: bool,
}

/// What is found of a picture on the way through it.
#[derive(Debug, Default)]
struct Picture {
    trace: Trace,
    /// Where a new packet goes: before the first block that is no application extension, as the one that makes a film go
    /// round must come first.
    front: u64,
    packet: Option<Packet>,
}

impl Picture {
    fn scan(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let head: [u8; 13] = source.bytes(0)?;
        if !sniff(&head) {
            return Err(source.damaged(0, "it does not begin with GIF87a or GIF89a"));
        }
        let [.., packed, _, _] = head;
        let mut at = 13 + colours(packed);
        loop {
            let [kind] = source.bytes(at)?;
            if self.front == 0 && (kind != 0x21 || source.bytes::<2>(at)? != [0x21, 0xFF]) {
                self.front = at;
            }
            at = match kind {
                0x3B => break,
                0x2C => {
                    let image: [u8; 10] = source.bytes(at)?;
                    let [.., packed] = image;
                    // The table of colours, the size of the first code.
                    blocks_end(source, at + 10 + colours(packed) + 1)?
                }
                0x21 => self.extension(source, at)?,
                other => return Err(source.damaged(at, format!("a block begins with the unknown byte {other:#04x}"))),
            };
        }
        let trace = &mut self.trace;
        loose::scan(source, at + 1, source.len(), |source, at, one| {
            trace.note(source, "gif:after the end", false, one.value, at)?;
            let length = one.range.len();
            trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))
        })
    }

    /// Looks at the extension at `at`, and answers its end.
    fn extension(&mut self, source: &mut Source<'_>, at: u64) -> Result<u64, Error> {
        let [_, label] = source.bytes(at)?;
        let end = blocks_end(source, at + 2)?;
        let place = match label {
            0xFF => {
                let name = source.at(at + 2, 12)?;
                if name.first() == Some(&11) && name.get(1..12) == Some(XMP) {
                    return self.xmp(source, at).map(|()| end);
                }
                "gif:application extension"
            }
            0xFE => "gif:comment",
            0x01 => "gif:plain text",
            _ => return Ok(end),
        };
        let raw = source.part(at + 2, end - at - 2, "an extension")?;
        let text = joined(&raw);
        let found = if label == 0xFE { loose::find_in_field(&text) } else { loose::find(&text) };
        if found.is_empty() {
            return Ok(end);
        }
        let mut rest = text;
        for one in found {
            rest.get_mut(one.range).unwrap_or_default().fill(b' ');
            self.trace.note(source, place, false, one.value, at)?;
        }
        if label == 0xFE && rest.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            self.trace.edits.put(source, at, end, Vec::new())?;
        } else {
            self.trace.edits.put(source, at + 2, end, cut_as(&raw, &rest))?;
        }
        Ok(end)
    }

    fn xmp(&mut self, source: &mut Source<'_>, at: u64) -> Result<(), Error> {
        let from = at + 14;
        let end = blocks_end(source, at + 2)?;
        let raw = source.part(from, end - from, "its XMP packet")?;
        let (text, whole) = match raw.strip_suffix(trailer().as_slice()) {
            Some(text) => (text.to_vec(), true),
            None => (joined(&raw), false),
        };
        let found = xmp::labels(&text);
        let first = self.packet.is_none();
        for label in &found {
            let offset = from + if whole { label.range.start as u64 } else { 0 };
            let by_the_book = first && whole && label.by_the_book;
            self.trace.note(source, "gif:XMP Data TC260:AIGC", by_the_book, label.value.clone(), offset)?;
        }
        if first {
            self.packet = Some(Packet { at, end, text, whole });
        } else if !found.is_empty() {
            let rest = xmp::without(&text)?;
            let bytes = if whole { [rest, trailer()].concat() } else { cut_as(&raw, &rest) };
            self.trace.edits.put(source, from, end, bytes)?;
        }
        Ok(())
    }
}

/// Bytes of a table of colours.
fn colours(packed: u8) -> u64 {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

/// Where the sub-blocks that begin at `at` end, behind the empty one.
fn blocks_end(source: &mut Source<'_>, mut at: u64) -> Result<u64, Error> {
    loop {
        let [length] = source.bytes(at)?;
        at += 1 + u64::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// The content of sub-blocks.
fn joined(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len().min(MOST_METADATA as usize));
    let mut rest = raw;
    while let Some((length, later)) = rest.split_first() {
        let (block, later) = later.split_at_checked(usize::from(*length)).unwrap_or((later, &[]));
        text.extend_from_slice(block);
        rest = later;
    }
    text
}

/// Sub-blocks as long as those of `raw`, with other content of the same length.
fn cut_as(raw: &[u8], content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(raw.len());
    let (mut rest, mut content) = (raw, content);
    while let Some((length, later)) = rest.split_first() {
        let (block, later) = later.split_at_checked(usize::from(*length)).unwrap_or((later, &[]));
        let (part, behind) = content.split_at_checked(block.len()).unwrap_or((content, &[]));
        bytes.push(*length);
        bytes.extend_from_slice(part);
        (rest, content) = (later, behind);
    }
    bytes
}

#[cfg(test)]
mod tests;
