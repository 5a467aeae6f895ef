//! PNG and APNG: the coded pixels anew, all other chunks as they were.
//!
//! The frames of an animation are parts that are laid over each other; they become whole pictures, one for each, so that
//! the label stands on every one.

use std::io::Cursor;

use png::{BitDepth, BlendOp, ColorType, DisposeOp, Transformations};

use super::native::{Native, Values};
use super::orientation::Orientation;
use super::{Job, damaged, unsupported};
use crate::Error;

const NAME: &str = "PNG";
/// Bytes of coded pixels in a chunk.
const PIECE: usize = 1 << 20;

/// A chunk of the file.
struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
    /// The whole of it, length and sum included.
    all: &'a [u8],
}

/// A frame of an animation as it is coded anew.
struct Shot {
    delay: [u8; 4],
    coded: Vec<u8>,
}

pub(super) fn edit(mut job: Job<'_, '_>) -> Result<Vec<u8>, Error> {
    let file = job.file;
    let (chunks, tail) = chunks(file)?;
    let exif = chunks.iter().find(|chunk| &chunk.kind == b"eXIf").map(|chunk| chunk.data);
    let turned = exif.map_or(Orientation::UPRIGHT, Orientation::of_exif);
    let frames = chunks.iter().filter(|chunk| &chunk.kind == b"fcTL").count() as u64 + 1;
    let head = chunks.iter().find(|chunk| &chunk.kind == b"IHDR").and_then(|chunk| chunk.data.first_chunk::<8>());
    let Some([w1, w2, w3, w4, h1, h2, h3, h4]) = head.copied() else {
        return Err(damaged(NAME, 8, "it has no header"));
    };
    let size = [[w1, w2, w3, w4], [h1, h2, h3, h4]].map(u32::from_be_bytes).map(u64::from);
    let (width, height) = job.limits.frame(NAME, size[0], size[1], frames, &mut 0)?;

    let bytes = job.limits.pixels.saturating_mul(16);
    let limits = png::Limits { bytes: usize::try_from(bytes).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_transformations(Transformations::EXPAND);
    // Texts and profiles are copied, not read.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let (colour, depth) = reader.output_color_type();
    let same = (colour, depth) == (reader.info().color_type, reader.info().bit_depth);
    let animated = reader.info().animation_control().is_some();
    if animated && depth == BitDepth::Sixteen {
        return Err(unsupported(NAME, "it is an animation of 16 bits a sample; save it with 8"));
    }
    let form = Form { width, height, colour, depth };
    let mut canvas = Canvas::new(width, height);
    let mut still = None;
    let mut shots = Vec::new();
    for index in 0..frames {
        // Before the first picture is decoded its control is known, if it is part of the animation.
        let mut samples = vec![0; reader.output_buffer_size().ok_or_else(|| unsupported(NAME, "it is too large"))?];
        let info = match reader.next_frame(&mut samples) {
            Ok(info) => info,
            Err(png::DecodingError::Parameter(_)) if index > 0 => break,
            Err(error) => return Err(wrong(error)),
        };
        samples.truncate(info.buffer_size());
        let control = reader.info().frame_control().copied();
        let native = form.native(samples);
        let Some(control) = control.filter(|_| animated) else {
            still = Some(coded(&mut job, &form, native, turned)?);
            continue;
        };
        let part = (control.x_offset as usize, control.y_offset as usize, info.width as usize, info.height as usize);
        canvas.put(&native.rgba(), part, control.blend_op == BlendOp::Over)?;
        let whole = form.of_rgba(&canvas.rgba);
        let coded = coded(&mut job, &form, whole, turned)?;
        canvas.dispose(control.dispose_op);
        let [d1, d2] = control.delay_num.to_be_bytes();
        let [d3, d4] = control.delay_den.to_be_bytes();
        shots.push(Shot { delay: [d1, d2, d3, d4], coded });
    }
    Ok(joined(&chunks, &form, same, still, &shots, tail))
}

fn wrong(error: png::DecodingError) -> Error {
    match error {
        png::DecodingError::LimitsExceeded => {
            Error::TooMuch { format: NAME, problem: "it unpacks to more than its pixels need".to_owned() }
        }
        other => damaged(NAME, 0, other.to_string()),
    }
}

/// What the pixels look like.
struct Form {
    width: usize,
    height: usize,
    colour: ColorType,
    depth: BitDepth,
}

impl Form {
    fn native(&self, samples: Vec<u8>) -> Native {
        let values = if self.depth == BitDepth::Sixteen {
            Values::Sixteen(samples.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
        } else {
            Values::Eight(samples)
        };
        Native { channels: self.colour.samples(), values }
    }

    /// Pixels of a canvas in the file's own channels.
    fn of_rgba(&self, rgba: &[u8]) -> Native {
        let mut samples = Vec::with_capacity(self.width * self.height * self.colour.samples());
        for [r, g, b, a] in rgba.as_chunks::<4>().0 {
            match self.colour {
                ColorType::Grayscale => samples.push(*r),
                ColorType::GrayscaleAlpha => samples.extend_from_slice(&[*r, *a]),
                ColorType::Rgb | ColorType::Indexed => samples.extend_from_slice(&[*r, *g, *b]),
                ColorType::Rgba => samples.extend_from_slice(&[*r, *g, *b, *a]),
            }
        }
        Native { channels: self.colour.samples(), values: Values::Eight(samples) }
    }
}

/// Changes a picture and codes it: the data of its `IDAT`.
fn coded(job: &mut Job<'_, '_>, form: &Form, mut native: Native, turned: Orientation) -> Result<Vec<u8>, Error> {
    let before = native.rgba();
    let after = job.change(before.clone(), form.width, form.height, turned)?;
    native.take(&before, &after);
    drop((before, after));
    let samples = match native.values {
        Values::Eight(all) => all,
        Values::Sixteen(all) => all.into_iter().flat_map(u16::to_be_bytes).collect(),
    };
    let mut file = Vec::new();
    let wrong = |error: png::EncodingError| unsupported(NAME, format!("it could not be encoded again: {error}"));
    let size = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut file, size(form.width), size(form.height));
    encoder.set_color(form.colour);
    encoder.set_depth(form.depth);
    let mut writer = encoder.write_header().map_err(wrong)?;
    writer.write_image_data(&samples).map_err(wrong)?;
    writer.finish().map_err(wrong)?;
    let (found, _) = chunks(&file)?;
    Ok(found.iter().filter(|chunk| &chunk.kind == b"IDAT").flat_map(|chunk| chunk.data).copied().collect())
}

/// Left, top, width and height of a part.
type Place = (usize, usize, usize, usize);

/// What the frames of an animation are laid on.
struct Canvas {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
    /// The part of the last frame, and what stood there before.
    last: Option<(Place, Vec<u8>)>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, rgba: Vec::new(), last: None }
    }

    /// Lays a part on it. The arithmetic of `over` is that of the specification for straight alpha.
    fn put(&mut self, part: &[u8], place: Place, over: bool) -> Result<(), Error> {
        let (x, y, wide, high) = place;
        self.rgba.resize(self.width * self.height * 4, 0);
        if x + wide > self.width || y + high > self.height || part.len() != wide * high * 4 {
            return Err(damaged(NAME, 0, "a frame goes beyond the picture"));
        }
        let mut saved = Vec::with_capacity(part.len());
        for (row, new) in part.chunks_exact((wide * 4).max(1)).enumerate() {
            let from = ((y + row) * self.width + x) * 4;
            let Some(old) = self.rgba.get_mut(from..from + wide * 4) else { continue };
            saved.extend_from_slice(old);
            for (old, new) in old.as_chunks_mut::<4>().0.iter_mut().zip(new.as_chunks::<4>().0) {
                *old = if over { blended(*old, *new) } else { *new };
            }
        }
        self.last = Some((place, saved));
        Ok(())
    }

    /// What becomes of the last frame's part before the next.
    fn dispose(&mut self, how: DisposeOp) {
        let Some(((x, y, wide, _), saved)) = self.last.take() else { return };
        if how == DisposeOp::None {
            return;
        }
        for (row, before) in saved.chunks_exact((wide * 4).max(1)).enumerate() {
            let from = ((y + row) * self.width + x) * 4;
            let Some(slot) = self.rgba.get_mut(from..from + wide * 4) else { continue };
            if how == DisposeOp::Previous {
                slot.copy_from_slice(before);
            } else {
                slot.fill(0);
            }
        }
    }
}

fn blended(under: [u8; 4], over: [u8; 4]) -> [u8; 4] {
    match (over[3], under[3]) {
        (0, _) => under,
        (255, _) | (_, 0) => over,
        (top, bottom) => {
            let (top, bottom) = (u32::from(top) * 255, (255 - u32::from(top)) * u32::from(bottom));
            let alpha = top + bottom;
            let mix = |a: u8, b: u8| ((u32::from(a) * top + u32::from(b) * bottom + alpha / 2) / alpha) as u8;
            [mix(over[0], under[0]), mix(over[1], under[1]), mix(over[2], under[2]), ((alpha + 127) / 255) as u8]
        }
    }
}

/// The chunks up to `IEND`, and what follows it.
fn chunks(file: &[u8]) -> Result<(Vec<Chunk<'_>>, &[u8]), Error> {
    let mut found = Vec::new();
    let mut at = 8;
    loop {
        let cut_off = || damaged(NAME, at, "a chunk goes beyond the end of the file");
        let head = file.get(at..at + 8).and_then(|head| head.first_chunk::<8>()).ok_or_else(cut_off)?;
        let [a, b, c, d, kind @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let all = file.get(at..).and_then(|rest| rest.get(..length.checked_add(12)?)).ok_or_else(cut_off)?;
        let data = all.get(8..8 + length).unwrap_or_default();
        found.push(Chunk { kind, data, all });
        at += all.len();
        if &kind == b"IEND" {
            return Ok((found, file.get(at..).unwrap_or_default()));
        }
    }
}

/// The file anew.
fn joined(
    chunks: &[Chunk<'_>],
    form: &Form,
    same: bool,
    still: Option<Vec<u8>>,
    shots: &[Shot],
    tail: &[u8],
) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1A\n".to_vec();
    let mut placed = false;
    for chunk in chunks {
        match &chunk.kind {
            b"IHDR" => {
                let mut head = chunk.data.to_vec();
                // Depth, colours; filters and compression as there is one of each; not interlaced.
                let rest = [form.depth as u8, form.colour as u8, 0, 0, 0];
                head.truncate(8);
                head.extend_from_slice(&rest);
                put(&mut out, b"IHDR", &head);
            }
            b"PLTE" | b"tRNS" | b"hIST" | b"sBIT" | b"bKGD" if !same => {}
            b"acTL" if chunk.data.len() == 8 => {
                // As many frames as there are.
                let count = u32::try_from(shots.len()).unwrap_or(u32::MAX).to_be_bytes();
                put(&mut out, b"acTL", &[&count, chunk.data.get(4..).unwrap_or_default()].concat());
            }
            b"fcTL" | b"fdAT" => {}
            b"IDAT" if placed => {}
            b"IDAT" => {
                placed = true;
                pixels(&mut out, form, still.as_deref(), shots);
            }
            _ => out.extend_from_slice(chunk.all),
        }
    }
    out.extend_from_slice(tail);
    out
}

/// The picture, and the frames with their controls.
fn pixels(out: &mut Vec<u8>, form: &Form, still: Option<&[u8]>, shots: &[Shot]) {
    if let Some(still) = still {
        still.chunks(PIECE).for_each(|piece| put(out, b"IDAT", piece));
    }
    let mut number = 0_u32;
    let mut next = || {
        number += 1;
        (number - 1).to_be_bytes()
    };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX).to_be_bytes();
    for (index, shot) in shots.iter().enumerate() {
        let size = [side(form.width), side(form.height), [0; 4], [0; 4]].concat();
        // Nothing is disposed of, and the frame takes the place of all before.
        put(out, b"fcTL", &[next().as_slice(), &size, &shot.delay, &[0, 0]].concat());
        for piece in shot.coded.chunks(PIECE) {
            if index == 0 && still.is_none() {
                put(out, b"IDAT", piece);
            } else {
                put(out, b"fdAT", &[next().as_slice(), piece].concat());
            }
        }
    }
}

fn put(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(data);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    out.extend_from_slice(&sum.sum().to_be_bytes());
}
