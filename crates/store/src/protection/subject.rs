//! What end users ask about themselves: a copy of everything that is about them, or that it be destroyed. A request is
//! recorded with its time limit; what was done stands in the request and, in the same transaction, in the audit.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use uuid::Uuid;

use super::holdings::{Erasure, HOLDINGS};
use super::rows::ProtectionChange;
use crate::changes::{Effect, Setback, Tail};
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::options::TextRetention;
use crate::store::Store;
use crate::time;

/// The most bytes of a note, and the most requests that one listing gives.
const LONGEST_NOTE: usize = 2000;
const MOST: u32 = 500;
/// The most bytes of a tenant's and a user's name.
const LONGEST_NAME: usize = 512;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectAsks {
    /// A copy (Personal Information Protection Law, article 45; GDPR, article 15).
    Export,
    /// Destruction (Personal Information Protection Law, article 47; GDPR, article 17).
    Erasure,
}

impl SubjectAsks {
    /// Both.
    pub const ALL: &'static [SubjectAsks] = &[SubjectAsks::Export, SubjectAsks::Erasure];

    /// The stable id: `export` or `erasure`.
    pub const fn id(self) -> &'static str {
        match self {
            SubjectAsks::Export => "export",
            SubjectAsks::Erasure => "erasure",
        }
    }
}

/// A new request.
#[derive(Clone)]
pub struct NewSubjectRequest {
    /// The tenant.
    pub tenant: String,
    /// The end user, as the application names them.
    pub user: String,
    /// What is asked.
    pub kind: SubjectAsks,
    /// What the user said, or how they were recognised; kept encrypted.
    pub note: Option<String>,
    /// Within how many days it must be done.
    pub days: u32,
}

/// A request as it is read back.
#[derive(Clone, PartialEq, Serialize)]
pub struct SubjectRequest {
    /// Its id.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The end user.
    pub user: String,
    /// What is asked.
    pub kind: SubjectAsks,
    /// What the user said.
    pub note: Option<String>,
    /// When it was recorded, RFC 3339.
    pub asked_at: String,
    /// By whom.
    pub asked_by: String,
    /// Until when it must be done.
    pub due_at: String,
    /// `open`, `done` or `refused`.
    pub state: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What was done, or why not.
    pub outcome: Value,
}

impl std::fmt::Debug for SubjectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubjectRequest")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str =
    "SELECT id, tenant, user, kind, note, asked_us, asked_by, due_us, state, ended_us, ended_by, outcome
    FROM subject_requests";

pub(super) fn note_place(id: &str) -> String {
    format!("subject/{id}/note")
}

impl Store {
    /// Records a request.
    ///
    /// # Errors
    /// [`Error::Invalid`] for names or notes that are empty or too long; the queue's and the database's failures.
    pub async fn ask_subject(&self, new: NewSubjectRequest, by: &str, now_us: i64) -> Result<SubjectRequest, Error> {
        let invalid = |what, problem: &str| Err(Error::Invalid { what, problem: problem.to_owned() });
        for (what, name) in [("tenant", &new.tenant), ("user", &new.user)] {
            if name.trim().is_empty() || name.len() > LONGEST_NAME {
                return invalid(what, "give the name as the application does, 1 to 512 bytes");
            }
        }
        if new.note.as_ref().is_some_and(|note| note.len() > LONGEST_NOTE) {
            return invalid("note", "at most 2000 bytes");
        }
        if new.days == 0 || new.days > 366 {
            return invalid("days", "between 1 and 366");
        }
        let id = Uuid::now_v7().to_string();
        let sealed = new.note.as_ref().map(|n| self.inner.ring.encrypt(&note_place(&id), n.as_bytes())).transpose()?;
        let due_us = now_us.saturating_add(i64::from(new.days) * 86_400_000_000);
        let detail = json!({"subject_request": id, "kind": new.kind, "due": time::rfc3339(due_us)});
        let request = SubjectRequest {
            id,
            tenant: new.tenant,
            user: new.user,
            kind: new.kind,
            note: new.note,
            asked_at: time::rfc3339(now_us),
            asked_by: by.to_owned(),
            due_at: time::rfc3339(due_us),
            state: "open".to_owned(),
            ended_at: None,
            ended_by: None,
            outcome: Value::Null,
        };
        let entry = event("subject.ask", &request, by, now_us, detail);
        let change = ProtectionChange::Ask { request: request.clone(), note: sealed, asked_us: now_us, due_us };
        self.change(vec![change.boxed()], vec![entry]).await?;
        Ok(request)
    }

    /// Requests, open ones first, then newest first; of one tenant only where it is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn subject_requests(&self, tenant: Option<&str>, limit: u32) -> Result<Vec<SubjectRequest>, Error> {
        let list =
            format!("{COLUMNS} WHERE ?1 IS NULL OR tenant = ?1 ORDER BY state <> 'open', asked_us DESC LIMIT ?2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(list))
            .bind(tenant)
            .bind(limit.min(MOST))
            .fetch_all(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("listing requests of users", e))?;
        rows.iter().map(|row| self.read_subject(row)).collect()
    }

    /// One request; none of another tenant where `tenant` is given.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn subject_request(&self, id: &str, tenant: Option<&str>) -> Result<SubjectRequest, Error> {
        let one = format!("{COLUMNS} WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)");
        let row = sqlx::query(sqlx::AssertSqlSafe(one))
            .bind(id)
            .bind(tenant)
            .fetch_optional(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("reading a request of a user", e))?;
        let row = row.ok_or_else(|| not_found(id))?;
        self.read_subject(&row)
    }

    fn read_subject(&self, row: &SqliteRow) -> Result<SubjectRequest, Error> {
        let read = || {
            let (id, kind): (String, String) = (row.try_get(0)?, row.try_get(3)?);
            let note: Option<&[u8]> = row.try_get(4)?;
            let opened = |sealed| self.inner.ring.decrypt("note", &note_place(&id), sealed).ok();
            let note = note.and_then(opened).and_then(|bytes| String::from_utf8(bytes).ok());
            let outcome: Option<String> = row.try_get(11)?;
            Ok(SubjectRequest {
                note,
                tenant: row.try_get(1)?,
                user: row.try_get(2)?,
                kind: if kind == SubjectAsks::Erasure.id() { SubjectAsks::Erasure } else { SubjectAsks::Export },
                asked_at: time::rfc3339(row.try_get(5)?),
                asked_by: row.try_get(6)?,
                due_at: time::rfc3339(row.try_get(7)?),
                state: row.try_get(8)?,
                ended_at: row.try_get::<Option<i64>, _>(9)?.map(time::rfc3339),
                ended_by: row.try_get(10)?,
                outcome: outcome.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
                id,
            })
        };
        read().map_err(|e: sqlx::Error| self.archive().failed("reading a request of a user", e))
    }

    /// Ends a request without doing what it asks, with the reason that the user is told.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not open, [`Error::Invalid`] without a reason; the database's failures.
    pub async fn refuse_subject(
        &self,
        id: &str,
        tenant: Option<&str>,
        reason: &str,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        if reason.trim().is_empty() || reason.len() > LONGEST_NOTE {
            let problem = "a refusal gives its reason, in at most 2000 bytes".to_owned();
            return Err(Error::Invalid { what: "reason", problem });
        }
        let outcome = json!({"reason": reason});
        self.end_subject(&self.subject_request(id, tenant).await?, "refused", &outcome, by, now_us).await
    }

    pub(super) async fn end_subject(
        &self,
        request: &SubjectRequest,
        state: &'static str,
        outcome: &Value,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let name = if state == "done" { "subject.export" } else { "subject.refuse" };
        let detail = json!({"subject_request": request.id, "outcome": outcome});
        let entry = event(name, request, by, now_us, detail);
        let change = ProtectionChange::End {
            id: request.id.clone(),
            state,
            outcome: outcome.to_string(),
            by: by.to_owned(),
            at_us: now_us,
        };
        self.change(vec![change.boxed()], vec![entry]).await.map(drop)
    }

    /// Does what a request for destruction asks, and gives the proof: the keys of the user's texts are destroyed, sealed
    /// texts elsewhere replaced, and what stays is named with the reason. The chain of the audit stays whole.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the request is not open; [`Error::Invalid`] when it asks for something else; the
    /// database's failures: then nothing was destroyed.
    pub async fn erase_subject(
        &self,
        id: &str,
        tenant: Option<&str>,
        by: &str,
        now_us: i64,
    ) -> Result<SubjectRequest, Error> {
        let request = self.subject_request(id, tenant).await?;
        if request.kind != SubjectAsks::Erasure {
            let problem = "it asks for a copy, not for destruction".to_owned();
            return Err(Error::Invalid { what: "subject request", problem });
        }
        // What is destroyed is counted from the list.
        self.bring_up_to_date().await;
        let backups = super::backup::log(self.archive().dir()).unwrap_or_default();
        let backups: Vec<Value> = backups.into_iter().map(|b| json!({"at": b.at, "target": b.target})).collect();
        let change = ProtectionChange::Erase {
            id: request.id.clone(),
            tenant: request.tenant.clone(),
            user: request.user.clone(),
            by: by.to_owned(),
            at_us: now_us,
            kept_until_us: now_us.saturating_add(i64::from(self.options().retention_days) * 86_400_000_000),
            backups: json!(backups),
        };
        let queued = {
            let _destroying = self.inner.text_keys.destroying();
            self.inner.text_keys.forget(&request.tenant, &request.user);
            self.enqueue_change(vec![change.boxed()], Vec::new())?
        };
        queued.await?;
        self.inner.profiles.erased(&request.tenant, &request.user);
        self.subject_request(id, tenant).await
    }
}

pub(super) fn not_found(id: &str) -> Error {
    Error::NotFound { what: "open request of a user", id: id.to_owned() }
}

fn event(name: &str, request: &SubjectRequest, by: &str, now_us: i64, detail: Value) -> Entry {
    let mut entry = Entry::event(EntryKind::Admin, name, now_us, detail);
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(request.tenant.clone());
    entry.user = Some(request.user.clone());
    entry
}

/// What [`ProtectionChange::Erase`] holds.
pub(super) struct Erase<'a> {
    pub(super) id: &'a str,
    pub(super) tenant: &'a str,
    pub(super) user: &'a str,
    pub(super) by: &'a str,
    pub(super) at_us: i64,
    pub(super) kept_until_us: i64,
    pub(super) backups: &'a Value,
}

/// Destroys, in the writer's transaction.
pub(super) async fn erase(
    conn: &mut SqliteConnection,
    what: &Erase<'_>,
    tail: &mut Tail<'_>,
) -> Result<Effect, Setback> {
    const END: &str =
        "UPDATE subject_requests SET state = 'done', ended_us = ?2, ended_by = ?3, outcome = ?4, note = NULL
        WHERE id = ?1 AND state = 'open' AND kind = 'erasure'";
    const KEYS: &str = "DELETE FROM text_keys WHERE tenant = ?1 AND user = ?2";
    // What is left of the user's texts: sealed with the root key before there were keys for each user, or redacted.
    const TEXTS: &str = "SELECT COUNT(*), COALESCE(SUM(a.text_mode = 1 AND substr(a.input, 1, 1) = x'02'), 0),
        COALESCE(SUM(a.text_mode = 1 AND substr(a.input, 1, 1) = x'01'), 0), COALESCE(SUM(a.text_mode = 2), 0)
        FROM seen AS s INDEXED BY seen_by_user JOIN audit AS a ON a.seq = s.seq WHERE s.user = ?2 AND s.tenant = ?1";
    let Erase { id, tenant, user, by, at_us, .. } = *what;
    // Freed pages are overwritten, not only forgotten.
    sqlx::query("PRAGMA secure_delete = ON").execute(&mut *conn).await?;
    let keys = sqlx::query(KEYS).bind(tenant).bind(user).execute(&mut *conn).await?.rows_affected();
    let mut tables = Vec::new();
    for holding in HOLDINGS {
        let rows = holding.erase(conn, tail.ring, tenant, user).await?.map_err(Setback::Refused)?;
        if rows > 0 {
            tables.push(match holding.erasure {
                Erasure::Blank => json!({"table": holding.table, "rows": rows, "done": "texts destroyed"}),
                Erasure::Delete => json!({"table": holding.table, "rows": rows, "done": "removed"}),
                Erasure::Keep(reason) => {
                    json!({"table": holding.table, "rows": rows, "done": "kept", "reason": reason})
                }
            });
        }
    }
    sqlx::query("PRAGMA secure_delete = OFF").execute(&mut *conn).await?;
    let texts = sqlx::query(TEXTS).bind(tenant).bind(user).fetch_one(&mut *conn).await?;
    let count = |at: usize| texts.try_get::<i64, _>(at);
    let kept_until = time::rfc3339(what.kept_until_us);
    let proof = json!({
        "keys_destroyed": keys,
        "records": count(0)?,
        "texts_destroyed": count(1)?,
        "texts_kept": {
            "sealed_before_user_keys": count(2)?,
            "redacted": count(3)?,
            "until": kept_until,
        },
        "records_kept": {
            "reason": "network logs are kept at least six months (Cybersecurity Law, article 21); they hold no text",
            "until": kept_until,
        },
        "tables": tables,
        "backups_before": what.backups,
    });
    let mut entry =
        Entry::event(EntryKind::Admin, "subject.erase", at_us, json!({"subject_request": id, "proof": proof}));
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(tenant.to_owned());
    entry.user = Some(user.to_owned());
    let row = entry.into_row(TextRetention::Omitted, None).map_err(Setback::Refused)?;
    let (seq, hash) = tail.append(conn, &row).await?;
    let mut outcome = proof;
    outcome["record"] = json!({"seq": seq, "hash": crate::hex::encode(&hash)});
    let done = sqlx::query(END).bind(id).bind(at_us).bind(by).bind(outcome.to_string()).execute(&mut *conn).await?;
    if done.rows_affected() == 0 {
        return Err(Setback::Refused(not_found(id)));
    }
    Ok(Effect { number: i64::try_from(keys).unwrap_or(i64::MAX), ..Effect::default() })
}
