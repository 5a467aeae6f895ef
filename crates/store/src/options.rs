//! What an operator sets.

use std::path::PathBuf;
use std::time::Duration;

use crate::cipher::Key;
use crate::error::Error;
use crate::people::SessionTimes;
use crate::protection::RetentionDays;

/// The least audit retention, in days: "six months" of the Cybersecurity Law, Art. 21(3), as a safe whole number.
pub const MIN_RETENTION_DAYS: u32 = 183;

/// When a record counts as taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// [`crate::Store::record`] resolves once the row is on disk. Concurrent records share one commit.
    Strict,
    /// [`crate::Store::record`] resolves once the row is queued; a crash can lose what came within the last `ms`
    /// milliseconds (plus one commit).
    Windowed {
        /// How long rows may wait for their commit, in milliseconds.
        ms: u64,
    },
}

/// What is kept of the texts themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRetention {
    /// Texts are kept, encrypted with AES-256-GCM.
    Encrypted,
    /// Only texts that the caller has redacted ([`crate::Text::Redacted`]) are kept, readable. Others are left out.
    Redacted,
    /// No text is kept.
    Omitted,
}

/// Where the key comes from.
#[derive(Debug, Clone, Default)]
pub enum KeySource {
    /// `audit.key` in the data folder, made on first start with mode 0600.
    #[default]
    Folder,
    /// Another file, made on first start with mode 0600. Keep it on another disk than the data.
    File(PathBuf),
    /// Given in the configuration or environment.
    Given(Key),
}

impl KeySource {
    /// The stable id: `folder`, `file` or `given`.
    pub const fn id(&self) -> &'static str {
        match self {
            KeySource::Folder => "folder",
            KeySource::File(_) => "file",
            KeySource::Given(_) => "given",
        }
    }
}

/// When an end user is suspended for risky input. The defaults are those of TC260-003 §7 g): three in a row, or five
/// within one day. Zero switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrikeLimits {
    /// Risky inputs in a row.
    pub consecutive: u32,
    /// Risky inputs within one day.
    pub per_day: u32,
    /// How long the suspension lasts, in seconds. The standard names no length; a day is our choice.
    pub suspend_s: u64,
}

impl Default for StrikeLimits {
    fn default() -> Self {
        StrikeLimits { consecutive: 3, per_day: 5, suspend_s: 86_400 }
    }
}

/// Everything [`crate::Store::open`] needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// When a record counts as taken. Default: strict.
    pub durability: Durability,
    /// What is kept of the texts. Default: encrypted.
    pub text: TextRetention,
    /// How long audit rows are kept, in days; at least [`MIN_RETENTION_DAYS`]. Default: 183.
    pub retention_days: u32,
    /// How long other kinds are kept, where that is shorter. Default: as long as the audit.
    pub retention_kinds: RetentionDays,
    /// Where the key comes from. Default: `audit.key` in the data folder.
    pub key: KeySource,
    /// When an end user is suspended.
    pub strikes: StrikeLimits,
    /// Where a day begins, in minutes east of UTC. Default: 480, China Standard Time.
    pub day_offset_min: i32,
    /// How long sessions of the console last. Default: an hour without a request, twelve in all.
    pub sessions: SessionTimes,
    /// How many records may wait for the writer. Default: 4096.
    pub queue_records: usize,
    /// How many bytes may wait for the writer. Default: 64 MiB.
    pub queue_bytes: usize,
    /// The largest size of the database file, in bytes; beyond it records fail with [`Error::Full`]. Default: none.
    pub max_bytes: Option<u64>,
    /// Open a folder whose audit does not fit its head file: the break is recorded in the chain and work goes on.
    /// Default: false.
    pub accept_break: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Strict,
            text: TextRetention::Encrypted,
            retention_days: MIN_RETENTION_DAYS,
            retention_kinds: RetentionDays::default(),
            key: KeySource::Folder,
            strikes: StrikeLimits::default(),
            day_offset_min: 480,
            sessions: SessionTimes::default(),
            queue_records: 4096,
            queue_bytes: 64 << 20,
            max_bytes: None,
            accept_break: false,
        }
    }
}

impl Options {
    /// The window of windowed durability; `None` when strict.
    pub(crate) fn window(&self) -> Option<Duration> {
        match self.durability {
            Durability::Strict => None,
            Durability::Windowed { ms } => Some(Duration::from_millis(ms)),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.retention_days < MIN_RETENTION_DAYS {
            return Err(Error::RetentionTooShort { days: self.retention_days, min: MIN_RETENTION_DAYS });
        }
        self.retention_kinds.check()?;
        if self.queue_records == 0 || self.queue_bytes == 0 {
            return Err(Error::Invalid { what: "audit queue", problem: "its size must not be zero".into() });
        }
        if matches!(self.durability, Durability::Windowed { ms } if ms == 0 || ms > 60_000) {
            let problem = "the window must be between 1 and 60000 milliseconds".into();
            return Err(Error::Invalid { what: "audit durability", problem });
        }
        if self.day_offset_min.unsigned_abs() > 18 * 60 {
            let problem = format!("{} minutes is more than any time zone is from UTC", self.day_offset_min);
            return Err(Error::Invalid { what: "day offset", problem });
        }
        Ok(())
    }
}
