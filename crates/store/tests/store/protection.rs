//! What is destroyed is gone and the chain whole; what was copied comes back; a changed key changes no record.

use std::path::Path;

use menshen_store::{
    Archive, Error, Filter, Key, KeySource, NewReview, NewSubjectRequest, Options, RecordText, ReviewState, Store,
    SubjectAsks, Text, TextRetention, backup, restore, rotate, verify_backup,
};
use serde_json::Value;
use sqlx::{Connection as _, Row as _};
use uuid::Uuid;

use crate::folder::{NOW, broken, copy, filled, full_entry, open, raw, run, verify};

fn asking(user: &str, kind: SubjectAsks) -> NewSubjectRequest {
    NewSubjectRequest { tenant: "acme".into(), user: user.into(), kind, note: Some("来电核实".into()), days: 15 }
}

async fn texts(store: &Store) -> Vec<RecordText> {
    let mut out = Vec::new();
    let records =
        store.records(&Filter { kind: Some("request".into()), ..Filter::default() }, None, 1000).await.unwrap();
    for record in records.iter().rev() {
        let id: Uuid = record.request_id.parse().unwrap();
        out.push(store.archive().request(id, true).await.unwrap().remove(0).text);
    }
    out
}

fn opened(n: i64) -> RecordText {
    RecordText::Decrypted { input: format!("问题{n}"), output: format!("回答{n}") }
}

/// Every byte of the folder, its log included.
fn bytes_of(dir: &Path) -> Vec<u8> {
    std::fs::read_dir(dir).unwrap().flat_map(|f| std::fs::read(f.unwrap().path()).unwrap_or_default()).collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

#[tokio::test]
async fn destroying_the_keys_of_a_user_leaves_the_chain_whole_and_the_texts_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in [1, 2, 1, 2] {
        store.record(full_entry(n)).await.unwrap();
    }
    let review = NewReview {
        request_id: Uuid::now_v7(),
        tenant: Some("acme".into()),
        app: None,
        user: Some("user1".into()),
        reason: "r".into(),
        rule: None,
        input: "我的秘密".into(),
        output: String::new(),
        at_us: NOW,
    };
    store.add_review(review).await.unwrap();
    let ids = {
        let mut conn = raw(dir.path()).await;
        let rows =
            sqlx::query("SELECT wrapped FROM text_keys WHERE user = 'user1'").fetch_all(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        rows.iter().map(|r| r.get::<Vec<u8>, _>(0)).collect::<Vec<_>>()
    };
    assert_eq!(ids.len(), 1, "one key for the texts of one user in one process");

    let asked = store.ask_subject(asking("user1", SubjectAsks::Erasure), "dpo", NOW).await.unwrap();
    assert_eq!(asked.due_at, "2025-01-16T00:00:00.000000Z");
    let copied = copy(dir.path());
    let done = store.erase_subject(&asked.id, Some("acme"), "dpo", NOW + 5).await.unwrap();
    assert_eq!(done.state, "done");
    assert_eq!(done.note, None, "what the user said to prove who they are goes, too");
    assert_eq!(done.outcome["keys_destroyed"], 1);
    assert_eq!(done.outcome["records"], 2);
    assert_eq!(done.outcome["texts_destroyed"], 2);
    assert_eq!(done.outcome["texts_kept"]["sealed_before_user_keys"], 0);
    assert_eq!(done.outcome["tables"][0]["done"], "texts destroyed");

    let erased = RecordText::Erased;
    assert_eq!(texts(&store).await, [erased.clone(), opened(2), erased.clone(), opened(2)]);
    let reviews = store.reviews(ReviewState::All, None, 0, 10, true).await.unwrap();
    assert_eq!(reviews[0].input.as_deref(), Some(""));
    // The next text of the same user has a key of its own.
    store.record(full_entry(1)).await.unwrap();
    assert_eq!(texts(&store).await, [erased.clone(), opened(2), erased.clone(), opened(2), opened(1)]);
    assert!(store.verify().await.unwrap().is_whole());
    // Nobody destroys twice, and not as a copy.
    let again = store.erase_subject(&asked.id, None, "dpo", NOW).await.unwrap_err();
    assert!(matches!(again, Error::NotFound { .. }), "{again}");
    // The record tells who did it, for whom and what was done.
    let told = store.records(&Filter { kind: Some("admin".into()), ..Filter::default() }, None, 10).await.unwrap();
    let told = told.iter().find(|r| r.event.as_deref() == Some("subject.erase")).unwrap();
    assert_eq!((told.key_id.as_deref(), told.user.as_deref()), (Some("dpo"), Some("user1")));
    assert_eq!(told.verdict["proof"]["keys_destroyed"], 1);
    assert_eq!(done.outcome["record"]["hash"], told.hash.as_str());

    // The wrapped key is in no file any more: neither in the pages nor in the log.
    assert!(holds(&bytes_of(copied.path()), &ids[0]), "the test looks for the wrong bytes");
    assert!(!holds(&bytes_of(dir.path()), &ids[0]));
    store.close().await.unwrap();
    assert!(!holds(&bytes_of(dir.path()), &ids[0]));
    let store = open(dir.path()).await;
    assert_eq!(texts(&store).await[..2], [erased, opened(2)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_destruction_that_cannot_be_recorded_destroys_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    store.record(full_entry(1)).await.unwrap();
    let asked = store.ask_subject(asking("user1", SubjectAsks::Erasure), "dpo", NOW).await.unwrap();
    let mut conn = raw(dir.path()).await;
    run(&mut conn, "CREATE TRIGGER t BEFORE UPDATE ON subject_requests BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    assert!(store.erase_subject(&asked.id, None, "dpo", NOW).await.is_err());
    assert_eq!(texts(&store).await, [opened(1)]);
    run(&mut conn, "DROP TRIGGER t").await;
    conn.close().await.unwrap();
    store.record(full_entry(1)).await.unwrap();
    assert_eq!(texts(&store).await, [opened(1), opened(1)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_key_whose_commit_failed_is_written_with_the_next_record() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut conn = raw(dir.path()).await;
    run(&mut conn, "CREATE TRIGGER t BEFORE INSERT ON text_keys BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    assert!(store.record(full_entry(1)).await.is_err(), "a text whose key is not on disk could never be read");
    run(&mut conn, "DROP TRIGGER t").await;
    conn.close().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    store.record(full_entry(1)).await.unwrap();
    assert_eq!(texts(&store).await, [opened(1)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_copy_holds_everything_about_one_user_of_one_tenant_and_its_sums_are_right() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in [1, 2, 1] {
        store.record(full_entry(n)).await.unwrap();
    }
    let mut other = full_entry(1);
    other.tenant = Some("other".into());
    other.text = Some(Text::Plain { input: "of another tenant".into(), output: String::new() });
    store.record(other).await.unwrap();
    let asked = store.ask_subject(asking("user1", SubjectAsks::Export), "dpo", NOW).await.unwrap();
    assert!(store.export_subject(&asked.id, Some("other"), "dpo", NOW, &mut Vec::new()).await.is_err());
    let mut bytes = Vec::new();
    let manifest = store.export_subject(&asked.id, Some("acme"), "dpo", NOW, &mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let copy: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((copy["tenant"].as_str(), copy["user"].as_str()), (Some("acme"), Some("user1")));
    let records = copy["sections"]["records"].as_array().unwrap();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|r| r["text"]["input"] == "问题1"));
    assert!(!text.contains("of another tenant") && !text.contains("问题2"));
    assert_eq!(copy["sections"]["events"][0]["event"], "subject.ask");
    assert_eq!(copy["sections"]["subject_requests"][0]["note"], "来电核实");
    assert_eq!(copy["manifest"], serde_json::to_value(&manifest).unwrap());
    for section in copy["manifest"]["sections"].as_array().unwrap() {
        let begin = format!("{}:[", section["name"]);
        let rows = text.split_once(&begin).unwrap().1.split("\n]").next().unwrap();
        let lines: Vec<&str> =
            rows.lines().map(|l| l.strip_suffix(',').unwrap_or(l)).filter(|l| !l.is_empty()).collect();
        let sum: String = lines.iter().map(|l| format!("{l}\n")).collect();
        use sha2::Digest as _;
        let sum = sha2::Sha256::digest(sum.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(
            (section["rows"].as_u64(), section["sha256"].as_str()),
            (Some(lines.len() as u64), Some(&*sum)),
            "{section}"
        );
    }
    let ended = store.subject_request(&asked.id, None).await.unwrap();
    assert_eq!((ended.state.as_str(), ended.ended_by.as_deref()), ("done", Some("dpo")));
    assert!(store.export_subject(&asked.id, None, "dpo", NOW, &mut Vec::new()).await.is_err(), "a copy is made once");
    store.close().await.unwrap();
}

#[tokio::test]
async fn requests_of_users_are_refused_with_a_reason_and_seen_by_their_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let asked = store.ask_subject(asking("u", SubjectAsks::Export), "dpo", NOW).await.unwrap();
    assert!(store.subject_requests(Some("other"), 10).await.unwrap().is_empty());
    assert!(store.refuse_subject(&asked.id, Some("other"), "no", "dpo", NOW).await.is_err());
    assert!(store.refuse_subject(&asked.id, None, "  ", "dpo", NOW).await.is_err());
    store.refuse_subject(&asked.id, Some("acme"), "identity could not be proven", "dpo", NOW).await.unwrap();
    let list = store.subject_requests(Some("acme"), 10).await.unwrap();
    assert_eq!(
        (list[0].state.as_str(), &list[0].outcome["reason"]),
        ("refused", &Value::from("identity could not be proven"))
    );
    for (tenant, user, note, days) in
        [("", "u", 0, 1), ("t", " ", 0, 1), ("t", "u", 2001, 1), ("t", "u", 0, 0), ("t", "u", 0, 367)]
    {
        let new = NewSubjectRequest {
            tenant: tenant.into(),
            user: user.into(),
            kind: SubjectAsks::Export,
            note: Some("x".repeat(note)),
            days,
        };
        assert!(
            matches!(store.ask_subject(new, "dpo", NOW).await, Err(Error::Invalid { .. })),
            "{tenant:?} {user:?} {note} {days}"
        );
    }
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_key_changes_no_record_and_opens_everything() {
    let dir = filled(3).await;
    let store = open(dir.path()).await;
    let old = store.key_id().to_owned();
    assert!(matches!(rotate(dir.path(), &KeySource::Folder, None, "ops").await, Err(Error::InUse { .. })));
    store.close().await.unwrap();
    let before = hashes(dir.path()).await;
    let old_key = std::fs::read_to_string(dir.path().join("audit.key")).unwrap();
    let first = rotate(dir.path(), &KeySource::Folder, None, "ops").await.unwrap();
    assert_eq!((&first.from, first.seq, first.text_keys), (&old, 4, 3));
    let second = rotate(dir.path(), &KeySource::Folder, None, "ops").await.unwrap();
    assert_eq!((&second.from, second.seq), (&first.to, 5));
    assert_eq!(hashes(dir.path()).await[..4], before);
    assert!(verify(dir.path()).await.is_whole());

    let store = open(dir.path()).await;
    assert_eq!(store.key_id(), second.to);
    assert_eq!(texts(&store).await, [opened(1), opened(2), opened(3)]);
    store.record(full_entry(4)).await.unwrap();
    let state = store.key_state().await.unwrap();
    let froms: Vec<(u64, bool)> = state.eras.iter().map(|e| (e.from_seq, e.in_force)).collect();
    assert_eq!(froms, [(0, false), (4, false), (5, true)]);
    assert!(store.verify().await.unwrap().is_whole());
    store.close().await.unwrap();

    // The old key lies beside it, opens nothing here, and is refused by name.
    assert_eq!(std::fs::read_to_string(dir.path().join(format!("audit.key.{old}"))).unwrap(), old_key);
    let given = KeySource::Given(Key::from_hex(&old_key).unwrap());
    assert!(matches!(Archive::open(dir.path(), &given).await, Err(Error::WrongKey { .. })));
    // Whoever moves the border between two keys, or takes an old key out, is noticed.
    for sql in [
        "UPDATE key_eras SET from_seq = 3 WHERE from_seq = 4",
        "DELETE FROM key_eras WHERE from_seq = 5",
        "UPDATE key_eras SET wrapped = x'01'",
    ] {
        let bent = copy(dir.path());
        let mut conn = raw(bent.path()).await;
        run(&mut conn, sql).await;
        conn.close().await.unwrap();
        assert!(matches!(Archive::open(bent.path(), &KeySource::Folder).await, Err(Error::Sealed { .. })), "{sql}");
    }
    let bent = copy(dir.path());
    let mut conn = raw(bent.path()).await;
    run(&mut conn, "DELETE FROM key_eras WHERE from_seq = 0").await;
    conn.close().await.unwrap();
    assert_eq!(broken(bent.path()).await.seq, 0);
}

async fn hashes(dir: &Path) -> Vec<Vec<u8>> {
    let mut conn = raw(dir).await;
    let all = sqlx::query_scalar("SELECT hash FROM audit ORDER BY seq").fetch_all(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    all
}

#[tokio::test]
async fn a_change_of_keys_that_was_cut_off_between_database_and_file_is_finished() {
    let dir = filled(1).await;
    let before = copy(dir.path());
    rotate(dir.path(), &KeySource::Folder, None, "ops").await.unwrap();
    // As a crash behind the commit leaves it: the old key under its name, the new one waiting.
    std::fs::rename(dir.path().join("audit.key"), dir.path().join("audit.key.next")).unwrap();
    std::fs::copy(before.path().join("audit.key"), dir.path().join("audit.key")).unwrap();
    std::fs::copy(before.path().join("audit.head"), dir.path().join("audit.head")).unwrap();
    let store = open(dir.path()).await;
    assert_eq!(texts(&store).await, [opened(1)]);
    store.close().await.unwrap();
    assert!(!dir.path().join("audit.key.next").exists());
    assert!(verify(dir.path()).await.is_whole());
}

#[tokio::test]
async fn a_given_key_is_changed_for_a_given_key() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Key::generate().unwrap(), Key::generate().unwrap());
    let options = |key: &Key| Options { key: KeySource::Given(key.clone()), ..Options::default() };
    let store = Store::open(dir.path(), options(&one)).await.unwrap();
    store.record(full_entry(1)).await.unwrap();
    store.close().await.unwrap();
    let source = KeySource::Given(one.clone());
    assert!(matches!(rotate(dir.path(), &source, None, "ops").await, Err(Error::Invalid { .. })));
    assert!(matches!(rotate(dir.path(), &source, Some(one.clone()), "ops").await, Err(Error::Invalid { .. })));
    rotate(dir.path(), &source, Some(two.clone()), "ops").await.unwrap();
    assert!(matches!(Store::open(dir.path(), options(&one)).await, Err(Error::WrongKey { .. })));
    let store = Store::open(dir.path(), options(&two)).await.unwrap();
    assert_eq!(texts(&store).await, [opened(1)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_from_before_there_were_keys_of_users_still_opens() {
    let dir = filled(1).await;
    // A redacted text needs no key, an omitted one has none.
    let store = Store::open(dir.path(), Options { text: TextRetention::Omitted, ..Options::default() }).await.unwrap();
    store.record(full_entry(2)).await.unwrap();
    assert_eq!(texts(&store).await, [opened(1), RecordText::Omitted]);
    store.close().await.unwrap();
    let mut conn = raw(dir.path()).await;
    run(&mut conn, "DROP TABLE text_keys").await;
    run(&mut conn, "DROP TABLE key_eras").await;
    conn.close().await.unwrap();
    assert!(verify(dir.path()).await.is_whole());
}

#[tokio::test]
async fn a_backup_made_while_records_come_is_proven_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..50 {
        store.record(full_entry(n)).await.unwrap();
    }
    menshen_store::Campaigns::open(dir.path()).await.unwrap();
    std::fs::create_dir(dir.path().join("drafts")).unwrap();
    std::fs::write(dir.path().join("drafts/a.toml"), "x = 1").unwrap();
    let busy = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 50..150 {
                store.record(full_entry(n)).await.unwrap();
            }
        })
    };
    let to = out.path().join("b");
    let manifest = store.backup(&to, "ops").await.unwrap();
    busy.await.unwrap();
    let names: Vec<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["audit.head", "drafts/a.toml", "menshen.db", "redteam.db"]);
    assert!(!manifest.key_included && !to.join("audit.key").exists());
    assert_eq!(store.backups().unwrap()[0].seq, manifest.head_seq);
    store.close().await.unwrap();

    let key = Key::from_hex(&std::fs::read_to_string(dir.path().join("audit.key")).unwrap()).unwrap();
    let before = bytes_of(&to).len();
    let report = verify_backup(&to, Some(&key), None).await.unwrap();
    assert!(report.is_good() && report.sealed, "{:?}", report.problems);
    assert_eq!(bytes_of(&to).len(), before, "proving left something in the backup");
    assert!(verify_backup(&to, None, None).await.unwrap().is_good());

    let back = out.path().join("restored");
    restore(&to, &back, Some(&key), None).await.unwrap();
    let options = Options { key: KeySource::Given(key.clone()), ..Options::default() };
    let restored = Store::open(&back, options).await.unwrap();
    assert!(restored.verify().await.unwrap().is_whole());
    assert!(texts(&restored).await.len() >= 50);
    assert_eq!(texts(&restored).await[7], opened(7));
    let last = restored.records(&Filter::default(), None, 1).await.unwrap().remove(0);
    assert_eq!(last.event.as_deref(), Some("backup.restore"));
    restored.close().await.unwrap();
    assert_eq!(std::fs::read_to_string(back.join("drafts/a.toml")).unwrap(), "x = 1");
    // Never over anything.
    for taken in [&back, dir.path()] {
        let error = restore(&to, taken, Some(&key), None).await.unwrap_err().to_string();
        assert!(error.contains("not empty"), "{error}");
        assert!(backup(dir.path(), taken, &KeySource::Folder, None).await.is_err());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_backup_is_named_and_nothing_is_restored() {
    let dir = filled(5).await;
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("b");
    backup(dir.path(), &to, &KeySource::Folder, Some("a long passphrase")).await.unwrap();
    assert!(backup(dir.path(), &out.path().join("c"), &KeySource::Folder, Some("short")).await.is_err());
    assert!(!out.path().join("c").exists());
    let whole = verify_backup(&to, None, Some("a long passphrase")).await.unwrap();
    assert!(whole.is_good() && whole.sealed, "{:?}", whole.problems);
    assert!(matches!(verify_backup(&to, None, Some("another passphrase")).await, Err(Error::BadKey { .. })));

    let bend = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let copied = copy(&to);
        let path = copied.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        copied
    };
    for (what, bent) in [
        ("hash", bend("menshen.db", &|b| b[5000] ^= 1)),
        ("bytes instead of", bend("menshen.db", &|b| b.truncate(8192))),
        ("hash", bend("audit.head", &|b| b[25] ^= 1)),
        (
            "seal is not right",
            bend("manifest.json", &|b| {
                *b = String::from_utf8(b.clone()).unwrap().replace("\"version\": \"", "\"version\": \"9").into_bytes();
            }),
        ),
    ] {
        let report = verify_backup(bent.path(), None, Some("a long passphrase")).await.unwrap();
        assert!(report.problems.iter().any(|p| p.contains(what)), "{what}: {:?}", report.problems);
        let target = out.path().join("r");
        assert!(restore(bent.path(), &target, None, Some("a long passphrase")).await.is_err());
        assert!(!target.exists());
    }
    let outside = bend("manifest.json", &|b| {
        *b = String::from_utf8(b.clone()).unwrap().replace("audit.head", "../audit.head").into_bytes();
    });
    assert!(verify_backup(outside.path(), None, None).await.unwrap_err().to_string().contains("outside"));
    // With the passphrase the key comes back, and the folder opens by itself.
    let back = out.path().join("back");
    restore(&to, &back, None, Some("a long passphrase")).await.unwrap();
    let store = open(&back).await;
    assert_eq!(texts(&store).await.len(), 5);
    store.close().await.unwrap();
    // A restored audit that is older than a head kept elsewhere is noticed: the head is the evidence.
    std::fs::copy(dir.path().join("audit.head"), back.join("audit.head")).unwrap();
    assert!(Archive::open(&back, &KeySource::Folder).await.is_ok());
}

#[tokio::test]
async fn what_retention_removed_is_noted_and_each_kind_has_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let kinds = menshen_store::RetentionDays { reviews: Some(30), ..Default::default() };
    let store = Store::open(dir.path(), Options { retention_kinds: kinds, ..Options::default() }).await.unwrap();
    let now = NOW + 40 * 86_400_000_000;
    for (n, at_us) in [(1, NOW), (2, now)] {
        let review = NewReview {
            request_id: Uuid::now_v7(),
            tenant: None,
            app: None,
            user: None,
            reason: "r".into(),
            rule: None,
            input: format!("{n}"),
            output: String::new(),
            at_us,
        };
        store.add_review(review).await.unwrap();
    }
    store.record(full_entry(1)).await.unwrap();
    let pruned = store.run_retention(now).await.unwrap();
    assert_eq!((pruned.rows, pruned.others["reviews"], pruned.others["text_keys"]), (0, 1, 0));
    let runs = store.retention_runs(10).await.unwrap();
    assert_eq!((runs.len(), &runs[0].removed["reviews"]), (1, &Value::from(1)));
    assert_eq!(store.reviews(ReviewState::All, None, 0, 10, true).await.unwrap().len(), 1);
    assert_eq!(texts(&store).await, [opened(1)]);
    store.close().await.unwrap();
    let none = Options {
        retention_kinds: menshen_store::RetentionDays { usage: Some(0), ..Default::default() },
        ..Options::default()
    };
    assert!(Store::open(dir.path(), none).await.is_err());
}
