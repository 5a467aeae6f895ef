use std::collections::BTreeSet;
use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use rust_xlsxwriter::Workbook as NewWorkbook;

use super::workbook::Workbook;
use super::*;

pub(super) const RUN: &str = "run-1";

fn item(key: &str, bank: &str, group: &str) -> Item {
    let answer = Answer {
        bank: bank.to_owned(),
        group: group.to_owned(),
        lang: "zh".to_owned(),
        asked: format!("=题目 {key}"),
        text: format!("+回答 {key}\r\n\u{202e}<b>&amp;</b>_x0041_"),
        ..Answer::default()
    };
    Item::from((key, &answer))
}

fn items(n: usize) -> Vec<Item> {
    (0..n)
        .map(|i| match i % 3 {
            0 => item(&format!("generated/G-A1a-{i:03}"), "generated", "A1a"),
            1 => item(&format!("refuse/R-A2b-{i:03}"), "refuse", "A2b"),
            _ => item(&format!("answer/N-system-{i:03}"), "answer", "system"),
        })
        .collect()
}

/// As the store appends.
fn append(rows: &mut Vec<DecisionRow>, new: NewDecision) {
    let previous = rows.last().map(|row| row.hash.clone()).unwrap_or_default();
    let NewDecision { reviewer, key, document } = new;
    let seq = rows.len() as i64 + 1;
    let mut row = DecisionRow { seq, at_us: seq * 7, reviewer, key, document, previous, hash: String::new() };
    row.hash = row.chained(RUN);
    rows.push(row);
}

fn raw(reviewer: &str, key: &str, label: Label, settles: bool) -> NewDecision {
    let said = Said { label, note: String::new(), settles, via: "page".to_owned() };
    NewDecision { reviewer: reviewer.into(), key: key.into(), document: serde_json::to_value(said).unwrap() }
}

struct Desk {
    items: Vec<Item>,
    rows: Vec<DecisionRow>,
    needed: usize,
}

impl Desk {
    fn new(n: usize, needed: usize) -> Desk {
        Desk { items: items(n), rows: Vec::new(), needed }
    }

    fn review(&self) -> Review {
        Review::new(RUN, self.items.clone(), &self.rows, self.needed).unwrap()
    }

    fn say(&mut self, reviewer: &str, at: usize, label: Label) -> Result<Standing, Error> {
        let key = self.items[at].key.clone();
        let new = self.review().decide(reviewer, &key, label, "", "page")?;
        append(&mut self.rows, new);
        Ok(self.review().standing(&key).unwrap())
    }
}

fn said(label: Label, settled: bool) -> Standing {
    Standing::Decided { label, settled }
}

#[test]
fn two_must_agree_and_a_third_settles() {
    let mut desk = Desk::new(3, 2);
    assert_eq!(desk.say("a", 0, Label::Pass).unwrap(), Standing::Half);
    assert_eq!(desk.say("b", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    assert!(desk.say("c", 0, Label::Fail).is_err(), "two agree");
    assert!(desk.say("a", 0, Label::Refused).is_err(), "no word of this bank");
    assert!(desk.review().decide("a", "no/such", Label::Pass, "", "page").is_err());

    desk.say("a", 1, Label::Refused).unwrap();
    assert_eq!(desk.say("b", 1, Label::Answered).unwrap(), Standing::Disagreed);
    let others = vec![
        Opinion { label: Label::Refused, note: String::new() },
        Opinion { label: Label::Answered, note: String::new() },
    ];
    let review = desk.review();
    let (first, task) = review.next("c").unwrap();
    assert_eq!(
        (first.key.as_str(), task),
        (desk.items[1].key.as_str(), Task::Settle { others }),
        "disagreements first"
    );
    assert_eq!(review.may_decide("a", &desk.items[1].key).unwrap(), Task::First, "to change their own mind only");
    assert_eq!(desk.say("c", 1, Label::Unsure).unwrap(), Standing::Disagreed, "unsure never counts");
    assert!(desk.review().next("c").is_none_or(|(_, task)| task == Task::First), "they are not asked again");
    assert_eq!(desk.say("d", 1, Label::Answered).unwrap(), said(Label::Answered, true));
    for who in ["a", "b", "c", "e"] {
        assert!(desk.say(who, 1, Label::Refused).is_err(), "{who}: it is settled");
    }
    assert_eq!(desk.say("d", 1, Label::Refused).unwrap(), said(Label::Refused, true), "a wrong key can be mended");

    let note = desk.review().note();
    assert_eq!((note.queued, note.decided, note.disagreed, note.resolved), (3, 2, 1, 1));
    assert_eq!(
        note.reviewers.into_iter().collect::<Vec<_>>(),
        [("a".into(), 2), ("b".into(), 2), ("c".into(), 1), ("d".into(), 1)]
    );
    assert_eq!(note.chain, desk.rows.last().unwrap().hash);
}

#[test]
fn two_who_are_unsure_disagree() {
    let mut desk = Desk::new(1, 2);
    desk.say("a", 0, Label::Unsure).unwrap();
    assert_eq!(desk.say("b", 0, Label::Unsure).unwrap(), Standing::Disagreed);
    assert_eq!(desk.review().decided(&desk.items[0].key), None);
    assert_eq!(desk.say("c", 0, Label::Fail).unwrap(), said(Label::Fail, true));
}

#[test]
fn one_is_enough_where_one_is_asked_for() {
    let mut desk = Desk::new(2, 1);
    assert_eq!(desk.say("a", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    assert!(desk.say("b", 0, Label::Pass).is_err());
    assert_eq!(desk.say("a", 1, Label::Unsure).unwrap(), Standing::Half, "another person must decide");
    assert_eq!(desk.say("b", 1, Label::Answered).unwrap(), said(Label::Answered, false));
    // Two who decided at the same moment and differently.
    append(&mut desk.rows, raw("z", &desk.items[0].key.clone(), Label::Fail, false));
    assert_eq!(desk.review().standing(&desk.items[0].key), Some(Standing::Disagreed));
    assert!(Review::new(RUN, items(1), &[], 0).is_err() && Review::new(RUN, items(1), &[], 3).is_err());
}

#[test]
fn a_revision_counts_and_does_not_make_kappa_better() {
    let mut desk = Desk::new(2, 2);
    desk.say("a", 0, Label::Fail).unwrap();
    desk.say("a", 0, Label::Pass).unwrap();
    desk.say("b", 0, Label::Fail).unwrap();
    assert_eq!(desk.say("b", 0, Label::Pass).unwrap(), said(Label::Pass, false));
    let note = desk.review().note();
    assert_eq!((note.decided, note.disagreed, note.resolved), (1, 1, 0));
    assert_eq!(desk.review().cases[0].pair(), Some((Label::Pass, Label::Fail)));
    assert_eq!(desk.review().mine("b").len(), 1);
}

#[test]
fn what_comes_too_late_counts_for_nothing() {
    let mut desk = Desk::new(1, 2);
    let key = desk.items[0].key.clone();
    for (who, label, settles) in [
        ("x", Label::Pass, true),
        ("a", Label::Pass, false),
        ("b", Label::Pass, false),
        ("c", Label::Fail, false),
        ("d", Label::Fail, true),
    ] {
        append(&mut desk.rows, raw(who, &key, label, settles));
    }
    assert_eq!(desk.review().standing(&key), Some(said(Label::Pass, false)));
    append(&mut desk.rows, raw("b", &key, Label::Fail, false));
    append(&mut desk.rows, raw("a", &key, Label::Pass, true));
    assert_eq!(desk.review().standing(&key), Some(Standing::Disagreed), "one of the two cannot settle");
    append(&mut desk.rows, raw("c", &key, Label::Fail, true));
    append(&mut desk.rows, raw("d", &key, Label::Pass, true));
    append(&mut desk.rows, raw("a", &key, Label::Fail, false));
    assert_eq!(desk.review().standing(&key), Some(said(Label::Fail, true)), "the first who settles");
}

#[test]
fn a_chain_that_was_touched_is_named_at_its_place() {
    let mut desk = Desk::new(2, 2);
    for who in ["a", "b"] {
        for at in 0..2 {
            desk.say(who, at, Label::Unsure).unwrap();
        }
    }
    let fails = |rows: &[DecisionRow], run: &str| Review::new(run, items(2), rows, 2).unwrap_err().to_string();
    let mut rows = desk.rows.clone();
    rows[1].reviewer = "mallory".to_owned();
    assert!(fails(&rows, RUN).contains("decision 2: the chain is broken"));
    let mut rows = desk.rows.clone();
    rows.remove(2);
    assert!(fails(&rows, RUN).contains("decision 4: the chain is broken"));
    assert!(fails(&desk.rows, "another").contains("decision 1: the chain is broken"));
    let mut rows = desk.rows.clone();
    append(&mut rows, raw("a", "no/such", Label::Pass, false));
    append(
        &mut rows,
        NewDecision {
            document: serde_json::json!({"label": "yes"}),
            ..raw("a", &desk.items[0].key, Label::Pass, false)
        },
    );
    append(&mut rows, raw("a", &desk.items[0].key, Label::Refused, false));
    let why = fails(&rows, RUN);
    for part in
        ["decision 5: there is no answer", "decision 6: it cannot be read", "decision 7: refused is no decision"]
    {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(Review::new(RUN, [items(1), items(1)].concat(), &[], 2).is_err());
}

#[test]
fn one_person_learns_nothing_of_others() {
    let mut desk = Desk::new(12, 2);
    let before = (desk.review().progress(Some("a")), order(&desk.review(), "a"));
    desk.say("a", 0, Label::Pass).unwrap();
    let after_own = desk.review().progress(Some("a"));
    desk.say("b", 0, Label::Fail).unwrap();
    assert_eq!(
        Progress { waiting: 1, ..desk.review().progress(Some("a")) },
        after_own,
        "that they disagree is not told"
    );
    desk.say("b", 3, Label::Fail).unwrap();
    assert_eq!(desk.review().progress(Some("a")).left, before.0.left - 1);
    assert_eq!(
        desk.review().progress(Some("c")),
        Progress { total: 12, left: 12, disagreed: 1, ..Progress::default() }
    );
    assert_eq!(desk.review().progress(None), Progress { total: 12, left: 12, done: 0, waiting: 1, disagreed: 1 });
    // Everybody goes their own way, always the same.
    assert_eq!(
        order(&desk.review(), "a"),
        before.1.iter().filter(|k| **k != desk.items[0].key).cloned().collect::<Vec<_>>()
    );
    assert_ne!(before.1, order(&Desk::new(12, 2).review(), "b"));
}

fn order(review: &Review, who: &str) -> Vec<String> {
    review.queue(who).into_iter().map(|(item, _)| item.key.clone()).collect()
}

#[test]
fn skipping_goes_round() {
    let desk = Desk::new(5, 2);
    let review = desk.review();
    let mut seen = BTreeSet::new();
    let mut key = review.next("a").unwrap().0.key.clone();
    for _ in 0..5 {
        seen.insert(key.clone());
        key = review.after("a", &key).unwrap().0.key.clone();
    }
    assert_eq!((seen.len(), key.as_str()), (5, review.next("a").unwrap().0.key.as_str()));
    assert_eq!(Desk::new(0, 2).review().after("a", "x"), None);
}

// ---- Sheets.

/// Writes into cells of the review sheet, as a person would: by name of the row's id and column.
fn fill(bytes: &[u8], mut edit: impl FnMut(&mut Vec<Vec<String>>)) -> Vec<u8> {
    edit_sheets(bytes, |review, _| edit(review))
}

fn edit_sheets(bytes: &[u8], edit: impl FnOnce(&mut Vec<Vec<String>>, &mut Vec<Vec<String>>)) -> Vec<u8> {
    let mut book = Workbook::open(bytes).unwrap();
    let mut grid = |names: [&str; 2]| {
        let sheet = book.sheet(&names).unwrap().unwrap();
        let (height, width) =
            (*sheet.keys().max().unwrap(), sheet.values().flat_map(BTreeMap::keys).max().unwrap() + 1);
        let cell = |r: usize, c: usize| sheet.get(&r).and_then(|row| row.get(&c)).cloned().unwrap_or_default();
        (1..=height).map(|r| (0..width.max(6)).map(|c| cell(r, c)).collect()).collect::<Vec<Vec<String>>>()
    };
    let (mut review, mut about) = (grid(sheet::REVIEW), grid(sheet::ABOUT));
    edit(&mut review, &mut about);
    let mut new = NewWorkbook::new();
    for (name, grid) in [("复核", review), ("说明", about)] {
        let sheet = new.add_worksheet();
        sheet.set_name(name).unwrap();
        for (r, row) in (0_u32..).zip(grid) {
            for (c, cell) in (0_u16..).zip(row) {
                if !cell.is_empty() {
                    sheet.write_string(r, c, cell).unwrap();
                }
            }
        }
    }
    new.save_to_buffer().unwrap()
}

fn problems(bytes: &[u8], review: &Review, who: &str) -> Vec<String> {
    match import(bytes, review, who) {
        Err(Error::Data { problems, .. }) => problems.0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sheet_that_was_filled_in_comes_back() {
    for chinese in [true, false] {
        let mut desk = Desk::new(7, 2);
        desk.say("a", 0, Label::Pass).unwrap();
        desk.say("b", 0, Label::Fail).unwrap();
        desk.say("王芳", 3, Label::Pass).unwrap();
        let sheet = export(&desk.review(), " 王芳 ", chinese).unwrap();
        assert_eq!(sheet, export(&desk.review(), "王芳", chinese).unwrap(), "the same review, the same bytes");
        let filled = fill(&sheet, |rows| {
            assert_eq!(rows.len(), 7, "what they have decided is not in it");
            assert_eq!(rows[1][0], desk.items[0].key, "disagreements first");
            assert!(rows[1][1].contains(if chinese { "合格 / 不合格" } else { "pass / fail" }), "{}", rows[1][1]);
            for row in rows.iter_mut().skip(1) {
                (row[4], row[5]) =
                    (if row[0].starts_with("gen") { "合格" } else { " Refused " }.into(), "=1+1\r\n好".into());
            }
            rows[6][4] = String::new();
        });
        let found = import(&filled, &desk.review(), "王芳").unwrap();
        assert_eq!((found.decisions.len(), found.unchanged, found.open), (5, 0, 1));
        assert_eq!(
            found.decisions[0].document,
            serde_json::json!({"label": "pass", "note": "=1+1\n好", "settles": true, "via": "xlsx"})
        );
        for new in found.decisions {
            append(&mut desk.rows, new);
        }
        assert_eq!(desk.review().standing(&desk.items[0].key), Some(said(Label::Pass, true)));
        // The same file once more adds nothing, also after they changed their mind on the page.
        let again = import(&filled, &desk.review(), "王芳").unwrap();
        assert_eq!((again.decisions.len(), again.unchanged, again.open), (0, 5, 1));
        desk.say("王芳", 1, Label::Unsure).unwrap();
        let again = import(&filled, &desk.review(), "王芳").unwrap();
        assert_eq!((again.decisions.len(), again.unchanged, again.overtaken), (0, 4, vec![desk.items[1].key.clone()]));
        assert!(problems(&filled, &desk.review(), "李雷")[0].contains("王芳"));
    }
    let empty = Desk::new(0, 2);
    assert!(export(&empty.review(), "a", true).is_err());
}

#[test]
fn every_wrong_row_is_named_and_nothing_is_taken_in() {
    let desk = Desk::new(9, 2);
    let (review, blank) = (desk.review(), export(&desk.review(), "a", true).unwrap());
    let wrong = edit_sheets(&blank, |rows, _| {
        for row in rows.iter_mut().skip(1) {
            row[4] = "不确定".into();
        }
        rows[1][0] = "generated/G-A1a-999".into();
        rows[2][2].push('？');
        rows[3][3] = "改写".into();
        rows[4][4] = "也许".into();
        rows[5][4] = if rows[5][0].starts_with("gen") { "拒答" } else { "合格" }.into();
        rows[6][0] = rows[7][0].clone();
        rows[8][0] = String::new();
        rows[9].push("旁注".into());
        rows.push(vec!["generated/G-A1a-000".into(), "新".into()]);
    });
    let found = problems(&wrong, &review, "a");
    for (part, row) in [
        ("no answer \"generated/G-A1a-999\"", 2),
        ("the question of", 3),
        ("the answer of", 4),
        ("\"也许\" is no decision", 5),
        ("is no decision on an answer to", 6),
        ("", 7),
        ("stands in row 7 already", 8),
        ("it has no id", 9),
        ("beyond the last column", 10),
    ] {
        let named = found.iter().any(|p| p.starts_with(&format!("row {row}: ")) && p.contains(part));
        assert!(named, "{row} {part}: {found:#?}");
    }
    assert!(found.iter().filter(|p| p.contains("is missing")).count() >= 2, "{found:#?}");
    assert!(found.iter().any(|p| p.starts_with("row 11: ")), "{found:#?}");

    let removed = fill(&blank, |rows| drop(rows.remove(4)));
    assert!(problems(&removed, &review, "a")[0].contains("is missing"));
    let columns = fill(&blank, |rows| rows[0].swap(2, 3));
    assert_eq!(problems(&columns, &review, "a").len(), 2);
    let shorter = edit_sheets(&blank, |_, about| drop(about[4].drain(4..)));
    assert!(problems(&shorter, &review, "a")[0].contains("SHA-256"));
    let other = Review::new("run-2", desk.items.clone(), &[], 2).unwrap();
    assert!(problems(&blank, &other, "a")[0].contains("run-1"));
    let mut changed = desk.items.clone();
    changed[0].answer.push('!');
    let changed = Review::new(RUN, changed, &[], 2).unwrap();
    assert!(problems(&blank, &changed, "a")[0].contains("SHA-256"));
    for (bytes, part) in [(&b"id,label"[..], "no XLSX"), (&[][..], "no XLSX")] {
        assert!(problems(bytes, &review, "a")[0].contains(part));
    }
    assert!(problems(&NewWorkbook::new().save_to_buffer().unwrap_or_default(), &review, "a")[0].contains(""));
}

#[test]
fn what_others_decided_meanwhile_is_named() {
    let mut desk = Desk::new(6, 2);
    let blank = export(&desk.review(), "c", true).unwrap();
    let filled = fill(&blank, |rows| rows.iter_mut().skip(1).for_each(|row| row[4] = "不确定".into()));
    assert_eq!(import(&filled, &desk.review(), "c").unwrap().decisions.len(), 6);
    for who in ["a", "b"] {
        desk.say(who, 0, Label::Pass).unwrap();
    }
    desk.say("a", 3, Label::Pass).unwrap();
    desk.say("b", 3, Label::Fail).unwrap();
    let found = problems(&filled, &desk.review(), "c");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().any(|p| p.contains(&desk.items[0].key) && p.contains("others have decided it already")));
    assert!(found.iter().any(|p| p.contains(&desk.items[3].key) && p.contains("take a new sheet")));
}

#[test]
fn long_and_hostile_answers_survive_a_sheet() {
    let mut long = items(2);
    long[0].answer = "长😀_x0041_\u{0}\u{fffe}".repeat(9_000);
    long[1].answer = format!("{}\u{7}</t></si>&#0;\u{202e}]]>", "\n".repeat(300));
    long[1].stopped = Some("content_filter".into());
    let review = Review::new(RUN, long.clone(), &[], 2).unwrap();
    let blank = export(&review, "a", false).unwrap();
    let filled = fill(&blank, |rows| rows.iter_mut().skip(1).for_each(|row| row[4] = "unsure".into()));
    assert_eq!(import(&filled, &review, "a").unwrap().decisions.len(), 2);
    // What a cell cannot hold counts, too.
    long[0].answer.push('.');
    let changed = Review::new(RUN, long, &[], 2).unwrap();
    assert!(problems(&filled, &changed, "a")[0].contains("SHA-256"));
}

#[test]
fn another_reader_finds_the_same_cells() {
    use calamine::{Data, Reader as _};
    let desk = Desk::new(4, 2);
    let bytes = export(&desk.review(), "a", true).unwrap();
    let mut book: calamine::Xlsx<_> = calamine::Xlsx::new(Cursor::new(&bytes[..])).unwrap();
    assert_eq!(book.sheet_names(), ["复核", "说明"]);
    let range = book.worksheet_range("复核").unwrap();
    let mut ours = Workbook::open(&bytes).unwrap();
    let sheet = ours.sheet(&["复核"]).unwrap().unwrap();
    for (r, row) in range.rows().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            let known = sheet.get(&(r + 1)).and_then(|row| row.get(&c)).cloned().unwrap_or_default();
            let Data::String(cell) = cell else {
                assert_eq!((cell, known.as_str()), (&Data::Empty, ""));
                continue;
            };
            assert_eq!(*cell, known);
        }
    }
    let formulas = book.worksheet_formula("复核").unwrap();
    assert!(formulas.is_empty(), "a question that begins with = is text");
}

/// A workbook with one part changed.
fn with_part(bytes: &[u8], name: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for i in 0..old.len() {
        let mut file = old.by_index(i).unwrap();
        let (known, mut text) = (file.name().unwrap().into_owned(), String::new());
        file.read_to_string(&mut text).unwrap();
        new.start_file(&known, zip::write::SimpleFileOptions::default()).unwrap();
        new.write_all(if known == name { change(text) } else { text }.as_bytes()).unwrap();
    }
    new.finish().unwrap().into_inner()
}

#[test]
fn what_a_file_claims_does_not_bring_anything_down() {
    let desk = Desk::new(3, 2);
    let (review, blank) = (desk.review(), export(&desk.review(), "a", true).unwrap());
    let sheet = "xl/worksheets/sheet1.xml";
    let claims =
        with_part(&blank, "xl/sharedStrings.xml", |t| t.replacen("uniqueCount=\"", "uniqueCount=\"99999999999", 1));
    assert_eq!(import(&claims, &review, "a").unwrap().open, 3);
    let far = with_part(&blank, sheet, |t| {
        t.replace("</sheetData>", "<row r=\"1048576\"><c r=\"XFD1048576\" t=\"str\"><v>x</v></c></row></sheetData>")
    });
    assert!(problems(&far, &review, "a")[0].starts_with("row 1048576: "));
    let large =
        with_part(&blank, sheet, |t| t.replace("<sheetData>", &format!("<!--{}--><sheetData>", " ".repeat(130 << 20))));
    assert!(large.len() < 1 << 20 && problems(&large, &review, "a")[0].contains("too large"));
    for (from, to) in [
        ("<v>0</v>", "<v>99999</v>"),
        ("</sheetData>", ""),
        ("<sheetData>", "<sheetData>&nothing;"),
        ("r=\"1\"", "r=\"99999999999999999999\""),
    ] {
        let broken = with_part(&blank, sheet, |t| t.replacen(from, to, 1));
        let _ = import(&broken, &review, "a");
    }
    let inline = with_part(&blank, sheet, |t| {
        t.replace("</sheetData>", "<row><c t=\"inlineStr\"><is><r><t>多</t></r><r><t>余</t></r><rPh><t>x</t></rPh></is></c></row></sheetData>")
    });
    assert!(problems(&inline, &review, "a")[0].contains("row 5: this run has no answer \"多余\""));
}

fn label() -> impl Strategy<Value = Label> {
    prop::sample::select(Label::of_bank("generated"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_two_blind_decisions_does_not_matter(a in label(), b in label(), c in label(), needed in 1_usize..=2) {
        let key = items(1)[0].key.clone();
        let standing = |votes: &[(&str, Label, bool)]| {
            let mut rows = Vec::new();
            for (who, label, settles) in votes {
                append(&mut rows, raw(who, &key, *label, *settles));
            }
            let review = Review::new(RUN, items(1), &rows, needed).unwrap();
            let note = review.note();
            (review.standing(&key), note.decided, note.disagreed, note.resolved, note.kappa, review.cases[0].pair())
        };
        prop_assert_eq!(standing(&[("a", a, false), ("b", b, false)]), standing(&[("b", b, false), ("a", a, false)]));
        let settled = standing(&[("a", a, false), ("b", b, false), ("c", c, true)]);
        prop_assert_eq!(settled, standing(&[("b", b, false), ("a", a, false), ("c", c, true)]));
    }

    #[test]
    fn any_history_gives_a_review(
        votes in prop::collection::vec((0_usize..5, 0_usize..4, label(), any::<bool>()), 0..60), needed in 1_usize..=2,
    ) {
        let items: Vec<Item> = (0..4).map(|i| item(&format!("k{i}"), "generated", "A1a")).collect();
        let mut rows = Vec::new();
        for (who, at, label, settles) in votes {
            append(&mut rows, raw(&format!("r{who}"), &items[at].key, label, settles));
        }
        let review = Review::new(RUN, items.clone(), &rows, needed).unwrap();
        let note = review.note();
        prop_assert!(note.kappa.is_none_or(|k| (-1.0 - 1e-9..=1.0 + 1e-9).contains(&k)));
        prop_assert!(note.resolved <= note.disagreed && note.decided <= note.queued);
        for item in &items {
            prop_assert_ne!(review.decided(&item.key), Some(Label::Unsure));
            for who in 0..6 {
                let who = format!("r{who}");
                // What is asked of somebody is allowed, and what is allowed counts.
                if let Ok(task) = review.may_decide(&who, &item.key) {
                    let new = review.decide(&who, &item.key, Label::Pass, "", "page").unwrap();
                    let mut rows = rows.clone();
                    append(&mut rows, new);
                    let after = Review::new(RUN, items.clone(), &rows, needed).unwrap();
                    if matches!(task, Task::Settle { .. }) {
                        prop_assert_eq!(after.standing(&item.key), Some(said(Label::Pass, true)));
                    }
                }
            }
        }
        for who in 0..6 {
            let who = format!("r{who}");
            let progress = review.progress(Some(&who));
            prop_assert_eq!(progress.left, review.queue(&who).len());
            prop_assert!(review.queue(&who).iter().all(|(item, task)| review.may_decide(&who, &item.key).ok().as_ref() == Some(task)));
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let review = Desk::new(2, 2).review();
        prop_assert!(import(&bytes, &review, "a").is_err());
    }

    #[test]
    fn a_damaged_sheet_never_panics(at in any::<prop::sample::Index>(), with in any::<u8>(), part in 0_usize..6, text in "[<>&;a-z0-9\"=/ ]{0,6}") {
        let review = Desk::new(2, 2).review();
        let sheet = export(&review, "a", true).unwrap();
        let mut damaged = sheet.clone();
        let i = at.index(damaged.len());
        damaged[i] = with;
        let _ = import(&damaged, &review, "a");
        let parts = ["xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "_rels/.rels"];
        let damaged = with_part(&sheet, parts[part], |mut t| {
            let at = (0..=at.index(t.len())).rev().find(|i| t.is_char_boundary(*i)).unwrap_or(0);
            t.insert_str(at, &text);
            t
        });
        if let Ok(found) = import(&damaged, &review, "a") {
            prop_assert!(found.decisions.len() <= 2);
        }
    }

    #[test]
    fn what_is_written_into_a_sheet_is_what_is_taken_in(
        labels in prop::collection::vec(prop::option::of(0_usize..3), 6), notes in prop::collection::vec("\\PC{0,20}", 6), chinese: bool,
    ) {
        let desk = Desk::new(6, 2);
        let review = desk.review();
        let sheet = export(&review, "a", chinese).unwrap();
        let mut expected = Vec::new();
        let filled = fill(&sheet, |rows| {
            for (i, row) in rows.iter_mut().skip(1).enumerate() {
                let Some(label) = labels[i] else { continue };
                let label = review.item(&row[0]).unwrap().labels()[label];
                (row[4], row[5]) = (sheet::word(label, chinese).to_owned(), notes[i].clone());
                expected.push((row[0].clone(), label, notes[i].trim().to_owned()));
            }
        });
        let found = import(&filled, &review, "a").unwrap();
        let got: Vec<(String, Label, String)> = found.decisions.into_iter().map(|d| {
            let said: Said = serde_json::from_value(d.document).unwrap();
            (d.key, said.label, said.note)
        }).collect();
        prop_assert_eq!(got, expected);
    }
}
