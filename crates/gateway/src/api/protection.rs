//! What protects stored data, to be looked at: keys, retention, backups; and what users ask about themselves. Whoever is
//! bound to a tenant sees and does nothing of others.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, header};
use menshen_store::{Error as StoreError, NewSubjectRequest, SubjectAsks};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use super::admin::{by, now_us, stored};
use super::{App, answer};
use crate::auth::Caller;
use crate::config::KeepText;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;

const PATH: &str = "/admin/protection";
const SUBJECTS: &str = "/admin/subjects";
/// Runs of retention that are shown.
const RUNS: u32 = 30;
/// Requests of users that are shown.
const REQUESTS: u32 = 200;
/// Retention runs once a day.
const DAY_US: i64 = 86_400_000_000;
/// Bytes of a copy that wait for a slow reader.
const PIPE: usize = 64 << 10;

fn shown(value: impl serde::Serialize) -> Result<Value, GatewayError> {
    serde_json::to_value(value)
        .map_err(|e| GatewayError::new(Failure::Internal, "the answer cannot be written").detail(e))
}

pub(crate) async fn protection(State(gateway): App) -> Response {
    let result = async {
        let (config, store) = (&gateway.config, &gateway.store);
        let runs = stored(store.retention_runs(RUNS).await)?;
        let next = runs.first().and_then(|run| run.at.parse::<jiff::Timestamp>().ok());
        let next = next.and_then(|at| jiff::Timestamp::from_microsecond(at.as_microsecond() + DAY_US).ok());
        let kinds = config.protection.clone();
        let audit = config.audit.retention_days;
        let days = |days: Option<u32>| days.unwrap_or(audit).min(audit);
        let health = store.health();
        Ok(json!({
            "keys": shown(stored(store.key_state().await)?)?,
            "key_command": !kinds.key_command.is_empty(),
            "text": match config.audit.text {
                KeepText::Encrypted => "encrypted",
                KeepText::Redacted => "redacted",
                KeepText::Omitted => "omitted",
            },
            "retention": {
                "days": {
                    "audit": audit, "reviews": days(kinds.reviews_days), "feedback": days(kinds.feedback_days),
                    "usage": days(kinds.usage_days),
                },
                "runs": shown(runs)?,
                "next": next.map(|at| at.to_string()),
            },
            "subject_days": kinds.subject_days,
            "backups": shown(stored(store.backups())?)?,
            "may_backup": kinds.backup_dir.is_some(),
            "store": {
                "last_seq": health.last_seq, "queued_records": health.queued_records,
                "problem": health.failing.or(health.head_failing).map(|e| e.to_string()),
            },
        }))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

pub(crate) async fn make_backup(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let folder = gateway.config.protection.backup_dir.as_ref().ok_or_else(|| {
            let message =
                "no folder for backups is set (protection.backup_dir); use `menshen backup` beside the gateway";
            GatewayError::new(Failure::InvalidRequest, message)
        })?;
        let name = jiff::Timestamp::now().strftime("menshen-%Y%m%dT%H%M%SZ").to_string();
        let made = gateway.store.backup(&folder.join(name), by(&caller)).await;
        shown(&told(made)?)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// What an owner may know of a failure: the sentence is about disks and folders of the operator's own.
fn told<T>(result: Result<T, StoreError>) -> Result<T, GatewayError> {
    result.map_err(|e| match &e {
        StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::File { .. } => {
            GatewayError::new(Failure::AuditUnavailable, e.to_string()).detail(e)
        }
        _ => match stored(Err::<(), _>(e)) {
            Err(error) => error,
            Ok(()) => GatewayError::new(Failure::Internal, "the store cannot do this at the moment"),
        },
    })
}

pub(crate) async fn subjects(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let result = async {
        let requests = stored(gateway.store.subject_requests(caller.bound(), REQUESTS).await)?;
        Ok(json!({"requests": shown(requests)?}))
    };
    let result = result.await;
    answer(SUBJECTS, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    tenant: Option<String>,
    user: String,
    kind: String,
    #[serde(default)]
    note: Option<String>,
}

pub(crate) async fn ask(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Asked = read_as(&headers, body, &gateway.config.limits).await?;
        let kind = SubjectAsks::ALL.iter().copied().find(|k| k.id() == asked.kind);
        let kind = kind.ok_or_else(|| invalid("kind", "'kind' must be export or erasure"))?;
        let tenant = match (caller.bound(), asked.tenant) {
            (Some(own), None) => own.to_owned(),
            (None, None) => "default".to_owned(),
            (_, Some(tenant)) if caller.sees(Some(&tenant)) => tenant,
            _ => {
                let message = "your account is bound to another tenant";
                return Err(GatewayError::new(Failure::Forbidden, message).param("tenant"));
            }
        };
        let days = gateway.config.protection.subject_days;
        let new = NewSubjectRequest { tenant, user: asked.user, kind, note: asked.note, days };
        shown(stored(gateway.store.ask_subject(new, by(&caller), now_us()).await)?)
    };
    let result = result.await;
    answer(SUBJECTS, result, &gateway).await
}

pub(crate) async fn erase(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result =
        async { shown(stored(gateway.store.erase_subject(&id, caller.bound(), by(&caller), now_us()).await)?) };
    let result = result.await;
    answer(SUBJECTS, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    reason: String,
}

pub(crate) async fn refuse(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let result = async {
        let Refusal { reason } = read_as(&headers, body, &gateway.config.limits).await?;
        stored(gateway.store.refuse_subject(&id, caller.bound(), &reason, by(&caller), now_us()).await)?;
        Ok(json!({"done": true}))
    };
    let result = result.await;
    answer(SUBJECTS, result, &gateway).await
}

/// The copy, as a file. What would refuse it is found before the first byte; a failure later cuts the answer off, and the
/// request stays open.
pub(crate) async fn export(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let tenant = caller.bound().map(str::to_owned);
    let request = match stored(gateway.store.exportable(&id, tenant.as_deref()).await) {
        Ok(request) => request,
        Err(error) => return answer(SUBJECTS, Err(error), &gateway).await,
    };
    let (mut sink, source) = tokio::io::duplex(PIPE);
    let (store, by) = (gateway.store.clone(), by(&caller).to_owned());
    let work = tokio::spawn(async move {
        let made = store.export_subject(&request.id, tenant.as_deref(), &by, now_us(), &mut sink).await;
        made.map(drop).inspect_err(|error| tracing::error!(%error, "a copy for a user was cut off"))
    });
    let pieces = futures_util::stream::unfold(Some((source, work)), |state| async move {
        let (mut source, work) = state?;
        let mut piece = vec![0; PIPE];
        match source.read(&mut piece).await {
            Ok(0) => match work.await {
                Ok(Ok(())) => None,
                _ => Some((Err(std::io::Error::other("the copy could not be finished")), None)),
            },
            Ok(n) => {
                piece.truncate(n);
                Some((Ok(Bytes::from(piece)), Some((source, work))))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(pieces.boxed()));
    for (name, value) in [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"personal-data.json\""),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
