//! Places in the file that fragments hold (ISO/IEC 14496-12 §8.8), and items (§8.11.3).

use super::super::media::{Source, array, be32};
use super::boxes::{Head, Shift, children};
use crate::Error;

/// The longest movie fragment, or index of fragments, that is read.
const LONGEST: u64 = 16 << 20;

/// Whether boxes of metadata hold items with places in the file.
pub(super) fn has_items(source: &mut Source<'_>, boxes: &[Head]) -> Result<bool, Error> {
    for one in boxes.iter().filter(|one| one.is(b"meta") && one.len >= one.header + 4) {
        let inner = children(source, one.data() + 4, one.end()).unwrap_or_default();
        if inner.iter().any(|one| one.is(b"iloc")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A `moof` or `mfra` with its places moved; its size stays.
pub(super) fn moved(source: &mut Source<'_>, one: Head, shift: Shift) -> Result<Vec<u8>, Error> {
    let mut bytes = source.vec(one.at, one.len, LONGEST)?;
    for inner in children(source, one.data(), one.end())? {
        match &inner.kind {
            b"traf" if one.is(b"moof") => {
                for header in children(source, inner.data(), inner.end())?.iter().filter(|header| header.is(b"tfhd")) {
                    base(&mut bytes, place(one, *header), shift);
                }
            }
            b"tfra" if one.is(b"mfra") => {
                let cut = || source.damaged(inner.at, "an index of fragments is cut off");
                index(&mut bytes, place(one, inner), shift).ok_or_else(cut)?;
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// Where the data of a box begins and ends in the bytes of the box that holds it.
fn place(outer: Head, inner: Head) -> (usize, usize) {
    let from = |place: u64| usize::try_from(place - outer.at).unwrap_or(usize::MAX);
    (from(inner.data()), from(inner.end()))
}

/// The base of a track fragment, where it is a place in the file (§8.8.7, flag 1).
fn base(bytes: &mut [u8], (at, end): (usize, usize), shift: Shift) {
    if bytes.get(at + 3).is_some_and(|flags| flags & 1 == 1) && at + 16 <= end {
        let old = array(bytes, at + 8).map_or(0, u64::from_be_bytes);
        if let Some(place) = bytes.get_mut(at + 8..at + 16) {
            place.copy_from_slice(&shift.of(old).to_be_bytes());
        }
    }
}

/// The places of movie fragments (§8.8.10).
fn index(bytes: &mut [u8], (at, end): (usize, usize), shift: Shift) -> Option<()> {
    let wide = *bytes.get(at)? == 1;
    let lengths = be32(bytes, at + 8)?;
    let behind = (0..3).map(|number| usize::try_from(lengths >> (2 * number) & 3).unwrap_or(0) + 1).sum::<usize>();
    let width = if wide { 8 } else { 4 };
    let count = usize::try_from(be32(bytes, at + 12)?).ok()?;
    let size = count.checked_mul(2 * width + behind)?;
    let entries = bytes.get_mut(at + 16..end)?.get_mut(..size)?;
    for entry in entries.chunks_exact_mut(2 * width + behind) {
        if wide {
            let old = array(entry, 8).map_or(0, u64::from_be_bytes);
            entry.get_mut(8..16)?.copy_from_slice(&shift.of(old).to_be_bytes());
        } else {
            let old = be32(entry, 4)?;
            entry.get_mut(4..8)?.copy_from_slice(&shift.of32(old).to_be_bytes());
        }
    }
    Some(())
}
