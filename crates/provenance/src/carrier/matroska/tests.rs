use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::super::media::crc32;
use super::ebml::{build, parts, size, void};
use super::*;

const NAME: u32 = 0x45A3;
const STRING: u32 = 0x4487;

fn simple(name: &str, value: &str) -> Vec<u8> {
    build(0x67C8, &[build(NAME, name.as_bytes(), 1), build(STRING, value.as_bytes(), 1)].concat(), 1)
}

fn tag(inner: &[Vec<u8>]) -> Vec<u8> {
    build(0x7373, &[build(0x63C0, &[], 1), inner.concat()].concat(), 1)
}

fn tags(inner: &[Vec<u8>]) -> Vec<u8> {
    let inner = inner.concat();
    let sum = crc32(0, &inner).to_le_bytes();
    build(TAGS, &[[0xBF, 0x84].as_slice(), &sum, &inner].concat(), 2)
}

fn seek_head(entries: &[(u32, u64)]) -> Vec<u8> {
    let entry = |(id, place): &(u32, u64)| {
        let id = build(0x53AB, &id.to_be_bytes(), 1);
        build(0x4DBB, &[id, build(0x53AC, &place.to_be_bytes(), 1)].concat(), 1)
    };
    build(SEEK_HEAD, &entries.iter().flat_map(entry).collect::<Vec<u8>>(), 1)
}

fn cluster() -> Vec<u8> {
    build(CLUSTER, &[build(0xE7, &[0], 1), build(0xA3, b"\x81\0\0\x80block", 1)].concat(), 1)
}

fn cues() -> Vec<u8> {
    build(CUES, &[0; 12], 1)
}

fn info() -> Vec<u8> {
    build(0x1549_A966, &[0xEC, 0x80], 1)
}

fn ebml() -> Vec<u8> {
    build(EBML, &build(0x4282, b"matroska", 1), 1)
}

fn file(segment: &[Vec<u8>]) -> Vec<u8> {
    [ebml(), build(SEGMENT, &segment.concat(), 8)].concat()
}

/// A segment whose SeekHead points to what follows it.
fn indexed(behind: &[Vec<u8>]) -> Vec<u8> {
    let listed = |id: u32| id != VOID && id != CLUSTER;
    let id = |bytes: &[u8]| parts(bytes).unwrap()[0].id;
    let entries: Vec<(u32, u64)> = behind.iter().map(|one| (id(one), 0)).filter(|(id, _)| listed(*id)).collect();
    let mut place = seek_head(&entries).len() as u64;
    let mut entries = Vec::new();
    for one in behind {
        if listed(id(one)) {
            entries.push((id(one), place));
        }
        place += one.len() as u64;
    }
    file(&[vec![seek_head(&entries)], behind.to_vec()].concat())
}

/// Every entry of every SeekHead is right, checksums are, and clusters are where they were.
fn sound(before: &[u8], after: &[u8], tags_listed: Option<bool>) {
    let mut cursor = std::io::Cursor::new(after);
    let mut source = Source::new(&mut cursor, FORMAT).unwrap();
    let segments = parse(&mut source).unwrap();
    let base = segments[0].element.data() as usize;
    let mut listed = false;
    for child in &segments[0].children {
        let bytes = &after[child.at as usize..child.end() as usize];
        let data = parts(bytes).unwrap()[0].data;
        if child.id == SEEK_HEAD {
            for entry in parts(data).unwrap().iter().filter(|part| part.id == 0x4DBB) {
                let inner = parts(entry.data).unwrap();
                let place = ebml::unsigned(inner[1].data).unwrap() as usize;
                assert!(after[base + place..].starts_with(inner[0].data), "{place}");
                listed |= inner[0].data == TAGS.to_be_bytes();
            }
        }
        if data.starts_with(&[0xBF, 0x84]) {
            assert_eq!(data[2..6], crc32(0, &data[6..]).to_le_bytes());
        }
    }
    assert_eq!(listed, tags_listed.unwrap_or(listed));
    let find = |file: &[u8]| file.windows(4).position(|window| window == CLUSTER.to_be_bytes()).unwrap();
    let mut cursor = std::io::Cursor::new(before);
    let mut source = Source::new(&mut cursor, FORMAT).unwrap();
    let old = parse(&mut source).unwrap()[0].element.data() as usize;
    assert_eq!(find(after) - base, find(before) - old);
}

#[test]
fn tags_in_void_at_the_end_and_over_old_ones() {
    let big = void(900).unwrap();
    let old = tags(&[tag(&[simple("TITLE", "t")])]);
    let spare = void(60).unwrap();
    for (behind, listed) in [
        // Entries written shorter may make room for another.
        (vec![info(), big.clone(), cluster(), cues()], None),
        (vec![spare.clone(), info(), big.clone(), cluster(), cues()], Some(true)),
        (vec![spare.clone(), info(), cluster(), cues()], Some(true)),
        (vec![info(), cluster(), cues()], None),
        (vec![cluster()], Some(false)),
        (vec![info(), cluster(), cues(), old.clone()], Some(true)),
        (vec![info(), old.clone(), cluster(), cues()], Some(true)),
        (vec![info(), old.clone(), big.clone(), cluster(), cues()], Some(true)),
    ] {
        let file = indexed(&behind);
        let out = labelled(&MATROSKA, &file);
        sound(&file, &out, listed);
        assert_eq!(out.windows(5).any(|window| window == b"TITLE"), behind.contains(&old));
    }
    hostile(&MATROSKA, &indexed(&[spare, info(), old, cluster(), cues()]));
}

#[test]
fn the_tag_in_bytes() {
    let out = write(&MATROSKA, &file(&[info(), cluster()]), "{}").unwrap();
    let golden = b"\x12\x54\xC3\x67\x95\x73\x73\x92\x63\xC0\x80\x67\xC8\x8C\x45\xA3\x84AIGC\x44\x87\x82{}";
    assert!(out.windows(golden.len()).any(|window| window == golden));
}

#[test]
fn live_recordings_get_tags_before_their_clusters() {
    let unknown = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    let open = |bytes: &[u8], id: usize, width: usize| [&bytes[..id], &unknown, &bytes[id + width..]].concat();
    let clusters = [open(&cluster(), 4, 1), open(&cluster(), 4, 1)].concat();
    let body = [info(), clusters.clone()].concat();
    let file = [ebml(), open(&build(SEGMENT, &body, 8), 4, 8)].concat();
    let out = labelled(&MATROSKA, &file);
    assert!(out.ends_with(&clusters));
    // With tags at the beginning these grow.
    let body = [info(), tags(&[tag(&[simple("TITLE", "t")])]), clusters.clone()].concat();
    let file = [ebml(), open(&build(SEGMENT, &body, 8), 4, 8)].concat();
    assert!(labelled(&MATROSKA, &file).ends_with(&clusters));
    hostile(&MATROSKA, &file);
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let nested = build(0x67C8, &[build(NAME, b"GROUP", 1), build(STRING, b"g", 1), simple("AIGC", OTHER)].concat(), 1);
    let first = tags(&[tag(&[simple("COMMENT", OTHER), simple("ARTIST", "a")]), tag(&[nested])]);
    let second = tags(&[tag(&[simple("AIGC", OTHER)]), tag(&[simple("aigc", OTHER)])]);
    let file = indexed(&[info(), first, cluster(), cues(), second]);
    let found = places(&MATROSKA, &file);
    let all = ["COMMENT", "AIGC", "AIGC", "aigc"].map(|name| format!("matroska:SimpleTag {name}"));
    assert_eq!(found, all);
    assert_eq!(read(&MATROSKA, &file).unwrap().iter().filter(|found| found.by_the_book).count(), 1);
    let out = labelled(&MATROSKA, &file);
    sound(&file, &out, Some(true));
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("ARTIST") && text.contains("GROUP") && !text.contains("\"other\""));
    hostile(&MATROSKA, &file);
}

#[test]
fn a_narrow_size_of_the_segment_gets_wider() {
    let body = [info(), cluster(), cues()].concat();
    let narrow = [ebml(), build(SEGMENT, &body, 1)].concat();
    let out = labelled(&MATROSKA, &narrow);
    assert!(out.len() > narrow.len());
    assert_eq!(size(126, 1), Some(vec![0xFE]));
    assert_eq!(size(127, 1), None, "all bits one is an unknown size");
    assert_eq!(size(127, 2), Some(vec![0x40, 0x7F]));
    for length in [0, 2, 3, 8, 9, 10, 200] {
        let void = void(length).unwrap();
        assert_eq!(void.len(), length);
        assert!(parts(&void).unwrap().iter().all(|part| part.id == VOID));
    }
}

#[test]
fn damage_and_excess_are_refused() {
    let plain = indexed(&[info(), cluster(), cues()]);
    assert!(read(&MATROSKA, &plain[..plain.len() - 1]).unwrap_err().to_string().contains("18538067"));
    assert!(read(&MATROSKA, &ebml()).unwrap_err().to_string().contains("no segment"));
    let two = [plain.clone(), plain[ebml().len()..].to_vec()].concat();
    assert!(write(&MATROSKA, &two, VALUE).unwrap_err().to_string().contains("several segments"));
    let many = file(&[void(2).unwrap().repeat(1_000_000)]);
    assert!(matches!(read(&MATROSKA, &many), Err(Error::TooMuch { .. })));
    let deep = (0..1000).fold(simple("AIGC", OTHER), |inner, _| build(0x67C8, &inner, 1));
    drop(read(&MATROSKA, &file(&[tags(&[tag(&[deep])])])));
    assert!(!sniff(&build(EBML, &build(0x4282, b"other", 1), 1)));
}
