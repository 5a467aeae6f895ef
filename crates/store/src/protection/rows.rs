//! Changes to keys of texts and requests of users, as the SQL that makes them.

use std::sync::Arc;

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;

use super::subject::{self, Erase, SubjectRequest};
use super::text_keys::TextKey;
use crate::changes::{Change, Effect, Setback, Tail};

/// A change of what protects data.
#[derive(Clone)]
pub(crate) enum ProtectionChange {
    /// A key that the record beside it needs.
    TextKey(Arc<TextKey>),
    Ask {
        request: SubjectRequest,
        note: Option<Vec<u8>>,
        asked_us: i64,
        due_us: i64,
    },
    End {
        id: String,
        state: &'static str,
        outcome: String,
        by: String,
        at_us: i64,
    },
    Erase {
        id: String,
        tenant: String,
        user: String,
        by: String,
        at_us: i64,
        kept_until_us: i64,
        backups: Value,
    },
    Ran {
        at_us: i64,
        took_us: i64,
        removed: String,
        problem: Option<String>,
    },
}

impl std::fmt::Debug for ProtectionChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ProtectionChange::TextKey(_) => "TextKey",
            ProtectionChange::Ask { .. } => "Ask",
            ProtectionChange::End { .. } => "End",
            ProtectionChange::Erase { .. } => "Erase",
            ProtectionChange::Ran { .. } => "Ran",
        })
    }
}

impl ProtectionChange {
    pub(crate) fn boxed(self) -> Change {
        Change::Protection(Box::new(self))
    }
}

pub(crate) async fn apply(
    conn: &mut SqliteConnection,
    change: &ProtectionChange,
    tail: &mut Tail<'_>,
) -> Result<Effect, Setback> {
    // Records that need the same new key each carry it: whichever is written first writes it.
    const PUT_KEY: &str = "INSERT OR IGNORE INTO text_keys (id, tenant, user, wrapped, created_us) VALUES (?,?,?,?,?)";
    const ASK: &str = "INSERT INTO subject_requests (id, tenant, user, kind, note, asked_us, asked_by, due_us, state)
        VALUES (?,?,?,?,?,?,?,?,'open')";
    const END: &str = "UPDATE subject_requests SET state = ?2, ended_us = ?3, ended_by = ?4, outcome = ?5
        WHERE id = ?1 AND state = 'open'";
    const RAN: &str = "INSERT OR REPLACE INTO retention_runs (at_us, took_us, removed, problem) VALUES (?1,?2,?3,?4)";
    const FORGET_RUNS: &str = "DELETE FROM retention_runs WHERE at_us < (SELECT at_us FROM retention_runs
        ORDER BY at_us DESC LIMIT 1 OFFSET 400)";
    let done = match change {
        ProtectionChange::TextKey(key) => {
            sqlx::query(PUT_KEY)
                .bind(key.id.to_vec())
                .bind(&key.tenant)
                .bind(&key.user)
                .bind(&key.wrapped)
                .bind(key.made_us)
                .execute(conn)
                .await?
        }
        ProtectionChange::Ask { request, note, asked_us, due_us } => {
            sqlx::query(ASK)
                .bind(&request.id)
                .bind(&request.tenant)
                .bind(&request.user)
                .bind(request.kind.id())
                .bind(note)
                .bind(asked_us)
                .bind(&request.asked_by)
                .bind(due_us)
                .execute(conn)
                .await?
        }
        ProtectionChange::End { id, state, outcome, by, at_us } => {
            let done = sqlx::query(END).bind(id).bind(state).bind(at_us).bind(by).bind(outcome).execute(conn).await?;
            if done.rows_affected() == 0 {
                return Err(Setback::Refused(subject::not_found(id)));
            }
            done
        }
        ProtectionChange::Erase { id, tenant, user, by, at_us, kept_until_us, backups } => {
            let what = Erase { id, tenant, user, by, at_us: *at_us, kept_until_us: *kept_until_us, backups };
            return subject::erase(conn, &what, tail).await;
        }
        ProtectionChange::Ran { at_us, took_us, removed, problem } => {
            sqlx::query(RAN).bind(at_us).bind(took_us).bind(removed).bind(problem).execute(&mut *conn).await?;
            sqlx::query(FORGET_RUNS).execute(conn).await?
        }
    };
    Ok(Effect { number: i64::try_from(done.rows_affected()).unwrap_or(i64::MAX), ..Effect::default() })
}
