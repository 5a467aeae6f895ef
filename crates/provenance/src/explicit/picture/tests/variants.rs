use image::{DynamicImage, ImageFormat};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use tiff::decoder::DecodingResult;
use tiff::encoder::{Compression, TiffEncoder, colortype};

use super::*;

fn rgb() -> image::RgbImage {
    DynamicImage::from(photo(160, 120)).into_rgb8()
}

/// What the frame's header of a JPEG says: its marker and the components.
fn frame(bytes: &[u8]) -> (u8, Vec<u8>) {
    let mut at = 2;
    loop {
        let (marker, length) = (bytes[at + 1], usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])));
        if matches!(marker, 0xC0..=0xC2) {
            return (marker, bytes[at + 10..at + 2 + length].to_vec());
        }
        at += 2 + length;
    }
}

#[test]
fn jpeg_keeps_its_mode_and_subsampling_and_does_not_get_worse_than_it_was() {
    let picture = rgb();
    for (sampling, progressive, quality) in [
        (SamplingFactor::F_1_1, false, 95),
        (SamplingFactor::F_2_1, false, 90),
        (SamplingFactor::F_2_2, false, 90),
        (SamplingFactor::F_2_2, true, 85),
        (SamplingFactor::F_1_2, true, 95),
        (SamplingFactor::F_2_2, false, 50),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, quality);
        encoder.set_sampling_factor(sampling);
        encoder.set_progressive(progressive);
        encoder.set_restart_interval(4);
        encoder.encode(&picture, 160, 120, ColorType::Rgb).unwrap();
        let new = holds(&bytes, false);
        assert_eq!(frame(&new), frame(&bytes), "{quality}");
        let tables = |bytes: &[u8]| {
            let at = memchr::memmem::find(bytes, &[0xFF, 0xDB, 0]).unwrap();
            bytes[at..at + 69].to_vec()
        };
        // Its own tables from 85 on.
        assert_eq!(tables(&new) == tables(&bytes), quality >= 85, "{quality}");
    }
    // A scan for each colour, which the decoder gets wrong.
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(&picture, 160, 120, ColorType::Rgb).unwrap();
    assert!(done(&bytes, &Label::default()).unwrap_err().to_string().contains("scans of their own"));
    let grey = DynamicImage::from(picture).into_luma8();
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90).encode(&grey, 160, 120, ColorType::Luma).unwrap();
    let new = holds(&bytes, false);
    assert_eq!(frame(&new).1.len(), 3);
    assert!(matches!(shown(&new), DynamicImage::ImageLuma8(_)));
}

#[test]
fn jpeg_of_adobe_rgb_without_transform_keeps_its_colours() {
    // Three components that are RGB, as APP14 says: made of a greyscale-like picture whose components are stored as they are.
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.add_app_segment(14, b"Adobe\0\x64\0\0\0\0\0".to_vec()).unwrap();
    encoder.encode(&rgb(), 160, 120, ColorType::Ycbcr).unwrap();
    // Without JFIF, which says YCbCr.
    bytes.drain(2..20);
    let new = holds(&bytes, false);
    let at = memchr::memmem::find(&new, b"Adobe").unwrap();
    assert_eq!(new[at + 11], 1, "the new components are YCbCr");
}

#[test]
fn png_of_every_kind() {
    let picture = DynamicImage::from(photo(160, 120));
    let mut clear = photo(160, 120);
    clear.pixels_mut().for_each(|pixel| pixel.0[3] = pixel.0[0]);
    let clear = DynamicImage::from(clear);
    for picture in [DynamicImage::from(picture.to_luma8()), clear.to_luma_alpha8().into(), clear.to_rgba8().into()] {
        let new = holds(&encoded(picture.clone(), ImageFormat::Png), true);
        assert_eq!(shown(&new).color(), picture.color());
    }
    // 16 bits: also the lower ones stay.
    let mut fine = picture.to_rgb16();
    fine.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[0] = pixel.0[0].wrapping_add((x % 200) as u16));
    let mut fine_alpha = clear.to_rgba16();
    fine_alpha.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[1] ^= (x % 250) as u16);
    for fine in
        [DynamicImage::from(fine), fine_alpha.into(), picture.to_luma16().into(), clear.to_luma_alpha16().into()]
    {
        let (new, drawn) = done(&encoded(fine.clone(), ImageFormat::Png), &Label::default()).unwrap();
        let after = shown(&new);
        assert_eq!(after.color(), fine.color());
        let (before, after) = (fine.to_rgba16(), after.to_rgba16());
        for (x, y, pixel) in before.enumerate_pixels() {
            let inside = x as usize >= drawn.x && y as usize >= drawn.y;
            assert!(inside || after.get_pixel(x, y) == pixel);
        }
        assert_ne!(before, after);
    }
}

/// A PNG of the crate `png`.
fn written(
    colour: png::ColorType,
    depth: png::BitDepth,
    extra: impl Fn(&mut png::Encoder<'_, &mut Vec<u8>>),
    data: &[u8],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 160, 120);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    extra(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::ChunkType(*b"bKGD"), &[0]).unwrap();
    writer.write_text_chunk(&png::text_metadata::TEXtChunk::new("Title", "kept")).unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn png_with_palettes_few_bits_and_colours_for_nothing() {
    use png::{BitDepth, ColorType};
    let palette: Vec<u8> = (0..=255).flat_map(|i: u8| [i, i.wrapping_mul(7), 255 - i]).collect();
    let indices: Vec<u8> = (0..160 * 120_u32).map(|i| (i % 160 + i / 160) as u8).collect();
    let plain = written(ColorType::Indexed, BitDepth::Eight, |encoder| encoder.set_palette(palette.clone()), &indices);
    let new = holds(&plain, true);
    assert_eq!(shown(&new).color(), image::ColorType::Rgb8);
    assert!(memchr::memmem::find(&new, b"Title\0kept").is_some());
    assert!(memchr::memmem::find(&new, b"PLTE").is_none() && memchr::memmem::find(&new, b"bKGD").is_none());
    let clear = |encoder: &mut png::Encoder<'_, &mut Vec<u8>>| {
        encoder.set_palette(palette.clone());
        encoder.set_trns(vec![0, 100, 200]);
    };
    let new = holds(&written(ColorType::Indexed, BitDepth::Eight, clear, &indices), true);
    assert_eq!(shown(&new).color(), image::ColorType::Rgba8);
    for (depth, bytes) in [(BitDepth::One, 20), (BitDepth::Two, 40), (BitDepth::Four, 80)] {
        let data: Vec<u8> = (0..120 * bytes).map(|i| (i * 5) as u8).collect();
        let new = holds(&written(ColorType::Grayscale, depth, |_| {}, &data), true);
        assert_eq!(shown(&new).color(), image::ColorType::L8);
    }
    // One grey is nothing: the ink's own, too.
    let key = |encoder: &mut png::Encoder<'_, &mut Vec<u8>>| encoder.set_trns(vec![0, 255]);
    let new = holds(&written(ColorType::Grayscale, BitDepth::Eight, key, &[200; 160 * 120]), true);
    assert_eq!(shown(&new).color(), image::ColorType::La8);
}

/// A slope of colours of 64 × 64, encoded with loss by libwebp: opaque, and half of it half transparent.
const LOSSY: [&str; 2] = [
    "524946469e000000574542505650382092000000f004009d012a400040003ed168ae52a825a422a20801001a09401723043a\
    0321d014ebd0f497fffec9ffffef73fffb2000feecd7e4c2f063621ffebd727525a9476cd33a676eb0f8ab5751832f56b4c7\
    de9e9e48458443b9fb85cff1d5e4f7008bbd1b216d55ad943e827f5ba09690e6bfb976078f91be02c527c386487dbc96d2b3\
    2eeb9d9faaeab9bf10d700bccd000000",
    "52494646b000000057454250565038580a000000100000003f00003f0000414c504815000000010ff0c0ff888820164ce62f\
    1d435f44ff03aabe03005650382074000000b004009d012a400040003f1188bd592c28a623a208018022094018bf8c88ea6f\
    e804b2ec7f82742bffff557fff8000fee98f7bae515947bd8a27f413db49fb01c177d86ffec0b9b614b85cc3be317b581a1c\
    840bb2595e59006c579069d18a8850ae04f12c5a40f7f3c1228da3052fca02000000",
];

#[test]
fn webp_with_loss_is_kept_as_it_was_decoded() {
    for (hex, alpha) in LOSSY.iter().zip([false, true]) {
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        let new = holds(&bytes, true);
        assert_eq!(shown(&new).color().has_alpha(), alpha);
        assert!(memchr::memmem::find(&new, b"VP8L").is_some() && memchr::memmem::find(&new, b"ALPH").is_none());
    }
}

/// Puts the orientation into a TIFF of one page that has none, little endian, in the place of `Software` or another text.
pub(super) fn with_orientation(tiff: &mut Vec<u8>, orientation: u8) {
    let at = u32::from_le_bytes([tiff[4], tiff[5], tiff[6], tiff[7]]) as usize;
    let count = usize::from(u16::from_le_bytes([tiff[at], tiff[at + 1]]));
    let mut fields: Vec<Vec<u8>> = tiff[at + 2..at + 2 + count * 12].chunks(12).map(<[u8]>::to_vec).collect();
    fields.push(vec![0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    fields.sort_by_key(|field| u16::from_le_bytes([field[0], field[1]]));
    let place = tiff.len() + tiff.len() % 2;
    tiff.resize(place, 0);
    tiff.extend((fields.len() as u16).to_le_bytes());
    tiff.extend(fields.concat());
    tiff.extend([0; 4]);
    tiff[4..8].copy_from_slice(&(place as u32).to_le_bytes());
}

#[test]
fn tiff_of_every_kind() {
    let picture = DynamicImage::from(photo(160, 120));
    for compression in [
        Compression::Uncompressed,
        Compression::Lzw,
        Compression::Deflate(tiff::encoder::DeflateLevel::Fast),
        Compression::Packbits,
    ] {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap().with_compression(compression);
        let (grey, fine, rgba) = (picture.to_luma8(), picture.to_rgb16(), picture.to_rgba8());
        // Three pages of three kinds.
        encoder.write_image::<colortype::Gray8>(160, 120, &grey).unwrap();
        encoder.write_image::<colortype::RGB16>(160, 120, &fine).unwrap();
        encoder.write_image::<colortype::RGBA8>(160, 120, &rgba).unwrap();
        let bytes = bytes.into_inner();
        let new = holds(&bytes, true);
        let pages = |bytes: &[u8]| {
            let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes.to_vec())).unwrap();
            let mut pages = Vec::new();
            for page in 0..3 {
                decoder.seek_to_image(page).unwrap();
                pages.push((decoder.colortype().unwrap(), decoder.read_image().unwrap()));
            }
            assert!(!decoder.more_images());
            pages
        };
        let drawn = done(&bytes, &Label::default()).unwrap().1;
        for ((kind, before), (same, after)) in pages(&bytes).into_iter().zip(pages(&new)) {
            assert_eq!(kind, same);
            let channels = usize::from(kind.num_samples());
            let differ: Vec<usize> = match (before, after) {
                (DecodingResult::U8(a), DecodingResult::U8(b)) => (0..a.len()).filter(|i| a[*i] != b[*i]).collect(),
                (DecodingResult::U16(a), DecodingResult::U16(b)) => (0..a.len()).filter(|i| a[*i] != b[*i]).collect(),
                _ => Vec::new(),
            };
            assert!(!differ.is_empty(), "{kind:?} has a label");
            for at in differ {
                let (x, y) = (at / channels % 160, at / channels / 160);
                assert!(x >= drawn.x && y >= drawn.y, "{kind:?} {x} {y}");
            }
        }
        // The old pixels are gone: nothing of their size is left behind.
        assert!(new.len() < bytes.len() + bytes.len() / 2 + 2_000, "{} {}", new.len(), bytes.len());
    }
    let mut big = Cursor::new(Vec::new());
    TiffEncoder::new_big(&mut big).unwrap().write_image::<colortype::RGB8>(160, 120, &picture.to_rgb8()).unwrap();
    holds(&big.into_inner(), true);
}

#[test]
fn tiff_whose_pixels_end_the_file() {
    // Two pages, both directories first: what is cut off is no room for what comes.
    let field = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1_u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let directory = |pixels: u32, next: u32| {
        let fields = [
            (256, 160),
            (257, 120),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, pixels),
            (277, 1),
            (278, 120),
            (279, 160 * 120),
        ];
        let fields = fields.map(|(tag, value)| field(tag, 4, value)).concat();
        [&9_u16.to_le_bytes()[..], &fields, &next.to_le_bytes()].concat()
    };
    let first = 8 + 2 * 114;
    let grey = DynamicImage::from(photo(160, 120)).into_luma8();
    let bytes = [
        b"II*\0\x08\0\0\0".to_vec(),
        directory(first, 8 + 114),
        directory(first + 160 * 120, 0),
        grey.clone().into_raw(),
        vec![77; 160 * 120],
    ]
    .concat();
    let new = holds(&bytes, true);
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(new.clone())).unwrap();
    decoder.next_image().unwrap();
    let DecodingResult::U8(page) = decoder.read_image().unwrap() else { panic!("8 bits") };
    assert!(page[..160 * 60].iter().all(|value| *value == 77) && page.iter().any(|value| *value != 77));
    // Two pages of the same pixels.
    let shared =
        [b"II*\0\x08\0\0\0".to_vec(), directory(first, 8 + 114), directory(first, 0), grey.into_raw()].concat();
    assert!(done(&shared, &Label::default()).unwrap_err().to_string().contains("one place"));
}
