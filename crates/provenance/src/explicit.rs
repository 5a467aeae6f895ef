//! Explicit labels: what people see and hear (GB 45438-2025 chapter 5). Wordings are the caller's data.

pub mod audio;
pub mod image;
pub mod text;
