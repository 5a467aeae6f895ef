//! `TC260:AIGC` in XMP packets of audio and video: found, and blanked where another place carries the label.
//!
//! In these formats XMP is a variant of the wild and not the place of the guides; so a label in it is replaced by spaces
//! of the same length. The packet stays well formed (XML 1.0 §2.10, §3.1: white space between elements and attributes),
//! and nothing behind it moves.

use std::ops::Range;

/// The namespace of the property (TC260-PG-20259A).
const NAMESPACE: &[u8] = b"http://www.tc260.org.cn/ns/AIGC/1.0/";
/// More properties than this are not looked at: a packet has one.
const MOST: usize = 32;
/// More prefixes than this are not looked at: each may look through the whole packet many times.
const MOST_PREFIXES: usize = 8;

/// All values of the property, with XML's escapes undone.
pub(crate) fn values(packet: &[u8]) -> Vec<String> {
    spans(packet).into_iter().map(|(_, value)| unescaped(packet.get(value).unwrap_or_default())).collect()
}

/// Puts spaces where the property stands. Says whether there was one.
pub(crate) fn blank(packet: &mut [u8]) -> bool {
    let spans = spans(packet);
    for (whole, _) in &spans {
        packet.get_mut(whole.clone()).unwrap_or_default().fill(b' ');
    }
    !spans.is_empty()
}

/// The next place of some bytes.
fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find(haystack.get(from..)?, needle).map(|at| at + from)
}

/// The prefixes that are bound to the namespace: of `xmlns:TC260="…"` that is `TC260`.
fn prefixes(packet: &[u8]) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut from = 0;
    while let Some(at) = find(packet, NAMESPACE, from) {
        from = at + NAMESPACE.len();
        let before = packet.get(..at).unwrap_or_default().trim_ascii_end();
        let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
        let Some(before) = before.trim_ascii_end().strip_suffix(b"=") else { continue };
        let before = before.trim_ascii_end();
        let start = before.iter().rposition(|byte| *byte == b':').map_or(before.len(), |at| at + 1);
        let prefix = before.get(start..).unwrap_or_default();
        let bound = before.get(..start).unwrap_or_default().ends_with(b"xmlns:");
        if bound && !prefix.is_empty() && prefix.len() < 64 && !found.iter().any(|known| known == prefix) {
            found.push(prefix.to_vec());
        }
        if found.len() >= MOST_PREFIXES {
            break;
        }
    }
    found
}

/// Whole element or attribute, and its value.
fn spans(packet: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for prefix in prefixes(packet) {
        let name = [prefix.as_slice(), b":AIGC"].concat();
        let mut from = 0;
        // Bounded tries, and not only bounded finds: each may look through the whole packet.
        for _ in 0..MOST {
            let Some(at) = find(packet, &name, from) else { break };
            from = at + name.len();
            let before = at.checked_sub(1).and_then(|at| packet.get(at)).copied().unwrap_or(0);
            let span = match before {
                b'<' => element(packet, at, &name),
                byte if byte.is_ascii_whitespace() => attribute(packet, at, from),
                _ => None,
            };
            if let Some((whole, value)) = span {
                from = whole.end;
                found.push((whole, value));
            }
        }
    }
    found
}

fn element(packet: &[u8], at: usize, name: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let after = at + name.len();
    if !packet.get(after).is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')) {
        return None;
    }
    let open = find(packet, b">", after)? + 1;
    if packet.get(open.checked_sub(2)?) == Some(&b'/') {
        return Some((at - 1..open, open..open));
    }
    let close = find(packet, &[b"</", name].concat(), open)?;
    let end = find(packet, b">", close)? + 1;
    Some((at - 1..end, open..close))
}

fn attribute(packet: &[u8], at: usize, after: usize) -> Option<(Range<usize>, Range<usize>)> {
    let skip = |from: usize| {
        packet.get(from..)?.iter().position(|byte| !byte.is_ascii_whitespace()).map(|blanks| from + blanks)
    };
    let equals = skip(after).filter(|at| packet.get(*at) == Some(&b'='))?;
    let open = skip(equals + 1)?;
    let quote = *packet.get(open).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let close = find(packet, &[quote], open + 1)?;
    Some((at..close + 1, open + 1..close))
}

fn unescaped(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let value = value.trim();
    if let Some(inner) = value.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>")) {
        return inner.to_owned();
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        text.push_str(before);
        let end = entity.bytes().take(12).position(|byte| byte == b';');
        let (read, length) = match end {
            Some(end) => (character(entity.get(1..end).unwrap_or_default()), end + 1),
            None => (None, 1),
        };
        match read {
            Some(read) => text.push(read),
            None => text.push_str(entity.get(..length).unwrap_or_default()),
        }
        rest = entity.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    text
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELEMENT: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"><dc:title>t</dc:title><TC260:AIGC>{&quot;Label&quot;:&#34;1&#x22;}</TC260:AIGC></rdf:Description></rdf:RDF></x:xmpmeta>"#;
    const ATTRIBUTE: &str =
        r#"<rdf:Description xmlns:a='http://www.tc260.org.cn/ns/AIGC/1.0/' a:AIGC = '{"Label":"1"}' b="2"/>"#;

    #[test]
    fn element_and_attribute_with_any_prefix() {
        assert_eq!(values(ELEMENT.as_bytes()), [r#"{"Label":"1"}"#]);
        assert_eq!(values(ATTRIBUTE.as_bytes()), [r#"{"Label":"1"}"#]);
        assert!(values(b"<TC260:AIGC>{}</TC260:AIGC>").is_empty());
    }

    #[test]
    fn blanks_keep_the_length_and_the_neighbours() {
        for packet in [ELEMENT, ATTRIBUTE] {
            let mut bytes = packet.as_bytes().to_vec();
            assert!(blank(&mut bytes));
            assert_eq!(bytes.len(), packet.len());
            assert!(values(&bytes).is_empty());
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains("<dc:title>t</dc:title>") || text.contains(r#" b="2"/>"#));
            assert!(!text.contains("Label"));
        }
    }
}
