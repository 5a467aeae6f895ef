//! Incidents: what the operator is, and whether incidents are proposed.

use serde::{Deserialize, Serialize};

/// Incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Incidents {
    /// What the operator is: it decides what is due when.
    pub operator: Operator,
    /// Whether incidents are proposed from what the gateway sees.
    pub propose: bool,
}

impl Default for Incidents {
    fn default() -> Self {
        Incidents { operator: Operator::Other, propose: true }
    }
}

/// What the operator is (国家网络安全事件报告管理办法, article 4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// Of critical information infrastructure.
    Cii,
    /// A central body of the state.
    Central,
    /// Any other.
    #[default]
    Other,
}

impl Operator {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Operator::Cii => "cii",
            Operator::Central => "central",
            Operator::Other => "other",
        }
    }
}
