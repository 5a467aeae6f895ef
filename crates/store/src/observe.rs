//! What people look at: counts over time, lists of requests, the place of one in the chain.
//!
//! All of it follows from the audit. The writer notes what each request counts for while the entry is at hand
//! ([`sighting`]) and adds the notes up every [`fold::MOST_PENDING`] requests, every second, and whenever somebody asks
//! ([`fold`]), in one transaction with a mark of how far the audit is counted. After a crash what lies behind the mark is
//! read back from the audit and counted at the next opening, so the counts never disagree with the rows. A folder from
//! before there were counts is counted in the background, newest rows first, in steps of [`fold::STEP`] rows; until that
//! is done [`Overview::uncounted`] says how many are missing.

mod count;
mod fold;
mod latency;
mod overview;
mod proof;
mod rows;
mod sighting;
mod watch;

pub use latency::{Latency, Percentiles};
pub use overview::{Bucket, Count, Overview, OverviewFilter, Point, RiskCount, RuleCount, Saved};
pub use proof::{ChainEnd, Proof};
pub use rows::{RecordRow, RowFilter, RowPage};
pub use watch::Watched;

pub(crate) use count::Noted;
pub(crate) use fold::{Folding, fill_gap, open, prune, prune_rows};
pub(crate) use sighting::Sighting;

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::changes::Change;
use crate::error::Error;
use crate::store::{Inner, Store};

/// So many rows wait for a reader of [`Store::watch`] who is slow; then the reader has lost some and is told.
const LIVE: usize = 256;
/// How long the background counting rests between two steps: records go first.
const REST: Duration = Duration::from_millis(20);
/// How long it waits when the disk or the queue refuses a step.
const SETBACK: Duration = Duration::from_secs(2);

/// Where rows are shown as they are written. Sending never waits: a reader who lags loses rows, not the writer time.
#[derive(Debug)]
pub(crate) struct Live(broadcast::Sender<Watched>);

impl Default for Live {
    fn default() -> Self {
        Live(broadcast::channel(LIVE).0)
    }
}

impl Live {
    /// Shows rows that were committed.
    pub(crate) fn show(&self, rows: &[(u64, Arc<Sighting>)]) {
        if self.0.receiver_count() == 0 {
            return;
        }
        for (seq, sighting) in rows {
            let _ = self.0.send(Watched::new(*seq, sighting));
        }
    }
}

impl Store {
    /// The requests from now on, as they are written; [`Watched::fits`] tells those of a filter. A reader that is more
    /// than 256 rows behind is told so ([`broadcast::error::RecvError::Lagged`]) and has lost them; the writer never
    /// waits. Whoever may see one tenant only must leave out the rows of others.
    pub fn watch(&self) -> broadcast::Receiver<Watched> {
        self.inner.live().0.subscribe()
    }

    /// How many read along.
    pub fn watchers(&self) -> usize {
        self.inner.live().0.receiver_count()
    }

    /// Brings lists and counts up to what is recorded, for whoever reads the lists elsewhere.
    pub(crate) async fn bring_up_to_date(&self) {
        self.fold().await;
    }

    /// Brings the counts up to what is recorded. When the disk refuses, what it has is shown.
    async fn fold(&self) {
        // Most questions find nothing new: they must not cost a commit.
        if !self.inner.uncounted() {
            return;
        }
        if let Err(error) = self.change(vec![Change::Fold], Vec::new()).await {
            tracing::warn!(%error, "the counts could not be brought up to date");
        }
    }
}

/// Counts, in the background, what stood in the folder before there were counts. Ends with the store.
pub(crate) async fn count_the_past(store: Weak<Inner>) {
    loop {
        let Some(inner) = store.upgrade() else { return };
        let day_offset_min = inner.options.day_offset_min;
        let step = Store { inner }.change(vec![Change::FillGap { day_offset_min }], Vec::new()).await;
        match step {
            Ok(done) if done.effects.first().is_none_or(|e| e.number == 0) => {
                tracing::info!("the audit's older records are counted");
                return;
            }
            Ok(_) => tokio::time::sleep(REST).await,
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "counting the audit's older records waits");
                tokio::time::sleep(SETBACK).await;
            }
        }
    }
}
