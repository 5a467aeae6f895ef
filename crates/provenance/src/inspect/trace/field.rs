//! Where what was read is held against the marks.

use super::Markers;
use crate::Error;
use crate::explicit::text;
use crate::inspect::Trace;

/// Longest part of a value that is looked at, in bytes: prompts and workflows are shorter, or known by their beginning.
pub(super) const LONGEST: usize = 256 << 10;
/// Most traces of one file that are told.
const MOST: usize = 64;
/// Longest part of a value that is told, in characters.
const SHOWN: usize = 120;

/// Looks at fields as they are read, and keeps what they show.
pub(super) struct Finder<'a> {
    format: &'static str,
    markers: &'a Markers,
    pub(super) own: &'a [&'a str],
    found: Vec<Trace>,
}

impl<'a> Finder<'a> {
    pub(super) fn new(format: &'static str, markers: &'a Markers, own: &'a [&'a str]) -> Self {
        Self { format, markers, own, found: Vec::new() }
    }

    /// A field such as `exif:Software` that stands at `at`.
    pub(super) fn see(&mut self, field: &str, value: &str, at: Option<u64>) {
        let value = cut(value, LONGEST);
        let place = if field.starts_with(&format!("{}:", self.format)) {
            field.to_owned()
        } else {
            format!("{} {field}", self.format)
        };
        let at = at.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let traces: Vec<Trace> = self
            .markers
            .of(field, value, self.own)
            .map(|marker| Trace::Metadata(format!("{place}{at}: {}: {}", marker.name, shown(value))))
            .collect();
        traces.into_iter().for_each(|trace| self.keep(trace));
    }

    /// A field in bytes: UTF-8 where it is sound, else Latin-1.
    pub(super) fn see_bytes(&mut self, field: &str, value: &[u8], at: Option<u64>) {
        let value = value.get(..value.len().min(LONGEST)).unwrap_or_default();
        match std::str::from_utf8(value) {
            Ok(text) => self.see(field, text, at),
            // A character that was cut at the end leaves the rest sound.
            Err(error) if error.error_len().is_none() => self.see(field, &String::from_utf8_lossy(value), at),
            Err(_) => self.see(field, &value.iter().map(|byte| char::from(*byte)).collect::<String>(), at),
        }
    }

    /// Keeps a trace that is not known yet.
    pub(super) fn keep(&mut self, trace: Trace) {
        if self.found.len() < MOST && !self.found.contains(&trace) {
            self.found.push(trace);
        }
    }

    /// The explicit label of a text, and the marks that are not seen.
    pub(super) fn read(&mut self, content: &str, edges: bool) {
        if edges {
            Trace::in_text(content, self.own).into_iter().for_each(|trace| self.keep(trace));
        } else {
            // A piece from the midst of a text: its first and last lines are no edges.
            let middle = text::find(content, self.own).into_iter().find(|mark| mark.position == text::Position::Middle);
            let label = middle.and_then(|mark| content.get(mark.range));
            label.into_iter().for_each(|label| self.keep(Trace::ExplicitLabel(label.trim().to_owned())));
        }
    }

    /// What was found, also where the file is damaged further on; else why nothing was.
    pub(super) fn answer(self, end: Result<(), Error>) -> Result<Vec<Trace>, Error> {
        match end {
            Err(error) if self.found.is_empty() => Err(error),
            _ => Ok(self.found),
        }
    }
}

/// At most so many bytes of a text, whole characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The beginning of a value on one line.
fn shown(value: &str) -> String {
    let mut line = String::new();
    let words = cut(value, SHOWN * 8).split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}
