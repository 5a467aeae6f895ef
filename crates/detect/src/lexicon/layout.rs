//! The text of a list → its raw entries, in whatever layout its owner chose.

use std::collections::HashSet;

use menshen_text::is_han;
use serde_json::Value;

use super::{Error, base64};

/// How a list is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// By what is in it.
    #[default]
    Auto,
    /// Lines: one word or several, alone or with columns beside them.
    Lines,
    /// Lines, each the base64 of a word.
    Base64,
    /// Comma-, tab-, semicolon- or pipe-separated, with quotes.
    Csv,
    /// An array of strings or objects, an object of either, or JSON Lines.
    Json,
}

/// Where in a row the word stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// By its place, from 1.
    Place(usize),
    /// By its name: a CSV header or a JSON member.
    Name(String),
}

impl std::fmt::Display for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Column::Place(place) => write!(f, "{place}"),
            Column::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// A raw entry and its line, from 1 (0 where the layout has no lines).
pub(super) type Raw = (usize, String);

/// Names under which lists keep the word itself.
const WORD_NAMES: &[&str] = &[
    "word",
    "words",
    "keyword",
    "keywords",
    "text",
    "term",
    "value",
    "name",
    "content",
    "敏感词",
    "关键词",
    "词",
    "词语",
    "内容",
];

/// A layout holds when so many of ten lines follow it.
const MOST_OF_TEN: usize = 8;
/// Rows have at most this many columns: with more, they are words side by side.
const MAX_COLUMNS: usize = 6;
/// Fewer lines do not show a layout by how often things repeat.
const FEW_LINES: usize = 10;

/// Splits a text into raw entries; the layout's name goes with them.
pub(super) fn split(
    file: &str,
    text: &str,
    format: Format,
    column: Option<&Column>,
) -> Result<(Vec<Raw>, &'static str), Error> {
    let ending = file.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let begins_json = text.trim_start().starts_with(['[', '{', '"']);
    if matches!(format, Format::Auto | Format::Lines) && is_ours(text) {
        // Our words may hold anything but a tab; what follows one is overrides.
        let words = numbered(text).filter(|(_, l)| !l.starts_with('#'));
        return Ok((
            words.map(|(n, l)| (n, l.split('\t').next().unwrap_or_default().to_owned())).collect(),
            "keyword file",
        ));
    }
    match format {
        Format::Json => return json(file, text, column).map(|raw| (raw, "json")),
        Format::Csv => return csv(file, text, column).map(|raw| (raw, "csv")),
        Format::Base64 => return Ok((decoded(text), "base64")),
        Format::Auto if begins_json => {
            if let Ok(raw) = json(file, text, column) {
                return Ok((raw, "json"));
            }
        }
        Format::Auto if matches!(ending.as_str(), "csv" | "tsv") => {
            return csv(file, text, column).map(|raw| (raw, "csv"));
        }
        Format::Auto | Format::Lines => {}
    }
    if format == Format::Auto && is_base64(text) {
        return Ok((decoded(text), "base64"));
    }
    let Some((separator, name)) = columns(text, column.is_some()) else {
        return match column {
            Some(column) => Err(Error::Column { file: file.to_owned(), column: column.to_string() }),
            None => Ok((words(text), "words")),
        };
    };
    let place = match column {
        None => 1,
        Some(Column::Place(place)) => *place,
        Some(Column::Name(wanted)) => lines(text)
            .next()
            .and_then(|(_, l)| fields(l, separator).position(|f| f == wanted))
            .map(|at| at + 1)
            .ok_or_else(|| Error::Column { file: file.to_owned(), column: format!("{wanted:?}") })?,
    };
    let header = usize::from(matches!(column, Some(Column::Name(_))));
    let raw = lines(text)
        .skip(header)
        .filter_map(|(n, l)| Some((n, fields(l, separator).nth(place.checked_sub(1)?)?.to_owned())))
        .collect();
    Ok((raw, name))
}

/// Lines that say something, without their ends and with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    numbered(text).filter(|(_, l)| !is_comment(l))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Old Mac files end lines with \r alone.
    let split = text.split('\n').flat_map(|l| l.trim_end_matches('\r').split('\r')).enumerate();
    split.map(|(n, l)| (n + 1, l.trim_start_matches('\u{feff}').trim())).filter(|(_, l)| !l.is_empty())
}

fn is_comment(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("//")
}

fn is_ours(text: &str) -> bool {
    let mut heads = text.lines().map(|l| l.trim_start_matches('\u{feff}').trim()).filter(|l| !l.is_empty());
    heads.by_ref().take_while(|l| l.starts_with('#')).any(|l| {
        let id = l.trim_start_matches('#').trim_start().strip_prefix("id:");
        id.is_some_and(|id| crate::marks::is_dotted(id.split("<-").next().unwrap_or_default().trim()))
    })
}

/// The words of lines that are not rows: a mark that separates words separates them, `=` begins what the owner wants
/// in the word's place.
fn words(text: &str) -> Vec<Raw> {
    let mut out = Vec::new();
    for (n, line) in lines(text) {
        // Addresses keep their `=`: they are dropped as what they are.
        let line = if line.contains("://") { line } else { line.split('=').next().unwrap_or_default() };
        // The comma of `.{0,3}` separates nothing, either.
        if quoted(line) || line.contains(".{") {
            out.push((n, line.to_owned()));
            continue;
        }
        let pieces = line.split(['\t', ',', '，', '、', '|', ';', '；']).map(str::trim).filter(|w| !w.is_empty());
        out.extend(pieces.map(|w| (n, w.to_owned())));
    }
    out
}

/// Whether a whole line is one quotation, so that the marks in it are its own.
fn quoted(line: &str) -> bool {
    let line = line.trim_end_matches([',', ';']).trim_end();
    let inner = line.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
    inner.is_some_and(|i| !i.contains('"'))
}

fn fields(line: &str, separator: char) -> impl Iterator<Item = &str> {
    let blank = separator == ' ';
    line.trim_end_matches([',', ';', '，', '|'])
        .split(move |c: char| if blank { c == ' ' || c == '\u{3000}' || c == '\t' } else { c == separator })
        .map(str::trim)
        .filter(move |f| !(blank && f.is_empty()))
}

/// The separator of a list whose lines are rows: the word, and something about it. With `asked`, whatever separates
/// most lines is taken at its word.
fn columns(text: &str, asked: bool) -> Option<(char, &'static str)> {
    let all = lines(text).count();
    if all == 0 {
        return None;
    }
    let separators =
        [('\t', "tab-separated"), (',', "comma-separated"), ('|', "pipe-separated"), (';', "semicolon-separated")];
    for (separator, name) in separators.into_iter().chain([(' ', "space-separated")]) {
        let rows: Vec<Vec<&str>> = lines(text).map(|(_, l)| fields(l, separator).collect()).collect();
        let wide = rows.iter().filter(|r| r.len() > 1).count();
        if asked && wide * 2 > all {
            return Some((separator, name));
        }
        if wide * 10 < all * MOST_OF_TEN {
            continue;
        }
        let width = rows.iter().map(Vec::len).filter(|n| *n > 1).max().unwrap_or(0);
        let even = rows.iter().filter(|r| r.len() == width).count() * 10 >= all * MOST_OF_TEN;
        let tab = separator == '\t';
        if even && width <= MAX_COLUMNS && (tab || rows_are_tagged(&rows, width)) {
            return Some((separator, name));
        }
    }
    None
}

/// Whether the last column is about the words: numbers, or a few values over and over.
fn rows_are_tagged(rows: &[Vec<&str>], width: usize) -> bool {
    let last: Vec<&str> = rows.iter().filter_map(|r| r.get(width - 1).copied()).collect();
    let numeric = |v: &&&str| !v.is_empty() && v.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
    let numbers = last.iter().filter(numeric).count();
    let distinct: HashSet<&str> = last.iter().copied().collect();
    numbers * 10 >= last.len() * MOST_OF_TEN || last.len() >= FEW_LINES && distinct.len() * 5 <= last.len()
}

fn is_base64(text: &str) -> bool {
    let (mut all, mut decoded) = (0_usize, 0_usize);
    for (_, line) in lines(text) {
        all += 1;
        // English words of four letters are base64 of something, too; what they decode to is hardly ever Chinese.
        decoded += usize::from(base64::text(line).is_some_and(|t| t.chars().any(is_han)));
    }
    all > 0 && decoded * 10 >= all * MOST_OF_TEN
}

fn decoded(text: &str) -> Vec<Raw> {
    // What does not decode is kept as a broken entry, so that it is counted.
    let entry = |line: &str| base64::text(line).unwrap_or_else(|| char::REPLACEMENT_CHARACTER.to_string());
    lines(text).flat_map(|(n, l)| entry(l).lines().map(|w| (n, w.to_owned())).collect::<Vec<_>>()).collect()
}

fn csv(file: &str, text: &str, column: Option<&Column>) -> Result<Vec<Raw>, Error> {
    let first: String = text.lines().take(FEW_LINES).collect();
    let count = |b: &u8| first.bytes().filter(|c| c == b).count();
    let delimiter = [b',', b'\t', b';', b'|'].into_iter().max_by_key(|b| (count(b), *b == b',')).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut place = match column {
        Some(Column::Place(place)) => place.checked_sub(1),
        _ => None,
    };
    let missing = |column: &Column| Error::Column { file: file.to_owned(), column: column.to_string() };
    if let Some(zero @ Column::Place(0)) = column {
        return Err(missing(zero));
    }
    let mut out = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(|source| Error::Csv { file: file.to_owned(), source })?;
        if at == 0 {
            let named = record.iter().position(|cell| match column {
                Some(Column::Name(wanted)) => cell == wanted,
                _ => WORD_NAMES.iter().any(|n| cell.eq_ignore_ascii_case(n)),
            });
            match (column, named) {
                (Some(name @ Column::Name(_)), None) => return Err(missing(name)),
                (Some(place @ Column::Place(n)), _) if *n > record.len() => return Err(missing(place)),
                (_, Some(named)) => {
                    place = place.or(Some(named));
                    continue;
                }
                (_, None) => {}
            }
        }
        let line = record.position().map_or(0, |p| usize::try_from(p.line()).unwrap_or(0));
        out.extend(record.get(place.unwrap_or(0)).filter(|w| !w.is_empty()).map(|w| (line, w.to_owned())));
    }
    Ok(out)
}

fn json(file: &str, text: &str, column: Option<&Column>) -> Result<Vec<Raw>, Error> {
    let mut out = Vec::new();
    let whole = match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            gather(&value, column, 0, &mut out);
            return Ok(out);
        }
        Err(source) => source,
    };
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        // The error of the whole says more when it is one document after all.
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return Err(Error::Json { file: file.to_owned(), source: whole });
        };
        gather(&value, column, number + 1, &mut out);
    }
    Ok(out)
}

/// Takes the strings of arrays, the word member of objects, else what an object's members hold; the keys of an object
/// that maps words to something plain.
fn gather(value: &Value, column: Option<&Column>, line: usize, out: &mut Vec<Raw>) {
    match value {
        Value::String(word) => out.push((line, word.clone())),
        Value::Array(items) => items.iter().for_each(|i| gather(i, column, line, out)),
        Value::Object(members) => {
            let named = match column {
                Some(Column::Name(name)) => members.get(name),
                _ => WORD_NAMES.iter().find_map(|n| members.get(*n)),
            };
            if let Some(word) = named {
                gather(word, column, line, out);
            } else if members.values().any(|v| v.is_array() || v.is_object()) {
                members.values().filter(|v| v.is_array() || v.is_object()).for_each(|v| gather(v, column, line, out));
            } else if !matches!(column, Some(Column::Name(_))) {
                out.extend(members.keys().map(|k| (line, k.clone())));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, text: &str) -> (Vec<String>, &'static str) {
        let (raw, name) = split(file, text, Format::Auto, None).unwrap();
        (raw.into_iter().map(|r| r.1).collect(), name)
    }

    #[test]
    fn every_common_layout_is_understood() {
        let two = ["甲词", "乙词"];
        for (file, text, name) in [
            ("a.txt", "甲词\n乙词\n", "words"),
            ("a.txt", "\u{feff}甲词\r\n\r\n乙词", "words"),
            ("a.txt", "甲词\r乙词\r", "words"),
            ("a.txt", "# 注\n// 注\n甲词\n乙词", "words"),
            ("a.txt", "甲词,乙词", "words"),
            ("a.txt", "甲词、乙词", "words"),
            ("a.txt", "甲词|乙词", "words"),
            ("a.txt", "甲词,\n乙词,\n", "words"),
            ("a.txt", "甲词=色情\n乙词=>**\n", "words"),
            ("a.txt", "甲词\t色情\t7\n乙词\t赌博\t12\n", "tab-separated"),
            ("a.txt", "甲词 0\n乙词 0,3\n", "space-separated"),
            ("a.txt", "甲词 色情 7\n乙词 赌博 12\n", "space-separated"),
            ("a.txt", "甲词,1\n乙词,2\n", "comma-separated"),
            ("a.txt", "甲词|3\n乙词|3\n", "pipe-separated"),
            ("a.txt", "55Sy6K+N\n5LmZ6K+N\n", "base64"),
            ("a.txt", "# id: kw.a\n甲词\tscore=0.3\n乙词\n", "keyword file"),
            ("a.csv", "id,关键词,说明\n1,甲词,\"一,\n二\"\n2,\"乙词\",三\n", "csv"),
            ("a.tsv", "甲词\t1\n乙词\t2\n", "csv"),
            ("a.json", "[\"甲词\",\"乙词\"]", "json"),
            ("a.json", "[{\"id\":1,\"word\":\"甲词\"},{\"id\":2,\"word\":\"乙词\"}]", "json"),
            ("a.json", "{\"色情\":[\"甲词\"],\"赌博\":[\"乙词\"]}", "json"),
            ("a.json", "{\"甲词\":1,\"乙词\":2}", "json"),
            ("a.jsonl", "{\"text\":\"甲词\"}\n{\"text\":\"乙词\"}\n", "json"),
        ] {
            assert_eq!(read(file, text), (two.map(str::to_owned).to_vec(), name), "{text:?}");
        }
    }

    #[test]
    fn words_with_blanks_stay_whole() {
        let text = "610 与公安\n甲词\nkill him\n64 之后\n";
        assert_eq!(read("a.txt", text).0, ["610 与公安", "甲词", "kill him", "64 之后"]);
        assert_eq!(read("a.txt", "甲.{0,6}乙,\n丙词,丁词\n").0, ["甲.{0,6}乙,", "丙词", "丁词"]);
        let english = "kill him\nbeat her\nrob them\n";
        assert_eq!(read("a.txt", english).0.len(), 3);
        assert_eq!(read("a.txt", english).0[0], "kill him");
    }

    #[test]
    fn a_column_is_taken_by_place_or_name() {
        let take = |file: &str, text: &str, column| {
            split(file, text, Format::Auto, Some(&column)).map(|r| r.0.into_iter().map(|r| r.1).collect::<Vec<_>>())
        };
        assert_eq!(take("a.txt", "1\t甲词\n2\t乙词\n", Column::Place(2)).unwrap(), ["甲词", "乙词"]);
        assert_eq!(take("a.csv", "k,w\n1,甲词\n", Column::Name("w".into())).unwrap(), ["甲词"]);
        assert_eq!(take("a.json", "[{\"w\":\"甲词\",\"x\":\"y\"}]", Column::Name("w".into())).unwrap(), ["甲词"]);
        for (file, text, column) in [
            ("a.txt", "甲词\n乙词\n", Column::Place(2)),
            ("a.csv", "k,w\n1,甲词\n", Column::Name("z".into())),
            ("a.csv", "1,甲词\n", Column::Place(0)),
            ("a.csv", "1,甲词\n", Column::Place(3)),
        ] {
            assert!(matches!(take(file, text, column), Err(Error::Column { .. })), "{text}");
        }
    }
}
