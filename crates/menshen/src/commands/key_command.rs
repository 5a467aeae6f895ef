//! A key that a program prints: the client of a key management system, say. No shell is in between; what the program may
//! say and how long it may take are bounded.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use menshen_store::Key;
use zeroize::Zeroizing;

use crate::exit;

/// The most bytes of its output.
const MOST: u64 = 4096;
/// How often it is looked whether it has ended.
const TICK: Duration = Duration::from_millis(20);

/// Runs the program and reads the key. Its standard error goes to ours.
///
/// # Errors
/// When it cannot be started, takes too long, fails, or prints no key; the message never repeats what it printed.
pub fn read(command: &[String], within_ms: u64) -> Result<Key> {
    let Some((program, arguments)) = command.split_first() else { return Err(exit::usage("key_command is empty")) };
    let wrong = |what: String| exit::environment(format!("protection.key_command ({program}): {what}"));
    let mut child = Command::new(program)
        .args(arguments)
        // What opens our own doors is not for other programs.
        .env_remove("MENSHEN_ADMIN_KEY")
        .env_remove("MENSHEN_UPSTREAM_KEY")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| wrong(format!("it cannot be started: {e}")))?;
    let output = child.stdout.take();
    // Read beside, so that a program that prints without end does not wait for us and is found too long.
    let reader = std::thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::new());
        output.map_or(Ok(0), |output| output.take(MOST).read_to_end(&mut text)).map(|_| text)
    });
    let until = Instant::now() + Duration::from_millis(within_ms);
    let status = loop {
        match child.try_wait().map_err(|e| wrong(e.to_string()))? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(wrong(format!("it did not end within {within_ms} ms (key_command_ms) and was stopped")));
            }
            None => std::thread::sleep(TICK),
        }
    };
    if !status.success() {
        return Err(wrong(format!("it ended with {status}; run it by hand to see why")));
    }
    // A child of the program may still hold its output open: that is waited for as long, and no longer.
    while !reader.is_finished() {
        if Instant::now() >= until {
            return Err(wrong(format!("its output did not end within {within_ms} ms (key_command_ms)")));
        }
        std::thread::sleep(TICK);
    }
    let text = reader.join().map_err(|_| wrong("its output cannot be read".to_owned()))?;
    let text = text.map_err(|e| wrong(format!("its output cannot be read: {e}")))?;
    let text = std::str::from_utf8(&text).map_err(|_| wrong("it printed no key but something else".to_owned()))?;
    Key::from_hex(text).map_err(|_| wrong("it printed no key: 64 hexadecimal digits and nothing else".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &[&str], within_ms: u64) -> Result<Key, String> {
        let command: Vec<String> = command.iter().map(|s| (*s).to_owned()).collect();
        read(&command, within_ms).map_err(|e| e.to_string())
    }

    #[test]
    fn a_program_that_prints_a_key_gives_it() {
        let key = Key::generate().unwrap();
        assert_eq!(run(&["echo", key.to_hex().as_str()], 5000).unwrap().id(), key.id());
    }

    #[test]
    fn what_is_no_key_is_said_and_never_repeated() {
        let error = run(&["echo", "hunter2"], 5000).unwrap_err();
        assert!(error.contains("64 hexadecimal digits") && !error.contains("hunter2"), "{error}");
        assert!(run(&["false"], 5000).unwrap_err().contains("by hand"));
        assert!(run(&["/no/such/program"], 5000).unwrap_err().contains("cannot be started"));
        assert!(run(&[], 5000).is_err());
        // Arguments are arguments: nothing expands them.
        assert!(run(&["echo", "$(echo 5a)"], 5000).is_err());
    }

    #[test]
    fn a_program_that_hangs_or_never_stops_talking_is_stopped() {
        let begun = Instant::now();
        assert!(run(&["sleep", "60"], 200).unwrap_err().contains("key_command_ms"));
        assert!(run(&["yes"], 500).is_err());
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
