//! Shared by the carriers of audio and video: reading at places, pieces of a rewritten file, what counts as a label.

use std::io::{SeekFrom, Write};

use super::edit::patched::{Patch, Patched, Pieces};
use super::{Found, Input};
use crate::Error;

/// The name of the label in every format (GB 45438-2025 §6.1 and Annex E: the field's name contains `AIGC`).
pub(crate) const KEY: &str = "AIGC";
/// The longest label that is written. Annex E values are some hundred bytes, signatures in them some thousand.
const LONGEST_LABEL: usize = 64 << 10;
/// How much is read ahead at places.
const WINDOW: usize = 4096;
/// How much is given at once of a file that is read again with its edits.
const COPIED: usize = 64 << 10;
/// How much is copied at once.
const COPY: u64 = 1 << 20;

/// Most labels of one file: a sound one has one.
pub(crate) const MOST_LABELS: usize = 1_000;
/// Most bytes of all labels of one file together.
const MOST_LABELLED: usize = 16 << 20;

/// Refuses a file with more labels than any has: a hostile one may be nothing but labels, and they are held in memory.
pub(crate) fn few(source: &Source<'_>, found: &[Found]) -> Result<(), Error> {
    let bytes = || found.iter().map(|one| one.value.len() + one.place.len()).sum::<usize>();
    if found.len() > MOST_LABELS || bytes() > MOST_LABELLED {
        return Err(source.too_much(format!("more than {MOST_LABELS} labels, or {MOST_LABELLED} bytes of them")));
    }
    Ok(())
}

/// A value that can be written: not empty and not beyond all measure.
pub(crate) fn checked(value: &str) -> Result<&str, Error> {
    if value.trim().is_empty() {
        return Err(Error::Label("it is empty".into()));
    }
    if value.len() > LONGEST_LABEL {
        return Err(Error::Label(format!("it has {} bytes, and at most {LONGEST_LABEL} are written", value.len())));
    }
    if value.contains('\0') {
        return Err(Error::Label("it holds a NUL character".into()));
    }
    Ok(value)
}

/// Whether an entry of metadata is a label: by its name, or by the members of Annex E in a value that looks like JSON.
pub(crate) fn is_label(key: &str, value: &str) -> bool {
    key.trim_matches(['\0', ' ']).eq_ignore_ascii_case(KEY) || has_members(value)
}

/// Whether a value is JSON (or JSON in a JSON string, or `AIGC{…}`) with a member that only labels have (§2.6 of the
/// house's reading: generic places count only with a known member).
pub(crate) fn has_members(value: &str) -> bool {
    let start = value.trim_start_matches(['\0', ' ', '\r', '\n', '\t', '\u{feff}']);
    let start = start.strip_prefix(KEY).unwrap_or(start).trim_start_matches([':', '=', ' ']);
    let start = start.strip_prefix('"').unwrap_or(start);
    start.starts_with('{')
        && ["ContentProducer", "ProduceID", "ContentPropagator", "PropagateID", "ReservedCode1", "ReservedCode2"]
            .iter()
            .any(|member| start.contains(member))
}

/// Text as read from a file, without the NUL characters that end it.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

/// The first `N` bytes at a place of a slice.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// A big-endian number of 32 bits in a slice.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// A little-endian number of 32 bits in a slice.
pub(crate) fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// CRC-32 of ISO 3309, as ID3v2 and EBML have it; goes on from the value for what came before (0 at first).
pub(crate) fn crc32(before: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut value = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!before, |crc, byte| TABLE[usize::from((crc as u8) ^ byte)] ^ (crc >> 8))
}

/// A file read at places, with a small window so that headers do not cost a call each.
pub(crate) struct Source<'a> {
    input: &'a mut dyn Input,
    format: &'static str,
    len: u64,
    window: Vec<u8>,
    start: u64,
}

impl<'a> Source<'a> {
    pub(crate) fn new(input: &'a mut dyn Input, format: &'static str) -> Result<Self, Error> {
        let len = input.seek(SeekFrom::End(0))?;
        Ok(Self { input, format, len, window: Vec::new(), start: 0 })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn damaged(&self, at: u64, problem: impl Into<String>) -> Error {
        Error::Damaged { format: self.format, at, problem: problem.into() }
    }

    pub(crate) fn unsupported(&self, problem: impl Into<String>) -> Error {
        Error::Unsupported { format: self.format, problem: problem.into() }
    }

    pub(crate) fn too_much(&self, problem: impl Into<String>) -> Error {
        Error::TooMuch { format: self.format, problem: problem.into() }
    }

    /// A range of the file that must be there.
    fn within(&self, at: u64, len: u64) -> Result<(), Error> {
        match at.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(self.damaged(at, format!("{len} bytes are needed here, and the file ends at {}", self.len))),
        }
    }

    /// Up to 4 KiB at a place.
    pub(crate) fn bytes(&mut self, at: u64, len: usize) -> Result<&[u8], Error> {
        self.within(at, len as u64)?;
        let inside = at.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        let offset = match inside {
            Some(offset) if offset.saturating_add(len) <= self.window.len() => offset,
            _ => {
                let wanted = (self.len - at).min(WINDOW.max(len) as u64);
                self.input.seek(SeekFrom::Start(at))?;
                self.window.resize(usize::try_from(wanted).unwrap_or(WINDOW), 0);
                self.start = u64::MAX;
                self.input.read_exact(&mut self.window)?;
                self.start = at;
                0
            }
        };
        self.window
            .get(offset..offset + len)
            .ok_or_else(|| Error::TooMuch { format: self.format, problem: format!("{len} bytes at once") })
    }

    pub(crate) fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(at, N)?);
        Ok(array)
    }

    /// As many bytes as there are, up to `len`.
    pub(crate) fn head(&mut self, at: u64, len: usize) -> Result<&[u8], Error> {
        let len = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX).min(len);
        self.bytes(at, len)
    }

    /// A range in memory, no longer than `limit`.
    pub(crate) fn vec(&mut self, at: u64, len: u64, limit: u64) -> Result<Vec<u8>, Error> {
        self.within(at, len)?;
        if len > limit {
            return Err(self.too_much(format!("{len} bytes of metadata at byte {at}, and at most {limit} are read")));
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| self.too_much("metadata beyond this machine"))?];
        self.input.seek(SeekFrom::Start(at))?;
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Copies a range to the output.
    pub(crate) fn copy(&mut self, at: u64, len: u64, out: &mut dyn Write) -> Result<(), Error> {
        self.within(at, len)?;
        self.input.seek(SeekFrom::Start(at))?;
        let mut buffer = vec![0; usize::try_from(len.min(COPY)).unwrap_or(WINDOW)];
        let mut left = len;
        while left > 0 {
            let now = usize::try_from(left.min(COPY)).unwrap_or(WINDOW);
            let part = buffer.get_mut(..now).unwrap_or_default();
            self.input.read_exact(part)?;
            out.write_all(part)?;
            left -= now as u64;
        }
        Ok(())
    }
}

/// A range of the old file that the new file has otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Where it begins in the old file.
    pub at: u64,
    /// How long it was.
    pub old: u64,
    /// What stands there now.
    pub new: Vec<u8>,
}

impl Pieces for Source<'_> {
    fn length(&self) -> u64 {
        self.len
    }

    fn piece(&mut self, at: u64, wanted: usize) -> Result<&[u8], Error> {
        self.head(at, wanted.min(COPIED))
    }
}

/// Writes the old file with its edits, which are put in order first, when `read` finds one label in it then: in damaged
/// files what is taken out may have held other things in their places. No two edits may overlap.
pub(crate) fn apply(
    source: &mut Source<'_>,
    out: &mut dyn Write,
    edits: Vec<Edit>,
    read: fn(&mut dyn Input) -> Result<Vec<Found>, Error>,
) -> Result<(), Error> {
    let edits = in_order(source, edits)?;
    let patches = edits.iter().map(|edit| Patch { from: edit.at, to: edit.at + edit.old, bytes: &edit.new }).collect();
    match read(&mut Patched::new(source, patches)) {
        Ok(found) if found.len() == 1 => {}
        _ => return Err(source.damaged(0, "its labels cannot be told from what stands around them")),
    }
    copy(source, out, edits)
}

/// The same for edits of content: how many labels the file has is not asked.
pub(crate) fn rewrite(source: &mut Source<'_>, out: &mut dyn Write, edits: Vec<Edit>) -> Result<(), Error> {
    let edits = in_order(source, edits)?;
    copy(source, out, edits)
}

fn in_order(source: &Source<'_>, mut edits: Vec<Edit>) -> Result<Vec<Edit>, Error> {
    // Insertions stand before what is replaced at the same place.
    edits.sort_by_key(|edit| (edit.at, edit.old));
    let mut at = 0;
    for edit in &edits {
        let end = edit.at.checked_add(edit.old).filter(|end| *end <= source.len);
        match (edit.at.checked_sub(at), end) {
            (Some(_), Some(end)) => at = end,
            _ => return Err(source.damaged(edit.at, "metadata overlaps here")),
        }
    }
    Ok(edits)
}

fn copy(source: &mut Source<'_>, out: &mut dyn Write, edits: Vec<Edit>) -> Result<(), Error> {
    let mut at = 0;
    for edit in edits {
        source.copy(at, edit.at - at, out)?;
        out.write_all(&edit.new)?;
        at = edit.at + edit.old;
    }
    source.copy(at, source.len - at, out)
}

#[cfg(test)]
pub(crate) mod check;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_label_is_known_by_its_name_or_its_members() {
        assert!(is_label("AIGC", "anything"));
        assert!(is_label("aigc\0", ""));
        assert!(is_label("comment", r#"{"Label":"1","ContentProducer":"x"}"#));
        assert!(is_label("comment", r#"AIGC{"ContentProducer":"x"}"#));
        assert!(is_label("comment", r#""{\"Label\":\"1\",\"ProduceID\":\"x\"}""#));
        assert!(!is_label("comment", r#"{"Label":"1"}"#));
        assert!(!is_label("comment", "what ContentProducer means"));
        assert!(!is_label("MyAIGCNotes", "words"));
    }

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc32(0, b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(crc32(0, b"1234"), b"56789"), 0xCBF4_3926);
    }

    #[test]
    fn edits_replace_ranges_and_keep_the_rest() {
        let mut file = Cursor::new(b"0123456789".to_vec());
        let mut source = Source::new(&mut file, "test").unwrap();
        let mut out = Vec::new();
        let edits = vec![
            Edit { at: 8, old: 2, new: Vec::new() },
            Edit { at: 2, old: 1, new: b"two".to_vec() },
            Edit { at: 5, old: 0, new: b"-".to_vec() },
        ];
        let one: fn(&mut dyn Input) -> Result<Vec<Found>, Error> = |input| {
            let mut value = String::new();
            input.read_to_string(&mut value)?;
            Ok(vec![Found { place: "test".into(), by_the_book: true, value, offset: None }])
        };
        apply(&mut source, &mut out, edits, one).unwrap();
        assert_eq!(out, b"01two34-567");
        let edits = vec![Edit { at: 2, old: 3, new: Vec::new() }, Edit { at: 4, old: 1, new: Vec::new() }];
        assert!(apply(&mut source, &mut Vec::new(), edits, one).is_err());
        let none: fn(&mut dyn Input) -> Result<Vec<Found>, Error> = |_| Ok(Vec::new());
        let mut out = Vec::new();
        assert!(apply(&mut source, &mut out, Vec::new(), none).is_err());
        assert!(out.is_empty());
        assert!(source.bytes(9, 2).is_err());
        assert!(source.bytes(u64::MAX, 2).is_err());
        assert!(source.vec(0, 10, 5).is_err());
    }
}
