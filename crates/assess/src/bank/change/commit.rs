//! Putting changed files in place, all or none.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A file that is to change.
pub(super) struct Change {
    /// The file.
    pub path: PathBuf,
    /// What it holds now; none: it is not there.
    pub before: Option<Vec<u8>>,
    /// What it is to hold.
    pub after: Vec<u8>,
}

/// A change that lies beside its file, ready to be renamed.
struct Staged<'a> {
    change: &'a Change,
    after: Leftover,
    /// The former bytes, to rename back.
    before: Option<Leftover>,
}

/// A staged file that is removed when it was not renamed.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        // It is gone when it was renamed; else nothing reads it, for its name does not end in `.jsonl`.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Writes all changes, or none.
pub(super) fn commit(folder: &Path, changes: &[Change]) -> Result<(), Error> {
    let mut made = Vec::new();
    let done = staged(folder, changes, &mut made).and_then(|staged| rename(&staged));
    if done.is_err() {
        for dir in made.iter().rev() {
            // A folder that somebody has put something into stays.
            let _ = std::fs::remove_dir(dir);
        }
    }
    done
}

fn staged<'a>(folder: &Path, changes: &'a [Change], made: &mut Vec<PathBuf>) -> Result<Vec<Staged<'a>>, Error> {
    let mut staged = Vec::with_capacity(changes.len());
    for change in changes {
        let dir = change.path.parent().unwrap_or(folder);
        for missing in [folder, dir].into_iter().filter(|dir| !dir.is_dir()) {
            std::fs::create_dir_all(missing).map_err(|e| Error::file(missing, e))?;
            made.push(missing.to_path_buf());
        }
        let after = stage(change, "new", &change.after)?;
        let before = change.before.as_deref().map(|bytes| stage(change, "old", bytes)).transpose()?;
        staged.push(Staged { change, after, before });
    }
    Ok(staged)
}

/// A durable file beside the changed one, with its permissions.
fn stage(change: &Change, what: &str, bytes: &[u8]) -> Result<Leftover, Error> {
    let name = change.path.file_name().unwrap_or_default().to_string_lossy();
    let path = change.path.with_file_name(format!(".{name}.{}.{what}", std::process::id()));
    let failed = |e| Error::file(&path, e);
    // What a process of the same number left when it was cut off.
    let _ = std::fs::remove_file(&path);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    let left = Leftover(path.clone());
    file.write_all(bytes).map_err(failed)?;
    if let Ok(metadata) = std::fs::metadata(&change.path) {
        file.set_permissions(metadata.permissions()).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    Ok(left)
}

fn rename(staged: &[Staged<'_>]) -> Result<(), Error> {
    // An editor may have saved meanwhile: nobody's work is written over.
    for Staged { change, .. } in staged {
        let path = &change.path;
        let now = match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(Error::file(path, e)),
        };
        if now != change.before {
            return Err(Error::Unusable(format!("{}: it was changed meanwhile; try again", path.display())));
        }
    }
    for (at, one) in staged.iter().enumerate() {
        if let Err(e) = std::fs::rename(&one.after.0, &one.change.path) {
            let lost: Vec<String> = staged[..at].iter().rev().filter_map(restore).collect();
            if lost.is_empty() {
                return Err(Error::file(&one.change.path, e));
            }
            return Err(Error::Unusable(format!("{e}; these files could not be set back: {}", lost.join(", "))));
        }
    }
    for dir in staged.iter().filter_map(|s| s.change.path.parent()) {
        // Not every system can make a folder durable; the files are.
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
    Ok(())
}

/// Gives a file its former bytes back; its name when that fails.
fn restore(staged: &Staged<'_>) -> Option<String> {
    let path = &staged.change.path;
    let done = match &staged.before {
        Some(before) => std::fs::rename(&before.0, path),
        None => std::fs::remove_file(path),
    };
    done.err().map(|e| format!("{} ({e})", path.display()))
}
