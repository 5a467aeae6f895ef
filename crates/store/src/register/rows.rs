//! The register as rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};

use super::{Asset, Ballot, EthicsReview, FilingItem, NewAsset, Registered, Standing, Tick, Vote};
use crate::changes::Setback;
use crate::error::Error;

/// A change of the register.
#[derive(Debug, Clone)]
pub(crate) enum RegisterChange {
    Add(Registered),
    Change { made: Registered, was_us: i64 },
    Tick(Tick),
    File(FilingItem),
    Open(EthicsReview),
    Vote { review: String, vote: Vote },
    WithdrawReview { id: String, by: String, at_us: i64 },
    Assets(Vec<Asset>),
    ChangeAsset { made: Asset, was_us: i64 },
}

const APPS: &str =
    "SELECT id, tenant, name, app, owner, facts, profile, grading, level, launch, created_us, created_by,
    updated_us, updated_by, retired_us FROM register_apps
    WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR id = ?2) ORDER BY name, id";
const ADD: &str = "INSERT INTO register_apps (id, tenant, name, app, owner, facts, profile, grading, level, launch,
    created_us, created_by, updated_us, updated_by) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const CHANGE: &str = "UPDATE register_apps SET name = ?3, app = ?4, owner = ?5, facts = ?6, profile = ?7, grading = ?8,
    level = ?9, launch = ?10, updated_us = ?11, updated_by = ?12, retired_us = ?13 WHERE id = ?1 AND updated_us = ?2";
const TICK: &str = "INSERT INTO register_ticks (entry, control, met, evidence, hash, by, at_us, expires_us)
    VALUES (?,?,?,?,?,?,?,?)";
const TICKS: &str = "SELECT entry, control, met, evidence, hash, by, at_us, expires_us FROM register_ticks
    WHERE entry = ?1 ORDER BY seq";
const FILE: &str = "INSERT INTO register_filing (entry, duty, item, state, responsible, due, note, file_name, file_hash,
    by, at_us) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11) ON CONFLICT (entry, duty, item)
    DO UPDATE SET state = ?4, responsible = ?5, due = ?6, note = ?7, file_name = ?8, file_hash = ?9, by = ?10, at_us = ?11";
const FILING: &str = "SELECT entry, duty, item, state, responsible, due, note, file_name, file_hash, by, at_us
    FROM register_filing WHERE entry = ?1 ORDER BY duty, item";
const OPEN: &str =
    "INSERT INTO register_reviews (id, entry, tenant, path, level, profile, terms, members, note, opened_us,
    opened_by, due_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)";
const REVIEWS: &str =
    "SELECT id, entry, tenant, path, level, profile, terms, members, note, opened_us, opened_by, due_us,
    withdrawn_us, withdrawn_by FROM register_reviews
    WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR entry = ?2) AND (?3 IS NULL OR id = ?3)
    ORDER BY opened_us DESC, id DESC LIMIT 500";
const VOTES: &str = "SELECT review, member, vote, reason, conditions, at_us FROM register_votes
    WHERE review IN (SELECT value FROM json_each(?1)) ORDER BY at_us, member";
const VOTE: &str = "INSERT INTO register_votes (review, member, vote, reason, conditions, at_us) VALUES (?,?,?,?,?,?)";
const WITHDRAW: &str =
    "UPDATE register_reviews SET withdrawn_us = ?2, withdrawn_by = ?3 WHERE id = ?1 AND withdrawn_us IS NULL";
const ASSETS: &str =
    "SELECT id, tenant, kind, name, version, hash, source, licence, owner, stage, entries, retires, note,
    imported, updated_us, updated_by FROM register_assets WHERE (?1 IS NULL OR tenant = ?1)
    ORDER BY kind, name, version, id";
const ADD_ASSET: &str = "INSERT INTO register_assets (id, tenant, kind, name, version, hash, source, licence, owner,
    stage, entries, retires, note, imported, updated_us, updated_by) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
const CHANGE_ASSET: &str = "UPDATE register_assets SET kind = ?3, name = ?4, version = ?5, hash = ?6, source = ?7,
    licence = ?8, owner = ?9, stage = ?10, entries = ?11, retires = ?12, note = ?13, updated_us = ?14, updated_by = ?15
    WHERE id = ?1 AND updated_us = ?2";

fn refused(what: &'static str, problem: &str) -> Setback {
    Setback::Refused(Error::Invalid { what, problem: problem.to_owned() })
}

/// Somebody else's change must not be lost; that a row is there was looked at before.
fn current(rows: u64) -> Result<u64, Setback> {
    if rows == 0 {
        return Err(refused("updated_us", "it was changed meanwhile, or is not there any more; load it again"));
    }
    Ok(rows)
}

/// Makes a change; gives the rows that were touched.
pub(crate) async fn apply(conn: &mut SqliteConnection, change: &RegisterChange) -> Result<u64, Setback> {
    let done = match change {
        RegisterChange::Add(a) => {
            sqlx::query(ADD)
                .bind(&a.id)
                .bind(&a.tenant)
                .bind(&a.name)
                .bind(&a.app)
                .bind(&a.owner)
                .bind(a.facts.to_string())
                .bind(a.profile.to_string())
                .bind(a.grading.to_string())
                .bind(&a.level)
                .bind(&a.launch)
                .bind(a.created_us)
                .bind(&a.created_by)
                .bind(a.updated_us)
                .bind(&a.updated_by)
                .execute(conn)
                .await?
        }
        RegisterChange::Change { made: a, was_us } => {
            let done = sqlx::query(CHANGE)
                .bind(&a.id)
                .bind(was_us)
                .bind(&a.name)
                .bind(&a.app)
                .bind(&a.owner)
                .bind(a.facts.to_string())
                .bind(a.profile.to_string())
                .bind(a.grading.to_string())
                .bind(&a.level)
                .bind(&a.launch)
                .bind(a.updated_us)
                .bind(&a.updated_by)
                .bind(a.retired_us)
                .execute(conn)
                .await?;
            return current(done.rows_affected());
        }
        RegisterChange::Tick(t) => {
            sqlx::query(TICK)
                .bind(&t.entry)
                .bind(&t.control)
                .bind(t.met)
                .bind(&t.evidence)
                .bind(&t.hash)
                .bind(&t.by)
                .bind(t.at_us)
                .bind(t.expires_us)
                .execute(conn)
                .await?
        }
        RegisterChange::File(f) => {
            sqlx::query(FILE)
                .bind(&f.entry)
                .bind(&f.duty)
                .bind(&f.item)
                .bind(&f.state)
                .bind(&f.responsible)
                .bind(&f.due)
                .bind(&f.note)
                .bind(&f.file_name)
                .bind(&f.file_hash)
                .bind(&f.by)
                .bind(f.at_us)
                .execute(conn)
                .await?
        }
        RegisterChange::Open(r) => {
            let others = reviews_of(conn, None, Some(&r.entry), None).await?;
            if others.iter().any(|other| other.standing(r.opened_us).0 == Standing::Open) {
                return Err(refused("review", "another review of this application is open; take it back first"));
            }
            sqlx::query(OPEN)
                .bind(&r.id)
                .bind(&r.entry)
                .bind(&r.tenant)
                .bind(&r.path)
                .bind(&r.level)
                .bind(r.profile.to_string())
                .bind(json!(r.terms).to_string())
                .bind(json!(r.members).to_string())
                .bind(&r.note)
                .bind(r.opened_us)
                .bind(&r.opened_by)
                .bind(r.due_us)
                .execute(conn)
                .await?
        }
        RegisterChange::Vote { review: id, vote } => {
            let there = review(conn, id, None).await?;
            let there = there.ok_or_else(|| Setback::Refused(Error::NotFound { what: "review", id: id.clone() }))?;
            if let Some(why) = there.refuses(&vote.member, vote.at_us) {
                return Err(refused("vote", why));
            }
            sqlx::query(VOTE)
                .bind(id)
                .bind(&vote.member)
                .bind(vote.vote.id())
                .bind(&vote.reason)
                .bind(&vote.conditions)
                .bind(vote.at_us)
                .execute(conn)
                .await?
        }
        RegisterChange::WithdrawReview { id, by, at_us } => {
            let there = review(conn, id, None).await?;
            let open = |r: &EthicsReview| matches!(r.standing(*at_us).0, Standing::Open | Standing::Inquorate);
            if !there.as_ref().is_some_and(open) {
                return Err(Setback::Refused(Error::NotFound { what: "open review", id: id.clone() }));
            }
            sqlx::query(WITHDRAW).bind(id).bind(at_us).bind(by).execute(conn).await?
        }
        RegisterChange::Assets(assets) => {
            for a in assets {
                let of = &a.of;
                sqlx::query(ADD_ASSET)
                    .bind(&a.id)
                    .bind(&a.tenant)
                    .bind(&of.kind)
                    .bind(&of.name)
                    .bind(&of.version)
                    .bind(&of.hash)
                    .bind(&of.source)
                    .bind(&of.licence)
                    .bind(&of.owner)
                    .bind(&of.stage)
                    .bind(json!(of.entries).to_string())
                    .bind(&of.retires)
                    .bind(&of.note)
                    .bind(a.imported)
                    .bind(a.updated_us)
                    .bind(&a.updated_by)
                    .execute(&mut *conn)
                    .await?;
            }
            return Ok(assets.len() as u64);
        }
        RegisterChange::ChangeAsset { made: a, was_us } => {
            let of = &a.of;
            let done = sqlx::query(CHANGE_ASSET)
                .bind(&a.id)
                .bind(was_us)
                .bind(&of.kind)
                .bind(&of.name)
                .bind(&of.version)
                .bind(&of.hash)
                .bind(&of.source)
                .bind(&of.licence)
                .bind(&of.owner)
                .bind(&of.stage)
                .bind(json!(of.entries).to_string())
                .bind(&of.retires)
                .bind(&of.note)
                .bind(a.updated_us)
                .bind(&a.updated_by)
                .execute(conn)
                .await?;
            return current(done.rows_affected());
        }
    };
    Ok(done.rows_affected())
}

fn value(row: &SqliteRow, at: usize) -> Result<Value, sqlx::Error> {
    parsed(row, at)
}

fn parsed<T: serde::de::DeserializeOwned>(row: &SqliteRow, at: usize) -> Result<T, sqlx::Error> {
    let text: &str = row.try_get(at)?;
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

fn read_app(row: &SqliteRow) -> Result<Registered, sqlx::Error> {
    Ok(Registered {
        id: row.try_get(0)?,
        tenant: row.try_get(1)?,
        name: row.try_get(2)?,
        app: row.try_get(3)?,
        owner: row.try_get(4)?,
        facts: value(row, 5)?,
        profile: value(row, 6)?,
        grading: value(row, 7)?,
        level: row.try_get(8)?,
        launch: row.try_get(9)?,
        created_us: row.try_get(10)?,
        created_by: row.try_get(11)?,
        updated_us: row.try_get(12)?,
        updated_by: row.try_get(13)?,
        retired_us: row.try_get(14)?,
    })
}

pub(super) async fn apps(pool: &SqlitePool, tenant: Option<&str>) -> Result<Vec<Registered>, sqlx::Error> {
    let rows = sqlx::query(APPS).bind(tenant).bind(None::<&str>).fetch_all(pool).await?;
    rows.iter().map(read_app).collect()
}

pub(super) async fn app(pool: &SqlitePool, id: &str, tenant: Option<&str>) -> Result<Option<Registered>, sqlx::Error> {
    let row = sqlx::query(APPS).bind(tenant).bind(id).fetch_optional(pool).await?;
    row.as_ref().map(read_app).transpose()
}

pub(super) async fn ticks(pool: &SqlitePool, id: &str) -> Result<Vec<Tick>, sqlx::Error> {
    let read = |row: &SqliteRow| {
        Ok(Tick {
            entry: row.try_get(0)?,
            control: row.try_get(1)?,
            met: row.try_get(2)?,
            evidence: row.try_get(3)?,
            hash: row.try_get(4)?,
            by: row.try_get(5)?,
            at_us: row.try_get(6)?,
            expires_us: row.try_get(7)?,
        })
    };
    sqlx::query(TICKS).bind(id).fetch_all(pool).await?.iter().map(read).collect()
}

pub(super) async fn filing(pool: &SqlitePool, id: &str) -> Result<Vec<FilingItem>, sqlx::Error> {
    let read = |row: &SqliteRow| {
        Ok(FilingItem {
            entry: row.try_get(0)?,
            duty: row.try_get(1)?,
            item: row.try_get(2)?,
            state: row.try_get(3)?,
            responsible: row.try_get(4)?,
            due: row.try_get(5)?,
            note: row.try_get(6)?,
            file_name: row.try_get(7)?,
            file_hash: row.try_get(8)?,
            by: row.try_get(9)?,
            at_us: row.try_get(10)?,
        })
    };
    sqlx::query(FILING).bind(id).fetch_all(pool).await?.iter().map(read).collect()
}

fn read_review(row: &SqliteRow) -> Result<EthicsReview, sqlx::Error> {
    Ok(EthicsReview {
        id: row.try_get(0)?,
        entry: row.try_get(1)?,
        tenant: row.try_get(2)?,
        path: row.try_get(3)?,
        level: row.try_get(4)?,
        profile: value(row, 5)?,
        terms: parsed(row, 6)?,
        members: parsed(row, 7)?,
        note: row.try_get(8)?,
        opened_us: row.try_get(9)?,
        opened_by: row.try_get(10)?,
        due_us: row.try_get(11)?,
        withdrawn_us: row.try_get(12)?,
        withdrawn_by: row.try_get(13)?,
        votes: Vec::new(),
    })
}

async fn reviews_of(
    conn: &mut SqliteConnection,
    tenant: Option<&str>,
    entry: Option<&str>,
    id: Option<&str>,
) -> Result<Vec<EthicsReview>, sqlx::Error> {
    let rows = sqlx::query(REVIEWS).bind(tenant).bind(entry).bind(id).fetch_all(&mut *conn).await?;
    let mut reviews: Vec<EthicsReview> = rows.iter().map(read_review).collect::<Result<_, _>>()?;
    let ids: Vec<&str> = reviews.iter().map(|r| r.id.as_str()).collect();
    let mut votes: BTreeMap<String, Vec<Vote>> = BTreeMap::new();
    for row in sqlx::query(VOTES).bind(json!(ids).to_string()).fetch_all(conn).await? {
        let ballot: &str = row.try_get(2)?;
        let unknown = || sqlx::Error::Protocol(format!("{ballot:?} is no vote"));
        votes.entry(row.try_get(0)?).or_default().push(Vote {
            member: row.try_get(1)?,
            vote: Ballot::of_id(ballot).ok_or_else(unknown)?,
            reason: row.try_get(3)?,
            conditions: row.try_get(4)?,
            at_us: row.try_get(5)?,
        });
    }
    for review in &mut reviews {
        review.votes = votes.remove(&review.id).unwrap_or_default();
    }
    Ok(reviews)
}

pub(super) async fn review(
    conn: &mut SqliteConnection,
    id: &str,
    tenant: Option<&str>,
) -> Result<Option<EthicsReview>, sqlx::Error> {
    Ok(reviews_of(conn, tenant, None, Some(id)).await?.pop())
}

pub(super) async fn reviews(
    pool: &SqlitePool,
    tenant: Option<&str>,
    entry: Option<&str>,
) -> Result<Vec<EthicsReview>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    reviews_of(&mut conn, tenant, entry, None).await
}

pub(super) async fn assets(pool: &SqlitePool, tenant: Option<&str>) -> Result<Vec<Asset>, sqlx::Error> {
    let read = |row: &SqliteRow| {
        Ok(Asset {
            id: row.try_get(0)?,
            tenant: row.try_get(1)?,
            of: NewAsset {
                kind: row.try_get(2)?,
                name: row.try_get(3)?,
                version: row.try_get(4)?,
                hash: row.try_get(5)?,
                source: row.try_get(6)?,
                licence: row.try_get(7)?,
                owner: row.try_get(8)?,
                stage: row.try_get(9)?,
                entries: parsed(row, 10)?,
                retires: row.try_get(11)?,
                note: row.try_get(12)?,
            },
            imported: row.try_get(13)?,
            updated_us: row.try_get(14)?,
            updated_by: row.try_get(15)?,
        })
    };
    sqlx::query(ASSETS).bind(tenant).fetch_all(pool).await?.iter().map(read).collect()
}
