//! Picture files changed in their pixels alone: decoded, changed, encoded in the same format, everything else kept.
//!
//! The file's structure is not written anew. Of the newly encoded picture only the coded pixels and what they need to be
//! decoded is taken; segments, chunks and fields of metadata are copied from the original, byte for byte, in their order.
//!
//! | format | pixels | kept on purpose | refused |
//! |---|---|---|---|
//! | JPEG | encoded anew with the file's own quantisation tables where these are good enough, its subsampling, its mode | APP segments, comments, what follows the end | CMYK; 12 bits; lossless and arithmetic coding; unusual subsampling; subsampled baseline pictures in several scans |
//! | PNG, APNG | lossless; a palette becomes RGB or RGBA, fewer than 8 bits of grey become 8 | all chunks but those that describe a palette that is gone | animations of 16 bits a sample |
//! | GIF | lossless while a frame's colours and the label's are 256 or fewer | extensions, timing, loop | |
//! | WebP | encoded without loss, also what came with loss: the file grows | ICC profile, EXIF, XMP, timing, loop | more than 16384 pixels a side |
//! | TIFF | lossless (deflate, or none as before) | all fields of all directories | other than 8 or 16 bits of grey, palette, RGB, RGBA; planes apart; raw camera files |
//!
//! A JPEG's multi-picture table (MPF) goes, and with it the pictures behind the first: previews and gain maps that show the
//! same content without what was drawn on it. The small thumbnail inside EXIF stays as it is.

mod gif;
mod jpeg;
mod native;
mod orientation;
mod png;
mod tiff;
mod webp;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat};

use crate::Error;
use orientation::Orientation;

/// How much a picture file may ask for. It is refused before anything of that size is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub bytes: usize,
    /// Pixels of one frame.
    pub pixels: u64,
    /// Pixels of all frames (pages) together: what bounds time and the length of the result.
    pub all_pixels: u64,
}

impl Default for Limits {
    /// 256 MiB, 2^26 pixels (up to 2 GiB while at work), 2^29 in all frames.
    fn default() -> Limits {
        Limits { bytes: 256 << 20, pixels: 1 << 26, all_pixels: 1 << 29 }
    }
}

impl Limits {
    /// Whether the file may be read at all.
    fn file(&self, file: &[u8], format: &'static str) -> Result<(), Error> {
        if file.len() > self.bytes {
            let problem = format!("it has {} bytes, and at most {} are read", file.len(), self.bytes);
            return Err(Error::TooMuch { format, problem });
        }
        Ok(())
    }

    /// Width and height of a frame, when it may be decoded; `all` counts the pixels of all frames.
    fn frame(
        &self,
        format: &'static str,
        width: u64,
        height: u64,
        frames: u64,
        all: &mut u64,
    ) -> Result<(usize, usize), Error> {
        let too_much = |problem: String| Error::TooMuch { format, problem };
        if width == 0 || height == 0 {
            return Err(damaged(format, 0, format!("its size is {width} × {height}")));
        }
        let pixels = width.saturating_mul(height);
        if pixels > self.pixels {
            let most = self.pixels;
            return Err(too_much(format!(
                "a picture of {width} × {height} has more than {most} pixels; scale it down"
            )));
        }
        *all = all.saturating_add(pixels.saturating_mul(frames));
        if *all > self.all_pixels {
            let most = self.all_pixels;
            return Err(too_much(format!(
                "its frames have more than {most} pixels in all; make it shorter or smaller"
            )));
        }
        match (usize::try_from(width), usize::try_from(height)) {
            (Ok(width), Ok(height)) => Ok((width, height)),
            _ => Err(too_much(format!("a picture of {width} × {height}"))),
        }
    }
}

/// A frame as it is shown: upright, 4 bytes a pixel (red, green, blue, alpha), row by row.
pub(crate) struct Frame {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) rgba: Vec<u8>,
}

/// What is done to each frame.
pub(crate) type Change<'a> = dyn FnMut(&mut Frame) -> Result<(), Error> + 'a;

/// What a format's module works with.
struct Job<'a, 'b> {
    file: &'a [u8],
    limits: &'a Limits,
    /// JPEG: the least quality (1 to 100, of the tables of ITU-T T.81 annex K).
    quality: u8,
    change: &'a mut Change<'b>,
}

impl Job<'_, '_> {
    /// Changes a frame that is stored in an orientation.
    fn change(&mut self, rgba: Vec<u8>, width: usize, height: usize, turned: Orientation) -> Result<Vec<u8>, Error> {
        let mut frame = turned.shown(Frame { width, height, rgba });
        (self.change)(&mut frame)?;
        Ok(turned.stored(frame).rgba)
    }
}

/// Formats whose pixels can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF, also of several frames.
    Gif,
    /// WebP, also of several frames.
    WebP,
    /// TIFF and `BigTIFF`, of one page or more.
    Tiff,
}

impl Format {
    /// The format of a file, by its first bytes.
    #[must_use]
    pub fn of(file: &[u8]) -> Option<Format> {
        Some(match file {
            [0xFF, 0xD8, 0xFF, ..] => Format::Jpeg,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Format::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Format::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Format::WebP,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Format::Tiff,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Gif => "GIF",
            Format::WebP => "WebP",
            Format::Tiff => "TIFF",
        }
    }
}

/// The file with every frame changed. `quality`: JPEG's least.
pub(crate) fn edit(file: &[u8], limits: &Limits, quality: u8, change: &mut Change<'_>) -> Result<Vec<u8>, Error> {
    let format = Format::of(file).ok_or(Error::UnknownFormat)?;
    limits.file(file, format.name())?;
    let job = Job { file, limits, quality, change };
    match format {
        Format::Jpeg => jpeg::edit(job),
        Format::Png => png::edit(job),
        Format::Gif => gif::edit(job),
        Format::WebP => webp::edit(job),
        Format::Tiff => tiff::edit(job),
    }
}

/// The first frame of a file, upright.
pub(crate) fn first(file: &[u8], limits: &Limits) -> Result<Frame, Error> {
    let format = Format::of(file).ok_or(Error::UnknownFormat)?;
    let name = format.name();
    limits.file(file, name)?;
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
        Format::Tiff => ImageFormat::Tiff,
    };
    let wrong = |error: image::ImageError| damaged(name, 0, error.to_string());
    let mut reader = image::ImageReader::with_format(Cursor::new(file), format);
    let mut bounds = image::Limits::default();
    // Up to 16 bytes a pixel, and the decoder's own copy.
    bounds.max_alloc = Some(limits.pixels.saturating_mul(32));
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(wrong)?;
    let (width, height) = decoder.dimensions();
    limits.frame(name, u64::from(width), u64::from(height), 1, &mut 0)?;
    let turned = decoder.orientation().map_or(Orientation::UPRIGHT, |found| Orientation::new(found.to_exif().into()));
    let picture = DynamicImage::from_decoder(decoder).map_err(wrong)?.into_rgba8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(turned.shown(Frame { width, height, rgba: picture.into_raw() }))
}

fn damaged(format: &'static str, at: usize, problem: impl Into<String>) -> Error {
    Error::Damaged { format, at: at as u64, problem: problem.into() }
}

fn unsupported(format: &'static str, problem: impl Into<String>) -> Error {
    Error::Unsupported { format, problem: problem.into() }
}
