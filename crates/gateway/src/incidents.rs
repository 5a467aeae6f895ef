//! Incidents: graded, timed and reported by rules that are data (`packs/governance/incidents.toml`).
//!
//! [`Rules`] reads the file and says what follows from the answers of the questionnaire ([`Rules::grade`]); [`draft`] writes
//! reports from what is known and marks what is missing; [`evidence`] seals a snapshot of the audit; [`watch`] tells people of
//! what is due and proposes incidents from what the gateway sees. What happens to an incident is the store's to keep.

pub mod draft;
pub mod evidence;
mod rules;
pub(crate) mod told;
pub mod watch;

pub use rules::{Bilingual, Report, Rules, RulesError, Signal};
