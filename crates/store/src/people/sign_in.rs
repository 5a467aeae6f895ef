//! Signing in with a name, a password and, where there is one, the second factor.

use std::net::IpAddr;

use serde_json::json;

use super::rows::PeopleChange;
use super::session::{Owner, Start, StartedSession};
use super::{Held, throttle, totp};
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
    /// The six digits of the second factor.
    pub code: Option<&'a str>,
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

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInRefusal {
    /// No such name, not its password, not the code, or a disabled account: nobody learns which.
    #[error("name, password or code are not right")]
    Wrong,
    /// The password is right, and the second factor is missing.
    #[error("the six digits of the second factor are needed")]
    SecondFactor,
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
    Right(Vec<Change>),
    NeedsCode,
    Wrong,
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
        let (held, mut changes) = match (held, outcome) {
            (Some(held), Outcome::Right(changes)) => (held, changes),
            (_, Outcome::NeedsCode) => {
                self.inner.people.throttle().undecided(&counted, given.address);
                return Err(SignInRefusal::SecondFactor);
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
        changes.push(Change::People(Box::new(forgotten)));
        let owner = Owner::Person(person.id.clone());
        let by = format!("person:{}", person.name);
        let start =
            Start { owner, proved: Some(&held.password), by: &by, agent: given.agent, replaced: given.replaced };
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
        let Some(sealed) = &held.totp else { return Ok(Outcome::Right(Vec::new())) };
        let Some(code) = given.code.filter(|c| !c.is_empty()) else { return Ok(Outcome::NeedsCode) };
        let secret = self.open_totp(&held.person.id, sealed)?;
        let mut all = people.all();
        // As it is now, under the lock: of two who send the same code at the same moment one is let in.
        let Some(now) = all.get_mut(&held.person.id).filter(|now| now.totp == held.totp) else {
            return Ok(Outcome::Wrong);
        };
        let Some(step) = totp::step_of(&secret, code, now.step, now_us) else { return Ok(Outcome::Wrong) };
        now.step = step;
        let change = PeopleChange::Totp {
            id: held.person.id.clone(),
            totp: now.totp.clone(),
            pending: now.pending.clone(),
            step,
        };
        Ok(Outcome::Right(vec![Change::People(Box::new(change))]))
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
