//! How long the console's questions take over many records.
//!
//! `cargo bench -p menshen-store --bench observe [-- ROWS [FOLDER]]`: a million rows without an argument. The records spread
//! over the last 180 days, over four tenants with five applications each, 2 000 users and 40 rules. Prints the worst and
//! the median of seven askings of each question, in milliseconds, and how fast the rows were counted.
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::future::Future;
use std::time::{Duration, Instant};

use menshen_store::{Bucket, Durability, Entry, Error, Options, OverviewFilter, RowFilter, Store};
use menshen_verdict::{Action, Attack, Outcome, Risk};
use serde_json::json;
use uuid::Uuid;

const DAY_US: i64 = 86_400_000_000;

fn now_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(0))
}

/// A small, fast, seeded source of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
}

fn entry(dice: &mut Dice, at_us: i64) -> Entry {
    let mut entry = Entry::request(Uuid::now_v7(), at_us);
    let tenant = dice.below(4);
    entry.tenant = Some(format!("tenant-{tenant}"));
    entry.app = Some(format!("app-{tenant}-{}", dice.below(5)));
    entry.user = Some(format!("user-{}", dice.below(2000)));
    entry.api = Some(["chat", "responses", "messages", "guard"][dice.below(4)].to_owned());
    entry.model = Some("m".to_owned());
    entry.status = Some(200);
    let flagged = dice.below(5) == 0;
    entry.outcome = Some(if flagged { Outcome::Intervened } else { Outcome::Allowed });
    entry.action = Some(if flagged { Action::ALL[1 + dice.below(7)] } else { Action::Pass });
    let (mut risks, mut attacks) = (json!([]), json!([]));
    if flagged {
        entry.rule = Some(format!("cn/rule-{}@{}", dice.below(40), 1 + dice.below(3)));
        risks =
            json!([{"id": Risk::ALL[dice.below(31)], "score": 0.9}, {"id": Risk::ALL[dice.below(31)], "score": 0.6}]);
        attacks = json!([{"id": Attack::ALL[dice.below(19)], "score": 0.8}]);
    }
    entry.verdict = json!({"input": {
        "action": "pass", "risk": {"score": 0.8, "topics": risks}, "attack": {"score": 0.1, "classes": attacks}}});
    entry.timings = json!({
        "total_us": 200_000 + dice.below(3_000_000), "input_us": 200 + dice.below(9_000), "output_us": 300 + dice.below(20_000),
        "tokens": dice.below(2000)});
    entry
}

async fn asked<F, T>(what: &str, mut ask: impl FnMut() -> F) -> Result<(), Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut took = Vec::new();
    for _ in 0..7 {
        let start = Instant::now();
        ask().await?;
        took.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    println!("{what:>44}: median {:>7.1} ms, worst {:>7.1} ms", took[3], took[6]);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    let rows: usize = arguments.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let dir = match arguments.next() {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let options = || Options { durability: Durability::Windowed { ms: 50 }, ..Options::default() };
    let store = Store::open(dir.path(), options()).await?;
    let (mut dice, now) = (Dice(7), now_us());
    let start = Instant::now();
    let mut last = Uuid::nil();
    for n in 0..rows {
        let at_us = now - 180 * DAY_US + (180 * DAY_US / rows as i64) * n as i64;
        let one = entry(&mut dice, at_us);
        last = one.request_id;
        while matches!(store.record(one.clone()).await, Err(Error::QueueFull { .. })) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    while store.flush().await.is_err() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    println!(
        "{rows} records written in {:.1} s ({:.0} a second)",
        start.elapsed().as_secs_f64(),
        rows as f64 / start.elapsed().as_secs_f64()
    );

    let over = |days: i64, bucket, tenant: Option<&str>, app: Option<&str>| OverviewFilter {
        from_us: now - days * DAY_US,
        to_us: now,
        bucket,
        tenant: tenant.map(str::to_owned),
        app: app.map(str::to_owned),
    };
    for (what, filter) in [
        ("overview, 1 day by minute", over(1, Bucket::Minute, None, None)),
        ("overview, 1 day by hour", over(1, Bucket::Hour, None, None)),
        ("overview, 30 days by hour", over(30, Bucket::Hour, None, None)),
        ("overview, 60 days by hour", over(60, Bucket::Hour, None, None)),
        ("overview, 180 days by day", over(180, Bucket::Day, None, None)),
        ("overview, 180 days by day, a tenant", over(180, Bucket::Day, Some("tenant-1"), None)),
        ("overview, 60 days by hour, an application", over(60, Bucket::Hour, None, Some("app-1-1"))),
    ] {
        let (store, filter) = (&store, &filter);
        asked(what, || store.overview(filter)).await?;
    }
    let some = |value: &str| Some(value.to_owned());
    let none = RowFilter::default();
    for (what, filter) in [
        ("records, all", none.clone()),
        ("records, outcome intervened", RowFilter { outcome: some("intervened"), ..none.clone() }),
        ("records, outcome allowed", RowFilter { outcome: some("allowed"), ..none.clone() }),
        ("records, outcome invalid (none)", RowFilter { outcome: some("invalid"), ..none.clone() }),
        ("records, action block", RowFilter { action: some("block"), ..none.clone() }),
        (
            "records, action block and allowed (none)",
            RowFilter { action: some("block"), outcome: some("allowed"), ..none.clone() },
        ),
        ("records, a tenant", RowFilter { tenant: some("tenant-2"), ..none.clone() }),
        ("records, an application", RowFilter { app: some("app-3-4"), ..none.clone() }),
        (
            "records, an application of another tenant",
            RowFilter { app: some("app-3-4"), tenant: some("tenant-1"), ..none.clone() },
        ),
        ("records, a user", RowFilter { user: some("user-17"), ..none.clone() }),
        ("records, nobody", RowFilter { user: some("nobody"), ..none.clone() }),
        ("records, a rule", RowFilter { rule: some("cn/rule-5"), ..none.clone() }),
        ("records, a rule in one version", RowFilter { rule: some("cn/rule-5@2"), ..none.clone() }),
        ("records, a risk", RowFilter { risk: some("A1d"), ..none.clone() }),
        ("records, a risk that passed (none)", RowFilter { risk: some("A1d"), action: some("pass"), ..none.clone() }),
        (
            "records, a day a hundred days ago",
            RowFilter { from_us: Some(now - 100 * DAY_US), to_us: Some(now - 99 * DAY_US), ..none.clone() },
        ),
        (
            "records, a risk in that day",
            RowFilter {
                risk: some("A1d"),
                from_us: Some(now - 100 * DAY_US),
                to_us: Some(now - 99 * DAY_US),
                ..none.clone()
            },
        ),
        (
            "records, since 170 days, a user",
            RowFilter { user: some("user-17"), from_us: Some(now - 170 * DAY_US), ..none.clone() },
        ),
    ] {
        let (store, filter) = (&store, &filter);
        asked(what, || store.rows(filter, None, 50)).await?;
    }
    let store = &store;
    asked("records, deep in the list", || store.rows(&none, Some(rows as u64 / 2), 50)).await?;
    asked("one record", || store.request(last, None, true)).await?;
    asked("its proof", || store.proof(last, None)).await?;
    asked("feedback", || store.feedback(None, None, None, 100)).await?;
    store.close().await?;
    println!("database: {} MB", std::fs::metadata(dir.path().join("menshen.db"))?.len() / 1_000_000);
    Ok(())
}
