use ::image::imageops::{FilterType, crop_imm, resize};
use ::image::{RgbImage, codecs::jpeg::JpegEncoder};

use super::find::soft;
use super::tile::{BITS, Plan};
use super::*;

const PAYLOAD: u64 = 0x0123_4567_89ab_cdef;

fn secret() -> Secret {
    Secret::new(b"0123456789abcdef0123456789abcdef").unwrap()
}

/// Leaves of many sizes that lie over each other, each with a shade and some grain: edges, flat parts and a spectrum that
/// falls as those of photographs do.
fn leaves(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut picture = RgbImage::from_pixel(width, height, ::image::Rgb([120, 130, 140]));
    for _ in 0..500 {
        let radius = 6.0 / rng.f64().max(0.02);
        let (x0, y0) = (rng.f64() * f64::from(width), rng.f64() * f64::from(height));
        let colour: [f64; 3] = std::array::from_fn(|_| rng.f64() * 255.0);
        let (slope, grain) = (rng.f64() * 2.0 - 1.0, rng.f64() * 10.0);
        let range = |centre: f64, limit: u32| {
            (centre - radius).max(0.0) as u32..((centre + radius).max(0.0) as u32 + 1).min(limit)
        };
        for y in range(y0, height) {
            for x in range(x0, width) {
                let (dx, dy) = (f64::from(x) - x0, f64::from(y) - y0);
                if dx.hypot(dy) < radius {
                    let shade = slope * dx + grain * (rng.f64() - 0.5);
                    picture.put_pixel(x, y, ::image::Rgb(colour.map(|value| (value + shade).clamp(0.0, 255.0) as u8)));
                }
            }
        }
    }
    picture
}

/// A page: dark strokes in lines on white.
fn page(width: u32, height: u32) -> RgbImage {
    let mut rng = fastrand::Rng::with_seed(4);
    let strokes: Vec<bool> = (0..(width / 3 * height / 3) as usize + 1).map(|_| rng.f64() < 0.45).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let ink = y % 24 < 14 && x % 17 < 13 && strokes[(y / 3 * (width / 3) + x / 3) as usize % strokes.len()];
        ::image::Rgb(if ink { [30; 3] } else { [250; 3] })
    })
}

fn pictures() -> Vec<(&'static str, RgbImage)> {
    vec![
        ("leaves 768x576", leaves(768, 576, 1)),
        ("leaves 512x512", leaves(512, 512, 2)),
        ("gradient 640x480", RgbImage::from_fn(640, 480, |x, y| ::image::Rgb([(x / 3) as u8, (y / 2) as u8, 128]))),
        ("grey 512x512", RgbImage::from_pixel(512, 512, ::image::Rgb([128; 3]))),
        ("page 768x576", page(768, 576)),
    ]
}

fn jpeg(picture: &RgbImage, quality: u8) -> RgbImage {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    ::image::load_from_memory(&bytes).unwrap().to_rgb8()
}

fn half(picture: &RgbImage, filter: FilterType) -> RgbImage {
    resize(picture, picture.width() / 2, picture.height() / 2, filter)
}

/// A fifth of each side is cut away, unevenly.
fn cropped(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    crop_imm(picture, width * 13 / 100 + 1, height * 7 / 100 + 3, width * 8 / 10, height * 8 / 10).to_image()
}

fn marked(picture: &RgbImage) -> (RgbImage, f64) {
    let mut marked = picture.clone();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let psnr = embed(&mut marked, width, height, PAYLOAD, &secret(), USUAL_STRENGTH).unwrap();
    (marked, psnr)
}

fn find(picture: &RgbImage, search: Search) -> Option<Mark> {
    read(picture, picture.width() as usize, picture.height() as usize, &secret(), search).unwrap()
}

/// Of the 80 bits, those that are read wrongly before anything is corrected, and the clarity.
fn errors(picture: &RgbImage, scale: f64) -> (u32, f64) {
    let plan = Plan::new(&secret());
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let soft = soft(&luminance(picture), width, height, &plan, scale, None).unwrap();
    ((soft.code() ^ plan.code(PAYLOAD)).count_ones(), soft.clarity)
}

/// The ways a picture is treated; the scale that results; how many wrong bits are allowed in all pictures.
type Way = (&'static str, fn(&RgbImage) -> RgbImage, f64);

const WAYS: [Way; 8] = [
    ("as it is", Clone::clone, 1.0),
    ("JPEG 75", |p| jpeg(p, 75), 1.0),
    ("half, bilinear", |p| half(p, FilterType::Triangle), 0.5),
    ("half, Lanczos", |p| half(p, FilterType::Lanczos3), 0.5),
    ("crop", cropped, 1.0),
    ("crop, JPEG 75", |p| jpeg(&cropped(p), 75), 1.0),
    ("half, JPEG 75", |p| jpeg(&half(p, FilterType::Triangle), 75), 0.5),
    ("crop, half, JPEG 75", |p| jpeg(&half(&cropped(p), FilterType::Triangle), 75), 0.5),
];

#[test]
fn the_mark_survives_jpeg_scaling_and_crops_bit_by_bit() {
    let mut lost = Vec::new();
    for (name, picture) in pictures() {
        let (marked, psnr) = marked(&picture);
        println!("{name}: PSNR {psnr:.1} dB");
        for (way, treat, scale) in WAYS {
            let treated = treat(&marked);
            let (errors, clarity) = errors(&treated, scale);
            let found = find(&treated, Search::Scale(scale)).map(|mark| mark.payload);
            println!("  {way}: {errors} of {BITS} bits wrong, clarity {clarity:.1}, read: {}", found == Some(PAYLOAD));
            if found != Some(PAYLOAD) {
                lost.push(format!("{name}, {way}"));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}
