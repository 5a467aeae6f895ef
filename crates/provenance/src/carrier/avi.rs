//! AVI: a chunk `AIGC` in a `LIST INFO` (TC260-PG-20257A), also in OpenDML files of several RIFFs.
//!
//! Indexes of AVI hold places in the file, so nothing moves where that can be helped: old labels become `JUNK` of the same
//! size, and the label takes the place of an old one, of `JUNK`, or stands at the end of the first RIFF, behind `idx1`.
//! Only then the RIFFs behind it move, and their OpenDML indexes with them.
//!
//! Sources: Microsoft, *AVI RIFF File Reference*; Matrox, *OpenDML AVI File Format Extensions 1.02* (1996) §3.

use std::io::Write;

use super::media::{Edit, MOST_LABELS, Source, apply, array, checked, le32};
use super::riff::{self, Chunk, JUNK, Kind, Label, Riff};
use super::{Carrier, Found, Input};
use crate::Error;

/// AVI files.
pub const AVI: Carrier = Carrier { id: "avi", kind: "video", endings: &["avi"], sniff, read, write };

const FORMAT: &str = "AVI";
/// The most RIFFs of an OpenDML file: each has up to 1 GiB.
const MOST_RIFFS: usize = 1 << 14;
/// The most entries of an index of indexes.
const MOST_INDEXES: usize = 1 << 16;
/// The most chunks of all RIFFs behind the first: each has a list of pictures and an index.
const MOST_CHUNKS: usize = 1 << 18;

fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && matches!(head.get(8..12), Some(b"AVI " | b"AVIX"))
}

/// All RIFFs of the file, the first with the headers.
fn parse(source: &mut Source<'_>) -> Result<Vec<Riff>, Error> {
    if !source.head(0, 12)?.starts_with(b"RIFF") || source.head(0, 12)?.get(8..12) != Some(b"AVI ") {
        return Err(source.damaged(0, "it does not begin with RIFF and AVI"));
    }
    let mut riffs = vec![riff::riff(source, 0)?];
    let mut at = riffs.first().map_or(0, |first| first.end);
    let mut chunks = 0;
    while source.head(at, 12)?.starts_with(b"RIFF") {
        if riffs.len() == MOST_RIFFS {
            return Err(source.too_much(format!("more than {MOST_RIFFS} RIFFs")));
        }
        let next = riff::riff(source, at)?;
        chunks += next.chunks.len();
        if chunks > MOST_CHUNKS {
            return Err(source.too_much(format!("more than {MOST_CHUNKS} chunks")));
        }
        at = next.end + (next.end & 1);
        riffs.push(next);
    }
    Ok(riffs)
}

/// Labels of all RIFFs: at the top, and in lists of information within the headers.
fn labels(source: &mut Source<'_>, riffs: &[Riff]) -> Result<Vec<Label>, Error> {
    let mut found: Vec<Label> = Vec::new();
    for riff in riffs {
        if found.len() > MOST_LABELS {
            return Err(source.too_much(format!("more than {MOST_LABELS} labels, and one is allowed")));
        }
        found.extend(riff::labels(source, &riff.chunks)?);
        for header in riff.chunks.iter().filter(|chunk| chunk.is_list(b"hdrl")) {
            let inner = riff::list(source, *header)?;
            found.extend(riff::labels(source, &inner)?);
        }
    }
    Ok(found)
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let riffs = parse(&mut source)?;
    let found = labels(&mut source, &riffs)?.into_iter().map(|label| Found {
        by_the_book: label.kind == Kind::Info && label.place == "LIST INFO AIGC",
        place: format!("avi:{}", label.place),
        value: label.value,
        offset: Some(label.chunk.at),
    });
    Ok(found.collect())
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let riffs = parse(&mut source)?;
    let Some(first) = riffs.first() else { return Err(source.damaged(0, "there is no RIFF")) };
    if !first.chunks.iter().any(|chunk| chunk.is_list(b"movi")) {
        return Err(source.damaged(12, "there is no list movi"));
    }
    // INFO strings end with NUL (Multimedia Programming Interface §3, ZSTR).
    let data = [value.as_bytes(), b"\0"].concat();
    let labels = labels(&mut source, &riffs)?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut placed = false;
    for label in &labels {
        let chunk = label.chunk;
        if edits.iter().any(|edit| edit.at >= chunk.at && edit.at < chunk.end()) {
            continue;
        }
        let room = usize::try_from(chunk.end().min(source.len()) - chunk.at).unwrap_or(0);
        let top = first.chunks.iter().any(|list| list.is_list(b"INFO") && chunk.at > list.at && chunk.at < list.end());
        let new = match label.kind {
            Kind::Xmp => {
                edits.push(riff::blanked(&mut source, chunk)?);
                continue;
            }
            Kind::Info if !placed && top && riff::label(&data).len() <= room => {
                placed = true;
                // Within the list JUNK would be a tag: the text is made longer with NUL characters instead.
                let left = room - riff::label(&data).len();
                riff::label(&[data.as_slice(), &vec![0; left]].concat())
            }
            Kind::Id3 => {
                let fresh = riff::without_id3(&mut source, chunk)?.filter(|fresh| fresh.len() == room);
                fresh.unwrap_or_else(|| junk(room))
            }
            Kind::Info | Kind::Chunk => junk(room),
        };
        edits.push(Edit { at: chunk.at, old: room as u64, new });
    }
    if !placed {
        placed = in_junk(&mut source, first, &data, &mut edits)?;
    }
    if !placed {
        at_the_end(&mut source, &riffs, &data, &mut edits)?;
    }
    apply(&mut source, out, edits, read)
}

/// `JUNK` of this many bytes with its header; the bytes behind an odd size are padding.
fn junk(room: usize) -> Vec<u8> {
    riff::bytes(JUNK, &vec![0; room.saturating_sub(8)])
}

/// The chunk `AIGC`, made to fill a room: with NUL characters behind its end, or `JUNK`.
fn filled(data: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut chunk = riff::label(data);
    match room.checked_sub(chunk.len())? {
        0 => {}
        left @ 1..8 => {
            let longer = [data, &vec![0; left]].concat();
            chunk = riff::label(&longer);
        }
        left => chunk.extend(junk(left)),
    }
    (chunk.len() == room).then_some(chunk)
}

/// The label in `JUNK` of the first RIFF: behind its list of information, or as a list of its own.
fn in_junk(source: &mut Source<'_>, first: &Riff, data: &[u8], edits: &mut Vec<Edit>) -> Result<bool, Error> {
    for (at, chunk) in first.chunks.iter().enumerate() {
        if &chunk.id != JUNK || chunk.end() > source.len() || chunk.size > riff::LONGEST {
            continue;
        }
        let room = usize::try_from(chunk.end() - chunk.at).unwrap_or(0);
        let list = at.checked_sub(1).and_then(|at| first.chunks.get(at)).filter(|list| list.is_list(b"INFO"));
        // A list of an odd size cannot go on: its padding would be in its middle.
        if let Some(list) = list.filter(|list| list.size & 1 == 0)
            && let Some(new) = filled(data, room)
        {
            // JUNK stays outside of the list: players take what is in it for a tag.
            let label = riff::label(data).len();
            let more = if room - label < 8 { room } else { label };
            let size =
                u32::try_from(list.size + more as u64).map_err(|_| source.damaged(list.at, "the list is too long"))?;
            edits.push(Edit { at: list.at + 4, old: 4, new: size.to_le_bytes().to_vec() });
            edits.push(Edit { at: chunk.at, old: room as u64, new });
            return Ok(true);
        }
        let whole = riff::label(data).len() + 12;
        let inner = match room.checked_sub(whole) {
            None => continue,
            Some(left @ 0..8) => filled(data, riff::label(data).len() + left),
            Some(_) => Some(riff::label(data)),
        };
        let Some(inner) = inner else { continue };
        let mut new = riff::bytes(b"LIST", &[b"INFO".as_slice(), &inner].concat());
        if room > new.len() {
            new.extend(junk(room - new.len()));
        }
        if new.len() == room {
            edits.push(Edit { at: chunk.at, old: room as u64, new });
            return Ok(true);
        }
    }
    Ok(false)
}

/// The label behind the last chunk of the first RIFF.
fn at_the_end(source: &mut Source<'_>, riffs: &[Riff], data: &[u8], edits: &mut Vec<Edit>) -> Result<(), Error> {
    let Some((first, later)) = riffs.split_first() else { return Ok(()) };
    if first.open {
        return Err(
            source.unsupported("its recording was not finished (the RIFF has no size), and there is no room in it")
        );
    }
    let mut new = riff::bytes(b"LIST", &[b"INFO".as_slice(), &riff::label(data)].concat());
    let end = first.chunks.last().map_or(12, Chunk::end);
    if end > source.len() {
        new.insert(0, 0);
    }
    let at = end.min(source.len());
    let more = new.len() as u64;
    // Some writers leave the padding of the last chunk out of the size; what stands behind it now counts it in.
    let size = u32::try_from(first.end.max(at) - 8 + more).ok().filter(|size| *size < u32::MAX);
    let size = size.ok_or_else(|| source.unsupported("its first RIFF would grow beyond 4 GiB"))?;
    edits.push(Edit { at: 4, old: 4, new: size.to_le_bytes().to_vec() });
    edits.push(Edit { at, old: 0, new });
    if !later.is_empty() {
        moved(source, first, at, more, edits)?;
    }
    Ok(())
}

/// OpenDML indexes of what moves: places of index chunks in `indx`, and the base of each index chunk that moves.
fn moved(source: &mut Source<'_>, first: &Riff, from: u64, more: u64, edits: &mut Vec<Edit>) -> Result<(), Error> {
    for header in first.chunks.iter().filter(|chunk| chunk.is_list(b"hdrl")) {
        for stream in riff::list(source, *header)?.iter().filter(|chunk| chunk.is_list(b"strl")) {
            for index in riff::list(source, *stream)?.iter().filter(|chunk| &chunk.id == b"indx") {
                let bytes = source.vec(index.at + 8, index.size, riff::LONGEST)?;
                let count = usize::try_from(le32(&bytes, 4).unwrap_or(0)).unwrap_or(usize::MAX);
                if bytes.get(3) != Some(&0) {
                    continue;
                }
                if count > MOST_INDEXES {
                    return Err(source.too_much(format!("an index of {count} indexes")));
                }
                let entries = bytes.get(24..).unwrap_or_default().chunks_exact(16).take(count);
                for (number, entry) in entries.enumerate() {
                    let place = array(entry, 0).map_or(0, u64::from_le_bytes);
                    if place < from {
                        continue;
                    }
                    let new = (place.saturating_add(more)).to_le_bytes().to_vec();
                    edits.push(Edit { at: index.at + 32 + 16 * number as u64, old: 8, new });
                    let base: [u8; 8] = source.array(place.saturating_add(20))?;
                    let new = u64::from_le_bytes(base).wrapping_add(more).to_le_bytes().to_vec();
                    edits.push(Edit { at: place + 20, old: 8, new });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
