//! What somebody needs who sets the gateway up or tries it out: which scenes and applications there are to choose from,
//! which models stand behind it, and whether these answer.
//!
//! Upstreams are configuration: a page shows them and tries them, it does not change them.

use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{App, answer};
use crate::auth::{Caller, PLAIN, Permission};
use crate::error::{Failure, GatewayError};

const UPSTREAMS: &str = "/console/api/upstreams";
/// So many models of an upstream are listed.
const MOST_MODELS: usize = 50;

/// A URL without the name and the password that it may hold.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // A key may stand in the query, too.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

pub(crate) async fn choices(State(gateway): App, Extension(caller): Extension<Caller>) -> Response {
    let snapshot = gateway.guard.snapshot();
    let mut scenes: Vec<Value> = Vec::new();
    // Several packs may write one scene: it has one name.
    for scene in snapshot.packs.scenes() {
        if !scenes.iter().any(|known| known["id"] == scene.id.as_str()) {
            let (zh, en) = (scene.title.zh.as_deref(), scene.title.en.as_deref());
            let id = scene.id.as_str();
            scenes.push(json!({"id": id, "zh": zh.or(en).unwrap_or(id), "en": en.or(zh).unwrap_or(id)}));
        }
    }
    let plain = gateway.config.console.plain_answers && caller.may(Permission::Plain);
    let own = plain.then(|| json!({"id": PLAIN, "monitor": true, "scene": null}));
    let apps =
        gateway.config.apps.iter().map(
            |(id, app)| json!({"id": id, "monitor": app.monitor || gateway.config.guard.monitor, "scene": app.scene}),
        );
    let apps: Vec<Value> = own.into_iter().chain(apps).collect();
    let told = json!({"scenes": scenes, "scene": gateway.config.guard.scene, "apps": apps});
    answer("/console/api/choices", Ok(told), &gateway).await
}

pub(crate) async fn upstreams(State(gateway): App) -> Response {
    let list: Vec<Value> = gateway
        .config
        .upstream
        .iter()
        .map(|u| {
            json!({
                "url": without_credentials(&u.url), "models": u.models, "model": u.model,
                "key": u.key.is_some() || u.key_env.is_some(), "key_env": u.key_env,
            })
        })
        .collect();
    answer(UPSTREAMS, Ok(json!({"upstreams": list})), &gateway).await
}

/// Asks every upstream for its models, as `GET /v1/models` does.
pub(crate) async fn try_upstreams(State(gateway): App) -> Response {
    let result = async {
        if !gateway.upstreams.any() {
            return Err(GatewayError::new(
                Failure::NoUpstream,
                "no model is configured behind this gateway; set MENSHEN_UPSTREAM to an OpenAI-compatible base URL",
            ));
        }
        let started = Instant::now();
        let answers = gateway.upstreams.get("models", &HeaderMap::new()).await;
        let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let tried: Vec<Value> = gateway
            .config
            .upstream
            .iter()
            .zip(answers)
            .map(|(upstream, answer)| {
                let url = without_credentials(&upstream.url);
                match answer {
                    Ok(list) => {
                        let models = list.get("data").and_then(Value::as_array).into_iter().flatten();
                        let ids: Vec<&str> = models.filter_map(|m| m.get("id").and_then(Value::as_str)).collect();
                        let shown = &ids[..ids.len().min(MOST_MODELS)];
                        json!({"url": url, "reached": true, "answered": true, "models": shown, "of": ids.len(), "problem": null})
                    }
                    Err(error) => {
                        // Of what went wrong only the status: the rest may hold the address with its secrets.
                        let status = error.detail.as_deref().and_then(|d| d.split(' ').next()?.parse::<u16>().ok());
                        let problem = match status {
                            Some(status) => format!("{} ({status})", error.message),
                            None => error.message.clone().into_owned(),
                        };
                        // Some servers have a model and no list of models.
                        let answered = matches!(status, Some(404 | 405 | 501));
                        json!({"url": url, "reached": false, "answered": answered, "models": [], "of": 0, "problem": problem})
                    }
                }
            })
            .collect();
        Ok(json!({"upstreams": tried, "took_ms": took_ms}))
    };
    let result = result.await;
    answer(UPSTREAMS, result, &gateway).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_the_secrets_in_them() {
        for (url, shown) in [
            ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
            ("https://me:secret@models.example/v1", "https://models.example/v1"),
            ("https://me:s@cret@models.example/v1", "https://models.example/v1"),
            ("https://models.example/v1?key=secret", "https://models.example/v1"),
            ("https://models.example/a@b", "https://models.example/a@b"),
            ("https://u:p@models.example?key=x", "https://models.example"),
            ("no url", "no url"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
