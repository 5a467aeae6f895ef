//! ZIP archives as packages are (APPNOTE.TXT 6.3.10; ISO/IEC 21320-1): the central directory is the truth, members that
//! do not change are copied with their compressed bytes, those that change are written anew.
//!
//! The `zip` crate cannot write to a stream without data descriptors in place of the sizes, and rewrites headers; here
//! every byte that is not about a changed member stays.

mod rewrite;

use std::io::Read;
use std::ops::Range;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::edit::{MOST_METADATA, Source};
use crate::Error;

const LOCAL: u32 = 0x0403_4B50;
const RECORD: u32 = 0x0201_4B50;
const DESCRIPTOR: u32 = 0x0807_4B50;
const END: u32 = 0x0605_4B50;
const END64: u32 = 0x0606_4B50;
const LOCATOR64: u32 = 0x0706_4B50;
/// The value that says "see the ZIP64 field".
const WIDE: u32 = u32::MAX;
/// Most members of an archive.
const MOST_MEMBERS: usize = 200_000;
/// Largest member that is read: only those with metadata are.
const MOST_MEMBER: u64 = 8 << 20;

/// One member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The name, `/` between its parts.
    pub name: String,
    /// Where its local header stands.
    pub at: u64,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// In the central directory.
    record: Range<usize>,
}

/// What a rewritten archive has otherwise.
#[derive(Debug)]
pub(crate) enum Change {
    /// Another content for a member.
    Replace(usize, Vec<u8>),
    /// One member more, at the end.
    Add(String, Vec<u8>),
}

/// An archive.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The members, in the order of the directory.
    pub members: Vec<Member>,
    /// Bytes before the first byte that offsets count from.
    base: u64,
    directory: Vec<u8>,
    directory_at: u64,
    /// From the end of the directory's records to the end of the file.
    tail: Vec<u8>,
    /// In the tail: the ZIP64 end record.
    end64: Option<usize>,
    /// In the tail: the end record.
    end: usize,
}

impl Archive {
    /// Reads the directory of an archive.
    pub(crate) fn open(source: &mut Source<'_>) -> Result<Self, Error> {
        let length = source.len();
        let window = length.min(22 + 65_535 + 20 + 56);
        let window_at = length - window;
        let last = source.part(window_at, window, "the end of the archive")?;
        let Some(end) = end_record(&last) else {
            return Err(source.damaged(length, "it has no end record of a ZIP archive: it is cut off or no such file"));
        };
        let end_at = window_at + end as u64;
        let short = |at| get16(&last, end + at).unwrap_or_default();
        let long = |at| get32(&last, end + at).unwrap_or_default();
        if ![short(4), short(6)].iter().all(|disk| *disk == 0 || *disk == u16::MAX) {
            return Err(source.unsupported("it is one of several volumes"));
        }
        let (mut count, mut size, mut offset) = (u64::from(short(10)), u64::from(long(12)), u64::from(long(16)));
        let mut records_end = end_at;
        let mut end64_at = None;
        let wide = short(10) == u16::MAX || long(12) == WIDE || long(16) == WIDE || short(8) == u16::MAX;
        if wide && let Some((at, record)) = end_record64(source, end_at)? {
            count = get64(&record, 32).unwrap_or_default();
            size = get64(&record, 40).unwrap_or_default();
            offset = get64(&record, 48).unwrap_or_default();
            records_end = at;
            end64_at = Some(at);
        }
        if count > MOST_MEMBERS as u64 {
            return Err(source.too_much(format!("it has {count} members; at most {MOST_MEMBERS} are read")));
        }
        let beyond = |source: &Source<'_>| source.damaged(end_at, "its directory does not stand where it says");
        let mut base = 0;
        let is_record = |bytes: [u8; 4]| u32::from_le_bytes(bytes) == RECORD;
        if count > 0 && !source.bytes::<4>(offset).is_ok_and(is_record) {
            // Something was put before the archive: offsets count from behind it.
            let begin = records_end.checked_sub(size).ok_or_else(|| beyond(source))?;
            base = begin.checked_sub(offset).ok_or_else(|| beyond(source))?;
        }
        let directory_at = base.checked_add(offset).ok_or_else(|| beyond(source))?;
        if directory_at.checked_add(size).is_none_or(|to| to > records_end) {
            return Err(beyond(source));
        }
        let directory = source.part(directory_at, size, "its directory")?;
        let tail_at = directory_at + size;
        let tail = source.part(tail_at, length - tail_at, "what follows its directory")?;
        let inside = |at: u64| usize::try_from(at - tail_at).unwrap_or(usize::MAX);
        let mut archive = Self {
            members: Vec::new(),
            base,
            directory,
            directory_at,
            tail,
            end64: end64_at.map(inside),
            end: inside(end_at),
        };
        archive.members = archive.records(source, usize::try_from(count).unwrap_or(MOST_MEMBERS))?;
        archive.check_places(source)?;
        Ok(archive)
    }

    /// The directory's records.
    fn records(&self, source: &Source<'_>, count: usize) -> Result<Vec<Member>, Error> {
        let mut members = Vec::with_capacity(count.min(4096));
        let mut at = 0_usize;
        let directory = self.directory.as_slice();
        let wrong = |at: usize, what: &str| source.damaged(self.directory_at + at as u64, what);
        while members.len() < count {
            let cut = || wrong(at, "its directory ends in the middle of a record");
            if get32(directory, at) != Some(RECORD) {
                return Err(wrong(at, "its directory has no record where one must be"));
            }
            let short = |skip| get16(directory, at + skip).ok_or_else(cut);
            let long = |skip| get32(directory, at + skip).ok_or_else(cut);
            let name_end = at + 46 + usize::from(short(28)?);
            let extra_end = name_end + usize::from(short(30)?);
            let end = extra_end + usize::from(short(32)?);
            let name = directory.get(at + 46..name_end).ok_or_else(cut)?;
            let extra = directory.get(name_end..extra_end).ok_or_else(cut)?;
            if end > directory.len() {
                return Err(cut());
            }
            let mut wide = extra_field(extra, 1).map(|range| extra.get(range).unwrap_or_default()).unwrap_or_default();
            let mut widened = |value: u32| -> Result<u64, Error> {
                if value != WIDE || wide.is_empty() {
                    return Ok(u64::from(value));
                }
                let value = get64(wide, 0).ok_or_else(|| wrong(at, "a ZIP64 field is too short"))?;
                wide = wide.get(8..).unwrap_or_default();
                Ok(value)
            };
            let size = widened(long(24)?)?;
            let packed = widened(long(20)?)?;
            let offset = widened(long(42)?)?;
            members.push(Member {
                name: String::from_utf8_lossy(name).replace('\\', "/"),
                at: self.base.checked_add(offset).ok_or_else(cut)?,
                flags: short(8)?,
                method: short(10)?,
                crc: long(16)?,
                packed,
                size,
                record: at..end,
            });
            at = end;
        }
        if at != directory.len() {
            return Err(wrong(at, "its directory is longer than its records"));
        }
        Ok(members)
    }

    /// No two members may lie over each other: that is how small archives unpack to endless ones, and how readers that
    /// go by the local headers are shown other members.
    fn check_places(&self, source: &Source<'_>) -> Result<(), Error> {
        let mut places: Vec<(u64, u64)> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let end = member.at.checked_add(30).and_then(|at| at.checked_add(member.packed));
            match end {
                Some(end) if end <= self.directory_at => places.push((member.at, end)),
                _ => {
                    return Err(
                        source.damaged(member.at, format!("its member {} goes beyond the members", member.name))
                    );
                }
            }
        }
        places.sort_unstable();
        for pair in places.windows(2) {
            if let [(_, end), (next, _)] = pair
                && end > next
            {
                return Err(source.damaged(*next, "two of its members lie over each other"));
            }
        }
        Ok(())
    }

    /// The member of a name; names of parts do not differ by case (ISO/IEC 29500-2 §6.2.2.3).
    pub(crate) fn find(&self, source: &Source<'_>, name: &str) -> Result<Option<usize>, Error> {
        let mut all = self.members.iter().enumerate().filter(|(_, member)| member.name.eq_ignore_ascii_case(name));
        let found = all.next().map(|(index, _)| index);
        match all.next() {
            // Which of the two a reader takes is its own affair: a label in one of them would be no label.
            Some((_, second)) => Err(source.damaged(second.at, format!("two of its members are called {name}"))),
            None => Ok(found),
        }
    }

    /// Where a member's compressed bytes stand, by its local header.
    fn data(&self, source: &mut Source<'_>, index: usize) -> Result<Range<u64>, Error> {
        let Some(member) = self.members.get(index) else { return Err(source.damaged(0, "a member is missing")) };
        let head = source.bytes::<30>(member.at)?;
        if get32(&head, 0) != Some(LOCAL) {
            return Err(source.damaged(member.at, format!("its member {} has no header", member.name)));
        }
        let name = u64::from(get16(&head, 26).unwrap_or_default());
        let extra = u64::from(get16(&head, 28).unwrap_or_default());
        let local = source.part(member.at + 30, name, "a name")?;
        let listed = self.directory.get(member.record.start + 46..).and_then(|rest| rest.get(..local.len()));
        if listed != Some(local.as_slice()) || local.len() != self.name_length(member) {
            let problem = format!("its member {} has another name in its own header", member.name);
            return Err(source.damaged(member.at, problem));
        }
        let from = member.at + 30 + name + extra;
        let to = from.checked_add(member.packed).filter(|to| *to <= self.next_place(member.at));
        match to {
            Some(to) => Ok(from..to),
            None => Err(source.damaged(member.at, format!("its member {} is longer than its room", member.name))),
        }
    }

    fn name_length(&self, member: &Member) -> usize {
        usize::from(get16(&self.directory, member.record.start + 28).unwrap_or_default())
    }

    /// Where the member behind that at `at` begins, or the directory.
    fn next_place(&self, at: u64) -> u64 {
        let behind = self.members.iter().map(|member| member.at).filter(|other| *other > at);
        behind.min().unwrap_or(self.directory_at).min(self.directory_at)
    }

    /// A member's content.
    pub(crate) fn read(&self, source: &mut Source<'_>, index: usize) -> Result<Vec<u8>, Error> {
        let data = self.data(source, index)?;
        let Some(member) = self.members.get(index) else { return Err(source.damaged(0, "a member is missing")) };
        let name = &member.name;
        if member.flags & 1 != 0 {
            return Err(source.unsupported(format!("its member {name} is encrypted; take the password off first")));
        }
        if member.size > MOST_MEMBER {
            let problem =
                format!("its member {name} would unpack to {} bytes; at most {MOST_MEMBER} are read", member.size);
            return Err(source.too_much(problem));
        }
        let packed = source.part(data.start, data.end - data.start, "a member")?;
        let content = match member.method {
            0 => packed,
            8 => {
                let mut content = Vec::new();
                // One byte more than it says shows whether it lies.
                let mut limited = DeflateDecoder::new(packed.as_slice()).take(member.size + 1);
                if let Err(error) = limited.read_to_end(&mut content) {
                    return Err(source.damaged(data.start, format!("its member {name} does not unpack: {error}")));
                }
                content
            }
            other => return Err(source.unsupported(format!("its member {name} is packed by method {other}"))),
        };
        if content.len() as u64 != member.size {
            return Err(source.damaged(data.start, format!("its member {name} is not as long as it says")));
        }
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() != member.crc {
            return Err(source.damaged(data.start, format!("the check sum of its member {name} is wrong")));
        }
        Ok(content)
    }
}

/// Where the data of an extra field stand in the extra fields.
fn extra_field(extra: &[u8], id: u16) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let found = get16(extra, at)?;
        let length = usize::from(get16(extra, at + 2)?);
        if found == id {
            return (at + 4 + length <= extra.len()).then_some(at + 4..at + 4 + length);
        }
        at += 4 + length;
    }
}

/// The end record: that whose comment ends with the file, else the last whose comment ends before.
fn end_record(last: &[u8]) -> Option<usize> {
    let mark = END.to_le_bytes();
    let mut fallback = None;
    for at in memchr::memmem::rfind_iter(last, &mark).take(1024) {
        let Some(comment) = get16(last, at + 20) else { continue };
        match (at + 22 + usize::from(comment)).cmp(&last.len()) {
            std::cmp::Ordering::Equal => return Some(at),
            std::cmp::Ordering::Less if fallback.is_none() => fallback = Some(at),
            _ => {}
        }
    }
    fallback
}

/// The ZIP64 end record and its place, found by its locator before the end record.
fn end_record64(source: &mut Source<'_>, end_at: u64) -> Result<Option<(u64, Vec<u8>)>, Error> {
    let Some(locator_at) = end_at.checked_sub(20) else { return Ok(None) };
    let locator = source.bytes::<20>(locator_at)?;
    if get32(&locator, 0) != Some(LOCATOR64) {
        return Ok(None);
    }
    // Where something was put before the archive, the record still stands right before its locator.
    let told = get64(&locator, 8).unwrap_or_default();
    for at in [told, locator_at.saturating_sub(56)] {
        if at.checked_add(56).is_some_and(|to| to <= locator_at)
            && u32::from_le_bytes(source.bytes::<4>(at)?) == END64
            && locator_at - at <= MOST_METADATA
        {
            return Ok(Some((at, source.part(at, 56, "the end of the archive")?)));
        }
    }
    Err(source.damaged(locator_at, "its ZIP64 end record does not stand where it says"))
}

fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn get32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn get64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + new.len()) {
        place.copy_from_slice(new);
    }
}

#[cfg(test)]
mod tests;

/// Packages for the tests of the formats.
#[cfg(test)]
pub(crate) mod trial {
    use std::io::{Cursor, Read, Write};

    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipArchive, ZipWriter};

    /// A package of these parts; the first is not compressed.
    pub(crate) fn packed(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (index, (name, text)) in parts.iter().enumerate() {
            let method = if index == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// A part's text.
    pub(crate) fn part(bytes: &[u8], name: &str) -> String {
        let mut text = String::new();
        ZipArchive::new(Cursor::new(bytes)).unwrap().by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }
}
