//! Proving a backup, and making a data folder of it: never over one that is there.

use std::path::{Component, Path};

use serde::Serialize;
use serde_json::json;

use super::backup::{
    BackupManifest, FORMAT, LOCKED_KEY, LockedKey, MANIFEST, copy_file, must_be_empty, part_of, put_in_place, sum,
};
use crate::archive::{Archive, key_path};
use crate::cipher::Key;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::files;
use crate::options::{KeySource, Options};
use crate::store::Store;
use crate::time;
use crate::verify::VerifyReport;

/// A manifest is never larger.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// So many problems are named.
const NAMED: usize = 50;

/// What proving a backup found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BackupReport {
    /// The manifest.
    pub manifest: BackupManifest,
    /// What is wrong; nothing when the backup is good.
    pub problems: Vec<String>,
    /// Whether the manifest's seal was checked: only with the key.
    pub sealed: bool,
    /// What walking along the chain of its audit found.
    pub chain: Option<VerifyReport>,
}

impl BackupReport {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

fn read_manifest(from: &Path) -> Result<BackupManifest, Error> {
    let path = from.join(MANIFEST);
    let unreadable = |problem: String| Error::Unreadable { what: "backup manifest", problem };
    let size = std::fs::metadata(&path).map_err(|e| Error::file("reading", &path, e))?.len();
    if size > LARGEST_MANIFEST {
        return Err(unreadable("it is larger than a manifest ever is".to_owned()));
    }
    let bytes = std::fs::read(&path).map_err(|e| Error::file("reading", &path, e))?;
    let manifest: BackupManifest = serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
    if manifest.format != FORMAT {
        return Err(unreadable(format!("its format is not {FORMAT}; use the version of menshen that made it")));
    }
    // Names lead to places within the backup, and nowhere else.
    let plain = |name: &str| {
        !name.is_empty()
            && !name.contains('\\')
            && Path::new(name).components().all(|c| matches!(c, Component::Normal(_)))
    };
    match manifest.files.iter().find(|file| !plain(&file.name)) {
        Some(file) => Err(unreadable(format!("it names a file outside of the backup: {:?}", file.name))),
        None => Ok(manifest),
    }
}

/// The key of a backup: what is given, or the locked one with its passphrase.
fn key_of(from: &Path, key: Option<&Key>, passphrase: Option<&str>) -> Result<Option<Key>, Error> {
    let (None, Some(passphrase)) = (key, passphrase) else { return Ok(key.cloned()) };
    let path = from.join(LOCKED_KEY);
    let bytes = std::fs::read(&path).map_err(|e| Error::file("reading", &path, e))?;
    let locked: LockedKey = serde_json::from_slice(&bytes)
        .map_err(|e| Error::BadKey { origin: LOCKED_KEY.to_owned(), problem: e.to_string() })?;
    locked.unlock(passphrase).map(Some)
}

/// Proves a backup: every file is there with its hash and no other, the manifest's seal is right, the databases open, the
/// chain is whole, and it holds the head that the manifest names. Without the key, seals are not checked.
///
/// # Errors
/// When there is no manifest that can be read; [`Error::BadKey`] for a passphrase that is not right; the disk's failures.
/// What is wrong with the backup is no error but in the report.
pub async fn verify_backup(from: &Path, key: Option<&Key>, passphrase: Option<&str>) -> Result<BackupReport, Error> {
    let manifest = read_manifest(from)?;
    // The key of another folder opens nothing here: then it is as if there were none.
    let key = key_of(from, key, passphrase)?.filter(|key| manifest.key_id.as_ref().is_none_or(|id| *id == key.id()));
    let mut problems = Vec::new();
    for file in &manifest.files {
        match sum(from, &file.name) {
            Ok(found) if found == *file => {}
            Ok(found) if found.bytes != file.bytes => {
                problems.push(format!("{}: {} bytes instead of {}", file.name, found.bytes, file.bytes));
            }
            Ok(_) => problems.push(format!("{}: its hash is another one; it was altered or damaged", file.name)),
            Err(e) => problems.push(format!("{}: {e}", file.name)),
        }
    }
    let mut chain = None;
    let mut sealed = false;
    if problems.is_empty() {
        // Read from a copy of nothing but what the manifest names, so that reading leaves no traces in the backup.
        let source = key.clone().map_or(KeySource::File(from.join("no key")), KeySource::Given);
        match Archive::open_immutable(from, &source).await {
            Ok(archive) => {
                if let (Some(ring), Some(seal)) = (archive.ring(), &manifest.seal) {
                    sealed = true;
                    if *seal != manifest.seal_with(ring) {
                        problems.push("manifest.json: its seal is not right; it was altered".to_owned());
                    }
                }
                let report = archive.verify().await;
                archive.close().await;
                match report {
                    Ok(report) => {
                        problems.extend(report.broken.as_ref().map(|b| format!("the audit's chain: {b}")));
                        if manifest.head_seq.is_some_and(|seq| report.last.is_none_or(|last| last < seq)) {
                            problems.push("the audit ends before the head that the manifest names".to_owned());
                        }
                        chain = Some(report);
                    }
                    Err(e) => problems.push(format!("the audit cannot be read: {e}")),
                }
            }
            Err(e) => problems.push(format!("the audit cannot be opened: {e}")),
        }
    }
    problems.truncate(NAMED);
    Ok(BackupReport { manifest, problems, sealed, chain })
}

/// Proves a backup and makes the data folder `to` of it, which must not be there or be empty. With the key, a record in the
/// new folder's audit tells of it; with a passphrase, the key is put beside it as `audit.key`.
///
/// # Errors
/// [`Error::Invalid`] when `to` holds something or the backup is not good; [`Error::BadKey`]; the disk's failures. Then
/// `to` is as it was.
pub async fn restore(
    from: &Path,
    to: &Path,
    key: Option<&Key>,
    passphrase: Option<&str>,
) -> Result<BackupReport, Error> {
    must_be_empty(to)?;
    let report = verify_backup(from, key, passphrase).await?;
    if let Some(problem) = report.problems.first() {
        let problem = format!("it is not good, and nothing was restored: {problem}");
        return Err(Error::Invalid { what: "backup", problem });
    }
    let opened = key_of(from, key, passphrase)?.filter(|_| report.sealed);
    let part = part_of(to);
    let done = fill(from, &part, &report, opened.as_ref(), passphrase.is_some() && key.is_none()).await;
    match done.and_then(|()| put_in_place(&part, to)) {
        Ok(()) => Ok(report),
        Err(e) => {
            let _ = std::fs::remove_dir_all(&part);
            Err(e)
        }
    }
}

async fn fill(from: &Path, part: &Path, report: &BackupReport, key: Option<&Key>, put_key: bool) -> Result<(), Error> {
    if part.exists() {
        std::fs::remove_dir_all(part).map_err(|e| Error::file("removing what an earlier attempt left in", part, e))?;
    }
    files::make_folder(part)?;
    for file in report.manifest.files.iter().filter(|file| file.name != LOCKED_KEY) {
        copy_file(&from.join(&file.name), &part.join(&file.name))?;
        if sum(part, &file.name)? != *file {
            let problem = format!("{} changed while it was copied", file.name);
            return Err(Error::Invalid { what: "backup", problem });
        }
    }
    let Some(key) = key else { return Ok(()) };
    if put_key {
        files::put_key(&key_path(part), key)?;
    }
    let store = Store::open(part, Options { key: KeySource::Given(key.clone()), ..Options::default() }).await?;
    let detail = json!({"made_at": report.manifest.made_at, "head_seq": report.manifest.head_seq});
    let told = store.record(Entry::event(EntryKind::System, "backup.restore", time::now_us(), detail)).await;
    store.close().await?;
    told.map(drop)
}
