//! What retention removes, and that the rest still stands.

use menshen_store::{Broken, Error, Filter, NewReview, Options, Reason, ReviewState, Store};
use sqlx::Connection;
use uuid::Uuid;

use crate::folder::{DAY, broken, full_entry, open, raw, run, tampered, verify};

/// A folder with records of three ages, pruned so that the oldest are gone.
async fn pruned() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let now = now_us();
    for (count, age) in [(30, 400), (20, 184), (10, 182)] {
        for n in 0..count {
            let mut entry = full_entry(n);
            entry.at_us = now - age * DAY + n;
            store.record(entry).await.unwrap();
        }
    }
    // The genesis record is new, so nothing behind it could go; in a real folder it is the oldest.
    store.close().await.unwrap();
    let mut conn = crate::folder::unguarded(dir.path()).await;
    run(&mut conn, &format!("UPDATE audit SET at_us = {} WHERE seq = 0", now - 500 * DAY)).await;
    reseal(&mut conn, dir.path()).await;
    conn.close().await.unwrap();
    let store = open(dir.path()).await;
    (dir, store)
}

fn now_us() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
}

/// Makes the chain anew with the folder's key, as if the records had been written long ago: the test's time machine.
async fn reseal(conn: &mut sqlx::sqlite::SqliteConnection, dir: &std::path::Path) {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;
    use sqlx::Row;
    let mac = |key: &[u8], parts: &[&[u8]]| -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        parts.iter().for_each(|p| mac.update(p));
        mac.finalize().into_bytes().to_vec()
    };
    let hex = std::fs::read_to_string(dir.join("audit.key")).unwrap();
    let root: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    let key = mac(&root, &[b"menshen audit seal v1"]);
    crate::folder::rewrite_chain(conn).await;
    let rows = sqlx::query("SELECT seq, hash FROM audit ORDER BY seq").fetch_all(&mut *conn).await.unwrap();
    let mut last = None;
    for row in rows {
        let (seq, hash): (i64, Vec<u8>) = (row.get(0), row.get(1));
        let seal = mac(&key, &[b"row\0", &seq.to_le_bytes(), &hash]);
        sqlx::query("UPDATE audit SET seal = ? WHERE seq = ?").bind(seal).bind(seq).execute(&mut *conn).await.unwrap();
        last = Some((seq, hash));
    }
    let (seq, hash) = last.unwrap();
    let seal = mac(&key, &[b"head\0", &seq.to_le_bytes(), &hash]);
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    std::fs::write(dir.join("audit.head"), format!("menshen-audit-head v1 {seq} {} {}\n", hex(&hash), hex(&seal)))
        .unwrap();
}

#[tokio::test]
async fn what_has_had_its_time_goes_and_the_rest_verifies() {
    let (dir, store) = pruned().await;
    assert_eq!(store.verify().await.unwrap().rows, 61);
    let now = now_us();
    let done = store.prune(now).await.unwrap();
    assert_eq!((done.rows, done.through), (51, Some(50)));
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.first, report.last, report.rows, report.pruned), (Some(51), Some(61), 11, 51));
    let told = store.records(&Filter { kind: Some("system".into()), ..Filter::default() }, None, 10).await.unwrap();
    assert_eq!(told[0].event.as_deref(), Some("retention.prune"));
    assert_eq!(told[0].verdict["rows"], 51);

    assert_eq!(store.prune(now).await.unwrap().rows, 0);
    store.record(full_entry(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(verify(dir.path()).await.is_whole());
}

#[tokio::test]
async fn everything_may_go_and_the_chain_goes_on() {
    let (dir, store) = pruned().await;
    let done = store.prune(now_us() + 300 * DAY).await.unwrap();
    assert_eq!(done.rows, 61);
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.first, report.rows), (Some(61), 1));
    store.record(full_entry(1)).await.unwrap();
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    store.record(full_entry(2)).await.unwrap();
    // The second time the anchor moves on.
    let done = store.prune(now_us() + 900 * DAY).await.unwrap();
    assert_eq!((done.rows, done.through), (3, Some(63)));
    assert_eq!(store.verify().await.unwrap().pruned, 64);
    store.close().await.unwrap();
    assert!(verify(dir.path()).await.is_whole());
}

#[tokio::test]
async fn a_crash_right_after_everything_went_is_no_tampering() {
    let (dir, store) = pruned().await;
    let head = std::fs::read(dir.path().join("audit.head")).unwrap();
    store.prune(now_us() + 300 * DAY).await.unwrap();
    store.close().await.unwrap();
    std::fs::write(dir.path().join("audit.head"), head).unwrap();
    let report = verify(dir.path()).await;
    assert!(report.is_whole(), "{report:?}");
    open(dir.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn old_rows_hide_no_younger_ones() {
    // A clock that was set back must not take younger records along.
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut old = full_entry(1);
    old.at_us = 0;
    store.record(old).await.unwrap();
    assert_eq!(store.prune(now_us()).await.unwrap().rows, 0);
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_anchor_cannot_be_removed_or_altered() {
    let (dir, store) = pruned().await;
    store.prune(now_us()).await.unwrap();
    store.close().await.unwrap();
    let mut conn = raw(dir.path()).await;
    for sql in ["DELETE FROM audit_anchor", "UPDATE audit_anchor SET through = 3", "DELETE FROM audit WHERE seq = 55"] {
        assert!(sqlx::query(sql).execute(&mut conn).await.is_err(), "{sql}");
    }
    conn.close().await.unwrap();

    let anchor_gone = tampered(dir.path(), &["DELETE FROM audit_anchor"]).await;
    assert_eq!(broken(anchor_gone.path()).await, Broken { seq: 51, reason: Reason::AnchorMissing });
    for sql in [
        "UPDATE audit_anchor SET through = 52",
        "UPDATE audit_anchor SET hash = zeroblob(32)",
        "UPDATE audit_anchor SET hash = X'00'",
        "UPDATE audit_anchor SET pruned = 1",
        "UPDATE audit_anchor SET pruned_us = 1",
        "UPDATE audit_anchor SET seal = zeroblob(32)",
    ] {
        let bent = tampered(dir.path(), &[sql]).await;
        assert_eq!(broken(bent.path()).await, Broken { seq: 0, reason: Reason::AnchorForged }, "{sql}");
        assert!(matches!(Store::open(bent.path(), Options::default()).await, Err(Error::Tampered { .. })), "{sql}");
        let accepting = Options { accept_break: true, ..Options::default() };
        let store = Store::open(bent.path(), accepting).await.unwrap();
        store.record(full_entry(1)).await.unwrap();
        store.close().await.unwrap();
        assert_eq!(broken(bent.path()).await.reason, Reason::AnchorForged, "{sql}");
    }
    let more_gone = tampered(dir.path(), &["DELETE FROM audit WHERE seq = 51"]).await;
    assert_eq!(broken(more_gone.path()).await, Broken { seq: 51, reason: Reason::Missing { next: 52 } });
}

#[tokio::test]
async fn an_anchor_that_no_record_tells_of_is_named_even_without_the_key() {
    let (dir, store) = pruned().await;
    store.prune(now_us()).await.unwrap();
    store.close().await.unwrap();
    std::fs::remove_file(dir.path().join("audit.key")).unwrap();
    assert!(verify(dir.path()).await.is_whole());
    let bent = tampered(
        dir.path(),
        &[
            "UPDATE audit_anchor SET through = 53, hash = (SELECT hash FROM audit WHERE seq = 53)",
            "DELETE FROM audit WHERE seq <= 53",
        ],
    )
    .await;
    let expected = Broken { seq: 54, reason: Reason::AnchorUnrecorded { through: 53 } };
    assert_eq!(broken(bent.path()).await, expected);
}

#[tokio::test]
async fn retention_clears_what_stands_beside_the_audit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let now = now_us();
    for (age, reason) in [(200, "old"), (1, "new")] {
        let review = NewReview {
            request_id: Uuid::now_v7(),
            tenant: None,
            app: None,
            user: None,
            reason: reason.into(),
            rule: None,
            input: "x".into(),
            output: String::new(),
            at_us: now - age * DAY,
        };
        store.add_review(review).await.unwrap();
        store.add_usage("k", 1, 1, now - age * DAY);
        store.flush().await.unwrap();
    }
    store.prune(now).await.unwrap();
    let reviews = store.reviews(ReviewState::All, None, 0, 10, false).await.unwrap();
    assert_eq!(reviews.iter().map(|r| r.reason.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(store.usage(None, 0, i64::MAX).await.unwrap().len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn six_months_is_the_least() {
    let dir = tempfile::tempdir().unwrap();
    let error = Store::open(dir.path(), Options { retention_days: 182, ..Options::default() }).await.unwrap_err();
    assert!(matches!(error, Error::RetentionTooShort { days: 182, min: 183 }));
    assert!(error.to_string().contains("six months"));
}
