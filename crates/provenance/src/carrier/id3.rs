//! ID3v2 tags: `TXXX` frames with the description `AIGC` (TC260-PG-202510A), in ID3v2.3 and 2.4, and `TXX` in 2.2.
//!
//! Sources: id3.org, *ID3 tag version 2.4.0 — Main Structure* and *Native Frames* (2000), *ID3 tag version 2.3.0* (1999),
//! *ID3 tag version 2* (1998). Tags stand at the beginning of MP3 files, and also in `id3 ` chunks of WAV and before FLAC.

use std::ops::Range;

use super::media::{KEY, MOST_LABELS, array, be32, crc32, is_label};
use super::media_xmp;

/// The longest tag that is read: covers of some megabytes are in them.
pub(crate) const LONGEST: u64 = 12 << 20;
/// The most frames of a tag.
const MOST_FRAMES: usize = 1 << 16;
/// The longest frame of text that is read.
const LONGEST_TEXT: usize = 1 << 20;

/// A label in a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// Such as `TXXX AIGC`.
    pub place: String,
    pub by_the_book: bool,
    pub value: String,
    /// From the beginning of the tag; unknown where the tag is unsynchronised.
    pub offset: Option<u64>,
}

struct Tag {
    major: u8,
    flags: u8,
    /// Extended header, frames and padding, unsynchronisation undone where it was over the whole tag (2.2 and 2.3).
    body: Vec<u8>,
    /// Where the frames begin and end in it.
    frames: Range<usize>,
    labels: Vec<(Range<usize>, Label)>,
    /// `PRIV` frames with XMP that holds a label.
    packets: Vec<Range<usize>>,
    /// Every frame: its name, where it begins, its data.
    all: Vec<(String, usize, Range<usize>)>,
}

/// The length of the tag that begins here, header and footer included.
pub(crate) fn length(head: &[u8]) -> Option<u64> {
    if !head.starts_with(b"ID3") || *head.get(3)? == 0xFF || *head.get(4)? == 0xFF {
        return None;
    }
    let footer = if *head.get(3)? == 4 && head.get(5)? & 0x10 != 0 { 10 } else { 0 };
    Some(10 + u64::from(syncsafe(array(head, 6)?)?) + footer)
}

/// All labels of a tag.
pub(crate) fn labels(tag: &[u8]) -> Result<Vec<Label>, String> {
    Ok(parse(tag)?.labels.into_iter().map(|(_, label)| label).collect())
}

/// The frames of text of a tag: such as `TSSE` and `TXXX comment` with their values.
pub(crate) fn texts(tag: &[u8]) -> Result<Vec<(String, String)>, String> {
    let tag = parse(tag)?;
    let texts = tag.all.iter().filter_map(|(name, at, data)| {
        let (key, value) = entry(&tag, name, *at, data.clone())?;
        let name = if key.is_empty() || !name.starts_with("TX") { name.clone() } else { format!("{name} {key}") };
        Some((name, value))
    });
    Ok(texts.collect())
}

/// The contents of all frames of a name (`name` in ID3v2.3 and 2.4, `short` in 2.2), unsynchronisation undone. Frames that
/// are compressed or encrypted are left out.
pub(crate) fn contents(tag: &[u8], name: &str, short: &str) -> Result<Vec<Vec<u8>>, String> {
    let tag = parse(tag)?;
    let wanted = if tag.major == 2 { short } else { name };
    let frames = tag.all.iter().filter(|(frame, ..)| frame == wanted);
    Ok(frames.filter_map(|(_, at, data)| content(&tag, *at, data.clone())).collect())
}

/// The tag with this label alone, or with none. `None`: nothing is to change.
pub(crate) fn rewritten(tag: &[u8], value: Option<&str>) -> Result<Option<Vec<u8>>, String> {
    let mut parsed = parse(tag)?;
    if value.is_none() && parsed.labels.is_empty() {
        return Ok(None);
    }
    for packet in parsed.packets.clone() {
        media_xmp::blank(parsed.body.get_mut(packet).unwrap_or_default());
    }
    let body = &parsed.body;
    let before = body.get(..parsed.frames.start).unwrap_or_default();
    let mut fresh = before.to_vec();
    if let Some(value) = value {
        fresh.extend(frame(parsed.major, value)?);
    }
    let mut at = parsed.frames.start;
    for (range, _) in &parsed.labels {
        if !parsed.packets.iter().any(|packet| packet.start >= range.start && packet.end <= range.end) {
            fresh.extend_from_slice(body.get(at..range.start).unwrap_or_default());
            at = range.end;
        }
    }
    fresh.extend_from_slice(body.get(at..parsed.frames.end).unwrap_or_default());
    let frames = before.len()..fresh.len();
    let rest = body.get(parsed.frames.end..).unwrap_or_default();
    let footer = parsed.major == 4 && parsed.flags & 0x10 != 0;
    if rest.iter().any(|byte| *byte != 0) {
        // What is neither a frame nor padding: a zero ends the frames before it, or the last one's size would be unclear
        // where 2.4 may be written with sizes of either kind.
        if rest.first() != Some(&0) {
            fresh.push(0);
        }
        fresh.extend_from_slice(rest);
    } else if !footer && fresh.len() < body.len() {
        // The padding takes the change up, so that the audio stays where it is.
        fresh.resize(body.len(), 0);
    } else if !footer {
        // Where the tag grows, it keeps as much padding as it had: some readers need a zero to see where frames end.
        fresh.extend_from_slice(rest);
    }
    let padding = fresh.len() - frames.end;
    extended_header(&mut fresh, &parsed, frames, padding);
    if parsed.major < 4 && parsed.flags & 0x80 != 0 {
        fresh = unsynchronised(&fresh);
    }
    let size = u32::try_from(fresh.len()).ok().filter(|size| *size < 1 << 28);
    let size = to_syncsafe(size.ok_or("an ID3v2 tag has less than 256 MiB")?);
    let mut header = tag.get(..6).unwrap_or_default().to_vec();
    header.extend(size);
    let mut all = header.clone();
    all.extend(fresh);
    if footer {
        header.splice(..3, *b"3DI");
        all.extend(header);
    }
    Ok(Some(all))
}

/// A tag with nothing but a label (ID3v2.3, which every player reads).
pub(crate) fn fresh(value: &str) -> Result<Vec<u8>, String> {
    let frame = frame(3, value)?;
    let size = u32::try_from(frame.len()).map_err(|error| error.to_string())?;
    Ok([b"ID3\x03\0\0".as_slice(), &to_syncsafe(size), &frame].concat())
}

fn frame(major: u8, value: &str) -> Result<Vec<u8>, String> {
    let mut data = Vec::new();
    if major == 4 {
        data.push(3);
        data.extend([KEY.as_bytes(), b"\0", value.as_bytes()].concat());
    } else if value.is_ascii() {
        data.push(0);
        data.extend([KEY.as_bytes(), b"\0", value.as_bytes()].concat());
    } else {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        data.push(1);
        data.extend([b"\xFF\xFE".as_slice(), &wide(KEY), b"\0\0\xFF\xFE", &wide(value)].concat());
    }
    let size = u32::try_from(data.len()).ok().filter(|size| *size < 1 << 24).ok_or("the label is too long")?;
    let header = match major {
        2 => [b"TXX".as_slice(), size.to_be_bytes().get(1..).unwrap_or_default()].concat(),
        3 => [b"TXXX".as_slice(), &size.to_be_bytes(), &[0, 0]].concat(),
        _ => [b"TXXX".as_slice(), &to_syncsafe(size), &[0, 0]].concat(),
    };
    Ok([header, data].concat())
}

/// Checksum and padding size in the extended header, where there is one (2.3 §3.2, 2.4 §3.2).
fn extended_header(fresh: &mut [u8], tag: &Tag, frames: Range<usize>, padding: usize) {
    if tag.flags & 0x40 == 0 {
        return;
    }
    let sum = crc32(0, fresh.get(frames.clone()).unwrap_or_default());
    let mut put = |at: usize, bytes: &[u8]| {
        if at + bytes.len() <= frames.start
            && let Some(place) = fresh.get_mut(at..at + bytes.len())
        {
            place.copy_from_slice(bytes);
        }
    };
    if tag.major == 3 {
        put(6, &u32::try_from(padding).unwrap_or(0).to_be_bytes());
        if tag.body.get(4).is_some_and(|flags| flags & 0x80 != 0) {
            put(10, &sum.to_be_bytes());
        }
    } else if tag.major == 4 && tag.body.get(5).is_some_and(|flags| flags & 0x20 != 0) {
        // 2.4 sums the padding up as well; the number has 35 bits in five syncsafe bytes.
        let sum = u64::from((0..padding).fold(sum, |sum, _| crc32(sum, &[0])));
        let digits: [u8; 5] = std::array::from_fn(|at| (sum >> (7 * (4 - at)) & 0x7F) as u8);
        let at = if tag.body.get(5).is_some_and(|flags| flags & 0x40 != 0) { 7 } else { 6 };
        put(at + 1, &digits);
    }
}

fn parse(tag: &[u8]) -> Result<Tag, String> {
    let total = length(tag).ok_or("there is no ID3v2 header")?;
    let (major, flags) = (tag.get(3).copied().unwrap_or(0), tag.get(5).copied().unwrap_or(0));
    if !(2..=4).contains(&major) {
        return Err(format!("ID3v2.{major} is not known"));
    }
    if major == 2 && flags & 0x40 != 0 {
        return Err("its ID3v2.2 tag is compressed, in a way that was never defined".into());
    }
    let footer = if major == 4 && flags & 0x10 != 0 { 10 } else { 0 };
    let end = usize::try_from(total).map_err(|error| error.to_string())? - footer;
    let raw = tag.get(10..end).ok_or("the ID3v2 tag is cut off")?;
    let whole = major < 4 && flags & 0x80 != 0;
    let body = if whole { synchronised(raw) } else { raw.to_vec() };
    let start = match (major, flags & 0x40 != 0) {
        (3, true) => be32(&body, 0).and_then(|size| usize::try_from(size).ok()?.checked_add(4)),
        (4, true) => array(&body, 0).and_then(syncsafe).and_then(|size| usize::try_from(size).ok()),
        _ => Some(0),
    };
    let start = start.filter(|start| *start <= body.len() && (*start == 0 || *start >= 6));
    let start = start.ok_or("the extended header of the ID3v2 tag is cut off")?;
    let mut parsed =
        Tag { major, flags, body, frames: start..start, labels: Vec::new(), packets: Vec::new(), all: Vec::new() };
    walk(&mut parsed, whole)?;
    Ok(parsed)
}

fn walk(tag: &mut Tag, whole: bool) -> Result<(), String> {
    let (id, header) = if tag.major == 2 { (3, 6) } else { (4, 10) };
    let mut at = tag.frames.start;
    for count in 0.. {
        let Some(name) = tag.body.get(at..at + id).filter(|name| is_id(name)) else { break };
        if tag.body.len() - at < header {
            break;
        }
        if count == MOST_FRAMES {
            return Err(format!("its ID3v2 tag has more than {MOST_FRAMES} frames"));
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let size = frame_size(&tag.body, at, tag.major);
        let end = size.and_then(|size| at.checked_add(header)?.checked_add(size)).filter(|end| *end <= tag.body.len());
        let end = end.ok_or_else(|| format!("the frame {name} of the ID3v2 tag goes beyond the tag"))?;
        let data = at + header..end;
        tag.all.push((name.clone(), at, data.clone()));
        if let Some((place, value)) = label_of(tag, &name, at, data.clone()) {
            let by_the_book = place == "TXXX AIGC" || place == "TXX AIGC";
            let offset = (!whole).then_some(at as u64 + 10);
            if place.starts_with("PRIV") {
                tag.packets.push(data);
            }
            if tag.labels.len() == MOST_LABELS {
                return Err(format!("its ID3v2 tag has more than {MOST_LABELS} labels"));
            }
            tag.labels.push((at..end, Label { place, by_the_book, value, offset }));
        }
        at = end;
    }
    tag.frames.end = at;
    Ok(())
}

/// The size of a frame. In 2.4 it is syncsafe, but iTunes wrote plain numbers: the one that leads to a next frame counts.
fn frame_size(body: &[u8], at: usize, major: u8) -> Option<usize> {
    if major == 2 {
        let [high, middle, low] = array(body, at + 3)?;
        return usize::try_from(u32::from_be_bytes([0, high, middle, low])).ok();
    }
    let plain = usize::try_from(be32(body, at + 4)?).ok()?;
    if major == 3 {
        return Some(plain);
    }
    let leads = |size: usize| {
        let next = at.saturating_add(10).saturating_add(size);
        next == body.len()
            || body.get(next) == Some(&0)
            || body.get(next..).and_then(|rest| rest.get(..4)).is_some_and(is_id)
    };
    match syncsafe(array(body, at + 4)?).and_then(|size| usize::try_from(size).ok()) {
        Some(size) if size == plain || leads(size) || !leads(plain) => Some(size),
        _ => Some(plain),
    }
}

/// Description and value of a frame of text.
fn entry(tag: &Tag, name: &str, at: usize, data: Range<usize>) -> Option<(String, String)> {
    if data.len() > LONGEST_TEXT {
        return None;
    }
    let data = content(tag, at, data)?;
    match name {
        "TXXX" | "TXX" => Some(parts(*data.first()?, data.get(1..)?)),
        "COMM" | "COM" | "USLT" | "ULT" => Some(parts(*data.first()?, data.get(4..)?)),
        _ if name.starts_with('T') => Some((String::new(), decoded(*data.first()?, data.get(1..)?))),
        _ => None,
    }
}

fn label_of(tag: &Tag, name: &str, at: usize, data: Range<usize>) -> Option<(String, String)> {
    if name == "PRIV" && data.len() <= LONGEST_TEXT {
        let data = content(tag, at, data)?;
        let packet = data.strip_prefix(b"XMP\0")?;
        return media_xmp::values(packet).into_iter().next().map(|value| ("PRIV XMP TC260:AIGC".to_owned(), value));
    }
    let (key, value) = entry(tag, name, at, data)?;
    let short = if key.eq_ignore_ascii_case(KEY) { key.clone() } else { String::new() };
    is_label(&key, &value).then(|| (format!("{name} {short}").trim_end().to_owned(), value))
}

/// What the frame at `at` holds; nothing where it is compressed or encrypted.
fn content(tag: &Tag, at: usize, data: Range<usize>) -> Option<Vec<u8>> {
    let bytes = tag.body.get(data)?;
    let flags = if tag.major == 2 { 0 } else { *tag.body.get(at + 9)? };
    let (grouped, packed, split, sized) = match tag.major {
        4 => (flags & 0x40 != 0, flags & 0x0C != 0, flags & 2 != 0 || tag.flags & 0x80 != 0, flags & 1 != 0),
        _ => (flags & 0x20 != 0, flags & 0xC0 != 0, false, false),
    };
    if packed {
        return None;
    }
    let bytes = bytes.get(usize::from(grouped) + if sized { 4 } else { 0 }..)?;
    Some(if split { synchronised(bytes) } else { bytes.to_vec() })
}

/// Description and value: two strings with the encoding's NUL between them.
fn parts(encoding: u8, data: &[u8]) -> (String, String) {
    let wide = matches!(encoding, 1 | 2);
    let step = if wide { 2 } else { 1 };
    let end = data.chunks_exact(step).position(|unit| unit.iter().all(|byte| *byte == 0)).map(|unit| unit * step);
    match end {
        Some(end) => (
            decoded(encoding, data.get(..end).unwrap_or_default()),
            decoded(encoding, data.get(end + step..).unwrap_or_default()),
        ),
        None => (String::new(), decoded(encoding, data)),
    }
}

fn decoded(encoding: u8, data: &[u8]) -> String {
    let wide = |data: &[u8], big: bool| {
        let units = data.chunks_exact(2).filter_map(|unit| array::<2>(unit, 0));
        let units: Vec<u16> =
            units.map(|unit| if big { u16::from_be_bytes(unit) } else { u16::from_le_bytes(unit) }).collect();
        String::from_utf16_lossy(&units)
    };
    let text = match (encoding, data) {
        (1, [0xFE, 0xFF, rest @ ..]) => wide(rest, true),
        (1, [0xFF, 0xFE, rest @ ..]) => wide(rest, false),
        (1, _) => wide(data, false),
        (2, _) => wide(data, true),
        (3, _) => String::from_utf8_lossy(data).into_owned(),
        // Latin-1 by the specification; UTF-8 in the wild, where it is valid.
        _ => std::str::from_utf8(data)
            .map_or_else(|_| data.iter().map(|byte| char::from(*byte)).collect(), str::to_owned),
    };
    text.trim_end_matches('\0').to_owned()
}

fn is_id(id: &[u8]) -> bool {
    id.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn syncsafe(bytes: [u8; 4]) -> Option<u32> {
    bytes.iter().all(|byte| *byte < 0x80).then(|| bytes.iter().fold(0, |number, byte| number << 7 | u32::from(*byte)))
}

fn to_syncsafe(number: u32) -> [u8; 4] {
    std::array::from_fn(|at| (number >> (7 * (3 - at)) & 0x7F) as u8)
}

/// Unsynchronisation undone: `FF 00` is `FF` (2.4 §6.1).
fn synchronised(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for byte in bytes {
        if !(last == 0xFF && *byte == 0) {
            plain.push(*byte);
        }
        last = *byte;
    }
    plain
}

/// Unsynchronisation: a zero between `FF` and what would make a false frame of MPEG, or another zero.
fn unsynchronised(bytes: &[u8]) -> Vec<u8> {
    let mut split = Vec::with_capacity(bytes.len() + bytes.len() / 64);
    for (at, byte) in bytes.iter().enumerate() {
        split.push(*byte);
        // At the end of the tag the audio follows, so a zero is due there too.
        if *byte == 0xFF && bytes.get(at + 1).is_none_or(|next| *next == 0 || *next >= 0xE0) {
            split.push(0);
        }
    }
    split
}
