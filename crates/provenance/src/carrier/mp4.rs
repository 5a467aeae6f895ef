//! MP4, MOV and M4A: `moov/udta/meta` with the handler `mdta`, the key `AIGC` in `keys` and the value in `ilst`
//! (TC260-PG-20257A for video, TC260-PG-202510A for M4A).
//!
//! Media stays where it is whenever that can be: free space takes a change of the movie box up, and a movie box behind the
//! media moves nothing. Otherwise the places in the file move along: `stco`, `co64`, `saio`, `tfhd`, `tfra`.
//!
//! Sources: ISO/IEC 14496-12 (ISO base media file format), Apple *QuickTime File Format*, *XMP Specification Part 3*.

use std::io::{Read, Seek, SeekFrom, Write};

use super::media::{Source, be32, checked, few, has_members, text};
use super::{Carrier, Found, Input, media_xmp};
use crate::Error;
use boxes::{Head, Node, Shift, children, head};

mod boxes;
mod fragments;
mod meta;

/// MP4, QuickTime and 3GPP video.
pub const MP4: Carrier = Carrier {
    id: "mp4",
    kind: "video",
    endings: &["mp4", "m4v", "mov", "qt", "3gp", "3g2", "f4v"],
    sniff: |head| sniff(head) && !is_sound(head),
    read,
    write,
};

/// Sound in the same format.
pub const M4A: Carrier = Carrier {
    id: "m4a",
    kind: "audio",
    endings: &["m4a", "m4b", "m4p", "m4r", "f4a"],
    sniff: |head| sniff(head) && is_sound(head),
    read,
    write,
};

const FORMAT: &str = "MP4";
/// The most boxes of a file: fragmented recordings have two or three for each second.
const MOST_BOXES: usize = 1 << 18;
/// How much of what stands behind the last box is looked at.
const LONGEST_TAIL: u64 = 64 << 10;
/// The most bytes of all boxes `AIGC` beside the movie box that are taken out.
const MOST_STRAYS: usize = 1 << 20;
/// The longest movie box that is written in place.
const LONGEST_IN_PLACE: u64 = 16 << 20;

fn sniff(head: &[u8]) -> bool {
    let brand = head.get(8..12).unwrap_or_default();
    match head.get(4..8) {
        // Still pictures in the same boxes are another family.
        Some(b"ftyp") => {
            !matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"avif" | b"jxl " | b"crx ")
        }
        Some(b"moov" | b"mdat" | b"wide" | b"pnot") => {
            be32(head, 0).is_some_and(|size| size == 1 || size == 0 || size >= 8)
        }
        Some(b"free" | b"skip") => {
            let next = be32(head, 0).and_then(|size| usize::try_from(size).ok()?.checked_add(4));
            next.and_then(|next| head.get(next..)?.get(..4))
                .is_some_and(|kind| matches!(kind, b"moov" | b"mdat" | b"wide"))
        }
        _ => false,
    }
}

fn is_sound(head: &[u8]) -> bool {
    matches!(head.get(8..12), Some(b"M4A " | b"M4B " | b"M4P " | b"F4A " | b"F4B "))
}

/// The boxes of the file, and what stands behind them.
struct File {
    boxes: Vec<Head>,
    moov: Option<Head>,
    /// Where the boxes end.
    end: u64,
    /// A label behind them.
    tail: Option<String>,
}

fn parse(source: &mut Source<'_>) -> Result<File, Error> {
    let mut file = File { boxes: Vec::new(), moov: None, end: 0, tail: None };
    let len = source.len();
    while file.end < len {
        let at = file.end;
        let next = head(source, at, len)?;
        let named = next.is_some_and(|one| one.kind.iter().all(|byte| matches!(byte, 0x20..=0x7E)));
        let Some(one) = next.filter(|_| named) else {
            tail(source, &mut file)?;
            break;
        };
        if file.boxes.len() == MOST_BOXES {
            return Err(source.too_much(format!("more than {MOST_BOXES} boxes")));
        }
        if one.is(b"moov") && file.moov.replace(one).is_some() {
            return Err(source.damaged(at, "there are two movie boxes"));
        }
        file.end = one.end();
        file.boxes.push(one);
    }
    if file.boxes.is_empty() {
        return Err(source.damaged(0, "no box begins here"));
    }
    Ok(file)
}

/// What stands behind the last box: a label, or stray bytes that stay; a box that is cut off is damage.
fn tail(source: &mut Source<'_>, file: &mut File) -> Result<(), Error> {
    let at = file.end;
    let left = source.len() - at;
    if left <= LONGEST_TAIL {
        let value = text(&source.vec(at, left, LONGEST_TAIL)?);
        if has_members(&value) {
            file.tail = Some(value);
            return Ok(());
        }
    }
    let kind = source.head(at, 8)?.get(4..8).unwrap_or_default();
    let known = matches!(
        kind,
        b"moov" | b"mdat" | b"moof" | b"free" | b"skip" | b"uuid" | b"mfra" | b"sidx" | b"meta" | b"ftyp"
    );
    if known || file.moov.is_none() {
        let kind = text(kind);
        return Err(source.damaged(at, format!("the file ends within the box {kind}")));
    }
    Ok(())
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let file = parse(&mut source)?;
    labels(&mut source, &file)
}

/// All labels of a file.
fn labels(source: &mut Source<'_>, file: &File) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for one in &file.boxes {
        match &one.kind {
            b"moov" => movie_labels(source, *one, "moov", &mut found)?,
            b"meta" => meta_labels(source, *one, "meta", &mut found)?,
            b"uuid" => xmp_labels(source, *one, "uuid", &mut found)?,
            b"AIGC" | b"aigc" => stray_label(source, *one, &text(&one.kind), &mut found)?,
            _ => continue,
        }
        few(source, &found)?;
    }
    found.extend(file.tail.clone().map(|value| Found {
        place: "mp4:behind the last box".into(),
        by_the_book: false,
        value,
        offset: Some(file.end),
    }));
    Ok(found)
}

/// Labels in the movie box and its tracks.
fn movie_labels(source: &mut Source<'_>, parent: Head, path: &str, found: &mut Vec<Found>) -> Result<(), Error> {
    for one in children(source, parent.data(), parent.end())? {
        let path = format!("{path}/{}", text(&one.kind));
        match &one.kind {
            b"trak" if parent.is(b"moov") => movie_labels(source, one, &path, found)?,
            b"udta" if !parent.is(b"udta") => movie_labels(source, one, &path, found)?,
            b"meta" => meta_labels(source, one, &path, found)?,
            b"uuid" | b"XMP_" => xmp_labels(source, one, &path, found)?,
            _ if parent.is(b"udta") => stray_label(source, one, &path, found)?,
            _ => continue,
        }
        few(source, found)?;
    }
    Ok(())
}

fn meta_labels(source: &mut Source<'_>, one: Head, path: &str, found: &mut Vec<Found>) -> Result<(), Error> {
    let bytes = source.vec(one.data(), one.len - one.header, boxes::LONGEST)?;
    let meta = meta::Meta::read(&bytes).ok_or_else(|| source.damaged(one.at, "the box of metadata is cut off"))?;
    found.extend(meta.labels().into_iter().map(|label| Found {
        by_the_book: path == "moov/udta/meta" && label.keyed,
        place: format!("mp4:{path}/{}", label.place),
        value: label.value,
        offset: Some(one.data() + label.at as u64),
    }));
    Ok(())
}

fn xmp_labels(source: &mut Source<'_>, one: Head, path: &str, found: &mut Vec<Found>) -> Result<(), Error> {
    let start = if one.is(b"XMP_") { Some(one.data()) } else { boxes::packet(source, one)? };
    let Some(start) = start else { return Ok(()) };
    let packet = source.vec(start, one.end() - start, boxes::LONGEST)?;
    found.extend(media_xmp::values(&packet).into_iter().map(|value| Found {
        place: format!("mp4:{path} TC260:AIGC"),
        by_the_book: false,
        value,
        offset: Some(one.at),
    }));
    Ok(())
}

fn stray_label(source: &mut Source<'_>, one: Head, path: &str, found: &mut Vec<Found>) -> Result<(), Error> {
    found.extend(boxes::stray(source, one)?.map(|value| Found {
        place: format!("mp4:{path}"),
        by_the_book: false,
        value,
        offset: Some(one.at),
    }));
    Ok(())
}

/// How the new file differs from the old one.
struct Plan {
    moov: Head,
    movie: Node,
    /// Free space directly behind the movie box, and how much is left of it.
    free: (u64, u64),
    shift: Shift,
    /// Boxes of unchanged size with new bytes.
    others: Vec<(Head, Node)>,
    file: File,
}

impl Plan {
    /// Whether a file of this length can take the new boxes where it is: no media moves, and the movie box keeps its size or
    /// is the last and may grow.
    fn stays(&self, len: u64) -> bool {
        let (room, left) = self.free;
        let grows = self.movie.size() + left != self.moov.len + room;
        // What stands behind it would have to be cut off or moved.
        let movable = self.moov.end() == len;
        self.shift.by == 0 && (!grows || movable) && self.file.tail.is_none() && self.movie.size() <= LONGEST_IN_PLACE
    }
}

fn plan(source: &mut Source<'_>, value: &str) -> Result<Plan, Error> {
    let file = parse(source)?;
    let Some(moov) = file.moov else {
        let problem =
            "it has no movie box: it is a fragment of a stream, whose initialisation segment carries the label";
        return Err(source.unsupported(problem));
    };
    // What cannot be read is not written: neither the labels to take out nor their number would be known.
    labels(source, &file)?;
    let mut movie = boxes::movie(source, moov, value)?;
    let mut others = Vec::new();
    let mut strays = 0;
    for one in &file.boxes {
        match &one.kind {
            b"uuid" => others.push((*one, boxes::xmp(source, *one, one.data() + 16)?)),
            b"meta" => others.push((*one, boxes::metadata(source, *one, None)?)),
            // Nothing moves: what was a label is free space.
            b"AIGC" | b"aigc" => {
                let size = usize::try_from(one.len).unwrap_or(0);
                strays += size;
                if strays > MOST_STRAYS {
                    return Err(source.too_much(format!("boxes AIGC of {strays} bytes")));
                }
                others.push((*one, Node::Bytes(meta::boxed(b"free", &vec![0; size.saturating_sub(8)]))));
            }
            _ => {}
        }
    }
    others.retain(|(_, node)| !matches!(node, Node::Keep(..)));
    if let Some((one, _)) = others.iter().find(|(one, node)| node.size() != one.len) {
        return Err(source.unsupported(format!("the metadata at byte {} cannot keep its size", one.at)));
    }
    let room = file.boxes.iter().find(|one| one.at == moov.end() && one.free()).map_or(0, |one| one.len);
    // Behind it only what nothing points to: no place in the file moves.
    let last = file.boxes.iter().filter(|one| one.at >= moov.end()).all(Head::free);
    let mut shift = Shift { from: moov.end(), by: 0 };
    let mut left = room;
    loop {
        let more = movie.size().cast_signed() - moov.len.cast_signed();
        let rest = room.cast_signed() - more;
        if rest == 0 || rest >= 8 {
            left = rest.cast_unsigned();
            break;
        }
        shift.by = more;
        if last || !movie.widen(more) {
            break;
        }
    }
    if last {
        shift.by = 0;
    }
    if shift.by != 0 && fragments::has_items(source, &file.boxes)? {
        return Err(source.unsupported("it holds items with places in the file (iloc), which would move"));
    }
    if shift.by != 0 {
        // Damage in a fragment must show before anything is written.
        for one in file.boxes.iter().filter(|one| one.is(b"moof") || one.is(b"mfra")) {
            fragments::moved(source, *one, shift)?;
        }
    }
    Ok(Plan { moov, movie, free: (room, left), shift, others, file })
}

/// Free space of this length: header and zeros.
fn free_space(length: u64, out: &mut dyn Write) -> Result<(), Error> {
    if length == 0 {
        return Ok(());
    }
    let mut head = match u32::try_from(length) {
        Ok(size) => [size.to_be_bytes().as_slice(), b"free"].concat(),
        Err(_) => [1_u32.to_be_bytes().as_slice(), b"free", &length.to_be_bytes()].concat(),
    };
    let mut zeros = length - head.len() as u64;
    out.write_all(&head)?;
    head = vec![0; 1 << 16];
    while zeros > 0 {
        let now = zeros.min(1 << 16);
        out.write_all(head.get(..usize::try_from(now).unwrap_or(0)).unwrap_or_default())?;
        zeros -= now;
    }
    Ok(())
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let plan = plan(&mut source, value)?;
    let (room, left) = plan.free;
    let mut at = 0;
    // Both are in the order of the file.
    let mut others = plan.others.iter().peekable();
    for one in &plan.file.boxes {
        let other = others.next_if(|(head, _)| head.at == one.at).map(|(_, node)| node);
        if one.at == plan.moov.at {
            source.copy(at, one.at - at, out)?;
            plan.movie.emit(&mut source, out, plan.shift)?;
            if left != room {
                free_space(left, out)?;
                at = one.end() + room;
            } else {
                at = one.end();
            }
        } else if let Some(node) = other {
            source.copy(at, one.at - at, out)?;
            node.emit(&mut source, out, plan.shift)?;
            at = one.end();
        } else if plan.shift.by != 0 && (one.is(b"moof") || one.is(b"mfra")) {
            source.copy(at, one.at - at, out)?;
            out.write_all(&fragments::moved(&mut source, *one, plan.shift)?)?;
            at = one.end();
        }
    }
    let end = if plan.file.tail.is_some() { plan.file.end } else { source.len() };
    source.copy(at, end.saturating_sub(at), out)
}

/// Whether [`in_place`] would write this label. Nothing is written.
///
/// # Errors
/// As [`Carrier::write`].
pub fn fits(file: &mut dyn Input, value: &str) -> Result<bool, Error> {
    let value = checked(value)?;
    let mut source = Source::new(file, FORMAT)?;
    Ok(plan(&mut source, value)?.stays(source.len()))
}

/// Writes the label into the file itself, where that needs no media to move: when free space in or behind the movie box is
/// large enough, or when the movie box is the last of the file. Otherwise nothing is changed, the answer is `false`, and
/// [`Carrier::write`] of [`MP4`] does it.
///
/// A crash in between leaves a file with a damaged movie box: use it on copies.
///
/// # Errors
/// As [`Carrier::write`].
pub fn in_place<F: Read + Write + Seek>(file: &mut F, value: &str) -> Result<bool, Error> {
    let value = checked(value)?;
    let mut source = Source::new(file, FORMAT)?;
    let plan = plan(&mut source, value)?;
    let (room, left) = plan.free;
    if !plan.stays(source.len()) {
        return Ok(false);
    }
    let mut writes = Vec::new();
    let mut bytes = Vec::new();
    plan.movie.emit(&mut source, &mut bytes, plan.shift)?;
    if left != room {
        let header = if left == 0 { Vec::new() } else { meta::boxed(b"free", &[]) };
        bytes.extend(header);
        let at = bytes.len();
        if left != 0 {
            let size = u32::try_from(left).map_err(|_| source.too_much("free space beyond 4 GiB"))?;
            bytes.splice(at - 8..at - 4, size.to_be_bytes());
        }
    }
    writes.push((plan.moov.at, bytes));
    for (one, node) in &plan.others {
        let mut bytes = Vec::new();
        node.emit(&mut source, &mut bytes, plan.shift)?;
        writes.push((one.at, bytes));
    }
    for (at, bytes) in writes {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&bytes)?;
    }
    file.flush()?;
    Ok(true)
}

#[cfg(test)]
mod tests;
