//! Escapes of programming languages, markup and mail.

use std::fmt::Write;

use data_encoding::{BASE64, BASE64_NOPAD};

use super::bases::utf8;

/// Each item by a pattern, written after the other.
fn each<T>(items: impl Iterator<Item = T>, write: impl Fn(&mut String, T) -> std::fmt::Result) -> String {
    let mut out = String::new();
    for item in items {
        // Writing to a String does not fail.
        let _ = write(&mut out, item);
    }
    out
}

/// Numbers in a base, fixed in width, with spaces between.
pub(super) fn binary(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "{b:08b} ")).trim_end().to_owned()
}

pub(super) fn binary_utf16(text: &str) -> String {
    each(text.encode_utf16(), |out, u| write!(out, "{u:016b} ")).trim_end().to_owned()
}

pub(super) fn octal(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "{b:03o} ")).trim_end().to_owned()
}

pub(super) fn code_points(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "{} ", u32::from(c))).trim_end().to_owned()
}

pub(super) fn u_plus(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "U+{:04X} ", u32::from(c))).trim_end().to_owned()
}

pub(super) fn utf16_hex(text: &str) -> String {
    each(text.encode_utf16(), |out, u| write!(out, "{u:04X} ")).trim_end().to_owned()
}

/// Reads bytes in a base with spaces between.
pub(super) fn read_bytes(text: &str, base: u32) -> Option<String> {
    utf8(text.split(' ').map(|n| u8::from_str_radix(n, base).ok()).collect::<Option<_>>()?)
}

/// Reads UTF-16 units in a base with spaces between.
pub(super) fn read_units(text: &str, base: u32) -> Option<String> {
    let units: Option<Vec<u16>> = text.split(' ').map(|n| u16::from_str_radix(n, base).ok()).collect();
    String::from_utf16(&units?).ok()
}

/// Reads code points in a base, each after a mark, with something between.
pub(super) fn read_points(text: &str, mark: &str, between: &str, base: u32) -> Option<String> {
    let point = |n: &str| u32::from_str_radix(n.strip_prefix(mark)?, base).ok().and_then(char::from_u32);
    text.split_terminator(between).map(point).collect()
}

/// Reads numbers of one width, each after a mark: bytes, or UTF-16 units.
fn marked(text: &str, mark: &str, base: u32) -> Option<Vec<u32>> {
    text.split(mark).skip(1).map(|n| u32::from_str_radix(n, base).ok()).collect()
}

/// Reads bytes, each after a mark.
pub(super) fn read_marked_bytes(text: &str, mark: &str, base: u32) -> Option<String> {
    utf8(marked(text, mark, base)?.into_iter().map(|n| u8::try_from(n).ok()).collect::<Option<_>>()?)
}

pub(super) fn hex_escape(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "\\x{b:02x}"))
}

pub(super) fn octal_escape(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "\\{b:03o}"))
}

pub(super) fn unicode_escape(text: &str) -> String {
    each(text.encode_utf16(), |out, u| write!(out, "\\u{u:04x}"))
}

pub(super) fn read_unicode_escape(text: &str) -> Option<String> {
    let units: Option<Vec<u16>> = marked(text, "\\u", 16)?.into_iter().map(|n| u16::try_from(n).ok()).collect();
    String::from_utf16(&units?).ok()
}

pub(super) fn unicode_braces(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "\\u{{{:x}}}", u32::from(c)))
}

pub(super) fn css_escape(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "\\{:06x}", u32::from(c)))
}

pub(super) fn read_css_escape(text: &str) -> Option<String> {
    marked(text, "\\", 16)?.into_iter().map(char::from_u32).collect()
}

pub(super) fn html_decimal(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "&#{};", u32::from(c)))
}

pub(super) fn html_hex(text: &str) -> String {
    each(text.chars(), |out, c| write!(out, "&#x{:x};", u32::from(c)))
}

pub(super) fn percent(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "%{b:02X}"))
}

pub(super) fn double_percent(text: &str) -> String {
    each(text.bytes(), |out, b| write!(out, "%25{b:02X}"))
}

pub(super) fn url(text: &str) -> String {
    each(text.bytes(), |out, b| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.write_char(char::from(b)),
        _ => write!(out, "%{b:02X}"),
    })
}

/// Reads a sign and two hexadecimal digits for a byte; any other byte stands for itself.
fn read_signed(text: &str, sign: u8, other: impl Fn(u8) -> u8) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b != sign {
            bytes.push(other(b));
            continue;
        }
        let pair = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
    }
    utf8(bytes)
}

pub(super) fn read_url(text: &str) -> Option<String> {
    read_signed(text, b'%', |b| b)
}

pub(super) fn quoted_printable(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let mut out = String::new();
        let mut width = 0;
        for (i, b) in line.bytes().enumerate() {
            let last = i + 1 == line.len();
            let sign = match b {
                b'=' | 0..=8 | 10..=31 | 127.. => format!("={b:02X}"),
                b' ' | b'\t' if last => format!("={b:02X}"),
                _ => char::from(b).to_string(),
            };
            // 76 with the soft break's own sign.
            if width + sign.len() > 75 {
                out.push_str("=\n");
                width = 0;
            }
            width += sign.len();
            out.push_str(&sign);
        }
        out
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn read_quoted_printable(text: &str) -> Option<String> {
    read_signed(&text.replace("=\n", ""), b'=', |b| b)
}

pub(super) fn uuencode(text: &str) -> String {
    let sign = |six: u8| char::from(if six == 0 { b'`' } else { six + 32 });
    let lines = text.as_bytes().chunks(45).map(|line| {
        let mut out = sign(u8::try_from(line.len()).unwrap_or(0)).to_string();
        for group in line.chunks(3) {
            let at = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            out.extend([18, 12, 6, 0].map(|shift| sign(u8::try_from(bits >> shift & 63).unwrap_or(0))));
        }
        out
    });
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn read_uuencode(text: &str) -> Option<String> {
    let six = |c: u8| c.checked_sub(32).map(|n| u32::from(n % 64));
    let mut bytes = Vec::new();
    for line in text.split('\n') {
        let (first, rest) = line.as_bytes().split_first()?;
        let length = usize::try_from(six(*first)?).ok()?;
        let mut of_line: Vec<u8> = Vec::new();
        for group in rest.chunks(4) {
            let bits = (0..4).try_fold(0, |n, i| Some(n << 6 | six(group.get(i).copied().unwrap_or(b'`'))?))?;
            of_line.extend(bits.to_be_bytes().iter().skip(1));
        }
        of_line.truncate(length);
        bytes.extend(of_line);
    }
    utf8(bytes)
}

/// Pieces of at most so many bytes, cut between characters.
fn pieces(text: &str, size: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    for c in text.chars() {
        if out.last().is_some_and(|piece| piece.len() + c.len_utf8() > size) {
            out.push(String::new());
        }
        if let Some(piece) = out.last_mut() {
            piece.push(c);
        }
    }
    out
}

pub(super) fn mime_b(text: &str) -> String {
    let words = pieces(text, 45).into_iter().map(|piece| format!("=?UTF-8?B?{}?=", BASE64.encode(piece.as_bytes())));
    words.collect::<Vec<_>>().join(" ")
}

pub(super) fn mime_q(text: &str) -> String {
    let words = pieces(text, 20).into_iter().map(|piece| {
        let body = each(piece.bytes(), |out, b| match b {
            b' ' => out.write_char('_'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'!' | b'*' | b'+' | b'-' | b'/' => out.write_char(char::from(b)),
            _ => write!(out, "={b:02X}"),
        });
        format!("=?UTF-8?Q?{body}?=")
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The bodies of encoded words.
fn mime_bodies(text: &str) -> Option<Vec<&str>> {
    text.split(' ').map(|word| word.get(10..)?.strip_suffix("?=")).collect()
}

pub(super) fn read_mime_b(text: &str) -> Option<String> {
    let words = mime_bodies(text)?.into_iter().map(|body| BASE64.decode(body.as_bytes()).ok());
    utf8(words.collect::<Option<Vec<_>>>()?.concat())
}

pub(super) fn read_mime_q(text: &str) -> Option<String> {
    read_signed(&mime_bodies(text)?.concat(), b'=', |b| if b == b'_' { b' ' } else { b })
}

/// What UTF-7 leaves as it is; `\` and `~` are not of its set, `+` opens the rest.
fn direct(c: char) -> bool {
    matches!(c, ' '..='}' | '\t' | '\n' | '\r') && !matches!(c, '\\' | '+')
}

pub(super) fn utf7(text: &str) -> String {
    let mut out = String::new();
    let mut run: Vec<u8> = Vec::new();
    let close = |out: &mut String, run: &mut Vec<u8>| {
        if !run.is_empty() {
            out.push('+');
            out.push_str(BASE64_NOPAD.encode(run).as_str());
            out.push('-');
            run.clear();
        }
    };
    for c in text.chars() {
        if direct(c) {
            close(&mut out, &mut run);
            out.push(c);
        } else if c == '+' && run.is_empty() {
            out.push_str("+-");
        } else {
            run.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|u| u.to_be_bytes()));
        }
    }
    close(&mut out, &mut run);
    out
}

pub(super) fn read_utf7(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((plain, coded)) = rest.split_once('+') {
        let (run, tail) = coded.split_once('-')?;
        out.push_str(plain);
        if run.is_empty() {
            out.push('+');
        }
        let bytes = BASE64_NOPAD.decode(run.as_bytes()).ok()?;
        let units: Vec<u16> = bytes.chunks(2).map(|b| b.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
        out.push_str(&String::from_utf16(&units).ok()?);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// A JSON string in ASCII, with its quotes.
pub(super) fn json_string(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    each(quoted.chars(), |out, c| {
        if c.is_ascii() {
            return out.write_char(c);
        }
        c.encode_utf16(&mut [0; 2]).iter().try_for_each(|u| write!(out, "\\u{u:04x}"))
    })
}

pub(super) fn punycode(text: &str) -> Option<String> {
    // Of ASCII alone it says nothing new.
    (!text.is_ascii()).then(|| idna::punycode::encode_str(text)).flatten().filter(|out| {
        // Its decoder gives up on long texts sooner than its encoder.
        idna::punycode::decode_to_string(out).as_deref() == Some(text)
    })
}
