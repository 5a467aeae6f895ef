//! Reading `packs/governance`: whatever is wrong is said with its file and line, and the rest stands.

use std::fs;
use std::path::Path as FilePath;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::check::check;
use super::template::{PLACEHOLDERS, placeholders};
use super::{Axis, Control, Duty, Factor, Governance, Kind, Matrix, Path, Raise, RiskLevel, Stage, Template, Words};
use crate::diagnostic::{Diagnostic, Lines, nearest};
use crate::files::embedded_file;

/// The files of the folder, beside the templates.
pub const FILES: &[&str] = &["matrix.toml", "controls.toml", "reviews.toml", "filing.toml", "lifecycle.toml"];
/// The documents for users; each has a file a language.
const TEMPLATES: &[&str] = &["agreement", "privacy"];
/// Larger files are no policy.
const MOST_BYTES: u64 = 1 << 20;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MatrixFile {
    axis: Vec<Axis>,
    factor: Vec<Factor>,
    matrix: Option<Matrix>,
    level: Vec<RiskLevel>,
    rule: Vec<Raise>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ControlFile {
    control: Vec<Control>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReviewFile {
    path: Vec<Path>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FilingFile {
    state: Vec<Kind>,
    duty: Vec<Duty>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LifecycleFile {
    kind: Vec<Kind>,
    stage: Vec<Stage>,
}

/// A file's text and the name that diagnostics give it.
pub(crate) struct Source {
    pub(crate) shown: String,
    pub(crate) body: String,
}

impl Source {
    /// A complaint about the place where `words` first stand within quotes, or about the file.
    pub(crate) fn at(&self, words: &str, message: String, remedy: impl Into<String>) -> Diagnostic {
        let place = self.body.find(&format!("\"{words}\"")).or_else(|| self.body.find(words));
        self.at_byte(place, message, remedy)
    }

    pub(crate) fn at_byte(&self, at: Option<usize>, message: String, remedy: impl Into<String>) -> Diagnostic {
        let mut said = Diagnostic::of_file(self.shown.clone(), message, remedy);
        if let Some(at) = at {
            (said.line, said.column) = Lines::of(&self.body).place(&self.body, at);
        }
        said
    }

    fn parse<T: DeserializeOwned + Default>(&self, out: &mut Vec<Diagnostic>) -> T {
        toml::from_str(&self.body).unwrap_or_else(|e: toml::de::Error| {
            let remedy = "correct the line; nothing of this file is in force";
            out.push(self.at_byte(e.span().map(|s| s.start), e.message().to_owned(), remedy));
            T::default()
        })
    }
}

/// A file of `folder`, or the built-in one where the folder has none.
fn source(folder: Option<&FilePath>, name: &str, out: &mut Vec<Diagnostic>) -> Option<Source> {
    if let Some(path) = folder.map(|f| f.join(name)).filter(|p| p.exists()) {
        let shown = path.display().to_string();
        let large = fs::metadata(&path).is_ok_and(|m| m.len() > MOST_BYTES);
        let read = if large {
            Err("it is larger than 1 MiB".to_owned())
        } else {
            fs::read_to_string(&path).map_err(|e| e.to_string())
        };
        return match read {
            Ok(body) => Some(Source { shown, body }),
            Err(problem) => {
                let message = format!("the file cannot be read: {problem}");
                out.push(Diagnostic::of_file(shown, message, "make it a readable UTF-8 file"));
                None
            }
        };
    }
    let path = format!("governance/{name}");
    let body = embedded_file(&path)?;
    Some(Source { shown: format!("packs/{path}"), body: body.to_owned() })
}

/// The governance data that the program carries, with the files of `folder` in place of those of the same name, and
/// what is wrong with them.
pub fn governance(folder: Option<&FilePath>) -> (Governance, Vec<Diagnostic>) {
    let mut out = Vec::new();
    if let Some(folder) = folder.filter(|f| !f.is_dir()) {
        let remedy = "name a folder, or leave the setting out";
        out.push(Diagnostic::of_file(folder.display().to_string(), "this is no folder", remedy));
    }
    let mut sources: Vec<Source> = Vec::with_capacity(FILES.len());
    for name in FILES {
        let missing = || Source { shown: format!("packs/governance/{name}"), body: String::new() };
        sources.push(source(folder, name, &mut out).unwrap_or_else(missing));
    }
    let mut all = Governance::default();
    if let [matrix, controls, reviews, filing, lifecycle] = sources.as_slice() {
        let read: MatrixFile = matrix.parse(&mut out);
        (all.axes, all.factors, all.matrix) = (read.axis, read.factor, read.matrix);
        (all.levels, all.rules) = (read.level, read.rule);
        all.controls = controls.parse::<ControlFile>(&mut out).control;
        all.paths = reviews.parse::<ReviewFile>(&mut out).path;
        let read: FilingFile = filing.parse(&mut out);
        (all.filing_states, all.duties) = (read.state, read.duty);
        let read: LifecycleFile = lifecycle.parse(&mut out);
        (all.kinds, all.stages) = (read.kind, read.stage);
        check(&mut all, [matrix, controls, reviews, filing, lifecycle], &mut out);
    }
    for id in TEMPLATES {
        let mut text = |lang: &str| {
            let read = source(folder, &format!("templates/{id}.{lang}.md"), &mut out);
            let Some(read) = read else { return String::new() };
            let unknown = placeholders(&read.body).filter(|(_, name)| !PLACEHOLDERS.contains(name));
            for (at, name) in unknown {
                let remedy = match nearest(name, PLACEHOLDERS.iter().copied()) {
                    Some(meant) => format!("did you mean {{{{{meant}}}}}?"),
                    None => format!("use one of {}", PLACEHOLDERS.join(", ")),
                };
                out.push(read.at_byte(Some(at), format!("there is no placeholder '{name}'"), remedy));
            }
            read.body
        };
        let text = Words { zh: text("zh"), en: text("en") };
        all.templates.push(Template { id: (*id).to_owned(), text });
    }
    (all, out)
}
