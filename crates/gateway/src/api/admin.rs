//! Administration: keys, packs, the audit's proof, reviews, suspensions. Every change is recorded by the store in the
//! same transaction.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use menshen_store::{ApiKey, Decision, Entry, Error as StoreError, NewAgreement, NewKey, ReviewState, Text};
use menshen_verdict::{Conversation, Side};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{App, answer};
use crate::auth::{ADMIN, Caller, INFER, PROFILES};
use crate::config::{KeepText, OnFailure};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::guard::{Ruling, Snapshot};

pub(crate) fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

pub(crate) fn stored<T>(result: Result<T, StoreError>) -> Result<T, GatewayError> {
    result.map_err(|e| match &e {
        StoreError::NotFound { .. } => GatewayError::new(Failure::NotFound, e.to_string()),
        StoreError::Conflict { .. } => GatewayError::new(Failure::Conflict, e.to_string()),
        StoreError::Busy { .. } => GatewayError::new(Failure::Overloaded, e.to_string()).retry_after(1),
        StoreError::Invalid { .. } => GatewayError::new(Failure::InvalidRequest, e.to_string()),
        _ => GatewayError::new(Failure::AuditUnavailable, "the store cannot do this at the moment; see the log")
            .detail(e),
    })
}

pub(crate) fn by(caller: &Caller) -> &str {
    caller.key_id.as_deref().unwrap_or("admin")
}

fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "tenant": key.tenant, "app": key.app, "scopes": key.scopes, "tier": key.tier,
        "scene": key.scene, "requests_per_minute": key.rpm, "tokens_per_minute": key.tpm,
        "created_us": key.created_us, "expires_us": key.expires_us, "revoked_us": key.revoked_us,
    })
}

/// What is of a tenant that the caller may not see is not there for them: nobody learns that it exists.
pub(crate) fn hidden(what: &str) -> GatewayError {
    GatewayError::new(Failure::NotFound, format!("there is no {what} of this id"))
}

/// The tenant of something new: the caller's own where they are bound to one.
pub(crate) fn tenant_of(caller: &Caller, asked: Option<String>) -> Result<String, GatewayError> {
    match (caller.bound(), asked) {
        (Some(own), None) => Ok(own.to_owned()),
        (None, None) => Ok(default_name()),
        (_, Some(asked)) if caller.sees(Some(&asked)) => Ok(asked),
        _ => Err(GatewayError::new(Failure::Forbidden, "your account is bound to another tenant").param("tenant")),
    }
}

pub(crate) async fn list_keys(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let keys = gateway.store.keys();
    let keys: Vec<Value> = keys.iter().filter(|k| caller.sees(Some(&k.tenant))).map(|k| shown(k)).collect();
    answer("/admin/keys", Ok(json!({"keys": keys})), &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    name: String,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default = "default_name")]
    app: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    tier: Option<String>,
    #[serde(default)]
    scene: Option<String>,
    #[serde(default)]
    requests_per_minute: Option<u32>,
    #[serde(default)]
    tokens_per_minute: Option<u32>,
    #[serde(default)]
    expires_in_s: Option<i64>,
}

fn default_name() -> String {
    "default".to_owned()
}

pub(crate) async fn create_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let request: KeyRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let scopes = request.scopes.unwrap_or_else(|| vec![INFER.to_owned()]);
        if let Some(unknown) = scopes.iter().find(|s| ![INFER, ADMIN, PROFILES].contains(&s.as_str())) {
            return Err(invalid("scopes", format!("'{unknown}' is not a scope; use {INFER}, {PROFILES} or {ADMIN}")));
        }
        // Whoever could make an admin key could do everything.
        if scopes.iter().any(|s| s == ADMIN) && !caller.rules_all() {
            let message = "only an owner of the whole house may make admin keys";
            return Err(GatewayError::new(Failure::Forbidden, message).param("scopes"));
        }
        if request.expires_in_s.is_some_and(|s| s <= 0) {
            return Err(invalid("expires_in_s", "'expires_in_s' must be a number of seconds above 0"));
        }
        let now = now_us();
        let new = NewKey {
            name: request.name,
            tenant: tenant_of(&caller, request.tenant)?,
            app: request.app,
            scopes,
            tier: request.tier,
            scene: request.scene,
            rpm: request.requests_per_minute,
            tpm: request.tokens_per_minute,
            expires_us: request.expires_in_s.map(|s| now.saturating_add(s.saturating_mul(1_000_000))),
        };
        let created = stored(gateway.store.create_key(new, by(&caller), now).await)?;
        let mut shown = shown(&created.key);
        shown["key"] = Value::from(created.presented.as_str());
        Ok(shown)
    };
    let result = result.await;
    answer("/admin/keys", result, &gateway).await
}

pub(crate) async fn revoke_key(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        if !gateway.store.keys().iter().any(|k| k.id == id && caller.sees(Some(&k.tenant))) {
            return Err(hidden("unrevoked API key"));
        }
        // A key that may do everything is for those who may.
        if gateway.store.keys().iter().any(|k| k.id == id && k.has_scope(ADMIN)) && !caller.rules_all() {
            return Err(GatewayError::new(
                Failure::Forbidden,
                "only an owner of the whole house may revoke admin keys",
            ));
        }
        stored(gateway.store.revoke_key(&id, by(&caller), now_us()).await)?;
        Ok(json!({"revoked": id}))
    };
    let result = result.await;
    answer("/admin/keys", result, &gateway).await
}

fn pack_report(snapshot: &Snapshot) -> Value {
    let (words, patterns) = snapshot.engine.sizes();
    json!({
        "packs": snapshot.versions, "engine": snapshot.engine.id(), "keywords": words, "patterns": patterns,
        "rules": snapshot.packs.rules().count(), "principles": snapshot.packs.principles().len(),
        "answers": snapshot.packs.answers().count(), "shadow": snapshot.shadow.as_ref().map(|s| s.report()),
        "errors": snapshot.errors, "diagnostics": snapshot.diagnostics, "revision": snapshot.published.revision,
    })
}

pub(crate) async fn packs(State(gateway): App) -> Response {
    answer("/admin/packs", Ok(pack_report(&gateway.guard.snapshot())), &gateway).await
}

pub(crate) async fn reload(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        gateway.reload(by(&caller)).await?;
        Ok(pack_report(&gateway.guard.snapshot()))
    };
    let result = result.await;
    answer("/admin/reload", result, &gateway).await
}

pub(crate) async fn verify(State(gateway): App) -> Response {
    let result = async {
        let report = stored(gateway.store.verify().await)?;
        Ok(json!({
            "whole": report.is_whole(), "rows": report.rows, "first": report.first, "last": report.last,
            "broken": report.broken.as_ref().map(ToString::to_string),
        }))
    };
    let result = result.await;
    answer("/admin/audit/verify", result, &gateway).await
}

pub(crate) async fn reviews(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let list = stored(gateway.store.reviews(ReviewState::Open, caller.bound(), 0, 100, true).await)?;
        serde_json::to_value(json!({"reviews": list}))
            .map_err(|e| GatewayError::new(Failure::Internal, "the list cannot be written").detail(e))
    };
    let result = result.await;
    answer("/admin/reviews", result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewDecision {
    decision: String,
    #[serde(default)]
    note: Option<String>,
}

pub(crate) async fn resolve_review(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    id: Result<Path<i64>, PathRejection>,
    body: Body,
) -> Response {
    let result = async {
        let Path(id) = id.map_err(|e| invalid("id", "a review has a number").detail(e))?;
        let request: ReviewDecision = read_as(&headers, body, &gateway.config.limits).await?;
        let decision = match request.decision.as_str() {
            "upheld" => Decision::Upheld,
            "released" => Decision::Released,
            _ => return Err(invalid("decision", "'decision' must be upheld or released")),
        };
        if let Some(own) = caller.bound() {
            // The one after the one before it: this one, if it is of the tenant.
            let before = id.saturating_sub(1);
            let list = stored(gateway.store.reviews(ReviewState::Open, Some(own), before, 1, false).await)?;
            if list.first().is_none_or(|review| review.id != id) {
                return Err(hidden("open review"));
            }
        }
        stored(gateway.store.resolve_review(id, decision, request.note, by(&caller), now_us()).await)?;
        Ok(json!({"id": id, "decision": decision.id()}))
    };
    let result = result.await;
    answer("/admin/reviews", result, &gateway).await
}

pub(crate) async fn lift(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path((tenant, user)): Path<(String, String)>,
) -> Response {
    let result = async {
        if !caller.sees(Some(&tenant)) {
            return Err(hidden("suspension of user"));
        }
        stored(gateway.store.lift(&tenant, &user, by(&caller), now_us()).await)?;
        Ok(json!({"lifted": user}))
    };
    let result = result.await;
    answer("/admin/suspensions", result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgreementRequest {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default = "default_name")]
    app: String,
    #[serde(default)]
    user: Option<String>,
    terms: String,
    #[serde(default)]
    expires_in_s: Option<i64>,
}

pub(crate) async fn agree(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let request: AgreementRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let now = now_us();
        let new = NewAgreement {
            tenant: tenant_of(&caller, request.tenant)?,
            app: request.app,
            user: request.user,
            terms: request.terms,
            until_us: request.expires_in_s.map(|s| now.saturating_add(s.saturating_mul(1_000_000))),
        };
        let agreement = stored(gateway.store.agree(new, by(&caller), now).await)?;
        Ok(json!(agreement))
    };
    let result = result.await;
    answer("/admin/agreements", result, &gateway).await
}

pub(crate) async fn agreements(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        // Those that have ended too: they are the evidence of what was given under them.
        let mut list = stored(gateway.store.agreements(true).await)?;
        list.retain(|a| caller.sees(Some(&a.tenant)));
        Ok(json!({"agreements": list}))
    };
    let result = result.await;
    answer("/admin/agreements", result, &gateway).await
}

pub(crate) async fn withdraw(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let list = stored(gateway.store.agreements(false).await)?;
        if !list.iter().any(|a| a.id == id && caller.sees(Some(&a.tenant))) {
            return Err(hidden("agreement in force"));
        }
        stored(gateway.store.withdraw(&id, by(&caller), now_us()).await)?;
        Ok(json!({"withdrawn": id}))
    };
    let result = result.await;
    answer("/admin/agreements", result, &gateway).await
}

/// Records what a checking API was asked and what it said.
pub(crate) async fn record_check(
    gateway: &Arc<Gateway>,
    api: &'static str,
    caller: &Caller,
    side: Side,
    conversation: &Conversation,
    ruling: &Ruling,
    snapshot: &Snapshot,
) -> Result<(), GatewayError> {
    let mut entry = Entry::request(Uuid::now_v7(), now_us());
    entry.tenant = Some(caller.subject.tenant.clone());
    entry.app = Some(caller.subject.app.clone());
    entry.user.clone_from(&caller.subject.user);
    entry.key_id.clone_from(&caller.key_id);
    entry.api = Some(api.to_owned());
    entry.side = Some(side);
    entry.outcome = Some(ruling.disposition.outcome());
    entry.action = Some(ruling.disposition.action);
    entry.rule = ruling.disposition.rule.as_ref().map(ToString::to_string);
    entry.answer_ref = ruling.disposition.answer.as_ref().map(|a| format!("{}@{}", a.id, a.version));
    entry.status = Some(StatusCode::OK.as_u16());
    entry.packs = snapshot.versions.clone();
    entry.verdict = json!({side.id(): crate::exchange::summary(ruling)});
    entry.timings = json!({"input_us": ruling.verdict.took_us()});
    if gateway.config.audit.text == KeepText::Encrypted {
        let text: Vec<&str> = conversation.segments.iter().map(|s| s.text.as_str()).collect();
        let (input, output) = match side {
            Side::Output => (String::new(), text.join("\n")),
            _ => (text.join("\n"), String::new()),
        };
        entry.text = Some(Text::Plain { input, output });
    }
    match gateway.store.record(entry).await {
        Ok(_) => Ok(()),
        Err(e) => {
            tracing::error!(error = %e, "a record could not be written");
            match gateway.config.audit.on_failure {
                OnFailure::Open => Ok(()),
                OnFailure::Closed => Err(GatewayError::new(
                    Failure::AuditUnavailable,
                    "the check is withheld because its record cannot be written; try again later",
                )),
            }
        }
    }
}

/// Records a request to a checking API that was refused before anything was judged.
pub(crate) async fn record_refusal(gateway: &Gateway, path: &str, id: Uuid, error: &GatewayError) {
    let mut entry = Entry::request(id, now_us());
    entry.api = Some(super::api_of(path).to_owned());
    entry.outcome = Some(error.failure.outcome());
    entry.status = Some(error.http_status().as_u16());
    entry.error = Some(match &error.detail {
        Some(detail) => format!("{}: {detail}", error.failure.code()),
        None => error.failure.code().to_owned(),
    });
    entry.packs = gateway.guard.snapshot().versions.clone();
    if let Err(e) = gateway.store.record(entry).await {
        tracing::error!(error = %e, "a record could not be written");
    }
}
