//! Steps of a case: what the staff does with it, and what the program does for a decision.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{Case, CaseBody, CaseDecision, CaseFlow, CaseStep, Decision, Opinion, ReviewState};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{PATH, moment, shown, staff};
use crate::api::admin::{by, hidden, now_us, stored};
use crate::api::{App, answer};
use crate::auth::Caller;
use crate::cases::{Act, Book, Filling, Template, Use};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

/// A step as it comes in.
#[derive(Debug, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    Acknowledge {
        #[serde(default)]
        text: Option<String>,
    },
    Start {},
    Assign {
        #[serde(default)]
        to: Option<String>,
    },
    Note {
        text: String,
    },
    Link {
        #[serde(default)]
        request_id: Option<String>,
        #[serde(default)]
        review: Option<i64>,
        #[serde(default)]
        user: Option<String>,
    },
    Evidence {
        url: String,
        content: String,
        #[serde(default)]
        seen_at: Option<String>,
    },
    Assess {
        #[serde(default)]
        risk: Option<String>,
        confirmed: bool,
        text: String,
    },
    Decide {
        decision: CaseDecision,
        reason: String,
    },
    Approve {},
    Disapprove {
        reason: String,
    },
    Effect {
        effect: String,
        #[serde(default)]
        done_at: Option<String>,
        #[serde(default)]
        note: Option<String>,
    },
    Notice {
        template: String,
        #[serde(default)]
        to: Option<String>,
        text: String,
    },
    Answer {
        text: String,
    },
    Close {},
    Reject {
        reason: String,
        text: String,
    },
    Reopen {
        text: String,
    },
}

/// What was done cannot lie before the case by much, nor in the time to come.
fn done_at(at: Option<&str>, name: &'static str, now: i64) -> Result<i64, GatewayError> {
    let at = at.map_or(Ok(now), |at| moment(name, at))?;
    if at > now.saturating_add(60_000_000) {
        return Err(invalid(name, format!("'{name}' lies in the time to come")));
    }
    Ok(at)
}

/// What templates are filled with. What complainants wrote is not among it; the address of the content, on one line, is.
pub(crate) fn filling(
    book: &Book,
    case: &Case,
    body: Option<&CaseBody>,
    evidence: Option<&Value>,
    lang: &str,
    facts: &str,
    now: i64,
) -> Filling {
    let kind = book.kind(&case.kind).map_or(case.kind.as_str(), |k| k.name.of(lang));
    let category = case
        .category
        .as_deref()
        .map(|id| book.categories.iter().find(|c| c.id == id).map_or(id, |c| c.name.of(lang)).to_owned());
    let decision = case.decision.filter(|_| !case.pending).and_then(|d| book.decision(d));
    let said = |name: &str| evidence.and_then(|e| e[name].as_str()).map(str::to_owned);
    let url = said("url").or_else(|| body.and_then(|b| b.url.clone()));
    let hash = |text: &String| data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    let sha256 = said("sha256").or_else(|| body.and_then(|b| b.content.as_ref()).map(hash));
    Filling::new([
        ("number", case.number.clone()),
        ("received", book.calendar.written(case.created_us)),
        ("kind", kind.to_owned()),
        ("category", category.unwrap_or_default()),
        ("due", book.calendar.written(case.due_us)),
        ("decision", decision.map(|d| d.name.of(lang).to_owned()).unwrap_or_default()),
        ("url", crate::cases::one_line(&url.unwrap_or_default())),
        ("sha256", sha256.unwrap_or_default()),
        ("service", book.service.of(lang).to_owned()),
        ("contact", book.contact.of(lang).to_owned()),
        ("today", book.calendar.day(now)),
        ("facts", facts.to_owned()),
    ])
}

fn template<'a>(book: &'a Book, case: &Case, id: &str) -> Result<&'a Template, GatewayError> {
    let template = book.template(id).ok_or_else(|| invalid("template", "there is no such template"))?;
    let decision = case.decision.filter(|_| !case.pending);
    if !template.fits(case.family, decision) {
        let message = "this template does not fit the case's family, or what was decided so far";
        return Err(GatewayError::new(Failure::Conflict, message).param("template"));
    }
    Ok(template)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeAsked {
    template: String,
    #[serde(default)]
    lang: Option<String>,
    #[serde(default)]
    facts: String,
}

pub(crate) async fn preview(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let result = async {
        let asked: NoticeAsked = read_as(&headers, body, &gateway.config.limits).await?;
        let file = stored(gateway.store.case_file(&id, caller.bound()).await)?;
        let book = gateway.cases.load_full();
        let template = template(&book, &file.case, &asked.template)?;
        let lang = match asked.lang.as_deref() {
            None => file.case.lang.as_str(),
            Some(lang @ ("zh" | "en")) => lang,
            Some(_) => return Err(invalid("lang", "'lang' must be zh or en")),
        };
        let evidence = file.events.iter().rev().find(|e| e.step == CaseFlow::Evidence).map(|e| &e.detail);
        let filling = filling(&book, &file.case, Some(&file.body), evidence, lang, &asked.facts, now_us());
        let told = json!({"template": template.id, "use": template.uses, "lang": lang, "text": filling.fill(template.words(lang))});
        Ok(told)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn take(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let result = async {
        let asked: Asked = read_as(&headers, body, &gateway.config.limits).await?;
        let case = stored(gateway.store.case(&id, caller.bound()).await)?;
        let step = step_of(&gateway, &caller, &case, asked).await?;
        let now = now_us();
        let case = stored(gateway.store.step_case(&id, caller.bound(), step, by(&caller), now).await)?;
        shown(&case, now)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

async fn step_of(gateway: &Gateway, caller: &Caller, case: &Case, asked: Asked) -> Result<CaseStep, GatewayError> {
    let (book, now) = (gateway.cases.load_full(), now_us());
    Ok(match asked {
        Asked::Acknowledge { text: Some(text) } => CaseStep::Acknowledge { text },
        Asked::Acknowledge { text: None } => {
            let words = book.templates.iter().find(|t| t.uses == Use::Acknowledge && t.fits(case.family, None));
            let words = words.ok_or_else(|| invalid("text", "there is no template; give the words as 'text'"))?;
            let filling = filling(&book, case, None, None, &case.lang, "", now);
            CaseStep::Acknowledge { text: filling.fill(words.words(&case.lang)) }
        }
        Asked::Start {} => CaseStep::Start,
        Asked::Assign { to } => {
            if let Some(to) = &to
                && to != by(caller)
                && !staff(gateway, caller).contains(to)
            {
                return Err(invalid("to", "nobody of this name works on cases here; see 'staff' in /admin/cases/book"));
            }
            CaseStep::Assign { to }
        }
        Asked::Note { text } => CaseStep::Note { text },
        Asked::Link { request_id, review, user } => {
            let request_id = match request_id {
                Some(id) => Some(request_of(gateway, case, &id).await?),
                None => None,
            };
            if let Some(review) = review {
                review_of(gateway, case, review).await?;
            }
            CaseStep::Link { request_id, review, user }
        }
        Asked::Evidence { url, content, seen_at } => {
            CaseStep::Evidence { url, content, seen_us: done_at(seen_at.as_deref(), "seen_at", now)? }
        }
        Asked::Assess { risk, confirmed, text } => {
            if let Some(risk) = &risk
                && !menshen_verdict::Risk::ALL.iter().any(|r| r.id() == risk)
            {
                return Err(invalid("risk", "there is no such risk; see /admin/taxonomy"));
            }
            CaseStep::Assess { risk, confirmed, text }
        }
        Asked::Decide { decision, reason } => {
            let four_eyes = book.decision(decision).is_none_or(|d| d.four_eyes);
            CaseStep::Decide { decision, reason, four_eyes }
        }
        Asked::Approve {} => CaseStep::Approve,
        Asked::Disapprove { reason } => CaseStep::Disapprove { reason },
        Asked::Effect { effect, done_at: at, note } => {
            let known = book.effects.iter().find(|e| e.id == effect);
            let known = known.ok_or_else(|| invalid("effect", "there is no such effect; see /admin/cases/book"))?;
            if !case.decision.is_some_and(|d| known.decisions.contains(&d)) {
                let message = "this does not follow from what was decided";
                return Err(GatewayError::new(Failure::Conflict, message).param("effect"));
            }
            let done_us = done_at(at.as_deref(), "done_at", now)?;
            // Refused as a step, it must not be done either: what the store would say is said before.
            let over = case.closed_us.is_some();
            if let Some(act) = known.act.filter(|_| !case.pending && !over) {
                carry_out(gateway, case, act, by(caller)).await?;
            }
            CaseStep::Effect { effect, done_us, note }
        }
        Asked::Notice { template: id, to, text } => {
            let template = template(&book, case, &id)?;
            CaseStep::Notice { template: id, audience: template.uses.id().to_owned(), to, text }
        }
        Asked::Answer { text } => CaseStep::Answer { text },
        Asked::Close {} => CaseStep::Close,
        Asked::Reject { reason, text } => {
            if !book.reasons.iter().any(|r| r.id == reason) {
                let known: Vec<&str> = book.reasons.iter().map(|r| r.id.as_str()).collect();
                return Err(invalid("reason", format!("there is no such reason; use {}", known.join(", "))));
            }
            CaseStep::Reject { reason, text }
        }
        Asked::Reopen { text } => {
            let answer = book.kind(&case.kind).or_else(|| book.kinds.iter().find(|k| k.family == case.family));
            let kind = answer.ok_or_else(|| GatewayError::new(Failure::Internal, "the kinds have no such family"))?;
            let due_us = book.calendar.after(now, kind.answer);
            CaseStep::Reopen { text, soon_us: book.calendar.soon(now, due_us, kind.soon), due_us }
        }
    })
}

/// A request of the case's tenant.
async fn request_of(gateway: &Gateway, case: &Case, id: &str) -> Result<Uuid, GatewayError> {
    let none = || invalid("request_id", "there is no record of such a request of this tenant");
    let id = Uuid::parse_str(id.trim()).map_err(|_| none())?;
    let records = stored(gateway.store.request(id, Some(&case.tenant), false).await)?;
    records.iter().any(|r| r.kind == "request").then_some(id).ok_or_else(none)
}

/// A review of the case's tenant.
async fn review_of(gateway: &Gateway, case: &Case, id: i64) -> Result<(), GatewayError> {
    // The one after the one before it: this one, if it is of the tenant.
    let before = id.saturating_sub(1);
    let list = stored(gateway.store.reviews(ReviewState::All, Some(&case.tenant), before, 1, false).await)?;
    if list.first().is_none_or(|review| review.id != id) {
        return Err(hidden("review of this tenant"));
    }
    Ok(())
}

/// Does what an upheld appeal asks for. Each has its own entry in the audit, with who did it.
async fn carry_out(gateway: &Gateway, case: &Case, act: Act, by: &str) -> Result<(), GatewayError> {
    let now = now_us();
    let unlinked = |what: &'static str| GatewayError::new(Failure::Conflict, what);
    match act {
        Act::Lift => {
            let user = case.user.as_deref().ok_or_else(|| unlinked("the case names no user; link one first"))?;
            let measure = super::suspended_for_behaviour(gateway, case, now);
            let suspended = gateway.store.suspension(&case.tenant, user, now).is_some();
            if !suspended && measure.is_none() {
                return Err(unlinked("this user is not suspended now"));
            }
            if suspended {
                stored(gateway.store.lift(&case.tenant, user, by, now).await)?;
            }
            if let Some(measure) = measure {
                stored(gateway.store.end_measure(&measure.id, by, now).await)?;
            }
            Ok(())
        }
        Act::FalsePositive => {
            let id = case.request_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
            let id = id.ok_or_else(|| unlinked("the case names no record; link one first"))?;
            let (store, note) = (&gateway.store, Some(case.number.clone()));
            let put = store.put_feedback(id, Some(&case.tenant), Opinion::FalsePositive, note, by, now);
            stored(put.await).map(drop)
        }
        Act::Release => {
            let review = case.review.ok_or_else(|| unlinked("the case names no review; link one first"))?;
            review_of(gateway, case, review).await?;
            let note = Some(case.number.clone());
            stored(gateway.store.resolve_review(review, Decision::Released, note, by, now).await)
        }
    }
}
