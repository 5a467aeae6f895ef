//! Texts and pages: explicit labels that stand in them, and marks that are not seen.

use std::collections::HashMap;

use super::field::Finder;
use crate::Error;
use crate::carrier::edit::Source;
use crate::carrier::{Input, html as html_carrier};
use crate::inspect::Trace;
use crate::watermark::text::invisible;

/// How much of a text is held at a time.
const WINDOW: u64 = 1 << 20;
/// How far into a text is read; of a longer one the end is read besides.
const FAR: u64 = 64 << 20;
/// Most marks of one text that are told apart.
const MOST: usize = 256;

/// Marks by how they are written and what they say, with the number of their copies.
type Marks = HashMap<(String, Vec<u8>), usize>;

/// A plain text or Markdown.
pub(super) fn text(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "text")?;
    let mut marks = Marks::new();
    pieces(&mut source, |text, edges| {
        finder.read(text, edges);
        look(&mut marks, text);
    })?;
    tell(finder, marks);
    Ok(())
}

/// A page: its metadata, and its text as it is read.
pub(super) fn html(input: &mut dyn Input, finder: &mut Finder<'_>) -> Result<(), Error> {
    let mut source = Source::new(input, "HTML")?;
    for (name, content, at) in html_carrier::metas(&mut source)? {
        finder.see(&format!("html:{name}"), &content, Some(at));
    }
    let mut marks = Marks::new();
    pieces(&mut source, |piece, edges| {
        let text = visible(piece);
        finder.read(&text, edges);
        look(&mut marks, &text);
    })?;
    tell(finder, marks);
    Ok(())
}

fn look(marks: &mut Marks, text: &str) {
    for mark in invisible::detect(text).marks {
        let key = (format!("{:?}", mark.scheme), mark.payload);
        if marks.len() < MOST || marks.contains_key(&key) {
            *marks.entry(key).or_default() += mark.copies;
        }
    }
}

fn tell(finder: &mut Finder<'_>, marks: Marks) {
    let mut marks: Vec<_> = marks.into_iter().collect();
    marks.sort_by(|(one, copies), (other, more)| more.cmp(copies).then_with(|| one.cmp(other)));
    for ((scheme, payload), copies) in marks {
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        finder.keep(Trace::Watermark(format!("text mark in invisible characters ({scheme}): {hex}, {copies} copies")));
    }
}

/// Calls `each` with pieces of a text, cut between lines where there are any, and whether a piece is the whole of a text
/// or one of its ends.
fn pieces(source: &mut Source<'_>, mut each: impl FnMut(&str, bool)) -> Result<(), Error> {
    let length = source.len();
    let head = source.part(0, length.min(4096), "the beginning")?;
    let encoding = match encoding_rs::Encoding::for_bom(&head) {
        Some((encoding, _)) => encoding,
        None if std::str::from_utf8(&head).is_err_and(|error| error.error_len().is_some()) => encoding_rs::GB18030,
        None => encoding_rs::UTF_8,
    };
    let wide = encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE;
    let mut at = 0;
    while at < length {
        if at >= FAR && length - at > WINDOW {
            // What lies between is left out. Wide characters begin at even places.
            at = (length - WINDOW) & !1;
        }
        let bytes = source.part(at, (length - at).min(WINDOW), "a text")?;
        let whole = at + bytes.len() as u64 == length;
        let line = if whole || wide { None } else { memchr::memrchr(b'\n', &bytes).map(|end| end + 1) };
        let taken = line.unwrap_or(bytes.len());
        let text = encoding.decode_with_bom_removal(bytes.get(..taken).unwrap_or_default()).0;
        each(&text, at == 0 || whole);
        at += taken.max(1) as u64;
    }
    Ok(())
}

/// The text of a page: tags of blocks end lines, others are nothing; scripts, styles and comments are left out.
fn visible(page: &str) -> String {
    /// Elements that stand within a line.
    const INLINE: [&str; 20] = [
        "a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "mark", "q", "s", "small", "span",
        "strong", "sub", "sup", "u",
    ];
    let mut text = String::with_capacity(page.len() / 2);
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        text.push_str(rest.get(..open).unwrap_or_default());
        rest = rest.get(open..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").and_then(|end| comment.get(end + 3..)).unwrap_or_default();
            continue;
        }
        let name: String =
            rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '/').take(12).collect();
        let name = name.to_ascii_lowercase();
        if name.is_empty() && !rest.starts_with("<!") && !rest.starts_with("<?") {
            // A sign of less-than.
            text.push('<');
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        rest = rest.find('>').and_then(|end| rest.get(end + 1..)).unwrap_or_default();
        if !INLINE.contains(&name.trim_matches('/')) {
            text.push('\n');
        }
        if matches!(name.as_str(), "script" | "style" | "template" | "title") {
            let close = format!("</{name}");
            let lower = rest
                .char_indices()
                .map(|(at, _)| at)
                .find(|at| rest.get(*at..at + close.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(&close)));
            rest = lower.and_then(|at| rest.get(at..)).unwrap_or_default();
        }
    }
    text.push_str(rest);
    let plain = html_carrier::unescape(&text);
    plain.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
