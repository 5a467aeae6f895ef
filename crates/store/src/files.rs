//! Files that are written whole or not at all: the lock, the key and the head.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::chain::Hash;
use crate::cipher::{Key, Ring};
use crate::error::Error;
use crate::hex;

/// How far the head file may lie behind the audit, in rows. The head is written after the commit, so a crash between
/// the two leaves it behind, never ahead; the writer waits before it would fall behind further than this.
pub(crate) const MAX_LAG: u64 = 1024;

fn open_private(path: &Path, options: &mut OpenOptions) -> std::io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Makes the data folder, for its owner only, when it is not there.
pub(crate) fn make_folder(dir: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|e| Error::file("making the folder", dir, e))
}

/// Makes an empty file for its owner only, when it is not there: SQLite gives its side files the same rights.
pub(crate) fn make_private(path: &Path) -> Result<(), Error> {
    open_private(path, OpenOptions::new().create(true).append(true))
        .and_then(|_| sync_folder(path))
        .map_err(|e| Error::file("making the file", path, e))
}

pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) => {
            File::open(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?.sync_all()
        }
        _ => Ok(()),
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_synced(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = open_private(path, OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(content)?;
    file.sync_all()
}

/// The data folder's lock, held until dropped. The operating system lets go of it when the process dies.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its lock")] File);

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("store.lock");
        let mut file = open_private(&path, OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .map_err(|e| Error::file("opening the lock file", &path, e))?;
        match file.try_lock() {
            Ok(()) => {
                // The pid only makes the other process's message clearer.
                let _ = file.set_len(0).and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
                Ok(Lock(file))
            }
            Err(fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _ = file.read_to_string(&mut text);
                Err(Error::InUse { dir: dir.to_owned(), pid: text.trim().parse().ok() })
            }
            Err(fs::TryLockError::Error(e)) => Err(Error::file("locking", &path, e)),
        }
    }
}

/// Reads a key file; `None` when there is none.
///
/// # Errors
/// [`Error::BadKey`] when it cannot be read, others can read it, or it holds no key.
pub fn read_key(path: &Path) -> Result<Option<Key>, Error> {
    let bad = |problem: String| Error::BadKey { origin: path.display().to_string(), problem };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(bad(format!("it cannot be read ({e}); check its owner and rights"))),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|e| Error::file("reading", path, e))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(bad(format!("others can read it (mode {mode:04o}); run `chmod 600 {}`", path.display())));
        }
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    file.take(4096)
        .read_to_string(&mut text)
        .map_err(|e| bad(format!("it cannot be read ({e}); restore it from its backup")))?;
    match Key::from_hex(&text) {
        Ok(key) => Ok(Some(key)),
        Err(Error::BadKey { problem, .. }) => Err(bad(format!("{problem}; restore it from its backup"))),
        Err(e) => Err(e),
    }
}

/// Makes a key file that is either whole or not there, and never replaces one.
pub(crate) fn create_key(path: &Path) -> Result<Key, Error> {
    let key = Key::generate()?;
    let failed = |e| Error::file("making the key file", path, e);
    let part = beside(path);
    let mut line = key.to_hex();
    line.push('\n');
    write_synced(&part, line.as_bytes()).map_err(failed)?;
    // A hard link fails when the name is taken; where links are not known, the folder's lock guards the rename.
    let linked = match fs::hard_link(&part, path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(e),
        Err(_) => fs::rename(&part, path),
        Ok(()) => fs::remove_file(&part),
    };
    if linked.is_err() {
        let _ = fs::remove_file(&part);
    }
    linked.map_err(failed)?;
    sync_folder(path).map_err(failed)?;
    Ok(key)
}

/// Writes a key that is already there elsewhere into a new file.
pub(crate) fn put_key(path: &Path, key: &Key) -> Result<(), Error> {
    let mut line = key.to_hex();
    line.push('\n');
    write_synced(path, line.as_bytes()).map_err(|e| Error::file("writing the key file", path, e))
}

/// The newest row that is known to be on disk, kept beside the database: rows cut off its end are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The row's place.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What the head file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadFile {
    Missing,
    /// Not readable as a head.
    Garbled,
    /// Sealed with another key, or by nobody.
    Forged,
    Read(Head),
}

pub(crate) fn head_path(dir: &Path) -> PathBuf {
    dir.join("audit.head")
}

/// Replaces the head file in one step.
pub(crate) fn write_head(path: &Path, head: Head, ring: &Ring) -> Result<(), Error> {
    let seal = ring.seal_at(head.seq, "head", &[&head.seq.to_le_bytes(), &head.hash]);
    let text = format!("menshen-audit-head v1 {} {} {}\n", head.seq, hex::encode(&head.hash), hex::encode(&seal));
    let part = beside(path);
    write_synced(&part, text.as_bytes())
        .and_then(|()| fs::rename(&part, path))
        .and_then(|()| sync_folder(path))
        .map_err(|e| Error::file("writing the head file", path, e))
}

/// Reads the head file; without a ring its seal is not checked.
pub(crate) fn read_head(path: &Path, ring: Option<&Ring>) -> Result<HeadFile, Error> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(4096).read_to_end(&mut bytes).map_err(|e| Error::file("reading", path, e))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HeadFile::Missing),
        Err(e) => return Err(Error::file("reading", path, e)),
    };
    let Some((head, seal)) = std::str::from_utf8(&bytes).ok().and_then(parse_head) else {
        return Ok(HeadFile::Garbled);
    };
    let sealed = ring.is_none_or(|ring| ring.seal_at(head.seq, "head", &[&head.seq.to_le_bytes(), &head.hash]) == seal);
    Ok(if sealed { HeadFile::Read(head) } else { HeadFile::Forged })
}

fn parse_head(text: &str) -> Option<(Head, Hash)> {
    let mut words = text.strip_prefix("menshen-audit-head v1 ")?.split_ascii_whitespace();
    let seq = words.next()?.parse().ok()?;
    let (mut hash, mut seal) = ([0; 32], [0; 32]);
    hex::decode(words.next()?, &mut hash)?;
    hex::decode(words.next()?, &mut seal)?;
    words.next().is_none().then_some((Head { seq, hash }, seal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_and_no_altered_byte_passes() {
        let dir = tempfile::tempdir().unwrap();
        let path = head_path(dir.path());
        let ring = Key::generate().unwrap().ring();
        assert_eq!(read_head(&path, Some(&ring)).unwrap(), HeadFile::Missing);
        let head = Head { seq: 41, hash: [9; 32] };
        write_head(&path, head, &ring).unwrap();
        assert_eq!(read_head(&path, Some(&ring)).unwrap(), HeadFile::Read(head));
        assert_eq!(read_head(&path, Some(&Key::generate().unwrap().ring())).unwrap(), HeadFile::Forged);
        let whole = fs::read(&path).unwrap();
        for i in 0..whole.len() - 1 {
            let mut bent = whole.clone();
            bent[i] = if bent[i] == b'7' { b'8' } else { b'7' };
            fs::write(&path, &bent).unwrap();
            let read = read_head(&path, Some(&ring)).unwrap();
            assert!(matches!(read, HeadFile::Garbled | HeadFile::Forged), "byte {i}: {read:?}");
        }
    }

    #[test]
    fn a_key_file_is_private_whole_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.key");
        assert!(read_key(&path).unwrap().is_none());
        let key = create_key(&path).unwrap();
        assert_eq!(read_key(&path).unwrap().unwrap().id(), key.id());
        assert!(create_key(&path).is_err());
        assert_eq!(read_key(&path).unwrap().unwrap().id(), key.id());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let error = read_key(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::write(&path, "not a key").unwrap();
        let error = read_key(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits") && error.contains("backup"), "{error}");
    }
}
