//! What was put in force, and when.

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{WorkbenchChange, boxed, checked, entry};
use crate::error::Error;
use crate::store::Store;

/// What was put in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Revision {
    /// Its number, from 1 on.
    pub number: i64,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who put it in force; `schedule` where its moment had come.
    pub by: String,
    /// What it is called.
    pub title: String,
    /// The change that it was.
    pub change: Option<String>,
    /// For a rollback, the revision it restores; 0 for the packs without any edit.
    pub restores: Option<i64>,
    /// The packs and their hashes, as they were compiled.
    pub packs: Value,
    /// How many files it lays over the packs.
    pub edits: i64,
}

/// A file of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFile {
    /// `pack/path`.
    pub path: String,
    /// Whether it is laid over the folders' and the binary's; else it only records what stood beside.
    pub edit: bool,
    /// The text; none where the file is removed.
    pub body: Option<String>,
}

/// What is to be put in force.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRevision {
    /// Its number: one more than the last one's, or it is refused.
    pub number: i64,
    /// When.
    pub at_us: i64,
    /// Who does it.
    pub by: String,
    /// What it is called.
    pub title: String,
    /// The approved change and its version; none for a rollback.
    pub change: Option<(String, i64)>,
    /// For a rollback, the revision it restores.
    pub restores: Option<i64>,
    /// The packs and their hashes, as they were compiled.
    pub packs: Value,
    /// All files of all packs that are loaded, and those that are removed.
    pub files: Vec<RevisionFile>,
}

const LIST: &str = "SELECT number, at_us, by, title, change, restores, packs,
    (SELECT COUNT(*) FROM policy_revision_files f WHERE f.revision = number AND f.edit = 1)
    FROM policy_revisions ORDER BY number DESC LIMIT ?1";
const FILES: &str =
    "SELECT f.path, f.edit, t.body FROM policy_revision_files f LEFT JOIN policy_texts t ON t.hash = f.hash
    WHERE f.revision = ?1 ORDER BY f.path";
/// The most revisions that a list gives.
const MOST: u32 = 1_000;

/// The key of a text.
pub(super) fn hash_of(body: &str) -> String {
    crate::hex::encode(&Sha256::digest(body.as_bytes()))
}

impl Revision {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let packs: &str = row.try_get(6)?;
        Ok(Revision {
            number: row.try_get(0)?,
            at_us: row.try_get(1)?,
            by: row.try_get(2)?,
            title: row.try_get(3)?,
            change: row.try_get(4)?,
            restores: row.try_get(5)?,
            packs: serde_json::from_str(packs).unwrap_or_else(|_| Value::from(packs)),
            edits: row.try_get(7)?,
        })
    }
}

impl Store {
    /// Writes down what is to be in force from now on, with its entry in the audit: an approved change, or a rollback.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] of `state` where the change is not approved, of `version` where it is not
    /// what was looked at, of `revision` where something else was put in force meanwhile; the database's failures. Then
    /// nothing is in force that was not.
    pub async fn publish_policy(&self, mut new: NewRevision) -> Result<(), Error> {
        new.title = checked("title", &new.title, 1, super::LONGEST_TITLE)?;
        let detail = json!({
            "revision": new.number, "title": new.title, "change": new.change.as_ref().map(|(id, _)| id),
            "restores": new.restores, "edits": new.files.iter().filter(|f| f.edit).count(),
        });
        let event = if new.restores.is_some() { "policy.rollback" } else { "policy.publish" };
        let told = entry(event, detail, &new.by, new.at_us);
        self.change(vec![boxed(WorkbenchChange::Publish(Box::new(new)))], vec![told]).await.map(drop)
    }

    /// What was put in force, newest first.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn policy_revisions(&self, limit: u32) -> Result<Vec<Revision>, Error> {
        let failed = |e| self.archive().failed("listing revisions", e);
        let rows = sqlx::query(LIST).bind(limit.min(MOST)).fetch_all(self.archive().pool()).await.map_err(failed)?;
        rows.iter().map(Revision::read).collect::<Result<_, _>>().map_err(failed)
    }

    /// The files of a revision, by path: all that was loaded, and what is removed. Empty for 0.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn policy_revision_files(&self, number: i64) -> Result<Vec<RevisionFile>, Error> {
        if number == 0 {
            return Ok(Vec::new());
        }
        let failed = |e| self.archive().failed("reading a revision", e);
        let rows = sqlx::query(FILES).bind(number).fetch_all(self.archive().pool()).await.map_err(failed)?;
        if rows.is_empty() {
            return Err(Error::NotFound { what: "revision", id: number.to_string() });
        }
        let read = |row: &SqliteRow| {
            Ok::<_, sqlx::Error>(RevisionFile { path: row.try_get(0)?, edit: row.try_get(1)?, body: row.try_get(2)? })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    /// What is in force according to the record: the last revision and its files. None before the first.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn published_policy(&self) -> Result<Option<(Revision, Vec<RevisionFile>)>, Error> {
        let Some(last) = self.policy_revisions(1).await?.into_iter().next() else { return Ok(None) };
        let files = self.policy_revision_files(last.number).await?;
        Ok(Some((last, files)))
    }
}
