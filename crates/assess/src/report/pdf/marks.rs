//! Headings as the outline shows them, and dates as a PDF writes them.

use pdf_writer::{Date, Pdf, Ref, TextStr};

/// A heading and where it stands.
pub(super) struct Mark {
    pub level: u8,
    pub title: String,
    /// The page's index.
    pub page: usize,
    /// The top, from the foot of the page.
    pub y: f32,
}

/// Writes the outline; none without headings. Levels are nested by what went before.
pub(super) fn outline(pdf: &mut Pdf, next: &mut dyn FnMut() -> Ref, marks: &[Mark], pages: &[Ref]) -> Option<Ref> {
    if marks.is_empty() {
        return None;
    }
    let root = next();
    let items: Vec<Ref> = marks.iter().map(|_| next()).collect();
    let parents: Vec<Option<usize>> = marks
        .iter()
        .enumerate()
        .map(|(n, mark)| marks.iter().take(n).rposition(|before| before.level < mark.level))
        .collect();
    let children = |parent: Option<usize>| -> Vec<usize> {
        parents.iter().enumerate().filter(|(_, p)| **p == parent).map(|(n, _)| n).collect()
    };
    let reference = |n: usize| items.get(n).copied().unwrap_or(root);
    let tops = children(None);
    let mut out = pdf.outline(root);
    if let (Some(first), Some(last)) = (tops.first(), tops.last()) {
        out.first(reference(*first)).last(reference(*last));
    }
    out.count(i32::try_from(tops.len()).unwrap_or(i32::MAX));
    drop(out);
    for (n, mark) in marks.iter().enumerate() {
        let parent = parents.get(n).copied().flatten();
        let siblings = children(parent);
        let own = children(Some(n));
        let place = siblings.iter().position(|s| *s == n).unwrap_or(0);
        let mut item = pdf.outline_item(reference(n));
        item.title(TextStr(&mark.title)).parent(parent.map_or(root, reference));
        if let Some(before) = place.checked_sub(1).and_then(|p| siblings.get(p)) {
            item.prev(reference(*before));
        }
        if let Some(after) = siblings.get(place + 1) {
            item.next(reference(*after));
        }
        if let (Some(first), Some(last)) = (own.first(), own.last()) {
            item.first(reference(*first)).last(reference(*last));
            item.count(-i32::try_from(own.len()).unwrap_or(i32::MAX));
        }
        if let Some(page) = pages.get(mark.page) {
            item.dest().page(*page).xyz(0.0, mark.y, None);
        }
    }
    Some(root)
}

/// An RFC 3339 time in UTC as a PDF's date.
pub(super) fn date(time: &str) -> Option<Date> {
    let part = |from: usize, to: usize| time.get(from..to)?.parse::<u16>().ok();
    let small = |from: usize, to: usize| part(from, to).and_then(|n| u8::try_from(n).ok());
    let mut date = Date::new(part(0, 4)?).month(small(5, 7)?).day(small(8, 10)?);
    if let (Some(hour), Some(minute), Some(second)) = (small(11, 13), small(14, 16), small(17, 19)) {
        date = date.hour(hour).minute(minute).second(second).utc_offset_hour(0).utc_offset_minute(0);
    }
    Some(date)
}
