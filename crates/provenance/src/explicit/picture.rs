//! A text label drawn on an encoded picture (GB 45438-2025 5.2): the file with the label in its pixels, on every frame or
//! page, in the same format, with everything else in it kept ([`crate::raster`] says what that is for each format).
//!
//! The label stands upright at its place of the picture as it is *shown*: an orientation of EXIF or TIFF is followed. Its
//! size is measured on the shown picture too; corners and sides are the same.

use super::image::{Drawn, Label, draw};
use crate::Error;
use crate::raster::{self, Limits};

/// The least quality at which a JPEG is encoded anew; a better one keeps its own tables.
const QUALITY: u8 = 85;

/// The picture file with a label drawn on it. What was drawn is that of the first frame, in pixels of the shown picture.
///
/// # Errors
/// When the file is no picture of a known format, is damaged, asks for more than the limits, or is of a variant that
/// cannot be written again; when the label is wrong or does not fit ([`draw`]), on any frame.
pub fn label(file: &[u8], label: &Label, limits: &Limits) -> Result<(Vec<u8>, Drawn), Error> {
    let mut first = None;
    let labelled = raster::edit(file, limits, QUALITY, &mut |frame| {
        let drawn = draw(&mut frame.rgba, frame.width, frame.height, label)?;
        first.get_or_insert(drawn);
        Ok(())
    })?;
    let drawn = first.ok_or_else(|| Error::Label("the picture has no frame to draw a label on".to_owned()))?;
    Ok((labelled, drawn))
}

#[cfg(test)]
mod tests;
