//! TOML read with places: every value knows where it stands, every key must be asked for, and what nobody asked for
//! is an unknown key.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Lines, Severity, nearest};
use crate::glob::Glob;

/// A file being read, and the complaints about it.
pub(crate) struct File<'a> {
    path: &'a str,
    text: &'a str,
    lines: Lines,
    found: RefCell<Vec<Diagnostic>>,
    errors: Cell<usize>,
}

/// The most complaints about one file that are kept: the first ones show what is wrong.
const MAX_COMPLAINTS: usize = 200;

/// A value and the byte offset where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

impl<'a> File<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        File { path, text, lines: Lines::of(text), found: RefCell::default(), errors: Cell::new(0) }
    }

    pub(crate) fn path(&self) -> &'a str {
        self.path
    }

    pub(crate) fn error(&self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.note(Severity::Error, at, message.into(), remedy.into());
    }

    pub(crate) fn warning(&self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.note(Severity::Warning, at, message.into(), remedy.into());
    }

    fn note(&self, severity: Severity, at: usize, message: String, remedy: String) {
        if severity == Severity::Error {
            self.errors.set(self.errors.get() + 1);
        }
        let mut found = self.found.borrow_mut();
        let (line, column) = self.place(at);
        let path = self.path.to_owned();
        match found.len() {
            // An error beyond the limit must still leave a trace that it is one.
            MAX_COMPLAINTS if severity == Severity::Error => {
                let message = "there are more complaints than are shown".to_owned();
                found.push(Diagnostic { severity, path, line, column, message, remedy: "fix these first".to_owned() });
            }
            0..MAX_COMPLAINTS => found.push(Diagnostic { severity, path, line, column, message, remedy }),
            _ => {}
        }
    }

    /// How many errors there are so far: an item whose reading raised the count is left out.
    pub(crate) fn errors(&self) -> usize {
        self.errors.get()
    }

    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        self.lines.place(self.text, at)
    }

    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found.into_inner()
    }

    /// Parses the text as TOML. What is broken is reported; what could be read is returned.
    pub(crate) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |s| s.start);
            self.error(at, error.message().lines().next().unwrap_or("not TOML").to_owned(), "fix the TOML syntax");
        }
        table
    }
}

/// The keys of one table, taken one by one.
pub(crate) struct Fields<'f, 'a> {
    file: &'f File<'a>,
    table: &'f DeTable<'a>,
    at: usize,
    known: BTreeSet<&'static str>,
}

impl<'f, 'a> Fields<'f, 'a> {
    pub(crate) fn new(file: &'f File<'a>, table: &'f DeTable<'a>, at: usize) -> Self {
        Fields { file, table, at, known: BTreeSet::new() }
    }

    pub(crate) fn file(&self) -> &'f File<'a> {
        self.file
    }

    /// Where the table starts.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Where a key stands, or the table when it is absent.
    pub(crate) fn key_at(&self, key: &str) -> usize {
        self.table.iter().find(|(k, _)| k.get_ref() == key).map_or(self.at, |(k, _)| k.span().start)
    }

    fn take(&mut self, key: &'static str) -> Option<&'f Spanned<DeValue<'a>>> {
        self.known.insert(key);
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, v)| v)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message = format!("`{key}` is {}, not {wanted}", describe(value.get_ref()));
        self.file.error(value.span().start, message, format!("write {wanted}"));
    }

    /// Whether the key holds a string.
    pub(crate) fn is_string(&self, key: &str) -> bool {
        self.table.iter().any(|(k, v)| k.get_ref() == key && matches!(v.get_ref(), DeValue::String(_)))
    }

    /// A string.
    pub(crate) fn string(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(s) => Some(At { value: s.to_string(), at: value.span().start }),
            _ => {
                self.wrong_type(key, value, "a string");
                None
            }
        }
    }

    /// A string that must be there and not be blank.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<At<String>> {
        if self.take(key).is_none() {
            self.file.error(self.at, format!("`{key}` is missing"), format!("add `{key} = \"…\"`"));
            return None;
        }
        let string = self.string(key)?;
        if string.value.trim().is_empty() {
            self.file.error(string.at, format!("`{key}` is blank"), "write something, or remove the item");
            return None;
        }
        Some(string)
    }

    /// A date: a TOML date or a string.
    pub(crate) fn date(&mut self, key: &'static str) -> Option<At<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(s) => Some(At { value: s.to_string(), at: value.span().start }),
            DeValue::Datetime(d) => Some(At { value: d.to_string(), at: value.span().start }),
            _ => {
                self.wrong_type(key, value, "a date such as \"2026-01-31\"");
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(b) => Some(*b),
            _ => {
                self.wrong_type(key, value, "true or false");
                None
            }
        }
    }

    /// An integer within a range.
    pub(crate) fn integer(&mut self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(key)?;
        let DeValue::Integer(i) = value.get_ref() else {
            self.wrong_type(key, value, "an integer");
            return None;
        };
        match i64::from_str_radix(i.as_str(), i.radix()).ok().filter(|n| range.contains(n)) {
            Some(n) => Some(n),
            None => {
                let remedy = format!("use a number from {} to {}", range.start(), range.end());
                self.file.error(value.span().start, format!("`{key}` is out of range"), remedy);
                None
            }
        }
    }

    /// A probability in 0..=1, written as a float or an integer.
    pub(crate) fn share(&mut self, key: &'static str) -> Option<f32> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Float(f) => f.as_str().parse::<f32>().ok(),
            DeValue::Integer(i) => i.as_str().parse::<f32>().ok(),
            _ => {
                self.wrong_type(key, value, "a number from 0 to 1");
                return None;
            }
        };
        match number.filter(|n| (0.0..=1.0).contains(n)) {
            Some(n) => Some(n),
            None => {
                self.file.error(
                    value.span().start,
                    format!("`{key}` is not within 0..=1"),
                    "scores are probabilities: use a number from 0 to 1",
                );
                None
            }
        }
    }

    /// A list of strings; one bare string counts as a list of one.
    pub(crate) fn strings(&mut self, key: &'static str) -> Vec<At<String>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let items = match value.get_ref() {
            DeValue::String(s) => return vec![At { value: s.to_string(), at: value.span().start }],
            DeValue::Array(items) => items,
            _ => {
                self.wrong_type(key, value, "a list of strings");
                return Vec::new();
            }
        };
        if items.iter().next().is_none() && key != "apps" {
            self.file.warning(value.span().start, format!("`{key}` is an empty list"), "remove it or fill it");
        }
        let mut strings = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(s) => strings.push(At { value: s.to_string(), at: item.span().start }),
                _ => self.wrong_type(key, item, "a string"),
            }
        }
        strings
    }

    /// A list of globs.
    pub(crate) fn globs(&mut self, key: &'static str) -> Vec<At<Glob>> {
        let mut globs = Vec::new();
        for At { value, at } in self.strings(key) {
            match Glob::new(&value) {
                Ok(glob) => globs.push(At { value: glob, at }),
                Err(why) => self.file.error(at, format!("bad glob {value:?}: {why}"), "use an id with `*` for any run"),
            }
        }
        globs
    }

    /// A sub-table.
    pub(crate) fn table(&mut self, key: &'static str) -> Option<Fields<'f, 'a>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Fields::new(self.file, table, value.span().start)),
            _ => {
                self.wrong_type(key, value, "a table");
                None
            }
        }
    }

    /// Every entry of a sub-table whose keys are data: key and table.
    pub(crate) fn entries(&mut self, key: &'static str) -> Vec<(At<String>, Fields<'f, 'a>)> {
        let Some(fields) = self.table(key) else { return Vec::new() };
        let mut entries = Vec::new();
        for (name, value) in fields.table.iter() {
            match value.get_ref() {
                DeValue::Table(table) => {
                    let name = At { value: name.get_ref().to_string(), at: name.span().start };
                    entries.push((name, Fields::new(self.file, table, value.span().start)));
                }
                _ => self.wrong_type(name.get_ref(), value, "a table"),
            }
        }
        entries
    }

    /// A list of tables, such as `[[rule]]`.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<Fields<'f, 'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, &format!("a list of tables ([[{key}]])"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Fields::new(self.file, table, item.span().start)),
                _ => self.wrong_type(key, item, "a table"),
            }
        }
        tables
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (key, _) in self.table.iter() {
            let name: &str = key.get_ref();
            if !self.known.contains(name) {
                let remedy = match nearest(name, self.known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known keys: {}", self.known.iter().copied().collect::<Vec<_>>().join(", ")),
                };
                self.file.error(key.span().start, format!("unknown key `{name}`"), remedy);
            }
        }
    }
}

fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
