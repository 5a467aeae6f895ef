//! Reviews: opened by one, decided by others.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_policy::Lang;
use menshen_store::{Ballot, EthicsReview, NewReviewOf, Standing, Terms, Vote};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PATH, Params, asked, known, shown, written};
use crate::api::admin::{by, now_us, stored};
use crate::api::{App, answer};
use crate::auth::{Caller, Permission};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

/// A review with what it comes to.
pub(super) fn told(review: &EthicsReview, now: i64) -> Result<Value, GatewayError> {
    let (standing, since) = review.standing(now);
    let mut told = shown(review)?;
    told["standing"] = shown(standing)?;
    told["since"] = json!(since.map(written));
    told["opened"] = json!(written(review.opened_us));
    told["due"] = json!(written(review.due_us));
    told["until"] = json!(review.holds_until(now).map(written));
    for (vote, shown) in review.votes.iter().zip(told["votes"].as_array_mut().into_iter().flatten()) {
        shown["at"] = json!(written(vote.at_us));
    }
    Ok(told)
}

/// What a review comes to, in words for documents.
pub(super) fn named(standing: Standing, lang: Lang) -> &'static str {
    let (zh, en) = match standing {
        Standing::Open => ("进行中", "open"),
        Standing::Approved => ("通过", "approved"),
        Standing::Conditional => ("有条件通过", "approved on conditions"),
        Standing::Rejected => ("不通过", "rejected"),
        Standing::Inquorate => ("未达法定人数", "no quorum"),
        Standing::Withdrawn => ("已撤回", "taken back"),
    };
    if lang == Lang::Zh { zh } else { en }
}

/// A vote, in words for documents.
pub(super) fn said(ballot: Ballot, lang: Lang) -> &'static str {
    let (zh, en) = match ballot {
        Ballot::Approve => ("同意", "approves"),
        Ballot::Conditional => ("有条件同意", "approves on conditions"),
        Ballot::Reject => ("反对", "rejects"),
        Ballot::Abstain => ("弃权", "abstains"),
        Ballot::Recuse => ("回避", "recuses"),
    };
    if lang == Lang::Zh { zh } else { en }
}

/// For one reader: whether they vote here.
fn for_caller(review: &EthicsReview, caller: &Caller, now: i64) -> Result<Value, GatewayError> {
    let mut told = told(review, now)?;
    let me = by(caller);
    told["member"] = json!(review.members.iter().any(|m| m == me));
    told["voted"] = json!(review.votes.iter().any(|v| v.member == me));
    Ok(told)
}

pub(crate) async fn list(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let now = now_us();
        let of = Some(asked.app.as_str()).filter(|a| !a.is_empty());
        let entries = stored(gateway.store.registered(caller.bound()).await)?;
        let reviews = stored(gateway.store.ethics_reviews(caller.bound(), of).await)?;
        let mut told = Vec::with_capacity(reviews.len());
        for review in &reviews {
            let mut one = for_caller(review, &caller, now)?;
            one["name"] = json!(entries.iter().find(|e| e.id == review.entry).map(|e| &e.name));
            told.push(one);
        }
        // Whom one can ask: those who may vote and see the tenant. Names only.
        let voters = |p: &std::sync::Arc<menshen_store::Person>| {
            !p.disabled
                && caller.sees(p.tenant.as_deref())
                && Permission::RegisterVote.roles().iter().any(|role| p.is(*role))
        };
        let people = gateway.store.people();
        let people: Vec<Value> = people
            .iter()
            .filter(|p| voters(p))
            .map(|p| json!({ "member": format!("person:{}", p.name), "display": p.display, "tenant": p.tenant }))
            .collect();
        Ok(json!({ "reviews": told, "people": people }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

async fn found(gateway: &Gateway, caller: &Caller, id: &str) -> Result<EthicsReview, GatewayError> {
    if id.len() > 64 {
        return Err(GatewayError::new(Failure::NotFound, "there is no review of this id"));
    }
    stored(gateway.store.review_of(id, caller.bound()).await)
}

pub(crate) async fn one(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async {
        let review = found(&gateway, &caller, &id).await?;
        let entry = known(&gateway, &caller, &review.entry).await?;
        let mut told = for_caller(&review, &caller, now_us())?;
        told["name"] = json!(entry.name);
        told["stale"] = json!(review.profile != entry.profile || review.level != entry.level);
        Ok(told)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpenRequest {
    /// Account names; `person:` before them is allowed.
    members: Vec<String>,
    /// Another path than the level's: a stricter one.
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    note: String,
}

/// The members as the audit names them: accounts that exist, may vote and may see the tenant.
fn members(gateway: &Gateway, names: Vec<String>, tenant: &str) -> Result<Vec<String>, GatewayError> {
    let check = |name: String| {
        let name = name.strip_prefix("person:").unwrap_or(&name).to_owned();
        let person = gateway.store.person_named(&name).filter(|p| !p.disabled);
        let person = person.filter(|p| p.tenant.as_deref().is_none_or(|own| own == tenant));
        let person = person.filter(|p| Permission::RegisterVote.roles().iter().any(|role| p.is(*role)));
        match person {
            Some(person) => Ok(format!("person:{}", person.name)),
            None => Err(invalid("members", format!("'{name}' has no account that may vote on this application"))),
        }
    };
    names.into_iter().take(1000).map(check).collect()
}

pub(crate) async fn open(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: OpenRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let entry = known(&gateway, &caller, &id).await?;
        if entry.retired_us.is_some() {
            return Err(invalid("id", "the application is out of the register; nothing is reviewed any more"));
        }
        let governed = gateway.governed();
        let own = entry.grading.get("path").and_then(Value::as_str).unwrap_or_default();
        let path = asked.path.as_deref().filter(|p| !p.is_empty()).unwrap_or(own);
        let place = |id: &str| governed.data.paths.iter().position(|p| p.id == id);
        let path = governed.data.path(path).filter(|p| place(&p.id) >= place(own));
        let path = path.ok_or_else(|| invalid("path", format!("use '{own}' or a stricter path of review")))?;
        let members = members(&gateway, asked.members, &entry.tenant)?;
        let mut unique = members.clone();
        unique.sort();
        unique.dedup();
        if (unique.len() as u64) < u64::from(path.members) {
            return Err(invalid("members", format!("this path needs {} members or more", path.members)));
        }
        let new = NewReviewOf {
            terms: Terms {
                quorum: path.quorum,
                approve_percent: path.approve_percent,
                reject_stops: path.reject_stops,
                again_months: path.again_months,
            },
            path: path.id.clone(),
            days: path.days,
            members,
            note: asked.note.trim().to_owned(),
            entry,
        };
        for_caller(&stored(gateway.store.open_review(new, by(&caller), now_us()).await)?, &caller, now_us())
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VoteRequest {
    vote: Ballot,
    reason: String,
    #[serde(default)]
    conditions: String,
}

pub(crate) async fn vote(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: VoteRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let review = found(&gateway, &caller, &id).await?;
        if caller.person.is_none() {
            let message = "people vote, keys do not; sign in with a name and a password";
            return Err(GatewayError::new(Failure::InvalidRequest, message));
        }
        let now = now_us();
        let vote = Vote {
            member: by(&caller).to_owned(),
            vote: asked.vote,
            reason: asked.reason.trim().to_owned(),
            conditions: asked.conditions.trim().to_owned(),
            at_us: now,
        };
        for_caller(&stored(gateway.store.vote(&review.id, &review.tenant, vote).await)?, &caller, now)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn withdraw(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let review = found(&gateway, &caller, &id).await?;
        // Members must not be able to make a vote undone that they lost; who opened it may, or who rules.
        let rules = caller.admin || caller.person.as_ref().is_some_and(|p| p.is(menshen_store::Role::Owner));
        if review.opened_by != by(&caller) && !rules {
            let message = "only who opened a review, or an owner, takes it back";
            return Err(invalid("id", message));
        }
        stored(gateway.store.withdraw_review(&review, by(&caller), now_us()).await)?;
        Ok(json!({ "withdrawn": id, "standing": shown(Standing::Withdrawn)? }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
