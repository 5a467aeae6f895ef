//! Small files that ask for much.

use std::io::Write;

use menshen_provenance::Error;

use super::samples::{self, boxed, chunk, full, infe, page, png_chunk};
use super::{carrier, hold, read, write};

/// A label as strangers leave it.
const LOOSE: &str = r#"AIGC{"ProduceID":"x"}"#;

fn xmp(packet: &[u8]) -> samples::Made {
    samples::png(&png_chunk(b"iTXt", &[b"XML:com.adobe.xmp\0\0\0\0\0".as_slice(), packet].concat()))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).and_then(|()| packer.finish()).unwrap_or_default()
}

#[test]
fn properties_in_properties_are_read_once() {
    // Each was read with all the text within: two thousand times two megabytes.
    let open = "<x:AIGC>".repeat(2_000);
    let packet = format!("{open}{}{}", "t".repeat(2 << 20), "</x:AIGC>".repeat(2_000));
    assert_eq!(read(carrier("png"), &xmp(packet.as_bytes()).unwrap()).unwrap().len(), 1);
}

#[test]
fn a_long_namespace_is_not_copied_for_every_element() {
    let packet = format!("<a xmlns='{}'>{}</a>", "u".repeat(4 << 20), "<b c=''/>".repeat(400_000));
    assert!(read(carrier("png"), &xmp(packet.as_bytes()).unwrap()).unwrap().is_empty());
    let office = format!("<a xmlns='{}'>{}</a>", "u".repeat(4 << 20), "<b/>".repeat(40_000));
    let mut parts = samples::OFFICE.map(|(name, text)| (name, text.to_owned())).to_vec();
    parts.push(("docProps/custom.xml", office));
    assert!(read(carrier("ooxml"), &samples::zip(&parts)).is_err());
}

#[test]
fn hundreds_of_thousands_of_labels_are_too_many() {
    let labels = LOOSE.repeat(150_000);
    let jpeg = [b"\xFF\xD8\xFF\xD9".as_slice(), labels.as_bytes()].concat();
    let comment = png_chunk(b"tEXt", &[b"Comment\0".as_slice(), labels.as_bytes()].concat());
    let info = format!("<</A 3 0 R{}>>", "/B 3 0 R".repeat(900));
    let pdf = samples::pdf(&["<</Type/Catalog>>", &info, &format!("({labels})")], "/Root 1 0 R/Info 2 0 R");
    let strays = boxed(b"AIGC", b"").repeat(250_000);
    let riffs = [
        samples::avi(b""),
        chunk(b"RIFF", &[b"AVIX".as_slice(), &chunk(b"AIGC", b"x").repeat(900)].concat()).repeat(300),
    ]
    .concat();
    for (id, file) in [
        ("png", xmp(labels.as_bytes()).unwrap()),
        ("png", samples::png(&comment).unwrap()),
        ("jpeg", jpeg),
        ("pdf", pdf),
        ("mp4", samples::movie(b"isom", b"", &strays)),
        ("mp4", samples::movie(b"isom", &boxed(b"udta", &strays), b"")),
        ("avi", riffs),
    ] {
        let end = read(carrier(id), &file);
        // What a damaged file holds further on is not known, so what was found is told.
        assert!(end.as_ref().map_or(true, |found| found.len() <= 20_000), "{id}");
        assert!(write(carrier(id), &file).is_err(), "{id}");
    }
}

#[test]
fn directories_over_each_other_are_refused() {
    // Every field lists 256 directories, and every directory begins in the middle of another.
    let mut file = b"II*\0\x08\0\0\0\0\xFF".to_vec();
    for _ in 0..60_000 {
        file.extend(b"\x4A\x01\x04\0\x00\x01\0\0\x08\0\0\0");
    }
    let jpeg = |block: &[u8]| {
        let length = u16::try_from(block.len() + 8).unwrap_or(u16::MAX).to_be_bytes();
        [b"\xFF\xD8\xFF\xE1".as_slice(), &length, b"Exif\0\0", block, b"\xFF\xD9"].concat()
    };
    assert!(read(carrier("tiff"), &file).is_err());
    assert!(!hold(carrier("tiff"), &file));
    hold(carrier("jpeg"), &jpeg(&file[..60_000]));
}

#[test]
fn strips_far_from_their_lengths_are_read_in_blocks() {
    // 100,000 offsets and, 400 kB further on, as many lengths: a window of the file for each was gigabytes.
    let count = 100_000_u32;
    let mut file = b"II*\0\x08\0\0\0\x03\0".to_vec();
    let from = 8 + 2 + 3 * 12 + 4 + 300;
    for (tag, kind, count, value) in
        [(273_u16, 4_u16, count, from), (279, 4, count, from + 4 * count), (700, 1, 300, from - 300)]
    {
        file.extend(tag.to_le_bytes().into_iter().chain(kind.to_le_bytes()));
        file.extend(count.to_le_bytes().into_iter().chain(value.to_le_bytes()));
    }
    file.extend([0; 4]);
    file.extend([b' '; 300]);
    for number in [8_u32, 0] {
        (0..count).for_each(|_| file.extend(number.to_le_bytes()));
    }
    assert!(hold(carrier("tiff"), &file));
}

#[test]
fn items_of_the_same_bytes_are_refused() {
    let items: Vec<Vec<u8>> = (0..60_000).map(|_| infe(2, b"Exif", b"")).collect();
    let file = samples::heif(&items, &[[2, 0, 1 << 20]], &boxed(b"free", &[0; 1 << 20]));
    assert!(matches!(read(carrier("heif"), &file), Err(Error::TooMuch { .. })));
    let file = samples::heif(&items[..1_000], &[[2, 0, 1 << 20]], &boxed(b"free", &[0; 1 << 20]));
    assert!(matches!(read(carrier("heif"), &file), Err(Error::Damaged { .. })));
}

#[test]
fn texts_that_break_off_count_as_unpacked() {
    // 16 MiB of nothing in 16 KiB, without the sum at its end.
    let mut text = packed(&vec![0; (16 << 20) - 1]);
    text.truncate(text.len() - 4);
    let one = png_chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &text].concat());
    assert!(matches!(read(carrier("png"), &samples::png(&one.repeat(8)).unwrap()), Err(Error::TooMuch { .. })));
}

#[test]
fn a_package_named_ten_thousand_times_is_read_once() {
    let package = format!("<package><metadata/><!--{}--></package>", " ".repeat(4 << 20));
    let file = samples::epub(&"<rootfile full-path='c.opf'/>".repeat(10_000), &[("c.opf".to_owned(), package)]);
    assert!(hold(carrier("epub"), &file));
}

#[test]
fn a_bomb_in_an_office_document_is_refused() {
    let mut parts: Vec<(&str, Vec<u8>)> = samples::OFFICE.map(|(name, text)| (name, text.as_bytes().to_vec())).to_vec();
    let bomb = packed(&vec![b' '; 9 << 20]);
    // Raw deflate, without the two bytes before it and the four behind.
    let raw = bomb[2..bomb.len() - 4].to_vec();
    parts.push(("docProps/custom.xml", raw));
    let honest = samples::zip(&parts);
    for size in [9_u32 << 20, 8 << 20, 100] {
        let mut file = honest.clone();
        for (sign, method, length) in [(b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)] {
            let last = file.windows(4).rposition(|window| window == sign).unwrap();
            file[last + method] = 8;
            file[last + length..last + length + 4].copy_from_slice(&size.to_le_bytes());
        }
        assert!(!hold(carrier("ooxml"), &file), "{size}");
        assert!(read(carrier("ooxml"), &file).is_err(), "{size}");
    }
}

#[test]
fn references_without_end_cost_no_more_than_their_length() {
    let page = |sign: &str| format!("<html><head><meta name=AIGC content=\"{}\">", sign.repeat(250_000)).repeat(4);
    assert!(hold(carrier("html"), page("&").as_bytes()));
}

#[test]
fn pages_that_hold_nothing_are_counted() {
    let file = samples::ogg(&page(7, 1, 0, None).repeat(200_000));
    assert!(matches!(read(carrier("ogg"), &file), Err(Error::TooMuch { .. })));
    assert!(!hold(carrier("ogg"), &file));
}

#[test]
fn tables_of_a_movie_that_lie_are_refused() {
    let table = full(b"stco", &u32::MAX.to_be_bytes());
    let stbl = boxed(b"minf", &boxed(b"stbl", &table));
    let track = boxed(b"trak", &boxed(b"mdia", &stbl));
    assert!(!hold(carrier("mp4"), &samples::movie(b"isom", &track, b"")));
}
