//! What can go wrong at the door: who is to blame, whether a retry is safe, and what each side is told.
//!
//! The text for the client never carries matched words, upstream addresses or internals; the detail is for operators.

use std::borrow::Cow;

use http::StatusCode;
use menshen_verdict::Outcome;

/// Who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The caller.
    Client,
    /// The model behind us.
    Upstream,
    /// This program or its operator.
    Us,
    /// Nobody: policy decided.
    Policy,
}

macro_rules! failures {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $code:literal, $blame:ident, $outcome:ident, $retry:literal;)+) => {
        /// Every way in which a request can end without an answer of the model.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Failure {
            $($(#[$doc])* $variant,)+
        }

        impl Failure {
            /// All failures.
            pub const ALL: &'static [Failure] = &[$(Failure::$variant,)+];

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let code = match self { $(Failure::$variant => $status,)+ };
                StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The stable code, part of the API's contract.
            pub const fn code(self) -> &'static str {
                match self { $(Failure::$variant => $code,)+ }
            }

            /// Who has to change something.
            pub const fn blame(self) -> Blame {
                match self { $(Failure::$variant => Blame::$blame,)+ }
            }

            /// The outcome that is counted and recorded.
            pub const fn outcome(self) -> Outcome {
                match self { $(Failure::$variant => Outcome::$outcome,)+ }
            }

            /// Whether sending the same request again may succeed and does no harm.
            pub const fn retry(self) -> bool {
                match self { $(Failure::$variant => $retry,)+ }
            }
        }
    };
}

failures! {
    /// The body is not JSON.
    InvalidJson = 400, "invalid_json", Client, Invalid, false;
    /// The body is JSON of the wrong shape.
    InvalidRequest = 400, "invalid_request", Client, Invalid, false;
    /// The body is larger than the limit.
    TooLarge = 413, "request_too_large", Client, Invalid, false;
    /// The client took too long to send its body.
    ReadTimeout = 408, "request_timeout", Client, Invalid, true;
    /// The body has a content type or encoding that is not read.
    UnsupportedMedia = 415, "unsupported_media_type", Client, Invalid, false;
    /// No key, or not one of ours.
    Unauthorized = 401, "invalid_api_key", Client, Invalid, false;
    /// Name, password or code are not right.
    WrongCredentials = 401, "wrong_credentials", Client, Invalid, false;
    /// The password is right, and the second factor is missing.
    SecondFactor = 401, "second_factor_needed", Client, Invalid, false;
    /// A changing request with a session, but without its token against forged requests.
    Csrf = 403, "csrf_token_missing", Client, Invalid, false;
    /// A key without the right to do this.
    Forbidden = 403, "permission_denied", Client, Invalid, false;
    /// The requests or tokens of this key are used up for now.
    RateLimited = 429, "rate_limit_exceeded", Client, Invalid, true;
    /// No such path.
    NotFound = 404, "not_found", Client, Invalid, false;
    /// It does not fit the present state of what it would change.
    Conflict = 409, "conflict", Client, Invalid, false;
    /// The path exists, the method does not.
    MethodNotAllowed = 405, "method_not_allowed", Client, Invalid, false;
    /// The request refers to text kept elsewhere that was never inspected here.
    HistoryUnseen = 400, "history_not_inspected", Client, Invalid, false;
    /// Policy blocked the content.
    ContentPolicy = 400, "content_policy_violation", Policy, Intervened, false;
    /// Policy does not let this kind of attachment pass unchecked.
    AttachmentBlocked = 400, "attachment_not_allowed", Policy, Intervened, false;
    /// The end user is suspended.
    Suspended = 403, "user_suspended", Policy, Intervened, false;
    /// The key is suspended.
    KeySuspended = 403, "key_suspended", Policy, Intervened, false;
    /// The end user's tier or profile does not allow this.
    Tier = 403, "tier_not_allowed", Client, Invalid, false;
    /// Minors' mode does not allow this, or not now.
    MinorMode = 403, "minor_mode", Policy, Intervened, false;
    /// An answer without explicit label was asked for, and nobody agreed to that.
    LabelAgreement = 403, "label_agreement_missing", Client, Invalid, false;
    /// The model answered with a file that has no place for a label.
    CannotLabel = 502, "cannot_label", Us, Unavailable, false;
    /// No upstream is configured.
    NoUpstream = 503, "no_upstream", Us, Unavailable, false;
    /// No upstream could be reached.
    UpstreamUnreachable = 502, "upstream_unreachable", Upstream, Unavailable, true;
    /// The upstream refused our credentials.
    UpstreamAuth = 502, "upstream_auth", Us, Unavailable, false;
    /// The upstream did not answer in time.
    UpstreamTimeout = 504, "upstream_timeout", Upstream, Unavailable, true;
    /// The upstream's answer cannot be read.
    UpstreamInvalid = 502, "upstream_invalid_response", Upstream, Unavailable, true;
    /// The upstream broke off its answer.
    UpstreamCut = 502, "upstream_incomplete_response", Upstream, Unavailable, true;
    /// The upstream's answer is larger than the limit.
    UpstreamTooLarge = 502, "upstream_response_too_large", Upstream, Unavailable, false;
    /// The upstream answered with an error of its own.
    UpstreamError = 502, "upstream_error", Upstream, Unavailable, true;
    /// A detector could not do its work, and policy says closed.
    GuardUnavailable = 503, "guard_unavailable", Us, Unavailable, true;
    /// The record could not be written, and policy says closed.
    AuditUnavailable = 503, "audit_unavailable", Us, Unavailable, true;
    /// Too much is under way.
    Overloaded = 503, "overloaded", Us, Unavailable, true;
    /// The program is shutting down.
    Draining = 503, "shutting_down", Us, Unavailable, true;
    /// A bug of ours.
    Internal = 500, "internal_error", Us, Unavailable, true;
}

impl Failure {
    /// Strangers and floods are counted, not recorded: they must not be able to fill the disk.
    pub const fn only_counted(self) -> bool {
        matches!(
            self,
            Failure::Unauthorized
                | Failure::WrongCredentials
                | Failure::SecondFactor
                | Failure::Csrf
                | Failure::RateLimited
                | Failure::Overloaded
        )
    }
}

/// A failure with what to tell the client and what to tell the operator.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", .failure.code())]
pub struct GatewayError {
    /// What went wrong.
    pub failure: Failure,
    /// For the client: says what to do, never what matched.
    pub message: Cow<'static, str>,
    /// The parameter at fault, when one is.
    pub param: Option<String>,
    /// For operators: logged, never sent.
    pub detail: Option<String>,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u64>,
    /// What the client needs to go on: the second factors that will do.
    pub factors: Option<Box<serde_json::Value>>,
    /// The upstream's own status, where it is passed on instead of ours.
    pub status: Option<StatusCode>,
}

impl GatewayError {
    /// A failure with its text for the client.
    pub fn new(failure: Failure, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        let (param, detail, retry_after_s, factors, status) = (None, None, None, None, None);
        GatewayError { failure, message, param, detail, retry_after_s, factors, status }
    }

    /// Says which second factors will do.
    #[must_use]
    pub fn factors(mut self, factors: serde_json::Value) -> Self {
        self.factors = Some(Box::new(factors));
        self
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Adds what only operators see.
    #[must_use]
    pub fn detail(mut self, detail: impl std::fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The HTTP status to answer with.
    pub fn http_status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| self.failure.status())
    }
}

/// The end of what was under way when the drain time was over.
pub(crate) fn stopping() -> GatewayError {
    GatewayError::new(Failure::Draining, "the gateway is shutting down; try again").retry_after(5)
}

/// Shorthand for a request of the wrong shape.
pub(crate) fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> GatewayError {
    GatewayError::new(Failure::InvalidRequest, message).param(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_an_outage_is_never_a_policy_hit() {
        let mut codes: Vec<_> = Failure::ALL.iter().map(|f| f.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Failure::ALL.len());
        for failure in Failure::ALL {
            let policy = failure.blame() == Blame::Policy;
            assert_eq!(policy, failure.outcome() == Outcome::Intervened, "{failure:?}");
            assert_eq!(failure.outcome() == Outcome::Unavailable, failure.status().is_server_error(), "{failure:?}");
        }
    }
}
