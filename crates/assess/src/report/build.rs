//! From an assessment to the report as a document.

mod evidence;
mod figures;
mod opening;

use minijinja::{Value, context};

use super::Error;
use super::clean::line;
use super::document::{Align, Block, Cell, Chart, Column, Document, Style, Table, Tone};
use super::words::Words;
use crate::result::{Assessment, Conclusion, Force, Operator};

/// Where people write by hand.
const BLANK: &str = "＿＿＿＿＿＿＿＿";

/// The report of an assessment.
pub(super) fn report(assessment: &Assessment, chinese: bool) -> Result<Document, Error> {
    let mut b = Builder::new(assessment, Words::open(chinese)?);
    let cover = b.cover()?;
    b.signatures()?;
    let front = std::mem::take(&mut b.blocks);
    b.overview()?;
    b.conclusion()?;
    b.method()?;
    b.banks()?;
    b.content()?;
    b.refusals()?;
    b.review()?;
    b.reliability()?;
    b.guided()?;
    b.clauses()?;
    b.failures()?;
    b.advice()?;
    b.crosswalk()?;
    b.disclosures()?;
    b.appendix()?;
    let subject = b.words.both(&assessment.profile.standard);
    let service = named(&assessment.operator);
    let running = if service.is_empty() { cover.title.clone() } else { format!("{service} · {}", cover.title) };
    Ok(Document {
        chinese,
        title: cover.title.clone(),
        author: line(&assessment.operator.company),
        subject,
        date: line(&assessment.ended),
        running,
        page_of: page_of(&b.words)?,
        cover: Some(cover),
        contents: Some(b.words.word("document.contents")?),
        front,
        blocks: b.blocks,
    })
}

/// `Page`, `of`, and what ends the phrase.
pub(super) fn page_of(words: &Words) -> Result<[String; 3], Error> {
    Ok([words.word("document.page")?, words.word("document.of")?, words.word("document.pages")?])
}

/// The service's name, or the company's where it has none.
fn named(operator: &Operator) -> String {
    let service = line(&operator.service);
    if service.is_empty() { line(&operator.company) } else { service }
}

/// A field that the operator declared, or room to write it.
pub(super) fn filled(text: &str) -> String {
    let text = line(text);
    if text.is_empty() { BLANK.to_owned() } else { text }
}

/// The overall conclusion as a reader may rely on it: a pass is shown only where the run is complete and no binding
/// clause or measured requirement is open or failed.
pub(super) fn standing(assessment: &Assessment) -> Conclusion {
    let binding = || {
        let clauses = assessment.clauses.iter().filter(|c| c.force == Force::Shall).map(|c| c.conclusion);
        clauses.chain(assessment.tests.iter().filter(|t| t.force == Force::Shall).map(|t| t.conclusion))
    };
    match assessment.overall {
        Some(Conclusion::Fails) => Conclusion::Fails,
        Some(Conclusion::Conforms)
            if assessment.state == "complete"
                && binding().all(|c| matches!(c, Conclusion::Conforms | Conclusion::NotApplicable)) =>
        {
            Conclusion::Conforms
        }
        _ => Conclusion::Open,
    }
}

/// The color of a conclusion.
pub(super) fn tone(conclusion: Conclusion) -> Tone {
    match conclusion {
        Conclusion::Conforms => Tone::Good,
        Conclusion::Fails => Tone::Bad,
        Conclusion::NotApplicable => Tone::Plain,
        Conclusion::Open => Tone::Open,
    }
}

/// The blocks of a report as they are written.
pub(super) struct Builder<'a> {
    a: &'a Assessment,
    words: Words,
    blocks: Vec<Block>,
    chapter: u32,
    section: u32,
    appendix: bool,
}

/// A column: the key of its title in `columns`, its weight, its place.
type Plan = (&'static str, u16, Align);

impl<'a> Builder<'a> {
    fn new(a: &'a Assessment, words: Words) -> Self {
        Builder { a, words, blocks: Vec::new(), chapter: 0, section: 0, appendix: false }
    }

    fn push_heading(&mut self, level: u8, number: String, text: String, id: String) {
        self.blocks.push(Block::Heading { level, number, text, id });
    }

    /// Begins a chapter.
    fn chapter(&mut self, key: &str) -> Result<(), Error> {
        self.chapter += 1;
        self.section = 0;
        let text = self.words.word(key)?;
        self.push_heading(1, self.chapter.to_string(), text, format!("s{}", self.chapter));
        Ok(())
    }

    /// Begins a section of the chapter.
    fn section(&mut self, key: &str) -> Result<(), Error> {
        self.section += 1;
        let text = self.words.word(key)?;
        let chapter = if self.appendix { "A".to_owned() } else { self.chapter.to_string() };
        let (number, id) = (format!("{chapter}.{}", self.section), format!("s{chapter}-{}", self.section));
        self.push_heading(2, number, text, id);
        Ok(())
    }

    fn say(&mut self, key: &str, values: Value) -> Result<(), Error> {
        let text = self.words.say(key, values)?;
        self.text(text, Style::Body);
        Ok(())
    }

    fn note(&mut self, key: &str) -> Result<(), Error> {
        let text = self.words.say(key, context! {})?;
        self.text(text, Style::Note);
        Ok(())
    }

    fn text(&mut self, text: String, style: Style) {
        if !text.trim().is_empty() {
            self.blocks.push(Block::Paragraph { text, style });
        }
    }

    fn list(&mut self, ordered: bool, items: Vec<String>) {
        if !items.is_empty() {
            self.blocks.push(Block::List { ordered, items });
        }
    }

    /// A table; without rows, the sentence that there is nothing.
    fn table(&mut self, caption: &str, plan: &[Plan], rows: Vec<Vec<Cell>>) -> Result<(), Error> {
        if rows.is_empty() {
            return self.note("document.nothing");
        }
        let columns = self.columns(plan)?;
        let caption = self.words.word(caption)?;
        self.blocks.push(Block::Table(Table { caption, columns, rows, head: true, side: false, tall: None }));
        Ok(())
    }

    fn columns(&self, plan: &[Plan]) -> Result<Vec<Column>, Error> {
        plan.iter()
            .map(|(key, weight, align)| {
                Ok(Column { title: self.words.word(&format!("columns.{key}"))?, weight: *weight, align: *align })
            })
            .collect()
    }

    /// Names with values: a table without a head.
    fn facts(&mut self, caption: &str, facts: Vec<(String, String)>) -> Result<(), Error> {
        let columns = [26, 74].map(|weight| Column { title: String::new(), weight, align: Align::Left });
        let rows = facts.into_iter().map(|(name, value)| vec![Cell::strong(name), Cell::new(value)]).collect();
        let caption = self.words.word(caption)?;
        self.blocks.push(Block::Table(Table {
            caption,
            columns: columns.into(),
            rows,
            head: false,
            side: true,
            tall: None,
        }));
        Ok(())
    }

    fn chart(&mut self, chart: Chart) {
        if !chart.bars.is_empty() {
            self.blocks.push(Block::Chart(chart));
        }
    }

    /// The conclusion in its color.
    fn concluded(&self, conclusion: Conclusion) -> Cell {
        Cell::toned(conclusion.word(self.words.chinese), tone(conclusion))
    }

    fn force(&self, force: Force) -> String {
        let id = match force {
            Force::Shall => "shall",
            Force::Should => "should",
        };
        self.words.named("force", id)
    }
}
