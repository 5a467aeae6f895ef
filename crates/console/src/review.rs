//! The reviewers' desk: a page and its API, on a listener of its own.
//!
//! Reviewers are no administrators and no clients of the gateway: each has a token that opens this desk only, and what it
//! shows them is what [`Review`] lets them know. The page carries no data; the token stands in the fragment of its
//! address, which browsers send nowhere. Answers are hostile text: the page shows them as text, and its policy lets
//! nothing load or run that is not in it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use data_encoding::BASE64;
use menshen_assess::Error;
use menshen_assess::answer::Label;
use menshen_assess::review::{self, Item, LARGEST, Progress, Review, Task, reviewer_name};
use menshen_store::{Assessments, NewDecision, same_secret};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

const PAGE: &str = include_str!("../../../web/review/index.html");
const SHORTEST_TOKEN: usize = 20;

/// The page may run its own script and style and speak to its own server, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
        let inner = PAGE.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(inner, _)| inner);
        format!("'sha256-{}'", BASE64.encode(&Sha256::digest(inner)))
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
});

/// Somebody who reviews.
#[derive(Clone)]
pub struct Reviewer {
    /// Their name, as the record of decisions has it.
    pub name: String,
    /// What opens the desk for them: drawn at random, at least 20 characters.
    pub token: String,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a desk is about.
#[derive(Debug)]
pub struct Desk {
    /// Where decisions are kept.
    pub store: Assessments,
    /// The run.
    pub run: String,
    /// Its answers.
    pub items: Vec<Item>,
    /// Who reviews them.
    pub reviewers: Vec<Reviewer>,
    /// How many must say the same: 1 or 2.
    pub needed: usize,
    /// Where it listens: other hosts in a request are refused, so that no name that somebody else owns leads here.
    pub address: SocketAddr,
    /// Further names that lead here.
    pub hosts: Vec<String>,
}

struct Shared {
    store: Assessments,
    run: String,
    items: Arc<[Item]>,
    reviewers: Vec<Reviewer>,
    needed: usize,
    address: SocketAddr,
    hosts: Vec<String>,
    /// Between reading the decisions and appending to them nobody else at this desk does.
    deciding: Mutex<()>,
}

type App = State<Arc<Shared>>;

/// Who asks; put there by the check of the token.
#[derive(Clone)]
struct Who(String);

/// The desk's page and API.
///
/// # Errors
/// When there is no reviewer, a name cannot be used or is there twice, or a token is short or not of one person only.
pub fn router(desk: Desk) -> Result<Router, Error> {
    let Desk { store, run, items, mut reviewers, needed, address, hosts } = desk;
    if reviewers.is_empty() {
        return Err(Error::Unusable("a review needs somebody who reviews".to_owned()));
    }
    for i in 0..reviewers.len() {
        let (before, rest) = reviewers.split_at_mut(i);
        let Some(new) = rest.first_mut() else { continue };
        new.name = reviewer_name(&new.name)?;
        if new.token.chars().count() < SHORTEST_TOKEN {
            let why = format!("the token of {} is shorter than {SHORTEST_TOKEN} characters", new.name);
            return Err(Error::Unusable(why));
        }
        if before.iter().any(|known| known.name == new.name || same_secret(&known.token, &new.token)) {
            return Err(Error::Unusable(format!("the reviewer {}, or their token, is there twice", new.name)));
        }
    }
    // What cannot be reviewed fails now and not at the first request.
    Review::new(&run, items.clone(), &[], needed)?;
    let items = items.into();
    let deciding = Mutex::default();
    let shared = Arc::new(Shared { store, run, items, reviewers, needed, address, hosts, deciding });
    let api = Router::new()
        .route("/api/next", get(next))
        .route("/api/item", get(item))
        .route("/api/mine", get(mine))
        .route("/api/progress", get(progress))
        .route("/api/decisions", post(decide))
        .route("/api/sheet.xlsx", get(sheet))
        .route("/api/sheet", post(hand_in))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&shared), known));
    Ok(Router::new()
        .route("/", get(page))
        .merge(api)
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guarded))
        .with_state(shared))
}

/// Refuses hosts that are not ours, and says to every answer what browsers may do with it.
async fn guarded(State(desk): App, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str())).unwrap_or_default();
    let mut response = if desk.is_ours(host) {
        next.run(request).await
    } else {
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "this address does not lead to this desk").into_response()
    };
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Shared {
    /// Whether a `Host` names this desk: by an address that nobody can make a name of theirs lead to, or by a name that
    /// was configured.
    fn is_ours(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
            _ => host,
        };
        if name.eq_ignore_ascii_case("localhost") || self.hosts.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return true;
        }
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let Ok(ip) = bare.parse::<IpAddr>() else { return false };
        ip.is_loopback() || ip == self.address.ip() || self.address.ip().is_unspecified()
    }

    /// The review as it stands.
    async fn review(&self) -> Result<Review, Problem> {
        let decisions = self.store.decisions(&self.run).await.map_err(|e| Problem::ours(&e))?;
        Review::new(&self.run, Arc::clone(&self.items), &decisions, self.needed).map_err(|e| Problem::ours(&e))
    }

    async fn append(&self, decisions: Vec<NewDecision>) -> Result<i64, Problem> {
        let written = self.store.decide(&self.run, decisions).await.map_err(|e| Problem::ours(&e))?;
        Ok(written.last().map_or(0, |row| row.seq))
    }
}

/// Lets those in who have a token.
async fn known(State(desk): App, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().trim();
    // Every token is compared, so that the time tells nothing.
    let mut who = None;
    for reviewer in &desk.reviewers {
        if same_secret(&reviewer.token, given) {
            who = Some(Who(reviewer.name.clone()));
        }
    }
    let Some(who) = who else {
        let problem = Problem::new(
            StatusCode::UNAUTHORIZED,
            "the token is missing or not known; open the link that you were given",
        );
        return problem.into_response();
    };
    request.extensions_mut().insert(who);
    next.run(request).await
}

/// What went wrong.
struct Problem {
    status: StatusCode,
    message: String,
    /// Row by row.
    problems: Vec<String>,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Problem {
        Problem { status, message: message.into(), problems: Vec::new() }
    }

    fn ours(error: &dyn std::error::Error) -> Problem {
        tracing::error!(%error, "the review desk cannot do this");
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the record of decisions cannot be used at the moment; see the log",
        )
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
            Error::Unusable(_) => Problem::new(StatusCode::CONFLICT, error.to_string()),
            Error::Data { origin, problems } => {
                let message = format!("{origin}: nothing was taken in");
                Problem { status: StatusCode::UNPROCESSABLE_ENTITY, message, problems: problems.0 }
            }
            error => Problem::ours(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "message": self.message, "problems": self.problems } });
        (self.status, Json(body)).into_response()
    }
}

type Answer = Result<Response, Problem>;

fn said(value: Value) -> Answer {
    Ok(Json(value).into_response())
}

async fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

fn wire_label(label: Label) -> Value {
    json!(label.id())
}

/// An answer as the page gets it. Of others' decisions it has only what is to be settled.
fn wire(review: &Review, who: &str, item: &Item, task: &Task) -> Value {
    let others = match task {
        Task::First => Value::Null,
        Task::Settle { others } => {
            others.iter().map(|o| json!({ "label": wire_label(o.label), "note": o.note })).collect()
        }
    };
    let own = review.own(who, &item.key).map(|own| json!({ "label": wire_label(own.label), "note": own.note }));
    json!({
        "key": item.key, "bank": item.bank, "group": item.group, "group_name": item.group_name,
        "criterion": item.criterion, "lang": item.lang, "asked": item.asked, "answer": item.answer,
        "stopped": item.stopped, "labels": item.labels().iter().map(|l| wire_label(*l)).collect::<Value>(),
        "task": if *task == Task::First { "first" } else { "settle" }, "others": others, "own": own,
    })
}

fn stand(desk: &Shared, review: &Review, who: &str) -> Value {
    let progress: Progress = review.progress(Some(who));
    json!({ "run": desk.run, "reviewer": who, "needed": desk.needed, "progress": progress })
}

fn shown(desk: &Shared, review: &Review, who: &str, found: Option<(&Item, &Task)>) -> Answer {
    let mut value = stand(desk, review, who);
    value["item"] = found.map_or(Value::Null, |(item, task)| wire(review, who, item, task));
    said(value)
}

#[derive(Deserialize)]
struct Skipped {
    #[serde(default)]
    after: Option<String>,
}

async fn next(State(desk): App, Extension(Who(who)): Extension<Who>, Query(skipped): Query<Skipped>) -> Answer {
    let review = desk.review().await?;
    let found = match &skipped.after {
        Some(key) => review.after(&who, key),
        None => review.next(&who),
    };
    shown(&desk, &review, &who, found.as_ref().map(|(item, task)| (*item, task)))
}

#[derive(Deserialize)]
struct Which {
    key: String,
}

async fn item(State(desk): App, Extension(Who(who)): Extension<Who>, Query(which): Query<Which>) -> Answer {
    let review = desk.review().await?;
    let task = review.may_decide(&who, &which.key)?;
    shown(&desk, &review, &who, review.item(&which.key).map(|item| (item, &task)))
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    back: usize,
}

async fn mine(State(desk): App, Extension(Who(who)): Extension<Who>, Query(Back { back }): Query<Back>) -> Answer {
    let review = desk.review().await?;
    let mine = review.mine(&who);
    shown(&desk, &review, &who, mine.get(back).map(|(item, task, _)| (*item, task)))
}

async fn progress(State(desk): App, Extension(Who(who)): Extension<Who>) -> Answer {
    let review = desk.review().await?;
    said(stand(&desk, &review, &who))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    key: String,
    label: Label,
    #[serde(default)]
    note: String,
    /// `first` or `settle`: what they were shown. Somebody who decided blindly has not settled anything.
    #[serde(default)]
    task: Option<String>,
}

async fn decide(State(desk): App, Extension(Who(who)): Extension<Who>, body: Bytes) -> Answer {
    let decision: Decision = serde_json::from_slice(&body)
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not as asked: {e}")))?;
    let _turn = desk.deciding.lock().await;
    let review = desk.review().await?;
    let task = review.may_decide(&who, &decision.key)?;
    let settles = task != Task::First;
    if decision.task.as_deref().is_some_and(|shown| (shown == "settle") != settles) {
        let why = "others have decided it since it was shown; look at it again";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    }
    let new = review.decide(&who, &decision.key, decision.label, &decision.note, "page")?;
    // What is sent again because the answer got lost is written once.
    let same = review.own(&who, &decision.key).is_some_and(|own| {
        let note = new.document.get("note").and_then(Value::as_str).unwrap_or_default();
        own.label == decision.label && own.note == note && own.settles == settles
    });
    let seq = if same { 0 } else { desk.append(vec![new]).await? };
    let review = desk.review().await?;
    let mut value = stand(&desk, &review, &who);
    value["saved"] = json!({ "key": decision.key, "label": wire_label(decision.label), "again": same, "seq": seq });
    said(value)
}

#[derive(Deserialize)]
struct InLanguage {
    #[serde(default)]
    lang: String,
}

async fn sheet(State(desk): App, Extension(Who(who)): Extension<Who>, Query(asked): Query<InLanguage>) -> Answer {
    let review = desk.review().await?;
    let bytes = off_thread(move || review::export(&review, &who, asked.lang != "en")).await??;
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"review.xlsx\""),
    ];
    Ok((headers, bytes).into_response())
}

async fn hand_in(State(desk): App, Extension(Who(who)): Extension<Who>, headers: HeaderMap, body: Bytes) -> Answer {
    if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/")) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the workbook itself, not a form"));
    }
    let _turn = desk.deciding.lock().await;
    let (review, name) = (desk.review().await?, who.clone());
    let found = off_thread(move || review::import(&body, &review, &name)).await??;
    let imported = found.decisions.len();
    if imported > 0 {
        desk.append(found.decisions).await?;
    }
    let review = desk.review().await?;
    let mut value = stand(&desk, &review, &who);
    value["sheet"] = json!({
        "imported": imported, "unchanged": found.unchanged, "overtaken": found.overtaken, "open": found.open,
    });
    said(value)
}

/// Work on a whole workbook, beside the async threads.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Problem::ours(&e))
}

#[cfg(test)]
mod tests;
