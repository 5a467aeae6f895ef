//! Standard answers as spreadsheets: CSV and XLSX, one pair a row, read all or not at all.
//!
//! The first row names the columns, in English or Chinese, in any order. Ways to ask stand in one cell, one a line;
//! applications likewise. What people open in a spreadsheet program must not run there: in CSV a cell that begins
//! like a formula gets an apostrophe in front, which reading takes off again; in XLSX every cell is text.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};

use super::entry::{Answer, Status, parse_date};
use crate::error::{Error, RowProblem};
use crate::settings::Lang;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 32 << 20;
/// The largest content of a workbook once unpacked, in bytes: a bomb is refused before it is parsed.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// The most rows that are read.
pub const MAX_ROWS: usize = 200_000;
/// The widest row that is read: what is farther right is not a column of ours.
const MAX_COLUMNS: usize = 64;

/// The columns, in the order of writing, with their Chinese names.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "编号"),
    ("version", "版本"),
    ("questions", "问法"),
    ("answer", "答案"),
    ("lang", "语言"),
    ("topic", "主题"),
    ("approved_by", "审批人"),
    ("approved_at", "审批日期"),
    ("valid_from", "生效日期"),
    ("valid_to", "失效日期"),
    ("apps", "应用"),
    ("status", "状态"),
];

/// What a table held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The pairs, in the order of rows.
    pub answers: Vec<Answer>,
    /// What is suspicious about them.
    pub warnings: Vec<RowProblem>,
}

pub(crate) fn column_names() -> String {
    COLUMNS.iter().map(|(en, zh)| format!("{en} ({zh})")).collect::<Vec<_>>().join(", ")
}

/// Reads a CSV file (UTF-8, with or without byte-order mark; comma, semicolon or tab).
///
/// # Errors
/// [`Error::Rows`] lists every row error; nothing is returned unless every row is right.
pub fn from_csv(bytes: &[u8]) -> Result<Imported, Error> {
    within(bytes.len())?;
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        Error::NotUtf8 { line }
    })?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = [b'\t', b';'].into_iter().find(|d| head.contains(char::from(*d))).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(Error::Csv)?;
        if rows.len() > MAX_ROWS {
            return Err(Error::TooManyRows { max: MAX_ROWS });
        }
        rows.push(record.iter().take(MAX_COLUMNS).map(|cell| unescape(cell).to_owned()).collect());
    }
    read(&rows)
}

/// Writes a CSV file that spreadsheet programs open as UTF-8 and run nothing of.
///
/// # Errors
/// [`Error::Write`] when the writer fails.
pub fn to_csv(answers: &[Answer]) -> Result<Vec<u8>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::Write(e.to_string());
    let mut writer = csv::Writer::from_writer("\u{FEFF}".as_bytes().to_vec());
    writer.write_record(COLUMNS.iter().map(|(en, _)| *en)).map_err(|e| failed(&e))?;
    for answer in answers {
        writer.write_record(cells(answer).iter().map(|c| escape(c))).map_err(|e| failed(&e))?;
    }
    writer.into_inner().map_err(|e| failed(&e))
}

/// Reads the first sheet of an XLSX workbook.
///
/// # Errors
/// [`Error::Rows`] lists every row error; nothing is returned unless every row is right.
pub fn from_xlsx(bytes: &[u8]) -> Result<Imported, Error> {
    within(bytes.len())?;
    unpacks_within(bytes)?;
    // The reader of workbooks panics on some damaged ones, such as a range of cells that ends before it begins.
    let caught = std::panic::catch_unwind(|| read_xlsx(bytes));
    caught.unwrap_or_else(|_| Err(Error::Workbook("it is damaged".to_owned())))
}

fn read_xlsx(bytes: &[u8]) -> Result<Imported, Error> {
    let broken = |e: calamine::XlsxError| Error::Workbook(e.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let Some(sheet) = book.sheet_names().first().cloned() else {
        return Err(Error::Workbook("it has no sheet".to_owned()));
    };
    // Cells one by one: a sheet whose only cell is the last possible one must not become a dense table.
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(broken)?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let (Ok(row), Ok(column)) = (usize::try_from(row), usize::try_from(column)) else { continue };
        let value = shown(cell.get_value());
        if column >= MAX_COLUMNS || value.is_empty() {
            continue;
        }
        if row > MAX_ROWS {
            return Err(Error::TooManyRows { max: MAX_ROWS });
        }
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        if rows[row].len() <= column {
            rows[row].resize_with(column + 1, String::new);
        }
        rows[row][column] = value;
    }
    read(&rows)
}

/// Writes an XLSX workbook of text cells.
///
/// # Errors
/// [`Error::Write`], for example when a cell is longer than the format allows (32,767 characters).
pub fn to_xlsx(answers: &[Answer]) -> Result<Vec<u8>, Error> {
    let failed = |e: rust_xlsxwriter::XlsxError| Error::Write(e.to_string());
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (column, (en, _)) in (0_u16..).zip(COLUMNS) {
        sheet.write_string(0, column, *en).map_err(failed)?;
    }
    for (row, answer) in (1_u32..).zip(answers) {
        for (column, cell) in (0_u16..).zip(cells(answer)) {
            if !cell.is_empty() {
                sheet.write_string(row, column, cell).map_err(failed)?;
            }
        }
    }
    book.save_to_buffer().map_err(failed)
}

/// Writes pairs as a pack's `answers/*.toml`.
///
/// # Errors
/// [`Error::Write`] when the writer fails.
pub fn to_toml(answers: &[Answer]) -> Result<String, Error> {
    let list = |items: &[String]| toml::Value::Array(items.iter().cloned().map(toml::Value::String).collect());
    let tables = answers.iter().map(|answer| {
        let mut table = toml::Table::new();
        let names = COLUMNS.iter().map(|(en, _)| *en);
        for (name, cell) in names.zip(cells(answer)).filter(|(_, cell)| !cell.is_empty()) {
            let value = match name {
                "version" => toml::Value::Integer(i64::from(answer.version)),
                "questions" => list(&answer.questions),
                "apps" => list(&answer.apps),
                _ => toml::Value::String(cell),
            };
            table.insert(name.to_owned(), value);
        }
        toml::Value::Table(table)
    });
    let mut document = toml::Table::new();
    document.insert("answer".to_owned(), toml::Value::Array(tables.collect()));
    toml::to_string_pretty(&document).map_err(|e| Error::Write(e.to_string()))
}

fn within(bytes: usize) -> Result<(), Error> {
    if u64::try_from(bytes).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Error::TooLarge { max: MAX_BYTES });
    }
    Ok(())
}

/// Unpacks every member into nothing, counting: what a member declares about its size may be a lie.
fn unpacks_within(bytes: &[u8]) -> Result<(), Error> {
    let broken = |e: &dyn std::fmt::Display| Error::Workbook(e.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(|e| broken(&e))?;
        let unpacked = std::io::copy(&mut member.take(left + 1), &mut std::io::sink()).map_err(|e| broken(&e))?;
        left = left.checked_sub(unpacked).ok_or(Error::TooLarge { max: MAX_UNPACKED_BYTES })?;
    }
    Ok(())
}

fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(s) => s.clone(),
        DataRef::SharedString(s) => (*s).to_owned(),
        DataRef::Int(i) => i.to_string(),
        DataRef::Float(f) => f.to_string(),
        DataRef::Bool(b) => b.to_string(),
        DataRef::DateTime(d) => {
            let (year, month, day, ..) = d.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

const fn starts_a_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠')
}

/// An apostrophe before what a spreadsheet program would run, and before an apostrophe, so that reading is exact.
fn escape(cell: &str) -> String {
    match cell.chars().next() {
        Some(c) if c == '\'' || starts_a_formula(c) => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

fn unescape(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(|c| c == '\'' || starts_a_formula(c)) => rest,
        _ => cell,
    }
}

fn cells(answer: &Answer) -> [String; 12] {
    let day = |d: Option<jiff::civil::Date>| d.map(|d| d.to_string()).unwrap_or_default();
    [
        answer.id.clone(),
        answer.version.to_string(),
        answer.questions.join("\n"),
        answer.answer.clone(),
        answer.lang.id().to_owned(),
        answer.topic.clone().unwrap_or_default(),
        answer.approved_by.clone().unwrap_or_default(),
        day(answer.approved_at),
        day(answer.valid_from),
        day(answer.valid_to),
        answer.apps.join("\n"),
        answer.status.id().to_owned(),
    ]
}

/// Column name → index in the table.
fn header(row: &[String]) -> Result<HashMap<&'static str, usize>, Error> {
    let mut places = HashMap::new();
    for (at, cell) in row.iter().enumerate() {
        let name = cell.trim().to_lowercase();
        if name.is_empty() {
            continue;
        }
        let Some((column, _)) = COLUMNS.iter().find(|(en, zh)| *en == name || *zh == name) else {
            return Err(Error::Header { message: format!("unknown column {cell:?}") });
        };
        if places.insert(*column, at).is_some() {
            return Err(Error::Header { message: format!("column {column:?} stands twice") });
        }
    }
    for required in ["id", "questions", "answer"] {
        if !places.contains_key(required) {
            return Err(Error::Header { message: format!("column {required:?} is missing") });
        }
    }
    Ok(places)
}

fn read(rows: &[Vec<String>]) -> Result<Imported, Error> {
    let Some((first, rows)) = rows.split_first() else {
        return Err(Error::Header { message: "the table is empty".to_owned() });
    };
    let places = header(first)?;
    let mut imported = Imported::default();
    let mut problems = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (row, cells) in (2_usize..).zip(rows) {
        if cells.iter().all(|c| c.trim().is_empty()) {
            continue;
        }
        let before = problems.len();
        let answer = read_row(row, cells, &places, &mut problems);
        for problem in answer.check() {
            let (column, message, remedy) = (problem.field, problem.message, problem.remedy);
            let list = if problem.warning { &mut imported.warnings } else { &mut problems };
            list.push(RowProblem { row, column, message, remedy });
        }
        if let Some(first) = seen.insert(answer.id.clone(), row) {
            let message = format!("duplicate id {:?}", answer.id);
            problems.push(RowProblem {
                row,
                column: "id",
                message,
                remedy: format!("the first one is in row {first}"),
            });
        }
        if problems.len() == before {
            imported.answers.push(answer);
        }
    }
    if problems.is_empty() { Ok(imported) } else { Err(Error::Rows(problems)) }
}

fn read_row(
    row: usize,
    cells: &[String],
    places: &HashMap<&'static str, usize>,
    problems: &mut Vec<RowProblem>,
) -> Answer {
    let cell = |name: &str| places.get(name).and_then(|at| cells.get(*at)).map_or("", |c| c.trim());
    let text = |name: &str| Some(cell(name)).filter(|c| !c.is_empty()).map(str::to_owned);
    let mut complain = |column: &'static str, message: String, remedy: &str| {
        problems.push(RowProblem { row, column, message, remedy: remedy.to_owned() });
    };
    let version = match cell("version") {
        "" => 1,
        given => given.parse::<u32>().ok().filter(|v| *v >= 1).unwrap_or_else(|| {
            complain("version", format!("{given:?} is not a version"), "use a whole number from 1");
            1
        }),
    };
    let answer = cell("answer").to_owned();
    let lang = match cell("lang") {
        "zh" => Lang::Zh,
        "en" => Lang::En,
        "" => Lang::of(&answer),
        given => {
            complain("lang", format!("{given:?} is not a language"), "one of zh, en");
            Lang::Zh
        }
    };
    let status = match cell("status") {
        "" => Status::Draft,
        given => given.parse().unwrap_or_else(|why: String| {
            complain("status", why, "one of draft, review, approved, retired");
            Status::Draft
        }),
    };
    let mut day = |name: &'static str| {
        let given = Some(cell(name)).filter(|c| !c.is_empty())?;
        let date = parse_date(given);
        if date.is_none() {
            complain(name, format!("{given:?} is not a date"), "write it as 2026-01-31");
        }
        date
    };
    let (approved_at, valid_from, valid_to) = (day("approved_at"), day("valid_from"), day("valid_to"));
    let lines = |name: &str| cell(name).lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    Answer {
        id: cell("id").to_owned(),
        version,
        questions: lines("questions"),
        answer,
        lang,
        topic: text("topic"),
        approved_by: text("approved_by"),
        approved_at,
        valid_from,
        valid_to,
        apps: lines("apps"),
        status,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(id: &str, answer: &str) -> Answer {
        Answer {
            id: id.to_owned(),
            version: 3,
            questions: vec!["一？".to_owned(), "=二".to_owned(), "三,\"四\"".to_owned()],
            answer: answer.to_owned(),
            lang: Lang::Zh,
            topic: Some("service.hours".to_owned()),
            approved_by: Some("审核组".to_owned()),
            approved_at: parse_date("2026-11-21"),
            valid_from: None,
            valid_to: parse_date("2099-12-31"),
            apps: vec!["bank".to_owned(), "school".to_owned()],
            status: Status::Approved,
        }
    }

    #[test]
    fn both_formats_round_trip() {
        let pairs = vec![pair("a", "=1+1"), pair("b", "@x"), pair("c", "'quoted"), pair("d", "多行\n答案")];
        assert_eq!(from_csv(&to_csv(&pairs).unwrap()).unwrap().answers, pairs);
        assert_eq!(from_xlsx(&to_xlsx(&pairs).unwrap()).unwrap().answers, pairs);
    }

    #[test]
    fn a_table_becomes_a_pack_file() {
        let toml = to_toml(&[pair("a", "一\n二")]).unwrap();
        let file = crate::document::File::new("x.toml", &toml);
        let parsed = file.parse();
        let mut fields = crate::document::Fields::new(&file, parsed.get_ref(), 0);
        let read: Vec<Answer> =
            fields.tables("answer").into_iter().filter_map(super::super::read).map(|(a, _)| a).collect();
        assert_eq!(read, [pair("a", "一\n二")]);
        assert!(file.into_diagnostics().is_empty());
    }

    #[test]
    fn no_cell_of_a_csv_starts_a_formula() {
        let csv = String::from_utf8(to_csv(&[pair("a", "=cmd|' /C calc'!A0")]).unwrap()).unwrap();
        assert!(csv.contains("'=cmd|"));
        assert!(!csv.contains(",=") && !csv.contains(",\"="));
    }

    #[test]
    fn every_row_error_is_listed_and_nothing_is_taken() {
        let csv = "编号,问法,答案,状态,approved_at,version\n\
                   a,问,答,approved,2026-01-01,1\n\
                   b,问,,draft,,x\n\
                   b,问,答,open,01.02.2026,\n";
        let Err(Error::Rows(problems)) = from_csv(csv.as_bytes()) else { panic!("rows with errors were taken") };
        let found: Vec<_> = problems.iter().map(|p| (p.row, p.column)).collect();
        assert_eq!(
            found,
            [(2, "approved_by"), (3, "version"), (3, "answer"), (4, "status"), (4, "approved_at"), (4, "id")]
        );
        assert_eq!(problems[1].to_string(), "row 3, version: \"x\" is not a version (use a whole number from 1)");
    }

    #[test]
    fn broken_files_are_refused_with_a_reason() {
        assert!(matches!(from_csv(b"id,answer\n"), Err(Error::Header { .. })));
        assert!(matches!(from_csv(b"id,questions,answer,colour\n"), Err(Error::Header { .. })));
        assert!(matches!(from_csv(b""), Err(Error::Header { .. })));
        let gbk = b"id,questions,answer\na,\xce\xca,\xb4\xf0\n";
        assert!(matches!(from_csv(gbk), Err(Error::NotUtf8 { line: 2 })));
        assert!(matches!(from_xlsx(b"PK\x03\x04 not a workbook"), Err(Error::Workbook(_))));
        assert!(matches!(from_csv(&vec![b'a'; 33 << 20]), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn a_lone_far_cell_is_no_bomb() {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.add_worksheet().write_string(1_048_575, 16_383, "x").unwrap();
        let bytes = book.save_to_buffer().unwrap();
        assert!(from_xlsx(&bytes).is_err());
    }

    #[test]
    fn a_zip_bomb_is_refused_before_it_is_parsed() {
        use std::io::Write;
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file("xl/sharedStrings.xml", options).unwrap();
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..300 {
            writer.write_all(&zeros).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        assert!(bytes.len() < 2 << 20);
        assert!(matches!(from_xlsx(&bytes), Err(Error::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn escaping_is_exact_and_disarms(cell in "['=+@\\-a＝\t]{0,5}") {
            let escaped = escape(&cell);
            prop_assert_eq!(unescape(&escaped), cell.as_str());
            prop_assert!(!escaped.starts_with(starts_a_formula));
        }

        #[test]
        fn any_bytes_are_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = from_csv(&bytes);
            let _ = from_xlsx(&bytes);
        }
    }
}
