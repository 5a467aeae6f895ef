//! GIF: the frames anew, all extensions as they were.
//!
//! A frame holds what changes on the picture before it, in at most 256 colours of its own. Frames are laid over each
//! other here as a viewer does, changed, and cut down to what changes again.

mod colours;

use std::io::Cursor;

use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod};

use super::orientation::Orientation;
use super::{Job, damaged};
use crate::Error;
use colours::Colours;

const NAME: &str = "GIF";

/// A block of the file.
enum Block<'a> {
    /// An extension that is copied.
    Extension(&'a [u8]),
    /// A frame: delay and whether it waits for the user, as the control before it says.
    Frame { delay: [u8; 2], waits: bool },
}

/// A pixel: a colour, or nothing.
type Pixel = Option<[u8; 3]>;

pub(super) fn edit(mut job: Job<'_, '_>) -> Result<Vec<u8>, Error> {
    let file = job.file;
    let layout = Layout::of(file)?;
    let count = layout.blocks.iter().filter(|block| matches!(block, Block::Frame { .. })).count();
    if count == 0 {
        return Err(damaged(NAME, 13, "it has no picture"));
    }
    let size = (u64::from(layout.width), u64::from(layout.height));
    // Twice: the first time only looks.
    let (width, height) = job.limits.frame(NAME, size.0, size.1, count as u64, &mut 0)?;
    let whole = uncovers(file, width, height)?;
    let mut player = Player::new(file, width, height)?;
    let mut out = layout.head.to_vec();
    // Extensions came with 89a.
    out.get_mut(4).into_iter().for_each(|version| *version = b'9');
    let mut before: Vec<Pixel> = vec![None; width * height];
    for block in &layout.blocks {
        let (delay, waits) = match block {
            Block::Extension(bytes) => {
                out.extend_from_slice(bytes);
                continue;
            }
            Block::Frame { delay, waits } => (*delay, *waits),
        };
        let shown = player.next()?.ok_or_else(|| damaged(NAME, file.len(), "a frame is missing"))?;
        let rgba = shown.iter().flat_map(|pixel| pixel.map_or([0; 4], |[r, g, b]| [r, g, b, 255])).collect();
        let rgba = job.change(rgba, width, height, Orientation::UPRIGHT)?;
        // Half transparent there is not.
        let after: Vec<Pixel> =
            rgba.as_chunks().0.iter().map(|[r, g, b, a]| (*a >= 128).then_some([*r, *g, *b])).collect();
        let drawn: Vec<bool> = after.iter().zip(shown).map(|(after, shown)| after != shown).collect();
        if whole {
            let part = Part { x: 0, y: 0, wide: width, high: height };
            frame(&mut out, width, &after, &drawn, &part, (delay, waits, 2))?;
        } else {
            let fresh: Vec<Pixel> =
                after.iter().zip(&before).map(|(after, before)| if after == before { None } else { *after }).collect();
            let part = Part::around(&fresh, width);
            frame(&mut out, width, &fresh, &drawn, &part, (delay, waits, 1))?;
            before = after;
        }
    }
    out.push(0x3B);
    out.extend_from_slice(layout.tail);
    Ok(out)
}

/// Whether a pixel that was covered is uncovered later: then every frame is whole, and goes before the next.
fn uncovers(file: &[u8], width: usize, height: usize) -> Result<bool, Error> {
    let mut player = Player::new(file, width, height)?;
    let mut covered = vec![false; width * height];
    while let Some(shown) = player.next()? {
        for (covered, pixel) in covered.iter_mut().zip(shown) {
            if *covered && pixel.is_none() {
                return Ok(true);
            }
            *covered = pixel.is_some();
        }
    }
    Ok(false)
}

/// A part of the picture.
struct Part {
    x: usize,
    y: usize,
    wide: usize,
    high: usize,
}

impl Part {
    /// The smallest with all that is not nothing; one pixel where that is nothing at all.
    fn around(pixels: &[Pixel], width: usize) -> Part {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (at, _) in pixels.iter().enumerate().filter(|(_, pixel)| pixel.is_some()) {
            let (x, y) = (at % width, at / width);
            (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
        }
        if left > right {
            return Part { x: 0, y: 0, wide: 1, high: 1 };
        }
        Part { x: left, y: top, wide: right - left + 1, high: bottom - top + 1 }
    }
}

/// Writes a frame with its control and its colours.
fn frame(
    out: &mut Vec<u8>,
    width: usize,
    pixels: &[Pixel],
    drawn: &[bool],
    part: &Part,
    (delay, waits, disposal): ([u8; 2], bool, u8),
) -> Result<(), Error> {
    let rows = (part.y..part.y + part.high).map(|y| y * width + part.x..y * width + part.x + part.wide);
    let places: Vec<usize> = rows.flatten().collect();
    let cells = || places.iter().map(|at| (pixels.get(*at).copied().flatten(), drawn.get(*at) == Some(&true)));
    let colours = Colours::of(cells());
    let indices: Vec<u8> = cells().map(|(pixel, _)| colours.index(pixel)).collect();
    let clear = colours.clear();
    out.extend_from_slice(&[0x21, 0xF9, 4]);
    out.push(disposal << 2 | u8::from(waits) << 1 | u8::from(clear.is_some()));
    out.extend_from_slice(&delay);
    out.extend_from_slice(&[clear.unwrap_or(0), 0, 0x2C]);
    for side in [part.x, part.y, part.wide, part.high] {
        out.extend_from_slice(&u16::try_from(side).unwrap_or(u16::MAX).to_le_bytes());
    }
    let (table, bits) = colours.table();
    out.push(0x80 | (bits - 1));
    out.extend_from_slice(&table);
    let code = bits.max(2);
    let packed = weezl::encode::Encoder::new(weezl::BitOrder::Lsb, code)
        .encode(&indices)
        .map_err(|error| super::unsupported(NAME, format!("it could not be encoded again: {error}")))?;
    out.push(code);
    for block in packed.chunks(255) {
        out.push(block.len() as u8);
        out.extend_from_slice(block);
    }
    out.push(0);
    Ok(())
}

/// Lays the frames over each other as a viewer does.
struct Player<'a> {
    decoder: Decoder<Cursor<&'a [u8]>>,
    width: usize,
    height: usize,
    canvas: Vec<Pixel>,
    /// What the canvas becomes before the next frame.
    after: After,
}

enum After {
    Stays,
    Clear(usize, usize, usize, usize),
    Back(Vec<Pixel>),
}

impl<'a> Player<'a> {
    fn new(file: &'a [u8], width: usize, height: usize) -> Result<Player<'a>, Error> {
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::Indexed);
        options.check_lzw_end_code(false);
        let most = std::num::NonZeroU64::new(1 << 30).map(gif::MemoryLimit::Bytes);
        options.set_memory_limit(most.unwrap_or(gif::MemoryLimit::Unlimited));
        let decoder = options.read_info(Cursor::new(file)).map_err(wrong)?;
        Ok(Player { decoder, width, height, canvas: vec![None; width * height], after: After::Stays })
    }

    fn next(&mut self) -> Result<Option<&[Pixel]>, Error> {
        match std::mem::replace(&mut self.after, After::Stays) {
            After::Stays => {}
            After::Back(before) => self.canvas = before,
            After::Clear(x, y, wide, high) => {
                for row in self.canvas.chunks_mut(self.width).skip(y).take(high) {
                    row.iter_mut().skip(x).take(wide).for_each(|pixel| *pixel = None);
                }
            }
        }
        // A frame's own size is checked before its pixels are unpacked.
        let Some(info) = self.decoder.next_frame_info().map_err(wrong)? else { return Ok(None) };
        let (x, y) = (usize::from(info.left), usize::from(info.top));
        let (wide, high) = (usize::from(info.width), usize::from(info.height));
        let (clear, disposal) = (info.transparent, info.dispose);
        let own = info.palette.clone();
        if x + wide > self.width || y + high > self.height {
            return Err(damaged(NAME, 0, "a frame goes beyond the picture"));
        }
        let mut indices = vec![0; self.decoder.buffer_size()];
        self.decoder.read_into_buffer(&mut indices).map_err(wrong)?;
        let table = own.as_deref().or_else(|| self.decoder.global_palette()).unwrap_or_default();
        let table: &[[u8; 3]] = table.as_chunks().0;
        self.after = match disposal {
            DisposalMethod::Background => After::Clear(x, y, wide, high),
            DisposalMethod::Previous => After::Back(self.canvas.clone()),
            DisposalMethod::Any | DisposalMethod::Keep => After::Stays,
        };
        for (slots, row) in self.canvas.chunks_mut(self.width).skip(y).zip(indices.chunks(wide.max(1))) {
            for (slot, index) in slots.iter_mut().skip(x).zip(row) {
                if Some(*index) != clear {
                    *slot = Some(table.get(usize::from(*index)).copied().unwrap_or_default());
                }
            }
        }
        Ok(Some(&self.canvas))
    }
}

fn wrong(error: gif::DecodingError) -> Error {
    damaged(NAME, 0, error.to_string())
}

/// The structure of a file.
struct Layout<'a> {
    width: u16,
    height: u16,
    /// Signature, screen and table of colours.
    head: &'a [u8],
    blocks: Vec<Block<'a>>,
    tail: &'a [u8],
}

impl<'a> Layout<'a> {
    fn of(file: &'a [u8]) -> Result<Layout<'a>, Error> {
        let cut_off = |at: usize| damaged(NAME, at, "it ends in the middle of a block");
        let byte = |at: usize| file.get(at).copied().ok_or_else(|| cut_off(at));
        let table = |packed: u8| if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
        // Behind the sub-blocks that begin here.
        let behind = |mut at: usize| loop {
            let length = usize::from(byte(at)?);
            at += 1 + length;
            if length == 0 {
                return Ok::<usize, Error>(at);
            }
        };
        let (width, height) = ([byte(6)?, byte(7)?], [byte(8)?, byte(9)?]);
        let mut at = 13 + table(byte(10)?);
        let head = file.get(..at).ok_or_else(|| cut_off(at))?;
        let mut blocks = Vec::new();
        let (mut delay, mut waits) = ([0; 2], false);
        loop {
            let start = at;
            match (byte(at)?, file.get(at + 1)) {
                (0x3B, _) => break,
                (0x2C, _) => {
                    at = behind(at + 10 + table(byte(at + 9)?) + 1)?;
                    blocks.push(Block::Frame { delay, waits });
                    (delay, waits) = ([0; 2], false);
                }
                (0x21, Some(0xF9)) => {
                    waits = byte(at + 3)? & 2 != 0;
                    delay = [byte(at + 4)?, byte(at + 5)?];
                    at = behind(at + 2)?;
                }
                (0x21, Some(kind)) => {
                    at = behind(at + 2)?;
                    // Plain text is drawn by no viewer, and takes the control that a frame is to have.
                    if *kind == 0x01 {
                        (delay, waits) = ([0; 2], false);
                    } else {
                        blocks.push(Block::Extension(file.get(start..at).ok_or_else(|| cut_off(at))?));
                    }
                }
                (other, _) => {
                    return Err(damaged(NAME, at, format!("a block begins with the unknown byte {other:#04x}")));
                }
            }
        }
        let tail = file.get(at + 1..).unwrap_or_default();
        Ok(Layout { width: u16::from_le_bytes(width), height: u16::from_le_bytes(height), head, blocks, tail })
    }
}
