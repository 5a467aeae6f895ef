//! The policy workbench: changes to packs are compiled, tried and put in force here, without touching a folder.
//!
//! What is published is a set of edits that lies over the packs of the binary and the folders
//! ([`crate::guard::Published`]). The store keeps it, and keeps the rules of its way into force; here it is compiled, and
//! the snapshot that was compiled is the one that is swapped in: what was tried is what holds. When what lies beneath
//! changes so that the edits no longer fit, the last set that held stands by itself, and that is said loudly.

pub(crate) mod answers;
pub(crate) mod diff;
pub(crate) mod runs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use menshen_policy::{Edits, FileName, text_hash};
use menshen_store::{ChangeFile, Error as StoreError, FullChange, NewRevision, RevisionFile, Step, Store};
use serde_json::json;
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

use crate::config::Config;
use crate::error::{Failure, GatewayError};
use crate::gateway::Gateway;
use crate::guard::{Note, Published, Snapshot};

/// Who puts in force what was scheduled.
const SCHEDULE: &str = "schedule";
/// How long somebody waits until another change has been compiled or run.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the workbench holds in memory: one change that was compiled, and whose turn it is.
pub(crate) struct Workbench {
    /// One thing is put in force after another.
    putting: tokio::sync::Mutex<()>,
    /// One change is compiled or run at a time: each takes a core and tens of megabytes.
    trying: Semaphore,
    tried: Mutex<Option<Tried>>,
}

impl Default for Workbench {
    fn default() -> Self {
        Workbench { putting: tokio::sync::Mutex::default(), trying: Semaphore::new(1), tried: Mutex::default() }
    }
}

struct Tried {
    change: String,
    version: i64,
    over: Weak<Snapshot>,
    snapshot: Arc<Snapshot>,
}

impl Workbench {
    /// Waits until nobody else puts anything in force.
    pub(crate) async fn putting(&self) -> MutexGuard<'_, ()> {
        self.putting.lock().await
    }

    /// Waits for the turn to compile or run something.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, GatewayError> {
        match tokio::time::timeout(PATIENCE, self.trying.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(GatewayError::new(Failure::Overloaded, "another change is being tried; try again shortly")
                .retry_after(5)),
        }
    }

    fn known(&self, change: &str, version: i64, over: &Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = tried.as_ref().filter(|t| t.change == change && t.version == version)?;
        let same = tried.over.upgrade().is_some_and(|live| Arc::ptr_eq(&live, over));
        same.then(|| Arc::clone(&tried.snapshot))
    }

    fn keep(&self, tried: Tried) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = Some(tried);
    }
}

/// A file that is not as it was when its edit was begun.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Conflict {
    /// `pack/path`.
    pub(crate) path: String,
    /// Whether it is there at all in what is in force.
    pub(crate) there: bool,
}

pub(crate) fn edits_of<'f>(files: impl IntoIterator<Item = &'f ChangeFile>) -> Result<Edits, GatewayError> {
    let mut edits = Edits::new();
    for file in files {
        edits.set(file_name(&file.path)?, file.body.as_deref().map(Arc::from));
    }
    Ok(edits)
}

pub(crate) fn file_name(path: &str) -> Result<FileName, GatewayError> {
    FileName::parse(path).map_err(|e| GatewayError::new(Failure::InvalidRequest, e.to_string()).param("path"))
}

/// What lies over the packs according to a revision.
fn published_of(revision: i64, files: &[RevisionFile]) -> Result<(Edits, Edits), GatewayError> {
    let mut edits = Edits::new();
    let mut whole = Vec::new();
    for file in files {
        let name = file_name(&file.path)?;
        let text: Option<Arc<str>> = file.body.as_deref().map(Arc::from);
        if let Some(text) = &text {
            whole.push((name.clone(), Arc::clone(text)));
        }
        if file.edit {
            edits.set(name, text);
        }
    }
    tracing::debug!(revision, edits = edits.len(), "a revision was read");
    Ok((edits, Edits::whole(whole)))
}

/// The set to start with: the packs with what was published over them. Where that no longer holds, the last set that did
/// stands by itself, and the reasons are in the log and in the snapshot's diagnostics. With `ignore_edits` the packs are
/// loaded as they lie there, whatever was published.
///
/// # Errors
/// When the record of what was published cannot be read. A set with errors is no error here: see [`Snapshot::errors`].
pub async fn in_force(config: &Config, store: &Store, ignore_edits: bool) -> Result<Snapshot, StoreError> {
    let Some((revision, files)) = store.published_policy().await? else { return Ok(Snapshot::load(config)) };
    if ignore_edits {
        tracing::warn!(revision = revision.number, "what was published is not in force: it was asked to be ignored");
        let published = Published { revision: revision.number, ..Published::default() };
        return Ok(Snapshot::load_published(config, Arc::new(published)));
    }
    let unreadable = |e: GatewayError| StoreError::Unreadable { what: "revision", problem: e.message.into_owned() };
    let (edits, whole) = published_of(revision.number, &files).map_err(unreadable)?;
    let published = Published { revision: revision.number, edits, whole: None };
    let over = Snapshot::load_published(config, Arc::new(published.clone()));
    if over.errors == 0 {
        return Ok(over);
    }
    for note in over.notes.iter().filter(|n| n.error) {
        tracing::error!("{}", note.shown);
    }
    tracing::error!(
        revision = revision.number,
        "what was published no longer fits the packs beneath it: the texts of the last revision stand by themselves until \
         this is corrected"
    );
    let published = Published { whole: Some(whole), ..published };
    let mut alone = Snapshot::load_published(config, Arc::new(published));
    if alone.errors == 0 {
        let warned = over.notes.into_iter().filter(|n| n.error).map(|n| Note { error: false, ..n });
        alone.notes.extend(warned);
        alone.diagnostics = alone.notes.iter().map(|n| n.shown.clone()).collect();
    }
    Ok(alone)
}

impl Gateway {
    /// The change compiled over what is in force, and what is in force.
    pub(crate) async fn trial(&self, full: &FullChange) -> Result<(Arc<Snapshot>, Arc<Snapshot>), GatewayError> {
        let live = self.guard.snapshot();
        let (id, version) = (&full.change.id, full.change.version);
        if let Some(known) = self.workbench.known(id, version, &live) {
            return Ok((known, live));
        }
        let _turn = self.workbench.turn().await?;
        if let Some(known) = self.workbench.known(id, version, &live) {
            return Ok((known, live));
        }
        let published = Arc::new(live.published.then(&edits_of(&full.files)?));
        let snapshot = self.compiled(&live, published).await?;
        let over = Arc::downgrade(&live);
        self.workbench.keep(Tried { change: id.clone(), version, over, snapshot: Arc::clone(&snapshot) });
        Ok((snapshot, live))
    }

    async fn compiled(&self, live: &Arc<Snapshot>, published: Arc<Published>) -> Result<Arc<Snapshot>, GatewayError> {
        let (config, live) = (self.config.clone(), Arc::clone(live));
        let compiled = tokio::task::spawn_blocking(move || live.with_edits(&config, published)).await;
        let failed = |e| GatewayError::new(Failure::Internal, "the packs could not be compiled").detail(e);
        compiled.map(Arc::new).map_err(failed)
    }

    /// Puts an approved change in force: new requests meet it, requests under way end as they began.
    ///
    /// # Errors
    /// When it is not approved, when what is in force changed beneath it, when it does not compile, and when it cannot be
    /// recorded. Then nothing has changed.
    pub(crate) async fn publish(&self, id: &str, version: i64, by: &str, now_us: i64) -> Result<i64, GatewayError> {
        let _putting = self.workbench.putting().await;
        let full = stored(self.store.policy_change(id).await)?;
        let live = self.guard.snapshot();
        let conflicts = conflicts(&full.files, &live);
        if let Some(conflict) = conflicts.first() {
            return Err(conflicting(conflict));
        }
        let number = live.published.revision.saturating_add(1);
        let published = Published { revision: number, ..live.published.then(&edits_of(&full.files)?) };
        let title = full.change.title.clone();
        let new = Revising { number, by, now_us, title, change: Some((id.to_owned(), version)), restores: None };
        self.put_in_force(&live, published, new).await
    }

    /// Puts an earlier revision in force again, as a new one; 0 is the packs without any edit.
    ///
    /// # Errors
    /// When there is no such revision, when it does not compile over the packs of now, and when it cannot be recorded.
    pub(crate) async fn roll_back(&self, to: i64, by: &str, now_us: i64) -> Result<i64, GatewayError> {
        let _putting = self.workbench.putting().await;
        let files = stored(self.store.policy_revision_files(to).await)?;
        let live = self.guard.snapshot();
        if to == live.published.revision {
            return Err(GatewayError::new(Failure::InvalidRequest, "this revision is in force").param("revision"));
        }
        let (edits, _) = published_of(to, &files)?;
        let number = live.published.revision.saturating_add(1);
        let published = Published { revision: number, edits, whole: None };
        let new = Revising { number, by, now_us, title: format!("↩ {to}"), change: None, restores: Some(to) };
        self.put_in_force(&live, published, new).await
    }

    async fn put_in_force(
        &self,
        live: &Arc<Snapshot>,
        published: Published,
        new: Revising<'_>,
    ) -> Result<i64, GatewayError> {
        let snapshot = {
            let _turn = self.workbench.turn().await?;
            self.compiled(live, Arc::new(published)).await?
        };
        if let Some(note) = snapshot.notes.iter().find(|n| n.error) {
            return Err(broken(snapshot.errors, note));
        }
        let mut files: BTreeMap<String, RevisionFile> = BTreeMap::new();
        for text in snapshot.packs.texts() {
            file_name(&text.name)?;
            let file = RevisionFile { path: text.name.clone(), edit: false, body: Some(text.body.to_string()) };
            files.insert(text.name.clone(), file);
        }
        for (name, text) in snapshot.published.edits.iter() {
            let body = text.map(ToString::to_string);
            files.insert(name.to_string(), RevisionFile { path: name.to_string(), edit: true, body });
        }
        let revision = NewRevision {
            number: new.number,
            at_us: new.now_us,
            by: new.by.to_owned(),
            title: new.title,
            change: new.change,
            restores: new.restores,
            packs: snapshot.versions.clone(),
            files: files.into_values().collect(),
        };
        stored(self.store.publish_policy(revision).await)?;
        self.guard.swap(snapshot);
        tracing::info!(revision = new.number, by = new.by, "a revision of the policy is in force");
        Ok(new.number)
    }

    /// Puts in force what was scheduled and is due. What cannot be is approved again, and no longer scheduled: somebody
    /// has to look at it.
    pub async fn publish_due(&self) {
        let now_us = jiff::Timestamp::now().as_microsecond();
        let due = match self.store.due_policy(now_us).await {
            Ok(due) => due,
            Err(e) => return tracing::error!(error = %e, "scheduled changes cannot be looked for"),
        };
        for id in due {
            let version = match self.store.policy_change(&id).await {
                Ok(full) => full.change.version,
                Err(e) => {
                    tracing::error!(change = id, error = %e, "a scheduled change cannot be read");
                    continue;
                }
            };
            let Err(e) = self.publish(&id, version, SCHEDULE, now_us).await else { continue };
            tracing::error!(change = id, "a scheduled change was not put in force: {}", e.message);
            if e.failure.outcome() == menshen_verdict::Outcome::Unavailable {
                // A full disk passes; the change stays due.
                continue;
            }
            let why = e.message.chars().take(2_000).collect::<String>();
            let step = self.store.step_policy(&id, version, Step::Unschedule, Some(&why), SCHEDULE, now_us);
            if let Err(e) = step.await {
                tracing::error!(change = id, error = %e, "a change that failed cannot be taken off the schedule");
            }
        }
    }
}

struct Revising<'a> {
    number: i64,
    by: &'a str,
    now_us: i64,
    title: String,
    change: Option<(String, i64)>,
    restores: Option<i64>,
}

/// The files whose texts in force are not those on which their edits were begun.
pub(crate) fn conflicts(files: &[ChangeFile], live: &Snapshot) -> Vec<Conflict> {
    let texts: BTreeMap<&str, String> = live
        .packs
        .texts()
        .filter(|t| files.iter().any(|f| f.path == t.name))
        .map(|t| (t.name.as_str(), t.hash()))
        .collect();
    files
        .iter()
        .filter(|f| texts.get(f.path.as_str()) != f.base.as_ref())
        // The same text that somebody else put in force is no conflict.
        .filter(|f| f.body.as_deref().map(text_hash) != texts.get(f.path.as_str()).cloned())
        .map(|f| Conflict { path: f.path.clone(), there: texts.contains_key(f.path.as_str()) })
        .collect()
}

pub(crate) fn conflicting(conflict: &Conflict) -> GatewayError {
    let message = format!(
        "{} was changed in what is in force since this edit was begun; reopen the change, look at the difference, and save \
         the file again or drop the edit",
        conflict.path
    );
    GatewayError::new(Failure::InvalidRequest, message).param("files")
}

/// What does not compile is refused with the place of its first mistake.
pub(crate) fn broken(errors: usize, first: &Note) -> GatewayError {
    let message = format!("the packs would have {errors} errors; the first: {}", first.shown);
    GatewayError::new(Failure::InvalidRequest, message).param("files").detail(json!({"path": first.path}))
}

/// The store's refusals at the door: whose eyes are not enough is not allowed.
pub(crate) fn stored<T>(result: Result<T, StoreError>) -> Result<T, GatewayError> {
    match result {
        Err(StoreError::Invalid { what: "approval", problem }) => Err(GatewayError::new(Failure::Forbidden, problem)),
        other => crate::api::admin::stored(other),
    }
}
