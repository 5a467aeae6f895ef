//! What goes out as a workbook and what comes in.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use rust_xlsxwriter::Workbook as NewWorkbook;

use super::super::workbook::Workbook;
use super::super::{sheet, *};
use super::{Desk, RUN, append, items, said};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
