use std::io::{Cursor, Write};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::edit::trial::{VALUE, encoded, endure, exif as exif_block, found, hold, labelled, pixels, values};
use super::*;

fn plain() -> Vec<u8> {
    static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(|| encoded(image::ImageFormat::Png));
    PLAIN.clone()
}

/// The plain picture with chunks behind its header.
fn with_chunks(chunks: &[Vec<u8>]) -> Vec<u8> {
    let plain = plain();
    [&plain[..33], &chunks.concat(), &plain[33..]].concat()
}

fn text(keyword: &str, text: &str) -> Vec<u8> {
    chunk(b"tEXt", format!("{keyword}\0{text}").as_bytes()).unwrap()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_plain_picture_gets_a_packet_behind_its_header() {
    let old = plain();
    let new = hold(&NAME, &old);
    let packet = xmp::with(None, VALUE).unwrap();
    let data = [b"XML:com.adobe.xmp\0\0\0\0\0", packet.as_slice()].concat();
    assert_eq!(new, [&old[..33], &chunk(b"iTXt", &data).unwrap(), &old[33..]].concat());
    assert_eq!(pixels(&new), pixels(&old));
}

#[test]
fn the_chunk_is_that_of_the_specification() {
    assert_eq!(chunk(b"IEND", &[]).unwrap(), [0, 0, 0, 0, 73, 69, 78, 68, 0xAE, 0x42, 0x60, 0x82]);
}

#[test]
fn variants_are_read_and_taken_out_and_the_rest_stays() {
    let wrapped = format!("{{\"AIGC\":{VALUE}}}");
    let hexadecimal: String = wrapped.bytes().map(|byte| format!("{byte:02x}")).collect();
    let keep = [
        text("Software", "a program"),
        chunk(b"iCCP", b"p\0\0abc").unwrap(),
        chunk(b"caBX", b"\0\0\0\x10jumb").unwrap(),
        chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &packed(b"hello")].concat()).unwrap(),
    ];
    let variants = [
        (text("AIGC", VALUE), true),
        (text("AIGC", &wrapped), true),
        (text("Description", &wrapped), false),
        (text("Description", VALUE), false),
        (chunk(b"zTXt", &[b"AIGC\0\0".as_slice(), &packed(VALUE.as_bytes())].concat()).unwrap(), false),
        (chunk(b"iTXt", format!("AIGC\0\0\0zh\0label\0{VALUE}").as_bytes()).unwrap(), false),
        (chunk(b"iTXt", &[b"AIGC\0\x01\0\0\0".as_slice(), &packed(wrapped.as_bytes())].concat()).unwrap(), false),
        (text("Raw profile type exif", &format!("\nexif\n      {}\n{hexadecimal}\n", wrapped.len())), false),
        (text("XML:com.adobe.xmp", &String::from_utf8(xmp::with(None, VALUE).unwrap()).unwrap()), false),
    ];
    for (variant, by_the_book) in variants {
        for behind in [false, true] {
            let mut old = with_chunks(&keep);
            let at = if behind { old.len() - 12 } else { 33 };
            old.splice(at..at, variant.clone());
            let all = found(&NAME, &old).unwrap();
            assert_eq!(all.len(), 1, "{all:?}");
            assert!(all[0].value == VALUE || all[0].value == wrapped, "{all:?}");
            assert_eq!(all[0].by_the_book, by_the_book, "{all:?}");
            let new = hold(&NAME, &old);
            for chunk in &keep {
                assert!(new.windows(chunk.len()).any(|run| run == chunk));
            }
            assert_eq!(pixels(&new), pixels(&plain()));
        }
    }
}

#[test]
fn what_stands_beside_a_label_stays() {
    let old = with_chunks(&[text("parameters", &format!("a cat {{\"AIGC\":{VALUE}}} steps 20"))]);
    let new = hold(&NAME, &old);
    let kept = text("parameters", "a cat  steps 20");
    assert!(new.windows(kept.len()).any(|run| run == kept));
}

#[test]
fn exif_and_the_end_of_the_file_are_looked_at() {
    let comment = format!("ASCII\0\0\0{{\"AIGC\":{VALUE}}}");
    let block = chunk(b"eXIf", &exif_block(false, b"a cat\0", comment.as_bytes())).unwrap();
    let old = [with_chunks(&[block]), xmp::with(None, VALUE).unwrap()].concat();
    let places: Vec<String> = found(&NAME, &old).unwrap().into_iter().map(|found| found.place).collect();
    assert_eq!(places, ["png:eXIf UserComment", "png:after IEND"]);
    let new = hold(&NAME, &old);
    assert_eq!(pixels(&new), pixels(&old));
    png::Decoder::new(Cursor::new(&new)).read_info().unwrap();
}

#[test]
fn a_compressed_packet_becomes_a_plain_one_and_keeps_its_properties() {
    let packet = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" a=\"b\"/></rdf:RDF>";
    let data = [KEYWORD_XMP, &[0, 1, 0, 0, 0], &packed(packet.as_bytes())].concat();
    let new = hold(&NAME, &with_chunks(&[chunk(b"iTXt", &data).unwrap()]));
    let kept = b"<rdf:Description rdf:about=\"\" a=\"b\"/>";
    assert!(new.windows(kept.len()).any(|run| run == kept));
}

#[test]
fn films_keep_their_frames() {
    let mut old = Vec::new();
    let mut encoder = png::Encoder::new(&mut old, 4, 4);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for frame in 0..3 {
        writer.write_image_data(&[frame * 50; 16]).unwrap();
    }
    writer.finish().unwrap();
    let frames = |bytes: &[u8]| {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
        let mut frames = Vec::new();
        for _ in 0..3 {
            let mut frame = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut frame).unwrap();
            frames.push((frame, info.width, info.height));
        }
        frames
    };
    assert_eq!(frames(&hold(&NAME, &old)), frames(&old));
}

#[test]
fn hostile_files_are_refused() {
    let old = plain();
    for cut in [0, 7, 8, 20, 33, 60, old.len() - 13, old.len() - 1] {
        assert!(matches!(labelled(&NAME, &old[..cut], VALUE), Err(Error::Damaged { .. })), "{cut}");
    }
    let mut lying = old.clone();
    lying[33..37].copy_from_slice(&0x7FFF_FFFF_u32.to_be_bytes());
    assert!(matches!(labelled(&NAME, &lying, VALUE), Err(Error::Damaged { .. })));
    let bomb = chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &packed(&vec![b'a'; 17 << 20])].concat()).unwrap();
    assert!(matches!(labelled(&NAME, &with_chunks(&[bomb]), VALUE), Err(Error::TooMuch { .. })));
    let small = chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &packed(&vec![b'a'; 15 << 20])].concat()).unwrap();
    assert!(matches!(labelled(&NAME, &with_chunks(&vec![small; 6]), VALUE), Err(Error::TooMuch { .. })));
    let labels = with_chunks(&vec![text("AIGC", VALUE); 20_000]);
    assert!(matches!(labelled(&NAME, &labels, VALUE), Err(Error::TooMuch { .. })));
}

#[test]
fn a_million_chunks_are_read() {
    let many = with_chunks(&vec![chunk(b"teSt", &[]).unwrap(); 1_000_000]);
    let new = labelled(&NAME, &many, VALUE).unwrap();
    assert_eq!(values(&NAME, &new), [VALUE]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damaged_pictures_are_written_well_or_refused(
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        near in proptest::collection::vec((0_usize..1500, any::<u8>()), 0..3),
        cut: usize,
    ) {
        let comment = format!("ASCII\0\0\0{{\"AIGC\":{VALUE}}}");
        let bytes = with_chunks(&[
            text("AIGC", VALUE),
            chunk(b"eXIf", &exif_block(true, b"a cat\0", comment.as_bytes())).unwrap(),
            chunk(b"zTXt", &[b"Comment\0\0".as_slice(), &packed(VALUE.as_bytes())].concat()).unwrap(),
            text("XML:com.adobe.xmp", &String::from_utf8(xmp::with(None, VALUE).unwrap()).unwrap()),
        ]);
        endure(&NAME, &bytes, &[damage, near].concat(), cut);
    }
}
