//! The pages in a real browser, without a network.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::collector::{Collector, Seen};
use super::page::Page;
use crate::program;

/// Which browser, and how long it may take for a page.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The program; without a folder it is looked for in PATH.
    pub program: PathBuf,
    /// Wall-clock time; then it and what it started are killed.
    pub time: Duration,
    /// The page's clock: timers up to here have run when the page is left.
    pub virtual_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { program: PathBuf::from("chromium"), time: Duration::from_secs(20), virtual_time: Duration::from_secs(3) }
    }
}

/// Opens each page, one after the other, each in a profile of its own, and says what the collector saw meanwhile, or
/// why the page was not opened.
pub fn run(pages: &[Page], collector: &Collector, limits: &Limits) -> Vec<Result<Vec<Seen>, String>> {
    pages.iter().map(|page| open(page, collector, limits)).collect()
}

fn open(page: &Page, collector: &Collector, limits: &Limits) -> Result<Vec<Seen>, String> {
    if !program::is_there(&limits.program) {
        return Err(format!("{} is not installed", limits.program.display()));
    }
    let profile = Profile::new().map_err(|error| format!("no folder for the browser's profile: {error}"))?;
    collector.take();
    let address = collector.serve(page);
    let arguments = arguments(&profile.0, &address, collector, limits.virtual_time);
    let output_limits = program::Limits { time: limits.time, output_bytes: 256 * 1024 };
    let outcome = program::run(&limits.program, &arguments, b"", &output_limits);
    // Requests that were sent last may still be on their way through the listener.
    std::thread::sleep(Duration::from_millis(50));
    let seen = collector.take();
    let output = outcome.map_err(|error| error.to_string())?;
    let own = format!("/page/{}", page.id);
    if seen.iter().any(|request| request.target == own) {
        Ok(seen)
    } else if output.timed_out {
        Err(format!("the browser did not open the page within {} s", limits.time.as_secs()))
    } else {
        Err(format!("the browser did not open the page: {}", output.stderr_line()))
    }
}

fn arguments(profile: &Path, address: &str, collector: &Collector, virtual_time: Duration) -> Vec<OsString> {
    let mut data = OsString::from("--user-data-dir=");
    data.push(profile);
    let mut arguments: Vec<OsString> = [
        "--headless",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-extensions",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-default-browser-check",
        "--metrics-recording-only",
        "--password-store=basic",
        // No name is resolved; and what would need one goes to the collector, which only writes it down.
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--dump-dom",
    ]
    .map(OsString::from)
    .into();
    arguments.push(format!("--proxy-server=http://{}", collector.address()).into());
    arguments.push(format!("--virtual-time-budget={}", virtual_time.as_millis()).into());
    arguments.push(data);
    if is_root() {
        // Chromium refuses to start its sandbox as root.
        arguments.push("--no-sandbox".into());
    }
    arguments.push(address.into());
    arguments
}

/// Is this process root? Asked of the file system, for want of a safe call.
#[cfg(unix)]
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// A folder that is removed when it is dropped.
struct Profile(PathBuf);

impl Profile {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("menshen-sink-{}-{:016x}", std::process::id(), fastrand::u64(..)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
