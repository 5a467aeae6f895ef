//! The entry: applications on behalf of their end users, and, where the operator opened it, anybody.
//!
//! What comes back is a receipt: a number, a secret, the times. What was written never comes back, nor what was found in
//! it; who has number and secret sees how the case stands and, at the end, the answer.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use menshen_store::{Case, CaseBody, CaseFlow, CaseSource, CaseState, CaseStep, NewCase, same_secret};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::steps::filling;
use crate::api::admin::{now_us, stored};
use crate::api::session::{Peer, address, written};
use crate::api::{App, answer, enter, enter_reading, error_for, json_response};
use crate::auth::same_origin;
use crate::cases::{Need, Use};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

const PATH: &str = "/v1/complaints";
const ONCE: &str = "idempotency-key";
/// The largest complaint: a text and a copy of content, 64 KiB each, and what JSON makes of them.
const MOST_BYTES: usize = 512 << 10;
/// Who acknowledges where nobody has to.
const OURSELVES: &str = "menshen";

/// A complaint as it comes in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Complaint {
    kind: String,
    text: String,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    contact: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    idempotency_key: Option<String>,
}

/// Whose it is.
pub(crate) struct Place {
    pub(crate) tenant: String,
    pub(crate) app: String,
    pub(crate) source: CaseSource,
    pub(crate) once: Option<String>,
}

fn filled(value: Option<String>) -> Option<String> {
    value.filter(|v| !v.trim().is_empty())
}

/// Opens a case, and gives its receipt.
pub(crate) async fn receive(
    gateway: &Gateway,
    asked: Complaint,
    place: Place,
    by: &str,
) -> Result<Value, GatewayError> {
    let book = gateway.cases.load_full();
    let kind = book.kind(&asked.kind).filter(|k| place.source != CaseSource::Public || k.public);
    let kind = kind.ok_or_else(|| {
        let known: Vec<&str> = book.kinds.iter().map(|k| k.id.as_str()).collect();
        invalid("kind", format!("there is no such kind; use {}", known.join(", ")))
    })?;
    if let Some(category) = &asked.category
        && !book.categories.iter().any(|c| c.id == *category)
    {
        let known: Vec<&str> = book.categories.iter().map(|c| c.id.as_str()).collect();
        return Err(invalid("category", format!("there is no such category; use {}", known.join(", "))));
    }
    let lang = match asked.lang.as_deref() {
        None | Some("zh") => "zh",
        Some("en") => "en",
        Some(_) => return Err(invalid("lang", "'lang' must be zh or en")),
    };
    let (contact, url, reference) = (filled(asked.contact), filled(asked.url), filled(asked.request_id));
    for (need, name, there) in [
        (Need::Contact, "contact", contact.is_some()),
        (Need::Url, "url", url.is_some()),
        (Need::RequestId, "request_id", reference.is_some()),
    ] {
        if kind.needs.contains(&need) && !there {
            return Err(invalid(name, format!("'{name}' is needed for this kind")));
        }
    }
    // A stranger's word for which request it is about is kept as their word; an application's is looked up.
    let request_id = match &reference {
        Some(id) if place.source != CaseSource::Public => Some(record_of(gateway, &place, id).await?),
        _ => None,
    };
    // Whose account it is, too: an upheld appeal acts on the user that somebody has made sure of.
    let (user, account) = match place.source {
        CaseSource::Public => (None, filled(asked.user)),
        _ => (filled(asked.user), None),
    };
    let now = now_us();
    let due_us = book.calendar.after(now, kind.answer);
    let new = NewCase {
        user,
        family: kind.family,
        kind: kind.id.clone(),
        category: asked.category,
        source: place.source,
        lang: lang.to_owned(),
        once: place.once.or(asked.idempotency_key),
        request_id,
        body: CaseBody { text: asked.text, contact, url, content: filled(asked.content), reference, account },
        ack_due_us: book.calendar.after(now, kind.acknowledge),
        soon_us: book.calendar.soon(now, due_us, kind.soon),
        due_us,
        tenant: place.tenant,
        app: place.app,
    };
    let (mut case, fresh) = stored(gateway.store.open_case(new, by, now).await)?;
    if kind.auto && fresh {
        let words = book.templates.iter().find(|t| t.uses == Use::Acknowledge && t.fits(kind.family, None));
        if let Some(words) = words {
            let text = filling(&book, &case, None, None, lang, "", now).fill(words.words(lang));
            let step = CaseStep::Acknowledge { text };
            case = stored(gateway.store.step_case(&case.id, None, step, OURSELVES, now).await)?;
        }
    }
    let mut receipt = standing(&case);
    receipt["id"] = (place.source == CaseSource::Staff).then_some(case.id.as_str()).into();
    receipt["secret"] = Value::from(gateway.store.case_secret(&case).as_str());
    Ok(receipt)
}

/// A request of this tenant and application.
async fn record_of(gateway: &Gateway, place: &Place, id: &str) -> Result<Uuid, GatewayError> {
    let none = || invalid("request_id", "there is no record of such a request of this application");
    let id = Uuid::parse_str(id).map_err(|_| none())?;
    let records = stored(gateway.store.request(id, Some(&place.tenant), false).await)?;
    let theirs = |app: Option<&str>| place.source == CaseSource::Staff || app == Some(place.app.as_str());
    records.iter().any(|r| r.kind == "request" && theirs(r.app.as_deref())).then_some(id).ok_or_else(none)
}

/// How a case stands, for whoever complained.
fn standing(case: &Case) -> Value {
    let told = matches!(case.state, CaseState::Answered | CaseState::Closed);
    json!({
        "number": case.number, "kind": case.kind, "state": case.state, "received_at": written(case.created_us),
        "acknowledge_by": written(case.ack_due_us), "acknowledged_at": case.ack_us.and_then(written),
        "answer_by": written(case.due_us), "answered_at": case.answered_us.and_then(written),
        "decision": case.decision.filter(|_| told && !case.pending), "reopened": case.reopened,
    })
}

/// The same with the answer, or why it was not taken up.
async fn with_answer(gateway: &Gateway, case: &Case) -> Result<Value, GatewayError> {
    let mut value = standing(case);
    value["answer"] = Value::Null;
    if matches!(case.state, CaseState::Answered | CaseState::Closed | CaseState::Rejected) {
        let file = stored(gateway.store.case_file(&case.id, None).await)?;
        let last = file.events.iter().rev().find(|e| matches!(e.step, CaseFlow::Answer | CaseFlow::Reject));
        value["answer"] = last.map(|e| e.detail["text"].clone()).unwrap_or_default();
    }
    Ok(value)
}

fn unknown() -> GatewayError {
    GatewayError::new(Failure::NotFound, "there is no complaint with this number here, or the code is not its own")
}

/// Reopens a case for whoever complained, once, within the time the data gives.
async fn appeal(gateway: &Gateway, case: &Case, text: String, by: &str) -> Result<Value, GatewayError> {
    let (book, now) = (gateway.cases.load_full(), now_us());
    let ended = case.closed_us.or(case.answered_us).unwrap_or(now);
    if book.calendar.after(ended, book.reopen) < now {
        let message = "the time in which it could be appealed against is over; send a new one";
        return Err(GatewayError::new(Failure::Conflict, message));
    }
    let kind = book.kind(&case.kind).or_else(|| book.kinds.iter().find(|k| k.family == case.family));
    let kind = kind.ok_or_else(|| GatewayError::new(Failure::Internal, "the kinds have no such family"))?;
    let due_us = book.calendar.after(now, kind.answer);
    let step = CaseStep::Reopen { text, soon_us: book.calendar.soon(now, due_us, kind.soon), due_us };
    let case = stored(gateway.store.step_case(&case.id, Some(&case.tenant), step, by, now).await)?;
    Ok(standing(&case))
}

fn once(headers: &HeaderMap) -> Result<Option<String>, GatewayError> {
    let Some(value) = headers.get(ONCE) else { return Ok(None) };
    let text = value.to_str().ok().filter(|v| !v.trim().is_empty() && v.len() <= 255);
    let wrong = || invalid(ONCE, "the header idempotency-key must hold 1 to 255 visible ASCII characters");
    text.map(|v| Some(v.to_owned())).ok_or_else(wrong)
}

fn limits(gateway: &Gateway) -> crate::config::Limits {
    let most = MOST_BYTES.min(gateway.config.limits.max_request_bytes);
    crate::config::Limits { max_request_bytes: most, ..gateway.config.limits.clone() }
}

pub(crate) async fn send(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let mut asked: Complaint = read_as(&headers, body, &limits(&gateway)).await?;
        asked.user = asked.user.or_else(|| caller.subject.user.clone());
        let place = Place {
            tenant: caller.subject.tenant.clone(),
            app: caller.subject.app.clone(),
            source: CaseSource::App,
            once: once(&headers)?,
        };
        receive(&gateway, asked, place, caller.key_id.as_deref().unwrap_or("app")).await
    };
    let result = result.await;
    private(answer(PATH, result, &gateway).await)
}

/// An application's own case.
async fn own(gateway: &Gateway, caller: &crate::auth::Caller, number: &str) -> Result<Case, GatewayError> {
    let case = stored(gateway.store.case_of_number(number).await)?;
    case.filter(|c| c.tenant == caller.subject.tenant && c.app == caller.subject.app).ok_or_else(unknown)
}

pub(crate) async fn look(State(gateway): App, headers: HeaderMap, Path(number): Path<String>) -> Response {
    let result = async {
        let caller = enter_reading(&gateway, &headers)?;
        let case = own(&gateway, &caller, &number).await?;
        with_answer(&gateway, &case).await
    };
    let result = result.await;
    private(answer(PATH, result, &gateway).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Appeal {
    text: String,
}

pub(crate) async fn appeal_own(
    State(gateway): App,
    headers: HeaderMap,
    Path(number): Path<String>,
    body: Body,
) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let asked: Appeal = read_as(&headers, body, &limits(&gateway)).await?;
        let case = own(&gateway, &caller, &number).await?;
        appeal(&gateway, &case, asked.text, caller.key_id.as_deref().unwrap_or("app")).await
    };
    let result = result.await;
    private(answer(PATH, result, &gateway).await)
}

/// What strangers get: nothing of it is kept in a cache, and what is wrong with a request is counted and not recorded, so
/// that strangers cannot fill the disk.
fn said(gateway: &Gateway, result: Result<Value, GatewayError>) -> Response {
    private(match result {
        Ok(body) => json_response(&body),
        Err(error) => {
            gateway.metrics.failed(error.failure.code());
            error_for(PATH, &error)
        }
    })
}

fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn opened(gateway: &Gateway, headers: &HeaderMap) -> Result<(), GatewayError> {
    if !gateway.config.cases.public {
        let message = "complaints without a key are not taken here; use the application, or ask the operator";
        return Err(GatewayError::new(Failure::NotFound, message));
    }
    same_origin(headers)
}

pub(crate) async fn form(State(gateway): App) -> Response {
    let book = gateway.cases.load();
    let open = gateway.config.cases.public;
    let categories: Vec<Value> =
        book.categories.iter().map(|c| json!({"id": c.id, "zh": c.name.zh, "en": c.name.en})).collect();
    let told = match open {
        true => json!({
            "open": true, "kinds": super::kinds_of(&book, true), "categories": categories, "service": book.service,
            "contact": book.contact,
        }),
        false => {
            json!({"open": false, "kinds": [], "categories": [], "service": book.service, "contact": book.contact})
        }
    };
    said(&gateway, Ok(told))
}

pub(crate) async fn send_public(State(gateway): App, peer: Peer, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        opened(&gateway, &headers)?;
        gateway.strangers.send(address(&peer))?;
        let mut asked: Complaint = read_as(&headers, body, &limits(&gateway)).await?;
        let config = &gateway.config.cases;
        asked.idempotency_key = None;
        let (tenant, app) = (config.public_tenant.clone(), config.public_app.clone());
        let place = Place { tenant, app, source: CaseSource::Public, once: None };
        receive(&gateway, asked, place, "public").await
    };
    let result = result.await;
    said(&gateway, result)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    number: String,
    secret: String,
    #[serde(default)]
    text: Option<String>,
}

/// The case of a receipt. A wrong number and a wrong secret look the same.
async fn of_receipt(gateway: &Gateway, receipt: &Receipt) -> Result<Case, GatewayError> {
    let number = receipt.number.trim().to_ascii_uppercase();
    let case = stored(gateway.store.case_of_number(&number).await)?;
    let right = |case: &Case| same_secret(&gateway.store.case_secret(case), receipt.secret.trim());
    case.filter(right).ok_or_else(unknown)
}

pub(crate) async fn look_public(State(gateway): App, peer: Peer, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        opened(&gateway, &headers)?;
        gateway.strangers.look(address(&peer))?;
        let receipt: Receipt = read_as(&headers, body, &limits(&gateway)).await?;
        let case = of_receipt(&gateway, &receipt).await?;
        with_answer(&gateway, &case).await
    };
    let result = result.await;
    said(&gateway, result)
}

pub(crate) async fn appeal_public(State(gateway): App, peer: Peer, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        opened(&gateway, &headers)?;
        gateway.strangers.send(address(&peer))?;
        let receipt: Receipt = read_as(&headers, body, &limits(&gateway)).await?;
        let case = of_receipt(&gateway, &receipt).await?;
        let text = receipt.text.ok_or_else(|| invalid("text", "'text' must say why you do not agree"))?;
        appeal(&gateway, &case, text, "public").await
    };
    let result = result.await;
    said(&gateway, result)
}
