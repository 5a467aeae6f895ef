//! Real small media, made by the ffmpeg that is there. Without one the tests say so and pass.

mod films;
mod hostile;
mod sounds;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use menshen_provenance::carrier;
use tempfile::TempDir;

use super::Tools;
use super::process::named;

/// ffmpeg and a folder, or nothing where there is no ffmpeg.
fn bench() -> Option<(Tools, TempDir)> {
    match (Tools::find(None, Duration::from_secs(120)), tempfile::tempdir()) {
        (Ok(tools), Ok(folder)) => Some((tools, folder)),
        (Err(error), _) => {
            println!("skipped: {error}");
            None
        }
        (_, Err(error)) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// Makes a file with ffmpeg; false where an encoder is missing, so that the test is left out.
fn make(folder: &Path, name: &str, options: &str) -> Option<PathBuf> {
    let path = folder.join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(options.split_whitespace()).arg(named(&path));
    let made = command.output().is_ok_and(|output| output.status.success());
    if !made {
        println!("skipped: {name} cannot be made by this ffmpeg");
    }
    made.then_some(path)
}

const FILM: &str = "-f lavfi -i testsrc2=size=128x96:rate=25:duration=2.6";
const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2.6";

/// Where the carrier finds labels in a file.
fn labels(path: &Path) -> Vec<String> {
    let Ok((carrier, _, _)) = super::probe::recognise(path) else { return Vec::new() };
    let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
    let found = (carrier.read)(&mut file).unwrap_or_default();
    found.into_iter().map(|one: carrier::Found| one.value).collect()
}

/// Names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|all| all.flatten().map(|one| one.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}
