//! Counts and lists: they say what the rows say, whatever happened in between.

use std::collections::BTreeMap;
use std::time::Duration;

use menshen_store::{Bucket, Entry, Error, Filter, Opinion, Options, OverviewFilter, RecordRow, RowFilter, Store};
use menshen_verdict::{Action, Attack, Outcome, Risk};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use crate::folder::{DAY, full_entry, open, raw, run};

const HOUR: i64 = DAY / 24;
const OUTCOMES: [Outcome; 4] = [Outcome::Allowed, Outcome::Intervened, Outcome::Unavailable, Outcome::Invalid];

fn now_us() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
}

/// Numbers that make an entry: small ones, so that entries share what they count for.
#[derive(Debug, Clone)]
struct Recipe {
    age_hours: i64,
    holder: (u8, u8, u8),
    outcome: u8,
    action: u8,
    rule: u8,
    risks: Vec<(u8, u8)>,
    total_us: Option<u32>,
    tokens: u32,
    attempted: bool,
}

fn recipes() -> impl Strategy<Value = Vec<Recipe>> {
    let one = (
        (0i64..70, (0u8..3, 0u8..3, 0u8..4), 0u8..4, 0u8..9),
        (0u8..5, proptest::collection::vec((0u8..5, 0u8..10), 0..4)),
        (proptest::option::of(1u32..9_000_000), 0u32..3000, any::<bool>()),
    )
        .prop_map(|((age_hours, holder, outcome, action), (rule, risks), (total_us, tokens, attempted))| Recipe {
            age_hours,
            holder,
            outcome,
            action,
            rule,
            risks,
            total_us,
            tokens,
            attempted,
        });
    proptest::collection::vec(one, 1..40)
}

fn entry(r: &Recipe, now: i64) -> Entry {
    let mut entry = Entry::request(Uuid::now_v7(), now - r.age_hours * HOUR);
    let (tenant, app, user) = r.holder;
    entry.tenant = (tenant > 0).then(|| format!("t{tenant}"));
    entry.app = (app > 0).then(|| format!("a{app}"));
    entry.user = (user > 0).then(|| format!("u{user}"));
    entry.api = Some(if r.attempted { "chat" } else { "guard" }.to_owned());
    entry.outcome = Some(OUTCOMES[usize::from(r.outcome)]);
    entry.action = Action::ALL.get(usize::from(r.action)).copied();
    entry.rule = (r.rule > 0).then(|| format!("p/r{}@{}", r.rule / 2, r.rule));
    let topics: Vec<_> = r
        .risks
        .iter()
        .map(|(id, tenth)| json!({"id": Risk::ALL[usize::from(*id)], "score": f64::from(*tenth) / 9.0}))
        .collect();
    let classes: Vec<_> = r
        .risks
        .iter()
        .map(|(id, tenth)| json!({"id": Attack::ALL[usize::from(*id)], "score": f64::from(*tenth) / 9.0}))
        .collect();
    entry.verdict = json!({"input": {"risk": {"topics": topics}, "attack": {"classes": classes}}, "output": null});
    entry.timings = json!({"total_us": r.total_us, "input_us": r.tokens, "tokens": r.tokens});
    if r.attempted {
        entry.attempts = json!({"tried": 1});
    }
    entry
}

/// What an overview says, counted from the recipes themselves.
fn expected(recipes: &[Recipe], tenant: Option<&str>, app: Option<&str>) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for r in recipes {
        let e = entry(r, 0);
        if tenant.is_some_and(|t| e.tenant.as_deref() != Some(t)) || app.is_some_and(|a| e.app.as_deref() != Some(a)) {
            continue;
        }
        let mut add = |key: String, n: u64| *counts.entry(key).or_default() += n;
        add("requests".into(), 1);
        add(format!("outcome {}", OUTCOMES[usize::from(r.outcome)].id()), 1);
        if let Some(action) = e.action {
            add(format!("action {}", action.id()), 1);
        }
        if let Some(rule) = &e.rule {
            add(format!("rule {}", rule.split('@').next().unwrap()), 1);
        }
        let mut risks: Vec<u8> = r.risks.iter().filter(|(_, tenth)| *tenth >= 5).map(|(id, _)| *id).collect();
        risks.sort_unstable();
        risks.dedup();
        for id in risks {
            add(format!("risk {}", Risk::ALL[usize::from(id)].id()), 1);
            add(format!("attack {}", Attack::ALL[usize::from(id)].id()), 1);
        }
        add("tokens".into(), u64::from(r.tokens));
        let stopped = e.action.is_some_and(|a| !a.forwards() && a != Action::Answer);
        if r.total_us.is_some() && !r.attempted && e.outcome == Some(Outcome::Intervened) && stopped {
            add("declined".into(), 1);
        }
    }
    counts.retain(|_, n| *n > 0);
    counts
}

async fn counted(
    store: &Store,
    now: i64,
    bucket: Bucket,
    tenant: Option<&str>,
    app: Option<&str>,
) -> BTreeMap<String, u64> {
    let filter = OverviewFilter {
        from_us: now - 100 * HOUR,
        to_us: now + 1,
        bucket,
        tenant: tenant.map(str::to_owned),
        app: app.map(str::to_owned),
    };
    let o = store.overview(&filter).await.unwrap();
    // The series and the sums say the same.
    for (id, n) in &o.outcomes {
        assert_eq!(o.series.iter().filter_map(|p| p.outcomes.get(id)).sum::<u64>(), *n);
    }
    assert_eq!(o.uncounted, 0);
    let mut counts = BTreeMap::from([
        ("requests".to_owned(), o.requests),
        ("tokens".to_owned(), o.tokens),
        ("declined".to_owned(), o.saved.declined_before_model),
    ]);
    counts.extend(o.outcomes.into_iter().map(|(id, n)| (format!("outcome {id}"), n)));
    counts.extend(o.actions.into_iter().map(|(id, n)| (format!("action {id}"), n)));
    counts.extend(o.rules.into_iter().map(|r| (format!("rule {}", r.rule), r.count)));
    counts.extend(o.risks.into_iter().map(|r| (format!("risk {}", r.id), r.count)));
    counts.extend(o.attacks.into_iter().map(|r| (format!("attack {}", r.id), r.count)));
    counts.retain(|_, n| *n > 0);
    counts
}

async fn rows(store: &Store, filter: &RowFilter) -> Vec<RecordRow> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = store.rows(filter, before, 3).await.unwrap();
        all.extend(page.records);
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}

/// Whether a recipe and its entry fit a filter.
type Fits = Box<dyn Fn(&Recipe, &Entry) -> bool>;

/// Counts and lists against the recipes.
async fn agree(store: &Store, recipes: &[Recipe], now: i64) {
    for (tenant, app) in
        [(None, None), (Some("t1"), None), (Some("t1"), Some("a1")), (None, Some("a2")), (Some("t9"), None)]
    {
        for bucket in [Bucket::Hour, Bucket::Day] {
            assert_eq!(
                counted(store, now, bucket, tenant, app).await,
                expected(recipes, tenant, app),
                "{tenant:?} {app:?}"
            );
        }
    }
    let some = |v: &str| Some(v.to_owned());
    let none = RowFilter::default();
    let filters: Vec<(RowFilter, Fits)> = vec![
        (none.clone(), Box::new(|_, _| true)),
        (RowFilter { tenant: some("t1"), ..none.clone() }, Box::new(|_, e| e.tenant.as_deref() == Some("t1"))),
        (RowFilter { app: some("a1"), ..none.clone() }, Box::new(|_, e| e.app.as_deref() == Some("a1"))),
        (
            RowFilter { app: some("a1"), tenant: some("t2"), ..none.clone() },
            Box::new(|_, e| e.app.as_deref() == Some("a1") && e.tenant.as_deref() == Some("t2")),
        ),
        (RowFilter { user: some("u2"), ..none.clone() }, Box::new(|_, e| e.user.as_deref() == Some("u2"))),
        (RowFilter { rule: some("p/r1"), ..none.clone() }, Box::new(|r, _| r.rule / 2 == 1)),
        (RowFilter { rule: some("p/r1@3"), ..none.clone() }, Box::new(|r, _| r.rule == 3)),
        (RowFilter { outcome: some("allowed"), ..none.clone() }, Box::new(|r, _| r.outcome == 0)),
        (RowFilter { outcome: some("invalid"), ..none.clone() }, Box::new(|r, _| r.outcome == 3)),
        (RowFilter { action: some("pass"), ..none.clone() }, Box::new(|r, _| r.action == 0)),
        (RowFilter { action: some("block"), ..none.clone() }, Box::new(|_, e| e.action == Some(Action::Block))),
        (
            RowFilter { risk: some("A1b"), ..none.clone() },
            Box::new(|r, _| r.risks.iter().any(|(id, t)| *id == 1 && *t >= 5)),
        ),
        (
            RowFilter { risk: some("A1b"), rule: some("p/r1"), outcome: some("intervened"), ..none.clone() },
            Box::new(|r, _| r.rule / 2 == 1 && r.outcome == 1 && r.risks.iter().any(|(id, t)| *id == 1 && *t >= 5)),
        ),
        (
            RowFilter { from_us: Some(now - 40 * HOUR), to_us: Some(now - 9 * HOUR), ..none.clone() },
            Box::new(|r, _| r.age_hours <= 40 && r.age_hours > 9),
        ),
    ];
    for (filter, fits) in filters {
        let mut want: Vec<(i64, Option<String>)> = recipes
            .iter()
            .map(|r| (r, entry(r, now)))
            .filter(|(r, e)| fits(r, e))
            .map(|(_, e)| (e.at_us, e.rule))
            .collect();
        want.reverse();
        let listed = rows(store, &filter).await;
        assert_eq!(
            listed.iter().map(|r| r.rule.clone()).collect::<Vec<_>>(),
            want.iter().map(|w| w.1.clone()).collect::<Vec<_>>(),
            "{filter:?}"
        );
        assert!(listed.windows(2).all(|w| w[0].seq > w[1].seq));
    }
}

/// Forgets that anything was ever counted, as a folder from before the counts.
async fn uncount(dir: &std::path::Path) {
    let mut conn = raw(dir).await;
    for table in ["observed", "seen", "seen_risk", "seen_minute", "rollup", "rollup_scope"] {
        run(&mut conn, &format!("DELETE FROM {table}")).await;
    }
    conn.close().await.unwrap();
}

#[test]
fn counts_and_lists_say_what_the_rows_say_after_restarts_and_from_old_folders() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(recipes(), 0usize..40), |(recipes, cut)| {
        runtime.block_on(async {
            let now = now_us();
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path()).await;
            let cut = cut.min(recipes.len());
            for r in &recipes[..cut] {
                store.record(entry(r, now)).await.unwrap();
            }
            agree(&store, &recipes[..cut], now).await;
            for r in &recipes[cut..] {
                store.record(entry(r, now)).await.unwrap();
            }
            store.close().await.unwrap();
            let store = open(dir.path()).await;
            agree(&store, &recipes, now).await;
            store.close().await.unwrap();
            uncount(dir.path()).await;
            let store = open(dir.path()).await;
            agree(&store, &recipes, now).await;
            assert!(store.verify().await.unwrap().is_whole());
            store.close().await.unwrap();
        });
        Ok(())
    });
    result.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_uncounted_is_counted_at_the_next_opening() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let now = now_us();
    for n in 0..20 {
        let mut entry = full_entry(n);
        entry.at_us = now;
        store.record(entry).await.unwrap();
    }
    // As after `kill -9`: the rows are on disk, the notes were in memory.
    let left = crate::folder::copy(dir.path());
    let mut conn = raw(left.path()).await;
    let folded: i64 = sqlx::query_scalar("SELECT folded FROM observed").fetch_one(&mut conn).await.unwrap();
    assert!(folded < 20, "nothing was left uncounted: {folded}");
    conn.close().await.unwrap();
    let again = open(left.path()).await;
    let filter =
        OverviewFilter { from_us: now - HOUR, to_us: now + 1, bucket: Bucket::Minute, tenant: None, app: None };
    assert_eq!(again.overview(&filter).await.unwrap().requests, 20);
    assert_eq!(again.rows(&RowFilter::default(), None, 100).await.unwrap().records.len(), 20);
    again.close().await.unwrap();
    store.close().await.unwrap();
}

/// The audit goes before the counts.
#[tokio::test(flavor = "multi_thread")]
async fn counts_that_cannot_be_written_do_not_keep_a_record_from_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut conn = raw(dir.path()).await;
    run(&mut conn, "CREATE TRIGGER broken BEFORE INSERT ON rollup BEGIN SELECT RAISE(ABORT, 'broken'); END").await;
    let now = now_us();
    let all = OverviewFilter { from_us: now - HOUR, to_us: now + HOUR, bucket: Bucket::Hour, tenant: None, app: None };
    for n in 0..5 {
        let mut entry = full_entry(n);
        entry.at_us = now;
        store.record(entry).await.unwrap();
        assert_eq!(store.overview(&all).await.unwrap().requests, 0);
    }
    assert!(store.health().failing.is_none());
    run(&mut conn, "DROP TRIGGER broken").await;
    assert_eq!(store.overview(&all).await.unwrap().requests, 5);
    assert_eq!(store.rows(&RowFilter::default(), None, 10).await.unwrap().records.len(), 5);
    conn.close().await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_old_folder_is_counted_in_the_background_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let now = now_us();
    let store = open(dir.path()).await;
    let mut waiting = Vec::new();
    for n in 0..6200 {
        let mut entry = full_entry(n);
        entry.at_us = now - DAY;
        waiting.push(store.record(entry));
        if waiting.len() == 500 {
            for record in waiting.drain(..) {
                record.await.unwrap();
            }
        }
    }
    for record in waiting {
        record.await.unwrap();
    }
    store.close().await.unwrap();
    uncount(dir.path()).await;
    let store = open(dir.path()).await;
    let filter =
        OverviewFilter { from_us: now - 3 * DAY, to_us: now + DAY, bucket: Bucket::Day, tenant: None, app: None };
    let mut new = full_entry(1);
    new.at_us = now;
    store.record(new).await.unwrap();
    let began = std::time::Instant::now();
    loop {
        let overview = store.overview(&filter).await.unwrap();
        assert_eq!(overview.requests == 6201, overview.uncounted == 0, "{} {}", overview.requests, overview.uncounted);
        if overview.uncounted == 0 {
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "{} left", overview.uncounted);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rows(&store, &RowFilter { user: Some("user1".into()), ..RowFilter::default() }).await.len(), 2);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_takes_counts_and_lists_along() {
    let dir = tempfile::tempdir().unwrap();
    let now = now_us();
    let store = open(dir.path()).await;
    for n in 0..8 {
        let mut entry = full_entry(n);
        entry.at_us = now - if n < 5 { 200 } else { 1 } * DAY;
        entry.verdict = json!({"input": {"risk": {"topics": [{"id": "A1a", "score": 1}]}}});
        store.record(entry).await.unwrap();
    }
    store.close().await.unwrap();
    // The first record is older in a real folder.
    let mut conn = crate::folder::unguarded(dir.path()).await;
    run(&mut conn, &format!("UPDATE audit SET at_us = {} WHERE seq = 0", now - 500 * DAY)).await;
    conn.close().await.unwrap();
    let store = Store::open(dir.path(), Options { accept_break: true, ..Options::default() }).await.unwrap();
    let risky = RowFilter { risk: Some("A1a".into()), ..RowFilter::default() };
    assert_eq!(rows(&store, &risky).await.len(), 8);
    let pruned = store.prune(now).await.unwrap();
    assert_eq!(pruned.rows, 6);
    assert_eq!(rows(&store, &risky).await.len(), 3);
    assert_eq!(rows(&store, &RowFilter::default()).await.len(), 3);
    let all = OverviewFilter { from_us: now - 400 * DAY, to_us: now + 1, bucket: Bucket::Day, tenant: None, app: None };
    let overview = store.overview(&all).await.unwrap();
    assert_eq!((overview.requests, overview.risks[0].count), (3, 3));
    store.close().await.unwrap();
    let mut conn = raw(dir.path()).await;
    let old: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM rollup WHERE bucket < ?1")
        .bind((now - 185 * DAY) / 1_000_000)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(old, 0);
}

#[tokio::test]
async fn a_time_that_makes_no_sense_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let now = now_us();
    for (from_us, to_us, bucket, says) in [
        (now, now, Bucket::Hour, "before 'to'"),
        (-1, now, Bucket::Hour, "between the years"),
        (now, i64::MAX, Bucket::Day, "between the years"),
        (now - 365 * DAY, now, Bucket::Hour, "more than 1500 points"),
        (now - 49 * HOUR, now - 48 * HOUR, Bucket::Minute, "48 hours"),
    ] {
        let filter = OverviewFilter { from_us, to_us, bucket, tenant: None, app: None };
        let error = store.overview(&filter).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }) && error.to_string().contains(says), "{error}");
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_proof_is_of_this_record_and_says_when_the_whole_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..3 {
        store.record(full_entry(n)).await.unwrap();
    }
    let entry = full_entry(9);
    let id = entry.request_id;
    store.record(entry).await.unwrap();
    let proof = store.proof(id, None).await.unwrap().unwrap();
    assert_eq!((proof.seq, proof.sealed, proof.head_seq, proof.whole), (4, true, 4, None));
    assert_eq!(proof.head, proof.hash);
    let before = store.records(&Filter::default(), Some(4), 1).await.unwrap();
    assert_eq!(proof.previous.as_deref(), Some(before[0].hash.as_str()));
    store.verify().await.unwrap();
    assert_eq!(store.proof(id, Some("acme")).await.unwrap().unwrap().whole, Some(true));
    // Nobody else's.
    assert_eq!(store.proof(id, Some("other")).await.unwrap(), None);
    assert!(store.request(id, Some("other"), true).await.unwrap().is_empty());
    assert_eq!(store.request(id, Some("acme"), true).await.unwrap().len(), 1);
    assert_eq!(store.proof(Uuid::now_v7(), None).await.unwrap(), None);
    store.close().await.unwrap();
    let mut conn = crate::folder::unguarded(dir.path()).await;
    run(&mut conn, "UPDATE audit SET user = 'else' WHERE seq = 4").await;
    conn.close().await.unwrap();
    let store = Store::open(dir.path(), Options { accept_break: true, ..Options::default() }).await.unwrap();
    assert!(!store.proof(id, None).await.unwrap().unwrap().sealed);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_opinion_may_change_and_the_audit_keeps_every_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entry = full_entry(1);
    let (id, at) = (entry.request_id, entry.at_us);
    store.record(entry).await.unwrap();
    let say = async |opinion, note: Option<&str>, by| {
        store.put_feedback(id, None, opinion, note.map(str::to_owned), by, at + 5).await
    };
    say(Opinion::Missed, None, "ann").await.unwrap();
    say(Opinion::Right, None, "bo").await.unwrap();
    let said = say(Opinion::FalsePositive, Some("a recipe"), "ann").await.unwrap();
    assert_eq!((said.rule.as_deref(), said.tenant.as_deref()), (Some("cn/medical-advice@3"), Some("acme")));
    let list = store.feedback(None, None, None, 10).await.unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!((list[0].verdict, list[0].note.as_deref()), (Opinion::FalsePositive, Some("a recipe")));
    let told = store.records(&Filter { kind: Some("admin".into()), ..Filter::default() }, None, 10).await.unwrap();
    assert_eq!(told.iter().filter(|r| r.event.as_deref() == Some("feedback.record")).count(), 3);
    assert!(matches!(say(Opinion::Right, Some(&"x".repeat(5000)), "ann").await, Err(Error::Invalid { .. })));
    let other = store.put_feedback(id, Some("other"), Opinion::Right, None, "cy", at).await;
    assert!(matches!(other, Err(Error::NotFound { .. })), "{other:?}");
    assert!(store.feedback(None, Some("other"), None, 10).await.unwrap().is_empty());
    let filter = OverviewFilter { from_us: at, to_us: at + 1, bucket: Bucket::Hour, tenant: None, app: None };
    let overview = store.overview(&filter).await.unwrap();
    assert_eq!(
        (overview.feedback["false_positive"], overview.feedback["right"], overview.feedback["missed"]),
        (1, 1, 0)
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn whoever_watches_sees_requests_as_they_come_and_a_slow_one_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut fast, mut slow) = (store.watch(), store.watch());
    for n in 0..300 {
        store.record(full_entry(n)).await.unwrap();
        assert_eq!(fast.recv().await.unwrap().row().user.as_deref(), Some(format!("user{n}").as_str()));
    }
    assert!(matches!(slow.recv().await, Err(tokio::sync::broadcast::error::RecvError::Lagged(44))));
    drop((fast, slow));
    assert_eq!(store.watchers(), 0);
    store.close().await.unwrap();
}

/// With a million records every answer takes less than 300 ms. Takes minutes: run it in a release build.
#[ignore = "writes a million records"]
#[tokio::test(flavor = "multi_thread")]
async fn a_million_records_are_looked_at_in_under_300_ms() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: menshen_store::Durability::Windowed { ms: 50 }, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let now = now_us();
    for n in 0..1_000_000i64 {
        let recipe = Recipe {
            age_hours: (1_000_000 - n) * 4000 / 1_000_000,
            holder: ((n % 3) as u8, (n % 7 % 3) as u8, (n % 5 % 4) as u8),
            outcome: (n % 4) as u8,
            action: (n % 9) as u8,
            rule: (n % 5) as u8,
            risks: vec![((n % 5) as u8, 9)],
            total_us: Some((n % 9_000_000) as u32 + 1),
            tokens: (n % 3000) as u32,
            attempted: n % 2 == 0,
        };
        let one = entry(&recipe, now);
        while matches!(store.record(one.clone()).await, Err(Error::QueueFull { .. })) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    while store.flush().await.is_err() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let some = |v: &str| Some(v.to_owned());
    let none = RowFilter::default();
    for filter in [
        none.clone(),
        RowFilter { tenant: some("t1"), ..none.clone() },
        RowFilter { app: some("a1"), user: some("u1"), ..none.clone() },
        RowFilter { user: some("u2"), outcome: some("invalid"), ..none.clone() },
        RowFilter { rule: some("p/r9"), ..none.clone() },
        RowFilter { risk: some("A1b"), action: some("block"), ..none.clone() },
        RowFilter { risk: some("A1b"), outcome: some("nothing"), ..none.clone() },
        RowFilter { from_us: Some(now - 2000 * HOUR), to_us: Some(now - 1990 * HOUR), ..none.clone() },
    ] {
        let began = std::time::Instant::now();
        store.rows(&filter, None, 50).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(300), "{filter:?}: {:?}", began.elapsed());
    }
    for (hours, bucket) in [(24, Bucket::Minute), (1400, Bucket::Hour), (4300, Bucket::Day)] {
        let filter = OverviewFilter { from_us: now - hours * HOUR, to_us: now, bucket, tenant: None, app: None };
        let began = std::time::Instant::now();
        store.overview(&filter).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(300), "{bucket:?}: {:?}", began.elapsed());
    }
    store.close().await.unwrap();
}
