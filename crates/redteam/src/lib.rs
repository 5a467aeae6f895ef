//! Red team and range: find the holes before others do, and grade them.
pub mod mutator;
