//! YAML that every reader reads alike: each string stands in quotes, so that `yes`, `null` and `1e3` stay strings also
//! under YAML 1.1, which PyYAML reads.

use std::fmt::Write as _;

use serde_json::Value;

/// A value as YAML: mappings and lists in block style, scalars as JSON writes them.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(_) | Value::Array(_) => block(value, 0, false, &mut out),
        scalar => {
            out.push_str(&self::scalar(scalar));
            out.push('\n');
        }
    }
    out
}

/// Writes a mapping or list; `inline`: its first line goes on where a line has begun.
fn block(value: &Value, indent: usize, inline: bool, out: &mut String) {
    let mut first = inline;
    let mut begin = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push_str(&" ".repeat(indent));
        }
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                begin(out);
                let _ = write!(out, "{}:", key(name));
                member(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                begin(out);
                out.push('-');
                if is_block(item) {
                    out.push(' ');
                    block(item, indent + 2, true, out);
                } else {
                    member(item, indent + 2, out);
                }
            }
        }
        other => {
            begin(out);
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

fn member(value: &Value, indent: usize, out: &mut String) {
    if is_block(value) {
        out.push('\n');
        block(value, indent, false, out);
    } else {
        let _ = writeln!(out, " {}", scalar(value));
    }
}

fn key(name: &str) -> String {
    const TAKEN: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') && name != "_";
    if plain && !TAKEN.contains(&name.to_ascii_lowercase().as_str()) { name.to_owned() } else { quoted(name) }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// A double-quoted string: JSON's, with what YAML does not take for printable or takes for a line end escaped.
fn quoted(text: &str) -> String {
    let json = Value::String(text.to_owned()).to_string();
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match u32::from(c) {
            code @ (0x7F..=0x9F | 0x2028 | 0x2029 | 0xFEFF | 0xFFFE | 0xFFFF) => {
                let _ = write!(out, "\\u{code:04X}");
            }
            code if code > 0xFFFF && code & 0xFFFE == 0xFFFE => {
                let _ = write!(out, "\\U{code:08X}");
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_that_older_yaml_takes_for_something_else_stand_in_quotes() {
        let text = yaml(&json!({"value": "yes", "n": [1, "1e3", {"id": "null"}, []], "empty": {}}));
        assert_eq!(text, "value: \"yes\"\n\"n\":\n  - 1\n  - \"1e3\"\n  - id: \"null\"\n  - []\nempty: {}\n");
    }

    proptest! {
        #[test]
        fn any_document_is_read_back(text in any::<String>(), name in ".{0,6}", list in prop::collection::vec(any::<String>(), 0..4)) {
            let document = json!({"value": text, name: [[list, []], {"a": {"b": text}}], "none": null});
            let again: Value = serde_norway::from_str(&yaml(&document)).expect("yaml");
            prop_assert_eq!(again, document);
        }
    }
}
