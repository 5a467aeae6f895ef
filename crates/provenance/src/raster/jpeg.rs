//! JPEG: the coded picture anew, the segments of metadata as they were.

use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;
use jpeg_encoder::{ColorType, Encoder, QuantizationTableType, SamplingFactor};

use super::native::{Native, Values};
use super::orientation::Orientation;
use super::{Job, damaged, unsupported};
use crate::Error;

const NAME: &str = "JPEG";
/// The order in which a table's values are written (ITU-T T.81 figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];
/// The sums of the tables of annex K (K.1 and K.2), by which a quality is estimated.
const SUMS: [f64; 2] = [3688.0, 5607.0];

/// A marker with its payload.
struct Segment<'a> {
    marker: u8,
    /// The whole of it, marker and length included.
    all: &'a [u8],
    data: &'a [u8],
}

/// The structure of a file.
#[derive(Default)]
struct Layout<'a> {
    segments: Vec<Segment<'a>>,
    /// What follows the end of the picture.
    tail: &'a [u8],
}

/// What the frame's header says.
struct Header {
    progressive: bool,
    grey: bool,
    width: u16,
    height: u16,
    sampling: SamplingFactor,
    /// Which quantisation table is for luminance, which for chrominance.
    tables: [u8; 2],
}

pub(super) fn edit(mut job: Job<'_, '_>) -> Result<Vec<u8>, Error> {
    let file = job.file;
    let old = layout(file)?;
    let header = header(&old)?;
    let scans = old.segments.iter().filter(|segment| segment.marker == 0xDA).count();
    if scans > 1 && !header.progressive && header.sampling != SamplingFactor::F_1_1 {
        // The decoder takes the blocks at the edges of such scans for others.
        let problem = "its colours stand in scans of their own; save it again as a usual or a progressive JPEG";
        return Err(unsupported(NAME, problem));
    }
    let mut all = 0;
    let (width, height) = job.limits.frame(NAME, header.width.into(), header.height.into(), 1, &mut all)?;
    let samples = decode(file, width, height, header.grey)?;
    let turned = old.segments.iter().find_map(exif).map_or(Orientation::UPRIGHT, Orientation::of_exif);
    let mut native = Native { channels: if header.grey { 1 } else { 3 }, values: Values::Eight(samples) };
    let before = native.rgba();
    let after = job.change(before.clone(), width, height, turned)?;
    native.take(&before, &after);
    drop((before, after));
    let Values::Eight(samples) = native.values else { return Err(damaged(NAME, 0, "it has more than 8 bits")) };
    let mut coded = Vec::new();
    let mut encoder = Encoder::new(&mut coded, job.quality);
    let [luma, chroma] = tables(&old, &header, job.quality);
    encoder.set_quantization_tables(luma, chroma);
    encoder.set_sampling_factor(header.sampling);
    encoder.set_progressive(header.progressive);
    // Optimised tables would put each colour into a scan of its own, which not every decoder gets right in a baseline
    // picture; a progressive one has several anyway.
    encoder.set_optimized_huffman_tables(header.progressive);
    let colour = if header.grey { ColorType::Luma } else { ColorType::Rgb };
    encoder
        .encode(&samples, header.width, header.height, colour)
        .map_err(|error| unsupported(NAME, format!("it could not be encoded again: {error}")))?;
    joined(&old, &layout(&coded)?)
}

/// The metadata of the old file around the picture of the new.
fn joined(old: &Layout<'_>, new: &Layout<'_>) -> Result<Vec<u8>, Error> {
    let mut out = vec![0xFF, 0xD8];
    let mut pictures_follow = false;
    for segment in old.segments.iter().filter(|segment| matches!(segment.marker, 0xE0..=0xEF | 0xFE)) {
        if segment.marker == 0xE2 && segment.data.starts_with(b"MPF\0") {
            pictures_follow = true;
            continue;
        }
        let from = out.len();
        out.extend_from_slice(segment.all);
        // Adobe's marker says of three colours whether they are RGB (0) or YCbCr (1): the new ones are YCbCr.
        if segment.marker == 0xEE
            && segment.data.starts_with(b"Adobe")
            && let Some(transform) = out.get_mut(from + 4 + 11)
        {
            *transform = (*transform).min(1).max(u8::from(!is_grey(new)));
        }
    }
    for segment in new.segments.iter().filter(|segment| !matches!(segment.marker, 0xE0..=0xEF | 0xFE)) {
        out.extend_from_slice(segment.all);
    }
    out.extend_from_slice(&[0xFF, 0xD9]);
    if !pictures_follow {
        out.extend_from_slice(old.tail);
    }
    Ok(out)
}

fn is_grey(layout: &Layout<'_>) -> bool {
    layout.segments.iter().any(|segment| matches!(segment.marker, 0xC0..=0xC2) && segment.data.get(5) == Some(&1))
}

fn exif<'a>(segment: &Segment<'a>) -> Option<&'a [u8]> {
    (segment.marker == 0xE1).then(|| segment.data.strip_prefix(b"Exif\0\0")).flatten()
}

fn decode(file: &[u8], width: usize, height: usize, grey: bool) -> Result<Vec<u8>, Error> {
    let wrong = |error: image::ImageError| damaged(NAME, 0, error.to_string());
    let decoder = JpegDecoder::new(std::io::Cursor::new(file)).map_err(wrong)?;
    let (wide, high) = decoder.dimensions();
    let bytes = width * height * if grey { 1 } else { 3 };
    if (wide as usize, high as usize) != (width, height) || decoder.total_bytes() != bytes as u64 {
        return Err(damaged(NAME, 0, "its headers contradict each other"));
    }
    let mut samples = vec![0; bytes];
    decoder.read_image(&mut samples).map_err(wrong)?;
    Ok(samples)
}

/// Cuts a file into its segments; a scan's coded data belongs to its header.
fn layout(file: &[u8]) -> Result<Layout<'_>, Error> {
    let cut_off = |at: usize| damaged(NAME, at, "it ends before its picture does");
    let mut found = Layout::default();
    let mut at = 2;
    loop {
        let start = at;
        if file.get(at) != Some(&0xFF) {
            return Err(damaged(NAME, at, "no marker stands where one must"));
        }
        // FF may stand before a marker any number of times.
        while file.get(at) == Some(&0xFF) {
            at += 1;
        }
        let marker = *file.get(at).ok_or_else(|| cut_off(at))?;
        at += 1;
        match marker {
            0xD9 => {
                found.tail = file.get(at..).unwrap_or_default();
                return Ok(found);
            }
            0x01 | 0xD0..=0xD7 => continue,
            0x00 | 0xD8 => {
                return Err(damaged(NAME, start, format!("the marker FF{marker:02X} stands where none may")));
            }
            _ => {}
        }
        let length = file.get(at..at + 2).and_then(|two| two.first_chunk()).ok_or_else(|| cut_off(at))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let data = file.get(at + 2..at + length.max(2)).ok_or_else(|| cut_off(at))?;
        if length < 2 {
            return Err(damaged(NAME, at, "a segment's length is wrong"));
        }
        at += length;
        if marker == 0xDA {
            // To the next marker that is no restart.
            loop {
                let rest = file.get(at..).unwrap_or_default();
                let skip = memchr::memchr(0xFF, rest).ok_or_else(|| cut_off(file.len()))?;
                match rest.get(skip + 1).ok_or_else(|| cut_off(file.len()))? {
                    0xFF => at += skip + 1,
                    0x00 | 0xD0..=0xD7 => at += skip + 2,
                    _ => {
                        at += skip;
                        break;
                    }
                }
            }
        }
        let all = file.get(start..at).ok_or_else(|| cut_off(at))?;
        found.segments.push(Segment { marker, all, data });
    }
}

fn header(layout: &Layout<'_>) -> Result<Header, Error> {
    let sizes =
        |segment: &&Segment<'_>| matches!(segment.marker, 0xC0..=0xCF) && !matches!(segment.marker, 0xC4 | 0xC8 | 0xCC);
    let mut headers = layout.segments.iter().filter(sizes);
    let (Some(frame), None) = (headers.next(), headers.next()) else {
        return Err(damaged(NAME, 0, "it does not have one frame header"));
    };
    if !layout.segments.iter().any(|segment| segment.marker == 0xDA) {
        return Err(damaged(NAME, 0, "it has no scan"));
    }
    let [precision, h1, h2, w1, w2, count, components @ ..] = frame.data else {
        return Err(damaged(NAME, 0, "its frame header is too short"));
    };
    let coding = match frame.marker {
        0xC0..=0xC2 => None,
        0xC3 | 0xC7 | 0xCB | 0xCF => Some("lossless coding"),
        0xC5 | 0xC6 => Some("hierarchical coding"),
        _ => Some("arithmetic coding"),
    };
    if let Some(coding) = coding {
        return Err(unsupported(NAME, format!("it is of {coding}; save it as a usual JPEG or as PNG first")));
    }
    if *precision != 8 {
        return Err(unsupported(NAME, format!("it has {precision} bits a sample; save it with 8, or as PNG with 16")));
    }
    let ([width, height], progressive) =
        ([u16::from_be_bytes([*w1, *w2]), u16::from_be_bytes([*h1, *h2])], frame.marker == 0xC2);
    let parts: Vec<[u8; 3]> = components.as_chunks().0.to_vec();
    match (count, parts.as_slice()) {
        (1, [[_, _, table]]) => {
            let tables = [*table; 2];
            Ok(Header { progressive, grey: true, width, height, sampling: SamplingFactor::F_1_1, tables })
        }
        (3, [[_, luma, table], [_, blue, chroma], [_, red, _]]) => {
            // Luminance against chrominance. Others are rare, and decoders and encoders differ on them.
            let sampling = match (luma, blue, red) {
                (0x21, 0x11, 0x11) => SamplingFactor::F_2_1,
                (0x12, 0x11, 0x11) => SamplingFactor::F_1_2,
                (0x22, 0x11, 0x11) => SamplingFactor::F_2_2,
                _ if luma == blue && luma == red => SamplingFactor::F_1_1,
                _ => {
                    let problem = "its colours are subsampled in an unusual way; save it again as a usual JPEG (4:2:0)";
                    return Err(unsupported(NAME, problem));
                }
            };
            Ok(Header { progressive, grey: false, width, height, sampling, tables: [*table, *chroma] })
        }
        (4, _) => {
            Err(unsupported(NAME, "its colours are CMYK, for print; convert it to RGB, whose colours a screen shows"))
        }
        _ => Err(unsupported(NAME, format!("it has {count} colours a pixel"))),
    }
}

/// The file's own tables where they are good enough, so that what is not changed hardly loses anything; else those of
/// annex K at the least quality.
fn tables(layout: &Layout<'_>, header: &Header, least: u8) -> [QuantizationTableType; 2] {
    let mut own: [Option<[u16; 64]>; 4] = [None; 4];
    for segment in layout.segments.iter().filter(|segment| segment.marker == 0xDB) {
        let mut rest = segment.data;
        while let Some((kind, later)) = rest.split_first() {
            let wide = usize::from(kind >> 4 != 0);
            let Some((values, later)) = later.split_at_checked(64 << wide) else { break };
            let mut table = [0; 64];
            for (place, value) in ZIGZAG.iter().zip(values.chunks_exact(1 << wide)) {
                let value = value.iter().fold(0, |sum: u16, byte| sum << 8 | u16::from(*byte));
                table.get_mut(*place).into_iter().for_each(|slot| *slot = value);
            }
            own.get_mut(usize::from(kind & 15)).into_iter().for_each(|slot| *slot = Some(table));
            rest = later;
        }
    }
    let choose = |which: usize| {
        let table = header.tables.get(which).and_then(|name| own.get(usize::from(*name)).copied().flatten());
        let sum = SUMS.get(which).copied().unwrap_or(1.0);
        match table {
            Some(table)
                if quality(&table, sum) >= f64::from(least) && table.iter().all(|value| (1..256).contains(value)) =>
            {
                QuantizationTableType::Custom(Box::new(table))
            }
            _ => QuantizationTableType::Default,
        }
    };
    [choose(0), choose(1)]
}

/// The quality at which annex K's table would be as coarse as this one, after the formula of the Independent JPEG Group.
fn quality(table: &[u16; 64], sum: f64) -> f64 {
    let scale = 100.0 * table.iter().map(|value| f64::from(*value)).sum::<f64>() / sum;
    if scale > 100.0 { 5000.0 / scale } else { (200.0 - scale) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quality_of_usual_tables_is_known() {
        for wanted in [50_u8, 75, 85, 95] {
            let mut file = Vec::new();
            Encoder::new(&mut file, wanted).encode(&[128; 16 * 16 * 3], 16, 16, ColorType::Rgb).unwrap();
            let layout = layout(&file).unwrap();
            let header = header(&layout).unwrap();
            for (least, own) in [(wanted - 2, true), (wanted + 2, false)] {
                for table in tables(&layout, &header, least) {
                    assert_eq!(matches!(table, QuantizationTableType::Custom(_)), own, "{wanted} {least}");
                }
            }
        }
    }
}
