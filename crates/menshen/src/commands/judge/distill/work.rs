//! The work folder: append-only records, what is computed from them, the manifest, and a lock.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use menshen_judge::distill::manifest::{Manifest, Step};
use menshen_judge::distill::{DistillError, hash};
use serde::Serialize;

use crate::exit;

/// A work folder. While it is held, no other run writes to it; the system frees it when this one ends, however it does.
pub struct Work {
    dir: PathBuf,
    _lock: File,
}

fn cannot(what: &str, path: &Path, error: impl std::fmt::Display) -> anyhow::Error {
    exit::environment(format!("cannot {what} {}: {error}", path.display()))
}

/// Reads a file that the user named.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| exit::usage(format!("cannot read {}: {e}", path.display())))
}

/// Bad input: the library's sentence says where.
pub fn bad(error: DistillError) -> anyhow::Error {
    let mut text = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        text.push_str(&format!(": {source}"));
    }
    exit::usage(text)
}

impl Work {
    /// Opens a folder and makes it if need be.
    pub fn open(dir: &Path) -> Result<Work> {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, e))?;
        let path = dir.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(|e| cannot("open", &path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Work { dir: dir.to_path_buf(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(exit::usage(format!(
                "another run works in {}; wait for it, or choose another --work folder",
                dir.display()
            ))),
            Err(std::fs::TryLockError::Error(e)) => Err(cannot("lock", &path, e)),
        }
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The bytes of a file of the folder; none when it is not there.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(cannot("read", &path, e)),
        }
    }

    /// Opens an append-only file behind its whole lines; what a killed run left behind them is cut off.
    pub fn append(&self, name: &str, whole: usize) -> Result<Records> {
        let path = self.path(name);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let mut file = open.map_err(|e| cannot("open", &path, e))?;
        file.set_len(whole as u64).map_err(|e| cannot("write", &path, e))?;
        file.seek(SeekFrom::End(0)).map_err(|e| cannot("write", &path, e))?;
        Ok(Records { file, path })
    }

    /// Writes a computed file; a reader sees the old one or the new one, never half of it. Gives its hash.
    pub fn write(&self, name: &str, body: &str) -> Result<String> {
        replace(&self.path(name), body)?;
        Ok(hash(body.as_bytes()))
    }

    /// The manifest.
    pub fn manifest(&self) -> Result<Manifest> {
        let bytes = self.bytes("manifest.json")?;
        if bytes.is_empty() {
            return Ok(Manifest::default());
        }
        serde_json::from_slice(&bytes).map_err(|e| {
            exit::usage(format!(
                "{} is damaged: {e}; remove it, and the steps write it anew",
                self.path("manifest.json").display()
            ))
        })
    }

    /// Notes a step in the manifest.
    pub fn note(&self, name: &str, step: Step) -> Result<()> {
        let mut manifest = self.manifest()?;
        manifest.format = Manifest::FORMAT;
        env!("CARGO_PKG_VERSION").clone_into(&mut manifest.menshen);
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        manifest.steps.insert(name.to_owned(), Step { at, ..step });
        let body = serde_json::to_string_pretty(&manifest)?;
        self.write("manifest.json", &format!("{body}\n"))?;
        Ok(())
    }
}

/// Writes beside the file and renames.
pub fn replace(path: &Path, body: &str) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::write(&part, body).map_err(|e| cannot("write", &part, e))?;
    std::fs::rename(&part, path).map_err(|e| cannot("write", path, e))
}

/// An append-only file of JSON Lines.
pub struct Records {
    file: File,
    path: PathBuf,
}

impl Records {
    /// Appends one record, in one write.
    pub fn add(&mut self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_string(record)?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(|e| cannot("write", &self.path, e))
    }
}
