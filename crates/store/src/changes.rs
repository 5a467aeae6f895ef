//! Every change but the appending of audit rows, as the SQL that makes it. Changes run inside the writer's
//! transaction, together with the record that tells of them.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::agreements::Agreement;
use crate::behaviour::rows::{self as behaviour, BehaviourChange};
use crate::cases::rows::{self as case_rows, CaseChange};
use crate::chain::{self, Hash, Row};
use crate::cipher::Ring;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::feedback::Feedback;
use crate::incidents::rows::{self as incident_rows, IncidentWrite};
use crate::keys::ApiKey;
use crate::observe;
use crate::options::TextRetention;
use crate::outbox::{self, MessageWrite};
use crate::people::rows::{self, PeopleChange};
use crate::profiles::rows::{self as profiles, ProfileChange};
use crate::protection::retention::Before;
use crate::protection::rows::{self as protection, ProtectionChange};
use crate::protection::text_keys;
use crate::register::rows::{self as register, RegisterChange};
use crate::reviews::Decision;
use crate::users::Suspension;
use crate::workbench::{WorkbenchChange, rows as workbench};

/// The event of the record that retention leaves.
pub(crate) const PRUNED: &str = "retention.prune";

/// How many rows one step of retention removes: the writer is busy for that long, and no longer.
pub(crate) const PRUNE_STEP: i64 = 10_000;

#[derive(Debug, Clone)]
pub(crate) enum Change {
    PutTenant {
        id: String,
        title: Option<String>,
        at_us: i64,
    },
    PutApp {
        tenant: String,
        id: String,
        title: Option<String>,
        at_us: i64,
    },
    PutKey {
        key: Box<ApiKey>,
        hash: Hash,
    },
    RevokeKey {
        id: String,
        at_us: i64,
    },
    Tally {
        tenant: String,
        user: String,
        consecutive: u32,
        day: i64,
        today: u32,
        at_us: i64,
    },
    Suspend(Box<Suspension>),
    Lift {
        tenant: String,
        user: String,
    },
    AddReview(Box<SealedReview>),
    ResolveReview {
        id: i64,
        decision: Decision,
        note: Option<String>,
        by: String,
        at_us: i64,
    },
    Agree(Box<Agreement>),
    Withdraw {
        id: String,
        by: String,
        at_us: i64,
    },
    People(Box<PeopleChange>),
    Register(Box<RegisterChange>),
    Behaviour(Box<BehaviourChange>),
    Profiles(Box<ProfileChange>),
    Protection(Box<ProtectionChange>),
    Prune {
        before: Before,
        at_us: i64,
    },
    /// Nothing but a sign to the writer: what is noted shall be added up with this.
    Fold,
    /// One step of counting rows that are older than the counts.
    FillGap {
        day_offset_min: i32,
    },
    PutFeedback(Box<Feedback>),
    Incident(Box<IncidentWrite>),
    Message(Box<MessageWrite>),
    Workbench(Box<WorkbenchChange>),
    Case(Box<CaseChange>),
}

#[derive(Debug, Clone)]
pub(crate) struct SealedReview {
    pub(crate) request_id: String,
    pub(crate) tenant: Option<String>,
    pub(crate) app: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) reason: String,
    pub(crate) rule: Option<String>,
    pub(crate) at_us: i64,
    pub(crate) input: Vec<u8>,
    pub(crate) output: Vec<u8>,
}

/// What a change brought about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Effect {
    /// Rows that were touched; for an insertion, the new row's id.
    pub(crate) number: i64,
    /// The step of retention: removed rows and the last of them.
    pub(crate) pruned: Option<(u64, u64)>,
    /// The last step of retention: what else was removed, by kind.
    pub(crate) others: Others,
}

/// Numbers of removed rows by kind.
pub(crate) type Others = BTreeMap<&'static str, u64>;

/// Why a change did not happen.
#[derive(Debug)]
pub(crate) enum Setback {
    /// Only this change is refused; the transaction goes on.
    Refused(Error),
    /// The transaction is lost.
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for Setback {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(e) if e.is_unique_violation() || e.is_foreign_key_violation() => {
                Setback::Refused(Error::Invalid { what: "change", problem: e.message().to_owned() })
            }
            _ => Setback::Failed(error),
        }
    }
}

/// Where the chain stands while a transaction runs.
pub(crate) struct Tail<'a> {
    pub(crate) next: u64,
    pub(crate) hash: Hash,
    pub(crate) ring: &'a Ring,
}

impl Tail<'_> {
    /// Appends a row; its place and hash become the tail.
    pub(crate) async fn append(&mut self, conn: &mut SqliteConnection, row: &Row) -> Result<(u64, Hash), sqlx::Error> {
        let (seq, hash) = (self.next, chain::link(&self.hash, self.next, row));
        row.insert(seq, &hash, &chain::seal(self.ring, seq, &hash)).execute(conn).await?;
        (self.next, self.hash) = (seq + 1, hash);
        Ok((seq, hash))
    }
}

const PUT_TENANT: &str = "INSERT INTO tenants (id, title, created_us) VALUES (?1, COALESCE(?2, ?1), ?3)
    ON CONFLICT (id) DO UPDATE SET title = COALESCE(?2, title)";
const PUT_APP: &str = "INSERT INTO apps (tenant, id, title, created_us) VALUES (?1, ?2, COALESCE(?3, ?2), ?4)
    ON CONFLICT (tenant, id) DO UPDATE SET title = COALESCE(?3, title)";
const PUT_KEY: &str = "INSERT INTO api_keys (id, name, tenant, app, hash, scopes, tier, scene, rpm, tpm, created_us,
    expires_us, revoked_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)";
const REVOKE_KEY: &str = "UPDATE api_keys SET revoked_us = ?2 WHERE id = ?1 AND revoked_us IS NULL";
const PUT_TALLY: &str =
    "INSERT INTO tallies (tenant, user, consecutive, day, today, updated_us) VALUES (?1,?2,?3,?4,?5,?6)
    ON CONFLICT (tenant, user) DO UPDATE SET consecutive = ?3, day = ?4, today = ?5, updated_us = ?6";
const PUT_SUSPENSION: &str = "INSERT INTO suspensions (tenant, user, since_us, until_us, reason, rule, by)
    VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT (tenant, user)
    DO UPDATE SET since_us = ?3, until_us = ?4, reason = ?5, rule = ?6, by = ?7";
const LIFT: &str = "DELETE FROM suspensions WHERE tenant = ?1 AND user = ?2";
const FORGET_TALLY: &str = "DELETE FROM tallies WHERE tenant = ?1 AND user = ?2";
const ADD_REVIEW: &str = "INSERT INTO reviews (request_id, tenant, app, user, reason, rule, created_us, input, output)
    VALUES (?,?,?,?,?,?,?,?,?)";
const RESOLVE_REVIEW: &str = "UPDATE reviews SET decision = ?2, note = ?3, decided_by = ?4, decided_us = ?5
    WHERE id = ?1 AND decision IS NULL";
const AGREE: &str = "INSERT INTO agreements (id, tenant, app, user, terms, since_us, until_us, by)
    VALUES (?,?,?,?,?,?,?,?)";
const WITHDRAW: &str =
    "UPDATE agreements SET withdrawn_us = ?2, withdrawn_by = ?3 WHERE id = ?1 AND withdrawn_us IS NULL";
const PUT_FEEDBACK: &str = "INSERT INTO feedback (request_id, by, tenant, app, rule, verdict, note, at_us, record_us)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)
    ON CONFLICT (request_id, by) DO UPDATE SET verdict = ?6, note = ?7, at_us = ?8";
const OLDEST: &str = "SELECT seq, at_us, hash FROM audit ORDER BY seq LIMIT ?1";
const PUT_ANCHOR: &str =
    "INSERT INTO audit_anchor (one, through, hash, pruned, pruned_us, seal) VALUES (1,?1,?2,?3,?4,?5)
    ON CONFLICT (one) DO UPDATE SET through = ?1, hash = ?2, pruned = ?3, pruned_us = ?4, seal = ?5";
const PRUNED_SO_FAR: &str = "SELECT pruned FROM audit_anchor";
const PRUNE_AUDIT: &str = "DELETE FROM audit WHERE seq <= ?1";
const PRUNE_REVIEWS: &str = "DELETE FROM reviews WHERE created_us < ?1";
const PRUNE_TALLIES: &str = "DELETE FROM tallies WHERE updated_us < ?1";
const PRUNE_SUSPENSIONS: &str = "DELETE FROM suspensions WHERE until_us < ?1";
const PRUNE_AGREEMENTS: &str = "DELETE FROM agreements WHERE withdrawn_us < ?1 OR until_us < ?1";
const PRUNE_USAGE: &str = "DELETE FROM usage WHERE day < ?1";
const PRUNE_FEEDBACK: &str = "DELETE FROM feedback WHERE record_us < ?1";
const PRUNE_TEXT_KEYS: &str = "DELETE FROM text_keys WHERE created_us < ?1";

pub(crate) async fn apply(
    conn: &mut SqliteConnection,
    change: &Change,
    tail: &mut Tail<'_>,
) -> Result<Effect, Setback> {
    let done = match change {
        Change::PutTenant { id, title, at_us } => {
            sqlx::query(PUT_TENANT).bind(id).bind(title).bind(at_us).execute(conn).await?
        }
        Change::PutApp { tenant, id, title, at_us } => {
            sqlx::query(PUT_APP).bind(tenant).bind(id).bind(title).bind(at_us).execute(conn).await?
        }
        Change::PutKey { key, hash } => {
            sqlx::query(PUT_KEY)
                .bind(&key.id)
                .bind(&key.name)
                .bind(&key.tenant)
                .bind(&key.app)
                .bind(hash.to_vec())
                .bind(json!(key.scopes).to_string())
                .bind(&key.tier)
                .bind(&key.scene)
                .bind(key.rpm)
                .bind(key.tpm)
                .bind(key.created_us)
                .bind(key.expires_us)
                .bind(key.revoked_us)
                .execute(conn)
                .await?
        }
        Change::RevokeKey { id, at_us } => {
            let done = sqlx::query(REVOKE_KEY).bind(id).bind(at_us).execute(conn).await?;
            found(done.rows_affected(), "unrevoked API key", id)?;
            done
        }
        Change::Tally { tenant, user, consecutive, day, today, at_us } => {
            sqlx::query(PUT_TALLY)
                .bind(tenant)
                .bind(user)
                .bind(consecutive)
                .bind(day)
                .bind(today)
                .bind(at_us)
                .execute(conn)
                .await?
        }
        Change::Suspend(s) => {
            sqlx::query(PUT_SUSPENSION)
                .bind(&s.tenant)
                .bind(&s.user)
                .bind(s.since_us)
                .bind(s.until_us)
                .bind(&s.reason)
                .bind(&s.rule)
                .bind(&s.by)
                .execute(conn)
                .await?
        }
        Change::Lift { tenant, user } => {
            sqlx::query(FORGET_TALLY).bind(tenant).bind(user).execute(&mut *conn).await?;
            sqlx::query(LIFT).bind(tenant).bind(user).execute(conn).await?
        }
        Change::AddReview(review) => {
            let done = sqlx::query(ADD_REVIEW)
                .bind(&review.request_id)
                .bind(&review.tenant)
                .bind(&review.app)
                .bind(&review.user)
                .bind(&review.reason)
                .bind(&review.rule)
                .bind(review.at_us)
                .bind(&review.input)
                .bind(&review.output)
                .execute(conn)
                .await?;
            return Ok(Effect { number: done.last_insert_rowid(), pruned: None, others: Others::new() });
        }
        Change::ResolveReview { id, decision, note, by, at_us } => {
            let done = sqlx::query(RESOLVE_REVIEW)
                .bind(id)
                .bind(decision.id())
                .bind(note)
                .bind(by)
                .bind(at_us)
                .execute(conn)
                .await?;
            found(done.rows_affected(), "open review", &id.to_string())?;
            done
        }
        Change::Agree(a) => {
            sqlx::query(AGREE)
                .bind(&a.id)
                .bind(&a.tenant)
                .bind(&a.app)
                .bind(&a.user)
                .bind(&a.terms)
                .bind(a.since_us)
                .bind(a.until_us)
                .bind(&a.by)
                .execute(conn)
                .await?
        }
        Change::Withdraw { id, by, at_us } => {
            let done = sqlx::query(WITHDRAW).bind(id).bind(at_us).bind(by).execute(conn).await?;
            found(done.rows_affected(), "agreement in force", id)?;
            done
        }
        Change::People(change) => {
            let rows = rows::apply(conn, change).await?;
            return Ok(Effect { number: i64::try_from(rows).unwrap_or(i64::MAX), pruned: None, others: Others::new() });
        }
        Change::Register(change) => {
            let rows = register::apply(conn, change).await?;
            return Ok(Effect { number: i64::try_from(rows).unwrap_or(i64::MAX), pruned: None, others: Others::new() });
        }
        Change::Behaviour(change) => {
            let rows = behaviour::apply(conn, change).await?;
            return Ok(Effect { number: i64::try_from(rows).unwrap_or(i64::MAX), pruned: None, others: Others::new() });
        }
        Change::Profiles(change) => {
            let rows = profiles::apply(conn, change).await?;
            return Ok(Effect { number: i64::try_from(rows).unwrap_or(i64::MAX), pruned: None, others: Others::new() });
        }
        Change::Incident(write) => {
            return Ok(Effect {
                number: incident_rows::apply(conn, write).await?,
                pruned: None,
                others: Others::new(),
            });
        }
        Change::Message(write) => {
            return Ok(Effect { number: outbox::apply(conn, write).await?, pruned: None, others: Others::new() });
        }
        Change::Protection(change) => return protection::apply(conn, change, tail).await,
        Change::Workbench(change) => {
            let rows = workbench::apply(conn, change).await?;
            return Ok(Effect { number: i64::try_from(rows).unwrap_or(i64::MAX), pruned: None, others: Others::new() });
        }
        Change::Case(change) => {
            case_rows::apply(conn, change).await?;
            return Ok(Effect::default());
        }
        Change::Fold => return Ok(Effect::default()),
        Change::FillGap { day_offset_min } => {
            let left = observe::fill_gap(conn, *day_offset_min).await?;
            return Ok(Effect { number: left, pruned: None, others: Others::new() });
        }
        Change::PutFeedback(f) => {
            sqlx::query(PUT_FEEDBACK)
                .bind(&f.request_id)
                .bind(&f.by)
                .bind(&f.tenant)
                .bind(&f.app)
                .bind(&f.rule)
                .bind(f.verdict.id())
                .bind(&f.note)
                .bind(f.at_us)
                .bind(f.record_us)
                .execute(conn)
                .await?
        }
        Change::Prune { before, at_us } => return prune(conn, *before, *at_us, tail).await,
    };
    Ok(Effect { number: i64::try_from(done.rows_affected()).unwrap_or(i64::MAX), pruned: None, others: Others::new() })
}

fn found(rows: u64, what: &'static str, id: &str) -> Result<(), Setback> {
    if rows == 0 { Err(Setback::Refused(Error::NotFound { what, id: id.to_owned() })) } else { Ok(()) }
}

/// One step of retention: the oldest rows go, as long as they are older than `before_us`; the last of them becomes the
/// anchor that the rest of the chain hangs on, and a record tells of it.
async fn prune(
    conn: &mut SqliteConnection,
    before: Before,
    at_us: i64,
    tail: &mut Tail<'_>,
) -> Result<Effect, Setback> {
    let before_us = before.audit;
    let oldest = sqlx::query(OLDEST).bind(PRUNE_STEP).fetch_all(&mut *conn).await?;
    let mut last: Option<(i64, Hash)> = None;
    let mut rows = 0u64;
    for row in &oldest {
        if row.try_get::<i64, _>(1)? >= before_us {
            break;
        }
        let hash: &[u8] = row.try_get(2)?;
        let hash = hash.try_into().map_err(|_| sqlx::Error::Protocol("an audit hash is not 32 bytes long".into()))?;
        last = Some((row.try_get(0)?, hash));
        rows += 1;
    }
    let Some((through, hash)) = last else {
        sqlx::query(case_rows::PRUNE).bind(before_us).execute(&mut *conn).await?;
        behaviour::prune(conn, before_us).await?;
        profiles::prune(conn, before_us).await?;
        outbox::prune(&mut *conn, before_us).await?;
        const DAY_US: i64 = 86_400_000_000;
        let mut others = Others::new();
        for (kind, sql, before) in [
            ("reviews", PRUNE_REVIEWS, before.reviews),
            ("tallies", PRUNE_TALLIES, before_us),
            ("suspensions", PRUNE_SUSPENSIONS, before_us),
            ("agreements", PRUNE_AGREEMENTS, before_us),
            ("usage", PRUNE_USAGE, before.usage.div_euclid(DAY_US)),
            ("feedback", PRUNE_FEEDBACK, before.feedback),
            // A key seals for a week at most; a text lasts as long as its record.
            ("text_keys", PRUNE_TEXT_KEYS, before_us.saturating_sub(text_keys::LONGEST_US + DAY_US)),
        ] {
            others.insert(kind, sqlx::query(sql).bind(before).execute(&mut *conn).await?.rows_affected());
        }
        observe::prune(conn, before_us).await?;
        return Ok(Effect { number: 0, pruned: Some((0, 0)), others });
    };
    let before: Option<i64> = sqlx::query_scalar(PRUNED_SO_FAR).fetch_optional(&mut *conn).await?;
    let pruned = u64::try_from(before.unwrap_or(0)).unwrap_or(0) + rows;
    let detail = json!({
        "through": through,
        "hash": crate::hex::encode(&hash),
        "rows": rows,
        "before": crate::time::rfc3339(before_us),
    });
    let row = Entry::event(EntryKind::System, PRUNED, at_us, detail)
        .into_row(TextRetention::Omitted, None)
        .map_err(Setback::Refused)?;
    tail.append(conn, &row).await?;
    let seal = chain::anchor_seal(tail.ring, through as u64, &hash, pruned, at_us);
    sqlx::query(PUT_ANCHOR)
        .bind(through)
        .bind(hash.to_vec())
        .bind(pruned as i64)
        .bind(at_us)
        .bind(seal.to_vec())
        .execute(&mut *conn)
        .await?;
    observe::prune_rows(conn, through).await?;
    sqlx::query(PRUNE_AUDIT).bind(through).execute(conn).await?;
    Ok(Effect { number: rows as i64, pruned: Some((rows, through as u64)), others: Others::new() })
}
