//! Signing on with what an outside provider says of somebody.
//!
//! An account is that of an issuer's subject, and of nothing else: a name or an address that happens to be the same links
//! nothing, since providers let people choose both. Roles and tenant are what the operator's mapping says at each sign-on.

use std::sync::Arc;

use serde_json::json;

use super::accounts::described;
use super::session::{Owner, Start, StartedSession};
use super::{PersonChange, Role};
use crate::error::Error;
use crate::store::Store;

/// The most bytes of an issuer's address and of a subject (OpenID Connect Core 1.0, §2: a subject has 255 at most).
const LONGEST: usize = 255;
/// Who makes and changes accounts by what a provider says, in the audit.
const BY: &str = "sign-on";

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) issuer: String,
    pub(crate) subject: String,
}

/// What a provider said of somebody, checked and mapped by the caller.
#[derive(Debug, Clone)]
pub struct Outside<'a> {
    /// Who says so.
    pub issuer: &'a str,
    /// Whom the issuer means: never given to somebody else.
    pub subject: &'a str,
    /// What a new account is to be called.
    pub name: &'a str,
    /// What people call them; may be empty.
    pub display: &'a str,
    /// Their roles, by the operator's mapping.
    pub roles: &'a [Role],
    /// Their tenant, by the operator's mapping.
    pub tenant: Option<&'a str>,
}

/// Why somebody could not sign on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignOnRefusal {
    /// Another account has the name: nobody takes it over by being called the same elsewhere.
    #[error("an account of this name exists, and belongs to somebody else")]
    NameTaken,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The store cannot do it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Lets somebody in whom a provider vouches for. Their account is made at the first time, and has the roles and the
    /// tenant that are given at each; where those changed, sessions that stood end.
    ///
    /// # Errors
    /// Why not; and then no session began.
    pub async fn sign_on(
        &self,
        who: Outside<'_>,
        agent: &str,
        replaced: Option<&str>,
        now_us: i64,
    ) -> Result<StartedSession, SignOnRefusal> {
        for (what, text) in [("issuer", who.issuer), ("subject", who.subject)] {
            if text.is_empty() || text.len() > LONGEST {
                let problem = format!("1 to {LONGEST} bytes are allowed");
                return Err(Error::Invalid { what, problem }.into());
            }
        }
        let link = Link { issuer: who.issuer.to_owned(), subject: who.subject.to_owned() };
        let person = match self.inner.people.by_link(&link) {
            Some(held) => self.as_said(&held.person, &who, now_us).await?,
            None => self.introduced(link, &who, now_us).await?,
        };
        if person.disabled {
            return Err(SignOnRefusal::Disabled);
        }
        let by = format!("person:{}", person.name);
        let start = Start::plain(Owner::Person(person.id.clone()), &by, agent, replaced);
        match self.begin(start, Vec::new(), now_us).await {
            // Disabled or removed between the lines above.
            Err(Error::NotFound { .. }) => Err(SignOnRefusal::Disabled),
            begun => Ok(begun?),
        }
    }

    async fn introduced(
        &self,
        link: Link,
        who: &Outside<'_>,
        now_us: i64,
    ) -> Result<Arc<super::Person>, SignOnRefusal> {
        let person = described(who.name, who.display, who.roles, who.tenant.map(str::to_owned), now_us)?;
        let _changing = self.inner.people.changing.lock().await;
        // Two tabs at the same moment: the second finds what the first made.
        if let Some(held) = self.inner.people.by_link(&link) {
            return Ok(held.person);
        }
        if self.inner.people.by_name(&person.name).is_some() {
            return Err(SignOnRefusal::NameTaken);
        }
        let detail = json!({ "issuer": link.issuer, "subject": link.subject });
        Ok(self.place(person, Arc::from(""), Some(link), BY, detail, now_us).await?)
    }

    async fn as_said(
        &self,
        known: &Arc<super::Person>,
        who: &Outside<'_>,
        now_us: i64,
    ) -> Result<Arc<super::Person>, SignOnRefusal> {
        let mut roles = who.roles.to_vec();
        roles.sort_unstable();
        roles.dedup();
        if known.disabled || (known.roles == roles && known.tenant.as_deref() == who.tenant) {
            return Ok(Arc::clone(known));
        }
        let change =
            PersonChange { roles: Some(roles), tenant: Some(who.tenant.map(str::to_owned)), ..PersonChange::default() };
        Ok(self.change_person(&known.id, change, BY, now_us).await?)
    }

    /// Takes note that a provider's subject may not sign on any more: whatever sessions they have end.
    ///
    /// # Errors
    /// The database's failures, and then the sessions have ended in this process.
    pub async fn sign_on_withdrawn(&self, issuer: &str, subject: &str, now_us: i64) -> Result<(), Error> {
        let link = Link { issuer: issuer.to_owned(), subject: subject.to_owned() };
        let Some(held) = self.inner.people.by_link(&link) else { return Ok(()) };
        self.end_sessions_of(&held.person.id, None, BY, now_us).await.map(drop)
    }

    /// Whether an account signs on at this issuer.
    pub fn signs_on_at(&self, id: &str, issuer: &str) -> bool {
        self.inner.people.all().get(id).is_some_and(|h| h.links.iter().any(|l| l.issuer == issuer))
    }
}
