//! How a PDF file holds together: cross-reference tables and streams, revisions, object streams (ISO 32000-2 §7.5).
//!
//! `lopdf` holds the whole file in memory and writes it anew; here objects are looked up one by one, so that a file of any
//! size takes as much memory as the few objects with metadata.

use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;

use flate2::read::ZlibDecoder;

use super::super::edit::{MOST_METADATA, Source};
use super::syntax::{self, Kind, Trouble, Value};
use crate::Error;

/// Most revisions of a file.
const MOST_REVISIONS: usize = 4096;
/// Most runs of object numbers in all cross-reference sections.
const MOST_RUNS: usize = 200_000;
/// Most bytes that all decoding of one file may give.
const MOST_DECODED: u64 = 1 << 30;
/// Deepest chain of references.
const DEEPEST: usize = 16;

/// A run of object numbers in a cross-reference section.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    count: u64,
    /// In a table: where its entries stand. In a stream: which entry is the first.
    at: u64,
    /// Bytes of an entry.
    width: u64,
}

/// One cross-reference section.
#[derive(Debug, Clone)]
struct Section {
    runs: Vec<Run>,
    /// The widths of a stream's fields, and the stream.
    stream: Option<([u64; 3], Stream)>,
}

/// Where a stream's data stand, and how they are packed.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    data: Range<u64>,
    flate: bool,
    /// Bytes of a row of PNG prediction, and of a pixel.
    predicted: Option<(usize, usize)>,
}

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    At(u64, u64),
    Packed(u64),
    Free,
}

/// An object of the file.
#[derive(Debug, Clone)]
pub(super) struct Object {
    /// The bytes that its value's ranges are of.
    pub bytes: Vec<u8>,
    /// The value.
    pub value: Value,
    /// Where it stands in the file; that of its container where it is packed.
    pub at: u64,
    /// The generation, for its new version.
    pub generation: u64,
    /// Behind the value, for streams.
    after: Option<u64>,
}

/// A PDF file.
pub(super) struct Pdf<'a, 'b> {
    /// The file.
    pub source: &'a mut Source<'b>,
    /// Where the header stands: offsets count from it.
    pub base: u64,
    /// The newest trailer.
    pub trailer: Object,
    /// Where the newest cross-reference section stands, as the file says it.
    pub last: u64,
    /// Whether it is a stream.
    pub streamed: bool,
    sections: Vec<Section>,
    runs: usize,
    decoded: u64,
}

impl<'a, 'b> Pdf<'a, 'b> {
    /// Reads the cross-reference sections.
    pub(super) fn open(source: &'a mut Source<'b>) -> Result<Self, Error> {
        let head = source.at(0, 1024)?;
        let head = head.get(..head.len().min(1024)).unwrap_or_default();
        let Some(base) = memchr::memmem::find(head, b"%PDF-") else {
            return Err(source.damaged(0, "it has no PDF header"));
        };
        let length = source.len();
        let window = length.min(32 << 10);
        let tail = source.part(length - window, window, "the end of the file")?;
        let told = memchr::memmem::rfind(&tail, b"startxref").and_then(|at| {
            let rest = tail.get(at + 9..).unwrap_or_default();
            // The number may be the last thing of the file.
            let (number, _) = syntax::number(&[rest, b" "].concat(), 0).ok()?;
            // Objects behind the end are an update that was cut off: what it said would be passed over.
            memchr::memmem::find(rest, b" obj").is_none().then_some(number)
        });
        let Some(last) = told else {
            return Err(source.damaged(length, "it does not say where its cross-reference table stands: it is cut off"));
        };
        let empty = Value { range: 0..0, kind: Kind::Other };
        let trailer = Object { bytes: Vec::new(), value: empty, at: 0, generation: 0, after: None };
        let base = base as u64;
        let mut pdf = Self { source, base, trailer, last, streamed: false, sections: Vec::new(), runs: 0, decoded: 0 };
        if base > 0 && !pdf.is_section(base.saturating_add(last))? && pdf.is_section(last)? {
            // Some writers count from the beginning of the file whatever stands before the header.
            pdf.base = 0;
        }
        pdf.sections()?;
        Ok(pdf)
    }

    /// Whether a cross-reference section may begin at `at`.
    fn is_section(&mut self, at: u64) -> Result<bool, Error> {
        let found = self.source.at(at, 64)?;
        let word = syntax::word(found, 0).ok().and_then(|range| found.get(range));
        Ok(word
            .is_some_and(|word| word.starts_with(b"xref") || !word.is_empty() && word.iter().all(u8::is_ascii_digit)))
    }

    /// Follows the chain of revisions.
    fn sections(&mut self) -> Result<(), Error> {
        let mut seen = HashSet::new();
        let mut next = Some(self.last);
        while let Some(told) = next {
            let at = self.base.saturating_add(told);
            if !seen.insert(at) {
                return Err(self.source.damaged(at, "its revisions lead back to themselves"));
            }
            if seen.len() > MOST_REVISIONS {
                return Err(self.source.too_much(format!("it has more than {MOST_REVISIONS} revisions")));
            }
            let window = self.source.at(at, 64)?;
            let table = syntax::word(window, 0).ok().and_then(|range| window.get(range)) == Some(b"xref");
            let (section, trailer) = if table { self.table(at)? } else { self.stream_section(at)? };
            if seen.len() == 1 {
                self.streamed = !table;
            }
            if let Some(hidden) = trailer.value.get("XRefStm").and_then(Value::number).filter(|_| table) {
                // Its objects are free in the table, for readers that know no streams (§7.5.8.4).
                let hidden = self.base.saturating_add(hidden);
                if seen.insert(hidden) {
                    let (section, _) = self.stream_section(hidden)?;
                    self.sections.push(section);
                }
            }
            self.sections.push(section);
            next = trailer.value.get("Prev").and_then(Value::number);
            if self.trailer.bytes.is_empty() {
                self.trailer = trailer;
            }
        }
        Ok(())
    }

    fn run(&mut self, at: u64) -> Result<(), Error> {
        self.runs += 1;
        if self.runs > MOST_RUNS {
            return Err(self.source.damaged(at, "its cross-reference table is in too many pieces"));
        }
        Ok(())
    }

    /// A table and its trailer.
    fn table(&mut self, at: u64) -> Result<(Section, Object), Error> {
        let mut runs = Vec::new();
        let wrong = |source: &Source<'_>, at| source.damaged(at, "its cross-reference table is none; repair it first");
        let skip = syntax::word(self.source.at(at, 64)?, 0).map(|range| range.end).unwrap_or(4);
        let mut at = at + skip as u64;
        loop {
            let window = self.source.at(at, 128)?;
            let Ok(word) = syntax::word(window, 0) else { return Err(wrong(self.source, at)) };
            if window.get(word.clone()) == Some(b"trailer") {
                let trailer = self.parse(at + word.end as u64, false)?;
                if !matches!(trailer.value.kind, Kind::Dictionary(_)) {
                    return Err(wrong(self.source, at));
                }
                return Ok((Section { runs, stream: None }, trailer));
            }
            let numbers = syntax::number(window, 0).and_then(|(first, end)| {
                let (count, end) = syntax::number(window, end)?;
                Ok((first, count, syntax::skip(window, end)?))
            });
            let Ok((first, count, skip)) = numbers else { return Err(wrong(self.source, at)) };
            let entries = at + skip as u64;
            // Entries have 20 bytes; some writers leave out the space before the line feed.
            let short = self.source.at(entries, 20)?;
            let narrow = count > 0 && short.get(18) == Some(&b'\n') && short.get(19).is_some_and(u8::is_ascii_digit);
            let width = if narrow { 19 } else { 20 };
            let end = count.checked_mul(width).and_then(|length| entries.checked_add(length));
            let Some(end) = end.filter(|end| *end <= self.source.len()) else {
                return Err(self.source.damaged(at, "its cross-reference table goes beyond the end of the file"));
            };
            self.run(at)?;
            runs.push(Run { first, count, at: entries, width });
            at = end;
        }
    }

    /// A cross-reference stream, whose dictionary is the trailer.
    fn stream_section(&mut self, at: u64) -> Result<(Section, Object), Error> {
        let object = self.indirect(at, None)?;
        let dictionary = &object.value;
        if !dictionary.get("Type").is_some_and(|kind| kind.is_name("XRef")) {
            return Err(self.source.damaged(at, "its cross-reference table is not where it says; repair it first"));
        }
        let widths: Vec<u64> =
            dictionary.get("W").map(Value::items).unwrap_or_default().iter().filter_map(Value::number).collect();
        let &[kind, middle, last] = widths.as_slice() else {
            return Err(self.source.damaged(at, "its cross-reference stream has no widths"));
        };
        if [kind, middle, last].iter().any(|width| *width > 8) || middle == 0 {
            return Err(self.source.damaged(at, "its cross-reference stream has impossible widths"));
        }
        let size = dictionary.get("Size").and_then(Value::number).unwrap_or_default();
        let index: Vec<u64> = match dictionary.get("Index") {
            Some(index) => index.items().iter().filter_map(Value::number).collect(),
            None => vec![0, size],
        };
        let mut runs = Vec::new();
        let mut entry = 0_u64;
        for pair in index.as_chunks::<2>().0 {
            let [first, count] = *pair;
            self.run(at)?;
            runs.push(Run { first, count, at: entry, width: 0 });
            entry = entry.saturating_add(count);
        }
        let stream = self.stream(&object)?;
        Ok((Section { runs, stream: Some(([kind, middle, last], stream)) }, object))
    }

    /// Where an object stands by the newest section that names it.
    fn place(&mut self, number: u64) -> Result<Place, Error> {
        for index in 0..self.sections.len() {
            let Some(section) = self.sections.get(index) else { break };
            let run =
                section.runs.iter().find(|run| number.checked_sub(run.first).is_some_and(|skip| skip < run.count));
            let Some(run) = run.copied() else { continue };
            let skip = number - run.first;
            let Some((widths, stream)) = section.stream.clone() else {
                return self.table_entry(run.at + skip * run.width);
            };
            return self.stream_entry(&stream, widths, run.at.saturating_add(skip));
        }
        Ok(Place::Free)
    }

    fn table_entry(&mut self, at: u64) -> Result<Place, Error> {
        let entry = self.source.bytes::<18>(at)?;
        let number = |range: Range<usize>| {
            let digits = entry.get(range).and_then(|digits| std::str::from_utf8(digits).ok());
            digits.and_then(|digits| digits.trim().parse::<u64>().ok())
        };
        match (number(0..10), number(11..16), entry.get(17)) {
            (Some(offset), Some(generation), Some(b'n')) if offset > 0 => {
                Ok(Place::At(self.base.saturating_add(offset), generation))
            }
            (Some(_), Some(_), Some(b'f' | b'n')) => Ok(Place::Free),
            _ => Err(self.source.damaged(at, "an entry of its cross-reference table is none")),
        }
    }

    fn stream_entry(&mut self, stream: &Stream, widths: [u64; 3], entry: u64) -> Result<Place, Error> {
        let width = widths.iter().sum::<u64>();
        let skip = entry.saturating_mul(width);
        let mut bytes = [0; 24];
        let wanted = usize::try_from(width).unwrap_or(24).min(24);
        let found = self.decoded(stream, |reader| {
            std::io::copy(&mut Read::take(&mut *reader, skip), &mut std::io::sink())?;
            let row = bytes.get_mut(..wanted).unwrap_or_default();
            reader.read_exact(row)
        });
        if let Err(error) = found {
            return Err(self.source.damaged(stream.data.start, format!("its cross-reference stream: {error}")));
        }
        let mut at = 0;
        let mut field = |width: u64| {
            let from = at;
            at += usize::try_from(width).unwrap_or_default();
            super::super::edit::number(bytes.get(from..at).unwrap_or_default(), false)
        };
        let [first, middle, last] = widths;
        // Without a first field all entries are of type 1 (§7.5.8.2).
        let kind = if first == 0 { 1 } else { field(first) };
        let (middle, last) = (field(middle), field(last));
        Ok(match kind {
            1 => Place::At(self.base.saturating_add(middle), last),
            2 => Place::Packed(middle),
            _ => Place::Free,
        })
    }

    /// The object of a number, or nothing where it is free.
    pub(super) fn object(&mut self, number: u64) -> Result<Option<Object>, Error> {
        match self.place(number)? {
            Place::Free => Ok(None),
            Place::At(at, _) => self.indirect(at, Some(number)).map(Some),
            Place::Packed(container) => self.packed(container, number),
        }
    }

    /// The object itself, or that which it refers to.
    pub(super) fn resolved(&mut self, value: &Value, bytes: &[u8]) -> Result<Option<Object>, Error> {
        let mut found = None;
        let mut next = value.kind.clone();
        for _ in 0..DEEPEST {
            let Kind::Reference(number) = next else {
                return Ok(Some(found.unwrap_or_else(|| Object {
                    bytes: bytes.to_vec(),
                    value: value.clone(),
                    at: 0,
                    generation: 0,
                    after: None,
                })));
            };
            let Some(object) = self.object(number)? else { return Ok(None) };
            next = object.value.kind.clone();
            found = Some(object);
        }
        Err(self.source.damaged(0, "its references lead to nothing but references"))
    }

    /// The value of a key of a dictionary, followed.
    pub(super) fn follow(&mut self, object: &Object, key: &str) -> Result<Option<Object>, Error> {
        match object.value.get(key) {
            Some(value) => self.resolved(&value.clone(), &object.bytes),
            None => Ok(None),
        }
    }

    /// `7 0 obj …` at a place.
    fn indirect(&mut self, at: u64, number: Option<u64>) -> Result<Object, Error> {
        let window = self.source.at(at, 128)?;
        let head = syntax::number(window, 0).and_then(|(own, end)| {
            let (generation, end) = syntax::number(window, end)?;
            let word = syntax::word(window, end)?;
            // `obj<<` is as good as `obj <<`.
            if window.get(word.clone()) == Some(b"obj") { Ok((own, generation, word.end)) } else { Err(Trouble::Cut) }
        });
        match head {
            Ok((own, generation, skip)) if number.is_none_or(|number| number == own) => {
                let object = self.parse(at + skip as u64, true)?;
                Ok(Object { at, generation, ..object })
            }
            _ => Err(self.source.damaged(at, "an object is not where its cross-reference table says; repair it first")),
        }
    }

    /// The value at a place, however long it is.
    fn parse(&mut self, at: u64, indirect: bool) -> Result<Object, Error> {
        let left = self.source.len().saturating_sub(at);
        for window in [4 << 10, 256 << 10, MOST_METADATA] {
            let window = left.min(window);
            let bytes = self.source.part(at, window, "an object")?;
            match syntax::value(&bytes, 0) {
                Ok(value) => {
                    let after = indirect.then(|| at + value.range.end as u64);
                    return Ok(Object { bytes, value, at, generation: 0, after });
                }
                Err(Trouble::Cut) if window < left => {}
                Err(Trouble::Cut) => return Err(self.source.damaged(at, "it ends in the middle of an object")),
                Err(Trouble::Wrong(skip)) => {
                    return Err(self.source.damaged(at + skip as u64, "an object is no sound PDF"));
                }
            }
        }
        Err(self.source.too_much("an object is longer than metadata should be"))
    }

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
    fn decoded<T>(
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
    fn packed(&mut self, container: u64, number: u64) -> Result<Option<Object>, Error> {
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
