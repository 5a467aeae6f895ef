//! The administrators' REST API beside the gateway: campaigns of the red team, the range, assessments; and the console's
//! [pages].
//!
//! One table ([`ROUTES`]) lists every path; the router and the OpenAPI paths are both made from it. Who may call is
//! decided before a request comes here; the header [`ACTOR`] says who it is. Nothing here decides anything: handlers
//! read a body, call their room and write what it said.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use menshen_redteam::Error;
use menshen_redteam::campaign::{self, Campaign};
use menshen_redteam::instruction::{Bank, Harm};
use menshen_redteam::plan::Plan;
use menshen_redteam::planner;
use menshen_redteam::range::{Finding, Range, State as Standing, grade};
use menshen_redteam::report::{self, Report};
use menshen_redteam::score::Scorer;
use menshen_redteam::target::Spec;
use menshen_store::Campaigns;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

macro_rules! route {
    ($method:ident $path:literal, $summary:literal, $body:literal, $handler:path) => {
        Route {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            body: $body,
            handler: || axum::routing::on(axum::routing::MethodFilter::$method, $handler),
        }
    };
}

pub mod assess;
pub mod monthly;
pub mod pages;
pub mod review;

/// The header that says who calls.
pub const ACTOR: &str = "x-menshen-actor";

/// Makes the judges of a plan.
pub type Judges = Arc<dyn Fn(&Plan) -> Result<Scorer, Error> + Send + Sync>;

/// What the API works on.
pub struct Console {
    store: Campaigns,
    bank: Arc<Bank>,
    range: Range,
    judges: Judges,
    /// Campaigns that run in this process.
    running: Mutex<HashMap<String, Arc<AtomicBool>>>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

type App = State<Arc<Console>>;

/// A path and what it is for.
#[derive(Debug)]
pub struct Route<S: 'static> {
    /// The method, upper-case.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// One line for the document.
    pub summary: &'static str,
    /// Whether there is a body.
    pub body: bool,
    handler: fn() -> MethodRouter<Arc<S>>,
}

/// Every path.
pub const ROUTES: &[Route<Console>] = &[
    route!(POST "/admin/redteam/plans", "Make a plan from a need in plain words; nothing is sent to the target", true, make_plan),
    route!(GET "/admin/redteam/campaigns", "Campaigns, latest first", false, campaigns),
    route!(POST "/admin/redteam/campaigns", "Run a plan", true, begin),
    route!(GET "/admin/redteam/campaigns/{id}", "A campaign with its report", false, campaign_report),
    route!(GET "/admin/redteam/campaigns/{id}/attempts", "The attempts of a campaign with their transcripts", false, attempts),
    route!(GET "/admin/redteam/campaigns/{id}/report.html", "The report as a page; lang=zh|en", false, page),
    route!(POST "/admin/redteam/campaigns/{id}/stop", "Stop a campaign that runs here, after what is under way", false, stop),
    route!(POST "/admin/redteam/campaigns/{id}/resume", "Go on with a campaign", false, resume),
    route!(GET "/admin/redteam/compare/{before}/{after}", "Two campaigns side by side", false, compare),
    route!(GET "/admin/range/targets", "Targets to practise on", false, targets),
    route!(POST "/admin/range/sessions", "Begin a session: {target, player}", true, open_session),
    route!(GET "/admin/range/sessions/{id}", "A session with its transcript", false, session),
    route!(POST "/admin/range/sessions/{id}/turns", "Say something in a session: {text}", true, say),
    route!(GET "/admin/range/submissions", "Submissions, latest first; state=…", false, submissions),
    route!(POST "/admin/range/submissions", "Hand in a vulnerability", true, submit),
    route!(GET "/admin/range/submissions/{id}", "A submission with its history", false, submission),
    route!(POST "/admin/range/submissions/{id}/replay", "Replay it in fresh sessions and grade it: {times}", true, replay),
    route!(POST "/admin/range/submissions/{id}/decision", "Confirm it with its harm, or reject it: {harm, why}", true, decide),
    route!(GET "/admin/range/board", "Who found what", false, board),
    route!(GET "/admin/range/grades", "The grading table", false, grades),
];

impl Console {
    /// The API over these parts.
    pub fn new(store: Campaigns, bank: Arc<Bank>, range: Range, judges: Judges) -> Arc<Self> {
        Arc::new(Console { store, bank, range, judges, running: Mutex::default() })
    }

    /// Its routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
        router.with_state(Arc::clone(self))
    }

    /// Runs a campaign in the background of this process.
    fn spawn(self: &Arc<Self>, mut campaign: Campaign) -> String {
        let id = campaign.id().to_owned();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(id.clone(), campaign.stopper());
        drop(running);
        let console = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = campaign.run(|_, _| {}).await {
                tracing::error!(%error, campaign = campaign.id(), "a campaign ended early; resume it");
            }
            console.running.lock().unwrap_or_else(PoisonError::into_inner).remove(campaign.id());
        });
        id
    }

    fn runs(&self, id: &str) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }
}

/// The paths of the OpenAPI document.
pub fn paths() -> Value {
    let mut paths = Map::new();
    describe(ROUTES, &mut paths);
    describe(assess::ROUTES, &mut paths);
    describe(monthly::ROUTES, &mut paths);
    Value::Object(paths)
}

fn describe<S>(routes: &[Route<S>], paths: &mut Map<String, Value>) {
    for route in routes {
        let content = json!({ "application/json": { "schema": { "type": "object" } } });
        let name: String = route.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let mut operation = json!({
            "operationId": format!("{}{name}", route.method.to_lowercase()),
            "summary": route.summary,
            "security": [{ "key": [] }, { "session": [], "csrf": [] }],
            "responses": {
                "200": { "description": "Done", "content": content },
                "400": { "description": "The request is wrong", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } },
                "401": { "description": "An admin key or a session is missing", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } },
                "404": { "description": "There is no such thing", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } },
            },
        });
        if route.body {
            operation["requestBody"] = json!({ "required": true, "content": content });
        }
        let parameters: Vec<Value> = route
            .path
            .split('/')
            .filter_map(|p| p.strip_prefix('{').and_then(|p| p.strip_suffix('}')))
            .map(|p| json!({ "name": p, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        if !parameters.is_empty() {
            operation["parameters"] = Value::from(parameters);
        }
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = operation;
    }
}

/// What went wrong, as the gateway's own APIs say it.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = match self.0 {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::BAD_REQUEST => "invalid_request",
            StatusCode::FORBIDDEN => "permission_denied",
            StatusCode::CONFLICT => "conflict",
            StatusCode::BAD_GATEWAY => "target_unavailable",
            _ => "unavailable",
        };
        let body = json!({ "error": { "type": kind, "code": kind, "message": self.1 } });
        (self.0, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Unknown { .. } => StatusCode::NOT_FOUND,
            Error::Store(menshen_store::Error::NotFound { .. }) => StatusCode::NOT_FOUND,
            Error::Store(menshen_store::Error::Invalid { .. }) => StatusCode::CONFLICT,
            Error::Target(_) => StatusCode::BAD_GATEWAY,
            Error::Plan { .. } | Error::Mismatch(_) | Error::Data { .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(%error, "the console cannot do this");
            return Problem(status, "the store cannot do this at the moment; see the log".to_owned());
        }
        Problem(status, error.to_string())
    }
}

impl From<menshen_store::Error> for Problem {
    fn from(error: menshen_store::Error) -> Self {
        Error::from(error).into()
    }
}

type Answer = Result<Response, Problem>;

fn said(value: &impl serde::Serialize) -> Answer {
    let text = serde_json::to_string(value)
        .map_err(|e| Problem(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer cannot be written: {e}")))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|e| Problem(StatusCode::BAD_REQUEST, format!("the body is not as asked: {e}")))
}

fn actor(headers: &HeaderMap) -> &str {
    headers.get(ACTOR).and_then(|v| v.to_str().ok()).unwrap_or("admin")
}

/// In whose name something is done: the name that is given, or the caller's own. Somebody who is signed in acts in no
/// other name: where two people have to agree, one could be both.
fn in_name_of<'a>(headers: &'a HeaderMap, given: Option<&'a str>) -> Result<&'a str, Problem> {
    let actor = actor(headers);
    match (actor.strip_prefix("person:"), given) {
        (Some(own), None) => Ok(own),
        (Some(own), Some(given)) if own == given => Ok(own),
        (Some(_), Some(_)) => {
            Err(Problem(StatusCode::FORBIDDEN, "you are signed in, and can act in no other name than yours".to_owned()))
        }
        (None, given) => Ok(given.unwrap_or(actor)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    need: String,
    target: Spec,
}

/// What an administrator sends may name any host, but no program: a REST caller does not start programs here.
fn no_program(spec: &Spec) -> Result<(), Problem> {
    match spec.kind {
        menshen_redteam::target::Kind::Command { .. } => Err(Problem(
            StatusCode::BAD_REQUEST,
            "a program as a target can only be run from the command line".to_owned(),
        )),
        _ => Ok(()),
    }
}

async fn make_plan(State(console): App, bytes: Bytes) -> Answer {
    let need: Need = body(&bytes)?;
    no_program(&need.target)?;
    said(&planner::by_rules(&need.need, need.target, &console.bank)?)
}

async fn campaigns(State(console): App) -> Answer {
    let rows = console.store.campaigns().await?;
    let rows: Vec<Value> = rows
        .iter()
        .map(|r| {
            json!({ "id": r.id, "name": r.name, "state": r.state, "created_us": r.created_us, "summary": r.summary,
                    "running_here": console.runs(&r.id) })
        })
        .collect();
    said(&json!({ "campaigns": rows }))
}

async fn begin(State(console): App, bytes: Bytes) -> Answer {
    let plan: Plan = body(&bytes)?;
    for spec in
        [Some(&plan.target), plan.attacker.as_ref(), plan.judge.as_ref().map(|j| &j.target)].into_iter().flatten()
    {
        no_program(spec)?;
    }
    let scorer = (console.judges)(&plan)?;
    let campaign = Campaign::begin(plan, Arc::clone(&console.bank), scorer, console.store.clone()).await?;
    let of = campaign.progress()?.of;
    let id = console.spawn(campaign);
    said(&json!({ "id": id, "state": "running", "of": of }))
}

async fn resume(State(console): App, Path(id): Path<String>) -> Answer {
    let row = console.store.campaign(&id).await?;
    if console.runs(&row.id) {
        return Err(Problem(StatusCode::CONFLICT, "it is running already".to_owned()));
    }
    let plan: Plan = serde_json::from_value(row.plan)
        .map_err(|e| Problem(StatusCode::BAD_REQUEST, format!("its plan cannot be read: {e}")))?;
    let scorer = (console.judges)(&plan)?;
    let campaign = Campaign::resume(&row.id, Arc::clone(&console.bank), scorer, console.store.clone()).await?;
    said(&json!({ "id": console.spawn(campaign), "state": "running" }))
}

async fn stop(State(console): App, Path(id): Path<String>) -> Answer {
    let row = console.store.campaign(&id).await?;
    let running = console.running.lock().unwrap_or_else(PoisonError::into_inner);
    match running.get(&row.id) {
        Some(stop) => {
            stop.store(true, Ordering::Relaxed);
            said(&json!({ "id": row.id, "state": "stopping" }))
        }
        None => Err(Problem(StatusCode::CONFLICT, "it does not run in this process".to_owned())),
    }
}

async fn report_of(console: &Console, id: &str) -> Result<Report, Problem> {
    let row = console.store.campaign(id).await?;
    let attempts = campaign::attempts(&console.store, &row.id).await?;
    Ok(Report::of(&row, &attempts))
}

async fn campaign_report(State(console): App, Path(id): Path<String>) -> Answer {
    let row = console.store.campaign(&id).await?;
    let report = report_of(&console, &row.id).await?;
    said(&json!({ "id": row.id, "name": row.name, "state": row.state, "running_here": console.runs(&row.id),
                  "plan": row.plan, "report": report }))
}

async fn attempts(State(console): App, Path(id): Path<String>) -> Answer {
    let row = console.store.campaign(&id).await?;
    said(&json!({ "attempts": campaign::attempts(&console.store, &row.id).await? }))
}

#[derive(Deserialize)]
struct InLanguage {
    #[serde(default)]
    lang: String,
}

async fn page(State(console): App, Path(id): Path<String>, Query(asked): Query<InLanguage>) -> Answer {
    let html = report_of(&console, &id).await?.html(asked.lang != "en");
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        // Transcripts are hostile: whatever of them were to get past the escaping may load and send nothing.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'none'; img-src data:; sandbox",
        ),
    ];
    Ok((headers, html).into_response())
}

async fn compare(State(console): App, Path((before, after)): Path<(String, String)>) -> Answer {
    said(&report::compare(&report_of(&console, &before).await?, &report_of(&console, &after).await?))
}

async fn targets(State(console): App) -> Answer {
    // Not the whole description: a keeper's flag and filters are for players to find.
    let targets: Vec<Value> = console
        .range
        .practices()
        .map(|p| json!({ "id": p.id, "name": p.name, "brief": p.brief, "harm": p.harm }))
        .collect();
    said(&json!({ "targets": targets }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSession {
    target: String,
    #[serde(default)]
    player: Option<String>,
}

async fn open_session(State(console): App, headers: HeaderMap, bytes: Bytes) -> Answer {
    let new: NewSession = body(&bytes)?;
    let player = in_name_of(&headers, new.player.as_deref())?;
    said(&console.range.open_session(&new.target, player).await?)
}

async fn session(State(console): App, Path(id): Path<String>) -> Answer {
    said(&console.range.session(&id).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: String,
}

async fn say(State(console): App, Path(id): Path<String>, bytes: Bytes) -> Answer {
    let words: Words = body(&bytes)?;
    said(&console.range.say(&id, &words.text).await?)
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    state: Option<String>,
}

async fn submissions(State(console): App, Query(which): Query<Which>) -> Answer {
    let state = match which.state.as_deref() {
        None | Some("") => None,
        Some(word) => {
            Some(Standing::of(word).ok_or_else(|| Problem(StatusCode::BAD_REQUEST, format!("{word:?} is no state")))?)
        }
    };
    said(&json!({ "submissions": console.range.all(state).await? }))
}

async fn submit(State(console): App, bytes: Bytes) -> Answer {
    let finding: Finding = body(&bytes)?;
    said(&console.range.submit(finding).await?)
}

async fn submission(State(console): App, Path(id): Path<String>) -> Answer {
    let submission = console.range.submission(&id).await?;
    said(&json!({ "submission": submission, "history": console.range.history(&id).await? }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    #[serde(default = "ten")]
    times: usize,
}

const fn ten() -> usize {
    grade::LEAST_REPLAYS
}

async fn replay(State(console): App, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let times = if bytes.is_empty() { Times { times: ten() } } else { body(&bytes)? };
    said(&console.range.replay(&id, times.times, actor(&headers)).await?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// H1 to H4 confirms; absent rejects.
    #[serde(default)]
    harm: Option<Harm>,
    #[serde(default)]
    why: String,
}

async fn decide(State(console): App, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let decision: Decision = body(&bytes)?;
    said(&console.range.decide(&id, decision.harm, actor(&headers), &decision.why).await?)
}

async fn board(State(console): App) -> Answer {
    said(&json!({ "board": console.range.board().await? }))
}

async fn grades(State(_): App) -> Answer {
    said(&json!({ "markdown": { "zh": grade::table(true), "en": grade::table(false) } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_is_signed_in_acts_in_their_own_name_only() {
        let by = |actor: &'static str| HeaderMap::from_iter([(ACTOR.parse().unwrap(), actor.parse().unwrap())]);
        let said = |actor, given| in_name_of(&by(actor), given).map(str::to_owned).map_err(|p| p.0);
        assert_eq!(said("person:wei", None), Ok("wei".to_owned()));
        assert_eq!(said("person:wei", Some("wei")), Ok("wei".to_owned()));
        assert_eq!(said("person:wei", Some("li")), Err(StatusCode::FORBIDDEN));
        assert_eq!(said("admin", Some("li")), Ok("li".to_owned()));
        assert_eq!(said("admin", None), Ok("admin".to_owned()));
    }

    #[test]
    fn every_route_is_in_the_document_once() {
        let paths = paths();
        let all = ROUTES.iter().map(|r| (r.path, r.method)).chain(assess::ROUTES.iter().map(|r| (r.path, r.method)));
        let all: Vec<_> = all.chain(monthly::ROUTES.iter().map(|r| (r.path, r.method))).collect();
        for &(path, method) in &all {
            assert!(paths[path][method.to_lowercase()]["summary"].is_string(), "{path}");
        }
        let operations: usize =
            paths.as_object().map_or(0, |p| p.values().filter_map(Value::as_object).map(Map::len).sum());
        assert_eq!(operations, all.len());
    }
}
