//! Streams of PDF and what is packed in them (ISO 32000-2 §7.3.8, §7.4 and §7.5.7).

use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;

use super::super::edit::{MOST_METADATA, Source};
use super::structure::{Object, Pdf, Place};
use super::syntax::{self, Kind, Trouble, Value};
use crate::Error;

/// Most bytes that all decoding of one file may give.
const MOST_DECODED: u64 = 1 << 30;

/// Where a stream's data stand, and how they are packed.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) data: Range<u64>,
    flate: bool,
    /// Bytes of a row of PNG prediction, and of a pixel.
    predicted: Option<(usize, usize)>,
}

impl Pdf<'_, '_> {
    /// The stream of an object.
    pub(super) fn stream(&mut self, object: &Object) -> Result<Stream, Error> {
        let wrong = |source: &Source<'_>| source.damaged(object.at, "a stream is none");
        let after = object.after.ok_or_else(|| wrong(self.source))?;
        let window = self.source.at(after, 256)?;
        let word = syntax::word(window, 0).map_err(|_| Trouble::Cut);
        let Some(end) = word.ok().filter(|word| window.get(word.clone()) == Some(b"stream")).map(|word| word.end)
        else {
            return Err(wrong(self.source));
        };
        let skip = match (window.get(end), window.get(end + 1)) {
            (Some(b'\r'), Some(b'\n')) => end + 2,
            (Some(b'\n' | b'\r'), _) => end + 1,
            _ => end,
        };
        let from = after + skip as u64;
        let length = self.follow_length(object)?;
        let to = from.checked_add(length).filter(|to| *to <= self.source.len());
        let Some(to) = to else {
            return Err(self.source.damaged(object.at, "a stream goes beyond the end of the file"));
        };
        let mut stream = Stream { data: from..to, flate: false, predicted: None };
        let filter = self.follow(object, "Filter")?;
        let names: Vec<Value> = match &filter {
            None => Vec::new(),
            Some(filter) if filter.value.items().is_empty() => vec![filter.value.clone()],
            Some(filter) => filter.value.items().to_vec(),
        };
        match names.as_slice() {
            [] => {}
            [one] if one.is_name("FlateDecode") || one.is_name("Fl") => stream.flate = true,
            [one] if matches!(one.kind, Kind::Array(_) | Kind::Other) => {}
            _ => return Err(self.source.unsupported("its metadata are packed with other filters than FlateDecode")),
        }
        if let Some(parameters) = self.follow(object, "DecodeParms")? {
            let parameters = parameters.value.items().first().cloned().unwrap_or(parameters.value);
            let get = |key, default| parameters.get(key).and_then(Value::number).unwrap_or(default);
            let (predictor, columns) = (get("Predictor", 1), get("Columns", 1));
            let bits = get("Colors", 1).saturating_mul(get("BitsPerComponent", 8));
            match predictor {
                1 => {}
                10..=15 if bits <= 256 && columns <= 1 << 20 => {
                    let row = usize::try_from((columns * bits).div_ceil(8)).unwrap_or(1);
                    let pixel = usize::try_from(bits.div_ceil(8)).unwrap_or(1);
                    stream.predicted = Some((row.max(1), pixel.max(1)));
                }
                _ => return Err(self.source.unsupported("its metadata are packed with a predictor that is not known")),
            }
        }
        Ok(stream)
    }

    /// The length of a stream. That of a cross-reference stream is direct (§7.5.8.2), so this ends.
    fn follow_length(&mut self, object: &Object) -> Result<u64, Error> {
        let length = match object.value.get("Length").map(|length| length.kind.clone()) {
            Some(Kind::Reference(number)) => match self.place(number)? {
                Place::At(at, _) => self.indirect(at, Some(number))?.value.number(),
                _ => None,
            },
            Some(Kind::Integer(length)) => u64::try_from(length).ok(),
            _ => None,
        };
        length.ok_or_else(|| self.source.damaged(object.at, "a stream does not say how long it is"))
    }

    /// Calls `each` with a stream's content.
    pub(super) fn decoded<T>(
        &mut self,
        stream: &Stream,
        each: impl FnOnce(&mut dyn Read) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        let left = MOST_DECODED.saturating_sub(self.decoded);
        let window = Window { source: self.source, from: stream.data.start, to: stream.data.end };
        let flat: Box<dyn Read + '_> = if stream.flate { Box::new(ZlibDecoder::new(window)) } else { Box::new(window) };
        let plain: Box<dyn Read + '_> = match stream.predicted {
            Some((row, pixel)) => Box::new(Rows { inner: flat, row: vec![0; row], pixel, at: row, left: 0 }),
            None => flat,
        };
        let mut limited = plain.take(left);
        let result = each(&mut limited);
        let used = left - limited.limit();
        drop(limited);
        self.decoded += used;
        if used >= left {
            return Err(std::io::Error::other("it unpacks to more than a file should hold"));
        }
        result
    }

    /// A stream's content, which may not be longer than metadata should be.
    pub(super) fn content(&mut self, stream: &Stream) -> Result<Vec<u8>, Error> {
        let content = self.decoded(stream, |reader| {
            let mut content = Vec::new();
            reader.take(MOST_METADATA + 1).read_to_end(&mut content)?;
            Ok(content)
        });
        match content {
            Ok(content) if content.len() as u64 > MOST_METADATA => {
                Err(self.source.too_much(format!("its metadata unpack to more than {MOST_METADATA} bytes")))
            }
            Ok(content) => Ok(content),
            Err(error) => Err(self.source.damaged(stream.data.start, format!("a stream does not unpack: {error}"))),
        }
    }

    /// An object of an object stream (§7.5.7).
    pub(super) fn packed(&mut self, container: u64, number: u64) -> Result<Option<Object>, Error> {
        let Place::At(at, _) = self.place(container)? else { return Ok(None) };
        let object = self.indirect(at, Some(container))?;
        let wrong = |source: &Source<'_>| source.damaged(at, "an object stream is none");
        let get = |key| object.value.get(key).and_then(Value::number);
        let (Some(count), Some(first)) = (get("N"), get("First")) else { return Err(wrong(self.source)) };
        let stream = self.stream(&object)?;
        let mut content = self.content(&stream)?;
        // The last object has no delimiter behind it.
        content.push(b'\n');
        let mut next = 0;
        for _ in 0..count {
            let Ok((own, end)) = syntax::number(&content, next) else { return Err(wrong(self.source)) };
            let Ok((skip, end)) = syntax::number(&content, end) else { return Err(wrong(self.source)) };
            next = end;
            if own == number {
                let from = usize::try_from(first.saturating_add(skip)).unwrap_or(usize::MAX);
                let bytes = content.get(from..).unwrap_or_default().to_vec();
                let Ok(value) = syntax::value(&bytes, 0) else { return Err(wrong(self.source)) };
                return Ok(Some(Object { bytes, value, at, generation: 0, after: None }));
            }
        }
        Ok(None)
    }
}

/// A part of the file.
struct Window<'a, 'b> {
    source: &'a mut Source<'b>,
    from: u64,
    to: u64,
}

impl Read for Window<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.to - self.from).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left).min(16 << 10);
        let found = self.source.at(self.from, wanted).map_err(std::io::Error::other)?;
        let count = wanted.min(found.len());
        let (Some(into), Some(found)) = (buffer.get_mut(..count), found.get(..count)) else { return Ok(0) };
        into.copy_from_slice(found);
        self.from += count as u64;
        Ok(count)
    }
}

/// Rows with PNG prediction (§7.4.4.4), undone.
struct Rows<R> {
    inner: R,
    row: Vec<u8>,
    pixel: usize,
    /// How much of the row was given.
    at: usize,
    /// What is left out of a last, short row.
    left: usize,
}

impl<R: Read> Rows<R> {
    fn next_row(&mut self) -> std::io::Result<bool> {
        let mut tag = [0];
        if self.inner.read(&mut tag)? == 0 {
            return Ok(false);
        }
        let mut new = Vec::with_capacity(self.row.len());
        (&mut self.inner).take(self.row.len() as u64).read_to_end(&mut new)?;
        self.left = self.row.len() - new.len();
        new.resize(self.row.len(), 0);
        for index in 0..new.len() {
            let get = |row: &[u8], at: Option<usize>| at.and_then(|at| row.get(at)).copied().unwrap_or_default();
            let before = index.checked_sub(self.pixel);
            let (left, up, corner) = (get(&new, before), get(&self.row, Some(index)), get(&self.row, before));
            let guess = match tag {
                [1] => left,
                [2] => up,
                [3] => u8::midpoint(left, up),
                [4] => paeth(left, up, corner),
                _ => 0,
            };
            if let Some(byte) = new.get_mut(index) {
                *byte = byte.wrapping_add(guess);
            }
        }
        self.row = new;
        self.at = 0;
        Ok(true)
    }
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let guess = a + b - c;
    let (to_left, to_up, to_corner) = ((guess - a).abs(), (guess - b).abs(), (guess - c).abs());
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}

impl<R: Read> Read for Rows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.row.len() - self.left && (self.left > 0 || !self.next_row()?) {
            return Ok(0);
        }
        let found = self.row.get(self.at..self.row.len() - self.left).unwrap_or_default();
        let count = found.len().min(buffer.len());
        let (Some(into), Some(found)) = (buffer.get_mut(..count), found.get(..count)) else { return Ok(0) };
        into.copy_from_slice(found);
        self.at += count;
        Ok(count)
    }
}
