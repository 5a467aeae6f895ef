//! The queue, and its figures.

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use super::flow::{CaseFamily, CaseState};
use super::rows::{columns, read};
use super::{Case, unreadable};
use crate::error::Error;
use crate::store::Store;

/// The most cases one page gives.
const MOST: u32 = 200;

/// Whether somebody should have done something by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// There is time.
    Fine,
    /// The answer is due soon.
    Soon,
    /// The acknowledgement or the answer is late.
    Overdue,
}

impl Due {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Due::Fine => "fine",
            Due::Soon => "soon",
            Due::Overdue => "overdue",
        }
    }
}

/// Which cases to list. The default is those that somebody has to do something about.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    /// Only this tenant.
    pub tenant: Option<String>,
    /// Only in this state; none for all that are not closed or rejected.
    pub state: Option<CaseState>,
    /// Those that are closed and rejected, too.
    pub all: bool,
    /// Only this family.
    pub family: Option<CaseFamily>,
    /// Only this kind.
    pub kind: Option<String>,
    /// Only this one's work; empty for nobody's.
    pub assignee: Option<String>,
    /// Only those that are due so.
    pub due: Option<Due>,
    /// Only with this number, end user or request.
    pub about: Option<String>,
}

/// A page of cases, what is due first before the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CasePage {
    /// The cases.
    pub cases: Vec<Case>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

/// The figures of one kind, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindFigures {
    /// The family.
    pub family: String,
    /// The kind.
    pub kind: String,
    /// How many came in.
    pub received: i64,
    /// How many of those were answered.
    pub answered: i64,
    /// How many of those in time.
    pub in_time: i64,
    /// How many were rejected.
    pub rejected: i64,
    /// How many were decided for whoever complained or reported.
    pub granted: i64,
    /// The middle of the times from the entry to the answer, in seconds.
    pub median_answer_s: Option<i64>,
}

/// What there is to do, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseStatistics {
    /// Open at this moment.
    pub open: i64,
    /// Of those, late.
    pub overdue: i64,
    /// Of those, due soon.
    pub soon: i64,
    /// Of those, nobody's.
    pub unassigned: i64,
    /// Decisions that wait for a second person.
    pub pending: i64,
    /// The middle of the times from the entry to the answer over all kinds, in seconds, of what came in in the time.
    pub median_answer_s: Option<i64>,
    /// Each kind, of what came in in the time.
    pub kinds: Vec<KindFigures>,
}

macro_rules! waits {
    () => {
        "state IN ('received', 'acknowledged', 'in_progress')"
    };
}
macro_rules! overdue {
    () => {
        concat!(waits!(), " AND (due_us <= ?1 OR (state = 'received' AND ack_due_us <= ?1))")
    };
}
macro_rules! soon {
    () => {
        concat!(waits!(), " AND soon_us <= ?1 AND NOT (due_us <= ?1 OR (state = 'received' AND ack_due_us <= ?1))")
    };
}

const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM cases WHERE (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR state = ?3) \
     AND (?4 OR ?3 IS NOT NULL OR state NOT IN ('closed', 'rejected')) \
     AND (?5 IS NULL OR family = ?5) AND (?6 IS NULL OR kind = ?6) \
     AND (?7 IS NULL OR COALESCE(assignee, '') = ?7) \
     AND (?8 IS NULL OR (?8 = 'overdue' AND ",
    overdue!(),
    ") OR (?8 = 'soon' AND ",
    soon!(),
    ") OR (?8 = 'fine' AND NOT (",
    overdue!(),
    ") AND NOT (",
    soon!(),
    "))) AND (?9 IS NULL OR number = ?9 OR user = ?9 OR request_id = ?9) \
     AND (due_us, seq) > (?10, ?11) ORDER BY due_us, seq LIMIT ?12"
);
const NOW: &str = concat!(
    "SELECT COUNT(*), COALESCE(SUM(",
    overdue!(),
    "), 0), COALESCE(SUM(",
    soon!(),
    "), 0), COALESCE(SUM(assignee IS NULL), 0), COALESCE(SUM(pending), 0) FROM cases \
     WHERE (?2 IS NULL OR tenant = ?2) AND ",
    waits!()
);
const KINDS: &str = "SELECT family, kind, COUNT(*), COUNT(answered_us), COALESCE(SUM(answered_us <= due_us), 0), \
    COALESCE(SUM(state = 'rejected'), 0), \
    COALESCE(SUM(decision IN ('upheld', 'justified', 'partly', 'take_down', 'label', 'refute') AND NOT pending), 0) \
    FROM cases WHERE created_us >= ?1 AND created_us < ?2 AND (?3 IS NULL OR tenant = ?3) GROUP BY family, kind \
    ORDER BY family, kind";
const MEDIAN: &str = "WITH took AS (SELECT answered_us - created_us AS us FROM cases WHERE created_us >= ?1 \
    AND created_us < ?2 AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR kind = ?4) AND answered_us IS NOT NULL) \
    SELECT CAST(AVG(us) AS INTEGER) FROM (SELECT us FROM took ORDER BY us LIMIT 2 - (SELECT COUNT(*) FROM took) % 2 \
    OFFSET (SELECT (COUNT(*) - 1) / 2 FROM took))";

fn cursor(text: &str) -> Result<(i64, i64), Error> {
    let wrong = || Error::Invalid { what: "after", problem: "it is no 'next' of a page".to_owned() };
    let (due, seq) = text.split_once('.').ok_or_else(wrong)?;
    Ok((due.parse().map_err(|_| wrong())?, seq.parse().map_err(|_| wrong())?))
}

impl Store {
    /// Lists cases, what is due first before the rest, at most `limit` (at most 200), from where a page ended (`after`).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a place that no page gave; the database's failures.
    pub async fn cases(
        &self,
        filter: &CaseFilter,
        after: Option<&str>,
        limit: u32,
        now_us: i64,
    ) -> Result<CasePage, Error> {
        let (due, seq) = after.map_or(Ok((i64::MIN, i64::MIN)), cursor)?;
        let limit = limit.clamp(1, MOST);
        let failed = |e| self.archive().failed("listing cases", e);
        let rows = sqlx::query(LIST)
            .bind(now_us)
            .bind(&filter.tenant)
            .bind(filter.state.map(CaseState::id))
            .bind(filter.all)
            .bind(filter.family.map(CaseFamily::id))
            .bind(&filter.kind)
            .bind(&filter.assignee)
            .bind(filter.due.map(Due::id))
            .bind(&filter.about)
            .bind(due)
            .bind(seq)
            .bind(i64::from(limit) + 1)
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        let mut cases = rows.iter().map(read).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let more = cases.len() > limit as usize;
        cases.truncate(limit as usize);
        let next = cases.last().filter(|_| more).map(|last| format!("{}.{}", last.due_us, last.seq));
        Ok(CasePage { cases, next })
    }

    /// What there is to do now, and how what came in between two moments went.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn case_statistics(
        &self,
        tenant: Option<&str>,
        from_us: i64,
        to_us: i64,
        now_us: i64,
    ) -> Result<CaseStatistics, Error> {
        let failed = |e| self.archive().failed("counting cases", e);
        let pool = self.archive().pool();
        let now = sqlx::query(NOW).bind(now_us).bind(tenant).fetch_one(pool).await.map_err(failed)?;
        let rows = sqlx::query(KINDS).bind(from_us).bind(to_us).bind(tenant).fetch_all(pool).await.map_err(failed)?;
        let mut kinds = Vec::with_capacity(rows.len());
        for row in &rows {
            let figures = || {
                Ok::<_, sqlx::Error>(KindFigures {
                    family: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    received: row.try_get(2)?,
                    answered: row.try_get(3)?,
                    in_time: row.try_get(4)?,
                    rejected: row.try_get(5)?,
                    granted: row.try_get(6)?,
                    median_answer_s: None,
                })
            };
            let mut figures = figures().map_err(failed)?;
            figures.median_answer_s =
                median(pool, from_us, to_us, tenant, Some(&figures.kind)).await.map_err(failed)?;
            kinds.push(figures);
        }
        let count = |column: usize| now.try_get::<i64, _>(column).map_err(unreadable);
        Ok(CaseStatistics {
            open: count(0)?,
            overdue: count(1)?,
            soon: count(2)?,
            unassigned: count(3)?,
            pending: count(4)?,
            median_answer_s: median(pool, from_us, to_us, tenant, None).await.map_err(failed)?,
            kinds,
        })
    }
}

async fn median(
    pool: &SqlitePool,
    from_us: i64,
    to_us: i64,
    tenant: Option<&str>,
    kind: Option<&str>,
) -> Result<Option<i64>, sqlx::Error> {
    let us: Option<i64> =
        sqlx::query_scalar(MEDIAN).bind(from_us).bind(to_us).bind(tenant).bind(kind).fetch_one(pool).await?;
    Ok(us.map(|us| us / 1_000_000))
}
