//! Where manifest stores stand in each format (C2PA 2.2 Annex A).

mod jpeg;

use crate::Error;
use crate::carrier::media::{Source, array};
use crate::carrier::{HEAD, Input, edit, exif, id3, pdf, riff};

/// The longest manifest store that is read: pictures of ingredients are in it.
pub(super) const LONGEST: u64 = 64 << 20;
/// Most chunks, blocks or boxes on the way to it: pictures and films have thousands.
const MOST_PIECES: usize = 4_000_000;
/// The tag of a store in TIFF.
const TIFF_TAG: u16 = 0xCD41;
/// The user type of a box with a store.
const BOX: [u8; 16] = *b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";
/// The media types of a store.
const MEDIA_TYPES: [&[u8]; 2] = [b"application/c2pa", b"application/x-c2pa-manifest-store"];

/// The manifest stores of a file, the newest last; mostly one or none.
pub(super) fn stores(input: &mut dyn Input) -> Result<Vec<Vec<u8>>, Error> {
    let mut source = Source::new(input, "media")?;
    let head = source.head(0, HEAD)?.to_vec();
    let begins = |start: &[u8]| head.starts_with(start);
    if begins(b"\xFF\xD8\xFF") {
        return jpeg::store(&mut Source::new(input, "JPEG")?);
    }
    if begins(b"\x89PNG\r\n\x1A\n") {
        return png(&mut Source::new(input, "PNG")?);
    }
    if begins(b"GIF8") {
        return gif(&mut Source::new(input, "GIF")?);
    }
    if ["RIFF", "RF64", "BW64"].iter().any(|id| begins(id.as_bytes())) {
        return chunks(&mut Source::new(input, "RIFF")?);
    }
    if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|start| begins(start.as_slice())) {
        return tiff(input);
    }
    if begins(b"ID3") {
        return tag(&mut Source::new(input, "ID3")?);
    }
    if matches!(head.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"uuid")) {
        return boxes(&mut Source::new(input, "MP4")?);
    }
    if memchr::memmem::find(head.get(..head.len().min(1024)).unwrap_or_default(), b"%PDF-").is_some() {
        return pdf::attached(input, "C2PA_Manifest");
    }
    Ok(Vec::new())
}

/// Chunk `caBX` (Annex A.3.3).
fn png(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let mut at = 8;
    for _ in 0..MOST_PIECES {
        if at == source.len() {
            return Ok(Vec::new());
        }
        let head: [u8; 8] = source.array(at)?;
        let size = u64::from(u32::from_be_bytes(array(&head, 0).unwrap_or_default()));
        match head.get(4..) {
            Some(b"caBX") => return Ok(vec![source.vec(at + 8, size, LONGEST)?]),
            Some(b"IEND") => return Ok(Vec::new()),
            _ => at += 12 + size,
        }
    }
    Err(source.too_much("it has millions of chunks"))
}

/// Application extension `C2PA_GIF`, before the first picture (Annex A.3.7).
fn gif(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let [.., packed, _, _] = source.array::<13>(0)?;
    let mut at = 13 + if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) };
    let mut pieces = 0;
    while source.array::<1>(at)? == [0x21] {
        let ours = source.head(at + 1, 13)?.strip_prefix(b"\xFF\x0B").is_some_and(|name| name.starts_with(b"C2PA_GIF"));
        at += if ours { 14 } else { 2 };
        let mut store = Vec::new();
        loop {
            let [length] = source.array(at)?;
            if length == 0 {
                break;
            }
            pieces += 1;
            if pieces > MOST_PIECES || store.len() as u64 > LONGEST {
                return Err(source.too_much("its extensions are longer than metadata should be"));
            }
            if ours {
                store.extend_from_slice(source.bytes(at + 1, length.into())?);
            }
            at += 1 + u64::from(length);
        }
        if ours {
            return Ok(vec![store]);
        }
        at += 1;
    }
    Ok(Vec::new())
}

/// Chunk `C2PA` of WebP, WAV and AVI (Annex A.3.6).
fn chunks(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let riff = riff::riff(source, 0)?;
    let found = riff.chunks.iter().find(|chunk| &chunk.id == b"C2PA");
    found
        .map(|chunk| source.vec(chunk.at + 8, chunk.size, LONGEST))
        .transpose()
        .map(|store| store.into_iter().collect())
}

/// Tag 52545 of a directory; the last one counts, as updates are appended (Annex A.3.4).
fn tiff(input: &mut dyn Input) -> Result<Vec<Vec<u8>>, Error> {
    let mut place = None;
    {
        let mut source = edit::Source::new(input, "TIFF")?;
        let header = exif::header(&mut source, 0)?;
        let end = source.len();
        exif::walk(&mut source, header, end, |_, directory| {
            let found = directory.fields.iter().find(|field| field.tag == TIFF_TAG && matches!(field.kind, 1 | 7));
            place = found.map(|field| (field.value, field.size)).or(place);
            Ok(())
        })?;
    }
    let Some((at, size)) = place else { return Ok(Vec::new()) };
    Ok(vec![Source::new(input, "TIFF")?.vec(at, size, LONGEST)?])
}

/// Frame `GEOB` of the ID3v2 tag before MP3 and FLAC (Annex A.3.8).
fn tag(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let Some(length) = id3::length(source.head(0, 10)?) else { return Ok(Vec::new()) };
    let tag = source.vec(0, length, LONGEST)?;
    let objects = id3::contents(&tag, "GEOB", "GEO").map_err(|problem| source.damaged(0, problem))?;
    Ok(objects.iter().filter_map(|object| geob(object)).take(1).map(<[u8]>::to_vec).collect())
}

/// The store in a general object (ID3v2.4 §4.15): encoding, media type, file name, description, object.
fn geob(object: &[u8]) -> Option<&[u8]> {
    let (encoding, rest) = object.split_first()?;
    let (media_type, mut rest) = rest.split_at_checked(memchr::memchr(0, rest)?)?;
    if !MEDIA_TYPES.contains(&media_type) {
        return None;
    }
    rest = rest.get(1..)?;
    let step = if matches!(encoding, 1 | 2) { 2 } else { 1 };
    for _ in 0..2 {
        let end = rest.chunks_exact(step).position(|unit| unit.iter().all(|byte| *byte == 0))?;
        rest = rest.get((end + 1) * step..)?;
    }
    Some(rest)
}

/// Boxes `uuid` at the top level (Annex A.5.1): version and flags, a purpose, for stores an offset, the store.
fn boxes(source: &mut Source<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let mut found = Vec::new();
    let mut held = 0;
    let mut at = 0;
    for _ in 0..MOST_PIECES {
        if source.len() - at < 8 {
            // What is found with an update was there before it: the update is the newest.
            found.sort_by_key(|(update, _)| *update);
            return Ok(found.into_iter().map(|(_, store)| store).collect());
        }
        let head: [u8; 8] = source.array(at)?;
        let left = source.len() - at;
        let (header, size) = match u32::from_be_bytes(array(&head, 0).unwrap_or_default()) {
            0 => (8, left),
            1 => (16, u64::from_be_bytes(source.array(at + 8)?)),
            size => (8, size.into()),
        };
        if size < header || size > left {
            return Err(source.damaged(at, "a box says that it is longer than the file, or too short"));
        }
        if head.get(4..) == Some(b"uuid") && size >= header + 16 && source.array::<16>(at + header)? == BOX {
            let from = at + header + 20;
            let window = source.head(from, 64)?;
            let purpose = memchr::memchr(0, window).and_then(|end| window.get(..end)).unwrap_or_default();
            let skip = purpose.len() as u64 + 9;
            if matches!(purpose, b"manifest" | b"original" | b"update") {
                let update = purpose == b"update";
                let length = (at + size).checked_sub(from + skip);
                let length = length.ok_or_else(|| source.damaged(at, "its C2PA box is cut off"))?;
                held += length;
                if held > LONGEST {
                    return Err(source.too_much("its manifest stores are longer than 64 MiB"));
                }
                found.push((update, source.vec(from + skip, length, LONGEST)?));
            }
        }
        at += size;
    }
    Err(source.too_much("it has millions of boxes"))
}
