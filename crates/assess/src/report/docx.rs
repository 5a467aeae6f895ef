//! The document as Office Open XML (ECMA-376): heading and table styles, a table of contents, headers and footers with
//! page fields, and charts that Word and LibreOffice draw and that can be edited.

mod body;
mod charts;

use std::io::{Cursor, Write as _};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Error;
use super::document::Document;

const STYLES: &str = include_str!("../../../../packs/assess/report/docx/styles.xml");
const SETTINGS: &str = include_str!("../../../../packs/assess/report/docx/settings.xml");
const NUMBERING: &str = include_str!("../../../../packs/assess/report/docx/numbering.xml");
const HEADER: &str = include_str!("../../../../packs/assess/report/docx/header.xml");
const FOOTER: &str = include_str!("../../../../packs/assess/report/docx/footer.xml");
const CORE: &str = include_str!("../../../../packs/assess/report/docx/core.xml");
const FONTS: &str = include_str!("../../../../packs/assess/report/docx/fonts.xml");
const THEME: &str = include_str!("../../../../packs/assess/report/docx/theme.xml");
const CHART: &str = include_str!("../../../../packs/assess/report/docx/chart.xml");

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const KIND: &str = "application/vnd.openxmlformats-officedocument";

/// Fills the XML templates; values are escaped.
struct Templates(Environment<'static>);

impl Templates {
    fn open() -> Templates {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        Templates(environment)
    }

    fn fill(&self, template: &str, values: Value) -> Result<String, Error> {
        Ok(self.0.render_named_str("part.xml", template, values)?)
    }
}

/// A relationships part: kind and target of each, numbered `rId1`, `rId2` …
fn links(targets: &[(String, String)]) -> String {
    let mut out = format!("{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\">");
    for (n, (kind, target)) in targets.iter().enumerate() {
        let kind = if kind.starts_with("http") { kind.clone() } else { format!("{OFFICE}/{kind}") };
        out.push_str(&format!("<Relationship Id=\"rId{}\" Type=\"{kind}\" Target=\"{target}\"/>", n + 1));
    }
    out + "</Relationships>"
}

fn own(kind: &str, target: &str) -> (String, String) {
    (kind.to_owned(), target.to_owned())
}

/// The document's bytes.
pub(super) fn write(document: &Document) -> Result<Vec<u8>, Error> {
    let templates = Templates::open();
    // These relationships are fixed, header and footer by their numbers; charts follow.
    let mut targets = vec![
        own("styles", "styles.xml"),
        own("settings", "settings.xml"),
        own("numbering", "numbering.xml"),
        own("header", "header1.xml"),
        own("footer", "footer1.xml"),
        own("fontTable", "fontTable.xml"),
        own("theme", "theme/theme1.xml"),
    ];
    let body = body::write(document, targets.len());
    let values = context! {
        chinese => document.chinese,
        contents => document.contents.is_some(),
        lists => body.lists,
        running => document.running,
        page_of => document.page_of,
        title => document.title,
        subject => document.subject,
        author => document.author,
        date => if is_time(&document.date) { document.date.as_str() } else { "" },
    };
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    let mut overrides = vec![
        ("/word/document.xml".to_owned(), format!("{KIND}.wordprocessingml.document.main+xml")),
        ("/docProps/core.xml".to_owned(), "application/vnd.openxmlformats-package.core-properties+xml".to_owned()),
    ];
    for (name, kind) in [
        ("styles", "styles"),
        ("settings", "settings"),
        ("numbering", "numbering"),
        ("header1", "header"),
        ("footer1", "footer"),
    ] {
        overrides.push((format!("/word/{name}.xml"), format!("{KIND}.wordprocessingml.{kind}+xml")));
    }
    overrides.push(("/word/fontTable.xml".to_owned(), format!("{KIND}.wordprocessingml.fontTable+xml")));
    overrides.push(("/word/theme/theme1.xml".to_owned(), format!("{KIND}.theme+xml")));
    let mut charts = Vec::new();
    for (n, chart) in body.charts.iter().enumerate() {
        let n = n + 1;
        targets.push((("chart").to_owned(), format!("charts/chart{n}.xml")));
        overrides.push((format!("/word/charts/chart{n}.xml"), format!("{KIND}.drawingml.chart+xml")));
        let xml = templates.fill(CHART, charts::values(chart))?;
        charts.push((format!("word/charts/chart{n}.xml"), xml.into_bytes()));
        let data = links(&[own("package", &format!("../embeddings/chart{n}.xlsx"))]);
        charts.push((format!("word/charts/_rels/chart{n}.xml.rels"), data.into_bytes()));
        charts.push((format!("word/embeddings/chart{n}.xlsx"), charts::workbook(chart)?));
    }
    let root = [
        own("officeDocument", "word/document.xml"),
        (format!("{PACKAGE}/relationships/metadata/core-properties"), "docProps/core.xml".to_owned()),
    ];
    parts.push(("[Content_Types].xml".to_owned(), types(&overrides).into_bytes()));
    parts.push(("_rels/.rels".to_owned(), links(&root).into_bytes()));
    parts.push(("word/document.xml".to_owned(), body.xml.into_bytes()));
    parts.push(("word/_rels/document.xml.rels".to_owned(), links(&targets).into_bytes()));
    for (name, template) in [
        ("docProps/core.xml", CORE),
        ("word/styles.xml", STYLES),
        ("word/settings.xml", SETTINGS),
        ("word/numbering.xml", NUMBERING),
        ("word/header1.xml", HEADER),
        ("word/footer1.xml", FOOTER),
        ("word/fontTable.xml", FONTS),
        ("word/theme/theme1.xml", THEME),
    ] {
        parts.push((name.to_owned(), templates.fill(template, values.clone())?.into_bytes()));
    }
    parts.append(&mut charts);
    archive(&parts)
}

fn types(overrides: &[(String, String)]) -> String {
    let mut out = format!(
        "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" \
         ContentType=\"application/xml\"/><Default Extension=\"xlsx\" ContentType=\"{KIND}.spreadsheetml.sheet\"/>"
    );
    for (part, kind) in overrides {
        out.push_str(&format!("<Override PartName=\"{part}\" ContentType=\"{kind}\"/>"));
    }
    out + "</Types>"
}

/// Whether the text is a time that the properties of a package may hold.
fn is_time(text: &str) -> bool {
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    let plain: String = text.chars().map(shape).collect();
    plain == "0000-00-00" || plain == "0000-00-00T00:00:00Z"
}

/// A ZIP archive whose entries all have the same time.
fn archive(parts: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (name, bytes) in parts {
        zip.start_file(name.as_str(), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
