//! Messages to people outside: by DingTalk, Feishu, WeCom, Slack, e-mail and a webhook of our own.
//!
//! A message waits in the store's outbox; one task sends it ([`Notifier::send_due`]) and says how it went. Only addresses
//! that the operator configured are called, without following redirects and within a time. An address is a secret (robots'
//! addresses carry their tokens): it stands in no answer, no error and no log. Another part sends through
//! [`Notifier::messages`] and the store's `queue_messages`.

mod smtp;
mod wire;

use std::time::Duration;

use menshen_store::{Message, NewMessage, Store};
use serde_json::{Value, json};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::config::{Channel, ChannelKind, Notifications};
use crate::error::{Failure, GatewayError};
use crate::incidents::draft::Lang;

/// The most messages of one round.
const ROUND: u32 = 16;
/// The most bytes of an answer that are read.
const MOST_ANSWER: usize = 64 << 10;
/// The longest wait between two attempts.
const LONGEST_WAIT_S: i64 = 3_600;

/// A channel with its secrets.
struct Held {
    config: Channel,
    url: Option<Zeroizing<String>>,
    secret: Option<Zeroizing<String>>,
}

/// The channels, and the client that reaches them.
pub struct Notifier {
    channels: Vec<Held>,
    client: reqwest::Client,
    settings: Notifications,
    wake: Notify,
}

/// Why a message did not go out: a sentence for operators, without addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub(crate) String);

fn read(
    channel: &Channel,
    what: &str,
    plain: Option<&String>,
    env: Option<&String>,
    file: Option<&std::path::PathBuf>,
) -> Result<Option<Zeroizing<String>>, GatewayError> {
    let wrong = |problem: String| {
        let message = format!("notifications.channel {:?}: {problem}", channel.name);
        Err(GatewayError::new(Failure::Internal, message))
    };
    match (plain, env, file) {
        (Some(text), None, None) => Ok(Some(Zeroizing::new(text.clone()))),
        (None, Some(name), None) => match std::env::var(name) {
            Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned()))),
            Err(_) => wrong(format!("environment variable {name} ({what}_env) is not set")),
        },
        (None, None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned()))),
            Err(e) => wrong(format!("{} ({what}_file) cannot be read: {e}", path.display())),
        },
        (None, None, None) => Ok(None),
        _ => wrong(format!("give {what} in one place only")),
    }
}

impl Notifier {
    /// Prepares the channels of a configuration.
    ///
    /// # Errors
    /// When one is incomplete, or its secret is not where it should be: the message names the channel and what to correct.
    pub fn new(settings: &Notifications) -> Result<Self, GatewayError> {
        crate::install_crypto();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(settings.timeout_ms))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| GatewayError::new(Failure::Internal, format!("cannot set up the HTTP client: {e}")))?;
        let mut channels: Vec<Held> = Vec::new();
        for config in &settings.channel {
            let problem = |problem: &str| {
                let message = format!("notifications.channel {:?}: {problem}", config.name);
                GatewayError::new(Failure::Internal, message)
            };
            let wrong = |text: &str| Err(problem(text));
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if config.name.is_empty() || config.name.len() > 64 || !config.name.chars().all(plain) {
                return wrong("its name must be 1 to 64 of a-z 0-9 - _ .");
            }
            if channels.iter().any(|c| c.config.name == config.name) {
                return wrong("another one has the same name");
            }
            if !matches!(config.lang.as_deref(), None | Some("zh" | "en")) {
                return wrong("lang is zh or en");
            }
            let url = read(config, "url", config.url.as_ref(), config.url_env.as_ref(), config.url_file.as_ref())?;
            let secret = read(config, "secret", None, config.secret_env.as_ref(), config.secret_file.as_ref())?;
            if config.kind == ChannelKind::Email {
                smtp::check(config).map_err(|text| problem(&text))?;
            } else {
                let parsed = url.as_ref().and_then(|u| reqwest::Url::parse(u).ok());
                let good = |u: &reqwest::Url| matches!(u.scheme(), "http" | "https") && u.has_host();
                if !parsed.as_ref().is_some_and(good) {
                    return wrong("it needs an address (url_env or url_file) that begins with https:// or http://");
                }
            }
            channels.push(Held { config: config.clone(), url, secret });
        }
        Ok(Notifier { channels, client, settings: settings.clone(), wake: Notify::new() })
    }

    /// Resolves when somebody queued a message.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Lets what was queued be sent at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The channels, without anything secret.
    pub fn shown(&self) -> Value {
        let one = |held: &Held| {
            let c = &held.config;
            json!({
                "name": c.name, "kind": c.kind.id(), "lang": c.lang.as_deref().unwrap_or("zh"), "topics": c.topics,
                "tenant": c.tenant, "signed": held.secret.is_some(), "to": c.to.len(),
            })
        };
        self.channels.iter().map(one).collect()
    }

    /// A message for every channel that takes this topic and tenant, in its language. `key` says what it is about: for one
    /// key a channel gets one message, however often this is called. The text must not be that of a prompt or an answer.
    pub fn messages(
        &self,
        topic: &str,
        key: &str,
        tenant: Option<&str>,
        text: impl Fn(Lang) -> (String, String),
    ) -> Vec<NewMessage> {
        let takes = |held: &&Held| {
            let c = &held.config;
            (c.topics.is_empty() || c.topics.iter().any(|t| t == topic))
                && c.tenant.as_deref().is_none_or(|own| tenant == Some(own))
        };
        let one = |held: &Held| {
            let (title, text) = text(Lang::of(held.config.lang.as_deref().unwrap_or("zh")));
            NewMessage {
                key: format!("{key}/{}", held.config.name),
                tenant: tenant.map(str::to_owned),
                topic: topic.to_owned(),
                channel: held.config.name.clone(),
                title,
                text,
            }
        };
        self.channels.iter().filter(takes).map(one).collect()
    }

    /// Sends what is due, and notes how it went.
    pub async fn send_due(&self, store: &Store, now_us: i64) {
        let due = match store.due_messages(now_us, ROUND).await {
            Ok(due) => due,
            Err(e) => return tracing::error!(error = %e, "the outbox could not be read"),
        };
        for message in due {
            let noted = match self.send(&message, now_us).await {
                Ok(()) => store.message_sent(&message.id, now_us).await,
                Err(problem) => {
                    let tried = message.attempts + 1;
                    let next = (tried < i64::from(self.settings.most_attempts)).then(|| now_us + self.wait_us(tried));
                    tracing::warn!(channel = message.channel, tried, %problem, "a message could not be sent");
                    store.message_failed(&message.id, &problem.to_string(), next, now_us).await
                }
            };
            if let Err(e) = noted {
                tracing::error!(error = %e, "the outbox could not be written");
            }
        }
    }

    /// How long to wait after so many attempts.
    fn wait_us(&self, tried: i64) -> i64 {
        let factor = 1i64 << (tried - 1).clamp(0, 20);
        i64::from(self.settings.retry_s).saturating_mul(factor).min(LONGEST_WAIT_S) * 1_000_000
    }

    /// Tries a channel at once, outside of the outbox.
    ///
    /// # Errors
    /// [`Undelivered`], which says what to correct.
    pub async fn test(&self, channel: &str, id: &str, now_us: i64) -> Result<(), Undelivered> {
        let held = self.held(channel)?;
        let (title, text) = match Lang::of(held.config.lang.as_deref().unwrap_or("zh")) {
            Lang::Zh => ("Menshen 门神：测试消息", "这是一条测试消息，说明该通道可以送达。"),
            Lang::En => ("Menshen: a test", "This is a test; the channel works."),
        };
        self.deliver(held, id, title, text, now_us).await
    }

    /// Whether there is a channel of this name.
    pub fn knows(&self, channel: &str) -> bool {
        self.held(channel).is_ok()
    }

    fn held(&self, channel: &str) -> Result<&Held, Undelivered> {
        let found = self.channels.iter().find(|c| c.config.name == channel);
        found.ok_or_else(|| Undelivered(format!("there is no channel {channel:?} in the settings any more")))
    }

    async fn send(&self, message: &Message, now_us: i64) -> Result<(), Undelivered> {
        self.deliver(self.held(&message.channel)?, &message.id, &message.title, &message.text, now_us).await
    }

    async fn deliver(&self, held: &Held, id: &str, title: &str, text: &str, now_us: i64) -> Result<(), Undelivered> {
        let secret = held.secret.as_deref().map(String::as_str);
        if held.config.kind == ChannelKind::Email {
            let timeout = Duration::from_millis(self.settings.timeout_ms);
            return smtp::send(&held.config, secret, id, title, text, timeout).await;
        }
        let url = held.url.as_deref().map(String::as_str).unwrap_or_default();
        let posted = wire::post(held.config.kind, url, secret, &wire::Words { id, title, text }, now_us)?;
        let mut request = self.client.post(posted.url).header("content-type", "application/json; charset=utf-8");
        for (name, value) in posted.headers {
            request = request.header(name, value);
        }
        // An error of the client's may hold the address: only its kind is told.
        let kind = |e: &reqwest::Error| match e {
            e if e.is_timeout() => "it took too long",
            e if e.is_connect() => "the address cannot be reached",
            _ => "the connection failed",
        };
        let mut response = request.body(posted.body).send().await.map_err(|e| Undelivered(kind(&e).to_owned()))?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| Undelivered(kind(&e).to_owned()))? {
            answer.extend_from_slice(&piece);
            if answer.len() > MOST_ANSWER {
                break;
            }
        }
        wire::accepted(held.config.kind, status, &answer)
    }
}

impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").field("channels", &self.shown()).finish_non_exhaustive()
    }
}
