//! Watermarks in the content itself. The Measures (article 5) encourage them and want none.
//!
//! Each module says what its marks survive, as measured in its tests, and what removes them.

pub mod image;
#[cfg(feature = "pictures")]
pub mod picture;
mod prf;
pub mod text;

pub use prf::Secret;
