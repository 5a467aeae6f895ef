//! What the engine promises, tested from outside.

mod packs;
mod readings;
mod streams;
