//! Signing in with a name, a password and, where there is one, a second factor: an authenticator app's code, the answer of a
//! security key, or a recovery code.

use std::net::IpAddr;

use serde_json::json;

use super::accounts::{boxed, event};
use super::rows::PeopleChange;
use super::session::{Owner, Start, StartedSession};
use super::webauthn::challenges::Purpose;
use super::webauthn::{self, Answered, Assertion, Known, Site};
use super::{Held, SecurityKey, recovery, throttle, totp};
use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;

/// What somebody who wants in gives.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The name.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// The second factor.
    pub second: Option<SecondFactor<'a>>,
    /// The page that asks, where it may have security keys answer.
    pub site: Option<&'a Site>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// The browser, as it names itself.
    pub agent: &'a str,
    /// The session's token that the browser held before: it ends, and is never taken over.
    pub replaced: Option<&'a str>,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What somebody shows beside their password.
#[derive(Clone, Copy)]
pub enum SecondFactor<'a> {
    /// The six digits of an authenticator app.
    Code(&'a str),
    /// A recovery code.
    Recovery(&'a str),
    /// The answer of a security key.
    Key(Assertion<'a>),
}

/// What is asked for beside a password that was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorNeeded {
    /// Whether the code of an authenticator app will do.
    pub totp: bool,
    /// Whether a recovery code will do.
    pub recovery: bool,
    /// What security keys that answer to this page are asked to sign, and which those are; none where none does.
    pub security_keys: Option<([u8; 32], Vec<SecurityKey>)>,
    /// The hosts that there are security keys for, which are not this page's.
    pub elsewhere: Vec<String>,
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInRefusal {
    /// No such name, not its password, not the code, or a disabled account: nobody learns which.
    #[error("name, password or code are not right")]
    Wrong,
    /// The password is right, and the second factor is missing.
    #[error("the second factor is needed")]
    SecondFactor(Box<FactorNeeded>),
    /// Too many failures.
    #[error("too many attempts failed; wait {seconds} seconds")]
    Wait {
        /// How long.
        seconds: u64,
    },
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] Error),
}

enum Outcome {
    Right(Proof),
    Needs(Box<FactorNeeded>),
    Wrong,
}

/// What a second factor that was right leaves behind.
#[derive(Default)]
struct Proof {
    changes: Vec<Change>,
    told: Vec<Entry>,
    factor: Option<&'static str>,
}

impl Proof {
    fn of(factor: &'static str, change: PeopleChange) -> Self {
        Proof { changes: vec![boxed(change)], told: Vec::new(), factor: Some(factor) }
    }
}

impl Store {
    /// Lets somebody in, with a session of their own.
    ///
    /// # Errors
    /// Why not; and then no session began.
    pub async fn sign_in(&self, given: Credentials<'_>, now_us: i64) -> Result<StartedSession, SignInRefusal> {
        let name = given.name.to_ascii_lowercase();
        // Before anything is computed, and counted before it is known to be wrong: see `throttle`.
        let counted: String = name.chars().take(64).collect();
        let failures = self
            .inner
            .people
            .throttle()
            .begin(Some(&counted), given.address, now_us)
            .map_err(|seconds| SignInRefusal::Wait { seconds })?;
        let held = self.inner.people.by_name(&name);
        let outcome = match self.judge(held.as_ref(), given, now_us).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.inner.people.throttle().undecided(&counted, given.address);
                return Err(error.into());
            }
        };
        let (held, Proof { mut changes, told, factor }) = match (held, outcome) {
            (Some(held), Outcome::Right(proof)) => (held, proof),
            (_, Outcome::Needs(needed)) => {
                self.inner.people.throttle().undecided(&counted, given.address);
                return Err(SignInRefusal::SecondFactor(needed));
            }
            (held, _) => {
                if let Some(held) = held {
                    self.note_failure(&held, failures, now_us);
                }
                return Err(SignInRefusal::Wrong);
            }
        };
        let person = &held.person;
        self.inner.people.throttle().succeeded(Some(&counted), given.address);
        let forgotten = PeopleChange::Failures { id: person.id.clone(), failures: 0, at_us: now_us };
        changes.push(boxed(forgotten));
        let owner = Owner::Person(person.id.clone());
        let by = format!("person:{}", person.name);
        let (proved, agent, replaced) = (Some(&held.password), given.agent, given.replaced);
        let start = Start { owner, proved, by: &by, agent, replaced, factor, told };
        match self.begin(start, changes, now_us).await {
            Err(Error::NotFound { .. }) => Err(SignInRefusal::Wrong),
            begun => Ok(begun?),
        }
    }

    /// Whether it is the account's password, for changing one's own: being signed in is not enough. Guesses count as at the
    /// sign-in.
    ///
    /// # Errors
    /// [`SignInRefusal::Wrong`] when it is not, [`SignInRefusal::Wait`], [`SignInRefusal::Store`].
    pub async fn check_password(&self, id: &str, password: &str, now_us: i64) -> Result<(), SignInRefusal> {
        let held = self.inner.people.by_id(id)?;
        let name = &held.person.name;
        let begun = self.inner.people.throttle().begin(Some(name), None, now_us);
        let failures = begun.map_err(|seconds| SignInRefusal::Wait { seconds })?;
        let hash = Some(std::sync::Arc::clone(&held.password)).filter(|hash| !hash.is_empty());
        let right = self.inner.people.hasher.verify(password, hash).await;
        match right {
            Ok(true) => {
                self.inner.people.throttle().succeeded(Some(name), None);
                Ok(())
            }
            Ok(false) => {
                self.note_failure(&held, failures, now_us);
                Err(SignInRefusal::Wrong)
            }
            Err(error) => {
                self.inner.people.throttle().undecided(name, None);
                Err(error.into())
            }
        }
    }

    async fn judge(&self, held: Option<&Held>, given: Credentials<'_>, now_us: i64) -> Result<Outcome, Error> {
        let people = &self.inner.people;
        // Who has no password is compared with nobody's, which takes as long.
        let hash = held.map(|h| std::sync::Arc::clone(&h.password)).filter(|hash| !hash.is_empty());
        let right = people.hasher.verify(given.password, hash).await?;
        let Some(held) = held.filter(|h| right && !h.person.disabled) else { return Ok(Outcome::Wrong) };
        if !held.has_factor() {
            return Ok(Outcome::Right(Proof::default()));
        }
        let proof = match given.second {
            None | Some(SecondFactor::Code("") | SecondFactor::Recovery("")) => {
                return Ok(Outcome::Needs(Box::new(self.needed(held, given.site, now_us)?)));
            }
            Some(SecondFactor::Code(code)) => self.code(held, code, now_us)?,
            Some(SecondFactor::Recovery(code)) => self.recovery_code(held, code, now_us),
            Some(SecondFactor::Key(assertion)) => self.key_answer(held, assertion, now_us),
        };
        Ok(proof.map_or(Outcome::Wrong, Outcome::Right))
    }

    fn needed(&self, held: &Held, site: Option<&Site>, now_us: i64) -> Result<FactorNeeded, Error> {
        let here = |key: &&SecurityKey| site.is_some_and(|site| site.host == key.host);
        let keys: Vec<SecurityKey> = held.keys.iter().filter(here).cloned().collect();
        let mut elsewhere: Vec<String> = held.keys.iter().filter(|k| !here(k)).map(|k| k.host.clone()).collect();
        elsewhere.sort_unstable();
        elsewhere.dedup();
        let security_keys = match site.filter(|_| !keys.is_empty()) {
            Some(site) => {
                let mut challenges = self.inner.people.challenges();
                Some((challenges.give(&held.person.id, Purpose::SignIn, &site.host, now_us)?, keys))
            }
            None => None,
        };
        Ok(FactorNeeded { totp: held.totp.is_some(), recovery: held.codes_left() > 0, security_keys, elsewhere })
    }

    fn code(&self, held: &Held, code: &str, now_us: i64) -> Result<Option<Proof>, Error> {
        let Some(sealed) = &held.totp else { return Ok(None) };
        let secret = self.open_totp(&held.person.id, sealed)?;
        let mut all = self.inner.people.all();
        // As it is now, under the lock: of two who send the same code at the same moment one is let in.
        let Some(now) = all.get_mut(&held.person.id).filter(|now| now.totp == held.totp) else { return Ok(None) };
        let Some(step) = totp::step_of(&secret, code, now.step, now_us) else { return Ok(None) };
        now.step = step;
        let (totp, pending) = (now.totp.clone(), now.pending.clone());
        Ok(Some(Proof::of("totp", PeopleChange::Totp { id: held.person.id.clone(), totp, pending, step })))
    }

    fn recovery_code(&self, held: &Held, code: &str, now_us: i64) -> Option<Proof> {
        let id = &held.person.id;
        let hash = recovery::hash_of(id, code)?;
        let mut all = self.inner.people.all();
        // Under the lock, as above. Which hash is equal tells nothing of a code: hashes are not what is guessed.
        let now = all.get_mut(id)?;
        now.recovery.iter_mut().find(|kept| kept.hash == hash && kept.used_us.is_none())?.used_us = Some(now_us);
        let left = now.codes_left();
        let mut proof = Proof::of("recovery", PeopleChange::SpendCode { person: id.clone(), hash, at_us: now_us });
        let by = format!("person:{}", held.person.name);
        proof.told.push(event("person.recovery_used", &held.person, &json!({ "left": left }), &by, now_us));
        Some(proof)
    }

    fn key_answer(&self, held: &Held, given: Assertion<'_>, now_us: i64) -> Option<Proof> {
        let id = &held.person.id;
        let answered = match self.checked_answer(held, given, now_us) {
            Ok(fine) => fine,
            Err(fault) => {
                // The same words as for a wrong password go out; why is the operator's to know.
                tracing::info!(person = %held.person.name, %fault, "the answer of a security key was refused");
                return None;
            }
        };
        let mut all = self.inner.people.all();
        // As it is now, under the lock: of two answers with the same counter one is taken.
        let now = all.get_mut(id)?.keys.iter_mut().find(|key| key.credential == given.id)?;
        if !webauthn::follows(answered.counter, now.counter) {
            let detail = json!({ "id": id, "name": held.person.name, "key": now.id, "called": now.name,
                "counter": answered.counter, "last": now.counter });
            let mut entry = Entry::event(EntryKind::System, "person.security_key_counter", now_us, detail);
            entry.tenant.clone_from(&held.person.tenant);
            tracing::warn!(person = %held.person.name, key = %now.id, "a security key counts backwards: it may have been cloned");
            drop(self.enqueue_change(Vec::new(), vec![entry]));
            return None;
        }
        (now.counter, now.backed_up, now.used_us) = (answered.counter, answered.backed_up, Some(now_us));
        let Answered { counter, backed_up, verified } = answered;
        let factor = if verified { "security_key_verified" } else { "security_key" };
        Some(Proof::of(factor, PeopleChange::UseKey { id: now.id.clone(), counter, backed_up, at_us: now_us }))
    }

    fn checked_answer(&self, held: &Held, given: Assertion<'_>, now_us: i64) -> Result<Answered, webauthn::Fault> {
        let id = &held.person.id;
        let challenge = webauthn::challenge_of(given.client_data)?;
        if !self.take_challenge(&challenge, id, Purpose::SignIn, given.site, now_us) {
            return Err(webauthn::Fault::Challenge);
        }
        let known = held.keys.iter().find(|key| key.credential == given.id && key.host == given.site.host);
        let known = known.ok_or(webauthn::Fault::OtherKey)?;
        let known = Known {
            credential: &known.credential,
            public_key: &known.public_key,
            backup_eligible: known.backup_eligible,
            user: id.as_bytes(),
        };
        webauthn::answer(&challenge, known, given)
    }

    /// Keeps an account's failures; those that make it wait are recorded. Not waited for: whoever guesses must not be able
    /// to tell a known name by how long this takes.
    fn note_failure(&self, held: &Held, failures: u32, now_us: i64) {
        let change = PeopleChange::Failures { id: held.person.id.clone(), failures, at_us: now_us };
        let mut entries = Vec::new();
        if throttle::is_slowed(failures) {
            let detail = json!({ "name": held.person.name, "failures": failures });
            entries.push(Entry::event(EntryKind::System, "session.refused", now_us, detail));
        }
        drop(self.enqueue_change(vec![Change::People(Box::new(change))], entries));
    }
}
