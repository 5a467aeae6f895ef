//! The document as a PDF (ISO 32000): its own simple setting, searchable text, outlines, links from the table of
//! contents, and page numbers. Nothing needs to be installed: without a font, the built-in bitmaps are drawn.

mod bitmap;
mod faces;
mod flow;
mod lines;
mod marks;
mod tables;

use pdf_writer::types::{ActionType, AnnotationType, PageMode};
use pdf_writer::{Content, Filter, Finish as _, Name, Pdf, Rect, Ref, TextStr};

use super::Error;
use super::document::Document;
use faces::Faces;
use flow::{Flow, PAGE, Sheet};
use marks::Mark;

/// A compressed stream. The level is fixed, so that the bytes are.
fn packed(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}

/// The PDF of a document.
pub(super) fn write(document: &Document, font: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    let mut flow = Flow::new(Faces::open(font)?);
    let covered = document.cover.is_some();
    if let Some(cover) = &document.cover {
        flow.cover(cover);
    }
    flow.blocks(&document.front);
    if !flow.is_fresh() {
        flow.break_page();
    }
    let contents_at = flow.done.len();
    flow.blocks(&document.blocks);
    flow.end();
    if let Some(title) = &document.contents {
        flow.contents(title, contents_at);
    }
    flow.furniture(document, covered);
    let Flow { done, marks, faces, .. } = flow;
    assemble(document, done, &marks, faces)
}

/// Hands out object numbers.
struct Numbers(i32);

impl Numbers {
    fn next(&mut self) -> Ref {
        self.0 += 1;
        Ref::new(self.0)
    }
}

fn assemble(document: &Document, sheets: Vec<Sheet>, marks: &[Mark], faces: Faces<'_>) -> Result<Vec<u8>, Error> {
    let mut pdf = Pdf::new();
    let mut numbers = Numbers(0);
    let (catalog, tree, info) = (numbers.next(), numbers.next(), numbers.next());
    let fonts = faces.write(&mut pdf, &mut || numbers.next())?;
    let pages: Vec<Ref> = sheets.iter().map(|_| numbers.next()).collect();
    for (sheet, page) in sheets.into_iter().zip(&pages) {
        let body = numbers.next();
        let bytes = packed(&sheet.content.finish());
        pdf.stream(body, &bytes).filter(Filter::FlateDecode);
        let links: Vec<Ref> = sheet.links.iter().map(|_| numbers.next()).collect();
        for ((rect, mark), reference) in sheet.links.iter().zip(&links) {
            let Some(mark) = marks.get(*mark) else { continue };
            let Some(target) = pages.get(mark.page) else { continue };
            let mut link = pdf.annotation(*reference);
            link.subtype(AnnotationType::Link).rect(*rect).border(0.0, 0.0, 0.0, None);
            link.action().action_type(ActionType::GoTo).destination().page(*target).xyz(0.0, mark.y, None);
            link.finish();
        }
        let mut out = pdf.page(*page);
        out.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(body);
        if !links.is_empty() {
            out.annotations(links);
        }
        let mut resources = out.resources();
        let mut dictionary = resources.fonts();
        for (name, reference) in &fonts {
            dictionary.pair(Name(name.as_bytes()), *reference);
        }
        dictionary.finish();
        resources.finish();
        out.finish();
    }
    let outline = marks::outline(&mut pdf, &mut || numbers.next(), marks, &pages);
    let number_of_pages = i32::try_from(pages.len()).map_err(|_| Error::TooLarge("pages of a PDF"))?;
    pdf.pages(tree).count(number_of_pages).kids(pages);
    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr(if document.chinese { "zh-CN" } else { "en" }));
    if let Some(outline) = outline {
        root.outlines(outline).page_mode(PageMode::UseOutlines);
    }
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    let mut properties = pdf.document_info(info);
    properties.title(TextStr(&document.running)).author(TextStr(&document.author)).subject(TextStr(&document.subject));
    properties.creator(TextStr("Menshen")).producer(TextStr("Menshen"));
    if let Some(date) = marks::date(&document.date) {
        properties.creation_date(date);
    }
    properties.finish();
    Ok(pdf.finish())
}

/// Both colors: fake bold strokes what it fills.
fn ink(content: &mut Content, [r, g, b]: [f32; 3]) {
    content.set_fill_rgb(r, g, b);
    content.set_stroke_rgb(r, g, b);
}
