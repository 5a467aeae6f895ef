//! LiteLLM's generic guardrail API: `POST /beta/litellm_basic_guardrail_api`.
//!
//! `action` is `NONE`, `BLOCKED` (with a reason that never names what matched) or `GUARDRAIL_INTERVENED` (with the texts
//! as they may go on).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Attachment, Conversation, Kind, Media, Role, Segment, Side};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, answer, check as judge, enter};
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_as;
use crate::guard::redact_body;

#[derive(Deserialize)]
struct Request {
    input_type: String,
    #[serde(default)]
    texts: Option<Vec<String>>,
    #[serde(default)]
    images: Option<Vec<Value>>,
    #[serde(default)]
    tools: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Value>,
    #[serde(default)]
    request_data: Value,
}

pub(crate) async fn check(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let mut caller = enter(&gateway, &headers)?;
        let body: Request = read_as(&headers, body, &gateway.config.limits).await?;
        let (side, role) = match body.input_type.as_str() {
            "request" => (Side::Input, Role::User),
            "response" => (Side::Output, Role::Assistant),
            _ => return Err(invalid("input_type", "'input_type' must be request or response")),
        };
        if caller.subject.user.is_none() {
            caller.subject.user = ["end_user_id", "user_id"]
                .iter()
                .find_map(|n| body.request_data.get(*n).and_then(Value::as_str))
                .filter(|u| !u.is_empty())
                .map(str::to_owned);
        }
        let texts = body.texts.unwrap_or_default();
        let mut conversation = Conversation::default();
        for (i, text) in texts.iter().enumerate() {
            let path = format!("/texts/{i}");
            conversation.segments.push(Segment { path, message: 0, role, side, kind: Kind::Text, text: text.clone() });
        }
        let mut strings = Vec::new();
        for (name, value) in [("tools", &body.tools), ("tool_calls", &body.tool_calls)] {
            if let Some(value) = value {
                leaves(&format!("/{name}"), value, &mut strings);
            }
        }
        for (path, text) in strings {
            let call = path.starts_with("/tool_calls");
            let (role, side, kind) = if call {
                (Role::Assistant, Side::Output, Kind::ToolCall)
            } else {
                (Role::System, Side::Input, Kind::ToolDeclaration)
            };
            conversation.segments.push(Segment { path, message: 0, role, side, kind, text });
        }
        for (i, image) in body.images.iter().flatten().enumerate() {
            let source = image.as_str().map(str::to_owned);
            conversation.attachments.push(Attachment {
                path: format!("/images/{i}"),
                role,
                media: Media::Image,
                source,
            });
        }
        let (conversation, ruling) = judge(&gateway, "litellm", &caller, side, conversation).await?;
        let disposition = &ruling.disposition;
        if disposition.unavailable {
            return Err(GatewayError::new(
                Failure::GuardUnavailable,
                "a safety check is unavailable; try again shortly",
            ));
        }
        if !disposition.action.forwards() {
            let reason =
                disposition.reply.clone().unwrap_or_else(|| "This content is against the content policy.".to_owned());
            return Ok(json!({"action": "BLOCKED", "blocked_reason": reason}));
        }
        let mut out = json!({"texts": texts});
        if redact_body(&mut out, &conversation, &disposition.redactions) {
            return Ok(json!({"action": "GUARDRAIL_INTERVENED", "texts": out["texts"]}));
        }
        Ok(json!({"action": "NONE"}))
    };
    let result = result.await;
    answer("/beta/litellm_basic_guardrail_api", result, &gateway).await
}

fn leaves(path: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if !text.is_empty() => out.push((path.to_owned(), text.clone())),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| leaves(&format!("{path}/{i}"), v, out)),
        Value::Object(members) => members
            .iter()
            .filter(|(k, _)| !matches!(k.as_str(), "id" | "type" | "index"))
            .for_each(|(k, v)| leaves(&format!("{path}/{}", crate::family::escape(k)), v, out)),
        _ => {}
    }
}
