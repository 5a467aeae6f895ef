//! What the machine does to the store: full and read-only disks, other processes, lost keys.

use std::path::Path;
use std::time::Duration;

use menshen_store::{Durability, Error, Key, KeySource, Options, Receipt, Store};
use sqlx::Connection;

use crate::folder::{filled, full_entry, open, raw, verify};

const CHILD: &str = "MENSHEN_STORE_CHILD_RIGHTS";

#[tokio::test]
async fn a_full_disk_is_said_and_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { max_bytes: Some(1200 << 10), ..Options::default() };
    let store = Store::open(dir.path(), options()).await.unwrap();
    let mut taken = 0;
    let error = loop {
        match store.record(full_entry(taken)).await {
            Ok(Receipt::Durable { seq, .. }) => {
                taken += 1;
                assert_eq!(seq, taken as u64);
            }
            Ok(Receipt::Queued) => panic!("strict"),
            Err(error) => break error,
        }
        assert!(taken < 100_000, "the limit is not kept");
    };
    assert!(taken > 50, "{taken}");
    assert!(matches!(error, Error::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("full") && error.is_transient());
    assert!(matches!(store.health().failing, Some(Error::Full { .. })));
    // Still readable, still whole, still refusing.
    assert!(store.record(full_entry(taken)).await.is_err());
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.rows, taken as u64 + 1);
    store.close().await.unwrap();

    let store = open(dir.path()).await;
    let Receipt::Durable { seq, .. } = store.record(full_entry(0)).await.unwrap() else { panic!("strict") };
    assert_eq!(seq, taken as u64 + 1);
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn windowed_records_on_a_full_disk_are_counted_as_lost_when_closing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        durability: Durability::Windowed { ms: 10 },
        max_bytes: Some(1000 << 10),
        queue_records: 100,
        ..Options::default()
    };
    let store = Store::open(dir.path(), options).await.unwrap();
    let began = std::time::Instant::now();
    let error = loop {
        match store.record(full_entry(1)).await {
            // On a busy machine the queue fills because the writer is slow, too: that is not what is asked here.
            Err(error) if store.health().failing.is_some() => break error,
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
        assert!(began.elapsed().as_secs() < 60, "the queue never fills");
    };
    assert!(matches!(error, Error::QueueFull { records: 100, .. }), "{error:?}");
    let waiting = store.health().queued_records;
    let lost = store.close().await.unwrap_err();
    assert!(matches!(&lost, Error::Lost { records, .. } if *records == waiting), "{lost:?} of {waiting}");
    let report = verify(dir.path()).await;
    assert!(report.is_whole(), "{report:?}");
}

/// Another program holds the database: records wait, the queue fills, and when it is over everything is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_an_error_at_once_and_what_was_queued_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { queue_records: 8, ..Options::default() }).await.unwrap();
    let mut conn = raw(dir.path()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await.unwrap();
    let waiting: Vec<_> = (0..8).map(|n| store.record(full_entry(n))).collect();
    let began = std::time::Instant::now();
    let error = store.record(full_entry(9)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "a full queue must not wait");
    assert!(matches!(error, Error::QueueFull { records: 8, .. }), "{error:?}");
    sqlx::query("ROLLBACK").execute(&mut conn).await.unwrap();
    for record in waiting {
        record.await.unwrap();
    }
    let health = store.health();
    assert_eq!((health.last_seq, health.queued_records, health.queued_bytes), (8, 0, 0));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_bounded_in_bytes_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { queue_bytes: 100_000, ..Options::default() }).await.unwrap();
    let mut conn = raw(dir.path()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await.unwrap();
    let large = || {
        let mut entry = full_entry(1);
        entry.error = Some("x".repeat(200_000));
        entry
    };
    let first = store.record(large());
    assert!(matches!(store.record(large()).await, Err(Error::QueueFull { records: 1, .. })));
    sqlx::query("ROLLBACK").execute(&mut conn).await.unwrap();
    first.await.unwrap();
    store.record(large()).await.unwrap();
    store.close().await.unwrap();
}

/// A database that refuses for longer than SQLite waits: strict callers are told, windowed records are kept.
#[tokio::test(flavor = "multi_thread")]
async fn windowed_records_outlast_a_database_that_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Windowed { ms: 10 }, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    let mut conn = raw(dir.path()).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut conn).await.unwrap();
    for n in 0..10 {
        store.record(full_entry(n)).await.unwrap();
    }
    let began = std::time::Instant::now();
    while store.health().failing.is_none() {
        assert!(began.elapsed().as_secs() < 30, "the failure is never said");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sqlx::query("ROLLBACK").execute(&mut conn).await.unwrap();
    while store.health().last_seq < 10 {
        assert!(began.elapsed().as_secs() < 60, "the records are never written");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(store.health().failing.is_none());
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_second_opener_is_told_who_has_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("in use by another menshen process") && text.contains(&std::process::id().to_string()),
        "{text}"
    );
    store.close().await.unwrap();
    open(dir.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_lost_key_is_not_replaced() {
    let dir = filled(2).await;
    let path = dir.path().join("audit.key");
    let key = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(&error, Error::KeyMissing { .. }), "{error:?}");
    assert!(error.to_string().contains("audit.key") && error.to_string().contains("backup"), "{error}");
    assert!(!path.exists());

    let other = Options { key: KeySource::Given(Key::generate().unwrap()), ..Options::default() };
    let error = Store::open(dir.path(), other).await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");

    let same = Options { key: KeySource::Given(Key::from_hex(&key).unwrap()), ..Options::default() };
    let store = Store::open(dir.path(), same).await.unwrap();
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_key_may_live_on_another_disk() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = other.path().join("menshen.key");
    let options = || Options { key: KeySource::File(path.clone()), ..Options::default() };
    let store = Store::open(dir.path(), options()).await.unwrap();
    store.record(full_entry(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(path.exists() && !dir.path().join("audit.key").exists());
    Store::open(dir.path(), options()).await.unwrap().close().await.unwrap();
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::KeyMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("deep/data");
    let store = open(&dir).await;
    store.record(full_entry(1)).await.unwrap();
    store.flush().await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut seen = 0;
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "database, log, index, key, head, lock: {seen}");
    store.close().await.unwrap();
}

#[tokio::test]
async fn garbage_is_not_taken_for_a_database() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("menshen.db"),
        "this is not a database, but long enough to be looked at".repeat(100),
    )
    .unwrap();
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("menshen restore"), "{error}");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(Store::open(&file, Options::default()).await.is_err());
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let dir = filled(1).await;
    let mut conn = raw(dir.path()).await;
    let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', 1, X'00', 0)";
    sqlx::query(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Layout { .. }), "{error:?}");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for options in [
        Options { queue_records: 0, ..Options::default() },
        Options { queue_bytes: 0, ..Options::default() },
        Options { durability: Durability::Windowed { ms: 0 }, ..Options::default() },
        Options { durability: Durability::Windowed { ms: 60_001 }, ..Options::default() },
        Options { day_offset_min: 5000, ..Options::default() },
    ] {
        assert!(matches!(Store::open(dir.path(), options).await, Err(Error::Invalid { .. })));
    }
}

/// Not a test of its own: what a process without rights is told.
#[tokio::test]
#[ignore = "run by the test below as a process of its own"]
async fn child() {
    let dir = std::env::var(CHILD).unwrap();
    let dir = Path::new(&dir);
    let error = Store::open(&dir.join("readonly"), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("check its owner and rights"), "{error}");
    let error = Store::open(&dir.join("readonly/new"), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    // A copy kept as evidence can be read where it lies.
    let report = verify(&dir.join("evidence")).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.rows, 4);
    println!("child has seen it all");
}

#[test]
fn a_folder_without_rights_is_said_and_evidence_is_read_in_place() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let outer = tempfile::tempdir().unwrap();
    let set = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::create_dir(outer.path().join("readonly")).unwrap();
    let source = tokio::runtime::Runtime::new().unwrap().block_on(filled(3));
    let evidence = outer.path().join("evidence");
    std::fs::create_dir(&evidence).unwrap();
    for name in ["menshen.db", "audit.head", "audit.key"] {
        std::fs::copy(source.path().join(name), evidence.join(name)).unwrap();
    }
    // Root may write anywhere: then the child is somebody else, and runs a copy of this program that it may reach.
    let root = std::fs::metadata(outer.path()).unwrap().uid() == 0;
    let program = outer.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set(&program, 0o755);
    set(outer.path(), 0o755);
    const NOBODY: u32 = 65534;
    if root {
        std::os::unix::fs::chown(evidence.join("audit.key"), Some(NOBODY), Some(NOBODY)).unwrap();
        set(&evidence.join("menshen.db"), 0o644);
        set(&evidence.join("audit.head"), 0o644);
    }
    set(&evidence, 0o555);
    set(&outer.path().join("readonly"), 0o555);
    let mut command = std::process::Command::new(&program);
    command.args(["--exact", "faults::child", "--ignored", "--nocapture"]).env(CHILD, outer.path()).current_dir("/");
    if root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    set(&evidence, 0o755);
    set(&outer.path().join("readonly"), 0o755);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("seen it all"), "{text}");
}
