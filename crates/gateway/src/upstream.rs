//! Models behind us: choosing one, failing over, and reading what it sends within limits.
//!
//! A request moves on to the next upstream only while no byte of an answer has been read, so a retry never repeats
//! what a client has seen. An upstream that fails is left out for a short while.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::config::{Config, Limits, Upstream};
use crate::error::{Failure, GatewayError};
use crate::family::{Family, Request, translate};

/// Headers of the client that mean something to an upstream.
const FORWARDED: &[&str] = &[
    "openai-organization",
    "openai-project",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
    "traceparent",
    "tracestate",
];

/// How long a failing upstream is left out while another one can serve.
const COOL_DOWN_MS: i64 = 5_000;

/// The configured upstreams and the client that reaches them.
pub struct Upstreams {
    client: reqwest::Client,
    states: Vec<State>,
    limits: Limits,
    /// Whether a caller's own credentials may travel on: only when we do not hold keys of our own.
    forward_credentials: bool,
}

struct State {
    config: Upstream,
    key: Option<HeaderValue>,
    cooling_until_ms: AtomicI64,
    /// API families found not to be spoken, as bits.
    silent: AtomicU8,
}

/// An upstream's answer whose body has not been read.
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its content type, lower-case.
    pub content_type: String,
    /// `Retry-After` of the upstream, in seconds.
    pub retry_after_s: Option<u64>,
    /// Whether the request was sent as a chat completion in place of the client's API.
    pub translated: bool,
    /// Which upstream answered, for the record: its place in the configuration.
    pub upstream: usize,
    /// How many upstreams were tried.
    pub attempts: u32,
    response: reqwest::Response,
}

fn api_bit(api: &str) -> u8 {
    match api {
        "responses" => 1,
        "messages" => 2,
        "embeddings" => 4,
        _ => 0,
    }
}

/// Milliseconds since this program began to look. Not the time of day: a clock that is set back must leave no upstream out
/// for longer.
fn now_ms() -> i64 {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
}

impl Upstreams {
    /// Prepares the upstreams of a configuration.
    ///
    /// # Errors
    /// When a URL is not one, or a key's environment variable is missing: the message says which.
    pub fn new(config: &Config, forward_credentials: bool) -> Result<Self, GatewayError> {
        let broken = |what: String| GatewayError::new(Failure::Internal, what);
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_millis(config.limits.connect_ms))
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(60))
            .no_proxy()
            .build()
            .map_err(|e| broken(format!("cannot set up the HTTP client: {e}")))?;
        let mut states = Vec::new();
        for upstream in &config.upstream {
            let url = reqwest::Url::parse(&upstream.url)
                .map_err(|e| broken(format!("upstream url {:?} is not a URL: {e}", upstream.url)))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(broken(format!("upstream url {:?} must begin with http:// or https://", upstream.url)));
            }
            let key = match (&upstream.key, &upstream.key_env) {
                (Some(key), _) => Some(key.clone()),
                (None, Some(name)) => Some(std::env::var(name).map_err(|_| {
                    broken(format!("environment variable {name} (key_env of upstream {}) is not set", upstream.url))
                })?),
                (None, None) => None,
            };
            let key = key
                .map(|k| {
                    let mut value = HeaderValue::from_str(&format!("Bearer {k}")).map_err(|_| {
                        broken(format!("the key of upstream {} has unprintable characters", upstream.url))
                    })?;
                    value.set_sensitive(true);
                    Ok(value)
                })
                .transpose()?;
            states.push(State {
                config: upstream.clone(),
                key,
                cooling_until_ms: AtomicI64::new(0),
                silent: AtomicU8::new(0),
            });
        }
        Ok(Upstreams { client, states, limits: config.limits.clone(), forward_credentials })
    }

    /// The HTTP client, for judges and detectors that the operator configured.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Whether any upstream is configured.
    pub fn any(&self) -> bool {
        !self.states.is_empty()
    }

    fn candidates(&self, model: &str) -> Vec<usize> {
        let serves = |s: &State| {
            s.config.models.is_empty() || model.is_empty() || s.config.models.iter().any(|m| m.matches(model))
        };
        let mut fit: Vec<usize> = self.states.iter().enumerate().filter(|(_, s)| serves(s)).map(|(i, _)| i).collect();
        let now = now_ms();
        let cooling = |i: &usize| self.states.get(*i).is_some_and(|s| s.cooling_until_ms.load(Ordering::Relaxed) > now);
        // Those that failed a moment ago come last; they are still better than none.
        fit.sort_by_key(cooling);
        fit
    }

    /// Sends a request to the first upstream that answers.
    ///
    /// # Errors
    /// When no upstream is configured, serves the model, or can be reached in time.
    pub async fn send(
        &self,
        family: &dyn Family,
        request: &Request,
        body: &Value,
        headers: &HeaderMap,
    ) -> Result<Reply, GatewayError> {
        if self.states.is_empty() {
            return Err(GatewayError::new(
                Failure::NoUpstream,
                "no model is configured behind this gateway; set MENSHEN_UPSTREAM to an OpenAI-compatible base URL \
                 (for example http://127.0.0.1:8000/v1) or add [[upstream]] to menshen.toml, then restart",
            ));
        }
        let candidates = self.candidates(&request.model);
        if candidates.is_empty() {
            return Err(GatewayError::new(Failure::NotFound, "no upstream serves this model").param("model"));
        }
        let mut last = None;
        let mut attempts = 0;
        for (nth, index) in candidates.iter().enumerate() {
            let Some(state) = self.states.get(*index) else { continue };
            attempts += 1;
            let more = nth + 1 < candidates.len();
            match self.attempt(state, family, request, body, headers).await {
                Ok((response, translated)) => {
                    let status = response.status();
                    if more && matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504) {
                        state.cooling_until_ms.store(now_ms() + COOL_DOWN_MS, Ordering::Relaxed);
                        last = Some(
                            GatewayError::new(Failure::UpstreamError, "the model answered with an error")
                                .detail(format!("upstream {index} answered {status}")),
                        );
                        continue;
                    }
                    return self.reply(response, translated, *index, attempts);
                }
                Err(error) => {
                    state.cooling_until_ms.store(now_ms() + COOL_DOWN_MS, Ordering::Relaxed);
                    tracing::warn!(
                        upstream = index,
                        code = error.failure.code(),
                        detail = error.detail,
                        "upstream failed"
                    );
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| GatewayError::new(Failure::UpstreamUnreachable, "no model could be reached")))
    }

    fn reply(
        &self,
        response: reqwest::Response,
        translated: bool,
        upstream: usize,
        attempts: u32,
    ) -> Result<Reply, GatewayError> {
        let text = |name: header::HeaderName| {
            response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
        };
        let encoding = text(header::CONTENT_ENCODING);
        if !matches!(encoding.as_str(), "" | "identity") {
            return Err(GatewayError::new(
                Failure::UpstreamInvalid,
                "the model sent a compressed answer, which was not asked for and is not read",
            )
            .detail(format!("content-encoding: {encoding}")));
        }
        Ok(Reply {
            status: response.status(),
            content_type: text(header::CONTENT_TYPE),
            retry_after_s: text(header::RETRY_AFTER).parse().ok(),
            translated,
            upstream,
            attempts,
            response,
        })
    }

    async fn attempt(
        &self,
        state: &State,
        family: &dyn Family,
        request: &Request,
        body: &Value,
        headers: &HeaderMap,
    ) -> Result<(reqwest::Response, bool), GatewayError> {
        let bit = api_bit(family.api());
        let can_translate = translate::possible(family.api());
        let native = match &state.config.speaks {
            Some(apis) => apis.iter().any(|a| a == family.api()),
            None => state.silent.load(Ordering::Relaxed) & bit == 0 || !can_translate,
        };
        if native {
            // What was inspected is written anew rather than passed on as bytes: a body with a member twice could mean
            // one thing to our parser and another to the model's.
            let bytes = encode(body, state.config.model.as_deref());
            let response = self.post(state, family.upstream_path(), bytes, headers).await?;
            let unknown = matches!(response.status().as_u16(), 404 | 405 | 501);
            if !(unknown && can_translate && state.config.speaks.is_none()) {
                return Ok((response, false));
            }
            // A 404 may also mean an unknown model: only a chat completion that goes through proves that it was the
            // API that is not spoken.
            let chat = self.translated(state, family, request, body, headers).await?;
            if !chat.status().is_success() {
                return Ok((response, false));
            }
            state.silent.fetch_or(bit, Ordering::Relaxed);
            return Ok((chat, true));
        }
        if !can_translate {
            return Err(GatewayError::new(
                Failure::UpstreamUnreachable,
                "the model behind this gateway does not offer this API",
            ));
        }
        Ok((self.translated(state, family, request, body, headers).await?, true))
    }

    async fn translated(
        &self,
        state: &State,
        family: &dyn Family,
        request: &Request,
        body: &Value,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, GatewayError> {
        let chat = translate::request(family.api(), body, request.stream)?;
        self.post(state, "chat/completions", encode(&chat, state.config.model.as_deref()), headers).await
    }

    fn url(state: &State, path: &str) -> String {
        format!("{}/{path}", state.config.url.trim_end_matches('/'))
    }

    fn credentials(&self, state: &State, headers: &HeaderMap, out: &mut HeaderMap) {
        match &state.key {
            Some(key) => {
                out.insert(header::AUTHORIZATION, key.clone());
                let bare = key.to_str().ok().and_then(|k| k.strip_prefix("Bearer "));
                if let Some(mut bare) = bare.and_then(|k| HeaderValue::from_str(k).ok()) {
                    bare.set_sensitive(true);
                    out.insert(HeaderName::from_static("x-api-key"), bare);
                }
            }
            None if self.forward_credentials => {
                for name in [header::AUTHORIZATION, HeaderName::from_static("x-api-key")] {
                    if let Some(value) = headers.get(&name) {
                        out.insert(name, value.clone());
                    }
                }
            }
            None => {}
        }
    }

    async fn post(
        &self,
        state: &State,
        path: &str,
        body: Bytes,
        headers: &HeaderMap,
    ) -> Result<reqwest::Response, GatewayError> {
        let mut out = HeaderMap::new();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        out.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for name in FORWARDED {
            if let Some(value) = headers.get(*name) {
                out.insert(HeaderName::from_static(name), value.clone());
            }
        }
        self.credentials(state, headers, &mut out);
        let sent = self.client.post(Self::url(state, path)).headers(out).body(body).send();
        self.first_byte(sent).await
    }

    async fn first_byte(
        &self,
        sent: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    ) -> Result<reqwest::Response, GatewayError> {
        match tokio::time::timeout(Duration::from_millis(self.limits.first_byte_ms), sent).await {
            Err(_) => Err(GatewayError::new(Failure::UpstreamTimeout, "the model did not answer in time")),
            Ok(Err(e)) if e.is_timeout() => {
                Err(GatewayError::new(Failure::UpstreamTimeout, "the model did not answer in time")
                    .detail(e.without_url()))
            }
            Ok(Err(e)) => Err(GatewayError::new(Failure::UpstreamUnreachable, "the model could not be reached")
                .detail(chain(&e.without_url()))),
            Ok(Ok(response)) => Ok(response),
        }
    }

    /// Fetches a path with `GET` from every upstream in turn, such as the list of models.
    ///
    /// # Errors
    /// When an upstream cannot be reached or does not answer with JSON.
    pub async fn get(&self, path: &str, headers: &HeaderMap) -> Vec<Result<Value, GatewayError>> {
        let mut answers = Vec::new();
        for (index, state) in self.states.iter().enumerate() {
            let mut out = HeaderMap::new();
            out.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            self.credentials(state, headers, &mut out);
            let sent = self.client.get(Self::url(state, path)).headers(out).send();
            let answer = match self.first_byte(sent).await.and_then(|r| self.reply(r, false, index, 1)) {
                Err(error) => Err(error),
                Ok(reply) if !reply.status.is_success() => {
                    Err(GatewayError::new(Failure::UpstreamError, "the model answered with an error")
                        .detail(reply.status))
                }
                Ok(reply) => reply.json(&self.limits).await.map(|(_, json)| json),
            };
            answers.push(answer);
        }
        answers
    }
}

fn encode(body: &Value, model: Option<&str>) -> Bytes {
    match model {
        None => Bytes::from(body.to_string()),
        Some(model) => {
            let mut body = body.clone();
            body["model"] = Value::from(model);
            Bytes::from(body.to_string())
        }
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Reply {
    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When the upstream falls silent or breaks off.
    pub async fn chunk(&mut self, idle_ms: u64) -> Result<Option<Bytes>, GatewayError> {
        match tokio::time::timeout(Duration::from_millis(idle_ms), self.response.chunk()).await {
            Err(_) => Err(GatewayError::new(Failure::UpstreamTimeout, "the model stopped in the middle of its answer")),
            Ok(Err(e)) => {
                Err(GatewayError::new(Failure::UpstreamCut, "the model's answer broke off")
                    .detail(chain(&e.without_url())))
            }
            Ok(Ok(chunk)) => Ok(chunk),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// When it is larger than the limit, too slow, or broken off.
    pub async fn bytes(mut self, limits: &Limits) -> Result<Bytes, GatewayError> {
        let mut body = BytesMut::new();
        let deadline = tokio::time::Instant::now() + Duration::from_millis(limits.total_ms);
        loop {
            let chunk = tokio::time::timeout_at(deadline, self.chunk(limits.idle_ms)).await.unwrap_or_else(|_| {
                Err(GatewayError::new(Failure::UpstreamTimeout, "the model did not finish its answer in time"))
            })?;
            let Some(chunk) = chunk else { return Ok(body.freeze()) };
            if body.len() + chunk.len() > limits.max_answer_bytes {
                return Err(GatewayError::new(
                    Failure::UpstreamTooLarge,
                    "the model's answer is longer than this gateway inspects",
                ));
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// The whole body as JSON, with its bytes.
    ///
    /// # Errors
    /// As [`Reply::bytes`], and when it is not JSON.
    pub async fn json(self, limits: &Limits) -> Result<(Bytes, Value), GatewayError> {
        let bytes = self.bytes(limits).await?;
        let json = serde_json::from_slice(&bytes)
            .map_err(|e| GatewayError::new(Failure::UpstreamInvalid, "the model's answer is not JSON").detail(e))?;
        Ok((bytes, json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_or_missing_key_is_said_plainly() {
        let upstream = |url: &str, key_env: Option<&str>| Upstream {
            url: url.to_owned(),
            key: None,
            key_env: key_env.map(str::to_owned),
            models: Vec::new(),
            model: None,
            speaks: None,
        };
        for (up, said) in [
            (upstream("not a url", None), "is not a URL"),
            (upstream("ftp://x", None), "must begin with http"),
            (upstream("http://x/v1", Some("MENSHEN_TEST_NO_SUCH_KEY")), "MENSHEN_TEST_NO_SUCH_KEY"),
        ] {
            let config = Config { upstream: vec![up], ..Config::default() };
            crate::install_crypto();
            let Err(error) = Upstreams::new(&config, false) else { panic!("accepted {said}") };
            assert!(error.message.contains(said), "{}", error.message);
        }
    }
}
