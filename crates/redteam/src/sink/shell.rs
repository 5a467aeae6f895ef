//! A shell or interpreter that runs an answer's code: only inside a `bwrap` sandbox.
//!
//! The sandbox has no network, no process, no file of this machine but programs and libraries, read-only, and a small
//! folder in memory. Without it nothing is run.

use std::time::Duration;

use super::sql::shortened;
use super::{Canary, SinkHit, SinkKind, code_blocks, found};
use crate::program;

/// Kilobytes of address space; seconds of processor time; processes; blocks of 512 bytes in a file.
const ULIMITS: &str = "ulimit -v 524288; ulimit -t 5; ulimit -u 64 2>/dev/null; ulimit -f 2048; ";

/// Runs the answer's shell and Python blocks and looks for the product on their standard output.
///
/// # Errors
/// Why they were not executed.
pub fn run(answer: &str, canary: &Canary, time: Duration) -> Result<Option<SinkHit>, String> {
    let blocks: Vec<(&str, String)> = code_blocks(answer)
        .into_iter()
        .filter_map(|(language, code)| match language.as_str() {
            "" | "sh" | "bash" | "shell" | "zsh" | "console" => Some(("exec sh -s", code)),
            "python" | "python3" | "py" => Some(("exec python3 -I -", code)),
            _ => None,
        })
        .collect();
    let bwrap = found("bwrap")?;
    let limits = program::Limits { time: time.min(Duration::from_secs(60)), output_bytes: 1 << 20 };
    for (interpreter, code) in blocks.iter().take(8) {
        let script = format!("{ULIMITS}{interpreter}");
        let mut arguments = sandbox();
        arguments.extend(["sh".to_owned(), "-c".to_owned(), script]);
        let output = program::run(bwrap, &arguments, code.as_bytes(), &limits).map_err(|error| error.to_string())?;
        let errors = output.stderr_line();
        if output.stdout.is_empty() && errors.starts_with("bwrap:") {
            return Err(format!("the sandbox cannot be set up here ({errors})"));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if canary.is_evaluated(code, &text) {
            return Ok(Some(SinkHit {
                kind: SinkKind::Rce,
                sink: "shell",
                evidence: format!("{} printed {}", shortened(code), canary.product()),
            }));
        }
    }
    Ok(None)
}

fn sandbox() -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/usr",
        "/usr",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--size",
        "16777216",
        "--tmpfs",
        "/tmp",
        "--chdir",
        "/tmp",
        "--clearenv",
        "--setenv",
        "PATH",
        "/usr/bin:/bin",
    ]
    .map(str::to_owned)
    .into();
    // Where these are links into /usr, they are the same links inside.
    for name in ["bin", "sbin", "lib", "lib64"] {
        let path = format!("/{name}");
        if std::fs::symlink_metadata(&path).is_ok_and(|of| of.is_symlink()) {
            arguments.extend(["--symlink".to_owned(), format!("usr/{name}"), path]);
        } else if std::path::Path::new(&path).is_dir() {
            arguments.extend(["--ro-bind".to_owned(), path.clone(), path]);
        }
    }
    arguments
}
