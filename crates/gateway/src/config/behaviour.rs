//! Unusual behaviour, and tiers of end users.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Unusual behaviour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Whether behaviour is watched. Off: nothing is counted, but what was put in force holds until its end.
    pub enabled: bool,
    /// Whether alarms have consequences; without it they are only kept.
    pub act: bool,
    /// A file of rules in place of the shipped one.
    pub rules: Option<PathBuf>,
    /// The most subjects whose figures are held.
    pub most_subjects: usize,
    /// The same grade is news again after so long.
    pub again_s: u32,
    /// Requests a minute that count as usual where a key states none, and for an end user: what throttling takes a part of.
    pub usual_per_minute: u32,
    /// Where somebody who was suspended can appeal.
    pub appeal_url: Option<String>,
    /// Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`) of proxies whose headers are believed.
    pub trusted_proxies: Vec<String>,
    /// The header in which they give the client's address, such as `x-forwarded-for`.
    pub address_header: Option<String>,
    /// The header in which they give the region, such as `CN-31`.
    pub region_header: Option<String>,
    /// The header in which they give the place, as degrees north and east: `31.23,121.47`.
    pub place_header: Option<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            enabled: true,
            act: true,
            rules: None,
            most_subjects: 50_000,
            again_s: 3_600,
            usual_per_minute: 30,
            appeal_url: None,
            trusted_proxies: Vec::new(),
            address_header: None,
            region_header: None,
            place_header: None,
        }
    }
}

/// Tiers of end users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tiers {
    /// A table of tiers in place of the shipped one.
    pub table: Option<PathBuf>,
    /// The tier of end users without a profile; without it nothing of the table applies to them.
    pub unknown: Option<String>,
}
