//! Rows of CSV and JSON Lines, and what their columns are called.

use std::collections::BTreeMap;

use super::words::plain;
use super::{MAX_ROWS, Table};
use crate::error::Error;
use crate::question::BankKind;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Question,
    Group,
    Bank,
    Lang,
    Modality,
    Source,
    Form,
    Also,
    Retired,
    /// Known and of no use: numbers, dates of adding, names beside an id.
    Passed,
}

impl Column {
    /// A column by its heading.
    pub(super) fn of(heading: &str) -> Option<Column> {
        // `题目（必填）` and `*题目` are 题目.
        let bare = heading.split(['(', '（', '[', '【']).next().unwrap_or_default();
        match plain(bare).as_str() {
            "题目" | "问题" | "测试题" | "测试题目" | "测试问题" | "题目内容" | "问题内容" | "提问" | "提示词"
            | "question" | "questions" | "text" | "prompt" => Some(Column::Question),
            "风险" | "风险类型" | "风险类别" | "安全风险" | "类别" | "风险或方面" | "风险方面" | "risk"
            | "riskoraspect" | "risktype" | "category" | "group" | "aspect" | "方面" => Some(Column::Group),
            "题库" | "所属题库" | "题库类型" | "bank" => Some(Column::Bank),
            "语言" | "语种" | "lang" | "language" => Some(Column::Lang),
            "模态" | "modality" => Some(Column::Modality),
            "来源" | "题目来源" | "source" | "origin" => Some(Column::Source),
            "形式" | "提问形式" | "form" => Some(Column::Form),
            "其他风险" | "also" | "alsorisks" => Some(Column::Also),
            "停用日期" | "退役日期" | "retired" => Some(Column::Retired),
            "编号" | "序号" | "名称" | "加入日期" | "id" | "no" | "number" | "name" | "added" => {
                Some(Column::Passed)
            }
            _ => None,
        }
    }
}

/// A row of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// From 1.
    pub number: usize,
    /// The sheet, where the file has several.
    pub sheet: Option<String>,
    /// The bank that the sheet's name says.
    pub sheet_bank: Option<BankKind>,
    pub cells: BTreeMap<Column, String>,
    /// What is wrong with it already.
    pub wrong: Vec<String>,
}

impl Row {
    /// A cell without spaces around it; empty when there is none.
    pub(super) fn get(&self, column: Column) -> &str {
        self.cells.get(&column).map_or("", |cell| cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}'))
    }

    /// Where it stands, in words.
    pub(super) fn place(&self) -> String {
        match &self.sheet {
            Some(sheet) => format!("sheet {sheet}, row {}", self.number),
            None => format!("row {}", self.number),
        }
    }
}

/// A heading row, and where its columns are.
pub(super) struct Heading {
    pub columns: BTreeMap<Column, usize>,
    pub unknown: Vec<String>,
    /// A column that stands twice.
    pub twice: Option<String>,
}

impl Heading {
    /// What a row says about columns, when it names the question.
    pub(super) fn of(cells: &[String]) -> Option<Heading> {
        let mut heading = Heading { columns: BTreeMap::new(), unknown: Vec::new(), twice: None };
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
            match Column::of(cell) {
                None => heading.unknown.push(cell.trim().chars().take(40).collect()),
                Some(Column::Passed) => {}
                Some(column) => {
                    if heading.columns.insert(column, at).is_some() {
                        heading.twice = Some(cell.trim().to_owned());
                    }
                }
            }
        }
        heading.columns.contains_key(&Column::Question).then_some(heading)
    }
}

/// How far down a heading is looked for: titles may stand above it.
const HEADING_WITHIN: usize = 10;

/// Takes the rows of a grid (each with its number) into a table. Gives false when it has no heading.
pub(super) fn take(
    table: &mut Table,
    grid: Vec<(usize, Vec<String>)>,
    sheet: Option<&str>,
    sheet_bank: Option<BankKind>,
) -> bool {
    let place = sheet.map(|sheet| format!("sheet {sheet}: ")).unwrap_or_default();
    let filled = || grid.iter().filter(|(_, cells)| cells.iter().any(|c| !c.trim().is_empty()));
    let Some((at, heading)) = filled().take(HEADING_WITHIN).find_map(|(at, cells)| Some((*at, Heading::of(cells)?)))
    else {
        return false;
    };
    if let Some(twice) = heading.twice {
        table.problems.0.push(format!("{place}row {at}: two columns mean the same; one is {twice:?}"));
    }
    table.unused.extend(heading.unknown.into_iter().map(|name| format!("{place}column {name}")));
    let columns = heading.columns;
    for (number, mut cells) in grid.into_iter().filter(|(number, _)| *number > at) {
        let mut cell = |at: usize| cells.get_mut(at).map(std::mem::take).unwrap_or_default();
        let cells: BTreeMap<Column, String> = columns.iter().map(|(column, at)| (*column, cell(*at))).collect();
        if cells.values().any(|c| !c.trim().is_empty()) {
            table.rows.push(Row { number, sheet: sheet.map(str::to_owned), sheet_bank, cells, wrong: Vec::new() });
        }
    }
    true
}

pub(super) fn no_heading() -> String {
    "no column for the question was found; its heading is 题目, 问题, question, text or prompt".to_owned()
}

pub(super) fn too_many(name: &str) -> Error {
    Error::Unusable(format!("{name}: it has more than {MAX_ROWS} rows"))
}

/// Rows of CSV; without a delimiter, the one of comma, tab and semicolon that gives the most columns.
pub(super) fn csv(text: &str, delimiter: Option<u8>, name: &str) -> Result<Table, Error> {
    let known = |delimiter: u8| {
        let mut rows = reader(text, delimiter).into_records().take(HEADING_WITHIN).filter_map(Result::ok);
        rows.find_map(|r| Heading::of(&r.iter().map(str::to_owned).collect::<Vec<_>>())).map_or(0, |h| h.columns.len())
    };
    let delimiter = delimiter.unwrap_or_else(|| {
        let candidates = [b',', b'\t', b';'].map(|d| (known(d), d));
        candidates.into_iter().rev().max_by_key(|(columns, _)| *columns).map_or(b',', |(_, d)| d)
    });
    let mut grid = Vec::new();
    let (mut reader, mut record) = (reader(text, delimiter), csv::StringRecord::new());
    let (mut number, mut end) = (0, 0);
    while reader.read_record(&mut record).map_err(|e| Error::data(name, e.to_string()))? {
        // Empty lines are rows of a spreadsheet program, but no records.
        number += 1 + empty_lines(text, end);
        end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        if number > MAX_ROWS {
            return Err(too_many(name));
        }
        grid.push((number, record.iter().map(|cell| unescape(cell).to_owned()).collect()));
    }
    let mut table = Table::default();
    if !take(&mut table, grid, None, None) {
        table.problems.0.push(no_heading());
    }
    Ok(table)
}

/// How many empty lines follow the record that ends here.
fn empty_lines(text: &str, end: usize) -> usize {
    let (before, after) = text.as_bytes().split_at(end.min(text.len()));
    let after = if before.ends_with(b"\r") { after.strip_prefix(b"\n").unwrap_or(after) } else { after };
    after.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count()
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes())
}

/// Without the apostrophe that keeps a spreadsheet program from taking text for a formula.
fn unescape(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(['=', '+', '-', '@'])).unwrap_or(cell)
}

/// Rows of JSON Lines: objects whose members are called like columns.
pub(super) fn jsonl(text: &str, name: &str) -> Result<Table, Error> {
    let mut table = Table::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if table.rows.len() >= MAX_ROWS {
            return Err(too_many(name));
        }
        let mut row = Row { number, ..Row::default() };
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line) {
            Err(e) => table.problems.0.push(format!("row {number}: it is no JSON object: {e}")),
            Ok(members) => {
                for (key, value) in members {
                    let column = match Column::of(&key) {
                        Some(Column::Passed) => continue,
                        Some(column) => column,
                        None => {
                            table.unused.insert(format!("member {}", key.chars().take(40).collect::<String>()));
                            continue;
                        }
                    };
                    let Some(cell) = shown(&value) else {
                        row.wrong.push(format!("{key:?} is neither text nor a list of texts"));
                        continue;
                    };
                    let before = row.cells.insert(column, cell);
                    if before.is_some_and(|b| !b.trim().is_empty()) {
                        row.wrong.push(format!("two members mean the same; one is {key:?}"));
                    }
                }
                table.rows.push(row);
            }
        }
    }
    Ok(table)
}

fn shown(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(s) => Some(s.clone()),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join("\n"))
        }
        Value::Object(_) => None,
    }
}
