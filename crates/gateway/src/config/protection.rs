//! What protects stored data: where the key comes from, how long each kind is kept, requests of users, backups.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What protects stored data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protection {
    /// A program and its arguments that print the audit's key (64 hexadecimal digits) to standard output, such as the
    /// client of a key management system. No shell is in between. Stands before `audit.key_file`, behind
    /// `MENSHEN_AUDIT_KEY`.
    pub key_command: Vec<String>,
    /// Time that the program gets.
    pub key_command_ms: u64,
    /// Days that conversations held for a human are kept; as long as the audit without it.
    pub reviews_days: Option<u32>,
    /// Days that opinions on decisions are kept; as long as the audit without it.
    pub feedback_days: Option<u32>,
    /// Days that used requests and tokens are kept; as long as the audit without it.
    pub usage_days: Option<u32>,
    /// Days within which a request of a user about themselves must be done. Without a longer promise fifteen working days
    /// are the most (Method for identifying unlawful collection by apps, 2019, article 6).
    pub subject_days: u32,
    /// Folder in which the console may put backups; without it, only `menshen backup` makes them.
    pub backup_dir: Option<PathBuf>,
}

impl Default for Protection {
    fn default() -> Self {
        Protection {
            key_command: Vec::new(),
            key_command_ms: 10_000,
            reviews_days: None,
            feedback_days: None,
            usage_days: None,
            subject_days: 15,
            backup_dir: None,
        }
    }
}
