//! Recording, reading back, exporting.

use std::collections::HashSet;

use menshen_store::{
    Archive, Durability, Entry, EntryKind, Error, Filter, KeySource, Options, Receipt, RecordText, Store, Text,
    TextRetention,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::folder::{NOW, full_entry, open, raw};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_concurrent_records_each_have_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut tasks = Vec::new();
    for n in 0..1000 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move { store.record(full_entry(n)).await.unwrap() }));
    }
    let mut places = HashSet::new();
    for task in tasks {
        let Receipt::Durable { seq, .. } = task.await.unwrap() else { panic!("not durable") };
        assert!(places.insert(seq));
    }
    assert_eq!(places, (1..=1000).collect());
    let health = store.health();
    assert_eq!((health.queued_records, health.queued_bytes, health.last_seq), (0, 0, 1000));
    assert!(health.commits < 500, "records share commits: {}", health.commits);
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.rows, 1001);
    store.close().await.unwrap();
    assert!(matches!(store.record(full_entry(0)).await, Err(Error::Closed)));
    store.close().await.unwrap();
}

#[tokio::test]
async fn receipts_name_the_rows_and_their_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entry = full_entry(7);
    let id = entry.request_id;
    let Receipt::Durable { seq, hash } = store.record(entry).await.unwrap() else { panic!("not durable") };
    let records = store.archive().request(id, true).await.unwrap();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.seq, seq);
    assert_eq!(record.hash, hash.iter().map(|b| format!("{b:02x}")).collect::<String>());
    assert_eq!(record.text, RecordText::Decrypted { input: "问题7".into(), output: "回答7".into() });
    assert_eq!(record.verdict, json!({"risk": {"score": 0.5}}));
    assert_eq!((record.side.as_deref(), record.outcome.as_deref()), (Some("input"), Some("intervened")));
    store.close().await.unwrap();
}

#[tokio::test]
async fn windowed_records_are_there_after_closing_and_after_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Windowed { ms: 60_000 }, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    for n in 0..10 {
        assert_eq!(store.record(full_entry(n)).await.unwrap(), Receipt::Queued);
    }
    assert_eq!(store.health().last_seq, 0);
    store.flush().await.unwrap();
    assert_eq!(store.health().last_seq, 10);
    for n in 0..300 {
        store.record(full_entry(n)).await.unwrap();
    }
    let began = std::time::Instant::now();
    store.close().await.unwrap();
    assert!(began.elapsed().as_secs() < 30, "closing does not wait for the window");
    let store = open(dir.path()).await;
    assert_eq!(store.verify().await.unwrap().rows, 311);
    store.close().await.unwrap();
}

#[tokio::test]
async fn windowed_records_reach_the_disk_within_their_window() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Windowed { ms: 30 }, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    store.record(full_entry(0)).await.unwrap();
    let began = std::time::Instant::now();
    while store.health().last_seq == 0 {
        assert!(began.elapsed().as_secs() < 10, "never written");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn dropping_the_store_still_writes_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Windowed { ms: 60_000 }, ..Options::default() };
    let store = Store::open(dir.path(), options).await.unwrap();
    for n in 0..5 {
        store.record(full_entry(n)).await.unwrap();
    }
    drop(store);
    let began = std::time::Instant::now();
    let store = loop {
        match Store::open(dir.path(), Options::default()).await {
            Ok(store) => break store,
            Err(Error::InUse { .. }) => assert!(began.elapsed().as_secs() < 10, "the lock is never let go"),
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(store.verify().await.unwrap().rows, 6);
    store.close().await.unwrap();
}

#[tokio::test]
async fn texts_are_kept_as_the_operator_says() {
    let plain = || Some(Text::Plain { input: "身份证号秘密".into(), output: "好的秘密".into() });
    let redacted = || Some(Text::Redacted { input: "身份证号[ID]".into(), output: "好的".into() });
    let redacted_record = RecordText::Redacted { input: "身份证号[ID]".into(), output: "好的".into() };
    let opened = RecordText::Decrypted { input: "身份证号秘密".into(), output: "好的秘密".into() };
    for (retention, text, expected) in [
        (TextRetention::Encrypted, plain(), opened),
        (TextRetention::Redacted, plain(), RecordText::Omitted),
        (TextRetention::Redacted, redacted(), redacted_record),
        (TextRetention::Omitted, plain(), RecordText::Omitted),
        (TextRetention::Omitted, redacted(), RecordText::Omitted),
        (TextRetention::Encrypted, None, RecordText::Omitted),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options { text: retention, ..Options::default() }).await.unwrap();
        let mut entry = Entry::request(Uuid::now_v7(), NOW);
        entry.text = text;
        assert!(!format!("{entry:?}").contains("秘密"));
        let id = entry.request_id;
        store.record(entry).await.unwrap();
        assert_eq!(store.archive().request(id, true).await.unwrap()[0].text, expected);
        store.close().await.unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows("秘密".len()).any(|w| w == "秘密".as_bytes()));
        }
    }
}

#[tokio::test]
async fn the_export_is_json_lines_with_times_people_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..50 {
        store.record(full_entry(n * 1_000_000)).await.unwrap();
    }
    store.record(Entry::event(EntryKind::Admin, "config.reload", NOW, json!({"ok": true}))).await.unwrap();

    let lines = async |filter: &Filter, decrypt: bool| -> Vec<Value> {
        let mut out = Vec::new();
        let count = store.export(filter, decrypt, &mut out).await.unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, count);
        lines
    };
    let all = lines(&Filter::default(), false).await;
    assert_eq!(all.len(), 52);
    assert_eq!(all[0]["event"], "genesis");
    assert_eq!(all[8]["at"], "2025-01-01T00:00:07.000000Z");
    assert_eq!(all[8]["seq"], 8);
    assert_eq!(all[8]["attempts"][0]["status"], 502);
    assert_eq!(all[8]["text"]["mode"], "encrypted");
    assert!(all[8]["text"].get("input").is_none());
    assert_eq!(all[8]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(all[51]["verdict"], json!({"ok": true}));

    let second = 1_000_000;
    let some = Filter { from_us: Some(NOW + 10 * second), to_us: Some(NOW + 13 * second), ..Filter::default() };
    let opened = lines(&some, true).await;
    assert_eq!(opened.len(), 3);
    assert_eq!(opened[0]["text"], json!({"mode": "decrypted", "input": "问题10000000", "output": "回答10000000"}));

    let admin = Filter { kind: Some("admin".into()), ..Filter::default() };
    assert_eq!(lines(&admin, false).await.len(), 1);
    let nobody = Filter { tenant: Some("x".into()), ..Filter::default() };
    assert_eq!(lines(&nobody, false).await.len(), 0);

    let page = store.records(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(page.iter().map(|r| r.seq).collect::<Vec<_>>(), (42..=51).rev().collect::<Vec<_>>());
    let next =
        store.records(&Filter { user: Some("user3000000".into()), ..Filter::default() }, Some(42), 10).await.unwrap();
    assert_eq!(next.iter().map(|r| r.seq).collect::<Vec<_>>(), [4]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn an_archive_reads_beside_a_running_store_and_without_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let entry = full_entry(1);
    let id = entry.request_id;
    store.record(entry).await.unwrap();
    let archive = Archive::open(dir.path(), &KeySource::Folder).await.unwrap();
    assert!(archive.verify().await.unwrap().is_whole());
    let began = std::time::Instant::now();
    while archive.head().unwrap().map(|h| h.seq) != Some(1) {
        assert!(began.elapsed().as_secs() < 10, "the head file never follows");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    store.record(full_entry(2)).await.unwrap();
    assert_eq!(archive.verify().await.unwrap().rows, 3);
    archive.close().await;

    let key = dir.path().join("audit.key");
    let away = dir.path().join("elsewhere.key");
    std::fs::rename(&key, &away).unwrap();
    let archive = Archive::open(dir.path(), &KeySource::Folder).await.unwrap();
    assert!(archive.verify().await.unwrap().is_whole());
    assert!(matches!(archive.request(id, false).await.unwrap()[0].text, RecordText::Encrypted { .. }));
    assert!(matches!(archive.request(id, true).await, Err(Error::KeyMissing { .. })));
    archive.close().await;
    let archive = Archive::open(dir.path(), &KeySource::File(away)).await.unwrap();
    assert!(matches!(archive.request(id, true).await.unwrap()[0].text, RecordText::Decrypted { .. }));
    archive.close().await;
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_text_moved_to_another_row_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (a, b) = (full_entry(1), full_entry(2));
    let id = b.request_id;
    store.record(a).await.unwrap();
    store.record(b).await.unwrap();
    store.close().await.unwrap();
    let mut conn = raw(dir.path()).await;
    crate::folder::run(&mut conn, "DROP TRIGGER audit_no_update").await;
    crate::folder::run(&mut conn, "UPDATE audit SET input = (SELECT input FROM audit WHERE seq = 1) WHERE seq = 2")
        .await;
    let archive = Archive::open(dir.path(), &KeySource::Folder).await.unwrap();
    assert!(matches!(archive.request(id, true).await, Err(Error::Sealed { .. })));
    let mut out = Vec::new();
    assert!(matches!(archive.export(&Filter::default(), true, &mut out).await, Err(Error::Sealed { .. })));
    assert_eq!(String::from_utf8(out).unwrap().lines().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn verifying_beside_writers_sees_no_break() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..60 {
                    store.record(full_entry(n)).await.unwrap();
                }
            })
        })
        .collect();
    let archive = Archive::open(dir.path(), &KeySource::Folder).await.unwrap();
    let mut rounds = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let report = archive.verify().await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        rounds += 1;
    }
    assert!(rounds > 0);
    for writer in writers {
        writer.await.unwrap();
    }
    archive.close().await;
    store.close().await.unwrap();
}
