//! Chunks of RIFF, and of RF64 and BW64 for files beyond 4 GiB: shared by [`super::wav`] and [`super::avi`].
//!
//! Sources: Microsoft/IBM, *Multimedia Programming Interface and Data Specifications 1.0* (1991) chapter 2; EBU Tech 3306
//! (RF64); ITU-R BS.2088 (BW64).

use super::media::{Edit, KEY, MOST_LABELS, Source, array, is_label, le32, text};
use super::{id3, media_xmp};
use crate::Error;

/// The most chunks of a list that are looked at; sound files have a dozen.
const MOST_CHUNKS: usize = 1 << 16;
/// The longest chunk of metadata that is read.
pub(crate) const LONGEST: u64 = 4 << 20;
/// The most bytes of all labels of a list of chunks.
const MOST_LABELLED: usize = 16 << 20;
/// Chunks that players skip.
pub(crate) const JUNK: &[u8; 4] = b"JUNK";

/// A chunk: identifier, size, data, and a byte of padding after an odd size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub id: [u8; 4],
    /// Where its header begins.
    pub at: u64,
    /// Bytes of data.
    pub size: u64,
    /// What a `LIST` is a list of.
    pub form: Option<[u8; 4]>,
}

impl Chunk {
    /// Where the next chunk begins.
    pub(crate) fn end(&self) -> u64 {
        self.at.saturating_add(8).saturating_add(self.size).saturating_add(self.size & 1)
    }

    pub(crate) fn is_list(&self, form: &[u8; 4]) -> bool {
        self.form.as_ref() == Some(form)
    }
}

/// A RIFF with its chunks.
#[derive(Debug)]
pub(crate) struct Riff {
    pub id: [u8; 4],
    /// Where it ends: in the file, or one byte behind it where the last byte of padding was left out.
    pub end: u64,
    /// A stream's header: the sizes were not known when it was written, and the data goes on to the end of the file.
    pub open: bool,
    pub chunks: Vec<Chunk>,
}

/// The RIFF that begins here.
pub(crate) fn riff(source: &mut Source<'_>, at: u64) -> Result<Riff, Error> {
    let header: [u8; 12] = source.array(at)?;
    let id = array(&header, 0).unwrap_or_default();
    let size = le32(&header, 4).unwrap_or(0);
    let wide = matches!(&id, b"RF64" | b"BW64");
    let mut sizes = Vec::new();
    let mut end = at + 8 + u64::from(size);
    if wide && size == u32::MAX {
        let first = chunk(source, at + 12)?;
        if &first.id != b"ds64" || first.size < 28 {
            return Err(
                source.damaged(at + 12, "a file of more than 4 GiB begins with a ds64 chunk, and this does not")
            );
        }
        let sizes64 = source.vec(first.at + 8, first.size, LONGEST)?;
        let number = |place: usize| array(&sizes64, place).map_or(0, u64::from_le_bytes);
        end = at.saturating_add(8).saturating_add(number(0));
        sizes.push((*b"data", number(8)));
        let table = sizes64.get(28..).unwrap_or_default().chunks_exact(12);
        sizes.extend(table.filter_map(|entry| Some((array(entry, 0)?, u64::from_le_bytes(array(entry, 4)?)))));
    }
    let open = !wide && matches!(size, 0 | u32::MAX);
    if open {
        end = source.len();
    }
    if end > source.len() + 1 {
        let problem = format!("the file should go on to byte {end}, and ends at {}", source.len());
        return Err(source.damaged(at + 4, problem));
    }
    let mut chunks = Vec::new();
    let mut next = at + 12;
    while next.saturating_add(8) <= end {
        let mut one = chunk(source, next)?;
        if wide && one.size == u64::from(u32::MAX) {
            one.size = sizes.iter().find(|(id, _)| *id == one.id).map_or(one.size, |(_, size)| *size);
        }
        if open && &one.id == b"data" && (one.size == u64::from(u32::MAX) || one.size == 0) {
            one.size = end - one.at - 8;
        }
        if one.at.saturating_add(8).saturating_add(one.size) > end.min(source.len()) {
            let name = text(&one.id);
            return Err(source
                .damaged(next, format!("the chunk {name} says it has {} bytes, and they are not there", one.size)));
        }
        if chunks.len() == MOST_CHUNKS {
            return Err(source.too_much(format!("more than {MOST_CHUNKS} chunks")));
        }
        next = one.end();
        chunks.push(one);
    }
    Ok(Riff { id, end, open, chunks })
}

fn chunk(source: &mut Source<'_>, at: u64) -> Result<Chunk, Error> {
    let header: [u8; 8] = source.array(at)?;
    let id = array(&header, 0).unwrap_or_default();
    let size = u64::from(le32(&header, 4).unwrap_or(0));
    let form = match &id {
        b"LIST" if size >= 4 => Some(source.array(at + 8)?),
        _ => None,
    };
    Ok(Chunk { id, at, size, form })
}

/// The chunks of a list.
pub(crate) fn list(source: &mut Source<'_>, list: Chunk) -> Result<Vec<Chunk>, Error> {
    let end = list.at + 8 + list.size;
    let mut chunks = Vec::new();
    let mut next = list.at + 12;
    while next.saturating_add(8) <= end {
        let one = chunk(source, next)?;
        if one.at + 8 + one.size > end {
            let name = text(&one.id);
            return Err(source.damaged(next, format!("the chunk {name} goes beyond its list")));
        }
        if chunks.len() == MOST_CHUNKS {
            return Err(source.too_much(format!("more than {MOST_CHUNKS} chunks in a list")));
        }
        next = one.end();
        chunks.push(one);
    }
    Ok(chunks)
}

/// What kind of label a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The chunk `AIGC` itself.
    Chunk,
    /// An entry of a `LIST INFO`.
    Info,
    /// An ID3v2 tag in a chunk.
    Id3,
    /// An XMP packet in a chunk (*XMP Specification Part 3*, AVI and WAV).
    Xmp,
}

/// A label in a chunk.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub kind: Kind,
    pub chunk: Chunk,
    pub place: String,
    pub value: String,
}

/// The labels of a list of chunks; lists with the form `INFO` are looked into.
pub(crate) fn labels(source: &mut Source<'_>, chunks: &[Chunk]) -> Result<Vec<Label>, Error> {
    let mut found = Vec::new();
    for one in chunks {
        let held: usize = found.iter().map(|label: &Label| label.value.len()).sum();
        if found.len() > MOST_LABELS || held > MOST_LABELLED {
            return Err(source.too_much(format!("more than {MOST_LABELS} labels, and one is allowed")));
        }
        if one.size > LONGEST {
            continue;
        }
        match &one.id {
            b"AIGC" | b"aigc" => {
                let value = text(&source.vec(one.at + 8, one.size, LONGEST)?);
                found.push(Label { kind: Kind::Chunk, chunk: *one, place: text(&one.id), value });
            }
            b"id3 " | b"ID3 " => {
                let tag = source.vec(one.at + 8, one.size, LONGEST)?;
                for label in id3::labels(&tag).unwrap_or_default() {
                    let place = format!("id3 {}", label.place);
                    found.push(Label { kind: Kind::Id3, chunk: *one, place, value: label.value });
                }
            }
            b"_PMX" => {
                for value in media_xmp::values(&source.vec(one.at + 8, one.size, LONGEST)?) {
                    found.push(Label { kind: Kind::Xmp, chunk: *one, place: "_PMX TC260:AIGC".into(), value });
                }
            }
            _ if one.is_list(b"INFO") => {
                for entry in list(source, *one)? {
                    let value = text(&source.vec(entry.at + 8, entry.size, LONGEST)?);
                    if is_label(&text(&entry.id), &value) && found.len() <= MOST_LABELS {
                        let place = format!("LIST INFO {}", text(&entry.id));
                        found.push(Label { kind: Kind::Info, chunk: entry, place, value });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A chunk as bytes, with its padding.
pub(crate) fn bytes(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut chunk = [id.as_slice(), &size, data].concat();
    if data.len() & 1 == 1 {
        chunk.push(0);
    }
    chunk
}

/// The chunk `AIGC`, as bytes.
pub(crate) fn label(value: &[u8]) -> Vec<u8> {
    let mut id = [0; 4];
    id.copy_from_slice(KEY.as_bytes());
    bytes(&id, value)
}

/// The data of a chunk overwritten without a change of its size: XMP is blanked.
pub(crate) fn blanked(source: &mut Source<'_>, chunk: Chunk) -> Result<Edit, Error> {
    let mut packet = source.vec(chunk.at + 8, chunk.size, LONGEST)?;
    media_xmp::blank(&mut packet);
    Ok(Edit { at: chunk.at + 8, old: chunk.size, new: packet })
}

/// A tag in a chunk without its labels: the whole chunk anew.
pub(crate) fn without_id3(source: &mut Source<'_>, chunk: Chunk) -> Result<Option<Vec<u8>>, Error> {
    let tag = source.vec(chunk.at + 8, chunk.size, LONGEST)?;
    let fresh = id3::rewritten(&tag, None).map_err(|problem| source.damaged(chunk.at, problem))?;
    Ok(fresh.map(|mut fresh| {
        // What stands behind the tag in its chunk stays.
        let old = id3::length(&tag).and_then(|old| usize::try_from(old).ok()).unwrap_or(tag.len());
        fresh.extend_from_slice(tag.get(old..).unwrap_or_default());
        bytes(&chunk.id, &fresh)
    }))
}
