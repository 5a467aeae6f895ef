//! Extended XMP (XMP specification part 3, §1.1.3.1): a packet too long for a segment, cut into several. Its name is the
//! MD5 of its text, which the main packet repeats.

use md5::{Digest, Md5};

use super::super::edit::{Edits, MOST_METADATA, Source, Trace};
use super::super::{loose, xmp};
use super::{EXTENSION, Segment};
use crate::Error;

/// Bytes of the name, of the whole length and of the offset.
const HEAD: usize = 32 + 4 + 4;

#[derive(Debug)]
struct Piece {
    name: [u8; 32],
    whole: u64,
    offset: u64,
    /// Where the text stands in the file.
    at: u64,
    text: Vec<u8>,
}

/// The pieces met so far.
#[derive(Debug, Default)]
pub(super) struct Extended {
    pieces: Vec<Piece>,
    held: u64,
    /// The packets that hold labels: their name, and the indices of their pieces in order.
    labelled: Vec<([u8; 32], Vec<usize>)>,
}

impl Extended {
    pub(super) fn collect(&mut self, source: &Source<'_>, segment: Segment, data: &[u8]) -> Result<(), Error> {
        let Some((head, text)) = data.get(EXTENSION.len()..).and_then(|rest| rest.split_first_chunk::<HEAD>()) else {
            return Ok(());
        };
        self.held += text.len() as u64;
        if self.held > MOST_METADATA {
            return Err(source.too_much("its extended XMP is longer than metadata should be"));
        }
        let (name, numbers) = head.split_first_chunk::<32>().unwrap_or((&[0; 32], &[]));
        let number = |part: Option<&[u8]>| super::super::edit::number(part.unwrap_or_default(), false);
        self.pieces.push(Piece {
            name: *name,
            whole: number(numbers.get(..4)),
            offset: number(numbers.get(4..8)),
            at: segment.end - text.len() as u64,
            text: text.to_vec(),
        });
        Ok(())
    }

    /// Notes the labels, now that all pieces are there.
    pub(super) fn note(&mut self, source: &Source<'_>, trace: &mut Trace) -> Result<(), Error> {
        let mut order: Vec<usize> = (0..self.pieces.len()).collect();
        order.sort_by_key(|index| self.pieces.get(*index).map(|piece| (piece.name, piece.offset)));
        let same = |a: &usize, b: &usize| {
            self.pieces.get(*a).map(|piece| piece.name) == self.pieces.get(*b).map(|piece| piece.name)
        };
        let mut labelled = Vec::new();
        for group in order.chunk_by(same) {
            let pieces: Vec<&Piece> = group.iter().filter_map(|index| self.pieces.get(*index)).collect();
            let Some(first) = pieces.first() else { continue };
            let mut text = Vec::new();
            let joined = pieces.iter().all(|piece| {
                let fits = piece.offset == text.len() as u64;
                text.extend_from_slice(&piece.text);
                fits
            });
            if joined && first.whole == text.len() as u64 {
                let found = xmp::labels(&text);
                for label in &found {
                    trace.note(source, "jpeg:xmp extension", false, label.value.clone(), first.at)?;
                }
                if !found.is_empty() {
                    labelled.push((first.name, group.to_vec()));
                }
                continue;
            }
            // Pieces are missing or lie over each other: each is looked at alone.
            for piece in pieces {
                for one in loose::find(&piece.text) {
                    let at = piece.at + one.range.start as u64;
                    trace.note(source, "jpeg:xmp extension", false, one.value, at)?;
                    let length = one.range.len();
                    trace.edits.put(source, at, at + length as u64, loose::spaces(length, None))?;
                }
            }
        }
        self.labelled = labelled;
        Ok(())
    }

    /// Takes the labels out, and corrects the packets' names here and in the `main` packet.
    pub(super) fn rewrite(&self, source: &Source<'_>, edits: &mut Edits, main: &mut [u8]) -> Result<(), Error> {
        for (name, group) in &self.labelled {
            let pieces: Vec<&Piece> = group.iter().filter_map(|index| self.pieces.get(*index)).collect();
            let text: Vec<u8> = pieces.iter().flat_map(|piece| piece.text.iter().copied()).collect();
            let new = xmp::without(&text)?;
            let digest = Md5::digest(&new);
            let new_name: String = digest.iter().map(|byte| format!("{byte:02X}")).collect();
            let mut rest = new.as_slice();
            for piece in &pieces {
                let (part, later) = rest.split_at_checked(piece.text.len()).unwrap_or((rest, &[]));
                rest = later;
                let named = piece.at - HEAD as u64;
                edits.put(source, named, named + 32, new_name.clone().into_bytes())?;
                edits.put(source, piece.at, piece.at + part.len() as u64, part.to_vec())?;
            }
            if let Some(at) = memchr::memmem::find(main, name)
                && let Some(old) = main.get_mut(at..at + 32)
            {
                old.copy_from_slice(new_name.as_bytes());
            }
        }
        Ok(())
    }
}
