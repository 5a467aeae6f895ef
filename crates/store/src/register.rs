//! The register of applications: how they are graded, what is ticked, reviewed and filed for them, what they use.
//!
//! What a grade, a control or a path of review is, others say; here it is kept, and kept apart by tenant. Ticks and votes
//! are appended, never changed; what a review comes to is computed from its votes ([`EthicsReview::standing`]). Every
//! change has its record in the audit, in the same transaction.

mod assets;
mod reviews;
pub(crate) mod rows;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use assets::{Asset, NewAsset};
pub use reviews::{Ballot, EthicsReview, NewReviewOf, Standing, Terms, Vote};

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use rows::RegisterChange;

/// Longer texts are refused.
const MOST_TEXT: usize = 4000;
/// Longer names are refused.
const MOST_NAME: usize = 200;
/// Longer documents (facts, profile, grading) are refused.
const MOST_DOCUMENT: usize = 64 << 10;

/// An application in the register.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Registered {
    /// Its id: `reg_` and a UUID.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What people call it; unique within the tenant.
    pub name: String,
    /// The application of the gateway's, as keys name it.
    pub app: Option<String>,
    /// Who is responsible.
    pub owner: String,
    /// What documents about it need: purpose, provider, contact and the like.
    pub facts: Value,
    /// How it is classified.
    pub profile: Value,
    /// What that came to, with the reason.
    pub grading: Value,
    /// The level.
    pub level: String,
    /// When it was or will be launched: `YYYY-MM-DD`.
    pub launch: Option<String>,
    /// When it was registered, in microseconds since 1970 UTC.
    pub created_us: i64,
    /// By whom.
    pub created_by: String,
    /// When it was last changed; a change must name it, so that none is lost.
    pub updated_us: i64,
    /// By whom.
    pub updated_by: String,
    /// When it was taken out of the register; its row stays.
    pub retired_us: Option<i64>,
}

/// What somebody says of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tick {
    /// The application.
    pub entry: String,
    /// The control.
    pub control: String,
    /// Whether it is met.
    pub met: bool,
    /// What shows it.
    pub evidence: String,
    /// SHA-256 of a file, in hexadecimal.
    pub hash: Option<String>,
    /// Who says so.
    pub by: String,
    /// When.
    pub at_us: i64,
    /// Until when it counts.
    pub expires_us: Option<i64>,
}

/// A piece of material to be filed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilingItem {
    /// The application.
    #[serde(default)]
    pub entry: String,
    /// The duty.
    pub duty: String,
    /// The piece.
    pub item: String,
    /// How it stands.
    pub state: String,
    /// Who sees to it.
    #[serde(default)]
    pub responsible: String,
    /// By when: `YYYY-MM-DD`.
    #[serde(default)]
    pub due: Option<String>,
    /// In words.
    #[serde(default)]
    pub note: String,
    /// The file's name.
    #[serde(default)]
    pub file_name: Option<String>,
    /// Its SHA-256, in hexadecimal.
    #[serde(default)]
    pub file_hash: Option<String>,
    /// Who changed it last.
    #[serde(default)]
    pub by: String,
    /// When.
    #[serde(default)]
    pub at_us: i64,
}

fn bounded(what: &'static str, value: &str, most: usize) -> Result<(), Error> {
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if value.len() > most || value.chars().any(odd) {
        let problem = format!("at most {most} bytes, and no control characters");
        return Err(Error::Invalid { what, problem });
    }
    Ok(())
}

fn named(what: &'static str, value: &str) -> Result<(), Error> {
    if value.trim().is_empty() || value.contains('\n') {
        return Err(Error::Invalid { what, problem: "it must be filled in, on one line".to_owned() });
    }
    bounded(what, value, MOST_NAME)
}

fn date(what: &'static str, value: Option<&str>) -> Result<(), Error> {
    match value {
        Some(value) if value.len() != 10 || value.parse::<jiff::civil::Date>().is_err() => {
            Err(Error::Invalid { what, problem: "a date is written YYYY-MM-DD".to_owned() })
        }
        _ => Ok(()),
    }
}

fn hash(what: &'static str, value: Option<&str>) -> Result<(), Error> {
    match value {
        Some(v) if v.len() != 64 || !v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) => {
            Err(Error::Invalid { what, problem: "a SHA-256 is 64 hexadecimal digits, lower-case".to_owned() })
        }
        _ => Ok(()),
    }
}

fn document(what: &'static str, value: &Value) -> Result<(), Error> {
    if value.to_string().len() > MOST_DOCUMENT {
        return Err(Error::Invalid { what, problem: format!("more than {MOST_DOCUMENT} bytes") });
    }
    Ok(())
}

fn event(event: &str, tenant: &str, detail: Value, by: &str, now_us: i64) -> Entry {
    let mut entry = Entry::event(EntryKind::Admin, event, now_us, detail);
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(tenant.to_owned());
    entry
}

impl Registered {
    fn check(&self) -> Result<(), Error> {
        named("name", &self.name)?;
        crate::keys::check_id("tenant", &self.tenant)?;
        if let Some(app) = &self.app {
            crate::keys::check_id("app", app)?;
        }
        bounded("owner", &self.owner, MOST_NAME)?;
        named("level", &self.level)?;
        date("launch", self.launch.as_deref())?;
        document("facts", &self.facts)?;
        document("profile", &self.profile)?;
        document("grading", &self.grading)
    }

    fn event(&self, name: &str, by: &str, now_us: i64) -> Entry {
        let detail = json!({
            "id": self.id, "name": self.name, "owner": self.owner, "level": self.level, "profile": self.profile,
        });
        let mut entry = event(name, &self.tenant, detail, by, now_us);
        entry.app.clone_from(&self.app);
        entry
    }
}

impl Store {
    /// Puts an application into the register. Its id and times are made here.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do, or a name that the tenant has already; [`Error::QueueFull`] and
    /// the database's failures.
    pub async fn register(&self, new: Registered, by: &str, now_us: i64) -> Result<Registered, Error> {
        let made = Registered {
            id: format!("reg_{}", uuid::Uuid::now_v7().simple()),
            created_us: now_us,
            created_by: by.to_owned(),
            updated_us: now_us,
            updated_by: by.to_owned(),
            retired_us: None,
            ..new
        };
        made.check()?;
        let entry = made.event("register.add", by, now_us);
        self.put(RegisterChange::Add(made.clone()), entry).await?;
        Ok(made)
    }

    /// Changes an application. `updated_us` must be what was read: what somebody else changed meanwhile is not lost.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do, or when it was changed meanwhile; the database's failures.
    pub async fn reregister(&self, changed: Registered, by: &str, now_us: i64) -> Result<Registered, Error> {
        changed.check()?;
        let was_us = changed.updated_us;
        // Two changes within a microsecond must not look the same.
        let made = Registered { updated_us: now_us.max(was_us + 1), updated_by: by.to_owned(), ..changed };
        let name = if made.retired_us.is_some() { "register.retire" } else { "register.change" };
        let entry = made.event(name, by, now_us);
        self.put(RegisterChange::Change { made: made.clone(), was_us }, entry).await?;
        Ok(made)
    }

    /// The applications, by name; of one tenant where it is given.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn registered(&self, tenant: Option<&str>) -> Result<Vec<Registered>, Error> {
        let read = rows::apps(self.archive().pool(), tenant).await;
        read.map_err(|e| self.archive().failed("listing the register", e))
    }

    /// One application; of one tenant where it is given.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; the database's failures.
    pub async fn registered_as(&self, id: &str, tenant: Option<&str>) -> Result<Registered, Error> {
        let read = rows::app(self.archive().pool(), id, tenant).await;
        let read = read.map_err(|e| self.archive().failed("reading the register", e))?;
        read.ok_or_else(|| Error::NotFound { what: "registered application", id: id.to_owned() })
    }

    /// Notes what somebody says of a control.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an overlong or missing evidence, or an end that has passed; the database's failures.
    pub async fn tick(&self, tick: Tick, tenant: &str) -> Result<Tick, Error> {
        named("control", &tick.control)?;
        bounded("evidence", &tick.evidence, MOST_TEXT)?;
        hash("hash", tick.hash.as_deref())?;
        if tick.evidence.trim().is_empty() {
            let problem = "say what shows it, or why it is not met any more".to_owned();
            return Err(Error::Invalid { what: "evidence", problem });
        }
        if tick.expires_us.is_some_and(|end| end <= tick.at_us) {
            return Err(Error::Invalid { what: "expires", problem: "it would have ended already".to_owned() });
        }
        let detail = json!({
            "id": tick.entry, "control": tick.control, "met": tick.met, "evidence": tick.evidence, "hash": tick.hash,
            "expires": tick.expires_us.map(crate::time::rfc3339),
        });
        let entry = event("register.tick", tenant, detail, &tick.by, tick.at_us);
        self.put(RegisterChange::Tick(tick.clone()), entry).await?;
        Ok(tick)
    }

    /// Everything that was said of an application's controls, oldest first: the last of a control counts.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn ticks(&self, id: &str) -> Result<Vec<Tick>, Error> {
        rows::ticks(self.archive().pool(), id).await.map_err(|e| self.archive().failed("reading the register", e))
    }

    /// Notes how a piece of material stands.
    ///
    /// # Errors
    /// [`Error::Invalid`] for members that will not do; the database's failures.
    pub async fn file(&self, item: FilingItem, tenant: &str) -> Result<FilingItem, Error> {
        for (what, value) in [("duty", &item.duty), ("item", &item.item), ("state", &item.state)] {
            named(what, value)?;
        }
        bounded("responsible", &item.responsible, MOST_NAME)?;
        bounded("note", &item.note, MOST_TEXT)?;
        bounded("file_name", item.file_name.as_deref().unwrap_or_default(), MOST_NAME)?;
        hash("file_hash", item.file_hash.as_deref())?;
        date("due", item.due.as_deref())?;
        let detail = json!({
            "id": item.entry, "duty": item.duty, "item": item.item, "state": item.state, "due": item.due,
            "responsible": item.responsible, "file_hash": item.file_hash,
        });
        let entry = event("register.file", tenant, detail, &item.by, item.at_us);
        self.put(RegisterChange::File(item.clone()), entry).await?;
        Ok(item)
    }

    /// How an application's material stands; pieces that nobody touched are not among them.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn filing(&self, id: &str) -> Result<Vec<FilingItem>, Error> {
        rows::filing(self.archive().pool(), id).await.map_err(|e| self.archive().failed("reading the register", e))
    }

    async fn put(&self, change: RegisterChange, entry: Entry) -> Result<(), Error> {
        self.change(vec![Change::Register(Box::new(change))], vec![entry]).await.map(drop)
    }
}
