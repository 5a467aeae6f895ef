use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::*;

/// A page with these packets, whole.
fn page_of(serial: u32, number: u32, flags: u8, granule: u64, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut segments = Vec::new();
    for packet in packets {
        segments.extend(vec![255; packet.len() / 255]);
        segments.push((packet.len() % 255) as u8);
    }
    let mut page = [b"OggS\0".as_slice(), &[flags], &granule.to_le_bytes(), &serial.to_le_bytes()].concat();
    page.extend(number.to_le_bytes());
    page.extend([0; 4]);
    page.push(segments.len() as u8);
    page.extend(segments);
    let body = packets.concat();
    let sum = checksum(&page, &body);
    page.splice(22..26, sum.to_le_bytes());
    [page, body].concat()
}

fn comments(fields: &[&str]) -> Vec<u8> {
    let mut list = [1_u32.to_le_bytes().as_slice(), b"v", &(fields.len() as u32).to_le_bytes()].concat();
    for field in fields {
        list.extend((field.len() as u32).to_le_bytes());
        list.extend(field.as_bytes());
    }
    list
}

fn vorbis(serial: u32, fields: &[&str], setup: usize) -> Vec<u8> {
    let comment = [b"\x03vorbis".to_vec(), comments(fields), vec![1]].concat();
    [
        page_of(serial, 0, 2, 0, &[[b"\x01vorbis".to_vec(), vec![0; 23]].concat()]),
        page_of(serial, 1, 0, 0, &[comment, [b"\x05vorbis".to_vec(), vec![5; setup]].concat()]),
        page_of(serial, 2, 0, 1024, &[vec![7; 300], vec![8; 20]]),
        page_of(serial, 3, 4, 2048, &[vec![9; 10]]),
    ]
    .concat()
}

fn opus(serial: u32, fields: &[&str]) -> Vec<u8> {
    [
        page_of(serial, 0, 2, 0, &[[b"OpusHead".to_vec(), vec![1; 11]].concat()]),
        page_of(serial, 1, 0, 0, &[[b"OpusTags".to_vec(), comments(fields), vec![0; 8]].concat()]),
        page_of(serial, 2, 4, 960, &[vec![7; 100]]),
    ]
    .concat()
}

/// All packets with the serial of their stream; checksums and numbers of pages are right.
fn packets(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut cursor = std::io::Cursor::new(file);
    let mut source = Source::new(&mut cursor, FORMAT).unwrap();
    let mut open: std::collections::BTreeMap<u32, (u32, Vec<u8>)> = Default::default();
    let mut all = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let page = page(&mut source, at).unwrap();
        let mut body = &file[(at as usize + page.header.len())..page.end() as usize];
        assert_eq!(checksum(&page.header, body), le32(&page.header, 22).unwrap());
        let (next, data) = open.entry(page.serial()).or_default();
        if page.first() {
            *next = 0;
        }
        assert_eq!((page.number(), page.header[5] & 1 == 1), (*next, !data.is_empty()));
        *next += 1;
        for segment in page.segments() {
            let (part, rest) = body.split_at((*segment).into());
            body = rest;
            data.extend_from_slice(part);
            if *segment < 255 {
                all.push((page.serial(), std::mem::take(data)));
            }
        }
        at = page.end();
    }
    all
}

fn without_comments(file: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut all = packets(file);
    all.retain(|(_, packet)| !packet.starts_with(b"\x03vorbis") && !packet.starts_with(b"OpusTags"));
    all
}

#[test]
fn comments_are_written_and_other_packets_stay() {
    for file in [vorbis(7, &["TITLE=t"], 90), opus(7, &["TITLE=t"]), vorbis(7, &[], 9000)] {
        let out = labelled(&OGG, &file);
        assert_eq!(without_comments(&out), without_comments(&file));
        assert!(out.ends_with(&file[file.len() - 30..]), "the pages of sound were not touched");
        hostile(&OGG, &file);
    }
    let out = labelled(&OGG, &opus(7, &["TITLE=t"]));
    let tags = &packets(&out)[1].1;
    assert!(tags.ends_with(&[0; 8]) && tags.windows(7).any(|window| window == b"TITLE=t"));
}

#[test]
fn pages_are_renumbered_when_their_count_changes() {
    // 64,900 bytes of setup fill a page; with the label there are two.
    let title = format!("TITLE={}", "t".repeat(200));
    let file = vorbis(3, &[&title], 64_700);
    let out = labelled(&OGG, &file);
    assert_eq!(without_comments(&out), without_comments(&file));
    assert_ne!(out[out.len() - 38..], file[file.len() - 38..]);
    let back = write(&OGG, &out, "{}").unwrap();
    assert_eq!(without_comments(&back), without_comments(&file));
    // A cover of many pages.
    let cover = format!("METADATA_BLOCK_PICTURE={}", "A".repeat(50_000));
    let file = vorbis(3, &[&cover], 90);
    assert_eq!(without_comments(&labelled(&OGG, &file)), without_comments(&file));
}

#[test]
fn later_and_other_streams_keep_all_but_their_labels() {
    let label = format!("AIGC={OTHER}");
    let chain =
        [vorbis(1, &["TITLE=t", &label], 90), opus(2, &[&label, "ARTIST=a"]), vorbis(3, &["TITLE=z"], 50)].concat();
    assert_eq!(places(&OGG, &chain), ["ogg:vorbis AIGC", "ogg:opus AIGC"]);
    let out = labelled(&OGG, &chain);
    assert_eq!(without_comments(&out), without_comments(&chain));
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("ARTIST=a") && text.contains("TITLE=z") && !text.contains("other"));
    // Two streams side by side: the first of sound carries it.
    let theora = page_of(9, 0, 2, 0, &[[b"\x80theora".to_vec(), vec![0; 35]].concat()]);
    let tags = page_of(9, 1, 0, 0, &[[b"\x81theora".to_vec(), comments(&[&label])].concat(), b"\x82theora".to_vec()]);
    let sound = vorbis(1, &[], 90);
    let first = 28 + 30;
    let both = [theora, sound[..first].to_vec(), tags, sound[first..].to_vec()].concat();
    assert_eq!(places(&OGG, &both), ["ogg:theora AIGC"]);
    let out = labelled(&OGG, &both);
    assert_eq!(places(&OGG, &out), ["ogg:vorbis AIGC"]);
    assert_eq!(packets(&out).len(), packets(&both).len());
    hostile(&OGG, &both);
}

#[test]
fn damage_is_refused() {
    let file = opus(7, &["TITLE=t"]);
    for (cut, problem) in [(file.len() - 3, "cut off"), (100, "")] {
        assert!(read(&OGG, &file[..cut]).unwrap_err().to_string().contains(problem));
    }
    let mut wrong = file.clone();
    wrong[100] ^= 1;
    assert!(write(&OGG, &wrong, VALUE).unwrap_err().to_string().contains("checksum"));
    // Nothing is written of a file whose last page is damaged.
    let mut out = Vec::new();
    assert!((OGG.write)(&mut std::io::Cursor::new(&file[..file.len() - 3]), &mut out, VALUE).is_err());
    assert!(out.is_empty());
    let other = page_of(7, 0, 6, 0, &[b"unknown".to_vec()]);
    assert!(matches!(write(&OGG, &other, VALUE), Err(Error::Unsupported { .. })));
    assert!(read(&OGG, b"").is_err());
    let many: Vec<u8> = (0..5000).flat_map(|serial| page_of(serial, 0, 6, 0, &[b"x".to_vec()])).collect();
    assert!(matches!(read(&OGG, &many), Err(Error::TooMuch { .. })));
}
