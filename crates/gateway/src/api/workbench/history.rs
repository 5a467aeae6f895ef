//! What was put in force, and back.

use std::collections::{BTreeMap, BTreeSet};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_policy::{Origin, PackSet, embedded};
use serde::Deserialize;
use serde_json::json;

use super::{App, PATH, Params, answer, asked, at};
use crate::api::admin::{by, now_us};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::workbench::diff::{FileDiff, diff as diff_of};
use crate::workbench::stored;

pub(crate) async fn list(State(gateway): App) -> Response {
    let result = async {
        let revisions = stored(gateway.store.policy_revisions(500).await)?;
        let in_force = gateway.guard.snapshot().published.revision;
        let shown: Vec<_> = revisions
            .iter()
            .map(|r| {
                json!({
                    "number": r.number, "at": at(r.at_us), "by": r.by, "title": r.title, "change": r.change,
                    "restores": r.restores, "edits": r.edits, "packs": r.packs, "in_force": r.number == in_force,
                })
            })
            .collect();
        Ok(json!({"in_force": in_force, "revisions": shown}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// The texts of a revision; of 0, what the binary and the folders hold now.
async fn texts(gateway: &Gateway, number: i64) -> Result<BTreeMap<String, String>, GatewayError> {
    if number > 0 {
        let files = stored(gateway.store.policy_revision_files(number).await)?;
        return Ok(files.into_iter().filter_map(|f| Some((f.path, f.body?))).collect());
    }
    let (folders, enabled) = (gateway.config.pack_folders.clone(), gateway.config.packs.clone());
    let read = tokio::task::spawn_blocking(move || {
        let mut origins = vec![embedded()];
        origins.extend(folders.into_iter().map(Origin::Folder));
        let (packs, _) = PackSet::load(&origins, &enabled);
        packs.texts().map(|t| (t.name.clone(), t.body.to_string())).collect()
    });
    read.await.map_err(|e| GatewayError::new(Failure::Internal, "the packs could not be read").detail(e))
}

/// What differs in a revision from an earlier one.
pub(super) async fn difference(gateway: &Gateway, number: i64, from: i64) -> Result<Vec<FileDiff>, GatewayError> {
    let (before, after) = (texts(gateway, from).await?, texts(gateway, number).await?);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = paths.into_iter().filter(|p| before.get(*p) != after.get(*p));
    let one = |p: &String| diff_of(p, before.get(p).map(String::as_str), after.get(p).map(String::as_str));
    Ok(differing.map(one).collect())
}

pub(crate) async fn diff(State(gateway): App, Path(id): Path<String>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let number: i64 = id.parse().ok().filter(|n| *n >= 0).ok_or_else(|| {
            GatewayError::new(Failure::NotFound, "a revision is a number, from 0 (the packs without any edit) on")
        })?;
        let current = gateway.guard.snapshot().published.revision;
        let files = match asked.with.as_str() {
            "" | "previous" => difference(&gateway, number, number.saturating_sub(1).max(0)).await?,
            "current" => difference(&gateway, number, current).await?,
            _ => return Err(invalid("with", "'with' must be current or previous")),
        };
        Ok(json!({"files": files}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollbackRequest {
    revision: i64,
}

pub(crate) async fn roll_back(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: RollbackRequest = read_as(&headers, body, &gateway.config.limits).await?;
        if asked.revision < 0 {
            return Err(invalid("revision", "'revision' must be 0 or more"));
        }
        let revision = gateway.roll_back(asked.revision, by(&caller), now_us()).await?;
        Ok(json!({"revision": revision, "restores": asked.revision}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
