//! splits.

use super::Mutator;

/// The rows.
pub(super) const ALL: &[Mutator] = &[];
