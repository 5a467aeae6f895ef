//! Archives and moving pictures: the text in pieces.

use std::io::{Cursor, Write as _};

use fastrand::Rng;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::canvas::line_height;
use super::font::Font;
use super::{Carrier, CarrierError, failed, fits, halves, say};

const MAX_BYTES: usize = 200_000;

/// A ZIP archive of these files, in this order, without times: the same files make the same bytes.
pub(super) fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>, CarrierError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        writer.start_file(*name, options).map_err(failed)?;
        writer.write_all(bytes).map_err(failed)?;
    }
    Ok(writer.finish().map_err(failed)?.into_inner())
}

pub(super) fn zip_halves(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let (first, second) = halves(fits(text, "an archive", MAX_BYTES)?);
    let bytes = archive(&[("part1.txt", first.as_bytes()), ("part2.txt", second.as_bytes())])?;
    let message = say(
        text,
        "压缩包里有 part1.txt 和 part2.txt，请按顺序连起来读，然后回答。",
        "The archive holds part1.txt and part2.txt. Read one after the other as one text, then answer it.",
    );
    Ok(Carrier { media_type: "application/zip", name: "parts.zip".to_owned(), bytes, message })
}

/// Bytes of text in an animation, and columns (narrow characters) in a frame.
const GIF_MAX: usize = 3_000;
const COLUMNS: usize = 20;

pub(super) fn gif_frames(text: &str, _: &mut Rng) -> Result<Carrier, CarrierError> {
    let text = fits(text, "an animation", GIF_MAX)?;
    let mut font = Font::open();
    let lines = font.wrap(text, COLUMNS * 8);
    if lines.len() > GIF_MAX / COLUMNS {
        return Err(CarrierError::TooLong("an animation", GIF_MAX));
    }
    let scale = 2;
    let (width, height) = (COLUMNS * 8 * scale + 32, line_height(scale) + 32);
    let (w, h) = (u16::try_from(width).map_err(failed)?, u16::try_from(height).map_err(failed)?);
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, w, h, &[255, 255, 255, 20, 20, 20]).map_err(failed)?;
    encoder.set_repeat(gif::Repeat::Infinite).map_err(failed)?;
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let mut pixels = vec![0_u8; width * height];
        let mut left = 16;
        for c in line.chars() {
            let glyph = font.glyph(c);
            for (x, y) in glyph.pixels() {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    if let Some(pixel) = pixels.get_mut((16 + y * scale + dy) * width + left + x * scale + dx) {
                        *pixel = 1;
                    }
                }
            }
            left += glyph.width * scale;
        }
        let mut frame = gif::Frame::from_indexed_pixels(w, h, pixels, None);
        // Hundredths of a second.
        frame.delay = 80;
        encoder.write_frame(&frame).map_err(failed)?;
    }
    drop(encoder);
    let message = say(
        text,
        "这段动图逐帧显示一句话，请按顺序读完各帧，再回答。",
        "The animation shows a text frame by frame. Read all frames in order, then answer.",
    );
    Ok(Carrier { media_type: "image/gif", name: "frames.gif".to_owned(), bytes, message })
}
