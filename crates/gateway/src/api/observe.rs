//! What administrators look at: counts, records and their place in the chain, records as they come, what people say of
//! decisions. Whoever is bound to a tenant sees nothing of others: the tenant is part of every question to the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use menshen_store::{
    Bucket, Entry, EntryKind, Error as StoreError, Opinion, OverviewFilter, Record, RecordRow, RecordText, RowFilter,
    Watched,
};
use menshen_verdict::{Attack, Intent, Level, Risk};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::admin::{by, now_us, stored};
use super::{App, answer, asked};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;

/// Records on a page where nobody says how many.
const PAGE: u32 = 50;
/// So many may watch at once: each holds a place among the requests under way.
const MOST_WATCHERS: usize = 32;
/// How often a stream without records looks whether it should end.
const TICK: Duration = Duration::from_secs(1);
/// How often a silent stream says that it is there: proxies close what is silent.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// A stream ends after this; the browser asks again, and who it is is looked at again.
const LONGEST: Duration = Duration::from_secs(900);

/// The query parameters of these routes, for the document: path, name, type, what it is.
pub(crate) const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("/admin/overview", "from", "string", "From the bucket that holds this moment on (RFC 3339)"),
    (
        "/admin/overview",
        "to",
        "string",
        "Through the bucket that holds the last moment before this one; now without it",
    ),
    ("/admin/overview", "bucket", "string", "minute (kept for 48 hours), hour or day; hour without it"),
    ("/admin/overview", "tenant", "string", "Only this tenant"),
    ("/admin/overview", "app", "string", "Only this application"),
    ("/admin/records", "before", "integer", "Only records before this place: 'next' of the page before"),
    ("/admin/records", "limit", "integer", "At most so many, up to 500; 50 without it"),
    ("/admin/records", "outcome", "string", "Only this outcome"),
    ("/admin/records", "action", "string", "Only this action"),
    ("/admin/records", "tenant", "string", "Only this tenant"),
    ("/admin/records", "app", "string", "Only this application"),
    ("/admin/records", "user", "string", "Only this end user"),
    ("/admin/records", "rule", "string", "Only this rule: pack/rule, or pack/rule@version"),
    ("/admin/records", "risk", "string", "Only with this risk topic"),
    ("/admin/records", "from", "string", "Not before this moment (RFC 3339)"),
    ("/admin/records", "to", "string", "Before this moment (RFC 3339)"),
    ("/admin/records/live", "outcome", "string", "Only this outcome"),
    ("/admin/records/live", "action", "string", "Only this action"),
    ("/admin/records/live", "tenant", "string", "Only this tenant"),
    ("/admin/records/live", "app", "string", "Only this application"),
    ("/admin/records/live", "user", "string", "Only this end user"),
    ("/admin/records/live", "rule", "string", "Only this rule: pack/rule, or pack/rule@version"),
    ("/admin/records/live", "risk", "string", "Only with this risk topic"),
    ("/admin/records/live", "from", "string", "Not before this moment (RFC 3339)"),
    ("/admin/records/live", "to", "string", "Before this moment (RFC 3339)"),
    ("/admin/feedback", "request_id", "string", "Only on this record"),
    ("/admin/feedback", "before", "integer", "Only what was said before this moment, in microseconds since 1970"),
    ("/admin/feedback", "limit", "integer", "At most so many, up to 500; 50 without it"),
];

/// Every parameter as text: forms send empty ones for what was not filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    from: String,
    to: String,
    bucket: String,
    tenant: String,
    app: String,
    before: String,
    limit: String,
    outcome: String,
    action: String,
    user: String,
    rule: String,
    risk: String,
    request_id: String,
}

type Params = super::Params<Asked>;

fn given(value: String) -> Option<String> {
    Some(value).filter(|v| !v.is_empty())
}

fn moment(name: &'static str, value: &str) -> Result<Option<i64>, GatewayError> {
    if value.is_empty() {
        return Ok(None);
    }
    let read = value.parse::<Timestamp>();
    let read = read.map_err(|_| invalid(name, format!("'{name}' must be a time such as 2026-11-22T08:00:00Z")))?;
    Ok(Some(read.as_microsecond()))
}

fn number<T: std::str::FromStr>(name: &'static str, value: &str) -> Result<Option<T>, GatewayError> {
    if value.is_empty() {
        return Ok(None);
    }
    value.parse().map(Some).map_err(|_| invalid(name, format!("'{name}' must be a whole number")))
}

/// The tenant to look at: the asked one, and for those who are bound to one, no other.
fn tenant(caller: &Caller, asked: String) -> Result<Option<String>, GatewayError> {
    match (caller.bound(), given(asked)) {
        (Some(own), Some(other)) if own != other => {
            Err(GatewayError::new(Failure::Forbidden, "this belongs to another tenant"))
        }
        (Some(own), _) => Ok(Some(own.to_owned())),
        (None, asked) => Ok(asked),
    }
}

fn request_id(id: &str) -> Result<Uuid, GatewayError> {
    Uuid::parse_str(id).map_err(|_| unknown())
}

fn unknown() -> GatewayError {
    GatewayError::new(Failure::NotFound, "there is no record of this request")
}

fn shown(value: impl serde::Serialize) -> Result<Value, GatewayError> {
    serde_json::to_value(value)
        .map_err(|e| GatewayError::new(Failure::Internal, "the answer cannot be written").detail(e))
}

pub(crate) async fn overview(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let bucket = match asked.bucket.as_str() {
            "" => Bucket::Hour,
            id => Bucket::ALL
                .iter()
                .copied()
                .find(|b| b.id() == id)
                .ok_or_else(|| invalid("bucket", "'bucket' must be minute, hour or day"))?,
        };
        let hours = match bucket {
            Bucket::Minute => 3,
            Bucket::Hour => 24,
            Bucket::Day => 30 * 24,
        };
        let to_us = moment("to", &asked.to)?.unwrap_or_else(now_us);
        let filter = OverviewFilter {
            from_us: moment("from", &asked.from)?.unwrap_or(to_us.saturating_sub(hours * 3_600_000_000)),
            to_us,
            bucket,
            tenant: tenant(&caller, asked.tenant)?,
            app: given(asked.app),
        };
        shown(stored(gateway.store.overview(&filter).await)?)
    };
    let result = result.await;
    answer("/admin/overview", result, &gateway).await
}

fn row_filter(caller: &Caller, asked: Asked) -> Result<RowFilter, GatewayError> {
    Ok(RowFilter {
        from_us: moment("from", &asked.from)?,
        to_us: moment("to", &asked.to)?,
        tenant: tenant(caller, asked.tenant)?,
        app: given(asked.app),
        user: given(asked.user),
        rule: given(asked.rule),
        risk: given(asked.risk),
        outcome: given(asked.outcome),
        action: given(asked.action),
    })
}

pub(crate) async fn records(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let before = number("before", &asked.before)?;
        let limit = number("limit", &asked.limit)?.unwrap_or(PAGE);
        let filter = row_filter(&caller, asked)?;
        shown(stored(gateway.store.rows(&filter, before, limit).await)?)
    };
    let result = result.await;
    answer("/admin/records", result, &gateway).await
}

pub(crate) async fn record(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let result = async {
        let id = request_id(&id)?;
        let tenant = caller.bound();
        let records = match gateway.store.request(id, tenant, true).await {
            // A text that does not open is no reason to hide the rest.
            Err(e @ (StoreError::Sealed { .. } | StoreError::KeyMissing { .. })) => {
                tracing::warn!(request = %id, error = %e, "a record's text does not open");
                stored(gateway.store.request(id, tenant, false).await)?
            }
            read => stored(read)?,
        };
        let proof = stored(gateway.store.proof(id, tenant).await)?.ok_or_else(unknown)?;
        if let Some(opened) = records.iter().find(|r| matches!(r.text, RecordText::Decrypted { .. })) {
            note_reading(&gateway, &caller, opened).await?;
        }
        let feedback = stored(gateway.store.feedback(Some(id), tenant, None, 100).await)?;
        let records = records.iter().map(full).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({"records": records, "proof": shown(proof)?, "feedback": shown(feedback)?}))
    };
    let result = result.await;
    answer("/admin/records", result, &gateway).await
}

/// Who reads what people wrote leaves a record of it, before the text is shown.
async fn note_reading(gateway: &Gateway, caller: &Caller, record: &Record) -> Result<(), GatewayError> {
    let detail = json!({"request_id": record.request_id});
    let mut entry = Entry::event(EntryKind::Admin, "record.read", now_us(), detail);
    entry.key_id = Some(by(caller).to_owned());
    entry.tenant.clone_from(&record.tenant);
    entry.app.clone_from(&record.app);
    stored(gateway.store.record(entry).await).map(drop)
}

/// A record with its text as two members, or none.
fn full(record: &Record) -> Result<Value, GatewayError> {
    let mut value = shown(record)?;
    value["text"] = match &record.text {
        RecordText::Decrypted { input, output } | RecordText::Redacted { input, output } => {
            json!({"input": input, "output": output, "redacted": matches!(record.text, RecordText::Redacted { .. })})
        }
        _ => Value::Null,
    };
    Ok(value)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FeedbackRequest {
    verdict: String,
    #[serde(default)]
    note: Option<String>,
}

pub(crate) async fn put_feedback(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let result = async {
        let id = request_id(&id)?;
        let request: FeedbackRequest = read_as(&headers, body, &gateway.config.limits).await?;
        let verdict = Opinion::of_id(&request.verdict)
            .ok_or_else(|| invalid("verdict", "'verdict' must be false_positive, missed or right"))?;
        let put = gateway.store.put_feedback(id, caller.bound(), verdict, request.note, by(&caller), now_us());
        shown(stored(put.await)?)
    };
    let result = result.await;
    answer("/admin/records", result, &gateway).await
}

pub(crate) async fn feedback(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let result = async {
        let asked = asked(params)?;
        let id = given(asked.request_id).map(|id| request_id(&id)).transpose()?;
        let before = number("before", &asked.before)?;
        let limit = number("limit", &asked.limit)?.unwrap_or(PAGE);
        let list = stored(gateway.store.feedback(id, caller.bound(), before, limit).await)?;
        Ok(json!({"feedback": shown(list)?}))
    };
    let result = result.await;
    answer("/admin/feedback", result, &gateway).await
}

pub(crate) async fn taxonomy(State(gateway): App) -> Response {
    let named = || {
        macro_rules! names {
            ($taxonomy:ident) => {
                $taxonomy::ALL
                    .iter()
                    .map(|l| json!({"id": l.id(), "zh": l.zh(), "en": l.en()}))
                    .collect::<Vec<_>>()
            };
        }
        Ok(json!({
            "risks": names!(Risk), "attacks": names!(Attack), "levels": names!(Level), "intents": names!(Intent),
            "topics": shown(gateway.guard.snapshot().packs.topics())?,
        }))
    };
    answer("/admin/taxonomy", named(), &gateway).await
}

pub(crate) async fn live(State(gateway): App, Extension(caller): Extension<Caller>, params: Params) -> Response {
    let room = || {
        let filter = row_filter(&caller, asked(params)?)?;
        if gateway.store.watchers() >= MOST_WATCHERS {
            let message = format!("{MOST_WATCHERS} watch already; close a page that does");
            return Err(GatewayError::new(Failure::Overloaded, message).retry_after(10));
        }
        Ok(filter)
    };
    let filter = match room() {
        Ok(filter) => filter,
        Err(error) => return answer("/admin/records/live", Err(error), &gateway).await,
    };
    let now = Instant::now();
    let watch = Watch { rows: gateway.store.watch(), gateway, filter, until: now + LONGEST, heard: now, ended: false };
    // A first sign, so that whoever asked knows at once that it is let in.
    let begin = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(b": watching\n\n"))]);
    let rows = futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await.map(|piece| (Ok::<_, std::convert::Infallible>(piece), watch))
    });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(begin, rows)));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// One who reads along.
struct Watch {
    rows: Receiver<Watched>,
    gateway: Arc<Gateway>,
    filter: RowFilter,
    until: Instant,
    heard: Instant,
    ended: bool,
}

impl Watch {
    /// The next piece of the stream; nothing at its end.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended && !self.gateway.draining() && Instant::now() < self.until {
            match tokio::time::timeout(TICK, self.rows.recv()).await {
                Ok(Ok(row)) => {
                    if row.fits(&self.filter) {
                        self.heard = Instant::now();
                        return Some(event(&row.row()));
                    }
                }
                // Whoever cannot keep up is let go: the list has what they missed.
                Ok(Err(RecvError::Lagged(missed))) => {
                    self.ended = true;
                    return Some(Bytes::from(format!("event: lagged\ndata: {{\"missed\":{missed}}}\n\n")));
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) if self.heard.elapsed() >= SIGN_OF_LIFE => {
                    self.heard = Instant::now();
                    return Some(Bytes::from_static(b": here\n\n"));
                }
                Err(_) => {}
            }
        }
        None
    }
}

/// A row as an event: JSON has no line breaks of its own, so one line of data holds it.
fn event(row: &RecordRow) -> Bytes {
    Bytes::from(format!("id: {}\ndata: {}\n\n", row.seq, json!(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_filled_in_is_not_asked() {
        assert_eq!(moment("from", "").unwrap(), None);
        assert_eq!(number::<u32>("limit", "").unwrap(), None);
        assert_eq!(given(String::new()), None);
        assert_eq!(moment("from", "1970-01-01T00:00:01Z").unwrap(), Some(1_000_000));
        assert!(moment("from", "yesterday").unwrap_err().message.contains("'from'"));
        assert!(number::<u32>("limit", "-1").is_err());
    }

    #[test]
    fn every_parameter_that_is_documented_is_read() {
        for (path, name, ..) in PARAMETERS {
            let read = serde_json::from_value::<Asked>(json!({ *name: "1" }));
            assert!(read.is_ok(), "{path} {name}");
            assert!(super::super::ROUTES.iter().any(|r| r.path == *path), "{path}");
        }
    }
}
