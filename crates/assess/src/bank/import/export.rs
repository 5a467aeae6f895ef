//! The banks as a workbook that [`import`](super::import) reads back.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::bank::Bank;
use crate::bank::stats::{form_zh, modality_zh};
use crate::error::Error;
use crate::question::{BankKind, Question};

/// The columns with their widths. The headings are ones that [`import`](super::import) knows.
const COLUMNS: [(&str, f64); 11] = [
    ("编号", 14.0),
    ("题目", 70.0),
    ("风险或方面", 12.0),
    ("名称", 30.0),
    ("语言", 8.0),
    ("形式", 10.0),
    ("模态", 8.0),
    ("其他风险", 14.0),
    ("加入日期", 12.0),
    ("停用日期", 12.0),
    ("来源", 24.0),
];

/// Writes the banks as a workbook with a sheet each, retired questions too. Every cell is text; the same bank always
/// gives the same bytes.
///
/// # Errors
/// [`Error::Unusable`] when a question does not fit into a cell (32,767 characters).
pub fn export_xlsx(bank: &Bank) -> Result<Vec<u8>, Error> {
    write(bank).map_err(|e| Error::Unusable(format!("the workbook cannot be written: {e}")))
}

fn write(bank: &Bank) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // A fixed date: the bytes depend on the bank alone.
    let date = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&date));
    let heading = Format::new().set_bold();
    let text = Format::new().set_num_format("@").set_text_wrap();
    // Such a cell stays text when somebody edits it.
    let quoted = Format::new().set_num_format("@").set_text_wrap().set_quote_prefix();
    for kind in BankKind::ALL {
        let sheet = book.add_worksheet();
        sheet.set_name(kind.zh())?.set_freeze_panes(1, 0)?;
        for (column, (name, width)) in (0_u16..).zip(COLUMNS) {
            sheet.set_column_width(column, width)?.write_string_with_format(0, column, name, &heading)?;
        }
        let questions = bank.questions().iter().filter(|q| q.bank == kind);
        for (row, question) in (1_u32..).zip(questions) {
            write_row(sheet, row, question, &text, &quoted)?;
        }
    }
    book.save_to_buffer()
}

fn write_row(sheet: &mut Worksheet, row: u32, q: &Question, text: &Format, quoted: &Format) -> Result<(), XlsxError> {
    let also: Vec<&str> = q.also.iter().map(|risk| risk.id()).collect();
    let cells = [
        q.id.as_str(),
        &q.text,
        q.group.id(),
        q.group.zh(),
        &q.lang,
        form_zh(q.form),
        modality_zh(q.modality),
        &also.join(", "),
        &q.added,
        q.retired.as_deref().unwrap_or_default(),
        &q.source,
    ];
    for (column, cell) in (0_u16..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        let format = if cell.starts_with(['=', '+', '-', '@', '\'']) { quoted } else { text };
        sheet.write_string_with_format(row, column, cell, format)?;
    }
    Ok(())
}
