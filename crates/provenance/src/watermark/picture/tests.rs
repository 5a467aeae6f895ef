use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use image::{DynamicImage, ImageFormat, RgbImage};

use super::*;
use crate::watermark::image::USUAL_STRENGTH;

const PAYLOAD: u64 = 0x0123_4567_89ab_cdef;

fn secret() -> Secret {
    Secret::new(b"a secret of sixteen bytes and more").unwrap()
}

/// Smooth noise of many sizes, as photographs have: the finer, the fainter.
fn photo(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut picture = vec![[120.0_f32, 110.0, 100.0]; (width * height) as usize];
    for step in [128, 64, 32, 16, 8, 4_u32] {
        let (wide, high) = (width / step + 2, height / step + 2);
        let grid: Vec<[f32; 3]> = (0..wide * high)
            .map(|_| {
                let base = (rng.f32() - 0.5) * step as f32 * 0.9;
                [base, base * 0.9 + rng.f32() * 2.0, base * 0.8]
            })
            .collect();
        for (i, pixel) in picture.iter_mut().enumerate() {
            let (x, y) = (i as u32 % width, i as u32 / width);
            let (fx, fy) = ((x % step) as f32 / step as f32, (y % step) as f32 / step as f32);
            let at = |dx: u32, dy: u32| grid[((y / step + dy) * wide + x / step + dx) as usize];
            let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
            for (k, value) in pixel.iter_mut().enumerate() {
                let (top, low) = (a[k] + (b[k] - a[k]) * fx, c[k] + (d[k] - c[k]) * fx);
                *value += top + (low - top) * fy;
            }
        }
    }
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb(picture[(y * width + x) as usize].map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    bytes
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn pixels(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().into_rgb8()
}

fn half(picture: &RgbImage) -> RgbImage {
    resize(picture, picture.width() / 2, picture.height() / 2, FilterType::Triangle)
}

fn cropped(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    crop_imm(picture, width * 13 / 100 + 1, height * 7 / 100 + 3, width * 8 / 10, height * 8 / 10).to_image()
}

fn find(bytes: &[u8], search: Search) -> Option<Mark> {
    read_file(bytes, &secret(), search, &Limits::default()).unwrap()
}

fn marked(bytes: &[u8]) -> Vec<u8> {
    embed_file(bytes, PAYLOAD, &secret(), USUAL_STRENGTH, &Limits::default()).unwrap()
}

#[test]
fn the_mark_in_a_jpeg_survives_what_happens_to_pictures() {
    // 75 is less than the mark's file is encoded at; 95 keeps its own tables.
    for (quality, seed) in [(75, 1), (95, 2)] {
        let picture = pixels(&marked(&jpeg(&photo(640, 512, seed), quality)));
        for (name, treated, scale, most) in [
            ("JPEG 75", jpeg(&picture, 75), 1.0, 0),
            ("half", encoded(half(&picture), ImageFormat::Png), 0.5, 1),
            ("cropped", encoded(cropped(&picture), ImageFormat::Png), 1.0, 0),
            ("half, JPEG 75", jpeg(&half(&picture), 75), 0.5, 2),
        ] {
            let mark = find(&treated, Search::Usual);
            let mark = mark.unwrap_or_else(|| panic!("{name} of {quality}: nothing is found"));
            assert_eq!(mark.payload, PAYLOAD, "{name}");
            assert_eq!(mark.scale, scale, "{name}");
            // Bits that were wrong before they were corrected, of 80.
            assert!(mark.corrected <= most, "{name} of {quality}: {mark:?}");
        }
    }
}

#[test]
fn every_format_holds_a_mark() {
    let picture = photo(320, 288, 3);
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let new = marked(&encoded(picture.clone(), format));
        assert_eq!(image::guess_format(&new).unwrap(), format);
        assert_eq!(find(&new, Search::Scale(1.0)).map(|mark| (mark.payload, mark.corrected)), Some((PAYLOAD, 0)));
        let other = Secret::new(b"another secret of theirs").unwrap();
        assert_eq!(read_file(&new, &other, Search::Scale(1.0), &Limits::default()).unwrap(), None);
    }
    let fine = DynamicImage::from(picture.clone()).into_rgb16();
    let new = marked(&encoded(fine, ImageFormat::Png));
    assert_eq!(image::load_from_memory(&new).unwrap().color(), image::ColorType::Rgb16);
    assert_eq!(find(&new, Search::Scale(1.0)).map(|mark| mark.payload), Some(PAYLOAD));
    let grey = DynamicImage::from(picture.clone()).into_luma8();
    assert_eq!(find(&marked(&encoded(grey, ImageFormat::Png)), Search::Scale(1.0)).map(|m| m.payload), Some(PAYLOAD));
    let error = embed_file(&encoded(picture, ImageFormat::Gif), 1, &secret(), 2.5, &Limits::default());
    assert!(error.unwrap_err().to_string().contains("256 colours"));
}

#[test]
fn the_mark_is_that_of_the_picture_as_it_is_shown() {
    use image::ImageEncoder;
    let picture = photo(320, 288, 4);
    let block = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[6, 0, 0, 0], &[0; 4][..]].concat();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 92);
    encoder.set_exif_metadata(block).unwrap();
    encoder.write_image(&picture, 320, 288, image::ExtendedColorType::Rgb8).unwrap();
    let new = marked(&bytes);
    assert_eq!(find(&new, Search::Scale(1.0)).map(|mark| mark.payload), Some(PAYLOAD));
    // Stored upright by somebody.
    let upright = image::imageops::rotate90(&pixels(&new));
    assert_eq!(find(&encoded(upright, ImageFormat::Png), Search::Scale(1.0)).map(|mark| mark.payload), Some(PAYLOAD));
}

#[test]
fn what_is_not_seen_and_what_is_not_marked() {
    let mut clear = DynamicImage::from(photo(320, 288, 5)).into_rgba8();
    clear.enumerate_pixels_mut().filter(|(x, _, _)| *x < 40).for_each(|(_, _, pixel)| pixel.0[3] = 0);
    let bytes = encoded(clear.clone(), ImageFormat::Png);
    assert_eq!(find(&bytes, Search::Scale(1.0)), None);
    let new = image::load_from_memory(&marked(&bytes)).unwrap().into_rgba8();
    for (x, y, pixel) in clear.enumerate_pixels() {
        assert_eq!(pixel.0[3], new.get_pixel(x, y).0[3]);
        assert!(x >= 40 || pixel == new.get_pixel(x, y));
    }
    let small = encoded(photo(200, 300, 6), ImageFormat::Png);
    assert!(embed_file(&small, 1, &secret(), 2.5, &Limits::default()).is_err());
    assert!(embed_file(&bytes, 1, &secret(), 0.0, &Limits::default()).is_err());
    let limits = Limits { pixels: 1000, ..Limits::default() };
    assert!(read_file(&bytes, &secret(), Search::Usual, &limits).unwrap_err().to_string().contains("1000 pixels"));
}
