//! The store: opening, recording, closing.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::agreements::Agreements;
use crate::archive::{Archive, Filter, key_path};
use crate::behaviour::Behaviour;
use crate::changes::{Change, PRUNE_STEP};
use crate::cipher::{Key, Ring};
use crate::entry::{Entry, EntryKind, Receipt, Record};
use crate::error::Error;
use crate::files::{self, HeadFile, Lock};
use crate::keys::KeyRing;
use crate::observe;
use crate::options::{Durability, KeySource, Options, TextRetention};
use crate::people::People;
use crate::place::{self, Place};
use crate::profiles::Profiles;
use crate::protection::eras;
use crate::protection::retention::Before;
use crate::protection::rows::ProtectionChange;
use crate::protection::text_keys::TextKeys;
use crate::schema;
use crate::time;
use crate::usage::Meter;
use crate::users::Users;
use crate::verify::{self, BREAK_ACCEPTED, VerifyReport};
use crate::writer::{self, Done, Job, Shared, Writer};

/// The open store. Cloning is cheap; all clones are the same store. Call [`Store::close`] before the process ends;
/// dropping the last clone also writes what is queued, as long as the runtime lives.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) ring: Ring,
    pub(crate) keys: KeyRing,
    pub(crate) users: Users,
    pub(crate) agreements: Agreements,
    pub(crate) people: People,
    pub(crate) behaviour: Behaviour,
    pub(crate) profiles: Profiles,
    /// Incidents change one after another: what a step does depends on how the one before left them.
    pub(crate) incidents: tokio::sync::Mutex<()>,
    pub(crate) text_keys: TextKeys,
    pub(crate) meter: Arc<Meter>,
    archive: Archive,
    key_id: String,
    shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
    writer: Mutex<Option<JoinHandle<Result<(), Error>>>>,
    /// The last row that was verified, and whether all was whole.
    verified: Mutex<Option<(u64, bool)>>,
    /// When.
    verified_us: std::sync::atomic::AtomicI64,
}

impl Inner {
    pub(crate) fn live(&self) -> &observe::Live {
        &self.shared.live
    }

    /// Whether records are queued, or on disk and not added up.
    pub(crate) fn uncounted(&self) -> bool {
        self.shared.queued_records.load(Ordering::Acquire) > 0 || self.shared.uncounted.load(Ordering::Acquire)
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// What the last [`Store::verify`] said: the last row it read, and whether all was whole.
    pub(crate) fn verified(&self) -> Option<(u64, bool)> {
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The answer of the writer, to be waited for.
type Waiting = oneshot::Receiver<Result<Done, Error>>;

/// How the store is doing, for readiness and metrics.
#[derive(Debug, Clone)]
pub struct Health {
    /// Records and changes that wait for the writer.
    pub queued_records: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// The last record on disk.
    pub last_seq: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Why the last commit failed; `None` when it did not.
    pub failing: Option<Error>,
    /// When something could not be written the last time, in microseconds since 1970 UTC; `None` when everything was.
    pub failed_us: Option<i64>,
    /// Why the head file could not be written the last time; `None` when it was.
    pub head_failing: Option<Error>,
}

/// What retention did.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Pruned {
    /// Audit rows that were removed.
    pub rows: u64,
    /// The last of them.
    pub through: Option<u64>,
    /// Rows of other kinds that were removed: `reviews`, `feedback`, `usage`, `text_keys` and so on.
    #[serde(flatten)]
    pub others: std::collections::BTreeMap<&'static str, u64>,
}

impl Store {
    /// Opens the data folder `dir`, making it when it is not there, and takes its lock.
    ///
    /// The end of the audit is checked against the head file; the whole is not read (that is [`Store::verify`]).
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it; [`Error::KeyMissing`], [`Error::WrongKey`], [`Error::BadKey`];
    /// [`Error::Tampered`] when audit and head file do not fit (see [`Options::accept_break`]); [`Error::Missing`] when the
    /// database is gone that other files tell of; [`Error::Damaged`]; options that make no sense;
    /// the disk's and the database's failures.
    pub async fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        options.check()?;
        files::make_folder(dir)?;
        let lock = Lock::take(dir)?;
        let database = schema::database_path(dir);
        let head_path = files::head_path(dir);
        place::refuse_lost(&database, &head_path, options.accept_break)?;
        files::make_private(&database)?;
        let mut conn = schema::open_writer(&database, options.max_bytes).await?;
        let failed = |e| Error::database("reading the folder's state", &database, e);

        let key = find_key(dir, &options.key, &mut conn).await?;
        let ring = eras::ring(&mut conn, &key).await.map_err(failed)??;
        let head_file = files::read_head(&head_path, Some(&ring))?;
        let end = verify::check_tail(&mut conn, head_file, &ring).await.map_err(failed)?;
        let problem = end.broken.map(|broken| broken.to_string());
        if let Some(problem) = &problem
            && !options.accept_break
        {
            return Err(Error::Tampered { problem: problem.clone() });
        }

        let now_us = time::now_us();
        let keys = KeyRing::load(&mut conn).await.map_err(failed)?;
        let users = Users::load(&mut conn, now_us).await.map_err(failed)?;
        let agreements = Agreements::load(&mut conn, now_us).await.map_err(failed)?;
        let people = People::load(&mut conn).await.map_err(failed)?;
        let behaviour = Behaviour::load(&mut conn, now_us).await.map_err(failed)?;
        let profiles = Profiles::load(&mut conn).await.map_err(failed)?;
        let meter = Arc::new(Meter::load(&mut conn, time::day(now_us, options.day_offset_min)).await.map_err(failed)?);
        let mut head = end.head;
        let mut entries = Vec::new();
        if head.is_none() {
            entries.push(Entry::event(EntryKind::System, "genesis", now_us, json!({ "key_id": key.id() })));
        }
        if let Some(problem) = problem {
            tracing::warn!(problem, "the audit does not fit its head file; the break is recorded and accepted");
            let known = if let HeadFile::Read(head) = head_file { Some(head) } else { None };
            let detail = json!({
                "problem": problem,
                "head_seq": known.map(|h| h.seq),
                "head_hash": known.map(|h| crate::hex::encode(&h.hash)),
            });
            entries.push(Entry::event(EntryKind::System, BREAK_ACCEPTED, now_us, detail));
        }
        if !entries.is_empty() {
            head = Some(begin(&mut conn, head, entries, &ring, &key).await.map_err(failed)?);
        }
        if let Some(head) = head {
            files::write_head(&head_path, head, &ring)?;
        }

        let uncounted = observe::open(&mut conn, head, options.day_offset_min).await.map_err(failed)?;
        let archive = Archive::with_ring(dir, Some(ring.clone())).await?;
        let shared = Arc::new(Shared::default());
        let on_disk = head.map_or(0, |h| h.seq);
        shared.last.store(on_disk, Ordering::Release);
        let (queue, jobs) = mpsc::channel(options.queue_records);
        let writer = Writer {
            conn,
            place: Place::of(&database)?,
            database,
            ring: ring.clone(),
            head,
            attempted: None,
            shared: Arc::clone(&shared),
            meter: Arc::clone(&meter),
            window: options.window(),
            folding: observe::Folding::new(head, options.day_offset_min),
            lock: Arc::new(lock),
        };
        let writer = tokio::spawn(writer.run(jobs, head_path, on_disk));
        let inner = Inner {
            key_id: key.id(),
            options,
            ring,
            keys,
            users,
            agreements,
            people,
            behaviour,
            profiles,
            incidents: tokio::sync::Mutex::default(),
            text_keys: TextKeys::default(),
            meter,
            archive,
            shared,
            queue,
            writer: Mutex::new(Some(writer)),
            verified: Mutex::new(None),
            verified_us: std::sync::atomic::AtomicI64::new(0),
        };
        let inner = Arc::new(inner);
        if uncounted {
            tokio::spawn(observe::count_the_past(Arc::downgrade(&inner)));
        }
        Ok(Store { inner })
    }

    /// Appends a record. Strict: resolves once it is on disk. Windowed: resolves once it is queued.
    ///
    /// The record is queued before the first suspension: dropping the future afterwards does not take it back.
    ///
    /// # Errors
    /// [`Error::QueueFull`] when too much waits, [`Error::Closed`], and in strict mode the disk's and the database's
    /// failures: then nothing may be taken as recorded.
    pub fn record(&self, entry: Entry) -> impl Future<Output = Result<Receipt, Error>> + Send + 'static {
        let strict = self.inner.options.durability == Durability::Strict;
        // A refusal must cost less than a record: encrypting for a full queue would take the processor from the writer
        // that is to empty it.
        let queued = self.room().and_then(|()| self.seal_and_enqueue(entry, strict));
        async move {
            let Some(reply) = queued? else { return Ok(Receipt::Queued) };
            let done = reply.await.map_err(|_| Error::Closed)??;
            let (seq, hash) = done.placed.ok_or(Error::Closed)?;
            Ok(Receipt::Durable { seq, hash })
        }
    }

    fn seal_and_enqueue(&self, entry: Entry, strict: bool) -> Result<Option<Waiting>, Error> {
        let Inner { options, ring, text_keys, .. } = &*self.inner;
        let sealed = options.text == TextRetention::Encrypted && entry.text.is_some();
        let _sealing = sealed.then(|| text_keys.sealing());
        let key = sealed
            .then(|| text_keys.of(ring, entry.tenant.as_deref(), entry.user.as_deref(), time::now_us()))
            .transpose()?;
        let row = entry.into_noted(options.text, key.as_deref())?;
        let unstored = key.filter(|key| !key.is_stored());
        let changes = unstored.map(|key| ProtectionChange::TextKey(key).boxed()).into_iter().collect();
        self.enqueue(changes, vec![row], strict)
    }

    /// Makes changes and appends the records that tell of them: all or nothing, and on disk whatever the durability.
    pub(crate) async fn change(&self, changes: Vec<Change>, entries: Vec<Entry>) -> Result<Done, Error> {
        self.enqueue_change(changes, entries)?.await
    }

    pub(crate) fn enqueue_change(
        &self,
        changes: Vec<Change>,
        entries: Vec<Entry>,
    ) -> Result<impl Future<Output = Result<Done, Error>> + Send + 'static, Error> {
        let rows = entries
            .into_iter()
            .map(|entry| entry.into_noted(TextRetention::Omitted, None))
            .collect::<Result<_, _>>()?;
        let reply = self.enqueue(changes, rows, true)?;
        Ok(async move {
            match reply {
                Some(reply) => reply.await.map_err(|_| Error::Closed)?,
                None => Err(Error::Closed),
            }
        })
    }

    /// Whether one more may wait. [`Store::enqueue`] has the last word.
    fn room(&self) -> Result<(), Error> {
        let shared = &self.inner.shared;
        let records = shared.queued_records.load(Ordering::Acquire);
        if records < self.inner.options.queue_records {
            return Ok(());
        }
        Err(Error::QueueFull { records, bytes: shared.queued_bytes.load(Ordering::Acquire) })
    }

    fn enqueue(
        &self,
        changes: Vec<Change>,
        rows: Vec<writer::NotedRow>,
        answer: bool,
    ) -> Result<Option<Waiting>, Error> {
        let (shared, options) = (&self.inner.shared, &self.inner.options);
        if shared.closing.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let bytes = rows.iter().map(|(row, _)| row.bytes()).sum();
        let records_before = shared.queued_records.fetch_add(1, Ordering::AcqRel);
        let bytes_before = shared.queued_bytes.fetch_add(bytes, Ordering::AcqRel);
        let undo = |error| {
            shared.queued_records.fetch_sub(1, Ordering::AcqRel);
            shared.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
            Err(error)
        };
        // One record larger than the whole allowance still passes when nothing else waits.
        let too_many = records_before >= options.queue_records;
        let too_large = bytes_before > 0 && bytes_before.saturating_add(bytes) > options.queue_bytes;
        if too_many || too_large {
            return undo(Error::QueueFull { records: records_before, bytes: bytes_before });
        }
        let (sender, receiver) = oneshot::channel();
        let (reply, receiver) = if answer { (Some(sender), Some(receiver)) } else { (None, None) };
        match self.inner.queue.try_send(Job { changes, rows, bytes, reply }) {
            Ok(()) => Ok(receiver),
            Err(mpsc::error::TrySendError::Closed(_)) => undo(Error::Closed),
            Err(mpsc::error::TrySendError::Full(_)) => {
                undo(Error::QueueFull { records: records_before, bytes: bytes_before })
            }
        }
    }

    /// Resolves once everything queued before is on disk, token counters included.
    ///
    /// # Errors
    /// [`Error::QueueFull`], [`Error::Closed`], the disk's and the database's failures.
    pub async fn flush(&self) -> Result<(), Error> {
        self.change(Vec::new(), Vec::new()).await.map(drop)
    }

    /// Removes what is older than the retention, in steps that do not hold up records for long. What remains still
    /// verifies, and a record tells of every step. Call it now and then, such as once a day.
    ///
    /// # Errors
    /// [`Error::QueueFull`], [`Error::Closed`], the disk's and the database's failures; steps that were made stay made.
    pub async fn prune(&self, now_us: i64) -> Result<Pruned, Error> {
        let before = Before::of(&self.inner.options, now_us);
        let mut total = Pruned::default();
        loop {
            let done = self.change(vec![Change::Prune { before, at_us: now_us }], Vec::new()).await?;
            let effect = done.effects.into_iter().next().unwrap_or_default();
            let (rows, through) = effect.pruned.unwrap_or_default();
            total.others.extend(effect.others);
            total.rows += rows;
            if rows > 0 {
                total.through = Some(through);
            }
            // A last empty step clears the other tables.
            if rows == 0 {
                return Ok(total);
            }
            if rows < PRUNE_STEP as u64 {
                tracing::info!(rows = total.rows, "retention removed audit rows");
            }
        }
    }

    /// Reads the whole audit and proves it whole, or names the first record that is not: [`Archive::verify`], after
    /// what is queued was written.
    ///
    /// # Errors
    /// The database's failures. A broken chain is no error but a report.
    pub async fn verify(&self) -> Result<VerifyReport, Error> {
        // A disk that refuses must not keep anybody from verifying what it holds.
        let _ = self.flush().await;
        let report = self.inner.archive.verify().await?;
        *self.inner.verified.lock().unwrap_or_else(PoisonError::into_inner) =
            report.last.map(|last| (last, report.is_whole()));
        self.inner.verified_us.store(time::now_us(), Ordering::Release);
        Ok(report)
    }

    /// What the last [`Store::verify`] since the start found: the last row that it read, whether all was whole, and when
    /// that was, in microseconds since 1970 UTC.
    pub fn last_verified(&self) -> Option<(u64, bool, i64)> {
        let (seq, whole) = self.inner.verified()?;
        Some((seq, whole, self.inner.verified_us.load(Ordering::Acquire)))
    }

    /// Writes records as JSON lines: [`Archive::export`].
    ///
    /// # Errors
    /// Those of [`Archive::export`].
    pub async fn export<W>(&self, filter: &Filter, decrypt: bool, sink: &mut W) -> Result<u64, Error>
    where
        W: tokio::io::AsyncWrite + Unpin + Send + ?Sized,
    {
        let _ = self.flush().await;
        self.inner.archive.export(filter, decrypt, sink).await
    }

    /// A page of records, newest first: [`Archive::records`].
    ///
    /// # Errors
    /// The database's failures.
    pub async fn records(&self, filter: &Filter, before: Option<u64>, limit: u32) -> Result<Vec<Record>, Error> {
        self.inner.archive.records(filter, before, limit).await
    }

    /// The reading side.
    pub fn archive(&self) -> &Archive {
        &self.inner.archive
    }

    /// The public id of the key in use.
    pub fn key_id(&self) -> &str {
        &self.inner.key_id
    }

    /// The options the store was opened with.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// How the store is doing. Waits on nothing.
    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        let read = |error: &Mutex<Option<Error>>| error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Health {
            queued_records: shared.queued_records.load(Ordering::Acquire),
            queued_bytes: shared.queued_bytes.load(Ordering::Acquire),
            last_seq: shared.last.load(Ordering::Acquire),
            commits: shared.commits.load(Ordering::Relaxed),
            failing: read(&shared.failing),
            failed_us: Some(shared.failed_us.load(Ordering::Acquire)).filter(|at| *at != 0),
            head_failing: read(&shared.head_failing),
        }
    }

    /// Takes nothing new, writes everything that is queued, and lets go of the folder. Later calls resolve at once.
    ///
    /// # Errors
    /// [`Error::Lost`] when queued records could not be written.
    pub async fn close(&self) -> Result<(), Error> {
        self.inner.shared.closing.store(true, Ordering::Release);
        self.inner.shared.shutdown.notify_one();
        let writer = self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(()) };
        // Readers first, so that the writer's connection is the last and puts the database in order.
        self.inner.archive.close().await;
        writer.await.map_err(|_| Error::Closed)?
    }
}

/// Gets the key, or makes one for a folder without rows.
pub(crate) async fn find_key(dir: &Path, source: &KeySource, conn: &mut SqliteConnection) -> Result<Key, Error> {
    const KEY_ID: &str = "SELECT value FROM meta WHERE name = 'key_id'";
    const ANY_ROW: &str = "SELECT EXISTS (SELECT 1 FROM audit) OR EXISTS (SELECT 1 FROM audit_anchor)";
    let database = schema::database_path(dir);
    let failed = |e| Error::database("reading the key's id", &database, e);
    let expected: Option<String> = sqlx::query_scalar(KEY_ID).fetch_optional(&mut *conn).await.map_err(failed)?;
    let has_rows: bool = sqlx::query_scalar(ANY_ROW).fetch_one(conn).await.map_err(failed)?;
    let path = match source {
        KeySource::Given(_) => None,
        KeySource::Folder => Some(key_path(dir)),
        KeySource::File(path) => Some(path.clone()),
    };
    let file = path.clone();
    let key = match (source, path) {
        (KeySource::Given(key), _) => key.clone(),
        (_, Some(path)) => match files::read_key(&path)? {
            Some(key) => key,
            None if has_rows || expected.is_some() => return Err(Error::KeyMissing { path }),
            None => files::create_key(&path)?,
        },
        (_, None) => return Err(Error::KeyMissing { path: key_path(dir) }),
    };
    match expected.filter(|expected| *expected != key.id()) {
        Some(expected) => match file.map(|path| eras::finish(&path, &expected)).transpose()?.flatten() {
            Some(key) => Ok(key),
            None => Err(Error::WrongKey { given: key.id(), expected }),
        },
        None => Ok(key),
    }
}

/// Writes the records that opening itself makes, before anybody else can.
async fn begin(
    conn: &mut SqliteConnection,
    head: Option<files::Head>,
    entries: Vec<Entry>,
    ring: &Ring,
    key: &Key,
) -> Result<files::Head, sqlx::Error> {
    const PUT_META: &str = "INSERT INTO meta (name, value) VALUES ('key_id', ?1) ON CONFLICT (name) DO NOTHING";
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
    sqlx::query(PUT_META).bind(key.id()).execute(&mut *conn).await?;
    let mut tail = writer::tail(head, ring);
    for entry in entries {
        let row = entry
            .into_row(TextRetention::Omitted, None)
            .map_err(|e| sqlx::Error::Protocol(format!("preparing a record: {e}")))?;
        tail.append(conn, &row).await?;
    }
    sqlx::query("COMMIT").execute(&mut *conn).await?;
    Ok(files::Head { seq: tail.next - 1, hash: tail.hash })
}
