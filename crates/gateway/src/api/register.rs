//! The register of applications: how each is graded, which controls it needs and which are shown, its reviews, its filing
//! material, documents for its users, and the assets that it uses.
//!
//! What is graded how, and what follows, is data (`packs/governance`); what is found out by the program itself can be
//! ticked by nobody ([`controls`]). Whoever is bound to a tenant sees nothing of others.

mod assets;
mod controls;
mod documents;
mod entries;
mod filing;
mod page;
mod reviews;

use axum::extract::{Extension, State};
use axum::response::Response;
use menshen_policy::Lang;
use menshen_policy::governance::{Governance, Profile};
use menshen_store::Registered;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use assets::{add as add_asset, change as change_asset, import as import_assets, list as assets};
pub(crate) use controls::tick;
pub(crate) use documents::{document, export};
pub(crate) use entries::{add, change, grade, list, one};
pub(crate) use filing::put as put_filing;
pub(crate) use reviews::{list as reviews, one as review, open as open_review, vote, withdraw as withdraw_review};

use super::admin::stored;
use super::{App, answer, asked};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::gateway::Gateway;

const PATH: &str = "/admin/register";

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/register/apps/{id}/document", "template", "string", "agreement or privacy"),
    ("/admin/register/apps/{id}/document", "lang", "string", "zh or en; zh without it"),
    ("/admin/register/apps/{id}/document", "format", "string", "json, md or html; json without it"),
    ("/admin/register/apps/{id}/export", "lang", "string", "zh or en; zh without it"),
    ("/admin/register/apps/{id}/export", "format", "string", "zip or html; zip without it"),
    ("/admin/register/reviews", "app", "string", "Only of this application of the register"),
];

/// What documents are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    template: String,
    lang: String,
    format: String,
    app: String,
}

pub(crate) type Params = super::Params<Asked>;

impl Asked {
    fn lang(&self) -> Result<Lang, GatewayError> {
        match self.lang.as_str() {
            "" | "zh" => Ok(Lang::Zh),
            "en" => Ok(Lang::En),
            _ => Err(invalid("lang", "'lang' must be zh or en")),
        }
    }
}

/// An application that the caller may see.
async fn known(gateway: &Gateway, caller: &Caller, id: &str) -> Result<Registered, GatewayError> {
    if id.len() > 64 {
        return Err(GatewayError::new(Failure::NotFound, "there is no application of this id in the register"));
    }
    stored(gateway.store.registered_as(id, caller.bound()).await)
}

fn profile(entry: &Registered) -> Profile {
    serde_json::from_value(entry.profile.clone()).unwrap_or_default()
}

/// A tenant that the caller may write for.
fn tenant(caller: &Caller, asked: Option<String>) -> Result<String, GatewayError> {
    match (caller.bound(), asked.filter(|t| !t.is_empty())) {
        (Some(own), None) => Ok(own.to_owned()),
        (None, None) => Ok("default".to_owned()),
        (_, Some(asked)) if caller.sees(Some(&asked)) => Ok(asked),
        _ => Err(GatewayError::new(Failure::Forbidden, "your account is bound to another tenant").param("tenant")),
    }
}

fn shown(value: impl serde::Serialize) -> Result<Value, GatewayError> {
    let failed = |e| GatewayError::new(Failure::Internal, "the answer cannot be written").detail(e);
    serde_json::to_value(value).map_err(failed)
}

fn written(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).map(|t| t.to_string()).unwrap_or_default()
}

/// The title of an option, level, stage …; the id where it is not known any more.
fn title(of: Option<&menshen_policy::governance::Words>, id: &str, lang: Lang) -> String {
    of.map_or(id, |words| words.get(lang)).to_owned()
}

/// The titles of a profile's options of one factor.
fn titles(governance: &Governance, profile: &Profile, factor: &str, lang: Lang) -> String {
    let known = governance.factors.iter().find(|f| f.id == factor);
    let of = |id: &String| title(known.and_then(|f| f.option.iter().find(|o| o.id == *id)).map(|o| &o.title), id, lang);
    let list: Vec<String> = profile.get(factor).into_iter().flatten().map(of).collect();
    list.join(if lang == Lang::Zh { "、" } else { ", " })
}

pub(crate) async fn governance(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let governed = gateway.governed();
    let result = shown(&governed.data).map(|mut told| {
        // Places of files are of the house.
        let said = if caller.bound().is_none() { governed.diagnostics.clone() } else { Vec::new() };
        told["diagnostics"] = json!(said);
        told["ballots"] = json!(menshen_store::Ballot::ALL.iter().map(|b| b.id()).collect::<Vec<_>>());
        told["today"] = json!(documents::today());
        told
    });
    answer(PATH, result, &gateway).await
}
