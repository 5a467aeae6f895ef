//! The watermark of [`super::image`] in an encoded picture: the file with the mark in its pixels, on every frame, in the
//! same format, with everything else in it kept ([`crate::raster`] says what that is for each format).
//!
//! The mark is made in the picture as it is shown, so that it is found in copies that are stored upright, too.

use super::Secret;
use super::image::{Mark, Search, embed, read};
use crate::Error;
use crate::raster::{self, Format, Limits};

/// The least quality at which a JPEG is encoded anew: below, the encoder takes part of the mark.
const QUALITY: u8 = 90;

/// The picture file with a mark of 64 bits; the strength as in [`super::image::embed`].
///
/// Pixels that are not seen (alpha 0) are left alone. A GIF is refused: its 256 colours do not hold a mark.
///
/// # Errors
/// When the file is no picture of a known format, is damaged, asks for more than the limits, is of a variant that cannot
/// be written again, or is smaller than 256 × 256; when the strength is wrong.
pub fn embed_file(
    file: &[u8],
    payload: u64,
    secret: &Secret,
    strength: f32,
    limits: &Limits,
) -> Result<Vec<u8>, Error> {
    if Format::of(file) == Some(Format::Gif) {
        let problem = "its 256 colours do not hold a watermark; save it as PNG or WebP first".to_owned();
        return Err(Error::Unsupported { format: "GIF", problem });
    }
    raster::edit(file, limits, QUALITY, &mut |frame| {
        let mut rgb = opaque(&frame.rgba);
        embed(&mut rgb, frame.width, frame.height, payload, secret, strength)?;
        for (pixel, marked) in frame.rgba.as_chunks_mut::<4>().0.iter_mut().zip(rgb.as_chunks::<3>().0) {
            let [r, g, b, a] = pixel;
            if *a > 0 {
                (*r, *g, *b) = (marked[0], marked[1], marked[2]);
            }
        }
        Ok(())
    })
}

/// Looks for a mark that was made with the secret in the first frame of a picture file, of any of the formats.
///
/// # Errors
/// When the file is no picture of a known format, is damaged or asks for more than the limits.
pub fn read_file(file: &[u8], secret: &Secret, search: Search, limits: &Limits) -> Result<Option<Mark>, Error> {
    let frame = raster::first(file, limits)?;
    read(&opaque(&frame.rgba), frame.width, frame.height, secret, search)
}

/// Red, green and blue alone.
fn opaque(rgba: &[u8]) -> Vec<u8> {
    rgba.as_chunks().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect()
}

#[cfg(test)]
mod tests;
