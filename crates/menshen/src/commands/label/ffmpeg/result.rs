//! The file that is written beside the target and takes its place in one step.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A file that is taken away again unless it is put in place.
pub(super) struct Fresh {
    path: PathBuf,
    place: PathBuf,
}

impl Fresh {
    /// Makes an empty file beside the target.
    pub(super) fn beside(target: &Path) -> Result<Fresh> {
        // A link stays a link: what it leads to is replaced.
        let place = if target.exists() { std::fs::canonicalize(target)? } else { target.to_path_buf() };
        let folder = place.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The name is ours alone: another may be too long, or hold what some system does not allow.
        let path = folder.join(format!(".menshen-{}-{:016x}.label", std::process::id(), fastrand::u64(..)));
        let made = File::options().write(true).create_new(true).open(&path);
        made.with_context(|| format!("no file can be made in {}", folder.display()))?;
        Ok(Fresh { path, place })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in the target's place, with the rights of the original.
    pub(super) fn put(self, original: &Path) -> Result<()> {
        File::open(&self.path)?.sync_all()?;
        std::fs::set_permissions(&self.path, std::fs::metadata(original)?.permissions())?;
        std::fs::rename(&self.path, &self.place).with_context(|| format!("{} cannot be replaced", self.place.display()))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // Gone already where it was put in place.
        let _ = std::fs::remove_file(&self.path);
    }
}
