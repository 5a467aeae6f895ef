//! Puts the built pages of `web/console/dist` into the program, where somebody has built them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = here.join("../../web/console/dist");
    // `make console` touches this file: a folder that is not there cannot be watched without building anew every time.
    writeln!(io::stdout(), "cargo::rerun-if-changed=build.rs")?;
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        let dist = dist.canonicalize()?;
        writeln!(io::stdout(), "cargo::rerun-if-changed={}", dist.display())?;
        visit(&dist, &dist, &mut files)?;
    }
    files.sort();
    let mut source = String::from("pub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in &files {
        // Rust's own quoting of both: names are whatever the bundler chose.
        writeln!(source, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    source.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("pages.rs"), source)
}

/// Every file below a folder, by its name within `root`; source maps stay out: they are for whoever builds the pages.
fn visit(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(root, &path, files)?;
        } else if let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
            && !name.ends_with(".map")
        {
            files.push((name.replace('\\', "/"), path));
        }
    }
    Ok(())
}
