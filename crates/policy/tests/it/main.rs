//! The packs of the workspace, and the promises of the crate, from outside.

mod shipped;
