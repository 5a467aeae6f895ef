//! Changes of a bank's files, each whole or not at all.
//!
//! Rows that a change does not name keep every byte. A change is staged beside the files, made durable, and then put in
//! place by renaming; when that fails half-way, the files that were already renamed get their former bytes back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use menshen_verdict::Risk;

use super::Bank;
use super::lint::{clash, is_lang, key, number_of, parse_date, source_problem, text_problem};
use crate::error::{Error, Problems};
use crate::question::{BankKind, Form, Group, Line, Modality};

mod commit;
#[cfg(test)]
mod tests;

use commit::{Change, commit};

/// A question that is to come into a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuestion {
    /// The bank.
    pub bank: BankKind,
    /// Its risk or aspect.
    pub group: Group,
    /// What is asked.
    pub text: String,
    /// `zh`, `en` or another BCP 47 tag.
    pub lang: String,
    /// How it is put.
    pub form: Form,
    /// What the model is asked to make.
    pub modality: Modality,
    /// Further risks that clearly apply.
    pub also: Vec<Risk>,
    /// Where it comes from; empty: written for this bank.
    pub source: String,
}

impl NewQuestion {
    /// What is wrong with it by itself.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !Group::of_bank(self.bank).contains(&self.group) {
            problems.push(format!("{} is no group of the {}", self.group, self.bank.en()));
        }
        problems.extend(text_problem(&self.text));
        problems.extend(source_problem(&self.source));
        if !is_lang(&self.lang) {
            problems.push(format!("{:?} is no language tag such as zh or en", self.lang));
        }
        problems
    }
}

/// The current questions of a bank by what they ask.
pub(super) struct Asked(HashMap<(Modality, String), Vec<(BankKind, String)>>);

impl Asked {
    pub(super) fn of(bank: &Bank) -> Asked {
        let mut asked = Asked(HashMap::new());
        for question in bank.questions().iter().filter(|q| q.is_current()) {
            asked.note(question.bank, question.modality, &question.text, question.id.clone());
        }
        asked
    }

    /// Notes a question under a name.
    pub(super) fn note(&mut self, bank: BankKind, modality: Modality, text: &str, name: String) {
        self.0.entry((modality, key(text))).or_default().push((bank, name));
    }

    /// The bank and name of a question that asks the same and may not stand beside it.
    pub(super) fn same(&self, bank: BankKind, modality: Modality, text: &str) -> Option<&(BankKind, String)> {
        let same = self.0.get(&(modality, key(text)))?;
        same.iter().find(|(other, _)| *other == bank).or_else(|| same.iter().find(|(other, _)| clash(*other, bank)))
    }
}

/// A file of a bank.
struct BankFile {
    path: PathBuf,
    kind: BankKind,
    group: Group,
    bytes: Vec<u8>,
}

/// Adds questions to the banks of a folder and gives their ids, in the order of `new`. Numbers go on from the highest of
/// the group; a number is never used twice. Files and the folders of banks are made when they are missing.
///
/// # Errors
/// [`Error::Data`] that names every row (from 1) that is wrong or asks what a current question asks, and changes
/// nothing; [`Error::File`] when a file cannot be written: the files are then as they were.
pub fn add(folder: &Path, new: Vec<NewQuestion>, today: &str) -> Result<Vec<String>, Error> {
    add_beside(folder, new, today, &Bank::default())
}

/// [`add`], for a folder whose questions are used beside those of another bank (see [`Bank::extended`]): numbers and
/// texts of the other bank are taken too.
///
/// # Errors
/// As [`add`].
pub fn add_beside(folder: &Path, new: Vec<NewQuestion>, today: &str, beside: &Bank) -> Result<Vec<String>, Error> {
    let today = date(today)?;
    let _lock = lock(folder)?;
    let (files, bank) = read(folder)?;
    let mut problems = Problems::default();
    let mut asked = Asked::of(beside);
    for question in bank.questions().iter().filter(|q| q.is_current()) {
        asked.note(question.bank, question.modality, &question.text, question.id.clone());
    }
    let mut highest: BTreeMap<(BankKind, Group), u64> = BTreeMap::new();
    for question in bank.questions().iter().chain(beside.questions()) {
        let number = question.id.rsplit('-').next().and_then(number_of).unwrap_or_default();
        let highest = highest.entry((question.bank, question.group)).or_default();
        *highest = (*highest).max(number);
    }
    let mut ids = Vec::with_capacity(new.len());
    let mut rows: BTreeMap<(BankKind, Group), String> = BTreeMap::new();
    for (row, question) in (1_usize..).zip(new) {
        for problem in question.problems() {
            problems.row(row, problem);
        }
        if let Some((_, same)) = asked.same(question.bank, question.modality, &question.text) {
            problems.row(row, format_args!("it asks the same as {same}"));
        }
        asked.note(question.bank, question.modality, &question.text, format!("row {row}"));
        let place = (question.bank, question.group);
        let number = highest.entry(place).or_default();
        *number = number.saturating_add(1);
        let id = format!("{}-{}-{number:03}", question.bank.letter(), question.group);
        let NewQuestion { text, lang, form, modality, also, source, .. } = question;
        let (added, retired) = (today.clone(), None);
        let line = Line { id: id.clone(), text, lang, form, modality, also, added, retired, source };
        let written = serde_json::to_string(&line).map_err(|e| Error::data(format!("row {row}"), e.to_string()))?;
        let rows = rows.entry(place).or_default();
        rows.push_str(&written);
        rows.push('\n');
        ids.push(id);
    }
    let ids = problems.or("the new questions", ids)?;
    let changes = rows.into_iter().map(|((kind, group), rows)| {
        let file = files.iter().find(|f| f.kind == kind && f.group == group);
        let path = file.map_or_else(|| folder.join(kind.id()).join(format!("{group}.jsonl")), |f| f.path.clone());
        let before = file.map(|f| f.bytes.clone());
        let mut after = before.clone().unwrap_or_default();
        if after.last().is_some_and(|last| *last != b'\n') {
            after.push(b'\n');
        }
        after.extend_from_slice(rows.as_bytes());
        Change { path, before, after }
    });
    commit(folder, &changes.collect::<Vec<_>>())?;
    Ok(ids)
}

/// Retires questions: they stay in their files with the date and are asked no more. Gives how many.
///
/// # Errors
/// [`Error::Data`] that names every id that is unknown or retired already, and changes nothing; [`Error::File`] when a
/// file cannot be written: the files are then as they were.
pub fn retire(folder: &Path, ids: &[String], today: &str) -> Result<usize, Error> {
    let today = date(today)?;
    let _lock = lock(folder)?;
    let (files, bank) = read(folder)?;
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut problems = Problems::default();
    let mut places: BTreeSet<(BankKind, Group)> = BTreeSet::new();
    for id in &ids {
        match bank.by_id(id) {
            None => problems.0.push(format!("{id}: there is no such question")),
            Some(question) => {
                places.insert((question.bank, question.group));
                if let Some(retired) = &question.retired {
                    problems.0.push(format!("{id}: it was retired already, on {retired}"));
                } else if parse_date(&question.added).is_some_and(|added| added.to_string() > today) {
                    problems.0.push(format!("{id}: it was added on {}, after {today}", question.added));
                }
            }
        }
    }
    let origin = folder.display().to_string();
    problems.or(&origin, ())?;
    let mut changes = Vec::new();
    for file in files.into_iter().filter(|f| places.contains(&(f.kind, f.group))) {
        let shown = file.path.display().to_string();
        let text = std::str::from_utf8(&file.bytes).map_err(|e| Error::data(&shown, e.to_string()))?;
        let mut after = String::with_capacity(text.len() + 64);
        for row in text.split_inclusive('\n') {
            match serde_json::from_str::<Line>(row) {
                Ok(line) if ids.contains(line.id.as_str()) => {
                    after.push_str(&retired(row, line, &today).map_err(|e| Error::data(&shown, e.to_string()))?);
                }
                _ => after.push_str(row),
            }
        }
        let changed = after.as_bytes() != file.bytes.as_slice();
        if changed {
            changes.push(Change { path: file.path, before: Some(file.bytes), after: after.into_bytes() });
        }
    }
    commit(folder, &changes)?;
    Ok(ids.len())
}

/// A row with the date in it; its other bytes stay as they are, if they can.
fn retired(row: &str, mut line: Line, today: &str) -> Result<String, serde_json::Error> {
    let end = row.trim_end().len();
    let (object, rest) = row.split_at(end);
    if let Some(members) = object.strip_suffix('}') {
        let with = format!("{members},\"retired\":\"{today}\"}}");
        if serde_json::from_str::<Line>(&with).is_ok_and(|l| l.retired.as_deref() == Some(today)) {
            return Ok(with + rest);
        }
    }
    // The row says `"retired":null`.
    line.retired = Some(today.to_owned());
    Ok(serde_json::to_string(&line)? + rest)
}

fn date(today: &str) -> Result<String, Error> {
    let date = parse_date(today).ok_or_else(|| Error::Unusable(format!("{today:?} is no date; write YYYY-MM-DD")))?;
    Ok(date.to_string())
}

/// Holds the folder against another change at the same time, where it is there and the system can; freed when dropped.
fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let Ok(handle) = File::open(folder) else { return Ok(None) };
    match handle.try_lock() {
        Ok(()) => Ok(Some(handle)),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(Error::Unusable(format!("{}: another change of this bank is under way", folder.display())))
        }
        Err(std::fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// The files of a folder with what they hold; a folder without any is an empty bank.
fn read(folder: &Path) -> Result<(Vec<BankFile>, Bank), Error> {
    let mut files = Vec::new();
    for kind in BankKind::ALL {
        let dir = folder.join(kind.id());
        if !dir.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&dir).map_err(|e| Error::file(&dir, e))? {
            let path = entry.map_err(|e| Error::file(&dir, e))?.path();
            if path.extension().is_some_and(|e| e == "jsonl") {
                let bytes = std::fs::read(&path).map_err(|e| Error::file(&path, e))?;
                let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
                let group = Group::parse(kind, stem).map_err(|e| Error::data(path.display().to_string(), e))?;
                files.push(BankFile { path, kind, group, bytes });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let named = files.iter().map(|f| {
        let name = f.path.file_name().map(PathBuf::from).unwrap_or_default();
        (Path::new(f.kind.id()).join(name), f.bytes.clone())
    });
    let bank = Bank::of_files(&folder.display().to_string(), named.collect())?;
    Ok((files, bank))
}
