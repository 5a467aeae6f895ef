//! Reading pattern files: TOML, one `[[pattern]]` table a rule.

use menshen_text::Folder;
use menshen_verdict::{Family, Side};
use toml::de::{DeTable, DeValue};

use crate::dialect::{self, last_line};
use crate::fields::{Fields, Text};
use crate::marks::{Marks, Sides, is_dotted};
use crate::pattern::{self, Context, Part, Pattern};
use crate::required;
use crate::source::{Diagnostic, Reporter, Source, SourceKind, inside};
use crate::validate;

/// A sample text of a pattern, for tests of packs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The pattern's id.
    pub id: String,
    /// The text.
    pub text: String,
    /// The side to inspect it as: the pattern's first.
    pub side: Side,
    /// Whether the pattern must find something in it, or must not.
    pub matches: bool,
}

/// The examples and counter-examples of a pattern file's usable patterns; empty for keyword lists.
pub fn examples(source: &Source) -> Vec<Example> {
    if source.kind != SourceKind::Patterns {
        return Vec::new();
    }
    read(source, &mut Vec::new()).into_iter().flat_map(|entry| entry.examples).collect()
}

/// A pattern with what only its file needs.
pub(crate) struct Entry {
    pub(crate) pattern: Pattern,
    pub(crate) examples: Vec<Example>,
    /// Where its id stands.
    pub(crate) at: usize,
}

/// Reads a file. Bad patterns are skipped with a diagnostic.
pub(crate) fn read(source: &Source, out: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let mut report = Reporter::new(source, out);
    let file = match DeTable::parse(&source.body) {
        Ok(file) => file,
        Err(error) => {
            let at = error.span().map_or(0, |s| s.start);
            report.error(at, format!("not TOML: {}", error.message()), "correct the syntax");
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for (key, value) in file.get_ref() {
        match value.get_ref() {
            DeValue::Array(items) if key.get_ref().as_ref() == "pattern" => {
                for item in items {
                    match item.get_ref() {
                        DeValue::Table(table) => {
                            let at = item.span().start;
                            entries.extend(entry(source, Fields::new(table, &mut report), at));
                        }
                        _ => report.error(item.span().start, "a pattern is not a table", "write [[pattern]]"),
                    }
                }
            }
            _ => {
                let message = format!("unknown member `{}`", key.get_ref());
                report.error(key.span().start, message, "a pattern file holds [[pattern]] tables only");
            }
        }
    }
    entries
}

fn entry(source: &Source, mut fields: Fields<'_, '_, '_, '_>, at: usize) -> Option<Entry> {
    let id = fields.text("id");
    if id.is_none() {
        fields.reject(at, "a pattern without an id", "give it a dotted id such as pii.cn.mobile");
    }
    let id = id.unwrap_or(Text { value: String::new(), span: at..at });
    if !is_dotted(&id.value) && !fields.bad {
        fields.reject(id.span.start, format!("{:?} is not an id", id.value), "use a dotted lower-case ASCII id");
    }
    let label = fields.text("label").map(|t| t.value).filter(|l| !l.is_empty());
    let family = family(&mut fields, at);
    let raw = view(&mut fields);
    let validator = match fields.text("validator") {
        Some(name) => {
            let found = validate::named(&name.value);
            if found.is_none() {
                let known: Vec<_> = validate::VALIDATORS.iter().map(|v| v.name).collect();
                let message = format!("unknown validator {:?}", name.value);
                fields.reject(name.span.start, message, format!("the validators are {}", known.join(", ")));
            }
            found
        }
        None => None,
    };
    let sides = sides(&mut fields);
    let marks = marks(&mut fields);
    let fold = |words: Vec<Text>| -> Vec<String> {
        let folder = Folder::shared();
        words.into_iter().map(|w| if raw { w.value.to_ascii_lowercase() } else { folder.fold_word(&w.value) }).collect()
    };
    let context = Context {
        words: fields.texts("context").map(fold).unwrap_or_default(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range just checked")]
        chars: fields.number("context_chars", 0.0..500.0).unwrap_or(30.0) as usize,
        required: fields.flag("context_required").unwrap_or(false),
        boost: fields.number("context_boost", 0.0..1.0).unwrap_or(0.0),
    };
    if context.required && context.words.is_empty() {
        fields.reject(at, "`context_required` without `context`", "add the words that must be near");
    }
    let literals = fields.texts("literals").map(fold).unwrap_or_default();
    let literals = literals.into_iter().filter(|l| !l.is_empty()).collect();
    let score = fields.number("score", 0.0..1.0).unwrap_or(0.9);
    let multi = fields.flag("multi").unwrap_or(true);
    let decoded = fields.flag("decoded").unwrap_or(matches!(family, Family::Attack | Family::Secret));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the range just checked")]
    let within_chars = fields.number("within_chars", 1.0..4000.0).unwrap_or(300.0) as usize;
    let parts = parts(source, &mut fields, at);
    let side = sides.first();
    let mut examples = Vec::new();
    for (key, matches) in [("examples", true), ("counterexamples", false)] {
        let texts = fields.texts(key).unwrap_or_default();
        examples.extend(texts.into_iter().map(|t| Example { id: id.value.clone(), text: t.value, side, matches }));
    }
    fields.finish();
    if fields.bad {
        return None;
    }
    let last = id.value.rsplit('.').next().unwrap_or_default().to_owned();
    let pattern = Pattern {
        label: label.unwrap_or(last),
        id: id.value,
        family,
        marks,
        score,
        sides,
        raw,
        decoded,
        multi,
        validator,
        context,
        literals,
        within_chars,
        parts,
    };
    Some(Entry { pattern, examples, at: id.span.start })
}

fn family(fields: &mut Fields<'_, '_, '_, '_>, at: usize) -> Family {
    const FAMILIES: &[(&str, Family)] = &[
        ("pii", Family::Pii),
        ("secret", Family::Secret),
        ("attack", Family::Attack),
        ("unsafe_output", Family::UnsafeOutput),
        ("leak", Family::Leak),
        ("cue", Family::Cue),
    ];
    const REMEDY: &str = "use pii, secret, attack, unsafe_output, leak or cue";
    let Some(name) = fields.text("family") else {
        fields.reject(at, "a pattern without a family", REMEDY);
        return Family::Cue;
    };
    match FAMILIES.iter().find(|(id, _)| *id == name.value) {
        Some((_, family)) => *family,
        None => {
            fields.reject(name.span.start, format!("unknown family {:?}", name.value), REMEDY);
            Family::Cue
        }
    }
}

/// True for the raw view.
fn view(fields: &mut Fields<'_, '_, '_, '_>) -> bool {
    match fields.text("view") {
        Some(view) if view.value == "raw" => true,
        Some(view) if view.value != "folded" => {
            fields.reject(view.span.start, format!("unknown view {:?}", view.value), "use folded or raw");
            false
        }
        _ => false,
    }
}

fn sides(fields: &mut Fields<'_, '_, '_, '_>) -> Sides {
    let Some(names) = fields.texts("sides") else { return Sides::ALL };
    let mut sides = Sides::EMPTY;
    for name in &names {
        if !sides.add(&name.value) {
            fields.reject(name.span.start, format!("unknown side {:?}", name.value), "use input, output or tool");
        }
    }
    if names.is_empty() { Sides::ALL } else { sides }
}

fn marks(fields: &mut Fields<'_, '_, '_, '_>) -> Marks {
    let mut marks = Marks::default();
    for key in ["risk", "attack", "level", "intent", "topic"] {
        if let Some(text) = fields.text(key)
            && let Some(Err(remedy)) = marks.set(key, &text.value)
        {
            fields.reject(text.span.start, format!("{:?} is not a {key}", text.value), remedy);
        }
    }
    marks
}

fn parts(source: &Source, fields: &mut Fields<'_, '_, '_, '_>, at: usize) -> Vec<Part> {
    let one = fields.text("regex");
    let many = fields.texts("regexes");
    let written = match (one, many) {
        (Some(regex), None) => vec![regex],
        (None, Some(regexes)) if !regexes.is_empty() => regexes,
        _ => {
            fields.reject(at, "a pattern needs either `regex` or `regexes`", "give one of the two");
            return Vec::new();
        }
    };
    let mut parts = Vec::new();
    for regex in &written {
        match part(&regex.value) {
            Ok(part) => parts.push(part),
            Err(bad) => {
                let place = inside(&source.body, &regex.span, &regex.value, bad.at);
                let remedy = "Rust regex syntax has no look-around and no back references";
                fields.reject(place, format!("bad regex: {}", bad.message), remedy);
            }
        }
    }
    parts
}

fn part(written: &str) -> Result<Part, dialect::BadRegex> {
    let read = dialect::read(written)?;
    let regex = pattern::build(&read.pattern)
        .map_err(|e| dialect::BadRegex { at: 0, message: last_line(&e.to_string()).to_owned() })?;
    let value = regex.capture_names().position(|name| name == Some("value"));
    let required = required::literals(&read.hir);
    Ok(Part::new(&read.pattern, value, required, read.hir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Severity;

    fn diagnostics(body: &str) -> (usize, Vec<Diagnostic>) {
        let source = Source { pack: "t".into(), path: "p.toml".into(), body: body.into(), kind: SourceKind::Patterns };
        let mut out = Vec::new();
        let entries = read(&source, &mut out);
        (entries.len(), out)
    }

    #[test]
    fn a_bad_pattern_is_skipped_and_the_rest_stands() {
        let body = "[[pattern]]\nid = 'a.b'\nfamily = 'pii'\nregex = 'x(?=y)'\n\n[[pattern]]\nid = 'a.c'\nfamily = 'pii'\nregex = 'xyz'\n";
        let (usable, out) = diagnostics(body);
        assert_eq!(usable, 1);
        assert_eq!((out.len(), out[0].line, out[0].column), (1, 4, 11));
        assert!(out[0].message.contains("look-around"), "{}", out[0]);
    }

    #[test]
    fn every_mistake_is_placed_on_its_line() {
        for (line, member) in [
            (4, "validator = 'lun'"),
            (4, "risk = 'A9z'"),
            (4, "view = 'tight'"),
            (4, "score = 1.5"),
            (4, "sides = ['left']"),
            (4, "contxt = ['x']"),
            (4, "multi = 'yes'"),
            (4, "examples = 3"),
            (4, "regexes = ['x']"),
        ] {
            let (usable, out) =
                diagnostics(&format!("[[pattern]]\nid = 'a.b'\nfamily = 'pii'\n{member}\nregex = 'xyz'\n"));
            let expected = if member.starts_with("regexes") { 1 } else { line };
            assert_eq!((usable, out.len()), (0, 1), "{member}: {out:?}");
            assert_eq!((out[0].line, out[0].severity), (expected, Severity::Error), "{member}");
        }
    }

    #[test]
    fn broken_toml_and_strange_tables_are_named() {
        assert!(diagnostics("[[pattern]\n").1[0].message.starts_with("not TOML"));
        assert!(diagnostics("[rule]\nx = 1\n").1[0].message.contains("unknown member `rule`"));
        assert_eq!(diagnostics("").1, []);
    }
}
