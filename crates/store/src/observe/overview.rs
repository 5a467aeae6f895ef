//! Counts over a time, out of the roll-ups: what it costs depends on the time asked for, not on how many requests there were.

use std::collections::BTreeMap;

use menshen_verdict::{Action, Outcome};
use serde::Serialize;
use serde_json::json;
use sqlx::Row as _;

use super::count::{self, DAY, DECLINED, Dim, HOUR, MINUTE, MINUTES_US, PAID, REQUESTS, SECOND_US, TOKENS};
use super::latency::{Latency, Percentiles};
use crate::error::Error;
use crate::store::Store;
use crate::time;

/// The most points of a series: more than a chart can show, and what can be read in time.
const MOST_POINTS: i64 = 1500;
/// Later moments are no moments: the end of the year 9999.
const LAST_US: i64 = 253_402_207_200_000_000;

/// How finely an overview is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// By minute; kept for 48 hours.
    Minute,
    /// By hour, of UTC.
    Hour,
    /// By day, in the zone of [`crate::Options::day_offset_min`].
    Day,
}

impl Bucket {
    /// All of them, finest first.
    pub const ALL: &'static [Bucket] = &[Bucket::Minute, Bucket::Hour, Bucket::Day];

    /// The stable id: `minute`, `hour` or `day`.
    pub const fn id(self) -> &'static str {
        match self {
            Bucket::Minute => "minute",
            Bucket::Hour => "hour",
            Bucket::Day => "day",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Bucket::Minute => MINUTE,
            Bucket::Hour => HOUR,
            Bucket::Day => DAY,
        }
    }
}

/// What an overview is of.
#[derive(Debug, Clone)]
pub struct OverviewFilter {
    /// From the bucket that holds this moment on, in microseconds since 1970 UTC.
    pub from_us: i64,
    /// Through the bucket that holds the last moment before this one.
    pub to_us: i64,
    /// How finely it is divided.
    pub bucket: Bucket,
    /// Only this tenant. Whoever belongs to a tenant must be given no other.
    pub tenant: Option<String>,
    /// Only this application.
    pub app: Option<String>,
}

/// What happened in a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// When the first bucket begins, RFC 3339.
    pub from: String,
    /// When the last one ends.
    pub to: String,
    /// How finely it is divided.
    pub bucket: Bucket,
    /// Requests that ended.
    pub requests: u64,
    /// How they ended: `allowed`, `intervened`, `unavailable`, `invalid`.
    pub outcomes: BTreeMap<String, u64>,
    /// What was done; requests that nothing was decided on are in none.
    pub actions: BTreeMap<String, u64>,
    /// By API.
    pub apis: BTreeMap<String, u64>,
    /// One point a bucket, in order, empty ones too.
    pub series: Vec<Point>,
    /// Risk topics that were found (with a score of a half or more), most frequent first.
    pub risks: Vec<RiskCount>,
    /// Attack sub-classes that were found, most frequent first.
    pub attacks: Vec<Count>,
    /// Rules that decided, in all their versions, most frequent first.
    pub rules: Vec<RuleCount>,
    /// How long it took.
    pub latency: Latency,
    /// Tokens that models used.
    pub tokens: u64,
    /// What was not spent.
    pub saved: Saved,
    /// What people said of records of this time: `false_positive`, `missed`, `right`.
    pub feedback: BTreeMap<String, u64>,
    /// Rows of the audit that are older than the counts and not counted yet; nothing is missing at 0.
    pub uncounted: u64,
}

/// One bucket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// When it begins, RFC 3339.
    pub at: String,
    /// How its requests ended; absent members are 0.
    pub outcomes: BTreeMap<String, u64>,
    /// What was done with them.
    pub actions: BTreeMap<String, u64>,
}

/// A risk topic and how often it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiskCount {
    /// Such as `A1d`.
    pub id: String,
    /// How often in all.
    pub count: u64,
    /// How often in each bucket.
    pub series: Vec<u64>,
}

/// A label and how often it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Such as `S1`.
    pub id: String,
    /// How often.
    pub count: u64,
}

/// A rule and how often it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// `pack/rule`.
    pub rule: String,
    /// How often.
    pub count: u64,
}

/// What was answered, or stopped, without a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Standard answers that were given.
    pub standard_answers: u64,
    /// Requests that were stopped before a model was asked.
    pub declined_before_model: u64,
    /// What both would have used, had they used what the requests of this time used on average.
    pub tokens_estimated: u64,
}

/// The buckets of a time: when the first begins and the last ends, in seconds, and how long each is.
#[derive(Debug, Clone, Copy)]
struct Grid {
    from: i64,
    to: i64,
    span: i64,
}

impl Grid {
    fn of(filter: &OverviewFilter, day_offset_min: i32, now_us: i64) -> Result<Self, Error> {
        let invalid = |what, problem: String| Err(Error::Invalid { what, problem });
        let (from_us, to_us, span) = (filter.from_us, filter.to_us, filter.bucket.seconds());
        if from_us < 0 || to_us > LAST_US || from_us >= to_us {
            return invalid("from", "'from' must lie before 'to', both between the years 1970 and 9999".to_owned());
        }
        let from = count::bucket(from_us.div_euclid(SECOND_US), span, day_offset_min);
        let to = count::bucket((to_us - 1).div_euclid(SECOND_US), span, day_offset_min) + span;
        if (to - from) / span > MOST_POINTS {
            return invalid(
                "bucket",
                format!("more than {MOST_POINTS} points; ask for a shorter time or larger buckets"),
            );
        }
        if filter.bucket == Bucket::Minute && from_us < now_us - MINUTES_US {
            return invalid("bucket", "counts by minute are kept for 48 hours; ask by hour or by day".to_owned());
        }
        Ok(Grid { from, to, span })
    }

    /// The same time in as few buckets as possible, for sums: whole coarse ones, with fine ones at both ends. Days that do
    /// not begin with an hour leave only the fine ones.
    fn coarse(self, day_offset_min: i32) -> [Grid; 3] {
        let none = Grid { to: self.from, ..self };
        let span = match self.span {
            MINUTE => HOUR,
            HOUR if day_offset_min % 60 == 0 => DAY,
            _ => return [self, none, none],
        };
        let first = count::bucket(self.from + span - 1, span, day_offset_min);
        let last = count::bucket(self.to, span, day_offset_min);
        if first >= last {
            return [self, none, none];
        }
        [Grid { to: first, ..self }, Grid { from: first, to: last, span }, Grid { from: last, ..self }]
    }

    fn points(self) -> usize {
        usize::try_from((self.to - self.from) / self.span).unwrap_or(0)
    }

    fn place(self, bucket: i64) -> Option<usize> {
        usize::try_from((bucket - self.from).div_euclid(self.span)).ok()
    }
}

type Series = BTreeMap<String, Vec<u64>>;

/// Only what is shown as a sum: one row an item.
const SUMS: &str = "SELECT dim, item, SUM(n) FROM rollup WHERE scope IN (SELECT value FROM json_each(?1)) AND span = ?2 \
    AND dim IN (3,5,6,7,8,9,10) AND bucket >= ?3 AND bucket < ?4 GROUP BY dim, item";
/// What is shown over time: one row an item, too, its buckets in one text, because rows are dear to fetch.
const SERIES: &str = "SELECT dim, item, group_concat(bucket || ' ' || n) FROM rollup \
    WHERE scope IN (SELECT value FROM json_each(?1)) AND span = ?2 \
    AND dim IN (1,2,4) AND bucket >= ?3 AND bucket < ?4 GROUP BY dim, item";
const SCOPES_OF_APP: &str = "SELECT scope FROM rollup_scope WHERE app = ?1";
const UNCOUNTED: &str = "SELECT COALESCE(MAX(gap_to - gap_from + 1), 0) FROM observed";
const FEEDBACK: &str = "SELECT verdict, COUNT(*) FROM feedback WHERE record_us >= ?1 AND record_us < ?2 \
    AND (?3 IS NULL OR tenant = ?3) AND (?4 IS NULL OR app = ?4) GROUP BY verdict";

impl Store {
    /// Counts over a time, whole buckets: [`Overview::from`] and [`Overview::to`] say which.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a time that makes no sense, more than 1500 buckets, or minutes older than 48 hours; the
    /// database's failures.
    pub async fn overview(&self, filter: &OverviewFilter) -> Result<Overview, Error> {
        let grid = Grid::of(filter, self.options().day_offset_min, time::now_us())?;
        self.fold().await;
        self.read_overview(filter, grid).await.map_err(|e| self.archive().failed("reading the counts", e))
    }

    async fn read_overview(&self, filter: &OverviewFilter, grid: Grid) -> Result<Overview, sqlx::Error> {
        let mut tx = self.archive().pool().begin().await?;
        let scopes: Vec<String> = match (filter.tenant.as_deref(), filter.app.as_deref()) {
            (None, None) => vec![count::scope(&[])],
            (tenant @ Some(_), None) => vec![count::scope(&[tenant])],
            (tenant @ Some(_), app @ Some(_)) => vec![count::scope(&[tenant, app])],
            (None, Some(app)) => sqlx::query_scalar(SCOPES_OF_APP).bind(app).fetch_all(&mut *tx).await?,
        };
        let scopes = json!(scopes).to_string();
        let mut series: BTreeMap<i64, Series> = BTreeMap::new();
        let bound = |sql, grid: Grid| sqlx::query(sql).bind(&scopes).bind(grid.span).bind(grid.from).bind(grid.to);
        for row in bound(SERIES, grid).fetch_all(&mut *tx).await? {
            let (dim, item, text): (i64, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let line = series.entry(dim).or_default().entry(item).or_insert_with(|| vec![0; grid.points()]);
            for (bucket, n) in text.split(',').filter_map(|pair| pair.split_once(' ')) {
                let place = bucket.parse().ok().and_then(|b| grid.place(b)).and_then(|at| line.get_mut(at));
                if let (Some(place), Ok(n)) = (place, n.parse::<u64>()) {
                    *place += n;
                }
            }
        }
        let mut sums: BTreeMap<i64, BTreeMap<String, u64>> = BTreeMap::new();
        for part in grid.coarse(self.options().day_offset_min).into_iter().filter(|part| part.from < part.to) {
            for row in bound(SUMS, part).fetch_all(&mut *tx).await? {
                let n: i64 = row.try_get(2)?;
                *sums.entry(row.try_get(0)?).or_default().entry(row.try_get(1)?).or_default() += n.max(0) as u64;
            }
        }
        let uncounted: i64 = sqlx::query_scalar(UNCOUNTED).fetch_one(&mut *tx).await?;
        let mut feedback: BTreeMap<String, u64> =
            crate::feedback::Opinion::ALL.iter().map(|o| (o.id().to_owned(), 0)).collect();
        let said = sqlx::query(FEEDBACK)
            .bind(grid.from.saturating_mul(SECOND_US))
            .bind(grid.to.saturating_mul(SECOND_US))
            .bind(&filter.tenant)
            .bind(&filter.app);
        for row in said.fetch_all(&mut *tx).await? {
            feedback.insert(row.try_get(0)?, row.try_get::<i64, _>(1)?.max(0) as u64);
        }
        tx.rollback().await?;
        Ok(assemble(filter.bucket, grid, series, sums, feedback, uncounted.max(0) as u64))
    }
}

fn assemble(
    bucket: Bucket,
    grid: Grid,
    mut series: BTreeMap<i64, Series>,
    mut sums: BTreeMap<i64, BTreeMap<String, u64>>,
    feedback: BTreeMap<String, u64>,
    uncounted: u64,
) -> Overview {
    let mut over_time = |dim: Dim| series.remove(&(dim as i64)).unwrap_or_default();
    let (outcomes, actions, risks) = (over_time(Dim::Outcome), over_time(Dim::Action), over_time(Dim::Risk));
    let mut sum = |dim: Dim| sums.remove(&(dim as i64)).unwrap_or_default();
    let figures = sum(Dim::Sum);
    let figure = |name: &str| figures.get(name).copied().unwrap_or(0);
    let percentiles = |slots: BTreeMap<String, u64>| {
        Percentiles::of(&slots.into_iter().filter_map(|(slot, n)| Some((slot.parse().ok()?, n))).collect())
    };
    let action_sums = totals(Action::ALL.iter().map(|a| a.id()), &actions);
    let outcome_sums = totals(
        [Outcome::Allowed, Outcome::Intervened, Outcome::Unavailable, Outcome::Invalid].iter().map(|o| o.id()),
        &outcomes,
    );
    let answers = action_sums.get(Action::Answer.id()).copied().unwrap_or(0);
    let mean = figure(TOKENS).checked_div(figure(PAID)).unwrap_or(0);
    Overview {
        from: time::rfc3339(grid.from.saturating_mul(SECOND_US)),
        to: time::rfc3339(grid.to.saturating_mul(SECOND_US)),
        bucket,
        requests: figure(REQUESTS),
        series: (0..grid.points())
            .map(|at| Point {
                at: time::rfc3339((grid.from + at as i64 * grid.span).saturating_mul(SECOND_US)),
                outcomes: cut(&outcomes, at),
                actions: cut(&actions, at),
            })
            .collect(),
        outcomes: outcome_sums,
        actions: action_sums,
        apis: sum(Dim::Api),
        risks: {
            let count = |(id, series): (String, Vec<u64>)| RiskCount { id, count: series.iter().sum(), series };
            let mut risks: Vec<RiskCount> = risks.into_iter().map(count).collect();
            risks.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.id.cmp(&b.id)));
            risks
        },
        attacks: ranked(sum(Dim::Attack)).map(|(id, count)| Count { id, count }).collect(),
        rules: ranked(sum(Dim::Rule)).map(|(rule, count)| RuleCount { rule, count }).collect(),
        latency: Latency {
            total: percentiles(sum(Dim::Total)),
            input: percentiles(sum(Dim::Input)),
            output: percentiles(sum(Dim::Output)),
        },
        tokens: figure(TOKENS),
        saved: Saved {
            standard_answers: answers,
            declined_before_model: figure(DECLINED),
            tokens_estimated: (answers + figure(DECLINED)).saturating_mul(mean),
        },
        feedback,
        uncounted,
    }
}

fn totals<'a>(ids: impl Iterator<Item = &'a str>, series: &Series) -> BTreeMap<String, u64> {
    ids.map(|id| (id.to_owned(), series.get(id).map_or(0, |s| s.iter().sum()))).collect()
}

fn cut(series: &Series, at: usize) -> BTreeMap<String, u64> {
    let some = |(id, s): (&String, &Vec<u64>)| s.get(at).filter(|n| **n > 0).map(|n| (id.clone(), *n));
    series.iter().filter_map(some).collect()
}

fn ranked(counts: BTreeMap<String, u64>) -> impl Iterator<Item = (String, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The parts lie one behind the other, begin where their buckets do, and together are the whole.
        #[test]
        fn a_time_in_coarse_buckets_is_the_same_time(from in 0i64..1000, hours in 1i64..500, minutes in any::<bool>(), zone in -2i32..14) {
            let span = if minutes { MINUTE } else { HOUR };
            let grid = Grid { from: from * span, to: (from + hours) * span, span };
            let parts: Vec<Grid> = grid.coarse(zone * 60).into_iter().filter(|p| p.from < p.to).collect();
            prop_assert_eq!((parts[0].from, parts[parts.len() - 1].to), (grid.from, grid.to));
            for part in &parts {
                for end in [part.from, part.to] {
                    prop_assert_eq!(count::bucket(end, part.span, zone * 60), end);
                }
            }
            prop_assert!(parts.windows(2).all(|w| w[0].to == w[1].from));
        }
    }

    #[test]
    fn days_that_begin_within_an_hour_are_not_made_of_hours() {
        let grid = Grid { from: 0, to: 30 * DAY, span: HOUR };
        assert_eq!(grid.coarse(330).iter().filter(|p| p.from < p.to).count(), 1);
        assert!(grid.coarse(480).iter().any(|p| p.span == DAY));
    }
}
