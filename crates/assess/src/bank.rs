//! Banks of questions: files that a compliance officer owns.
//!
//! A bank is a folder with `generated/`, `refuse/` and `answer/`; each holds one JSON Lines file a group (`A1a.jsonl`,
//! `system.jsonl`), one [`Line`] a row. Rows are never rewritten: a question that is no longer asked is retired, so
//! that the manifest of an old run can still be read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Problems};
use crate::question::{BankKind, Group, Line, Question};

mod change;
mod import;
mod lint;
mod stats;

pub use change::{NewQuestion, add, add_beside, retire};
pub use import::{Imported, export_xlsx, import};
pub use lint::{Lint, Need, lint};
pub use stats::{Stats, Update, stats, updates};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../packs/assess/banks");

/// Questions of one or more banks.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    questions: Vec<Question>,
    by_id: HashMap<String, usize>,
    /// SHA-256 of each bank's files.
    hashes: BTreeMap<BankKind, String>,
}

impl Bank {
    /// The banks that the program was built with.
    ///
    /// # Errors
    /// [`Error::Data`] when they are damaged.
    pub fn shipped() -> Result<Bank, Error> {
        let mut files = Vec::new();
        for dir in SHIPPED.dirs() {
            for file in dir.files() {
                files.push((file.path().to_path_buf(), file.contents().to_vec()));
            }
        }
        Bank::of_files("the shipped banks", files)
    }

    /// The banks of a folder.
    ///
    /// # Errors
    /// [`Error::Data`] that names every wrong row, [`Error::File`] when it cannot be read.
    pub fn load(folder: &Path) -> Result<Bank, Error> {
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
                    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
                    files.push((Path::new(kind.id()).join(name), bytes));
                }
            }
        }
        if files.is_empty() {
            return Err(Error::Unusable(format!(
                "{}: no bank here; a bank is a folder with generated/, refuse/ or answer/ and files such as A1a.jsonl",
                folder.display()
            )));
        }
        Bank::of_files(&folder.display().to_string(), files)
    }

    /// The questions of `self`, with those of `other` beside them; where `other` has a bank with the same id, its text
    /// wins.
    #[must_use]
    pub fn extended(mut self, other: Bank) -> Bank {
        for question in other.questions {
            match self.by_id.get(&question.id) {
                Some(at) => self.questions[*at] = question,
                None => {
                    self.by_id.insert(question.id.clone(), self.questions.len());
                    self.questions.push(question);
                }
            }
        }
        for (kind, hash) in other.hashes {
            let joined = self.hashes.get(&kind).map(|own| hex(&Sha256::digest(format!("{own}{hash}"))));
            self.hashes.insert(kind, joined.unwrap_or(hash));
        }
        self.sort();
        self
    }

    /// Reads files with their paths `generated/A1a.jsonl`.
    ///
    /// # Errors
    /// [`Error::Data`] that names every wrong row.
    pub fn of_files(origin: &str, mut files: Vec<(PathBuf, Vec<u8>)>) -> Result<Bank, Error> {
        files.sort();
        let mut bank = Bank::default();
        let mut problems = Problems::default();
        let mut hashers: BTreeMap<BankKind, Sha256> = BTreeMap::new();
        for (path, bytes) in files {
            let shown = path.display().to_string();
            let kind = path.parent().and_then(Path::to_str).unwrap_or_default().parse::<BankKind>();
            let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            let place = kind.and_then(|kind| Group::parse(kind, stem).map(|group| (kind, group)));
            let (kind, group) = match place {
                Ok(place) => place,
                Err(problem) => {
                    problems.0.push(format!("{shown}: {problem}"));
                    continue;
                }
            };
            let hasher = hashers.entry(kind).or_default();
            hasher.update((shown.len() as u64).to_be_bytes());
            hasher.update(shown.replace('\\', "/").as_bytes());
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(&bytes);
            let Ok(text) = String::from_utf8(bytes) else {
                problems.0.push(format!("{shown}: it is not UTF-8; import it with `menshen assess bank import`"));
                continue;
            };
            for (row, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                match serde_json::from_str::<Line>(line) {
                    Err(e) => problems.0.push(format!("{shown}:{}: {e}", row + 1)),
                    Ok(line) => {
                        let question = line.question(kind, group);
                        match bank.by_id.get(&question.id) {
                            Some(_) => {
                                problems.0.push(format!("{shown}:{}: the id {} is there twice", row + 1, question.id));
                            }
                            None => {
                                bank.by_id.insert(question.id.clone(), bank.questions.len());
                                bank.questions.push(question);
                            }
                        }
                    }
                }
            }
        }
        bank.hashes = hashers.into_iter().map(|(kind, hasher)| (kind, hex(&hasher.finalize()))).collect();
        bank.sort();
        problems.or(origin, bank)
    }

    fn sort(&mut self) {
        self.questions.sort_by(|a, b| (a.bank, a.group, &a.id).cmp(&(b.bank, b.group, &b.id)));
        self.by_id = self.questions.iter().enumerate().map(|(at, q)| (q.id.clone(), at)).collect();
    }

    /// Every question, retired ones too, by bank, group and id.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// The current questions of a bank.
    pub fn current(&self, kind: BankKind) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |q| q.bank == kind && q.is_current())
    }

    /// A question by its id.
    pub fn by_id(&self, id: &str) -> Option<&Question> {
        self.by_id.get(id).and_then(|at| self.questions.get(*at))
    }

    /// SHA-256 of the files of a bank; empty when there are none.
    pub fn sha256(&self, kind: BankKind) -> &str {
        self.hashes.get(&kind).map_or("", String::as_str)
    }

    /// The files of the shipped banks with their paths: what an auditor redraws from.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: BTreeMap<(BankKind, Group), String> = BTreeMap::new();
        for question in &self.questions {
            let out = files.entry((question.bank, question.group)).or_default();
            // A line has no map with keys that are not strings: it can always be written.
            if let Ok(line) = serde_json::to_string(&Line::from(question)) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        files.into_iter().map(|((kind, group), text)| (format!("{kind}/{group}.jsonl"), text)).collect()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
