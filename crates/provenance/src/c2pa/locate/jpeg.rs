//! JPEG: a store in APP11 segments (ISO/IEC 19566-5 Annex D; C2PA 2.2 Annex A.3.1). A box longer than a segment is cut into
//! several, which have its number in common, count up, and each repeat its header.

use std::collections::BTreeMap;

use super::LONGEST;
use crate::Error;
use crate::carrier::media::{Source, array, be32};

/// Most segments before the picture; a store of the longest kind has a thousand.
const MOST_SEGMENTS: usize = 200_000;

/// The store, if there is one.
pub(super) fn store(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let mut boxes: BTreeMap<u16, Vec<(u32, Vec<u8>)>> = BTreeMap::new();
    let mut held = 0;
    let mut at = 2;
    for _ in 0..MOST_SEGMENTS {
        let [start, marker] = match source.head(at, 2)? {
            [start, marker] => [*start, *marker],
            // A picture without an end: what is read so far counts.
            _ => return Ok(whole(boxes)),
        };
        at += match (start, marker) {
            (0xFF, 0xFF) => 1,
            (0xFF, 0x01 | 0xD0..=0xD7) => 2,
            // The scan or the end: stores stand before.
            (0xFF, 0xD9 | 0xDA) => return Ok(whole(boxes)),
            (0xFF, _) => {
                let length = u64::from(u16::from_be_bytes(source.array(at + 2)?));
                if length < 2 {
                    return Err(source.damaged(at, "a segment has no length"));
                }
                if marker == 0xEB && source.head(at + 4, 2)? == b"JP" && length >= 18 {
                    held += length;
                    if held > LONGEST {
                        return Err(source.too_much("its JUMBF segments are longer than 64 MiB"));
                    }
                    let data = source.vec(at + 4, length - 2, LONGEST)?;
                    let number = array(&data, 2).map(u16::from_be_bytes).unwrap_or_default();
                    boxes.entry(number).or_default().push((be32(&data, 4).unwrap_or_default(), data));
                }
                2 + length
            }
            _ => return Err(source.damaged(at, "a segment does not begin where the one before it ends")),
        };
    }
    Err(source.too_much("it has hundreds of thousands of segments"))
}

/// Puts the pieces of each box together, and answers those that are manifest stores.
fn whole(boxes: BTreeMap<u16, Vec<(u32, Vec<u8>)>>) -> Vec<Vec<u8>> {
    let stores = boxes.into_values().map(|mut pieces| {
        pieces.sort_by_key(|(count, _)| *count);
        let wide = pieces.first().is_some_and(|(_, piece)| be32(piece, 8) == Some(1));
        let header = if wide { 16 } else { 8 };
        let mut all = Vec::new();
        for (index, (_, piece)) in pieces.iter().enumerate() {
            let skip = if index == 0 { 8 } else { 8 + header };
            all.extend_from_slice(piece.get(skip..).unwrap_or_default());
        }
        (all, header)
    });
    // Other JUMBF (360° pictures, JPEG Trust) may stand beside: the type behind both headers tells.
    let is_store = |all: &[u8], header: usize| {
        all.get(4..8) == Some(b"jumb") && all.get(header + 8..).is_some_and(|kind| kind.starts_with(b"c2pa"))
    };
    stores.filter(|(all, header)| is_store(all, *header)).map(|(all, _)| all).collect()
}
