//! The policy workbench.

use serde::{Deserialize, Serialize};

/// The policy workbench.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Workbench {
    /// The most recent requests that a shadow run decides again.
    pub shadow_records: u32,
    /// How long a shadow run, or a run of all cases, may take; what was not reached by then is said.
    pub run_budget_ms: u64,
}

impl Default for Workbench {
    fn default() -> Self {
        Workbench { shadow_records: 500, run_budget_ms: 20_000 }
    }
}
