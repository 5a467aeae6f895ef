//! The record: complete after a crash, proof against tampering, true about what happened.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use menshen_testkit::{Api, Call, Saying};
use serde_json::{Value, json};

use crate::support::{House, fresh, house, probe};

#[test]
fn kill_9_loses_no_record_of_a_completed_answer() {
    let house = House::start(probe());
    let House { mut gateway, model } = house;
    for (api, name) in Api::ALL.into_iter().zip(["killed-chat", "killed-responses", "killed-messages"]) {
        model.says(name, Saying::text("从前有座山。"));
        assert_eq!(gateway.ask(api, name, "你好").status, 200);
    }
    let mut completed = BTreeSet::new();
    for round in 0..4_u64 {
        let address = gateway.address();
        let done = AtomicUsize::new(0);
        let ids: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let done = &done;
                    scope.spawn(move || {
                        let mut ids = Vec::new();
                        for n in 0.. {
                            let api = Api::ALL[(worker + n) % 3];
                            let name = format!("killed-{}", api.name());
                            let stream = n % 2 == 0;
                            let mut body = api.ask(&name, "你好");
                            body["stream"] = json!(stream);
                            let Ok(incoming) = Call::post(address, api.path()).json(&body).try_open() else { break };
                            let answer = incoming.rest();
                            let complete =
                                if stream { api.ended(&answer.frames) } else { answer.whole && answer.status == 200 };
                            if !complete {
                                break;
                            }
                            ids.push(answer.id().to_owned());
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        ids
                    })
                })
                .collect();
            // At a moment that differs from round to round, never before something was answered.
            while done.load(Ordering::Relaxed) < 5 + 7 * usize::try_from(round).unwrap() {
                std::thread::sleep(Duration::from_micros(300 + 170 * round));
            }
            gateway.kill_now();
            workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
        });
        assert!(ids.len() >= 5);
        completed.extend(ids);
        gateway = gateway.kill_and_restart();
        let verified = gateway.run(&["audit", "verify", "--json"]);
        assert_eq!(verified.code, 0, "round {round}: {verified:?}");
    }
    let recorded: BTreeSet<String> = gateway
        .audit()
        .iter()
        .filter(|r| r["outcome"] == "allowed")
        .filter_map(|r| r["request_id"].as_str().map(str::to_owned))
        .collect();
    let lost: Vec<_> = completed.difference(&recorded).collect();
    assert!(lost.is_empty(), "{} of {} records are lost: {lost:?}", lost.len(), completed.len());
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + to.len()].copy_from_slice(to);
            count += 1;
        }
        at += 1;
    }
    count
}

#[test]
fn a_record_that_was_altered_is_named() {
    let mut house = House::start(probe());
    let names = ["before", "tampered-with", "after"].map(fresh);
    let mut seqs = Vec::new();
    for name in &names {
        let answer = house.gateway.ask(Api::Chat, name, "你好");
        seqs.push(house.record(&answer)["seq"].as_u64().unwrap());
    }
    house.gateway.terminate();
    assert_eq!(house.gateway.wait(), 0);
    let whole = house.gateway.run(&["audit", "verify"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    // As somebody would who can write the file: one letter of one record, in place.
    let mut touched = 0;
    for entry in std::fs::read_dir(house.gateway.dir().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        let changed = names[1].replace("tampered", "tempered");
        let count = replace(&mut bytes, names[1].as_bytes(), changed.as_bytes());
        if count > 0 {
            std::fs::write(&path, bytes).unwrap();
            touched += count;
        }
    }
    assert!(touched > 0, "the record was not found in the files");
    let broken = house.gateway.run(&["audit", "verify"]);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.out.contains(&format!("record {}", seqs[1])), "{}", broken.out);
    let json = house.gateway.run(&["audit", "verify", "--json"]);
    assert_eq!((json.code, &json.json()["broken"]["seq"]), (1, &json!(seqs[1])), "{json:?}");
}

#[test]
fn records_cut_off_at_the_end_are_missed() {
    let mut house = House::start(probe());
    for n in 0..3 {
        house.gateway.ask(Api::Chat, &fresh("kept"), &format!("第{n}句"));
    }
    let (launcher, dir) = {
        house.gateway.terminate();
        house.gateway.wait();
        house.gateway.kill()
    };
    // The store as it was yesterday, put back in the place of today's.
    let yesterday = tempfile::TempDir::new().unwrap();
    for entry in std::fs::read_dir(dir.path().join("data")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), yesterday.path().join(entry.file_name())).unwrap();
    }
    let head = |name: &std::ffi::OsStr| name.to_string_lossy().contains("head");
    let today = {
        let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_menshen"));
        serve.current_dir(dir.path()).args(["keys", "create", "later"]);
        serve.output().unwrap()
    };
    assert!(today.status.success(), "{today:?}");
    for entry in std::fs::read_dir(yesterday.path()).unwrap() {
        let entry = entry.unwrap();
        if !head(&entry.file_name()) {
            std::fs::copy(entry.path(), dir.path().join("data").join(entry.file_name())).unwrap();
        }
    }
    let verified = launcher.run_in(dir.path(), &["audit", "verify"], b"");
    assert_eq!(verified.code, 1, "a rolled-back store passes for whole: {verified:?}");
}

#[test]
fn a_record_says_who_what_verdict_which_rule_and_version_and_how_long() {
    let house = house();
    let name = fresh("recorded");
    let mut body = Api::Chat.ask(&name, "请说说龙渊会");
    body["user"] = json!("u-recorded");
    let call = house.gateway.post(Api::Chat.path()).header("x-menshen-app", "ledger").json(&body);
    let record = house.record(&call.send());
    for (field, want) in [
        ("app", json!("ledger")),
        ("tenant", json!("default")),
        ("user", json!("u-recorded")),
        ("api", json!("chat")),
        ("model", json!(name)),
        ("outcome", json!("intervened")),
        ("action", json!("block")),
        ("status", json!(400)),
        ("rule", json!("probe/banned@2")),
        ("side", json!("input")),
    ] {
        assert_eq!(record[field], want, "{field}: {record}");
    }
    assert_eq!(record["packs"]["probe"]["version"], "7");
    assert_eq!(record["packs"]["probe"]["blake3"].as_str().unwrap().len(), 64);
    assert!(record["timings"]["total_us"].as_u64().unwrap() > 0);
    let finding = &record["verdict"]["input"]["findings"][0];
    assert_eq!(
        (&finding["detector"], &finding["start"], &finding["end"]),
        (&json!("kw.probe.banned"), &json!(9), &json!(18))
    );
    assert!(record["text"].to_string().contains("请说说龙渊会"), "{record}");
}

#[test]
fn texts_are_encrypted_at_rest_and_closed_without_decrypt() {
    let house = House::start(probe());
    let answer = house.gateway.ask(Api::Chat, &fresh("m"), "一句只有我知道的话");
    assert!(house.record(&answer).to_string().contains("一句只有我知道的话"));
    let closed = house.gateway.run(&["audit", "export"]);
    assert!(!closed.out.contains("只有我知道"), "{}", closed.out);
    for entry in std::fs::read_dir(house.gateway.dir().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        let text = "只有我知道".as_bytes();
        assert!(!bytes.windows(text.len()).any(|w| w == text), "the text lies open in the store");
    }
}

#[test]
fn texts_that_are_not_to_be_kept_are_not_kept() {
    let house = House::start(probe().settings("[audit]\ntext = \"omitted\""));
    let answer = house.gateway.ask(Api::Chat, &fresh("m"), "一句只有我知道的话");
    let record = house.record(&answer);
    assert!(!record.to_string().contains("只有我知道"), "{record}");
    assert_eq!(record["outcome"], "allowed");
}

#[test]
fn an_export_can_be_narrowed() {
    let house = House::start(probe());
    house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "好");
    house.exchange(Api::Chat, &Api::Chat.ask("", "说说龙渊会"), "好");
    let count = |args: &[&str]| {
        let ran = house.gateway.run(&[&["audit", "export"], args].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.lines().iter().filter(|r| r["kind"] == "request").count()
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--outcome", "intervened"]), 1);
    assert_eq!(count(&["--action", "block"]), 1);
    assert_eq!(count(&["--app", "nobody"]), 0);
    assert_eq!(count(&["--from", "2999-01-01T00:00:00Z"]), 0);
    let written = house.gateway.run(&["audit", "export", "-o", "out.jsonl"]);
    assert!(written.out.contains("wrote"), "{written:?}");
    let lines = std::fs::read_to_string(house.gateway.dir().join("out.jsonl")).unwrap();
    assert!(lines.lines().all(|l| serde_json::from_str::<Value>(l).is_ok()) && lines.lines().count() >= 2);
}

#[test]
fn an_administrator_can_prove_the_chain_of_a_running_gateway() {
    let house = house();
    house.exchange(Api::Chat, &Api::Chat.ask("", "你好"), "好");
    let report = house.gateway.get("/admin/audit/verify").key(crate::support::ADMIN).send().json();
    assert_eq!((&report["whole"], &report["broken"]), (&json!(true), &Value::Null), "{report}");
}
