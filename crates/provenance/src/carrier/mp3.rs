//! MP3: a `TXXX` frame with the description `AIGC` in the ID3v2 tag (TC260-PG-202510A).
//!
//! Sources: id3.org's documents of ID3v2.2–2.4 ([`super::id3`]) and of ID3v1; *APEv2 specification* (wiki.hydrogenaud.io).

use std::io::Write;

use super::media::{Edit, Source, apply, checked, few, is_label, le32, text};
use super::{Carrier, Found, Input, id3};
use crate::Error;

/// MP3 files.
pub const MP3: Carrier = Carrier { id: "mp3", kind: "audio", endings: &["mp3"], sniff, read, write };

const FORMAT: &str = "MP3";
/// The most tags of a file, at either end.
const MOST_TAGS: usize = 16;
/// The longest APEv2 tag that is read.
const LONGEST_APE: u64 = 12 << 20;
/// How far behind the tags the first frame of MPEG audio is looked for.
const REACH: usize = 1 << 18;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id3,
    Ape,
}

fn sniff(head: &[u8]) -> bool {
    let Some(tag) = id3::length(head) else { return frame(head).is_some_and(|size| follows(head, size)) };
    // Behind a tag FLAC and others may follow as well; a longer tag than the head is taken for MP3's.
    let behind = usize::try_from(tag).ok().and_then(|tag| head.get(tag..)).unwrap_or_default();
    behind.len() < 4 || behind.starts_with(b"ID3") || behind.first() == Some(&0) || frame(behind).is_some()
}

fn follows(head: &[u8], size: usize) -> bool {
    head.len() < size + 4 || head.get(size..).and_then(frame).is_some()
}

/// The size of the frame of MPEG audio layer III that begins here (ISO/IEC 11172-3 §2.4.1.3).
fn frame(bytes: &[u8]) -> Option<usize> {
    const RATES: [[usize; 14]; 2] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let [first, second, third, _] = *bytes.first_chunk::<4>()?;
    let version = second >> 3 & 3;
    if first != 0xFF || second & 0xE6 != 0xE2 || version == 1 {
        return None;
    }
    let low = usize::from(version != 3);
    let rate = RATES.get(low)?.get(usize::from(third >> 4).checked_sub(1)?)? * 1000;
    let hertz = [44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> [2, 0, 1, 0].get(usize::from(version))?;
    Some((if low == 1 { 72 } else { 144 }) * rate / hertz + usize::from(third >> 1 & 1))
}

/// Kind of a tag, where it begins, and its length.
type Tag = (Kind, u64, u64);

/// Tags in the order of the file, and where the audio begins.
fn tags(source: &mut Source<'_>) -> Result<(Vec<Tag>, u64), Error> {
    let mut tags = Vec::new();
    let mut start = 0;
    while let Some(length) = id3::length(source.head(start, 10)?) {
        if start + length > source.len() {
            return Err(source.damaged(start, "the ID3v2 tag is longer than the file"));
        }
        if tags.len() == MOST_TAGS {
            return Err(source.too_much(format!("more than {MOST_TAGS} tags")));
        }
        tags.push((Kind::Id3, start, length));
        start += length;
    }
    let mut end = source.len();
    if end >= start + 128 && source.bytes(end - 128, 3)? == b"TAG" {
        end -= 128;
    }
    for _ in 0..MOST_TAGS {
        if end >= start + 32 && source.bytes(end - 32, 8)? == b"APETAGEX" {
            let footer: [u8; 32] = source.array(end - 32)?;
            let header = if le32(&footer, 20).unwrap_or(0) >> 31 == 1 { 32 } else { 0 };
            let length = u64::from(le32(&footer, 12).unwrap_or(0)) + header;
            if length < 32 + header || length > end - start {
                return Err(source.damaged(end - 32, "the APEv2 tag is longer than the file"));
            }
            end -= length;
            tags.push((Kind::Ape, end, length));
        } else if end >= start + 20 && source.bytes(end - 10, 3)? == b"3DI" {
            let mut header: [u8; 10] = source.array(end - 10)?;
            header[..3].copy_from_slice(b"ID3");
            let Some(length) = id3::length(&header).filter(|length| *length <= end - start) else { break };
            end -= length;
            tags.push((Kind::Id3, end, length));
        } else {
            break;
        }
    }
    Ok((tags, start))
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let tags = tags(&mut source)?.0;
    labels(&mut source, &tags)
}

/// All labels of a file.
fn labels(source: &mut Source<'_>, tags: &[Tag]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for (kind, at, length) in tags.iter().copied() {
        match kind {
            Kind::Id3 => {
                let tag = source.vec(at, length, id3::LONGEST)?;
                let labels = id3::labels(&tag).map_err(|problem| source.damaged(at, problem))?;
                found.extend(labels.into_iter().map(|label| Found {
                    place: format!("mp3:id3 {}", label.place),
                    by_the_book: label.by_the_book,
                    value: label.value,
                    offset: label.offset.map(|offset| at + offset),
                }));
            }
            Kind::Ape => {
                let tag = source.vec(at, length, LONGEST_APE)?;
                let (_, labels) =
                    without_ape_labels(&tag).ok_or_else(|| source.damaged(at, "the APEv2 tag is cut off"))?;
                found.extend(labels.into_iter().map(|value| Found {
                    place: "mp3:ape AIGC".into(),
                    by_the_book: false,
                    value,
                    offset: Some(at),
                }));
            }
        }
        few(source, &found)?;
    }
    Ok(found)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let (tags, start) = tags(&mut source)?;
    labels(&mut source, &tags)?;
    let audio = source.head(start, REACH)?;
    if !audio.windows(4).any(|window| frame(window).is_some()) {
        return Err(source.damaged(start, "no MPEG audio stands behind the tags"));
    }
    let mut edits = Vec::new();
    if !matches!(tags.first(), Some((Kind::Id3, 0, _))) {
        edits.push(Edit { at: 0, old: 0, new: id3::fresh(value).map_err(Error::Label)? });
    }
    for (kind, at, old) in tags {
        let new = match kind {
            Kind::Id3 => {
                let tag = source.vec(at, old, id3::LONGEST)?;
                let value = (at == 0).then_some(value);
                id3::rewritten(&tag, value).map_err(|problem| source.damaged(at, problem))?
            }
            Kind::Ape => {
                let tag = source.vec(at, old, LONGEST_APE)?;
                let (fresh, labels) =
                    without_ape_labels(&tag).ok_or_else(|| source.damaged(at, "the APEv2 tag is cut off"))?;
                (!labels.is_empty()).then_some(fresh)
            }
        };
        edits.extend(new.map(|new| Edit { at, old, new }));
    }
    apply(&mut source, out, edits, read)
}

/// An APEv2 tag without its labels, and their values.
fn without_ape_labels(tag: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let header = if tag.starts_with(b"APETAGEX") { 32 } else { 0 };
    let footer = tag.len().checked_sub(32).filter(|footer| *footer >= header)?;
    let mut fresh = tag.get(..header)?.to_vec();
    let mut labels = Vec::new();
    let mut at = header;
    let mut kept: u32 = 0;
    for _ in 0..le32(tag, footer + 16)? {
        let size = usize::try_from(le32(tag, at)?).ok()?;
        let key = tag.get(at + 8..footer)?;
        let key = key.get(..key.iter().position(|byte| *byte == 0)?)?;
        let start = at + 8 + key.len() + 1;
        let end = start.checked_add(size).filter(|end| *end <= footer)?;
        let value = tag.get(start..end)?;
        let key = String::from_utf8_lossy(key);
        if value.len() < 1 << 20 && is_label(&key, &text(value)) {
            labels.push(text(value));
        } else {
            fresh.extend_from_slice(tag.get(at..end)?);
            kept += 1;
        }
        at = end;
    }
    fresh.extend_from_slice(tag.get(at..)?);
    let size = u32::try_from(fresh.len() - header).ok()?.to_le_bytes();
    let last = fresh.len() - 32;
    for place in if header == 0 { vec![last] } else { vec![0, last] } {
        fresh.get_mut(place + 12..place + 16)?.copy_from_slice(&size);
        fresh.get_mut(place + 16..place + 20)?.copy_from_slice(&kept.to_le_bytes());
    }
    Some((fresh, labels))
}

#[cfg(test)]
mod tests;
