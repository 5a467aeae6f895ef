//! Rows of an XLSX workbook: every sheet with a column for the question.

use std::io::{Cursor, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};

use super::rows::{no_heading, take, too_many};
use super::{MAX_ROWS, Table, words};
use crate::error::Error;

/// The largest content of a workbook once unpacked, in bytes: a bomb is refused before it is parsed.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;
/// The most text of a sheet, in bytes.
const MAX_TEXT_BYTES: usize = 256 << 20;
/// The longest value of a merged cell that is given to further rows, in bytes.
const MAX_MERGED_BYTES: usize = 500;
/// The widest row that is read.
const MAX_COLUMNS: usize = 64;
/// The most sheets that are read.
const MAX_SHEETS: usize = 100;

/// Reads all sheets.
pub(super) fn read(bytes: &[u8], name: &str) -> Result<Table, Error> {
    unpacks_within(bytes, name)?;
    // The reader of workbooks panics on some damaged ones.
    let caught = std::panic::catch_unwind(|| sheets(bytes, name));
    caught.unwrap_or_else(|_| Err(broken(name, &"it is damaged")))
}

fn sheets(bytes: &[u8], name: &str) -> Result<Table, Error> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| broken(name, &e))?;
    let sheets = book.sheet_names();
    if sheets.len() > MAX_SHEETS {
        return Err(Error::Unusable(format!("{name}: it has more than {MAX_SHEETS} sheets")));
    }
    let several = sheets.len() > 1;
    let mut table = Table { encoding: "XLSX".to_owned(), ..Table::default() };
    let mut without = Vec::new();
    let mut left = MAX_ROWS;
    for sheet in sheets {
        let grid = grid(&mut book, &sheet, name)?;
        if grid.is_empty() {
            continue;
        }
        left = left.checked_sub(grid.len()).ok_or_else(|| too_many(name))?;
        let bank = words::bank(&sheet);
        if !take(&mut table, grid, several.then_some(&sheet), bank) {
            match bank {
                // Its name says that questions should be there.
                Some(_) => table.problems.0.push(format!("sheet {sheet}: {}", no_heading())),
                None => without.push(sheet),
            }
        }
    }
    if table.rows.is_empty() && !without.is_empty() {
        table.problems.0.push(no_heading());
    }
    table.unused.extend(without.into_iter().map(|sheet| format!("sheet {sheet}")));
    Ok(table)
}

fn broken(name: &str, e: &dyn std::fmt::Display) -> Error {
    Error::data(name, format!("the workbook cannot be read: {e}"))
}

/// The filled rows of a sheet with their numbers; a merged cell gives its value to all rows that it covers.
fn grid(book: &mut Xlsx<Cursor<&[u8]>>, sheet: &str, name: &str) -> Result<Vec<(usize, Vec<String>)>, Error> {
    let merged = book.merge_cells_by_sheet_name(sheet).unwrap_or_default();
    // Cells one by one: a sheet whose only cell is the last possible one must not become a dense table.
    let mut cells = match book.worksheet_cells_reader(sheet) {
        Ok(cells) => cells,
        // A chart's sheet has no cells.
        Err(calamine::XlsxError::NotAWorksheet(_)) => return Ok(Vec::new()),
        Err(e) => return Err(broken(name, &e)),
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut text = 0;
    while let Some(cell) = cells.next_cell().map_err(|e| broken(name, &e))? {
        let (row, column) = cell.get_position();
        let value = shown(cell.get_value());
        if column as usize >= MAX_COLUMNS || value.is_empty() {
            continue;
        }
        if row as usize > MAX_ROWS {
            return Err(too_many(name));
        }
        // A million cells may share one long string.
        text += value.len();
        if text > MAX_TEXT_BYTES {
            let most = MAX_TEXT_BYTES >> 20;
            return Err(Error::Unusable(format!("{name}: sheet {sheet} has more than {most} MiB of text")));
        }
        put(&mut rows, row as usize, column as usize, value);
    }
    fill_down(&mut rows, &merged);
    Ok((1..).zip(rows).filter(|(_, cells)| !cells.is_empty()).collect())
}

/// Gives the value of a cell that is merged downwards to the rows that it covers and that hold anything else.
fn fill_down(rows: &mut [Vec<String>], merged: &[calamine::Dimensions]) {
    // Regions do not overlap in an honest file.
    let mut left = rows.len().saturating_mul(MAX_COLUMNS);
    for region in merged.iter().filter(|r| r.start.1 == r.end.1 && r.start.0 < r.end.0) {
        let (first, last, column) = (region.start.0 as usize, region.end.0 as usize, region.start.1 as usize);
        let value = rows.get(first).and_then(|row| row.get(column)).filter(|v| v.len() <= MAX_MERGED_BYTES);
        let Some(value) = value.cloned().filter(|v| !v.is_empty()) else { continue };
        for row in rows.iter_mut().take(last.saturating_add(1)).skip(first + 1) {
            let Some(less) = left.checked_sub(1) else { return };
            left = less;
            if row.iter().any(|c| !c.is_empty()) && row.get(column).is_none_or(String::is_empty) {
                if row.len() <= column {
                    row.resize_with(column + 1, String::new);
                }
                if let Some(cell) = row.get_mut(column) {
                    cell.clone_from(&value);
                }
            }
        }
    }
}

fn put(rows: &mut Vec<Vec<String>>, row: usize, column: usize, value: String) {
    if rows.len() <= row {
        rows.resize_with(row + 1, Vec::new);
    }
    if let Some(row) = rows.get_mut(row) {
        if row.len() <= column {
            row.resize_with(column + 1, String::new);
        }
        if let Some(cell) = row.get_mut(column) {
            *cell = value;
        }
    }
}

/// Unpacks every member into nothing, counting: what a member declares about its size may be a lie.
fn unpacks_within(bytes: &[u8], name: &str) -> Result<(), Error> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(name, &e))?;
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(|e| broken(name, &e))?;
        let unpacked = std::io::copy(&mut member.take(left + 1), &mut std::io::sink()).map_err(|e| broken(name, &e))?;
        left = left.checked_sub(unpacked).ok_or_else(|| {
            Error::Unusable(format!("{name}: unpacked it has more than {} MiB", MAX_UNPACKED_BYTES >> 20))
        })?;
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
