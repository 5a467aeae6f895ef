//! Cases and their steps as rows.

use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::flow::{CaseDecision, CaseFamily, CaseFlow, CaseSource, CaseState, Standing, next};
use super::{Case, CaseStep};
use crate::changes::Setback;
use crate::error::Error;

/// A case has no more steps than this; who needs more opens another.
const MOST_EVENTS: i64 = 1_000;

/// A step, sealed.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) id: String,
    pub(crate) at_us: i64,
    pub(crate) by: String,
    pub(crate) step: CaseFlow,
    pub(crate) detail: Vec<u8>,
    pub(crate) sha256: [u8; 32],
}

#[derive(Debug, Clone)]
pub(crate) enum CaseChange {
    Open { case: Box<Case>, once: Option<(String, [u8; 32])>, body: Vec<u8>, event: NewEvent },
    Step { case: String, step: Box<CaseStep>, event: NewEvent },
}

/// A step as it is read back.
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) n: i64,
    pub(super) at_us: i64,
    pub(super) by: String,
    pub(super) step: CaseFlow,
    pub(super) before: CaseState,
    pub(super) after: CaseState,
    pub(super) detail: Vec<u8>,
    pub(super) sha256: Vec<u8>,
    hash: Vec<u8>,
}

/// The columns of a case, in the order in which [`read`] takes them.
macro_rules! columns {
    () => {
        "seq, id, number, tenant, app, user, family, kind, category, source, lang, request_id, review, state, assignee, \
         decision, pending, decided_by, approved_by, former_by, reopened, created_us, ack_due_us, ack_us, soon_us, due_us, \
         answered_us, closed_us, updated_us"
    };
}
pub(super) use columns;

const OPEN: &str = "INSERT INTO cases (id, number, tenant, app, user, family, kind, category, source, lang, request_id, \
    state, created_us, ack_due_us, soon_us, due_us, updated_us, once, once_hash, body) \
    VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const OF_ID: &str = concat!("SELECT ", columns!(), " FROM cases WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)");
const OF_NUMBER: &str = concat!("SELECT ", columns!(), " FROM cases WHERE number = ?1");
const OF_ONCE: &str =
    concat!("SELECT ", columns!(), ", once_hash FROM cases WHERE tenant = ?1 AND app = ?2 AND once = ?3");
const BODY: &str = "SELECT body FROM cases WHERE id = ?1";
const EVENTS: &str = "SELECT id, n, at_us, by, step, before, after, detail, sha256, hash FROM case_events \
    WHERE case_id = ?1 ORDER BY n";
const LAST: &str = "SELECT n, hash FROM case_events WHERE case_id = ?1 ORDER BY n DESC LIMIT 1";
const APPEND: &str = "INSERT INTO case_events (id, case_id, n, at_us, by, step, before, after, detail, sha256, hash) \
    VALUES (?,?,?,?,?,?,?,?,?,?,?)";
const STAND: &str = "UPDATE cases SET state = ?2, decision = ?3, pending = ?4, decided_by = ?5, approved_by = ?6, \
    former_by = ?7, reopened = ?8, assignee = ?9, request_id = ?10, review = ?11, ack_us = ?12, soon_us = ?13, due_us = ?14, \
    answered_us = ?15, closed_us = ?16, updated_us = ?17, user = ?18 WHERE id = ?1";
/// Only what is over goes, with its steps.
pub(crate) const PRUNE: &str = "DELETE FROM cases WHERE closed_us < ?1";

fn known<T>(found: Option<T>, what: &str) -> Result<T, sqlx::Error> {
    found.ok_or_else(|| sqlx::Error::Protocol(format!("{what:?} is none that is known")))
}

pub(super) fn read(row: &SqliteRow) -> Result<Case, sqlx::Error> {
    let (family, source, state): (&str, &str, &str) = (row.try_get(6)?, row.try_get(9)?, row.try_get(13)?);
    let decision: Option<&str> = row.try_get(15)?;
    Ok(Case {
        seq: row.try_get(0)?,
        id: row.try_get(1)?,
        number: row.try_get(2)?,
        tenant: row.try_get(3)?,
        app: row.try_get(4)?,
        user: row.try_get(5)?,
        family: known(CaseFamily::of_id(family), family)?,
        kind: row.try_get(7)?,
        category: row.try_get(8)?,
        source: known(CaseSource::of_id(source), source)?,
        lang: row.try_get(10)?,
        request_id: row.try_get(11)?,
        review: row.try_get(12)?,
        state: known(CaseState::of_id(state), state)?,
        assignee: row.try_get(14)?,
        decision: decision.map(|id| known(CaseDecision::of_id(id), id)).transpose()?,
        pending: row.try_get(16)?,
        decided_by: row.try_get(17)?,
        approved_by: row.try_get(18)?,
        former_by: row.try_get(19)?,
        reopened: row.try_get(20)?,
        created_us: row.try_get(21)?,
        ack_due_us: row.try_get(22)?,
        ack_us: row.try_get(23)?,
        soon_us: row.try_get(24)?,
        due_us: row.try_get(25)?,
        answered_us: row.try_get(26)?,
        closed_us: row.try_get(27)?,
        updated_us: row.try_get(28)?,
    })
}

pub(crate) async fn apply(conn: &mut SqliteConnection, change: &CaseChange) -> Result<(), Setback> {
    match change {
        CaseChange::Open { case, once, body, event } => {
            sqlx::query(OPEN)
                .bind(&case.id)
                .bind(&case.number)
                .bind(&case.tenant)
                .bind(&case.app)
                .bind(&case.user)
                .bind(case.family.id())
                .bind(&case.kind)
                .bind(&case.category)
                .bind(case.source.id())
                .bind(&case.lang)
                .bind(&case.request_id)
                .bind(case.state.id())
                .bind(case.created_us)
                .bind(case.ack_due_us)
                .bind(case.soon_us)
                .bind(case.due_us)
                .bind(case.updated_us)
                .bind(once.as_ref().map(|(once, _)| once))
                .bind(once.as_ref().map(|(_, digest)| digest.to_vec()))
                .bind(body)
                .execute(&mut *conn)
                .await?;
            append(conn, &case.id, event, case.state, case.state).await
        }
        CaseChange::Step { case, step, event } => take(conn, case, step, event).await,
    }
}

/// Takes a step, if it fits how the case stands now: within the writer's transaction nobody else moves it.
async fn take(conn: &mut SqliteConnection, id: &str, step: &CaseStep, event: &NewEvent) -> Result<(), Setback> {
    let row = sqlx::query(OF_ID).bind(id).bind(None::<&str>).fetch_optional(&mut *conn).await?;
    let Some(row) = row else {
        return Err(Setback::Refused(Error::NotFound { what: "case", id: id.to_owned() }));
    };
    let mut case = read(&row)?;
    let was = Standing {
        family: case.family,
        state: case.state,
        decision: case.decision,
        pending: case.pending,
        decided_by: case.decided_by.take(),
        approved_by: case.approved_by.take(),
        former_by: case.former_by.take(),
        reopened: case.reopened,
    };
    let now = next(&was, step.flow(), step.asked(), &event.by)
        .map_err(|why| Setback::Refused(Error::Conflict { what: "case", problem: why.to_owned() }))?;
    let at_us = event.at_us;
    match step {
        CaseStep::Acknowledge { .. } => case.ack_us = Some(at_us),
        CaseStep::Start if case.assignee.is_none() => case.assignee = Some(event.by.clone()),
        CaseStep::Assign { to } => case.assignee.clone_from(to),
        CaseStep::Link { request_id, review, user } => {
            case.user = user.clone().or(case.user);
            case.request_id = request_id.map(|id| id.to_string()).or(case.request_id);
            case.review = review.or(case.review);
        }
        CaseStep::Answer { .. } => case.answered_us = Some(at_us),
        CaseStep::Close | CaseStep::Reject { .. } => case.closed_us = Some(at_us),
        CaseStep::Reopen { soon_us, due_us, .. } => {
            (case.soon_us, case.due_us) = (*soon_us, *due_us);
            (case.answered_us, case.closed_us) = (None, None);
        }
        _ => {}
    }
    sqlx::query(STAND)
        .bind(id)
        .bind(now.state.id())
        .bind(now.decision.map(CaseDecision::id))
        .bind(now.pending)
        .bind(&now.decided_by)
        .bind(&now.approved_by)
        .bind(&now.former_by)
        .bind(now.reopened)
        .bind(&case.assignee)
        .bind(&case.request_id)
        .bind(case.review)
        .bind(case.ack_us)
        .bind(case.soon_us)
        .bind(case.due_us)
        .bind(case.answered_us)
        .bind(case.closed_us)
        .bind(at_us)
        .bind(&case.user)
        .execute(&mut *conn)
        .await?;
    append(conn, id, event, was.state, now.state).await
}

async fn append(
    conn: &mut SqliteConnection,
    case: &str,
    event: &NewEvent,
    before: CaseState,
    after: CaseState,
) -> Result<(), Setback> {
    let last = sqlx::query(LAST).bind(case).fetch_optional(&mut *conn).await?;
    let (n, former): (i64, Vec<u8>) = match &last {
        Some(row) => (row.try_get(0)?, row.try_get(1)?),
        None => (0, Vec::new()),
    };
    if n >= MOST_EVENTS {
        let problem = format!("it has {MOST_EVENTS} steps already; open another case");
        return Err(Setback::Refused(Error::Conflict { what: "case", problem }));
    }
    let hash =
        link(case, &former, n + 1, event.at_us, &event.by, [event.step.id(), before.id(), after.id()], &event.sha256);
    sqlx::query(APPEND)
        .bind(&event.id)
        .bind(case)
        .bind(n + 1)
        .bind(event.at_us)
        .bind(&event.by)
        .bind(event.step.id())
        .bind(before.id())
        .bind(after.id())
        .bind(&event.detail)
        .bind(event.sha256.to_vec())
        .bind(hash.to_vec())
        .execute(conn)
        .await?;
    Ok(())
}

/// The hash of a step: over the case, the hash before it, its place, and everything that is said of it. Every part of
/// changing length has its length before it.
fn link(case: &str, former: &[u8], n: i64, at_us: i64, by: &str, ids: [&str; 3], sha256: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in
        [case.as_bytes(), former, by.as_bytes(), ids[0].as_bytes(), ids[1].as_bytes(), ids[2].as_bytes(), sha256]
    {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(n.to_be_bytes());
    hash.update(at_us.to_be_bytes());
    hash.finalize().into()
}

/// Whether the steps are all there, in order, as they were written.
pub(super) fn whole(case: &str, events: &[EventRow]) -> bool {
    let mut former = Vec::new();
    for (event, n) in events.iter().zip(1..) {
        let ids = [event.step.id(), event.before.id(), event.after.id()];
        let hash = link(case, &former, n, event.at_us, &event.by, ids, &event.sha256);
        if event.n != n || event.hash != hash {
            return false;
        }
        former.clone_from(&event.hash);
    }
    !events.is_empty()
}

pub(super) async fn of_id(pool: &SqlitePool, id: &str, tenant: Option<&str>) -> Result<Option<Case>, sqlx::Error> {
    sqlx::query(OF_ID).bind(id).bind(tenant).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

pub(super) async fn of_number(pool: &SqlitePool, number: &str) -> Result<Option<Case>, sqlx::Error> {
    sqlx::query(OF_NUMBER).bind(number).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

/// The case that an application sent under this id, and the digest of what it sent.
pub(super) async fn of_once(
    pool: &SqlitePool,
    tenant: &str,
    app: &str,
    once: &str,
) -> Result<Option<(Case, Option<Vec<u8>>)>, sqlx::Error> {
    let row = sqlx::query(OF_ONCE).bind(tenant).bind(app).bind(once).fetch_optional(pool).await?;
    row.as_ref().map(|row| Ok((read(row)?, row.try_get(29)?))).transpose()
}

/// The sealed body and the sealed steps.
pub(super) async fn contents(pool: &SqlitePool, id: &str) -> Result<(Vec<u8>, Vec<EventRow>), sqlx::Error> {
    let body: Vec<u8> = sqlx::query_scalar(BODY).bind(id).fetch_one(pool).await?;
    let rows = sqlx::query(EVENTS).bind(id).fetch_all(pool).await?;
    let events = rows.iter().map(|row| {
        let (step, before, after): (&str, &str, &str) = (row.try_get(4)?, row.try_get(5)?, row.try_get(6)?);
        Ok(EventRow {
            id: row.try_get(0)?,
            n: row.try_get(1)?,
            at_us: row.try_get(2)?,
            by: row.try_get(3)?,
            step: known(CaseFlow::of_id(step), step)?,
            before: known(CaseState::of_id(before), before)?,
            after: known(CaseState::of_id(after), after)?,
            detail: row.try_get(7)?,
            sha256: row.try_get(8)?,
            hash: row.try_get(9)?,
        })
    });
    Ok((body, events.collect::<Result<_, sqlx::Error>>()?))
}
