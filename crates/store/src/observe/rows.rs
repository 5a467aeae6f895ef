//! The list of requests, newest first, by any of its filters.
//!
//! One filter is looked up in its index, in the chain's order; the others are tried on what it gives. How many rows a
//! page may try is bounded, so the dearest question costs what a page of [`MOST_TRIED`] costs.

use std::fmt::Write as _;

use menshen_verdict::{Action, Outcome};
use serde::Serialize;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::count::unversioned;
use super::sighting::Sighting;
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// The most rows a page gives.
const MOST: u32 = 500;
/// The most rows a page tries.
const MOST_TRIED: i64 = 10_000;

/// Which requests to list. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// At or after, in microseconds since 1970 UTC.
    pub from_us: Option<i64>,
    /// Before, in microseconds since 1970 UTC.
    pub to_us: Option<i64>,
    /// Only this tenant. Whoever belongs to a tenant must be given no other.
    pub tenant: Option<String>,
    /// Only this application.
    pub app: Option<String>,
    /// Only this end user.
    pub user: Option<String>,
    /// Only this rule, as `pack/rule` for all of its versions or as `pack/rule@version`.
    pub rule: Option<String>,
    /// Only with this risk topic among those that were found.
    pub risk: Option<String>,
    /// Only this outcome.
    pub outcome: Option<String>,
    /// Only this action.
    pub action: Option<String>,
}

/// A page of requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowPage {
    /// Newest first. A page may be short, even empty, and not be the last: see `next`.
    pub records: Vec<RecordRow>,
    /// What to give as `before` for the next page; nothing after the last.
    pub next: Option<u64>,
}

/// A request in the list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordRow {
    /// Its place in the chain.
    pub seq: u64,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The request's id.
    pub request_id: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The API.
    pub api: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// The rule that decided, as `pack/rule@version`.
    pub rule: Option<String>,
    /// The risk topic with the highest score.
    pub risk: Option<String>,
    /// What it took in all, in milliseconds.
    pub total_ms: Option<f64>,
    /// The HTTP status answered.
    pub status: Option<i64>,
}

fn ms(us: i64) -> f64 {
    // Whole microseconds, so that 0.1 is not shown as 0.1000000001.
    us as f64 / 1000.0
}

impl RecordRow {
    pub(crate) fn of(seq: u64, s: &Sighting) -> Self {
        RecordRow {
            seq,
            at: time::rfc3339(s.at_us),
            request_id: s.request_id.clone(),
            tenant: s.tenant.clone(),
            app: s.app.clone(),
            user: s.user.clone(),
            api: s.api.clone(),
            model: s.model.clone(),
            outcome: s.outcome.map(|o| o.id().to_owned()),
            action: s.action.map(|a| a.id().to_owned()),
            rule: s.rule.clone(),
            risk: s.risks.first().map(|r| r.id().to_owned()),
            total_ms: s.total_us.map(ms),
            status: s.status,
        }
    }

    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (rule, version): (Option<String>, Option<String>) = (row.try_get(10)?, row.try_get(11)?);
        Ok(RecordRow {
            seq: u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0),
            at: time::rfc3339(row.try_get(1)?),
            request_id: row.try_get(2)?,
            tenant: row.try_get(3)?,
            app: row.try_get(4)?,
            user: row.try_get(5)?,
            api: row.try_get(6)?,
            model: row.try_get(7)?,
            outcome: row.try_get(8)?,
            action: row.try_get(9)?,
            rule: match (rule, version) {
                (Some(rule), Some(version)) => Some(format!("{rule}@{version}")),
                (rule, _) => rule,
            },
            risk: row.try_get(12)?,
            status: row.try_get(13)?,
            total_ms: row.try_get::<Option<i64>, _>(14)?.map(ms),
        })
    }
}

/// Where a page is read: the table or index, the condition that makes SQLite take it, and its one value (`?1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Rule,
    Risk,
    User,
    Action,
    Outcome,
    App,
    Tenant,
    Chain,
}

impl Way {
    /// The most telling filter first. Outcomes and actions that most requests share have no index: what has them is
    /// found on the way.
    fn of(filter: &RowFilter) -> (Way, Option<&str>) {
        let rare = |value: &Option<String>, usual: &str| value.as_deref().is_some_and(|v| v != usual);
        let ways = [
            (Way::Rule, filter.rule.as_deref().map(|rule| unversioned(rule).0)),
            (Way::Risk, filter.risk.as_deref()),
            (Way::User, filter.user.as_deref()),
            (Way::Action, filter.action.as_deref().filter(|_| rare(&filter.action, Action::Pass.id()))),
            (Way::Outcome, filter.outcome.as_deref().filter(|_| rare(&filter.outcome, Outcome::Allowed.id()))),
            (Way::App, filter.app.as_deref()),
            (Way::Tenant, filter.tenant.as_deref()),
        ];
        ways.into_iter().find(|(_, value)| value.is_some()).unwrap_or((Way::Chain, None))
    }

    const fn source(self) -> &'static str {
        match self {
            Way::Rule => "seen AS s INDEXED BY seen_by_rule WHERE s.rule = ?1",
            Way::Risk => "seen_risk AS r CROSS JOIN seen AS s ON s.seq = r.seq WHERE r.risk = ?1",
            Way::User => "seen AS s INDEXED BY seen_by_user WHERE s.user = ?1",
            Way::Action => "seen AS s INDEXED BY seen_by_action WHERE s.action = ?1 AND s.action <> 'pass'",
            Way::Outcome => "seen AS s INDEXED BY seen_by_outcome WHERE s.outcome = ?1 AND s.outcome <> 'allowed'",
            Way::App => "seen AS s INDEXED BY seen_by_app WHERE s.app = ?1",
            Way::Tenant => "seen AS s INDEXED BY seen_by_tenant WHERE s.tenant = ?1",
            Way::Chain => "seen AS s WHERE ?1 IS NULL",
        }
    }

    /// The column that orders the page.
    const fn seq(self) -> &'static str {
        if matches!(self, Way::Risk) { "r.seq" } else { "s.seq" }
    }

    /// The place of the row behind which a page stops trying.
    fn floor(self) -> String {
        // Joining would look every row up; the risk's own table knows the places.
        let source = if self == Way::Risk { "seen_risk AS r WHERE r.risk = ?1" } else { self.source() };
        let seq = self.seq();
        format!("SELECT {seq} FROM {source} AND {seq} >= ?2 AND {seq} < ?3 ORDER BY {seq} DESC LIMIT 1 OFFSET ?4")
    }

    fn page(self) -> String {
        let (source, seq) = (self.source(), self.seq());
        let mut sql = format!(
            "SELECT s.seq, s.at_us, s.request_id, s.tenant, s.app, s.user, s.api, s.model, s.outcome, s.action, s.rule, \
             s.version, s.risk, s.status, s.total_us FROM {source} AND {seq} >= ?2 AND {seq} < ?3 \
             AND s.at_us >= ?4 AND s.at_us < ?5"
        );
        // `+` keeps SQLite from taking another index than the one that was chosen.
        for (place, column) in ["tenant", "app", "user", "rule", "version", "outcome", "action"].iter().enumerate() {
            let place = place + 6;
            let _ = write!(sql, " AND (?{place} IS NULL OR +s.{column} = ?{place})");
        }
        sql.push_str(
            " AND (?13 IS NULL OR EXISTS (SELECT 1 FROM seen_risk AS k WHERE k.risk = ?13 AND k.seq = s.seq))",
        );
        let _ = write!(sql, " ORDER BY {seq} DESC LIMIT ?14");
        sql
    }
}

/// The least and the last place of rows in a time.
const PLACES: &str = "SELECT MIN(first_seq), MAX(last_seq) FROM seen_minute WHERE minute >= ?1 AND minute <= ?2";

/// A user's newest requests, so many of them at most, and how many of those fall on a day. What was refused for its form,
/// its tier or a suspension is no use of the service.
const ON_DAY: &str = "SELECT COUNT(*) FROM (SELECT * FROM seen WHERE user = ?1 ORDER BY seq DESC LIMIT ?2)
    WHERE at_us >= ?3 AND at_us < ?4 AND tenant = ?5 AND app = ?6 AND outcome <> 'invalid' AND status IS NOT 403";

impl Store {
    /// How many requests of an application's user were let in on the day of `at_us`; of 10 000 of theirs at most.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn requests_on_day(&self, tenant: &str, app: &str, user: &str, at_us: i64) -> Result<u32, Error> {
        self.fold().await;
        let (from_us, to_us) = time::bounds(self.day(at_us), self.options().day_offset_min);
        let count: i64 = sqlx::query_scalar(ON_DAY)
            .bind(user)
            .bind(MOST_TRIED)
            .bind(from_us)
            .bind(to_us)
            .bind(tenant)
            .bind(app)
            .fetch_one(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("counting a user's requests", e))?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// A page of requests, newest first, older than the record `before` (`None` for the newest), at most `limit` (at most
    /// 500). A page tries 10 000 rows at most: where few of them fit it is short, and [`RowPage::next`] leads on.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn rows(&self, filter: &RowFilter, before: Option<u64>, limit: u32) -> Result<RowPage, Error> {
        self.fold().await;
        let failed = |e| self.archive().failed("listing records", e);
        let mut tx = self.archive().pool().begin().await.map_err(failed)?;
        let page = page(&mut tx, filter, before, limit.clamp(1, MOST), MOST_TRIED).await.map_err(failed)?;
        tx.rollback().await.map_err(failed)?;
        Ok(page)
    }
}

async fn page(
    conn: &mut SqliteConnection,
    filter: &RowFilter,
    before: Option<u64>,
    limit: u32,
    most_tried: i64,
) -> Result<RowPage, sqlx::Error> {
    let nothing = RowPage { records: Vec::new(), next: None };
    let mut end = before.map_or(i64::MAX, |b| i64::try_from(b).unwrap_or(i64::MAX));
    let mut least = i64::MIN;
    let (from_us, to_us) = (filter.from_us.unwrap_or(i64::MIN), filter.to_us.unwrap_or(i64::MAX));
    if filter.from_us.is_some() || filter.to_us.is_some() {
        let places = sqlx::query(PLACES)
            .bind(time::minute(from_us))
            .bind(time::minute(to_us.saturating_sub(1)))
            .fetch_one(&mut *conn)
            .await?;
        let (Some(first), Some(last)) = (places.try_get::<Option<i64>, _>(0)?, places.try_get::<Option<i64>, _>(1)?)
        else {
            return Ok(nothing);
        };
        least = first;
        end = end.min(last.saturating_add(1));
    }
    let (way, value) = Way::of(filter);
    // The text of both statements is ours alone; every value is bound.
    let floor: Option<i64> = sqlx::query_scalar(AssertSqlSafe(way.floor()))
        .bind(value)
        .bind(least)
        .bind(end)
        .bind(most_tried)
        .fetch_optional(&mut *conn)
        .await?;
    let (rule, version) = filter.rule.as_deref().map(unversioned).unzip();
    let rows = sqlx::query(AssertSqlSafe(way.page()))
        .bind(value)
        .bind(floor.map_or(least, |f| f + 1))
        .bind(end)
        .bind(from_us)
        .bind(to_us)
        .bind(&filter.tenant)
        .bind(&filter.app)
        .bind(&filter.user)
        .bind(rule)
        .bind(version.flatten())
        .bind(&filter.outcome)
        .bind(&filter.action)
        .bind(filter.risk.as_deref().filter(|_| way != Way::Risk))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *conn)
        .await?;
    let mut records = rows.iter().map(RecordRow::read).collect::<Result<Vec<_>, _>>()?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next = match (more, floor) {
        (true, _) => records.last().map(|r| r.seq),
        (false, Some(floor)) => u64::try_from(floor.saturating_add(1)).ok(),
        (false, None) => None,
    };
    Ok(RowPage { records, next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    const WAYS: [(Way, &str); 8] = [
        (Way::Rule, "seen_by_rule"),
        (Way::Risk, "PRIMARY KEY"),
        (Way::User, "seen_by_user"),
        (Way::Action, "seen_by_action"),
        (Way::Outcome, "seen_by_outcome"),
        (Way::App, "seen_by_app"),
        (Way::Tenant, "seen_by_tenant"),
        (Way::Chain, "INTEGER PRIMARY KEY"),
    ];

    async fn plan(conn: &mut SqliteConnection, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(conn).await;
        rows.map(|rows| rows.iter().filter_map(|row| row.try_get(3).ok()).collect()).unwrap_or_default()
    }

    /// A plan that scans a table, or sorts what it found, grows with the audit.
    #[tokio::test]
    async fn every_way_is_read_in_order_from_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = schema::database_path(dir.path());
        crate::files::make_private(&path).unwrap();
        let mut conn = schema::open_writer(&path, None).await.unwrap();
        for (way, index) in WAYS {
            for sql in [way.page(), way.floor()] {
                let steps = plan(&mut conn, &sql).await;
                assert!(!steps.is_empty(), "{sql} is refused");
                for step in &steps {
                    assert!(!step.starts_with("SCAN") && !step.contains("TEMP B-TREE"), "{way:?}: {steps:?}");
                }
                assert!(steps[0].contains(index), "{way:?}: {steps:?}");
            }
        }
    }

    #[test]
    fn the_most_telling_filter_leads() {
        let some = |v: &str| Some(v.to_owned());
        let filter = RowFilter { tenant: some("t"), app: some("a"), action: some("pass"), ..RowFilter::default() };
        assert_eq!(Way::of(&filter), (Way::App, Some("a")));
        let filter = RowFilter { action: some("block"), outcome: some("intervened"), ..filter };
        assert_eq!(Way::of(&filter), (Way::Action, Some("block")));
        let filter = RowFilter { rule: some("p/r@2"), ..filter };
        assert_eq!(Way::of(&filter), (Way::Rule, Some("p/r")));
    }

    #[tokio::test]
    async fn a_page_that_tried_enough_is_short_and_leads_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = schema::database_path(dir.path());
        crate::files::make_private(&path).unwrap();
        let mut conn = schema::open_writer(&path, None).await.unwrap();
        for seq in 1..=100i64 {
            sqlx::query("INSERT INTO seen (seq, at_us, request_id, app, outcome) VALUES (?1, ?1, 'r', 'a', ?2)")
                .bind(seq)
                .bind(if seq % 40 == 0 { "allowed" } else { "invalid" })
                .execute(&mut conn)
                .await
                .unwrap();
        }
        let filter = RowFilter { app: Some("a".into()), outcome: Some("allowed".into()), ..RowFilter::default() };
        let (mut before, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = page(&mut conn, &filter, before, 50, 10).await.unwrap();
            seen.extend(page.records.iter().map(|r| r.seq));
            pages += 1;
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        assert_eq!((seen, pages), (vec![80, 40], 10));
    }
}
