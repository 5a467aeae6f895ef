//! Incidents: opening, handling and closing them.

mod shown;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use menshen_store::{Filter, Incident, IncidentChange, IncidentState, NewIncident, ProposalDecision, TaskTick};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::admin::{by, now_us, stored};
use super::{App, answer};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::incidents::draft::{self, Lang};
use crate::incidents::{RulesError, evidence, told};

const PATH: &str = "/admin/incidents";

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/incidents", "state", "string", "Only in this state: proposed, open, contained, closed, dismissed"),
    ("/admin/incidents", "drill", "string", "true for drills, false for all others"),
    ("/admin/incidents", "before", "integer", "Only with a smaller number"),
    ("/admin/incidents/{id}/report", "kind", "string", "initial, follow-up, final or drill"),
    ("/admin/incidents/{id}/report", "lang", "string", "zh or en; zh without it"),
    ("/admin/incidents/{id}/report", "format", "string", "json, text or html; json without it"),
    ("/admin/incidents/{id}/evidence", "file", "string", "The snapshot"),
];

fn ruled<T>(result: Result<T, RulesError>) -> Result<T, GatewayError> {
    result.map_err(|e| GatewayError::new(Failure::InvalidRequest, e.to_string()))
}

fn moment_of(what: &'static str, text: Option<&str>) -> Result<Option<i64>, GatewayError> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    let at: jiff::Timestamp =
        text.parse().map_err(|_| invalid(what, format!("'{what}' must be a moment as RFC 3339")))?;
    Ok(Some(at.as_microsecond()))
}

/// Members that are texts, each with a name of the rules.
fn texts(
    what: &'static str,
    given: Option<Map<String, Value>>,
    known: &[&str],
) -> Result<Option<Map<String, Value>>, GatewayError> {
    let Some(given) = given else { return Ok(None) };
    for (name, value) in &given {
        if !known.contains(&name.as_str()) || !(value.is_string() || value.is_null()) {
            return Err(invalid(what, format!("'{what}' takes texts by {}", known.join(", "))));
        }
    }
    Ok(Some(given))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    state: String,
    drill: String,
    before: String,
}

pub(crate) async fn list(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let result = async {
        let Query(asked) = asked.map_err(|e| invalid("", e.body_text()))?;
        let state = match asked.state.as_str() {
            "" => None,
            id => Some(IncidentState::of_id(id).ok_or_else(|| invalid("state", "this is no state of an incident"))?),
        };
        let drill = match asked.drill.as_str() {
            "" => None,
            "true" => Some(true),
            "false" => Some(false),
            _ => return Err(invalid("drill", "'drill' must be true or false")),
        };
        let before = match asked.before.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| invalid("before", "'before' must be a number"))?),
        };
        let now = now_us();
        let figures = stored(gateway.store.incident_figures(caller.bound(), now).await)?;
        let list = stored(gateway.store.incidents(caller.bound(), state, drill, before, 100).await)?;
        let next = list.last().filter(|_| list.len() == 100).map(|i| i.number);
        let list: Vec<Value> = list.iter().map(shown::incident).collect();
        Ok(json!({"incidents": list, "figures": figures, "next": next}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn rules(State(gateway): App) -> Response {
    let rules = serde_json::to_value(&gateway.incident_rules)
        .map_err(|e| GatewayError::new(Failure::Internal, "the rules cannot be written").detail(e));
    let rules = rules.map(|mut rules| {
        rules["operator"] = json!(gateway.config.incidents.operator);
        rules
    });
    answer(PATH, rules, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    answers: Map<String, Value>,
}

pub(crate) async fn grade(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let asked: Answers = read_as(&headers, body, &gateway.config.limits).await?;
        let (grade, reasons) = ruled(gateway.incident_rules.grade(&asked.answers))?;
        Ok(json!({"grade": grade, "reasons": reasons, "two": gateway.incident_rules.needs_two(&grade)}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRequest {
    title: String,
    class: String,
    #[serde(default)]
    answers: Map<String, Value>,
    #[serde(default)]
    drill: bool,
    /// Whether people outside are told; yes, but for drills.
    #[serde(default)]
    announce: Option<bool>,
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    occurred: Option<String>,
    #[serde(default)]
    aware: Option<String>,
    #[serde(default)]
    facts: Option<Map<String, Value>>,
}

pub(crate) async fn open(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: NewRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let rules = &gateway.incident_rules;
        let tenant = asked.tenant.filter(|t| !t.is_empty()).or_else(|| caller.bound().map(str::to_owned));
        if !caller.sees(tenant.as_deref()) {
            let message = "your account is bound to another tenant";
            return Err(GatewayError::new(Failure::Forbidden, message).param("tenant"));
        }
        let now = now_us();
        let aware_us = moment_of("aware", asked.aware.as_deref())?.unwrap_or(now);
        let operator = gateway.config.incidents.operator;
        let new = NewIncident {
            tenant,
            drill: asked.drill,
            announce: asked.announce.unwrap_or(!asked.drill),
            title: asked.title,
            grading: ruled(rules.grading(&asked.class, asked.answers, operator, aware_us, None))?,
            facts: texts("facts", asked.facts, &ids(&rules.facts))?.unwrap_or_default(),
            signal: None,
            occurred_us: moment_of("occurred", asked.occurred.as_deref())?,
            aware_us,
        };
        let told = |incident: &Incident| told::step(&gateway, rules, incident, "opened");
        let incident = stored(gateway.store.open_incident(new, told, by(&caller), now).await)?;
        gateway.notifier.wake();
        Ok(shown::incident(&incident))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

fn ids(list: &[crate::incidents::Bilingual]) -> Vec<&str> {
    list.iter().map(|one| one.id.as_str()).collect()
}

/// An incident with all that belongs to it, as it stands now.
async fn whole(gateway: &Gateway, caller: &Caller, id: &str) -> Result<Value, GatewayError> {
    let folder = stored(gateway.store.incident_folder(id, caller.bound()).await)?;
    Ok(shown::folder(&gateway.incident_rules, &folder, now_us()))
}

pub(crate) async fn one(State(gateway): App, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let result = whole(&gateway, &caller, &id).await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRequest {
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    answers: Option<Map<String, Value>>,
    #[serde(default)]
    occurred: Option<String>,
    #[serde(default)]
    aware: Option<String>,
    #[serde(default)]
    facts: Option<Map<String, Value>>,
    #[serde(default)]
    roles: Option<Map<String, Value>>,
    #[serde(default)]
    lessons: Option<Lessons>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lessons {
    #[serde(default)]
    texts: Map<String, Value>,
    #[serde(default)]
    measures: Vec<Measure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Measure {
    text: String,
    #[serde(default)]
    owner: String,
    #[serde(default)]
    due: String,
    #[serde(default)]
    done: bool,
}

/// Who is responsible must be somebody: an account that sees the incident.
fn responsible(gateway: &Gateway, incident: &Incident, roles: &Map<String, Value>) -> Result<(), GatewayError> {
    for (role, name) in roles {
        let Some(name) = name.as_str().filter(|n| !n.is_empty()) else { continue };
        let person = gateway.store.person_named(name).filter(|p| !p.disabled);
        let sees = |p: &menshen_store::Person| p.tenant.is_none() || p.tenant == incident.tenant;
        if !person.as_deref().is_some_and(sees) {
            return Err(invalid("roles", format!("{role}: there is no account '{name}' that sees this incident")));
        }
    }
    Ok(())
}

pub(crate) async fn change(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: ChangeRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let rules = &gateway.incident_rules;
        let incident = stored(gateway.store.incident(&id, caller.bound()).await)?;
        let roles = texts("roles", asked.roles, &ids(&rules.roles))?;
        if let Some(roles) = &roles {
            responsible(&gateway, &incident, roles)?;
        }
        let lessons = match asked.lessons {
            None => None,
            Some(l) => {
                let mut lessons = texts("lessons", Some(l.texts), &ids(&rules.lessons))?.unwrap_or_default();
                if l.measures.len() > 100 {
                    return Err(invalid("lessons", "at most 100 measures"));
                }
                let measures = l.measures.iter().filter(|m| !m.text.trim().is_empty());
                let measures: Vec<Value> = measures
                    .map(|m| json!({"text": m.text.trim(), "owner": m.owner.trim(), "due": m.due.trim(), "done": m.done}))
                    .collect();
                lessons.insert("measures".to_owned(), Value::from(measures));
                Some(Value::from(lessons))
            }
        };
        let aware_us = moment_of("aware", asked.aware.as_deref())?;
        // What is due follows from class, answers and the moment of awareness: a change of any makes it anew.
        let grading = if asked.class.is_some() || asked.answers.is_some() || aware_us.is_some() {
            let class = asked.class.as_deref().unwrap_or(&incident.class);
            let answers = asked.answers.unwrap_or_else(|| incident.answers.clone());
            let aware = aware_us.unwrap_or(incident.aware_us);
            let operator = gateway.config.incidents.operator;
            Some(ruled(rules.grading(class, answers, operator, aware, incident.contained_us))?)
        } else {
            None
        };
        let change = IncidentChange {
            title: asked.title,
            grading,
            facts: texts("facts", asked.facts, &ids(&rules.facts))?,
            roles,
            lessons,
            occurred_us: moment_of("occurred", asked.occurred.as_deref())?,
            aware_us,
        };
        stored(gateway.store.change_incident(&id, caller.bound(), change, by(&caller), now_us()).await)?;
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    decision: String,
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    answers: Map<String, Value>,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn decide(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Decision = read_as(&headers, body, &gateway.config.limits).await?;
        let rules = &gateway.incident_rules;
        let incident = stored(gateway.store.incident(&id, caller.bound()).await)?;
        let grading = match asked.decision.as_str() {
            "confirm" => {
                let class = asked.class.as_deref().unwrap_or(&incident.class);
                let operator = gateway.config.incidents.operator;
                Some(ruled(rules.grading(class, asked.answers, operator, incident.aware_us, None))?)
            }
            "dismiss" => None,
            _ => return Err(invalid("decision", "'decision' must be confirm or dismiss")),
        };
        let event = if grading.is_some() { "opened" } else { "dismissed" };
        let told = |incident: &Incident| match event {
            "opened" => told::step(&gateway, rules, incident, event),
            _ => Vec::new(),
        };
        let (who, now) = (by(&caller), now_us());
        let decided = gateway
            .store
            .decide_incident(&id, caller.bound(), ProposalDecision { grading, reason: &asked.reason }, told, who, now)
            .await;
        stored(decided)?;
        gateway.notifier.wake();
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    task: String,
    done: bool,
    #[serde(default)]
    note: String,
}

pub(crate) async fn tick(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Tick = read_as(&headers, body, &gateway.config.limits).await?;
        let (bound, who, now) = (caller.bound(), by(&caller), now_us());
        stored(
            gateway
                .store
                .tick_task(&id, bound, TaskTick { task: &asked.task, done: asked.done, note: &asked.note }, who, now)
                .await,
        )?;
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Met {
    timer: String,
    #[serde(default)]
    note: String,
}

pub(crate) async fn meet(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Met = read_as(&headers, body, &gateway.config.limits).await?;
        let (bound, who, now) = (caller.bound(), by(&caller), now_us());
        stored(gateway.store.meet_timer(&id, bound, &asked.timer, &asked.note, who, now).await)?;
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

pub(crate) async fn note(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Note = read_as(&headers, body, &gateway.config.limits).await?;
        stored(gateway.store.note_incident(&id, caller.bound(), &asked.text, by(&caller), now_us()).await)?;
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewState {
    state: String,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn state(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: NewState = read_as(&headers, body, &gateway.config.limits).await?;
        let rules = &gateway.incident_rules;
        let (store, bound, who, now) = (&gateway.store, caller.bound(), by(&caller), now_us());
        let incident = stored(store.incident(&id, bound).await)?;
        match asked.state.as_str() {
            "contained" => {
                let operator = gateway.config.incidents.operator;
                let (class, answers) = (&incident.class, incident.answers.clone());
                let grading = ruled(rules.grading(class, answers, operator, incident.aware_us, Some(now)))?;
                let told = |i: &Incident| told::step(&gateway, rules, i, "contained");
                stored(store.contain_incident(&id, bound, grading, told, who, now).await)?;
            }
            "closed" => {
                let two = rules.needs_two(&incident.grade);
                let told = |i: &Incident| told::step(&gateway, rules, i, "closed");
                stored(store.close_incident(&id, bound, two, told, who, now).await)?;
            }
            "open" => {
                stored(store.reopen_incident(&id, bound, &asked.reason, who, now).await)?;
            }
            _ => return Err(invalid("state", "'state' must be contained, closed or open")),
        }
        gateway.notifier.wake();
        whole(&gateway, &caller, &id).await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct EvidenceRequest {
    from: Option<String>,
    to: Option<String>,
    app: Option<String>,
    user: Option<String>,
    outcome: Option<String>,
    action: Option<String>,
}

pub(crate) async fn take_evidence(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: EvidenceRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let folder = stored(gateway.store.incident_folder(&id, caller.bound()).await)?;
        let some = |text: Option<String>| text.filter(|t| !t.is_empty());
        let filter = Filter {
            from_us: moment_of("from", asked.from.as_deref())?,
            to_us: moment_of("to", asked.to.as_deref())?,
            kind: None,
            // An incident of a tenant holds records of that tenant only.
            tenant: folder.incident.tenant.clone(),
            app: some(asked.app),
            user: some(asked.user),
            outcome: some(asked.outcome),
            action: some(asked.action),
        };
        let now = now_us();
        let made = evidence::snapshot(&gateway, &folder, &filter, now).await?;
        let file = stored(gateway.store.keep_evidence(&id, caller.bound(), made, by(&caller), now).await)?;
        Ok(shown::file(&file))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AskedFile {
    file: String,
}

fn download(bytes: Vec<u8>, kind: &'static str, name: &str) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

pub(crate) async fn evidence(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    asked: Result<Query<AskedFile>, QueryRejection>,
) -> Response {
    let result = async {
        let Query(asked) = asked.map_err(|e| invalid("", e.body_text()))?;
        let folder = stored(gateway.store.incident_folder(&id, caller.bound()).await)?;
        let missing = || GatewayError::new(Failure::NotFound, "this incident has no such snapshot");
        let file = folder.files.iter().find(|f| f.id == asked.file).ok_or_else(missing)?;
        let bytes = stored(gateway.store.incident_file(&id, &file.id).await)?;
        Ok((file.name.clone(), bytes))
    };
    match result.await {
        Ok((name, bytes)) => download(bytes, "application/zip", &name),
        Err(error) => answer(PATH, Err(error), &gateway).await,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AskedReport {
    kind: String,
    lang: String,
    format: String,
}

pub(crate) async fn report(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    asked: Result<Query<AskedReport>, QueryRejection>,
) -> Response {
    let result = async {
        let Query(asked) = asked.map_err(|e| invalid("", e.body_text()))?;
        let folder = stored(gateway.store.incident_folder(&id, caller.bound()).await)?;
        let report = ruled(gateway.incident_rules.report(&asked.kind))?;
        if report.drill && !folder.incident.drill {
            return Err(invalid("kind", "this report is for drills"));
        }
        let lang = match asked.lang.as_str() {
            "" | "zh" | "en" => Lang::of(&asked.lang),
            _ => return Err(invalid("lang", "'lang' must be zh or en")),
        };
        if !matches!(asked.format.as_str(), "" | "json" | "text" | "html") {
            return Err(invalid("format", "'format' must be json, text or html"));
        }
        let made = draft::draft(&gateway.incident_rules, report, &folder, lang, now_us());
        Ok((asked.format, format!("incident-{}-{}", folder.incident.number, report.id), made))
    };
    match result.await {
        Ok((format, name, made)) => match format.as_str() {
            "html" => download(made.html().into_bytes(), "text/html; charset=utf-8", &format!("{name}.html")),
            "text" => download(made.text().into_bytes(), "text/plain; charset=utf-8", &format!("{name}.txt")),
            _ => answer(PATH, Ok(shown::draft(&made)), &gateway).await,
        },
        Err(error) => answer(PATH, Err(error), &gateway).await,
    }
}
