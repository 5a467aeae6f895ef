//! The JSON object in what a model said: out of its fences and thoughts, with the slips mended that models make.

use serde_json::Value;

/// The longest reply that is read, in bytes.
const MOST: usize = 256 << 10;

/// The object in a reply; `None` when there is none that can be read.
pub(super) fn object(reply: &str) -> Option<Value> {
    let reply = reply.get(..reply.floor_char_boundary(MOST)).unwrap_or(reply);
    // What a model thinks before it answers often holds a draft of the answer.
    let spoken = reply.rsplit_once("</think>").map_or(reply, |(_, after)| after);
    let mut rest = spoken;
    let mut tries = 0;
    while let Some(at) = rest.find('{') {
        let from = rest.get(at..)?;
        if let Some(value) = parse(from).filter(|v| v.as_object().is_some_and(|o| !o.is_empty())) {
            return Some(value);
        }
        rest = from.get(1..)?;
        tries += 1;
        if tries > 32 {
            break;
        }
    }
    None
}

fn parse(text: &str) -> Option<Value> {
    let mut whole = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    if let Some(Ok(value)) = whole.next() {
        return Some(value);
    }
    let mended = mend(text);
    let mut whole = serde_json::Deserializer::from_str(&mended).into_iter::<Value>();
    whole.next()?.ok()
}

/// Mends full-width punctuation and comments between values, trailing commas, line breaks in strings, Python's
/// constants, and an end that is missing because the answer was cut.
fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut open: Vec<char> = Vec::new();
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(end) = quote {
            match c {
                '\\' => {
                    out.push('\\');
                    out.extend(chars.next());
                }
                _ if c == end => {
                    out.push('"');
                    quote = None;
                }
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() => {}
                c => out.push(c),
            }
            continue;
        }
        match c {
            '"' | '\'' => {
                out.push('"');
                quote = Some(c);
            }
            '“' => {
                out.push('"');
                quote = Some('”');
            }
            '{' | '[' => {
                open.push(if c == '{' { '}' } else { ']' });
                out.push(c);
            }
            '}' | ']' => {
                drop_comma(&mut out);
                // What was opened last is closed first, whatever the model closed.
                out.push(open.pop().unwrap_or(c));
                if open.is_empty() {
                    return out;
                }
            }
            '：' => out.push(':'),
            '，' | '、' => out.push(','),
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|c| *c != '\n').is_some() {},
            c if c.is_alphabetic() => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|n| n.is_alphanumeric() || *n == '_') {
                    word.push(next);
                }
                out.push_str(&literal(&word));
            }
            c => out.push(c),
        }
    }
    if quote.is_some() {
        if out.ends_with('\\') {
            out.pop();
        }
        out.push('"');
    }
    drop_comma(&mut out);
    if out.trim_end().ends_with(':') {
        out.push_str("null");
    }
    out.extend(open.into_iter().rev());
    out
}

fn literal(word: &str) -> String {
    match word {
        "True" | "true" => "true".to_owned(),
        "False" | "false" => "false".to_owned(),
        "None" | "null" | "undefined" => "null".to_owned(),
        // An exponent of a number stands on its own here.
        "e" | "E" => word.to_owned(),
        word => format!("\"{word}\""),
    }
}

fn drop_comma(out: &mut String) {
    let end = out.trim_end().len();
    if out.get(..end).is_some_and(|t| t.ends_with(',')) {
        out.truncate(end - 1);
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
            "{a: [\"x\", \"y\"], // two\n b: true}",
            "{\"b\": true, \"a\": [\"x\", \"y\"",
        ] {
            assert_eq!(object(reply), Some(want.clone()), "{reply}");
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        for reply in ["", "I cannot help with that.", "[1, 2]", "{", "{}", "{{{{{{"] {
            assert_eq!(object(reply), None, "{reply}");
        }
    }

    #[test]
    fn a_string_that_was_cut_ends_where_it_was_cut() {
        assert_eq!(object("{\"why\": \"because\nof \\"), Some(json!({"why": "because\nof "})));
    }

    proptest! {
        #[test]
        fn no_reply_breaks_the_reader(reply in "\\PC*") {
            let _ = object(&reply);
        }

        #[test]
        fn whatever_is_json_stays_what_it_is(key in "[a-z]{1,8}", text in "\\PC*", n in any::<i64>()) {
            let value = json!({ key: { "text": text, "n": n, "list": [text, n, null, true] } });
            prop_assert_eq!(object(&format!("Here: {value} that is all")), Some(value));
        }
    }
}
