//! The store's promises, tried from outside: what is recorded is there and whole, what was tampered with is named,
//! what the disk refuses is said.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect shall stop")]

mod accounts;
mod behaviour;
mod campaigns;
mod cases;
mod crash;
mod factors;
mod faults;
mod folder;
mod incidents;
mod lost;
mod observe;
mod people;
mod profiles;
mod protection;
mod records;
mod register;
mod retention;
mod tamper;
mod workbench;
