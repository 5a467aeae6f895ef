//! OpenTelemetry traces: one server span a request, sent as OTLP/HTTP JSON (opentelemetry-proto 1.x, "JSON Protobuf
//! encoding") in batches to the endpoint that the operator configured. Spans carry method, route, status and what was
//! decided: never text.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::config;

/// Spans that wait to be sent; when they are more, the oldest are dropped.
const WAITING: usize = 2_048;
/// Spans a request to the collector.
const BATCH: usize = 512;

/// Sends spans.
pub struct Traces {
    url: Option<String>,
    sample: f64,
    client: reqwest::Client,
    waiting: Mutex<VecDeque<Value>>,
}

/// A span that has begun.
pub struct Span {
    trace_id: String,
    span_id: String,
    parent_id: Option<String>,
    method: Method,
    route: String,
    started: SystemTime,
}

fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn random_hex(bytes: usize) -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    // The tail of a version 7 UUID is random.
    id.chars().rev().take(bytes * 2).collect()
}

/// A W3C `traceparent`: trace id, parent span id, sampled flag.
fn parent(headers: &HeaderMap) -> Option<(String, String, bool)> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = value.split('-');
    let (_, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_hexdigit()) && s.bytes().any(|b| b != b'0');
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (hex(trace, 32) && hex(span, 16)).then(|| (trace.to_owned(), span.to_owned(), sampled))
}

impl Traces {
    /// A sender for the configured endpoint; without one, nothing is traced.
    pub fn new(config: &config::Traces, client: reqwest::Client) -> Self {
        Traces {
            url: config.otlp_url.clone(),
            sample: config.sample.unwrap_or(1.0).clamp(0.0, 1.0),
            client,
            waiting: Mutex::new(VecDeque::new()),
        }
    }

    /// Begins a span; `None` when the request is not traced.
    pub fn start(&self, headers: &HeaderMap, method: &Method, path: &str) -> Option<Span> {
        self.url.as_ref()?;
        let parent = parent(headers);
        let trace_id = match &parent {
            Some((trace, _, sampled)) => sampled.then(|| trace.clone())?,
            None => {
                let id = format!("{}{}", random_hex(8), random_hex(8));
                let draw = u32::from_str_radix(id.get(..8)?, 16).ok()?;
                (f64::from(draw) / f64::from(u32::MAX) <= self.sample).then_some(id)?
            }
        };
        Some(Span {
            trace_id,
            span_id: random_hex(8),
            parent_id: parent.map(|(_, span, _)| span),
            method: method.clone(),
            route: path.to_owned(),
            started: SystemTime::now(),
        })
    }

    /// Ends a span and queues it.
    pub fn end(&self, span: Span, status: StatusCode) {
        let failed = status.is_server_error();
        let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        let span = json!({
            "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": span.parent_id.unwrap_or_default(),
            "name": format!("{} {}", span.method, span.route), "kind": 2,
            "startTimeUnixNano": nanos(span.started), "endTimeUnixNano": nanos(SystemTime::now()),
            "attributes": [
                text("http.request.method", span.method.as_str()), text("http.route", &span.route),
                {"key": "http.response.status_code", "value": {"intValue": status.as_u16().to_string()}},
            ],
            "status": {"code": if failed { 2 } else { 0 }},
        });
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back(span);
    }

    /// Sends what waits. Called every few seconds and at the end; a failing collector costs spans, never requests.
    pub async fn flush(&self) {
        let Some(url) = &self.url else { return };
        loop {
            let batch: Vec<Value> = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let n = waiting.len().min(BATCH);
                waiting.drain(..n).collect()
            };
            if batch.is_empty() {
                return;
            }
            let resource = json!({"attributes": [
                {"key": "service.name", "value": {"stringValue": "menshen"}},
                {"key": "service.version", "value": {"stringValue": env!("CARGO_PKG_VERSION")}}]});
            let body = json!({"resourceSpans": [{
                "resource": resource, "scopeSpans": [{"scope": {"name": "menshen-gateway"}, "spans": batch}]}]});
            let sent = self.client.post(url).timeout(Duration::from_secs(5)).json(&body).send().await;
            match sent {
                Ok(response) if response.status().is_success() => {}
                Ok(response) => tracing::warn!(status = %response.status(), "the trace collector refused spans"),
                Err(e) => tracing::warn!(error = %e.without_url(), "the trace collector cannot be reached"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_is_continued_and_its_decision_kept() {
        let mut headers = HeaderMap::new();
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        headers.insert("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").parse().unwrap());
        assert_eq!(parent(&headers), Some((trace.to_owned(), "00f067aa0ba902b7".to_owned(), true)));
        headers.insert("traceparent", "00-zz-1-01".parse().unwrap());
        assert_eq!(parent(&headers), None);
    }
}
