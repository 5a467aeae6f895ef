//! Keyword lists: imported from any layout, counted, thinned out.

use std::path::Path;

use menshen_testkit::{Launcher, Ran};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{menshen, probe, root};

fn write(dir: &TempDir, name: &str, body: impl AsRef<[u8]>) {
    std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
    std::fs::write(dir.path().join(name), body).unwrap();
}

fn read(dir: &TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

fn lexicon(launcher: &Launcher, dir: &Path, args: &[&str]) -> Ran {
    launcher.run_in(dir, &[&["lexicon"], args].concat(), b"")
}

#[test]
fn import_reads_layouts_drops_what_is_no_word_and_says_why() {
    let dir = TempDir::new().unwrap();
    write(&dir, "a.txt", "\u{feff}鸩酒方,7\r\n赤鳞帖,3\r\n鴆酒方,3\r\n淫,1\r\n12345,1\r\nexample.com,1\r\n");
    write(&dir, "b.json", "[{\"word\":\"青蚨令\"},{\"word\":\"龙渊会\"}]");
    // GB18030 of 玄冥符.
    write(&dir, "c.txt", b"\xd0\xfe\xda\xa4\xb7\xfb\r\n");
    let files = ["a.txt", "b.json", "c.txt"];
    let import = |more: &[&str]| lexicon(&probe(), dir.path(), &[&["import"], &files[..], more].concat());

    let ran = import(&["--risk", "A1h", "--id", "kw.mine.test", "--out", "mine.txt", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = ran.json();
    assert_eq!((&report["words"], &report["written"], &report["colour"]), (&json!(5), &json!(5), &json!("grey")));
    let dropped = json!({"one_character": 1, "digits_or_signs": 1, "link": 1, "duplicate": 1});
    assert_eq!(report["dropped"], dropped, "{report}");
    let layouts: Vec<&Value> = report["files"].as_array().unwrap().iter().map(|f| &f["layout"]).collect();
    assert_eq!(layouts, ["comma-separated", "json", "words"]);
    assert_eq!(report["files"][2]["encoding"], "GB18030");
    // The loaded packs know one of them.
    assert_eq!(report["known"], 1);
    assert_eq!(report["known_words"][0]["word"], "龙渊会");
    let list = read(&dir, "mine.txt");
    assert!(
        list.starts_with("# id: kw.mine.test\n# title: a.txt, b.json, c.txt\n# colour: grey\n# risk: A1h\n"),
        "{list}"
    );
    assert!(list.ends_with("鸩酒方\n赤鳞帖\n青蚨令\n龙渊会\n玄冥符\n"), "{list}");

    // Never over a file that is there, unless told to.
    let again = import(&["--risk", "A1d", "--out", "mine.txt"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.err.contains("--force") && read(&dir, "mine.txt") == list, "{again:?}");
    let forced = import(&["--risk", "A1d", "--colour", "black", "--new-only", "--out", "mine.txt", "--force"]);
    assert_eq!(forced.code, 0, "{forced:?}");
    let list = read(&dir, "mine.txt");
    assert!(list.contains("# colour: black\n# risk: A1d\n") && !list.contains("龙渊会"), "{list}");
    // Without a file, the list goes to standard output and the report does not.
    let piped = import(&["--risk", "A1h"]);
    assert!(piped.out.starts_with("# id: kw.import.a1h\n") && piped.err.contains("web address"), "{piped:?}");
    let no_parts =
        std::fs::read_dir(dir.path()).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().contains("part"));
    assert!(no_parts);
}

#[test]
fn an_imported_list_is_in_force_in_a_pack_of_ones_own() {
    let dir = TempDir::new().unwrap();
    write(&dir, "list.txt", "鸩酒方\n赤鳞帖\n");
    write(&dir, "packs/mine/pack.toml", "id = \"mine\"\nversion = \"1\"\n");
    std::fs::create_dir_all(dir.path().join("packs/mine/keywords")).unwrap();
    let args = ["import", "list.txt", "--risk", "A1h", "--id", "kw.mine", "--out", "packs/mine/keywords/mine.txt"];
    assert_eq!(lexicon(&probe(), dir.path(), &args).code, 0);
    let mine = menshen().folder(dir.path().join("packs")).packs(&["mine"]);
    let checked = mine.run(&["packs", "check"], b"");
    assert!(checked.code == 0 && checked.out.contains("2 words"), "{checked:?}");
    let found = mine.run(&["check", "--json", "哪有赤*鱗*帖"], b"").json();
    assert_eq!(found["findings"][0]["detector"], "kw.mine", "{found}");
}

#[test]
fn import_names_what_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    write(&dir, "broken.json", "[\"甲词\", ");
    write(&dir, "gbk.txt", b"\xbc\xd7\xb4\xca\xd2\xd2\xb4\xca");
    write(&dir, "plain.txt", "甲词\n乙词\n");
    for (args, code, says) in [
        (&["import", "broken.json", "--risk", "A1h", "--format", "json"][..], 2, "broken.json is not JSON"),
        (&["import", "gbk.txt", "--risk", "A1h", "--encoding", "utf-8"], 2, "--encoding"),
        (&["import", "plain.txt", "--risk", "A1h", "--column", "2"], 2, "no column 2"),
        (&["import", "plain.txt", "--risk", "A9z"], 2, "A9z"),
        (&["import", "plain.txt"], 2, "--risk"),
        (&["import", "plain.txt", "--risk", "A1h", "--id", "Not An Id"], 2, "kw.my.list"),
        (&["import", "plain.txt", "--risk", "A1h", "--score", "2"], 2, "--score"),
        (&["import", "/no/such/list.txt", "--risk", "A1h"], 3, "/no/such/list.txt"),
        (&["import", "plain.txt", "--risk", "A1h", "--out", "no/such/folder/a.txt"], 3, "no/such/folder"),
    ] {
        let ran = lexicon(&probe(), dir.path(), args);
        assert!(ran.code == code && ran.err.contains(says), "{args:?}: {ran:?}");
    }
}

#[test]
fn import_reads_the_public_lists_as_their_owners_lay_them_out() {
    let folder = root().join("../shared/data/lexicon");
    let Ok(files) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is not here; it is no part of the repository", folder.display());
        return;
    };
    let mut paths: Vec<String> = files.map(|f| f.unwrap().path().to_str().unwrap().to_owned()).collect();
    paths.sort();
    let files: Vec<&str> = paths.iter().map(String::as_str).collect();
    let dir = TempDir::new().unwrap();
    let args = [&["import"], &files[..], &["--risk", "A1h", "--out", "all.txt", "--json"]].concat();
    let report = lexicon(&probe(), dir.path(), &args).json();
    let entries: u64 = report["files"].as_array().unwrap().iter().map(|f| f["entries"].as_u64().unwrap()).sum();
    let words = report["words"].as_u64().unwrap();
    let dropped: u64 = report["dropped"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(entries, words + dropped, "{report}");
    assert!(words > 40_000, "{words}");
    // What was written is read as it was written.
    let again = lexicon(&probe(), dir.path(), &["import", "all.txt", "--risk", "A1h", "--json"]).json();
    assert_eq!((&again["words"], &again["dropped"]), (&json!(words), &json!({})));
}

#[test]
fn stats_hold_the_library_against_the_standard() {
    // The packs that ship are what the standard asks for.
    let ran = menshen().run(&["lexicon", "stats", "--require", "--json"], b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let stats = ran.json();
    assert_eq!((&stats["met"], &stats["missing"]), (&json!(true), &json!([])));
    assert!(stats["a1_a2"].as_u64().unwrap() >= 10_000);
    assert_eq!(stats["risks"].as_array().unwrap().len(), 31);
    assert!(stats["long_share"].as_f64().unwrap() < 0.05);

    let dir = TempDir::new().unwrap();
    write(&dir, "lists/a.txt", "# id: kw.a\n# risk: A1a\n鸩酒方\n配鸩酒方子\n赤鳞帖\n");
    write(&dir, "lists/b.txt", "# id: kw.b\n# risk: A2a\n鴆酒方\n一二三四五六七八九十一\n");
    write(&dir, "lists/README.txt", "no list");
    let own = |more: &[&str]| lexicon(&probe(), dir.path(), &[&["stats", "--lists", "lists"], more].concat());
    assert_eq!(own(&[]).code, 0);
    let ran = own(&["--require"]);
    assert!(ran.code == 1 && ran.out.contains("NOT MET: the whole has 4 of 10000, A1a has 3 of 200"), "{}", ran.out);
    let stats = own(&["--json"]).json();
    assert_eq!((&stats["words"], &stats["distinct"], &stats["long"]), (&json!(5), &json!(4), &json!(1)));
    let places: Vec<&Value> = stats["duplicates"][0].as_array().unwrap().iter().map(|d| &d["place"]).collect();
    assert_eq!(places, ["lists/a.txt:3", "lists/b.txt:3"]);
    assert_eq!(stats["redundant"][0]["word"]["word"], "配鸩酒方子");
    assert_eq!(stats["redundant"][0]["holds"]["word"], "鸩酒方");
    assert_eq!(lexicon(&probe(), dir.path(), &["stats", "--lists", "nowhere"]).code, 3);
    write(&dir, "empty/x.txt", "no list");
    assert_eq!(lexicon(&probe(), dir.path(), &["stats", "--lists", "empty"]).code, 2);
}

const BLACK: &str = "# id: kw.mine\n# title: 我的词\n# risk: A1h\n# score: 0.9\n\n# 常见的\n鸩酒方\tscore=0.5\trisk=A1d\n赤鳞帖\n# 少见的\n青蚨令\n玄冥符\n";

fn texts(of: &[(&str, usize)]) -> String {
    let line = |text: &str| format!("{}\n", json!({"q": text}));
    of.iter().flat_map(|(text, times)| std::iter::repeat_n(line(text), *times)).collect()
}

fn to_prune() -> TempDir {
    let dir = TempDir::new().unwrap();
    write(&dir, "packs/mine/pack.toml", "id = \"mine\"\nversion = \"1\"\n");
    write(&dir, "packs/mine/keywords/mine.txt", BLACK);
    write(&dir, "packs/mine/keywords/white.txt", "# id: kw.white\n# colour: white\n玄冥符号学\n");
    let benign = [
        ("史书里的鸩酒方", 10),
        ("看赤*鱗*帖的书法", 12),
        ("青蚨令是小说里的词", 1),
        ("玄冥符号学", 40),
        ("今天天气如何", 937),
    ];
    write(&dir, "benign.jsonl", texts(&benign));
    write(&dir, "risky.jsonl", texts(&[("给我鸩酒方", 3), ("别的坏话", 97)]));
    dir
}

#[test]
fn prune_proposes_by_the_stated_rule_and_writes_nothing() {
    let dir = to_prune();
    let launcher = menshen().folder(dir.path().join("packs")).packs(&["mine"]);
    let prune = |more: &[&str]| {
        let base = ["prune", "--benign", "benign.jsonl", "--field", "q", "--json"];
        lexicon(&launcher, dir.path(), &[&base[..], more].concat())
    };
    let proposals = |ran: &Ran| -> Vec<(String, u64, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let all = ran.json()["proposals"].as_array().unwrap().clone();
        all.iter().map(|p| (text(&p["word"]), p["benign"].as_u64().unwrap(), text(&p["proposal"]))).collect()
    };
    let of = |word: &str, benign: u64, action: &str| (word.to_owned(), benign, action.to_owned());

    let ran = prune(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(proposals(&ran), [of("赤鳞帖", 12, "grey"), of("鸩酒方", 10, "grey"), of("青蚨令", 1, "keep")]);
    let first = &ran.json()["proposals"][0];
    assert!(first["place"].as_str().unwrap().ends_with("packs/mine/keywords/mine.txt:8"), "{first}");
    assert_eq!((&first["found_by"]["tight"], &first["found_by"]["folded"]), (&json!(12), &json!(0)));
    assert_eq!(first["examples"][0], "benign.jsonl:11");
    // 12 of 1,000 at 95%: the interval begins at 0.69%.
    assert!((first["rate_low"].as_f64().unwrap() - 0.0069).abs() < 0.0005, "{first}");

    // What hits nothing risky goes; what finds risky texts above all would stay.
    let ran = prune(&["--risky", "risky.jsonl"]);
    assert_eq!(proposals(&ran)[..2], [of("赤鳞帖", 12, "drop"), of("鸩酒方", 10, "grey")]);
    let ran = prune(&["--risky", "risky.jsonl", "--keep-precision", "0.7"]);
    assert_eq!(proposals(&ran)[1], of("鸩酒方", 10, "keep"));
    // What would be over the limit as a grey word goes at once.
    assert_eq!(proposals(&prune(&["--max-grey-rate", "0.006"]))[0], of("赤鳞帖", 12, "drop"));
    // With room enough, nothing has to change.
    assert_eq!(prune(&["--max-rate", "0.05"]).code, 0);
    assert_eq!(read(&dir, "packs/mine/keywords/mine.txt"), BLACK);
    let table = launcher.run_in(dir.path(), &["lexicon", "prune", "--benign", "benign.jsonl", "--field", "q"], b"");
    assert!(table.out.contains("tight 12") && table.out.contains("nothing was written"), "{}", table.out);
}

#[test]
fn prune_apply_rewrites_the_lists_and_keeps_comments() {
    let dir = to_prune();
    let args = |more: &[&'static str]| -> Vec<&str> {
        let base = ["prune", "--benign", "benign.jsonl", "--risky", "risky.jsonl", "--field", "q", "--lists"];
        [&base[..], &["packs/mine"], more].concat()
    };
    let ran = lexicon(&probe(), dir.path(), &args(&["--apply"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("dropped 1 and moved 1"), "{}", ran.out);
    let black = "# id: kw.mine\n# title: 我的词\n# risk: A1h\n# score: 0.9\n\n# 常见的\n# 少见的\n青蚨令\n玄冥符\n";
    assert_eq!(read(&dir, "packs/mine/keywords/mine.txt"), black);
    let grey =
        "# id: kw.mine.grey\n# title: 我的词（灰）\n# colour: grey\n# risk: A1h\n# level: related\n鸩酒方\trisk=A1d\n";
    assert_eq!(read(&dir, "packs/mine/keywords/mine-grey.txt"), grey);
    let launcher = menshen().folder(dir.path().join("packs")).packs(&["mine"]);
    let checked = launcher.run(&["packs", "check"], b"");
    assert!(checked.code == 0 && checked.out.contains("0 errors") && checked.out.contains("; 4 words"), "{checked:?}");
    // Nothing is left to do, and nothing is written.
    let again = lexicon(&probe(), dir.path(), &args(&["--apply", "--json"]));
    assert_eq!((again.code, &again.json()["applied"]["files"]), (0, &json!([])));
    // What is built in cannot be rewritten.
    let built_in = ["prune", "--benign", "benign.jsonl", "--field", "q", "--apply"];
    assert_eq!(lexicon(&probe(), dir.path(), &built_in).code, 2);
}

#[test]
fn prune_names_a_bad_line() {
    let dir = to_prune();
    write(&dir, "bad.jsonl", "{\"text\":\"好\"}\n{\"text\":7}\n");
    let ran = lexicon(&probe(), dir.path(), &["prune", "--benign", "bad.jsonl"]);
    assert!(ran.code == 2 && ran.err.contains("bad.jsonl:2:"), "{ran:?}");
    write(&dir, "none.jsonl", "\n");
    assert_eq!(lexicon(&probe(), dir.path(), &["prune", "--benign", "none.jsonl"]).code, 2);
    assert_eq!(lexicon(&probe(), dir.path(), &["prune", "--benign", "/no/such"]).code, 3);
}
