//! Vorbis comments: `AIGC=` among the fields (TC260-PG-202510A), shared by [`super::flac`] and [`super::ogg`].
//!
//! Source: Xiph.Org, *Ogg Vorbis I format specification: comment field and header specification* (also RFC 7845 §5.2 for
//! Opus and RFC 9639 §8.6 for FLAC, which have the same list).

use super::media::{KEY, is_label, le32, text};

/// The most fields of a list.
const MOST_FIELDS: u32 = 1 << 16;
/// Longer fields are pictures, and no labels.
const LONGEST_FIELD: usize = 1 << 20;

/// A label among the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// The name of the field.
    pub field: String,
    pub value: String,
    /// Where the field begins in the list.
    pub at: usize,
    end: usize,
}

/// The labels of a list, and where the list ends.
pub(crate) fn labels(list: &[u8]) -> Option<(Vec<Label>, usize)> {
    let (_, count, mut at) = head(list)?;
    let mut labels = Vec::new();
    for _ in 0..count {
        let start = at.checked_add(4)?;
        let end = start.checked_add(usize::try_from(le32(list, at)?).ok()?)?;
        let field = list.get(start..end)?;
        if field.len() < LONGEST_FIELD {
            let field = text(field);
            let (name, value) = field.split_once('=').unwrap_or(("", &field));
            if is_label(name, value) {
                labels.push(Label { field: name.to_owned(), value: value.to_owned(), at, end });
            }
        }
        at = end;
    }
    Some((labels, at))
}

/// Where the number of fields stands, that number, and where the fields begin.
fn head(list: &[u8]) -> Option<(usize, u32, usize)> {
    let place = usize::try_from(le32(list, 0)?).ok()?.checked_add(4)?;
    let count = le32(list, place).filter(|count| *count <= MOST_FIELDS)?;
    Some((place, count, place + 4))
}

/// The list with this label alone, or with none; other fields, the vendor and what stands behind the list stay.
pub(crate) fn rewritten(list: &[u8], value: Option<&str>) -> Option<Vec<u8>> {
    let (place, count, mut at) = head(list)?;
    let (labels, end) = labels(list)?;
    let count = count - u32::try_from(labels.len()).ok()? + u32::from(value.is_some());
    let mut fresh = list.get(..place)?.to_vec();
    fresh.extend(count.to_le_bytes());
    for label in &labels {
        fresh.extend_from_slice(list.get(at..label.at)?);
        at = label.end;
    }
    fresh.extend_from_slice(list.get(at..end)?);
    if let Some(value) = value {
        fresh.extend(field(value)?);
    }
    fresh.extend_from_slice(list.get(end..)?);
    Some(fresh)
}

/// A list with nothing but the label. The vendor is empty: no encoder is known.
pub(crate) fn fresh(value: &str) -> Option<Vec<u8>> {
    Some([[0, 0, 0, 0, 1, 0, 0, 0].as_slice(), &field(value)?].concat())
}

fn field(value: &str) -> Option<Vec<u8>> {
    let field = format!("{KEY}={value}");
    Some([u32::try_from(field.len()).ok()?.to_le_bytes().as_slice(), field.as_bytes()].concat())
}
