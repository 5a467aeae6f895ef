//! How a stored picture is turned when it is shown (EXIF and TIFF tag 0x0112, values 1 to 8).

use std::io::Cursor;

use super::Frame;
use crate::carrier::edit::{Source, number};
use crate::carrier::exif;

/// The tag.
const TAG: u16 = 0x0112;

/// An orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// Shown as it is stored.
    pub(super) const UPRIGHT: Orientation = Orientation(1);

    /// Of the tag's value; what is not 1 to 8 is taken for 1, as viewers do.
    pub(super) fn new(value: u64) -> Orientation {
        Orientation(u8::try_from(value).ok().filter(|value| (1..=8).contains(value)).unwrap_or(1))
    }

    /// Of a block of EXIF, which begins with the byte order. A damaged one says nothing.
    pub(super) fn of_exif(block: &[u8]) -> Orientation {
        let mut file = Cursor::new(block);
        let found = Source::new(&mut file, "EXIF").and_then(|mut source| {
            let header = exif::header(&mut source, 0)?;
            let (fields, _) = exif::directory(&mut source, header, header.first, block.len() as u64)?;
            let Some(field) = fields.iter().find(|field| field.tag == TAG && field.kind == 3) else { return Ok(1) };
            Ok(number(&source.bytes::<2>(field.value)?, header.little))
        });
        found.map_or(Orientation::UPRIGHT, Orientation::new)
    }

    /// Where in the stored picture the pixel of the shown one comes from; `width` and `height` are the stored picture's.
    fn from(self, x: usize, y: usize, width: usize, height: usize) -> (usize, usize) {
        let (right, bottom) = (width.saturating_sub(1), height.saturating_sub(1));
        match self.0 {
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (y, bottom - x),
            7 => (right - y, bottom - x),
            8 => (right - y, x),
            _ => (x, y),
        }
    }

    /// The one that turns back.
    fn inverse(self) -> Orientation {
        Orientation(match self.0 {
            6 => 8,
            8 => 6,
            same => same,
        })
    }

    /// The picture as it is shown.
    pub(super) fn shown(self, stored: Frame) -> Frame {
        if self == Orientation::UPRIGHT {
            return stored;
        }
        let Frame { width, height, rgba } = stored;
        let (wide, high) = if self.0 > 4 { (height, width) } else { (width, height) };
        let pixels: &[[u8; 4]] = rgba.as_chunks().0;
        let mut turned = Vec::with_capacity(rgba.len());
        for y in 0..high {
            for x in 0..wide {
                let (x, y) = self.from(x, y, width, height);
                turned.extend_from_slice(pixels.get(y * width + x).unwrap_or(&[0; 4]));
            }
        }
        Frame { width: wide, height: high, rgba: turned }
    }

    /// The picture as it is stored.
    pub(super) fn stored(self, shown: Frame) -> Frame {
        self.inverse().shown(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::metadata::Orientation as Theirs;

    #[test]
    fn all_eight_are_those_of_the_crate_image_and_turn_back() {
        let rgba: Vec<u8> = (0..3 * 2 * 4).collect();
        for value in 1..=8_u8 {
            let ours = Orientation::new(value.into());
            let shown = ours.shown(Frame { width: 3, height: 2, rgba: rgba.clone() });
            let mut theirs = image::DynamicImage::from(image::RgbaImage::from_raw(3, 2, rgba.clone()).unwrap());
            theirs.apply_orientation(Theirs::from_exif(value).unwrap());
            assert_eq!(shown.width, theirs.width() as usize);
            assert_eq!(shown.rgba, theirs.to_rgba8().into_raw(), "{value}");
            let back = ours.stored(shown);
            assert_eq!((back.width, back.height), (3, 2));
            assert_eq!(back.rgba, rgba, "{value}");
        }
        assert_eq!(Orientation::new(9), Orientation::UPRIGHT);
        assert_eq!(Orientation::of_exif(b"II*\0\x08\0\0\0\x01"), Orientation::UPRIGHT);
    }
}
