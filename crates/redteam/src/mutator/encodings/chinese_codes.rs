//! The numbers that Chinese character sets give their characters.

use encoding_rs::{BIG5, Encoding, GBK};

fn bytes(text: &str, set: &'static Encoding) -> Option<Vec<u8>> {
    let (bytes, _, unmapped) = set.encode(text);
    // Some bytes read back as another character.
    (!unmapped && set.decode_without_bom_handling(&bytes).0 == text).then(|| bytes.into_owned())
}

/// The bytes in hexadecimal, a character's together, with spaces between; nothing if the set lacks a character.
pub(super) fn hex(text: &str, set: &'static Encoding) -> Option<String> {
    let mut groups = Vec::new();
    for c in text.chars() {
        let of_char = bytes(c.encode_utf8(&mut [0; 4]), set)?;
        groups.push(data_encoding::HEXUPPER.encode(&of_char));
    }
    (!groups.is_empty()).then(|| groups.join(" "))
}

pub(super) fn read_hex(text: &str, set: &'static Encoding) -> Option<String> {
    let groups: Option<Vec<Vec<u8>>> =
        text.split(' ').map(|group| data_encoding::HEXUPPER.decode(group.as_bytes()).ok()).collect();
    set.decode_without_bom_handling_and_without_replacement(&groups?.concat()).map(Into::into)
}

pub(super) fn gbk_hex(text: &str) -> Option<String> {
    hex(text, GBK)
}

pub(super) fn read_gbk_hex(text: &str) -> Option<String> {
    read_hex(text, GBK)
}

pub(super) fn big5_hex(text: &str) -> Option<String> {
    hex(text, BIG5)
}

pub(super) fn read_big5_hex(text: &str) -> Option<String> {
    read_hex(text, BIG5)
}

/// Row and cell of GB/T 2312 in four digits; what the standard lacks stays, in brackets.
pub(super) fn quwei(text: &str) -> Option<String> {
    let mut groups = Vec::new();
    let mut other = String::new();
    let mut any = false;
    for c in text.chars() {
        let cell = match bytes(c.encode_utf8(&mut [0; 4]), GBK).as_deref() {
            Some([row @ 0xA1..=0xF7, cell @ 0xA1..=0xFE]) => Some(format!("{:02}{:02}", row - 0xA0, cell - 0xA0)),
            _ => None,
        };
        let Some(cell) = cell else {
            other.push(c);
            continue;
        };
        any = true;
        if !other.is_empty() {
            groups.push(format!("[{}]", std::mem::take(&mut other)));
        }
        groups.push(cell);
    }
    if !other.is_empty() {
        groups.push(format!("[{other}]"));
    }
    // Brackets of the text itself would be taken for ours.
    (any && !text.contains(['[', ']'])).then(|| groups.join(" "))
}

pub(super) fn read_quwei(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(other) = rest.strip_prefix('[') {
            let (other, tail) = other.split_once(']')?;
            out.push_str(other);
            rest = tail.strip_prefix(' ').unwrap_or(tail);
            continue;
        }
        let (group, tail) = rest.split_once(' ').unwrap_or((rest, ""));
        let number: u16 = group.parse().ok()?;
        let byte = |n: u16| u8::try_from(n + 0xA0).ok();
        let pair = [byte(number / 100)?, byte(number % 100)?];
        out.push_str(&GBK.decode_without_bom_handling_and_without_replacement(&pair)?);
        rest = tail;
    }
    Some(out)
}
