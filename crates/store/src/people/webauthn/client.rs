//! Client data: what the browser says that it asked, and for which page (Level 2, §5.8.1).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use super::{Challenge, Fault, LONGEST};

/// Which ceremony it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Get,
}

/// Browsers may say more than this.
#[derive(Debug, Deserialize)]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<Value>,
}

impl ClientData {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(bytes).map_err(|_| Fault::Unreadable)
    }

    pub(super) fn is(&self, kind: Kind) -> bool {
        self.kind
            == match kind {
                Kind::Create => "webauthn.create",
                Kind::Get => "webauthn.get",
            }
    }

    pub(super) fn challenge(&self) -> Result<Challenge, Fault> {
        let bytes = BASE64URL_NOPAD.decode(self.challenge.as_bytes()).map_err(|_| Fault::Challenge)?;
        bytes.try_into().map_err(|_| Fault::Challenge)
    }

    /// Exactly, as text: what looks alike is another page.
    pub(super) fn comes_from(&self, origin: &str) -> bool {
        self.origin == origin
    }

    /// Whether the page stood within one of another origin.
    pub(super) fn embedded(&self) -> bool {
        self.cross_origin == Some(true) || self.top_origin.is_some()
    }
}

/// The challenge that an answer names, to find what was asked.
pub(in crate::people) fn challenge_of(client_data: &[u8]) -> Result<Challenge, Fault> {
    if client_data.len() > LONGEST {
        return Err(Fault::Unreadable);
    }
    ClientData::read(client_data)?.challenge()
}
