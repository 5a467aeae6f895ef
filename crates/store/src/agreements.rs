//! Agreements to be given generated content without an explicit label.
//!
//! A provider may do so on a user's request once the user agreement says whose duty the label then is, and keeps the logs
//! of it for six months at least (人工智能生成合成内容标识办法, article 9). What is in force is held in memory; every
//! agreement and every end of one has its record in the audit, and its row stays as evidence for as long as records do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::changes::Change;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// Longer ids and terms are refused: they come from outside and are kept.
const MOST_BYTES: usize = 512;
/// So many can be in force at once.
const MOST: usize = 1_000_000;

/// What was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// Its id: `agr_` and a UUID.
    pub id: String,
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The end user, as the application names them; none where the application's owner agreed for all that it makes.
    pub user: Option<String>,
    /// The terms that were agreed to: a version, an address, the hash of a document.
    pub terms: String,
    /// Since when, in microseconds since 1970 UTC.
    pub since_us: i64,
    /// Until when; none until it is withdrawn.
    pub until_us: Option<i64>,
    /// Who recorded it.
    pub by: String,
    /// When it was withdrawn.
    pub withdrawn_us: Option<i64>,
    /// By whom.
    pub withdrawn_by: Option<String>,
}

impl Agreement {
    /// Whether it holds at this moment.
    #[must_use]
    pub fn holds(&self, now_us: i64) -> bool {
        self.withdrawn_us.is_none() && self.since_us <= now_us && self.until_us.is_none_or(|until| now_us < until)
    }
}

/// What is to be agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgreement {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The end user; none for all of the application's.
    pub user: Option<String>,
    /// The terms.
    pub terms: String,
    /// Until when.
    pub until_us: Option<i64>,
}

type Holder = (String, String, Option<String>);

/// The agreements in force, by who holds them.
#[derive(Debug, Default)]
pub(crate) struct Agreements(Mutex<HashMap<Holder, Arc<Agreement>>>);

const ALL: &str = "SELECT id, tenant, app, user, terms, since_us, until_us, by, withdrawn_us, withdrawn_by
    FROM agreements WHERE (?1 OR withdrawn_us IS NULL) ORDER BY since_us, id";

impl Agreements {
    pub(crate) async fn load(conn: &mut SqliteConnection, now_us: i64) -> Result<Self, sqlx::Error> {
        let mut held = HashMap::new();
        for row in sqlx::query(ALL).bind(false).fetch_all(conn).await? {
            let agreement = read(&row)?;
            if agreement.until_us.is_none_or(|until| now_us < until) {
                held.insert(holder(&agreement), Arc::new(agreement));
            }
        }
        Ok(Agreements(Mutex::new(held)))
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Holder, Arc<Agreement>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn holder(agreement: &Agreement) -> Holder {
    (agreement.tenant.clone(), agreement.app.clone(), agreement.user.clone())
}

fn read(row: &sqlx::sqlite::SqliteRow) -> Result<Agreement, sqlx::Error> {
    Ok(Agreement {
        id: row.try_get(0)?,
        tenant: row.try_get(1)?,
        app: row.try_get(2)?,
        user: row.try_get(3)?,
        terms: row.try_get(4)?,
        since_us: row.try_get(5)?,
        until_us: row.try_get(6)?,
        by: row.try_get(7)?,
        withdrawn_us: row.try_get(8)?,
        withdrawn_by: row.try_get(9)?,
    })
}

fn check(what: &'static str, value: &str) -> Result<(), Error> {
    if value.trim().is_empty() || value.len() > MOST_BYTES {
        return Err(Error::Invalid { what, problem: format!("1 to {MOST_BYTES} bytes are allowed") });
    }
    Ok(())
}

impl Store {
    /// Records an agreement, with its entry in the audit. One that the same holder has is replaced: it is withdrawn at the
    /// same moment, and its row stays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong members, an end that has passed, or more agreements than can be held;
    /// [`Error::QueueFull`] and the database's failures, and then nothing was agreed.
    pub async fn agree(&self, new: NewAgreement, by: &str, now_us: i64) -> Result<Agreement, Error> {
        check("tenant", &new.tenant)?;
        check("app", &new.app)?;
        check("terms", &new.terms)?;
        if let Some(user) = &new.user {
            check("user", user)?;
        }
        if new.until_us.is_some_and(|until| until <= now_us) {
            return Err(Error::Invalid { what: "until", problem: "the agreement would have ended already".to_owned() });
        }
        let agreement = Agreement {
            id: format!("agr_{}", uuid::Uuid::now_v7().simple()),
            tenant: new.tenant,
            app: new.app,
            user: new.user,
            terms: new.terms,
            since_us: now_us,
            until_us: new.until_us,
            by: by.to_owned(),
            withdrawn_us: None,
            withdrawn_by: None,
        };
        let who = holder(&agreement);
        let former = {
            let held = self.inner.agreements.all();
            if held.len() >= MOST && !held.contains_key(&who) {
                return Err(Error::Invalid { what: "agreement", problem: format!("{MOST} are in force already") });
            }
            held.get(&who).cloned()
        };
        let mut changes = Vec::new();
        let mut entries = Vec::new();
        if let Some(former) = former {
            changes.push(Change::Withdraw { id: former.id.clone(), by: by.to_owned(), at_us: now_us });
            entries.push(entry("agreement.withdraw", &former, by, now_us));
        }
        entries.push(entry("agreement.record", &agreement, by, now_us));
        changes.push(Change::Agree(Box::new(agreement.clone())));
        self.change(changes, entries).await?;
        self.inner.agreements.all().insert(who, Arc::new(agreement.clone()));
        Ok(agreement)
    }

    /// Ends an agreement. In this process it ends even when the database fails: nobody is given unlabelled content on an
    /// agreement that was withdrawn.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none of this id is in force; the database's failures.
    pub async fn withdraw(&self, id: &str, by: &str, now_us: i64) -> Result<(), Error> {
        let ended = {
            let mut held = self.inner.agreements.all();
            let who = held.iter().find(|(_, a)| a.id == id).map(|(who, _)| who.clone());
            who.and_then(|who| held.remove(&who))
        };
        let Some(ended) = ended.filter(|a| a.holds(now_us)) else {
            return Err(Error::NotFound { what: "agreement in force", id: id.to_owned() });
        };
        let change = Change::Withdraw { id: id.to_owned(), by: by.to_owned(), at_us: now_us };
        self.change(vec![change], vec![entry("agreement.withdraw", &ended, by, now_us)]).await.map(drop)
    }

    /// The agreement under which this user of this application is given unlabelled content now: the user's own, else the
    /// application's. Waits on nothing.
    pub fn agreement(&self, tenant: &str, app: &str, user: Option<&str>, now_us: i64) -> Option<Arc<Agreement>> {
        let held = self.inner.agreements.all();
        // Mostly there are none: then not even the key is built.
        if held.is_empty() {
            return None;
        }
        let of = |user: Option<&str>| {
            let who = (tenant.to_owned(), app.to_owned(), user.map(str::to_owned));
            held.get(&who).filter(|a| a.holds(now_us)).cloned()
        };
        user.and_then(|user| of(Some(user))).or_else(|| of(None))
    }

    /// All agreements, those that have ended too where `ended`; oldest first.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn agreements(&self, ended: bool) -> Result<Vec<Agreement>, Error> {
        let failed = |e| self.archive().failed("listing agreements", e);
        let rows = sqlx::query(ALL).bind(ended).fetch_all(self.archive().pool()).await.map_err(failed)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }
}

fn entry(event: &str, agreement: &Agreement, by: &str, at_us: i64) -> Entry {
    let detail = json!({
        "id": agreement.id, "terms": agreement.terms, "until": agreement.until_us.map(time::rfc3339),
    });
    let mut entry = Entry::event(EntryKind::Admin, event, at_us, detail);
    entry.key_id = Some(by.to_owned());
    entry.tenant = Some(agreement.tenant.clone());
    entry.app = Some(agreement.app.clone());
    entry.user.clone_from(&agreement.user);
    entry
}
