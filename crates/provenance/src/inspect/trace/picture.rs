//! Metadata of pictures: the segments of JPEG before the scan, the chunks of PNG and WebP, the directories of EXIF and
//! TIFF, and packets in GIF and HEIF.

use std::io::Read;

use super::field::{Finder, LONGEST};
use super::packet;
use crate::Error;
use crate::carrier::Input;
use crate::carrier::edit::Source;
use crate::carrier::exif;

/// Fields of EXIF and TIFF that may name a generator (CIPA DC-008-2023; Exiv2's and Windows' own).
const TAGS: [(u16, &str); 20] = [
    (0x000B, "ProcessingSoftware"),
    (0x010E, "ImageDescription"),
    (0x010F, "Make"),
    (0x0110, "Model"),
    (0x0131, "Software"),
    (0x013B, "Artist"),
    (0x8298, "Copyright"),
    (0x927C, "MakerNote"),
    (0x9286, "UserComment"),
    (0x9C9B, "XPTitle"),
    (0x9C9C, "XPComment"),
    (0x9C9D, "XPAuthor"),
    (0x9C9E, "XPKeywords"),
    (0x9C9F, "XPSubject"),
    (0xA436, "ImageTitle"),
    (0xA43A, "RAWDevelopingSoftware"),
    (0xA43B, "ImageEditingSoftware"),
    (0xA43C, "MetadataEditingSoftware"),
    (0x02BC, "XMP"),
    (0x83BB, "IPTC"),
];

/// The segments of a JPEG, up to the first scan.
pub(super) fn jpeg(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    const RESOURCES: &[u8] = b"Photoshop 3.0\0";
    let mut source = Source::new(input, "JPEG")?;
    if source.bytes::<2>(0)? != [0xFF, 0xD8] {
        return Err(source.damaged(0, "it does not begin with the marker SOI"));
    }
    let mut at = 2;
    loop {
        let [mark, kind] = source.bytes(at)?;
        match (mark, kind) {
            (0xFF, 0xFF) => {
                at += 1;
                continue;
            }
            (0xFF, 0xD9 | 0xDA) => return Ok(()),
            (0xFF, 0x01 | 0xD0..=0xD7) => {
                at += 2;
                continue;
            }
            (0xFF, _) => {}
            _ => return Err(source.damaged(at, "no marker stands where one must")),
        }
        let length = u64::from(u16::from_be_bytes(source.bytes(at + 2)?));
        let (from, to) = (at + 4, at + 2 + length);
        if length < 2 || to > source.len() {
            return Err(source.damaged(at, "a segment's length is wrong"));
        }
        if matches!(kind, 0xE1 | 0xED | 0xFE) {
            let data = source.part(from, to - from, "a segment")?;
            if data.starts_with(b"Exif\0") {
                block(&mut source, from + 6, to, finder);
            } else if let Some(packet) = data.strip_prefix(XMP) {
                packet::xmp(finder, packet, Some(from));
            } else if let Some(resources) = data.strip_prefix(RESOURCES) {
                packet::resources(finder, resources, Some(from));
            } else if kind == 0xFE {
                finder.see_bytes("jpeg:comment", &data, Some(from));
            }
        }
        at = to;
    }
}

/// The chunks of a PNG.
pub(super) fn png(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "PNG")?;
    let mut at = 8;
    loop {
        let [a, b, c, d, kind @ ..]: [u8; 8] = source.bytes(at)?;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        let data = at + 8;
        if data + length + 4 > source.len() {
            return Err(source.damaged(at, "a chunk goes beyond the end of the file"));
        }
        match &kind {
            b"IEND" => return Ok(()),
            b"eXIf" => block(&mut source, data, data + length, finder),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let bytes = source.part(data, length.min(packet::LONGEST), "a chunk of text")?;
                if let Some((keyword, text)) = chunk(kind, &bytes) {
                    written(finder, &keyword, &text, data);
                }
            }
            _ => {}
        }
        at = data + length + 4;
    }
}

/// Keyword and text of a chunk (PNG specification §11.3.3), unpacked as far as it is looked at.
fn chunk(kind: [u8; 4], bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = memchr::memchr(0, bytes.get(..bytes.len().min(200))?)?;
    let keyword = bytes.get(..end)?.iter().map(|byte| char::from(*byte)).collect();
    let rest = bytes.get(end + 1..)?;
    let (from, packed) = match &kind {
        b"tEXt" => (0, false),
        b"zTXt" => (1, true),
        _ => {
            let language = 2 + memchr::memchr(0, rest.get(2..)?)?;
            (language + 2 + memchr::memchr(0, rest.get(language + 1..)?)?, rest.first() == Some(&1))
        }
    };
    let rest = rest.get(from..)?;
    if !packed {
        return Some((keyword, rest.to_vec()));
    }
    let mut text = Vec::new();
    // What does not unpack to its end is looked at as far as it goes.
    let _ = flate2::read::ZlibDecoder::new(rest).take(packet::LONGEST).read_to_end(&mut text);
    Some((keyword, text))
}

/// A text of a PNG: a field, a packet, or a block that ImageMagick wrote in hexadecimal.
fn written(finder: &mut Finder<'_>, keyword: &str, text: &[u8], at: u64) {
    let Some(profile) = keyword.strip_prefix("Raw profile type ") else {
        if keyword == "XML:com.adobe.xmp" {
            packet::xmp(finder, text, Some(at));
        } else {
            finder.see_bytes(&format!("png:{keyword}"), text, Some(at));
        }
        return;
    };
    // A name and a length stand on lines before the digits.
    let digits = memchr::memchr_iter(b'\n', text).nth(2).and_then(|from| text.get(from..)).unwrap_or_default();
    let digits: Vec<u8> =
        digits.iter().filter_map(|c| char::from(*c).to_digit(16).and_then(|n| u8::try_from(n).ok())).collect();
    let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
    match profile.to_ascii_lowercase().as_str() {
        "iptc" | "8bim" => packet::resources(finder, &bytes, Some(at)),
        "xmp" => packet::xmp(finder, &bytes, Some(at)),
        _ => {
            let skip = if bytes.starts_with(b"Exif\0\0") { 6 } else { 0 };
            let mut inner = std::io::Cursor::new(bytes.get(skip..).unwrap_or_default());
            if let Ok(mut source) = Source::new(&mut inner, "PNG") {
                let end = source.len();
                block(&mut source, 0, end, finder);
            }
        }
    }
}

/// The chunks of a WebP.
pub(super) fn webp(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "WebP")?;
    let end = (u64::from(u32::from_le_bytes(source.bytes(4)?)) + 8).min(source.len());
    let mut at = 12;
    while at + 8 <= end {
        let name: [u8; 4] = source.bytes(at)?;
        let length = u64::from(u32::from_le_bytes(source.bytes(at + 4)?));
        let data = at + 8;
        if data + length > end {
            return Err(source.damaged(at, "a chunk goes beyond the end of the file"));
        }
        match &name {
            b"EXIF" => {
                let skip = if source.at(data, 6)?.starts_with(b"Exif\0\0") { 6.min(length) } else { 0 };
                block(&mut source, data + skip, data + length, finder);
            }
            b"XMP " => {
                let bytes = source.part(data, length.min(packet::LONGEST), "its XMP packet")?;
                packet::xmp(finder, &bytes, Some(data));
            }
            _ => {}
        }
        at = data + length + length % 2;
    }
    Ok(())
}

/// The directories of a TIFF.
pub(super) fn tiff(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "TIFF")?;
    let end = source.len();
    directories(&mut source, 0, end, finder)
}

/// Comments and packets of a GIF (89a specification §20, §24, §26).
pub(super) fn gif(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "GIF")?;
    let colours = |packed: u8| if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
    let [packed] = source.bytes(10)?;
    let mut at = 13 + colours(packed);
    loop {
        let [kind] = source.bytes(at)?;
        let (blocks, label) = match kind {
            0x3B => return Ok(()),
            0x2C => {
                let [packed] = source.bytes(at + 9)?;
                (at + 10 + colours(packed) + 1, 0)
            }
            0x21 => (at + 2, source.bytes::<2>(at)?[1]),
            _ => return Err(source.damaged(at, "a block begins with an unknown byte")),
        };
        let mut text = Vec::new();
        let mut next = blocks;
        loop {
            let length = usize::from(source.bytes::<1>(next)?[0]);
            if length == 0 {
                break;
            }
            if label == 0xFE && text.len() < LONGEST {
                text.extend_from_slice(source.at(next + 1, length)?.get(..length).unwrap_or_default());
            }
            next += length as u64 + 1;
        }
        if label == 0xFE {
            finder.see_bytes("gif:comment", &text, Some(at));
        } else if label == 0xFF && source.at(blocks + 1, 11)?.starts_with(b"XMP DataXMP") {
            // The packet is not cut into blocks; what leads a reader out of it stands behind its end.
            let bytes =
                source.part(blocks + 12, (next - blocks).saturating_sub(12).min(packet::LONGEST), "its packet")?;
            let end = memchr::memmem::rfind(&bytes, b"</x:xmpmeta>").map_or(0, |end| end + 12);
            packet::xmp(finder, bytes.get(..end).unwrap_or_default(), Some(blocks + 12));
        }
        at = next + 1;
    }
}

/// Packets and EXIF blocks of HEIF and AVIF, found by their beginnings: they stand as they are, wherever the index says.
pub(super) fn heif(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "HEIF")?;
    packet::scan(&mut source, finder, Some(b"Exif\0\0"), |source, finder, at| {
        let end = source.len();
        block(source, at + 6, end, finder);
        Ok(())
    })
}

/// An EXIF block. A damaged one is read as far as it goes: the picture does not depend on it.
fn block(source: &mut Source<'_>, from: u64, to: u64, finder: &mut Finder<'_>) {
    let _ = directories(source, from, to, finder);
}

fn directories(source: &mut Source<'_>, from: u64, to: u64, finder: &mut Finder<'_>) -> Result<(), Error> {
    let header = exif::header(source, from)?;
    exif::walk(source, header, to, |source, directory| {
        for field in &directory.fields {
            let Some((_, name)) = TAGS.iter().find(|(tag, _)| *tag == field.tag) else { continue };
            let inside = field.value.checked_add(field.size).is_some_and(|end| end <= to);
            if !inside || field.size == 0 {
                continue;
            }
            let at = Some(field.value);
            let most = if *name == "XMP" { packet::LONGEST } else { LONGEST as u64 * 2 };
            let bytes = source.part(field.value, field.size.min(most), "a field")?;
            match *name {
                "XMP" => packet::xmp(finder, &bytes, at),
                "IPTC" => packet::iptc(finder, &bytes, at),
                "UserComment" => finder.see("exif:UserComment", &comment(&bytes), at),
                name if name.starts_with("XP") => finder.see(&format!("exif:{name}"), &wide(&bytes, true), at),
                name => finder.see_bytes(&format!("exif:{name}"), &bytes, at),
            }
        }
        Ok(())
    })
}

/// The text of `UserComment`: eight bytes say its encoding (CIPA DC-008 §4.6.5).
fn comment(bytes: &[u8]) -> String {
    let (code, text) = bytes.split_at_checked(8).unwrap_or((&[], bytes));
    if code == b"UNICODE\0" {
        // The order is that of the file, and of the writer's mind: that with more Latin letters is right.
        let latin = |text: &str| text.chars().filter(char::is_ascii).count();
        let (little, big) = (wide(text, true), wide(text, false));
        return if latin(&big) > latin(&little) { big } else { little };
    }
    let known = [b"ASCII\0\0\0".as_slice(), b"JIS\0\0\0\0\0", &[0; 8]].contains(&code);
    String::from_utf8_lossy(if known { text } else { bytes }).into_owned()
}

fn wide(bytes: &[u8], little: bool) -> String {
    let units = bytes.as_chunks::<2>().0.iter();
    let units = units.map(|unit| if little { u16::from_le_bytes(*unit) } else { u16::from_be_bytes(*unit) });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
