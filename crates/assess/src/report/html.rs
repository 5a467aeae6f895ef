//! One page of HTML: nothing is fetched and nothing runs.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

use super::Error;
use super::document::{Block, Document};
use super::plot::{self, Plot};

const PAGE: &str = include_str!("../../../../packs/assess/report/page.html");
const STYLE: &str = include_str!("../../../../packs/assess/report/page.css");

/// A block with the places of its chart, when it is one.
#[derive(Serialize)]
struct Placed<'a> {
    block: &'a Block,
    plot: Option<Plot>,
}

fn placed(blocks: &[Block]) -> Vec<Placed<'_>> {
    let plot = |block: &Block| match block {
        Block::Chart(chart) => Some(plot::plot(chart)),
        _ => None,
    };
    blocks.iter().map(|block| Placed { block, plot: plot(block) }).collect()
}

/// The page.
pub(super) fn write(document: &Document) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template("page.html", PAGE)?;
    let values = context! {
        document,
        front => placed(&document.front),
        blocks => placed(&document.blocks),
        style => minijinja::Value::from_safe_string(STYLE.to_owned()),
    };
    Ok(environment.get_template("page.html")?.render(values)?)
}
