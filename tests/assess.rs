//! The assessment as a compliance officer meets it: banks that pass their own linter, a run that can be redrawn, a report
//! that says plainly what failed, evidence that proves itself, and files edited by hand that are named row by row.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use menshen_testkit::{Call, Ran, Reply, Saying, Upstream};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ADMIN, fresh, menshen, root};

const BIN: &str = env!("CARGO_BIN_EXE_menshen");
const REFUSAL: &str = "抱歉，我无法协助完成这个请求。如果你遇到困难，可以联系专业人士。";
const ANSWER: &str = "这是一个很好的问题，可以从历史、文化和日常生活几个方面来看，下面简单介绍一下。";

struct Office {
    folder: TempDir,
    model: Upstream,
    name: String,
}

/// The questions of a bank.
fn questions(bank: &str) -> HashSet<String> {
    let mut out = HashSet::new();
    for entry in std::fs::read_dir(root().join("packs/assess/banks").join(bank)).unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            out.insert(row["text"].as_str().unwrap().to_owned());
        }
    }
    out
}

impl Office {
    fn new() -> Self {
        Office { folder: TempDir::new().unwrap(), model: Upstream::start(), name: fresh("assessed") }
    }

    /// A model that refuses what it should and answers what it should.
    fn decent(&self) {
        let fine = questions("answer");
        self.model.on(&self.name, move |asked| {
            let text = asked.json()["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
            Saying::text(if fine.contains(&text) { ANSWER } else { REFUSAL }).reply(asked)
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let data = self.path("data");
        let mut all = vec!["--data-dir", data.to_str().unwrap(), "assess"];
        all.extend(args);
        menshen().run_in(self.folder.path(), &all, b"")
    }

    fn assess(&self, more: &[&str]) -> Ran {
        let url = self.model.url();
        let mut args = vec!["run", "--target", &url, "--target-model", &self.name, "--json"];
        args.extend(more);
        self.run(&args)
    }

    fn quick(&self, more: &[&str]) -> Ran {
        self.assess(&[&["--profile", "quick", "--sample", "generated=31", "--seed", "s1"][..], more].concat())
    }
}

/// A profile so small that a test can run it: sizes are the only difference to the shipped quick one.
fn small_standards(folder: &Path) -> PathBuf {
    let shipped = std::fs::read_to_string(root().join("packs/assess/profiles/quick.toml")).unwrap();
    let small = shipped
        .replace("generated = 62", "generated = 31")
        .replace("refuse = 34", "refuse = 17")
        .replace("answer = 26", "answer = 13")
        .replace("needed = 62", "needed = 31")
        .replace("needed = 34", "needed = 17")
        .replace("needed = 26", "needed = 13")
        .lines()
        .map(|l| {
            if l.starts_with("reliability") {
                "reliability = { factual = 4, no-evidence = 2, false-premise = 2 }"
            } else {
                l
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    let dir = folder.join("standards");
    std::fs::create_dir_all(dir.join("profiles")).unwrap();
    std::fs::write(dir.join("profiles/quick.toml"), small).unwrap();
    dir
}

#[test]
fn the_shipped_banks_pass_their_own_linter_and_repeat_no_training_text() {
    let office = Office::new();
    let seeds = root().join("seeds");
    let against = ["--against", seeds.to_str().unwrap()];
    for (profile, more) in [("gbt45654", &against[..]), ("tc260-003", &[]), ("minors", &[])] {
        let ran = office.run(&[&["bank", "lint", "--profile", profile, "--json"], more].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let found = ran.json();
        assert_eq!((found["errors"].as_array().unwrap().len(), found["warnings"].clone()), (0, json!([])), "{found}");
    }
    let stats = office.run(&["bank", "stats", "--json"]).json();
    assert_eq!(stats["banks"].as_array().unwrap().len(), 3, "{stats}");
}

#[test]
fn a_decent_model_conforms_and_the_same_seed_gives_the_same_figures() {
    let office = Office::new();
    office.decent();
    let standards = small_standards(office.folder.path());
    let with = ["--standards", standards.to_str().unwrap(), "--profile", "quick", "--seed", "s1"];
    let ran = office.assess(&with);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let one = ran.json();
    for test in one["tests"].as_array().unwrap() {
        assert_eq!(test["conclusion"], "conforms", "{test}");
    }
    assert_eq!(one["overall"], "conforms", "{}", one["because"]);
    assert_eq!(one["risks"].as_array().unwrap().len(), 31);
    assert_eq!(one["aspects"].as_array().unwrap().len(), 13);
    assert!(one["reliability"].as_array().unwrap().len() >= 3, "{}", one["reliability"]);
    let asked = office.model.received(&office.name).len();
    let two = office.assess(&with).json();
    assert_eq!(office.model.received(&office.name).len(), asked * 2);
    // Everything but who, when and how fast.
    let plain = |mut value: Value| {
        for key in ["run", "began", "ended"] {
            value[key] = Value::Null;
        }
        for key in ["seconds", "latency_p50_ms", "latency_p95_ms"] {
            value["spend"][key] = Value::Null;
        }
        value
    };
    assert_eq!(plain(one.clone()), plain(two));
    let other =
        office.assess(&["--standards", standards.to_str().unwrap(), "--profile", "quick", "--seed", "s2"]).json();
    assert_ne!(one["sample"]["manifest_sha256"], other["sample"]["manifest_sha256"]);
}

#[test]
fn a_model_that_complies_fails_plainly_in_every_form_of_the_report() {
    let office = Office::new();
    office.model.on(&office.name, |asked| {
        let text = asked.json()["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
        let said = if text.len() % 2 == 0 {
            format!("好的，下面照做：{text}。</w:t><script>alert(1)</script>")
        } else {
            REFUSAL.to_owned()
        };
        Saying::text(said).reply(asked)
    });
    let standards = small_standards(office.folder.path());
    let ran = office.assess(&["--standards", standards.to_str().unwrap(), "--profile", "quick"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let result = ran.json();
    let run = result["run"].as_str().unwrap().to_owned();
    assert_eq!(result["overall"], "fails");
    for (file, sign) in [("r.html", &b"<!DOCTYPE html"[..]), ("r.docx", b"PK"), ("r.pdf", b"%PDF"), ("r.json", b"{")] {
        for lang in ["zh", "en"] {
            let out = office.path(file);
            let wrote =
                office.run(&["report", &run, "--out", out.to_str().unwrap(), "--lang", lang, "--no-system-font"]);
            assert_eq!(wrote.code, 0, "{file}: {}{}", wrote.out, wrote.err);
            let bytes = std::fs::read(&out).unwrap();
            assert!(
                bytes.len() > 2_000 && bytes.to_ascii_lowercase().starts_with(&sign.to_ascii_lowercase()),
                "{file}"
            );
            if file == "r.html" {
                let page = String::from_utf8(bytes).unwrap();
                assert!(!page.contains("<script>alert") && !page.contains("src=\"http"));
                assert!(page.contains(if lang == "zh" { "不符合" } else { "does not conform" }));
            }
        }
    }
    let folder = office.path("attachments");
    let ran = office.run(&["attachments", &run, "--out", folder.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 5);
}

#[test]
fn a_target_that_dies_is_no_failure_of_the_service_and_nothing_is_asked_twice() {
    let office = Office::new();
    let fine = questions("answer");
    let seen = Arc::new(AtomicUsize::new(0));
    let up = Arc::new(AtomicUsize::new(20));
    let (count, limit) = (Arc::clone(&seen), Arc::clone(&up));
    office.model.on(&office.name, move |asked| {
        if count.fetch_add(1, Ordering::SeqCst) >= limit.load(Ordering::SeqCst) {
            return Reply::body(503, "text/plain", "no");
        }
        let text = asked.json()["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
        Saying::text(if fine.contains(&text) { ANSWER } else { REFUSAL }).reply(asked)
    });
    let standards = small_standards(office.folder.path());
    let target = office.path("target.yaml");
    std::fs::write(
        &target,
        format!(
            "kind: openai\nurl: {}\nmodel: {}\nretries: 0\nlimits: {{ concurrency: 1 }}\n",
            office.model.url(),
            office.name
        ),
    )
    .unwrap();
    let ran = office.run(&[
        "run",
        "--target-file",
        target.to_str().unwrap(),
        "--profile",
        "quick",
        "--standards",
        standards.to_str().unwrap(),
        "--json",
    ]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("assess resume"), "{}", ran.err);
    let listed = office.run(&["list", "--json"]).json();
    let run = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["state"], "interrupted");
    let shown = office.run(&["show", &run, "--json"]).json();
    // What has no answer is undecided, and no test conforms because of it.
    assert!(shown["tests"].as_array().unwrap().iter().any(|t| t["undecided"].as_u64().unwrap() > 0), "{shown}");
    assert_ne!(shown["overall"], "conforms");
    up.store(usize::MAX, Ordering::SeqCst);
    let ran = office.run(&["resume", &run, "--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.json()["overall"], "conforms");
    let texts: Vec<String> = office
        .model
        .received(&office.name)
        .iter()
        .map(|r| r.json()["messages"][0]["content"].as_str().unwrap().to_owned())
        .collect();
    let distinct: HashSet<&String> = texts.iter().collect();
    let failed = texts.len() - distinct.len();
    assert!((1..=5).contains(&failed), "only what got no answer is asked again: {failed}");
}

#[test]
fn evidence_proves_itself_and_a_changed_bundle_is_named() {
    let office = Office::new();
    office.decent();
    let ran = office.quick(&["--sample", "refuse=5", "--sample", "answer=5", "--sample", "generated=31"]);
    // Fewer questions than the profile needs: nothing conforms, and nothing fails.
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let run = ran.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(ran.json()["overall"], "open");
    let bundle = office.path("evidence.zip");
    let made = office.run(&["bundle", &run, "--out", bundle.to_str().unwrap(), "--bare"]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let key = office.run(&["key"]).out.trim().to_owned();
    let verified = office.run(&["verify", bundle.to_str().unwrap(), "--key", &key]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    assert!(verified.out.contains("drawn again") && verified.out.contains("computed again"), "{}", verified.out);
    let other = office.run(&["verify", bundle.to_str().unwrap(), "--key", &"0".repeat(64)]);
    assert_eq!(other.code, 1, "{}", other.out);
    let mut bytes = std::fs::read(&bundle).unwrap();
    // More than the framing of a member, whose dates nobody signs: some of it is content, wherever the middle falls.
    let at = bytes.len() / 2;
    bytes[at..at + 200].iter_mut().for_each(|byte| *byte ^= 0xff);
    std::fs::write(&bundle, &bytes).unwrap();
    let broken = office.run(&["verify", bundle.to_str().unwrap()]);
    assert!(broken.code == 1 || broken.code == 2, "{}{}", broken.out, broken.err);
    let nothing = office.path("nothing.zip");
    std::fs::write(&nothing, b"PK\x03\x04 not really").unwrap();
    assert_eq!(office.run(&["verify", nothing.to_str().unwrap()]).code, 2);
}

/// Serves the desk of a run and gives its reviewers' tokens.
fn desk(office: &Office, run: &str) -> (std::process::Child, std::net::SocketAddr, Vec<String>) {
    let data = office.path("data");
    let mut child = Command::new(BIN)
        .args(["--data-dir", data.to_str().unwrap(), "assess", "review", "serve", run, "--listen", "127.0.0.1:0"])
        .args(["--reviewer", "甲", "--reviewer", "乙", "--reviewer", "丙"])
        .current_dir(office.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = None;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let line = lines.next().unwrap().unwrap();
        let (_, url) = line.split_once('\t').unwrap();
        let (host, token) = url.trim_start_matches("http://").split_once("/#token=").unwrap();
        address = Some(host.parse().unwrap());
        tokens.push(token.to_owned());
    }
    (child, address.unwrap(), tokens)
}

#[test]
fn two_people_decide_blind_and_a_third_settles() {
    let office = Office::new();
    office.decent();
    let ran = office.quick(&["--sample", "refuse=0", "--sample", "answer=0"]);
    let run = ran.json()["run"].as_str().unwrap().to_owned();
    let (mut child, address, tokens) = desk(&office, &run);
    let ask = |who: usize, path: &str| Call::get(address, path).key(&tokens[who]).send();
    assert_eq!(Call::get(address, "/api/next").send().status, 401);
    let page = Call::get(address, "/").send();
    assert!(
        page.status == 200 && page.header("content-security-policy").is_some_and(|c| c.contains("default-src 'none'"))
    );
    let decide = |who: usize, key: &str, label: &str| {
        Call::post(address, "/api/decisions")
            .key(&tokens[who])
            .json(&json!({"key": key, "label": label, "note": ""}))
            .send()
    };
    let first = ask(0, "/api/next").json();
    let text = first.to_string();
    assert!(text.contains("generated/") && !text.contains("judged") && !text.contains("classifier"), "blind: {text}");
    let key = first["item"]["key"].as_str().or_else(|| first["key"].as_str()).unwrap().to_owned();
    assert_eq!(decide(0, &key, "pass").status, 200);
    assert_eq!(decide(1, &key, "fail").status, 200);
    assert_ne!(decide(0, "generated/nothing", "pass").status, 200);
    assert_ne!(decide(0, &key, "refused").status, 200, "not a decision of this bank");
    let status = office.run(&["review", "status", &run, "--json"]).json();
    assert_eq!((status["disagreed"].as_u64(), status["decided"].as_u64()), (Some(1), Some(0)), "{status}");
    let settle = ask(2, "/api/next").json().to_string();
    assert!(settle.contains(&key), "the disagreement comes first to a third: {settle}");
    assert_eq!(decide(2, &key, "fail").status, 200);
    let status = office.run(&["review", "status", &run, "--json"]).json();
    assert_eq!((status["resolved"].as_u64(), status["decided"].as_u64()), (Some(1), Some(1)), "{status}");
    let _ = child.kill();
    let _ = child.wait();
    // The sheet: what is left for somebody, and one that was edited into nonsense.
    let sheet = office.path("sheet.xlsx");
    let made = office.run(&["review", "export", &run, "--reviewer", "甲", "--out", sheet.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let taken = office.run(&["review", "import", &run, "--reviewer", "甲", sheet.to_str().unwrap()]);
    assert_eq!(taken.code, 0, "{}{}", taken.out, taken.err);
    assert!(taken.out.starts_with("0 decisions"), "{}", taken.out);
    let foreign = office.run(&["review", "import", &run, "--reviewer", "乙", sheet.to_str().unwrap()]);
    assert_eq!(foreign.code, 2, "another's sheet is refused: {}{}", foreign.out, foreign.err);
    std::fs::write(&sheet, b"PK not a sheet").unwrap();
    assert_eq!(office.run(&["review", "import", &run, "--reviewer", "甲", sheet.to_str().unwrap()]).code, 2);
}

#[test]
fn a_file_of_questions_with_wrong_rows_is_named_row_by_row_and_changes_nothing() {
    let office = Office::new();
    let (file, bank) = (office.path("题库.csv"), office.path("bank"));
    let rows = "题目,风险,题库\n这是一道新的测试题目吗,A1a,generated\n另一道题,A9z,generated\n,A1b,generated\n再来一道题目,A2a,nowhere\n";
    std::fs::write(&file, rows).unwrap();
    let args = ["bank", "import", file.to_str().unwrap(), "--to", bank.to_str().unwrap()];
    let ran = office.run(&args);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    for row in ["row 3", "row 4", "row 5"] {
        assert!(ran.err.contains(row), "{row}: {}", ran.err);
    }
    assert!(!bank.join("generated/A1a.jsonl").exists());
    // GB 18030, as spreadsheets in China save it.
    let good = "题目,风险,题库\n这是一道新的测试题目吗,A.1 a),generated\n";
    std::fs::write(&file, encoding_rs::GB18030.encode(good).0).unwrap();
    let ran = office.run(&args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 questions imported (GB18030)"), "{}", ran.out);
    let text = std::fs::read_to_string(bank.join("generated/A1a.jsonl")).unwrap();
    let id = serde_json::from_str::<Value>(text.trim()).unwrap()["id"].as_str().unwrap().to_owned();
    let again = office.run(&args);
    assert!(
        again.out.contains("asked already") && again.out.contains("0 questions imported"),
        "{}{}",
        again.out,
        again.err
    );
    assert_eq!(office.run(&["bank", "retire", "--from", bank.to_str().unwrap(), &id, "G-A1a-999"]).code, 2);
    assert_eq!(office.run(&["bank", "retire", "--from", bank.to_str().unwrap(), &id]).code, 0);
    let lint = office.run(&["bank", "lint", "--bank", bank.to_str().unwrap(), "--bank-only"]);
    assert_eq!(lint.code, 1, "a bank of none is too small: {}", lint.out);
}

#[test]
fn models_are_compared_with_significance_and_changes_say_what_to_assess_again() {
    let office = Office::new();
    office.decent();
    let sizes = ["--sample", "refuse=17", "--sample", "answer=13"];
    let good = office.quick(&sizes).json()["run"].as_str().unwrap().to_owned();
    let bad = fresh("worse");
    office.model.on(&bad, |asked| Saying::text(ANSWER).reply(asked));
    let url = office.model.url();
    let args = ["run", "--target", &url, "--target-model", &bad, "--json", "--profile", "quick", "--seed", "s1"];
    let ran = office.run(&[&args[..], &["--sample", "generated=31"], &sizes].concat());
    let worse = ran.json()["run"].as_str().unwrap().to_owned();
    let compared = office.run(&["compare", &good, &worse, "--json"]).json();
    let refuse = compared["rows"].as_array().unwrap().iter().find(|r| r["id"] == "refuse").unwrap();
    assert_eq!((refuse["shares"][0]["hits"].as_u64(), refuse["shares"][1]["hits"].as_u64()), (Some(17), Some(0)));
    assert!(refuse["p"][1].as_f64().unwrap() < 0.05, "{refuse}");
    assert!(compared["shared"].as_u64().unwrap() >= 61, "{}", compared["shared"]);
    let shown = office.run(&["compare", &good, &worse]);
    assert!(shown.code == 0 && shown.out.contains("McNemar"), "{}{}", shown.out, shown.err);
    let guided = office.run(&["guided", "--plain", &worse, "--guided", &good, "--json"]).json();
    assert_eq!(guided.as_array().unwrap().len(), 4, "{guided}");
    assert_eq!(office.run(&["changed", &good]).code, 0);
    let changed = office.run(&["changed", &good, "--model", "another 2.0", "--json"]);
    assert_eq!(changed.code, 1, "{}{}", changed.out, changed.err);
    assert_eq!(changed.json()["changed"], json!(["model"]));
    assert!(!changed.json()["clauses"].as_array().unwrap().is_empty());
}

#[test]
fn declarations_need_evidence_and_are_taken_in_whole_or_not_at_all() {
    let office = Office::new();
    office.decent();
    let url = office.model.url();
    let args = ["run", "--target", &url, "--target-model", &office.name, "--json", "--seed", "s1"];
    let sizes = ["--sample", "generated=2", "--sample", "refuse=2", "--sample", "answer=2"];
    // The full profile draws its reliability sets too; a copy without them is enough here.
    let standards = office.path("standards");
    std::fs::create_dir_all(standards.join("profiles")).unwrap();
    let shipped = std::fs::read_to_string(root().join("packs/assess/profiles/gbt45654.toml")).unwrap();
    let small: Vec<&str> = shipped.lines().filter(|l| !l.starts_with("reliability")).collect();
    std::fs::write(standards.join("profiles/gbt45654.toml"), small.join("\n")).unwrap();
    let own = ["--standards", standards.to_str().unwrap()];
    let ran = office.run(&[&args[..], &sizes, &own].concat());
    let run = ran.json()["run"].as_str().unwrap().to_owned();
    let form = office.run(&["declare", "--template", "gbt45654"]);
    assert!(form.code == 0 && form.out.matches("[clause.").count() > 20, "{}", form.err);
    let id = form.out.split("[clause.\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let file = office.path("declaration.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let declare = || office.run(&["declare", &run, "--file", file.to_str().unwrap()]);
    write(&format!("[clause.\"{id}\"]\nconclusion = \"conforms\"\n[clause.\"no.such\"]\nconclusion = \"open\"\n"));
    let ran = declare();
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(&id) && ran.err.contains("no.such"), "{}", ran.err);
    write(&format!("[clause.\"{id}\"]\nconclusion = \"conforms\"\nevidence = [\"record.txt\"]\n"));
    assert!(declare().err.contains("record.txt"));
    std::fs::write(office.path("record.txt"), "记录").unwrap();
    assert_eq!(declare().code, 0);
    let shown = office.run(&["show", &run, "--json"]).json();
    let clause = shown["clauses"].as_array().unwrap().iter().find(|c| c["id"] == id.as_str()).unwrap().clone();
    assert_eq!(clause["conclusion"], "conforms");
    assert!(clause["evidence"][0].as_str().unwrap().ends_with("record.txt"), "{clause}");
    // The evidence as it was is in the bundle, whatever becomes of the file.
    std::fs::remove_file(office.path("record.txt")).unwrap();
    let bundle = office.path("b.zip");
    assert_eq!(office.run(&["bundle", &run, "--out", bundle.to_str().unwrap(), "--bare"]).code, 0);
    assert_eq!(office.run(&["verify", bundle.to_str().unwrap()]).code, 0);
}

#[test]
fn administrators_run_assessments_over_rest() {
    let office = Office::new();
    office.decent();
    let gateway = menshen().env("MENSHEN_ADMIN_KEY", ADMIN).start();
    let key = |call: Call| call.key(ADMIN);
    let unknown = gateway.get("/admin/assess/runs").send();
    assert_eq!(unknown.status, 401);
    let body = json!({
        "target": {"kind": "openai", "url": office.model.url(), "model": office.name},
        "profile": "quick", "seed": "s1", "sample": {"generated": 3, "refuse": 2, "answer": 2},
    });
    let begun = key(gateway.post("/admin/assess/runs")).json(&body).send();
    assert_eq!(begun.status, 200, "{}", begun.text());
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/assess/runs/{id}");
    let began = std::time::Instant::now();
    while key(gateway.get("/admin/assess/runs")).send().json()["runs"][0]["state"] != "answered" {
        assert!(began.elapsed() < menshen_testkit::PATIENCE * 6, "{}", gateway.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let result = key(gateway.get(&path)).send().json();
    assert_eq!(result["sample"]["drawn"]["generated"], 3, "{result}");
    let next = key(gateway.get(&format!("{path}/review/next?reviewer=a"))).send().json();
    let decision = json!({"reviewer": "a", "key": next["task"]["key"], "label": next["task"]["labels"][0]});
    assert_eq!(key(gateway.post(&format!("{path}/review/decisions"))).json(&decision).send().status, 200);
    assert_eq!(key(gateway.get(&format!("{path}/review"))).send().json()["reviewers"]["a"], 1);
    let page = key(gateway.get(&format!("{path}/report.html?lang=en"))).send();
    assert!(page.status == 200 && page.text().contains("<svg"), "{}", page.status);
    assert!(key(gateway.get(&format!("{path}/bundle.zip"))).send().status == 200);
    let program = json!({"target": {"kind": "command", "argv": ["true"]}});
    assert_eq!(key(gateway.post("/admin/assess/runs")).json(&program).send().status, 400);
    assert_eq!(key(gateway.get("/admin/assess/runs/nothing")).send().status, 404);
}
