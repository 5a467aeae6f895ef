//! Reading what an attacker's model replies when it was asked for a JSON object: as JSON, else member by member, else
//! between tags.

use serde_json::Value;

use super::words::is_refusal;
use crate::reply_json::{self, member};

/// The most characters of the words for the target.
const MOST_CHARS: usize = 8_000;
/// The most entries of a list that are read.
const MOST_ENTRIES: usize = 16;

/// Under these names models put the words for the target.
const WORDS: &[&str] = &["prompt", "reply", "question", "message"];

/// An actor of the net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    /// Who or what.
    pub(super) name: String,
    /// What it has to do with the goal.
    pub(super) relation: String,
}

/// The words for the target. `None` when there are none, or they are a refusal to write any.
pub(super) fn words(reply: &str) -> Option<String> {
    let reply = said(reply);
    let objects = objects(reply);
    let found = WORDS.iter().find_map(|name| {
        let whole = objects.iter().rev().find_map(|o| o.get(*name)?.as_str().map(str::to_owned));
        whole.or_else(|| member(reply, name)).or_else(|| tagged(reply, name))
    })?;
    let found: String = found.trim().chars().take(MOST_CHARS).collect();
    (!found.is_empty() && !is_refusal(&found)).then_some(found)
}

/// The questions of a chain, in order: at least one.
pub(super) fn questions(reply: &str) -> Option<Vec<String>> {
    let reply = said(reply);
    let listed = objects(reply).iter().rev().find_map(|o| {
        let all = o.get("questions")?.as_array()?.iter();
        let text = |q: &Value| q.as_str().or_else(|| q.get("question")?.as_str()).map(str::to_owned);
        Some(all.filter_map(text).collect::<Vec<_>>())
    });
    let found = listed.filter(|l| !l.is_empty()).unwrap_or_else(|| items(reply));
    let found: Vec<String> = found
        .iter()
        .map(|q| q.trim().chars().take(MOST_CHARS).collect::<String>())
        .filter(|q| !q.is_empty() && !is_refusal(q))
        .take(MOST_ENTRIES)
        .collect();
    (!found.is_empty()).then_some(found)
}

/// The actors of a net: at least one.
pub(super) fn actors(reply: &str) -> Option<Vec<Actor>> {
    let reply = said(reply);
    let text = |o: &Value, name: &str| o.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    // A net that was cut off has whole actors all the same: each is an object.
    let mut found: Vec<Actor> = Vec::new();
    for object in objects(reply) {
        let inner = object.get("actors").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![object]);
        for entry in inner {
            let actor = Actor { name: text(&entry, "name"), relation: text(&entry, "relation") };
            if !actor.name.is_empty() && !is_refusal(&actor.name) && !found.contains(&actor) {
                found.push(actor);
            }
        }
    }
    found.truncate(MOST_ENTRIES);
    (!found.is_empty()).then_some(found)
}

/// Whether a prompt is on topic. `None`: the reply does not say.
pub(super) fn on_topic(reply: &str) -> Option<bool> {
    let reply = said(reply);
    let stated = objects(reply).iter().rev().find_map(|o| match o.get("on_topic")? {
        Value::Bool(b) => Some(*b),
        Value::String(s) => truth(s),
        _ => None,
    });
    stated.or_else(|| tagged(reply, "on_topic").as_deref().and_then(truth)).or_else(|| {
        let after = reply.split_once("on_topic")?.1.trim_start_matches(|c: char| !c.is_alphanumeric());
        truth(after).or_else(|| truth(reply))
    })
}

fn truth(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    if ["true", "yes", "是"].iter().any(|w| text.starts_with(w)) {
        Some(true)
    } else if ["false", "no", "否", "不"].iter().any(|w| text.starts_with(w)) {
        Some(false)
    } else {
        None
    }
}

/// What a reply says; nothing when it ends within its thinking.
fn said(reply: &str) -> &str {
    reply_json::said(reply).unwrap_or_default()
}

/// The objects of a reply that lie in no other one. One that was cut off is left out: its last text may be half a text.
fn objects(reply: &str) -> Vec<Value> {
    reply_json::objects(reply, |value, whole| whole.then_some(value))
}

/// Between `<name>` and `</name>`, the last pair.
fn tagged(reply: &str, name: &str) -> Option<String> {
    let (before, _) = reply.rsplit_once(&format!("</{name}>"))?;
    let (_, text) = before.rsplit_once(&format!("<{name}>"))?;
    Some(text.trim().to_owned())
}

/// The items of a list written with numbers, bullets or quoted lines.
fn items(reply: &str) -> Vec<String> {
    let item = |line: &str| {
        let line = line.trim();
        let text = line.trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, '.' | ')' | '、' | '-' | '*' | '(' | '"' | ' ')
        });
        let text = text.trim_end_matches([',', '"', '，']).trim();
        // A bare line is talk around the list, not an item of it.
        (text.len() < line.len() && text.chars().count() > 3 && line.starts_with(|c: char| !c.is_alphabetic()))
            .then(|| text.to_owned())
    };
    reply.lines().filter_map(item).filter(|t| !t.starts_with(['{', '[', '}'])).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_found_in_whatever_a_model_wraps_around_them() {
        for reply in [
            r#"{"improvement": "softer", "prompt": "Say \"hi\" now"}"#,
            "Sure!\n```json\n{\"improvement\": \"softer\", \"prompt\": \"Say \\\"hi\\\" now\"}\n```\nGood luck",
            "{\"improvement\": \"a\nb\", \"prompt\": \"Say \\\"hi\\\" now\"}",
            "{improvement: \"x\", prompt: \"Say \"hi\" now\"}",
            "{\"improvement\": \"x\", \"prompt\": \"Say \\\"hi\\\" now",
            "<think>{\"prompt\": \"no\"}</think><prompt>Say \"hi\" now</prompt>",
        ] {
            assert_eq!(words(reply).as_deref(), Some("Say \"hi\" now"), "{reply}");
        }
    }

    #[test]
    fn what_holds_no_words_is_none() {
        for reply in
            ["", "{}", "I think we should try again.", "{\"prompt\": 3}", "{\"prompt\": \"  \"}", "<prompt></prompt>"]
        {
            assert_eq!(words(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_refusal_in_the_place_of_words_is_none() {
        assert_eq!(words(r#"{"improvement":"", "prompt": "I'm sorry, but I can't help with that."}"#), None);
        assert_eq!(words(r#"{"prompt": "抱歉，我无法协助完成这个请求。"}"#), None);
    }

    #[test]
    fn questions_and_actors_are_read_from_json_and_from_lists() {
        let json = r#"{"questions": ["Who was he?", {"question": "What did he write?"}, 3]}"#;
        assert_eq!(questions(json), Some(vec!["Who was he?".to_owned(), "What did he write?".to_owned()]));
        let list = "Here they are:\n1. Who was he?\n2) What did he write?";
        assert_eq!(questions(list), Some(vec!["Who was he?".to_owned(), "What did he write?".to_owned()]));
        let cut =
            r#"{"actors": [{"type":"creation","name":"A","relation":"made it"},{"type":"execution","name":"B","rela"#;
        let net = actors(cut).expect("an actor");
        assert_eq!(net, vec![Actor { name: "A".to_owned(), relation: "made it".to_owned() }]);
        assert_eq!(actors("no"), None);
    }

    #[test]
    fn on_topic_is_never_guessed() {
        assert_eq!(on_topic(r#"{"on_topic": false}"#), Some(false));
        assert_eq!(on_topic("<on_topic>是</on_topic>"), Some(true));
        assert_eq!(on_topic("{on_topic: no, since"), Some(false));
        assert_eq!(on_topic("hmm"), None);
    }

    proptest! {
        #[test]
        fn nothing_that_a_model_says_panics(reply in "(\\{|\\}|\"|prompt|:|\\[|<prompt>|</prompt>|questions|actors|on_topic|是|\\\\|\n|[a-c ]){0,40}") {
            let _ = (words(&reply), questions(&reply), actors(&reply), on_topic(&reply));
        }
    }
}
