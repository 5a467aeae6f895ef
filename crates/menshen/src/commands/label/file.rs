//! Files that are read, and replaced in one step.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Seek as _, Write};
use std::path::Path;

use anyhow::Result;
use menshen_provenance::carrier::{self, Carrier, Input};
use menshen_provenance::label::Aigc;

use crate::exit;

/// How much is read and written at a time: little enough that the allocator keeps it, as fresh pages cost more than the
/// copying.
const BUFFER: usize = 64 << 10;

/// A file's name for a person's eyes; machine-readable output has it as it is.
pub(super) fn named(path: &Path) -> String {
    plain(&path.display().to_string())
}

/// What others wrote, for a person's eyes: with a line break, a terminal's command or a mark that turns the writing around
/// it could pass for a finding of ours, so such characters are shown as escapes.
pub(super) fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().fold(String::new(), |mut text, c| {
        if c.is_control() || turns(c) {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
        text
    })
}

/// A file is named with what is wrong.
pub(super) fn cannot(path: &Path, error: impl std::fmt::Display) -> anyhow::Error {
    exit::usage(format!("{}: {error}", named(path)))
}

/// Opens a plain file and tells its format.
pub(super) fn open(path: &Path) -> Result<(File, &'static Carrier)> {
    // Asked before it is opened: a pipe would wait for somebody to write.
    if !std::fs::metadata(path).map_err(|e| cannot(path, e))?.is_file() {
        return Err(cannot(path, "it is no plain file"));
    }
    let mut file = File::open(path).map_err(|e| cannot(path, e))?;
    let mut head = Vec::new();
    (&mut file).take(carrier::HEAD as u64).read_to_end(&mut head).map_err(|e| cannot(path, e))?;
    file.rewind().map_err(|e| cannot(path, e))?;
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let carrier = carrier::of(&head, ending).ok_or_else(|| cannot(path, menshen_provenance::Error::UnknownFormat))?;
    Ok((file, carrier))
}

/// Makes a new file beside the place, lets it be read back, and puts it in the place in one step: the file is the old one
/// or the new one, whatever happens. The place is `out`, else the file itself; links are followed, so that a link stays a
/// link, and permissions are those of `path`. `make` is given the empty new file.
pub(super) fn staged(
    path: &Path,
    out: Option<&Path>,
    make: impl FnOnce(&Path, File) -> Result<()>,
    check: impl FnOnce(&mut dyn Input) -> Result<()>,
) -> Result<()> {
    let about = std::fs::metadata(path).map_err(|e| cannot(path, e))?;
    if !about.is_file() {
        return Err(cannot(path, "it is no plain file"));
    }
    let place = std::fs::canonicalize(out.filter(|o| o.exists()).unwrap_or(path)).map_err(|e| cannot(path, e))?;
    let place = out.filter(|o| !o.exists()).map_or(place, Path::to_path_buf);
    // Replacing a file needs leave of its folder alone; that it may not be written is respected all the same.
    if std::fs::metadata(&place).is_ok_and(|about| about.permissions().readonly()) {
        return Err(cannot(&place, "it is read-only; give leave to write it, or name another place with -o"));
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    let name = place.file_name().and_then(|n| n.to_str()).unwrap_or("file");
    let fresh = folder.join(format!(".{name}.{}.label", std::process::id()));
    let made = File::options().write(true).create_new(true).open(&fresh).map_err(|e| cannot(&fresh, e))?;
    let written = (|| {
        make(&fresh, made)?;
        std::fs::set_permissions(&fresh, about.permissions()).map_err(|e| cannot(&fresh, e))?;
        let made = File::open(&fresh).map_err(|e| cannot(&fresh, e))?;
        made.sync_all().map_err(|e| cannot(&fresh, e))?;
        check(&mut BufReader::with_capacity(BUFFER, made))?;
        std::fs::rename(&fresh, &place).map_err(|e| cannot(&place, e))
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

/// The same with a change that reads the old file and writes the new one.
pub(super) fn replace(
    path: &Path,
    out: Option<&Path>,
    change: impl FnOnce(&mut dyn Input, &mut dyn Write) -> Result<(), menshen_provenance::Error>,
    check: impl FnOnce(&mut dyn Input) -> Result<()>,
) -> Result<()> {
    let make = |fresh: &Path, made: File| {
        let file = File::open(path).map_err(|e| cannot(path, e))?;
        let mut copy = BufWriter::with_capacity(BUFFER, made);
        change(&mut BufReader::with_capacity(BUFFER, file), &mut copy).map_err(|e| cannot(path, e))?;
        copy.into_inner().map(drop).map_err(|e| cannot(fresh, e.error()))
    };
    staged(path, out, make, check)
}

/// Puts a label into a file, exactly one, and reads it back: a label that cannot be read back is none.
pub(super) fn put(path: &Path, out: Option<&Path>, carrier: &Carrier, aigc: &Aigc) -> Result<()> {
    let value = aigc.to_value();
    let check = |fresh: &mut dyn Input| carrier::read_back(carrier, fresh).map_err(|e| cannot(path, e));
    // Where no media move the system copies the file (at once, where it can share blocks), and only the index is written.
    if matches!(carrier.id, "mp4" | "m4a") && fits(path, &value)? {
        let make = |fresh: &Path, made: File| {
            drop(made);
            std::fs::copy(path, fresh).map_err(|e| cannot(fresh, e))?;
            std::fs::set_permissions(fresh, writable(path)?).map_err(|e| cannot(fresh, e))?;
            let mut copy = File::options().read(true).write(true).open(fresh).map_err(|e| cannot(fresh, e))?;
            match carrier::mp4::in_place(&mut copy, &value).map_err(|e| cannot(path, e))? {
                true => Ok(()),
                false => Err(cannot(path, "it changed while it was labelled; try again")),
            }
        };
        return staged(path, out, make, check);
    }
    replace(path, out, |input, copy| (carrier.write)(input, copy, &value), check)
}

fn fits(path: &Path, value: &str) -> Result<bool> {
    let file = File::open(path).map_err(|e| cannot(path, e))?;
    carrier::mp4::fits(&mut BufReader::new(file), value).map_err(|e| cannot(path, e))
}

/// The permissions of a file, with leave to write: the copy of a file that may only be read is written once more.
fn writable(path: &Path) -> Result<std::fs::Permissions> {
    let mut permissions = std::fs::metadata(path).map_err(|e| cannot(path, e))?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        permissions.set_mode(permissions.mode() | 0o200);
    }
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    Ok(permissions)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_name_cannot_pass_for_a_line_of_ours_nor_command_the_terminal() {
        assert_eq!(named(Path::new("a\nb.png: png label x")), "a\\nb.png: png label x");
        assert_eq!(named(Path::new("\u{1b}[2Jx\u{202e}gnp.exe")), "\\u{1b}[2Jx\\u{202e}gnp.exe");
        assert_eq!(named(Path::new("图片 一.png")), "图片 一.png");
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        names
    }

    fn desk() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "old").unwrap();
        (folder, path)
    }

    #[test]
    fn a_file_is_the_old_one_or_the_new_one() {
        let (folder, path) = desk();
        let good = replace(&path, None, |_, out| Ok(out.write_all(b"new")?), |_| Ok(()));
        assert!(good.is_ok() && std::fs::read(&path).unwrap() == b"new");
        let failed = |_: &mut dyn Input, out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(menshen_provenance::Error::UnknownFormat)
        };
        assert!(replace(&path, None, failed, |_| Ok(())).is_err());
        let unread = replace(&path, None, |_, out| Ok(out.write_all(b"bad")?), |_| Err(cannot(Path::new("x"), "no")));
        assert!(unread.is_err() && std::fs::read(&path).unwrap() == b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
        assert!(replace(folder.path(), None, |_, _| Ok(()), |_| Ok(())).is_err(), "a folder");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, path) = desk();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("b.txt");
        std::os::unix::fs::symlink("a.txt", &link).unwrap();
        replace(&link, None, |_, out| Ok(out.write_all(b"new")?), |_| Ok(())).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let out = folder.path().join("c.txt");
        replace(&path, Some(&out), |_, out| Ok(out.write_all(b"third")?), |_| Ok(())).unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), std::fs::read(&out).unwrap()), (b"new".to_vec(), b"third".to_vec()));
    }
}
