//! End users as their application, or staff, vouch for them: how well a person is known, whether they are a minor, from where
//! and what for they use the service, and who looked into that.
//!
//! No names and no numbers of papers: an application that checked a telephone number or an identity card says *that* it did.
//! Profiles lie in the database; those of users who are active are also held in memory, boundedly, so that most requests
//! wait on nothing.

mod presence;
pub(crate) mod rows;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;

use rows::ProfileChange;
pub use rows::ProfileFilter;

/// Longer names are refused: they come from outside and are kept.
const MOST_BYTES: usize = 512;
/// Longer ids (tier, region, purpose) are refused.
const MOST_ID: usize = 64;
/// Longer notes are refused.
const MOST_NOTE: usize = 4_000;
/// So many profiles are held in memory; beyond it all are let go of, and read again when they are needed.
const MOST_HELD: usize = 100_000;
/// The most rows one listing gives.
const MOST: u32 = 500;

/// How well a person is known, from least to best.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RealName {
    /// Not at all.
    #[default]
    None,
    /// By a telephone number that was checked.
    Phone,
    /// By an identity document that was checked.
    Id,
    /// As somebody of an enterprise that was checked.
    Enterprise,
}

impl RealName {
    /// All of them, from least to best.
    pub const ALL: &'static [RealName] = &[RealName::None, RealName::Phone, RealName::Id, RealName::Enterprise];

    /// The stable id.
    pub const fn id(self) -> &'static str {
        match self {
            RealName::None => "none",
            RealName::Phone => "phone",
            RealName::Id => "id",
            RealName::Enterprise => "enterprise",
        }
    }

    /// The level of this id.
    pub fn of(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|l| l.id() == id)
    }
}

/// What came of looking into a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diligence {
    /// Its id: `ddr_` and a UUID.
    pub id: String,
    /// Whether they may go on.
    pub passed: bool,
    /// What was looked at: ids from the operator's checklist.
    pub checks: Vec<String>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who looked.
    pub by: String,
    /// When, in microseconds since 1970 UTC.
    pub at_us: i64,
    /// Until when it holds.
    pub until_us: i64,
}

/// An end user's profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The user, as the application names them.
    pub user: String,
    /// The tier.
    pub tier: Option<String>,
    /// How well they are known.
    pub real_name: RealName,
    /// Whether they are a minor.
    pub minor: bool,
    /// From where: an id such as `CN-31` (ISO 3166-2).
    pub region: Option<String>,
    /// What for: an id of the operator's.
    pub purpose: Option<String>,
    /// When it was made, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// When it was last changed.
    pub updated_us: i64,
    /// Who changed it last.
    pub by: String,
    /// The last review, without its note.
    pub diligence: Option<Diligence>,
}

/// What a profile is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewProfile {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The user.
    pub user: String,
    /// The tier.
    pub tier: Option<String>,
    /// How well they are known.
    pub real_name: RealName,
    /// Whether they are a minor.
    pub minor: bool,
    /// From where.
    pub region: Option<String>,
    /// What for.
    pub purpose: Option<String>,
}

/// What is to be kept of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDiligence {
    /// Whether they may go on.
    pub passed: bool,
    /// What was looked at.
    pub checks: Vec<String>,
    /// In words.
    pub note: Option<String>,
    /// Until when it holds, in microseconds since 1970 UTC.
    pub until_us: i64,
}

type Who = (String, String, String);

/// What is held in memory.
#[derive(Debug, Default)]
pub(crate) struct Profiles {
    held: Mutex<HashMap<Who, Option<Arc<Profile>>>>,
    /// Rises with every change, so that what was read before it is not held after it.
    changes: AtomicU64,
    /// How many there are at all.
    count: AtomicI64,
    present: presence::Presences,
}

impl Profiles {
    pub(crate) async fn load(conn: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let count = rows::count(conn).await?;
        Ok(Profiles { count: AtomicI64::new(count), ..Profiles::default() })
    }

    fn hold(&self, who: Who, profile: Option<Arc<Profile>>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST_HELD && !held.contains_key(&who) {
            held.clear();
        }
        held.insert(who, profile);
    }

    fn changed(&self, who: &Who) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }

    /// A user's profiles were destroyed beneath. How many are left is not counted again: too many only costs lookups.
    pub(crate) fn erased(&self, tenant: &str, user: &str) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        let other = |who: &Who| who.0 != tenant || who.2 != user;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).retain(|who, _| other(who));
        self.present.keep(other);
    }
}

fn plain(what: &'static str, id: Option<&String>) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if id.is_some_and(|id| id.is_empty() || id.len() > MOST_ID || !id.chars().all(good)) {
        let problem = format!("1 to {MOST_ID} of the characters a-z A-Z 0-9 . - _ : are allowed");
        return Err(Error::Invalid { what, problem });
    }
    Ok(())
}

fn named(what: &'static str, value: &str) -> Result<(), Error> {
    if value.trim().is_empty() || value.len() > MOST_BYTES {
        return Err(Error::Invalid { what, problem: format!("1 to {MOST_BYTES} bytes are allowed") });
    }
    Ok(())
}

impl Store {
    /// Makes a profile, or changes one, with its entry in the audit. Its reviews stay.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong members; [`Error::QueueFull`] and the database's failures, and then nothing
    /// changed.
    pub async fn put_profile(&self, new: NewProfile, by: &str, now_us: i64) -> Result<Arc<Profile>, Error> {
        named("tenant", &new.tenant)?;
        named("app", &new.app)?;
        named("user", &new.user)?;
        plain("tier", new.tier.as_ref())?;
        plain("region", new.region.as_ref())?;
        plain("purpose", new.purpose.as_ref())?;
        let former = self.profile(&new.tenant, &new.app, &new.user).await?;
        let profile = Profile {
            tenant: new.tenant,
            app: new.app,
            user: new.user,
            tier: new.tier,
            real_name: new.real_name,
            minor: new.minor,
            region: new.region,
            purpose: new.purpose,
            created_us: former.as_ref().map_or(now_us, |p| p.created_us),
            updated_us: now_us,
            by: by.to_owned(),
            diligence: former.as_ref().and_then(|p| p.diligence.clone()),
        };
        let detail = json!({
            "tier": profile.tier, "real_name": profile.real_name, "minor": profile.minor, "region": profile.region,
            "purpose": profile.purpose,
            "before": former.as_ref().map(|p| json!({"tier": p.tier, "real_name": p.real_name, "minor": p.minor,
                "region": p.region, "purpose": p.purpose})),
        });
        let change = Change::Profiles(Box::new(ProfileChange::Put(profile.clone())));
        self.change(vec![change], vec![entry("profile.put", &profile, by, now_us, detail)]).await?;
        let profiles = &self.inner.profiles;
        if former.is_none() {
            profiles.count.fetch_add(1, Ordering::AcqRel);
        }
        profiles.changed(&who(&profile));
        Ok(Arc::new(profile))
    }

    /// Removes a profile and its reviews, with its entry in the audit.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::QueueFull`] and the database's failures, and then it stays.
    pub async fn remove_profile(
        &self,
        tenant: &str,
        app: &str,
        user: &str,
        by: &str,
        now_us: i64,
    ) -> Result<(), Error> {
        let profile = self.known_profile(tenant, app, user).await?;
        let change = Change::Profiles(Box::new(ProfileChange::Remove(who(&profile))));
        let entry = entry("profile.remove", &profile, by, now_us, json!({}));
        self.change(vec![change], vec![entry]).await?;
        self.inner.profiles.count.fetch_sub(1, Ordering::AcqRel);
        self.inner.profiles.changed(&who(&profile));
        self.inner.profiles.present.forget(&who(&profile));
        Ok(())
    }

    /// Notes who looked into a user, and what came of it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no profile; [`Error::Invalid`] for overlong members or an end that has passed;
    /// [`Error::QueueFull`] and the database's failures.
    pub async fn add_diligence(
        &self,
        tenant: &str,
        app: &str,
        user: &str,
        new: NewDiligence,
        by: &str,
        now_us: i64,
    ) -> Result<Diligence, Error> {
        if new.until_us <= now_us {
            return Err(Error::Invalid { what: "until", problem: "it would have ended already".to_owned() });
        }
        if new.note.as_ref().is_some_and(|n| n.len() > MOST_NOTE) {
            return Err(Error::Invalid { what: "note", problem: format!("more than {MOST_NOTE} bytes") });
        }
        if new.checks.len() > 32 {
            return Err(Error::Invalid { what: "checks", problem: "more than 32".to_owned() });
        }
        for check in &new.checks {
            plain("checks", Some(check))?;
        }
        let profile = self.known_profile(tenant, app, user).await?;
        let diligence = Diligence {
            id: format!("ddr_{}", uuid::Uuid::now_v7().simple()),
            passed: new.passed,
            checks: new.checks,
            note: new.note.filter(|n| !n.trim().is_empty()),
            by: by.to_owned(),
            at_us: now_us,
            until_us: new.until_us,
        };
        let place = rows::place(&diligence.id);
        let note = diligence.note.as_ref().map(|n| self.inner.ring().encrypt(&place, n.as_bytes())).transpose()?;
        let detail = json!({"id": diligence.id, "passed": diligence.passed, "checks": diligence.checks,
            "until": crate::time::rfc3339(diligence.until_us)});
        let change = ProfileChange::Review { who: who(&profile), diligence: diligence.clone(), note };
        let entry = entry("profile.review", &profile, by, now_us, detail);
        self.change(vec![Change::Profiles(Box::new(change))], vec![entry]).await?;
        self.inner.profiles.changed(&who(&profile));
        Ok(diligence)
    }

    async fn known_profile(&self, tenant: &str, app: &str, user: &str) -> Result<Arc<Profile>, Error> {
        let missing = || Error::NotFound { what: "profile of user", id: user.chars().take(80).collect() };
        self.profile(tenant, app, user).await?.ok_or_else(missing)
    }

    /// The profile of an end user. Waits on nothing where nobody has one, or it was asked for lately.
    ///
    /// # Errors
    /// The database's failures: then nothing is known of the user.
    pub async fn profile(&self, tenant: &str, app: &str, user: &str) -> Result<Option<Arc<Profile>>, Error> {
        let profiles = &self.inner.profiles;
        if profiles.count.load(Ordering::Acquire) == 0 || user.len() > MOST_BYTES {
            return Ok(None);
        }
        let who = (tenant.to_owned(), app.to_owned(), user.to_owned());
        if let Some(known) = profiles.held.lock().unwrap_or_else(PoisonError::into_inner).get(&who) {
            return Ok(known.clone());
        }
        let before = profiles.changes.load(Ordering::Acquire);
        let failed = |e| self.archive().failed("reading a profile", e);
        let profile = rows::profile(self.archive().pool(), &who).await.map_err(failed)?.map(Arc::new);
        if profiles.changes.load(Ordering::Acquire) == before {
            profiles.hold(who, profile.clone());
        }
        Ok(profile)
    }

    /// Profiles by user, after a user where one is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn profiles(&self, filter: &ProfileFilter, limit: u32) -> Result<Vec<Profile>, Error> {
        let failed = |e| self.archive().failed("listing profiles", e);
        rows::profiles(self.archive().pool(), filter, limit.min(MOST)).await.map_err(failed)
    }

    /// The reviews of a user, newest first, with their notes.
    ///
    /// # Errors
    /// The database's failures; a note that cannot be opened.
    pub async fn diligence(&self, tenant: &str, app: &str, user: &str) -> Result<Vec<Diligence>, Error> {
        rows::diligence(self, &(tenant.to_owned(), app.to_owned(), user.to_owned()), MOST).await
    }

    /// Counts a minor's minute of use, and gives how many minutes they have used the service on this day. A pause of up to
    /// `pause_min` minutes counts as use.
    ///
    /// # Errors
    /// The database's failures: then it is not known how many minutes there were.
    pub async fn attend(&self, tenant: &str, app: &str, user: &str, pause_min: u32, now_us: i64) -> Result<u32, Error> {
        let who = (tenant.to_owned(), app.to_owned(), user.to_owned());
        presence::attend(self, who, pause_min, now_us).await
    }
}

fn who(profile: &Profile) -> Who {
    (profile.tenant.clone(), profile.app.clone(), profile.user.clone())
}

fn entry(event: &str, profile: &Profile, by: &str, at_us: i64, detail: serde_json::Value) -> Entry {
    let mut entry = Entry::event(EntryKind::Admin, event, at_us, detail);
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(profile.tenant.clone());
    entry.app = Some(profile.app.clone());
    entry.user = Some(profile.user.clone());
    entry
}
