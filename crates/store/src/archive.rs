//! Reading the audit: by a running gateway, beside one, or from a copy kept as evidence.

use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use uuid::Uuid;

use crate::chain::{Row, select};
use crate::cipher::{Key, Ring};
use crate::entry::Record;
use crate::error::Error;
use crate::files::{self, HeadFile};
use crate::options::KeySource;
use crate::protection::eras;
use crate::schema;
use crate::verify::{self, Reason, VerifyReport};

/// The most records one page gives.
const MAX_PAGE: u32 = 1000;
/// How many bytes of an export are gathered before they are written.
const EXPORT_CHUNK: usize = 64 << 10;

/// Which records to read. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At or after, in microseconds since 1970 UTC.
    pub from_us: Option<i64>,
    /// Before, in microseconds since 1970 UTC.
    pub to_us: Option<i64>,
    /// `request`, `admin` or `system`.
    pub kind: Option<String>,
    /// Only this tenant.
    pub tenant: Option<String>,
    /// Only this application.
    pub app: Option<String>,
    /// Only this end user.
    pub user: Option<String>,
    /// Only this outcome.
    pub outcome: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

const ASCENDING: &str = select!(
    "WHERE seq > ?1 AND seq < ?2 AND at_us >= ?3 AND at_us < ?4 AND (?5 IS NULL OR kind = ?5) \
     AND (?6 IS NULL OR tenant = ?6) AND (?7 IS NULL OR app = ?7) AND (?8 IS NULL OR user = ?8) \
     AND (?9 IS NULL OR outcome = ?9) AND (?10 IS NULL OR action = ?10) ORDER BY seq"
);
const DESCENDING: &str = select!(
    "WHERE seq > ?1 AND seq < ?2 AND at_us >= ?3 AND at_us < ?4 AND (?5 IS NULL OR kind = ?5) \
     AND (?6 IS NULL OR tenant = ?6) AND (?7 IS NULL OR app = ?7) AND (?8 IS NULL OR user = ?8) \
     AND (?9 IS NULL OR outcome = ?9) AND (?10 IS NULL OR action = ?10) ORDER BY seq DESC LIMIT ?11"
);
const BY_REQUEST: &str = select!("WHERE request_id = ?1 ORDER BY seq");
const BY_PLACE: &str = select!("WHERE seq = ?1");
/// The key of a text, behind the columns of the row; the text names it behind its first byte.
const WITH_KEY: &str = ", (SELECT wrapped FROM text_keys AS k WHERE k.id = substr(audit.input, 2, 16)) FROM audit ";
/// The same for a copy of an older layout.
const WITHOUT_KEY: &str = ", NULL FROM audit ";

/// Reads a data folder and never writes to it. Works beside a running gateway, and on a folder that cannot be written.
#[derive(Debug, Clone)]
pub struct Archive {
    pool: SqlitePool,
    dir: PathBuf,
    ring: Option<Ring>,
    has_text_keys: bool,
}

impl Archive {
    /// Opens a data folder for reading. With [`KeySource::Folder`] or a file that does not exist, the archive opens
    /// without a key: hashes are verified, seals are not, and texts stay closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no database, [`Error::WrongKey`], [`Error::BadKey`], the database's failures.
    pub async fn open(dir: &Path, key: &KeySource) -> Result<Self, Error> {
        Archive::open_as(dir, key, false).await
    }

    /// The same for a copy that nobody changes: reading leaves no files beside it.
    pub(crate) async fn open_immutable(dir: &Path, key: &KeySource) -> Result<Self, Error> {
        Archive::open_as(dir, key, true).await
    }

    async fn open_as(dir: &Path, key: &KeySource, immutable: bool) -> Result<Self, Error> {
        let database = schema::database_path(dir);
        if !database.exists() {
            return Err(Error::NotFound { what: "database", id: database.display().to_string() });
        }
        let key = find(dir, key)?;
        let pool = schema::open_readers(&database, immutable).await?;
        let mut archive = Archive::of(dir, pool, None).await?;
        if let Some(key) = key {
            const KEY_ID: &str = "SELECT value FROM meta WHERE name = 'key_id'";
            let expected: Option<String> = sqlx::query_scalar(KEY_ID)
                .fetch_optional(&archive.pool)
                .await
                .map_err(|e| archive.failed("reading the key's id", e))?;
            if let Some(expected) = expected.filter(|expected| *expected != key.id()) {
                return Err(Error::WrongKey { given: key.id(), expected });
            }
            let failed = |e| Error::database("reading the list of root keys", &database, e);
            let mut conn = archive.pool.acquire().await.map_err(failed)?;
            archive.ring = Some(eras::ring(&mut conn, &key).await.map_err(failed)??);
        }
        Ok(archive)
    }

    pub(crate) async fn with_ring(dir: &Path, ring: Option<Ring>) -> Result<Self, Error> {
        let pool = schema::open_readers(&schema::database_path(dir), false).await?;
        Archive::of(dir, pool, ring).await
    }

    async fn of(dir: &Path, pool: SqlitePool, ring: Option<Ring>) -> Result<Self, Error> {
        const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'text_keys')";
        let known = sqlx::query_scalar(KNOWN).fetch_one(&pool).await;
        let has_text_keys = known.map_err(|e| Error::database("opening", &schema::database_path(dir), e))?;
        Ok(Archive { pool, dir: dir.to_owned(), ring, has_text_keys })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) const fn ring(&self) -> Option<&Ring> {
        self.ring.as_ref()
    }

    /// A query of whole rows, each with the key of its text.
    fn with_keys(&self, sql: &'static str) -> AssertSqlSafe<String> {
        let key = if self.has_text_keys { WITH_KEY } else { WITHOUT_KEY };
        AssertSqlSafe(sql.replacen(" FROM audit ", key, 1))
    }

    /// The record at a place of the chain, if it is there.
    pub(crate) async fn record_at(&self, seq: i64, decrypt: bool) -> Result<Option<Record>, Error> {
        let ring = self.opener(decrypt)?;
        let row = sqlx::query(self.with_keys(BY_PLACE)).bind(seq).fetch_optional(&self.pool).await;
        row.map_err(|e| self.failed("reading the audit", e))?.map(|row| self.record(&row, ring)).transpose()
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    pub(crate) fn failed(&self, doing: &'static str, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::PoolClosed => Error::Closed,
            error => Error::database(doing, &schema::database_path(&self.dir), error),
        }
    }

    /// Whether the key is at hand, so that seals can be checked and texts opened.
    pub const fn has_key(&self) -> bool {
        self.ring.is_some()
    }

    /// Reads the whole audit and proves it whole, or names the first record that is not. Memory does not grow with
    /// the audit; writers are not held up.
    ///
    /// # Errors
    /// The database's failures. A broken chain is no error but a report.
    pub async fn verify(&self) -> Result<VerifyReport, Error> {
        // Beside a fast writer the head that was read can be left far behind before the transaction begins: then the
        // pair is read again.
        const PAIRS: u32 = 5;
        let mut report = self.verify_once().await?;
        for _ in 1..PAIRS {
            if !matches!(&report.broken, Some(broken) if matches!(broken.reason, Reason::HeadRolledBack { .. } | Reason::HeadMissing))
            {
                break;
            }
            report = self.verify_once().await?;
        }
        Ok(report)
    }

    async fn verify_once(&self) -> Result<VerifyReport, Error> {
        let failed = |e| self.failed("verifying the audit", e);
        let head = files::read_head(&files::head_path(&self.dir), self.ring.as_ref())?;
        let mut transaction = self.pool.begin().await.map_err(failed)?;
        let report = verify::verify(&mut transaction, head, self.ring.as_ref()).await.map_err(failed)?;
        transaction.rollback().await.map_err(failed)?;
        Ok(report)
    }

    /// The newest head on disk, to be kept elsewhere (a ticket, another machine): against somebody who puts back an
    /// older copy of the whole folder, only a head outside of it helps.
    ///
    /// # Errors
    /// When the file cannot be read. `None` when it is missing or not made with the key.
    pub fn head(&self) -> Result<Option<crate::Head>, Error> {
        Ok(match files::read_head(&files::head_path(&self.dir), self.ring.as_ref())? {
            HeadFile::Read(head) => Some(head),
            _ => None,
        })
    }

    /// The records of one request, in order. With `decrypt`, texts are opened.
    ///
    /// # Errors
    /// [`Error::Sealed`] when a text does not open, [`Error::KeyMissing`] when there is no key to open it, the database's
    /// failures.
    pub async fn request(&self, request_id: Uuid, decrypt: bool) -> Result<Vec<Record>, Error> {
        let ring = self.opener(decrypt)?;
        let rows = sqlx::query(self.with_keys(BY_REQUEST))
            .bind(request_id.to_string())
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.failed("reading the audit", e))?;
        rows.iter().map(|row| self.record(row, ring)).collect()
    }

    /// A page of records, newest first, older than the record `before` (`None` for the newest), at most `limit` (at most
    /// 1000). Texts stay closed.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn records(&self, filter: &Filter, before: Option<u64>, limit: u32) -> Result<Vec<Record>, Error> {
        let before = before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
        let rows = bind(self.with_keys(DESCENDING), filter, before)
            .bind(limit.min(MAX_PAGE))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| self.failed("reading the audit", e))?;
        rows.iter().map(|row| self.record(row, None)).collect()
    }

    /// Writes records as JSON lines, oldest first, and says how many. With `decrypt`, texts are opened; else only
    /// their sizes are told. Memory does not grow with the export.
    ///
    /// # Errors
    /// [`Error::Sealed`] when a text does not open, [`Error::KeyMissing`] when there is no key to open it, the sink's and
    /// the database's failures. Lines before the failure are written.
    pub async fn export<W>(&self, filter: &Filter, decrypt: bool, sink: &mut W) -> Result<u64, Error>
    where
        W: AsyncWrite + Unpin + Send + ?Sized,
    {
        let ring = self.opener(decrypt)?;
        let failed = |e| self.failed("exporting the audit", e);
        let sunk = |e| Error::file("writing the export to", Path::new("its sink"), e);
        let mut rows = bind(self.with_keys(ASCENDING), filter, i64::MAX).fetch(&self.pool);
        let (mut count, mut chunk) = (0, Vec::with_capacity(EXPORT_CHUNK));
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            let line = self.record(&row, ring).and_then(|record| {
                serde_json::to_writer(&mut chunk, &record).map_err(|e| sunk(e.into()))?;
                chunk.push(b'\n');
                Ok(())
            });
            if chunk.len() >= EXPORT_CHUNK || line.is_err() {
                sink.write_all(&chunk).await.map_err(sunk)?;
                chunk.clear();
            }
            line?;
            count += 1;
        }
        sink.write_all(&chunk).await.map_err(sunk)?;
        sink.flush().await.map_err(sunk)?;
        Ok(count)
    }

    fn opener(&self, decrypt: bool) -> Result<Option<&Ring>, Error> {
        match (&self.ring, decrypt) {
            (_, false) => Ok(None),
            (Some(ring), true) => Ok(Some(ring)),
            (None, true) => Err(Error::KeyMissing { path: key_path(&self.dir) }),
        }
    }

    fn record(&self, row: &SqliteRow, ring: Option<&Ring>) -> Result<Record, Error> {
        let read = || {
            let seq: i64 = row.try_get(0)?;
            let hash: &[u8] = row.try_get(25)?;
            let wrapped: Option<&[u8]> = row.try_get(27)?;
            Ok((u64::try_from(seq).unwrap_or(u64::MAX), hash, Row::from_sql(row)?, wrapped))
        };
        let (seq, hash, fields, wrapped) = read().map_err(|e: sqlx::Error| self.failed("reading the audit", e))?;
        Record::from_row(seq, hash, fields, ring, wrapped)
    }

    /// Lets go of the folder.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn bind<'q>(
    sql: AssertSqlSafe<String>,
    filter: &'q Filter,
    before: i64,
) -> sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    sqlx::query(sql)
        .bind(-1i64)
        .bind(before)
        .bind(filter.from_us.unwrap_or(i64::MIN))
        .bind(filter.to_us.unwrap_or(i64::MAX))
        .bind(&filter.kind)
        .bind(&filter.tenant)
        .bind(&filter.app)
        .bind(&filter.user)
        .bind(&filter.outcome)
        .bind(&filter.action)
}

/// The key, if it is there.
pub(crate) fn find(dir: &Path, source: &KeySource) -> Result<Option<Key>, Error> {
    match source {
        KeySource::Given(key) => Ok(Some(key.clone())),
        KeySource::Folder => files::read_key(&key_path(dir)),
        KeySource::File(path) => files::read_key(path),
    }
}

pub(crate) fn key_path(dir: &Path) -> PathBuf {
    dir.join("audit.key")
}
