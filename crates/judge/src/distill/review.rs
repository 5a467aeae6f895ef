//! The review queue: a seed file that a person edits, and what is made of it when it comes back.
//!
//! Above each text stands a comment `#id …`. Deleting the text rejects it, editing it replaces it, moving it below
//! another `@` line or editing that line labels it anew; a text without an id is one that the reviewer added. Decisions are
//! appended to a file, and the accepted seeds are computed from all of them: the last decision on a text stands.

use std::collections::{BTreeMap, HashMap, HashSet};

use fastrand::Rng;
use menshen_verdict::{Level, Topic};
use serde::{Deserialize, Serialize};

use super::candidates::Candidate;
use super::labels::Labelled;
use super::{section, short_id};
use crate::seeds::{Problem, Seeds};

const HEAD: &str = "A review queue of `menshen judge distill review`. Delete a text to reject it, edit it, or correct the\n\
    labels of its @ line; move it below another @ line, or write a new one. Leave the #id comments as they are.\n\
    Then: menshen judge distill review --work DIR --accept THIS_FILE";

/// A text that a person may look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is known by.
    pub id: String,
    /// The labels of its `@` line.
    pub labels: String,
    /// The text.
    pub text: String,
    /// Why it should be looked at; empty for one that was drawn.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Given out for review; nothing is decided.
    Queued,
    /// Left as it was.
    Accepted,
    /// The text was changed.
    Edited,
    /// The labels were changed.
    Relabelled,
    /// Written by the reviewer.
    Added,
    /// Deleted.
    Rejected,
}

impl Verb {
    /// The stable name.
    pub const fn id(self) -> &'static str {
        match self {
            Verb::Queued => "queued",
            Verb::Accepted => "accepted",
            Verb::Edited => "edited",
            Verb::Relabelled => "relabelled",
            Verb::Added => "added",
            Verb::Rejected => "rejected",
        }
    }
}

/// A line of the decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verb: Verb,
    /// The queue in which the text was given out.
    pub queue: String,
    /// The text and labels as they are now.
    #[serde(flatten)]
    pub item: Item,
}

/// Candidates that passed the filters; where the teacher labelled them too and does not say what they were asked for,
/// with the reason.
pub fn of_candidates(candidates: &[Candidate], labels: &[Labelled], agreement: f32) -> Vec<Item> {
    let labels: HashMap<&str, &Labelled> = labels.iter().map(|l| (l.material.id.as_str(), l)).collect();
    let doubt = |c: &Candidate| -> String {
        let Some(l) = labels.get(c.id.as_str()) else { return String::new() };
        let level = l.level.as_ref().map(|h| h.value);
        let risks = l.risks.as_ref().map(|h| h.value.as_slice()).unwrap_or_default();
        if level != Some(c.level) {
            format!("labelled {}", level.map_or("nothing", Level::id))
        } else if c.level != Level::None && !risks.contains(&c.risk) {
            let ids: Vec<&str> = risks.iter().map(|r| r.id()).collect();
            format!("labelled {}", if ids.is_empty() { "no risk".to_owned() } else { ids.join(",") })
        } else if l.agreement() < agreement {
            format!("agreement {:.2}", l.agreement())
        } else {
            String::new()
        }
    };
    let kept = candidates.iter().filter(|c| c.rejected.is_none());
    kept.map(|c| Item { id: c.id.clone(), labels: c.labels.clone(), text: c.text.clone(), why: doubt(c) }).collect()
}

/// Labelled texts; those that would not be exported with the reason.
pub fn of_labels(labels: &[Labelled], agreement: f32, score: f32) -> Vec<Item> {
    let item = |l: &Labelled| {
        let sure = l.words(agreement, score);
        let why = if sure.is_some() { String::new() } else { format!("agreement {:.2}", l.agreement()) };
        // Whatever the votes say, as a draft.
        let words = sure.or_else(|| l.words(0.0, 0.0))?;
        Some(Item { id: l.material.id.clone(), labels: words.to_string(), text: l.material.text.clone(), why })
    };
    labels.iter().filter_map(item).collect()
}

/// Chooses what is reviewed: what nobody decided on yet, only what is doubtful if so wished, at most `sample`, drawn
/// evenly. Gives them in their order.
pub fn choose(items: Vec<Item>, decisions: &[Decision], doubtful: bool, sample: Option<usize>, seed: u64) -> Vec<Item> {
    let settled: HashSet<&str> =
        decisions.iter().filter(|d| d.verb != Verb::Queued).map(|d| d.item.id.as_str()).collect();
    let mut items = items;
    items.retain(|i| !settled.contains(i.id.as_str()) && (!doubtful || !i.why.is_empty()));
    items.retain(|i| section::line(&i.text).is_some());
    let Some(n) = sample.filter(|n| *n < items.len()) else { return items };
    let mut places: Vec<usize> = (0..items.len()).collect();
    Rng::with_seed(seed).shuffle(&mut places);
    let drawn: HashSet<usize> = places.into_iter().take(n).collect();
    items.into_iter().enumerate().filter(|(i, _)| drawn.contains(i)).map(|(_, item)| item).collect()
}

/// What a queue is known by: the texts that are in it.
pub fn queue_id(items: &[Item]) -> String {
    short_id(&items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>())
}

/// What is recorded when texts are given out.
pub fn given_out(items: &[Item]) -> Vec<Decision> {
    let queue = queue_id(items);
    items.iter().map(|i| Decision { verb: Verb::Queued, queue: queue.clone(), item: i.clone() }).collect()
}

/// The file that a person edits.
pub fn queue(items: &[Item], section_lines: usize) -> String {
    let lines: Vec<_> = items
        .iter()
        .filter_map(|i| {
            let why = if i.why.is_empty() { String::new() } else { format!(" {}", i.why) };
            Some((i.labels.clone(), vec![format!("id {}{why}", i.id)], section::line(&i.text)?))
        })
        .collect();
    format!("#queue {}\n{}", queue_id(items), section::body(HEAD, &lines, section_lines))
}

/// Reads an edited queue. Whatever was given out in it and is no longer there was rejected.
///
/// # Errors
/// When lines cannot be read: each is named, and nothing is decided.
pub fn read_back(
    file: &str,
    body: &str,
    topics: &[Topic],
    decisions: &[Decision],
) -> Result<Vec<Decision>, Vec<Problem>> {
    let mut seeds = Seeds::default();
    seeds.read(file, body, topics);
    let lines: Vec<&str> = body.lines().collect();
    let queue = lines.iter().find_map(|l| l.strip_prefix("#queue ")).unwrap_or_default().trim();
    let given: BTreeMap<&str, &Item> = decisions
        .iter()
        .filter(|d| d.verb == Verb::Queued && d.queue == queue)
        .map(|d| (d.item.id.as_str(), &d.item))
        .collect();
    let mut problems = std::mem::take(&mut seeds.problems);
    if given.is_empty() {
        // Without knowing what was given out, what was deleted could not be told.
        let message = "its #queue line is missing or not of this work folder; put it back as it was given out";
        problems.push(Problem { file: file.to_owned(), line: 1, message: message.to_owned() });
    }
    let mut decided = Vec::new();
    let mut present = HashSet::new();
    for seed in &seeds.seeds {
        let labels = seeds.section(seed).and_then(|s| lines.get(s.line.checked_sub(1)?)).copied().unwrap_or_default();
        let labels: Vec<&str> = labels.trim_start_matches('@').split_whitespace().collect();
        let labels = labels.join(" ");
        let text = seed.text.trim().to_owned();
        let known = id_above(&lines, seed.line).filter(|id| !present.contains(id)).and_then(|id| given.get(id));
        let problem = |message: &str| Problem { file: file.to_owned(), line: seed.line, message: message.to_owned() };
        if section::line(&text).is_none() {
            problems.push(problem(
                "this would be read as something else; write it without \\n, { | }, @ and # at its head",
            ));
            continue;
        }
        let (verb, id) = match known {
            Some(item) if item.text == text && item.labels == labels => (Verb::Accepted, item.id.clone()),
            Some(item) if item.text == text => (Verb::Relabelled, item.id.clone()),
            Some(item) => (Verb::Edited, item.id.clone()),
            None => (Verb::Added, short_id(&["added", &text])),
        };
        if let Some(item) = known {
            present.insert(item.id.as_str());
        }
        decided.push(Decision { verb, queue: queue.to_owned(), item: Item { id, labels, text, why: String::new() } });
    }
    let gone = given.values().filter(|i| !present.contains(i.id.as_str()));
    decided.extend(gone.map(|i| Decision { verb: Verb::Rejected, queue: queue.to_owned(), item: (*i).clone() }));
    if problems.is_empty() { Ok(decided) } else { Err(problems) }
}

/// The id in the comments directly above a line.
fn id_above<'a>(lines: &[&'a str], line: usize) -> Option<&'a str> {
    let above = lines.get(..line.checked_sub(1)?)?.iter().rev();
    above.take_while(|l| l.starts_with('#')).find_map(|l| l.strip_prefix("#id ")?.split_whitespace().next())
}

/// The decision that stands for each text, in the order in which the texts were first decided on.
pub fn standing(decisions: &[Decision]) -> Vec<&Decision> {
    let mut last: HashMap<&str, &Decision> = HashMap::new();
    let mut order = Vec::new();
    for decision in decisions.iter().filter(|d| d.verb != Verb::Queued) {
        if last.insert(&decision.item.id, decision).is_none() {
            order.push(decision.item.id.as_str());
        }
    }
    order.into_iter().filter_map(|id| last.get(id).copied()).collect()
}

/// The accepted seeds as a file: what people accepted, then what of `rest` was never given out.
pub fn accepted(decisions: &[Decision], rest: &[Item], head: &str, section_lines: usize) -> (String, usize) {
    let standing = standing(decisions);
    let seen: HashSet<&str> = decisions.iter().map(|d| d.item.id.as_str()).collect();
    let good = standing.iter().filter(|d| d.verb != Verb::Rejected).map(|d| &d.item);
    let others = rest.iter().filter(|i| !seen.contains(i.id.as_str()));
    let lines: Vec<_> =
        good.chain(others).filter_map(|i| Some((i.labels.clone(), Vec::new(), section::line(&i.text)?))).collect();
    (section::body(head, &lines, section_lines), lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, labels: &str, text: &str) -> Item {
        Item { id: id.to_owned(), labels: labels.to_owned(), text: text.to_owned(), why: String::new() }
    }

    const RISKY: &str = "lang=zh risk=A1a level=risky intent=malicious";
    const NONE: &str = "lang=zh risk=none level=none intent=help kind=near_miss";

    #[test]
    fn what_a_person_did_is_what_is_decided() {
        let items = [
            item("a1", RISKY, "第一句"),
            item("a2", RISKY, "第二句"),
            item("a3", NONE, "第三句"),
            item("a4", NONE, "第四\n句"),
        ];
        let mut decisions = given_out(&items);
        let file = queue(&items, 12);
        let untouched = read_back("f", &file, &[], &decisions).unwrap();
        assert!(untouched.iter().all(|d| d.verb == Verb::Accepted), "{untouched:?}");
        let edited =
            file.replace("第二句", "改过的句子").replace("第三句\n", "").replace("intent=help", "intent=knowledge")
                + "新写的一句\n";
        let decided = read_back("f", &edited, &[], &decisions).unwrap();
        let verbs: Vec<(&str, &str)> = decided.iter().map(|d| (d.item.text.as_str(), d.verb.id())).collect();
        assert_eq!(
            verbs,
            [
                ("第一句", "accepted"),
                ("改过的句子", "edited"),
                ("第四\n句", "relabelled"),
                ("新写的一句", "added"),
                ("第三句", "rejected"),
            ]
        );
        decisions.extend(decided);
        let (seeds, n) = accepted(&decisions, &[item("a9", NONE, "没看过的"), item("a3", NONE, "第三句")], "x", 12);
        assert_eq!(n, 5);
        assert!(seeds.contains("改过的句子") && seeds.contains("没看过的") && !seeds.contains("第三句"), "{seeds}");
        let mut read = Seeds::default();
        read.read("f", &seeds, &[]);
        assert!(read.problems.is_empty() && read.seeds.len() == 5);
        // A second reading of the same file changes nothing.
        let again = read_back("f", &edited, &[], &decisions).unwrap();
        decisions.extend(again);
        assert_eq!(accepted(&decisions, &[], "x", 12).1, 4);
        // Nor does another queue reject what is not in it.
        let other = [item("b1", RISKY, "另一句")];
        decisions.extend(given_out(&other));
        let more = read_back("f", &queue(&other, 12), &[], &decisions).unwrap();
        assert_eq!(more.iter().map(|d| d.verb).collect::<Vec<_>>(), [Verb::Accepted]);
        assert!(read_back("f", "@ level=none risk=none\n一句\n", &[], &decisions).is_err(), "no #queue line");
    }

    #[test]
    fn a_file_with_mistakes_decides_nothing() {
        let items = [item("a1", RISKY, "第一句")];
        let file = queue(&items, 12).replace("level=risky", "level=rsky");
        let problems = read_back("f", &file, &[], &given_out(&items)).unwrap_err();
        assert!(problems.iter().any(|p| p.message.contains("rsky")), "{problems:?}");
    }

    #[test]
    fn a_sample_is_drawn_from_what_nobody_decided_on() {
        let items: Vec<Item> = (0..50).map(|i| item(&format!("i{i}"), RISKY, &format!("第{i}句话"))).collect();
        let done = vec![Decision { verb: Verb::Rejected, queue: String::new(), item: items[3].clone() }];
        let drawn = choose(items.clone(), &done, false, Some(10), 5);
        assert_eq!(drawn.len(), 10);
        assert_eq!(drawn, choose(items.clone(), &done, false, Some(10), 5));
        assert_eq!(choose(items.clone(), &done, false, None, 5).len(), 49);
        assert!(choose(items, &done, true, None, 5).is_empty(), "nothing is doubtful");
    }
}
