use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::rewrite::{new_record, set_offset};
use super::*;

/// An archive by the `zip` crate.
fn packed(members: &[(&str, &[u8], CompressionMethod)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, method) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(*method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.set_comment("a comment").unwrap();
    writer.finish().unwrap().into_inner()
}

/// An archive as streaming programs write it: with data descriptors.
fn streamed(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, content) in members {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn rewritten(bytes: &[u8], changes: impl Fn(&Archive) -> Vec<Change>) -> Result<Vec<u8>, Error> {
    let mut file = Cursor::new(bytes);
    let mut source = Source::new(&mut file, "test")?;
    let archive = Archive::open(&mut source)?;
    let mut out = Vec::new();
    archive.rewrite(&mut source, &changes(&archive), &mut out)?;
    Ok(out)
}

fn contents(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            (member.name().unwrap().into_owned(), content)
        })
        .collect()
}

const LONG: &[u8] = &[b'x'; 100_000];

fn owned(members: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    members.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
}

#[test]
fn members_are_replaced_and_added() {
    let methods = (CompressionMethod::Stored, CompressionMethod::Deflated);
    let plain = packed(&[("a", b"one", methods.0), ("b/c.xml", LONG, methods.1), ("\u{4E2D}", b"three", methods.1)]);
    let stream = streamed(&[("a", b"one"), ("b/c.xml", LONG), ("\u{4E2D}", b"three")]);
    let prefixed = [b"something before ".as_slice(), &plain].concat();
    let trailing = [plain.as_slice(), &[0; 30]].concat();
    for old in [plain, stream, prefixed, trailing] {
        for changed in 0..3 {
            let new = rewritten(&old, |archive| {
                assert_eq!(archive.members.len(), 3);
                vec![Change::Replace(changed, b"new".to_vec()), Change::Add("d".to_owned(), LONG.to_vec())]
            })
            .unwrap();
            let mut expected = owned(&[("a", b"one"), ("b/c.xml", LONG), ("\u{4E2D}", b"three"), ("d", LONG)]);
            expected[changed].1 = b"new".to_vec();
            let trimmed = &new[..new.len() - if old.ends_with(&[0; 30]) { 30 } else { 0 }];
            assert_eq!(contents(trimmed), expected);
            // And by our own reader.
            let mut file = Cursor::new(new.as_slice());
            let mut source = Source::new(&mut file, "test").unwrap();
            let archive = Archive::open(&mut source).unwrap();
            for (index, (name, content)) in expected.iter().enumerate() {
                assert_eq!(archive.find(&source, name).unwrap(), Some(index));
                assert_eq!(archive.read(&mut source, index).unwrap(), *content);
            }
        }
        assert_eq!(rewritten(&old, |_| Vec::new()).unwrap(), old);
    }
}

/// The ZIP64 fields as large archives have them, in a small one.
fn wide() -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["a", "b"] {
        writer.start_file(name, SimpleFileOptions::default().large_file(true)).unwrap();
        writer.write_all(name.as_bytes()).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    let end = bytes.len() - 22;
    let (count, size, offset) =
        (get16(&bytes, end + 10).unwrap(), get32(&bytes, end + 12).unwrap(), get32(&bytes, end + 16).unwrap());
    let tail = bytes.split_off(end);
    let at = bytes.len() as u64;
    bytes.extend_from_slice(&END64.to_le_bytes());
    bytes.extend_from_slice(&44_u64.to_le_bytes());
    bytes.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [u64::from(count), u64::from(count), u64::from(size), u64::from(offset)] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.extend_from_slice(&LOCATOR64.to_le_bytes());
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&1_u32.to_le_bytes());
    bytes.extend_from_slice(&tail);
    put(&mut bytes, at as usize + 56 + 20 + 12, &WIDE.to_le_bytes());
    put(&mut bytes, at as usize + 56 + 20 + 16, &WIDE.to_le_bytes());
    bytes
}

#[test]
fn wide_archives_stay_wide() {
    let old = wide();
    assert_eq!(contents(&old), owned(&[("a", b"a"), ("b", b"b")]));
    let new = rewritten(&old, |_| vec![Change::Replace(0, LONG.to_vec()), Change::Add("c".to_owned(), b"c".to_vec())]);
    let new = new.unwrap();
    assert_eq!(contents(&new), owned(&[("a", LONG), ("b", b"b"), ("c", b"c")]));
    assert!(memchr::memmem::find(&new, &END64.to_le_bytes()).is_some());
}

#[test]
fn offsets_beyond_four_gigabytes_get_their_field() {
    for extra in [vec![], vec![9, 0, 2, 0, 7, 7], vec![1, 0, 0, 0]] {
        let mut record = new_record("name");
        put(&mut record, 30, &(extra.len() as u16).to_le_bytes());
        record.extend_from_slice(&extra);
        assert!(set_offset(&mut record, 5 << 30));
        assert_eq!(get32(&record, 42), Some(WIDE));
        let field = extra_field(&record[50..], 1).unwrap();
        assert_eq!(get64(&record[50..], field.start), Some(5 << 30));
        assert_eq!(usize::from(get16(&record, 30).unwrap()), record.len() - 50);
        assert!(set_offset(&mut record, 7));
        assert_eq!(get64(&record[50..], extra_field(&record[50..], 1).unwrap().start), Some(7));
    }
}

#[test]
fn lies_are_refused() {
    let sound = packed(&[("a", LONG, CompressionMethod::Deflated), ("b", b"two", CompressionMethod::Stored)]);
    let read = |bytes: &[u8], index: usize| -> Result<Vec<u8>, Error> {
        let mut file = Cursor::new(bytes.to_vec());
        let mut source = Source::new(&mut file, "test")?;
        Archive::open(&mut source)?.read(&mut source, index)
    };
    let record = memchr::memmem::find(&sound, &RECORD.to_le_bytes()).unwrap();
    let mut changed = sound.clone();
    // It says that it unpacks to less than it does, to more, to far more.
    for (size, kind) in [(10_u32, "not as long"), (200_000, "not as long"), (3 << 30, "would unpack")] {
        put(&mut changed, record + 24, &size.to_le_bytes());
        assert!(read(&changed, 0).unwrap_err().to_string().contains(kind));
    }
    let mut changed = sound.clone();
    changed[record + 16] ^= 1;
    assert!(read(&changed, 0).unwrap_err().to_string().contains("check sum"));
    let mut changed = sound.clone();
    changed[30] = b'z';
    assert!(read(&changed, 0).unwrap_err().to_string().contains("another name"));
    let mut changed = sound.clone();
    changed[record + 8] |= 1;
    assert!(read(&changed, 0).unwrap_err().to_string().contains("encrypted"));
    // The second member lies in the first.
    let mut changed = sound.clone();
    let second = record + 47;
    put(&mut changed, second + 42, &5_u32.to_le_bytes());
    assert!(read(&changed, 0).unwrap_err().to_string().contains("over each other"));
    for cut in [1, 9, 22, 40, sound.len() - 3, sound.len()] {
        assert!(read(&sound[..sound.len() - cut], 0).is_err(), "{cut}");
    }
    let twice = [sound.as_slice(), &sound].concat();
    assert_eq!(read(&twice, 1).unwrap(), b"two");
}

#[test]
fn a_name_stands_once() {
    let bytes = packed(&[("A", b"1", CompressionMethod::Stored), ("a", b"2", CompressionMethod::Stored)]);
    let mut file = Cursor::new(bytes);
    let mut source = Source::new(&mut file, "test").unwrap();
    let archive = Archive::open(&mut source).unwrap();
    assert!(archive.find(&source, "a").is_err());
    assert_eq!(archive.find(&source, "b").unwrap(), None);
}

proptest! {
    #[test]
    fn damaged_archives_are_refused_or_read(
        which in 0..3_usize,
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = match which {
            0 => packed(&[("a", b"one", CompressionMethod::Stored), ("b", &[b'x'; 300], CompressionMethod::Deflated)]),
            1 => streamed(&[("a", b"one"), ("b", &[b'x'; 300])]),
            _ => wide(),
        };
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut.index(4) == 0 {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut file = Cursor::new(bytes.clone());
        let mut source = Source::new(&mut file, "test").unwrap();
        if let Ok(archive) = Archive::open(&mut source) {
            for index in 0..archive.members.len() {
                let _ = archive.read(&mut source, index);
                let _ = rewritten(&bytes, |_| vec![Change::Replace(index, b"x".to_vec()), Change::Add("y".into(), vec![])]);
            }
        }
    }
}
