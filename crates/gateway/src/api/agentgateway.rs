//! agentgateway's guardrail webhook: `POST /request` and `POST /response`.
//!
//! The action is `{"reason"}` to pass, `{"body", "reason"}` to mask, `{"body", "status_code", "reason"}` to reject.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Conversation, Side};
use serde_json::{Value, json};

use super::{App, answer, check, conversation_of, enter};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_json;
use crate::family::Family;
use crate::family::chat::Chat;
use crate::guard::{Ruling, redact_body};

fn action(mut masked: Value, conversation: &Conversation, ruling: &Ruling) -> Result<Value, GatewayError> {
    let disposition = &ruling.disposition;
    if disposition.unavailable {
        return Err(GatewayError::new(Failure::GuardUnavailable, "a safety check is unavailable; try again shortly"));
    }
    if !disposition.action.forwards() {
        let text =
            disposition.reply.clone().unwrap_or_else(|| "This content is against the content policy.".to_owned());
        return Ok(json!({"action": {"body": text, "status_code": 403, "reason": "content policy"}}));
    }
    if redact_body(&mut masked, conversation, &disposition.redactions) {
        return Ok(json!({"action": {"body": masked, "reason": "redacted"}}));
    }
    Ok(json!({"action": {"reason": "passed"}}))
}

pub(crate) async fn request(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body = read_json(&headers, body, &gateway.config.limits).await?;
        let inner = body.get("body").cloned().ok_or_else(|| invalid("body", "'body' is required"))?;
        let conversation = conversation_of(inner.get("messages").unwrap_or(&Value::Null))?;
        let (conversation, ruling) = check(&gateway, "agentgateway", &caller, Side::Input, conversation).await?;
        action(inner, &conversation, &ruling)
    };
    let result = result.await;
    answer("/request", result, &gateway).await
}

pub(crate) async fn response(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body = read_json(&headers, body, &gateway.config.limits).await?;
        let inner = body.get("body").cloned().ok_or_else(|| invalid("body", "'body' is required"))?;
        let conversation = Chat.read_answer(&inner).map_err(|e| invalid("body.choices", e.message))?;
        let (conversation, ruling) = check(&gateway, "agentgateway", &caller, Side::Output, conversation).await?;
        action(inner, &conversation, &ruling)
    };
    let result = result.await;
    answer("/response", result, &gateway).await
}
