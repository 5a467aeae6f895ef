//! A data folder to try things on, and an attacker's access to it.

use std::path::Path;

use menshen_store::{Archive, Broken, Entry, KeySource, Options, Store, Text, VerifyReport};
use menshen_verdict::{Action, Outcome, Side};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Row, TypeInfo, ValueRef};
use tempfile::TempDir;
use uuid::Uuid;

/// 2025-01-01T00:00:00Z.
pub(crate) const NOW: i64 = 1_735_689_600_000_000;
pub(crate) const DAY: i64 = 86_400_000_000;

/// A record with every field filled.
pub(crate) fn full_entry(n: i64) -> Entry {
    let mut entry = Entry::request(Uuid::now_v7(), NOW + n);
    entry.event = Some(format!("event{n}"));
    entry.tenant = Some("acme".into());
    entry.app = Some("shop".into());
    entry.key_id = Some("k1".into());
    entry.user = Some(format!("user{n}"));
    entry.api = Some("chat".into());
    entry.model = Some("m".into());
    entry.side = Some(Side::Input);
    entry.outcome = Some(Outcome::Intervened);
    entry.action = Some(Action::Guide);
    entry.rule = Some("cn/medical-advice@3".into());
    entry.answer_ref = Some("cn/a@1".into());
    entry.status = Some(200);
    entry.packs = json!({"cn": "2026.11.1"});
    entry.verdict = json!({"risk": {"score": 0.5}});
    entry.attempts = json!([{"upstream": "a", "status": 502}]);
    entry.timings = json!({"keywords": 9});
    entry.text = Some(Text::Plain { input: format!("问题{n}"), output: format!("回答{n}") });
    entry.error = Some("upstream cut the answer".into());
    entry
}

pub(crate) async fn open(dir: &Path) -> Store {
    Store::open(dir, Options::default()).await.unwrap()
}

/// A closed folder with the genesis record and `rows` full ones.
pub(crate) async fn filled(rows: i64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 1..=rows {
        store.record(full_entry(n)).await.unwrap();
    }
    store.close().await.unwrap();
    dir
}

pub(crate) fn copy(dir: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        // A store that runs replaces its head by renaming another file: that one may be gone by now.
        match std::fs::copy(file.path(), to.path().join(file.file_name())) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => {
                copied.unwrap();
            }
        }
    }
    to
}

/// Waits until the head of a folder in use has caught up with its last record: it follows a commit, a moment later.
pub(crate) async fn settled(dir: &Path) {
    while verify(copy(dir).path()).await.head_behind > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A connection as anybody with a copy of SQLite has it.
pub(crate) async fn raw(dir: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join("menshen.db")).connect().await.unwrap()
}

/// The same, with the guards taken away.
pub(crate) async fn unguarded(dir: &Path) -> SqliteConnection {
    let mut conn = raw(dir).await;
    let triggers: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut conn).await.unwrap();
    for trigger in triggers {
        run(&mut conn, &format!("DROP TRIGGER {trigger}")).await;
    }
    conn
}

pub(crate) async fn run(conn: &mut SqliteConnection, sql: &str) -> u64 {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(conn)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .rows_affected()
}

/// Runs statements on an unguarded copy of the folder.
pub(crate) async fn tampered(dir: &Path, statements: &[&str]) -> TempDir {
    let copy = copy(dir);
    let mut conn = unguarded(copy.path()).await;
    for sql in statements {
        run(&mut conn, sql).await;
    }
    conn.close().await.unwrap();
    copy
}

pub(crate) async fn verify(dir: &Path) -> VerifyReport {
    let archive = Archive::open(dir, &KeySource::Folder).await.unwrap();
    let report = archive.verify().await.unwrap();
    archive.close().await;
    report
}

pub(crate) async fn broken(dir: &Path) -> Broken {
    verify(dir).await.broken.unwrap_or_else(|| panic!("nothing was noticed"))
}

/// Recomputes every row's hash after the documented encoding, from what SQL says and from nothing else, and stores it:
/// what somebody without the key can do. Returns the rows whose hash was another.
pub(crate) async fn rewrite_chain(conn: &mut SqliteConnection) -> Vec<i64> {
    let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch_all(&mut *conn).await.unwrap();
    let mut previous = vec![0u8; 32];
    let mut changed = Vec::new();
    for row in rows {
        let seq: i64 = row.get("seq");
        let mut hasher = Sha256::new();
        hasher.update(b"menshen audit row v1\0");
        hasher.update(&previous);
        hasher.update(seq.to_le_bytes());
        for column in row.columns() {
            if ["seq", "hash", "seal"].contains(&column.name()) {
                continue;
            }
            let at = column.ordinal();
            let value = row.try_get_raw(at).unwrap();
            let (tag, bytes) = match value.type_info().name() {
                _ if value.is_null() => (0u8, Vec::new()),
                "INTEGER" => (1, row.get::<i64, _>(at).to_le_bytes().to_vec()),
                "TEXT" => (2, row.get::<String, _>(at).into_bytes()),
                "BLOB" => (3, row.get::<Vec<u8>, _>(at)),
                other => panic!("column type {other}"),
            };
            hasher.update([tag]);
            if tag >= 2 {
                hasher.update((bytes.len() as u64).to_le_bytes());
            }
            hasher.update(&bytes);
        }
        let hash = hasher.finalize().to_vec();
        if row.get::<Vec<u8>, _>("hash") != hash {
            changed.push(seq);
            sqlx::query("UPDATE audit SET hash = ? WHERE seq = ?")
                .bind(&hash)
                .bind(seq)
                .execute(&mut *conn)
                .await
                .unwrap();
        }
        previous = hash;
    }
    changed
}
