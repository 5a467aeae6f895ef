//! How many pixels a picture has, by its header.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Most segments or directories' fields that are looked at.
const MOST: usize = 10_000;

/// Width and height of a JPEG, PNG, GIF, WebP or TIFF.
pub(super) fn of(path: &Path, format: &str) -> Option<(u64, u64)> {
    let mut file = File::open(path).ok()?;
    match format {
        "png" => {
            let head: [u8; 8] = bytes(&mut file, 16)?;
            let [a, b, c, d, e, f, g, h] = head;
            Some((u32::from_be_bytes([a, b, c, d]).into(), u32::from_be_bytes([e, f, g, h]).into()))
        }
        "gif" => {
            let [a, b, c, d] = bytes(&mut file, 6)?;
            Some((u16::from_le_bytes([a, b]).into(), u16::from_le_bytes([c, d]).into()))
        }
        "jpeg" => jpeg(&mut file),
        "webp" => webp(&mut file),
        "tiff" => tiff(&mut file),
        _ => None,
    }
}

fn bytes<const N: usize>(file: &mut File, at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// The frame header (ITU-T T.81 B.2.2).
fn jpeg(file: &mut File) -> Option<(u64, u64)> {
    let mut at = 2;
    for _ in 0..MOST {
        let [mark, kind, high, low] = bytes(file, at)?;
        match (mark, kind) {
            (0xFF, 0xFF) => at += 1,
            (0xFF, 0x01 | 0xD0..=0xD7) => at += 2,
            (0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) => {
                let [a, b, c, d] = bytes(file, at + 5)?;
                return Some((u16::from_be_bytes([c, d]).into(), u16::from_be_bytes([a, b]).into()));
            }
            (0xFF, 0xD9 | 0xDA) => return None,
            (0xFF, _) => at += 2 + u64::from(u16::from_be_bytes([high, low])).max(2),
            _ => return None,
        }
    }
    None
}

/// The canvas, or the picture where there is none (RFC 9649).
fn webp(file: &mut File) -> Option<(u64, u64)> {
    let head: [u8; 18] = bytes(file, 12)?;
    let [a, b, c, d, e, f] = *head.get(12..18)?.first_chunk::<6>()?;
    match head.first_chunk::<4>()? {
        b"VP8X" => {
            Some((u64::from(u32::from_le_bytes([a, b, c, 0])) + 1, u64::from(u32::from_le_bytes([d, e, f, 0])) + 1))
        }
        b"VP8L" => {
            let [a, b, c, d] = bytes(file, 21)?;
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some((u64::from(bits & 0x3FFF) + 1, u64::from(bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => {
            let [a, b, c, d] = bytes(file, 26)?;
            Some(((u16::from_le_bytes([a, b]) & 0x3FFF).into(), (u16::from_le_bytes([c, d]) & 0x3FFF).into()))
        }
        _ => None,
    }
}

/// The fields 256 and 257 of the first directory (TIFF 6.0). BigTIFF is not read.
fn tiff(file: &mut File) -> Option<(u64, u64)> {
    let [a, b, version, other, at @ ..] = bytes::<8>(file, 0)?;
    let little = [a, b] == *b"II";
    let short = |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
    let long = |bytes: [u8; 4]| if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    if short([version, other]) != 42 {
        return None;
    }
    let at = u64::from(long(at));
    let count = short(bytes(file, at)?);
    let (mut width, mut height) = (None, None);
    for index in 0..u64::from(count).min(MOST as u64) {
        let [tag, tag2, kind, kind2, _, _, _, _, value @ ..] = bytes::<12>(file, at + 2 + index * 12)?;
        let [first, second, ..] = value;
        let number = if short([kind, kind2]) == 3 { u64::from(short([first, second])) } else { u64::from(long(value)) };
        match short([tag, tag2]) {
            256 => width = Some(number),
            257 => height = Some(number),
            _ => {}
        }
    }
    width.zip(height)
}
