//! Reading keyword lists: header lines `# key: value`, then one word a line, with tab-separated overrides.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use menshen_verdict::{Family, Level};

use crate::marks::{Marks, Sides, is_dotted, score};
use crate::source::{Diagnostic, Reporter, Source};

/// What a list's words do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Colour {
    /// A hit is an offence.
    Black,
    /// A hit asks for a closer look.
    Grey,
    /// Hits of other lists inside a white word do not count.
    White,
}

/// What a hit becomes. Words of one list with the same overrides share one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    pub(crate) detector: String,
    pub(crate) label: String,
    pub(crate) colour: Colour,
    pub(crate) score: f32,
    pub(crate) sound: bool,
    pub(crate) sides: Sides,
    pub(crate) marks: Marks,
}

impl Profile {
    pub(crate) const fn family(&self) -> Family {
        match self.colour {
            Colour::Grey => Family::Grey,
            Colour::Black | Colour::White => Family::Keyword,
        }
    }
}

/// A list as read: its words borrow from the source and name a profile by index.
#[derive(Debug, Default)]
pub(crate) struct KeywordList<'a> {
    pub(crate) profiles: Vec<Profile>,
    /// Word, index into `profiles`, byte offset in the file.
    pub(crate) words: Vec<(&'a str, usize, usize)>,
}

/// Headers that are for people only.
const NOTES: &[&str] = &["title", "note", "source", "version", "licence", "license", "author", "updated", "comment"];
/// A list of 100,000 words with a systematic flaw should not bury its other diagnostics.
const MAX_WARNINGS: usize = 20;

/// Reads a list. Without a usable header the list is empty; bad words are skipped.
pub(crate) fn read<'a>(source: &'a Source, out: &mut Vec<Diagnostic>) -> KeywordList<'a> {
    let mut report = Reporter::new(source, out);
    let body = source.body.as_str();
    let mut base = Profile {
        detector: String::new(),
        label: String::new(),
        colour: Colour::Black,
        score: -1.0,
        sound: false,
        sides: Sides::ALL,
        marks: Marks::default(),
    };
    let mut fatal = false;
    let mut list = KeywordList::default();
    let mut by_override: HashMap<&str, Option<usize>> = HashMap::new();
    let mut in_header = true;
    let mut warnings = 0;
    let mut at = 0;
    for raw in body.split_inclusive('\n') {
        let line_at = at;
        at += raw.len();
        let line = raw.trim_start_matches('\u{feff}').trim_matches([' ', '\r', '\n', '\u{3000}']);
        let line_at = line_at + raw.find(line).unwrap_or(0);
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            if in_header {
                fatal |= !header(&mut base, comment, line_at, &mut report);
            }
            continue;
        }
        if in_header {
            in_header = false;
            if base.detector.is_empty() {
                report.error(line_at, "the list has no id", "begin the file with a line `# id: kw.…`");
                fatal = true;
            }
            settle(&mut base);
        }
        if fatal {
            return KeywordList::default();
        }
        let (word, overrides) = line.split_once('\t').unwrap_or((line, ""));
        let word = word.strip_prefix("\\#").map_or(word, |_| &word[1..]).trim_end();
        let profile = match by_override.entry(overrides.trim()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let mut profile = base.clone();
                let good = overriding(&mut profile, overrides, line_at + word.len() + 1, &mut report);
                let index = good.then(|| {
                    list.profiles.push(profile);
                    list.profiles.len() - 1
                });
                *new.insert(index)
            }
        };
        let Some(profile) = profile else { continue };
        if base.colour == Colour::Black && word.chars().nth(1).is_none() && warnings < MAX_WARNINGS {
            warnings += 1;
            report.warning(line_at, "a black word of one character", "one character matches inside many words");
        }
        list.words.push((word, profile, line_at));
    }
    if in_header {
        report.warning(0, "the list has no words", "add one word a line after the header");
    }
    list
}

/// Takes in one header line; false when the list cannot be used.
fn header(base: &mut Profile, comment: &str, at: usize, report: &mut Reporter<'_>) -> bool {
    let Some((key, value)) = comment.split_once(':') else { return true };
    let (key, value) = (key.trim(), value.trim());
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase());
    if !is_key || NOTES.contains(&key) {
        return true;
    }
    // The format's own documentation puts remarks after an arrow; copied headers keep them.
    let value = value.split("<-").next().unwrap_or_default().trim();
    let wrong = match key {
        "id" if is_dotted(value) => {
            value.clone_into(&mut base.detector);
            None
        }
        "id" => Some("use a dotted lower-case id such as kw.cn.a1d".to_owned()),
        "sides" => {
            base.sides = Sides::EMPTY;
            let known = value.split(',').all(|s| base.sides.add(s.trim()));
            (!known).then(|| "use input, output and tool, separated by commas".to_owned())
        }
        _ => match set(base, key, value) {
            Some(result) => result.err(),
            None => {
                report.warning(
                    at,
                    format!("unknown header `{key}`"),
                    "the headers are id, colour, risk, level, label, score, sound, topic, intent, attack and sides",
                );
                None
            }
        },
    };
    if let Some(remedy) = wrong {
        report.error(at, format!("{value:?} is not a value of `{key}`"), remedy);
        return false;
    }
    true
}

/// Fields that a header and a word's overrides share.
fn set(profile: &mut Profile, key: &str, value: &str) -> Option<Result<(), String>> {
    Some(match key {
        "colour" | "color" => match value {
            "black" => Ok(Colour::Black),
            "grey" | "gray" => Ok(Colour::Grey),
            "white" => Ok(Colour::White),
            _ => Err("use black, grey or white".to_owned()),
        }
        .map(|colour| profile.colour = colour),
        "label" if value.is_empty() => Err("use one word".to_owned()),
        "label" => {
            value.clone_into(&mut profile.label);
            Ok(())
        }
        "score" => score(value).map(|s| profile.score = s).ok_or_else(|| "use a number from 0 to 1".to_owned()),
        "sound" => value.parse().map(|sound| profile.sound = sound).map_err(|_| "use true or false".to_owned()),
        _ => return profile.marks.set(key, value),
    })
}

/// Fills what the header left open.
fn settle(base: &mut Profile) {
    if base.score < 0.0 {
        base.score = if base.colour == Colour::Grey { 0.4 } else { 0.9 };
    }
    if base.colour == Colour::Black && base.marks.level.is_none() {
        base.marks.level = Some(Level::Risky);
    }
    if base.label.is_empty() {
        let last = base.detector.rsplit('.').next().unwrap_or_default();
        base.label = base.marks.risk.map_or(last, |r| r.id()).to_owned();
    }
}

fn overriding(profile: &mut Profile, overrides: &str, at: usize, report: &mut Reporter<'_>) -> bool {
    for field in overrides.split('\t').map(str::trim).filter(|f| !f.is_empty()) {
        let field_at = at + overrides.find(field).unwrap_or(0);
        let Some((key, value)) = field.split_once('=') else {
            report.error(field_at, format!("{field:?} is not an override"), "write key=value after a tab");
            return false;
        };
        match set(profile, key.trim(), value.trim()) {
            Some(Ok(())) => {}
            Some(Err(remedy)) => {
                report.error(field_at, format!("{value:?} is not a value of `{key}`"), remedy);
                return false;
            }
            None => {
                report.error(
                    field_at,
                    format!("unknown override `{key}`"),
                    "the overrides are score, level, risk, attack, intent, topic, label, colour and sound",
                );
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Severity, SourceKind};
    use menshen_verdict::{Risk, Side};

    fn source(body: &str) -> Source {
        Source { pack: "t".into(), path: "t.txt".into(), body: body.into(), kind: SourceKind::Keywords }
    }

    #[test]
    fn headers_words_and_overrides_are_read() {
        let source = source(
            "\u{feff}# id: kw.cn.a1d   <- the list\r\n# 说明：随便写\n# risk: A1d\n# sides: input,tool\n\n恐怖组织招募\r\n# 中间的注释\n买枪\tscore=0.7\tlevel=related\trisk=A1h\n\\#话题\n",
        );
        let mut out = Vec::new();
        let list = read(&source, &mut out);
        assert_eq!(out, []);
        let words: Vec<_> = list.words.iter().map(|w| (w.0, w.1)).collect();
        assert_eq!(words, [("恐怖组织招募", 0), ("买枪", 1), ("#话题", 0)]);
        assert_eq!((list.profiles[0].score, list.profiles[0].label.as_str()), (0.9, "A1d"));
        assert_eq!(list.profiles[0].marks.level, Some(Level::Risky));
        assert_eq!((list.profiles[1].score, list.profiles[1].marks.risk), (0.7, Some(Risk::A1h)));
        assert!(list.profiles[0].sides.has(Side::Tool) && !list.profiles[0].sides.has(Side::Output));
    }

    #[test]
    fn a_bad_word_is_skipped_and_named_by_line_and_column() {
        let source = source("# id: kw.x\n好词一\n坏词\tscore=2\n好词二\n");
        let mut out = Vec::new();
        let list = read(&source, &mut out);
        assert_eq!(list.words.len(), 2);
        assert_eq!((out[0].severity, out[0].line, out[0].column), (Severity::Error, 3, 4));
    }

    #[test]
    fn a_list_without_an_id_or_with_a_bad_header_is_empty() {
        for body in ["词\n", "# id: kw.x\n# risk: A9z\n词\n", "# id: KW X!\n词\n", "# id: kw.x\n# sides: left\n词\n"]
        {
            let source = source(body);
            let mut out = Vec::new();
            assert!(read(&source, &mut out).words.is_empty(), "{body}");
            assert!(out.iter().any(|d| d.severity == Severity::Error), "{body}");
        }
    }
}
