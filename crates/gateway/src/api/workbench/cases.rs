//! Saved cases, and the runs of a change on them and on recent requests.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{NewPolicyCase, PolicyCase};
use serde::Deserialize;
use serde_json::{Value, json};

use super::changes::{lives, open};
use super::{App, PATH, answer, at};
use crate::api::admin::{by, now_us};
use crate::auth::Caller;
use crate::error::{GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::workbench::{broken, runs, stored};

fn shown(case: &PolicyCase) -> Value {
    json!({
        "id": case.id, "name": case.name, "text": case.text, "side": case.side, "app": case.app, "scene": case.scene,
        "action": case.action, "rule": case.rule, "label": case.label, "by": case.by, "updated": at(case.updated_us),
    })
}

pub(crate) async fn list(State(gateway): App) -> Response {
    let result = async {
        let cases = stored(gateway.store.policy_cases().await)?;
        Ok(json!({"cases": cases.iter().map(shown).collect::<Vec<_>>()}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseRequest {
    name: String,
    text: String,
    #[serde(default = "input")]
    side: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    scene: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    label: Option<String>,
}

fn input() -> String {
    "input".to_owned()
}

async fn write(
    gateway: &Gateway,
    caller: &Caller,
    id: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, GatewayError> {
    let asked: CaseRequest = read_as(headers, body, &gateway.config.limits).await?;
    let new = NewPolicyCase {
        name: asked.name,
        text: asked.text,
        side: asked.side,
        app: asked.app,
        scene: asked.scene,
        action: asked.action,
        rule: asked.rule,
        label: asked.label,
    };
    Ok(shown(&stored(gateway.store.put_policy_case(id, new, by(caller), now_us()).await)?))
}

pub(crate) async fn add(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = write(&gateway, &caller, None, &headers, body).await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn put(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = write(&gateway, &caller, Some(&id), &headers, body).await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn remove(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        stored(gateway.store.remove_policy_case(&id, by(&caller), now_us()).await)?;
        Ok(json!({"removed": id}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// All cases under what is in force.
pub(crate) async fn run(State(gateway): App) -> Response {
    let result = runs::cases(&gateway, gateway.guard.snapshot(), None, None).await;
    answer(PATH, result, &gateway).await
}

/// All cases under what is in force and under a change; kept with it.
pub(crate) async fn run_change(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        if !lives(full.change.state) {
            return Err(invalid("id", "the change is over; there is nothing to try"));
        }
        let (trial, live) = gateway.trial(&full).await?;
        if let Some(note) = trial.notes.iter().find(|n| n.error) {
            return Err(broken(trial.errors, note));
        }
        let version = full.change.version;
        let report = runs::cases(&gateway, live, Some(trial), Some(version)).await?;
        stored(gateway.store.keep_policy_run(&id, version, false, &report, by(&caller), now_us()).await)?;
        Ok(report)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Recent requests under what is in force and under a change; counts and ids are kept with it.
pub(crate) async fn shadow(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        if !lives(full.change.state) {
            return Err(invalid("id", "the change is over; there is nothing to try"));
        }
        let (trial, live) = gateway.trial(&full).await?;
        if let Some(note) = trial.notes.iter().find(|n| n.error) {
            return Err(broken(trial.errors, note));
        }
        let version = full.change.version;
        let report = runs::shadow(&gateway, &live, &trial, version, by(&caller)).await?;
        stored(gateway.store.keep_policy_run(&id, version, true, &report, by(&caller), now_us()).await)?;
        Ok(report)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
