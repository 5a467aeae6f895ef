//! API keys, and the tenants and applications they belong to.
//!
//! A key reads `msk_<id>_<secret>`. The secret is 32 random bytes; only its SHA-256 is stored, which suffices for a
//! secret nobody can guess. All keys are held in memory, so that checking one waits on nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::chain::Hash;
use crate::changes::Change;
use crate::cipher;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;

/// Digits without `i`, `l`, `o`, `u`, which people misread.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PREFIX: &str = "msk_";

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// The public part, which names the key in the audit.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub tenant: String,
    /// For which application.
    pub app: String,
    /// What it may do, such as `chat`, `guard` or `admin`. The store keeps them; the gateway knows what they mean.
    pub scopes: Vec<String>,
    /// The users' tier, such as `minor`, for rules.
    pub tier: Option<String>,
    /// The scene, such as `medical`, for rules.
    pub scene: Option<String>,
    /// Requests a minute; none means no limit of its own.
    pub rpm: Option<u32>,
    /// Tokens a minute; none means no limit of its own.
    pub tpm: Option<u32>,
    /// When it was made, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// From when on it is refused.
    pub expires_us: Option<i64>,
    /// When it was revoked.
    pub revoked_us: Option<i64>,
}

impl ApiKey {
    /// Whether the key may do this.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|s| s == scope)
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// Whose it is; made known when it is new.
    pub tenant: String,
    /// For which application; made known when it is new.
    pub app: String,
    /// What it may do; at least one.
    pub scopes: Vec<String>,
    /// The users' tier.
    pub tier: Option<String>,
    /// The scene.
    pub scene: Option<String>,
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute.
    pub tpm: Option<u32>,
    /// From when on it is refused, in microseconds since 1970 UTC.
    pub expires_us: Option<i64>,
}

/// A key as it is made. The secret is nowhere else and is shown once.
pub struct CreatedKey {
    /// The key.
    pub key: Arc<ApiKey>,
    /// What the client presents: `msk_<id>_<secret>`.
    pub presented: Zeroizing<String>,
}

impl fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why a presented key is refused. A client is told the same for all of them; the difference is for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// Not of the form `msk_<id>_<secret>`.
    #[error("not an API key of this gateway")]
    Malformed,
    /// No such id, or not its secret.
    #[error("unknown API key")]
    Unknown,
    /// Right, but revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// Right, but past its end.
    #[error("the API key has expired")]
    Expired,
}

/// A tenant and its applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// When it was first known, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// Its applications, by id.
    pub apps: Vec<App>,
}

/// An application of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct App {
    /// Its id within the tenant.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// When it was first known, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// How many of its keys work now.
    pub active_keys: usize,
}

#[derive(Debug)]
struct Held {
    key: Arc<ApiKey>,
    hash: Hash,
}

/// All keys, by id.
#[derive(Debug, Default)]
pub(crate) struct KeyRing(RwLock<HashMap<String, Held>>);

impl KeyRing {
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        const ALL: &str = "SELECT id, name, tenant, app, hash, scopes, tier, scene, rpm, tpm, created_us, expires_us, \
                           revoked_us FROM api_keys";
        let mut keys = HashMap::new();
        for row in sqlx::query(ALL).fetch_all(conn).await? {
            let id: String = row.try_get(0)?;
            let hash: &[u8] = row.try_get(4)?;
            let hash = hash.try_into().map_err(|_| sqlx::Error::Protocol(format!("the hash of API key {id}")))?;
            let scopes: &str = row.try_get(5)?;
            let scopes = serde_json::from_str(scopes).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
            let key = ApiKey {
                id: id.clone(),
                name: row.try_get(1)?,
                tenant: row.try_get(2)?,
                app: row.try_get(3)?,
                scopes,
                tier: row.try_get(6)?,
                scene: row.try_get(7)?,
                rpm: row.try_get(8)?,
                tpm: row.try_get(9)?,
                created_us: row.try_get(10)?,
                expires_us: row.try_get(11)?,
                revoked_us: row.try_get(12)?,
            };
            keys.insert(id, Held { key: Arc::new(key), hash });
        }
        Ok(KeyRing(RwLock::new(keys)))
    }

    fn check(&self, presented: &str, now_us: i64) -> Result<Arc<ApiKey>, KeyRefusal> {
        let (id, secret) = presented
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .filter(|(id, secret)| !id.is_empty() && !secret.is_empty() && presented.len() <= 256)
            .ok_or(KeyRefusal::Malformed)?;
        let given = hash_of(secret);
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let held = keys.get(id);
        // An unknown id costs what a wrong secret costs.
        let expected = held.map_or([0; 32], |h| h.hash);
        let matches = bool::from(given.ct_eq(&expected));
        let held = held.filter(|_| matches).ok_or(KeyRefusal::Unknown)?;
        if held.key.revoked_us.is_some() {
            return Err(KeyRefusal::Revoked);
        }
        if held.key.expires_us.is_some_and(|end| end <= now_us) {
            return Err(KeyRefusal::Expired);
        }
        Ok(Arc::clone(&held.key))
    }

    fn insert(&self, key: Arc<ApiKey>, hash: Hash) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), Held { key, hash });
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<ApiKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).map(|held| Arc::clone(&held.key))
    }

    fn list(&self) -> Vec<Arc<ApiKey>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<Arc<ApiKey>> = keys.values().map(|h| Arc::clone(&h.key)).collect();
        list.sort_by(|a, b| (a.created_us, &a.id).cmp(&(b.created_us, &b.id)));
        list
    }

    /// False when there is no such key or it is revoked already.
    fn revoke(&self, id: &str, at_us: i64) -> bool {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = keys.get_mut(id).filter(|held| held.key.revoked_us.is_none()) else { return false };
        held.key = Arc::new(ApiKey { revoked_us: Some(at_us), ..(*held.key).clone() });
        true
    }
}

pub(crate) fn hash_of(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

/// Whether two secrets are equal, in a time that tells nothing about where they differ. For secrets that the
/// configuration gives, such as the administrator's key.
pub fn same_secret(a: &str, b: &str) -> bool {
    bool::from(hash_of(a).ct_eq(&hash_of(b)))
}

/// Bytes in base 32, five bits a digit.
pub(crate) fn digits(bytes: &[u8]) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(bytes.len() * 8 / 5 + 1));
    let (mut buffer, mut bits) = (0u32, 0u32);
    for &byte in bytes {
        buffer = (buffer << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(DIGITS[(buffer >> bits) as usize & 31]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(DIGITS[(buffer << (5 - bits)) as usize & 31]));
    }
    out
}

/// Ids stand in URLs, logs and rules: short, and of plain characters.
pub(crate) fn check_id(what: &'static str, id: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if id.is_empty() || id.len() > 64 || !id.chars().all(plain) {
        let problem = "1 to 64 of the characters a-z A-Z 0-9 . - _ are allowed".into();
        return Err(Error::Invalid { what, problem });
    }
    Ok(())
}

impl Store {
    /// Makes an API key, and its tenant and application when they are new. `by` says who did it, for the audit.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name, tenant, application or scope that will not do; [`Error::QueueFull`] and the
    /// database's failures.
    pub async fn create_key(&self, new: NewKey, by: &str, now_us: i64) -> Result<CreatedKey, Error> {
        check_id("tenant", &new.tenant)?;
        check_id("application", &new.app)?;
        if new.scopes.is_empty() {
            return Err(Error::Invalid { what: "scopes", problem: "a key needs at least one".into() });
        }
        for scope in &new.scopes {
            check_id("scope", scope)?;
        }
        if new.name.chars().count() > 200 {
            return Err(Error::Invalid { what: "key name", problem: "at most 200 characters".into() });
        }
        let (mut id, mut secret) = ([0u8; 10], Zeroizing::new([0u8; 32]));
        cipher::random(&mut id)?;
        cipher::random(&mut *secret)?;
        let (id, secret) = (digits(&id).to_string(), digits(&*secret));
        let key = ApiKey {
            id: id.clone(),
            name: new.name,
            tenant: new.tenant,
            app: new.app,
            scopes: new.scopes,
            tier: new.tier,
            scene: new.scene,
            rpm: new.rpm,
            tpm: new.tpm,
            created_us: now_us,
            expires_us: new.expires_us,
            revoked_us: None,
        };
        let hash = hash_of(&secret);
        let changes = vec![
            Change::PutTenant { id: key.tenant.clone(), title: None, at_us: now_us },
            Change::PutApp { tenant: key.tenant.clone(), id: key.app.clone(), title: None, at_us: now_us },
            Change::PutKey { key: Box::new(key.clone()), hash },
        ];
        let mut entry = Entry::event(EntryKind::Admin, "key.create", now_us, json!({ "key": key }));
        entry.key_id = Some(by.to_owned());
        entry.tenant = Some(key.tenant.clone());
        entry.app = Some(key.app.clone());
        self.change(changes, vec![entry]).await?;
        let key = Arc::new(key);
        self.inner.keys.insert(Arc::clone(&key), hash);
        Ok(CreatedKey { key, presented: Zeroizing::new(format!("{PREFIX}{id}_{}", *secret)) })
    }

    /// Revokes a key at once and for good.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such key or it is revoked already; the database's failures, and then the
    /// key stays refused until this process ends.
    pub async fn revoke_key(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        // First in memory: from here on the key is refused, whatever becomes of the caller or the disk.
        if !self.inner.keys.revoke(id, now_us) {
            return Err(Error::NotFound { what: "unrevoked API key", id: id.to_owned() });
        }
        let mut entry = Entry::event(EntryKind::Admin, "key.revoke", now_us, json!({ "id": id }));
        entry.key_id = Some(by.to_owned());
        self.change(vec![Change::RevokeKey { id: id.to_owned(), at_us: now_us }], vec![entry]).await.map(drop)
    }

    /// All keys, oldest first, revoked ones included.
    pub fn keys(&self) -> Vec<Arc<ApiKey>> {
        self.inner.keys.list()
    }

    /// The key that a client presents. Waits on nothing; the comparison takes the same time wherever secrets differ.
    ///
    /// # Errors
    /// Why the key is refused.
    pub fn authenticate(&self, presented: &str, now_us: i64) -> Result<Arc<ApiKey>, KeyRefusal> {
        self.inner.keys.check(presented, now_us)
    }

    /// Names a tenant, making it known when it is new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id that will not do; the database's failures.
    pub async fn put_tenant(&self, id: &str, title: &str, by: &str, now_us: i64) -> Result<(), Error> {
        check_id("tenant", id)?;
        let mut entry = Entry::event(EntryKind::Admin, "tenant.put", now_us, json!({ "title": title }));
        entry.key_id = Some(by.to_owned());
        entry.tenant = Some(id.to_owned());
        let change = Change::PutTenant { id: id.to_owned(), title: Some(title.to_owned()), at_us: now_us };
        self.change(vec![change], vec![entry]).await.map(drop)
    }

    /// Names an application, making it and its tenant known when they are new.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id that will not do; the database's failures.
    pub async fn put_app(&self, tenant: &str, id: &str, title: &str, by: &str, now_us: i64) -> Result<(), Error> {
        check_id("tenant", tenant)?;
        check_id("application", id)?;
        let mut entry = Entry::event(EntryKind::Admin, "app.put", now_us, json!({ "title": title }));
        entry.key_id = Some(by.to_owned());
        entry.tenant = Some(tenant.to_owned());
        entry.app = Some(id.to_owned());
        let changes = vec![
            Change::PutTenant { id: tenant.to_owned(), title: None, at_us: now_us },
            Change::PutApp {
                tenant: tenant.to_owned(),
                id: id.to_owned(),
                title: Some(title.to_owned()),
                at_us: now_us,
            },
        ];
        self.change(changes, vec![entry]).await.map(drop)
    }

    /// All tenants with their applications, by id.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn tenants(&self, now_us: i64) -> Result<Vec<Tenant>, Error> {
        const TENANTS: &str = "SELECT id, title, created_us FROM tenants ORDER BY id";
        const APPS: &str = "SELECT tenant, id, title, created_us FROM apps ORDER BY tenant, id";
        let failed = |e| self.archive().failed("listing tenants", e);
        let keys = self.keys();
        let mut apps: HashMap<String, Vec<App>> = HashMap::new();
        for row in sqlx::query(APPS).fetch_all(self.archive().pool()).await.map_err(failed)? {
            let read = || {
                let (tenant, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let works = |k: &&Arc<ApiKey>| {
                    k.tenant == tenant
                        && k.app == id
                        && k.revoked_us.is_none()
                        && k.expires_us.is_none_or(|end| end > now_us)
                };
                let active_keys = keys.iter().filter(works).count();
                Ok((tenant, App { id, title: row.try_get(2)?, created_us: row.try_get(3)?, active_keys }))
            };
            let (tenant, app) = read().map_err(failed)?;
            apps.entry(tenant).or_default().push(app);
        }
        let rows = sqlx::query(TENANTS).fetch_all(self.archive().pool()).await.map_err(failed)?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get(0)?;
                let apps = apps.remove(&id).unwrap_or_default();
                Ok(Tenant { title: row.try_get(1)?, created_us: row.try_get(2)?, apps, id })
            })
            .collect::<Result<_, _>>()
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_base_32() {
        assert_eq!(*digits(&[0xff]), "zw");
        assert_eq!(*digits(&[0, 0, 0, 0, 1]), "00000001");
        assert_eq!(digits(&[7; 32]).len(), 52);
        assert_eq!(digits(&[7; 10]).len(), 16);
    }

    #[test]
    fn secrets_are_compared_whole() {
        assert!(same_secret("abc", "abc"));
        assert!(!same_secret("abc", "abd"));
        assert!(!same_secret("abc", "abcd"));
    }
}
