//! Root keys over time. The key in force is outside of the database; those before it are inside, each wrapped by it, so
//! that one key opens everything. A record is sealed with the key that was in force at its place: whoever has an old key
//! cannot write what came after it, and the first record under a new key holds the hash of all before.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::text_keys;
use crate::archive::key_path;
use crate::chain;
use crate::cipher::{Key, Ring};
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::files::{self, Lock};
use crate::options::{KeySource, TextRetention};
use crate::{schema, store, time, verify, writer};

/// A root key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyEra {
    /// Its public id.
    pub id: String,
    /// From which record on it seals.
    pub from_seq: u64,
    /// Since when, RFC 3339; of a first key that was never changed, when the folder was made.
    pub since: Option<String>,
    /// Who put it in force.
    pub by: Option<String>,
    /// Whether it is the one in force.
    pub in_force: bool,
}

/// What a change of the root key did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotated {
    /// Id of the key before.
    pub from: String,
    /// Id of the key now in force.
    pub to: String,
    /// The record that tells of it, the first one sealed with the new key.
    pub seq: u64,
    /// Keys of texts that were wrapped anew.
    pub text_keys: u64,
    /// Other sealed columns that were sealed anew: second factors, texts of reviews.
    pub resealed: u64,
    /// Texts of the audit from before there were keys for each user: they stay under the key of their time.
    pub under_old_key: u64,
}

fn place(id: &str, from_seq: u64) -> String {
    format!("root key/{id}/{from_seq}")
}

const ERAS: &str = "SELECT id, from_seq, since_us, by, wrapped FROM key_eras ORDER BY from_seq";
const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'key_eras')";

/// The ring of the key in force, with those before it.
pub(crate) async fn ring(conn: &mut SqliteConnection, key: &Key) -> Result<Result<Ring, Error>, sqlx::Error> {
    Ok(keys(conn, key).await?.map(|keys| Ring::of(keys.iter().map(|(from, key)| key.era(*from)).collect())))
}

/// All root keys with the place from which on each seals.
async fn keys(conn: &mut SqliteConnection, key: &Key) -> Result<Result<Vec<(u64, Key)>, Error>, sqlx::Error> {
    let wrong = || Ok(Err(Error::Sealed { what: "list of root keys" }));
    // A copy of an older layout, kept as evidence, has none.
    if !sqlx::query_scalar::<_, bool>(KNOWN).fetch_one(&mut *conn).await? {
        return Ok(Ok(vec![(0, key.clone())]));
    }
    let alone = key.ring();
    let mut keys = Vec::new();
    let mut in_force = false;
    for row in sqlx::query(ERAS).fetch_all(conn).await? {
        let (id, from): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (from, wrapped): (u64, &[u8]) = (u64::try_from(from).unwrap_or(u64::MAX), row.try_get(4)?);
        let Ok(opened) = alone.decrypt("root key", &place(&id, from), wrapped).map(zeroize::Zeroizing::new) else {
            return wrong();
        };
        if id == key.id() {
            in_force = true;
            keys.push((from, key.clone()));
        } else {
            match Key::from_bytes(&opened).filter(|old| old.id() == id) {
                Some(old) => keys.push((from, old)),
                None => return wrong(),
            }
        }
    }
    if keys.is_empty() {
        keys.push((0, key.clone()));
    } else if !in_force {
        return wrong();
    }
    Ok(Ok(keys))
}

/// The root keys, oldest first.
pub(super) async fn list(conn: &mut SqliteConnection, key_id: &str) -> Result<Vec<KeyEra>, sqlx::Error> {
    let mut eras = Vec::new();
    for row in sqlx::query(ERAS).fetch_all(&mut *conn).await? {
        let (id, from): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let since = Some(row.try_get(2)?).filter(|us: &i64| *us > 0).map(time::rfc3339);
        let in_force = id == key_id;
        eras.push(KeyEra { id, from_seq: u64::try_from(from).unwrap_or(0), since, by: row.try_get(3)?, in_force });
    }
    if eras.is_empty() {
        let since: Option<i64> =
            sqlx::query_scalar("SELECT at_us FROM audit WHERE seq = 0").fetch_optional(conn).await?;
        let id = key_id.to_owned();
        eras.push(KeyEra { id, from_seq: 0, since: since.map(time::rfc3339), by: None, in_force: true });
    }
    Ok(eras)
}

fn next_to(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    path.with_file_name(name)
}

/// After a crash between the commit and the change of files: the new key's file takes its place.
pub(crate) fn finish(path: &Path, expected: &str) -> Result<Option<Key>, Error> {
    let next = next_to(path);
    match files::read_key(&next)? {
        Some(key) if key.id() == expected => {
            change_files(path, &next)?;
            Ok(Some(key))
        }
        _ => Ok(None),
    }
}

/// The old key's file keeps its key under its id: backups from before need it.
fn change_files(path: &Path, next: &Path) -> Result<(), Error> {
    let failed = |e| Error::file("putting the new key in the place of", path, e);
    if let Some(old) = files::read_key(path)? {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", old.id()));
        std::fs::rename(path, path.with_file_name(name)).map_err(failed)?;
    }
    std::fs::rename(next, path).and_then(|()| files::sync_folder(path)).map_err(failed)
}

/// Puts a new root key in force, in a folder that no process has open. With `next`, that key, which the caller keeps;
/// without, a fresh one, written into the key's file, while the old key stays beside it under its id.
///
/// In one transaction: earlier root keys and the keys of texts are wrapped anew, the anchor of retention is sealed anew,
/// and a record tells of it. No row of the audit changes.
///
/// # Errors
/// [`Error::InUse`], the key's errors, [`Error::Tampered`] when audit and head do not fit, [`Error::Invalid`] when the
/// source needs `next` and there is none; the disk's and the database's failures. Then the old key stays in force.
pub async fn rotate(dir: &Path, source: &KeySource, next: Option<Key>, by: &str) -> Result<Rotated, Error> {
    let database = schema::database_path(dir);
    if !database.exists() {
        return Err(Error::NotFound { what: "database", id: database.display().to_string() });
    }
    let _lock = Lock::take(dir)?;
    let mut conn = schema::open_writer(&database, None).await?;
    let failed = |e| Error::database("changing the key", &database, e);
    let old = store::find_key(dir, source, &mut conn).await?;
    let old_keys = keys(&mut conn, &old).await.map_err(failed)??;
    let old_ring = Ring::of(old_keys.iter().map(|(from, key)| key.era(*from)).collect());
    let head_path = files::head_path(dir);
    let end = verify::check_tail(&mut conn, files::read_head(&head_path, Some(&old_ring))?, &old_ring).await;
    let end = end.map_err(failed)?;
    if let Some(broken) = end.broken {
        return Err(Error::Tampered { problem: broken.to_string() });
    }
    let path = match source {
        KeySource::Given(_) => None,
        KeySource::Folder => Some(key_path(dir)),
        KeySource::File(path) => Some(path.clone()),
    };
    let (new, waiting) = match (next, path) {
        (Some(key), _) => (key, None),
        (None, Some(path)) => {
            let waiting = next_to(&path);
            // What an attempt before left behind was never in force, or opening would have finished it.
            if waiting.exists() {
                std::fs::remove_file(&waiting).map_err(|e| Error::file("removing", &waiting, e))?;
            }
            (files::create_key(&waiting)?, Some((path, waiting)))
        }
        (None, None) => {
            let problem = "the key is given from outside: give the new one, too".to_owned();
            return Err(Error::Invalid { what: "new key", problem });
        }
    };
    if old_keys.iter().any(|(_, key)| key.id() == new.id()) {
        let problem = "this key is or was in force already; make one with `openssl rand -hex 32`".to_owned();
        return Err(Error::Invalid { what: "new key", problem });
    }
    let from_seq = end.head.map_or(0, |h| h.seq + 1);
    let mut eras: Vec<_> = old_keys.iter().map(|(from, key)| key.era(*from)).collect();
    eras.push(new.era(from_seq));
    let ring = Ring::of(eras);
    let change = Change { old: &old, old_ring: &old_ring, new: &new, ring: &ring, keys: &old_keys, by };
    let (rotated, head) = change.run(&mut conn, end.head, from_seq).await.map_err(failed)??;
    if let Some((path, waiting)) = waiting {
        change_files(&path, &waiting)?;
    }
    files::write_head(&head_path, head, &ring)?;
    Ok(rotated)
}

struct Change<'a> {
    old: &'a Key,
    old_ring: &'a Ring,
    new: &'a Key,
    ring: &'a Ring,
    keys: &'a [(u64, Key)],
    by: &'a str,
}

impl Change<'_> {
    async fn run(
        &self,
        conn: &mut SqliteConnection,
        end: Option<files::Head>,
        from_seq: u64,
    ) -> Result<Result<(Rotated, files::Head), Error>, sqlx::Error> {
        const META: &str = "UPDATE meta SET value = ?1 WHERE name = 'key_id'";
        const LEGACY: &str = "SELECT COUNT(*) FROM audit WHERE text_mode = 1 AND substr(input, 1, 1) = x'01'";
        let now_us = time::now_us();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
        let keys = match self.wrap_roots(conn, from_seq, now_us).await? {
            Ok(()) => self.wrap_text_keys(conn).await?,
            Err(e) => Err(e),
        };
        let resealed = self.reseal_columns(conn).await?;
        let (text_keys, resealed) = match (keys, resealed) {
            (Ok(keys), Ok(resealed)) => (keys, resealed),
            (Err(e), _) | (_, Err(e)) => {
                sqlx::query("ROLLBACK").execute(conn).await?;
                return Ok(Err(e));
            }
        };
        if let Some(Ok(anchor)) = verify::read_anchor(conn).await? {
            const SEAL: &str = "UPDATE audit_anchor SET seal = ?1";
            let seal = chain::anchor_seal(self.ring, anchor.through, &anchor.hash, anchor.pruned, anchor.pruned_us);
            sqlx::query(SEAL).bind(seal.to_vec()).execute(&mut *conn).await?;
        }
        sqlx::query(META).bind(self.new.id()).execute(&mut *conn).await?;
        let under_old_key: i64 = sqlx::query_scalar(LEGACY).fetch_one(&mut *conn).await?;
        let rotated = Rotated {
            from: self.old.id(),
            to: self.new.id(),
            seq: from_seq,
            text_keys,
            resealed,
            under_old_key: under_old_key.max(0) as u64,
        };
        let mut entry = Entry::event(EntryKind::Admin, "key.rotate", now_us, json!(rotated));
        entry.key_id = Some(self.by.to_owned());
        let row = match entry.into_row(TextRetention::Omitted, None) {
            Ok(row) => row,
            Err(e) => return Ok(Err(e)),
        };
        let mut tail = writer::tail(end, self.ring);
        let (seq, hash) = tail.append(conn, &row).await?;
        sqlx::query("COMMIT").execute(conn).await?;
        Ok(Ok((rotated, files::Head { seq, hash })))
    }

    async fn wrap_roots(
        &self,
        conn: &mut SqliteConnection,
        from_seq: u64,
        now_us: i64,
    ) -> Result<Result<(), Error>, sqlx::Error> {
        const PUT: &str = "INSERT INTO key_eras (id, from_seq, since_us, by, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (id) DO UPDATE SET wrapped = excluded.wrapped";
        let genesis: i64 =
            sqlx::query_scalar("SELECT COALESCE(MIN(at_us), 0) FROM audit WHERE seq = 0").fetch_one(&mut *conn).await?;
        let alone = self.new.ring();
        let old = self.keys.iter().map(|(from, key)| (*from, key, genesis, "setup"));
        for (from, key, since, by) in old.chain([(from_seq, self.new, now_us, self.by)]) {
            // Of the key in force nothing is kept but the proof that its place was not altered.
            let bytes: &[u8] = if key.id() == self.new.id() { &[] } else { key.bytes() };
            let wrapped = match alone.encrypt(&place(&key.id(), from), bytes) {
                Ok(wrapped) => wrapped,
                Err(e) => return Ok(Err(e)),
            };
            sqlx::query(PUT)
                .bind(key.id())
                .bind(from as i64)
                .bind(since)
                .bind(by)
                .bind(wrapped)
                .execute(&mut *conn)
                .await?;
        }
        Ok(Ok(()))
    }

    async fn wrap_text_keys(&self, conn: &mut SqliteConnection) -> Result<Result<u64, Error>, sqlx::Error> {
        const SOME: &str = "SELECT id, wrapped FROM text_keys WHERE id > ?1 ORDER BY id LIMIT 1000";
        const PUT: &str = "UPDATE text_keys SET wrapped = ?2 WHERE id = ?1";
        let (mut last, mut count) = (Vec::new(), 0);
        loop {
            let rows = sqlx::query(SOME).bind(&last).fetch_all(&mut *conn).await?;
            if rows.is_empty() {
                return Ok(Ok(count));
            }
            for row in &rows {
                let (id, wrapped): (Vec<u8>, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
                let place = text_keys::place(&id);
                let anew = self
                    .old_ring
                    .decrypt("key of texts", &place, wrapped)
                    .map(zeroize::Zeroizing::new)
                    .and_then(|key| self.ring.encrypt(&place, &key));
                match anew {
                    Ok(anew) => sqlx::query(PUT).bind(&id).bind(anew).execute(&mut *conn).await?,
                    Err(e) => return Ok(Err(e)),
                };
                count += 1;
                last = id;
            }
        }
    }

    /// Seals anew what lies outside of the chain.
    async fn reseal_columns(&self, conn: &mut SqliteConnection) -> Result<Result<u64, Error>, sqlx::Error> {
        let mut count = 0;
        for sealed in super::holdings::SEALED {
            match sealed.reseal(conn, self.old_ring, self.ring).await? {
                Ok(n) => count += n,
                Err(e) => return Ok(Err(e)),
            }
        }
        Ok(Ok(count))
    }
}
