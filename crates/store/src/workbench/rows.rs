//! Changes, revisions and cases as rows. All of this runs inside the writer's transaction, one change after another, so
//! what is looked at first still holds when it is written.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::cases::SealedCase;
use super::revisions::{NewRevision, hash_of};
use super::{ChangeFile, ChangeState, MOST_FILES, PolicyChange, Step};
use crate::changes::Setback;
use crate::error::Error;

/// The most cases that are kept.
const MOST_CASES: i64 = 5_000;

/// Something that happens on the workbench.
#[derive(Debug, Clone)]
pub(crate) enum WorkbenchChange {
    Create(Box<PolicyChange>),
    Retitle { id: String, title: String, note: String, at_us: i64 },
    Save { id: String, version: i64, file: ChangeFile, by: String, at_us: i64 },
    Drop { id: String, version: i64, path: String, by: String, at_us: i64 },
    Step { id: String, version: i64, step: Step, note: Option<String>, by: String, at_us: i64 },
    Keep { id: String, version: i64, shadow: bool, report: String },
    Publish(Box<NewRevision>),
    PutCase(Box<SealedCase>),
    RemoveCase { id: String },
}

const CREATE: &str = "INSERT INTO policy_changes (id, title, note, author, state, version, created_us, updated_us)
    VALUES (?,?,?,?,?,?,?,?)";
const RETITLE: &str = "UPDATE policy_changes SET title = ?2, note = ?3, updated_us = ?4 WHERE id = ?1";
const PUT_FILE: &str = "INSERT INTO policy_change_files (change, path, body, base) VALUES (?1,?2,?3,?4)
    ON CONFLICT (change, path) DO UPDATE SET body = ?3, base = ?4";
const COUNT_FILES: &str = "SELECT COUNT(*) FROM policy_change_files WHERE change = ?1 AND path <> ?2";
const DROP_FILE: &str = "DELETE FROM policy_change_files WHERE change = ?1 AND path = ?2";
const PUT_AUTHOR: &str = "INSERT OR IGNORE INTO policy_change_authors (change, by) VALUES (?1,?2)";
const IS_AUTHOR: &str = "SELECT COUNT(*) FROM policy_change_authors WHERE change = ?1 AND by = ?2";
const PUT_EVENT: &str = "INSERT INTO policy_change_events (change, at_us, by, what, note) VALUES (?,?,?,?,?)";
const TOUCH: &str = "UPDATE policy_changes SET version = version + 1, updated_us = ?2 WHERE id = ?1";
const STAND: &str = "SELECT state, version FROM policy_changes WHERE id = ?1";
const STEP: &str = "UPDATE policy_changes SET state = ?2, updated_us = ?3, scheduled_us = ?4, approved_by = ?5,
    cases = COALESCE(?6, cases) WHERE id = ?1";
const APPROVED_BY: &str = "SELECT approved_by FROM policy_changes WHERE id = ?1";
const STAMP: &str = "UPDATE policy_change_files SET body = ?3 WHERE change = ?1 AND path = ?2 AND body IS NOT NULL";
const KEEP_CASES: &str = "UPDATE policy_changes SET cases = ?2 WHERE id = ?1";
const KEEP_SHADOW: &str = "UPDATE policy_changes SET shadow = ?2 WHERE id = ?1";
const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM policy_revisions";
const PUT_REVISION: &str = "INSERT INTO policy_revisions (number, at_us, by, title, change, restores, packs)
    VALUES (?,?,?,?,?,?,?)";
const PUT_TEXT: &str = "INSERT OR IGNORE INTO policy_texts (hash, body) VALUES (?1,?2)";
const PUT_REVISION_FILE: &str = "INSERT INTO policy_revision_files (revision, path, edit, hash) VALUES (?,?,?,?)";
const PUBLISHED: &str = "UPDATE policy_changes SET state = 'published', revision = ?2, updated_us = ?3,
    scheduled_us = NULL WHERE id = ?1";
const COUNT_CASES: &str = "SELECT COUNT(*) FROM policy_cases WHERE id <> ?1";
const PUT_CASE: &str = "INSERT INTO policy_cases (id, name, text, side, app, scene, action, rule, label, by, updated_us)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT (id) DO UPDATE
    SET name = ?2, text = ?3, side = ?4, app = ?5, scene = ?6, action = ?7, rule = ?8, label = ?9, by = ?10, updated_us = ?11";
const REMOVE_CASE: &str = "DELETE FROM policy_cases WHERE id = ?1";

fn invalid(what: &'static str, problem: impl Into<String>) -> Setback {
    Setback::Refused(Error::Invalid { what, problem: problem.into() })
}

fn not_found(what: &'static str, id: &str) -> Setback {
    Setback::Refused(Error::NotFound { what, id: id.to_owned() })
}

/// Where a change stands, and its version.
async fn stand(conn: &mut SqliteConnection, id: &str) -> Result<(ChangeState, i64), Setback> {
    let row = sqlx::query(STAND).bind(id).fetch_optional(conn).await?.ok_or_else(|| not_found("change", id))?;
    let state: &str = row.try_get(0)?;
    let state = ChangeState::of_id(state);
    let state = state.ok_or_else(|| sqlx::Error::Protocol("a change is in a state that is not known".into()))?;
    Ok((state, row.try_get(1)?))
}

/// The same, of a version that somebody looked at.
async fn stand_at(conn: &mut SqliteConnection, id: &str, version: i64) -> Result<ChangeState, Setback> {
    let (state, is) = stand(conn, id).await?;
    if is == version {
        return Ok(state);
    }
    Err(invalid("version", "the change was edited meanwhile; load it again, and look at it again"))
}

fn within(states: &[ChangeState], state: ChangeState) -> Result<(), Setback> {
    if states.contains(&state) {
        return Ok(());
    }
    let names: Vec<&str> = states.iter().map(|s| s.id()).collect();
    Err(invalid("state", format!("the change is {}; this can be done while it is {}", state.id(), names.join(" or "))))
}

async fn event(
    conn: &mut SqliteConnection,
    (id, at_us, by): (&str, i64, &str),
    what: &str,
    note: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(PUT_EVENT).bind(id).bind(at_us).bind(by).bind(what).bind(note).execute(conn).await.map(drop)
}

/// Makes a change; gives the rows that were touched.
pub(crate) async fn apply(conn: &mut SqliteConnection, change: &WorkbenchChange) -> Result<u64, Setback> {
    match change {
        WorkbenchChange::Create(c) => {
            sqlx::query(CREATE)
                .bind(&c.id)
                .bind(&c.title)
                .bind(&c.note)
                .bind(&c.author)
                .bind(c.state.id())
                .bind(c.version)
                .bind(c.created_us)
                .bind(c.updated_us)
                .execute(&mut *conn)
                .await?;
            sqlx::query(PUT_AUTHOR).bind(&c.id).bind(&c.author).execute(&mut *conn).await?;
            event(conn, (&c.id, c.created_us, &c.author), "create", None).await?;
            Ok(1)
        }
        WorkbenchChange::Retitle { id, title, note, at_us } => {
            let (state, _) = stand(conn, id).await?;
            within(&[ChangeState::Draft, ChangeState::InReview, ChangeState::Rejected], state)?;
            Ok(sqlx::query(RETITLE).bind(id).bind(title).bind(note).bind(at_us).execute(conn).await?.rows_affected())
        }
        WorkbenchChange::Save { id, version, file, by, at_us } => {
            within(&[ChangeState::Draft], stand_at(conn, id, *version).await?)?;
            let others: i64 = sqlx::query_scalar(COUNT_FILES).bind(id).bind(&file.path).fetch_one(&mut *conn).await?;
            if others >= MOST_FILES {
                return Err(invalid("file", format!("a change has at most {MOST_FILES} files; make a second one")));
            }
            sqlx::query(PUT_FILE)
                .bind(id)
                .bind(&file.path)
                .bind(&file.body)
                .bind(&file.base)
                .execute(&mut *conn)
                .await?;
            edited(conn, (id, *at_us, by), if file.body.is_some() { "edit" } else { "remove" }, &file.path).await
        }
        WorkbenchChange::Drop { id, version, path, by, at_us } => {
            within(&[ChangeState::Draft], stand_at(conn, id, *version).await?)?;
            if sqlx::query(DROP_FILE).bind(id).bind(path).execute(&mut *conn).await?.rows_affected() == 0 {
                return Err(not_found("edit of", path));
            }
            edited(conn, (id, *at_us, by), "drop", path).await
        }
        WorkbenchChange::Step { id, version, step, note, by, at_us } => {
            take(conn, (id, *at_us, by), *version, step, note.as_deref()).await
        }
        WorkbenchChange::Keep { id, version, shadow, report } => {
            stand_at(conn, id, *version).await?;
            let sql = if *shadow { KEEP_SHADOW } else { KEEP_CASES };
            Ok(sqlx::query(sql).bind(id).bind(report).execute(conn).await?.rows_affected())
        }
        WorkbenchChange::Publish(revision) => publish(conn, revision).await,
        WorkbenchChange::PutCase(c) => {
            let others: i64 = sqlx::query_scalar(COUNT_CASES).bind(&c.id).fetch_one(&mut *conn).await?;
            if others >= MOST_CASES {
                return Err(invalid("case", format!("{MOST_CASES} are kept already; remove some first")));
            }
            let done = sqlx::query(PUT_CASE)
                .bind(&c.id)
                .bind(&c.name)
                .bind(&c.text)
                .bind(&c.side)
                .bind(&c.app)
                .bind(&c.scene)
                .bind(&c.action)
                .bind(&c.rule)
                .bind(&c.label)
                .bind(&c.by)
                .bind(c.updated_us)
                .execute(conn)
                .await?;
            Ok(done.rows_affected())
        }
        WorkbenchChange::RemoveCase { id } => {
            let rows = sqlx::query(REMOVE_CASE).bind(id).execute(conn).await?.rows_affected();
            if rows == 0 { Err(not_found("case", id)) } else { Ok(rows) }
        }
    }
}

/// What every edit brings: a new version, an author, an event.
async fn edited(conn: &mut SqliteConnection, who: (&str, i64, &str), what: &str, path: &str) -> Result<u64, Setback> {
    let (id, at_us, by) = who;
    sqlx::query(PUT_AUTHOR).bind(id).bind(by).execute(&mut *conn).await?;
    sqlx::query(TOUCH).bind(id).bind(at_us).execute(&mut *conn).await?;
    event(conn, who, what, Some(path)).await?;
    Ok(1)
}

async fn take(
    conn: &mut SqliteConnection,
    who: (&str, i64, &str),
    version: i64,
    step: &Step,
    note: Option<&str>,
) -> Result<u64, Setback> {
    let (id, at_us, by) = who;
    within(step.from(), stand_at(conn, id, version).await?)?;
    let mut cases = None;
    let mut approved_by: Option<String> = sqlx::query_scalar(APPROVED_BY).bind(id).fetch_one(&mut *conn).await?;
    match step {
        Step::Submit { cases: report } => {
            let files: i64 = sqlx::query_scalar(COUNT_FILES).bind(id).bind("").fetch_one(&mut *conn).await?;
            if files == 0 {
                return Err(invalid("change", "it has no edits; edit a file first"));
            }
            cases = Some(report.to_string());
        }
        Step::Approve { cases: report, stamped } => {
            let wrote: i64 = sqlx::query_scalar(IS_AUTHOR).bind(id).bind(by).fetch_one(&mut *conn).await?;
            if wrote > 0 {
                return Err(invalid("approval", "you wrote in this change; somebody else must approve it"));
            }
            if !by.starts_with("person:") {
                return Err(invalid("approval", "an API key approves nothing; sign in with an account of your own"));
            }
            for (path, body) in stamped {
                sqlx::query(STAMP).bind(id).bind(path).bind(body).execute(&mut *conn).await?;
            }
            cases = Some(report.to_string());
            approved_by = Some(by.to_owned());
        }
        Step::Reopen | Step::Reject | Step::Withdraw => approved_by = None,
        Step::Schedule { .. } | Step::Unschedule => {}
    }
    let scheduled = if let Step::Schedule { at_us } = step { Some(*at_us) } else { None };
    let done = sqlx::query(STEP)
        .bind(id)
        .bind(step.to().id())
        .bind(at_us)
        .bind(scheduled)
        .bind(approved_by)
        .bind(cases)
        .execute(&mut *conn)
        .await?;
    event(conn, who, step.id(), note).await?;
    Ok(done.rows_affected())
}

async fn publish(conn: &mut SqliteConnection, new: &NewRevision) -> Result<u64, Setback> {
    if let Some((id, version)) = &new.change {
        let state = stand_at(conn, id, *version).await?;
        within(&[ChangeState::Approved, ChangeState::Scheduled], state)?;
    }
    let last: i64 = sqlx::query_scalar(LAST).fetch_one(&mut *conn).await?;
    if last + 1 != new.number {
        return Err(invalid("revision", "something else was put in force meanwhile; look at it again"));
    }
    sqlx::query(PUT_REVISION)
        .bind(new.number)
        .bind(new.at_us)
        .bind(&new.by)
        .bind(&new.title)
        .bind(new.change.as_ref().map(|(id, _)| id))
        .bind(new.restores)
        .bind(new.packs.to_string())
        .execute(&mut *conn)
        .await?;
    let mut texts: BTreeMap<String, &str> = BTreeMap::new();
    let mut files = Vec::new();
    for file in &new.files {
        let hash = file.body.as_deref().map(hash_of);
        if let (Some(hash), Some(body)) = (&hash, &file.body) {
            texts.insert(hash.clone(), body);
        }
        files.push((file, hash));
    }
    for (hash, body) in texts {
        sqlx::query(PUT_TEXT).bind(hash).bind(body).execute(&mut *conn).await?;
    }
    for (file, hash) in files {
        sqlx::query(PUT_REVISION_FILE)
            .bind(new.number)
            .bind(&file.path)
            .bind(file.edit)
            .bind(hash)
            .execute(&mut *conn)
            .await?;
    }
    if let Some((id, _)) = &new.change {
        sqlx::query(PUBLISHED).bind(id).bind(new.number).bind(new.at_us).execute(&mut *conn).await?;
        event(conn, (id, new.at_us, &new.by), "publish", Some(&format!("{}", new.number))).await?;
    }
    Ok(1)
}
