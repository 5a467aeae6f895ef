//! The words of notices: templates with names in braces.

use std::collections::BTreeMap;

/// The names that a template may use.
const NAMES: &[&str] = &[
    "number", "received", "kind", "category", "due", "decision", "url", "sha256", "service", "contact", "today",
    "facts",
];

/// What a template is filled with.
pub(crate) struct Filling(BTreeMap<&'static str, String>);

impl Filling {
    pub(crate) fn new(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Filling(values.into_iter().collect())
    }

    /// The words with every name filled in, once: what a value holds is not filled again.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 256);
        pieces(template, |piece| match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => match self.0.get(name).filter(|v| !v.is_empty()) {
                Some(value) => out.push_str(value),
                None => out.push('–'),
            },
        });
        out.trim().to_owned()
    }
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

fn pieces<'a>(template: &'a str, mut each: impl FnMut(Piece<'a>)) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        each(Piece::Text(before));
        match after.split_once('}') {
            Some((name, after)) => {
                each(Piece::Name(name));
                rest = after;
            }
            None => {
                each(Piece::Text("{"));
                rest = after;
            }
        }
    }
    each(Piece::Text(rest));
}

/// The first name in a template that is none.
pub(super) fn unknown(template: &str) -> Option<&str> {
    let mut found = None;
    pieces(template, |piece| {
        if let Piece::Name(name) = piece
            && !NAMES.contains(&name)
        {
            found.get_or_insert(name);
        }
    });
    found
}

/// What somebody outside wrote, on one line: nobody forges further lines of a notice.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_filled_in_once() {
        let filling = Filling::new([("number", "C1".to_owned()), ("url", "{number}".to_owned())]);
        assert_eq!(filling.fill("{number}: {url}, {facts}."), "C1: {number}, –.");
        assert_eq!(filling.fill("open { and {number"), "open { and {number");
        assert_eq!(unknown("{number} {nonsense} {url}"), Some("nonsense"));
        assert_eq!(one_line("a\nb\u{2028}c"), "a b c");
    }

    proptest! {
        #[test]
        fn any_text_is_a_template(text in "\\PC{0,80}", value in "\\PC{0,20}") {
            let _ = unknown(&text);
            let _ = Filling::new([("facts", value.clone())]).fill(&text);
            let filled = format!("{}x", if value.is_empty() { "–" } else { &value });
            prop_assert_eq!(Filling::new([("facts", value.clone())]).fill("{facts}x"), filled.trim());
        }
    }
}
