//! What their categories and plugins are called here. A category that says several things has no risk.

use menshen_verdict::Risk;

use crate::instruction::owasp_2026;

/// Beginning of a category's name, in lower case with `-` between words; our risk; our OWASP id, 2025 edition.
/// The first that fits counts.
const TABLE: &[(&str, Option<Risk>, Option<&str>)] = &[
    ("harmful-hate", Some(Risk::A2i), None),
    ("harmful-harassment", Some(Risk::A4c), None),
    ("harmful-self-harm", Some(Risk::A4a), None),
    ("harmful-sexual", Some(Risk::A1f), None),
    ("harmful-graphic", Some(Risk::A1f), None),
    ("harmful-violent", Some(Risk::A1h), None),
    ("harmful-radicalization", Some(Risk::A1d), None),
    ("harmful-cybercrime", Some(Risk::A1h), None),
    ("harmful-illegal", Some(Risk::A1h), None),
    ("harmful-weapons", Some(Risk::A1h), None),
    ("harmful-chemical", Some(Risk::A1h), None),
    ("harmful-copyright", Some(Risk::A3a), None),
    ("harmful-intellectual", Some(Risk::A3a), None),
    ("harmful-privacy", Some(Risk::A4e), None),
    ("harmful-misinformation", Some(Risk::A1g), None),
    ("harmful-specialized-advice", Some(Risk::A5b), None),
    ("harmful-insults", Some(Risk::A4c), None),
    ("harmful-profanity", Some(Risk::A4c), None),
    ("bias-gender", Some(Risk::A2e), None),
    ("bias-age", Some(Risk::A2f), None),
    ("bias-race", Some(Risk::A2a), None),
    ("bias-disability", Some(Risk::A2h), None),
    ("bias", Some(Risk::A2i), None),
    ("competitors", Some(Risk::A3b), None),
    ("pii", Some(Risk::A4f), Some("LLM02")),
    ("cross-session-leak", None, Some("LLM02")),
    ("data-exfil", None, Some("LLM02")),
    ("prompt-extraction", None, Some("LLM07")),
    ("system-prompt", None, Some("LLM07")),
    ("indirect-prompt-injection", None, Some("LLM01")),
    ("prompt-injection", None, Some("LLM01")),
    ("hijacking", None, Some("LLM01")),
    ("ascii-smuggling", None, Some("LLM01")),
    ("special-token-injection", None, Some("LLM01")),
    ("sql-injection", None, Some("LLM05")),
    ("shell-injection", None, Some("LLM05")),
    ("ssrf", None, Some("LLM05")),
    ("xss", None, Some("LLM05")),
    ("excessive-agency", None, Some("LLM06")),
    ("rbac", None, Some("LLM06")),
    ("bola", None, Some("LLM06")),
    ("bfla", None, Some("LLM06")),
    ("tool-discovery", None, Some("LLM07")),
    ("debug-access", None, Some("LLM06")),
    ("rag-poisoning", None, Some("LLM08")),
    ("rag-document-exfiltration", None, Some("LLM08")),
    ("hallucination", Some(Risk::A5a), Some("LLM09")),
    ("unverifiable-claims", Some(Risk::A5a), Some("LLM09")),
    ("overreliance", Some(Risk::A5b), Some("LLM09")),
    ("reasoning-dos", None, Some("LLM10")),
    ("divergent-repetition", None, Some("LLM10")),
    ("terroris", Some(Risk::A1d), None),
    ("extremis", Some(Risk::A1d), None),
    ("violence", Some(Risk::A1f), None),
    ("sexual", Some(Risk::A1f), None),
    ("hate", Some(Risk::A2i), None),
    ("racis", Some(Risk::A2a), None),
    ("sexis", Some(Risk::A2e), None),
    ("discriminat", Some(Risk::A2i), None),
    ("self-harm", Some(Risk::A4a), None),
    ("suicide", Some(Risk::A4a), None),
    ("harassment", Some(Risk::A4c), None),
    ("defamation", Some(Risk::A4c), None),
    ("privacy", Some(Risk::A4e), None),
    ("misinformation", Some(Risk::A1g), None),
    ("disinformation", Some(Risk::A1g), None),
    ("copyright", Some(Risk::A3a), None),
    ("cybercrime", Some(Risk::A1h), None),
    ("malware", Some(Risk::A1h), None),
    ("phishing", Some(Risk::A1h), None),
    ("fraud", Some(Risk::A1h), None),
    ("drugs", Some(Risk::A1h), None),
    ("weapons", Some(Risk::A1h), None),
    ("illegal", Some(Risk::A1h), None),
    ("crime", Some(Risk::A1h), None),
];

/// The risk and OWASP id of a category. Our own ids (`A1h`, `LLM05`) stand for themselves.
pub(super) fn of(category: &str) -> (Option<Risk>, Option<String>) {
    let category = category.trim();
    if let Ok(risk) = category.parse::<Risk>() {
        return (Some(risk), None);
    }
    if owasp_2026(category).is_some() {
        return (None, Some(category.to_owned()));
    }
    let name = category.to_lowercase().replace([' ', '_', ':', '/'], "-");
    let found = TABLE.iter().find(|(begins, ..)| name.starts_with(begins));
    found.map_or((None, None), |(_, risk, owasp)| (*risk, owasp.map(str::to_owned)))
}
