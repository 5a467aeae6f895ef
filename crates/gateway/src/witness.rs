//! What rooms beside the gateway can show for the controls of an application: that an assessment was passed, that the red
//! team was here. The gateway knows neither room; the binary brings somebody who knows both.

use std::future::Future;
use std::pin::Pin;

use menshen_policy::governance::Words;

/// Something that was found, or is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimony {
    /// The check, as controls name it: `assessment.passed`, `redteam.recent`.
    pub check: &'static str,
    /// Whether it holds; nothing where nobody can say.
    pub met: Option<bool>,
    /// When it was found, in microseconds since 1970 UTC.
    pub at_us: Option<i64>,
    /// What was found, in words.
    pub says: Words,
    /// The console's page about it, such as `/assess/ID`.
    pub page: Option<String>,
}

/// Somebody who can say so.
pub trait Witness: Send + Sync {
    /// What they know now. Never fails: what cannot be read is not met, and says so.
    fn testify(&self) -> Pin<Box<dyn Future<Output = Vec<Testimony>> + Send + '_>>;
}
