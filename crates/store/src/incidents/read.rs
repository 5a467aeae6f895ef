//! Reading incidents, and what the signals of new ones look at.

use std::collections::BTreeMap;

use sqlx::Row as _;

use super::rows::{self, INCIDENT, TASKS, TIMERS};
use super::{Incident, IncidentFigures, IncidentFolder, IncidentMonth, IncidentState, IncidentTimer};
use crate::error::Error;
use crate::store::Store;

/// The most incidents one page gives.
const MOST: u32 = 500;
const EVENTS: &str =
    "SELECT seq, at_us, by, kind, detail FROM incident_events WHERE incident = ?1 ORDER BY seq LIMIT 5000";
const FILES: &str = "SELECT id, name, sha256, size, records, created_us, by FROM incident_files
    WHERE incident = ?1 ORDER BY created_us, id";
const BYTES: &str = "SELECT bytes FROM incident_files WHERE incident = ?1 AND id = ?2";
const FIGURES: &str = "SELECT
    COALESCE(SUM(drill = 0 AND state = 'proposed'), 0), COALESCE(SUM(drill = 0 AND state = 'open'), 0),
    COALESCE(SUM(drill = 0 AND state = 'contained'), 0), COALESCE(SUM(drill = 0 AND state = 'closed'), 0),
    COALESCE(SUM(drill = 0 AND state IN ('open', 'contained') AND EXISTS (SELECT 1 FROM incident_timers t
        WHERE t.incident = incidents.id AND t.met_us IS NULL AND t.due_us <= ?2)), 0),
    COALESCE(SUM(drill = 1), 0) FROM incidents WHERE ?1 IS NULL OR tenant = ?1";
const BETWEEN: &str = "SELECT
    COALESCE(SUM(drill = 0 AND created_us >= ?2 AND created_us < ?3), 0),
    COALESCE(SUM(drill = 0 AND state = 'closed' AND closed_us >= ?2 AND closed_us < ?3), 0),
    COALESCE(SUM(drill = 1 AND created_us >= ?2 AND created_us < ?3), 0)
    FROM incidents WHERE state IN ('open', 'contained', 'closed') AND (?1 IS NULL OR tenant = ?1)";
// What waits unavailable has an index of its own, in the order of the chain: the end of it is read, and nothing else.
// A model's own 500 or 503 is passed on as it is, and is still the model's: such count as 502.
const STATUSES: &str = "SELECT CASE WHEN s.status >= 500 AND s.status <> 504 AND a.error LIKE 'upstream%' THEN 502
    ELSE s.status END AS told, COUNT(*) FROM seen AS s LEFT JOIN audit AS a ON a.seq = s.seq WHERE s.outcome = 'unavailable'
    AND s.seq >= COALESCE((SELECT MIN(first_seq) FROM seen_minute WHERE minute >= ?1), 9223372036854775807)
    AND s.at_us >= ?2 GROUP BY told";

impl Store {
    /// Incidents, newest first, before the number `before` (`None` for the newest), at most `limit` (at most 500); of one
    /// tenant, in one state, drills or not, where these are given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn incidents(
        &self,
        tenant: Option<&str>,
        state: Option<IncidentState>,
        drill: Option<bool>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Incident>, Error> {
        let failed = |e| self.archive().failed("listing incidents", e);
        let sql = format!(
            "{INCIDENT} WHERE number < ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR state = ?3) \
             AND (?4 IS NULL OR drill = ?4) ORDER BY number DESC LIMIT ?5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(before.unwrap_or(i64::MAX))
            .bind(tenant)
            .bind(state.map(IncidentState::id))
            .bind(drill)
            .bind(limit.min(MOST))
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(rows::incident).collect::<Result<_, _>>().map_err(failed)
    }

    /// The incident of an id; none of another tenant where `tenant` is given.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn incident(&self, id: &str, tenant: Option<&str>) -> Result<Incident, Error> {
        let failed = |e| self.archive().failed("reading an incident", e);
        let sql = format!("{INCIDENT} WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id)
            .bind(tenant)
            .fetch_optional(self.archive().pool())
            .await
            .map_err(failed)?;
        let row = row.ok_or_else(|| Error::NotFound { what: "incident", id: id.to_owned() })?;
        rows::incident(&row).map_err(failed)
    }

    /// An incident with all that belongs to it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn incident_folder(&self, id: &str, tenant: Option<&str>) -> Result<IncidentFolder, Error> {
        let incident = self.incident(id, tenant).await?;
        self.read_folder(incident).await.map_err(|e| self.archive().failed("reading an incident", e))
    }

    async fn read_folder(&self, incident: Incident) -> Result<IncidentFolder, sqlx::Error> {
        let mut tx = self.archive().pool().begin().await?;
        let tasks = sqlx::query(TASKS).bind(&incident.id).fetch_all(&mut *tx).await?;
        let sql = format!("{TIMERS} WHERE incident = ?1 ORDER BY due_us, id");
        let timers = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&incident.id).fetch_all(&mut *tx).await?;
        let events = sqlx::query(EVENTS).bind(&incident.id).fetch_all(&mut *tx).await?;
        let files = sqlx::query(FILES).bind(&incident.id).fetch_all(&mut *tx).await?;
        tx.rollback().await?;
        Ok(IncidentFolder {
            tasks: tasks.iter().map(rows::task).collect::<Result<_, _>>()?,
            timers: timers.iter().map(rows::timer).collect::<Result<_, _>>()?,
            events: events.iter().map(rows::event).collect::<Result<_, _>>()?,
            files: files.iter().map(rows::file).collect::<Result<_, _>>()?,
            incident,
        })
    }

    /// The bytes of an evidence snapshot of this incident.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn incident_file(&self, incident: &str, id: &str) -> Result<Vec<u8>, Error> {
        let bytes: Option<Vec<u8>> = sqlx::query_scalar(BYTES)
            .bind(incident)
            .bind(id)
            .fetch_optional(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("reading evidence", e))?;
        bytes.ok_or_else(|| Error::NotFound { what: "evidence of the incident", id: id.to_owned() })
    }

    /// How many there are, of a tenant where one is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn incident_figures(&self, tenant: Option<&str>, now_us: i64) -> Result<IncidentFigures, Error> {
        let failed = |e| self.archive().failed("counting incidents", e);
        let row =
            sqlx::query(FIGURES).bind(tenant).bind(now_us).fetch_one(self.archive().pool()).await.map_err(failed)?;
        let read = || {
            Ok(IncidentFigures {
                proposed: row.try_get(0)?,
                open: row.try_get(1)?,
                contained: row.try_get(2)?,
                closed: row.try_get(3)?,
                overdue: row.try_get(4)?,
                drills: row.try_get(5)?,
            })
        };
        read().map_err(failed)
    }

    /// How many were opened and closed between two moments, of a tenant where one is given; those that were only proposed
    /// or dismissed are none.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn incidents_between(
        &self,
        tenant: Option<&str>,
        from_us: i64,
        to_us: i64,
    ) -> Result<IncidentMonth, Error> {
        let failed = |e| self.archive().failed("counting incidents", e);
        let pool = self.archive().pool();
        let row = sqlx::query(BETWEEN).bind(tenant).bind(from_us).bind(to_us).fetch_one(pool).await.map_err(failed)?;
        let read = || Ok(IncidentMonth { opened: row.try_get(0)?, closed: row.try_get(1)?, drills: row.try_get(2)? });
        read().map_err(failed)
    }

    /// The timers that have reached a stage that was not told, of incidents under way.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn untold_timers(&self, now_us: i64) -> Result<Vec<IncidentTimer>, Error> {
        let failed = |e| self.archive().failed("reading timers", e);
        let sql = format!(
            "{TIMERS} WHERE met_us IS NULL AND soon_us <= ?1 AND told < 2 AND incident IN (SELECT id FROM incidents \
             WHERE state IN ('open', 'contained')) ORDER BY due_us LIMIT 200"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(now_us)
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        let timers: Vec<IncidentTimer> = rows.iter().map(rows::timer).collect::<Result<_, _>>().map_err(failed)?;
        Ok(timers.into_iter().filter(|t| t.untold(now_us).is_some()).collect())
    }

    /// How often requests since a moment ended unavailable, by HTTP status: what an outage is seen by.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn unavailable_since(&self, from_us: i64) -> Result<BTreeMap<i64, i64>, Error> {
        let failed = |e| self.archive().failed("counting outages", e);
        let rows = sqlx::query(STATUSES)
            .bind(crate::time::minute(from_us))
            .bind(from_us)
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        let read =
            |row: &sqlx::sqlite::SqliteRow| Ok((row.try_get::<Option<i64>, _>(0)?.unwrap_or(0), row.try_get(1)?));
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }
}
