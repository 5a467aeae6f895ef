//! Channels to people outside, and the messages that went by them.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use menshen_store::Message;
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{by, now_us, stored};
use super::session::written;
use super::{App, answer};
use crate::auth::Caller;
use crate::error::{Failure, GatewayError};
use crate::exchange::read_as;

const PATH: &str = "/admin/notifications";

fn shown(m: &Message) -> Value {
    json!({
        "id": m.id, "tenant": m.tenant, "topic": m.topic, "channel": m.channel, "title": m.title, "state": m.state,
        "attempts": m.attempts, "created": written(m.created_us), "tried": m.tried_us.and_then(written),
        "next": written(m.next_us), "problem": m.problem, "by": m.by,
    })
}

pub(crate) async fn list(State(gateway): App) -> Response {
    let result = async {
        let messages = stored(gateway.store.messages(100).await)?;
        let messages: Vec<Value> = messages.iter().map(shown).collect();
        Ok(json!({"channels": gateway.notifier.shown(), "messages": messages}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    channel: String,
}

pub(crate) async fn test(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Test = read_as(&headers, body, &gateway.config.limits).await?;
        if !gateway.notifier.knows(&asked.channel) {
            return Err(GatewayError::new(Failure::NotFound, "there is no channel of this name in menshen.toml"));
        }
        let now = now_us();
        let id = format!("msg_{}", uuid::Uuid::now_v7().simple());
        let sent = gateway.notifier.test(&asked.channel, &id, now).await;
        let problem = sent.err().map(|e| e.to_string());
        let detail = json!({"channel": asked.channel, "sent": problem.is_none(), "problem": problem});
        stored(gateway.store.record_channel_test(detail.clone(), by(&caller), now).await)?;
        Ok(detail)
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retry {
    message: String,
}

pub(crate) async fn retry(
    State(gateway): App,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let result = async {
        let asked: Retry = read_as(&headers, body, &gateway.config.limits).await?;
        stored(gateway.store.retry_message(&asked.message, by(&caller), now_us()).await)?;
        gateway.notifier.wake();
        Ok(json!({"retried": asked.message}))
    };
    let result = result.await;
    answer(PATH, result, &gateway).await
}
