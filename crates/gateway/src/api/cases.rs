//! Cases as the staff sees them: the queue, one case, its figures, and what kinds there are. Whoever is bound to a tenant
//! sees nothing of others: the tenant is part of every question to the store.

pub(crate) mod complaints;
pub(crate) mod steps;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use jiff::Timestamp;
use menshen_store::{
    Behaving, Case, CaseFamily, CaseFilter, CaseSource, CaseState, Due, Entry, EntryKind, Level, Measure, SubjectKind,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{by, now_us, stored, tenant_of};
use super::{App, answer, asked};
use crate::auth::{Caller, Permission};
use crate::cases::{Book, Named};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

pub(crate) const PATH: &str = "/admin/cases";
/// Cases on a page where nobody says how many.
const PAGE: u32 = 50;
/// The time that figures are of, where nobody says: thirty days.
const FIGURES_US: i64 = 30 * 86_400_000_000;

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    (PATH, "after", "string", "Where the page before ended: its 'next'"),
    (PATH, "limit", "integer", "At most so many, up to 200; 50 without it"),
    (
        PATH,
        "state",
        "string",
        "Only in this state; 'all' for those that are over, too; without it all that are not over",
    ),
    (PATH, "family", "string", "appeal, complaint or report"),
    (PATH, "kind", "string", "Only this kind"),
    (PATH, "due", "string", "overdue, soon or fine"),
    (PATH, "assignee", "string", "Only this one's work; 'me', or 'nobody'"),
    (PATH, "about", "string", "Only with this number, end user or request"),
    (PATH, "tenant", "string", "Only this tenant"),
    (
        "/admin/cases/statistics",
        "from",
        "string",
        "What came in at this moment or later (RFC 3339); 30 days ago without it",
    ),
    ("/admin/cases/statistics", "to", "string", "What came in before this moment; now without it"),
    ("/admin/cases/statistics", "tenant", "string", "Only this tenant"),
];

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    after: String,
    limit: String,
    state: String,
    family: String,
    kind: String,
    due: String,
    assignee: String,
    about: String,
    tenant: String,
    from: String,
    to: String,
}

type Params = super::Params<Asked>;

fn given(value: String) -> Option<String> {
    Some(value).filter(|v| !v.is_empty())
}

/// The tenant to look at: the asked one, and for those who are bound to one, no other.
fn tenant(caller: &Caller, asked: String) -> Result<Option<String>, GatewayError> {
    match (caller.bound(), given(asked)) {
        (Some(own), Some(other)) if own != other => {
            Err(GatewayError::new(Failure::Forbidden, "this belongs to another tenant").param("tenant"))
        }
        (Some(own), _) => Ok(Some(own.to_owned())),
        (None, asked) => Ok(asked),
    }
}

pub(crate) fn moment(name: &'static str, value: &str) -> Result<i64, GatewayError> {
    let read = value.parse::<Timestamp>();
    let read = read.map_err(|_| invalid(name, format!("'{name}' must be a time such as 2026-11-22T08:00:00Z")))?;
    Ok(read.as_microsecond())
}

fn one_of<T>(
    name: &'static str,
    value: &str,
    of: fn(&str) -> Option<T>,
    known: &str,
) -> Result<Option<T>, GatewayError> {
    match value {
        "" => Ok(None),
        value => of(value).map(Some).ok_or_else(|| invalid(name, format!("'{name}' must be {known}"))),
    }
}

fn due_of(id: &str) -> Option<Due> {
    [Due::Fine, Due::Soon, Due::Overdue].into_iter().find(|d| d.id() == id)
}

pub(crate) fn shown(case: &Case, now_us: i64) -> Result<Value, GatewayError> {
    let mut value = written(case)?;
    value["due_state"] = json!(case.due(now_us));
    Ok(value)
}

fn written(value: impl serde::Serialize) -> Result<Value, GatewayError> {
    serde_json::to_value(value)
        .map_err(|e| GatewayError::new(Failure::Internal, "the answer cannot be written").detail(e))
}

pub(crate) async fn list(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let all = asked.state == "all";
        let state = if all { "" } else { asked.state.as_str() };
        let limit = match asked.limit.as_str() {
            "" => PAGE,
            limit => limit.parse().map_err(|_| invalid("limit", "'limit' must be a whole number"))?,
        };
        let filter = CaseFilter {
            state: one_of("state", state, CaseState::of_id, "all or a state of a case")?,
            all,
            family: one_of("family", &asked.family, CaseFamily::of_id, "appeal, complaint or report")?,
            kind: given(asked.kind),
            due: one_of("due", &asked.due, due_of, "overdue, soon or fine")?,
            assignee: match asked.assignee.as_str() {
                "me" => Some(by(&caller).to_owned()),
                "nobody" => Some(String::new()),
                _ => given(asked.assignee),
            },
            about: given(asked.about),
            tenant: tenant(&caller, asked.tenant)?,
        };
        let now = now_us();
        let page = stored(gateway.store.cases(&filter, given(asked.after).as_deref(), limit, now).await)?;
        let cases = page.cases.iter().map(|case| shown(case, now)).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"cases": cases, "next": page.next}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn statistics(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let now = now_us();
        let to = given(asked.to).map_or(Ok(now), |to| moment("to", &to))?;
        let from = given(asked.from).map_or(Ok(to.saturating_sub(FIGURES_US)), |from| moment("from", &from))?;
        let tenant = tenant(&caller, asked.tenant)?;
        written(stored(gateway.store.case_statistics(tenant.as_deref(), from, to, now).await)?)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Who may be given a case of these tenants.
fn staff(gateway: &Gateway, caller: &Caller) -> Vec<String> {
    let may = |roles: &[menshen_store::Role]| roles.iter().any(|r| Permission::Cases.roles().contains(r));
    let people = gateway.store.people();
    let mut names: Vec<String> = people
        .iter()
        .filter(|p| !p.disabled && may(&p.roles) && caller.sees(p.tenant.as_deref()))
        .map(|p| format!("person:{}", p.name))
        .collect();
    names.sort_unstable();
    names
}

fn named(id: &str, name: &Named) -> Value {
    json!({"id": id, "zh": name.zh, "en": name.en})
}

pub(crate) fn kinds_of(book: &Book, public: bool) -> Vec<Value> {
    let kinds = book.kinds.iter().filter(|k| !public || k.public);
    kinds
        .map(|k| {
            json!({
                "id": k.id, "family": k.family, "zh": k.name.zh, "en": k.name.en, "about": k.about, "needs": k.needs,
                "acknowledge": k.acknowledge.to_string(), "answer": k.answer.to_string(), "auto": k.auto, "public": k.public,
            })
        })
        .collect()
}

pub(crate) async fn book(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let book = gateway.cases.load();
    let decisions = book.decisions.iter().map(|d| {
        let mut value = named(d.id.id(), &d.name);
        (value["family"], value["four_eyes"]) = (json!(d.id.family()), json!(d.four_eyes));
        value
    });
    let effects = book.effects.iter().map(|e| {
        let mut value = named(&e.id, &e.name);
        (value["decisions"], value["act"]) = (json!(e.decisions), json!(e.act));
        value
    });
    let templates = book.templates.iter().map(|t| {
        let mut value = named(&t.id, &t.name);
        (value["use"], value["families"], value["decisions"]) = (json!(t.uses), json!(t.families), json!(t.decisions));
        value
    });
    let told = json!({
        "kinds": kinds_of(&book, false), "decisions": decisions.collect::<Vec<_>>(),
        "categories": book.categories.iter().map(|c| named(&c.id, &c.name)).collect::<Vec<_>>(),
        "reasons": book.reasons.iter().map(|c| named(&c.id, &c.name)).collect::<Vec<_>>(),
        "effects": effects.collect::<Vec<_>>(), "templates": templates.collect::<Vec<_>>(),
        "staff": staff(&gateway, &caller), "me": by(&caller), "may_work": caller.may(Permission::Cases),
        "public": gateway.config.cases.public,
    });
    answer(PATH, Ok(told), &gateway).await
}

pub(crate) async fn one(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async { file(&gateway, &caller, &id).await };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// A case with everything in it, and what it is about. Who reads what people wrote leaves a record of it first.
async fn file(gateway: &Gateway, caller: &Caller, id: &str) -> Result<Value, GatewayError> {
    let now = now_us();
    let file = stored(gateway.store.case_file(id, caller.bound()).await)?;
    let case = &file.case;
    let mut entry = Entry::event(EntryKind::Admin, "case.read", now, json!({"case": case.id, "number": case.number}));
    entry.key_id = Some(by(caller).to_owned());
    entry.tenant = Some(case.tenant.clone());
    entry.app = Some(case.app.clone());
    stored(gateway.store.record(entry).await)?;
    let mut value = written(&file)?;
    value["due_state"] = json!(case.due(now));
    let suspension = case.user.as_deref().and_then(|user| gateway.store.suspension(&case.tenant, user, now));
    value["suspension"] = match suspension {
        Some(s) => json!({
            "user": s.user, "reason": s.reason, "rule": s.rule, "by": s.by, "since": super::session::written(s.since_us),
            "until": s.until_us.and_then(super::session::written),
        }),
        None => match suspended_for_behaviour(gateway, case, now) {
            Some(m) => json!({
                "user": m.who.subject, "reason": m.reason, "rule": null, "by": m.by, "since": super::session::written(m.since_us),
                "until": super::session::written(m.until_us),
            }),
            None => Value::Null,
        },
    };
    Ok(value)
}

/// The measure by which unusual behaviour keeps the user of a case out, if one does.
fn suspended_for_behaviour(gateway: &Gateway, case: &Case, now: i64) -> Option<Measure> {
    let subject = case.user.clone()?;
    let who = Behaving { tenant: case.tenant.clone(), app: case.app.clone(), kind: SubjectKind::User, subject };
    gateway.store.measure(&who, now).filter(|m| m.level == Level::Suspend)
}

/// A case that somebody of the staff writes down: from a letter, a call, a mail.
pub(crate) async fn open(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let mut asked: Value = read_as(&headers, body, &gateway.config.limits).await?;
        let mut take = |name: &str| match asked.as_object_mut().and_then(|o| o.remove(name)) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid(name, format!("'{name}' must be a string"))),
        };
        let (tenant, app) = (take("tenant")?, take("app")?);
        let wrong = |e: serde_json::Error| invalid("", format!("the body has the wrong shape: {e}"));
        let complaint: complaints::Complaint = serde_json::from_value(asked).map_err(wrong)?;
        let tenant = tenant_of(&caller, tenant)?;
        let app = app.unwrap_or_else(|| "default".to_owned());
        let place = complaints::Place { tenant, app, source: CaseSource::Staff, once: None };
        complaints::receive(&gateway, complaint, place, by(&caller)).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_is_documented_is_read() {
        for (path, name, ..) in PARAMETERS {
            assert!(serde_json::from_value::<Asked>(json!({ *name: "1" })).is_ok(), "{path} {name}");
            assert!(super::super::ROUTES.iter().any(|r| r.path == *path), "{path}");
        }
    }
}
