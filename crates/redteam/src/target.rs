//! What is attacked: only what the user configures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::turn::{Reply, Turn};

mod anthropic;
mod body;
mod budget;
mod command;
mod http;
mod keeper;
mod openai;
mod template;

pub use budget::{Admission, Budget, Limits, Spent};
pub use keeper::{Blocks, Keeper, Reads, Weakness};

/// How a target is spoken to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// `POST …/chat/completions` of an OpenAI-compatible server: vendors, vLLM, llama.cpp with a GGUF, our own gateway.
    Openai {
        /// The base URL, such as `http://127.0.0.1:8787/v1`.
        url: String,
        /// The model's name.
        model: String,
        /// Read the answer as a stream of server-sent events.
        #[serde(default)]
        stream: bool,
        /// Members added to every request body.
        #[serde(default)]
        extra: BTreeMap<String, serde_json::Value>,
    },
    /// `POST …/messages` of the Anthropic API.
    Anthropic {
        /// The base URL, such as `https://api.anthropic.com/v1`.
        url: String,
        /// The model's name.
        model: String,
        /// Read the answer as a stream of server-sent events.
        #[serde(default)]
        stream: bool,
    },
    /// Any HTTP interface: a body with `{{prompt}}`, `{{messages}}`, `{{system}}`, and where the answer stands in what comes back.
    Http {
        /// The URL; may hold `{{prompt}}`, percent-encoded.
        url: String,
        /// GET, POST, PUT. POST.
        #[serde(default = "post")]
        method: String,
        /// Headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body. In a JSON body a placeholder inside a string is escaped for JSON.
        #[serde(default)]
        body: Option<String>,
        /// JSON pointer (`/data/answer`) or dotted path (`choices.0.message.content`) of the answer; without it the whole body.
        #[serde(default)]
        answer: Option<String>,
        /// The body that comes back is a stream of server-sent events; `answer` points into each event's data and the pieces are joined.
        #[serde(default)]
        sse: bool,
    },
    /// A program: the prompt on its standard input, the answer on its standard output. Nothing passes through a shell.
    Command {
        /// Program and arguments; `{{prompt}}` in an argument is replaced, else the prompt goes to standard input.
        argv: Vec<String>,
    },
    /// A target to practise on that needs no model: see [`Keeper`].
    Keeper(Keeper),
}

fn post() -> String {
    "POST".to_owned()
}

/// A target as a plan writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// How it is spoken to.
    #[serde(flatten)]
    pub kind: Kind,
    /// The environment variable that holds the API key. The key itself is never written anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_env: Option<String>,
    /// The operator's instructions that the target runs with, sent as the first turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The most tokens of an answer. 512.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// Sampling temperature; the target's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Milliseconds an exchange may take. 60,000.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// How often an exchange that failed for now is tried again. 2.
    #[serde(default = "retries")]
    pub retries: u32,
    /// Whether pictures, documents and sound can be sent.
    #[serde(default)]
    pub multimodal: bool,
    /// Rates and budget.
    #[serde(default)]
    pub limits: Limits,
}

impl Spec {
    /// A target with every setting at its default.
    pub fn new(kind: Kind) -> Spec {
        Spec {
            kind,
            key_env: None,
            system: None,
            max_tokens: max_tokens(),
            temperature: None,
            timeout_ms: timeout_ms(),
            retries: retries(),
            multimodal: false,
            limits: Limits::default(),
        }
    }

    /// Reads a description. The file's ending tells the format: `.toml`, `.json`, else YAML.
    ///
    /// # Errors
    /// [`Error::Plan`] with line and remedy.
    pub fn read(file: &std::path::Path, text: &str) -> Result<Spec, Error> {
        let read = match file.extension().and_then(|e| e.to_str()) {
            Some("toml") => toml::from_str(text).map_err(|e| e.to_string()),
            Some("json") => serde_json::from_str(text).map_err(|e| e.to_string()),
            _ => serde_norway::from_str(text).map_err(|e| e.to_string()),
        };
        read.map_err(|problem| Error::Plan { origin: file.display().to_string(), problem })
    }
}

const fn max_tokens() -> u32 {
    512
}

const fn timeout_ms() -> u64 {
    60_000
}

const fn retries() -> u32 {
    2
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It cannot be reached, or the connection broke.
    #[error("the target cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("the target did not answer within {0:?}")]
    TimedOut(Duration),
    /// It says to come later.
    #[error("the target limits the rate{}", .0.map(|d| format!("; it asks to wait {}s", d.as_secs())).unwrap_or_default())]
    RateLimited(Option<Duration>),
    /// It answered with a status that is no answer.
    #[error("the target answered {status}: {message}")]
    Status {
        /// The status.
        status: u16,
        /// What it said, without secrets, at most 200 characters.
        message: String,
    },
    /// What came back is no answer of this API: HTML, a broken stream, no text where it should be.
    #[error("the target's answer cannot be read: {0}")]
    Garbled(String),
    /// The answer is longer than is read.
    #[error("the target's answer is longer than {0} bytes")]
    TooLong(usize),
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    Unsendable(String),
    /// The program failed.
    #[error("the program failed: {0}")]
    Program(String),
    /// The budget is spent; nothing was sent.
    #[error("the budget is spent")]
    Spent,
}

impl Failure {
    /// Whether trying again may help without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        match self {
            Failure::Unreachable(_) | Failure::TimedOut(_) | Failure::RateLimited(_) | Failure::Garbled(_) => true,
            Failure::Status { status, .. } => matches!(status, 408 | 409 | 425 | 500..=599),
            _ => false,
        }
    }
}

/// A target that can be spoken to.
#[derive(Debug)]
pub struct Target {
    spec: Spec,
    client: reqwest::Client,
    key: Option<String>,
    budget: std::sync::Arc<Budget>,
}

impl Target {
    /// Sets it up. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Target`] when the URL, header, key variable or program cannot be used.
    pub fn open(spec: Spec) -> Result<Target, Error> {
        let key = match &spec.key_env {
            None => None,
            Some(name) => Some(std::env::var(name).ok().filter(|k| !k.is_empty()).ok_or_else(|| {
                Error::Target(format!("environment variable {name} is not set; set it to the target's API key"))
            })?),
        };
        check(&spec)?;
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10).min(Duration::from_millis(spec.timeout_ms)))
            .pool_max_idle_per_host(usize::from(spec.limits.concurrency.max(1)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|e| Error::Target(format!("the HTTP client cannot be set up: {e}")))?;
        let budget = std::sync::Arc::new(Budget::new(spec.limits.clone()));
        Ok(Target { spec, client, key, budget })
    }

    /// As the plan wrote it.
    pub const fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What was spent, and what is left.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// A short name for reports: host and model, or the program.
    pub fn name(&self) -> String {
        match &self.spec.kind {
            Kind::Openai { url, model, .. } | Kind::Anthropic { url, model, .. } => format!("{model} @ {}", host(url)),
            Kind::Http { url, .. } => host(url),
            Kind::Command { argv } => argv.first().cloned().unwrap_or_default(),
            Kind::Keeper(_) => "keeper".to_owned(),
        }
    }

    /// Says `turns` to the target and waits for its answer, again and again while that may help and the budget has
    /// leave. The operator's instructions of the spec come first.
    ///
    /// # Errors
    /// [`Failure`] when there is no answer.
    pub async fn ask(&self, turns: &[Turn]) -> Result<Reply, Failure> {
        let mut tried = 0;
        loop {
            let permit = self.budget.admit(turns, self.spec.system.as_deref(), self.spec.max_tokens).await?;
            let answered = self.attempt(turns).await;
            match &answered {
                Ok(reply) => permit.settle(reply.usage),
                // What failed may have been read and billed: the estimate of the prompt stands.
                Err(failure) => permit.fail(failure),
            }
            match answered {
                Ok(mut reply) => {
                    // A target may repeat what it was sent, the key too.
                    if let Some(key) = &self.key
                        && reply.text.contains(key.as_str())
                    {
                        reply.text = reply.text.replace(key.as_str(), "[key]");
                    }
                    return Ok(reply);
                }
                Err(failure) if failure.is_transient() && tried < self.spec.retries => {
                    tried += 1;
                    tokio::time::sleep(pause(tried, &failure)).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn attempt(&self, turns: &[Turn]) -> Result<Reply, Failure> {
        let limit = Duration::from_millis(self.spec.timeout_ms);
        let said = async {
            match &self.spec.kind {
                Kind::Openai { url, model, stream, extra } => {
                    openai::ask(self, url, model, *stream, extra, turns).await
                }
                Kind::Anthropic { url, model, stream } => anthropic::ask(self, url, model, *stream, turns).await,
                Kind::Http { .. } => http::ask(self, turns).await,
                Kind::Command { argv } => command::ask(self, argv, turns).await,
                Kind::Keeper(keeper) => keeper::ask(keeper, turns),
            }
        };
        tokio::time::timeout(limit, said).await.unwrap_or(Err(Failure::TimedOut(limit)))
    }
}

fn pause(tried: u32, failure: &Failure) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    match failure {
        Failure::RateLimited(Some(asked)) => (*asked).min(LONGEST),
        _ => Duration::from_millis(250).saturating_mul(1 << tried.min(8)).min(LONGEST),
    }
}

fn host(url: &str) -> String {
    reqwest::Url::parse(url).ok().map_or_else(
        || "?".to_owned(),
        |u| {
            let host = u.host_str().unwrap_or("?").to_owned();
            u.port().map_or(host.clone(), |p| format!("{host}:{p}"))
        },
    )
}

fn check(spec: &Spec) -> Result<(), Error> {
    let (Kind::Openai { url, .. } | Kind::Anthropic { url, .. } | Kind::Http { url, .. }) = &spec.kind else {
        let Kind::Command { argv } = &spec.kind else { return Ok(()) };
        return if argv.first().is_none_or(String::is_empty) {
            Err(Error::Target("argv is empty; give the program and its arguments".to_owned()))
        } else {
            Ok(())
        };
    };
    let parsed = reqwest::Url::parse(&url.replace("{{prompt}}", "x"))
        .map_err(|e| Error::Target(format!("its URL {url:?} cannot be read: {e}")))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Error::Target("its URL must begin with http:// or https://".to_owned()));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Error::Target(
            "its URL holds credentials; put the key into an environment variable and name it in key_env".to_owned(),
        ));
    }
    if let Kind::Http { method, headers, .. } = &spec.kind {
        reqwest::Method::from_bytes(method.as_bytes())
            .map_err(|_| Error::Target(format!("its method {method:?} is none")))?;
        for (name, value) in headers {
            if reqwest::header::HeaderName::from_bytes(name.as_bytes()).is_err()
                || reqwest::header::HeaderValue::from_str(value).is_err()
            {
                return Err(Error::Target(format!("its header {name:?} cannot be sent")));
            }
        }
    }
    Ok(())
}
