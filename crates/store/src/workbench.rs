//! The policy workbench: changes to packs on their way into force, what was in force when, and the cases that changes are
//! tried on.
//!
//! A change is a set of edits of pack files. It goes from draft over review and approval into force, as a numbered
//! revision; every step is one transaction together with its record in the audit, and the rules of the way are kept here:
//! nobody approves what they wrote ([`Store::step_policy`]), nothing is put in force that was not approved
//! ([`Store::publish_policy`]), and revisions are only ever added, a rollback being one itself.

mod cases;
mod revisions;
pub(crate) mod rows;

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use crate::time;

pub use cases::{NewPolicyCase, PolicyCase};
pub use revisions::{NewRevision, Revision, RevisionFile};
pub(crate) use rows::WorkbenchChange;

/// The most characters of a title.
const LONGEST_TITLE: usize = 200;
/// The most bytes of a note.
const LONGEST_NOTE: usize = 4000;
/// The most bytes of one file.
pub const LARGEST_POLICY_FILE: usize = 4 << 20;
/// The most files of one change.
const MOST_FILES: i64 = 200;
/// The most changes that a list gives.
const MOST_LISTED: u32 = 500;

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Being written.
    Draft,
    /// Waiting for somebody else's eyes.
    InReview,
    /// Approved, and not in force.
    Approved,
    /// Approved, and in force from a moment on.
    Scheduled,
    /// In force, or once in force: a revision.
    Published,
    /// Refused by who looked at it.
    Rejected,
    /// Given up.
    Withdrawn,
}

impl ChangeState {
    /// All of them, in the order of a change's life.
    pub const ALL: &'static [ChangeState] = &[
        ChangeState::Draft,
        ChangeState::InReview,
        ChangeState::Approved,
        ChangeState::Scheduled,
        ChangeState::Published,
        ChangeState::Rejected,
        ChangeState::Withdrawn,
    ];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            ChangeState::Draft => "draft",
            ChangeState::InReview => "in_review",
            ChangeState::Approved => "approved",
            ChangeState::Scheduled => "scheduled",
            ChangeState::Published => "published",
            ChangeState::Rejected => "rejected",
            ChangeState::Withdrawn => "withdrawn",
        }
    }

    /// The state of this id.
    pub fn of_id(id: &str) -> Option<Self> {
        ChangeState::ALL.iter().copied().find(|s| s.id() == id)
    }
}

/// A step on a change's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Draft → in review. With the run of all cases.
    Submit {
        /// What became of the cases.
        cases: Value,
    },
    /// In review → approved, by somebody with an account who wrote nothing in it.
    Approve {
        /// What became of the cases.
        cases: Value,
        /// Files whose texts the approval completes: standard answers get the approver's name and the day.
        stamped: Vec<(String, String)>,
    },
    /// In review → rejected.
    Reject,
    /// Anything that is not over → draft, to be worked on again.
    Reopen,
    /// Anything that is not over → withdrawn.
    Withdraw,
    /// Approved → scheduled for a moment, in microseconds since 1970 UTC.
    Schedule {
        /// When it is to be put in force.
        at_us: i64,
    },
    /// Scheduled → approved: not at that moment, or it could not be put in force then.
    Unschedule,
}

impl Step {
    /// The stable id, which the audit and the change's own history name.
    pub const fn id(&self) -> &'static str {
        match self {
            Step::Submit { .. } => "submit",
            Step::Approve { .. } => "approve",
            Step::Reject => "reject",
            Step::Reopen => "reopen",
            Step::Withdraw => "withdraw",
            Step::Schedule { .. } => "schedule",
            Step::Unschedule => "unschedule",
        }
    }

    /// The states it may be taken from.
    const fn from(&self) -> &'static [ChangeState] {
        use ChangeState::{Approved, Draft, InReview, Rejected, Scheduled};
        match self {
            Step::Submit { .. } => &[Draft],
            Step::Approve { .. } | Step::Reject => &[InReview],
            Step::Reopen => &[InReview, Approved, Scheduled, Rejected],
            Step::Withdraw => &[Draft, InReview, Approved, Scheduled, Rejected],
            Step::Schedule { .. } => &[Approved, Scheduled],
            Step::Unschedule => &[Scheduled],
        }
    }

    const fn to(&self) -> ChangeState {
        match self {
            Step::Submit { .. } => ChangeState::InReview,
            Step::Approve { .. } | Step::Unschedule => ChangeState::Approved,
            Step::Reject => ChangeState::Rejected,
            Step::Reopen => ChangeState::Draft,
            Step::Withdraw => ChangeState::Withdrawn,
            Step::Schedule { .. } => ChangeState::Scheduled,
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyChange {
    /// Its id: `chg_` and a UUID.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Why.
    pub note: String,
    /// Who began it.
    pub author: String,
    /// Where it stands.
    pub state: ChangeState,
    /// Raised with every edit: what was looked at is told apart from what is there.
    pub version: i64,
    /// Since when, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it last changed.
    pub updated_us: i64,
    /// When it is to be put in force.
    pub scheduled_us: Option<i64>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// The revision it became.
    pub revision: Option<i64>,
    /// The last run of all cases.
    pub cases: Option<Value>,
    /// The last shadow run.
    pub shadow: Option<Value>,
}

/// An edit of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeFile {
    /// `pack/path`.
    pub path: String,
    /// The whole text; none where the file is removed.
    pub body: Option<String>,
    /// The hash of the text that was in force when it was edited first; none where there was no such file.
    pub base: Option<String>,
}

/// Something that happened to a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeEvent {
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Who did it.
    pub by: String,
    /// What: `create`, `edit`, `drop`, a [`Step::id`], `publish`.
    pub what: String,
    /// In words, or the file.
    pub note: Option<String>,
}

/// A change with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FullChange {
    /// The change.
    pub change: PolicyChange,
    /// Its edits, by path.
    pub files: Vec<ChangeFile>,
    /// Everybody who wrote in it.
    pub authors: Vec<String>,
    /// What happened to it, in order.
    pub events: Vec<ChangeEvent>,
}

const COLUMNS: &str =
    "SELECT id, title, note, author, state, version, created_us, updated_us, scheduled_us, approved_by,
    revision, cases, shadow FROM policy_changes";
const FILES: &str = "SELECT path, body, base FROM policy_change_files WHERE change = ?1 ORDER BY path";
const AUTHORS: &str = "SELECT by FROM policy_change_authors WHERE change = ?1 ORDER BY by";
const EVENTS: &str = "SELECT at_us, by, what, note FROM policy_change_events WHERE change = ?1 ORDER BY id";
const LISTED: &str = "WHERE (?1 IS NULL OR state = ?1) ORDER BY updated_us DESC, id DESC LIMIT ?2";
const DUE: &str =
    "SELECT id FROM policy_changes WHERE state = 'scheduled' AND scheduled_us <= ?1 ORDER BY scheduled_us, id";

fn of_column(column: Option<String>) -> Option<Value> {
    column.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

impl PolicyChange {
    pub(crate) fn read(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let state: &str = row.try_get(4)?;
        let unknown = || sqlx::Error::Protocol(format!("{state:?} is no state of a change"));
        Ok(PolicyChange {
            id: row.try_get(0)?,
            title: row.try_get(1)?,
            note: row.try_get(2)?,
            author: row.try_get(3)?,
            state: ChangeState::of_id(state).ok_or_else(unknown)?,
            version: row.try_get(5)?,
            created_us: row.try_get(6)?,
            updated_us: row.try_get(7)?,
            scheduled_us: row.try_get(8)?,
            approved_by: row.try_get(9)?,
            revision: row.try_get(10)?,
            cases: of_column(row.try_get(11)?),
            shadow: of_column(row.try_get(12)?),
        })
    }
}

fn checked(what: &'static str, text: &str, least: usize, most: usize) -> Result<String, Error> {
    let text = text.trim();
    let fits = (least..=most).contains(&text.chars().count()) && text.len() <= most.saturating_mul(4);
    if !fits || text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Error::Invalid {
            what,
            problem: format!("{least} to {most} characters, and no control characters"),
        });
    }
    Ok(text.to_owned())
}

fn entry(event: &str, detail: Value, by: &str, at_us: i64) -> Entry {
    let mut entry = Entry::event(EntryKind::Admin, event, at_us, detail);
    entry.key_id = Some(by.to_owned());
    entry
}

fn boxed(change: WorkbenchChange) -> Change {
    Change::Workbench(Box::new(change))
}

impl Store {
    /// Begins a change.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a title or note that will not do; [`Error::QueueFull`] and the database's failures.
    pub async fn begin_policy(&self, title: &str, note: &str, by: &str, now_us: i64) -> Result<PolicyChange, Error> {
        let change = PolicyChange {
            id: format!("chg_{}", uuid::Uuid::now_v7().simple()),
            title: checked("title", title, 1, LONGEST_TITLE)?,
            note: checked("note", note, 0, LONGEST_NOTE)?,
            author: by.to_owned(),
            state: ChangeState::Draft,
            version: 1,
            created_us: now_us,
            updated_us: now_us,
            scheduled_us: None,
            approved_by: None,
            revision: None,
            cases: None,
            shadow: None,
        };
        let told = entry("policy.change.create", json!({ "id": change.id, "title": change.title }), by, now_us);
        self.change(vec![boxed(WorkbenchChange::Create(Box::new(change.clone())))], vec![told]).await?;
        Ok(change)
    }

    /// Gives a change another title and note.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for texts that will not do, and where it is over; the database's failures.
    pub async fn retitle_policy(&self, id: &str, title: &str, note: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let (title, note) = (checked("title", title, 1, LONGEST_TITLE)?, checked("note", note, 0, LONGEST_NOTE)?);
        let told = entry("policy.change.retitle", json!({ "id": id, "title": title }), by, now_us);
        let change = WorkbenchChange::Retitle { id: id.to_owned(), title, note, at_us: now_us };
        self.change(vec![boxed(change)], vec![told]).await.map(drop)
    }

    /// Saves an edit in a draft, in place of the one of the same file. Whoever saves is an author of the change from then
    /// on. Gives the change's new version.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a text that is too large, too many files, a change that is no draft, or
    /// when `version` is not the one that is there: somebody else saved meanwhile; the database's failures.
    pub async fn save_policy_file(
        &self,
        id: &str,
        version: i64,
        file: ChangeFile,
        by: &str,
        now_us: i64,
    ) -> Result<i64, Error> {
        if file.body.as_ref().is_some_and(|body| body.len() > LARGEST_POLICY_FILE) {
            return Err(Error::Invalid { what: "file", problem: format!("more than {LARGEST_POLICY_FILE} bytes") });
        }
        let detail = json!({ "id": id, "file": file.path, "bytes": file.body.as_ref().map(String::len) });
        let told = entry("policy.change.edit", detail, by, now_us);
        let change = WorkbenchChange::Save { id: id.to_owned(), version, file, by: by.to_owned(), at_us: now_us };
        self.change(vec![boxed(change)], vec![told]).await?;
        Ok(version + 1)
    }

    /// Takes an edit out of a draft again. Gives the change's new version.
    ///
    /// # Errors
    /// As [`Store::save_policy_file`].
    pub async fn drop_policy_file(
        &self,
        id: &str,
        version: i64,
        path: &str,
        by: &str,
        now_us: i64,
    ) -> Result<i64, Error> {
        let told = entry("policy.change.drop", json!({ "id": id, "file": path }), by, now_us);
        let (id, path, by) = (id.to_owned(), path.to_owned(), by.to_owned());
        self.change(vec![boxed(WorkbenchChange::Drop { id, version, path, by, at_us: now_us })], vec![told]).await?;
        Ok(version + 1)
    }

    /// Takes a step. Approval is looked at inside the transaction: it is refused to everybody who wrote in the change,
    /// and to whoever has no account of their own (an API key is nobody's eyes).
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`], of `approval` for the eyes, of `version` when something else was looked at
    /// than what is there, of `state` where the step cannot be taken; the database's failures.
    pub async fn step_policy(
        &self,
        id: &str,
        version: i64,
        step: Step,
        note: Option<&str>,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let note = note.map(|n| checked("note", n, 0, LONGEST_NOTE)).transpose()?.filter(|n| !n.is_empty());
        if let Step::Schedule { at_us } = step
            && at_us <= now_us
        {
            return Err(Error::Invalid { what: "at", problem: "the moment has passed; publish it instead".to_owned() });
        }
        let at = if let Step::Schedule { at_us } = step { Some(time::rfc3339(at_us)) } else { None };
        let detail = json!({ "id": id, "version": version, "at": at, "note": note });
        let told = entry(&format!("policy.change.{}", step.id()), detail, by, now_us);
        let id = id.to_owned();
        let change = WorkbenchChange::Step { id, version, step, note, by: by.to_owned(), at_us: now_us };
        self.change(vec![boxed(change)], vec![told]).await.map(drop)
    }

    /// Keeps the report of a run with a change, as long as it is the version that was run.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] when the change has another version by now; the database's failures.
    pub async fn keep_policy_run(
        &self,
        id: &str,
        version: i64,
        shadow: bool,
        report: &Value,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let event = if shadow { "policy.change.shadow" } else { "policy.change.cases" };
        let told = entry(event, json!({ "id": id, "version": version }), by, now_us);
        let change = WorkbenchChange::Keep { id: id.to_owned(), version, shadow, report: report.to_string() };
        self.change(vec![boxed(change)], vec![told]).await.map(drop)
    }

    /// Changes, last touched first; of one state where it is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn policy_changes(&self, state: Option<ChangeState>, limit: u32) -> Result<Vec<PolicyChange>, Error> {
        let failed = |e| self.archive().failed("listing changes", e);
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} {LISTED}"));
        let rows = sqlx::query(sql)
            .bind(state.map(ChangeState::id))
            .bind(limit.min(MOST_LISTED))
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(PolicyChange::read).collect::<Result<_, _>>().map_err(failed)
    }

    /// A change with all that belongs to it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn policy_change(&self, id: &str) -> Result<FullChange, Error> {
        let read = async {
            // One transaction: files and version belong together.
            let mut tx = self.archive().pool().begin().await?;
            let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = ?1"));
            let Some(row) = sqlx::query(sql).bind(id).fetch_optional(&mut *tx).await? else { return Ok(None) };
            let change = PolicyChange::read(&row)?;
            let file = |row: &SqliteRow| {
                Ok::<_, sqlx::Error>(ChangeFile { path: row.try_get(0)?, body: row.try_get(1)?, base: row.try_get(2)? })
            };
            let event = |row: &SqliteRow| {
                Ok::<_, sqlx::Error>(ChangeEvent {
                    at_us: row.try_get(0)?,
                    by: row.try_get(1)?,
                    what: row.try_get(2)?,
                    note: row.try_get(3)?,
                })
            };
            let files = sqlx::query(FILES).bind(id).fetch_all(&mut *tx).await?;
            let events = sqlx::query(EVENTS).bind(id).fetch_all(&mut *tx).await?;
            let authors = sqlx::query_scalar(AUTHORS).bind(id).fetch_all(&mut *tx).await?;
            tx.rollback().await?;
            Ok(Some(FullChange {
                change,
                files: files.iter().map(file).collect::<Result<_, _>>()?,
                authors,
                events: events.iter().map(event).collect::<Result<_, _>>()?,
            }))
        };
        let read = read.await.map_err(|e| self.archive().failed("reading a change", e))?;
        read.ok_or_else(|| Error::NotFound { what: "change", id: id.to_owned() })
    }

    /// The changes whose moment has come.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn due_policy(&self, now_us: i64) -> Result<Vec<String>, Error> {
        let failed = |e| self.archive().failed("looking for changes that are due", e);
        sqlx::query_scalar(DUE).bind(now_us).fetch_all(self.archive().pool()).await.map_err(failed)
    }
}
