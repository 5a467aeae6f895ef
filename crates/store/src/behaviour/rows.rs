//! The tables of behaviour.

use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::{Alarm, AlarmDecision, AlarmFilter, Behaving, Damping, Level, Measure, SubjectKind};
use crate::changes::Setback;
use crate::cipher::Ring;
use crate::error::Error;
use crate::store::Store;

#[derive(Debug, Clone)]
pub(crate) enum BehaviourChange {
    Alarm(Alarm),
    Measure(Measure),
    End { id: String, by: String, at_us: i64 },
    Decide { id: String, decision: AlarmDecision, note: Option<Vec<u8>>, by: String, at_us: i64 },
    Damp(Damping),
    Undamp { id: String },
}

const PUT_ALARM: &str =
    "INSERT INTO alarms (id, tenant, app, kind, subject, at_us, grade, score, reasons, request_id, human)
    VALUES (?,?,?,?,?,?,?,?,?,?,?)";
const PUT_MEASURE: &str =
    "INSERT INTO measures (id, tenant, app, kind, subject, level, percent, since_us, until_us, reason,
    alarm, by) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
const END: &str = "UPDATE measures SET ended_us = ?2, ended_by = ?3 WHERE id = ?1 AND ended_us IS NULL";
const DECIDE: &str =
    "UPDATE alarms SET decision = ?2, note = ?3, decided_by = ?4, decided_us = ?5 WHERE id = ?1 AND decision IS NULL";
const DAMP: &str =
    "INSERT INTO dampings (id, tenant, app, kind, subject, signal, percent, marks, since_us, until_us, by)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
    ON CONFLICT (tenant, app, kind, subject, signal)
    DO UPDATE SET id = ?1, percent = ?7, marks = ?8, since_us = ?9, until_us = ?10, by = ?11";
const UNDAMP: &str = "DELETE FROM dampings WHERE id = ?1";

pub(crate) async fn apply(conn: &mut SqliteConnection, change: &BehaviourChange) -> Result<u64, Setback> {
    let done = match change {
        BehaviourChange::Alarm(a) => {
            sqlx::query(PUT_ALARM)
                .bind(&a.id)
                .bind(&a.who.tenant)
                .bind(&a.who.app)
                .bind(a.who.kind.id())
                .bind(&a.who.subject)
                .bind(a.at_us)
                .bind(&a.grade)
                .bind(a.score)
                .bind(a.reasons.to_string())
                .bind(&a.request_id)
                .bind(a.human)
                .execute(conn)
                .await?
        }
        BehaviourChange::Measure(m) => {
            sqlx::query(PUT_MEASURE)
                .bind(&m.id)
                .bind(&m.who.tenant)
                .bind(&m.who.app)
                .bind(m.who.kind.id())
                .bind(&m.who.subject)
                .bind(m.level.id())
                .bind(i64::from(m.percent))
                .bind(m.since_us)
                .bind(m.until_us)
                .bind(&m.reason)
                .bind(&m.alarm)
                .bind(&m.by)
                .execute(conn)
                .await?
        }
        BehaviourChange::End { id, by, at_us } => sqlx::query(END).bind(id).bind(at_us).bind(by).execute(conn).await?,
        BehaviourChange::Decide { id, decision, note, by, at_us } => {
            let query = sqlx::query(DECIDE).bind(id).bind(decision.id()).bind(note).bind(by).bind(at_us);
            let done = query.execute(conn).await?;
            if done.rows_affected() == 0 {
                return Err(Setback::Refused(Error::NotFound { what: "open alarm", id: id.clone() }));
            }
            done
        }
        BehaviourChange::Damp(d) => {
            sqlx::query(DAMP)
                .bind(&d.id)
                .bind(&d.tenant)
                .bind(&d.app)
                .bind(d.kind.id())
                .bind(&d.subject)
                .bind(&d.signal)
                .bind(i64::from(d.percent))
                .bind(d.marks)
                .bind(d.since_us)
                .bind(d.until_us)
                .bind(&d.by)
                .execute(conn)
                .await?
        }
        BehaviourChange::Undamp { id } => sqlx::query(UNDAMP).bind(id).execute(conn).await?,
    };
    Ok(done.rows_affected())
}

/// What is older than the retention, and has ended.
pub(crate) async fn prune(conn: &mut SqliteConnection, before_us: i64) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM alarms WHERE at_us < ?1",
        "DELETE FROM measures WHERE until_us < ?1 OR ended_us < ?1",
        "DELETE FROM dampings WHERE until_us < ?1",
    ] {
        sqlx::query(sql).bind(before_us).execute(&mut *conn).await?;
    }
    Ok(())
}

fn unknown(what: &str, id: &str) -> sqlx::Error {
    sqlx::Error::Protocol(format!("{id:?} is no {what}"))
}

fn who(row: &SqliteRow, at: usize) -> Result<Behaving, sqlx::Error> {
    let kind: &str = row.try_get(at + 2)?;
    Ok(Behaving {
        tenant: row.try_get(at)?,
        app: row.try_get(at + 1)?,
        kind: SubjectKind::of(kind).ok_or_else(|| unknown("kind of subject", kind))?,
        subject: row.try_get(at + 3)?,
    })
}

fn percent(row: &SqliteRow, at: usize) -> Result<u8, sqlx::Error> {
    let percent: i64 = row.try_get(at)?;
    Ok(u8::try_from(percent.clamp(0, 100)).unwrap_or(100))
}

fn measure(row: &SqliteRow) -> Result<Measure, sqlx::Error> {
    let level: &str = row.try_get(5)?;
    Ok(Measure {
        id: row.try_get(0)?,
        who: who(row, 1)?,
        level: Level::of(level).ok_or_else(|| unknown("level", level))?,
        percent: percent(row, 6)?,
        since_us: row.try_get(7)?,
        until_us: row.try_get(8)?,
        reason: row.try_get(9)?,
        alarm: row.try_get(10)?,
        by: row.try_get(11)?,
        ended_us: row.try_get(12)?,
        ended_by: row.try_get(13)?,
    })
}

pub(super) async fn standing(
    conn: &mut SqliteConnection,
    now_us: i64,
    most: usize,
) -> Result<Vec<Measure>, sqlx::Error> {
    const STANDING: &str =
        "SELECT id, tenant, app, kind, subject, level, percent, since_us, until_us, reason, alarm, by,
        ended_us, ended_by FROM measures WHERE until_us > ?1 AND ended_us IS NULL ORDER BY since_us LIMIT ?2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = sqlx::query(STANDING).bind(now_us).bind(most).fetch_all(conn).await?;
    rows.iter().map(measure).collect()
}

pub(super) async fn measures_of(pool: &SqlitePool, who: &Behaving, limit: u32) -> Result<Vec<Measure>, sqlx::Error> {
    const OF: &str = "SELECT id, tenant, app, kind, subject, level, percent, since_us, until_us, reason, alarm, by,
        ended_us, ended_by FROM measures WHERE tenant = ?1 AND app = ?2 AND kind = ?3 AND subject = ?4
        ORDER BY since_us DESC LIMIT ?5";
    let query = sqlx::query(OF).bind(&who.tenant).bind(&who.app).bind(who.kind.id()).bind(&who.subject).bind(limit);
    query.fetch_all(pool).await?.iter().map(measure).collect()
}

pub(super) async fn dampings(conn: &mut SqliteConnection, now_us: i64) -> Result<Vec<Damping>, sqlx::Error> {
    const ALL: &str =
        "SELECT id, tenant, app, kind, subject, signal, percent, marks, since_us, until_us, by FROM dampings
        WHERE until_us > ?1";
    let rows = sqlx::query(ALL).bind(now_us).fetch_all(conn).await?;
    let read = |row: &SqliteRow| {
        let of = who(row, 1)?;
        Ok(Damping {
            id: row.try_get(0)?,
            tenant: of.tenant,
            app: of.app,
            kind: of.kind,
            subject: of.subject,
            signal: row.try_get(5)?,
            percent: percent(row, 6)?,
            marks: row.try_get(7)?,
            since_us: row.try_get(8)?,
            until_us: row.try_get(9)?,
            by: row.try_get(10)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Where a note belongs: it opens nowhere else.
pub(super) fn place(id: &str) -> String {
    format!("alarm/{id}/note")
}

fn read(row: &SqliteRow, ring: &Ring) -> Result<Alarm, Error> {
    let failed = |e: sqlx::Error| Error::Unreadable { what: "alarm", problem: e.to_string() };
    let plain = |row: &SqliteRow| -> Result<(Alarm, Option<Vec<u8>>), sqlx::Error> {
        let decision: Option<&str> = row.try_get(11)?;
        let decision = decision.map(|d| AlarmDecision::of(d).ok_or_else(|| unknown("decision", d))).transpose()?;
        let reasons: &str = row.try_get(8)?;
        let alarm = Alarm {
            id: row.try_get(0)?,
            who: who(row, 1)?,
            at_us: row.try_get(5)?,
            grade: row.try_get(6)?,
            score: row.try_get(7)?,
            reasons: serde_json::from_str(reasons).unwrap_or(Value::Null),
            request_id: row.try_get(9)?,
            human: row.try_get(10)?,
            decision,
            note: None,
            decided_by: row.try_get(13)?,
            decided_us: row.try_get(14)?,
        };
        Ok((alarm, row.try_get(12)?))
    };
    let (mut alarm, note) = plain(row).map_err(failed)?;
    if let Some(sealed) = note {
        let text = ring.decrypt("note", &place(&alarm.id), &sealed)?;
        alarm.note = Some(String::from_utf8_lossy(&text).into_owned());
    }
    Ok(alarm)
}

pub(super) async fn alarms(store: &Store, filter: &AlarmFilter, limit: u32) -> Result<Vec<Alarm>, Error> {
    const LIST: &str =
        "SELECT id, tenant, app, kind, subject, at_us, grade, score, reasons, request_id, human, decision, note,
        decided_by, decided_us FROM alarms WHERE at_us < ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR app = ?3)
        AND (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR subject = ?5) AND (?6 = 0 OR decision IS NULL)
        ORDER BY at_us DESC, id LIMIT ?7";
    let failed = |e| store.archive().failed("listing alarms", e);
    let rows = sqlx::query(LIST)
        .bind(filter.before_us.unwrap_or(i64::MAX))
        .bind(&filter.tenant)
        .bind(&filter.app)
        .bind(filter.kind.map(SubjectKind::id))
        .bind(&filter.subject)
        .bind(filter.open)
        .bind(limit)
        .fetch_all(store.archive().pool())
        .await
        .map_err(failed)?;
    rows.iter().map(|row| read(row, store.inner.ring())).collect()
}

pub(super) async fn alarm(store: &Store, id: &str) -> Result<Alarm, Error> {
    const ONE: &str =
        "SELECT id, tenant, app, kind, subject, at_us, grade, score, reasons, request_id, human, decision, note,
        decided_by, decided_us FROM alarms WHERE id = ?1";
    let failed = |e| store.archive().failed("reading an alarm", e);
    let row = sqlx::query(ONE).bind(id).fetch_optional(store.archive().pool()).await.map_err(failed)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "alarm", id: id.chars().take(80).collect() })?;
    read(&row, store.inner.ring())
}
