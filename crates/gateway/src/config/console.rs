//! The console: how long its sessions last, and their cookie.

use serde::{Deserialize, Serialize};

use super::sign_on::Oidc;

/// The console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// A session ends after so long without a request.
    pub session_idle_s: u32,
    /// A session ends after so long however it is used.
    pub session_most_s: u32,
    /// Whether browsers send the session's cookie over TLS only.
    pub secure_cookie: SecureCookie,
    /// Whether owners, policy editors and red-teamers may have an answer of the model without the guard's hand in it, to set it beside the guarded
    /// one. Recorded like any other request, as application `console.plain`.
    pub plain_answers: bool,
    /// Where browsers reach the program, such as `https://menshen.example`: security keys and providers are bound to it.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Signing on at an outside provider.
    #[serde(default)]
    pub oidc: Option<Oidc>,
}

impl Default for Console {
    fn default() -> Self {
        Console {
            session_idle_s: 3_600,
            session_most_s: 43_200,
            secure_cookie: SecureCookie::Auto,
            plain_answers: true,
            public_url: None,
            oidc: None,
        }
    }
}

/// Whether browsers send the session's cookie over TLS only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecureCookie {
    /// Where we listen beyond loopback.
    #[default]
    Auto,
    /// Always: behind a proxy that speaks TLS.
    Always,
    /// Never: plain HTTP within a network that one trusts.
    Never,
}
