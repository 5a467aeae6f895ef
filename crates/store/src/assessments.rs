//! What assessments keep: runs, each answer the moment it is there, and what people decided.
//!
//! It lies in a database file of its own beside the audit, `assess.db`: an assessment runs for hours and must neither
//! wait for the gateway's lock nor keep it. Decisions are appended and chained by SHA-256, so that one that was altered,
//! removed or moved is named by whoever walks the chain ([`DecisionRow::chained`]). Documents are JSON that only their
//! room understands.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;

use crate::error::Error;
use crate::{hex, sqlite, time};

const MIGRATIONS: &[(i64, &str, &str)] = &[(1, "assessments", include_str!("../migrations/assess_0001.sql"))];

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its id.
    pub id: String,
    /// When it was made, in microseconds since 1970.
    pub created_us: i64,
    /// What its maker calls it.
    pub name: String,
    /// How it stands.
    pub state: String,
    /// Everything else.
    pub document: Value,
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerRow {
    /// What it answers.
    pub key: String,
    /// When it came, in microseconds since 1970.
    pub at_us: i64,
    /// The answer and what the judges made of it.
    pub document: Value,
}

/// What a person decides.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDecision {
    /// Who.
    pub reviewer: String,
    /// On which answer.
    pub key: String,
    /// What.
    pub document: Value,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRow {
    /// Its place in the run's chain, from 1.
    pub seq: i64,
    /// When, in microseconds since 1970.
    pub at_us: i64,
    /// Who.
    pub reviewer: String,
    /// On which answer.
    pub key: String,
    /// What.
    pub document: Value,
    /// The hash of the decision before; of the first one, empty.
    pub previous: String,
    /// [`DecisionRow::chained`] over the rest.
    pub hash: String,
}

impl DecisionRow {
    /// SHA-256 over the run and every other member, each with its length.
    pub fn chained(&self, run: &str) -> String {
        let (seq, at, document) = (self.seq.to_string(), self.at_us.to_string(), self.document.to_string());
        let mut hasher = Sha256::new();
        for part in [run, &seq, &at, &self.reviewer, &self.key, &document, &self.previous] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hex::encode(&hasher.finalize())
    }
}

/// The memory of assessments.
#[derive(Debug, Clone)]
pub struct Assessments {
    path: PathBuf,
    pool: SqlitePool,
}

impl Assessments {
    /// Opens `assess.db` in the data folder, and makes both when they are not there. Several processes may have it open.
    ///
    /// # Errors
    /// When the folder or the database cannot be used.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        let (path, _, pool) = sqlite::open(dir, "assess.db", MIGRATIONS).await?;
        Ok(Assessments { path, pool })
    }

    fn failed(&self, doing: &'static str) -> impl Fn(sqlx::Error) -> Error + '_ {
        move |e| Error::database(doing, &self.path, e)
    }

    /// Writes a new run with files of its own, all or nothing.
    ///
    /// # Errors
    /// When it cannot be written, or one has this id.
    pub async fn create(&self, row: &RunRow, files: &[(&str, &[u8])]) -> Result<(), Error> {
        let failed = self.failed("writing a run");
        let mut tx = self.pool.begin().await.map_err(&failed)?;
        sqlx::query("INSERT INTO run (id, created_us, name, state, document) VALUES (?, ?, ?, ?, ?)")
            .bind(&row.id)
            .bind(row.created_us)
            .bind(&row.name)
            .bind(&row.state)
            .bind(row.document.to_string())
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
        for (name, bytes) in files {
            put(&mut tx, &row.id, name, bytes).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    /// Keeps files with a run, all or none; one of the same name is replaced.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn keep(&self, run: &str, files: &[(String, Vec<u8>)]) -> Result<(), Error> {
        let failed = self.failed("keeping a file");
        let mut tx = self.pool.begin().await.map_err(&failed)?;
        for (name, bytes) in files {
            put(&mut tx, run, name, bytes).await.map_err(&failed)?;
        }
        tx.commit().await.map_err(&failed)
    }

    /// A file of a run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn file(&self, run: &str, name: &str) -> Result<Option<Vec<u8>>, Error> {
        sqlx::query_scalar("SELECT bytes FROM file WHERE run = ? AND name = ?")
            .bind(run)
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("reading a file"))
    }

    /// The names of a run's files.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn files(&self, run: &str) -> Result<Vec<String>, Error> {
        sqlx::query_scalar("SELECT name FROM file WHERE run = ? ORDER BY name")
            .bind(run)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading files"))
    }

    /// Changes state and document of a run.
    ///
    /// # Errors
    /// When it cannot be written, or there is none.
    pub async fn update(&self, id: &str, state: &str, document: &Value) -> Result<(), Error> {
        let done = sqlx::query("UPDATE run SET state = ?, document = ? WHERE id = ?")
            .bind(state)
            .bind(document.to_string())
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(self.failed("writing a run"))?;
        if done.rows_affected() == 0 {
            return Err(Error::NotFound { what: "run", id: id.to_owned() });
        }
        Ok(())
    }

    /// A run, by its id or the only beginning of one.
    ///
    /// # Errors
    /// When there is none, several begin so, or it cannot be read.
    pub async fn run(&self, id: &str) -> Result<RunRow, Error> {
        let rows = sqlx::query("SELECT * FROM run WHERE id = ? OR substr(id, 1, length(?)) = ? LIMIT 2")
            .bind(id)
            .bind(id)
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading a run"))?;
        match rows.as_slice() {
            [row] if !id.is_empty() => run(row),
            [] => Err(Error::NotFound { what: "run", id: id.to_owned() }),
            _ => {
                Err(Error::Invalid { what: "run", problem: format!("several begin with {id:?}; give more of the id") })
            }
        }
    }

    /// All runs, latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn runs(&self) -> Result<Vec<RunRow>, Error> {
        let rows = sqlx::query("SELECT * FROM run ORDER BY created_us DESC, id")
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading runs"))?;
        rows.iter().map(run).collect()
    }

    /// Records an answer and returns when it is on disk. False: this key was recorded before, and what stands stays.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn record(&self, run: &str, answer: &AnswerRow) -> Result<bool, Error> {
        let done = sqlx::query("INSERT OR IGNORE INTO answer (run, key, at_us, document) VALUES (?, ?, ?, ?)")
            .bind(run)
            .bind(&answer.key)
            .bind(answer.at_us)
            .bind(answer.document.to_string())
            .execute(&self.pool)
            .await
            .map_err(self.failed("writing an answer"))?;
        Ok(done.rows_affected() > 0)
    }

    /// All answers of a run, by key.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn answers(&self, run: &str) -> Result<Vec<AnswerRow>, Error> {
        let rows = sqlx::query("SELECT key, at_us, document FROM answer WHERE run = ? ORDER BY key")
            .bind(run)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading answers"))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let document: String = row.try_get("document")?;
            Ok(AnswerRow { key: row.try_get("key")?, at_us: row.try_get("at_us")?, document: json(&document)? })
        };
        rows.iter().map(|row| read(row).map_err(self.failed("reading answers"))).collect()
    }

    /// Appends decisions to the chain of a run, all or none. They carry the time at which they are written.
    ///
    /// # Errors
    /// When they cannot be written: then none was.
    pub async fn decide(&self, run: &str, decisions: Vec<NewDecision>) -> Result<Vec<DecisionRow>, Error> {
        let failed = self.failed("writing decisions");
        // The lock comes first: two writers must not append to the same link.
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(&failed)?;
        let last = sqlx::query("SELECT seq, hash FROM decision WHERE run = ? ORDER BY seq DESC LIMIT 1")
            .bind(run)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&failed)?;
        let (mut seq, mut previous) = match last {
            Some(row) => (row.try_get("seq").map_err(&failed)?, row.try_get("hash").map_err(&failed)?),
            None => (0_i64, String::new()),
        };
        let at_us = time::now_us();
        let mut written = Vec::with_capacity(decisions.len());
        for NewDecision { reviewer, key, document } in decisions {
            seq += 1;
            let mut row = DecisionRow { seq, at_us, reviewer, key, document, previous, hash: String::new() };
            row.hash = row.chained(run);
            sqlx::query(
                "INSERT INTO decision (run, seq, at_us, reviewer, key, document, previous, hash) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(run)
            .bind(row.seq)
            .bind(row.at_us)
            .bind(&row.reviewer)
            .bind(&row.key)
            .bind(row.document.to_string())
            .bind(&row.previous)
            .bind(&row.hash)
            .execute(&mut *tx)
            .await
            .map_err(&failed)?;
            previous = row.hash.clone();
            written.push(row);
        }
        tx.commit().await.map_err(&failed)?;
        Ok(written)
    }

    /// All decisions of a run, in their order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn decisions(&self, run: &str) -> Result<Vec<DecisionRow>, Error> {
        let rows = sqlx::query("SELECT * FROM decision WHERE run = ? ORDER BY seq")
            .bind(run)
            .fetch_all(&self.pool)
            .await
            .map_err(self.failed("reading decisions"))?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let document: String = row.try_get("document")?;
            Ok(DecisionRow {
                seq: row.try_get("seq")?,
                at_us: row.try_get("at_us")?,
                reviewer: row.try_get("reviewer")?,
                key: row.try_get("key")?,
                document: json(&document)?,
                previous: row.try_get("previous")?,
                hash: row.try_get("hash")?,
            })
        };
        rows.iter().map(|row| read(row).map_err(self.failed("reading decisions"))).collect()
    }
}

async fn put(conn: &mut sqlx::SqliteConnection, run: &str, name: &str, bytes: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO file (run, name, bytes) VALUES (?, ?, ?)")
        .bind(run)
        .bind(name)
        .bind(bytes)
        .execute(conn)
        .await?;
    Ok(())
}

fn run(row: &sqlx::sqlite::SqliteRow) -> Result<RunRow, Error> {
    let read = || {
        let document: String = row.try_get("document")?;
        Ok(RunRow {
            id: row.try_get("id")?,
            created_us: row.try_get("created_us")?,
            name: row.try_get("name")?,
            state: row.try_get("state")?,
            document: json(&document)?,
        })
    };
    read().map_err(|e: sqlx::Error| Error::database("reading a run", Path::new("assess.db"), e))
}

fn json(text: &str) -> Result<Value, sqlx::Error> {
    serde_json::from_str(text).map_err(|e| sqlx::Error::Decode(Box::new(e)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decision(reviewer: &str, key: &str) -> NewDecision {
        NewDecision { reviewer: reviewer.into(), key: key.into(), document: json!({"label": "pass"}) }
    }

    #[tokio::test]
    async fn decisions_are_chained_and_never_changed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Assessments::open(dir.path()).await.unwrap();
        let row = RunRow { id: "r1".into(), created_us: 1, name: "n".into(), state: "s".into(), document: json!({}) };
        store.create(&row, &[("bank", b"1")]).await.unwrap();
        assert!(store.create(&row, &[("bank", b"2")]).await.is_err(), "an id is there once");
        assert_eq!(store.file("r1", "bank").await.unwrap().as_deref(), Some(&b"1"[..]));
        store.keep("r1", &[("declared".into(), b"x".to_vec())]).await.unwrap();
        assert_eq!(store.files("r1").await.unwrap(), ["bank", "declared"]);
        assert!(store.keep("nothing", &[("x".into(), Vec::new())]).await.is_err());
        assert_eq!(store.run("r").await.unwrap(), row);
        let answer = AnswerRow { key: "k".into(), at_us: 2, document: json!({"text": "好"}) };
        assert!(store.record("r1", &answer).await.unwrap());
        let other = AnswerRow { document: json!({"text": "别的"}), ..answer.clone() };
        assert!(!store.record("r1", &other).await.unwrap(), "what stands stays");
        assert_eq!(store.answers("r1").await.unwrap(), [answer]);

        store.decide("r1", vec![decision("a", "k"), decision("b", "k")]).await.unwrap();
        // Writers at once do not break the chain.
        let many = (0..8).map(|i| {
            let store = store.clone();
            tokio::spawn(async move { store.decide("r1", vec![decision(&i.to_string(), "k")]).await })
        });
        for task in many.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let all = store.decisions("r1").await.unwrap();
        assert_eq!(all.len(), 10);
        let mut previous = String::new();
        for (i, row) in all.iter().enumerate() {
            assert_eq!((row.seq, &row.previous, &row.hash), (i as i64 + 1, &previous, &row.chained("r1")));
            previous = row.hash.clone();
        }
        for sql in ["UPDATE decision SET reviewer = 'x'", "DELETE FROM decision"] {
            assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&store.pool).await.is_err(), "{sql}");
        }
        assert!(store.decide("nothing", vec![decision("a", "k")]).await.is_err());
    }
}
