//! `kill -9` in the midst of writing: nothing acknowledged is lost, and what is left is whole.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use menshen_store::{Error, Filter, Options, Receipt, Store};

use crate::folder::{full_entry, open, verify};

const FOLDER: &str = "MENSHEN_STORE_CHILD_FOLDER";

/// Not a test of its own: the process that is killed. It writes from many tasks and says which records were taken.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the tests below as a process of its own"]
async fn child() {
    let dir = std::env::var(FOLDER).unwrap();
    let store = open(Path::new(&dir)).await;
    let mut tasks = Vec::new();
    for _ in 0..16 {
        let store: Store = store.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0.. {
                let entry = full_entry(n);
                let id = entry.request_id;
                let Ok(Receipt::Durable { seq, .. }) = store.record(entry).await else { panic!("not taken") };
                // One write a line, so that no line is torn.
                let mut out = std::io::stdout().lock();
                out.write_all(format!("taken {seq} {id}\n").as_bytes()).unwrap();
                out.flush().unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn kill_9_loses_no_acknowledged_record_and_leaves_a_whole_chain() {
    let dir = tempfile::tempdir().unwrap();
    let mut taken: HashSet<(u64, String)> = HashSet::new();
    for round in 0..6u64 {
        let before = taken.len();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored", "--nocapture", "--quiet"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |line: String| {
            // The harness may print before the first line of ours, on the same line.
            if let Some((_, rest)) = line.split_once("taken ") {
                let (seq, id) = rest.split_once(' ').unwrap();
                taken.insert((seq.parse().unwrap(), id.to_owned()));
            }
        };
        // Past the first acknowledgments, so that each round kills a process that is writing.
        for line in lines.by_ref().take(20) {
            read(line.unwrap());
        }
        std::thread::sleep(Duration::from_millis(37 * round));
        let refused = Store::open(dir.path(), Options::default()).await.unwrap_err();
        assert!(matches!(refused, Error::InUse { pid, .. } if pid == Some(child.id())), "{refused:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            // The last line may have been cut by the kill; a whole one ends with a whole id.
            let line = line.unwrap();
            if line.rsplit(' ').next().is_some_and(|id| id.len() == 36) {
                read(line);
            }
        }
        assert!(taken.len() > before, "the child wrote nothing");

        let report = verify(dir.path()).await;
        assert!(report.is_whole(), "round {round}: {report:?}");
        let store = open(dir.path()).await;
        let report = store.verify().await.unwrap();
        assert!(report.is_whole(), "round {round}: {report:?}");
        let mut stored = HashSet::new();
        let mut before = None;
        loop {
            let page = store.records(&Filter::default(), before, 1000).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.seq);
            stored.extend(page.into_iter().map(|r| (r.seq, r.request_id)));
        }
        let lost: Vec<_> = taken.difference(&stored).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
        store.close().await.unwrap();
    }
    assert!(taken.len() > 120, "{}", taken.len());
}

/// Copies taken while the store writes, files one after the other: what a careless backup, or a crash that kept some
/// writes and not others, leaves. The head is copied first, so it may lag; the chain must be whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_head_is_older_than_its_rows_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..300 {
                store.record(full_entry(n)).await.unwrap();
            }
        })
    };
    let mut copies = Vec::new();
    while !writing.is_finished() {
        let to = tempfile::tempdir().unwrap();
        for name in ["audit.key", "audit.head"] {
            std::fs::copy(dir.path().join(name), to.path().join(name)).unwrap();
        }
        let mut conn = crate::folder::raw(dir.path()).await;
        let sql = format!("VACUUM INTO '{}'", to.path().join("menshen.db").display());
        crate::folder::run(&mut conn, &sql).await;
        copies.push(to);
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    writing.await.unwrap();
    store.close().await.unwrap();
    assert!(!copies.is_empty());
    for copy in copies {
        let report = verify(copy.path()).await;
        assert!(report.is_whole(), "{report:?}");
        open(copy.path()).await.close().await.unwrap();
    }
}
