//! End users: their profiles and tiers, set by an application with a key of the scope `profiles` or by staff, and the reviews
//! behind the tiers that need one.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{Diligence, NewDiligence, NewProfile, Profile, ProfileFilter, RealName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{by, now_us, stored};
use super::behaviour::{flag, given, limit, tenant_of};
use super::session::written;
use super::{App, Params, answer, asked};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::tiers::GrantedBy;

const PATH: &str = "/admin/users";
const OWN: &str = "/v1/users";
/// Users on a page where nobody says how many.
const PAGE: u32 = 100;
const DAY_US: i64 = 86_400_000_000;

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/users", "tenant", "string", "Only this tenant"),
    ("/admin/users", "app", "string", "Only this application"),
    ("/admin/users", "tier", "string", "Only this tier"),
    ("/admin/users", "minor", "boolean", "Only minors, or only others"),
    ("/admin/users", "holds", "string", "Only users whose name holds this"),
    ("/admin/users", "after", "string", "After this one: 'next' of the page before"),
    ("/admin/users", "limit", "integer", "At most so many, up to 500; 100 without it"),
    ("/admin/users/{tenant}/{user}", "app", "string", "The application; 'default' without it"),
];

fn shown_review(d: &Diligence) -> Value {
    json!({
        "id": d.id, "passed": d.passed, "checks": d.checks, "note": d.note, "by": d.by, "at": written(d.at_us),
        "until": written(d.until_us),
    })
}

fn shown(p: &Profile) -> Value {
    json!({
        "tenant": p.tenant, "app": p.app, "user": p.user, "tier": p.tier, "real_name": p.real_name, "minor": p.minor,
        "region": p.region, "purpose": p.purpose, "created": written(p.created_us), "updated": written(p.updated_us),
        "by": p.by, "review": p.diligence.as_ref().map(shown_review),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    tier: Option<String>,
    #[serde(default)]
    real_name: Option<String>,
    #[serde(default)]
    minor: bool,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    purpose: Option<String>,
}

/// What is asked for, if the table knows it and this caller may give it.
fn checked(
    gateway: &Gateway,
    fields: Fields,
    who: (String, String, String),
    staff: bool,
    former: Option<&Profile>,
) -> Result<NewProfile, GatewayError> {
    let real_name = fields.real_name.as_deref().unwrap_or("none");
    let real_name = RealName::of(real_name)
        .ok_or_else(|| invalid("real_name", "'real_name' must be none, phone, id or enterprise"))?;
    let tier = fields.tier.filter(|t| !t.is_empty());
    if let Some(id) = &tier {
        let table = gateway.tiers.table();
        let tier = table.tier(id).ok_or_else(|| {
            let known: Vec<&str> = table.tiers.iter().map(|t| t.id.as_str()).collect();
            invalid("tier", format!("'{id}' is not a tier; use {}", known.join(", ")))
        })?;
        if real_name < tier.level() {
            return Err(invalid(
                "real_name",
                format!("tier '{id}' needs a user known by '{}' at least", tier.real_name),
            ));
        }
        // An application may leave in place what staff gave.
        let kept = former.is_some_and(|p| p.tier.as_deref() == Some(id));
        if tier.granted_by == GrantedBy::Staff && !staff && !kept {
            let message = format!("tier '{id}' is given by staff, at /admin/users");
            return Err(GatewayError::new(Failure::Forbidden, message).param("tier"));
        }
    }
    let (tenant, app, user) = who;
    let plain = |value: Option<String>| value.filter(|v| !v.is_empty());
    Ok(NewProfile {
        tenant,
        app,
        user,
        tier,
        real_name,
        minor: fields.minor,
        region: plain(fields.region),
        purpose: plain(fields.purpose),
    })
}

/// What the answers to applications and staff begin with.
async fn put(
    gateway: &Gateway,
    caller: &Caller,
    fields: Fields,
    who: (String, String, String),
    staff: bool,
) -> Result<Value, GatewayError> {
    let former = stored(gateway.store.profile(&who.0, &who.1, &who.2).await)?;
    let new = checked(gateway, fields, who, staff, former.as_deref())?;
    Ok(shown(&*stored(gateway.store.put_profile(new, by(caller), now_us()).await)?))
}

pub(crate) async fn put_own(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let fields: Fields = read_as(&headers, body, &gateway.config.limits).await?;
        let who = (caller.subject.tenant.clone(), caller.subject.app.clone(), id);
        put(&gateway, &caller, fields, who, caller.admin).await
    };
    let result = result.await;
    answer(OWN, result, &gateway).await
}

pub(crate) async fn own(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async {
        let found = stored(gateway.store.profile(&caller.subject.tenant, &caller.subject.app, &id).await)?;
        found.map(|p| shown(&p)).ok_or_else(missing)
    };
    let result = result.await;
    answer(OWN, result, &gateway).await
}

fn missing() -> GatewayError {
    GatewayError::new(Failure::NotFound, "there is no profile of this user")
}

pub(crate) async fn table(State(gateway): App) -> Response {
    let body = json!({"unknown": gateway.tiers.unknown(), "table": gateway.tiers.table()});
    answer("/admin/tiers", Ok(body), &gateway).await
}

/// Every parameter as text: forms send empty ones for what was not filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listing {
    tenant: String,
    app: String,
    tier: String,
    minor: String,
    holds: String,
    after: String,
    limit: String,
}

pub(crate) async fn list(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    params: Params<Listing>,
) -> Response {
    let result = async {
        let asked = asked(params)?;
        let after = given(asked.after).map(|text| {
            serde_json::from_str(&text).map_err(|_| invalid("after", "'after' must be 'next' of the page before"))
        });
        let filter = ProfileFilter {
            tenant: tenant_of(&caller, given(asked.tenant))?,
            app: given(asked.app),
            tier: given(asked.tier),
            minor: flag("minor", &asked.minor)?,
            holds: given(asked.holds),
            after: after.transpose()?,
        };
        let most = limit(&asked.limit, PAGE)?;
        let list = stored(gateway.store.profiles(&filter, most).await)?;
        let last = list.last().filter(|_| list.len() >= most as usize);
        let next = last.map(|p| json!([p.tenant, p.app, p.user]).to_string());
        Ok(json!({"users": list.iter().map(shown).collect::<Vec<_>>(), "next": next}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
struct Staff {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    app: Option<String>,
    user: String,
    #[serde(flatten)]
    fields: Value,
}

pub(crate) async fn put_by_staff(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Staff = read_as(&headers, body, &gateway.config.limits).await?;
        let fields: Fields = serde_json::from_value(asked.fields)
            .map_err(|e| invalid("", format!("the body has the wrong shape: {e}")))?;
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let who = (or_default(tenant_of(&caller, asked.tenant)?), or_default(asked.app), asked.user);
        put(&gateway, &caller, fields, who, true).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Which application's user.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OfApp {
    app: String,
}

fn named(caller: &Caller, tenant: &str, params: Params<OfApp>) -> Result<String, GatewayError> {
    if !caller.sees(Some(tenant)) {
        return Err(missing());
    }
    Ok(given(asked(params)?.app).unwrap_or_else(|| "default".to_owned()))
}

pub(crate) async fn one(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path((tenant, user)): Path<(String, String)>,
    params: Params<OfApp>,
) -> Response {
    let result = async {
        let app = named(&caller, &tenant, params)?;
        let profile = stored(gateway.store.profile(&tenant, &app, &user).await)?.ok_or_else(missing)?;
        let reviews = stored(gateway.store.diligence(&tenant, &app, &user).await)?;
        let mut body = shown(&profile);
        body["reviews"] = reviews.iter().map(shown_review).collect();
        Ok(body)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn remove(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path((tenant, user)): Path<(String, String)>,
    params: Params<OfApp>,
) -> Response {
    let result = async {
        let app = named(&caller, &tenant, params)?;
        stored(gateway.store.remove_profile(&tenant, &app, &user, by(&caller), now_us()).await)?;
        Ok(json!({"removed": user}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewRequest {
    passed: bool,
    #[serde(default)]
    checks: Vec<String>,
    #[serde(default)]
    note: Option<String>,
    days: u32,
}

pub(crate) async fn review(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path((tenant, user)): Path<(String, String)>,
    params: Params<OfApp>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: ReviewRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let app = named(&caller, &tenant, params)?;
        let diligence = &gateway.tiers.table().diligence;
        if asked.days == 0 || asked.days > diligence.most_days {
            return Err(invalid("days", format!("'days' must be a number from 1 to {}", diligence.most_days)));
        }
        if let Some(unknown) = asked.checks.iter().find(|c| !diligence.checks.iter().any(|k| k.id == **c)) {
            return Err(invalid("checks", format!("'{unknown}' is not on the checklist of the table of tiers")));
        }
        if asked.passed && diligence.checks.iter().any(|k| !asked.checks.contains(&k.id)) {
            return Err(invalid("checks", "a review passes only when everything on the checklist was looked at"));
        }
        let now = now_us();
        let new = NewDiligence {
            passed: asked.passed,
            checks: asked.checks,
            note: asked.note,
            until_us: now.saturating_add(i64::from(asked.days) * DAY_US),
        };
        let done = gateway.store.add_diligence(&tenant, &app, &user, new, by(&caller), now).await;
        Ok(shown_review(&stored(done)?))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
