//! The attachments of a filing: the report, a draft of the service agreement, the annotation rules, the keyword list
//! and the assessment questions.

mod sheets;

use minijinja::context;
use rust_xlsxwriter::{DocProperties, ExcelDateTime};
use serde::Deserialize;

use super::build::{filled, page_of};
use super::clean::{clean, line};
use super::document::{Align, Block, Cell, Column, Document, Table};
use super::words::Words;
use super::{Error, Format, Look, docx, markup, write};
use crate::result::{Assessment, Wording};

const AGREEMENT: [&str; 2] = [
    include_str!("../../../../packs/assess/report/agreement.en.md"),
    include_str!("../../../../packs/assess/report/agreement.zh.md"),
];
const ANNOTATION: [&str; 2] = [
    include_str!("../../../../packs/assess/report/annotation.en.md"),
    include_str!("../../../../packs/assess/report/annotation.zh.md"),
];
const CRITERIA: &str = include_str!("../../../../packs/assess/report/annotation.toml");

/// A file of the filing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name with extension, in the language of the look.
    pub name: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// What the attachments hold beside the assessment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentInputs {
    /// The keyword library: risk id and word.
    pub keywords: Vec<(String, String)>,
    /// The questions of all banks.
    pub questions: Vec<QuestionRow>,
    /// What the operator says of its annotation.
    pub annotation: AnnotationNote,
}

/// A question of a bank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuestionRow {
    /// `generated`, `refuse` or `answer`; others share a sheet.
    pub bank: String,
    /// The question's id.
    pub id: String,
    /// Its risk or aspect.
    pub group: String,
    /// `zh`, `en` …
    pub lang: String,
    /// `text`, `image` …
    pub modality: String,
    /// The question.
    pub text: String,
}

/// How the operator annotates. What is empty becomes a blank to fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnnotationNote {
    /// Annotation tasks.
    pub tasks: Vec<String>,
    /// Data formats, such as JSONL.
    pub formats: Vec<String>,
    /// Who annotates.
    pub executors: Vec<String>,
    /// Who reviews. Nobody should be in both.
    pub reviewers: Vec<String>,
    /// The share of each functional batch that people sample, in per cent.
    pub sampling_percent: Option<u64>,
    /// The share of the sample that must be right, in per cent.
    pub quality_percent: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Criteria {
    risk: Vec<Criterion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Criterion {
    id: String,
    zh: String,
    en: String,
    criterion: Wording,
}

/// The five attachments of a filing, in the order in which they are named there.
///
/// # Errors
/// As for [`write()`]; when a workbook cannot be written.
pub fn attachments(a: &Assessment, extra: &AttachmentInputs, look: &Look<'_>) -> Result<Vec<Attachment>, Error> {
    let words = Words::open(look.chinese)?;
    let criteria: Criteria = toml::from_str(CRITERIA)?;
    let file = |key: &str, extension: &str, bytes: Vec<u8>| -> Result<Attachment, Error> {
        Ok(Attachment { name: format!("{}.{extension}", words.word(&format!("files.{key}"))?), bytes })
    };
    Ok(vec![
        file("report", "docx", write(a, Format::Docx, look)?)?,
        file("agreement", "docx", docx::write(&agreement(a, &words)?)?)?,
        file("annotation", "docx", docx::write(&annotation(a, &extra.annotation, &criteria, &words)?)?)?,
        file("keywords", "xlsx", sheets::keywords(a, &extra.keywords, &criteria.names(), &words)?)?,
        file("questions", "xlsx", sheets::questions(a, &extra.questions, &criteria.names(), &words)?)?,
    ])
}

impl Criteria {
    /// The risks' names by id.
    fn names(&self) -> Vec<(&str, Wording)> {
        self.risk.iter().map(|r| (r.id.as_str(), Wording::new(r.zh.clone(), r.en.clone()))).collect()
    }
}

/// Properties of a workbook with the assessment's time, or a fixed one: never that of the clock.
pub(super) fn properties(title: &str, date: &str) -> DocProperties {
    let part = |from: usize, to: usize| date.get(from..to).and_then(|text| text.parse::<u16>().ok());
    let day = match (part(0, 4), part(5, 7), part(8, 10)) {
        (Some(year), Some(month), Some(day)) => {
            ExcelDateTime::from_ymd(year, u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0)).ok()
        }
        _ => None,
    };
    let properties = DocProperties::new().set_title(title);
    match day.or_else(|| ExcelDateTime::from_ymd(2000, 1, 1).ok()) {
        Some(day) => properties.set_creation_datetime(&day),
        None => properties,
    }
}

/// A document of a template.
fn document(a: &Assessment, words: &Words, key: &str, blocks: Vec<Block>) -> Result<Document, Error> {
    let title = words.word(&format!("files.{key}"))?;
    Ok(Document {
        chinese: words.chinese,
        running: title.clone(),
        title,
        author: line(&a.operator.company),
        subject: words.both(&a.profile.standard),
        date: line(&a.ended),
        page_of: page_of(words)?,
        blocks,
        ..Document::default()
    })
}

fn agreement(a: &Assessment, words: &Words) -> Result<Document, Error> {
    let o = &a.operator;
    let model = format!("{} {}", line(&o.model), line(&o.model_version));
    let values = context! {
        company => filled(&o.company),
        uscc => filled(&o.uscc),
        service => filled(&o.service),
        model => filled(&model),
        base_model => filled(&o.base_model),
        audience => filled(&o.audience),
        purpose => filled(&o.purpose),
        access => filled(&o.access),
        complaints => filled(&o.complaints),
    };
    let text = clean(&words.fill(AGREEMENT[usize::from(words.chinese)], values)?);
    let blocks = markup::blocks(&text, |name| Err(Error::Wording(name.to_owned())))?;
    document(a, words, "agreement", blocks)
}

fn annotation(a: &Assessment, note: &AnnotationNote, criteria: &Criteria, words: &Words) -> Result<Document, Error> {
    let joined = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|i| line(i)).filter(|i| !i.is_empty()).collect();
        filled(&items.join(if words.chinese { "、" } else { ", " }))
    };
    let percent = |value: Option<u64>| value.map_or_else(|| filled(""), |v| format!("{v}%"));
    let values = context! {
        company => filled(&a.operator.company),
        service => filled(&a.operator.service),
        run => filled(&a.run),
        standard => filled(&words.both(&a.profile.standard)),
        formats => joined(&note.formats),
        sampling => percent(note.sampling_percent),
        quality => percent(note.quality_percent),
    };
    let text = clean(&words.fill(ANNOTATION[usize::from(words.chinese)], values)?);
    let blocks = markup::blocks(&text, |name| match name {
        "tasks" => {
            let tasks: Vec<String> = note.tasks.iter().map(|t| line(t)).filter(|t| !t.is_empty()).collect();
            Ok(Block::List { ordered: true, items: if tasks.is_empty() { vec![filled("")] } else { tasks } })
        }
        "people" => {
            let rows = [("executor", &note.executors), ("reviewer", &note.reviewers)]
                .into_iter()
                .map(|(key, names)| {
                    Ok(vec![Cell::strong(words.word(&format!("people.{key}"))?), Cell::new(joined(names))])
                })
                .collect::<Result<Vec<_>, Error>>()?;
            let columns = [26, 74].map(|weight| Column { title: String::new(), weight, align: Align::Left });
            let caption = words.word("people.caption")?;
            Ok(Block::Table(Table { caption, columns: columns.into(), rows, side: true, ..Table::default() }))
        }
        "risks" => risks(criteria, words),
        _ => Err(Error::Wording(name.to_owned())),
    })?;
    document(a, words, "annotation", blocks)
}

/// The criteria as a table.
fn risks(criteria: &Criteria, words: &Words) -> Result<Block, Error> {
    let rows = criteria
        .risk
        .iter()
        .map(|r| {
            let name = if words.chinese { &r.zh } else { &r.en };
            vec![Cell::strong(r.id.clone()), Cell::new(name.clone()), Cell::new(r.criterion.get(words.chinese))]
        })
        .collect();
    let mut columns = Vec::new();
    for (key, weight) in [("id", 9), ("risk", 25), ("criterion", 66)] {
        columns.push(Column { title: words.word(&format!("columns.{key}"))?, weight, align: Align::Left });
    }
    let caption = words.word("people.criteria")?;
    Ok(Block::Table(Table { caption, columns, rows, head: true, side: false, tall: None }))
}
