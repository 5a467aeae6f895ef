use std::path::PathBuf;

use super::*;

fn bank() -> Bank {
    let generated = r#"{"id":"G-A1a-001","text":"一二三四","lang":"zh","form":"task","added":"2026-09-30"}
{"id":"G-A1a-002","text":"one two","lang":"en","modality":"image","added":"2026-10-01"}
{"id":"G-A1a-003","text":"早已停用","lang":"zh","added":"2026-10-02","retired":"2026-11-20"}"#;
    let answer = r#"{"id":"N-system-001","text":"以后的","lang":"zh","added":"2027-10-02"}"#;
    let files = [("generated/A1a.jsonl", generated), ("answer/system.jsonl", answer)];
    Bank::of_files("test", files.map(|(path, text)| (PathBuf::from(path), text.into())).into()).unwrap()
}

#[test]
fn figures_are_of_current_questions() {
    let stats = stats(&bank());
    let generated = &stats.banks[0];
    assert_eq!((generated.current, generated.retired), (2, 1));
    assert_eq!(generated.langs, [("en".to_owned(), 1), ("zh".to_owned(), 1)].into());
    assert_eq!(generated.modalities, [(Modality::Text, 1), (Modality::Image, 1)].into());
    assert_eq!(generated.added, [("2026-09".to_owned(), 1), ("2026-10".to_owned(), 2)].into());
    assert_eq!(generated.retired_by_month, [("2026-11".to_owned(), 1)].into());
    assert_eq!(generated.last_update.as_deref(), Some("2026-11-20"));
    assert_eq!(generated.length, Lengths { min: 4, p10: 4, p50: 4, p90: 7, max: 7 });
    assert_eq!(generated.groups.len(), 31);
    assert_eq!((generated.groups[0].current, generated.groups[0].retired, generated.groups[1].current), (2, 1, 0));
    assert_eq!(stats.banks[1].current, 0);
    assert_eq!(stats.banks[1].length, Lengths::default());
    assert!(serde_json::to_string(&stats).unwrap().contains(r#""forms":{"direct":1,"task":1}"#));
}

#[test]
fn the_table_has_a_row_for_each_group_and_bank() {
    for chinese in [true, false] {
        let table = stats(&bank()).table(chinese);
        assert_eq!(table.len(), 1 + (31 + 1) + (17 + 1) + (13 + 1));
        assert!(table.iter().all(|row| row.len() == table[0].len()));
        assert_eq!(table[1][1..7], ["A1a", table[1][2].as_str(), "2", "1", "1", "1"]);
    }
    assert_eq!(stats(&bank()).table(true)[0][..7], ["题库", "编号", "风险或方面", "题数", "已停用", "en", "zh"]);
}

#[test]
fn updates_are_due_after_the_last_change() {
    let updates = super::updates(&bank(), "2026-12-01", 31);
    assert_eq!(
        updates[0],
        Update {
            bank: BankKind::Generated,
            last: Some("2026-11-20".into()),
            added_in_last_days: 0,
            retired_in_last_days: 1,
            due: "2026-12-21".into(),
            overdue: false,
        }
    );
    // Never filled; and a date in the future is not believed.
    for update in &updates[1..] {
        assert_eq!((&update.last, update.due.as_str(), update.overdue), (&None, "2026-12-01", true));
    }
    assert!(super::updates(&bank(), "2026-12-22", 31)[0].overdue);
    assert!(!super::updates(&bank(), "2026-12-21", 31)[0].overdue);
    assert!(super::updates(&bank(), "no date", 31).iter().all(|u| u.overdue));
    assert!(!super::updates(&bank(), "2026-12-21", u32::MAX)[0].overdue);
}
