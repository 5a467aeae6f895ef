//! `POST /v1/labels/…`: labels of generated content in files, for upload and publishing pipelines.
//!
//! The body is the file itself, of any size up to `label.max_file_bytes`; it is spooled to disk, never held in memory. `add`
//! and `propagate` answer with the labelled file, `read` and `inspect` with JSON.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::BodyExt as _;
use menshen_provenance::carrier::{self, Carrier, Found};
use menshen_provenance::inspect::{self, Evidence, Gathered, Ground, Inspection};
use menshen_provenance::label::{self, Aigc, Kind, ProviderCode, Verdict};
use menshen_store::Entry;
use menshen_verdict::Outcome;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::{App, Params, answer, asked, enter};
use crate::auth::Caller;
use crate::config::OnFailure;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::REQUEST_ID;
use crate::gateway::Gateway;
use crate::label::HEADER;

const PATH: &str = "/v1/labels";
/// The header that says what an upload is taken for.
const DECISION: &str = "x-menshen-decision";
/// So much of a labelled file is sent at a time.
const PIECE: usize = 256 << 10;

/// The members of [`About`], for the document.
pub(crate) const PARAMETERS: &[(&str, &str, &str)] = &[
    ("name", "string", "The file's name: its ending tells texts apart"),
    ("producer", "string", "The producer's code (add); the configured one without it"),
    ("id", "string", "The content's number; a fresh one without it"),
    ("label", "string", "1 generated, 2 possibly, 3 suspected (add)"),
    ("declared", "boolean", "Whether the uploading user declares the content generated (inspect, propagate)"),
    ("platform", "string", "The platform's code (inspect, propagate); the configured producer's without it"),
];

/// What a call says beside the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// The file's name: its ending tells texts apart.
    #[serde(default)]
    name: Option<String>,
    /// The producer's code; the configured one without it.
    #[serde(default)]
    producer: Option<String>,
    /// The content's number; a fresh one without it.
    #[serde(default)]
    id: Option<String>,
    /// `1`, `2` or `3`.
    #[serde(default)]
    label: Option<String>,
    /// Whether the uploading user declares the content generated.
    #[serde(default)]
    declared: bool,
    /// The platform's code; the configured producer's without it.
    #[serde(default)]
    platform: Option<String>,
}

impl About {
    fn ending(&self) -> String {
        let name = self.name.as_deref().unwrap_or_default();
        name.rsplit_once('.').map(|(_, ending)| ending.to_owned()).unwrap_or_default()
    }
}

fn wrong(error: menshen_provenance::Error) -> GatewayError {
    match error {
        menshen_provenance::Error::Io(e) => {
            GatewayError::new(Failure::Internal, "the file could not be kept or read on the gateway's disk").detail(e)
        }
        other => GatewayError::new(Failure::InvalidRequest, other.to_string()),
    }
}

/// Puts the body on disk, in a file that has no name and is gone with its last use.
async fn spool(gateway: &Gateway, headers: &HeaderMap, mut body: Body) -> Result<File, GatewayError> {
    let most = gateway.config.label.max_file_bytes;
    let too_large =
        || GatewayError::new(Failure::TooLarge, format!("the file is larger than {most} bytes (label.max_file_bytes)"));
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if stated.is_some_and(|n| n > most) {
        return Err(too_large());
    }
    let disk = |e: std::io::Error| GatewayError::new(Failure::Internal, "the file could not be kept on disk").detail(e);
    let mut file = tokio::fs::File::from_std(tempfile::tempfile().map_err(disk)?);
    let mut length = 0_u64;
    let idle = Duration::from_millis(gateway.config.limits.request_read_ms);
    loop {
        let data = match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => return Err(GatewayError::new(Failure::ReadTimeout, "the file did not arrive in time")),
            Ok(None) => break,
            Ok(Some(Err(e))) => return Err(GatewayError::new(Failure::InvalidRequest, "the file broke off").detail(e)),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        length = length.saturating_add(data.len() as u64);
        if length > most {
            return Err(too_large());
        }
        file.write_all(&data).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    file.rewind().await.map_err(disk)?;
    Ok(file.into_std().await)
}

async fn at_work<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GatewayError> + Send + 'static,
) -> Result<T, GatewayError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|e| GatewayError::new(Failure::Internal, "the file could not be worked on").detail(e))?
}

/// A labelled copy of a file.
fn labelled(mut file: File, ending: &str, value: &str) -> Result<File, GatewayError> {
    let mut out = tempfile::tempfile().map_err(|e| wrong(e.into()))?;
    carrier::put(&mut file, &mut out, ending, value).map_err(wrong)?;
    out.rewind().map_err(|e| wrong(e.into()))?;
    Ok(out)
}

fn found_in(file: &File, ending: &str) -> Result<(&'static Carrier, Vec<Found>, Verdict), GatewayError> {
    let mut input = BufReader::new(file);
    let carrier = carrier::sniff(&mut input, ending).map_err(wrong)?;
    Ok(match (carrier.read)(&mut input) {
        Ok(found) => {
            let verdict = label::verify(&found);
            (carrier, found, verdict)
        }
        Err(e @ menshen_provenance::Error::Io(_)) => return Err(wrong(e)),
        Err(e) => (carrier, Vec::new(), Verdict::unreadable(&e)),
    })
}

struct Inspected {
    file: File,
    document: Value,
    inspection: Inspection,
}

async fn inspected(
    gateway: &Arc<Gateway>,
    headers: &HeaderMap,
    about: &About,
    body: Body,
    id: Uuid,
) -> Result<Inspected, GatewayError> {
    let configured = gateway.config.label.producer.clone();
    let Some(platform) = about.platform.clone().or(configured) else {
        return Err(invalid("platform", "name the platform's code, or configure label.producer"));
    };
    check_code("platform", &platform)?;
    let number = about.id.clone().unwrap_or_else(|| id.to_string());
    let (ending, declared) = (about.ending(), about.declared);
    let file = spool(gateway, headers, body).await?;
    at_work(move || {
        let mut input = BufReader::new(&file);
        let carrier = carrier::sniff(&mut input, &ending).map_err(wrong)?;
        let Gathered { found, evidence, problem } = inspect::gather(&mut input, carrier, &[]);
        if let Some(problem) = problem {
            return Err(wrong(problem));
        }
        let evidence = Evidence { declared, ..evidence };
        let inspection = inspect::inspect(&evidence, &platform, &number).map_err(|e| invalid("id", e.to_string()))?;
        let mut document = label::document(Some(carrier), &found, &label::verify(&found));
        document["decision"] = json!(inspection.decision.id());
        document["clause"] = json!(inspection.decision.clause());
        document["grounds"] = inspection.grounds.iter().map(Ground::to_json).collect();
        document["notice"] = inspection.notice.map_or(Value::Null, |n| json!({"zh": n.zh, "en": n.en}));
        document["label_to_write"] = inspection.label.as_ref().map_or(Value::Null, as_json);
        Ok(Inspected { file, document, inspection })
    })
    .await
}

fn as_json(label: &Aigc) -> Value {
    serde_json::from_str(&label.to_value()).unwrap_or_default()
}

fn check_code(what: &'static str, code: &str) -> Result<(), GatewayError> {
    if ProviderCode::looks_like(code) {
        ProviderCode::parse(code).map_err(|e| invalid(what, e.to_string()))?;
    }
    Ok(())
}

/// The labelled file as the answer.
fn file_response(mut file: File, label: &Aigc, id: Uuid) -> Result<Response, GatewayError> {
    let length = file.seek(SeekFrom::End(0)).and_then(|length| file.rewind().map(|()| length));
    let length = length.map_err(|e| wrong(e.into()))?;
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE);
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    for (name, value) in [(HEADER, label.to_value()), (HeaderName::from_static(REQUEST_ID), id.to_string())] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Keeps what was labelled or decided, and for whom: platforms must be able to show it.
async fn record(
    gateway: &Gateway,
    caller: &Caller,
    id: Uuid,
    started: Instant,
    what: Value,
) -> Result<(), GatewayError> {
    let mut entry = Entry::request(id, jiff::Timestamp::now().as_microsecond());
    entry.tenant = Some(caller.subject.tenant.clone());
    entry.app = Some(caller.subject.app.clone());
    entry.user.clone_from(&caller.subject.user);
    entry.key_id.clone_from(&caller.key_id);
    entry.api = Some("labels".to_owned());
    entry.outcome = Some(Outcome::Allowed);
    entry.status = Some(StatusCode::OK.as_u16());
    entry.verdict = what;
    entry.timings = json!({"total_us": u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)});
    gateway.metrics.ended("labels", Outcome::Allowed, None, started.elapsed().as_secs_f64());
    let Err(e) = gateway.store.record(entry).await else { return Ok(()) };
    tracing::error!(error = %e, "a record could not be written");
    match gateway.config.audit.on_failure {
        OnFailure::Open => Ok(()),
        OnFailure::Closed => Err(GatewayError::new(
            Failure::AuditUnavailable,
            "the file is withheld because its record cannot be written; try again later",
        )),
    }
}

async fn finish(result: Result<Response, GatewayError>, gateway: &Gateway) -> Response {
    match result {
        Ok(response) => response,
        Err(error) => answer(PATH, Err(error), gateway).await,
    }
}

/// Writes the implicit label into a file.
pub(crate) async fn add(State(gateway): App, headers: HeaderMap, about: Params<About>, body: Body) -> Response {
    let result = async {
        let about = asked(about)?;
        let (started, id) = (Instant::now(), Uuid::now_v7());
        let caller = enter(&gateway, &headers)?;
        let Some(producer) = about.producer.clone().or_else(|| gateway.config.label.producer.clone()) else {
            return Err(invalid("producer", "name the producer's code, or configure label.producer"));
        };
        check_code("producer", &producer)?;
        let kind = about.label.as_deref().unwrap_or("1");
        let kind = Kind::of(kind).ok_or_else(|| invalid("label", "'label' must be 1, 2 or 3"))?;
        let number = about.id.clone().unwrap_or_else(|| id.to_string());
        let aigc = Aigc::generated(&producer, &number, kind).map_err(|e| invalid("id", e.to_string()))?;
        let aigc = match &gateway.labels {
            // Only what stands under the configured name is signed with its key.
            Some(labels) => labels.signed(aigc)?,
            None => aigc,
        };
        let file = spool(&gateway, &headers, body).await?;
        let (ending, value) = (about.ending(), aigc.to_value());
        let file = at_work(move || labelled(file, &ending, &value)).await?;
        record(&gateway, &caller, id, started, json!({"labels": "add", "label": as_json(&aigc)})).await?;
        file_response(file, &aigc, id)
    };
    let result = result.await;
    finish(result, &gateway).await
}

/// Says what label a file carries, and judges it.
pub(crate) async fn read(State(gateway): App, headers: HeaderMap, about: Params<About>, body: Body) -> Response {
    let result = async {
        let about = asked(about)?;
        enter(&gateway, &headers)?;
        let file = spool(&gateway, &headers, body).await?;
        let ending = about.ending();
        at_work(move || {
            let (carrier, found, verdict) = found_in(&file, &ending)?;
            Ok(label::document(Some(carrier), &found, &verdict))
        })
        .await
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Decides what an upload is taken for, and what its public is told.
pub(crate) async fn inspect(State(gateway): App, headers: HeaderMap, about: Params<About>, body: Body) -> Response {
    let result = async {
        let about = asked(about)?;
        let (started, id) = (Instant::now(), Uuid::now_v7());
        let caller = enter(&gateway, &headers)?;
        let inspected = inspected(&gateway, &headers, &about, body, id).await?;
        record(&gateway, &caller, id, started, json!({"labels": "inspect", "decision": inspected.document})).await?;
        Ok(inspected.document)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

/// Decides the same, and answers with the file that carries the platform's propagation members; with 204 where there is no
/// ground to label it.
pub(crate) async fn propagate(State(gateway): App, headers: HeaderMap, about: Params<About>, body: Body) -> Response {
    let result = async {
        let about = asked(about)?;
        let (started, id) = (Instant::now(), Uuid::now_v7());
        let caller = enter(&gateway, &headers)?;
        let Inspected { file, document, inspection } = inspected(&gateway, &headers, &about, body, id).await?;
        let decision = HeaderValue::from_static(inspection.decision.id());
        record(&gateway, &caller, id, started, json!({"labels": "propagate", "decision": document})).await?;
        let mut response = match inspection.label {
            None => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), value);
                }
                response
            }
            Some(label) => {
                let (ending, value) = (about.ending(), label.to_value());
                let file = at_work(move || labelled(file, &ending, &value)).await?;
                file_response(file, &label, id)?
            }
        };
        response.headers_mut().insert(DECISION, decision);
        Ok(response)
    };
    let result = result.await;
    finish(result, &gateway).await
}
