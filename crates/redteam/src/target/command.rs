//! A program as a target.

use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::body::{MOST_BYTES, estimate, usage};
use super::template::Filling;
use super::{Failure, Target};
use crate::turn::{Reply, Turn};

/// The environment that a program gets: enough to run, none of our secrets.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "SYSTEMROOT"];

pub(super) async fn ask(target: &Target, argv: &[String], turns: &[Turn]) -> Result<Reply, Failure> {
    if turns.iter().any(|t| !t.files.is_empty()) {
        return Err(Failure::Unsendable("a program takes no files".to_owned()));
    }
    let began = Instant::now();
    let filling = Filling::of(target.spec.system.as_deref(), turns);
    let Some((program, arguments)) = argv.split_first() else {
        return Err(Failure::Unsendable("argv is empty".to_owned()));
    };
    let as_argument = arguments.iter().any(|a| a.contains("{{"));
    // A NUL cannot be in an argument, and would silently end it.
    if as_argument && filling.prompt.contains('\0') {
        return Err(Failure::Unsendable("the prompt holds a NUL, which no argument can".to_owned()));
    }
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(|a| filling.fill(a, str::to_owned)))
        .env_clear()
        .envs(ENVIRONMENT.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    if let (Some(key), Some(name)) = (&target.key, &target.spec.key_env) {
        command.env(name, key);
    }
    let broken = |e: std::io::Error| Failure::Program(e.to_string());
    let mut child = command.spawn().map_err(|e| Failure::Unsendable(format!("{program} cannot be started: {e}")))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let say = async {
        if let Some(mut stdin) = stdin
            && !as_argument
        {
            // A program that does not read its input breaks the pipe; its answer still counts.
            let _ = stdin.write_all(filling.prompt.as_bytes()).await;
        }
    };
    let hear = async {
        let mut bytes = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).await.map_err(broken)?;
        }
        Ok::<_, Failure>(bytes)
    };
    let ((), bytes) = tokio::join!(say, hear);
    let bytes = bytes?;
    if bytes.len() > MOST_BYTES {
        return Err(Failure::TooLong(MOST_BYTES));
    }
    let status = child.wait().await.map_err(broken)?;
    if !status.success() {
        return Err(Failure::Program(format!("it ended with {status}")));
    }
    let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
    let usage = usage(None, ("", ""), estimate(&filling.prompt), &text);
    Ok(Reply { text, stopped: None, usage, took: began.elapsed() })
}
