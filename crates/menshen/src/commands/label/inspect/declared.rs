//! What users declare of their files (the Measures, article 6 (2)).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// What was declared of a file.
#[derive(Debug, Default)]
struct Declaration {
    declared: bool,
    user: Option<String>,
    used: AtomicBool,
}

/// Declarations by file.
#[derive(Debug, Default)]
pub(super) struct Declarations {
    /// Of every file that is not named.
    all: bool,
    files: HashMap<PathBuf, Declaration>,
}

/// A line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: PathBuf,
    declared: Value,
    #[serde(default)]
    user: Option<String>,
}

impl Declarations {
    /// The same of every file.
    pub(super) fn all(declared: bool) -> Self {
        Self { all: declared, files: HashMap::new() }
    }

    /// Reads CSV or JSON lines. Paths are those of the working folder, else of the file's own folder.
    ///
    /// # Errors
    /// With the line that is wrong: a declaration that is not understood must not be passed over.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let text = text.trim_start_matches('\u{FEFF}');
        let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("jsonl"));
        let mut declarations = Self::default();
        let mut take = |line: usize, row: Result<Row>| {
            row.and_then(|row| declarations.take(path, row))
                .with_context(|| format!("{}: line {line} is no declaration", path.display()))
        };
        if json {
            for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                take(index + 1, serde_json::from_str(line).map_err(Into::into))?;
            }
        } else {
            let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
            let header = reader.headers().with_context(|| path.display().to_string())?;
            if !["path", "declared"].iter().all(|name| header.iter().any(|column| column == *name)) {
                bail!("{}: the first line names the columns path, declared and user", path.display());
            }
            for (index, row) in reader.deserialize::<HashMap<String, String>>().enumerate() {
                let row = row.map_err(anyhow::Error::from).map(|mut row| {
                    let path = PathBuf::from(row.remove("path").unwrap_or_default());
                    let declared = Value::from(row.remove("declared").unwrap_or_default());
                    Row { path, declared, user: row.remove("user").filter(|user| !user.is_empty()) }
                });
                take(index + 2, row)?;
            }
        }
        Ok(declarations)
    }

    fn take(&mut self, list: &Path, row: Row) -> Result<()> {
        let word = match &row.declared {
            Value::Bool(declared) => declared.to_string(),
            Value::String(word) => word.trim().to_lowercase(),
            other => other.to_string(),
        };
        let declared = match word.as_str() {
            "yes" | "true" | "1" | "y" | "是" => true,
            "no" | "false" | "0" | "n" | "否" => false,
            other => bail!("declared is {other:?}; write yes or no"),
        };
        if row.path.as_os_str().is_empty() {
            bail!("it names no path");
        }
        let beside = list.parent().map(|folder| folder.join(&row.path));
        let found =
            [Some(row.path.clone()), beside].into_iter().flatten().find_map(|path| std::fs::canonicalize(path).ok());
        let place = found.unwrap_or(row.path);
        let known = self.files.entry(place.clone()).or_default();
        if known.user.is_some() || known.declared {
            // Two users may publish the same file: that one of them declares it is enough.
            known.declared |= declared;
            return Ok(());
        }
        *known = Declaration { declared, user: row.user, used: AtomicBool::new(false) };
        Ok(())
    }

    /// Whether a file is declared generated, and by whom.
    pub(super) fn of(&self, path: &Path) -> (bool, Option<&str>) {
        if self.files.is_empty() {
            return (self.all, None);
        }
        let found = std::fs::canonicalize(path).ok().and_then(|path| self.files.get(&path));
        let Some(declaration) = found else { return (self.all, None) };
        declaration.used.store(true, Ordering::Relaxed);
        (declaration.declared, declaration.user.as_deref())
    }

    /// The files that were declared and not met, at most ten.
    pub(super) fn unused(&self) -> Vec<String> {
        let unused = self.files.iter().filter(|(_, declaration)| !declaration.used.load(Ordering::Relaxed));
        let mut names: Vec<String> = unused.map(|(path, _)| path.display().to_string()).collect();
        names.sort_unstable();
        names.truncate(10);
        names
    }
}
