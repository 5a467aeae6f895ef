//! Explicit labels: what people see and hear (GB 45438-2025 chapter 5).

pub mod audio;
pub mod image;
