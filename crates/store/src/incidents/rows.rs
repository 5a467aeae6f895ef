//! Incidents as rows.

use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Incident, IncidentEvent, IncidentFile, IncidentState, IncidentTask, IncidentTimer};
use crate::changes::Setback;
use crate::error::Error;

/// A change of incidents, as the writer makes it.
#[derive(Debug, Clone)]
pub(crate) enum IncidentWrite {
    /// A new one; `number` is given by the database.
    Put(Box<Incident>),
    /// All members of one that is there.
    Update(Box<Incident>),
    /// The tasks of one, in order: those that were done stay as they are.
    Tasks {
        incident: String,
        tasks: Vec<IncidentTask>,
    },
    Task {
        incident: String,
        task: Box<IncidentTask>,
    },
    /// The timers of one: those that were met stay as they are.
    Timers {
        incident: String,
        timers: Vec<IncidentTimer>,
    },
    Met {
        incident: String,
        timer: String,
        at_us: i64,
        by: String,
    },
    Told {
        incident: String,
        timer: String,
        bit: i64,
    },
    Event {
        incident: String,
        at_us: i64,
        by: String,
        kind: String,
        detail: Value,
    },
    File {
        incident: String,
        file: Box<IncidentFile>,
        bytes: Vec<u8>,
    },
}

const PUT: &str =
    "INSERT INTO incidents (id, tenant, drill, announce, state, title, class, grade, answers, reasons, facts,
    roles, lessons, signal, occurred_us, aware_us, contained_us, closed_us, close_by, close_us, created_us, by)
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const UPDATE: &str = "UPDATE incidents SET announce = ?2, state = ?3, title = ?4, class = ?5, grade = ?6, answers = ?7,
    reasons = ?8, facts = ?9, roles = ?10, lessons = ?11, occurred_us = ?12, aware_us = ?13, contained_us = ?14,
    closed_us = ?15, close_by = ?16, close_us = ?17 WHERE id = ?1";
const FORGET_TASKS: &str = "DELETE FROM incident_tasks WHERE incident = ?1 AND done_us IS NULL";
const PUT_TASK: &str =
    "INSERT INTO incident_tasks (incident, id, place, zh, en, clause, role, due_us, done_us, done_by, note)
    VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (incident, id) DO UPDATE SET place = excluded.place";
const TASK: &str = "UPDATE incident_tasks SET done_us = ?3, done_by = ?4, note = ?5 WHERE incident = ?1 AND id = ?2";
const FORGET_TIMERS: &str = "DELETE FROM incident_timers WHERE incident = ?1 AND met_us IS NULL
    AND id NOT IN (SELECT value FROM json_each(?2))";
// A moment that was moved is told of again; one that stays is not.
const PUT_TIMER: &str =
    "INSERT INTO incident_timers (incident, id, zh, en, clause, due_us, soon_us) VALUES (?,?,?,?,?,?,?)
    ON CONFLICT (incident, id) DO UPDATE SET due_us = excluded.due_us, soon_us = excluded.soon_us,
    told = CASE WHEN due_us = excluded.due_us THEN told ELSE 0 END WHERE met_us IS NULL";
const MET: &str =
    "UPDATE incident_timers SET met_us = ?3, met_by = ?4 WHERE incident = ?1 AND id = ?2 AND met_us IS NULL";
const TOLD: &str = "UPDATE incident_timers SET told = told | ?3 WHERE incident = ?1 AND id = ?2 AND met_us IS NULL";
const EVENT: &str = "INSERT INTO incident_events (incident, at_us, by, kind, detail) VALUES (?,?,?,?,?)";
const FILE: &str = "INSERT INTO incident_files (id, incident, name, sha256, size, records, created_us, by, bytes)
    VALUES (?,?,?,?,?,?,?,?,?)";

pub(crate) const INCIDENT: &str =
    "SELECT number, id, tenant, drill, announce, state, title, class, grade, answers, reasons,
    facts, roles, lessons, signal, occurred_us, aware_us, contained_us, closed_us, close_by, close_us, created_us, by
    FROM incidents";
pub(crate) const TASKS: &str = "SELECT id, zh, en, clause, role, due_us, done_us, done_by, note FROM incident_tasks
    WHERE incident = ?1 ORDER BY place, id";
pub(crate) const TIMERS: &str = "SELECT incident, id, zh, en, clause, due_us, soon_us, told, met_us, met_by
    FROM incident_timers";

fn text(value: &Map<String, Value>) -> String {
    json!(value).to_string()
}

pub(crate) async fn apply(conn: &mut SqliteConnection, write: &IncidentWrite) -> Result<i64, Setback> {
    let done = match write {
        IncidentWrite::Put(i) => {
            let done = sqlx::query(PUT)
                .bind(&i.id)
                .bind(&i.tenant)
                .bind(i.drill)
                .bind(i.announce)
                .bind(i.state.id())
                .bind(&i.title)
                .bind(&i.class)
                .bind(&i.grade)
                .bind(text(&i.answers))
                .bind(i.reasons.to_string())
                .bind(text(&i.facts))
                .bind(text(&i.roles))
                .bind(i.lessons.to_string())
                .bind(&i.signal)
                .bind(i.occurred_us)
                .bind(i.aware_us)
                .bind(i.contained_us)
                .bind(i.closed_us)
                .bind(&i.close_by)
                .bind(i.close_us)
                .bind(i.created_us)
                .bind(&i.by)
                .execute(conn)
                .await?;
            return Ok(done.last_insert_rowid());
        }
        IncidentWrite::Update(i) => {
            let done = sqlx::query(UPDATE)
                .bind(&i.id)
                .bind(i.announce)
                .bind(i.state.id())
                .bind(&i.title)
                .bind(&i.class)
                .bind(&i.grade)
                .bind(text(&i.answers))
                .bind(i.reasons.to_string())
                .bind(text(&i.facts))
                .bind(text(&i.roles))
                .bind(i.lessons.to_string())
                .bind(i.occurred_us)
                .bind(i.aware_us)
                .bind(i.contained_us)
                .bind(i.closed_us)
                .bind(&i.close_by)
                .bind(i.close_us)
                .execute(conn)
                .await?;
            found(done.rows_affected(), "incident", &i.id)?;
            done
        }
        IncidentWrite::Tasks { incident, tasks } => {
            let mut done = sqlx::query(FORGET_TASKS).bind(incident).execute(&mut *conn).await?;
            for (place, task) in (0i64..).zip(tasks) {
                done = sqlx::query(PUT_TASK)
                    .bind(incident)
                    .bind(&task.id)
                    .bind(place)
                    .bind(&task.zh)
                    .bind(&task.en)
                    .bind(&task.clause)
                    .bind(&task.role)
                    .bind(task.due_us)
                    .bind(task.done_us)
                    .bind(&task.done_by)
                    .bind(&task.note)
                    .execute(&mut *conn)
                    .await?;
            }
            done
        }
        IncidentWrite::Task { incident, task } => {
            let done = sqlx::query(TASK)
                .bind(incident)
                .bind(&task.id)
                .bind(task.done_us)
                .bind(&task.done_by)
                .bind(&task.note)
                .execute(conn)
                .await?;
            found(done.rows_affected(), "task of the incident", &task.id)?;
            done
        }
        IncidentWrite::Timers { incident, timers } => {
            let ids: Vec<&str> = timers.iter().map(|t| t.id.as_str()).collect();
            let mut done =
                sqlx::query(FORGET_TIMERS).bind(incident).bind(json!(ids).to_string()).execute(&mut *conn).await?;
            for timer in timers {
                done = sqlx::query(PUT_TIMER)
                    .bind(incident)
                    .bind(&timer.id)
                    .bind(&timer.zh)
                    .bind(&timer.en)
                    .bind(&timer.clause)
                    .bind(timer.due_us)
                    .bind(timer.soon_us)
                    .execute(&mut *conn)
                    .await?;
            }
            done
        }
        IncidentWrite::Met { incident, timer, at_us, by } => {
            let done = sqlx::query(MET).bind(incident).bind(timer).bind(at_us).bind(by).execute(conn).await?;
            found(done.rows_affected(), "open timer of the incident", timer)?;
            done
        }
        IncidentWrite::Told { incident, timer, bit } => {
            let done = sqlx::query(TOLD).bind(incident).bind(timer).bind(bit).execute(conn).await?;
            found(done.rows_affected(), "open timer of the incident", timer)?;
            done
        }
        IncidentWrite::Event { incident, at_us, by, kind, detail } => {
            sqlx::query(EVENT)
                .bind(incident)
                .bind(at_us)
                .bind(by)
                .bind(kind)
                .bind(detail.to_string())
                .execute(conn)
                .await?
        }
        IncidentWrite::File { incident, file, bytes } => {
            sqlx::query(FILE)
                .bind(&file.id)
                .bind(incident)
                .bind(&file.name)
                .bind(&file.sha256)
                .bind(file.size)
                .bind(file.records)
                .bind(file.created_us)
                .bind(&file.by)
                .bind(bytes.as_slice())
                .execute(conn)
                .await?
        }
    };
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

fn found(rows: u64, what: &'static str, id: &str) -> Result<(), Setback> {
    if rows == 0 { Err(Setback::Refused(Error::NotFound { what, id: id.to_owned() })) } else { Ok(()) }
}

fn value(row: &SqliteRow, at: usize) -> Result<Value, sqlx::Error> {
    let text: &str = row.try_get(at)?;
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

fn members(row: &SqliteRow, at: usize) -> Result<Map<String, Value>, sqlx::Error> {
    let text: &str = row.try_get(at)?;
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

pub(crate) fn incident(row: &SqliteRow) -> Result<Incident, sqlx::Error> {
    let state: &str = row.try_get(5)?;
    let unknown = || sqlx::Error::Protocol(format!("{state:?} is no state of an incident"));
    Ok(Incident {
        number: row.try_get(0)?,
        id: row.try_get(1)?,
        tenant: row.try_get(2)?,
        drill: row.try_get(3)?,
        announce: row.try_get(4)?,
        state: IncidentState::of_id(state).ok_or_else(unknown)?,
        title: row.try_get(6)?,
        class: row.try_get(7)?,
        grade: row.try_get(8)?,
        answers: members(row, 9)?,
        reasons: value(row, 10)?,
        facts: members(row, 11)?,
        roles: members(row, 12)?,
        lessons: value(row, 13)?,
        signal: row.try_get(14)?,
        occurred_us: row.try_get(15)?,
        aware_us: row.try_get(16)?,
        contained_us: row.try_get(17)?,
        closed_us: row.try_get(18)?,
        close_by: row.try_get(19)?,
        close_us: row.try_get(20)?,
        created_us: row.try_get(21)?,
        by: row.try_get(22)?,
    })
}

pub(crate) fn task(row: &SqliteRow) -> Result<IncidentTask, sqlx::Error> {
    Ok(IncidentTask {
        id: row.try_get(0)?,
        zh: row.try_get(1)?,
        en: row.try_get(2)?,
        clause: row.try_get(3)?,
        role: row.try_get(4)?,
        due_us: row.try_get(5)?,
        done_us: row.try_get(6)?,
        done_by: row.try_get(7)?,
        note: row.try_get(8)?,
    })
}

pub(crate) fn timer(row: &SqliteRow) -> Result<IncidentTimer, sqlx::Error> {
    Ok(IncidentTimer {
        incident: row.try_get(0)?,
        id: row.try_get(1)?,
        zh: row.try_get(2)?,
        en: row.try_get(3)?,
        clause: row.try_get(4)?,
        due_us: row.try_get(5)?,
        soon_us: row.try_get(6)?,
        told: row.try_get(7)?,
        met_us: row.try_get(8)?,
        met_by: row.try_get(9)?,
    })
}

pub(crate) fn event(row: &SqliteRow) -> Result<IncidentEvent, sqlx::Error> {
    Ok(IncidentEvent {
        seq: row.try_get(0)?,
        at_us: row.try_get(1)?,
        by: row.try_get(2)?,
        kind: row.try_get(3)?,
        detail: value(row, 4)?,
    })
}

pub(crate) fn file(row: &SqliteRow) -> Result<IncidentFile, sqlx::Error> {
    Ok(IncidentFile {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        sha256: row.try_get(2)?,
        size: row.try_get(3)?,
        records: row.try_get(4)?,
        created_us: row.try_get(5)?,
        by: row.try_get(6)?,
    })
}
