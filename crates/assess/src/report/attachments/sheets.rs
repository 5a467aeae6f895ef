//! The keyword list and the questions as workbooks. Text is written as text: nothing begins a formula or a link.

use std::collections::{BTreeMap, BTreeSet};

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Workbook, Worksheet};

use super::super::Error;
use super::super::clean::{clean, clip};
use super::super::words::Words;
use super::{QuestionRow, properties};
use crate::result::{Assessment, Wording};

/// Characters of a cell that Excel keeps.
const MOST: usize = 32_000;
/// Rows of a sheet below its head, that Excel keeps.
const ROWS: usize = 1_048_575;

struct Formats {
    head: Format,
    text: Format,
    number: Format,
}

impl Formats {
    fn new() -> Formats {
        let cell = || {
            Format::new()
                .set_font_name("宋体")
                .set_font_size(10)
                .set_align(FormatAlign::Top)
                .set_border(FormatBorder::Thin)
                .set_border_color(Color::RGB(0x00BC_C6D2))
        };
        Formats {
            head: cell()
                .set_bold()
                .set_background_color(Color::RGB(0x00E6_ECF4))
                .set_font_color(Color::RGB(0x001F_3A5F)),
            text: cell().set_text_wrap().set_num_format("@"),
            number: cell().set_num_format("#,##0"),
        }
    }
}

/// A sheet with its head: keys of titles in `sheets` and widths.
fn head(sheet: &mut Worksheet, f: &Formats, words: &Words, columns: &[(&str, f64)]) -> Result<(), Error> {
    for (n, (key, width)) in (0_u16..).zip(columns) {
        sheet.set_column_width(n, *width)?;
        sheet.write_string_with_format(0, n, words.word(&format!("sheets.{key}"))?, &f.head)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    Ok(())
}

fn text(sheet: &mut Worksheet, f: &Formats, row: u32, column: u16, text: &str) -> Result<(), Error> {
    sheet.write_string_with_format(row, column, clip(&clean(text), MOST), &f.text)?;
    Ok(())
}

fn number(sheet: &mut Worksheet, f: &Formats, row: u32, column: u16, value: usize) -> Result<(), Error> {
    let value = u32::try_from(value).map_err(|_| Error::TooLarge("numbers of a workbook"))?;
    sheet.write_number_with_format(row, column, f64::from(value), &f.number)?;
    Ok(())
}

fn row_number(n: usize) -> Result<u32, Error> {
    u32::try_from(n).map_err(|_| Error::TooLarge("rows of a sheet"))
}

/// Names of risks and aspects by id.
fn names(a: &Assessment, risks: &[(&str, Wording)], words: &Words) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> =
        risks.iter().map(|(id, name)| ((*id).to_owned(), words.both(name))).collect();
    out.extend(a.risks.iter().map(|r| (r.id.clone(), words.both(&r.name))));
    out.extend(a.aspects.iter().map(|r| (r.id.clone(), words.both(&r.name))));
    out
}

/// The keyword list: an overview, then the words risk by risk.
pub(super) fn keywords(
    a: &Assessment,
    list: &[(String, String)],
    risks: &[(&str, Wording)],
    words: &Words,
) -> Result<Vec<u8>, Error> {
    if list.len() > ROWS {
        return Err(Error::TooLarge("keywords of a sheet"));
    }
    let names = names(a, risks, words);
    let mut by_risk: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (risk, word) in list {
        by_risk.entry(risk).or_default().push(word);
    }
    let name = |id: &str| names.get(id).cloned().unwrap_or_else(|| words.named("groups", id));
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(&words.word("files.keywords")?, &a.ended));
    let f = Formats::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(words.word("sheets.overview")?)?;
    head(sheet, &f, words, &[("risk_id", 12.0), ("risk", 54.0), ("count", 12.0)])?;
    let mut row = 1;
    for (risk, all) in &by_risk {
        text(sheet, &f, row, 0, risk)?;
        text(sheet, &f, row, 1, &name(risk))?;
        number(sheet, &f, row, 2, all.len())?;
        row += 1;
    }
    text(sheet, &f, row, 0, "")?;
    text(sheet, &f, row, 1, &words.word("sheets.total")?)?;
    number(sheet, &f, row, 2, list.len())?;
    let sheet = workbook.add_worksheet();
    sheet.set_name(words.word("sheets.keyword")?)?;
    head(sheet, &f, words, &[("number", 9.0), ("risk_id", 12.0), ("risk", 48.0), ("keyword", 40.0)])?;
    let all = by_risk.iter().flat_map(|(risk, all)| all.iter().map(move |word| (*risk, *word)));
    for (n, (risk, word)) in all.enumerate() {
        let row = row_number(n + 1)?;
        number(sheet, &f, row, 0, n + 1)?;
        text(sheet, &f, row, 1, risk)?;
        text(sheet, &f, row, 2, &name(risk))?;
        text(sheet, &f, row, 3, word)?;
    }
    sheet.autofilter(0, 0, row_number(list.len())?, 3)?;
    Ok(workbook.save_to_buffer()?)
}

/// The questions: an overview, then a sheet a bank.
pub(super) fn questions(
    a: &Assessment,
    rows: &[QuestionRow],
    risks: &[(&str, Wording)],
    words: &Words,
) -> Result<Vec<u8>, Error> {
    const BANKS: [&str; 3] = ["generated", "refuse", "answer"];
    if rows.len() > ROWS {
        return Err(Error::TooLarge("questions of a sheet"));
    }
    let names = names(a, risks, words);
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties(&words.word("files.questions")?, &a.ended));
    let f = Formats::new();
    let other: BTreeSet<&str> = rows.iter().map(|r| r.bank.as_str()).filter(|bank| !BANKS.contains(bank)).collect();
    let mut sheets: Vec<(String, Vec<&QuestionRow>)> = BANKS
        .iter()
        .map(|bank| (words.named("banks", bank), rows.iter().filter(|r| r.bank == *bank).collect()))
        .collect();
    if !other.is_empty() {
        let rest = rows.iter().filter(|r| other.contains(r.bank.as_str())).collect();
        sheets.push((words.word("sheets.other")?, rest));
    }
    for (title, rows) in &sheets {
        let sheet = workbook.add_worksheet();
        sheet.set_name(clip(title, 30))?;
        head(
            sheet,
            &f,
            words,
            &[
                ("number", 8.0),
                ("question_id", 14.0),
                ("group_id", 11.0),
                ("group", 34.0),
                ("lang", 8.0),
                ("modality", 10.0),
                ("text", 84.0),
            ],
        )?;
        for (n, row) in rows.iter().enumerate() {
            let at = row_number(n + 1)?;
            number(sheet, &f, at, 0, n + 1)?;
            let name = names.get(&row.group).cloned().unwrap_or_else(|| words.named("groups", &row.group));
            for (column, value) in (1_u16..).zip([&row.id, &row.group, &name, &row.lang, &row.modality, &row.text]) {
                text(sheet, &f, at, column, value)?;
            }
        }
        sheet.autofilter(0, 0, row_number(rows.len())?, 6)?;
    }
    Ok(workbook.save_to_buffer()?)
}
