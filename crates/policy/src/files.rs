//! Where packs come from: the binary itself, or folders.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::Dir;

use crate::diagnostic::Diagnostic;

/// The largest file that is read, in bytes: a keyword list of a million words is about 20 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The largest number of files in one pack.
const MAX_FILES: usize = 10_000;
/// How deep folders nest within a pack.
const MAX_DEPTH: usize = 4;

static EMBEDDED: Dir<'static> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/../../packs");

/// The packs that the binary carries.
pub fn embedded() -> Origin {
    Origin::Embedded(&EMBEDDED)
}

/// The text of a file that the binary carries, by its path under `packs`.
pub(crate) fn embedded_file(path: &str) -> Option<&'static str> {
    EMBEDDED.get_file(path)?.contents_utf8()
}

/// A place that holds packs.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Packs within the binary.
    Embedded(&'static Dir<'static>),
    /// A folder that holds pack folders, or is a pack itself.
    Folder(PathBuf),
}

/// One file of a pack.
#[derive(Debug)]
pub(crate) struct PackFile {
    /// The path within the pack, with `/`.
    pub(crate) relative: String,
    /// The path that diagnostics name.
    pub(crate) shown: String,
    pub(crate) body: String,
    /// Whether an edit made it.
    pub(crate) edited: bool,
}

/// The files of one pack folder, in order of their paths.
#[derive(Debug)]
pub(crate) struct PackFiles {
    /// The path that diagnostics name.
    pub(crate) shown: String,
    pub(crate) files: Vec<PackFile>,
}

/// Everything one origin holds.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) packs: Vec<PackFiles>,
    /// `taxonomy/*.toml`, beside the packs.
    pub(crate) taxonomy: Vec<PackFile>,
}

impl Origin {
    pub(crate) fn gather(&self, out: &mut Vec<Diagnostic>) -> Gathered {
        let mut gathered = Gathered::default();
        match self {
            Origin::Embedded(root) => {
                for dir in root.dirs() {
                    let shown = format!("packs/{}", dir.path().display());
                    let mut files = Vec::new();
                    embedded_files(dir, dir.path(), &shown, &mut files, out);
                    gathered.add(shown, files, out);
                }
            }
            Origin::Folder(root) if root.join("pack.toml").is_file() => {
                let mut files = Vec::new();
                folder_files(root, root, 0, &mut files, out);
                gathered.add(root.display().to_string(), files, out);
            }
            Origin::Folder(root) => match sorted_entries(root) {
                Ok(entries) => {
                    for path in entries.into_iter().filter(|p| p.is_dir()) {
                        let mut files = Vec::new();
                        folder_files(&path, &path, 0, &mut files, out);
                        gathered.add(path.display().to_string(), files, out);
                    }
                }
                Err(error) => {
                    let message = format!("the folder cannot be read: {error}");
                    out.push(Diagnostic::of_file(
                        root.display().to_string(),
                        message,
                        "check the path and its permissions",
                    ));
                }
            },
        }
        gathered
    }
}

impl Gathered {
    fn add(&mut self, shown: String, mut files: Vec<PackFile>, out: &mut Vec<Diagnostic>) {
        files.sort_by(|a, b| a.relative.cmp(&b.relative));
        if files.iter().any(|f| f.relative == "pack.toml") {
            self.packs.push(PackFiles { shown, files });
        } else if shown.ends_with("taxonomy") {
            self.taxonomy.extend(files.into_iter().filter(|f| f.relative.ends_with(".toml")));
        } else if shown.ends_with("redteam") || shown.ends_with("assess") {
            // What attacks and assessments are made of lies beside the packs and is no policy: their rooms read it.
        } else if files.iter().any(|f| f.relative.contains('/')) {
            let message = "the folder has no pack.toml: it is not loaded";
            out.push(Diagnostic::of_file(shown, message, "write pack.toml with `id` and `version`"));
        }
    }
}

fn wanted(relative: &str) -> bool {
    relative.ends_with(".toml") || relative.ends_with(".txt")
}

fn embedded_files(dir: &Dir<'_>, root: &Path, shown: &str, files: &mut Vec<PackFile>, out: &mut Vec<Diagnostic>) {
    for file in dir.files() {
        let Ok(relative) = file.path().strip_prefix(root) else { continue };
        let relative = slashed(relative);
        if wanted(&relative) {
            let shown = format!("{shown}/{relative}");
            files.extend(decode(relative, shown, file.contents().to_vec(), out));
        }
    }
    for sub in dir.dirs() {
        embedded_files(sub, root, shown, files, out);
    }
}

fn folder_files(root: &Path, dir: &Path, depth: usize, files: &mut Vec<PackFile>, out: &mut Vec<Diagnostic>) {
    let shown_dir = dir.display().to_string();
    if depth > MAX_DEPTH {
        out.push(Diagnostic::of_file(shown_dir, format!("folders nest deeper than {MAX_DEPTH}"), "flatten the pack"));
        return;
    }
    let entries = match sorted_entries(dir) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("the folder cannot be read: {error}");
            out.push(Diagnostic::of_file(shown_dir, message, "check its permissions"));
            return;
        }
    };
    for path in entries {
        let Ok(relative) = path.strip_prefix(root) else { continue };
        let relative = slashed(relative);
        if path.is_dir() {
            folder_files(root, &path, depth + 1, files, out);
            continue;
        }
        if !wanted(&relative) {
            continue;
        }
        let shown = path.display().to_string();
        if files.len() >= MAX_FILES {
            out.push(Diagnostic::of_file(shown, format!("the pack has more than {MAX_FILES} files"), "split the pack"));
            return;
        }
        match read_file(&path) {
            Ok(bytes) => files.extend(decode(relative, shown, bytes, out)),
            Err(why) => out.push(Diagnostic::of_file(shown, why, "check the file, its size and its permissions")),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let meta = fs::metadata(path).map_err(|e| format!("the file cannot be read: {e}"))?;
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(format!("the file has {} bytes, more than {MAX_FILE_BYTES}", meta.len()));
    }
    fs::read(path).map_err(|e| format!("the file cannot be read: {e}"))
}

/// Text of UTF-8 bytes; a byte-order mark is dropped.
fn decode(relative: String, shown: String, bytes: Vec<u8>, out: &mut Vec<Diagnostic>) -> Option<PackFile> {
    match String::from_utf8(bytes) {
        Ok(body) => {
            let body = body.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(body);
            Some(PackFile { relative, shown, body, edited: false })
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            let (line, column) = crate::diagnostic::Lines::of(&valid).place(&valid, at);
            let mut diagnostic = Diagnostic::of_file(shown, "the file is not UTF-8", "save it as UTF-8");
            (diagnostic.line, diagnostic.column) = (line, column);
            out.push(diagnostic);
            None
        }
    }
}

fn sorted_entries(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn slashed(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
