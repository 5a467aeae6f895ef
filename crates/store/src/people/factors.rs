//! What people have beside their password: authenticator apps, security keys, and recovery codes for when both are lost.

use std::sync::Arc;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::accounts::{boxed, event};
use super::recovery::{self, Recovery};
use super::rows::PeopleChange;
use super::webauthn::challenges::Purpose;
use super::webauthn::{self, Challenge, NewSecurityKey, Site};
use super::{Held, Person};
use crate::changes::Change;
use crate::cipher;
use crate::error::Error;
use crate::keys::digits;
use crate::store::Store;

/// So many keys somebody has at most.
const MOST_KEYS: usize = 20;
/// The most characters of a key's name.
const LONGEST_NAME: usize = 64;
/// How keys can be reached (Level 2, §5.8.4, and Level 3's `hybrid` and `smart-card`): nothing else is kept.
const TRANSPORTS: [&str; 6] = ["usb", "nfc", "ble", "smart-card", "hybrid", "internal"];

/// A security key or passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityKey {
    /// Its id here.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The host that it is bound to.
    pub host: String,
    /// How it can be reached.
    pub transports: Vec<String>,
    /// Whether it may be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it was.
    pub backed_up: bool,
    /// When it was added, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it last let somebody in.
    pub used_us: Option<i64>,
    /// The authenticator's id of it.
    pub credential: Vec<u8>,
    pub(crate) public_key: Vec<u8>,
    pub(crate) algorithm: i64,
    pub(crate) counter: u32,
}

/// What somebody has beside their password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factors {
    /// Whether there is an authenticator app.
    pub totp: bool,
    /// The security keys, oldest first.
    pub security_keys: Vec<SecurityKey>,
    /// How many recovery codes are left.
    pub recovery_left: usize,
    /// When they were made.
    pub recovery_made_us: Option<i64>,
}

/// What the browser is asked for when a key is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWanted {
    /// To be signed.
    pub challenge: [u8; 32],
    /// Whose the key is to be: opaque to authenticators.
    pub user: Vec<u8>,
    /// The algorithms that are taken, best first.
    pub algorithms: [i64; 3],
    /// The keys that are there already.
    pub known: Vec<SecurityKey>,
}

impl Held {
    /// Whether a password alone is not enough.
    pub(super) fn has_factor(&self) -> bool {
        self.totp.is_some() || !self.keys.is_empty()
    }

    pub(super) fn codes_left(&self) -> usize {
        self.recovery.iter().filter(|code| code.used_us.is_none()).count()
    }
}

fn invalid(what: &'static str, problem: impl ToString) -> Error {
    Error::Invalid { what, problem: problem.to_string() }
}

fn checked(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let problem = format!("1 to {LONGEST_NAME} characters, and no control characters");
        return Err(invalid("name of a security key", problem));
    }
    Ok(name.to_owned())
}

fn no_key(id: &str) -> Error {
    Error::NotFound { what: "security key", id: id.to_owned() }
}

/// No codes: those that are there go.
fn no_codes(id: &str) -> Change {
    boxed(PeopleChange::Recovery { person: id.to_owned(), codes: Vec::new() })
}

impl Store {
    /// What somebody has beside their password.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn factors(&self, id: &str) -> Result<Factors, Error> {
        let held = self.inner.people.by_id(id)?;
        Ok(Factors {
            totp: held.totp.is_some(),
            recovery_left: held.codes_left(),
            recovery_made_us: held.recovery.first().map(|code| code.created_us),
            security_keys: held.keys,
        })
    }

    /// What to ask the browser for, that it may add a security key. That it is really them is the caller's to see: see
    /// [`Store::check_password`].
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] where there are too many; [`Error::NoRandom`].
    pub fn ask_security_key(&self, id: &str, site: &Site, now_us: i64) -> Result<KeyWanted, Error> {
        let held = self.inner.people.by_id(id)?;
        if held.keys.len() >= MOST_KEYS {
            return Err(invalid("security key", "there are too many; remove one first"));
        }
        let challenge = self.inner.people.challenges().give(id, Purpose::Register, &site.host, now_us)?;
        let known = held.keys.into_iter().filter(|key| key.host == site.host).collect();
        Ok(KeyWanted { challenge, user: id.as_bytes().to_vec(), algorithms: webauthn::ALGORITHMS, known })
    }

    /// Adds a security key that was asked for: from now on signing in needs a second factor.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for an answer that does not hold, a key that somebody has already, or a name
    /// that will not do; the database's failures.
    pub async fn add_security_key(
        &self,
        id: &str,
        site: &Site,
        name: &str,
        given: NewSecurityKey<'_>,
        by: &str,
        now_us: i64,
    ) -> Result<SecurityKey, Error> {
        let what = "security key";
        let name = checked(name)?;
        let challenge = webauthn::challenge_of(given.client_data).map_err(|fault| invalid(what, fault))?;
        if !self.take_challenge(&challenge, id, Purpose::Register, site, now_us) {
            return Err(invalid(what, webauthn::Fault::Challenge));
        }
        let made = webauthn::register(site, &challenge, given).map_err(|fault| invalid(what, fault))?;
        let mut own = [0_u8; 10];
        cipher::random(&mut own)?;
        let mut transports: Vec<String> = TRANSPORTS.iter().map(|t| (*t).to_owned()).collect();
        transports.retain(|t| given.transports.contains(t));
        let key = SecurityKey {
            id: format!("sky_{}", *digits(&own)),
            name,
            host: site.host.clone(),
            transports,
            backup_eligible: made.backup_eligible,
            backed_up: made.backed_up,
            created_us: now_us,
            used_us: None,
            credential: made.credential,
            public_key: made.public_key,
            algorithm: made.algorithm,
            counter: made.counter,
        };
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        // Two accounts with one key would let each other in.
        if self.inner.people.all().values().any(|h| h.keys.iter().any(|k| k.credential == key.credential)) {
            return Err(invalid(what, "this key is known already; use another"));
        }
        if held.keys.len() >= MOST_KEYS {
            return Err(invalid(what, "there are too many; remove one first"));
        }
        let detail = json!({ "key": key.id, "called": key.name, "host": key.host, "algorithm": key.algorithm,
            "verified": made.verified, "backup_eligible": key.backup_eligible });
        let change = boxed(PeopleChange::AddKey { person: id.to_owned(), key: Box::new(key.clone()) });
        self.change(vec![change], vec![event("person.security_key", &held.person, &detail, by, now_us)]).await?;
        self.with_held(id, |held| held.keys.push(key.clone()));
        Ok(key)
    }

    /// Gives a security key another name.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] for a name that will not do; the database's failures.
    pub async fn rename_security_key(
        &self,
        id: &str,
        key: &str,
        name: &str,
        by: &str,
        now_us: i64,
    ) -> Result<SecurityKey, Error> {
        let name = checked(name)?;
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        let mut known = held.keys.into_iter().find(|k| k.id == key).ok_or_else(|| no_key(key))?;
        known.name.clone_from(&name);
        let detail = json!({ "key": key, "called": name });
        let change = boxed(PeopleChange::RenameKey { id: key.to_owned(), name: name.clone() });
        self.change(vec![change], vec![event("person.security_key_name", &held.person, &detail, by, now_us)]).await?;
        self.with_held(id, |held| {
            if let Some(now) = held.keys.iter_mut().find(|k| k.id == key) {
                now.name = name;
            }
        });
        Ok(known)
    }

    /// Removes a security key; sessions of the account end but for one that is named. With the last factor go the recovery
    /// codes: they stand beside one only.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures, and then the sessions have ended in this process.
    pub async fn remove_security_key(
        &self,
        id: &str,
        key: &str,
        but: Option<&str>,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        let known = held.keys.iter().find(|k| k.id == key).ok_or_else(|| no_key(key))?;
        let last = held.totp.is_none() && held.keys.len() == 1;
        let mut changes = vec![boxed(PeopleChange::RemoveKey { id: key.to_owned() })];
        changes.extend(last.then(|| no_codes(id)));
        changes.extend(self.end_others(id, but));
        let detail = json!({ "key": key, "called": known.name });
        self.change(changes, vec![event("person.security_key_remove", &held.person, &detail, by, now_us)]).await?;
        self.with_held(id, |held| {
            held.keys.retain(|k| k.id != key);
            if last {
                held.recovery.clear();
            }
        });
        Ok(())
    }

    /// Takes the authenticator app away, for its owner; sessions end but for one that is named. With the last factor go the
    /// recovery codes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] where there is none; the database's failures.
    pub async fn remove_totp(&self, id: &str, but: Option<&str>, by: &str, now_us: i64) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        if held.totp.is_none() {
            return Err(invalid("authenticator app", "there is none"));
        }
        let last = held.keys.is_empty();
        let mut changes =
            vec![boxed(PeopleChange::Totp { id: id.to_owned(), totp: None, pending: None, step: held.step })];
        changes.extend(last.then(|| no_codes(id)));
        changes.extend(self.end_others(id, but));
        self.change(changes, vec![event("person.totp_remove", &held.person, &Value::Null, by, now_us)]).await?;
        self.with_held(id, |held| {
            (held.totp, held.pending) = (None, None);
            if last {
                held.recovery.clear();
            }
        });
        Ok(())
    }

    /// Makes recovery codes, in the place of those that were there. This is the only time that anybody sees them.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] without another factor beside which they could stand; [`Error::NoRandom`]; the
    /// database's failures, and then the former ones stay.
    pub async fn make_recovery_codes(&self, id: &str, by: &str, now_us: i64) -> Result<Vec<Zeroizing<String>>, Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        if !held.has_factor() {
            let problem = "they stand beside a second factor; add a security key or an authenticator app first";
            return Err(invalid("recovery codes", problem));
        }
        let (mut shown, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..recovery::CODES {
            let code = recovery::code()?;
            let hash = recovery::hash_of(id, &code).ok_or(Error::NoRandom)?;
            kept.push(Recovery { hash, created_us: now_us, used_us: None });
            shown.push(code);
        }
        let change = boxed(PeopleChange::Recovery { person: id.to_owned(), codes: kept.clone() });
        let detail = json!({ "codes": kept.len() });
        self.change(vec![change], vec![event("person.recovery_codes", &held.person, &detail, by, now_us)]).await?;
        self.with_held(id, |held| held.recovery = kept);
        Ok(shown)
    }

    /// Takes all second factors away, recovery codes included: for somebody who lost them. All sessions of the account end.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures, and then the sessions have ended in this process.
    pub async fn reset_factors(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let _changing = self.inner.people.changing.lock().await;
        let held = self.inner.people.by_id(id)?;
        self.forget_sessions_of(id);
        let changes = vec![
            boxed(PeopleChange::Totp { id: id.to_owned(), totp: None, pending: None, step: held.step }),
            boxed(PeopleChange::RemoveKeys { person: id.to_owned() }),
            no_codes(id),
            boxed(PeopleChange::EndAll { person: id.to_owned() }),
        ];
        let detail = json!({ "totp": held.totp.is_some(), "security_keys": held.keys.len() });
        self.change(changes, vec![event("person.factors_reset", &held.person, &detail, by, now_us)]).await?;
        self.with_held(id, |held| {
            (held.totp, held.pending) = (None, None);
            held.keys.clear();
            held.recovery.clear();
        });
        self.forget_sessions_of(id);
        Ok(())
    }

    pub(super) fn take_challenge(
        &self,
        challenge: &Challenge,
        person: &str,
        purpose: Purpose,
        site: &Site,
        now_us: i64,
    ) -> bool {
        self.inner.people.challenges().take(challenge, person, purpose, &site.host, now_us)
    }

    /// Ends an account's sessions in memory, but for one; gives what ends them on disk.
    fn end_others(&self, id: &str, but: Option<&str>) -> Vec<Change> {
        let ended = self.take_sessions_of(id, but);
        ended.into_iter().map(|session| boxed(PeopleChange::End { id: session })).collect()
    }

    /// Changes what is held of somebody, and what is told of it with that.
    pub(super) fn with_held(&self, id: &str, change: impl FnOnce(&mut Held)) {
        let mut all = self.inner.people.all();
        let Some(held) = all.get_mut(id) else { return };
        change(held);
        let (totp, security_keys) = (held.totp.is_some(), held.keys.len());
        if held.person.totp != totp || held.person.security_keys != security_keys {
            let person = Person { totp, security_keys, ..(*held.person).clone() };
            held.person = Arc::new(person);
            // What was asked before was asked of other factors.
            self.inner.people.challenges().forget(id);
        }
    }
}
