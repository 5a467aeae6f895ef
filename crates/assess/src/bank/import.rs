//! Questions from spreadsheets and JSON Lines, taken in all or not at all; and the banks as a workbook.
//!
//! Nothing is evaluated: a formula's cell gives the value that was saved with it, and text that begins with `=` is text.

use std::collections::BTreeSet;

use menshen_verdict::Risk;

use super::Bank;
use super::change::{Asked, NewQuestion};
use super::lint::{guess_lang, is_lang};
use crate::error::{Error, Problems};
use crate::question::{BankKind, Group};

mod encoding;
mod export;
mod rows;
#[cfg(test)]
mod tests;
mod words;
mod workbook;

pub use export::export_xlsx;

use rows::{Column, Row};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// The most rows that are read.
pub const MAX_ROWS: usize = 200_000;

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The questions, in the order of rows.
    pub new: Vec<NewQuestion>,
    /// How the file was read: `XLSX`, `UTF-8`, `UTF-16LE`, `UTF-16BE` or `GB18030`.
    pub encoding: String,
    /// Rows (1 is the first of the file or sheet) that ask what is asked already, with the id of the question, or
    /// `row 7` (in a workbook: `sheet 题库, row 7`) of the same file.
    pub skipped_duplicates: Vec<(usize, String)>,
    /// What was not read, in words: columns and sheets that are not known, and rows that say that they are retired.
    pub unused: Vec<String>,
}

/// What the rows of a file are read into.
#[derive(Debug, Default)]
struct Table {
    rows: Vec<Row>,
    encoding: String,
    /// Columns and sheets that were not read.
    unused: BTreeSet<String>,
    problems: Problems,
}

/// Reads questions from a file whose name ends in `.xlsx`, `.csv`, `.tsv` or `.jsonl`.
///
/// Columns are found by their names, Chinese or English, in any order: the question, and where it needs them its risk
/// or aspect, bank, language, modality, form, source and further risks. The bank is what the row says, else what the
/// sheet's name says, else `default`, else what its group can only be; the group is what the row says, else
/// `default_group`. Rows that repeat a current question of `existing`, or another row, are left out and listed.
///
/// # Errors
/// [`Error::Data`] names every wrong row, and nothing is taken in; [`Error::Unusable`] when the file is too large or of
/// another kind.
pub fn import(
    bytes: &[u8],
    name: &str,
    default: Option<BankKind>,
    default_group: Option<Group>,
    existing: &Bank,
) -> Result<Imported, Error> {
    if bytes.len() > MAX_BYTES {
        let (size, most) = (bytes.len() >> 20, MAX_BYTES >> 20);
        return Err(Error::Unusable(format!("{name}: {size} MiB are too much; at most {most} MiB are read")));
    }
    let table = read(bytes, name)?;
    let mut problems = table.problems;
    let mut imported = Imported { encoding: table.encoding, ..Imported::default() };
    imported.unused.extend(table.unused);
    let mut asked = Asked::of(existing);
    let (mut retired, mut rows) = (0_usize, 0_usize);
    for row in table.rows {
        rows += 1;
        if !row.get(Column::Retired).is_empty() {
            retired += 1;
            continue;
        }
        let question = match question(&row, default, default_group) {
            Ok(question) => question,
            Err(wrong) => {
                problems.0.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", row.place())));
                continue;
            }
        };
        match asked.same(question.bank, question.modality, &question.text) {
            Some((bank, id)) if *bank == question.bank => {
                imported.skipped_duplicates.push((row.number, id.clone()));
            }
            Some((bank, id)) => problems.0.push(format!(
                "{}: it asks the same as {id} of the {}, so it cannot stand in the {}",
                row.place(),
                bank.en(),
                question.bank.en()
            )),
            None => {
                asked.note(question.bank, question.modality, &question.text, row.place());
                imported.new.push(question);
            }
        }
    }
    if rows == 0 && problems.0.is_empty() {
        problems.0.push("it holds no questions".to_owned());
    }
    if retired > 0 {
        imported.unused.push(format!("{retired} retired rows"));
    }
    problems.or(name, imported)
}

fn read(bytes: &[u8], name: &str) -> Result<Table, Error> {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let is_zip = bytes.starts_with(b"PK\x03\x04");
    match end.as_str() {
        "xlsx" if is_zip => workbook::read(bytes, name),
        "xlsx" => Err(Error::Unusable(format!("{name}: it is no XLSX workbook; save it as one, or as CSV"))),
        "csv" | "tsv" | "jsonl" | "ndjson" if is_zip => {
            Err(Error::Unusable(format!("{name}: it is a workbook or archive; call it .xlsx, or save it as CSV")))
        }
        "csv" | "tsv" | "jsonl" | "ndjson" => {
            let (text, encoding) =
                encoding::decode(bytes).map_err(|problems| Error::Data { origin: name.to_owned(), problems })?;
            let mut table = match end.as_str() {
                "csv" => rows::csv(&text, None, name)?,
                "tsv" => rows::csv(&text, Some(b'\t'), name)?,
                _ => rows::jsonl(&text, name)?,
            };
            table.encoding = encoding.to_owned();
            Ok(table)
        }
        "xls" | "et" | "ods" => Err(Error::Unusable(format!("{name}: save it as .xlsx or .csv"))),
        _ => Err(Error::Unusable(format!("{name}: the name must end in .xlsx, .csv, .tsv or .jsonl"))),
    }
}

/// The question of a row, or everything that is wrong with it.
fn question(row: &Row, default: Option<BankKind>, default_group: Option<Group>) -> Result<NewQuestion, Vec<String>> {
    let mut wrong = row.wrong.clone();
    let text = row.get(Column::Question).replace("\r\n", "\n").replace('\r', "\n");
    let place = place(row, default, default_group);
    let form = match row.get(Column::Form) {
        "" => Ok(Default::default()),
        given => words::form(given),
    };
    let modality = match row.get(Column::Modality) {
        "" => Ok(Default::default()),
        given => words::modality(given),
    };
    let lang = match (row.get(Column::Lang), text.is_empty()) {
        ("", true) => Ok(String::new()),
        ("", false) => guess_lang(&text)
            .map(str::to_owned)
            .ok_or_else(|| "its language cannot be told from its letters; name it, such as zh or en".to_owned()),
        (given, _) => Some(words::lang(given))
            .filter(|lang| is_lang(lang))
            .ok_or_else(|| format!("{given:?} is no language; write a tag such as zh or en")),
    };
    let also = also(row.get(Column::Also));
    let (Ok((bank, group)), Ok(form), Ok(modality), Ok(lang), Ok(also)) = (&place, &form, &modality, &lang, &also)
    else {
        wrong.extend([place.err(), form.err(), modality.err(), lang.err(), also.err()].into_iter().flatten());
        wrong.extend(super::lint::text_problem(&text));
        return Err(wrong);
    };
    let also: BTreeSet<Risk> = also.iter().copied().filter(|risk| Some(*risk) != group.risk()).collect();
    let question = NewQuestion {
        bank: *bank,
        group: *group,
        lang: lang.clone(),
        form: *form,
        modality: *modality,
        also: also.into_iter().collect(),
        source: row.get(Column::Source).to_owned(),
        text,
    };
    // The language of an empty question is not known and not worth a word.
    let is_empty = question.text.is_empty();
    wrong.extend(question.problems().into_iter().filter(|p| !(is_empty && p.contains("language"))));
    if wrong.is_empty() { Ok(question) } else { Err(wrong) }
}

/// The bank and group of a row.
fn place(row: &Row, default: Option<BankKind>, default_group: Option<Group>) -> Result<(BankKind, Group), String> {
    let said = match row.get(Column::Bank) {
        "" => row.sheet_bank.or(default),
        given => {
            Some(words::bank(given).ok_or_else(|| format!("{given:?} is no bank; write generated, refuse or answer"))?)
        }
    };
    let group = match (row.get(Column::Group), default_group) {
        ("", None) => return Err("it names no risk or aspect".to_owned()),
        ("", Some(group)) => group,
        (given, _) => words::group(said, given)?,
    };
    let banks: Vec<BankKind> = BankKind::ALL.into_iter().filter(|b| Group::of_bank(*b).contains(&group)).collect();
    match (said, banks.as_slice()) {
        (Some(bank), banks) if banks.contains(&bank) => Ok((bank, group)),
        (Some(bank), _) => Err(format!("{group} ({}) is no group of the {}", group.zh(), bank.en())),
        (None, [bank]) => Ok((*bank, group)),
        (None, _) => Err(format!("{group} may stand in several banks; name the bank (generated or refuse)")),
    }
}

/// Further risks, separated by commas, semicolons, bars or lines; ids by spaces or enumeration commas too.
fn also(given: &str) -> Result<Vec<Risk>, String> {
    let mut risks = Vec::new();
    let parts = given.split([',', '，', ';', '；', '|', '\n']).map(str::trim).filter(|part| !part.is_empty());
    for part in parts {
        if let Some(risk) = words::risk(part) {
            risks.push(risk);
            continue;
        }
        for piece in part.split(['、', ' ', '/', '\u{3000}']).map(str::trim).filter(|piece| !piece.is_empty()) {
            risks.push(words::risk(piece).ok_or_else(|| format!("{piece:?}, named as a further risk, is no risk"))?);
        }
    }
    Ok(risks)
}
