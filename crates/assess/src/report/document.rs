//! What stands in a document, whatever it will be written as. Every text in it is already clean ([`super::clean`]) and
//! not yet escaped.

use serde::Serialize;

/// A document.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Document {
    pub chinese: bool,
    pub title: String,
    /// For the properties of the file.
    pub author: String,
    pub subject: String,
    /// RFC 3339, for the properties of the file; may be empty.
    pub date: String,
    /// Stands at the head of every page.
    pub running: String,
    /// `Page {n} of {of}`, for the foot of every page.
    pub page_of: [String; 3],
    pub cover: Option<Cover>,
    /// The title of the table of contents; none without one.
    pub contents: Option<String>,
    /// Blocks between the cover and the table of contents: the signatures.
    pub front: Vec<Block>,
    pub blocks: Vec<Block>,
}

/// The first page.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cover {
    pub kicker: String,
    pub title: String,
    pub subtitle: String,
    pub facts: Vec<(String, String)>,
    pub verdict: Callout,
    pub foot: String,
}

/// A box that is hard to miss.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Callout {
    pub tone: Tone,
    pub label: String,
    pub title: String,
    pub text: String,
}

/// What a color says beside the word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Open,
}

/// A part of a document.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Block {
    /// Level 1 to 3; the number may be empty.
    Heading {
        level: u8,
        number: String,
        text: String,
        id: String,
    },
    Paragraph {
        text: String,
        style: Style,
    },
    List {
        ordered: bool,
        items: Vec<String>,
    },
    Callout(Callout),
    Table(Table),
    Chart(Chart),
}

/// How a paragraph is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Style {
    Body,
    /// Without an indent and bold.
    Strong,
    /// Smaller and grey.
    Note,
    /// Set in the middle, large: the title of a document without a cover.
    Title,
}

/// A table. It goes over as many pages as it needs and repeats its head.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Whether the columns' titles are shown.
    pub head: bool,
    /// Whether the first cell of a row is its title.
    pub side: bool,
    /// The least height of a row in points: room for a signature.
    pub tall: Option<u16>,
}

/// A column.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Column {
    pub title: String,
    /// Its share of the width.
    pub weight: u16,
    pub align: Align,
}

/// Where text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Align {
    Left,
    Center,
    Right,
}

/// A cell. Line feeds in its text begin new lines.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Cell {
    pub text: String,
    pub tone: Tone,
    pub strong: bool,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), ..Cell::default() }
    }

    pub(super) fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell { text: text.into(), tone, strong: tone != Tone::Plain }
    }

    pub(super) fn strong(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain, strong: true }
    }
}

/// Horizontal bars with intervals.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Chart {
    pub title: String,
    /// What the bars and whiskers are, for people who cannot see them, and for the legend.
    pub about: String,
    pub bars: Vec<Bar>,
    /// The threshold and its name.
    pub limit: Option<(f64, String)>,
    /// The name of the bars and of the whiskers in a DOCX's data.
    pub series: String,
}

/// A bar. Without a value: nothing was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Bar {
    pub label: String,
    pub text: String,
    pub value: Option<f64>,
    pub low: f64,
    pub high: f64,
    pub tone: Tone,
}
