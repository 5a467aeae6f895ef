//! One small sound file of every carrier, made here, with room to put hostile parts in.

use std::error::Error;
use std::io::Cursor;

use flate2::Crc;
use image::{ImageFormat, RgbImage};
use menshen_provenance::carrier::{ALL, Carrier};

/// What making a file gives.
pub type Made = Result<Vec<u8>, Box<dyn Error>>;

/// A box of the ISO base media file format.
pub fn boxed(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len() + 8).unwrap_or(u32::MAX);
    [&size.to_be_bytes(), kind.as_slice(), data].concat()
}

/// A box with a version and flags.
pub fn full(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    boxed(kind, &[[0; 4].as_slice(), data].concat())
}

/// A chunk of RIFF.
pub fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let padding = if data.len() % 2 == 1 { vec![0] } else { Vec::new() };
    [id.as_slice(), &size.to_le_bytes(), data, &padding].concat()
}

/// An element of EBML whose size takes eight bytes.
pub fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    let size = 1 << 56 | data.len() as u64;
    [id, &size.to_be_bytes(), data].concat()
}

/// A chunk of PNG.
pub fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut sum = Crc::new();
    sum.update(kind);
    sum.update(data);
    [&length.to_be_bytes(), kind.as_slice(), data, &sum.sum().to_be_bytes()].concat()
}

/// A PNG with these chunks behind its header.
pub fn png(chunks: &[u8]) -> Made {
    let mut file = picture(ImageFormat::Png)?;
    file.splice(33..33, chunks.iter().copied());
    Ok(file)
}

/// A small picture in a format.
pub fn picture(format: ImageFormat) -> Made {
    let picture = RgbImage::from_fn(9, 7, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, (x * y) as u8]));
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format)?;
    Ok(file.into_inner())
}

/// A HEIF with these items (`infe` boxes), these entries of `iloc`, and boxes behind it.
pub fn heif(items: &[Vec<u8>], places: &[[u32; 3]], behind: &[u8]) -> Vec<u8> {
    let count = |count: usize| u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes();
    let iinf = full(b"iinf", &[count(items.len()).as_slice(), &items.concat()].concat());
    let mut iloc = vec![0x44, 0];
    iloc.extend(count(places.len()));
    for [id, at, length] in places {
        iloc.extend(id.to_be_bytes().into_iter().skip(2).chain([0, 0, 0, 1]));
        iloc.extend(at.to_be_bytes().into_iter().chain(length.to_be_bytes()));
    }
    let meta = full(b"meta", &[full(b"pitm", &[0, 1]), iinf, full(b"iloc", &iloc)].concat());
    [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), meta, boxed(b"mdat", b"the coded picture"), behind.to_vec()].concat()
}

/// An `infe` box of this number.
pub fn infe(id: u16, kind: &[u8], rest: &[u8]) -> Vec<u8> {
    [boxed(b"infe", &[[2, 0, 0, 0].as_slice(), &id.to_be_bytes(), &[0, 0], kind, &[0], rest].concat())].concat()
}

/// A movie with `inner` in its movie box and `behind` it.
pub fn movie(brand: &[u8; 4], inner: &[u8], behind: &[u8]) -> Vec<u8> {
    let moov = boxed(b"moov", &[full(b"mvhd", &[0; 96]).as_slice(), inner].concat());
    [
        boxed(b"ftyp", &[brand.as_slice(), b"\0\0\x02\0isommp42"].concat()),
        moov,
        boxed(b"mdat", b"media"),
        behind.to_vec(),
    ]
    .concat()
}

/// A WAV with these chunks before its sound.
pub fn wav(chunks: &[u8]) -> Vec<u8> {
    let format = chunk(b"fmt ", &[1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x80, 0x3E, 0, 0, 2, 0, 16, 0]);
    chunk(b"RIFF", &[b"WAVE".as_slice(), &format, chunks, &chunk(b"data", &[7; 40])].concat())
}

/// An AVI with these chunks behind its pictures.
pub fn avi(chunks: &[u8]) -> Vec<u8> {
    let headers = chunk(b"LIST", &[b"hdrl".as_slice(), &chunk(b"avih", &[0; 56])].concat());
    let pictures = chunk(b"LIST", &[b"movi".as_slice(), &chunk(b"00dc", b"picture")].concat());
    chunk(b"RIFF", &[b"AVI ".as_slice(), &headers, &pictures, chunks].concat())
}

/// A FLAC with these blocks (none of them the last) before its last.
pub fn flac(blocks: &[u8]) -> Vec<u8> {
    [b"fLaC\0\0\0\x22".as_slice(), &[1; 34], blocks, b"\x81\0\0\x04\0\0\0\0\xFF\xF8 sound"].concat()
}

/// A page of Ogg with one packet of less than 255 bytes, or none.
pub fn page(serial: u32, number: u32, flags: u8, packet: Option<&[u8]>) -> Vec<u8> {
    let mut page =
        [b"OggS\0".as_slice(), &[flags], &[0; 8], &serial.to_le_bytes(), &number.to_le_bytes(), &[0; 4]].concat();
    match packet {
        Some(packet) => page.extend([1, packet.len() as u8]),
        None => page.push(0),
    }
    page.extend(packet.unwrap_or_default());
    let sum = page.iter().fold(0_u32, |sum, byte| {
        (0..8)
            .fold(sum ^ u32::from(*byte) << 24, |sum, _| if sum >> 31 == 1 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 })
    });
    page.splice(22..26, sum.to_le_bytes());
    page
}

/// An Opus stream with these pages behind its beginning.
pub fn ogg(pages: &[u8]) -> Vec<u8> {
    let head = page(7, 0, 2, Some(b"OpusHead\x01\x01\0\0\0\0\0\0\0\0\0"));
    let tags = page(7, 1, 0, Some(b"OpusTags\x01\0\0\0v\0\0\0\0"));
    [head, pages.to_vec(), tags, page(7, 2, 4, Some(&[9; 60]))].concat()
}

/// A Matroska file with these elements in its segment.
pub fn matroska(elements: &[u8]) -> Vec<u8> {
    let head = element(&[0x1A, 0x45, 0xDF, 0xA3], &element(&[0x42, 0x82], b"matroska"));
    let cluster = element(&[0x1F, 0x43, 0xB6, 0x75], &element(&[0xE7], &[0]));
    [head, element(&[0x18, 0x53, 0x80, 0x67], &[elements, &cluster].concat())].concat()
}

/// An FLV with these tags before its frames.
pub fn flv(tags: &[u8]) -> Vec<u8> {
    [b"FLV\x01\x05\0\0\0\x09\0\0\0\0".as_slice(), tags, &tag(9, &[0x17, 0, 1, 2])].concat()
}

/// A tag of FLV.
pub fn tag(kind: u8, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len()).unwrap_or(0).to_be_bytes();
    let [_, high, middle, low] = size;
    let after = u32::try_from(data.len() + 11).unwrap_or(0).to_be_bytes();
    [[kind, high, middle, low, 0, 0, 0, 0, 0, 0, 0].as_slice(), data, &after].concat()
}

/// A stored ZIP archive of these members; ZIP64 where they are many.
pub fn zip<N: AsRef<[u8]>, D: AsRef<[u8]>>(members: &[(N, D)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let (name, data) = (name.as_ref(), data.as_ref());
        let mut sum = Crc::new();
        sum.update(data);
        let at = u32::try_from(file.len()).unwrap_or(u32::MAX);
        let size = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
        let length = u16::try_from(name.len()).unwrap_or(0).to_le_bytes();
        let common =
            [[20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0].as_slice(), &sum.sum().to_le_bytes(), &size, &size, &length, &[0, 0]];
        file.extend([b"PK\x03\x04".as_slice(), &common.concat(), name, data].concat());
        directory
            .extend([b"PK\x01\x02\x14\0".as_slice(), &common.concat(), &[0; 10], &at.to_le_bytes(), name].concat());
    }
    let (count, size, at) = (members.len() as u64, directory.len() as u64, file.len() as u64);
    file.append(&mut directory);
    if count >= u64::from(u16::MAX) {
        let record = file.len() as u64;
        file.extend([b"PK\x06\x06".as_slice(), &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8]].concat());
        [count, count, size, at].iter().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend([b"PK\x06\x07\0\0\0\0".as_slice(), &record.to_le_bytes(), &[1, 0, 0, 0]].concat());
    }
    let short = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
    let long = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    file.extend([b"PK\x05\x06\0\0\0\0".as_slice(), &short, &short, &long(size), &long(at), &[0, 0]].concat());
    file
}

/// The parts that every office document has.
pub const OFFICE: [(&str, &str); 3] = [
    ("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
    ("_rels/.rels", "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"/>"),
    ("word/document.xml", "<w/>"),
];

/// The parts of a publication whose container names packages.
pub fn epub(rootfiles: &str, more: &[(String, String)]) -> Vec<u8> {
    let container = format!("<container><rootfiles>{rootfiles}</rootfiles></container>");
    let mut parts = vec![
        ("mimetype".to_owned(), "application/epub+zip".to_owned()),
        ("META-INF/container.xml".to_owned(), container),
    ];
    parts.extend_from_slice(more);
    zip(&parts)
}

/// A PDF of these objects, numbered from one, with more in its trailer.
pub fn pdf(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let size = objects.len() + 1;
    let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let at = file.len();
    file.extend_from_slice(format!("{table}trailer\n<</Size {size}{trailer}>>\nstartxref\n{at}\n%%EOF").as_bytes());
    file
}

/// The file of a carrier; nothing for one that is not known here.
pub fn of(id: &str) -> Made {
    let opf = "<package xmlns=\"http://www.idpf.org/2007/opf\"><metadata/></package>".to_owned();
    Ok(match id {
        "jpeg" => picture(ImageFormat::Jpeg)?,
        "png" => picture(ImageFormat::Png)?,
        "webp" => picture(ImageFormat::WebP)?,
        "gif" => picture(ImageFormat::Gif)?,
        "tiff" => picture(ImageFormat::Tiff)?,
        "heif" => heif(&[infe(1, b"hvc1", b"")], &[[1, 0, 8]], b""),
        "mp3" => [[0xFF, 0xFB, 0x90, 0].as_slice(), &[0x55; 413]].concat().repeat(3),
        "wav" => wav(b""),
        "flac" => flac(b""),
        "ogg" => ogg(b""),
        "m4a" => movie(b"M4A ", b"", b""),
        "mp4" => movie(b"isom", b"", b""),
        "matroska" => matroska(b""),
        "avi" => avi(b""),
        "flv" => flv(b""),
        "ooxml" => zip(&OFFICE),
        "epub" => epub("<rootfile full-path=\"c.opf\"/>", &[("c.opf".to_owned(), opf)]),
        "ofd" => zip(&[("OFD.xml", "<OFD><DocBody><DocInfo/></DocBody></OFD>")]),
        "pdf" => pdf(&["<</Type/Catalog>>", "<</Title(t)>>"], "/Root 1 0 R/Info 2 0 R"),
        "markdown" => b"---\ntitle: t\nlist: [1, {a: b}]\n---\n\n# A heading\n".to_vec(),
        "html" => b"<!doctype html><html><head><meta charset=utf-8><title>t</title></head><body><p>x</html>".to_vec(),
        "text" => "正文。\n本文由人工智能生成。\n".into(),
        other => return Err(format!("a new carrier: {other}; give it a sample").into()),
    })
}

/// A carrier and its file.
pub type Sample = (&'static Carrier, Vec<u8>);

/// The files of all carriers.
pub fn all() -> Result<Vec<Sample>, Box<dyn Error>> {
    ALL.iter().map(|carrier| Ok((carrier, of(carrier.id)?))).collect()
}
