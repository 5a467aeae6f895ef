use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, Rgba, RgbaImage};

use super::super::image::Place;
use super::*;
use crate::carrier::edit::trial::{OTHER, VALUE, exif, labelled, values};
use crate::raster::Format;

mod animations;
mod hostile;
mod variants;

/// A smooth picture with some texture, as photographs have.
pub(super) fn photo(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let wave = ((x as f32 / 9.0).sin() + (y as f32 / 13.0).cos()) * 40.0;
        let grain = ((x * 31 + y * 17) % 7) as f32;
        let value = |shift: f32| (wave + grain + shift + (x + y) as f32 / 4.0).clamp(0.0, 255.0) as u8;
        Rgba([value(60.0), value(80.0), value(40.0), 255])
    })
}

pub(super) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The picture as it is shown.
pub(super) fn shown(bytes: &[u8]) -> DynamicImage {
    // The crate does not know BigTIFF by its first bytes, and reads it.
    let format =
        if Format::of(bytes) == Some(Format::Tiff) { ImageFormat::Tiff } else { image::guess_format(bytes).unwrap() };
    let mut decoder = image::ImageReader::with_format(Cursor::new(bytes), format).into_decoder().unwrap();
    let turned = decoder.orientation().unwrap();
    let mut picture = DynamicImage::from_decoder(decoder).unwrap();
    picture.apply_orientation(turned);
    picture
}

pub(super) fn done(bytes: &[u8], wanted: &Label) -> Result<(Vec<u8>, Drawn), Error> {
    label(bytes, wanted, &Limits::default())
}

/// How a picture changed outside of the label: the largest difference, and the PSNR.
pub(super) fn outside(before: &RgbaImage, after: &RgbaImage, drawn: &Drawn) -> (u8, f64) {
    assert_eq!(before.dimensions(), after.dimensions());
    let (mut worst, mut squares, mut count) = (0, 0.0, 0.0_f64);
    for (x, y, old) in before.enumerate_pixels() {
        let (column, row) = (x as usize, y as usize);
        let inside = (drawn.x..drawn.x + drawn.width).contains(&column);
        if inside && (drawn.y..drawn.y + drawn.height).contains(&row) {
            continue;
        }
        for (a, b) in old.0.iter().zip(after.get_pixel(x, y).0) {
            worst = worst.max(a.abs_diff(b));
            squares += f64::from(a.abs_diff(b)).powi(2);
            count += 1.0;
        }
    }
    (worst, if squares > 0.0 { 10.0 * (255.0 * 255.0 * count / squares).log10() } else { f64::INFINITY })
}

/// That the label stands where it was said to: what a label drawn on the pixels alone looks like, it looks like.
pub(super) fn stands(before: &RgbaImage, after: &RgbaImage, wanted: &Label, drawn: &Drawn, tolerance: u8) {
    let (width, height) = (before.width() as usize, before.height() as usize);
    let mut pixels = before.clone().into_raw();
    assert_eq!(draw(&mut pixels, width, height, wanted).unwrap(), *drawn);
    let pixels = RgbaImage::from_raw(before.width(), before.height(), pixels).unwrap();
    let mut wrong = 0;
    for y in drawn.y..drawn.y + drawn.height {
        for x in drawn.x..drawn.x + drawn.width {
            let (a, b) = (pixels.get_pixel(x as u32, y as u32).0, after.get_pixel(x as u32, y as u32).0);
            wrong += usize::from(a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > tolerance));
        }
    }
    assert!(wrong * 50 <= drawn.width * drawn.height, "{wrong} of {} × {}", drawn.width, drawn.height);
    assert!(drawn.text_height as f64 >= 0.05 * width.min(height) as f64, "{drawn:?}");
}

/// Labels a file at two corners and checks all of it; `exact` where nothing is lost.
fn holds(bytes: &[u8], exact: bool) -> Vec<u8> {
    let before = shown(bytes).into_rgba8();
    let mut last = Vec::new();
    for place in [Place::TopLeft, Place::BottomRight] {
        let wanted = Label { place, ..Label::default() };
        let (new, drawn) = done(bytes, &wanted).unwrap();
        assert_eq!(Format::of(&new), Format::of(bytes));
        let after = shown(&new).into_rgba8();
        let (worst, psnr) = outside(&before, &after, &drawn);
        assert!(if exact { worst == 0 } else { psnr > 38.0 }, "{place:?}: {worst}, {psnr:.1} dB");
        stands(&before, &after, &wanted, &drawn, if exact { 0 } else { 60 });
        last = new;
    }
    last
}

#[test]
fn every_format_is_labelled_and_stays_what_it_is() {
    let rgba = photo(160, 120);
    let rgb = DynamicImage::from(rgba.clone()).into_rgb8();
    for (format, exact) in [(ImageFormat::Png, true), (ImageFormat::WebP, true), (ImageFormat::Tiff, true)] {
        holds(&encoded(rgb.clone(), format), exact);
        let mut clear = rgba.clone();
        clear.enumerate_pixels_mut().for_each(|(x, y, pixel)| pixel.0[3] = (x + y) as u8);
        holds(&encoded(clear, format), exact);
    }
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 92).encode_image(&rgb).unwrap();
    holds(&jpeg, false);
}

#[test]
fn labels_in_metadata_survive() {
    let rgb = DynamicImage::from(photo(120, 90)).into_rgb8();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif] {
        let bytes = encoded(rgb.clone(), format);
        let carrier = crate::carrier::of(&bytes, "").unwrap();
        for value in [VALUE, OTHER] {
            let bytes = labelled(carrier, &bytes, value).unwrap();
            let (new, _) = done(&bytes, &Label::default()).unwrap();
            assert_eq!(values(carrier, &new), [value], "{format:?}");
            // And the other way round.
            let again = labelled(carrier, &new, OTHER).unwrap();
            assert_eq!(values(carrier, &again), [OTHER], "{format:?}");
            shown(&again);
        }
    }
}

/// EXIF with an orientation.
fn turned(orientation: u8) -> Vec<u8> {
    [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0], &[0; 4][..]].concat()
}

#[test]
fn the_label_stands_upright_as_the_picture_is_shown() {
    let rgb = DynamicImage::from(photo(150, 100)).into_rgb8();
    for orientation in 1..=8 {
        let block = turned(orientation);
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let mut bytes = Vec::new();
            let raw = rgb.as_raw();
            use image::ImageEncoder;
            let colour = image::ExtendedColorType::Rgb8;
            match format {
                ImageFormat::Jpeg => {
                    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 95);
                    encoder.set_exif_metadata(block.clone()).unwrap();
                    encoder.write_image(raw, 150, 100, colour).unwrap();
                }
                ImageFormat::Png => {
                    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
                    encoder.set_exif_metadata(block.clone()).unwrap();
                    encoder.write_image(raw, 150, 100, colour).unwrap();
                }
                _ => {
                    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
                    encoder.set_exif_metadata(block.clone()).unwrap();
                    encoder.write_image(raw, 150, 100, colour).unwrap();
                }
            }
            let size = shown(&bytes);
            assert_eq!(size.width() == 100, orientation > 4, "{format:?} {orientation}");
            let new = holds(&bytes, format != ImageFormat::Jpeg);
            assert!(memchr::memmem::find(&new, &block).is_some(), "EXIF is kept");
        }
        let mut tiff = encoded(rgb.clone(), ImageFormat::Tiff);
        variants::with_orientation(&mut tiff, orientation);
        holds(&tiff, true);
    }
}

#[test]
fn exif_comments_and_profiles_are_kept() {
    let block = exif(true, b"a picture of mine, and long enough\0", b"ASCII\0\0\0what the camera said");
    let jpeg = encoded(DynamicImage::from(photo(120, 90)).into_rgb8(), ImageFormat::Jpeg);
    let segment =
        |marker: u8, data: &[u8]| [&[0xFF, marker], &((data.len() + 2) as u16).to_be_bytes()[..], data].concat();
    let own = [
        segment(0xE1, &[b"Exif\0\0".as_slice(), &block].concat()),
        segment(0xE2, b"ICC_PROFILE\0\x01\x01 a profile"),
        segment(0xED, b"Photoshop 3.0\08BIM IPTC"),
        segment(0xFE, b"a comment"),
        segment(0xE9, b"of a maker"),
    ]
    .concat();
    let bytes = [&jpeg[..20], &own, &jpeg[20..], b"what follows"].concat();
    let new = holds(&bytes, false);
    assert_eq!(new[..20 + own.len()], bytes[..20 + own.len()]);
    assert!(new.ends_with(b"\xFF\xD9what follows"));
    // Further pictures would show the content without its label.
    let mpf = segment(0xE2, &[b"MPF\0".as_slice(), &turned(1)].concat());
    let bytes = [&jpeg[..20], &own, &mpf, &jpeg[20..], &jpeg].concat();
    let new = holds(&bytes, false);
    assert!(new.ends_with(b"\xFF\xD9") && memchr::memmem::find(&new, b"MPF\0").is_none());
    assert_eq!(memchr::memmem::find_iter(&new, b"\xFF\xD8\xFF").count(), 1);
    assert_eq!(new[..20 + own.len()], bytes[..20 + own.len()]);
}
