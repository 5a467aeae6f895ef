//! The label as a picture that is laid over those of a film.
//!
//! A film moves: what is behind the label changes, so that no one picture can tell which ink is legible. The label is
//! white on a dark plate through which 35% of the film shines, which leaves a contrast of 7 or more on any picture
//! (WCAG 2 wants 4.5). Its size is that of the film *as it is shown*: it is drawn on a canvas that is stretched by the
//! shape of the pixels and turned as the display matrix says, and then bent back to the coded picture.

use anyhow::{Result, anyhow, bail};
use menshen_provenance::explicit::image::{self, Label};

/// How much of the film the plate covers.
const PLATE: f64 = 0.65;
/// The most pixels of a shown picture: 8K by 8K.
const MOST: u64 = 1 << 26;
/// Samples along the side of a pixel where the canvas is finer than the coded picture.
const FINE: u32 = 8;

/// How a film's coded picture is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Coded pixels.
    pub(super) width: u64,
    pub(super) height: u64,
    /// The width and the height of a pixel.
    pub(super) pixel: (u64, u64),
    /// The upper left of the display matrix, as signs.
    pub(super) turn: [i8; 4],
    /// White, of 255: less where the film can be brighter than paper (HDR).
    pub(super) white: u8,
}

/// A part of the coded picture, and what is laid over it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Overlay {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Red, green, blue, alpha of each pixel.
    pub(super) rgba: Vec<u8>,
    /// How high the text is, in pixels of the shown picture's finer axis.
    pub(super) text_height: usize,
    /// Of 255.
    pub(super) white: u8,
}

/// A label drawn in ink, on a canvas of the size of the shown picture.
struct Drawn {
    canvas: (usize, usize),
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    ink: Vec<bool>,
}

impl Shape {
    /// The size of the coded picture where its pixels are square, before it is turned.
    fn stretched(&self) -> Result<(usize, usize)> {
        let (wide, high) = self.pixel;
        let scale = |side: u64, by: u64, to: u64| {
            let value = u128::from(side) * u128::from(by) / u128::from(to.max(1));
            u64::try_from(value).ok().filter(|v| *v <= MOST)
        };
        // The axis with the longer pixels is made finer; nothing is thrown away.
        let (width, height) = if wide >= high {
            (scale(self.width, wide, high), Some(self.height))
        } else {
            (Some(self.width), scale(self.height, high, wide))
        };
        let size = width.zip(height).filter(|(w, h)| w.checked_mul(*h).is_some_and(|all| (1..=MOST).contains(&all)));
        let (width, height) = size.ok_or_else(|| anyhow!("its pictures are too large or have no size"))?;
        Ok((usize::try_from(width)?, usize::try_from(height)?))
    }

    /// The size of the picture as it is shown.
    pub(super) fn shown(&self) -> Result<(usize, usize)> {
        let (width, height) = self.stretched()?;
        Ok(if self.sideways() { (height, width) } else { (width, height) })
    }

    fn sideways(&self) -> bool {
        self.turn[0] == 0
    }

    /// Draws a label for this film.
    pub(super) fn overlay(&self, label: &Label) -> Result<Overlay> {
        let shown = self.shown()?;
        let mut canvas = [0, 0, 0, 255].repeat(shown.0 * shown.1);
        let drawn = image::draw(&mut canvas, shown.0, shown.1, label)?;
        let (width, height) = (drawn.width, drawn.height);
        let rows = canvas.as_chunks::<4>().0.chunks(shown.0).skip(drawn.y).take(height);
        let ink = rows.flat_map(|row| row.iter().skip(drawn.x).take(width)).map(|pixel| pixel[0] > 127).collect();
        let drawn_ink = Drawn { canvas: shown, x: drawn.x, y: drawn.y, width, height, ink };
        let flat = self.turn_back(&drawn_ink);
        Ok(self.shrink(&flat, drawn.text_height))
    }

    /// From the shown picture to the stretched coded one.
    fn turn_back(&self, shown: &Drawn) -> Drawn {
        let [a, b, c, d] = self.turn;
        // Shown x follows coded x (a) or coded y (c), shown y the other (d or b); a negative sign mirrors.
        let (flip_x, flip_y) = if self.sideways() { (c < 0, b < 0) } else { (a < 0, d < 0) };
        let mirror = |at: usize, length: usize, all: usize, flip: bool| if flip { all - length - at } else { at };
        let x = mirror(shown.x, shown.width, shown.canvas.0, flip_x);
        let y = mirror(shown.y, shown.height, shown.canvas.1, flip_y);
        let (width, height) = if self.sideways() { (shown.height, shown.width) } else { (shown.width, shown.height) };
        let at = |column: usize, row: usize| {
            let (across, down) = if self.sideways() { (row, column) } else { (column, row) };
            let across = if flip_x { shown.width - 1 - across } else { across };
            let down = if flip_y { shown.height - 1 - down } else { down };
            shown.ink.get(down * shown.width + across) == Some(&true)
        };
        let ink =
            (0..height).flat_map(|row| (0..width).map(move |column| (column, row))).map(|(x, y)| at(x, y)).collect();
        let (x, y, canvas) =
            if self.sideways() { (y, x, (shown.canvas.1, shown.canvas.0)) } else { (x, y, shown.canvas) };
        Drawn { canvas, x, y, width, height, ink }
    }

    /// To coded pixels. The part begins at even places, where the colours of subsampled pictures begin.
    fn shrink(&self, flat: &Drawn, text_height: usize) -> Overlay {
        let (coded_width, coded_height) = (self.width as usize, self.height as usize);
        let by = (coded_width as f64 / flat.canvas.0 as f64, coded_height as f64 / flat.canvas.1 as f64);
        let part = |at: usize, length: usize, by: f64, all: usize| {
            let from = ((at as f64 * by).floor() as usize) & !1;
            let to = (((at + length) as f64 * by).ceil() as usize).min(all);
            (from.min(to), to)
        };
        let (x, right) = part(flat.x, flat.width, by.0, coded_width);
        let (y, bottom) = part(flat.y, flat.height, by.1, coded_height);
        let fine = |by: f64| if by < 1.0 { FINE } else { 1 };
        let (fine_x, fine_y) = (fine(by.0), fine(by.1));
        let mut rgba = Vec::with_capacity((right - x) * (bottom - y) * 4);
        for row in y..bottom {
            for column in x..right {
                let (mut ink, mut plate) = (0_u32, 0_u32);
                for sub_y in 0..fine_y {
                    for sub_x in 0..fine_x {
                        let place = |at: usize, sub: u32, fine: u32, by: f64| {
                            ((at as f64 + (f64::from(sub) + 0.5) / f64::from(fine)) / by) as usize
                        };
                        let across = place(column, sub_x, fine_x, by.0).checked_sub(flat.x).filter(|v| *v < flat.width);
                        let down = place(row, sub_y, fine_y, by.1).checked_sub(flat.y).filter(|v| *v < flat.height);
                        if let Some((across, down)) = across.zip(down) {
                            let inked = flat.ink.get(down * flat.width + across) == Some(&true);
                            *(if inked { &mut ink } else { &mut plate }) += 1;
                        }
                    }
                }
                let all = f64::from(fine_x * fine_y);
                let (ink, plate) = (f64::from(ink) / all, f64::from(plate) / all);
                // Ink is solid and the plate is not: the mixture of both as one colour with one alpha.
                let alpha = ink + plate * PLATE;
                let grey = if alpha > 0.0 { f64::from(self.white) * ink / alpha } else { 0.0 };
                let grey = grey.round() as u8;
                rgba.extend([grey, grey, grey, (alpha * 255.0).round() as u8]);
            }
        }
        Overlay { x, y, width: right - x, height: bottom - y, rgba, text_height, white: self.white }
    }
}

impl Overlay {
    /// As a PAM file, which says its own size.
    pub(super) fn pam(&self) -> Vec<u8> {
        let (width, height) = (self.width, self.height);
        let head = format!("P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n");
        let mut pam = head.into_bytes();
        pam.extend(&self.rgba);
        pam
    }

    /// Whether the label stands in a grey picture of its part: its ink is brighter than its plate, by half of what is
    /// the least on a white film.
    ///
    /// # Errors
    /// When the picture has another size.
    pub(super) fn stands_in(&self, grey: &[u8]) -> Result<bool> {
        if grey.len() * 4 != self.rgba.len() {
            bail!("{} pixels were read where {} are", grey.len(), self.rgba.len() / 4);
        }
        let (mut ink, mut plate) = ((0_u64, 0_u64), (0_u64, 0_u64));
        for (pixel, seen) in self.rgba.as_chunks::<4>().0.iter().zip(grey) {
            let slot = match (f64::from(pixel[0]) / f64::from(self.white.max(1)), pixel[3]) {
                (share, 255..) if share > 0.9 => &mut ink,
                (share, 128..) if share < 0.1 => &mut plate,
                _ => continue,
            };
            *slot = (slot.0 + u64::from(*seen), slot.1 + 1);
        }
        let mean = |(sum, count): (u64, u64)| sum as f64 / count.max(1) as f64;
        let least = (f64::from(self.white) - 255.0 * (1.0 - PLATE)) / 2.0;
        Ok(ink.1 > 0 && plate.1 > 0 && mean(ink) - mean(plate) >= least)
    }
}
