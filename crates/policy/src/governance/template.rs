//! Documents for users: Markdown with `{{placeholders}}` that the inventory fills in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Template;
use crate::settings::Lang;

/// What a template may ask for.
pub const PLACEHOLDERS: &[&str] = &[
    "name",
    "provider",
    "purpose",
    "audience",
    "technique",
    "industry",
    "sensitivity",
    "reach",
    "contact",
    "complaints",
    "models",
    "data_sets",
    "plugins",
    "endpoints",
    "label_method",
    "retention_days",
    "level",
    "launch",
    "filing",
    "date",
];

/// A template that was filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filled {
    /// The text, Markdown.
    pub text: String,
    /// Placeholders that the inventory had nothing for; a blank stands in their place.
    pub open: Vec<String>,
}

/// The placeholders of a text with their byte offsets. What has no end is none.
pub(crate) fn placeholders(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("{{").filter_map(|(at, _)| {
        let rest = text.get(at + 2..)?;
        rest.split_once("}}").map(|(name, _)| (at, name.trim()))
    })
}

impl Template {
    /// The document in a language. A value goes in as it is: who shows the text as HTML must escape it.
    pub fn fill(&self, lang: Lang, values: &BTreeMap<&str, String>) -> Filled {
        let text = self.text.get(lang);
        let mut out = String::with_capacity(text.len());
        let mut open = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let Some((name, tail)) = after.split_once("}}") else {
                out.push_str("{{");
                rest = after;
                continue;
            };
            let name = name.trim();
            match values.get(name).map(|v| v.trim()).filter(|v| !v.is_empty()) {
                Some(value) => out.push_str(value),
                None => {
                    out.push_str("＿＿＿＿＿＿");
                    if !open.iter().any(|o| o == name) {
                        open.push(name.to_owned());
                    }
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        Filled { text: out, open }
    }
}
