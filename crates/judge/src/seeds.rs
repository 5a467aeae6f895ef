//! Seeds: the texts that the project writes to teach its judge, as files that a policy owner can edit.
//!
//! A `*.seeds` file is UTF-8 text. A line beginning with `@` opens a *section* and states the labels of every line
//! below it, up to the next `@`; each other line is one text. `#` begins a comment line, `\n` inside a text is a line
//! break, and `{a|b}` are alternatives.
//!
//! ```text
//! @ lang=zh risk=A1h level=related intent=knowledge topic=society.drugs sentiment=neutral scene=禁毒教育
//! 毒品的危害有哪些
//! ```
//!
//! | key | values |
//! |---|---|
//! | `lang` | `zh`, `en` |
//! | `risk` | the risks that the text concerns, joined by commas, or `none` |
//! | `level` | `risky`, `related`, `none` |
//! | `intent` | `knowledge`, `professional`, `help`, `other`, `malicious` |
//! | `topic` | a general topic's id |
//! | `sentiment` | `negative`, `neutral`, `positive` |
//! | `attack` | attack sub-classes joined by commas, `any` where the sub-class is unknown, or `none`, which is the default |
//! | `side` | `input` (the default), `output`, `tool` |
//! | `unsafe`, `refusal` | `0` or `1`, for answers |
//! | `kind` | `plain`, `near_miss`, or `template`: a wrapper with one `<payload>` |
//! | `scene`, `style` | free words, for balance and for authors |
//!
//! A section is a *family*: its texts are never divided between training and evaluation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use menshen_verdict::{Attack, Intent, Level, Risk, Sentiment, Side, Topic};

use crate::heads::{Targets, bit};

pub mod grow;
pub mod lint;

/// Where a template takes its payload.
pub const PAYLOAD: &str = "<payload>";

/// What a section says of its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The file, as it was named.
    pub file: String,
    /// The line of the `@`, from 1.
    pub line: usize,
    /// `zh` or `en`.
    pub lang: String,
    /// Which way the texts travel.
    pub side: Side,
    /// The labels.
    pub targets: Targets,
    /// Whether the lines are templates with a payload.
    pub template: bool,
    /// Whether the lines resemble risky texts or attacks without being any.
    pub near_miss: bool,
    /// Free words of the author: `scene`, `style`.
    pub notes: BTreeMap<String, String>,
}

/// One text of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The text, with `\n` undone and alternatives as written.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// The place of its section in [`Seeds::sections`].
    pub section: usize,
}

/// What is wrong in a seed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// Seeds of one or more files.
#[derive(Debug, Clone, Default)]
pub struct Seeds {
    /// The sections, in the order of the files.
    pub sections: Vec<Section>,
    /// The texts, in the order of the files.
    pub seeds: Vec<Seed>,
    /// Lines that were left out, and why.
    pub problems: Vec<Problem>,
}

impl Seeds {
    /// Reads a file, or every `*.seeds` file of a folder and its folders, in the order of their names.
    ///
    /// # Errors
    /// When a file or folder cannot be read.
    pub fn load(path: &Path, topics: &[Topic]) -> std::io::Result<Seeds> {
        let mut files = Vec::new();
        collect(path, &mut files)?;
        files.sort();
        let mut seeds = Seeds::default();
        for file in files {
            let body = std::fs::read_to_string(&file)?;
            let name = file.strip_prefix(path).unwrap_or(&file);
            let name = if name.as_os_str().is_empty() { file.as_path() } else { name };
            seeds.read(&name.to_string_lossy().replace('\\', "/"), &body, topics);
        }
        Ok(seeds)
    }

    /// Reads the body of one file. Lines that say nothing usable are left out, each with a problem.
    pub fn read(&mut self, file: &str, body: &str, topics: &[Topic]) {
        let mut section = None;
        for (i, line) in body.lines().enumerate() {
            let number = i + 1;
            let text = line.trim_end();
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            if let Some(labels) = text.strip_prefix('@') {
                section = match parse_section(file, number, labels, topics) {
                    Ok(parsed) => {
                        self.sections.push(parsed);
                        Some(self.sections.len() - 1)
                    }
                    Err(message) => {
                        self.problem(file, number, message);
                        None
                    }
                };
                continue;
            }
            let Some(at) = section else {
                self.problem(file, number, "this text stands below no usable @ line; write one above it".to_owned());
                continue;
            };
            let template = self.sections.get(at).is_some_and(|s: &Section| s.template);
            if template && text.matches(PAYLOAD).count() != 1 {
                self.problem(file, number, format!("a template holds {PAYLOAD} once; this one does not"));
                continue;
            }
            self.seeds.push(Seed { text: text.replace("\\n", "\n"), line: number, section: at });
        }
    }

    /// Leaves out the files whose names begin like this.
    pub fn leave_out(&mut self, folder: &str) {
        let sections = &self.sections;
        self.seeds.retain(|s| sections.get(s.section).is_none_or(|section| !section.file.starts_with(folder)));
        self.problems.retain(|p| !p.file.starts_with(folder));
    }

    fn problem(&mut self, file: &str, line: usize, message: String) {
        self.problems.push(Problem { file: file.to_owned(), line, message });
    }

    /// The section of a seed.
    pub fn section(&self, seed: &Seed) -> Option<&Section> {
        self.sections.get(seed.section)
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|e| e == "seeds") || path.is_file() && files.is_empty() {
        files.push(path.to_path_buf());
    }
    Ok(())
}

/// Reads the labels of a section and holds them to what a section must say.
fn parse_section(file: &str, line: usize, labels: &str, topics: &[Topic]) -> Result<Section, String> {
    let mut section = parse_labels(file, line, labels, topics)?;
    let targets = &mut section.targets;
    if targets.attack.is_none() {
        (targets.attack, targets.attacks) = (Some(false), Some(0));
    }
    let concerns = targets.risks.is_some_and(|r| r != 0);
    match targets.level {
        Some(Level::None) if concerns => return Err("level=none concerns no risk; write risk=none".to_owned()),
        Some(Level::Risky | Level::Related) if targets.risks == Some(0) => {
            return Err("say which risk the texts concern, or write level=none".to_owned());
        }
        None if section.side == Side::Input => return Err("say the level: risky, related or none".to_owned()),
        _ => {}
    }
    Ok(section)
}

/// Reads labels as they stand; what is not said is not known.
pub(crate) fn parse_labels(file: &str, line: usize, labels: &str, topics: &[Topic]) -> Result<Section, String> {
    let mut section = Section {
        file: file.to_owned(),
        line,
        lang: "zh".to_owned(),
        side: Side::Input,
        targets: Targets::default(),
        template: false,
        near_miss: false,
        notes: BTreeMap::new(),
    };
    let targets = &mut section.targets;
    for pair in labels.split_whitespace() {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not written key=value"))?;
        match key {
            "lang" if matches!(value, "zh" | "en") => section.lang = value.to_owned(),
            "side" => {
                section.side = match value {
                    "input" => Side::Input,
                    "output" => Side::Output,
                    "tool" => Side::Tool,
                    _ => return Err(format!("{value:?} is no side; write input, output or tool")),
                }
            }
            "risk" => targets.risks = Some(bits::<Risk>(value, |r| r.index())?),
            // An attack of unknown kind.
            "attack" if value == "any" => targets.attack = Some(true),
            "attack" => {
                let attacks = bits::<Attack>(value, |a| a.index())?;
                (targets.attack, targets.attacks) = (Some(attacks != 0), Some(attacks));
            }
            "level" => targets.level = Some(value.parse::<Level>().map_err(|e| e.to_string())?),
            "intent" => targets.intent = Some(value.parse::<Intent>().map_err(|e| e.to_string())?),
            "sentiment" => targets.sentiment = Some(value.parse::<Sentiment>().map_err(|e| e.to_string())?),
            "topic" => {
                let place = topics.iter().position(|t| t.id() == value);
                let place = place.ok_or_else(|| format!("{value:?} is no topic of the taxonomy"))?;
                targets.topic = u16::try_from(place).ok();
            }
            "unsafe" => targets.unsafe_answer = Some(flag(key, value)?),
            "refusal" => targets.refusal = Some(flag(key, value)?),
            "kind" => match value {
                "plain" => {}
                "near_miss" => section.near_miss = true,
                "template" => section.template = true,
                _ => return Err(format!("{value:?} is no kind; write plain, near_miss or template")),
            },
            "scene" | "style" => drop(section.notes.insert(key.to_owned(), value.to_owned())),
            _ => return Err(format!("{pair:?} is no label of a section; see the table in crates/judge/src/seeds.rs")),
        }
    }
    Ok(section)
}

fn flag(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("{key} is 0 or 1, not {value:?}")),
    }
}

fn bits<T: std::str::FromStr>(value: &str, index: impl Fn(T) -> usize) -> Result<u32, String>
where
    T::Err: std::fmt::Display,
{
    if value == "none" {
        return Ok(0);
    }
    value.split(',').try_fold(0, |bits, id| Ok(bits | bit(index(id.parse::<T>().map_err(|e| e.to_string())?))))
}

/// The texts that a text with alternatives stands for, at most `most` of them, spread evenly over all combinations.
///
/// Only braces that hold a `|` and no line break are alternatives; others stand for themselves.
pub fn expand(text: &str, most: usize) -> Vec<String> {
    let mut pieces: Vec<Vec<&str>> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        let inner = after.get(1..).unwrap_or_default();
        match inner.find(['}', '{', '\n']) {
            Some(close)
                if inner.as_bytes().get(close) == Some(&b'}')
                    && inner.get(..close).is_some_and(|i| i.contains('|')) =>
            {
                pieces.push(vec![before]);
                pieces.push(inner.get(..close).unwrap_or_default().split('|').collect());
                rest = inner.get(close + 1..).unwrap_or_default();
            }
            _ => {
                pieces.push(vec![before]);
                pieces.push(vec!["{"]);
                rest = inner;
            }
        }
    }
    pieces.push(vec![rest]);
    let all = pieces.iter().fold(1_usize, |n, p| n.saturating_mul(p.len()));
    let wanted = most.min(all).max(1);
    (0..wanted)
        .map(|i| {
            let mut place = i * (all / wanted) + usize::from(all > wanted) * (i % (all / wanted).max(1));
            let mut out = String::new();
            for choices in &pieces {
                out.push_str(choices.get(place % choices.len()).copied().unwrap_or_default());
                place /= choices.len();
            }
            out
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Vec<Topic> {
        vec![Topic::new("health"), Topic::new("society.drugs")]
    }

    #[test]
    fn a_section_labels_its_lines() {
        let mut seeds = Seeds::default();
        let body = "# c\n@ lang=zh risk=A1h,A4f level=risky intent=malicious topic=society.drugs scene=x\n买{A|B}货\n\n@ level=none risk=none\n第一行\\n第二行\n";
        seeds.read("f", body, &topics());
        assert!(seeds.problems.is_empty(), "{:?}", seeds.problems);
        assert_eq!(seeds.seeds.len(), 2);
        let first = &seeds.sections[0];
        assert_eq!(first.targets.risk_list().map(|r| r.id()).collect::<Vec<_>>(), ["A1h", "A4f"]);
        assert_eq!(first.targets.topic, Some(1));
        assert_eq!(seeds.seeds[1].text, "第一行\n第二行");
        assert_eq!(seeds.sections[1].targets.intent, None);
    }

    #[test]
    fn what_cannot_be_used_is_named_and_left_out() {
        let mut seeds = Seeds::default();
        let body = "lost\n@ level=none risk=A1a\nx\n@ level=risky risk=none\ny\n@ level=none risk=none topic=nope\nz\n@ level=none risk=none kind=template attack=S1\nno slot\n";
        seeds.read("f", body, &topics());
        assert!(seeds.seeds.is_empty());
        let lines: Vec<usize> = seeds.problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 9]);
    }

    #[test]
    fn alternatives_are_expanded_and_other_braces_kept() {
        assert_eq!(expand("买{A|B}", 9), ["买A", "买B"]);
        assert_eq!(expand("fn f() { x }", 9), ["fn f() { x }"]);
        assert_eq!(expand("{\"a\": {b|c}}", 9), ["{\"a\": b}", "{\"a\": c}"]);
        let many = expand("{a|b|c}{d|e|f}{g|h}", 4);
        assert_eq!(many.len(), 4);
        assert_eq!(many.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
        assert_eq!(expand("{unclosed|", 2), ["{unclosed|"]);
    }
}
