//! Appeals, complaints and reports: where their data is, and whether strangers may send any.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Appeals, complaints and reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cases {
    /// A file in place of the built-in `packs/governance/cases.toml`: kinds, time limits, decisions, templates.
    pub file: Option<PathBuf>,
    /// Whether anybody may send a complaint and see how it stands, without a key: the form at `/console/#/complain`.
    pub public: bool,
    /// The tenant that such complaints are of.
    pub public_tenant: String,
    /// The application.
    pub public_app: String,
    /// How many an address may send in an hour; it may look ten times as often.
    pub public_per_hour: u32,
    /// How many all together may send in an hour.
    pub public_per_hour_all: u32,
}

impl Default for Cases {
    fn default() -> Self {
        Cases {
            file: None,
            public: false,
            public_tenant: "default".to_owned(),
            public_app: "default".to_owned(),
            public_per_hour: 6,
            public_per_hour_all: 120,
        }
    }
}
