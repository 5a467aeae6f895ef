//! PDF (ISO 32000-2). The label is the entry `/AIGC` of the document information dictionary (TC260-PG-20258A §6.3): a text
//! string with the seven members and no wrapper.
//!
//! A label is written as an incremental update (§7.5.6): the file stays as it was, byte for byte, and a new information
//! dictionary is appended, with a cross-reference section of the kind that the file has. What earlier revisions said is
//! thereby replaced: readers that follow the structure, as this one does, see one label. Signatures keep the bytes that
//! they cover.

mod attached;
mod streams;
mod structure;
mod syntax;

use std::io::Write;
use std::ops::Range;

use super::edit::{Edits, MOST_METADATA, Source, Trace};
use super::{Carrier, Found, Input, loose, xmp};
use crate::Error;
pub(crate) use attached::attached;
use structure::{Object, Pdf};
use syntax::{Kind, Value};

/// PDF of all versions, encrypted ones excepted.
pub const PDF: Carrier = Carrier { id: "pdf", kind: "document", endings: &["pdf"], sniff, read, write };

const FORMAT: &str = "PDF";
/// Most entries of the document information dictionary: a file has a dozen.
const MOST_INFO: usize = 1_000;
/// Highest object number (ISO 32000-1 Annex C.2).
const HIGHEST: u64 = 8_388_607;
/// The largest offset that fits a table's ten digits.
const FARTHEST: u64 = 9_999_999_999;

/// The header stands in the first 1024 bytes (implementation note 13 of PDF Reference 1.7, which readers keep to).
fn sniff(head: &[u8]) -> bool {
    memchr::memmem::find(head.get(..head.len().min(1024)).unwrap_or_default(), b"%PDF-").is_some()
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut trace = Trace::default();
    let end = trace_labels(&mut source, &mut trace);
    if let (Err(Error::Damaged { .. }), true) = (&end, trace.found.is_empty()) {
        // Readers repair what is damaged, so a label in a damaged file may be seen elsewhere.
        stray(&mut source, &mut trace)?;
    }
    trace.answer(end)
}

fn trace_labels(source: &mut Source<'_>, trace: &mut Trace) -> Result<(), Error> {
    let mut pdf = Pdf::open(source)?;
    readable(&pdf)?;
    let info = pdf.follow(&pdf.trailer.clone(), "Info")?;
    let at = info.as_ref().map_or(0, |info| info.at);
    let labels = match &info {
        Some(info) => info_labels(&mut pdf, info)?,
        None => Vec::new(),
    };
    for label in labels {
        trace.note(pdf.source, label.place, label.by_the_book, label.value, at)?;
    }
    if let Some((_, metadata, packet)) = packet(&mut pdf)? {
        for value in xmp::values(&packet) {
            trace.note(pdf.source, "pdf:XMP TC260:AIGC", false, value, metadata.at)?;
        }
    }
    Ok(())
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let mut source = Source::new(input, FORMAT)?;
    let mut pdf = Pdf::open(&mut source)?;
    readable(&pdf)?;
    certified(&mut pdf)?;
    let trailer = pdf.trailer.clone();
    let mut next = trailer.value.get("Size").and_then(Value::number).unwrap_or_default();
    if next == 0 || next > HIGHEST {
        return Err(pdf.source.damaged(trailer.at, "its trailer does not say how many objects there are"));
    }
    let mut objects: Vec<New> = Vec::new();
    let info = pdf.follow(&trailer, "Info")?;
    let number = match trailer.value.get("Info").map(|info| info.kind.clone()) {
        Some(Kind::Reference(number)) if info.is_some() && number > 0 && number < next => number,
        _ => {
            next += 1;
            next - 1
        }
    };
    let generation = info.as_ref().map_or(0, |info| info.generation);
    let body = match &info {
        Some(info) => new_info(&mut pdf, info, value)?,
        None => [b"<</AIGC ".as_slice(), &syntax::written(value), b">>"].concat(),
    };
    objects.push(New { number, generation, body });
    if let Some((number, metadata, packet)) = packet(&mut pdf)?
        && !xmp::values(&packet).is_empty()
    {
        let body = new_stream(&metadata, &xmp::without(&packet)?);
        objects.push(New { number, generation: metadata.generation, body });
    }
    let appended = update(&mut pdf, objects, (number, generation), next, value)?;
    let mut edits = Edits::default();
    let length = source.len();
    edits.put(&source, length, length, appended)?;
    edits.apply(&mut source, out)
}

/// A new version of an object.
struct New {
    number: u64,
    generation: u64,
    body: Vec<u8>,
}

/// A label of the information dictionary.
struct Label {
    place: String,
    by_the_book: bool,
    value: String,
    /// The entry to take out, and what to write in its place.
    range: Range<usize>,
    remainder: Vec<u8>,
}

fn readable(pdf: &Pdf<'_, '_>) -> Result<(), Error> {
    if pdf.trailer.value.get("Encrypt").is_some() {
        return Err(pdf.source.unsupported("it is encrypted; take the encryption off, label it, and encrypt it again"));
    }
    Ok(())
}

/// A certification may forbid any change (§12.8.2.2, P = 1): then readers would call the labelled file forged.
fn certified(pdf: &mut Pdf<'_, '_>) -> Result<(), Error> {
    let mut at = pdf.trailer.clone();
    for key in ["Root", "Perms", "DocMDP", "Reference"] {
        match pdf.follow(&at, key)? {
            Some(next) => at = next,
            None => return Ok(()),
        }
    }
    for reference in at.value.items().iter().take(16).cloned().collect::<Vec<_>>() {
        let Some(reference) = pdf.resolved(&reference, &at.bytes)? else { continue };
        let Some(parameters) = pdf.follow(&reference, "TransformParams")? else { continue };
        if pdf.follow(&parameters, "P")?.and_then(|level| level.value.number()) == Some(1) {
            return Err(pdf.source.unsupported("it is certified against any change; label it before it is certified"));
        }
    }
    Ok(())
}

/// The XMP packet of the whole document, and the number of its stream (§14.3.2).
fn packet(pdf: &mut Pdf<'_, '_>) -> Result<Option<(u64, Object, Vec<u8>)>, Error> {
    let Some(root) = pdf.follow(&pdf.trailer.clone(), "Root")? else {
        return Err(pdf.source.damaged(pdf.trailer.at, "it has no catalog"));
    };
    let Some(Kind::Reference(number)) = root.value.get("Metadata").map(|value| value.kind.clone()) else {
        return Ok(None);
    };
    let Some(metadata) = pdf.object(number)? else { return Ok(None) };
    let stream = pdf.stream(&metadata)?;
    let content = pdf.content(&stream)?;
    Ok(Some((number, metadata, content)))
}

/// The texts of the information dictionary, and the XMP packet of the whole file.
pub(crate) type Information = (Vec<(String, String)>, Option<Vec<u8>>);

/// What a file says of itself.
pub(crate) fn information(source: &mut Source<'_>) -> Result<Information, Error> {
    let mut pdf = Pdf::open(source)?;
    readable(&pdf)?;
    let mut texts = Vec::new();
    if let Some(info) = pdf.follow(&pdf.trailer.clone(), "Info")? {
        for entry in info.value.entries().iter().take(1000) {
            let object = pdf.resolved(&entry.value, &info.bytes)?;
            if let Some(Kind::Text(raw)) = object.map(|object| object.value.kind) {
                texts.push((String::from_utf8_lossy(&entry.key).into_owned(), syntax::text(&raw)));
            }
        }
    }
    Ok((texts, packet(&mut pdf)?.map(|(_, _, packet)| packet)))
}

fn info_labels(pdf: &mut Pdf<'_, '_>, info: &Object) -> Result<Vec<Label>, Error> {
    let mut labels = Vec::new();
    let mut held = 0;
    if info.value.entries().len() > MOST_INFO {
        return Err(pdf.source.too_much(format!("its document information has more than {MOST_INFO} entries")));
    }
    for entry in info.value.entries() {
        if held > MOST_METADATA {
            return Err(pdf.source.too_much("its document information is longer than metadata should be"));
        }
        let referred;
        let (value, bytes) = match entry.value.kind {
            Kind::Reference(_) => match pdf.resolved(&entry.value, &info.bytes)? {
                Some(object) => {
                    referred = object;
                    (&referred.value, &referred.bytes)
                }
                None => continue,
            },
            // No copy: each would be of the whole dictionary.
            _ => (&entry.value, &info.bytes),
        };
        let named = entry.key.eq_ignore_ascii_case(b"AIGC");
        let key = String::from_utf8_lossy(&entry.key).into_owned();
        let range = entry.range.clone();
        let Kind::Text(raw) = &value.kind else {
            if named {
                let raw = bytes.get(value.range.clone()).unwrap_or_default();
                let value =
                    String::from_utf8_lossy(raw.get(..raw.len().min(64 << 10)).unwrap_or_default()).into_owned();
                labels.push(Label {
                    place: "pdf:Info AIGC".into(),
                    by_the_book: false,
                    value,
                    range,
                    remainder: Vec::new(),
                });
            }
            continue;
        };
        // Labels are held until all entries are read, and several may be of one text.
        held += raw.len() as u64;
        let text = syntax::text(raw);
        if named {
            let by_the_book = entry.key == b"AIGC";
            labels.push(Label {
                place: "pdf:Info AIGC".into(),
                by_the_book,
                value: text,
                range,
                remainder: Vec::new(),
            });
            continue;
        }
        let found = loose::find_in_field(text.as_bytes());
        let Some(first) = found.first() else { continue };
        let rest = loose::without(text.as_bytes(), &found);
        let rest = String::from_utf8_lossy(&rest);
        let name = info.bytes.get(entry.range.start..entry.value.range.start).unwrap_or_default();
        let remainder = [name, b" ", &syntax::written(&rest)].concat();
        let value = first.value.clone();
        labels.push(Label { place: format!("pdf:Info {key}"), by_the_book: false, value, range, remainder });
    }
    Ok(labels)
}

/// The information dictionary with one label, its other entries as they were.
fn new_info(pdf: &mut Pdf<'_, '_>, info: &Object, value: &str) -> Result<Vec<u8>, Error> {
    let Kind::Dictionary(_) = info.value.kind else {
        return Err(pdf.source.damaged(info.at, "its document information is no dictionary"));
    };
    let labels = info_labels(pdf, info)?;
    let mut body = Vec::new();
    let mut done = info.value.range.start;
    for label in labels {
        body.extend_from_slice(info.bytes.get(done..label.range.start).unwrap_or_default());
        body.extend_from_slice(&label.remainder);
        done = label.range.end;
    }
    body.extend_from_slice(info.bytes.get(done..info.value.range.end.saturating_sub(2)).unwrap_or_default());
    // A comment before the end would swallow what follows on its line.
    if body.contains(&b'%') {
        body.push(b'\n');
    }
    body.extend_from_slice(b"/AIGC ");
    body.extend_from_slice(&syntax::written(value));
    body.extend_from_slice(b">>");
    Ok(body)
}

/// A stream with other content, not compressed, as XMP is wanted (§14.3.2).
fn new_stream(object: &Object, content: &[u8]) -> Vec<u8> {
    let mut body = b"<<".to_vec();
    for entry in object.value.entries() {
        if !["Length", "Filter", "DecodeParms"].iter().any(|key| entry.key == key.as_bytes()) {
            body.extend_from_slice(object.bytes.get(entry.range.clone()).unwrap_or_default());
            body.push(b' ');
        }
    }
    body.extend_from_slice(format!("/Length {}>>\nstream\n", content.len()).as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\nendstream");
    body
}

/// What is appended: the objects, their cross-reference section, the trailer.
fn update(
    pdf: &mut Pdf<'_, '_>,
    mut objects: Vec<New>,
    info: (u64, u64),
    mut size: u64,
    value: &str,
) -> Result<Vec<u8>, Error> {
    let length = pdf.source.len();
    let mut bytes = Vec::new();
    let last = length.checked_sub(1).map(|at| pdf.source.bytes::<1>(at)).transpose()?;
    if !matches!(last, Some([b'\n' | b'\r'])) {
        bytes.push(b'\n');
    }
    objects.sort_by_key(|object| object.number);
    let begin = length.saturating_sub(pdf.base);
    let mut entries: Vec<(u64, u64, u64)> = Vec::new();
    for object in &objects {
        entries.push((object.number, begin + bytes.len() as u64, object.generation));
        bytes.extend_from_slice(format!("{} {} obj\n", object.number, object.generation).as_bytes());
        bytes.extend_from_slice(&object.body);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    let at = begin + bytes.len() as u64;
    if pdf.streamed {
        let number = size;
        size += 1;
        entries.push((number, at, 0));
        let width = (8 - at.leading_zeros() / 8).max(1);
        let mut rows = Vec::new();
        for (_, offset, generation) in &entries {
            rows.push(1);
            rows.extend_from_slice(offset.to_be_bytes().get(8 - width as usize..).unwrap_or_default());
            rows.extend_from_slice(&u16::try_from(*generation).unwrap_or_default().to_be_bytes());
        }
        let index: Vec<String> = entries.iter().map(|(number, ..)| format!("{number} 1")).collect();
        let own = format!("/Type/XRef/W[1 {width} 2]/Index[{}]/Length {}", index.join(" "), rows.len());
        bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        bytes.extend_from_slice(&new_trailer(pdf, info, size, &own, value)?);
        bytes.extend_from_slice(b"\nstream\n");
        bytes.extend_from_slice(&rows);
        bytes.extend_from_slice(b"\nendstream\nendobj\n");
    } else {
        if at > FARTHEST {
            let problem = "it is larger than its cross-reference table can tell; save it with cross-reference streams";
            return Err(pdf.source.unsupported(problem));
        }
        bytes.extend_from_slice(b"xref\n");
        for (number, offset, generation) in &entries {
            bytes.extend_from_slice(format!("{number} 1\n{offset:010} {generation:05} n \n").as_bytes());
        }
        bytes.extend_from_slice(b"trailer\n");
        bytes.extend_from_slice(&new_trailer(pdf, info, size, "", value)?);
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(format!("startxref\n{at}\n%%EOF\n").as_bytes());
    Ok(bytes)
}

/// The newest trailer with what the update changes.
fn new_trailer(pdf: &mut Pdf<'_, '_>, info: (u64, u64), size: u64, own: &str, value: &str) -> Result<Vec<u8>, Error> {
    /// Entries that are of one section alone.
    const OWN: [&str; 11] =
        ["Size", "Prev", "Info", "ID", "XRefStm", "Type", "W", "Index", "Length", "Filter", "DecodeParms"];
    let trailer = pdf.trailer.clone();
    let mut bytes = format!("<<{own}/Size {size}/Prev {}/Info {} {} R", pdf.last, info.0, info.1).into_bytes();
    for entry in trailer.value.entries() {
        if !OWN.iter().any(|key| entry.key == key.as_bytes()) {
            bytes.extend_from_slice(trailer.bytes.get(entry.range.clone()).unwrap_or_default());
        }
    }
    if let Some(ids) = pdf.follow(&trailer, "ID")?
        && let [first, second] = ids.value.items()
    {
        bytes.extend_from_slice(b"/ID[");
        bytes.extend_from_slice(ids.bytes.get(first.range.clone()).unwrap_or_default());
        let old = ids.bytes.get(second.range.clone()).unwrap_or_default();
        bytes.extend_from_slice(format!("<{:032X}>]", mixed(&[old, value.as_bytes()])).as_bytes());
    }
    bytes.extend_from_slice(b">>");
    Ok(bytes)
}

/// FNV-1a of 128 bits: the changing half of a file's identifier (§14.4) needs to differ, not to be secret, and the same
/// label of the same file should give the same bytes.
fn mixed(parts: &[&[u8]]) -> u128 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |sum: u128, byte| {
        (sum ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}

/// Labels wherever `/AIGC (…)` stands.
fn stray(source: &mut Source<'_>, trace: &mut Trace) -> Result<(), Error> {
    /// Longest label, escapes included.
    const LONGEST: u64 = 64 << 10;
    /// Most places that are tried.
    const MOST: usize = 256;
    let (mut at, mut tried) = (0, 0);
    while at < source.len() && tried < MOST {
        let window = source.at(at, 8)?;
        let Some(hit) = memchr::memmem::find(window, b"/AIGC") else {
            at += window.len().saturating_sub(4).max(1) as u64;
            continue;
        };
        tried += 1;
        let place = at + hit as u64;
        let room = (source.len() - place).min(LONGEST);
        let bytes = source.part(place, room, "a label")?;
        if let Ok(Value { kind: Kind::Text(raw), .. }) = syntax::value(&bytes, 5) {
            trace.note(source, "pdf:stray AIGC", false, syntax::text(&raw), place)?;
        }
        at = place + 5;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
