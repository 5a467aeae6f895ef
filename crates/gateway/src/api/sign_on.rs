//! Signing on at an outside provider: the way out and the way back.
//!
//! The way back leads to the console's first page and nowhere else; what went wrong stands there as one of a few codes.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use menshen_store::{Outside, SignOnRefusal};
use serde_json::{Value, json};

use super::admin::now_us;
use super::session::{Peer, address, agent, with_cookie};
use super::{App, answer};
use crate::auth::{same_origin, token};
use crate::error::{Failure, GatewayError};
use crate::gateway::Gateway;
use crate::sign_on::attempt::{Attempt, LASTS_S};
use crate::sign_on::{Answer, Refusal, SignOn, Told};

const PATH: &str = "/console/api/oidc";
/// Where browsers go when it is over.
const HOME: &str = "/console/";

fn provider(gateway: &Gateway) -> Result<&SignOn, GatewayError> {
    let none = || GatewayError::new(Failure::NotFound, "no provider is configured; see console.oidc in the settings");
    gateway.sign_on.as_ref().ok_or_else(none)
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn random() -> Result<[u8; 32], GatewayError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| GatewayError::new(Failure::Internal, "the system gives no random numbers").detail(e))?;
    Ok(bytes)
}

pub(crate) async fn begin(State(gateway): App, headers: HeaderMap) -> Response {
    let result: Result<(Value, Attempt), GatewayError> = async {
        // A page of somebody else's must not send browsers off.
        same_origin(&headers)?;
        let provider = provider(&gateway)?;
        let attempt = Attempt::begin(&random()?, now_s());
        let url = provider.address(&attempt).await.map_err(|why| {
            tracing::warn!(%why, "signing on cannot begin");
            GatewayError::new(
                Failure::UpstreamUnreachable,
                "the provider cannot be reached; try again, or sign in with a password",
            )
            .detail(why)
        })?;
        Ok((json!({"url": url}), attempt))
    }
    .await;
    let (mut response, cookie) = match result {
        Ok((told, attempt)) => {
            (answer(PATH, Ok(told), &gateway).await, gateway.door.attempt_cookie(attempt.cookie(), LASTS_S))
        }
        Err(error) => (answer(PATH, Err(error), &gateway).await, None),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What the page is told of a sign-on that ended without a session.
struct Ended(&'static str);

async fn sign_on(
    gateway: &Gateway,
    given: Answer,
    peer: &Peer,
    headers: &HeaderMap,
) -> Result<menshen_store::StartedSession, Ended> {
    let provider = provider(gateway).map_err(|_| Ended("stale"))?;
    let ended = |why: &Refusal| {
        tracing::warn!(%why, "somebody could not sign on");
        Ended(why.code())
    };
    let kept = gateway.door.attempt(headers).and_then(|text| Attempt::kept(text, now_s()));
    let address = address(peer);
    // Each way back costs a request to the provider: whoever sends many that lead nowhere has to wait.
    gateway.store.begin_attempt(address, now_us()).map_err(|seconds| {
        tracing::warn!(seconds, "too many sign-ons failed");
        Ended("wait")
    })?;
    let stored = |error: menshen_store::Error| {
        tracing::error!(%error, "a sign-on could not be stored");
        Ended("unavailable")
    };
    let who = match provider.finish(given, kept).await.map_err(|why| ended(&why))? {
        Told::Welcome(who) => who,
        Told::Unwelcome { subject, why } => {
            gateway.store.sign_on_withdrawn(provider.issuer(), &subject, now_us()).await.map_err(stored)?;
            return Err(ended(&why));
        }
    };
    gateway.store.attempt_succeeded(address);
    let outside = Outside {
        issuer: provider.issuer(),
        subject: &who.subject,
        name: &who.name,
        display: &who.display,
        roles: &who.roles,
        tenant: who.tenant.as_deref(),
    };
    gateway.store.sign_on(outside, agent(headers), token(headers), now_us()).await.map_err(|refusal| match refusal {
        SignOnRefusal::NameTaken => Ended("name_taken"),
        SignOnRefusal::Disabled => Ended("disabled"),
        SignOnRefusal::Store(error) => stored(error),
        _ => Ended("unavailable"),
    })
}

pub(crate) async fn callback(
    State(gateway): App,
    peer: Peer,
    headers: HeaderMap,
    given: Result<Query<Answer>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let given = given.map(|Query(given)| given).unwrap_or_default();
    let begun = sign_on(&gateway, given, &peer, &headers).await;
    let place = match &begun {
        Ok(_) => HOME.to_owned(),
        Err(Ended(code)) => format!("{HOME}?sign_on={code}"),
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(started) = &begun {
        response = with_cookie(&gateway, response, &started.token);
    }
    let headers = response.headers_mut();
    if let Ok(place) = HeaderValue::from_str(&place) {
        headers.insert(header::LOCATION, place);
    }
    // The attempt is over, however it ended; its address has a code in it that nobody else is to see.
    if let Some(over) = gateway.door.attempt_cookie("", 0) {
        headers.append(header::SET_COOKIE, over);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Where a browser that signs out goes on to, if to anywhere.
pub(crate) async fn end_address(gateway: &Gateway, person: Option<&str>) -> Option<String> {
    let provider = gateway.sign_on.as_ref()?;
    if !gateway.store.signs_on_at(person?, provider.issuer()) {
        return None;
    }
    provider.end_address().await
}

/// What the sign-in page offers.
pub(crate) fn offered(gateway: &Gateway) -> Value {
    gateway.sign_on.as_ref().map_or(Value::Null, |provider| json!({"title": provider.title()}))
}
