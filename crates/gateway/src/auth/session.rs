//! The session cookie: how it is read, when it is believed, how it is written.

use http::{HeaderMap, HeaderValue, Method, header};
use menshen_store::{OpenSession, csrf_of, same_secret};

use crate::auth::{ADMIN, Caller, Door, Permission};
use crate::error::{Failure, GatewayError};

/// The name of the cookie.
pub const COOKIE: &str = "menshen_session";
/// The cookie of a sign-on that is under way. Where cookies are for TLS, its name lets no other host set it.
const ATTEMPT: &str = "menshen_sign_on";
const ATTEMPT_TLS: &str = "__Host-menshen_sign_on";
/// The header that a changing request carries beside the cookie.
pub const CSRF: &str = "x-menshen-csrf";

/// The token in the cookie. Two different ones are none: one of them was put there by somebody else (another host of the
/// same domain may set cookies here).
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    kept(headers, COOKIE)
}

fn kept<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let mut found = None;
    for value in headers.get_all(header::COOKIE) {
        for pair in value.to_str().ok()?.split(';') {
            let Some((name, value)) = pair.trim().split_once('=') else { continue };
            if name != wanted {
                continue;
            }
            if found.is_some_and(|known| known != value) {
                return None;
            }
            found = Some(value);
        }
    }
    found.filter(|t| !t.is_empty())
}

/// Refuses what a page of another origin sends. Browsers say so themselves; what says nothing is judged by the rest.
pub(crate) fn same_origin(headers: &HeaderMap) -> Result<(), GatewayError> {
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(GatewayError::new(Failure::Csrf, "this request comes from a page of another origin")),
    }
}

impl Door {
    /// Who is signed in, with the session's token.
    pub fn signed_in<'a>(&self, headers: &'a HeaderMap) -> Option<(OpenSession, &'a str)> {
        let token = token(headers)?;
        let now_us = jiff::Timestamp::now().as_microsecond();
        let open = self.store.session(token, now_us)?;
        // A key that no longer administers opens nothing, however long the session would last.
        if open.person.is_none() && open.key.as_ref().is_some_and(|key| !key.has_scope(ADMIN)) {
            return None;
        }
        Some((open, token))
    }

    /// The same for a request that may change something: the header must hold the session's token against forged requests.
    ///
    /// # Errors
    /// When it does not.
    pub fn signed_in_for<'a>(
        &self,
        method: &Method,
        headers: &'a HeaderMap,
    ) -> Result<Option<(OpenSession, &'a str)>, GatewayError> {
        let Some((open, token)) = self.signed_in(headers) else { return Ok(None) };
        if !method.is_safe() {
            same_origin(headers)?;
            let given = headers.get(CSRF).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !same_secret(given, &csrf_of(token)) {
                let message =
                    "the header x-menshen-csrf is missing or not this session's; GET /console/api/session says it";
                return Err(GatewayError::new(Failure::Csrf, message));
            }
        }
        Ok(Some((open, token)))
    }

    /// A caller who is signed in.
    pub(super) fn caller_of(&self, open: OpenSession, headers: &HeaderMap) -> Caller {
        let stranger = self.stranger(headers);
        let mut subject = stranger.subject.clone();
        if let Some(tenant) = open.person.as_ref().and_then(|p| p.tenant.clone()) {
            subject.tenant = tenant;
        }
        let key_id = match (&open.person, open.key_id) {
            (Some(person), _) => Some(format!("person:{}", person.name)),
            (None, key_id) => key_id,
        };
        let admin = open.person.is_none();
        Caller { subject, key_id, admin, person: open.person, session: Some(open.session.id), ..stranger }
    }

    /// Lets those in who may do this: an administrator's key, or somebody who is signed in and has it by their roles. There
    /// is no open mode here.
    ///
    /// # Errors
    /// 401 for nobody, 403 for somebody who may not.
    pub fn permitted(
        &self,
        method: &Method,
        headers: &HeaderMap,
        permission: Option<Permission>,
    ) -> Result<Caller, GatewayError> {
        let caller = if super::presented(headers).is_some() {
            self.caller_for(method, headers)?
        } else if let Some((open, _)) = self.signed_in_for(method, headers)? {
            self.caller_of(open, headers)
        } else {
            return Err(GatewayError::new(
                Failure::Unauthorized,
                "sign in at /console, or send an admin key as 'Authorization: Bearer …'",
            ));
        };
        caller.allowed(permission)?;
        Ok(caller)
    }

    /// What a browser keeps of a sign-on that is under way.
    pub(crate) fn attempt<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        kept(headers, if self.secure_cookie { ATTEMPT_TLS } else { ATTEMPT })
    }

    /// The header that lets it keep that; empty takes it away. `Lax`, since the way back begins at the provider.
    pub(crate) fn attempt_cookie(&self, text: &str, lasts_s: u32) -> Option<HeaderValue> {
        let (name, secure) = if self.secure_cookie { (ATTEMPT_TLS, "; Secure") } else { (ATTEMPT, "") };
        HeaderValue::from_str(&format!("{name}={text}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}{secure}")).ok()
    }

    /// The header that gives a browser its session; an empty token takes it away.
    pub fn cookie(&self, token: &str, most_s: u32) -> Option<HeaderValue> {
        let secure = if self.secure_cookie { "; Secure" } else { "" };
        let age = if token.is_empty() { 0 } else { most_s };
        HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn a_cookie_is_read_by_its_whole_name_and_two_different_ones_are_none() {
        assert_eq!(token(&with(&["a=b; menshen_session=tok; c=d"])), Some("tok"));
        assert_eq!(token(&with(&["a=b", "menshen_session=tok"])), Some("tok"));
        assert_eq!(token(&with(&["menshen_session=tok; menshen_session=tok"])), Some("tok"));
        for none in [
            &["menshen_session=one; menshen_session=two"][..],
            &["menshen_session=one", "menshen_session=two"],
            &["xmenshen_session=tok"],
            &["menshen_session="],
            &["menshen_session"],
            &[],
        ] {
            assert_eq!(token(&with(none)), None, "{none:?}");
        }
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for (value, good) in
            [("same-origin", true), ("none", true), ("cross-site", false), ("same-site", false), ("", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert("sec-fetch-site", HeaderValue::from_str(value).unwrap());
            assert_eq!(same_origin(&headers).is_ok(), good, "{value}");
        }
        assert!(same_origin(&HeaderMap::new()).is_ok());
    }
}
