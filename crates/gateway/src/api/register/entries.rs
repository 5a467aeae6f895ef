//! Applications: registered, graded, changed, retired.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_policy::governance::{Grading, Profile};
use menshen_store::Registered;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{PATH, controls, filing, known, profile, reviews, shown, tenant, written};
use crate::api::admin::{by, now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::error::{GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

/// What documents about an application can need.
const FACTS: &[&str] = &["purpose", "provider", "contact", "complaints", "filing", "label_method", "note"];

fn graded(gateway: &Gateway, profile: &Profile) -> Result<Grading, GatewayError> {
    gateway.governed().data.grade(profile).map_err(|e| invalid("profile", e.to_string()))
}

/// The application with what follows from its grade.
async fn full(gateway: &Gateway, entry: &Registered) -> Result<Value, GatewayError> {
    let governed = gateway.governed();
    let (profile, now) = (profile(entry), now_us());
    let mut told = base(entry)?;
    let all = stored(gateway.store.ethics_reviews(Some(&entry.tenant), Some(&entry.id)).await)?;
    let controls = controls::of(gateway, entry, &profile, &all, now).await?;
    told["controls"] = json!(controls);
    told["reviews"] = Value::from(all.iter().map(|r| reviews::told(r, now)).collect::<Result<Vec<_>, _>>()?);
    told["filing"] = filing::of(gateway, entry, &profile).await?;
    let of_entry = |a: &menshen_store::Asset| a.of.entries.contains(&entry.id);
    let assets = stored(gateway.store.assets(Some(&entry.tenant)).await)?;
    told["assets"] = shown(assets.into_iter().filter(of_entry).collect::<Vec<_>>())?;
    // The matrix may have changed since: what it would come to now is said, the grade that was reviewed stays.
    told["graded_now"] = match governed.data.grade(&profile) {
        Ok(now) => shown(now)?,
        Err(problem) => json!({ "problem": problem.to_string() }),
    };
    told["standing"] = standing(&all, entry, now)?;
    Ok(told)
}

fn base(entry: &Registered) -> Result<Value, GatewayError> {
    let mut told = shown(entry)?;
    told["created"] = json!(written(entry.created_us));
    told["updated"] = json!(written(entry.updated_us));
    told["retired"] = json!(entry.retired_us.map(written));
    Ok(told)
}

/// How the latest review stands, and whether it is still of this classification.
fn standing(all: &[menshen_store::EthicsReview], entry: &Registered, now: i64) -> Result<Value, GatewayError> {
    let counts = |r: &&menshen_store::EthicsReview| r.withdrawn_us.is_none();
    let Some(last) = all.iter().find(counts) else { return Ok(Value::Null) };
    Ok(json!({
        "review": last.id, "standing": shown(last.standing(now).0)?, "until": last.holds_until(now).map(written),
        "due": written(last.due_us),
        "stale": last.profile != entry.profile || last.level != entry.level,
        "expired": last.holds_until(now).is_some_and(|end| end <= now),
    }))
}

pub(crate) async fn list(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let now = now_us();
        let entries = stored(gateway.store.registered(caller.bound()).await)?;
        let reviews = stored(gateway.store.ethics_reviews(caller.bound(), None).await)?;
        let testimony = gateway.testimony().await;
        let mut told = Vec::with_capacity(entries.len());
        for entry in &entries {
            let profile = profile(entry);
            let own: Vec<_> = reviews.iter().filter(|r| r.entry == entry.id).cloned().collect();
            let ticks = stored(gateway.store.ticks(&entry.id).await)?;
            let controls = controls::evaluated(&gateway, entry, &profile, &own, &ticks, &testimony, now);
            let met = controls.iter().filter(|c| c.state == controls::Holds::Met).count();
            let mut one = base(entry)?;
            one["controls"] = json!({ "met": met, "all": controls.len() });
            one["standing"] = standing(&own, entry, now)?;
            one["filing"] = filing::summary(&gateway, entry, &profile).await?;
            told.push(one);
        }
        Ok(json!({ "apps": told }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn one(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async { full(&gateway, &known(&gateway, &caller, &id).await?).await };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GradeRequest {
    profile: Profile,
}

/// What a profile would come to; nothing is kept.
pub(crate) async fn grade(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let asked: GradeRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let governed = gateway.governed();
        let grading = graded(&gateway, &asked.profile)?;
        let controls: Vec<&str> =
            governed.data.controls_of(&asked.profile, &grading.level).map(|c| c.id.as_str()).collect();
        let duties: Vec<&str> = governed.data.duties_of(&asked.profile).map(|d| d.id.as_str()).collect();
        Ok(json!({ "grading": shown(&grading)?, "controls": controls, "duties": duties }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRequest {
    #[serde(default)]
    tenant: Option<String>,
    name: String,
    #[serde(default)]
    app: Option<String>,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    facts: Map<String, Value>,
    profile: Profile,
    #[serde(default)]
    launch: Option<String>,
    /// Of a change: what was read.
    #[serde(default)]
    updated_us: Option<i64>,
    #[serde(default)]
    retired: bool,
}

fn facts(given: Map<String, Value>) -> Result<Value, GatewayError> {
    for (name, value) in &given {
        if !FACTS.contains(&name.as_str()) || value.as_str().is_none_or(|v| v.len() > 4000) {
            let message = format!("'facts' holds texts of at most 4000 bytes under these names: {}", FACTS.join(", "));
            return Err(invalid("facts", message));
        }
    }
    Ok(Value::Object(given))
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())
}

/// The options sorted, each once: equal classifications are equal.
fn tidy(profile: Profile) -> Profile {
    let sorted = |mut options: Vec<String>| {
        options.sort();
        options.dedup();
        options
    };
    profile.into_iter().map(|(factor, options)| (factor, sorted(options))).collect()
}

pub(crate) async fn add(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: EntryRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let profile = tidy(asked.profile);
        let grading = graded(&gateway, &profile)?;
        let new = Registered {
            id: String::new(),
            tenant: tenant(&caller, asked.tenant)?,
            name: asked.name.trim().to_owned(),
            app: filled(asked.app),
            owner: asked.owner.trim().to_owned(),
            facts: facts(asked.facts)?,
            profile: json!(profile),
            level: grading.level.clone(),
            grading: shown(grading)?,
            launch: filled(asked.launch),
            created_us: 0,
            created_by: String::new(),
            updated_us: 0,
            updated_by: String::new(),
            retired_us: None,
        };
        let made = stored(gateway.store.register(new, by(&caller), now_us()).await)?;
        full(&gateway, &made).await
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
        let asked: EntryRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let there = known(&gateway, &caller, &id).await?;
        let was =
            asked.updated_us.ok_or_else(|| invalid("updated_us", "name the state that you read: 'updated_us'"))?;
        if asked.tenant.as_ref().is_some_and(|t| *t != there.tenant) {
            return Err(invalid("tenant", "an application stays with its tenant; register it anew for another"));
        }
        let profile = tidy(asked.profile);
        let grading = graded(&gateway, &profile)?;
        let changed = Registered {
            name: asked.name.trim().to_owned(),
            app: filled(asked.app),
            owner: asked.owner.trim().to_owned(),
            facts: facts(asked.facts)?,
            profile: json!(profile),
            level: grading.level.clone(),
            grading: shown(grading)?,
            launch: filled(asked.launch),
            updated_us: was,
            retired_us: asked.retired.then(|| there.retired_us.unwrap_or_else(now_us)),
            ..there
        };
        let made = stored(gateway.store.reregister(changed, by(&caller), now_us()).await)?;
        full(&gateway, &made).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
