//! TIFF: the coded pixels anew, every page; all directories' fields as they were.
//!
//! Offsets may stand anywhere in a TIFF, in fields of makers too, so nothing is moved: each page gets a new directory
//! behind what is there, and its pixels go where the old ones stood, or behind where they need more room. What is left of
//! the old pixels is overwritten with zeros, and cut off where it ends the file.

use std::io::Cursor;
use std::io::Write;

use flate2::write::ZlibEncoder;
use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult};

use super::native::{Native, Values};
use super::orientation::Orientation;
use super::{Job, damaged, unsupported};
use crate::Error;
use crate::carrier::edit::{Source, encode, number};
use crate::carrier::exif::{self, Directory, Field, Header};

const NAME: &str = "TIFF";
/// Tags (TIFF 6.0).
const WIDTH: u16 = 0x0100;
const HEIGHT: u16 = 0x0101;
const BITS: u16 = 0x0102;
const COMPRESSION: u16 = 0x0103;
const PHOTOMETRIC: u16 = 0x0106;
const FILL_ORDER: u16 = 0x010A;
const STRIP_OFFSETS: u16 = 0x0111;
const ORIENTATION: u16 = 0x0112;
const SAMPLES: u16 = 0x0115;
const ROWS: u16 = 0x0116;
const STRIP_BYTES: u16 = 0x0117;
const PLANES: u16 = 0x011C;
const PREDICTOR: u16 = 0x013D;
const COLOURS: u16 = 0x0140;
const TILE_WIDTH: u16 = 0x0142;
const TILE_HEIGHT: u16 = 0x0143;
const TILE_OFFSETS: u16 = 0x0144;
const TILE_BYTES: u16 = 0x0145;
const SUB_DIRECTORIES: u16 = 0x014A;
/// `DNGVersion`.
const RAW: u16 = 0xC612;
/// Fields that say how pixels are stored, and are written anew.
const STORAGE: [u16; 16] = [
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    FILL_ORDER,
    STRIP_OFFSETS,
    SAMPLES,
    ROWS,
    STRIP_BYTES,
    PLANES,
    PREDICTOR,
    COLOURS,
    TILE_WIDTH,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_BYTES,
    0x0119,
];
/// Most pages.
const MOST_PAGES: usize = 4096;
/// Most strips or tiles of a page.
const MOST_STRIPS: u64 = 1 << 20;

/// A page whose pixels are changed.
struct Page {
    directory: Directory,
    width: usize,
    height: usize,
    turned: Orientation,
    /// Whether its pixels were compressed.
    packed: bool,
    photometric: u64,
    /// Where its coded pixels stand: from, and to.
    coded: Vec<(usize, usize)>,
}

pub(super) fn edit(mut job: Job<'_, '_>) -> Result<Vec<u8>, Error> {
    let file = job.file;
    let mut cursor = Cursor::new(file);
    let mut source = Source::new(&mut cursor, NAME)?;
    let header = exif::header(&mut source, 0)?;
    let mut pages = pages(&mut job, &mut source, header)?;
    let wrong = |error: tiff::TiffError| match error {
        tiff::TiffError::LimitsExceeded => {
            Error::TooMuch { format: NAME, problem: "it takes more memory than its pixels need".to_owned() }
        }
        tiff::TiffError::UnsupportedError(what) => unsupported(NAME, format!("{what}; save it as 8 or 16 bits of RGB")),
        other => damaged(NAME, 0, other.to_string()),
    };
    let mut limits = tiff::decoder::Limits::default();
    let most = usize::try_from(job.limits.pixels.saturating_mul(8)).unwrap_or(usize::MAX);
    limits.decoding_buffer_size = most;
    limits.intermediate_buffer_size = most;
    let mut decoder = Decoder::new(Cursor::new(file)).map_err(wrong)?.with_limits(limits);
    let mut out = file.to_vec();
    // Old pixels first: the pages' new ones may take any of the room.
    for (from, to) in pages.iter().flat_map(|page| &page.coded) {
        out.get_mut(*from..*to).into_iter().for_each(|old| old.fill(0));
    }
    cut(&mut out, &mut pages);
    let mut link = 4;
    if header.big {
        link = 8;
    }
    for (index, page) in pages.iter().enumerate() {
        decoder.seek_to_image(index).map_err(wrong)?;
        let colour = decoder.colortype().map_err(wrong)?;
        let palette = match colour {
            ColorType::Palette(_) => Some(decoder.get_tag_u16_vec(tiff::tags::Tag::ColorMap).map_err(wrong)?),
            _ => None,
        };
        let pixels = decoder.read_image().map_err(wrong)?;
        let mut native = native(pixels, colour, palette.as_deref())?;
        let before = native.rgba();
        if before.len() != page.width * page.height * 4 {
            return Err(damaged(NAME, 0, "it has fewer pixels than its size says"));
        }
        let after = job.change(before.clone(), page.width, page.height, page.turned)?;
        native.take(&before, &after);
        drop((before, after));
        link = write(&mut out, header, page, &native, link)?;
    }
    Ok(out)
}

/// Cuts the old pixels off where they end the file; that room is no page's any more.
fn cut(out: &mut Vec<u8>, pages: &mut [Page]) {
    let mut parts: Vec<(usize, usize)> = pages.iter().flat_map(|page| page.coded.iter().copied()).collect();
    parts.sort_by_key(|(_, to)| std::cmp::Reverse(*to));
    for (from, to) in parts {
        if to != out.len() {
            break;
        }
        out.truncate(from);
    }
    let end = out.len();
    pages.iter_mut().for_each(|page| page.coded.retain(|(_, to)| *to <= end));
}

/// The pages, when all of them can be changed.
fn pages(job: &mut Job<'_, '_>, source: &mut Source<'_>, header: Header) -> Result<Vec<Page>, Error> {
    let end = source.len();
    let mut pages: Vec<Page> = Vec::new();
    let (mut offset, mut all) = (header.first, 0);
    while offset != 0 {
        if pages.len() == MOST_PAGES || pages.iter().any(|page| page.directory.at == offset) {
            return Err(source.damaged(offset, "its pages go round in a circle, or are thousands"));
        }
        let (fields, next) = exif::directory(source, header, offset, end)?;
        let directory = Directory { at: offset, page: Some(pages.len()), fields };
        pages.push(page(job, source, header, directory, &mut all)?);
        offset = next;
    }
    if pages.is_empty() {
        return Err(source.damaged(4, "it has no page"));
    }
    let mut parts: Vec<(usize, usize)> = pages.iter().flat_map(|page| page.coded.iter().copied()).collect();
    parts.sort_unstable();
    let structures = pages.iter().map(|page| page.directory.at as usize);
    let inside = |at: usize| parts.iter().any(|(from, to)| (*from..*to).contains(&at));
    if structures.into_iter().any(inside) || parts.first().is_some_and(|(from, _)| *from < 8) {
        return Err(source.damaged(0, "its pixels lie over its directories"));
    }
    // Room is used again: it must be one page's alone.
    if parts.iter().zip(parts.iter().skip(1)).any(|((_, to), (from, _))| from < to) {
        return Err(source.unsupported("two parts of its pixels stand at one place; save it anew"));
    }
    Ok(pages)
}

fn page(
    job: &mut Job<'_, '_>,
    source: &mut Source<'_>,
    header: Header,
    directory: Directory,
    all: &mut u64,
) -> Result<Page, Error> {
    let field = |tag: u16| directory.fields.iter().find(|field| field.tag == tag);
    if field(RAW).is_some() || field(SUB_DIRECTORIES).is_some() {
        return Err(unsupported(NAME, "it holds pictures inside others (a raw camera file?); export it as plain TIFF"));
    }
    let mut one = |tag: u16, usual: u64| match field(tag) {
        Some(field) => items(source, header, field, 1).map(|found| found.first().copied().unwrap_or(usual)),
        None => Ok(usual),
    };
    let (wide, high) = (one(WIDTH, 0)?, one(HEIGHT, 0)?);
    let (bits, photometric, planes) = (one(BITS, 1)?, one(PHOTOMETRIC, 1)?, one(PLANES, 1)?);
    let (compression, order, samples) = (one(COMPRESSION, 1)?, one(FILL_ORDER, 1)?, one(SAMPLES, 1)?);
    let turned = Orientation::new(one(ORIENTATION, 1)?);
    let (width, height) = job.limits.frame(NAME, wide, high, 1, all)?;
    let problem = if !matches!(bits, 8 | 16) {
        format!("it has {bits} bits a sample; save it with 8 or 16")
    } else if !matches!((photometric, samples), (0 | 1, 1 | 2) | (2, 3 | 4))
        && (photometric, samples, bits) != (3, 1, 8)
    {
        "its colours are neither grey nor RGB nor a palette; save it as RGB".to_owned()
    } else if planes != 1 && samples > 1 {
        "its colours stand in planes of their own; save it with them together".to_owned()
    } else if order != 1 {
        "its bits stand the other way round; save it anew".to_owned()
    } else {
        String::new()
    };
    if !problem.is_empty() {
        return Err(unsupported(NAME, problem));
    }
    let places = field(STRIP_OFFSETS).zip(field(STRIP_BYTES)).or(field(TILE_OFFSETS).zip(field(TILE_BYTES)));
    let Some((offsets, sizes)) = places else { return Err(damaged(NAME, 0, "a page has no pixels")) };
    let (offsets, sizes) = (items(source, header, offsets, MOST_STRIPS)?, items(source, header, sizes, MOST_STRIPS)?);
    let mut coded = Vec::with_capacity(offsets.len());
    for (from, size) in offsets.iter().zip(&sizes) {
        let to = from.saturating_add(*size);
        if to > source.len() {
            return Err(source.damaged(*from, "its pixels go beyond the end of the file"));
        }
        coded.push((*from as usize, to as usize));
    }
    Ok(Page { directory, width, height, turned, packed: compression != 1, photometric, coded })
}

/// The numbers of a field.
fn items(source: &mut Source<'_>, header: Header, field: &Field, most: u64) -> Result<Vec<u64>, Error> {
    let width = match field.kind {
        1 => 1,
        3 => 2,
        4 | 13 => 4,
        16 | 18 => 8,
        _ => return Ok(Vec::new()),
    };
    let count = field.count.min(most);
    let bytes = source.part(field.value, count.saturating_mul(width as u64), "a field")?;
    Ok(bytes.chunks_exact(width).map(|item| number(item, header.little)).collect())
}

/// The samples of a page; a palette's colours in its place.
fn native(pixels: DecodingResult, colour: ColorType, palette: Option<&[u16]>) -> Result<Native, Error> {
    let values = match pixels {
        DecodingResult::U8(all) => Values::Eight(all),
        DecodingResult::U16(all) => Values::Sixteen(all),
        _ => return Err(unsupported(NAME, "its samples are no whole numbers of 8 or 16 bits; save it so")),
    };
    let channels = match colour {
        ColorType::Gray(_) => 1,
        ColorType::GrayA(_) => 2,
        ColorType::RGB(_) => 3,
        ColorType::RGBA(_) => 4,
        ColorType::Palette(_) => {
            let (Values::Eight(indices), Some(table)) = (values, palette) else {
                return Err(unsupported(NAME, "it has a palette of more than 8 bits"));
            };
            // All reds, all greens, all blues.
            let third = table.len() / 3;
            let part =
                |index: u8, which: usize| table.get(which * third + usize::from(index)).map_or(0, |v| (v >> 8) as u8);
            let rgb = indices.iter().flat_map(|index| [0, 1, 2].map(|which| part(*index, which))).collect();
            return Ok(Native { channels: 3, values: Values::Eight(rgb) });
        }
        other => return Err(unsupported(NAME, format!("its colours are {other:?}; save it as RGB"))),
    };
    Ok(Native { channels, values })
}

/// Writes the pixels and the directory of a page, and puts the directory's place at `link`; answers where the place of the
/// next goes.
fn write(out: &mut Vec<u8>, header: Header, page: &Page, native: &Native, link: usize) -> Result<usize, Error> {
    let little = header.little;
    let too_long = || unsupported(NAME, "it would grow beyond 4 GiB; save it as BigTIFF");
    let (bits, raw) = match &native.values {
        Values::Eight(all) => (8, all.clone()),
        Values::Sixteen(all) => {
            let bytes = |value: &u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
            (16, all.iter().flat_map(bytes).collect::<Vec<u8>>())
        }
    };
    let data = if page.packed {
        let mut packer = ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(&raw)?;
        packer.finish()?
    } else {
        raw
    };
    let at = room(out, page, &data);
    let wide = header.width();
    let n = |value: usize, width: usize| encode(value as u64, width, little).ok_or_else(too_long);
    // Of several numbers the bits are; they stand in the field where they fit, else behind the pixels.
    let all_bits = std::iter::repeat_n(n(bits, 2)?, native.channels).collect::<Vec<_>>().concat();
    let bits_at = if all_bits.len() > wide {
        even(out);
        out.extend_from_slice(&all_bits);
        Some(out.len() - all_bits.len())
    } else {
        None
    };
    let photometric = match (native.channels, page.photometric) {
        // The decoder has turned black and white round.
        (1 | 2, _) => 1,
        _ => 2,
    };
    let short = |tag: u16, value: usize| -> Result<(u16, Vec<u8>), Error> {
        let mut entry = [n(tag.into(), 2)?, n(3, 2)?, n(1, wide)?, n(value, 2)?].concat();
        entry.resize(header.field() as usize, 0);
        Ok((tag, entry))
    };
    let long = |tag: u16, value: usize| -> Result<(u16, Vec<u8>), Error> {
        let kind = if header.big { 16 } else { 4 };
        Ok((tag, [n(tag.into(), 2)?, n(kind, 2)?, n(1, wide)?, n(value, wide)?].concat()))
    };
    let mut bits_value = bits_at.map_or(Ok(all_bits), |at| n(at, wide))?;
    bits_value.resize(wide, 0);
    let mut entries: Vec<(u16, Vec<u8>)> = vec![
        (BITS, [n(BITS.into(), 2)?, n(3, 2)?, n(native.channels, wide)?, bits_value].concat()),
        // Deflate (8), or none.
        short(COMPRESSION, if page.packed { 8 } else { 1 })?,
        short(PHOTOMETRIC, photometric)?,
        long(STRIP_OFFSETS, at)?,
        short(SAMPLES, native.channels)?,
        long(ROWS, page.height)?,
        long(STRIP_BYTES, data.len())?,
        short(PLANES, 1)?,
    ];
    let size = header.field() as usize;
    for field in page.directory.fields.iter().filter(|field| !STORAGE.contains(&field.tag)) {
        let from = field.at as usize;
        let old = out.get(from..from + size).ok_or_else(|| damaged(NAME, from, "a field is missing"))?;
        entries.push((field.tag, old.to_vec()));
    }
    entries.sort_by_key(|(tag, _)| *tag);
    even(out);
    let place = out.len();
    out.extend(n(entries.len(), header.count() as usize)?);
    entries.iter().for_each(|(_, entry)| out.extend_from_slice(entry));
    let next = out.len();
    out.resize(next + wide, 0);
    let value = n(place, wide)?;
    out.get_mut(link..link + wide).into_iter().for_each(|slot| slot.copy_from_slice(&value));
    Ok(next)
}

/// Puts coded pixels where the page's old ones stood, if they fit there, else behind.
fn room(out: &mut Vec<u8>, page: &Page, data: &[u8]) -> usize {
    let mut parts = page.coded.clone();
    parts.sort_unstable();
    // The longest run of strips that follow each other.
    let (mut best, mut run) = ((0, 0), (0, 0));
    for (from, to) in parts {
        run = if from == run.1 && run.1 > 0 { (run.0, to) } else { (from, to) };
        if run.1 - run.0 > best.1 - best.0 {
            best = run;
        }
    }
    if let Some(slot) = out.get_mut(best.0..best.0 + data.len())
        && data.len() <= best.1 - best.0
    {
        slot.copy_from_slice(data);
        return best.0;
    }
    even(out);
    out.extend_from_slice(data);
    out.len() - data.len()
}

/// Directories and values stand at even places.
fn even(out: &mut Vec<u8>) {
    if out.len() % 2 == 1 {
        out.push(0);
    }
}
