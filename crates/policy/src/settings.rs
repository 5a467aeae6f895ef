//! What an operator sets per application or tenant: plain data.

use serde::{Deserialize, Serialize};

/// The language that replies and guidance are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// `zh` or `en`.
    pub const fn id(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }

    /// The language of a text: Chinese when it holds a Han character, else English.
    ///
    /// ```
    /// use menshen_policy::Lang;
    /// assert_eq!(Lang::of("用Rust写gateway"), Lang::Zh);
    /// assert_eq!(Lang::of("hello"), Lang::En);
    /// ```
    pub fn of(text: &str) -> Self {
        if text.chars().any(is_han) { Lang::Zh } else { Lang::En }
    }
}

/// Whether a character is a Han ideograph: the unified blocks A–H and the compatibility block, and 〇.
pub(crate) const fn is_han(c: char) -> bool {
    matches!(c, '〇' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// A text in two languages, at least one of them written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Chinese.
    pub zh: Option<String>,
    /// English.
    pub en: Option<String>,
}

impl Text {
    /// The text in `lang`, else in the other language; empty when neither is written.
    pub fn get(&self, lang: Lang) -> &str {
        let (first, second) = match lang {
            Lang::Zh => (&self.zh, &self.en),
            Lang::En => (&self.en, &self.zh),
        };
        first.as_deref().or(second.as_deref()).unwrap_or_default()
    }
}

/// What happens when a detector could not do its work and no rule says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnavailable {
    /// Block: what was not checked does not pass.
    #[default]
    Closed,
    /// Decide on what the other detectors found.
    Open,
}

/// What happens to parts that are not text, when no rule with an `attachment` condition matched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attachments {
    /// They pass unchecked, because the operator says so.
    Pass,
    /// They are blocked: they cannot be checked.
    #[default]
    Block,
    /// An external detector is asked by the gateway; its findings are in the verdict.
    External,
}

/// What stands in the place of redacted text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `[手机号#1]`: names the kind, tells values apart, can be restored.
    #[default]
    Placeholder,
    /// `138****8000`: keeps what people recognize; never restored.
    Mask,
}

/// Settings of an application or tenant. Everything has a default; `serde` refuses unknown keys.
///
/// ```
/// use menshen_policy::{OnUnavailable, Settings};
/// let settings = Settings { on_unavailable: OnUnavailable::Open, ..Settings::default() };
/// assert!(!settings.monitor && settings.guidance_max_chars == 2_400);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Monitor mode: everything is recorded, nothing is acted on.
    pub monitor: bool,
    /// The scene that holds unless the subject brings its own.
    pub scene: Option<String>,
    /// Open or closed when a detector is unavailable.
    pub on_unavailable: OnUnavailable,
    /// Rules switched off, as `pack/rule`; globs are allowed.
    pub disabled_rules: Vec<String>,
    /// What happens to parts that are not text.
    pub attachments: Attachments,
    /// The language of replies; without it, that of the user's text.
    pub lang: Option<Lang>,
    /// What stands in the place of redacted text unless the rule says.
    pub redaction: Style,
    /// Whether standard answers are given at all.
    pub answers: bool,
    /// A stricter or laxer similarity for standard answers, in percent (0–100), than the packs say.
    pub answer_threshold_percent: Option<u8>,
    /// The longest guidance text, in characters. Principles that no longer fit are left out whole.
    pub guidance_max_chars: usize,
    /// How many principles one guidance text holds at most.
    pub guidance_max_principles: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            monitor: false,
            scene: None,
            on_unavailable: OnUnavailable::Closed,
            disabled_rules: Vec::new(),
            attachments: Attachments::Block,
            lang: None,
            redaction: Style::Placeholder,
            answers: true,
            answer_threshold_percent: None,
            guidance_max_chars: 2_400,
            guidance_max_principles: 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_plain_data() {
        let settings: Settings =
            serde_json::from_str(r#"{"on_unavailable":"open","attachments":"external","lang":"zh"}"#).unwrap();
        assert_eq!(settings.on_unavailable, OnUnavailable::Open);
        assert_eq!(settings.attachments, Attachments::External);
        assert_eq!(serde_json::from_str::<Settings>(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
        assert!(serde_json::from_str::<Settings>(r#"{"monitr":true}"#).is_err());
    }

    #[test]
    fn a_text_falls_back_to_its_other_language() {
        let text = Text { zh: Some("你好".to_owned()), en: None };
        assert_eq!(text.get(Lang::En), "你好");
        assert_eq!(Text::default().get(Lang::Zh), "");
    }
}
