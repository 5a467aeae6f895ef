use std::time::{Duration, Instant};

use super::*;

fn refused(bytes: &[u8], limits: &Limits) -> String {
    let start = Instant::now();
    let error = label(bytes, &Label::default(), limits).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
    error
}

fn samples() -> Vec<Vec<u8>> {
    let picture = DynamicImage::from(photo(64, 48)).into_rgb8();
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif]
        .map(|format| encoded(picture.clone(), format))
        .to_vec()
}

#[test]
fn cut_off_and_unknown_files_are_refused() {
    for bytes in samples() {
        for cut in [3, 7, 12, 30, bytes.len() / 2, bytes.len() - 3] {
            // TIFF's directory may stand before what is cut.
            let found = label(&bytes[..cut], &Label::default(), &Limits::default());
            assert!(found.is_err(), "{:?} cut at {cut}", Format::of(&bytes));
        }
    }
    assert!(matches!(done(b"%PDF-1.7", &Label::default()), Err(Error::UnknownFormat)));
    assert!(matches!(done(b"", &Label::default()), Err(Error::UnknownFormat)));
}

#[test]
fn pictures_too_small_for_the_label_are_refused() {
    let one = DynamicImage::from(photo(1, 1)).into_rgb8();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Gif] {
        let error = refused(&encoded(one.clone(), format), &Limits::default());
        assert!(error.contains("shorten"), "{error}");
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_they_are_decoded() {
    let big = 100_000_u32;
    for mut bytes in samples() {
        match Format::of(&bytes).unwrap() {
            Format::Png => {
                bytes[16..20].copy_from_slice(&big.to_be_bytes());
                bytes[20..24].copy_from_slice(&big.to_be_bytes());
                let mut sum = flate2::Crc::new();
                sum.update(&bytes[12..29]);
                bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
            }
            Format::Jpeg => {
                let at = memchr::memmem::find(&bytes, &[0xFF, 0xC0, 0]).unwrap();
                bytes[at + 5..at + 9].fill(0xFF);
            }
            Format::Gif => bytes[6..10].fill(0xFF),
            Format::WebP => {
                // VP8L: 14 bits each, behind the signature: 16383 × 16383.
                bytes[21..24].copy_from_slice(&[0xFE, 0xBF, 0xFF]);
                bytes[24] |= 0x0F;
            }
            Format::Tiff => {
                let at = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
                for field in bytes[at + 2..].chunks_mut(12).take(10) {
                    if matches!(field[..2], [0, 1] | [1, 1]) {
                        field[2] = 4;
                        field[8..12].copy_from_slice(&big.to_le_bytes());
                    }
                }
            }
        }
        let error = refused(&bytes, &Limits::default());
        assert!(error.contains("more than 67108864 pixels"), "{error}");
        assert!(crate::raster::first(&bytes, &Limits::default()).is_err());
    }
}

#[test]
fn bombs_are_refused() {
    // Many pixels in few bytes: within the format's sizes, beyond the limits given.
    let limits = Limits { pixels: 100 * 100, ..Limits::default() };
    let flat = image::RgbImage::from_pixel(400, 300, image::Rgb([9; 3]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::Tiff] {
        assert!(refused(&encoded(flat.clone(), format), &limits).contains("more than 10000 pixels"));
    }
    // Many frames of few bytes.
    let frames = vec![image::Frame::new(photo(60, 40)); 5];
    let mut film = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut film).encode_frames(frames).unwrap();
    let limits = Limits { all_pixels: 4 * 60 * 40, ..Limits::default() };
    assert!(refused(&film, &limits).contains("in all"));
    let limits = Limits { bytes: 100, ..Limits::default() };
    assert!(refused(&film, &limits).contains("at most 100 are read"));
}

#[test]
fn what_cannot_be_written_again_is_refused_with_the_reason() {
    let mut cmyk = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut cmyk, 90);
    encoder.encode(&[7; 64 * 48 * 4], 64, 48, jpeg_encoder::ColorType::Cmyk).unwrap();
    assert!(refused(&cmyk, &Limits::default()).contains("CMYK"));
    let mut jpeg = samples().remove(0);
    let at = memchr::memmem::find(&jpeg, &[0xFF, 0xC0, 0]).unwrap();
    jpeg[at + 4] = 12;
    assert!(refused(&jpeg, &Limits::default()).contains("12 bits"));
    for (marker, reason) in [(0xC3, "lossless"), (0xC9, "arithmetic")] {
        jpeg[at + 1] = marker;
        assert!(refused(&jpeg, &Limits::default()).contains(reason));
    }
    use tiff::encoder::{TiffEncoder, colortype};
    let mut floats = Cursor::new(Vec::new());
    let data = vec![0.5_f32; 64 * 48];
    TiffEncoder::new(&mut floats).unwrap().write_image::<colortype::Gray32Float>(64, 48, &data).unwrap();
    assert!(refused(&floats.into_inner(), &Limits::default()).contains("32 bits a sample"));
    let mut print = Cursor::new(Vec::new());
    TiffEncoder::new(&mut print).unwrap().write_image::<colortype::CMYK8>(64, 48, &[7; 64 * 48 * 4]).unwrap();
    assert!(refused(&print.into_inner(), &Limits::default()).contains("RGB"));
}

#[test]
fn damaged_files_never_panic() {
    let mut rng = fastrand::Rng::with_seed(3);
    let small = Label { text: "AI生成".to_owned(), ..Label::default() };
    let limits = Limits { pixels: 1 << 16, all_pixels: 1 << 18, ..Limits::default() };
    for bytes in samples() {
        for _ in 0..60 {
            let mut bytes = bytes.clone();
            for _ in 0..rng.usize(1..4) {
                // The beginning holds the structure.
                let most = if rng.bool() { 200 } else { bytes.len() };
                let at = rng.usize(..most.min(bytes.len()));
                bytes[at] = rng.u8(..);
            }
            if let Ok((new, _)) = label(&bytes, &small, &limits) {
                assert_eq!(Format::of(&new), Format::of(&bytes));
            }
        }
    }
}
