//! Signing on at an outside provider (OpenID Connect).

use std::path::PathBuf;

use menshen_store::Role;
use serde::{Deserialize, Serialize};

/// An OpenID Connect provider that people sign on at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The issuer's address, exactly as the provider writes it. Everything else is read from
    /// `<issuer>/.well-known/openid-configuration`.
    pub issuer: String,
    /// What the provider calls this program.
    pub client_id: String,
    /// A file with the client's secret. Neither this nor `client_secret_env`: a public client, with PKCE alone.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// An environment variable with the client's secret.
    #[serde(default)]
    pub client_secret_env: Option<String>,
    /// What the button says.
    #[serde(default = "title")]
    pub title: String,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that new accounts are called after.
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// Domains of verified addresses that may sign on; empty for all.
    #[serde(default)]
    pub allowed_domains: Vec<String>,
    /// Who gets which roles. The first row that fits counts; whoever fits none is not let in.
    #[serde(default)]
    pub mapping: Vec<Mapping>,
    /// Whether signing out ends the provider's session too, where it says how.
    #[serde(default)]
    pub logout: bool,
    /// Signature algorithms of ID tokens that are believed.
    #[serde(default = "algorithms")]
    pub algorithms: Vec<String>,
}

/// Who gets which roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The claim that is looked at: a text or a list of texts. `email_domain` is that of an address that the provider
    /// has verified.
    #[serde(default = "groups")]
    pub claim: String,
    /// What it must be, or hold.
    pub value: String,
    /// The roles that this gives.
    pub roles: Vec<Role>,
    /// The one tenant that they may see; left out for all.
    #[serde(default)]
    pub tenant: Option<String>,
}

fn title() -> String {
    "SSO".to_owned()
}

fn scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}

fn name_claim() -> String {
    "preferred_username".to_owned()
}

fn groups() -> String {
    "groups".to_owned()
}

fn algorithms() -> Vec<String> {
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"].map(str::to_owned).to_vec()
}
