//! The assessment report as DOCX, PDF and HTML, and the attachments of a filing.
//!
//! A report is first built as a plain document (headings, tables, charts), then set in the form asked for, so that
//! all forms say the same. Words are data: `packs/assess/report`. The same assessment always gives the same bytes: no
//! clock is read and nothing is drawn at random. Text that a target wrote is shown and never interpreted.

mod attachments;
mod build;
mod clean;
mod document;
mod docx;
mod font;
mod html;
mod markup;
mod monthly;
mod pdf;
mod plot;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod words;

pub use attachments::{AnnotationNote, Attachment, AttachmentInputs, QuestionRow, attachments};
pub use font::find_font;
pub use monthly::{ChainMonth, Monthly, OtherCount, RedTeamMonth, monthly};

use crate::result::Assessment;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Office Open XML, to be edited and signed.
    Docx,
    /// PDF with outlines, searchable text and page numbers.
    Pdf,
    /// One page of HTML that needs nothing beside it.
    Html,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look<'a> {
    /// Chinese; otherwise English.
    pub chinese: bool,
    /// The bytes of a TTF, OTF or TTC font for the PDF. Without one, and for characters that it lacks, the built-in
    /// bitmap font is drawn.
    pub font: Option<&'a [u8]>,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The font is broken or of a kind that cannot be embedded: leave it out or name another.
    #[error("the font cannot be used: {0}")]
    Font(String),
    /// A wording is missing in `packs/assess/report`.
    #[error("packs/assess/report has no wording {0}")]
    Wording(String),
    /// A file of wordings cannot be read.
    #[error("packs/assess/report cannot be read: {0}")]
    Pack(#[from] toml::de::Error),
    /// A template is wrong.
    #[error("a template of packs/assess/report is wrong: {0}")]
    Template(#[from] minijinja::Error),
    /// The archive of a DOCX could not be written.
    #[error("the document's archive could not be written: {0}")]
    Archive(#[from] zip::result::ZipError),
    /// Bytes could not be written into the archive.
    #[error("the document's archive could not be written: {0}")]
    Write(#[from] std::io::Error),
    /// A workbook could not be written.
    #[error("the workbook could not be written: {0}")]
    Sheet(#[from] rust_xlsxwriter::XlsxError),
    /// More than the format can hold.
    #[error("the report is too large for its format: {0}")]
    TooLarge(&'static str),
}

/// The report of an assessment.
///
/// # Errors
/// When the font cannot be used, or a wording or template of the pack is wrong.
pub fn write(assessment: &Assessment, format: Format, look: &Look<'_>) -> Result<Vec<u8>, Error> {
    let document = build::report(assessment, look.chinese)?;
    match format {
        Format::Docx => docx::write(&document),
        Format::Pdf => pdf::write(&document, look.font),
        Format::Html => html::write(&document).map(String::into_bytes),
    }
}
