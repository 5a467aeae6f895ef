//! Provenance: label what is generated, recognise what is labelled (GB 45438-2025).
//!
//! The crate stands alone: no async, no network, no I/O beyond the readers and writers that its caller gives it.

pub mod carrier;
mod error;

pub use error::Error;
