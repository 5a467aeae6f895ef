//! `menshen backup` and `menshen restore`: a copy of the data folder made while the gateway serves, proven, and put back
//! into an empty folder.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use menshen_gateway::Config;
use menshen_store::{BackupReport, Error as StoreError, Key, KeySource};
use zeroize::Zeroizing;
use zip::write::SimpleFileOptions;

use super::print;
use crate::exit;

/// A passphrase is never longer.
const LONGEST_PASSPHRASE: u64 = 4096;
/// Members of an archive that are unpacked at most.
const MOST_MEMBERS: usize = 10_000;

/// Arguments of `menshen backup`.
#[derive(Args)]
pub struct Backup {
    /// Folder that is not there yet, or a file whose name ends in .zip
    target: PathBuf,
    /// Put the key in, locked with the passphrase in this file (its first line, at least 12 characters)
    #[arg(long, value_name = "FILE")]
    key_with_passphrase: Option<PathBuf>,
    /// One JSON document: the manifest
    #[arg(long)]
    json: bool,
}

/// Arguments of `menshen restore`.
#[derive(Args)]
pub struct Restore {
    /// The backup: a folder, or a .zip
    backup: PathBuf,
    /// Data folder to make; must not be there or be empty
    #[arg(long, value_name = "DIR", required_unless_present = "verify", conflicts_with = "verify")]
    to: Option<PathBuf>,
    /// Only prove it: hashes, seal, databases, the whole chain of the audit and its head
    #[arg(long)]
    verify: bool,
    /// The passphrase that the key in the backup is locked with, in this file
    #[arg(long, value_name = "FILE")]
    passphrase: Option<PathBuf>,
    /// One JSON document: the report
    #[arg(long)]
    json: bool,
}

fn passphrase(path: Option<&Path>) -> Result<Option<Zeroizing<String>>> {
    let Some(path) = path else { return Ok(None) };
    let wrong = |e: std::io::Error| exit::usage(format!("cannot read the passphrase in {}: {e}", path.display()));
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path).and_then(|f| f.take(LONGEST_PASSPHRASE).read_to_string(&mut text)).map_err(wrong)?;
    Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
}

fn is_zip(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

fn failed(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Invalid { .. } | StoreError::BadKey { .. } | StoreError::NotFound { .. } => {
            exit::usage(error.to_string())
        }
        StoreError::File { ref source, .. } => exit::environment(format!("{error}: {source}")),
        error => exit::environment(error.to_string()),
    }
}

/// A folder beside `path` that is removed when dropped.
fn beside(path: &Path) -> Result<tempfile::TempDir> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    tempfile::Builder::new()
        .prefix(".menshen-")
        .tempdir_in(parent)
        .map_err(|e| exit::environment(format!("cannot make a folder in {}: {e}", parent.display())))
}

/// Makes a backup.
///
/// # Errors
/// When the target is there, or cannot be written; when the data folder cannot be read.
pub async fn back_up(config: Config, asked: Backup) -> Result<ExitCode> {
    let (dir, target) = (&config.data_dir, &asked.target);
    let key = super::serve::audit_key(&config)?;
    let passphrase = passphrase(asked.key_with_passphrase.as_deref())?;
    let passphrase = passphrase.as_ref().map(|p| p.as_str());
    let manifest = if is_zip(target) {
        if target.exists() {
            return Err(exit::usage(format!("{} is there already; name a new file", target.display())));
        }
        let within = beside(target)?;
        let folder = within.path().join("backup");
        let manifest = menshen_store::backup(dir, &folder, &key, passphrase).await.map_err(failed)?;
        let part = within.path().join("backup.zip");
        let names = manifest.files.iter().map(|f| f.name.as_str()).chain(["manifest.json"]);
        pack(&folder, names, &part)
            .and_then(|()| Ok(std::fs::rename(&part, target)?))
            .map_err(|e| exit::environment(format!("cannot write {}: {e}", target.display())))?;
        manifest
    } else {
        menshen_store::backup(dir, target, &key, passphrase).await.map_err(failed)?
    };
    menshen_store::note_backup(dir, target, &manifest, "command line");
    if asked.json {
        print(&serde_json::to_string_pretty(&manifest)?)?;
    } else {
        let head = manifest.head_seq.map_or_else(String::new, |seq| format!(", records up to {seq}"));
        let key = match (&manifest.key_id, manifest.key_included) {
            (Some(id), true) => format!("with the key {id}, locked"),
            (Some(id), false) => {
                format!("without the key {id}: keep that elsewhere, nothing opens the texts without it")
            }
            (None, _) => "made without the key: its seal cannot be checked".to_owned(),
        };
        let (files, bytes) = (manifest.files.len(), manifest.bytes());
        print(&format!("{}: {files} files, {bytes} bytes{head}; {key}", target.display()))?;
        print(&format!("prove it: menshen restore --verify {}", target.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn pack<'a>(folder: &Path, names: impl Iterator<Item = &'a str>, to: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut zip = zip::ZipWriter::new(options.open(to)?);
    for name in names {
        zip.start_file(name, SimpleFileOptions::default().large_file(true).unix_permissions(0o600))?;
        std::io::copy(&mut std::fs::File::open(folder.join(name))?, &mut zip)?;
    }
    let mut file = zip.finish()?;
    file.flush()?;
    file.sync_all()?;
    Ok(())
}

/// Unpacks an archive. Its names lead to places within the folder, and nowhere else.
fn unpack(from: &Path, folder: &Path) -> Result<()> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(from)?)?;
    anyhow::ensure!(zip.len() <= MOST_MEMBERS, "it has more than {MOST_MEMBERS} members");
    for at in 0..zip.len() {
        let mut member = zip.by_index(at)?;
        let Some(name) = member.enclosed_name() else { anyhow::bail!("a member's name leads out of it") };
        if member.is_dir() {
            continue;
        }
        let (path, most) = (folder.join(name), member.size());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        // No more than the archive says: what claims to be small must not fill the disk.
        std::io::copy(&mut (&mut member).take(most), &mut std::fs::File::create_new(path)?)?;
    }
    Ok(())
}

/// The key from outside of the backup, if there is one that is not the new folder's own.
fn outside_key(config: &Config) -> Result<Option<Key>> {
    Ok(match super::serve::audit_key(config)? {
        KeySource::Given(key) => Some(key),
        KeySource::File(path) if path.exists() => menshen_store::read_key_file(&path).map_err(failed)?,
        // The present data folder's key opens a backup of that folder.
        KeySource::Folder => menshen_store::read_key_file(&config.data_dir.join("audit.key")).map_err(failed)?,
        KeySource::File(_) => None,
    })
}

/// Proves a backup, or makes a data folder of it.
///
/// # Errors
/// When the backup cannot be read, is not good, or the folder is not empty.
pub async fn put_back(config: Config, asked: Restore) -> Result<ExitCode> {
    let passphrase = passphrase(asked.passphrase.as_deref())?;
    let passphrase = passphrase.as_ref().map(|p| p.as_str());
    let key = if passphrase.is_some() { None } else { outside_key(&config)? };
    let unpacked =
        if is_zip(&asked.backup) { Some(beside(asked.to.as_deref().unwrap_or(&asked.backup))?) } else { None };
    let backup = match &unpacked {
        None => asked.backup.clone(),
        Some(within) => {
            unpack(&asked.backup, within.path())
                .map_err(|e| exit::usage(format!("cannot unpack {}: {e:#}", asked.backup.display())))?;
            within.path().to_owned()
        }
    };
    let Some(to) = &asked.to else {
        let report = proven(&backup, key.as_ref(), passphrase).await?;
        return say(&report, asked.json, None);
    };
    let report = match menshen_store::restore(&backup, to, key.as_ref(), passphrase).await {
        Err(StoreError::Invalid { what: "backup", .. }) => proven(&backup, key.as_ref(), passphrase).await?,
        done => done.map_err(failed)?,
    };
    say(&report, asked.json, Some(to))
}

async fn proven(backup: &Path, key: Option<&Key>, passphrase: Option<&str>) -> Result<BackupReport> {
    menshen_store::verify_backup(backup, key, passphrase).await.map_err(failed)
}

fn say(report: &BackupReport, json: bool, to: Option<&Path>) -> Result<ExitCode> {
    let code = if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::FOUND) };
    if json {
        print(&serde_json::to_string_pretty(report)?)?;
        return Ok(code);
    }
    for problem in &report.problems {
        print(&format!("BROKEN: {problem}"))?;
    }
    if report.is_good() {
        let chain = report.chain.as_ref().map_or(0, |c| c.rows);
        let seal = if report.sealed { "seals checked" } else { "without the key, seals were not checked" };
        print(&format!(
            "good: {} files of {}, {chain} records in a whole chain; {seal}",
            report.manifest.files.len(),
            report.manifest.made_at
        ))?;
        match to {
            Some(to) if report.sealed => print(&format!("restored into {}", to.display()))?,
            Some(to) => print(&format!(
                "restored into {}; put the key {} beside it before it is served",
                to.display(),
                report.manifest.key_id.as_deref().unwrap_or("of the backup")
            ))?,
            None => {}
        }
    } else if to.is_some() {
        print("nothing was restored")?;
    }
    Ok(code)
}
