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
];

/// SQLite's default, and what [`crate::Options::max_bytes`] is counted in.
const PAGE_BYTES: u32 = 4096;

/// How many connections read at once; the one that writes is the writer's own.
const READERS: u32 = 4;

pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join("menshen.db")
}

/// Opens the database for the writer and brings it to this version's layout.
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
        .map(|&(version, name, sql)| Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false))
        .collect();
    Migrator::with_migrations(migrations).run_direct(None, &mut conn, false).await.map_err(|e| match e {
        sqlx::migrate::MigrateError::Execute(e) => Error::database("preparing the layout", path, e),
        sqlx::migrate::MigrateError::ExecuteMigration(e, _) => Error::database("preparing the layout", path, e),
        e => Error::Layout { path: path.to_owned(), source: std::sync::Arc::new(e) },
    })?;
    Ok(conn)
}

/// Opens the database for reading, beside a writer or without one.
pub(crate) async fn open_readers(path: &Path) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(READERS);
    match pool.clone().connect_with(options.clone()).await.map_err(|e| Error::database("opening", path, e)) {
        // A folder that nobody can write (a copy kept as evidence) has no room for SQLite's side files. Without a
        // write-ahead log the database file is complete and can be read as it lies.
        Err(Error::ReadOnly { .. }) if path.exists() && !side_file(path, "-wal").exists() => {
            pool.connect_with(options.immutable(true)).await.map_err(|e| Error::database("opening", path, e))
        }
        opened => opened,
    }
}

fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}
