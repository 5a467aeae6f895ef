//! What people say of decisions: right, a false alarm, or something missed.
//!
//! One opinion a record and person. It may change; what it was before stands in the audit.

use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;

/// Longer notes are refused.
const MOST_NOTE: usize = 4000;
/// The most opinions one page gives.
const MOST: u32 = 500;

/// What somebody says of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It was stopped, or changed, and should not have been.
    FalsePositive,
    /// It passed, and should not have.
    Missed,
    /// It was right.
    Right,
}

impl Opinion {
    /// All of them.
    pub const ALL: &'static [Opinion] = &[Opinion::FalsePositive, Opinion::Missed, Opinion::Right];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Opinion::FalsePositive => "false_positive",
            Opinion::Missed => "missed",
            Opinion::Right => "right",
        }
    }

    /// The opinion of this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Opinion::ALL.iter().copied().find(|o| o.id() == id)
    }
}

/// An opinion on a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// The record's request.
    pub request_id: String,
    /// Who says it.
    pub by: String,
    /// The record's tenant.
    pub tenant: Option<String>,
    /// The record's application.
    pub app: Option<String>,
    /// The rule that decided, as `pack/rule@version`.
    pub rule: Option<String>,
    /// What is said.
    pub verdict: Opinion,
    /// In words.
    pub note: Option<String>,
    /// When it was said last, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// When the request was.
    pub record_us: i64,
}

const RECORD: &str = "SELECT at_us, tenant, app, rule FROM audit
    WHERE request_id = ?1 AND kind = 'request' AND (?2 IS NULL OR tenant = ?2) ORDER BY seq DESC LIMIT 1";
const LIST: &str = "SELECT request_id, by, tenant, app, rule, verdict, note, at_us, record_us FROM feedback
    WHERE at_us < ?1 AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR request_id = ?3)
    ORDER BY at_us DESC, request_id, by LIMIT ?4";

impl Feedback {
    fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let verdict: &str = row.try_get(5)?;
        let unknown = || sqlx::Error::Protocol(format!("{verdict:?} is no opinion"));
        Ok(Feedback {
            request_id: row.try_get(0)?,
            by: row.try_get(1)?,
            tenant: row.try_get(2)?,
            app: row.try_get(3)?,
            rule: row.try_get(4)?,
            verdict: Opinion::of_id(verdict).ok_or_else(unknown)?,
            note: row.try_get(6)?,
            at_us: row.try_get(7)?,
            record_us: row.try_get(8)?,
        })
    }
}

impl Store {
    /// Notes what somebody says of a request's decision, in place of what they said before, with its entry in the audit.
    /// Where `tenant` is given, of this tenant's requests only.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such request, [`Error::Invalid`] for a note of more than 4000 bytes or an
    /// empty `by`; [`Error::QueueFull`] and the database's failures.
    pub async fn put_feedback(
        &self,
        request_id: Uuid,
        tenant: Option<&str>,
        verdict: Opinion,
        note: Option<String>,
        by: &str,
        now_us: i64,
    ) -> Result<Feedback, Error> {
        if note.as_ref().is_some_and(|note| note.len() > MOST_NOTE) {
            return Err(Error::Invalid { what: "note", problem: format!("more than {MOST_NOTE} bytes") });
        }
        if by.is_empty() || by.len() > 512 {
            return Err(Error::Invalid { what: "by", problem: "1 to 512 bytes are allowed".to_owned() });
        }
        let failed = |e| self.archive().failed("reading a record", e);
        let id = request_id.to_string();
        let row = sqlx::query(RECORD)
            .bind(&id)
            .bind(tenant)
            .fetch_optional(self.archive().pool())
            .await
            .map_err(failed)?
            .ok_or_else(|| Error::NotFound { what: "record of request", id: id.clone() })?;
        let read = |row: &SqliteRow| {
            Ok(Feedback {
                request_id: id.clone(),
                by: by.to_owned(),
                tenant: row.try_get(1)?,
                app: row.try_get(2)?,
                rule: row.try_get(3)?,
                verdict,
                note: note.filter(|note| !note.trim().is_empty()),
                at_us: now_us,
                record_us: row.try_get(0)?,
            })
        };
        let feedback = read(&row).map_err(failed)?;
        let detail = json!({ "request_id": id, "verdict": verdict, "note": feedback.note });
        let mut entry = Entry::event(EntryKind::Admin, "feedback.record", now_us, detail);
        entry.key_id = Some(by.to_owned());
        entry.tenant.clone_from(&feedback.tenant);
        entry.app.clone_from(&feedback.app);
        entry.rule.clone_from(&feedback.rule);
        self.change(vec![Change::PutFeedback(Box::new(feedback.clone()))], vec![entry]).await?;
        Ok(feedback)
    }

    /// What was said, newest first, before a moment (`None` for the newest), at most `limit` (at most 500); of one
    /// request, and of one tenant's requests, where these are given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn feedback(
        &self,
        request_id: Option<Uuid>,
        tenant: Option<&str>,
        before_us: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Feedback>, Error> {
        let failed = |e| self.archive().failed("listing feedback", e);
        let rows = sqlx::query(LIST)
            .bind(before_us.unwrap_or(i64::MAX))
            .bind(tenant)
            .bind(request_id.map(|id| id.to_string()))
            .bind(limit.min(MOST))
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(Feedback::read).collect::<Result<_, _>>().map_err(failed)
    }
}
