//! A copy of the data folder, made while it serves. Databases are copied as they stand at one moment (`VACUUM INTO`), each
//! with the head that the audit had just before; everything else is copied as files. The manifest names each file with
//! its SHA-256 and is sealed with the root key. Keys are left out, unless a passphrase is given to lock them with.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use zeroize::Zeroizing;

use crate::cipher::{self, Key, Ring};
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::files::{self, HeadFile};
use crate::options::KeySource;
use crate::store::Store;
use crate::{Head, archive, hex, schema, time};

/// The name of the manifest, and of the locked key.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const LOCKED_KEY: &str = "key.locked.json";
pub(super) const FORMAT: &str = "menshen-backup/1";
/// Notes of backups, one a line, in the data folder.
const LOG: &str = "backups.jsonl";
/// The most of the log that is read, and the most notes that are shown.
const LOG_BYTES: u64 = 256 << 10;
const LOG_NOTES: usize = 100;
/// How deep folders within the data folder are followed.
const DEEPEST: usize = 8;
/// Memory in KiB, passes, lanes: a passphrase is tried offline, so more than for a sign-in (RFC 9106 §4, second choice).
const COST: (u32, u32, u32) = (64 * 1024, 3, 1);
/// The fewest characters of a passphrase.
const SHORTEST: usize = 12;

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its path within the backup, with `/`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// `menshen-backup/1`.
    pub format: String,
    /// The version that made it.
    pub version: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// Id of the key that opens it.
    pub key_id: Option<String>,
    /// Whether the key is in it, locked with a passphrase.
    pub key_included: bool,
    /// The last record of the audit that is surely in it, and its hash.
    pub head_seq: Option<u64>,
    /// The hash.
    pub head_hash: Option<String>,
    /// All files but this one.
    pub files: Vec<BackupFile>,
    /// HMAC of the rest with the root key; absent when the backup was made without the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

impl BackupManifest {
    pub(super) fn seal_with(&self, ring: &Ring) -> String {
        let bare = BackupManifest { seal: None, ..self.clone() };
        hex::encode(&ring.seal("backup", &[json!(bare).to_string().as_bytes()]))
    }

    /// All of it, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A note of a backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupNote {
    /// When, RFC 3339.
    pub at: String,
    /// Where to.
    pub target: String,
    /// How large it is.
    pub bytes: u64,
    /// The last record that is surely in it.
    pub seq: Option<u64>,
    /// Whether the key is in it.
    pub key_included: bool,
    /// Who made it.
    pub by: String,
}

/// The key, locked.
#[derive(Serialize, Deserialize)]
pub(super) struct LockedKey {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    key_id: String,
    sealed: String,
}

impl LockedKey {
    fn lock(key: &Key, passphrase: &str) -> Result<Self, Error> {
        if passphrase.chars().count() < SHORTEST {
            let problem = format!("give at least {SHORTEST} characters");
            return Err(Error::Invalid { what: "passphrase", problem });
        }
        let mut salt = [0; 16];
        cipher::random(&mut salt)?;
        let by = stretch(passphrase, &salt, COST)?;
        let sealed = cipher::encrypt(&by, &[3], &format!("backup key/{}", key.id()), key.bytes())?;
        Ok(LockedKey {
            kdf: "argon2id".to_owned(),
            memory_kib: COST.0,
            passes: COST.1,
            lanes: COST.2,
            salt: hex::encode(&salt),
            key_id: key.id(),
            sealed: hex::encode(&sealed),
        })
    }

    pub(super) fn unlock(&self, passphrase: &str) -> Result<Key, Error> {
        let bad = |problem: &str| Error::BadKey { origin: LOCKED_KEY.to_owned(), problem: problem.to_owned() };
        // What a stranger wrote must not take all memory: twice what we use is plenty.
        let cost = (self.memory_kib, self.passes, self.lanes);
        if self.kdf != "argon2id" || cost.0 > 2 * COST.0 || cost.1 > 2 * COST.1 || cost.2 > 4 {
            return Err(bad("it is not locked as this version locks keys"));
        }
        let mut salt = [0; 16];
        hex::decode(&self.salt, &mut salt).ok_or_else(|| bad("its salt cannot be read"))?;
        let mut sealed = vec![0; self.sealed.len() / 2];
        hex::decode(&self.sealed, &mut sealed).ok_or_else(|| bad("it cannot be read"))?;
        let by = stretch(passphrase, &salt, cost)?;
        let opened = cipher::decrypt(&by, &[3], "key", &format!("backup key/{}", self.key_id), &sealed)
            .map(Zeroizing::new)
            .map_err(|_| bad("the passphrase is not the one it was locked with, or the file was altered"))?;
        Key::from_bytes(&opened).ok_or_else(|| bad("it holds no key"))
    }
}

fn stretch(passphrase: &str, salt: &[u8], cost: (u32, u32, u32)) -> Result<Zeroizing<[u8; 32]>, Error> {
    let cannot = |e: argon2::Error| Error::BadKey { origin: LOCKED_KEY.to_owned(), problem: e.to_string() };
    let params = Params::new(cost.0, cost.1, cost.2, Some(32)).map_err(cannot)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *out)
        .map_err(cannot)?;
    Ok(out)
}

/// Copies the data folder `dir` to the folder `to`, which must not be there or be empty; a running gateway goes on. With
/// a passphrase, the key is put in, locked with it.
///
/// # Errors
/// [`Error::NotFound`] without a database, [`Error::Invalid`] when `to` holds something or the passphrase is too short,
/// [`Error::KeyMissing`] when a passphrase is given and there is no key, the key's errors, [`Error::Full`] and other
/// failures of the disk and the database. What was begun is removed.
pub async fn backup(dir: &Path, to: &Path, key: &KeySource, passphrase: Option<&str>) -> Result<BackupManifest, Error> {
    if !schema::database_path(dir).exists() {
        return Err(Error::NotFound { what: "database", id: schema::database_path(dir).display().to_string() });
    }
    must_be_empty(to)?;
    let archive = archive::Archive::open(dir, key).await?;
    let ring = archive.ring().cloned();
    archive.close().await;
    let key = archive::find(dir, key)?;
    let part = part_of(to);
    let made = fill(dir, &part, key.as_ref(), ring.as_ref(), passphrase).await;
    let made = made.and_then(|manifest| {
        put_in_place(&part, to)?;
        Ok(manifest)
    });
    if made.is_err() {
        let _ = std::fs::remove_dir_all(&part);
    }
    made
}

/// The folder in which something is made before it gets its name.
pub(super) fn part_of(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    to.with_file_name(name)
}

pub(super) fn put_in_place(part: &Path, to: &Path) -> Result<(), Error> {
    if to.exists() {
        std::fs::remove_dir(to).map_err(|e| Error::file("replacing the empty folder", to, e))?;
    }
    std::fs::rename(part, to).and_then(|()| files::sync_folder(to)).map_err(|e| Error::file("naming", to, e))
}

pub(super) fn must_be_empty(to: &Path) -> Result<(), Error> {
    let taken = |problem: &str| Err(Error::Invalid { what: "target", problem: format!("{} {problem}", to.display()) });
    match std::fs::read_dir(to) {
        Ok(mut there) => match there.next() {
            Some(_) => taken("is not empty; name a folder that is not there yet"),
            None => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => taken("is a file; name a folder"),
        Err(e) => Err(Error::file("looking into", to, e)),
    }
}

async fn fill(
    dir: &Path,
    part: &Path,
    key: Option<&Key>,
    ring: Option<&Ring>,
    passphrase: Option<&str>,
) -> Result<BackupManifest, Error> {
    let made_at = time::rfc3339(time::now_us());
    if part.exists() {
        std::fs::remove_dir_all(part).map_err(|e| Error::file("removing what an earlier attempt left in", part, e))?;
    }
    files::make_folder(part)?;
    let mut files = Vec::new();
    // The head first: what the database then holds is at least as new.
    let head = match files::read_head(&files::head_path(dir), ring)? {
        HeadFile::Read(head) => Some(head),
        _ => None,
    };
    let mut names = Vec::new();
    list(dir, Path::new(""), 0, &mut names)?;
    names.sort();
    let (databases, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_database(name));
    for name in others.iter().filter(|name| name.as_str() == "audit.head").chain(&databases) {
        let (from, to) = (dir.join(name), part.join(name));
        if is_database(name) {
            copy_database(&from, &to).await?
        } else {
            copy_file(&from, &to)?
        }
        files.push(sum(part, name)?);
    }
    for name in others.iter().filter(|name| name.as_str() != "audit.head") {
        copy_file(&dir.join(name), &part.join(name))?;
        files.push(sum(part, name)?);
    }
    if let Some(passphrase) = passphrase {
        let key = key.ok_or_else(|| Error::KeyMissing { path: archive::key_path(dir) })?;
        let locked = LockedKey::lock(key, passphrase)?;
        write(&part.join(LOCKED_KEY), json!(locked).to_string().as_bytes())?;
        files.push(sum(part, LOCKED_KEY)?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let Head { seq, hash } = head.unwrap_or(Head { seq: 0, hash: [0; 32] });
    let mut manifest = BackupManifest {
        format: FORMAT.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        key_id: key.map(Key::id),
        key_included: passphrase.is_some(),
        head_seq: head.map(|_| seq),
        head_hash: head.map(|_| hex::encode(&hash)),
        files,
        seal: None,
    };
    manifest.seal = ring.map(|ring| manifest.seal_with(ring));
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default();
    write(&part.join(MANIFEST), text.as_bytes())?;
    Ok(manifest)
}

fn is_database(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == "db")
}

/// The files of a data folder that belong into a backup: no keys, no locks, nothing that SQLite keeps beside databases.
fn list(dir: &Path, below: &Path, depth: usize, names: &mut Vec<String>) -> Result<(), Error> {
    let folder = dir.join(below);
    let failed = |e| Error::file("listing", &folder, e);
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = below.join(&name);
        if kind.is_dir() && depth < DEEPEST {
            list(dir, &path, depth + 1, names)?;
        } else if kind.is_file() && belongs(&name) {
            names.extend(path.to_str().map(|p| p.replace(std::path::MAIN_SEPARATOR, "/")));
        }
    }
    Ok(())
}

fn belongs(name: &str) -> bool {
    let ends = [".tmp", ".next", ".part", ".lock", ".key", ".pem", "-wal", "-shm", "-journal"];
    !ends.iter().any(|end| name.ends_with(end)) && !name.starts_with("audit.key") && name != LOG && name != MANIFEST
}

async fn copy_database(from: &Path, to: &Path) -> Result<(), Error> {
    let failed = |e| Error::database("copying", from, e);
    make_parent(to)?;
    files::make_private(to)?;
    let mut conn = SqliteConnectOptions::new()
        .filename(from)
        .read_only(true)
        .busy_timeout(std::time::Duration::from_secs(10))
        .disable_statement_logging()
        .connect()
        .await
        .map_err(failed)?;
    let into = sqlx::query("VACUUM INTO ?1").bind(to.display().to_string()).execute(&mut conn).await;
    let _ = conn.close().await;
    into.map_err(failed)?;
    std::fs::File::open(to).and_then(|f| f.sync_all()).map_err(|e| Error::file("writing", to, e))
}

fn make_parent(to: &Path) -> Result<(), Error> {
    to.parent().map_or(Ok(()), files::make_folder)
}

pub(super) fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    make_parent(to)?;
    files::make_private(to)?;
    let mut source = std::fs::File::open(from).map_err(|e| Error::file("reading", from, e))?;
    let mut target = std::fs::File::create(to).map_err(|e| Error::file("writing", to, e))?;
    std::io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(|e| Error::file("writing", to, e))
}

fn write(to: &Path, bytes: &[u8]) -> Result<(), Error> {
    files::make_private(to)?;
    std::fs::File::create(to)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|e| Error::file("writing", to, e))
}

pub(super) fn sum(folder: &Path, name: &str) -> Result<BackupFile, Error> {
    let path = folder.join(name);
    let failed = |e| Error::file("reading", &path, e);
    let mut file = std::fs::File::open(&path).map_err(failed)?;
    let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 256 << 10]);
    loop {
        let n = file.read(&mut piece).map_err(failed)?;
        if n == 0 {
            return Ok(BackupFile { name: name.to_owned(), bytes, sha256: hex::encode(&hash.finalize()) });
        }
        bytes += n as u64;
        hash.update(piece.get(..n).unwrap_or_default());
    }
}

/// Notes in the data folder `dir` that a backup was made, so that people see it. A note that is lost is no reason to call
/// a good backup bad: it is only logged.
pub fn note_backup(dir: &Path, to: &Path, manifest: &BackupManifest, by: &str) {
    let note = BackupNote {
        at: manifest.made_at.clone(),
        target: to.display().to_string(),
        bytes: manifest.bytes(),
        seq: manifest.head_seq,
        key_included: manifest.key_included,
        by: by.to_owned(),
    };
    let path = dir.join(LOG);
    let line = format!("{}\n", json!(note));
    let written = files::make_private(&path).and_then(|()| {
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|e| Error::file("noting the backup in", &path, e))
    });
    if let Err(error) = written {
        tracing::warn!(%error, "the backup is made, but no note of it");
    }
}

/// The notes of backups, newest first. A line that cannot be read is left out.
pub(super) fn log(dir: &Path) -> Result<Vec<BackupNote>, Error> {
    use std::io::{Seek as _, SeekFrom};
    let path = dir.join(LOG);
    let failed = |e| Error::file("reading", &path, e);
    let mut file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let length = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES))).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(LOG_NOTES).collect())
}

impl Store {
    /// Copies the folder while it serves: [`backup`], and a record of the audit that tells of it.
    ///
    /// # Errors
    /// Those of [`backup`].
    pub async fn backup(&self, to: &Path, by: &str) -> Result<BackupManifest, Error> {
        self.flush().await?;
        let manifest = backup(self.archive().dir(), to, &self.options().key, None).await?;
        note_backup(self.archive().dir(), to, &manifest, by);
        let detail = json!({"target": to.display().to_string(), "bytes": manifest.bytes(), "head_seq": manifest.head_seq,
            "files": manifest.files.len()});
        let mut entry = Entry::event(EntryKind::Admin, "backup.make", time::now_us(), detail);
        entry.key_id = Some(by.to_owned());
        self.change(Vec::new(), vec![entry]).await?;
        Ok(manifest)
    }

    /// The backups that were made of this folder, newest first: at most the last hundred.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn backups(&self) -> Result<Vec<BackupNote>, Error> {
        log(self.archive().dir())
    }
}
