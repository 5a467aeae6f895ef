//! Text in lines: between words, around full-width characters, and by the rule that no line begins with closing
//! punctuation and none ends with an opening bracket (禁则). What is longer than a line is broken where it ends.

use super::faces::Faces;

/// Never at the beginning of a line.
const NOT_FIRST: &str = "，。、；：？！）》」』】〕〉”’…—·％,.;:!?)]}›%";
/// Never at the end of a line.
const NOT_LAST: &str = "（《「『【〔〈“‘([{‹";

/// Characters that may be parted from their neighbours.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFD)
}

/// The pieces of a line that are not broken inside, with their widths in ems. A space is a piece of its own.
fn pieces(text: &str, faces: &mut Faces<'_>) -> Vec<(String, f32)> {
    let mut out: Vec<(String, f32)> = Vec::new();
    let mut before: Option<char> = None;
    for c in text.chars() {
        let width = faces.advance(c);
        let joined = match before {
            None => false,
            Some(b) if c.is_whitespace() || b.is_whitespace() => false,
            Some(_) if NOT_FIRST.contains(c) => true,
            Some(b) if NOT_LAST.contains(b) => true,
            Some(b) if is_wide(c) || is_wide(b) => false,
            // Closing punctuation of wide text ends a piece; so do slashes of paths.
            Some(b) => (b.is_ascii() || !NOT_FIRST.contains(b)) && b != '/',
        };
        match out.last_mut() {
            Some(last) if joined => {
                last.0.push(c);
                last.1 += width;
            }
            _ => out.push((c.to_string(), width)),
        }
        before = Some(c);
    }
    out
}

/// The text in lines of at most `room` points; the first is shorter by `indent`.
pub(super) fn wrap(text: &str, room: f32, size: f32, indent: f32, faces: &mut Faces<'_>) -> Vec<String> {
    let full = (room / size).max(1.0);
    let mut out = Vec::new();
    for (n, paragraph) in text.split('\n').enumerate() {
        let mut left = if n == 0 { (full - indent / size).max(1.0) } else { full };
        let mut line = String::new();
        for (piece, width) in pieces(paragraph, faces) {
            let space = piece.chars().all(char::is_whitespace);
            if width <= left + 0.001 {
                if !(space && line.is_empty() && !out.is_empty()) {
                    line.push_str(&piece);
                    left -= width;
                }
                continue;
            }
            if space {
                out.push(std::mem::take(&mut line));
                left = full;
                continue;
            }
            if width <= full + 0.001 {
                if !line.is_empty() {
                    out.push(std::mem::take(&mut line));
                }
                line.push_str(&piece);
                left = full - width;
                continue;
            }
            for c in piece.chars() {
                let width = faces.advance(c);
                if width > left && !line.is_empty() {
                    out.push(std::mem::take(&mut line));
                    left = full;
                }
                line.push(c);
                left -= width;
            }
        }
        out.push(line);
    }
    for line in &mut out {
        line.truncate(line.trim_end().len());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, ems: f32) -> Vec<String> {
        wrap(text, ems * 10.0, 10.0, 0.0, &mut Faces::open(None).unwrap())
    }

    #[test]
    fn no_line_begins_with_closing_punctuation_or_ends_with_an_opening_bracket() {
        let text = "本服务（以下简称“服务”），依据《网络安全法》《数据安全法》等，不断改进：安全、可靠、有用。";
        for ems in 4_u8..30 {
            for line in wrapped(text, f32::from(ems)) {
                assert!(!line.starts_with(|c| "，。、；：）》”".contains(c)), "{ems}: {line}");
                assert!(!line.ends_with(|c| "（《“".contains(c)), "{ems}: {line}");
            }
        }
    }

    #[test]
    fn lines_keep_all_of_the_text_and_never_exceed_the_room() {
        let text = "evidence/5.1/avery_long_name_without_breaks.jsonl 与说明 with words，以及 😀 和 مرحبا。\n第二行";
        for ems in 1_u8..40 {
            let lines = wrapped(text, f32::from(ems));
            let flat = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(flat(&lines.concat()), flat(text));
            for line in &lines {
                let width = Faces::open(None).unwrap().width(line, 10.0);
                assert!(width <= f32::from(ems) * 10.0 + 0.1 || line.chars().count() == 1, "{ems}: {line}");
            }
        }
    }
}
