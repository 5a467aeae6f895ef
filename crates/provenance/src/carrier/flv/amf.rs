//! Script data in AMF0: where labels and places in the file stand in it.

use std::ops::Range;

use super::super::media::{KEY, array, be32, is_label, text};
use super::super::media_xmp;

/// The name of the script data with the properties of the video.
pub(super) const METADATA: &str = "onMetaData";
/// How deep values may stand in values.
const DEEPEST: usize = 16;
/// The most values.
const MOST: usize = 1 << 20;
/// Properties whose number is a place in the file.
const PLACES: [&str; 3] = ["filesize", "lastkeyframelocation", "filepositions"];

/// A label: a property, or XMP in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub key: String,
    pub value: String,
    /// Name and value.
    pub at: Range<usize>,
    /// Whether it stands directly in the object.
    pub top: bool,
    /// Whether it is XMP, which is blanked.
    packet: bool,
}

/// Script data: `onMetaData` and an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    pub name: String,
    /// Where properties begin, and where their number stands (ECMA arrays have one).
    pub insert: Option<(usize, Option<usize>)>,
    pub labels: Vec<Label>,
    /// Where numbers stand that are places in the file.
    pub places: Vec<usize>,
    values: usize,
}

/// `None`: this is no script data that can be read.
pub(super) fn read(data: &[u8]) -> Option<Script> {
    let mut script = Script::default();
    if data.first() != Some(&2) {
        return None;
    }
    let (name, at) = string(data, 1)?;
    script.name = name;
    let end = value(data, at, "", 0, &mut script)?;
    script.insert = match data.get(at)? {
        3 => Some((at + 1, None)),
        8 => Some((at + 5, Some(at + 1))),
        _ => None,
    };
    (end <= data.len()).then_some(script)
}

/// A string with a length of 16 bits, and where it ends.
fn string(data: &[u8], at: usize) -> Option<(String, usize)> {
    let length = usize::from(u16::from_be_bytes(array(data, at)?));
    Some((text(data.get(at + 2..at + 2 + length)?), at + 2 + length))
}

/// Walks over a value and gives its end.
fn value(data: &[u8], at: usize, key: &str, depth: usize, script: &mut Script) -> Option<usize> {
    script.values += 1;
    if depth > DEEPEST || script.values > MOST {
        return None;
    }
    let kind = *data.get(at)?;
    let at = at + 1;
    match kind {
        // Number.
        0 => {
            if PLACES.contains(&key) && data.len() >= at + 8 {
                script.places.push(at);
            }
            Some(at + 8)
        }
        1 => Some(at + 1),
        2 => Some(string(data, at)?.1),
        3 => properties(data, at, depth, script),
        5 | 6 | 13 => Some(at),
        7 => Some(at + 2),
        // ECMA array: the number of properties is a hint.
        8 => properties(data, at + 4, depth, script),
        // Strict array.
        10 => {
            let mut at = at + 4;
            for _ in 0..be32(data, at - 4)? {
                at = value(data, at, key, depth + 1, script)?;
            }
            Some(at)
        }
        11 => Some(at + 10),
        // Long string, XML document.
        12 | 15 => at.checked_add(4)?.checked_add(usize::try_from(be32(data, at)?).ok()?),
        16 => properties(data, string(data, at)?.1, depth, script),
        _ => None,
    }
    .filter(|end| *end <= data.len())
}

/// Properties up to their end (an empty name and the byte 9), which some writers leave out at the end of the data.
fn properties(data: &[u8], at: usize, depth: usize, script: &mut Script) -> Option<usize> {
    let mut at = at;
    loop {
        if at == data.len() {
            return Some(at);
        }
        if data.get(at..at + 3) == Some(&[0, 0, 9]) {
            return Some(at + 3);
        }
        let (key, start) = string(data, at)?;
        let end = value(data, start, &key, depth + 1, script)?;
        let inner = match data.get(start)? {
            2 => start + 3..end,
            12 | 15 => start + 5..end,
            _ => start..start,
        };
        let bytes = data.get(inner.clone())?;
        if !bytes.is_empty() || key == KEY {
            let found = text(bytes);
            let top = depth == 0;
            if is_label(&key, &found) {
                script.labels.push(Label { key, value: found, at: at..end, top, packet: false });
            } else if let Some(found) = media_xmp::values(bytes).into_iter().next() {
                let key = format!("{key} TC260:AIGC");
                script.labels.push(Label { key, value: found, at: inner, top, packet: true });
            }
        }
        at = end;
    }
}

/// The script data with this label alone, or none.
pub(super) fn rewritten(data: &[u8], script: &Script, value: Option<&str>) -> Option<Vec<u8>> {
    let mut old = data.to_vec();
    for label in script.labels.iter().filter(|label| label.packet) {
        media_xmp::blank(old.get_mut(label.at.clone())?);
    }
    let mut fresh = Vec::with_capacity(data.len());
    let mut at = 0;
    if let (Some(value), Some((insert, _))) = (value, script.insert) {
        fresh.extend_from_slice(old.get(..insert)?);
        fresh.extend(property(value));
        at = insert;
    }
    let mut removed = 0;
    for label in script.labels.iter().filter(|label| !label.packet) {
        // A label within a label goes with it.
        if label.at.start >= at {
            fresh.extend_from_slice(old.get(at..label.at.start)?);
            at = label.at.end;
            removed += u32::from(label.top);
        }
    }
    fresh.extend_from_slice(old.get(at..)?);
    if let Some((_, Some(place))) = script.insert {
        let count = be32(data, place)?.saturating_sub(removed).saturating_add(u32::from(value.is_some()));
        fresh.get_mut(place..place + 4)?.copy_from_slice(&count.to_be_bytes());
    }
    Some(fresh)
}

/// `onMetaData` with nothing but the label.
pub(super) fn fresh(value: &str) -> Vec<u8> {
    [b"\x02\0\x0AonMetaData\x08\0\0\0\x01".as_slice(), &property(value), &[0, 0, 9]].concat()
}

fn property(value: &str) -> Vec<u8> {
    let name = [&(KEY.len() as u16).to_be_bytes(), KEY.as_bytes()].concat();
    let size = match u16::try_from(value.len()) {
        Ok(size) => [[2].as_slice(), &size.to_be_bytes()].concat(),
        Err(_) => [[12].as_slice(), &u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes()].concat(),
    };
    [name, size, value.as_bytes().to_vec()].concat()
}

/// Moves a place in the file that stands in script data.
pub(super) fn moved(data: &mut [u8], at: usize, by: impl FnOnce(f64) -> i64) {
    let Some(old) = array(data, at).map(f64::from_be_bytes).filter(|old| old.is_finite() && *old > 0.0) else { return };
    let new = old + by(old) as f64;
    if let Some(place) = data.get_mut(at..at + 8) {
        place.copy_from_slice(&new.to_be_bytes());
    }
}
