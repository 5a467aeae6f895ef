//! WAV: a chunk `AIGC` in the RIFF (TC260-PG-202510A), also in RF64 and BW64.

use std::io::Write;

use super::media::{Edit, Source, apply, checked};
use super::riff::{self, Kind, Riff};
use super::{Carrier, Found, Input};
use crate::Error;

/// WAV files, Broadcast Wave, RF64 and BW64.
pub const WAV: Carrier =
    Carrier { id: "wav", kind: "audio", endings: &["wav", "wave", "bwf", "rf64"], sniff, read, write };

const FORMAT: &str = "WAV";

fn sniff(head: &[u8]) -> bool {
    let id = head.get(..4).unwrap_or_default();
    matches!(id, b"RIFF" | b"RF64" | b"BW64") && head.get(8..12) == Some(b"WAVE")
}

fn parse(source: &mut Source<'_>) -> Result<Riff, Error> {
    if !sniff(source.head(0, 12)?) {
        return Err(source.damaged(0, "it does not begin with RIFF and WAVE"));
    }
    riff::riff(source, 0)
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let riff = parse(&mut source)?;
    let labels = riff::labels(&mut source, &riff.chunks)?;
    let found = labels.into_iter().map(|label| Found {
        by_the_book: label.kind == Kind::Chunk && label.place == "AIGC",
        place: format!("wav:{}", label.place),
        value: label.value,
        offset: Some(label.chunk.at),
    });
    Ok(found.collect())
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let riff = parse(&mut source)?;
    let data = riff.chunks.iter().find(|chunk| &chunk.id == b"data");
    let Some(data) = data.copied() else { return Err(source.damaged(12, "there is no data chunk")) };
    let mut edits: Vec<Edit> = Vec::new();
    let mut place = None;
    let labels = riff::labels(&mut source, &riff.chunks)?;
    for label in &labels {
        let chunk = label.chunk;
        // A file that leaves the last byte of padding out ends within it.
        let old = chunk.end().min(source.len()) - chunk.at;
        match label.kind {
            Kind::Chunk if place.is_none() => {
                place = Some(chunk.at);
                edits.push(Edit { at: chunk.at, old, new: riff::label(value.as_bytes()) });
            }
            Kind::Chunk => edits.push(Edit { at: chunk.at, old, new: Vec::new() }),
            Kind::Xmp if !edits.iter().any(|edit| edit.at == chunk.at + 8) => {
                edits.push(riff::blanked(&mut source, chunk)?);
            }
            Kind::Id3 if !edits.iter().any(|edit| edit.at == chunk.at) => {
                let fresh = riff::without_id3(&mut source, chunk)?;
                edits.extend(fresh.map(|new| Edit { at: chunk.at, old, new }));
            }
            Kind::Info | Kind::Xmp | Kind::Id3 => {}
        }
    }
    for list in riff.chunks.iter().filter(|chunk| chunk.is_list(b"INFO")) {
        let entries: Vec<_> = labels.iter().filter(|label| label.kind == Kind::Info).map(|label| label.chunk).collect();
        let inside = |entry: &&riff::Chunk| entry.at > list.at && entry.at < list.end();
        let gone: Vec<_> = entries.iter().filter(inside).collect();
        if gone.is_empty() {
            continue;
        }
        let mut data = b"INFO".to_vec();
        for entry in riff::list(&mut source, *list)? {
            if !gone.iter().any(|one| one.at == entry.at) {
                data.extend(riff::bytes(&entry.id, &source.vec(entry.at + 8, entry.size, riff::LONGEST)?));
            }
        }
        let new = if data.len() > 4 { riff::bytes(b"LIST", &data) } else { Vec::new() };
        edits.push(Edit { at: list.at, old: list.end().min(source.len()) - list.at, new });
    }
    if place.is_none() {
        let mut new = riff::label(value.as_bytes());
        // Behind the last chunk, and before the data of a stream that goes on to the end of the file.
        let mut at = if riff.open { data.at } else { riff.chunks.last().map_or(data.end(), riff::Chunk::end) };
        if at > source.len() {
            new.insert(0, 0);
            at = source.len();
        }
        edits.push(Edit { at, old: 0, new });
    }
    if !riff.open {
        edits.push(new_size(&mut source, &riff, &edits)?);
    }
    apply(&mut source, out, edits, read)
}

/// The size in the header after all edits.
pub(crate) fn new_size(source: &mut Source<'_>, riff: &Riff, edits: &[Edit]) -> Result<Edit, Error> {
    let more: u64 = edits.iter().map(|edit| edit.new.len() as u64).sum();
    let less: u64 = edits.iter().map(|edit| edit.old).sum();
    // Some writers leave the padding of the last chunk out of the size; what stands behind it now counts it in.
    let behind = riff.chunks.last().map_or(0, |last| last.end().min(source.len()).saturating_sub(riff.end));
    let size = |size: u64| (size + behind + more).saturating_sub(less);
    let old: [u8; 4] = source.array(4)?;
    let old = u32::from_le_bytes(old);
    if &riff.id != b"RIFF" && old == u32::MAX {
        let old: [u8; 8] = source.array(20)?;
        let new = size(u64::from_le_bytes(old)).to_le_bytes().to_vec();
        return Ok(Edit { at: 20, old: 8, new });
    }
    let too_long = || source.unsupported("it would grow beyond 4 GiB; convert it to RF64 or BW64 first");
    let new = u32::try_from(size(u64::from(old))).ok().filter(|size| *size < u32::MAX).ok_or_else(too_long)?;
    Ok(Edit { at: 4, old: 4, new: new.to_le_bytes().to_vec() })
}

#[cfg(test)]
mod tests;
