//! Programs of others, run with a limit on time and output. Nothing passes through a shell.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// After this the program and what it started are killed.
    pub time: Duration,
    /// What it writes beyond this is dropped.
    pub output_bytes: usize,
}

/// What it wrote.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// It was killed at the limit.
    pub timed_out: bool,
}

impl Output {
    /// The last line on standard error.
    pub(crate) fn stderr_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message").to_owned()
    }
}

/// Why it could not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("the program is not installed")]
    Missing,
    #[error("the program cannot be started: {0}")]
    Start(std::io::Error),
}

/// Is there a program of this name in PATH, or a file at this path?
pub(crate) fn is_there(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.is_file();
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// Runs it, gives it `input`, and waits until it ends or time is up.
pub(crate) fn run(
    program: &Path,
    arguments: &[impl AsRef<std::ffi::OsStr>],
    input: &[u8],
    limits: &Limits,
) -> Result<Output, Failure> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::Missing,
        _ => Failure::Start(error),
    })?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (max, deadline) = (limits.output_bytes, Instant::now() + limits.time);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read to the end closes the pipe; that is its affair.
            if let Some(mut pipe) = stdin {
                let _ = pipe.write_all(input);
            }
        });
        let out = scope.spawn(move || stdout.map(|pipe| drained(pipe, max)).unwrap_or_default());
        let err = scope.spawn(move || stderr.map(|pipe| drained(pipe, max)).unwrap_or_default());
        let timed_out = !ended_by(&mut child, deadline);
        // What it started may outlive it and hold the pipes.
        kill_group(&child);
        let _ = child.kill();
        let _ = child.wait();
        Ok(Output { stdout: out.join().unwrap_or_default(), stderr: err.join().unwrap_or_default(), timed_out })
    })
}

/// Reads to the end and keeps the first bytes.
fn drained(mut pipe: impl Read, max: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut part = [0; 8192];
    loop {
        match pipe.read(&mut part) {
            Ok(0) => return kept,
            Ok(n) => {
                let room = max.saturating_sub(kept.len()).min(n);
                kept.extend(part.get(..room).unwrap_or_default());
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return kept,
        }
    }
}

fn ended_by(child: &mut Child, deadline: Instant) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(15)),
            Ok(None) | Err(_) => return false,
        }
    }
}

/// Kills the process group that the program leads. The standard library can kill one process only.
#[cfg(unix)]
fn kill_group(child: &Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill")
        .args(["-KILL", "--", &group])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[cfg(not(unix))]
fn kill_group(_: &Child) {}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn sh(script: &str, millis: u64, bytes: usize) -> Output {
        let limits = Limits { time: Duration::from_millis(millis), output_bytes: bytes };
        run(Path::new("sh"), &["-c", script], b"in", &limits).unwrap()
    }

    #[test]
    fn a_program_gets_its_input_and_is_cut_off() {
        assert_eq!(sh("cat; echo no >&2", 5_000, 100).stdout, b"in");
        assert_eq!(sh("echo no >&2", 5_000, 100).stderr_line(), "no");
        assert_eq!(sh("yes | head -c 100000", 5_000, 10).stdout.len(), 10);
        let start = Instant::now();
        // What was started in the background is killed, too; else its open pipe would keep the reader waiting.
        assert!(sh("sleep 60 & sleep 60", 300, 10).timed_out);
        assert!(start.elapsed() < Duration::from_secs(20));
        assert!(!sh("sleep 60 &", 5_000, 10).timed_out);
    }

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let limits = Limits { time: Duration::from_secs(1), output_bytes: 1 };
        assert!(matches!(run(Path::new("no-such-program"), &["x"], b"", &limits), Err(Failure::Missing)));
        assert!(is_there(Path::new("sh")) && !is_there(Path::new("no-such-program")));
    }
}
