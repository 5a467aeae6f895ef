use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::edit::trial::{VALUE, encoded, endure, exif as exif_block, found, hold, labelled, pixels};
use super::*;

/// A lossless picture of one chunk.
fn lossless() -> Vec<u8> {
    static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| encoded(image::ImageFormat::WebP));
    PLAIN.clone()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), b"WEBP", &body].concat()
}

/// The one chunk of the lossless picture.
fn stream() -> Vec<u8> {
    lossless()[12..].to_vec()
}

#[test]
fn a_picture_of_one_chunk_gets_a_header() {
    let old = lossless();
    let new = hold(&NAME, &old);
    let packet = xmp::with(None, VALUE).unwrap();
    let header = chunk(b"VP8X", &[HAS_XMP, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
    assert_eq!(new, riff(&[header, stream(), chunk(b"XMP ", &packet)]));
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn a_lossy_picture_gets_a_header() {
    let key = [0x30, 0x01, 0x00, 0x9D, 0x01, 0x2A, 0x05, 0x40, 0x07, 0x00, 1, 2, 3];
    let old = riff(&[chunk(b"VP8 ", &key)]);
    let new = hold(&NAME, &old);
    assert_eq!(new[12..30], chunk(b"VP8X", &[HAS_XMP, 0, 0, 0, 4, 0, 0, 6, 0, 0])[..]);
}

#[test]
fn alpha_is_named() {
    let mut rgba = std::io::Cursor::new(Vec::new());
    image::RgbaImage::from_fn(9, 5, |x, y| image::Rgba([x as u8, y as u8, 3, (x * 20) as u8]))
        .write_to(&mut rgba, image::ImageFormat::WebP)
        .unwrap();
    let old = rgba.into_inner();
    let new = hold(&NAME, &old);
    assert_eq!(new[20], HAS_XMP | HAS_ALPHA);
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn other_chunks_stay_in_their_order() {
    let header = chunk(b"VP8X", &[HAS_PROFILE | HAS_EXIF, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
    let (icc, exif, strange) =
        (chunk(b"ICCP", b"abc"), chunk(b"EXIF", &exif_block(true, b"a cat\0", b"12345678")), chunk(b"zzzz", b"?"));
    let old = [riff(&[header, icc.clone(), stream(), exif.clone(), strange.clone()]), b"tail".to_vec()].concat();
    let new = hold(&NAME, &old);
    let header = chunk(b"VP8X", &[HAS_PROFILE | HAS_EXIF | HAS_XMP, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
    let packet = chunk(b"XMP ", &xmp::with(None, VALUE).unwrap());
    assert_eq!(new, [riff(&[header, icc, stream(), exif, packet, strange]), b"tail".to_vec()].concat());
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn variants_are_read_and_taken_out() {
    let comment = format!("ASCII\0\0\0{{\"AIGC\":{VALUE}}}");
    let block = [b"Exif\0\0".to_vec(), exif_block(false, b"a cat\0", comment.as_bytes())].concat();
    let packet = xmp::with(None, VALUE).unwrap();
    let header = chunk(b"VP8X", &[HAS_EXIF | HAS_XMP, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
    let parts = [
        header,
        stream(),
        chunk(b"EXIF", &block),
        chunk(b"XMP ", &packet),
        chunk(b"XMP ", &packet),
        chunk(b"AIGC", VALUE.as_bytes()),
        chunk(b"note", format!("AIGC{VALUE}").as_bytes()),
    ];
    let old = [riff(&parts), format!("AIGC{VALUE}").into_bytes()].concat();
    let all: Vec<(String, bool)> =
        found(&NAME, &old).unwrap().into_iter().map(|found| (found.place, found.by_the_book)).collect();
    let names: Vec<&str> = all.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        names,
        [
            "webp:EXIF UserComment",
            "webp:XMP TC260:AIGC",
            "webp:XMP TC260:AIGC",
            "webp:chunk AIGC",
            "webp:chunk note",
            "webp:after RIFF"
        ]
    );
    assert_eq!(all.iter().filter(|(_, book)| *book).count(), 1);
    hold(&NAME, &old);
}

#[test]
fn damage_is_named() {
    let old = lossless();
    for cut in [0, 8, 11, 12, 20, old.len() - 1] {
        assert!(matches!(labelled(&NAME, &old[..cut], VALUE), Err(Error::Damaged { .. })), "{cut}");
    }
    for bad in [
        riff(&[]),
        riff(&[chunk(b"VP8X", &[0; 10])]),
        riff(&[chunk(b"VP8 ", &[0; 10])]),
        riff(&[chunk(b"VP8X", &[0; 4])]),
    ] {
        assert!(matches!(labelled(&NAME, &bad, VALUE), Err(Error::Damaged { .. })));
    }
}

#[test]
fn a_last_chunk_without_its_even_byte_is_made_even() {
    let mut old = riff(&[chunk(b"VP8 ", &[0x30, 0x01, 0x00, 0x9D, 0x01, 0x2A, 5, 0, 7, 0, 1])]);
    old.pop();
    let size = old.len() as u32 - 8;
    old[4..8].copy_from_slice(&size.to_le_bytes());
    assert_eq!(hold(&NAME, &old).len() % 2, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        simple: bool,
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        near in proptest::collection::vec((0_usize..60, any::<u8>()), 0..3),
        cut: usize,
    ) {
        let packet = chunk(b"XMP ", &xmp::with(None, VALUE).unwrap());
        let header = chunk(b"VP8X", &[HAS_XMP, 0, 0, 0, 60, 0, 0, 42, 0, 0]);
        let key = chunk(b"VP8 ", &[0x30, 0x01, 0x00, 0x9D, 0x01, 0x2A, 5, 0, 7, 0, 1]);
        let note = chunk(b"note", format!("AIGC{VALUE}").as_bytes());
        let bytes = if simple { riff(&[key]) } else { riff(&[header, key, packet, note]) };
        endure(&NAME, &bytes, &[damage, near].concat(), cut);
    }
}
