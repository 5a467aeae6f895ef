//! Running ffmpeg: no shell, a time limit, bounded ears.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Input, Work};

/// How much of what ffmpeg complains is kept.
const COMPLAINT: usize = 600;
/// The longest answer that is kept whole.
const ANSWER: u64 = 32 << 20;

/// What is written to the program's standard input.
pub(super) enum Feed {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

impl Input<'_> {
    /// The options of an input: only its demuxer, only the protocol of files.
    pub(super) fn args(&self) -> Vec<OsString> {
        let mut args = words("-protocol_whitelist file -f");
        args.extend([self.demuxer.into(), "-i".into(), named(self.path)]);
        args
    }
}

/// Options without spaces in them.
pub(super) fn words(options: &str) -> Vec<OsString> {
    options.split_whitespace().map(OsString::from).collect()
}

/// A name that ffmpeg takes for nothing but a file's.
pub(super) fn named(path: &Path) -> OsString {
    let mut name = OsString::from("file:");
    name.push(path);
    name
}

impl Work<'_> {
    /// Runs ffmpeg and keeps its whole output.
    pub(super) fn ffmpeg(&self, args: Vec<OsString>, feed: Feed) -> Result<Vec<u8>> {
        self.read(&self.tools.ffmpeg, ffmpeg_args(args), feed, keep)
    }

    /// Runs ffmpeg and gives its output to a reader.
    pub(super) fn stream<T: Send>(
        &self,
        args: Vec<OsString>,
        reader: impl FnOnce(&mut dyn Read) -> Result<T> + Send,
    ) -> Result<T> {
        self.read(&self.tools.ffmpeg, ffmpeg_args(args), Feed::Nothing, reader)
    }

    /// Runs a program that reads nothing, and keeps its output.
    pub(super) fn ask(&self, program: &Path, args: Vec<OsString>) -> Result<Vec<u8>> {
        self.read(program, args, Feed::Nothing, keep)
    }

    /// Runs a program and gives its output to a reader.
    ///
    /// # Errors
    /// When it cannot be started, fails, or is not done in time: then it is ended.
    pub(super) fn read<T: Send>(
        &self,
        program: &Path,
        args: Vec<OsString>,
        feed: Feed,
        reader: impl FnOnce(&mut dyn Read) -> Result<T> + Send,
    ) -> Result<T> {
        let name = program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Variables that make it write reports, or choose other devices, are not of the user's making here.
        command.env_remove("FFREPORT").env("AV_LOG_FORCE_NOCOLOR", "1");
        command.stdin(if matches!(feed, Feed::Nothing) { Stdio::null() } else { Stdio::piped() });
        let mut child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (status, answer, complaint) = std::thread::scope(|scope| {
            // It may end without having read everything: then that is what it complains of.
            scope.spawn(move || {
                let Some(mut stdin) = stdin else { return };
                let _ = match feed {
                    Feed::Nothing => Ok(0),
                    Feed::Bytes(bytes) => stdin.write_all(&bytes).map(|()| 0),
                    Feed::File(mut file) => std::io::copy(&mut file, &mut stdin),
                };
            });
            let complaint = scope.spawn(move || stderr.map(complaint).unwrap_or_default());
            let answer = scope.spawn(move || match stdout {
                Some(mut stdout) => {
                    let answer = reader(&mut stdout);
                    // A reader that has seen enough does not stop the program.
                    let _ = std::io::copy(&mut stdout, &mut std::io::sink());
                    answer
                }
                None => Err(anyhow!("its output cannot be read")),
            });
            let mut wait = Duration::from_millis(2);
            let status = loop {
                match child.try_wait() {
                    Ok(Some(status)) => break Ok(status),
                    Ok(None) if Instant::now() >= self.deadline => {
                        let _ = child.kill();
                        let _ = child.wait();
                        break Err(anyhow!(
                            "{name} was not done in {} s and was ended; give more time or a shorter file",
                            self.tools.limit.as_secs()
                        ));
                    }
                    Ok(None) => std::thread::sleep(wait),
                    Err(error) => {
                        let _ = child.kill();
                        let _ = child.wait();
                        break Err(error.into());
                    }
                }
                wait = (wait * 2).min(Duration::from_millis(100));
            };
            (status, answer.join(), complaint.join().unwrap_or_default())
        });
        if !status?.success() {
            let why = if complaint.is_empty() { "no reason given".to_owned() } else { complaint };
            bail!("{name} failed: {why}");
        }
        answer.map_err(|_| anyhow!("the output of {name} was not read"))?
    }
}

fn ffmpeg_args(args: Vec<OsString>) -> Vec<OsString> {
    let mut all = words("-nostdin -hide_banner -v error");
    all.extend(args);
    all
}

/// The whole output.
pub(super) fn keep(output: &mut dyn Read) -> Result<Vec<u8>> {
    let mut kept = Vec::new();
    output.take(ANSWER + 1).read_to_end(&mut kept)?;
    if kept.len() as u64 > ANSWER {
        bail!("the answer is longer than {ANSWER} bytes");
    }
    Ok(kept)
}

/// The beginning of what a program complains, in one line; the rest is read and dropped.
fn complaint(mut from: impl Read) -> String {
    let mut kept = Vec::new();
    let _ = (&mut from).take(COMPLAINT as u64 * 4).read_to_end(&mut kept);
    let _ = std::io::copy(&mut from, &mut std::io::sink());
    let text = String::from_utf8_lossy(&kept);
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    words.join(" ").chars().take(COMPLAINT).collect()
}
