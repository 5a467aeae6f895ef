//! What the audit keeps of an exchange.

use http::StatusCode;
use menshen_store::{Entry, Text};
use menshen_verdict::{Action, Conversation, Family as FindingFamily, Finding, Outcome, Role, Side};
use serde_json::{Value, json};

use super::Exchange;
use crate::config::{KeepText, OnFailure};
use crate::error::{Failure, GatewayError};
use crate::guard::{self, Ruling};
use crate::hold_back::{Edit, rewritten};

/// How long a client is told to wait where records cannot be written, in seconds.
const RETRY_S: u64 = 5;

impl Exchange {
    /// Whether a record of this request can be written, as far as is known: what cannot be recorded is not sent to a model
    /// either, and above all not streamed. The store tries by itself whether it can again.
    ///
    /// # Errors
    /// When it cannot and policy says closed.
    pub(super) fn recordable(&mut self) -> Result<(), GatewayError> {
        if self.gateway.config.audit.on_failure == OnFailure::Open || self.gateway.store.health().failing.is_none() {
            return Ok(());
        }
        // Nothing to try: a full disk does not need the attempts of everybody.
        self.recorded = true;
        self.count(Outcome::Unavailable, None);
        Err(GatewayError::new(
            Failure::AuditUnavailable,
            "requests cannot be recorded at the moment, so none is answered; try again later",
        )
        .retry_after(RETRY_S))
    }

    /// Writes the record of a request that was answered.
    ///
    /// # Errors
    /// When it cannot be written and policy says closed.
    pub(crate) async fn record(&mut self, status: Option<StatusCode>) -> Result<(), GatewayError> {
        let (outcome, action) = self.outcome();
        self.write(outcome, action, status).await
    }

    pub(super) async fn record_failure(&mut self, error: &GatewayError) -> Result<(), GatewayError> {
        let outcome = error.failure.outcome();
        let action = if outcome == Outcome::Intervened { self.outcome().1 } else { None };
        if let Some(detail) = &error.detail {
            self.error = Some(format!("{}: {detail}", error.failure.code()));
        }
        self.write(outcome, action, Some(error.http_status())).await
    }

    /// Writes the record with the outcome of a stream that ended in `error`.
    ///
    /// # Errors
    /// When it cannot be written and policy says closed.
    pub(crate) async fn record_cut(&mut self, error: &GatewayError) -> Result<(), GatewayError> {
        self.gateway.metrics.failed(error.failure.code());
        self.error = Some(error.failure.code().to_owned());
        self.record_failure(error).await
    }

    async fn write(
        &mut self,
        outcome: Outcome,
        action: Option<Action>,
        status: Option<StatusCode>,
    ) -> Result<(), GatewayError> {
        if std::mem::replace(&mut self.recorded, true) {
            return Ok(());
        }
        self.count(outcome, action);
        let entry = self.entry(outcome, action, status);
        if let Some(caller) = &self.caller {
            self.gateway.limiter.spend(caller, self.tokens);
        }
        self.spent().await;
        match self.gateway.store.record(entry).await {
            Ok(_) => Ok(()),
            Err(e) => {
                tracing::error!(request = %self.id, error = %e, "a record could not be written");
                match self.gateway.config.audit.on_failure {
                    OnFailure::Open => Ok(()),
                    OnFailure::Closed => Err(GatewayError::new(
                        Failure::AuditUnavailable,
                        "the answer is withheld because its record cannot be written; try again later",
                    )
                    .retry_after(RETRY_S)),
                }
            }
        }
    }

    pub(super) fn entry(&self, outcome: Outcome, action: Option<Action>, status: Option<StatusCode>) -> Entry {
        let mut entry = Entry::request(self.id, self.at_us);
        if let Some(caller) = &self.caller {
            entry.tenant = Some(caller.subject.tenant.clone());
            entry.app = Some(caller.subject.app.clone());
            entry.user.clone_from(&caller.subject.user);
            entry.key_id.clone_from(&caller.key_id);
        }
        entry.api = Some(self.family.api().to_owned());
        entry.model = Some(self.request.model.clone()).filter(|m| !m.is_empty());
        entry.outcome = Some(outcome);
        entry.action = action;
        let deciding = [(Side::Output, &self.output), (Side::Input, &self.input)]
            .into_iter()
            .filter_map(|(side, ruling)| ruling.as_ref().map(|r| (side, r)))
            .max_by_key(|(_, r)| (r.disposition.unavailable, r.disposition.action));
        if let Some((side, ruling)) = deciding {
            entry.side = Some(side);
            entry.rule = ruling.disposition.rule.as_ref().map(ToString::to_string);
            entry.answer_ref = ruling.disposition.answer.as_ref().map(|a| format!("{}@{}", a.id, a.version));
        }
        entry.status = status.map(|s| s.as_u16());
        entry.packs = self.snapshot.versions.clone();
        entry.verdict = json!({
            "input": self.input.as_ref().map(summary),
            "output": self.output.as_ref().map(summary),
        });
        let places = places(&self.conversation);
        if places.as_slice() != [(0, 0)] {
            entry.verdict["places"] = json!(places);
        }
        if let Some(label) = &self.label {
            entry.verdict["label"] = label.summary();
        }
        if !self.unchecked.is_empty() {
            entry.verdict["unchecked"] = Value::from(self.unchecked.clone());
        }
        entry.attempts = self.attempts.clone();
        entry.timings = json!({
            "total_us": u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "input_us": self.input.as_ref().map(|r| r.verdict.took_us()),
            "output_us": self.output.as_ref().map(|r| r.verdict.took_us()),
            "tokens": self.tokens,
        });
        entry.text = match self.gateway.config.audit.text {
            KeepText::Omitted => None,
            KeepText::Encrypted => {
                Some(Text::Plain { input: input_text(&self.conversation), output: self.answer_text.clone() })
            }
            KeepText::Redacted => Some(Text::Redacted {
                input: censored(&self.conversation, self.input.as_ref()),
                output: match &self.output {
                    Some(ruling) if !ruling.verdict.findings.is_empty() => {
                        format!("[{} bytes with findings]", self.answer_text.len())
                    }
                    _ => self.answer_text.clone(),
                },
            }),
        };
        entry.error.clone_from(&self.error);
        entry
    }
}

/// What the record keeps of a ruling: labels, findings without evidence, rules.
pub(crate) fn summary(ruling: &Ruling) -> Value {
    let labels = &ruling.verdict.labels;
    json!({
        "action": ruling.disposition.action.id(),
        "rule": ruling.disposition.rule.as_ref().map(ToString::to_string),
        "hits": ruling.disposition.hits.iter().map(|h| json!({
            "rule": h.rule.to_string(), "action": h.action.id(), "monitor": h.monitor})).collect::<Vec<_>>(),
        "principles": ruling.disposition.principles,
        "risk": {"score": menshen_verdict::rounded(labels.risk_score), "topics": labels.risks, "level": guard::scored(&labels.level)},
        "attack": {"score": menshen_verdict::rounded(labels.attack_score), "classes": labels.attacks},
        "intent": guard::scored(&labels.intent),
        "topic": guard::scored(&labels.topic),
        "sentiment": guard::scored(&labels.sentiment),
        "findings": ruling.verdict.findings.iter().map(|f| json!({
            "detector": f.detector, "segment": f.segment, "start": f.span.start, "end": f.span.end,
            "score": menshen_verdict::rounded(f.score), "via": f.via})).collect::<Vec<_>>(),
        "withheld": ruling.withheld,
        "unavailable": ruling.verdict.unavailable,
        "stages": ruling.verdict.stages,
    })
}

/// The turn at hand: what the user and tools brought since the model's last message, each with its number in the
/// conversation.
fn turn(conversation: &Conversation) -> impl Iterator<Item = (usize, &str)> {
    let last = conversation.segments.iter().rposition(|s| s.role == Role::Assistant).map_or(0, |i| i + 1);
    let segments = conversation.segments.iter().enumerate().skip(last);
    segments.filter(|(_, s)| s.role != Role::System).map(|(index, s)| (index, s.text.as_str()))
}

/// The turn at hand, for the record.
pub(super) fn input_text(conversation: &Conversation) -> String {
    turn(conversation).map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// Where each segment of the turn begins in the recorded text, in bytes: findings count from the segment's beginning.
fn places(conversation: &Conversation) -> Vec<(usize, usize)> {
    let mut at = 0;
    turn(conversation)
        .map(|(index, text)| {
            let from = at;
            at += text.len() + 1;
            (index, from)
        })
        .collect()
}

/// The same without what was found in it.
fn censored(conversation: &Conversation, ruling: Option<&Ruling>) -> String {
    let last = conversation.segments.iter().rposition(|s| s.role == Role::Assistant).map_or(0, |i| i + 1);
    let mut out = Vec::new();
    for (index, segment) in conversation.segments.iter().enumerate().skip(last) {
        if segment.role == Role::System {
            continue;
        }
        let mut edits: Vec<Edit> = Vec::new();
        let labels = |f: &&Finding| f.segment == index && !matches!(f.family, FindingFamily::Cue | FindingFamily::Grey);
        for finding in ruling.iter().flat_map(|r| &r.verdict.findings).filter(labels) {
            if !edits.iter().any(|e| e.span.overlaps(finding.span)) {
                edits.push(Edit { span: finding.span, text: format!("[{}]", finding.label) });
            }
        }
        edits.sort_by_key(|e| e.span);
        out.push(rewritten(&segment.text, &edits, 0, segment.text.len()).unwrap_or_else(|| segment.text.clone()));
    }
    out.join("\n")
}
