//! Bytes of a list → text.

use super::Error;

/// Which encoding a list is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// By its byte-order mark, else UTF-8 if it is that, else GB18030.
    #[default]
    Auto,
    /// UTF-8, and nothing else.
    Utf8,
    /// GB18030, of which GBK and GB 2312 are parts.
    Gbk,
}

/// A text of which more than one character in so many cannot be read is in another encoding.
const MAX_BROKEN_IN: usize = 100;

/// Decodes a list; the name of the encoding goes with it. Single broken characters become U+FFFD (and the words that
/// hold them are dropped later): public lists are often put together from files in several encodings.
pub(super) fn decode(file: &str, bytes: &[u8], encoding: Encoding) -> Result<(String, &'static str), Error> {
    let wrong = |encoding| Error::Encoding { file: file.to_owned(), encoding };
    if encoding == Encoding::Auto
        && let Some((marked, _)) = encoding_rs::Encoding::for_bom(bytes)
    {
        let (text, used, _) = marked.decode(bytes);
        return if readable(&text) { Ok((text.into_owned(), used.name())) } else { Err(wrong(used.name())) };
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if encoding != Encoding::Gbk {
        let text = String::from_utf8_lossy(bytes);
        if readable(&text) {
            return Ok((text.into_owned(), "UTF-8"));
        }
    }
    if encoding == Encoding::Utf8 {
        return Err(wrong("UTF-8"));
    }
    let (text, _) = encoding_rs::GB18030.decode_without_bom_handling(bytes);
    let name = if encoding == Encoding::Auto { "UTF-8 or GB18030" } else { "GB18030" };
    if readable(&text) { Ok((text.into_owned(), "GB18030")) } else { Err(wrong(name)) }
}

fn readable(text: &str) -> bool {
    // A GB18030 list read as UTF-8 is broken at nearly every character outside ASCII, one with a stray byte at one.
    let foreign = text.chars().filter(|c| !c.is_ascii()).count();
    let broken = text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count();
    let zeros = text.bytes().filter(|b| *b == 0).count();
    broken * MAX_BROKEN_IN <= foreign && zeros * MAX_BROKEN_IN <= text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_found_out() {
        let (gbk, _, _) = encoding_rs::GB18030.encode("甲词\r\n乙词\r\n");
        let cases: [(&[u8], &str, &str); 4] = [
            ("甲词\n".as_bytes(), "甲词\n", "UTF-8"),
            (b"\xef\xbb\xbfab\n", "ab\n", "UTF-8"),
            (&gbk, "甲词\r\n乙词\r\n", "GB18030"),
            (b"\xff\xfe\x32\x75\xcd\x8b", "甲词", "UTF-16LE"),
        ];
        for (bytes, text, name) in cases {
            assert_eq!(decode("f", bytes, Encoding::Auto).unwrap(), (text.to_owned(), name));
        }
        assert!(decode("f", &gbk, Encoding::Utf8).is_err());
        assert!(decode("f", b"\0\x01\0\x02", Encoding::Auto).is_err());
        let mut mixed = "好词".repeat(200).into_bytes();
        mixed.push(0xff);
        assert_eq!(decode("f", &mixed, Encoding::Auto).unwrap().1, "UTF-8");
    }
}
