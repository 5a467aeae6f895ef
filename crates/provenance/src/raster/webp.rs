//! WebP: the coded pixels anew, without loss; all other chunks as they were.
//!
//! There is no encoder with loss at hand, and a lossless one changes nothing beside the label. Frames of animations become
//! whole pictures.

use std::io::Cursor;

use image_webp::{ColorType, WebPDecoder, WebPEncoder};

use super::orientation::Orientation;
use super::{Job, damaged, unsupported};
use crate::Error;

const NAME: &str = "WebP";

/// A chunk: its name, its data, and the whole of it with the byte of padding.
struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    all: &'a [u8],
}

pub(super) fn edit(mut job: Job<'_, '_>) -> Result<Vec<u8>, Error> {
    let file = job.file;
    let (chunks, tail) = chunks(file)?;
    let exif = chunks.iter().find(|chunk| &chunk.kind == b"EXIF").map(|chunk| chunk.data);
    // Some writers put JPEG's header before it.
    let exif = exif.map(|block| block.strip_prefix(b"Exif\0\0").unwrap_or(block));
    let turned = exif.map_or(Orientation::UPRIGHT, Orientation::of_exif);
    let frames: Vec<&Chunk<'_>> = chunks.iter().filter(|chunk| &chunk.kind == b"ANMF").collect();
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    let animated = decoder.is_animated();
    let count = if animated { u64::from(decoder.num_frames()) } else { 1 };
    let (wide, high) = job.limits.frame(NAME, width.into(), height.into(), count.max(1), &mut 0)?;
    let memory = job.limits.pixels.saturating_mul(16);
    decoder.set_memory_limit(usize::try_from(memory).unwrap_or(usize::MAX));
    let alpha = decoder.has_alpha();
    let size = decoder.output_buffer_size().ok_or_else(|| unsupported(NAME, "it is too large"))?;
    let mut samples = vec![0; size];
    let mut shots = Vec::new();
    if animated {
        if frames.len() as u64 != count || frames.is_empty() {
            return Err(damaged(NAME, 12, "its frames are not where they should be"));
        }
        for _ in 0..count {
            decoder.read_frame(&mut samples).map_err(wrong)?;
            shots.push(changed(&mut job, &samples, (wide, high), alpha, turned)?);
        }
    } else {
        decoder.read_image(&mut samples).map_err(wrong)?;
        shots.push(changed(&mut job, &samples, (wide, high), alpha, turned)?);
    }
    joined(&chunks, &shots, (width, height), tail)
}

fn wrong(error: image_webp::DecodingError) -> Error {
    match error {
        image_webp::DecodingError::MemoryLimitExceeded | image_webp::DecodingError::ImageTooLarge => {
            Error::TooMuch { format: NAME, problem: "it takes more memory than its pixels need".to_owned() }
        }
        other => damaged(NAME, 0, other.to_string()),
    }
}

/// The chunk `VP8L` of a changed picture.
fn changed(
    job: &mut Job<'_, '_>,
    samples: &[u8],
    (wide, high): (usize, usize),
    alpha: bool,
    turned: Orientation,
) -> Result<Vec<u8>, Error> {
    let rgba = if alpha {
        samples.to_vec()
    } else {
        samples.as_chunks().0.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect()
    };
    let rgba = job.change(rgba, wide, high, turned)?;
    let (samples, colour) = if alpha {
        (rgba, ColorType::Rgba8)
    } else {
        (rgba.as_chunks().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(), ColorType::Rgb8)
    };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let mut file = Vec::new();
    WebPEncoder::new(&mut file)
        .encode(&samples, side(wide), side(high), colour)
        .map_err(|error| unsupported(NAME, format!("it could not be encoded again: {error}")))?;
    let (found, _) = chunks(&file)?;
    let coded = found.iter().find(|chunk| &chunk.kind == b"VP8L").map(|chunk| chunk.all.to_vec());
    coded.ok_or_else(|| unsupported(NAME, "it could not be encoded again"))
}

/// The chunks of the file, and what follows it.
fn chunks(file: &[u8]) -> Result<(Vec<Chunk<'_>>, &[u8]), Error> {
    let number = |at: usize| {
        let four = file.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map(|four| u32::from_le_bytes(*four) as usize).ok_or_else(|| damaged(NAME, at, "it ends in a header"))
    };
    let end = number(4)?.saturating_add(8);
    let Some(inside) = file.get(..end) else {
        return Err(damaged(NAME, 4, format!("it should have {end} bytes, and has {}", file.len())));
    };
    let mut found = Vec::new();
    let mut at = 12;
    while at + 8 <= end {
        let size = number(at + 4)?;
        let cut_off = || damaged(NAME, at, "a chunk goes beyond the end of the file");
        let data = inside.get(at + 8..).and_then(|rest| rest.get(..size)).ok_or_else(cut_off)?;
        let next = (at + 8 + size + (size & 1)).min(end);
        let kind = *inside.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(cut_off)?;
        found.push(Chunk { kind, data, all: inside.get(at..next).unwrap_or_default() });
        at = next;
    }
    Ok((found, file.get(end..).unwrap_or_default()))
}

fn joined(chunks: &[Chunk<'_>], shots: &[Vec<u8>], (width, height): (u32, u32), tail: &[u8]) -> Result<Vec<u8>, Error> {
    let mut body = b"WEBP".to_vec();
    let mut next = shots.iter();
    for chunk in chunks {
        match &chunk.kind {
            // The alpha of a lossy picture is in the new one.
            b"ALPH" => {}
            b"VP8 " | b"VP8L" => body.extend(next.next().into_iter().flatten()),
            b"ANMF" => {
                let Some(shot) = next.next() else { continue };
                let mut data = vec![0; 6];
                for side in [width, height] {
                    data.extend(side.saturating_sub(1).to_le_bytes().iter().take(3));
                }
                data.extend(chunk.data.get(12..15).unwrap_or(&[0; 3]));
                // It takes the place of all before (no blending), and stays.
                data.push(0b10);
                data.extend(shot);
                put(&mut body, b"ANMF", &data)?;
            }
            _ => {
                body.extend_from_slice(chunk.all);
                if chunk.all.len() % 2 == 1 {
                    body.push(0);
                }
            }
        }
    }
    let mut out = b"RIFF".to_vec();
    out.extend(length(body.len())?);
    out.extend(body);
    out.extend_from_slice(tail);
    Ok(out)
}

fn put(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> Result<(), Error> {
    out.extend_from_slice(kind);
    out.extend(length(data.len())?);
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Ok(())
}

fn length(bytes: usize) -> Result<[u8; 4], Error> {
    let length = u32::try_from(bytes).ok().filter(|length| *length < u32::MAX - 1).map(u32::to_le_bytes);
    length.ok_or_else(|| unsupported(NAME, "it would grow beyond 4 GiB"))
}
