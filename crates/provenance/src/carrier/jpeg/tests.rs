use std::sync::LazyLock;

use md5::{Digest, Md5};
use proptest::prelude::*;

use super::super::edit::trial::{VALUE, encoded, endure, exif, found, hold, labelled, pixels, values};
use super::*;

fn plain() -> Vec<u8> {
    static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| encoded(image::ImageFormat::Jpeg));
    PLAIN.clone()
}

fn part(marker: u8, data: &[u8]) -> Vec<u8> {
    let mut all = vec![0xFF, marker];
    all.extend(((data.len() + 2) as u16).to_be_bytes());
    all.extend(data);
    all
}

/// The plain picture with segments behind SOI.
fn with_parts(parts: &[Vec<u8>]) -> Vec<u8> {
    let plain = plain();
    [&plain[..2], &parts.concat(), &plain[2..]].concat()
}

fn exif_part(comment: &[u8]) -> Vec<u8> {
    part(0xE1, &[b"Exif\0\0".as_slice(), &exif(true, b"a picture\0", comment)].concat())
}

fn xmp_part(packet: &[u8]) -> Vec<u8> {
    part(0xE1, &[XMP, packet].concat())
}

#[test]
fn a_plain_picture_gets_a_packet_behind_its_header() {
    let old = plain();
    let new = hold(&NAME, &old);
    let front = 2 + 2 + 16;
    assert_eq!(new[..front], old[..front]);
    let growth = new.len() - old.len();
    assert_eq!(new[front + growth..], old[front..]);
    assert_eq!(new[front..], [xmp_part(&xmp::with(None, VALUE).unwrap()), old[front..].to_vec()].concat());
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn every_other_segment_stays() {
    let keep =
        [exif_part(b"ASCII\0\0\0hello, there"), part(0xE2, b"ICC_PROFILE\0\x01\x01abc"), part(0xFE, b"a comment")];
    let old = [with_parts(&keep), b"behind the end".to_vec()].concat();
    let new = hold(&NAME, &old);
    let at = 2 + keep[0].len();
    let growth = new.len() - old.len();
    assert_eq!([&new[..at], &new[at + growth..]].concat(), old);
}

#[test]
fn variants_are_read_and_taken_out() {
    let wrapped = format!("{{\"AIGC\":{VALUE}}}");
    let old = [
        with_parts(&[
            exif_part(format!("ASCII\0\0\0{wrapped}").as_bytes()),
            part(0xEB, format!("JP\0\0AIGC{VALUE}tail").as_bytes()),
            part(0xFE, VALUE.as_bytes()),
            xmp_part(&xmp::with(None, VALUE).unwrap()),
            xmp_part(&xmp::with(None, VALUE).unwrap()),
        ]),
        format!("<TC260:AIGC>{VALUE}</TC260:AIGC>").into_bytes(),
    ]
    .concat();
    let places: Vec<(String, bool)> =
        found(&NAME, &old).unwrap().into_iter().map(|found| (found.place, found.by_the_book)).collect();
    assert_eq!(
        places,
        [
            ("jpeg:exif UserComment".to_owned(), true),
            ("jpeg:segment APP11".to_owned(), false),
            ("jpeg:comment".to_owned(), false),
            ("jpeg:xmp TC260:AIGC".to_owned(), true),
            ("jpeg:xmp TC260:AIGC".to_owned(), false),
            ("jpeg:after EOI".to_owned(), false),
        ]
    );
    let new = hold(&NAME, &old);
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn offsets_say_where_the_label_stands() {
    let new = labelled(&NAME, &plain(), VALUE).unwrap();
    let at = found(&NAME, &new).unwrap()[0].offset.unwrap() as usize;
    assert!(new[at..].starts_with(b"<TC260:AIGC>"));
}

/// A picture of two, whose table stands before or behind where the packet goes.
fn pair(before: bool, little: bool) -> (Vec<u8>, usize) {
    let n2 = |n: u16| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let n4 = |n: u32| if little { n.to_le_bytes() } else { n.to_be_bytes() };
    let table = |first: u32, size: u32, offset: u32| {
        let mut t = b"MPF\0".to_vec();
        t.extend(if little { b"II" } else { b"MM" });
        t.extend(n2(42));
        t.extend(n4(8));
        t.extend(n2(1));
        t.extend(n2(0xB002));
        t.extend(n2(7));
        t.extend(n4(32));
        t.extend(n4(26));
        t.extend(n4(0));
        for (a, b) in [(first, 0), (size, offset)] {
            t.extend(n4(0x30000));
            t.extend(n4(a));
            t.extend(n4(b));
            t.extend(n4(0));
        }
        part(0xE2, &t)
    };
    let other = if before { xmp_part(&xmp::with(None, "x").unwrap()) } else { exif_part(b"ASCII\0\0\0x") };
    let parts = |t: Vec<u8>| if before { with_parts(&[t, other.clone()]) } else { with_parts(&[other.clone(), t]) };
    let first = parts(table(0, 0, 0)).len() as u32;
    let second = plain();
    let base = if before { 2 } else { 2 + other.len() as u32 } + 8;
    ([parts(table(first, second.len() as u32, first - base)), second].concat(), base as usize)
}

#[test]
fn the_table_of_pictures_stays_right() {
    for before in [true, false] {
        for little in [true, false] {
            let (old, base) = pair(before, little);
            let new = hold(&NAME, &old);
            let base = if before { base } else { base + new.len() - old.len() };
            assert_eq!(&new[base - 4..base], b"MPF\0");
            let n = |at: usize| {
                let raw: [u8; 4] = new[at..at + 4].try_into().unwrap();
                (if little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) }) as usize
            };
            let entries = base + 26;
            assert_eq!(n(entries + 4), new.len() - plain().len(), "the first picture's size");
            assert_eq!(base + n(entries + 24), new.len() - plain().len(), "the second picture's place");
            assert_eq!(new[base + n(entries + 24)..], plain()[..]);
            assert_eq!(n(entries + 20), plain().len());
        }
    }
}

#[test]
fn a_table_that_cannot_be_read_is_refused_where_pictures_follow() {
    let broken = part(0xE2, b"MPF\0II*\0\xFF\xFF\xFF\xFF");
    hold(&NAME, &with_parts(std::slice::from_ref(&broken)));
    let followed = [with_parts(&[broken]), plain()].concat();
    assert!(matches!(labelled(&NAME, &followed, VALUE), Err(Error::Unsupported { .. })));
}

#[test]
fn extended_packets_lose_their_label_and_keep_their_name_right() {
    let long = format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:TC260=\"{}\"><TC260:AIGC>{VALUE}</TC260:AIGC></rdf:Description></rdf:RDF>{}",
        xmp::URI,
        " ".repeat(70_000)
    );
    let name = |text: &[u8]| -> String { Md5::digest(text).iter().map(|byte| format!("{byte:02X}")).collect() };
    let main = format!(
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" \
         xmlns:n=\"http://ns.adobe.com/xmp/note/\" n:HasExtendedXMP=\"{}\"/></rdf:RDF>",
        name(long.as_bytes())
    );
    let piece = |text: &[u8], from: usize| {
        let head = [EXTENSION, name(long.as_bytes()).as_bytes()].concat();
        let numbers = [(long.len() as u32).to_be_bytes(), (from as u32).to_be_bytes()].concat();
        part(0xE1, &[&head, &numbers, text].concat())
    };
    let (a, b) = long.as_bytes().split_at(60_000);
    let old = with_parts(&[xmp_part(main.as_bytes()), piece(b, 60_000), piece(a, 0)]);
    assert_eq!(values(&NAME, &old), [VALUE]);
    let new = hold(&NAME, &old);
    let blank = String::from_utf8(xmp::without(long.as_bytes()).unwrap()).unwrap();
    let new_name = name(blank.as_bytes());
    let count = new.windows(32).filter(|run| *run == new_name.as_bytes()).count();
    assert_eq!(count, 3, "the main packet and both pieces");
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn a_full_packet_gives_its_padding_and_then_refuses() {
    let base = String::from_utf8(xmp::with(None, "x").unwrap()).unwrap().replace("<TC260:AIGC>x</TC260:AIGC>", "");
    let fill = |padding: usize, text: usize| {
        let text = format!("<dc:a xmlns:dc=\"urn:x\">{}</dc:a></rdf:Description>", "y".repeat(text));
        let packet = base.replace("</rdf:Description>", &text);
        packet.replace("\n<?xpacket end", &format!("\n{}<?xpacket end", " ".repeat(padding)))
    };
    hold(&NAME, &with_parts(&[xmp_part(fill(100, 64_400).as_bytes())]));
    let full = with_parts(&[xmp_part(fill(10, 65_000).as_bytes())]);
    assert!(matches!(labelled(&NAME, &full, VALUE), Err(Error::Unsupported { .. })));
}

#[test]
fn damage_is_named() {
    let old = plain();
    for cut in [0, 1, 2, 3, 10, 100, old.len() - 1] {
        let error = labelled(&NAME, &old[..cut], VALUE).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{cut}");
    }
    let labelled_picture = labelled(&NAME, &old, VALUE).unwrap();
    assert_eq!(values(&NAME, &labelled_picture[..labelled_picture.len() - 2]), [VALUE], "cut, and yet read");
}

#[test]
fn a_million_segments_are_read() {
    let many = [&[0xFF, 0xD8][..], &[0xFF, 0xFE, 0, 2].repeat(1_000_000), &plain()[2..]].concat();
    assert_eq!(values(&NAME, &many), Vec::<String>::new());
    assert!(labelled(&NAME, &many, VALUE).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        which in 0_usize..3,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        near in proptest::collection::vec((0_usize..700, any::<u8>()), 0..3),
        cut: usize,
    ) {
        let wrapped = format!("ASCII\0\0\0{{\"AIGC\":{VALUE}}}");
        let bytes = match which {
            0 => pair(false, true).0,
            1 => with_parts(&[exif_part(wrapped.as_bytes()), xmp_part(&xmp::with(None, VALUE).unwrap())]),
            _ => [with_parts(&[part(0xEB, format!("AIGC{VALUE}").as_bytes())]), VALUE.into()].concat(),
        };
        endure(&NAME, &bytes, &[damage, near].concat(), cut);
    }
}
