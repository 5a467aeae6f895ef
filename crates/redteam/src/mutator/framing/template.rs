//! Wrappers that are data: the files of `packs/redteam/templates`.

use std::sync::LazyLock;

use menshen_verdict::Attack;
use serde::Deserialize;

use super::super::words::tool;
use super::super::{Apply, Group, Mutator, Reverse};

/// Where the text goes.
pub const PAYLOAD: &str = "{payload}";

const FILES: [&str; 11] = [
    include_str!("../../../../../packs/redteam/templates/formal.toml"),
    include_str!("../../../../../packs/redteam/templates/tasks.toml"),
    include_str!("../../../../../packs/redteam/templates/personas.toml"),
    include_str!("../../../../../packs/redteam/templates/fiction.toml"),
    include_str!("../../../../../packs/redteam/templates/privilege.toml"),
    include_str!("../../../../../packs/redteam/templates/persuasion.toml"),
    include_str!("../../../../../packs/redteam/templates/reversal.toml"),
    include_str!("../../../../../packs/redteam/templates/context.toml"),
    include_str!("../../../../../packs/redteam/templates/injection.toml"),
    include_str!("../../../../../packs/redteam/templates/prefix.toml"),
    include_str!("../../../../../packs/redteam/templates/extraction.toml"),
];

/// How a text is written so that it does not end what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// As it is.
    #[default]
    None,
    /// Within the quotes of a JSON string; languages with like literals use it as well.
    Json,
    /// As character data or an attribute of XML.
    Xml,
    /// Within the quotes of a CSV field.
    Csv,
    /// Within the quotes of an SQL string.
    Sql,
    /// On one line.
    Line,
    /// As text of LaTeX.
    Latex,
}

impl Escape {
    fn write(self, text: &str) -> String {
        match self {
            Escape::None => text.to_owned(),
            Escape::Json => {
                let quoted = tool::quoted(text);
                quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).to_owned()
            }
            Escape::Xml => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
            Escape::Csv => text.replace('"', "\"\""),
            Escape::Sql => text.replace('\'', "''"),
            Escape::Line => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Escape::Latex => text.chars().fold(String::new(), |mut out, c| {
                match c {
                    '\\' => out.push_str("\\textbackslash{}"),
                    '~' => out.push_str("\\textasciitilde{}"),
                    '^' => out.push_str("\\textasciicircum{}"),
                    '{' | '}' | '%' | '&' | '#' | '_' | '$' => out.extend(['\\', c]),
                    _ => out.push(c),
                }
                out
            }),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Chapter {
    Formal,
    Framing,
    Context,
}

/// One wrapper, in both languages. Also what the genetic engine begins with.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Stable, `snake_case`.
    pub id: String,
    /// The sub-class of attack.
    pub attack: Attack,
    group: Chapter,
    /// How the text is written where it goes.
    #[serde(default)]
    pub escape: Escape,
    does_zh: String,
    does_en: String,
    source: String,
    peers: Vec<String>,
    /// The wrapper for Chinese texts, with [`PAYLOAD`] once.
    pub zh: String,
    /// The wrapper for other texts, with [`PAYLOAD`] once.
    pub en: String,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

impl Template {
    /// The chapter it belongs to.
    pub fn group(&self) -> Group {
        match self.group {
            Chapter::Formal => Group::Formal,
            Chapter::Framing => Group::Framing,
            Chapter::Context => Group::Context,
        }
    }

    /// The wrapper in the language of a text.
    pub fn wrapper(&self, text: &str) -> &str {
        tool::pick(text, &self.zh, &self.en)
    }

    /// The wrapper with the text in it. `None`: there is no text.
    pub fn fill(&self, text: &str) -> Option<String> {
        let there = !text.trim().is_empty();
        there.then(|| self.wrapper(text).replacen(PAYLOAD, &self.escape.write(text), 1))
    }
}

#[derive(Deserialize)]
struct File {
    template: Vec<Template>,
}

/// All wrappers, chapter by chapter. A file that cannot be read holds none; the tests read them all.
pub fn templates() -> &'static [Template] {
    static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
        FILES.iter().filter_map(|body| toml::from_str::<File>(body).ok()).flat_map(|file| file.template).collect()
    });
    &TEMPLATES
}

/// The row of a wrapper. Called once for each.
pub(super) fn row(template: &'static Template) -> Mutator {
    let peers: Vec<&'static str> = template.peers.iter().map(String::as_str).collect();
    Mutator {
        id: &template.id,
        group: template.group(),
        attack: template.attack,
        zh: &template.does_zh,
        en: &template.does_en,
        source: &template.source,
        peers: peers.leak(),
        apply: Apply::Template(template),
        reverse: Reverse::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read_and_every_wrapper_has_one_place() {
        for body in FILES {
            toml::from_str::<File>(body).unwrap();
        }
        assert!(templates().len() >= 70, "{}", templates().len());
        for template in templates() {
            for wrapper in [&template.zh, &template.en] {
                assert_eq!(wrapper.matches(PAYLOAD).count(), 1, "{}", template.id);
            }
            assert!(template.zh.contains(menshen_text::is_han), "{}", template.id);
            assert!(!tool::chinese(&template.en), "{}", template.id);
        }
    }

    #[test]
    fn a_text_does_not_end_what_surrounds_it() {
        let text = "a\"b'c<d>&\n{payload} 50% x_y";
        assert_eq!(Escape::Json.write(text), "a\\\"b'c<d>&\\n{payload} 50% x_y");
        assert_eq!(Escape::Xml.write(text), "a&quot;b'c&lt;d&gt;&amp;\n{payload} 50% x_y");
        assert_eq!(Escape::Csv.write(text), "a\"\"b'c<d>&\n{payload} 50% x_y");
        assert_eq!(Escape::Sql.write(text), "a\"b''c<d>&\n{payload} 50% x_y");
        assert_eq!(Escape::Line.write(text), "a\"b'c<d>& {payload} 50% x_y");
        assert_eq!(Escape::Latex.write("50% x_y"), "50\\% x\\_y");
        let json = templates().iter().find(|template| template.id == "embed_json").unwrap();
        let filled = json.fill("say \"hi\"\n").unwrap();
        let value: serde_json::Value = serde_json::from_str(&filled).unwrap();
        assert_eq!(value["job"]["params"]["question"], "say \"hi\"\n");
    }
}
