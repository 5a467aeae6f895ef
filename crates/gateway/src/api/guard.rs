//! `POST /v1/guard`: the full verdict and disposition, in the same shape as `menshen check`.
//!
//! Takes `{"text", "id"?, "role"?, "side"?}` for one text, `{"messages", "id"?, "side"?}` for a conversation, or
//! `{"items": [ … ]}` for several of these, answered as `{"items": [ … ]}`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_verdict::{Conversation, Report, Role, Side};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, answer, bare, conversation_of, enter, report};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError, invalid};
use crate::exchange::read_json;
use crate::gateway::Gateway;

/// Items in one call.
const MAX_ITEMS: usize = 1_000;

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    messages: Option<Value>,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    side: Option<Side>,
}

fn read(item: Value) -> Result<Read, GatewayError> {
    let item: Item =
        serde_json::from_value(item).map_err(|e| invalid("", format!("an item has the wrong shape: {e}")))?;
    let id = item.id.and_then(|id| match id {
        Value::Null => None,
        Value::String(id) => Some(id),
        other => Some(other.to_string()),
    });
    match (item.text, item.messages) {
        (Some(text), None) => {
            let side = item.side.or(item.role.map(Role::side)).unwrap_or(Side::Input);
            let role = item.role.unwrap_or(match side {
                Side::Input => Role::User,
                Side::Output => Role::Assistant,
                Side::Tool => Role::Tool,
            });
            Ok((id, side, bare(role, side, text)))
        }
        (None, Some(messages)) => Ok((id, item.side.unwrap_or(Side::Input), conversation_of(&messages)?)),
        _ => Err(GatewayError::new(Failure::InvalidRequest, "give either 'text' or 'messages'").param("text")),
    }
}

type Read = (Option<String>, Side, Conversation);

async fn one(gateway: &Arc<Gateway>, caller: &Caller, item: Read) -> Result<Report, GatewayError> {
    let (id, side, conversation) = item;
    report(gateway, caller, side, id, conversation).await
}

pub(crate) async fn check(State(gateway): App, headers: HeaderMap, body: Body) -> Response {
    let result = async {
        let caller = enter(&gateway, &headers)?;
        let body = read_json(&headers, body, &gateway.config.limits).await?;
        match body.get("items") {
            None => serde_json::to_value(one(&gateway, &caller, read(body)?).await?),
            Some(Value::Array(items)) if items.len() <= MAX_ITEMS => {
                // All are read before the first is judged: a bad one leaves no half of the work done and recorded.
                let items = items.iter().cloned().map(read).collect::<Result<Vec<_>, _>>()?;
                let mut reports = Vec::with_capacity(items.len());
                for item in items {
                    reports.push(one(&gateway, &caller, item).await?);
                }
                Ok(json!({"items": reports}))
            }
            Some(_) => return Err(invalid("items", format!("'items' must be an array of at most {MAX_ITEMS}"))),
        }
        .map_err(|e| GatewayError::new(Failure::Internal, "the report cannot be written").detail(e))
    };
    let result = result.await;
    answer("/v1/guard", result, &gateway).await
}
