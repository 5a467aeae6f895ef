//! Explicit labels of texts (GB 45438-2025 clause 5.1): a text prompt, or a corner mark, at the start, at the end or at a
//! fitting place in the middle; the prompt holds an AI element (人工智能 or AI) and a generation element (生成, 合成 or
//! both), in words that the standard leaves open.
//!
//! Wordings are the caller's data, in any language. What others wrote is recognised by clauses that say nothing but that
//! something is generated: sentences about AI say more, and are left alone.

mod clause;

use std::ops::Range;

use crate::Error;
use clause::is_prompt;

/// Where a label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Before the text.
    Start,
    /// Between two paragraphs.
    Middle,
    /// Behind the text.
    End,
}

/// What a label looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words with both elements.
    Prompt,
    /// A sign such as `ᴬᴵ` beside the text.
    CornerMark,
}

/// A label in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Where.
    pub position: Position,
    /// What.
    pub form: Form,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

/// Longest prompt and longest corner mark that are written, in characters: labels are read at a glance.
const LONGEST_PROMPT: usize = 200;
const LONGEST_MARK: usize = 12;
/// Longest line that is taken for a label as a whole, in characters.
const LONGEST_LINE: usize = 120;
/// How many lines that are not empty count as the start, and as the end: a title or a date may stand beyond the label.
const EDGE: usize = 3;
/// AI in modifier letters: the sign that needs no other words to be told from the word.
const RAISED: &str = "\u{1D2C}\u{1D35}";

/// Whether a wording has both elements (clause 5.1): `人工智能` or `AI`, and `生成` or `合成`; of other languages the words
/// for these.
pub fn has_elements(wording: &str) -> bool {
    has_ai(wording) && {
        let low = wording.to_lowercase();
        ["生成", "合成", "generat", "synthes", "synthet"].iter().any(|word| low.contains(word))
    }
}

fn has_ai(wording: &str) -> bool {
    let low = wording.to_lowercase();
    ["人工智能", "人工智慧", "artificial intelligence", RAISED].iter().any(|word| low.contains(&word.to_lowercase()))
        || clause::words(&low).any(|word| matches!(word, "ai" | "aigc"))
}

/// The text with a prompt at a place; as it was where the same prompt stands there already. A front matter stays first.
///
/// # Errors
/// When the wording lacks an element, has more than one line or is no label for its length.
pub fn with_prompt(text: &str, wording: &str, position: Position) -> Result<String, Error> {
    let wording = wording.trim();
    if !has_elements(wording) {
        let problem = "the prompt needs an AI element (人工智能 or AI) and a generation element (生成 or 合成)";
        return Err(Error::Label(problem.to_owned()));
    }
    one_line(wording, LONGEST_PROMPT)?;
    let begin = body(text);
    let (head, body) = text.split_at_checked(begin).unwrap_or(("", text));
    let end_of_line = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = end_of_line.repeat(2);
    Ok(match position {
        Position::Start if body.trim_start().starts_with(wording) => text.to_owned(),
        Position::Start if body.trim().is_empty() => format!("{head}{wording}{end_of_line}"),
        Position::Start => format!("{head}{wording}{gap}{}", body.trim_start_matches(['\r', '\n'])),
        Position::End if body.trim_end().ends_with(wording) => text.to_owned(),
        Position::End if body.trim().is_empty() => format!("{head}{wording}{end_of_line}"),
        Position::End => format!("{}{gap}{wording}{end_of_line}", text.trim_end()),
        Position::Middle if body.contains(wording) => text.to_owned(),
        Position::Middle => match middle(body) {
            Some(at) => {
                let (before, after) = body.split_at_checked(at).unwrap_or((body, ""));
                let after = after.trim_start_matches(['\r', '\n']);
                format!("{head}{}{gap}{wording}{gap}{after}", before.trim_end_matches(['\r', '\n']))
            }
            // A text of one paragraph has no place between two.
            None => format!("{}{gap}{wording}{end_of_line}", text.trim_end()),
        },
    })
}

/// The text with a corner mark: behind its first line (the title), or behind its last.
///
/// # Errors
/// When the mark has no AI element or is longer than a mark.
pub fn with_corner_mark(text: &str, mark: &str, position: Position) -> Result<String, Error> {
    let mark = mark.trim();
    if !has_ai(mark) {
        return Err(Error::Label("the corner mark needs an AI element (人工智能 or AI)".to_owned()));
    }
    one_line(mark, LONGEST_MARK)?;
    let begin = body(text);
    let (head, body) = text.split_at_checked(begin).unwrap_or(("", text));
    let blank = body.len() - body.trim_start().len();
    let line_end = match position {
        Position::Start => {
            body.get(blank..).and_then(|rest| rest.find(['\r', '\n'])).map_or(body.len(), |end| blank + end)
        }
        Position::Middle => middle(body).unwrap_or(body.len()),
        Position::End => body.len(),
    };
    let (line, rest) = body.split_at_checked(line_end).unwrap_or((body, ""));
    let kept = line.trim_end();
    if kept.ends_with(mark) {
        return Ok(text.to_owned());
    }
    let space = line.get(kept.len()..).unwrap_or_default();
    Ok(format!("{head}{kept}{mark}{space}{rest}"))
}

/// The labels of a text. `own` are wordings and marks that the caller writes: they are recognised wherever a label may
/// stand, whatever their words.
pub fn find(text: &str, own: &[&str]) -> Vec<Mark> {
    let begin = body(text);
    let lines = lines(text, begin);
    let last = lines.len().saturating_sub(EDGE);
    let mut marks = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        // In a text of few lines what stands last is the end.
        let edge = match (index < EDGE, index >= last) {
            (true, true) if index * 2 < lines.len() => Some(Position::Start),
            (_, true) => Some(Position::End),
            (true, false) => Some(Position::Start),
            (false, false) => None,
        };
        marks.extend(label(text, line.clone(), edge, own));
    }
    marks
}

/// The label of a line. In the middle of a text it is the whole line; at an edge it may also be its first or last
/// sentence, or stand in brackets there.
fn label(text: &str, line: Range<usize>, edge: Option<Position>, own: &[&str]) -> Option<Mark> {
    let position = edge.unwrap_or(Position::Middle);
    let prompt = |range: Range<usize>| Some(Mark { position, form: Form::Prompt, range });
    let whole = text.get(line.clone())?;
    if whole.len() <= LONGEST_LINE * 4 && whole.chars().count() <= LONGEST_LINE && is_prompt(whole, true) {
        return prompt(line);
    }
    for wording in own.iter().map(|wording| wording.trim()).filter(|wording| !wording.is_empty()) {
        let form = if has_elements(wording) { Form::Prompt } else { Form::CornerMark };
        if whole.ends_with(wording) && (edge.is_some() || whole == wording) {
            return Some(Mark { position, form, range: line.end - wording.len()..line.end });
        }
        if whole.starts_with(wording) && edge.is_some() {
            return Some(Mark { position, form, range: line.start..line.start + wording.len() });
        }
    }
    edge?;
    if whole.ends_with(RAISED) {
        return Some(Mark { position, form: Form::CornerMark, range: line.end - RAISED.len()..line.end });
    }
    for (part, alone) in parts(whole) {
        let found = whole.get(part.clone()).unwrap_or_default();
        if found.chars().count() <= LONGEST_LINE && is_prompt(found, alone) {
            return prompt(line.start + part.start..line.start + part.end);
        }
    }
    None
}

/// The parts of a line where a label may stand, and whether they stand alone: brackets and sentences at both ends.
fn parts(line: &str) -> Vec<(Range<usize>, bool)> {
    const OPEN: [char; 7] = ['(', '（', '[', '【', '「', '〔', '{'];
    const CLOSE: [char; 7] = [')', '）', ']', '】', '」', '〕', '}'];
    /// How far a sentence is looked for.
    const FAR: usize = 480;
    let mut parts = Vec::new();
    if line.starts_with(OPEN)
        && let Some((at, close)) = line.char_indices().take(LONGEST_LINE).find(|(_, c)| CLOSE.contains(c))
    {
        parts.push((0..at + close.len_utf8(), true));
    }
    if line.trim_end_matches(['。', '.']).ends_with(CLOSE)
        && let Some((at, _)) = line.char_indices().rev().take(LONGEST_LINE).find(|(_, c)| OPEN.contains(c))
    {
        parts.push((at..line.len(), true));
    }
    let stop = |c: char| matches!(c, '。' | '！' | '!' | '？' | '?' | '；');
    // A full stop of the Latin script ends a sentence where a space follows.
    let ends = |at: usize, c: char| {
        stop(c) || c == '.' && line.get(at + 1..).is_none_or(|rest| rest.starts_with(' ') || rest.is_empty())
    };
    if let Some((at, c)) = line.char_indices().take(FAR).find(|(at, c)| ends(*at, *c)) {
        parts.push((0..at + c.len_utf8(), false));
    }
    let trimmed = line.trim_end_matches(|c: char| stop(c) || c == '.' || c.is_whitespace());
    let before = trimmed.char_indices().rev().take(FAR).find(|(at, c)| ends(*at, *c));
    if let Some((at, c)) = before {
        parts.push((at + c.len_utf8()..line.len(), false));
    }
    parts
}

/// The lines that are not empty, without the space around them.
fn lines(text: &str, begin: usize) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut at = begin;
    for line in text.get(begin..).unwrap_or_default().split_inclusive(['\n', '\r', '\u{2028}', '\u{2029}']) {
        let start = at + (line.len() - line.trim_start().len());
        let end = at + line.trim_end().len();
        if start < end {
            lines.push(start..end);
        }
        at += line.len();
    }
    lines
}

/// Behind a byte order mark and a front matter.
fn body(text: &str) -> usize {
    let mark = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
    let rest = text.get(mark..).unwrap_or_default();
    mark + crate::carrier::markdown::front_matter(rest).map_or(0, |front| front.whole.end)
}

/// The break between two paragraphs that is nearest to the middle.
fn middle(body: &str) -> Option<usize> {
    let half = body.len() / 2;
    let inside = |at: &usize| {
        !body.get(..*at).unwrap_or_default().trim().is_empty() && !body.get(*at..).unwrap_or_default().trim().is_empty()
    };
    let breaks = body.match_indices("\n\n").chain(body.match_indices("\n\r\n")).map(|(at, _)| at).filter(inside);
    let found = breaks.min_by_key(|at| at.abs_diff(half));
    found.or_else(|| body.match_indices('\n').map(|(at, _)| at).filter(inside).min_by_key(|at| at.abs_diff(half)))
}

fn one_line(wording: &str, most: usize) -> Result<(), Error> {
    if wording.contains(['\n', '\r']) || wording.chars().count() > most {
        return Err(Error::Label(format!("it is one line of at most {most} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
