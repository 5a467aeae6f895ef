use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const TODAY: &str = "2026-12-01";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn new(bank: BankKind, group: &str, text: &str) -> NewQuestion {
    NewQuestion {
        bank,
        group: Group::parse(bank, group).unwrap(),
        text: text.to_owned(),
        lang: "zh".to_owned(),
        form: Form::Direct,
        modality: Modality::Text,
        also: Vec::new(),
        source: String::new(),
    }
}

/// Everything in a folder: paths with contents.
fn everything(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path.clone());
                all.insert(path.display().to_string(), Vec::new());
            } else {
                all.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

const ROW: &str = r#"{"text": "旧问题", "id":"G-A1a-007","lang":"zh","added":"2026-11-22"}"#;

#[test]
fn new_questions_go_on_from_the_highest_number_and_old_rows_stay() {
    let folder = folder(&[("generated/A1a.jsonl", ROW)]);
    let questions = vec![
        new(BankKind::Generated, "A1a", "第一个"),
        new(BankKind::Answer, "system", "第二个"),
        new(BankKind::Generated, "A1a", "第三个\n有两行"),
    ];
    let ids = add(folder.path(), questions, TODAY).unwrap();
    assert_eq!(ids, ["G-A1a-008", "N-system-001", "G-A1a-009"]);
    let text = fs::read_to_string(folder.path().join("generated/A1a.jsonl")).unwrap();
    assert!(text.starts_with(&format!("{ROW}\n{{")) && text.ends_with("}\n"), "{text}");
    let bank = Bank::load(folder.path()).unwrap();
    assert_eq!(bank.by_id("G-A1a-009").unwrap().text, "第三个\n有两行");
    assert_eq!(bank.by_id("N-system-001").unwrap().added, TODAY);
    assert_eq!(everything(folder.path()).len(), 4, "nothing is left behind");
}

#[test]
fn an_empty_place_becomes_a_bank_and_a_refused_change_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("own");
    assert!(add(&place, vec![new(BankKind::Refuse, "A2a", " ")], TODAY).is_err());
    assert!(!place.exists());
    assert_eq!(add(&place, vec![new(BankKind::Refuse, "A2a", "问")], TODAY).unwrap(), ["R-A2a-001"]);
    assert_eq!(Bank::load(&place).unwrap().questions().len(), 1);
}

#[test]
fn beside_another_bank_numbers_and_texts_are_taken() {
    let shipped = folder(&[("generated/A1a.jsonl", ROW)]);
    let shipped = Bank::load(shipped.path()).unwrap();
    let own = tempfile::tempdir().unwrap();
    let ids = add_beside(own.path(), vec![new(BankKind::Generated, "A1a", "新问题")], TODAY, &shipped).unwrap();
    assert_eq!(ids, ["G-A1a-008"]);
    let error = add_beside(own.path(), vec![new(BankKind::Generated, "A1b", "旧 问题!")], TODAY, &shipped).unwrap_err();
    assert!(error.to_string().contains("row 1: it asks the same as G-A1a-007"), "{error}");
}

#[test]
fn wrong_and_repeated_questions_are_named_and_nothing_changes() {
    let folder = folder(&[("generated/A1a.jsonl", ROW)]);
    let before = everything(folder.path());
    let mut wrong = new(BankKind::Refuse, "A1a", "问");
    wrong.group = Group::parse(BankKind::Generated, "A3a").unwrap();
    wrong.lang = "Klingon".to_owned();
    let questions = vec![
        new(BankKind::Generated, "A1b", "新的"),
        new(BankKind::Generated, "A1b", "舊問題？"),
        wrong,
        new(BankKind::Generated, "A1b", "新 的"),
        new(BankKind::Generated, "A1b", "\u{1}"),
    ];
    let error = add(folder.path(), questions, TODAY).unwrap_err().to_string();
    for part in [
        "row 2: it asks the same as G-A1a-007",
        "row 3: A3a is no group",
        "row 3: \"Klingon\"",
        "row 4: it asks the same as row 1",
        "row 5: the question has the control character",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("row 1:"));
    assert!(add(folder.path(), Vec::new(), "1.12.2026").is_err());
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn retired_questions_keep_their_rows() {
    let second = "{\"id\":\"G-A1a-002\",\"text\":\"二\",\"lang\":\"zh\",\"added\":\"2026-11-22\",\"retired\":null}\r\n";
    let text = format!("{ROW}  \r\n\r\n{second}{}", ROW.replace("007", "008").replace("旧", "另"));
    let folder = folder(&[("generated/A1a.jsonl", &text), ("refuse/A1a.jsonl", &ROW.replace("G-", "R-"))]);
    let ids = ["G-A1a-007", "G-A1a-002", "G-A1a-007", "R-A1a-007"].map(str::to_owned);
    assert_eq!(retire(folder.path(), &ids, TODAY).unwrap(), 3);
    let after = fs::read_to_string(folder.path().join("generated/A1a.jsonl")).unwrap();
    let rows: Vec<&str> = after.split_inclusive('\n').collect();
    assert_eq!(rows[0], format!("{},\"retired\":\"{TODAY}\"}}  \r\n", &ROW[..ROW.len() - 1]));
    assert_eq!(rows[1], "\r\n");
    assert!(rows[2].ends_with("\r\n"));
    assert!(text.ends_with(rows[3]));
    let bank = Bank::load(folder.path()).unwrap();
    let current: Vec<&str> = bank.questions().iter().filter(|q| q.is_current()).map(|q| q.id.as_str()).collect();
    assert_eq!(current, ["G-A1a-008"]);
    // A text that was retired may come back, under a new number.
    assert_eq!(add(folder.path(), vec![new(BankKind::Generated, "A1a", "二")], TODAY).unwrap(), ["G-A1a-009"]);
}

#[test]
fn unknown_and_retired_ids_are_named_and_nothing_changes() {
    let folder = folder(&[("generated/A1a.jsonl", ROW)]);
    retire(folder.path(), &["G-A1a-007".to_owned()], TODAY).unwrap();
    let before = everything(folder.path());
    let ids = ["G-A1a-007", "G-A1a-099"].map(str::to_owned);
    let error = retire(folder.path(), &ids, TODAY).unwrap_err().to_string();
    assert!(error.contains("G-A1a-007: it was retired already, on 2026-12-01"), "{error}");
    assert!(error.contains("G-A1a-099: there is no such question"), "{error}");
    assert_eq!(everything(folder.path()), before);
    assert!(retire(&folder.path().join("nowhere"), &ids, TODAY).is_err());
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_damaged_bank_is_not_changed() {
    let folder = folder(&[("generated/A1a.jsonl", "{oops")]);
    let before = everything(folder.path());
    assert!(add(folder.path(), vec![new(BankKind::Generated, "A1b", "新")], TODAY).is_err());
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn when_one_file_cannot_be_put_in_place_all_are_set_back() {
    let folder = folder(&[("generated/A1a.jsonl", ROW)]);
    let before = everything(folder.path());
    let first = folder.path().join("generated/A1a.jsonl");
    let second = folder.path().join("refuse/A1a.jsonl");
    // The third is a folder by the time of the renaming: it cannot be replaced by a file.
    let third = folder.path().join("answer/system.jsonl");
    fs::create_dir_all(third.join("inside")).unwrap();
    let changes = vec![
        Change { path: first.clone(), before: Some(ROW.into()), after: b"new".to_vec() },
        Change { path: second.clone(), before: None, after: b"new".to_vec() },
        Change { path: third.clone(), before: None, after: b"new".to_vec() },
    ];
    assert!(commit(folder.path(), &changes).is_err());
    fs::remove_dir_all(third.parent().unwrap()).unwrap();
    assert_eq!(everything(folder.path()), before);
    // What was changed meanwhile is not written over.
    let stale = [Change { path: first, before: Some(b"else".to_vec()), after: b"new".to_vec() }];
    assert!(commit(folder.path(), &stale).unwrap_err().to_string().contains("meanwhile"));
    assert_eq!(everything(folder.path()), before);
}

#[test]
fn two_changes_do_not_run_at_once() {
    let folder = folder(&[("generated/A1a.jsonl", ROW)]);
    let held = lock(folder.path()).unwrap();
    if held.is_some() {
        let error = retire(folder.path(), &["G-A1a-007".to_owned()], TODAY).unwrap_err();
        assert!(error.to_string().contains("under way"), "{error}");
    }
    drop(held);
    assert!(retire(folder.path(), &["G-A1a-007".to_owned()], TODAY).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn old_rows_keep_every_byte(
        old in prop::collection::vec(("[ \\t]{0,2}", "\\PC{1,20}", "\n|\r\n|\n\n"), 1..8),
        fresh in prop::collection::vec("\\PC{1,20}", 0..5),
        which in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut text = String::new();
        for (n, (space, asked, end)) in (1..).zip(&old) {
            let asked = serde_json::to_string(&format!("{n} {asked}")).unwrap();
            text += &format!("{space}{{\"id\":\"G-A1a-{n:03}\", \"lang\":\"zh\",\"text\":{asked} ,\"added\":\"2026-11-22\"}}{space}{end}");
        }
        let folder = folder(&[("generated/A1a.jsonl", &text)]);
        let path = folder.path().join("generated/A1a.jsonl");
        let fresh: Vec<NewQuestion> =
            fresh.iter().map(|t| new(BankKind::Generated, "A1a", t)).filter(|q| q.problems().is_empty()).collect();
        let (count, added) = (fresh.len(), add(folder.path(), fresh, TODAY));
        let after = fs::read_to_string(&path).unwrap();
        prop_assert!(after.starts_with(&text));
        match added {
            Ok(ids) => prop_assert_eq!(ids.len(), count),
            Err(_) => prop_assert_eq!(&after, &text),
        }
        let ids: BTreeSet<String> = which.iter().map(|i| format!("G-A1a-{:03}", i.index(old.len()) + 1)).collect();
        prop_assert_eq!(retire(folder.path(), &ids.iter().cloned().collect::<Vec<_>>(), TODAY).unwrap(), ids.len());
        let retired = fs::read_to_string(&path).unwrap();
        let with_date = format!(",\"retired\":\"{TODAY}\"}}");
        prop_assert_eq!(retired.lines().count(), after.lines().count());
        for (before, now) in after.split_inclusive('\n').zip(retired.split_inclusive('\n')) {
            let is_named = ids.iter().any(|id| before.contains(id));
            prop_assert_eq!(now.replace(&with_date, "}"), before);
            prop_assert_eq!(now != before, is_named);
        }
        prop_assert_eq!(Bank::load(folder.path()).unwrap().questions().iter().filter(|q| !q.is_current()).count(), ids.len());
    }
}
