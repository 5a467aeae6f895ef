//! FLAC: the field `AIGC` in the metadata block VORBIS_COMMENT (TC260-PG-202510A).
//!
//! Source: RFC 9639 §8 (metadata blocks). An ID3v2 tag before the stream marker, which some taggers write, is looked at too.

use std::io::Write;

use super::media::{Edit, KEY, Source, apply, checked, few};
use super::{Carrier, Found, Input, id3, vorbis};
use crate::Error;

/// FLAC files.
pub const FLAC: Carrier = Carrier { id: "flac", kind: "audio", endings: &["flac"], sniff, read, write };

const FORMAT: &str = "FLAC";
const COMMENT: u8 = 4;
const PADDING: u8 = 1;
/// The most metadata blocks: files have a dozen.
const MOST_BLOCKS: usize = 1024;
/// The length of a block has 24 bits.
const LONGEST: u64 = (1 << 24) - 1;
/// The longest comments that are read: pictures have blocks of their own.
const LONGEST_COMMENT: u64 = 12 << 20;

fn sniff(head: &[u8]) -> bool {
    let tag = id3::length(head).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    // A long tag (Content Credentials stand in it) hides the marker: then the file's name chooses between FLAC and MP3.
    head.get(tag..).map_or(tag > 0, |rest| rest.starts_with(b"fLaC"))
}

struct Block {
    kind: u8,
    last: bool,
    at: u64,
    size: u64,
}

/// The length of the tag before the stream, and all metadata blocks.
fn blocks(source: &mut Source<'_>) -> Result<(u64, Vec<Block>), Error> {
    let tag = id3::length(source.head(0, 10)?).unwrap_or(0);
    if tag > source.len() || source.head(tag, 4)? != b"fLaC" {
        return Err(source.damaged(tag.min(source.len()), "the marker fLaC is not there"));
    }
    let mut blocks = Vec::new();
    let mut comments = 0;
    let mut at = tag + 4;
    loop {
        let [kind, high, middle, low] = source.array(at)?;
        let block = Block {
            kind: kind & 0x7F,
            last: kind & 0x80 != 0,
            at,
            size: u64::from(u32::from_be_bytes([0, high, middle, low])),
        };
        if at + 4 + block.size > source.len() {
            return Err(source.damaged(at, "a metadata block is longer than the file"));
        }
        if blocks.is_empty() && (block.kind, block.size) != (0, 34) {
            return Err(source.damaged(at, "the first metadata block is not STREAMINFO"));
        }
        if blocks.len() == MOST_BLOCKS {
            return Err(source.too_much(format!("more than {MOST_BLOCKS} metadata blocks")));
        }
        if block.kind == COMMENT {
            comments += block.size;
        }
        // All of them are held when the file is written.
        if comments > 2 * LONGEST_COMMENT {
            return Err(source.too_much("more comments than a sound file has"));
        }
        at += 4 + block.size;
        let last = block.last;
        blocks.push(block);
        if last {
            return Ok((tag, blocks));
        }
    }
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let (tag, blocks) = blocks(&mut source)?;
    labels(&mut source, tag, &blocks)
}

/// All labels of a file.
fn labels(source: &mut Source<'_>, tag: u64, blocks: &[Block]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    if tag > 0 {
        let bytes = source.vec(0, tag, id3::LONGEST)?;
        found.extend(id3::labels(&bytes).unwrap_or_default().into_iter().map(|label| Found {
            place: format!("flac:id3 {}", label.place),
            by_the_book: false,
            value: label.value,
            offset: label.offset,
        }));
    }
    for block in blocks.iter().filter(|block| block.kind == COMMENT) {
        let list = source.vec(block.at + 4, block.size, LONGEST_COMMENT)?;
        let labels = vorbis::labels(&list).ok_or_else(|| source.damaged(block.at, "the comments are cut off"))?.0;
        found.extend(labels.into_iter().map(|label| Found {
            place: format!("flac:vorbis {}", label.field),
            by_the_book: label.field.eq_ignore_ascii_case(KEY),
            value: label.value,
            offset: Some(block.at + 4 + label.at as u64),
        }));
        few(source, &found)?;
    }
    Ok(found)
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let (tag, blocks) = blocks(&mut source)?;
    labels(&mut source, tag, &blocks)?;
    let mut edits: Vec<Edit> = Vec::new();
    if tag > 0 {
        let bytes = source.vec(0, tag, id3::LONGEST)?;
        // A tag that cannot be read has no label that could be read.
        let fresh = id3::rewritten(&bytes, None).unwrap_or_default();
        edits.extend(fresh.map(|new| Edit { at: 0, old: tag, new }));
    }
    let mut placed = false;
    let mut more = 0;
    for block in blocks.iter().filter(|block| block.kind == COMMENT) {
        let list = source.vec(block.at + 4, block.size, LONGEST_COMMENT)?;
        let fresh = vorbis::rewritten(&list, (!placed).then_some(value));
        let fresh = fresh.ok_or_else(|| source.damaged(block.at, "the comments are cut off"))?;
        placed = true;
        let new = self::block(&source, COMMENT, block.last, &fresh)?;
        more += fresh.len() as i64 - block.size as i64;
        edits.push(Edit { at: block.at, old: 4 + block.size, new });
    }
    if let Some(first) = blocks.first().filter(|_| !placed) {
        let list = vorbis::fresh(value).unwrap_or_default();
        let new = block(&source, COMMENT, first.last, &list)?;
        more += new.len() as i64;
        edits.push(Edit { at: first.at + 4 + first.size, old: 0, new });
        if first.last {
            edits.push(Edit { at: first.at, old: 1, new: vec![first.kind] });
        }
    }
    // Padding takes the change up, where it can, so that the audio stays where it is.
    let padding = blocks.iter().find(|block| block.kind == PADDING && block.size as i64 >= more);
    if let Some(padding) = padding.filter(|padding| padding.size as i64 - more <= LONGEST as i64) {
        let size = padding.size as i64 - more;
        let (old, kept) = (padding.size.cast_signed(), size.min(padding.size.cast_signed()));
        let header = header(PADDING, padding.last, u32::try_from(size).unwrap_or(0));
        edits.push(Edit { at: padding.at, old: 4, new: header });
        // Bytes are taken from or added to its end; what is left of it stays as it was.
        let grown = vec![0; usize::try_from(size - kept).unwrap_or(0)];
        let at = padding.at + 4 + kept.cast_unsigned();
        edits.push(Edit { at, old: (old - kept).cast_unsigned(), new: grown });
    }
    apply(&mut source, out, edits, read)
}

fn header(kind: u8, last: bool, size: u32) -> Vec<u8> {
    let [_, high, middle, low] = size.to_be_bytes();
    vec![kind | if last { 0x80 } else { 0 }, high, middle, low]
}

fn block(source: &Source<'_>, kind: u8, last: bool, data: &[u8]) -> Result<Vec<u8>, Error> {
    let size = u32::try_from(data.len()).ok().filter(|size| u64::from(*size) <= LONGEST);
    let size = size.ok_or_else(|| source.unsupported("the comments would have more than 16 MiB"))?;
    Ok([header(kind, last, size), data.to_vec()].concat())
}

#[cfg(test)]
mod tests;
