//! Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2).

use super::super::edit::{Edits, Source};
use crate::Error;

/// Deepest nesting of the boxes that are entered.
const DEEPEST: usize = 8;

/// A box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) kind: [u8; 4],
    pub(super) at: u64,
    /// Behind the size and the name.
    pub(super) data: u64,
    pub(super) end: u64,
    /// Whether it says to go on to the end of the file.
    pub(super) open: bool,
}

/// The box at `at`, inside something that ends at `limit`. Only one in no other box may say to go on to the end of the
/// file: within another, nothing could be put behind both.
pub(super) fn part(source: &mut Source<'_>, at: u64, limit: u64, outer: bool) -> Result<Part, Error> {
    let head: [u8; 8] = source.bytes(at)?;
    let [a, b, c, d, kind @ ..] = head;
    let short = u64::from(u32::from_be_bytes([a, b, c, d]));
    let (data, size) = match short {
        0 if outer => (at + 8, limit - at),
        1 => (at + 16, u64::from_be_bytes(source.bytes(at + 8)?)),
        size => (at + 8, size),
    };
    let end = at.checked_add(size).filter(|end| *end <= limit && *end >= data);
    let Some(end) = end else {
        let name = String::from_utf8_lossy(&kind).into_owned();
        return Err(source.damaged(at, format!("the box {name:?} says to have {size} bytes")));
    };
    Ok(Part { kind, at, data, end, open: short == 0 })
}

/// Calls `each` with the boxes in `from..to`.
pub(super) fn each(
    source: &mut Source<'_>,
    from: u64,
    to: u64,
    mut each: impl FnMut(&mut Source<'_>, Part) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut at = from;
    // Some writers end a list of boxes with a zero of four bytes.
    while to - at >= 8 {
        let found = part(source, at, to, from == 0)?;
        at = found.end;
        each(source, found)?;
    }
    Ok(())
}

/// The bytes that make a box have another size.
pub(super) fn resize(source: &Source<'_>, edits: &mut Edits, part: Part, growth: i64) -> Result<(), Error> {
    if part.open || growth == 0 {
        return Ok(());
    }
    let size = (part.end - part.at).saturating_add_signed(growth);
    if part.data - part.at == 16 {
        return edits.put(source, part.at + 8, part.at + 16, size.to_be_bytes().to_vec());
    }
    match u32::try_from(size) {
        Ok(size) => edits.put(source, part.at, part.at + 4, size.to_be_bytes().to_vec()),
        Err(_) => Err(source.unsupported("a box would be longer than it can say")),
    }
}

/// Corrects the places of a film's samples (`stco`, `co64`) for all edits made so far.
pub(super) fn correct_film(
    source: &mut Source<'_>,
    edits: &mut Edits,
    from: u64,
    to: u64,
    depth: usize,
) -> Result<(), Error> {
    if depth > DEEPEST {
        return Err(source.too_much("its boxes are nested too deep"));
    }
    each(source, from, to, |source, part| match &part.kind {
        b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" => correct_film(source, edits, part.data, part.end, depth + 1),
        b"stco" => offsets(source, edits, part, 4),
        b"co64" => offsets(source, edits, part, 8),
        b"saio" | b"iloc" | b"mvex" => {
            Err(source.unsupported("its film counts from the beginning of the file in a way that is not known"))
        }
        b"meta" => correct_film(source, edits, (part.data + 4).min(part.end), part.end, depth + 1),
        _ => Ok(()),
    })
}

fn offsets(source: &mut Source<'_>, edits: &mut Edits, part: Part, width: usize) -> Result<(), Error> {
    let data = source.part(part.data, part.end - part.data, "a table of samples")?;
    let mut new = data.clone();
    let (_, entries) =
        new.split_at_mut_checked(8).ok_or_else(|| source.damaged(part.at, "a table of samples is too short"))?;
    for entry in entries.chunks_exact_mut(width) {
        let old = super::super::edit::number(entry, false);
        let moved = old.checked_add_signed(edits.moved(old));
        let Some(bytes) = moved.and_then(|moved| super::super::edit::encode(moved, width, false)) else {
            return Err(source.unsupported("a sample of its film would stand further off than its table can say"));
        };
        entry.copy_from_slice(&bytes);
    }
    if new == data { Ok(()) } else { edits.put(source, part.data, part.end, new) }
}
