//! How a PDF file holds together: cross-reference tables and streams, revisions, object streams (ISO 32000-2 §7.5).
//!
//! `lopdf` holds the whole file in memory and writes it anew; here objects are looked up one by one, so that a file of any
//! size takes as much memory as the few objects with metadata.

use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;

use super::super::edit::{MOST_METADATA, Source};
use super::streams::Stream;
use super::syntax::{self, Kind, Trouble, Value};
use crate::Error;

/// Most revisions of a file.
const MOST_REVISIONS: usize = 4096;
/// Most runs of object numbers in all cross-reference sections.
const MOST_RUNS: usize = 200_000;
/// Most bytes that are read as objects, over and over where objects are long and looked up often.
const MOST_PARSED: u64 = 256 << 20;
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

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
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
    pub(super) after: Option<u64>,
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
    /// How much was decoded of it.
    pub(super) decoded: u64,
    /// How much was read as objects.
    parsed: u64,
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
        let mut pdf =
            Self { source, base, trailer, last, streamed: false, sections: Vec::new(), runs: 0, decoded: 0, parsed: 0 };
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
    pub(super) fn place(&mut self, number: u64) -> Result<Place, Error> {
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
    pub(super) fn indirect(&mut self, at: u64, number: Option<u64>) -> Result<Object, Error> {
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
            self.parsed = self.parsed.saturating_add(window);
            if self.parsed > MOST_PARSED {
                return Err(self.source.too_much("its objects are longer together than metadata should be"));
            }
            let mut bytes = self.source.part(at, window, "an object")?;
            match syntax::value(&bytes, 0) {
                Ok(value) => {
                    let after = indirect.then(|| at + value.range.end as u64);
                    bytes.truncate(value.range.end);
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
}
