//! Changes: the list, one of them, what it alters.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{ChangeState, FullChange, PolicyChange};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, PATH, Params, answer, asked, at, diagnostics};
use crate::api::admin::{by, now_us};
use crate::auth::{Caller, Permission};
use crate::error::{GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::workbench::diff::{FileDiff, diff as diff_of};
use crate::workbench::{answers, conflicts, stored};

/// A change in the list.
pub(super) fn shown(change: &PolicyChange) -> Value {
    json!({
        "id": change.id, "title": change.title, "note": change.note, "author": change.author, "state": change.state,
        "version": change.version, "created": at(change.created_us), "updated": at(change.updated_us),
        "scheduled": change.scheduled_us.map(at), "approved_by": change.approved_by, "revision": change.revision,
    })
}

/// A change that is there.
pub(super) async fn open(gateway: &Gateway, id: &str) -> Result<FullChange, GatewayError> {
    stored(gateway.store.policy_change(id).await)
}

/// Whether a change may still become policy.
pub(super) const fn lives(state: ChangeState) -> bool {
    matches!(state, ChangeState::Draft | ChangeState::InReview | ChangeState::Approved | ChangeState::Scheduled)
}

pub(crate) async fn list(State(gateway): App, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let state = match asked.state.as_str() {
            "" => None,
            id => Some(ChangeState::of_id(id).ok_or_else(|| {
                let known: Vec<&str> = ChangeState::ALL.iter().map(|s| s.id()).collect();
                invalid("state", format!("'state' must be {}", known.join(", ")))
            })?),
        };
        let changes = stored(gateway.store.policy_changes(state, 200).await)?;
        Ok(json!({"changes": changes.iter().map(shown).collect::<Vec<_>>()}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TitleRequest {
    title: String,
    #[serde(default)]
    note: String,
}

pub(crate) async fn begin(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: TitleRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let begun = gateway.store.begin_policy(&asked.title, &asked.note, by(&caller), now_us());
        Ok(shown(&stored(begun.await)?))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn retitle(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        open(&gateway, &id).await?;
        let asked: TitleRequest = read_as(&headers, body, &gateway.config.limits).await?;
        stored(gateway.store.retitle_policy(&id, &asked.title, &asked.note, by(&caller), now_us()).await)?;
        Ok(shown(&open(&gateway, &id).await?.change))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn one(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        let mut told = shown(&full.change);
        told["authors"] = json!(full.authors);
        told["events"] = full
            .events
            .iter()
            .map(|e| json!({"at": at(e.at_us), "by": e.by, "what": e.what, "note": e.note}))
            .collect();
        told["cases"] = full.change.cases.clone().unwrap_or_default();
        told["shadow"] = full.change.shadow.clone().unwrap_or_default();
        let mut differing = Vec::new();
        (told["errors"], told["diagnostics"], told["answers"]) = (json!(0), json!([]), json!([]));
        if lives(full.change.state) {
            let (trial, live) = gateway.trial(&full).await?;
            differing = conflicts(&full.files, &live);
            told["errors"] = json!(trial.errors);
            told["diagnostics"] = json!(diagnostics(&trial, &live, &full.files));
            let touched = answers::touched(&live, &trial);
            told["answers"] =
                touched.iter().map(|t| json!({"pack": t.pack, "id": t.id, "status": t.status.id()})).collect();
        }
        let conflict = |path: &str| differing.iter().any(|c| c.path == path);
        told["files"] = full
            .files
            .iter()
            .map(|f| {
                let kind = match (&f.body, &f.base) {
                    (None, _) => "removed",
                    (Some(_), None) => "added",
                    (Some(_), Some(_)) => "changed",
                };
                json!({"path": f.path, "kind": kind, "bytes": f.body.as_ref().map(String::len), "conflict": conflict(&f.path)})
            })
            .collect();
        let own = by(&caller);
        told["may_edit"] = json!(caller.may(Permission::Packs));
        told["may_approve"] =
            json!(caller.may(Permission::Packs) && caller.person.is_some() && !full.authors.iter().any(|a| a == own));
        Ok(told)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn diff(State(gateway): App, Path(id): Path<String>) -> Response {
    let result = async {
        let full = open(&gateway, &id).await?;
        if let Some(revision) = full.change.revision {
            let files = super::history::difference(&gateway, revision, revision.saturating_sub(1)).await?;
            return Ok(json!({"files": files}));
        }
        let live = gateway.guard.snapshot();
        let texts: BTreeMap<&str, &str> = live.packs.texts().map(|t| (t.name.as_str(), &*t.body)).collect();
        let one =
            |f: &menshen_store::ChangeFile| diff_of(&f.path, texts.get(f.path.as_str()).copied(), f.body.as_deref());
        let files: Vec<FileDiff> = full.files.iter().map(one).collect();
        Ok(json!({"files": files}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
