//! Accounts and sessions of the console.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{NewPerson, OpenSession, Person, PersonChange, Role};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::admin::{by, now_us, stored};
use super::factors::proven;
use super::session::{agent, shown as shown_session, with_cookie, written};
use super::{App, answer};
use crate::auth::{Caller, Permission};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

const PATH: &str = "/admin/people";
const SESSIONS: &str = "/admin/sessions";
/// How callers name themselves in paths.
const MYSELF: &str = "me";

fn shown(person: &Person) -> Value {
    json!({
        "id": person.id, "name": person.name, "display": person.display, "roles": person.roles, "tenant": person.tenant,
        "created": written(person.created_us), "last_seen": person.seen_us.and_then(written),
        "disabled": person.disabled, "totp": person.totp,
        "security_keys": person.security_keys, "sign_on": person.sign_on,
    })
}

fn unknown() -> GatewayError {
    GatewayError::new(Failure::NotFound, "there is no account of this id")
}

/// Somebody the caller may see.
fn known(gateway: &Gateway, caller: &Caller, id: &str) -> Result<std::sync::Arc<Person>, GatewayError> {
    gateway.store.person(id).filter(|p| caller.sees(p.tenant.as_deref())).ok_or_else(unknown)
}

/// The caller's own account.
pub(crate) fn own(caller: &Caller) -> Result<&Person, GatewayError> {
    let none =
        || GatewayError::new(Failure::Forbidden, "an admin key has no account; sign in with a name and a password");
    caller.person.as_deref().ok_or_else(none)
}

fn checked(roles: &[String]) -> Result<Vec<Role>, GatewayError> {
    let role = |id: &String| {
        Role::of(id).ok_or_else(|| {
            let known: Vec<&str> = Role::ALL.iter().map(|r| r.id()).collect();
            invalid("roles", format!("'{id}' is not a role; use {}", known.join(", ")))
        })
    };
    roles.iter().map(role).collect()
}

/// Somebody who is bound to a tenant makes nobody who is not.
fn within(caller: &Caller, tenant: Option<&str>) -> Result<(), GatewayError> {
    if caller.sees(tenant) {
        return Ok(());
    }
    Err(GatewayError::new(Failure::Forbidden, "your account is bound to another tenant").param("tenant"))
}

pub(crate) async fn list(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let people = gateway.store.people();
    let sessions = gateway.store.sessions(now_us());
    // A use is noted once a minute: who has just signed in was seen by their session.
    let seen = |id: &str| {
        let own = sessions.iter().filter(|o| o.person.as_ref().is_some_and(|p| p.id == id));
        own.map(|o| o.session.used_us).max()
    };
    let listed = people.iter().filter(|p| caller.sees(p.tenant.as_deref())).map(|p| {
        let mut told = shown(p);
        told["last_seen"] = json!(p.seen_us.max(seen(&p.id)).and_then(written));
        told
    });
    let people: Vec<Value> = listed.collect();
    answer(PATH, Ok(json!({"people": people})), &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonRequest {
    name: String,
    #[serde(default)]
    display: String,
    roles: Vec<String>,
    #[serde(default)]
    tenant: Option<String>,
    password: Zeroizing<String>,
}

pub(crate) async fn add(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: PersonRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let tenant = asked.tenant.or_else(|| caller.bound().map(str::to_owned));
        within(&caller, tenant.as_deref())?;
        let roles = checked(&asked.roles)?;
        let new = NewPerson { name: asked.name, display: asked.display, roles, tenant, password: asked.password };
        Ok(shown(&*stored(gateway.store.add_person(new, by(&caller), now_us()).await)?))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Absent is not null: null takes a tenant away.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(value).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    #[serde(default)]
    display: Option<String>,
    #[serde(default)]
    roles: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    tenant: Option<Option<String>>,
    #[serde(default)]
    disabled: Option<bool>,
    /// Only false: a second factor is taken away here, and made by whom it belongs to.
    #[serde(default)]
    totp: Option<bool>,
    /// Only false: takes all of them away, recovery codes included.
    #[serde(default)]
    second_factor: Option<bool>,
}

pub(crate) async fn change(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: ChangeRequest = read_as(&headers, body, &gateway.config.limits).await?;
        known(&gateway, &caller, &id)?;
        if let Some(tenant) = &asked.tenant {
            within(&caller, tenant.as_deref())?;
        }
        if asked.totp == Some(true) {
            return Err(invalid("totp", "a second factor is set up by whom it belongs to, at /admin/people/me/totp"));
        }
        if asked.second_factor == Some(true) {
            return Err(invalid(
                "second_factor",
                "a second factor is set up by whom it belongs to, at /admin/people/me",
            ));
        }
        let roles = asked.roles.as_deref().map(checked).transpose()?;
        let change = PersonChange { display: asked.display, roles, tenant: asked.tenant, disabled: asked.disabled };
        let mut person = stored(gateway.store.change_person(&id, change, by(&caller), now_us()).await)?;
        if asked.totp == Some(false) && person.totp {
            stored(gateway.store.reset_totp(&id, by(&caller), now_us()).await)?;
            person = known(&gateway, &caller, &id)?;
        }
        if asked.second_factor == Some(false) && (person.totp || person.security_keys > 0) {
            stored(gateway.store.reset_factors(&id, by(&caller), now_us()).await)?;
            person = known(&gateway, &caller, &id)?;
        }
        Ok(shown(&person))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn remove(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        known(&gateway, &caller, &id)?;
        stored(gateway.store.remove_person(&id, by(&caller), now_us()).await)?;
        Ok(json!({"removed": id}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordRequest {
    password: Zeroizing<String>,
    /// The present one, for one's own: a browser that was left open is not enough.
    #[serde(default)]
    current: Option<Zeroizing<String>>,
}

pub(crate) async fn password(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: PasswordRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let myself = caller.person.as_ref().filter(|p| p.id == id || id == MYSELF);
        let Some(myself) = myself else {
            caller.allowed(Some(Permission::People))?;
            known(&gateway, &caller, &id)?;
            stored(gateway.store.set_password(&id, &asked.password, by(&caller), now_us()).await)?;
            return Ok((json!({"changed": id}), None));
        };
        let now = now_us();
        let current = asked.current.as_deref().map_or("", String::as_str);
        proven(&gateway, myself, current).await?;
        stored(gateway.store.set_password(&myself.id, &asked.password, by(&caller), now).await)?;
        // All sessions have ended, this one too: it goes on as a new one.
        let started = stored(gateway.store.begin_session_of(&myself.id, agent(&headers), None, now).await)?;
        let mut told = json!({"changed": myself.id});
        told["session"] = shown_session(&started.open, &started.token);
        Ok((told, Some(started.token)))
    };
    match result.await {
        Ok((told, token)) => {
            let response = answer(PATH, Ok(told), &gateway).await;
            // An API client that sets its own password by a key has no session to go on with.
            match token {
                Some(token) => with_cookie(&gateway, response, &token),
                None => response,
            }
        }
        Err(error) => answer(PATH, Err(error), &gateway).await,
    }
}

pub(crate) async fn end_sessions(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let myself = caller.person.as_ref().filter(|p| p.id == id || id == MYSELF);
        let (id, but) = match myself {
            Some(myself) => (myself.id.clone(), caller.session.as_deref()),
            None => {
                caller.allowed(Some(Permission::People))?;
                (known(&gateway, &caller, &id)?.id.clone(), None)
            }
        };
        let ended = stored(gateway.store.end_sessions_of(&id, but, by(&caller), now_us()).await)?;
        Ok(json!({"ended": ended}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn begin_totp(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let myself = own(&caller)?;
        let begun = stored(gateway.store.begin_totp(&myself.id, by(&caller), now_us()).await)?;
        Ok(json!({"secret": begun.secret.as_str(), "uri": begun.uri.as_str()}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeRequest {
    code: String,
}

pub(crate) async fn confirm_totp(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: CodeRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let myself = own(&caller)?;
        stored(gateway.store.confirm_totp(&myself.id, &asked.code, by(&caller), now_us()).await)?;
        Ok(json!({"totp": true}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Whether the caller sees a session: their own, or all of their tenant where they see accounts.
fn sees(caller: &Caller, open: &OpenSession, permission: Permission) -> bool {
    let own = match (&caller.person, &open.person) {
        (Some(me), Some(them)) => me.id == them.id,
        _ => caller.session.as_ref() == Some(&open.session.id),
    };
    own || (caller.may(permission) && caller.sees(open.person.as_ref().and_then(|p| p.tenant.as_deref())))
}

pub(crate) async fn sessions(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let all = gateway.store.sessions(now_us());
    let seen = all.iter().filter(|open| sees(&caller, open, Permission::PeopleRead));
    let list: Vec<Value> = seen
        .map(|open| {
            let session = &open.session;
            json!({
                "id": session.id, "person": open.person.as_ref().map(|p| &p.id),
                "name": open.person.as_ref().map(|p| p.name.as_str()).or(open.key_id.as_deref()),
                "agent": session.agent, "created": written(session.created_us), "last_used": written(session.used_us),
                "expires": written(session.expires_us), "current": caller.session.as_ref() == Some(&session.id),
            })
        })
        .collect();
    answer(SESSIONS, Ok(json!({"sessions": list})), &gateway).await
}

pub(crate) async fn end_session(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let all = gateway.store.sessions(now_us());
        if !all.iter().any(|open| open.session.id == id && sees(&caller, open, Permission::People)) {
            return Err(GatewayError::new(Failure::NotFound, "there is no session of this id"));
        }
        stored(gateway.store.end_session(&id, by(&caller), now_us()).await)?;
        Ok(json!({"ended": id}))
    };
    let result = result.await;
    answer(SESSIONS, result, &gateway).await
}
