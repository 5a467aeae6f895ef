//! Small files of every format, for tests.

use crate::carrier::edit::trial::encoded;
use crate::carrier::riff;

/// Ending, media type and bytes of a file of every format that can be signed.
pub(super) fn all() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    vec![
        ("jpg", "image/jpeg", encoded(image::ImageFormat::Jpeg)),
        ("png", "image/png", encoded(image::ImageFormat::Png)),
        ("webp", "image/webp", encoded(image::ImageFormat::WebP)),
        ("tif", "image/tiff", encoded(image::ImageFormat::Tiff)),
        ("gif", "image/gif", encoded(image::ImageFormat::Gif)),
        ("heic", "image/heic", heic()),
        ("mp4", "video/mp4", film(b"isom")),
        ("mov", "video/quicktime", film(b"qt  ")),
        ("m4a", "audio/mp4", film(b"M4A ")),
        ("wav", "audio/wav", wav()),
        ("avi", "video/avi", avi()),
        ("mp3", "audio/mpeg", mp3()),
        ("flac", "audio/flac", flac()),
    ]
}

pub(super) fn boxed(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    [&(data.len() as u32 + 8).to_be_bytes(), kind.as_slice(), data].concat()
}

fn full(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    boxed(kind, &[[0; 4].as_slice(), data].concat())
}

/// A film of one track with one sample.
fn film(brand: &[u8; 4]) -> Vec<u8> {
    let build = |place: u32| {
        let stco = full(b"stco", &[1_u32.to_be_bytes(), place.to_be_bytes()].concat());
        let minf = boxed(
            b"minf",
            &[full(b"vmhd", &[0; 8]), boxed(b"stbl", &[full(b"stsd", &[0; 4]), stco].concat())].concat(),
        );
        let mdia = boxed(b"mdia", &[full(b"mdhd", &[0; 20]), minf].concat());
        let trak = boxed(b"trak", &[full(b"tkhd", &[0; 80]), mdia].concat());
        let moov = boxed(b"moov", &[full(b"mvhd", &[0; 96]), trak].concat());
        [boxed(b"ftyp", &[brand.as_slice(), b"\0\0\x02\0", brand].concat()), moov]
    };
    let place = build(0).concat().len() as u32 + 8;
    [build(place).concat(), boxed(b"mdat", &[7; 3000])].concat()
}

/// A picture of one item.
fn heic() -> Vec<u8> {
    let build = |place: u32| {
        let extent = [place.to_be_bytes(), 900_u32.to_be_bytes()].concat();
        let iloc = [b"\x44\0\0\x01\0\x01\0\0\0\x01".as_slice(), &extent].concat();
        let infe = boxed(b"infe", b"\x02\0\0\0\0\x01\0\0hvc1\0");
        let parts = [
            full(b"hdlr", b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full(b"pitm", &[0, 1]),
            full(b"iloc", &iloc),
            full(b"iinf", &[b"\0\x01".as_slice(), &infe].concat()),
            boxed(b"iprp", &boxed(b"ipco", b"")),
        ];
        [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), full(b"meta", &parts.concat())].concat()
    };
    let place = build(0).len() as u32 + 8;
    [build(place), boxed(b"mdat", &[9; 900])].concat()
}

pub(super) fn riff_of(form: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    riff::bytes(b"RIFF", &[form.to_vec(), chunks.concat()].concat())
}

fn wav() -> Vec<u8> {
    let format = riff::bytes(b"fmt ", &[1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0]);
    riff_of(b"WAVE", &[format, riff::bytes(b"data", &[5; 800])])
}

fn avi() -> Vec<u8> {
    let list = |form: &[u8; 4], inner: &[u8]| riff::bytes(b"LIST", &[form.as_slice(), inner].concat());
    let stream = list(b"strl", &riff::bytes(b"strh", &[0; 56]));
    let headers = list(b"hdrl", &[riff::bytes(b"avih", &[0; 56]), stream].concat());
    let entry = [b"00dc".as_slice(), &16_u32.to_le_bytes(), &4_u32.to_le_bytes(), &400_u32.to_le_bytes()].concat();
    let movie = list(b"movi", &riff::bytes(b"00dc", &[3; 400]));
    riff_of(b"AVI ", &[headers, movie, riff::bytes(b"idx1", &entry)])
}

/// Frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
fn mp3() -> Vec<u8> {
    let frame = [b"\xFF\xFB\x90\x00".as_slice(), &[0x55; 413]].concat();
    frame.repeat(5)
}

pub(super) fn flac() -> Vec<u8> {
    [b"fLaC\x80\0\0\x22".as_slice(), &[1; 34], b"\xFF\xF8 frames of sound", &[8; 300]].concat()
}

/// A PDF of these objects, numbered from 1; the first is the catalogue.
pub(super) fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend([format!("{} 0 obj\n", index + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let (at, size) = (bytes.len(), objects.len() + 1);
    bytes.extend(format!("{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{at}\n%%EOF").into_bytes());
    bytes
}
