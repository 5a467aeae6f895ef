//! Matroska and WebM: `Segment/Tags/Tag/SimpleTag` with `TagName` `AIGC` and the value in `TagString` (TC260-PG-20257A).
//!
//! `SeekHead` and `Cues` hold places relative to the data of the segment. So clusters never move when there are such
//! indexes: the tags take the place of old ones or of `Void`, or stand at the end of the segment; `SeekHead` then gets an
//! entry for them where there is room, and loses entries that are no longer right.
//!
//! Sources: RFC 8794 (EBML), RFC 9559 (Matroska).

use std::io::Write;

use super::media::{Edit, KEY, Source, apply, checked, few};
use super::{Carrier, Found, Input};
use crate::Error;
use ebml::{CRC, Element, VOID, element};
use tags::TAGS;

mod ebml;
mod tags;

/// Matroska and WebM files.
pub const MATROSKA: Carrier =
    Carrier { id: "matroska", kind: "video", endings: &["mkv", "webm", "mka", "mk3d", "weba"], sniff, read, write };

const FORMAT: &str = "Matroska";
const EBML: u32 = 0x1A45_DFA3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114D_9B74;
const CLUSTER: u32 = 0x1F43_B675;
const CUES: u32 = 0x1C53_BB6B;
/// All elements that a segment may hold; they end a cluster of unknown size.
const LEVEL: [u32; 8] = [SEEK_HEAD, 0x1549_A966, 0x1654_AE6B, 0x1043_A770, CLUSTER, CUES, 0x1941_A469, TAGS];
/// The longest `Tags` or `SeekHead` that is read.
const LONGEST: u64 = 8 << 20;
/// The longest `SeekHead`: it has an entry of some 20 bytes for each of a handful of elements.
const LONGEST_SEEK: u64 = 64 << 10;
/// The most elements of a segment, clusters left out.
const MOST: usize = 1 << 16;
/// The most segments of a file.
const MOST_SEGMENTS: usize = 64;

fn sniff(head: &[u8]) -> bool {
    let start = head.get(..head.len().min(256)).unwrap_or_default();
    start.starts_with(&EBML.to_be_bytes())
        && [b"matroska".as_slice(), b"webm"].iter().any(|kind| start.windows(kind.len()).any(|window| window == *kind))
}

/// An element of the segment: where, and how long altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Child {
    id: u32,
    at: u64,
    header: u64,
    len: u64,
}

impl Child {
    fn end(&self) -> u64 {
        self.at + self.len
    }
}

struct Segment {
    element: Element,
    end: u64,
    /// All but clusters.
    children: Vec<Child>,
    cluster: Option<u64>,
}

impl Segment {
    fn of(&self, id: u32) -> impl Iterator<Item = &Child> {
        self.children.iter().filter(move |child| child.id == id)
    }

    /// `Void` directly behind a place.
    fn void_behind(&self, at: u64) -> u64 {
        let mut end = at;
        // The children are in the order of the file.
        for child in self.children.iter().filter(|child| child.id == VOID) {
            if child.at == end {
                end = child.end();
            }
        }
        end - at
    }
}

fn parse(source: &mut Source<'_>) -> Result<Vec<Segment>, Error> {
    if !sniff(source.head(0, 256)?) {
        return Err(source.damaged(0, "it does not begin with EBML of Matroska or WebM"));
    }
    let mut segments: Vec<Segment> = Vec::new();
    let mut at = 0;
    let len = source.len();
    while at < len {
        let one = element(source, at, len)?;
        if one.id == SEGMENT {
            if segments.len() == MOST_SEGMENTS {
                return Err(source.too_much(format!("more than {MOST_SEGMENTS} segments")));
            }
            let segment = segment(source, one)?;
            at = segment.end;
            segments.push(segment);
        } else {
            let size = one.size.ok_or_else(|| source.damaged(at, "an element outside the segment has no size"))?;
            at = one.data() + size;
        }
    }
    if segments.is_empty() {
        return Err(source.damaged(at, "there is no segment"));
    }
    Ok(segments)
}

fn segment(source: &mut Source<'_>, one: Element) -> Result<Segment, Error> {
    let limit = one.size.map_or(source.len(), |size| one.data() + size);
    let mut segment = Segment { element: one, end: limit, children: Vec::new(), cluster: None };
    let mut at = one.data();
    while at < limit {
        let child = element(source, at, limit)?;
        if one.size.is_none() && matches!(child.id, EBML | SEGMENT) {
            segment.end = at;
            break;
        }
        let end = match child.size {
            Some(size) => child.data() + size,
            None if child.id == CLUSTER => open_cluster(source, child, limit)?,
            None => return Err(source.damaged(at, "only segments and clusters may be of unknown size")),
        };
        if child.id == CLUSTER {
            segment.cluster = segment.cluster.or(Some(at));
        } else {
            if segment.children.len() == MOST {
                return Err(source.too_much(format!("more than {MOST} elements in a segment")));
            }
            segment.children.push(Child { id: child.id, at, header: child.header, len: end - at });
        }
        at = end;
    }
    Ok(segment)
}

/// Where a cluster of unknown size ends: before the next element that belongs into the segment.
fn open_cluster(source: &mut Source<'_>, cluster: Element, limit: u64) -> Result<u64, Error> {
    let mut at = cluster.data();
    while at < limit {
        let one = element(source, at, limit)?;
        if LEVEL.contains(&one.id) || matches!(one.id, EBML | SEGMENT) {
            break;
        }
        let size = one.size.ok_or_else(|| source.damaged(at, "an element of a cluster has no size"))?;
        at = one.data() + size;
    }
    Ok(at)
}

fn data(source: &mut Source<'_>, child: Child) -> Result<Vec<u8>, Error> {
    source.vec(child.at + child.header, child.len - child.header, LONGEST)
}

fn read(input: &mut dyn Input) -> Result<Vec<Found>, Error> {
    let mut source = Source::new(input, FORMAT)?;
    let segments = parse(&mut source)?;
    labels(&mut source, &segments)
}

/// All labels of a file.
fn labels(source: &mut Source<'_>, segments: &[Segment]) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for segment in segments {
        for child in segment.of(TAGS) {
            let labels = tags::labels(&data(source, *child)?);
            let labels = labels.ok_or_else(|| source.damaged(child.at, "the tags are damaged"))?;
            found.extend(labels.into_iter().map(|(name, value, depth)| Found {
                place: format!("matroska:SimpleTag {name}"),
                by_the_book: name == KEY && depth == 0,
                value,
                offset: Some(child.at),
            }));
            few(source, &found)?;
        }
    }
    Ok(found)
}

/// Where the new tags go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Over these bytes, which they fill with `Void`.
    Over { at: u64, room: u64 },
    /// Between others; the segment grows. Some of what was there goes.
    Grow { at: u64, old: u64 },
}

fn write(input: &mut dyn Input, out: &mut dyn Write, value: &str) -> Result<(), Error> {
    let value = checked(value)?;
    let mut source = Source::new(input, FORMAT)?;
    let segments = parse(&mut source)?;
    let [segment] = segments.as_slice() else {
        return Err(
            source.unsupported("it holds several segments, one behind the other; label each before joining them")
        );
    };
    labels(&mut source, &segments)?;
    let base = segment.element.data();
    let mut edits = Vec::new();
    let mut home: Option<Child> = None;
    let mut fresh = None;
    let mut gone = Vec::new();
    for child in segment.of(TAGS) {
        let old = data(&mut source, *child)?;
        let damaged = || source.damaged(child.at, "the tags are damaged");
        if home.is_none() {
            home = Some(*child);
            fresh = Some(tags::rewritten(&old, Some(value)).ok_or_else(damaged)?);
        } else if !tags::labels(&old).ok_or_else(damaged)?.is_empty() {
            let new = tags::rewritten(&old, None).ok_or_else(damaged)?;
            if new.is_empty() {
                gone.push(child.at - base);
            }
            let new = filled(&new, child.len).ok_or_else(damaged)?;
            edits.push(Edit { at: child.at, old: child.len, new });
        }
    }
    let fresh = match fresh {
        Some(fresh) => fresh,
        None => tags::rewritten(&[], Some(value)).unwrap_or_default(),
    };
    let place = place(segment, home, &fresh);
    let at = match place {
        Place::Over { at, room } => {
            let new = filled(&fresh, room).ok_or_else(|| source.damaged(at, "the tags do not fit"))?;
            edits.push(Edit { at, old: room, new });
            at
        }
        Place::Grow { at, old } => {
            edits.push(Edit { at, old, new: ebml::build(TAGS, &fresh, 1) });
            at
        }
    };
    if let Some(home) = home.filter(|home| home.at != at) {
        gone.push(home.at - base);
        let new = ebml::void(usize::try_from(home.len).unwrap_or(0)).unwrap_or_default();
        edits.push(Edit { at: home.at, old: home.len, new });
    }
    let used = match place {
        Place::Over { at, room } => at..at + room,
        Place::Grow { at, old } => at..at + old,
    };
    seek_heads(&mut source, segment, &gone, at, &used, &mut edits)?;
    if let Some(sum) = segment.children.first().filter(|first| first.id == CRC && first.at == base) {
        // A checksum over the whole segment would be wrong now, and to make it right needs another pass over everything.
        let new = ebml::void(usize::try_from(sum.len).unwrap_or(0)).unwrap_or_default();
        edits.push(Edit { at: sum.at, old: sum.len, new });
    }
    segment_size(&source, segment, &mut edits)?;
    apply(&mut source, out, edits, read)
}

/// `Tags` that fill a room, the rest of it `Void`. No tags: all of it.
fn filled(tags: &[u8], room: u64) -> Option<Vec<u8>> {
    let room = usize::try_from(room).ok()?;
    if tags.is_empty() {
        return ebml::void(room);
    }
    // A single byte cannot be void: then the size of the tags is written wider.
    (1..=8).find_map(|width| {
        let mut new = ebml::build(TAGS, tags, width);
        new.extend(ebml::void(room.checked_sub(new.len())?)?);
        Some(new)
    })
}

fn place(segment: &Segment, home: Option<Child>, fresh: &[u8]) -> Place {
    let heads: Vec<u64> = segment.of(SEEK_HEAD).map(Child::end).collect();
    let indexed = !heads.is_empty() || segment.of(CUES).next().is_some();
    if let Some(home) = home {
        let room = home.len + segment.void_behind(home.end());
        if filled(fresh, room).is_some() {
            return Place::Over { at: home.at, room };
        }
        // The last of the segment, or in a live recording, where nothing points anywhere.
        if home.at + room == segment.end || (!indexed && segment.cluster.is_some_and(|cluster| cluster > home.at)) {
            return Place::Grow { at: home.at, old: room };
        }
    }
    for void in segment.of(VOID) {
        // The room behind a SeekHead is for its entries.
        if !heads.contains(&void.at) && filled(fresh, void.len).is_some() {
            return Place::Over { at: void.at, room: void.len };
        }
    }
    match segment.cluster {
        // A live recording: nothing points anywhere, and players read tags only before the clusters.
        Some(cluster) if !indexed => Place::Grow { at: cluster, old: 0 },
        _ => Place::Grow { at: segment.end, old: 0 },
    }
}

/// Entries for tags made right: those that moved or went are taken out, and the new place is put in where there is room.
fn seek_heads(
    source: &mut Source<'_>,
    segment: &Segment,
    gone: &[u64],
    at: u64,
    used: &std::ops::Range<u64>,
    edits: &mut Vec<Edit>,
) -> Result<(), Error> {
    let base = segment.element.data();
    let mut heads = Vec::new();
    for head in segment.of(SEEK_HEAD).take(8) {
        if head.len > LONGEST_SEEK {
            return Err(source.too_much(format!("a SeekHead of {} bytes", head.len)));
        }
        heads.push((*head, data(source, *head)?));
    }
    let mut listed = heads.iter().any(|(_, old)| tags::points(old, at - base));
    for (head, old) in heads {
        if listed && !gone.iter().any(|place| tags::points(&old, *place)) {
            continue;
        }
        let behind = segment.void_behind(head.end());
        let room = head.len + if used.contains(&head.end()) { 0 } else { behind };
        let wanted = (!listed).then_some(at - base);
        let tries = [(wanted, false), (wanted, true), (None, false)];
        let new = tries.into_iter().find_map(|(new, compact)| {
            let data = tags::seek(&old, gone, new, compact)?;
            let fits = (1..=8).find_map(|width| {
                let mut bytes = ebml::build(SEEK_HEAD, &data, width);
                bytes.extend(ebml::void(usize::try_from(room).ok()?.checked_sub(bytes.len())?)?);
                Some(bytes)
            })?;
            Some((new.is_some(), fits))
        });
        let damaged = || source.damaged(head.at, "the SeekHead is damaged");
        let (added, new) = new.ok_or_else(damaged)?;
        listed |= added;
        edits.push(Edit { at: head.at, old: room, new });
    }
    Ok(())
}

/// The size of the segment after all edits; its places are relative to its data, so a wider size moves none of them.
fn segment_size(source: &Source<'_>, segment: &Segment, edits: &mut Vec<Edit>) -> Result<(), Error> {
    let Some(size) = segment.element.size else { return Ok(()) };
    let more: u64 = edits.iter().map(|edit| edit.new.len() as u64).sum();
    let less: u64 = edits.iter().map(|edit| edit.old).sum();
    if more == less {
        return Ok(());
    }
    let size = (size + more).saturating_sub(less);
    let width = usize::try_from(segment.element.width).unwrap_or(8);
    let new = (width..=8).find_map(|width| ebml::size(size, width));
    let new = new.ok_or_else(|| source.unsupported("the segment would be longer than EBML allows"))?;
    let at = segment.element.data() - segment.element.width;
    edits.push(Edit { at, old: segment.element.width, new });
    Ok(())
}

#[cfg(test)]
mod tests;
