//! What can go wrong, named by what went wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure of the store. `Display` is one sentence for an operator that says what to do; it never holds prompt text.
///
/// Errors are cheap to clone, because one failed commit fails every record of its group.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The queue is full: records arrive faster than the disk takes them, or the disk has stopped taking them.
    /// Whether the request then fails is policy; nothing was recorded.
    #[error("the audit queue is full ({records} records, {bytes} bytes waiting); the disk does not keep up or is full")]
    QueueFull {
        /// Records that wait.
        records: usize,
        /// Their bytes.
        bytes: usize,
    },
    /// The store was closed, or its writer has ended.
    #[error("the store is closed")]
    Closed,
    /// Another process holds the data folder.
    #[error(
        "the data folder {} is in use by another menshen process{}; stop that one, or give this one a folder of its own",
        .dir.display(), .pid.map(|p| format!(" (pid {p})")).unwrap_or_default()
    )]
    InUse {
        /// The data folder.
        dir: PathBuf,
        /// The process that holds it, when it said so.
        pid: Option<u32>,
    },
    /// The key file is gone although the audit holds rows: without it texts cannot be read and seals not be checked.
    #[error(
        "the key file {} is missing, but the audit already holds rows sealed with it; restore the file from its backup, \
         or give the key in the configuration (a new key is never made over existing rows)", .path.display()
    )]
    KeyMissing {
        /// Where the key file should be.
        path: PathBuf,
    },
    /// The key is not the one that this data folder was made with.
    #[error("the key ({given}) is not the one this data folder was made with ({expected}); give that one")]
    WrongKey {
        /// Id of the key that was given.
        given: String,
        /// Id of the key that is needed.
        expected: String,
    },
    /// The key file or key text cannot be used.
    #[error("the key at {origin} cannot be used: {problem}")]
    BadKey {
        /// The file, or `configuration`.
        origin: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// The head file and the audit do not fit: rows were cut off, replaced, or the file was removed.
    #[error(
        "the audit does not fit its head file: {problem}; run `menshen audit verify`, keep a copy of the folder, \
         and open it with the break accepted only if you know the cause"
    )]
    Tampered {
        /// What does not fit.
        problem: String,
    },
    /// The database is not there, although other files of the folder say that there was one. Nothing was made or changed.
    #[error(
        "the database {} is missing or empty, but {} tells of records in it; nothing was changed. Put the database back \
         together with the files that belong to it (-wal), or restore a backup into a folder of its own with `menshen \
         restore`", .path.display(), .sign.display()
    )]
    Missing {
        /// Where the database should be.
        path: PathBuf,
        /// The file that tells of it.
        sign: PathBuf,
    },
    /// The database's files are no longer those that this process opened.
    #[error(
        "{} {what} while the gateway has it open: nothing is recorded there. Put back what was moved, and it goes on by \
         itself; else stop, restore a backup with `menshen restore`, and start on that", .path.display()
    )]
    Displaced {
        /// The database, or its log.
        path: PathBuf,
        /// What happened to it.
        what: &'static str,
    },
    /// The database is damaged, or no database at all.
    #[error(
        "the database {} is damaged or no database ({doing}); keep a copy of the whole folder, and restore a backup into a \
         folder of its own with `menshen restore`", .path.display()
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// Retention shorter than the law allows.
    #[error("audit retention of {days} days is too short: keep at least {min} days (six months)")]
    RetentionTooShort {
        /// What was asked for, in days.
        days: u32,
        /// The least that is allowed, in days.
        min: u32,
    },
    /// An option or argument makes no sense.
    #[error("{what}: {problem}")]
    Invalid {
        /// The option or argument.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing has this id.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It does not fit the present state of what it would change.
    #[error("{what}: {problem}")]
    Conflict {
        /// What it would change.
        what: &'static str,
        /// Why it cannot, and what can be done.
        problem: String,
    },
    /// Too many ask for something that takes long.
    #[error("too many {what} requests are under way; try again shortly")]
    Busy {
        /// What is asked for.
        what: &'static str,
    },
    /// The disk, or the size the operator allows, is used up.
    #[error("the disk (or the size allowed for the database) is full: {doing}")]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// The folder or the database cannot be written.
    #[error("{} cannot be written ({doing}); check its owner and rights, and that the disk is not mounted read-only", .path.display())]
    ReadOnly {
        /// The folder or file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
    },
    /// A file operation failed.
    #[error("{doing} {} failed", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database failed.
    #[error("the database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The database was made by a newer version, or its migrations were altered.
    #[error("the database {} cannot be brought to this version's layout", .path.display())]
    Layout {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<sqlx::migrate::MigrateError>,
    },
    /// An encrypted text cannot be opened: it was altered, moved to another row, or belongs to another key.
    #[error("the encrypted {what} cannot be opened: it was altered, moved, or sealed with another key")]
    Sealed {
        /// Which text.
        what: &'static str,
    },
    /// A stored row holds something that this crate never writes.
    #[error("a stored {what} cannot be read: {problem}")]
    Unreadable {
        /// Which kind of row.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandom,
    /// Records were accepted in windowed mode but could not be written before closing.
    #[error("{records} records could not be written before closing")]
    Lost {
        /// How many.
        records: usize,
        /// Why the last attempt failed.
        #[source]
        source: Box<Error>,
    },
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { doing },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::ReadOnly { path: path.to_owned(), doing }
            }
            _ => Error::File { doing, path: path.to_owned(), source: Arc::new(source) },
        }
    }

    /// Names a database failure. `path` is the database file, for the sentence about rights.
    pub(crate) fn database(doing: &'static str, path: &Path, source: sqlx::Error) -> Self {
        // Primary result codes of SQLite (https://www.sqlite.org/rescode.html): the low byte of the extended code.
        const READONLY: i64 = 8;
        const CORRUPT: i64 = 11;
        const FULL: i64 = 13;
        const CANTOPEN: i64 = 14;
        const NOTADB: i64 = 26;
        let code = match &source {
            sqlx::Error::Database(e) => e.code().and_then(|c| c.parse::<i64>().ok()).map(|c| c & 0xff),
            _ => None,
        };
        match code {
            Some(FULL) => Error::Full { doing },
            Some(READONLY | CANTOPEN) => Error::ReadOnly { path: path.to_owned(), doing },
            Some(CORRUPT | NOTADB) => Error::Damaged { path: path.to_owned(), doing, source: Arc::new(source) },
            _ => Error::Database { doing, source: Arc::new(source) },
        }
    }

    /// Whether trying again later can help without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Error::QueueFull { .. } | Error::Full { .. } | Error::Busy { .. })
    }
}
