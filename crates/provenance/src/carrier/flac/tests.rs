use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::*;

fn block(kind: u8, last: bool, data: &[u8]) -> Vec<u8> {
    [header(kind, last, data.len() as u32), data.to_vec()].concat()
}

fn comments(fields: &[&str]) -> Vec<u8> {
    let mut list = [6_u32.to_le_bytes().as_slice(), b"vendor", &(fields.len() as u32).to_le_bytes()].concat();
    for field in fields {
        list.extend((field.len() as u32).to_le_bytes());
        list.extend(field.as_bytes());
    }
    list
}

const AUDIO: &[u8] = b"\xFF\xF8 frames of sound";

fn file(blocks: &[Vec<u8>]) -> Vec<u8> {
    [b"fLaC".to_vec(), block(0, blocks.is_empty(), &[1; 34]), blocks.concat(), AUDIO.to_vec()].concat()
}

#[test]
fn padding_takes_the_label_up() {
    let title = comments(&["TITLE=t"]);
    let plain = file(&[block(4, false, &title), block(6, false, &[9; 50]), block(1, true, &[0; 400])]);
    let out = labelled(&FLAC, &plain);
    assert_eq!(out.len(), plain.len());
    assert!(out.ends_with(AUDIO));
    let picture = block(6, false, &[9; 50]);
    assert!(out.windows(picture.len()).any(|window| window == picture));
    // Too little of it: the file grows.
    let plain = file(&[block(4, false, &title), block(1, true, &[0; 9])]);
    assert!(labelled(&FLAC, &plain).ends_with(&[block(1, true, &[0; 9]), AUDIO.to_vec()].concat()));
}

#[test]
fn a_file_without_comments_gets_them() {
    let out = labelled(&FLAC, &file(&[]));
    assert_eq!(out[4], 0, "STREAMINFO is no longer the last");
    let out = write(&FLAC, &file(&[]), "{}").unwrap();
    assert_eq!(out[42..], [b"\x84\0\0\x13\0\0\0\0\x01\0\0\0\x07\0\0\0AIGC={}".as_slice(), AUDIO].concat());
    labelled(&FLAC, &file(&[block(3, true, &[0; 18])]));
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let own = format!("aigc={OTHER}");
    let list = comments(&["TITLE=t", &own, &format!("COMMENT={OTHER}"), "ARTIST=a"]);
    let tag = super::super::id3::fresh(OTHER).unwrap();
    let blocks = [block(4, false, &list), block(1, false, &[0; 30]), block(4, true, &comments(&[&own]))];
    let file = [tag, file(&blocks)].concat();
    let found = places(&FLAC, &file);
    assert_eq!(found, ["flac:id3 TXXX AIGC", "flac:vorbis aigc", "flac:vorbis COMMENT", "flac:vorbis aigc"]);
    let out = labelled(&FLAC, &file);
    let text = String::from_utf8_lossy(&out);
    assert!(text.contains("TITLE=t") && text.contains("ARTIST=a") && !text.contains("other"));
    assert!(out.ends_with(AUDIO));
    hostile(&FLAC, &file);
}

#[test]
fn damage_is_refused() {
    let plain = file(&[block(4, true, &comments(&["TITLE=t"]))]);
    assert!(read(&FLAC, &plain[..50]).unwrap_err().to_string().contains("damaged"));
    let mut lying = plain.clone();
    lying[46..50].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(read(&FLAC, &lying).unwrap_err().to_string().contains("comments"));
    let many = file(&[block(2, false, &[]).repeat(1_000_000)]);
    assert!(matches!(write(&FLAC, &many, VALUE), Err(Error::TooMuch { .. })));
    hostile(&FLAC, &plain);
}
