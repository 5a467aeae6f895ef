//! Tags of sound: ID3v2, the lists of RIFF (WAV, AVI), Vorbis comments in FLAC and Ogg.

use std::collections::HashMap;

use super::field::Finder;
use super::packet;
use crate::Error;
use crate::carrier::media::{Source, le32};
use crate::carrier::{Input, id3, riff};

/// Longest list of comments that is read.
const LONGEST: u64 = 12 << 20;
/// Most metadata blocks, chunks and fields that are looked at.
const MOST: usize = 1 << 16;

/// The ID3v2 tags at the beginning.
pub(super) fn mp3(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "MP3")?;
    tags(&mut source, finder).map(|_| ())
}

/// Reads the tags at the beginning of a file, and says where they end.
fn tags(source: &mut Source<'_>, finder: &mut Finder<'_>) -> Result<u64, Error> {
    let mut at = 0;
    for _ in 0..16 {
        let Some(length) = id3::length(source.head(at, 10)?) else { break };
        tag(finder, &source.vec(at, length, id3::LONGEST)?, at);
        at += length;
    }
    Ok(at)
}

fn tag(finder: &mut Finder<'_>, tag: &[u8], at: u64) {
    for (name, value) in id3::texts(tag).unwrap_or_default() {
        finder.see(&format!("id3:{name}"), &value, Some(at));
    }
}

/// The chunks of a RIFF: `LIST INFO`, ID3v2, XMP.
pub(super) fn riff(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "RIFF")?;
    let chunks = riff::riff(&mut source, 0)?.chunks;
    for one in chunks.iter().filter(|one| one.size <= riff::LONGEST) {
        let data = one.at + 8;
        match &one.id {
            b"id3 " | b"ID3 " => tag(finder, &source.vec(data, one.size, riff::LONGEST)?, data),
            b"_PMX" => packet::xmp(finder, &source.vec(data, one.size, riff::LONGEST)?, Some(data)),
            _ if one.is_list(b"INFO") => {
                for entry in riff::list(&mut source, *one)? {
                    let value = source.vec(entry.at + 8, entry.size.min(1 << 16), 1 << 16)?;
                    let name = String::from_utf8_lossy(&entry.id).trim().to_owned();
                    finder.see_bytes(&format!("riff:{name}"), &value, Some(entry.at));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The comments of a FLAC file (RFC 9639 §8.6), and the tag before it.
pub(super) fn flac(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "FLAC")?;
    let mut at = tags(&mut source, finder)? + 4;
    for _ in 0..1024 {
        let [kind, high, middle, low] = source.array(at)?;
        let size = u64::from(u32::from_be_bytes([0, high, middle, low]));
        if kind & 0x7F == 4 {
            comments(finder, &source.vec(at + 4, size, LONGEST)?, at + 4);
        }
        if kind & 0x80 != 0 {
            return Ok(());
        }
        at += 4 + size;
    }
    Err(source.too_much("more than 1024 metadata blocks"))
}

/// The fields of a list of Vorbis comments.
fn comments(finder: &mut Finder<'_>, list: &[u8], at: u64) {
    let size = |at: usize| le32(list, at).and_then(|size| usize::try_from(size).ok());
    let Some(vendor) = size(0).and_then(|size| size.checked_add(4)) else { return };
    let (Some(count), mut next) = (size(vendor), vendor.saturating_add(4)) else { return };
    for _ in 0..count.min(MOST) {
        let Some(from) = next.checked_add(4) else { return };
        let Some(field) = size(next).and_then(|size| list.get(from..from.checked_add(size)?)) else { return };
        if let Some(equals) = memchr::memchr(b'=', field.get(..field.len().min(256)).unwrap_or_default()) {
            let name = String::from_utf8_lossy(field.get(..equals).unwrap_or_default()).to_ascii_uppercase();
            finder.see_bytes(&format!("vorbis:{name}"), field.get(equals + 1..).unwrap_or_default(), Some(at));
        }
        next = from.saturating_add(field.len());
    }
}

/// The second packet of every logical stream at the beginning of an Ogg file: the comments.
pub(super) fn ogg(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "Ogg")?;
    // Of each stream: how many of its packets are complete, and the second as far as it is read.
    let mut streams: HashMap<u32, (usize, Vec<u8>)> = HashMap::new();
    let (mut at, mut read) = (0, 0_u64);
    while at < source.len() && read < LONGEST {
        let header: [u8; 27] = source.array(at)?;
        let [b'O', b'g', b'g', b'S', 0, flags, ..] = header else {
            return Err(source.damaged(at, "no page of Ogg begins here"));
        };
        let table = source.bytes(at + 27, usize::from(header[26]))?.to_vec();
        let body = table.iter().map(|segment| u64::from(*segment)).sum::<u64>();
        let data = at + 27 + table.len() as u64;
        let serial = le32(&header, 14).unwrap_or_default();
        if flags & 2 != 0 && streams.len() < 64 {
            streams.entry(serial).or_default();
        }
        if let Some((packets, packet)) = streams.get_mut(&serial).filter(|(packets, _)| *packets < 2) {
            let bytes = source.vec(data, body, 1 << 16)?;
            let mut from = 0;
            for segment in &table {
                let to = from + usize::from(*segment);
                if *packets == 1 {
                    packet.extend_from_slice(bytes.get(from..to).unwrap_or_default());
                }
                from = to;
                *packets += usize::from(*segment < 255);
            }
            read += body;
            if *packets >= 2 {
                let packet = std::mem::take(packet);
                let magics = [b"\x03vorbis".as_slice(), b"OpusTags", b"\x81theora"];
                let found = magics.iter().find_map(|magic| packet.strip_prefix(*magic));
                // A block of FLAC has a header of four bytes; Speex has nothing before its list.
                let flac = packet.first().is_some_and(|kind| kind & 0x7F == 4).then(|| packet.get(4..)).flatten();
                comments(finder, found.or(flac).unwrap_or(&packet), data);
            }
        }
        if !streams.is_empty() && streams.values().all(|(packets, _)| *packets >= 2) {
            return Ok(());
        }
        at = data + body;
    }
    Ok(())
}
