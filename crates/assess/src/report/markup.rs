//! Documents that are templates as a whole: lines with a mark at their head. `#` the title, `##` and `###` headings,
//! `-` and `1.` lists, `>` a note, `!!` a paragraph that stands out, `@name` a block that the program makes.

use super::Error;
use super::document::{Block, Style};

/// The blocks of a text; `made` makes the block of a name.
pub(super) fn blocks(text: &str, mut made: impl FnMut(&str) -> Result<Block, Error>) -> Result<Vec<Block>, Error> {
    let mut out: Vec<Block> = Vec::new();
    let mut numbers = [0_usize; 2];
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            continue;
        }
        let ordered = line.split_once(". ").filter(|(n, _)| n.len() < 3 && n.bytes().all(|b| b.is_ascii_digit()));
        if let Some(text) = line.strip_prefix("### ") {
            numbers[1] += 1;
            out.push(heading(2, format!("{}.{}", numbers[0], numbers[1]), text));
        } else if let Some(text) = line.strip_prefix("## ") {
            numbers = [numbers[0] + 1, 0];
            out.push(heading(1, numbers[0].to_string(), text));
        } else if let Some(text) = line.strip_prefix("# ") {
            out.push(paragraph(text, Style::Title));
        } else if let Some(text) = line.strip_prefix("> ") {
            out.push(paragraph(text, Style::Note));
        } else if let Some(text) = line.strip_prefix("!! ") {
            out.push(paragraph(text, Style::Strong));
        } else if let Some(name) = line.strip_prefix('@') {
            out.push(made(name)?);
        } else if let Some(text) = line.strip_prefix("- ") {
            item(&mut out, false, text);
        } else if let Some((_, text)) = ordered {
            item(&mut out, true, text);
        } else {
            out.push(paragraph(line, Style::Body));
        }
    }
    Ok(out)
}

fn heading(level: u8, number: String, text: &str) -> Block {
    let id = format!("s{number}");
    Block::Heading { level, number, text: text.to_owned(), id }
}

fn paragraph(text: &str, style: Style) -> Block {
    Block::Paragraph { text: text.to_owned(), style }
}

fn item(out: &mut Vec<Block>, order: bool, text: &str) {
    match out.last_mut() {
        Some(Block::List { ordered, items }) if *ordered == order => items.push(text.to_owned()),
        _ => out.push(Block::List { ordered: order, items: vec![text.to_owned()] }),
    }
}
