//! FLV: the property `AIGC` of `onMetaData`, an AMF0 string (TC260-PG-20257A).
//!
//! `onMetaData` may hold places in the file (`keyframes.filepositions`, `filesize`, `lastkeyframelocation`); they move with
//! what they point to.
//!
//! Sources: Adobe, *Video File Format Specification 10.1* annex E; Adobe, *AMF 0 Specification*.

use std::io::Write;

use super::media::{Edit, KEY, Source, apply, checked, few};
use super::{Carrier, Found, Input};
use crate::Error;

mod amf;

/// Flash video.
pub const FLV: Carrier = Carrier { id: "flv", kind: "video", endings: &["flv"], sniff, read, write };

const FORMAT: &str = "FLV";
/// Script data.
const SCRIPT: u8 = 18;
/// The most script tags that are looked at.
const MOST_SCRIPTS: usize = 4096;
/// How much script data is held altogether.
const LONGEST: u64 = 16 << 20;
/// The longest script data of a tag (24 bits).
const LONGEST_TAG: usize = (1 << 24) - 1;

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"FLV\x01") && head.get(5..9).is_some_and(|size| size >= [0, 0, 0, 9].as_slice())
}

/// A script tag: where its header begins, and its data.
struct Tag {
    at: u64,
    header: [u8; 11],
    data: Vec<u8>,
}

/// Where the tags begin, and all script tags.
fn parse(source: &mut Source<'_>) -> Result<(u64, Vec<Tag>), Error> {
    if !sniff(source.head(0, 9)?) {
        return Err(source.damaged(0, "it does not begin with FLV"));
    }
    let start = u64::from(u32::from_be_bytes(source.array(5)?)) + 4;
    if start > source.len() {
        return Err(source.damaged(5, "the header is longer than the file"));
    }
    let mut scripts = Vec::new();
    let mut at = start;
    let mut held = 0;
    // Some writers leave the last size out, or end within it.
    while source.len() - at >= 11 {
        let header: [u8; 11] = source.array(at)?;
        let [kind, high, middle, low, ..] = header;
        let size = u64::from(u32::from_be_bytes([0, high, middle, low]));
        if at + 11 + size > source.len() {
            return Err(source.damaged(at, "the last tag is cut off"));
        }
        if kind & 0xC0 != 0 || !matches!(kind & 0x1F, 8 | 9 | SCRIPT) {
            return Err(source.damaged(at, format!("a tag of the unknown kind {kind}")));
        }
        // An encrypted script (filter bit) cannot be read; it stays.
        if kind == SCRIPT {
            held += size;
            if scripts.len() == MOST_SCRIPTS || held > LONGEST {
                return Err(source.too_much("more script data than a video has"));
            }
            scripts.push(Tag { at, header, data: source.vec(at + 11, size, LONGEST)? });
        }
        at = (at + 11 + size + 4).min(source.len());
    }
    Ok((start, scripts))
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let tags = parse(&mut source)?.1;
    labels(&source, &tags)
}

/// All labels of a file.
fn labels(source: &Source<'_>, tags: &[Tag]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for tag in tags {
        // Script data of other makes is none of ours.
        let Some(script) = amf::read(&tag.data) else { continue };
        found.extend(script.labels.iter().map(|label| Found {
            place: format!("flv:{} {}", script.name, label.key),
            by_the_book: script.name == amf::METADATA && label.key == KEY && label.top,
            value: label.value.clone(),
            offset: Some(tag.at + 11 + label.at.start as u64),
        }));
        few(source, &found)?;
    }
    Ok(found)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let (start, tags) = parse(&mut source)?;
    labels(&source, &tags)?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut placed = false;
    for tag in &tags {
        let Some(script) = amf::read(&tag.data) else { continue };
        let here = !placed && script.name == amf::METADATA && script.insert.is_some();
        placed |= here;
        if !here && script.labels.is_empty() && script.places.is_empty() {
            continue;
        }
        let new = amf::rewritten(&tag.data, &script, here.then_some(value));
        let new = new.ok_or_else(|| source.damaged(tag.at, "the script data is damaged"))?;
        edits.push(Edit { at: tag.at, old: 11 + tag.data.len() as u64 + 4, new });
    }
    if !placed {
        edits.push(Edit { at: start, old: 0, new: amf::fresh(value) });
    }
    for edit in &mut edits {
        let header = tags.iter().find(|tag| tag.at == edit.at && edit.old > 0).map_or(fresh_header(), |tag| tag.header);
        edit.new = framed(header, &edit.new).ok_or_else(|| source.unsupported("the script data would be too long"))?;
        edit.old = edit.old.min(source.len() - edit.at);
    }
    edits.sort_by_key(|edit| (edit.at, edit.old));
    // Sizes are final now, so the places can be: every place moves by what the edits before it grew.
    let mut sum = 0;
    let mut moves = Vec::new();
    for edit in &edits {
        sum += edit.new.len() as i64 - edit.old.cast_signed();
        moves.push((edit.at, sum));
    }
    for edit in &mut edits {
        if edit.old == 0 {
            continue;
        }
        let data = edit.new.get_mut(11..).unwrap_or_default();
        let script = amf::read(data).unwrap_or_default();
        for place in script.places {
            amf::moved(data, place, |old| {
                let before = moves.partition_point(|(at, _)| (*at as f64) < old);
                before.checked_sub(1).and_then(|last| moves.get(last)).map_or(0, |(_, by)| *by)
            });
        }
    }
    apply(&mut source, out, edits, read)
}

fn fresh_header() -> [u8; 11] {
    [SCRIPT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// A tag with its sizes before and behind.
fn framed(mut header: [u8; 11], data: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(data.len()).ok().filter(|_| data.len() <= LONGEST_TAG)?;
    header[1..4].copy_from_slice(size.to_be_bytes().get(1..)?);
    Some([header.as_slice(), data, &(size + 11).to_be_bytes()].concat())
}

#[cfg(test)]
mod tests;
