//! The database file: its layout and how it is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlSafeStr};

use crate::error::Error;

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "audit", include_str!("../migrations/0001_audit.sql")),
    (2, "accounts", include_str!("../migrations/0002_accounts.sql")),
    (3, "agreements", include_str!("../migrations/0003_agreements.sql")),
    (4, "observation", include_str!("../migrations/0004_observation.sql")),
    (5, "people", include_str!("../migrations/0005_people.sql")),
    (6, "workbench", include_str!("../migrations/0006_workbench.sql")),
    (7, "cases", include_str!("../migrations/0007_cases.sql")),
    (8, "behaviour", include_str!("../migrations/0008_behaviour.sql")),
    (9, "incidents", include_str!("../migrations/0009_incidents.sql")),
    (10, "register", include_str!("../migrations/0010_register.sql")),
    (11, "protection", include_str!("../migrations/0011_protection.sql")),
    (12, "signon", include_str!("../migrations/0012_signon.sql")),
    (13, "webauthn", include_str!("../migrations/0013_webauthn.sql")),
];

const GUARDS: &str = include_str!("../migrations/guards.sql");

/// SQLite's default, and what [`crate::Options::max_bytes`] is counted in.
const PAGE_BYTES: u32 = 4096;

/// How many connections read at once; the one that writes is the writer's own.
const READERS: u32 = 4;

pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join("menshen.db")
}

/// Opens the database file, which must be there, for the writer and brings it to this version's layout.
pub(crate) async fn open_writer(path: &Path, max_bytes: Option<u64>) -> Result<SqliteConnection, Error> {
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit returns after its bytes are on disk.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .pragma("trusted_schema", "off")
        .disable_statement_logging();
    if let Some(bytes) = max_bytes {
        options = options.pragma("max_page_count", (bytes / u64::from(PAGE_BYTES)).max(1).to_string());
    }
    let mut conn = options.connect().await.map_err(|e| Error::database("opening", path, e))?;
    let migrations = MIGRATIONS
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    Migrator::with_migrations(migrations).run_direct(None, &mut conn, false).await.map_err(|e| match e {
        sqlx::migrate::MigrateError::Execute(e) => Error::database("preparing the layout", path, e),
        sqlx::migrate::MigrateError::ExecuteMigration(e, _) => Error::database("preparing the layout", path, e),
        e => Error::Layout { path: path.to_owned(), source: std::sync::Arc::new(e) },
    })?;
    sqlx::raw_sql(GUARDS).execute(&mut conn).await.map_err(|e| Error::database("preparing the layout", path, e))?;
    Ok(conn)
}

/// Opens the database for reading, beside a writer or without one; `immutable` when nobody changes it meanwhile.
pub(crate) async fn open_readers(path: &Path, immutable: bool) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(immutable)
        // Rows that are read ahead; with large texts each may take megabytes.
        .row_buffer_size(8)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    match connect(options.clone()).await.map_err(|e| Error::database("opening", path, e)) {
        // A folder that nobody can write (a copy kept as evidence) has no room for SQLite's side files. Without a
        // write-ahead log the database file is complete and can be read as it lies.
        Err(Error::ReadOnly { .. }) if path.exists() && !side_file(path, "-wal").exists() => {
            connect(options.immutable(true)).await.map_err(|e| Error::database("opening", path, e))
        }
        opened => opened,
    }
}

/// Connects, and reads something: SQLite opens the file only then.
async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await?;
    sqlx::query("SELECT COUNT(*) FROM sqlite_schema").execute(&pool).await?;
    Ok(pool)
}

/// A file of SQLite's beside a database: `-wal`, `-shm`.
pub(crate) fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_returns_after_its_bytes_are_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let path = database_path(dir.path());
        crate::files::make_private(&path).unwrap();
        let mut conn = open_writer(&path, None).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut conn).await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut conn).await.unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = database_path(dir.path());
        crate::files::make_private(&path).unwrap();
        let _writer = open_writer(&path, None).await.unwrap();
        let readers = open_readers(&path, false).await.unwrap();
        assert!(sqlx::query("DELETE FROM usage").execute(&readers).await.is_err());
    }
}
