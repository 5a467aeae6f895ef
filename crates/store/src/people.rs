//! Who may use the console: accounts, their roles, and how they prove who they are.
//!
//! A password is kept as its argon2id hash, the secret of an authenticator app encrypted with the store's key, of a
//! [security key](SecurityKey) what is public, of a recovery code its hash. People and
//! their [sessions](Session) are held in memory, so that a request waits on nothing; every change by an administrator is
//! written in one transaction with its record, as keys and agreements are. What takes rights away takes them away in
//! memory first: an account that was disabled stays out even when the disk refuses.

mod accounts;
mod factors;
mod password;
mod recovery;
pub(crate) mod rows;
mod session;
mod setup;
mod sign_in;
mod sign_on;
mod throttle;
mod totp;
mod webauthn;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnection;

pub use accounts::{NewPerson, PersonChange, TotpSecret};
pub use factors::{Factors, KeyWanted, SecurityKey};
pub use password::SHORTEST as SHORTEST_PASSWORD;
pub use session::{OpenSession, Session, SessionTimes, StartedSession, csrf_of};
pub use sign_in::{Credentials, FactorNeeded, SecondFactor, SignInRefusal};
pub use sign_on::{Outside, SignOnRefusal};
pub use webauthn::{Assertion, NewSecurityKey, Site};

use crate::chain::Hash;
use crate::error::Error;

/// So many accounts can be made.
const MOST_PEOPLE: usize = 10_000;

/// What somebody is at the console. What each may do is the gateway's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, accounts included.
    Owner,
    /// Packs, rules, standard answers.
    PolicyEditor,
    /// What waits for a human.
    Reviewer,
    /// Campaigns and the range.
    RedTeamer,
    /// Reads everything, changes nothing.
    Auditor,
    /// Keys of applications, and trying things out.
    Developer,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 6] =
        [Role::Owner, Role::PolicyEditor, Role::Reviewer, Role::RedTeamer, Role::Auditor, Role::Developer];

    /// The stable id, such as `policy_editor`.
    pub const fn id(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::PolicyEditor => "policy_editor",
            Role::Reviewer => "reviewer",
            Role::RedTeamer => "red_teamer",
            Role::Auditor => "auditor",
            Role::Developer => "developer",
        }
    }

    /// The role of an id.
    pub fn of(id: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|r| r.id() == id)
    }
}

/// An account, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id: `psn_` and a UUID.
    pub id: String,
    /// What they sign in with; unique whatever the case.
    pub name: String,
    /// What people call them.
    pub display: String,
    /// Their roles; at least one, each once.
    pub roles: Vec<Role>,
    /// The one tenant they may see; none for all.
    pub tenant: Option<String>,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Whether an authenticator app's code is asked for.
    pub totp: bool,
    /// How many security keys they have; with one, a second factor is asked for as well.
    pub security_keys: usize,
    /// Whether they sign on at an outside provider.
    pub sign_on: bool,
    /// When the account was made, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When they were last seen; to the minute.
    pub seen_us: Option<i64>,
}

impl Person {
    /// Whether they have a role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// An owner of the whole house, who can make every other account.
    fn rules_all(&self) -> bool {
        self.is(Role::Owner) && self.tenant.is_none() && !self.disabled
    }
}

/// A person with their secrets.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) person: Arc<Person>,
    /// Empty where there is none: somebody who signs on elsewhere.
    pub(crate) password: Arc<str>,
    /// Who they are at outside providers.
    pub(crate) links: Vec<sign_on::Link>,
    /// Sealed with the store's key.
    pub(crate) totp: Option<Vec<u8>>,
    /// The same, of an enrolment that was not confirmed yet.
    pub(crate) pending: Option<Vec<u8>>,
    /// The last time step a code was taken for: no code opens twice.
    pub(crate) step: i64,
    /// Oldest first.
    pub(crate) keys: Vec<SecurityKey>,
    pub(crate) recovery: Vec<recovery::Recovery>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("person", &self.person).finish_non_exhaustive()
    }
}

/// Everybody, and what is open.
pub(crate) struct People {
    people: Mutex<HashMap<String, Held>>,
    sessions: Mutex<HashMap<Hash, session::HeldSession>>,
    throttle: Mutex<throttle::Throttle>,
    /// What security keys were asked to sign. Locked after `people`, where both are.
    challenges: Mutex<webauthn::challenges::Challenges>,
    /// The hash of the token that makes the first account; none once there is one.
    setup: Mutex<Option<Hash>>,
    hasher: password::Hasher,
    /// Administrators change one after another: rules such as "somebody must be left who rules" hold over all accounts.
    changing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("People")
    }
}

impl People {
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let (people, failures) = rows::people(conn).await?;
        Ok(People {
            sessions: Mutex::new(rows::sessions(conn).await?),
            throttle: Mutex::new(throttle::Throttle::with(failures)),
            people: Mutex::new(people),
            challenges: Mutex::default(),
            setup: Mutex::default(),
            hasher: password::Hasher::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Hash, session::HeldSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, throttle::Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn challenges(&self) -> MutexGuard<'_, webauthn::challenges::Challenges> {
        self.challenges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn setup(&self) -> MutexGuard<'_, Option<Hash>> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn by_id(&self, id: &str) -> Result<Held, Error> {
        self.all().get(id).cloned().ok_or_else(|| Error::NotFound { what: "account", id: id.to_owned() })
    }

    fn by_link(&self, link: &sign_on::Link) -> Option<Held> {
        self.all().values().find(|h| h.links.contains(link)).cloned()
    }

    fn by_name(&self, name: &str) -> Option<Held> {
        let name = name.to_ascii_lowercase();
        self.all().values().find(|h| h.person.name == name).cloned()
    }
}

/// Names stand in the audit, in logs and in rules: short, of plain characters, lower-case.
fn checked_name(name: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let problem = "1 to 64 of the characters a-z 0-9 . - _ @ are allowed".into();
        return Err(Error::Invalid { what: "name", problem });
    }
    Ok(name.to_ascii_lowercase())
}
