//! A picture in memory.

use super::font::{Font, HEIGHT};
use super::{CarrierError, failed};

/// Red, green, blue, opacity.
pub(super) type Colour = [u8; 4];

/// Opaque white.
pub(super) const WHITE: Colour = [255, 255, 255, 255];
/// Nearly black.
pub(super) const INK: Colour = [20, 20, 20, 255];

/// An opaque grey.
pub(super) const fn grey(value: u8) -> Colour {
    [value, value, value, 255]
}

/// Pixels, row by row.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Colour>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, colour: Colour) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, pixels: vec![colour; width * height] }
    }

    /// A picture from its pixels' colours.
    pub(super) fn of(width: usize, height: usize, mut colour: impl FnMut(usize, usize) -> Colour) -> Self {
        let mut canvas = Self::new(width, height, WHITE);
        let width = canvas.width;
        for (i, pixel) in canvas.pixels.iter_mut().enumerate() {
            *pixel = colour(i % width, i / width);
        }
        canvas
    }

    pub(super) fn get(&self, x: usize, y: usize) -> Option<Colour> {
        if x < self.width { self.pixels.get(y * self.width + x).copied() } else { None }
    }

    /// The pixel, where there is one.
    pub(super) fn at(&mut self, x: usize, y: usize) -> Option<&mut Colour> {
        if x < self.width { self.pixels.get_mut(y * self.width + x) } else { None }
    }

    /// Fills a rectangle; what lies outside the picture is left out.
    pub(super) fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        for row in y..y + height {
            for column in x..x + width {
                if let Some(pixel) = self.at(column, row) {
                    *pixel = colour;
                }
            }
        }
    }

    /// Draws lines of text; `paint` changes each pixel of ink.
    pub(super) fn write_with(
        &mut self,
        font: &mut Font,
        lines: &[String],
        (left, top): (usize, usize),
        scale: usize,
        mut paint: impl FnMut(&mut Colour),
    ) {
        for (n, line) in lines.iter().enumerate() {
            let mut x = left;
            let y = top + n * line_height(scale);
            for c in line.chars() {
                let glyph = font.glyph(c);
                for (dx, dy) in glyph.pixels() {
                    for sy in 0..scale {
                        for sx in 0..scale {
                            if let Some(pixel) = self.at(x + dx * scale + sx, y + dy * scale + sy) {
                                paint(pixel);
                            }
                        }
                    }
                }
                x += glyph.width * scale;
            }
        }
    }

    /// Draws lines of text in one colour.
    pub(super) fn write(
        &mut self,
        font: &mut Font,
        lines: &[String],
        at: (usize, usize),
        scale: usize,
        colour: Colour,
    ) {
        self.write_with(font, lines, at, scale, |pixel| *pixel = colour);
    }

    /// The picture as PNG, with or without the opacity channel, and with text chunks.
    pub(super) fn png(&self, alpha: bool, texts: &[(&str, &str)]) -> Result<Vec<u8>, CarrierError> {
        let mut out = Vec::new();
        let width = u32::try_from(self.width).map_err(failed)?;
        let height = u32::try_from(self.height).map_err(failed)?;
        let mut encoder = png::Encoder::new(&mut out, width, height);
        encoder.set_color(if alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        for (key, value) in texts {
            // tEXt holds Latin-1 only; iTXt is UTF-8.
            if value.chars().all(|c| u32::from(c) < 0x100) {
                encoder.add_text_chunk((*key).to_owned(), (*value).to_owned()).map_err(failed)?;
            } else {
                encoder.add_itxt_chunk((*key).to_owned(), (*value).to_owned()).map_err(failed)?;
            }
        }
        let mut writer = encoder.write_header().map_err(failed)?;
        let mut data = Vec::with_capacity(self.pixels.len() * 4);
        for pixel in &self.pixels {
            let [red, green, blue, opacity] = *pixel;
            data.extend_from_slice(&[red, green, blue]);
            if alpha {
                data.push(opacity);
            }
        }
        writer.write_image_data(&data).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(out)
    }
}

/// Height of a line with the space below it.
pub(super) const fn line_height(scale: usize) -> usize {
    (HEIGHT + 4) * scale
}
