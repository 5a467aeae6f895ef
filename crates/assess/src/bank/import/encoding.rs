//! The encoding of a text file: told from its bytes, never guessed over damaged ones.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};
use menshen_text::is_han;

use crate::error::Problems;

/// The text with the name of its encoding, or the lines that are not of one encoding.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, &'static str), Problems> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        // What says that it is UTF-8 is not read as anything else.
        return utf_8(rest).ok_or_else(|| lines_that(rest, |line| std::str::from_utf8(line).is_err(), "not UTF-8"));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return strict(UTF_16LE, rest, "UTF-16LE");
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return strict(UTF_16BE, rest, "UTF-16BE");
    }
    // Without a mark, UTF-16 shows in its line ends and commas, whose zero byte is always on the same side.
    if bytes.len().is_multiple_of(2) {
        let ends = |of: fn([u8; 2]) -> u16| {
            let pairs = bytes.chunks_exact(2).filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
            pairs.map(of).filter(|unit| matches!(unit, 0x09 | 0x0A | 0x0D | 0x2C)).count()
        };
        match (ends(u16::from_le_bytes), ends(u16::from_be_bytes)) {
            (little, big) if little >= 2 && little > big => return strict(UTF_16LE, bytes, "UTF-16LE"),
            (little, big) if big >= 2 && big > little => return strict(UTF_16BE, bytes, "UTF-16BE"),
            _ => {}
        }
    }
    if let Some(found) = utf_8(bytes) {
        return Ok(found);
    }
    let lines = || (1_usize..).zip(bytes.split(|b| *b == b'\n')).filter(|(_, line)| !line.is_ascii());
    let kinds: Vec<(usize, Kind)> = lines().map(|(number, line)| (number, Kind::of(line))).collect();
    let count = |kind: Kind| kinds.iter().filter(|(_, k)| *k == kind).count();
    let (utf_8, other) = (count(Kind::Utf8), count(Kind::Gb18030) + count(Kind::Neither));
    if utf_8 > 0 && other > 0 {
        // The smaller part is named: it is what has to be mended.
        let mut problems = Problems::default();
        problems.0.push("it mixes encodings; save it as UTF-8".to_owned());
        for (number, kind) in kinds {
            match kind {
                Kind::Neither => problems.0.push(format!("line {number}: neither UTF-8 nor GB18030")),
                Kind::Gb18030 if utf_8 >= other => {
                    problems.0.push(format!("line {number}: GB18030, while most lines are UTF-8"))
                }
                Kind::Utf8 if utf_8 < other => {
                    problems.0.push(format!("line {number}: UTF-8, while most lines are not"))
                }
                _ => {}
            }
        }
        return Err(problems);
    }
    match GB18030.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) if looks_chinese(bytes, &text) => Ok((text, "GB18030")),
        Some(_) => Err(Problems(vec!["its encoding cannot be told; save it as UTF-8".to_owned()])),
        None => {
            let bad = |line: &[u8]| GB18030.decode_without_bom_handling_and_without_replacement(line).is_none();
            Err(lines_that(bytes, bad, "neither UTF-8 nor GB18030"))
        }
    }
}

fn utf_8(bytes: &[u8]) -> Option<(Cow<'_, str>, &'static str)> {
    std::str::from_utf8(bytes).ok().map(|text| (Cow::Borrowed(text), "UTF-8"))
}

fn strict<'a>(
    encoding: &'static Encoding,
    bytes: &'a [u8],
    name: &'static str,
) -> Result<(Cow<'a, str>, &'static str), Problems> {
    if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        return Ok((text, name));
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let bad = (1_usize..).zip(text.split('\n')).filter(|(_, line)| line.contains('\u{FFFD}'));
    Err(Problems(bad.map(|(number, _)| format!("line {number}: not {name}")).collect()))
}

fn lines_that(bytes: &[u8], bad: impl Fn(&[u8]) -> bool, what: &str) -> Problems {
    let lines = (1_usize..).zip(bytes.split(|b| *b == b'\n')).filter(|(_, line)| bad(line));
    let mut problems: Vec<String> = lines.map(|(number, _)| format!("line {number}: {what}")).collect();
    if problems.is_empty() {
        problems.push(format!("it is {what}"));
    }
    Problems(problems)
}

/// What a line that is not ASCII can be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Surely UTF-8.
    Utf8,
    /// Not UTF-8, and GB18030.
    Gb18030,
    Neither,
    /// UTF-8 by accident may be GB18030: 模 is ģ.
    Either,
}

impl Kind {
    fn of(line: &[u8]) -> Kind {
        let is_gb = GB18030.decode_without_bom_handling_and_without_replacement(line).is_some();
        match std::str::from_utf8(line) {
            Ok(text) if !is_gb || text.chars().filter(|c| is_han(*c)).count() >= 2 => Kind::Utf8,
            Ok(_) => Kind::Either,
            Err(_) if is_gb => Kind::Gb18030,
            Err(_) => Kind::Neither,
        }
    }
}

/// Whether decoded GB18030 is Chinese as people write it: half its Han characters are among the 3,755 most common ones.
/// Big5, Shift JIS and Latin-1 decode as rare characters.
fn looks_chinese(bytes: &[u8], text: &str) -> bool {
    let (mut common, mut pairs) = (0_usize, 0_usize);
    let mut rest = bytes;
    while let [first, more @ ..] = rest {
        rest = more;
        if let (0x81..=0xFE, [second, more @ ..]) = (*first, more) {
            rest = more;
            // Four bytes: 81–FE, 30–39, 81–FE, 30–39.
            if second.is_ascii_digit() {
                rest = more.get(2..).unwrap_or_default();
            }
            if !(0xA1..=0xA9).contains(first) {
                pairs += 1;
                common += usize::from((0xB0..=0xD7).contains(first) && *second >= 0xA1);
            }
        }
    }
    let private = text.chars().any(|c| matches!(c, '\u{E000}'..='\u{F8FF}'));
    !private && common * 2 >= pairs
}
