//! What protects stored data: keys of texts and their changes, requests of users about themselves, retention made
//! visible, backups.
//!
//! A text of an end user is sealed with a key of that user ([`text_keys`]), that key is wrapped by the root key
//! ([`eras`]), and the root key is outside of the database. So a changed root key changes no row of the audit, and texts
//! can be destroyed without touching the chain.

pub(crate) mod backup;
pub(crate) mod eras;
mod export;
mod holdings;
mod restore;
pub(crate) mod retention;
pub(crate) mod rows;
mod subject;
pub(crate) mod text_keys;

pub use backup::{BackupFile, BackupManifest, BackupNote, backup, note_backup};
pub use eras::{KeyEra, Rotated, rotate};
pub use export::{SectionSum, SubjectManifest};
pub use restore::{BackupReport, restore, verify_backup};
pub use retention::{RetentionClock, RetentionDays, RetentionRun};
pub use subject::{NewSubjectRequest, SubjectAsks, SubjectRequest};

use serde::Serialize;

use crate::error::Error;
use crate::store::Store;

/// How texts are protected at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyState {
    /// Root keys, oldest first.
    pub eras: Vec<KeyEra>,
    /// Where the key in force comes from: `folder`, `file` or `given`.
    pub source: &'static str,
    /// Keys of texts that exist.
    pub text_keys: u64,
}

impl Store {
    /// The root keys, without the keys, and how many keys of texts there are.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn key_state(&self) -> Result<KeyState, Error> {
        let failed = |e| self.archive().failed("reading the list of keys", e);
        let mut conn = self.archive().pool().acquire().await.map_err(failed)?;
        let eras = eras::list(&mut conn, self.key_id()).await.map_err(failed)?;
        let text_keys: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM text_keys").fetch_one(&mut *conn).await.map_err(failed)?;
        let source = self.options().key.id();
        Ok(KeyState { eras, source, text_keys: text_keys.max(0) as u64 })
    }
}
