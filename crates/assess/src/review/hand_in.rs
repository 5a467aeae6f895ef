//! Taking in a workbook that somebody filled in: all of it, or nothing with every wrong row named.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use menshen_store::NewDecision;

use super::name::{loose, note};
use super::sheet::{
    ABOUT, COLUMNS, HASH, IDS_COLUMN, REVIEW, REVIEWER, RUN, answer_cell, asked_cell, group_cell, hash,
};
use super::workbook::{Sheet, Workbook};
use super::{Item, Review, SHEET, Task, reviewer_name};
use crate::answer::Label;
use crate::error::{Error, Problems};

/// The largest file that is taken in, in bytes.
pub const LARGEST: usize = 16 << 20;
const ORIGIN: &str = "the review sheet";
/// Problems that are named before the rest of a file is left unread.
const MOST_PROBLEMS: usize = 1_000;

/// What a workbook brings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// What is to be appended to the chain, all or none.
    pub decisions: Vec<NewDecision>,
    /// Decisions that were recorded before, by an earlier import or on the page.
    pub unchanged: usize,
    /// Answers that this person decided otherwise on the page since this sheet was taken in: the page stands.
    pub overtaken: Vec<String>,
    /// Rows without a decision.
    pub open: usize,
}

/// What a workbook decides, checked against the review as it stands.
///
/// # Errors
/// [`Error::Data`] that names every wrong row: then nothing of it is taken in.
pub fn import(bytes: &[u8], review: &Review, reviewer: &str) -> Result<Imported, Error> {
    let reviewer = reviewer_name(reviewer)?;
    if bytes.len() > LARGEST {
        return Err(Error::data(ORIGIN, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    let unreadable = |problem: String| Error::data(ORIGIN, problem);
    let mut book = Workbook::open(bytes).map_err(unreadable)?;
    let sheet = |book: &mut Workbook<'_>, names: [&str; 2]| {
        let found = book.sheet(&names).map_err(unreadable)?;
        found.ok_or_else(|| unreadable(format!("it has no sheet {:?} ({:?})", names[0], names[1])))
    };
    let (rows, about) = (sheet(&mut book, REVIEW)?, sheet(&mut book, ABOUT)?);
    let mut problems = Problems::default();
    let listed = self::about(&about, review, &reviewer, &mut problems);
    let chinese = header(&rows, &mut problems);
    // A sheet of another run or person is wrong in every row: saying so once is enough.
    let (listed, chinese) = match (listed, chinese) {
        (Some(listed), Some(chinese)) => (listed, chinese),
        _ => return problems.or(ORIGIN, Imported::default()),
    };
    let mut reading = Reading {
        review,
        reviewer: &reviewer,
        chinese,
        listed: &listed,
        seen: HashMap::new(),
        found: Imported::default(),
    };
    for (&row, cells) in rows.range(2..) {
        if let Err(problem) = reading.row(row, cells) {
            problems.row(row, problem);
        }
        if problems.0.len() >= MOST_PROBLEMS {
            problems.0.push("the rest was not read".to_owned());
            return problems.or(ORIGIN, Imported::default());
        }
    }
    let missing = listed.iter().filter(|key| !reading.seen.contains_key(key.as_str()));
    problems.0.extend(missing.map(|key| format!("the row of {key:?} is missing")));
    let found = reading.found;
    problems.or(ORIGIN, found)
}

/// A text of a file, short enough to be named.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short:?}…") } else { format!("{short:?}") }
}

/// The ids that the second sheet lists, when it belongs to this run and person.
fn about(sheet: &Sheet, review: &Review, reviewer: &str, problems: &mut Problems) -> Option<BTreeSet<String>> {
    let before = problems.0.len();
    let value = |names: [&str; 2]| {
        let found = sheet.values().find(|row| row.get(&0).is_some_and(|cell| names.contains(&cell.trim())))?;
        Some(found.get(&1).map(|cell| cell.trim()).unwrap_or_default())
    };
    let mut expect = |names: [&str; 2], expected: &str, of: &str| {
        let [zh, en] = names;
        match value(names) {
            Some(found) if found == expected => {}
            Some(found) => problems
                .0
                .push(format!("the sheet {zh} ({en}): it was made for {of} {}, not for {expected:?}", quoted(found))),
            None => problems.0.push(format!("the sheet {:?} ({:?}) does not name its {of}", ABOUT[0], ABOUT[1])),
        }
    };
    expect(RUN, review.run(), "run");
    expect(REVIEWER, reviewer, "reviewer");
    if problems.0.len() > before {
        return None;
    }
    let column = usize::from(IDS_COLUMN);
    let (mut listed, mut items) = (BTreeSet::new(), Vec::new());
    for (row, key) in sheet.range(2..).filter_map(|(row, cells)| Some((row, cells.get(&column)?.trim()))) {
        match review.item(key) {
            Some(item) if listed.insert(key.to_owned()) => items.push(item),
            Some(_) => problems.0.push(format!("the list of ids, row {row}: {} is there twice", quoted(key))),
            None => problems.0.push(format!("the list of ids, row {row}: this run has no answer {}", quoted(key))),
        }
    }
    let expected = hash(&items);
    match value(HASH) {
        Some(found) if found.eq_ignore_ascii_case(&expected) => {}
        Some(_) if problems.0.len() > before => {}
        found => problems.0.push(format!(
            "the list of ids does not fit its SHA-256: {} stands there, {expected} is that of the answers of this run",
            quoted(found.unwrap_or_default())
        )),
    }
    (problems.0.len() == before).then_some(listed)
}

/// Whether the sheet is in Chinese; `None` when its first row is not that of a review sheet.
fn header(rows: &Sheet, problems: &mut Problems) -> Option<bool> {
    let empty = BTreeMap::new();
    let first = rows.get(&1).unwrap_or(&empty);
    let cell = |column: usize| first.get(&column).map(|cell| cell.trim()).unwrap_or_default();
    let chinese = cell(0) != COLUMNS[0].1;
    let before = problems.0.len();
    for (column, (zh, en, _)) in COLUMNS.into_iter().enumerate() {
        let expected = if chinese { zh } else { en };
        if cell(column) != expected {
            let letter = char::from(b'A' + u8::try_from(column).unwrap_or_default());
            problems.row(1, format!("column {letter} is {}, not {expected:?}", quoted(cell(column))));
        }
    }
    (problems.0.len() == before).then_some(chinese)
}

struct Reading<'a> {
    review: &'a Review,
    reviewer: &'a str,
    chinese: bool,
    listed: &'a BTreeSet<String>,
    /// The row of each id.
    seen: HashMap<String, usize>,
    found: Imported,
}

impl Reading<'_> {
    fn row(&mut self, row: usize, cells: &BTreeMap<usize, String>) -> Result<(), String> {
        if cells.values().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        let cell = |column: usize| cells.get(&column).map(String::as_str).unwrap_or_default();
        let key = cell(0).trim();
        if key.is_empty() {
            return Err("it has no id".to_owned());
        }
        let Some(item) = self.review.item(key) else {
            return Err(format!("this run has no answer {}", quoted(key)));
        };
        if !self.listed.contains(key) {
            return Err(format!("the answer {} does not belong to this sheet", quoted(key)));
        }
        if let Some(first) = self.seen.insert(key.to_owned(), row) {
            self.seen.insert(key.to_owned(), first);
            return Err(format!("the answer {} stands in row {first} already", quoted(key)));
        }
        let more = cells.iter().find(|(column, cell)| **column >= COLUMNS.len() && !cell.trim().is_empty());
        if let Some((_, more)) = more {
            return Err(format!("{} stands beyond the last column", quoted(more)));
        }
        for (column, expected, what) in
            [(2, asked_cell(item, self.chinese), "question"), (3, answer_cell(item, self.chinese), "answer")]
        {
            if loose(cell(column)) != loose(&expected) {
                return Err(format!("the {what} of {} was changed", quoted(key)));
            }
        }
        self.decision(item, cell(4), cell(5), cell(1))
    }

    fn decision(&mut self, item: &Item, decision: &str, noted: &str, group: &str) -> Result<(), String> {
        let decision = decision.trim();
        if decision.is_empty() {
            self.found.open += 1;
            return Ok(());
        }
        let allowed: Vec<&str> = item.labels().iter().map(|l| if self.chinese { l.zh() } else { l.id() }).collect();
        let words = allowed.join(", ");
        let label = decision
            .parse::<Label>()
            .map_err(|_| format!("{} is no decision; write one of {words}", quoted(decision)))?;
        if !item.labels().contains(&label) {
            return Err(format!(
                "{} is no decision on an answer to the {} bank; write one of {words}",
                quoted(decision),
                item.bank
            ));
        }
        let note = note(noted).map_err(|e| e.to_string())?;
        let task = self.review.may_decide(self.reviewer, &item.key);
        let settles = matches!(task, Ok(Task::Settle { .. }));
        let (own, handed_in) = self.review.recorded(self.reviewer, &item.key);
        if own
            .is_some_and(|said| said.label == label && said.note == note && (said.settles == settles || task.is_err()))
        {
            self.found.unchanged += 1;
            return Ok(());
        }
        if handed_in.is_some_and(|said| said.label == label && said.note == note && said.settles == settles) {
            self.found.overtaken.push(item.key.clone());
            return Ok(());
        }
        let task = task.map_err(|e| format!("{}: {e}; clear the decision", quoted(&item.key)))?;
        if loose(group) != loose(&group_cell(item, &task, self.chinese)) {
            let why = "the column of the risk was changed, or others have decided since this sheet was made";
            return Err(format!("{}: {why}; clear the decision and take a new sheet for it", quoted(&item.key)));
        }
        let new = self.review.decide(self.reviewer, &item.key, label, &note, SHEET).map_err(|e| e.to_string())?;
        self.found.decisions.push(new);
        Ok(())
    }
}
