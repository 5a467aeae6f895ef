//! Explicit labels in films and in compressed sound, made with the user's own ffmpeg (GB 45438-2025 5.3, 5.4).
//!
//! Pictures and samples can only be changed by coding them anew; ffmpeg knows the codecs. What it is asked for is narrow:
//! it is run without a shell, with the demuxer of the format that we recognised ourselves and with no protocol but `file`,
//! so that a playlist in disguise reads no other file and no network; it works on names after `file:`, so that no name is
//! an option, a pattern or an address; it has a time limit; it writes beside the target, and the target is replaced in one
//! step after the result was measured and the label seen (or heard) in it.

mod codec;
mod overlay;
mod probe;
mod process;
mod result;
mod sound;
mod video;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

pub use sound::{SoundLabel, Voice, sound};
pub use video::{FilmLabel, LEAST_SECONDS, film};

/// The user's ffmpeg.
#[derive(Debug, Clone)]
pub struct Tools {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    /// Before 5.1 frames are passed through with another option.
    old: bool,
    encoders: Vec<String>,
    limit: Duration,
}

/// One piece of work and when it has to be done.
#[derive(Clone, Copy)]
struct Work<'a> {
    tools: &'a Tools,
    deadline: Instant,
}

/// A file that ffmpeg reads, and as what.
#[derive(Clone, Copy)]
struct Input<'a> {
    path: &'a Path,
    /// The name of ffmpeg's demuxer. Only this one is tried.
    demuxer: &'static str,
}

impl Tools {
    /// Finds ffmpeg at the configured path, else in the folders of `PATH`, and ffprobe beside it. `limit` is how long the
    /// labelling of one file may take.
    ///
    /// # Errors
    /// When there is no ffmpeg, or none that runs.
    pub fn find(ffmpeg: Option<&Path>, limit: Duration) -> Result<Tools> {
        let path = match ffmpeg {
            Some(path) if path.is_file() => path.to_path_buf(),
            Some(path) => bail!("{} is no file; --ffmpeg names the program ffmpeg itself", path.display()),
            None => in_path("ffmpeg").ok_or_else(|| {
                anyhow!(
                    "ffmpeg is needed to put an explicit label into film or compressed sound; install it or give \
                     --ffmpeg PATH; the implicit label needs none"
                )
            })?,
        };
        let beside = path.with_file_name(format!("ffprobe{}", std::env::consts::EXE_SUFFIX));
        let ffprobe = Some(beside)
            .filter(|beside| beside.is_file())
            .or_else(|| in_path("ffprobe"))
            .ok_or_else(|| anyhow!("ffprobe is needed too, and does not stand beside {}", path.display()))?;
        let mut tools = Tools { ffmpeg: path, ffprobe, old: false, encoders: Vec::new(), limit };
        let (version, encoders) = {
            let work = Work { tools: &tools, deadline: Instant::now() + limit.min(Duration::from_secs(30)) };
            let ask = |what: &str| work.ask(&tools.ffmpeg, ["-hide_banner", what].map(Into::into).to_vec());
            (ask("-version")?, ask("-encoders")?)
        };
        tools.old = is_old(&String::from_utf8_lossy(&version));
        // Lines are ` V....D libx264   words`; the legend has ` = ` where names stand.
        tools.encoders = String::from_utf8_lossy(&encoders)
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let kind = words.next()?;
                words.next().filter(|name| kind.len() == 6 && *name != "=").map(str::to_owned)
            })
            .collect();
        Ok(tools)
    }

    fn work(&self) -> Work<'_> {
        Work { tools: self, deadline: Instant::now() + self.limit }
    }

    fn has_encoder(&self, name: &str) -> bool {
        self.encoders.iter().any(|encoder| encoder == name)
    }
}

/// A program in the folders of `PATH`; relative ones are left out, since they are wherever the caller happens to be.
fn in_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).filter(|f| f.is_absolute()).map(|f| f.join(&name)).find(|path| path.is_file())
}

/// Whether `ffmpeg version 5.0.3 …` is before 5.1. Builds from the repository have no number and are new.
fn is_old(version: &str) -> bool {
    let number = version.split_whitespace().nth(2).unwrap_or_default().trim_start_matches('n');
    let mut parts = number.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    parts.next().is_some_and(|major| (major, parts.next().unwrap_or(0)) < (5, 1))
}

#[cfg(test)]
mod tests;
