//! The objects of PDF (ISO 32000-2 §7.2 and §7.3), each with the place where it stands.

use std::ops::Range;

/// Deepest nesting of arrays and dictionaries.
const DEEPEST: usize = 64;
/// Most entries of all arrays and dictionaries of one object.
const MOST_ENTRIES: usize = 200_000;

/// An object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    /// Where it stands.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What an object is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Integer(i64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Reference(u64),
    Array(Vec<Value>),
    Dictionary(Vec<Entry>),
    /// Null, booleans, reals: nothing that metadata hangs on.
    Other,
}

/// An entry of a dictionary.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key, without its slash, escapes undone.
    pub key: Vec<u8>,
    /// Key and value.
    pub range: Range<usize>,
    /// The value.
    pub value: Value,
}

/// Why there is no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It goes on behind the end of the bytes.
    Cut,
    /// It is wrong there.
    Wrong(usize),
}

impl Value {
    /// The value of a key; the last one where a key stands twice.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Kind::Dictionary(entries) = &self.kind else { return None };
        entries.iter().rev().find(|entry| entry.key == key.as_bytes()).map(|entry| &entry.value)
    }

    /// The entries of a dictionary.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Kind::Dictionary(entries) = &self.kind { entries } else { &[] }
    }

    /// The items of an array.
    pub(super) fn items(&self) -> &[Self] {
        if let Kind::Array(items) = &self.kind { items } else { &[] }
    }

    /// An integer that is not negative.
    pub(super) fn number(&self) -> Option<u64> {
        if let Kind::Integer(value) = self.kind { u64::try_from(value).ok() } else { None }
    }

    /// Whether it is this name.
    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Name(own) if own == name.as_bytes())
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

/// Behind white space and comments.
pub(super) fn skip(bytes: &[u8], mut at: usize) -> Result<usize, Trouble> {
    loop {
        match bytes.get(at) {
            None => return Err(Trouble::Cut),
            Some(b'%') => {
                let rest = bytes.get(at..).unwrap_or_default();
                at += memchr::memchr2(b'\r', b'\n', rest).ok_or(Trouble::Cut)?;
            }
            Some(byte) if is_blank(*byte) => at += 1,
            Some(_) => return Ok(at),
        }
    }
}

/// The word (number or keyword) at `at`, behind white space, and where it ends.
pub(super) fn word(bytes: &[u8], at: usize) -> Result<Range<usize>, Trouble> {
    let from = skip(bytes, at)?;
    let rest = bytes.get(from..).unwrap_or_default();
    let length = rest.iter().position(|byte| is_blank(*byte) || is_delimiter(*byte)).ok_or(Trouble::Cut)?;
    Ok(from..from + length)
}

/// The whole number at `at`, behind white space, and where it ends.
pub(super) fn number(bytes: &[u8], at: usize) -> Result<(u64, usize), Trouble> {
    let range = word(bytes, at)?;
    let digits = bytes.get(range.clone()).and_then(|digits| std::str::from_utf8(digits).ok());
    let number = digits.and_then(|digits| digits.parse().ok());
    number.map(|number| (number, range.end)).ok_or(Trouble::Wrong(range.start))
}

/// The object at `at`, behind white space.
pub(super) fn value(bytes: &[u8], at: usize) -> Result<Value, Trouble> {
    Reader { bytes, entries: 0 }.value(at, 0)
}

struct Reader<'a> {
    bytes: &'a [u8],
    entries: usize,
}

impl Reader<'_> {
    fn value(&mut self, at: usize, depth: usize) -> Result<Value, Trouble> {
        let at = skip(self.bytes, at)?;
        self.entries += 1;
        if depth > DEEPEST || self.entries > MOST_ENTRIES {
            return Err(Trouble::Wrong(at));
        }
        let (kind, end) = match (self.byte(at)?, self.bytes.get(at + 1)) {
            (b'/', _) => self.name(at)?,
            (b'(', _) => self.literal(at)?,
            (b'<', Some(b'<')) => return self.dictionary(at, depth),
            (b'<', Some(_)) => self.hexadecimal(at)?,
            (b'<', None) => return Err(Trouble::Cut),
            (b'[', _) => return self.array(at, depth),
            _ => self.plain(at)?,
        };
        Ok(Value { range: at..end, kind })
    }

    fn byte(&self, at: usize) -> Result<u8, Trouble> {
        self.bytes.get(at).copied().ok_or(Trouble::Cut)
    }

    fn name(&self, at: usize) -> Result<(Kind, usize), Trouble> {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let length = rest.iter().position(|byte| is_blank(*byte) || is_delimiter(*byte)).ok_or(Trouble::Cut)?;
        let raw = rest.get(..length).unwrap_or_default();
        let mut name = Vec::with_capacity(length);
        let mut from = 0;
        while let Some(byte) = raw.get(from) {
            let pair = raw.get(from + 1..from + 3).filter(|_| *byte == b'#');
            let coded = pair.and_then(|pair| Some(hex(*pair.first()?)? << 4 | hex(*pair.get(1)?)?));
            name.push(coded.unwrap_or(*byte));
            from += if coded.is_some() { 3 } else { 1 };
        }
        Ok((Kind::Name(name), at + 1 + length))
    }

    fn literal(&self, at: usize) -> Result<(Kind, usize), Trouble> {
        let mut text = Vec::new();
        let mut depth = 1_usize;
        let mut at = at + 1;
        loop {
            let byte = self.byte(at)?;
            at += 1;
            match byte {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok((Kind::Text(text), at));
                    }
                }
                b'\\' => {
                    let escaped = self.byte(at)?;
                    at += 1;
                    match escaped {
                        b'n' => text.push(b'\n'),
                        b'r' => text.push(b'\r'),
                        b't' => text.push(b'\t'),
                        b'b' => text.push(8),
                        b'f' => text.push(12),
                        b'\r' => at += usize::from(self.byte(at)? == b'\n'),
                        b'\n' => {}
                        b'0'..=b'7' => {
                            let mut code = u32::from(escaped - b'0');
                            for _ in 0..2 {
                                let next = self.byte(at)?;
                                if !(b'0'..=b'7').contains(&next) {
                                    break;
                                }
                                code = code * 8 + u32::from(next - b'0');
                                at += 1;
                            }
                            text.push(code.to_le_bytes()[0]);
                        }
                        other => text.push(other),
                    }
                    continue;
                }
                b'\r' => {
                    // Any end of line in a string is one line feed.
                    at += usize::from(self.byte(at)? == b'\n');
                    text.push(b'\n');
                    continue;
                }
                _ => {}
            }
            text.push(byte);
        }
    }

    fn hexadecimal(&self, at: usize) -> Result<(Kind, usize), Trouble> {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let length = memchr::memchr(b'>', rest).ok_or(Trouble::Cut)?;
        let digits: Vec<u8> = rest.iter().take(length).filter_map(|byte| hex(*byte)).collect();
        let text = digits.chunks(2).map(|pair| pair.first().unwrap_or(&0) << 4 | pair.get(1).unwrap_or(&0)).collect();
        Ok((Kind::Text(text), at + 1 + length + 1))
    }

    fn array(&mut self, at: usize, depth: usize) -> Result<Value, Trouble> {
        let mut items = Vec::new();
        let mut next = at + 1;
        loop {
            next = skip(self.bytes, next)?;
            if self.byte(next)? == b']' {
                return Ok(Value { range: at..next + 1, kind: Kind::Array(items) });
            }
            let item = self.value(next, depth + 1)?;
            next = item.range.end;
            items.push(item);
        }
    }

    fn dictionary(&mut self, at: usize, depth: usize) -> Result<Value, Trouble> {
        let mut entries = Vec::new();
        let mut next = at + 2;
        loop {
            next = skip(self.bytes, next)?;
            if self.byte(next)? == b'>' {
                if self.byte(next + 1)? != b'>' {
                    return Err(Trouble::Wrong(next));
                }
                return Ok(Value { range: at..next + 2, kind: Kind::Dictionary(entries) });
            }
            let key = self.value(next, depth + 1)?;
            let Kind::Name(name) = key.kind else { return Err(Trouble::Wrong(next)) };
            let value = self.value(key.range.end, depth + 1)?;
            next = value.range.end;
            entries.push(Entry { key: name, range: key.range.start..next, value });
        }
    }

    /// A number, a reference or a keyword.
    fn plain(&self, at: usize) -> Result<(Kind, usize), Trouble> {
        let range = word(self.bytes, at)?;
        let text = self.bytes.get(range.clone()).unwrap_or_default();
        if text.is_empty() {
            return Err(Trouble::Wrong(at));
        }
        let text = std::str::from_utf8(text).map_err(|_| Trouble::Wrong(at))?;
        if let Ok(integer) = text.parse::<i64>() {
            if let Some(end) = self.reference(range.end)? {
                return Ok((Kind::Reference(u64::try_from(integer).map_err(|_| Trouble::Wrong(at))?), end));
            }
            return Ok((Kind::Integer(integer), range.end));
        }
        let number = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
        if number || matches!(text, "true" | "false" | "null") {
            return Ok((Kind::Other, range.end));
        }
        Err(Trouble::Wrong(at))
    }

    /// Where a reference ends whose number ends at `at`.
    fn reference(&self, at: usize) -> Result<Option<usize>, Trouble> {
        let next = skip(self.bytes, at)?;
        if !self.byte(next)?.is_ascii_digit() {
            return Ok(None);
        }
        let (_, end) = match number(self.bytes, next) {
            Ok(found) => found,
            Err(Trouble::Wrong(_)) => return Ok(None),
            Err(cut) => return Err(cut),
        };
        let next = skip(self.bytes, end)?;
        if self.byte(next)? != b'R' {
            return Ok(None);
        }
        let after = self.byte(next + 1)?;
        Ok((is_blank(after) || is_delimiter(after)).then_some(next + 1))
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A text string (ISO 32000-2 §7.9.2.2): UTF-16 or UTF-8 by its mark; else the bytes, which writers that leave the mark
/// out mostly mean as UTF-8.
pub(super) fn text(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A text string as it is written: plain where it is ASCII, so that simple readers find it.
pub(super) fn written(text: &str) -> Vec<u8> {
    if text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) {
        let mut bytes = vec![b'('];
        for byte in text.bytes() {
            if matches!(byte, b'(' | b')' | b'\\') {
                bytes.push(b'\\');
            }
            bytes.push(byte);
        }
        bytes.push(b')');
        return bytes;
    }
    let digits: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("<FEFF{digits}>").into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_are_read() {
        let bytes = b" % comment\n<< /A#42 (a\\(b\\)(c)\\101\\\r\nd) /L [1 -2 5 3 0 R 4.5 true] /H <FEFF4E2D0> /D<</N/X>> /I 7 >> ";
        let found = value(bytes, 0).unwrap();
        assert_eq!(found.get("AB").unwrap().kind, Kind::Text(b"a(b)(c)Ad".to_vec()));
        assert_eq!(found.get("L").unwrap().items().len(), 6);
        assert_eq!(found.get("L").unwrap().items()[3].kind, Kind::Reference(3));
        assert!(found.get("D").unwrap().get("N").unwrap().is_name("X"));
        assert_eq!(found.get("I").unwrap().number(), Some(7));
        let Kind::Text(hexadecimal) = &found.get("H").unwrap().kind else { panic!() };
        assert_eq!(text(hexadecimal), "\u{4E2D}");
        assert_eq!(&bytes[found.range], &bytes[11..bytes.len() - 1]);
    }

    #[test]
    fn trouble_is_told() {
        for cut in ["", "<<", "<< /A ", "(a", "<41", "[1 2", "/Name", "12", "<< /A 1 >"] {
            assert_eq!(value(cut.as_bytes(), 0), Err(Trouble::Cut), "{cut}");
        }
        for wrong in ["<< 1 2 >> ", "} ", "<< /A endobj >> ", ">> ", "<< /A 1 >x ", "word "] {
            assert!(matches!(value(wrong.as_bytes(), 0), Err(Trouble::Wrong(_))), "{wrong}");
        }
        assert!(matches!(value("[".repeat(1000).as_bytes(), 0), Err(Trouble::Wrong(_))));
    }

    proptest! {
        #[test]
        fn texts_come_back(plain in any::<String>()) {
            let bytes = [written(&plain).as_slice(), b" "].concat();
            let found = value(&bytes, 0).unwrap();
            let Kind::Text(raw) = found.kind else { panic!() };
            prop_assert_eq!(text(&raw), plain);
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in "(<<|>>|<|>|\\[|\\]|\\(|\\)|/|A|#4|1|0|R| |\\\\|%|\n){0,60}") {
            if let Ok(found) = value(text.as_bytes(), 0) {
                prop_assert!(found.range.end <= text.len());
            }
        }
    }
}
