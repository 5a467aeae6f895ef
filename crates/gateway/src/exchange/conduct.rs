//! What the caller's key and end user did before, and may do: tiers, measures, and what is counted.

use http::HeaderMap;
use menshen_policy::Subject;
use menshen_store::{Level, SubjectKind};
use menshen_verdict::Disposition;

use super::Exchange;
use crate::behaviour::{Event, Refused};
use crate::error::{Failure, GatewayError};
use crate::tiers::Wish;

/// The header that tells a caller of measures against their key or user: `warn` or `throttle`.
pub(super) const NOTICE: &str = "x-menshen-notice";
/// The reply that goes with a warning.
const WARN: &str = "behaviour.warn";
/// The reply for somebody who is slowed.
const SLOWED: &str = "behaviour.throttled";
/// The reply for a key that is suspended.
const KEY_SUSPENDED: &str = "behaviour.key-suspended";
/// How somebody is told where to appeal; `{url}` is filled in.
const APPEAL: &str = "behaviour.appeal";

impl Exchange {
    fn words(&self, id: &str) -> Option<String> {
        self.snapshot.policy(&self.app()).reply(id, self.lang()).map(str::to_owned)
    }

    /// Whether somebody stands for the name of the end user.
    pub(super) fn vouched(&self) -> bool {
        let here = self.gateway.door.here();
        self.caller.as_ref().is_some_and(|caller| caller.vouches(here))
    }

    /// Takes over what is known of the end user, and holds them to their tier.
    pub(super) async fn tiered(&mut self, headers: &HeaderMap) -> Result<Subject, GatewayError> {
        let gateway = std::sync::Arc::clone(&self.gateway);
        let mut subject = self.subject();
        let profile = gateway.tiers.profile(&subject).await?;
        gateway.tiers.describe(&mut subject, profile.as_deref());
        if let Some(caller) = &mut self.caller {
            caller.subject = subject.clone();
        }
        let region = gateway.conduct.region(self.peer, headers);
        let wish =
            Wish { api: self.family.api(), model: &self.request.model, region: region.as_deref(), now_us: self.at_us };
        gateway.tiers.admit(&subject, profile.as_deref(), wish).await?;
        Ok(subject)
    }

    /// Holds the caller to the measures that stand against their key or user.
    pub(super) fn held_to(&mut self) -> Result<(), GatewayError> {
        let Some(caller) = &self.caller else { return Ok(()) };
        match self.gateway.conduct.admit(caller, self.at_us) {
            Ok(told) => {
                self.notice = told;
                Ok(())
            }
            Err(Refused::Slowed(wait_s)) => {
                self.notice = Some(Level::Throttle);
                let fallback = || "requests are slowed for unusual use; wait and try again".to_owned();
                let text = self.words(SLOWED).unwrap_or_else(fallback);
                Err(GatewayError::new(Failure::RateLimited, text).retry_after(wait_s))
            }
            Err(Refused::Suspended(measure)) => {
                let (failure, words, fallback) = match measure.who.kind {
                    SubjectKind::User => {
                        (Failure::Suspended, menshen_policy::SUSPEND_NOTICE, "this user is suspended for unusual use")
                    }
                    SubjectKind::Key => (
                        Failure::KeySuspended,
                        KEY_SUSPENDED,
                        "this API key is suspended for unusual use; ask its operator",
                    ),
                };
                let text = self.words(words).unwrap_or_else(|| fallback.to_owned());
                let left = measure.until_us.saturating_sub(self.at_us) / 1_000_000;
                let wait_s = u64::try_from(left).unwrap_or(0).max(1);
                Err(GatewayError::new(failure, self.with_appeal(&text)).retry_after(wait_s))
            }
        }
    }

    /// Counts the request, and what comes of it.
    pub(super) async fn watched(&mut self, headers: &HeaderMap, disposition: &Disposition, monitor: bool) {
        let (Some(caller), Some(input)) = (&self.caller, &self.input) else { return };
        if disposition.unavailable {
            return;
        }
        let event = Event {
            peer: self.peer,
            headers,
            labels: &input.verdict.labels,
            risky: self.risky(disposition),
            vouched: self.vouched(),
            monitor,
            request_id: self.id,
            at_us: self.at_us,
        };
        let done = self.gateway.conduct.asked(caller, event).await;
        self.notice = self.notice.max(done);
    }

    /// Counts the answer's tokens.
    pub(super) async fn spent(&self) {
        let Some(caller) = &self.caller else { return };
        let (vouched, monitor) = (self.vouched(), self.monitors());
        let now_us = jiff::Timestamp::now().as_microsecond();
        self.gateway.conduct.spent(caller, self.tokens, vouched, monitor, self.id, now_us).await;
    }

    /// A reply of ours, with the gentle words of a warning where one stands.
    pub(super) fn with_notice(&self, text: &str) -> String {
        match self.notice.and_then(|_| self.words(WARN)) {
            Some(words) => format!("{text}\n\n{words}"),
            None => text.to_owned(),
        }
    }

    /// A suspension's sentence, with where to appeal.
    pub(super) fn with_appeal(&self, text: &str) -> String {
        self.gateway.conduct.with_appeal(text, self.words(APPEAL).as_deref())
    }
}
