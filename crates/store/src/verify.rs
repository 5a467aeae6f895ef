//! Proof that the audit is whole, or the first record that is not.

use std::fmt;

use futures_util::TryStreamExt;
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::chain::{self, GENESIS, Hash, Row, select};
use crate::changes::PRUNED;
use crate::cipher::Ring;
use crate::files::{Head, HeadFile, MAX_LAG};

/// The event of the record that stands where an operator opened a folder whose audit did not fit its head file.
pub(crate) const BREAK_ACCEPTED: &str = "chain.break_accepted";

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Rows that were read and found whole.
    pub rows: u64,
    /// The first of them; above 0 when retention has removed older ones.
    pub first: Option<u64>,
    /// The last of them.
    pub last: Option<u64>,
    /// Rows that retention has removed so far.
    pub pruned: u64,
    /// Rows that the head file lies behind: after a crash some, after an orderly end none.
    pub head_behind: u64,
    /// True when seals were checked; without the key only the hashes are.
    pub sealed: bool,
    /// Places where an operator accepted a break; the chain itself goes on through them.
    pub accepted_breaks: Vec<u64>,
    /// The first record that is not whole; `None` when all are.
    pub broken: Option<Broken>,
}

impl VerifyReport {
    /// Whether everything is whole.
    pub const fn is_whole(&self) -> bool {
        self.broken.is_none()
    }
}

/// The first record that is not whole, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The record's place.
    pub seq: u64,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.seq, self.reason)
    }
}

/// Why a record is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The record is not there, although later ones are.
    #[error("it is missing (the next one there is {next})")]
    Missing {
        /// The next record that is there.
        next: u64,
    },
    /// The record's content, its place or the record before it was altered.
    #[error("its content does not fit its hash: it was altered, moved, or put after another record")]
    Altered,
    /// The hash fits the content but was not made with the key: the chain was rewritten from here on.
    #[error("its hash was not sealed with the key: the chain was rewritten from here on")]
    Forged,
    /// A column holds what is never written.
    #[error("it cannot be read: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// Records were cut off the end: the head file knows of more.
    #[error("it is missing: records were cut off the end (the head file names {head} as the last)")]
    CutOff {
        /// The last record that the head file knows.
        head: u64,
    },
    /// The head file names this record with another hash.
    #[error("its hash is not the one that the head file names")]
    HeadDiffers,
    /// The head file is gone.
    #[error("the head file is missing, so that records cut off after this one would go unnoticed")]
    HeadMissing,
    /// The head file is not one that this key made.
    #[error("the head file was altered, or made with another key")]
    HeadForged,
    /// The head file is older than a crash can explain.
    #[error(
        "the head file lies {behind} records behind, more than a crash can leave: an older one was put in its place"
    )]
    HeadRolledBack {
        /// How many records it lies behind.
        behind: u64,
    },
    /// Older records are missing and no retention anchor tells of it.
    #[error("the records before it are missing, and retention did not remove them")]
    AnchorMissing,
    /// The retention anchor was altered.
    #[error("the retention anchor before it was altered, or made with another key")]
    AnchorForged,
    /// No record in the chain tells of the retention that the anchor stands for.
    #[error("retention removed the records up to {through}, but no record tells of it")]
    AnchorUnrecorded {
        /// The last record that was removed.
        through: u64,
    },
}

/// The retention anchor as it is stored.
pub(crate) struct Anchor {
    pub(crate) through: u64,
    pub(crate) hash: Hash,
    pub(crate) pruned: u64,
    pub(crate) pruned_us: i64,
    pub(crate) seal: Hash,
}

impl Anchor {
    fn is_sealed_by(&self, ring: &Ring) -> bool {
        chain::anchor_seal(ring, self.through, &self.hash, self.pruned, self.pruned_us) == self.seal
    }
}

fn unsigned(n: i64) -> u64 {
    // A negative number can only be somebody's tampering; no honest value is this large.
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn digest(row: &SqliteRow, column: usize) -> Result<Hash, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes.try_into().map_err(|_| sqlx::Error::Protocol("a hash or seal is not 32 bytes long".into()))
}

/// Reads the retention anchor. The inner error says that it is there but cannot be read.
pub(crate) async fn read_anchor(
    conn: &mut SqliteConnection,
) -> Result<Option<Result<Anchor, sqlx::Error>>, sqlx::Error> {
    const ANCHOR: &str = "SELECT through, hash, pruned, pruned_us, seal FROM audit_anchor";
    let row = sqlx::query(ANCHOR).fetch_optional(conn).await?;
    Ok(row.map(|row| {
        Ok(Anchor {
            through: unsigned(row.try_get(0)?),
            hash: digest(&row, 1)?,
            pruned: unsigned(row.try_get(2)?),
            pruned_us: row.try_get(3)?,
            seal: digest(&row, 4)?,
        })
    }))
}

/// What walking along the chain needs to know of the rows before.
struct Walk<'a> {
    ring: Option<&'a Ring>,
    head: Option<Head>,
    previous: Hash,
    next: u64,
}

impl Walk<'_> {
    /// Checks one row; afterwards it is the one before.
    fn step(&mut self, sql: &SqliteRow) -> Result<Result<Row, Broken>, sqlx::Error> {
        let seq = unsigned(sql.try_get(0)?);
        if seq != self.next {
            return Ok(Err(Broken { seq: self.next, reason: Reason::Missing { next: seq } }));
        }
        let broken = |reason| Ok(Err(Broken { seq, reason }));
        let read = || Ok::<_, sqlx::Error>((Row::from_sql(sql)?, digest(sql, 25)?, digest(sql, 26)?));
        let (row, hash, seal) = match read() {
            Ok(read) => read,
            Err(e) => return broken(Reason::Unreadable { problem: e.to_string() }),
        };
        if chain::link(&self.previous, seq, &row) != hash {
            return broken(Reason::Altered);
        }
        if self.ring.is_some_and(|ring| chain::seal(ring, seq, &hash) != seal) {
            return broken(Reason::Forged);
        }
        if self.head.is_some_and(|head| head.seq == seq && head.hash != hash) {
            return broken(Reason::HeadDiffers);
        }
        self.previous = hash;
        self.next = seq.saturating_add(1);
        Ok(Ok(row))
    }
}

/// Reads the whole audit as it stands in the connection's transaction; memory does not grow with it. The head must
/// have been read before the transaction began: then the audit is at least as new.
pub(crate) async fn verify(
    conn: &mut SqliteConnection,
    head: HeadFile,
    ring: Option<&Ring>,
) -> Result<VerifyReport, sqlx::Error> {
    let mut report = VerifyReport {
        rows: 0,
        first: None,
        last: None,
        pruned: 0,
        head_behind: 0,
        sealed: ring.is_some(),
        accepted_breaks: Vec::new(),
        broken: None,
    };
    let known_head = if let HeadFile::Read(head) = head { Some(head) } else { None };
    let mut walk = Walk { ring, head: known_head, previous: GENESIS, next: 0 };
    let mut untold = None;
    match read_anchor(conn).await? {
        None => {}
        Some(Ok(anchor)) if ring.is_none_or(|ring| anchor.is_sealed_by(ring)) => {
            report.pruned = anchor.pruned;
            (walk.previous, walk.next) = (anchor.hash, anchor.through.saturating_add(1));
            untold = Some(anchor);
        }
        Some(_) => {
            report.broken = Some(Broken { seq: 0, reason: Reason::AnchorForged });
            return Ok(report);
        }
    }
    {
        const ALL: &str = select!("ORDER BY seq");
        let mut rows = sqlx::query(ALL).fetch(&mut *conn);
        while let Some(sql) = rows.try_next().await? {
            let first = report.rows == 0;
            let row = match walk.step(&sql)? {
                Ok(row) => row,
                Err(Broken { seq: 0, reason: Reason::Missing { next } }) if first => {
                    report.broken = Some(Broken { seq: next, reason: Reason::AnchorMissing });
                    return Ok(report);
                }
                Err(broken) => {
                    report.broken = Some(broken);
                    return Ok(report);
                }
            };
            let seq = walk.next - 1;
            report.rows += 1;
            report.first.get_or_insert(seq);
            report.last = Some(seq);
            if row.kind == "system" {
                match row.event.as_deref() {
                    Some(BREAK_ACCEPTED) => report.accepted_breaks.push(seq),
                    Some(PRUNED) if untold.as_ref().is_some_and(|anchor| tells_of(&row, anchor)) => untold = None,
                    _ => {}
                }
            }
        }
    }
    let unrecorded = untold.map(|anchor| Broken {
        seq: anchor.through.saturating_add(1),
        reason: Reason::AnchorUnrecorded { through: anchor.through },
    });
    let (behind, end) = check_end(head, walk.next);
    report.head_behind = behind;
    report.broken = unrecorded.or(end);
    Ok(report)
}

fn tells_of(row: &Row, anchor: &Anchor) -> bool {
    let detail = row.verdict.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    detail.is_some_and(|detail| {
        detail["through"].as_u64() == Some(anchor.through)
            && detail["hash"] == crate::hex::encode(&anchor.hash).as_str()
    })
}

/// Compares the end of the chain, before place `next`, with the head file: how far the head lies behind, and what does
/// not fit.
fn check_end(head: HeadFile, next: u64) -> (u64, Option<Broken>) {
    let last = next.saturating_sub(1);
    let broken = |seq, reason| Some(Broken { seq, reason });
    match head {
        // The folder was just made, and the process died before its first head.
        HeadFile::Missing if next <= 1 => (0, None),
        HeadFile::Missing => (0, broken(last, Reason::HeadMissing)),
        HeadFile::Garbled | HeadFile::Forged => (0, broken(last, Reason::HeadForged)),
        HeadFile::Read(head) if head.seq >= next => (0, broken(next, Reason::CutOff { head: head.seq })),
        HeadFile::Read(head) => {
            let behind = last - head.seq;
            (behind, if behind > MAX_LAG { broken(last, Reason::HeadRolledBack { behind }) } else { None })
        }
    }
}

/// What [`check_tail`] found at the end of the audit.
pub(crate) struct End {
    /// The last row; without one, the anchor that retention left.
    pub(crate) head: Option<Head>,
    /// What does not fit.
    pub(crate) broken: Option<Broken>,
}

/// Checks the end of the audit on opening: the rows since the head file was written.
pub(crate) async fn check_tail(conn: &mut SqliteConnection, head: HeadFile, ring: &Ring) -> Result<End, sqlx::Error> {
    const LAST: &str = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    const HASH_AT: &str = "SELECT hash FROM audit WHERE seq = ?1";
    const SINCE: &str = select!("WHERE seq >= ?1 ORDER BY seq");
    let (anchor, forged) = match read_anchor(conn).await? {
        None => (None, false),
        Some(Ok(anchor)) => (Some(Head { seq: anchor.through, hash: anchor.hash }), !anchor.is_sealed_by(ring)),
        Some(Err(_)) => (None, true),
    };
    let last = sqlx::query(LAST).fetch_optional(&mut *conn).await?;
    let last = match &last {
        None => anchor,
        Some(row) => Some(Head { seq: unsigned(row.try_get(0)?), hash: digest(row, 1)? }),
    };
    if forged {
        return Ok(End { head: last, broken: Some(Broken { seq: 0, reason: Reason::AnchorForged }) });
    }
    let next = last.map_or(0, |last| last.seq.saturating_add(1));
    let (_, mut broken) = check_end(head, next);
    if let (None, HeadFile::Read(head), Some(_)) = (&broken, head, last) {
        // From the row before the head on, or from the first that retention has left.
        let start = head.seq.max(anchor.map_or(0, |a| a.seq + 1));
        let before = match start.checked_sub(1) {
            None => Some(GENESIS),
            Some(seq) if anchor.is_some_and(|a| a.seq == seq) => anchor.map(|a| a.hash),
            Some(seq) => {
                let row = sqlx::query(HASH_AT).bind(seq as i64).fetch_optional(&mut *conn).await?;
                row.map(|row| digest(&row, 0)).transpose()?
            }
        };
        let Some(previous) = before else {
            return Ok(End {
                head: last,
                broken: Some(Broken { seq: start - 1, reason: Reason::Missing { next: start } }),
            });
        };
        let mut walk = Walk { ring: Some(ring), head: Some(head), previous, next: start };
        let mut rows = sqlx::query(SINCE).bind(start as i64).fetch(&mut *conn);
        while let (None, Some(sql)) = (&broken, rows.try_next().await?) {
            broken = walk.step(&sql)?.err();
        }
    }
    Ok(End { head: last, broken })
}
