//! A database file of its own beside the audit: private, durable, migrated.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, SqlSafeStr};

use crate::error::Error;
use crate::files;

/// Opens the file in the data folder, and makes both when they are not there. Several processes may have it open. The
/// connection that migrated it comes back beside the pool: for a writer.
pub(crate) async fn open(
    dir: &Path,
    name: &str,
    migrations: &'static [(i64, &'static str, &'static str)],
) -> Result<(PathBuf, SqliteConnection, SqlitePool), Error> {
    files::make_folder(dir)?;
    let path = dir.join(name);
    files::make_private(&path)?;
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .foreign_keys(true)
        .pragma("trusted_schema", "off")
        .disable_statement_logging();
    let opening = |e| Error::database("opening", &path, e);
    let mut conn = options.connect().await.map_err(opening)?;
    let migrations = migrations
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    Migrator::with_migrations(migrations).run_direct(None, &mut conn, false).await.map_err(|e| match e {
        sqlx::migrate::MigrateError::Execute(e) => Error::database("preparing the layout", &path, e),
        sqlx::migrate::MigrateError::ExecuteMigration(e, _) => Error::database("preparing the layout", &path, e),
        e => Error::Layout { path: path.clone(), source: std::sync::Arc::new(e) },
    })?;
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(opening)?;
    Ok((path, conn, pool))
}
