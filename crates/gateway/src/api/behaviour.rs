//! Unusual behaviour: alarms and what people say of them, measures, how somebody stands, and which signals count less.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::HeaderMap;
use menshen_store::{
    Alarm, AlarmDecision, AlarmFilter, Behaving, Damping, Level, Measure, NewMeasure, SubjectKind, Suspension,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{by, now_us, stored};
use super::session::written;
use super::{App, Params, answer, asked};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

const PATH: &str = "/admin/behaviour";
/// Alarms on a page where nobody says how many.
const PAGE: u32 = 50;
/// The longest that an operator can put something in force for: thirty days.
const LONGEST_S: u32 = 2_592_000;

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/behaviour/alarms", "open", "boolean", "Only those that nobody has decided"),
    ("/admin/behaviour/alarms", "tenant", "string", "Only this tenant"),
    ("/admin/behaviour/alarms", "app", "string", "Only this application"),
    ("/admin/behaviour/alarms", "kind", "string", "Only this kind of subject: user or key"),
    ("/admin/behaviour/alarms", "subject", "string", "Only this user or key"),
    ("/admin/behaviour/alarms", "before", "string", "Before this moment (RFC 3339)"),
    ("/admin/behaviour/alarms", "limit", "integer", "At most so many, up to 500; 50 without it"),
    ("/admin/behaviour/subject", "tenant", "string", "The tenant; one's own, or 'default', without it"),
    ("/admin/behaviour/subject", "app", "string", "The application; 'default' without it"),
    ("/admin/behaviour/subject", "kind", "string", "user or key"),
    ("/admin/behaviour/subject", "subject", "string", "The user's name or the key's id"),
];

fn hidden(what: &str) -> GatewayError {
    GatewayError::new(Failure::NotFound, format!("there is no {what} of this id"))
}

fn shown_who(who: &Behaving) -> Value {
    json!({"tenant": who.tenant, "app": who.app, "kind": who.kind, "subject": who.subject})
}

/// Two objects as one.
fn joined(mut value: Value, more: Value) -> Value {
    if let (Some(to), Value::Object(from)) = (value.as_object_mut(), more) {
        to.extend(from);
    }
    value
}

fn shown_alarm(a: &Alarm) -> Value {
    let own = json!({
        "id": a.id, "at": precise(a.at_us), "grade": a.grade, "score": a.score, "reasons": a.reasons,
        "request_id": a.request_id, "human": a.human, "decision": a.decision, "note": a.note,
        "decided_by": a.decided_by, "decided": a.decided_us.and_then(written),
    });
    joined(shown_who(&a.who), own)
}

/// To the microsecond: what pages are cut by.
fn precise(at_us: i64) -> Option<String> {
    jiff::Timestamp::from_microsecond(at_us).ok().map(|at| format!("{at:.6}"))
}

fn shown_measure(m: &Measure) -> Value {
    let own = json!({
        "id": m.id, "level": m.level, "percent": m.percent, "since": written(m.since_us), "until": written(m.until_us),
        "reason": m.reason, "alarm": m.alarm, "by": m.by, "ended": m.ended_us.and_then(written), "ended_by": m.ended_by,
    });
    joined(shown_who(&m.who), own)
}

fn shown_damping(d: &Damping) -> Value {
    json!({
        "id": d.id, "tenant": d.tenant, "app": d.app, "kind": d.kind, "subject": d.subject, "signal": d.signal,
        "percent": d.percent, "marks": d.marks, "since": written(d.since_us), "until": written(d.until_us), "by": d.by,
    })
}

fn shown_suspension(s: &Suspension) -> Value {
    json!({
        "tenant": s.tenant, "user": s.user, "since": written(s.since_us), "until": s.until_us.and_then(written),
        "reason": s.reason, "rule": s.rule, "by": s.by,
    })
}

/// Every parameter as text: forms send empty ones for what was not filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    open: String,
    tenant: String,
    app: String,
    kind: String,
    subject: String,
    before: String,
    limit: String,
}

pub(super) fn given(value: String) -> Option<String> {
    Some(value).filter(|v| !v.is_empty())
}

/// How many rows: up to 500.
pub(super) fn limit(text: &str, usual: u32) -> Result<u32, GatewayError> {
    let read = if text.is_empty() { Ok(usual) } else { text.parse() };
    read.ok()
        .filter(|n| (1..=500).contains(n))
        .ok_or_else(|| invalid("limit", "'limit' must be a number from 1 to 500"))
}

pub(super) fn flag(name: &'static str, text: &str) -> Result<Option<bool>, GatewayError> {
    match text {
        "" => Ok(None),
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(invalid(name, format!("'{name}' must be true or false"))),
    }
}

fn kind_of(id: &str) -> Result<SubjectKind, GatewayError> {
    SubjectKind::of(id).ok_or_else(|| invalid("kind", "'kind' must be user or key"))
}

/// The tenant of a question: the caller's own where they are bound to one; what they may not see is refused.
pub(super) fn tenant_of(caller: &Caller, asked: Option<String>) -> Result<Option<String>, GatewayError> {
    match (caller.bound(), asked) {
        (Some(own), None) => Ok(Some(own.to_owned())),
        (_, Some(asked)) if !caller.sees(Some(&asked)) => {
            Err(GatewayError::new(Failure::Forbidden, "your account is bound to another tenant").param("tenant"))
        }
        (_, asked) => Ok(asked),
    }
}

pub(crate) async fn rules(State(gateway): App) -> Response {
    let conduct = &gateway.conduct;
    let config = &gateway.config.behaviour;
    let watch = conduct.watch();
    let body = json!({
        "enabled": conduct.watches(), "act": config.act, "appeal_url": config.appeal_url,
        "subjects": watch.map(|w| w.subjects()), "most_subjects": config.most_subjects,
        "bytes_each": watch.map(|w| w.bytes_each()),
        "grades": watch.map(|w| &w.rules().grades), "signals": watch.map(|w| &w.rules().signals),
        "learning": watch.map(|w| w.rules().learning),
        "strikes": {"in_a_row": gateway.config.limits.strikes_in_a_row, "per_day": gateway.config.limits.strikes_per_day,
            "suspend_s": gateway.config.limits.suspend_s},
    });
    answer(PATH, Ok(body), &gateway).await
}

pub(crate) async fn alarms(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    params: Params<Asked>,
) -> Response {
    let result = async {
        let asked = asked(params)?;
        let before = given(asked.before).map(|text| {
            let wrong = |_| invalid("before", "'before' must be a time such as 2026-11-22T08:00:00Z");
            text.parse::<jiff::Timestamp>().map(|t| t.as_microsecond()).map_err(wrong)
        });
        let filter = AlarmFilter {
            tenant: tenant_of(&caller, given(asked.tenant))?,
            app: given(asked.app),
            kind: given(asked.kind).map(|k| kind_of(&k)).transpose()?,
            subject: given(asked.subject),
            open: flag("open", &asked.open)?.unwrap_or(false),
            before_us: before.transpose()?,
        };
        let most = limit(&asked.limit, PAGE)?;
        let list = stored(gateway.store.alarms(&filter, most).await)?;
        let next = (list.len() >= most as usize).then(|| list.last().and_then(|a| precise(a.at_us))).flatten();
        Ok(json!({"alarms": list.iter().map(shown_alarm).collect::<Vec<_>>(), "next": next}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

async fn known_alarm(gateway: &Gateway, caller: &Caller, id: &str) -> Result<Alarm, GatewayError> {
    let alarm = stored(gateway.store.alarm(id).await)?;
    if caller.sees(Some(&alarm.who.tenant)) { Ok(alarm) } else { Err(hidden("alarm")) }
}

pub(crate) async fn alarm(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async { Ok(shown_alarm(&known_alarm(&gateway, &caller, &id).await?)) };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    decision: String,
    #[serde(default)]
    note: Option<String>,
    /// For a false alarm: whether the signals count less for the whole application.
    #[serde(default)]
    whole_app: bool,
}

pub(crate) async fn decide(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: DecisionRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let decision = AlarmDecision::of(&asked.decision)
            .ok_or_else(|| invalid("decision", "'decision' must be confirmed, false_alarm or settled"))?;
        known_alarm(&gateway, &caller, &id).await?;
        let Some(watch) = gateway.conduct.watch() else {
            return Err(invalid("", "behaviour is not watched; set behaviour.enabled = true to decide alarms"));
        };
        let rule = watch.rules().learning.rule(asked.whole_app);
        let now = now_us();
        let decided = gateway.store.decide_alarm(&id, caller.bound(), decision, asked.note, rule, by(&caller), now);
        let (alarm, learned) = stored(decided.await)?;
        gateway.conduct.learn(now);
        if decision != AlarmDecision::Confirmed {
            gateway.conduct.forgive(&alarm.who);
        }
        Ok(json!({"alarm": shown_alarm(&alarm), "dampings": learned.iter().map(shown_damping).collect::<Vec<_>>()}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn subject(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    params: Params<Asked>,
) -> Response {
    let result = async {
        let asked = asked(params)?;
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let who = Behaving {
            tenant: or_default(tenant_of(&caller, given(asked.tenant))?),
            app: or_default(given(asked.app)),
            kind: kind_of(&asked.kind)?,
            subject: given(asked.subject).ok_or_else(|| invalid("subject", "'subject' says whom this is about"))?,
        };
        let now = now_us();
        let filter = AlarmFilter {
            tenant: Some(who.tenant.clone()),
            app: Some(who.app.clone()),
            kind: Some(who.kind),
            subject: Some(who.subject.clone()),
            ..AlarmFilter::default()
        };
        let alarms = stored(gateway.store.alarms(&filter, 200).await)?;
        let measures = stored(gateway.store.measures_of(&who, 100).await)?;
        let standing = gateway.conduct.standing(&who, now).map(|s| {
            let hours: Vec<Value> =
                s.hours.iter().map(|(at, score)| json!({"at": written(*at), "score": score})).collect();
            json!({"score": s.score, "reasons": s.reasons, "hours": hours})
        });
        let of_them = |d: &&Damping| {
            (&d.tenant, &d.app, d.kind) == (&who.tenant, &who.app, who.kind)
                && (d.subject.is_empty() || d.subject == who.subject)
        };
        let dampings = gateway.store.dampings(now);
        let suspension =
            (who.kind == SubjectKind::User).then(|| gateway.store.suspension(&who.tenant, &who.subject, now)).flatten();
        let own = json!({
            "standing": standing, "measure": gateway.store.measure(&who, now).as_ref().map(shown_measure),
            "suspension": suspension.as_ref().map(shown_suspension),
            "measures": measures.iter().map(shown_measure).collect::<Vec<_>>(),
            "alarms": alarms.iter().map(shown_alarm).collect::<Vec<_>>(),
            "dampings": dampings.iter().filter(of_them).map(shown_damping).collect::<Vec<_>>(),
        });
        Ok(joined(shown_who(&who), own))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn measures(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let now = now_us();
    let mut list = gateway.store.standing_measures(now);
    list.retain(|m| caller.sees(Some(&m.who.tenant)));
    let mut suspensions = gateway.store.suspensions(now);
    suspensions.retain(|s| caller.sees(Some(&s.tenant)));
    let body = json!({
        "measures": list.iter().take(500).map(shown_measure).collect::<Vec<_>>(),
        "suspensions": suspensions.iter().take(500).map(shown_suspension).collect::<Vec<_>>(),
    });
    answer(PATH, Ok(body), &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureRequest {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    app: Option<String>,
    kind: String,
    subject: String,
    level: String,
    #[serde(default)]
    percent: Option<u8>,
    lasts_s: u32,
    reason: String,
}

pub(crate) async fn impose(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: MeasureRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let level =
            Level::of(&asked.level).ok_or_else(|| invalid("level", "'level' must be warn, throttle or suspend"))?;
        if asked.lasts_s == 0 || asked.lasts_s > LONGEST_S {
            return Err(invalid("lasts_s", format!("'lasts_s' must be a number from 1 to {LONGEST_S}")));
        }
        let or_default = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        let who = Behaving {
            tenant: or_default(tenant_of(&caller, asked.tenant)?),
            app: or_default(asked.app),
            kind: kind_of(&asked.kind)?,
            subject: asked.subject,
        };
        let now = now_us();
        let usual = if level == Level::Throttle { 50 } else { 100 };
        let new = NewMeasure {
            level,
            percent: asked.percent.unwrap_or(usual),
            until_us: now.saturating_add(i64::from(asked.lasts_s) * 1_000_000),
            reason: asked.reason,
        };
        Ok(shown_measure(&stored(gateway.store.impose(&who, new, by(&caller), now).await)?))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn end(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = async {
        let now = now_us();
        let seen = |m: &Measure| m.id == id && caller.sees(Some(&m.who.tenant));
        if !gateway.store.standing_measures(now).iter().any(seen) {
            return Err(hidden("measure in force"));
        }
        let ended = stored(gateway.store.end_measure(&id, by(&caller), now).await)?;
        // Else the next request would bring it back.
        gateway.conduct.forgive(&ended.who);
        Ok(json!({"ended": id}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn dampings(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let mut list = gateway.store.dampings(now_us());
    list.retain(|d| caller.sees(Some(&d.tenant)));
    let body = json!({"dampings": list.iter().take(500).map(shown_damping).collect::<Vec<_>>()});
    answer(PATH, Ok(body), &gateway).await
}

pub(crate) async fn undamp(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let now = now_us();
        if !gateway.store.dampings(now).iter().any(|d| d.id == id && caller.sees(Some(&d.tenant))) {
            return Err(hidden("damping"));
        }
        stored(gateway.store.undamp(&id, by(&caller), now).await)?;
        gateway.conduct.learn(now);
        Ok(json!({"taken_back": id}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
