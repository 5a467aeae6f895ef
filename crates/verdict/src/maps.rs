//! Maps from our taxonomies to those of others, each with its source.

use crate::{Attack, Risk};

/// The 13 categories of OpenAI's `POST /v1/moderations`, in the order of its documentation.
pub const OPENAI_MODERATION: &[&str] = &[
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// The moderation categories that a risk alone speaks for. Where a risk is wider than a category (A1f is violence
/// *and* pornography) a keyword list's or pattern's label narrows it: see [`openai_label`].
pub const fn openai_moderation(risk: Risk) -> &'static [&'static str] {
    match risk {
        Risk::A1a | Risk::A1b | Risk::A1c | Risk::A1g | Risk::A1h => &["illicit"],
        Risk::A1d => &["illicit/violent", "violence"],
        Risk::A1e => &["hate", "hate/threatening"],
        Risk::A1f => &["violence"],
        Risk::A2a | Risk::A2b | Risk::A2c | Risk::A2d | Risk::A2e | Risk::A2f | Risk::A2g | Risk::A2h | Risk::A2i => {
            &["hate"]
        }
        Risk::A3a | Risk::A3b | Risk::A3c | Risk::A3d | Risk::A3e => &["illicit"],
        Risk::A4a => &["self-harm"],
        Risk::A4c | Risk::A4d => &["harassment"],
        Risk::A4b | Risk::A4e | Risk::A4f | Risk::A4g => &["illicit"],
        Risk::A5a | Risk::A5b => &[],
    }
}

/// The moderation categories that a finding's label names outright (`sexual`, `self-harm`, …).
pub fn openai_label(label: &str) -> Option<&'static str> {
    let label = label.replace('_', "-");
    OPENAI_MODERATION.iter().copied().find(|c| *c == label)
}

/// Qwen3Guard's category line to our risks (Qwen3Guard technical report, table 1). `None` for "None" and strangers.
pub fn qwen3guard(category: &str) -> Option<&'static [Risk]> {
    Some(match category.trim() {
        "Violent" => &[Risk::A1f],
        "Non-violent Illegal Acts" => &[Risk::A1h],
        "Sexual Content or Sexual Acts" => &[Risk::A1f],
        "PII" | "Personally Identifiable Information" => &[Risk::A4f],
        "Suicide & Self-Harm" => &[Risk::A4a],
        "Unethical Acts" => &[Risk::A2i],
        "Politically Sensitive Topics" => &[Risk::A1b],
        "Copyright Violation" => &[Risk::A3a],
        _ => return None,
    })
}

/// Llama Guard 3/4 hazard codes S1–S14 (the MLCommons hazards) to our risks.
pub fn llama_guard(code: &str) -> Option<&'static [Risk]> {
    Some(match code.trim() {
        "S1" => &[Risk::A1f],
        "S2" => &[Risk::A1h],
        "S3" | "S4" => &[Risk::A1f],
        "S5" => &[Risk::A4c],
        "S6" => &[Risk::A5a],
        "S7" => &[Risk::A4e],
        "S8" => &[Risk::A3a],
        "S9" => &[Risk::A1d],
        "S10" => &[Risk::A2i],
        "S11" => &[Risk::A4a],
        "S12" => &[Risk::A1f],
        "S13" => &[Risk::A1g],
        "S14" => &[Risk::A1h],
        _ => return None,
    })
}

/// OWASP Top 10 for LLM applications (2025) ids that an attack sub-class falls under.
pub const fn owasp_llm(attack: Attack) -> &'static str {
    match attack {
        Attack::H6 => "LLM07:2025",
        _ => "LLM01:2025",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mapped_category_is_one_of_the_thirteen() {
        for risk in Risk::ALL {
            for category in openai_moderation(*risk) {
                assert!(OPENAI_MODERATION.contains(category), "{risk} → {category}");
            }
        }
        assert_eq!(OPENAI_MODERATION.len(), 13);
    }

    #[test]
    fn labels_name_categories_in_either_spelling() {
        assert_eq!(openai_label("self_harm"), Some("self-harm"));
        assert_eq!(openai_label("mobile"), None);
    }
}
