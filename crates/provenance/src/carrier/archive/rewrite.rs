//! Archives written anew: changed members, new members, and a directory that says where all of them stand now.

use std::io::Write;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::super::edit::{Edits, Source};
use super::{
    Archive, Change, DESCRIPTOR, END64, LOCAL, LOCATOR64, Member, RECORD, WIDE, extra_field, get16, get32, put,
};
use crate::Error;

/// 1 January 1980, as office programs write it.
const FIRST_DAY: u16 = 0x0021;

impl Archive {
    /// Copies the archive with changes.
    pub(crate) fn rewrite(
        &self,
        source: &mut Source<'_>,
        changes: &[Change],
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let mut edits = Edits::default();
        let mut replaced: Vec<(usize, Packed)> = Vec::new();
        let mut added: Vec<(&str, Packed)> = Vec::new();
        for change in changes {
            match change {
                Change::Replace(index, content) => {
                    let data = self.data(source, *index)?;
                    let Some(member) = self.members.get(*index) else { continue };
                    let packed = pack(content)?;
                    let record = self.directory.get(member.record.clone()).unwrap_or_default();
                    let name = record.get(46..46 + self.name_length(member)).unwrap_or_default();
                    let stamp = record.get(12..16).unwrap_or_default();
                    let bytes = packed.local(member.flags & 0x0800, stamp, name);
                    let end = self.end_of(source, member, data.end)?;
                    edits.put(source, member.at, end, bytes)?;
                    replaced.push((*index, packed));
                }
                Change::Add(name, content) => added.push((name, pack(content)?)),
            }
        }
        let mut directory = Vec::with_capacity(self.directory.len() + 256);
        for (index, member) in self.members.iter().enumerate() {
            let mut record = self.directory.get(member.record.clone()).unwrap_or_default().to_vec();
            let packed = replaced.iter().find(|(changed, _)| *changed == index).map(|(_, packed)| packed);
            if let Some(packed) = packed {
                packed.describe(&mut record, member.flags & 0x0800);
            }
            let offset = member.at.checked_add_signed(edits.moved(member.at)).and_then(|at| at.checked_sub(self.base));
            let Some(offset) = offset else { return Err(source.damaged(member.at, "its members cannot be moved")) };
            if !set_offset(&mut record, offset) {
                return Err(source.unsupported("a directory record has no room for a ZIP64 field"));
            }
            directory.extend_from_slice(&record);
        }
        let mut last = Vec::new();
        let begin = self.directory_at.saturating_add_signed(edits.growth()).saturating_sub(self.base);
        for (name, packed) in &added {
            let at = begin + last.len() as u64;
            let flags = if name.is_ascii() { 0 } else { 0x0800 };
            let [day, month] = FIRST_DAY.to_le_bytes();
            last.extend_from_slice(&packed.local(flags, &[0, 0, day, month], name.as_bytes()));
            let mut record = new_record(name);
            packed.describe(&mut record, flags);
            set_offset(&mut record, at);
            directory.extend_from_slice(&record);
        }
        let offset = begin + last.len() as u64;
        let size = directory.len() as u64;
        last.append(&mut directory);
        last.extend_from_slice(&self.new_tail((self.members.len() + added.len()) as u64, size, offset));
        edits.put(source, self.directory_at, source.len(), last)?;
        edits.apply(source, out)
    }

    /// Where a member ends: behind its data descriptor, where it has one.
    fn end_of(&self, source: &mut Source<'_>, member: &Member, end: u64) -> Result<u64, Error> {
        let gap = self.next_place(member.at).saturating_sub(end);
        if member.flags & 8 == 0 || gap == 0 {
            return Ok(end);
        }
        let signed = gap >= 16 && u32::from_le_bytes(source.bytes::<4>(end)?) == DESCRIPTOR;
        let length = match gap {
            24.. if signed && gap == 24 => 24,
            16.. if signed => 16,
            20 => 20,
            12.. => 12,
            _ => 0,
        };
        Ok(end + length)
    }

    /// What follows the records, with their new number, size and place.
    fn new_tail(&self, count: u64, size: u64, offset: u64) -> Vec<u8> {
        let mut end = self.tail.get(self.end..).unwrap_or_default().to_vec();
        let narrow = |value: u64| u32::try_from(value).unwrap_or(WIDE);
        let short = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
        put(&mut end, 8, &short);
        put(&mut end, 10, &short);
        put(&mut end, 12, &narrow(size).to_le_bytes());
        put(&mut end, 16, &narrow(offset).to_le_bytes());
        let needed = narrow(offset) == WIDE || narrow(size) == WIDE || count >= u64::from(u16::MAX);
        let (head, mut record) = match self.end64 {
            Some(at) => {
                // The locator's 20 bytes are written anew.
                let record = self.tail.get(at..self.end.saturating_sub(20)).unwrap_or_default();
                (self.tail.get(..at).unwrap_or_default(), record.to_vec())
            }
            None if needed => {
                let mut record = END64.to_le_bytes().to_vec();
                record.extend_from_slice(&44_u64.to_le_bytes());
                record.extend_from_slice(&[45, 0, 45, 0]);
                record.resize(56, 0);
                (self.tail.get(..self.end).unwrap_or_default(), record)
            }
            None => (self.tail.get(..self.end).unwrap_or_default(), Vec::new()),
        };
        let mut tail = head.to_vec();
        if !record.is_empty() {
            for (at, value) in [(24, count), (32, count), (40, size), (48, offset)] {
                put(&mut record, at, &value.to_le_bytes());
            }
            let at = offset + size + tail.len() as u64;
            tail.append(&mut record);
            tail.extend_from_slice(&LOCATOR64.to_le_bytes());
            tail.extend_from_slice(&0_u32.to_le_bytes());
            tail.extend_from_slice(&at.to_le_bytes());
            tail.extend_from_slice(&1_u32.to_le_bytes());
        }
        tail.append(&mut end);
        tail
    }
}

/// A member's new content, compressed.
#[derive(Debug)]
struct Packed {
    bytes: Vec<u8>,
    crc: u32,
    size: u32,
}

fn pack(content: &[u8]) -> Result<Packed, Error> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content)?;
    let mut crc = Crc::new();
    crc.update(content);
    Ok(Packed { bytes: encoder.finish()?, crc: crc.sum(), size: u32::try_from(content.len()).unwrap_or(WIDE) })
}

impl Packed {
    /// The local header and the content.
    fn local(&self, flags: u16, stamp: &[u8], name: &[u8]) -> Vec<u8> {
        let mut bytes = LOCAL.to_le_bytes().to_vec();
        bytes.extend_from_slice(&20_u16.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&8_u16.to_le_bytes());
        bytes.extend_from_slice(stamp.get(..4).unwrap_or(&[0; 4]));
        bytes.extend_from_slice(&self.sizes());
        bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&self.bytes);
        bytes
    }

    /// The check sum and both sizes.
    fn sizes(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        put(&mut bytes, 0, &self.crc.to_le_bytes());
        put(&mut bytes, 4, &u32::try_from(self.bytes.len()).unwrap_or(WIDE).to_le_bytes());
        put(&mut bytes, 8, &self.size.to_le_bytes());
        bytes
    }

    /// Writes flags, method, check sum and sizes into a record of the directory.
    fn describe(&self, record: &mut Vec<u8>, flags: u16) {
        // Sizes of a ZIP64 field would be read in place of the new ones only where these are full: drop them.
        let name = usize::from(get16(record, 28).unwrap_or_default());
        let was_wide = |at| get32(record, at) == Some(WIDE);
        let gone = 8 * (usize::from(was_wide(24)) + usize::from(was_wide(20)));
        let extra_at = 46 + name;
        let extra = usize::from(get16(record, 30).unwrap_or_default());
        let field = record.get(extra_at..extra_at + extra).and_then(|extra| extra_field(extra, 1));
        if let Some(field) = field.filter(|_| gone > 0) {
            let from = extra_at + field.start;
            let to = from + gone.min(field.len());
            put(record, from - 2, &u16::try_from(field.len() - (to - from)).unwrap_or_default().to_le_bytes());
            record.drain(from..to);
            put(record, 30, &u16::try_from(extra - (to - from)).unwrap_or_default().to_le_bytes());
        }
        put(record, 8, &flags.to_le_bytes());
        put(record, 10, &8_u16.to_le_bytes());
        put(record, 16, &self.sizes());
    }
}

pub(super) fn new_record(name: &str) -> Vec<u8> {
    let mut record = RECORD.to_le_bytes().to_vec();
    record.resize(46, 0);
    put(&mut record, 4, &20_u16.to_le_bytes());
    put(&mut record, 6, &20_u16.to_le_bytes());
    put(&mut record, 14, &FIRST_DAY.to_le_bytes());
    put(&mut record, 28, &u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
    record.extend_from_slice(name.as_bytes());
    record
}

/// Writes a member's place into its record: in 32 bits where it fits and stood so, else in the ZIP64 field.
pub(super) fn set_offset(record: &mut Vec<u8>, offset: u64) -> bool {
    let name = usize::from(get16(record, 28).unwrap_or_default());
    let length = usize::from(get16(record, 30).unwrap_or_default());
    let extra_at = 46 + name;
    let field = record.get(extra_at..extra_at + length).and_then(|extra| extra_field(extra, 1));
    if (get32(record, 42) != Some(WIDE) || field.is_none())
        && let Some(narrow) = u32::try_from(offset).ok().filter(|narrow| *narrow != WIDE)
    {
        put(record, 42, &narrow.to_le_bytes());
        return true;
    }
    let before = 8 * [24, 20].iter().filter(|at| get32(record, **at) == Some(WIDE)).count();
    let grown = match field {
        Some(field) if field.len() >= before + 8 => {
            put(record, extra_at + field.start + before, &offset.to_le_bytes());
            0
        }
        Some(field) => {
            let at = extra_at + field.start + before.min(field.len());
            record.splice(at..at, offset.to_le_bytes());
            put(record, extra_at + field.start - 2, &u16::try_from(field.len() + 8).unwrap_or_default().to_le_bytes());
            8
        }
        None => {
            let mut new = vec![1, 0, 8, 0];
            new.extend_from_slice(&offset.to_le_bytes());
            record.splice(extra_at..extra_at, new);
            12
        }
    };
    let Ok(total) = u16::try_from(length + grown) else { return false };
    put(record, 30, &total.to_le_bytes());
    put(record, 42, &WIDE.to_le_bytes());
    true
}
