//! Everything that somebody with the files can do to them without the key, and that it is named.

use menshen_store::{Archive, Broken, Error, KeySource, Options, Reason, Store};
use sqlx::{Connection, Row};

use crate::folder::{broken, copy, filled, full_entry, open, raw, rewrite_chain, run, tampered, unguarded, verify};

#[tokio::test]
async fn an_untouched_folder_is_whole() {
    let dir = filled(8).await;
    let report = verify(dir.path()).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.rows, report.first, report.last, report.head_behind), (9, Some(0), Some(8), 0));
    assert!(report.sealed);
}

#[tokio::test]
async fn the_documented_encoding_is_the_one_in_use() {
    let dir = filled(3).await;
    let mut conn = unguarded(dir.path()).await;
    assert_eq!(rewrite_chain(&mut conn).await, Vec::<i64>::new());
}

#[tokio::test]
async fn every_altered_column_is_noticed_at_its_row() {
    let dir = filled(6).await;
    let mut conn = raw(dir.path()).await;
    let columns = sqlx::query("SELECT name, type, \"notnull\" FROM pragma_table_info('audit')")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    assert_eq!(columns.len(), 27);
    for column in columns {
        let (name, kind, not_null): (String, String, bool) = (column.get(0), column.get(1), column.get(2));
        if name == "seq" {
            continue;
        }
        let other = match kind.as_str() {
            "TEXT" => format!("{name} || 'x'"),
            "INTEGER" => format!("{name} + 1"),
            // Another first byte whatever it was: a hash, a seal and a sealed text begin with any byte.
            "BLOB" => format!(
                "CAST(CASE substr({name}, 1, 1) WHEN X'00' THEN X'01' ELSE X'00' END || substr({name}, 2) AS BLOB)"
            ),
            kind => panic!("{kind}"),
        };
        let mut values = vec![other];
        if !not_null {
            values.push("NULL".to_owned());
        }
        for value in values {
            let sql = format!("UPDATE audit SET {name} = {value} WHERE seq = 4");
            let bent = tampered(dir.path(), &[&sql]).await;
            let found = broken(bent.path()).await;
            let expected = if name == "seal" { Reason::Forged } else { Reason::Altered };
            assert_eq!(found, Broken { seq: 4, reason: expected }, "{sql}");
        }
    }
}

#[tokio::test]
async fn nothing_and_the_empty_text_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.record(menshen_store::Entry::request(uuid::Uuid::now_v7(), 1)).await.unwrap();
    store.close().await.unwrap();
    for value in ["tenant = ''", "input = X''", "packs = 'null'", "status = 0"] {
        let bent = tampered(dir.path(), &[&format!("UPDATE audit SET {value} WHERE seq = 1")]).await;
        assert_eq!(broken(bent.path()).await, Broken { seq: 1, reason: Reason::Altered }, "{value}");
    }
}

#[tokio::test]
async fn removed_swapped_and_inserted_rows_are_named() {
    let dir = filled(8).await;
    let cases: &[(&[&str], u64, Reason)] = &[
        (&["DELETE FROM audit WHERE seq = 4"], 4, Reason::Missing { next: 5 }),
        (&["DELETE FROM audit WHERE seq IN (4, 5)"], 4, Reason::Missing { next: 6 }),
        (&["DELETE FROM audit WHERE seq = 0"], 1, Reason::AnchorMissing),
        (&["DELETE FROM audit WHERE seq < 3"], 3, Reason::AnchorMissing),
        (&["DELETE FROM audit WHERE seq = 4", "UPDATE audit SET seq = seq - 1 WHERE seq > 4"], 4, Reason::Altered),
        (
            &[
                "UPDATE audit SET seq = -1 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = -1",
            ],
            3,
            Reason::Altered,
        ),
        (&["UPDATE audit SET seq = 1000 WHERE seq = 5"], 5, Reason::Missing { next: 6 }),
        (&["UPDATE audit SET seq = -7 WHERE seq = 5"], 0, Reason::Missing { next: u64::MAX }),
        (
            &[
                "CREATE TEMP TABLE t AS SELECT * FROM audit WHERE seq = 8",
                "UPDATE t SET seq = 9",
                "INSERT INTO audit SELECT * FROM t",
            ],
            9,
            Reason::Altered,
        ),
        (&["UPDATE audit SET hash = X'00' WHERE seq = 4"], 4, Reason::Unreadable { problem: String::new() }),
        (&["DELETE FROM audit WHERE seq >= 6"], 6, Reason::CutOff { head: 8 }),
        (&["DELETE FROM audit WHERE seq = 8"], 8, Reason::CutOff { head: 8 }),
        (&["DELETE FROM audit"], 0, Reason::CutOff { head: 8 }),
    ];
    for (statements, seq, reason) in cases {
        let bent = tampered(dir.path(), statements).await;
        let found = broken(bent.path()).await;
        match (&found.reason, reason) {
            (Reason::Unreadable { .. }, Reason::Unreadable { .. }) => assert_eq!(found.seq, *seq),
            // A negative place is read before all others.
            (Reason::Missing { .. } | Reason::AnchorMissing, Reason::Missing { next: u64::MAX }) => {}
            _ => assert_eq!((found.seq, &found.reason), (*seq, reason), "{statements:?}"),
        }
    }
}

#[tokio::test]
async fn a_chain_rewritten_without_the_key_is_noticed() {
    let dir = filled(8).await;
    let bent = copy(dir.path());
    let mut conn = unguarded(bent.path()).await;
    run(&mut conn, "UPDATE audit SET outcome = 'allowed' WHERE seq = 4").await;
    assert_eq!(rewrite_chain(&mut conn).await, [4, 5, 6, 7, 8]);
    conn.close().await.unwrap();
    assert_eq!(broken(bent.path()).await, Broken { seq: 4, reason: Reason::Forged });

    // Without the key the seals say nothing, but the head file still does.
    std::fs::remove_file(bent.path().join("audit.key")).unwrap();
    let archive = Archive::open(bent.path(), &KeySource::Folder).await.unwrap();
    assert!(!archive.has_key());
    let report = archive.verify().await.unwrap();
    assert!(!report.sealed);
    assert_eq!(report.broken, Some(Broken { seq: 8, reason: Reason::HeadDiffers }));
}

#[tokio::test]
async fn the_head_file_cannot_be_removed_edited_or_replaced() {
    let dir = filled(8).await;
    let head = |dir: &std::path::Path| dir.join("audit.head");

    let bent = copy(dir.path());
    std::fs::remove_file(head(bent.path())).unwrap();
    assert_eq!(broken(bent.path()).await, Broken { seq: 8, reason: Reason::HeadMissing });

    let bent = tampered(dir.path(), &["DELETE FROM audit WHERE seq = 8"]).await;
    let text = std::fs::read_to_string(head(bent.path())).unwrap();
    std::fs::write(head(bent.path()), text.replacen(" 8 ", " 7 ", 1)).unwrap();
    assert_eq!(broken(bent.path()).await, Broken { seq: 7, reason: Reason::HeadForged });

    let other = filled(8).await;
    let bent = copy(dir.path());
    std::fs::copy(head(other.path()), head(bent.path())).unwrap();
    assert_eq!(broken(bent.path()).await, Broken { seq: 8, reason: Reason::HeadForged });
}

#[tokio::test]
async fn an_older_head_is_a_crash_when_near_and_tampering_when_far() {
    let dir = filled(2).await;
    let head = dir.path().join("audit.head");
    let old = std::fs::read(&head).unwrap();
    let store = open(dir.path()).await;
    let add = async |count: i64| {
        let records: Vec<_> = (0..count).map(|n| store.record(full_entry(n))).collect();
        for record in records {
            record.await.unwrap();
        }
    };
    add(1000).await;
    store.flush().await.unwrap();
    add(1).await;

    // What a crash between the commit and the writing of the head leaves.
    let near = {
        let report = store.verify().await.unwrap();
        assert!(report.is_whole(), "{report:?}");
        store.close().await.unwrap();
        copy(dir.path())
    };
    std::fs::write(near.path().join("audit.head"), &old).unwrap();
    let report = verify(near.path()).await;
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.head_behind, 1001);
    let reopened = open(near.path()).await;
    reopened.record(full_entry(1)).await.unwrap();
    let report = reopened.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    reopened.close().await.unwrap();
    assert_eq!(verify(near.path()).await.head_behind, 0);

    let store = open(dir.path()).await;
    for n in 0..60 {
        store.record(full_entry(n)).await.unwrap();
    }
    store.close().await.unwrap();
    std::fs::write(&head, &old).unwrap();
    assert_eq!(broken(dir.path()).await, Broken { seq: 1063, reason: Reason::HeadRolledBack { behind: 1061 } });
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Tampered { .. }), "{error}");
}

#[tokio::test]
async fn rows_that_the_head_does_not_cover_yet_are_checked_on_opening() {
    let dir = filled(2).await;
    let old = std::fs::read(dir.path().join("audit.head")).unwrap();
    let store = open(dir.path()).await;
    for n in 0..5 {
        store.record(full_entry(n)).await.unwrap();
    }
    store.close().await.unwrap();
    let bent = tampered(dir.path(), &["UPDATE audit SET rule = 'other' WHERE seq = 5"]).await;
    std::fs::write(bent.path().join("audit.head"), &old).unwrap();
    let error = Store::open(bent.path(), Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("record 5") && error.contains("audit verify"), "{error}");
}

#[tokio::test]
async fn a_cut_off_end_keeps_the_folder_from_opening_until_it_is_accepted() {
    let dir = filled(8).await;
    let bent = tampered(dir.path(), &["DELETE FROM audit WHERE seq >= 6"]).await;
    let error = Store::open(bent.path(), Options::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Tampered { .. }), "{error}");
    assert!(error.to_string().contains("names 8 as the last"), "{error}");

    let store = Store::open(bent.path(), Options { accept_break: true, ..Options::default() }).await.unwrap();
    store.record(full_entry(1)).await.unwrap();
    let report = store.verify().await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.accepted_breaks, [6]);
    store.close().await.unwrap();
    open(bent.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn accepting_a_break_mends_nothing_that_verification_names() {
    let dir = filled(8).await;
    let bent =
        tampered(dir.path(), &["UPDATE audit SET rule = 'x' WHERE seq = 3", "DELETE FROM audit WHERE seq = 8"]).await;
    let store = Store::open(bent.path(), Options { accept_break: true, ..Options::default() }).await.unwrap();
    store.record(full_entry(1)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(broken(bent.path()).await, Broken { seq: 3, reason: Reason::Altered });
}

#[tokio::test]
async fn a_removed_database_is_no_fresh_start() {
    let dir = filled(3).await;
    let database = dir.path().join("menshen.db");
    let kept = std::fs::read(&database).unwrap();
    for name in ["menshen.db", "menshen.db-wal", "menshen.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(error.to_string().contains("menshen restore"), "{error}");
    assert!(!database.exists(), "an empty database was put in its place");
    std::fs::write(&database, "").unwrap();
    assert!(matches!(Store::open(dir.path(), Options::default()).await, Err(Error::Missing { .. })), "an empty one");
    std::fs::write(&database, kept).unwrap();
    open(dir.path()).await.close().await.unwrap();

    // Who knows the cause may begin anew; the record says so.
    std::fs::remove_file(&database).unwrap();
    let store = Store::open(dir.path(), Options { accept_break: true, ..Options::default() }).await.unwrap();
    assert_eq!(store.verify().await.unwrap().accepted_breaks.len(), 1);
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_the_audit() {
    let dir = filled(3).await;
    // Guards that somebody took away stand again after the next opening.
    unguarded(dir.path()).await.close().await.unwrap();
    open(dir.path()).await.close().await.unwrap();
    let mut conn = raw(dir.path()).await;
    for sql in [
        "UPDATE audit SET outcome = 'allowed' WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 1",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 2",
        "INSERT INTO audit SELECT 9, at_us, kind, request_id, event, tenant, app, key_id, user, api, model, side, outcome, \
         action, rule, answer_ref, status, packs, verdict, attempts, timings, error, text_mode, input, output, hash, seal \
         FROM audit WHERE seq = 2",
    ] {
        let error = sqlx::query(sql).execute(&mut conn).await.unwrap_err().to_string();
        assert!(error.contains("audit rows are"), "{sql}: {error}");
    }
    conn.close().await.unwrap();
    assert!(verify(dir.path()).await.is_whole());
}

#[tokio::test]
async fn a_row_slipped_in_under_a_running_store_is_never_built_upon() {
    let dir = filled(2).await;
    let store = open(dir.path()).await;
    let mut conn = unguarded(dir.path()).await;
    run(&mut conn, "CREATE TEMP TABLE t AS SELECT * FROM audit WHERE seq = 2").await;
    run(&mut conn, "UPDATE t SET seq = 3").await;
    run(&mut conn, "INSERT INTO audit SELECT * FROM t").await;
    let error = store.record(full_entry(1)).await.unwrap_err();
    assert!(matches!(error, Error::Tampered { .. }), "{error}");
    assert!(store.health().failing.is_some());
    store.close().await.unwrap();
}
