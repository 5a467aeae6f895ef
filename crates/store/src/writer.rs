//! The one task that writes.
//!
//! It takes what waits in the bounded queue, writes it in one transaction (group commit), answers everybody, and
//! starts again: the slower the disk, the larger the groups. The head file is written beside it by a second task,
//! after the commit, and never lies further behind than [`MAX_LAG`] rows.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::chain::{Hash, Row};
use crate::changes::{self, Change, Effect, Setback, Tail};
use crate::cipher::Ring;
use crate::error::Error;
use crate::files::{self, Head, Lock, MAX_LAG};
use crate::observe::{Folding, Live, Noted, Sighting};
use crate::place::Place;
use crate::protection::rows::ProtectionChange;
use crate::time;
use crate::usage::Meter;

/// The most rows in one commit. Below [`MAX_LAG`], so that one group never takes the head out of reach.
const MAX_GROUP: usize = 256;
/// How long after a failed commit the next attempt is made.
const RETRY: Duration = Duration::from_millis(200);
/// How often token counters reach the disk when no record carries them along.
const METER_FLUSH: Duration = Duration::from_secs(1);
/// How long a group waits for a head file that cannot be written before it fails.
const HEAD_PATIENCE: Duration = Duration::from_secs(2);
/// How often closing tries to write what windowed mode had promised.
const LAST_ATTEMPTS: u32 = 3;

/// What the writer did for one job.
#[derive(Debug, Clone)]
pub(crate) struct Done {
    /// The first row's place and hash.
    pub(crate) placed: Option<(u64, Hash)>,
    /// The effect of each change, in order.
    pub(crate) effects: Vec<Effect>,
}

/// A row to append, and what it counts for.
pub(crate) type NotedRow = (Row, Option<Arc<Sighting>>);

pub(crate) type Reply = oneshot::Sender<Result<Done, Error>>;

/// Changes and rows that stand or fall together.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) changes: Vec<Change>,
    pub(crate) rows: Vec<NotedRow>,
    pub(crate) bytes: usize,
    /// Absent in windowed mode: nobody waits, and a failed commit is tried again.
    pub(crate) reply: Option<Reply>,
}

/// What the writer and everybody else look at together.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) queued_records: AtomicUsize,
    pub(crate) queued_bytes: AtomicUsize,
    pub(crate) last: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) failing: Mutex<Option<Error>>,
    /// When something could not be written the last time; 0 for never.
    pub(crate) failed_us: AtomicI64,
    pub(crate) head_failing: Mutex<Option<Error>>,
    pub(crate) closing: AtomicBool,
    pub(crate) shutdown: Notify,
    pub(crate) live: Live,
    /// Whether anything that is on disk waits to be added up.
    pub(crate) uncounted: AtomicBool,
}

impl Shared {
    fn failing(&self) -> Option<Error> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_failing(&self, error: Option<Error>) {
        if error.is_some() {
            self.failed_us.store(time::now_us(), Ordering::Release);
        }
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

pub(crate) struct Writer {
    pub(crate) conn: SqliteConnection,
    pub(crate) database: PathBuf,
    pub(crate) place: Place,
    pub(crate) ring: Ring,
    /// The last committed row; `None` before the first.
    pub(crate) head: Option<Head>,
    /// Where the chain would end had the last failed commit gone through.
    pub(crate) attempted: Option<Head>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) window: Option<Duration>,
    pub(crate) lock: Arc<Lock>,
    /// What waits to be added up.
    pub(crate) folding: Folding,
}

impl Writer {
    /// Runs until the queue is closed and empty. Returns what could not be written in the end.
    pub(crate) async fn run(
        mut self,
        mut queue: mpsc::Receiver<Job>,
        head_path: PathBuf,
        on_disk: u64,
    ) -> Result<(), Error> {
        let (latest, keeper_sees) = watch::channel(self.head);
        let (keeper_says, written) = watch::channel(on_disk);
        let keeper = tokio::spawn(keep_head(
            keeper_sees,
            keeper_says,
            head_path,
            self.place.clone(),
            self.ring.clone(),
            Arc::clone(&self.shared),
        ));
        let mut link = HeadLink { latest, written };

        let mut waiting: Vec<Job> = Vec::new();
        let mut open = true;
        let mut failures = 0u32;
        let mut end = Ok(());
        while open || !waiting.is_empty() {
            if open {
                open = self.gather(&mut queue, &mut waiting, failures > 0).await;
            }
            match self.write(&mut waiting, &mut link).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.fail(&mut waiting, &error);
                    if open {
                        let _ = timeout(RETRY, self.shared.shutdown.notified()).await;
                    } else if waiting.is_empty() {
                        break;
                    } else if failures >= LAST_ATTEMPTS {
                        end = Err(Error::Lost { records: waiting.len(), source: Box::new(error) });
                        break;
                    } else {
                        sleep(RETRY).await;
                    }
                }
            }
        }
        drop(link);
        if keeper.await.is_err() {
            tracing::error!("the task that keeps the audit head ended early");
        }
        // SQLite removes the log by its name when it closes: where another folder's stands there by now, it is not ours to
        // remove. The end of the process lets go of what is still open.
        if matches!(self.place.check(), Err(Error::Displaced { .. })) {
            std::mem::forget(self.conn);
            drop(self.lock);
            return end;
        }
        // So that the database file alone is complete, even if a reader's connection outlives this one by a moment.
        if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.conn).await {
            tracing::debug!(%error, "the log stays beside the database");
        }
        if let Err(error) = self.conn.close().await {
            tracing::warn!(%error, "closing the database");
        }
        drop(self.lock);
        end
    }

    /// Collects the next group. False when the queue is closed and drained.
    async fn gather(&self, queue: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>, failing: bool) -> bool {
        let mut deadline = None;
        // Whoever was just answered may have more to write: let them queue it first, so that groups grow.
        tokio::task::yield_now().await;
        loop {
            if self.shared.closing.load(Ordering::Acquire) {
                queue.close();
            }
            // While the disk refuses, whoever waits for an answer gets it at once; the queue's own bound holds.
            while failing || waiting.len() < MAX_GROUP {
                match queue.try_recv() {
                    Ok(job) => waiting.push(job),
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return false,
                }
            }
            let full = failing || waiting.len() >= MAX_GROUP;
            if full || waiting.iter().any(|job| job.reply.is_some()) {
                return true;
            }
            // Nobody in the group waits for an answer: let it grow until its window ends.
            let until = match (waiting.is_empty(), self.window) {
                (true, _) => Instant::now() + METER_FLUSH,
                (false, Some(window)) => *deadline.get_or_insert_with(|| Instant::now() + window),
                (false, None) => return true,
            };
            tokio::select! {
                biased;
                () = self.shared.shutdown.notified() => {}
                job = timeout_at(until, queue.recv()) => match job {
                    Ok(Some(job)) => waiting.push(job),
                    Ok(None) => return false,
                    Err(_) => return true,
                },
            }
        }
    }

    /// Writes what waits, in groups.
    async fn write(&mut self, waiting: &mut Vec<Job>, link: &mut HeadLink) -> Result<(), Error> {
        let due = self.folding.is_due(&[], self.shared.closing.load(Ordering::Acquire));
        if waiting.is_empty() && !due && !self.meter.is_dirty() {
            return self.look().await;
        }
        loop {
            let count = waiting.len().min(MAX_GROUP);
            let group = waiting.get(..count).unwrap_or_default();
            link.in_reach(self.head, group, &self.shared).await?;
            self.place.check()?;
            let results = match self.commit(group).await {
                Ok(results) => results,
                Err(error) => {
                    self.resume(&error).await?;
                    return Err(error);
                }
            };
            if let Some(head) = self.head {
                self.shared.last.store(head.seq, Ordering::Release);
                link.latest.send_replace(Some(head));
            }
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
            self.shared.set_failing(None);
            self.protect(waiting.get(..count).unwrap_or_default()).await;
            for (job, result) in waiting.drain(..count).zip(results) {
                self.answer(job, result);
            }
            if waiting.is_empty() {
                return Ok(());
            }
        }
    }

    /// What is done while nobody wants anything written. Who stays away from a gateway that says it is not ready must not
    /// be the reason that it never is again: after a failure something is written, and when that goes well the failure is
    /// over.
    async fn look(&mut self) -> Result<(), Error> {
        const TRY: &str = "INSERT INTO meta (name, value) VALUES ('tried_us', ?1)
            ON CONFLICT (name) DO UPDATE SET value = ?1";
        self.place.check()?;
        let Some(cause) = self.shared.failing() else { return Ok(()) };
        self.resume(&cause).await?;
        let written = sqlx::query(TRY).bind(time::now_us().to_string()).execute(&mut self.conn).await;
        written.map_err(|e| Error::database("trying whether it can be written", &self.database, e))?;
        self.place.check()?;
        self.shared.set_failing(None);
        tracing::info!("the audit can be written again");
        Ok(())
    }

    /// After a commit: keys of texts are on disk; destroyed ones leave the log as well.
    async fn protect(&mut self, group: &[Job]) {
        let mut destroyed = false;
        for change in group.iter().flat_map(|job| &job.changes) {
            let Change::Protection(change) = change else { continue };
            match &**change {
                ProtectionChange::TextKey(key) => key.set_stored(),
                ProtectionChange::Erase { .. } => destroyed = true,
                _ => {}
            }
        }
        // A reader that holds the log open lets it stay until the next checkpoint; records must not wait for that.
        if destroyed {
            const PATIENCE: &str = "PRAGMA busy_timeout = 100";
            for pragma in [PATIENCE, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = 5000"] {
                if let Err(error) = sqlx::query(pragma).execute(&mut self.conn).await {
                    tracing::warn!(%error, "the log could not be cleared of destroyed keys at once");
                }
            }
        }
    }

    fn answer(&self, job: Job, result: Result<Done, Error>) {
        self.shared.queued_records.fetch_sub(1, Ordering::AcqRel);
        self.shared.queued_bytes.fetch_sub(job.bytes, Ordering::AcqRel);
        if let Some(reply) = job.reply {
            // Who no longer waits does not need to know.
            let _ = reply.send(result);
        }
    }

    /// Tells everybody who waits; what nobody waits for stays for the next attempt.
    fn fail(&self, waiting: &mut Vec<Job>, error: &Error) {
        let source = std::error::Error::source(error).map(ToString::to_string);
        // While nobody waits it is tried several times a second: once is enough for the log.
        let known = self.shared.failing().is_some_and(|known| known.to_string() == error.to_string());
        if known && waiting.is_empty() {
            tracing::debug!(error = %error, ?source, "the audit still cannot be written");
        } else {
            tracing::error!(error = %error, ?source, "audit commit failed");
        }
        self.shared.set_failing(Some(error.clone()));
        let (answered, kept): (Vec<Job>, Vec<Job>) = waiting.drain(..).partition(|job| job.reply.is_some());
        *waiting = kept;
        for job in answered {
            self.answer(job, Err(error.clone()));
        }
    }

    /// One transaction. `self.head` moves only when it is committed.
    async fn commit(&mut self, group: &[Job]) -> Result<Vec<Result<Done, Error>>, Error> {
        let path = self.database.clone();
        let failed = |e| Error::database("writing the audit", &path, e);
        let counters = self.meter.take_dirty();
        let folds = self.folding.is_due(group, self.shared.closing.load(Ordering::Acquire));
        let prunes = group.iter().flat_map(|job| &job.changes).any(|c| matches!(c, Change::Prune { .. }));
        let mut fresh = Vec::new();
        let mut folded = false;
        let mut attempted = None;
        let outcome = async {
            let conn = &mut self.conn;
            sqlx::query("BEGIN IMMEDIATE").execute(&mut *conn).await?;
            let mut tail = tail(self.head, &self.ring);
            if prunes && let Some(head) = self.head {
                // Rows are listed before they go, or they would be listed after.
                self.folding.attempt(conn, &[], head.seq).await?;
            }
            let mut results = Vec::with_capacity(group.len());
            for job in group {
                results.push(run_job(conn, job, &mut tail, &mut fresh).await?);
            }
            for counter in &counters {
                counter.save(conn).await?;
            }
            if folds {
                folded = self.folding.attempt(conn, &fresh, tail.next.saturating_sub(1)).await?;
            }
            attempted = (tail.next > 0).then(|| Head { seq: tail.next - 1, hash: tail.hash });
            sqlx::query("COMMIT").execute(&mut *conn).await?;
            Ok::<_, sqlx::Error>(results)
        }
        .await;
        // What was written into a file that nobody finds again is not recorded.
        let outcome = outcome.map_err(failed).and_then(|results| self.place.check().map(|()| results));
        match outcome {
            Ok(results) => {
                self.head = attempted;
                self.shared.live.show(&fresh);
                if folds && !folded {
                    self.folding.forget(attempted);
                } else {
                    self.folding.committed(fresh, folded, attempted);
                }
                // Before anybody is answered: who asks for counts then knows that there is something to add up.
                self.shared.uncounted.store(self.folding.waits(), Ordering::Release);
                Ok(results)
            }
            Err(error) => {
                self.meter.restore_dirty(counters);
                self.attempted = attempted;
                Err(error)
            }
        }
    }

    /// After a failed commit: leave the transaction, and make sure where the chain ends. A commit that failed to
    /// report may still have reached the disk; a chain that ends anywhere else was touched by somebody else.
    async fn resume(&mut self, cause: &Error) -> Result<(), Error> {
        // SQLite has already rolled back after a full disk or an I/O error; then this fails, and that is fine.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        let path = self.database.clone();
        let failed = |e| Error::database("reading the end of the audit", &path, e);
        let expected = self.head.map_or(0, |h| h.seq);
        const END: &str = "SELECT seq, hash FROM audit WHERE seq >= ?1 ORDER BY seq DESC LIMIT 1";
        let row = sqlx::query(END).bind(expected as i64).fetch_optional(&mut self.conn).await.map_err(failed)?;
        let found = match &row {
            None => None,
            Some(row) => {
                let hash: &[u8] = row.try_get(1).map_err(failed)?;
                let seq: i64 = row.try_get(0).map_err(failed)?;
                hash.try_into().ok().map(|hash| Head { seq: seq as u64, hash })
            }
        };
        if found == self.head {
            return Ok(());
        }
        if found == self.attempted {
            self.head = found;
            self.folding.forget(found);
            self.shared.uncounted.store(true, Ordering::Release);
            return Ok(());
        }
        tracing::error!(?cause, "the audit does not end where this process left it");
        Err(Error::Tampered { problem: "the audit does not end where this process left it".into() })
    }
}

pub(crate) fn tail(head: Option<Head>, ring: &Ring) -> Tail<'_> {
    match head {
        Some(head) => Tail { next: head.seq + 1, hash: head.hash, ring },
        None => Tail { next: 0, hash: crate::chain::GENESIS, ring },
    }
}

/// Runs one job. The outer error loses the transaction, the inner one only this job.
async fn run_job(
    conn: &mut SqliteConnection,
    job: &Job,
    tail: &mut Tail<'_>,
    fresh: &mut Vec<Noted>,
) -> Result<Result<Done, Error>, sqlx::Error> {
    let mut effects = Vec::with_capacity(job.changes.len());
    if !job.changes.is_empty() {
        let (next, hash) = (tail.next, tail.hash);
        sqlx::query("SAVEPOINT job").execute(&mut *conn).await?;
        for change in &job.changes {
            match changes::apply(conn, change, tail).await {
                Ok(effect) => effects.push(effect),
                Err(Setback::Failed(error)) => return Err(error),
                Err(Setback::Refused(error)) => {
                    (tail.next, tail.hash) = (next, hash);
                    sqlx::query("ROLLBACK TO job").execute(&mut *conn).await?;
                    sqlx::query("RELEASE job").execute(&mut *conn).await?;
                    return Ok(Err(error));
                }
            }
        }
        sqlx::query("RELEASE job").execute(&mut *conn).await?;
    }
    let mut placed = None;
    for (row, sighting) in &job.rows {
        let at = tail.append(conn, row).await?;
        fresh.extend(sighting.iter().map(|s| (at.0, Arc::clone(s))));
        placed.get_or_insert(at);
    }
    Ok(Ok(Done { placed, effects }))
}

struct HeadLink {
    latest: watch::Sender<Option<Head>>,
    written: watch::Receiver<u64>,
}

impl HeadLink {
    /// Waits until this group may be committed without the head file falling too far behind.
    async fn in_reach(&mut self, head: Option<Head>, group: &[Job], shared: &Shared) -> Result<(), Error> {
        // A change may append a row of its own.
        let rows: usize = group.iter().map(|job| job.rows.len() + job.changes.len()).sum();
        let end = head.map_or(0, |h| h.seq) + rows as u64;
        let near = self.written.wait_for(|written| end <= written + MAX_LAG);
        match timeout(HEAD_PATIENCE, near).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                let known = shared.head_failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Err(known.unwrap_or(Error::Full { doing: "writing the head file" }))
            }
        }
    }
}

/// Writes the newest head to its file, again and again; whatever came while it wrote is skipped over.
async fn keep_head(
    mut latest: watch::Receiver<Option<Head>>,
    written: watch::Sender<u64>,
    path: PathBuf,
    place: Place,
    ring: Ring,
    shared: Arc<Shared>,
) {
    let mut attempts = 0;
    let mut behind = false;
    loop {
        let open = if behind {
            sleep(RETRY).await;
            latest.has_changed().is_ok()
        } else {
            latest.changed().await.is_ok()
        };
        let head = *latest.borrow_and_update();
        if let Some(head) = head
            && (behind || head.seq != *written.borrow())
        {
            let (path, ring, mut place) = (path.clone(), ring.clone(), place.clone());
            // Another folder may stand in this one's place by now, with a head of its own.
            let write = move || place.check().and_then(|()| files::write_head(&path, head, &ring));
            let result = tokio::task::spawn_blocking(write).await;
            let error = match result {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(_) => Some(Error::Closed),
            };
            behind = error.is_some();
            if let Some(error) = &error {
                tracing::error!(%error, "the audit head lags behind");
            } else {
                written.send_replace(head.seq);
            }
            *shared.head_failing.lock().unwrap_or_else(PoisonError::into_inner) = error;
        }
        if !open {
            attempts += 1;
            if !behind || attempts >= LAST_ATTEMPTS {
                return;
            }
        }
    }
}
