//! Cases: appeals, complaints and reports of published content, in one queue (统一受理).
//!
//! The law asks a provider for an entry, a published process with time limits, and answers within them (Interim Measures for
//! generative AI, article 15; 互联网信息服务深度合成管理规定, articles 11 and 12). Which kinds there are and how long each may
//! take is the caller's data; here stands what happened: the case, and the list of its steps, which is appended, chained and
//! never changed. Every step has its entry in the audit, with the hash of what was said.
//!
//! What people outside wrote, and what staff says of it, is encrypted with the store's key. The secret of a receipt is kept
//! nowhere: it is derived from the key and the case's id.

mod flow;
mod list;
pub(crate) mod rows;
mod step;

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use flow::{CaseDecision, CaseFamily, CaseFlow, CaseSource, CaseState};
pub use list::{CaseFilter, CasePage, CaseStatistics, Due, KindFigures};
pub use step::CaseStep;

use crate::changes::Change;
use crate::cipher;
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::keys::digits;
use crate::store::Store;
use crate::time;
use rows::{CaseChange, NewEvent};

/// The longest of what is written in one field, in bytes.
const MOST_TEXT: usize = 64 << 10;
/// The longest name, id or address, in bytes.
const MOST_NAME: usize = 512;
/// The longest address of content, in bytes.
const MOST_URL: usize = 4096;

/// What people outside wrote. `Debug` shows lengths only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseBody {
    /// What is wrong, in their words.
    pub text: String,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Where the content stands that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A copy of that content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What they say it is about (a number of a request, say): nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Which account they say is theirs: nobody has checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl fmt::Debug for CaseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaseBody {{ text: {} bytes, .. }}", self.text.len())
    }
}

/// What is to be opened.
#[derive(Debug, Clone)]
pub struct NewCase {
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The end user, as the application names them.
    pub user: Option<String>,
    /// The family.
    pub family: CaseFamily,
    /// Its kind: an id of the caller's data.
    pub kind: String,
    /// What it is about: an id of the caller's data.
    pub category: Option<String>,
    /// Who opens it.
    pub source: CaseSource,
    /// The language of whoever complains: `zh` or `en`.
    pub lang: String,
    /// An application's own id of it: sent again, it is the same case.
    pub once: Option<String>,
    /// The request it is about; the caller has made sure that it is the tenant's.
    pub request_id: Option<Uuid>,
    /// What they wrote.
    pub body: CaseBody,
    /// Until when it must be acknowledged, in microseconds since 1970 UTC.
    pub ack_due_us: i64,
    /// From when on the answer is due soon.
    pub soon_us: i64,
    /// Until when it must be answered.
    pub due_us: i64,
}

fn written<S: Serializer>(at_us: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time::rfc3339(*at_us))
}

fn maybe_written<S: Serializer>(at_us: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    at_us.map(time::rfc3339).serialize(serializer)
}

/// A case. Times are RFC 3339 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    #[serde(skip)]
    pub(crate) seq: i64,
    /// Its id: `cas_` and a UUID.
    pub id: String,
    /// The number on the receipt.
    pub number: String,
    /// The tenant.
    pub tenant: String,
    /// The application.
    pub app: String,
    /// The end user.
    pub user: Option<String>,
    /// The family.
    pub family: CaseFamily,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub category: Option<String>,
    /// Who opened it.
    pub source: CaseSource,
    /// The language of whoever complains.
    pub lang: String,
    /// The request it is about.
    pub request_id: Option<String>,
    /// The review it is about.
    pub review: Option<i64>,
    /// Where it stands.
    pub state: CaseState,
    /// Whose work it is.
    pub assignee: Option<String>,
    /// What was decided, or proposed.
    pub decision: Option<CaseDecision>,
    /// Whether the decision waits for a second person.
    pub pending: bool,
    /// Who decided, rejected or answered.
    pub decided_by: Option<String>,
    /// Who approved.
    pub approved_by: Option<String>,
    /// Who decided before it was reopened.
    pub former_by: Option<String>,
    /// Whether it was reopened.
    pub reopened: bool,
    /// When it came in.
    #[serde(rename = "created_at", serialize_with = "written")]
    pub created_us: i64,
    /// Until when it must be acknowledged.
    #[serde(rename = "ack_due_at", serialize_with = "written")]
    pub ack_due_us: i64,
    /// When it was.
    #[serde(rename = "acknowledged_at", serialize_with = "maybe_written")]
    pub ack_us: Option<i64>,
    /// From when on the answer is due soon.
    #[serde(rename = "soon_at", serialize_with = "written")]
    pub soon_us: i64,
    /// Until when it must be answered.
    #[serde(rename = "due_at", serialize_with = "written")]
    pub due_us: i64,
    /// When it was.
    #[serde(rename = "answered_at", serialize_with = "maybe_written")]
    pub answered_us: Option<i64>,
    /// When it was closed or rejected.
    #[serde(rename = "closed_at", serialize_with = "maybe_written")]
    pub closed_us: Option<i64>,
    /// When anything was done last.
    #[serde(rename = "updated_at", serialize_with = "written")]
    pub updated_us: i64,
}

impl Case {
    /// Whether somebody should have done something by now.
    pub fn due(&self, now_us: i64) -> Due {
        let waits = matches!(self.state, CaseState::Received | CaseState::Acknowledged | CaseState::InProgress);
        let unacknowledged = self.state == CaseState::Received && self.ack_due_us <= now_us;
        match waits {
            true if unacknowledged || self.due_us <= now_us => Due::Overdue,
            true if self.soon_us <= now_us => Due::Soon,
            _ => Due::Fine,
        }
    }
}

/// One step of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseEvent {
    /// Its id.
    pub id: String,
    /// Its place in the case, from 1.
    pub n: i64,
    /// When.
    #[serde(rename = "at", serialize_with = "written")]
    pub at_us: i64,
    /// Who.
    pub by: String,
    /// What.
    pub step: CaseFlow,
    /// Where the case stood.
    pub before: CaseState,
    /// Where it stands since.
    pub after: CaseState,
    /// What was said.
    pub detail: Value,
    /// SHA-256 of that, in hexadecimal; the audit has the same.
    pub sha256: String,
}

/// A case with everything in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseFile {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// What people outside wrote.
    pub body: CaseBody,
    /// Its steps, oldest first.
    pub events: Vec<CaseEvent>,
    /// Whether the chain of the steps is whole.
    pub whole: bool,
}

fn body_place(id: &str) -> String {
    format!("case/{id}/body")
}

fn event_place(case: &str, id: &str) -> String {
    format!("case/{case}/event/{id}")
}

fn bounded(what: &'static str, value: &str, most: usize) -> Result<(), Error> {
    if value.trim().is_empty() || value.len() > most {
        return Err(Error::Invalid { what, problem: format!("1 to {most} bytes are allowed") });
    }
    Ok(())
}

fn bounded_if(what: &'static str, value: Option<&String>, most: usize) -> Result<(), Error> {
    value.map_or(Ok(()), |value| bounded(what, value, most))
}

impl NewCase {
    fn check(&self) -> Result<(), Error> {
        bounded("tenant", &self.tenant, MOST_NAME)?;
        bounded("app", &self.app, MOST_NAME)?;
        bounded("kind", &self.kind, MOST_NAME)?;
        bounded("text", &self.body.text, MOST_TEXT)?;
        bounded_if("user", self.user.as_ref(), MOST_NAME)?;
        bounded_if("category", self.category.as_ref(), MOST_NAME)?;
        bounded_if("idempotency_key", self.once.as_ref(), MOST_NAME)?;
        bounded_if("contact", self.body.contact.as_ref(), MOST_NAME)?;
        bounded_if("reference", self.body.reference.as_ref(), MOST_NAME)?;
        bounded_if("user", self.body.account.as_ref(), MOST_NAME)?;
        bounded_if("url", self.body.url.as_ref(), MOST_URL)?;
        bounded_if("content", self.body.content.as_ref(), MOST_TEXT)
    }

    /// What an application must send again to mean the same case.
    fn digest(&self, body: &[u8]) -> [u8; 32] {
        let request = self.request_id.map(|id| id.to_string());
        let named = json!([self.user, self.family, self.kind, self.category, self.lang, request]).to_string();
        Sha256::new().chain_update(named.as_bytes()).chain_update([0]).chain_update(body).finalize().into()
    }
}

/// A number that people can read out: the day, and eight digits that nobody guesses in a row.
fn number(now_us: i64) -> Result<String, Error> {
    let mut random = [0_u8; 5];
    cipher::random(&mut random)?;
    let day: String = time::rfc3339(now_us).chars().take(10).filter(|c| *c != '-').collect();
    Ok(format!("C{day}-{}", digits(&random).to_uppercase()))
}

fn unreadable(problem: impl fmt::Display) -> Error {
    Error::Unreadable { what: "case", problem: problem.to_string() }
}

impl Store {
    /// Opens a case, with its first step and its entry in the audit. An application's case that was sent before (same
    /// `once`) is given as it stands, with `false`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for empty or overlong members, [`Error::Conflict`] when the same `once` came with other contents;
    /// [`Error::QueueFull`] and the database's failures.
    pub async fn open_case(&self, new: NewCase, by: &str, now_us: i64) -> Result<(Case, bool), Error> {
        new.check()?;
        let body = serde_json::to_vec(&new.body).map_err(unreadable)?;
        let digest = new.digest(&body);
        if let Some(known) = self.known_case(&new, &digest).await? {
            return Ok((known, false));
        }
        let id = format!("cas_{}", Uuid::now_v7().simple());
        let sealed = self.inner.ring.encrypt(&body_place(&id), &body)?;
        let said = json!({
            "source": new.source, "body_sha256": crate::hex::encode(&Sha256::digest(&body)),
            "content_sha256": new.body.content.as_ref().map(|c| crate::hex::encode(&Sha256::digest(c.as_bytes()))),
        });
        let event = self.event(&id, CaseFlow::Open, &said, by, now_us)?;
        let case = Case {
            seq: 0,
            id,
            number: number(now_us)?,
            tenant: new.tenant.clone(),
            app: new.app.clone(),
            user: new.user.clone(),
            family: new.family,
            kind: new.kind.clone(),
            category: new.category.clone(),
            source: new.source,
            lang: new.lang.clone(),
            request_id: new.request_id.map(|id| id.to_string()),
            review: None,
            state: CaseState::Received,
            assignee: None,
            decision: None,
            pending: false,
            decided_by: None,
            approved_by: None,
            former_by: None,
            reopened: false,
            created_us: now_us,
            ack_due_us: new.ack_due_us,
            ack_us: None,
            soon_us: new.soon_us,
            due_us: new.due_us,
            answered_us: None,
            closed_us: None,
            updated_us: now_us,
        };
        let entry = entry_of(&case, &event);
        let once = new.once.clone().map(|once| (once, digest));
        let change = CaseChange::Open { case: Box::new(case.clone()), once, body: sealed, event };
        match self.change(vec![Change::Case(Box::new(change))], vec![entry]).await {
            Ok(_) => Ok((case, true)),
            // The same one may have come twice at the same moment.
            Err(error @ Error::Invalid { .. }) => match self.known_case(&new, &digest).await? {
                Some(known) => Ok((known, false)),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn known_case(&self, new: &NewCase, digest: &[u8; 32]) -> Result<Option<Case>, Error> {
        let Some(once) = &new.once else { return Ok(None) };
        let failed = |e| self.archive().failed("reading a case", e);
        let found = rows::of_once(self.archive().pool(), &new.tenant, &new.app, once).await.map_err(failed)?;
        let Some((case, known)) = found else { return Ok(None) };
        if known.as_deref() == Some(&digest[..]) {
            return Ok(Some(case));
        }
        let problem = "was used for another complaint; use a new one".to_owned();
        Err(Error::Conflict { what: "idempotency_key", problem })
    }

    /// Takes a step in a case of a tenant (any, where none is given). The step, its entry in the audit and what follows
    /// for the case are one transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] when the step does not fit how the case stands or is not `by`'s to take,
    /// [`Error::Invalid`] for overlong texts; [`Error::QueueFull`] and the database's failures.
    pub async fn step_case(
        &self,
        id: &str,
        tenant: Option<&str>,
        step: CaseStep,
        by: &str,
        now_us: i64,
    ) -> Result<Case, Error> {
        step.check()?;
        bounded("by", by, MOST_NAME)?;
        let case = self.case(id, tenant).await?;
        let said = step.detail();
        let event = self.event(&case.id, step.flow(), &said, by, now_us)?;
        let entry = entry_of(&case, &event);
        let change = CaseChange::Step { case: case.id.clone(), step: Box::new(step), event };
        self.change(vec![Change::Case(Box::new(change))], vec![entry]).await?;
        self.case(id, tenant).await
    }

    fn event(&self, case: &str, step: CaseFlow, said: &Value, by: &str, at_us: i64) -> Result<NewEvent, Error> {
        let id = Uuid::now_v7().simple().to_string();
        let plain = said.to_string();
        let detail = self.inner.ring.encrypt(&event_place(case, &id), plain.as_bytes())?;
        Ok(NewEvent { id, at_us, by: by.to_owned(), step, detail, sha256: Sha256::digest(plain.as_bytes()).into() })
    }

    /// A case of a tenant (any, where none is given).
    ///
    /// # Errors
    /// [`Error::NotFound`]; the database's failures.
    pub async fn case(&self, id: &str, tenant: Option<&str>) -> Result<Case, Error> {
        let failed = |e| self.archive().failed("reading a case", e);
        let found = rows::of_id(self.archive().pool(), id, tenant).await.map_err(failed)?;
        found.ok_or_else(|| Error::NotFound { what: "case", id: id.to_owned() })
    }

    /// The case with this number on its receipt. Whose it is, and whether they may see it, is the caller's to ask.
    ///
    /// # Errors
    /// The database's failures.
    pub async fn case_of_number(&self, number: &str) -> Result<Option<Case>, Error> {
        let failed = |e| self.archive().failed("reading a case", e);
        rows::of_number(self.archive().pool(), number).await.map_err(failed)
    }

    /// A case of a tenant with everything in it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Sealed`] when a text does not open; the database's failures.
    pub async fn case_file(&self, id: &str, tenant: Option<&str>) -> Result<CaseFile, Error> {
        let failed = |e| self.archive().failed("reading a case", e);
        let case = self.case(id, tenant).await?;
        let (body, events) = rows::contents(self.archive().pool(), id).await.map_err(failed)?;
        let ring = &self.inner.ring;
        let body = ring.decrypt("case", &body_place(id), &body)?;
        let body = serde_json::from_slice(&body).map_err(unreadable)?;
        let whole = rows::whole(id, &events);
        let mut opened = Vec::with_capacity(events.len());
        for event in events {
            let plain = ring.decrypt("case", &event_place(id, &event.id), &event.detail)?;
            opened.push(CaseEvent {
                detail: serde_json::from_slice(&plain).map_err(unreadable)?,
                n: event.n,
                at_us: event.at_us,
                by: event.by,
                step: event.step,
                before: event.before,
                after: event.after,
                sha256: crate::hex::encode(&event.sha256),
                id: event.id,
            });
        }
        Ok(CaseFile { case, body, events: opened, whole })
    }

    /// The secret on a case's receipt: who has it may see how the case stands. It follows from the key and the id.
    pub fn case_secret(&self, case: &Case) -> Zeroizing<String> {
        let seal = Zeroizing::new(self.inner.ring.seal("case receipt v1", &[case.id.as_bytes()]));
        digits(&seal[..20])
    }
}

/// The audit's entry for a step: who, what, and the hash of what was said; no text.
fn entry_of(case: &Case, event: &NewEvent) -> Entry {
    let kind = if case.source == CaseSource::Staff || event.step != CaseFlow::Open {
        EntryKind::Admin
    } else {
        EntryKind::System
    };
    let detail = json!({
        "case": case.id, "number": case.number, "kind": case.kind, "event": event.id,
        "sha256": crate::hex::encode(&event.sha256),
    });
    let mut entry = Entry::event(kind, &format!("case.{}", event.step.id()), event.at_us, detail);
    entry.key_id = Some(event.by.clone());
    entry.tenant = Some(case.tenant.clone());
    entry.app = Some(case.app.clone());
    entry.user.clone_from(&case.user);
    entry
}
