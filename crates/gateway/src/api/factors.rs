//! One's own second factors: security keys and recovery codes, and the authenticator app once it is to go.
//!
//! What goes to and comes from browsers is in the JSON of Web Authentication Level 3, §5.1.8 and §5.1.9: bytes as base64url.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, Uri};
use menshen_store::{FactorNeeded, NewSecurityKey, Person, SecurityKey, SignInRefusal, Site};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::admin::{by, now_us, stored};
use super::people::own;
use super::session::{small, wait, written};
use super::{App, answer};
use crate::auth::{Caller, site};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

const PATH: &str = "/admin/people/me/factors";
/// As long as a challenge lasts, in milliseconds.
const TIMEOUT_MS: u32 = 300_000;

/// Bytes as base64url: padded or not, browsers differ.
fn bytes(what: &str, text: &str) -> Result<Vec<u8>, GatewayError> {
    let plain = text.trim_end_matches('=');
    BASE64URL_NOPAD.decode(plain.as_bytes()).map_err(|_| invalid(what, format!("'{what}' is not base64url")))
}

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn described(keys: &[SecurityKey]) -> Vec<Value> {
    let one = |k: &SecurityKey| json!({"type": "public-key", "id": text(&k.credential), "transports": k.transports});
    keys.iter().map(one).collect()
}

/// The page that asks.
pub(crate) fn site_of(gateway: &Gateway, headers: &HeaderMap, uri: &Uri) -> Option<Site> {
    site(gateway.config.console.public_url.as_deref(), headers, uri)
}

fn needs_site(gateway: &Gateway, headers: &HeaderMap, uri: &Uri) -> Result<Site, GatewayError> {
    let message = "security keys need a host name: open the console at console.public_url, by its name over https, or as \
                   http://localhost:PORT on this machine; never by an IP address";
    site_of(gateway, headers, uri).ok_or_else(|| GatewayError::new(Failure::Conflict, message))
}

/// What an answer that asks for the second factor says beside.
pub(crate) fn asked_for(needed: &FactorNeeded, site: Option<&Site>) -> Value {
    let mut factors = Vec::new();
    factors.extend(needed.security_keys.is_some().then_some("webauthn"));
    factors.extend(needed.totp.then_some("totp"));
    factors.extend(needed.recovery.then_some("recovery"));
    let options = needed.security_keys.as_ref().zip(site).map(|((challenge, keys), site)| {
        json!({
            "challenge": text(challenge), "rpId": site.host, "timeout": TIMEOUT_MS, "userVerification": "preferred",
            "allowCredentials": described(keys),
        })
    });
    json!({"factors": factors, "webauthn": options, "elsewhere": needed.elsewhere})
}

/// The answer of a key, as browsers write it; what else they write is not needed.
#[derive(Deserialize)]
pub(crate) struct AssertionJson {
    #[serde(rename = "rawId")]
    raw_id: String,
    response: AssertionResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

/// The same as bytes.
pub(crate) struct AssertionBytes {
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user: Option<Vec<u8>>,
}

impl AssertionJson {
    pub(crate) fn bytes(&self) -> Result<AssertionBytes, GatewayError> {
        let response = &self.response;
        Ok(AssertionBytes {
            id: bytes("rawId", &self.raw_id)?,
            client_data: bytes("clientDataJSON", &response.client_data)?,
            authenticator_data: bytes("authenticatorData", &response.authenticator_data)?,
            signature: bytes("signature", &response.signature)?,
            user: response.user_handle.as_deref().map(|user| bytes("userHandle", user)).transpose()?,
        })
    }
}

impl AssertionBytes {
    pub(crate) fn of<'a>(&'a self, site: &'a Site) -> menshen_store::Assertion<'a> {
        menshen_store::Assertion {
            site,
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
            user: self.user.as_deref(),
        }
    }
}

fn shown(key: &SecurityKey, site: Option<&Site>) -> Value {
    json!({
        "id": key.id, "name": key.name, "host": key.host, "created": written(key.created_us),
        "last_used": key.used_us.and_then(written), "backed_up": key.backed_up, "transports": key.transports,
        "here": site.is_some_and(|site| site.host == key.host),
    })
}

/// Being signed in is not enough to change what lets one in. Guessing the password here is guessing at the sign-in: it waits
/// as long.
pub(crate) async fn proven(gateway: &Gateway, person: &Person, current: &str) -> Result<(), GatewayError> {
    match gateway.store.check_password(&person.id, current, now_us()).await {
        Ok(()) => Ok(()),
        Err(SignInRefusal::Wait { seconds }) => Err(wait(seconds)),
        Err(SignInRefusal::Store(error)) => stored(Err(error)),
        Err(_) => Err(GatewayError::new(Failure::Forbidden, "'current' is not your password").param("current")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    /// The password.
    current: Zeroizing<String>,
}

/// Who asks, once they have shown that they know their password.
async fn proved<'a>(
    gateway: &Gateway,
    caller: &'a Caller,
    headers: &HeaderMap,
    body: Body,
) -> Result<&'a Person, GatewayError> {
    let asked: Proof = read_as(headers, body, &small(gateway)).await?;
    let myself = own(caller)?;
    proven(gateway, myself, &asked.current).await?;
    Ok(myself)
}

pub(crate) async fn list(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let result = async {
        let factors = stored(gateway.store.factors(&own(&caller)?.id))?;
        let site = site_of(&gateway, &headers, &uri);
        let keys: Vec<Value> = factors.security_keys.iter().map(|k| shown(k, site.as_ref())).collect();
        Ok(json!({
            "totp": factors.totp, "security_keys": keys, "host": site.map(|site| site.host),
            "recovery_codes": {"left": factors.recovery_left, "made": factors.recovery_made_us.and_then(written)},
        }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn ask_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let site = needs_site(&gateway, &headers, &uri);
        let myself = proved(&gateway, &caller, &headers, body).await?;
        let site = site?;
        let wanted = stored(gateway.store.ask_security_key(&myself.id, &site, now_us()))?;
        let algorithms: Vec<Value> =
            wanted.algorithms.iter().map(|alg| json!({"type": "public-key", "alg": alg})).collect();
        Ok(json!({
            "rp": {"id": site.host, "name": "Menshen"},
            "user": {"id": text(&wanted.user), "name": myself.name, "displayName": myself.display},
            "challenge": text(&wanted.challenge), "pubKeyCredParams": algorithms, "timeout": TIMEOUT_MS,
            "excludeCredentials": described(&wanted.known), "attestation": "none",
            // Beside a password: no key needs to keep who somebody is.
            "authenticatorSelection": {
                "residentKey": "discouraged", "requireResidentKey": false, "userVerification": "preferred",
            },
        }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// A new key, as browsers write it.
#[derive(Deserialize)]
struct AttestationJson {
    #[serde(rename = "rawId")]
    raw_id: String,
    response: AttestationResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    credential: AttestationJson,
}

pub(crate) async fn add_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: NewKey = read_as(&headers, body, &small(&gateway)).await?;
        let myself = own(&caller)?;
        let site = needs_site(&gateway, &headers, &uri)?;
        let response = &asked.credential.response;
        let id = bytes("rawId", &asked.credential.raw_id)?;
        let client_data = bytes("clientDataJSON", &response.client_data)?;
        let attestation = bytes("attestationObject", &response.attestation_object)?;
        let given = NewSecurityKey {
            id: &id,
            client_data: &client_data,
            attestation: &attestation,
            transports: &response.transports,
        };
        let adding = gateway.store.add_security_key(&myself.id, &site, &asked.name, given, by(&caller), now_us());
        Ok(shown(&stored(adding.await)?, Some(&site)))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

pub(crate) async fn rename_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Name = read_as(&headers, body, &small(&gateway)).await?;
        let myself = own(&caller)?;
        let renaming = gateway.store.rename_security_key(&myself.id, &id, &asked.name, by(&caller), now_us());
        Ok(shown(&stored(renaming.await)?, site_of(&gateway, &headers, &uri).as_ref()))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn remove_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let myself = proved(&gateway, &caller, &headers, body).await?;
        let but = caller.session.as_deref();
        stored(gateway.store.remove_security_key(&myself.id, &id, but, by(&caller), now_us()).await)?;
        Ok(json!({"removed": id}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn remove_totp(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let myself = proved(&gateway, &caller, &headers, body).await?;
        let but = caller.session.as_deref();
        stored(gateway.store.remove_totp(&myself.id, but, by(&caller), now_us()).await)?;
        Ok(json!({"totp": false}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn make_codes(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let myself = proved(&gateway, &caller, &headers, body).await?;
        let codes = stored(gateway.store.make_recovery_codes(&myself.id, by(&caller), now_us()).await)?;
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        Ok(json!({"codes": codes}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
