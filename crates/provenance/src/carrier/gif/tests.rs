use std::io::Cursor;

use proptest::prelude::*;

use super::super::edit::trial::{VALUE, endure, found, hold, labelled};
use super::*;

/// A film of three frames that goes round.
fn film() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 20, 10, &[0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255]).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    for frame in 0..3_usize {
        let pixels: Vec<u8> = (0..200).map(|at| ((at + frame) % 4) as u8).collect();
        encoder.write_frame(&gif::Frame::from_indexed_pixels(20, 10, pixels, None)).unwrap();
    }
    drop(encoder);
    bytes
}

fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = gif::Decoder::new(Cursor::new(bytes)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        frames.push(frame.buffer.to_vec());
    }
    frames
}

/// Sub-blocks of a text.
fn blocks(text: &[u8]) -> Vec<u8> {
    let mut all: Vec<u8> = text.chunks(255).flat_map(|part| [&[part.len() as u8], part].concat()).collect();
    all.push(0);
    all
}

/// The film with an extension before its frames.
fn with_part(part: &[u8]) -> Vec<u8> {
    let mut bytes = film();
    let at = front(&bytes);
    bytes.splice(at..at, part.iter().copied());
    bytes
}

/// Behind the colours and the extension that makes it go round.
fn front(bytes: &[u8]) -> usize {
    assert_eq!(&bytes[25..28], b"\x21\xFF\x0B");
    13 + 12 + 19
}

#[test]
fn a_film_gets_a_packet_behind_its_repetition() {
    let old = film();
    let new = hold(&NAME, &old);
    let at = front(&old);
    let packet = xmp::with(None, VALUE).unwrap();
    let part = [b"\x21\xFF\x0BXMP DataXMP".as_slice(), &packet, &trailer()].concat();
    assert_eq!(new, [&old[..at], &part, &old[at..]].concat());
    assert_eq!(frames(&new), frames(&old));
    assert_eq!(trailer().len(), 258);
    let decoder = gif::Decoder::new(Cursor::new(&new)).unwrap();
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
}

#[test]
fn the_older_version_becomes_the_newer() {
    let mut old = film();
    old[4] = b'7';
    assert!(hold(&NAME, &old).starts_with(b"GIF89a"));
}

#[test]
fn variants_are_read_and_taken_out() {
    let packet = xmp::with(None, VALUE).unwrap();
    let wrapped = format!("{{\"AIGC\":{VALUE}}}");
    for part in [
        [b"\x21\xFE".to_vec(), blocks(wrapped.as_bytes())].concat(),
        [b"\x21\xFE".to_vec(), blocks(format!("made by a machine {wrapped}").as_bytes())].concat(),
        [b"\x21\xFF\x0BXMP DataXMP".to_vec(), blocks(&packet)].concat(),
        [b"\x21\xFF\x0BSOMETHING10".to_vec(), blocks(wrapped.as_bytes())].concat(),
    ] {
        let old = with_part(&part);
        let all = found(&NAME, &old).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(!all[0].by_the_book);
        assert_eq!(frames(&hold(&NAME, &old)), frames(&film()));
    }
    let two = [b"\x21\xFF\x0BXMP DataXMP".as_slice(), &packet, &trailer()].concat().repeat(2);
    let old = [with_part(&two), packet].concat();
    assert_eq!(found(&NAME, &old).unwrap().len(), 3);
    assert_eq!(frames(&hold(&NAME, &old)), frames(&film()));
}

#[test]
fn damage_is_named() {
    let old = film();
    for cut in [0, 6, 12, 20, 40, old.len() - 1] {
        assert!(matches!(labelled(&NAME, &old[..cut], VALUE), Err(Error::Damaged { .. })), "{cut}");
    }
    assert!(matches!(labelled(&NAME, &with_part(&[7]), VALUE), Err(Error::Damaged { .. })));
}

#[test]
fn a_million_blocks_are_read() {
    let part = [b"\x21\xFE".to_vec(), blocks(b"x")].concat().repeat(1_000_000);
    assert!(labelled(&NAME, &with_part(&part), VALUE).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut: usize,
    ) {
        let packet = xmp::with(None, VALUE).unwrap();
        let comment = [b"\x21\xFE".to_vec(), blocks(format!("AIGC{VALUE}").as_bytes())].concat();
        let part = [b"\x21\xFF\x0BXMP DataXMP".as_slice(), &packet, &trailer(), &comment].concat();
        endure(&NAME, &with_part(&part), &damage, cut);
    }
}
