//! Explicit labels: what people see and hear (GB 45438-2025 chapter 5). Wordings are the caller's data.

pub mod audio;
pub mod image;
#[cfg(feature = "pictures")]
pub mod picture;
pub mod sound;
pub mod text;
