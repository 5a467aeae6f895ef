//! One request's way through the house, front to back.
//!
//! read → who → standard answer → detect → decide → act → forward → detect → decide → act → record → answer. Every way
//! out passes [`Exchange::record`] once, before the last byte leaves.

mod conduct;
mod record;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use menshen_detect::Extra;
use menshen_policy::redact::{Restorer, Vault};
use menshen_store::{Level, NewReview, Suspension};
use menshen_verdict::{Action, Conversation, Disposition, Outcome, Role, Side, Verdict};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::Caller;
use crate::config::{Attachments, Limits, OnUnseen};
use crate::error::{self, Failure, GatewayError, invalid};
use crate::family::speech::Speech;
use crate::family::{Family, Finish, Request, Yields, translate};
use crate::gateway::Gateway;
use crate::guard::{self, Inquiry, Ruling, Snapshot};
use crate::hold_back::{self, Edit, carries_json, rewritten, within_json};
use crate::label::{self, Asked, Labelling};
use crate::relay;
use crate::upstream::Reply;

use record::input_text;
pub(crate) use record::summary;

/// The header that carries the request's id.
pub const REQUEST_ID: &str = "x-menshen-request-id";
/// The header that says what was done.
pub const DISPOSITION: &str = "x-menshen-disposition";
/// The header that says how it ended.
pub const OUTCOME: &str = "x-menshen-outcome";

/// What is known of a request while it is under way.
pub struct Exchange {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) family: &'static dyn Family,
    pub(crate) id: Uuid,
    pub(crate) started: Instant,
    at_us: i64,
    pub(crate) caller: Option<Caller>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) request: Request,
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) input: Option<Ruling>,
    pub(crate) output: Option<Ruling>,
    pub(crate) answer_text: String,
    pub(crate) vault: Option<Arc<Vault>>,
    pub(crate) extra: Extra,
    pub(crate) guided: bool,
    pub(crate) attempts: Value,
    pub(crate) tokens: u64,
    pub(crate) error: Option<String>,
    /// How the answer is labelled as generated; nothing where no producer is configured.
    pub(crate) label: Option<Arc<Labelling>>,
    /// Where the connection comes from.
    pub(super) peer: Option<IpAddr>,
    /// What the caller is told of measures against them.
    pub(super) notice: Option<Level>,
    /// What passed although nothing could look into it, for the record.
    unchecked: Vec<Value>,
    recorded: bool,
}

/// Handles a request of a conversing API.
pub async fn handle(
    gateway: Arc<Gateway>,
    family: &'static dyn Family,
    peer: Option<IpAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (tasks, stopping) = (gateway.tasks.clone(), gateway.stopping.clone());
    let mut exchange = Exchange::new(gateway, family);
    exchange.peer = peer;
    let handled = async {
        let outcome = tokio::select! {
            outcome = exchange.run(&headers, body) => outcome,
            () = stopping.cancelled() => Err(error::stopping()),
        };
        match outcome {
            Ok(response) => response,
            Err(error) => exchange.refuse(error).await,
        }
    };
    // Tracked, so that the store stays open until the record is written.
    tasks.track_future(handled).await
}

/// Reads a body within its limits.
///
/// # Errors
/// When it is too large, too slow, encoded, or not JSON.
pub async fn read_json(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Value, GatewayError> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !matches!(text(header::CONTENT_ENCODING), "" | "identity") {
        return Err(GatewayError::new(Failure::UnsupportedMedia, "compressed bodies are not read; send plain JSON"));
    }
    let kind = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // A web page can send a body without a type to another site unasked; a client library names the type.
    let untyped = kind.is_empty() && !headers.contains_key(header::ORIGIN);
    if !(untyped || kind == "application/json" || kind.ends_with("+json")) {
        return Err(GatewayError::new(Failure::UnsupportedMedia, "the body must be application/json"));
    }
    let too_large = || {
        GatewayError::new(
            Failure::TooLarge,
            format!("the body is larger than {} bytes (limits.max_request_bytes)", limits.max_request_bytes),
        )
    };
    if text(header::CONTENT_LENGTH).parse::<usize>().is_ok_and(|n| n > limits.max_request_bytes) {
        return Err(too_large());
    }
    let read = Limited::new(body, limits.max_request_bytes).collect();
    let bytes = match tokio::time::timeout(Duration::from_millis(limits.request_read_ms), read).await {
        Err(_) => return Err(GatewayError::new(Failure::ReadTimeout, "the body did not arrive in time")),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Ok(Err(e)) => return Err(GatewayError::new(Failure::InvalidJson, "the body broke off").detail(e)),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    parse_json(&bytes)
}

fn parse_json(bytes: &[u8]) -> Result<Value, GatewayError> {
    serde_json::from_slice(bytes).map_err(|e| {
        // The parser's message names a place, never the text there.
        let what = if std::str::from_utf8(bytes).is_err() {
            "the body is not valid UTF-8".to_owned()
        } else {
            format!("the body is not valid JSON: {e}")
        };
        GatewayError::new(Failure::InvalidJson, what)
    })
}

impl Exchange {
    fn new(gateway: Arc<Gateway>, family: &'static dyn Family) -> Self {
        let snapshot = gateway.guard.snapshot();
        Exchange {
            gateway,
            family,
            id: Uuid::now_v7(),
            started: Instant::now(),
            at_us: jiff::Timestamp::now().as_microsecond(),
            caller: None,
            snapshot,
            request: Request { choices: 1, ..Request::default() },
            conversation: Arc::default(),
            input: None,
            output: None,
            answer_text: String::new(),
            vault: None,
            extra: Extra::default(),
            guided: false,
            attempts: Value::Null,
            tokens: 0,
            error: None,
            label: None,
            peer: None,
            notice: None,
            unchecked: Vec::new(),
            recorded: false,
        }
    }

    async fn run(&mut self, headers: &HeaderMap, body: Body) -> Result<Response, GatewayError> {
        let gateway = Arc::clone(&self.gateway);
        let caller = gateway.door.caller(headers)?;
        gateway.limiter.admit(&caller)?;
        self.caller = Some(caller);
        self.recordable()?;
        let mut body = read_json(headers, body, &gateway.config.limits).await?;
        self.request = self.family.read_request(&body)?;
        if gateway.labels.is_some() {
            label::without_marks(&mut body, &mut self.request.conversation);
        }
        self.conversation = Arc::new(std::mem::take(&mut self.request.conversation));
        self.identify()?;
        let subject = self.tiered(headers).await?;
        let monitor = self.monitors();
        if !monitor {
            self.held_to()?;
            if let Some(user) = subject.user.clone() {
                self.suspended(&subject.tenant, &user)?;
            }
            self.seen_history()?;
        }

        self.label = self.labelling(&subject, headers)?.map(Arc::new);
        // What is embedded, drawn or spoken is no question to anybody.
        let asked = self.family.yields() == Yields::Text;
        let known = asked.then(|| gateway.guard.known_answer(&self.snapshot, &self.conversation, &subject)).flatten();
        if let Some(answer) = known.clone().filter(|_| !monitor) {
            let text = answer.text.clone();
            let disposition = Disposition { action: Action::Answer, answer: Some(answer), ..Disposition::pass() };
            self.input = Some(Ruling { verdict: Verdict::default(), disposition, withheld: Vec::new() });
            return self.reply_with(&text, Finish::Stop).await;
        }

        let inquiry = Inquiry {
            side: Side::Input,
            subject: &subject,
            extra: &Extra::default(),
            guided: false,
            lang: self.lang(),
        };
        let mut ruling = gateway.guard.rule(&self.snapshot, &self.conversation, inquiry).await;
        gateway.metrics.judged(&ruling.verdict);
        if monitor {
            // For the record: what would have been answered.
            ruling.disposition.answer = known;
        }
        let disposition = ruling.disposition.clone();
        let withheld = ruling.withheld.clone();
        self.input = Some(ruling);
        self.strike(&disposition).await;
        self.watched(headers, &disposition, monitor).await;
        match disposition.action {
            _ if disposition.unavailable => return Err(unavailable()),
            Action::Block | Action::Suspend => return Err(self.blocked(&disposition)),
            Action::Decline | Action::Review | Action::Answer => {
                if disposition.action == Action::Review {
                    self.queue_review(&disposition).await?;
                }
                let refused =
                    || GatewayError::new(Failure::ContentPolicy, "this request is against the content policy");
                if !asked {
                    return Err(refused());
                }
                let given = disposition.answer.as_ref().map(|a| a.text.clone());
                let text = given.or_else(|| disposition.reply.clone()).ok_or_else(refused)?;
                let text = self.with_notice(&text);
                return self.reply_with(&text, Finish::ContentFilter).await;
            }
            Action::Pass | Action::Guide | Action::Redact => {}
        }
        self.note_unchecked(&subject.app);
        self.prepare(&mut body, &disposition, &withheld, &subject.app);
        let format = (self.family.yields() == Yields::Sound).then(|| Speech::format(&body).to_owned());
        let headers = gateway.door.without_our_keys(headers);
        let reply = gateway.upstreams.send(self.family, &self.request, &body, &headers).await?;
        self.attempts = json!({"upstream": reply.upstream, "tried": reply.attempts, "translated": reply.translated});
        if !reply.status.is_success() {
            return Err(self.upstream_refused(reply).await);
        }
        if let Some(format) = format {
            return self.sound(reply, &format).await;
        }
        let is_stream = reply.content_type.starts_with("text/event-stream");
        match (self.request.stream, is_stream) {
            (true, true) => Ok(self.stream(reply)),
            (false, false) => self.whole(reply).await,
            (true, false) => Err(GatewayError::new(
                Failure::UpstreamInvalid,
                "the model did not stream although it was asked to; ask without 'stream'",
            )),
            (false, true) => {
                Err(GatewayError::new(Failure::UpstreamInvalid, "the model streamed although it was not asked to"))
            }
        }
    }

    /// How the answer is to be labelled.
    fn labelling(
        &self,
        subject: &menshen_policy::Subject,
        headers: &HeaderMap,
    ) -> Result<Option<Labelling>, GatewayError> {
        let Some(labels) = self.gateway.labels.as_ref().filter(|_| self.family.yields() != Yields::Numbers) else {
            return Ok(None);
        };
        let asked = Asked {
            id: self.id,
            headers,
            subject,
            policy: self.snapshot.policy(&subject.app),
            lang: self.lang(),
            structured: self.request.structured,
            choices: self.family.api() == "chat",
            now_us: self.at_us,
        };
        Labelling::new(labels, &self.gateway.config, &self.gateway.store, &asked).map(Some)
    }

    /// The subject, with the end user's id from header or body.
    fn identify(&mut self) -> Result<(), GatewayError> {
        let user = self.request.user.clone();
        let Some(caller) = &mut self.caller else {
            return Err(GatewayError::new(Failure::Internal, "the caller is unknown"));
        };
        if caller.subject.user.is_none() {
            caller.subject.user = user;
        }
        Ok(())
    }

    pub(crate) fn app(&self) -> String {
        self.caller.as_ref().map_or_else(|| "default".to_owned(), |c| c.subject.app.clone())
    }

    pub(crate) fn subject(&self) -> menshen_policy::Subject {
        self.caller.as_ref().map(|c| c.subject.clone()).unwrap_or_default()
    }

    /// The light in which the model's answer is looked at.
    pub(crate) fn of_answer<'a>(&'a self, subject: &'a menshen_policy::Subject) -> Inquiry<'a> {
        Inquiry { side: Side::Output, subject, extra: &self.extra, guided: self.guided, lang: self.lang() }
    }

    pub(crate) fn lang(&self) -> menshen_policy::Lang {
        guard::language(&self.conversation)
    }

    fn suspended(&self, tenant: &str, user: &str) -> Result<(), GatewayError> {
        let Some(suspension) = self.gateway.store.suspension(tenant, user, self.at_us) else { return Ok(()) };
        let policy = self.snapshot.policy(&self.app());
        let text = policy
            .reply(menshen_policy::SUSPEND_NOTICE, self.lang())
            .unwrap_or("this user is suspended for repeated violations")
            .to_owned();
        let text = self.with_appeal(&text);
        let error = GatewayError::new(Failure::Suspended, text);
        Err(match suspension.until_us {
            Some(until) => error.retry_after(u64::try_from((until - self.at_us) / 1_000_000).unwrap_or(0).max(1)),
            None => error,
        })
    }

    /// Text that is kept elsewhere must have passed here before.
    fn seen_history(&self) -> Result<(), GatewayError> {
        if !self.gateway.guard.enabled() || self.gateway.config.guard.unseen_history == OnUnseen::Pass {
            return Ok(());
        }
        for (param, id) in &self.request.hidden {
            if !self.remembers(id) {
                return Err(GatewayError::new(
                    Failure::HistoryUnseen,
                    format!(
                        "'{param}' refers to text that this gateway has not inspected; send the conversation itself \
                         (an operator can allow it with guard.unseen_history = \"pass\")"
                    ),
                )
                .param(*param));
            }
        }
        Ok(())
    }

    /// Notes what is forwarded unseen because policy says so.
    fn note_unchecked(&mut self, app: &str) {
        let unseen = self.request.hidden.iter().filter(|(_, id)| !self.remembers(id));
        let mut unchecked: Vec<Value> = unseen.map(|(param, _)| json!({"parameter": param})).collect();
        if self.snapshot.policy(app).settings().attachments != menshen_policy::Attachments::External {
            unchecked.extend(self.conversation.attachments.iter().map(|a| json!({"path": a.path, "media": a.media})));
        }
        self.unchecked = unchecked;
    }

    /// Three risky inputs in a row or five in a day suspend the end user (TC260-003 §7).
    async fn strike(&self, disposition: &Disposition) {
        let subject = self.subject();
        let Some(user) = &subject.user else { return };
        // A name that anybody may send gets nobody suspended.
        if disposition.unavailable || !self.vouched() {
            return;
        }
        let risky = self.risky(disposition);
        let store = &self.gateway.store;
        let rule = disposition.rule.as_ref().map(ToString::to_string);
        let done = if disposition.action == Action::Suspend {
            let seconds = i64::try_from(self.gateway.config.limits.suspend_s).unwrap_or(i64::MAX / 2_000_000);
            store
                .suspend(Suspension {
                    tenant: subject.tenant.clone(),
                    user: user.clone(),
                    since_us: self.at_us,
                    until_us: Some(self.at_us.saturating_add(seconds.saturating_mul(1_000_000))),
                    reason: "a rule of the content policy".to_owned(),
                    rule,
                    by: "policy".to_owned(),
                })
                .await
        } else {
            store.strike(&subject.tenant, user, risky, rule.as_deref(), self.at_us).await.map(drop)
        };
        if let Err(e) = done {
            tracing::error!(error = %e, "a strike was not stored");
        }
    }

    /// Whether an input counts against its user.
    pub(super) fn risky(&self, disposition: &Disposition) -> bool {
        !disposition.action.forwards() && disposition.action != Action::Answer && !self.offers_help(disposition)
    }

    /// Whether a reply gives help in a crisis: somebody who asks for help commits no violation.
    fn offers_help(&self, disposition: &Disposition) -> bool {
        let policy = self.snapshot.policy(&self.app());
        let Some(reply) = &disposition.reply else { return false };
        policy
            .packs()
            .replies()
            .any(|r| r.crisis && (r.text.zh.as_ref() == Some(reply) || r.text.en.as_ref() == Some(reply)))
    }

    async fn queue_review(&self, disposition: &Disposition) -> Result<(), GatewayError> {
        let rule = disposition.rule.as_ref().map(ToString::to_string);
        let subject = self.subject();
        let review = NewReview {
            request_id: self.id,
            tenant: Some(subject.tenant),
            app: Some(subject.app),
            user: subject.user,
            reason: rule.clone().unwrap_or_else(|| "policy".to_owned()),
            rule,
            input: input_text(&self.conversation),
            output: self.answer_text.clone(),
            at_us: self.at_us,
        };
        self.gateway.store.add_review(review).await.map(drop).map_err(|e| {
            GatewayError::new(Failure::AuditUnavailable, "the request could not be queued for review; try again")
                .detail(e)
        })
    }

    /// Changes the body as the decision says.
    fn prepare(&mut self, body: &mut Value, disposition: &Disposition, withheld: &[usize], app: &str) {
        if !withheld.is_empty() {
            let policy = self.snapshot.policy(app);
            let notice = policy
                .reply("history.withheld", self.lang())
                .unwrap_or("[this message was withheld by the content policy]");
            guard::withhold(body, &self.conversation, withheld, notice);
        }
        let redactions: Vec<_> = disposition
            .redactions
            .iter()
            .filter(|r| self.conversation.segments.get(r.segment).is_some_and(|s| !withheld.contains(&s.message)))
            .cloned()
            .collect();
        if guard::redact_body(body, &self.conversation, &redactions) {
            self.vault = Some(Arc::new(Vault::new(&self.conversation, &redactions)));
        }
        if let Some(guidance) = &disposition.guidance {
            self.family.guide(body, guidance);
            self.guided = true;
        }
        let guard = &self.gateway.guard;
        self.extra = guard.extra(app, &self.conversation, disposition.guidance.as_deref());
    }

    fn blocked(&self, disposition: &Disposition) -> GatewayError {
        let text = disposition
            .reply
            .clone()
            .unwrap_or_else(|| "this request is against the content policy; change it and try again".to_owned());
        let text = self.with_notice(&text);
        let failure = match disposition.action {
            Action::Suspend => Failure::Suspended,
            _ if disposition.rule.as_ref().is_some_and(|r| r.pack == "settings" && r.rule == "attachments") => {
                Failure::AttachmentBlocked
            }
            _ => Failure::ContentPolicy,
        };
        GatewayError::new(failure, text)
    }

    /// An upstream's error is passed on in the client's format, its text only when it is clean.
    async fn upstream_refused(&self, reply: Reply) -> GatewayError {
        let (status, retry) = (reply.status, reply.retry_after_s);
        let body = reply.bytes(&Limits { max_answer_bytes: 64 << 10, ..self.gateway.config.limits.clone() }).await;
        let said = body
            .ok()
            .and_then(|b| serde_json::from_slice::<Value>(&b).ok())
            .and_then(|v| {
                ["/error/message", "/message", "/error", "/detail"]
                    .iter()
                    .find_map(|p| v.pointer(p).and_then(Value::as_str).map(str::to_owned))
            })
            .unwrap_or_default();
        let conversation = Arc::new(Conversation::of_text(Role::Assistant, said.clone()));
        let subject = self.subject();
        let ruling = self.gateway.guard.rule(&self.snapshot, &conversation, self.of_answer(&subject)).await;
        let clean = ruling.disposition.action == Action::Pass && said.len() <= 2_000;
        let text = if clean && !said.is_empty() {
            said
        } else {
            format!("the model answered with status {}", status.as_u16())
        };
        let mut error = match status.as_u16() {
            401 | 403 if !self.gateway.door.open() => {
                return GatewayError::new(
                    Failure::UpstreamAuth,
                    "the model refused this gateway's credentials; the operator must check the upstream's key",
                );
            }
            300..=399 => {
                GatewayError::new(Failure::UpstreamInvalid, "the model answered with a redirect, which is not followed")
            }
            _ => GatewayError::new(Failure::UpstreamError, text),
        };
        if status.is_client_error() || status.is_server_error() {
            error.status = Some(status);
        }
        error.retry_after_s = retry;
        error.detail(format!("the upstream answered {status}"))
    }

    /// An answer that arrives whole.
    async fn whole(&mut self, reply: Reply) -> Result<Response, GatewayError> {
        let translated = reply.translated;
        let (bytes, mut json) = reply.json(&self.gateway.config.limits).await?;
        let mut touched = translated;
        if translated {
            json = translate::answer(self.family.api(), &json)?;
        }
        let conversation = Arc::new(self.family.read_answer(&json)?);
        self.tokens = self.family.tokens(&json).unwrap_or(0);
        self.answer_text = text_of(&conversation);
        let gateway = Arc::clone(&self.gateway);
        let subject = self.subject();
        if !conversation.attachments.is_empty()
            && let Some(refused) = self.answer_attachment_refused()
        {
            return Err(refused);
        }
        let seen = conversation.attachments.iter();
        self.unchecked.extend(seen.map(|a| json!({"path": a.path, "media": a.media, "side": "output"})));
        let ruling = gateway.guard.rule(&self.snapshot, &conversation, self.of_answer(&subject)).await;
        gateway.metrics.judged(&ruling.verdict);
        let disposition = ruling.disposition.clone();
        self.output = Some(ruling);
        if disposition.unavailable {
            return Err(unavailable());
        }
        if !disposition.action.forwards() {
            if disposition.action == Action::Review {
                self.queue_review(&disposition).await?;
            }
            let text = self.stopped_text(&disposition);
            return self.reply_with(&text, Finish::ContentFilter).await;
        }
        let mut edited = false;
        let put_in = self.label.as_ref().map(|label| label.put_in(&conversation)).unwrap_or_default();
        for (index, segment) in conversation.segments.iter().enumerate() {
            let mut edits = self.edits(index, &segment.text, &disposition);
            if segment.kind == menshen_verdict::Kind::ToolCall && carries_json(&segment.path) {
                edits = edits.into_iter().map(within_json).collect();
            }
            edited |= !edits.is_empty();
            for (_, edit) in put_in.iter().filter(|(at, _)| *at == index) {
                hold_back::insert(&mut edits, edit.clone());
            }
            if let Some(text) = rewritten(&segment.text, &edits, 0, segment.text.len())
                && let Some(slot) = json.pointer_mut(&segment.path)
            {
                *slot = Value::from(text);
                touched = true;
            }
        }
        if edited {
            self.family.drop_echoes(&mut json);
        }
        if let Some(label) = self.label.clone() {
            let files = label.label_files(&mut json)?;
            self.unchecked.extend(files.unlabelled);
            if let Some(members) = json.as_object_mut() {
                members.insert(label::MEMBER.to_owned(), label.aigc.clone());
                touched = true;
            }
        }
        if let Some(id) = self.family.history_id(&json) {
            self.remember(&id);
        }
        let body = if touched { Bytes::from(json.to_string()) } else { bytes };
        self.record(Some(StatusCode::OK)).await?;
        Ok(self.labelled(self.respond(StatusCode::OK, "application/json", Body::from(body))))
    }

    /// An answer that is a sound from its first byte to its last.
    async fn sound(&mut self, reply: Reply, format: &str) -> Result<Response, GatewayError> {
        if let Some(refused) = self.answer_attachment_refused() {
            return Err(refused);
        }
        let kind = reply.content_type.clone();
        if kind.starts_with("application/json") || kind.starts_with("text/") {
            return Err(GatewayError::new(
                Failure::UpstreamInvalid,
                "the model answered with text in place of a sound",
            ));
        }
        let mut sound = reply.bytes(&self.gateway.config.limits).await?;
        self.unchecked.push(json!({"media": "audio", "side": "output"}));
        if let Some(label) = self.label.clone() {
            match label.label_file(&sound, format)? {
                Some(labelled) => sound = Bytes::from(labelled),
                None => self.unchecked.push(json!({"media": "audio", "side": "output", "label": "none"})),
            }
        }
        self.record(Some(StatusCode::OK)).await?;
        let mut response = self.labelled(self.respond(StatusCode::OK, "application/octet-stream", Body::from(sound)));
        if let Ok(kind) = HeaderValue::from_str(&kind) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(response)
    }

    /// The implicit label of what a model generated, as a header.
    fn labelled(&self, mut response: Response) -> Response {
        if let Some(value) = self.label.as_ref().and_then(|label| label.header()) {
            response.headers_mut().insert(label::HEADER, value);
        }
        response
    }

    /// Why an answer with an attachment may not pass; `None` where it may.
    pub(crate) fn answer_attachment_refused(&self) -> Option<GatewayError> {
        let refused = self.gateway.guard.enabled()
            && self.gateway.config.guard.answer_attachments != Attachments::Pass
            && !self.monitors();
        refused.then(|| {
            GatewayError::new(
                Failure::AttachmentBlocked,
                "the model answered with an attachment, which is not allowed here",
            )
        })
    }

    /// Notes an attachment of the answer that passed unseen.
    pub(crate) fn note_unchecked_answer(&mut self, what: Value) {
        self.unchecked.push(what);
    }

    fn monitors(&self) -> bool {
        self.snapshot.policy(&self.app()).settings().monitor
    }

    /// Replacements in one text of the answer: what policy redacts and what was ours to restore.
    pub(crate) fn edits(&self, segment: usize, text: &str, disposition: &Disposition) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        if let Some(vault) = self.vault.as_ref().filter(|v| !v.is_empty()) {
            let mut restorer = Restorer::new(Arc::clone(vault));
            let restored = restorer.push(text).edits.into_iter().chain(restorer.finish().edits);
            edits.extend(restored.map(Edit::from));
        }
        for redaction in disposition.redactions.iter().filter(|r| r.segment == segment) {
            if !edits.iter().any(|e| e.span.overlaps(redaction.span)) {
                edits.push(Edit { span: redaction.span, text: redaction.replacement.clone() });
            }
        }
        edits.sort_by_key(|e| e.span);
        edits
    }

    /// What stands in the place of a withheld answer.
    pub(crate) fn stopped_text(&self, disposition: &Disposition) -> String {
        let policy = self.snapshot.policy(&self.app());
        let stopped = || policy.reply("output.stopped", self.lang()).map(str::to_owned);
        disposition
            .reply
            .clone()
            .or_else(stopped)
            .unwrap_or_else(|| "The rest of this answer was withheld by the content policy.".to_owned())
    }

    fn remembers(&self, id: &str) -> bool {
        self.gateway.history.get(&format!("{}/{id}", self.app())).is_some()
    }

    pub(crate) fn remember(&self, id: &str) {
        self.gateway.history.insert(format!("{}/{id}", self.app()), ());
    }

    /// An answer of ours, streamed when the client asked for a stream.
    async fn reply_with(&mut self, text: &str, finish: Finish) -> Result<Response, GatewayError> {
        text.clone_into(&mut self.answer_text);
        self.record(Some(StatusCode::OK)).await?;
        let id = self.id.simple().to_string();
        if self.request.stream {
            let mut wire = self.family.wire(&self.request, &id);
            let mut out = bytes::BytesMut::new();
            for event in wire.answer(text, finish) {
                event.encode(&mut out);
            }
            Ok(self.respond(StatusCode::OK, "text/event-stream", Body::from(out.freeze())))
        } else {
            let json = self.family.answer(&self.request, &id, text, finish);
            Ok(self.respond(StatusCode::OK, "application/json", Body::from(json.to_string())))
        }
    }

    /// Hands the exchange over to a task that relays the stream.
    fn stream(&mut self, reply: Reply) -> Response {
        let (sender, body) = relay::channel();
        let response = self.labelled(self.respond(StatusCode::OK, "text/event-stream", body));
        let gateway = Arc::clone(&self.gateway);
        let own = std::mem::replace(self, Exchange::new(Arc::clone(&gateway), self.family));
        self.recorded = true;
        gateway.tasks.spawn(relay::run(own, reply, sender));
        response
    }

    /// Ends the request in a failure, in the API's own format.
    async fn refuse(&mut self, error: GatewayError) -> Response {
        self.gateway.metrics.failed(error.failure.code());
        self.error = Some(error.failure.code().to_owned());
        let mut error = error;
        if error.failure.only_counted() {
            self.recorded = true;
            self.count(error.failure.outcome(), None);
        } else if let Err(e) = self.record_failure(&error).await {
            error = e;
        }
        if error.failure == Failure::AuditUnavailable {
            // What policy said, or would have said, is not what happened.
            (self.input, self.output) = (None, None);
        }
        if error.failure.outcome() == Outcome::Unavailable {
            tracing::warn!(request = %self.id, code = error.failure.code(), detail = error.detail, "request failed");
        }
        let body = self.family.error(&error, &self.id.to_string());
        let mut response = self.respond(error.http_status(), "application/json", Body::from(body.to_string()));
        if let Some(seconds) = error.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let outcome = HeaderValue::from_static(error.failure.outcome().id());
        response.headers_mut().insert(OUTCOME, outcome);
        response
    }

    fn respond(&self, status: StatusCode, kind: &'static str, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if kind == "text/event-stream" {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        }
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            headers.insert(REQUEST_ID, id);
        }
        let (outcome, action) = self.outcome();
        if let Some(level) = self.notice {
            headers.insert(conduct::NOTICE, HeaderValue::from_static(level.id()));
        }
        headers.insert(OUTCOME, HeaderValue::from_static(outcome.id()));
        if let Some(action) = action {
            headers.insert(DISPOSITION, HeaderValue::from_static(action.id()));
        }
        response
    }

    /// How it ended, and the stricter of the two sides' actions.
    fn outcome(&self) -> (Outcome, Option<Action>) {
        let rulings = [self.input.as_ref(), self.output.as_ref()];
        let strictest = rulings.iter().flatten().map(|r| &r.disposition).max_by_key(|d| (d.unavailable, d.action));
        strictest.map_or((Outcome::Allowed, None), |d| (d.outcome(), Some(d.action)))
    }

    pub(crate) fn count(&self, outcome: Outcome, action: Option<Action>) {
        self.gateway.metrics.ended(self.family.api(), outcome, action, self.started.elapsed().as_secs_f64());
        self.gateway.metrics.tokens.inc_by(self.tokens);
    }
}

impl Drop for Exchange {
    /// A client that hangs up ends its request's future wherever it stands: that too leaves a record.
    fn drop(&mut self) {
        if self.recorded || self.caller.is_none() {
            return;
        }
        self.recorded = true;
        self.error = Some("client_closed".to_owned());
        let (outcome, action) = self.outcome();
        self.count(outcome, action);
        // The record is queued by the call itself; nobody is left to wait until it is on disk.
        drop(self.gateway.store.record(self.entry(outcome, action, None)));
    }
}

/// The failure of a detector where policy says closed.
pub(crate) fn unavailable() -> GatewayError {
    GatewayError::new(
        Failure::GuardUnavailable,
        "a safety check is unavailable, so this request was not let through; try again shortly",
    )
}

fn text_of(conversation: &Conversation) -> String {
    let texts = conversation.segments.iter().map(|s| s.text.as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// For APIs of our own that read text: the request's JSON as `T`, with an error that names the member.
///
/// # Errors
/// When the body is not JSON or not of this shape.
pub async fn read_as<T: serde::de::DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<T, GatewayError> {
    let json = read_json(headers, body, limits).await?;
    serde_json::from_value(json).map_err(|e| invalid("", format!("the body has the wrong shape: {e}")))
}
