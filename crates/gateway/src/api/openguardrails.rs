//! OpenGuardrails' check API: `POST /v1/guardrails`, `/v1/guardrails/input` and `/v1/guardrails/output`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Action, Conversation, Family, Role, Side};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, answer, bare, check_with_answers as judge, conversation_of, enter};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::gateway::Gateway;
use crate::guard::redact_body;

#[derive(Deserialize)]
struct Messages {
    messages: Value,
    #[serde(default)]
    xxai_app_user_id: Option<String>,
}

#[derive(Deserialize)]
struct Input {
    input: String,
    #[serde(default)]
    xxai_app_user_id: Option<String>,
}

#[derive(Deserialize)]
struct Output {
    input: String,
    output: String,
    #[serde(default)]
    xxai_app_user_id: Option<String>,
}

const fn risk_level(score: f32) -> &'static str {
    if score >= 0.8 {
        "high_risk"
    } else if score >= 0.5 {
        "medium_risk"
    } else if score >= 0.3 {
        "low_risk"
    } else {
        "no_risk"
    }
}

async fn result(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    side: Side,
    conversation: Conversation,
) -> Result<Value, GatewayError> {
    let question = conversation.last_user_text().unwrap_or_default();
    let (conversation, ruling) = judge(gateway, "openguardrails", caller, side, conversation).await?;
    let disposition = &ruling.disposition;
    if disposition.unavailable {
        return Err(GatewayError::new(Failure::GuardUnavailable, "a safety check is unavailable; try again shortly"));
    }
    let known = disposition.answer.as_ref();
    let labels = &ruling.verdict.labels;
    let data: Vec<_> =
        ruling.verdict.findings.iter().filter(|f| matches!(f.family, Family::Pii | Family::Secret)).collect();
    let data_score = data.iter().map(|f| f.score).fold(0.0, f32::max);
    let overall = labels.risk_score.max(labels.attack_score).max(data_score);
    let (suggest, text) = match (known, disposition.action) {
        (Some(answer), _) => ("replace", Some(answer.text.clone())),
        (None, Action::Pass | Action::Guide) if disposition.redactions.is_empty() => ("pass", None),
        (None, Action::Pass | Action::Guide | Action::Redact) => {
            let last = conversation.segments.iter().rposition(|s| matches!(s.role, Role::User | Role::Assistant));
            let mut body = json!({"text": null});
            let redacted = last.map(|i| {
                let mut one = Conversation::clone(&conversation);
                one.segments.iter_mut().for_each(|s| s.path = "/text".to_owned());
                let here: Vec<_> = disposition.redactions.iter().filter(|r| r.segment == i).cloned().collect();
                redact_body(&mut body, &one, &here);
                body["text"].as_str().map(str::to_owned)
            });
            ("replace", redacted.flatten())
        }
        (None, _) => ("reject", disposition.reply.clone()),
    };
    let score = if overall > 0.0 { Value::from(overall) } else { Value::Null };
    Ok(json!({
        "id": format!("guardrails-{}", uuid::Uuid::now_v7().simple()),
        "result": {
            "compliance": {
                "risk_level": risk_level(labels.risk_score),
                "categories": labels.risks.iter().filter(|r| r.score >= 0.3).map(|r| r.id.zh()).collect::<Vec<_>>(),
                "score": labels.risk_score,
            },
            "security": {
                "risk_level": risk_level(labels.attack_score),
                "categories": labels.attacks.iter().filter(|a| a.score >= 0.3).map(|a| a.id.zh()).collect::<Vec<_>>(),
                "score": labels.attack_score,
            },
            "data": {
                "risk_level": risk_level(data_score),
                "categories": data.iter().map(|f| f.label.clone()).collect::<Vec<_>>(),
                "entities": data.iter().map(|f| json!({"type": f.label, "start": f.span.start, "end": f.span.end})).collect::<Vec<_>>(),
            },
        },
        "overall_risk_level": risk_level(overall),
        "suggest_action": suggest,
        "suggest_answer": text,
        "score": score,
        "matched_knowledge_base": known.map(|a| json!({
            "questionid": format!("{}@{}", a.id, a.version), "question": question, "answer": a.text,
            "similarity": a.similarity})),
    }))
}

fn with_user(mut caller: Caller, user: Option<String>) -> Caller {
    caller.subject.user = caller.subject.user.or(user);
    caller
}

pub(crate) async fn check(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = enter(&gateway, &headers)?;
        let body: Messages = read_as(&headers, body, &gateway.config.limits).await?;
        let last = body
            .messages
            .as_array()
            .and_then(|m| m.last())
            .ok_or_else(|| invalid("messages", "'messages' must not be empty"))?;
        let side =
            if last.get("role").and_then(Value::as_str) == Some("assistant") { Side::Output } else { Side::Input };
        let conversation = conversation_of(&body.messages)?;
        result(&gateway, &with_user(caller, body.xxai_app_user_id), side, conversation).await
    };
    let outcome = outcome.await;
    answer("/v1/guardrails", outcome, &gateway).await
}

pub(crate) async fn check_input(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = enter(&gateway, &headers)?;
        let body: Input = read_as(&headers, body, &gateway.config.limits).await?;
        let conversation = bare(Role::User, Side::Input, body.input);
        result(&gateway, &with_user(caller, body.xxai_app_user_id), Side::Input, conversation).await
    };
    let outcome = outcome.await;
    answer("/v1/guardrails/input", outcome, &gateway).await
}

pub(crate) async fn check_output(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let outcome = async {
        let caller = enter(&gateway, &headers)?;
        let body: Output = read_as(&headers, body, &gateway.config.limits).await?;
        let conversation = conversation_of(&json!([
            {"role": "user", "content": body.input}, {"role": "assistant", "content": body.output}]))?;
        result(&gateway, &with_user(caller, body.xxai_app_user_id), Side::Output, conversation).await
    };
    let outcome = outcome.await;
    answer("/v1/guardrails/output", outcome, &gateway).await
}
