//! What the engine promises, tested from outside.

mod packs;
mod readings;
mod rules;
mod streams;
