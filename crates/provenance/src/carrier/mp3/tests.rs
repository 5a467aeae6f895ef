use super::super::media::check::{OTHER, VALUE, hostile, labelled, places, read, write};
use super::super::media::crc32;
use super::*;

/// Frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
fn audio() -> Vec<u8> {
    let mut frame = vec![0x55; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    frame.repeat(5)
}

fn id3v1() -> Vec<u8> {
    [b"TAG".as_slice(), &[b'x'; 125]].concat()
}

fn frame(id: &str, data: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &(data.len() as u32).to_be_bytes(), &[0, 0], data].concat()
}

fn tag(major: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let size = body.len() as u32;
    let size: [u8; 4] = std::array::from_fn(|at| (size >> (7 * (3 - at)) & 0x7F) as u8);
    [b"ID3".as_slice(), &[major, 0, flags], &size, body].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    [vec![0xFF, 0xFE], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()
}

fn title() -> Vec<u8> {
    frame("TIT2", b"\0A title")
}

#[test]
fn a_file_without_a_tag_gets_one() {
    let file = [audio(), id3v1()].concat();
    let out = labelled(&MP3, &file);
    assert!(out.ends_with(&file));
    let out = write(&MP3, &file, "{}").unwrap();
    let golden = b"ID3\x03\0\0\0\0\0\x12TXXX\0\0\0\x08\0\0\0AIGC\0{}";
    assert_eq!(out[..golden.len()], *golden);
    let wide = write(&MP3, &file, "{\"a\":\"\u{4e2d}\"}").unwrap();
    assert_eq!(read(&MP3, &wide).unwrap()[0].value, "{\"a\":\"\u{4e2d}\"}");
}

#[test]
fn frames_stay_and_padding_takes_the_label_up() {
    for major in [3, 4] {
        let body = [title(), frame("APIC", &[7; 90]), vec![0; 400]].concat();
        let file = [tag(major, 0, &body), audio(), id3v1()].concat();
        let out = labelled(&MP3, &file);
        assert_eq!(out.len(), file.len());
        assert!(out.ends_with(&[audio(), id3v1()].concat()));
        let kept = [title(), frame("APIC", &[7; 90])].concat();
        assert!(out.windows(kept.len()).any(|window| window == kept));
    }
    let file = [tag(3, 0, &title()), audio()].concat();
    assert!(labelled(&MP3, &file).ends_with(&[title(), audio()].concat()));
}

#[test]
fn unsynchronisation_over_the_whole_tag() {
    // PRIV data FF E0 FF 00 is FF 00 E0 FF 00 00 in the file.
    let plain = [title(), frame("PRIV", b"o\0\xFF\xE0\xFF\0")].concat();
    let split = [title(), b"PRIV\0\0\0\x06\0\0o\0\xFF\0\xE0\xFF\0\0".to_vec()].concat();
    let file = [tag(3, 0x80, &split), audio()].concat();
    let out = labelled(&MP3, &file);
    assert!(out.windows(split.len()).any(|window| window == split), "other frames byte for byte");
    assert!(!out.windows(plain.len()).any(|window| window == plain));
    let wide = write(&MP3, &file, "{\"a\":\"\u{4e2d}\"}").unwrap();
    assert_eq!(read(&MP3, &wide).unwrap()[0].value, "{\"a\":\"\u{4e2d}\"}");
    let end = id3::length(&wide).unwrap() as usize;
    assert!(!wide[10..end].windows(2).any(|pair| pair[0] == 0xFF && pair[1] >= 0xE0));
}

#[test]
fn the_checksum_and_the_footer_are_right_again() {
    // 2.3: size 10, CRC flag, padding, CRC.
    let frames = title();
    let extended = [&[0, 0, 0, 10, 0x80, 0, 0, 0, 0, 50], crc32(0, &frames).to_be_bytes().as_slice()].concat();
    let file = [tag(3, 0x40, &[extended, frames, vec![0; 50]].concat()), audio()].concat();
    let out = labelled(&MP3, &file);
    let end = id3::length(&out).unwrap() as usize;
    assert_eq!(out[16..20], [0, 0, 0, 50], "a tag that grows keeps its padding");
    assert_eq!(out[20..24], crc32(0, &out[24..end - 50]).to_be_bytes());
    assert!(out[end - 50..end].iter().all(|byte| *byte == 0));
    // 2.4: footer, no padding.
    let mut footer = tag(4, 0x10, &title());
    let header = footer[..10].to_vec();
    footer.extend([b"3DI".as_slice(), &header[3..]].concat());
    let out = labelled(&MP3, &[footer.clone(), audio()].concat());
    let end = id3::length(&out).unwrap() as usize;
    assert_eq!(out[end - 7..end], out[3..10]);
    assert_eq!(out[end - 10..end - 7], *b"3DI");
    assert_eq!(out[end..], audio());
    // 2.4: checksum in five syncsafe bytes.
    let extended = [0, 0, 0, 12, 1, 0x20, 5, 0, 0, 0, 0, 0];
    let out = labelled(&MP3, &[tag(4, 0x40, &[extended.to_vec(), title()].concat()), audio()].concat());
    let end = id3::length(&out).unwrap() as usize;
    let sum = out[17..22].iter().fold(0_u64, |sum, byte| sum << 7 | u64::from(*byte));
    assert_eq!(sum, u64::from(crc32(0, &out[22..end])));
}

#[test]
fn variants_are_found_and_only_one_is_left() {
    let wide = [vec![1], utf16("AIGC"), vec![0, 0], utf16(OTHER)].concat();
    let comment = [b"\0eng\0".as_slice(), OTHER.as_bytes()].concat();
    let xmp = format!("XMP\0<x xmlns:TC260=\"http://www.tc260.org.cn/ns/AIGC/1.0/\" TC260:AIGC='{OTHER}'/>");
    let body = [frame("TXXX", &wide), title(), frame("COMM", &comment), frame("PRIV", xmp.as_bytes())].concat();
    let item = |key: &str, value: &str| {
        [&(value.len() as u32).to_le_bytes(), [0; 4].as_slice(), key.as_bytes(), b"\0", value.as_bytes()].concat()
    };
    let items = [item("Title", "t"), item("AIGC", OTHER)].concat();
    let edge = |header: u8| {
        let size = (items.len() as u32 + 32).to_le_bytes();
        [b"APETAGEX".as_slice(), &2000_u32.to_le_bytes(), &size, &2_u32.to_le_bytes(), &[0, 0, 0, header], &[0; 8]]
            .concat()
    };
    let ape = [edge(0xA0), items.clone(), edge(0x80)].concat();
    let file = [tag(3, 0, &body), audio(), ape, id3v1()].concat();
    let found = places(&MP3, &file);
    assert_eq!(
        found,
        ["mp3:id3 TXXX AIGC", "mp3:id3 COMM", "mp3:id3 PRIV XMP TC260:AIGC", "mp3:ape AIGC"],
        "{found:?}"
    );
    let out = labelled(&MP3, &file);
    assert!(out.ends_with(&id3v1()));
    assert!(!String::from_utf8_lossy(&out).contains("\"other\""));
    assert!(out.windows(4).any(|window| window == b"TIT2"));
    hostile(&MP3, &file);
}

#[test]
fn id3v2_2_and_wrong_itunes_sizes() {
    let file = [tag(2, 0, b"TT2\0\0\x02\0t"), audio()].concat();
    labelled(&MP3, &file);
    // A 2.4 frame of 200 bytes with a plain size, as iTunes wrote them.
    let file = [tag(4, 0, &[frame("PRIV", &[7; 200]), title()].concat()), audio()].concat();
    assert!(labelled(&MP3, &file).ends_with(&[title(), audio()].concat()));
}

#[test]
fn damage_is_refused() {
    let file = [tag(3, 0, &[title(), frame("TXXX", b"\0AIGC\0{}")].concat()), audio()].concat();
    for cut in [30, 45] {
        let problem = read(&MP3, &file[..cut]).unwrap_err().to_string();
        assert!(problem.contains("damaged"), "{problem}");
    }
    let mut lying = file.clone();
    lying[14..18].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(read(&MP3, &lying).unwrap_err().to_string().contains("TIT2"));
    assert!(write(&MP3, &tag(3, 0, &title()), VALUE).unwrap_err().to_string().contains("MPEG audio"));
    assert!(!sniff(b"\xFF\xFEa\0b\0"));
    assert!(!sniff(&[tag(3, 0, &title()), b"fLaC".to_vec()].concat()));
    hostile(&MP3, &file);
}

#[test]
fn what_is_no_frame_stays_apart_from_the_label() {
    // Behind it stands what begins a frame at the place where the label would end if its size were written plainly.
    let long = VALUE.replace("abc-1", "0123456789");
    for major in [3, 4] {
        let body = [b"RPdV\0\0\0I".as_slice(), &[7; 60], &[0; 200]].concat();
        let file = [tag(major, 0, &body), audio()].concat();
        for value in [VALUE, &long] {
            let out = write(&MP3, &file, value).unwrap();
            assert_eq!(read(&MP3, &out).unwrap()[0].value, *value);
            assert_eq!(write(&MP3, &out, value).unwrap(), out);
        }
    }
}
