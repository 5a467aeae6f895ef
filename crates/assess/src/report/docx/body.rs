//! `word/document.xml`.

use std::fmt::Write as _;

use super::super::clean::xml;
use super::super::document::{Align, Block, Callout, Chart, Cover, Document, Style, Table, Tone};

const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const DRAWING: &str = "http://schemas.openxmlformats.org/drawingml/2006";
/// The width of text on the page in twentieths of a point.
const WIDTH: u32 = 9070;
/// English metric units of a point.
const EMU: u64 = 12_700;
/// The numbering of bullets; ordered lists have numbers of their own from the next.
const BULLETS: usize = 1;

/// What the body needs beside it.
pub(super) struct Body {
    pub xml: String,
    pub charts: Vec<Chart>,
    /// Numberings of ordered lists.
    pub lists: Vec<usize>,
}

struct Writer {
    out: String,
    charts: Vec<Chart>,
    lists: Vec<usize>,
    marks: usize,
    /// Relationships before those of charts.
    fixed: usize,
}

/// The color of a word, and the ground behind it.
fn colors(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Plain => ("1C2430", "E6ECF4"),
        Tone::Good => ("1D6B3F", "E5F3EA"),
        Tone::Bad => ("A3201D", "FBE9E7"),
        Tone::Open => ("8A5A00", "FDF3DC"),
    }
}

/// A run; line feeds become breaks.
fn run(text: &str, properties: &str) -> String {
    let mut out = String::from("<w:r>");
    if !properties.is_empty() {
        let _ = write!(out, "<w:rPr>{properties}</w:rPr>");
    }
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push_str("<w:br/>");
        }
        let _ = write!(out, "<w:t xml:space=\"preserve\">{}</w:t>", xml(line));
    }
    out + "</w:r>"
}

fn paragraph(style: &str, more: &str, runs: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/>{more}</w:pPr>{runs}</w:p>")
}

const PAGE_BREAK: &str = "<w:p><w:r><w:br w:type=\"page\"/></w:r></w:p>";

pub(super) fn write(document: &Document, fixed: usize) -> Body {
    let mut w = Writer { out: String::new(), charts: Vec::new(), lists: Vec::new(), marks: 0, fixed };
    let _ = write!(
        w.out,
        "{}<w:document xmlns:w=\"{WORD}\" xmlns:r=\"{RELATIONS}\" xmlns:wp=\"{DRAWING}/wordprocessingDrawing\" \
         xmlns:a=\"{DRAWING}/main\" xmlns:c=\"{DRAWING}/chart\"><w:body>",
        super::HEAD
    );
    if let Some(cover) = &document.cover {
        w.cover(cover);
    }
    if !document.front.is_empty() {
        w.blocks(&document.front);
        w.out.push_str(PAGE_BREAK);
    }
    if let Some(title) = &document.contents {
        w.contents(title, &document.blocks);
    }
    w.blocks(&document.blocks);
    let first = if document.cover.is_some() { "<w:titlePg/>" } else { "" };
    let _ = write!(
        w.out,
        "<w:sectPr><w:headerReference w:type=\"default\" r:id=\"rId4\"/><w:footerReference w:type=\"default\" \
         r:id=\"rId5\"/><w:pgSz w:w=\"11906\" w:h=\"16838\"/><w:pgMar w:top=\"1474\" w:right=\"1418\" w:bottom=\"1361\" \
         w:left=\"1418\" w:header=\"794\" w:footer=\"680\" w:gutter=\"0\"/>{first}</w:sectPr></w:body></w:document>"
    );
    Body { xml: w.out, charts: w.charts, lists: w.lists }
}

impl Writer {
    fn cover(&mut self, cover: &Cover) {
        self.out.push_str(&paragraph("Kicker", "", &run(&cover.kicker, "")));
        self.out.push_str(&paragraph("Title", "", &run(&cover.title, "")));
        self.out.push_str(&paragraph("Subtitle", "", &run(&cover.subtitle, "")));
        self.callout(&cover.verdict);
        self.out.push_str(&paragraph("Normal", "<w:spacing w:after=\"240\"/>", ""));
        let rows: Vec<[&str; 2]> = cover.facts.iter().map(|(a, b)| [a.as_str(), b.as_str()]).collect();
        self.frame(&[2800, WIDTH - 2800], false, true);
        for [name, value] in rows {
            self.out.push_str("<w:tr><w:trPr><w:cantSplit/></w:trPr>");
            self.cell(2800, "F3F6FA", &paragraph("TableText", "", &run(name, "<w:b/>")), None);
            self.cell(WIDTH - 2800, "", &paragraph("TableText", "", &run(value, "")), None);
            self.out.push_str("</w:tr>");
        }
        self.out.push_str("</w:tbl>");
        self.out.push_str(&paragraph(
            "Note",
            "<w:spacing w:before=\"300\"/><w:jc w:val=\"center\"/>",
            &run(&cover.foot, ""),
        ));
        self.out.push_str(PAGE_BREAK);
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                Block::Heading { level, number, text, id } => self.heading(*level, number, text, id),
                Block::Paragraph { text, style } => {
                    let style = match style {
                        Style::Body => "BodyText",
                        Style::Strong => "Strong1",
                        Style::Note => "Note",
                        Style::Title => "Title",
                    };
                    self.out.push_str(&paragraph(style, "", &run(text, "")));
                }
                Block::List { ordered, items } => self.list(*ordered, items),
                Block::Callout(callout) => {
                    self.callout(callout);
                    self.out.push_str(&paragraph("Normal", "<w:spacing w:after=\"120\"/>", ""));
                }
                Block::Table(table) => self.table(table),
                Block::Chart(chart) => self.chart(chart),
            }
        }
    }

    fn heading(&mut self, level: u8, number: &str, text: &str, id: &str) {
        let title = if number.is_empty() { text.to_owned() } else { format!("{number}  {text}") };
        self.marks += 1;
        let n = self.marks;
        let name = bookmark(id);
        let runs = format!(
            "<w:bookmarkStart w:id=\"{n}\" w:name=\"{name}\"/>{}<w:bookmarkEnd w:id=\"{n}\"/>",
            run(&title, "")
        );
        // Signatures stand before the table of contents and are no part of it.
        let style = if number.is_empty() { "FrontHeading".to_owned() } else { format!("Heading{}", level.clamp(1, 3)) };
        self.out.push_str(&paragraph(&style, "", &runs));
    }

    fn list(&mut self, ordered: bool, items: &[String]) {
        let number = if ordered {
            let number = BULLETS + 1 + self.lists.len();
            self.lists.push(number);
            number
        } else {
            BULLETS
        };
        let more = format!("<w:numPr><w:ilvl w:val=\"0\"/><w:numId w:val=\"{number}\"/></w:numPr>");
        for item in items {
            self.out.push_str(&paragraph("ListParagraph", &more, &run(item, "")));
        }
    }

    /// Begins a table: the widths of its columns.
    fn frame(&mut self, widths: &[u32], head: bool, side: bool) {
        let total: u32 = widths.iter().sum();
        let _ = write!(
            self.out,
            "<w:tbl><w:tblPr><w:tblStyle w:val=\"ReportTable\"/><w:tblW w:w=\"{total}\" w:type=\"dxa\"/><w:tblLayout \
             w:type=\"fixed\"/><w:tblLook w:val=\"0000\" w:firstRow=\"{}\" w:lastRow=\"0\" w:firstColumn=\"{}\" \
             w:lastColumn=\"0\" w:noHBand=\"1\" w:noVBand=\"1\"/></w:tblPr><w:tblGrid>",
            u8::from(head),
            u8::from(side)
        );
        for width in widths {
            let _ = write!(self.out, "<w:gridCol w:w=\"{width}\"/>");
        }
        self.out.push_str("</w:tblGrid>");
    }

    fn cell(&mut self, width: u32, fill: &str, content: &str, align: Option<&str>) {
        let _ = write!(self.out, "<w:tc><w:tcPr><w:tcW w:w=\"{width}\" w:type=\"dxa\"/>");
        if !fill.is_empty() {
            let _ = write!(self.out, "<w:shd w:val=\"clear\" w:color=\"auto\" w:fill=\"{fill}\"/>");
        }
        if let Some(align) = align {
            let _ = write!(self.out, "<w:vAlign w:val=\"{align}\"/>");
        }
        let _ = write!(self.out, "</w:tcPr>{content}</w:tc>");
    }

    fn callout(&mut self, callout: &Callout) {
        let (color, ground) = colors(callout.tone);
        let _ = write!(
            self.out,
            "<w:tbl><w:tblPr><w:tblW w:w=\"{WIDTH}\" w:type=\"dxa\"/><w:tblBorders><w:top w:val=\"single\" w:sz=\"8\" \
             w:space=\"0\" w:color=\"{color}\"/><w:left w:val=\"single\" w:sz=\"48\" w:space=\"0\" w:color=\"{color}\"/>\
             <w:bottom w:val=\"single\" w:sz=\"8\" w:space=\"0\" w:color=\"{color}\"/><w:right w:val=\"single\" \
             w:sz=\"8\" w:space=\"0\" w:color=\"{color}\"/></w:tblBorders><w:tblLayout w:type=\"fixed\"/><w:tblCellMar>\
             <w:left w:w=\"280\" w:type=\"dxa\"/><w:right w:w=\"280\" w:type=\"dxa\"/></w:tblCellMar></w:tblPr><w:tblGrid>\
             <w:gridCol w:w=\"{WIDTH}\"/></w:tblGrid><w:tr>"
        );
        let content = [
            paragraph("VerdictLabel", "", &run(&callout.label, "")),
            paragraph("Verdict", "", &run(&callout.title, &format!("<w:color w:val=\"{color}\"/>"))),
            paragraph("VerdictText", "", &run(&callout.text, "")),
        ];
        self.cell(WIDTH, ground, &content.concat(), None);
        self.out.push_str("</w:tr></w:tbl>");
    }

    fn table(&mut self, table: &Table) {
        let total: u32 = table.columns.iter().map(|c| u32::from(c.weight)).sum::<u32>().max(1);
        let widths: Vec<u32> = table.columns.iter().map(|c| WIDTH * u32::from(c.weight) / total).collect();
        if !table.caption.is_empty() {
            self.out.push_str(&paragraph("Caption", "", &run(&table.caption, "")));
        }
        self.frame(&widths, table.head, table.side);
        if table.head {
            self.out.push_str("<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>");
            for (column, width) in table.columns.iter().zip(&widths) {
                let title = paragraph("TableHead", place(column.align), &run(&column.title, ""));
                self.cell(*width, "E6ECF4", &title, Some("center"));
            }
            self.out.push_str("</w:tr>");
        }
        for row in &table.rows {
            self.out.push_str("<w:tr><w:trPr><w:cantSplit/>");
            if let Some(tall) = table.tall {
                let _ = write!(self.out, "<w:trHeight w:val=\"{}\" w:hRule=\"atLeast\"/>", u32::from(tall) * 20);
            }
            self.out.push_str("</w:trPr>");
            for (n, ((cell, column), width)) in row.iter().zip(&table.columns).zip(&widths).enumerate() {
                let (color, ground) = colors(cell.tone);
                let mut properties = String::new();
                if cell.strong {
                    properties.push_str("<w:b/><w:bCs/>");
                }
                let mut fill = "";
                if cell.tone != Tone::Plain {
                    let _ = write!(properties, "<w:color w:val=\"{color}\"/>");
                    fill = ground;
                } else if table.side && n == 0 {
                    fill = "F3F6FA";
                }
                let text = paragraph("TableText", place(column.align), &run(&cell.text, &properties));
                self.cell(*width, fill, &text, table.tall.map(|_| "center"));
            }
            self.out.push_str("</w:tr>");
        }
        self.out.push_str("</w:tbl>");
        self.out.push_str(&paragraph("Normal", "<w:spacing w:after=\"120\"/>", ""));
    }

    fn chart(&mut self, chart: &Chart) {
        self.charts.push(chart.clone());
        let n = self.charts.len();
        self.out.push_str(&paragraph("Caption", "", &run(&chart.title, "")));
        let bars = u64::try_from(chart.bars.len()).unwrap_or(u64::MAX).min(46);
        let (width, height) = (453 * EMU, (bars * 14 + 36) * EMU);
        let drawing = format!(
            "<w:r><w:drawing><wp:inline distT=\"0\" distB=\"0\" distL=\"0\" distR=\"0\"><wp:extent cx=\"{width}\" \
             cy=\"{height}\"/><wp:docPr id=\"{n}\" name=\"Chart {n}\" descr=\"{}\"/><wp:cNvGraphicFramePr/><a:graphic>\
             <a:graphicData uri=\"{DRAWING}/chart\"><c:chart r:id=\"rId{}\"/></a:graphicData></a:graphic></wp:inline>\
             </w:drawing></w:r>",
            xml(&format!("{} {}", chart.title, chart.about)),
            self.fixed + n
        );
        self.out.push_str(&paragraph("Normal", "<w:keepNext/>", &drawing));
        let mut about = chart.about.clone();
        if let Some((_, limit)) = &chart.limit {
            about = format!("{about} {limit}");
        }
        self.out.push_str(&paragraph("Note", "", &run(&about, "")));
    }

    /// The table of contents: a field with its entries, which Word renews with page numbers.
    fn contents(&mut self, title: &str, blocks: &[Block]) {
        self.out.push_str(&paragraph("TOCHeading", "", &run(title, "")));
        let begin = "<w:r><w:fldChar w:fldCharType=\"begin\"/></w:r><w:r><w:instrText xml:space=\"preserve\"> TOC \\o \
                     \"1-2\" \\h \\z \\u </w:instrText></w:r><w:r><w:fldChar w:fldCharType=\"separate\"/></w:r>";
        let mut lead = begin;
        for block in blocks {
            let Block::Heading { level, number, text, id } = block else { continue };
            if *level > 2 {
                continue;
            }
            let entry = run(&format!("{number}  {text}"), "");
            let link =
                format!("{lead}<w:hyperlink w:anchor=\"{}\" w:history=\"1\">{entry}</w:hyperlink>", bookmark(id));
            self.out.push_str(&paragraph(&format!("TOC{level}"), "", &link));
            lead = "";
        }
        let _ = write!(self.out, "<w:p>{lead}<w:r><w:fldChar w:fldCharType=\"end\"/></w:r></w:p>{PAGE_BREAK}");
    }
}

/// A name that Word takes for a bookmark.
fn bookmark(id: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(30).collect();
    format!("_m{id}")
}

fn place(align: Align) -> &'static str {
    match align {
        Align::Left => "",
        Align::Center => "<w:jc w:val=\"center\"/>",
        Align::Right => "<w:jc w:val=\"right\"/>",
    }
}
