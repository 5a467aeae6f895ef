//! Entries of pack files as forms see them: an answer, a principle, a keyword list, read out of a file's text and written
//! back into it, so that nobody has to know the format.
//!
//! An entry is replaced where it stands; whatever else a file holds stays as it is, comments before other entries
//! included. Whether the result is a policy that holds is for whoever loads it.

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// What a form is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormKind {
    /// `[[answer]]` in `answers/*.toml`.
    Answer,
    /// `[[principle]]` in `principles/*.toml`.
    Principle,
}

impl FormKind {
    /// The name of its tables.
    pub const fn table(self) -> &'static str {
        match self {
            FormKind::Answer => "answer",
            FormKind::Principle => "principle",
        }
    }

    /// The folder of a pack that holds it.
    pub const fn folder(self) -> &'static str {
        match self {
            FormKind::Answer => "answers",
            FormKind::Principle => "principles",
        }
    }

    /// The kind of the files of a folder.
    pub fn of_folder(folder: &str) -> Option<Self> {
        [FormKind::Answer, FormKind::Principle].into_iter().find(|k| k.folder() == folder)
    }

    /// The order in which its members are written; others follow.
    const fn order(self) -> &'static [&'static str] {
        match self {
            FormKind::Answer => &[
                "id",
                "version",
                "questions",
                "answer",
                "lang",
                "topic",
                "apps",
                "valid_from",
                "valid_to",
                "status",
                "approved_by",
                "approved_at",
            ],
            FormKind::Principle => &["id", "version", "applies", "fallback", "zh", "en"],
        }
    }
}

/// Why a file cannot be edited by a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// It is not TOML.
    #[error("the file is not TOML ({0}); correct its text first")]
    NotToml(String),
    /// The entry has no id.
    #[error("an entry needs an `id`")]
    NoId,
}

/// An entry of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FormEntry {
    /// Its id; empty where it has none.
    pub id: String,
    /// The line of its header, from 1.
    pub line: usize,
    /// Its members.
    pub members: Table,
}

/// Where the tables of a kind begin.
fn starts(text: &str, kind: FormKind) -> Result<Vec<usize>, FormError> {
    let parsed = DeTable::parse(text).map_err(|e| FormError::NotToml(e.message().to_owned()))?;
    let tables = parsed.get_ref().iter().find(|(name, _)| name.get_ref() == kind.table());
    let Some(DeValue::Array(tables)) = tables.map(|(_, value)| value.get_ref()) else { return Ok(Vec::new()) };
    // Wherever within its header a table is said to begin, it is on the header's line.
    let line = |at: usize| text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |i| i + 1);
    let mut starts: Vec<usize> = tables.iter().map(|t| line(t.span().start)).collect();
    starts.retain(|at| text.get(*at..).is_some_and(|rest| rest.trim_start().starts_with("[[")));
    starts.dedup();
    Ok(starts)
}

/// The stretches of text that hold one entry each; comments and blanks before the next one's header are the next one's.
fn blocks(text: &str, kind: FormKind) -> Result<Vec<std::ops::Range<usize>>, FormError> {
    let starts = starts(text, kind)?;
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Ok(starts
        .iter()
        .zip(ends)
        .map(|(start, end)| {
            let mut stop = end;
            for line in text.get(*start..end).unwrap_or_default().lines().rev() {
                let trimmed = line.trim();
                if !(trimmed.is_empty() || trimmed.starts_with('#')) {
                    break;
                }
                // The line with whatever ended it.
                stop = text
                    .get(..stop)
                    .unwrap_or_default()
                    .trim_end_matches(['\n', '\r'])
                    .len()
                    .saturating_sub(line.len());
            }
            *start..text.get(..stop).unwrap_or_default().trim_end().len().max(*start)
        })
        .collect())
}

/// The entries of a file, in its order.
///
/// # Errors
/// [`FormError::NotToml`].
pub fn form_entries(text: &str, kind: FormKind) -> Result<Vec<FormEntry>, FormError> {
    let whole: Table = text.parse().map_err(|e: toml::de::Error| FormError::NotToml(e.message().to_owned()))?;
    let tables = whole.get(kind.table()).and_then(Value::as_array).cloned().unwrap_or_default();
    let lines = starts(text, kind)?.into_iter().map(|at| text.get(..at).unwrap_or_default().matches('\n').count() + 1);
    let members = tables.into_iter().filter_map(|t| if let Value::Table(t) = t { Some(t) } else { None });
    let id = |t: &Table| t.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(lines.zip(members).map(|(line, members)| FormEntry { id: id(&members), line, members }).collect())
}

/// The file's text with an entry put in: in place of the one of its id, or at the end.
///
/// # Errors
/// [`FormError::NoId`], [`FormError::NotToml`].
pub fn put_form_entry(text: &str, kind: FormKind, members: &Table) -> Result<String, FormError> {
    let id = members.get("id").and_then(Value::as_str).filter(|id| !id.trim().is_empty()).ok_or(FormError::NoId)?;
    let block = written(kind, members);
    let entries = form_entries(text, kind)?;
    let blocks = blocks(text, kind)?;
    let place = entries.iter().position(|e| e.id == id).and_then(|at| blocks.get(at));
    match place {
        Some(place) => {
            let (before, after) =
                (text.get(..place.start).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
            Ok(format!("{before}{block}{after}"))
        }
        None if text.trim().is_empty() => Ok(format!("{block}\n")),
        None => Ok(format!("{}\n\n{block}\n", text.trim_end())),
    }
}

fn written(kind: FormKind, members: &Table) -> String {
    let mut out = format!("[[{}]]", kind.table());
    let known = kind.order().iter().filter_map(|key| members.get_key_value(*key));
    let others = members.iter().filter(|(key, _)| !kind.order().contains(&key.as_str()));
    for (key, value) in known.chain(others) {
        out.push('\n');
        out.push_str(&key_of(key));
        out.push_str(" = ");
        inline(value, &mut out, true);
    }
    out
}

fn key_of(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if bare { key.to_owned() } else { quoted(key) }
}

/// A basic string of TOML 1.0.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Control characters and marks that change the direction of what is read are written as what they are.
            c if c.is_control()
                || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.push_str(&format!("\\u{:04X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn inline(value: &Value, out: &mut String, lines: bool) {
    match value {
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Array(items) if lines && items.len() > 1 && items.iter().all(Value::is_str) => {
            out.push('[');
            for item in items {
                out.push_str("\n    ");
                inline(item, out, false);
                out.push(',');
            }
            out.push_str("\n]");
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                inline(item, out, false);
            }
            out.push(']');
        }
        Value::Table(table) if table.is_empty() => out.push_str("{}"),
        Value::Table(table) => {
            out.push_str("{ ");
            for (i, (key, item)) in table.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key_of(key));
                out.push_str(" = ");
                inline(item, out, false);
            }
            out.push_str(" }");
        }
        other => out.push_str(&other.to_string()),
    }
}

/// A keyword list taken apart: header lines by key, in order, and the lines of words as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeywordForm {
    /// `# key: value` lines; those that are remarks have an empty key.
    pub header: Vec<(String, String)>,
    /// The rest: one word a line, each with its overrides after a tab.
    pub words: String,
}

impl KeywordForm {
    /// Takes a list apart. Any text is one.
    pub fn of(text: &str) -> Self {
        let mut form = KeywordForm::default();
        let mut rest = text;
        while let Some(line) = rest.lines().next() {
            let trimmed = line.trim();
            if !(trimmed.is_empty() || trimmed.starts_with('#')) {
                break;
            }
            if let Some(comment) = trimmed.strip_prefix('#') {
                let (key, value) = comment.split_once(':').unwrap_or(("", comment));
                let key = key.trim();
                let known = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase());
                let value = if known { value } else { comment };
                form.header.push((if known { key } else { "" }.to_owned(), value.trim().to_owned()));
            }
            rest = rest.get(line.len()..).unwrap_or_default();
            rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
        }
        rest.clone_into(&mut form.words);
        form
    }

    /// Sets a header; an empty value takes it away.
    pub fn set(&mut self, key: &str, value: &str) {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        let value = value.trim().to_owned();
        match self.header.iter().position(|(k, _)| k == key) {
            Some(at) if value.is_empty() => drop(self.header.remove(at)),
            Some(at) => self.header[at].1 = value,
            None if value.is_empty() => {}
            None => self.header.push((key.to_owned(), value)),
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (key, value) in &self.header {
            if key.is_empty() {
                out.push_str(&format!("# {value}\n"));
            } else {
                out.push_str(&format!("# {key}: {value}\n"));
            }
        }
        out.push('\n');
        out.push_str(self.words.trim_matches(['\n', '\r']));
        out.push('\n');
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "# Head.\n\n# First.\n[[answer]]\nid = \"a\"\nquestions = [\n  \"[[answer]]\",\n]\nanswer = \"\"\"\n[[answer]]\n# no comment\n\"\"\"\n\n# Second.\n[[answer]]\nid = \"b\"\nanswer = \"2\" # behind\n\n# End.\n";

    fn members(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn an_entry_is_replaced_where_it_stands_and_nothing_else_moves() {
        let entries = form_entries(FILE, FormKind::Answer).unwrap();
        assert_eq!(entries.iter().map(|e| (e.id.as_str(), e.line)).collect::<Vec<_>>(), [("a", 4), ("b", 15)]);
        let first = put_form_entry(FILE, FormKind::Answer, &members("answer = 'new'\nid = 'a'")).unwrap();
        assert_eq!(
            first,
            "# Head.\n\n# First.\n[[answer]]\nid = \"a\"\nanswer = \"new\"\n\n# Second.\n[[answer]]\nid = \"b\"\nanswer = \"2\" # behind\n\n# End.\n"
        );
        let last = put_form_entry(FILE, FormKind::Answer, &members("answer = 'new'\nid = 'b'")).unwrap();
        assert!(last.ends_with("# Second.\n[[answer]]\nid = \"b\"\nanswer = \"new\"\n\n# End.\n"), "{last}");
        let more = put_form_entry(FILE, FormKind::Answer, &members("answer = 'new'\nid = 'c'")).unwrap();
        assert!(more.starts_with(FILE.trim_end()) && more.ends_with("\n\n[[answer]]\nid = \"c\"\nanswer = \"new\"\n"));
        assert!(matches!(put_form_entry("x = ", FormKind::Answer, &members("id = 'a'")), Err(FormError::NotToml(_))));
        assert_eq!(put_form_entry("", FormKind::Answer, &members("x = 1")), Err(FormError::NoId));
    }

    #[test]
    fn shipped_files_survive_their_form() {
        let (packs, _) = crate::PackSet::load(&[crate::embedded()], &[]);
        let mut seen = 0;
        for text in packs.texts().filter(|t| !t.name.ends_with("settings.toml")) {
            let Some(kind) = text.name.split('/').nth(1).and_then(FormKind::of_folder) else { continue };
            for entry in form_entries(&text.body, kind).unwrap() {
                let again = put_form_entry(&text.body, kind, &entry.members).unwrap();
                let (before, after): (Table, Table) = (text.body.parse().unwrap(), again.parse().unwrap());
                assert_eq!(before, after, "{} {}", text.name, entry.id);
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn a_keyword_list_survives_its_form() {
        let text = "# id: kw.x\n# A remark.\n# colour: black\n\nword\n\\#tag\tscore=0.5\n# a comment below\nother\n";
        let mut form = KeywordForm::of(text);
        assert_eq!(form.text(), text);
        form.set("colour", "grey\n# id: kw.y");
        form.set("label", "");
        assert_eq!(form.text(), text.replace("black", "grey# id: kw.y"));
    }

    proptest! {
        #[test]
        fn any_members_are_read_back(id in "[a-z]{1,8}", answer in "\\PC{0,40}", odd in any::<String>(), q in proptest::collection::vec(any::<String>(), 0..4), n in any::<i64>()) {
            let mut table = Table::new();
            table.insert("id".into(), id.clone().into());
            table.insert("answer".into(), format!("{answer}\n{odd}").into());
            table.insert("questions".into(), q.into());
            table.insert("version".into(), n.into());
            table.insert(odd, Value::Table([("k e y".to_owned(), Value::from(answer))].into_iter().collect()));
            let text = put_form_entry(FILE, FormKind::Answer, &table).unwrap();
            let entries = form_entries(&text, FormKind::Answer).unwrap();
            prop_assert_eq!(&entries.iter().find(|e| e.id == table["id"].as_str().unwrap()).unwrap().members, &table);
        }

        #[test]
        fn any_text_is_a_keyword_list(text in any::<String>()) {
            let form = KeywordForm::of(&text);
            prop_assert_eq!(KeywordForm::of(&form.text()).header, form.header);
        }

        #[test]
        fn any_text_is_a_form_file_or_an_error(text in "(\\[\\[answer\\]\\]\n|id = \"[ab]\"\n|# x\n|\n|x = [1]\n|[\\[\\]=\"'#a ]{0,6}){0,12}") {
            if let Ok(entries) = form_entries(&text, FormKind::Answer) {
                let mut table = Table::new();
                table.insert("id".into(), "new".into());
                let put = put_form_entry(&text, FormKind::Answer, &table);
                if let Ok(put) = put && let Ok(after) = form_entries(&put, FormKind::Answer) {
                    prop_assert_eq!(after.len(), entries.len() + 1);
                }
            }
        }
    }
}
