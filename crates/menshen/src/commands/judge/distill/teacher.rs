//! The teacher at the other end: an OpenAI-compatible API, or a file of answers that were recorded.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use menshen_judge::distill::config::{Allowance, Asking, Config};
use menshen_judge::distill::ledger::{Budget, Entry, Recording, Request, read_completion};
use reqwest::StatusCode;
use serde_json::Value;

use super::work;
use crate::exit;

/// The longest pause before a request is sent again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The most bytes of an answer; a chat completion of ours has a few thousand.
const MOST_BYTES: usize = 8 << 20;

/// Which teacher is asked, and what that may cost.
#[derive(Args)]
pub struct Asked {
    /// The teacher's name at its server
    #[arg(long)]
    pub model: Option<String>,
    /// Base URL of its OpenAI-compatible API, such as https://api.example.com/v1
    #[arg(long, value_name = "URL", conflicts_with = "responses")]
    pub endpoint: Option<String>,
    /// Environment variable that holds the API key; the key itself is never written anywhere
    #[arg(long, value_name = "VAR")]
    pub key_env: Option<String>,
    /// Recorded answers in place of an endpoint: a ledger of an earlier run or the output of a batch API
    #[arg(long, value_name = "FILE.jsonl")]
    pub responses: Option<PathBuf>,
    /// Write the requests that have no answer yet as a batch file, and ask nobody
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["endpoint"])]
    pub requests: Option<PathBuf>,
    /// Requests under way at once
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// The most requests of this run, each attempt counted
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u64>,
    /// The most tokens of this run
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<u64>,
}

/// Where answers come from.
pub enum Source {
    /// A server.
    Live(Box<Endpoint>),
    /// A file.
    Recorded(Recording),
    /// Nowhere: what is open is written to a file.
    Listed(PathBuf),
}

impl Asked {
    /// The teacher's name.
    pub fn model(&self) -> Result<&str> {
        self.model.as_deref().ok_or_else(|| {
            exit::usage("say which teacher is asked: --model NAME (recorded answers are found by it, too)".to_owned())
        })
    }

    /// Opens the source.
    pub fn source(&self, config: &Config) -> Result<Source> {
        if let Some(file) = &self.requests {
            return Ok(Source::Listed(file.clone()));
        }
        match (&self.endpoint, &self.responses) {
            (Some(url), _) => Ok(Source::Live(Box::new(Endpoint::new(url, self.key_env.as_deref(), &config.asking)?))),
            (None, Some(file)) => {
                let body = work::read(file)?;
                Ok(Source::Recorded(Recording::read(&file.display().to_string(), &body).map_err(work::bad)?))
            }
            (None, None) => Err(exit::usage(
                "say where answers come from: --endpoint URL, or --responses FILE.jsonl, or --requests FILE.jsonl to \
                 write what would be asked"
                    .to_owned(),
            )),
        }
    }

    /// What this run may spend.
    pub fn allowance(&self, config: &Config) -> Allowance {
        Allowance {
            max_requests: self.max_requests.or(config.budget.max_requests),
            max_tokens: self.max_tokens.or(config.budget.max_tokens),
        }
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum Failure {
    /// It may go well later.
    Later {
        /// What happened last.
        why: String,
        /// Attempts that were made.
        requests: u64,
    },
    /// It will not go well until somebody changes something.
    Never {
        /// What happened and what to do.
        why: String,
        /// Attempts that were made.
        requests: u64,
    },
}

/// A server.
pub struct Endpoint {
    client: reqwest::Client,
    url: reqwest::Url,
    key: Option<String>,
    asking: Asking,
}

/// One attempt.
enum Attempt {
    Done(Entry),
    Again { why: String, after: Option<Duration> },
    Never(String),
}

impl Endpoint {
    fn new(url: &str, key_env: Option<&str>, asking: &Asking) -> Result<Endpoint> {
        let mut url = reqwest::Url::parse(url).map_err(|e| exit::usage(format!("--endpoint is not a URL: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(exit::usage("--endpoint begins with http:// or https://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(exit::usage(
                "--endpoint holds credentials or a query; put the key into an environment variable and name it with \
                 --key-env"
                    .to_owned(),
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with("/chat/completions") {
            url.set_path(&format!("{path}/chat/completions"));
        }
        let key = key_env.map(|name| {
            std::env::var(name).ok().filter(|k| !k.is_empty()).ok_or_else(|| {
                exit::usage(format!("environment variable {name} is not set; set it to the teacher's API key"))
            })
        });
        Ok(Endpoint { client: client()?, url, key: key.transpose()?, asking: asking.clone() })
    }

    /// Host and port, for the manifest.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Sends a request, again and again while that may help and the budget has leave.
    pub async fn ask(&self, request: &Request, budget: &Mutex<Budget>) -> Result<Entry, Failure> {
        let mut requests = 1;
        loop {
            let (why, after) = match self.attempt(request).await {
                Attempt::Done(entry) => return Ok(Entry { requests, ..entry }),
                Attempt::Never(why) => return Err(Failure::Never { why, requests }),
                Attempt::Again { why, after } => (why, after),
            };
            let tried = u32::try_from(requests).unwrap_or(u32::MAX);
            if tried > self.asking.retries || !budget.lock().unwrap_or_else(PoisonError::into_inner).again() {
                return Err(Failure::Later { why, requests });
            }
            tokio::time::sleep(self.pause(tried, after, &request.key)).await;
            requests += 1;
        }
    }

    /// How long to wait: what the server says, else twice as long each time, spread by up to a half so that requests
    /// that failed together do not come back together.
    fn pause(&self, tried: u32, after: Option<Duration>, key: &str) -> Duration {
        let doubled = Duration::from_millis(self.asking.backoff_ms).saturating_mul(1 << (tried - 1).min(16));
        let spread = key.bytes().take(8).fold(0_u32, |n, b| (n * 31 + u32::from(b)) % 512);
        let own = doubled + doubled.saturating_mul(spread) / 1024;
        after.unwrap_or(own).min(LONGEST_PAUSE)
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let again = |why: String| Attempt::Again { why, after: None };
        let mut call = self.client.post(self.url.clone()).json(&request.body);
        if let Some(key) = &self.key {
            call = call.bearer_auth(key);
        }
        let mut response = match call.timeout(Duration::from_millis(self.asking.timeout_ms)).send().await {
            Ok(response) => response,
            Err(e) if e.is_builder() => {
                return Attempt::Never(format!("the request cannot be made: {}", chain(&e.without_url())));
            }
            Err(e) => return again(chain(&e.without_url())),
        };
        let status = response.status();
        let wait = response.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= MOST_BYTES => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => return again("its answer is too long".to_owned()),
                Ok(None) => break,
                Err(e) => return again(chain(&e.without_url())),
            }
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_success() {
            return match read_completion(&request.key, &body) {
                Some(entry) => Attempt::Done(entry),
                None => {
                    again("its answer is no chat completion; is --endpoint the base URL of such an API?".to_owned())
                }
            };
        }
        self.refused(request, status, &body, wait.map(Duration::from_secs))
    }

    /// What an answer that is none means.
    fn refused(&self, request: &Request, status: StatusCode, body: &Value, after: Option<Duration>) -> Attempt {
        let error = body.get("error").unwrap_or(body);
        let said = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let filtered = [said("code"), said("type")].iter().any(|code| {
            ["content_filter", "content_policy", "data_inspection", "moderation"].iter().any(|w| code.contains(w))
        });
        if status == StatusCode::BAD_REQUEST && filtered {
            // The provider would not let the teacher read or say this: a refusal, and it will not change its mind.
            let entry =
                Entry { key: request.key.clone(), answer: Some(String::new()), filtered: true, ..Entry::default() };
            return Attempt::Done(entry);
        }
        let why = format!("it answered {status}");
        match status.as_u16() {
            408 | 409 | 425 | 429 | 500..=599 => Attempt::Again { why, after },
            401 | 403 => Attempt::Never(format!("{why}; check the key that --key-env names")),
            404 => Attempt::Never(format!("{why}; check --endpoint and --model")),
            _ => {
                // A server may repeat what it was sent, the key too.
                let mut message: String = said("message").chars().filter(|c| !c.is_control()).take(200).collect();
                if let Some(key) = &self.key {
                    message = message.replace(key.as_str(), "…");
                }
                Attempt::Never(if message.is_empty() { why } else { format!("{why}: {message}") })
            }
        }
    }
}

/// The HTTP client, as the gateway makes its own.
fn client() -> Result<reqwest::Client> {
    menshen_gateway::install_crypto();
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|e| exit::environment(format!("cannot set up the HTTP client: {e}")))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// A budget that requests under way share.
pub type Shared = Arc<Mutex<Budget>>;
