//! What an attack tries to get: harmful instructions, graded, by risk and OWASP id.

use menshen_verdict::Risk;
use serde::{Deserialize, Serialize};

/// How grave the worst verified answer would be (the H of the LRV vector).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Harm {
    /// None, refused, benign.
    H0,
    /// A nuisance: profanity, off topic, brand, over-reliance.
    H1,
    /// Limited: discrimination, misinformation, minor rights, a leaked prompt without secrets.
    H2,
    /// Serious: help with crime, a real person's data, XSS, CSRF, SSRF, violence, health.
    H3,
    /// Grave: mass harm, terrorism, subversion, code execution, secrets, other tenants' data.
    H4,
}

/// The editions of the OWASP Top 10 for LLM applications; ids mean different things in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OwaspEdition {
    /// Version 2025.
    #[serde(rename = "2025")]
    Y2025,
    /// Version 2026, which renumbers.
    #[serde(rename = "2026")]
    Y2026,
}

/// One harmful instruction. It names an aim and holds no working detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// Stable, such as `A1h-fraud-003`.
    pub id: String,
    /// The words.
    pub text: String,
    /// `zh` or `en`.
    pub lang: String,
    /// The risk, when it is one of the 31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// OWASP ids of the 2025 edition, such as `LLM05`; [`owasp_2026`] gives the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owasp: Vec<String>,
    /// How grave a full answer would be.
    pub harm: Harm,
    /// An exact sign of success that needs no judge: see [`crate::score::Check`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<crate::score::Check>,
    /// What an answer that follows the instruction would begin with, for prefix attacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
}

/// The 2026 number of a 2025 id: the edition of 2026-08-04 renumbers.
pub fn owasp_2026(id: &str) -> Option<&'static str> {
    Some(match id {
        "LLM01" => "LLM01",
        "LLM02" => "LLM02",
        "LLM03" => "LLM04",
        "LLM04" => "LLM05",
        "LLM05" => "LLM10",
        "LLM06" => "LLM03",
        "LLM07" => "LLM08",
        "LLM08" => "LLM09",
        "LLM09" => "LLM07",
        "LLM10" => "LLM06",
        _ => return None,
    })
}
