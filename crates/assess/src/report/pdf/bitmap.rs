//! Glyphs of GNU Unifont for a Type 3 font: 16 units to the em, the baseline two units above the foot.

use pdf_writer::Content;
use unifont_bitmap::Unifont;

/// Units of an em.
pub(super) const EM: f32 = 16.0;
const DESCENT: f32 = 2.0;
/// How far runs of pixels overlap, so that no seams show between them.
const OVERLAP: f32 = 0.06;
/// How much wider a bold stroke is.
const BOLD: f32 = 0.6;

/// The built-in font, unpacked page by page as characters are asked for.
pub(super) struct Bitmaps(Unifont);

impl Bitmaps {
    pub(super) fn open() -> Bitmaps {
        Bitmaps(Unifont::open())
    }

    /// The width in units: 8 or 16.
    pub(super) fn width(&mut self, c: char) -> f32 {
        if blank(c) || !self.0.load_bitmap(u32::from(c)).is_wide() { EM / 2.0 } else { EM }
    }

    /// A glyph as a content stream: one rectangle for each run of pixels.
    pub(super) fn outline(&mut self, c: char, bold: bool) -> Vec<u8> {
        let mut content = Content::new();
        let width = self.width(c);
        content.start_shape_glyph(width, 0.0, -DESCENT, width + BOLD, EM - DESCENT + OVERLAP);
        if blank(c) {
            return content.finish().to_vec();
        }
        let bitmap = self.0.load_bitmap(u32::from(c));
        let wide = bitmap.is_wide();
        let extra = if bold { BOLD } else { OVERLAP };
        let mut drawn = false;
        for (y, row) in bitmap.get_bytes().chunks(if wide { 2 } else { 1 }).enumerate() {
            let bits = row.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
            let columns = if wide { 16_u16 } else { 8 };
            let mut run: Option<u16> = None;
            for x in 0..=columns {
                let set = x < columns && bits >> (columns - 1 - x) & 1 == 1;
                match (set, run) {
                    (true, None) => run = Some(x),
                    (false, Some(from)) => {
                        let top = EM - DESCENT - f32::from(u16::try_from(y).unwrap_or(0));
                        content.rect(f32::from(from), top - 1.0, f32::from(x - from) + extra, 1.0 + OVERLAP);
                        drawn = true;
                        run = None;
                    }
                    _ => {}
                }
            }
        }
        if drawn {
            content.fill_nonzero();
        }
        content.finish().to_vec()
    }
}

fn blank(c: char) -> bool {
    c.is_control() || c.is_whitespace()
}
