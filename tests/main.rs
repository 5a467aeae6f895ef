//! The built binary, end to end: every test is named after the promise that it proves.
//!
//! The program is met as its users meet it: over HTTP, by its commands, through its files. `packs/probe` holds words
//! that nothing else knows, one rule an action, so what a test sees is what that rule ordered. Tests that need nothing
//! of their own share two gateways; each asks its own model by name and reads its own records by request id.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests live beside the tests; the configured leave covers only test functions"
)]

mod answers_and_guidance;
mod assess;
mod audit;
mod bad_input;
mod bad_upstream;
mod behaviour;
mod cli;
mod clock;
mod door;
mod evasion;
mod families;
mod fifteen_pains;
mod history;
mod hold_back;
mod incidents;
mod judge;
mod judge_distill;
mod label;
mod label_inspect;
mod label_rest;
mod labelled_answers;
mod lexicon;
mod lost_data;
mod observe;
mod people;
mod personal_data;
mod redteam;
mod running;
mod support;
mod tiers;
mod unavailable;
