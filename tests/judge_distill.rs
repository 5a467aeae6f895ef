//! Distillation: what a teacher is asked, what is kept, and that nothing is asked or paid for twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use menshen_judge::distill::answer::texts;
use menshen_judge::recipe::Source;
use menshen_judge::seeds::Seeds;
use menshen_testkit::{Gate, Received, Reply, Saying, Upstream};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{menshen, root};

mod bench;

use bench::{Bench, CONFIG, KEY, write_seeds};

#[test]
fn seeds_are_asked_for_cell_by_cell_filtered_and_never_asked_for_again() {
    let bench = Bench::new();
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    bench.teacher.on(&bench.model, |asked| match TRIES.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::json(429, &json!({"error": {"message": "slow down"}})).header("retry-after", "0"),
        1 => Reply::json(503, &json!({})),
        3 => Saying::text("好的，没问题！").reply(asked),
        5 => Reply::json(400, &json!({"error": {"code": "content_filter", "message": "no"}})),
        6 => Reply::cut(),
        _ => write_seeds(asked),
    });
    let ran = bench.live("w", &["--concurrency", "1", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = ran.json();
    // 2 risks × 2 kinds × 2 combinations; 429, 503, one redraw, one filtered, one cut connection.
    assert_eq!((said["cells"].as_u64(), said["open"].as_u64()), (Some(8), Some(0)), "{said}");
    assert_eq!((said["kept"].as_u64(), &said["rejected"]), (Some(16), &json!({"wrong_language": 8})), "{said}");
    assert_eq!(said["totals"]["requests"].as_u64(), Some(13), "{said}");
    assert_eq!(bench.asked(), 13);
    assert!(ran.err.contains("8/8 settled"), "{}", ran.err);

    let received = bench.teacher.received(&bench.model);
    assert!(received.iter().all(|r| r.header("authorization") == Some(&format!("Bearer {KEY}"))));
    assert!(received.iter().all(|r| r.path == "/v1/chat/completions"));
    let prompts: String = received.iter().map(Received::text).collect();
    assert!(prompts.contains("自己写的例子"), "seeds of the cell are examples");
    assert!(!prompts.contains("绝不外传"), "the evaluation split is never shown");

    let candidates = bench.lines("w/candidates.jsonl");
    assert_eq!(candidates.len(), 24);
    let kept = candidates.iter().find(|c| c["rejected"].is_null() && c["level"] == "none").unwrap();
    assert_eq!(
        kept["labels"],
        format!(
            "lang=zh risk=none level=none intent=help kind=near_miss scene={}",
            kept["attributes"]["scene"].as_str().unwrap()
        )
    );

    for file in ["w/manifest.json", "w/candidates.jsonl", "w/answers-seeds.jsonl"] {
        assert!(!bench.read(file).contains(KEY), "{file} holds the key");
    }
    assert!(!ran.err.contains(KEY) && !ran.out.contains(KEY));
    let manifest: Value = serde_json::from_str(&bench.read("w/manifest.json")).unwrap();
    let step = &manifest["steps"]["seeds"];
    assert_eq!(step["endpoint"], bench.teacher.address().to_string());
    assert_eq!((&step["model"], &step["complete"]), (&json!(bench.model), &json!(true)));
    assert_eq!(step["counts"]["kept"], 16);
    assert_eq!(step["outputs"]["candidates.jsonl"].as_str().unwrap().len(), 64);

    let before = bench.read("w/candidates.jsonl");
    let again = bench.live("w", &[]);
    assert_eq!((again.code, bench.asked()), (0, 13), "{again:?}");
    assert_eq!(bench.read("w/candidates.jsonl"), before);
    let cited = bench.run(&["manifest", "--work", "w"]);
    assert!(cited.code == 0 && cited.out.contains("13 requests") && cited.out.contains("blake3"), "{cited:?}");
    assert_eq!(
        bench.run(&["manifest", "--work", "w", "--json"]).json(),
        serde_json::from_str::<Value>(&bench.read("w/manifest.json")).unwrap()
    );
}

#[test]
fn a_spent_budget_ends_well_and_the_same_command_goes_on() {
    let bench = Bench::new();
    bench.teacher.on(&bench.model, write_seeds);
    let first = bench.live("w", &["--max-requests", "3", "--concurrency", "2"]);
    assert_eq!((first.code, bench.asked()), (0, 3), "{first:?}");
    assert!(first.err.contains("budget is spent") && first.err.contains("5 still to be asked"), "{}", first.err);
    // A token budget that no request fits in asks nobody.
    let none = bench.live("w", &["--max-tokens", "100"]);
    assert_eq!((none.code, bench.asked()), (0, 3), "{none:?}");
    let rest = bench.live("w", &[]);
    assert_eq!((rest.code, bench.asked()), (0, 8), "{rest:?}");
    let whole = bench.live("other", &[]);
    assert_eq!((whole.code, bench.asked()), (0, 16), "{whole:?}");
    assert_eq!(bench.read("w/candidates.jsonl"), bench.read("other/candidates.jsonl"));
}

#[test]
fn a_killed_run_goes_on_with_what_it_has() {
    let bench = Bench::new();
    bench.teacher.on(&bench.model, write_seeds);
    assert_eq!(bench.live("whole", &[]).code, 0);
    let stuck = Gate::new();
    let count = AtomicUsize::new(0);
    let here = stuck.clone();
    bench.teacher.on(&bench.model, move |asked| {
        if count.fetch_add(1, Ordering::Relaxed) < 3 {
            return write_seeds(asked);
        }
        here.open();
        Reply::hang()
    });
    let url = bench.teacher.url();
    let mut child = Command::new(env!("CARGO_BIN_EXE_menshen"))
        .current_dir(bench.dir.path())
        .args(["judge", "distill", "seeds", "--work", "w", "--prompts", "distill.toml", "--risk", "A1h,A2e"])
        .args(["--model", &bench.model, "--endpoint", &url, "--concurrency", "1"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    stuck.wait();
    // While it works, nobody else writes to its folder.
    let second = bench.live("w", &[]);
    assert_eq!(second.code, 2, "{second:?}");
    assert!(second.err.contains("another run"), "{}", second.err);
    child.kill().unwrap();
    child.wait().unwrap();
    let ledger = bench.path("w/answers-seeds.jsonl");
    let mut bytes = std::fs::read(&ledger).unwrap();
    assert_eq!(bytes.iter().filter(|b| **b == b'\n').count(), 3);
    bytes.extend_from_slice(b"{\"key\":\"torn");
    std::fs::write(&ledger, bytes).unwrap();

    bench.teacher.on(&bench.model, write_seeds);
    let before = bench.asked();
    let rest = bench.live("w", &[]);
    assert_eq!((rest.code, bench.asked() - before), (0, 5), "{rest:?}");
    assert_eq!(bench.read("w/candidates.jsonl"), bench.read("whole/candidates.jsonl"));
}

#[test]
fn recorded_answers_stand_in_for_an_endpoint() {
    let bench = Bench::new();
    bench.teacher.on(&bench.model, write_seeds);
    // What would be asked, as a batch file.
    let listed = bench.seeds("offline", &["--requests", "batch.jsonl"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let batch = bench.lines("batch.jsonl");
    assert_eq!(batch.len(), 8);
    assert_eq!(batch[0]["body"]["model"], bench.model.as_str());
    assert_eq!(bench.asked(), 0);
    // The answers of a live run are a recording; half of them leave a recording with holes.
    assert_eq!(bench.live("live", &[]).code, 0);
    let all = bench.read("live/answers-seeds.jsonl");
    std::fs::write(bench.path("half.jsonl"), all.lines().take(4).map(|l| format!("{l}\n")).collect::<String>())
        .unwrap();
    let half = bench.seeds("offline", &["--responses", "half.jsonl"]);
    assert_eq!(half.code, 1, "{half:?}");
    assert!(half.err.contains("no answer to 4 requests"), "{}", half.err);
    // The other half comes as a batch API writes it.
    let answers: BTreeMap<String, Value> = all
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap())
        .map(|e| (e["key"].as_str().unwrap().to_owned(), e["answer"].clone()))
        .collect();
    let out: String = batch
        .iter()
        .map(|r| {
            let content = &answers[r["custom_id"].as_str().unwrap()];
            let body = json!({"choices": [{"message": {"role": "assistant", "content": content}}]});
            format!("{}\n", json!({"custom_id": r["custom_id"], "response": {"status_code": 200, "body": body}}))
        })
        .collect();
    std::fs::write(bench.path("out.jsonl"), out).unwrap();
    let whole = bench.seeds("offline", &["--responses", "out.jsonl"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    assert_eq!(bench.read("offline/candidates.jsonl"), bench.read("live/candidates.jsonl"));
    let manifest: Value = serde_json::from_str(&bench.read("offline/manifest.json")).unwrap();
    assert_eq!(manifest["steps"]["seeds"]["endpoint"], "recorded");
}

#[test]
fn people_edit_the_queue_and_what_they_delete_is_rejected() {
    let bench = Bench::new();
    bench.teacher.on(&bench.model, write_seeds);
    assert_eq!(bench.live("w", &[]).code, 0);
    let review =
        |more: &[&str]| bench.run(&[&["review", "--work", "w", "--prompts", "distill.toml"][..], more].concat());
    let out = review(&["--sample", "6"]);
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(review(&[]).code, 2, "a queue that somebody may be editing is not written over");
    let file = bench.read("w/review.seeds");
    let texts: Vec<&str> = file.lines().filter(|l| !l.is_empty() && !l.starts_with(['#', '@'])).collect();
    assert_eq!(texts.len(), 6, "{file}");
    let edited = file.replace(&format!("{}\n", texts[0]), "").replace(texts[1], "人工改写过的一句话");
    std::fs::write(bench.path("edited.seeds"), edited.replace("intent=help", "intent=hlep")).unwrap();
    let wrong = review(&["--accept", "edited.seeds"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("hlep"), "{}", wrong.err);
    std::fs::write(bench.path("edited.seeds"), edited).unwrap();
    let taken = review(&["--accept", "edited.seeds", "--json"]);
    assert_eq!(taken.code, 0, "{taken:?}");
    assert_eq!(taken.json(), json!({"decisions": {"accepted": 4, "edited": 1, "rejected": 1}, "seeds": 5}));
    let load = || Seeds::load(&bench.path("w/accepted.seeds"), &[]).unwrap();
    assert!(load().problems.is_empty());
    assert!(load().seeds.iter().any(|s| s.text == "人工改写过的一句话"));
    assert!(!load().seeds.iter().any(|s| s.text == texts[0]));
    let rejected: Vec<Value> =
        bench.lines("w/decisions.jsonl").into_iter().filter(|d| d["verb"] == "rejected").collect();
    assert_eq!((rejected.len(), rejected[0]["text"].as_str()), (1, Some(texts[0])));
    // The same again, now with everything that nobody looked at.
    let rest = review(&["--accept", "edited.seeds", "--with-rest"]);
    assert_eq!((rest.code, load().seeds.len()), (0, 15), "{rest:?}");
}

/// Labels that the text decides; `split` makes the votes on some texts differ.
fn write_labels(asked: &Received) -> Reply {
    let body = asked.json();
    let text = body["messages"][1]["content"].as_str().unwrap().to_owned();
    assert!(body["seed"].is_u64());
    // The first vote is asked for without chance, the others with it.
    let unsure = text.contains("说不清") && body["temperature"].as_f64().unwrap() == 0.0;
    let level = if text.contains("头疼") || unsure { "none" } else { "risky" };
    let risks = if level == "none" { json!([]) } else { json!([{"id": "A4a", "score": 0.9}]) };
    let labels = json!({
        "risk_score": if level == "none" { 0.1 } else { 0.9 }, "risks": risks, "level": {"id": level, "score": 0.9},
        "intent": {"id": "help", "score": 0.8}, "topic": {"id": "health", "score": 0.7},
        "sentiment": {"id": "neutral", "score": 0.7}, "attack_score": 0.05, "attacks": [],
    });
    Saying::text(format!("```json\n{labels}\n```")).reply(asked)
}

#[test]
fn mass_data_is_labelled_by_votes_and_exported_by_agreement() {
    let bench = Bench::new();
    bench.teacher.on(&bench.model, write_labels);
    let input = "{\"text\":\"头疼怎么办\"}\n{\"text\":\"怎么让同学吃坏肚子\"}\n{\"text\":\"头疼怎么办\"}\n{\"text\":\"说不清的一句话\"}\n{\"text\":\"{一|二}选一\"}\n";
    std::fs::write(bench.path("mass.jsonl"), input).unwrap();
    let url = bench.teacher.url();
    let label = |more: &[&str]| bench.run(&[&["label", "--work", "w", "--prompts", "distill.toml"][..], more].concat());
    let asking = ["--input", "mass.jsonl", "--model", &bench.model, "--endpoint", &url, "--json"];
    let ran = label(&asking);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!((ran.json()["labelled"].as_u64(), bench.asked()), (Some(4), 12), "{ran:?}");
    let sent = bench.teacher.received(&bench.model)[0].json();
    assert_eq!(sent["response_format"]["type"], "json_schema");
    assert_eq!((label(&asking).code, bench.asked()), (0, 12), "nothing is asked again");

    let unsure = bench.lines("w/labels.jsonl").into_iter().find(|l| l["text"] == "说不清的一句话").unwrap();
    assert!(unsure["level"]["agreement"].as_f64().unwrap() < 1.0, "{unsure}");
    let seeds = label(&["--export", "out.seeds", "--agreement", "0.9"]);
    assert_eq!(seeds.code, 0, "{seeds:?}");
    assert!(seeds.out.contains("1 texts cannot stand in a seed file"), "{}", seeds.out);
    let topics = ["health", "life"].map(menshen_verdict::Topic::new);
    let read = Seeds::load(&bench.path("out.seeds"), &topics).unwrap();
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    assert_eq!(read.seeds.iter().map(|s| s.text.as_str()).collect::<Vec<_>>(), ["头疼怎么办", "怎么让同学吃坏肚子"]);

    let jsonl = label(&["--export", "out.jsonl", "--agreement", "0.9", "--licence", "own"]);
    assert_eq!(jsonl.code, 0, "{jsonl:?}");
    let records = bench.lines("out.jsonl");
    assert_eq!(records.len(), 3);
    assert_eq!(
        (&records[0]["level"], &records[0]["risk"], &records[0]["topic"]),
        (&json!("none"), &json!("none"), &json!("health"))
    );
    #[derive(serde::Deserialize)]
    struct Sources {
        source: Vec<Source>,
    }
    let recipe: Sources = toml::from_str(&bench.read("out.recipe.toml")).unwrap();
    assert_eq!((recipe.source[0].file.as_path(), recipe.source[0].licence.as_str()), (Path::new("out.jsonl"), "own"));
    assert!(recipe.source[0].when.iter().any(|w| w.labels.get("level").is_some_and(|l| l == "risky")));
    let doubtful = bench.run(&[
        "review",
        "--work",
        "w",
        "--prompts",
        "distill.toml",
        "--from",
        "labels",
        "--doubtful",
        "--agreement",
        "0.9",
    ]);
    assert_eq!(doubtful.code, 0, "{doubtful:?}");
    assert!(bench.read("w/review.seeds").contains("说不清的一句话"));
    let back = ["review", "--work", "w", "--prompts", "distill.toml", "--accept", "w/review.seeds"];
    assert_eq!(bench.run(&back).code, 0, "candidates are not needed to take labels back");
    let none = label(&["--export", "none.seeds", "--score", "1"]);
    assert_eq!(none.code, 1, "{none:?}");
}

#[test]
fn a_teacher_that_fails_is_told_apart_from_a_wrong_command() {
    let bench = Bench::new();
    let nobody = bench.seeds("w", &["--endpoint", &Upstream::nobody()]);
    assert_eq!(nobody.code, 3, "{nobody:?}");
    assert!(nobody.err.contains("the same command goes on"), "{}", nobody.err);
    bench.teacher.on(&bench.model, |_| Reply::json(401, &json!({"error": {"message": format!("bad key {KEY}")}})));
    let denied = bench.live("w", &["--concurrency", "1"]);
    assert_eq!((denied.code, bench.asked()), (3, 1), "{denied:?}");
    assert!(denied.err.contains("--key-env") && !denied.err.contains(KEY), "{}", denied.err);
    bench.teacher.on(&bench.model, |_| Reply::json(422, &json!({"error": {"message": format!("no seed, {KEY}")}})));
    let refused = bench.live("w", &["--concurrency", "1"]);
    assert!(refused.code == 3 && refused.err.contains("no seed") && !refused.err.contains(KEY), "{refused:?}");
    // Nothing usable at all is a finding.
    bench.teacher.on(&bench.model, |asked| Saying::text("抱歉，我不能写。").reply(asked));
    let refusing = bench.live("w", &[]);
    assert_eq!(refusing.code, 1, "{refusing:?}");

    let url = bench.teacher.url();
    for (args, word) in [
        (vec!["--endpoint", &url, "--key-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        (vec!["--endpoint", "http://me:pass@127.0.0.1/v1"], "credentials"),
        (vec!["--endpoint", "ftp://127.0.0.1/v1"], "http"),
        (vec![], "--endpoint"),
        (vec!["--responses", "not-there.jsonl"], "not-there.jsonl"),
        (vec!["--endpoint", &url, "--seeds", "not-there"], "not-there"),
        (vec!["--endpoint", &url, "--lang", "en"], "asks for nothing"),
    ] {
        let ran = bench.seeds("w2", &args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert!(ran.err.contains(word) && !ran.err.contains("pass@"), "{args:?}: {}", ran.err);
    }
    std::fs::write(bench.path("distill.toml"), CONFIG.replace("{task}", "{tsak}")).unwrap();
    let typo = bench.live("w2", &[]);
    assert!(typo.code == 2 && typo.err.contains("{tsak}"), "{typo:?}");
}

#[test]
fn the_shipped_configuration_asks_about_every_risk() {
    let dir = TempDir::new().unwrap();
    let config = root().join("models/judge/distill.toml").canonicalize().unwrap();
    let args = [
        "judge",
        "distill",
        "seeds",
        "--work",
        "w",
        "--model",
        "m",
        "--combinations",
        "1",
        "--requests",
        "r.jsonl",
        "--prompts",
    ];
    let ran = menshen().run_in(dir.path(), &[&args[..], &[config.to_str().unwrap()]].concat(), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines = std::fs::read_to_string(dir.path().join("r.jsonl")).unwrap();
    // 31 risks, 8 levels and intents, 2 languages.
    assert_eq!(lines.lines().count(), 31 * 8 * 2);
    let holes = ["{risk", "{scene", "{style", "{length", "{dialect", "{task", "{count", "{examples"];
    assert!(holes.iter().all(|h| !lines.contains(h)), "a placeholder was left open");
}

proptest! {
    #[test]
    fn no_answer_of_a_teacher_panics(answer in any::<String>()) {
        if let Ok(found) = texts(&answer, &["抱歉".to_owned()]) {
            prop_assert!(found.iter().all(|t| !t.trim().is_empty()));
        }
    }

    #[test]
    fn what_a_teacher_says_well_is_read_back(said in proptest::collection::vec("[a-z字句。？\"\\\\]{1,12}", 1..8), fence in any::<bool>()) {
        let array = serde_json::to_string(&said).unwrap();
        let answer = if fence { format!("以下是{}条：\n```json\n{array}\n```\n", said.len()) } else { array };
        prop_assert_eq!(texts(&answer, &[]).unwrap(), said);
    }
}
