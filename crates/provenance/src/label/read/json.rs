//! Objects whose members keep their order and are seen when they stand twice, and the forms that are nearly JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The most members or items that are looked at: a label has seven.
const MOST: usize = 256;

/// A value of JSON, as far as labels need it. Its depth is bounded by serde_json (128).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(String),
    Object(Pairs),
    List(Vec<Node>),
    Null,
    /// Numbers and truth values, as they are written.
    Other(String),
}

/// The members of an object, in order.
pub(super) type Pairs = Vec<(String, Node)>;

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Text(text) => write!(f, "{}", Value::from(text.as_str())),
            Node::Null => f.write_str("null"),
            Node::Other(text) => f.write_str(text),
            Node::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Node::Object(pairs) => {
                f.write_str("{")?;
                for (i, (name, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{}:{value}", if i == 0 { "" } else { "," }, Value::from(name.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Other(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut pairs = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if pairs.len() < MOST {
                pairs.push((name, map.next_value::<Node>()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Node::Object(pairs))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST {
            let Some(item) = list.next_element::<Node>()? else { return Ok(Node::List(items)) };
            items.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::List(items))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

/// The object that the text begins with, and how long it is.
pub(super) fn first(text: &str) -> Option<(Pairs, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Node>();
    match values.next() {
        Some(Ok(Node::Object(pairs))) => Some((pairs, values.byte_offset())),
        _ => None,
    }
}

/// Objects as Python and JavaScript print them: `{'Label': '1'}`. None when the text holds double quotes, for then the
/// single ones may be content.
pub(super) fn requoted(text: &str) -> Option<String> {
    (text.contains('\'') && !text.contains(['"', '\\'])).then(|| text.replace('\'', "\""))
}

/// Lines of `name: value` or `name=value`, as in front matter and comments.
pub(super) fn lines(text: &str) -> Option<Pairs> {
    let mut pairs = Vec::new();
    for line in text.split(['\n', '\r', ';']).take(MOST) {
        let Some((name, value)) = line.split_once([':', '=']) else { continue };
        let (name, value) = (name.trim().trim_matches(['"', '\'']), value.trim());
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let value = quoted('\'').map(|inner| inner.replace("''", "'")).or_else(|| quoted('"').map(str::to_owned));
        let value =
            value.unwrap_or_else(|| line.split_once([':', '=']).map_or("", |(_, value)| value.trim()).to_owned());
        if !name.is_empty() && (name != "AIGC" || !value.is_empty()) {
            pairs.push((name.to_owned(), Node::Text(value)));
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}
