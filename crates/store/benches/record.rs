//! Strict records a second by number of concurrent callers, and how fast the audit verifies.
//!
//! `cargo bench -p menshen-store --bench record [-- FOLDER]`: the folder says which disk is measured.
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::time::Instant;

use menshen_store::{Durability, Entry, Options, Store, Text};
use serde_json::json;
use uuid::Uuid;

const SECONDS: f64 = 4.0;

fn entry() -> Entry {
    let mut entry = Entry::request(Uuid::now_v7(), 1_700_000_000_000_000);
    entry.tenant = Some("bench".into());
    entry.app = Some("bench".into());
    entry.api = Some("chat".into());
    entry.verdict = json!({"risk": {"score": 0.81, "topics": [{"id": "A4a", "score": 0.81}]}, "took_us": 131});
    entry.timings = json!({"normalise": 21, "keywords": 9, "upstream": 812_000});
    entry.packs = json!({"base": "2026.11.1", "cn": "2026.11.1"});
    entry.text = Some(Text::Plain { input: "问".repeat(340), output: "答".repeat(340) });
    entry
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo bench` adds `--bench`; a folder is the one argument that is no flag.
    let folder = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let dir = match &folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    for (name, durability) in [("strict", Durability::Strict), ("windowed 50 ms", Durability::Windowed { ms: 50 })] {
        for callers in [1usize, 8, 64, 256] {
            let place = dir.path().join(format!("{}-{callers}", &name[..6]));
            let store = Store::open(&place, Options { durability, ..Options::default() }).await?;
            let start = Instant::now();
            let mut tasks = Vec::new();
            for _ in 0..callers {
                let store = store.clone();
                tasks.push(tokio::spawn(async move {
                    let (mut done, mut refused, mut worst) = (0u64, 0u64, 0f64);
                    while start.elapsed().as_secs_f64() < SECONDS {
                        let asked = Instant::now();
                        match store.record(entry()).await {
                            Ok(_) => done += 1,
                            Err(_) => {
                                refused += 1;
                                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                            }
                        }
                        worst = worst.max(asked.elapsed().as_secs_f64() * 1000.0);
                    }
                    (done, refused, worst)
                }));
            }
            let (mut done, mut refused, mut worst) = (0, 0, 0f64);
            for task in tasks {
                let (d, r, w) = task.await?;
                (done, refused, worst) = (done + d, refused + r, worst.max(w));
            }
            // A full queue refuses this too, until it has gone down.
            while store.flush().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            let took = start.elapsed().as_secs_f64();
            let commits = store.health().commits.max(1);
            let verifying = Instant::now();
            let report = store.verify().await?;
            let verified = report.rows as f64 / verifying.elapsed().as_secs_f64();
            println!(
                "{name:>14} {callers:>3} callers: {:>7.0} records/s, {:>5.1} a commit, worst {worst:>6.1} ms, refused {refused}; verify {verified:>7.0} rows/s, whole: {}",
                done as f64 / took,
                done as f64 / commits as f64,
                report.is_whole(),
            );
            store.close().await?;
        }
    }
    Ok(())
}
