//! Files in folders, in sorted order, held a folder at a time.

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A file to inspect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the folder that was named: for copies.
    pub below: PathBuf,
    /// Its number among all files, from 1.
    pub number: u64,
}

/// What is met on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A file.
    File(Place),
    /// What is no plain file.
    Skipped(PathBuf, &'static str),
    /// What cannot be looked into.
    Failed(PathBuf, String),
}

/// Goes through folders.
pub(super) struct Walk {
    /// What is still to come, the next last: path, path below, and whether it was named.
    waiting: Vec<(PathBuf, PathBuf, bool)>,
    all: bool,
    /// The folder that copies go to is not looked into.
    out: Option<PathBuf>,
    number: u64,
    hidden: u64,
}

impl Walk {
    pub(super) fn new(paths: &[PathBuf], all: bool, out: Option<&Path>) -> Self {
        let named = |path: &PathBuf| {
            let below =
                if path.is_dir() { PathBuf::new() } else { path.file_name().map(PathBuf::from).unwrap_or_default() };
            (path.clone(), below, true)
        };
        let out = out.and_then(|out| std::fs::canonicalize(out).ok());
        Self { waiting: paths.iter().rev().map(named).collect(), all, out, number: 0, hidden: 0 }
    }

    /// How many hidden files and folders were left out.
    pub(super) fn hidden(&self) -> u64 {
        self.hidden
    }

    /// Puts what a folder holds before what is still to come.
    fn enter(&mut self, folder: &Path, below: &Path) -> Result<(), std::io::Error> {
        let mut names: Vec<OsString> =
            std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
        let before = names.len();
        if !self.all {
            names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
        }
        self.hidden += (before - names.len()) as u64;
        names.sort_unstable();
        self.waiting.extend(names.into_iter().rev().map(|name| (folder.join(&name), below.join(&name), false)));
        Ok(())
    }

    fn look(&mut self, path: PathBuf, below: &Path, named: bool) -> Option<Item> {
        // A link that is named is meant; one that is met leads out of the folder, or in circles.
        let about: Result<Metadata, _> =
            if named { std::fs::metadata(&path) } else { std::fs::symlink_metadata(&path) };
        let about = match about {
            Ok(about) => about,
            Err(error) => return Some(Item::Failed(path, error.to_string())),
        };
        if about.is_dir() {
            if self.out.is_some() && std::fs::canonicalize(&path).ok() == self.out {
                return Some(Item::Skipped(path, "the folder of the copies"));
            }
            return self.enter(&path, below).err().map(|error| Item::Failed(path, error.to_string()));
        }
        if about.is_symlink() {
            return Some(Item::Skipped(path, "a symbolic link"));
        }
        if !about.is_file() {
            return Some(Item::Skipped(path, "no plain file: a pipe, a socket or a device"));
        }
        self.number += 1;
        Some(Item::File(Place { path, below: below.to_path_buf(), number: self.number }))
    }
}

impl Iterator for Walk {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            let (path, below, named) = self.waiting.pop()?;
            if let Some(item) = self.look(path, &below, named) {
                return Some(item);
            }
        }
    }
}
