use std::io::Cursor;
use std::sync::LazyLock;

use proptest::prelude::*;
use tiff::encoder::{TiffEncoder, colortype};

use super::super::edit::trial::{OTHER, VALUE, encoded, endure, exif as block, found, hold, labelled, values};
use super::*;

fn plain() -> Vec<u8> {
    static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| encoded(image::ImageFormat::Tiff));
    PLAIN.clone()
}

/// Three pages of one colour each.
fn pages(big: bool) -> Vec<u8> {
    static BOTH: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [made_pages(false), made_pages(true)]);
    BOTH[usize::from(big)].clone()
}

fn made_pages(big: bool) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let draw = |page: u8| vec![page * 40; 600];
    if big {
        let mut encoder = TiffEncoder::new_big(&mut bytes).unwrap();
        (0..3).for_each(|page| encoder.write_image::<colortype::Gray8>(30, 20, &draw(page)).unwrap());
    } else {
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        (0..3).for_each(|page| encoder.write_image::<colortype::Gray8>(30, 20, &draw(page)).unwrap());
    }
    bytes.into_inner()
}

fn shown(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).unwrap();
    let mut pages = Vec::new();
    loop {
        let tiff::decoder::DecodingResult::U8(page) = decoder.read_image().unwrap() else { panic!() };
        pages.push(page);
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

/// A file of nothing but a directory with these fields (tag, type, bytes), in both sizes and orders.
fn made(little: bool, big: bool, fields: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let n = |value: u64, width: usize| encode(value, width, little).unwrap();
    let wide = if big { 8 } else { 4 };
    let mut all = if little { b"II".to_vec() } else { b"MM".to_vec() };
    all.extend(n(if big { 43 } else { 42 }, 2));
    if big {
        all.extend([n(8, 2), n(0, 2)].concat());
    }
    let first = all.len() + wide;
    all.extend(n(first as u64, wide));
    all.extend(n(fields.len() as u64, if big { 8 } else { 2 }));
    let mut values = all.len() + fields.len() * (4 + 2 * wide) + wide;
    for (tag, kind, bytes) in fields {
        all.extend(
            [n(u64::from(*tag), 2), n(u64::from(*kind), 2), n(bytes.len() as u64, wide), n(values as u64, wide)]
                .concat(),
        );
        values += bytes.len();
    }
    all.extend(n(0, wide));
    fields.iter().for_each(|(_, _, bytes)| all.extend(*bytes));
    all
}

#[test]
fn a_plain_picture_gets_a_directory_with_the_field() {
    for old in [plain(), pages(false), pages(true), [plain(), b"x".to_vec()].concat()] {
        let new = hold(&NAME, &old);
        let header = if old[2] == 43 { 8..16 } else { 4..8 };
        assert_eq!(new[..header.start], old[..header.start]);
        assert_eq!(new[header.end..old.len()], old[header.end..], "only the first offset changes");
        assert_eq!(shown(&new), shown(&old));
        let mut decoder = tiff::decoder::Decoder::new(Cursor::new(&new)).unwrap();
        let packet = decoder.get_tag_u8_vec(tiff::tags::Tag::Unknown(700)).unwrap();
        assert_eq!(xmp::values(&packet), [VALUE]);
    }
}

#[test]
fn all_sizes_and_orders_are_written() {
    let long = format!("{{\"Label\":\"1\",\"x\":\"{}\"}}", "x".repeat(400));
    let packet = xmp::with(None, &long).unwrap();
    for little in [true, false] {
        for big in [true, false] {
            hold(&NAME, &made(little, big, &[(270, 2, b"a picture of a cat\0"), (800, 7, b"something else")]));
            let old = made(little, big, &[(700, 7, &packet), (800, 7, b"something else")]);
            assert_eq!(values(&NAME, &old), [long.as_str()]);
            let new = hold(&NAME, &old);
            assert!(new.ends_with(b"something else"), "a packet with room stays in its place");
        }
    }
}

#[test]
fn a_longer_packet_leaves_no_label_behind() {
    let packet = xmp::with(None, "{\"Label\":\"1\"}").unwrap();
    let old = made(true, false, &[(700, 1, &packet)]);
    let new = hold(&NAME, &old);
    assert!(new.len() > old.len());
    assert_eq!(super::super::loose::find(&new).len(), 1);
}

#[test]
fn variants_are_read_and_taken_out() {
    let wrapped = format!("{{\"AIGC\":{VALUE}}}");
    let packet = xmp::with(None, VALUE).unwrap();
    let cases = [
        (made(true, false, &[(270, 2, wrapped.as_bytes())]), "tiff:IFD ImageDescription"),
        (made(false, true, &[(305, 2, format!("AIGC{VALUE}").as_bytes())]), "tiff:IFD tag 0x0131"),
        (block(false, b"a cat\0", format!("ASCII\0\0\0{wrapped}").as_bytes()), "tiff:IFD UserComment"),
        (made(true, false, &[(700, 2, &packet)]), "tiff:XMP TC260:AIGC"),
    ];
    for (old, place) in cases {
        let all = found(&NAME, &old).unwrap();
        assert_eq!((all.len(), all[0].place.as_str(), all[0].by_the_book), (1, place, false));
        hold(&NAME, &old);
    }
}

#[test]
fn packets_over_pixels_are_refused() {
    let mut old = labelled(&NAME, &plain(), VALUE).unwrap();
    let header = exif::header(&mut Source::new(&mut Cursor::new(&old), "TIFF").unwrap(), 0).unwrap();
    let mut file = Cursor::new(old.clone());
    let mut source = Source::new(&mut file, "TIFF").unwrap();
    let end = source.len();
    let (fields, _) = exif::directory(&mut source, header, header.first, end).unwrap();
    let strip = fields.iter().find(|field| field.tag == 273).unwrap();
    let packet = fields.iter().find(|field| field.tag == 700).unwrap();
    let at = items(&mut source, header, strip, 0, 1).unwrap()[0] as u32;
    let place = packet.at as usize + 8;
    old[place..place + 4].copy_from_slice(&if header.little { at.to_le_bytes() } else { at.to_be_bytes() });
    assert!(matches!(labelled(&NAME, &old, OTHER), Err(Error::Damaged { .. })));
}

#[test]
fn damage_is_named() {
    let old = pages(false);
    for cut in [0, 4, 7, old.len() - 8] {
        assert!(matches!(labelled(&NAME, &old[..cut], VALUE), Err(Error::Damaged { .. })), "{cut}");
    }
    let mut circle = made(true, false, &[(270, 2, b"a picture of a cat\0")]);
    circle[22..26].copy_from_slice(&8_u32.to_le_bytes());
    hold(&NAME, &circle);
    let greedy = made(true, true, &[(270, 2, b"x".as_slice()); 60]);
    let mut lying = greedy.clone();
    for field in 0..60 {
        lying[24 + field * 20 + 4..24 + field * 20 + 8].copy_from_slice(&(greedy.len() as u32 - 1000).to_le_bytes());
    }
    assert!(matches!(found(&NAME, &lying), Err(Error::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        which in 0_usize..4,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        near in proptest::collection::vec((0_usize..60, any::<u8>()), 0..3),
        cut: usize,
    ) {
        let packet = xmp::with(None, VALUE).unwrap();
        let bytes = match which {
            0 => pages(true),
            1 => made(true, true, &[(270, 2, VALUE.as_bytes()), (700, 7, &packet)]),
            2 => made(false, false, &[(270, 2, VALUE.as_bytes()), (700, 7, &packet), (800, 7, b"something else")]),
            _ => block(false, b"a cat\0", format!("ASCII\0\0\0AIGC{VALUE}").as_bytes()),
        };
        endure(&NAME, &bytes, &[damage, near].concat(), cut);
    }
}
