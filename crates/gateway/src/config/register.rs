//! The register of applications: its data, and what documents about all of them say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The register of applications.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Register {
    /// A folder whose files take the place of those of `packs/governance` with the same name.
    pub folder: Option<PathBuf>,
    /// Who provides the services, for documents; an application can name another.
    pub provider: Option<String>,
    /// How users reach the provider.
    pub contact: Option<String>,
    /// Where users complain.
    pub complaints: Option<String>,
}
