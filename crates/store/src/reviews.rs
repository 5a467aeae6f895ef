//! What waits for a human.

use std::fmt;

use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::changes::{Change, SealedReview};
use crate::cipher::Ring;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// The most reviews one listing gives.
const MAX_PAGE: u32 = 500;

/// A conversation held for a human. Its texts are always stored encrypted, whatever the audit keeps.
#[derive(Clone)]
pub struct NewReview {
    /// The request it belongs to.
    pub request_id: Uuid,
    /// The tenant.
    pub tenant: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// Why a human is asked; holds nothing that users or models wrote.
    pub reason: String,
    /// The rule that asked, as `pack/rule@version`.
    pub rule: Option<String>,
    /// What was asked.
    pub input: String,
    /// What was answered, or would be.
    pub output: String,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
}

/// What a human decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was right to hold it.
    Upheld,
    /// It may pass.
    Released,
}

impl Decision {
    /// The stable id: `upheld` or `released`.
    pub const fn id(self) -> &'static str {
        match self {
            Decision::Upheld => "upheld",
            Decision::Released => "released",
        }
    }

    fn of(id: &str) -> Result<Self, Error> {
        match id {
            "upheld" => Ok(Decision::Upheld),
            "released" => Ok(Decision::Released),
            _ => Err(Error::Unreadable { what: "review", problem: "its decision is none we know".into() }),
        }
    }
}

/// A review as it is read back.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// Its number.
    pub id: i64,
    /// The request it belongs to.
    pub request_id: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// The application.
    pub app: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// Why a human is asked.
    pub reason: String,
    /// The rule that asked.
    pub rule: Option<String>,
    /// When it was added, RFC 3339.
    pub created_at: String,
    /// What was asked; absent when the listing left texts out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What was answered, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What was decided; absent while it is open.
    pub decision: Option<Decision>,
    /// The decider's note.
    pub note: Option<String>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When, RFC 3339.
    pub decided_at: Option<String>,
}

impl fmt::Debug for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Review")
            .field("id", &self.id)
            .field("request_id", &self.request_id)
            .field("decision", &self.decision)
            .finish_non_exhaustive()
    }
}

/// Which reviews to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReviewState {
    /// Those that wait.
    #[default]
    Open,
    /// Those that were decided.
    Decided,
    /// All.
    All,
}

fn place(request_id: &str, field: &str) -> String {
    format!("review/{request_id}/{field}")
}

fn read(row: &SqliteRow, ring: Option<&Ring>) -> Result<Review, Error> {
    let unreadable = |e: sqlx::Error| Error::Unreadable { what: "review", problem: e.to_string() };
    let request_id: String = row.try_get(1).map_err(unreadable)?;
    let open = |what: &'static str, column: usize| -> Result<Option<String>, Error> {
        let Some(ring) = ring else { return Ok(None) };
        let sealed: &[u8] = row.try_get(column).map_err(unreadable)?;
        let plain = ring.decrypt(what, &place(&request_id, what), sealed)?;
        String::from_utf8(plain).map(Some).map_err(|_| Error::Sealed { what })
    };
    let (input, output) = (open("input", 8)?, open("output", 9)?);
    let decision: Option<&str> = row.try_get(10).map_err(unreadable)?;
    let decision = decision.map(Decision::of).transpose()?;
    let rest = || {
        Ok(Review {
            id: row.try_get(0)?,
            tenant: row.try_get(2)?,
            app: row.try_get(3)?,
            user: row.try_get(4)?,
            reason: row.try_get(5)?,
            rule: row.try_get(6)?,
            created_at: time::rfc3339(row.try_get(7)?),
            note: row.try_get(11)?,
            decided_by: row.try_get(12)?,
            decided_at: row.try_get::<Option<i64>, _>(13)?.map(time::rfc3339),
            request_id: request_id.clone(),
            input,
            output,
            decision,
        })
    };
    rest().map_err(unreadable)
}

impl Store {
    /// Puts a conversation into the queue; gives the review's number once it is on disk.
    ///
    /// # Errors
    /// [`Error::QueueFull`] and the database's failures.
    pub async fn add_review(&self, new: NewReview) -> Result<i64, Error> {
        let request_id = new.request_id.to_string();
        let review = SealedReview {
            input: self.inner.ring.encrypt(&place(&request_id, "input"), new.input.as_bytes())?,
            output: self.inner.ring.encrypt(&place(&request_id, "output"), new.output.as_bytes())?,
            request_id,
            tenant: new.tenant,
            app: new.app,
            user: new.user,
            reason: new.reason,
            rule: new.rule,
            at_us: new.at_us,
        };
        let done = self.change(vec![Change::AddReview(Box::new(review))], Vec::new()).await?;
        Ok(done.effects.first().map_or(0, |e| e.number))
    }

    /// Lists reviews, oldest first, after the review `after_id` (0 for the start), at most `limit` (at most 500).
    /// Texts are decrypted only when `with_text` is set.
    ///
    /// # Errors
    /// [`Error::Sealed`] when a text does not open; the database's failures.
    pub async fn reviews(
        &self,
        state: ReviewState,
        tenant: Option<&str>,
        after_id: i64,
        limit: u32,
        with_text: bool,
    ) -> Result<Vec<Review>, Error> {
        const LIST: &str = "SELECT id, request_id, tenant, app, user, reason, rule, created_us, input, output, decision, \
            note, decided_by, decided_us FROM reviews WHERE id > ?1 AND (?2 IS NULL OR tenant = ?2) \
            AND (?3 = 2 OR (decision IS NOT NULL) = ?3) ORDER BY id LIMIT ?4";
        let state = match state {
            ReviewState::Open => 0,
            ReviewState::Decided => 1,
            ReviewState::All => 2,
        };
        let rows = sqlx::query(LIST)
            .bind(after_id)
            .bind(tenant)
            .bind(state)
            .bind(limit.min(MAX_PAGE))
            .fetch_all(self.archive().pool())
            .await
            .map_err(|e| self.archive().failed("listing reviews", e))?;
        let ring = with_text.then_some(&self.inner.ring);
        rows.iter().map(|row| read(row, ring)).collect()
    }

    /// Decides an open review; the audit records who did.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such review or it is decided; the database's failures.
    pub async fn resolve_review(
        &self,
        id: i64,
        decision: Decision,
        note: Option<String>,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let detail = json!({ "review": id, "decision": decision, "note": note });
        let mut entry = Entry::event(EntryKind::Admin, "review.resolve", now_us, detail);
        entry.key_id = Some(by.to_owned());
        let change = Change::ResolveReview { id, decision, note, by: by.to_owned(), at_us: now_us };
        self.change(vec![change], vec![entry]).await.map(drop)
    }
}
