//! The first account: whoever can read what the program prints at its start may make it.

use std::net::IpAddr;

use serde_json::json;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::accounts::NewPerson;
use super::{Person, Role};
use crate::cipher;
use crate::error::Error;
use crate::keys::{digits, hash_of};
use crate::store::Store;

impl Store {
    /// A token that makes the first account, in the place of an earlier one; none where there is an account. Only its hash
    /// is kept, in memory: it ends with this process, and with the first account.
    ///
    /// # Errors
    /// [`Error::NoRandom`].
    pub fn setup_token(&self) -> Result<Option<Zeroizing<String>>, Error> {
        if !self.inner.people.all().is_empty() {
            return Ok(None);
        }
        let mut token = Zeroizing::new([0_u8; 20]);
        cipher::random(&mut *token)?;
        let token = digits(&*token);
        *self.inner.people.setup() = Some(hash_of(&token));
        Ok(Some(token))
    }

    /// Whether nobody has an account yet.
    pub fn needs_first_account(&self) -> bool {
        self.inner.people.all().is_empty()
    }

    /// Makes the first account, an owner's, with the token that [`Store::setup_token`] gave.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the token is not right or there is an account already; what [`Store::add_person`] says of
    /// name and password, and then the token is still good.
    pub async fn set_up(
        &self,
        token: &str,
        name: &str,
        password: &str,
        now_us: i64,
    ) -> Result<std::sync::Arc<Person>, Error> {
        let wrong = || Error::NotFound { what: "open set-up with this", id: "token".to_owned() };
        // Taken first: of two at the same moment one finds none.
        let kept = {
            let mut kept = self.inner.people.setup();
            let known = (*kept).ok_or_else(wrong)?;
            if !bool::from(known.ct_eq(&hash_of(token))) {
                return Err(wrong());
            }
            kept.take();
            known
        };
        let owner = NewPerson {
            name: name.to_owned(),
            display: name.to_owned(),
            roles: vec![Role::Owner],
            tenant: None,
            password: Zeroizing::new(password.to_owned()),
        };
        let made = self.add(owner, "setup", true, json!({ "first": true }), now_us).await;
        if made.is_err() && self.needs_first_account() {
            *self.inner.people.setup() = Some(kept);
        }
        made
    }
}

impl Store {
    /// Begins an attempt with a secret that belongs to no account, such as the set-up's token: it counts against the
    /// address until [`Store::attempt_succeeded`].
    ///
    /// # Errors
    /// How many seconds to wait.
    pub fn begin_attempt(&self, address: Option<IpAddr>, now_us: i64) -> Result<(), u64> {
        self.inner.people.throttle().begin(None, address, now_us).map(drop)
    }

    /// The attempt was right.
    pub fn attempt_succeeded(&self, address: Option<IpAddr>) {
        self.inner.people.throttle().succeeded(None, address);
    }
}
