//! A keyword file without the words that do not hold what they promised.

use std::collections::{BTreeMap, HashSet};

use super::Action;

/// A keyword file after thinning out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The file's new text: every other line, with its comments and line ends, is as it was.
    pub body: String,
    /// The lines of the words that became grey, as they belong into [`grey_list`].
    pub greyed: Vec<String>,
}

/// Headers that a grey list takes over from the list that its words come from.
const INHERITED: &[&str] = &["risk", "label", "topic", "attack", "intent", "sides"];
/// Overrides that a word keeps when it becomes grey. Its score, level and colour spoke for a black word, and by sound
/// it would hit still more.
const KEPT_OVERRIDES: &[&str] = &["risk", "label", "topic", "attack", "intent"];

/// Removes words by their lines (from 1).
pub fn rewrite(body: &str, actions: &BTreeMap<usize, Action>) -> Rewritten {
    let mut out = Rewritten { body: String::with_capacity(body.len()), greyed: Vec::new() };
    for (number, line) in body.split_inclusive('\n').enumerate() {
        match actions.get(&(number + 1)) {
            None | Some(Action::Keep) => out.body.push_str(line),
            Some(Action::Drop) => {}
            Some(Action::Grey) => {
                let mut fields = line.trim_matches(['\u{feff}', ' ', '\r', '\n', '\u{3000}']).split('\t');
                let mut grey = fields.next().unwrap_or_default().trim_end().to_owned();
                for field in fields.map(str::trim) {
                    if field.split_once('=').is_some_and(|(k, _)| KEPT_OVERRIDES.contains(&k.trim())) {
                        grey.push('\t');
                        grey.push_str(field);
                    }
                }
                out.greyed.push(grey);
            }
        }
    }
    out
}

/// The text of the grey list beside a list: what it held, and the words that became grey. A new one takes id, title
/// and risk from the `black` list.
pub fn grey_list(black: &str, existing: Option<&str>, greyed: &[String]) -> String {
    let mut out = existing.map_or_else(|| head(black), str::to_owned);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    let mut known: HashSet<String> = out.lines().map(|l| l.trim().to_owned()).collect();
    for line in greyed {
        if known.insert(line.clone()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn head(black: &str) -> String {
    let mut out = String::new();
    let mut inherited = String::new();
    for line in black.lines().map(|l| l.trim_start_matches('\u{feff}').trim()).filter(|l| !l.is_empty()) {
        let Some(comment) = line.strip_prefix('#') else { break };
        let Some((key, value)) = comment.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.split("<-").next().unwrap_or_default().trim());
        match key {
            "id" => out.push_str(&format!("# id: {value}.grey\n")),
            "title" => out.push_str(&format!("# title: {value}（灰）\n")),
            _ if INHERITED.contains(&key) => inherited.push_str(&format!("# {key}: {value}\n")),
            _ => {}
        }
    }
    out + "# colour: grey\n" + &inherited + "# level: related\n"
}

#[cfg(test)]
mod tests {
    use super::super::{Colour, entries};
    use super::*;
    use crate::{Source, SourceKind};

    const LIST: &str = "# id: kw.a\r\n# title: 甲\n# risk: A1h\n# score: 0.9\n# sound: true\n\n# 一类\n坏词\n常词\tscore=0.5\trisk=A1d\n# 又一类\n  \\#话题\n末词";

    #[test]
    fn only_the_named_lines_go_and_comments_stay() {
        let actions = BTreeMap::from([(8, Action::Drop), (9, Action::Grey), (11, Action::Grey), (12, Action::Keep)]);
        let new = rewrite(LIST, &actions);
        assert_eq!(
            new.body,
            "# id: kw.a\r\n# title: 甲\n# risk: A1h\n# score: 0.9\n# sound: true\n\n# 一类\n# 又一类\n末词"
        );
        assert_eq!(new.greyed, ["常词\trisk=A1d", "\\#话题"]);
        assert_eq!(rewrite(LIST, &BTreeMap::new()).body, LIST);
    }

    #[test]
    fn the_grey_list_has_the_risk_of_its_black_one_and_grows() {
        let grey = grey_list(LIST, None, &["常词\trisk=A1d".to_owned()]);
        assert_eq!(
            grey,
            "# id: kw.a.grey\n# title: 甲（灰）\n# colour: grey\n# risk: A1h\n# level: related\n常词\trisk=A1d\n"
        );
        let more = grey_list(LIST, Some(&grey), &["常词\trisk=A1d".to_owned(), "\\#话题".to_owned()]);
        assert_eq!(more, format!("{grey}\\#话题\n"));
        let source = Source { pack: "t".into(), path: "t".into(), body: more, kind: SourceKind::Keywords };
        let (words, diagnostics) = entries(&[source]);
        assert_eq!(diagnostics, []);
        assert!(words.len() == 2 && words.iter().all(|w| w.colour == Colour::Grey));
    }
}
