//! The commands: what they print, what they exit with.

use menshen_testkit::Launcher;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{menshen, packs, probe, root};

#[test]
fn check_judges_arguments_standard_input_and_files() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("a.txt"), "说说龙渊会").unwrap();
    let probe = probe();
    let table = probe.run(&["check", "你好", "说说龙渊会"], b"");
    assert_eq!(table.code, 1, "{table:?}");
    assert!(table.out.contains("pass") && table.out.contains("probe/banned@2"), "{}", table.out);
    let fine = probe.run(&["check", "你好"], b"");
    assert_eq!(fine.code, 0, "{fine:?}");
    let piped = probe.run(&["check", "--json"], "说说龙渊会".as_bytes());
    assert_eq!((piped.code, &piped.json()["disposition"]), (1, &json!("block")));
    let file = probe.run_in(dir.path(), &["check", "--json", "--file", "a.txt"], b"");
    assert_eq!((file.code, &file.json()["id"], &file.json()["rule"]), (1, &json!("a.txt"), &json!("probe/banned@2")));
    let many = probe.run(&["check", "--json", "你好", "龙渊会"], b"").json();
    assert_eq!(many.as_array().unwrap().len(), 2);
    let output = probe.run(&["check", "--json", "--side", "output", "鸩羽琮"], b"").json();
    assert_eq!((&output["side"], &output["rule"]), (&json!("output"), &json!("probe/leak@1")));
}

#[test]
fn check_jsonl_writes_one_line_for_each_and_names_a_bad_one() {
    let lines = "{\"id\":\"a\",\"text\":\"你好\"}\n\n{\"id\":7,\"text\":\"龙渊会\"}\n{\"text\":\"鸩羽琮\",\"side\":\"output\"}\n";
    let ran = probe().run(&["check", "--jsonl", "-"], lines.as_bytes());
    assert_eq!(ran.code, 1, "{ran:?}");
    let got: Vec<(Value, Value)> = ran.lines().iter().map(|l| (l["id"].clone(), l["disposition"].clone())).collect();
    assert_eq!(got, [(json!("a"), json!("pass")), (json!("7"), json!("block")), (Value::Null, json!("block"))]);
    for bad in ["{\"text\":\"你好\"}\n{\"text\":7}\n", "{\"text\":\"你好\"}\nnonsense\n"] {
        let ran = probe().run(&["check", "--jsonl", "-"], bad.as_bytes());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(":2:"), "{}", ran.err);
    }
    let ran = probe().run(&["check", "--jsonl", "-"], b"{\"text\":\"\xff\"}\n");
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn check_confusion_counts_by_set() {
    let dir = TempDir::new().unwrap();
    let lines = "{\"text\":\"说说龙渊会\",\"source\":\"own\",\"lang\":\"zh\",\"type\":\"x\"}\n{\"text\":\"你好\",\"source\":\"own\",\"lang\":\"zh\",\"type\":\"x\"}\n\
                 {\"text\":\"你好\",\"source\":\"own\",\"lang\":\"zh\"}\n";
    std::fs::write(dir.path().join("set.jsonl"), lines).unwrap();
    let ran = probe().run_in(dir.path(), &["check", "--json", "--confusion", "set.jsonl"], b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let rows = ran.json();
    let risky = rows.as_array().unwrap().iter().find(|r| r["truth"] == "risky").unwrap();
    assert_eq!((&risky["records"], &risky["stopped"]), (&json!(2), &json!(1)), "{rows}");
    let benign = rows.as_array().unwrap().iter().find(|r| r["truth"] == "benign").unwrap();
    assert_eq!((&benign["records"], &benign["acted"]), (&json!(1), &json!(0)));
    let table = probe().run_in(dir.path(), &["check", "--confusion", "set.jsonl"], b"");
    assert!(table.out.contains("own") && table.out.contains("50.0%"), "{}", table.out);
}

#[test]
fn check_confusion_reads_the_shared_sets() {
    let data = root().join("../shared/data/attack.jsonl");
    let Ok(all) = std::fs::read_to_string(&data) else {
        println!("skipped: {} is not here; it is no part of the repository", data.display());
        return;
    };
    let dir = TempDir::new().unwrap();
    let some: Vec<&str> = all.lines().step_by(200).take(60).collect();
    std::fs::write(dir.path().join("some.jsonl"), some.join("\n")).unwrap();
    let ran = probe().run_in(dir.path(), &["check", "--json", "--confusion", "some.jsonl"], b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let counted: u64 = ran.json().as_array().unwrap().iter().map(|r| r["records"].as_u64().unwrap()).sum();
    assert_eq!(counted, some.len() as u64);
}

#[test]
fn exit_codes_tell_usage_from_environment() {
    let code = |launcher: &Launcher, args: &[&str]| launcher.run(args, b"").code;
    assert_eq!(code(&probe(), &["check", "--no-such-flag"]), 2);
    assert_eq!(code(&probe(), &["no-such-command"]), 2);
    assert_eq!(code(&probe(), &["check", "--file", "/no/such/file"]), 3);
    assert_eq!(code(&probe(), &["check", "--jsonl", "/no/such/file"]), 3);
    assert_eq!(code(&probe(), &["audit", "verify"]), 3);
    assert_eq!(code(&probe(), &["--config", "/no/such.toml", "check", "x"]), 2);
    assert_eq!(code(&probe(), &["--help"]), 0);
    assert_eq!(code(&probe(), &["--version"]), 0);
    let not_text = probe().run(&["check"], b"\xff\xfe");
    assert_eq!(not_text.code, 2, "{not_text:?}");
}

#[test]
fn init_writes_a_configuration_that_runs_and_never_writes_over_one() {
    let dir = TempDir::new().unwrap();
    let launcher = menshen();
    std::fs::write(dir.path().join("keep"), "").unwrap();
    let init = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_menshen"));
        command.current_dir(dir.path()).arg("init").args(args).output().unwrap()
    };
    assert!(init(&[]).status.success());
    let written = std::fs::read_to_string(dir.path().join("menshen.toml")).unwrap();
    assert!(written.contains("[guard]") && written.lines().filter(|l| l.starts_with("# ")).count() > 20);
    let again = init(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert!(init(&["--force"]).status.success());
    let listed = launcher.run_in(dir.path(), &["packs", "list"], b"");
    assert_eq!(listed.code, 0, "{listed:?}");
}

fn broken(file: &str, body: &str) -> (TempDir, menshen_testkit::Ran) {
    let folder = TempDir::new().unwrap();
    let pack = folder.path().join("mine");
    for room in ["rules", "keywords", "patterns", "answers"] {
        std::fs::create_dir_all(pack.join(room)).unwrap();
    }
    std::fs::write(pack.join("pack.toml"), "id = \"mine\"\nversion = \"1\"\n").unwrap();
    std::fs::write(pack.join(file), body).unwrap();
    let ran = menshen().folder(folder.path()).packs(&["mine"]).run(&["packs", "check"], b"");
    (folder, ran)
}

#[test]
fn packs_check_names_file_line_and_column_of_every_mistake() {
    for (file, body, place) in [
        ("rules/a.toml", "[[rule]]\nid = \"a\"\nwhen = { risc = [\"A1a\"] }\nthen = \"block\"\n", "rules/a.toml:3:"),
        ("rules/a.toml", "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"blok\"\n", "rules/a.toml:4:"),
        (
            "rules/a.toml",
            "[[rule]]\nid = \"a\"\nwhen = { cel = \"risk.score >\" }\nthen = \"block\"\n",
            "rules/a.toml:3:",
        ),
        ("rules/a.toml", "[[rule]]\nid = \"a\"\nwhen = {}\nthen = \"block\"\n\n[[rule]\n", "rules/a.toml:6:"),
        (
            "patterns/a.toml",
            "[[pattern]]\nid = \"pii.x\"\nlabel = \"x\"\nfamily = \"pii\"\nregex = '(['\nscore = 0.9\n",
            "patterns/a.toml:5:",
        ),
        ("keywords/a.txt", "# id: kw.a\n# colour: purple\n词语\n", "keywords/a.txt:2:"),
        ("answers/a.toml", "[[answer]]\nid = \"a\"\nquestions = [\"问\"]\nanswer = 7\n", "answers/a.toml:4:"),
    ] {
        let (_folder, ran) = broken(file, body);
        assert_eq!(ran.code, 1, "{file}: {ran:?}");
        let line = ran.out.lines().find(|l| l.contains(place)).unwrap_or_else(|| panic!("no {place} in {}", ran.out));
        assert!(line.contains("error: ") && line.contains('('), "no remedy: {line}");
        let column = line.split(place).nth(1).unwrap().split(':').next().unwrap();
        assert!(column.parse::<usize>().is_ok_and(|c| c > 0), "no column: {line}");
    }
}

#[test]
fn packs_check_and_list_pass_what_is_whole() {
    let ran = menshen().run(&["packs", "check"], b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = menshen().packs(&["base", "intl"]).run(&["packs", "check"], b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = probe().run(&["packs", "list"], b"");
    assert!(ran.code == 0 && ran.out.contains("probe/banned@2") && ran.out.contains('7'), "{ran:?}");
}

#[test]
fn answers_come_back_from_a_spreadsheet_as_they_went() {
    let dir = TempDir::new().unwrap();
    let probe = probe();
    for (name, again) in [("a.csv", "a.toml"), ("b.xlsx", "b.toml")] {
        let out = probe.run_in(dir.path(), &["answers", "export", name, "--pack", "probe"], b"");
        assert_eq!(out.code, 0, "{out:?}");
        let back = probe.run_in(dir.path(), &["answers", "import", name, "-o", again], b"");
        assert_eq!(back.code, 0, "{back:?}");
    }
    let straight = probe.run_in(dir.path(), &["answers", "export", "c.toml", "--pack", "probe"], b"");
    assert_eq!(straight.code, 0, "{straight:?}");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(read("a.csv").contains("沈青梧"));
    assert_eq!(read("a.toml"), read("c.toml"));
    assert_eq!(read("b.toml"), read("c.toml"));
    let over = probe.run_in(dir.path(), &["answers", "import", "a.csv", "-o", "a.toml"], b"");
    assert_eq!(over.code, 2, "{over:?}");
    // The pack that was written is one.
    let mine = dir.path().join("packs/mine/answers");
    std::fs::create_dir_all(&mine).unwrap();
    std::fs::write(dir.path().join("packs/mine/pack.toml"), "id = \"mine\"\nversion = \"1\"\n").unwrap();
    std::fs::copy(dir.path().join("a.toml"), mine.join("a.toml")).unwrap();
    let asked = menshen()
        .folder(dir.path().join("packs"))
        .packs(&["mine"])
        .run(&["answers", "ask", "墨渠工程的总设计师是谁"], b"");
    assert!(asked.code == 0 && asked.out.contains("mine/probe.founder@4"), "{asked:?}");
}

#[test]
fn a_wrong_row_imports_nothing_and_is_named() {
    let dir = TempDir::new().unwrap();
    let csv = "id,version,questions,answer,lang,status\nx,1,\"问一\n问二\n问三\",答,zh,draft\ny,nine,问,答,zh,draft\n";
    std::fs::write(dir.path().join("a.csv"), csv).unwrap();
    let ran = probe().run_in(dir.path(), &["answers", "import", "a.csv", "-o", "a.toml"], b"");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains('3') && ran.err.contains("version"), "{}", ran.err);
    assert!(!dir.path().join("a.toml").exists());
}

#[test]
fn answers_ask_says_when_there_is_none() {
    let ran = probe().run(&["answers", "ask", "今天天气如何"], b"");
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn keys_are_made_listed_and_revoked_on_a_folder_at_rest() {
    let dir = TempDir::new().unwrap();
    let probe = probe();
    let made = probe.run_in(dir.path(), &["keys", "create", "shop", "--app", "shop"], b"");
    assert_eq!(made.code, 0, "{made:?}");
    let secret = made.out.lines().next().unwrap().to_owned();
    let list = probe.run_in(dir.path(), &["keys", "list", "--json"], b"").json();
    let id = list[0]["id"].as_str().unwrap().to_owned();
    assert!(secret.contains(&id) && !list.to_string().contains(&secret));
    assert_eq!(probe.run_in(dir.path(), &["keys", "revoke", &id], b"").code, 0);
    assert!(!probe.run_in(dir.path(), &["keys", "list", "--json"], b"").json()[0]["revoked_us"].is_null());
    assert_eq!(probe.run_in(dir.path(), &["keys", "revoke", "nobody"], b"").code, 2);
    assert_eq!(probe.run_in(dir.path(), &["audit", "verify"], b"").code, 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = packs();
    let lines: String = (0..3_000).map(|n| format!("{{\"id\":\"{n}\",\"text\":\"你好\"}}\n")).collect();
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("many.jsonl"), lines).unwrap();
    let mut command = std::process::Command::new("sh");
    let script = format!(
        "'{}' --pack-folders '{}' --packs probe check --jsonl many.jsonl 2>err | head -n 1; cat err",
        env!("CARGO_BIN_EXE_menshen"),
        folder.display()
    );
    let output = command.current_dir(dir.path()).args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
}
