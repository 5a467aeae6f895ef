//! `Tags`, `Tag` and `SimpleTag` (RFC 9559 §5.1.8), and the entries of `SeekHead` (§5.1.1).

use super::super::media::{KEY, is_label, text};
use super::ebml::{self, CRC, Part, VOID, build, parts, rebuilt, summed};

pub(super) const TAGS: u32 = 0x1254_C367;
const TAG: u32 = 0x7373;
const TARGETS: u32 = 0x63C0;
const SIMPLE: u32 = 0x67C8;
const NAME: u32 = 0x45A3;
const STRING: u32 = 0x4487;
const SEEK: u32 = 0x4DBB;
const SEEK_ID: u32 = 0x53AB;
const SEEK_POSITION: u32 = 0x53AC;
/// How deep tags may stand in tags.
const DEEPEST: usize = 16;
/// Longer strings are no labels.
const LONGEST: usize = 1 << 20;

/// A label among the tags: its name, its value, and how deep it stands.
pub(super) type Label = (String, String, usize);

fn label(tag: &Part<'_>) -> Option<(String, String)> {
    let inner = parts(tag.data)?;
    let of = |id: u32| inner.iter().find(|part| part.id == id).map(|part| part.data).unwrap_or_default();
    let (name, value) = (text(of(NAME)), of(STRING));
    let value = if value.len() < LONGEST { text(value) } else { String::new() };
    is_label(&name, &value).then_some((name, value))
}

/// All labels of the data of `Tags`. `None`: it is damaged.
pub(super) fn labels(data: &[u8]) -> Option<Vec<Label>> {
    let mut found = Vec::new();
    for tag in parts(data)?.iter().filter(|part| part.id == TAG) {
        simple(tag.data, 0, &mut found)?;
    }
    Some(found)
}

fn simple(data: &[u8], depth: usize, found: &mut Vec<Label>) -> Option<()> {
    for tag in parts(data)?.iter().filter(|part| part.id == SIMPLE) {
        if let Some((name, value)) = label(tag) {
            found.push((name, value, depth));
        } else if depth < DEEPEST {
            simple(tag.data, depth + 1, found)?;
        }
    }
    Some(())
}

/// The data of `Tags` with this label alone, or none. Empty: nothing is left.
pub(super) fn rewritten(data: &[u8], value: Option<&str>) -> Option<Vec<u8>> {
    let mut fresh = Vec::new();
    let mut tags = 0;
    for part in parts(data)? {
        if part.id != TAG {
            fresh.extend_from_slice(part.whole);
            continue;
        }
        match without(part.data, 0)? {
            None => fresh.extend_from_slice(part.whole),
            // Nothing but its target is left of it.
            Some(inner) if !parts(&inner)?.iter().any(|part| part.id == SIMPLE) => continue,
            Some(inner) => fresh.extend(rebuilt(&part, &inner)),
        }
        tags += 1;
    }
    if let Some(value) = value {
        let simple = [build(NAME, KEY.as_bytes(), 1), build(STRING, value.as_bytes(), 1)].concat();
        // Empty targets: the whole file (§5.1.8.1.1).
        fresh.extend(build(TAG, &[build(TARGETS, &[], 1), build(SIMPLE, &simple, 1)].concat(), 1));
        tags += 1;
    }
    Some(if tags == 0 { Vec::new() } else { summed(fresh) })
}

/// The data of a level without labels; `None` within: it had none.
fn without(data: &[u8], depth: usize) -> Option<Option<Vec<u8>>> {
    let mut fresh = Vec::new();
    let mut changed = false;
    for part in parts(data)? {
        if part.id != SIMPLE {
            fresh.extend_from_slice(part.whole);
        } else if label(&part).is_some() {
            changed = true;
        } else if let Some(inner) = if depth < DEEPEST { without(part.data, depth + 1)? } else { None } {
            fresh.extend(rebuilt(&part, &inner));
            changed = true;
        } else {
            fresh.extend_from_slice(part.whole);
        }
    }
    Some(changed.then(|| summed(fresh)))
}

/// The data of `SeekHead` without entries for the places that hold no more `Tags`, and with one for a new place. `None`
/// as a result: damaged. Compact: every entry as short as can be.
pub(super) fn seek(data: &[u8], gone: &[u64], new: Option<u64>, compact: bool) -> Option<Vec<u8>> {
    let mut fresh = Vec::new();
    for part in parts(data)? {
        if part.id == VOID || (part.id == CRC && compact) {
            continue;
        }
        if part.id != SEEK {
            fresh.extend_from_slice(part.whole);
            continue;
        }
        let Some((id, position)) = entry(&part) else {
            fresh.extend_from_slice(part.whole);
            continue;
        };
        if id == TAGS && (gone.contains(&position) || new == Some(position)) {
            continue;
        }
        fresh.extend(if compact { seek_entry(id, position) } else { part.whole.to_vec() });
    }
    fresh.extend(new.map(|position| seek_entry(TAGS, position)).unwrap_or_default());
    Some(summed(fresh))
}

/// Whether an entry points to a place.
pub(super) fn points(data: &[u8], place: u64) -> bool {
    let entries = parts(data).unwrap_or_default();
    entries.iter().filter_map(entry).any(|entry| entry == (TAGS, place))
}

fn entry(part: &Part<'_>) -> Option<(u32, u64)> {
    let inner = parts(part.data)?;
    let of = |id: u32| inner.iter().find(|part| part.id == id).and_then(|part| ebml::unsigned(part.data));
    Some((u32::try_from(of(SEEK_ID)?).ok()?, of(SEEK_POSITION)?))
}

fn seek_entry(id: u32, position: u64) -> Vec<u8> {
    let short = |number: u64| {
        let bytes = number.to_be_bytes();
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
        bytes.get(start..).unwrap_or_default().to_vec()
    };
    build(SEEK, &[build(SEEK_ID, &short(id.into()), 1), build(SEEK_POSITION, &short(position), 1)].concat(), 1)
}
