//! The detector API of fms-guardrails-orchestrator, its four text endpoints, so that it (and LiteLLM's
//! `ibm_guardrails`, TrustyAI, OpenShift AI) can call us as a detector.
//!
//! `detector_params.threshold` (0..=1, default 0.5) is the least score that is reported. Errors are
//! `{"code", "message"}`. Offsets are characters of the given text, as the reference detectors count.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Conversation, Family, Finding, Role, Side, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, answer, bare, check, conversation_of, enter};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::guard::Ruling;

#[derive(Deserialize, Default)]
struct Params {
    #[serde(default)]
    threshold: Option<f32>,
}

#[derive(Deserialize)]
struct Contents {
    contents: Vec<String>,
    #[serde(default)]
    detector_params: Params,
}

#[derive(Deserialize)]
struct Generation {
    prompt: String,
    generated_text: String,
    #[serde(default)]
    detector_params: Params,
}

#[derive(Deserialize)]
struct ChatBody {
    messages: Value,
    #[serde(default)]
    tools: Value,
    #[serde(default)]
    detector_params: Params,
}

#[derive(Deserialize)]
struct Context {
    content: String,
    context_type: String,
    context: Vec<String>,
    #[serde(default)]
    detector_params: Params,
}

impl Params {
    fn threshold(&self) -> Result<f32, GatewayError> {
        match self.threshold.unwrap_or(0.5) {
            t if (0.0..=1.0).contains(&t) => Ok(t),
            _ => Err(invalid("detector_params.threshold", "'threshold' must be from 0 to 1")),
        }
    }
}

fn detection_type(family: Family) -> &'static str {
    match family {
        Family::Keyword | Family::Grey => "keyword",
        Family::Pii => "pii",
        Family::Secret => "secret",
        Family::Attack => "prompt_attack",
        Family::UnsafeOutput => "unsafe_output",
        Family::Leak => "leak",
        Family::Cue => "cue",
        Family::Model | Family::External => "model",
    }
}

/// Cues and grey words are labels, not detections.
fn reportable(finding: &Finding, threshold: f32) -> bool {
    finding.score >= threshold && !matches!(finding.family, Family::Cue | Family::Grey)
}

/// Detections on the whole: one a label.
fn whole(verdict: &Verdict, threshold: f32) -> Vec<Value> {
    let detection = |what: &str, kind: &str, score: f32| json!({"detection": what, "detection_type": kind, "score": score, "evidence": [], "metadata": {}});
    let labels = &verdict.labels;
    let mut out: Vec<Value> = Vec::new();
    for risk in labels.risks.iter().filter(|r| r.score >= threshold) {
        out.push(detection(risk.id.id(), "risk", risk.score));
    }
    for attack in labels.attacks.iter().filter(|a| a.score >= threshold) {
        out.push(detection(attack.id.id(), "prompt_attack", attack.score));
    }
    let plain = verdict.findings.iter().filter(|f| f.risk.is_none() && f.attack.is_none() && reportable(f, threshold));
    for finding in plain {
        out.push(detection(&finding.label, detection_type(finding.family), finding.score));
    }
    out
}

async fn judged(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    side: Side,
    conversation: Conversation,
) -> Result<Ruling, GatewayError> {
    let (_, ruling) = check(gateway, "fms", caller, side, conversation).await?;
    // A detector that could not look must not answer "nothing found".
    if ruling.disposition.unavailable {
        return Err(GatewayError::new(Failure::GuardUnavailable, "a safety check is unavailable; try again shortly"));
    }
    Ok(ruling)
}

pub(crate) async fn contents(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body: Contents = read_as(&headers, body, &gateway.config.limits).await?;
        let threshold = body.detector_params.threshold()?;
        let mut all = Vec::with_capacity(body.contents.len());
        for text in body.contents {
            let ruling = judged(&gateway, &caller, Side::Input, bare(Role::User, Side::Input, text.clone())).await?;
            let found: Vec<Value> = ruling
                .verdict
                .findings
                .iter()
                .filter(|f| reportable(f, threshold))
                .map(|f| {
                    let (start, end) = f.span.chars(&text);
                    json!({
                        "start": start, "end": end, "text": f.span.of(&text), "detection": f.label,
                        "detection_type": detection_type(f.family), "score": f.score, "evidence": [],
                        "metadata": {"detector": f.detector},
                    })
                })
                .collect();
            all.push(Value::from(found));
        }
        Ok(Value::from(all))
    };
    let result = result.await;
    answer("/api/v1/text/contents", result, &gateway).await
}

pub(crate) async fn generation(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body: Generation = read_as(&headers, body, &gateway.config.limits).await?;
        let threshold = body.detector_params.threshold()?;
        let conversation = conversation_of(&json!([
            {"role": "user", "content": body.prompt}, {"role": "assistant", "content": body.generated_text}]))?;
        let ruling = judged(&gateway, &caller, Side::Output, conversation).await?;
        Ok(Value::from(whole(&ruling.verdict, threshold)))
    };
    let result = result.await;
    answer("/api/v1/text/generation", result, &gateway).await
}

pub(crate) async fn chat(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body: ChatBody = read_as(&headers, body, &gateway.config.limits).await?;
        let threshold = body.detector_params.threshold()?;
        let request = json!({"model": "none", "messages": body.messages, "tools": body.tools});
        let conversation = crate::family::Family::read_request(&crate::family::chat::Chat, &request)?.conversation;
        let ruling = judged(&gateway, &caller, Side::Input, conversation).await?;
        Ok(Value::from(whole(&ruling.verdict, threshold)))
    };
    let result = result.await;
    answer("/api/v1/text/chat", result, &gateway).await
}

pub(crate) async fn context(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body: Context = read_as(&headers, body, &gateway.config.limits).await?;
        let threshold = body.detector_params.threshold()?;
        // The published document says url|chunks|document; the orchestrator sends docs|url.
        if !matches!(body.context_type.as_str(), "docs" | "document" | "chunks" | "url") {
            return Err(invalid("context_type", "'context_type' must be docs, document, chunks or url"));
        }
        let mut messages = vec![json!({"role": "assistant", "content": body.content})];
        if body.context_type != "url" {
            messages.extend(body.context.into_iter().map(|c| json!({"role": "tool", "content": c})));
        }
        let conversation = conversation_of(&Value::from(messages))?;
        let ruling = judged(&gateway, &caller, Side::Output, conversation).await?;
        Ok(Value::from(whole(&ruling.verdict, threshold)))
    };
    let result = result.await;
    answer("/api/v1/text/context/doc", result, &gateway).await
}
