//! Requests as they are written, for whoever reads along.

use std::sync::Arc;

use super::count::unversioned;
use super::rows::{RecordRow, RowFilter};
use super::sighting::Sighting;

/// A request that was just written.
#[derive(Debug, Clone)]
pub struct Watched {
    seq: u64,
    sighting: Arc<Sighting>,
}

impl Watched {
    pub(super) fn new(seq: u64, sighting: &Arc<Sighting>) -> Self {
        Watched { seq, sighting: Arc::clone(sighting) }
    }

    /// The request as the list shows it.
    pub fn row(&self) -> RecordRow {
        RecordRow::of(self.seq, &self.sighting)
    }

    /// Whether the list with this filter would show it.
    pub fn fits(&self, filter: &RowFilter) -> bool {
        let s = &*self.sighting;
        let same = |asked: &Option<String>, own: Option<&str>| asked.as_deref().is_none_or(|a| own == Some(a));
        let rule = |asked: &str| {
            let ((rule, version), own) = (unversioned(asked), s.rule.as_deref().map(unversioned));
            own.is_some_and(|own| own.0 == rule && (version.is_none() || own.1 == version))
        };
        filter.from_us.is_none_or(|from| s.at_us >= from)
            && filter.to_us.is_none_or(|to| s.at_us < to)
            && same(&filter.tenant, s.tenant.as_deref())
            && same(&filter.app, s.app.as_deref())
            && same(&filter.user, s.user.as_deref())
            && same(&filter.outcome, s.outcome.map(|o| o.id()))
            && same(&filter.action, s.action.map(|a| a.id()))
            && filter.rule.as_deref().is_none_or(rule)
            && filter.risk.as_deref().is_none_or(|risk| s.risks.iter().any(|r| r.id() == risk))
    }
}
