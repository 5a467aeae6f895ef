//! Settings of labels on what models generate.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Labels on what models generate (GB 45438-2025). Without a producer nothing is labelled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Label {
    /// The provider's 27-character code (TC260-PG-20252A), or a name without spaces and Chinese characters.
    pub producer: Option<String>,
    /// Where the explicit label stands in a text; `end` without it.
    pub explicit: Option<Explicit>,
    /// Invisible marks within a text, whose payload is the request's id; `none` without it.
    pub mark: Option<Mark>,
    /// File of the SM2 private key (PEM) that signs labels.
    pub signing_key: Option<PathBuf>,
    /// Under which number verifiers know its public key; `1` without it.
    pub key_id: Option<String>,
    /// What becomes of pictures and sounds that cannot be labelled.
    pub unlabelled_files: UnlabelledFiles,
    /// The largest file that `/v1/labels/…` takes.
    pub max_file_bytes: u64,
}

impl Default for Label {
    fn default() -> Self {
        Label {
            producer: None,
            explicit: None,
            mark: None,
            signing_key: None,
            key_id: None,
            unlabelled_files: UnlabelledFiles::Block,
            max_file_bytes: 4 << 30,
        }
    }
}

/// How one application's answers are labelled: what is left out is as for all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppLabel {
    /// Where the explicit label stands.
    pub explicit: Option<Explicit>,
    /// Invisible marks.
    pub mark: Option<Mark>,
}

/// Where the explicit label stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Explicit {
    /// Nowhere: the application shows it around the text.
    None,
    /// Before it.
    Start,
    /// Behind it.
    End,
    /// Before and behind it.
    Both,
}

impl Explicit {
    /// As it is written in settings and records.
    pub const fn id(self) -> &'static str {
        match self {
            Explicit::None => "none",
            Explicit::Start => "start",
            Explicit::End => "end",
            Explicit::Both => "both",
        }
    }
}

/// Invisible marks within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// None.
    None,
    /// Zero-width characters.
    ZeroWidth,
    /// Variation selectors.
    VariationSelector,
}

impl Mark {
    pub(crate) const fn scheme(self) -> Option<menshen_provenance::watermark::text::invisible::Scheme> {
        use menshen_provenance::watermark::text::invisible::Scheme;
        match self {
            Mark::None => None,
            Mark::ZeroWidth => Some(Scheme::ZeroWidth),
            Mark::VariationSelector => Some(Scheme::VariationSelector),
        }
    }
}

/// What becomes of files that cannot be labelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnlabelledFiles {
    /// The answer is withheld.
    #[default]
    Block,
    /// They pass, and are recorded as unlabelled.
    Pass,
}
