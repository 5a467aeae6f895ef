//! What requests count for, summed by time and holder, and written: each key once, however many requests share it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

use super::latency::slot;
use super::sighting::Sighting;
use crate::time;

/// Rows of one insertion: enough that the statement costs little, few enough for its parameters.
const TOGETHER: usize = 64;

/// Counts by minute are kept for so long, in microseconds.
pub(crate) const MINUTES_US: i64 = 48 * HOUR * SECOND_US;
pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 86_400;
pub(crate) const SECOND_US: i64 = 1_000_000;

/// What is counted. The numbers are in the database and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Dim {
    Outcome = 1,
    Action = 2,
    Api = 3,
    Risk = 4,
    Attack = 5,
    Rule = 6,
    Total = 7,
    Input = 8,
    Output = 9,
    Sum = 10,
}

/// Items of [`Dim::Sum`].
pub(crate) const REQUESTS: &str = "requests";
pub(crate) const TOKENS: &str = "tokens";
/// Requests that used tokens: what a request costs on average follows from these two.
pub(crate) const PAID: &str = "paid";
pub(crate) const DECLINED: &str = "declined";

pub(crate) type Noted = (u64, Arc<Sighting>);

/// The name of a scope: everybody, a tenant, an application.
pub(crate) fn scope(names: &[Option<&str>]) -> String {
    serde_json::json!(names).to_string()
}

/// When the bucket of `span` seconds that holds a minute begins; days begin where the operator says.
pub(crate) fn bucket(seconds: i64, span: i64, day_offset_min: i32) -> i64 {
    let offset = if span == DAY { i64::from(day_offset_min) * MINUTE } else { 0 };
    seconds.saturating_add(offset).div_euclid(span) * span - offset
}

/// Where and what is counted at its finest: scope, minute, dimension, item.
type Fine<'a> = (usize, i64, Dim, Cow<'a, str>);

/// Adds requests to the list and the counts. Each key is written once, however many requests share it.
pub(super) async fn count(
    conn: &mut SqliteConnection,
    noted: &[&Noted],
    day_offset_min: i32,
    now_us: i64,
) -> Result<(), sqlx::Error> {
    if noted.is_empty() {
        return Ok(());
    }
    let mut holders: HashMap<(Option<&str>, Option<&str>), usize> = HashMap::new();
    let mut fine: HashMap<Fine<'_>, i64> = HashMap::new();
    let mut minutes: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (seq, s) in noted {
        let seq = i64::try_from(*seq).unwrap_or(i64::MAX);
        let minute = time::minute(s.at_us);
        let ends = minutes.entry(minute).or_insert((seq, seq));
        *ends = (ends.0.min(seq), ends.1.max(seq));
        let next = holders.len();
        let holder = *holders.entry((s.tenant.as_deref(), s.app.as_deref())).or_insert(next);
        parts(s, |dim, item, n| *fine.entry((holder, minute * MINUTE, dim, item)).or_default() += n);
    }
    list(conn, noted).await?;
    put_minutes(conn, &minutes).await?;

    let mut scopes: BTreeSet<(String, Option<&str>, Option<&str>)> = BTreeSet::new();
    let mut names: Vec<Vec<String>> = vec![Vec::new(); holders.len()];
    for ((tenant, app), holder) in &holders {
        let mut of = vec![(scope(&[]), None, None)];
        if tenant.is_some() {
            of.push((scope(&[*tenant]), *tenant, None));
        }
        if app.is_some() {
            of.push((scope(&[*tenant, *app]), *tenant, *app));
        }
        if let Some(names) = names.get_mut(*holder) {
            *names = of.iter().map(|(name, ..)| name.clone()).collect();
        }
        scopes.extend(of);
    }
    let oldest_minute = (now_us - MINUTES_US).div_euclid(SECOND_US);
    let mut sums: BTreeMap<(&str, i64, i64, i64, &str), i64> = BTreeMap::new();
    for ((holder, at, dim, item), n) in &fine {
        for name in names.get(*holder).into_iter().flatten() {
            for span in [MINUTE, HOUR, DAY] {
                if span == MINUTE && *at < oldest_minute {
                    continue;
                }
                let key = (name.as_str(), span, *dim as i64, bucket(*at, span, day_offset_min), item.as_ref());
                *sums.entry(key).or_default() += n;
            }
        }
    }
    put_scopes(conn, &scopes).await?;
    put_sums(conn, &sums).await
}

/// What a request counts for, each with its number.
fn parts<'a>(s: &'a Sighting, mut add: impl FnMut(Dim, Cow<'a, str>, i64)) {
    let mut one = |dim, item: &'a str| add(dim, Cow::Borrowed(item), 1);
    one(Dim::Sum, REQUESTS);
    if let Some(outcome) = s.outcome {
        one(Dim::Outcome, outcome.id());
    }
    if let Some(action) = s.action {
        one(Dim::Action, action.id());
    }
    if let Some(api) = &s.api {
        one(Dim::Api, api);
    }
    for risk in &s.risks {
        one(Dim::Risk, risk.id());
    }
    for attack in &s.attacks {
        one(Dim::Attack, attack.id());
    }
    if let Some(rule) = &s.rule {
        one(Dim::Rule, unversioned(rule).0);
    }
    if s.declined() {
        one(Dim::Sum, DECLINED);
    }
    if s.tokens > 0 {
        one(Dim::Sum, PAID);
        add(Dim::Sum, Cow::Borrowed(TOKENS), s.tokens);
    }
    for (dim, us) in [(Dim::Total, s.total_us), (Dim::Input, s.input_us), (Dim::Output, s.output_us)] {
        if let Some(us) = us {
            add(dim, Cow::Owned(slot(us).to_string()), 1);
        }
    }
}

/// `pack/rule@version` in its two parts.
pub(crate) fn unversioned(rule: &str) -> (&str, Option<&str>) {
    rule.rsplit_once('@').map_or((rule, None), |(rule, version)| (rule, Some(version)))
}

async fn list(conn: &mut SqliteConnection, noted: &[&Noted]) -> Result<(), sqlx::Error> {
    const ROWS: &str = "INSERT OR REPLACE INTO seen (seq, at_us, request_id, tenant, app, user, api, model, outcome, \
        action, rule, version, risk, status, total_us) ";
    const RISKS: &str = "INSERT OR IGNORE INTO seen_risk (risk, seq) ";
    for chunk in noted.chunks(TOGETHER) {
        let mut insert = QueryBuilder::<Sqlite>::new(ROWS);
        insert.push_values(chunk, |mut row, (seq, s)| {
            let rule = s.rule.as_deref().map(unversioned);
            row.push_bind(*seq as i64)
                .push_bind(s.at_us)
                .push_bind(s.request_id.as_str())
                .push_bind(s.tenant.as_deref())
                .push_bind(s.app.as_deref())
                .push_bind(s.user.as_deref())
                .push_bind(s.api.as_deref())
                .push_bind(s.model.as_deref())
                .push_bind(s.outcome.map(|o| o.id()))
                .push_bind(s.action.map(|a| a.id()))
                .push_bind(rule.map(|r| r.0))
                .push_bind(rule.and_then(|r| r.1))
                .push_bind(s.risks.first().map(|r| r.id()))
                .push_bind(s.status)
                .push_bind(s.total_us);
        });
        insert.build().persistent(chunk.len() == TOGETHER).execute(&mut *conn).await?;
    }
    let risks: Vec<(&str, i64)> =
        noted.iter().flat_map(|(seq, s)| s.risks.iter().map(|r| (r.id(), *seq as i64))).collect();
    for chunk in risks.chunks(TOGETHER) {
        let mut insert = QueryBuilder::<Sqlite>::new(RISKS);
        insert.push_values(chunk, |mut row, (risk, seq)| {
            row.push_bind(*risk).push_bind(*seq);
        });
        insert.build().persistent(chunk.len() == TOGETHER).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn put_minutes(conn: &mut SqliteConnection, minutes: &BTreeMap<i64, (i64, i64)>) -> Result<(), sqlx::Error> {
    let minutes: Vec<_> = minutes.iter().collect();
    for chunk in minutes.chunks(TOGETHER) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO seen_minute (minute, first_seq, last_seq) ");
        insert.push_values(chunk, |mut row, (minute, (first, last))| {
            row.push_bind(**minute).push_bind(*first).push_bind(*last);
        });
        insert.push(
            " ON CONFLICT (minute) DO UPDATE SET first_seq = MIN(first_seq, excluded.first_seq), \
             last_seq = MAX(last_seq, excluded.last_seq)",
        );
        insert.build().persistent(false).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn put_scopes(
    conn: &mut SqliteConnection,
    scopes: &BTreeSet<(String, Option<&str>, Option<&str>)>,
) -> Result<(), sqlx::Error> {
    const SCOPE: &str = "INSERT OR IGNORE INTO rollup_scope (scope, tenant, app) VALUES (?1, ?2, ?3)";
    for (scope, tenant, app) in scopes {
        sqlx::query(SCOPE).bind(scope.as_str()).bind(*tenant).bind(*app).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn put_sums(
    conn: &mut SqliteConnection,
    sums: &BTreeMap<(&str, i64, i64, i64, &str), i64>,
) -> Result<(), sqlx::Error> {
    let sums: Vec<_> = sums.iter().collect();
    for chunk in sums.chunks(TOGETHER) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO rollup (scope, span, dim, bucket, item, n) ");
        insert.push_values(chunk, |mut row, ((scope, span, dim, bucket, item), n)| {
            row.push_bind(*scope).push_bind(*span).push_bind(*dim).push_bind(*bucket).push_bind(*item).push_bind(**n);
        });
        insert.push(" ON CONFLICT (scope, span, dim, bucket, item) DO UPDATE SET n = n + excluded.n");
        insert.build().persistent(chunk.len() == TOGETHER).execute(&mut *conn).await?;
    }
    Ok(())
}
