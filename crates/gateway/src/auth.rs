//! Who calls, and what they may do.

mod permission;
mod session;
mod site;

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, Method, header};
use menshen_policy::Subject;
use menshen_store::{Person, Role, Store, same_secret};

use crate::config::{AuthMode, Config, SecureCookie};
use crate::error::{Failure, GatewayError};

pub use permission::Permission;
pub(crate) use permission::of_annex;
pub use session::{COOKIE, CSRF};
pub(crate) use session::{same_origin, token};
pub(crate) use site::site;

/// The scope of a key that may administer.
pub const ADMIN: &str = "admin";
/// The scope of a key that may vouch for end users: set their profiles.
pub const PROFILES: &str = "profiles";
/// The scope of a key that may converse and check.
pub const INFER: &str = "infer";

/// A caller who was let in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Tenant, application, end user, tier, scene.
    pub subject: Subject,
    /// The key's id; `person:` and the name for somebody who is signed in; `None` where no key is needed.
    pub key_id: Option<String>,
    /// Requests a minute; 0 for no limit.
    pub requests_per_minute: u32,
    /// Tokens a minute; 0 for no limit.
    pub tokens_per_minute: u32,
    /// Tokens a day; 0 for no limit.
    pub tokens_per_day: u64,
    /// Whether the caller has an administrator's key, and may do everything.
    pub admin: bool,
    /// The person who is signed in.
    pub person: Option<Arc<Person>>,
    /// The session's id.
    pub session: Option<String>,
}

impl Caller {
    /// Lets those through who may do this; `None` is for an administrator's key only.
    ///
    /// # Errors
    /// For everybody else.
    pub fn allowed(&self, permission: Option<Permission>) -> Result<(), GatewayError> {
        if self.admin {
            return Ok(());
        }
        let refused = |why: &'static str| Err(GatewayError::new(Failure::Forbidden, why));
        let (Some(person), Some(permission)) = (&self.person, permission) else {
            return refused("this needs an admin key");
        };
        if !permission.roles().iter().any(|role| person.is(*role)) {
            return refused("your roles do not allow this; an owner can change them");
        }
        if permission.of_the_house() && person.tenant.is_some() {
            return refused("this concerns all tenants, and your account is bound to one");
        }
        Ok(())
    }

    /// Whether they may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.allowed(Some(permission)).is_ok()
    }

    /// The one tenant they may see; none for all.
    pub fn bound(&self) -> Option<&str> {
        self.person.as_ref().and_then(|p| p.tenant.as_deref())
    }

    /// Whether they may see what is of this tenant, or of none.
    pub fn sees(&self, tenant: Option<&str>) -> bool {
        self.bound().is_none_or(|own| tenant == Some(own))
    }

    /// Whether somebody stands for the names of end users that the request gives: whoever showed a key, or, where none is
    /// needed, `open_here` says that only this machine can ask. Staff who try things out stand for nobody but themselves.
    pub fn vouches(&self, open_here: bool) -> bool {
        if self.person.is_some() || self.session.is_some() { false } else { self.key_id.is_some() || open_here }
    }

    /// Whether they are an owner of the whole house, or have an administrator's key.
    pub fn rules_all(&self) -> bool {
        self.admin || self.person.as_ref().is_some_and(|p| p.is(Role::Owner) && p.tenant.is_none())
    }
}

/// The application of the console's plain answers: guarded in monitor mode, and open to people with
/// [`Permission::Plain`] alone. No key and no stranger gets in by naming it.
pub const PLAIN: &str = "console.plain";

/// Checks keys.
pub struct Door {
    mode: AuthMode,
    loopback: bool,
    secure_cookie: bool,
    /// The admin key that was configured, if one was.
    admin_key: Option<String>,
    store: Store,
    requests_per_minute: u32,
    tokens_per_minute: u32,
    tokens_per_day: u64,
    /// Applications whose scene the operator has set: no header changes it.
    bound: Vec<String>,
}

/// The key a request presents: `Authorization: Bearer …`, `x-api-key` (Anthropic, LiteLLM) or `api-key` (Azure).
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    bearer
        .and_then(|v| v.strip_prefix("Bearer ").or_else(|| v.strip_prefix("bearer ")))
        .or_else(|| ["x-api-key", "api-key"].iter().find_map(|n| headers.get(*n).and_then(|v| v.to_str().ok())))
        .map(str::trim)
        .filter(|k| !k.is_empty())
}

fn named(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned)
}

/// A caller, unless they speak for [`PLAIN`] and may not.
fn plainly(caller: Caller) -> Result<Caller, GatewayError> {
    if caller.subject.app == PLAIN && !caller.may(Permission::Plain) {
        return Err(GatewayError::new(Failure::Forbidden, "this application is the console's own; name another"));
    }
    Ok(caller)
}

impl Door {
    /// A door for `config`; `admin_key` is the key that the operator set, if any.
    pub fn new(config: &Config, store: Store, admin_key: Option<&str>) -> Self {
        Door {
            mode: config.auth.mode,
            loopback: config.listen.ip().is_loopback(),
            secure_cookie: match config.console.secure_cookie {
                SecureCookie::Auto => !config.listen.ip().is_loopback(),
                SecureCookie::Always => true,
                SecureCookie::Never => false,
            },
            admin_key: admin_key.map(str::to_owned),
            store,
            requests_per_minute: config.limits.requests_per_minute,
            tokens_per_minute: config.limits.tokens_per_minute,
            tokens_per_day: config.limits.tokens_per_day,
            bound: config.apps.iter().filter(|(_, app)| app.scene.is_some()).map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether callers need no key of ours.
    pub fn open(&self) -> bool {
        match self.mode {
            AuthMode::Open => true,
            AuthMode::Keys => false,
            AuthMode::Auto => self.loopback && !self.keys_exist(),
        }
    }

    /// Whether only this machine can reach us, and so whoever asks is the operator's.
    pub fn here(&self) -> bool {
        self.loopback && self.open()
    }

    /// Lets a key in that has a scope, or an administrator's.
    ///
    /// # Errors
    /// 401 without a key, 403 for one without the scope and for sessions.
    pub fn scoped(&self, method: &Method, headers: &HeaderMap, scope: &'static str) -> Result<Caller, GatewayError> {
        plainly(self.scoped_for(method, headers, scope)?)
    }

    fn scoped_for(&self, method: &Method, headers: &HeaderMap, scope: &'static str) -> Result<Caller, GatewayError> {
        let refused =
            || GatewayError::new(Failure::Forbidden, format!("this needs an API key with the scope '{scope}'"));
        let Some(secret) = presented(headers) else {
            if self.signed_in_for(method, headers)?.is_some() {
                return Err(refused());
            }
            return Err(GatewayError::new(
                Failure::Unauthorized,
                format!("an API key with the scope '{scope}' is required: send it as 'Authorization: Bearer …'"),
            ));
        };
        if self.is_admin_key(secret) {
            return Ok(Caller { admin: true, key_id: Some("admin".to_owned()), ..self.stranger(headers) });
        }
        let now_us = jiff::Timestamp::now().as_microsecond();
        let key = self.store.authenticate(secret, now_us).map_err(|refusal| {
            GatewayError::new(Failure::Unauthorized, "this API key is not valid here").detail(refusal)
        })?;
        if !key.has_scope(scope) && !key.has_scope(ADMIN) {
            return Err(refused());
        }
        let stranger = self.stranger(headers);
        Ok(Caller {
            subject: Subject { app: key.app.clone(), tenant: key.tenant.clone(), ..stranger.subject.clone() },
            key_id: Some(key.id.clone()),
            requests_per_minute: key.rpm.unwrap_or(self.requests_per_minute),
            admin: key.has_scope(ADMIN),
            ..stranger
        })
    }

    /// Whether anybody was ever given a key to converse with.
    fn keys_exist(&self) -> bool {
        // A revoked key counts: revoking the last one must not open the door to everybody.
        self.store.keys().iter().any(|k| k.has_scope(INFER))
    }

    /// Lets a caller in who wants to converse or check.
    ///
    /// # Errors
    /// Without a valid key or session where one is needed.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, GatewayError> {
        self.caller_for(&Method::POST, headers)
    }

    /// The same for a method: one that only reads needs no token against forged requests beside a session's cookie.
    ///
    /// # Errors
    /// Without a valid key or session where one is needed.
    pub fn caller_for(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, GatewayError> {
        plainly(self.known(method, headers)?)
    }

    fn known(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, GatewayError> {
        let secret = presented(headers);
        if let Some(secret) = secret
            && (secret.starts_with("msk_") || !self.open() || self.is_admin_key(secret))
        {
            if self.is_admin_key(secret) {
                return Ok(Caller { admin: true, key_id: Some("admin".to_owned()), ..self.stranger(headers) });
            }
            let now_us = jiff::Timestamp::now().as_microsecond();
            let key = self.store.authenticate(secret, now_us).map_err(|refusal| {
                GatewayError::new(Failure::Unauthorized, "this API key is not valid here").detail(refusal)
            })?;
            let admin = key.has_scope(ADMIN);
            if !admin && !key.has_scope(INFER) {
                return Err(GatewayError::new(Failure::Forbidden, "this API key may not be used for this"));
            }
            let stranger = self.stranger(headers);
            return Ok(Caller {
                subject: Subject {
                    app: key.app.clone(),
                    tenant: key.tenant.clone(),
                    user: stranger.subject.user,
                    tier: key.tier.clone().or(stranger.subject.tier),
                    // A key's scene binds: a caller must not be able to leave the minors' scene by a header.
                    scene: key.scene.clone().or_else(|| self.scene(&key.app, headers)),
                    minor: stranger.subject.minor,
                },
                key_id: Some(key.id.clone()),
                requests_per_minute: key.rpm.unwrap_or(self.requests_per_minute),
                tokens_per_minute: key.tpm.unwrap_or(self.tokens_per_minute),
                tokens_per_day: self.tokens_per_day,
                admin,
                person: None,
                session: None,
            });
        }
        if secret.is_none() {
            match self.signed_in_for(method, headers) {
                Ok(Some((open, _))) => {
                    let caller = self.caller_of(open, headers);
                    caller.allowed(Some(Permission::Try))?;
                    return Ok(caller);
                }
                // Where everybody may call, a cookie takes nothing away.
                Err(error) if !self.open() => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        if self.open() {
            return Ok(self.stranger(headers));
        }
        Err(GatewayError::new(
            Failure::Unauthorized,
            "an API key is required: send it as 'Authorization: Bearer …' or 'x-api-key'",
        ))
    }

    fn stranger(&self, headers: &HeaderMap) -> Caller {
        let app = named(headers, "x-menshen-app").unwrap_or_else(|| "default".to_owned());
        Caller {
            subject: Subject {
                scene: self.scene(&app, headers),
                app,
                tenant: "default".to_owned(),
                user: named(headers, "x-menshen-user"),
                tier: named(headers, "x-menshen-tier"),
                minor: named(headers, "x-menshen-minor").is_some_and(|v| v == "true" || v == "1"),
            },
            key_id: None,
            requests_per_minute: self.requests_per_minute,
            tokens_per_minute: self.tokens_per_minute,
            tokens_per_day: self.tokens_per_day,
            admin: false,
            person: None,
            session: None,
        }
    }

    /// The headers that may travel on to a model. Where callers need no key their own credentials are the model's, but
    /// a key of ours never leaves.
    pub fn without_our_keys<'a>(&self, headers: &'a HeaderMap) -> Cow<'a, HeaderMap> {
        let ours = |name: &str| {
            let value = headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
            let secret =
                value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")).unwrap_or(value).trim();
            secret.starts_with("msk_") || self.is_admin_key(secret)
        };
        let found: Vec<&str> = ["authorization", "x-api-key"].into_iter().filter(|name| ours(name)).collect();
        let mut headers = Cow::Borrowed(headers);
        for name in found {
            headers.to_mut().remove(name);
        }
        headers
    }

    /// The scene that a header asks for, unless the operator has set the application's.
    fn scene(&self, app: &str, headers: &HeaderMap) -> Option<String> {
        if self.bound.iter().any(|b| b == app) { None } else { named(headers, "x-menshen-scene") }
    }

    /// Whether it is the key that the operator set.
    pub(crate) fn is_admin_key(&self, secret: &str) -> bool {
        self.admin_key.as_deref().is_some_and(|known| same_secret(known, secret))
    }
}
