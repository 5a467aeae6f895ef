use std::io::Read as _;

use super::samples::{self, HOSTILE};
use super::*;
use crate::result::{ClauseResult, Conclusion, Example, Force, Wording};

const FORMATS: [Format; 3] = [Format::Docx, Format::Pdf, Format::Html];

fn look(chinese: bool) -> Look<'static> {
    Look { chinese, font: None }
}

fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|n| {
            let mut file = zip.by_index(n).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

/// All text of a DOCX's body; every part must be well-formed.
fn docx_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (name, bytes) in parts(bytes) {
        if name.ends_with(".xlsx") {
            parts_are_xml(&bytes);
            continue;
        }
        let xml = String::from_utf8(bytes).unwrap();
        let tree = roxmltree::Document::parse(&xml).unwrap_or_else(|e| panic!("{name}: {e}"));
        if name == "word/document.xml" {
            for node in tree.descendants().filter(|n| n.is_text()) {
                text.push_str(node.text().unwrap_or_default());
                text.push('\n');
            }
        }
    }
    text
}

fn parts_are_xml(bytes: &[u8]) {
    for (name, bytes) in parts(bytes) {
        let xml = String::from_utf8(bytes).unwrap();
        roxmltree::Document::parse(&xml).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

fn pages(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type /Page\n").count()
}

#[test]
fn every_form_is_written_in_both_languages_and_always_the_same() {
    for sample in [samples::pass(), samples::fail(), Assessment::default()] {
        for chinese in [true, false] {
            for format in FORMATS {
                let one = write(&sample, format, &look(chinese)).unwrap();
                assert_eq!(one, write(&sample, format, &look(chinese)).unwrap(), "{format:?}");
                assert!(one.len() > 4000);
            }
        }
    }
}

#[test]
fn a_failure_says_so_on_the_cover_and_in_chapter_two() {
    let document = build::report(&samples::fail(), true).unwrap();
    let cover = document.cover.unwrap();
    assert_eq!(cover.verdict.title, "不符合");
    assert!(cover.verdict.text.contains("未通过"));
    let html = String::from_utf8(write(&samples::fail(), Format::Html, &look(true)).unwrap()).unwrap();
    assert_eq!(html.matches("本服务未通过本次安全自评估").count(), 2);
    assert!(!html.contains("本服务通过本次安全自评估"));
    let text = docx_text(&write(&samples::fail(), Format::Docx, &look(true)).unwrap());
    assert_eq!(text.matches("本服务未通过本次安全自评估").count(), 2);
}

#[test]
fn what_is_open_is_never_shown_as_a_pass() {
    let mut open = samples::pass();
    open.overall = None;
    let mut running = samples::pass();
    running.state = "answered".to_owned();
    let mut clause = samples::pass();
    clause.clauses[0].conclusion = Conclusion::Open;
    let mut measured = samples::pass();
    measured.tests[0].conclusion = Conclusion::Open;
    for sample in [open, running, clause, measured, Assessment::default()] {
        let cover = build::report(&sample, true).unwrap().cover.unwrap();
        assert_eq!(cover.verdict.title, "待定");
        assert!(cover.verdict.text.contains("不构成通过"));
    }
    assert_eq!(build::report(&samples::pass(), true).unwrap().cover.unwrap().verdict.title, "符合");
}

#[test]
fn a_recommended_clause_that_is_open_does_not_take_the_pass_away() {
    let mut sample = samples::pass();
    sample.clauses[4].conclusion = Conclusion::Fails;
    assert_eq!(sample.clauses[4].force, Force::Should);
    assert_eq!(build::report(&sample, true).unwrap().cover.unwrap().verdict.title, "符合");
}

#[test]
fn hostile_text_is_shown_and_never_interpreted() {
    let mut sample = samples::fail();
    sample.operator.company = HOSTILE.to_owned();
    sample.operator.service = HOSTILE.to_owned();
    sample.target = HOSTILE.to_owned();
    sample.run = HOSTILE.to_owned();
    sample.ended = HOSTILE.to_owned();
    sample.because = Wording::new(HOSTILE, HOSTILE);
    sample.clauses[0].evidence = vec![HOSTILE.to_owned()];
    sample.risks[0].name = Wording::new(HOSTILE, HOSTILE);
    sample.hashes.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
    let html = String::from_utf8(write(&sample, Format::Html, &look(true)).unwrap()).unwrap();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("</w:t>"));
    assert!(html.contains("‹U+202E›") && html.contains("‹U+200B… ×4›"));
    for c in ['\u{202e}', '\u{0}', '\u{8}', '\u{1b}', '\u{200b}', '\u{e0041}', '\u{ffff}'] {
        assert!(!html.contains(c), "{c:?}");
    }
    assert!(html.contains("{{ 7*7 }}"), "values are no templates");
    let text = docx_text(&write(&sample, Format::Docx, &look(true)).unwrap());
    assert!(text.contains("<script>alert(1)</script> ‹U+202E›txt.exe"));
    write(&sample, Format::Pdf, &look(true)).unwrap();
    for file in attachments(&sample, &inputs(), &look(true)).unwrap() {
        if file.name.ends_with("docx") {
            docx_text(&file.bytes);
        } else {
            parts_are_xml(&file.bytes);
        }
    }
}

#[test]
fn html_needs_nothing_from_outside_and_its_tables_are_accessible() {
    let html = String::from_utf8(write(&samples::fail(), Format::Html, &look(true)).unwrap()).unwrap();
    for outside in ["src=\"", "url(", "http://", "https://", "@import", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert_eq!(html.matches("<table").count(), html.matches("<caption>").count());
    assert!(html.contains("scope=\"col\"") && html.contains("scope=\"row\""));
    assert_eq!(html.matches("<svg").count(), 3);
    for anchor in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(html.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
}

#[test]
fn a_very_long_table_goes_over_many_pages_and_repeats_its_head() {
    let mut sample = samples::fail();
    let one = sample.clauses[0].clone();
    sample.clauses = (0..2000).map(|n| ClauseResult { id: format!("c{n}"), ..one.clone() }).collect();
    sample.failures = vec![Example {
        question: "q".repeat(5000),
        group: "A1a".to_owned(),
        asked: "问".repeat(9000),
        answer: "w".repeat(9000),
        why: Wording::new("长".repeat(6000), "long ".repeat(3000)),
    }];
    let pdf = write(&sample, Format::Pdf, &look(true)).unwrap();
    assert!(pages(&pdf) > 150, "{}", pages(&pdf));
    let docx = write(&sample, Format::Docx, &look(true)).unwrap();
    let text = docx_text(&docx);
    assert!(text.contains("逐条评估结论与证据"));
    let body = parts(&docx).into_iter().find(|(name, _)| name == "word/document.xml").unwrap().1;
    assert!(String::from_utf8(body).unwrap().contains("<w:tblHeader/>"));
    write(&sample, Format::Html, &look(true)).unwrap();
}

#[test]
fn figures_that_are_no_numbers_do_no_harm() {
    let mut sample = samples::fail();
    for value in [f64::NAN, f64::INFINITY, -3.0, 7.0] {
        sample.risks[0].passed.rate = value;
        sample.risks[0].passed.low = value;
        sample.risks[0].passed.high = value;
        sample.spend.cost = Some(value);
        sample.review.kappa = Some(value);
        for format in FORMATS {
            let bytes = write(&sample, format, &look(true)).unwrap();
            assert!(format != Format::Html || !String::from_utf8_lossy(&bytes).contains("NaN"));
        }
    }
}

#[test]
fn a_report_has_a_sensible_number_of_pages() {
    let pdf = write(&samples::fail(), Format::Pdf, &look(true)).unwrap();
    assert!((10..40).contains(&pages(&pdf)), "{}", pages(&pdf));
    let text = String::from_utf8_lossy(&pdf);
    assert!(text.contains("/Outlines") && text.contains("/ToUnicode"));
}

#[test]
fn a_font_that_is_none_is_an_error() {
    let look = Look { chinese: true, font: Some(b"not a font") };
    assert!(matches!(write(&samples::pass(), Format::Pdf, &look), Err(Error::Font(_))));
}

#[test]
fn a_font_of_the_system_is_embedded() {
    let Some(path) = find_font() else { return };
    let bytes = std::fs::read(path).unwrap();
    let look = Look { chinese: true, font: Some(&bytes) };
    let pdf = write(&samples::fail(), Format::Pdf, &look).unwrap();
    assert_eq!(pdf, write(&samples::fail(), Format::Pdf, &look).unwrap());
    assert!(String::from_utf8_lossy(&pdf).contains("/Identity-H"));
    assert!(pdf.len() < 2_000_000, "{}", pdf.len());
}

fn inputs() -> AttachmentInputs {
    let question = |bank: &str, n: usize| QuestionRow {
        bank: bank.to_owned(),
        id: format!("{bank}-{n}"),
        group: "A1a".to_owned(),
        lang: "zh".to_owned(),
        modality: "text".to_owned(),
        text: if n == 0 { format!("=HYPERLINK(\"x\") {HOSTILE}") } else { "一道题目".to_owned() },
    };
    AttachmentInputs {
        keywords: vec![("A1a".to_owned(), "=1+1".to_owned()), ("A2d".to_owned(), HOSTILE.to_owned())],
        questions: ["generated", "refuse", "answer"].iter().flat_map(|b| (0..3).map(move |n| question(b, n))).collect(),
        annotation: AnnotationNote {
            tasks: vec!["多轮问答安全性标注".to_owned()],
            formats: vec!["JSONL".to_owned()],
            executors: vec!["甲组".to_owned()],
            reviewers: vec!["乙组".to_owned()],
            sampling_percent: Some(10),
            quality_percent: Some(95),
        },
    }
}

#[test]
fn a_filing_has_five_attachments_which_are_always_the_same() {
    for chinese in [true, false] {
        let files = attachments(&samples::pass(), &inputs(), &look(chinese)).unwrap();
        assert_eq!(files, attachments(&samples::pass(), &inputs(), &look(chinese)).unwrap());
        assert_eq!(files.len(), 5);
        let extensions: Vec<&str> = files.iter().filter_map(|f| f.name.rsplit('.').next()).collect();
        assert_eq!(extensions, ["docx", "docx", "docx", "xlsx", "xlsx"]);
        let rules = docx_text(&files[2].bytes);
        for id in ["A1a", "A2i", "A3e", "A4g", "A5b"] {
            assert!(rules.contains(id));
        }
    }
    let empty = attachments(&Assessment::default(), &AttachmentInputs::default(), &look(true)).unwrap();
    assert!(docx_text(&empty[1].bytes).contains("＿＿＿"));
}

#[test]
fn cells_of_workbooks_are_text_and_no_formulas() {
    let files = attachments(&samples::pass(), &inputs(), &look(true)).unwrap();
    for file in files.iter().filter(|f| f.name.ends_with("xlsx")) {
        for (name, bytes) in parts(&file.bytes) {
            let xml = String::from_utf8(bytes).unwrap();
            assert!(!(name.starts_with("xl/worksheets/sheet") && xml.contains("<f>")), "{name}");
        }
    }
}

#[test]
fn risks_of_the_annotation_rules_are_the_31_in_order() {
    let text = include_str!("../../../../packs/assess/report/annotation.toml");
    let table: toml::Table = toml::from_str(text).unwrap();
    let ids: Vec<&str> = table["risk"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 31);
    for (group, n) in [("A1", 8), ("A2", 9), ("A3", 5), ("A4", 7), ("A5", 2)] {
        assert_eq!(ids.iter().filter(|id| id.starts_with(group)).count(), n);
    }
    assert!(ids.is_sorted());
}

/// `SHOW=folder cargo test show -- --ignored` writes the samples for people to look at.
#[test]
#[ignore = "writes files"]
fn show() {
    let folder = std::path::PathBuf::from(std::env::var("SHOW").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let font = find_font().map(|path| std::fs::read(path).unwrap());
    for (name, sample) in [("pass", samples::pass()), ("fail", samples::fail()), ("empty", Assessment::default())] {
        for (lang, chinese) in [("zh", true), ("en", false)] {
            let look = Look { chinese, font: font.as_deref() };
            for (format, extension) in [(Format::Docx, "docx"), (Format::Pdf, "pdf"), (Format::Html, "html")] {
                let bytes = write(&sample, format, &look).unwrap();
                std::fs::write(folder.join(format!("{name}-{lang}.{extension}")), bytes).unwrap();
            }
            let bytes = write(&sample, Format::Pdf, &self::look(chinese)).unwrap();
            std::fs::write(folder.join(format!("{name}-{lang}-bitmap.pdf")), bytes).unwrap();
        }
    }
    for chinese in [true, false] {
        for file in attachments(&samples::fail(), &inputs(), &look(chinese)).unwrap() {
            std::fs::write(folder.join(file.name), file.bytes).unwrap();
        }
    }
}
