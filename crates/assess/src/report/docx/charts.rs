//! Values of a chart's template, and the workbook that Word opens when somebody edits the chart.

use minijinja::{Value, context};
use rust_xlsxwriter::Workbook;

use super::super::Error;
use super::super::attachments::properties;
use super::super::document::Chart;
use super::super::plot;

/// Bars from which on labels would not fit into them.
const SHORT: f64 = 0.3;

pub(super) fn values(chart: &Chart) -> Value {
    let round = |v: f64| (v * 1_000_000.0).round() / 1_000_000.0;
    let side = |part: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
        chart.bars.iter().map(|b| b.value.map_or(0.0, |value| round(part(value, b.low, b.high)))).collect()
    };
    let reach = plot::reach(chart);
    let labels = u8::from(chart.bars.iter().all(|b| b.value.is_none_or(|value| value > SHORT * reach)));
    let mut chart = chart.clone();
    for bar in &mut chart.bars {
        bar.value = bar.value.map(round);
        bar.label = plot::short(&bar.label);
    }
    context! {
        count => chart.bars.len(),
        plus => side(&|value, _, high| high - value),
        minus => side(&|value, low, _| value - low),
        labels,
        reach,
        chart,
    }
}

pub(super) fn workbook(chart: &Chart) -> Result<Vec<u8>, Error> {
    let mut workbook = Workbook::new();
    workbook.set_properties(&properties("", ""));
    let sheet = workbook.add_worksheet();
    sheet.set_name("Sheet1")?;
    for (column, title) in (0_u16..).zip([chart.series.as_str(), "-", "+"]) {
        sheet.write_string(0, column + 1, title)?;
    }
    for (row, bar) in (1_u32..).zip(&chart.bars) {
        sheet.write_string(row, 0, &bar.label)?;
        if let Some(value) = bar.value {
            sheet.write_number(row, 1, value)?;
            sheet.write_number(row, 2, value - bar.low)?;
            sheet.write_number(row, 3, bar.high - value)?;
        }
    }
    Ok(workbook.save_to_buffer()?)
}
