//! Signing on at an OpenID Connect provider: authorization code with PKCE (RFC 7636), state and nonce.
//!
//! The provider is the configured issuer and nobody else: its addresses come from its discovery document, which must name
//! the same issuer, and no request chooses one. Nothing is kept between the two halves of a sign-on but a secret in the
//! browser's cookie, from which state, nonce and verifier follow ([`attempt`]). What the ID token says is believed only
//! after `openidconnect` has checked signature, issuer, audience, times and nonce, and we the authorised party; then the operator's
//! [`mapping`] decides, and whoever fits no row is not let in.

pub(crate) mod attempt;
pub(crate) mod mapping;
mod provider;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreTokenResponse,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse as _,
};
use serde::Deserialize;
use serde_json::Value;

use self::attempt::Attempt;
use self::mapping::Identity;
use self::provider::{Known, Provider, bounded};
use crate::config::{Config, Oidc};
use crate::error::{Failure, GatewayError};

/// Where a provider sends browsers back to, below the console's public address.
pub(crate) const CALLBACK: &str = "/console/api/oidc/callback";
/// A token that says it was made later than this from now was made by a clock that cannot be believed.
const EARLY_S: i64 = 300;
/// Longer codes and states are not a provider's.
const LONGEST: usize = 4_096;

/// Why a sign-on ended without a session. The code is what the page learns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The person, or the provider for them, said no.
    #[error("the provider says that access was denied")]
    Denied,
    /// This browser began no sign-on that fits, or it took too long.
    #[error("this browser began no sign-on that fits; begin again")]
    Stale,
    /// The provider cannot be reached, or says what cannot be read.
    #[error("the provider cannot be reached or cannot be understood: {0}")]
    Unreachable(String),
    /// What the provider sent does not hold.
    #[error("what the provider sent does not hold: {0}")]
    Untrue(String),
    /// No row of the mapping fits.
    #[error("no row of console.oidc.mapping fits")]
    NoRole,
    /// The address is not verified, or of another domain.
    #[error("the address is not verified or not of an allowed domain")]
    Domain,
    /// The claim for the name is absent or will not do.
    #[error("the claim for the name is absent or cannot be a name")]
    NoName,
}

impl Refusal {
    /// The code in the page's address.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::Denied => "denied",
            Refusal::Stale => "stale",
            Refusal::Unreachable(_) => "unreachable",
            Refusal::Untrue(_) => "untrue",
            Refusal::NoRole => "no_role",
            Refusal::Domain => "domain",
            Refusal::NoName => "no_name",
        }
    }
}

/// What comes back in the address. All of it is a stranger's until the state fits.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

/// Who somebody is, or was told that they may not.
#[derive(Debug)]
pub(crate) enum Told {
    /// They may.
    Welcome(Identity),
    /// The provider knows them, and the mapping does not let them in.
    Unwelcome { subject: String, why: Refusal },
}

/// The provider that people sign on at.
pub struct SignOn {
    settings: Oidc,
    public_url: String,
    redirect: RedirectUrl,
    secret: Option<ClientSecret>,
    algorithms: Vec<CoreJwsSigningAlgorithm>,
    provider: Provider,
}

type Ready = CoreClient<
    openidconnect::EndpointSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointNotSet,
    openidconnect::EndpointMaybeSet,
    openidconnect::EndpointMaybeSet,
>;

impl SignOn {
    /// Prepares what is configured; nothing is asked of the provider before somebody signs on.
    ///
    /// # Errors
    /// When a setting cannot be meant: the message says which.
    pub fn new(config: &Config, http: reqwest::Client) -> Result<Option<Self>, GatewayError> {
        let Some(settings) = config.console.oidc.clone() else { return Ok(None) };
        let broken = |what: String| GatewayError::new(Failure::Internal, what);
        let Some(public_url) = config.console.public_url.clone() else {
            return Err(broken("console.oidc needs console.public_url: providers send browsers back there".to_owned()));
        };
        let public_url = public_url.trim_end_matches('/').to_owned();
        let redirect = RedirectUrl::new(format!("{public_url}{CALLBACK}"))
            .map_err(|e| broken(format!("console.public_url {public_url:?} is not a URL: {e}")))?;
        if !provider::careful(redirect.url(), true) {
            return Err(broken("console.public_url must begin with https://, or be on this machine".to_owned()));
        }
        let provider = Provider::new(&settings.issuer, http).map_err(broken)?;
        let algorithms =
            settings.algorithms.iter().map(|name| algorithm(name).map_err(broken)).collect::<Result<_, _>>()?;
        if let Some(row) = settings.mapping.iter().find(|row| row.roles.is_empty() || row.value.is_empty()) {
            return Err(broken(format!("console.oidc.mapping of claim {:?} needs a value and roles", row.claim)));
        }
        let secret = secret(&settings).map_err(broken)?.map(ClientSecret::new);
        Ok(Some(SignOn { settings, public_url, redirect, secret, algorithms, provider }))
    }

    /// What the button says.
    pub(crate) fn title(&self) -> &str {
        &self.settings.title
    }

    /// The issuer.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    fn client(&self, known: &Known) -> Ready {
        let id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(known.metadata.clone(), id, self.secret.clone());
        let auth = if known.takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        client.set_auth_type(auth).set_redirect_uri(self.redirect.clone())
    }

    /// Where a browser goes that begins to sign on.
    ///
    /// # Errors
    /// When the provider cannot be asked for its addresses.
    pub(crate) async fn address(&self, attempt: &Attempt) -> Result<String, Refusal> {
        let known = self.provider.known().await?;
        let verifier = PkceCodeVerifier::new(attempt.verifier());
        let client = self.client(&known);
        let (state, nonce) = (CsrfToken::new(attempt.state()), Nonce::new(attempt.nonce()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in self.settings.scopes.iter().filter(|s| *s != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        Ok(request.url().0.to_string())
    }

    /// Takes what the provider sent back with the browser that began.
    ///
    /// # Errors
    /// Why nobody learns who this is.
    pub(crate) async fn finish(&self, answer: Answer, attempt: Option<Attempt>) -> Result<Told, Refusal> {
        let attempt = attempt.ok_or(Refusal::Stale)?;
        // Before anything else: what did not begin in this browser is not looked at.
        if !answer.state.as_deref().is_some_and(|state| attempt.is_state(state)) {
            return Err(Refusal::Stale);
        }
        let known = self.provider.known().await?;
        // Another provider's answer must not be taken for this one's (RFC 9207).
        match &answer.iss {
            Some(iss) if *iss != self.settings.issuer => {
                return Err(Refusal::Untrue("the answer names another issuer".to_owned()));
            }
            None if known.names_itself => return Err(Refusal::Untrue("the answer names no issuer".to_owned())),
            _ => {}
        }
        if let Some(error) = &answer.error {
            return Err(match error.as_str() {
                "access_denied" | "login_required" | "interaction_required" | "consent_required" => Refusal::Denied,
                other => Refusal::Unreachable(format!("it answered with {:?}", bounded(other))),
            });
        }
        let code = answer.code.filter(|c| !c.is_empty() && c.len() <= LONGEST).ok_or(Refusal::Stale)?;
        let response = self.redeem(&known, code, attempt.verifier()).await?;
        let token = response.id_token().ok_or_else(|| Refusal::Untrue("there is no ID token".to_owned()))?;
        let nonce = Nonce::new(attempt.nonce());
        let mut checked = token.claims(&self.verifier(&known), &nonce);
        let renewed;
        if let Err(ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
        )) = &checked
        {
            // The provider may have changed its keys since they were read.
            renewed = self.provider.renewed().await?;
            checked = token.claims(&self.verifier(&renewed), &nonce);
        }
        let claims = checked.map_err(|e| Refusal::Untrue(e.to_string()))?;
        // The crate leaves this one to its users: what was made for another party is not for us (Core 1.0, §3.1.3.7, 5).
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(Refusal::Untrue("the token was made for another party".to_owned()));
        }
        let subject = claims.subject().as_str().to_owned();
        let payload = payload_of(&token.to_string())?;
        Ok(match mapping::identity(&self.settings, &subject, &payload) {
            Ok(identity) => Told::Welcome(identity),
            Err(why) => Told::Unwelcome { subject, why },
        })
    }

    async fn redeem(&self, known: &Known, code: String, verifier: String) -> Result<CoreTokenResponse, Refusal> {
        let client = self.client(known);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|e| Refusal::Unreachable(format!("it names no token endpoint: {e}")))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier));
        request.request_async(self.provider.http()).await.map_err(|e| match e {
            RequestTokenError::ServerResponse(said) => {
                Refusal::Untrue(format!("the code was refused: {}", bounded(said.error().as_ref())))
            }
            RequestTokenError::Request(e) => Refusal::Unreachable(e.to_string()),
            // The body may hold tokens: it is not shown.
            RequestTokenError::Parse(e, _) => Refusal::Untrue(format!("the token answer: {}", bounded(&e.to_string()))),
            RequestTokenError::Other(e) => Refusal::Unreachable(bounded(&e)),
        })
    }

    /// Without the client's secret on purpose: no ID token is believed that was signed with a secret.
    fn verifier(&self, known: &Known) -> CoreIdTokenVerifier<'static> {
        let now_s = jiff::Timestamp::now().as_second();
        CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.settings.client_id.clone()),
            known.metadata.issuer().clone(),
            known.metadata.jwks().clone(),
        )
        .set_allowed_algs(self.algorithms.iter().cloned())
        .set_issue_time_verifier_fn(move |made| {
            if made.timestamp() > now_s + EARLY_S { Err("it was made in the future".to_owned()) } else { Ok(()) }
        })
    }

    /// Where a browser ends its session at the provider, where that is wanted and the provider says how.
    pub(crate) async fn end_address(&self) -> Option<String> {
        if !self.settings.logout {
            return None;
        }
        let known = self.provider.known().await.ok()?;
        let mut url = known.end_session.clone()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/console/", self.public_url));
        Some(url.into())
    }
}

/// An algorithm with a public key. Those with a shared secret, and `none`, are never believed.
fn algorithm(name: &str) -> Result<CoreJwsSigningAlgorithm, String> {
    let refused = || format!("console.oidc.algorithms: {name:?} is not one with a public key, such as RS256 or ES256");
    if name.starts_with("HS") || name == "none" {
        return Err(refused());
    }
    serde_json::from_value(Value::from(name)).map_err(|_| refused())
}

fn secret(settings: &Oidc) -> Result<Option<String>, String> {
    let text = match (&settings.client_secret_file, &settings.client_secret_env) {
        (Some(_), Some(_)) => {
            return Err("set one of console.oidc.client_secret_file and client_secret_env, not both".to_owned());
        }
        (None, None) => return Ok(None),
        (Some(file), None) => std::fs::read_to_string(file)
            .map_err(|e| format!("cannot read console.oidc.client_secret_file {}: {e}", file.display()))?,
        (None, Some(name)) => std::env::var(name)
            .map_err(|_| format!("environment variable {name} (console.oidc.client_secret_env) is not set"))?,
    };
    match text.trim() {
        "" => Err("the client's secret of console.oidc is empty".to_owned()),
        text => Ok(Some(text.to_owned())),
    }
}

/// The claims of a token that was checked, all of them.
fn payload_of(token: &str) -> Result<Value, Refusal> {
    let unreadable = || Refusal::Untrue("the ID token's claims".to_owned());
    let payload = token.split('.').nth(1).ok_or_else(unreadable)?;
    let bytes = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_believed_that_a_shared_secret_or_nothing_signs() {
        for name in ["HS256", "HS384", "HS512", "none", "rs256", ""] {
            assert!(algorithm(name).is_err(), "{name}");
        }
        for name in ["RS256", "PS512", "ES384", "EdDSA"] {
            assert!(algorithm(name).is_ok(), "{name}");
        }
    }
}
