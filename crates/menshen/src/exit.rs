//! Exit codes and the sentence that goes with them.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Findings, or failure of what was checked.
pub const FOUND: u8 = 1;
/// Usage or bad input.
pub const USAGE: u8 = 2;
/// The environment: an unreachable target, a full disk.
pub const ENVIRONMENT: u8 = 3;

/// An error that knows its exit code.
#[derive(Debug)]
pub struct Exit {
    code: u8,
    message: String,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}

/// Bad input: exit code 2.
pub fn usage(message: impl Into<String>) -> anyhow::Error {
    Exit { code: USAGE, message: message.into() }.into()
}

/// The environment is at fault: exit code 3.
pub fn environment(message: impl Into<String>) -> anyhow::Error {
    Exit { code: ENVIRONMENT, message: message.into() }.into()
}

/// Writes an error with its causes and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    // A closed pipe (`menshen … | head`) is how readers say that they have seen enough.
    let closed = |c: &(dyn std::error::Error + 'static)| {
        let kind = c.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        // What JSON is written to hides the pipe's error inside its own.
        let within = c.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        kind.or(within) == Some(std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(std::io::stderr(), "menshen: {error:#}");
    ExitCode::from(error.chain().find_map(|c| c.downcast_ref::<Exit>()).map_or(ENVIRONMENT, |e| e.code))
}
