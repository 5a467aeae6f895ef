//! Glyphs and lines.

use unifont_bitmap::Unifont;

/// Height of every glyph.
pub(super) const HEIGHT: usize = 16;

/// One glyph: 16 rows, the leftmost pixel in the highest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    /// 8 or 16.
    pub width: usize,
    /// The rows from the top.
    pub rows: [u16; HEIGHT],
}

impl Glyph {
    /// The pixels that are set, as (x, y) from the top left.
    pub(super) fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.rows.iter().enumerate().flat_map(|(y, row)| {
            (0..self.width).filter(move |x| u32::from(*row) & (0x8000 >> x) != 0).map(move |x| (x, y))
        })
    }
}

/// GNU Unifont, unpacked page by page as characters are asked for.
pub(super) struct Font(Unifont);

impl Font {
    pub(super) fn open() -> Self {
        Self(Unifont::open())
    }

    /// A character's glyph; a control character's is blank, an unknown one's is that of U+FFFD.
    pub(super) fn glyph(&mut self, c: char) -> Glyph {
        let mut rows = [0; HEIGHT];
        if c.is_control() || c == ' ' {
            return Glyph { width: 8, rows };
        }
        let bitmap = self.0.load_bitmap(u32::from(c));
        let bytes = bitmap.get_bytes();
        if bytes.len() == 2 * HEIGHT {
            for (row, pair) in rows.iter_mut().zip(bytes.chunks_exact(2)) {
                *row = pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte));
            }
            Glyph { width: 16, rows }
        } else {
            for (row, byte) in rows.iter_mut().zip(bytes) {
                *row = u16::from(*byte) << 8;
            }
            Glyph { width: 8, rows }
        }
    }

    /// The text in lines that are at most `max` glyph pixels wide: broken between words, around full-width characters,
    /// and inside a word only where it is longer than a line.
    pub(super) fn wrap(&mut self, text: &str, max: usize) -> Vec<String> {
        let max = max.max(16);
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            let mut used = 0;
            let mut word = String::new();
            let mut word_width = 0;
            for c in paragraph.chars() {
                let width = self.glyph(c).width;
                let part_of_word = width == 8 && !c.is_whitespace();
                if part_of_word && word_width + width <= max {
                    word.push(c);
                    word_width += width;
                    continue;
                }
                place(&mut lines, &mut line, &mut used, (&word, word_width), max);
                word.clear();
                word_width = 0;
                if part_of_word {
                    word.push(c);
                    word_width = width;
                } else {
                    let mut one = [0; 4];
                    place(&mut lines, &mut line, &mut used, (c.encode_utf8(&mut one), width), max);
                }
            }
            place(&mut lines, &mut line, &mut used, (&word, word_width), max);
            lines.push(line);
        }
        lines
    }

    /// How wide a line is in glyph pixels.
    pub(super) fn width(&mut self, line: &str) -> usize {
        line.chars().map(|c| self.glyph(c).width).sum()
    }
}

/// Puts a piece at the end of the line, or on a new one where it does not fit.
fn place(lines: &mut Vec<String>, line: &mut String, used: &mut usize, piece: (&str, usize), max: usize) {
    let (text, width) = piece;
    if *used + width > max {
        lines.push(std::mem::take(line));
        *used = 0;
        if text.trim().is_empty() {
            return;
        }
    }
    line.push_str(text);
    *used += width;
}
