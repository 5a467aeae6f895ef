//! Development tasks. `cargo run -p xtask -- tidy` checks what the compiler cannot: which room may know which other,
//! and which room alone may know a heavy dependency. The same checks run as tests.

mod tidy;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = std::io::stderr();
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => {
            let problems = match tidy::check() {
                Ok(problems) => problems,
                Err(error) => vec![error],
            };
            for problem in &problems {
                let _ = writeln!(out, "tidy: {problem}");
            }
            if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
        }
        _ => {
            let _ = writeln!(out, "usage: cargo run -p xtask -- tidy");
            ExitCode::from(2)
        }
    }
}
