//! What the red team keeps: campaigns, each attempt the moment it ends, and submissions to the range.
//!
//! It lies in a database file of its own beside the audit, `redteam.db`: a campaign writes thousands of rows a second
//! and must neither wait for the gateway's lock nor keep it. Attempts that end together share a commit; whoever records
//! one is answered when it is on disk. Documents are JSON that only their room understands; what is looked up has a
//! column.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection, Row as _};
use tokio::sync::{mpsc, oneshot};

use crate::error::Error;
use crate::{sqlite, time};

const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "campaigns", include_str!("../migrations/redteam_0001.sql"))];

/// Attempts that wait to be written before whoever records the next one waits, too.
const QUEUE: usize = 1024;
/// The most attempts in one commit.
const MAX_GROUP: usize = 256;

/// A campaign.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignRow {
    /// Its id.
    pub id: String,
    /// When it was made, in microseconds since 1970.
    pub created_us: i64,
    /// Its name.
    pub name: String,
    /// running, interrupted, spent, complete …: the red team's words.
    pub state: String,
    /// The plan.
    pub plan: Value,
    /// What is known of it so far.
    pub summary: Value,
}

/// An attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRow {
    /// The same for the same case.
    pub key: String,
    /// When it ended, in microseconds since 1970.
    pub ended_us: i64,
    /// How it ended.
    pub outcome: String,
    /// What was tried.
    pub instruction: String,
    /// How.
    pub technique: String,
    /// Everything.
    pub document: Value,
}

/// A vulnerability that somebody submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmissionRow {
    /// Its id.
    pub id: String,
    /// When it came in, in microseconds since 1970.
    pub created_us: i64,
    /// When it last changed.
    pub updated_us: i64,
    /// submitted, reproduced, confirmed, fixed …: the range's words.
    pub state: String,
    /// Which target of the range.
    pub range: String,
    /// Who found it.
    pub reporter: String,
    /// The same for the same vulnerability.
    pub fingerprint: String,
    /// In tenths, 0 to 100.
    pub score: Option<i64>,
    /// Everything.
    pub document: Value,
}

/// Something that happened to a submission. Appended, never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmissionEvent {
    /// Its place, from 0.
    pub seq: i64,
    /// When.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// What: submitted, replayed, graded, confirmed …
    pub event: String,
    /// More of it.
    pub document: Value,
}

/// A conversation with a target of the range.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// When it last changed, in microseconds since 1970.
    pub updated_us: i64,
    /// Which target of the range.
    pub range: String,
    /// Who talks.
    pub player: String,
    /// Everything that was said.
    pub document: Value,
}

struct Job {
    campaign: String,
    attempt: AttemptRow,
    reply: oneshot::Sender<Result<bool, Error>>,
}

/// The red team's memory.
#[derive(Debug, Clone)]
pub struct Campaigns {
    path: PathBuf,
    pool: SqlitePool,
    queue: mpsc::Sender<Job>,
}

impl Campaigns {
    /// Opens `redteam.db` in the data folder, and makes both when they are not there. Several processes may have it open.
    ///
    /// # Errors
    /// When the folder or the database cannot be used.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        let (path, conn, pool) = sqlite::open(dir, "redteam.db", MIGRATIONS).await?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(write(conn, jobs, path.clone()));
        Ok(Campaigns { path, pool, queue })
    }

    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Error + '_ {
        move |e| Error::database(doing, &self.path, e)
    }

    /// Writes a new campaign.
    ///
    /// # Errors
    /// When it cannot be written, or one has this id.
    pub async fn create(&self, row: &CampaignRow) -> Result<(), Error> {
        sqlx::query("INSERT INTO campaign (id, created_us, name, state, plan, summary) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&row.id)
            .bind(row.created_us)
            .bind(&row.name)
            .bind(&row.state)
            .bind(row.plan.to_string())
            .bind(row.summary.to_string())
            .execute(&self.pool)
            .await
            .map_err(self.failed("writing a campaign"))?;
        Ok(())
    }

    /// Changes state and summary of a campaign.
    ///
    /// # Errors
    /// When it cannot be written, or there is none.
    pub async fn update(&self, id: &str, state: &str, summary: &Value) -> Result<(), Error> {
        let done = sqlx::query("UPDATE campaign SET state = ?, summary = ? WHERE id = ?")
            .bind(state)
            .bind(summary.to_string())
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(self.failed("writing a campaign"))?;
        if done.rows_affected() == 0 {
            return Err(Error::NotFound { what: "campaign", id: id.to_owned() });
        }
        Ok(())
    }

    /// A campaign, by its id or the only beginning of one.
    ///
    /// # Errors
    /// When there is none, several begin so, or it cannot be read.
    pub async fn campaign(&self, id: &str) -> Result<CampaignRow, Error> {
        let rows = sqlx::query("SELECT * FROM campaign WHERE id = ? OR substr(id, 1, length(?)) = ? LIMIT 2")
            .bind(id)
            .bind(id)
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading a campaign"))?;
        match rows.as_slice() {
            [row] if !id.is_empty() => campaign(row),
            [] => Err(Error::NotFound { what: "campaign", id: id.to_owned() }),
            _ => Err(Error::Invalid {
                what: "campaign",
                problem: format!("several begin with {id:?}; give more of the id"),
            }),
        }
    }

    /// All campaigns, latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn campaigns(&self) -> Result<Vec<CampaignRow>, Error> {
        let rows = sqlx::query("SELECT * FROM campaign ORDER BY created_us DESC, id")
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading campaigns"))?;
        rows.iter().map(campaign).collect()
    }

    /// Records an attempt and returns when it is on disk. False: this key was recorded before, and what stands stays.
    ///
    /// # Errors
    /// When it cannot be written: then nothing of it was.
    pub async fn record(&self, campaign: &str, attempt: AttemptRow) -> Result<bool, Error> {
        let (reply, written) = oneshot::channel();
        let job = Job { campaign: campaign.to_owned(), attempt, reply };
        self.queue.send(job).await.map_err(|_| Error::Closed)?;
        written.await.map_err(|_| Error::Closed)?
    }

    /// The keys that are recorded.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn keys(&self, campaign: &str) -> Result<Vec<String>, Error> {
        sqlx::query_scalar("SELECT key FROM attempt WHERE campaign = ?")
            .bind(campaign)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading attempts"))
    }

    /// One attempt.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn attempt(&self, campaign: &str, key: &str) -> Result<Option<AttemptRow>, Error> {
        let row = sqlx::query("SELECT * FROM attempt WHERE campaign = ? AND key = ?")
            .bind(campaign)
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("reading an attempt"))?;
        row.as_ref().map(attempt).transpose()
    }

    /// All attempts of a campaign in the order in which they ended.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn attempts(&self, campaign: &str) -> Result<Vec<AttemptRow>, Error> {
        let rows = sqlx::query("SELECT * FROM attempt WHERE campaign = ? ORDER BY ended_us, key")
            .bind(campaign)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading attempts"))?;
        rows.iter().map(attempt).collect()
    }

    /// Writes a new submission with its first event.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn submit(&self, row: &SubmissionRow, actor: &str, event: &str, detail: &Value) -> Result<(), Error> {
        let failed = self.failed("writing a submission");
        let mut tx = self.pool.begin().await.map_err(&failed)?;
        sqlx::query(
            "INSERT INTO submission (id, created_us, updated_us, state, range, reporter, fingerprint, score, document) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&row.id)
        .bind(row.created_us)
        .bind(row.updated_us)
        .bind(&row.state)
        .bind(&row.range)
        .bind(&row.reporter)
        .bind(&row.fingerprint)
        .bind(row.score)
        .bind(row.document.to_string())
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        append(&mut tx, &row.id, actor, event, detail).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Changes a submission, with the event that tells of it.
    ///
    /// `from` is the state it must be in: of two who decide at once, one is told that it changed.
    ///
    /// # Errors
    /// When it cannot be written, there is none, or it is no longer in state `from`.
    pub async fn advance(
        &self,
        row: &SubmissionRow,
        from: &str,
        actor: &str,
        event: &str,
        detail: &Value,
    ) -> Result<(), Error> {
        let failed = self.failed("writing a submission");
        let mut tx = self.pool.begin().await.map_err(&failed)?;
        let done = sqlx::query(
            "UPDATE submission SET updated_us = ?, state = ?, fingerprint = ?, score = ?, document = ? \
             WHERE id = ? AND state = ?",
        )
        .bind(time::now_us())
        .bind(&row.state)
        .bind(&row.fingerprint)
        .bind(row.score)
        .bind(row.document.to_string())
        .bind(&row.id)
        .bind(from)
        .execute(&mut *tx)
        .await
        .map_err(&failed)?;
        if done.rows_affected() == 0 {
            return Err(Error::Invalid {
                what: "submission",
                problem: format!("{} is no longer in state {from}; read it again", row.id),
            });
        }
        append(&mut tx, &row.id, actor, event, detail).await.map_err(&failed)?;
        tx.commit().await.map_err(failed)
    }

    /// A submission.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub async fn submission(&self, id: &str) -> Result<SubmissionRow, Error> {
        let row = sqlx::query("SELECT * FROM submission WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("reading a submission"))?;
        row.as_ref()
            .map(submission)
            .transpose()?
            .ok_or_else(|| Error::NotFound { what: "submission", id: id.to_owned() })
    }

    /// Submissions, latest first; of one state, when it is given.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn submissions(&self, state: Option<&str>) -> Result<Vec<SubmissionRow>, Error> {
        let rows = sqlx::query("SELECT * FROM submission WHERE ?1 IS NULL OR state = ?1 ORDER BY created_us DESC, id")
            .bind(state)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading submissions"))?;
        rows.iter().map(submission).collect()
    }

    /// Writes a session, or what became of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep_session(&self, row: &SessionRow) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO session (id, updated_us, range, player, document) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET updated_us = excluded.updated_us, document = excluded.document",
        )
        .bind(&row.id)
        .bind(row.updated_us)
        .bind(&row.range)
        .bind(&row.player)
        .bind(row.document.to_string())
        .execute(&self.pool)
        .await
        .map_err(self.failed("writing a session"))?;
        Ok(())
    }

    /// A session.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub async fn session(&self, id: &str) -> Result<SessionRow, Error> {
        let row = sqlx::query("SELECT * FROM session WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("reading a session"))?
            .ok_or_else(|| Error::NotFound { what: "session", id: id.to_owned() })?;
        Ok(SessionRow {
            id: get(&row, "id")?,
            updated_us: get(&row, "updated_us")?,
            range: get(&row, "range")?,
            player: get(&row, "player")?,
            document: json(&row, "document")?,
        })
    }

    /// Everything that happened to a submission, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn history(&self, id: &str) -> Result<Vec<SubmissionEvent>, Error> {
        let rows = sqlx::query("SELECT * FROM submission_event WHERE submission = ? ORDER BY seq")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading a submission"))?;
        rows.iter()
            .map(|row| {
                Ok(SubmissionEvent {
                    seq: get(row, "seq")?,
                    at_us: get(row, "at_us")?,
                    actor: get(row, "actor")?,
                    event: get(row, "event")?,
                    document: json(row, "document")?,
                })
            })
            .collect()
    }
}

async fn append(
    conn: &mut SqliteConnection,
    submission: &str,
    actor: &str,
    event: &str,
    detail: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO submission_event (submission, seq, at_us, actor, event, document) \
         SELECT ?1, COALESCE(MAX(seq) + 1, 0), ?2, ?3, ?4, ?5 FROM submission_event WHERE submission = ?1",
    )
    .bind(submission)
    .bind(time::now_us())
    .bind(actor)
    .bind(event)
    .bind(detail.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

/// The one task that writes attempts: what waits together is committed together.
async fn write(mut conn: SqliteConnection, mut jobs: mpsc::Receiver<Job>, path: PathBuf) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while jobs.recv_many(&mut group, MAX_GROUP).await > 0 {
        let written = commit(&mut conn, &group).await.map_err(|e| Error::database("writing attempts", &path, e));
        match written {
            Ok(fresh) => {
                for (job, fresh) in group.drain(..).zip(fresh) {
                    let _ = job.reply.send(Ok(fresh));
                }
            }
            Err(error) => {
                for job in group.drain(..) {
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
        }
    }
    let _ = conn.close().await;
}

async fn commit(conn: &mut SqliteConnection, group: &[Job]) -> Result<Vec<bool>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let mut fresh = Vec::with_capacity(group.len());
    for job in group {
        let a = &job.attempt;
        let done = sqlx::query(
            "INSERT INTO attempt (campaign, key, ended_us, outcome, instruction, technique, document) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&job.campaign)
        .bind(&a.key)
        .bind(a.ended_us)
        .bind(&a.outcome)
        .bind(&a.instruction)
        .bind(&a.technique)
        .bind(a.document.to_string())
        .execute(&mut *tx)
        .await?;
        fresh.push(done.rows_affected() > 0);
    }
    tx.commit().await?;
    Ok(fresh)
}

type Row = sqlx::sqlite::SqliteRow;

fn get<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
    row: &'r Row,
    column: &'static str,
) -> Result<T, Error> {
    row.try_get(column).map_err(|e| Error::Unreadable { what: "row of the red team", problem: e.to_string() })
}

fn json(row: &Row, column: &'static str) -> Result<Value, Error> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text)
        .map_err(|e| Error::Unreadable { what: "document of the red team", problem: e.to_string() })
}

fn campaign(row: &Row) -> Result<CampaignRow, Error> {
    Ok(CampaignRow {
        id: get(row, "id")?,
        created_us: get(row, "created_us")?,
        name: get(row, "name")?,
        state: get(row, "state")?,
        plan: json(row, "plan")?,
        summary: json(row, "summary")?,
    })
}

fn attempt(row: &Row) -> Result<AttemptRow, Error> {
    Ok(AttemptRow {
        key: get(row, "key")?,
        ended_us: get(row, "ended_us")?,
        outcome: get(row, "outcome")?,
        instruction: get(row, "instruction")?,
        technique: get(row, "technique")?,
        document: json(row, "document")?,
    })
}

fn submission(row: &Row) -> Result<SubmissionRow, Error> {
    Ok(SubmissionRow {
        id: get(row, "id")?,
        created_us: get(row, "created_us")?,
        updated_us: get(row, "updated_us")?,
        state: get(row, "state")?,
        range: get(row, "range")?,
        reporter: get(row, "reporter")?,
        fingerprint: get(row, "fingerprint")?,
        score: get(row, "score")?,
        document: json(row, "document")?,
    })
}
