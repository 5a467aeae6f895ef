//! Typed access to the members of a TOML table, with a diagnostic at the member's own place for what does not fit.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::source::Reporter;

type Spanned<T> = toml::Spanned<T>;

/// A string with its place in the file.
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Range<usize>,
}

/// One table being read. A member of the wrong type is reported, counts as absent and marks the table as bad.
pub(crate) struct Fields<'t, 'i, 'r, 's> {
    table: &'t DeTable<'i>,
    pub(crate) report: &'r mut Reporter<'s>,
    known: Vec<&'static str>,
    /// Whether anything was wrong.
    pub(crate) bad: bool,
}

impl<'t, 'i, 'r, 's> Fields<'t, 'i, 'r, 's> {
    pub(crate) fn new(table: &'t DeTable<'i>, report: &'r mut Reporter<'s>) -> Self {
        Fields { table, report, known: Vec::new(), bad: false }
    }

    pub(crate) fn reject(&mut self, at: usize, message: impl Into<String>, remedy: impl Into<String>) {
        self.bad = true;
        self.report.error(at, message, remedy);
    }

    fn member(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| v)
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<(T, Range<usize>)> {
        let member = self.member(key)?;
        match read(member.get_ref()) {
            Some(value) => Some((value, member.span())),
            None => {
                let kind = member.get_ref().type_str();
                self.reject(member.span().start, format!("`{key}` is {kind}"), format!("use {expected}"));
                None
            }
        }
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<Text> {
        let (value, span) = self.typed(key, "a string", |v| v.as_str().map(str::to_owned))?;
        Some(Text { value, span })
    }

    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.typed(key, "true or false", DeValue::as_bool).map(|(v, _)| v)
    }

    /// A number in `range`.
    pub(crate) fn number(&mut self, key: &'static str, range: Range<f32>) -> Option<f32> {
        let read = |v: &DeValue<'i>| match v {
            DeValue::Float(f) => f.as_str().replace('_', "").parse::<f32>().ok(),
            DeValue::Integer(i) => i.as_str().replace('_', "").parse::<f32>().ok(),
            _ => None,
        };
        let (value, span) = self.typed(key, "a number", read)?;
        if (range.start..=range.end).contains(&value) {
            Some(value)
        } else {
            self.reject(
                span.start,
                format!("`{key}` is out of range"),
                format!("use a number from {} to {}", range.start, range.end),
            );
            None
        }
    }

    /// A list of strings; one string counts as a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<Text>> {
        let own = |v: &Spanned<DeValue<'i>>| v.get_ref().as_str().map(|s| Text { value: s.to_owned(), span: v.span() });
        let member = self.member(key)?;
        let list = match member.get_ref() {
            DeValue::Array(items) => items.iter().map(own).collect(),
            _ => own(member).map(|text| vec![text]),
        };
        if list.is_none() {
            self.reject(member.span().start, format!("`{key}` is not a list of strings"), "use [\"…\", \"…\"]");
        }
        list
    }

    /// Warns of members that nothing has asked for.
    pub(crate) fn finish(&mut self) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let near = self.known.iter().find(|k| k.starts_with(name) || name.starts_with(**k));
                let remedy = near.map_or_else(|| "remove it".to_owned(), |k| format!("did you mean `{k}`?"));
                self.bad = true;
                self.report.error(key.span().start, format!("unknown member `{name}`"), remedy);
            }
        }
    }
}
