//! The console's session: signing in and out, and the first account.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use menshen_store::{Credentials, OpenSession, SecondFactor, SignInRefusal, StartedSession, csrf_of};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::admin::{now_us, stored};
use super::factors::{AssertionJson, asked_for, site_of};
use super::{App, answer, sign_on};
use crate::auth::{ADMIN, INFER, same_origin, token};
use crate::config::Limits;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

const PATH: &str = "/console/api/session";
/// Nobody has signed in yet: what they send is small.
const MOST_BYTES: usize = 16 << 10;

/// Where a request came from; absent in tests that have no socket.
pub(crate) type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

pub(crate) fn address(peer: &Peer) -> Option<IpAddr> {
    peer.as_ref().map(|Extension(ConnectInfo(address))| address.ip())
}

pub(crate) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

pub(crate) fn small(gateway: &Gateway) -> Limits {
    Limits { max_request_bytes: MOST_BYTES, ..gateway.config.limits.clone() }
}

/// RFC 3339 to the second.
pub(crate) fn written(at_us: i64) -> Option<String> {
    let at = jiff::Timestamp::from_second(at_us.div_euclid(1_000_000)).ok()?;
    Some(at.to_string())
}

/// A session as its browser sees it.
pub(crate) fn shown(open: &OpenSession, token: &str) -> Value {
    let (id, name, display, roles, tenant, totp, keys) = match (&open.person, &open.key) {
        (Some(p), _) => {
            (Some(&p.id), &p.name, &p.display, json!(p.roles), p.tenant.as_deref(), p.totp, p.security_keys)
        }
        (None, Some(key)) => (None, &key.id, &key.name, json!(["owner"]), None, false, 0),
        (None, None) => {
            return json!({
                "id": null, "name": "admin", "display": "admin", "roles": ["owner"], "tenant": null, "totp": false,
                "security_keys": 0, "csrf": csrf_of(token), "expires": written(open.session.expires_us),
            });
        }
    };
    json!({
        "id": id, "name": name, "display": display, "roles": roles, "tenant": tenant, "totp": totp,
        "security_keys": keys, "csrf": csrf_of(token), "expires": written(open.session.expires_us),
    })
}

/// An answer with the session's cookie; an empty token takes it away.
pub(crate) fn with_cookie(gateway: &Gateway, mut response: Response, token: &str) -> Response {
    if let Some(cookie) = gateway.door.cookie(token, gateway.store.options().sessions.most_s) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn said(gateway: &Gateway, result: Result<Value, GatewayError>) -> Response {
    let mut response = answer(PATH, result, gateway).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn begun(gateway: &Gateway, result: Result<StartedSession, GatewayError>) -> Response {
    match result {
        Ok(started) => {
            let response = said(gateway, Ok(shown(&started.open, &started.token))).await;
            with_cookie(gateway, response, &started.token)
        }
        Err(error) => said(gateway, Err(error)).await,
    }
}

pub(crate) async fn current(State(gateway): App, headers: HeaderMap) -> Response {
    let result = match gateway.door.signed_in(&headers) {
        Some((open, token)) => Ok(shown(&open, token)),
        None => Err(GatewayError::new(Failure::Unauthorized, "nobody is signed in; POST here to sign in")),
    };
    said(&gateway, result).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    password: Option<Zeroizing<String>>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    recovery: Option<Zeroizing<String>>,
    #[serde(default)]
    assertion: Option<AssertionJson>,
    #[serde(default)]
    key: Option<Zeroizing<String>>,
}

pub(crate) fn wait(seconds: u64) -> GatewayError {
    GatewayError::new(Failure::RateLimited, format!("too many attempts failed; wait {seconds} seconds"))
        .retry_after(seconds)
}

fn wrong() -> GatewayError {
    GatewayError::new(Failure::WrongCredentials, "name, password or code are not right")
}

fn nowhere() -> GatewayError {
    let message =
        "security keys answer to the console's own address only, never to an IP address; use another second factor";
    GatewayError::new(Failure::Conflict, message).param("assertion")
}

pub(crate) async fn sign_in(State(gateway): App, peer: Peer, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        same_origin(&headers)?;
        let asked: SignIn = read_as(&headers, body, &small(&gateway)).await?;
        let (agent, replaced) = (agent(&headers), token(&headers));
        let address = address(&peer);
        match asked {
            SignIn { key: Some(key), name: None, password: None, code: None, recovery: None, assertion: None } => {
                let now = now_us();
                gateway.store.begin_attempt(address, now).map_err(wait)?;
                let key_id = if gateway.door.is_admin_key(&key) {
                    "admin".to_owned()
                } else {
                    let known = gateway.store.authenticate(&key, now).ok().filter(|k| k.has_scope(ADMIN));
                    known
                        .ok_or_else(|| GatewayError::new(Failure::WrongCredentials, "this is no admin key"))?
                        .id
                        .clone()
                };
                gateway.store.attempt_succeeded(address);
                stored(gateway.store.begin_key_session(&key_id, agent, replaced, now).await)
            }
            SignIn { key: None, name: Some(name), password: Some(password), code, recovery, assertion } => {
                let site = site_of(&gateway, &headers, &uri);
                let assertion = assertion.map(|given| given.bytes()).transpose()?;
                let second = match (code.as_deref(), recovery.as_ref(), assertion.as_ref()) {
                    (None, None, None) => None,
                    (Some(code), None, None) => Some(SecondFactor::Code(code)),
                    (None, Some(code), None) => Some(SecondFactor::Recovery(code)),
                    (None, None, Some(given)) => Some(SecondFactor::Key(given.of(site.as_ref().ok_or_else(nowhere)?))),
                    _ => return Err(invalid("", "send one of 'code', 'recovery' and 'assertion'")),
                };
                let (name, password, site) = (name.as_str(), password.as_str(), site.as_ref());
                let given = Credentials { name, password, second, site, address, agent, replaced };
                gateway.store.sign_in(given, now_us()).await.map_err(|refusal| match refusal {
                    SignInRefusal::Wait { seconds } => wait(seconds),
                    SignInRefusal::SecondFactor(needed) => {
                        let message = "a second factor is needed too: 'code' with the six digits of your authenticator, \
                                       'assertion' of a security key, or 'recovery' with a recovery code";
                        GatewayError::new(Failure::SecondFactor, message).factors(asked_for(&needed, site))
                    }
                    SignInRefusal::Store(error) => match stored::<()>(Err(error)) {
                        Err(error) => error,
                        Ok(()) => wrong(),
                    },
                    _ => wrong(),
                })
            }
            _ => Err(invalid(
                "",
                "send 'name' and 'password', with the second factor where one is asked for, or 'key' alone",
            )),
        }
    };
    let result = result.await;
    begun(&gateway, result).await
}

pub(crate) async fn sign_out(State(gateway): App, headers: HeaderMap) -> Response {
    let result = async {
        let mut elsewhere = None;
        if let Some((open, _)) = gateway.door.signed_in_for(&Method::DELETE, &headers)? {
            let by = match &open.person {
                Some(person) => format!("person:{}", person.name),
                None => open.key_id.clone().unwrap_or_default(),
            };
            stored(gateway.store.end_session(&open.session.id, &by, now_us()).await)?;
            elsewhere = sign_on::end_address(&gateway, open.person.as_ref().map(|p| p.id.as_str())).await;
        }
        Ok(json!({"signed_out": true, "provider": elsewhere}))
    };
    let result = result.await;
    // A request that was forged must not sign anybody out.
    let done = result.is_ok();
    let response = said(&gateway, result).await;
    if done { with_cookie(&gateway, response, "") } else { response }
}

pub(crate) async fn setup(State(gateway): App) -> Response {
    let needed = gateway.store.needs_first_account();
    let snapshot = gateway.guard.snapshot();
    let own = |id: &str| gateway.config.pack_folders.iter().any(|folder| folder.join(id).is_dir());
    let steps = json!({
        "owner": !needed,
        "upstream": gateway.upstreams.any(),
        "key": gateway.store.keys().iter().any(|k| k.has_scope(INFER) && k.revoked_us.is_none()),
        // The operator's own: those that are shipped are there anyway.
        "answers": snapshot.packs.answers().any(|(pack, _)| own(pack)),
    });
    said(&gateway, Ok(json!({"needed": needed, "steps": steps, "sign_on": sign_on::offered(&gateway)}))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstOwner {
    name: String,
    password: Zeroizing<String>,
    token: Zeroizing<String>,
}

pub(crate) async fn first_owner(State(gateway): App, peer: Peer, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        same_origin(&headers)?;
        let asked: FirstOwner = read_as(&headers, body, &small(&gateway)).await?;
        let (now, address) = (now_us(), address(&peer));
        gateway.store.begin_attempt(address, now).map_err(wait)?;
        let made = gateway.store.set_up(asked.token.trim(), &asked.name, &asked.password, now).await;
        if let Err(menshen_store::Error::NotFound { .. }) = &made {
            let message = "the token is not right, or there is an account already; the program prints a new token when it \
                           starts without accounts";
            return Err(GatewayError::new(Failure::Forbidden, message).param("token"));
        }
        gateway.store.attempt_succeeded(address);
        let person = stored(made)?;
        stored(gateway.store.begin_session_of(&person.id, agent(&headers), token(&headers), now).await)
    };
    let result = result.await;
    begun(&gateway, result).await
}
