//! Reads what a teacher says: a JSON array of texts, or whatever it made of that request.
//!
//! Models wrap arrays in fences and explanations, nest them in objects, number lines instead, or stop in the middle.
//! All of that is read as far as it is certain; what remains is [`Unusable`], and the caller asks again.

use serde_json::Value;

/// The most texts that one answer is read for; a model that loops does not fill the disk.
const MOST: usize = 400;
/// The most places at which an array is looked for, so that hostile brackets cost little.
const PLACES: usize = 32;
/// Members in which teachers put a text when they answer with objects.
const MEMBERS: [&str; 8] = ["text", "content", "question", "prompt", "query", "input", "文本", "问题"];
/// How far into an answer a refusal is looked for, in characters.
const OPENING: usize = 80;

/// Why an answer holds no texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is nothing in it.
    #[error("the answer is empty")]
    Empty,
    /// The teacher does not want to, or its provider's filter does not.
    #[error("the teacher refused")]
    Refused,
    /// It is in no shape that is understood.
    #[error("the answer is not what was asked for")]
    Malformed,
}

/// The texts of an answer, in order, trimmed, none of them empty.
///
/// # Errors
/// When there are none; never panics, whatever the answer is.
pub fn texts(answer: &str, refusals: &[String]) -> Result<Vec<String>, Unusable> {
    let answer = without_thinking(answer).trim();
    if answer.is_empty() {
        return Err(Unusable::Empty);
    }
    let found = json(answer).or_else(|| salvaged(answer));
    // A refusal often comes with a list of what it would rather write.
    if found.is_none() && is_refusal(answer, refusals) {
        return Err(Unusable::Refused);
    }
    let found = found.or_else(|| listed(answer)).unwrap_or_default();
    let texts: Vec<String> =
        found.iter().map(|t| t.trim()).filter(|t| !t.is_empty()).take(MOST).map(str::to_owned).collect();
    if texts.is_empty() { Err(Unusable::Malformed) } else { Ok(texts) }
}

/// Whether a text begins as a refusal does.
pub fn is_refusal(text: &str, refusals: &[String]) -> bool {
    let opening: String = text.trim_start().chars().take(OPENING).flat_map(char::to_lowercase).collect();
    refusals.iter().any(|phrase| !phrase.is_empty() && opening.starts_with(&phrase.to_lowercase()))
}

/// Reasoning models may leave their thinking in front of the answer.
pub(super) fn without_thinking(answer: &str) -> &str {
    let answer = answer.trim_start();
    match answer.strip_prefix("<think>").and_then(|rest| rest.split_once("</think>")) {
        Some((_, rest)) => rest,
        // The template of some models opens the block itself, so only its end is seen.
        None => answer.split_once("</think>").map_or(answer, |(_, rest)| rest),
    }
}

/// The part of an answer from its first to its last brace, for answers that are one object.
pub(super) fn object(answer: &str) -> Option<&str> {
    let (open, close) = (answer.find('{')?, answer.rfind('}')?);
    answer.get(open..=close)
}

/// The first JSON value in the answer that holds texts.
fn json(answer: &str) -> Option<Vec<String>> {
    answer.match_indices(['[', '{']).take(PLACES).find_map(|(at, _)| {
        let rest = answer.get(at..)?;
        let value = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next()?.ok()?;
        collected(&value).filter(|texts| !texts.is_empty())
    })
}

fn collected(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Some(text.clone()),
                Value::Object(members) => {
                    MEMBERS.iter().find_map(|name| members.get(*name)?.as_str()).map(str::to_owned)
                }
                _ => None,
            })
            .collect(),
        Value::Object(members) => members.values().filter(|v| v.is_array()).find_map(collected),
        _ => None,
    }
}

/// The whole strings of an array that was cut off.
fn salvaged(answer: &str) -> Option<Vec<String>> {
    answer.match_indices('[').take(PLACES).find_map(|(at, _)| {
        let mut rest = answer.get(at + 1..)?;
        let mut found = Vec::new();
        while let Some(from) = rest.trim_start_matches([' ', '\n', '\r', '\t', ',']).strip_prefix('"') {
            let quoted = rest.get(rest.len() - from.len() - 1..)?;
            let mut strings = serde_json::Deserializer::from_str(quoted).into_iter::<String>();
            let Some(Ok(text)) = strings.next() else { break };
            found.push(text);
            rest = quoted.get(strings.byte_offset()..)?;
        }
        (!found.is_empty()).then_some(found)
    })
}

/// The lines of a numbered, bulleted or quoted list.
fn listed(answer: &str) -> Option<Vec<String>> {
    let found: Vec<String> = answer.lines().filter_map(|line| item(line.trim())).collect();
    (!found.is_empty()).then_some(found)
}

fn item(line: &str) -> Option<String> {
    let marked = bulleted(line).or_else(|| numbered(line));
    let text = marked.unwrap_or(line).trim();
    let text = text.trim_end_matches([',', '，']);
    let unquoted = [("\"", "\""), ("“", "”"), ("「", "」"), ("**", "**")]
        .iter()
        .find_map(|(open, close)| text.strip_prefix(open)?.strip_suffix(close));
    // An unmarked line is a text only when it is quoted: others are the teacher's own words.
    match (marked, unquoted) {
        (_, Some(inner)) => Some(inner.trim().to_owned()),
        (Some(_), None) => Some(text.to_owned()),
        (None, None) => None,
    }
    .filter(|text| !text.is_empty())
}

fn bulleted(line: &str) -> Option<&str> {
    ["- ", "* ", "• ", "· "].iter().find_map(|mark| line.strip_prefix(mark))
}

fn numbered(line: &str) -> Option<&str> {
    let inner = line.strip_prefix(['(', '（', '[']).unwrap_or(line);
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    let rest = inner.get(digits..)?;
    let after = rest.strip_prefix(['.', '、', '．', ')', '）', ':', '：', ']'])?;
    // "3.5 million people" is no third item.
    (!after.starts_with(|c: char| c.is_ascii_digit())).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> Vec<String> {
        texts(answer, &["抱歉".to_owned(), "I'm sorry".to_owned()]).unwrap()
    }

    #[test]
    fn arrays_are_found_wherever_they_stand() {
        for answer in [
            r#"["一句", "两句"]"#,
            "```json\n[\"一句\",\"两句\"]\n```",
            "<think>[\"no\"]</think>好的，以下是 [2] 条：\n[\"一句\", \"两句\"]\n希望有帮助。",
            r#"{"count": 2, "texts": ["一句", "两句"]}"#,
            r#"[{"id":1,"text":"一句"},{"id":2,"text":"两句"}]"#,
            "[\"一句\", \"两句\", \"第三句还没",
            "1. 一句\n2、“两句”\n",
            "当然，如下：\n（1）一句\n（2）两句",
            "- 一句\n- 两句",
            "“一句”，\n“两句”",
        ] {
            assert_eq!(read(answer), ["一句", "两句"], "{answer}");
        }
    }

    #[test]
    fn refusals_and_nonsense_are_told_apart() {
        let refusals = ["抱歉".to_owned(), "I'm sorry".to_owned()];
        for (answer, why) in [
            ("", Unusable::Empty),
            ("<think>hm</think>\n", Unusable::Empty),
            ("抱歉，我不能写这些。我可以：\n1. 写科普", Unusable::Refused),
            ("i'm sorry, but no.", Unusable::Refused),
            ("当然可以。", Unusable::Malformed),
            ("[1, 2]", Unusable::Malformed),
            ("[]", Unusable::Malformed),
            ("[[[[[", Unusable::Malformed),
            ("3.5 million people", Unusable::Malformed),
        ] {
            assert_eq!(texts(answer, &refusals), Err(why), "{answer}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        let deep = "[".repeat(100_000);
        assert_eq!(texts(&deep, &[]), Err(Unusable::Malformed));
    }

    #[test]
    fn a_cut_array_yields_a_beginning_of_it() {
        let said = ["第一句。", "a \"quoted\" \\ one", "三\n行"].map(str::to_owned);
        let whole = serde_json::to_string(&said).unwrap();
        for (at, _) in whole.char_indices() {
            if let Ok(found) = texts(&whole[..at], &[]) {
                assert!(said.starts_with(&found), "{found:?}");
            }
        }
        assert_eq!(texts(&whole, &[]).unwrap(), said);
    }

    #[test]
    fn no_answer_made_of_what_matters_panics() {
        let pieces = [
            "[", "]", "{", "}", "\"", ":", ",", "\\", "\n", "`", "```json", "<think>", "</think>", "\"text\"", "字",
            "a", "1.", "（1）", "“", "”", "- ", "**", "\u{fffd}", "\0", "抱歉", "İ",
        ];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let answer: String = (0..rng.usize(..40)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
            if let Ok(found) = texts(&answer, &["抱歉".to_owned()]) {
                assert!(found.iter().all(|t| !t.trim().is_empty()), "{answer:?}");
            }
        }
    }
}
