//! A text label drawn on a picture (GB 45438-2025 5.2): on an edge or corner, legible, its text at least 5% of the shortest
//! side high.
//!
//! The standard leaves open whether the height is that of the em box or of the glyphs; here it is that of what is drawn: of
//! the letters of each script in the label the tallest one's ink, and of the scripts the lower one. Glyphs are those of GNU
//! Unifont, scaled up by whole numbers.

mod contrast;

use unifont_bitmap::Unifont;

use super::text::has_elements;
use crate::Error;

/// The share of the shortest side that the text has at least.
pub const LEAST_SHARE: f64 = 0.05;
/// Pixels of a glyph's cell.
const CELL: usize = 16;
/// The most pixels of a picture that is labelled: 2^28, so 1 GiB of them.
const MOST: usize = 1 << 28;

/// Where the label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A corner.
    TopLeft,
    /// A corner.
    TopRight,
    /// A corner.
    BottomLeft,
    /// A corner: the example of the standard.
    BottomRight,
    /// The middle of the upper edge.
    Top,
    /// The middle of the lower edge.
    Bottom,
}

/// A label to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Its words: both elements, in one line.
    pub text: String,
    /// Where.
    pub place: Place,
    /// The height of the text as a share of the shortest side: at least [`LEAST_SHARE`].
    pub share: f64,
}

impl Default for Label {
    fn default() -> Label {
        Label { text: "AI生成".to_owned(), place: Place::BottomRight, share: LEAST_SHARE }
    }
}

/// What was drawn, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// The left edge of the label, its margin included.
    pub x: usize,
    /// Its upper edge.
    pub y: usize,
    /// Its width.
    pub width: usize,
    /// Its height.
    pub height: usize,
    /// The height of the text, as measured on its ink.
    pub text_height: usize,
    /// The contrast of the text and what is behind it (WCAG 2: 4.5 is wanted), the worst twentieth of the background left
    /// out.
    pub contrast: f64,
    /// How much of what is behind was covered: 0 where the picture's own contrast is enough, 1 where nothing shines through.
    pub plate: f64,
}

/// The ink of a line: rows of cells, `true` where there is ink.
struct Line {
    width: usize,
    ink: Vec<bool>,
    text_height: usize,
    top: usize,
    bottom: usize,
}

/// Draws a label on a picture: 4 bytes a pixel, red, green, blue, alpha, row by row. Outside of the label no pixel changes.
///
/// # Errors
/// When the words lack an element, a size is wrong, or the label does not fit: then nothing is drawn.
pub fn draw(rgba: &mut [u8], width: usize, height: usize, label: &Label) -> Result<Drawn, Error> {
    let wrong = |problem: String| Err(Error::Label(problem));
    let pixels = width.checked_mul(height).filter(|pixels| (1..=MOST).contains(pixels));
    if pixels.is_none_or(|pixels| rgba.len() != pixels * 4) {
        return wrong(format!("a picture of {width} × {height} pixels does not have {} bytes", rgba.len()));
    }
    // In Chinese: words of other languages may stand beside them.
    if !has_elements(&label.text) || !["生成", "合成"].iter().any(|element| label.text.contains(element)) {
        return wrong(format!(
            "the label {:?} lacks an element: it has 人工智能 or AI, and 生成 or 合成 (GB 45438-2025 5.2)",
            label.text
        ));
    }
    if !(LEAST_SHARE..=0.5).contains(&label.share) {
        return wrong(format!("the text's share of the shortest side is {}, not {LEAST_SHARE} to 0.5", label.share));
    }
    let line = line(&label.text)?;
    let shortest = width.min(height);
    let wanted = (label.share * shortest as f64).ceil() as usize;
    let scale = wanted.div_ceil(line.text_height).max(1);
    let margin = scale * 2;
    let (wide, high) = (line.width * scale + 2 * margin, (line.bottom - line.top) * scale + 2 * margin);
    if wide > width || high > height {
        return wrong(format!(
            "the label takes {wide} × {high} pixels, and the picture has {width} × {height}: shorten its text"
        ));
    }
    let x = match label.place {
        Place::TopLeft | Place::BottomLeft => 0,
        Place::TopRight | Place::BottomRight => width - wide,
        Place::Top | Place::Bottom => (width - wide) / 2,
    };
    let y = match label.place {
        Place::TopLeft | Place::TopRight | Place::Top => 0,
        _ => height - high,
    };
    let behind: Vec<[u8; 4]> = rows(rgba, width, x, y, wide, high).flatten().copied().collect();
    let choice = contrast::choose(&behind);
    for (row, pixels) in rows_mut(rgba, width, x, y, wide, high).enumerate() {
        for (column, pixel) in pixels.iter_mut().enumerate() {
            let cell = row.checked_sub(margin).zip(column.checked_sub(margin));
            let ink = cell.is_some_and(|(row, column)| {
                let (row, column) = (row / scale + line.top, column / scale);
                row < line.bottom && column < line.width && line.ink.get(row * line.width + column) == Some(&true)
            });
            *pixel = if ink { choice.ink } else { choice.behind(*pixel) };
        }
    }
    let text_height = line.text_height * scale;
    Ok(Drawn { x, y, width: wide, height: high, text_height, contrast: choice.contrast, plate: choice.plate })
}

fn rows(rgba: &[u8], width: usize, x: usize, y: usize, wide: usize, high: usize) -> impl Iterator<Item = &[[u8; 4]]> {
    rgba.as_chunks().0.chunks(width).skip(y).take(high).filter_map(move |row| row.get(x..x + wide))
}

fn rows_mut(
    rgba: &mut [u8],
    width: usize,
    x: usize,
    y: usize,
    wide: usize,
    high: usize,
) -> impl Iterator<Item = &mut [[u8; 4]]> {
    rgba.as_chunks_mut().0.chunks_mut(width).skip(y).take(high).filter_map(move |row| row.get_mut(x..x + wide))
}

/// The glyphs of a text side by side.
fn line(text: &str) -> Result<Line, Error> {
    if text.chars().count() > 64 || text.chars().any(char::is_control) {
        return Err(Error::Label("a label is one line of up to 64 characters".to_owned()));
    }
    let mut font = Unifont::open();
    let mut columns: Vec<[bool; CELL]> = Vec::new();
    // The tallest ink of Latin letters and of others.
    let mut tallest = [0_usize; 2];
    for c in text.chars() {
        let bitmap = font.load_bitmap(u32::from(c));
        let each = if bitmap.is_wide() { 2 } else { 1 };
        let start = columns.len();
        columns.resize(start + each * 8, [false; CELL]);
        for (y, row) in bitmap.get_bytes().chunks(each).take(CELL).enumerate() {
            let bits = row.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
            for x in 0..each * 8 {
                let set = bits >> (each * 8 - 1 - x) & 1 == 1 && !c.is_whitespace();
                if let Some(slot) = columns.get_mut(start + x).and_then(|column| column.get_mut(y)) {
                    *slot = set;
                }
            }
        }
        if c.is_alphanumeric() {
            let (top, bottom) = extent(columns.get(start..).unwrap_or_default());
            let slot = if c.is_ascii() { &mut tallest[0] } else { &mut tallest[1] };
            *slot = (*slot).max(bottom.saturating_sub(top));
        }
    }
    let (top, bottom) = extent(&columns);
    let text_height = tallest.into_iter().filter(|height| *height > 0).min();
    let Some(text_height) = text_height else { return Err(Error::Label("the label has no letters".to_owned())) };
    let width = columns.len();
    let ink = (0..CELL).flat_map(|y| columns.iter().map(move |column| column.get(y) == Some(&true))).collect();
    Ok(Line { width, ink, text_height, top, bottom })
}

/// The first row with ink and the row after the last.
fn extent(columns: &[[bool; CELL]]) -> (usize, usize) {
    let inked = |y: &usize| columns.iter().any(|column| column.get(*y) == Some(&true));
    let top = (0..CELL).find(inked).unwrap_or(0);
    (top, (0..CELL).rev().find(inked).map_or(top, |last| last + 1))
}

#[cfg(test)]
mod tests;
