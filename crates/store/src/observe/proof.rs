//! One record's place in the chain.

use serde::Serialize;
use sqlx::Row as _;
use uuid::Uuid;

use crate::chain::{self, GENESIS, Hash, select};
use crate::entry::Record;
use crate::error::Error;
use crate::store::Store;

/// How a record stands in the chain. `previous`, the record and `hash` are computed anew at every call; the whole chain is
/// not: `whole` is what [`Store::verify`] found the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Its place.
    pub seq: u64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// The hash of the record before it; nothing where retention removed that one and left no anchor for it.
    pub previous: Option<String>,
    /// Whether the record has the hash that it must have after the previous one, and the seal that only the key makes.
    pub sealed: bool,
    /// The last record on disk.
    pub head_seq: u64,
    /// Its hash.
    pub head: String,
    /// Whether the whole chain was found whole when it was last read through, and this record was part of that; nothing
    /// where it was not read since the start.
    pub whole: Option<bool>,
}

const ROW: &str = select!("WHERE request_id = ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY seq DESC LIMIT 1");
const PREVIOUS: &str =
    "SELECT hash FROM audit WHERE seq = ?1 UNION ALL SELECT hash FROM audit_anchor WHERE through = ?1";
const HEAD: &str = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";

/// The last request record before a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainEnd {
    /// Its place.
    pub seq: u64,
    /// Its hash, in hexadecimal.
    pub hash: String,
    /// When the request began, RFC 3339.
    pub at: String,
}

const LAST_BEFORE: &str = "SELECT seq, hash, at_us FROM audit
    WHERE seq = (SELECT MAX(last_seq) FROM seen_minute WHERE minute < ?1)";

impl Store {
    /// The last request record that was counted within the minutes before a moment: with its hash in other hands,
    /// nothing before it can be changed unnoticed.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn chain_end(&self, before_us: i64) -> Result<Option<ChainEnd>, Error> {
        let failed = |e| self.archive().failed("reading the chain", e);
        self.fold().await;
        let row = sqlx::query(LAST_BEFORE).bind(crate::time::minute(before_us));
        let row = row.fetch_optional(self.archive().pool()).await.map_err(failed)?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let seq: i64 = row.try_get(0)?;
            let hash: &[u8] = row.try_get(1)?;
            let at = crate::time::rfc3339(row.try_get(2)?);
            Ok(ChainEnd { seq: seq.max(0) as u64, hash: crate::hex::encode(hash), at })
        };
        row.as_ref().map(read).transpose().map_err(failed)
    }

    /// The records of one request, in order, as [`crate::Archive::request`] gives them; none of another tenant where
    /// `tenant` is given.
    ///
    /// # Errors
    /// Those of [`crate::Archive::request`].
    pub async fn request(&self, request_id: Uuid, tenant: Option<&str>, decrypt: bool) -> Result<Vec<Record>, Error> {
        // Whose it is is looked at before anything is opened.
        let mut records = self.archive().request(request_id, false).await?;
        let theirs = |r: &Record| tenant.is_none() || r.tenant.as_deref() == tenant;
        records.retain(theirs);
        if decrypt && !records.is_empty() {
            records = self.archive().request(request_id, true).await?;
            records.retain(theirs);
        }
        Ok(records)
    }

    /// The place of a request's last record in the chain; of a tenant's own only, where `tenant` is given.
    ///
    /// # Errors
    /// The database's failures. `None` when there is no such record.
    pub async fn proof(&self, request_id: Uuid, tenant: Option<&str>) -> Result<Option<Proof>, Error> {
        self.read_proof(request_id, tenant).await.map_err(|e| self.archive().failed("reading the chain", e))
    }

    async fn read_proof(&self, request_id: Uuid, tenant: Option<&str>) -> Result<Option<Proof>, sqlx::Error> {
        let mut tx = self.archive().pool().begin().await?;
        let row = sqlx::query(ROW).bind(request_id.to_string()).bind(tenant).fetch_optional(&mut *tx).await?;
        let Some(row) = row else { return Ok(None) };
        let seq: i64 = row.try_get(0)?;
        let (hash, seal): (Vec<u8>, Vec<u8>) = (row.try_get(25)?, row.try_get(26)?);
        let fields = chain::Row::from_sql(&row)?;
        let previous: Option<Vec<u8>> = sqlx::query_scalar(PREVIOUS).bind(seq - 1).fetch_optional(&mut *tx).await?;
        let head = sqlx::query(HEAD).fetch_one(&mut *tx).await?;
        let (head_seq, head): (i64, Vec<u8>) = (head.try_get(0)?, head.try_get(1)?);
        tx.rollback().await?;

        let place = u64::try_from(seq).unwrap_or(0);
        let before: Option<Hash> = match &previous {
            Some(hash) => hash.as_slice().try_into().ok(),
            None if seq == 0 => Some(GENESIS),
            None => None,
        };
        let sealed = before.is_some_and(|before| {
            let must = chain::link(&before, place, &fields);
            must.as_slice() == hash && chain::seal(self.inner.ring(), place, &must).as_slice() == seal
        });
        let whole = match self.inner.verified() {
            Some((last, whole)) if place <= last => Some(whole),
            _ => None,
        };
        Ok(Some(Proof {
            seq: place,
            hash: crate::hex::encode(&hash),
            previous: before.map(|hash| crate::hex::encode(&hash)),
            sealed,
            head_seq: u64::try_from(head_seq).unwrap_or(0),
            head: crate::hex::encode(&head),
            whole,
        }))
    }
}
