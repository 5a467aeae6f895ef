//! Writes texts and labels in the format of [`crate::seeds`], so that what a teacher made is edited and trained on
//! like what people wrote.

use menshen_verdict::{Attack, Intent, Level, Risk, Sentiment, Side};

use crate::seeds::expand;

/// The labels of an `@` line, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<(&'static str, String)>);

impl Words {
    /// Labels of texts in a language that travel one way.
    pub fn new(lang: &str, side: Side) -> Self {
        let mut words = Words::default();
        words.put("lang", lang);
        if side != Side::Input {
            words.put("side", side.id());
        }
        words
    }

    /// Adds a label.
    pub fn put(&mut self, key: &'static str, value: impl Into<String>) {
        self.0.push((key, value.into()));
    }

    /// Adds the risks, `none` for an empty list.
    pub fn risks(&mut self, risks: &[Risk]) {
        self.put("risk", joined(risks.iter().map(|r| r.id())));
    }

    /// Adds the sub-classes of attack; `any` where it is an attack of unknown kind.
    pub fn attacks(&mut self, is: bool, attacks: &[Attack]) {
        let ids = joined(attacks.iter().map(|a| a.id()));
        self.put("attack", if is && attacks.is_empty() { "any".to_owned() } else { ids });
    }

    /// Adds the level, intent and sentiment that are known.
    pub fn heads(&mut self, level: Option<Level>, intent: Option<Intent>, sentiment: Option<Sentiment>) {
        for (key, value) in [
            ("level", level.map(Level::id)),
            ("intent", intent.map(Intent::id)),
            ("sentiment", sentiment.map(Sentiment::id)),
        ] {
            if let Some(value) = value {
                self.put(key, value);
            }
        }
    }

    /// The pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={value}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

fn joined<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<&str> = ids.collect();
    if ids.is_empty() { "none".to_owned() } else { ids.join(",") }
}

/// A text as a line of a seed file, or `None` when it cannot be one: it would be read as something else.
pub fn line(text: &str) -> Option<String> {
    let text = text.trim();
    let comment = text.starts_with(['@', '#']);
    if text.is_empty() || comment || text.contains("\\n") || expand(text, 2) != [text] {
        return None;
    }
    let line = text.replace('\n', "\\n");
    // What a reader would take for the end of a line.
    (!line.contains('\r')).then_some(line)
}

/// Groups lines under their labels, in the order in which each label first appears, at most `most` lines a section.
///
/// Each line may have comments above it.
pub fn body(head: &str, lines: &[(String, Vec<String>, String)], most: usize) -> String {
    let mut order: Vec<&str> = Vec::new();
    let mut groups: std::collections::HashMap<&str, Vec<(&[String], &str)>> = std::collections::HashMap::new();
    for (words, comments, line) in lines {
        let group = groups.entry(words).or_insert_with(|| {
            order.push(words);
            Vec::new()
        });
        group.push((comments, line));
    }
    let mut out: String = head.lines().map(|l| format!("# {l}\n")).collect();
    for words in order {
        for chunk in groups.get(words).map(Vec::as_slice).unwrap_or_default().chunks(most.max(1)) {
            out.push_str(&format!("\n@ {words}\n"));
            for (comments, line) in chunk {
                for comment in *comments {
                    out.push_str(&format!("#{comment}\n"));
                }
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds::Seeds;

    #[test]
    fn what_is_written_is_read_back() {
        let mut words = Words::new("zh", Side::Input);
        words.risks(&[Risk::A1a, Risk::A4f]);
        words.attacks(false, &[]);
        words.heads(Some(Level::Risky), Some(Intent::Malicious), None);
        let texts = ["一句话", "两\n行", "带{括号}的", "x | y"];
        let lines: Vec<_> =
            texts.iter().map(|t| (words.to_string(), vec!["id 1".to_owned()], line(t).unwrap())).collect();
        let mut seeds = Seeds::default();
        seeds.read("f", &body("made by a test\ntwo lines", &lines, 3), &[]);
        assert!(seeds.problems.is_empty(), "{:?}", seeds.problems);
        assert_eq!(seeds.sections.len(), 2);
        assert_eq!(seeds.seeds.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), texts);
        assert_eq!(seeds.sections[0].targets.attack, Some(false));
    }

    #[test]
    fn what_would_be_read_as_something_else_is_not_written() {
        for text in ["", " ", "@ lang=zh", "# x", "{a|b}", "a\\nb", "a\rb"] {
            assert_eq!(line(text), None, "{text:?}");
        }
    }
}
