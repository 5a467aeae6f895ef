//! Adding up what was noted, in one transaction with the mark of how far the audit is counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use menshen_verdict::Risk;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::count::{DAY, HOUR, MINUTE, MINUTES_US, Noted, SECOND_US, count};
use super::sighting::Sighting;
use crate::changes::Change;
use crate::files::Head;
use crate::time;
use crate::writer::Job;

/// So many requests are noted before they are added up.
pub(crate) const MOST_PENDING: usize = 1024;
/// Rows that one step of counting the past reads: the writer is busy for that long, and no longer.
pub(crate) const STEP: i64 = 1000;
/// So long may a request be noted before it is added up.
const DUE: Duration = Duration::from_secs(1);
/// As many rows are counted while a folder is opened; more are counted in the background.
const AT_OPENING: u64 = 5000;

/// What is noted and not yet added up.
#[derive(Debug)]
pub(crate) struct Folding {
    pub(crate) day_offset_min: i32,
    /// Every row from here on is in `pending`, but for those that are no requests.
    next: u64,
    pending: Vec<Noted>,
    since: Option<Instant>,
    /// The hour in which minutes were last cleared away.
    swept: i64,
}

impl Folding {
    pub(crate) fn new(head: Option<Head>, day_offset_min: i32) -> Self {
        Folding { day_offset_min, next: head.map_or(0, |h| h.seq + 1), pending: Vec::new(), since: None, swept: 0 }
    }

    /// Whether to add up now: enough waits, or for long enough, or somebody asks, or it is the last chance.
    pub(crate) fn is_due(&self, group: &[Job], closing: bool) -> bool {
        let rows: usize = group.iter().map(|job| job.rows.len()).sum();
        let asked =
            || group.iter().flat_map(|job| &job.changes).any(|c| matches!(c, Change::Fold | Change::Prune { .. }));
        self.pending.len() + rows >= MOST_PENDING
            || self.since.is_some_and(|since| closing || since.elapsed() >= DUE)
            || asked()
    }

    /// Whether anything waits to be added up.
    pub(crate) fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// After a commit: what it noted waits, or was added up with the rest.
    pub(crate) fn committed(&mut self, fresh: Vec<Noted>, folded: bool, head: Option<Head>) {
        if folded {
            self.pending.clear();
            self.since = None;
            self.next = head.map_or(0, |h| h.seq + 1);
            self.swept = time::now_us().div_euclid(HOUR * SECOND_US);
        } else if !fresh.is_empty() {
            self.since.get_or_insert_with(Instant::now);
            self.pending.extend(fresh);
        }
    }

    /// After a commit of which it was not known whether it reached the disk, or whose counts failed: the rows are read
    /// back when it is time.
    pub(crate) fn forget(&mut self, head: Option<Head>) {
        self.pending.clear();
        self.since = Some(Instant::now());
        self.next = head.map_or(0, |h| h.seq + 1);
    }

    /// Adds up everything through `end`, and says whether that went well: the record goes before the counts, so what is
    /// wrong with the counts alone is said and tried again later. Nothing changes in here: the transaction may still fail.
    ///
    /// # Errors
    /// When the transaction is lost.
    pub(crate) async fn attempt(
        &self,
        conn: &mut SqliteConnection,
        fresh: &[Noted],
        end: u64,
    ) -> Result<bool, sqlx::Error> {
        sqlx::query("SAVEPOINT fold").execute(&mut *conn).await?;
        let outcome = self.fold(conn, fresh, end).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "the counts could not be brought up to date; records go on, counting is tried again");
            // Fails where SQLite has rolled everything back, as on a full disk: then nothing of this can stand.
            sqlx::query("ROLLBACK TO fold").execute(&mut *conn).await?;
        }
        sqlx::query("RELEASE fold").execute(&mut *conn).await?;
        Ok(outcome.is_ok())
    }

    async fn fold(&self, conn: &mut SqliteConnection, fresh: &[Noted], end: u64) -> Result<(), sqlx::Error> {
        const FOLDED: &str = "SELECT folded FROM observed";
        const MARK: &str = "UPDATE observed SET folded = ?1";
        let folded: i64 = sqlx::query_scalar(FOLDED).fetch_one(&mut *conn).await?;
        let next = i64::try_from(self.next).unwrap_or(i64::MAX);
        if folded + 1 < next {
            recount(conn, folded + 1, next - 1, self.day_offset_min).await?;
        }
        let uncounted = |noted: &&Noted| i64::try_from(noted.0).is_ok_and(|seq| seq > folded);
        let noted: Vec<&Noted> = self.pending.iter().chain(fresh).filter(uncounted).collect();
        let now_us = time::now_us();
        count(conn, &noted, self.day_offset_min, now_us).await?;
        sqlx::query(MARK).bind(end as i64).execute(&mut *conn).await?;
        if now_us.div_euclid(HOUR * SECOND_US) != self.swept {
            sweep(conn, MINUTE, (now_us - MINUTES_US).div_euclid(SECOND_US)).await?;
        }
        Ok(())
    }
}

/// Counts what a folder holds beyond the mark, within bounds. True when more is left for [`fill_gap`].
pub(crate) async fn open(
    conn: &mut SqliteConnection,
    head: Option<Head>,
    day_offset_min: i32,
) -> Result<bool, sqlx::Error> {
    const STATE: &str = "SELECT folded, gap_to FROM observed";
    const BEGIN: &str = "INSERT INTO observed (one, folded) VALUES (1, ?1)";
    const FIRST: &str = "SELECT COALESCE(MIN(seq), 0) FROM audit";
    const LEAVE: &str = "UPDATE observed SET folded = ?1, gap_from = folded + 1, gap_to = ?1";
    const MARK: &str = "UPDATE observed SET folded = ?1";
    let end = head.map_or(-1, |h| i64::try_from(h.seq).unwrap_or(i64::MAX));
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
    let (folded, mut gap) = match sqlx::query(STATE).fetch_optional(&mut *conn).await? {
        Some(row) => (row.try_get::<i64, _>(0)?, row.try_get::<Option<i64>, _>(1)?.is_some()),
        None => {
            let first: i64 = sqlx::query_scalar(FIRST).fetch_one(&mut *conn).await?;
            sqlx::query(BEGIN).bind(first - 1).execute(&mut *conn).await?;
            (first - 1, false)
        }
    };
    let rows = end.saturating_sub(folded);
    if rows > AT_OPENING as i64 && !gap {
        tracing::info!(rows, "the audit's older records are counted in the background; until then overviews lack them");
        sqlx::query(LEAVE).bind(end).execute(&mut *conn).await?;
        gap = true;
    } else if rows > 0 {
        recount(conn, folded + 1, end, day_offset_min).await?;
        sqlx::query(MARK).bind(end).execute(&mut *conn).await?;
    } else if rows < 0 {
        // Rows were cut off, and the break accepted: what was listed of them goes, too.
        for risk in Risk::ALL {
            const CUT: &str = "DELETE FROM seen_risk WHERE risk = ?1 AND seq > ?2";
            sqlx::query(CUT).bind(risk.id()).bind(end).execute(&mut *conn).await?;
        }
        sqlx::query("DELETE FROM seen WHERE seq > ?1").bind(end).execute(&mut *conn).await?;
        sqlx::query(MARK).bind(end).execute(&mut *conn).await?;
    }
    sqlx::query("COMMIT").execute(&mut *conn).await?;
    Ok(gap)
}

/// One step of counting the past, newest rows first. Gives how many rows are left.
pub(crate) async fn fill_gap(conn: &mut SqliteConnection, day_offset_min: i32) -> Result<i64, sqlx::Error> {
    const GAP: &str = "SELECT gap_from, gap_to FROM observed WHERE gap_to >= gap_from";
    const SHRINK: &str = "UPDATE observed SET gap_to = ?1";
    const CLOSE: &str = "UPDATE observed SET gap_from = NULL, gap_to = NULL";
    let Some(row) = sqlx::query(GAP).fetch_optional(&mut *conn).await? else {
        sqlx::query(CLOSE).execute(&mut *conn).await?;
        return Ok(0);
    };
    let (from, to): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let low = step(conn, from, to, day_offset_min).await?;
    if low <= from {
        sqlx::query(CLOSE).execute(&mut *conn).await?;
        return Ok(0);
    }
    sqlx::query(SHRINK).bind(low - 1).execute(&mut *conn).await?;
    Ok(low - from)
}

/// Counts the rows `from..=to` of the audit.
async fn recount(conn: &mut SqliteConnection, from: i64, mut to: i64, day_offset_min: i32) -> Result<(), sqlx::Error> {
    while from <= to {
        to = step(conn, from, to, day_offset_min).await? - 1;
    }
    Ok(())
}

/// Counts the last [`STEP`] requests of `from..=to`. Everything from the row that is given back is counted.
async fn step(conn: &mut SqliteConnection, from: i64, to: i64, day_offset_min: i32) -> Result<i64, sqlx::Error> {
    let rows = sqlx::query(Sighting::SELECT).bind(from).bind(to).bind(STEP).fetch_all(&mut *conn).await?;
    let mut noted = Vec::with_capacity(rows.len());
    for row in &rows {
        let (seq, sighting) = Sighting::from_sql(row)?;
        noted.push((seq, Arc::new(sighting)));
    }
    let low = match noted.last() {
        Some((seq, _)) if rows.len() as i64 == STEP => i64::try_from(*seq).unwrap_or(i64::MAX),
        _ => from,
    };
    let noted: Vec<&Noted> = noted.iter().collect();
    count(conn, &noted, day_offset_min, time::now_us()).await?;
    Ok(low)
}

/// With one step of retention: what was listed of the removed rows goes.
pub(crate) async fn prune_rows(conn: &mut SqliteConnection, through: i64) -> Result<(), sqlx::Error> {
    const ROWS: &str = "DELETE FROM seen WHERE seq <= ?1";
    const RISKS: &str = "DELETE FROM seen_risk WHERE risk = ?1 AND seq <= ?2";
    const GAP: &str = "UPDATE observed SET gap_from = ?1 + 1 WHERE gap_from <= ?1";
    sqlx::query(ROWS).bind(through).execute(&mut *conn).await?;
    for risk in Risk::ALL {
        sqlx::query(RISKS).bind(risk.id()).bind(through).execute(&mut *conn).await?;
    }
    sqlx::query(GAP).bind(through).execute(conn).await?;
    Ok(())
}

/// With the last step of retention: counts of times that are wholly over go.
pub(crate) async fn prune(conn: &mut SqliteConnection, before_us: i64) -> Result<(), sqlx::Error> {
    const MINUTES: &str = "DELETE FROM seen_minute WHERE minute < ?1";
    for span in [MINUTE, HOUR, DAY] {
        sweep(conn, span, before_us.div_euclid(SECOND_US) - span + 1).await?;
    }
    sqlx::query(MINUTES).bind(time::minute(before_us)).execute(conn).await?;
    Ok(())
}

/// Removes counts that begin before a moment, in seconds.
async fn sweep(conn: &mut SqliteConnection, span: i64, before: i64) -> Result<(), sqlx::Error> {
    const SWEEP: &str = "DELETE FROM rollup WHERE scope IN (SELECT scope FROM rollup_scope) AND span = ?1
        AND dim IN (1,2,3,4,5,6,7,8,9,10) AND bucket < ?2";
    sqlx::query(SWEEP).bind(span).bind(before).execute(conn).await?;
    Ok(())
}
