//! Whether the files that the writer has open are still those that stand in the data folder.
//!
//! A file that was removed or moved stays open and takes every write: without looking, records would be acknowledged that
//! nobody finds again. So the writer looks before it commits, and once more before it answers.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::schema;

/// What makes a file this file: its device and its number there.
type Id = (u64, u64);

#[cfg(unix)]
fn id(about: &Metadata) -> Option<Id> {
    use std::os::unix::fs::MetadataExt as _;
    Some((about.dev(), about.ino()))
}

/// Where files have no numbers they cannot be removed while they are open either.
#[cfg(not(unix))]
fn id(_: &Metadata) -> Option<Id> {
    None
}

/// The database's files as they were opened.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    database: PathBuf,
    /// SQLite's write-ahead log: it holds the newest commits until they are taken over.
    log: PathBuf,
    database_id: Option<Id>,
    log_id: Option<Id>,
    /// The database never becomes shorter: space within it is used again.
    length: u64,
}

impl Place {
    /// The place of a database that has just been opened.
    pub(crate) fn of(database: &Path) -> Result<Self, Error> {
        let about = std::fs::metadata(database).map_err(|e| Error::file("looking at", database, e))?;
        let log = schema::side_file(database, "-wal");
        let log_id = std::fs::metadata(&log).ok().as_ref().and_then(id);
        Ok(Place { database: database.to_owned(), log, database_id: id(&about), log_id, length: about.len() })
    }

    /// Two looks at names: microseconds.
    ///
    /// # Errors
    /// [`Error::Displaced`] when something else stands there, or nothing.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let about = look(&self.database)?;
        if id(&about) != self.database_id {
            return Err(displaced(&self.database, "was replaced by another file"));
        }
        if about.len() < self.length {
            return Err(displaced(&self.database, "was cut short"));
        }
        self.length = about.len();
        match look(&self.log) {
            Ok(about) if self.log_id.is_none() => self.log_id = id(&about),
            Ok(about) if id(&about) != self.log_id => {
                return Err(displaced(&self.log, "was replaced by another file"));
            }
            // It is made by the first that reads or writes.
            Err(Error::Displaced { .. }) if self.log_id.is_none() => {}
            Ok(_) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn displaced(path: &Path, what: &'static str) -> Error {
    Error::Displaced { path: path.to_owned(), what }
}

fn look(path: &Path) -> Result<Metadata, Error> {
    std::fs::metadata(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => displaced(path, "is gone"),
        _ => Error::file("looking at", path, e),
    })
}

/// A folder whose records lost their database is no fresh one. Opening would make an empty database there, and SQLite
/// throws a write-ahead log away that stands beside one, with the newest records in it.
///
/// # Errors
/// [`Error::Missing`]; with `accepted`, only where a log would be lost.
pub(crate) fn refuse_lost(database: &Path, head: &Path, accepted: bool) -> Result<(), Error> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
    if length(database) > 0 {
        return Ok(());
    }
    let log = schema::side_file(database, "-wal");
    let sign = [(log, true), (head.to_owned(), !accepted)].into_iter().find(|(path, tells)| *tells && length(path) > 0);
    sign.map_or(Ok(()), |(sign, _)| Err(Error::Missing { path: database.to_owned(), sign }))
}
