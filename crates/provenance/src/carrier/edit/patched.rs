//! A file as it will be with its edits made, before anything is written.

use std::io::{Read, Result, Seek, SeekFrom};

use crate::Error;

/// A file that is read at places.
pub(crate) trait Pieces {
    /// Its length.
    fn length(&self) -> u64;
    /// What stands at `at`: at least a byte where the file has one, at most what is wanted or held.
    ///
    /// # Errors
    /// When reading fails.
    fn piece(&mut self, at: u64, wanted: usize) -> std::result::Result<&[u8], Error>;
}

/// What stands in the new file in the place of a range of the old one.
pub(crate) struct Patch<'a> {
    /// Where the range begins and ends.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// What stands there.
    pub(crate) bytes: &'a [u8],
}

/// Where a run of bytes of the new file comes from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// The old file, at this place.
    Old(u64),
    /// The bytes of this edit.
    Edit(usize),
}

/// The new file. It is put together while it is read, so it takes no more memory than its edits.
pub(crate) struct Patched<'a, S> {
    source: &'a mut S,
    edits: Vec<Patch<'a>>,
    /// Where runs begin in the new file, in order, and where they come from.
    runs: Vec<(u64, From)>,
    len: u64,
    at: u64,
}

impl<'a, S: Pieces> Patched<'a, S> {
    /// The file with edits that are in order and do not lie over each other.
    pub(crate) fn new(source: &'a mut S, edits: Vec<Patch<'a>>) -> Self {
        let mut runs = Vec::with_capacity(2 * edits.len() + 1);
        let (mut old, mut len) = (0, 0);
        for (index, edit) in edits.iter().enumerate() {
            if edit.from > old {
                runs.push((len, From::Old(old)));
                len += edit.from - old;
            }
            if !edit.bytes.is_empty() {
                runs.push((len, From::Edit(index)));
                len += edit.bytes.len() as u64;
            }
            old = edit.to;
        }
        if source.length() > old {
            runs.push((len, From::Old(old)));
            len += source.length() - old;
        }
        Self { source, edits, runs, len, at: 0 }
    }
}

impl<S: Pieces> Read for Patched<'_, S> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        let next = self.runs.partition_point(|(begin, _)| *begin <= self.at);
        let end = self.runs.get(next).map_or(self.len, |(begin, _)| *begin);
        let Some((begin, from)) = next.checked_sub(1).and_then(|run| self.runs.get(run)).copied() else { return Ok(0) };
        let left = usize::try_from(end.saturating_sub(self.at)).unwrap_or(usize::MAX).min(to.len());
        let skip = self.at - begin;
        let found = match from {
            From::Old(old) => self.source.piece(old + skip, left).map_err(std::io::Error::other)?,
            From::Edit(index) => {
                let bytes = self.edits.get(index).map_or(&[][..], |edit| edit.bytes);
                bytes.get(usize::try_from(skip).unwrap_or(usize::MAX)..).unwrap_or_default()
            }
        };
        let count = left.min(found.len());
        if let (Some(to), Some(found)) = (to.get_mut(..count), found.get(..count)) {
            to.copy_from_slice(found);
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<S> Seek for Patched<'_, S> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::{Edits, Source};
    use super::*;

    proptest! {
        #[test]
        fn it_reads_as_what_is_written(
            old in proptest::collection::vec(any::<u8>(), 0..60),
            places in proptest::collection::vec((0_u64..60, 0_u64..9, proptest::collection::vec(any::<u8>(), 0..9)), 0..5),
            from in 0_u64..90,
        ) {
            let mut file = Cursor::new(old);
            let mut source = Source::new(&mut file, "test").unwrap();
            let mut edits = Edits::default();
            for (at, length, bytes) in places {
                edits.put(&source, at, at + length, bytes).unwrap();
            }
            edits.list.sort_by_key(|edit| (edit.from, edit.to));
            let mut done = 0;
            let sound = edits.list.iter().all(|edit| {
                let apart = edit.from >= done && edit.to <= source.len();
                done = edit.to;
                apart
            });
            prop_assume!(sound);
            let mut read = Vec::new();
            let mut patched = Patched::new(&mut source, edits.patches());
            patched.seek(SeekFrom::Start(from)).unwrap();
            patched.read_to_end(&mut read).unwrap();
            let mut written = Vec::new();
            edits.apply(&mut source, &mut written).unwrap();
            let from = usize::try_from(from).unwrap().min(written.len());
            prop_assert_eq!(read, &written[from..]);
        }
    }
}
