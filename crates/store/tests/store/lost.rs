//! The database is lost under a running store: removed, moved, replaced, cut short. Nothing is acknowledged that nobody
//! finds again, and what comes back is taken up without a restart.

use std::path::Path;
use std::time::{Duration, Instant};

use menshen_store::{Error, Options, Receipt, Store};

use sha2::Digest as _;

use crate::folder::{filled, full_entry, open};

/// Polls until the store says what is asked; a loaded machine takes its time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn refused(store: &Store, word: &str) {
    let error = store.record(full_entry(1)).await.unwrap_err();
    assert!(matches!(error, Error::Displaced { .. }), "{error:?}");
    assert!(error.to_string().contains(word) && error.to_string().contains("menshen restore"), "{error}");
    assert!(matches!(store.health().failing, Some(Error::Displaced { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_moved_away_takes_no_record_and_goes_on_when_it_is_back() {
    let outer = tempfile::tempdir().unwrap();
    let (here, there) = (outer.path().join("data"), outer.path().join("moved"));
    let store = open(&here).await;
    store.record(full_entry(1)).await.unwrap();
    std::fs::rename(&here, &there).unwrap();
    // Nobody has to ask for it to be noticed.
    until("it is noticed", || store.health().failing.is_some()).await;
    refused(&store, "is gone").await;
    std::fs::rename(&there, &here).unwrap();
    // Nor for it to be over: who stays away from an unready gateway does not keep it unready.
    until("it goes on", || store.health().failing.is_none()).await;
    let Receipt::Durable { seq, .. } = store.record(full_entry(2)).await.unwrap() else { panic!("strict") };
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert!(seq >= 2 && report.last == Some(seq), "{report:?}");
    assert!(store.health().failed_us.is_some());
    store.close().await.unwrap();
    open(&here).await.close().await.unwrap();
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    ["menshen.db", "menshen.db-wal", "menshen.db-shm"].iter().map(|name| dir.join(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_replaced_or_shortened_database_takes_no_record() {
    let dir = filled(3).await;
    let store = open(dir.path()).await;
    store.record(full_entry(4)).await.unwrap();
    for file in files(dir.path()) {
        std::fs::remove_file(file).unwrap();
    }
    refused(&store, "is gone").await;
    store.close().await.unwrap();
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");

    let (dir, other) = (filled(3).await, filled(5).await);
    let store = open(dir.path()).await;
    std::fs::rename(other.path().join("menshen.db"), dir.path().join("menshen.db")).unwrap();
    refused(&store, "was replaced").await;
    drop(store);

    let dir = filled(3).await;
    let store = open(dir.path()).await;
    let file = std::fs::OpenOptions::new().write(true).open(dir.path().join("menshen.db")).unwrap();
    file.set_len(4096).unwrap();
    refused(&store, "was cut short").await;
    drop(store);
}

/// Another folder is put where this one was: nothing of it is touched, not even by closing.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_the_place_of_this_one_is_left_as_it_is() {
    let outer = tempfile::tempdir().unwrap();
    let (here, there, other) = (outer.path().join("data"), outer.path().join("moved"), filled(3).await);
    let second = open(other.path()).await;
    second.record(full_entry(4)).await.unwrap();
    // As a crash leaves it, with its newest record in the log.
    let crashed = crate::folder::copy(other.path());
    second.close().await.unwrap();
    let store = open(&here).await;
    store.record(full_entry(1)).await.unwrap();
    crate::folder::settled(&here).await;
    std::fs::rename(&here, &there).unwrap();
    std::fs::rename(crashed.path(), &here).unwrap();
    let names = ["menshen.db", "menshen.db-wal", "audit.head"];
    let content = || names.map(|name| (name, sha2::Sha256::digest(std::fs::read(here.join(name)).unwrap())));
    let before = content();
    refused(&store, "was replaced").await;
    store.close().await.unwrap();
    assert_eq!(before, content(), "a file of the other folder changed");
    let other = open(&here).await;
    assert_eq!(other.health().last_seq, 4, "an acknowledged record of the other folder is lost");
    assert!(other.verify().await.unwrap().is_whole());
    other.close().await.unwrap();
    let report = crate::folder::verify(&there).await;
    assert!(report.is_whole() && report.last == Some(1), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_takes_no_record() {
    let dir = filled(3).await;
    let store = open(dir.path()).await;
    store.record(full_entry(4)).await.unwrap();
    std::fs::remove_file(dir.path().join("menshen.db-wal")).unwrap();
    refused(&store, "is gone").await;
    drop(store);
}

/// SQLite throws a log away that lies beside an empty database, and with it what was acknowledged last.
#[tokio::test]
async fn a_log_without_its_database_is_kept_whatever_is_accepted() {
    let dir = filled(3).await;
    let store = open(dir.path()).await;
    store.record(full_entry(4)).await.unwrap();
    // As a crash leaves it: the newest record is in the log alone.
    let crashed = crate::folder::copy(dir.path());
    store.close().await.unwrap();
    let (database, log) = (crashed.path().join("menshen.db"), crashed.path().join("menshen.db-wal"));
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    let away = crashed.path().join("away");
    std::fs::rename(&database, &away).unwrap();
    for accept_break in [false, true] {
        let error = Store::open(crashed.path(), Options { accept_break, ..Options::default() }).await.unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error}");
    }
    std::fs::rename(&away, &database).unwrap();
    let store = open(crashed.path()).await;
    assert_eq!(store.health().last_seq, 4, "an acknowledged record is lost");
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

/// The store must not answer from figures of a day that is over, nor forget those of this one.
#[tokio::test]
async fn a_users_requests_of_a_day_are_counted_from_the_record() {
    use crate::folder::{DAY, NOW};
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let ask = async |user: &str, at_us: i64, status: u16| {
        let mut entry = full_entry(0);
        (entry.at_us, entry.user, entry.status) = (at_us, Some(user.into()), Some(status));
        store.record(entry).await.unwrap();
    };
    for (user, at_us, status) in
        [("ann", NOW, 200), ("ann", NOW + 1, 400), ("ann", NOW + 2, 403), ("ann", NOW - DAY, 200), ("bob", NOW, 200)]
    {
        ask(user, at_us, status).await;
    }
    let count =
        async |app: &str, user: &str, at_us: i64| store.requests_on_day("acme", app, user, at_us).await.unwrap();
    assert_eq!(count("shop", "ann", NOW).await, 2);
    assert_eq!(count("shop", "ann", NOW - DAY).await, 1);
    assert_eq!((count("shop", "eve", NOW).await, count("desk", "ann", NOW).await), (0, 0));
    store.close().await.unwrap();
}
