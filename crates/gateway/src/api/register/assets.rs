//! Assets: kept by hand, and what the program knows by itself brought in by one request.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{Asset, NewAsset};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PATH, shown, tenant, written};
use crate::api::admin::{by, now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

fn told(gateway: &Gateway, asset: &Asset) -> Result<Value, GatewayError> {
    let governed = gateway.governed();
    let mut told = shown(asset)?;
    told["updated"] = json!(written(asset.updated_us));
    let stage = governed.data.stages.iter().find(|s| s.id == asset.of.stage);
    // What the stage asks for and nobody filled in.
    let empty = |need: &&String| told[need.as_str()].as_str().unwrap_or_default().trim().is_empty();
    let missing: Vec<&String> = stage.map(|s| s.needs.iter().filter(empty).collect()).unwrap_or_default();
    told["missing"] = json!(missing);
    let overdue = asset.of.retires.as_ref().is_some_and(|day| *day < super::documents::today());
    told["overdue"] = json!(overdue);
    Ok(told)
}

pub(crate) async fn list(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let assets = stored(gateway.store.assets(caller.bound()).await)?;
        let told: Vec<Value> = assets.iter().map(|a| told(&gateway, a)).collect::<Result<_, _>>()?;
        Ok(json!({ "assets": told }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetRequest {
    #[serde(default)]
    tenant: Option<String>,
    asset: NewAsset,
    /// Of a change: what was read.
    #[serde(default)]
    updated_us: Option<i64>,
}

/// Kind and stage must be ones of the pack's, and applications ones of the same tenant.
async fn checked(gateway: &Gateway, mut asset: NewAsset, tenant: &str) -> Result<NewAsset, GatewayError> {
    let governed = gateway.governed();
    let ids = |known: Vec<&str>| known.join(", ");
    if !governed.data.kinds.iter().any(|k| k.id == asset.kind) {
        let known = ids(governed.data.kinds.iter().map(|k| k.id.as_str()).collect());
        return Err(invalid("kind", format!("'kind' must be one of {known}")));
    }
    if !governed.data.stages.iter().any(|s| s.id == asset.stage) {
        let known = ids(governed.data.stages.iter().map(|s| s.id.as_str()).collect());
        return Err(invalid("stage", format!("'stage' must be one of {known}")));
    }
    if !asset.entries.is_empty() {
        let there = stored(gateway.store.registered(Some(tenant)).await)?;
        if let Some(unknown) = asset.entries.iter().find(|id| !there.iter().any(|e| e.id == **id)) {
            return Err(invalid("entries", format!("'{unknown}' is no application of this tenant's register")));
        }
    }
    asset.entries.sort();
    asset.entries.dedup();
    asset.retires = asset.retires.filter(|d| !d.trim().is_empty());
    Ok(asset)
}

pub(crate) async fn add(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: AssetRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let tenant = tenant(&caller, asked.tenant)?;
        let asset = checked(&gateway, asked.asset, &tenant).await?;
        let made = stored(gateway.store.keep_assets(&tenant, vec![asset], false, by(&caller), now_us()).await)?;
        made.first().map_or(Ok(json!({})), |a| told(&gateway, a))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn change(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: AssetRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let there = stored(gateway.store.assets(caller.bound()).await)?;
        let there = there.into_iter().find(|a| a.id == id);
        let there = there.ok_or_else(|| GatewayError::new(Failure::NotFound, "there is no asset of this id"))?;
        let was =
            asked.updated_us.ok_or_else(|| invalid("updated_us", "name the state that you read: 'updated_us'"))?;
        let of = checked(&gateway, asked.asset, &there.tenant).await?;
        let changed = Asset { of, updated_us: was, ..there };
        told(&gateway, &stored(gateway.store.change_asset(changed, by(&caller), now_us()).await)?)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// What stands before an address' path: who serves it. Never a credential or a query.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

/// What the program knows by itself, for a tenant. What is of the whole house is told to those who see all of it.
fn of_the_program(gateway: &Gateway, caller: &Caller, tenant: &str) -> Vec<NewAsset> {
    let mut found = Vec::new();
    let new = |kind: &str, name: String| NewAsset {
        kind: kind.to_owned(),
        name,
        stage: "operation".to_owned(),
        note: "found by the program".to_owned(),
        ..NewAsset::default()
    };
    if caller.bound().is_none() {
        let snapshot = gateway.guard.snapshot();
        if let Some(judge) = &snapshot.judge {
            let manifest = &judge.pack().manifest;
            found.push(NewAsset {
                version: manifest.version.clone(),
                hash: format!("blake3:{}", manifest.version),
                source: "models/judge (model.json, CARD.md)".to_owned(),
                licence: "Apache-2.0".to_owned(),
                ..new("model", format!("judge: {}", manifest.name))
            });
        }
        for pack in snapshot.packs.versions() {
            found.push(NewAsset {
                version: pack.version.to_string(),
                hash: format!("blake3:{}", pack.hash),
                source: "packs".to_owned(),
                ..new("data_set", format!("policy pack {}", pack.id))
            });
        }
        for upstream in &gateway.config.upstream {
            let address = host(&upstream.url);
            found.push(NewAsset { source: address.clone(), ..new("endpoint", format!("upstream {address}")) });
            if let Some(model) = &upstream.model {
                found.push(NewAsset { source: address, ..new("model", model.clone()) });
            }
        }
    }
    let mut apps: BTreeMap<String, u32> = BTreeMap::new();
    for key in gateway.store.keys().iter().filter(|k| k.tenant == tenant && k.revoked_us.is_none()) {
        *apps.entry(key.app.clone()).or_default() += 1;
    }
    for (app, keys) in apps {
        let note = format!("found by the program; keys in force: {keys}");
        found.push(NewAsset { note, source: "/v1".to_owned(), ..new("endpoint", format!("application {app}")) });
    }
    found
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportRequest {
    #[serde(default)]
    tenant: Option<String>,
}

pub(crate) async fn import(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: ImportRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let tenant = tenant(&caller, asked.tenant)?;
        let found = of_the_program(&gateway, &caller, &tenant);
        let all = found.len();
        let made = stored(gateway.store.keep_assets(&tenant, found, true, by(&caller), now_us()).await)?;
        let told: Vec<Value> = made.iter().map(|a| told(&gateway, a)).collect::<Result<_, _>>()?;
        Ok(json!({ "found": all, "new": told }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn an_address_is_shown_without_what_could_be_secret() {
        assert_eq!(host("https://user:pass@models.example:8443/v1?key=abc"), "https://models.example:8443");
        assert_eq!(host("http://127.0.0.1:8000/v1"), "http://127.0.0.1:8000");
        assert_eq!(host("models.example/v1"), "models.example");
    }
}
