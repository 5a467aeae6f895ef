//! Channels to people outside.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Messages to people outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// How long one attempt may take.
    pub timeout_ms: u64,
    /// How long to wait after the first failure; twice as long after each further one, an hour at most.
    pub retry_s: u32,
    /// After so many attempts a message is given up.
    pub most_attempts: u32,
    /// The channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channel: Vec<Channel>,
}

impl Default for Notifications {
    fn default() -> Self {
        Notifications { timeout_ms: 10_000, retry_s: 30, most_attempts: 10, channel: Vec::new() }
    }
}

/// A channel. Its address is as secret as its secret: robots' addresses carry their tokens.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Channel {
    /// What it is called.
    pub name: String,
    /// What it speaks.
    pub kind: ChannelKind,
    /// Its address. `url_env` and `url_file` are the better places.
    #[serde(skip_serializing)]
    pub url: Option<String>,
    /// Environment variable that holds its address.
    pub url_env: Option<String>,
    /// File that holds its address.
    pub url_file: Option<PathBuf>,
    /// Environment variable that holds the secret that signs messages, or the password of the e-mail server.
    pub secret_env: Option<String>,
    /// File that holds it.
    pub secret_file: Option<PathBuf>,
    /// The language of its messages: `zh` or `en`.
    pub lang: Option<String>,
    /// Only messages of these topics; empty for all.
    pub topics: Vec<String>,
    /// Only messages that concern this tenant.
    pub tenant: Option<String>,
    /// The e-mail server.
    pub server: Option<String>,
    /// Its port; 587 for STARTTLS, 465 for TLS without it.
    pub port: Option<u16>,
    /// How the way to it is protected.
    pub tls: SmtpTls,
    /// Who signs in at it.
    pub user: Option<String>,
    /// Whose messages they are.
    pub from: Option<String>,
    /// Who gets them.
    pub to: Vec<String>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a channel speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// A DingTalk group robot.
    Dingtalk,
    /// A Feishu (Lark) group robot.
    Feishu,
    /// A WeCom group robot.
    Wecom,
    /// A Slack incoming webhook.
    Slack,
    /// Our own JSON, signed.
    #[default]
    Webhook,
    /// E-mail by SMTP.
    Email,
}

impl ChannelKind {
    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            ChannelKind::Dingtalk => "dingtalk",
            ChannelKind::Feishu => "feishu",
            ChannelKind::Wecom => "wecom",
            ChannelKind::Slack => "slack",
            ChannelKind::Webhook => "webhook",
            ChannelKind::Email => "email",
        }
    }
}

/// How the way to an e-mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpTls {
    /// Plain first, then TLS, or nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: only to an address of loopback.
    None,
}
