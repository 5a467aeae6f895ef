//! One conversation's way through detection and policy: who observes, who decides, and on what.
//!
//! Detectors and packs live in an immutable [`Snapshot`] that is swapped whole, so a request sees one version from
//! front to back. The current turn (everything after the model's last message, and the operator's instructions) is
//! decided with full strictness. An earlier message that policy would not forward is *withheld* from the model
//! instead: scanning the whole history must not let one bad turn lock a user out of the conversation for good.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use menshen_detect::{Cache, Engine, Extra, Options};
use menshen_judge::cascade::{Cascade, Options as JudgeOptions};
use menshen_judge::pack::ModelPack;
use menshen_judge::remote::{self, Format, RemoteModel};
use menshen_judge::{Judge, JudgeInput};
use menshen_policy::{Edits, Lang, Origin, PackSet, Policy, Question, Settings, Subject};
use menshen_verdict::{
    Action, AnswerRef, Conversation, Disposition, Family, Kind, Redaction, Role, Scored, Side, Stage, Unavailable,
    Verdict,
};
use serde_json::{Value, json};

use crate::auth::PLAIN;
use crate::config::{self, Ask, Attachments, Config, OnFailure};
use crate::shadow::Shadow;

/// Texts larger than this are inspected on a blocking thread.
const INLINE_BYTES: usize = 64 << 10;

/// How much of a fast stream is put by before it is scanned. A stream that pauses is scanned at once.
const STRIDE_BYTES: usize = 1_024;

/// One version of everything that observes and decides.
pub struct Snapshot {
    /// What observes.
    pub engine: Arc<Engine>,
    /// The native judge that runs in it, if one does.
    pub judge: Option<Arc<Cascade>>,
    /// Another model that judges the same texts without any effect.
    pub shadow: Option<Arc<Shadow>>,
    /// The packs that both sides were compiled from.
    pub packs: PackSet,
    policies: HashMap<String, Arc<Policy>>,
    default_policy: Arc<Policy>,
    /// Packs and their versions, as recorded with every decision.
    pub versions: Value,
    /// What was wrong with the packs, a line each, errors first; the good rest of them is in force.
    pub diagnostics: Vec<String>,
    /// How many of the diagnostics are errors.
    pub errors: usize,
    /// The diagnostics with their places.
    pub notes: Vec<Note>,
    /// What the workbench laid over the packs.
    pub published: Arc<Published>,
}

/// What the workbench laid over the packs of the binary and the folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The revision; 0 where nothing was ever published.
    pub revision: i64,
    /// Its edits.
    pub edits: Edits,
    /// The whole texts of the revision's packs, where its edits no longer fit what lies beneath them: then these stand by
    /// themselves, and nothing of a folder or the binary shows through.
    pub whole: Option<Edits>,
}

impl Published {
    /// These with further edits.
    #[must_use]
    pub fn then(&self, edits: &Edits) -> Self {
        Published {
            revision: self.revision,
            edits: self.edits.then(edits),
            whole: self.whole.as_ref().map(|whole| whole.then(edits)),
        }
    }
}

/// Something that is wrong with what was compiled, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether what was compiled is not what was written.
    pub error: bool,
    /// The file, as its origin names it, or the setting.
    pub path: String,
    /// Line, from 1; 0 for the whole.
    pub line: usize,
    /// Column in characters, from 1; 0 beside line 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// All of it in one line.
    pub shown: String,
}

impl Note {
    fn of_policy(d: &menshen_policy::Diagnostic) -> Self {
        Note {
            error: d.is_error(),
            path: d.path.clone(),
            line: d.line,
            column: d.column,
            message: d.message.clone(),
            remedy: d.remedy.clone(),
            shown: d.to_string(),
        }
    }

    fn of_detect(d: &menshen_detect::Diagnostic) -> Self {
        Note {
            error: d.severity == menshen_detect::Severity::Error,
            path: d.path.clone(),
            line: d.line,
            column: d.column,
            message: d.message.clone(),
            remedy: d.remedy.clone(),
            shown: d.to_string(),
        }
    }

    fn of_setting(what: &str, reason: String) -> Self {
        let shown = format!("{what}: {reason}");
        let remedy = String::new();
        Note { error: true, path: what.to_owned(), line: 0, column: 0, message: reason, remedy, shown }
    }
}

impl Snapshot {
    /// Compiles packs from the built-in ones and the configured folders.
    pub fn load(config: &Config) -> Self {
        Snapshot::load_published(config, Arc::default())
    }

    /// The same with what the workbench published over them.
    pub fn load_published(config: &Config, published: Arc<Published>) -> Self {
        Snapshot::compile(config, published, None)
    }

    /// Compiles packs with other edits, beside the models of `self`: what is tried is what would be put in force.
    #[must_use]
    pub fn with_edits(&self, config: &Config, published: Arc<Published>) -> Self {
        Snapshot::compile(config, published, Some(self))
    }

    fn compile(config: &Config, published: Arc<Published>, models: Option<&Snapshot>) -> Self {
        let mut origins = vec![menshen_policy::embedded()];
        origins.extend(config.pack_folders.iter().cloned().map(Origin::Folder));
        let edits = published.whole.as_ref().unwrap_or(&published.edits);
        let (packs, diagnostics) = PackSet::load_edited(&origins, &config.packs, edits);
        let mut notes: Vec<Note> = diagnostics.iter().map(Note::of_policy).collect();
        let sources: Vec<menshen_detect::Source> = packs
            .detect_sources()
            .into_iter()
            .map(|s| menshen_detect::Source {
                pack: s.pack,
                path: s.path,
                body: s.body,
                kind: if s.keywords {
                    menshen_detect::SourceKind::Keywords
                } else {
                    menshen_detect::SourceKind::Patterns
                },
            })
            .collect();
        let options =
            Options { max_hold_bytes: config.stream.max_hold_bytes, stride_bytes: STRIDE_BYTES, ..Options::default() };
        let (engine, diagnostics) = Engine::compile(&sources, &options);
        notes.extend(diagnostics.iter().map(Note::of_detect));
        let mut failed = |what: &str, reason: String| notes.push(Note::of_setting(what, reason));
        let judge = match models {
            Some(models) => models.judge.clone(),
            None => native_judge(config).unwrap_or_else(|reason| {
                failed("guard.judge.model", reason);
                None
            }),
        };
        let shadow = match (models, &judge, &config.guard.judge.shadow) {
            (Some(models), ..) => models.shadow.clone(),
            (None, Some(live), Some(folder)) => {
                let pack = ModelPack::load(folder).map_err(|e| e.to_string());
                let started = pack.and_then(|pack| {
                    let shadow = Arc::new(Cascade::new(pack, judge_options(config)));
                    Shadow::start(Arc::clone(live), shadow).map_err(|e| e.to_string())
                });
                started.map_err(|reason| failed("guard.judge.shadow", reason)).ok().map(Arc::new)
            }
            _ => None,
        };
        let wordings = packs.replies().filter(|r| r.id == crate::label::WORDING);
        for wording in wordings.flat_map(|r| [r.text.get(Lang::Zh), r.text.get(Lang::En)]).filter(|w| !w.is_empty()) {
            if !menshen_provenance::explicit::text::has_elements(wording) {
                let reason =
                    "needs an AI element (人工智能, AI) and a generation element (生成, 合成, generated)".to_owned();
                failed(&format!("reply {}", crate::label::WORDING), reason);
            }
        }
        let engine = engine.with_placeholders(packs.placeholder_names());
        let engine = engine.with_judges(judge.iter().map(|j| Arc::clone(j) as Arc<dyn Judge>).collect());
        // Errors first: who shows only one shows what has to be corrected.
        notes.sort_by_key(|note| !note.error);
        let errors = notes.iter().filter(|note| note.error).count();
        let lines = notes.iter().map(|note| note.shown.clone()).collect();
        let default = config.apps.get("default").cloned().unwrap_or_default();
        let default_policy = Arc::new(packs.policy(&settings(config, &default)));
        // Whoever may see plain answers sees what the default application would have been given.
        let plain = config::App { monitor: true, ..default.clone() };
        let own = config.console.plain_answers.then(|| (PLAIN.to_owned(), plain));
        let apps = config.apps.iter().map(|(name, app)| (name.clone(), app.clone())).chain(own);
        let policies = apps.map(|(name, app)| (name, Arc::new(packs.policy(&settings(config, &app))))).collect();
        let versions = packs.versions().into_iter().map(|v| (v.id, json!({"version": v.version, "blake3": v.hash})));
        let mut versions: serde_json::Map<String, Value> = versions.collect();
        if let Some(judge) = &judge {
            let m = &judge.pack().manifest;
            versions.insert(
                format!("judge/{}", m.name),
                json!({"version": m.version, "settings": m.settings(), "data": m.made.data}),
            );
        }
        if published.revision > 0 {
            versions.insert("workbench".to_owned(), json!({"version": published.revision.to_string()}));
        }
        let versions = Value::Object(versions);
        Snapshot {
            engine: Arc::new(engine),
            judge,
            shadow,
            packs,
            policies,
            default_policy,
            versions,
            diagnostics: lines,
            errors,
            notes,
            published,
        }
    }

    /// The policy of an application.
    pub fn policy(&self, app: &str) -> &Arc<Policy> {
        self.policies.get(app).unwrap_or(&self.default_policy)
    }
}

fn judge_options(config: &Config) -> JudgeOptions {
    let judge = &config.guard.judge;
    JudgeOptions { budget: Duration::from_millis(judge.budget_ms), encoder: judge.second_stage }
}

/// The configured model, or the shipped one; what is wrong with it otherwise.
fn native_judge(config: &Config) -> Result<Option<Arc<Cascade>>, String> {
    let judge = &config.guard.judge;
    if !judge.enabled {
        return Ok(None);
    }
    let pack = match &judge.model {
        Some(folder) => ModelPack::load(folder),
        None => menshen_judge::shipped::model(),
    };
    pack.map(|pack| Some(Arc::new(Cascade::new(pack, judge_options(config))))).map_err(|e| e.to_string())
}

fn settings(config: &Config, app: &config::App) -> Settings {
    let attachments = match app.attachments.unwrap_or(config.guard.attachments) {
        Attachments::Pass => menshen_policy::Attachments::Pass,
        Attachments::Block => menshen_policy::Attachments::Block,
        Attachments::External => menshen_policy::Attachments::External,
    };
    let on_unavailable = match config.guard.on_unavailable {
        OnFailure::Closed => menshen_policy::OnUnavailable::Closed,
        OnFailure::Open => menshen_policy::OnUnavailable::Open,
    };
    Settings {
        monitor: config.guard.monitor || app.monitor,
        scene: Some(app.scene.clone().unwrap_or_else(|| config.guard.scene.clone())),
        on_unavailable,
        disabled_rules: app.disabled_rules.clone(),
        attachments,
        ..Settings::default()
    }
}

/// On whose behalf, on which side and in which light the guard looks.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// Which way the conversation travels.
    pub side: Side,
    /// On whose behalf.
    pub subject: &'a Subject,
    /// Canaries and instructions that must not come out.
    pub extra: &'a Extra,
    /// Whether the model was guided already.
    pub guided: bool,
    /// The user's language.
    pub lang: Lang,
}

/// What the guard makes of one side of a conversation.
#[derive(Debug, Clone)]
pub struct Ruling {
    /// What was found.
    pub verdict: Verdict,
    /// What is done.
    pub disposition: Disposition,
    /// Messages of the history that the model does not get to see.
    pub withheld: Vec<usize>,
}

/// Guards conversations.
pub struct Guard {
    snapshot: ArcSwap<Snapshot>,
    cache: Cache,
    client: reqwest::Client,
    remote: Option<RemoteJudge>,
    attachment_detector: Option<String>,
    enabled: bool,
    canaries: BTreeMap<String, Vec<String>>,
    folders: Vec<PathBuf>,
}

struct RemoteJudge {
    url: String,
    key: Option<String>,
    model: RemoteModel,
    config: config::Remote,
}

impl Guard {
    /// Sets the guard up from a snapshot.
    ///
    /// # Errors
    /// When the remote judge's key is named but not set.
    pub fn new(config: &Config, snapshot: Snapshot, client: reqwest::Client) -> Result<Self, crate::GatewayError> {
        let remote = match &config.guard.remote {
            None => None,
            Some(remote) => {
                let key = match &remote.key_env {
                    None => None,
                    Some(name) => Some(std::env::var(name).map_err(|_| {
                        crate::GatewayError::new(
                            crate::Failure::Internal,
                            format!("environment variable {name} (key_env of [guard.remote]) is not set"),
                        )
                    })?),
                };
                Some(RemoteJudge {
                    url: format!("{}/chat/completions", remote.url.trim_end_matches('/')),
                    key,
                    model: RemoteModel {
                        model: remote.model.clone(),
                        max_tokens: if remote.format == Format::JsonSchema { 512 } else { 128 },
                    },
                    config: remote.clone(),
                })
            }
        };
        let canaries = config.apps.iter().map(|(name, app)| (name.clone(), app.canaries.clone())).collect();
        Ok(Guard {
            snapshot: ArcSwap::from_pointee(snapshot),
            cache: Cache::new(config.guard.cache_mb << 20),
            client,
            remote,
            attachment_detector: config.guard.attachment_detector_url.clone(),
            enabled: config.guard.enabled,
            canaries,
            folders: watched(config),
        })
    }

    /// A guard without a gateway, for judging texts from the command line.
    ///
    /// # Errors
    /// As [`Guard::new`].
    pub fn offline(config: &Config, snapshot: Snapshot) -> Result<Self, crate::GatewayError> {
        crate::install_crypto();
        Guard::new(config, snapshot, reqwest::Client::new())
    }

    /// Whether anything is checked at all.
    pub const fn enabled(&self) -> bool {
        self.enabled
    }

    /// The version in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another version in force. Requests under way finish on the one they began with.
    pub fn swap(&self, snapshot: impl Into<Arc<Snapshot>>) {
        // Cached verdicts are keyed by the engine's id, so those of another version are never met again.
        self.snapshot.store(snapshot.into());
    }

    /// What a version would make of one text, with what is in this process alone: no remote judge is asked, nothing is
    /// recorded, and no shadow looks on. Takes as long as it takes: not for a thread that serves requests.
    pub fn rehearse(&self, snapshot: &Snapshot, conversation: &Conversation, side: Side, subject: &Subject) -> Ruling {
        let mut verdict = Verdict::default();
        for (i, mut one) in
            inspect(&snapshot.engine, conversation, &self.cache, &Extra::default()).into_iter().enumerate()
        {
            for finding in &mut one.findings {
                finding.segment = i;
            }
            verdict.absorb(one);
        }
        let (extra, lang) = (Extra::default(), language(conversation));
        let inquiry = Inquiry { side, subject, extra: &extra, guided: false, lang };
        let policy = snapshot.policy(&subject.app);
        let mut disposition = policy.decide(&inquiry.question(conversation, &verdict));
        if side == Side::Input
            && !disposition.unavailable
            && let Some(answer) = self.answer(snapshot, conversation, subject)
        {
            disposition.action = Action::Answer;
            disposition.answer = Some(answer);
            disposition.rule = None;
        }
        Ruling { verdict, disposition, withheld: Vec::new() }
    }

    /// The folders of packs and models that are watched.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Canaries and instructions that must not appear in an answer.
    pub fn extra(&self, app: &str, conversation: &Conversation, guidance: Option<&str>) -> Extra {
        let canaries = self.canaries.get(app).or_else(|| self.canaries.get("default")).map_or(&[][..], Vec::as_slice);
        let own = conversation.segments.iter().filter(|s| s.role == Role::System && s.kind == Kind::Text);
        let system_prompts: Vec<&str> = own.map(|s| s.text.as_str()).chain(guidance).collect();
        Extra::new(canaries, &system_prompts)
    }

    /// The standard answer that is given to a conversation's last question: none in monitor mode, which acts on nothing.
    pub fn answer(&self, snapshot: &Snapshot, conversation: &Conversation, subject: &Subject) -> Option<AnswerRef> {
        self.known_answer(snapshot, conversation, subject).filter(|_| !snapshot.policy(&subject.app).settings().monitor)
    }

    /// The standard answer to a conversation's last question, if the library has one.
    pub fn known_answer(
        &self,
        snapshot: &Snapshot,
        conversation: &Conversation,
        subject: &Subject,
    ) -> Option<AnswerRef> {
        if !self.enabled || !conversation.attachments.is_empty() {
            return None;
        }
        // A turn that brings tool results is not a question of the user's.
        let last = conversation.segments.iter().rev().find(|s| matches!(s.role, Role::User | Role::Tool))?;
        if last.role == Role::Tool {
            return None;
        }
        let question = conversation.last_user_text()?;
        snapshot.policy(&subject.app).answer(&question, subject, crate::family::unix_s())
    }

    /// Judges a request (or bare text) and decides.
    pub async fn rule(
        &self,
        snapshot: &Arc<Snapshot>,
        conversation: &Arc<Conversation>,
        inquiry: Inquiry<'_>,
    ) -> Ruling {
        let extra = inquiry.extra;
        if !self.enabled {
            return Ruling { verdict: Verdict::default(), disposition: Disposition::pass(), withheld: Vec::new() };
        }
        let bytes: usize = conversation.segments.iter().map(|s| s.text.len()).sum();
        let verdicts = if bytes <= INLINE_BYTES {
            inspect(&snapshot.engine, conversation, &self.cache, extra)
        } else {
            let (engine, conversation, cache, extra) =
                (Arc::clone(&snapshot.engine), Arc::clone(conversation), self.cache.clone(), extra.clone());
            match tokio::task::spawn_blocking(move || inspect(&engine, &conversation, &cache, &extra)).await {
                Ok(verdicts) => verdicts,
                Err(e) => {
                    tracing::error!(error = %e, "the native detectors stopped");
                    let mut verdict = Verdict::default();
                    verdict.unavailable.push(Unavailable { detector: "native".into(), reason: "it stopped".into() });
                    vec![verdict]
                }
            }
        };
        self.settle(snapshot, conversation, verdicts, inquiry).await
    }

    /// Decides on an answer that has been scanned already.
    pub async fn rule_scanned(
        &self,
        snapshot: &Arc<Snapshot>,
        conversation: &Conversation,
        verdict: Verdict,
        inquiry: Inquiry<'_>,
    ) -> Ruling {
        if !self.enabled {
            return Ruling { verdict, disposition: Disposition::pass(), withheld: Vec::new() };
        }
        let mut verdict = verdict;
        let native = snapshot.judge.is_some();
        shadow_last(snapshot, conversation, Side::Output);
        let policy = snapshot.policy(&inquiry.subject.app);
        let decide = |verdict: &Verdict| policy.decide(&inquiry.question(conversation, verdict));
        let mut disposition = decide(&verdict);
        if disposition.action.forwards() && self.ask_remote(Side::Output, conversation, native, &mut verdict).await {
            disposition = decide(&verdict);
        }
        Ruling { verdict, disposition, withheld: Vec::new() }
    }

    /// Decides on findings of an answer that is still growing, without any model.
    pub fn rule_growing(
        &self,
        snapshot: &Snapshot,
        conversation: &Conversation,
        findings: Vec<menshen_verdict::Finding>,
        inquiry: Inquiry<'_>,
    ) -> Ruling {
        let mut verdict = Verdict { findings, ..Verdict::default() };
        verdict.labels = menshen_detect::labels(&verdict.findings, Side::Output);
        let disposition = snapshot.policy(&inquiry.subject.app).decide(&inquiry.question(conversation, &verdict));
        Ruling { verdict, disposition, withheld: Vec::new() }
    }

    async fn settle(
        &self,
        snapshot: &Arc<Snapshot>,
        conversation: &Conversation,
        verdicts: Vec<Verdict>,
        inquiry: Inquiry<'_>,
    ) -> Ruling {
        let Inquiry { side, subject, .. } = inquiry;
        shadow_last(snapshot, conversation, side);
        let policy = snapshot.policy(&subject.app);
        let turn = current_turn(conversation, side);
        let mut all = Verdict::default();
        let mut current = Verdict::default();
        let mut earlier: BTreeMap<usize, Verdict> = BTreeMap::new();
        for (i, mut verdict) in verdicts.into_iter().enumerate() {
            for finding in &mut verdict.findings {
                finding.segment = i;
            }
            let Some(segment) = conversation.segments.get(i) else {
                current.absorb(verdict);
                continue;
            };
            if segment.role == Role::System {
                trust_operator(&mut verdict);
            }
            let now = segment.message >= turn || segment.role == Role::System;
            if now {
                current.absorb(verdict);
            } else {
                if notable(&verdict) {
                    let mine = earlier.entry(segment.message).or_default();
                    mine.absorb(Verdict { stages: Vec::new(), ..verdict.clone() });
                }
                all.stages.extend(verdict.stages);
            }
        }
        self.ask_attachments(side, conversation, subject, snapshot, &mut current).await;
        let decide =
            |verdict: &Verdict, conversation: &Conversation| policy.decide(&inquiry.question(conversation, verdict));
        let started = Instant::now();
        let mut disposition = decide(&current, conversation);
        if disposition.action.forwards()
            && self.ask_remote(side, conversation, snapshot.judge.is_some(), &mut current).await
        {
            disposition = decide(&current, conversation);
        }
        let mut withheld = Vec::new();
        for (message, verdict) in &earlier {
            let own = decide(verdict, &without_attachments(conversation));
            if own.action.forwards() {
                merge_forwarding(&mut disposition, own);
            } else if !own.unavailable {
                withheld.push(*message);
                disposition.hits.extend(own.hits);
            }
        }
        let decided = Stage { name: "decide".into(), us: micros(started) };
        for (_, verdict) in earlier {
            all.absorb(verdict);
        }
        all.absorb(current);
        all.stages.push(decided);
        Ruling { verdict: all, disposition, withheld }
    }

    /// Asks the remote judge about the turn at hand; true when it was asked.
    async fn ask_remote(&self, side: Side, conversation: &Conversation, native: bool, verdict: &mut Verdict) -> bool {
        let Some(judge) = &self.remote else { return false };
        let wanted = judge.config.ask == Ask::Always || !native || uncertain(verdict);
        if !wanted || !judge.config.sides.contains(&side) {
            return false;
        }
        let role = if side == Side::Output { Role::Assistant } else { Role::User };
        let last = conversation.segments.iter().rposition(|s| s.role == role && s.kind == Kind::Text);
        let Some((segment, history)) =
            last.and_then(|i| Some((conversation.segments.get(i)?, conversation.segments.get(..i)?)))
        else {
            return false;
        };
        let input = JudgeInput { text: &segment.text, side, role, history };
        let body = remote::request(judge.config.format, &judge.model, &input);
        let started = Instant::now();
        match judge.ask(&self.client, &body).await {
            Ok(labels) => verdict.labels.absorb(&labels),
            Err(reason) => {
                tracing::warn!(reason, "the remote judge is unavailable");
                verdict.unavailable.push(Unavailable { detector: "judge.remote".into(), reason });
            }
        }
        verdict.stages.push(Stage { name: "judge.remote".into(), us: micros(started) });
        true
    }

    /// Asks the external detector about attachments where policy says so.
    async fn ask_attachments(
        &self,
        side: Side,
        conversation: &Conversation,
        subject: &Subject,
        snapshot: &Snapshot,
        verdict: &mut Verdict,
    ) {
        let settings = snapshot.policy(&subject.app).settings();
        if conversation.attachments.is_empty() || settings.attachments != menshen_policy::Attachments::External {
            return;
        }
        let started = Instant::now();
        let outcome = match &self.attachment_detector {
            None => Err("guard.attachment_detector_url is not set".to_owned()),
            Some(url) => ask_detector(&self.client, url, side, conversation).await,
        };
        match outcome {
            Ok(findings) => {
                for (label, score) in findings {
                    verdict.findings.push(menshen_verdict::Finding::new(
                        "external.attachment",
                        label,
                        Family::External,
                        menshen_verdict::Span::new(0, 0),
                        score,
                    ));
                }
            }
            Err(reason) => {
                tracing::warn!(reason, "the attachment detector is unavailable");
                verdict.unavailable.push(Unavailable { detector: "external.attachment".into(), reason });
            }
        }
        verdict.stages.push(Stage { name: "attachments".into(), us: micros(started) });
    }
}

/// Has the last text of a conversation judged by the shadow model, if there is one.
fn shadow_last(snapshot: &Snapshot, conversation: &Conversation, side: Side) {
    if let Some(shadow) = &snapshot.shadow
        && let Some(segment) = conversation.segments.iter().rfind(|s| s.kind == Kind::Text && s.role != Role::System)
    {
        shadow.offer(&segment.text, side);
    }
}

fn watched(config: &Config) -> Vec<PathBuf> {
    let judge = &config.guard.judge;
    config.pack_folders.iter().chain(&judge.model).chain(&judge.shadow).cloned().collect()
}

/// From here on a text is not plainly harmless to the native judge …
const DOUBTFUL_FROM: f32 = 0.05;
/// … and from here on it needs no second opinion.
const CERTAIN_FROM: f32 = 0.95;

/// Whether the native judge leaves a text open, or there was none.
fn uncertain(verdict: &Verdict) -> bool {
    let score = verdict.labels.risk_score.max(verdict.labels.attack_score);
    let judged = verdict.stages.iter().any(|s| s.name.starts_with("judge.") || s.name == "cache");
    !judged || (DOUBTFUL_FROM..CERTAIN_FROM).contains(&score)
}

impl Inquiry<'_> {
    fn question<'q>(&'q self, conversation: &'q Conversation, verdict: &'q Verdict) -> Question<'q> {
        let question = Question::new(self.side, conversation, verdict, self.subject);
        Question { guided: self.guided, lang: Some(self.lang), ..question }
    }
}

impl RemoteJudge {
    async fn ask(&self, client: &reqwest::Client, body: &Value) -> Result<menshen_verdict::Labels, String> {
        let mut call = client.post(&self.url).timeout(Duration::from_millis(self.config.timeout_ms)).json(body);
        if let Some(key) = &self.key {
            call = call.bearer_auth(key);
        }
        let response = call.send().await.map_err(|e| crate::upstream::chain(&e.without_url()))?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status()));
        }
        let body = response.bytes().await.map_err(|e| crate::upstream::chain(&e.without_url()))?;
        let json: Value = serde_json::from_slice(&body).map_err(|e| format!("its answer is not JSON: {e}"))?;
        let text = json
            .pointer("/choices/0/message/content")
            .and_then(Value::as_str)
            .ok_or_else(|| "its answer has no message".to_owned())?;
        remote::parse(self.config.format, text).map_err(|e| e.to_string())
    }
}

/// `POST {"side","attachments":[{"path","media","source"}]}` → `{"findings":[{"label","score"}]}`.
async fn ask_detector(
    client: &reqwest::Client,
    url: &str,
    side: Side,
    conversation: &Conversation,
) -> Result<Vec<(String, f32)>, String> {
    #[derive(serde::Deserialize)]
    struct Found {
        label: String,
        score: f32,
    }
    #[derive(serde::Deserialize)]
    struct Answer {
        findings: Vec<Found>,
    }
    let attachments: Vec<Value> = conversation
        .attachments
        .iter()
        .map(|a| json!({"path": a.path, "media": a.media, "source": a.source}))
        .collect();
    let call =
        client.post(url).timeout(Duration::from_secs(10)).json(&json!({"side": side, "attachments": attachments}));
    let response = call.send().await.map_err(|e| crate::upstream::chain(&e.without_url()))?;
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()));
    }
    let answer: Answer = response.json().await.map_err(|e| crate::upstream::chain(&e.without_url()))?;
    Ok(answer.findings.into_iter().map(|f| (f.label, f.score)).collect())
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// One verdict a segment, then whatever only shows when the parts of a message are read together.
fn inspect(engine: &Engine, conversation: &Conversation, cache: &Cache, extra: &Extra) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = conversation
        .segments
        .iter()
        .map(|s| {
            // What is not prose no judge can read.
            let prose = matches!(s.kind, Kind::Text | Kind::Reasoning | Kind::ToolResult | Kind::Refusal);
            if s.side == Side::Output && !extra.is_empty() {
                let extra = if prose { extra.clone() } else { extra.rules_only() };
                engine.inspect_with(&s.text, s.side, s.role, &extra)
            } else if !prose {
                engine.inspect_cached_by_rules(&s.text, s.side, s.role, cache)
            } else {
                engine.inspect_cached(&s.text, s.side, s.role, cache)
            }
        })
        .collect();
    split_over_parts(engine, conversation, cache, &mut verdicts);
    verdicts
}

/// A word cut over the parts of one message is still that word: the parts are also read as one text. What is new is
/// noted on the last part, whole, since no single part holds it.
fn split_over_parts(engine: &Engine, conversation: &Conversation, cache: &Cache, verdicts: &mut [Verdict]) {
    let mut messages: BTreeMap<(usize, Kind, Side), Vec<usize>> = BTreeMap::new();
    for (i, segment) in conversation.segments.iter().enumerate() {
        if matches!(segment.kind, Kind::Text | Kind::ToolResult) {
            messages.entry((segment.message, segment.kind, segment.side)).or_default().push(i);
        }
    }
    for ((_, _, side), parts) in messages {
        let Some(last) = parts.last().copied().filter(|_| parts.len() > 1) else { continue };
        let segments: Vec<_> = parts.iter().filter_map(|i| conversation.segments.get(*i)).collect();
        let joined: String = segments.iter().map(|s| s.text.as_str()).collect();
        let Some(role) = segments.first().map(|s| s.role) else { continue };
        let whole = engine.inspect_cached(&joined, side, role, cache);
        let known: Vec<_> = parts
            .iter()
            .filter_map(|i| verdicts.get(*i))
            .flat_map(|v| v.findings.iter().map(|f| f.detector.clone()))
            .collect();
        let fresh: Vec<_> = whole.findings.into_iter().filter(|f| !known.contains(&f.detector)).collect();
        let length = segments.last().map_or(0, |s| s.text.len());
        if let (Some(verdict), false) = (verdicts.get_mut(last), fresh.is_empty()) {
            verdict.labels.absorb(&menshen_detect::labels(&fresh, side));
            verdict.findings.extend(fresh.into_iter().map(|mut f| {
                f.span = menshen_verdict::Span::new(0, length);
                f
            }));
        }
    }
}

/// The index of the first message of the turn at hand: what follows the model's last message.
fn current_turn(conversation: &Conversation, side: Side) -> usize {
    if side == Side::Output {
        return 0;
    }
    let last = conversation
        .segments
        .iter()
        .filter(|s| s.role == Role::Assistant)
        .map(|s| s.message)
        .max()
        .map_or(0, |m| m + 1);
    // A conversation that ends on the model's words (a prefill) has its turn there.
    let newest = conversation.segments.iter().filter(|s| s.role != Role::System).map(|s| s.message).max().unwrap_or(0);
    last.min(newest)
}

/// The operator's own instructions may well speak of attacks, roles and secrets: their structure is no attack.
fn trust_operator(verdict: &mut Verdict) {
    let structural = |f: &menshen_verdict::Finding| matches!(f.family, Family::Attack | Family::Cue | Family::Pii);
    if verdict.findings.iter().any(structural) {
        verdict.findings.retain(|f| !structural(f));
        verdict.labels = menshen_detect::labels(&verdict.findings, Side::Input);
    }
}

fn notable(verdict: &Verdict) -> bool {
    // A judge has a score and a topic for every text; what it has called something is also a finding.
    let about = verdict.labels.level.as_ref().is_some_and(|l| l.id != menshen_verdict::Level::None);
    !verdict.findings.is_empty() || about || !verdict.unavailable.is_empty()
}

fn without_attachments(conversation: &Conversation) -> Conversation {
    Conversation { segments: conversation.segments.clone(), attachments: Vec::new() }
}

/// What an earlier message asks for beside the current decision: its redactions, and its guidance where the current
/// turn has none of its own.
fn merge_forwarding(disposition: &mut Disposition, own: Disposition) {
    disposition.redactions.extend(own.redactions);
    for hit in own.hits {
        if !disposition.hits.contains(&hit) {
            disposition.hits.push(hit);
        }
    }
    if !disposition.action.forwards() {
        return;
    }
    let guides = own.action == Action::Guide && disposition.guidance.is_none();
    if guides {
        disposition.principles = own.principles;
        disposition.guidance = own.guidance;
    }
    if own.action > disposition.action || (guides && disposition.action == Action::Pass) {
        disposition.action = own.action;
        disposition.rule = own.rule;
    }
}

/// No canaries and no instructions: for text that belongs to no request.
pub fn nothing_extra() -> Extra {
    Extra::default()
}

/// The language of a conversation's user: Chinese when the last user text holds Han characters.
pub fn language(conversation: &Conversation) -> Lang {
    conversation.last_user_text().map_or(Lang::Zh, |text| Lang::of(&text))
}

/// Applies redactions to the strings of a body, by pointer. Returns whether anything changed.
pub fn redact_body(body: &mut Value, conversation: &Conversation, redactions: &[Redaction]) -> bool {
    let mut changed = false;
    for (index, segment) in conversation.segments.iter().enumerate() {
        if redactions.iter().any(|r| r.segment == index)
            && let Some(slot) = body.pointer_mut(&segment.path)
        {
            *slot = Value::from(menshen_policy::redact::apply(&segment.text, index, redactions));
            changed = true;
        }
    }
    changed
}

/// Takes withheld messages out of a body: their texts give way to a notice, their attachments to nothing.
pub fn withhold(body: &mut Value, conversation: &Conversation, messages: &[usize], notice: &str) {
    for segment in conversation.segments.iter().filter(|s| messages.contains(&s.message)) {
        if let Some(slot) = body.pointer_mut(&segment.path) {
            *slot = Value::from(notice);
        }
    }
}

/// A label with its score, for the record.
pub fn scored<T: ToString>(label: &Option<Scored<T>>) -> Value {
    label.as_ref().map_or(Value::Null, |l| json!({"id": l.id.to_string(), "score": menshen_verdict::rounded(l.score)}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use menshen_verdict::{Segment, Span};

    fn segment(message: usize, role: Role, text: &str) -> Segment {
        let path = format!("/messages/{message}/content");
        Segment { path, message, role, side: role.side(), kind: Kind::Text, text: text.to_owned() }
    }

    #[test]
    fn the_turn_at_hand_follows_the_models_last_message() {
        let talk = |roles: &[Role]| Conversation {
            segments: roles.iter().enumerate().map(|(i, r)| segment(i, *r, "x")).collect(),
            attachments: Vec::new(),
        };
        assert_eq!(current_turn(&talk(&[Role::System, Role::User]), Side::Input), 0);
        assert_eq!(current_turn(&talk(&[Role::User, Role::Assistant, Role::User]), Side::Input), 2);
        assert_eq!(current_turn(&talk(&[Role::User, Role::Assistant, Role::Tool]), Side::Input), 2);
        assert_eq!(current_turn(&talk(&[Role::User, Role::Assistant]), Side::Input), 1, "a prefill is the turn");
    }

    #[test]
    fn redactions_land_in_the_right_strings() {
        let talk = Conversation {
            segments: vec![segment(0, Role::User, "我的电话13800138000和13900139000")],
            attachments: Vec::new(),
        };
        let mut body = json!({"messages": [{"content": talk.segments[0].text}]});
        let part = |start, end, to: &str| Redaction {
            segment: 0,
            span: Span::new(start, end),
            label: "mobile".into(),
            replacement: to.to_owned(),
            restore: true,
        };
        assert!(redact_body(&mut body, &talk, &[part(26, 37, "[2]"), part(12, 23, "[1]")]));
        assert_eq!(body["messages"][0]["content"], "我的电话[1]和[2]");
    }
}
