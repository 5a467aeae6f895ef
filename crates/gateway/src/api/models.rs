//! `GET /v1/models`: the models of every upstream.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{App, answer, enter_reading};
use crate::error::{Failure, GatewayError};

pub(crate) async fn list(State(gateway): App, headers: HeaderMap) -> Response {
    let result = async {
        enter_reading(&gateway, &headers)?;
        if !gateway.upstreams.any() {
            return Err(GatewayError::new(
                Failure::NoUpstream,
                "no model is configured behind this gateway; set MENSHEN_UPSTREAM to an OpenAI-compatible base URL",
            ));
        }
        let mut models: Vec<Value> = Vec::new();
        let mut last = None;
        let mut any = false;
        for answer in gateway.upstreams.get("models", &gateway.door.without_our_keys(&headers)).await {
            match answer {
                Ok(list) => {
                    any = true;
                    for model in list.get("data").and_then(Value::as_array).into_iter().flatten() {
                        if !models.iter().any(|m| m.get("id") == model.get("id")) {
                            models.push(model.clone());
                        }
                    }
                }
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) if !any => Err(error),
            _ => Ok(json!({"object": "list", "data": models})),
        }
    };
    let result = result.await;
    answer("/v1/models", result, &gateway).await
}
