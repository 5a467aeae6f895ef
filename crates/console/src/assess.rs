//! Assessments over REST: runs, results, reports, evidence and decisions of reviewers.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use menshen_assess::Error;
use menshen_assess::answer::Label;
use menshen_assess::bank::Bank;
use menshen_assess::conclude::{Record, conclude};
use menshen_assess::evidence::{self, SigningKey};
use menshen_assess::judge::Judges;
use menshen_assess::profile::Standards;
use menshen_assess::question::{BankKind, Modality};
use menshen_assess::reliability::Sets;
use menshen_assess::report::{self, Format, Look};
use menshen_assess::result::Operator;
use menshen_assess::review::Task;
use menshen_assess::run::{self, KeywordCensus, Order, Run};
use menshen_redteam::target::Spec;
use menshen_store::Assessments;
use serde::Deserialize;
use serde_json::json;

use crate::review::{Desk, Reviewer};
use crate::{Answer, Problem, Route, actor, body, in_name_of, no_program, said};

/// The judges of a run that begins now, and what else its result depends on.
pub struct Prepared {
    /// The automatic judges.
    pub judges: Judges,
    /// The keyword library.
    pub keywords: KeywordCensus,
    /// Versions of this program and of the policy packs.
    pub versions: BTreeMap<String, String>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

/// Makes the judges.
pub type Prepare = Arc<dyn Fn() -> Result<Prepared, Error> + Send + Sync>;

/// What the API works on.
pub struct Assess {
    store: Assessments,
    standards: Standards,
    bank: Bank,
    sets: Sets,
    prepare: Prepare,
    /// Where the signing key lies.
    data_dir: PathBuf,
    /// Runs of this process.
    running: Mutex<HashMap<String, Arc<AtomicBool>>>,
}

impl std::fmt::Debug for Assess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Assess")
    }
}

type App = State<Arc<Assess>>;

/// Every path.
pub const ROUTES: &[Route<Assess>] = &[
    route!(GET "/admin/assess/profiles", "Profiles with their clauses", false, profiles),
    route!(GET "/admin/assess/runs", "Runs, latest first", false, runs),
    route!(POST "/admin/assess/runs", "Draw a sample and begin a run: {target, profile, seed, sample, …}", true, begin),
    route!(GET "/admin/assess/runs/{id}", "The result of a run as it stands", false, result),
    route!(POST "/admin/assess/runs/{id}/stop", "Stop a run that runs here, after what is under way", false, stop),
    route!(POST "/admin/assess/runs/{id}/resume", "Go on with a run", false, resume),
    route!(GET "/admin/assess/runs/{id}/report.html", "The report as a page; lang=zh|en", false, html),
    route!(GET "/admin/assess/runs/{id}/report.docx", "The report to be edited and signed; lang=zh|en", false, docx),
    route!(GET "/admin/assess/runs/{id}/report.pdf", "The report as PDF; lang=zh|en", false, pdf),
    route!(GET "/admin/assess/runs/{id}/bundle.zip", "The sealed evidence", false, bundle),
    route!(GET "/admin/assess/runs/{id}/review", "How the review stands", false, review),
    route!(GET "/admin/assess/runs/{id}/review/next", "What a reviewer decides next; reviewer=NAME", false, next),
    route!(POST "/admin/assess/runs/{id}/review/decisions", "Decide: {reviewer, key, label, note}", true, decide),
];

impl Assess {
    /// The API over these parts.
    ///
    /// # Errors
    /// When the data that the program was built with are damaged.
    pub fn new(store: Assessments, data_dir: PathBuf, prepare: Prepare) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Assess {
            store,
            standards: Standards::load(None)?,
            bank: Bank::shipped()?,
            sets: Sets::load(None)?,
            prepare,
            data_dir,
            running: Mutex::default(),
        }))
    }

    /// Its routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let router = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
        router.with_state(Arc::clone(self))
    }

    fn spawn(self: &Arc<Self>, mut run: Run) -> String {
        let id = run.info().id.clone();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), run.stopper());
        let assess = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = run.run(|_, _| {}).await {
                tracing::error!(%error, run = run.info().id, "a run ended early; resume it");
            }
            assess.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&run.info().id);
        });
        id
    }

    fn runs(&self, id: &str) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    async fn record(&self, id: &str) -> Result<Record, Problem> {
        Ok(Record::read(&self.store, id).await?)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Redteam(_) | Error::Store(_) => {
                return match error {
                    Error::Redteam(error) => error.into(),
                    Error::Store(error) => error.into(),
                    other => Problem(StatusCode::SERVICE_UNAVAILABLE, other.to_string()),
                };
            }
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Data { .. } | Error::Unusable(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(%error, "the console cannot do this");
            return Problem(status, "a file cannot be read or written at the moment; see the log".to_owned());
        }
        Problem(status, error.to_string())
    }
}

async fn profiles(State(assess): App) -> Answer {
    said(&json!({ "profiles": assess.standards.profiles.values().collect::<Vec<_>>() }))
}

async fn runs(State(assess): App) -> Answer {
    let rows = assess.store.runs().await?;
    let at = |row: &menshen_store::RunRow, path: &str| row.document.pointer(path).cloned();
    let rows: Vec<_> = rows
        .iter()
        .map(|r| {
            json!({ "id": r.id, "name": r.name, "state": r.state, "created_us": r.created_us,
                "profile": at(r, "/profile/id"), "target": at(r, "/target"), "seed": at(r, "/manifest/seed"),
                "running_here": assess.runs(&r.id) })
        })
        .collect();
    said(&json!({ "runs": rows }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    target: Spec,
    #[serde(default = "standard")]
    profile: String,
    #[serde(default = "seed")]
    seed: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    sample: BTreeMap<BankKind, u64>,
    #[serde(default)]
    languages: Vec<String>,
    #[serde(default)]
    modalities: Vec<Modality>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    operator: Operator,
}

fn standard() -> String {
    "gbt45654".to_owned()
}

fn seed() -> String {
    "menshen".to_owned()
}

async fn begin(State(assess): App, bytes: Bytes) -> Answer {
    let begin: Begin = body(&bytes)?;
    no_program(&begin.target)?;
    let Prepared { judges, keywords, versions } = (assess.prepare)()?;
    let order = Order {
        name: begin.name,
        profile: begin.profile,
        target: begin.target,
        seed: begin.seed,
        sample: begin.sample,
        languages: begin.languages,
        modalities: begin.modalities,
        leave_out: begin.leave_out,
        operator: begin.operator,
        keywords,
        versions,
    };
    let store = assess.store.clone();
    let run = Run::begin(store, order, &assess.standards, &assess.bank, &assess.sets, judges).await?;
    let total = run.progress().total;
    said(&json!({ "id": assess.spawn(run), "state": "running", "total": total }))
}

async fn resume(State(assess): App, Path(id): Path<String>) -> Answer {
    let row = assess.store.run(&id).await?;
    if assess.runs(&row.id) {
        return Err(Problem(StatusCode::CONFLICT, "it is running already".to_owned()));
    }
    let run = Run::resume(assess.store.clone(), &row.id, (assess.prepare)()?.judges, |_| {}).await?;
    said(&json!({ "id": assess.spawn(run), "state": "running" }))
}

async fn stop(State(assess): App, Path(id): Path<String>) -> Answer {
    let row = assess.store.run(&id).await?;
    let running = assess.running.lock().unwrap_or_else(PoisonError::into_inner);
    match running.get(&row.id) {
        Some(stop) => {
            stop.store(true, Ordering::Relaxed);
            said(&json!({ "id": row.id, "state": "stopping" }))
        }
        None => Err(Problem(StatusCode::CONFLICT, "it does not run here".to_owned())),
    }
}

async fn result(State(assess): App, Path(id): Path<String>) -> Answer {
    said(&conclude(&assess.record(&id).await?)?)
}

type Words = Query<HashMap<String, String>>;

async fn write(assess: &Assess, id: &str, query: &Words, format: Format, media_type: &'static str) -> Answer {
    let result = conclude(&assess.record(id).await?)?;
    let chinese = query.get("lang").is_none_or(|lang| lang != "en");
    let written = tokio::task::spawn_blocking(move || {
        let font = report::find_font().filter(|_| format == Format::Pdf).and_then(|file| std::fs::read(file).ok());
        report::write(&result, format, &Look { chinese, font: font.as_deref() })
    });
    let failed = |why: String| {
        tracing::error!(why, "a report cannot be written");
        Problem(StatusCode::INTERNAL_SERVER_ERROR, "the report cannot be written; see the log".to_owned())
    };
    let bytes = written.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"),
    ];
    Ok((headers, bytes).into_response())
}

async fn html(State(assess): App, Path(id): Path<String>, query: Words) -> Answer {
    write(&assess, &id, &query, Format::Html, "text/html; charset=utf-8").await
}

async fn docx(State(assess): App, Path(id): Path<String>, query: Words) -> Answer {
    let kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    write(&assess, &id, &query, Format::Docx, kind).await
}

async fn pdf(State(assess): App, Path(id): Path<String>, query: Words) -> Answer {
    write(&assess, &id, &query, Format::Pdf, "application/pdf").await
}

async fn bundle(State(assess): App, Path(id): Path<String>) -> Answer {
    let record = assess.record(&id).await?;
    let result = conclude(&record)?;
    let key = SigningKey::open(&assess.data_dir)?;
    let bytes = evidence::bundle(&assess.store, &record, &result, Vec::new(), &key).await?;
    Ok(([(header::CONTENT_TYPE, "application/zip")], bytes).into_response())
}

async fn review(State(assess): App, Path(id): Path<String>) -> Answer {
    said(&assess.record(&id).await?.review()?.note())
}

async fn next(State(assess): App, Path(id): Path<String>, headers: HeaderMap, query: Words) -> Answer {
    let review = assess.record(&id).await?.review()?;
    let reviewer = in_name_of(&headers, query.get("reviewer").map(String::as_str))?;
    let task = review.next(reviewer).map(|(item, task)| {
        json!({ "key": item.key, "bank": item.bank, "group": item.group, "asked": item.asked, "answer": item.answer,
            "stopped": item.stopped, "labels": Label::of_bank(&item.bank), "settles": matches!(task, Task::Settle { .. }) })
    });
    said(&json!({ "task": task }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    /// Who decides; the caller when absent.
    #[serde(default)]
    reviewer: Option<String>,
    key: String,
    label: Label,
    #[serde(default)]
    note: String,
}

async fn decide(State(assess): App, Path(id): Path<String>, headers: HeaderMap, bytes: Bytes) -> Answer {
    let decide: Decide = body(&bytes)?;
    let info = run::info(&assess.store, &id).await?;
    let review = assess.record(&info.id).await?.review()?;
    let reviewer = in_name_of(&headers, decide.reviewer.as_deref())?;
    let decision =
        review.decide(reviewer, &decide.key, decide.label, &decide.note, &format!("api by {}", actor(&headers)))?;
    let written = assess.store.decide(&info.id, vec![decision]).await?;
    said(&json!({ "decision": written.first() }))
}

/// A desk for people who review a run, each with a token drawn at random.
///
/// # Errors
/// When the record cannot be reviewed, or there is no randomness.
pub fn desk(
    store: Assessments,
    record: &Record,
    names: &[String],
    address: std::net::SocketAddr,
    hosts: Vec<String>,
) -> Result<Desk, Error> {
    let mut reviewers = Vec::with_capacity(names.len());
    for name in names {
        let mut secret = [0_u8; 24];
        getrandom::fill(&mut secret).map_err(|e| Error::Unusable(format!("no randomness for a token: {e}")))?;
        reviewers.push(Reviewer { name: name.clone(), token: data_encoding::BASE64URL_NOPAD.encode(&secret) });
    }
    Ok(Desk {
        store,
        run: record.info.id.clone(),
        items: record.items(),
        reviewers,
        needed: record.info.profile.reviewers,
        address,
        hosts,
    })
}

/// Serves a desk until the process is told to end.
///
/// # Errors
/// When the desk cannot be opened, or the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, desk: Desk) -> Result<(), Error> {
    let router = crate::review::router(desk)?;
    let path = std::path::Path::new("the listener");
    let ended = async {
        // Without a signal to wait for, it serves until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(ended).await.map_err(|e| Error::file(path, e))
}
