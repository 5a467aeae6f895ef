//! The JSON in what a language model replies when it was asked for some, whatever it wraps around it.
//!
//! Repaired are code fences, words before and after, thinking blocks, trailing and missing commas, single, curly and
//! full-width signs, bare keys and words, `True`/`None`, comments, line breaks in strings, brackets in the wrong order,
//! and an end that a limit of tokens cut off. Form is forgiven, content never guessed.

use std::ops::Range;

use serde_json::{Map, Value};

/// The most bytes of a reply that are read, from its end.
const MOST_BYTES: usize = 256 << 10;
/// Of the places where an object may begin: how many are tried at the beginning, and how many at the end.
const FIRST_STARTS: usize = 32;
const LAST_STARTS: usize = 48;
/// How deep values may lie in one another where form must be forgiven.
const MOST_DEPTH: usize = 12;

/// Signs that follow the quote which ends a key, a member's text, and an item's text.
const AFTER_KEY: &str = ":：=,}]，";
const AFTER_MEMBER: &str = ",}]，`";
const AFTER_ITEM: &str = ",}]，、`";

/// What a reply says after its thinking, which often holds a draft of it; `None` when it ends within its thinking.
pub(crate) fn said(reply: &str) -> Option<&str> {
    let reply = reply.get(reply.ceil_char_boundary(reply.len().saturating_sub(MOST_BYTES))..).unwrap_or_default();
    if !reply.contains("think>") {
        return Some(reply);
    }
    // In a string of JSON the tags are words like others.
    let quoted = json_spans(reply);
    let is_tag = |at: usize| !quoted.iter().any(|span| span.contains(&at));
    // Templates that open the block themselves leave only its end.
    let end = reply.rmatch_indices("</think>").find(|(at, _)| is_tag(*at)).map_or(0, |(at, tag)| at + tag.len());
    let after = reply.get(end..)?;
    match after.match_indices("<think>").find(|(at, _)| is_tag(end + at)) {
        None => Some(after),
        Some((at, _)) => after.get(..at).filter(|before| !before.trim().is_empty()),
    }
}

/// What `take` takes of the objects in a text, in order. It is told of each whether its end is there. Those within one
/// that was not taken are offered, too.
pub(crate) fn objects<T>(text: &str, mut take: impl FnMut(Value, bool) -> Option<T>) -> Vec<T> {
    let mut taken = Vec::new();
    let mut from = 0;
    for start in starts(text) {
        if start >= from
            && let Some((value, used, whole)) = text.get(start..).and_then(object_at)
            && let Some(t) = take(value, whole)
        {
            from = start + used;
            taken.push(t);
        }
    }
    taken
}

/// The first object of a reply that holds anything.
pub(crate) fn object(reply: &str) -> Option<Value> {
    let full = |value: Value, _| value.as_object().is_some_and(|o| !o.is_empty()).then_some(value);
    objects(said(reply)?, full).into_iter().next()
}

/// The text member with this name where the object around it cannot be read, or is not there.
pub(crate) fn member(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let at = rest.find(name)?;
        let (before, after) = (rest.get(..at)?, rest.get(at + name.len()..)?);
        rest = after;
        if before.ends_with(['"', '\'', '“', '{', ',', ' ', '\n', '`'])
            && let Some(value) = after.trim_start_matches(['"', '\'', '”', '`']).trim_start().strip_prefix([':', '：'])
            && let Some(text) = Lax::new(value.trim_start()).string(AFTER_MEMBER)
        {
            return Some(text);
        }
    }
}

/// Where an object may begin.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let all: Vec<usize> = text.match_indices('{').map(|(at, _)| at).collect();
    let last = all.len().saturating_sub(LAST_STARTS);
    all.into_iter().enumerate().filter(move |(n, _)| *n < FIRST_STARTS || *n >= last).map(|(_, at)| at)
}

/// Where the objects lie that need no repair.
fn json_spans(text: &str) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for start in starts(text) {
        if spans.last().is_none_or(|s| start >= s.end)
            && let Some((_, used)) = text.get(start..).and_then(strict)
        {
            spans.push(start..start + used);
        }
    }
    spans
}

/// The value at the start of a text that is JSON, and its bytes.
fn strict(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

/// The object at the start of a text, its bytes, and whether its end is there.
fn object_at(text: &str) -> Option<(Value, usize, bool)> {
    if let Some((value, used)) = strict(text) {
        return Some((value, used, true));
    }
    let mut lax = Lax::new(text);
    let value = lax.value(0, AFTER_MEMBER)?;
    value.is_object().then_some((value, lax.at, !lax.cut))
}

/// A parser that forgives form, never content.
struct Lax<'a> {
    text: &'a str,
    at: usize,
    /// The text ended before what was open in it.
    cut: bool,
}

impl<'a> Lax<'a> {
    const fn new(text: &'a str) -> Lax<'a> {
        Lax { text, at: 0, cut: false }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Over white space and comments.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            let mut used = rest.len() - trimmed.len();
            if trimmed.starts_with("//") || trimmed.starts_with('#') {
                used += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                used += comment.find("*/").map_or(trimmed.len(), |end| end + 4);
            }
            if used == 0 {
                return;
            }
            self.at += used;
        }
    }

    fn value(&mut self, depth: usize, after_text: &str) -> Option<Value> {
        if depth > MOST_DEPTH {
            return None;
        }
        self.skip();
        match self.peek()? {
            '{' => self.members(depth).map(Value::Object),
            '[' => self.items(depth).map(Value::Array),
            c if closing(c).is_some() => self.string(after_text).map(Value::String),
            _ => self.word(),
        }
    }

    fn members(&mut self, depth: usize) -> Option<Map<String, Value>> {
        self.bump();
        let mut members = Map::new();
        loop {
            self.skip();
            if self.ends('}') {
                return Some(members);
            }
            if matches!(self.peek(), Some(',' | '，' | '、')) {
                self.bump();
                continue;
            }
            let key = if self.peek().and_then(closing).is_some() {
                self.string(AFTER_KEY)
            } else {
                self.bare().map(str::to_owned)
            };
            self.skip();
            match (key, self.peek()) {
                (Some(key), Some(':' | '：' | '=')) => {
                    self.bump();
                    match self.value(depth + 1, AFTER_MEMBER) {
                        // A key that is there twice is of two minds unless both say the same.
                        Some(value) => match members.get(&key) {
                            Some(known) if *known != value => return None,
                            _ => members.insert(key, value),
                        },
                        None if self.rest().trim().is_empty() => continue,
                        None => return None,
                    };
                }
                // A key without its value at the cut is dropped.
                (_, None) => {}
                _ => return None,
            }
        }
    }

    fn items(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.bump();
        let mut items = Vec::new();
        loop {
            self.skip();
            if self.ends(']') {
                return Some(items);
            }
            if matches!(self.peek(), Some(',' | '，' | '、')) {
                self.bump();
                continue;
            }
            let before = self.at;
            match self.value(depth + 1, AFTER_ITEM) {
                Some(_) if self.at == before => return None,
                Some(value) => items.push(value),
                None if self.rest().trim().is_empty() => {}
                None => return None,
            }
        }
    }

    /// Whether what is open ends here, with the bracket that is due, with the other one, or with the text.
    fn ends(&mut self, due: char) -> bool {
        match self.peek() {
            // A limit of tokens cut the end off: what is whole stands.
            None => self.cut = true,
            Some(c) if c == due => self.at += 1,
            Some('}' | ']') => {
                // Written in place of the one that is due where more follows; else the one that is due was left out.
                let after = self.rest().get(1..).unwrap_or_default().trim_start();
                self.at += usize::from(after.starts_with([',', '，', '}', ']']));
            }
            Some(_) => return false,
        }
        true
    }

    /// A quoted string. It ends at its quote where a sign that can follow it or nothing stands, so that a quote inside
    /// does not end it: `'it doesn't'`.
    fn string(&mut self, after: &str) -> Option<String> {
        let quotes = closing(self.bump()?)?;
        let mut said = String::new();
        while let Some(c) = self.bump() {
            if c == '\\' {
                said.extend(self.escaped());
            } else if quotes.contains(c) {
                let rest = self.rest();
                if rest.trim_start().chars().next().is_none_or(|n| after.contains(n)) || begins_line(rest) {
                    return Some(said);
                }
                said.push(c);
            } else if !c.is_control() || matches!(c, '\n' | '\t') {
                said.push(c);
            }
        }
        self.cut = true;
        Some(said)
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        match self.bump()? {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' | 'b' | 'f' => None,
            'u' => {
                let unit = self.utf16_unit()?;
                let low = if (0xD800..0xDC00).contains(&unit) { self.low_surrogate() } else { None };
                let code = low.map_or(unit, |low| 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
                Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            other => Some(other),
        }
    }

    fn utf16_unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn low_surrogate(&mut self) -> Option<u32> {
        let before = self.at;
        let unit = if self.rest().starts_with("\\u") {
            self.at += 2;
            self.utf16_unit().filter(|unit| (0xDC00..0xE000).contains(unit))
        } else {
            None
        };
        if unit.is_none() {
            self.at = before;
        }
        unit
    }

    fn bare(&mut self) -> Option<&'a str> {
        let word = bare_word(self.rest());
        self.at += word.len();
        (!word.is_empty()).then_some(word)
    }

    fn word(&mut self) -> Option<Value> {
        let rest = self.rest();
        let end = rest.find(|c: char| ",}]\n，、/#".contains(c) || c.is_whitespace()).unwrap_or(rest.len());
        let word = rest.get(..end)?;
        if end == rest.len() {
            // It may be half a word, or half a number.
            self.at += end;
            return None;
        }
        let value = match word.to_ascii_lowercase().as_str() {
            "true" | "yes" => Value::Bool(true),
            "false" | "no" => Value::Bool(false),
            "null" | "none" | "undefined" | "" => Value::Null,
            _ if word.starts_with(char::is_alphabetic) && bare_word(word) == word => Value::String(word.to_owned()),
            number => Value::Number(number.parse().ok()?),
        };
        self.at += end;
        // "3/4" is three of four.
        if value.is_number() && self.rest().starts_with("/4") {
            self.at += 2;
        }
        Some(value)
    }
}

/// The letters, digits and joints that a text begins with.
fn bare_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Whether the next line begins a value or a member: then a comma was left out before it.
fn begins_line(rest: &str) -> bool {
    let line = rest.trim_start();
    let after = line.get(bare_word(line).len()..).unwrap_or_default();
    rest.starts_with(['\n', '\r'])
        && (line.starts_with(|c| matches!(c, '{' | '[') || closing(c).is_some())
            || (after.len() < line.len() && after.trim_start().starts_with([':', '：', '='])))
}

/// What may close a string that this opens.
const fn closing(open: char) -> Option<&'static str> {
    match open {
        '"' => Some("\""),
        '\'' => Some("'"),
        '“' | '”' | '„' => Some("”“"),
        '‘' | '’' => Some("’‘"),
        '`' => Some("`"),
        '「' => Some("」"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_object_is_found_in_what_models_say() {
        let want = json!({"a": ["x", "y"], "b": true});
        for reply in [
            r#"{"a": ["x", "y"], "b": true}"#,
            "Sure!\n```json\n{\"a\": [\"x\", \"y\",], \"b\": True,}\n```\nDone {ok}.",
            "<think>{\"a\": [\"no\"]}</think>{'a': ['x', 'y'], 'b': true}",
            "{“a”：[“x”，“y”]，“b”：true}",
            "{“a”：[“x”、“y”]、“b”：true}",
            "{a: [\"x\", \"y\"], // two\n b: true}",
            "{a: [x, y], b: yes}",
            "{\"b\": true, \"a\": [\"x\", \"y\"",
            "{\"a\": [\"x\", \"y\"}, \"b\": true}",
            "{\"b\": true, \"a\": [\"x\", \"y\"}\n```\nDone",
            "{\"a\": [\"x\"\n\"y\"]\n\"b\": true]",
        ] {
            assert_eq!(object(reply), Some(want.clone()), "{reply}");
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        for reply in ["", "I cannot help with that.", "[1, 2]", "{", "{}", "{{{{{{", "<think>{\"a\": 1}"] {
            assert_eq!(object(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_string_that_was_cut_ends_where_it_was_cut() {
        assert_eq!(object("{\"why\": \"because\nof \\"), Some(json!({"why": "because\nof "})));
    }

    #[test]
    fn an_object_says_whether_its_end_is_there() {
        let whole = |text: &str| objects(text, |_, whole| Some(whole));
        assert_eq!(whole("{\"a\": 1} and {'a': 'b',} and {\"a\": {\"b\": 1}"), [true, true, false]);
        assert_eq!(whole("{'a': 'b"), [false]);
    }

    #[test]
    fn objects_in_one_that_is_not_taken_are_offered() {
        let named = |value: Value, _| value.get("name").cloned();
        assert_eq!(objects("{\"all\": [{\"name\": 1}, {\"name\": 2,", named), [json!(1), json!(2)]);
    }

    #[test]
    fn escapes_mean_what_they_mean_in_json() {
        assert_eq!(
            object(r#"{'a': '\u95e8\u795e\n\ud83d\ude00 \ud83d \"x\" \u00',}"#),
            Some(json!({"a": "门神\n😀 \u{fffd} \"x\" 00"}))
        );
    }

    #[test]
    fn a_quote_in_a_text_does_not_end_it() {
        assert_eq!(
            object("{'a': 'it doesn't: \"no\"', \"b\": \"say \"hi\"\nand go\",}"),
            Some(json!({"a": "it doesn't: \"no\"", "b": "say \"hi\"\nand go"}))
        );
    }

    #[test]
    fn tags_of_thinking_in_a_text_are_words() {
        for tag in ["<think>", "</think>"] {
            let reply = json!({ "prompt": format!("go on: {tag} first") }).to_string();
            assert_eq!(said(&reply), Some(reply.as_str()));
            assert_eq!(said(&format!("<think>so {{</think>{reply}")), Some(reply.as_str()));
        }
        assert_eq!(said("It is done.\n<think>{"), Some("It is done.\n"));
        assert_eq!(said("so\n</think>\n{}"), Some("\n{}"));
        assert_eq!(said("<think>{}"), None);
    }

    #[test]
    fn a_member_is_found_without_its_object() {
        assert_eq!(member("{\"b\": {, \"prompt\": \"Say \"hi\" now", "prompt").as_deref(), Some("Say \"hi\" now"));
        assert_eq!(member("the prompt is\nprompt: “你好”", "prompt").as_deref(), Some("你好"));
        assert_eq!(member("prompt: 3", "prompt"), None);
    }

    #[test]
    fn deep_and_long_replies_end() {
        for part in ["{\"a\":", "[", "{'", "{", "\"\n", "{\"a\": [", "</think>{"] {
            let _ = object(&part.repeat(60_000));
        }
    }

    proptest! {
        #[test]
        fn no_reply_breaks_the_reader(reply in "\\PC*") {
            let _ = (object(&reply), member(&reply, "a"));
        }

        #[test]
        fn no_broken_json_breaks_the_reader(
            reply in r#"(\{|\}|\[|\]|"|'|“|”|`|:|,|，|、|\\u|\\|d83d|de00|think>|</|<|//|#|\n|a|é|true|3| ){0,60}"#
        ) {
            let _ = (object(&reply), member(&reply, "a"));
        }

        #[test]
        fn whatever_is_json_stays_what_it_is(key in "[a-z]{1,8}", text in "\\PC*", n in any::<i64>()) {
            let value = json!({ key: { "text": text, "n": n, "list": [text, n, null, true] } });
            prop_assert_eq!(object(&format!("Here: {value} that is all")), Some(value));
        }

        #[test]
        fn what_was_cut_holds_nothing_that_was_not_there(cut in 0_usize..60) {
            let all = r#"{"a": "alpha", "b": [1, 20, "beta"], "c": {"d": true}} "#;
            let part = all.get(..cut.min(all.len())).unwrap_or_default();
            for value in objects(part, |value, _| Some(value)) {
                prop_assert!(value.get("a").and_then(Value::as_str).is_none_or(|a| "alpha".starts_with(a)), "{}", value);
                prop_assert!(value.get("b").is_none_or(|b| matches!(b.as_array(), Some(b) if b.len() < 4)), "{}", value);
                prop_assert!(value.get("b").and_then(|b| b.get(1)).is_none_or(|n| *n == json!(20)), "{}", value);
                prop_assert!(value.get("c").is_none_or(|c| *c == json!({}) || *c == json!({"d": true})), "{}", value);
            }
        }
    }
}
