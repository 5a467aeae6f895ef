//! Health, readiness, metrics, and a first page.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::{App, json_response};

pub(crate) async fn live() -> Response {
    json_response(&json!({"status": "ok"}))
}

pub(crate) async fn ready(State(gateway): App) -> Response {
    let snapshot = gateway.guard.snapshot();
    let failing = gateway.store.health().failing;
    let checks = json!({
        "store": if failing.is_none() { "ok" } else { "failing; see the log" },
        "packs": if snapshot.errors == 0 { "ok" } else { "have errors; see GET /admin/packs" },
        "upstream": if gateway.upstreams.any() { "configured" } else { "none; set MENSHEN_UPSTREAM" },
        "draining": gateway.draining(),
    });
    // Without an upstream the checking APIs are served all the same, so that does not make us unready.
    let ready = failing.is_none() && !gateway.draining();
    let mut response = json_response(&json!({"status": if ready { "ready" } else { "unavailable" }, "checks": checks}));
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn text(body: String, kind: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(crate) async fn metrics(State(gateway): App) -> Response {
    text(gateway.metrics.text(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
}

pub(crate) async fn welcome(State(gateway): App) -> Response {
    let upstream = if gateway.upstreams.any() {
        "A model is configured. Point your client's base URL at /v1 here."
    } else {
        "No model is configured yet. Set MENSHEN_UPSTREAM=http://host/v1 (or menshen.toml) and restart."
    };
    text(
        format!(
            "Menshen 门神 {}\n\n{upstream}\n\nCheck a text:\n  curl -s localhost:{}/v1/guard -H 'content-type: \
             application/json' -d '{{\"text\":\"我的手机号是13800138000\"}}'\n\nPaths: /openapi.json   Health: /readyz   \
             Metrics: /metrics\n",
            env!("CARGO_PKG_VERSION"),
            gateway.config.listen.port(),
        ),
        "text/plain; charset=utf-8",
    )
}
