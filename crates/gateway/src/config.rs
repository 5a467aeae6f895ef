//! What an operator can set. Every value has a documented default; units are in the names.

mod behaviour;
mod cases;
mod console;
mod incidents;
mod label;
mod notifications;
mod protection;
mod register;
mod sign_on;
mod workbench;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use menshen_judge::remote::Format;
use menshen_policy::Glob;
use serde::{Deserialize, Serialize};

pub use behaviour::{Behaviour, Tiers};
pub use cases::Cases;
pub use console::{Console, SecureCookie};
pub use incidents::{Incidents, Operator};
pub use label::{AppLabel, Explicit, Label, Mark, UnlabelledFiles};
pub use notifications::{Channel, ChannelKind, Notifications, SmtpTls};
pub use protection::Protection;
pub use register::Register;
pub use sign_on::{Mapping, Oidc};
pub use workbench::Workbench;

/// The whole configuration, as in `menshen.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Folder of the store, the generated keys and nothing else.
    pub data_dir: PathBuf,
    /// Enabled packs, in order.
    pub packs: Vec<String>,
    /// Folders with packs beside the built-in ones.
    pub pack_folders: Vec<PathBuf>,
    /// Log filter, in the syntax of `tracing`'s `EnvFilter`.
    pub log: String,
    /// Who may call.
    pub auth: Auth,
    /// Models behind us, tried in order.
    pub upstream: Vec<Upstream>,
    /// The guard.
    pub guard: Guard,
    /// Streams.
    pub stream: Stream,
    /// Sizes, times and rates.
    pub limits: Limits,
    /// The record.
    pub audit: Audit,
    /// Labels on what models generate.
    pub label: Label,
    /// Settings by application name; `default` stands for every application that is not named.
    pub apps: BTreeMap<String, App>,
    /// The console.
    pub console: Console,
    /// The register of applications.
    pub register: Register,
    /// Unusual behaviour.
    pub behaviour: Behaviour,
    /// Tiers of end users.
    pub tiers: Tiers,
    /// Incidents.
    pub incidents: Incidents,
    /// Messages to people outside.
    pub notifications: Notifications,
    /// What protects stored data.
    pub protection: Protection,
    /// The policy workbench.
    pub workbench: Workbench,
    /// Appeals, complaints and reports.
    pub cases: Cases,
    /// Traces.
    pub traces: Traces,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 8787)),
            data_dir: PathBuf::from("./data"),
            packs: vec!["base".to_owned(), "cn".to_owned()],
            pack_folders: Vec::new(),
            log: "info".to_owned(),
            auth: Auth::default(),
            upstream: Vec::new(),
            guard: Guard::default(),
            stream: Stream::default(),
            limits: Limits::default(),
            audit: Audit::default(),
            label: Label::default(),
            apps: BTreeMap::new(),
            console: Console::default(),
            register: Register::default(),
            behaviour: Behaviour::default(),
            tiers: Tiers::default(),
            incidents: Incidents::default(),
            notifications: Notifications::default(),
            protection: Protection::default(),
            workbench: Workbench::default(),
            cases: Cases::default(),
            traces: Traces::default(),
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Whether callers need one of our keys.
    pub mode: AuthMode,
}

/// Whether callers need one of our keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Open while we listen on loopback and no key exists; keys are required otherwise.
    #[default]
    Auto,
    /// Anybody who can reach us may call.
    Open,
    /// A key is required.
    Keys,
}

/// A model behind us.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Base URL, such as `http://127.0.0.1:8000/v1`.
    pub url: String,
    /// Its key. `key_env` is the better place.
    #[serde(default, skip_serializing)]
    pub key: Option<String>,
    /// Environment variable that holds its key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Models it serves, as globs; empty for all.
    #[serde(default)]
    pub models: Vec<Glob>,
    /// The model name to send instead of the client's.
    #[serde(default)]
    pub model: Option<String>,
    /// API families it speaks. What it does not speak is translated to chat completions where that is possible.
    /// Left out: tried natively first, translated after a 404.
    #[serde(default)]
    pub speaks: Option<Vec<String>>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream").field("url", &self.url).field("models", &self.models).finish_non_exhaustive()
    }
}

/// The guard.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guard {
    /// Off: requests are forwarded unchecked. Only for measuring what the guard costs.
    pub enabled: bool,
    /// Record what would be done, do nothing.
    pub monitor: bool,
    /// What an unavailable detector means when no rule says otherwise.
    pub on_unavailable: OnFailure,
    /// What attachments mean when no rule says otherwise.
    pub attachments: Attachments,
    /// What attachments in the model's answer mean when no rule says otherwise.
    pub answer_attachments: Attachments,
    /// An external detector for attachments, asked when `attachments = "external"`.
    pub attachment_detector_url: Option<String>,
    /// Text kept elsewhere (`previous_response_id`, `conversation`, stored prompts) that never passed here.
    pub unseen_history: OnUnseen,
    /// Scene of applications that name none.
    pub scene: String,
    /// Megabytes for verdicts on texts seen before.
    pub cache_mb: u64,
    /// The native judge: a model pack that runs in the process.
    pub judge: NativeJudge,
    /// A judge model behind an OpenAI-compatible endpoint.
    pub remote: Option<Remote>,
}

/// The native judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NativeJudge {
    /// Whether texts are judged natively at all; without it the rules and the remote judge are alone.
    pub enabled: bool,
    /// The folder of a model pack; without it the shipped one. Loaded again when its files change.
    pub model: Option<PathBuf>,
    /// Whether the second stage is asked where the first is not certain.
    pub second_stage: bool,
    /// The second stage reads no further window of a text that has taken this long.
    pub budget_ms: u64,
    /// The folder of another model pack, which judges the same texts without any effect; `/admin/packs` says how often
    /// the two agree.
    pub shadow: Option<PathBuf>,
}

impl Default for NativeJudge {
    fn default() -> Self {
        NativeJudge { enabled: true, model: None, second_stage: true, budget_ms: 30, shadow: None }
    }
}

/// When the remote judge is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Where the native judge is not certain, or there is none.
    #[default]
    Uncertain,
    /// About every text that would be forwarded.
    Always,
}

impl Default for Guard {
    fn default() -> Self {
        Guard {
            enabled: true,
            monitor: false,
            on_unavailable: OnFailure::Closed,
            attachments: Attachments::Block,
            answer_attachments: Attachments::Pass,
            attachment_detector_url: None,
            unseen_history: OnUnseen::Block,
            scene: "general".to_owned(),
            cache_mb: 32,
            judge: NativeJudge::default(),
            remote: None,
        }
    }
}

/// What a failure of ours means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Nothing passes.
    Closed,
    /// It passes, and is recorded as unchecked.
    Open,
}

/// What attachments mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attachments {
    /// Forwarded, and recorded as unchecked.
    Pass,
    /// Refused.
    Block,
    /// An external detector is asked; its failure counts as an unavailable detector.
    External,
}

/// What a reference to text that never passed here means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnseen {
    /// Refused.
    Block,
    /// Forwarded, and recorded.
    Pass,
}

/// A judge model behind an OpenAI-compatible endpoint.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remote {
    /// Base URL, such as `http://127.0.0.1:8001/v1`.
    pub url: String,
    /// Model name.
    pub model: String,
    /// How the model answers.
    pub format: Format,
    /// Environment variable that holds its key.
    #[serde(default)]
    pub key_env: Option<String>,
    /// How long to wait for its answer.
    #[serde(default = "default_remote_timeout_ms")]
    pub timeout_ms: u64,
    /// When it is asked.
    #[serde(default)]
    pub ask: Ask,
    /// Sides it judges: `input`, `output`, `tool`.
    #[serde(default = "default_remote_sides")]
    pub sides: Vec<menshen_verdict::Side>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).field("model", &self.model).finish_non_exhaustive()
    }
}

fn default_remote_timeout_ms() -> u64 {
    5_000
}

fn default_remote_sides() -> Vec<menshen_verdict::Side> {
    vec![menshen_verdict::Side::Input, menshen_verdict::Side::Output]
}

/// Streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stream {
    /// When text leaves: as soon as no finding can begin before it, or when the whole answer has been judged.
    pub release: Release,
    /// The longest stretch that is held back for a match that is still growing.
    pub max_hold_bytes: usize,
    /// Silence after which a comment keeps the connection open.
    pub keep_alive_ms: u64,
}

impl Default for Stream {
    fn default() -> Self {
        Stream { release: Release::Window, max_hold_bytes: 4096, keep_alive_ms: 15_000 }
    }
}

/// When streamed text leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    /// As soon as no finding can begin before it. A remote judge sees the whole answer only at its end.
    Window,
    /// When the whole answer has been judged: every judge sees every byte first.
    Whole,
}

/// Sizes, times and rates.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest request body.
    pub max_request_bytes: usize,
    /// Largest answer, streamed or not.
    pub max_answer_bytes: usize,
    /// Largest single event of a stream.
    pub max_event_bytes: usize,
    /// Time for a client to send its body.
    pub request_read_ms: u64,
    /// Time to connect to an upstream.
    pub connect_ms: u64,
    /// Time to the first byte of an upstream's answer.
    pub first_byte_ms: u64,
    /// Longest silence within an upstream's answer.
    pub idle_ms: u64,
    /// Time for a whole answer.
    pub total_ms: u64,
    /// Requests under way at once; more get 503.
    pub max_concurrent: usize,
    /// Requests a minute for a caller whose key states none; 0 for no limit.
    pub requests_per_minute: u32,
    /// Tokens a minute for a caller whose key states none; 0 for no limit.
    pub tokens_per_minute: u32,
    /// Tokens a day for every caller; 0 for no limit.
    pub tokens_per_day: u64,
    /// Risky inputs of an end user in a row that suspend them; 0 for no limit (TC260-003 §7 g).
    pub strikes_in_a_row: u32,
    /// Risky inputs of an end user within a day that suspend them; 0 for no limit (TC260-003 §7 g).
    pub strikes_per_day: u32,
    /// How long a suspension lasts.
    pub suspend_s: u64,
    /// Time that requests under way get when the program is told to stop.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_request_bytes: 8 << 20,
            max_answer_bytes: 8 << 20,
            max_event_bytes: 1 << 20,
            request_read_ms: 30_000,
            connect_ms: 5_000,
            first_byte_ms: 120_000,
            idle_ms: 120_000,
            total_ms: 900_000,
            max_concurrent: 1_024,
            requests_per_minute: 0,
            tokens_per_minute: 0,
            tokens_per_day: 0,
            strikes_in_a_row: 3,
            strikes_per_day: 5,
            suspend_s: 86_400,
            drain_ms: 30_000,
        }
    }
}

/// The record.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Whether an answer waits for its record.
    pub durability: Durability,
    /// The window that a crash can lose when durability is windowed.
    pub window_ms: u64,
    /// What is kept of the text.
    pub text: KeepText,
    /// Days that records are kept; at least 183 (six months, Cybersecurity Law art. 21).
    pub retention_days: u32,
    /// What happens when a record cannot be written.
    pub on_failure: OnFailure,
    /// File of the key that texts are encrypted and records sealed with; `audit.key` in the data folder without it.
    /// `MENSHEN_AUDIT_KEY` holds the key itself instead, in hexadecimal.
    pub key_file: Option<PathBuf>,
}

impl Default for Audit {
    fn default() -> Self {
        Audit {
            durability: Durability::Strict,
            window_ms: 200,
            text: KeepText::Encrypted,
            retention_days: 183,
            on_failure: OnFailure::Closed,
            key_file: None,
        }
    }
}

/// Whether an answer waits for its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// No answer completes before its record is on disk.
    Strict,
    /// Records are written together; the window is all that a crash can lose.
    Windowed,
}

/// What is kept of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeepText {
    /// The text, encrypted.
    Encrypted,
    /// The text without what was found in it, encrypted.
    Redacted,
    /// Nothing.
    Omitted,
}

/// Settings of one application.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    /// Its scene.
    pub scene: Option<String>,
    /// Record what would be done, do nothing.
    pub monitor: bool,
    /// Rules that do not hold here, as `pack/rule`.
    pub disabled_rules: Vec<String>,
    /// What attachments mean here.
    pub attachments: Option<Attachments>,
    /// Strings that must never appear in an answer: canaries put into the system prompt.
    pub canaries: Vec<String>,
    /// How its answers are labelled.
    pub label: AppLabel,
}

/// Traces.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// OTLP/HTTP endpoint, such as `http://127.0.0.1:4318/v1/traces`; none sends nothing.
    pub otlp_url: Option<String>,
    /// Share of requests that are traced when the client sends no decision of its own.
    pub sample: Option<f64>,
}
