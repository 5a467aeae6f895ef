//! The table of the multi-picture format (CIPA DC-007 §5.2.3): where the pictures behind the first one stand.

use super::super::edit::{Edits, Source, encode, number};
use super::super::exif;
use crate::Error;

/// `MPEntry`.
const ENTRIES: u16 = 0xB002;

/// Corrects the table whose TIFF header stands at `base` for all edits made so far. `picture` is where the first picture
/// ends.
pub(super) fn correct(
    source: &mut Source<'_>,
    edits: &mut Edits,
    base: u64,
    end: u64,
    picture: u64,
) -> Result<(), Error> {
    let table = exif::header(source, base)
        .and_then(|header| Ok((header, exif::directory(source, header, header.first, end)?.0)))
        .ok()
        .and_then(|(header, fields)| {
            let entries = fields.into_iter().find(|field| field.tag == ENTRIES)?;
            (entries.value.checked_add(entries.size)? <= end).then_some((header, entries))
        });
    let Some((header, entries)) = table else {
        if picture == source.len() {
            // No picture follows: the table says nothing that could become wrong.
            return Ok(());
        }
        let problem = "pictures follow the first, and the table of where they stand (MPF) cannot be read";
        return Err(source.unsupported(problem));
    };
    let little = header.little;
    for index in 0..entries.size / 16 {
        let at = entries.value + index * 16;
        let entry: [u8; 16] = source.bytes(at)?;
        let part = |from: usize, to: usize| number(entry.get(from..to).unwrap_or_default(), little);
        let (size, offset) = (part(4, 8), part(8, 12));
        // The first picture's size grows; the others move. What points outside was broken before and is left alone.
        let (place, old, delta) = if offset == 0 {
            (at + 4, size, if size > source.len() { 0 } else { edits.moved(size) })
        } else {
            let stands = base + offset;
            (at + 8, offset, if stands > source.len() { 0 } else { edits.moved(stands) - edits.moved(base) })
        };
        if delta == 0 {
            continue;
        }
        let new = old.checked_add_signed(delta).and_then(|new| encode(new, 4, little));
        let Some(new) = new else {
            return Err(
                source.unsupported("a picture behind the first would stand further off than the table (MPF) can say")
            );
        };
        edits.put(source, place, place + 4, new)?;
    }
    Ok(())
}
