//! Messages to people outside, from the moment they are due until they are sent or given up.
//!
//! A message has a key that says what it is about and whom it goes to; there is one message a key, however often somebody
//! asks for it, through restarts and whatever the clock does. Sending is the caller's: it takes what is due, says how it
//! went, and a message that failed waits longer each time until it is given up and shown as such. Between sending and
//! saying so lies a moment in which a crash lets the message be sent again: it is sent at least once, and its id is the
//! same.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::changes::{Change, Setback};
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;

/// The longest key, topic or channel, in bytes.
const LONGEST_KEY: usize = 300;
/// The longest title, in bytes.
const LONGEST_TITLE: usize = 400;
/// The longest text, in bytes.
const LONGEST_TEXT: usize = 8_000;
/// The longest explanation of a failure that is kept, in characters.
const LONGEST_PROBLEM: usize = 300;
/// No message waits longer than this: one that seems to was put off before the clock was set back.
const LONGEST_WAIT_US: i64 = 86_400_000_000;
/// The most messages one page gives.
const MOST: u32 = 500;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// What it is about and whom it goes to: there is one message a key.
    pub key: String,
    /// The tenant it concerns.
    pub tenant: Option<String>,
    /// What kind of message it is.
    pub topic: String,
    /// The channel it goes by.
    pub channel: String,
    /// Its title.
    pub title: String,
    /// Its text: plain, and no text of a prompt or an answer.
    pub text: String,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It waits to be sent, for the first time or again.
    Waiting,
    /// It was sent.
    Sent,
    /// It was given up.
    Dead,
}

impl MessageState {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            MessageState::Waiting => "waiting",
            MessageState::Sent => "sent",
            MessageState::Dead => "dead",
        }
    }

    fn of_id(id: &str) -> Option<Self> {
        [MessageState::Waiting, MessageState::Sent, MessageState::Dead].into_iter().find(|s| s.id() == id)
    }
}

/// A message of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id: `msg_` and a UUID; the same at every attempt.
    pub id: String,
    /// What it is about.
    pub key: String,
    /// The tenant it concerns.
    pub tenant: Option<String>,
    /// What kind of message it is.
    pub topic: String,
    /// The channel it goes by.
    pub channel: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// How it stands.
    pub state: MessageState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was written, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it was tried last.
    pub tried_us: Option<i64>,
    /// When it is tried next.
    pub next_us: i64,
    /// Why it failed the last time.
    pub problem: Option<String>,
    /// Who asked for it.
    pub by: String,
}

/// A change of the outbox, as the writer makes it.
#[derive(Debug, Clone)]
pub(crate) enum MessageWrite {
    Put(Message),
    Sent { id: String, at_us: i64 },
    Failed { id: String, at_us: i64, next_us: Option<i64>, problem: String },
    Again { id: String, at_us: i64 },
}

const PUT: &str = "INSERT INTO outbox (id, key, tenant, topic, channel, title, text, state, created_us, next_us, by)
    VALUES (?,?,?,?,?,?,?,'waiting',?,?,?) ON CONFLICT (key) DO NOTHING";
const SENT: &str = "UPDATE outbox SET state = 'sent', attempts = attempts + 1, tried_us = ?2, problem = NULL
    WHERE id = ?1 AND state = 'waiting'";
const FAILED: &str = "UPDATE outbox SET state = CASE WHEN ?3 IS NULL THEN 'dead' ELSE 'waiting' END,
    attempts = attempts + 1, tried_us = ?2, next_us = COALESCE(?3, next_us), problem = ?4
    WHERE id = ?1 AND state = 'waiting'";
const AGAIN: &str = "UPDATE outbox SET state = 'waiting', attempts = 0, next_us = ?2 WHERE id = ?1 AND state = 'dead'";
const PRUNE: &str = "DELETE FROM outbox WHERE state <> 'waiting' AND created_us < ?1";
const MESSAGE: &str =
    "SELECT id, key, tenant, topic, channel, title, text, state, attempts, created_us, tried_us, next_us,
    problem, by FROM outbox";

pub(crate) async fn apply(conn: &mut SqliteConnection, write: &MessageWrite) -> Result<i64, Setback> {
    let (done, id) = match write {
        MessageWrite::Put(m) => {
            let done = sqlx::query(PUT)
                .bind(&m.id)
                .bind(&m.key)
                .bind(&m.tenant)
                .bind(&m.topic)
                .bind(&m.channel)
                .bind(&m.title)
                .bind(&m.text)
                .bind(m.created_us)
                .bind(m.next_us)
                .bind(&m.by)
                .execute(conn)
                .await?;
            // One that is there already stays as it is.
            return Ok(i64::try_from(done.rows_affected()).unwrap_or(0));
        }
        MessageWrite::Sent { id, at_us } => (sqlx::query(SENT).bind(id).bind(at_us).execute(conn).await?, id),
        MessageWrite::Failed { id, at_us, next_us, problem } => {
            (sqlx::query(FAILED).bind(id).bind(at_us).bind(next_us).bind(problem).execute(conn).await?, id)
        }
        MessageWrite::Again { id, at_us } => (sqlx::query(AGAIN).bind(id).bind(at_us).execute(conn).await?, id),
    };
    if done.rows_affected() == 0 {
        return Err(Setback::Refused(Error::NotFound { what: "message that this can be done with", id: id.clone() }));
    }
    Ok(1)
}

pub(crate) async fn prune(conn: &mut SqliteConnection, before_us: i64) -> Result<(), sqlx::Error> {
    sqlx::query(PRUNE).bind(before_us).execute(conn).await.map(drop)
}

fn read(row: &SqliteRow) -> Result<Message, sqlx::Error> {
    let state: &str = row.try_get(7)?;
    let unknown = || sqlx::Error::Protocol(format!("{state:?} is no state of a message"));
    Ok(Message {
        id: row.try_get(0)?,
        key: row.try_get(1)?,
        tenant: row.try_get(2)?,
        topic: row.try_get(3)?,
        channel: row.try_get(4)?,
        title: row.try_get(5)?,
        text: row.try_get(6)?,
        state: MessageState::of_id(state).ok_or_else(unknown)?,
        attempts: row.try_get(8)?,
        created_us: row.try_get(9)?,
        tried_us: row.try_get(10)?,
        next_us: row.try_get(11)?,
        problem: row.try_get(12)?,
        by: row.try_get(13)?,
    })
}

impl Store {
    /// The messages as they are written: checked, each with its id.
    pub(crate) fn queued(&self, new: Vec<NewMessage>, by: &str, now_us: i64) -> Result<Vec<MessageWrite>, Error> {
        let one = |m: NewMessage| {
            for (what, text, most) in [
                ("key", &m.key, LONGEST_KEY),
                ("topic", &m.topic, LONGEST_KEY),
                ("channel", &m.channel, LONGEST_KEY),
                ("title", &m.title, LONGEST_TITLE),
                ("text", &m.text, LONGEST_TEXT),
            ] {
                if text.trim().is_empty() || text.len() > most {
                    return Err(Error::Invalid {
                        what,
                        problem: format!("1 to {most} bytes are allowed in a message"),
                    });
                }
            }
            Ok(MessageWrite::Put(Message {
                id: format!("msg_{}", uuid::Uuid::now_v7().simple()),
                key: m.key,
                tenant: m.tenant,
                topic: m.topic,
                channel: m.channel,
                title: m.title,
                text: m.text,
                state: MessageState::Waiting,
                attempts: 0,
                created_us: now_us,
                tried_us: None,
                next_us: now_us,
                problem: None,
                by: by.to_owned(),
            }))
        };
        new.into_iter().map(one).collect()
    }

    /// Queues messages, and says how many of them are new: one whose key is there already is not queued again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong members; [`Error::QueueFull`] and the database's failures: then none was
    /// queued.
    pub async fn queue_messages(&self, new: Vec<NewMessage>, by: &str, now_us: i64) -> Result<usize, Error> {
        if new.is_empty() {
            return Ok(0);
        }
        let changes = self.queued(new, by, now_us)?.into_iter().map(|m| Change::Message(Box::new(m))).collect();
        let done = self.change(changes, Vec::new()).await?;
        Ok(done.effects.iter().filter(|e| e.number > 0).count())
    }

    /// Messages that are to be sent now, oldest first, at most `limit`. A clock that was set back holds none up: what was
    /// put off at a time that is still to come, or further than anything is, is due.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn due_messages(&self, now_us: i64, limit: u32) -> Result<Vec<Message>, Error> {
        let failed = |e| self.archive().failed("reading the outbox", e);
        let sql = format!(
            "{MESSAGE} WHERE state = 'waiting' AND (next_us <= ?1 OR next_us > ?2 OR COALESCE(tried_us, created_us) > ?1)
             ORDER BY next_us, id LIMIT ?3"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(now_us)
            .bind(now_us.saturating_add(LONGEST_WAIT_US))
            .bind(limit.min(MOST))
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }

    /// Notes that a message was sent.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not wait; the database's failures.
    pub async fn message_sent(&self, id: &str, now_us: i64) -> Result<(), Error> {
        self.message(MessageWrite::Sent { id: id.to_owned(), at_us: now_us }).await
    }

    /// Notes that a message could not be sent, and when it is tried again; never, where `next_us` is none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not wait; the database's failures.
    pub async fn message_failed(
        &self,
        id: &str,
        problem: &str,
        next_us: Option<i64>,
        now_us: i64,
    ) -> Result<(), Error> {
        let problem = problem.chars().take(LONGEST_PROBLEM).collect();
        self.message(MessageWrite::Failed { id: id.to_owned(), at_us: now_us, next_us, problem }).await
    }

    async fn message(&self, write: MessageWrite) -> Result<(), Error> {
        self.change(vec![Change::Message(Box::new(write))], Vec::new()).await.map(drop)
    }

    /// Lets a message that was given up wait again, with its record in the audit.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was not given up; the database's failures.
    pub async fn retry_message(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let mut entry = Entry::event(EntryKind::Admin, "message.retry", now_us, json!({ "id": id }));
        entry.key_id = Some(by.to_owned());
        let write = MessageWrite::Again { id: id.to_owned(), at_us: now_us };
        self.change(vec![Change::Message(Box::new(write))], vec![entry]).await.map(drop)
    }

    /// Records that somebody tried a channel.
    ///
    /// # Errors
    /// [`Error::QueueFull`] and the database's failures.
    pub async fn record_channel_test(&self, detail: Value, by: &str, now_us: i64) -> Result<(), Error> {
        let mut entry = Entry::event(EntryKind::Admin, "channel.test", now_us, detail);
        entry.key_id = Some(by.to_owned());
        self.change(Vec::new(), vec![entry]).await.map(drop)
    }

    /// Messages, newest first, at most `limit` (at most 500).
    ///
    /// # Errors
    /// The database's failures.
    pub async fn messages(&self, limit: u32) -> Result<Vec<Message>, Error> {
        let failed = |e| self.archive().failed("listing the outbox", e);
        let sql = format!("{MESSAGE} ORDER BY created_us DESC, id DESC LIMIT ?1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(limit.min(MOST))
            .fetch_all(self.archive().pool())
            .await
            .map_err(failed)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }
}
