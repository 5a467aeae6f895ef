//! Keys, tenants, strikes, suspensions, reviews and usage.

use menshen_store::{
    Decision, Error, Filter, KeyRefusal, NewAgreement, NewKey, NewReview, Options, Receipt, ReviewState, Store,
    StrikeLimits, Suspension, Usage,
};
use uuid::Uuid;

use crate::folder::{DAY, NOW, full_entry, open};

fn new_key(app: &str) -> NewKey {
    NewKey {
        name: "店铺".into(),
        tenant: "acme".into(),
        app: app.into(),
        scopes: vec!["chat".into(), "guard".into()],
        tier: Some("minor".into()),
        scene: Some("medical".into()),
        rpm: Some(60),
        tpm: Some(10_000),
        expires_us: Some(NOW + DAY),
    }
}

async fn events(store: &Store, event: &str) -> usize {
    let page = store.records(&Filter::default(), None, 1000).await.unwrap();
    page.iter().filter(|r| r.event.as_deref() == Some(event)).count()
}

#[tokio::test]
async fn a_key_works_until_it_expires_or_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let created = store.create_key(new_key("shop"), "admin", NOW).await.unwrap();
    let presented = created.presented.clone();
    let (id, secret) = presented.strip_prefix("msk_").unwrap().split_once('_').unwrap();
    assert_eq!((id, id.len(), secret.len()), (created.key.id.as_str(), 16, 52));
    assert!(!format!("{created:?}").contains(secret));

    let key = store.authenticate(&presented, NOW).unwrap();
    assert_eq!((key.tenant.as_str(), key.rpm, key.tpm), ("acme", Some(60), Some(10_000)));
    assert!(key.has_scope("guard") && !key.has_scope("admin"));
    assert_eq!(store.authenticate(&presented, NOW + DAY), Err(KeyRefusal::Expired));
    for wrong in ["", "msk_", "msk__", "sk-123", "msk_abc", "msk_abc_", "msk__abc", &"msk_a_".repeat(100)] {
        assert_eq!(store.authenticate(wrong, NOW), Err(KeyRefusal::Malformed), "{wrong}");
    }
    let mut bent = presented.to_string();
    let last = bent.pop().unwrap();
    bent.push(if last == '0' { '1' } else { '0' });
    assert_eq!(store.authenticate(&bent, NOW), Err(KeyRefusal::Unknown));
    assert_eq!(store.authenticate(&format!("msk_{id}x_{secret}"), NOW), Err(KeyRefusal::Unknown));
    // Nobody without the secret learns that a key has expired.
    assert_eq!(store.authenticate(&bent, NOW + DAY), Err(KeyRefusal::Unknown));
    store.close().await.unwrap();

    let secret = secret.to_owned();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
    let store = open(dir.path()).await;
    assert_eq!(store.authenticate(&presented, NOW).unwrap(), key);
    store.revoke_key(&key.id, "admin", NOW + 1).await.unwrap();
    assert_eq!(store.authenticate(&presented, NOW), Err(KeyRefusal::Revoked));
    assert!(matches!(store.revoke_key(&key.id, "admin", NOW + 2).await, Err(Error::NotFound { .. })));
    assert!(matches!(store.revoke_key("nobody", "admin", NOW + 2).await, Err(Error::NotFound { .. })));
    assert_eq!((events(&store, "key.create").await, events(&store, "key.revoke").await), (1, 1));
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.authenticate(&presented, NOW), Err(KeyRefusal::Revoked));
    assert_eq!(store.keys()[0].revoked_us, Some(NOW + 1));
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn bad_keys_are_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for bad in [
        NewKey { tenant: String::new(), ..new_key("a") },
        NewKey { tenant: "a b".into(), ..new_key("a") },
        NewKey { app: "租".into(), ..new_key("a") },
        NewKey { scopes: Vec::new(), ..new_key("a") },
        NewKey { scopes: vec![String::new()], ..new_key("a") },
        NewKey { name: "x".repeat(201), ..new_key("a") },
        NewKey { app: "x".repeat(65), ..new_key("a") },
    ] {
        assert!(matches!(store.create_key(bad, "admin", NOW).await, Err(Error::Invalid { .. })));
    }
    assert!(store.keys().is_empty());
    assert_eq!(events(&store, "key.create").await, 0);
    store.close().await.unwrap();
}

#[tokio::test]
async fn tenants_and_their_applications_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let key = store.create_key(new_key("shop"), "admin", NOW).await.unwrap().key;
    store.create_key(new_key("shop"), "admin", NOW).await.unwrap();
    store.create_key(new_key("desk"), "admin", NOW).await.unwrap();
    store.revoke_key(&key.id, "admin", NOW).await.unwrap();
    store.put_tenant("acme", "极致公司", "admin", NOW + 5).await.unwrap();
    store.put_app("beta", "bot", "机器人", "admin", NOW + 6).await.unwrap();
    let tenants = store.tenants(NOW).await.unwrap();
    assert_eq!(
        tenants.iter().map(|t| (t.id.as_str(), t.title.as_str())).collect::<Vec<_>>(),
        [("acme", "极致公司"), ("beta", "beta")]
    );
    let apps: Vec<_> = tenants[0].apps.iter().map(|a| (a.id.as_str(), a.active_keys)).collect();
    assert_eq!(apps, [("desk", 1), ("shop", 1)]);
    assert_eq!(tenants[0].created_us, NOW);
    assert_eq!(tenants[1].apps[0].title, "机器人");
    assert!(store.put_tenant("no/slash", "x", "admin", NOW).await.is_err());
    store.close().await.unwrap();
}

#[tokio::test]
async fn three_in_a_row_or_five_a_day_suspend() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let strike =
        async |user: &str, risky: bool, at: i64| store.strike("acme", user, risky, Some("cn/x@1"), at).await.unwrap();

    assert_eq!(strike("a", true, NOW).await.consecutive, 1);
    assert_eq!(strike("a", true, NOW + 1).await.consecutive, 2);
    assert_eq!(strike("a", false, NOW + 2).await.consecutive, 0);
    assert_eq!(strike("a", true, NOW + 3).await.consecutive, 1);
    assert_eq!(strike("a", true, NOW + 4).await.today, 4);
    assert_eq!(strike("a", false, NOW + 5).await.suspension, None);
    let fifth = strike("a", true, NOW + 6).await;
    assert_eq!((fifth.consecutive, fifth.today), (1, 5));
    assert_eq!(fifth.suspension.unwrap().reason, "per_day");

    strike("b", true, NOW).await;
    strike("b", true, NOW).await;
    let third = strike("b", true, NOW + 7).await.suspension.unwrap();
    assert_eq!(
        (third.reason.as_str(), third.until_us, third.rule.as_deref()),
        ("consecutive", Some(NOW + 7 + DAY), Some("cn/x@1"))
    );
    assert_eq!(strike("b", true, NOW + 8).await.suspension, Some(third.clone()));
    assert_eq!(store.suspension("acme", "b", NOW + 8), Some(third.clone()));
    assert_eq!(store.suspension("other", "b", NOW + 8), None);
    assert_eq!(store.suspension("acme", "b", NOW + 7 + DAY), None);
    assert_eq!(events(&store, "user.suspend").await, 2);
    store.close().await.unwrap();
}

#[tokio::test]
async fn strikes_and_suspensions_outlive_the_process_and_days_end() {
    let dir = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    let limits = StrikeLimits { consecutive: 0, per_day: 3, suspend_s: 3600 };
    let options = || Options { strikes: limits, ..Options::default() };
    let store = Store::open(dir.path(), options()).await.unwrap();
    store.strike("t", "u", true, None, now).await.unwrap();
    store.strike("t", "u", true, None, now).await.unwrap();
    store.strike("t", "gone", true, None, now).await.unwrap();
    let suspension = Suspension {
        tenant: "t".into(),
        user: "held".into(),
        since_us: now,
        until_us: None,
        reason: "人工".into(),
        rule: None,
        by: "alice".into(),
    };
    store.suspend(suspension.clone()).await.unwrap();
    store.close().await.unwrap();

    let store = Store::open(dir.path(), options()).await.unwrap();
    assert_eq!(store.suspension("t", "held", now + 1000 * DAY), Some(suspension.clone()));
    assert_eq!(store.suspensions(now), [suspension]);
    assert_eq!(store.strike("t", "gone", true, None, now + DAY).await.unwrap().today, 1, "a day ends");
    assert!(store.strike("t", "u", true, None, now).await.unwrap().suspension.is_some());

    store.lift("t", "u", "alice", now).await.unwrap();
    assert_eq!(store.suspension("t", "u", now), None);
    assert!(matches!(store.lift("t", "u", "alice", now).await, Err(Error::NotFound { .. })));
    assert_eq!(store.strike("t", "u", true, None, now).await.unwrap().today, 1, "lifting forgets the strikes");
    store.lift("t", "held", "alice", now).await.unwrap();
    store.close().await.unwrap();
    let store = Store::open(dir.path(), options()).await.unwrap();
    assert!(store.suspensions(now).is_empty());
    assert_eq!((events(&store, "user.lift").await, events(&store, "user.suspend").await), (2, 2));
    for bad in [String::new(), "x".repeat(513)] {
        assert!(matches!(store.strike("t", &bad, true, None, now).await, Err(Error::Invalid { .. })));
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn harmless_requests_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let before = store.health().commits;
    for n in 0..100 {
        store.strike("t", &format!("u{n}"), false, None, NOW).await.unwrap();
    }
    assert_eq!(store.health().commits, before);
    store.close().await.unwrap();
}

#[tokio::test]
async fn reviews_wait_are_read_and_are_decided_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { text: menshen_store::TextRetention::Omitted, ..Options::default() })
        .await
        .unwrap();
    let review = |tenant: &str| NewReview {
        request_id: Uuid::now_v7(),
        tenant: Some(tenant.into()),
        app: None,
        user: Some("u".into()),
        reason: "policy".into(),
        rule: Some("cn/x@1".into()),
        input: "等待复核的原文".into(),
        output: String::new(),
        at_us: NOW,
    };
    let first = store.add_review(review("a")).await.unwrap();
    let second = store.add_review(review("b")).await.unwrap();
    assert!(second > first);
    let open_ones = store.reviews(ReviewState::Open, None, 0, 10, true).await.unwrap();
    assert_eq!(open_ones.len(), 2);
    assert_eq!(open_ones[0].input.as_deref(), Some("等待复核的原文"));
    assert_eq!(open_ones[0].created_at, "2025-01-01T00:00:00.000000Z");
    assert_eq!(store.reviews(ReviewState::Open, Some("b"), 0, 10, false).await.unwrap()[0].input, None);
    assert_eq!(store.reviews(ReviewState::All, None, first, 10, false).await.unwrap()[0].id, second);

    store.resolve_review(first, Decision::Released, Some("无害".into()), "alice", NOW + 1).await.unwrap();
    let again = store.resolve_review(first, Decision::Upheld, None, "bob", NOW + 2).await;
    assert!(matches!(again, Err(Error::NotFound { .. })));
    let decided = store.reviews(ReviewState::Decided, None, 0, 10, false).await.unwrap();
    assert_eq!(
        (decided.len(), decided[0].decision, decided[0].decided_by.as_deref()),
        (1, Some(Decision::Released), Some("alice"))
    );
    assert_eq!(events(&store, "review.resolve").await, 1);
    store.close().await.unwrap();
    let bytes = std::fs::read(dir.path().join("menshen.db")).unwrap();
    assert!(!bytes.windows(6).any(|w| w == "原文".as_bytes()));
}

/// A refused change leaves the records that share its commit alone, and the chain whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_does_not_touch_its_neighbors() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut tasks = Vec::new();
    for n in 0..60 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            if n % 3 == 0 {
                let refused = store.resolve_review(n, Decision::Upheld, None, "alice", NOW).await;
                assert!(matches!(refused, Err(Error::NotFound { .. })));
            } else {
                assert!(matches!(store.record(full_entry(n)).await.unwrap(), Receipt::Durable { .. }));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.rows, 41);
    store.close().await.unwrap();
}

#[tokio::test]
async fn usage_adds_up_by_key_and_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.add_usage("k", 10, 5, NOW);
    let today = store.add_usage("k", 1, 2, NOW + 1);
    assert_eq!(today, Usage { requests: 2, input_tokens: 11, output_tokens: 7 });
    assert_eq!(today.tokens(), 18);
    assert_eq!(store.tokens_last_minute("k", NOW + 2), 18);
    store.add_usage("other", 1, 0, NOW);
    store.add_usage("k", 3, 3, NOW + DAY);
    let day = store.day(NOW);
    let listed = store.usage(Some("k"), day, day + 1).await.unwrap();
    assert_eq!(listed.iter().map(|u| (u.day - day, u.usage.tokens())).collect::<Vec<_>>(), [(0, 18), (1, 6)]);
    assert_eq!(store.usage(None, day, day).await.unwrap().len(), 2);
    store.add_usage("k", 4, 0, NOW + DAY);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(store.usage_today("k", NOW + DAY), Usage { requests: 2, input_tokens: 7, output_tokens: 3 });
    assert_eq!(store.usage_today("k", NOW), Usage::default());
    store.close().await.unwrap();
}

#[tokio::test]
async fn usage_reaches_the_disk_without_records() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.add_usage("k", 10, 5, NOW);
    let began = std::time::Instant::now();
    loop {
        let mut conn = crate::folder::raw(dir.path()).await;
        let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM usage").fetch_one(&mut conn).await.unwrap();
        if rows == 1 {
            break;
        }
        assert!(began.elapsed().as_secs() < 20, "never written");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    store.close().await.unwrap();
}

/// A gateway awaits these inside handlers that move between threads.
#[tokio::test]
async fn every_future_may_move_between_threads() {
    fn may_move<T: Send>(_: &T) {}
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    may_move(&store.record(full_entry(1)));
    may_move(&store.strike("t", "u", true, None, NOW));
    may_move(&store.create_key(new_key("a"), "admin", NOW));
    may_move(&store.verify());
    may_move(&store.prune(NOW));
    may_move(&store.reviews(ReviewState::Open, None, 0, 1, true));
    may_move(&store.usage(None, 0, 1));
    let mut sink = Vec::new();
    may_move(&store.export(&Filter::default(), true, &mut sink));
    may_move(&Store::open(dir.path(), Options::default()));
    may_move(&store.close());
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_agreement_holds_for_its_user_or_the_whole_application_until_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    let store = open(dir.path()).await;
    let new = |user: Option<&str>, until_us| NewAgreement {
        tenant: "t".into(),
        app: "a".into(),
        user: user.map(Into::into),
        terms: "terms 2026-01".into(),
        until_us,
    };
    assert_eq!(store.agreement("t", "a", Some("u"), now), None);
    let first = store.agree(new(Some("u"), Some(now + DAY)), "alice", now).await.unwrap();
    assert_eq!(store.agreement("t", "a", Some("u"), now).as_deref(), Some(&first));
    assert_eq!(store.agreement("t", "a", Some("u"), now + DAY), None, "it ends");
    assert_eq!(store.agreement("t", "a", Some("v"), now), None);
    assert_eq!(store.agreement("t", "a", None, now), None);
    assert_eq!(store.agreement("t", "b", Some("u"), now), None);
    assert_eq!(store.agreement("other", "a", Some("u"), now), None);

    let all = store.agree(new(None, None), "alice", now).await.unwrap();
    assert_eq!(store.agreement("t", "a", Some("v"), now).as_deref(), Some(&all));
    let second = store.agree(new(Some("u"), None), "bob", now + 1).await.unwrap();
    assert_eq!(store.agreement("t", "a", Some("u"), now + 2 * DAY).as_deref(), Some(&second));
    assert_eq!(store.agreements(false).await.unwrap(), [all.clone(), second.clone()]);
    assert_eq!(store.agreements(true).await.unwrap()[0].withdrawn_by.as_deref(), Some("bob"), "it was replaced");
    store.close().await.unwrap();

    let store = open(dir.path()).await;
    assert_eq!(store.agreement("t", "a", Some("u"), now + 2).as_deref(), Some(&second));
    store.withdraw(&second.id, "bob", now + 3).await.unwrap();
    assert_eq!(store.agreement("t", "a", Some("u"), now + 4).as_deref(), Some(&all), "the application's still holds");
    assert!(matches!(store.withdraw(&second.id, "bob", now + 5).await, Err(Error::NotFound { .. })));
    store.withdraw(&all.id, "bob", now + 5).await.unwrap();
    assert_eq!(store.agreement("t", "a", Some("u"), now + 6), None);
    assert_eq!(store.agreements(true).await.unwrap().len(), 3, "rows stay as evidence");
    assert_eq!((events(&store, "agreement.record").await, events(&store, "agreement.withdraw").await), (3, 3));
    for bad in [
        NewAgreement { terms: " ".into(), ..new(None, None) },
        NewAgreement { user: Some(String::new()), ..new(None, None) },
        NewAgreement { until_us: Some(now), ..new(None, None) },
    ] {
        assert!(matches!(store.agree(bad, "alice", now).await, Err(Error::Invalid { .. })));
    }
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}
