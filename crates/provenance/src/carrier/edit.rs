//! A file read piece by piece, and copied with a few places changed.
//!
//! Picture files are labelled in two passes: the first reads the structure and collects [`Edits`], the second copies the
//! file with them. So nothing is written when the structure turns out to be damaged, and the memory needed is that of
//! the edits, not of the file.

pub(crate) mod patched;

use std::io::{SeekFrom, Write};

use super::{Found, Input};
use crate::Error;
use patched::{Patch, Patched, Pieces};

/// How much of the file is held at a time.
const WINDOW: usize = 64 << 10;
/// Most bytes of new and changed metadata in one file.
const MOST_EDITED: usize = 16 << 20;
/// Most edits, and most labels, in one file: a sound file has one label.
const MOST_PLACES: usize = 10_000;
/// Most bytes of one piece of metadata (an XMP packet, a text chunk, an EXIF block).
pub(crate) const MOST_METADATA: u64 = 16 << 20;

/// A file with a window on it.
pub(crate) struct Source<'a> {
    input: &'a mut dyn Input,
    format: &'static str,
    len: u64,
    window: Vec<u8>,
    from: u64,
}

impl<'a> Source<'a> {
    /// The file `input`, whose errors name `format`.
    pub(crate) fn new(input: &'a mut dyn Input, format: &'static str) -> Result<Self, Error> {
        let len = input.seek(SeekFrom::End(0))?;
        Ok(Self { input, format, len, window: Vec::new(), from: 0 })
    }

    /// Bytes of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The file is damaged at `at`.
    pub(crate) fn damaged(&self, at: u64, problem: impl Into<String>) -> Error {
        Error::Damaged { format: self.format, at, problem: problem.into() }
    }

    /// The file asks for too much.
    pub(crate) fn too_much(&self, problem: impl Into<String>) -> Error {
        Error::TooMuch { format: self.format, problem: problem.into() }
    }

    /// The file cannot be rewritten safely.
    pub(crate) fn unsupported(&self, problem: impl Into<String>) -> Error {
        Error::Unsupported { format: self.format, problem: problem.into() }
    }

    /// What stands at `at`: at least `wanted` bytes but at the end of the file, at most the window.
    pub(crate) fn at(&mut self, at: u64, wanted: usize) -> Result<&[u8], Error> {
        let wanted = wanted.min(WINDOW);
        let held = self.from..self.from.saturating_add(self.window.len() as u64);
        let end = at.saturating_add(wanted as u64).min(self.len);
        if at < held.start || end > held.end {
            self.window.clear();
            self.from = at;
            if at < self.len {
                self.input.seek(SeekFrom::Start(at))?;
                let most = (self.len - at).min(WINDOW as u64);
                self.window.reserve_exact(WINDOW);
                std::io::Read::read_to_end(&mut std::io::Read::take(&mut *self.input, most), &mut self.window)?;
            }
        }
        let skip = usize::try_from(at.saturating_sub(self.from)).unwrap_or(usize::MAX);
        Ok(self.window.get(skip..).unwrap_or_default())
    }

    /// The `N` bytes at `at`.
    pub(crate) fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Error> {
        match self.at(at, N)?.first_chunk::<N>() {
            Some(found) => Ok(*found),
            None => Err(self.damaged(at, "it ends in the middle of a structure")),
        }
    }

    /// The `count` bytes at `at`; `what` is named when they are more than metadata should be.
    pub(crate) fn part(&mut self, at: u64, count: u64, what: &str) -> Result<Vec<u8>, Error> {
        if at.checked_add(count).is_none_or(|end| end > self.len) {
            return Err(self.damaged(at, format!("{what} of {count} bytes goes beyond the end of the file")));
        }
        if count > MOST_METADATA {
            return Err(self.too_much(format!("{what} has {count} bytes; at most {MOST_METADATA} are read")));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count <= WINDOW / 2 {
            let Some(found) = self.at(at, count)?.get(..count) else {
                return Err(self.damaged(at, "it is shorter than it was a moment ago"));
            };
            return Ok(found.to_vec());
        }
        let mut all = vec![0; count];
        self.input.seek(SeekFrom::Start(at))?;
        std::io::Read::read_exact(&mut *self.input, &mut all)?;
        Ok(all)
    }

    /// Copies `from..to` to `out`.
    fn copy(&mut self, from: u64, to: u64, out: &mut dyn Write) -> Result<(), Error> {
        self.input.seek(SeekFrom::Start(from))?;
        let mut left = to.saturating_sub(from);
        self.window.resize(WINDOW, 0);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(WINDOW).min(WINDOW);
            let Some(piece) = self.window.get_mut(..most) else { break };
            if let Err(error) = std::io::Read::read_exact(&mut *self.input, piece) {
                self.window.clear();
                return Err(error.into());
            }
            out.write_all(piece)?;
            left -= most as u64;
        }
        self.window.clear();
        Ok(())
    }
}

impl Pieces for Source<'_> {
    fn length(&self) -> u64 {
        self.len
    }

    fn piece(&mut self, at: u64, wanted: usize) -> Result<&[u8], Error> {
        self.at(at, wanted)
    }
}

/// One place to change: `from..to` of the old file becomes `bytes`.
#[derive(Debug)]
struct Edit {
    from: u64,
    to: u64,
    bytes: Vec<u8>,
}

/// The places of a file that change.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    list: Vec<Edit>,
    held: usize,
    /// Where the file's length changes, and by how much; the others move nothing.
    moves: Vec<(u64, i64)>,
}

impl Edits {
    /// Puts `bytes` in the place of `from..to`. At one place, edits are made in the order they were put.
    pub(crate) fn put(&mut self, source: &Source<'_>, from: u64, to: u64, bytes: Vec<u8>) -> Result<(), Error> {
        self.held = self.held.saturating_add(bytes.len());
        if self.held > MOST_EDITED || self.list.len() >= MOST_PLACES {
            return Err(source.too_much("too much of its metadata would have to be changed"));
        }
        let delta =
            i64::try_from(bytes.len()).unwrap_or(i64::MAX) - i64::try_from(to.saturating_sub(from)).unwrap_or(i64::MAX);
        if delta != 0 {
            self.moves.push((to, delta));
        }
        self.list.push(Edit { from, to, bytes });
        Ok(())
    }

    /// Whether anything changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// By how much the file grows.
    pub(crate) fn growth(&self) -> i64 {
        self.moves.iter().map(|(_, delta)| delta).sum()
    }

    /// By how much that moves which stood at `at`, at or behind the edits' ends.
    pub(crate) fn moved(&self, at: u64) -> i64 {
        self.moves.iter().filter(|(end, _)| *end <= at).map(|(_, delta)| delta).sum()
    }

    /// The bytes that an edit puts at exactly `from..to`, to change them further.
    pub(crate) fn bytes_mut(&mut self, from: u64, to: u64) -> Option<&mut Vec<u8>> {
        self.list.iter_mut().find(|edit| edit.from == from && edit.to == to).map(|edit| &mut edit.bytes)
    }

    fn patches(&self) -> Vec<Patch<'_>> {
        self.list.iter().map(|edit| Patch { from: edit.from, to: edit.to, bytes: &edit.bytes }).collect()
    }

    /// Puts the edits in their order; none may lie over another.
    fn sort(&mut self, source: &Source<'_>) -> Result<(), Error> {
        self.list.sort_by_key(|edit| (edit.from, edit.to));
        let mut done = 0;
        for edit in &self.list {
            if edit.from < done || edit.to < edit.from || edit.to > source.len() {
                return Err(source.damaged(edit.from, "two of its structures lie over each other"));
            }
            done = edit.to;
        }
        Ok(())
    }

    /// Copies the file to `out` with the edits made, when `read` finds one label in it then. In damaged files labels lie
    /// over each other and over structure: taking one out may show another, or make the file one that cannot be read.
    pub(crate) fn apply_read(
        mut self,
        source: &mut Source<'_>,
        out: &mut dyn Write,
        read: fn(&mut dyn Input) -> Result<Vec<Found>, Error>,
    ) -> Result<(), Error> {
        self.sort(source)?;
        match read(&mut Patched::new(source, self.patches())) {
            Ok(found) if found.len() == 1 => self.apply(source, out),
            _ => Err(source.damaged(0, "its labels cannot be told from what stands around them")),
        }
    }

    /// Copies the file to `out` with the edits made.
    pub(crate) fn apply(mut self, source: &mut Source<'_>, out: &mut dyn Write) -> Result<(), Error> {
        self.sort(source)?;
        let mut done = 0;
        for edit in &self.list {
            source.copy(done, edit.from, out)?;
            out.write_all(&edit.bytes)?;
            done = edit.to;
        }
        source.copy(done, source.len(), out)?;
        out.flush()?;
        Ok(())
    }
}

/// The labels of a file, and what takes them out.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// What was found.
    pub(crate) found: Vec<Found>,
    /// What takes it out, and puts the new label in.
    pub(crate) edits: Edits,
    held: usize,
}

impl Trace {
    /// Notes a label.
    pub(crate) fn note(
        &mut self,
        source: &Source<'_>,
        place: impl Into<String>,
        by_the_book: bool,
        value: String,
        offset: u64,
    ) -> Result<(), Error> {
        self.held = self.held.saturating_add(value.len());
        if self.found.len() >= MOST_PLACES || self.held > MOST_EDITED {
            return Err(source.too_much("it holds thousands of labels"));
        }
        self.found.push(Found { place: place.into(), by_the_book, value, offset: Some(offset) });
        Ok(())
    }

    /// What reading answers: what was found, also when the file is damaged further on; else why nothing was.
    pub(crate) fn answer(self, end: Result<(), Error>) -> Result<Vec<Found>, Error> {
        match end {
            Err(error) if self.found.is_empty() => Err(error),
            _ => Ok(self.found),
        }
    }
}

/// The big-endian or little-endian number of 1 to 8 bytes.
pub(crate) fn number(bytes: &[u8], little: bool) -> u64 {
    let fold = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
    if little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
}

/// `value` in `width` bytes, or nothing when it does not fit.
pub(crate) fn encode(value: u64, width: usize, little: bool) -> Option<Vec<u8>> {
    let all = value.to_be_bytes();
    let (high, low) = all.split_at(all.len().checked_sub(width)?);
    let mut low = low.to_vec();
    if little {
        low.reverse();
    }
    high.iter().all(|byte| *byte == 0).then_some(low)
}

#[cfg(test)]
pub(crate) mod trial;
